// Package sealed has the type of personal data. The domain reads and compares it
// like any other; only whoever writes the log sees a key.
package sealed

import (
	"encoding/json"
	"errors"
	"reflect"

	"rochdale/domain"
)

// A Class is the reason for which personal data is kept, and so says when it is
// erased (GDPR art. 5(1)(e)): each person has a key for each class.
type Class string

const (
	Register   Class = "register"   // what the law wants in the register of members, for as long as it wants it
	Accounting Class = "accounting" // what invoices say, until the books need no longer be kept
	Service    Class = "service"    // what running a service takes, until it ends
	Optional   Class = "optional"   // what was given freely, until it is taken back
)

// Classes are all classes.
var Classes = []Class{Register, Accounting, Service, Optional}

// A Key names the key under which one party's data of one class is sealed.
type Key struct {
	Subject domain.PartyID
	Class   Class
	Version int // from 1, higher after each rotation; 0 is the current one
}

// A Box holds data about a party. Once its key is destroyed it reads as absent,
// and so it does as long as it is sealed. Its zero value never held anything.
type Box[T any] struct {
	key        Key
	plain      *T // never changed through this pointer
	ciphertext []byte
}

// New returns a box with data about a party, open to be read.
func New[T any](subject domain.PartyID, class Class, plain T) Box[T] {
	return Box[T]{key: Key{Subject: subject, Class: class}, plain: &plain}
}

// Reveal returns the data, and whether there is any.
func (b Box[T]) Reveal() (plain T, ok bool) {
	if b.plain == nil {
		return plain, false
	}
	return *b.plain, true
}

// Equal reports whether two boxes about one party hold the same, or both nothing.
func (b Box[T]) Equal(c Box[T]) bool {
	return b.key.Subject == c.key.Subject && b.key.Class == c.key.Class && reflect.DeepEqual(b.plain, c.plain)
}

// IsZero reports whether the box never held anything.
func (b Box[T]) IsZero() bool { return b.key == Key{} }

// String keeps personal data out of messages and diagnostics: see [Box.Reveal].
func (Box[T]) String() string { return "[personal data]" }

// GoString does the same for %#v.
func (Box[T]) GoString() string { return "[personal data]" }

// Sealable is a pointer to any [Box].
type Sealable interface {
	// Key returns the key under which the box is sealed or, while it is open,
	// is to be sealed: of version 0 then.
	Key() Key
	// Holds reports whether the box is open and there is something to seal.
	Holds() bool
	// Seal replaces the data by what encrypt makes of it, and notes the version
	// of the key used.
	Seal(encrypt func(plain []byte) (ciphertext []byte, version int, err error)) error
	// Open undoes Seal. Where decrypt returns nil the data has been erased.
	Open(decrypt func(Key, []byte) ([]byte, error)) error
}

// Key is that of [Sealable].
func (b *Box[T]) Key() Key { return b.key }

// Holds is that of [Sealable].
func (b *Box[T]) Holds() bool { return b.plain != nil }

// Seal is that of [Sealable].
func (b *Box[T]) Seal(encrypt func([]byte) ([]byte, int, error)) error {
	if b.plain == nil {
		return nil
	}
	plain, err := json.Marshal(b.plain)
	if err != nil {
		return err
	}
	b.ciphertext, b.key.Version, err = encrypt(plain)
	b.plain = nil
	return err
}

// Open is that of [Sealable].
func (b *Box[T]) Open(decrypt func(Key, []byte) ([]byte, error)) error {
	if b.ciphertext == nil {
		return nil
	}
	plain, err := decrypt(b.key, b.ciphertext)
	b.ciphertext, b.key.Version = nil, 0
	if err != nil || plain == nil {
		return err
	}
	b.plain = new(T)
	return json.Unmarshal(plain, b.plain)
}

type wire struct {
	Subject domain.PartyID `json:"subject"`
	Class   Class          `json:"class"`
	Version int            `json:"key"`
	Sealed  []byte         `json:"sealed,omitempty"`
}

// MarshalJSON fails unless the box is sealed: what nobody thought of sealing is
// not written at all.
func (b Box[T]) MarshalJSON() ([]byte, error) {
	switch {
	case b.plain != nil:
		return nil, errors.New("sealed: personal data must be sealed before it is written")
	case b.IsZero():
		return []byte("null"), nil
	}
	return json.Marshal(wire{b.key.Subject, b.key.Class, b.key.Version, b.ciphertext})
}

// UnmarshalJSON reads what MarshalJSON writes; the box is sealed then.
func (b *Box[T]) UnmarshalJSON(data []byte) error {
	*b = Box[T]{}
	if string(data) == "null" {
		return nil
	}
	var w wire
	err := json.Unmarshal(data, &w)
	b.key, b.ciphertext = Key{w.Subject, w.Class, w.Version}, w.Sealed
	return err
}

var sealable = reflect.TypeFor[Sealable]()

// Within finds the boxes in values of a struct type: among its fields, in structs
// nested in them and in slices of either. It is made once per type.
type Within struct{ steps []step }

type step struct {
	field  int
	box    bool
	slice  bool
	nested Within
}

// In finds the boxes in values of a type.
func In(t reflect.Type) Within { return look(t, nil) }

func look(t reflect.Type, above []reflect.Type) (w Within) {
	if t.Kind() != reflect.Struct {
		return w
	}
	for _, seen := range above {
		if seen == t {
			return w
		}
	}
	above = append(above, t)
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue // JSON would not write it either
		}
		s, of := step{field: i}, f.Type
		if of.Kind() == reflect.Slice {
			s.slice, of = true, of.Elem()
		}
		if s.box = reflect.PointerTo(of).Implements(sealable); !s.box {
			s.nested = look(of, above)
		}
		if s.box || s.nested.Any() {
			w.steps = append(w.steps, s)
		}
	}
	return w
}

// Any reports whether there may be boxes at all.
func (w Within) Any() bool { return len(w.steps) > 0 }

// Each visits the boxes in v, which must be settable. Slices that hold boxes are
// copied first, so that what v was copied from stays as it is.
func (w Within) Each(v reflect.Value, visit func(Sealable) error) error {
	for _, s := range w.steps {
		field := v.Field(s.field)
		if !s.slice {
			if err := s.each(field, visit); err != nil {
				return err
			}
			continue
		}
		fresh := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
		reflect.Copy(fresh, field)
		if !field.IsNil() {
			field.Set(fresh)
		}
		for i := range field.Len() {
			if err := s.each(field.Index(i), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s step) each(v reflect.Value, visit func(Sealable) error) error {
	if s.box {
		box, _ := reflect.TypeAssert[Sealable](v.Addr())
		return visit(box)
	}
	return s.nested.Each(v, visit)
}
