package processes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/processes"
)

// reconciler returns that of a node, which does not wait long.
func reconciler(c *coop, s *eventstore.Store, targets ...processes.Target) *processes.Reconciler {
	brief := func(int) time.Duration { return 1 }
	return &processes.Reconciler{
		Store: s, Log: quiet, Targets: targets, Book: roster{c, s}, Terms: processes.Terms{Today: c.day}, Backoff: brief, Trip: brief, Least: 1000, Nodes: roster{c, s},
	}
}

// A roster is what read models would know, read from the log.
type roster struct {
	c *coop
	s *eventstore.Store
}

func (b roster) all(service domain.Service) (all []processes.BookedAccount) {
	deleted, held := map[domain.AccountID]bool{}, map[domain.AccountID]bool{}
	for _, e := range those[provisioning.AccountSuspended](b.c, b.s) {
		held[e.Account] = true
	}
	for _, e := range those[provisioning.AccountDeleted](b.c, b.s) {
		deleted[e.Account] = true
	}
	for _, e := range those[provisioning.AccountRequested](b.c, b.s) {
		if e.Service == service {
			login, _ := e.Login.Reveal()
			known := stateOf[provisioning.Account](b.c, b.s, provisioning.StreamOf(e.Account))
			move, _ := known.Moving()
			deleted[e.Account] = deleted[e.Account] && known.Status() == provisioning.StatusDeleted
			all = append(all, processes.BookedAccount{Node: known.Node(), To: move.To, Account: e.Account, Service: e.Service, Login: login, Deleted: deleted[e.Account], Held: held[e.Account], Quota: e.Quota})
		}
	}
	slices.SortFunc(all, func(a, b processes.BookedAccount) int { return strings.Compare(string(a.Account), string(b.Account)) })
	return all
}

func (b roster) AccountsCounted(_ context.Context, service domain.Service) (n int, err error) {
	for _, a := range b.all(service) {
		if !a.Deleted {
			n++
		}
	}
	return n, nil
}

func (b roster) AccountsAfter(_ context.Context, service domain.Service, after domain.AccountID, limit int) ([]processes.BookedAccount, error) {
	all := b.all(service)
	all = slices.DeleteFunc(all, func(a processes.BookedAccount) bool { return a.Account <= after })
	return all[:min(limit, len(all))], nil
}

func (b roster) AccountsUnder(_ context.Context, service domain.Service, logins []provisioning.Login) ([]processes.BookedAccount, error) {
	under := map[provisioning.Login]bool{}
	for _, l := range logins {
		under[l] = true
	}
	return slices.DeleteFunc(b.all(service), func(a processes.BookedAccount) bool { return !under[a.Login] }), nil
}

func (b roster) AccountsOfParty(_ context.Context, party domain.PartyID) (all []processes.BookedAccount, _ error) {
	for _, e := range those[provisioning.AccountRequested](b.c, b.s) {
		if e.Party == party {
			known := stateOf[provisioning.Account](b.c, b.s, provisioning.StreamOf(e.Account))
			all = append(all, processes.BookedAccount{Account: e.Account, Service: e.Service, Deleted: known.Status() == provisioning.StatusDeleted})
		}
	}
	return all, nil
}

func (b roster) NodeLoads(_ context.Context, service domain.Service) (map[string]processes.NodeLoad, error) {
	loads := map[string]processes.NodeLoad{}
	for _, a := range b.all(service) {
		for _, node := range []string{a.Node, a.To} {
			if node != "" && !a.Deleted {
				loads[node] = processes.NodeLoad{Accounts: loads[node].Accounts + 1, Committed: loads[node].Committed + a.Quota}
			}
		}
	}
	return loads, nil
}

func (b roster) AccountsLeft(_ context.Context, service domain.Service, target string) (all []domain.AccountID, _ error) {
	for _, a := range b.all(service) {
		is := stateOf[provisioning.Account](b.c, b.s, provisioning.StreamOf(a.Account)).On(target)
		if there := is.Status == provisioning.StatusActive || is.Status == provisioning.StatusSuspended; there && is.Skipped == 0 {
			all = append(all, a.Account)
		}
	}
	return all, nil
}

func (b roster) AccountsUnplaced(_ context.Context, service domain.Service) (all []domain.AccountID, _ error) {
	for _, a := range b.all(service) {
		if a.Node == "" && !a.Deleted {
			all = append(all, a.Account)
		}
	}
	return all, nil
}

func (b roster) AccountsOn(_ context.Context, service domain.Service, node string, after domain.AccountID, _ int) (all []domain.AccountID, _ error) {
	for _, a := range b.all(service) {
		if a.Node == node && !a.Deleted && a.Account > after {
			all = append(all, a.Account)
		}
	}
	return all, nil
}

// observe looks at an account past all troubles.
func (c *coop) observe(at *memory.Service, service domain.Service, login provisioning.Login) provisioning.Observed {
	c.Helper()
	at.SetTrouble(nil)
	is, err := at.Observe(context.Background(), provisioning.Ref{Service: service, Login: login})
	if err != nil {
		c.Fatal(err)
	}
	return is
}

func target(at *memory.Service) processes.Target {
	return processes.Target{Name: "mail", Service: domain.Mail, At: at}
}

type testing_ interface {
	Helper()
	Errorf(string, ...any)
	Fatal(...any)
}

// asWanted makes sure that an account is as it is wanted, on the service and in the log.
func asWanted(t testing_, c *coop, s *eventstore.Store, at *memory.Service, login provisioning.Login, account domain.AccountID) {
	t.Helper()
	subscription, _ := entitlement.Of(domain.EntitlementID(account))
	wanted := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf(subscription))[domain.Mail]
	known := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
	is := c.observe(at, domain.Mail, login)
	if trouble, any := known.Trouble(); any {
		t.Errorf("%s: there is trouble: %+v", account, trouble)
	}
	switch wanted.Status {
	case entitlement.StatusRevoked:
		if is.Exists || known.Status() != provisioning.StatusDeleted {
			t.Errorf("%s: revoked, and there is %+v, known to be %s", account, is, known.Status())
		}
	case entitlement.StatusActive, entitlement.StatusSuspended:
		suspended := wanted.Status == entitlement.StatusSuspended
		if !is.Exists || *is.Quota != wanted.Quota || (*is.Access == provisioning.Suspended) != suspended || known.Quota() != wanted.Quota ||
			(known.Status() == provisioning.StatusSuspended) != suspended || known.Status() == provisioning.StatusDeleted {
			t.Errorf("%s: %+v is wanted; there is %+v, known to be %s with %d", account, wanted, is, known.Status(), known.Quota())
		}
	}
}

// TestChaos has a target time out, answer 500, answer late after it has done what was
// asked, lie about it, lose accounts, be away and deny us, while wishes change, people
// meddle with accounts and nodes come and go. After any of it accounts come to what
// is wanted, and the journal and the log say what was done.
func TestChaos(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := found(t)
		s := c.node()
		at := memory.New(domain.Mail)
		logins := []provisioning.Login{"anna.loom@example.org", "bert.loom@example.org", "cleo.loom@example.org"}
		var accounts []domain.AccountID
		for i, login := range logins {
			accounts = append(accounts, entitle(c, s, domain.SubscriptionID(fmt.Sprint("s", i)), login))
		}
		hasty := target(at)
		hasty.Timeout = 25 * time.Millisecond // with a target that hangs
		nodes := []*processes.Reconciler{reconciler(c, s, hasty), reconciler(c, c.node(), hasty)}
		trouble := rapid.SampledFrom(append(slices.Repeat([]memory.Trouble{memory.None}, 12), memory.Troubles...))
		settle := func() {
			i := rapid.IntRange(0, 1).Draw(rt, "node")
			runner := processes.NewRunner(nodes[i].Store, quiet, nodes[i].Processes()...)
			_ = runner.CatchUp(as(t.Context())) // and its troubles
		}
		var mu sync.Mutex
		var drawn []memory.Trouble
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			who := rapid.IntRange(0, 2).Draw(rt, "who")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				_, err := eventstore.Execute(as(t.Context()), s, changes(domain.SubscriptionID(fmt.Sprint("s", who)), rapid.IntRange(0, 6).Draw(rt, "change")))
				if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
					rt.Fatal(err)
				}
			case 2:
				at.Lose(logins[who])
			case 3:
				at.Meddle(logins[who], domain.Bytes(rapid.IntRange(1, 9).Draw(rt, "quota"))*domain.GB, rapid.SampledFrom([]provisioning.Access{provisioning.Active, provisioning.Suspended}).Draw(rt, "access"))
			default:
				drawn = rapid.SliceOfN(trouble, 40, 40).Draw(rt, "troubles")
				at.SetTrouble(func(memory.Call) memory.Trouble {
					mu.Lock()
					defer mu.Unlock()
					if len(drawn) == 0 {
						return memory.None
					}
					next := drawn[0]
					drawn = drawn[1:]
					return next
				})
				settle()
				at.SetTrouble(nil)
			}
		}
		ctx := as(t.Context())
		for range 3 { // a target that denied us is resumed, what was given up retried, and what has drifted mended
			if err := nodes[0].Resume(ctx, "mail"); err != nil {
				rt.Fatal(err)
			}
			settle()
			if _, err := nodes[0].CheckDrift(ctx, "mail", func(d processes.Drift) error { return nodes[0].Mend(ctx, d, true) }); err != nil {
				rt.Fatal(err)
			}
			time.Sleep(time.Microsecond)     // the shortest of pauses
			_ = nodes[0].Settle(ctx, "", "") // a slow machine may time out, and it is tried again
		}
		check, err := nodes[1].CheckDrift(ctx, "mail", func(d processes.Drift) error {
			rt.Errorf("there is still drift: %+v", d)
			return nil
		})
		if err != nil || check.Pending > 0 {
			rt.Errorf("the check: %+v, %v", check, err)
		}
		if waiting, err := nodes[0].Waiting(ctx, ""); err != nil || len(waiting) > 0 {
			rt.Errorf("work is left: %+v, %v", waiting, err)
		}
		told := map[memory.Call]int{}
		for i, login := range logins {
			asWanted(rt, c, s, at, login, accounts[i])
			tries, err := nodes[0].Journal(ctx, accounts[i])
			if err != nil || len(tries) > 32 {
				rt.Errorf("%d tries, %v", len(tries), err)
			}
			for _, try := range tries {
				for _, step := range try.Steps {
					told[memory.Call{Step: step, Login: login}]++
				}
			}
		}
		for call, n := range at.Taken() {
			if told[call] < n {
				rt.Errorf("%v was done %d times, and the journal tells of %d", call, n, told[call])
			}
		}
	})
}

// served runs processes until a test ends with them; within a bubble.
func served(t *testing.T, s *eventstore.Store, r *processes.Reconciler) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		processes.NewRunner(s, quiet, r.Processes()...).Run(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
		time.Sleep(time.Second) // until the node has shown for the last time that it lives
		_ = s.Log.Close()
		synctest.Wait()
	}
}

func many(c *coop, s *eventstore.Store, n int) (accounts []domain.AccountID, logins []provisioning.Login) {
	for i := range n {
		login := provisioning.Login(fmt.Sprintf("member%d@example.org", i))
		accounts, logins = append(accounts, entitle(c, s, domain.SubscriptionID(fmt.Sprintf("s%05d", i)), login)), append(logins, login)
	}
	return accounts, logins
}

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

// TestTooMuchIsAsked: where more accounts than is usual are to be suspended at once, a
// person is asked, and other work goes on.
func TestTooMuchIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := memory.New(domain.Mail)
		r := reconciler(c, s, target(at))
		r.Least = 0
		stop := served(t, s, r)
		accounts, logins := many(c, s, 40)
		time.Sleep(10 * time.Minute)
		suspended := func() (n int) {
			for _, login := range logins {
				if is := c.observe(at, domain.Mail, login); is.Exists && *is.Access == provisioning.Suspended {
					n++
				}
			}
			return n
		}
		ctx := eventstore.As(t.Context(), "cli/olga")
		hold := func(from, to int) {
			for i := from; i < to; i++ {
				execute(c, s, entitlement.Suspend{Subscription: domain.SubscriptionID(fmt.Sprintf("s%05d", i)), Service: domain.Mail, On: founding})
			}
			time.Sleep(10 * time.Second)
		}
		hold(0, 5)
		if n := suspended(); n != 5 {
			t.Errorf("%d are suspended of 5", n)
		}
		hold(5, 20)
		if n := suspended(); n > 5 {
			t.Errorf("%d are suspended, and nobody was asked", n)
		}
		execute(c, s, entitlement.Change{Subscription: "s00030", Service: domain.Mail, Quota: 2 * domain.GB, From: founding})
		time.Sleep(time.Minute)
		asWanted(t, c, s, at, logins[30], accounts[30])
		states, err := r.States(ctx)
		if err != nil || states[0].Question == nil || states[0].Question.Ends != 15 || states[0].Question.Of != 40 || states[0].Question.Most != 5 {
			t.Fatalf("what is asked is %+v, %v", states[0].Question, err)
		}
		if err := r.Answer(ctx, "mail", true); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := suspended(); n != 20 {
			t.Errorf("%d are suspended of 20", n)
		}
		hold(20, 26)
		if err := r.Answer(ctx, "mail", false); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * time.Hour)
		if n := suspended(); n != 20 {
			t.Errorf("%d are suspended, though a person has said no", n)
		}
		if given, err := r.Given(ctx, ""); err != nil || len(given) != 6 || given[0].Class != "refused" {
			t.Errorf("given up is %+v, %v", given, err)
		}
		if err := r.Answer(ctx, "mail", true); !errors.Is(err, processes.ErrNoQuestion) {
			t.Errorf("nothing is asked: %v", err)
		}
		if err := r.Retry(ctx, "mail", accounts[20]); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		asWanted(t, c, s, at, logins[20], accounts[20])
		stop()
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

// TestWhatIsReportedToBeWellIsNotGivenUp: work that was given up is done once the target
// tells that the account is as it is wanted after all, unless a person has said no.
func TestWhatIsReportedToBeWellIsNotGivenUp(t *testing.T) {
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	r := reconciler(c, s, target(at))
	const login = "anna.loom@example.org"
	at.Foreign(login)
	account := entitle(c, s, "s", login)
	_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(t.Context()) // which says that it is not ours
	if given, err := r.Given(t.Context(), "mail"); err != nil || len(given) != 1 || !given[0].Parked {
		t.Fatalf("%+v, %v", given, err)
	}
	at.Lose(login)
	if err := r.Hurry(as(t.Context()), "mail", account); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(as(t.Context()), "", ""); err != nil {
		t.Fatal(err)
	}
	asWanted(t, c, s, at, login, account)
}

// circular is a service whose pages lead back to the first.
type circular struct{ *memory.Service }

func (s circular) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if page, err = s.Service.List(ctx, "", limit); cursor == "a" {
		page.Next = "b"
	} else {
		page.Next = "a"
	}
	return page, err
}

// TestDriftEnds also where a target does not tell that its list does.
func TestDriftEnds(t *testing.T) {
	c := found(t)
	r := reconciler(c, c.node(), processes.Target{Name: "mail", Service: domain.Mail, At: circular{memory.New(domain.Mail)}})
	if _, err := r.CheckDrift(as(t.Context()), "mail", func(processes.Drift) error { return nil }); fault.CodeOf(err) != "circle" {
		t.Error(err)
	}
}

// peaceful is a service that asks to be left alone, so often and for so long.
type peaceful struct {
	*memory.Service
	times int
	wait  time.Duration
}

func (a *peaceful) List(ctx context.Context, cursor string, limit int) (provisioning.Page, error) {
	if a.times--; a.times >= 0 {
		return provisioning.Page{}, &fault.Error{Class: fault.Throttled, RetryAfter: a.wait, Err: errors.New("too much")}
	}
	return a.Service.List(ctx, cursor, limit)
}

// TestDriftIsNotWaitedForInSilence: a target that asks to be left alone for a moment is
// waited for, which is said; one that asks for longer is given up, which is said too.
func TestDriftIsNotWaitedForInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		at := &peaceful{memory.New(domain.Mail), 1, time.Minute}
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
		var log strings.Builder
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		compared := func() (time.Duration, error) {
			began := time.Now()
			_, err := r.CheckDrift(as(t.Context()), "mail", func(processes.Drift) error { return nil })
			return time.Since(began), err
		}
		if took, err := compared(); err != nil || took != time.Minute || !strings.Contains(log.String(), "for=1m0s") {
			t.Errorf("%v, %v: %s", took, err, log.String())
		}
		at.times, at.wait = 1, time.Hour
		if took, err := compared(); took > 0 || err == nil || !strings.Contains(err.Error(), "left alone for 1h0m0s") {
			t.Errorf("%v, %v", took, err)
		}
	})
}

// TestDriftIsLookedForAgain: a target that could not be compared is not left for six hours.
func TestDriftIsLookedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := &peaceful{memory.New(domain.Mail), 1, time.Hour}
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
		stop := served(t, s, r)
		last := func() processes.Check {
			t.Helper()
			states, err := r.States(t.Context())
			if err != nil || states[0].Drift == nil {
				t.Fatalf("%+v, %v", states, err)
			}
			return *states[0].Drift
		}
		time.Sleep(5 * time.Minute)
		if check := last(); !strings.Contains(check.Error, "left alone") {
			t.Errorf("at first: %+v", check)
		}
		time.Sleep(40 * time.Minute)
		check := last()
		if check.Error != "" {
			t.Errorf("and again: %+v", check)
		}
		time.Sleep(time.Hour)
		if again := last(); !again.At.Equal(check.At) {
			t.Errorf("though it was well: %+v", again)
		}
		stop()
	})
}

// TestDriftOfManyAccounts: of ten thousand, each that was changed by hand is found and
// mended; nobody's is left alone until somebody says what to do.
func TestDriftOfManyAccounts(t *testing.T) {
	const n = 10_000
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	var accounts []domain.AccountID
	var logins []provisioning.Login
	for from := 0; from < n; from += 500 {
		base, err := s.Log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) error {
			for i := from; i < from+500; i++ {
				revision := base + 4*int64(i-from) + 1 // four events of each, and the grant comes first
				of := entitlement.IDOf(domain.SubscriptionID(fmt.Sprintf("s%05d", i)), domain.Mail)
				login := provisioning.Login(fmt.Sprintf("member%d@example.org", i))
				accounts, logins = append(accounts, domain.AccountID(of)), append(logins, login)
				err := eventstore.Do(tx, entitlement.Grant{Subscription: domain.SubscriptionID(fmt.Sprintf("s%05d", i)), Party: "anna", Service: domain.Mail, Quota: domain.GB, From: founding})
				if err == nil {
					err = eventstore.Do2(tx, provisioning.RequestAccount{Account: domain.AccountID(of), Entitlement: of, Party: "anna", Service: domain.Mail, Login: login, Quota: domain.GB, On: founding})
				}
				if err != nil {
					return err
				}
				want := provisioning.Desired{Ref: provisioning.Ref{Service: domain.Mail, Login: login}, Account: domain.AccountID(of), Revision: revision, Access: provisioning.Active, Quota: domain.GB}
				if _, err := at.Ensure(t.Context(), want); err != nil {
					return err
				}
				if err := eventstore.Do(tx, provisioning.RecordProvisioned{Account: want.Account, Quota: domain.GB, Revision: revision}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := reconciler(c, s, target(at))
	r.Book = fixed{roster{c, s}.all(domain.Mail)}
	ctx := as(t.Context())
	want := map[string]int{}
	for i, login := range logins {
		switch i % 4 {
		case 0:
			at.Lose(login)
			want["missing ensure_account heal"]++
		case 1:
			at.Meddle(login, domain.GB/2, provisioning.Active)
			want["differs set_quota heal"]++
		case 2:
			at.Meddle(login, 5*domain.GB, provisioning.Suspended)
			want["differs set_quota ask"]++
			want["differs resume heal"]++
		}
	}
	at.Foreign("zoe@example.org")
	want["foreign  ask"]++
	at.Foreign("yves@example.org")
	if err := r.LeaveForeign(ctx, "mail", "yves@example.org"); err != nil {
		t.Fatal(err)
	}
	before := at.Taken()
	got := map[string]int{}
	check, err := r.CheckDrift(ctx, "mail", func(d processes.Drift) error {
		got[fmt.Sprintf("%s %s %s", d.Kind, d.Step, d.Policy)]++
		return r.Mend(ctx, d, false)
	})
	if err != nil || check.Left != 1 || check.There != n-n/4+2 {
		t.Errorf("%+v, %v", check, err)
	}
	for what, n := range want {
		if got[what] != n {
			t.Errorf("%q was found %d times, not %d", what, got[what], n)
		}
	}
	for call, n := range at.Taken() {
		if before[call] != n {
			t.Fatalf("looking has changed %v", call)
		}
	}
	if err := r.Settle(ctx, "", ""); err != nil {
		t.Fatal(err)
	}
	left := map[string]int{}
	if _, err := r.CheckDrift(ctx, "mail", func(d processes.Drift) error {
		left[fmt.Sprintf("%s %s %s", d.Kind, d.Step, d.Policy)]++
		return r.Mend(ctx, d, d.Kind == processes.DriftDiffers)
	}); err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || left["differs set_quota ask"] != want["differs set_quota ask"] || left["foreign  ask"] != 1 {
		t.Errorf("what needs nobody to say so is not mended: %v", left)
	}
	if err := r.Settle(ctx, "", ""); err != nil {
		t.Fatal(err)
	}
	asked := &questions{Driver: c.driver}
	s.Log = eventstore.NewLog(asked)
	if check, err := r.CheckDrift(ctx, "mail", func(d processes.Drift) error { return nil }); err != nil || len(check.Found) != 1 || check.Found[processes.DriftForeign] != 1 {
		t.Errorf("in the end %+v, %v", check, err)
	}
	if most := int64(n / 100); asked.Load() > most {
		t.Errorf("the log was asked %d times, and is asked of many accounts at once", asked.Load())
	}
	if repaired := those[provisioning.AccountRepaired](c, s); len(repaired) != n { // a quarter of them in two goes
		t.Errorf("%d repairs are told", len(repaired))
	}
}

// questions counts how often a log is asked what has happened to streams.
type questions struct {
	eventstore.Driver
	atomic.Int64
}

func (q *questions) Streams(ctx context.Context, wanted ...eventstore.StreamAfter) iter.Seq2[eventstore.Record, error] {
	if len(wanted) > 0 {
		q.Add(1)
	}
	return q.Driver.Streams(ctx, wanted...)
}

// fixed is a book that does not change.
type fixed struct{ accounts []processes.BookedAccount }

func (f fixed) AccountsCounted(context.Context, domain.Service) (int, error) {
	return len(f.accounts), nil
}

func (f fixed) AccountsAfter(_ context.Context, _ domain.Service, after domain.AccountID, limit int) ([]processes.BookedAccount, error) {
	i, found := slices.BinarySearchFunc(f.accounts, after, func(a processes.BookedAccount, id domain.AccountID) int {
		return strings.Compare(string(a.Account), string(id))
	})
	if found {
		i++
	}
	return f.accounts[i:min(i+limit, len(f.accounts))], nil
}

func (f fixed) AccountsOfParty(context.Context, domain.PartyID) ([]processes.BookedAccount, error) {
	return nil, nil
}

func (f fixed) AccountsUnder(_ context.Context, _ domain.Service, logins []provisioning.Login) (all []processes.BookedAccount, err error) {
	for _, login := range logins {
		var n int
		if _, err := fmt.Sscanf(string(login), "member%d@example.org", &n); err == nil {
			all = append(all, f.accounts[n])
		}
	}
	return all, nil
}

// TestErasureReachesTargets though the login is not known any more: the account is found
// by its mark.
func TestErasureReachesTargets(t *testing.T) {
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	account := entitle(c, s, "s", "anna.loom@example.org")
	r := reconciler(c, s, target(at))
	runner := processes.NewRunner(s, quiet, append(r.Processes(), processes.Erasure(s, func(context.Context, domain.PartyID) error { return nil }))...)
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	asWanted(t, c, s, at, "anna.loom@example.org", account)
	execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Service, Through: 1, On: founding, Statutes: c.rules})
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists {
		t.Error("the account is still there")
	}
	if gone := those[provisioning.AccountDeleted](c, s); len(gone) != 1 || gone[0].Account != account || gone[0].On != founding {
		t.Errorf("the receipts are %+v", gone)
	}
}

// A plodder takes its time for each account that it makes, and says so.
type plodder struct {
	*memory.Service
	takes, patience time.Duration
}

func (s plodder) Capabilities() provisioning.Capabilities {
	can := s.Service.Capabilities()
	can.Patience = s.patience
	return can
}

func (s plodder) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	select {
	case <-ctx.Done():
		return provisioning.Observed{}, ctx.Err()
	case <-time.After(s.takes):
		return s.Service.Ensure(ctx, want)
	}
}

// TestASlowTargetIsGivenTheTimeItAsksFor, and one that says nothing of it half a minute.
func TestASlowTargetIsGivenTheTimeItAsksFor(t *testing.T) {
	for patience, made := range map[time.Duration]bool{0: false, 3 * time.Minute: true} {
		synctest.Test(t, func(t *testing.T) {
			c := found(t)
			s := c.node()
			at := memory.New(domain.Mail)
			entitle(c, s, "s", "anna.loom@example.org")
			r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: plodder{at, 2 * time.Minute, patience}})
			_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(t.Context())
			if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists != made {
				t.Errorf("with a patience of %v it is made: %v", patience, is.Exists)
			}
		})
	}
}

// A leafer lists an account at a time, and takes a while for each.
type leafer struct{ *memory.Service }

func (s leafer) List(ctx context.Context, cursor string, _ int) (provisioning.Page, error) {
	select {
	case <-ctx.Done():
		return provisioning.Page{}, ctx.Err()
	case <-time.After(20 * time.Second):
		return s.Service.List(ctx, cursor, 1)
	}
}

// TestErasureReachesTargetsThatAreLarge: who is found by their mark alone is looked for as
// long as that takes, and no request takes longer for it.
func TestErasureReachesTargetsThatAreLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		at := memory.New(domain.Mail)
		entitle(c, s, "s", "anna.loom@example.org")
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: leafer{at}})
		runner := processes.NewRunner(s, quiet, append(r.Processes(), processes.Erasure(s, func(context.Context, domain.PartyID) error { return nil }))...)
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range 9 {
			at.Foreign(provisioning.Login(fmt.Sprintf("a%d@example.org", n)))
		}
		execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Service, Through: 1, On: founding, Statutes: c.rules})
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists {
			t.Error("the account is still there")
		}
	})
}

// A talker says of whom it is asked, and deletes nobody until it is mended.
type talker struct {
	*memory.Service
	mended bool
}

func (m *talker) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if !m.mended {
		return provisioning.Observed{}, fault.New(fault.Invalid, "", "%s, alias %v, is not deleted here", want.Login, want.Aliases)
	}
	return m.Service.Delete(ctx, want)
}

// TestErasureReachesWhereDeletionWasGivenUp: a target that has not deleted an account, for it could not or somebody has
// given up on it, does so when its holder is erased; and nothing that is kept of it names them.
func TestErasureReachesWhereDeletionWasGivenUp(t *testing.T) {
	const login, also provisioning.Login = "anna.loom@example.org", "annas@example.org"
	for _, skipped := range []bool{false, true} {
		c := found(t)
		s := c.node()
		at, mirror := memory.New(domain.Mail), &talker{Service: memory.New(domain.Mail)}
		account := entitle(c, s, "s", login)
		if err := c.change(s, func(tx *eventstore.Tx) error { return naming(c, s).AddAlias(tx, account, also) }); err != nil {
			t.Fatal(err)
		}
		r := reconciler(c, s, target(at), processes.Target{Name: "mirror", Service: domain.Mail, At: mirror})
		erasure := processes.Erasure(s, func(context.Context, domain.PartyID) error { return nil })
		settle := func() { // it says what was given up, which is seen below
			_ = processes.NewRunner(s, quiet, append(r.Processes(), erasure)...).CatchUp(as(t.Context()))
		}
		settle()
		execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
		settle()
		if c.observe(at, domain.Mail, login).Exists || !c.observe(mirror.Service, domain.Mail, login).Exists {
			t.Fatal("it is to be deleted here, and not there")
		}
		if skipped {
			if err := r.Skip(as(t.Context()), "mirror", account, "somebody else cares for it"); err != nil {
				t.Fatal(err)
			}
		}
		execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Service, Through: 1, On: founding, Statutes: c.rules})
		settle()
		tries, err := r.Journal(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		given, err := r.Given(t.Context(), "mirror")
		if err != nil || len(given) != 1 {
			t.Fatalf("given up is %+v, %v", given, err)
		}
		if kept := fmt.Sprintf("%+v %+v", tries, given); strings.Contains(kept, string(login)) || strings.Contains(kept, string(also)) {
			t.Errorf("what is kept names them: %s", kept)
		}
		mirror.mended = true
		if err := r.Retry(as(t.Context()), "mirror", account); err != nil {
			t.Fatal(err)
		}
		settle()
		if c.observe(mirror.Service, domain.Mail, login).Exists {
			t.Error("the account is still there")
		}
		if gone := those[provisioning.AccountDeleted](c, s); len(gone) != 2 || gone[1].Target != "mirror" {
			t.Errorf("the receipts are %+v", gone)
		}
	}
}

// TestAnAccountStaysForAWhile when its holder is not entitled to it any more: nobody logs
// in, mail arrives and then is refused, and then it is deleted, with a receipt that says
// when the last backup is gone. Who comes back in time has it as it was.
func TestAnAccountStaysForAWhile(t *testing.T) {
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	account := entitle(c, s, "s", "anna.loom@example.org")
	r := reconciler(c, s, target(at))
	r.Terms.Stay, r.Terms.Mail, r.Terms.Backups = 30, 10, 90
	runner := processes.NewRunner(s, quiet, r.Processes()...)
	on := func(days int, access provisioning.Access, inbound provisioning.Inbound) {
		t.Helper()
		c.setDay(founding.AddDays(days))
		for range 2 {
			if err := r.Daily(as(t.Context())); err != nil {
				t.Fatal(err)
			}
			if err := runner.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = r.Settle(as(t.Context()), "", "")
		}
		switch is := c.observe(at, domain.Mail, "anna.loom@example.org"); {
		case access == provisioning.Absent && is.Exists, access != provisioning.Absent && (!is.Exists || *is.Access != access || *is.Inbound != inbound):
			t.Errorf("after %d days it is %+v", days, is)
		}
		if _, err := r.CheckDrift(as(t.Context()), "mail", func(d processes.Drift) error {
			t.Errorf("after %d days there is drift: %+v", days, d)
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	on(0, provisioning.Active, provisioning.Accept)
	execute(c, s, entitlement.Suspend{Subscription: "s", Service: domain.Mail, On: founding})
	on(0, provisioning.Suspended, provisioning.Accept)
	on(9, provisioning.Suspended, provisioning.Accept)
	on(10, provisioning.Suspended, provisioning.Reject)
	execute(c, s, entitlement.Resume{Subscription: "s", Service: domain.Mail, On: founding.AddDays(12)})
	on(12, provisioning.Active, provisioning.Accept)
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding.AddDays(20)})
	on(20, provisioning.Suspended, provisioning.Accept)
	on(30, provisioning.Suspended, provisioning.Reject)
	on(49, provisioning.Suspended, provisioning.Reject)
	if gone := those[provisioning.AccountDeleted](c, s); len(gone) > 0 {
		t.Errorf("it is said to be deleted: %+v", gone)
	}
	on(50, provisioning.Absent, "")
	if gone := those[provisioning.AccountDeleted](c, s); len(gone) != 1 || gone[0].Account != account || gone[0].On != founding.AddDays(50) || gone[0].Backups != founding.AddDays(140) {
		t.Errorf("the receipt is %+v", gone)
	}
}

// clearing is a service that takes its time to clear away what was deleted.
type clearing struct {
	*memory.Service
	left int // how often it is asked before it is done
}

func (c *clearing) Purge(ctx context.Context, want provisioning.Desired) error {
	if c.left--; c.left >= 0 {
		return fault.New(fault.Transient, "purging", "it waits to be removed")
	}
	return c.Service.Purge(ctx, want)
}

// TestClearingAwayIsNoTrouble: who waits for what is deleted to be cleared away warns of
// nothing, and has the target neither left alone nor called troubled.
func TestClearingAwayIsNoTrouble(t *testing.T) {
	c := found(t)
	s := c.node()
	at := &clearing{memory.New(domain.Mail), 20}
	r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
	var said bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelInfo}))
	account := entitle(c, s, "s", "anna.loom@example.org")
	c.settle(s, r)
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	for tries := 0; stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)).Status() != provisioning.StatusDeleted; tries++ {
		if tries > 25 {
			t.Fatal("it is never done")
		}
		_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())) // until it is done
	}
	if at.left >= 0 || said.Len() > 0 {
		t.Errorf("asked %d times less, and this was said: %s", at.left+1, &said)
	}
	if n := len(those[provisioning.Failed](c, s)); n > 0 {
		t.Errorf("%d failures are recorded", n)
	}
	if states, err := r.States(t.Context()); err != nil || states[0].State != processes.TargetClosed {
		t.Errorf("the target is %+v, %v", states, err)
	}
}
