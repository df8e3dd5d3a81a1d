// Package provisioning is the accounts on the services: which are wanted, under
// which logins, and what became of them.
//
//	RequestAccount      → AccountRequested     account/<account>           once
//	                      LoginBound           login/<service>/<digest>    once per service and login, until it is freed
//	RecordProvisioned   → AccountProvisioned   account/<account>           it is there
//	RecordQuota         → QuotaSet             account/<account>
//	RecordAliases       → AliasesSet           account/<account>           its further addresses lead to it
//	RecordApps          → AppsSwitched         account/<account>           which apps are used with it
//	RecordSuspended     → AccountSuspended     account/<account>
//	RecordResumed       → AccountResumed       account/<account>
//	RecordDeleted       → AccountDeleted       account/<account>           it is gone, for good
//	RecordRepaired      → AccountRepaired      account/<account>           it had been changed past us
//	RecordFailure       → Failed               account/<account>           when what goes wrong changes
//	SkipWork            → WorkSkipped          account/<account>           somebody gives up on a wish, while it is in trouble
//	PlaceAccount        → AccountPlaced        account/<account>           once: on which of several nodes it is
//	BeginMove           → MoveBegun            account/<account>           one at a time
//	HoldMove            → MoveHeld             account/<account>           most was copied
//	FinishMove          → AccountMoved         account/<account>           it was seen to be whole on its new node
//	CancelMove          → MoveCancelled        account/<account>           before that
//	NoteUsage           → UsagePassed          account/<account>           it holds 80, 90 or 100 percent of what it may
//	                      UsageFell            account/<account>           and not any more
//	PostponeSize        → SizePostponed        account/<account>           it holds more than the size that was planned
//	AddAlias            → AliasAdded           account/<account>           a mailbox, so many times
//	                      LoginBound           login/<service>/<digest>
//	RemoveAlias         → AliasRemoved         account/<account>
//	                      LoginFreed           login/<service>/<digest>
//	ChooseAddress       → AddressChosen        account/<account>           one of its addresses
//	HoldAccount         → AccountHeld          account/<account>           whose holder has died
//	ReleaseAccount      → AccountReleased      account/<account>           and has not, after all
//	AllowExport         → ExportAllowed        account/<account>           for heirs, while it is held
//	FreeLogin           → LoginFreed           login/<service>/<digest>    when its account is gone
//	HoldName            → NameHeld             name/<digest>               by one party, for each use
//	FreeName            → NameFreed            name/<digest>               and it rests after the last
//	WishLogin           → LoginWished          login-wish/<party>          before there is an account
//	LeaveForeign        → ForeignLeft          login/<service>/<digest>    an account that is none of ours is let be
//
// How much an account may hold and whether it may be used is not decided here:
// entitlements say so. Of them and of the request a process makes the state that
// is wanted ([Desired]), sees how things are ([Observed]), takes the steps between
// the two ([Plan]) and records what came of it. What it records bears the revision
// that it carried out; what comes late is no news. An account may be wanted on more
// than one target, as where several servers know of it: each has an outcome of its
// own. Where a service has several nodes, an account is wanted on one of them (placement.go).
//
// The types in port.go are the words in which processes and adapters speak of
// accounts. They are here so that adapters, which know no module, have them as
// they have other words of the domain.
package provisioning

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// StreamOf returns the stream of one account.
func StreamOf(id domain.AccountID) domain.Stream { return domain.StreamOf("account", string(id)) }

// Account is what must be known of an account in order to decide.
type Account struct {
	requested AccountRequested
	outcomes  map[string]Outcome // by target
	node      string             // of several, that it is on; empty while none was chosen
	move      Move               // to another, under way
	moved     bool               // it ever was
	from      string             // see [Account.MovedFrom]
	left      map[string]bool    // nodes on which something of it is left
	level     int                // the threshold that what it holds has passed, in percent
	postponed calendar.Date      // from which it was to become smaller, and held too much
	aliases   []alias
	held      AccountHeld
	export    ExportAllowed
	aliased   bool   // there was one at some time
	amended   bool   // see [Account.Amended]
	address   string // that it goes by, as a digest; none: its login
}

// Outcome is what came of an account on a target.
type Outcome struct {
	Status   Status
	Quota    domain.Bytes     // as last set
	Aliases  int              // how many it was last known to have
	Apps     []domain.Service // that were last known to be used with it, by name
	Revision int64            // the latest of which an outcome is known
	Failed   Failed           // the trouble there is now; zero if there is none
	Skipped  int64            // the revision that somebody has given up on, or 0
	repair   string           // the last
}

// Trouble reports whether something keeps the account from being as it is wanted.
func (o Outcome) Trouble() bool { return o.Failed.Account != "" }

func (a Account) exists() bool { return a.requested.Account != "" }

// named returns the name by which events know a target: none for the one that is
// named after the service.
func (a Account) named(target string) string {
	if target == string(a.requested.Service) {
		return ""
	}
	return target
}

// On returns what came of the account on a target.
func (a Account) On(target string) Outcome {
	outcome, known := a.outcomes[a.named(target)]
	if !known && a.exists() {
		outcome.Status = StatusRequested
	}
	return outcome
}

// Requested returns what was requested, and whether anything was.
func (a Account) Requested() (AccountRequested, bool) { return a.requested, a.exists() }

// Amended reports whether the account was ever wished otherwise than it was requested: by
// an alias, by a move, or since its holder has died. What entitlements say of it does not count.
func (a Account) Amended() bool { return a.amended }

// Status returns how the account was last known to be on its service.
func (a Account) Status() Status { return a.On(a.node).Status }

// Quota returns how much it was last known to hold.
func (a Account) Quota() domain.Bytes { return a.On(a.node).Quota }

// Revision returns the latest revision of which an outcome is known.
func (a Account) Revision() int64 { return a.On(a.node).Revision }

// Trouble returns what keeps the account from being as it is wanted, and whether
// anything does.
func (a Account) Trouble() (Failed, bool) { return a.On(a.node).Failed, a.On(a.node).Trouble() }

// Status is how an account is on its service. It is empty for one that nobody
// asked for.
type Status string

const (
	StatusRequested Status = "requested" // not there yet
	StatusActive    Status = "active"
	StatusSuspended Status = "suspended"
	StatusDeleted   Status = "deleted"
)

// Binding is who has a login.
type Binding struct {
	account     domain.AccountID
	entitlement domain.EntitlementID
	party       domain.PartyID
	freed       bool          // they have it no more
	rests       calendar.Date // and nobody else has it before that day
	foreign     bool          // it is that of an account that is none of ours, and shall be let be
}

// Account returns the account that has the login, and whether there is one.
func (b Binding) Account() (domain.AccountID, bool) {
	if b.freed {
		return "", false
	}
	return b.account, b.account != ""
}

// Foreign reports whether it is that of an account that is none of ours, and is let be.
func (b Binding) Foreign() bool { return b.foreign }
