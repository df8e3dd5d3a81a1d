package processes

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// A landing is a piece of work that was tried.
type landing struct {
	piece
	holder  string
	done    bool // there is nothing left to do
	stopped bool // it was not the work that failed: the node stops, or has lost its lease
	untried bool // it was given back
	writes  int
	err     error
	try     Try
	names   []provisioning.Login // under which it is known
}

// note decides what becomes of a piece of work by how it went.
func (l *lane) note(ctx context.Context, out *landing) {
	out.Holder = ""
	if out.untried {
		return
	}
	if out.err == nil {
		l.row = 0
		l.mu.Lock()
		l.width = min(l.width+1, l.most)
		l.mu.Unlock()
		if l.Log.Enabled(ctx, slog.LevelDebug) {
			l.Log.DebugContext(ctx, "reconciled", "target", l.t.Name, "account", out.Account, "steps", out.try.Steps)
		}
		return
	}
	class, _ := fault.ClassOf(out.err)
	if l.failed == nil {
		l.failed = out.err
	}
	switch {
	case out.stopped:
		out.Next = l.now()
		return
	case class == fault.Denied || class == fault.Throttled || class == fault.Unavailable:
		out.Next = l.now()
	case class.Permanent():
		out.Parked, out.Attempts = true, out.Attempts+1
		out.Class, out.Code, out.Error = out.try.Class, out.try.Code, out.try.Error
	default:
		pause := l.Backoff
		if pause == nil {
			pause = backoff
		}
		out.Next = l.now().Add(max(pause(out.Attempts), fault.RetryAfter(out.err)))
		out.Attempts++
		out.Class, out.Code, out.Error = out.try.Class, out.try.Code, out.try.Error
		if waits(out.try.Code) {
			l.Log.DebugContext(ctx, "reconciling waits", "target", l.t.Name, "account", out.Account, "attempt", out.Attempts, "code", out.try.Code)
			return
		}
		if l.row++; l.row < failuresInRow {
			class = ""
		}
	}
	l.Log.WarnContext(ctx, "reconciling met trouble", "target", l.t.Name, "account", out.Account, "attempt", out.Attempts, "class", out.try.Class, "code", out.try.Code, "given_up", out.Parked)
	if class == "" || class.Permanent() && class != fault.Denied {
		return
	}
	l.row = 0
	if err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		s.met(out.err, l.now(), l.trip())
		return nil
	}); err != nil {
		l.Log.ErrorContext(ctx, "the state of a target could not be written", "target", l.t.Name, "err", err)
	}
	if class == fault.Denied {
		l.Log.ErrorContext(ctx, "a target does not let us in, and is not asked again until somebody resumes it", "target", l.t.Name, "err", out.try.Error)
	}
	if fault.CodeOf(out.err) == fault.Settings {
		l.Log.ErrorContext(ctx, "a target cannot be asked anything as it is set up: mend it, and work goes on by itself", "target", l.t.Name, "err", out.try.Error)
	}
}

// waits reports whether it is by no fault that work is not done yet: a tool has been asked
// and has not come by, what is deleted is being cleared away, or a target has told when
// this change has its turn.
func waits(code string) bool { return code == "pending" || code == "purging" || code == "paced" }

// settleDown writes what came of work, and other changes, all in one transaction if
// nobody has changed any of it meanwhile. An error is that of the other changes.
func (l *lane) settleDown(ctx context.Context, also ...eventstore.Change) error {
	ctx = context.WithoutCancel(ctx)
	l.mu.Lock()
	all := l.down
	l.down = make([]landing, 0, len(all))
	l.mu.Unlock()
	writes, ended := 0, 0
	for i := range all {
		out := &all[i]
		delete(l.held, out.key())
		writes += out.writes
		if out.done && (slices.Contains(out.Done, provisioning.StepSuspend) || slices.Contains(out.Done, provisioning.StepDelete)) {
			ended++ // once, however often it was tried
		}
		l.note(ctx, out)
	}
	l.shift.end(len(all))
	failed := l.put(ctx, also, all...)
	if failed != nil && len(all) > 0 {
		for i := range all {
			if err := l.putAgain(ctx, all[i]); err != nil {
				l.Log.ErrorContext(ctx, "what came of work could not be written, and it is done again", "target", l.t.Name, "account", all[i].Account, "err", err)
			}
		}
		l.fresh, l.looked = true, time.Time{}
	}
	if limit := l.t.perMinute(); ended > 0 || limit > 0 && writes > 0 {
		err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
			now := l.now()
			s.Ended = slices.DeleteFunc(s.Ended, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
			for range ended {
				s.Ended = append(s.Ended, now)
			}
			if limit > 0 {
				s.pace(limit, now)
				s.Writes += writes
			}
			return nil
		})
		if err != nil {
			l.Log.ErrorContext(ctx, "the state of a target could not be written", "target", l.t.Name, "err", err)
		}
	}
	return failed
}

// put writes what came of work, and the journal, with other changes.
func (l *lane) put(ctx context.Context, changes []eventstore.Change, all ...landing) error {
	var keys []string
	for _, out := range all {
		if !out.untried {
			keys = append(keys, journalKey(l.t.Name, out.Account))
		}
	}
	var journals []eventstore.Entry
	if len(keys) > 0 {
		var err error
		if journals, err = l.kv().Get(ctx, keys...); err != nil {
			return err
		}
	}
	for _, out := range all {
		c := eventstore.Change{Key: out.key(), Revision: out.revision}
		if !out.done {
			var err error
			if c, err = out.change(); err != nil {
				return err
			}
		}
		changes = append(changes, c)
		if out.untried {
			continue
		}
		line, err := entered(journals[0], out.try)
		if err != nil {
			return err
		}
		changes, journals = append(changes, line), journals[1:]
	}
	if len(changes) == 0 {
		return nil
	}
	return l.kv().Put(ctx, changes...)
}

// putAgain writes what came of one that may have been asked for again meanwhile: then
// it is done once more.
func (l *lane) putAgain(ctx context.Context, out landing) error {
	for {
		entries, err := l.kv().Get(ctx, out.key())
		if err != nil {
			return err
		}
		if entries[0].Revision != out.revision {
			if entries[0].Revision == 0 {
				return nil // somebody has taken it over, and done it
			}
			now, err := readPiece(entries[0])
			if err != nil {
				return err
			}
			if now.Holder != out.holder {
				return nil // the same
			}
			now.Holder, out.done = "", false
			out.piece = now
		}
		if err := l.put(ctx, nil, out); !eventstore.IsStale(err) {
			return err
		}
	}
}
