package eventstore

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// boxes knows where the boxes are in values of each type.
var boxes sync.Map // of sealed.Within, by reflect.Type

func boxesIn(t reflect.Type) sealed.Within {
	known, ok := boxes.Load(t)
	if !ok {
		known, _ = boxes.LoadOrStore(t, sealed.In(t))
	}
	return known.(sealed.Within)
}

// eachBox visits the boxes in a copy of an event, which it returns.
func eachBox(event any, visit func(sealed.Sealable) error) (any, error) {
	t := reflect.TypeOf(event)
	within := boxesIn(t)
	if !within.Any() {
		return event, nil
	}
	v := reflect.New(t).Elem()
	v.Set(reflect.ValueOf(event))
	if err := within.Each(v, visit); err != nil {
		return nil, err
	}
	return v.Interface(), nil
}

// keysFor returns the keys under which the boxes in events are to be sealed.
func (s *Store) keysFor(ctx context.Context, events []any) (map[sealed.Key]Secret, error) {
	var wanted map[sealed.Key]Secret
	for _, event := range events {
		_, _ = eachBox(event, func(b sealed.Sealable) error {
			if b.Holds() {
				if wanted == nil {
					wanted = map[sealed.Key]Secret{}
				}
				wanted[b.Key()] = Secret{}
			}
			return nil
		})
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	if s.Keys == nil {
		return nil, errors.New("eventstore: there is personal data to be sealed, but no key ring")
	}
	return wanted, s.Keys.current(ctx, wanted)
}

// encode seals a copy of an event, bound to its id, and puts it into its stored form.
func (s *Store) encode(keys map[sealed.Key]Secret, id uuid.UUID, event any) (domain.Encoded, error) {
	safe, err := eachBox(event, func(b sealed.Sealable) error {
		secret := keys[b.Key()]
		return b.Seal(func(plain []byte) ([]byte, int, error) {
			ciphertext, err := secret.seal(plain, id[:])
			return ciphertext, secret.Version, err
		})
	})
	if err != nil {
		return domain.Encoded{}, err
	}
	return s.Registry.Encode(safe)
}

// Decode returns the event of a record, with its personal data as far as that
// has not been erased.
func (s *Store) Decode(ctx context.Context, rec Record) (any, error) {
	event, err := s.Registry.Decode(rec.Encoded)
	if err != nil {
		return nil, err
	}
	return eachBox(event, func(b sealed.Sealable) error {
		return b.Open(func(key sealed.Key, ciphertext []byte) ([]byte, error) {
			if s.Keys == nil {
				return nil, errors.New("eventstore: there is personal data to be opened, but no key ring")
			}
			secret, err := s.Keys.named(ctx, key)
			if errors.Is(err, ErrErased) {
				return nil, nil
			} else if err != nil {
				return nil, err
			}
			return secret.open(ciphertext, rec.ID[:])
		})
	})
}

// looked is how many events [Store.CheckKeys] opens at either end of the log.
const looked = 64

// CheckKeys returns an error of [ErrNoKey] where keys are missing that belong to the log, as beside one that was restored
// without them. Nothing is to be sealed then: other keys would be made in their place. It looks at the first and the last
// events.
func (s *Store) CheckKeys(ctx context.Context) error {
	head, err := s.Log.Head(ctx)
	if err != nil {
		return err
	}
	for _, after := range []int64{0, max(looked, head-looked)} {
		for rec, err := range s.Log.All(ctx, after) {
			if err != nil {
				return err
			}
			if _, err := s.Decode(ctx, rec); errors.Is(err, ErrNoKey) {
				return err
			}
			if rec.Position == looked {
				break
			}
		}
	}
	return nil
}

// erased reports whether something that an event held has been erased.
func erased(event any) (yes bool) {
	_, _ = eachBox(event, func(b sealed.Sealable) error {
		yes = yes || !b.Holds() && b.Key() != (sealed.Key{})
		return nil
	})
	return yes
}
