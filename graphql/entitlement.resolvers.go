package graphql

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (q query) Entitlements(ctx context.Context, party *string) ([]projections.Entitlement, error) {
	who, err := q.concerned(ctx, party)
	if err != nil {
		return nil, err
	}
	return q.Models.Entitlements(ctx, who)
}

func (m member) Entitlements(ctx context.Context, of *projections.Member) ([]projections.Entitlement, error) {
	return m.Models.Entitlements(ctx, of.ID)
}

func (q query) Gifts(ctx context.Context, party *string) ([]projections.Gift, error) {
	who, err := q.concerned(ctx, party)
	if err != nil {
		return nil, err
	}
	return q.Models.Gifts(ctx, who)
}

func (m mutation) Give(ctx context.Context, party string, service domain.Service, gb int, to *string, from, until *calendar.Date, requestID *string) (done exec.GiftDone, err error) {
	has := domain.SubscriptionID(value(to))
	if to == nil {
		if has, err = m.Models.EntitledBy(ctx, domain.PartyID(party)); err != nil {
			return done, err
		}
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = entitlement.GiftID(w.NewID().String())
		who, err := processes.Known(w.Tx, domain.PartyID(party))
		if err != nil {
			return err
		}
		id := has
		if id == "" {
			id = domain.SubscriptionID(done.ID)
		} else if of, err := processes.HolderOf(w.Tx, id); err != nil {
			return err
		} else if of != who && of != domain.PartyID(party) {
			return entitlement.ErrOther
		} else {
			who = of
		}
		had, _, err := eventstore.Load[entitlement.Entitlements](w.Tx, entitlement.StreamOf(id))
		if err != nil {
			return err
		}
		if had[service].Status == entitlement.StatusRevoked {
			return entitlement.ErrRevoked.With("service", service)
		}
		today, first, err := w.days(from)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, entitlement.Give{
			Subscription: id, Gift: done.ID, Party: who, Service: service, Quota: domain.Bytes(gb) * domain.GB,
			On: today, From: first, Until: value(until),
		})
	})
	return done, err
}

func (m mutation) EndGift(ctx context.Context, id, gift string, until *calendar.Date, requestID *string) (done exec.GiftDone, err error) {
	done.ID = entitlement.GiftID(gift)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		today, day, err := w.days(until)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, entitlement.EndGift{Subscription: domain.SubscriptionID(id), Gift: done.ID, On: today, Until: day})
	})
	return done, err
}

func (m mutation) GiveGrace(ctx context.Context, id string, until calendar.Date, requestID *string) (done exec.GraceDone, err error) {
	done.Subscription, done.Until = domain.SubscriptionID(id), until
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		of, err := processes.HolderOf(w.Tx, done.Subscription)
		if err != nil {
			return err
		}
		today, err := w.today()
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, entitlement.GiveGrace{Subscription: done.Subscription, Party: of, On: today, Until: until})
	})
	return done, err
}

type giftPayload struct{ *resolver }

func (r *resolver) GiftPayload() exec.GiftPayloadResolver { return giftPayload{r} }

func (p giftPayload) Gift(ctx context.Context, done *exec.GiftDone) (*projections.Gift, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Gift(ctx, done.ID))
}
