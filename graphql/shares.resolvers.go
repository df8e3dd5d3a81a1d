package graphql

import (
	"context"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) SubscribeShares(ctx context.Context, party *string, class string, quantity int, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	who, err := m.concernedOn(ctx, party, on)
	if err != nil {
		return exec.SharesDone{}, err
	}
	return m.shares(ctx, who, class, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (string, error) {
		if err := w.known(who); err != nil {
			return "", err
		}
		id := w.NewID().String()
		others, err := w.others(rules, who, domain.ClassID(class))
		if err != nil {
			return "", err
		}
		return id, eventstore.Do(w.Tx, shares.Subscribe{
			Subscription: shares.SubscriptionID(id), Party: who, Class: domain.ClassID(class),
			Quantity: int64(quantity), On: day, Others: others, Statutes: rules,
		})
	})
}

// others are the party's holdings of all other classes, where the statutes limit what
// the shares of one party cost.
func (w *work) others(rules statutes.Statutes, party domain.PartyID, class domain.ClassID) (map[domain.ClassID]shares.Holding, error) {
	if rules.Shares.MaxContribution.IsZero() {
		return nil, nil
	}
	others := map[domain.ClassID]shares.Holding{}
	for _, c := range rules.Shares.Classes {
		if c.ID == class {
			continue
		}
		holding, _, err := eventstore.Load[shares.Holding](w.Tx, shares.StreamOf(party, c.ID))
		if err != nil {
			return nil, err
		}
		others[c.ID] = holding
	}
	return others, nil
}

func (m mutation) RecordSharePayment(ctx context.Context, subscription, party, class string, amount money.Money, on *calendar.Date, reference string,
	subscriber, payer *string, means shares.Means, keepRest bool, requestID *string,
) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(party), class, on, requestID, func(w *work, b books) (string, error) {
		if _, err := w.came(on); err != nil {
			return "", err
		}
		return subscription, eventstore.Do(w.Tx, shares.RecordPayment{
			Subscription: shares.SubscriptionID(subscription), Subscriber: domain.PartyID(value(subscriber)), Party: domain.PartyID(party),
			Class: domain.ClassID(class), Payer: domain.PartyID(value(payer)), By: means, Amount: amount, On: b.day, Reference: reference,
			KeepRest: keepRest, Closed: b.closed,
		})
	})
}

// IssueShares asks besides whether the party is a member, as whoever issues shares
// has to know.
func (m mutation) IssueShares(ctx context.Context, subscription, party, class string, on *calendar.Date, requestID *string) (exec.SharesDone, error) {
	who := domain.PartyID(party)
	return m.booked(ctx, who, class, on, requestID, func(w *work, b books) (string, error) {
		member, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(who))
		if err != nil {
			return "", err
		}
		if !member.IsMember(b.day) {
			return "", membership.ErrNotMember.With("on", b.day)
		}
		return subscription, eventstore.Do(w.Tx, shares.Issue{
			Subscription: shares.SubscriptionID(subscription), Party: who, Class: domain.ClassID(class), On: b.day, Statutes: b.rules, Closed: b.closed,
		})
	})
}

// TransferShares asks besides whether the receiver is a member, or the estate that
// inherits.
func (m mutation) TransferShares(ctx context.Context, from, to, class string, quantity int, kind *shares.TransferKind, signatures []shares.Signature,
	decision *string, on *calendar.Date, requestID *string,
) (exec.SharesDone, error) {
	return m.booked(ctx, domain.PartyID(from), class, on, requestID, func(w *work, b books) (string, error) {
		c := shares.Transfer{
			Transfer: shares.TransferID(w.NewID().String()), Kind: value(kind), From: domain.PartyID(from), To: domain.PartyID(to),
			Class: domain.ClassID(class), Quantity: int64(quantity), Signed: signatures, Decision: value(decision),
		}
		receiver, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(c.To))
		if err != nil {
			return "", err
		}
		if inherits := receiver.Kind() == membership.Estate && c.Kind == shares.Inheritance; !inherits && !receiver.IsMember(b.day) {
			return "", membership.ErrNotMember.With("on", b.day)
		}
		c, err = m.transfer(w, b, c)
		if err != nil {
			return "", err
		}
		return string(c.Transfer), eventstore.Do2(w.Tx, c)
	})
}

// transfer fills in what is to be known of a transfer besides what is asked for.
func (m mutation) transfer(w *work, b books, c shares.Transfer) (shares.Transfer, error) {
	needed, err := processes.SharesNeeded(w.Tx, m.Store, m.Models, b.rules, c.From, c.Class, b.day)
	c.On, c.Needed, c.Statutes, c.Closed = b.day, needed, b.rules, b.closed
	return c, err
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

// books are a day on which something is entered, the statutes of that day, and the last
// day of the books that are closed.
type books struct {
	day, closed calendar.Date
	rules       statutes.Statutes
}

// booked does so in the books.
func (m mutation) booked(ctx context.Context, party domain.PartyID, class string, on *calendar.Date, requestID *string,
	do func(*work, books) (id string, err error),
) (exec.SharesDone, error) {
	return m.shares(ctx, party, class, on, requestID, func(w *work, day calendar.Date, rules statutes.Statutes) (string, error) {
		closed, err := processes.ClosedThrough(w.Tx)
		if err != nil {
			return "", err
		}
		return do(w, books{day, closed, rules})
	})
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
	return paged(pageFrom(all, placeInRegister, pageOf(ctx, first, after, last, before)))
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
