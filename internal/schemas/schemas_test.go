package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/processes/feed"
)

const root = "../.."

// TestFresh: what is made of the source is as it would be made now, and there is no
// schema of what the program does not know.
func TestFresh(t *testing.T) {
	all, err := files(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its source says: run go generate ./internal/schemas (%v)", name, err)
		}
	}
	there, err := filepath.Glob(filepath.Join(root, "schema/events/*/*.schema.json"))
	if err != nil || len(there) != len(all)-1 {
		t.Errorf("%d schemas of %d editions, %v", len(there), len(all)-1, err)
	}
}

// strict compiles the schema of an edition, as one in which nothing may be that it does
// not name, unlike for readers.
func strict(t *testing.T, kind string, edition int) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "schema/events", kind, fmt.Sprint(edition)+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var closed func(any)
	closed = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["properties"] != nil && v["type"] == "object" {
				v["additionalProperties"] = false
			}
			for _, inner := range v {
				closed(inner)
			}
		case []any:
			for _, inner := range v {
				closed(inner)
			}
		}
	}
	closed(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	id := feed.SchemaID(kind, edition)
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatalf("%s, edition %d: %v", kind, edition, err)
	}
	return s
}

func holds(t *testing.T, s *jsonschema.Schema, data []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		t.Errorf("%s\n%v", data, err)
	}
}

// TestSamples: the sample of every edition ever written is as its schema says, told to
// readers without personal data; and that of the current one also to those who see it.
func TestSamples(t *testing.T) {
	r := registry()
	for _, known := range r.Types() {
		for i, shape := range r.Shapes(known.Type) {
			edition := i + 1
			t.Run(feed.Type(known.Type, edition), func(t *testing.T) {
				s := strict(t, known.Type, edition)
				data, err := os.ReadFile(filepath.Join(root, "schema/events", known.Type, fmt.Sprint(edition)+".json"))
				if err != nil {
					t.Fatal(err)
				}
				event, err := r.Decode(domain.Encoded{Type: known.Type, Edition: edition, Data: data})
				if err != nil {
					t.Fatal(err)
				}
				if edition < known.Edition { // as it was told while it was the current one
					v := reflect.New(shape)
					if err := json.Unmarshal(data, v.Interface()); err != nil {
						t.Fatal(err)
					}
					told, err := json.Marshal(v.Interface())
					if err != nil {
						t.Fatal(err)
					}
					holds(t, s, withoutSeals(t, told))
					return
				}
				told, err := feed.Encode(r, event)
				if err != nil {
					t.Fatal(err)
				}
				holds(t, s, told.Data)
				told, err = feed.Encode(r, opened(t, event))
				if err != nil {
					t.Fatal(err)
				}
				holds(t, s, told.Data)
				if len(boxesOf(shape, "")) > 0 && !bytes.Contains(told.Data, []byte(`"data":`)) {
					t.Errorf("nothing is open in %s", told.Data)
				}
			})
		}
	}
}

// withoutSeals takes what is sealed out of the boxes in JSON.
func withoutSeals(t *testing.T, data []byte) []byte {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["sealed"] != nil {
				delete(v, "sealed")
				delete(v, "key")
			}
			for _, inner := range v {
				strip(inner)
			}
		case []any:
			for _, inner := range v {
				strip(inner)
			}
		}
	}
	strip(v)
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// opened returns an event in whose boxes something is.
func opened(t *testing.T, event any) any {
	v := reflect.New(reflect.TypeOf(event)).Elem()
	v.Set(reflect.ValueOf(event))
	err := sealed.In(v.Type()).Each(v, func(b sealed.Sealable) error {
		plain, _ := reflect.TypeOf(b).Elem().FieldByName("plain")
		full := reflect.New(plain.Type.Elem())
		fill(full.Elem())
		return b.Open(func(sealed.Key, []byte) ([]byte, error) { return json.Marshal(full.Interface()) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return v.Interface()
}

// fill leaves no field empty that JSON would leave out.
func fill(v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *calendar.Date:
		*at = calendar.Of(time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC))
		return
	case *domain.IBAN:
		*at = "BE68539007547034"
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	default:
		panic(fmt.Sprint("fill: ", v.Type()))
	}
}
