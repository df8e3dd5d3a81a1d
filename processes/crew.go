package processes

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"rochdale/eventstore"
)

const crewSpace = "crew/"

// A crew is the nodes that are at work over one log. Each tells beside the log that it
// is there and what it runs; of all that is to be run, each takes its share, and that
// of a node of which nothing is heard any more. What really keeps two from doing the
// same is a lease: a crew only says who should ask for it.
type crew struct {
	kv  eventstore.KV
	log *slog.Logger
	id  string

	mu       sync.Mutex
	runs     []string
	nodes    map[string]sighting // the others
	revision int64               // of this node's own entry
}

// A sighting is when a node was last heard of, by the measure of this one.
type sighting struct {
	revision int64
	at       time.Time
	runs     []string
}

type crewEntry struct {
	Runs []string  `json:"runs"`
	At   time.Time `json:"at"` // for people to read
}

func newCrew(kv eventstore.KV, log *slog.Logger, runs []string) *crew {
	return &crew{kv: kv, log: log, id: uuid.NewString(), runs: runs, nodes: map[string]sighting{}}
}

// run says that this node is there, and looks for the others, until ctx ends. It is
// ready once it has looked for the first time.
func (c *crew) run(ctx context.Context, ready func()) {
	for n := 0; ; n++ {
		err := c.look(ctx)
		if n%2 == 0 {
			err = c.tell(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.log.DebugContext(ctx, "crew", "err", err)
		}
		if n == 0 {
			ready()
		}
		if sleep(ctx, leaseTerm/8) != nil {
			break
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.kv.Put(last, eventstore.Change{Key: crewSpace + c.id, Revision: c.revision}) // or else it is missed after the term
}

func (c *crew) tell(ctx context.Context) error {
	value, err := json.Marshal(crewEntry{c.runs, time.Now().UTC()})
	if err != nil {
		return err
	}
	change := eventstore.Change{Key: crewSpace + c.id, Value: value, Revision: c.revision}
	next := change.Next()
	err = c.kv.Put(ctx, change)
	switch {
	case err == nil:
		c.revision = next
	case eventstore.IsStale(err): // it was taken for gone, or the answer to an earlier one was lost
		entries, err := c.kv.Get(ctx, crewSpace+c.id)
		if err == nil {
			c.revision = entries[0].Revision
		}
		return err
	}
	return err
}

// look finds the others. Of those who cannot be looked for, none is missed.
func (c *crew) look(ctx context.Context) error {
	found := map[string]sighting{}
	var gone []eventstore.Change
	for e, err := range eventstore.Entries(ctx, c.kv, crewSpace) {
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			for id, s := range c.nodes {
				s.at = time.Now()
				c.nodes[id] = s
			}
			return err
		}
		id := e.Key[len(crewSpace):]
		if id == c.id {
			continue
		}
		s := c.nodes[id]
		if s.revision != e.Revision {
			var entry crewEntry
			if err := json.Unmarshal(e.Value, &entry); err != nil {
				return err
			}
			s = sighting{e.Revision, time.Now(), entry.Runs}
		} else if time.Since(s.at) > 20*leaseTerm {
			gone = append(gone, eventstore.Change{Key: e.Key, Revision: e.Revision})
		}
		found[id] = s
	}
	c.mu.Lock()
	c.nodes = found
	c.mu.Unlock()
	for _, change := range gone {
		if err := c.kv.Put(ctx, change); err != nil && !eventstore.IsStale(err) {
			return err
		}
	}
	return nil
}

// mine reports whether a part of what is run under a name is this node's share: the
// parts go round among those who run it.
func (c *crew) mine(name string, part int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []string{c.id}
	for _, id := range slices.Sorted(maps.Keys(c.nodes)) {
		if s := c.nodes[id]; time.Since(s.at) <= leaseTerm && slices.Contains(s.runs, name) {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all[(int(hashOf(name)%1000)+part)%len(all)] == c.id
}

// shared returns a context that ends with errNotOurs once a part is another node's
// share, for good.
func (c *crew) shared(ctx context.Context, name string, part int) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancelCause(ctx)
	go func() {
		for not := 0; sleep(ctx, leaseTerm/10) == nil; {
			if not++; c.mine(name, part) {
				not = 0
			}
			if not == 3 {
				stop(errNotOurs)
			}
		}
	}()
	return ctx, func() { stop(nil) }
}

// serves reports whether a node is there that runs something, or was a few minutes ago.
func serves(ctx context.Context, kv eventstore.KV, name string) (bool, error) {
	for e, err := range eventstore.Entries(ctx, kv, crewSpace) {
		var node crewEntry
		if err == nil {
			err = json.Unmarshal(e.Value, &node)
		}
		if err != nil {
			return false, err
		}
		if slices.Contains(node.Runs, name) && time.Since(node.At) < 20*leaseTerm {
			return true, nil
		}
	}
	return false, nil
}

func hashOf(key string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return h.Sum32()
}
