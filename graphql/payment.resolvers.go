package graphql

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/payment"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) RecordPayment(ctx context.Context, id, payer *string, amount money.Money, on *calendar.Date, method payment.Method,
	reference, communication, requestID *string,
) (done exec.PaymentDone, err error) {
	received := payment.Record{
		Payment: domain.PaymentID(value(id)), Payer: domain.PartyID(value(payer)), Amount: amount,
		Method: method, Reference: value(reference),
	}
	if communication != nil {
		if received.Communication, err = domain.ParseCommunication(*communication); err != nil {
			return done, payment.ErrCommunication
		}
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		cmd := received
		if id == nil {
			cmd.Payment = domain.PaymentID(w.NewID().String())
		}
		done.ID = cmd.Payment
		if cmd.On, err = w.came(on); err != nil {
			return err
		}
		if cmd.Payer != "" {
			if err := w.known(cmd.Payer); err != nil {
				return err
			}
		}
		return processes.RecordPaymentIn(w.Tx, cmd)
	})
	return done, err
}

func (m mutation) MatchPayment(ctx context.Context, id, payer string, requestID *string) (exec.PaymentDone, error) {
	return m.payment(ctx, id, requestID, func(w *work, today calendar.Date) error {
		if err := w.known(domain.PartyID(payer)); err != nil {
			return err
		}
		return eventstore.Do(w.Tx, payment.Match{Payment: domain.PaymentID(id), Payer: domain.PartyID(payer), On: today})
	})
}

func (m mutation) UnmatchPayment(ctx context.Context, id, payer string, requestID *string) (exec.PaymentDone, error) {
	return m.payment(ctx, id, requestID, func(w *work, today calendar.Date) error {
		return eventstore.Do(w.Tx, payment.Unmatch{Payment: domain.PaymentID(id), Payer: domain.PartyID(payer), On: today})
	})
}

func (m mutation) ReversePayment(ctx context.Context, id, document string, on *calendar.Date, requestID *string) (exec.PaymentDone, error) {
	return m.payment(ctx, id, requestID, func(w *work, today calendar.Date) error {
		return eventstore.Do(w.Tx, payment.Reverse{Payment: domain.PaymentID(id), Document: document, On: or(value(on), today)})
	})
}

func (m mutation) payment(ctx context.Context, id string, requestID *string, do func(*work, calendar.Date) error) (done exec.PaymentDone, err error) {
	done.ID = domain.PaymentID(id)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		return do(w, today)
	})
	return done, err
}

func (q query) Payments(ctx context.Context, payer *string, unmatched bool, first *int, after *string, last *int, before *string) (page exec.PaymentConnection, err error) {
	filter := projections.PaymentFilter{Unmatched: unmatched}
	if filter.Payer, err = q.payer(ctx, payer); err != nil {
		return page, err
	}
	return paged(q.Models.Payments(ctx, filter, pageOf(ctx, first, after, last, before)))
}

func (q query) Balance(ctx context.Context, party *string) (projections.Balance, error) {
	who, err := q.concerned(ctx, party)
	if err != nil {
		return projections.Balance{}, err
	}
	return q.balance(ctx, who)
}

// balance is nothing in the co-op's currency for who has neither owed nor paid.
func (r *resolver) balance(ctx context.Context, party domain.PartyID) (projections.Balance, error) {
	b, err := r.Models.Balance(ctx, party)
	if err != nil || b.Invoiced.Currency() != "" {
		return b, err
	}
	day, err := r.today(ctx)
	if err != nil {
		return b, err
	}
	rules, _, err := r.Models.StatutesOn(ctx, day)
	nothing := money.New(0, rules.Statutes.Currency)
	return projections.Balance{Invoiced: nothing, Received: nothing}, err
}

func (m member) Balance(ctx context.Context, of *projections.Member) (projections.Balance, error) {
	return m.balance(ctx, of.ID)
}

type paymentPayload struct{ *resolver }

func (r *resolver) PaymentPayload() exec.PaymentPayloadResolver { return paymentPayload{r} }

func (p paymentPayload) Payment(ctx context.Context, done *exec.PaymentDone) (*projections.Payment, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Payment(ctx, done.ID))
}
