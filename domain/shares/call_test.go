package shares_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
)

// partly are four shares of which a quarter is paid.
var (
	quarterPaid = shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("25.00"), On: day(time.February, 2), Reference: "b1"}
	partly      = spec.Events{subscribed, quarterPaid, issued}
	decided     = shares.CallDecided{Call: "c1", Class: "A", UpTo: eur("12.50"), DueOn: day(time.April, 30), Decision: "board 7", On: day(time.March, 1), StatutesVersion: 4}
	called      = shares.Called{
		Call: "c1", Party: "ada", Class: "A", Amount: eur("25.00"), DueOn: day(time.April, 30), On: day(time.March, 1),
		Lots: []shares.Asked{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), UpTo: eur("50.00"), Amount: eur("25.00")}},
	}
)

func TestDecidingCalls(t *testing.T) {
	decide := shares.DecideCall{Call: "c1", Class: "A", UpTo: eur("12.50"), DueOn: day(time.April, 30), Decision: "board 7", On: day(time.March, 1), Statutes: rules(t)}
	spec.Check(t, []spec.Story[domain.Command[shares.Call]]{
		{Rule: "the board calls for what is unpaid, up to an amount per share", When: decide, Then: spec.Events{decided}},
		{Rule: "with the days to pay that the statutes give", When: with(decide, func(c *shares.DecideCall) { c.DueOn = day(time.March, 30) }), Refused: shares.ErrTooEarly},
		{Rule: "of something", When: with(decide, func(c *shares.DecideCall) { c.UpTo = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "in the currency of the class", When: with(decide, func(c *shares.DecideCall) { c.UpTo = money.Must("9.00 CHF") }), Refused: shares.ErrCurrency},
		{Rule: "of a class that exists", When: with(decide, func(c *shares.DecideCall) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "by a decision that has minutes", When: with(decide, func(c *shares.DecideCall) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "it has an id", When: with(decide, func(c *shares.DecideCall) { c.Call = "" }), Refused: shares.ErrIncomplete},
		{Rule: "it is by statutes", When: with(decide, func(c *shares.DecideCall) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "not in a year that is closed", When: with(decide, func(c *shares.DecideCall) { c.Closed = day(time.March, 1) }), Refused: shares.ErrClosed},
		{Rule: "it stays as it was decided", Given: spec.Events{decided}, When: with(decide, func(c *shares.DecideCall) { c.UpTo = eur("20.00") }), Refused: shares.ErrCalled},
	})
}

func TestCalling(t *testing.T) {
	call := shares.CallShares{Call: "c1", Party: "ada", Class: "A"}
	all := with(decided, func(e *shares.CallDecided) { e.UpTo = eur("90.00") })
	whole := with(called, func(e *shares.Called) {
		e.Amount, e.Lots = eur("75.00"), []shares.Asked{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), UpTo: eur("100.00"), Amount: eur("75.00")}}
	})
	second := with(called, func(e *shares.Called) {
		e.Call, e.Amount, e.DueOn, e.Lots = "c2", eur("50.00"), day(time.August, 31), []shares.Asked{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), UpTo: eur("100.00"), Amount: eur("50.00")}}
	})
	ahead := with(quarterPaid, func(e *shares.Paid) { e.Reference, e.Amount = "b2", eur("25.00") })
	later := with(issued, func(e *shares.Issued) { e.On = day(time.March, 2) })
	spec.Check2(t, []spec.Story[domain.Command2[shares.Call, shares.Holding]]{
		{Rule: "a holder is called for what is unpaid up to that", Given: append(spec.Events{decided}, partly...), When: call, Then: spec.Events{called}},
		{Rule: "up to what the shares cost, and no further", Given: append(spec.Events{all}, partly...), When: call, Then: spec.Events{whole}},
		{Rule: "who has paid ahead is called for nothing", Given: append(spec.Events{decided}, subscribed, quarterPaid, ahead, issued), When: call},
		{Rule: "nor who has paid up", Given: append(spec.Events{decided}, held...), When: call},
		{Rule: "nor for shares that were issued later", Given: spec.Events{decided, subscribed, quarterPaid, later}, When: call},
		{Rule: "it was decided", Given: partly, When: call, Refused: shares.ErrNoCall},
		{Rule: "for shares of that class", Given: append(spec.Events{decided}, partly...), When: with(call, func(c *shares.CallShares) { c.Class = "B" }), Refused: shares.ErrNoCall},
	})

	s := rules(t)
	none := rules(t)
	none.Shares.SuspendVotes = false
	h := after(append(partly[:3:3], called))
	if h.Unpaid() != eur("25.00") || h.Overdue(day(time.April, 30)).IsPositive() || h.Overdue(day(time.May, 1)) != eur("25.00") {
		t.Errorf("unpaid %v, overdue on the day %v, and after it %v", h.Unpaid(), h.Overdue(day(time.April, 30)), h.Overdue(day(time.May, 1)))
	}
	if on, late, kept := h.Voting(s, day(time.April, 30)), h.Voting(s, day(time.May, 1)), h.Voting(none, day(time.May, 1)); on != 4 || late != 0 || kept != 4 {
		t.Errorf("%d vote on the day, %d after it, %d where the statutes suspend no votes", on, late, kept)
	}
	both := after(append(partly[:3:3], called, second, ahead))
	if both.Unpaid() != eur("50.00") || !both.Overdue(day(time.May, 1)).IsZero() || both.Overdue(day(time.September, 1)) != eur("50.00") {
		t.Errorf("payments count for the oldest call first: %v unpaid, %v overdue in May, %v in September", both.Unpaid(), both.Overdue(day(time.May, 1)), both.Overdue(day(time.September, 1)))
	}
}
