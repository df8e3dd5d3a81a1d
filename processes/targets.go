package processes

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// The states of a target.
const (
	TargetClosed   = "closed"    // it is worked with
	TargetOpen     = "open"      // it is away, or asked to be left alone: until then nothing is asked of it
	TargetHalfOpen = "half_open" // one node looks whether it is back
	TargetDenied   = "denied"    // it does not let us in: nothing more is tried until a person resumes it, lest it lock us out
	TargetPaused   = "paused"    // a person has paused it
)

// TargetState is how a target is worked with. All nodes go by it.
type TargetState struct {
	Target   string    `json:"target"`
	State    string    `json:"state"`
	Until    time.Time `json:"until,omitzero"`   // when it is looked at again
	Trips    int       `json:"trips,omitempty"`  // how often in a row it was found to be away
	Reason   string    `json:"reason,omitempty"` // why it is not worked with
	By       string    `json:"by,omitempty"`     // the person who paused or resumed it last
	Since    time.Time `json:"since,omitzero"`
	Question *Question `json:"question,omitempty"` // that a person has to answer first
	Sure     int64     `json:"sure,omitempty"`     // what was wished up to this position may be done, by a person's answer

	Ended  []time.Time `json:"ended,omitempty"`  // when accounts were suspended or deleted, of the last hour
	Minute time.Time   `json:"minute,omitzero"`  // in which writes are counted
	Writes int         `json:"writes,omitempty"` // in it
	Drift  *Check      `json:"drift,omitempty"`  // the last
}

func targetKey(name string) string { return "target/" + name }

func readTarget(name string, e eventstore.Entry) (s TargetState, err error) {
	s = TargetState{Target: name, State: TargetClosed}
	err = decode(e, &s)
	return s, err
}

func targetState(ctx context.Context, kv eventstore.KV, name string) (TargetState, error) {
	entries, err := kv.Get(ctx, targetKey(name))
	if err != nil {
		return TargetState{}, err
	}
	return readTarget(name, entries[0])
}

// setTarget changes the state of a target.
func setTarget(ctx context.Context, kv eventstore.KV, name string, change func(*TargetState) error) error {
	return eventstore.Update(ctx, kv, targetKey(name), func(e eventstore.Entry) ([]byte, error) {
		s, err := readTarget(name, e)
		if err == nil {
			err = change(&s)
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(s)
	})
}

// States returns that of each target.
func (r *Reconciler) States(ctx context.Context) ([]TargetState, error) {
	all := make([]TargetState, len(r.Targets))
	for i, t := range r.Targets {
		var err error
		if all[i], err = targetState(ctx, r.kv(), t.Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// The rules by which the operation of targets says no.
var (
	ErrNoSuchTarget = domain.Refusal{Code: "processes.no_such_target", Reason: "there is no target {target}: choose among {targets}"}
	ErrNoWork       = domain.Refusal{Code: "processes.no_work", Reason: "nothing is waiting for account {account} on {target}"}
	ErrNotGivenUp   = domain.Refusal{Code: "processes.not_given_up", Reason: "the work for account {account} on {target} has not been given up: it is tried again by itself"}
	ErrNoQuestion   = domain.Refusal{Code: "processes.no_question", Reason: "nothing is asked about target {target}"}
	ErrWhy          = domain.Refusal{Code: "processes.why", Reason: "say why: whoever finds this later must understand it"}
)

var errStillDenied = errors.New("processes: the target does not let us in")

// Pause has nothing asked of a target until somebody resumes it.
func (r *Reconciler) Pause(ctx context.Context, name, reason string) error {
	if _, err := r.target(name); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return ErrWhy
	}
	return setTarget(ctx, r.kv(), name, func(s *TargetState) error {
		s.State, s.Until, s.Reason, s.By, s.Since = TargetPaused, time.Time{}, reason, eventstore.Actor(ctx), r.now()
		return nil
	})
}

// Resume has a target worked with again, if it lets us in.
func (r *Reconciler) Resume(ctx context.Context, name string) error {
	t, err := r.target(name)
	if err != nil {
		return err
	}
	check, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	if err := t.At.Check(check); err != nil {
		if class, _ := fault.ClassOf(err); class == fault.Denied {
			return errors.Join(errStillDenied, err)
		}
	}
	err = setTarget(ctx, r.kv(), name, func(s *TargetState) error {
		s.State, s.Until, s.Reason, s.By, s.Since, s.Trips = TargetClosed, time.Time{}, "", eventstore.Actor(ctx), r.now(), 0
		return nil
	})
	r.wake(name)
	return err
}

// Retry has work tried again now that was given up, or that waits for its turn.
func (r *Reconciler) Retry(ctx context.Context, target string, account domain.AccountID) error {
	if _, err := r.target(target); err != nil {
		return err
	}
	err := r.changeWork(ctx, target, account, func(w *Work) error {
		w.Parked, w.Attempts, w.Next, w.Why = false, 0, r.now(), "retried"
		w.Sure = w.Sure || w.Class == "refused"
		return nil
	}, Try{Why: "retried"})
	r.wake(target)
	return err
}

// Hurry has work done soon that waits for its turn, since a target tells that the account
// is as it is wanted there: also work that was given up for a trouble which it had told of.
// What a person has said no to stays so.
func (r *Reconciler) Hurry(ctx context.Context, target string, account domain.AccountID) error {
	err := eventstore.Update(ctx, r.kv(), workKey(target, account), func(e eventstore.Entry) ([]byte, error) {
		if e.Revision == 0 {
			return nil, nil
		}
		p, err := readPiece(e)
		if err != nil || p.Holder != "" || p.Parked && p.Class == "refused" {
			return e.Value, err
		}
		p.Parked, p.Next = false, r.now()
		return json.Marshal(p.Work)
	})
	r.wake(target)
	return err
}

// Skip gives up on work that does not succeed, for a reason: nothing more is tried
// until the account is wanted otherwise. Who did is in the log.
func (r *Reconciler) Skip(ctx context.Context, target string, account domain.AccountID, reason string) error {
	t, err := r.target(target)
	if err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return ErrWhy
	}
	p, err := r.piece(ctx, target, account)
	if err != nil {
		return err
	}
	if p.Class == "" {
		return ErrNotGivenUp.With("account", account).With("target", target)
	}
	want, _, requested, err := r.desiredOn(ctx, t, account)
	if err != nil {
		return err
	}
	if requested {
		_, err := eventstore.Execute(ctx, r.Store, provisioning.SkipWork{Account: account, Target: target, Revision: want.Revision, Reason: reason})
		if err != nil {
			return err
		}
	}
	line, err := journaled(ctx, r.kv(), target, account, Try{At: r.now(), By: eventstore.Actor(ctx), Why: "skipped", Wish: p.Wish, Attempt: p.Attempts})
	if err != nil {
		return err
	}
	return r.kv().Put(ctx, eventstore.Change{Key: p.key(), Revision: p.revision}, line)
}

// piece returns the work of an account on a target, as it is now.
func (r *Reconciler) piece(ctx context.Context, target string, account domain.AccountID) (p piece, err error) {
	entries, err := r.kv().Get(ctx, workKey(target, account))
	if err != nil {
		return p, err
	}
	if entries[0].Revision == 0 {
		return p, ErrNoWork.With("account", account).With("target", target)
	}
	return readPiece(entries[0])
}

// changeWork changes the work of an account on a target, and journals who did.
func (r *Reconciler) changeWork(ctx context.Context, target string, account domain.AccountID, change func(*Work) error, try Try) error {
	try.At, try.By = r.now(), eventstore.Actor(ctx)
	for {
		p, err := r.piece(ctx, target, account)
		if err != nil {
			return err
		}
		if err := change(&p.Work); err != nil {
			return err
		}
		put, err := p.change()
		if err != nil {
			return err
		}
		try.Wish, try.Attempt = p.Wish, p.Attempts
		line, err := journaled(ctx, r.kv(), target, account, try)
		if err != nil {
			return err
		}
		if err := r.kv().Put(ctx, put, line); !eventstore.IsStale(err) {
			return err
		}
	}
}

// Given returns the work of a target, or of all where it is "", that was given up or
// meets trouble: the oldest first.
func (r *Reconciler) Given(ctx context.Context, target string) (all []Work, err error) {
	return r.works(ctx, target, func(w Work) bool { return w.Parked || w.Class != "" })
}

// Waiting returns all work of a target, or of all where it is "".
func (r *Reconciler) Waiting(ctx context.Context, target string) (all []Work, err error) {
	return r.works(ctx, target, func(Work) bool { return true })
}

func (r *Reconciler) works(ctx context.Context, target string, some func(Work) bool) ([]Work, error) {
	targets, err := r.chosen(target)
	if err != nil {
		return nil, err
	}
	all := []Work{}
	for _, t := range targets {
		pieces, err := worksOf(ctx, r.kv(), t.Name)
		if err != nil {
			return nil, err
		}
		for _, p := range pieces {
			if some(p.Work) {
				all = append(all, p.Work)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Work) int { return a.Since.Compare(b.Since) })
	return all, nil
}

// short is the first line of an error, which is no longer than people read.
func short(err error) string {
	text := []rune(err.Error())
	for i, r := range text {
		if r == '\n' {
			return string(text[:i])
		}
	}
	return string(text[:min(len(text), 300)])
}
