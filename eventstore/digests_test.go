package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

// digestsOf returns the digests of a log, as a node makes them that has just opened it.
func digestsOf(t *testing.T, d eventstore.Driver, master []byte) sealed.Digests {
	t.Helper()
	keys, err := eventstore.NewKeys(d, master)
	if err != nil {
		t.Fatal(err)
	}
	digests, err := eventstore.New(eventstore.NewLog(d), jars(), keys).Digests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

// bound returns a log that is founded, and its digests.
func bound(t *testing.T, d eventstore.Driver) (*eventstore.Store, sealed.Digests) {
	t.Helper()
	s := storeOn(t, d)
	if err := s.Bind(t.Context()); err != nil {
		t.Fatal(err)
	}
	filledBy(t, s, "ada")
	digests, err := s.Digests(t.Context())
	if err != nil || digests == (sealed.Digests{}) {
		t.Fatalf("a log is founded with a secret: %v", err)
	}
	return s, digests
}

// TestDigestsAreForEver: neither other keys nor another master key change them, and they come with the keys.
func TestDigestsAreForEver(t *testing.T) {
	ctx, d := t.Context(), new(eventstore.Memory)
	s, digests := bound(t, d)
	if _, other := bound(t, new(eventstore.Memory)); other == digests {
		t.Error("two logs have one secret")
	}
	for _, subject := range []domain.PartyID{"digests", "founding", "ada"} {
		for _, class := range []sealed.Class{"house", sealed.Service} {
			if err := s.Keys.Rotate(ctx, subject, class); err != nil {
				t.Fatal(subject, err)
			}
		}
	}
	next := bytes.Repeat([]byte{7}, 32)
	if err := errors.Join(s.Bind(ctx), s.Keys.Rewrap(ctx, next)); err != nil {
		t.Fatal(err)
	}
	if digestsOf(t, d, next) != digests {
		t.Error("they are others after keys were changed")
	}

	var backup bytes.Buffer
	if err := s.Keys.Export(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	for name, keysFirst := range map[string]bool{"keys first": true, "log first": false} {
		there := new(eventstore.Memory)
		keys, err := eventstore.NewKeys(there, next)
		if err != nil {
			t.Fatal(err)
		}
		restored := eventstore.New(eventstore.NewLog(there), jars(), keys)
		steps := []func() error{func() error {
			_, err := restored.Log.Restore(ctx, s.Log.All(ctx, 0), nil)
			return err
		}, func() error { // where somebody founds it once more meanwhile, no secret is made
			if _, err := restored.Digests(ctx); !keysFirst && !errors.Is(err, eventstore.ErrNoKey) {
				t.Errorf("without its keys a log has digests: %v", err)
			}
			return restored.Bind(ctx)
		}, func() error {
			_, err := keys.Import(ctx, strings.NewReader(backup.String()))
			return err
		}}
		if keysFirst {
			steps[0], steps[2] = steps[2], steps[0]
		}
		for _, step := range steps {
			if err := step(); err != nil && !strings.Contains(err.Error(), "key/house/founding, version 1, was made anew") {
				t.Fatal(name, err)
			}
		}
		if digestsOf(t, there, next) != digests {
			t.Errorf("%s: where the log is restored they are others", name)
		}
	}

	// They are never made up: without their key there are none, rather than plain ones.
	if err := s.Keys.Destroy(ctx, "digests", sealed.Class("house"), 1); err != nil {
		t.Fatal(err)
	}
	keys, err := eventstore.NewKeys(d, next)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventstore.New(eventstore.NewLog(d), jars(), keys).Digests(ctx); !errors.Is(err, eventstore.ErrErased) {
		t.Errorf("after their key was destroyed: %v", err)
	}
}

// TestDigestsOfLogsFoundedBefore there was a secret are plain for ever.
func TestDigestsOfLogsFoundedBefore(t *testing.T) {
	ctx, d := t.Context(), new(eventstore.Memory)
	s := storeOn(t, d)
	filledBy(t, s, "ada")
	for _, node := range []*eventstore.Store{s, storeOn(t, d)} {
		if err := node.Bind(ctx); err != nil {
			t.Fatal(err)
		}
		if digests, err := node.Digests(ctx); digests != (sealed.Digests{}) || err != nil {
			t.Errorf("they are others now: %v", err)
		}
	}
	// sha256sum of the text, its first half
	if got, want := digestsOf(t, d, master).Of("anna.lee@example.org"), "650c9a5085e924db80b2f049faeecd97"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestDigestsOfAnEmptyLog are not believed to be those that it will have.
func TestDigestsOfAnEmptyLog(t *testing.T) {
	s := storeOn(t, new(eventstore.Memory))
	if _, err := s.Digests(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context()); err != nil {
		t.Fatal(err)
	}
	if digests, err := s.Digests(t.Context()); digests == (sealed.Digests{}) || err != nil {
		t.Errorf("they are plain, %v", err)
	}
}

// between is a log in which something happens once, just after somebody has looked at it.
type between struct {
	eventstore.Driver
	atHead, atGet func()
}

func once(do *func()) {
	if now := *do; now != nil {
		*do = nil
		now()
	}
}

func (b *between) Head(ctx context.Context) (int64, error) {
	defer once(&b.atHead)
	return b.Driver.Head(ctx)
}

func (b *between) Get(ctx context.Context, keys ...string) ([]eventstore.Entry, error) {
	defer once(&b.atGet)
	return b.Driver.Get(ctx, keys...)
}

// TestTwoNodesFoundAtOnce, and agree on the digests, whoever comes between what the other one does.
func TestTwoNodesFoundAtOnce(t *testing.T) {
	for name, race := range map[string]func(b *between, other func()){
		"after it has seen that there is no event": func(b *between, other func()) { b.atHead = other },
		"after it has seen that there is no key":   func(b *between, other func()) { b.atGet = other },
	} {
		d := new(eventstore.Memory)
		var digests sealed.Digests
		slow := &between{Driver: d}
		race(slow, func() { _, digests = bound(t, d) })
		s := storeOn(t, slow)
		if err := s.Bind(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		if mine, err := s.Digests(t.Context()); err != nil || mine != digests || digestsOf(t, d, master) != digests {
			t.Errorf("%s: two nodes have two secrets, %v", name, err)
		}

		// Nor does one that asks meanwhile believe for ever that there is none.
		d = new(eventstore.Memory)
		slow = &between{Driver: d}
		race(slow, func() { _, digests = bound(t, d) })
		s = storeOn(t, slow)
		if _, err := s.Digests(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		if mine, err := s.Digests(t.Context()); err != nil || mine != digests {
			t.Errorf("%s: one that only asked makes others, %v", name, err)
		}
	}
}
