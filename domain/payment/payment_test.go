package payment

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/spec"
)

func TestPayment(t *testing.T) {
	may1, may2 := calendar.On(2026, time.May, 1), calendar.On(2026, time.May, 2)
	amount := money.Must("12.50 EUR")
	id := FromBank("BE68539007547034", "2026-0007")
	known := Record{id, "anna", amount, may1, Transfer, "2026-0007", "000000000101"}
	unknown := known
	unknown.Payer = ""
	with := func(change func(*Record)) Record {
		c := known
		change(&c)
		return c
	}
	matched, unmatched := Matched{id, "anna", amount, may2}, Unmatched{id, "anna", amount, may2}
	reversed := Reversed{id, "anna", amount, "camt 12", may2}
	setOff := with(func(c *Record) { c.Payment, c.Method, c.Communication = "set-off/1", SetOff, "" })
	cash := with(func(c *Record) { c.Payment, c.Method, c.Reference, c.Communication = "cash-1", Cash, "", "" })
	spec.Check(t, []spec.Story[domain.Command[Payment]]{
		{Rule: "a transfer comes in", When: known, Then: spec.Events{Received(known)}},
		{Rule: "and is recorded though nobody knows who paid", When: unknown, Then: spec.Events{Received(unknown)}},
		{Rule: "cash has no reference", When: cash, Then: spec.Events{Received(cash)}},
		{Rule: "a statement read again records nothing again", Given: spec.Events{Received(unknown), matched}, When: unknown},
		{Rule: "not even where the payer is known by now", Given: spec.Events{Received(unknown)}, When: known},
		{Rule: "what came in is not edited", Given: spec.Events{Received(known)}, When: with(func(c *Record) { c.Amount = money.Must("13.00 EUR") }), Refused: ErrRecorded},
		{Rule: "nothing is no payment", When: with(func(c *Record) { c.Amount = money.Money{} }), Refused: ErrNoAmount},
		{Rule: "less than nothing is none either", When: with(func(c *Record) { c.Amount = amount.Negated() }), Refused: ErrNoAmount},
		{Rule: "a slip of the pen is no fortune", When: with(func(c *Record) { c.Amount = money.Must("1000000000.01 EUR") }), Refused: ErrTooMuch},
		{Rule: "a payment has an id", When: with(func(c *Record) { c.Payment = "" }), Refused: ErrIncomplete},
		{Rule: "a payment has a date", When: with(func(c *Record) { c.On = calendar.Date{} }), Refused: ErrIncomplete},
		{Rule: "a payment is made in some way", When: with(func(c *Record) { c.Method = "barter" }), Refused: ErrIncomplete},
		{Rule: "a communication checks itself", When: with(func(c *Record) { c.Communication = "000000000102" }), Refused: ErrCommunication},

		{Rule: "who paid is found out", Given: spec.Events{Received(unknown)}, When: Match{id, "anna", may2}, Then: spec.Events{matched}},
		{Rule: "who is known need not be found out", Given: spec.Events{Received(known)}, When: Match{id, "anna", may2}},
		{Rule: "one payment has one payer", Given: spec.Events{Received(known)}, When: Match{id, "bert", may2}, Refused: ErrMatched},
		{Rule: "somebody paid it", Given: spec.Events{Received(unknown)}, When: Match{id, "", may2}, Refused: ErrIncomplete},
		{Rule: "it is found out on a day", Given: spec.Events{Received(unknown)}, When: Match{Payment: id, Payer: "anna"}, Refused: ErrIncomplete},
		{Rule: "nobody paid what never came in", When: Match{id, "anna", may2}, Refused: ErrUnknown},

		{Rule: "a mistake is taken back", Given: spec.Events{Received(known)}, When: Unmatch{id, "anna", may2}, Then: spec.Events{unmatched}},
		{
			Rule: "and who really paid is found out", Given: spec.Events{Received(known), unmatched},
			When: Match{id, "bert", may2}, Then: spec.Events{Matched{id, "bert", amount, may2}},
		},
		{Rule: "a mistake that was mended is left alone", Given: spec.Events{Received(known), unmatched, Matched{id, "bert", amount, may2}}, When: Unmatch{id, "anna", may2}},
		{Rule: "what nobody is said to have paid is left alone", Given: spec.Events{Received(unknown)}, When: Unmatch{id, "", may2}},
		{Rule: "a mistake is taken back on a day", Given: spec.Events{Received(known)}, When: Unmatch{Payment: id, Payer: "anna"}, Refused: ErrIncomplete},
		{Rule: "a payment that the bank takes back is none", Given: spec.Events{Received(known)}, When: Reverse{id, "camt 12", may2}, Then: spec.Events{reversed}},
		{Rule: "which is said once", Given: spec.Events{Received(known), reversed}, When: Reverse{id, "camt 13", may2}},
		{Rule: "whoever paid it", Given: spec.Events{Received(unknown)}, When: Reverse{id, "camt 12", may2}, Then: spec.Events{Reversed{id, "", amount, "camt 12", may2}}},
		{Rule: "and nobody has paid it any more", Given: spec.Events{Received(unknown), reversed}, When: Match{id, "anna", may2}, Refused: ErrReversed},
		{Rule: "something shows why", Given: spec.Events{Received(known)}, When: Reverse{id, "", may2}, Refused: ErrIncomplete},
		{Rule: "it is reversed on a day", Given: spec.Events{Received(known)}, When: Reverse{Payment: id, Document: "camt 12"}, Refused: ErrIncomplete},
		{Rule: "not before it came in", Given: spec.Events{Received(known)}, When: Reverse{id, "camt 12", may1.AddDays(-1)}, Refused: ErrTooEarly},
		{Rule: "what never came in is not taken back", When: Reverse{id, "camt 12", may2}, Refused: ErrUnknown},
		{Rule: "what is owed to a member pays their bills", When: setOff, Then: spec.Events{Received(setOff)}},
		{Rule: "what never came in is no mistake", When: Unmatch{id, "anna", may2}, Refused: ErrUnknown},
	})
	if _, ok := (Payment{}).Received(); ok {
		t.Error("nothing came in")
	}
	if p := matched.Evolve(Received(unknown).Evolve(Payment{})); p.Payer() != "anna" {
		t.Errorf("paid by %q", p.Payer())
	}
	if FromBank("a/b", "c") == FromBank("a", "b/c") {
		t.Error("two entries have one id")
	}
}
