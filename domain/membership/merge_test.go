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
	"rochdale/domain/statutes"
)

func TestMerging(t *testing.T) {
	on := day(time.May, 1)
	merge := membership.Merge{Party: "ada2", Into: "ada", On: on}
	merged := membership.Merged{Party: "ada2", Into: "ada", On: on}
	absorbed := func(numbers ...domain.MemberNumber) membership.Absorbed {
		return membership.Absorbed{Party: "ada", Merged: "ada2", Numbers: numbers, On: on}
	}
	box := sealed.New("ada2", sealed.Register, moved)
	applied2 := membership.Applied{Party: "ada2", Kind: membership.Person, Identity: box, On: day(time.March, 1)}
	admitted2 := membership.Admitted{Party: "ada2", Number: 31, On: day(time.March, 3)}
	twin := membership.Ended{Party: "ada2", Reason: membership.Duplicate, On: on}
	as := func(events spec.Events, more ...any) spec.Events {
		return append(slices.Clip(events), second(more...)...)
	}
	applicant := spec.Events{applied2}
	twice := spec.Events{applied2, admitted2}
	board := membership.RoleGranted{Party: "ada2", Role: domain.RoleBoard, On: day(time.March, 4)}
	delegate := membership.RoleGranted{Party: "ada2", Role: domain.RoleDelegate, For: "mill", On: day(time.March, 4)}
	spec.Check2(t, []onTwo{
		{
			Rule: "two members found to be one: both numbers are kept", Given: as(twice, applied, admitted), When: merge,
			Then: as(spec.Events{twin, merged}, absorbed(31)),
		},
		{Rule: "who applies is found to be a member, and applies no more", Given: as(applicant, applied, admitted), When: merge, Then: as(spec.Events{merged}, absorbed())},
		{
			Rule: "nor waits", Given: as(append(applicant[:1:1], membership.WaitingListJoined{Party: "ada2", On: day(time.March, 2)}), applied, admitted), When: merge,
			Then: as(spec.Events{membership.WaitingListLeft{Party: "ada2", On: on}, merged}, absorbed()),
		},
		{Rule: "who is known otherwise is one who is known", Given: as(spec.Events{known("ada2", membership.Person, moved)}, known("ada", membership.Person, ada)), When: merge, Then: as(spec.Events{merged}, absorbed())},
		{
			Rule: "who was to be a member later never is", Given: as(spec.Events{applied2, membership.Admitted{Party: "ada2", Number: 31, On: day(time.June, 1)}}, applied, admitted), When: merge,
			Then: as(spec.Events{membership.Ended{Party: "ada2", Reason: membership.Duplicate, On: day(time.May, 31)}, merged}, absorbed(31)),
		},
		{
			Rule: "roles go over, those that the other has already do not", Given: as(append(applicant[:1:1], board, delegate), applied, admitted, membership.RoleGranted{Party: "ada", Role: domain.RoleBoard}), When: merge,
			Then: as(
				spec.Events{membership.RoleRevoked{Party: "ada2", Role: domain.RoleBoard, On: on}, membership.RoleRevoked{Party: "ada2", Role: domain.RoleDelegate, For: "mill", On: on}, merged},
				membership.RoleGranted{Party: "ada", Role: domain.RoleDelegate, For: "mill", On: on}, absorbed(),
			),
		},
		{
			Rule: "so does being a founder", Given: as(append(twice[:2:2], membership.FounderNamed{Party: "ada2"}), applied, admitted), When: merge,
			Then: as(spec.Events{twin, merged}, membership.FounderNamed{Party: "ada", On: on}, absorbed(31)),
		},
		{
			Rule: "and numbers of those that were merged before", When: merge,
			Given: as(append(twice[:2:2], membership.Absorbed{Party: "ada2", Merged: "ada3", Numbers: []domain.MemberNumber{40}}), applied, admitted),
			Then:  as(spec.Events{twin, merged}, absorbed(31, 40)),
		},
		{Rule: "the member stays, not who is none", Given: as(twice, known("ada", membership.Person, ada)), When: merge, Refused: membership.ErrOtherWay},
		{Rule: "a person is no organisation", Given: as(spec.Events{known("ada2", membership.Organisation, mill)}, applied, admitted), When: merge, Refused: membership.ErrKind},
		{Rule: "nobody is merged into themselves", Given: as(applicant, applied2), When: membership.Merge{Party: "ada2", Into: "ada2", On: on}, Refused: membership.ErrSelf},
		{Rule: "nor into nobody", Given: applicant, When: merge, Refused: membership.ErrUnknown},
		{Rule: "nor is nobody", Given: second(applied, admitted), When: merge, Refused: membership.ErrUnknown},
		{Rule: "nor twice", Given: as(append(applicant[:1:1], membership.Merged{Party: "ada2", Into: "eve"}), applied, admitted), When: merge, Refused: membership.ErrMerged},
		{Rule: "nor into one that was", Given: as(applicant, applied, admitted, membership.Merged{Party: "ada", Into: "eve"}), When: merge, Refused: membership.ErrMerged},
		{Rule: "nor on no day", Given: as(applicant, applied, admitted), When: membership.Merge{Party: "ada2", Into: "ada"}, Refused: membership.ErrIncomplete},
		{Rule: "nor the dead into the living", Given: as(append(applicant[:1:1], membership.Died{Party: "ada2", On: on, LearntOn: on}), applied, admitted), When: merge, Refused: membership.ErrOneGone},
		{Rule: "nor while an exclusion is to be decided on", Given: as(append(twice[:2:2], membership.ExclusionProposed{Party: "ada2", On: day(time.April, 1)}), applied, admitted), When: merge, Refused: membership.ErrProposed},
	})
}

func TestMandatesOfThoseWhoAreMerged(t *testing.T) {
	on := day(time.May, 1)
	isMill2, mandate := known("mill2", membership.Organisation, mill), func(party domain.PartyID, id membership.MandateID, from, through calendar.Date) membership.MandateGiven {
		return membership.MandateGiven{Party: party, Mandate: id, Agent: "bert", Capacity: membership.Delegate, From: from, Through: through}
	}
	ended := func(id membership.MandateID) membership.MandateEnded {
		return membership.MandateEnded{Party: "mill2", Mandate: id, On: day(time.April, 30)}
	}
	merge := membership.Merge{Party: "mill2", Into: "mill", On: on}
	done := membership.Merged{Party: "mill2", Into: "mill", On: on}
	absorbed := membership.Absorbed{Party: "mill", Merged: "mill2", On: on}
	given := spec.Events{
		isMill2,
		mandate("mill2", "over", day(time.January, 1), day(time.March, 1)),
		mandate("mill2", "now", day(time.January, 1), day(time.December, 31)),
		mandate("mill2", "later", day(time.June, 1), calendar.Date{}),
		mandate("mill2", "taken", day(time.January, 1), calendar.Date{}),
	}
	spec.Check2(t, []onTwo{{
		Rule: "mandates go over, in force and to come", When: merge,
		Given: append(given[:5:5], second(isMill, mandate("mill", "taken", day(time.January, 1), calendar.Date{}))...),
		Then: append(
			spec.Events{ended("now"), ended("later"), ended("taken"), done},
			second(mandate("mill", "now", on, day(time.December, 31)), mandate("mill", "later", day(time.June, 1), calendar.Date{}), absorbed)...,
		),
	}})
	joint2 := membership.JointFormed{Party: "couple2", Holders: []domain.PartyID{"ada", "bert"}}
	voter := func(party domain.PartyID, agent domain.PartyID) membership.MandateGiven {
		return membership.MandateGiven{Party: party, Mandate: membership.MandateID("of " + party), Agent: agent, Capacity: membership.NamedVoter, From: day(time.January, 1)}
	}
	spec.Check2(t, []onTwo{{
		Rule: "of two named voters, that of the party that stays", When: membership.Merge{Party: "couple2", Into: "couple", On: on},
		Given: append(spec.Events{joint2, voter("couple2", "bert")}, second(joint, voter("couple", "ada"))...),
		Then: append(
			spec.Events{membership.MandateEnded{Party: "couple2", Mandate: "of couple2", On: day(time.April, 30)}, membership.Merged{Party: "couple2", Into: "couple", On: on}},
			second(membership.Absorbed{Party: "couple", Merged: "couple2", On: on})...,
		),
	}})
}

// TestNothingIsAskedOfWhoWasMerged issues every command to a party that was merged:
// each is refused, with the name of the other, or changes nothing but what is forgotten.
func TestNothingIsAskedOfWhoWasMerged(t *testing.T) {
	on := day(time.May, 2)
	merged := membership.Merged{Party: "ada", Into: "ada2", On: day(time.May, 1)}
	past := append(member[:2:2], merged)
	board := membership.Decision{By: statutes.Board, On: on}
	var ones []onMember
	for _, c := range []domain.Command[membership.Member]{
		membership.Apply{Party: "ada", Kind: membership.Person, Identity: ada, On: on, Statutes: nubo},
		membership.WithdrawApplication{Party: "ada", On: on},
		membership.PutOnWaitingList{Party: "ada", On: on},
		membership.TakeOffWaitingList{Party: "ada", On: on},
		membership.Reject{Party: "ada", On: on, Decision: board, Reason: "r", Statutes: nubo},
		membership.NameFounder{Party: "ada", On: on},
		membership.ChangeIdentity{Party: "ada", Identity: moved, On: on},
		membership.ChangeLanguage{Party: "ada", Language: "nl", On: on},
		membership.ChangeContact{Party: "ada", Contact: newMail, On: on},
		membership.RequestContactChange{Party: "ada", Request: "r1", Contact: newMail, On: on, Statutes: nubo},
		membership.ConfirmContactChange{Party: "ada", Request: "r1", By: membership.OldChannel, On: on},
		membership.DeclineContactChange{Party: "ada", Request: "r1", By: membership.OldChannel, On: on},
		membership.ChangeBankAccount{Party: "ada", Account: membership.BankAccount{IBAN: "BE68539007547034"}, On: on, Statutes: nubo},
		membership.RemoveBankAccount{Party: "ada", On: on},
		membership.FormJoint{Party: "ada", Identity: couple, Holders: []domain.PartyID{"bert", "eve"}, On: on},
		membership.ChangeHolders{Party: "ada", Holders: []domain.PartyID{"bert", "eve"}, On: on},
		membership.EndMandate{Party: "ada", Mandate: "m1", On: on},
		membership.Resign{Party: "ada", On: on, Statutes: nubo},
		membership.WithdrawResignation{Party: "ada", On: on, Statutes: nubo},
		membership.ProposeExclusion{Party: "ada", On: on, Grounds: "g", Statutes: nubo},
		membership.AnswerExclusion{Party: "ada", On: on, Answer: "a"},
		membership.HoldHearing{Party: "ada", On: on},
		membership.DecideExclusion{Party: "ada", Decision: board, Excluded: true, Reasons: "r", Statutes: nubo},
		membership.NotifyExclusion{Party: "ada", On: on},
		membership.Decease{Party: "ada", On: on, LearntOn: on, Statutes: nubo},
		membership.WindUp{Party: "ada", How: membership.ByBankruptcy, On: on, LearntOn: on, Statutes: nubo},
		membership.RevokeEnd{Party: "ada", On: on, Why: "w"},
		membership.GrantRole{Party: "ada", Role: domain.RoleBoard, On: on},
		membership.RevokeRole{Party: "ada", Role: domain.RoleBoard, On: on},
	} {
		if c.Stream() != "member/ada" {
			t.Errorf("%T is of %s", c, c.Stream())
		}
		ones = append(ones, onMember{Rule: typeName(c), Given: past, When: c, Refused: membership.ErrMerged})
	}
	spec.Check(t, ones)
	var twos []onTwo
	for _, c := range []domain.Command2[membership.Member, membership.Member]{
		membership.GiveMandate{Party: "ada", Mandate: "m1", Agent: "bert", Capacity: membership.Guardian, From: on, Statutes: nubo},
		membership.HandOverMandate{Party: "ada", Mandate: "m1", To: "m2", Agent: "bert", On: on, Statutes: nubo},
		membership.Merge{Party: "ada", Into: "bert", On: on},
		membership.OpenEstate{Party: "ada", Of: "bert", Identity: couple, On: on},
	} {
		if a, b := c.Streams(); a != "member/ada" || b != "member/bert" {
			t.Errorf("%T is of %s and %s", c, a, b)
		}
		twos = append(twos, onTwo{Rule: typeName(c), Given: append(past[:3:3], second(isBert)...), When: c, Refused: membership.ErrMerged})
	}
	spec.Check2(t, twos)
	var numbered []onBoth
	for _, c := range []domain.Command2[membership.Member, membership.Number]{
		enter,
		membership.Admit{Party: "ada", Number: 7, On: on, Decision: board, Shares: 1, Statutes: nubo},
	} {
		if a, b := c.Streams(); a != "member/ada" || b != "member-number/7" {
			t.Errorf("%T is of %s and %s", c, a, b)
		}
		numbered = append(numbered, onBoth{Rule: typeName(c), Given: past, When: c, Refused: membership.ErrMerged})
	}
	spec.Check2(t, numbered)
	spec.Check(t, []onMember{{
		Rule: "but who was merged can be forgotten", Given: past, When: membership.ErasePersonalData{Party: "ada", Class: sealed.Service, Through: 1, On: on, Statutes: nubo},
		Then: spec.Events{membership.PersonalDataErased{Party: "ada", Class: sealed.Service, Through: 1, On: on}},
	}})
	if m := after(past...); m.MergedInto() != "ada2" {
		t.Errorf("merged into %s", m.MergedInto())
	}
	m := after(applied, admitted, membership.Absorbed{Party: "ada", Merged: "ada2", Numbers: []domain.MemberNumber{31, 40}})
	if !slices.Equal(m.Numbers(), []domain.MemberNumber{7, 31, 40}) {
		t.Errorf("known under %v", m.Numbers())
	}
}
