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
	left := false
	done := g.await(ctx, mine, func() {
		batch, keys := g.take()
		ended := make(chan any, 1)
		go func() {
			defer func() { ended <- recover() }()
			g.get(context.WithoutCancel(ctx), batch, keys)
		}()
		select {
		case failed := <-ended:
			if failed != nil {
				panic(failed) // as if there were no goroutine
			}
		case <-ctx.Done(): // the others have theirs read to the end
			left = true
		}
	})
	if !done {
		g.withdraw(mine) // or what is being read is not waited for
	}
	if left || !done {
		return nil, context.Cause(ctx)
	}
	return mine.of.entries, mine.of.err
}

// take takes those who wait, up to a number of keys.
func (g *gathered) take() (batch []*turn[*getting], keys []string) {
	g.Lock()
	defer g.Unlock()
	n := 0
	for n < len(g.waiting) && (n == 0 || len(keys)+len(g.waiting[n].of.keys) <= mostGathered) {
		keys = append(keys, g.waiting[n].of.keys...)
		n++
	}
	batch = slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return batch, keys
}

// get makes the Gets of a batch.
func (g *gathered) get(ctx context.Context, batch []*turn[*getting], keys []string) {
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
