package processes

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"rochdale/eventstore"
)

// A HookStatus is how an endpoint does.
type HookStatus struct {
	Webhook
	Position int64 `json:"position"` // up to which all was taken, waits or is dead
	// Behind is how many events the log has from the first on that the endpoint wants
	// and has not taken, and Oldest when that one was recorded.
	Behind  int64     `json:"behind"`
	Oldest  time.Time `json:"oldest,omitzero"`
	Waiting int       `json:"waiting"` // events that it has not taken
	Dead    int       `json:"dead"`    // letters
	// Outage is why it takes nothing now, if so.
	Outage   string    `json:"outage,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Attempts int       `json:"attempts,omitempty"` // in a row that failed since
	NextTry  time.Time `json:"next_try,omitzero"`
	Taken    time.Time `json:"last_taken,omitzero"` // when it last took anything
	Last     *Delivery `json:"last,omitempty"`      // attempt, and what came of it
	Signed   int       `json:"signatures"`          // by so many secrets
}

// HookState is what is to be said of an endpoint in a word.
type HookState string

// The states of an endpoint.
const (
	HookWell     HookState = "well"
	HookFailing  HookState = "failing"  // it takes nothing, and is tried by the schedule
	HookDisabled HookState = "disabled" // nothing is tried until somebody enables it
)

// State returns its state.
func (s HookStatus) State() HookState {
	switch {
	case s.Disabled != "":
		return HookDisabled
	case s.Outage != "":
		return HookFailing
	}
	return HookWell
}

// Reason is why an endpoint does not do well; "" if it does.
func (s HookStatus) Reason() string { return cmp.Or(s.Disabled, s.Outage) }

// All returns all endpoints and how they do, oldest first.
func (w *Webhooks) All(ctx context.Context) (all []HookStatus, err error) {
	for e, err := range eventstore.Entries(ctx, w.kv(), hookSpace) {
		if err != nil {
			return nil, err
		}
		s, err := w.status(ctx, e)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b HookStatus) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// Status returns how an endpoint does, if there is such a one.
func (w *Webhooks) Status(ctx context.Context, id string) (s HookStatus, known bool, err error) {
	entries, err := w.kv().Get(ctx, hookSpace+id)
	if err != nil || entries[0].Revision == 0 {
		return s, false, err
	}
	s, err = w.status(ctx, entries[0])
	return s, true, err
}

func (w *Webhooks) status(ctx context.Context, e eventstore.Entry) (s HookStatus, err error) {
	if err := decode(e, &s.Webhook); err != nil {
		return s, err
	}
	at, err := w.place(ctx, s.ID)
	if err != nil {
		return s, err
	}
	s.Signed, s.Secrets = len(w.valid(s.Secrets)), nil
	s.Position, s.Waiting, s.Last, s.Taken = at.Position, len(at.Waiting), at.Tried, at.Taken
	if at.Outage != nil {
		s.Outage, s.Since, s.Attempts, s.NextTry = at.Outage.Error, at.Outage.Since, at.Outage.Attempts, at.Outage.Next
	}
	for _, err := range eventstore.Entries(ctx, w.kv(), deadSpace+hookSpace+s.ID+"/") {
		if err != nil {
			return s, err
		}
		s.Dead++
	}
	first := at.Position + 1
	if len(at.Waiting) > 0 {
		first = at.Waiting[0].Position
	}
	for rec, err := range w.Store.Log.All(ctx, first-1) {
		if err != nil {
			return s, err
		}
		// The place is not moved on for each event that is not wanted: see serve.
		if s.Oldest = rec.RecordedAt; s.Types.Want(rec.Type) || rec.Position-at.Position > 10*saveEvery {
			head, err := w.Store.Log.Head(ctx)
			s.Behind = head - rec.Position + 1
			return s, err
		}
	}
	s.Oldest = time.Time{}
	return s, nil
}

// Journal returns the last attempts to tell an endpoint anything, newest first.
func (w *Webhooks) Journal(ctx context.Context, id string, most int) (all []Delivery, err error) {
	for e, err := range eventstore.Entries(ctx, w.kv(), hookJournal+id+"/") {
		if err != nil {
			return nil, err
		}
		var page []Delivery
		if err := decode(e, &page); err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	slices.Reverse(all)
	return all[:min(most, len(all))], nil
}
