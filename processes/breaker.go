package processes

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"rochdale/adapters/fault"
)

// open reports whether a target may be worked with; where it may be back, it looks.
func (l *lane) open(ctx context.Context, state TargetState) (bool, error) {
	switch state.State {
	case TargetClosed:
		return true, nil
	case TargetDenied, TargetPaused:
		return false, nil
	}
	if l.now().Before(state.Until) {
		return false, nil
	}
	errOther := errors.New("another node looks")
	err := setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		if s.State != state.State || !s.Until.Equal(state.Until) {
			return errOther
		}
		s.State, s.Until = TargetHalfOpen, l.now().Add(probeTerm)
		return nil
	})
	if err != nil {
		if errors.Is(err, errOther) {
			err = nil
		}
		return false, err
	}
	check, cancel := context.WithTimeout(ctx, l.t.timeout())
	defer cancel()
	checked := l.t.At.Check(check)
	err = setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		if s.State != TargetHalfOpen {
			return nil
		}
		if checked != nil {
			s.met(checked, l.now(), l.trip())
			return nil
		}
		s.State, s.Until, s.Reason, s.Since = TargetClosed, time.Time{}, "", l.now()
		return nil
	})
	if err == nil && checked == nil {
		l.mu.Lock()
		l.width, l.row = 1, 0 // and it grows as it bears more
		l.mu.Unlock()
	}
	return err == nil && checked == nil, err
}

func (l *lane) trip() func(int) time.Duration {
	if l.Trip != nil {
		return l.Trip
	}
	return tripped
}

const (
	// firstTrip is how long a target that was found to be away is left alone, twice as
	// long each time up to longestTrip.
	firstTrip   = 2 * time.Second
	longestTrip = 5 * time.Minute
	// throttledFor is how long one is that asks for it and does not say for how long.
	throttledFor = 30 * time.Second
	// probeTerm is how long a node may take to look whether a target is back.
	probeTerm = time.Minute
	// failuresInRow is how many accounts may meet trouble, one after the other, until
	// that is taken to be the target's.
	failuresInRow = 8
)

// met changes the state of a target by a trouble that work has met.
func (s *TargetState) met(err error, now time.Time, pause func(trips int) time.Duration) {
	class, _ := fault.ClassOf(err)
	switch class {
	case fault.Denied:
		if s.State != TargetPaused {
			s.State, s.Until, s.Reason, s.Since = TargetDenied, time.Time{}, short(err), now
		}
	case fault.Throttled:
		if s.State == TargetClosed || s.State == TargetHalfOpen || s.State == TargetOpen {
			wait := fault.RetryAfter(err)
			if wait <= 0 {
				wait = throttledFor
			}
			until := now.Add(wait)
			if s.State == TargetOpen && s.Until.After(until) {
				until = s.Until
			}
			s.State, s.Until, s.Reason, s.Since = TargetOpen, until, short(err), now
		}
	case fault.Unavailable, fault.Transient:
		if s.State == TargetClosed || s.State == TargetHalfOpen {
			s.State, s.Until, s.Reason, s.Since = TargetOpen, now.Add(max(pause(s.Trips), fault.RetryAfter(err))), short(err), now
			s.Trips++
		}
	case fault.Conflict, fault.Invalid, fault.Unsupported:
	}
}

// pace forgets writes as minutes pass, in each of which there may be so many.
func (s *TargetState) pace(limit int, now time.Time) {
	if passed := now.Sub(s.Minute); passed >= time.Minute {
		s.Minute, s.Writes = now, max(0, s.Writes-limit*int(passed/time.Minute))
	}
}

// tripped is how long a target is left alone that was found to be away.
func tripped(trips int) time.Duration {
	pause := longestTrip
	if trips < 8 {
		pause = min(pause, firstTrip<<trips)
	}
	return pause/2 + randN(pause/2)
}

// backoff is full jitter over a time that doubles with each attempt, from 2 s to an hour.
func backoff(attempts int) time.Duration {
	most := time.Hour
	if attempts < 11 {
		most = min(most, 2*time.Second<<attempts)
	}
	return rand.N(most) + 1 //nolint:gosec // G404: it spreads work, and keeps no secret
}
