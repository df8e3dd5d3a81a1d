package processes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// A small domain: things are made, and answered.
type (
	things   struct{ made, answered bool }
	made     struct{ N int }
	answered struct{ N int }
	makeIt   struct{ N int }
	answer   struct{ N int }
)

func (made) Evolve(t things) things {
	t.made = true
	return t
}

func (answered) Evolve(t things) things {
	t.answered = true
	return t
}

func (c makeIt) Stream() domain.Stream { return domain.StreamOf("thing", fmt.Sprint(c.N)) }
func (c answer) Stream() domain.Stream { return domain.StreamOf("thing", fmt.Sprint(c.N)) }

func (c makeIt) Decide(t things) ([]domain.Event[things], error) {
	if t.made {
		return nil, nil
	}
	return []domain.Event[things]{made(c)}, nil
}

func (c answer) Decide(t things) ([]domain.Event[things], error) {
	if t.answered {
		return nil, nil
	}
	return []domain.Event[things]{answered(c)}, nil
}

type fixture struct {
	t      *testing.T
	driver *eventstore.Memory
}

func (f fixture) node() *eventstore.Store {
	var r domain.Registry
	domain.Register[made](&r, "thing.made")
	domain.Register[answered](&r, "thing.answered")
	return eventstore.New(eventstore.NewLog(f.driver), &r, nil)
}

func (f fixture) make(s *eventstore.Store, from, to int) {
	f.t.Helper()
	ctx := eventstore.As(context.Background(), "test")
	for n := from; n <= to; n++ {
		if _, err := eventstore.Execute(ctx, s, makeIt{n}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// count returns how often each thing was answered, in the log.
func (f fixture) count(s *eventstore.Store) (answers, things int) {
	f.t.Helper()
	for rec, err := range s.Log.All(context.Background(), 0) {
		if err != nil {
			f.t.Fatal(err)
		}
		switch rec.Type {
		case "thing.answered":
			answers++
		case "thing.made":
			things++
		}
	}
	return answers, things
}

func answering(s *eventstore.Store, during func(n int) error) processes.Process {
	return processes.Process{Name: "answering", Wants: []any{made{}}, Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
		n := event.(made).N
		if err := during(n); err != nil {
			return err
		}
		_, err := eventstore.Execute(ctx, s, answer{n})
		return err
	}}
}

var quiet = slog.New(slog.DiscardHandler)

func ok(int) error { return nil }

func TestEveryEventIsAnsweredOnceWhicheverNodeDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		var wg sync.WaitGroup
		var busy sync.Mutex // only one node may be at work
		live := func(i int) (stop context.CancelFunc, s *eventstore.Store) {
			s = f.node()
			ctx, stop := context.WithCancel(context.Background())
			p := answering(s, func(int) error {
				if !busy.TryLock() {
					t.Errorf("node %d works although another does", i)
					return nil
				}
				defer busy.Unlock()
				time.Sleep(10 * time.Millisecond)
				return nil
			})
			wg.Go(func() {
				processes.NewRunner(s, quiet, p).Run(ctx)
				if i < 3 { // the last is still to be read
					_ = s.Log.Close()
				}
			})
			return stop, s
		}
		var last *eventstore.Store
		var stops []context.CancelFunc
		for i := range 4 {
			stop, s := live(i)
			stops, last = append(stops, stop), s
			f.make(s, 100*i+1, 100*i+100)
			time.Sleep(500 * time.Millisecond)
			if i > 0 {
				stops[i-1]() // the node that came before goes away
			}
		}
		time.Sleep(time.Minute)
		for _, stop := range stops {
			stop()
		}
		wg.Wait()
		if answers, things := f.count(last); answers != things || things != 400 {
			t.Errorf("%d answers to %d things", answers, things)
		}
		_ = last.Log.Close()
		synctest.Wait()
	})
}

func TestTroublesThatPassAndTroublesThatLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		s := f.node()
		attempts := map[int]int{}
		var broken atomic.Bool
		broken.Store(true)
		runner := processes.NewRunner(s, quiet, answering(s, func(n int) error {
			attempts[n]++
			switch {
			case n == 2 && attempts[n] < 4:
				return errors.New("passes")
			case n == 3 && broken.Load():
				return fault.New(fault.Conflict, "ocs 102", "will not do")
			case n == 4 && broken.Load():
				panic("a mistake in the program")
			case n == 5:
				return domain.Refusal{Code: "no", Reason: "no"}
			}
			return nil
		}))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			runner.Run(ctx)
			close(done)
		}()
		f.make(s, 1, 6)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if want := map[int]int{1: 1, 2: 4, 3: 1, 4: processes.Attempts, 5: 1, 6: 1}; fmt.Sprint(attempts) != fmt.Sprint(want) {
			t.Errorf("attempts %v, want %v", attempts, want)
		}
		letters, err := runner.DeadLetters(ctx, "answering")
		if err != nil || len(letters) != 2 || letters[0].Class != "conflict" || letters[1].Class != "transient" || letters[0].Type != "thing.made" || letters[0].Attempts != 1 || letters[1].Attempts != processes.Attempts {
			t.Fatalf("dead letters %+v, %v", letters, err)
		}
		broken.Store(false)
		for _, l := range letters {
			if answered, err := runner.Replay(ctx, l.Process, l.Position); err != nil || !answered {
				t.Error(answered, err)
			}
		}
		if _, err := runner.Replay(ctx, "answering", letters[0].Position); !errors.Is(err, processes.ErrNoSuchLetter) {
			t.Errorf("replayed again: %v", err)
		}
		status, err := runner.Status(ctx)
		if err != nil || len(status) != 1 || status[0].Dead != 0 || status[0].Position < 6 || status[0].Holder == "" {
			t.Errorf("status %+v, %v", status, err)
		}
		if answers, things := f.count(s); answers != things-1 { // one was refused
			t.Errorf("%d answers to %d things", answers, things)
		}
		stop()
		<-done
		_ = s.Log.Close()
		synctest.Wait()
	})
}

func TestCatchUpAnswersWhatIsThere(t *testing.T) {
	f := fixture{t, new(eventstore.Memory)}
	s := f.node()
	f.make(s, 1, 50)
	var order []int
	runner := processes.NewRunner(s, quiet, answering(s, func(n int) error {
		order = append(order, n)
		return nil
	}))
	for range 2 {
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(order) != 50 || !slices.IsSorted(order) {
		t.Errorf("answered %v", order)
	}
}

// unreachable is a log that cannot be reached for a while.
type unreachable struct {
	*eventstore.Memory
	mu   sync.Mutex
	down bool
}

func (u *unreachable) fail() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		return errors.New("no route to the database")
	}
	return nil
}

func (u *unreachable) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	if err := u.fail(); err != nil {
		return nil, err
	}
	return u.Memory.Write(ctx, units)
}

func (u *unreachable) Put(ctx context.Context, changes ...eventstore.Change) error {
	if err := u.fail(); err != nil {
		return err
	}
	return u.Memory.Put(ctx, changes...)
}

func TestAnAbsentDatabaseMakesNoDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		u := &unreachable{Memory: f.driver}
		s := f.node()
		s.Log = eventstore.NewLog(u)
		runner := processes.NewRunner(s, quiet, answering(s, ok))
		f.make(s, 1, 3)
		u.down = true
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			runner.Run(ctx)
			close(done)
		}()
		time.Sleep(time.Hour)
		u.mu.Lock()
		u.down = false
		u.mu.Unlock()
		time.Sleep(time.Hour)
		if letters, err := runner.DeadLetters(ctx, ""); len(letters) > 0 || err != nil {
			t.Errorf("dead letters %+v, %v", letters, err)
		}
		if answers, _ := f.count(s); answers != 3 {
			t.Errorf("%d answers", answers)
		}
		stop()
		<-done
		_ = s.Log.Close()
		synctest.Wait()
	})
}
