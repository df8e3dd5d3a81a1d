package processes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

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

func randN(d time.Duration) time.Duration { return rand.N(d + 1) } //nolint:gosec // G404: it spreads work, and keeps no secret

func (r *Reconciler) kv() eventstore.KV { return r.Store.Log.KV() }
func (r *Reconciler) now() time.Time    { return r.Store.Now().UTC() }

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

func (r *Reconciler) works(ctx context.Context, target string, some func(Work) bool) ([]Work, error) {
	targets, err := r.chosen(target)
	if err != nil {
		return nil, err
	}
	all := []Work{}
	for _, t := range targets {
		pieces, err := worksOf(ctx, r.kv(), t.Name)
		if err != nil {
			return nil, err
		}
		for _, p := range pieces {
			if some(p.Work) {
				all = append(all, p.Work)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Work) int { return a.Since.Compare(b.Since) })
	return all, nil
}

// States returns that of each target.
func (r *Reconciler) States(ctx context.Context) ([]TargetState, error) {
	all := make([]TargetState, len(r.Targets))
	for i, t := range r.Targets {
		var err error
		if all[i], err = targetState(ctx, r.kv(), t.Name); err != nil {
			return nil, err
		}
	}
	return all, nil
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

// old is how long ago an event was recorded that is answered at leisure: after a log
// was restored, or a node was long away, targets are not flooded.
const old = 15 * time.Minute

// Processes returns a process for each target, and for each service that has nodes.
func (r *Reconciler) Processes() (all []Process) {
	for _, t := range r.Targets {
		if t.Node != nil && r.nodes(t.Service)[0].Name == t.Name {
			all = append(all, r.placements(t.Service))
		}
		all = append(all, r.process(t))
	}
	return all
}

func (r *Reconciler) process(t Target) Process {
	asked := new(noted)
	return Process{
		Name:   "provisioning-" + t.Name,
		Sealed: true, // who has the account is asked of the log when it is its turn
		Wants: []any{
			provisioning.AccountRequested{},
			provisioning.AliasAdded{},
			provisioning.AliasRemoved{},
			provisioning.AccountHeld{},
			provisioning.AccountReleased{},
			entitlement.Granted{},
			entitlement.QuotaChanged{},
			entitlement.Suspended{},
			entitlement.Resumed{},
			entitlement.Revoked{},
			membership.PersonalDataErased{},
			provisioning.AccountPlaced{},
			provisioning.MoveBegun{},
			provisioning.MoveHeld{},
			provisioning.AccountMoved{},
			provisioning.MoveCancelled{},
		},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			if e, erased := event.(membership.PersonalDataErased); erased {
				return r.erase(ctx, t, rec, e, asked)
			}
			account, service, ends := concerned(event)
			if app, of := switched(event); app.App() && t.Service == domain.Storage && len(t.At.Capabilities().Apps) > 0 {
				account, service, ends = of, domain.Storage, false
			}
			if service != t.Service {
				return nil
			}
			if t.Node != nil {
				known, _, err := read[provisioning.Account](ctx, r.Store, provisioning.StreamOf(account))
				if err != nil || !t.concerns(known) {
					return err
				}
			}
			w := Work{
				Account: account, Target: t.Name, ID: rec.ID.String(), Wish: rec.Position, Cause: rec.ID, Correlation: rec.Correlation,
				Why: rec.Type, By: rec.Actor, Since: rec.RecordedAt, Next: r.now(), Ends: ends, Sure: ends && moved(event),
			}
			if w.Next.Sub(rec.RecordedAt) > old {
				w.Next = w.Next.Add(randN(5 * time.Minute))
			}
			asked.note(w)
			return nil
		},
		Keep: func(ctx context.Context, also ...eventstore.Change) error {
			pieces, err := askAnd(ctx, r.kv(), also, asked.take()...)
			if err == nil && len(pieces) > 0 {
				r.lane(t.Name).offer(pieces)
			}
			return err
		},
		Work: func(ctx context.Context) {
			var wg sync.WaitGroup
			defer wg.Wait()
			if r.Book != nil && t.At.Capabilities().Lists {
				wg.Go(func() { r.lane(t.Name).watchDrift(ctx) })
			}
			r.lane(t.Name).work(ctx)
		},
		Settle: func(ctx context.Context) error { return r.lane(t.Name).settle(ctx, nil) },
		Pending: func(ctx context.Context) (waiting, given int, err error) {
			all, err := worksOf(ctx, r.kv(), t.Name)
			for _, p := range all {
				if p.Parked {
					given++
				} else {
					waiting++
				}
			}
			return waiting, given, err
		},
	}
}

// erase has what nobody has a login for any more deleted: erasure reaches every target.
// A person has decided it, so nobody is asked again; and it is done as well where deletion was given up.
func (r *Reconciler) erase(ctx context.Context, t Target, rec eventstore.Record, e membership.PersonalDataErased, asked *noted) error {
	if e.Class != sealed.Service || r.Book == nil {
		return nil
	}
	accounts, err := r.Book.AccountsOfParty(ctx, e.Party)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.Service != t.Service {
			continue
		}
		known, _, err := read[provisioning.Account](ctx, r.Store, provisioning.StreamOf(a.Account))
		if err != nil {
			return err
		}
		if known.On(t.Name).Status == provisioning.StatusDeleted || t.Node != nil && !t.concerns(known) {
			continue
		}
		asked.note(Work{
			Account: a.Account, Target: t.Name, ID: rec.ID.String(), Wish: rec.Position, Cause: rec.ID, Correlation: rec.Correlation,
			Why: rec.Type, By: rec.Actor, Since: rec.RecordedAt, Next: r.now(), Ends: true, Sure: true,
			Party: e.Party, Erased: e.Through,
		})
	}
	return nil
}

// concerned returns which account an event concerns, and whether by it somebody may
// be kept out.
func concerned(event any) (account domain.AccountID, service domain.Service, ends bool) {
	switch e := event.(type) {
	case provisioning.AccountRequested:
		return e.Account, e.Service, false
	case provisioning.AliasAdded:
		return e.Account, e.Service, false
	case provisioning.AliasRemoved:
		return e.Account, e.Service, false
	case provisioning.AccountHeld:
		return e.Account, e.Service, true
	case provisioning.AccountReleased:
		return e.Account, e.Service, false
	case entitlement.QuotaChanged:
		return accountOf(e.Subject), e.Service, false
	case entitlement.Suspended:
		return accountOf(e.Subject), e.Service, true
	case entitlement.Resumed:
		return accountOf(e.Subject), e.Service, false
	case entitlement.Revoked:
		return accountOf(e.Subject), e.Service, true
	case provisioning.AccountPlaced:
		return e.Account, e.Service, false
	case provisioning.MoveBegun:
		return e.Account, e.Service, false
	case provisioning.MoveHeld:
		return e.Account, e.Service, false
	case provisioning.AccountMoved:
		return e.Account, e.Service, true
	case provisioning.MoveCancelled:
		return e.Account, e.Service, true
	}
	return "", "", false
}

// moved reports whether by an event something is left on a node that a person has had
// an account moved from, or to.
func moved(event any) bool {
	switch event.(type) {
	case provisioning.AccountMoved, provisioning.MoveCancelled:
		return true
	}
	return false
}

// switched returns the service whose entitlement an event is about, and the account of
// storage with which it is used if it is an app.
func switched(event any) (domain.Service, domain.AccountID) {
	var of entitlement.Subject
	switch e := event.(type) {
	case entitlement.Granted:
		of = e.Subject
	case entitlement.Suspended:
		of = e.Subject
	case entitlement.Resumed:
		of = e.Subject
	case entitlement.Revoked:
		of = e.Subject
	}
	return of.Service, domain.AccountID(entitlement.IDOf(of.Subscription, domain.Storage))
}

// A lane is the work of this node with one target.
type lane struct {
	*Reconciler
	t     Target
	woken chan struct{}
	watch watch

	alone sync.Mutex // held by who runs the lane

	pending []piece // as they were found when looked for last; not being done here
	looked  time.Time
	looking time.Duration   // took so long
	fresh   bool            // there may be more
	most    int             // how much may be asked at once, beside other nodes
	row     int             // how many have met trouble one after the other
	failed  error           // the first trouble met, for who settles
	held    map[string]bool // what this node is at: in the queue, being tried, or down

	mu      sync.Mutex // of what follows: who has tried a piece goes on with the next by himself
	width   int        // how much is asked at once, growing after the target was away
	working bool       // it does all that is due
	offered []piece    // put down by this node a moment ago
	coming  int        // taken, and not in the queue yet
	queue   []queued   // taken, and not begun: so that whoever is done need not wait for the database
	trying  int
	down    []landing     // tried, and not written yet
	since   time.Time     // when the first of these came down
	stalled bool          // there was trouble: nothing is begun before it is looked at
	landed  chan struct{} // told when there may be something to write, or to take
}

// A queued is a piece of work that is this node's for as long as a context goes on.
type queued struct {
	piece
	ctx   context.Context
	basis *basis    // by what the account is wanted as it is, read with those of others
	read  time.Time // when it was
}

const (
	// glance is how often a node looks for work that others have put down.
	glance = time.Second
	// longestGlance is how often at the least, however much there is.
	longestGlance = 10 * time.Second
	// gathering is for how long what came of work waits for more, to be written with it.
	gathering = 50 * time.Millisecond
	// rounds is how much a node takes at once: so many times as much as it tries at once.
	rounds = 4
	// recent is for how long it is gone by what was read when a piece was taken. Where one
	// waits longer for its turn, that is read again.
	recent = 100 * time.Millisecond
)

// work does the work of the target until ctx ends.
func (l *lane) work(ctx context.Context) {
	l.alone.Lock()
	defer l.alone.Unlock()
	l.start()
	l.mu.Lock()
	l.working = true
	l.mu.Unlock()
	for ctx.Err() == nil {
		if _, err := l.turn(ctx, nil, false); err != nil && ctx.Err() == nil {
			l.Log.WarnContext(ctx, "reconciling interrupted", "target", l.t.Name, "err", err)
			_ = sleep(ctx, time.Second)
		}
		l.rest(ctx)
	}
	l.finish(ctx)
}

// settle does what is waiting, once each, and what fails is left for later. Only is
// which; nil is all. It returns the first trouble.
func (l *lane) settle(ctx context.Context, only func(Work) bool) error {
	l.alone.Lock()
	defer l.alone.Unlock()
	l.start()
	type wish struct {
		account domain.AccountID
		id      int64
	}
	began, tried := l.now(), map[wish]bool{}
	some := func(w Work) bool {
		return (only == nil || only(w)) && !tried[wish{w.Account, w.Wish}] && (w.Attempts == 0 || !w.Next.After(began))
	}
	for ctx.Err() == nil {
		begun, err := l.turn(ctx, some, true)
		if err != nil {
			l.finish(ctx)
			return err
		}
		for _, p := range begun {
			tried[wish{p.Account, p.Wish}] = true
		}
		if len(begun) == 0 && len(l.held) == 0 {
			break
		}
		if l.busy() {
			<-l.landed
		}
	}
	l.finish(ctx)
	if l.failed == nil {
		return context.Cause(ctx)
	}
	return l.failed
}

func (l *lane) start() {
	l.pending, l.looked, l.fresh, l.failed, l.row = nil, time.Time{}, true, nil, 0
	l.held, l.most, l.width, l.stalled = map[string]bool{}, l.t.parallel(), l.t.parallel(), false
}

// finish waits for what is under way, and gives back the rest.
func (l *lane) finish(ctx context.Context) {
	l.mu.Lock()
	l.working, l.offered = false, nil
	l.mu.Unlock()
	l.giveBack()
	for l.busy() {
		<-l.landed
	}
	l.giveBack() // what was coming
	_ = l.settleDown(ctx)
}

// busy reports whether anything is being tried, or is about to be. When it is not any
// more, landed tells.
func (l *lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trying+l.coming > 0
}

// rest waits until there may be something to do.
func (l *lane) rest(ctx context.Context) {
	pause := glance
	l.mu.Lock()
	if len(l.down) > 0 {
		pause = gathering
	}
	l.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.woken:
		l.fresh = true
	case <-l.landed:
	}
}

// untilLook returns how long it is until work is looked for again: all of it is read,
// which shall take a tenth of the time at most. Who has nothing to do looks at once.
func (l *lane) untilLook() time.Duration {
	if len(l.pending) == 0 && l.fresh {
		return 0
	}
	pause := min(10*l.looking, longestGlance)
	if !l.fresh || !l.pending[0].Next.After(l.now()) {
		pause = max(pause, glance)
	}
	return pause - time.Since(l.looked)
}

// turn takes note of what is done and begins as much as may be done, of some work or,
// where that is nil, of what is due. Pressing work is not put off by how long ago its
// event was recorded. It returns what was begun.
func (l *lane) turn(ctx context.Context, some func(Work) bool, pressing bool) (begun []piece, err error) {
	l.mu.Lock()
	stalled, ahead := l.stalled, l.ahead()
	free := rounds*l.width - ahead
	early := !stalled && !l.due() && ahead > 0 && free < rounds/2*l.width
	l.mu.Unlock()
	if early {
		return nil, nil
	}
	if stalled {
		_ = l.settleDown(ctx)
	}
	state, err := targetState(ctx, l.kv(), l.t.Name)
	if err != nil {
		return nil, err
	}
	open, err := l.open(ctx, state)
	if err != nil || !open {
		if !open && pressing && err == nil && l.failed == nil {
			l.failed = fault.New(fault.Unavailable, "", "target %s is %s: %s", l.t.Name, state.State, state.Reason)
		}
		l.giveBack()
		l.forget()
		_ = l.settleDown(ctx)
		return nil, err
	}
	l.mu.Lock()
	l.stalled = slices.ContainsFunc(l.down, func(out landing) bool { return out.err != nil }) // meanwhile
	l.fly()
	l.mu.Unlock()
	if limit := l.t.perMinute(); limit > 0 {
		used := state.Writes
		if passed := l.now().Sub(state.Minute); passed >= time.Minute {
			used = max(0, used-limit*int(passed/time.Minute))
		}
		free = min(free, limit-used-len(l.held))
	}
	l.accept()
	if l.untilLook() <= 0 {
		if err := l.look(ctx, state); err != nil {
			return nil, err
		}
	}
	if take := l.choose(free, some); len(take) > 0 {
		return l.begin(ctx, take)
	}
	l.mu.Lock()
	due := l.due()
	l.mu.Unlock()
	if due {
		_ = l.settleDown(ctx)
	}
	return nil, nil
}

// offer has work done that this node has put down, which need not be looked for if
// nothing but its turn decides on it.
func (l *lane) offer(pieces []piece) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.working
	for _, p := range pieces {
		if all = all && !p.Ends && !p.Parked && p.Holder == ""; !all {
			l.Reconciler.wake(l.t.Name)
			return
		}
	}
	l.offered = append(l.offered, pieces...)
	l.tell()
}

// forget keeps nothing in mind of what there is to do. It is looked for.
func (l *lane) forget() {
	l.pending, l.fresh = nil, true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offered = nil
}

// accept adds what was offered to what is pending. What is not due after all of that is
// looked for after all.
func (l *lane) accept() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.offered {
		if n := len(l.pending); n > 0 && p.Next.Before(l.pending[n-1].Next) {
			l.fresh = true
			break
		}
		l.pending = append(l.pending, p)
	}
	l.offered = nil
}

// choose takes up to so many pieces out of those pending: some or, where that is nil,
// those that are due.
func (l *lane) choose(free int, some func(Work) bool) (take []piece) {
	now, left, taken := l.now(), l.pending[:0], map[string]bool{}
	take = make([]piece, 0, max(0, min(free, len(l.pending))))
	for i, p := range l.pending {
		due := !p.Next.After(now)
		switch {
		case len(take) >= free, some == nil && !due: // as are those after it
			if len(left) == 0 {
				l.pending = l.pending[i:]
			} else {
				l.pending = append(left, l.pending[i:]...)
			}
			return take
		case l.held[p.key()] || taken[p.key()]: // it was offered, and found
		case some == nil || some(p.Work):
			take = append(take, p)
			taken[p.key()] = true
		default:
			left = append(left, p)
		}
	}
	l.pending = left
	return take
}

// open reports whether a target may be worked with; where it may be back, it looks.
func (l *lane) open(ctx context.Context, state TargetState) (bool, error) {
	switch state.State {
	case TargetClosed:
		return true, nil
	case TargetDenied, TargetPaused:
		return false, nil
	}
	if l.now().Before(state.Until) {
		return false, nil
	}
	errOther := errors.New("another node looks")
	err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		if s.State != state.State || !s.Until.Equal(state.Until) {
			return errOther
		}
		s.State, s.Until = TargetHalfOpen, l.now().Add(probeTerm)
		return nil
	})
	if err != nil {
		if errors.Is(err, errOther) {
			err = nil
		}
		return false, err
	}
	check, cancel := context.WithTimeout(ctx, l.t.timeout())
	defer cancel()
	checked := l.t.At.Check(check)
	err = setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		if s.State != TargetHalfOpen {
			return nil
		}
		if checked != nil {
			s.met(checked, l.now(), l.trip())
			return nil
		}
		s.State, s.Until, s.Reason, s.Since = TargetClosed, time.Time{}, "", l.now()
		return nil
	})
	if err == nil && checked == nil {
		l.mu.Lock()
		l.width, l.row = 1, 0 // and it grows as it bears more
		l.mu.Unlock()
	}
	return err == nil && checked == nil, err
}

func (l *lane) trip() func(int) time.Duration {
	if l.Trip != nil {
		return l.Trip
	}
	return tripped
}

// look finds work, that of nodes which are dead included.
func (l *lane) look(ctx context.Context, state TargetState) error {
	began := time.Now()
	l.forget()
	all, err := worksOf(ctx, l.kv(), l.t.Name)
	if err != nil {
		return err
	}
	held := map[string]bool{}
	for _, p := range all {
		if p.Holder != "" && !l.held[p.key()] {
			held[p.Holder] = true
		}
	}
	dead, err := l.watch.dead(ctx, l.kv(), held)
	if err != nil {
		return err
	}
	stopped, err := l.question(ctx, state, all)
	if err != nil {
		return err
	}
	own := l.shift.name()
	l.pending = all[:0]
	others := map[string]int{}
	for _, p := range all {
		switch {
		case p.Parked || l.held[p.key()] || stopped && p.Ends && !p.Sure && (p.Wish == 0 || p.Wish > state.Sure):
		case p.Holder != "" && !dead[p.Holder] && p.Holder != own: // what is ours, and not held, could not be written
			others[p.Holder]++
		default:
			l.pending = append(l.pending, p)
		}
	}
	slices.SortStableFunc(l.pending, func(a, b piece) int { return a.Next.Compare(b.Next) })
	l.looked, l.looking, l.fresh = time.Now(), time.Since(began), false
	// As much as all nodes may ask at once: the others do, with what they hold, up to
	// their share.
	l.most = l.t.parallel()
	for _, n := range others {
		l.most -= min(n, (l.t.parallel()+len(others))/(len(others)+1))
	}
	l.most = max(1, l.most)
	l.mu.Lock()
	l.width = min(l.width, l.most)
	l.mu.Unlock()
	return nil
}

// question reports whether so much is to end at once that a person is to be asked.
func (l *lane) question(ctx context.Context, state TargetState, all []piece) (bool, error) {
	ends, through := 0, int64(0)
	for _, p := range all {
		if p.Ends && !p.Parked && !p.Sure && (p.Wish == 0 || p.Wish > state.Sure) {
			ends++
			through = max(through, p.Wish)
		}
	}
	answered := func() error {
		if state.Question == nil {
			return nil
		}
		return setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
			s.Question = nil
			return nil
		})
	}
	if ends == 0 {
		return false, answered()
	}
	recent := 0
	for _, at := range state.Ended {
		if l.now().Sub(at) < time.Hour {
			recent++
		}
	}
	least := cmp.Or(l.Least, 5)
	if ends+recent <= least {
		return false, answered()
	}
	of, err := l.there(ctx)
	if err != nil {
		return false, err
	}
	most := max(least, of*cmp.Or(l.Share, 5)/100)
	if ends+recent <= most {
		return false, answered()
	}
	if q := state.Question; q != nil && q.Through >= through && q.Ends == ends {
		return true, nil
	}
	l.Log.ErrorContext(ctx, "so many accounts are to be suspended or deleted that a person has to say so", "target", l.t.Name, "accounts", ends, "of", of)
	return true, setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		s.Question = &Question{Asked: l.now(), Ends: ends, Of: of, Most: most, Through: through}
		return nil
	})
}

// there returns how many accounts there are on the target: of a node, those that are on
// it or on their way.
func (l *lane) there(ctx context.Context) (int, error) {
	switch {
	case l.t.Node != nil && l.Nodes != nil:
		loads, err := l.Nodes.NodeLoads(ctx, l.t.Service)
		return loads[l.t.Name].Accounts, err
	case l.Book != nil:
		return l.Book.AccountsCounted(ctx, l.t.Service)
	}
	return 0, nil
}

// begin takes work for this node, and has it done. In the same transaction it writes
// what came of what was done before.
func (l *lane) begin(ctx context.Context, take []piece) (begun []piece, err error) {
	holder, working, err := l.shift.begin(ctx, len(take))
	if err != nil {
		return nil, err
	}
	claims := make([]eventstore.Change, len(take))
	for i := range take {
		take[i].Holder = holder
		if claims[i], err = take[i].change(); err != nil {
			l.shift.end(len(take))
			return nil, err
		}
	}
	n := len(take)
	err = l.settleDown(ctx, claims...)
	for eventstore.IsStale(err) { // some has changed, or another node was faster: the others are taken
		l.fresh, l.looked = true, time.Time{}
		if take, claims, err = l.unchanged(ctx, take, claims); err == nil && len(take) > 0 {
			err = l.kv().Put(ctx, claims...)
		}
	}
	if err != nil {
		take = nil
	}
	l.shift.end(n - len(take))
	for i := range take {
		take[i].revision = claims[i].Next()
		l.held[take[i].key()] = true
	}
	if len(take) > 0 {
		l.mu.Lock()
		l.coming += len(take)
		l.mu.Unlock()
		go l.enter(working, take)
	}
	return take, err
}

// enter has pieces done that were taken. What they need is read while the lane goes on.
func (l *lane) enter(ctx context.Context, taken []piece) {
	ready := l.prepare(ctx, taken)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming -= len(taken)
	l.queue = append(l.queue, ready...)
	l.fly()
	if l.trying == 0 {
		l.tell()
	}
}

// tell has the lane look at what there is.
func (l *lane) tell() {
	select {
	case l.landed <- struct{}{}:
	default:
	}
}

// ahead is how much is taken and not done.
func (l *lane) ahead() int { return l.coming + len(l.queue) + l.trying }

// unchanged returns the pieces that are as they were found, with their claims.
func (l *lane) unchanged(ctx context.Context, take []piece, claims []eventstore.Change) (same []piece, theirs []eventstore.Change, err error) {
	keys := make([]string, len(take))
	for i, p := range take {
		keys[i] = p.key()
	}
	entries, err := l.kv().Get(ctx, keys...)
	if err != nil {
		return nil, nil, err
	}
	for i, e := range entries {
		if e.Revision == take[i].revision {
			same, theirs = append(same, take[i]), append(theirs, claims[i])
		}
	}
	return same, theirs, nil
}

// prepare reads by what accounts are wanted as they are, all together. Where that
// fails, each is read by itself when it is done, so that none fails for another.
func (l *lane) prepare(ctx context.Context, taken []piece) (ready []queued) {
	accounts := make([]domain.AccountID, len(taken))
	ready = make([]queued, len(taken))
	for i, p := range taken {
		accounts[i], ready[i] = p.Account, queued{piece: p, ctx: ctx}
		if p.Erased > 0 { // which this node may not have heard of yet
			l.Store.Keys.Forget(p.Party, sealed.Service, p.Erased)
		}
	}
	now := time.Now()
	defer func() { _ = recover() }() // it happens again to whose it is
	if bases, err := basesOf(ctx, l.Store, accounts...); err == nil {
		for i, b := range bases {
			b.account.Remember(l.Store)
			ready[i].basis, ready[i].read = b, now
		}
	}
	return ready
}

// fly begins what is in the queue, as far as the target bears it.
func (l *lane) fly() {
	for next, found := l.next(); found; next, found = l.next() {
		go l.try(next)
	}
}

// next returns what is to be begun now, if anything is.
func (l *lane) next() (next queued, found bool) {
	if l.stalled || l.trying >= l.width || len(l.queue) == 0 {
		return next, false
	}
	next, l.queue = l.queue[0], l.queue[1:]
	l.trying++
	return next, true
}

// try tries a piece, and whatever there is to be begun then.
func (l *lane) try(q queued) {
	for more := true; more; {
		out := l.do(q)
		l.mu.Lock()
		q, more = l.land(out)
		l.mu.Unlock()
	}
}

// land takes note of a piece that was tried, and returns the next.
func (l *lane) land(out landing) (next queued, found bool) {
	l.trying--
	if len(l.down) == 0 {
		l.since = time.Now()
	}
	l.down = append(l.down, out)
	l.stalled = l.stalled || out.err != nil
	next, found = l.next()
	if l.stalled || len(l.down) == 1 || l.due() || l.ahead() == (rounds-rounds/2)*l.width {
		l.tell()
	}
	return next, found
}

// giveBack gives back what was not begun. Nothing is, before it is looked at.
func (l *lane) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = true
	for _, q := range l.queue {
		l.down = append(l.down, landing{piece: q.piece, holder: q.Holder, untried: true})
	}
	l.queue = nil
}

// due reports whether what came of work is to be written.
func (l *lane) due() bool {
	return len(l.down) > 0 && (l.trying+l.coming == 0 || len(l.down) >= rounds/2*l.width || time.Since(l.since) >= gathering)
}

// A landing is a piece of work that was tried.
type landing struct {
	piece
	holder  string
	done    bool // there is nothing left to do
	stopped bool // it was not the work that failed: the node stops, or has lost its lease
	untried bool // it was given back
	writes  int
	err     error
	try     Try
	names   []provisioning.Login // under which it is known
}

// do tries a piece of work.
func (l *lane) do(q queued) (out landing) {
	ctx, p, began := q.ctx, q.piece, time.Now()
	out = landing{piece: p, holder: p.Holder, try: Try{
		At: l.now(), By: p.By, Why: p.Why, Cause: p.Cause, Wish: p.Wish, Attempt: p.Attempts + 1,
	}}
	defer func() {
		if panicked := recover(); panicked != nil {
			out.err = fault.New(fault.Transient, "panic", "panic: %v", panicked)
		}
		out.try.Took = time.Since(began)
		out.stopped = out.err != nil && ctx.Err() != nil
		if out.err != nil {
			class, _ := fault.ClassOf(out.err)
			out.try.Class, out.try.Code, out.try.Error = string(class), fault.CodeOf(out.err), without(short(out.err), out.names...)
		}
	}()
	ctx = eventstore.AnswerTo(ctx, eventstore.Record{ID: p.Cause, Correlation: p.Correlation}, "process/provisioning-"+l.t.Name)
	if q.basis == nil || time.Since(q.read) > recent {
		bases, err := basesOf(ctx, l.Store, p.Account)
		if err != nil {
			out.err = err
			return out
		}
		q.basis = bases[0]
	}
	known := q.basis.account.State
	want, requested := l.desiredBy(l.t, q.basis)
	if !requested {
		out.done = true
		return out
	}
	out.names, out.try.Revision = append(slices.Clone(want.Aliases), want.Login), want.Revision
	outcome := known.On(l.t.Name)
	if outcome.Skipped > 0 && outcome.Skipped >= want.Revision && p.Why != "retried" && p.Erased == 0 {
		out.done = true
		return out
	}
	step, err := provisioning.StepNone, error(nil)
	if !l.t.has(known) && want.Access == provisioning.Absent && known.LeftOn(l.t.Name) && known.Status() != provisioning.StatusDeleted && want.Login != "" {
		err = l.safe(ctx, known, want)
	}
	if err == nil {
		step, err = l.bring(ctx, want, &out)
	}
	move, _ := known.Moving()
	if err == nil && move.To == l.t.Name && want.Access != provisioning.Absent {
		step, err = provisioning.StepNone, l.carry(ctx, want, move)
	}
	if err != nil {
		out.err = err
		if ctx.Err() != nil {
			return out
		}
		class, _ := fault.ClassOf(err)
		if class.Permanent() && class != fault.Denied || class == fault.Transient && p.Attempts == 0 && !waits(fault.CodeOf(err)) {
			_, recorded := eventstore.Execute(ctx, l.Store, provisioning.RecordFailure{
				Account: p.Account, Step: step, Class: string(class), Code: fault.CodeOf(err), Target: l.t.Name,
				Attempts: p.Attempts + 1, Parked: class.Permanent(), Revision: want.Revision,
			})
			if Refused(recorded, provisioning.ErrDeleted) != nil {
				out.err = errors.Join(err, recorded)
			}
		}
		return out
	}
	mended := outcome.Revision >= want.Revision && !outcome.Trouble() && outcome.Status != provisioning.StatusRequested
	out.err = l.record(ctx, want, out.piece, mended)
	out.done = out.err == nil
	return out
}

// bring brings an account to how it is wanted, and makes sure that it is. Of an error,
// step is what failed.
func (l *lane) bring(ctx context.Context, want provisioning.Desired, out *landing) (step provisioning.Step, err error) {
	at, can := l.t.At, l.t.At.Capabilities()
	step = provisioning.StepNone
	look := func() (is provisioning.Observed, steps []provisioning.Step, err error) {
		if is, err = l.observe(ctx, want); err != nil {
			return is, nil, err
		}
		out.names = append(append(out.names, is.Aliases...), is.Login)
		to := want
		to.Login = is.Login
		if steps, err = provisioning.Plan(to, is, can); errors.Is(err, provisioning.ErrForeign) {
			err = fault.New(fault.Conflict, "", "provision %s: %w", want.Account, err)
		}
		if out.Mend && !out.Sure {
			steps = slices.DeleteFunc(steps, func(s provisioning.Step) bool { return PolicyOf(s, want, is) != Heal })
		}
		return is, steps, err
	}
	is, steps, err := look()
	if err != nil {
		return step, err
	}
	out.try.Before = seen(is)
	out.try.After = out.try.Before
	want.Login = is.Login
	for _, step = range steps {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		err := take(call, at, step, want)
		cancel()
		_, ambiguous := fault.ClassOf(err)
		if err == nil || ambiguous {
			out.writes++
			out.try.Steps, out.Done = append(out.try.Steps, step), append(out.Done, step)
		}
		if err != nil {
			return step, err
		}
	}
	if len(steps) > 0 { // an answer is no proof
		step = provisioning.StepNone
		is, left, err := look()
		if err != nil {
			return step, err
		}
		out.try.After = seen(is)
		if len(left) > 0 {
			return left[0], &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "unseen", Err: fmt.Errorf("provision %s: %s was answered, and is not to be seen", want.Account, left[0])}
		}
	}
	if purger, ok := at.(Purger); ok && can.Purges && want.Access == provisioning.Absent {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		defer cancel()
		if err := purger.Purge(call, want); err != nil {
			return provisioning.StepDelete, err
		}
	}
	return step, nil
}

// observe looks at an account: where its login was erased, it is found by its mark, among
// all that there are.
func (l *lane) observe(ctx context.Context, want provisioning.Desired) (is provisioning.Observed, err error) {
	if want.Login != "" {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		defer cancel()
		return l.t.At.Observe(call, want.Ref)
	}
	if !l.t.At.Capabilities().Lists {
		return is, fault.New(fault.Invalid, "", "provision %s: its login was erased, and the target cannot be searched", want.Account)
	}
	list := func(cursor string) (provisioning.Page, error) {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		defer cancel()
		return l.t.At.List(call, cursor, 500)
	}
	for page, err := range l.t.pages(list) {
		if err != nil {
			return is, err
		}
		for _, is := range page {
			if is.Exists && is.Account == want.Account {
				return is, nil
			}
		}
	}
	return provisioning.Observed{Ref: want.Ref}, nil
}

// settleDown writes what came of work, and other changes, all in one transaction if
// nobody has changed any of it meanwhile. An error is that of the other changes.
func (l *lane) settleDown(ctx context.Context, also ...eventstore.Change) error {
	ctx = context.WithoutCancel(ctx)
	l.mu.Lock()
	all := l.down
	l.down = make([]landing, 0, len(all))
	l.mu.Unlock()
	writes, ended := 0, 0
	for i := range all {
		out := &all[i]
		delete(l.held, out.key())
		writes += out.writes
		if out.done && (slices.Contains(out.Done, provisioning.StepSuspend) || slices.Contains(out.Done, provisioning.StepDelete)) {
			ended++ // once, however often it was tried
		}
		l.note(ctx, out)
	}
	l.shift.end(len(all))
	failed := l.put(ctx, also, all...)
	if failed != nil && len(all) > 0 {
		for i := range all {
			if err := l.putAgain(ctx, all[i]); err != nil {
				l.Log.ErrorContext(ctx, "what came of work could not be written, and it is done again", "target", l.t.Name, "account", all[i].Account, "err", err)
			}
		}
		l.fresh, l.looked = true, time.Time{}
	}
	if limit := l.t.perMinute(); ended > 0 || limit > 0 && writes > 0 {
		err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
			now := l.now()
			s.Ended = slices.DeleteFunc(s.Ended, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
			for range ended {
				s.Ended = append(s.Ended, now)
			}
			if limit > 0 {
				if passed := now.Sub(s.Minute); passed >= time.Minute {
					s.Minute, s.Writes = now, max(0, s.Writes-limit*int(passed/time.Minute))
				}
				s.Writes += writes
			}
			return nil
		})
		if err != nil {
			l.Log.ErrorContext(ctx, "the state of a target could not be written", "target", l.t.Name, "err", err)
		}
	}
	return failed
}

// waits reports whether it is by no fault that work is not done yet: a tool has been asked
// and has not come by, what is deleted is being cleared away, or a target has told when
// this change has its turn.
func waits(code string) bool { return code == "pending" || code == "purging" || code == "paced" }

// note decides what becomes of a piece of work by how it went.
func (l *lane) note(ctx context.Context, out *landing) {
	out.Holder = ""
	if out.untried {
		return
	}
	if out.err == nil {
		l.row = 0
		l.mu.Lock()
		l.width = min(l.width+1, l.most)
		l.mu.Unlock()
		if l.Log.Enabled(ctx, slog.LevelDebug) {
			l.Log.DebugContext(ctx, "reconciled", "target", l.t.Name, "account", out.Account, "steps", out.try.Steps)
		}
		return
	}
	class, _ := fault.ClassOf(out.err)
	if l.failed == nil {
		l.failed = out.err
	}
	switch {
	case out.stopped:
		out.Next = l.now()
		return
	case class == fault.Denied || class == fault.Throttled || class == fault.Unavailable:
		out.Next = l.now()
	case class.Permanent():
		out.Parked, out.Attempts = true, out.Attempts+1
		out.Class, out.Code, out.Error = out.try.Class, out.try.Code, out.try.Error
	default:
		pause := l.Backoff
		if pause == nil {
			pause = backoff
		}
		out.Next = l.now().Add(max(pause(out.Attempts), fault.RetryAfter(out.err)))
		out.Attempts++
		out.Class, out.Code, out.Error = out.try.Class, out.try.Code, out.try.Error
		if waits(out.try.Code) {
			l.Log.DebugContext(ctx, "reconciling waits", "target", l.t.Name, "account", out.Account, "attempt", out.Attempts, "code", out.try.Code)
			return
		}
		if l.row++; l.row < failuresInRow {
			class = ""
		}
	}
	l.Log.WarnContext(ctx, "reconciling met trouble", "target", l.t.Name, "account", out.Account, "attempt", out.Attempts, "class", out.try.Class, "code", out.try.Code, "given_up", out.Parked)
	if class == "" || class.Permanent() && class != fault.Denied {
		return
	}
	l.row = 0
	if err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		s.met(out.err, l.now(), l.trip())
		return nil
	}); err != nil {
		l.Log.ErrorContext(ctx, "the state of a target could not be written", "target", l.t.Name, "err", err)
	}
	if class == fault.Denied {
		l.Log.ErrorContext(ctx, "a target does not let us in, and is not asked again until somebody resumes it", "target", l.t.Name, "err", out.try.Error)
	}
	if fault.CodeOf(out.err) == fault.Settings {
		l.Log.ErrorContext(ctx, "a target cannot be asked anything as it is set up: mend it, and work goes on by itself", "target", l.t.Name, "err", out.try.Error)
	}
}

// put writes what came of work, and the journal, with other changes.
func (l *lane) put(ctx context.Context, changes []eventstore.Change, all ...landing) error {
	var keys []string
	for _, out := range all {
		if !out.untried {
			keys = append(keys, journalKey(l.t.Name, out.Account))
		}
	}
	var journals []eventstore.Entry
	if len(keys) > 0 {
		var err error
		if journals, err = l.kv().Get(ctx, keys...); err != nil {
			return err
		}
	}
	for _, out := range all {
		c := eventstore.Change{Key: out.key(), Revision: out.revision}
		if !out.done {
			var err error
			if c, err = out.change(); err != nil {
				return err
			}
		}
		changes = append(changes, c)
		if out.untried {
			continue
		}
		line, err := entered(journals[0], out.try)
		if err != nil {
			return err
		}
		changes, journals = append(changes, line), journals[1:]
	}
	if len(changes) == 0 {
		return nil
	}
	return l.kv().Put(ctx, changes...)
}

// putAgain writes what came of one that may have been asked for again meanwhile: then
// it is done once more.
func (l *lane) putAgain(ctx context.Context, out landing) error {
	for {
		entries, err := l.kv().Get(ctx, out.key())
		if err != nil {
			return err
		}
		if entries[0].Revision != out.revision {
			if entries[0].Revision == 0 {
				return nil // somebody has taken it over, and done it
			}
			now, err := readPiece(entries[0])
			if err != nil {
				return err
			}
			if now.Holder != out.holder {
				return nil // the same
			}
			now.Holder, out.done = "", false
			out.piece = now
		}
		if err := l.put(ctx, nil, out); !eventstore.IsStale(err) {
			return err
		}
	}
}

// record says in the log what came of an account, as far as that is news.
func (l *lane) record(ctx context.Context, want provisioning.Desired, p piece, mended bool) error {
	name, today := l.t.Name, calendar.Date{}
	if l.Terms.Today != nil {
		today = l.Terms.Today()
	}
	_, err := eventstore.Transact(ctx, l.Store, func(tx *eventstore.Tx) error {
		account, _, err := eventstore.Recall[provisioning.Account](tx, provisioning.StreamOf(want.Account))
		if err != nil {
			return err
		}
		outcome := account.On(name)
		if want.Access == provisioning.Absent {
			gone := provisioning.RecordDeleted{Account: want.Account, Revision: want.Revision, Target: name, On: today}
			if !today.IsZero() {
				gone.Backups = today.AddDays(l.Terms.Backups)
			}
			return eventstore.Do(tx, gone)
		}
		if outcome.Status == provisioning.StatusRequested {
			err = eventstore.Do(tx, provisioning.RecordProvisioned{Account: want.Account, Quota: want.Quota, Revision: want.Revision, Target: name})
		} else {
			err = eventstore.Do(tx, provisioning.RecordQuota{Account: want.Account, Quota: want.Quota, Revision: want.Revision, Target: name})
		}
		if err == nil && want.Aliases != nil && l.t.At.Capabilities().Aliases {
			err = eventstore.Do(tx, provisioning.RecordAliases{Account: want.Account, Aliases: len(want.Aliases), Revision: want.Revision, Target: name})
		}
		if can := l.t.At.Capabilities(); err == nil && want.Apps != nil && len(can.Apps) > 0 {
			err = eventstore.Do(tx, provisioning.RecordApps{Account: want.Account, Apps: can.Switchable(want.Apps), Revision: want.Revision, Target: name})
		}
		if err == nil && mended {
			err = eventstore.Do(tx, provisioning.RecordRepaired{Account: want.Account, Repair: p.ID, Steps: p.Done, Revision: want.Revision, Target: name})
		}
		if err != nil {
			return err
		}
		if want.Access == provisioning.Suspended {
			return eventstore.Do(tx, provisioning.RecordSuspended{Account: want.Account, Revision: want.Revision, Target: name})
		}
		return eventstore.Do(tx, provisioning.RecordResumed{Account: want.Account, Revision: want.Revision, Target: name})
	})
	return err
}

// Daily has accounts looked at of which a term may have passed: those that nobody logs
// in to, since they are withheld or their time has ended.
func (r *Reconciler) Daily(ctx context.Context) error {
	for _, t := range r.Targets {
		for after := domain.AccountID(""); ; {
			accounts, err := r.Book.AccountsAfter(ctx, t.Service, after, 500)
			if err != nil {
				return err
			}
			if len(accounts) == 0 {
				break
			}
			for _, b := range accounts {
				after = b.Account
				if b.Deleted || !b.Held || !t.books(b) {
					continue
				}
				want, _, requested, err := r.desiredOn(ctx, t, b.Account)
				if err != nil {
					return err
				}
				if !requested {
					continue
				}
				w := r.newWork(ctx, t.Name, b.Account, "day")
				w.Ends = want.Access == provisioning.Absent
				if err := ask(ctx, r.kv(), w); err != nil {
					return err
				}
			}
		}
		r.wake(t.Name)
	}
	return nil
}

// newWork is what somebody asks for who acts in ctx, without that anything has happened.
func (r *Reconciler) newWork(ctx context.Context, target string, account domain.AccountID, why string) Work {
	return Work{
		Account: account, Target: target, ID: uuid.Must(uuid.NewV7()).String(), Why: why, By: eventstore.Actor(ctx), Since: r.now(), Next: r.now(),
	}
}
