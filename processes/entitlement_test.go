package processes_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// entitled is what a subscription entitles to: how much mail, how much storage, and
// whether it may be used.
type entitled struct {
	mail, storage domain.Bytes
	status        entitlement.Status
}

func (c *coop) entitled(s *eventstore.Store, id domain.SubscriptionID) entitled {
	c.Helper()
	all := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf(id))
	if all[domain.Mail].Status != all[domain.Storage].Status {
		c.Errorf("mail is %s, storage %s", all[domain.Mail].Status, all[domain.Storage].Status)
	}
	return entitled{all[domain.Mail].Quota, all[domain.Storage].Quota, all[domain.Mail].Status}
}

// TestEntitlementsFollowTheSubscription on the day on which things change, whoever
// looks, and however often.
func TestEntitlementsFollowTheSubscription(t *testing.T) {
	c := found(t)
	s := c.node()
	runner := processes.NewRunner(s, quiet, processes.Entitlements(s, c.day))
	on := func(d calendar.Date, want entitled, what string) {
		t.Helper()
		c.setDay(d)
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is done day by day
			if err := processes.SyncEntitlements(as(t.Context()), s, "s", d); err != nil {
				t.Fatal(err)
			}
		}
		head, _ := s.Log.Head(t.Context())
		if err := processes.SyncEntitlements(as(t.Context()), c.node(), "s", d); err != nil {
			t.Fatal(err)
		}
		if after, _ := s.Log.Head(t.Context()); after != head {
			t.Errorf("%s: done again, it is told again", what)
		}
		if got := c.entitled(s, "s"); got != want {
			t.Errorf("%s: %+v, not %+v", what, got, want)
		}
	}
	day := founding.AddDays
	execute(c, s, subscription.Subscribe{
		Subscription: "s", Party: "anna", Payer: "anna", Plan: "nubo", GB: 10,
		Terms: subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 100}, On: day(0), From: day(3),
	})
	on(day(0), entitled{}, "subscribed, from later on")
	on(day(3), entitled{2 * domain.GB, 8 * domain.GB, entitlement.StatusActive}, "begun")
	if granted := those[entitlement.Granted](c, s); len(granted) != 4 || granted[0].Party != "anna" || granted[0].From != day(3) {
		t.Errorf("granted %+v", granted)
	}
	execute(c, s, subscription.ChangeQuota{Subscription: "s", GB: 20, On: day(3), From: day(10)})
	on(day(9), entitled{2 * domain.GB, 8 * domain.GB, entitlement.StatusActive}, "to be more later")
	on(day(10), entitled{4 * domain.GB, 16 * domain.GB, entitlement.StatusActive}, "more")
	execute(c, s, subscription.Suspend{Subscription: "s", Reason: subscription.Unpaid, On: day(12)})
	on(day(11), entitled{4 * domain.GB, 16 * domain.GB, entitlement.StatusActive}, "to be suspended")
	on(day(12), entitled{4 * domain.GB, 16 * domain.GB, entitlement.StatusSuspended}, "suspended")
	execute(c, s, subscription.ChangeQuota{Subscription: "s", GB: 5, On: day(12), From: day(13)})
	on(day(13), entitled{domain.GB, 4 * domain.GB, entitlement.StatusSuspended}, "less, while suspended")
	execute(c, s, subscription.Resume{Subscription: "s", On: day(15)})
	on(day(14), entitled{domain.GB, 4 * domain.GB, entitlement.StatusSuspended}, "to be resumed")
	on(day(15), entitled{domain.GB, 4 * domain.GB, entitlement.StatusActive}, "resumed")
	last := founding.Month().Last()
	execute(c, s, subscription.Cancel{Subscription: "s", On: day(16), Ends: last})
	on(day(16), entitled{domain.GB, 4 * domain.GB, entitlement.StatusActive}, "cancelled with the month")
	on(last, entitled{domain.GB, 4 * domain.GB, entitlement.StatusActive}, "on the last day")
	on(last.AddDays(1), entitled{domain.GB, 4 * domain.GB, entitlement.StatusRevoked}, "over")
	on(last.AddDays(99), entitled{domain.GB, 4 * domain.GB, entitlement.StatusRevoked}, "long over")
	if n := len(those[entitlement.Revoked](c, s)); n != 4 {
		t.Errorf("revoked %d times", n)
	}
	if err := processes.SyncEntitlements(as(t.Context()), s, "nobody's", last); err != nil {
		t.Error(err)
	}
}

func TestAPlanThatIsGoneIsTold(t *testing.T) {
	c := found(t)
	s := c.node()
	execute(c, s, subscription.Subscribe{
		Subscription: "s", Party: "anna", Payer: "anna", Plan: "warp", GB: 10,
		Terms: subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 100}, On: founding, From: founding,
	})
	err := processes.SyncEntitlements(as(t.Context()), s, "s", founding)
	if _, refused := errors.AsType[domain.Refusal](err); err == nil || refused {
		t.Errorf("a plan that no list has: %v", err)
	}
}

// TestEntitlementsComeToTheSame whenever and in whatever order anybody looks.
func TestEntitlementsComeToTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := found(t)
		s := c.node()
		c.subscribe(s, "s", "anna", 10, founding)
		today := founding
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			today = today.AddDays(rapid.IntRange(0, 3).Draw(rt, "days"))
			later := today.AddDays(rapid.IntRange(0, 4).Draw(rt, "later"))
			var cmd domain.Command[subscription.Subscription]
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				cmd = subscription.ChangeQuota{Subscription: "s", GB: rapid.IntRange(5, 9).Draw(rt, "gb"), On: today, From: later}
			case 1:
				cmd = subscription.Suspend{Subscription: "s", Reason: subscription.Request, On: later}
			case 2:
				cmd = subscription.Resume{Subscription: "s", On: later}
			case 3:
				cmd = subscription.Cancel{Subscription: "s", On: today, Ends: later.AddDays(9)}
			default:
				if err := processes.SyncEntitlements(as(t.Context()), c.node(), "s", today); err != nil {
					rt.Fatal(err)
				}
				continue
			}
			if _, err := eventstore.Execute(as(t.Context()), s, cmd); err != nil {
				if _, refused := errors.AsType[domain.Refusal](err); !refused {
					rt.Fatal(err)
				}
			}
		}
		if err := processes.SyncEntitlements(as(t.Context()), s, "s", today); err != nil {
			rt.Fatal(err)
		}
		sub := stateOf[subscription.Subscription](c, s, subscription.StreamOf("s"))
		want := map[subscription.Status]entitlement.Status{
			subscription.StatusActive: entitlement.StatusActive, subscription.StatusSuspended: entitlement.StatusSuspended,
		}[sub.Status(today)]
		got := c.entitled(s, "s")
		if sub.Status(today) == subscription.StatusEnded {
			if got.status == entitlement.StatusActive || got.status == entitlement.StatusSuspended {
				rt.Errorf("ended, and %+v", got)
			}
			return
		}
		if size := domain.Bytes(sub.GB(today)) * domain.GB; got.status != want || got.mail+got.storage != size {
			rt.Errorf("%+v, where %s of %d is wanted", got, want, size)
		}
	})
}
