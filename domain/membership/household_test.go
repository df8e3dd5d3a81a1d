package membership_test

import (
	"slices"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/spec"
)

func TestHouseholds(t *testing.T) {
	type pair = spec.Story[domain.Command2[membership.Household, membership.Member]]
	join := membership.JoinHousehold{Household: "h1", Party: "ada", On: day(time.March, 1)}
	leave := membership.LeaveHousehold{Household: "h1", Party: "ada", On: day(time.September, 1)}
	joined, gone := membership.HouseholdJoined(join), membership.HouseholdLeft(leave)
	other := membership.HouseholdJoined{Household: "h1", Party: "bert", On: day(time.March, 1)}
	spec.Check2(t, []pair{
		{Rule: "a party belongs to a household", Given: member, When: join, Then: spec.Events{joined}},
		{Rule: "with others", Given: append(member[:2:2], other), When: join, Then: spec.Events{joined}},
		{Rule: "again, after it has left", Given: append(member[:2:2], joined, gone), When: join, Then: spec.Events{joined}},
		{Rule: "if it is known", When: join, Refused: membership.ErrUnknown},
		{Rule: "and was not found to be another", Given: append(member[:2:2], membership.Merged{Party: "ada", Into: "ada2"}), When: join, Refused: membership.ErrMerged},
		{Rule: "a household has an id", Given: member, When: membership.JoinHousehold{Party: "ada", On: join.On}, Refused: membership.ErrIncomplete},
		{Rule: "on a day", Given: member, When: membership.JoinHousehold{Household: "h1", Party: "ada"}, Refused: membership.ErrIncomplete},
	})
	spec.Check(t, []spec.Story[domain.Command[membership.Household]]{
		{Rule: "it leaves", Given: spec.Events{joined, other}, When: leave, Then: spec.Events{gone}},
		{Rule: "what does not belong to it need not", Given: spec.Events{other}, When: leave},
		{Rule: "on a day", Given: spec.Events{joined}, When: membership.LeaveHousehold{Household: "h1", Party: "ada", On: calendar.Date{}}, Refused: membership.ErrIncomplete},
	})
	h := other.Evolve(joined.Evolve(membership.Household{}))
	if !slices.Equal(h.Parties(), []domain.PartyID{"ada", "bert"}) || !slices.Equal(gone.Evolve(h).Parties(), []domain.PartyID{"bert"}) {
		t.Errorf("%v belong to it", h.Parties())
	}
	if a, b := join.Streams(); a != "household/h1" || b != "member/ada" || leave.Stream() != a {
		t.Errorf("%s, %s", a, b)
	}
}
