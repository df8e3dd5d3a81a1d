package postgres_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/internal/pgtest"
)

// The benchmarks alternate with the floor in the same run, and report the median of
// the ratios within each round: the speed of a disk changes from minute to minute.
// Client and server share the machine.

// round is the length of a run.
const round = time.Second

// BenchmarkAppend compares writers, who wait for one another's commits, with
// connections that each insert the same rows into a table like that of the log, one a
// transaction.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ writers, connections int }{{1, 1}, {32, 32}, {256, 32}} {
		b.Run(strconv.Itoa(c.writers), func(b *testing.B) {
			s := durable(b)
			d := open(b, s.url)
			driver := &counted{Driver: d}
			log := eventstore.NewLog(driver)
			versions := make([]int64, c.writers)
			name := uuid.NewString()
			ours := func() (n int64) {
				return many(b, c.writers, func(ctx context.Context, w int) error {
					stream := domain.StreamOf("voter", name, strconv.Itoa(w))
					if _, err := log.Append(ctx, to(stream, versions[w], one("noted"))); err != nil {
						return err
					}
					versions[w]++
					return nil
				})
			}
			var last atomic.Int64
			connections := make([]*pgconn.PgConn, c.connections)
			for i := range connections {
				connections[i] = s.connect(b).PgConn()
				_, err := connections[i].Prepare(b.Context(), "insert", insertFloor, nil)
				must(b, err)
			}
			floor := func() int64 {
				return many(b, c.connections, func(ctx context.Context, w int) error {
					r := one("noted")
					n := last.Add(1)
					row := floorRow(&r, n, domain.StreamOf("voter", name, strconv.Itoa(int(n))), 1)
					return connections[w].ExecPrepared(ctx, "insert", row, []int16{1}, nil).Read().Err
				})
			}
			compare(b, "appends", ours, floor)
			total := int64(0)
			for _, v := range versions {
				total += v
			}
			b.ReportMetric(float64(total)/float64(driver.writes.Load()), "appends/commit")
			if head, err := d.Head(b.Context()); head != total || err != nil {
				b.Errorf("%d were appended, and %d are there, %v", total, head, err)
			}
			b.ReportMetric(bytesPerEvent(b, s.connect(b)), "B/event")
		})
	}
}

// BenchmarkBulk compares appends of 500 events with COPY of as many rows.
func BenchmarkBulk(b *testing.B) {
	const events = 500
	s := durable(b)
	log := eventstore.NewLog(open(b, s.url))
	version := int64(0)
	ours := func() int64 {
		return events * many(b, 1, func(ctx context.Context, _ int) error {
			records := make([]eventstore.Record, events)
			for i := range records {
				records[i] = one("noted")
			}
			_, err := log.Append(ctx, to("bulk", version, records...))
			version += events
			return err
		})
	}
	conn := s.connect(b).PgConn()
	rows := int64(0)
	floor := func() int64 {
		return events * many(b, 1, func(ctx context.Context, _ int) error {
			data := append([]byte("PGCOPY\n\xff\r\n\x00"), make([]byte, 8)...)
			for range events {
				rows++
				r := one("noted")
				row := floorRow(&r, rows, "bulk", rows)
				data = binary.BigEndian.AppendUint16(data, uint16(len(row)))
				for _, column := range row {
					data = binary.BigEndian.AppendUint32(data, uint32(len(column)))
					data = append(data, column...)
				}
			}
			_, err := conn.CopyFrom(ctx, bytes.NewReader(append(data, 0xff, 0xff)), `copy floor (`+floorColumns+`) from stdin binary`)
			return err
		})
	}
	compare(b, "events", ours, floor)
}

// BenchmarkReplay compares reading the log with a SELECT of the same rows, of which
// every column is looked at and nothing kept.
func BenchmarkReplay(b *testing.B) {
	const events = 200_000
	s := durable(b)
	d := open(b, s.url)
	for n := 0; n < events; n += 1000 {
		stream := domain.StreamOf("filled", strconv.Itoa(n))
		records := make([]eventstore.Record, 1000)
		for i := range records {
			records[i] = one("noted")
		}
		_, err := d.Write(b.Context(), []eventstore.Unit{{to(stream, 0, records...)}})
		must(b, err)
	}
	conn := s.connect(b).PgConn()
	floor := func() (n int64) {
		rows := conn.ExecParams(b.Context(), `select position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data
			from rochdale_log.event order by position`, nil, nil, nil, []int16{1})
		for rows.NextRow() {
			for _, column := range rows.Values() {
				sink += int64(len(column))
			}
			n++
		}
		_, err := rows.Close()
		must(b, err)
		return n
	}
	ours := func() (n int64) {
		for r, err := range d.All(b.Context(), 0) {
			if err != nil {
				b.Fatal(err)
			}
			sink += int64(len(r.Data))
			n++
		}
		return n
	}
	b.ReportAllocs()
	compare(b, "events", ours, floor)
}

var sink int64

// A server is one that waits for the disk.
type durableServer struct{ url string }

func durable(b *testing.B) durableServer {
	c := pgtest.Start(b, "fsync=on", "shared_buffers=256MB", "min_wal_size=1GB", "max_wal_size=4GB", "checkpoint_timeout=1h")
	s := durableServer{c.NewDatabase(b)}
	_, err := s.connect(b).Exec(b.Context(), `create table floor (
		position bigint primary key, version bigint not null, recorded_at timestamptz not null, edition smallint not null, id uuid not null,
		correlation uuid not null, causation uuid, stream text collate "C" not null, type text collate "C" not null, actor text collate "C" not null,
		data json not null, unique (stream, version))`)
	must(b, err)
	return s
}

func (s durableServer) connect(b *testing.B) *pgx.Conn {
	conn, err := pgx.Connect(b.Context(), s.url)
	must(b, err)
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	return conn
}

const (
	floorColumns = `position, version, recorded_at, edition, id, correlation, stream, type, actor, data`
	insertFloor  = `insert into floor (` + floorColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

func floorRow(r *eventstore.Record, position int64, stream domain.Stream, version int64) [][]byte {
	return [][]byte{
		binary.BigEndian.AppendUint64(nil, uint64(position)), binary.BigEndian.AppendUint64(nil, uint64(version)),
		binary.BigEndian.AppendUint64(nil, uint64(r.RecordedAt.UnixMicro()-946_684_800_000_000)),
		{0, 1},
		r.ID[:], r.Correlation[:], []byte(stream), []byte(r.Type), []byte(r.Actor), r.Data,
	}
}

func bytesPerEvent(b *testing.B, conn *pgx.Conn) (n float64) {
	must(b, conn.QueryRow(b.Context(), `select pg_total_relation_size('rochdale_log.event')::float8 / count(*) from rochdale_log.event`).Scan(&n))
	return n
}

// many does something again and again from many sides, and returns how often.
func many(b *testing.B, sides int, do func(ctx context.Context, side int) error) int64 {
	var done atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for side := range sides {
		wg.Go(func() {
			for time.Since(began) < round {
				if err := do(b.Context(), side); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return done.Load()
}

// counted counts transactions.
type counted struct {
	*postgres.Driver
	writes atomic.Int64
}

func (c *counted) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	c.writes.Add(1)
	return c.Driver.Write(ctx, units)
}

// compare runs rounds of ours and of the floor, which return how much they did.
func compare(b *testing.B, unit string, ours, floor func() int64) {
	timed := func(f func() int64) float64 {
		began := time.Now()
		return float64(f()) / time.Since(began).Seconds()
	}
	timed(floor)
	timed(ours)
	var ratios, rates, floors []float64
	for b.Loop() {
		var o, f float64
		if len(ratios)%2 == 0 {
			o, f = timed(ours), timed(floor)
		} else {
			f, o = timed(floor), timed(ours)
		}
		ratios, rates, floors = append(ratios, o/f), append(rates, o), append(floors, f)
	}
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(rates), unit+"/s")
	b.ReportMetric(median(floors), "floor/s")
}

func median[T cmp.Ordered](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}
