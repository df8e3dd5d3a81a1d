// Package feed is the log as programs outside may read it. However they come by an
// event, by asking for it, by a stream, a webhook or a broker, it is told here, in
// one form: in the latest edition of its type, its personal data open to whoever may
// have it and gone for all others, in an envelope of CloudEvents 1.0.
package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

// An Event is a record as others see it.
type Event struct {
	eventstore.Record
	Edition int             // the latest of its type
	Data    json.RawMessage // in that edition
}

// Of returns a record as others see it: with its personal data open, or without.
func Of(ctx context.Context, s *eventstore.Store, rec eventstore.Record, personal bool) (Event, error) {
	var event any
	var err error
	if personal {
		event, err = s.Decode(ctx, rec)
	} else {
		event, err = s.Registry.Decode(rec.Encoded)
	}
	if err != nil {
		return Event{}, err
	}
	told, err := Encode(s.Registry, event)
	return Event{Record: rec, Edition: told.Edition, Data: told.Data}, err
}

// Encode returns the form in which an event is told, with what is open in it.
func Encode(r *domain.Registry, event any) (told domain.Encoded, err error) {
	event, opened, err := unsealed(event)
	if err != nil {
		return told, err
	}
	if told, err = r.Encode(event); err != nil {
		return told, err
	}
	told.Data, err = reveal(told.Data, opened)
	return told, err
}

// unsealed returns a copy of an event in whose boxes there is not what they hold
// but the number of it among what is returned besides, so that it can be written.
func unsealed(event any) (copied any, opened [][]byte, err error) {
	t := reflect.TypeOf(event)
	within := sealed.In(t)
	if !within.Any() {
		return event, nil, nil
	}
	v := reflect.New(t).Elem()
	v.Set(reflect.ValueOf(event))
	err = within.Each(v, func(b sealed.Sealable) error {
		return b.Seal(func(plain []byte) ([]byte, int, error) {
			opened = append(opened, plain)
			return []byte(strconv.Itoa(len(opened) - 1)), 1, nil
		})
	})
	return v.Interface(), opened, err
}

// reveal puts what was opened into the JSON of an event, and takes out what is
// still sealed.
func reveal(data json.RawMessage, opened [][]byte) (json.RawMessage, error) {
	if !bytes.Contains(data, []byte(`"key":`)) {
		return data, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if err := visit(v, func(box map[string]any) error {
		text, _ := box["sealed"].(string)
		delete(box, "sealed")
		delete(box, "key")
		if len(opened) == 0 || text == "" {
			return nil
		}
		var number []byte
		if err := json.Unmarshal([]byte(strconv.Quote(text)), &number); err != nil {
			return err
		}
		i, err := strconv.Atoi(string(number))
		if err != nil || i >= len(opened) {
			return fmt.Errorf("feed: a box that is still sealed")
		}
		box["data"] = json.RawMessage(opened[i])
		return nil
	}); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// visit finds the boxes in JSON: what has a subject, a class and the version of a key.
func visit(v any, box func(map[string]any) error) error {
	switch v := v.(type) {
	case map[string]any:
		if class, _ := v["class"].(string); v["key"] != nil && v["subject"] != nil && slices.Contains(sealed.Classes, sealed.Class(class)) {
			return box(v)
		}
		for _, inner := range v {
			if err := visit(inner, box); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := visit(inner, box); err != nil {
				return err
			}
		}
	}
	return nil
}

// Types are the types of event that somebody wants: by their names, or like
// "membership.*" all of a module. None means all there are.
type Types []string

// ErrUnknownType refuses to wait for what never comes.
var ErrUnknownType = domain.Refusal{
	Code: "feed.unknown_type", Reason: "there is no event type {type}: name those of docs/events.md, or like membership.* all of a module",
}

// TypesOf reads the names of types, as they are given one by one or with commas.
func TypesOf(r *domain.Registry, names ...string) (types Types, err error) {
	known := r.Types()
	for _, list := range names {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			if !slices.ContainsFunc(known, func(e domain.Encoded) bool { return Types{name}.Want(e.Type) }) {
				return nil, ErrUnknownType.With("type", name)
			}
			if !slices.Contains(types, name) {
				types = append(types, name)
			}
		}
	}
	return types, nil
}

// ErrBeyond refuses a place to which the log has not come: who has it read another log, or
// this one before a backup of it was restored, and would miss what happens until then.
var ErrBeyond = domain.Refusal{
	Code: "feed.beyond", Reason: "the log has no position {position}: it is at {head}. If a backup was restored, what you have read after that position did not happen here: go back to it, and read on from there",
}

// Within refuses a position that the log does not have, from which somebody wants to
// read on.
func Within(ctx context.Context, log *eventstore.Log, after int64) error {
	if after <= 0 {
		return nil
	}
	head, err := log.Head(ctx)
	if err == nil && after > head {
		err = ErrBeyond.With("position", after).With("head", head)
	}
	return err
}

// Want reports whether a type is among them.
func (t Types) Want(name string) bool {
	return len(t) == 0 || slices.ContainsFunc(t, func(wanted string) bool {
		module, all := strings.CutSuffix(wanted, ".*")
		return wanted == name || all && strings.HasPrefix(name, module+".")
	})
}
