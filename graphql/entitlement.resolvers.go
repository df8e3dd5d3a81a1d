package graphql

import (
	"context"

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
