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
		subscription.Started{},
		subscription.QuotaChanged{},
		subscription.Cancelled{},
		subscription.Suspended{},
		subscription.Resumed{},
		subscription.PartGiven{},
		subscription.PartAccepted{},
		subscription.PartEnds{},
		subscription.AddOnBooked{},
		subscription.AddOnEnds{},
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
		case subscription.PartGiven:
			return t.Exec(`insert into part values (?, ?, ?, ?, ?, ?, ?, null, ?) on conflict (id) do update set gb = excluded.gb, ends = null`,
				e.Link, e.Subscription, e.Party, e.Payer, e.GB, e.Offered, e.On, t.position)
		case subscription.PartAccepted:
			return t.Exec(`update part set offered = 0, from_date = ? where id = ?`, e.On, e.Link)
		case subscription.PartEnds:
			return t.Exec(`update part set ends = ? where id = ?`, e.Ends, e.Link)
		case subscription.AddOnBooked:
			return t.Exec(`insert into add_on values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.AddOn, e.Subscription, e.Party, e.Payer, e.Service, e.GB, e.From, dayOrNull(e.Ends), t.position)
		case subscription.AddOnEnds:
			return t.Exec(`update add_on set ends = ? where id = ?`, e.Ends, e.AddOn)
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

// SubscriptionsUsedBy returns those that a party uses, whoever pays them.
func (m *Models) SubscriptionsUsedBy(ctx context.Context, party domain.PartyID) ([]domain.SubscriptionID, error) {
	return rows(ctx, m, `select id from subscription where party in `+selves+` order by position`,
		func(r lite.Row) (domain.SubscriptionID, error) { return domain.SubscriptionID(r.Text(0)), nil }, party)
}

// Subscriptions returns a part of the list of subscriptions, oldest first.
func (m *Models) Subscriptions(ctx context.Context, p Page) (List[Subscription], error) {
	return page(ctx, m, query{columns: subscriptionColumns, from: "subscription", key: "position", id: "id"}, p, scanSubscription)
}

// Paid is a subscription that somebody pays something of.
type Paid struct {
	Payer        domain.PartyID
	Subscription domain.SubscriptionID
}

// PaidIn returns who pays, of which subscriptions, what may have been used in a month:
// them or an add-on to them. They are in the order of the payers.
func (m *Models) PaidIn(ctx context.Context, month calendar.Month) ([]Paid, error) {
	return rows(ctx, m, `select payer, id from (
			select payer, id, position from subscription where from_date <= ?1 and (ends is null or ends >= ?2)
			union select add_on.payer, subscription, subscription.position from add_on join subscription on subscription.id = subscription
				where add_on.from_date <= ?1 and (add_on.ends is null or add_on.ends >= ?2)
		) order by payer, position`,
		func(r lite.Row) (Paid, error) {
			return Paid{domain.PartyID(r.Text(0)), domain.SubscriptionID(r.Text(1))}, nil
		}, month.Last(), month.First())
}

// Part is what a linked party has of a subscription.
type Part struct {
	ID           domain.SubscriptionID // and of the subscription that it may become
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	Payer        domain.PartyID
	GB           int
	Offered      bool // its party has not accepted it yet
	From         calendar.Date
	Ends         calendar.Date // the last day, if it is known
}

const partColumns = `id, subscription, party, payer, gb, offered, from_date, ends`

func scanPart(r lite.Row) (Part, error) {
	d := days{r: r}
	p := Part{
		domain.SubscriptionID(r.Text(0)), domain.SubscriptionID(r.Text(1)), domain.PartyID(r.Text(2)), domain.PartyID(r.Text(3)), int(r.Int(4)),
		r.Bool(5), d.at(6), d.at(7),
	}
	return p, d.err
}

// Part returns one, and whether there is one.
func (m *Models) Part(ctx context.Context, id domain.SubscriptionID) (Part, bool, error) {
	return one(ctx, m, `select `+partColumns+` from part where id = ?`, scanPart, id)
}

// PartsOf returns those of a subscription, in the order in which they were given.
func (m *Models) PartsOf(ctx context.Context, id domain.SubscriptionID) ([]Part, error) {
	return rows(ctx, m, `select `+partColumns+` from part where subscription = ? order by position`, scanPart, id)
}

// PartsOfParty returns those that a party has or had of others' subscriptions.
func (m *Models) PartsOfParty(ctx context.Context, party domain.PartyID) ([]Part, error) {
	return rows(ctx, m, `select `+partColumns+` from part where party in `+selves+` order by position`, scanPart, party)
}

// AddOn is GB of a service on top of a subscription, for a time.
type AddOn struct {
	ID           subscription.AddOnID
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	Payer        domain.PartyID
	Service      domain.Service
	GB           int
	From         calendar.Date
	Ends         calendar.Date // the last day, if there is one
}

const addOnColumns = `id, subscription, party, payer, service, gb, from_date, ends`

func scanAddOn(r lite.Row) (AddOn, error) {
	d := days{r: r}
	a := AddOn{
		subscription.AddOnID(r.Text(0)), domain.SubscriptionID(r.Text(1)), domain.PartyID(r.Text(2)), domain.PartyID(r.Text(3)),
		domain.Service(r.Text(4)), int(r.Int(5)), d.at(6), d.at(7),
	}
	return a, d.err
}

// AddOn returns one, and whether there is one.
func (m *Models) AddOn(ctx context.Context, id subscription.AddOnID) (AddOn, bool, error) {
	return one(ctx, m, `select `+addOnColumns+` from add_on where id = ?`, scanAddOn, id)
}

// AddOnsOf returns those to a subscription, in the order in which they were booked.
func (m *Models) AddOnsOf(ctx context.Context, id domain.SubscriptionID) ([]AddOn, error) {
	return rows(ctx, m, `select `+addOnColumns+` from add_on where subscription = ? order by position`, scanAddOn, id)
}
