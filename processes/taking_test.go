package processes_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/modules"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// A view is a service as one node calls it, which takes its time.
type view struct {
	*memory.Service
	took time.Duration
	call func(step provisioning.Step, want provisioning.Desired)
}

func (v view) asked(ctx context.Context, step provisioning.Step, want provisioning.Desired) {
	v.call(step, want)
	select {
	case <-ctx.Done():
	case <-time.After(v.took):
	}
}

func (v view) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	v.asked(ctx, provisioning.StepNone, provisioning.Desired{Ref: ref})
	if err := ctx.Err(); err != nil {
		return provisioning.Observed{}, err
	}
	return v.Service.Observe(ctx, ref)
}

func (v view) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	v.asked(ctx, provisioning.StepEnsure, want)
	return v.Service.Ensure(ctx, want)
}

// works returns all work there is.
func works(t *testing.T, s *eventstore.Store) (all []processes.Work) {
	t.Helper()
	for e, err := range eventstore.Entries(t.Context(), s.Log.KV(), "work/") {
		var w processes.Work
		if err := errors.Join(err, json.Unmarshal(e.Value, &w)); err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	return all
}

// once makes sure that each account is on the service, was made once, and that this was
// said once.
func once(t *testing.T, c *coop, s *eventstore.Store, at *memory.Service, accounts []domain.AccountID, logins []provisioning.Login) {
	t.Helper()
	said := map[domain.AccountID]int{}
	for _, e := range those[provisioning.AccountProvisioned](c, s) {
		said[e.Account]++
	}
	for i, account := range accounts {
		asWanted(t, c, s, at, logins[i], account)
		made := at.Taken()[memory.Call{Step: provisioning.StepEnsure, Login: logins[i]}]
		if made != 1 || said[account] != 1 {
			t.Errorf("%s was made %d times, and that was said %d times", account, made, said[account])
		}
	}
	if left := works(t, s); len(left) > 0 {
		t.Errorf("there is work left: %+v", left)
	}
}

// A severed log is that of a node which was killed, as soon as it is cut: nothing of
// it reaches the others.
type severed struct {
	eventstore.Driver
	cut atomic.Bool
}

var errSevered = errors.New("the node was killed")

func (s *severed) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	if s.cut.Load() {
		return nil, errSevered
	}
	return s.Driver.Write(ctx, units)
}

func (s *severed) Put(ctx context.Context, changes ...eventstore.Change) error {
	if s.cut.Load() {
		return errSevered
	}
	return s.Driver.Put(ctx, changes...)
}

// TestABatchIsTakenOverWhole from a node that was killed with it: what it had begun,
// and what it had only taken.
func TestABatchIsTakenOverWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		at := memory.New(domain.Mail)
		driver := &severed{Driver: c.driver}
		keys, err := eventstore.NewKeys(driver, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		killed, s := eventstore.New(eventstore.NewLog(driver), c.node().Registry, keys), c.node()
		killed.Now, s.Now = time.Now, time.Now
		begun := 0
		var mu sync.Mutex
		hangs := target(at)
		hangs.Parallel, hangs.Timeout = 4, time.Hour
		hangs.At = view{at, time.Hour, func(provisioning.Step, provisioning.Desired) {
			mu.Lock()
			defer mu.Unlock()
			begun++
		}}
		accounts, logins := many(c, killed, 12)
		stop := served(t, killed, reconciler(c, killed, hangs))
		time.Sleep(2 * time.Second)
		driver.cut.Store(true)
		held := works(t, s)
		mu.Lock()
		if slices.ContainsFunc(held, func(w processes.Work) bool { return w.Holder != held[0].Holder || w.Holder == "" }) || len(held) != 12 || begun != 4 {
			t.Errorf("before it is killed the node has begun %d, and this is held: %+v", begun, held)
		}
		mu.Unlock()
		good := target(at)
		good.Parallel = 4
		stopOther := served(t, s, reconciler(c, s, good))
		time.Sleep(time.Minute)
		once(t, c, s, at, accounts, logins)
		stopOther()
		stop()
	})
}

// TestOneOfABatchFails, since its stream cannot be read: the others do not wait for it.
func TestOneOfABatchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		accounts, logins := many(c, s, 20)
		version := int64(0)
		for rec, err := range s.Log.Stream(t.Context(), provisioning.StreamOf(accounts[7]), 0) {
			if version = rec.Version; err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Log.Append(t.Context(), eventstore.StreamAppend{
			Stream: provisioning.StreamOf(accounts[7]), Version: version,
			Records: []eventstore.Record{{
				ID: uuid.New(), Actor: "newer", RecordedAt: time.Now().UTC(),
				Encoded: domain.Encoded{Type: "provisioning.of_a_newer_program", Edition: 1, Data: []byte("{}")},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := reconciler(c, s, target(at))
		r.Backoff = nil
		stop := served(t, s, r)
		time.Sleep(time.Second)
		for i, account := range accounts {
			if i != 7 {
				asWanted(t, c, s, at, logins[i], account)
			}
		}
		left := works(t, s)
		if len(left) != 1 || left[0].Account != accounts[7] || left[0].Attempts == 0 || left[0].Class != "transient" {
			t.Errorf("what is left is %+v", left)
		}
		if tries, err := r.Journal(t.Context(), accounts[7]); err != nil || len(tries) == 0 || tries[0].Error == "" {
			t.Errorf("the journal of it: %+v, %v", tries, err)
		}
		if is := c.observe(at, domain.Mail, logins[7]); is.Exists {
			t.Error("what could not be read was made")
		}
		stop()
	})
}

// TestNodesTakeOtherAccounts: several at work at once share many accounts, and no two
// of them ever ask for the same.
func TestNodesTakeOtherAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		at := memory.New(domain.Mail)
		var mu sync.Mutex
		by := map[provisioning.Login]int{}
		share := map[int]int{}
		var accounts []domain.AccountID
		var logins []provisioning.Login
		var stops []func()
		for n := range 3 {
			s := c.node()
			s.Now = time.Now
			if n == 0 {
				accounts, logins = many(c, s, 600)
			}
			node := target(at)
			node.Parallel = 6
			node.At = view{at, 20 * time.Millisecond, func(step provisioning.Step, want provisioning.Desired) {
				mu.Lock()
				defer mu.Unlock()
				if other, known := by[want.Login]; known && other != n {
					t.Errorf("node %d asks for %s, which is node %d's", n, want.Login, other)
				}
				by[want.Login] = n
				if step == provisioning.StepEnsure {
					share[n]++
				}
			}}
			stops = append(stops, served(t, s, reconciler(c, s, node)))
		}
		time.Sleep(2 * time.Minute)
		for _, stop := range stops {
			stop()
		}
		once(t, c, c.node(), at, accounts, logins)
		if len(share) != 3 {
			t.Errorf("the nodes have done %v", share)
		}
	})
}

// TestDoneByHowItIsWanted when its turn comes, and not when it was taken.
func TestDoneByHowItIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s, elsewhere := c.node(), c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		var mu sync.Mutex
		made := map[provisioning.Login][]domain.Bytes{}
		slow := target(at)
		slow.Parallel = 1
		slow.At = view{at, 3 * time.Second, func(step provisioning.Step, want provisioning.Desired) {
			mu.Lock()
			defer mu.Unlock()
			if step == provisioning.StepEnsure {
				made[want.Login] = append(made[want.Login], want.Quota)
			}
		}}
		_, logins := many(c, s, 3)
		stop := served(t, s, reconciler(c, s, slow))
		time.Sleep(2 * time.Second)
		if held := works(t, s); slices.ContainsFunc(held, func(w processes.Work) bool { return w.Holder == "" }) || len(held) != 3 {
			t.Fatalf("not all is taken: %+v", held)
		}
		for _, id := range []domain.SubscriptionID{"s00000", "s00001", "s00002"} {
			execute(c, elsewhere, entitlement.Change{Subscription: id, Service: domain.Mail, Quota: 7 * domain.GB, From: founding})
		}
		time.Sleep(time.Minute)
		stop()
		later := 0
		for _, login := range logins {
			if quotas := made[login]; len(quotas) != 1 {
				t.Errorf("%s was made with %v", login, quotas)
			} else if quotas[0] == 7*domain.GB {
				later++
			}
			if is := c.observe(at, domain.Mail, login); *is.Quota != 7*domain.GB {
				t.Errorf("%s may hold %d", login, *is.Quota)
			}
		}
		if later != 2 { // all but the first, which was begun before
			t.Errorf("they were made with %v", made)
		}
	})
}

// An interrupted log lets something happen just before work is first put.
type interrupted struct {
	eventstore.Driver
	meanwhile func() // once
	claimed   error  // what became of what was put then
}

func (i *interrupted) Put(ctx context.Context, changes ...eventstore.Change) error {
	if i.meanwhile == nil || !slices.ContainsFunc(changes, func(c eventstore.Change) bool { return strings.HasPrefix(c.Key, "work/") }) {
		return i.Driver.Put(ctx, changes...)
	}
	meanwhile := i.meanwhile
	i.meanwhile = nil
	meanwhile()
	i.claimed = i.Driver.Put(ctx, changes...)
	return i.claimed
}

// TestAnOldListClaimsNothing: after a node has listed its work, another does it, and
// it is asked for anew. What the first holds of it is not put in its place.
func TestAnOldListClaimsNothing(t *testing.T) {
	c := found(t)
	s, at := c.node(), memory.New(domain.Mail)
	quick := reconciler(c, s, target(at))
	account := entitle(c, s, "s", "anna.loom@example.org")
	c.settle(s, quick)
	ask := func(actor string) {
		t.Helper()
		if err := quick.ReconcileAccount(eventstore.As(t.Context(), actor), account); err != nil {
			t.Fatal(err)
		}
	}
	settle := func(r *processes.Reconciler) {
		t.Helper()
		if err := r.Settle(as(t.Context()), "mail", ""); err != nil {
			t.Fatal(err)
		}
	}

	driver := &interrupted{Driver: c.driver}
	keys, err := eventstore.NewKeys(driver, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	slow := reconciler(c, eventstore.New(eventstore.NewLog(driver), modules.Registry(), keys), target(at))
	ask("one")
	driver.meanwhile = func() {
		settle(quick)
		ask("another")
	}
	settle(slow)
	if !eventstore.IsStale(driver.claimed) {
		t.Errorf("a claim by an old list ended with %v", driver.claimed)
	}
	settle(slow) // what it finds now
	tries, err := quick.Journal(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	var by []string
	for _, try := range tries {
		by = append(by, try.By)
	}
	if want := []string{"test", "one", "another"}; !slices.Equal(by, want) {
		t.Errorf("it was tried for %q, want %q", by, want)
	}
	if left := works(t, s); len(left) > 0 {
		t.Errorf("there is work left: %+v", left)
	}
}

// A stubborn log does not put down work, for a while.
type stubborn struct {
	eventstore.Driver
	left atomic.Int32 // how often it fails
}

func (r *stubborn) Put(ctx context.Context, changes ...eventstore.Change) error {
	if slices.ContainsFunc(changes, func(c eventstore.Change) bool { return strings.HasPrefix(c.Key, "work/") }) && r.left.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return r.Driver.Put(ctx, changes...)
}

// TestNoWorkIsLost when it cannot be put down: the checkpoint does not move on past it.
func TestNoWorkIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		driver := &stubborn{Driver: c.driver}
		driver.left.Store(3)
		keys, err := eventstore.NewKeys(driver, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		s := eventstore.New(eventstore.NewLog(driver), c.node().Registry, keys)
		s.Now = time.Now
		at := memory.New(domain.Mail)
		accounts, logins := many(c, s, 5)
		stop := served(t, s, reconciler(c, s, target(at)))
		time.Sleep(2 * time.Minute)
		stop()
		if driver.left.Load() > 0 {
			t.Errorf("it did not fail often enough: %d more", driver.left.Load())
		}
		once(t, c, c.node(), at, accounts, logins)
	})
}

// TestWorkIsTakenOver from a node that shows no life any more, and each account is
// done by one node at a time.
func TestWorkIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		var mu sync.Mutex
		dead, twice := map[provisioning.Login]bool{}, 0
		at.SetTrouble(func(call memory.Call) memory.Trouble {
			mu.Lock()
			defer mu.Unlock()
			if call.Step == provisioning.StepEnsure {
				if dead[call.Login] {
					twice++
				}
				dead[call.Login] = true
			}
			return memory.None
		})
		r, other := reconciler(c, s, target(at)), reconciler(c, c.node(), target(at))
		accounts, logins := many(c, s, 30)
		// A node that died at work: what it held names it, and it shows no life.
		if err := processes.NewRunner(s, quiet, r.Processes()...).CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, account := range accounts {
			at.Lose(logins[i])
			if err := r.ReconcileAccount(as(t.Context()), account); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		clear(dead)
		twice = 0
		mu.Unlock()
		for e, err := range eventstore.Entries(t.Context(), s.Log.KV(), "work/") {
			if err != nil {
				t.Fatal(err)
			}
			held := strings.Replace(string(e.Value), `"account"`, `"holder":"dead","account"`, 1)
			if err := s.Log.KV().Put(t.Context(), eventstore.Change{Key: e.Key, Value: []byte(held), Revision: e.Revision}); err != nil {
				t.Fatal(err)
			}
		}
		stop, stopOther := served(t, s, r), served(t, other.Store, other)
		time.Sleep(time.Minute)
		for i, account := range accounts {
			asWanted(t, c, s, at, logins[i], account)
		}
		if twice > 0 {
			t.Errorf("%d were made by two nodes", twice)
		}
		stop()
		stopOther()
	})
}
