package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes/access"
)

type subscription struct{ *resolver }

func (r *resolver) Subscription() exec.SubscriptionResolver { return subscription{r} }

// Events feeds the log to whoever asks, from a position on.
func (s subscription) Events(ctx context.Context, after int64, types []string) (<-chan exec.Event, error) {
	v, _ := access.Of(ctx)
	personal := slices.Contains(v.Scopes, "events:personal") // which nobody has by a role alone
	feed := make(chan exec.Event)
	go func() {
		defer close(feed)
		for rec, err := range s.Store.Log.Follow(ctx, after) {
			if err != nil {
				s.Log.ErrorContext(ctx, "event feed", "err", err) // and goes on where it was
				continue
			}
			if len(types) > 0 && !slices.Contains(types, rec.Type) {
				continue
			}
			event, err := eventOf(ctx, s.Store, rec, personal)
			if err != nil { // nobody must miss an event: the feed ends here, and comes no further when asked again
				s.Log.ErrorContext(ctx, "event feed", "position", rec.Position, "err", err)
				return
			}
			select {
			case feed <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return feed, nil
}

// eventOf is a record as others see it: in the latest edition of its type and with
// its personal data open, or without.
func eventOf(ctx context.Context, s *eventstore.Store, rec eventstore.Record, personal bool) (exec.Event, error) {
	var event any
	var err error
	if personal {
		event, err = s.Decode(ctx, rec)
	} else {
		event, err = s.Registry.Decode(rec.Encoded)
	}
	if err != nil {
		return exec.Event{}, err
	}
	event, opened, err := unsealed(event)
	if err != nil {
		return exec.Event{}, err
	}
	encoded, err := s.Registry.Encode(event)
	if err != nil {
		return exec.Event{}, err
	}
	data, err := reveal(encoded.Data, opened)
	return exec.Event{Record: rec, Edition: encoded.Edition, Data: data}, err
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
	if !bytes.Contains(data, []byte(`"sealed"`)) {
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
		if len(opened) == 0 {
			return nil
		}
		var number []byte
		if err := json.Unmarshal([]byte(strconv.Quote(text)), &number); err != nil {
			return err
		}
		i, err := strconv.Atoi(string(number))
		if err != nil || i >= len(opened) {
			return fmt.Errorf("graphql: a box that is still sealed")
		}
		box["data"] = json.RawMessage(opened[i])
		return nil
	}); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// visit finds the boxes in JSON.
func visit(v any, box func(map[string]any) error) error {
	switch v := v.(type) {
	case map[string]any:
		if v["sealed"] != nil && v["subject"] != nil && v["class"] != nil {
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
