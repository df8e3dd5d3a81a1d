package graphql

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	subscriptions "rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) Subscribe(ctx context.Context, party, payer *string, plan string, gb int, from *calendar.Date, login, requestID *string) (done exec.SubscriptionDone, err error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	pays := who
	if payer != nil {
		if pays, err = m.concerned(ctx, payer); err != nil {
			return done, err
		}
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = domain.SubscriptionID(w.NewID().String())
		today, err := w.today()
		if err != nil {
			return err
		}
		first, err := w.day(from)
		if err != nil {
			return err
		}
		prices, _, err := eventstore.Load[offering.Offering](w.Tx, offering.Stream)
		if err != nil {
			return err
		}
		list, version := prices.At(first)
		offer, err := list.Offer(domain.PlanID(plan), gb)
		if err != nil {
			return err
		}
		rules, err := w.statutesOn(first)
		if err != nil {
			return err
		}
		if err := processes.MayBook(w.Tx, m.Store, m.Models, rules, pays, first); err != nil {
			return err
		}
		if login != nil {
			if err := m.Naming.Wish(w.Tx, who, provisioning.Login(*login)); err != nil {
				return err
			}
		}
		least, most := offer.Limits()
		return eventstore.Do(w.Tx, subscriptions.Subscribe{
			Subscription: done.ID, Party: who, Payer: pays, Plan: offer.ID, GB: gb, On: today, From: first,
			Terms: subscriptions.Terms{PriceList: version, LeastGB: least, MostGB: most},
		})
	})
	return done, err
}

func (m mutation) ChangeQuota(ctx context.Context, id string, gb int, from *calendar.Date, requestID *string) (exec.SubscriptionDone, error) {
	return m.subscription(ctx, id, requestID, func(w *work, today calendar.Date) error {
		day, err := w.day(from)
		if err != nil {
			return err
		}
		change := subscriptions.ChangeQuota{Subscription: domain.SubscriptionID(id), GB: gb, On: today, From: day}
		if day == today {
			if err := m.fits(ctx, w, change); err != nil {
				return err
			}
		}
		return eventstore.Do(w.Tx, change)
	})
}

// fits refuses to make a subscription smaller at once than what its accounts hold. On a later day it is put off then.
func (m mutation) fits(ctx context.Context, w *work, change subscriptions.ChangeQuota) error {
	state, _, err := eventstore.Load[subscriptions.Subscription](w.Tx, subscriptions.StreamOf(change.Subscription))
	if err != nil || change.GB >= state.GB(change.From) {
		return err
	}
	started, _ := state.Started()
	prices, _, err := eventstore.Load[offering.Offering](w.Tx, offering.Stream)
	if err != nil {
		return err
	}
	list, _ := prices.At(change.From)
	plan, _ := list.Plan(started.Plan)
	return m.Reconciler.Fits(ctx, change.Subscription, plan.Quota(change.GB))
}

func (m mutation) CancelSubscription(ctx context.Context, id string, ends *calendar.Date, requestID *string) (exec.SubscriptionDone, error) {
	return m.subscription(ctx, id, requestID, func(w *work, today calendar.Date) error {
		day, err := w.day(ends)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, subscriptions.Cancel{Subscription: domain.SubscriptionID(id), On: today, Ends: day})
	})
}

func (m mutation) SuspendSubscription(ctx context.Context, id string, reason subscriptions.Reason, requestID *string) (exec.SubscriptionDone, error) {
	return m.subscription(ctx, id, requestID, func(w *work, today calendar.Date) error {
		return eventstore.Do(w.Tx, subscriptions.Suspend{Subscription: domain.SubscriptionID(id), Reason: reason, On: today})
	})
}

func (m mutation) ResumeSubscription(ctx context.Context, id string, requestID *string) (exec.SubscriptionDone, error) {
	return m.subscription(ctx, id, requestID, func(w *work, today calendar.Date) error {
		return eventstore.Do(w.Tx, subscriptions.Resume{Subscription: domain.SubscriptionID(id), On: today})
	})
}

// subscription carries out a mutation of a subscription that the viewer uses or
// pays, or sees by a role. Another's is as if it were not there.
func (m mutation) subscription(ctx context.Context, id string, requestID *string, do func(*work, calendar.Date) error) (done exec.SubscriptionDone, err error) {
	done.ID = domain.SubscriptionID(id)
	mine := false
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		state, _, err := eventstore.Load[subscriptions.Subscription](w.Tx, subscriptions.StreamOf(done.ID))
		if err != nil {
			return err
		}
		started, _ := state.Started()
		if mine = m.sees(ctx, started.Party) || m.sees(ctx, started.Payer); !mine {
			return subscriptions.ErrUnknown
		}
		today, err := w.today()
		if err != nil {
			return err
		}
		return do(w, today)
	})
	if err == nil && !mine { // it was when they first asked
		err = subscriptions.ErrUnknown
	}
	return done, err
}

func (q query) Subscription(ctx context.Context, id string) (*projections.Subscription, error) {
	s, known, err := q.Models.Subscription(ctx, domain.SubscriptionID(id))
	return found(s, known && (q.sees(ctx, s.Party) || q.sees(ctx, s.Payer)), err)
}

func (q query) Subscriptions(ctx context.Context, first *int, after *string, last *int, before *string) (exec.ServiceSubscriptionConnection, error) {
	return paged(q.Models.Subscriptions(ctx, pageOf(ctx, first, after, last, before)))
}

func (m member) Subscriptions(ctx context.Context, of *projections.Member) ([]projections.Subscription, error) {
	return m.Models.SubscriptionsOf(ctx, of.ID)
}

type serviceSubscription struct{ *resolver }

func (r *resolver) ServiceSubscription() exec.ServiceSubscriptionResolver {
	return serviceSubscription{r}
}

func (s serviceSubscription) Status(ctx context.Context, of *projections.Subscription, on *calendar.Date) (status subscriptions.Status, err error) {
	day, err := s.dayOr(ctx, on)
	return of.Status(day), err
}

type subscriptionPayload struct{ *resolver }

func (r *resolver) SubscriptionPayload() exec.SubscriptionPayloadResolver {
	return subscriptionPayload{r}
}

func (p subscriptionPayload) Subscription(ctx context.Context, done *exec.SubscriptionDone) (*projections.Subscription, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Subscription(ctx, done.ID))
}
