package shares_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

var (
	netAssets = shares.NetAssets{
		At: calendar.On(2025, time.December, 31), Assets: eur("9000.00"), Provisions: eur("100.00"), Debts: eur("2000.00"), Unamortised: eur("400.00"), Unavailable: eur("6000.00"),
		Certified: shares.Certified{By: statutes.Assembled, On: day(time.May, 23), Document: "assembly 1"},
	}
	liquidity = shares.Liquidity{
		At: day(time.July, 1), Cash: eur("1000.00"), Inflows: eur("4000.00"), Outflows: eur("4600.00"),
		Certified: shares.Certified{By: statutes.Board, On: day(time.July, 2), Document: "board 6"},
	}
	budget = shares.BudgetCertified{
		Budget: "g1", Amount: eur("60.00"), Refunds: eur("60.00"), NetAssets: netAssets, Liquidity: liquidity, Decision: "board 6", On: day(time.July, 2), StatutesVersion: 4,
	}
	owing    = spec.Events{requested, effective, valued}
	released = shares.RefundReleased{Claim: "k1", Party: "ada", Class: "A", Budget: "g1", Amount: eur("60.00"), On: day(time.July, 3)}
	drawn    = shares.BudgetDrawn{Budget: "g1", Claim: "k1", Amount: eur("60.00"), On: day(time.July, 3)}
)

func claimAfter(events spec.Events) (c shares.Claim) {
	for _, e := range events {
		c = e.(domain.Event[shares.Claim]).Evolve(c)
	}
	return c
}

func TestCertifyingBudgets(t *testing.T) {
	certify := shares.CertifyBudget{Budget: "g1", Amount: eur("60.00"), NetAssets: netAssets, Liquidity: liquidity, Decision: "board 6", On: day(time.July, 2), Statutes: rules(t)}
	most := func(net, liquid string) shares.CertifyBudget {
		return with(certify, func(c *shares.CertifyBudget) { c.NetAssets.Assets, c.Liquidity.Cash = eur(net), eur(liquid) })
	}
	dated := rules(t)
	dated.Shares.Refunds.TestDays = 200
	free := rules(t)
	free.Shares.Refunds.NetAssetsTest, free.Shares.Refunds.LiquidityTest = "", ""
	least := rules(t)
	least.Shares.Refunds.MinimumCapital, least.Shares.Refunds.MinimumPart = eur("5000.00"), statutes.MustFraction("1/4")
	minimum := func(contributed, highest string) shares.CertifyBudget {
		return with(certify, func(c *shares.CertifyBudget) {
			c.Statutes, c.Contributed, c.Highest = least, eur(contributed), eur(highest)
		})
	}
	refunds := func(amount string) spec.Events {
		return spec.Events{with(budget, func(e *shares.BudgetCertified) { e.Refunds = eur(amount) })}
	}
	spec.Check(t, []budgetStory{
		{Rule: "what passes both tests is free to leave", When: certify, Then: spec.Events{budget}},
		{Rule: "nothing that brings the net assets below what is unavailable", When: most("8559.99", "1000.00"), Refused: shares.ErrTestFailed},
		{Rule: "nothing that debts of the next twelve months need", When: most("9000.00", "659.99"), Refused: shares.ErrTestFailed},
		{Rule: "up to that", When: most("8560.00", "660.00"), Then: spec.Events{with(budget, func(e *shares.BudgetCertified) { e.NetAssets.Assets, e.Liquidity.Cash = eur("8560.00"), eur("660.00") })}},
		{Rule: "each is certified by whom the statutes say", When: with(certify, func(c *shares.CertifyBudget) { c.NetAssets.Certified.By = statutes.Board }), Refused: shares.ErrTestMissing},
		{Rule: "both of them", When: with(certify, func(c *shares.CertifyBudget) { c.Liquidity = shares.Liquidity{} }), Refused: shares.ErrTestMissing},
		{Rule: "with minutes", When: with(certify, func(c *shares.CertifyBudget) { c.Liquidity.Certified.Document = "" }), Refused: shares.ErrTestMissing},
		{Rule: "and figures that have a day", When: with(certify, func(c *shares.CertifyBudget) { c.NetAssets.At = calendar.Date{} }), Refused: shares.ErrTestMissing},
		{Rule: "not of the future", When: with(certify, func(c *shares.CertifyBudget) { c.Liquidity.Certified.On = day(time.July, 3) }), Refused: shares.ErrTestMissing},
		{Rule: "in the currency of the co-op", When: with(certify, func(c *shares.CertifyBudget) { c.Amount = moneyCHF }), Refused: shares.ErrCurrency},
		{
			Rule: "as are the figures", Refused: shares.ErrCurrency, When: with(certify, func(c *shares.CertifyBudget) {
				chf := money.Must("0.00 CHF")
				c.Liquidity.Cash, c.Liquidity.Inflows, c.Liquidity.Outflows = money.Must("900.00 CHF"), chf, chf
			}),
		},
		{
			Rule: "it holds for as long as the statutes say, from the oldest figures", When: with(certify, func(c *shares.CertifyBudget) { c.Statutes = dated }),
			Then: spec.Events{with(budget, func(e *shares.BudgetCertified) { e.Through = day(time.July, 19) })},
		},
		{Rule: "too old figures are no good", When: with(certify, func(c *shares.CertifyBudget) { c.Statutes, c.On = dated, day(time.July, 20) }), Refused: shares.ErrBudgetOver},
		{
			Rule: "where no test is wanted, it is a decision on an amount", When: with(certify, func(c *shares.CertifyBudget) {
				c.Statutes, c.NetAssets, c.Liquidity = free, shares.NetAssets{}, shares.Liquidity{}
			}),
			Then: spec.Events{with(budget, func(e *shares.BudgetCertified) { e.NetAssets, e.Liquidity = shares.NetAssets{}, shares.Liquidity{} })},
		},
		{Rule: "contributions never fall below the minimum capital by refunds", When: minimum("5040.00", "9000.00"), Then: refunds("40.00")},
		{Rule: "nor below a part of the highest that they ever were", When: minimum("6020.00", "24000.00"), Then: refunds("20.00")},
		{Rule: "what is above that is free", When: minimum("9000.00", "9000.00"), Then: refunds("60.00")},
		{Rule: "below it nothing is", When: minimum("4000.00", "9000.00"), Then: refunds("0.00")},
		{Rule: "what is contributed must be known then", When: with(certify, func(c *shares.CertifyBudget) { c.Statutes = least }), Refused: shares.ErrIncomplete},
		{Rule: "of something", When: with(certify, func(c *shares.CertifyBudget) { c.Amount = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "with an id", When: with(certify, func(c *shares.CertifyBudget) { c.Budget = "" }), Refused: shares.ErrIncomplete},
		{Rule: "by a decision", When: with(certify, func(c *shares.CertifyBudget) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "on a day", When: with(certify, func(c *shares.CertifyBudget) { c.On = calendar.Date{} }), Refused: shares.ErrIncomplete},
		{Rule: "by statutes", When: with(certify, func(c *shares.CertifyBudget) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "it stays as it was certified", Given: spec.Events{budget}, When: with(certify, func(c *shares.CertifyBudget) { c.Amount = eur("50.00") }), Refused: shares.ErrBudget},
	})
}

func TestReleasing(t *testing.T) {
	release := shares.ReleaseRefund{Claim: "k1", Budget: "g1", Amount: eur("60.00"), On: day(time.July, 3)}
	given := append(owing[:3:3], budget)
	less := with(budget, func(e *shares.BudgetCertified) { e.Refunds = eur("40.00") })
	over := with(budget, func(e *shares.BudgetCertified) { e.Through = day(time.July, 2) })
	spec.Check2(t, []spec.Story[domain.Command2[shares.Claim, shares.Budget]]{
		{Rule: "what is owed is released within the budget, and the rest waits", Given: given, When: release, Then: spec.Events{released, drawn}},
		{Rule: "nothing leaves without one", Given: owing, When: release, Refused: shares.ErrNoBudget},
		{Rule: "nor beyond it", Given: given, When: with(release, func(c *shares.ReleaseRefund) { c.Amount = eur("60.01") }), Refused: shares.ErrBudgetSpent},
		{Rule: "nor what others have of it", Given: append(given[:4:4], with(drawn, func(e *shares.BudgetDrawn) { e.Claim, e.Amount = "k2", eur("0.01") })), When: release, Refused: shares.ErrBudgetSpent},
		{Rule: "nor for longer than it holds", Given: append(owing[:3:3], over), When: release, Refused: shares.ErrBudgetOver},
		{Rule: "nor before it was certified", Given: given, When: with(release, func(c *shares.ReleaseRefund) { c.On = day(time.July, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "nor before the shares were valued", Given: given, When: with(release, func(c *shares.ReleaseRefund) { c.On = day(time.June, 30) }), Refused: shares.ErrTooEarly},
		{Rule: "nor below the minimum capital", Given: append(owing[:3:3], less), When: release, Refused: shares.ErrMinimum},
		{Rule: "no more than waits", Given: append(owing[:3:3], with(budget, func(e *shares.BudgetCertified) { e.Amount, e.Refunds = eur("900.00"), eur("900.00") })), When: with(release, func(c *shares.ReleaseRefund) { c.Amount = eur("100.01") }), Refused: shares.ErrNotWaiting},
		{Rule: "what is not valued does not wait", Given: spec.Events{requested, effective, budget}, When: release, Refused: shares.ErrNotWaiting},
		{Rule: "once for each budget", Given: append(given[:4:4], released, drawn), When: with(release, func(c *shares.ReleaseRefund) { c.Amount = eur("1.00") }), Refused: shares.ErrBudget},
		{Rule: "of something", Given: given, When: with(release, func(c *shares.ReleaseRefund) { c.Amount = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "in its currency", Given: given, When: with(release, func(c *shares.ReleaseRefund) { c.Amount = moneyCHF }), Refused: shares.ErrCurrency},
		{Rule: "of a claim", Given: spec.Events{budget}, When: release, Refused: shares.ErrNoClaim},
	})
}

func TestPayingRefunds(t *testing.T) {
	given := append(owing[:3:3], released)
	pay := shares.PayRefund{Claim: "k1", Amount: eur("60.00"), Reference: "p1", On: day(time.July, 15), UsableFrom: day(time.July, 15)}
	repaid := shares.RefundPaid{Claim: "k1", Party: "ada", Class: "A", Amount: eur("60.00"), Reference: "p1", On: day(time.July, 15)}
	attached := append(spec.Events{requested, with(effective, func(e *shares.ExitTookEffect) { e.Restrictions = []shares.RestrictionID{"x1"} })}, valued, released)
	freed := shares.ClaimFreed{Claim: "k1", Party: "ada", Restriction: "x1", Document: "letter", On: day(time.July, 10)}
	free := shares.FreeClaim{Claim: "k1", Restriction: "x1", Document: "letter", On: day(time.July, 10)}
	toOther := with(repaid, func(e *shares.RefundPaid) { e.To = "bank" })
	giveBack := shares.ReturnRefund{Claim: "k1", Reference: "p1", Document: "bank 17", On: day(time.July, 18)}
	returned := shares.RefundReturned{Claim: "k1", Party: "ada", Class: "A", Amount: eur("60.00"), Reference: "p1", Document: "bank 17", On: day(time.July, 18)}
	setOff := shares.SetOffRefund{Claim: "k1", Amount: eur("50.00"), Bills: []string{"A/2026/17"}, By: statutes.Board, Decision: "board 7", On: day(time.July, 5), Statutes: rules(t)}
	off := shares.RefundSetOff{Claim: "k1", Party: "ada", Class: "A", Amount: eur("50.00"), Waiting: eur("40.00"), Bills: []string{"A/2026/17"}, Decision: "board 7", On: day(time.July, 5)}
	never := rules(t)
	never.Shares.Refunds.SetOff = ""
	bar := shares.TimeBarRefund{Claim: "k1", On: calendar.On(2036, time.July, 4), Statutes: rules(t)}
	barred := shares.RefundTimeBarred{Claim: "k1", Party: "ada", Class: "A", Amount: eur("60.00"), On: calendar.On(2036, time.July, 4), StatutesVersion: 4}
	spec.Check(t, []claimStory{
		{Rule: "what is released is paid out", Given: given, When: pay, Then: spec.Events{repaid}},
		{Rule: "what waits is not", Given: given, When: with(pay, func(c *shares.PayRefund) { c.Amount = eur("60.01") }), Refused: shares.ErrNotReleased},
		{Rule: "nor while the bank account cools off", Given: given, When: with(pay, func(c *shares.PayRefund) { c.UsableFrom = day(time.July, 16) }), Refused: shares.ErrAccountRests},
		{Rule: "nor before it was released", Given: given, When: with(pay, func(c *shares.PayRefund) { c.On, c.UsableFrom = day(time.July, 2), calendar.Date{} }), Refused: shares.ErrTooEarly},
		{Rule: "nor in a closed year", Given: given, When: with(pay, func(c *shares.PayRefund) { c.Closed = day(time.December, 31) }), Refused: shares.ErrClosed},
		{Rule: "with a reference", Given: given, When: with(pay, func(c *shares.PayRefund) { c.Reference = "" }), Refused: shares.ErrIncomplete},
		{Rule: "of something", Given: given, When: with(pay, func(c *shares.PayRefund) { c.Amount = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "in its currency", Given: given, When: with(pay, func(c *shares.PayRefund) { c.Amount = moneyCHF }), Refused: shares.ErrCurrency},
		{Rule: "of a claim", When: pay, Refused: shares.ErrNoClaim},
		{Rule: "once", Given: append(given[:4:4], repaid), When: with(pay, func(c *shares.PayRefund) { c.Amount = eur("1.00") }), Refused: shares.ErrDoubleRefund},
		{Rule: "the heirs have it in the place of the dead", Given: given, When: with(pay, func(c *shares.PayRefund) { c.To = "bank" }), Then: spec.Events{toOther}},
		{Rule: "of attached shares the holder has nothing", Given: attached, When: pay, Refused: shares.ErrClaimBound},
		{Rule: "the creditor has", Given: attached, When: with(pay, func(c *shares.PayRefund) { c.To = "bank" }), Then: spec.Events{toOther}},
		{Rule: "until they are freed", Given: attached, When: free, Then: spec.Events{freed}},
		{Rule: "by a document", Given: attached, When: with(free, func(c *shares.FreeClaim) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "of what binds them", Given: given, When: free, Refused: shares.ErrNotRestricted},
		{Rule: "not before they left", Given: attached, When: with(free, func(c *shares.FreeClaim) { c.On = day(time.June, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "then the holder has it again", Given: append(attached[:4:4], freed), When: pay, Then: spec.Events{repaid}},

		{Rule: "a payment that comes back can be made again", Given: append(given[:4:4], repaid), When: giveBack, Then: spec.Events{returned}},
		{Rule: "as the bank shows", Given: append(given[:4:4], repaid), When: with(giveBack, func(c *shares.ReturnRefund) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "if it was made", Given: given, When: giveBack, Refused: shares.ErrNotReturned},
		{Rule: "once only", Given: append(given[:4:4], repaid, returned), When: with(giveBack, func(c *shares.ReturnRefund) { c.On = day(time.July, 19) }), Refused: shares.ErrNotReturned},
		{Rule: "not before it was made", Given: append(given[:4:4], repaid), When: with(giveBack, func(c *shares.ReturnRefund) { c.On = day(time.July, 14) }), Refused: shares.ErrTooEarly},
		{Rule: "on an open day", Given: append(given[:4:4], repaid), When: with(giveBack, func(c *shares.ReturnRefund) { c.Closed = day(time.July, 18) }), Refused: shares.ErrClosed},

		{Rule: "open bills are set off by a decision, what waits first", Given: given, When: setOff, Then: spec.Events{off}},
		{Rule: "that needs no budget", Given: owing, When: setOff, Then: spec.Events{with(off, func(e *shares.RefundSetOff) { e.Waiting = eur("50.00") })}},
		{Rule: "no more than is owed", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.Amount = eur("100.01") }), Refused: shares.ErrNotOwed},
		{Rule: "by whom the statutes say", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.By = statutes.Assembled }), Refused: shares.ErrIncomplete},
		{Rule: "in minutes", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "against bills that are named", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.Bills = nil }), Refused: shares.ErrIncomplete},
		{Rule: "where the statutes let them be", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.Statutes = never }), Refused: shares.ErrNoSetOff},
		{Rule: "by statutes", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "not before the shares were valued", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.On = day(time.June, 30) }), Refused: shares.ErrTooEarly},
		{Rule: "nor in a closed year, either", Given: given, When: with(setOff, func(c *shares.SetOffRefund) { c.Closed = day(time.July, 5) }), Refused: shares.ErrClosed},
		{Rule: "a decision is carried out once", Given: append(given[:4:4], off), When: with(setOff, func(c *shares.SetOffRefund) { c.Amount = eur("1.00") }), Refused: shares.ErrPaid},
		{Rule: "of a claim that there is", When: setOff, Refused: shares.ErrNoClaim},

		{Rule: "what nobody collects is time-barred after the term of the statutes", Given: given, When: bar, Then: spec.Events{barred}},
		{Rule: "not a day before", Given: given, When: with(bar, func(c *shares.TimeBarRefund) { c.On = calendar.On(2036, time.July, 3) }), Refused: shares.ErrNotBarred},
		{Rule: "what was tried to pay begins anew", Given: append(given[:4:4], repaid, returned), When: bar, Refused: shares.ErrNotBarred},
		{Rule: "what waits is not barred", Given: owing, When: bar, Refused: shares.ErrNotReleased},
		{Rule: "nor what is not claimed", When: bar, Refused: shares.ErrNoClaim},
	})
	for _, tt := range []struct {
		state shares.ClaimState
		after spec.Events
		owed  money.Money
	}{
		{shares.ClaimNone, nil, money.Money{}},
		{shares.ClaimRequested, owing[:1], money.Money{}},
		{shares.ClaimEffective, owing[:2], money.Money{}},
		{shares.ClaimWaiting, owing, eur("100.00")},
		{shares.ClaimWaiting, given, eur("100.00")},
		{shares.ClaimReleased, append(given[:4:4], off), eur("50.00")},
		{shares.ClaimSettled, append(given[:4:4], off, with(repaid, func(e *shares.RefundPaid) { e.Amount = eur("50.00") })), eur("0.00")},
	} {
		c := claimAfter(tt.after)
		if c.State() != tt.state || c.Owed() != tt.owed || c.Open(day(time.July, 30)) != (len(tt.after) > 1 && tt.state != shares.ClaimSettled) {
			t.Errorf("%s, with %v owed, open %t; want %s, %v", c.State(), c.Owed(), c.Open(day(time.July, 30)), tt.state, tt.owed)
		}
	}
}

func TestReversingOfClaims(t *testing.T) {
	given := append(owing[:3:3], released)
	off := shares.RefundSetOff{Claim: "k1", Party: "ada", Class: "A", Amount: eur("50.00"), Waiting: eur("40.00"), Bills: []string{"A/2026/17"}, Decision: "board 7", On: day(time.July, 5)}
	barred := shares.RefundTimeBarred{Claim: "k1", Party: "ada", Class: "A", Amount: eur("60.00"), On: calendar.On(2036, time.July, 4), StatutesVersion: 4}
	partlyPaid := spec.Events{
		requested, with(effective, func(e *shares.ExitTookEffect) { e.Left, e.Unpaid = eur("25.00"), eur("25.00") }),
		with(valued, func(e *shares.ExitValued) { e.Left, e.Value = eur("25.00"), eur("25.00") }),
	}
	collected := shares.UnpaidCollected{Claim: "k1", Party: "ada", Class: "A", Amount: eur("25.00"), Value: eur("15.00"), Reference: "b9", On: day(time.July, 9)}
	waived := shares.UnpaidWaived{Claim: "k1", Party: "ada", Class: "A", Amount: eur("25.00"), Decision: "board 8", On: day(time.July, 9)}
	reverse := func(entry shares.ClaimEntry, of string, on calendar.Date) shares.ReverseClaimEntry {
		return shares.ReverseClaimEntry{Reversal: "u1", Claim: "k1", Entry: entry, Of: of, Document: "letter", On: on}
	}
	reversed := func(entry shares.ClaimEntry, of string, entryOn, on calendar.Date, amount string, change func(*shares.ClaimEntryReversed)) spec.Events {
		return spec.Events{with(shares.ClaimEntryReversed{
			Claim: "k1", Party: "ada", Class: "A", Reversal: "u1", Entry: entry, Of: of, Amount: eur(amount), EntryOn: entryOn, Document: "letter", On: on,
		}, change)}
	}
	july := day(time.July, 20)
	unvalued := reversed(shares.EntryValuation, "", valued.On, july, "100.00", func(e *shares.ClaimEntryReversed) { e.Waiting = eur("-100.00") })
	spec.Check(t, []claimStory{
		{Rule: "a value found wrong is found again", Given: owing, When: reverse(shares.EntryValuation, "", july), Then: unvalued},
		{Rule: "not once something of it is released", Given: given, When: reverse(shares.EntryValuation, "", july), Refused: shares.ErrClaimState},
		{
			Rule: "on the day of the correction or later", Given: append(owing[:3:3], unvalued...), Refused: shares.ErrTooEarly,
			When: shares.ValueExit{Claim: "k1", Accounts: accountsOf(approvedFor(2025, "3000.00", "0.00")), On: day(time.July, 19), Statutes: rules(t)},
		},
		{
			Rule: "a set-off by mistake is undone", Given: append(given[:4:4], off), When: reverse(shares.EntrySetOff, "board 7", july),
			Then: reversed(shares.EntrySetOff, "board 7", off.On, july, "50.00", func(e *shares.ClaimEntryReversed) { e.Waiting, e.Released = eur("40.00"), eur("10.00") }),
		},
		{
			Rule: "once", Refused: shares.ErrReversed, When: with(reverse(shares.EntrySetOff, "board 7", july), func(c *shares.ReverseClaimEntry) { c.Reversal = "u2" }),
			Given: append(append(given[:4:4], off), reversed(shares.EntrySetOff, "board 7", off.On, july, "50.00", func(e *shares.ClaimEntryReversed) { e.Waiting, e.Released = eur("40.00"), eur("10.00") })...),
		},
		{
			Rule: "as it was", Refused: shares.ErrReversed, When: with(reverse(shares.EntrySetOff, "board 7", july), func(c *shares.ReverseClaimEntry) { c.Document = "other" }),
			Given: append(append(given[:4:4], off), reversed(shares.EntrySetOff, "board 7", off.On, july, "50.00", func(*shares.ClaimEntryReversed) {})...),
		},
		{
			Rule: "a debit that came back is unpaid again", Given: append(partlyPaid[:3:3], collected), When: reverse(shares.EntryCollection, "b9", july),
			Then: reversed(shares.EntryCollection, "b9", collected.On, july, "25.00", func(e *shares.ClaimEntryReversed) { e.Waiting, e.Unpaid = eur("-15.00"), eur("25.00") }),
		},
		{
			Rule: "not once its value is released", Refused: shares.ErrNotWaiting, When: reverse(shares.EntryCollection, "b9", july),
			Given: append(partlyPaid[:3:3], collected, with(released, func(e *shares.RefundReleased) { e.Amount, e.On = eur("40.00"), day(time.July, 10) })),
		},
		{
			Rule: "what was waived by mistake is owed", Given: append(partlyPaid[:3:3], waived), When: reverse(shares.EntryWaiver, "", july),
			Then: reversed(shares.EntryWaiver, "", waived.On, july, "25.00", func(e *shares.ClaimEntryReversed) { e.Unpaid = eur("25.00") }),
		},
		{
			Rule: "what was not time-barred after all can be paid", Given: append(given[:4:4], barred), When: reverse(shares.EntryBarred, "", calendar.On(2036, time.August, 1)),
			Then: reversed(shares.EntryBarred, "", barred.On, calendar.On(2036, time.August, 1), "60.00", func(e *shares.ClaimEntryReversed) { e.Released = eur("60.00") }),
		},
		{Rule: "of an entry that there is", Given: given, When: reverse(shares.EntrySetOff, "board 7", july), Refused: shares.ErrNoEntry},
		{Rule: "not before the last that happened", Given: append(given[:4:4], off), When: reverse(shares.EntrySetOff, "board 7", day(time.July, 4)), Refused: shares.ErrTooEarly},
		{Rule: "with a document", Given: owing, When: with(reverse(shares.EntryValuation, "", july), func(c *shares.ReverseClaimEntry) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "and an id", Given: owing, When: with(reverse(shares.EntryValuation, "", july), func(c *shares.ReverseClaimEntry) { c.Reversal = "" }), Refused: shares.ErrIncomplete},
		{Rule: "on an open day", Given: owing, When: with(reverse(shares.EntryValuation, "", july), func(c *shares.ReverseClaimEntry) { c.Closed = july }), Refused: shares.ErrClosed},
	})
}

// waits is a claim of which something waits, that left and was noticed on days.
func waits(id string, left, noticed calendar.Date, amount money.Money) shares.Claim {
	return claimAfter(spec.Events{
		with(requested, func(e *shares.ExitRequested) { e.Claim, e.On = shares.ClaimID(id), noticed }),
		with(effective, func(e *shares.ExitTookEffect) { e.Claim, e.On = shares.ClaimID(id), left }),
		with(valued, func(e *shares.ExitValued) { e.Claim, e.Value = shares.ClaimID(id), amount }),
	})
}

func TestQueue(t *testing.T) {
	june, dec := day(time.June, 30), day(time.December, 31)
	queue := []shares.Claim{
		waits("c", dec, day(time.August, 1), eur("100.00")), waits("b", june, day(time.March, 9), eur("200.00")), waits("a", june, day(time.March, 10), eur("100.00")), {},
	}
	for _, tt := range []struct {
		rule   string
		budget string
		short  statutes.Short
		want   []shares.Release
	}{
		{"who left first is paid first", "300.00", statutes.ProRata, []shares.Release{{"b", eur("200.00")}, {"a", eur("100.00")}}},
		{"and what is left goes to the next", "350.00", "", []shares.Release{{"b", eur("200.00")}, {"a", eur("100.00")}, {"c", eur("50.00")}}},
		{"those of one day are alike: each gets their part", "100.00", statutes.ProRata, []shares.Release{{"b", eur("66.67")}, {"a", eur("33.33")}}},
		{"or the first who gave notice all", "250.00", statutes.InOrder, []shares.Release{{"b", eur("200.00")}, {"a", eur("50.00")}}},
		{"nobody gets more than waits", "9999.00", statutes.ProRata, []shares.Release{{"b", eur("200.00")}, {"a", eur("100.00")}, {"c", eur("100.00")}}},
		{"of nothing nobody gets anything", "0.00", statutes.ProRata, nil},
	} {
		if diff := cmp.Diff(tt.want, shares.Queue(queue, eur(tt.budget), tt.short), cmpopts.EquateComparable(money.Money{})); diff != "" {
			t.Errorf("%s: %s", tt.rule, diff)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var claims []shares.Claim
		var all money.Money
		waiting := map[shares.ClaimID]money.Money{}
		for i := range rapid.IntRange(0, 9).Draw(t, "claims") {
			amount := money.New(rapid.Int64Range(1, 50000).Draw(t, "amount"), "EUR")
			id := fmt.Sprint("k", i)
			claims = append(claims, waits(id, day(time.January, rapid.IntRange(1, 3).Draw(t, "left")), day(time.January, 1), amount))
			waiting[shares.ClaimID(id)], all = amount, all.Plus(amount)
		}
		budget := money.New(rapid.Int64Range(0, 200000).Draw(t, "budget"), "EUR")
		short := rapid.SampledFrom([]statutes.Short{statutes.ProRata, statutes.InOrder}).Draw(t, "short")
		var sum money.Money
		last := calendar.Date{}
		for _, r := range shares.Queue(claims, budget, short) {
			if !r.Amount.IsPositive() || r.Amount.Compare(waiting[r.Claim]) > 0 {
				t.Fatalf("%v is released of %v", r.Amount, waiting[r.Claim])
			}
			delete(waiting, r.Claim)
			sum = sum.Plus(r.Amount)
			for _, c := range claims {
				if c.Requested().Claim != r.Claim {
					continue
				}
				if on, _ := shares.Dates(c.Requested()); on.IsZero() || c.EffectiveOn().Before(last) {
					t.Fatalf("%s comes too late", r.Claim)
				}
			}
		}
		want := budget
		if all.Compare(budget) < 0 {
			want = all
		}
		if sum.Minor() != want.Minor() {
			t.Fatalf("%v is released of %v, where %v waits", sum, budget, all)
		}
	})
}
