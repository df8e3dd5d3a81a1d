package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
)

// dump returns a log as lines.
func dump(t *testing.T, log *eventstore.Log) (lines []string) {
	t.Helper()
	for r, err := range log.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := r.Line()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	return lines
}

func parse(lines []string) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for _, l := range lines {
			if !yield(eventstore.ParseLine([]byte(l))) {
				return
			}
		}
	}
}

// TestLinesRoundTrip: whatever a log holds comes back as it was, byte for byte, also
// after a restoration that was cut short anywhere.
func TestLinesRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := eventstore.NewLog(new(eventstore.Memory))
		versions := map[domain.Stream]int64{}
		for range rapid.IntRange(1, 12).Draw(rt, "appends") {
			var unit []eventstore.StreamAppend
			for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 1, 3, rapid.ID).Draw(rt, "streams") {
				stream := domain.StreamOf("s", fmt.Sprint(id), "é/%")
				a := eventstore.StreamAppend{Stream: stream, Version: versions[stream]}
				for range rapid.IntRange(1, 3).Draw(rt, "events") {
					r := eventstore.Record{
						ID: uuid.New(), RecordedAt: time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(rt, "at")).UTC(), Actor: "ada <&>\u2028",
						Correlation: uuid.New(),
						Encoded: domain.Encoded{
							Type: "x.happened", Edition: rapid.IntRange(1, 9).Draw(rt, "edition"),
							Data: []byte(rapid.SampledFrom([]string{`{}`, `{ "a" :  1.50, "b":"<é\u00e9\u2028>" }`, `[1e400,-0]`, `"x"`, `null`}).Draw(rt, "data")),
						},
					}
					if rapid.Bool().Draw(rt, "caused") {
						r.Causation = uuid.New()
					}
					a.Records = append(a.Records, r)
					versions[stream]++
				}
				unit = append(unit, a)
			}
			if _, err := log.Append(t.Context(), unit...); err != nil {
				rt.Fatal(err)
			}
		}
		want := dump(t, log)
		other := eventstore.NewLog(new(eventstore.Memory))
		half := rapid.IntRange(0, len(want)).Draw(rt, "cut short after")
		first, err := other.Restore(t.Context(), parse(want[:half]), nil)
		if err != nil || first != int64(half) {
			rt.Fatalf("half: %d of %d, %v", first, half, err)
		}
		rest, err := other.Restore(t.Context(), parse(want), nil)
		if err != nil || rest != int64(len(want)-half) {
			rt.Fatalf("whole: %d of %d, %v", rest, len(want)-half, err)
		}
		if got := dump(t, other); strings.Join(got, "\n") != strings.Join(want, "\n") {
			rt.Fatalf("\n got %s\nwant %s", got, want)
		}
	})
}

// TestRestore between the backends, of more than one transaction takes.
func TestRestore(t *testing.T) {
	ctx := eventstore.As(t.Context(), "ada")
	from := storeOn(t, new(eventstore.Memory))
	for i := range 1500 {
		a, b := fmt.Sprint("a", i%700), fmt.Sprint("b", i)
		if _, err := eventstore.Transact(ctx, from, func(tx *eventstore.Tx) error {
			return errors.Join(eventstore.Do(tx, fill{jar: a, n: 1}), eventstore.Do(tx, fill{jar: b, n: 1}))
		}); err != nil {
			t.Fatal(err)
		}
	}
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	to := storeOn(t, d)
	lines, reached := dump(t, from.Log), int64(0)
	n, err := to.Log.Restore(t.Context(), parse(lines), func(position int64) {
		if position <= reached {
			t.Errorf("progress went from %d to %d", reached, position)
		}
		reached = position
	})
	if err != nil || n != 3000 || reached != 3000 {
		t.Fatalf("%d restored, told %d, %v", n, reached, err)
	}
	if got := dump(t, to.Log); strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Error("what came back is not what was there")
	}
	if v, err := to.Verify(t.Context(), nil); err != nil || len(v.Flaws) > 0 || v.Events != 3000 || v.Streams != 2200 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := eventstore.Execute(ctx, to, fill{jar: "a1", n: 8}); !errors.Is(err, errFull) { // three are in it
		t.Errorf("it goes on: %v", err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	ctx := eventstore.As(t.Context(), "ada")
	from := storeOn(t, new(eventstore.Memory))
	for i := range 4 {
		if _, err := eventstore.Execute(ctx, from, fill{jar: fmt.Sprint("a", i%2), n: 1}); err != nil {
			t.Fatal(err)
		}
	}
	lines := dump(t, from.Log)
	filled := func() *eventstore.Log { // with something else
		s := storeOn(t, new(eventstore.Memory))
		if _, err := eventstore.Execute(ctx, s, fill{jar: "other", n: 1}); err != nil {
			t.Fatal(err)
		}
		return s.Log
	}
	for name, c := range map[string]struct {
		into  *eventstore.Log
		lines []string
		says  string
		there int64
	}{
		"a gap":                {eventstore.NewLog(new(eventstore.Memory)), []string{lines[0], lines[2]}, "position 3 comes after 1", 1},
		"out of order":         {eventstore.NewLog(new(eventstore.Memory)), []string{lines[1], lines[0]}, "position 2 comes after 0", 0},
		"a wrong version":      {eventstore.NewLog(new(eventstore.Memory)), []string{strings.Replace(lines[0], `"version":1`, `"version":2`, 1)}, "version", 0},
		"another log":          {filled(), lines, "another event at position 1", 1},
		"a log that is longer": {filled(), nil, "goes on to position 1", 1},
		"no JSON":              {eventstore.NewLog(new(eventstore.Memory)), []string{lines[0], "x"}, "not an event", 1},
		"an unknown field":     {eventstore.NewLog(new(eventstore.Memory)), []string{`{"mood":1,` + lines[0][1:]}, "mood", 0},
		"a cut line":           {eventstore.NewLog(new(eventstore.Memory)), []string{lines[0], lines[1][:50]}, "not an event", 1},
		"two on a line":        {eventstore.NewLog(new(eventstore.Memory)), []string{lines[0] + lines[1]}, "more after it", 0},
		"no actor":             {eventstore.NewLog(new(eventstore.Memory)), []string{strings.Replace(lines[0], `"actor":"ada"`, `"actor":""`, 1)}, "actor", 0},
	} {
		_, err := c.into.Restore(t.Context(), parse(c.lines), nil)
		head, _ := c.into.Head(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.says) || head != c.there {
			t.Errorf("%s: %v, and the log is at %d, want %q and %d", name, err, head, c.says, c.there)
		}
	}
}

func TestVerifyFindsFlaws(t *testing.T) {
	ctx := eventstore.As(t.Context(), "ada")
	good := new(eventstore.Memory)
	s := storeOn(t, good)
	for range 4 {
		if _, err := eventstore.Execute(ctx, s, fill{jar: "a", n: 1, by: "ada"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		spoil func(*eventstore.Record)
		says  string
	}{
		"a position": {func(r *eventstore.Record) { r.Position++ }, "comes after"},
		"a version":  {func(r *eventstore.Record) { r.Version++ }, "version 4 comes after 2"},
		"a type":     {func(r *eventstore.Record) { r.Type = "jar.broken" }, "no event type"},
		"an edition": {func(r *eventstore.Record) { r.Edition = 9 }, "editions 1 to 1"},
		"the data":   {func(r *eventstore.Record) { r.Data = []byte(`{"n":"x"}`) }, "decode"},
		"a seal": {func(r *eventstore.Record) {
			r.Data = bytes.Replace(r.Data, []byte(`"sealed":"`), []byte(`"sealed":"AAAA`), 1)
		}, "authentication"},
		"its binding": {func(r *eventstore.Record) { r.ID = uuid.New() }, "authentication"},
	} {
		broken := eventstore.New(eventstore.NewLog(spoilt{good, c.spoil}), jars(), s.Keys)
		v, err := broken.Verify(t.Context(), nil)
		if err != nil || len(v.Flaws) == 0 || !strings.Contains(v.Flaws[0].Says, c.says) || v.Events != 4 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// spoilt is a log of which somebody has changed the third record.
type spoilt struct {
	*eventstore.Memory
	spoil func(*eventstore.Record)
}

// All is that of [eventstore.Driver].
func (s spoilt) All(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range s.Memory.All(ctx, after) {
			if r.Position == 3 {
				s.spoil(&r)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"position":1,"stream":"s","version":1,"id":"018f6a4e-77b0-7d4a-9c1e-0b5d3f6a2c11","recorded_at":"2026-05-01T10:00:00.000001Z","actor":"ada","correlation":"018f6a4e-77b0-7d4a-9c1e-0b5d3f6a2c11","type":"x","edition":1,"data":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := eventstore.ParseLine(text)
		if err != nil {
			return
		}
		again, err := r.Line()
		if err != nil {
			t.Fatal(err)
		}
		back, err := eventstore.ParseLine(again)
		if err != nil || back.Position != r.Position || back.Stream != r.Stream || back.ID != r.ID || !back.RecordedAt.Equal(r.RecordedAt) || !bytes.Equal(back.Data, r.Data) {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	})
}
