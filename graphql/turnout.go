package graphql

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rochdale/domain"
	"rochdale/projections"
)

// turnouts tells those who watch a poll of what changes. However many watch, each
// change is read once.
type turnouts struct {
	models *projections.Models
	log    *slog.Logger
	mu     sync.Mutex
	polls  map[domain.PollID]*watched
}

// A watched poll is one that somebody watches.
type watched struct {
	watchers map[chan projections.Poll]bool
	last     *projections.Poll
	stop     context.CancelFunc
}

// blink is the time within which nobody sees more than one change.
const blink = 100 * time.Millisecond

// follow returns a poll as it is, and again whenever it has changed, until ctx
// ends. Who is slow to listen hears the latest.
func (t *turnouts) follow(ctx context.Context, id domain.PollID) <-chan projections.Poll {
	c := make(chan projections.Poll, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.polls[id]
	if w == nil {
		watching, stop := context.WithCancel(context.WithoutCancel(ctx))
		w = &watched{watchers: map[chan projections.Poll]bool{}, stop: stop}
		t.polls[id] = w
		go t.watch(watching, id, w)
	}
	w.watchers[c] = true
	if w.last != nil {
		c <- *w.last
	}
	context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(w.watchers, c)
		if len(w.watchers) == 0 {
			w.stop()
			if t.polls[id] == w {
				delete(t.polls, id)
			}
		}
		close(c)
	})
	return c
}

// watch reads a poll whenever something has happened.
func (t *turnouts) watch(ctx context.Context, id domain.PollID, w *watched) {
	for ctx.Err() == nil {
		position := t.models.Position()
		poll, known, err := t.models.Poll(ctx, id)
		if err == nil && known {
			t.tell(w, poll)
		} else if err != nil && ctx.Err() == nil {
			t.log.ErrorContext(ctx, "turnout", "err", err) // and is read again
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(blink):
		}
		if t.models.WaitFor(ctx, position+1) != nil && ctx.Err() == nil {
			t.log.ErrorContext(ctx, "turnout: the read models are in trouble")
		}
	}
}

func (t *turnouts) tell(w *watched, poll projections.Poll) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.last != nil && same(*w.last, poll) {
		return
	}
	w.last = &poll
	for c := range w.watchers {
		select {
		case <-c: // what they have not heard yet is old by now
		default:
		}
		c <- poll
	}
}

func same(a, b projections.Poll) bool {
	declared := (a.Result == nil) == (b.Result == nil)
	return a.Turnout == b.Turnout && a.ClosedAt.Equal(b.ClosedAt) && declared
}
