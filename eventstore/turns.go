package eventstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// turns has what many ask for at the same time done together: what is asked for while
// some is being done waits, and whoever has waited longest then does it for all.
type turns[T any] struct {
	sync.Mutex // guards the rest
	waiting    []*turn[T]
	taken      bool // somebody is doing it, or about to
	wanted     int  // how many shall wait before enough is closed
	enough     chan struct{}
}

// errLeft is that of those for whom somebody was to do it who panicked.
var errLeft = errors.New("eventstore: whoever was to do this for all has failed: see what the log of the program says of it")

// turn is one who waits, for something.
type turn[T any] struct {
	of   T
	wake chan struct{} // told once: that it is done, or theirs to do
	does bool
}

// wait has one more wait.
func (q *turns[T]) wait(of T) *turn[T] {
	t := &turn[T]{of: of, wake: make(chan struct{}, 1)}
	q.Lock()
	defer q.Unlock()
	q.waiting = append(q.waiting, t)
	if !q.taken {
		q.next()
	}
	if q.enough != nil && len(q.waiting) >= q.wanted {
		close(q.enough)
		q.enough = nil
	}
	return t
}

// linger returns once so many wait, or some time has passed.
func (q *turns[T]) linger(n int, most time.Duration) {
	q.Lock()
	if len(q.waiting) >= n {
		q.Unlock()
		return
	}
	enough := make(chan struct{})
	q.wanted, q.enough = n, enough
	q.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-enough:
	case <-timer.C:
		q.Lock()
		q.enough = nil
		q.Unlock()
	}
}

// next has the one do it who has waited longest, if anybody waits.
func (q *turns[T]) next() {
	if q.taken = len(q.waiting) > 0; q.taken {
		first := q.waiting[0]
		first.does = true
		first.wake <- struct{}{}
	}
}

// await returns once t is done, by somebody else or by do. That takes from those who
// wait at least the first, which t is then, and ends the waiting of all it takes, even if
// it panics. It returns false if ctx ends before: then t is to be withdrawn.
func (q *turns[T]) await(ctx context.Context, t *turn[T], do func()) (done bool) {
	select {
	case <-t.wake:
	case <-ctx.Done():
		return false
	}
	if t.does {
		defer q.pass() // also if do panics, or nobody would have a turn again
		do()
	}
	return true
}

// pass has the next one do it.
func (q *turns[T]) pass() {
	q.Lock()
	defer q.Unlock()
	q.next()
}

// withdraw has one wait no more, unless they were taken, and so will be done.
func (q *turns[T]) withdraw(t *turn[T]) bool {
	q.Lock()
	defer q.Unlock()
	i := slices.Index(q.waiting, t)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	if t.does {
		q.next()
	}
	return true
}

// end ends the waiting of one who was taken from those who wait.
func (t *turn[T]) end() {
	if !t.does {
		t.wake <- struct{}{}
	}
}
