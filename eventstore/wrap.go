package eventstore

import (
	"context"
	"encoding/json"
	"fmt"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// house is the class of keys that wrap secrets of the house itself. No box is sealed
// under it, and no party is their subject.
const house sealed.Class = "house"

// Bind makes a first key, so that a log without any opens under this master key alone from
// now on.
func (k *Keys) Bind(ctx context.Context) error {
	return k.current(ctx, map[sealed.Key]Secret{{Subject: "founding", Class: house}: {}})
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
