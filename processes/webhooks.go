package processes

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/processes/feed"
)

// Webhooks tell events to endpoints outside, after Standard Webhooks: signed, at least
// once, the events of one stream in order, each when the one before it was taken.
//
// Each endpoint has its own place in the log, and waits for nobody. An event that it
// does not take is tried again by a schedule, and those of its stream wait behind it,
// while others go on; if it takes none any more, all wait, and nothing is lost. What
// was sent and what waits is kept beside the log, so that any node goes on from there.
type Webhooks struct {
	Store    *eventstore.Store
	Sender   Sender
	Envelope feed.Envelope
	// Private lets endpoints be in networks of one's own, and be reached without TLS.
	Private bool
	// Schedule are the pauses after each failed attempt, but the last: those of
	// Standard Webhooks if there are none. Each is lengthened a little by chance.
	Schedule []time.Duration
	// Tried, if not nil, hears of each attempt when it has been made on this node.
	Tried func(webhook string, d Delivery)
	Log   *slog.Logger
}

// A Sender sends what is signed to endpoints: see adapters/standardwebhooks.
type Sender interface {
	// Send sends a body to an endpoint, signed under each of the secrets. It returns
	// the status of the answer, and how long the endpoint asks to be left alone; or
	// an error where there was no answer.
	Send(ctx context.Context, url, id string, at time.Time, secrets [][]byte, body []byte) (status int, after time.Duration, err error)
}

// A Webhook is an endpoint to which events are told.
type Webhook struct {
	ID       string     `json:"id"`
	URL      string     `json:"url"`
	About    string     `json:"about,omitempty"` // what it is for
	Types    feed.Types `json:"types,omitempty"` // all, if there are none
	Personal bool       `json:"personal"`        // personal data is told too
	Created  time.Time  `json:"created"`
	By       string     `json:"by"`                 // who has entered it
	Disabled string     `json:"disabled,omitempty"` // why nothing is told, until it is enabled again
	Secrets  []secret   `json:"secrets"`            // newest first
}

// A secret is one by which bodies are signed, sealed under the key of all webhooks.
type secret struct {
	ID     string    `json:"id,omitempty"` // of what has asked for it
	Sealed []byte    `json:"sealed"`
	Key    int       `json:"key"`
	Until  time.Time `json:"until,omitzero"` // which it is no more used
}

// A Delivery is an attempt to tell an event.
type Delivery struct {
	Position int64     `json:"position"`
	ID       uuid.UUID `json:"id"`
	Type     string    `json:"type"`
	Attempt  int       `json:"attempt"`
	At       time.Time `json:"at"`
	Millis   int64     `json:"millis"`           // that it took
	Status   int       `json:"status,omitempty"` // of the answer, if there was one
	Error    string    `json:"error,omitempty"`  // if it was not taken
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

const (
	hookSpace   = "webhook/"
	placeSpace  = "webhook-at/"
	hookJournal = "webhook-journal/"

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
	// maxOverlap is the longest that a secret signs beside the one after it.
	maxOverlap = 30 * 24 * time.Hour
	// maxSecrets is how many sign each event at the most.
	maxSecrets = 4
)

// standardSchedule is that of Standard Webhooks: ten attempts in three days.
var standardSchedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// The rules of endpoints.
var (
	ErrNoSuchHook = domain.Refusal{Code: "processes.no_such_webhook", Reason: "there is no webhook {webhook}"}
	ErrHookURL    = domain.Refusal{
		Code: "processes.webhook_url", Reason: "{url} cannot be told anything: give a URL like https://example.org/hook, without a user in it",
	}
	ErrHookOverlap = domain.Refusal{Code: "processes.webhook_overlap", Reason: "a secret may sign beside the one after it for 0 to {hours} hours"}
	ErrHookSecrets = domain.Refusal{
		Code: "processes.webhook_secrets", Reason: "{most} secrets sign already: another can be had in {hours} hours, or now with an overlap of 0 hours, by which the earlier ones end at once",
	}
	ErrHookPosition = domain.Refusal{Code: "processes.webhook_position", Reason: "the log has no position {position}: it is at {head}"}
)

// Add enters an endpoint, to which all that comes after a position is told, and returns
// the secret by which its receiver tells that it was us. Entered again under the same
// id, it is as it was; if that secret signs no more, it returns none.
func (w *Webhooks) Add(ctx context.Context, hook Webhook, after int64) (Webhook, string, error) {
	u, err := url.Parse(hook.URL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !w.Private) {
		return hook, "", ErrHookURL.With("url", hook.URL)
	}
	if hook.Types, err = feed.TypesOf(w.Store.Registry, hook.Types...); err != nil {
		return hook, "", err
	}
	if err := w.within(ctx, after); err != nil {
		return hook, "", err
	}
	hook.ID = cmp.Or(hook.ID, w.Store.NewID().String())
	hook.Created, hook.By = w.Store.Now().UTC().Truncate(time.Second), eventstore.Actor(ctx)
	fresh, err := w.newSecret(ctx, hook.ID, hook.ID)
	if err != nil {
		return hook, "", err
	}
	hook.Secrets = []secret{fresh}
	value, err := json.Marshal(hook)
	if err != nil {
		return hook, "", err
	}
	at, err := json.Marshal(place{Position: after})
	if err != nil {
		return hook, "", err
	}
	err = w.kv().Put(ctx, eventstore.Change{Key: hookSpace + hook.ID, Value: value}, eventstore.Change{Key: placeSpace + hook.ID, Value: at})
	if eventstore.IsStale(err) {
		if hook, _, err = w.hook(ctx, hook.ID); err != nil {
			return hook, "", err
		}
	}
	if err != nil {
		return hook, "", err
	}
	text, err := w.reveal(ctx, hook, hook.ID)
	return hook, text, err
}

// within refuses positions that the log has not come to.
func (w *Webhooks) within(ctx context.Context, position int64) error {
	head, err := w.Store.Log.Head(ctx)
	if err == nil && (position < 0 || position > head) {
		err = ErrHookPosition.With("position", position).With("head", head)
	}
	return err
}

// Remove takes an endpoint out, with all that is kept of it.
func (w *Webhooks) Remove(ctx context.Context, id string) error {
	if _, _, err := w.hook(ctx, id); err != nil {
		return err
	}
	for _, prefix := range []string{hookSpace + id, placeSpace + id, hookJournal + id + "/", deadSpace + hookSpace + id + "/"} {
		for e, err := range eventstore.Entries(ctx, w.kv(), prefix) {
			if err != nil {
				return err
			}
			err := eventstore.Update(ctx, w.kv(), e.Key, func(eventstore.Entry) ([]byte, error) { return nil, nil })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Rotate gives an endpoint another secret, which it returns. The one before it signs
// too, for so long. Asked again by the same, it returns what it gave then; if that
// signs no more, none.
func (w *Webhooks) Rotate(ctx context.Context, id, request string, both time.Duration) (Webhook, string, error) {
	if both < 0 || both > maxOverlap {
		return Webhook{}, "", ErrHookOverlap.With("hours", int(maxOverlap/time.Hour))
	}
	fresh, err := w.newSecret(ctx, id, cmp.Or(request, w.Store.NewID().String()))
	if err != nil {
		return Webhook{}, "", err
	}
	hook, err := w.change(ctx, id, func(hook *Webhook) error {
		if slices.ContainsFunc(hook.Secrets, func(s secret) bool { return s.ID == fresh.ID }) {
			return nil
		}
		now := w.Store.Now().UTC()
		before, first := slices.Clone(hook.Secrets), now.Add(both)
		for i := range before {
			if s := &before[i]; s.Until.IsZero() || s.Until.After(now.Add(both)) {
				s.Until = now.Add(both)
			}
			if s := before[i]; s.Until.After(now) && s.Until.Before(first) {
				first = s.Until
			}
		}
		before = w.valid(before)
		if len(before) >= maxSecrets {
			return ErrHookSecrets.With("most", maxSecrets).With("hours", int((first.Sub(now)+time.Hour-1)/time.Hour))
		}
		hook.Secrets = slices.Insert(before, 0, fresh)
		return nil
	})
	if err != nil {
		return hook, "", err
	}
	text, err := w.reveal(ctx, hook, fresh.ID)
	return hook, text, err
}

// Secret returns the secret of an endpoint that was asked for by somebody, or "" if
// that signs no more.
func (w *Webhooks) Secret(ctx context.Context, id, request string) (string, error) {
	hook, _, err := w.hook(ctx, id)
	if err != nil {
		return "", err
	}
	return w.reveal(ctx, hook, request)
}

// Enable lets an endpoint be told events again, from where it was. Its place is changed
// before: who tells it begins once it is enabled, and to be changed beneath them would
// have them tell again what is under way.
func (w *Webhooks) Enable(ctx context.Context, id string) error {
	err := w.move(ctx, id, func(at *place) error {
		at.Outage, at.Streak = nil, 0
		for i := range at.Waiting {
			at.Waiting[i].Next = time.Time{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = w.change(ctx, id, func(hook *Webhook) error {
		hook.Disabled = ""
		return nil
	})
	return err
}

// Disable has an endpoint told nothing until it is enabled.
func (w *Webhooks) Disable(ctx context.Context, id, why string) error {
	_, err := w.change(ctx, id, func(hook *Webhook) error {
		hook.Disabled = cmp.Or(why, "by "+eventstore.Actor(ctx))
		return nil
	})
	return err
}

// Replay tells an endpoint once more all that comes after a position: what had become a
// dead letter there is none any more. What was not taken before that is tried at once,
// and goes on waiting if need be.
func (w *Webhooks) Replay(ctx context.Context, id string, after int64) error {
	if err := w.within(ctx, after); err != nil {
		return err
	}
	process := hookSpace + id
	var letters []eventstore.Entry // as they are while the place is what it is: those made once it is moved stay
	err := w.move(ctx, id, func(at *place) error {
		letters = nil
		for e, err := range eventstore.Entries(ctx, w.kv(), deadSpace+process+"/") {
			if err != nil {
				return err
			}
			if e.Key > deadKey(process, after) {
				letters = append(letters, e)
			}
		}
		before := slices.DeleteFunc(slices.Clone(at.Waiting), func(x waiting) bool { return x.Position > after })
		for i := range before {
			before[i].Next = time.Time{}
		}
		*at = place{Position: after, Waiting: before, First: at.First, Last: at.Last, Tried: at.Tried, Taken: at.Taken}
		return nil
	})
	for _, e := range letters {
		if err != nil {
			return err
		}
		if err = w.kv().Put(ctx, eventstore.Change{Key: e.Key, Revision: e.Revision}); eventstore.IsStale(err) {
			err = nil // it has become one again, or somebody has seen to it
		}
	}
	return err
}

// Retry has a dead letter of an endpoint tried anew.
func (w *Webhooks) Retry(ctx context.Context, id string, position int64) error {
	process := hookSpace + id
	entries, err := w.kv().Get(ctx, deadKey(process, position))
	if err != nil {
		return err
	}
	if entries[0].Revision == 0 {
		return ErrNoSuchLetter.With("process", process).With("position", position)
	}
	for rec, err := range w.Store.Log.All(ctx, position-1) {
		if err != nil {
			return err
		}
		err := w.move(ctx, id, func(at *place) error {
			if !slices.ContainsFunc(at.Waiting, func(x waiting) bool { return x.Position == position }) {
				at.Waiting = append(at.Waiting, waiting{Position: position, Subject: rec.Stream})
				slices.SortFunc(at.Waiting, func(a, b waiting) int { return cmp.Compare(a.Position, b.Position) })
			}
			return nil
		})
		if err != nil {
			return err
		}
		break
	}
	return w.kv().Put(ctx, eventstore.Change{Key: entries[0].Key, Revision: entries[0].Revision})
}

// Test sends an endpoint an event that did not happen, of type rochdale.webhook.test.v1,
// and returns what came of it.
func (w *Webhooks) Test(ctx context.Context, id string) (Delivery, error) {
	hook, _, err := w.hook(ctx, id)
	if err != nil {
		return Delivery{}, err
	}
	now := w.Store.Now().UTC()
	event := feed.Event{
		Record: eventstore.Record{
			ID: w.Store.NewID(), Stream: domain.StreamOf("webhook", id), RecordedAt: now, Actor: eventstore.Actor(ctx),
			Encoded: domain.Encoded{Type: "webhook.test"},
		},
		Edition: 1, Data: json.RawMessage(`{}`),
	}
	event.Correlation = event.ID
	secrets, err := w.open(ctx, hook)
	if err != nil {
		return Delivery{}, err
	}
	d, _ := w.send(ctx, hook, secrets, event, 1)
	return d, nil
}

// HookState is what is to be said of an endpoint in a word.
type HookState string

// The states of an endpoint.
const (
	HookWell     HookState = "well"
	HookFailing  HookState = "failing"  // it takes nothing, and is tried by the schedule
	HookDisabled HookState = "disabled" // nothing is tried until somebody enables it
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
	if err := json.Unmarshal(e.Value, &s.Webhook); err != nil {
		return s, fmt.Errorf("processes: %s: %w", e.Key, err)
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
		if err := json.Unmarshal(e.Value, &page); err != nil {
			return nil, fmt.Errorf("processes: %s: %w", e.Key, err)
		}
		all = append(all, page...)
	}
	slices.Reverse(all)
	return all[:min(most, len(all))], nil
}

func (w *Webhooks) kv() eventstore.KV { return w.Store.Log.KV() }

func (*Webhooks) name() string { return "webhooks" }

// hook returns an endpoint, and the revision of its entry.
func (w *Webhooks) hook(ctx context.Context, id string) (hook Webhook, revision int64, err error) {
	entries, err := w.kv().Get(ctx, hookSpace+id)
	if err == nil && entries[0].Revision == 0 {
		err = ErrNoSuchHook.With("webhook", id)
	}
	if err == nil {
		err = json.Unmarshal(entries[0].Value, &hook)
	}
	if err != nil {
		return hook, 0, err
	}
	return hook, entries[0].Revision, nil
}

func (w *Webhooks) change(ctx context.Context, id string, change func(*Webhook) error) (hook Webhook, err error) {
	err = eventstore.Update(ctx, w.kv(), hookSpace+id, func(e eventstore.Entry) ([]byte, error) {
		if e.Revision == 0 {
			return nil, ErrNoSuchHook.With("webhook", id)
		}
		hook = Webhook{}
		if err := json.Unmarshal(e.Value, &hook); err != nil {
			return nil, err
		}
		if err := change(&hook); err != nil {
			return nil, err
		}
		return json.Marshal(hook)
	})
	return hook, err
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

// hookKey is that under which the secrets of all endpoints are sealed.
var hookKey = sealed.Key{Subject: "webhooks", Class: sealed.Service}

const secretBytes = 32

func (w *Webhooks) newSecret(ctx context.Context, id, request string) (s secret, err error) {
	s.ID = request
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails
	s.Sealed, s.Key, err = w.Store.Keys.Seal(ctx, hookKey, raw, []byte(id))
	return s, err
}

// valid returns the secrets that are still used.
func (w *Webhooks) valid(secrets []secret) (valid []secret) {
	for _, s := range secrets {
		if s.Until.IsZero() || w.Store.Now().Before(s.Until) {
			valid = append(valid, s)
		}
	}
	return valid
}

// open returns the secrets by which an endpoint is told anything now, newest first.
func (w *Webhooks) open(ctx context.Context, hook Webhook) (secrets [][]byte, err error) {
	for _, s := range w.valid(hook.Secrets) {
		key := hookKey
		key.Version = s.Key
		raw, err := w.Store.Keys.Open(ctx, key, s.Sealed, []byte(hook.ID))
		if err != nil {
			return nil, fmt.Errorf("processes: secret of webhook %s: %w", hook.ID, err)
		}
		secrets = append(secrets, raw)
	}
	return secrets, nil
}

// reveal returns the secret that was asked for by somebody as its receiver needs it,
// or "" if it signs no more.
func (w *Webhooks) reveal(ctx context.Context, hook Webhook, request string) (string, error) {
	hook.Secrets = slices.DeleteFunc(slices.Clone(hook.Secrets), func(s secret) bool { return s.ID != request })
	secrets, err := w.open(ctx, hook)
	if err != nil || len(secrets) == 0 {
		return "", err
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(secrets[0]), nil
}

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

// jittered lengthens a pause by up to a fifth, so that not all come back at once.
func jittered(pause time.Duration) time.Duration {
	return pause + time.Duration(mathrand.Int64N(int64(pause)/5+1)) //nolint:gosec // G404: no secret
}

// A verdict is what an answer comes to.
type verdict struct {
	fail     bool
	endpoint bool          // takes nothing now, whatever is sent
	gone     bool          // wants nothing any more
	after    time.Duration // that it asks to be left alone for
	err      string
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
