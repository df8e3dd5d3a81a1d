package projections

import (
	"context"
	"encoding/json"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/subscription"
	"rochdale/eventstore/lite"
)

var subscriptionProjection = projection{
	module: "subscription",
	wants: []any{
		subscription.Started{}, subscription.QuotaChanged{}, subscription.Cancelled{}, subscription.Suspended{}, subscription.Resumed{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case subscription.Started:
			return t.Exec(`insert into subscription values (?, ?, ?, ?, ?, ?, ?, null, '[]', ?, ?)`,
				e.Subscription, e.Party, e.Payer, e.Plan, e.GB, e.From, e.From, e.Terms.PriceList, t.position)
		case subscription.QuotaChanged:
			return t.Exec(`update subscription set gb = ?, gb_from = ? where id = ?`, e.GB, e.From, e.Subscription)
		case subscription.Cancelled:
			return t.Exec(`update subscription set ends = ? where id = ?`, e.Ends, e.Subscription)
		case subscription.Suspended:
			return t.Exec(`update subscription set pauses = json_insert(pauses, '$[#]', json_array(?)) where id = ?`, e.On, e.Subscription)
		case subscription.Resumed:
			return t.Exec(`update subscription set pauses = json_insert(pauses, '$[#-1][1]', ?) where id = ?`, e.On, e.Subscription)
		}
		return nil
	},
}

// Subscription is a party's subscription to a plan.
type Subscription struct {
	ID          domain.SubscriptionID
	Party       domain.PartyID
	Payer       domain.PartyID
	Plan        domain.PlanID
	GB          int           // as it was decided last
	GBFrom      calendar.Date // the first day of that size
	From        calendar.Date
	Ends        calendar.Date // the last day; no day while it goes on
	SuspendedOn calendar.Date // no day while it is not suspended

	pauses [][2]calendar.Date // of each suspension the first day, and the first after it, if that is known
}

// Status returns what the subscription gives on a day.
func (s Subscription) Status(on calendar.Date) subscription.Status {
	switch {
	case !s.Ends.IsZero() && on.After(s.Ends):
		return subscription.StatusEnded
	case on.Before(s.From):
		return subscription.StatusPending
	}
	for _, p := range s.pauses {
		if !on.Before(p[0]) && (p[1].IsZero() || on.Before(p[1])) {
			return subscription.StatusSuspended
		}
	}
	return subscription.StatusActive
}

const subscriptionColumns = `id, party, payer, plan, gb, gb_from, from_date, ends, pauses`

func scanSubscription(r lite.Row) (Subscription, error) {
	d := days{r: r}
	s := Subscription{
		ID: domain.SubscriptionID(r.Text(0)), Party: domain.PartyID(r.Text(1)), Payer: domain.PartyID(r.Text(2)),
		Plan: domain.PlanID(r.Text(3)), GB: int(r.Int(4)), GBFrom: d.at(5), From: d.at(6), Ends: d.at(7),
	}
	if pauses := r.Raw(8); len(pauses) > len("[]") {
		if err := json.Unmarshal(pauses, &s.pauses); err != nil {
			return s, err
		}
		if last := s.pauses[len(s.pauses)-1]; last[1].IsZero() {
			s.SuspendedOn = last[0]
		}
	}
	return s, d.err
}

// Subscription returns one subscription, and whether there is one.
func (m *Models) Subscription(ctx context.Context, id domain.SubscriptionID) (Subscription, bool, error) {
	return one(ctx, m, `select `+subscriptionColumns+` from subscription where id = ?`, scanSubscription, id)
}

// SubscriptionsOf returns the subscriptions that a party uses or pays for, or one does
// that was found to be it.
func (m *Models) SubscriptionsOf(ctx context.Context, party domain.PartyID) ([]Subscription, error) {
	return rows(ctx, m, `select `+subscriptionColumns+` from subscription where party in `+selves+` or payer in `+selves+` order by position`, scanSubscription, party)
}

// Subscriptions returns a part of the list of subscriptions, oldest first.
func (m *Models) Subscriptions(ctx context.Context, p Page) (List[Subscription], error) {
	return page(ctx, m, query{columns: subscriptionColumns, from: "subscription", key: "position", id: "id"}, p, scanSubscription)
}

// SubscriptionsIn returns the subscriptions that may have been used in a month, in
// the order of their payers.
func (m *Models) SubscriptionsIn(ctx context.Context, month calendar.Month) ([]Subscription, error) {
	return rows(ctx, m, `select `+subscriptionColumns+` from subscription
		where from_date <= ? and (ends is null or ends >= ?) order by payer, position`, scanSubscription, month.Last(), month.First())
}

// SubscriptionsRunning returns those that have not ended before a day.
func (m *Models) SubscriptionsRunning(ctx context.Context, day calendar.Date) ([]Subscription, error) {
	return rows(ctx, m, `select `+subscriptionColumns+` from subscription where ends is null or ends >= ? order by position`, scanSubscription, day)
}
