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
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

var familyTerms = subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 1000}

// sync brings entitlements in line on a day, and holds it to having nothing to say again.
func (c *coop) sync(s *eventstore.Store, day calendar.Date, ids ...domain.SubscriptionID) {
	c.Helper()
	c.setDay(day)
	for range 2 {
		for _, id := range ids {
			if err := processes.SyncEntitlements(as(c.Context()), s, id, day); err != nil {
				c.Fatal(err)
			}
		}
	}
	head, _ := s.Log.Head(c.Context())
	for _, id := range ids {
		if err := processes.SyncEntitlements(as(c.Context()), c.node(), id, day); err != nil {
			c.Fatal(err)
		}
	}
	if after, _ := s.Log.Head(c.Context()); after != head {
		c.Errorf("on %v: done again, it is told again", day)
	}
}

func (c *coop) has(s *eventstore.Store, id domain.SubscriptionID, mail, storage domain.Bytes, status entitlement.Status) {
	c.Helper()
	if got, want := c.entitled(s, id), (entitled{mail, storage, status}); got != want {
		c.Errorf("on %v %s entitles to %+v, not %+v", c.day(), id, got, want)
	}
}

const gb = domain.GB

// TestDetachedWithoutAGap: a linked party goes on with a subscription of their own from
// the same day, and keeps account, login and data. On no target is anybody kept out or
// anything deleted, even for an instant.
func TestDetachedWithoutAGap(t *testing.T) {
	c := found(t)
	s := c.node()
	mail, storage := memory.New(domain.Mail), memory.New(domain.Storage)
	r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: mail}, processes.Target{Name: "storage", Service: domain.Storage, At: storage})
	called := names{"bert": {"Bert", "Loom"}, "carl": {"Carl", "Loom"}}
	runner := processes.NewRunner(s, quiet, append(r.Processes(), processes.Entitlements(s, c.day), processes.Accounts(s, called, "example.org", c.day))...)
	catchUp := func() {
		t.Helper()
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const carl, bert provisioning.Login = "carl.loom@example.org", "bert.loom@example.org"
	is := func(login provisioning.Login, inMail, inStorage domain.Bytes) {
		t.Helper()
		for service, at := range map[domain.Service]*memory.Service{domain.Mail: mail, domain.Storage: storage} {
			want := map[domain.Service]domain.Bytes{domain.Mail: inMail, domain.Storage: inStorage}[service]
			if seen := c.observe(at, service, login); !seen.Exists || *seen.Access != provisioning.Active || *seen.Quota != want {
				t.Errorf("%s of %s is %+v, not of %d", service, login, seen, want)
			}
		}
	}
	c.subscribe(s, "s", "bert", 20, founding)
	execute2(c, s, subscription.Link{Subscription: "s", Link: "l", Party: "carl", GB: 5, On: founding})
	catchUp()
	is(bert, 3*gb, 12*gb)
	is(carl, gb, 4*gb)
	session := mail.Enter(carl)
	if !session.Put(gb / 2) {
		t.Fatal("there is no room in the mailbox")
	}

	c.setDay(founding.AddDays(9))
	execute2(c, s, subscription.Detach{Subscription: "s", Link: "l", GB: 10, Terms: familyTerms, On: c.day(), Grace: 30})
	catchUp()
	is(bert, 4*gb, 16*gb)
	is(carl, 2*gb, 8*gb)
	if session = mail.Enter(carl); session.Holds() != gb/2 {
		t.Errorf("the mailbox holds %d", session.Holds())
	}
	execute(c, s, subscription.Cancel{Subscription: "s", On: c.day(), Ends: c.day()})
	c.sync(s, founding.AddDays(99), "s", "l")
	catchUp()
	is(carl, 2*gb, 8*gb)
	for _, at := range []*memory.Service{mail, storage} {
		for call := range at.Taken() {
			if call.Login == carl && (call.Step == provisioning.StepSuspend || call.Step == provisioning.StepDelete || call.Step == provisioning.StepResume) {
				t.Errorf("in between there was %+v", call)
			}
		}
	}
	var requested int
	for _, e := range those[provisioning.AccountRequested](c, s) {
		if e.Party == "carl" {
			requested++
		}
	}
	if requested != 2 {
		t.Errorf("for the linked party %d accounts were asked for", requested)
	}
}

// TestGraceOfTheLinked: who has part of another's keeps it for some days after that
// has ended, or was suspended.
func TestGraceOfTheLinked(t *testing.T) {
	c := found(t)
	s := c.node()
	day := founding.AddDays
	c.subscribe(s, "s", "bert", 20, founding)
	execute2(c, s, subscription.Link{Subscription: "s", Link: "l", Party: "carl", GB: 5, On: founding})
	c.sync(s, founding, "s")
	execute(c, s, subscription.Suspend{Subscription: "s", Reason: subscription.Unpaid, On: day(10)})
	c.sync(s, day(39), "s")
	c.has(s, "s", 3*gb, 12*gb, entitlement.StatusSuspended)
	c.has(s, "l", gb, 4*gb, entitlement.StatusActive)
	c.sync(s, day(40), "s")
	c.has(s, "l", gb, 4*gb, entitlement.StatusSuspended)
	execute(c, s, subscription.Resume{Subscription: "s", On: day(50)})
	c.sync(s, day(50), "s")
	c.has(s, "l", gb, 4*gb, entitlement.StatusActive)
	execute(c, s, subscription.Cancel{Subscription: "s", On: day(50), Ends: day(60)})
	c.sync(s, day(61), "s")
	c.has(s, "s", 3*gb, 12*gb, entitlement.StatusRevoked)
	c.sync(s, day(90), "l") // also looked at by itself
	c.has(s, "l", gb, 4*gb, entitlement.StatusActive)
	c.sync(s, day(91), "l")
	c.has(s, "l", gb, 4*gb, entitlement.StatusRevoked)
	if _, err := eventstore.Execute2(as(t.Context()), s, subscription.Detach{
		Subscription: "s", Link: "l", GB: 5, Terms: familyTerms, On: day(91), Grace: 30,
	}); !errors.Is(err, subscription.ErrPartOver) {
		t.Errorf("after the grace: %v", err)
	}
}

// TestGiftsAndAddOnsAddUp to one entitlement, and so to one account, for their time.
func TestGiftsAndAddOnsAddUp(t *testing.T) {
	c := found(t)
	s := c.node()
	day := founding.AddDays
	c.subscribe(s, "s", "anna", 10, founding)
	execute(c, s, entitlement.Give{Subscription: "s", Gift: "g", Party: "anna", Service: domain.Mail, Quota: 3 * gb, On: founding, From: day(2), Until: day(20)})
	execute(c, s, entitlement.Give{Subscription: "s", Gift: "p", Party: "anna", Service: domain.Polls, On: founding, From: founding, Until: day(5)})
	execute(c, s, subscription.BookAddOn{Subscription: "s", AddOn: "a", Payer: "bert", Service: domain.Storage, GB: 50, On: founding, From: day(2), Ends: day(9)})
	polls := func(want entitlement.Status) {
		t.Helper()
		if got := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf("s"))[domain.Polls].Status; got != want {
			t.Errorf("on %v polls are %q, not %q", c.day(), got, want)
		}
	}
	c.sync(s, founding, "s")
	c.has(s, "s", 2*gb, 8*gb, entitlement.StatusActive)
	polls(entitlement.StatusActive)
	c.sync(s, day(2), "s")
	c.has(s, "s", 5*gb, 58*gb, entitlement.StatusActive)
	c.sync(s, day(9), "s")
	c.has(s, "s", 5*gb, 58*gb, entitlement.StatusActive)
	polls(entitlement.StatusSuspended)
	c.sync(s, day(10), "s")
	c.has(s, "s", 5*gb, 8*gb, entitlement.StatusActive)
	execute(c, s, entitlement.EndGift{Subscription: "s", Gift: "g", On: day(10), Until: day(11)})
	c.sync(s, day(12), "s")
	c.has(s, "s", 2*gb, 8*gb, entitlement.StatusActive)

	// A gift alone entitles too, and what stands for one service keeps no other.
	execute(c, s, entitlement.Give{Subscription: "s", Gift: "h", Party: "anna", Service: domain.Mail, Quota: gb, On: day(12), From: day(12), Until: day(40)})
	execute(c, s, subscription.Cancel{Subscription: "s", On: day(12), Ends: day(30)})
	c.sync(s, day(31), "s")
	all := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf("s"))
	if m, f := all[domain.Mail], all[domain.Storage]; m.Status != entitlement.StatusActive || m.Quota != gb || f.Status != entitlement.StatusRevoked {
		t.Errorf("mail %+v, storage %+v", m, f)
	}
	c.sync(s, day(41), "s")
	for service, e := range stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf("s")) {
		if e.Status != entitlement.StatusRevoked {
			t.Errorf("after all has ended, %s is %s", service, e.Status)
		}
	}
	execute(c, s, entitlement.Give{Subscription: "alone", Gift: "i", Party: "emil", Service: domain.Storage, Quota: gb, On: day(41), From: day(41)})
	c.sync(s, day(41), "alone")
	if e := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf("alone"))[domain.Storage]; e.Status != entitlement.StatusActive || e.Granted.Party != "emil" {
		t.Errorf("a gift without a subscription: %+v", e)
	}
}

// TestGraceKeepsWhatWouldBeRevoked, and no less of it, through a day.
func TestGraceKeepsWhatWouldBeRevoked(t *testing.T) {
	c := found(t)
	s := c.node()
	day := founding.AddDays
	c.subscribe(s, "s", "anna", 10, founding)
	c.sync(s, founding, "s")
	execute(c, s, subscription.Cancel{Subscription: "s", On: founding, Ends: day(9)})
	execute(c, s, entitlement.GiveGrace{Subscription: "s", Party: "anna", On: founding, Until: day(19)})
	execute(c, s, entitlement.Give{Subscription: "s", Gift: "g", Party: "anna", Service: domain.Mail, Quota: gb, On: founding, From: day(12), Until: day(30)})
	for _, d := range []int{10, 12, 19} {
		c.sync(s, day(d), "s")
		c.has(s, "s", 2*gb, 8*gb, entitlement.StatusActive)
	}
	c.sync(s, day(20), "s")
	all := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf("s"))
	if m, f := all[domain.Mail], all[domain.Storage]; m.Status != entitlement.StatusActive || m.Quota != gb || f.Status != entitlement.StatusRevoked {
		t.Errorf("mail %+v, storage %+v", m, f)
	}
}

// A shelf is what read models would know of entitlements, read from the log.
type shelf struct {
	c *coop
	s *eventstore.Store
}

func (b shelf) EntitledBy(_ context.Context, party domain.PartyID) (domain.SubscriptionID, error) {
	for _, e := range those[entitlement.Granted](b.c, b.s) {
		if e.Party == party && stateOf[entitlement.Entitlements](b.c, b.s, entitlement.StreamOf(e.Subscription))[e.Service].Status != entitlement.StatusRevoked {
			return e.Subscription, nil
		}
	}
	return "", nil
}

// join has a party be a member from a day on.
func (c *coop) join(s *eventstore.Store, party domain.PartyID, number domain.MemberNumber) {
	c.Helper()
	execute2(c, s, membership.Enter{
		Party: party, Number: number, Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: "Loom"},
		Language: domain.English, AdmittedOn: c.day(), On: c.day(),
	})
}

// TestMembersHaveWhatTheListGivesThem: added to what they have, or as something of its
// own, under which they may subscribe; and no more once they are none.
func TestMembersHaveWhatTheListGivesThem(t *testing.T) {
	c := found(t)
	s := c.node()
	day := founding.AddDays
	runner := processes.NewRunner(s, quiet, processes.Members(s, shelf{c, s}, c.day), processes.Entitlements(s, c.day))
	catchUp := func(d calendar.Date) {
		t.Helper()
		c.setDay(d)
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, party := range []domain.PartyID{"anna", "bert"} {
				if err := processes.SyncMembership(as(t.Context()), s, shelf{c, s}, party, d); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	list := c.prices
	list.Members = []offering.MemberGrant{{Service: domain.Mail, GB: 1}, {Service: domain.Storage, GB: 2}}
	c.subscribe(s, "s", "anna", 10, founding)
	catchUp(founding)
	c.join(s, "anna", 1)
	c.join(s, "bert", 2)
	catchUp(founding)
	c.has(s, "s", 2*gb, 8*gb, entitlement.StatusActive)
	execute(c, s, offering.Publish{Version: 2, On: founding, From: day(1), List: list})
	catchUp(day(1))
	c.has(s, "s", 3*gb, 10*gb, entitlement.StatusActive)
	const bert domain.SubscriptionID = "member-bert-1"
	c.has(s, bert, gb, 2*gb, entitlement.StatusActive)

	var under domain.SubscriptionID
	if _, err := eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) (err error) {
		under, err = processes.SubscribeUnder(tx, "bert", "fresh")
		return err
	}); err != nil || under != bert {
		t.Fatalf("who subscribes does so under %q: %v", under, err)
	}
	c.subscribe(s, under, "bert", 10, day(2))
	catchUp(day(2))
	c.has(s, bert, 3*gb, 10*gb, entitlement.StatusActive)
	if _, err := eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) (err error) {
		under, err = processes.SubscribeUnder(tx, "bert", "fresh")
		return err
	}); err != nil || under != "fresh" {
		t.Fatalf("who subscribes once more does so under %q: %v", under, err)
	}
	execute(c, s, subscription.Cancel{Subscription: bert, On: day(2), Ends: day(9)})
	catchUp(day(10))
	c.sync(s, day(10), bert)
	c.has(s, bert, gb, 2*gb, entitlement.StatusActive)

	for _, party := range []domain.PartyID{"anna", "bert"} {
		execute(c, s, membership.Resign{Party: party, On: day(10), Statutes: c.rules})
	}
	over := stateOf[membership.Member](c, s, membership.StreamOf("anna")).End().On.AddDays(1)
	catchUp(over)
	c.has(s, "s", 2*gb, 8*gb, entitlement.StatusActive)
	c.has(s, bert, gb, 2*gb, entitlement.StatusRevoked)
	if n := len(those[entitlement.MembershipCounted](c, s)); n != 2 {
		t.Errorf("memberships were counted %d times", n)
	}
}

// TestFamiliesComeToTheSame whatever is asked for on whatever days: what others have of
// a subscription is less than it, each has what the payer said, and once all has ended
// nobody is entitled to anything.
func TestFamiliesComeToTheSame(t *testing.T) {
	links := []domain.SubscriptionID{"l1", "l2", "l3"}
	rapid.Check(t, func(rt *rapid.T) {
		c := found(t)
		s := c.node()
		c.subscribe(s, "s", "bert", 10, founding)
		today, grace := founding, c.prices.Grace()
		try := func(_ int64, err error) {
			if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
				rt.Fatal(err)
			}
		}
		ctx := as(t.Context())
		check := func() {
			for _, id := range append(links, "s") {
				if err := processes.SyncEntitlements(ctx, s, id, today); err != nil {
					rt.Fatal(err)
				}
			}
			of := stateOf[subscription.Subscription](c, s, subscription.StreamOf("s"))
			var sum domain.Bytes
			for _, id := range links {
				link := stateOf[subscription.Subscription](c, s, subscription.StreamOf(id))
				part, _ := of.Part(id)
				got := c.entitled(s, id)
				_, own := link.Started()
				status := of.PartStatus(id, today, grace)
				if own {
					status = link.Status(today)
				}
				want := map[subscription.Status]entitlement.Status{
					subscription.StatusActive: entitlement.StatusActive, subscription.StatusSuspended: entitlement.StatusSuspended,
				}[status]
				if gone := got.status == "" || got.status == entitlement.StatusRevoked; gone != (want == "") || !gone && got.status != want {
					rt.Fatalf("on %v %s is %s, and entitles as %s", today, id, status, got.status)
				}
				if want == "" || own {
					continue
				}
				if sum += got.mail + got.storage; got.mail+got.storage != domain.Bytes(part.GB)*gb {
					rt.Fatalf("on %v %s has %+v of %d GB", today, id, got, part.GB)
				}
			}
			if most := domain.Bytes(of.GB(today)) * gb; sum >= most {
				rt.Fatalf("on %v others have %d of %d", today, sum, most)
			}
			if mine := c.entitled(s, "s"); mine.status == entitlement.StatusActive && mine.mail+mine.storage+sum > domain.Bytes(of.GB(today))*gb {
				rt.Fatalf("on %v all have %d and %+v", today, sum, mine)
			}
		}
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			today = today.AddDays(rapid.SampledFrom([]int{0, 0, 1, 3, 20}).Draw(rt, "days"))
			id, size := rapid.SampledFrom(links).Draw(rt, "link"), rapid.IntRange(1, 9).Draw(rt, "gb")
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0, 1, 2:
				offered := rapid.IntRange(0, 3).Draw(rt, "offered") == 0
				try(eventstore.Execute2(ctx, s, subscription.Link{Subscription: "s", Link: id, Party: "of-" + domain.PartyID(id), GB: size, Offered: offered, On: today}))
				if rapid.Bool().Draw(rt, "accepted") {
					try(eventstore.Execute(ctx, s, subscription.AcceptPart{Subscription: "s", Link: id, On: today}))
				}
			case 3:
				try(eventstore.Execute(ctx, s, subscription.ChangePart{Subscription: "s", Link: id, GB: size, On: today}))
			case 4:
				try(eventstore.Execute(ctx, s, subscription.Unlink{Subscription: "s", Link: id, On: today, Ends: today.AddDays(size)}))
			case 5:
				try(eventstore.Execute2(ctx, s, subscription.Detach{Subscription: "s", Link: id, GB: 5 + size, Terms: familyTerms, On: today, Grace: grace}))
			case 6:
				try(eventstore.Execute(ctx, s, subscription.ChangeQuota{Subscription: "s", GB: 5 + size, On: today, From: today.AddDays(size)}))
			case 7:
				try(eventstore.Execute(ctx, s, subscription.Suspend{Subscription: "s", Reason: subscription.Unpaid, On: today}))
			case 8:
				try(eventstore.Execute(ctx, s, subscription.Resume{Subscription: "s", On: today}))
			case 9:
				try(eventstore.Execute(ctx, s, subscription.Cancel{Subscription: rapid.SampledFrom(append(links, "s")).Draw(rt, "ends"), On: today, Ends: today}))
			}
			check()
		}
		for _, id := range append(links, "s") {
			try(eventstore.Execute(ctx, s, subscription.Cancel{Subscription: id, On: today, Ends: today}))
		}
		today = today.AddDays(grace + 1)
		check()
		for _, id := range append(links, "s") {
			for service, e := range stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf(id)) {
				if e.Status != entitlement.StatusRevoked {
					rt.Fatalf("all has ended, and %s", fmt.Sprint(id, " entitles to ", service))
				}
			}
		}
	})
}
