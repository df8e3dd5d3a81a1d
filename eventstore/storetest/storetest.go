// Package storetest holds every backend to the promises of [eventstore.Driver].
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
)

// Run runs the suite. Open opens the log of a test, which is empty at first:
// whenever it is called with the same t, it opens the same log, as another node
// would. The suite closes what it has opened.
func Run(t *testing.T, open func(*testing.T) eventstore.Driver) {
	for _, test := range []struct {
		promise string
		run     func(*testing.T, func() eventstore.Driver)
	}{
		{"two nodes share one log", testShared},
		{"one order over all streams", testOrder},
		{"records are read as they were written", testRoundTrip},
		{"a stream is read after a version", testStreamAfter},
		{"several streams are read at once", testStreams},
		{"of several streams all is read, however much", testStreamsWhole},
		{"conflicts name the stream, write nothing", testConflict},
		{"a conflict leaves its neighbours alone", testNeighbours},
		{"a check holds its stream, and leaves it", testCheck},
		{"of many writers one wins", testOneWins},
		{"positions have no gaps, whoever writes", testGapless},
		{"a reader never sees a gap", testReader},
		{"nothing enters a stream that was closed", testClose},
		{"many units are written at once", testManyUnits},
		{"a unit may have a thousand records", testThousand},
		{"what is cancelled is not there", testCancel},
		{"a reader who is cancelled is told", testCancelRead},
		{"a reader may leave early, and write", testLeaveEarly},
		{"readers may be nested", testNested},
		{"too large an event is refused", testTooLarge},
		{"what cannot be kept as it is, is refused", testInvalid},
		{"readers wake when something is committed", testFollow},
		{"entries are got and put", testEntries},
		{"entries are compared and swapped", testStale},
		{"no revision of an entry comes again", testLives},
		{"entries are changed all or none", testAllOrNone},
		{"entries are listed by prefix, in the order of bytes", testRange},
		{"of many who count none is lost", testCounter},
	} {
		t.Run(test.promise, func(t *testing.T) {
			t.Parallel()
			test.run(t, func() eventstore.Driver {
				d := open(t)
				t.Cleanup(func() {
					if err := d.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				})
				return d
			})
		})
	}
}

var at = time.Date(2026, time.May, 2, 20, 0, 0, 123_456_000, time.UTC)

// to appends events of these types to a stream at a version; without any it is
// a check.
func to(stream domain.Stream, version int64, types ...string) eventstore.StreamAppend {
	a := eventstore.StreamAppend{Stream: stream, Version: version}
	for _, name := range types {
		a.Records = append(a.Records, eventstore.Record{
			ID: uuid.Must(uuid.NewV7()), RecordedAt: at, Actor: "anna", Correlation: uuid.New(),
			Encoded: domain.Encoded{Type: name, Edition: 2, Data: []byte(`{"b": 1,  "a": "é"}`)},
		})
	}
	return a
}

// numbered is a unit as a [eventstore.Log] hands it to a driver.
func numbered(appends ...eventstore.StreamAppend) eventstore.Unit {
	for _, a := range appends {
		for i := range a.Records {
			a.Records[i].Stream, a.Records[i].Version = a.Stream, a.Version+int64(i)+1
		}
	}
	return appends
}

func must(t *testing.T, log *eventstore.Log, appends ...eventstore.StreamAppend) (position int64) {
	t.Helper()
	position, err := log.Append(t.Context(), appends...)
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// want compares the log with lines of position, stream, version and type.
func want(t *testing.T, d eventstore.Driver, lines ...string) {
	t.Helper()
	var got []string
	for r, err := range d.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(r.Position, " ", r.Stream, " ", r.Version, " ", r.Type))
	}
	if !slices.Equal(got, lines) {
		t.Errorf("\n got %q\nwant %q", got, lines)
	}
	if head, err := d.Head(t.Context()); head != int64(len(lines)) || err != nil {
		t.Errorf("the head is at %d, %v, want %d", head, err, len(lines))
	}
}

// whole reads the whole log, which must have no gap and no event twice, and
// returns how often each type occurs.
func whole(t *testing.T, d eventstore.Driver) (types map[string]int) {
	t.Helper()
	types = map[string]int{}
	position, versions, ids := int64(0), map[domain.Stream]int64{}, map[uuid.UUID]bool{}
	for r, err := range d.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if position++; r.Position != position {
			t.Fatalf("position %d comes after %d", r.Position, position-1)
		}
		if versions[r.Stream]++; r.Version != versions[r.Stream] {
			t.Fatalf("at %d, version %d of %s comes after %d", position, r.Version, r.Stream, versions[r.Stream]-1)
		}
		if ids[r.ID] {
			t.Fatalf("at %d, event %s is there again", position, r.ID)
		}
		ids[r.ID] = true
		types[r.Type]++
	}
	if head, err := d.Head(t.Context()); head != position || err != nil {
		t.Errorf("the head is at %d, %v, but the last record at %d", head, err, position)
	}
	return types
}

func testShared(t *testing.T, open func() eventstore.Driver) {
	one, other := open(), open()
	want(t, other)
	must(t, eventstore.NewLog(one), to("a", 0, "born"))
	want(t, other, "1 a 1 born")
	must(t, eventstore.NewLog(other), to("a", 1, "gone"))
	want(t, one, "1 a 1 born", "2 a 2 gone")
}

func testOrder(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	want(t, d)
	must(t, log, to("a", 0, "born", "grown"), to("b", 0, "born"))
	if last := must(t, log, to("b", 1, "gone"), to("a", 2, "gone")); last != 5 {
		t.Errorf("ended at %d, want 5", last)
	}
	want(t, d, "1 a 1 born", "2 a 2 grown", "3 b 1 born", "4 b 2 gone", "5 a 3 gone")
	for after, next := range []int64{1, 2, 3, 4, 5, 0, 0} {
		var first int64
		for r, err := range log.All(t.Context(), int64(after)) {
			if err != nil {
				t.Fatal(err)
			}
			first = r.Position
			break
		}
		if first != next {
			t.Errorf("after %d comes %d, want %d", after, first, next)
		}
	}
}

func testRoundTrip(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	var wrote []eventstore.Record
	for i, data := range []string{
		`{"b": 1,  "a": "é"}`, `{"a":1,"a":2}`, `{"a":"\u0000 \ud800 \u00e9 \/ \" \\ 👩‍🌾 ` + "\u2028\u007f" + `"}`,
		`{ "n" : 1.0000000000000000000000001E+400 }`, `[]`, `"x"`, `null`, ` {} `, "\t0 ", `{"":{"":[[],{}]}}`,
	} {
		stream := domain.Stream(fmt.Sprint("sträm '\"\\%_🧵/", i))
		a := to(stream, 0, "tëst.'type'%")
		r := &a.Records[0]
		r.Data, r.Actor, r.Edition = []byte(data), "process/`billing` é", i*3000+1
		r.RecordedAt = at.AddDate(100*i-500, 0, 0).Add(time.Duration(i) * time.Microsecond)
		if i%2 == 0 {
			r.Causation = uuid.New()
		}
		if i == 1 {
			r.Correlation = uuid.Nil
		}
		must(t, log, a)
		r.Position = int64(i) + 1
		wrote = append(wrote, *r)
	}
	for read, err := range d.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		same(t, read, wrote[read.Position-1])
		for read, err := range d.Stream(t.Context(), read.Stream, 0) {
			if err != nil {
				t.Fatal(err)
			}
			same(t, read, wrote[read.Position-1])
		}
	}
	if n := len(whole(t, d)); n != 1 {
		t.Errorf("%d types were written", n)
	}
}

func same(t *testing.T, read, wrote eventstore.Record) {
	t.Helper()
	if fmt.Sprintf("%+v %q", read, read.Data) != fmt.Sprintf("%+v %q", wrote, wrote.Data) || read.RecordedAt.Location() != time.UTC {
		t.Errorf("\n got %+v %q\nwant %+v %q", read, read.Data, wrote, wrote.Data)
	}
}

func testStreamAfter(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	must(t, log, to("a", 0, "1", "2"), to("a/b", 0, "x"))
	must(t, log, to("a", 2, "3", "4"), to("A", 0, "x"))
	for after, want := range map[int64]string{0: "1234", 1: "234", 3: "4", 4: "", 9: ""} {
		got := ""
		for r, err := range log.Stream(t.Context(), "a", after) {
			if err != nil || r.Version != after+int64(len(got))+1 {
				t.Errorf("version %d, %v", r.Version, err)
			}
			got += r.Type
		}
		if got != want {
			t.Errorf("after %d come %q, want %q", after, got, want)
		}
	}
	for r, err := range log.Stream(t.Context(), "nothing", 0) {
		t.Errorf("a stream that is not there has %+v, %v", r, err)
	}
}

func testStreams(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	must(t, log, to("a", 0, "1", "2"), to("b", 0, "x"))
	must(t, log, to("a", 2, "3"), to("c/d", 0, "y", "z"))
	read := func(wanted ...eventstore.StreamAfter) (got string) {
		for r, err := range log.Streams(t.Context(), wanted...) {
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprint(r.Position, r.Stream, r.Version, r.Type, " ")
		}
		return got
	}
	for _, test := range []struct {
		want   string
		wanted []eventstore.StreamAfter
	}{
		{"", nil},
		{"", []eventstore.StreamAfter{{Stream: "nothing"}}},
		{"3b1x ", []eventstore.StreamAfter{{Stream: "b"}}},
		{"5c/d1y 6c/d2z 2a22 4a33 ", []eventstore.StreamAfter{{Stream: "c/d"}, {Stream: "nothing"}, {Stream: "a", Version: 1}, {Stream: "b", Version: 1}}},
		{"6c/d2z 3b1x ", []eventstore.StreamAfter{{Stream: "a", Version: 9}, {Stream: "c/d", Version: 1}, {Stream: "c"}, {Stream: "b"}}},
	} {
		if got := read(test.wanted...); got != test.want {
			t.Errorf("of %v are read %q, want %q", test.wanted, got, test.want)
		}
	}
}

// testStreamsWhole has more in several streams than a backend reads at once: of
// records, of bytes, and of streams.
func testStreamsWhole(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	large := to("large", 0, slices.Repeat([]string{"x"}, 19)...)
	for i := range large.Records {
		large.Records[i].Data = append(append([]byte(`"`), bytes.Repeat([]byte{'x'}, eventstore.MaxData-2)...), '"')
	}
	lengths := map[domain.Stream]int{"long": 1100, "page": 50, "large": 19, "last": 2}
	must(t, log, to("long", 0, slices.Repeat([]string{"x"}, 1100)...), to("page", 0, slices.Repeat([]string{"x"}, 50)...), to("last", 0, "x", "x"))
	must(t, log, large)
	wanted := []eventstore.StreamAfter{{Stream: "long"}, {Stream: "page"}, {Stream: "large"}, {Stream: "last"}}
	for i := range 600 {
		stream := domain.StreamOf("many", fmt.Sprint(i))
		if wanted = append(wanted, eventstore.StreamAfter{Stream: stream}); i%3 == 0 {
			must(t, log, to(stream, 0, "x"))
			lengths[stream] = 1
		}
	}
	got, order := map[domain.Stream]int{}, -1
	for r, err := range log.Streams(t.Context(), wanted...) {
		if err != nil {
			t.Fatal(err)
		}
		if got[r.Stream]++; r.Version != int64(got[r.Stream]) {
			t.Fatalf("version %d of %s is number %d that was read", r.Version, r.Stream, got[r.Stream])
		}
		if at := slices.IndexFunc(wanted, func(w eventstore.StreamAfter) bool { return w.Stream == r.Stream }); at < order {
			t.Fatalf("%s comes after %s", r.Stream, wanted[order].Stream)
		} else {
			order = at
		}
	}
	if !maps.Equal(got, lengths) {
		t.Errorf("read were %v, want %v", got, lengths)
	}
	n := 0
	for _, err := range log.Streams(t.Context(), wanted...) { // who leaves may come back
		if n++; err != nil || n == 1200 {
			break
		}
	}
	if n != 1200 {
		t.Errorf("read %d only", n)
	}
}

func testConflict(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	must(t, log, to("a", 0, "born"))
	for _, late := range []int64{0, 2, 1 << 40} {
		for _, unit := range [][]eventstore.StreamAppend{
			{to("a", late, "y")}, {to("b", 0, "x"), to("a", late, "y")}, {to("a", late, "y"), to("b", 0, "x", "x")}, {to("a", late), to("b", 0, "x")},
		} {
			_, err := log.Append(t.Context(), unit...)
			if !errors.Is(err, eventstore.Conflict{Stream: "a", Expected: late, Actual: 1}) {
				t.Errorf("at %d: %v", late, err)
			}
		}
	}
	if _, err := log.Append(t.Context(), to("new", 3, "x")); !errors.Is(err, eventstore.Conflict{Stream: "new", Expected: 3}) {
		t.Errorf("a stream that is not there: %v", err)
	}
	want(t, d, "1 a 1 born")
}

// testNeighbours writes to the driver itself, to be sure of who is in a group.
func testNeighbours(t *testing.T, open func() eventstore.Driver) {
	d := open()
	must(t, eventstore.NewLog(d), to("poll", 0, "open"), to("used", 0, "x"))
	results, err := d.Write(t.Context(), []eventstore.Unit{
		numbered(to("a", 0, "1"), to("poll", 1)),
		numbered(to("b", 0, "2", "3"), to("used", 0, "4")),
		numbered(to("poll", 1)),
		numbered(to("c", 0, "5"), to("poll", 0)),
		numbered(to("d", 0, "6", "7"), to("poll", 1), to("e", 0, "8")),
		numbered(to("used", 1, "9")),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range results {
		if r.Conflict != nil {
			got += fmt.Sprint(r.Conflict, "; ")
		} else {
			got += fmt.Sprint(r.Position, "; ")
		}
	}
	if want := "3; eventstore: used is at version 1, not 0; 3; eventstore: poll is at version 1, not 0; 6; 7; "; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	want(t, d, "1 poll 1 open", "2 used 1 x", "3 a 1 1", "4 d 1 6", "5 d 2 7", "6 e 1 8", "7 used 2 9")
}

func testCheck(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	if head := must(t, log, to("a", 0)); head != 0 {
		t.Errorf("nothing is there, but holds at %d", head)
	}
	must(t, log, to("a", 0, "born"))
	must(t, log, to("a", 1), to("b", 0, "born"))
	if head := must(t, log, to("a", 1), to("c", 0)); head != 2 {
		t.Errorf("checks alone hold at %d, want 2", head)
	}
	_, err := log.Append(t.Context(), to("a", 0), to("b", 1, "grown"))
	if no, ok := errors.AsType[eventstore.Conflict](err); !ok || no.Stream != "a" {
		t.Errorf("a failed check says %v", err)
	}
	want(t, d, "1 a 1 born", "2 b 1 born")
}

func testOneWins(t *testing.T, open func() eventstore.Driver) {
	one, other := open(), open()
	nodes := []*eventstore.Log{eventstore.NewLog(one), eventstore.NewLog(other)}
	var wg sync.WaitGroup
	var wins atomic.Int64
	for w := range 24 {
		wg.Go(func() {
			switch _, err := nodes[w%2].Append(t.Context(), to("a", 0, "won"), to("b", 0)); {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, eventstore.Conflict{Stream: "a", Actual: 1}):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d have won", wins.Load())
	}
	want(t, one, "1 a 1 won")
}

func testGapless(t *testing.T, open func() eventstore.Driver) {
	const writers, each = 16, 12
	d := open()
	nodes := []*eventstore.Log{eventstore.NewLog(d), eventstore.NewLog(open())}
	var wg sync.WaitGroup
	var shared atomic.Int64
	for w := range writers {
		wg.Go(func() {
			for i := range int64(each) {
				_, err := nodes[w%2].Append(t.Context(), to(domain.StreamOf("own", fmt.Sprint(w)), i, "x"))
				if err != nil {
					t.Error(err)
				}
				_, err = nodes[w%2].Append(t.Context(), to("shared", i, "y", "z"), to("other", 0)) // mostly in conflict
				if _, conflict := errors.AsType[eventstore.Conflict](err); err == nil {
					shared.Add(1)
				} else if !conflict {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	types := whole(t, d)
	if types["x"] != writers*each || int64(types["y"]) != shared.Load() || types["z"] != types["y"] {
		t.Errorf("written are %v, want %d x, and %d y and z", types, writers*each, shared.Load())
	}
}

// testReader polls the log while two nodes write to it. A position once seen must
// have been preceded by all before it.
func testReader(t *testing.T, open func() eventstore.Driver) {
	const writers, each = 12, 25
	d := open()
	nodes := []*eventstore.Log{eventstore.NewLog(open()), eventstore.NewLog(open())}
	must(t, nodes[0], to("taken", 0, "x"))
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range int64(each) {
				if _, err := nodes[w%2].Append(t.Context(), to(domain.StreamOf("s", fmt.Sprint(w)), i*2, "x", "y")); err != nil {
					t.Error(err)
				}
				_, _ = nodes[w%2].Append(t.Context(), to(domain.StreamOf("t", fmt.Sprint(w, i)), 0, "conflict"), to("taken", 0, "conflict"))
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	var seen int64
	for last := false; ; {
		for r, err := range d.All(t.Context(), seen) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Position != seen+1 {
				t.Fatalf("saw %d after %d", r.Position, seen)
			}
			seen++
		}
		if head, err := d.Head(t.Context()); head < seen || err != nil {
			t.Fatalf("the head is at %d, %v, but %d has been seen", head, err, seen)
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
	if n := whole(t, d)["conflict"]; n > 0 || seen != 1+writers*each*2 {
		t.Errorf("saw %d, and %d in conflict", seen, n)
	}
}

// testClose lets many write their own stream while checking another, which is
// written once in the midst of it: nobody gets in after that.
func testClose(t *testing.T, open func() eventstore.Driver) {
	const voters = 120
	d := open()
	nodes := []*eventstore.Log{eventstore.NewLog(d), eventstore.NewLog(open())}
	must(t, nodes[0], to("poll", 0, "opened"))
	var wg sync.WaitGroup
	var accepted, turn atomic.Int64
	for w := range 12 {
		wg.Go(func() {
			for {
				v := turn.Add(1)
				if v > voters {
					return
				}
				if v == voters/2 {
					wg.Go(func() {
						if _, err := nodes[1].Append(t.Context(), to("poll", 1, "closed")); err != nil {
							t.Error(err)
						}
					})
				}
				_, err := nodes[w%2].Append(t.Context(), to(domain.StreamOf("vote", fmt.Sprint(v)), 0, "cast"), to("poll", 1))
				if err == nil {
					accepted.Add(1)
				} else if !errors.Is(err, eventstore.Conflict{Stream: "poll", Expected: 1, Actual: 2}) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	closed, cast := false, int64(0)
	for r, err := range d.All(t.Context(), 0) {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Type == "closed":
			closed = true
		case r.Type == "cast" && closed:
			t.Errorf("%s was cast at %d, after the close", r.Stream, r.Position)
		case r.Type == "cast":
			cast++
		}
	}
	if cast != accepted.Load() || !closed {
		t.Errorf("%d votes are in, %d were accepted; closed %t", cast, accepted.Load(), closed)
	}
}

// testManyUnits writes groups of all sizes, each with some units in conflict.
func testManyUnits(t *testing.T, open func() eventstore.Driver) {
	d := open()
	head, written := int64(0), 0
	for _, size := range []int{1, 2, 30, 149, 151, 600} {
		var units []eventstore.Unit
		for i := range size {
			stream := domain.StreamOf("s", fmt.Sprint(size, "-", i))
			switch i % 4 {
			case 1:
				units = append(units, numbered(to(stream, 0, "x", "x"), to(stream+"+", 0, "x")))
			case 3:
				units = append(units, numbered(to(stream, 1, "conflict"), to(stream+"+", 0, "conflict")))
			default:
				units = append(units, numbered(to(stream, 0, "x"), to("nothing", 0)))
			}
		}
		results, err := d.Write(t.Context(), units)
		if err != nil || len(results) != size {
			t.Fatalf("of %d units, %d have a result: %v", size, len(results), err)
		}
		for i, r := range results {
			n := int64(i%2)*2 + 1
			if i%4 == 3 {
				if r.Conflict == nil || *r.Conflict != (eventstore.Conflict{Stream: units[i][0].Stream, Expected: 1}) {
					t.Errorf("unit %d of %d: %+v", i, size, r)
				}
				continue
			}
			if head += n; r.Conflict != nil || r.Position != head {
				t.Fatalf("unit %d of %d ended at %d, %v, want %d", i, size, r.Position, r.Conflict, head)
			}
			written += int(n)
		}
	}
	if types := whole(t, d); types["x"] != written || types["conflict"] > 0 {
		t.Errorf("written are %v, want %d", types, written)
	}
}

func testThousand(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	types := slices.Repeat([]string{"x"}, 1000)
	if last := must(t, log, to("a", 0, types...)); last != 1000 {
		t.Errorf("ended at %d", last)
	}
	var wide []eventstore.StreamAppend
	for i := range 1000 {
		wide = append(wide, to(domain.StreamOf("b", fmt.Sprint(i)), 0, "y"))
	}
	if last := must(t, log, wide...); last != 2000 {
		t.Errorf("ended at %d", last)
	}
	_, err := log.Append(t.Context(), append(wide[:999:999], to("a", 1000, types...))...)
	if !errors.Is(err, eventstore.Conflict{Stream: "b/0", Actual: 1}) {
		t.Errorf("a thousand streams in conflict: %v", err)
	}
	if last := must(t, log, to("a", 1000, types...), to("b/0", 1)); last != 3000 {
		t.Errorf("ended at %d", last)
	}
	if types := whole(t, d); types["x"] != 2000 || types["y"] != 1000 {
		t.Errorf("written are %v", types)
	}
	n := int64(0)
	for r, err := range d.Stream(t.Context(), "a", 0) {
		if n++; err != nil || r.Version != n {
			t.Fatalf("version %d, %v, want %d", r.Version, err, n)
		}
	}
}

func testCancel(t *testing.T, open func() eventstore.Driver) {
	d := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eventstore.NewLog(d).Append(ctx, to("a", 0, "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("appended with %v", err)
	}
	if _, err := d.Write(ctx, []eventstore.Unit{numbered(to("a", 0, "x"))}); !errors.Is(err, context.Canceled) {
		t.Errorf("wrote with %v", err)
	}
	if err := eventstore.NewLog(d).Wait(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("waited with %v", err)
	}
	want(t, d)
	must(t, eventstore.NewLog(d), to("a", 0, "y"))
	want(t, d, "1 a 1 y")
}

func testCancelRead(t *testing.T, open func() eventstore.Driver) {
	d := open()
	must(t, eventstore.NewLog(d), to("a", 0, slices.Repeat([]string{"x"}, 400)...))
	for name, read := range map[string]func(context.Context) func(func(eventstore.Record, error) bool){
		"all":    func(ctx context.Context) func(func(eventstore.Record, error) bool) { return d.All(ctx, 0) },
		"stream": func(ctx context.Context) func(func(eventstore.Record, error) bool) { return d.Stream(ctx, "a", 0) },
		"streams": func(ctx context.Context) func(func(eventstore.Record, error) bool) {
			return d.Streams(ctx, eventstore.StreamAfter{Stream: "b"}, eventstore.StreamAfter{Stream: "a"})
		},
	} {
		for _, after := range []int{0, 10} {
			ctx, cancel := context.WithCancel(t.Context())
			n, last := 0, error(nil)
			for _, err := range read(ctx) {
				if last != nil {
					t.Errorf("%s: an error was not the last", name)
				}
				if last = err; err == nil {
					n++
				}
				if n >= after {
					cancel()
				}
			}
			cancel()
			if n == 400 || !errors.Is(last, context.Canceled) {
				t.Errorf("%s: read %d, then %v", name, n, last)
			}
		}
	}
}

func testLeaveEarly(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	must(t, log, to("a", 0, slices.Repeat([]string{"x"}, 300)...))
	for i := range 30 {
		for r, err := range log.Stream(t.Context(), "a", 0) {
			if err != nil || must(t, log, to("b", int64(i), r.Type)) != 301+int64(i) {
				t.Errorf("read %+v, %v", r, err)
			}
			break
		}
	}
	n := 0
	for r, err := range log.All(t.Context(), 0) {
		if n++; err != nil || n <= 300 && must(t, log, to(domain.StreamOf("c", fmt.Sprint(n)), 0, r.Type)) != 330+int64(n) {
			t.Fatalf("read %+v, %v", r, err)
		}
	}
	if n < 330 {
		t.Errorf("read %d only", n)
	}
	if types := whole(t, d); types["x"] != 630 {
		t.Errorf("written are %v", types)
	}
}

// testNested has more readers at once than a backend has connections.
func testNested(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	must(t, log, to("a", 0, "x", "x"))
	var nest func(depth int)
	nest = func(depth int) {
		if depth == 0 {
			must(t, log, to("b", 0, "y"))
			return
		}
		for r, err := range d.All(t.Context(), 0) {
			if err != nil || r.Position != 1 {
				t.Errorf("read %+v, %v", r, err)
			}
			for r, err := range d.Stream(t.Context(), "a", 1) {
				if err != nil || r.Position != 2 {
					t.Errorf("read %+v, %v", r, err)
				}
				nest(depth - 1)
			}
			break
		}
	}
	nest(40)
	want(t, d, "1 a 1 x", "2 a 2 x", "3 b 1 y")
}

func testTooLarge(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	sized := func(stream domain.Stream, size int) eventstore.StreamAppend {
		a := to(stream, 0, "scan")
		a.Records[0].Data = []byte(`"` + strings.Repeat("x", size-2) + `"`)
		return a
	}
	for _, size := range []int{eventstore.MaxData + 1, 10 << 20} {
		_, err := log.Append(t.Context(), to("b", 0, "x"), sized("a", size))
		if no, ok := errors.AsType[eventstore.TooLarge](err); !ok || no != (eventstore.TooLarge{Stream: "a", Type: "scan", Bytes: size}) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	want(t, d)
	must(t, log, sized("a", eventstore.MaxData))
	for r, err := range d.All(t.Context(), 0) {
		if err != nil || len(r.Data) != eventstore.MaxData {
			t.Errorf("read %d bytes, %v", len(r.Data), err)
		}
	}
}

func testInvalid(t *testing.T, open func() eventstore.Driver) {
	d := open()
	log := eventstore.NewLog(d)
	for wrong, change := range map[string]func(*eventstore.StreamAppend){
		"no stream":         func(a *eventstore.StreamAppend) { a.Stream = "" },
		"a long stream":     func(a *eventstore.StreamAppend) { a.Stream = domain.Stream(strings.Repeat("x", 501)) },
		"a NUL in a stream": func(a *eventstore.StreamAppend) { a.Stream = "a\x00" },
		"no UTF-8":          func(a *eventstore.StreamAppend) { a.Stream = "a\xff" },
		"no type":           func(a *eventstore.StreamAppend) { a.Records[0].Type = "" },
		"a line in a type":  func(a *eventstore.StreamAppend) { a.Records[0].Type = "a\nb" },
		"no actor":          func(a *eventstore.StreamAppend) { a.Records[0].Actor = "" },
		"edition 0":         func(a *eventstore.StreamAppend) { a.Records[0].Edition = 0 },
		"edition 32768":     func(a *eventstore.StreamAppend) { a.Records[0].Edition = 32768 },
		"no id":             func(a *eventstore.StreamAppend) { a.Records[0].ID = uuid.Nil },
		"no data":           func(a *eventstore.StreamAppend) { a.Records[0].Data = nil },
		"no JSON":           func(a *eventstore.StreamAppend) { a.Records[0].Data = []byte(`{`) },
		"JSON on two lines": func(a *eventstore.StreamAppend) { a.Records[0].Data = []byte("{\n}") },
		"JSON not UTF-8":    func(a *eventstore.StreamAppend) { a.Records[0].Data = []byte("\"\xff\"") },
		"version -1":        func(a *eventstore.StreamAppend) { a.Version = -1 },
		"a stream twice":    func(a *eventstore.StreamAppend) { a.Stream = "before" },
	} {
		a := to("a", 0, "x")
		change(&a)
		if _, err := log.Append(t.Context(), to("before", 0, "x"), a); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
	want(t, d)
	long := to(domain.Stream(strings.Repeat("é", 250)), 0, strings.Repeat("t", 500))
	long.Records[0].Actor, long.Records[0].Edition = strings.Repeat("a", 500), 32767
	must(t, log, long)
	for r, err := range d.Stream(t.Context(), long.Stream, 0) {
		if err != nil || r.Actor != long.Records[0].Actor || r.Edition != 32767 {
			t.Errorf("read %+v, %v", r, err)
		}
	}
}

// testFollow lets readers on the node of the writer and on another one wait for
// each record in turn.
func testFollow(t *testing.T, open func() eventstore.Driver) {
	own, other := eventstore.NewLog(open()), eventstore.NewLog(open())
	defer own.Close()
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const n = 10
	var wg sync.WaitGroup
	seen := make(chan int64)
	for _, log := range []*eventstore.Log{own, other} {
		wg.Go(func() {
			last := int64(0)
			for r, err := range log.Follow(ctx, 0) {
				if err != nil {
					t.Error(err)
					return
				}
				if last++; r.Position != last {
					t.Errorf("%d follows %d", r.Position, last-1)
				}
				seen <- last
				if last == n {
					return
				}
			}
		})
	}
	for i := range int64(n) {
		if err := own.Wait(ctx, i-1); err != nil && i > 0 {
			t.Fatal(err)
		}
		must(t, own, to("a", i, "x"))
		for range 2 {
			select {
			case <-seen:
			case <-ctx.Done():
				t.Fatalf("not all have heard of %d", i+1)
			}
		}
	}
	wg.Wait()
	if err := other.Wait(ctx, n-1); err != nil {
		t.Error(err)
	}
	_ = other.Close()
	if err := other.Wait(ctx, n); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("waited for news of a closed log: %v", err)
	}
}
