package processes

import (
	"cmp"
	"context"
	"errors"
	"time"

	"rochdale/eventstore"
)

// Question is asked when so much is to be suspended or deleted at once that it may
// be by mistake. The work in question rests until it is answered; other work goes on.
type Question struct {
	Asked   time.Time `json:"asked"`
	Ends    int       `json:"ends"`    // how many accounts are to be suspended or deleted
	Of      int       `json:"of"`      // how many there are
	Most    int       `json:"most"`    // how many would be without asking
	Through int64     `json:"through"` // position of the last wish in question
}

// question reports whether so much is to end at once that a person is to be asked.
func (l *lane) question(ctx context.Context, state TargetState, all []piece) (bool, error) {
	ends, through := 0, int64(0)
	for _, p := range all {
		if p.Ends && !p.Parked && !p.Sure && (p.Wish == 0 || p.Wish > state.Sure) {
			ends++
			through = max(through, p.Wish)
		}
	}
	answered := func() error {
		if state.Question == nil {
			return nil
		}
		return setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
			s.Question = nil
			return nil
		})
	}
	if ends == 0 {
		return false, answered()
	}
	recent := 0
	for _, at := range state.Ended {
		if l.now().Sub(at) < time.Hour {
			recent++
		}
	}
	least := cmp.Or(l.Least, 5)
	if ends+recent <= least {
		return false, answered()
	}
	of, err := l.there(ctx)
	if err != nil {
		return false, err
	}
	most := max(least, of*cmp.Or(l.Share, 5)/100)
	if ends+recent <= most {
		return false, answered()
	}
	if q := state.Question; q != nil && q.Through >= through && q.Ends == ends {
		return true, nil
	}
	l.Log.ErrorContext(ctx, "so many accounts are to be suspended or deleted that a person has to say so", "target", l.t.Name, "accounts", ends, "of", of)
	return true, setTarget(ctx, l.kv(), l.t.Name, func(s *TargetState) error {
		s.Question = &Question{Asked: l.now(), Ends: ends, Of: of, Most: most, Through: through}
		return nil
	})
}

// there returns how many accounts there are on the target: of a node, those that are on
// it or on their way.
func (l *lane) there(ctx context.Context) (int, error) {
	switch {
	case l.t.Node != nil && l.Nodes != nil:
		loads, err := l.Nodes.NodeLoads(ctx, l.t.Service)
		return loads[l.t.Name].Accounts, err
	case l.Book != nil:
		return l.Book.AccountsCounted(ctx, l.t.Service)
	}
	return 0, nil
}

// Answer answers the question about a target: whether so many accounts shall be
// suspended or deleted. What shall not be is given up, until somebody retries it.
func (r *Reconciler) Answer(ctx context.Context, name string, yes bool) error {
	t, err := r.target(name)
	if err != nil {
		return err
	}
	var asked Question
	err = setTarget(ctx, r.kv(), name, func(s *TargetState) error {
		if s.Question == nil {
			return ErrNoQuestion.With("target", name)
		}
		asked = *s.Question
		if yes {
			s.Question, s.Sure = nil, max(s.Sure, asked.Through)
		}
		s.By = eventstore.Actor(ctx)
		return nil
	})
	if err != nil {
		return err
	}
	all, err := worksOf(ctx, r.kv(), t.Name)
	if err != nil {
		return err
	}
	for _, p := range all {
		if !p.Ends || p.Parked || p.Wish > asked.Through || p.Sure {
			continue
		}
		err := r.changeWork(ctx, t.Name, p.Account, func(w *Work) error {
			if yes {
				w.Sure = true
			} else {
				w.Parked, w.Class, w.Code, w.Error = true, "refused", "", "a person has said that it shall not be done"
			}
			return nil
		}, Try{Why: map[bool]string{true: "answered yes", false: "answered no"}[yes]})
		if err != nil && !errors.Is(err, ErrNoWork) {
			return err
		}
	}
	if !yes {
		err = setTarget(ctx, r.kv(), name, func(s *TargetState) error {
			s.Question = nil
			return nil
		})
	}
	r.wake(name)
	return err
}
