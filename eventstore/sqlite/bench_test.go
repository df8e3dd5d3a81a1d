package sqlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/eventstore/sqlite"
)

// The benchmarks alternate with the floor in the same run, and report the median of
// the ratios within each round: the speed of a disk changes from minute to minute.

// payload is the data of a typical event.
var payload = fmt.Appendf(nil, `{"poll":"general-2026/accounts","choice":"for","cast":"2026-05-02","note":"%0150d"}`, 7)

// BenchmarkAppend compares 32 writers, who wait for one another's commits, with one
// who inserts the same row as fast as the disk confirms it.
func BenchmarkAppend(b *testing.B) {
	const writers, round = 32, 400 * time.Millisecond
	dir := b.TempDir()
	log := eventstore.NewLog(open(b, filepath.Join(dir, "log.db")))
	defer log.Close()
	floorPath := filepath.Join(dir, "floor.db")
	if err := open(b, floorPath).Close(); err != nil { // for its schema
		b.Fatal(err)
	}
	floor, err := lite.Open(floorPath, lite.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer floor.Close()

	rows := int64(0)
	single := func() int64 {
		before := rows
		for began := time.Now(); time.Since(began) < round; {
			rows++
			r := one("s", "noted")
			err := floor.Exec(`insert into event (position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				rows, string(r.Stream), rows, r.ID[:], r.RecordedAt.UnixMicro(), r.Actor, r.Correlation[:], nil, r.Type, r.Edition, string(r.Data))
			if err != nil {
				b.Fatal(err)
			}
		}
		return rows - before
	}
	var versions [writers]int64
	many := func() int64 {
		var done atomic.Int64
		var wg sync.WaitGroup
		began := time.Now()
		for w := range writers {
			stream := domain.StreamOf("member", fmt.Sprint(w))
			wg.Go(func() {
				for time.Since(began) < round {
					if _, err := log.Append(b.Context(), to(stream, versions[w], one(stream, "noted"))); err != nil {
						b.Error(err)
						return
					}
					versions[w]++
					done.Add(1)
				}
			})
		}
		wg.Wait()
		return done.Load()
	}
	compare(b, "appends", many, single)
}

// BenchmarkReplay compares reading the log with stepping through the same rows, of
// which every column is looked at and nothing kept.
func BenchmarkReplay(b *testing.B) {
	const events = 200_000
	path := filepath.Join(b.TempDir(), "log.db")
	d := open(b, path)
	defer d.Close()
	fill(b, d, events)
	bare, err := lite.Open(path, lite.ReadOnly)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	stream := func() (n int64) {
		err := bare.Query(`select position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data
			from event where position > ? order by position`, func(r lite.Row) error {
			sink += r.Int(0) + int64(len(r.Raw(1))) + r.Int(2) + int64(len(r.Raw(3))) + r.Int(4) + int64(len(r.Raw(5))) +
				int64(len(r.Raw(6))) + int64(len(r.Raw(7))) + int64(len(r.Raw(8))) + r.Int(9) + int64(len(r.Raw(10)))
			n++
			return nil
		}, 0)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	replay := func() (n int64) {
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
	compare(b, "events", replay, stream)
}

var sink int64

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

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func fill(tb testing.TB, d *sqlite.Driver, events int) {
	tb.Helper()
	const each = 10_000
	for n := 0; n < events; n += each {
		stream := domain.StreamOf("filled", fmt.Sprint(n))
		records := make([]eventstore.Record, min(each, events-n))
		for i := range records {
			records[i] = one(stream, "noted")
			records[i].Version = int64(i) + 1
		}
		if _, err := d.Write(tb.Context(), []eventstore.Unit{{to(stream, 0, records...)}}); err != nil {
			tb.Fatal(err)
		}
	}
}

func open(tb testing.TB, path string) *sqlite.Driver {
	tb.Helper()
	d, err := sqlite.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

func one(stream domain.Stream, name string) eventstore.Record {
	id := uuid.Must(uuid.NewV7())
	return eventstore.Record{
		Stream: stream, ID: id, RecordedAt: time.Now().UTC().Truncate(time.Microsecond), Actor: "person/anna", Correlation: id,
		Encoded: domain.Encoded{Type: name, Edition: 1, Data: payload},
	}
}

func to(stream domain.Stream, version int64, records ...eventstore.Record) eventstore.StreamAppend {
	return eventstore.StreamAppend{Stream: stream, Version: version, Records: records}
}
