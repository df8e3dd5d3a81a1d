package provisioning

import (
	"errors"
	"time"

	"rochdale/domain"
)

// Ref names one account on one service.
type Ref struct {
	Service domain.Service
	Login   Login
}

// Access is what may be done with an account.
type Access string

const (
	Active    Access = "active"
	Suspended Access = "suspended" // nobody logs in, nothing is lost: mail goes on arriving
	Absent    Access = "absent"    // there is no account, and no data of it
)

// Inbound is what becomes of mail that comes for an account.
type Inbound string

const (
	Accept Inbound = "accept" // it arrives
	Defer  Inbound = "defer"  // it is refused for now: its sender tries again, for days
	Reject Inbound = "reject" // it is refused, and its sender told so
)

// Valid reports whether it is one of these, or empty.
func (i Inbound) Valid() bool { return i == "" || i == Accept || i == Defer || i == Reject }

// Unlimited is the quota of an account that may hold as much as there is room
// for. It is the one spelling of it: every adapter translates it.
const Unlimited domain.Bytes = -1

// Desired is how an account shall be.
type Desired struct {
	Ref
	Account domain.AccountID // our mark, by which an account on the service is known as ours
	// Revision rises with every change of the wish: the position in the log of the
	// event that made it. An adapter that can, refuses to carry out an earlier one
	// after a later one.
	Revision int64
	Access   Access
	Quota    domain.Bytes // or [Unlimited]
	Inbound  Inbound      // empty: [Accept]
	// Aliases are further addresses under which mail comes to the account, and Apps
	// what may be used beside the service itself, like a calendar; each in any order.
	// Nil leaves them as they are, and empty is none.
	Aliases []Login
	Apps    []domain.Service
	// Node is on which of several nodes the account is, for a service that tells others
	// where they find it; empty: there are none, or none was chosen yet.
	Node string
}

// Observed is how an account is on its service. What the service cannot say is
// nil: it is not guessed at.
type Observed struct {
	Ref
	Account domain.AccountID // the mark it bears; empty if none, and then it is not ours
	Exists  bool
	Access  *Access
	Quota   *domain.Bytes // or [Unlimited]
	Used    *domain.Bytes
	Inbound *Inbound
	Aliases []Login          // nil: it cannot say; empty: none
	Apps    []domain.Service // the same
	Node    *string          // on which of several nodes others find the account
	At      time.Time        // the instant it was looked at
}

// Source is another node, from which an account is taken over.
type Source struct {
	Node string // its name
	At   any    // its adapter
}

// Page is part of a list of accounts.
type Page struct {
	Accounts []Observed
	Next     string // where the next page begins, opaque; empty after the last
}

// Capabilities are what a service can do.
type Capabilities struct {
	Service domain.Service
	// QuotaStep is what the service rounds a quota to when it reads it back, to the
	// nearest. 0 or 1: it keeps every byte.
	QuotaStep domain.Bytes
	// Reads returns what the service reads back for a quota, where that follows
	// another rule; nil where it does not.
	Reads func(domain.Bytes) domain.Bytes
	// Suspends is false for a service that cannot withhold an account and keep it.
	Suspends bool
	// Lists is false for a service that cannot list accounts it was not asked about.
	Lists bool
	// Usage is false for a service that cannot say how much an account holds.
	Usage bool
	// Schemes are those in which it takes hashed passwords, the best first, like
	// "ARGON2ID"; [Plain] alone if it takes the password itself and hashes it; empty
	// if it takes none.
	Schemes []string
	// Inbound, Aliases, Sessions and Purges say which of the further ports it has:
	// those of which mail is deferred or rejected, of aliases, by which open sessions
	// are ended, and by which is seen that no data of a deleted account is left.
	Inbound, Aliases, Sessions, Purges bool
	// Moves says that it can take over what is in an account on another node.
	Moves bool
	// Apps are those that it can switch on and off for an account.
	Apps []domain.Service
	// Parallel is how much work it takes at once; 0: as much as there is.
	Parallel int
	// WritesPerMinute is how often it lets itself be changed; 0: as often as one likes.
	WritesPerMinute int
	// Patience is how long a change may take, with the looks before and after it; 0: as
	// short as that of most.
	Patience time.Duration
}

// Plain is the scheme of a password that is not hashed.
const Plain = "PLAIN"

// Credential is a password, hashed unless its scheme is [Plain]. It never enters the log, and neither prints
// nor encodes: an adapter takes it out where it stores it.
type Credential struct {
	Scheme string // like "ARGON2ID" or "BLF-CRYPT"
	Hash   string // with no scheme before it; of [Plain], the password
}

// String keeps the hash out of messages.
func (Credential) String() string { return "[credential]" }

// GoString does the same for %#v.
func (Credential) GoString() string { return "[credential]" }

// MarshalJSON fails: a credential is not written anywhere by accident.
func (Credential) MarshalJSON() ([]byte, error) {
	return nil, errors.New("provisioning: a credential is not to be written")
}

// The port itself is declared by the process that drives it, since the domain
// knows no context. An adapter of a service implements, with the types above:
//
//	Capabilities() Capabilities
//	Check(ctx) error                                    whether the service can be worked with, without a change
//	Observe(ctx, Ref) (Observed, error)                 Exists is false, and no error, for what is not there
//	Ensure(ctx, Desired) (Observed, error)              there is such an account, with the quota wanted
//	SetQuota(ctx, Desired) (Observed, error)            also below what it holds: nothing is thrown away for it
//	Suspend(ctx, Desired) (Observed, error)
//	Resume(ctx, Desired) (Observed, error)
//	Delete(ctx, Desired) (Observed, error)              with its data; the data first, so that it can be done again
//	SetCredential(ctx, Ref, Credential) error
//	List(ctx, cursor string, limit int) (Page, error)   all accounts, ours or not; "" is where it begins
//	Usage(ctx, []Ref) ([]Observed, error)               those it knows, in any order
//
// and, as far as its capabilities say so, the further ports:
//
//	SetInbound(ctx, Desired) (Observed, error)          what becomes of mail that comes
//	SetAliases(ctx, Desired) (Observed, error)          these and no others
//	SetApps(ctx, Desired) (Observed, error)             of those it can switch: these and no others
//	CloseSessions(ctx, Ref) error                       whoever is in is out, and comes in again if they may
//	Purge(ctx, Desired) error                           after Delete: nothing of the account's data is left
//
// Purge fails with class transient and code "purging" while somebody else is still
// to remove data; it succeeds once there is none, and again whenever it is asked.
//
// All of them can be repeated. Those that change an account return what they read
// back after it: done means seen. They fail with the classes of package
// adapters/fault: conflict for an account that does not bear our mark, which they
// leave alone.
