package processes

import (
	"context"

	"rochdale/domain/membership"
	"rochdale/eventstore"
)

// Erasure destroys the keys of personal data that is to be erased. Until it has,
// the event itself makes every node treat them as destroyed.
func Erasure(s *eventstore.Store) Process {
	return Process{
		Name:  "erasure",
		Wants: []any{membership.PersonalDataErased{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			e, ok := event.(membership.PersonalDataErased)
			if !ok {
				return nil
			}
			return s.Keys.Destroy(ctx, e.Party, e.Class, e.Through)
		},
	}
}
