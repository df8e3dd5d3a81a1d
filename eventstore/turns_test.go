package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
)

// fragile is a driver that waits to be let go before it writes or gets, and panics
// over what is poison.
type fragile struct {
	eventstore.Memory
	began, release chan struct{}
	panicked       atomic.Int64 // how often, as it wrote
}

func newFragile() *fragile {
	return &fragile{began: make(chan struct{}, 100), release: make(chan struct{})}
}

func (f *fragile) hold() {
	f.began <- struct{}{}
	<-f.release
}

// Write is that of [eventstore.Driver].
func (f *fragile) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	f.hold()
	for _, u := range units {
		if u[0].Stream == "poison" {
			f.panicked.Add(1)
			panic("poison")
		}
	}
	return f.Memory.Write(ctx, units)
}

// Get is that of [eventstore.KV].
func (f *fragile) Get(ctx context.Context, keys ...string) ([]eventstore.Entry, error) {
	f.hold()
	for _, key := range keys {
		switch key {
		case "poison":
			panic("poison")
		case "bad":
			return nil, errPoison
		}
	}
	return f.Memory.Get(ctx, keys...)
}

func aRecord() eventstore.Record {
	return eventstore.Record{ID: uuid.Must(uuid.NewV7()), Actor: "ada", Encoded: domain.Encoded{Type: "x", Edition: 1, Data: []byte("{}")}}
}

// panics reports whether something does.
func panics(do func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	do()
	return false
}

// TestPanicLeavesTheOthers: whoever commits for all may panic, over something of their
// own or of somebody else. All others are committed nevertheless, once, and the log
// goes on.
func TestPanicLeavesTheOthers(t *testing.T) {
	for _, streams := range [][]string{{"poison", "a", "b"}, {"a", "poison", "b"}, {"a", "b", "poison"}} {
		t.Run(strings.Join(streams, " "), func(t *testing.T) {
			d := newFragile()
			log := eventstore.NewLog(d)
			var wg sync.WaitGroup
			var mu sync.Mutex
			unanswered := map[string]bool{} // whose caller panicked
			write := func(stream string) {
				wg.Go(func() {
					var err error
					panicked := panics(func() {
						_, err = log.Append(t.Context(), eventstore.StreamAppend{Stream: domain.Stream(stream), Records: []eventstore.Record{aRecord()}})
					})
					if stream == "poison" && !panicked || err != nil {
						t.Errorf("%s: %v", stream, err)
					}
					mu.Lock()
					defer mu.Unlock()
					unanswered[stream] = panicked
				})
			}
			write("first")
			<-d.began
			for i, stream := range streams {
				write(stream)
				for eventstore.WaitingToAppend(log) <= i {
					if t.Context().Err() != nil {
						t.Fatal("nobody waits")
					}
				}
			}
			close(d.release)
			wg.Wait()
			for _, stream := range []domain.Stream{"first", "a", "b"} {
				n := 0
				for range log.Stream(t.Context(), stream, 0) {
					n++
				}
				// Whose turn it was when the driver panicked over another has no answer:
				// that their caller panics says that it is not known. It may be the turn of
				// one who tries again, too, if the poison does so at the same time.
				if n > 1 || n == 0 && !unanswered[string(stream)] {
					t.Errorf("%s was written %d times", stream, n)
				}
			}
			callers := int64(0)
			for _, panicked := range unanswered {
				if panicked {
					callers++
				}
			}
			if n := d.panicked.Load(); callers != n {
				t.Errorf("the driver panicked %d times, and so did %d of those who append", n, callers)
			}
			write("after")
			wg.Wait()
		})
	}
}

// TestGatheredApart: an error over the keys of one who asks is not the answer of another,
// and after a panic nobody waits for ever.
func TestGatheredApart(t *testing.T) {
	for _, key := range []string{"bad", "poison"} {
		t.Run(key, func(t *testing.T) {
			d := newFragile()
			kv := eventstore.Gather(d)
			var wg sync.WaitGroup
			ask := func(asked string) {
				wg.Go(func() {
					var err error
					panicked := panics(func() { _, err = kv.Get(t.Context(), asked) })
					if asked == "after" || key == "bad" { // of a panic it is enough that nobody waits for ever
						if panicked || (err != nil) != (asked == "bad") {
							t.Errorf("%s: %v, panicked: %v", asked, err, panicked)
						}
					}
				})
			}
			ask("first")
			<-d.began
			for i, asked := range []string{"a", key, "b"} {
				ask(asked)
				for eventstore.Waiting(kv) <= i {
					if t.Context().Err() != nil {
						t.Fatal("nobody waits")
					}
				}
			}
			close(d.release)
			wg.Wait()
			ask("after")
			wg.Wait()
		})
	}
}

// TestClosedWhileAppending: what is committed while the log is closed is so, and nobody
// panics.
func TestClosedWhileAppending(t *testing.T) {
	d := newFragile()
	log := eventstore.NewLog(d)
	done := make(chan error)
	go func() {
		_, err := log.Append(t.Context(), eventstore.StreamAppend{Stream: "a", Records: []eventstore.Record{aRecord()}})
		done <- err
	}()
	<-d.began
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	close(d.release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := log.Wait(t.Context(), 1); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("news of a closed log: %v", err)
	}
}

// late is a driver that loses its database while a commit is still under way: the first
// answer is lost, and nothing found; then it is there after all, and the database lost
// once more.
type late struct {
	eventstore.Memory
	writes, finds int
	held          []eventstore.Unit
}

// Write is that of [eventstore.Driver].
func (l *late) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	if l.writes++; l.writes == 1 {
		l.held = units
		return nil, eventstore.NewAmbiguous(errLost)
	}
	if l.held != nil { // which the server had got
		if _, err := l.Memory.Write(ctx, l.held); err != nil {
			return nil, err
		}
		l.held = nil
	}
	return l.Memory.Write(ctx, units)
}

// Stream is that of [eventstore.Driver].
func (l *late) Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[eventstore.Record, error] {
	if l.writes > 0 {
		l.finds++
	}
	if l.finds == 2 {
		return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, errLost) }
	}
	return l.Memory.Stream(ctx, stream, after)
}

// TestLostAgainWhileSettled: what conflicts with itself is not decided afresh, even if
// the database is lost again before that is known.
func TestLostAgainWhileSettled(t *testing.T) {
	d := new(late)
	s := storeOn(t, d)
	ctx := eventstore.As(t.Context(), "ada")
	if _, err := eventstore.Execute(ctx, s, fill{jar: "a", n: 3}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(contents(t, s, "a").n, headOf(t, s), d.finds > 2); got != "3 1 true" {
		t.Errorf("filled, of how many events, looked again: %s, want 3 1 true", got)
	}
}
