package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes"
)

// puts is a log beside which entries are put through a function.
type puts struct {
	*eventstore.Memory
	through func(keys []string, put func() error) error
}

func (p *puts) Put(ctx context.Context, changes ...eventstore.Change) error {
	var keys []string
	for _, c := range changes {
		keys = append(keys, c.Key)
	}
	return p.through(keys, func() error { return p.Memory.Put(ctx, changes...) })
}

// checkpoint returns that of the process of these tests.
func (f fixture) checkpoint() int {
	f.t.Helper()
	entries, err := f.driver.Get(context.Background(), "checkpoint/answering")
	if err != nil {
		f.t.Fatal(err)
	}
	n, _ := strconv.Atoi(string(entries[0].Value))
	return n
}

func start(runner *processes.Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		runner.Run(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}

// TestANodeThatWasOnlySlowIsFenced: it stops for a while and does not know it, another
// takes over, and what the first has to say after that counts no more.
func TestANodeThatWasOnlySlowIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		frozen, fenced := make(chan struct{}), 0
		var freeze sync.Mutex
		freezing := false
		slow := &puts{f.driver, nil}
		slow.through = func(keys []string, put func() error) error {
			freeze.Lock()
			wait := freezing
			freeze.Unlock()
			if wait {
				<-frozen
			}
			before := f.checkpoint()
			err := put()
			if eventstore.IsStale(err) && strings.HasPrefix(keys[0], "checkpoint/") {
				fenced++
			}
			if f.checkpoint() < before {
				t.Errorf("the checkpoint went back from %d to %d", before, f.checkpoint())
			}
			return err
		}
		a := f.node()
		a.Log = eventstore.NewLog(slow)
		seen := map[int]int{}
		var mu sync.Mutex
		handle := func(n int) error {
			mu.Lock()
			defer mu.Unlock()
			seen[n]++
			return nil
		}
		first := processes.NewRunner(a, quiet, answering(a, handle))
		stopFirst := start(first)
		f.make(a, 1, 10)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		holder := func() string {
			status, err := first.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return status[0].Holder
		}
		was := holder()

		freeze.Lock()
		freezing = true
		freeze.Unlock()
		f.make(a, 11, 20)
		b := f.node()
		stopSecond := start(processes.NewRunner(b, quiet, answering(b, handle)))
		time.Sleep(time.Minute)
		synctest.Wait()
		if now := holder(); now == was || now == "" {
			t.Errorf("%q holds the lease after %q", now, was)
		}
		f.make(b, 21, 30)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		reached := f.checkpoint()

		freeze.Lock()
		freezing = false
		freeze.Unlock()
		close(frozen)
		f.make(b, 31, 40)
		time.Sleep(time.Minute)
		synctest.Wait()
		if fenced == 0 {
			t.Error("the first was never told that it is late")
		}
		if f.checkpoint() < reached+10 {
			t.Errorf("the checkpoint is at %d after %d", f.checkpoint(), reached)
		}
		if answers, things := f.count(b); answers != 40 || things != 40 {
			t.Errorf("%d answers to %d things", answers, things)
		}
		for n := 21; n <= 40; n++ {
			if seen[n] != 1 {
				t.Errorf("%d was seen %d times, though only one node was at work", n, seen[n])
			}
		}
		stopFirst()
		stopSecond()
		_, _ = a.Log.Close(), b.Log.Close()
		synctest.Wait()
	})
}

// TestANodeThatStopsHandsOver at once, and the other begins where it was.
func TestANodeThatStopsHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		a, b := f.node(), f.node()
		seen := map[int]int{}
		see := func(n int) error {
			seen[n]++
			return nil
		}
		stop := start(processes.NewRunner(a, quiet, answering(a, see)))
		f.make(a, 1, 5)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		stopOther := start(processes.NewRunner(b, quiet, answering(b, see)))
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		f.make(b, 6, 9)
		time.Sleep(2 * time.Second) // the other looks for nodes, and then at the lease, in 1.2 s at most; one not given back lasts for 3.7 s more at least
		synctest.Wait()
		for n := 1; n <= 9; n++ {
			if seen[n] != 1 {
				t.Errorf("%d was seen %d times", n, seen[n])
			}
		}
		stopOther()
		_, _ = a.Log.Close(), b.Log.Close()
		synctest.Wait()
	})
}

// TestALetterThatCannotBeKept holds the process up, and is not lost.
func TestALetterThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		var away atomic.Bool
		away.Store(true)
		p := &puts{f.driver, func(keys []string, put func() error) error {
			if away.Load() && slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "dead/") }) {
				return errors.New("no room for letters")
			}
			return put()
		}}
		s := f.node()
		s.Log = eventstore.NewLog(p)
		runner := processes.NewRunner(s, quiet, answering(s, func(n int) error {
			if n == 2 {
				return fault.New(fault.Invalid, "", "cannot be")
			}
			return nil
		}))
		stop := start(runner)
		f.make(s, 1, 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		if answers, _ := f.count(s); answers != 1 {
			t.Errorf("%d answers before the letter is kept", answers)
		}
		away.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		letters, err := runner.DeadLetters(t.Context(), "")
		if err != nil || len(letters) != 1 || letters[0].Class != "invalid" || letters[0].Process != "answering" {
			t.Errorf("%+v, %v", letters, err)
		}
		if answers, _ := f.count(s); answers != 2 {
			t.Errorf("%d answers", answers)
		}
		stop()
		_ = s.Log.Close()
		synctest.Wait()
	})
}

// TestTheProcessWaitsLongerEachTime it tries again.
func TestTheProcessWaitsLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		s := f.node()
		var tries []time.Time
		stop := start(processes.NewRunner(s, quiet, answering(s, func(int) error {
			tries = append(tries, time.Now())
			return errors.New("not now")
		})))
		f.make(s, 1, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(tries) != processes.Attempts {
			t.Fatalf("%d tries", len(tries))
		}
		pause := 250 * time.Millisecond
		for i := 1; i < len(tries); i++ {
			if waited := tries[i].Sub(tries[i-1]); waited != pause {
				t.Errorf("before try %d it waited %v, not %v", i+1, waited, pause)
			}
			pause = min(2*pause, time.Minute)
		}
		stop()
		_ = s.Log.Close()
		synctest.Wait()
	})
}

// TestTheProcessWaitsForAServerThatIsAway, or as long as it asks, and gives nothing up.
func TestTheProcessWaitsForAServerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		s := f.node()
		var tries []time.Time
		runner := processes.NewRunner(s, quiet, answering(s, func(n int) error {
			switch tries = append(tries, time.Now()); {
			case len(tries) == 1:
				return &fault.Error{Class: fault.Throttled, RetryAfter: 10 * time.Minute, Err: errors.New("too fast")}
			case len(tries) < 50:
				return fault.New(fault.Unavailable, "", "away")
			}
			return nil
		}))
		stop := start(runner)
		f.make(s, 1, 2)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if answers, _ := f.count(s); answers != 2 || len(tries) != 51 {
			t.Errorf("%d answers in %d tries", answers, len(tries))
		}
		if waited := tries[1].Sub(tries[0]); waited != 10*time.Minute {
			t.Errorf("it was asked to wait for ten minutes, and waited %v", waited)
		}
		if waited := tries[49].Sub(tries[48]); waited != time.Minute {
			t.Errorf("in the end it waits %v", waited)
		}
		if letters, err := runner.DeadLetters(t.Context(), ""); err != nil || len(letters) > 0 {
			t.Errorf("%+v, %v", letters, err)
		}
		stop()
		_ = s.Log.Close()
		synctest.Wait()
	})
}

func TestCatchingUpKeepsLettersAndStopsAtTroubles(t *testing.T) {
	f := fixture{t, new(eventstore.Memory)}
	s := f.node()
	f.make(s, 1, 5)
	troubled := true
	runner := processes.NewRunner(s, quiet, answering(s, func(n int) error {
		switch {
		case n == 2:
			return fault.New(fault.Unsupported, "", "never")
		case n == 3:
			return domain.Refusal{Code: "no", Reason: "no"}
		case n == 4 && troubled:
			return errors.New("not now")
		}
		return nil
	}))
	if err := runner.CatchUp(t.Context()); err == nil || !strings.Contains(err.Error(), "not now") || !strings.Contains(err.Error(), "answering") {
		t.Errorf("a trouble that passes: %v", err)
	}
	troubled = false
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answers, _ := f.count(s); answers != 3 {
		t.Errorf("%d answers", answers)
	}
	if letters, err := runner.DeadLetters(t.Context(), "answering"); err != nil || len(letters) != 1 || letters[0].Class != "unsupported" || letters[0].Position != 2 {
		t.Errorf("%+v, %v", letters, err)
	}
	if answered, err := runner.Replay(t.Context(), "answering", 2); !errors.Is(err, processes.ErrUnanswered) || answered {
		t.Error("what is never to be was replayed", err)
	}
	if _, err := processes.NewRunner(s, quiet).Replay(t.Context(), "answering", 2); !errors.Is(err, processes.ErrNotRun) {
		t.Errorf("by who does not run it: %v", err)
	}
	if letters, err := runner.DeadLetters(t.Context(), ""); err != nil || len(letters) != 1 || letters[0].Attempts != 2 || letters[0].Error != "unsupported: never" || letters[0].Class != "unsupported" {
		t.Errorf("replayed in vain, there is %+v, %v", letters, err)
	}
	for _, other := range []struct {
		process  string
		position int64
	}{{"answering", 3}, {"asking", 2}} {
		if _, err := runner.Replay(t.Context(), other.process, other.position); !errors.Is(err, processes.ErrNoSuchLetter) {
			t.Errorf("%+v: %v", other, err)
		}
	}
}

func TestEventsThatFollowFromEvents(t *testing.T) {
	f := fixture{t, new(eventstore.Memory)}
	s := f.node()
	ctx := eventstore.As(t.Context(), "test")
	chain := func(through int) processes.Process {
		return processes.Process{Name: "chain", Wants: []any{made{}}, Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			if n := event.(made).N; n < through {
				_, err := eventstore.Execute(ctx, s, makeIt{n + 1})
				return err
			}
			return nil
		}}
	}
	if _, err := eventstore.Execute(ctx, s, makeIt{1}); err != nil {
		t.Fatal(err)
	}
	if err := processes.NewRunner(s, quiet, chain(20)).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, things := f.count(s); things != 20 {
		t.Errorf("%d things", things)
	}
	for rec, err := range s.Log.All(t.Context(), 1) {
		if err != nil || rec.Actor != "process/chain" || rec.Causation.String() == "" || rec.Correlation == rec.ID {
			t.Errorf("%+v, %v", rec, err)
		}
	}
	if _, err := eventstore.Execute(ctx, s, makeIt{21}); err != nil {
		t.Fatal(err)
	}
	if err := processes.NewRunner(s, quiet, chain(1000)).CatchUp(t.Context()); err == nil {
		t.Error("events that follow from events for ever came to an end")
	}
}

func TestAProcessNeedsEventsThatThereAre(t *testing.T) {
	s := fixture{t, new(eventstore.Memory)}.node()
	defer func() {
		if recover() == nil {
			t.Error("a process waits for events that there are none of")
		}
	}()
	processes.NewRunner(s, quiet, processes.Process{Name: "lost", Wants: []any{fixture{}}})
}

func TestDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone, err := time.LoadLocation("Europe/Brussels")
		if err != nil {
			t.Fatal(err)
		}
		var at, failed []string
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			processes.Daily(ctx, time.Now, zone, func(context.Context) error {
				at = append(at, time.Now().In(zone).Format("2 15:04"))
				if len(at) == 2 || len(at) == 3 {
					return fmt.Errorf("attempt %d", len(at))
				}
				return nil
			}, func(err error) { failed = append(failed, err.Error()) })
		}()
		time.Sleep(72 * time.Hour)
		synctest.Wait()
		stop()
		<-done
		// The clock of these tests begins at midnight UTC of 1 January 2000.
		if want := []string{"1 01:00", "2 00:01", "2 00:02", "2 00:03", "3 00:01", "4 00:01"}; !slices.Equal(at, want) {
			t.Errorf("it was done at %v", at)
		}
		if want := []string{"attempt 2", "attempt 3"}; !slices.Equal(failed, want) {
			t.Errorf("failed: %v", failed)
		}
	})
}

func TestRefused(t *testing.T) {
	no, never := domain.Refusal{Code: "no"}, domain.Refusal{Code: "never"}
	if processes.Refused(nil, no) != nil || processes.Refused(fmt.Errorf("wrapped: %w", no), never, no) != nil {
		t.Error("what does no harm is an error")
	}
	if err := processes.Refused(never, no); !errors.Is(err, never) {
		t.Errorf("what does harm is %v", err)
	}
}
