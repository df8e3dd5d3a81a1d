package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// A measure holds what we do against a floor: what the same work takes at the least
// on this machine, by the simplest program that does it, in the same run.
type measure struct {
	name   string
	unit   string  // of what is done
	floor  string  // what it is held against, or "" where figures are only shown
	target float64 // the ratio to reach; 0 with no floor
	// begin makes it ready to run. What it leaves behind goes with the bench.
	begin func(ctx context.Context, b *bench) (*trial, error)
}

// A trial is a measure that is ready.
type trial struct {
	ours   runner
	floors []runner // of which the slowest counts, in each round
	// finish looks after the last round at what was done, and adds figures.
	finish func(ctx context.Context, o *outcome) error
	end    func()
}

// A runner works for as long as it is told, or until a whole piece of work is done.
// It looks at the answers too, if that takes no time of those to whom it is compared.
type runner func(ctx context.Context, length time.Duration) (sample, error)

// Wrong is the error of an answer that was not what it should be.
type wrong struct{ error }

func wrongf(format string, args ...any) error { return wrong{fmt.Errorf(format, args...)} }

// A sample is what a runner has done.
type sample struct {
	ops   int
	took  time.Duration
	times []time.Duration // of single operations, if they were taken
	cpu   time.Duration   // of a server in a process of its own
}

func (s sample) rate() float64 { return float64(s.ops) / s.took.Seconds() }

// An outcome is what came of a measure.
type outcome struct {
	Measure string    `json:"measure"`
	Unit    string    `json:"unit,omitempty"`
	Floor   string    `json:"floor,omitempty"`
	Ours    float64   `json:"ours_per_second,omitempty"`  // median
	Floors  float64   `json:"floor_per_second,omitempty"` // median
	Ratio   float64   `json:"ratio,omitempty"`            // median of those of the rounds
	Ratios  []float64 `json:"ratios,omitempty"`           // by round
	Target  float64   `json:"target,omitempty"`
	Spread  float64   `json:"floor_spread,omitempty"` // from the least to the most of the floor, as a part of its median
	Figures []figure  `json:"figures,omitempty"`
	Wrong   string    `json:"wrong,omitempty"` // of the answers

	ours, floors []sample
}

// A figure is one number beside a ratio.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	Most  float64 `json:"at_most,omitempty"` // what it should be; 0: it is shown
}

func (o *outcome) figure(name string, value float64, unit string, most float64) {
	o.Figures = append(o.Figures, figure{name, value, unit, most})
}

// reached reports whether the measure and its figures are what they should be.
func (o *outcome) reached() bool {
	for _, f := range o.Figures {
		if f.Most > 0 && f.Value > f.Most {
			return false
		}
	}
	return o.Ratio >= o.Target
}

// run takes a measure: in each round everybody runs once, in random order.
func (b *bench) run(ctx context.Context, m measure) (o *outcome, err error) {
	o = &outcome{Measure: m.name, Unit: m.unit, Floor: m.floor, Target: m.target}
	b.progress("%s: prepare", m.name)
	t, err := m.begin(ctx, b)
	if err != nil {
		return o, fmt.Errorf("prepare: %w", err)
	}
	if t.end != nil {
		defer t.end()
	}
	if t.ours != nil {
		err = b.rounds(ctx, m, t, o)
	}
	if err == nil && t.finish != nil {
		b.progress("%s: look at what was done", m.name)
		err = t.finish(ctx, o)
	}
	if w, ok := errors.AsType[wrong](err); ok {
		o.Wrong = w.Error()
		return o, nil
	}
	return o, err
}

func (b *bench) rounds(ctx context.Context, m measure, t *trial, o *outcome) error {
	all := append([]runner{t.ours}, t.floors...)
	for _, run := range all { // once before it counts: what is kept is made, and the disk has got going
		if _, err := run(ctx, b.length/10); err != nil {
			return err
		}
	}
	for round := range b.count {
		b.progress("%s: round %d of %d", m.name, round+1, b.count)
		samples := make([]sample, len(all))
		for _, i := range rand.Perm(len(all)) { //nolint:gosec // G404: nobody gains by foreseeing it
			var err error
			if samples[i], err = all[i](ctx, b.length); err != nil {
				return err
			}
		}
		o.ours = append(o.ours, samples[0])
		if len(samples) > 1 {
			slowest := slices.MinFunc(samples[1:], func(a, b sample) int { return cmp.Compare(a.rate(), b.rate()) })
			o.floors = append(o.floors, slowest)
			o.Ratios = append(o.Ratios, samples[0].rate()/slowest.rate())
		}
	}
	o.Ours, _ = rates(o.ours)
	if len(o.floors) > 0 {
		o.Floors, o.Spread = rates(o.floors)
		o.Ratio = median(o.Ratios)
	}
	return nil
}

// rates returns the median of the rates of samples, and how far they lie apart.
func rates(samples []sample) (mid, spread float64) {
	var all []float64
	for _, s := range samples {
		all = append(all, s.rate())
	}
	mid = median(all)
	return mid, (slices.Max(all) - slices.Min(all)) / mid
}

func median[T int | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// quantile returns the time within which so many of the operations of a sample were
// done, as the median of its rounds.
func quantile(samples []sample, q float64) time.Duration {
	var all []time.Duration
	for _, s := range samples {
		slices.Sort(s.times)
		all = append(all, s.times[min(int(q*float64(len(s.times))), len(s.times)-1)])
	}
	return median(all)
}

// latencies tells how long single operations took, ours and the floor's.
func (o *outcome) latencies() {
	for _, side := range []struct {
		of      string
		samples []sample
	}{{"", o.ours}, {"floor ", o.floors}} {
		if len(side.samples) == 0 || len(side.samples[0].times) == 0 {
			continue
		}
		o.figure(side.of+"p50", milliseconds(quantile(side.samples, .50)), "ms", 0)
		o.figure(side.of+"p99", milliseconds(quantile(side.samples, .99)), "ms", 0)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// processor tells how much of a processor a server took for one operation.
func (o *outcome) processor() {
	for _, side := range []struct {
		of      string
		samples []sample
	}{{"", o.ours}, {"floor ", o.floors}} {
		var each []float64
		for _, s := range side.samples {
			if s.cpu > 0 {
				each = append(each, float64(s.cpu.Microseconds())/float64(s.ops))
			}
		}
		if len(each) > 0 {
			o.figure(side.of+"server CPU", median(each), "µs each", 0)
		}
	}
}
