package entitlement

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/spec"
)

var (
	gift  = Given{"s1", "g1", "anna", domain.Storage, 5 * domain.GB, may1, may9, calendar.Date{}}
	polls = Given{"s1", "g2", "anna", domain.Polls, 0, may1, may1, may9}
)

func TestSources(t *testing.T) {
	with := func(change func(*Give)) Give {
		c := Give(gift)
		change(&c)
		return c
	}
	spec.Check(t, []spec.Story[domain.Command[Sources]]{
		{Rule: "somebody is given so much of a service from a day on", When: Give(gift), Then: spec.Events{gift}},
		{Rule: "or an app for a time", Given: spec.Events{gift}, When: Give(polls), Then: spec.Events{polls}},
		{Rule: "what has ended since was given all the same", Given: spec.Events{gift, GiftEnds{"s1", "g1", "anna", may9, may9}}, When: Give(gift)},
		{Rule: "what was given is not given otherwise", Given: spec.Events{gift}, When: with(func(c *Give) { c.Quota = domain.GB }), Refused: ErrGift},
		{Rule: "it is given to whose it is", Given: spec.Events{gift}, When: with(func(c *Give) { c.Gift, c.Party = "g2", "bert" }), Refused: ErrOther},
		{Rule: "somebody gets it", When: with(func(c *Give) { c.Party = "" }), Refused: ErrGift},
		{Rule: "not in hindsight", When: with(func(c *Give) { c.On = may9.AddDays(1) }), Refused: ErrGift},
		{Rule: "it does not end before it begins", When: with(func(c *Give) { c.Until = may1 }), Refused: ErrGift},
		{Rule: "only services there are are given", When: with(func(c *Give) { c.Service = "fax" }), Refused: ErrNoService},
		{Rule: "nothing is no gift", When: with(func(c *Give) { c.Quota = 0 }), Refused: ErrNoQuota},
		{Rule: "an app is given as such", When: with(func(c *Give) { c.Service = domain.Polls }), Refused: ErrApp},
		{Rule: "a gift ends", Given: spec.Events{gift}, When: EndGift{"s1", "g1", may1, may9}, Then: spec.Events{GiftEnds{"s1", "g1", "anna", may1, may9}}},
		{Rule: "not later than was said", Given: spec.Events{polls}, When: EndGift{"s1", "g2", may1, may9.AddDays(1)}},
		{Rule: "nor in hindsight", Given: spec.Events{gift}, When: EndGift{"s1", "g1", may9, may1}, Refused: ErrGrace},
		{Rule: "what was not given does not end", When: EndGift{"s1", "g1", may1, may9}, Refused: ErrNoGift},

		{Rule: "grace keeps what would be revoked through a day", When: GiveGrace{"s1", "anna", may1, may9}, Then: spec.Events{GraceGiven{"s1", "anna", may1, may9}}},
		{Rule: "or another", Given: spec.Events{GraceGiven{"s1", "anna", may1, may9}}, When: GiveGrace{"s1", "anna", may1, may1}, Then: spec.Events{GraceGiven{"s1", "anna", may1, may1}}},
		{Rule: "not one that is over", When: GiveGrace{"s1", "anna", may9, may1}, Refused: ErrGrace},
		{Rule: "it is given to whose it is kept", Given: spec.Events{gift}, When: GiveGrace{"s1", "bert", may1, may9}, Refused: ErrOther},
	})
	spec.Check(t, []spec.Story[domain.Command[Membership]]{
		{Rule: "a membership adds to a subscription", When: CountMembership{"anna", "s1", may1}, Then: spec.Events{MembershipCounted{"anna", "s1", may1}}},
		{Rule: "and later to another, and no more to the first", Given: spec.Events{MembershipCounted{"anna", "s1", may1}}, When: CountMembership{"anna", "s2", may9}, Then: spec.Events{MembershipCounted{"anna", "s2", may9}}},
		{Rule: "it is somebody's", When: CountMembership{"", "s1", may1}, Refused: ErrIncomplete},
	})
}

func TestGiftStands(t *testing.T) {
	g := Gift{From: may1, Until: may9}
	for day, want := range map[calendar.Date]bool{may1.AddDays(-1): false, may1: true, may9: true, may9.AddDays(1): false} {
		if g.Stands(day) != want {
			t.Errorf("on %v it stands: %v", day, !want)
		}
	}
	if g.Until = (calendar.Date{}); !g.Stands(may9.AddDays(999)) {
		t.Error("without a last day it goes on")
	}
}
