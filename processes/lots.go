package processes

import (
	"context"
	"errors"
	"fmt"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// ClosedThrough returns the last day of the books that are closed, or no day. That it
// is so is checked when the transaction is appended.
func ClosedThrough(tx *eventstore.Tx) (calendar.Date, error) {
	accounts, _, err := eventstore.Recall[shares.Accounts](tx, shares.AccountsStream)
	return accounts.ClosedThrough(), err
}

// Bookings is what finding out how many shares services need asks the read models.
type Bookings interface {
	// WaitFor returns once they have reached a position.
	WaitFor(ctx context.Context, position int64) error
	// BookedBy returns the subscriptions that a party pays for and that have not
	// ended before a day.
	BookedBy(ctx context.Context, party domain.PartyID, day calendar.Date) ([]domain.SubscriptionID, error)
}

// SharesNeeded returns how many shares of a class a party must hold on a day to back
// the services that it has booked: each subscription that it pays for is a unit. Those
// are loaded, so that none of them changes meanwhile.
func SharesNeeded(tx *eventstore.Tx, s *eventstore.Store, from Bookings, rules statutes.Statutes, party domain.PartyID, class domain.ClassID,
	on calendar.Date,
) (int64, error) {
	if b := rules.Shares.Backing; b.PerUnit == 0 || b.Class != class {
		return 0, nil
	}
	head, err := s.Log.Head(tx.Context())
	if err != nil {
		return 0, err
	}
	if err := from.WaitFor(tx.Context(), head); err != nil {
		return 0, err
	}
	booked, err := from.BookedBy(tx.Context(), party, on)
	if err != nil {
		return 0, err
	}
	var units int64
	for _, id := range booked {
		sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
		if err != nil {
			return 0, err
		}
		if sub.Status(on) != subscription.StatusEnded {
			units++
		}
	}
	return rules.SharesFor(units), nil
}

// MayBook refuses a service to who would pay for it from a day on, and holds too few
// shares then to back it besides those booked before.
func MayBook(tx *eventstore.Tx, s *eventstore.Store, from Bookings, rules statutes.Statutes, payer domain.PartyID, on calendar.Date) error {
	b := rules.Shares.Backing
	if b.PerUnit == 0 {
		return nil
	}
	needed, err := SharesNeeded(tx, s, from, rules, payer, b.Class, on)
	if err != nil {
		return err
	}
	holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(payer, b.Class))
	if needed += rules.SharesFor(1); err == nil && holding.Held() < needed {
		err = shares.ErrUnbacked.With("needed", needed).With("class", b.Class).With("held", holding.Held())
	}
	return err
}

// Holders is what calling holders asks the read models.
type Holders interface {
	// WaitFor returns once they have reached a position.
	WaitFor(ctx context.Context, position int64) error
	// HoldersOf returns those who hold shares of a class that are not paid up.
	HoldersOf(ctx context.Context, class domain.ClassID) ([]domain.PartyID, error)
}

// Calls makes a call that was decided to each holder, once. Stopped anywhere, it goes
// on with those who are left.
func Calls(s *eventstore.Store, from Holders) Process {
	return Process{
		Name:  "calls",
		Wants: []any{shares.CallDecided{}},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			call, ok := event.(shares.CallDecided)
			if !ok {
				return nil
			}
			if err := from.WaitFor(ctx, rec.Position); err != nil {
				return err
			}
			holders, err := from.HoldersOf(ctx, call.Class)
			if err != nil {
				return err
			}
			for _, party := range holders {
				if _, err := eventstore.Execute2(ctx, s, shares.CallShares{Call: call.Call, Party: party, Class: call.Class}); err != nil {
					return fmt.Errorf("call %s of %s: %w", call.Call, party, err)
				}
			}
			return nil
		},
	}
}

// Candidates is what following an application to its end asks the read models.
type Candidates interface {
	Bookings
	// AwaitedBy returns the transfers that wait for the admission of a party.
	AwaitedBy(ctx context.Context, party domain.PartyID) ([]shares.TransferAgreed, error)
	// Unissued returns the subscriptions of a party whose shares are not issued.
	Unissued(ctx context.Context, party domain.PartyID) ([]shares.Subscribed, error)
}

// Admissions has shares follow what becomes of an application: who is admitted gets
// those that others have agreed to transfer; who is not gets none, and their own
// subscriptions are withdrawn, so that what they paid is owed back to them. What a
// rule does not let happen waits for the board, who has it listed.
func Admissions(s *eventstore.Store, from Candidates) Process {
	a := admissions{s, from}
	return Process{
		Name:   "admissions",
		Wants:  []any{membership.Admitted{}, membership.Rejected{}, membership.ApplicationWithdrawn{}, shares.TransferAgreed{}},
		Handle: a.handle,
	}
}

type admissions struct {
	store *eventstore.Store
	from  Candidates
}

func (a admissions) handle(ctx context.Context, rec eventstore.Record, event any) error {
	if err := a.from.WaitFor(ctx, rec.Position); err != nil {
		return err
	}
	switch e := event.(type) {
	case membership.Admitted:
		return a.complete(ctx, e.Party, e.On)
	case shares.TransferAgreed: // with somebody who was admitted or refused meanwhile
		return a.complete(ctx, e.To, e.On)
	case membership.Rejected:
		return a.undo(ctx, e.Party, shares.Refused, e.On)
	case membership.ApplicationWithdrawn:
		return a.undo(ctx, e.Party, shares.Withdrawn, e.On)
	}
	return nil
}

// complete makes the transfers that wait for a party, if it is a member by then.
func (a admissions) complete(ctx context.Context, party domain.PartyID, on calendar.Date) error {
	waiting, err := a.from.AwaitedBy(ctx, party)
	if err != nil {
		return err
	}
	for _, t := range waiting {
		_, err := eventstore.Transact(ctx, a.store, func(tx *eventstore.Tx) error {
			day, closed, err := openDay(tx, on, t.On)
			if err != nil {
				return err
			}
			receiver, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(party))
			if err != nil || !receiver.IsMember(day) {
				return err
			}
			history, _, err := eventstore.Recall[statutes.History](tx, statutes.Stream)
			if err != nil {
				return err
			}
			rules, _ := history.At(day)
			needed, err := SharesNeeded(tx, a.store, a.from, rules, t.Party, t.Class, day)
			if err != nil {
				return err
			}
			return eventstore.Do2(tx, shares.CompleteTransfer{
				Transfer: t.Transfer, From: t.Party, To: party, Class: t.Class, On: day, Needed: needed, Statutes: rules, Closed: closed,
			})
		})
		if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
			return fmt.Errorf("transfer %s: %w", t.Transfer, err)
		}
	}
	return nil
}

// undo gives up what depended on an application that came to nothing, unless the
// party is a member or has applied again.
func (a admissions) undo(ctx context.Context, party domain.PartyID, why shares.Withdrawal, on calendar.Date) error {
	waiting, err := a.from.AwaitedBy(ctx, party)
	if err != nil {
		return err
	}
	subscribed, err := a.from.Unissued(ctx, party)
	if err != nil {
		return err
	}
	still := func(tx *eventstore.Tx) (bool, error) {
		m, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(party))
		return m.IsMember(on) || m.Applying(), err
	}
	for _, t := range waiting {
		_, err := eventstore.Transact(ctx, a.store, func(tx *eventstore.Tx) error {
			if candidate, err := still(tx); err != nil || candidate {
				return err
			}
			return eventstore.Do2(tx, shares.AbandonTransfer{Transfer: t.Transfer, From: t.Party, To: party, Class: t.Class, Why: why, On: later(on, t.On)})
		})
		if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
			return fmt.Errorf("transfer %s: %w", t.Transfer, err)
		}
	}
	for _, sub := range subscribed {
		_, err := eventstore.Transact(ctx, a.store, func(tx *eventstore.Tx) error {
			candidate, err := still(tx)
			if err != nil || candidate {
				return err
			}
			day, closed, err := openDay(tx, on, sub.On)
			if err != nil {
				return err
			}
			withdraw := shares.WithdrawSubscription{Subscription: sub.Subscription, Party: party, Class: sub.Class, Why: why, On: day, Closed: closed}
			err = eventstore.Do(tx, withdraw)
			if refusal, refused := errors.AsType[domain.Refusal](err); refused && refusal.Code == shares.ErrTooEarly.Code {
				withdraw.On, _ = refusal.Args["earliest"].(calendar.Date) // of the last payment
				err = eventstore.Do(tx, withdraw)
			}
			return err
		})
		if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
			return fmt.Errorf("subscription %s: %w", sub.Subscription, err)
		}
	}
	return nil
}

// openDay is the latest of some days, or the first on which the books are open.
func openDay(tx *eventstore.Tx, days ...calendar.Date) (day, closed calendar.Date, err error) {
	closed, err = ClosedThrough(tx)
	if !closed.IsZero() {
		day = closed.AddDays(1)
	}
	for _, d := range days {
		day = later(day, d)
	}
	return day, closed, err
}
