package shares_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
)

type (
	story2      = spec.Story[domain.Command2[shares.Holding, shares.Holding]]
	claimStory  = spec.Story[domain.Command[shares.Claim]]
	exitStory   = spec.Story[domain.Command2[shares.Holding, shares.Claim]]
	budgetStory = spec.Story[domain.Command[shares.Budget]]
)

// with returns a command, changed.
func with[C any](c C, change func(*C)) C {
	change(&c)
	return c
}

func TestLimitPerParty(t *testing.T) {
	s := rules(t)
	s.Shares.MaxContribution = eur("250.00")
	b := shares.Subscribed{Subscription: "b1", Party: "ada", Class: "B", Quantity: 6, Price: eur("25.00"), On: day(time.January, 1)}
	others := func(events ...any) map[domain.ClassID]shares.Holding {
		return map[domain.ClassID]shares.Holding{"B": after(events)}
	}
	subscribe := shares.Subscribe{Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, On: day(time.February, 1), Others: others(b), Statutes: s}
	one := subscribed
	one.Subscription, one.Quantity = "s2", 2
	spec.Check(t, []story{
		{Rule: "the shares of one party cost so much at most, those of all classes together", When: subscribe, Then: spec.Events{subscribed}},
		{Rule: "a cent more is too much", When: with(subscribe, func(c *shares.Subscribe) { c.Quantity = 5 }), Refused: shares.ErrAboveOffer},
		{Rule: "what is held counts at what it cost", Given: held, When: with(subscribe, func(c *shares.Subscribe) { c.Subscription, c.Quantity = "s2", 2 }), Refused: shares.ErrAboveOffer},
		{
			Rule: "what was withdrawn does not", Given: held, Then: spec.Events{one},
			When: with(subscribe, func(c *shares.Subscribe) {
				c.Subscription, c.Quantity = "s2", 2
				c.Others = others(b, shares.SubscriptionWithdrawn{Subscription: "b1", Party: "ada", Class: "B", Quantity: 6, Why: shares.Refused, On: day(time.January, 9)})
			}),
		},
		{Rule: "the holdings of the other classes must be known", When: with(subscribe, func(c *shares.Subscribe) { c.Others = nil }), Refused: shares.ErrIncomplete},
	})
}

func TestPaidByAnotherAndTooMuch(t *testing.T) {
	pay := shares.RecordPayment{
		Subscription: "s1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("120.00"), On: day(time.February, 2), Reference: "b1", KeepRest: true,
	}
	byBert := shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("100.00"), On: day(time.February, 2), Reference: "b1"}
	rest := shares.Credited{Reference: "b1", Subscription: "s1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("20.00"), On: day(time.February, 2)}
	all := rest
	all.Amount, all.Reference = eur("120.00"), "b2"
	ownLot := shares.TransferredIn{
		Transfer: "t1", Kind: shares.Inheritance, Party: "ada", From: "cy", Class: "A", Quantity: 4, On: day(time.March, 1),
		Lots: []shares.Lot{{Subscription: "s1", Subscriber: "cy", AcquiredOn: day(time.January, 5), Quantity: 4, Price: eur("25.00"), Paid: eur("25.00")}},
	}
	inherited := shares.RecordPayment{Subscription: "s1", Subscriber: "cy", Party: "ada", Class: "A", Amount: eur("75.00"), On: day(time.March, 2), Reference: "b9"}
	spec.Check(t, []story{
		{Rule: "whoever pays, it counts for the holder, and the rest is kept for who paid", Given: spec.Events{subscribed}, When: pay, Then: spec.Events{byBert, rest}},
		{Rule: "the payer makes no difference to counting it once", Given: spec.Events{subscribed, byBert, rest}, When: with(pay, func(c *shares.RecordPayment) { c.Payer = "" }), Refused: shares.ErrPaid},
		{Rule: "too much is refused unless the rest is to be kept", Given: spec.Events{subscribed}, When: with(pay, func(c *shares.RecordPayment) { c.KeepRest = false }), Refused: shares.ErrOverpaid},
		{Rule: "all of it is kept where nothing is due", Given: held, When: with(pay, func(c *shares.RecordPayment) { c.Reference = "b2" }), Then: spec.Events{all}},
		{
			Rule: "what was set off was not paid from outside", Given: spec.Events{subscribed}, When: with(pay, func(c *shares.RecordPayment) { c.Payer, c.Amount, c.By = "ada", eur("100.00"), shares.BySetOff }),
			Then: spec.Events{shares.Paid{Subscription: "s1", Party: "ada", Class: "A", By: shares.BySetOff, Amount: eur("100.00"), On: day(time.February, 2), Reference: "b1"}},
		},
		{Rule: "a credit is used by assigning it", Given: spec.Events{subscribed}, When: with(pay, func(c *shares.RecordPayment) { c.By = shares.ByCredit }), Refused: shares.ErrIncomplete},
		{
			Rule: "what was inherited partly paid is paid by the heir", Given: spec.Events{ownLot}, When: inherited,
			Then: spec.Events{shares.Paid{Subscription: "s1", Subscriber: "cy", Party: "ada", Class: "A", Amount: eur("75.00"), On: day(time.March, 2), Reference: "b9"}},
		},
		{Rule: "not before it came", Given: spec.Events{ownLot}, When: with(inherited, func(c *shares.RecordPayment) { c.On = day(time.February, 28) }), Refused: shares.ErrTooEarly},
		{Rule: "nothing is paid into a year that is closed", Given: spec.Events{subscribed}, When: with(pay, func(c *shares.RecordPayment) { c.Closed = day(time.February, 2) }), Refused: shares.ErrClosed},
	})
	if credits := after(spec.Events{subscribed, byBert, rest}).Credits(); len(credits) != 1 || credits[0].Payer != "bert" || credits[0].Amount != eur("20.00") {
		t.Errorf("credits: %+v", credits)
	}
}

func TestUsingCredits(t *testing.T) {
	credited := shares.Credited{Reference: "b1", Subscription: "s0", Party: "ada", Class: "A", Payer: "bert", Amount: eur("60.00"), On: day(time.January, 9)}
	theirs := subscribed
	theirs.Party, theirs.Class = "cy", "B"
	assign := shares.AssignCredit{
		Assignment: "a1", Party: "ada", Class: "A", Reference: "b1", Amount: eur("50.00"), To: "cy", ToClass: "B", Subscription: "s1", On: day(time.February, 5),
	}
	used := shares.CreditUsed{Assignment: "a1", Reference: "b1", Party: "ada", Class: "A", Amount: eur("50.00"), To: "cy", ToClass: "B", Subscription: "s1", On: day(time.February, 5)}
	paidBy := shares.Paid{Subscription: "s1", Party: "cy", Class: "B", Payer: "bert", By: shares.ByCredit, Amount: eur("50.00"), On: day(time.February, 5), Reference: "a1"}
	given := spec.Events{credited, spec.Second{Event: theirs}}
	spec.Check2(t, []story2{
		{Rule: "a credit pays other shares, of whoever", Given: given, When: assign, Then: spec.Events{used, spec.Second{Event: paidBy}}},
		{Rule: "no more of it than is left", Given: given, When: with(assign, func(c *shares.AssignCredit) { c.Amount = eur("60.01") }), Refused: shares.ErrNoCredit},
		{Rule: "no more than is due", Given: append(given[:2:2], spec.Second{Event: with(paidBy, func(p *shares.Paid) { p.Amount, p.Reference = eur("60.00"), "b7" })}), When: assign, Refused: shares.ErrOverpaid},
		{Rule: "on shares that are subscribed to", Given: given, When: with(assign, func(c *shares.AssignCredit) { c.Subscription = "s9" }), Refused: shares.ErrNotSubscribed},
		{Rule: "of something", Given: given, When: with(assign, func(c *shares.AssignCredit) { c.Amount = eur("0.00") }), Refused: shares.ErrIncomplete},
		{Rule: "in its currency", Given: given, When: with(assign, func(c *shares.AssignCredit) { c.Amount = money.Must("1.00 CHF") }), Refused: shares.ErrCurrency},
		{Rule: "not before it was paid", Given: given, When: with(assign, func(c *shares.AssignCredit) { c.On = day(time.January, 8) }), Refused: shares.ErrTooEarly},
		{Rule: "nor in a year that is closed", Given: given, When: with(assign, func(c *shares.AssignCredit) { c.Closed = day(time.December, 31) }), Refused: shares.ErrClosed},
		{Rule: "an assignment stays as it was made", Given: append(given[:2:2], used, spec.Second{Event: paidBy}), When: with(assign, func(c *shares.AssignCredit) { c.Amount = eur("1.00") }), Refused: shares.ErrPaid},
		{Rule: "nor is it a payment of another kind", Given: append(given[:2:2], spec.Second{Event: with(paidBy, func(p *shares.Paid) { p.By = shares.ByBank })}), When: assign, Refused: shares.ErrPaid},
	})

	refund := shares.RefundCredit{Party: "ada", Class: "A", Reference: "b1", Amount: eur("60.00"), On: day(time.February, 9), Payment: "p1", UsableFrom: day(time.February, 9)}
	refunded := shares.CreditRefunded{Reference: "b1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("60.00"), On: day(time.February, 9), Payment: "p1"}
	bar := shares.TimeBarCredit{Party: "ada", Class: "A", Reference: "b1", On: calendar.On(2036, time.January, 10), Statutes: rules(t)}
	never := rules(t)
	never.Shares.Refunds.Limitation = 0
	barred := shares.CreditTimeBarred{Reference: "b1", Party: "ada", Class: "A", Payer: "bert", Amount: eur("60.00"), On: calendar.On(2036, time.January, 10), StatutesVersion: 4}
	spec.Check(t, []story{
		{Rule: "a credit goes back to who paid it", Given: spec.Events{credited}, When: refund, Then: spec.Events{refunded}},
		{Rule: "not while their bank account cools off", Given: spec.Events{credited}, When: with(refund, func(c *shares.RefundCredit) { c.UsableFrom = day(time.February, 10) }), Refused: shares.ErrAccountRests},
		{Rule: "with a reference", Given: spec.Events{credited}, When: with(refund, func(c *shares.RefundCredit) { c.Payment = "" }), Refused: shares.ErrIncomplete},
		{Rule: "once", Given: spec.Events{credited, refunded}, When: with(refund, func(c *shares.RefundCredit) { c.Payment = "p2" }), Refused: shares.ErrNoCredit},
		{Rule: "as it was", Given: spec.Events{credited, refunded}, When: with(refund, func(c *shares.RefundCredit) { c.Amount = eur("6.00") }), Refused: shares.ErrPaid},
		{Rule: "what nobody collects is time-barred after the term of the statutes", Given: spec.Events{credited}, When: bar, Then: spec.Events{barred}},
		{Rule: "not a day before", Given: spec.Events{credited}, When: with(bar, func(c *shares.TimeBarCredit) { c.On = c.On.AddDays(-1) }), Refused: shares.ErrNotBarred},
		{Rule: "nor where the statutes have no term", Given: spec.Events{credited}, When: with(bar, func(c *shares.TimeBarCredit) { c.Statutes = never }), Refused: shares.ErrNoLimitation},
		{Rule: "nor without statutes", Given: spec.Events{credited}, When: with(bar, func(c *shares.TimeBarCredit) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "nor what was given back", Given: spec.Events{credited, refunded}, When: bar, Refused: shares.ErrNoCredit},
	})
}

func TestWithdrawing(t *testing.T) {
	withdraw := shares.WithdrawSubscription{Subscription: "s1", Party: "ada", Class: "A", Why: shares.Refused, On: day(time.February, 9)}
	byBert := paid
	byBert.Payer, byBert.Amount = "bert", eur("60.00")
	second := paid
	second.Reference, second.Amount = "b2", eur("15.00")
	bare := shares.SubscriptionWithdrawn{Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, Why: shares.Refused, On: day(time.February, 9)}
	back := bare
	back.Credits = []shares.Credit{{Reference: "b1", Payer: "bert", Amount: eur("60.00")}, {Reference: "b2", Payer: "ada", Amount: eur("15.00")}}
	spec.Check(t, []story{
		{Rule: "who is not admitted has the money back, as each paid it", Given: spec.Events{subscribed, byBert, second}, When: withdraw, Then: spec.Events{back}},
		{Rule: "or nothing, if nothing was paid", Given: spec.Events{subscribed}, When: withdraw, Then: spec.Events{bare}},
		{Rule: "shares that are issued are given back instead", Given: held, When: withdraw, Refused: shares.ErrIssued},
		{Rule: "it was made", When: withdraw, Refused: shares.ErrNotSubscribed},
		{Rule: "for a reason", Given: spec.Events{subscribed}, When: with(withdraw, func(c *shares.WithdrawSubscription) { c.Why = "whim" }), Refused: shares.ErrIncomplete},
		{Rule: "not before what was paid", Given: spec.Events{subscribed, byBert}, When: with(withdraw, func(c *shares.WithdrawSubscription) { c.On = day(time.February, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "nor in a closed year", Given: spec.Events{subscribed}, When: with(withdraw, func(c *shares.WithdrawSubscription) { c.Closed = day(time.March, 1) }), Refused: shares.ErrClosed},
		{Rule: "once", Given: spec.Events{subscribed, bare}, When: with(withdraw, func(c *shares.WithdrawSubscription) { c.Why = shares.Lapsed }), Refused: shares.ErrWithdrawn},
		{Rule: "its shares are not issued any more", Given: spec.Events{subscribed, paid, with(bare, func(e *shares.SubscriptionWithdrawn) {
			e.Credits = []shares.Credit{{Reference: "b1", Payer: "ada", Amount: eur("100.00")}}
		})}, When: shares.Issue{Subscription: "s1", Party: "ada", Class: "A", On: day(time.February, 9), Statutes: rules(t)}, Refused: shares.ErrWithdrawn},
		{
			Rule: "what is paid on it later is owed back", Given: spec.Events{subscribed, bare}, When: shares.RecordPayment{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("5.00"), On: day(time.February, 20), Reference: "b3", KeepRest: true},
			Then: spec.Events{shares.Credited{Reference: "b3", Subscription: "s1", Party: "ada", Class: "A", Amount: eur("5.00"), On: day(time.February, 20)}},
		},
		{
			Rule: "the place is free again", Given: spec.Events{subscribed, bare}, When: shares.Subscribe{Subscription: "s2", Party: "ada", Class: "A", Quantity: 10, On: day(time.March, 1), Statutes: rules(t)},
			Then: spec.Events{with(subscribed, func(e *shares.Subscribed) { e.Subscription, e.Quantity, e.On = "s2", 10, day(time.March, 1) })},
		},
	})
	h := after(spec.Events{subscribed, byBert, second, back})
	due, _ := h.Due("s1")
	if h.Subscribed() != 0 || !due.IsZero() || len(h.Credits()) != 2 {
		t.Errorf("%d subscribed, %v due, credits %v", h.Subscribed(), due, h.Credits())
	}
}

func TestPriceChange(t *testing.T) {
	dearer := rules(t)
	dearer.Version, dearer.Shares.Classes[0].Price = 5, eur("30.00")
	next := shares.Subscribed{Subscription: "s2", Party: "ada", Class: "A", Quantity: 2, Price: eur("30.00"), On: day(time.May, 1), StatutesVersion: 5}
	nextPaid := shares.Paid{Subscription: "s2", Party: "ada", Class: "A", Amount: eur("60.00"), On: day(time.May, 1), Reference: "b2"}
	nextIssued := shares.Issued{Subscription: "s2", Party: "ada", Class: "A", Quantity: 2, Price: eur("30.00"), On: day(time.May, 1), StatutesVersion: 5}
	both := append(held[:3:3], next, nextPaid, nextIssued)
	redeem := shares.Redeem{Redemption: "r1", Party: "ada", Class: "A", Quantity: 6, Value: eur("160.00"), On: day(time.June, 30), Statutes: dearer}
	second := lot
	second.Subscription, second.AcquiredOn, second.Quantity, second.Price, second.Paid = "s2", day(time.May, 1), 2, eur("30.00"), eur("60.00")
	spec.Check(t, []story{
		{Rule: "who subscribes pays the price of the day", Given: held, When: shares.Subscribe{Subscription: "s2", Party: "ada", Class: "A", Quantity: 2, On: day(time.May, 1), Statutes: dearer}, Then: spec.Events{next}},
		{
			Rule: "who leaves has what each lot cost", Given: both, When: redeem,
			Then: spec.Events{shares.Redeemed{Redemption: "r1", Party: "ada", Class: "A", Quantity: 6, Lots: []shares.Lot{lot, second}, Value: eur("160.00"), On: day(time.June, 30), StatutesVersion: 5}},
		},
		{Rule: "not today's price for all", Given: both, When: with(redeem, func(c *shares.Redeem) { c.Value = eur("180.00") }), Refused: shares.ErrExitValue},
	})
}

var moneyCHF = money.Must("1.00 CHF")
