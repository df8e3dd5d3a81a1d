package processes

import (
	"context"
	"fmt"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/offering"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

var subscriptionEvents = []any{
	subscription.Started{},
	subscription.QuotaChanged{},
	subscription.Suspended{},
	subscription.Resumed{},
	subscription.Cancelled{},
}

func subscriptionOf(event any) domain.SubscriptionID {
	switch e := event.(type) {
	case subscription.Started:
		return e.Subscription
	case subscription.QuotaChanged:
		return e.Subscription
	case subscription.Suspended:
		return e.Subscription
	case subscription.Resumed:
		return e.Subscription
	case subscription.Cancelled:
		return e.Subscription
	}
	return ""
}

// SyncEntitlements brings what a subscription entitles to in line with what it
// says for a day. A subscription that has not begun entitles to nothing yet.
func SyncEntitlements(ctx context.Context, s *eventstore.Store, id domain.SubscriptionID, today calendar.Date) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
		if err != nil {
			return err
		}
		started, ok := sub.Started()
		status := sub.Status(today)
		if !ok || status == subscription.StatusPending {
			return nil
		}
		had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
		if err != nil {
			return err
		}
		if status == subscription.StatusEnded {
			return eachService(had, func(service domain.Service, e entitlement.Entitlement) error {
				if e.Status == entitlement.StatusRevoked {
					return nil
				}
				return eventstore.Do(tx, entitlement.Revoke{Subscription: id, Service: service, On: today})
			})
		}
		prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
		if err != nil {
			return err
		}
		list, _ := prices.At(today)
		plan, ok := list.Plan(started.Plan)
		if !ok {
			return fmt.Errorf("processes: subscription %s is to plan %s, which the price list of %v lacks", id, started.Plan, today)
		}
		granted := map[domain.Service]bool{}
		for _, q := range plan.Quota(sub.GB(today)) {
			granted[q.Service] = true
			if err := entitle(tx, started, had[q.Service], q, status, today); err != nil {
				return err
			}
		}
		return eachService(had, func(service domain.Service, e entitlement.Entitlement) error {
			switch {
			case granted[service] || e.Status == entitlement.StatusRevoked:
				return nil
			case service.App(): // which may come back with another list
				return eventstore.Do(tx, entitlement.Suspend{Subscription: id, Service: service, On: today})
			}
			return eventstore.Do(tx, entitlement.Revoke{Subscription: id, Service: service, On: today})
		})
	})
	return err
}

// entitle brings one entitlement in line.
func entitle(tx *eventstore.Tx, started subscription.Started, had entitlement.Entitlement, q offering.Quota,
	status subscription.Status, today calendar.Date,
) error {
	id, service := started.Subscription, q.Service
	switch {
	case had.Status == entitlement.StatusRevoked:
		return nil
	case had.Status == "":
		err := eventstore.Do(tx, entitlement.Grant{Subscription: id, Party: started.Party, Service: service, Quota: q.Quota, From: started.From})
		if err != nil {
			return err
		}
	case had.Quota != q.Quota:
		err := eventstore.Do(tx, entitlement.Change{Subscription: id, Service: service, Quota: q.Quota, From: today})
		if err != nil {
			return err
		}
	}
	suspended := had.Status == entitlement.StatusSuspended
	switch {
	case status == subscription.StatusSuspended && !suspended:
		return eventstore.Do(tx, entitlement.Suspend{Subscription: id, Service: service, On: today})
	case status == subscription.StatusActive && suspended:
		return eventstore.Do(tx, entitlement.Resume{Subscription: id, Service: service, On: today})
	}
	return nil
}

// eachService visits entitlements in the order of [domain.Services].
func eachService(all entitlement.Entitlements, visit func(domain.Service, entitlement.Entitlement) error) error {
	for _, service := range domain.Services {
		if e, ok := all[service]; ok {
			if err := visit(service, e); err != nil {
				return err
			}
		}
	}
	return nil
}
