package graphql

import (
	"context"

	"rochdale/graphql/internal/exec"
	"rochdale/processes/access"
	"rochdale/processes/feed"
)

type subscription struct{ *resolver }

func (r *resolver) Subscription() exec.SubscriptionResolver { return subscription{r} }

// Events feeds the log to whoever asks, from a position on.
func (s subscription) Events(ctx context.Context, after int64, types []string) (<-chan feed.Event, error) {
	v, _ := access.Of(ctx)
	wanted, err := feed.TypesOf(s.Store.Registry, types...)
	if err != nil {
		return nil, err
	}
	if err := feed.Within(ctx, s.Store.Log, after); err != nil {
		return nil, err
	}
	out := make(chan feed.Event)
	go func() {
		defer close(out)
		for rec, err := range s.Store.Log.Follow(ctx, after) {
			if err != nil {
				s.Log.ErrorContext(ctx, "event feed", "err", err) // and goes on where it was
				continue
			}
			if !wanted.Want(rec.Type) {
				continue
			}
			event, err := feed.Of(ctx, s.Store, rec, v.SeesPersonal())
			if err != nil { // nobody must miss an event: the feed ends here, and comes no further when asked again
				s.Log.ErrorContext(ctx, "event feed", "position", rec.Position, "err", err)
				return
			}
			select {
			case out <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}
