package shares_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
)

func rate(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestWithholding(t *testing.T) {
	set := shares.SetWithholding{From: calendar.On(2018, time.January, 1), Rate: rate("0.3"), Source: "CIR 92", On: calendar.On(2018, time.January, 1)}
	was := shares.WithholdingSet(set)
	now := shares.WithholdingSet{From: day(time.January, 1), Rate: rate("0.25"), Exempt: eur("20.00"), Source: "law", On: day(time.January, 9)}
	spec.Check(t, []spec.Story[domain.Command[shares.Withholding]]{
		{Rule: "tax is withheld from a day on", When: set, Then: spec.Events{was}},
		{Rule: "and another from another", Given: spec.Events{was}, When: shares.SetWithholding(now), Then: spec.Events{now}},
		{Rule: "not two from one day", Given: spec.Events{was}, When: with(set, func(c *shares.SetWithholding) { c.Rate = rate("0.29") }), Refused: shares.ErrWithholding},
		{Rule: "by a law", When: with(set, func(c *shares.SetWithholding) { c.Source = "" }), Refused: shares.ErrIncomplete},
		{Rule: "less than all", When: with(set, func(c *shares.SetWithholding) { c.Rate = rate("1") }), Refused: shares.ErrIncomplete},
		{Rule: "not less than nothing", When: with(set, func(c *shares.SetWithholding) { c.Rate = rate("-0.1") }), Refused: shares.ErrIncomplete},
		{Rule: "nor free beyond that", When: with(set, func(c *shares.SetWithholding) { c.Exempt = eur("-1.00") }), Refused: shares.ErrIncomplete},
		{Rule: "with days", When: with(set, func(c *shares.SetWithholding) { c.From = calendar.Date{} }), Refused: shares.ErrIncomplete},
	})
	w := was.Evolve(now.Evolve(shares.Withholding{}))
	for on, want := range map[calendar.Date]string{calendar.On(2025, time.December, 31): "0.3", day(time.January, 1): "0.25"} {
		if at, err := w.At(on); err != nil || at.Rate.String() != want {
			t.Errorf("on %v %v is withheld, %v", on, at.Rate, err)
		}
	}
	if _, err := w.At(calendar.On(2017, time.December, 31)); !errors.Is(err, shares.ErrNoWithholding) {
		t.Errorf("before anybody has said: %v", err)
	}
}

// TestEarning counts days by hand.
func TestEarning(t *testing.T) {
	old := shares.Issued{Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, Price: eur("25.00"), On: calendar.On(2025, time.June, 1)}
	given := spec.Events{
		with(subscribed, func(e *shares.Subscribed) { e.On = calendar.On(2025, time.May, 1) }), with(paid, func(e *shares.Paid) { e.On = calendar.On(2025, time.May, 2) }), old,
	}
	l := with(lot, func(l *shares.Lot) { l.AcquiredOn = old.On })
	sold := shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 2, Lots: of(l, 2), On: day(time.April, 1)}
	bought := shares.TransferredIn{Transfer: "t1", Party: "bert", From: "ada", Class: "A", Quantity: 2, Lots: of(l, 2), On: day(time.April, 1)}
	gone := shares.Left{Claim: "k1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{l}, On: day(time.June, 30)}
	dead := with(gone, func(e *shares.Left) { e.On = day(time.March, 3) })
	lives := shares.Reversed{Reversal: "u1", Entry: shares.EntryExit, Of: "k1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{l}, EntryOn: day(time.March, 3), On: day(time.May, 10)}
	for _, tt := range []struct {
		rule       string
		events     spec.Events
		days, paid int64
	}{
		{"held all year: 365 days", given, 4 * 365, 10000 * 365},
		{"who sells in the year has earned until then", append(given[:3:3], sold), 4*90 + 2*275, 10000*90 + 5000*275},
		{"and who buys from then on", spec.Events{bought}, 2 * 275, 5000 * 275},
		{"who leaves in the middle has the day of leaving too", append(given[:3:3], gone), 4 * 181, 10000 * 181},
		{"a death learnt late ends it on its day", append(given[:3:3], dead), 4 * 62, 10000 * 62},
		{"and a mistake about it does not", append(given[:3:3], dead, lives), 4 * 365, 10000 * 365},
		{"what is issued in the year earns from then on", held, 4 * 332, 10000 * 332},
		{"money paid later earns later", append(partly[:3:3], shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("75.00"), On: day(time.December, 31), Reference: "b2"}), 4 * 332, 2500*332 + 7500},
		{"what is only subscribed to earns nothing", spec.Events{subscribed, paid}, 0, 0},
		{"nor what was given back before", append(given[:3:3], with(gone, func(e *shares.Left) { e.On = calendar.On(2025, time.December, 31) })), 0, 0},
		{"nor what comes after", spec.Events{with(bought, func(e *shares.TransferredIn) { e.On = calendar.On(2027, time.January, 1) })}, 0, 0},
	} {
		var events []domain.Event[shares.Holding]
		for _, e := range tt.events {
			events = append(events, e.(domain.Event[shares.Holding]))
		}
		if days, paid := shares.Earned(events, fiscal(2026)); days != tt.days || paid != tt.paid {
			t.Errorf("%s: %d share-days and %d cent-days, want %d and %d", tt.rule, days, paid, tt.days, tt.paid)
		}
	}
}

func TestAllotting(t *testing.T) {
	earnings := []shares.Earning{
		{Party: "ada", Class: "A", PaidDays: 10000 * 365},
		{Party: "bert", Class: "A", PaidDays: 10000 * 365},
		{Party: "cy", Class: "A", PaidDays: 10000 * 365},
		{Party: "ada", Class: "B", PaidDays: 100000 * 73},
		{Party: "dora", Class: "B"},
		{Party: "org", Class: "B", PaidDays: 400000 * 365, Exempt: true},
	}
	tax := shares.WithholdingSet{Rate: rate("0.3"), Exempt: eur("1.00")}
	got, total := shares.Allot(fiscal(2026), []shares.ClassRate{{Class: "A", Rate: rate("0.01111")}, {Class: "B", Rate: rate("0.02")}}, earnings, tax, "EUR")
	// Of class A 3.333 in all: 3.33, of which each has 1.11.
	want := []shares.Allotment{
		{Party: "ada", Gross: eur("5.11"), Tax: eur("1.23")},
		{Party: "bert", Gross: eur("1.11"), Tax: eur("0.03")},
		{Party: "cy", Gross: eur("1.11"), Tax: eur("0.03")},
		{Party: "org", Gross: eur("80.00"), Tax: eur("0.00")},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(money.Money{})); diff != "" || total != eur("87.33") {
		t.Errorf("%v in all: %s", total, diff)
	}
	if got[0].Net() != eur("3.88") {
		t.Errorf("ada has %v", got[0].Net())
	}
	rapid.Check(t, func(t *rapid.T) {
		var earnings []shares.Earning
		exact := decimal.Zero
		r := decimal.New(rapid.Int64Range(1, 600).Draw(t, "rate"), -4)
		for i := range rapid.IntRange(1, 30).Draw(t, "parties") {
			days := rapid.Int64Range(0, 1_000_000*365).Draw(t, "days")
			earnings = append(earnings, shares.Earning{Party: domain.PartyID(fmt.Sprint("p", i)), Class: "A", PaidDays: days})
			exact = exact.Add(decimal.NewFromInt(days).Mul(r))
		}
		got, total := shares.Allot(fiscal(2026), []shares.ClassRate{{Class: "A", Rate: r}}, earnings, shares.WithholdingSet{Rate: rate("0.3")}, "EUR")
		sum := eur("0.00")
		for _, a := range got {
			if !a.Gross.IsPositive() || a.Tax.Sign() < 0 || a.Net().Plus(a.Tax) != a.Gross {
				t.Fatalf("%+v", a)
			}
			sum = sum.Plus(a.Gross)
		}
		if sum != total || total.Minor() != exact.Div(decimal.NewFromInt(365)).Round(0).IntPart() {
			t.Fatalf("%v is allotted of %v, where %v was earned", sum, total, exact)
		}
	})
}

func TestDecidingDividends(t *testing.T) {
	s := rules(t)
	s.Shares.Refunds.NetAssetsTest, s.Shares.Refunds.LiquidityTest = "", ""
	decide := shares.DecideDividend{
		Dividend: "2025", Year: fiscal(2025), Rates: []shares.ClassRate{{Class: "A", Rate: rate("0.06")}}, Total: eur("50.00"), Decision: "poll 3", On: day(time.July, 4),
		PayableOn: day(time.July, 20), Statutes: s,
	}
	decided := shares.DividendDecided{
		Dividend: "2025", Year: fiscal(2025), Rates: []shares.ClassRate{{Class: "A", Rate: rate("0.06")}}, Total: eur("50.00"), Decision: "poll 3", On: day(time.July, 4),
		PayableOn: day(time.July, 20), StatutesVersion: 4,
	}
	tested := with(decide, func(c *shares.DecideDividend) { c.Statutes, c.Budget = rules(t), "g1" })
	fromBudget := with(decided, func(e *shares.DividendDecided) { e.Budget = "g1" })
	blocked := func(claims ...shares.Claim) shares.DecideDividend {
		return with(decide, func(c *shares.DecideDividend) { c.Claims = claims })
	}
	none, before := s, s
	none.Shares.Dividend.None = true
	before.Shares.Dividend.AfterRefunds = false
	paidOut := claimAfter(append(owing[:3:3], with(released, func(e *shares.RefundReleased) { e.Amount = eur("100.00") }), shares.RefundPaid{Claim: "k1", Party: "ada", Class: "A", Amount: eur("100.00"), Reference: "p1", On: day(time.July, 4)}))
	rated := func(class domain.ClassID, r string) shares.DecideDividend {
		return with(decide, func(c *shares.DecideDividend) { c.Rates = []shares.ClassRate{{Class: class, Rate: rate(r)}} })
	}
	spec.Check2(t, []spec.Story[domain.Command2[shares.Dividend, shares.Budget]]{
		{Rule: "the assembly gives a dividend, up to what the statutes let it", When: decide, Then: spec.Events{decided}},
		{Rule: "not a hundredth of a percent more", When: rated("A", "0.0601"), Refused: shares.ErrRate},
		{Rule: "nor less than something", When: rated("A", "0"), Refused: shares.ErrIncomplete},
		{Rule: "of a class that exists", When: rated("Z", "0.01"), Refused: shares.ErrNoSuchClass},
		{Rule: "one rate for each", When: with(decide, func(c *shares.DecideDividend) { c.Rates = append(c.Rates, c.Rates[0]) }), Refused: shares.ErrIncomplete},
		{Rule: "and at least one", When: with(decide, func(c *shares.DecideDividend) { c.Rates = nil }), Refused: shares.ErrIncomplete},
		{Rule: "shares that have left come first, while a cent is owed for them", When: blocked(claimAfter(append(owing[:3:3], released))), Refused: shares.ErrRefundsFirst},
		{Rule: "also if nobody has valued them", When: blocked(claimAfter(owing[:2])), Refused: shares.ErrRefundsFirst},
		{Rule: "not those that leave later", When: blocked(claimAfter(owing[:1])), Then: spec.Events{decided}},
		{Rule: "nor those that are paid", When: blocked(paidOut), Then: spec.Events{decided}},
		{Rule: "nor where the statutes do not want it", When: with(blocked(claimAfter(owing)), func(c *shares.DecideDividend) { c.Statutes = before }), Then: spec.Events{decided}},
		{
			Rule: "where tests are wanted it comes out of a budget", Given: spec.Events{budget}, When: tested,
			Then: spec.Events{fromBudget, shares.BudgetDrawn{Budget: "g1", Dividend: "2025", Amount: eur("50.00"), On: day(time.July, 4)}},
		},
		{Rule: "and not without", When: tested, Refused: shares.ErrNoBudget},
		{Rule: "nor beyond it", Given: spec.Events{budget, drawn}, When: tested, Refused: shares.ErrBudgetSpent},
		{Rule: "there is none where the statutes give none", When: with(decide, func(c *shares.DecideDividend) { c.Statutes = none }), Refused: shares.ErrNoDividends},
		{Rule: "of a fiscal year", When: with(decide, func(c *shares.DecideDividend) { c.Year.From = calendar.On(2025, time.February, 1) }), Refused: shares.ErrIncomplete},
		{Rule: "that is over", When: with(decide, func(c *shares.DecideDividend) { c.On = calendar.On(2025, time.December, 31) }), Refused: shares.ErrTooEarly},
		{Rule: "payable not before it is decided", When: with(decide, func(c *shares.DecideDividend) { c.PayableOn = day(time.July, 3) }), Refused: shares.ErrTooEarly},
		{Rule: "by minutes", When: with(decide, func(c *shares.DecideDividend) { c.Decision = "" }), Refused: shares.ErrIncomplete},
		{Rule: "of an amount", When: with(decide, func(c *shares.DecideDividend) { c.Total = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "in the currency of the co-op", When: with(decide, func(c *shares.DecideDividend) { c.Total = moneyCHF }), Refused: shares.ErrCurrency},
		{Rule: "with an id", When: with(decide, func(c *shares.DecideDividend) { c.Dividend = "" }), Refused: shares.ErrIncomplete},
		{Rule: "by statutes", When: with(decide, func(c *shares.DecideDividend) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "on an open day", When: with(decide, func(c *shares.DecideDividend) { c.Closed = day(time.July, 4) }), Refused: shares.ErrClosed},
		{Rule: "it stays as it was decided", Given: spec.Events{decided}, When: rated("A", "0.05"), Refused: shares.ErrDividend},
	})

	allot := shares.AllotDividend{Dividend: "2025", Allotment: shares.Allotment{Party: "ada", Gross: eur("6.00"), Tax: eur("1.80")}}
	allotted := shares.DividendAllotted{Dividend: "2025", Party: "ada", Gross: eur("6.00"), Tax: eur("1.80"), PayableOn: day(time.July, 20), On: day(time.July, 4)}
	spec.Check2(t, []spec.Story[domain.Command2[shares.Dividend, shares.Payout]]{
		{Rule: "each has their part", Given: spec.Events{decided}, When: allot, Then: spec.Events{allotted}},
		{Rule: "once", Given: spec.Events{decided, allotted}, When: with(allot, func(c *shares.AllotDividend) { c.Gross = eur("7.00") }), Refused: shares.ErrAllotted},
		{Rule: "of a dividend that was decided", When: allot, Refused: shares.ErrNoDividend},
		{Rule: "not more than all of it", Given: spec.Events{decided}, When: with(allot, func(c *shares.AllotDividend) { c.Gross = eur("50.01") }), Refused: shares.ErrIncomplete},
		{Rule: "nor more tax than dividend", Given: spec.Events{decided}, When: with(allot, func(c *shares.AllotDividend) { c.Tax = eur("6.01") }), Refused: shares.ErrIncomplete},
		{Rule: "to somebody", Given: spec.Events{decided}, When: with(allot, func(c *shares.AllotDividend) { c.Party = "" }), Refused: shares.ErrIncomplete},
	})

	pay := shares.PayDividend{Dividend: "2025", Party: "ada", Amount: eur("4.20"), Reference: "p1", On: day(time.July, 20)}
	paidOn := shares.DividendPaid{Dividend: "2025", Party: "ada", Amount: eur("4.20"), Reference: "p1", On: day(time.July, 20)}
	giveBack := shares.ReturnDividend{Dividend: "2025", Party: "ada", Reference: "p1", Document: "bank", On: day(time.July, 25)}
	returned := shares.DividendReturned{Dividend: "2025", Party: "ada", Amount: eur("4.20"), Reference: "p1", Document: "bank", On: day(time.July, 25)}
	bar := shares.TimeBarDividend{Dividend: "2025", Party: "ada", On: calendar.On(2031, time.July, 21), Statutes: s}
	barred := shares.DividendTimeBarred{Dividend: "2025", Party: "ada", Amount: eur("4.20"), On: calendar.On(2031, time.July, 21), StatutesVersion: 4}
	given := spec.Events{allotted}
	spec.Check(t, []spec.Story[domain.Command[shares.Payout]]{
		{Rule: "it is paid, less the tax", Given: given, When: pay, Then: spec.Events{paidOn}},
		{Rule: "no more", Given: given, When: with(pay, func(c *shares.PayDividend) { c.Amount = eur("4.21") }), Refused: shares.ErrNotPayable},
		{Rule: "not before it is payable", Given: given, When: with(pay, func(c *shares.PayDividend) { c.On = day(time.July, 19) }), Refused: shares.ErrTooEarly},
		{Rule: "nor while the bank account cools off", Given: given, When: with(pay, func(c *shares.PayDividend) { c.UsableFrom = day(time.July, 21) }), Refused: shares.ErrAccountRests},
		{Rule: "to an heir", Given: given, When: with(pay, func(c *shares.PayDividend) { c.To = "bert" }), Then: spec.Events{with(paidOn, func(e *shares.DividendPaid) { e.To = "bert" })}},
		{Rule: "once", Given: append(given[:1:1], paidOn), When: with(pay, func(c *shares.PayDividend) { c.Amount = eur("1.00") }), Refused: shares.ErrDoubleRefund},
		{Rule: "of a dividend that one has", When: pay, Refused: shares.ErrNoDividend},
		{Rule: "what comes back is paid again", Given: append(given[:1:1], paidOn), When: giveBack, Then: spec.Events{returned}},
		{Rule: "as the bank shows", Given: append(given[:1:1], paidOn), When: with(giveBack, func(c *shares.ReturnDividend) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "if it was paid", Given: given, When: giveBack, Refused: shares.ErrNotReturned},
		{Rule: "not before it was", Given: append(given[:1:1], paidOn), When: with(giveBack, func(c *shares.ReturnDividend) { c.On = day(time.July, 19) }), Refused: shares.ErrTooEarly},
		{Rule: "on an open day", Given: append(given[:1:1], paidOn), When: with(giveBack, func(c *shares.ReturnDividend) { c.Closed = day(time.July, 25) }), Refused: shares.ErrClosed},
		{Rule: "what nobody collects is time-barred after the term of the statutes", Given: given, When: bar, Then: spec.Events{barred}},
		{Rule: "not a day before", Given: given, When: with(bar, func(c *shares.TimeBarDividend) { c.On = calendar.On(2031, time.July, 20) }), Refused: shares.ErrNotBarred},
		{Rule: "nor what was paid", Given: append(given[:1:1], paidOn), When: bar, Refused: shares.ErrNotPayable},
		{Rule: "nor what one never had", When: bar, Refused: shares.ErrNoDividend},
	})
	late := shares.ReversePayout{Reversal: "u1", Dividend: "2025", Party: "ada", Document: "death certificate", On: day(time.August, 1)}
	reversed := shares.PayoutReversed{Dividend: "2025", Party: "ada", Reversal: "u1", Gross: eur("6.00"), Tax: eur("1.80"), EntryOn: day(time.July, 4), Document: "death certificate", On: day(time.August, 1)}
	revived := shares.PayoutReversed{Dividend: "2025", Party: "ada", Reversal: "u1", Barred: eur("4.20"), EntryOn: barred.On, Document: "letter", On: calendar.On(2031, time.August, 1)}
	revive := shares.ReversePayout{Reversal: "u1", Dividend: "2025", Party: "ada", Barred: true, Document: "letter", On: calendar.On(2031, time.August, 1)}
	spec.Check(t, []spec.Story[domain.Command[shares.Payout]]{
		{Rule: "a death learnt late has what was allotted undone, paid or not", Given: append(given[:1:1], paidOn), When: late, Then: spec.Events{reversed}},
		{Rule: "once", Given: append(given[:1:1], reversed), When: with(late, func(c *shares.ReversePayout) { c.Reversal = "u2" }), Refused: shares.ErrNoEntry},
		{Rule: "as it was", Given: append(given[:1:1], reversed), When: with(late, func(c *shares.ReversePayout) { c.Document = "rumour" }), Refused: shares.ErrReversed},
		{Rule: "with a document", Given: given, When: with(late, func(c *shares.ReversePayout) { c.Document = "" }), Refused: shares.ErrIncomplete},
		{Rule: "and an id", Given: given, When: with(late, func(c *shares.ReversePayout) { c.Reversal = "" }), Refused: shares.ErrIncomplete},
		{Rule: "not before it was allotted", Given: given, When: with(late, func(c *shares.ReversePayout) { c.On = day(time.July, 3) }), Refused: shares.ErrTooEarly},
		{Rule: "on an open day", Given: given, When: with(late, func(c *shares.ReversePayout) { c.Closed = day(time.August, 1) }), Refused: shares.ErrClosed},
		{Rule: "what was not time-barred after all can be paid", Given: append(given[:1:1], barred), When: revive, Then: spec.Events{revived}},
		{Rule: "if it was", Given: given, When: revive, Refused: shares.ErrNoEntry},
		{Rule: "part of a payment may come back", Given: append(given[:1:1], paidOn), When: with(giveBack, func(c *shares.ReturnDividend) { c.Amount = eur("1.20") }), Then: spec.Events{with(returned, func(e *shares.DividendReturned) { e.Amount = eur("1.20") })}},
		{Rule: "no more than was paid", Given: append(given[:1:1], paidOn), When: with(giveBack, func(c *shares.ReturnDividend) { c.Amount = eur("4.21") }), Refused: shares.ErrNotReturned},
	})
	anew := with(allot, func(c *shares.AllotDividend) { c.Gross, c.Tax, c.On = eur("2.00"), eur("0.60"), day(time.August, 1) })
	less := with(allotted, func(e *shares.DividendAllotted) { e.Gross, e.Tax, e.On = eur("2.00"), eur("0.60"), day(time.August, 1) })
	spec.Check2(t, []spec.Story[domain.Command2[shares.Dividend, shares.Payout]]{
		{Rule: "and another is allotted in its place", Given: spec.Events{decided, allotted, paidOn, reversed}, When: anew, Then: spec.Events{less}},
		{Rule: "from then on", Given: spec.Events{decided, allotted, paidOn, reversed}, When: with(anew, func(c *shares.AllotDividend) { c.On = day(time.July, 31) }), Refused: shares.ErrTooEarly},
		{Rule: "on an open day", Given: spec.Events{decided, allotted, paidOn, reversed}, When: with(anew, func(c *shares.AllotDividend) { c.Closed = day(time.August, 1) }), Refused: shares.ErrClosed},
	})

	var payout shares.Payout
	var events []domain.Event[shares.Payout]
	for _, e := range []domain.Event[shares.Payout]{allotted, paidOn, reversed, less} {
		events, payout = append(events, e), e.Evolve(payout)
	}
	if sum := shares.Sum(shares.Journal(events)); payout.Payable() != eur("-2.80") || sum[shares.Dividends] != eur("2.80") || sum[shares.TaxWithheld] != eur("-0.60") || sum[shares.Profit] != eur("2.00") {
		t.Errorf("paid 4.20 where 1.40 was due, %v is payable; the books say %v", payout.Payable(), sum)
	}
	events = nil
	for _, e := range append(given[:1:1], paidOn, returned, barred) {
		events = append(events, e.(domain.Event[shares.Payout]))
	}
	values := cmpopts.EquateComparable(money.Money{})
	if diff := cmp.Diff(fold(events).Balances(), onSheet(shares.Sum(shares.Journal(events))), values, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-what is owed +the books: %s", diff)
	}
	if sum := shares.Sum(shares.Journal(events)); sum[shares.Profit] != eur("6.00") || sum[shares.TimeBarred] != eur("-4.20") || sum[shares.TaxWithheld] != eur("-1.80") || len(sum) != 3 {
		t.Errorf("the books say %v", sum)
	}
}
