package processes

import (
	"context"
	"strconv"

	"rochdale/domain/billing"
	"rochdale/domain/payment"
	"rochdale/eventstore"
)

// RecordPayment records money that came in. Where its payer is not given but its
// communication is, the payer is whoever has that communication; where nobody has,
// it is recorded nevertheless and waits to be matched.
func RecordPayment(ctx context.Context, s *eventstore.Store, cmd payment.Record) (position int64, err error) {
	return eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error { return RecordPaymentIn(tx, cmd) })
}

// RecordPaymentIn is [RecordPayment] within a transaction.
func RecordPaymentIn(tx *eventstore.Tx, cmd payment.Record) error {
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
