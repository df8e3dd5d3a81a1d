package processes

import (
	"context"
	"strconv"
	"strings"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/payment"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

// RecordPayment records money that came in. Where its payer is not given but its
// communication is, the payer is whoever has that communication; where nobody has,
// it is recorded nevertheless and waits to be matched. It is in the currency of the
// co-op, in which there is one balance.
func RecordPayment(ctx context.Context, s *eventstore.Store, cmd payment.Record) (position int64, err error) {
	return eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error { return RecordPaymentIn(tx, cmd) })
}

// RecordPaymentIn is [RecordPayment] within a transaction.
func RecordPaymentIn(tx *eventstore.Tx, cmd payment.Record) error {
	history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return err
	}
	if all := history.Versions(); len(all) > 0 {
		if ours := all[len(all)-1].Statutes.Currency; cmd.Amount.IsPositive() && cmd.Amount.Currency() != ours {
			return payment.ErrCurrency.With("currency", ours)
		}
	}
	if number, ok := payerNumber(cmd); ok {
		taken, _, err := eventstore.Load[billing.PayerNumber](tx, billing.PayerNumberOf(number))
		if err != nil {
			return err
		}
		cmd.Payer = taken.Payer()
	}
	return eventstore.Do(tx, cmd)
}

// payerNumber returns the number that a communication was made of.
func payerNumber(cmd payment.Record) (number int64, ok bool) {
	if cmd.Payer != "" || !cmd.Communication.Valid() {
		return 0, false
	}
	number, err := strconv.ParseInt(string(cmd.Communication[:10]), 10, 64)
	return number, err == nil
}

// SetOffs pays open bills with what is owed for shares, once it was decided that they
// are set off; and no more, once that was reversed.
func SetOffs(s *eventstore.Store) Process {
	id := func(claim shares.ClaimID, decision string) domain.PaymentID {
		return domain.PaymentID(domain.StreamOf("set-off", string(claim), decision))
	}
	return Process{
		Name:  "set-offs",
		Wants: []any{shares.RefundSetOff{}, shares.ClaimEntryReversed{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) (err error) {
			switch e := event.(type) {
			case shares.RefundSetOff:
				_, err = eventstore.Execute(ctx, s, payment.Record{
					Payment: id(e.Claim, e.Decision), Payer: e.Party, Amount: e.Amount, On: e.On, Method: payment.SetOff, Reference: strings.Join(e.Bills, ", "),
				})
			case shares.ClaimEntryReversed:
				if e.Entry == shares.EntrySetOff {
					_, err = eventstore.Execute(ctx, s, payment.Reverse{Payment: id(e.Claim, e.Of), Document: e.Document, On: e.On})
				}
			}
			return err
		},
	}
}
