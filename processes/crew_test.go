package processes_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/eventstore"
	"rochdale/processes"
)

// TestPartsAreSharedOut: nodes that come take their share of a process in parts, and
// that of one that dies goes to the others. Each event is answered once.
func TestPartsAreSharedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{t, new(eventstore.Memory)}
		var mu sync.Mutex
		answers := map[int]map[int]int{} // by node, by thing
		var dead sync.Map                // nodes that can do nothing any more
		node := func(i int) (runner *processes.Runner, s *eventstore.Store, stop func()) {
			s = f.node()
			s.Log = eventstore.NewLog(&puts{f.driver, func(_ []string, put func() error) error {
				if _, is := dead.Load(i); is {
					return fmt.Errorf("node %d is dead", i)
				}
				return put()
			}})
			runner = processes.NewRunner(s, quiet, answering(s, func(n int) error {
				if _, is := dead.Load(i); is {
					return fmt.Errorf("node %d is dead", i)
				}
				mu.Lock()
				defer mu.Unlock()
				if answers[i] == nil {
					answers[i] = map[int]int{}
				}
				answers[i][n]++
				return nil
			}).In(8))
			return runner, s, start(runner)
		}
		shares := func(from, to int) string { // how many of some things were answered on each node
			mu.Lock()
			defer mu.Unlock()
			var by []string
			for i := range 3 {
				n := 0
				for thing := from; thing <= to; thing++ {
					n += answers[i][thing]
				}
				if n > (to-from)/10 {
					by = append(by, fmt.Sprint(i))
				}
			}
			return strings.Join(by, " ")
		}
		first, a, stopA := node(0)
		f.make(a, 1, 200)
		time.Sleep(time.Minute)
		if got := shares(1, 200); got != "0" {
			t.Errorf("at first answered by %s", got)
		}
		_, b, stopB := node(1)
		_, c, stopC := node(2)
		time.Sleep(time.Minute)
		f.make(b, 201, 400)
		time.Sleep(time.Minute)
		if got := shares(201, 400); got != "0 1 2" {
			t.Errorf("of three, answered by %s", got)
		}
		status, err := first.Status(t.Context())
		if err != nil || len(status) != 1 || strings.Count(status[0].Holder, ", ") != 2 {
			t.Errorf("status %+v, %v", status, err)
		}
		dead.Store(1, true)
		f.make(c, 401, 600)
		time.Sleep(time.Minute)
		if got := shares(401, 600); got != "0 2" {
			t.Errorf("without the second, answered by %s", got)
		}
		stopC()
		f.make(a, 601, 800)
		time.Sleep(time.Minute)
		if got := shares(601, 800); got != "0" {
			t.Errorf("the last, answered by %s", got)
		}
		if answers, things := f.count(a); answers != 800 || things != 800 {
			t.Errorf("%d answers to %d things", answers, things)
		}
		mu.Lock()
		for i, all := range answers {
			for n, times := range all {
				if times != 1 {
					t.Errorf("node %d answered %d %d times", i, n, times)
				}
			}
		}
		mu.Unlock()
		stopA()
		stopB()
		for _, s := range []*eventstore.Store{a, b, c} {
			_ = s.Log.Close()
		}
		synctest.Wait()
	})
}

// TestOneKeyIsInOrder, in whichever part it is; and a process that is split otherwise
// goes on where it was.
func TestOneKeyIsInOrder(t *testing.T) {
	f := fixture{t, new(eventstore.Memory)}
	s := f.node()
	seen := map[string][]int{}
	runner := func(parts int) *processes.Runner {
		p := processes.Process{Name: "reading", All: true, Handle: func(_ context.Context, rec eventstore.Record, event any) error {
			if event != nil {
				t.Error("it asked for records alone")
			}
			key := fmt.Sprint(rec.Position % 7)
			seen[key] = append(seen[key], int(rec.Position))
			return nil
		}}
		p.Key = func(rec eventstore.Record) string { return fmt.Sprint(rec.Position % 7) }
		return processes.NewRunner(s, quiet, p.In(parts))
	}
	made := 0
	for _, parts := range []int{1, 4, 4, 3, 1, 4} {
		f.make(s, made+1, made+50)
		made += 50
		r := runner(parts)
		if err := r.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, err := r.Status(t.Context()); err != nil || len(status) != 1 || status[0].Position != int64(made) {
			t.Errorf("in %d parts: %+v, %v", parts, status, err)
		}
	}
	all := 0
	for key, positions := range seen {
		for i, p := range positions {
			if i > 0 && p != positions[i-1]+7 {
				t.Errorf("key %s: %d after %d", key, p, positions[i-1])
			}
		}
		all += len(positions)
	}
	if all != made {
		t.Errorf("%d events of %d", all, made)
	}
}
