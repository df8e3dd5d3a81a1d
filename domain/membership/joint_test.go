package membership_test

import (
	"slices"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

func TestJointHolders(t *testing.T) {
	form := membership.FormJoint{Party: "couple", Identity: couple, Holders: []domain.PartyID{"ada", "bert"}, On: day(time.January, 1)}
	with := func(change func(*membership.FormJoint)) membership.FormJoint { return with(form, change) }
	formed := spec.Events{known("couple", membership.Joint, couple), joint}
	apply := membership.Apply{Party: "couple", Kind: membership.Joint, Identity: couple, On: day(time.February, 1), Statutes: nubo}
	voter := membership.MandateGiven{Party: "couple", Mandate: "m1", Agent: "bert", Capacity: membership.NamedVoter, From: day(time.February, 1)}
	change := func(holders ...domain.PartyID) membership.ChangeHolders {
		return membership.ChangeHolders{Party: "couple", Holders: holders, On: day(time.June, 1)}
	}
	changed := func(holders ...domain.PartyID) membership.HoldersChanged {
		return membership.HoldersChanged{Party: "couple", Holders: holders, On: day(time.June, 1)}
	}
	spec.Check(t, []onMember{
		{Rule: "two hold shares together, as one party", When: form, Then: formed},
		{Rule: "at least two", When: with(func(c *membership.FormJoint) { c.Holders = []domain.PartyID{"ada"} }), Refused: membership.ErrHolders},
		{Rule: "different ones", When: with(func(c *membership.FormJoint) { c.Holders = []domain.PartyID{"ada", "ada"} }), Refused: membership.ErrHolders},
		{Rule: "others than the joint party", When: with(func(c *membership.FormJoint) { c.Holders = []domain.PartyID{"ada", "couple"} }), Refused: membership.ErrHolders},
		{Rule: "they are called something", When: with(func(c *membership.FormJoint) { c.Identity = ada }), Refused: membership.ErrIncomplete},
		{Rule: "on a day", When: with(func(c *membership.FormJoint) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "a person does not become several", Given: spec.Events{isBert}, When: with(func(c *membership.FormJoint) { c.Party = "bert"; c.Holders = []domain.PartyID{"ada", "eve"} }), Refused: membership.ErrKind},
		{Rule: "nor does anybody say so otherwise", When: membership.ChangeIdentity{Party: "couple", Identity: couple, On: day(time.January, 1)}, Refused: membership.ErrKind},
		{
			Rule: "they move together", Given: formed, When: membership.ChangeIdentity{Party: "couple", Identity: membership.Identity{Together: "Ada and Bert Sample", City: "Brugge"}, On: day(time.March, 1)},
			Then: spec.Events{membership.IdentityChanged{Party: "couple", Kind: membership.Joint, Identity: sealed.New("couple", sealed.Register, membership.Identity{Together: "Ada and Bert Sample", City: "Brugge"}), On: day(time.March, 1)}},
		},
		{
			Rule: "they apply together", Given: formed, When: apply,
			Then: spec.Events{membership.Applied{
				Party: "couple", Kind: membership.Joint, Identity: sealed.New("couple", sealed.Register, couple), On: apply.On,
				WithdrawableThrough: day(time.February, 15), StatutesVersion: 4,
			}},
		},
		{Rule: "once it is known who they are", When: apply, Refused: membership.ErrHolders},
		{Rule: "one takes the place of another", Given: formed, When: change("ada", "eve"), Then: spec.Events{changed("ada", "eve")}},
		{
			Rule: "who votes for them no more if not one of them", Given: append(formed[:2:2], voter), When: change("ada", "eve"),
			Then: spec.Events{membership.MandateEnded{Party: "couple", Mandate: "m1", On: day(time.May, 31)}, changed("ada", "eve")},
		},
		{Rule: "and still, if they are", Given: append(formed[:2:2], voter), When: change("bert", "eve"), Then: spec.Events{changed("bert", "eve")}},
		{Rule: "the same are no change", Given: formed, When: change("ada", "bert")},
		{Rule: "one alone is not joint", Given: formed, When: change("ada"), Refused: membership.ErrHolders},
		{Rule: "a person has no holders", Given: spec.Events{isBert}, When: membership.ChangeHolders{Party: "bert", Holders: []domain.PartyID{"ada", "eve"}, On: day(time.June, 1)}, Refused: membership.ErrHolders},
		{Rule: "a change has a day", Given: formed, When: membership.ChangeHolders{Party: "couple", Holders: []domain.PartyID{"ada", "eve"}}, Refused: membership.ErrIncomplete},
		{Rule: "and is of somebody", When: change("ada", "eve"), Refused: membership.ErrUnknown},
	})
	spec.Check2(t, []onBoth{
		{
			Rule: "joint holders without a named voter are a member all the same", When: membership.Admit{Party: "couple", Number: 7, On: day(time.February, 3), Decision: byBoard, Shares: 1, Statutes: nubo},
			Given: append(formed[:2:2], membership.Applied{Party: "couple", Kind: membership.Joint, Identity: sealed.New("couple", sealed.Register, couple), On: day(time.February, 1)}),
			Then: spec.Events{
				membership.Admitted{Party: "couple", Number: 7, On: day(time.February, 3), Decision: byBoard, StatutesVersion: 4},
				membership.NumberGiven{Number: 7, Party: "couple", On: day(time.February, 3)},
			},
		},
	})
	m := after(formed...)
	if i, _ := m.Identity(); !slices.Equal(m.Holders(), []domain.PartyID{"ada", "bert"}) || m.Kind() != membership.Joint || i.Name() != "Ada and Bert Sample" {
		t.Errorf("%v, %s", m.Holders(), m.Kind())
	}
}

func TestEstates(t *testing.T) {
	called := membership.Identity{Together: "Estate of Ada Sample"}
	open := membership.OpenEstate{Party: "estate", Of: "ada", Identity: called, Heirs: []domain.PartyID{"bert"}, On: day(time.May, 12)}
	with := func(change func(*membership.OpenEstate)) membership.OpenEstate { return with(open, change) }
	dead := second(applied, admitted, died, ended)
	opened := spec.Events{knownSince("estate", membership.Estate, called, open.On), membership.EstateOpened{Party: "estate", Of: "ada", Heirs: []domain.PartyID{"bert"}, On: open.On}}
	left := membership.LeftEstate{Party: "ada", Estate: "estate", On: open.On}
	spec.Check2(t, []onTwo{
		{Rule: "who has died leaves an estate", Given: dead, When: open, Then: append(opened[:2:2], second(left)...)},
		{
			Rule: "of which the heirs may not be known yet", Given: dead, When: with(func(c *membership.OpenEstate) { c.Heirs = nil }),
			Then: append(spec.Events{opened[0], membership.EstateOpened{Party: "estate", Of: "ada", On: open.On}}, second(left)...),
		},
		{Rule: "so does one who was no member", Given: second(known("ada", membership.Person, ada), died), When: open, Then: append(opened[:2:2], second(left)...)},
		{Rule: "the living leave none", Given: second(applied, admitted), When: open, Refused: membership.ErrAlive},
		{Rule: "nor does nobody", When: open, Refused: membership.ErrUnknown},
		{Rule: "each leaves one", Given: append(dead[:4:4], second(left)...), When: with(func(c *membership.OpenEstate) { c.Party = "estate2" }), Refused: membership.ErrEstateOpen},
		{Rule: "not before the death", Given: dead, When: with(func(c *membership.OpenEstate) { c.On = day(time.March, 2) }), Refused: membership.ErrTooEarly},
		{Rule: "a person is no estate", Given: append(spec.Events{isBert}, dead...), When: with(func(c *membership.OpenEstate) { c.Party, c.Heirs = "bert", nil }), Refused: membership.ErrKind},
		{Rule: "the dead do not inherit from themselves", Given: dead, When: with(func(c *membership.OpenEstate) { c.Heirs = []domain.PartyID{"ada"} }), Refused: membership.ErrHolders},
		{Rule: "an estate is called something", Given: dead, When: with(func(c *membership.OpenEstate) { c.Identity = membership.Identity{} }), Refused: membership.ErrIncomplete},
	})
	spec.Check(t, []onMember{
		{
			Rule: "heirs become known later", Given: opened, When: membership.ChangeHolders{Party: "estate", Holders: []domain.PartyID{"bert", "eve"}, On: day(time.June, 1)},
			Then: spec.Events{membership.HoldersChanged{Party: "estate", Holders: []domain.PartyID{"bert", "eve"}, On: day(time.June, 1)}},
		},
		{
			Rule: "an estate moves", Given: opened, When: membership.ChangeIdentity{Party: "estate", Identity: membership.Identity{Together: "Estate of Ada Sample", City: "Gent"}, On: day(time.June, 1)},
			Then: spec.Events{knownSince("estate", membership.Estate, membership.Identity{Together: "Estate of Ada Sample", City: "Gent"}, day(time.June, 1))},
		},
		{Rule: "it becomes no member", Given: opened, When: membership.Apply{Party: "estate", Kind: membership.Estate, Identity: called, On: day(time.June, 1), Statutes: nubo}, Refused: membership.ErrEstate},
	})
	e, a := after(opened...), after(append(member[:2:2], died, ended, left)...)
	if e.EstateOf() != "ada" || a.Estate() != "estate" || e.Kind() != membership.Estate {
		t.Errorf("%s is of %s, and %s left %s", e.Party(), e.EstateOf(), a.Party(), a.Estate())
	}
}

func knownSince(party domain.PartyID, kind membership.Kind, i membership.Identity, on calendar.Date) membership.IdentityChanged {
	e := known(party, kind, i)
	e.On = on
	return e
}
