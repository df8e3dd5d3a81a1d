package shares_test

import (
	"slices"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
)

func TestReversing(t *testing.T) {
	reverse := shares.ReverseEntry{Reversal: "u1", Entry: shares.EntryPayment, Of: "b1", Party: "ada", Class: "A", Document: "bank 9", On: day(time.March, 1)}
	back := shares.Reversed{
		Reversal: "u1", Entry: shares.EntryPayment, Of: "b1", Party: "ada", Class: "A", EntryOn: day(time.February, 2), Document: "bank 9", On: day(time.March, 1),
		Payment: &shares.PaymentBack{Subscription: "s1", Amount: eur("100.00"), Called: eur("100.00")},
	}
	pending := with(back, func(e *shares.Reversed) { e.Payment = &shares.PaymentBack{Subscription: "s1", Amount: eur("100.00")} })
	kept := with(back, func(e *shares.Reversed) {
		e.Payment = &shares.PaymentBack{Subscription: "s1", Amount: eur("100.00"), Kept: true}
	})
	credited := shares.Credited{Reference: "b1", Subscription: "s1", Party: "ada", Class: "A", Amount: eur("20.00"), On: day(time.February, 2)}
	both := with(pending, func(e *shares.Reversed) {
		e.Payment = &shares.PaymentBack{Subscription: "s1", Amount: eur("100.00"), Credited: eur("20.00")}
	})
	withdrawn := shares.SubscriptionWithdrawn{
		Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, Credits: []shares.Credit{{Reference: "b1", Payer: "ada", Amount: eur("100.00")}}, Why: shares.Lapsed, On: day(time.February, 9),
	}
	fromCredit := with(back, func(e *shares.Reversed) {
		e.Payment = &shares.PaymentBack{Subscription: "s1", Credited: eur("100.00"), Amount: eur("0.00")}
	})
	refunded := shares.CreditRefunded{Reference: "b1", Party: "ada", Class: "A", Payer: "ada", Amount: eur("1.00"), On: day(time.February, 20), Payment: "p1"}
	gone := shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, On: day(time.February, 20)}
	assigned := shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Payer: "bert", By: shares.ByCredit, Amount: eur("100.00"), On: day(time.February, 2), Reference: "b1"}
	spec.Check(t, []story{
		{Rule: "a payment that came back is reversed, and is due again on shares that are issued", Given: held, When: reverse, Then: spec.Events{back}},
		{Rule: "or, where they are not, just not paid", Given: spec.Events{subscribed, paid}, When: reverse, Then: spec.Events{pending}},
		{Rule: "what was kept of it as a credit goes with it", Given: spec.Events{subscribed, paid, credited}, When: reverse, Then: spec.Events{both}},
		{Rule: "unless that was used", Given: spec.Events{subscribed, paid, credited, refunded}, When: reverse, Refused: shares.ErrNoCredit},
		{
			Rule: "a payment for the wrong shares is kept, to be assigned to the right ones", Given: spec.Events{subscribed, paid},
			When: with(reverse, func(c *shares.ReverseEntry) { c.Keep = true }), Then: spec.Events{kept},
		},
		{
			Rule: "what was paid from a credit is one again", Given: spec.Events{subscribed, assigned}, When: reverse,
			Then: spec.Events{with(kept, func(e *shares.Reversed) {
				e.Payment = &shares.PaymentBack{Subscription: "s1", Payer: "bert", By: shares.ByCredit, Amount: eur("100.00"), Kept: true}
			})},
		},
		{Rule: "of a subscription that was withdrawn the credit goes", Given: spec.Events{subscribed, paid, withdrawn}, When: reverse, Then: spec.Events{fromCredit}},
		{Rule: "what is gone with its payment is reversed first", Given: append(held[:3:3], gone), When: reverse, Refused: shares.ErrGone},
		{Rule: "once", Given: append(held[:3:3], back), When: with(reverse, func(c *shares.ReverseEntry) { c.Reversal = "u2" }), Refused: shares.ErrReversed},
		{Rule: "as it was", Given: append(held[:3:3], back), When: with(reverse, func(c *shares.ReverseEntry) { c.Document = "bank 10" }), Refused: shares.ErrReversed},
		{Rule: "of an entry that there is", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Of = "b9" }), Refused: shares.ErrNoEntry},
		{Rule: "of a kind that there is", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Entry = "dream" }), Refused: shares.ErrIncomplete},
		{Rule: "a transfer is reversed on both sides", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Entry = shares.EntryTransfer }), Refused: shares.ErrIncomplete},
		{Rule: "it has an id", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Reversal = "" }), Refused: shares.ErrIncomplete},
		{Rule: "and a document that shows why", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "not before what it reverses", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.On = day(time.February, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "what was wrong in a closed year is corrected in the open one, and both show", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Closed = day(time.February, 28) }), Then: spec.Events{back}},
		{Rule: "never in the closed one", Given: held, When: with(reverse, func(c *shares.ReverseEntry) { c.Closed = day(time.March, 1) }), Refused: shares.ErrClosed},
	})
	if h := after(append(held[:3:3], back)); h.Held() != 4 || !h.Paid().IsZero() || h.Unpaid() != eur("100.00") || h.Overdue(day(time.March, 1)) != eur("100.00") {
		t.Errorf("%d are held, %v is paid, %v unpaid, %v overdue", h.Held(), h.Paid(), h.Unpaid(), h.Overdue(day(time.March, 1)))
	}
}

func TestReversingIssuesCallsAndLosses(t *testing.T) {
	year := calendar.Period{From: day(time.January, 1), Through: day(time.December, 31)}
	charged := shares.LossCharged{
		Party: "ada", Class: "A", Year: year, Amount: eur("8.00"), On: calendar.On(2027, time.May, 20),
		Lots: []shares.LotLoss{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), Amount: eur("8.00")}},
	}
	reverse := func(entry shares.Entry, of string, on calendar.Date) shares.ReverseEntry {
		return shares.ReverseEntry{Reversal: "u1", Entry: entry, Of: of, Party: "ada", Class: "A", Document: "minutes 3", On: on}
	}
	reversed := func(entry shares.Entry, of string, entryOn, on calendar.Date) shares.Reversed {
		return shares.Reversed{Reversal: "u1", Entry: entry, Of: of, Party: "ada", Class: "A", EntryOn: entryOn, Document: "minutes 3", On: on}
	}
	unissued := with(reversed(shares.EntryIssue, "s1", day(time.February, 3), day(time.March, 1)), func(e *shares.Reversed) { e.Quantity, e.Lots = -4, []shares.Lot{lot} })
	uncalled := with(reversed(shares.EntryCall, "c1", day(time.March, 1), day(time.March, 9)), func(e *shares.Reversed) {
		e.Calls = []shares.Asked{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00")}}
	})
	further := with(called, func(e *shares.Called) {
		e.Call, e.On, e.Lots = "c2", day(time.March, 5), []shares.Asked{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), UpTo: eur("80.00"), Amount: eur("30.00")}}
	})
	toFirst := with(uncalled, func(e *shares.Reversed) {
		e.Of, e.EntryOn, e.Calls = "c2", day(time.March, 5), []shares.Asked{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), UpTo: eur("50.00"), Amount: eur("25.00")}}
	})
	givenBack := with(reversed(shares.EntryLoss, "2026-12-31", charged.On, calendar.On(2027, time.June, 1)), func(e *shares.Reversed) { e.Losses = charged.Lots })
	shorter := with(charged, func(e *shares.LossCharged) {
		e.Year.From, e.Lots = e.Year.From.AddDays(90), slices.Clone(e.Lots)
		e.Lots[0].Amount, e.Amount = eur("1.00"), eur("1.00")
	})
	pledged := shares.RestrictionNoted{Restriction: "x1", Party: "ada", Class: "A", Kind: shares.Pledged, Document: "deed", On: day(time.February, 9)}
	spec.Check(t, []story{
		{Rule: "an issue made by mistake is reversed, and what was paid waits again", Given: held, When: reverse(shares.EntryIssue, "s1", day(time.March, 1)), Then: spec.Events{unissued}},
		{Rule: "if there was one", Given: spec.Events{subscribed}, When: reverse(shares.EntryIssue, "s1", day(time.March, 1)), Refused: shares.ErrNoEntry},
		{Rule: "and the shares are as they were issued", Given: append(held[:3:3], charged), When: reverse(shares.EntryIssue, "s1", calendar.On(2027, time.June, 1)), Refused: shares.ErrGone},
		{Rule: "and nothing has happened to them later", Given: spec.Events{subscribed, paid, issued, with(paid, func(e *shares.Paid) { e.Reference, e.Amount, e.On = "b2", eur("0.01"), day(time.March, 5) })}, When: reverse(shares.EntryIssue, "s1", day(time.March, 1)), Refused: shares.ErrTooEarly},
		{Rule: "and they are pledged to nobody", Given: append(held[:3:3], pledged), When: reverse(shares.EntryIssue, "s1", day(time.March, 1)), Refused: shares.ErrNotFree},
		{
			Rule: "they can be issued again", Given: append(held[:3:3], unissued), When: shares.Issue{Subscription: "s1", Party: "ada", Class: "A", On: day(time.March, 2), Statutes: rules(t)},
			Then: spec.Events{with(issued, func(e *shares.Issued) { e.On = day(time.March, 2) })},
		},
		{Rule: "not before the reversal", Given: append(held[:3:3], unissued), When: shares.Issue{Subscription: "s1", Party: "ada", Class: "A", On: day(time.February, 20), Statutes: rules(t)}, Refused: shares.ErrTooEarly},
		{Rule: "a call made by mistake is reversed", Given: append(partly[:3:3], called), When: reverse(shares.EntryCall, "c1", day(time.March, 9)), Then: spec.Events{uncalled}},
		{Rule: "down to what other calls want", Given: append(partly[:3:3], called, further), When: reverse(shares.EntryCall, "c2", day(time.March, 9)), Then: spec.Events{toFirst}},
		{Rule: "if it was made", Given: partly, When: reverse(shares.EntryCall, "c1", day(time.March, 9)), Refused: shares.ErrNoEntry},
		{Rule: "once", Given: append(partly[:3:3], called, uncalled), When: with(reverse(shares.EntryCall, "c1", day(time.March, 9)), func(c *shares.ReverseEntry) { c.Reversal = "u2" }), Refused: shares.ErrReversed},
		{Rule: "while the shares are here", Given: append(partly[:3:3], called, shares.Left{Claim: "k1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{with(lot, func(l *shares.Lot) { l.Paid = eur("25.00") })}, On: day(time.March, 5)}), When: reverse(shares.EntryCall, "c1", day(time.March, 9)), Refused: shares.ErrGone},
		{Rule: "a loss charged by mistake is given back", Given: append(held[:3:3], charged), When: reverse(shares.EntryLoss, "2026-12-31", calendar.On(2027, time.June, 1)), Then: spec.Events{givenBack}},
		{Rule: "if it was charged", Given: held, When: reverse(shares.EntryLoss, "2026-12-31", calendar.On(2027, time.June, 1)), Refused: shares.ErrNoEntry},
		{Rule: "once, too", Given: append(held[:3:3], charged, givenBack), When: with(reverse(shares.EntryLoss, "2026-12-31", calendar.On(2027, time.June, 1)), func(c *shares.ReverseEntry) { c.Reversal = "u2" }), Refused: shares.ErrReversed},
		{
			Rule:  "of two years with the same last day, that of the one whose loss still stands",
			Given: append(held[:3:3], charged, shorter, givenBack), When: with(reverse(shares.EntryLoss, "2026-12-31", calendar.On(2027, time.June, 1)), func(c *shares.ReverseEntry) { c.Reversal = "u2" }),
			Then: spec.Events{with(givenBack, func(e *shares.Reversed) { e.Reversal, e.Losses = "u2", shorter.Lots })},
		},
		{Rule: "while the shares are here, too", Given: append(held[:3:3], charged, shares.Redeemed{Redemption: "r", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, On: day(time.December, 31)}), When: reverse(shares.EntryLoss, "2026-12-31", calendar.On(2027, time.June, 1)), Refused: shares.ErrGone},
	})
}

func TestReversingWhatWasPaidOut(t *testing.T) {
	credited := shares.Credited{Reference: "b1", Subscription: "s1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("20.00"), On: day(time.February, 2)}
	refunded := shares.CreditRefunded{Reference: "b1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("20.00"), On: day(time.February, 9), Payment: "p1"}
	barred := shares.CreditTimeBarred{Reference: "b1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("20.00"), On: calendar.On(2036, time.February, 3), StatutesVersion: 4}
	redeemed := shares.Redeemed{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, Value: eur("90.00"), On: day(time.June, 30), StatutesVersion: 4}
	repaid := shares.Repaid{Party: "ada", Class: "A", Amount: eur("60.00"), On: day(time.July, 9), Reference: "p2"}
	reverse := func(entry shares.Entry, of string, on calendar.Date) shares.ReverseEntry {
		return shares.ReverseEntry{Reversal: "u1", Entry: entry, Of: of, Party: "ada", Class: "A", Document: "bank 9", On: on}
	}
	back := shares.Reversed{
		Reversal: "u1", Entry: shares.EntryCredit, Of: "p1", Party: "ada", Class: "A", Credit: "b1", Amount: eur("20.00"), EntryOn: day(time.February, 9), Document: "bank 9", On: day(time.March, 1),
	}
	revived := with(back, func(e *shares.Reversed) {
		e.Entry, e.Of, e.EntryOn, e.On = shares.EntryTimeBar, "b1", barred.On, calendar.On(2036, time.March, 1)
	})
	owed := with(back, func(e *shares.Reversed) {
		e.Entry, e.Of, e.Credit, e.Amount, e.EntryOn, e.On = shares.EntryRepayment, "p2", "", eur("60.00"), repaid.On, day(time.July, 12)
	})
	held4 := with(back, func(e *shares.Reversed) {
		e.Entry, e.Of, e.Credit, e.Amount, e.EntryOn, e.On = shares.EntryRedemption, "r1", "", eur("90.00"), redeemed.On, day(time.July, 1)
		e.Quantity, e.Lots = 4, []shares.Lot{lot}
	})
	used := shares.CreditUsed{Assignment: "a1", Reference: "b1", Party: "ada", Class: "A", Amount: eur("20.00"), To: "cy", ToClass: "B", Subscription: "s7", On: day(time.February, 9)}
	again := func(c shares.ReverseEntry) shares.ReverseEntry {
		c.Reversal = "u2"
		return c
	}
	gone := append(held[:3:3], redeemed)
	spec.Check(t, []story{
		{Rule: "a credit that was paid back and did not arrive is there again", Given: spec.Events{credited, refunded}, When: reverse(shares.EntryCredit, "p1", day(time.March, 1)), Then: spec.Events{back}},
		{Rule: "once", Given: spec.Events{credited, refunded, back}, When: again(reverse(shares.EntryCredit, "p1", day(time.March, 1))), Refused: shares.ErrReversed},
		{Rule: "not before it was paid", Given: spec.Events{credited, refunded}, When: reverse(shares.EntryCredit, "p1", day(time.February, 8)), Refused: shares.ErrTooEarly},
		{Rule: "what was assigned is reversed where it was paid", Given: spec.Events{credited, used}, When: reverse(shares.EntryCredit, "a1", day(time.March, 1)), Refused: shares.ErrNoEntry},
		{Rule: "a credit that was not time-barred after all is there again", Given: spec.Events{credited, barred}, When: reverse(shares.EntryTimeBar, "b1", calendar.On(2036, time.March, 1)), Then: spec.Events{revived}},
		{Rule: "if it was", Given: spec.Events{credited}, When: reverse(shares.EntryTimeBar, "b1", calendar.On(2036, time.March, 1)), Refused: shares.ErrNoEntry},
		{Rule: "what was repaid and came back is owed again", Given: append(gone[:4:4], repaid), When: reverse(shares.EntryRepayment, "p2", day(time.July, 12)), Then: spec.Events{owed}},
		{Rule: "once, too", Given: append(gone[:4:4], repaid, owed), When: again(reverse(shares.EntryRepayment, "p2", day(time.July, 12))), Refused: shares.ErrReversed},
		{Rule: "shares given back by mistake are held again", Given: gone, When: reverse(shares.EntryRedemption, "r1", day(time.July, 1)), Then: spec.Events{held4}},
		{Rule: "not once they are paid for", Given: append(gone[:4:4], repaid), When: reverse(shares.EntryRedemption, "r1", day(time.July, 12)), Refused: shares.ErrNotOwed},
		{Rule: "if they were given back", Given: held, When: reverse(shares.EntryRedemption, "r1", day(time.July, 1)), Refused: shares.ErrNoEntry},
	})
	if h := after(append(gone[:4:4], held4)); h.Held() != 4 || !h.Owed().IsZero() || h.Paid() != eur("100.00") {
		t.Errorf("%d are held, %v is owed, %v paid", h.Held(), h.Owed(), h.Paid())
	}
}

func TestReversingTransfers(t *testing.T) {
	out := shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 1), StatutesVersion: 4}
	in := shares.TransferredIn{Transfer: "t1", Party: "bert", From: "ada", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 1), StatutesVersion: 4}
	reverse := shares.ReverseTransfer{Reversal: "u1", Transfer: "t1", From: "ada", To: "bert", Class: "A", Document: "letter", On: day(time.April, 1)}
	entry := shares.Reversed{Reversal: "u1", Entry: shares.EntryTransfer, Of: "t1", Class: "A", Lots: of(lot, 2), EntryOn: day(time.March, 1), Document: "letter", On: day(time.April, 1)}
	giver := with(entry, func(e *shares.Reversed) { e.Party, e.Quantity = "ada", 2 })
	receiver := with(entry, func(e *shares.Reversed) { e.Party, e.Quantity = "bert", -2 })
	given := append(held[:3:3], out, second(in))
	onward := second(shares.TransferredOut{Transfer: "t2", Party: "bert", To: "cy", Class: "A", Quantity: 1, Lots: of(lot, 1), On: day(time.March, 9)})
	converted := second(shares.ConvertedOut{Conversion: "v1", Party: "bert", Class: "A", To: "B", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 9)})
	other := second(shares.TransferredIn{Transfer: "t3", Party: "bert", From: "cy", Class: "A", Quantity: 2, Lots: of(with(lot, func(l *shares.Lot) { l.Subscriber = "cy" }), 2), On: day(time.March, 9)})
	spec.Check2(t, []story2{
		{Rule: "shares transferred by mistake go back, with their days", Given: given, When: reverse, Then: spec.Events{giver, second(receiver)}},
		{Rule: "not if they have passed on", Given: append(given[:5:5], onward), When: reverse, Refused: shares.ErrTooFew},
		{Rule: "nor if they are others by now", Given: append(given[:5:5], converted, other), When: reverse, Refused: shares.ErrGone},
		{Rule: "not before they came", Given: given, When: with(reverse, func(c *shares.ReverseTransfer) { c.On = day(time.February, 20) }), Refused: shares.ErrTooEarly},
		{Rule: "if they were transferred", Given: held, When: reverse, Refused: shares.ErrNoEntry},
		{Rule: "once", Given: append(given[:5:5], giver, second(receiver)), When: with(reverse, func(c *shares.ReverseTransfer) { c.Reversal = "u2" }), Refused: shares.ErrReversed},
		{Rule: "on an open day", Given: given, When: with(reverse, func(c *shares.ReverseTransfer) { c.Closed = day(time.April, 1) }), Refused: shares.ErrClosed},
	})

	cout := shares.ConvertedOut{Conversion: "v1", Party: "ada", Class: "A", To: "B", Asked: 3, Quantity: 3, Lots: of(lot, 3), On: day(time.March, 1)}
	cin := shares.ConvertedIn{
		Conversion: "v1", Party: "ada", Class: "B", From: "A", Quantity: 2, On: day(time.March, 1),
		Lots: []shares.Lot{{Subscription: "s1", Subscriber: "ada", AcquiredOn: day(time.February, 3), Quantity: 2, Price: eur("37.50"), Paid: eur("75.00")}},
	}
	back := with(entry, func(e *shares.Reversed) {
		e.Entry, e.Of, e.Party, e.Quantity, e.Lots = shares.EntryConversion, "v1", "ada", 3, of(lot, 3)
	})
	gone := with(back, func(e *shares.Reversed) { e.Class, e.Quantity, e.Lots = "B", -2, cin.Lots })
	reconvert := shares.ReverseConversion{Reversal: "u1", Conversion: "v1", Party: "ada", Class: "A", To: "B", Document: "letter", On: day(time.April, 1)}
	converts := append(held[:3:3], cout, second(cin))
	lost := second(shares.LossCharged{Party: "ada", Class: "B", Lots: []shares.LotLoss{{Subscription: "s1", Subscriber: "ada", Price: eur("37.50"), Amount: eur("1.00")}}, Amount: eur("1.00"), On: day(time.March, 9)})
	spec.Check2(t, []spec.Story[domain.Command2[shares.Holding, shares.Holding]]{
		{Rule: "shares converted by mistake become what they were", Given: converts, When: reconvert, Then: spec.Events{back, second(gone)}},
		{Rule: "if they were converted", Given: held, When: reconvert, Refused: shares.ErrNoEntry},
		{Rule: "once each", Given: append(converts[:5:5], back, second(gone)), When: with(reconvert, func(c *shares.ReverseConversion) { c.Reversal = "u2" }), Refused: shares.ErrReversed},
		{Rule: "not if they are worth another amount by now", Given: append(converts[:5:5], lost), When: reconvert, Refused: shares.ErrGone},
		{Rule: "nor if they are not here", Given: append(held[:3:3], cout), When: reconvert, Refused: shares.ErrNoEntry},
		{Rule: "with a document", Given: converts, When: with(reconvert, func(c *shares.ReverseConversion) { c.Document = "" }), Refused: shares.ErrIncomplete},
	})
}

func TestAccounts(t *testing.T) {
	year := func(n int) calendar.Period {
		return calendar.Period{From: calendar.On(n, time.January, 1), Through: calendar.On(n, time.December, 31)}
	}
	approve := shares.ApproveAccounts{
		Year: year(2025), NetAssets: eur("1000.00"), Loss: eur("30.00"), Issued: map[domain.ClassID]int64{"A": 40, "B": 10}, Decision: "assembly 1", On: day(time.May, 23), Statutes: rules(t),
	}
	approved := shares.AccountsApproved{
		Year: year(2025), NetAssets: eur("1000.00"), Loss: eur("30.00"), Decision: "assembly 1", On: day(time.May, 23), StatutesVersion: 4,
		Shares: []shares.ClassShares{{Class: "A", Quantity: 40, Price: eur("25.00")}, {Class: "B", Quantity: 10, Price: eur("25.00")}},
	}
	past := spec.Events{approved}
	spec.Check(t, []spec.Story[domain.Command[shares.Accounts]]{
		{Rule: "the assembly approves the accounts, and the year is closed", When: approve, Then: past},
		{Rule: "they stay as they were approved", Given: past, When: with(approve, func(c *shares.ApproveAccounts) { c.NetAssets = eur("999.00") }), Refused: shares.ErrApproved},
		{Rule: "one year after the other", Given: past, When: with(approve, func(c *shares.ApproveAccounts) { c.Year = year(2027) }), Refused: shares.ErrYearOrder},
		{Rule: "a whole fiscal year", When: with(approve, func(c *shares.ApproveAccounts) { c.Year.Through = day(time.January, 31) }), Refused: shares.ErrYearOrder},
		{Rule: "once it is over", When: with(approve, func(c *shares.ApproveAccounts) { c.On = calendar.On(2025, time.December, 31) }), Refused: shares.ErrTooEarly},
		{Rule: "by minutes", When: with(approve, func(c *shares.ApproveAccounts) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "with figures", When: with(approve, func(c *shares.ApproveAccounts) { c.Issued = nil }), Refused: shares.ErrIncomplete},
		{Rule: "a loss is no gain", When: with(approve, func(c *shares.ApproveAccounts) { c.Loss = eur("-1.00") }), Refused: shares.ErrIncomplete},
		{Rule: "in the currency of the co-op", When: with(approve, func(c *shares.ApproveAccounts) { c.Loss = moneyCHF }), Refused: shares.ErrCurrency},
		{Rule: "by statutes", When: with(approve, func(c *shares.ApproveAccounts) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
	})
	a := approved.Evolve(shares.Accounts{})
	if last, ok := a.Last(day(time.May, 22)); ok {
		t.Errorf("%+v are approved before they are", last)
	}
	if _, ok := a.Of(year(2025), day(time.May, 23)); !ok || a.ClosedThrough() != year(2025).Through || approved.PerShare("A") != eur("20.00") {
		t.Errorf("closed through %v, %v a share", a.ClosedThrough(), approved.PerShare("A"))
	}

	old := spec.Events{
		with(subscribed, func(e *shares.Subscribed) { e.On = calendar.On(2025, time.March, 1) }),
		with(paid, func(e *shares.Paid) { e.On = calendar.On(2025, time.March, 1) }),
		with(issued, func(e *shares.Issued) { e.On = calendar.On(2025, time.March, 1) }),
	}
	charge := shares.ChargeLoss{Party: "ada", Class: "A", Accounts: approved, On: day(time.May, 23)}
	charged := shares.LossCharged{
		Party: "ada", Class: "A", Year: year(2025), Amount: eur("2.40"), On: day(time.May, 23),
		Lots: []shares.LotLoss{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), Amount: eur("2.40")}},
	}
	ruin := with(approved, func(e *shares.AccountsApproved) { e.Loss = eur("9000.00") })
	all := with(charged, func(e *shares.LossCharged) {
		e.Amount, e.Lots = eur("100.00"), []shares.LotLoss{{Subscription: "s1", Subscriber: "ada", Price: eur("25.00"), Amount: eur("100.00")}}
	})
	spec.Check(t, []story{
		{Rule: "shares bear their part of the loss: 4 of 50, of 30.00", Given: old, When: charge, Then: spec.Events{charged}},
		{Rule: "no more than was paid on them", Given: old, When: with(charge, func(c *shares.ChargeLoss) { c.Accounts = ruin }), Then: spec.Events{all}},
		{Rule: "those that were issued after the year bear none", Given: held, When: charge},
		{Rule: "once a year", Given: append(old[:3:3], charged), When: with(charge, func(c *shares.ChargeLoss) { c.On = day(time.May, 24) }), Refused: shares.ErrCharged},
		{Rule: "by accounts that are approved", Given: old, When: with(charge, func(c *shares.ChargeLoss) { c.Accounts = shares.AccountsApproved{} }), Refused: shares.ErrAccountsMissing},
		{Rule: "not before they are", Given: old, When: with(charge, func(c *shares.ChargeLoss) { c.On = day(time.May, 22) }), Refused: shares.ErrTooEarly},
		{Rule: "nor in the year that they close", Given: old, When: with(charge, func(c *shares.ChargeLoss) { c.Closed = day(time.December, 31) }), Refused: shares.ErrClosed},
		{
			Rule: "nor before what was paid last", Refused: shares.ErrTooEarly, When: charge,
			Given: append(old[:3:3], shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("0.01"), On: day(time.June, 1), Reference: "b7"}),
		},
	})
	if h := after(append(old[:3:3], charged)); h.Paid() != eur("100.00") || h.Lots()[0].Left() != eur("97.60") {
		t.Errorf("%v was paid, of which %v is left", h.Paid(), h.Lots()[0].Left())
	}
}
