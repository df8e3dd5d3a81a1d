package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
)

// A ledger tells what read models would of shares.
type ledger struct {
	c *coop
	s *eventstore.Store
}

func (ledger) WaitFor(context.Context, int64) error { return nil }

func streamsOf[S any](l ledger, through int64) (order []domain.Stream, all map[domain.Stream][]domain.Event[S]) {
	all = map[domain.Stream][]domain.Event[S]{}
	for rec, err := range l.c.driver.Memory.All(context.Background(), 0) {
		if err != nil {
			l.c.Fatal(err)
		}
		event, err := l.s.Decode(context.Background(), rec)
		if err != nil {
			l.c.Fatal(err)
		}
		if e, is := event.(domain.Event[S]); is && rec.Position <= through {
			if all[rec.Stream] == nil {
				order = append(order, rec.Stream)
			}
			all[rec.Stream] = append(all[rec.Stream], e)
		}
	}
	return order, all
}

func (l ledger) claims(state shares.ClaimState) (ids []shares.ClaimID) {
	order, all := streamsOf[shares.Claim](l, 1<<62)
	for _, stream := range order {
		var claim shares.Claim
		for _, e := range all[stream] {
			claim = e.Evolve(claim)
		}
		if claim.State() == state || state == "" {
			ids = append(ids, claim.Requested().Claim)
		}
	}
	return ids
}

func (l ledger) DueExits(_ context.Context, day calendar.Date) ([]shares.ClaimID, error) {
	return slices.DeleteFunc(l.claims(shares.ClaimRequested), func(id shares.ClaimID) bool {
		claim := stateOf[shares.Claim](l.c, l.s, shares.ExitStream(id))
		return claim.EffectiveOn().After(day)
	}), nil
}

func (l ledger) UnvaluedExits(context.Context) ([]shares.ClaimID, error) {
	return l.claims(shares.ClaimEffective), nil
}

func (l ledger) UnsettledExits(context.Context) ([]shares.ClaimID, error) { return l.claims(""), nil }

func (l ledger) ShareHolders(context.Context) (holders []shares.Holder, _ error) {
	order, _ := streamsOf[shares.Holding](l, 1<<62)
	for _, stream := range order {
		holders = append(holders, shares.Holder{Party: domain.PartyID(stream[len("holding/") : len(stream)-len("/A")]), Class: "A"})
	}
	return holders, nil
}

func (l ledger) Allotments(_ context.Context, d shares.DividendDecided, rules statutes.Statutes) ([]shares.Allotment, money.Money, error) {
	order, all := streamsOf[shares.Holding](l, d.Counted)
	var earnings []shares.Earning
	for _, stream := range order {
		_, days := shares.Earned(all[stream], d.Year)
		earnings = append(earnings, shares.Earning{Party: domain.PartyID(stream[len("holding/") : len(stream)-len("/A")]), Class: "A", PaidDays: days})
	}
	allotments, total := shares.Allot(d.Year, d.Rates, earnings, shares.WithholdingSet{Rate: decimal.RequireFromString("0.3")}, rules.Currency)
	return allotments, total, nil
}

// handle has a process answer every event that it wants, as often as need be.
func (c *coop) handle(s *eventstore.Store, p processes.Process) error {
	wants := map[string]bool{}
	for _, event := range p.Wants {
		wants[s.Registry.Name(event)] = true
	}
	var answered int64
	for again := true; again; {
		again = false
		var records []eventstore.Record
		for rec, err := range c.driver.Memory.All(context.Background(), answered) {
			if err != nil {
				return err
			}
			records = append(records, rec)
		}
		for _, rec := range records {
			answered, again = rec.Position, true
			if !wants[rec.Type] {
				continue
			}
			event, err := s.Decode(context.Background(), rec)
			if err != nil {
				return err
			}
			err = p.Handle(as(c.Context()), rec, event)
			if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
				return err
			}
		}
	}
	return nil
}

// TestSharesOnceThoughKilled has shares given back, a loss charged and a dividend
// allotted by processes that are killed at each of their writes, before or after it
// was made, and begin again on another node. Everything happens once.
func TestSharesOnceThoughKilled(t *testing.T) {
	writes := 0
	for n := 1; n == 1 || n <= writes; n++ {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprint(n, lost), func(t *testing.T) { writes = max(writes, killedAt(t, n, lost)) })
		}
	}
	if writes < 10 {
		t.Errorf("there were only %d writes to be killed at", writes)
	}
}

// killedAt returns how many writes there were in all.
func killedAt(t *testing.T, n int, made bool) (writes int) {
	c := found(t)
	s := c.node()
	year := c.rules.FiscalYear(founding)
	for i := range 6 {
		execute(c, s, shares.Enter{Subscription: "l", Party: party(i), Class: "A", Quantity: 4, Paid: eur(10000), On: founding.AddDays(30), Statutes: c.rules})
		if i < 3 {
			execute2(c, s, shares.RequestExit{Claim: shares.ClaimID(party(i)), Party: party(i), Class: "A", Reason: shares.Resigned, On: founding.AddDays(40), Statutes: c.rules})
		}
	}
	leaves := c.rules.SharesLeave(founding.AddDays(40))
	c.setDay(year.Through.AddDays(100))
	c.driver.failing(func(k int) (before, after error) {
		writes++
		switch {
		case k == n && made:
			return nil, errLost
		case k == n:
			return errLost, nil
		}
		return nil, nil
	})
	round := func() error {
		s := c.node() // which remembers nothing
		l := ledger{c, s}
		exits := processes.Exits{Store: s, From: l, Today: c.day}
		accounts := shares.ApproveAccounts{
			Year: year, NetAssets: eur(5e5), Loss: eur(1200), Issued: map[domain.ClassID]int64{"A": 12}, Decision: "assembly", On: c.day(), Statutes: c.rules,
		}
		_, err := eventstore.Execute(as(c.Context()), s, accounts)
		if err == nil {
			err = exits.Daily(as(c.Context()))
		}
		if err == nil {
			err = c.handle(s, exits.Process())
		}
		if err != nil {
			return err
		}
		rules := c.rules
		rules.Shares.Refunds.NetAssetsTest, rules.Shares.Refunds.LiquidityTest, rules.Shares.Dividend.AfterRefunds = "", "", false
		decide := shares.DecideDividend{
			Dividend: "d", Year: year, Rates: []shares.ClassRate{{Class: "A", Rate: decimal.RequireFromString("0.03")}}, Decision: "assembly", On: c.day(), PayableOn: c.day(),
			Statutes: rules,
		}
		was := stateOf[shares.Dividend](c, s, shares.DividendStream("d"))
		if decided, made := was.Decided(); made {
			decide.Total, decide.Counted = decided.Total, decided.Counted
		} else {
			if decide.Counted, err = s.Log.Head(c.Context()); err != nil {
				return err
			}
			if _, decide.Total, err = l.Allotments(c.Context(), shares.DividendDecided{Year: year, Rates: decide.Rates, Counted: decide.Counted}, rules); err != nil {
				return err
			}
		}
		if _, err := eventstore.Execute2(as(c.Context()), s, decide); err != nil {
			return err
		}
		return c.handle(s, processes.Dividends(s, l))
	}
	err := round()
	for range 3 {
		if err = round(); err != nil && !errors.Is(err, errLost) {
			t.Fatal(err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	c.driver.failing(nil)
	left := those[shares.Left](c, s)
	if len(left) != 3 || len(those[shares.ExitTookEffect](c, s)) != 3 || len(those[shares.ExitValued](c, s)) != 3 || len(those[shares.AccountsApproved](c, s)) != 1 {
		t.Errorf("shares left %d times, and were valued %d times", len(left), len(those[shares.ExitValued](c, s)))
	}
	for _, e := range left {
		if e.On != leaves || e.BookedOn != c.day() && !e.BookedOn.IsZero() {
			t.Errorf("shares left on %v, and are in the books of %v", e.On, e.BookedOn)
		}
	}
	charged := those[shares.LossCharged](c, s)
	if len(charged) != 3 {
		t.Errorf("%d losses were charged", len(charged))
	}
	for _, e := range charged {
		if e.Amount != eur(400) || e.On != c.day() {
			t.Errorf("charged: %+v", e)
		}
	}
	allotted := those[shares.DividendAllotted](c, s)
	var sum money.Money
	for _, a := range allotted {
		sum = sum.Plus(a.Gross)
	}
	if decided := those[shares.DividendDecided](c, s); len(decided) != 1 || len(allotted) != 6 || sum != decided[0].Total {
		t.Errorf("%d dividends were decided; %d parties have %v of it", len(decided), len(allotted), sum)
	}
	return writes
}
