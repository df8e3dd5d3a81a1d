package processes

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// A Reconciler brings accounts to how they are wanted. Events say that an account may
// not be so; what is to be done is seen when it is done: it is looked at, changed, and
// looked at again, since servers answer "error" after the effect and "ok" without it.
// Nothing else calls a target: to replay the log does not.
//
// All nodes work at once. The work for one account on a target is done by one at a
// time; for as much as a target takes, that of several is. Work that meets trouble is
// tried again for ever, in growing distances; work that no second attempt will mend
// is given up until the wish changes or a person steps in. A target that is away, or
// asks to be left alone, is left alone, and that is no attempt; one that denies us is
// not asked again until a person says so.
type Reconciler struct {
	Store   *eventstore.Store
	Log     *slog.Logger
	Targets []Target
	Book    AccountBook
	Nodes   NodeBook // where a target is a node
	Terms   Terms
	// Share is the part of all accounts, in percent, of which so many may be suspended
	// or deleted within an hour, and Least how many in any case: for more, a person is
	// asked. 0: 5 percent, and 5.
	Share, Least int
	// Backoff is how long work waits after so many failed attempts, and Trip how long a
	// target is left alone that was found away so many times in a row; nil: see [backoff] and [tripped].
	Backoff, Trip func(n int) time.Duration

	shift   shift
	once    sync.Once
	lanes   map[string]*lane
	tallies map[domain.Service]*tally
}

// Terms are for how long what has ended is kept, in days. Each is counted from the
// first day without the service.
type Terms struct {
	Today func() calendar.Date
	Zone  *time.Location // of the co-op; nil: UTC
	// Stay is for how long an account stays that nobody is entitled to any more, with
	// its data, so that its holder takes them along or comes back. Nobody logs in.
	Stay int
	// Mail is for how long mail goes on arriving in an account that is withheld; after
	// that it is refused, and its senders know. 0: as long as the account is there.
	Mail int
	// Backups is for how long backups are kept of what is deleted.
	Backups int
}

// A Target is where accounts of a service are.
type Target struct {
	Name    string // lower-case letters, digits and hyphens; one is named after the service
	Service domain.Service
	At      Provisioner
	// Parallel is how much it is asked at once by all nodes, and WritesPerMinute how
	// many accounts are changed in a minute; 0: as its capabilities say, or 8 and no limit.
	Parallel, WritesPerMinute int
	Timeout                   time.Duration // of a call; 0: as its capabilities say, or 30 s
	Carrying                  time.Duration // of a call that copies what is in an account; 0: 12 h
	// Node is its room, where it is one of several nodes of the service, of which an
	// account is on one; nil: each account of the service is on it.
	Node *Node
}

func (t Target) timeout() time.Duration {
	return cmp.Or(t.Timeout, t.At.Capabilities().Patience, 30*time.Second)
}

func (t Target) parallel() int { return cmp.Or(t.Parallel, t.At.Capabilities().Parallel, 8) }

func (t Target) perMinute() int {
	return cmp.Or(t.WritesPerMinute, t.At.Capabilities().WritesPerMinute)
}

// AccountBook is what reconciling asks the read models.
type AccountBook interface {
	// AccountsCounted returns how many accounts of a service are not deleted.
	AccountsCounted(ctx context.Context, service domain.Service) (int, error)
	// AccountsAfter returns accounts of a service, in the order of their ids.
	AccountsAfter(ctx context.Context, service domain.Service, after domain.AccountID, limit int) ([]BookedAccount, error)
	// AccountsUnder returns those under some logins.
	AccountsUnder(ctx context.Context, service domain.Service, logins []provisioning.Login) ([]BookedAccount, error)
	// AccountsOfParty returns those of a party.
	AccountsOfParty(ctx context.Context, party domain.PartyID) ([]BookedAccount, error)
}

// BookedAccount is an account as the read models have it.
type BookedAccount struct {
	Account domain.AccountID
	Service domain.Service
	Login   provisioning.Login // empty once it is erased
	Deleted bool
	Held    bool // nobody logs in: it is suspended
	Quota   domain.Bytes
	Node    string // that it is on, if that was chosen
	To      string // that it is being moved to
}

func (r *Reconciler) lane(name string) *lane {
	r.once.Do(func() {
		r.shift.kv = r.kv()
		r.lanes, r.tallies = map[string]*lane{}, map[domain.Service]*tally{}
		for _, t := range r.Targets {
			r.tallies[t.Service] = new(tally)
			r.lanes[t.Name] = &lane{Reconciler: r, t: t, woken: make(chan struct{}, 1), landed: make(chan struct{}, 1), watch: watch{}}
		}
	})
	return r.lanes[name]
}

func (r *Reconciler) target(name string) (Target, error) {
	var names []string
	for _, t := range r.Targets {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Target{}, ErrNoSuchTarget.With("target", name).With("targets", strings.Join(names, ", "))
}

// chosen returns the target of a name, or all where it is "".
func (r *Reconciler) chosen(name string) ([]Target, error) {
	if name == "" {
		return r.Targets, nil
	}
	t, err := r.target(name)
	return []Target{t}, err
}

// wake has this node look for work of a target at once.
func (r *Reconciler) wake(target string) {
	if l := r.lane(target); l != nil {
		select {
		case l.woken <- struct{}{}:
		default:
		}
	}
}

func (r *Reconciler) kv() eventstore.KV { return r.Store.Log.KV() }
func (r *Reconciler) now() time.Time    { return r.Store.Now().UTC() }

func randN(d time.Duration) time.Duration { return rand.N(d + 1) } //nolint:gosec // G404: it spreads work, and keeps no secret
