package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"rochdale/eventstore/lite"
	"rochdale/eventstore/sqlite"
)

var sqliteMeasures = []measure{
	{
		name: "sqlite append 32", unit: "appends", target: 6,
		floor: "one writer who inserts the same rows, each in a transaction of its own (WAL, synchronous FULL)",
		begin: func(_ context.Context, b *bench) (*trial, error) { return sqliteAppends(b, 32) },
	},
}

// sqliteAppends begins each run with an empty file.
func sqliteAppends(b *bench, writers int) (*trial, error) {
	dir, err := b.dir()
	if err != nil {
		return nil, err
	}
	var writes, appends, bytes, events int64
	ours := func(ctx context.Context, length time.Duration) (s sample, err error) {
		path := filepath.Join(dir, "log.db")
		d, err := sqlite.Open(ctx, path)
		if err != nil {
			return s, err
		}
		a := newAppending(d, writers, 1)
		if s, err = a.run(ctx, 1, length); err == nil {
			err = a.check(ctx)
		}
		if err = errors.Join(err, a.log.Close()); err != nil { // which brings the write-ahead log into the file
			return s, err
		}
		writes, appends = writes+a.driver.writes.Load(), appends+int64(s.ops)
		info, err := os.Stat(path)
		if err != nil {
			return s, err
		}
		bytes, events = bytes+info.Size(), events+int64(s.ops)
		return s, removeAll(path)
	}
	floor := func(ctx context.Context, length time.Duration) (s sample, err error) {
		path := filepath.Join(dir, "floor.db")
		d, err := sqlite.Open(ctx, path) // for its tables
		if err != nil {
			return s, err
		}
		if err := d.Close(); err != nil {
			return s, err
		}
		c, err := lite.Open(path, lite.Log)
		if err != nil {
			return s, err
		}
		began := time.Now()
		for at := began; at.Sub(began) < length; {
			r := one()
			s.ops++
			err := c.Exec(`insert into event (position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				s.ops, "voter/0197f3e1-1d2c-7000-8000-0000000000b1/0197f3e1-1d2c-7000-8000-100000000000", s.ops, r.ID[:], r.RecordedAt.UnixMicro(), r.Actor, r.Correlation[:], nil, r.Type, r.Edition, string(r.Data))
			if err != nil {
				return s, errors.Join(err, c.Close())
			}
			now := time.Now()
			s.times = append(s.times, now.Sub(at))
			at = now
		}
		s.took = time.Since(began)
		return s, errors.Join(c.Close(), removeAll(path))
	}
	return &trial{ours: ours, floors: []runner{floor}, finish: func(_ context.Context, o *outcome) error {
		o.latencies()
		o.figure("commits per append", float64(writes)/float64(appends), "", 1.0/15)
		o.figure("bytes per event", float64(bytes)/float64(events), "", 700)
		return nil
	}}, nil
}

// removeAll removes a database with what belongs to it.
func removeAll(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
