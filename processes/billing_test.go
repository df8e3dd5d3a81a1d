package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/domain/payment"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// A book tells a billing run what read models would, and may be far behind.
type book struct {
	payers   []processes.Payer
	members  map[domain.PartyID]bool
	nameless map[domain.PartyID]bool
}

func (b book) PayersIn(context.Context, calendar.Month) ([]processes.Payer, error) {
	return b.payers, nil
}

func (b book) RecipientOf(_ context.Context, p domain.PartyID) (billing.Recipient, domain.Language, error) {
	if b.nameless[p] {
		return billing.Recipient{}, "", nil
	}
	return billing.Recipient{Name: "Name of " + string(p), City: "Gent"}, domain.Dutch, nil
}

func (b book) MemberOn(_ context.Context, p domain.PartyID, _ calendar.Date) (bool, error) {
	return b.members[p], nil
}

func (b book) LastPayerNumber(context.Context) (int64, error) { return 0, nil }

// subscribers has so many parties subscribe to 5 GB, and knows them all as members.
func subscribers(c *coop, s *eventstore.Store, n int) book {
	b := book{members: map[domain.PartyID]bool{}, nameless: map[domain.PartyID]bool{}}
	for i := range n {
		id := domain.SubscriptionID(fmt.Sprint("s", i))
		c.subscribe(s, id, party(i), 5, founding)
		b.payers = append(b.payers, processes.Payer{Party: party(i), Subscriptions: []domain.SubscriptionID{id}})
		b.members[party(i)] = true
	}
	return b
}

var (
	march    = calendar.On(2026, time.March, 1).Month()
	april1st = calendar.On(2026, time.April, 1)
)

// issued makes sure that each of so many payers has one invoice, under numbers without
// a gap and a communication of their own.
func issued(c *coop, s *eventstore.Store, payers int) []billing.InvoiceIssued {
	c.Helper()
	invoices := those[billing.InvoiceIssued](c, s)
	one, communications := map[domain.PartyID]bool{}, map[domain.Communication]bool{}
	for i, e := range invoices {
		if e.Number.Number != int64(i+1) {
			c.Errorf("invoice %v is the number %d", e.Number, i+1)
		}
		if one[e.Payer] || communications[e.Communication] || !e.Communication.Valid() {
			c.Errorf("%s has another invoice, or the communication %s of another", e.Payer, e.Communication)
		}
		one[e.Payer], communications[e.Communication] = true, true
	}
	if len(invoices) != payers {
		c.Errorf("%d invoices for %d payers", len(invoices), payers)
	}
	if billed := those[billing.MonthBilled](c, s); len(billed) != payers {
		c.Errorf("%d payers are billed of %d", len(billed), payers)
	}
	return invoices
}

func TestBillingTwiceIssuesNothingTwice(t *testing.T) {
	c := found(t)
	s := c.node()
	b := subscribers(c, s, 12)
	b.members[party(3)] = false
	execute(c, s, subscription.ChangeQuota{Subscription: "s4", GB: 10, On: founding, From: founding.AddDays(40)})
	execute(c, s, subscription.Suspend{Subscription: "s5", Reason: subscription.Unpaid, On: founding})
	var shown []int
	run := processes.Run{Store: s, Payers: b, Month: march, On: april1st, Progress: func(done, of int) { shown = append(shown, 100*done+of) }}
	result, err := run.Do(as(t.Context()))
	if err != nil || result.Issued != 11 || result.Already != 0 || result.Nothing != 1 || len(result.Problem) > 0 || result.Month != march {
		t.Fatalf("%+v, %v", result, err)
	}
	if head, _ := s.Log.Head(t.Context()); result.Position != head {
		t.Errorf("it is at %d, the log at %d", result.Position, head)
	}
	if len(shown) != 12 || shown[11] != 1212 {
		t.Errorf("it shows %v", shown)
	}
	again, err := run.Do(as(t.Context()))
	if err != nil || again.Issued != 0 || again.Already != 11 || again.Nothing != 1 {
		t.Errorf("again: %+v, %v", again, err)
	}
	gross := map[domain.PartyID]money.Money{}
	for _, e := range issued(c, s, 11) {
		gross[e.Payer] = e.Gross
		if to, ok := e.Recipient.Reveal(); !ok || to.Name != "Name of "+string(e.Payer) || e.Language != domain.Dutch || e.DueOn != april1st.AddDays(c.rules.Billing.PaymentDays) {
			t.Errorf("%+v is addressed to %+v", e, to)
		}
	}
	if gross[party(0)] != eur(250) || gross[party(3)] != eur(350) || gross[party(4)] != eur(500) {
		t.Errorf("they pay %v", gross)
	}
	run.Month, run.On = march.Add(1), calendar.On(2026, time.May, 1)
	if next, err := run.Do(as(t.Context())); err != nil || next.Issued != 11 {
		t.Errorf("the next month: %+v, %v", next, err)
	}
	numbers := map[domain.PartyID]domain.Communication{}
	for _, e := range those[billing.InvoiceIssued](c, s) {
		if was, ok := numbers[e.Payer]; ok && was != e.Communication {
			t.Errorf("%s is to pay with %s and %s", e.Payer, was, e.Communication)
		}
		numbers[e.Payer] = e.Communication
	}
}

// TestARateOfVATThatComesLate is refused for months that were billed, also by a run that is
// faster by a hair.
func TestARateOfVATThatComesLate(t *testing.T) {
	c := found(t)
	s := c.node()
	run := processes.Run{Store: c.node(), Payers: subscribers(c, s, 3), Month: march, On: april1st}
	set := func(percent int64, from calendar.Date, meanwhile func()) error {
		_, err := eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) error {
			rate := offering.VATRate{From: from, Percent: decimal.NewFromInt(percent)}
			billed, err := processes.Billed(tx, april1st, rate)
			if err != nil {
				return err
			}
			meanwhile()
			return eventstore.Do(tx, offering.SetVATRate{On: april1st, Rate: rate, Billed: billed})
		})
		return err
	}
	bill := func() {
		if result, err := run.Do(as(t.Context())); err != nil || len(result.Problem) > 0 || result.Issued+result.Already != 3 {
			t.Errorf("%+v, %v", result, err)
		}
	}
	err := set(6, founding, bill)
	no, refused := errors.AsType[domain.Refusal](err)
	if !refused || no.Code != offering.ErrBilled.Code || fmt.Sprint(no.Args["months"]) != "[2026-03]" || no.Args["from"] != april1st {
		t.Errorf("a rate for what is billed meanwhile: %v, %v", err, no.Args)
	}
	if err := set(6, march.Last(), func() {}); !errors.Is(err, offering.ErrBilled) {
		t.Errorf("a rate for what was billed: %v", err)
	}
	for _, e := range issued(c, s, 3) {
		if rate := e.Lines[0].Rate; !rate.Equal(decimal.NewFromInt(21)) {
			t.Errorf("billed at %s", rate)
		}
	}
	if err := set(21, founding, func() {}); err != nil {
		t.Errorf("a rate by which nothing changes: %v", err)
	}
	if err := set(6, april1st, func() {}); err != nil {
		t.Errorf("a rate from the day after: %v", err)
	}
}

func TestTwoNodesBillAtOnce(t *testing.T) {
	c := found(t)
	b := subscribers(c, c.node(), 40)
	var wg sync.WaitGroup
	results := make([]processes.RunResult, 3)
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = (processes.Run{Store: c.node(), Payers: b, Month: march, On: april1st}).Do(as(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, r := range results {
		sum += r.Issued
		if r.Issued+r.Already != 40 || len(r.Problem) > 0 {
			t.Errorf("%+v", r)
		}
	}
	if sum != 40 {
		t.Errorf("%d were issued: %+v", sum, results)
	}
	issued(c, c.node(), 40)
}

// TestBillingThatIsKilledGoesOn loses the log at each write in turn, before it is made
// or after it was, and begins again on another node.
func TestBillingThatIsKilledGoesOn(t *testing.T) {
	c := found(t)
	b := subscribers(c, c.node(), 9)
	runs := 0
	for at := 1; ; at++ {
		written := at%2 == 0
		c.driver.failing(func(n int) (before, after error) {
			if n != 1+at%3 {
				return nil, nil
			}
			if written {
				return nil, errLost
			}
			return errLost, nil
		})
		result, err := processes.Run{Store: c.node(), Payers: b, Month: march, On: april1st}.Do(as(t.Context()))
		runs++
		if err == nil {
			if result.Already+result.Issued != 9 {
				t.Errorf("the last run: %+v", result)
			}
			break
		}
		if !errors.Is(err, errLost) || runs > 20 {
			t.Fatalf("run %d: %+v, %v", runs, result, err)
		}
	}
	if runs < 4 {
		t.Errorf("it was killed %d times only", runs-1)
	}
	c.driver.failing(nil)
	issued(c, c.node(), 9)
}

func TestBillingThatIsStopped(t *testing.T) {
	c := found(t)
	s := c.node()
	b := subscribers(c, s, 9)
	ctx, stop := context.WithCancel(as(t.Context()))
	run := processes.Run{Store: s, Payers: b, Month: march, On: april1st, Progress: func(done, _ int) {
		if done == 4 {
			stop()
		}
	}}
	result, err := run.Do(ctx)
	if !errors.Is(err, context.Canceled) || result.Issued != 4 {
		t.Errorf("%+v, %v", result, err)
	}
	issued(c, s, 4)
	if result, err = run.Do(as(t.Context())); err != nil || result.Issued != 5 || result.Already != 4 {
		t.Errorf("%+v, %v", result, err)
	}
	issued(c, s, 9)
}

// TestALostConnectionIssuesNothingTwice: the log finds out by itself what became of a
// write.
func TestALostConnectionIssuesNothingTwice(t *testing.T) {
	c := found(t)
	b := subscribers(c, c.node(), 6)
	c.driver.failing(func(n int) (before, after error) {
		if n%2 == 0 {
			return nil, eventstore.NewAmbiguous(errLost)
		}
		return nil, nil
	})
	result, err := processes.Run{Store: c.node(), Payers: b, Month: march, On: april1st}.Do(as(t.Context()))
	c.driver.failing(nil)
	if err != nil || result.Issued != 6 {
		t.Errorf("%+v, %v", result, err)
	}
	issued(c, c.node(), 6)
}

func TestWhatCannotBeBilled(t *testing.T) {
	c := found(t)
	s := c.node()
	b := subscribers(c, s, 5)
	b.nameless[party(2)] = true
	b.payers = append(b.payers, processes.Payer{Party: party(9), Subscriptions: []domain.SubscriptionID{"s1"}}) // which somebody else pays
	run := func(month calendar.Month, on calendar.Date) (processes.RunResult, error) {
		return processes.Run{Store: s, Payers: b, Month: month, On: on}.Do(as(t.Context()))
	}
	result, err := run(march, april1st)
	if err != nil || result.Issued != 4 || result.Nothing != 1 || len(result.Problem) != 1 ||
		result.Problem[0].Payer != party(2) || result.Problem[0].Code != billing.ErrNoRecipient.Code || result.Problem[0].Problem == "" {
		t.Errorf("%+v, %v", result, err)
	}
	issued(c, s, 4)
	b.nameless[party(2)] = false
	if result, err = run(march, april1st); err != nil || result.Issued != 1 || result.Already != 4 {
		t.Errorf("once the name is known: %+v, %v", result, err)
	}
	for _, r := range []struct {
		month calendar.Month
		on    calendar.Date
		want  domain.Refusal
	}{
		{march.Add(1), april1st.AddDays(29), processes.ErrMonthRuns},
		{march.Add(-1), april1st.AddDays(-1), billing.ErrOutOfOrder},
		{founding.Month().Add(-1), founding.AddDays(-1), processes.ErrMonthRuns},
		{founding.Month().Add(-2), founding.AddDays(-1), processes.ErrNoStatutes},
		{founding.Month().Add(-1), april1st, processes.ErrNoPrices},
	} {
		if _, err := run(r.month, r.on); !errors.Is(err, r.want) {
			t.Errorf("%v on %v: %v", r.month, r.on, err)
		}
	}
	issued(c, s, 5)
}

// TestPaymentsFindTheirPayer by the communication that stands on every invoice.
func TestPaymentsFindTheirPayer(t *testing.T) {
	c := found(t)
	s := c.node()
	b := subscribers(c, s, 3)
	if _, err := (processes.Run{Store: s, Payers: b, Month: march, On: april1st}).Do(as(t.Context())); err != nil {
		t.Fatal(err)
	}
	invoices := issued(c, s, 3)
	unknown, _ := domain.CommunicationOf(4711)
	record := func(id domain.PaymentID, by domain.PartyID, communication domain.Communication) domain.PartyID {
		t.Helper()
		cmd := payment.Record{Payment: id, Payer: by, Amount: eur(250), On: april1st, Method: payment.Transfer, Communication: communication}
		for range 2 {
			if _, err := processes.RecordPayment(as(t.Context()), s, cmd); err != nil {
				t.Fatal(err)
			}
		}
		return stateOf[payment.Payment](c, s, payment.StreamOf(id)).Payer()
	}
	if got := record("m1", "", invoices[1].Communication); got != invoices[1].Payer {
		t.Errorf("%s has paid, not %s", got, invoices[1].Payer)
	}
	if got := record("m2", "", unknown); got != "" {
		t.Errorf("%s has paid with a communication of nobody", got)
	}
	if got := record("m3", party(2), invoices[0].Communication); got != party(2) {
		t.Errorf("%s has paid, though %s is said to have", got, party(2))
	}
	if got := record("m4", "", ""); got != "" {
		t.Errorf("%s has paid", got)
	}
	foreign := payment.Record{Payment: "m5", Payer: party(2), Amount: money.Must("5.00 USD"), On: april1st, Method: payment.Transfer}
	if _, err := processes.RecordPayment(as(t.Context()), s, foreign); !errors.Is(err, payment.ErrCurrency) {
		t.Errorf("dollars, which would count as euros: %v", err)
	}
	if n := len(those[payment.Received](c, s)); n != 4 {
		t.Errorf("%d payments", n)
	}
	if !slices.IsSortedFunc(invoices, func(a, b billing.InvoiceIssued) int { return int(a.Number.Number - b.Number.Number) }) {
		t.Error("numbers are out of order")
	}
}

// TestAddOnsAreBilledToWhoBookedThem, who need not pay the subscription; parts of it cost
// nothing more.
func TestAddOnsAreBilledToWhoBookedThem(t *testing.T) {
	c := found(t)
	list := c.prices
	list.AddOns = []offering.AddOn{{
		Service: domain.Storage, PerGB: decimal.New(15, -2), Name: domain.Text{FR: "{gb} Go", NL: "{gb} GB meer", EN: "{gb} GB", DE: "{gb} GB"},
	}}
	s := c.node()
	execute(c, s, offering.Publish{Version: 2, On: founding, From: founding, List: list})
	b := subscribers(c, s, 2)
	execute2(c, s, subscription.Link{Subscription: "s0", Link: "l", Party: "carl", GB: 2, On: founding})
	for id, payer := range map[subscription.AddOnID]domain.PartyID{"mine": party(0), "theirs": party(1)} {
		execute(c, s, subscription.BookAddOn{Subscription: "s0", AddOn: id, Payer: payer, Service: domain.Storage, GB: 20, On: founding, From: founding.AddDays(64)})
	}
	b.payers[1].Subscriptions = append(b.payers[1].Subscriptions, "s0")
	run := processes.Run{Store: s, Payers: b, Month: march, On: april1st}
	if result, err := run.Do(as(t.Context())); err != nil || result.Issued != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
	for _, e := range issued(c, s, 2) {
		if len(e.Lines) != 2 || e.Lines[0].Kind != "plan" || e.Lines[1].Kind != "add_on" || e.Lines[1].Description != "20 GB meer" || e.Lines[1].Subscription != "s0" ||
			e.Lines[0].Amount != eur(250) || e.Lines[1].Amount != eur(300) {
			t.Errorf("%s pays %+v", e.Payer, e.Lines)
		}
	}
}
