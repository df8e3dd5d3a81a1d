package eventstore_test

import (
	"bytes"
	"testing"

	"rochdale/eventstore"
)

func TestSecretsAreWrapped(t *testing.T) {
	kv := new(eventstore.Memory)
	keys := func(master byte) *eventstore.Keys {
		t.Helper()
		k, err := eventstore.NewKeys(kv, bytes.Repeat([]byte{master}, 32))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	secret := []byte("a key that signs")
	wrapped, err := keys(1).Wrap(t.Context(), "openid", secret)
	if err != nil || bytes.Contains(wrapped, secret) {
		t.Fatalf("%s, %v", wrapped, err)
	}
	if opened, err := keys(1).Unwrap(t.Context(), "openid", wrapped); err != nil || !bytes.Equal(opened, secret) {
		t.Errorf("another node opens %q, %v", opened, err)
	}
	if _, err := keys(1).Unwrap(t.Context(), "other", wrapped); err == nil {
		t.Error("it is opened under another name")
	}
	if _, err := keys(1).Unwrap(t.Context(), "openid", []byte("no JSON")); err == nil {
		t.Error("what is no secret is opened")
	}
	if err := keys(1).Rewrap(t.Context(), bytes.Repeat([]byte{2}, 32)); err != nil {
		t.Fatal(err)
	}
	if opened, err := keys(2).Unwrap(t.Context(), "openid", wrapped); err != nil || !bytes.Equal(opened, secret) {
		t.Errorf("under the next master key: %q, %v", opened, err)
	}
	if _, err := keys(1).Unwrap(t.Context(), "openid", wrapped); err == nil {
		t.Error("the master key before still opens it")
	}
}
