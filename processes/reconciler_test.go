package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
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
