package processes

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
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

const (
	hookSpace   = "webhook/"
	placeSpace  = "webhook-at/"
	hookJournal = "webhook-journal/"
)

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
