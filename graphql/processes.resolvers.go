package graphql

import (
	"context"
	"errors"
	"time"

	"rochdale/graphql/internal/exec"
	"rochdale/processes"
)

func (q query) DeadLetters(ctx context.Context, process *string, skipped bool, first *int, after *string, last *int, before *string) (page exec.DeadLetterConnection, err error) {
	all, err := q.letters(ctx, value(process), skipped)
	if err != nil {
		return page, err
	}
	key := func(l *processes.SkippedLetter) string { return place(l.Position, l.Process) }
	return paged(pageFrom(all, key, pageOf(ctx, first, after, last, before)))
}

// letters are dead letters of a process, or of all, in the order of their events: those
// that somebody has given up on, or those that nobody has.
func (r *resolver) letters(ctx context.Context, process string, skipped bool) (all []processes.SkippedLetter, err error) {
	if skipped {
		all, err = r.Processes.Skipped(ctx, process)
	} else {
		var open []processes.DeadLetter
		open, err = r.Processes.DeadLetters(ctx, process)
		for _, l := range open {
			all = append(all, processes.SkippedLetter{DeadLetter: l})
		}
	}
	return all, err
}

type deadLetter struct{ *resolver }

func (r *resolver) DeadLetter() exec.DeadLetterResolver { return deadLetter{r} }

func (deadLetter) Skipped(_ context.Context, of *processes.SkippedLetter) (*time.Time, error) {
	return found(of.Skipped, !of.Skipped.IsZero(), nil)
}

// letter is a dead letter as it is now, if it is one.
func (m mutation) letter(ctx context.Context, process string, position int64, skipped bool) (*processes.SkippedLetter, error) {
	all, err := m.letters(ctx, process, skipped)
	for i := range all {
		if all[i].Position == position {
			return &all[i], err
		}
	}
	return nil, err
}

func (m mutation) ReplayDeadLetter(ctx context.Context, process string, position int64, requestID *string) (done exec.ReplayDone, err error) {
	done.Answered, err = remembered(ctx, m, requestID, &done.Done, func(ctx context.Context, _ string) (bool, error) {
		answered, err := m.Processes.Replay(ctx, process, position)
		if errors.Is(err, processes.ErrUnanswered) { // which the letter tells
			m.Log.WarnContext(ctx, "replay", "process", process, "position", position, "err", err)
			err = nil
		}
		return answered, err
	})
	if err == nil {
		done.Letter, err = m.letter(ctx, process, position, false)
	}
	return done, err
}

func (m mutation) SkipDeadLetter(ctx context.Context, process string, position int64, reason string, requestID *string) (done exec.SkipDone, err error) {
	_, err = remembered(ctx, m, requestID, &done.Done, func(ctx context.Context, _ string) (bool, error) {
		return true, m.Processes.Skip(ctx, process, position, reason)
	})
	if err == nil {
		done.Letter, err = m.letter(ctx, process, position, true)
	}
	return done, err
}
