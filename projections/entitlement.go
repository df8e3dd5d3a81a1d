package projections

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/eventstore/lite"
)

var entitlementProjection = projection{
	module: "entitlement",
	wants: []any{
		entitlement.Granted{},
		entitlement.QuotaChanged{},
		entitlement.Suspended{},
		entitlement.Resumed{},
		entitlement.Revoked{},
		entitlement.Given{},
		entitlement.GiftEnds{},
		entitlement.GraceGiven{},
	},
	apply: func(t *table, event any) error {
		become := func(id domain.EntitlementID, status entitlement.Status) error {
			return t.Exec(`update entitlement set status = ? where id = ?`, status, id)
		}
		switch e := event.(type) {
		case entitlement.Granted:
			return t.Exec(`insert into entitlement values (?, ?, ?, ?, ?, ?, ?, null)`,
				e.Entitlement, e.Subscription, e.Party, e.Service, int64(e.Quota), entitlement.StatusActive, e.From)
		case entitlement.QuotaChanged:
			return t.Exec(`update entitlement set quota = ? where id = ?`, int64(e.Quota), e.Entitlement)
		case entitlement.Suspended:
			return become(e.Entitlement, entitlement.StatusSuspended)
		case entitlement.Resumed:
			return become(e.Entitlement, entitlement.StatusActive)
		case entitlement.Revoked:
			return t.Exec(`update entitlement set status = ?, until = ? where id = ?`, entitlement.StatusRevoked, e.On.AddDays(-1), e.Entitlement)
		case entitlement.Given:
			return t.Exec(`insert into gift values (?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Gift, e.Subscription, e.Party, e.Service, int64(e.Quota), e.From, dayOrNull(e.Until), t.position)
		case entitlement.GiftEnds:
			return t.Exec(`update gift set until = ? where id = ?`, e.Until, e.Gift)
		case entitlement.GraceGiven:
			return t.Exec(`insert into grace values (?, ?) on conflict (subscription) do update set until = excluded.until`, e.Subscription, e.Until)
		}
		return nil
	},
}

// Entitlement is what a party may use of a service.
type Entitlement struct {
	ID           domain.EntitlementID
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	Service      domain.Service
	Quota        domain.Bytes
	Status       entitlement.Status
	From         calendar.Date
	Until        calendar.Date // the last day, once it is revoked
	Grace        calendar.Date // through which it is not revoked for want of a reason; no day if there is none
}

// Entitlements returns those of a party, and of those that were found to be it.
func (m *Models) Entitlements(ctx context.Context, party domain.PartyID) ([]Entitlement, error) {
	return rows(ctx, m, `select id, subscription, party, service, quota, status, from_date, entitlement.until, grace.until
		from entitlement left join grace using (subscription) where party in `+selves+` order by id`,
		func(r lite.Row) (e Entitlement, err error) {
			d := days{r: r}
			e = Entitlement{
				domain.EntitlementID(r.Text(0)), domain.SubscriptionID(r.Text(1)), domain.PartyID(r.Text(2)), domain.Service(r.Text(3)),
				domain.Bytes(r.Int(4)), entitlement.Status(r.Text(5)),
				d.at(6), d.at(7), d.at(8),
			}
			return e, d.err
		}, party)
}

// EntitledBy returns the oldest subscription by which a party is entitled to
// something, or none. What has an id of its own, and is none, comes after the others.
func (m *Models) EntitledBy(ctx context.Context, party domain.PartyID) (domain.SubscriptionID, error) {
	id, _, err := one(ctx, m, `select entitlement.subscription from entitlement left join subscription on subscription.id = entitlement.subscription
		where entitlement.party in `+selves+` and status <> 'revoked' order by position is null, position, entitlement.subscription limit 1`,
		func(r lite.Row) (domain.SubscriptionID, error) { return domain.SubscriptionID(r.Text(0)), nil }, party)
	return id, err
}

// EntitlementsDue returns the subscriptions, and what is none and has an id all the
// same, whose entitlements may have to change on a day.
func (m *Models) EntitlementsDue(ctx context.Context, day calendar.Date) ([]domain.SubscriptionID, error) {
	return rows(ctx, m, `select subscription from entitlement where status <> 'revoked'
		union select id from subscription where ends is null or ends >= ?1
		union select subscription from gift where until is null or until >= ?1`,
		func(r lite.Row) (domain.SubscriptionID, error) { return domain.SubscriptionID(r.Text(0)), nil }, day)
}

// WithoutAccount returns how those began who may use a service and have no account there.
func (m *Models) WithoutAccount(ctx context.Context, service domain.Service) ([]entitlement.Granted, error) {
	return rows(ctx, m, `select id, subscription, party, quota, from_date from entitlement
		where service = ? and status = 'active' and not exists (select 1 from account where account.id = entitlement.id) order by id`,
		func(r lite.Row) (entitlement.Granted, error) {
			d := days{r: r}
			e := entitlement.Granted{
				Subject: entitlement.Subject{
					Entitlement: domain.EntitlementID(r.Text(0)), Subscription: domain.SubscriptionID(r.Text(1)), Party: domain.PartyID(r.Text(2)), Service: service,
				},
				Quota: domain.Bytes(r.Int(3)), From: d.at(4),
			}
			return e, d.err
		}, service)
}

// Gift is so much of a service for a time, which nobody is billed for.
type Gift struct {
	ID           entitlement.GiftID
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	Service      domain.Service
	Quota        domain.Bytes
	From         calendar.Date
	Until        calendar.Date // the last day, if there is one
}

const giftColumns = `id, subscription, party, service, quota, from_date, until`

func scanGift(r lite.Row) (Gift, error) {
	d := days{r: r}
	g := Gift{
		entitlement.GiftID(r.Text(0)), domain.SubscriptionID(r.Text(1)), domain.PartyID(r.Text(2)), domain.Service(r.Text(3)), domain.Bytes(r.Int(4)),
		d.at(5), d.at(6),
	}
	return g, d.err
}

// Gift returns one, and whether there is one.
func (m *Models) Gift(ctx context.Context, id entitlement.GiftID) (Gift, bool, error) {
	return one(ctx, m, `select `+giftColumns+` from gift where id = ?`, scanGift, id)
}

// Gifts returns those to a party, in the order in which they were given.
func (m *Models) Gifts(ctx context.Context, party domain.PartyID) ([]Gift, error) {
	return rows(ctx, m, `select `+giftColumns+` from gift where party in `+selves+` order by position`, scanGift, party)
}
