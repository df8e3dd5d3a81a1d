package shares_test

import (
	"errors"
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

type story = spec.Story[domain.Command[shares.Holding]]

func day(month time.Month, d int) calendar.Date { return calendar.On(2026, month, d) }

func eur(s string) money.Money { return money.Must(s + " EUR") }

// rules are those of nubo, with limits: from 2 to 10 shares of class A.
func rules(t interface{ Fatal(...any) }) statutes.Statutes {
	s, err := statutes.Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	s.Version = 4
	s.Shares.Classes[0].MinHolding, s.Shares.Classes[0].MaxHolding = 2, 10
	s.Shares.Transfers = statutes.Transfers{} // see TestSigningTransfers
	return s
}

var (
	subscribed = shares.Subscribed{Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, Price: eur("25.00"), On: day(time.February, 1), StatutesVersion: 4}
	paid       = shares.Paid{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("100.00"), On: day(time.February, 2), Reference: "b1"}
	issued     = shares.Issued{Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, Price: eur("25.00"), On: day(time.February, 3), StatutesVersion: 4}
	held       = spec.Events{subscribed, paid, issued}
	lot        = shares.Lot{Subscription: "s1", Subscriber: "ada", AcquiredOn: day(time.February, 3), Quantity: 4, Price: eur("25.00"), Paid: eur("100.00")}
)

// of returns a part of a lot that is paid up.
func of(l shares.Lot, quantity int64) []shares.Lot {
	l.Quantity, l.Paid = quantity, l.Price.Times(quantity)
	return []shares.Lot{l}
}

// payOf is the command that a payment follows from.
func payOf(p shares.Paid) shares.RecordPayment {
	return shares.RecordPayment{
		Subscription: p.Subscription, Subscriber: p.Subscriber, Party: p.Party, Class: p.Class, Payer: p.Payer, By: p.By, Amount: p.Amount, On: p.On,
		Reference: p.Reference,
	}
}

func after(events spec.Events) (h shares.Holding) {
	for _, e := range events {
		h = e.(domain.Event[shares.Holding]).Evolve(h)
	}
	return h
}

func TestSubscribing(t *testing.T) {
	subscribe := shares.Subscribe{Subscription: "s1", Party: "ada", Class: "A", Quantity: 4, On: day(time.February, 1), Statutes: rules(t)}
	with := func(change func(*shares.Subscribe)) shares.Subscribe {
		c := subscribe
		change(&c)
		return c
	}
	second := subscribed
	second.Subscription, second.Quantity = "s2", 6
	dearer := rules(t)
	dearer.Shares.Classes[0].Price = eur("30.00")
	spec.Check(t, []story{
		{Rule: "anyone may subscribe to shares, at their price", When: subscribe, Then: spec.Events{subscribed}},
		{Rule: "up to the most that one may hold", Given: held, When: with(func(c *shares.Subscribe) { c.Subscription, c.Quantity = "s2", 6 }), Then: spec.Events{second}},
		{Rule: "not beyond", Given: held, When: with(func(c *shares.Subscribe) { c.Subscription, c.Quantity = "s2", 7 }), Refused: shares.ErrAboveMaximum},
		{
			Rule: "what is subscribed to and not issued counts", Given: spec.Events{subscribed, second},
			When: with(func(c *shares.Subscribe) { c.Subscription, c.Quantity = "s3", 1 }), Refused: shares.ErrAboveMaximum,
		},
		{Rule: "nor below the least", When: with(func(c *shares.Subscribe) { c.Quantity = 1 }), Refused: shares.ErrBelowMinimum},
		{Rule: "of a class that exists", When: with(func(c *shares.Subscribe) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "a subscription stays as it was made", Given: spec.Events{subscribed}, When: with(func(c *shares.Subscribe) { c.Quantity = 5 }), Refused: shares.ErrSubscribed},
		{Rule: "also when the price has changed", Given: spec.Events{subscribed}, When: with(func(c *shares.Subscribe) { c.Statutes = dearer })},
	})
	for _, tt := range []struct {
		has    string
		change func(*shares.Subscribe)
	}{
		{"an id", func(c *shares.Subscribe) { c.Subscription = "" }},
		{"a party", func(c *shares.Subscribe) { c.Party = "" }},
		{"a number of shares", func(c *shares.Subscribe) { c.Quantity = 0 }},
		{"a sane one", func(c *shares.Subscribe) { c.Quantity = 1 << 62 }},
		{"a day", func(c *shares.Subscribe) { c.On = calendar.Date{} }},
		{"statutes", func(c *shares.Subscribe) { c.Statutes.Version = 0 }},
	} {
		spec.Check(t, []story{{Rule: "a subscription has " + tt.has, When: with(tt.change), Refused: shares.ErrIncomplete}})
	}
}

func TestPayingAndIssuing(t *testing.T) {
	pay := payOf(paid)
	with := func(change func(*shares.RecordPayment)) shares.RecordPayment {
		c := pay
		change(&c)
		return c
	}
	part, rest := paid, paid
	part.Amount, rest.Amount, rest.Reference = eur("24.99"), eur("75.01"), "b2"
	issue := shares.Issue{Subscription: "s1", Party: "ada", Class: "A", On: day(time.February, 3), Statutes: rules(t)}
	issueWith := func(change func(*shares.Issue)) shares.Issue {
		c := issue
		change(&c)
		return c
	}
	quarter := rules(t)
	quarter.Shares.IssueWhenPaid = statutes.MustFraction("1/4")
	exactly := part
	exactly.Amount = eur("25.00")
	spec.Check(t, []story{
		{Rule: "a subscription is paid", Given: spec.Events{subscribed}, When: pay, Then: spec.Events{paid}},
		{Rule: "in instalments", Given: spec.Events{subscribed, part}, When: payOf(rest), Then: spec.Events{rest}},
		{Rule: "but no more than is due", Given: spec.Events{subscribed, part}, When: with(func(c *shares.RecordPayment) { c.Amount, c.Reference = eur("75.02"), "b2" }), Refused: shares.ErrOverpaid},
		{Rule: "one payment counts once", Given: spec.Events{subscribed, part}, When: with(func(c *shares.RecordPayment) { c.Amount = eur("1.00") }), Refused: shares.ErrPaid},
		{Rule: "it is of a subscription", When: pay, Refused: shares.ErrNotSubscribed},
		{Rule: "in its currency", Given: spec.Events{subscribed}, When: with(func(c *shares.RecordPayment) { c.Amount = money.Must("1.00 CHF") }), Refused: shares.ErrCurrency},
		{Rule: "not before it", Given: spec.Events{subscribed}, When: with(func(c *shares.RecordPayment) { c.On = day(time.January, 31) }), Refused: shares.ErrTooEarly},
		{Rule: "it is of something", Given: spec.Events{subscribed}, When: with(func(c *shares.RecordPayment) { c.Amount = eur("0.00") }), Refused: shares.ErrIncomplete},
		{Rule: "nothing is taken back like that", Given: spec.Events{subscribed}, When: with(func(c *shares.RecordPayment) { c.Amount = eur("-1.00") }), Refused: shares.ErrIncomplete},
		{Rule: "it has a reference", Given: spec.Events{subscribed}, When: with(func(c *shares.RecordPayment) { c.Reference = "" }), Refused: shares.ErrIncomplete},

		{Rule: "what is paid is issued", Given: spec.Events{subscribed, paid}, When: issue, Then: spec.Events{issued}},
		{Rule: "what is not is not", Given: spec.Events{subscribed, part}, When: issue, Refused: shares.ErrNotPaid},
		{Rule: "a part is enough where the statutes say so", Given: spec.Events{subscribed, exactly}, When: issueWith(func(c *shares.Issue) { c.Statutes = quarter }), Then: spec.Events{issued}},
		{Rule: "a cent less is not", Given: spec.Events{subscribed, part}, When: issueWith(func(c *shares.Issue) { c.Statutes = quarter }), Refused: shares.ErrNotPaid},
		{Rule: "what nobody subscribed to is not issued", When: issue, Refused: shares.ErrNotSubscribed},
		{Rule: "nor before it was subscribed to", Given: spec.Events{subscribed, paid}, When: issueWith(func(c *shares.Issue) { c.On = day(time.January, 1) }), Refused: shares.ErrTooEarly},
		{Rule: "nor without statutes", Given: spec.Events{subscribed, paid}, When: issueWith(func(c *shares.Issue) { c.Statutes.Version = 0 }), Refused: shares.ErrIncomplete},
	})

	before, partly, full := after(spec.Events{subscribed, part}), after(spec.Events{subscribed, part, issued}), after(spec.Events{subscribed, part, issued, rest})
	due, _ := before.Due("s1")
	if before.Held() != 0 || before.Subscribed() != 4 || due != eur("75.01") {
		t.Errorf("before the issue %d are held, %d subscribed, %v due", before.Held(), before.Subscribed(), due)
	}
	if partly.Held() != 4 || partly.Subscribed() != 0 || partly.Paid() != eur("24.99") || full.Paid() != eur("100.00") {
		t.Errorf("the two ledgers say %d shares, %v and later %v", partly.Held(), partly.Paid(), full.Paid())
	}
	if _, known := full.Due("s9"); known {
		t.Error("something is due on a subscription that nobody made")
	}
}

// TestTransferring tells its stories over two holdings of one kind, by whose.
func TestTransferring(t *testing.T) {
	transfer := shares.Transfer{Transfer: "t1", From: "ada", To: "bert", Class: "A", Quantity: 2, On: day(time.March, 1), Statutes: rules(t)}
	with := func(change func(*shares.Transfer)) shares.Transfer {
		c := transfer
		change(&c)
		return c
	}
	out := shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 1), StatutesVersion: 4}
	in := shares.TransferredIn{Transfer: "t1", Party: "bert", From: "ada", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.March, 1), StatutesVersion: 4}
	older := shares.Issued{Subscription: "s0", Party: "ada", Class: "A", Quantity: 3, Price: eur("20.00"), On: day(time.January, 5)}
	twoLots := spec.Events{
		subscribed, paid, issued,
		shares.Subscribed{Subscription: "s0", Party: "ada", Class: "A", Quantity: 3, Price: eur("20.00"), On: day(time.January, 2)},
		shares.Paid{Subscription: "s0", Party: "ada", Class: "A", Amount: eur("60.00"), On: day(time.January, 2), Reference: "b0"},
		older,
	}
	olderLot := shares.Lot{Subscription: "s0", Subscriber: "ada", AcquiredOn: older.On, Quantity: 3, Price: eur("20.00"), Paid: eur("60.00")}
	halfPaid := paid
	halfPaid.Amount = eur("50.00")
	full := shares.Issued{Subscription: "s9", Party: "bert", Class: "A", Quantity: 9, Price: eur("25.00"), On: day(time.February, 1)}
	for _, tt := range []struct {
		rule     string
		from, to spec.Events
		when     shares.Transfer
		out, in  spec.Events
		refused  error
	}{
		{rule: "shares pass to another, with their price and day", from: held, when: transfer, out: spec.Events{out}, in: spec.Events{in}},
		{
			rule: "the oldest first", from: twoLots, when: with(func(c *shares.Transfer) { c.Quantity = 4 }),
			out: spec.Events{shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 4, Lots: append([]shares.Lot{olderLot}, of(lot, 1)...), On: day(time.March, 1), StatutesVersion: 4}},
			in:  spec.Events{shares.TransferredIn{Transfer: "t1", Party: "bert", From: "ada", Class: "A", Quantity: 4, Lots: append([]shares.Lot{olderLot}, of(lot, 1)...), On: day(time.March, 1), StatutesVersion: 4}},
		},
		{rule: "not more than are held", from: held, when: with(func(c *shares.Transfer) { c.Quantity = 5 }), refused: shares.ErrTooFew},
		{rule: "nor such that too few are left", from: held, when: with(func(c *shares.Transfer) { c.Quantity = 3 }), refused: shares.ErrBelowMinimum},
		{rule: "nor such that the other has too few", from: twoLots, when: with(func(c *shares.Transfer) { c.Quantity = 1 }), refused: shares.ErrBelowMinimum},
		{rule: "nor too many", from: held, to: spec.Events{full}, when: transfer, refused: shares.ErrAboveMaximum},
		{rule: "nor what is not paid up", from: spec.Events{subscribed, halfPaid, issued}, when: transfer, refused: shares.ErrNotPaidUp},
		{rule: "not even all of it", from: spec.Events{subscribed, halfPaid, issued}, when: with(func(c *shares.Transfer) { c.Quantity = 4 }), refused: shares.ErrNotPaidUp},
		{rule: "nor before it was held", from: held, when: with(func(c *shares.Transfer) { c.On = day(time.February, 2) }), refused: shares.ErrTooEarly},
		{rule: "nor before it came", from: spec.Events{in}, when: with(func(c *shares.Transfer) { c.Transfer, c.From, c.To, c.On = "t2", "bert", "cy", day(time.February, 20) }), refused: shares.ErrTooEarly},
		{rule: "nor to oneself", from: held, when: with(func(c *shares.Transfer) { c.To = "ada" }), refused: shares.ErrSelf},
		{rule: "nor to nobody", from: held, when: with(func(c *shares.Transfer) { c.To = "" }), refused: shares.ErrIncomplete},
		{rule: "nor of no class", from: held, when: with(func(c *shares.Transfer) { c.Class = "Z" }), refused: shares.ErrNoSuchClass},
		{rule: "nor without statutes", from: held, when: with(func(c *shares.Transfer) { c.Statutes.Version = 0 }), refused: shares.ErrIncomplete},
		{rule: "nor without id", from: held, when: with(func(c *shares.Transfer) { c.Transfer = "" }), refused: shares.ErrIncomplete},
		{rule: "a transfer stays as it was made", from: append(held[:3:3], out), to: spec.Events{in}, when: with(func(c *shares.Transfer) { c.Quantity = 4 }), refused: shares.ErrTransferred},
		{rule: "and is nobody else's", from: held, to: spec.Events{shares.TransferredIn{Transfer: "t1", Party: "bert", From: "cy", Class: "A", Quantity: 2, Lots: of(lot, 2), On: day(time.February, 9)}}, when: transfer, refused: shares.ErrTransferred},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			outs, ins, err := tt.when.Decide(after(tt.from), after(tt.to))
			if !errors.Is(err, tt.refused) {
				t.Fatalf("refused: %v, want %v", err, tt.refused)
			}
			gotOut, gotIn := events(outs), events(ins)
			values := cmpopts.EquateComparable(calendar.Date{}, money.Money{})
			if diff := cmp.Diff(tt.out, gotOut, values) + cmp.Diff(tt.in, gotIn, values); diff != "" && err == nil {
				t.Fatal(diff)
			}
			outs, ins, err = tt.when.Decide(after(append(tt.from[:len(tt.from):len(tt.from)], gotOut...)), after(append(tt.to[:len(tt.to):len(tt.to)], gotIn...)))
			if len(outs)+len(ins) > 0 || !errors.Is(err, tt.refused) {
				t.Errorf("when repeated: %v, %v, %v", outs, ins, err)
			}
		})
	}
	ada, bert := after(append(held[:3:3], out)), after(spec.Events{in})
	if ada.Held() != 2 || ada.Paid() != eur("50.00") || bert.Held() != 2 || bert.Paid() != eur("50.00") {
		t.Errorf("ada holds %d at %v, bert %d at %v", ada.Held(), ada.Paid(), bert.Held(), bert.Paid())
	}
}

func events(decided []domain.Event[shares.Holding]) (all spec.Events) {
	for _, e := range decided {
		all = append(all, e)
	}
	return all
}

func TestGivingBack(t *testing.T) {
	redeem := shares.Redeem{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Value: eur("100.00"), On: day(time.June, 30), Statutes: rules(t)}
	with := func(change func(*shares.Redeem)) shares.Redeem {
		c := redeem
		change(&c)
		return c
	}
	redeemed := shares.Redeemed{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, Value: eur("100.00"), On: day(time.June, 30), StatutesVersion: 4}
	valued := func(m money.Money, lots ...shares.Lot) shares.Redeemed {
		e := redeemed
		e.Value, e.Quantity = m, 0
		if lots != nil {
			e.Lots = lots
		}
		for _, l := range e.Lots {
			e.Quantity += l.Quantity
		}
		return e
	}
	partial, gain := rules(t), rules(t)
	partial.Shares.PartialExit = true
	gain.Shares.ExitValue = statutes.NetAssets
	halfPaid, partLot := paid, lot
	halfPaid.Amount, partLot.Paid = eur("50.00"), eur("50.00")
	spec.Check(t, []story{
		{Rule: "who leaves gives back all shares for what was paid", Given: held, When: redeem, Then: spec.Events{redeemed}},
		{Rule: "or for less", Given: held, When: with(func(c *shares.Redeem) { c.Value = eur("33.33") }), Then: spec.Events{valued(eur("33.33"))}},
		{Rule: "or for nothing", Given: held, When: with(func(c *shares.Redeem) { c.Value = money.Money{} }), Then: spec.Events{valued(money.Money{})}},
		{Rule: "never for more", Given: held, When: with(func(c *shares.Redeem) { c.Value = eur("100.01") }), Refused: shares.ErrExitValue},
		{Rule: "except where the statutes give a gain", Given: held, When: with(func(c *shares.Redeem) { c.Value, c.Statutes = eur("140.00"), gain }), Then: spec.Events{valued(eur("140.00"))}},
		{
			Rule: "of what is partly paid only that is given", Given: spec.Events{subscribed, halfPaid, issued}, When: redeem,
			Refused: shares.ErrExitValue,
		},
		{
			Rule: "and the rest is not due any more", Given: spec.Events{subscribed, halfPaid, issued},
			When: with(func(c *shares.Redeem) { c.Value = eur("50.00") }), Then: spec.Events{valued(eur("50.00"), partLot)},
		},
		{Rule: "one does not give back some", Given: held, When: with(func(c *shares.Redeem) { c.Quantity, c.Value = 2, eur("50.00") }), Refused: shares.ErrAllOrNone},
		{
			Rule: "unless the statutes let one", Given: held, When: with(func(c *shares.Redeem) { c.Quantity, c.Value, c.Statutes = 2, eur("50.00"), partial }),
			Then: spec.Events{valued(eur("50.00"), of(lot, 2)...)},
		},
		{Rule: "and keep the least there is", Given: held, When: with(func(c *shares.Redeem) { c.Quantity, c.Value, c.Statutes = 3, eur("75.00"), partial }), Refused: shares.ErrBelowMinimum},
		{
			Rule: "what is partly paid is not parted", Given: spec.Events{subscribed, halfPaid, issued},
			When: with(func(c *shares.Redeem) { c.Quantity, c.Value, c.Statutes = 2, eur("25.00"), partial }), Refused: shares.ErrNotPaidUp,
		},
		{Rule: "what is not held is not given back", Given: held, When: with(func(c *shares.Redeem) { c.Quantity = 5 }), Refused: shares.ErrTooFew},
		{Rule: "nor before it is held", Given: held, When: with(func(c *shares.Redeem) { c.On = day(time.February, 2) }), Refused: shares.ErrTooEarly},
		{Rule: "nothing is asked of who gives back", Given: held, When: with(func(c *shares.Redeem) { c.Value = eur("-1.00") }), Refused: shares.ErrIncomplete},
		{Rule: "its value is in the currency of the class", Given: held, When: with(func(c *shares.Redeem) { c.Value = money.Must("1.00 CHF") }), Refused: shares.ErrCurrency},
		{Rule: "it is of a class", Given: held, When: with(func(c *shares.Redeem) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "it has an id", Given: held, When: with(func(c *shares.Redeem) { c.Redemption = "" }), Refused: shares.ErrIncomplete},
		{Rule: "it stays as it was made", Given: spec.Events{subscribed, paid, issued, redeemed}, When: with(func(c *shares.Redeem) { c.Value = eur("99.00") }), Refused: shares.ErrRedeemed},
	})

	repay := shares.Repay{Party: "ada", Class: "A", Amount: eur("60.00"), On: day(time.July, 31), Reference: "p1"}
	repaid := shares.Repaid(repay)
	owing := spec.Events{subscribed, paid, issued, redeemed}
	repayWith := func(change func(*shares.Repay)) shares.Repay {
		c := repay
		change(&c)
		return c
	}
	spec.Check(t, []story{
		{Rule: "what is owed is repaid", Given: owing, When: repay, Then: spec.Events{repaid}},
		{Rule: "no more than that", Given: append(owing[:4:4], repaid), When: repayWith(func(c *shares.Repay) { c.Amount, c.Reference = eur("40.01"), "p2" }), Refused: shares.ErrNotOwed},
		{Rule: "nothing where nothing is owed", Given: held, When: repay, Refused: shares.ErrNotOwed},
		{Rule: "once each", Given: append(owing[:4:4], repaid), When: repayWith(func(c *shares.Repay) { c.Amount = eur("1.00") }), Refused: shares.ErrRepaid},
		{Rule: "in the currency of the debt", Given: owing, When: repayWith(func(c *shares.Repay) { c.Amount = money.Must("1.00 CHF") }), Refused: shares.ErrCurrency},
		{Rule: "with a reference", Given: owing, When: repayWith(func(c *shares.Repay) { c.Reference = "" }), Refused: shares.ErrIncomplete},
		{Rule: "on a day", Given: owing, When: repayWith(func(c *shares.Repay) { c.On = calendar.Date{} }), Refused: shares.ErrIncomplete},
		{Rule: "of something", Given: owing, When: repayWith(func(c *shares.Repay) { c.Amount = money.Money{} }), Refused: shares.ErrIncomplete},
		{Rule: "nothing is due any more on what was given back", Given: spec.Events{subscribed, halfPaid, issued, valued(eur("50.00"), partLot)}, When: shares.RecordPayment{Subscription: "s1", Party: "ada", Class: "A", Amount: eur("50.00"), On: day(time.August, 1), Reference: "b2"}, Refused: shares.ErrOverpaid},
	})
	if h := after(append(owing, repaid)); h.Held() != 0 || !h.Paid().IsZero() || h.Owed() != eur("40.00") {
		t.Errorf("%d are held, %v paid, %v owed", h.Held(), h.Paid(), h.Owed())
	}
}

func TestEntering(t *testing.T) {
	enter := shares.Enter{Subscription: "line-12", Party: "ada", Class: "A", Quantity: 30, Paid: eur("750.00"), On: calendar.On(2019, time.March, 1), Statutes: rules(t)}
	with := func(change func(*shares.Enter)) shares.Enter {
		c := enter
		change(&c)
		return c
	}
	sub := shares.Subscribed{Subscription: "line-12", Party: "ada", Class: "A", Quantity: 30, Price: eur("25.00"), On: enter.On}
	pay := shares.Paid{Subscription: "line-12", Party: "ada", Class: "A", Amount: eur("750.00"), On: enter.On, Reference: "entered line-12"}
	iss := shares.Issued{Subscription: "line-12", Party: "ada", Class: "A", Quantity: 30, Price: eur("25.00"), On: enter.On}
	entered := spec.Events{sub, pay, iss}
	cheap, cheapIss := sub, iss
	cheap.Price, cheapIss.Price = eur("20.00"), eur("20.00")
	dearer := rules(t)
	dearer.Shares.Classes[0].Price = eur("30.00")
	gone := shares.TransferredOut{
		Transfer: "t", Party: "ada", To: "bert", Class: "A", Quantity: 30, On: day(time.March, 1),
		Lots: []shares.Lot{{Subscription: "line-12", Subscriber: "ada", AcquiredOn: enter.On, Quantity: 30, Price: eur("25.00"), Paid: eur("750.00")}},
	}
	spec.Check(t, []story{
		{Rule: "a lot comes from an older register, whatever the limits are now", When: enter, Then: entered},
		{Rule: "paid in part or not at all", When: with(func(c *shares.Enter) { c.Paid = money.Money{} }), Then: spec.Events{sub, iss}},
		{Rule: "at its own price", When: with(func(c *shares.Enter) { c.Price, c.Paid = eur("20.00"), eur("0.00") }), Then: spec.Events{cheap, cheapIss}},
		{Rule: "entered twice changes nothing", Given: entered, When: enter},
		{Rule: "nor does it when the price has changed since", Given: entered, When: with(func(c *shares.Enter) { c.Statutes = dearer })},
		{Rule: "nor when the shares have gone since", Given: append(entered[:3:3], gone), When: enter},
		{Rule: "other particulars are another lot", Given: entered, When: with(func(c *shares.Enter) { c.Quantity, c.Paid = 31, eur("775.00") }), Refused: shares.ErrEntered},
		{Rule: "another price too", Given: entered, When: with(func(c *shares.Enter) { c.Price = eur("26.00") }), Refused: shares.ErrEntered},
		{Rule: "no more is paid than the price", When: with(func(c *shares.Enter) { c.Paid = eur("750.01") }), Refused: shares.ErrOverpaid},
		{Rule: "nor less than nothing", When: with(func(c *shares.Enter) { c.Paid = eur("-0.01") }), Refused: shares.ErrIncomplete},
		{Rule: "in the currency of the class", When: with(func(c *shares.Enter) { c.Paid = money.Must("1.00 CHF") }), Refused: shares.ErrCurrency},
		{Rule: "and so the price", When: with(func(c *shares.Enter) { c.Price, c.Paid = money.Must("1.00 CHF"), money.Money{} }), Refused: shares.ErrCurrency},
		{Rule: "which is more than nothing", When: with(func(c *shares.Enter) { c.Price = eur("0.00") }), Refused: shares.ErrIncomplete},
		{Rule: "of a class that exists", When: with(func(c *shares.Enter) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "with an id", When: with(func(c *shares.Enter) { c.Subscription = "" }), Refused: shares.ErrIncomplete},
		{Rule: "no co-op has that many", Given: entered, When: with(func(c *shares.Enter) { c.Subscription, c.Quantity = "line-13", 1_000_000_000 }), Refused: shares.ErrAboveMaximum},
	})
}

func TestStreams(t *testing.T) {
	for _, c := range []domain.Command[shares.Holding]{
		shares.Subscribe{Party: "ada", Class: "A"},
		shares.WithdrawSubscription{Party: "ada", Class: "A"},
		payOf(paid),
		shares.Issue{Party: "ada", Class: "A"},
		shares.RefundCredit{Party: "ada", Class: "A"},
		shares.TimeBarCredit{Party: "ada", Class: "A"},
		shares.NoteRestriction{Party: "ada", Class: "A"},
		shares.LiftRestriction{Party: "ada", Class: "A"},
		shares.ChargeLoss{Party: "ada", Class: "A"},
		shares.ReverseEntry{Party: "ada", Class: "A"},
		shares.Redeem{Party: "ada", Class: "A"},
		shares.Repay{Party: "ada", Class: "A"},
		shares.Enter{Party: "ada", Class: "A"},
	} {
		if c.Stream() != "holding/ada/A" {
			t.Errorf("%T is of %s", c, c.Stream())
		}
	}
	for want, stream := range map[domain.Stream]domain.Stream{
		"call/c1": shares.DecideCall{Call: "c1"}.Stream(), "accounts": shares.ApproveAccounts{}.Stream(), "withholding": shares.SetWithholding{}.Stream(),
		"certificate/7": shares.CancelCertificate{Number: 7}.Stream(), "budget/g1": shares.CertifyBudget{Budget: "g1"}.Stream(),
	} {
		if stream != want {
			t.Errorf("%s is not %s", stream, want)
		}
	}
	for _, c := range []domain.Command[shares.Claim]{
		shares.WithdrawExit{Claim: "k1"},
		shares.ValueExit{Claim: "k1"},
		shares.CollectUnpaid{Claim: "k1"},
		shares.WaiveUnpaid{Claim: "k1"},
		shares.SetOffRefund{Claim: "k1"},
		shares.PayRefund{Claim: "k1"},
		shares.ReturnRefund{Claim: "k1"},
		shares.FreeClaim{Claim: "k1"},
		shares.TimeBarRefund{Claim: "k1"},
	} {
		if c.Stream() != "exit/k1" {
			t.Errorf("%T is of %s", c, c.Stream())
		}
	}
	for _, c := range []domain.Command[shares.Payout]{
		shares.PayDividend{Dividend: "2025", Party: "ada"}, shares.ReturnDividend{Dividend: "2025", Party: "ada"}, shares.TimeBarDividend{Dividend: "2025", Party: "ada"},
	} {
		if c.Stream() != "payout/2025/ada" {
			t.Errorf("%T is of %s", c, c.Stream())
		}
	}
	type two interface {
		Streams() (domain.Stream, domain.Stream)
	}
	for _, tt := range []struct {
		of     two
		first  domain.Stream
		second domain.Stream
	}{
		{shares.AssignCredit{Party: "ada", Class: "A", To: "bert", ToClass: "B"}, "holding/ada/A", "holding/bert/B"},
		{shares.CallShares{Call: "c1", Party: "ada", Class: "A"}, "call/c1", "holding/ada/A"},
		{shares.Transfer{From: "ada", To: "bert", Class: "A"}, "holding/ada/A", "holding/bert/A"},
		{shares.AgreeTransfer{From: "ada", To: "bert", Class: "A"}, "holding/ada/A", "holding/bert/A"},
		{shares.CompleteTransfer{From: "ada", To: "bert", Class: "A"}, "holding/ada/A", "holding/bert/A"},
		{shares.AbandonTransfer{From: "ada", To: "bert", Class: "A"}, "holding/ada/A", "holding/bert/A"},
		{shares.ReverseTransfer{From: "ada", To: "bert", Class: "A"}, "holding/ada/A", "holding/bert/A"},
		{shares.Convert{Party: "ada", Class: "A", To: "B"}, "holding/ada/A", "holding/ada/B"},
		{shares.ReverseConversion{Party: "ada", Class: "A", To: "B"}, "holding/ada/A", "holding/ada/B"},
		{shares.IssueCertificate{Party: "ada", Class: "A", Number: 7}, "holding/ada/A", "certificate/7"},
		{shares.ReplaceCertificate{Old: 7, New: 8}, "certificate/7", "certificate/8"},
		{shares.RequestExit{Party: "ada", Class: "A", Claim: "k1"}, "holding/ada/A", "exit/k1"},
		{shares.TakeEffect{Party: "ada", Class: "A", Claim: "k1"}, "holding/ada/A", "exit/k1"},
		{shares.ReverseExit{Party: "ada", Class: "A", Claim: "k1"}, "holding/ada/A", "exit/k1"},
		{shares.AcceptExit{Claim: "k1", Rest: "k2"}, "exit/k1", "exit/k2"},
		{shares.ReleaseRefund{Claim: "k1", Budget: "g1"}, "exit/k1", "budget/g1"},
		{shares.DecideDividend{Dividend: "2025", Budget: "g1"}, "dividend/2025", "budget/g1"},
		{shares.AllotDividend{Dividend: "2025", Allotment: shares.Allotment{Party: "ada"}}, "dividend/2025", "payout/2025/ada"},
	} {
		if first, second := tt.of.Streams(); first != tt.first || second != tt.second {
			t.Errorf("%T is of %s and %s", tt.of, first, second)
		}
	}
}

// TestEarlierEditions decodes what was written before there were calls, losses,
// payers and signatures.
func TestEarlierEditions(t *testing.T) {
	var r domain.Registry
	shares.Register(&r)
	lots := `[{"subscription":"s1","subscriber":"ada","acquired_on":"2026-02-03","quantity":4,"price":"25.00 EUR","paid":"100.00 EUR"}]`
	on := day(time.March, 1)
	for _, tt := range []struct {
		kind, data string
		want       any
	}{
		{
			"shares.paid", `{"subscription":"s1","party":"ada","class":"A","amount":"100.00 EUR","on":"2026-02-02","reference":"b1"}`, paid,
		},
		{
			"shares.transferred_out", `{"transfer":"t1","party":"ada","to":"bert","class":"A","quantity":4,"lots":` + lots + `,"on":"2026-03-01","statutes_version":4}`,
			shares.TransferredOut{Transfer: "t1", Party: "ada", To: "bert", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, On: on, StatutesVersion: 4},
		},
		{
			"shares.transferred_in", `{"transfer":"t1","party":"bert","from":"ada","class":"A","quantity":4,"lots":` + lots + `,"on":"2026-03-01","statutes_version":4}`,
			shares.TransferredIn{Transfer: "t1", Party: "bert", From: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, On: on, StatutesVersion: 4},
		},
		{
			"shares.redeemed", `{"redemption":"r1","party":"ada","class":"A","quantity":4,"lots":` + lots + `,"value":"90.00 EUR","on":"2026-03-01","statutes_version":4}`,
			shares.Redeemed{Redemption: "r1", Party: "ada", Class: "A", Quantity: 4, Lots: []shares.Lot{lot}, Value: eur("90.00"), On: on, StatutesVersion: 4},
		},
	} {
		got, err := r.Decode(domain.Encoded{Type: tt.kind, Edition: 1, Data: []byte(tt.data)})
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(calendar.Date{}, money.Money{})); err != nil || diff != "" {
			t.Errorf("%s: %v %s", tt.kind, err, diff)
		}
	}
}

// TestTheLedgersNeverGoBelowNothing plays at random with three parties, in any
// order of days, and reads the register as at every day.
func TestTheLedgersNeverGoBelowNothing(t *testing.T) {
	s := rules(t)
	s.Shares.PartialExit = true
	s.Shares.IssueWhenPaid = statutes.MustFraction("1/2")
	s.Shares.Classes[0].MinHolding = 1
	parties := []domain.PartyID{"ada", "bert", "cy"}
	rapid.Check(t, func(t *rapid.T) {
		log := map[domain.PartyID]spec.Events{}
		days := rapid.IntRange(1, 25)
		var received, repaid money.Money
		for n := range rapid.IntRange(1, 40).Draw(t, "commands") {
			party, on := rapid.SampledFrom(parties).Draw(t, "party"), day(time.March, days.Draw(t, "day"))
			quantity := rapid.Int64Range(1, 6).Draw(t, "quantity")
			sub := shares.SubscriptionID(fmt.Sprint("s", rapid.IntRange(0, n).Draw(t, "of")))
			amount := money.New(rapid.Int64Range(1, 15000).Draw(t, "amount"), "EUR")
			var cmd domain.Command[shares.Holding]
			switch rapid.IntRange(0, 5).Draw(t, "command") {
			case 0:
				cmd = shares.Subscribe{Subscription: shares.SubscriptionID(fmt.Sprint("s", n)), Party: party, Class: "A", Quantity: quantity, On: on, Statutes: s}
			case 1:
				cmd = shares.RecordPayment{Subscription: sub, Party: party, Class: "A", Amount: amount, On: on, Reference: fmt.Sprint("b", n)}
			case 2:
				cmd = shares.Issue{Subscription: sub, Party: party, Class: "A", On: on, Statutes: s}
			case 3:
				cmd = shares.Redeem{Redemption: shares.RedemptionID(fmt.Sprint("r", n)), Party: party, Class: "A", Quantity: quantity, Value: amount, On: on, Statutes: s}
			case 4:
				cmd = shares.Repay{Party: party, Class: "A", Amount: amount, On: on, Reference: fmt.Sprint("p", n)}
			default:
				to := rapid.SampledFrom(parties).Draw(t, "to")
				c := shares.Transfer{Transfer: shares.TransferID(fmt.Sprint("t", n)), From: party, To: to, Class: "A", Quantity: quantity, On: on, Statutes: s}
				out, in, err := c.Decide(after(log[party]), after(log[to]))
				if err != nil {
					continue
				}
				log[party], log[to] = append(log[party], events(out)...), append(log[to], events(in)...)
				continue
			}
			decided, err := cmd.Decide(after(log[party]))
			if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
				t.Fatal(err)
			}
			log[party] = append(log[party], events(decided)...)
			for _, e := range decided {
				switch e := e.(type) {
				case shares.Paid:
					received = received.Plus(e.Amount)
				case shares.Repaid:
					repaid = repaid.Plus(e.Amount)
				}
			}
		}
		var issued, redeemed, held int64
		for _, party := range parties {
			h := after(log[party])
			held += h.Held()
			if h.Held() > 10 || h.Paid().Sign() < 0 || h.Owed().Sign() < 0 {
				t.Fatalf("%s holds %d, on which %v was paid, and is owed %v", party, h.Held(), h.Paid(), h.Owed())
			}
			for _, l := range h.Lots() {
				if l.Quantity < 1 || l.Paid.Sign() < 0 || l.Paid.Minor() > l.Price.Minor()*l.Quantity {
					t.Fatalf("%s holds %+v", party, l)
				}
			}
			for d := 1; d <= 25; d++ {
				if n := asAt(log[party], day(time.March, d)); n < 0 {
					t.Fatalf("as at March %d %s holds %d: %+v", d, party, n, log[party])
				}
			}
			for _, e := range log[party] {
				switch e := e.(type) {
				case shares.Issued:
					issued += e.Quantity
				case shares.Redeemed:
					redeemed += e.Quantity
				}
			}
		}
		if held != issued-redeemed || repaid.Minor() > received.Minor() {
			t.Fatalf("%d issued, %d given back, %d held; %v received, %v repaid", issued, redeemed, held, received, repaid)
		}
	})
}

// asAt reads the register of one party as at the end of a day.
func asAt(log spec.Events, on calendar.Date) (n int64) {
	for _, e := range log {
		switch e := e.(type) {
		case shares.Issued:
			if !e.On.After(on) {
				n += e.Quantity
			}
		case shares.TransferredIn:
			if !e.On.After(on) {
				n += e.Quantity
			}
		case shares.TransferredOut:
			if !e.On.After(on) {
				n -= e.Quantity
			}
		case shares.Redeemed:
			if !e.On.After(on) {
				n -= e.Quantity
			}
		}
	}
	return n
}
