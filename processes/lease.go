package processes

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"rochdale/eventstore"
)

const (
	leaseSpace = "lease/"
	// leaseTerm is how long a lease stays that of a holder nothing is heard of.
	leaseTerm = 5 * time.Second
)

// A lease lets one node at a time do a thing. No clocks are compared: a lease is
// free when its entry has not changed for a term that the one who waits for it has
// measured itself. A holder who was only slow finds its checkpoint fenced.
type lease struct {
	kv       eventstore.KV
	key      string
	holder   string // this node, under a name that no other has
	revision int64  // of the entry while it is held here
}

type leaseEntry struct {
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"` // for people to read
}

// acquire waits until the lease is held here. It is asked for only while it is wanted.
func (l *lease) acquire(ctx context.Context, wanted func() bool) error {
	var seen int64 = -1
	var unchanged time.Time
	for {
		entries, err := l.kv.Get(ctx, l.key)
		if err == nil {
			e := entries[0]
			if e.Revision != seen {
				seen, unchanged = e.Revision, time.Now()
			}
			if (e.Revision == 0 || time.Since(unchanged) > leaseTerm || l.released(e)) && wanted() {
				if err := l.write(ctx, e.Revision, l.holder); err == nil {
					return nil
				} else if !eventstore.IsStale(err) {
					return err
				}
				continue
			}
		}
		if err := sleep(ctx, leaseTerm/10); err != nil {
			return err
		}
	}
}

func (l *lease) released(e eventstore.Entry) bool {
	var entry leaseEntry
	return json.Unmarshal(e.Value, &entry) != nil || entry.Holder == ""
}

func (l *lease) write(ctx context.Context, over int64, holder string) error {
	value, err := json.Marshal(leaseEntry{holder, time.Now().UTC()})
	if err != nil {
		return err
	}
	change := eventstore.Change{Key: l.key, Value: value, Revision: over}
	next := change.Next()
	if err := l.kv.Put(ctx, change); err != nil {
		return err
	}
	l.revision = next
	return nil
}

// hold renews the lease until ctx ends, and gives it back then; or it returns an
// error when the lease is lost.
func (l *lease) hold(ctx context.Context) error {
	heard := time.Now()
	for sleep(ctx, leaseTerm/4) == nil {
		switch err := l.write(ctx, l.revision, l.holder); {
		case err == nil:
			heard = time.Now()
		case eventstore.IsStale(err):
			return errLeaseLost
		case time.Since(heard) > leaseTerm*3/4:
			return errors.Join(errLeaseLost, err)
		}
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.write(release, l.revision, "") // or else the next waits for the term to pass
	return nil
}

var (
	errLeaseLost = errors.New("processes: the lease was lost to another node")
	errNotOurs   = errors.New("processes: another node has come to do this")
)

// under does work for as long as the lease is held here and the work is this node's
// share. It is given back only when the work has ended.
func (l *lease) under(ctx context.Context, c *crew, name string, part int, work func(context.Context) error) error {
	if err := l.acquire(ctx, func() bool { return c.mine(name, part) }); err != nil {
		return err
	}
	ctx, leave := c.shared(ctx, name, part)
	defer leave()
	ctx, stop := context.WithCancelCause(ctx)
	held := make(chan struct{})
	working, done := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(held)
		if err := l.hold(working); err != nil {
			stop(err)
		}
	}()
	err := work(ctx)
	done()
	<-held
	stop(nil)
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
