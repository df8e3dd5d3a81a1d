package graphql

import (
	"context"
	"encoding/json"
	"errors"

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
		if err := w.known(who, pays); err != nil {
			return err
		}
		fresh := domain.SubscriptionID(w.NewID().String())
		var err error
		if done.ID, err = processes.SubscribeUnder(w.Tx, who, fresh); err != nil {
			return err
		}
		if done.ID != fresh {
			if err := w.Answer(done.ID); err != nil {
				return err
			}
		}
		today, first, err := w.days(from)
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
	if err == nil && requestID != nil { // it may have been begun before, under another id than a fresh one
		err = m.answered(ctx, requestID, &done.ID)
	}
	return done, err
}

// answered reads what a request that has been made keeps as its answer, if it does.
func (m mutation) answered(ctx context.Context, requestID *string, into any) error {
	ctx, err := m.requested(ctx, requestID)
	if err != nil {
		return err
	}
	_, answer, made, err := eventstore.Made(ctx, m.Store)
	if err != nil || !made || len(answer) == 0 {
		return err
	}
	return json.Unmarshal(answer, into)
}

func (m mutation) ChangeQuota(ctx context.Context, id string, gb int, from *calendar.Date, requestID *string) (exec.SubscriptionDone, error) {
	return m.subscription(ctx, id, requestID, func(w *work, today calendar.Date) error {
		day, err := w.day(from)
		if err != nil {
			return err
		}
		err = eventstore.Do(w.Tx, subscriptions.ChangeQuota{Subscription: domain.SubscriptionID(id), GB: gb, On: today, From: day})
		if err != nil || day != today { // on a later day it is put off then
			return err
		}
		return m.families().Fit(w.Tx, today, domain.SubscriptionID(id))
	})
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

func (m mutation) families() processes.Families {
	return processes.Families{Store: m.Store, From: m.Models, Reconciler: m.Reconciler, Naming: m.Naming}
}

func (m mutation) LinkAccount(ctx context.Context, id, party string, gb int, requestID *string) (done exec.LinkDone, err error) {
	err = m.shared(ctx, requestID, &done.Done, subscriptions.ErrUnknown, func(w *work, by processes.Speaks, today calendar.Date) error {
		done.ID = domain.SubscriptionID(w.NewID().String())
		return m.families().Link(w.Tx, by, domain.SubscriptionID(id), done.ID, domain.PartyID(party), gb, today)
	})
	return done, err
}

func (m mutation) AcceptLinkedAccount(ctx context.Context, id string, login, requestID *string) (done exec.LinkDone, err error) {
	done.ID = domain.SubscriptionID(id)
	err = m.shared(ctx, requestID, &done.Done, subscriptions.ErrNotLinked, func(w *work, by processes.Speaks, today calendar.Date) error {
		return m.families().Accept(w.Tx, by, done.ID, provisioning.Login(value(login)), today)
	})
	return done, err
}

func (m mutation) ChangeLinkedAccount(ctx context.Context, id string, gb int, requestID *string) (done exec.LinkDone, err error) {
	done.ID = domain.SubscriptionID(id)
	err = m.shared(ctx, requestID, &done.Done, subscriptions.ErrNotLinked, func(w *work, by processes.Speaks, today calendar.Date) error {
		return m.families().Change(w.Tx, by, done.ID, gb, today)
	})
	return done, err
}

func (m mutation) UnlinkAccount(ctx context.Context, id string, requestID *string) (done exec.LinkDone, err error) {
	done.ID = domain.SubscriptionID(id)
	err = m.shared(ctx, requestID, &done.Done, subscriptions.ErrNotLinked, func(w *work, by processes.Speaks, today calendar.Date) error {
		return m.families().Unlink(w.Tx, by, done.ID, today)
	})
	return done, err
}

func (m mutation) DetachAccount(ctx context.Context, id string, gb *int, requestID *string) (done exec.SubscriptionDone, err error) {
	done.ID = domain.SubscriptionID(id)
	err = m.shared(ctx, requestID, &done.Done, subscriptions.ErrNotLinked, func(w *work, by processes.Speaks, today calendar.Date) error {
		return m.families().Detach(w.Tx, by, done.ID, gb, today)
	})
	return done, err
}

// shared carries out a mutation of what is shared. Another's is as if it were not there,
// which the refusal says: to who repeats what they were allowed then, too.
func (m mutation) shared(ctx context.Context, requestID *string, done *exec.Done, theirs domain.Refusal, do func(*work, processes.Speaks, calendar.Date) error) error {
	var said error
	err := m.change(ctx, requestID, done, func(w *work) error {
		today, err := w.today()
		if err != nil {
			return err
		}
		said = do(w, func(party domain.PartyID) bool { return m.sees(ctx, party) }, today)
		return said
	})
	if err == nil && errors.Is(said, theirs) { // it was theirs when they first asked
		err = theirs
	}
	return err
}

func (m mutation) BookAddOn(ctx context.Context, id string, service domain.Service, gb int, payer *string, from, ends *calendar.Date, requestID *string) (done exec.AddOnDone, err error) {
	of := domain.SubscriptionID(id)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = subscriptions.AddOnID(w.NewID().String())
		sub, _, err := eventstore.Load[subscriptions.Subscription](w.Tx, subscriptions.StreamOf(of))
		if err != nil {
			return err
		}
		started, _ := sub.Started()
		pays := started.Payer
		if payer != nil || !m.sees(ctx, pays) {
			if pays, err = m.concerned(ctx, payer); err != nil {
				return err
			}
		}
		today, first, err := w.days(from)
		if err != nil {
			return err
		}
		prices, _, err := eventstore.Load[offering.Offering](w.Tx, offering.Stream)
		if err != nil {
			return err
		}
		list, _ := prices.At(first)
		if _, err := list.OfferAddOn(service); err != nil {
			return err
		}
		return eventstore.Do(w.Tx, subscriptions.BookAddOn{
			Subscription: of, AddOn: done.ID, Payer: pays, Service: service, GB: gb, On: today, From: first, Ends: value(ends),
		})
	})
	return done, err
}

func (m mutation) EndAddOn(ctx context.Context, id, addOn string, ends *calendar.Date, requestID *string) (done exec.AddOnDone, err error) {
	done.ID = subscriptions.AddOnID(addOn)
	err = m.shared(ctx, requestID, &done.Done, subscriptions.ErrNoAddOn, func(w *work, by processes.Speaks, today calendar.Date) error {
		day, err := w.day(ends)
		if err != nil {
			return err
		}
		return m.families().EndAddOn(w.Tx, by, domain.SubscriptionID(id), done.ID, today, day)
	})
	return done, err
}

func (q query) LinkedAccounts(ctx context.Context, party *string) ([]projections.Part, error) {
	who, err := q.concerned(ctx, party)
	if err != nil {
		return nil, err
	}
	return q.Models.PartsOfParty(ctx, who)
}

func (m member) LinkedAccounts(ctx context.Context, of *projections.Member) ([]projections.Part, error) {
	return m.Models.PartsOfParty(ctx, of.ID)
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

func (s serviceSubscription) LinkedAccounts(ctx context.Context, of *projections.Subscription) ([]projections.Part, error) {
	return s.Models.PartsOf(ctx, of.ID)
}

func (s serviceSubscription) AddOns(ctx context.Context, of *projections.Subscription) ([]projections.AddOn, error) {
	return s.Models.AddOnsOf(ctx, of.ID)
}

type linkPayload struct{ *resolver }

func (r *resolver) LinkPayload() exec.LinkPayloadResolver { return linkPayload{r} }

func (p linkPayload) Account(ctx context.Context, done *exec.LinkDone) (*projections.Part, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Part(ctx, done.ID))
}

type addOnPayload struct{ *resolver }

func (r *resolver) AddOnPayload() exec.AddOnPayloadResolver { return addOnPayload{r} }

func (p addOnPayload) AddOn(ctx context.Context, done *exec.AddOnDone) (*projections.AddOn, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.AddOn(ctx, done.ID))
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
