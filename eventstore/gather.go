package eventstore

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Gather returns a [KV] whose Gets are made together: those that come while one is
// under way are made by the next, at once. What one returns was read after it was asked
// for, as ever. It is for where many ask at the same time, each for little.
func Gather(kv KV) KV { return &gathered{KV: kv, turn: make(chan struct{}, 1)} }

type gathered struct {
	KV
	turn chan struct{} // held by whoever asks for all

	mu      sync.Mutex
	waiting []*getting
}

type getting struct {
	keys    []string
	entries []Entry
	err     error
	done    chan struct{}
}

// mostGathered bounds the keys of one Get, unless one alone has more.
const mostGathered = 500

// gatherPatience is how long one waits that is made for many, whom no single one of
// them may cut short.
const gatherPatience = 30 * time.Second

// Get is that of [KV].
func (g *gathered) Get(ctx context.Context, keys ...string) ([]Entry, error) {
	mine := &getting{keys: keys, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, mine)
	g.mu.Unlock()
	for {
		select {
		case <-mine.done: // by somebody else
			return mine.entries, mine.err
		case g.turn <- struct{}{}:
			select {
			case <-mine.done:
			default:
				g.getWaiting(context.WithoutCancel(ctx))
			}
			<-g.turn
		case <-ctx.Done():
			g.withdraw(mine)
			return nil, context.Cause(ctx)
		}
	}
}

// getWaiting makes the Gets that wait, up to a number of keys.
func (g *gathered) getWaiting(ctx context.Context) {
	g.mu.Lock()
	n, keys := 0, []string(nil)
	for n < len(g.waiting) && (n == 0 || len(keys)+len(g.waiting[n].keys) <= mostGathered) {
		keys = append(keys, g.waiting[n].keys...)
		n++
	}
	batch := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	g.mu.Unlock()
	if n == 0 {
		return // who waited has withdrawn
	}
	ctx, cancel := context.WithTimeout(ctx, gatherPatience)
	defer cancel()
	entries, err := g.KV.Get(ctx, keys...)
	for _, one := range batch {
		if err != nil {
			one.err = err
		} else {
			one.entries, entries = entries[:len(one.keys):len(one.keys)], entries[len(one.keys):]
		}
		close(one.done)
	}
}

func (g *gathered) withdraw(mine *getting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *getting) bool { return other == mine })
}
