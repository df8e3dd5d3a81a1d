package access_test

import (
	"errors"
	"testing"
	"time"

	"rochdale/eventstore"
	"rochdale/processes/access"
)

func TestASecretIsHandedOver(t *testing.T) {
	now := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	a := &access.Access{KV: new(eventstore.Memory), Now: func() time.Time { return now }}
	first, _, err := a.AddClient(t.Context(), access.Client{ID: "cloud", Name: "Cloud", Redirects: []string{"https://cloud.example/code"}})
	if err != nil {
		t.Fatal(err)
	}
	good := func(secret string, want bool) {
		t.Helper()
		err := a.ProveClient(t.Context(), "cloud", secret)
		if err != nil && !errors.Is(err, access.ErrNoSuchClient) || (err == nil) != want {
			t.Errorf("%v, want it good: %v", err, want)
		}
	}
	rotate := func(atOnce bool) string {
		t.Helper()
		secret, err := a.RotateClient(t.Context(), "cloud", atOnce)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	good(first, true)
	good("", false)
	good(first+"x", false)
	second := rotate(false)
	good(first, true)
	good(second, true)
	now = now.Add(access.Handover)
	good(first, false)
	good(second, true)
	third := rotate(true)
	good(second, false)
	good(third, true)
	fourth, fifth := rotate(false), rotate(false)
	good(third, false) // of two before, the last counts
	good(fourth, true)
	good(fifth, true)
	if err := a.RemoveClient(t.Context(), "cloud"); err != nil {
		t.Fatal(err)
	}
	good(fifth, false)
}
