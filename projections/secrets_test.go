package projections_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/eventstore"
)

// A told is an event that says something of the guest in each of its boxes, and what.
type told struct {
	event   any
	secrets map[sealed.Class][]string // in lower case
}

// everySecret returns an event of each type that has a box, as its sample has it, about
// the guest. A box that the sample lacks is an error: nobody would see that it is erased.
func everySecret(t *testing.T) (all []told) {
	t.Helper()
	registry := modules.Registry()
	for _, typ := range registry.Types() {
		text, err := os.ReadFile(filepath.Join("..", "schema", "events", typ.Type, fmt.Sprintf("%d.json", typ.Edition)))
		must(t, err)
		blank, err := registry.Decode(domain.Encoded{Type: typ.Type, Edition: typ.Edition, Data: []byte(`{}`)})
		must(t, err)
		if !sealed.In(reflect.TypeOf(blank)).Any() {
			continue
		}
		var data map[string]any
		must(t, json.Unmarshal(text, &data))
		about(data, subjectOf(data))
		typ.Data, err = json.Marshal(data)
		must(t, err)
		event, err := registry.Decode(typ)
		must(t, err)
		v := reflect.New(reflect.TypeOf(event)).Elem()
		v.Set(reflect.ValueOf(event))
		e := told{secrets: map[sealed.Class][]string{}}
		fillBoxes(t, typ.Type, v, &e)
		e.event = v.Interface()
		all = append(all, e)
	}
	return all
}

// subjectOf returns whom a box in an event is about.
func subjectOf(v any) (subject string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			subject = subject + subjectOf(item)
		}
	case map[string]any:
		if _, box := v["sealed"]; box {
			subject, _ := v["subject"].(string)
			return subject
		}
		for _, item := range v {
			if of := subjectOf(item); of != "" {
				return of
			}
		}
	}
	return subject
}

// about has data tell of the guest instead of somebody.
func about(data map[string]any, somebody string) {
	for name, v := range data {
		switch v := v.(type) {
		case string:
			if v == somebody {
				data[name] = "guest"
			}
		case map[string]any:
			about(v, somebody)
		case []any:
			for _, item := range v {
				if within, is := item.(map[string]any); is {
					about(within, somebody)
				}
			}
		}
	}
}

// fillBoxes puts a secret in each text of each box.
func fillBoxes(t *testing.T, path string, v reflect.Value, e *told) {
	t.Helper()
	if box, is := v.Addr().Interface().(sealed.Sealable); is {
		key := box.Key()
		if key == (sealed.Key{}) {
			t.Errorf("the sample of %s has nothing there", path)
			return
		}
		plain, known := v.Type().FieldByName("plain")
		if !known {
			t.Fatal("a box has no plain data")
		}
		content := reflect.New(plain.Type.Elem())
		fillTexts(path, content.Elem(), func(secret string) {
			e.secrets[key.Class] = append(e.secrets[key.Class], strings.ToLower(secret))
		})
		must(t, box.Open(func(sealed.Key, []byte) ([]byte, error) { return json.Marshal(content.Interface()) }))
		if !box.Holds() {
			t.Errorf("the sample of %s was erased", path)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Type.Kind() == reflect.Struct || f.Type.Kind() == reflect.Slice {
				fillBoxes(t, path+"."+f.Name, v.Field(i), e)
			}
		}
	case reflect.Slice:
		if elem := v.Type().Elem(); elem.Kind() == reflect.Struct && sealed.In(elem).Any() {
			if v.Len() == 0 {
				t.Errorf("the sample of %s has none", path)
			}
			for i := range v.Len() {
				fillBoxes(t, path, v.Index(i), e)
			}
		}
	default:
	}
}

// fillTexts puts a secret in each text of a value.
func fillTexts(path string, v reflect.Value, secret func(string)) {
	switch v.Kind() {
	case reflect.String:
		text := "Zyx" + strings.Map(func(r rune) rune {
			if r == '.' || r == '_' {
				return 'q'
			}
			return r
		}, path)
		if strings.HasSuffix(path, ".Email") || strings.HasSuffix(path, ".Login") {
			text += "@example.org"
		}
		v.SetString(text)
		secret(text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[calendar.Date]() {
			v.Set(reflect.ValueOf(calendar.On(1987, 2, 28)))
			return
		}
		for i := range v.NumField() {
			fillTexts(path+"."+v.Type().Field(i).Name, v.Field(i), secret)
		}
	default:
	}
}

// raised is an event that nobody decided.
type raised[S any] struct {
	stream domain.Stream
	event  domain.Event[S]
}

func (r raised[S]) Stream() domain.Stream { return r.stream }

func (r raised[S]) Decide(S) ([]domain.Event[S], error) { return []domain.Event[S]{r.event}, nil }

// raise puts an event in the log.
func raise(t *testing.T, tx *eventstore.Tx, name string, event any) error {
	t.Helper()
	stream := domain.StreamOf("told", name)
	switch e := event.(type) {
	case domain.Event[membership.Member]:
		return eventstore.Do(tx, raised[membership.Member]{stream, e})
	case domain.Event[shares.Holding]:
		return eventstore.Do(tx, raised[shares.Holding]{stream, e})
	case domain.Event[billing.Series]:
		return eventstore.Do(tx, raised[billing.Series]{stream, e})
	case domain.Event[provisioning.Account]:
		return eventstore.Do(tx, raised[provisioning.Account]{stream, e})
	case domain.Event[provisioning.Binding]:
		return eventstore.Do(tx, raised[provisioning.Binding]{stream, e})
	case domain.Event[provisioning.Wish]:
		return eventstore.Do(tx, raised[provisioning.Wish]{stream, e})
	}
	t.Fatalf("%T has personal data: say of which state it is", event)
	return nil
}

// TestEverySealedFieldIsErased goes through all events that there are: whatever the read
// models have of what is sealed is gone once its class is erased, and nobody reads it in
// the log. Before that, all of it could be read there.
func TestEverySealedFieldIsErased(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 20, true)
	all := everySecret(t)
	_, err := eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) error {
		for i, e := range all {
			if err := raise(t, tx, fmt.Sprint(i), e.event); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	dir := t.TempDir()
	m := open(t, dir, s)
	must(t, m.CatchUp(bounded(t)))

	// inFiles returns the secrets of a class that are in the read models.
	inFiles := func(class sealed.Class) (there []string) {
		var files strings.Builder
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		must(t, err)
		for _, name := range names {
			data, err := os.ReadFile(name)
			must(t, err)
			files.WriteString(strings.ToLower(string(data)))
		}
		for _, e := range all {
			for _, secret := range e.secrets[class] {
				if strings.Contains(files.String(), secret) {
					there = append(there, secret)
				}
			}
		}
		return there
	}
	// inLog returns the types of event of which a box of a class is open to whoever reads.
	inLog := func(class sealed.Class) (types []string) {
		for rec, err := range s.Log.All(t.Context(), 0) {
			must(t, err)
			if !strings.HasPrefix(string(rec.Stream), "told/") {
				continue
			}
			event, err := s.Decode(t.Context(), rec)
			must(t, err)
			v := reflect.New(reflect.TypeOf(event)).Elem()
			v.Set(reflect.ValueOf(event))
			must(t, sealed.In(v.Type()).Each(v, func(box sealed.Sealable) error {
				if box.Holds() && box.Key().Class == class {
					types = append(types, rec.Type)
				}
				return nil
			}))
		}
		slices.Sort(types)
		return slices.Compact(types)
	}
	of := func(class sealed.Class) (types []string) {
		for _, e := range all {
			if len(e.secrets[class]) > 0 {
				types = append(types, s.Registry.Name(e.event))
			}
		}
		slices.Sort(types)
		return slices.Compact(types)
	}
	rulesInForce := rules()
	rulesInForce.Version = 1
	for _, class := range sealed.Classes {
		told := of(class)
		if len(told) == 0 {
			continue
		}
		if readable := inLog(class); !slices.Equal(readable, told) {
			t.Errorf("of class %s, %v can be read in the log, and not %v", class, readable, told)
		}
		if len(inFiles(class)) == 0 {
			t.Errorf("nothing of class %s is in the read models, so that nothing can be seen of its erasure", class)
		}
		_, err := eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) error {
			return eventstore.Do(tx, raised[membership.Member]{
				"told/erased", membership.PersonalDataErased{Party: "guest", Class: class, Through: 1, On: day},
			})
		})
		must(t, err)
		must(t, m.CatchUp(bounded(t)))
		if left := inFiles(class); len(left) > 0 {
			t.Errorf("of class %s, %v is left in the read models", class, left)
		}
		if readable := inLog(class); len(readable) > 0 {
			t.Errorf("of class %s, %v can still be read in the log", class, readable)
		}
		verified(t, m)
	}
}
