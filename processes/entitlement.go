package processes

import (
	"context"
	"fmt"
	"maps"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/offering"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

var entitling = []any{
	subscription.Started{},
	subscription.QuotaChanged{},
	subscription.Suspended{},
	subscription.Resumed{},
	subscription.Cancelled{},
	subscription.Linked{},
	subscription.PartGiven{},
	subscription.PartAccepted{},
	subscription.PartEnds{},
	subscription.AddOnBooked{},
	subscription.AddOnEnds{},
	entitlement.Given{},
	entitlement.GiftEnds{},
	entitlement.GraceGiven{},
	entitlement.MembershipCounted{},
}

// entitledBy returns the subscription of whose entitlements an event is.
func entitledBy(event any) domain.SubscriptionID {
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
	case subscription.Linked:
		return e.Subscription
	case subscription.PartGiven:
		return e.Subscription
	case subscription.PartAccepted:
		return e.Subscription
	case subscription.PartEnds:
		return e.Subscription
	case subscription.AddOnBooked:
		return e.Subscription
	case subscription.AddOnEnds:
		return e.Subscription
	case entitlement.Given:
		return e.Subscription
	case entitlement.GiftEnds:
		return e.Subscription
	case entitlement.GraceGiven:
		return e.Subscription
	case entitlement.MembershipCounted:
		return e.Subscription
	}
	return ""
}

// Entitlements keeps what people are entitled to in step with what entitles them, on
// the day on which things change: see [SyncEntitlements].
func Entitlements(s *eventstore.Store, today func() calendar.Date) Process {
	return Process{
		Name:  "entitlements",
		Wants: entitling,
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			return SyncEntitlements(ctx, s, entitledBy(event), today())
		},
	}
}

// SyncEntitlements brings what a subscription entitles to in line with all that stands
// for it on a day: itself, its add-ons, gifts and a membership; and the same for those
// who have part of it. What has not begun entitles to nothing yet. What nothing stands
// for any more is revoked, unless there is grace.
func SyncEntitlements(ctx context.Context, s *eventstore.Store, id domain.SubscriptionID, today calendar.Date) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		if err := syncEntitlements(tx, id, "", today); err != nil {
			return err
		}
		sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
		if err != nil {
			return err
		}
		for _, part := range sub.Parts() {
			if err := syncEntitlements(tx, part.Link, "", today); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// A standing is what stands for the entitlements of a subscription on a day.
type standing struct {
	party     domain.PartyID
	pending   bool // its subscription has not begun
	suspended bool // its subscription is suspended, and so all of it
	over      bool // it has no subscription, or none any more
	quota     map[domain.Service]domain.Bytes
	from      map[domain.Service]calendar.Date // the first day of what came first
}

func (st *standing) add(service domain.Service, quota domain.Bytes, from calendar.Date) {
	if first, any := st.from[service]; !any || from.Before(first) {
		st.from[service] = from
	}
	st.quota[service] += quota
}

// stand looks at everything that may stand for a subscription. The member is who is
// known to be meant where nothing else says whose it is.
func stand(tx *eventstore.Tx, id domain.SubscriptionID, member domain.PartyID, today calendar.Date) (st standing, sources entitlement.Sources, err error) {
	st = standing{party: member, over: true, quota: map[domain.Service]domain.Bytes{}, from: map[domain.Service]calendar.Date{}}
	prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
	if err != nil {
		return st, sources, err
	}
	list, _ := prices.At(today)
	if err := st.subscribed(tx, id, list, today); err != nil {
		return st, sources, err
	}
	if sources, _, err = eventstore.Load[entitlement.Sources](tx, entitlement.SourcesOf(id)); err != nil {
		return st, sources, err
	}
	if st.party == "" {
		st.party = sources.Party()
	}
	for _, g := range sources.Gifts() {
		if g.Stands(today) && g.Party == st.party {
			st.add(g.Service, g.Quota, g.From)
		}
	}
	return st, sources, st.members(tx, id, list, today)
}

// subscribed adds what a subscription stands for, or the part of another's that it is.
func (st *standing) subscribed(tx *eventstore.Tx, id domain.SubscriptionID, list offering.PriceList, today calendar.Date) error {
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
	if err != nil {
		return err
	}
	started, own := sub.Started()
	linked, part := sub.LinkedTo()
	size, from, status := sub.GB(today)-sub.Given(today), started.From, sub.Status(today)
	switch {
	case own:
		st.party = started.Party
	case part:
		of, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(linked.Of))
		if err != nil {
			return err
		}
		p, _ := of.Part(id)
		started, _ = of.Started()
		st.party, size, from, status = linked.Party, p.GB, p.From, of.PartStatus(id, today, list.Grace())
	default:
		return nil
	}
	st.pending, st.suspended = status == subscription.StatusPending, status == subscription.StatusSuspended
	if st.over = status == subscription.StatusEnded; st.over || st.pending {
		return nil
	}
	plan, ok := list.Plan(started.Plan)
	if !ok {
		return fmt.Errorf("processes: subscription %s is to plan %s, which the price list of %v lacks", id, started.Plan, today)
	}
	for _, q := range plan.Quota(size) {
		st.add(q.Service, q.Quota, from)
	}
	if own {
		for _, a := range sub.AddOnsOn(today) {
			st.add(a.Service, domain.Bytes(a.GB)*domain.GB, a.From)
		}
	}
	return nil
}

// members adds what every member has, where a membership adds to this.
func (st *standing) members(tx *eventstore.Tx, id domain.SubscriptionID, list offering.PriceList, today calendar.Date) error {
	if len(list.Members) == 0 {
		return nil
	}
	if st.party == "" { // what it was granted for
		had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
		if err != nil {
			return err
		}
		for e := range maps.Values(had) {
			st.party = e.Granted.Party
		}
	}
	if st.party == "" {
		return nil
	}
	party, is, err := isMember(tx, st.party, today)
	if err != nil || !is {
		return err
	}
	counted, _, err := eventstore.Load[entitlement.Membership](tx, entitlement.MembershipOf(party))
	if err != nil {
		return err
	}
	if to, _ := counted.To(); to != id {
		return nil
	}
	for _, m := range list.Members {
		st.add(m.Service, domain.Bytes(m.GB)*domain.GB, today)
	}
	return nil
}

// isMember reports whether a party is a member on a day and, if it was found to be
// another, which.
func isMember(tx *eventstore.Tx, party domain.PartyID, on calendar.Date) (now domain.PartyID, is bool, err error) {
	m, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(party))
	if into := m.MergedInto(); err == nil && into != "" {
		return isMember(tx, into, on)
	}
	return party, err == nil && m.IsMember(on), err
}

// syncEntitlements is [SyncEntitlements] of one.
func syncEntitlements(tx *eventstore.Tx, id domain.SubscriptionID, member domain.PartyID, today calendar.Date) error {
	st, sources, err := stand(tx, id, member, today)
	if err != nil {
		return err
	}
	had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
	if err != nil {
		return err
	}
	graced := st.over && !sources.Grace().IsZero() && !today.After(sources.Grace())
	if len(st.quota) == 0 && (st.pending || graced) {
		return nil
	}
	for _, service := range domain.Services {
		e, granted := had[service]
		quota, wanted := st.quota[service]
		switch {
		case e.Status == entitlement.StatusRevoked, graced && granted && !wanted:
			continue
		case wanted:
			if graced {
				quota = max(quota, e.Quota)
			}
			err = entitle(tx, id, service, e, quota, st, today)
		case !granted:
			continue
		case service.App() && len(st.quota) > 0: // it may come back
			err = eventstore.Do(tx, entitlement.Suspend{Subscription: id, Service: service, On: today})
		default:
			err = eventstore.Do(tx, entitlement.Revoke{Subscription: id, Service: service, On: today})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entitle brings one entitlement in line.
func entitle(tx *eventstore.Tx, id domain.SubscriptionID, service domain.Service, had entitlement.Entitlement, quota domain.Bytes, st standing, today calendar.Date) error {
	switch {
	case had.Status == "":
		err := eventstore.Do(tx, entitlement.Grant{Subscription: id, Party: st.party, Service: service, Quota: quota, From: st.from[service]})
		if err != nil {
			return err
		}
	case had.Quota != quota:
		if err := eventstore.Do(tx, entitlement.Change{Subscription: id, Service: service, Quota: quota, From: today}); err != nil {
			return err
		}
	}
	switch suspended := had.Status == entitlement.StatusSuspended; {
	case st.suspended && !suspended:
		return eventstore.Do(tx, entitlement.Suspend{Subscription: id, Service: service, On: today})
	case !st.suspended && suspended:
		return eventstore.Do(tx, entitlement.Resume{Subscription: id, Service: service, On: today})
	}
	return nil
}

// Smaller returns what would be of another size, and a smaller one, if entitlements were
// brought in line now.
func Smaller(tx *eventstore.Tx, id domain.SubscriptionID, today calendar.Date) (smaller []offering.Quota, err error) {
	st, _, err := stand(tx, id, "", today)
	if err != nil {
		return nil, err
	}
	had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
	for _, service := range domain.Services {
		e := had[service]
		if quota, wanted := st.quota[service]; wanted && e.Status != entitlement.StatusRevoked && e.Quota > quota {
			smaller = append(smaller, offering.Quota{Service: service, Quota: quota})
		}
	}
	return smaller, err
}

// over reports whether there were entitlements, and all are revoked.
func over(all entitlement.Entitlements) bool {
	for _, e := range all {
		if e.Status != entitlement.StatusRevoked {
			return false
		}
	}
	return len(all) > 0
}

// EntitlementBook is what is asked of the read models to know what a membership adds to.
type EntitlementBook interface {
	// EntitledBy returns the oldest subscription by which a party is entitled to
	// something, or none.
	EntitledBy(ctx context.Context, party domain.PartyID) (domain.SubscriptionID, error)
}

// Members entitles who becomes a member to what the price list gives every member,
// and who is none any more no longer: see [SyncMembership].
func Members(s *eventstore.Store, from EntitlementBook, today func() calendar.Date) Process {
	return Process{
		Name: "members",
		Wants: []any{
			membership.Admitted{}, membership.Ended{}, membership.EndRevoked{}, membership.Merged{}, membership.Absorbed{},
		},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			var party domain.PartyID
			switch e := event.(type) {
			case membership.Admitted:
				party = e.Party
			case membership.Ended:
				party = e.Party
			case membership.EndRevoked:
				party = e.Party
			case membership.Merged:
				party = e.Party
			case membership.Absorbed:
				party = e.Party
			}
			return SyncMembership(ctx, s, from, party, today())
		},
	}
}

// SyncMembership has the membership of a party add to what the party has, so that
// there is one mailbox: to a subscription or, where there is none, to an id of its own,
// under which the party may subscribe later ([SubscribeUnder]).
func SyncMembership(ctx context.Context, s *eventstore.Store, from EntitlementBook, party domain.PartyID, today calendar.Date) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		now, is, err := isMember(tx, party, today)
		if err != nil {
			return err
		}
		prices, _, err := eventstore.Load[offering.Offering](tx, offering.Stream)
		if err != nil {
			return err
		}
		counted, _, err := eventstore.Load[entitlement.Membership](tx, entitlement.MembershipOf(party))
		if err != nil {
			return err
		}
		list, _ := prices.At(today)
		to, times := counted.To()
		gone := func(id domain.SubscriptionID) (bool, error) {
			all, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
			return id == "" || over(all), err
		}
		if !is || now != party || len(list.Members) == 0 {
			if to == "" {
				return nil
			}
			return syncEntitlements(tx, to, party, today)
		}
		if ended, err := gone(to); err != nil || !ended {
			if err == nil {
				err = syncEntitlements(tx, to, party, today)
			}
			return err
		}
		has, err := from.EntitledBy(ctx, party)
		if err != nil {
			return err
		}
		ended, err := gone(has)
		if err != nil {
			return err
		}
		if ended {
			has = domain.SubscriptionID(fmt.Sprintf("member-%s-%d", party, times+1))
		}
		if err := eventstore.Do(tx, entitlement.CountMembership{Party: party, Subscription: has, On: today}); err != nil {
			return err
		}
		return syncEntitlements(tx, has, party, today)
	})
	return err
}

// SubscribeUnder returns the id under which a party is to subscribe: that under which
// it is entitled without a subscription, as a member, so that it keeps its accounts; or
// else a fresh one.
func SubscribeUnder(tx *eventstore.Tx, party domain.PartyID, fresh domain.SubscriptionID) (domain.SubscriptionID, error) {
	counted, _, err := eventstore.Load[entitlement.Membership](tx, entitlement.MembershipOf(party))
	to, _ := counted.To()
	if err != nil || to == "" {
		return fresh, err
	}
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(to))
	if err != nil {
		return fresh, err
	}
	had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(to))
	_, started := sub.Started()
	_, linked := sub.LinkedTo()
	if err != nil || started || linked || over(had) {
		return fresh, err
	}
	return to, nil
}

// ErrOver refuses to add to what nobody will be entitled by any more.
var ErrOver = domain.Refusal{Code: "entitlement.over", Reason: "all that this entitled to was revoked for good: leave out what to add to, and it begins anew"}

// HolderOf returns who is entitled, or will be, by a subscription, part of one, or what
// has an id of its own, and refuses where that is nobody, or nobody any more.
func HolderOf(tx *eventstore.Tx, id domain.SubscriptionID) (domain.PartyID, error) {
	had, _, err := eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
	if err != nil {
		return "", err
	}
	if over(had) {
		return "", ErrOver
	}
	for _, e := range had {
		return e.Granted.Party, nil
	}
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
	if err != nil {
		return "", err
	}
	if started, ok := sub.Started(); ok {
		return started.Party, nil
	}
	if linked, ok := sub.LinkedTo(); ok {
		return linked.Party, nil
	}
	sources, _, err := eventstore.Load[entitlement.Sources](tx, entitlement.SourcesOf(id))
	if err == nil && sources.Party() == "" {
		err = subscription.ErrUnknown
	}
	return sources.Party(), err
}
