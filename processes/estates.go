package processes

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// Estates keep the accounts of who has died. As soon as a death is known nobody logs in to them, and what their holder
// has subscribed to is suspended, so it costs nothing; nothing is deleted for a time, in which heirs may ask for a
// copy. Then the subscriptions are cancelled, as well as what they had of others' and what they were given, and the
// accounts stay as those of anybody who leaves. A death that was recorded by mistake gives everything back. An account
// that is requested only after the death, as by a subscription that was to begin later, is held as well.
//
// That a member is excluded touches no account: whether their subscription ends too is a decision of its own.
type Estates struct {
	Store *eventstore.Store
	Book  AccountBook
	Used  interface {
		// SubscriptionsUsedBy returns what a party has subscribed to, or somebody for them.
		SubscriptionsUsedBy(ctx context.Context, party domain.PartyID) ([]domain.SubscriptionID, error)
	}
	Hold  int // for how many days nothing is deleted
	Today func() calendar.Date
}

// Process returns the process that holds accounts, and gives them back.
func (e Estates) Process() Process {
	return Process{
		Name:  "estates",
		Wants: []any{membership.Died{}, membership.EndRevoked{}, provisioning.AccountRequested{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			switch event := event.(type) {
			case membership.Died:
				return e.sync(ctx, event.Party)
			case membership.EndRevoked:
				return e.sync(ctx, event.Party)
			case provisioning.AccountRequested:
				return e.requested(ctx, event.Party)
			}
			return nil
		},
	}
}

// requested holds an account that was requested for somebody who has died.
func (e Estates) requested(ctx context.Context, party domain.PartyID) error {
	member, _, err := read[membership.Member](ctx, e.Store, membership.StreamOf(party))
	if into := member.MergedInto(); err == nil && into != "" {
		return e.requested(ctx, into)
	}
	if _, died := member.DiedOn(); err != nil || !died {
		return err
	}
	return e.sync(ctx, party)
}

// sync holds the accounts of a party that has died, as is known now, and releases those of one that has not.
func (e Estates) sync(ctx context.Context, party domain.PartyID) error {
	member, _, err := read[membership.Member](ctx, e.Store, membership.StreamOf(party))
	if err != nil {
		return err
	}
	_, died := member.DiedOn()
	accounts, err := e.Book.AccountsOfParty(ctx, party)
	if err != nil {
		return err
	}
	today := e.Today()
	_, err = eventstore.Transact(ctx, e.Store, func(tx *eventstore.Tx) error {
		for _, b := range accounts {
			state, _, err := eventstore.Load[provisioning.Account](tx, provisioning.StreamOf(b.Account))
			if err != nil {
				return err
			}
			if died {
				err = eventstore.Do(tx, provisioning.HoldAccount{Account: b.Account, On: today, Through: today.AddDays(e.Hold)})
			} else if _, held := state.Held(); held {
				err = eventstore.Do(tx, provisioning.ReleaseAccount{Account: b.Account, On: today})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	used, err := e.Used.SubscriptionsUsedBy(ctx, party)
	if err != nil {
		return err
	}
	for _, id := range used {
		_, err := eventstore.Transact(ctx, e.Store, func(tx *eventstore.Tx) error {
			sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
			if err != nil {
				return err
			}
			started, _ := sub.Started()
			// What is to begin later begins as it is then.
			on := later(today, started.From)
			reason, suspended := sub.SuspendedFor()
			switch {
			case died:
				err = eventstore.Do(tx, subscription.Suspend{Subscription: id, Reason: subscription.Death, On: on})
			case suspended && reason == subscription.Death:
				err = eventstore.Do(tx, subscription.Resume{Subscription: id, On: on})
			}
			return Refused(err, subscription.ErrEnded, subscription.ErrBackdated)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Daily ends what somebody is entitled by whose accounts were held for long enough.
func (e Estates) Daily(ctx context.Context) error {
	today := e.Today()
	for _, service := range domain.Services {
		for after := domain.AccountID(""); ; {
			accounts, err := e.Book.AccountsAfter(ctx, service, after, 500)
			if err != nil {
				return err
			}
			if len(accounts) == 0 {
				break
			}
			for _, b := range accounts {
				if after = b.Account; b.Deleted || !b.Held {
					continue
				}
				state, _, err := read[provisioning.Account](ctx, e.Store, provisioning.StreamOf(b.Account))
				if err != nil {
					return err
				}
				if through, held := state.Held(); !held || !today.After(through) {
					continue
				}
				id, _ := entitlement.Of(domain.EntitlementID(b.Account))
				if err := e.end(ctx, id, today); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// end ends a subscription, or part of another's, and what was given on top of it or instead.
func (e Estates) end(ctx context.Context, id domain.SubscriptionID, today calendar.Date) error {
	_, err := eventstore.Transact(ctx, e.Store, func(tx *eventstore.Tx) error {
		sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
		if err != nil {
			return err
		}
		if _, own := sub.Started(); own {
			err = eventstore.Do(tx, subscription.Cancel{Subscription: id, On: today, Ends: today})
		} else if of, part := sub.LinkedTo(); part {
			err = eventstore.Do(tx, subscription.Unlink{Subscription: of.Of, Link: id, On: today, Ends: today})
		}
		if err := Refused(err, subscription.ErrEnded); err != nil { // it ends already
			return err
		}
		sources, _, err := eventstore.Load[entitlement.Sources](tx, entitlement.SourcesOf(id))
		if err != nil {
			return err
		}
		for _, gift := range sources.Gifts() {
			if err := eventstore.Do(tx, entitlement.EndGift{Subscription: id, Gift: gift.ID, On: today, Until: today}); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// AllowExport decides that heirs get a copy of what is in an account whose holder has died, for a reason, through a day.
func (e Estates) AllowExport(tx *eventstore.Tx, account domain.AccountID, reason string) error {
	today := e.Today()
	return eventstore.Do(tx, provisioning.AllowExport{Account: account, Reason: reason, On: today, Through: today.AddDays(exportDays)})
}

// exportDays is for how many days a decision to copy what is in an account holds.
const exportDays = 30

// letsIn returns how an account is wanted that somebody may be let in to: one that is there or is to be, and whose
// holder lives.
func letsIn(ctx context.Context, s *eventstore.Store, account domain.AccountID) (want provisioning.Desired, err error) {
	want, requested, err := Desired(ctx, s, account)
	if err != nil {
		return want, err
	}
	if !requested || want.Access == provisioning.Absent {
		return want, provisioning.ErrUnknown
	}
	state, _, err := read[provisioning.Account](ctx, s, provisioning.StreamOf(account))
	if _, held := state.Held(); held && err == nil {
		err = provisioning.ErrHeld
	}
	return want, err
}
