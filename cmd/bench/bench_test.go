package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"rochdale/eventstore"
)

// at returns a runner of one rate after another.
func at(rates ...int) runner {
	n := 0
	return func(context.Context, time.Duration) (sample, error) {
		s := sample{ops: rates[n%len(rates)], took: time.Second, times: []time.Duration{time.Millisecond, 3 * time.Millisecond}}
		n++
		return s, nil
	}
}

func take(t *testing.T, prepared *trial, target float64) *outcome {
	t.Helper()
	b := &bench{err: io.Discard, count: 3, length: time.Second}
	o, err := b.run(t.Context(), measure{name: "m", unit: "things", floor: "a floor", target: target, begin: func(context.Context, *bench) (*trial, error) { return prepared, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	// What comes first does not count. Then the machine is three times as slow, and twice.
	o := take(t, &trial{ours: at(1, 90, 30, 45), floors: []runner{at(1, 100, 33, 50), at(1, 400, 30, 400)}}, 0.9)
	if o.Ratio != 0.9 || o.Ours != 45 || o.Floors != 50 || o.Spread != 1.4 || !o.reached() {
		t.Errorf("%+v", o)
	}
	if o.Ratios[1] != 1 { // of the slower floor
		t.Errorf("%v", o.Ratios)
	}
}

func TestWhatIsMissed(t *testing.T) {
	more := func(_ context.Context, o *outcome) error {
		o.latencies()
		o.figure("bytes", 800, "B", 700)
		return nil
	}
	o := take(t, &trial{ours: at(10), floors: []runner{at(10)}, finish: more}, 0.5)
	if o.reached() || o.Figures[1] != (figure{"p99", 3, "ms", 0}) {
		t.Errorf("%+v", o)
	}
	var b bytes.Buffer
	if err := (report{Outcomes: []*outcome{o}}).print(&b); err != nil || !strings.Contains(b.String(), "0.50 missed") ||
		!strings.Contains(b.String(), "bytes 800 B (at most 700: missed)") {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestWrongAnswersAreToldApart(t *testing.T) {
	bad := func(context.Context, time.Duration) (sample, error) { return sample{}, wrongf("two and two are %d", 5) }
	if o := take(t, &trial{ours: bad}, 0); o.Wrong != "two and two are 5" {
		t.Errorf("%+v", o)
	}
	b := &bench{err: io.Discard, count: 1, length: time.Second}
	gone := errors.New("gone")
	_, err := b.guarded(t.Context(), measure{begin: func(context.Context, *bench) (*trial, error) {
		b.Fatalf("the server: %w", gone)
		return nil, nil
	}})
	if !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

func TestAppendsAreChecked(t *testing.T) {
	a := newAppending(new(eventstore.Memory), 4, 2)
	s, err := a.run(t.Context(), 3, 10*time.Millisecond)
	if err != nil || s.ops == 0 || s.ops != 3*len(s.times) {
		t.Errorf("%+v, %v", s, err)
	}
	if err := a.check(t.Context()); err != nil {
		t.Error(err)
	}
	a.streams[0].version++ // as if one had been acknowledged that is not there
	if err := a.check(t.Context()); err == nil {
		t.Error("what is missing was not found")
	}
}

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args, want string
		code       int
	}{
		{"--list --only graphql", "graphql page of 50", 0},
		{"--rounds 0", "", 2},
		{"--only (", "", 2},
		{"--nonsense", "", 2},
		{"--only ^nothing$ --json", `"measures": null`, 0},
	} {
		var out bytes.Buffer
		if code := run(strings.Fields(test.args), &out, io.Discard); code != test.code || !strings.Contains(out.String(), test.want) {
			t.Errorf("%s: %d: %s", test.args, code, out.String())
		}
		if strings.Contains(test.args, "--json") && !json.Valid(out.Bytes()) {
			t.Errorf("%s: not JSON: %s", test.args, out.String())
		}
	}
}
