package graphql

import (
	"context"
	"fmt"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/projections"
)

func (m mutation) SubscribeShares(ctx context.Context, party *string, class string, quantity int, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return exec.SharesDone{}, err
	}
	if err := m.mayDate(ctx, on); err != nil {
		return exec.SharesDone{}, err
	}
	return m.shares(ctx, who, class, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do(w.Tx, shares.Subscribe{
			Subscription: shares.SubscriptionID(id), Party: who, Class: domain.ClassID(class),
			Quantity: int64(quantity), On: day, Statutes: rules,
		})
	})
}

func (m mutation) RecordSharePayment(ctx context.Context, subscription, party, class string, amount money.Money, on *calendar.Date, reference string, requestID *string) (exec.SharesDone, error) {
	return m.shares(ctx, domain.PartyID(party), class, on, requestID, func(w *work, day calendar.Date, _ statutes.Statutes) (string, error) {
		return subscription, eventstore.Do(w.Tx, shares.RecordPayment{
			Subscription: shares.SubscriptionID(subscription), Party: domain.PartyID(party), Class: domain.ClassID(class),
			Amount: amount, On: day, Reference: reference,
		})
	})
}

// IssueShares asks besides whether the party is a member, as whoever issues shares
// has to know.
func (m mutation) IssueShares(ctx context.Context, subscription, party, class string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	who := domain.PartyID(party)
	return m.shares(ctx, who, class, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (string, error) {
		member, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(who))
		if err != nil {
			return "", err
		}
		if !member.IsMember(day) {
			return "", membership.ErrNotMember.With("on", day)
		}
		return subscription, eventstore.Do(w.Tx, shares.Issue{
			Subscription: shares.SubscriptionID(subscription), Party: who, Class: domain.ClassID(class), On: day, Statutes: rules,
		})
	})
}

func (m mutation) TransferShares(ctx context.Context, from, to, class string, quantity int, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.shares(ctx, domain.PartyID(from), class, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do2(w.Tx, shares.Transfer{
			Transfer: shares.TransferID(id), From: domain.PartyID(from), To: domain.PartyID(to), Class: domain.ClassID(class),
			Quantity: int64(quantity), On: day, Statutes: rules,
		})
	})
}

func (m mutation) RedeemShares(ctx context.Context, party, class string, quantity int, worth money.Money, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	return m.shares(ctx, domain.PartyID(party), class, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (string, error) {
		id := w.NewID().String()
		return id, eventstore.Do(w.Tx, shares.Redeem{
			Redemption: shares.RedemptionID(id), Party: domain.PartyID(party), Class: domain.ClassID(class),
			Quantity: int64(quantity), Value: worth, On: day, Statutes: rules,
		})
	})
}

func (m mutation) RecordShareRepayment(ctx context.Context, party, class string, amount money.Money, on *calendar.Date, reference string, requestID *string) (exec.SharesDone, error) {
	return m.shares(ctx, domain.PartyID(party), class, on, requestID, func(w *work, day calendar.Date, _ statutes.Statutes) (string, error) {
		return "", eventstore.Do(w.Tx, shares.Repay{
			Party: domain.PartyID(party), Class: domain.ClassID(class), Amount: amount, On: day, Reference: reference,
		})
	})
}

// shares carries out a mutation of a party's shares, on a day that was given or
// today, by the statutes of that day. It is told the id of what it was about.
func (m mutation) shares(ctx context.Context, party domain.PartyID, class string, on *calendar.Date, requestID *string,
	do func(*work, calendar.Date, statutes.Statutes) (id string, err error),
) (done exec.SharesDone, err error) {
	done.Party, done.Class = party, domain.ClassID(class)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		rules, err := w.statutesOn(day)
		if err != nil {
			return err
		}
		done.ID, err = do(w, day, rules)
		return err
	})
	return done, err
}

func (q query) Holdings(ctx context.Context, party *string) ([]projections.Holding, error) {
	who, err := q.concerned(ctx, party)
	if err != nil {
		return nil, err
	}
	return q.Models.Holdings(ctx, who)
}

func (q query) ShareRegister(ctx context.Context, asOf *calendar.Date, knownAt *time.Time, first *int, after *string, last *int, before *string) (
	page exec.Connection[projections.RegisterEntry], err error,
) {
	day, err := q.dayOr(ctx, asOf)
	if err != nil {
		return page, err
	}
	all, err := q.Models.RegisterAt(ctx, day, value(knownAt))
	if err != nil {
		return page, err
	}
	key := func(e *projections.RegisterEntry) string {
		return place(int64(e.Member.Number), string(e.Party), string(e.Class), e.AcquiredOn.String(), fmt.Sprintf("%020d", e.Price.Minor()))
	}
	return paged(pageFrom(all, key, pageOf(ctx, first, after, last, before)))
}

func (q query) ShareTotals(ctx context.Context) ([]projections.ShareTotal, error) {
	return q.Models.ShareTotals(ctx)
}

type registerEntry struct{ *resolver }

func (r *resolver) ShareRegisterEntry() exec.ShareRegisterEntryResolver { return registerEntry{r} }

func (registerEntry) Number(_ context.Context, e *projections.RegisterEntry) (*int, error) {
	n := int(e.Member.Number)
	if n == 0 {
		return nil, nil
	}
	return &n, nil
}

// Holdings answers for all members of a list at once.
func (m member) Holdings(ctx context.Context, all []*projections.Member) ([][]projections.Holding, error) {
	parties := make([]domain.PartyID, len(all))
	for i, of := range all {
		parties[i] = of.ID
	}
	held, err := m.Models.HoldingsOf(ctx, parties)
	holdings := make([][]projections.Holding, len(all))
	for i, party := range parties {
		holdings[i] = held[party]
	}
	return holdings, err
}

func (m member) ShareSubscriptions(ctx context.Context, of *projections.Member) ([]projections.ShareSubscription, error) {
	return m.Models.ShareSubscriptions(ctx, of.ID)
}

func (m member) ShareMovements(ctx context.Context, of *projections.Member) ([]projections.ShareMovement, error) {
	return m.Models.ShareMovements(ctx, of.ID)
}

type sharesPayload struct{ *resolver }

func (r *resolver) SharesPayload() exec.SharesPayloadResolver { return sharesPayload{r} }

func (p sharesPayload) Holdings(ctx context.Context, done *exec.SharesDone) ([]projections.Holding, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return p.Models.Holdings(ctx, done.Party)
}
