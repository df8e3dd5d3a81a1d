package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
)

// KV keeps what belongs beside the log in the same database, but is no history:
// wrapped keys, checkpoints, leases, sessions. Values change by compare and swap.
type KV interface {
	// Get returns the entries under keys, in their order. One that is not there
	// has revision 0.
	Get(ctx context.Context, keys ...string) ([]Entry, error)
	// Put makes changes in one transaction, durable when it returns: all, or if
	// an entry is not at the revision of its change none, with a [Stale] error.
	Put(ctx context.Context, changes ...Change) error
	// Range returns at most limit entries whose keys begin with a prefix and
	// come after a key, in the order of their bytes.
	Range(ctx context.Context, prefix, after string, limit int) ([]Entry, error)
}

// An Entry is a value under its key. Its revision is drawn when it is first put, so
// that no entry that was under the key before had it: who holds what was deleted
// meanwhile changes nothing of what was put there anew. It rises by one whenever the
// entry is put again.
type Entry struct {
	Key      string
	Value    []byte
	Revision int64
}

// A Change puts a value under a key, or deletes it where the value is nil.
type Change struct {
	Key      string
	Value    []byte
	Revision int64 // of the entry that it replaces; 0 if there must be none
	first    int64 // of the entry that it makes, once it is drawn
}

// newborn is where the revisions of new entries begin. Once they began at 1, and rose
// by one with each put: none has come as far.
const newborn = 1 << 32

// Next returns the revision of the entry after the change, or 0 if it is deleted.
// From then on the change makes an entry of that revision, however often it is tried.
func (c *Change) Next() int64 {
	switch {
	case c.Value == nil:
		return 0
	case c.Revision > 0:
		return c.Revision + 1
	case c.first == 0:
		// Of 2^62, so that none comes twice, as with ids: a counter would be one thing
		// more that all who write share. As many are left to rise to.
		c.first = newborn + rand.Int64N(1<<62) //nolint:gosec // G404: it keeps no secret
	}
	return c.first
}

// Stale is the error of a [Change] to an entry that has changed meanwhile.
type Stale struct{ Key string }

func (s Stale) Error() string { return fmt.Sprintf("eventstore: %s has changed meanwhile", s.Key) }

// IsStale reports whether err is that of a change to what had changed meanwhile.
func IsStale(err error) bool {
	_, stale := errors.AsType[Stale](err)
	return stale
}

// Entries yields all entries under a prefix, a page at a time.
func Entries(ctx context.Context, kv KV, prefix string) func(yield func(Entry, error) bool) {
	const page = 500
	return func(yield func(Entry, error) bool) {
		for after := ""; ; {
			entries, err := kv.Range(ctx, prefix, after, page)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
				after = e.Key
			}
			if len(entries) < page {
				return
			}
		}
	}
}

// Update changes one entry by a function of what it is, again if somebody else
// changes it meanwhile. The function may return nil to delete it, or what it was
// given to leave it.
func Update(ctx context.Context, kv KV, key string, change func(Entry) ([]byte, error)) error {
	for {
		entries, err := kv.Get(ctx, key)
		if err != nil {
			return err
		}
		value, err := change(entries[0])
		if err != nil || value == nil && entries[0].Revision == 0 {
			return err
		}
		if err := kv.Put(ctx, Change{Key: key, Value: value, Revision: entries[0].Revision}); !IsStale(err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
