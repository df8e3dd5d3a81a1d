package eventstore

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"
)

// pause is that before a reader tries again what has failed.
const pause = 200 * time.Millisecond

// heard is how far the log has got, as far as is known here.
type heard struct {
	news  sync.Mutex
	head  int64
	moved chan struct{} // closed, and replaced, whenever head rises
	watch context.CancelFunc
	ended bool
}

// ErrClosed is the error of waiting for news of a log that has been closed.
var ErrClosed = errors.New("eventstore: the log is closed")

// hear takes note of a position that the log has reached.
func (h *heard) hear(position int64) {
	h.news.Lock()
	defer h.news.Unlock()
	if position > h.head && !h.ended {
		h.head = position
		close(h.moved)
		h.moved = make(chan struct{})
	}
}

func (h *heard) stop() {
	h.news.Lock()
	defer h.news.Unlock()
	if h.watch != nil {
		h.watch()
	}
	if !h.ended {
		h.ended = true
		close(h.moved)
	}
}

// Wait returns once the log has gone beyond a position, whichever process wrote,
// or with the cause for which ctx ended. It wakes on the commit.
func (l *Log) Wait(ctx context.Context, beyond int64) error {
	for {
		l.news.Lock()
		if l.head > beyond {
			l.news.Unlock()
			return nil
		}
		if l.ended {
			l.news.Unlock()
			return ErrClosed
		}
		if l.watch == nil {
			var background context.Context
			background, l.watch = context.WithCancel(context.Background())
			go l.watchOthers(background)
		}
		moved := l.moved
		l.news.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watchOthers hears of what other processes write, as long as the log is open.
func (l *Log) watchOthers(ctx context.Context) {
	for ctx.Err() == nil {
		head, err := l.driver.Head(ctx)
		if err == nil {
			l.hear(head)
			err = l.driver.Changed(ctx)
		}
		if err != nil {
			rest(ctx)
		}
	}
}

func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// Follow yields the records after a position, and then those to come as they are
// committed, until it is left or ctx ends. It survives the loss of the database:
// an error is yielded for information, and if the loop goes on, so does it.
func (l *Log) Follow(ctx context.Context, after int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for ctx.Err() == nil {
			for r, err := range l.Next(ctx, after) {
				if ctx.Err() != nil {
					return
				}
				if !yield(r, err) {
					return
				}
				if err != nil {
					rest(ctx)
					break
				}
				after = r.Position
			}
			if l.Wait(ctx, after) != nil {
				return
			}
		}
	}
}
