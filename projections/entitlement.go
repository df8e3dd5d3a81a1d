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
		entitlement.Granted{}, entitlement.QuotaChanged{}, entitlement.Suspended{}, entitlement.Resumed{}, entitlement.Revoked{},
	},
	apply: func(t *table, event any) error {
		become := func(id domain.EntitlementID, status entitlement.Status) error {
			return t.Exec(`update entitlement set status = ? where id = ?`, status, id)
		}
		switch e := event.(type) {
		case entitlement.Granted:
			return t.Exec(`insert into entitlement values (?, ?, ?, ?, ?, ?, ?)`,
				e.Entitlement, e.Subscription, e.Party, e.Service, int64(e.Quota), entitlement.StatusActive, e.From)
		case entitlement.QuotaChanged:
			return t.Exec(`update entitlement set quota = ? where id = ?`, int64(e.Quota), e.Entitlement)
		case entitlement.Suspended:
			return become(e.Entitlement, entitlement.StatusSuspended)
		case entitlement.Resumed:
			return become(e.Entitlement, entitlement.StatusActive)
		case entitlement.Revoked:
			return become(e.Entitlement, entitlement.StatusRevoked)
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
}

// Entitlements returns those of a party, and of those that were found to be it.
func (m *Models) Entitlements(ctx context.Context, party domain.PartyID) ([]Entitlement, error) {
	return rows(ctx, m, `select id, subscription, party, service, quota, status, from_date from entitlement where party in `+selves+` order by id`,
		func(r lite.Row) (e Entitlement, err error) {
			e = Entitlement{
				domain.EntitlementID(r.Text(0)), domain.SubscriptionID(r.Text(1)), domain.PartyID(r.Text(2)), domain.Service(r.Text(3)),
				domain.Bytes(r.Int(4)), entitlement.Status(r.Text(5)),
				calendar.Date{},
			}
			return e, r.Into(6, &e.From)
		}, party)
}
