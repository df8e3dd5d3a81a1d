package processes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/offering"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// A Payer is somebody to be billed, and what for.
type Payer struct {
	Party         domain.PartyID
	Subscriptions []domain.SubscriptionID // in a fixed order
}

// Payers is what a billing run asks the read models.
type Payers interface {
	// PayersIn returns all whose subscriptions may have been used in a month, in
	// a fixed order. To return too many does no harm.
	PayersIn(ctx context.Context, month calendar.Month) ([]Payer, error)
	// RecipientOf returns how to address a party, and their language.
	RecipientOf(ctx context.Context, party domain.PartyID) (billing.Recipient, domain.Language, error)
	// MemberOn reports whether a party was a member of the co-op on a day.
	MemberOn(ctx context.Context, party domain.PartyID, day calendar.Date) (bool, error)
	// LastPayerNumber returns the highest number that a payer has.
	LastPayerNumber(ctx context.Context) (int64, error)
}

// A Run is a billing run: the invoices of a month.
type Run struct {
	Store  *eventstore.Store
	Payers Payers
	Month  calendar.Month
	On     calendar.Date // of issue
	// Progress, if not nil, is told how many payers are done of how many.
	Progress func(done, of int)
}

// RunResult is what a billing run came to.
type RunResult struct {
	Month   calendar.Month `json:"month"`
	Issued  int            `json:"issued"`  // invoices, by this run
	Already int            `json:"already"` // payers who had been billed
	Nothing int            `json:"nothing"` // payers who owe nothing
	Problem []RunProblem   `json:"problems,omitempty"`
	// Position is one at which all of it is in the log.
	Position int64 `json:"position"`
}

// RunProblem is a payer who could not be billed, and why. All others were.
type RunProblem struct {
	Payer   domain.PartyID `json:"payer"`
	Code    string         `json:"code"`
	Problem string         `json:"problem"`
}

// The rules by which a month is not billed.
var (
	ErrMonthRuns     = domain.Refusal{Code: "billing.month_runs", Reason: "{month} is not over yet: it can be billed from {from} on"}
	ErrNoPrices      = domain.Refusal{Code: "billing.no_prices", Reason: "no price list was in force in {month}: publish one from its first day on"}
	ErrNoVATRate     = domain.Refusal{Code: "billing.no_vat_rate", Reason: "no rate of VAT is known for {month}: set one"}
	ErrNoStatutes    = domain.Refusal{Code: "billing.no_statutes", Reason: "no statutes were in force on {day}: adopt them first"}
	errAlreadyBilled = errors.New("processes: billed already")
)

// Do issues one invoice to each payer who owes something for the month. Payers
// already billed for it are left alone, so that a run that was cut short, or made
// twice, or on two nodes at once, comes to the same: one invoice each, and numbers
// without a gap.
func (r Run) Do(ctx context.Context) (result RunResult, err error) {
	result.Month = r.Month
	if !r.On.After(r.Month.Last()) {
		return result, ErrMonthRuns.With("month", r.Month).With("from", r.Month.Last().AddDays(1))
	}
	payers, err := r.Payers.PayersIn(ctx, r.Month)
	if err != nil {
		return result, err
	}
	number, err := r.Payers.LastPayerNumber(ctx)
	if err != nil {
		return result, err
	}
	for i, p := range payers {
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		position, err := r.bill(ctx, p, &number)
		refusal, refused := errors.AsType[domain.Refusal](err)
		switch {
		case err == nil:
			result.Issued++
			result.Position = max(result.Position, position)
		case errors.Is(err, errAlreadyBilled):
			result.Already++
		case errors.Is(err, billing.ErrNothingOwed):
			result.Nothing++
		case errors.Is(err, ErrNoPrices), errors.Is(err, ErrNoVATRate), errors.Is(err, ErrNoStatutes), errors.Is(err, billing.ErrOutOfOrder):
			return result, err // it is so for everybody
		case refused:
			result.Problem = append(result.Problem, RunProblem{p.Party, refusal.Code, refusal.Error()})
		default:
			return result, err
		}
		if r.Progress != nil {
			r.Progress(i+1, len(payers))
		}
	}
	return result, nil
}

// bill issues the invoice of one payer.
func (r Run) bill(ctx context.Context, p Payer, number *int64) (position int64, err error) {
	recipient, language, err := r.Payers.RecipientOf(ctx, p.Party)
	if err != nil {
		return 0, err
	}
	for {
		position, err = eventstore.Transact(ctx, r.Store, func(tx *eventstore.Tx) error {
			return r.invoice(ctx, tx, p, recipient, language, number)
		})
		if errors.Is(err, billing.ErrNumberTaken) {
			*number++
			continue
		}
		if _, overtaken := errors.AsType[eventstore.Conflict](err); overtaken && ctx.Err() == nil {
			continue // by another run, which goes on and so comes to its end
		}
		return position, err
	}
}

func (r Run) invoice(ctx context.Context, tx *eventstore.Tx, p Payer, to billing.Recipient, language domain.Language, number *int64) error {
	bill, _, err := eventstore.Load[billing.Bill](tx, billing.BillOf(r.Month, p.Party))
	if err != nil {
		return err
	}
	if _, billed := bill.Invoice(); billed {
		return errAlreadyBilled
	}
	rules, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return err
	}
	in, version := rules.At(r.On)
	if version == 0 {
		return ErrNoStatutes.With("day", r.On)
	}
	language = in.Language(language)
	prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
	if err != nil {
		return err
	}
	list, charges, err := r.charges(ctx, tx, prices, p, language)
	if err != nil {
		return err
	}
	if len(charges) == 0 {
		return billing.ErrNothingOwed
	}
	payer, _, err := eventstore.Load[billing.Payer](tx, billing.PayerOf(p.Party))
	if err != nil {
		return err
	}
	if _, _, numbered := payer.Number(); !numbered {
		if err := eventstore.Do2(tx, billing.NumberPayer{Payer: p.Party, Number: *number + 1}); err != nil {
			return err
		}
		if payer, _, err = eventstore.Load[billing.Payer](tx, billing.PayerOf(p.Party)); err != nil {
			return err
		}
	}
	_, communication, _ := payer.Number()
	return eventstore.Do2(tx, billing.IssueInvoice{
		Invoice: domain.InvoiceID(tx.NewID().String()), Series: in.Billing.InvoiceSeries(), Month: r.Month, Payer: p.Party,
		On: r.On, TermDays: in.Billing.PaymentDays, Charges: charges, IncludeVAT: list.IncludeVAT,
		Communication: communication, Language: language, Recipient: to, StatutesVersion: version,
	})
}

// Billed returns the months for which invoices were issued, of those for which these
// rates of VAT may be others than before. What is decided by it holds against runs that
// bill at the same time.
func Billed(tx *eventstore.Tx, today calendar.Date, rates ...offering.VATRate) (months []calendar.Month, err error) {
	prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
	if err != nil {
		return nil, err
	}
	first, changes := prices.RateChange(rates...)
	if !changes || first.After(today) {
		return nil, nil
	}
	rules, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	since := today
	for _, v := range rules.Versions() {
		names[v.Statutes.Billing.InvoiceSeries()] = true
		if v.InForceFrom.Before(since) {
			since = v.InForceFrom
		}
	}
	for year := max(first.Year(), since.Year()); year <= today.Year()+1; year++ { // some may be dated ahead
		for name := range names {
			series, _, err := eventstore.Load[billing.Series](tx, billing.SeriesOf(name, year))
			if err != nil {
				return nil, err
			}
			months = append(months, series.Months()...)
		}
	}
	slices.SortFunc(months, calendar.Month.Compare)
	return slices.Compact(months), nil
}

// charges returns what a payer owes for the month, by the price list of its last day.
// Members pay as such from the first full month: who becomes one in the middle of a
// month, or is one no more, pays otherwise from the next.
func (r Run) charges(ctx context.Context, tx *eventstore.Tx, prices offering.Offering, p Payer, language domain.Language) (
	list offering.PriceList, charges []billing.Charge, err error,
) {
	list, version := prices.At(r.Month.Last())
	if version == 0 {
		return list, nil, ErrNoPrices.With("month", r.Month)
	}
	rate, ok := list.VATOn(r.Month.Last())
	if !ok {
		return list, nil, ErrNoVATRate.With("month", r.Month)
	}
	category := billing.Standard
	if rate.Equal(decimal.Zero) {
		category = billing.ZeroRated
	}
	for _, id := range p.Subscriptions {
		sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
		if err != nil {
			return list, nil, err
		}
		owed, err := r.owed(ctx, list, sub, p.Party)
		if err != nil {
			return list, nil, fmt.Errorf("processes: bill subscription %s: %w", id, err)
		}
		for _, c := range owed {
			charges = append(charges, billing.Charge{
				Kind: string(c.Kind), Description: list.Describe(c, language), Subscription: id,
				Plan: c.Plan, GB: c.GB, Period: c.Period, Quantity: c.Quantity, UnitPrice: c.UnitPrice,
				Amount: c.Amount, Saved: c.Saved, Category: category, Rate: rate,
			})
		}
	}
	return list, charges, nil
}

// owed returns what somebody owes for a subscription in the month: for itself, if they
// pay it, and for the add-ons that they pay.
func (r Run) owed(ctx context.Context, list offering.PriceList, sub subscription.Subscription, payer domain.PartyID) (owed []offering.Charge, err error) {
	var segments []offering.Segment
	if started, ok := sub.Started(); ok && started.Payer == payer {
		for _, s := range sub.Segments(r.Month) {
			segments = append(segments, offering.Segment(s))
		}
	}
	if len(segments) > 0 {
		member, err := r.Payers.MemberOn(ctx, payer, segments[0].Period.From)
		if err != nil {
			return nil, err
		}
		if owed, err = list.Charges(r.Month, segments, member); err != nil {
			return nil, err
		}
	}
	used := sub.AddOnSegments(r.Month)
	for len(used) > 0 {
		of, periods := used[0].AddOn, []calendar.Period(nil)
		for len(used) > 0 && used[0].AddOn == of {
			periods, used = append(periods, used[0].Period), used[1:]
		}
		if of.Payer != payer {
			continue
		}
		more, err := list.AddOnCharges(r.Month, of.Service, of.GB, periods)
		if err != nil {
			return nil, err
		}
		owed = append(owed, more...)
	}
	return owed, nil
}
