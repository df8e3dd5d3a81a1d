package processes

import (
	"context"
	"errors"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/eventstore"
)

// Erasure destroys the keys of personal data that is to be erased, and signs the party
// out unless it was given freely only. Until it has, the event itself makes every node
// treat the keys as destroyed.
func Erasure(s *eventstore.Store, signOut func(context.Context, domain.PartyID) error) Process {
	return Process{
		Name:  "erasure",
		Wants: []any{membership.PersonalDataErased{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			e, ok := event.(membership.PersonalDataErased)
			if !ok {
				return nil
			}
			err := s.Keys.Destroy(ctx, e.Party, e.Class, e.Through)
			if err != nil || e.Class == sealed.Optional {
				return err
			}
			return signOut(ctx, e.Party)
		},
	}
}

// Numbers is what giving a number to a payer asks the read models.
type Numbers interface {
	// LastPayerNumber returns the highest number that a payer has.
	LastPayerNumber(ctx context.Context) (int64, error)
}

// References numbers who applies for membership or subscribes to shares, so that they
// have one reference for all that they ever pay, from the first day. Who was entered
// from an older register applied long ago, and is numbered when they have to pay.
func References(s *eventstore.Store, numbers Numbers) Process {
	var last int64
	return Process{
		Name:  "references",
		Wants: []any{membership.Applied{}, shares.Subscribed{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) (err error) {
			switch e := event.(type) {
			case membership.Applied:
				if e.StatutesVersion > 0 {
					_, err = reference(ctx, s, numbers, e.Party, &last)
				}
			case shares.Subscribed:
				if e.StatutesVersion > 0 {
					_, err = reference(ctx, s, numbers, e.Party, &last)
				}
			}
			return err
		},
	}
}

// reference returns the communication by which payments of a party are known, under a
// number that it is given if it has none. Last is the last that was given so, which the
// read models may not know yet.
func reference(ctx context.Context, s *eventstore.Store, numbers Numbers, party domain.PartyID, last *int64) (c domain.Communication, err error) {
	known, err := numbers.LastPayerNumber(ctx)
	if err != nil {
		return "", err
	}
	for number := max(known, *last) + 1; ; number++ {
		_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
			payer, _, err := eventstore.Load[billing.Payer](tx, billing.PayerOf(party))
			if err != nil {
				return err
			}
			if _, _, numbered := payer.Number(); !numbered {
				if err := eventstore.Do2(tx, billing.NumberPayer{Payer: party, Number: number}); err != nil {
					return err
				}
				*last = number // or skipped, if this does not come to be
				if payer, _, err = eventstore.Load[billing.Payer](tx, billing.PayerOf(party)); err != nil {
					return err
				}
			}
			_, c, _ = payer.Number()
			return nil
		})
		if !errors.Is(err, billing.ErrNumberTaken) {
			return c, err
		}
	}
}
