package graphql

import (
	"context"
	"encoding/json"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) RunBilling(ctx context.Context, month calendar.Month, on *calendar.Date, requestID *string) (done exec.BillingDone, err error) {
	ctx, err = m.requested(ctx, requestID)
	if err != nil {
		return done, err
	}
	position, answer, made, err := eventstore.Made(ctx, m.Store)
	if err == nil && !made {
		position, answer, err = m.bill(ctx, month, on)
	}
	if err != nil {
		return done, err
	}
	var run processes.RunResult
	if err := json.Unmarshal(answer, &run); err != nil {
		return done, err
	}
	err = m.settled(ctx, &done.Done, position, nil)
	done.Month, done.Issued, done.Already, done.Nothing, done.Problems = run.Month, run.Issued, run.Already, run.Nothing, run.Problem
	return done, err
}

// bill runs and, under a request id, keeps what came of it: it would come out
// otherwise if the request were made again.
func (m mutation) bill(ctx context.Context, month calendar.Month, on *calendar.Date) (position int64, answer json.RawMessage, err error) {
	day, err := m.day(ctx, on)
	if err != nil {
		return 0, nil, err
	}
	head, err := m.Store.Log.Head(ctx)
	if err != nil {
		return 0, nil, err
	}
	if err := m.upTo(ctx, head); err != nil { // or who has just subscribed would not be billed
		return 0, nil, err
	}
	run, err := processes.Run{Store: m.Store, Payers: m.Payers, Month: month, On: day}.Do(eventstore.WithRequest(ctx, "", ""))
	if err != nil {
		return 0, nil, err
	}
	if answer, err = json.Marshal(run); err != nil {
		return 0, nil, err
	}
	position, err = eventstore.Transact(ctx, m.Store, func(tx *eventstore.Tx) error { return tx.Answer(run) })
	if err != nil {
		return 0, nil, err
	}
	if _, first, made, err := eventstore.Made(ctx, m.Store); err != nil || made { // by somebody faster, it may be
		return position, first, err
	}
	return max(position, run.Position, head), answer, nil
}

func (q query) Invoice(ctx context.Context, id string) (*projections.Invoice, error) {
	i, known, err := q.Models.Invoice(ctx, domain.InvoiceID(id))
	return found(i, known && q.sees(ctx, i.Payer), err)
}

func (q query) Invoices(ctx context.Context, payer *string, month *calendar.Month, first *int, after *string, last *int, before *string) (page exec.InvoiceConnection, err error) {
	filter := projections.InvoiceFilter{Month: value(month)}
	if filter.Payer, err = q.payer(ctx, payer); err != nil {
		return page, err
	}
	return paged(q.Models.Invoices(ctx, filter, pageOf(ctx, first, after, last, before)))
}

// payer is one that was given, or everybody; or, for who does not see everybody,
// themselves.
func (r *resolver) payer(ctx context.Context, given *string) (domain.PartyID, error) {
	if given == nil && r.seesAll(ctx) {
		return "", nil
	}
	return r.concerned(ctx, given)
}

func (m member) Invoices(ctx context.Context, of *projections.Member, first *int, after *string, last *int, before *string) (exec.InvoiceConnection, error) {
	return paged(m.Models.Invoices(ctx, projections.InvoiceFilter{Payer: of.ID}, pageOf(ctx, first, after, last, before)))
}
