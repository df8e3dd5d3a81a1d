package processes

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// Policy is what is done about something on a target that is not as it is wanted,
// though nobody has wished it to change.
type Policy string

const (
	Heal   Policy = "heal"   // it is mended
	Ask    Policy = "ask"    // a person is asked first, since somebody could lose something
	Report Policy = "report" // it is told
)

// PolicyOf returns what is done about an account that has been changed past us, where
// a step would bring it back: what takes room away or deletes is asked first.
func PolicyOf(step provisioning.Step, want provisioning.Desired, is provisioning.Observed) Policy {
	switch step {
	case provisioning.StepDelete:
		return Ask
	case provisioning.StepQuota, provisioning.StepEnsure:
		if want.Quota != provisioning.Unlimited && is.Quota != nil && (*is.Quota == provisioning.Unlimited || *is.Quota > want.Quota) {
			return Ask
		}
	case provisioning.StepNone:
		return Report
	case provisioning.StepSuspend, provisioning.StepResume, provisioning.StepInbound, provisioning.StepAliases, provisioning.StepApps:
	}
	return Heal
}

// The kinds of drift.
const (
	DriftMissing = "missing" // an account that is wanted is not there
	DriftDiffers = "differs" // it is there, and otherwise than it is wanted
	DriftOrphan  = "orphan"  // one bears our mark, and is not wanted
	DriftForeign = "foreign" // nobody has ordered it: it does not bear our mark
)

// Drift is a difference between a target and how things are wanted.
type Drift struct {
	Target  string             `json:"target"`
	Kind    string             `json:"kind"`
	Login   provisioning.Login `json:"login"`
	Account domain.AccountID   `json:"account,omitempty"` // that is wanted, or whose mark it bears
	Step    provisioning.Step  `json:"step,omitempty"`    // that would mend it
	Want    string             `json:"want"`
	Is      string             `json:"is"`
	Policy  Policy             `json:"policy"`
	known   bool               // the log knows the account
	at      provisioning.Ref
}

// Check is what a comparison of a target with how things are wanted has come to.
type Check struct {
	At      time.Time      `json:"at"`
	Took    time.Duration  `json:"took"`    // in nanoseconds
	There   int            `json:"there"`   // accounts on the target
	Wanted  int            `json:"wanted"`  // there
	Pending int            `json:"pending"` // that are being worked on
	Left    int            `json:"left"`    // foreign ones that somebody has said to let be
	Found   map[string]int `json:"found"`   // differences, by kind
	Error   string         `json:"error,omitempty"`
}

// CheckDrift compares a target with how things are wanted, and tells each difference.
// It changes nothing. What is being worked on is no difference.
func (r *Reconciler) CheckDrift(ctx context.Context, name string, tell func(Drift) error) (c Check, err error) {
	c = Check{At: r.now(), Found: map[string]int{}}
	began := time.Now()
	defer func() { c.Took = time.Since(began) }()
	t, err := r.target(name)
	if err != nil {
		return c, err
	}
	if !t.At.Capabilities().Lists {
		return c, fault.New(fault.Unsupported, "", "target %s cannot list its accounts", name)
	}
	works, err := worksOf(ctx, r.kv(), name)
	if err != nil {
		return c, err
	}
	busy := map[domain.AccountID]bool{}
	for _, p := range works {
		busy[p.Account] = true
	}
	found := func(d Drift) error {
		d.Target = name
		c.Found[d.Kind]++
		return tell(d)
	}
	seed, there := maphash.MakeSeed(), map[uint64]bool{} // of the ids: they are many
	sum := func(id domain.AccountID) uint64 { return maphash.String(seed, string(id)) }
	for page, err := range t.pages(func(cursor string) (provisioning.Page, error) { return r.list(ctx, t, cursor) }) {
		if err != nil {
			return c, err
		}
		logins := make([]provisioning.Login, len(page))
		for i, is := range page {
			logins[i] = is.Login
		}
		booked, err := r.Book.AccountsUnder(ctx, t.Service, logins)
		if err != nil {
			return c, err
		}
		under := map[provisioning.Login]domain.AccountID{}
		for _, b := range booked {
			if _, known := under[b.Login]; !known || !b.Deleted {
				under[b.Login] = b.Account
			}
		}
		accounts := make([]domain.AccountID, len(page)) // none where nobody has ordered it
		for i, is := range page {
			account, ours := under[is.Login]
			if !ours {
				account = is.Account
			}
			accounts[i] = account
			if account != "" && (ours || is.Account == account) {
				there[sum(account)] = true
			}
		}
		bases, err := r.basesOf(ctx, accounts, busy)
		if err != nil {
			return c, err
		}
		for i, is := range page {
			c.There++
			if busy[accounts[i]] {
				c.Pending++
				continue
			}
			if err := r.compare(ctx, t, bases[accounts[i]], is, &c, found); err != nil {
				return c, err
			}
		}
	}
	for after := domain.AccountID(""); ; {
		accounts, err := r.Book.AccountsAfter(ctx, t.Service, after, 500)
		if err != nil || len(accounts) == 0 {
			return c, err
		}
		var absent []domain.AccountID // from what the target has listed
		for _, b := range accounts {
			after = b.Account
			switch {
			case b.Deleted || b.Login == "":
			case there[sum(b.Account)]:
				c.Wanted++
			case t.books(b):
				absent = append(absent, b.Account)
			}
		}
		bases, err := r.basesOf(ctx, absent, nil)
		if err != nil {
			return c, err
		}
		for _, account := range absent {
			want, requested := r.desiredBy(t, bases[account])
			if !requested || want.Access == provisioning.Absent {
				continue
			}
			c.Wanted++
			if busy[account] {
				c.Pending++
				continue
			}
			if is, err := r.look(ctx, t, want.Ref); err != nil { // it may have come to be meanwhile
				return c, err
			} else if !is.Exists {
				err = found(Drift{Kind: DriftMissing, Login: want.Login, Account: account, Step: provisioning.StepEnsure, Want: describe(want), Is: "absent", Policy: Heal, known: true, at: want.Ref})
				if err != nil {
					return c, err
				}
			}
		}
	}
}

// pages yields the accounts that a target lists after each cursor in turn, and at last an
// error where they have no end.
func (t Target) pages(list func(cursor string) (provisioning.Page, error)) iter.Seq2[[]provisioning.Observed, error] {
	return func(yield func([]provisioning.Observed, error) bool) {
		cursors := map[string]bool{}
		for cursor := ""; !cursors[cursor]; {
			cursors[cursor] = true
			page, err := list(cursor)
			if !yield(page.Accounts, err) || err != nil {
				return
			}
			if cursor = page.Next; cursor == "" {
				return
			}
		}
		yield(nil, fault.New(fault.Transient, "circle", "target %s lists its accounts in a circle", t.Name))
	}
}

func (r *Reconciler) list(ctx context.Context, t Target, cursor string) (page provisioning.Page, err error) {
	err = r.patiently(ctx, t, func(call context.Context) error {
		page, err = t.At.List(call, cursor, 500)
		return err
	})
	return page, err
}

func (r *Reconciler) look(ctx context.Context, t Target, ref provisioning.Ref) (is provisioning.Observed, err error) {
	err = r.patiently(ctx, t, func(call context.Context) error {
		is, err = t.At.Observe(call, ref)
		return err
	})
	return is, err
}

// longestPause is the longest that a comparison waits for a target that asks to be left
// alone: somebody may be waiting for it.
const longestPause = 2 * time.Minute

// patiently asks a target for something, a few times if need be, and says what it waits for.
func (r *Reconciler) patiently(ctx context.Context, t Target, ask func(context.Context) error) error {
	err := fault.Retry(ctx, fault.Doubling(250*time.Millisecond, 4), func(pause time.Duration, err error) bool {
		if pause > longestPause {
			return false
		}
		if asked := fault.RetryAfter(err); asked > 0 {
			r.Log.WarnContext(ctx, "a target asks to be left alone: its comparison waits", "target", t.Name, "for", asked.String(), "err", short(err))
		}
		return true
	}, func() error {
		call, cancel := context.WithTimeout(ctx, t.timeout())
		defer cancel()
		return ask(call)
	})
	if asked := fault.RetryAfter(err); asked > longestPause {
		return fmt.Errorf("it asks to be left alone for %v, so compare it after that: %w", asked.Round(time.Second), err)
	}
	return err
}

// basesOf returns by what accounts are wanted as they are, but for those that are busy,
// and for what is none. It reads them together.
func (r *Reconciler) basesOf(ctx context.Context, accounts []domain.AccountID, busy map[domain.AccountID]bool) (map[domain.AccountID]*basis, error) {
	of := make(map[domain.AccountID]*basis, len(accounts))
	wanted := make([]domain.AccountID, 0, len(accounts))
	for _, account := range accounts {
		if _, given := of[account]; account != "" && !busy[account] && !given { // two logins may bear the mark of one
			of[account] = nil
			wanted = append(wanted, account)
		}
	}
	bases, err := basesOf(ctx, r.Store, wanted...)
	for _, b := range bases {
		of[b.id] = b
	}
	return of, err
}

// compare tells how an account on a target differs from how it is wanted; there is no
// basis of one that nobody has ordered.
func (r *Reconciler) compare(ctx context.Context, t Target, b *basis, is provisioning.Observed, c *Check, found func(Drift) error) error {
	foreign := func(of domain.AccountID) error {
		digests, err := r.Store.Digests(ctx)
		if err != nil {
			return err
		}
		binding, _, err := read[provisioning.Binding](ctx, r.Store, is.Login.Named(digests).Stream(t.Service))
		if err != nil {
			return err
		}
		if binding.Foreign() {
			c.Left++
			return nil
		}
		want := "nobody has ordered it"
		if of != "" {
			want = "the login of " + string(of)
		}
		return found(Drift{Kind: DriftForeign, Login: is.Login, Account: of, Want: want, Is: "present, without our mark", Policy: Ask, at: is.Ref})
	}
	if b == nil {
		return foreign("")
	}
	account := b.id
	want, requested := r.desiredBy(t, b)
	_, asked := b.account.State.Requested()
	switch {
	case asked && !requested: // its node is not chosen yet
		c.Pending++
		return nil
	case !requested || is.Account == account && want.Access == provisioning.Absent:
		if is.Account == "" {
			return foreign("")
		}
		return found(Drift{Kind: DriftOrphan, Login: is.Login, Account: is.Account, Step: provisioning.StepDelete, Want: "absent", Is: "present", Policy: Ask, known: requested, at: is.Ref})
	case is.Account != account:
		return foreign(account)
	}
	want.Login = is.Login
	steps, err := provisioning.Plan(want, is, t.At.Capabilities())
	if err != nil {
		return err
	}
	for _, step := range steps {
		d := Drift{Kind: DriftDiffers, Login: is.Login, Account: account, Step: step, Policy: PolicyOf(step, want, is), known: true, at: is.Ref}
		d.Want, d.Is = differing(step, want, is)
		if err := found(d); err != nil {
			return err
		}
	}
	return nil
}

func describe(want provisioning.Desired) string {
	return fmt.Sprintf("%s, %d bytes", want.Access, want.Quota)
}

// differing is how an account is wanted and how it is, in what a step would change.
func differing(step provisioning.Step, want provisioning.Desired, is provisioning.Observed) (wanted, found string) {
	say := func(v any) string { return strings.Trim(fmt.Sprint(v), "[]") }
	switch step {
	case provisioning.StepQuota:
		found = "unknown"
		if is.Quota != nil {
			found = say(int64(*is.Quota))
		}
		return say(int64(want.Quota)), found
	case provisioning.StepSuspend:
		return string(provisioning.Suspended), string(provisioning.Active)
	case provisioning.StepResume:
		return string(provisioning.Active), string(provisioning.Suspended)
	case provisioning.StepInbound:
		if is.Inbound != nil {
			found = string(*is.Inbound)
		}
		return string(want.Inbound), found
	case provisioning.StepAliases:
		return say(want.Aliases), say(is.Aliases)
	case provisioning.StepApps:
		return say(want.Apps), say(is.Apps)
	case provisioning.StepEnsure:
		if is.Node != nil {
			return "on " + want.Node, "on " + *is.Node
		}
		return describe(want), "absent"
	case provisioning.StepDelete:
		return string(provisioning.Absent), "present"
	case provisioning.StepNone:
	}
	return "", ""
}

// Mend has a difference mended. Sure says that a person wants it so; without, what
// needs to be asked first is left as it is.
func (r *Reconciler) Mend(ctx context.Context, d Drift, sure bool) error {
	if d.Policy != Heal && !sure || d.Kind == DriftForeign {
		return nil
	}
	if !d.known { // an orphan whose account the log does not know
		t, err := r.target(d.Target)
		if err != nil {
			return err
		}
		head, err := r.Store.Log.Head(ctx)
		if err != nil {
			return err
		}
		call, cancel := context.WithTimeout(ctx, t.timeout())
		defer cancel()
		_, err = t.At.Delete(call, provisioning.Desired{Ref: d.at, Account: d.Account, Revision: head, Access: provisioning.Absent, Quota: provisioning.Unlimited})
		line, failed := journaled(ctx, r.kv(), d.Target, d.Account, Try{At: r.now(), By: eventstore.Actor(ctx), Why: "orphan deleted", Attempt: 1, Steps: []provisioning.Step{provisioning.StepDelete}})
		if failed == nil {
			failed = r.kv().Put(ctx, line)
		}
		return errors.Join(err, failed)
	}
	w := r.newWork(ctx, d.Target, d.Account, "drift")
	w.Mend, w.Sure = true, sure
	w.Ends = d.Step == provisioning.StepSuspend || d.Step == provisioning.StepDelete
	if err := ask(ctx, r.kv(), w); err != nil {
		return err
	}
	r.wake(d.Target)
	return nil
}

// LeaveForeign lets an account on a target be that nobody has ordered.
func (r *Reconciler) LeaveForeign(ctx context.Context, target string, login provisioning.Login) error {
	t, err := r.target(target)
	if err != nil {
		return err
	}
	digests, err := r.Store.Digests(ctx)
	if err != nil {
		return err
	}
	_, err = eventstore.Execute(ctx, r.Store, provisioning.LeaveForeign{Service: t.Service, Target: target, Login: login.Named(digests), On: r.Terms.Today()})
	return err
}

// ReconcileAccount looks at an account on all targets that have it, and brings it to
// how it is wanted: what was changed past us too, whatever it is. On a node that runs
// the processes, it is done soon; Settle does it now.
func (r *Reconciler) ReconcileAccount(ctx context.Context, account domain.AccountID) error {
	known, _, err := read[provisioning.Account](ctx, r.Store, provisioning.StreamOf(account))
	if err != nil {
		return err
	}
	requested, ok := known.Requested()
	if !ok {
		return provisioning.ErrUnknown
	}
	for _, t := range r.Targets {
		if t.Service != requested.Service || !t.concerns(known) {
			continue
		}
		w := r.newWork(ctx, t.Name, account, "asked")
		w.Sure = true
		if err := ask(ctx, r.kv(), w); err != nil {
			return err
		}
		r.wake(t.Name)
	}
	return nil
}

// Settle does now the work of a target, or of all where it is "", of an account or,
// where that is "", of all. It returns the first trouble.
func (r *Reconciler) Settle(ctx context.Context, target string, account domain.AccountID) error {
	targets, err := r.chosen(target)
	if err != nil {
		return err
	}
	var trouble error
	for _, t := range targets {
		err := r.lane(t.Name).settle(ctx, func(w Work) bool { return account == "" || w.Account == account })
		trouble = errors.Join(trouble, err)
	}
	return trouble
}

// Planned is what would be done for an account on a target.
type Planned struct {
	Work
	Login provisioning.Login  `json:"login,omitempty"`
	Steps []provisioning.Step `json:"steps"`
	Held  string              `json:"held,omitempty"`    // why nothing is done now
	Fails string              `json:"trouble,omitempty"` // of looking at it
}

// Plan returns what the work that is waiting would do, and changes nothing: each
// account is looked at, but none any more on a target that is found to be away, or not to
// let us in.
func (r *Reconciler) Plan(ctx context.Context, target string) (all []Planned, err error) {
	works, err := r.Waiting(ctx, target)
	if err != nil {
		return nil, err
	}
	all = []Planned{}
	states, away := map[string]TargetState{}, map[string]error{}
	for _, w := range works {
		t, err := r.target(w.Target)
		if err != nil {
			return nil, err
		}
		state, seen := states[t.Name]
		if !seen {
			if state, err = targetState(ctx, r.kv(), t.Name); err != nil {
				return nil, err
			}
			states[t.Name] = state
		}
		p := Planned{Work: w, Steps: []provisioning.Step{}}
		switch {
		case w.Parked:
			p.Held = "given up"
		case state.State != TargetClosed:
			p.Held = "the target is " + state.State
		case state.Question != nil && w.Ends && !w.Sure && w.Wish <= state.Question.Through:
			p.Held = "a question is open"
		case w.Next.After(r.now()):
			p.Held = "until " + w.Next.Format(time.RFC3339)
		}
		want, account, requested, err := r.desiredOn(ctx, t, w.Account)
		if err != nil {
			return nil, err
		}
		if move, _ := account.Moving(); move.To == t.Name && p.Held == "" {
			p.Held = "it is being moved here from " + move.From
		}
		if requested {
			p.Login = want.Login
			is, err := provisioning.Observed{}, away[t.Name]
			if err == nil {
				is, err = r.lane(t.Name).observe(ctx, want)
			}
			switch class, _ := fault.ClassOf(err); class {
			case fault.Denied, fault.Throttled, fault.Unavailable:
				away[t.Name] = err
			case fault.Transient, fault.Conflict, fault.Invalid, fault.Unsupported:
			}
			if err == nil {
				want.Login = is.Login
				p.Steps, err = provisioning.Plan(want, is, t.At.Capabilities())
				if w.Mend && !w.Sure {
					p.Steps = slices.DeleteFunc(p.Steps, func(s provisioning.Step) bool { return PolicyOf(s, want, is) != Heal })
				}
			}
			if err != nil {
				p.Fails = without(short(err), want.Login)
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// driftEvery is how often a node compares a target with how things are wanted, and
// driftAgain how soon one that could not be compared.
const (
	driftEvery = 6 * time.Hour
	driftAgain = 30 * time.Minute
)

// watchDrift compares the target with how things are wanted, a few times a day and on
// one node at a time, and has mended what needs no person.
func (l *lane) watchDrift(ctx context.Context) {
	for sleep(ctx, time.Minute+randN(time.Minute)) == nil {
		mine := errors.New("not due")
		err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
			every := driftEvery
			if s.Drift != nil && s.Drift.Error != "" {
				every = driftAgain
			}
			if s.State != TargetClosed || s.Drift != nil && l.now().Sub(s.Drift.At) < every {
				return mine
			}
			s.Drift = &Check{At: l.now()}
			return nil
		})
		if err != nil {
			continue
		}
		as := eventstore.As(ctx, "process/provisioning-"+l.t.Name)
		check, err := l.CheckDrift(as, l.t.Name, func(d Drift) error { return l.Mend(as, d, false) })
		if err != nil {
			check.Error = short(err)
		}
		for kind, n := range check.Found {
			l.Log.WarnContext(ctx, "drift", "target", l.t.Name, "kind", kind, "accounts", n)
		}
		_ = setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
			s.Drift = &check
			return nil
		})
	}
}
