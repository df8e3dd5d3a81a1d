package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/eventstore/sqlite"
)

var replayMeasures = []measure{
	{
		name: "replay sqlite", unit: "events", target: 0.8,
		floor: "a SELECT of the same rows, of which every column is looked at and nothing kept",
		begin: replaySQLite,
	},
}

// digest is what a replay has seen, so that two of them can be compared.
type digest struct {
	events int
	bytes  int64 // of what has no fixed length
	sum    int64 // of the numbers
}

func replaySQLite(ctx context.Context, b *bench) (*trial, error) {
	c, err := b.big(ctx)
	if err != nil {
		return nil, err
	}
	path := c.log[len("sqlite:"):]
	d, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	bare, err := lite.Open(path, lite.ReadOnly)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	var want digest
	ours := wholly(func(ctx context.Context) (int, error) { return replay(ctx, d, &want) })
	floor := wholly(func(context.Context) (int, error) {
		var seen digest
		err := bare.Query(`select position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data
			from event where position > ? order by position`, func(r lite.Row) error {
			seen.events++
			seen.bytes += int64(len(r.Raw(1)) + len(r.Raw(3)) + len(r.Raw(5)) + len(r.Raw(6)) + len(r.Raw(8)) + len(r.Raw(10)))
			if len(r.Raw(7)) > 0 {
				seen.bytes += 16
			}
			seen.sum += r.Int(0) ^ r.Int(2) ^ r.Int(4) ^ r.Int(9)
			return nil
		}, 0)
		if err != nil {
			return 0, err
		}
		return seen.events, seen.same(&want)
	})
	end := func() { b.warn(errors.Join(bare.Close(), d.Close())) }
	return &trial{ours: ours, floors: []runner{floor}, end: end}, nil
}

// replay reads a whole log.
func replay(ctx context.Context, d eventstore.Driver, want *digest) (int, error) {
	var seen digest
	for r, err := range d.All(ctx, 0) {
		if err != nil {
			return 0, err
		}
		seen.events++
		seen.bytes += int64(len(r.Stream) + len(r.ID) + len(r.Actor) + len(r.Correlation) + len(r.Type) + len(r.Data))
		if r.Causation != uuid.Nil {
			seen.bytes += 16
		}
		seen.sum += r.Position ^ r.Version ^ r.RecordedAt.UnixMicro() ^ int64(r.Edition)
		if r.Position != int64(seen.events) {
			return 0, wrongf("at position %d of the log there is position %d", seen.events, r.Position)
		}
	}
	return seen.events, seen.same(want)
}

// same takes what was seen first for what there is to be seen.
func (d digest) same(want *digest) error {
	if want.events == 0 {
		*want = d
	}
	if d != *want {
		return wrongf("%d events of %d bytes were read, and before %d of %d, or others", d.events, d.bytes, want.events, want.bytes)
	}
	return nil
}

// wholly does a piece of work until the time is over, and finishes what it began.
func wholly(work func(context.Context) (ops int, err error)) runner {
	return func(ctx context.Context, length time.Duration) (s sample, err error) {
		for began := time.Now(); s.took < length; s.took = time.Since(began) {
			n, err := work(ctx)
			if err != nil {
				return s, err
			}
			s.ops += n
		}
		return s, nil
	}
}
