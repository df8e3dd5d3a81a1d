package exec

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"
)

// What the generated code calls once it is tuned: see internal/generate.

// object is the answer to a selection of fields of one object.
type object struct {
	fields   []graphql.CollectedField
	Values   []graphql.Marshaler
	Invalids uint32 // fields that must not be null, and are
}

func newObject(fields []graphql.CollectedField) *object {
	return &object{fields: fields, Values: make([]graphql.Marshaler, len(fields))}
}

// MarshalGQL writes the object.
func (o *object) MarshalGQL(w io.Writer) {
	sep := byte('{')
	write := func(s string) { _, _ = io.WriteString(w, s) }
	for i := range o.fields {
		alias := o.fields[i].Alias
		if o.written(i, alias) {
			continue
		}
		if sep == '{' {
			write(`{"`)
		} else {
			write(`,"`)
		}
		sep = ','
		write(alias) // a name: GraphQL has no characters in it that JSON escapes
		write(`":`)
		o.Values[i].MarshalGQL(w)
	}
	if sep == '{' {
		write("{")
	}
	write("}")
}

// written reports whether a field came already: by way of two interfaces, it can
// be collected twice.
func (o *object) written(i int, alias string) bool {
	for j := range i {
		if o.fields[j].Alias == alias {
			return true
		}
	}
	return false
}

// marshalSlice marshals the elements of a list one after another. They share a
// context, which nothing keeps beyond its element.
func marshalSlice(ctx context.Context, length int, _ int64, _ bool, marshal func(context.Context, int) graphql.Marshaler) graphql.Array {
	list := make(graphql.Array, length)
	if length == 0 {
		return list
	}
	index := 0
	fc := &graphql.FieldContext{Index: &index}
	ctx = graphql.WithFieldContext(ctx, fc)
	for ; index < length; index++ {
		marshalElement(ctx, list, index, marshal)
	}
	return list
}

func marshalElement(ctx context.Context, list graphql.Array, i int, marshal func(context.Context, int) graphql.Marshaler) {
	defer func() {
		if p := recover(); p != nil {
			graphql.AddError(ctx, graphql.Recover(ctx, p))
			list[i] = graphql.Null
		}
	}()
	list[i] = marshal(ctx, i)
}

// orNull is null where a value is absent.
func orNull(absent bool, marshal func() graphql.Marshaler) graphql.Marshaler {
	if absent {
		return graphql.Null
	}
	return marshal()
}
