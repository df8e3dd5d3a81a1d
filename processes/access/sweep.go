package access

import (
	"context"
	"encoding/json"
	"time"

	"rochdale/eventstore"
)

const (
	// sweepEvery is how often what has expired is deleted, and lookEvery how often a node
	// looks whether another has done so.
	sweepEvery = time.Hour
	lookEvery  = 5 * time.Minute
	// mostSwept bounds what one turn deletes, so many in one transaction: the rest is left
	// for the next look.
	mostSwept   = 10_000
	sweptAtOnce = 200

	sweepKey = "sweep/access"
)

// expiring is what expires, and for how much longer it is kept: a code that comes again
// ends what it has led to.
var expiring = []struct {
	space string
	after time.Duration
}{
	{sessionSpace, 0}, {linkSpace, 0}, {contactSpace, 0}, {requestSpace, 0}, {codeSpace, 24 * time.Hour}, {grantSpace, 0},
}

// Keep sweeps every hour until ctx ends. Of several nodes one does, whichever comes first.
func (a *Access) Keep(ctx context.Context, failed func(error)) {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		if _, err := a.SweepDue(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// SweepDue sweeps if nobody has within the hour, or if they did not come to the end. It
// returns how much was deleted.
func (a *Access) SweepDue(ctx context.Context) (deleted int, err error) {
	var due struct {
		Next time.Time `json:"next"`
	}
	entries, err := a.KV.Get(ctx, sweepKey)
	if err != nil {
		return 0, err
	}
	e := entries[0]
	if e.Revision > 0 && json.Unmarshal(e.Value, &due) == nil && a.Now().Before(due.Next) && due.Next.Sub(a.Now()) <= sweepEvery {
		return 0, nil
	}
	revision := e.Revision
	claim := func(next time.Time) error {
		due.Next = next.UTC()
		value, err := json.Marshal(due)
		if err != nil {
			return err
		}
		change := eventstore.Change{Key: sweepKey, Value: value, Revision: revision}
		revision = change.Next()
		return a.KV.Put(ctx, change)
	}
	if err := claim(a.Now().Add(sweepEvery)); err != nil {
		if eventstore.IsStale(err) { // another node is at it
			err = nil
		}
		return 0, err
	}
	deleted, err = a.Sweep(ctx, mostSwept)
	if err == nil && deleted < mostSwept {
		return deleted, nil
	}
	again := claim(a.Now())
	if eventstore.IsStale(again) {
		again = nil
	}
	if err == nil {
		err = again
	}
	return deleted, err
}

// Sweep deletes what has expired of sessions, links and all that leads into services,
// up to so much.
func (a *Access) Sweep(ctx context.Context, most int) (deleted int, err error) {
	var batch []eventstore.Change
	flush := func() error {
		some := batch
		batch = nil
		if len(some) == 0 {
			return nil
		}
		err := a.KV.Put(ctx, some...)
		if err == nil {
			deleted += len(some)
			return nil
		}
		if !eventstore.IsStale(err) {
			return err
		}
		for _, c := range some { // one was renewed, or is gone: the others are not
			if err := a.KV.Put(ctx, c); err == nil {
				deleted++
			} else if !eventstore.IsStale(err) {
				return err
			}
		}
		return nil
	}
	for _, of := range expiring {
		for e, err := range eventstore.Entries(ctx, a.KV, of.space) {
			if err != nil {
				return deleted, err
			}
			var it struct{ Expires time.Time }
			if json.Unmarshal(e.Value, &it) == nil && a.Now().Before(it.Expires.Add(of.after)) {
				continue
			}
			batch = append(batch, eventstore.Change{Key: e.Key, Revision: e.Revision})
			full := deleted+len(batch) >= most
			if full || len(batch) == sweptAtOnce {
				if err := flush(); err != nil || full && deleted >= most {
					return deleted, err
				}
			}
		}
	}
	err = flush()
	return deleted, err
}
