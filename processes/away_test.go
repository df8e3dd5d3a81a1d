package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestAPlanAsksATargetThatIsAwayOnce: what is waiting for it is listed all the same, with why
// nothing more is known; so it is for one that denies us, lest it lock us out.
func TestAPlanAsksATargetThatIsAwayOnce(t *testing.T) {
	for _, trouble := range []memory.Trouble{memory.Away, memory.Denies, memory.Throttle, memory.None} {
		t.Run(string(trouble)+".", func(t *testing.T) {
			c := found(t)
			s, at := c.node(), memory.New(domain.Mail)
			r := reconciler(c, s, target(at))
			for n := range 5 {
				entitle(c, s, domain.SubscriptionID(fmt.Sprint("s", n)), provisioning.Login(fmt.Sprintf("member%d@example.org", n)))
			}
			at.SetTrouble(func(memory.Call) memory.Trouble { return memory.Away })
			if err := processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())); err == nil {
				t.Fatal("it is not away")
			}
			asked := 0
			at.SetTrouble(func(memory.Call) memory.Trouble { asked++; return trouble })
			plan, err := r.Plan(t.Context(), "mail")
			if err != nil || len(plan) != 5 {
				t.Fatalf("%+v, %v", plan, err)
			}
			want := 1
			if trouble == memory.None {
				want = 5
			}
			if asked != want {
				t.Errorf("it was asked %d times, want %d", asked, want)
			}
			for _, p := range plan {
				if (p.Fails == "") != (trouble == memory.None) || (len(p.Steps) == 0) != (trouble != memory.None) {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

// TestWhatIsAskedOfNoTarget: a name that is none is not taken for one without work, and a
// reason is words.
func TestWhatIsAskedOfNoTarget(t *testing.T) {
	c := found(t)
	s := c.node()
	r := reconciler(c, s, target(memory.New(domain.Mail)))
	_, plan := r.Plan(t.Context(), "fax")
	_, waiting := r.Waiting(t.Context(), "fax")
	_, given := r.Given(t.Context(), "fax")
	for _, err := range []error{plan, waiting, given, r.Settle(t.Context(), "fax", "")} {
		if !errors.Is(err, processes.ErrNoSuchTarget) {
			t.Error(err)
		}
	}
	ctx := eventstore.As(t.Context(), "eva")
	for _, reason := range []string{"", " ", "\n\t"} {
		if err := r.Pause(ctx, "mail", reason); !errors.Is(err, processes.ErrWhy) {
			t.Errorf("paused for %q: %v", reason, err)
		}
		if err := r.Skip(ctx, "mail", "mail/s0", reason); !errors.Is(err, processes.ErrWhy) {
			t.Errorf("skipped for %q: %v", reason, err)
		}
	}
}

// TestAnAnswerIsNoProof: of a step that a target says it has taken, and has not, or that was
// undone right after, nothing is recorded. It is tried again, and recorded once it is seen.
func TestAnAnswerIsNoProof(t *testing.T) {
	const login = "anna.loom@example.org"
	for _, tt := range []struct {
		name    string
		step    provisioning.Step
		trouble memory.Trouble
		wish    int // of changes
		status  provisioning.Status
	}{
		{"made", provisioning.StepEnsure, memory.Lies, -1, provisioning.StatusActive},
		{"made, and gone", provisioning.StepEnsure, memory.Loses, -1, provisioning.StatusActive},
		{"given a quota", provisioning.StepQuota, memory.Lies, 5, provisioning.StatusActive},
		{"withheld", provisioning.StepSuspend, memory.Lies, 0, provisioning.StatusSuspended},
		{"deleted", provisioning.StepDelete, memory.Lies, 2, provisioning.StatusDeleted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := found(t)
			s, at := c.node(), memory.New(domain.Mail)
			r := reconciler(c, s, target(at))
			account := entitle(c, s, "s", login)
			runner := processes.NewRunner(s, quiet, r.Processes()...)
			if tt.wish >= 0 {
				if err := runner.CatchUp(as(t.Context())); err != nil {
					t.Fatal(err)
				}
				execute(c, s, changes("s", tt.wish))
			}
			is := func() provisioning.Account {
				return stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
			}
			before := is().On("mail")
			at.SetTrouble(func(call memory.Call) memory.Trouble {
				if call.Step == tt.step {
					return tt.trouble
				}
				return memory.None
			})
			if err := runner.CatchUp(as(t.Context())); fault.CodeOf(err) != "unseen" {
				t.Errorf("it is believed: %v", err)
			}
			if now := is().On("mail"); now.Status != before.Status || now.Quota != before.Quota {
				t.Errorf("it is recorded as %s with %d", now.Status, now.Quota)
			}
			waiting, err := r.Waiting(t.Context(), "mail")
			if err != nil || len(waiting) != 1 || waiting[0].Parked || waiting[0].Code != "unseen" {
				t.Errorf("%+v, %v", waiting, err)
			}
			at.SetTrouble(nil)
			time.Sleep(time.Microsecond) // the shortest of pauses
			if err := r.Settle(as(t.Context()), "", ""); err != nil {
				t.Error(err)
			}
			if now := is().On("mail"); now.Status != tt.status || now.Trouble() || tt.wish == 5 && now.Quota != 5*domain.GB {
				t.Errorf("then it is recorded as %s with %d: %+v", now.Status, now.Quota, now.Failed)
			}
		})
	}
}

// asking counts what a target is asked: looks at accounts and changes of them; not whether
// it is there.
func asking(at *memory.Service, trouble func() memory.Trouble) (calls func(step provisioning.Step) []time.Time) {
	var mu sync.Mutex
	all := map[provisioning.Step][]time.Time{}
	at.SetTrouble(func(call memory.Call) memory.Trouble {
		mu.Lock()
		defer mu.Unlock()
		if call.Login != "" {
			all[call.Step] = append(all[call.Step], time.Now())
		}
		return trouble()
	})
	return func(step provisioning.Step) []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all[step])
	}
}

// TestWritesAreSpread: no more accounts are changed in a minute than the target bears.
func TestWritesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		calls := asking(at, func() memory.Trouble { return memory.None })
		bears := target(at)
		bears.WritesPerMinute = 10
		r := reconciler(c, s, bears)
		accounts, logins := many(c, s, 35)
		began := time.Now()
		stop := served(t, s, r)
		time.Sleep(10 * time.Minute)
		made := calls(provisioning.StepEnsure)
		for n, when := range made {
			if minutes := int(when.Sub(began) / time.Minute); n >= 10*(minutes+1) {
				t.Errorf("%d are made within %v", n+1, when.Sub(began))
			}
		}
		if len(made) != len(accounts) {
			t.Errorf("%d are made of %d", len(made), len(accounts))
		}
		for i, account := range accounts {
			asWanted(t, c, s, at, logins[i], account)
		}
		stop()
	})
}

// TestOneLooksWhetherATargetIsBack: until one that was away says that it is there, no work
// is begun, by which accounts would be looked at in vain.
func TestOneLooksWhetherATargetIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		var back atomic.Bool
		calls := asking(at, func() memory.Trouble {
			if back.Load() {
				return memory.None
			}
			return memory.Away
		})
		r := reconciler(c, s, target(at))
		r.Backoff, r.Trip = nil, nil
		stop := served(t, s, r)
		accounts, logins := many(c, s, 40)
		time.Sleep(time.Second)
		first := len(calls(provisioning.StepNone))
		time.Sleep(time.Hour)
		if n := len(calls(provisioning.StepNone)); first == 0 || n != first {
			t.Errorf("%d accounts were looked at, and then %d more", first, n-first)
		}
		back.Store(true)
		time.Sleep(10 * time.Minute)
		for i, account := range accounts {
			asWanted(t, c, s, at, logins[i], account)
		}
		stop()
	})
}

// A paced target takes so many changes, and then says when to come back with the next.
type paced struct {
	*memory.Service
	left atomic.Int64
	told atomic.Int64
	wait time.Duration
}

func (p *paced) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if p.left.Add(-1) < 0 {
		p.told.Add(1)
		return provisioning.Observed{}, &fault.Error{Class: fault.Transient, RetryAfter: p.wait, Code: "paced"}
	}
	return p.Service.Ensure(ctx, want)
}

// TestWhoIsToldWhenToComeBack comes back then and not before, alone: others go on, however
// many are told so, and nobody takes it for trouble.
func TestWhoIsToldWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := &paced{Service: memory.New(domain.Mail), wait: 10 * time.Minute}
		at.left.Store(20)
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
		stop := served(t, s, r)
		accounts, logins := many(c, s, 60)
		time.Sleep(9 * time.Minute)
		if n := at.told.Load(); n != 40 {
			t.Errorf("forty are to come back, and were told so %d times", n)
		}
		if states, err := r.States(t.Context()); err != nil || states[0].State != processes.TargetClosed {
			t.Errorf("%+v, %v", states, err)
		}
		if failed := those[provisioning.Failed](c, s); len(failed) > 0 {
			t.Errorf("it is told as trouble: %+v", failed[0])
		}
		look := func(n int) provisioning.Observed {
			is, err := at.Observe(t.Context(), provisioning.Ref{Service: domain.Mail, Login: logins[n]})
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		n := slices.IndexFunc(logins, func(login provisioning.Login) bool { return look(slices.Index(logins, login)).Exists })
		execute(c, s, changes(domain.SubscriptionID(fmt.Sprintf("s%05d", n)), 0)) // which needs no Ensure
		time.Sleep(10 * time.Second)
		if is := look(n); is.Access == nil || *is.Access != provisioning.Suspended {
			t.Errorf("meanwhile nothing else is done: %+v", is)
		}
		at.left.Store(40)
		time.Sleep(2 * time.Minute)
		for i, account := range accounts {
			asWanted(t, c, s, at.Service, logins[i], account)
		}
		stop()
	})
}
