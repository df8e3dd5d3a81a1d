package processes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes/feed"
)

const (
	// hookBatch is how many events are under way to an endpoint, hookWide of how many
	// streams at once: what is seen again after a crash.
	hookBatch = 32
	hookWide  = 8
	// maxWaiting is how many may wait before an endpoint waits with them.
	maxWaiting = 200
	// maxStreak is after how many failures in a row it is the endpoint that fails.
	maxStreak = 5
	// maxPages is how many pages of the journal are kept, of [hookBatch] attempts each at most.
	maxPages = 100
	// maxHeed is the longest that an endpoint is left alone because it asks to be.
	maxHeed = 24 * time.Hour
)

// run tells all endpoints events, each of them on one node.
func (w *Webhooks) run(ctx context.Context, r *Runner, crew *crew) {
	var all sync.WaitGroup
	defer all.Wait()
	running := map[string]context.CancelFunc{}
	for {
		there := map[string]bool{}
		var err error
		for e, failed := range eventstore.Entries(ctx, w.kv(), hookSpace) {
			if err = failed; err != nil {
				break
			}
			id := strings.TrimPrefix(e.Key, hookSpace)
			if there[id] = true; running[id] != nil {
				continue
			}
			serving, stop := context.WithCancel(ctx)
			running[id] = stop
			all.Go(func() {
				l := &lease{kv: w.kv(), key: leaseSpace + hookSpace + id, holder: crew.id}
				r.keepOn(serving, hookSpace+id, func() error {
					return l.under(serving, crew, w.name(), int(hashOf(id)%1000), func(ctx context.Context) error { return w.serve(ctx, id) })
				})
			})
		}
		for id, stop := range running {
			if err == nil && !there[id] {
				stop()
				delete(running, id)
			}
		}
		if sleep(ctx, time.Second) != nil {
			break
		}
	}
	for _, stop := range running {
		stop()
	}
}

// serve tells an endpoint events until ctx ends.
func (w *Webhooks) serve(ctx context.Context, id string) error {
	at, err := w.place(ctx, id)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		hook, revision, err := w.hook(ctx, id)
		if errors.Is(err, ErrNoSuchHook) {
			<-ctx.Done() // it is about to end
			return nil
		}
		if err != nil {
			return err
		}
		now, err := w.place(ctx, id)
		if err != nil {
			return err
		}
		if now.revision != at.revision { // somebody has moved it
			at = now
		}
		if hook.Disabled != "" {
			_ = sleep(ctx, time.Second)
			continue
		}
		batch, due, err := w.due(ctx, hook, &at)
		if err != nil {
			return err
		}
		if len(batch) == 0 && at.Position-at.saved < 10*saveEvery {
			pause := time.Second // after which it is looked whether somebody has moved it
			if !due.IsZero() {
				pause = max(0, min(pause, due.Sub(w.Store.Now())))
			}
			news, stop := context.WithTimeout(ctx, pause)
			if at.Outage != nil || len(at.Waiting) >= maxWaiting {
				<-news.Done()
			} else {
				_ = w.Store.Log.Wait(news, at.Position)
			}
			stop()
			continue
		}
		err = w.round(ctx, hook, revision, &at, batch)
		if eventstore.IsStale(err) {
			continue // and is looked at anew
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A place is how far an endpoint has come. All up to its position was taken, is a dead
// letter, or waits.
type place struct {
	Position int64     `json:"position"`
	Waiting  []waiting `json:"waiting,omitempty"` // in the order of the log
	Streak   int       `json:"streak,omitempty"`  // events that were not taken at first, since one was
	Outage   *outage   `json:"outage,omitempty"`
	Tried    *Delivery `json:"tried,omitempty"` // last
	Taken    time.Time `json:"taken,omitzero"`  // when anything last was
	First    int64     `json:"first"`           // page of the journal
	Last     int64     `json:"last"`            // and the one after the last

	revision int64
	saved    int64 // position
}

// A waiting event was not taken, or stands behind one of its stream that was not.
type waiting struct {
	Position int64         `json:"position"`
	Subject  domain.Stream `json:"subject"`
	Attempts int           `json:"attempts"`
	Next     time.Time     `json:"next,omitzero"` // when it is tried again
}

// An outage is that of an endpoint which takes nothing.
type outage struct {
	Since    time.Time `json:"since"`
	Attempts int       `json:"attempts"`
	Next     time.Time `json:"next"`
	Error    string    `json:"error"`
}

func (w *Webhooks) place(ctx context.Context, id string) (at place, err error) {
	entries, err := w.kv().Get(ctx, placeSpace+id)
	if err != nil {
		return at, err
	}
	if entries[0].Revision > 0 {
		err = json.Unmarshal(entries[0].Value, &at)
	}
	at.revision, at.saved = entries[0].Revision, at.Position
	return at, err
}

// move changes the place of an endpoint under whoever tells it events, who then goes on
// from there.
func (w *Webhooks) move(ctx context.Context, id string, change func(*place) error) error {
	return eventstore.Update(ctx, w.kv(), placeSpace+id, func(e eventstore.Entry) ([]byte, error) {
		if e.Revision == 0 {
			return nil, ErrNoSuchHook.With("webhook", id)
		}
		var at place
		if err := json.Unmarshal(e.Value, &at); err != nil {
			return nil, err
		}
		if err := change(&at); err != nil {
			return nil, err
		}
		return json.Marshal(at)
	})
}

// A parcel is an event on its way.
type parcel struct {
	rec      eventstore.Record
	attempts int // made before
	tried    bool
	done     bool
	verdict  verdict
	delivery Delivery
}

// due returns what is to be sent now, by streams and in order, and when there is more
// to do. It moves the place on over what it takes from the log.
func (w *Webhooks) due(ctx context.Context, hook Webhook, at *place) (batch [][]*parcel, next time.Time, err error) {
	now := w.Store.Now()
	room := hookBatch
	if at.Outage != nil {
		if now.Before(at.Outage.Next) {
			return nil, at.Outage.Next, nil
		}
		room = 1 // to see whether it takes anything
	}
	streams, held := map[domain.Stream]int{}, map[domain.Stream]bool{}
	add := func(rec eventstore.Record, attempts int) {
		i, known := streams[rec.Stream]
		if !known {
			i = len(batch)
			streams[rec.Stream], batch = i, append(batch, nil)
		}
		batch[i] = append(batch[i], &parcel{rec: rec, attempts: attempts})
		room--
	}
	for _, x := range at.Waiting {
		if held[x.Subject] || room == 0 {
			continue
		}
		if now.Before(x.Next) {
			held[x.Subject] = true
			if next.IsZero() || x.Next.Before(next) {
				next = x.Next
			}
			continue
		}
		for rec, err := range w.Store.Log.All(ctx, x.Position-1) {
			if err != nil {
				return nil, next, err
			}
			add(rec, x.Attempts)
			break
		}
	}
	behind := map[domain.Stream]bool{}
	for _, x := range at.Waiting {
		behind[x.Subject] = true
	}
	if room == 0 || at.Outage != nil && len(batch) > 0 || len(at.Waiting) >= maxWaiting {
		return batch, next, nil
	}
	for rec, err := range w.Store.Log.Next(ctx, at.Position) {
		if err != nil {
			return nil, next, err
		}
		if hook.Types.Want(rec.Type) {
			if room == 0 || len(at.Waiting) >= maxWaiting {
				break
			}
			if behind[rec.Stream] {
				at.Waiting = append(at.Waiting, waiting{Position: rec.Position, Subject: rec.Stream})
			} else {
				add(rec, 0)
			}
		}
		at.Position = rec.Position
	}
	return batch, next, nil
}

// round sends a batch and keeps what came of it, all at once.
func (w *Webhooks) round(ctx context.Context, hook Webhook, revision int64, at *place, batch [][]*parcel) error {
	secrets, err := w.open(ctx, hook)
	if err != nil {
		return err
	}
	var sending sync.WaitGroup
	room := make(chan struct{}, hookWide)
	for _, stream := range batch {
		room <- struct{}{}
		sending.Go(func() {
			defer func() { <-room }()
			for _, p := range stream {
				event, err := feed.Of(ctx, w.Store, p.rec, hook.Personal)
				if err != nil { // written by a newer program, perhaps: whoever runs that goes on
					p.tried, p.verdict = true, verdict{fail: true, err: err.Error()}
					p.delivery = Delivery{Position: p.rec.Position, ID: p.rec.ID, Type: p.rec.Type, Attempt: p.attempts + 1, At: w.Store.Now().UTC(), Error: err.Error()}
					return
				}
				p.delivery, p.verdict = w.send(ctx, hook, secrets, event, p.attempts+1)
				if ctx.Err() != nil {
					return // it is open what came of it, and is sent again
				}
				if p.tried = true; p.verdict.fail {
					return
				}
				p.done = true
			}
		})
	}
	sending.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return w.settle(ctx, hook, revision, at, batch)
}

// settle keeps what came of a batch.
func (w *Webhooks) settle(ctx context.Context, hook Webhook, revision int64, before *place, batch [][]*parcel) error {
	at, now := *before, w.Store.Now().UTC()
	schedule := w.Schedule
	if schedule == nil {
		schedule = standardSchedule
	}
	again := map[int64]waiting{}
	for _, x := range at.Waiting {
		again[x.Position] = x
	}
	var journal []Delivery
	var changes []eventstore.Change
	var failed []*parcel
	disable, heed := "", time.Duration(0)
	for _, stream := range batch {
		for _, p := range stream {
			if p.tried {
				journal = append(journal, p.delivery)
			}
			if p.done {
				at.Streak, at.Outage = 0, nil
				delete(again, p.rec.Position)
			} else {
				failed = append(failed, p)
			}
		}
	}
	was, last := at.Outage, ""
	for _, p := range failed {
		x, v := waiting{Position: p.rec.Position, Subject: p.rec.Stream, Attempts: p.attempts}, p.verdict
		if p.tried {
			last, heed = v.err, max(heed, v.after)
		}
		switch {
		case !p.tried:
		case v.gone:
			disable = v.err
		case v.endpoint || was != nil:
			at.Streak = max(at.Streak, maxStreak)
		default:
			if p.attempts == 0 { // one that fails again says nothing of others
				at.Streak++
			}
			if x.Attempts++; x.Attempts > len(schedule) {
				letter := newLetter(hookSpace+hook.ID, p.rec, v.err, string(fault.Invalid), x.Attempts)
				value, err := json.Marshal(letter)
				if err != nil {
					return err
				}
				key := deadKey(letter.Process, letter.Position)
				entries, err := w.kv().Get(ctx, key)
				if err != nil {
					return err
				}
				changes = append(changes, eventstore.Change{Key: key, Value: value, Revision: entries[0].Revision})
				delete(again, x.Position)
				continue
			}
			x.Next = now.Add(jittered(schedule[x.Attempts-1]))
		}
		again[x.Position] = x
	}
	if at.Streak >= maxStreak && disable == "" {
		worst := outage{Since: now, Next: now, Error: last}
		if was != nil {
			worst.Since, worst.Attempts = was.Since, was.Attempts
		}
		if heed > 0 { // as long as it asks for, which counts as no attempt
			worst.Next = now.Add(min(heed, maxHeed))
		} else if worst.Attempts++; worst.Attempts > len(schedule) {
			disable = fmt.Sprintf("it took nothing since %s: %s", worst.Since.Format(time.RFC3339), worst.Error)
		} else {
			worst.Next = now.Add(jittered(schedule[worst.Attempts-1]))
		}
		at.Outage = &worst
	}
	at.Waiting = make([]waiting, 0, len(again))
	for _, x := range again {
		at.Waiting = append(at.Waiting, x)
	}
	slices.SortFunc(at.Waiting, func(a, b waiting) int { return cmp.Compare(a.Position, b.Position) })
	if len(journal) > 0 {
		slices.SortStableFunc(journal, func(a, b Delivery) int { return a.At.Compare(b.At) })
		at.Tried = &journal[len(journal)-1]
		for _, d := range journal {
			if d.Error == "" {
				at.Taken = d.At
			}
		}
		page, err := json.Marshal(journal)
		if err != nil {
			return err
		}
		changes = append(changes, eventstore.Change{Key: pageKey(hook.ID, at.Last), Value: page})
		at.Last++
		for ; at.Last-at.First > maxPages; at.First++ {
			oldest, err := w.kv().Get(ctx, pageKey(hook.ID, at.First))
			if err != nil {
				return err
			}
			changes = append(changes, eventstore.Change{Key: oldest[0].Key, Revision: oldest[0].Revision})
		}
	}
	if disable != "" {
		w.Log.WarnContext(ctx, "webhook is disabled", "webhook", hook.ID, "why", disable)
		hook.Disabled = disable
		value, err := json.Marshal(hook)
		if err != nil {
			return err
		}
		changes = append(changes, eventstore.Change{Key: hookSpace + hook.ID, Value: value, Revision: revision})
	}
	value, err := json.Marshal(at)
	if err != nil {
		return err
	}
	moved := eventstore.Change{Key: placeSpace + hook.ID, Value: value, Revision: at.revision}
	at.revision = moved.Next()
	changes = append(changes, moved)
	if err := w.kv().Put(ctx, changes...); err != nil {
		before.revision = -1 // to be read anew
		return err
	}
	at.saved = at.Position
	*before = at
	return nil
}

func pageKey(id string, page int64) string { return fmt.Sprintf("%s%s/%019d", hookJournal, id, page) }

// standardSchedule is that of Standard Webhooks: ten attempts in three days.
var standardSchedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// jittered lengthens a pause by up to a fifth, so that not all come back at once.
func jittered(pause time.Duration) time.Duration {
	return pause + time.Duration(mathrand.Int64N(int64(pause)/5+1)) //nolint:gosec // G404: no secret
}

// send makes one attempt.
func (w *Webhooks) send(ctx context.Context, hook Webhook, secrets [][]byte, event feed.Event, attempt int) (d Delivery, v verdict) {
	defer func() {
		if w.Tried != nil && ctx.Err() == nil {
			w.Tried(hook.ID, d)
		}
	}()
	began := w.Store.Now().UTC()
	d = Delivery{Position: event.Position, ID: event.ID, Type: event.Type, Attempt: attempt, At: began}
	body, err := json.Marshal(w.Envelope.Of(event))
	if err != nil {
		d.Error = err.Error()
		return d, verdict{fail: true, err: d.Error}
	}
	status, after, err := w.Sender.Send(ctx, hook.URL, event.ID.String(), began, secrets, body)
	d.Status, d.Millis = status, w.Store.Now().Sub(began).Milliseconds()
	v = verdict{fail: true, after: after}
	switch {
	case err != nil:
		v.endpoint, v.err = true, err.Error()
	case status >= 200 && status < 300:
		return d, verdict{}
	default:
		v.err = fmt.Sprintf("the answer was %d %s", status, http.StatusText(status))
		switch {
		case status == http.StatusGone:
			v.gone = true
		case status < 400: // a redirect leads where nobody has said that events may go
			v.endpoint, v.err = true, v.err+": redirects are not followed"
		case slices.Contains([]int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
			http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}, status):
			v.endpoint = true
		}
	}
	d.Error = v.err
	return d, v
}

// A verdict is what an answer comes to.
type verdict struct {
	fail     bool
	endpoint bool          // takes nothing now, whatever is sent
	gone     bool          // wants nothing any more
	after    time.Duration // that it asks to be left alone for
	err      string
}
