package eventstore

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// house is the class of keys that wrap secrets of the house itself. No box is sealed
// under it, and no party is their subject.
const house sealed.Class = "house"

// The keys of the house that are there from its founding on. Digests are made of the first version of theirs for ever.
var (
	foundingKey = sealed.Key{Subject: "founding", Class: house}
	digestsKey  = sealed.Key{Subject: "digests", Class: house, Version: 1}
)

// Bind makes the keys that a log has from its founding on, so that it opens under this master key alone from now on. The
// secret of its digests is made only while it has no event: nodes that found it at once agree on the one that was
// first there, and none is made for a log whose digests are made already.
func (s *Store) Bind(ctx context.Context) error {
	wanted := map[sealed.Key]Secret{foundingKey: {}}
	head, err := s.Log.Head(ctx)
	if err != nil {
		return err
	}
	if head == 0 {
		wanted[sealed.Key{Subject: digestsKey.Subject, Class: house}] = Secret{}
	}
	return s.Keys.current(ctx, wanted)
}

// Digests returns the digests of the log, under its secret; plain ones if it was founded without ([sealed.Digests]).
// They stay the same under another master key, and where the log is restored with its keys. Before these are back, it
// returns the error of [Store.CheckKeys].
func (s *Store) Digests(ctx context.Context) (sealed.Digests, error) {
	if known := s.digests.Load(); known != nil {
		return *known, nil
	}
	var digests sealed.Digests
	head, err := s.Log.Head(ctx) // before the key: from the first event on there is one, or there never will be
	if err != nil {
		return digests, err
	}
	key, err := s.Keys.named(ctx, digestsKey)
	switch {
	case errors.Is(err, ErrNoKey):
		if head == 0 {
			return digests, nil // not for ever
		}
		if err := s.CheckKeys(ctx); err != nil { // it is not there because keys are lost
			return digests, err
		}
	case err != nil:
		return digests, fmt.Errorf("eventstore: make digests: %w", err)
	default:
		secret, err := hkdf.Key(sha256.New, key.raw[:], nil, "rochdale: digests", sha256.Size)
		if err != nil {
			return digests, fmt.Errorf("eventstore: make digests: %w", err)
		}
		digests = sealed.DigestsUnder([32]byte(secret))
	}
	s.digests.Store(&digests)
	return digests, nil
}

// Wrap seals a secret that is kept beside the log, like a key that signs, under a key
// of the ring that has a name. So it is exported and changes hands with the others.
func (k *Keys) Wrap(ctx context.Context, name string, secret []byte) ([]byte, error) {
	key := sealed.Key{Subject: domain.PartyID(name), Class: house}
	wanted := map[sealed.Key]Secret{key: {}}
	if err := k.current(ctx, wanted); err != nil {
		return nil, err
	}
	by := wanted[key]
	ciphertext, err := by.seal(secret, []byte(name))
	if err != nil {
		return nil, err
	}
	return json.Marshal(wrappedVersion{by.Version, ciphertext})
}

// Unwrap opens what [Keys.Wrap] has sealed under the same name.
func (k *Keys) Unwrap(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	var w wrappedVersion
	if err := json.Unmarshal(wrapped, &w); err != nil {
		return nil, fmt.Errorf("eventstore: unwrap %s: %w", name, err)
	}
	by, err := k.named(ctx, sealed.Key{Subject: domain.PartyID(name), Class: house, Version: w.Version})
	if err != nil {
		return nil, err
	}
	secret, err := by.open(w.Wrapped, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("eventstore: unwrap %s: %w", name, err)
	}
	return secret, nil
}
