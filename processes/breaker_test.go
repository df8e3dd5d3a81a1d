package processes_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestATargetThatIsAwayForADay delays its own work only, of which no attempt counts,
// and is not flooded when it is back.
func TestATargetThatIsAwayForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at, other := memory.New(domain.Mail), memory.New(domain.Mail)
		var mu sync.Mutex
		calls, back := 0, false
		at.SetTrouble(func(memory.Call) memory.Trouble {
			mu.Lock()
			defer mu.Unlock()
			calls++
			if back {
				return memory.None
			}
			return memory.Away
		})
		r := reconciler(c, s, target(at), processes.Target{Name: "directory", Service: domain.Mail, At: other})
		r.Backoff, r.Trip = nil, nil
		stop := served(t, s, r)
		accounts, logins := many(c, s, 200)
		time.Sleep(24 * time.Hour)
		mu.Lock()
		if calls > 24*60/5*4 {
			t.Errorf("it was asked %d times in a day", calls)
		}
		calls, back = 0, true
		mu.Unlock()
		for _, account := range accounts {
			o := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)).On("directory")
			if o.Status != provisioning.StatusActive {
				t.Fatalf("on the other target %s is %s", account, o.Status)
			}
		}
		waiting, err := r.Waiting(t.Context(), "mail")
		if err != nil || len(waiting) != len(accounts) {
			t.Fatalf("%d wait, %v", len(waiting), err)
		}
		for _, w := range waiting {
			if w.Attempts > 0 || w.Parked {
				t.Errorf("it counts: %+v", w)
			}
		}
		time.Sleep(10 * time.Minute)
		for i, account := range accounts {
			asWanted(t, c, s, at, logins[i], account)
		}
		stop()
	})
}

// TestTroubleByItsClass: what passes is tried again in growing distances, what lasts is
// given up until somebody retries it or gives a reason to skip it; who denies us is not
// asked again until resumed.
func TestTroubleByItsClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		var mu sync.Mutex
		var looks []time.Time
		trouble := memory.Fails
		at.SetTrouble(func(call memory.Call) memory.Trouble {
			mu.Lock()
			defer mu.Unlock()
			looks = append(looks, time.Now())
			return trouble
		})
		be := func(next memory.Trouble) {
			mu.Lock()
			defer mu.Unlock()
			trouble, looks = next, nil
		}
		asked := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(looks)
		}
		r := reconciler(c, s, target(at))
		r.Backoff, r.Trip = nil, nil
		stop := served(t, s, r)
		ctx := eventstore.As(t.Context(), "cli/olga")
		account := entitle(c, s, "s", "anna.loom@example.org")
		time.Sleep(12 * time.Hour)
		if n := asked(); n < 12 || n > 400 {
			t.Errorf("in 12 hours it was tried %d times", n)
		}
		if failed := those[provisioning.Failed](c, s); len(failed) != 1 || failed[0].Class != "transient" || failed[0].Parked {
			t.Errorf("the trouble is told as %+v", failed)
		}
		be(memory.Denies)
		if err := r.Retry(ctx, "mail", account); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if n := asked(); n != 1 {
			t.Errorf("who denies us was asked %d times", n)
		}
		if states, err := r.States(ctx); err != nil || states[0].State != processes.TargetDenied || !strings.Contains(states[0].Reason, "401") {
			t.Errorf("%+v, %v", states, err)
		}
		if err := r.Resume(ctx, "mail"); err == nil {
			t.Error("it was resumed though it denies us")
		}
		be(memory.None)
		at.Foreign("anna.loom@example.org")
		if err := r.Resume(ctx, "mail"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		given, err := r.Given(ctx, "mail")
		if err != nil || len(given) != 1 || !given[0].Parked || given[0].Class != "conflict" || strings.Contains(given[0].Error, "anna") {
			t.Fatalf("given up is %+v, %v", given, err)
		}
		if err := r.Skip(ctx, "mail", account, ""); !errors.Is(err, processes.ErrWhy) {
			t.Errorf("skipped for no reason: %v", err)
		}
		if err := r.Skip(ctx, "mail", account, "it is their old account"); err != nil {
			t.Error(err)
		}
		if skipped := those[provisioning.WorkSkipped](c, s); len(skipped) != 1 {
			t.Errorf("skipped %+v", skipped)
		}
		if err := r.Retry(ctx, "mail", account); !errors.Is(err, processes.ErrNoWork) {
			t.Errorf("what was skipped is retried: %v", err)
		}
		at.Lose("anna.loom@example.org")
		if err := r.ReconcileAccount(ctx, account); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists {
			t.Error("what was skipped was done")
		}
		execute(c, s, entitlement.Change{Subscription: "s", Service: domain.Mail, Quota: 2 * domain.GB, From: founding})
		time.Sleep(time.Minute)
		asWanted(t, c, s, at, "anna.loom@example.org", account)
		if err := r.Pause(ctx, "mail", "moving house"); err != nil {
			t.Error(err)
		}
		execute(c, s, entitlement.Suspend{Subscription: "s", Service: domain.Mail, On: founding})
		time.Sleep(time.Hour)
		if is := c.observe(at, domain.Mail, "anna.loom@example.org"); *is.Access != provisioning.Active {
			t.Error("a target that is paused was worked with")
		}
		if plan, err := r.Plan(ctx, ""); err != nil || len(plan) != 1 || !slices.Equal(plan[0].Steps, []provisioning.Step{provisioning.StepSuspend}) || plan[0].Held == "" {
			t.Errorf("the plan: %+v, %v", plan, err)
		}
		if err := r.Resume(ctx, "mail"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		asWanted(t, c, s, at, "anna.loom@example.org", account)
		tries, err := r.Journal(ctx, account)
		if err != nil || !slices.ContainsFunc(tries, func(try processes.Tried) bool { return try.By == "cli/olga" && try.Why == "retried" }) {
			t.Errorf("the journal: %+v, %v", tries, err)
		}
		stop()
	})
}
