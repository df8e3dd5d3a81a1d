package eventstore

import (
	"context"
	"slices"
	"time"
)

// Gather returns a [KV] whose Gets are made together: those that come while one is
// under way are made by the next, at once. What one returns was read after it was asked
// for, as ever. It is for where many ask at the same time, each for little.
func Gather(kv KV) KV { return &gathered{KV: kv} }

type gathered struct {
	KV
	turns[*getting]
}

type getting struct {
	keys    []string
	entries []Entry
	err     error
}

// mostGathered bounds the keys of one Get, unless one alone has more.
const mostGathered = 500

// gatherPatience is how long one waits that is made for many, whom no single one of
// them may cut short.
const gatherPatience = 30 * time.Second

// Get is that of [KV].
func (g *gathered) Get(ctx context.Context, keys ...string) ([]Entry, error) {
	mine := g.wait(&getting{keys: keys})
	if !g.await(ctx, mine, func() { g.getWaiting(context.WithoutCancel(ctx)) }) {
		g.withdraw(mine) // or what is being read is not waited for
		return nil, context.Cause(ctx)
	}
	return mine.of.entries, mine.of.err
}

// getWaiting makes the Gets that wait, up to a number of keys.
func (g *gathered) getWaiting(ctx context.Context) {
	g.Lock()
	n, keys := 0, []string(nil)
	for n < len(g.waiting) && (n == 0 || len(keys)+len(g.waiting[n].of.keys) <= mostGathered) {
		keys = append(keys, g.waiting[n].of.keys...)
		n++
	}
	batch := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	g.Unlock()
	for _, one := range batch {
		one.of.err = errLeft // until it is known better
		defer one.end()
	}
	ctx, cancel := context.WithTimeout(ctx, gatherPatience)
	defer cancel()
	entries, err := g.KV.Get(ctx, keys...)
	for _, one := range batch {
		switch n := len(one.of.keys); {
		case err == nil:
			one.of.entries, entries, one.of.err = entries[:n:n], entries[n:], nil
		case len(batch) > 1 && ctx.Err() == nil: // one of them may be at fault: each for itself
			one.of.entries, one.of.err = g.KV.Get(ctx, one.of.keys...)
		default:
			one.of.err = err
		}
	}
}
