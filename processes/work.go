package processes

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// Work is that an account may not be as it is wanted on a target. It is kept beside
// the log, one for each of both: whatever happens to the account meanwhile is the
// same work, since it is done by how things are wanted when it is done. It is gone
// when it is done.
type Work struct {
	Account     domain.AccountID `json:"account"`
	Target      string           `json:"target"`
	ID          string           `json:"id"`                 // drawn when it was first asked for
	Wish        int64            `json:"wish,omitempty"`     // position of the event that asks for it; 0 if none did
	Cause       uuid.UUID        `json:"cause,omitzero"`     // that event
	Correlation uuid.UUID        `json:"of,omitzero"`        // the first event of its request
	Why         string           `json:"why"`                // its type, or why somebody looked
	By          string           `json:"by"`                 // who acted
	Since       time.Time        `json:"since"`              // when it was asked for
	Next        time.Time        `json:"next"`               // before which it is not tried
	Attempts    int              `json:"attempts,omitempty"` // that failed, and count
	Ends        bool             `json:"ends,omitempty"`     // it would keep the holder out, or delete the account
	Mend        bool             `json:"mend,omitempty"`     // nobody has wished anything: what was changed past us is mended, as far as that needs no person
	Sure        bool             `json:"sure,omitempty"`     // a person has said that it shall be done

	Party  domain.PartyID `json:"party,omitempty"`  // whose personal data was erased,
	Erased int            `json:"erased,omitempty"` // through this version of its key

	Parked bool   `json:"parked,omitempty"` // nothing more is tried until the wish changes, or a person steps in
	Class  string `json:"class,omitempty"`  // of the trouble last met
	Code   string `json:"code,omitempty"`
	Error  string `json:"error,omitempty"`

	Done   []provisioning.Step `json:"done,omitempty"`   // so far
	Holder string              `json:"holder,omitempty"` // the node that is at it
}

const (
	workSpace    = "work/"
	nodeSpace    = "node/"
	journalSpace = "journal/"
)

func workKey(target string, account domain.AccountID) string {
	return workSpace + target + "/" + string(account)
}

// A piece of work is held at the revision of its entry.
type piece struct {
	Work
	revision int64
}

func (p piece) key() string { return workKey(p.Target, p.Account) }

func (p piece) change() (eventstore.Change, error) {
	value, err := json.Marshal(p.Work)
	return eventstore.Change{Key: p.key(), Value: value, Revision: p.revision}, err
}

func readPiece(e eventstore.Entry) (p piece, err error) {
	p.revision = e.Revision
	err = decode(e, &p.Work)
	return p, err
}

// newWork is what somebody asks for who acts in ctx, without that anything has happened.
func (r *Reconciler) newWork(ctx context.Context, target string, account domain.AccountID, why string) Work {
	return Work{
		Account: account, Target: target, ID: uuid.Must(uuid.NewV7()).String(), Why: why, By: eventstore.Actor(ctx), Since: r.now(), Next: r.now(),
	}
}

// ask puts work where every node finds it, all of it at once unless somebody is at
// some of it meanwhile.
func ask(ctx context.Context, kv eventstore.KV, all ...Work) error {
	_, err := askAnd(ctx, kv, nil, all...)
	return err
}

// askAnd does the same in one transaction with other changes, and returns the work as it
// is then. If one of the others is stale, that is its error.
func askAnd(ctx context.Context, kv eventstore.KV, also []eventstore.Change, all ...Work) (pieces []piece, err error) {
	var keys []string
	asked := map[string][]Work{}
	for _, w := range all {
		key := workKey(w.Target, w.Account)
		if len(asked[key]) == 0 {
			keys = append(keys, key)
		}
		asked[key] = append(asked[key], w)
	}
	for {
		var entries []eventstore.Entry
		if len(keys) > 0 {
			if entries, err = kv.Get(ctx, keys...); err != nil {
				return nil, err
			}
		}
		pieces = make([]piece, len(keys))
		changes := make([]eventstore.Change, len(keys), len(keys)+len(also))
		for i, e := range entries {
			is := &pieces[i]
			if e.Revision > 0 {
				if *is, err = readPiece(e); err != nil {
					return nil, err
				}
			}
			for j, w := range asked[e.Key] {
				if e.Revision > 0 || j > 0 {
					w = w.after(is.Work)
				}
				is.Work = w
			}
			if changes[i], err = is.change(); err != nil {
				return nil, err
			}
			is.revision = changes[i].Next()
		}
		err = kv.Put(ctx, append(changes, also...)...)
		stale, is := errors.AsType[eventstore.Stale](err)
		if !is || slices.ContainsFunc(also, func(c eventstore.Change) bool { return c.Key == stale.Key }) {
			return pieces, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// after is what becomes of work that there was by asking for this. What somebody is at
// already is done once more afterwards; what was given up is taken up again, unless it
// is only to mend.
func (w Work) after(had Work) Work {
	if w.Mend && !w.Sure && !had.Mend {
		return had // it is on its way to be as it is wanted anyway
	}
	asked := w
	asked.ID, asked.Holder, asked.Done = had.ID, had.Holder, had.Done
	if w.Erased == 0 {
		asked.Party, asked.Erased = had.Party, had.Erased
	}
	asked.Ends = w.Ends || had.Ends && !had.Parked && w.Wish == 0
	asked.Sure = w.Sure || had.Sure && w.Wish == 0
	if !had.Parked && had.Since.Before(w.Since) {
		asked.Since = had.Since
	}
	if w.Wish == 0 {
		asked.Wish, asked.Cause, asked.Correlation = had.Wish, had.Cause, had.Correlation
		asked.Mend = w.Mend && had.Mend
	}
	return asked
}

// noted is work that a process will ask for, before its checkpoint moves on.
type noted struct {
	mu  sync.Mutex
	all []Work
}

func (n *noted) note(w Work) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, w)
}

// take returns what was noted, and forgets it.
func (n *noted) take() (all []Work) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, n.all = n.all, make([]Work, 0, len(n.all))
	return all
}

// worksOf returns all work of a target.
func worksOf(ctx context.Context, kv eventstore.KV, target string) (all []piece, err error) {
	for e, err := range eventstore.Entries(ctx, kv, workSpace+target+"/") {
		if err != nil {
			return nil, err
		}
		p, err := readPiece(e)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// A shift is a node's lease on the pieces of work that it holds: they name it, and it
// shows that it lives. Nothing is written while it holds none. Whoever sees that a
// node has shown no life for a term takes over what it held; no clocks are compared.
type shift struct {
	kv eventstore.KV

	mu       sync.Mutex
	holder   string
	revision int64
	held     int
	lost     context.CancelCauseFunc
	working  context.Context
	over     chan struct{} // closed when nobody shows life any more
}

// begin returns who this node is and the context of its work, which ends when the
// lease is lost; n pieces are held more. ctx is that of the node.
func (s *shift) begin(ctx context.Context, n int) (holder string, working context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working == nil || s.working.Err() != nil {
		s.holder, s.revision, s.held = uuid.NewString(), 0, 0
		if err := s.show(ctx); err != nil {
			return "", nil, err
		}
		s.working, s.lost = context.WithCancelCause(ctx)
		s.over = make(chan struct{})
		go s.live(s.working, s.lost, s.over)
	}
	s.held += n
	return s.holder, s.working, nil
}

// name returns who this node is, if it holds anything.
func (s *shift) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holder
}

// end gives pieces back.
func (s *shift) end(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held -= n
}

func (s *shift) show(ctx context.Context) error {
	value, err := json.Marshal(leaseEntry{s.holder, time.Now().UTC()})
	if err != nil {
		return err
	}
	change := eventstore.Change{Key: nodeSpace + s.holder, Value: value, Revision: s.revision}
	next := change.Next()
	err = s.kv.Put(ctx, change)
	if err == nil {
		s.revision = next
	}
	return err
}

// live shows life until ctx ends or nothing is held any more.
func (s *shift) live(ctx context.Context, lost context.CancelCauseFunc, over chan struct{}) {
	defer close(over)
	heard, idle := time.Now(), 0
	for {
		stopped := sleep(ctx, leaseTerm/4) != nil
		s.mu.Lock()
		if s.held > 0 {
			idle = 0
		} else if idle++; idle > 8 || stopped {
			_ = s.kv.Put(context.WithoutCancel(ctx), eventstore.Change{Key: nodeSpace + s.holder, Revision: s.revision})
			s.working = nil
			s.mu.Unlock()
			lost(nil)
			return
		}
		err := s.show(context.WithoutCancel(ctx)) // also while what is under way is finished
		s.mu.Unlock()
		switch {
		case err == nil:
			heard = time.Now()
		case eventstore.IsStale(err), time.Since(heard) > leaseTerm*3/4:
			lost(errLeaseLost)
			return
		}
		if stopped {
			time.Sleep(leaseTerm / 16)
		}
	}
}

// A watch tells which nodes have shown no life for a term, by its own measure.
type watch map[string]struct {
	revision int64
	since    time.Time
}

// dead looks at nodes, and returns those that are taken to be dead.
func (w watch) dead(ctx context.Context, kv eventstore.KV, holders map[string]bool) (map[string]bool, error) {
	dead := map[string]bool{}
	for holder := range w {
		if !holders[holder] {
			delete(w, holder)
		}
	}
	for holder := range holders {
		entries, err := kv.Get(ctx, nodeSpace+holder)
		if err != nil {
			return nil, err
		}
		known, watched := w[holder]
		if !watched || known.revision != entries[0].Revision {
			known.revision, known.since = entries[0].Revision, time.Now()
			w[holder] = known
		}
		if time.Since(known.since) > leaseTerm {
			dead[holder] = true
			if entries[0].Revision > 0 { // so that it finds out, if it was only slow
				if err := kv.Put(ctx, eventstore.Change{Key: entries[0].Key, Revision: entries[0].Revision}); err != nil && !eventstore.IsStale(err) {
					return nil, err
				}
			}
		}
	}
	return dead, nil
}
