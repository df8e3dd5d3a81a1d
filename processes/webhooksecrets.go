package processes

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"rochdale/domain/sealed"
)

// A secret is one by which bodies are signed, sealed under the key of all webhooks.
type secret struct {
	ID     string    `json:"id,omitempty"` // of what has asked for it
	Sealed []byte    `json:"sealed"`
	Key    int       `json:"key"`
	Until  time.Time `json:"until,omitzero"` // which it is no more used
}

const (
	// maxOverlap is the longest that a secret signs beside the one after it.
	maxOverlap = 30 * 24 * time.Hour
	// maxSecrets is how many sign each event at the most.
	maxSecrets = 4
)

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
