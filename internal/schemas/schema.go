package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
	"rochdale/processes/feed"
)

// A schema is one in JSON Schema, as far as it is needed here.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Const       any                `json:"const,omitempty"`
	Examples    []string           `json:"examples,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Others      *schema            `json:"additionalProperties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Defs        map[string]*schema `json:"$defs,omitempty"`
}

// schemaOf returns the schema of the data of an edition, as readers are told it.
func schemaOf(said source, kind string, edition int, shape reflect.Type) *schema {
	w := &writer{source: said, defs: map[string]*schema{}}
	s := w.object(shape)
	s.Schema, s.ID = "https://json-schema.org/draft/2020-12/schema", feed.SchemaID(kind, edition)
	s.Title, s.Defs = feed.Type(kind, edition), w.defs
	return s
}

// texts are types that are written as text of a form of their own.
var texts = map[reflect.Type]schema{
	reflect.TypeFor[calendar.Date]():     {Description: "A civil day in the co-op's time zone.", Format: "date", Pattern: `^\d{4}-\d{2}-\d{2}$`},
	reflect.TypeFor[calendar.Month]():    {Description: "A calendar month.", Pattern: `^\d{4}-\d{2}$`},
	reflect.TypeFor[time.Time]():         {Description: "An instant in UTC.", Format: "date-time"},
	reflect.TypeFor[uuid.UUID]():         {Format: "uuid"},
	reflect.TypeFor[decimal.Decimal]():   {Description: "A decimal number as text, so that no reader rounds it.", Pattern: `^-?\d+(\.\d+)?$`},
	reflect.TypeFor[money.Money]():       {Description: "An amount with its currency (ISO 4217).", Pattern: `^-?\d+(\.\d+)? [A-Z]{3}$`},
	reflect.TypeFor[statutes.Fraction](): {Description: "A fraction, like 2/3."},
	reflect.TypeFor[statutes.Majority](): {Description: "A majority, as statutes write it."},
}

var (
	sealable = reflect.TypeFor[sealed.Sealable]()
	raw      = reflect.TypeFor[json.RawMessage]()
)

// A writer writes one schema, and those that it refers to.
type writer struct {
	source
	defs map[string]*schema
}

func isBox(t reflect.Type) bool { return reflect.PointerTo(t).Implements(sealable) }

func (w *writer) of(t reflect.Type) *schema {
	if text, ok := texts[t]; ok {
		text.Type = "string"
		return &text
	}
	switch {
	case t == raw:
		return &schema{Description: "Any JSON."}
	case isBox(t):
		return w.box(t)
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.named(t, w.object)
	case reflect.Slice:
		return &schema{Type: []string{"array", "null"}, Items: w.of(t.Elem())}
	case reflect.Array:
		return &schema{Type: "array", Items: w.of(t.Elem())}
	case reflect.Pointer:
		return &schema{AnyOf: []*schema{w.of(t.Elem()), {Type: "null"}}}
	case reflect.Map:
		return &schema{Type: []string{"object", "null"}, Others: w.of(t.Elem())}
	case reflect.String:
		if t.PkgPath() == "" {
			return &schema{Type: "string"}
		}
		return w.named(t, func(t reflect.Type) *schema {
			return &schema{Type: "string", Description: w.types[nameOf(t)], Examples: w.values[nameOf(t)]}
		})
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer"}
	default:
		panic(fmt.Sprintf("schemas: %v has no schema: say in texts how it is written", t))
	}
}

// named refers to the schema of a type that has a name.
func (w *writer) named(t reflect.Type, make func(reflect.Type) *schema) *schema {
	name := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(nameOf(t), "rochdale/"), "domain/"), "/", ".")
	if w.defs[name] == nil {
		w.defs[name] = &schema{} // it may refer to itself
		w.defs[name] = make(t)
	}
	return &schema{Ref: "#/$defs/" + name}
}

// box is personal data. What it holds is found in the field of the box itself.
func (w *writer) box(t reflect.Type) *schema {
	plain, _ := t.FieldByName("plain")
	return &schema{AnyOf: []*schema{{
		Type: "object", Description: "Personal data. data is there for readers with the scope events:personal, as long as it is not erased.",
		Properties: map[string]*schema{
			"subject": {Type: "string", Description: "The party that it is about."},
			"class":   w.of(reflect.TypeFor[sealed.Class]()),
			"data":    w.of(plain.Type.Elem()),
		}, Required: []string{"subject", "class"},
	}, {Type: "null"}}}
}

func (w *writer) object(t reflect.Type) *schema {
	s := &schema{Type: "object", Description: w.types[nameOf(t)], Properties: map[string]*schema{}}
	w.fields(s, t)
	return s
}

func (w *writer) fields(s *schema, t reflect.Type) {
	for f := range fieldsOf(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			w.fields(s, f.Type)
			continue
		}
		if name == "" {
			name = f.Name
		}
		of := w.of(f.Type)
		if comment := w.source.fields[nameOf(t)][f.Name]; comment != "" {
			of.Description = comment
		}
		s.Properties[name] = of
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
	}
}

// fieldsOf yields the fields that JSON has.
func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Tag.Get("json") == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			if !yield(f) {
				return
			}
		}
	}
}

// boxesOf returns where in the data of a type there is personal data.
func boxesOf(t reflect.Type, above string) (names []string) {
	switch {
	case t.Kind() == reflect.Slice:
		return boxesOf(t.Elem(), above+"[]")
	case isBox(t):
		return []string{above}
	case t.Kind() != reflect.Struct || texts[t].Format+texts[t].Pattern+texts[t].Description != "":
		return nil
	}
	for f := range fieldsOf(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && above != "" {
			name = above + "." + name
		} else if name == "" {
			name = above
		}
		names = append(names, boxesOf(f.Type, name)...)
	}
	return names
}
