package processes_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestLivesOfAccounts: whatever becomes of subscriptions, parts, gifts and their holders in whatever order, an account lets
// in nobody but who is entitled to it and lives, nothing of it is deleted before its days are over, and once all has ended
// nothing is left.
func TestLivesOfAccounts(t *testing.T) {
	const stay, hold, mail = 30, 100, 10
	rapid.Check(t, func(rt *rapid.T) {
		c := found(t)
		s := c.node()
		at := memory.New(domain.Mail)
		r := reconciler(c, s, target(at))
		r.Terms.Stay, r.Terms.Mail = stay, mail
		e := processes.Estates{Store: s, Book: roster{c, s}, Used: users{c, s}, Hold: hold, Today: c.day}
		ids := []domain.SubscriptionID{"s", "l", "g"}
		owner := map[domain.SubscriptionID]domain.PartyID{"s": "anna", "l": "carl", "g": "dora"}
		for i, id := range ids {
			c.member(s, owner[id], domain.MemberNumber(i+1))
		}
		today := founding
		ctx := as(t.Context())
		try := func(_ int64, err error) {
			if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
				rt.Fatal(err)
			}
		}
		settle := func() {
			for range 2 {
				for _, id := range ids {
					if err := processes.SyncEntitlements(ctx, s, id, today); err != nil {
						rt.Fatal(err)
					}
				}
				for _, g := range those[entitlement.Granted](c, s) {
					if g.Service == domain.Mail {
						try(eventstore.Execute2(ctx, s, provisioning.RequestAccount{
							Account: domain.AccountID(g.Entitlement), Entitlement: g.Entitlement, Party: g.Party, Service: domain.Mail,
							Login: loginIn(s, provisioning.Login(fmt.Sprintf("%s@example.org", g.Subscription))), Quota: g.Quota, On: today,
						}))
					}
				}
				c.settle(s, r, e.Process(), processes.Entitlements(s, c.day))
				for _, daily := range []func(context.Context) error{e.Daily, r.Daily} {
					if err := daily(ctx); err != nil {
						rt.Fatal(err)
					}
				}
				c.settle(s, r, e.Process(), processes.Entitlements(s, c.day))
			}
		}
		seen := map[domain.SubscriptionID]bool{}
		withheld := map[domain.SubscriptionID]calendar.Date{} // since when
		check := func() {
			for _, id := range ids {
				has := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf(id))[domain.Mail]
				account := stateOf[provisioning.Account](c, s, provisioning.StreamOf(domain.AccountID(entitlement.IDOf(id, domain.Mail))))
				through, held := account.Held()
				_, died := stateOf[membership.Member](c, s, membership.StreamOf(owner[id])).DiedOn()
				is := c.observe(at, domain.Mail, provisioning.Login(id+"@example.org"))
				lets := is.Exists && *is.Access == provisioning.Active
				if want := has.Status == entitlement.StatusActive && !died; lets != want {
					rt.Fatalf("on %v %s lets in: %v; it is %s, and its holder dead: %v", today, id, lets, has.Status, died)
				}
				if died != held && has.Status != "" && !account.Gone() {
					rt.Fatalf("on %v %s is held: %v, and its holder dead: %v", today, id, held, died)
				}
				kept := has.Status != "" && has.Status != entitlement.StatusRevoked || held && !today.After(through) ||
					has.Status == entitlement.StatusRevoked && today.Before(has.Since.AddDays(stay))
				if is.Exists != kept && seen[id] == is.Exists {
					rt.Fatalf("on %v %s is there: %v; it is %s since %v, held through %v", today, id, is.Exists, has.Status, has.Since, through)
				}
				seen[id] = seen[id] || is.Exists
				if seen[id] && !is.Exists && kept {
					rt.Fatalf("on %v %s was deleted: it is %s since %v, held through %v", today, id, has.Status, has.Since, through)
				}
				since, was := withheld[id]
				switch {
				case !is.Exists || lets:
					delete(withheld, id)
				case !was:
					since, withheld[id] = today, today
					fallthrough
				default:
					// Who is entitled again while the account is held is without it since it is.
					latest := since
					if on, held := account.HeldOn(); held && on.After(since) {
						latest = on
					}
					rejects := *is.Inbound == provisioning.Reject
					if rejects && today.Before(since.AddDays(mail)) || !rejects && !today.Before(latest.AddDays(mail)) {
						rt.Fatalf("on %v %s is withheld since %v, and rejects: %v", today, id, since, rejects)
					}
				}
			}
		}
		c.subscribe(s, "s", "anna", 20, founding)
		settle()
		check()
		for range rapid.IntRange(1, 5).Draw(rt, "steps") {
			if days := rapid.SampledFrom([]int{0, 0, 1, 1, 3, 9, 31, 101}).Draw(rt, "days"); days > 0 {
				today = today.AddDays(days)
				c.setDay(today)
				settle()
				check()
			}
			party := owner[rapid.SampledFrom(ids).Draw(rt, "whose")]
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				try(eventstore.Execute2(ctx, s, subscription.Link{Subscription: "s", Link: "l", Party: "carl", GB: 3, On: today}))
			case 1:
				try(eventstore.Execute(ctx, s, subscription.Unlink{Subscription: "s", Link: "l", On: today, Ends: today.AddDays(3)}))
			case 2:
				try(eventstore.Execute2(ctx, s, subscription.Detach{Subscription: "s", Link: "l", GB: 5, Terms: familyTerms, On: today, Grace: c.prices.Grace()}))
			case 3:
				to := rapid.SampledFrom(ids).Draw(rt, "gift")
				until := today.AddDays(rapid.IntRange(0, 20).Draw(rt, "until"))
				if until == today { // without an end
					until = calendar.Date{}
				}
				try(eventstore.Execute(ctx, s, entitlement.Give{
					Subscription: to, Gift: entitlement.GiftID(today.String()), Party: owner[to], Service: domain.Mail, Quota: gb,
					On: today, From: today, Until: until,
				}))
			case 4:
				try(eventstore.Execute(ctx, s, subscription.Suspend{Subscription: "s", Reason: subscription.Unpaid, On: today}))
			case 5:
				try(eventstore.Execute(ctx, s, subscription.Resume{Subscription: "s", On: today}))
			case 6:
				try(eventstore.Execute(ctx, s, subscription.Cancel{Subscription: rapid.SampledFrom(ids).Draw(rt, "ends"), On: today, Ends: today.AddDays(2)}))
			case 7:
				to := rapid.SampledFrom(ids).Draw(rt, "grace")
				try(eventstore.Execute(ctx, s, entitlement.GiveGrace{Subscription: to, Party: owner[to], On: today, Until: today.AddDays(5)}))
			case 8:
				try(eventstore.Execute(ctx, s, membership.Decease{Party: party, On: today, LearntOn: today, Statutes: c.rules}))
			case 9:
				try(eventstore.Execute(ctx, s, membership.RevokeEnd{Party: party, On: today, Why: "another of the same name"}))
			}
			settle()
			check()
		}
		// Who lives leaves; nobody cancels anything for the dead.
		for _, id := range ids {
			if _, died := stateOf[membership.Member](c, s, membership.StreamOf(owner[id])).DiedOn(); died {
				continue
			}
			try(eventstore.Execute(ctx, s, subscription.Cancel{Subscription: id, On: today, Ends: today}))
			for _, gift := range stateOf[entitlement.Sources](c, s, entitlement.SourcesOf(id)).Gifts() {
				try(eventstore.Execute(ctx, s, entitlement.EndGift{Subscription: id, Gift: gift.ID, On: today, Until: today}))
			}
		}
		for _, days := range []int{0, hold + 1, 1, c.prices.Grace(), 1, stay} {
			today = today.AddDays(days)
			c.setDay(today)
			settle()
			check()
		}
		for _, id := range ids {
			if is := c.observe(at, domain.Mail, provisioning.Login(id+"@example.org")); is.Exists {
				rt.Fatalf("all has ended, and on %v there is %s: %+v", today, id, is)
			}
		}
	})
}
