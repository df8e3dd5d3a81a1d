package subscription

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/spec"
)

var (
	may15    = on(time.May, 15)
	given    = PartGiven{"s1", "l1", "carl", "bert", 3, false, may10}
	offered  = PartGiven{"s1", "l1", "carl", "bert", 3, true, may10}
	linked   = Linked{"l1", "s1", "carl", "bert", may10}
	dora     = PartGiven{"s1", "l2", "dora", "bert", 4, false, may10}
	unlinked = PartEnds{"s1", "l1", "carl", "bert", false, may15, may20}
	detached = PartEnds{"s1", "l1", "carl", "bert", true, may20, may20.AddDays(-1)}
	own      = Started{"l1", "carl", "carl", "nubo", 5, terms, may20, may20}
)

type story2 = spec.Story[domain.Command2[Subscription, Subscription]]

func TestLink(t *testing.T) {
	link := func(id domain.SubscriptionID, party domain.PartyID, gb int) Link {
		return Link{"s1", id, party, gb, false, may10}
	}
	spec.Check2(t, []story2{
		{
			Rule: "who pays lets somebody else have part of a subscription, with accounts of their own", Given: spec.Events{started},
			When: link("l1", "carl", 3), Then: spec.Events{given, spec.Second{Event: linked}},
		},
		{
			Rule: "and another", Given: spec.Events{started, given},
			When: link("l2", "dora", 4), Then: spec.Events{dora, spec.Second{Event: Linked{"l2", "s1", "dora", "bert", may10}}},
		},
		{
			Rule: "who does not speak for the other offers it", Given: spec.Events{started},
			When: Link{"s1", "l1", "carl", 3, true, may10}, Then: spec.Events{offered, spec.Second{Event: linked}},
		},
		{Rule: "who pays keeps at least 1 GB", Given: spec.Events{started, given}, When: link("l2", "dora", 7), Refused: ErrParts},
		{Rule: "all parts fit into the smallest size that is planned", Given: spec.Events{started, QuotaChanged{"s1", "anna", 5, may1, may20}}, When: link("l1", "carl", 5), Refused: ErrParts},
		{Rule: "how much the other has is said", Given: spec.Events{started}, When: link("l1", "carl", 0), Refused: ErrPart},
		{Rule: "a party has one part of a subscription", Given: spec.Events{started, given}, When: link("l2", "carl", 1), Refused: ErrLinked},
		{Rule: "who uses the subscription has the rest", Given: spec.Events{started}, When: link("l1", "anna", 1), Refused: ErrLinked},
		{
			Rule: "who had a part may have another later", Given: spec.Events{started, given, detached},
			When: Link{"s1", "l3", "carl", 3, false, may31}, Then: spec.Events{PartGiven{"s1", "l3", "carl", "bert", 3, false, may31}, spec.Second{Event: Linked{"l3", "s1", "carl", "bert", may31}}},
		},
		{Rule: "an id is used once", Given: spec.Events{started, given, spec.Second{Event: linked}}, When: link("l1", "dora", 3), Refused: ErrStarted},
		{Rule: "and is no subscription's", Given: spec.Events{started, spec.Second{Event: own}}, When: link("l1", "carl", 3), Refused: ErrStarted},
		{Rule: "somebody has the part", Given: spec.Events{started}, When: link("l1", "", 3), Refused: ErrIncomplete},
		{Rule: "from a day on", Given: spec.Events{started}, When: Link{"s1", "l1", "carl", 3, false, calendar.Date{}}, Refused: ErrIncomplete},
		{Rule: "not before there is a subscription", Given: spec.Events{started}, When: Link{"s1", "l1", "carl", 3, false, april20.AddDays(-1)}, Refused: ErrBackdated},
		{Rule: "of what has ended nobody gets a part", Given: spec.Events{started, ends}, When: Link{"s1", "l1", "carl", 3, false, may31}, Refused: ErrEnded},
		{Rule: "of what was never begun neither", When: link("l1", "carl", 3), Refused: ErrUnknown},
	})
}

func TestPart(t *testing.T) {
	spec.Check(t, []story{
		{Rule: "the other accepts what was offered", Given: spec.Events{started, offered}, When: AcceptPart{"s1", "l1", may15}, Then: spec.Events{PartAccepted{"s1", "l1", "carl", "bert", may15}}},
		{Rule: "what was given needs no accepting", Given: spec.Events{started, given}, When: AcceptPart{"s1", "l1", may15}},
		{Rule: "an offer is not accepted before it is made", Given: spec.Events{started, offered}, When: AcceptPart{"s1", "l1", may1}, Refused: ErrBackdated},
		{Rule: "nor after it was taken back", Given: spec.Events{started, offered, unlinked}, When: AcceptPart{"s1", "l1", may31}, Refused: ErrDeclined},
		{Rule: "not even on its last day", Given: spec.Events{started, offered, unlinked}, When: AcceptPart{"s1", "l1", may15}, Refused: ErrDeclined},
		{Rule: "but when it is made anew", Given: spec.Events{started, offered, unlinked, PartGiven{"s1", "l1", "carl", "bert", 5, true, may15}}, When: AcceptPart{"s1", "l1", may15}, Then: spec.Events{PartAccepted{"s1", "l1", "carl", "bert", may15}}},
		{Rule: "nor of what has ended", Given: spec.Events{started, offered, ends}, When: AcceptPart{"s1", "l1", may31}, Refused: ErrEnded},
		{Rule: "what was not offered is not accepted", Given: spec.Events{started}, When: AcceptPart{"s1", "l1", may15}, Refused: ErrNotLinked},
		{Rule: "an offer is counted", Given: spec.Events{started, offered, dora}, When: ChangeQuota{"s1", 7, may10, may20}, Refused: ErrParts},
		{Rule: "and changes as a part does", Given: spec.Events{started, offered}, When: ChangePart{"s1", "l1", 5, may20}, Then: spec.Events{PartGiven{"s1", "l1", "carl", "bert", 5, true, may20}}},
		{Rule: "a part becomes larger", Given: spec.Events{started, given}, When: ChangePart{"s1", "l1", 5, may20}, Then: spec.Events{PartGiven{"s1", "l1", "carl", "bert", 5, false, may20}}},
		{Rule: "as far as there is room", Given: spec.Events{started, given, dora}, When: ChangePart{"s1", "l1", 6, may20}, Refused: ErrParts},
		{Rule: "and not nothing: then it ends", Given: spec.Events{started, given}, When: ChangePart{"s1", "l1", 0, may20}, Refused: ErrPart},
		{Rule: "what was to end goes on", Given: spec.Events{started, given, unlinked}, When: ChangePart{"s1", "l1", 3, may20}, Then: spec.Events{PartGiven{"s1", "l1", "carl", "bert", 3, false, may20}}},
		{Rule: "unless there is no room planned for it", Given: spec.Events{started, given, dora, unlinked, QuotaChanged{"s1", "anna", 7, may15, may31}}, When: ChangePart{"s1", "l1", 3, may20}, Refused: ErrParts},
		{Rule: "after its last day it does not change", Given: spec.Events{started, given, unlinked}, When: ChangePart{"s1", "l1", 5, may31}, Refused: ErrPartOver},
		{Rule: "nor after that of the subscription", Given: spec.Events{started, given, ends}, When: ChangePart{"s1", "l1", 5, may31}, Refused: ErrEnded},
		{Rule: "what nobody has does not change", Given: spec.Events{started}, When: ChangePart{"s1", "l1", 5, may20}, Refused: ErrNotLinked},

		{Rule: "a part is taken back with a last day", Given: spec.Events{started, given}, When: Unlink{"s1", "l1", may15, may20}, Then: spec.Events{unlinked}},
		{Rule: "or an earlier one", Given: spec.Events{started, given, unlinked}, When: Unlink{"s1", "l1", may15, may15}, Then: spec.Events{PartEnds{"s1", "l1", "carl", "bert", false, may15, may15}}},
		{Rule: "and no later one", Given: spec.Events{started, given, unlinked}, When: Unlink{"s1", "l1", may15, may31}},
		{Rule: "not in hindsight", Given: spec.Events{started, given}, When: Unlink{"s1", "l1", may20, may15}, Refused: ErrBackdated},
		{Rule: "what nobody has is not taken back", Given: spec.Events{started}, When: Unlink{"s1", "l1", may15, may20}, Refused: ErrNotLinked},

		{Rule: "a subscription does not become smaller than its parts", Given: spec.Events{started, given, dora}, When: ChangeQuota{"s1", 7, may10, may20}, Refused: ErrParts},
		{Rule: "after a part has ended it does", Given: spec.Events{started, given, dora, unlinked}, When: ChangeQuota{"s1", 7, may15, may31}, Then: spec.Events{QuotaChanged{"s1", "anna", 7, may15, may31}}},
		{Rule: "a part is no subscription of its own", Given: spec.Events{linked}, When: ChangeQuota{"l1", 20, may10, may10}, Refused: ErrUnknown},
		{Rule: "and becomes one by detaching", Given: spec.Events{linked}, When: Subscribe(own), Refused: ErrStarted},
	})
}

func TestDetach(t *testing.T) {
	detach := Detach{"s1", "l1", 5, terms, may20, 30}
	of := func(events ...any) spec.Events {
		return append(spec.Events{started, given, spec.Second{Event: linked}}, events...)
	}
	then := spec.Events{detached, spec.Second{Event: own}}
	spec.Check2(t, []story2{
		{Rule: "a part goes on as a subscription of its party's own, from the same day", Given: of(), When: detach, Then: then},
		{Rule: "also within the grace after the other has ended", Given: of(Cancelled{"s1", "anna", may10, may15}), When: detach, Then: then},
		{Rule: "and while that is suspended", Given: of(unpaid), When: detach, Then: then},
		{Rule: "and before the last day of the part", Given: of(unlinked), When: detach, Then: then},
		{
			Rule: "not after it", Given: of(unlinked),
			When: Detach{"s1", "l1", 5, terms, may31, 30}, Refused: ErrPartOver,
		},
		{Rule: "nor after the grace", Given: of(Cancelled{"s1", "anna", may10, may15}), When: Detach{"s1", "l1", 5, terms, may20, 4}, Refused: ErrPartOver},
		{Rule: "in a size of the plan", Given: of(), When: Detach{"s1", "l1", 4, terms, may20, 30}, Refused: ErrSize},
		{Rule: "on the terms of the list", Given: of(), When: Detach{"s1", "l1", 5, Terms{}, may20, 30}, Refused: ErrIncomplete},
		{Rule: "not in hindsight", Given: of(), When: Detach{"s1", "l1", 5, terms, may1, 30}, Refused: ErrBackdated},
		{Rule: "once", Given: append(of(detached), spec.Second{Event: own}), When: Detach{"s1", "l1", 6, terms, may31, 30}, Refused: ErrStarted},
		{Rule: "what is only offered is not detached", Given: spec.Events{started, offered, spec.Second{Event: linked}}, When: detach, Refused: ErrOffered},
		{Rule: "what nobody has is not detached", Given: spec.Events{started}, When: detach, Refused: ErrNotLinked},
	})
}

func TestPartStatus(t *testing.T) {
	s := fold(started, given, unpaid, paid, Cancelled{"s1", "anna", may20, may31})
	for _, tt := range []struct {
		s     Subscription
		on    calendar.Date
		grace int
		want  Status
	}{
		{s, may1, 5, StatusPending},
		{s, may10, 5, StatusActive},
		{s, may10.AddDays(4), 5, StatusActive},
		{s, may15, 5, StatusSuspended},
		{s, may20, 5, StatusActive},
		{s, may15, 10, StatusActive},
		{s, may31.AddDays(5), 5, StatusActive},
		{s, may31.AddDays(6), 5, StatusEnded},
		{fold(started, given, unlinked), may20, 5, StatusActive},
		{fold(started, given, unlinked), may20.AddDays(1), 5, StatusEnded},
		{fold(started, given, Cancelled{"s1", "anna", april20, april20}), may10, 99, StatusEnded},
		{fold(started), may10, 5, StatusEnded},
		{fold(started, offered), may20, 5, StatusPending},
		{fold(started, offered, PartAccepted{"s1", "l1", "carl", "bert", may15}), may15, 5, StatusActive},
	} {
		if got := tt.s.PartStatus("l1", tt.on, tt.grace); got != tt.want {
			t.Errorf("on %v with %d days of grace it is %s, want %s", tt.on, tt.grace, got, tt.want)
		}
	}
}

// TestPartsNeverExceedTheSubscription whatever was asked for, and refused, on whatever days.
func TestPartsNeverExceedTheSubscription(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, links, today := fold(started), map[domain.SubscriptionID]Subscription{}, may1
		link := func() domain.SubscriptionID {
			return rapid.SampledFrom([]domain.SubscriptionID{"l1", "l2", "l3", "l4"}).Draw(t, "link")
		}
		gb := func(most int) int { return rapid.IntRange(0, most).Draw(t, "gb") }
		for range rapid.IntRange(0, 20).Draw(t, "commands") {
			today = today.AddDays(rapid.IntRange(0, 4).Draw(t, "days"))
			later, id := today.AddDays(rapid.IntRange(0, 9).Draw(t, "later")), link()
			var mine, others []event
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0, 1:
				party := rapid.SampledFrom([]domain.PartyID{"anna", "carl", "dora", "emil"}).Draw(t, "party")
				mine, others, _ = Link{"s1", id, party, gb(8), rapid.Bool().Draw(t, "offered"), today}.Decide(s, links[id])
			case 2:
				mine, _ = ChangePart{"s1", id, gb(8), today}.Decide(s)
			case 3:
				mine, _ = Unlink{"s1", id, today, later}.Decide(s)
			case 4:
				mine, others, _ = Detach{"s1", id, 5 + gb(5), terms, today, 5}.Decide(s, links[id])
			case 5:
				mine, _ = ChangeQuota{"s1", 5 + gb(10), today, later}.Decide(s)
			case 6:
				mine, _ = AcceptPart{"s1", id, today}.Decide(s)
			case 7:
				if rapid.IntRange(0, 9).Draw(t, "ends") == 0 {
					mine, _ = Cancel{"s1", today, later}.Decide(s)
				}
			}
			for _, e := range mine {
				s = e.Evolve(s)
			}
			for _, e := range others {
				links[id] = e.Evolve(links[id])
			}
			for d := today; d.Before(today.AddDays(40)); d = d.AddDays(1) {
				if given := s.Given(d); given > 0 && given >= s.GB(d) {
					t.Fatalf("on %v others have %d of %d GB: %+v", d, given, s.GB(d), s.Parts())
				}
			}
		}
		for id, l := range links {
			if p, _ := s.Part(id); l.exists() && s.PartStatus(id, today, 0) != StatusEnded && !p.Ends.Before(l.started.From) {
				t.Errorf("%s is a part and a subscription: %+v", id, l.started)
			}
		}
	})
}

func TestAddOns(t *testing.T) {
	book := BookAddOn{"s1", "a1", "emil", domain.Storage, 20, may1, may10, may20}
	booked := AddOnBooked{"s1", "a1", "anna", "emil", domain.Storage, 20, may1, may10, may20}
	with := func(change func(*BookAddOn)) BookAddOn {
		c := book
		change(&c)
		return c
	}
	spec.Check(t, []story{
		{Rule: "GB of a service are booked on top of a plan for a time, and anybody pays", Given: spec.Events{started}, When: book, Then: spec.Events{booked}},
		{Rule: "or until they are ended", Given: spec.Events{started}, When: with(func(c *BookAddOn) { c.Ends = calendar.Date{} }), Then: spec.Events{AddOnBooked{"s1", "a1", "anna", "emil", domain.Storage, 20, may1, may10, calendar.Date{}}}},
		{Rule: "what has ended since was booked all the same", Given: spec.Events{started, booked, AddOnEnds{"s1", "a1", "anna", "emil", may10, may15}}, When: book},
		{Rule: "what was booked is not booked otherwise", Given: spec.Events{started, booked}, When: with(func(c *BookAddOn) { c.GB = 30 }), Refused: ErrAddOn},
		{Rule: "there are some GB", Given: spec.Events{started}, When: with(func(c *BookAddOn) { c.GB = 0 }), Refused: ErrAddOn},
		{Rule: "an app has none", Given: spec.Events{started}, When: with(func(c *BookAddOn) { c.Service = domain.Polls }), Refused: ErrAddOn},
		{Rule: "somebody pays", Given: spec.Events{started}, When: with(func(c *BookAddOn) { c.Payer = "" }), Refused: ErrAddOn},
		{Rule: "they do not end before they begin", Given: spec.Events{started}, When: with(func(c *BookAddOn) { c.Ends = may1 }), Refused: ErrAddOn},
		{Rule: "nor begin in hindsight", Given: spec.Events{started}, When: with(func(c *BookAddOn) { c.On = may15 }), Refused: ErrBackdated},
		{Rule: "nor after the subscription has ended", Given: spec.Events{started, Cancelled{"s1", "anna", may1, may1}}, When: book, Refused: ErrEnded},
		{Rule: "nor where there is none", When: book, Refused: ErrUnknown},
		{Rule: "they end", Given: spec.Events{started, booked}, When: EndAddOn{"s1", "a1", may10, may15}, Then: spec.Events{AddOnEnds{"s1", "a1", "anna", "emil", may10, may15}}},
		{Rule: "not later than was said", Given: spec.Events{started, booked}, When: EndAddOn{"s1", "a1", may10, may31}},
		{Rule: "nor in hindsight", Given: spec.Events{started, booked}, When: EndAddOn{"s1", "a1", may15, may10}, Refused: ErrBackdated},
		{Rule: "what was not booked does not end", Given: spec.Events{started}, When: EndAddOn{"s1", "a1", may10, may15}, Refused: ErrNoAddOn},
		{Rule: "they go on for longer", Given: spec.Events{started, booked}, When: ExtendAddOn{"s1", "a1", may20, may31}, Then: spec.Events{AddOnEnds{"s1", "a1", "anna", "emil", may20, may31}}},
		{Rule: "after they have ended, too", Given: spec.Events{started, booked}, When: ExtendAddOn{"s1", "a1", may31, may31}, Then: spec.Events{AddOnEnds{"s1", "a1", "anna", "emil", may31, may31}}},
		{Rule: "and not for less long", Given: spec.Events{started, booked}, When: ExtendAddOn{"s1", "a1", may10, may15}},
		{Rule: "what does not end goes on anyway", Given: spec.Events{started, AddOnBooked{"s1", "a1", "anna", "emil", domain.Storage, 20, may1, may10, calendar.Date{}}}, When: ExtendAddOn{"s1", "a1", may10, may15}},
		{Rule: "nothing goes on in hindsight", Given: spec.Events{started, booked}, When: ExtendAddOn{"s1", "a1", on(time.June, 1), may31}, Refused: ErrBackdated},
		{Rule: "nor after the subscription has ended", Given: spec.Events{started, booked, Cancelled{"s1", "anna", may15, may20}}, When: ExtendAddOn{"s1", "a1", may31, may31}, Refused: ErrEnded},
		{Rule: "nor what was not booked", Given: spec.Events{started}, When: ExtendAddOn{"s1", "a1", may10, may15}, Refused: ErrNoAddOn},
	})
	s := fold(started, booked, Suspended{"s1", "anna", Unpaid, may15}, Resumed{"s1", "anna", on(time.May, 18)})
	var got []calendar.Period
	for _, segment := range s.AddOnSegments(may) {
		got = append(got, segment.Period)
	}
	if want := []calendar.Period{{From: may10, Through: on(time.May, 14)}, {From: on(time.May, 18), Through: may20}}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("they were used %v, want %v", got, want)
	}
	if n := len(s.AddOnsOn(may20)); n != 1 || len(s.AddOnsOn(may31)) != 0 || len(s.AddOnSegments(may.Add(1))) != 0 {
		t.Errorf("on the last day there are %d", n)
	}
}
