package processes_test

import (
	"errors"
	"fmt"
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
