package processes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rochdale/eventstore"
)

const skippedSpace = "skipped/"

// A SkippedLetter is a dead letter that somebody has given up on.
type SkippedLetter struct {
	DeadLetter
	Skipped time.Time `json:"skipped"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
}

// Skip gives up on a dead letter, for a reason: it is listed as skipped from then on,
// and not answered any more. Said again of one that was skipped, it changes nothing.
func (r *Runner) Skip(ctx context.Context, process string, position int64, reason string) error {
	key, skipped := deadKey(process, position), fmt.Sprintf("%s%s/%019d", skippedSpace, process, position)
	if strings.TrimSpace(reason) == "" {
		return ErrWhy
	}
	for {
		entries, err := r.Store.Log.KV().Get(ctx, key, skipped)
		if err != nil {
			return err
		}
		if entries[0].Revision == 0 {
			if entries[1].Revision > 0 {
				return nil
			}
			return ErrNoSuchLetter.With("process", process).With("position", position)
		}
		s := SkippedLetter{Skipped: r.Store.Now().UTC(), By: eventstore.Actor(ctx), Reason: reason}
		if err := decode(entries[0], &s.DeadLetter); err != nil {
			return err
		}
		value, err := json.Marshal(s)
		if err != nil {
			return err
		}
		err = r.Store.Log.KV().Put(ctx, eventstore.Change{Key: key, Revision: entries[0].Revision}, eventstore.Change{Key: skipped, Value: value, Revision: entries[1].Revision})
		if !eventstore.IsStale(err) {
			return err
		}
	}
}

// Skipped returns the dead letters of a process, or of all where it is "", that were
// given up on, oldest first.
func (r *Runner) Skipped(ctx context.Context, process string) (letters []SkippedLetter, err error) {
	letters, err = lettersOf[SkippedLetter](ctx, r.Store.Log.KV(), skippedSpace, process)
	slices.SortStableFunc(letters, func(a, b SkippedLetter) int { return cmp.Compare(a.Position, b.Position) })
	return letters, err
}
