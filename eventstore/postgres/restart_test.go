package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/internal/pgtest"
)

// TestRestart stops the server in the midst of 32 writers on two nodes, in the ways
// that there are, and starts it again. What was acknowledged is there once, what was
// not at most once; and who follows the log sees all of it.
func TestRestart(t *testing.T) {
	for name, proxy := range map[string]bool{"directly": false, "through a proxy": true} {
		t.Run(name, func(t *testing.T) {
			c := pgtest.Start(t)
			url := c.NewDatabase(t)
			if proxy {
				url = c.Bounce(t)(url)
			}
			l := start(t, url)
			for _, mode := range []pgtest.Mode{pgtest.Fast, pgtest.Immediate, pgtest.Fast, pgtest.Immediate} {
				l.goOn(300)
				c.Restart(t, mode)
			}
			l.goOn(300)
			l.finish()
		})
	}
}

// TestKilledConnections ends connections at random. Nobody who appends notices.
func TestKilledConnections(t *testing.T) {
	for name, proxy := range map[string]bool{"directly": false, "through a proxy": true} {
		t.Run(name, func(t *testing.T) {
			url := server().NewDatabase(t)
			name := database(t, url)
			if proxy {
				url = proxied()(url)
			}
			l := start(t, url)
			for range 25 {
				l.goOn(20)
				_, err := server().SQL("postgres", `select pg_terminate_backend(pid) from pg_stat_activity where datname = '`+name+`' order by random() limit 1`)
				must(t, err)
			}
			l.goOn(100)
			l.finish()
			if n := l.failed.Load(); n > 0 {
				t.Errorf("%d appends failed", n)
			}
		})
	}
}

// A load is what many writers and readers do to a log on two nodes.
type load struct {
	t     *testing.T
	nodes []*eventstore.Log
	stop  context.CancelFunc
	wg    sync.WaitGroup

	acked, failed atomic.Int64 // appends
	mu            sync.Mutex
	tried         map[string]bool // by their data, and whether they were acknowledged
	seen          []int64         // by the readers, up to which position
}

func start(t *testing.T, url string) *load {
	l := &load{
		t: t, nodes: []*eventstore.Log{eventstore.NewLog(open(t, url)), eventstore.NewLog(open(t, url))},
		tried: map[string]bool{}, seen: make([]int64, 2),
	}
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	for w := range 32 {
		l.wg.Go(func() { l.write(ctx, w) })
	}
	for i := range l.seen {
		go l.follow(t.Context(), i)
	}
	return l
}

// write appends to a stream of its own, and every third time to one of all as well.
func (l *load) write(ctx context.Context, w int) {
	log := l.nodes[w%2]
	own := domain.StreamOf("own", fmt.Sprint(w))
	versions := map[domain.Stream]int64{}
	for n := 0; ctx.Err() == nil; n++ {
		unit := []eventstore.StreamAppend{to(own, versions[own], one("noted"))}
		if n%3 == 0 {
			unit = append(unit, to("shared", versions["shared"], one("noted")))
		}
		for i := range unit {
			data := fmt.Sprintf(`"%d/%d/%d"`, w, n, i)
			unit[i].Records[0].Data = []byte(data)
			l.mu.Lock()
			l.tried[data] = false
			l.mu.Unlock()
		}
		// Who has begun has patience, longer than any server needs to come back.
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		_, err := log.Append(patient, unit...)
		cancel()
		if no, conflict := errors.AsType[eventstore.Conflict](err); conflict {
			if versions[no.Stream] = no.Actual; no.Stream == own {
				l.t.Errorf("%v, to which nobody else writes", err)
				return
			}
			continue
		}
		if err != nil { // it may be there, or not
			l.t.Logf("an append failed: %v", err)
			l.failed.Add(1)
			for _, a := range unit {
				versions[a.Stream] = l.version(log, a.Stream, versions[a.Stream])
			}
			continue
		}
		l.mu.Lock()
		for _, a := range unit {
			l.tried[string(a.Records[0].Data)] = true
			versions[a.Stream]++
		}
		l.mu.Unlock()
		l.acked.Add(1)
	}
}

// version reads that of a stream, as often as it takes.
func (l *load) version(log *eventstore.Log, stream domain.Stream, known int64) int64 {
	for {
		failed := false
		for r, err := range log.Stream(l.t.Context(), stream, known) {
			if failed = err != nil; failed {
				break
			}
			known = r.Version
		}
		if !failed || l.t.Context().Err() != nil {
			return known
		}
	}
}

func (l *load) follow(ctx context.Context, i int) {
	for r, err := range l.nodes[i].Follow(ctx, 0) {
		if err != nil { // for information
			continue
		}
		l.mu.Lock()
		if r.Position != l.seen[i]+1 {
			l.t.Errorf("a reader saw position %d after %d", r.Position, l.seen[i])
		}
		l.seen[i] = r.Position
		l.mu.Unlock()
	}
}

// goOn waits for some more acknowledgements.
func (l *load) goOn(some int64) {
	l.t.Helper()
	some += l.acked.Load()
	for patience := time.Now().Add(time.Minute); l.acked.Load() < some; time.Sleep(time.Millisecond) {
		if time.Now().After(patience) {
			l.t.Fatal("nobody gets on")
		}
	}
}

// finish compares what was acknowledged with what is there.
func (l *load) finish() {
	l.t.Helper()
	l.stop()
	l.wg.Wait()
	there, versions, last := map[string]int{}, map[domain.Stream]int64{}, int64(0)
	for r, err := range l.nodes[0].All(l.t.Context(), 0) {
		if err != nil {
			l.t.Fatal(err)
		}
		if last++; r.Position != last {
			l.t.Fatalf("position %d follows %d", r.Position, last-1)
		}
		if versions[r.Stream]++; r.Version != versions[r.Stream] {
			l.t.Fatalf("version %d of %s follows %d", r.Version, r.Stream, versions[r.Stream]-1)
		}
		there[string(r.Data)]++
	}
	acknowledged := 0
	for data, acked := range l.tried {
		n := there[data]
		delete(there, data)
		if acked {
			acknowledged++
		}
		if n > 1 || acked && n == 0 {
			l.t.Errorf("%s was acknowledged: %t, and is there %d times", data, acked, n)
		}
	}
	for data := range there {
		l.t.Errorf("%s is there, and was never appended", data)
	}
	l.t.Logf("%d events were acknowledged, %d are there, %d appends failed", acknowledged, last, l.failed.Load())
	for patience := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		seen := min(l.seen[0], l.seen[1])
		l.mu.Unlock()
		if seen == last {
			return
		}
		if time.Now().After(patience) {
			l.t.Fatalf("a reader has seen %d of %d", seen, last)
		}
	}
}

// TestFirstAfterRestart works after a restart as if there had been none: the
// connections that were left idle are noticed before anything is sent on them.
func TestFirstAfterRestart(t *testing.T) {
	c := pgtest.Start(t)
	d := open(t, c.NewDatabase(t))
	log := eventstore.NewLog(d)
	defer log.Close()
	appendTo(t, log, "s", 0, 2)
	made := eventstore.Change{Key: "k", Value: []byte("v")}
	revision := made.Next()
	must(t, d.Put(t.Context(), made))
	for i, mode := range []pgtest.Mode{pgtest.Fast, pgtest.Immediate} {
		d.Warm(t) // all connections are there
		c.Restart(t, mode)
		n := 0
		for _, err := range d.All(t.Context(), 0) {
			if n++; err != nil {
				t.Fatalf("reading failed: %v", err)
			}
		}
		if entries, err := d.Get(t.Context(), "k"); err != nil || entries[0].Revision != revision || n != 2+i {
			t.Errorf("%+v, %v, and %d events", entries, err, n)
		}
		d.Warm(t)
		c.Restart(t, mode)
		appendTo(t, log, "s", int64(2+i), 1)
	}
}

// TestStopped has no server at all for a while.
func TestStopped(t *testing.T) {
	c := pgtest.Start(t)
	url := c.NewDatabase(t)
	log := eventstore.NewLog(open(t, url))
	defer log.Close()
	appendTo(t, log, "s", 0, 1)
	c.Stop(t, pgtest.Immediate)
	if _, err := postgres.Open(t.Context(), url); err == nil {
		t.Error("a log was opened without a server")
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := log.Append(short, to("s", 1, one("noted"))); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("appended without a server: %v", err)
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		for {
			if _, err := log.Append(t.Context(), to("t", 0, one("noted"))); err == nil || t.Context().Err() != nil {
				return
			}
		}
	}()
	c.Restart(t, pgtest.Fast)
	<-back
	head, err := log.Head(t.Context())
	if must(t, err); head < 2 {
		t.Errorf("the log is at %d", head)
	}
}
