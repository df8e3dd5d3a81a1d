package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/eventstore/postgres"
	"rochdale/eventstore/sqlite"
)

var replayMeasures = []measure{
	{
		name: "replay sqlite", unit: "events", target: 0.8,
		floor: "a SELECT of the same rows, of which every column is looked at and nothing kept",
		begin: replaySQLite,
	},
	{
		name: "replay postgres", unit: "events", target: 0.8,
		floor: "a SELECT of the same rows as one result, of which every column is looked at and nothing kept",
		begin: replayPostgres,
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
	end := func() { b.warn(errors.Join(bare.Close(), d.Close())) }
	return &trial{ours: ours, floors: []runner{selectAll(bare, &want)}, end: end}, nil
}

// selectAll steps through all rows of a log.
func selectAll(c *lite.Conn, want *digest) runner {
	return wholly(func(context.Context) (int, error) {
		var seen digest
		err := c.Query(`select position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data
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
		return seen.events, seen.same(want)
	})
}

// replayPostgres has the same log in PostgreSQL.
func replayPostgres(ctx context.Context, b *bench) (*trial, error) {
	c, err := b.big(ctx)
	if err != nil {
		return nil, err
	}
	from, err := sqlite.Open(ctx, c.log[len("sqlite:"):])
	if err != nil {
		return nil, err
	}
	cluster, err := b.cluster()
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	url := cluster.NewDatabase(b)
	d, err := postgres.Open(ctx, url)
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	b.progress("copy the log into PostgreSQL")
	err = errors.Join(copyLog(ctx, from, d), from.Close())
	if err == nil {
		_, err = cluster.SQL(url[strings.LastIndex(url, "/")+1:strings.IndexByte(url, '?')], `vacuum (analyze) rochdale_log.event`)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	bare, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	var want digest
	ours := wholly(func(ctx context.Context) (int, error) { return replay(ctx, d, &want) })
	floor := wholly(func(ctx context.Context) (int, error) {
		binary := []int16{pgx.BinaryFormatCode}
		rows := bare.PgConn().ExecParams(ctx, `select position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data
			from rochdale_log.event order by position`, nil, nil, nil, binary)
		var seen digest
		number := func(v []byte) (n int64) {
			for _, b := range v {
				n = n<<8 | int64(b)
			}
			return n
		}
		for rows.NextRow() {
			v := rows.Values()
			if v[6] == nil { // as the id
				v[6] = v[3]
			}
			seen.events++
			seen.bytes += int64(len(v[1]) + len(v[3]) + len(v[5]) + len(v[7]) + len(v[8]) + len(v[10]))
			if len(v[6]) == 0 || len(v[6]) == len(v[3]) { // nothing stands for the id
				seen.bytes += 16
			}
			seen.sum += number(v[0]) ^ number(v[2]) ^ (number(v[4]) + epoch) ^ number(v[9])
		}
		if _, err := rows.Close(); err != nil {
			return 0, err
		}
		return seen.events, seen.same(&want)
	})
	end := func() { b.warn(errors.Join(bare.Close(context.WithoutCancel(ctx)), d.Close())) }
	return &trial{ours: ours, floors: []runner{floor}, end: end}, nil
}

// epoch is that of PostgreSQL, in microseconds since 1970.
const epoch = 946_684_800_000_000

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
