// Bench measures how fast the program is, against floors in the same run: how fast
// the simplest thing is on this machine that does as much. Machines differ, and one
// differs from minute to minute, but the ratios stay. In each round of 3 s ours and
// the floor run after one another, in random order; the ratio is the median of those
// of the rounds. What was answered is checked: wrong answers, and nothing else, are
// a failure.
//
//	go run ./cmd/bench
//	go run ./cmd/bench --only graphql --rounds 9
//
// It takes Go, to build the program with, and the programs of PostgreSQL.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// measures are all there are, in the order of the layers.
var measures = [][]measure{sqliteMeasures, postgresMeasures, replayMeasures, rebuildMeasures, startMeasures, graphqlMeasures, voteMeasures, registerMeasures, readyMeasures, provisionMeasures, driftMeasures}

func main() {
	if len(os.Args) == 3 && os.Args[1] == floorVerb {
		if err := serveFloor(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// report is all that came of a run.
type report struct {
	Go         string     `json:"go"`
	Processors int        `json:"processors"`
	Rounds     int        `json:"rounds"`
	Seconds    float64    `json:"seconds"`
	Spread     float64    `json:"spread"` // of the machine: the median of those of the floors
	Outcomes   []*outcome `json:"measures"`
}

func run(args []string, out, errOut io.Writer) (code int) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errOut)
	only := flags.String("only", "", "take the measures whose names match this regular `expression`")
	list := flags.Bool("list", false, "list the measures, and take none")
	asJSON := flags.Bool("json", false, "print JSON, for machines")
	short := flags.Bool("short", false, "2 rounds of 1 s on small data: to see that it works, not how fast")
	count := flags.Int("rounds", 5, "rounds of each measure")
	seconds := flags.Int("seconds", 3, "that everybody runs for in a round")
	members := flags.Int("members", 100_000, "of the co-op that is read and served")
	events := flags.Int("events", 1_000_000, "that are replayed")
	binary := flags.String("binary", "", "a built program to measure, instead of building it: a `file`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *short {
		*count, *seconds, *members, *events = 2, 1, 1000, 20_000
	}
	pattern, err := regexp.Compile(*only)
	if err != nil || flags.NArg() > 0 || *count < 1 || *seconds < 1 || *members < 100 || *events < 1000 {
		fmt.Fprintln(errOut, "bench: --only takes a regular expression, the numbers are at least 1, members 100, events 1000:", err)
		return 2
	}
	var chosen []measure
	for _, group := range measures {
		for _, m := range group {
			if pattern.MatchString(m.name) {
				chosen = append(chosen, m)
			}
		}
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintf(out, "%-24s %s\n", m.name, m.floor)
		}
		return 0
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{
		err: errOut, began: time.Now(), count: *count, length: time.Duration(*seconds) * time.Second,
		members: *members, events: *events, binary: *binary,
	}
	defer b.close()
	r := report{Go: runtime.Version(), Processors: runtime.NumCPU(), Rounds: b.count, Seconds: b.length.Seconds()}
	for _, m := range chosen {
		o, err := b.guarded(ctx, m)
		if err != nil {
			fmt.Fprintf(errOut, "bench: %s: %v\n", m.name, err)
			return 1
		}
		if r.Outcomes = append(r.Outcomes, o); o.Wrong != "" {
			code = 1
		}
	}
	r.Spread = spreadOf(r.Outcomes)
	if *asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = r.print(out)
	}
	if err != nil {
		fmt.Fprintln(errOut, "bench:", err)
		return 1
	}
	return code
}

// A bench is where measures are taken. What several of them need it makes once.
type bench struct {
	err     io.Writer
	began   time.Time
	count   int           // rounds
	length  time.Duration // of a run
	members int
	events  int
	binary  string

	cleanups []func()
	shared   map[string]any
}

func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.err, "%6.1f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// guarded takes a measure, and turns what [bench.Fatalf] ends it with into an error.
func (b *bench) guarded(ctx context.Context, m measure) (o *outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			failure, ours := p.(fatal)
			if !ours {
				panic(p)
			}
			err = failure.error
		}
	}()
	return b.run(ctx, m)
}

type fatal struct{ error }

// A bench stands in for a test where one of those would start a server: see pgtest.

// Helper does nothing.
func (b *bench) Helper() {}

// Cleanup has something done at the end, the last first.
func (b *bench) Cleanup(do func()) { b.cleanups = append(b.cleanups, do) }

// Error tells of what went wrong when all was over.
func (b *bench) Error(args ...any) { fmt.Fprintln(b.err, append([]any{"bench:"}, args...)...) }

// Fatalf ends the measure.
func (b *bench) Fatalf(format string, args ...any) { panic(fatal{fmt.Errorf(format, args...)}) }

func (b *bench) close() {
	for i := len(b.cleanups) - 1; i >= 0; i-- {
		b.cleanups[i]()
	}
}

// dir returns a new folder, which goes at the end.
func (b *bench) dir() (string, error) {
	dir, err := os.MkdirTemp("", "rochdale-bench-")
	if err == nil {
		b.Cleanup(func() { err := os.RemoveAll(dir); b.warn(err) })
	}
	return dir, err
}

func (b *bench) file(name string) (string, error) {
	dir, err := b.dir()
	return filepath.Join(dir, name), err
}

func (b *bench) warn(err error) {
	if err != nil && !errors.Is(err, os.ErrClosed) {
		b.Error(err)
	}
}

// once makes what several measures share.
func once[T any](b *bench, name string, make func() (T, error)) (T, error) {
	if known, ok := b.shared[name].(T); ok {
		return known, nil
	}
	made, err := make()
	if err == nil {
		if b.shared == nil {
			b.shared = map[string]any{}
		}
		b.shared[name] = made
	}
	return made, err
}
