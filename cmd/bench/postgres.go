package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rochdale/eventstore/postgres"
	"rochdale/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

const pgbenchFloor = "pgbench, which inserts the same rows into a table with the same indexes, one in a transaction, by prepared statements, with "

var postgresMeasures = []measure{
	{
		name: "postgres append 1", unit: "appends", target: 0.7, floor: pgbenchFloor + "1 client",
		begin: func(_ context.Context, b *bench) (*trial, error) { return postgresAppends(b, 1, 1, nil) },
	},
	{
		name: "postgres append 32", unit: "appends", target: 1.7, floor: pgbenchFloor + "32 clients",
		begin: func(_ context.Context, b *bench) (*trial, error) { return postgresAppends(b, 32, 32, grouped) },
	},
	{
		name: "postgres append 256", unit: "appends", target: 2.5, floor: pgbenchFloor + "32 clients",
		begin: func(_ context.Context, b *bench) (*trial, error) { return postgresAppends(b, 256, 32, nil) },
	},
	{
		name: "postgres bulk 500", unit: "events", target: 0.6, floor: "COPY of 500 of the same rows in a transaction, into a table with the same indexes",
		begin: postgresBulk,
	},
}

// cluster returns a PostgreSQL server of our own, on which commits are durable.
func (b *bench) cluster() (*pgtest.Cluster, error) {
	return once(b, "cluster", func() (*pgtest.Cluster, error) {
		b.progress("start a PostgreSQL server")
		return pgtest.Start(b, "fsync=on", "shared_buffers=512MB", "min_wal_size=2GB", "max_wal_size=8GB"), nil
	})
}

// fresh makes an empty database, after a checkpoint that is then not due meanwhile.
func fresh(b *bench, c *pgtest.Cluster) (name string, err error) {
	url := c.NewDatabase(b)
	_, err = c.SQL("postgres", `checkpoint`)
	return url[strings.LastIndex(url, "/")+1 : strings.IndexByte(url, '?')], err
}

const floorTable = `create table floor (
	position bigint primary key generated always as identity, version bigint not null, recorded_at timestamptz not null, edition smallint not null,
	id uuid not null, correlation uuid not null, causation uuid, stream text collate "C" not null, type text collate "C" not null,
	actor text collate "C" not null, data json not null, unique (stream, version))`

// transactions returns the id that the next transaction that writes will get.
func transactions(c *pgtest.Cluster, database string) (int64, error) {
	said, err := c.SQL(database, `select pg_snapshot_xmax(pg_current_snapshot())`)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(said, 10, 64)
}

// A tally is what appends came to in the database, over all rounds.
type tally struct{ transactions, appends, bytes, events int64 }

// grouped holds the appends of many writers to few commits.
func grouped(o *outcome, t tally) {
	var worse []float64
	for i := range o.ours {
		worse = append(worse, float64(quantile(o.ours[i:i+1], .99))/float64(quantile(o.floors[i:i+1], .99)))
	}
	o.figure("p99 as a part of the floor's", median(worse), "", 1)
	o.figure("commits per append", float64(t.transactions)/float64(t.appends), "", 1.0/15)
	o.figure("bytes per event", float64(t.bytes)/float64(t.events), "", 700)
}

// postgresAppends begins each run with an empty database.
func postgresAppends(b *bench, writers, clients int, more func(*outcome, tally)) (*trial, error) {
	c, err := b.cluster()
	if err != nil {
		return nil, err
	}
	var t tally
	ours := func(ctx context.Context, length time.Duration) (s sample, err error) {
		database, err := fresh(b, c)
		if err != nil {
			return s, err
		}
		d, err := postgres.Open(ctx, c.URL(database))
		if err != nil {
			return s, err
		}
		a := newAppending(d, writers, 1)
		before, err := transactions(c, database)
		if err == nil {
			s, err = a.run(ctx, 1, length)
		}
		if err != nil {
			return s, errors.Join(err, d.Close())
		}
		after, err := transactions(c, database)
		err = errors.Join(err, a.check(ctx), a.log.Close())
		if err != nil {
			return s, err
		}
		size, err := c.SQL(database, `select pg_total_relation_size('rochdale_log.event')`)
		if err != nil {
			return s, err
		}
		bytes, err := strconv.ParseInt(size, 10, 64)
		t = tally{t.transactions + after - before, t.appends + int64(s.ops), t.bytes + bytes, t.events + int64(s.ops)}
		return s, errors.Join(err, drop(c, database))
	}
	floor := func(ctx context.Context, length time.Duration) (sample, error) {
		return pgbench(ctx, b, c, clients, length)
	}
	return &trial{ours: ours, floors: []runner{floor}, finish: func(_ context.Context, o *outcome) error {
		o.latencies()
		if more != nil {
			more(o, t)
		}
		return nil
	}}, nil
}

func drop(c *pgtest.Cluster, database string) error {
	_, err := c.SQL("postgres", `drop database `+database+` with (force)`)
	return err
}

// pgbench has clients insert the same rows, and reads how long each took.
func pgbench(ctx context.Context, b *bench, c *pgtest.Cluster, clients int, length time.Duration) (s sample, err error) {
	database, err := fresh(b, c)
	if err != nil {
		return s, err
	}
	if _, err := c.SQL(database, floorTable); err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp("", "rochdale-bench-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the temporary folder
	r := one()
	script := filepath.Join(dir, "insert.sql")
	err = os.WriteFile(script, fmt.Appendf(nil, `\set version :version + 1
insert into floor (version, recorded_at, edition, id, correlation, causation, stream, type, actor, data)
	values (:version, now(), 1, '%s', '%s', null, 'voter/0197f3e1-1d2c-7000-8000-0000000000b1/0197f3e1-1d2c-7000-8000-' || (100000000000 + :client_id), '%s', '%s', '%s');
`, r.ID, r.Correlation, r.Type, r.Actor, r.Data), 0o600)
	if err != nil {
		return s, err
	}
	seconds := max(1, int(length.Round(time.Second).Seconds()))
	cmd := exec.CommandContext(ctx, c.Program("pgbench"), "-n", "-M", "prepared", "-c", fmt.Sprint(clients), "-j", fmt.Sprint(min(clients, 2)), //nolint:gosec // G204: a program found by us
		"-T", fmt.Sprint(seconds), "-D", "version=0", "-f", script, "-l", "--log-prefix", filepath.Join(dir, "times"), c.URL(database))
	said, err := cmd.CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("pgbench: %w: %s", err, said)
	}
	var perSecond float64
	for line := range strings.Lines(string(said)) {
		if _, err := fmt.Sscanf(line, "tps = %g (without", &perSecond); err == nil {
			break
		}
	}
	if s.times, err = pgbenchTimes(dir); err != nil || perSecond == 0 || len(s.times) == 0 {
		return s, fmt.Errorf("pgbench: %w: %s", err, said)
	}
	s.ops = len(s.times)
	s.took = time.Duration(float64(s.ops) / perSecond * float64(time.Second)) // without the time it took to connect
	rows, err := c.SQL(database, `select count(*) from floor`)
	if err == nil && rows != fmt.Sprint(s.ops) {
		err = wrongf("pgbench inserted %d rows, and there are %s", s.ops, rows)
	}
	return s, errors.Join(err, drop(c, database))
}

// pgbenchTimes reads the files in which each thread tells of each transaction:
// client, number, microseconds, script, when.
func pgbenchTimes(dir string) (times []time.Duration, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "times.*"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			if fields := strings.Fields(lines.Text()); len(fields) > 2 {
				micros, err := strconv.ParseInt(fields[2], 10, 64)
				if err != nil {
					return nil, errors.Join(err, file.Close())
				}
				times = append(times, time.Duration(micros)*time.Microsecond)
			}
		}
		if err := errors.Join(lines.Err(), file.Close()); err != nil {
			return nil, err
		}
	}
	return times, nil
}

const bulk = 500

// postgresBulk has one writer append so many events at once.
func postgresBulk(_ context.Context, b *bench) (*trial, error) {
	c, err := b.cluster()
	if err != nil {
		return nil, err
	}
	ours := func(ctx context.Context, length time.Duration) (s sample, err error) {
		database, err := fresh(b, c)
		if err != nil {
			return s, err
		}
		d, err := postgres.Open(ctx, c.URL(database))
		if err != nil {
			return s, err
		}
		a := newAppending(d, 1, 1)
		if s, err = a.run(ctx, bulk, length); err == nil {
			err = a.check(ctx)
		}
		return s, errors.Join(err, a.log.Close(), drop(c, database))
	}
	floor := func(ctx context.Context, length time.Duration) (s sample, err error) {
		database, err := fresh(b, c)
		if err != nil {
			return s, err
		}
		if _, err := c.SQL(database, floorTable); err != nil {
			return s, err
		}
		conn, err := pgx.Connect(ctx, c.URL(database))
		if err != nil {
			return s, err
		}
		began := time.Now()
		for at := began; at.Sub(began) < length; at = time.Now() {
			rows := make([][]any, bulk)
			for i := range rows {
				r := one()
				rows[i] = []any{int64(s.ops + i + 1), r.RecordedAt, int16(1), [16]byte(r.ID), [16]byte(r.Correlation), nil, "voter/0197f3e1-1d2c-7000-8000-0000000000b1/0197f3e1-1d2c-7000-8000-100000000000", r.Type, r.Actor, r.Data}
			}
			n, err := conn.CopyFrom(ctx, pgx.Identifier{"floor"},
				[]string{"version", "recorded_at", "edition", "id", "correlation", "causation", "stream", "type", "actor", "data"}, pgx.CopyFromRows(rows))
			if err != nil {
				return s, errors.Join(err, conn.Close(ctx))
			}
			s.ops += int(n)
			s.times = append(s.times, time.Since(at))
		}
		s.took = time.Since(began)
		return s, errors.Join(conn.Close(ctx), drop(c, database))
	}
	return &trial{ours: ours, floors: []runner{floor}, finish: func(_ context.Context, o *outcome) error {
		o.latencies()
		return nil
	}}, nil
}
