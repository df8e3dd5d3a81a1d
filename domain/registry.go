package domain

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Encoded is an event in the form in which the log keeps it.
type Encoded struct {
	Type    string
	Edition int // of the type's JSON shape, from 1
	Data    json.RawMessage
}

// A Registry knows every type of event by the name it is stored under. Names
// are forever: rename the Go type if you must, never the string.
type Registry struct {
	types map[string]eventType
	names map[reflect.Type]string
}

type eventType struct {
	shape     reflect.Type
	upcasters []Upcaster
	decode    func(json.RawMessage) (any, error)
}

func (t eventType) edition() int { return 1 + len(t.upcasters) }

// An Upcaster turns the data of one edition into that of the next.
type Upcaster struct {
	from   reflect.Type
	upcast func(json.RawMessage) (json.RawMessage, error)
}

// Upcast makes an [Upcaster] from a function between the two shapes.
func Upcast[Old, New any](upcast func(Old) New) Upcaster {
	return Upcaster{reflect.TypeFor[Old](), func(data json.RawMessage) (json.RawMessage, error) {
		var old Old
		if err := json.Unmarshal(data, &old); err != nil {
			return nil, err
		}
		return json.Marshal(upcast(old))
	}}
}

// Register enters events of type E, a struct, under a name. Upcasters come
// oldest first; each makes the current edition one higher.
func Register[E any](r *Registry, name string, upcasters ...Upcaster) {
	t := reflect.TypeFor[E]()
	if _, taken := r.types[name]; taken || r.names[t] != "" || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("domain: %s or %v is registered already, or is no struct", name, t))
	}
	if r.types == nil {
		r.types, r.names = map[string]eventType{}, map[reflect.Type]string{}
	}
	r.names[t] = name
	r.types[name] = eventType{t, upcasters, func(data json.RawMessage) (any, error) {
		var e E
		err := json.Unmarshal(data, &e)
		return e, err
	}}
}

// Types returns the names of all event types with their current editions, by name.
func (r *Registry) Types() []Encoded {
	types := make([]Encoded, 0, len(r.types))
	for _, name := range slices.Sorted(maps.Keys(r.types)) {
		types = append(types, Encoded{Type: name, Edition: r.types[name].edition()})
	}
	return types
}

// Shapes returns the types in Go of all editions of an event type, from the first to
// the current one.
func (r *Registry) Shapes(name string) (shapes []reflect.Type) {
	t, known := r.types[name]
	if !known {
		return nil
	}
	for _, u := range t.upcasters {
		shapes = append(shapes, u.from)
	}
	return append(shapes, t.shape)
}

// Name returns the name under which events of the type of event are stored, or
// "" for what is no registered event.
func (r *Registry) Name(event any) string { return r.names[reflect.TypeOf(event)] }

// Encode returns the stored form of an event, in its type's current edition.
func (r *Registry) Encode(event any) (Encoded, error) {
	name, ok := r.names[reflect.TypeOf(event)]
	if !ok {
		return Encoded{}, fmt.Errorf("domain: %T is not registered", event)
	}
	data, err := json.Marshal(event)
	return Encoded{name, r.types[name].edition(), data}, err
}

// Decode returns the event stored as enc, whichever edition it was stored in.
func (r *Registry) Decode(enc Encoded) (any, error) {
	t, ok := r.types[enc.Type]
	switch {
	case !ok:
		return nil, fmt.Errorf("domain: there is no event type %q: a newer program may have written it", enc.Type)
	case enc.Edition < 1 || enc.Edition > t.edition():
		return nil, fmt.Errorf("domain: event type %q has editions 1 to %d, not %d: a newer program may have written it",
			enc.Type, t.edition(), enc.Edition)
	}
	data := enc.Data
	for i, u := range t.upcasters[enc.Edition-1:] {
		var err error
		if data, err = u.upcast(data); err != nil {
			return nil, fmt.Errorf("domain: upcast %s from edition %d: %w", enc.Type, enc.Edition+i, err)
		}
	}
	event, err := t.decode(data)
	if err != nil {
		return nil, fmt.Errorf("domain: decode %s: %w", enc.Type, err)
	}
	return event, nil
}
