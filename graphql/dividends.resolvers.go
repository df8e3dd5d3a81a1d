package graphql

import (
	"context"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) SetWithholding(ctx context.Context, from calendar.Date, rate decimal.Decimal, exempt *money.Money, source string, on *calendar.Date, requestID *string) (done exec.WithholdingDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, shares.SetWithholding{From: from, Rate: rate, Exempt: value(exempt), Source: source, On: day})
	})
	return done, err
}

func (m mutation) DecideDividend(ctx context.Context, id string, year calendar.Date, rates []shares.ClassRate, budget *string, decision string, on, payableOn *calendar.Date, requestID *string) (done exec.DividendDone, err error) {
	done.ID = shares.DividendID(id)
	if ctx, err = m.requested(ctx, requestID); err != nil {
		return done, err
	}
	position, _, made, err := eventstore.Made(ctx, m.Store)
	if err == nil && !made {
		position, err = m.decide(ctx, shares.DecideDividend{
			Dividend: done.ID, Rates: rates, Budget: shares.BudgetID(value(budget)), Decision: decision, PayableOn: value(payableOn),
		}, year, on)
	}
	return done, m.settled(ctx, &done.Done, position, err)
}

func (m mutation) decide(ctx context.Context, cmd shares.DecideDividend, year calendar.Date, on *calendar.Date) (position int64, err error) {
	today, err := m.day(ctx, nil)
	if err != nil {
		return 0, err
	}
	cmd.On = or(value(on), today)
	cmd.PayableOn = or(cmd.PayableOn, cmd.On)
	rules, _, err := m.Models.StatutesOn(ctx, cmd.On)
	if err != nil {
		return 0, err
	}
	cmd.Year = rules.Statutes.FiscalYear(year)
	exits := processes.Exits{Store: m.Store, From: m.Models, Today: func() calendar.Date { return today }}
	return processes.DecideDividend(ctx, exits, cmd)
}

// A paying is what a mutation of a payout decides by.
type paying struct {
	*work
	on     calendar.Date
	rules  statutes.Statutes // of that day
	closed calendar.Date
}

// payout carries out a mutation of what a party has of a dividend.
func (m mutation) payout(ctx context.Context, dividend, party string, on *calendar.Date, requestID *string, do func(paying, shares.DividendID, domain.PartyID) error) (done exec.PayoutDone, err error) {
	done.Dividend, done.Party = shares.DividendID(dividend), domain.PartyID(party)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, rules, accounts, err := w.accounted(on)
		if err != nil {
			return err
		}
		return do(paying{w, day, rules, accounts.ClosedThrough()}, done.Dividend, done.Party)
	})
	return done, err
}

func (m mutation) AllotDividend(ctx context.Context, dividend, party string, gross, tax money.Money, on *calendar.Date, requestID *string) (exec.PayoutDone, error) {
	return m.payout(ctx, dividend, party, on, requestID, func(p paying, id shares.DividendID, who domain.PartyID) error {
		return eventstore.Do2(p.Tx, shares.AllotDividend{
			Dividend: id, Allotment: shares.Allotment{Party: who, Gross: gross, Tax: tax}, On: p.on, Closed: p.closed,
		})
	})
}

func (m mutation) PayDividend(ctx context.Context, dividend, party string, to *string, amount money.Money, reference string, on *calendar.Date, requestID *string) (exec.PayoutDone, error) {
	return m.payout(ctx, dividend, party, on, requestID, func(p paying, id shares.DividendID, who domain.PartyID) error {
		usable, err := p.usableFrom(or(domain.PartyID(value(to)), who), p.on)
		if err != nil {
			return err
		}
		return eventstore.Do(p.Tx, shares.PayDividend{
			Dividend: id, Party: who, To: domain.PartyID(value(to)), Amount: amount, Reference: reference, On: p.on, UsableFrom: usable, Closed: p.closed,
		})
	})
}

func (m mutation) ReturnDividend(ctx context.Context, dividend, party, reference string, amount *money.Money, document string, on *calendar.Date, requestID *string) (exec.PayoutDone, error) {
	return m.payout(ctx, dividend, party, on, requestID, func(p paying, id shares.DividendID, who domain.PartyID) error {
		return eventstore.Do(p.Tx, shares.ReturnDividend{
			Dividend: id, Party: who, Reference: reference, Amount: value(amount), Document: document, On: p.on, Closed: p.closed,
		})
	})
}

func (m mutation) TimeBarDividend(ctx context.Context, dividend, party string, on *calendar.Date, requestID *string) (exec.PayoutDone, error) {
	return m.payout(ctx, dividend, party, on, requestID, func(p paying, id shares.DividendID, who domain.PartyID) error {
		return eventstore.Do(p.Tx, shares.TimeBarDividend{Dividend: id, Party: who, On: p.on, Statutes: p.rules, Closed: p.closed})
	})
}

func (m mutation) ReversePayout(ctx context.Context, dividend, party string, barred bool, document string, on *calendar.Date, requestID *string) (exec.PayoutDone, error) {
	return m.payout(ctx, dividend, party, on, requestID, func(p paying, id shares.DividendID, who domain.PartyID) error {
		return eventstore.Do(p.Tx, shares.ReversePayout{
			Reversal: shares.ReversalID(p.NewID().String()), Dividend: id, Party: who, Barred: barred, Document: document, On: p.on, Closed: p.closed,
		})
	})
}

func (q query) Dividends(ctx context.Context) ([]shares.DividendDecided, error) {
	return q.Models.Dividends(ctx)
}

func (q query) Dividend(ctx context.Context, id string) (*shares.DividendDecided, error) {
	return found(q.Models.Dividend(ctx, shares.DividendID(id)))
}

func (q query) DividendPayouts(ctx context.Context, dividend string, payable bool, first *int, after *string, last *int, before *string) (page exec.DividendPayoutConnection, err error) {
	today, err := q.today(ctx)
	if err != nil {
		return page, err
	}
	filter := projections.SharePayoutFilter{Dividend: shares.DividendID(dividend), Payable: payable}
	return paged(q.Models.SharePayouts(ctx, filter, today, pageOf(ctx, first, after, last, before)))
}

func (q query) Withholding(ctx context.Context) ([]shares.WithholdingSet, error) {
	return q.Models.Withholding(ctx)
}

func (m member) DividendPayouts(ctx context.Context, of *projections.Member) ([]projections.SharePayout, error) {
	today, err := m.today(ctx)
	if err != nil {
		return nil, err
	}
	return m.Models.SharePayoutsOf(ctx, of.ID, today)
}

type (
	withholding     struct{ *resolver }
	dividendPayout  struct{ *resolver }
	dividendPayload struct{ *resolver }
	payoutPayload   struct{ *resolver }
)

func (r *resolver) Withholding() exec.WithholdingResolver         { return withholding{r} }
func (r *resolver) DividendPayout() exec.DividendPayoutResolver   { return dividendPayout{r} }
func (r *resolver) DividendPayload() exec.DividendPayloadResolver { return dividendPayload{r} }
func (r *resolver) PayoutPayload() exec.PayoutPayloadResolver     { return payoutPayload{r} }

func (withholding) Exempt(_ context.Context, w *shares.WithholdingSet) (*money.Money, error) {
	return given(w.Exempt), nil
}

func (dividendPayout) Account(_ context.Context, p *projections.SharePayout) (*projections.PaidTo, error) {
	return given(p.Account), nil
}

func (p dividendPayload) Dividend(ctx context.Context, done *exec.DividendDone) (*shares.DividendDecided, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Dividend(ctx, done.ID))
}

func (p payoutPayload) Payout(ctx context.Context, done *exec.PayoutDone) (*projections.SharePayout, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	today, err := p.today(ctx)
	if err != nil {
		return nil, err
	}
	return found(p.Models.SharePayout(ctx, done.Dividend, done.Party, today))
}
