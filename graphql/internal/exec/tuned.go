package exec

import (
	"context"
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// What the generated code calls once it is tuned: see internal/generate.

// object is the answer to a selection of fields of one object. It is written as they
// are resolved, in their order.
type object struct {
	selected *selected
	data     []byte
	mark     int // where a field began that is not to be written again; -1: none
	Invalids int // fields that must not be null, and are
}

func newObject(s *selected) *object {
	return &object{selected: s, data: make([]byte, 0, s.size.Load()), mark: -1}
}

// begin begins the next field.
func (o *object) begin(i int) {
	o.forget()
	if o.selected.again[i] {
		o.mark = len(o.data)
	}
	o.data = append(o.data, o.selected.names[i]...)
}

// forget takes out what was written already.
func (o *object) forget() {
	if o.mark >= 0 {
		o.data, o.mark = o.data[:o.mark], -1
	}
}

// end returns the object when all its fields are written.
func (o *object) end() *object {
	o.forget()
	if len(o.data) == 0 {
		o.data = append(o.data, '{')
	}
	o.data = append(o.data, '}')
	if n := int64(len(o.data)); n > o.selected.size.Load() {
		o.selected.size.Store(min(n, maxSize))
	}
	return o
}

// maxSize bounds the memory in bytes that an object is given ahead.
const maxSize = 4 << 10

// value writes the value of a field; one that makes the object invalid is counted.
func (o *object) value(v, invalid graphql.Marshaler) {
	if v == invalid {
		o.Invalids++
		return
	}
	v.MarshalGQL(o)
}

func (o *object) null()           { o.data = append(o.data, "null"...) }
func (o *object) boolean(v bool)  { o.data = strconv.AppendBool(o.data, v) }
func (o *object) integer(v int64) { o.data = strconv.AppendInt(o.data, v, 10) }

// text writes a text, as [graphql.MarshalString] does.
func (o *object) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			graphql.MarshalString(s).MarshalGQL(o)
			return
		}
	}
	o.data = append(append(append(o.data, '"'), s...), '"')
}

// Write is that of [io.Writer], for values that write themselves.
func (o *object) Write(p []byte) (int, error) {
	o.data = append(o.data, p...)
	return len(p), nil
}

// WriteString is that of [io.StringWriter].
func (o *object) WriteString(s string) (int, error) {
	o.data = append(o.data, s...)
	return len(s), nil
}

// MarshalGQL writes the object.
func (o *object) MarshalGQL(w io.Writer) { _, _ = w.Write(o.data) }

// Selections are what was found to be selected in a document, for all who ask for it.
// Their zero value is empty and ready.
type Selections struct {
	mu    sync.Mutex
	known atomic.Pointer[[]*selected] // replaced when there are more
}

// selected are the fields that a selection selects of objects of one type.
type selected struct {
	set    *ast.Selection // the first of the selection
	length int
	of     *string // the first of the types that the objects satisfy

	fields []graphql.CollectedField
	names  []string     // what comes before their values
	again  []bool       // whether a field came already: by way of two interfaces, it can be collected twice
	size   atomic.Int64 // of the largest object so far, in bytes
}

type selectionsKey struct{}

// WithSelections returns a context in which a document is executed.
func WithSelections(ctx context.Context, s *Selections) context.Context {
	return context.WithValue(ctx, selectionsKey{}, s)
}

func selectionsOf(ctx context.Context) *Selections {
	if s, ok := ctx.Value(selectionsKey{}).(*Selections); ok {
		return s
	}
	return &Selections{}
}

// of returns the fields that a selection selects of objects that satisfy some types.
func (s *Selections) of(oc *graphql.OperationContext, set ast.SelectionSet, satisfies []string) *selected {
	for {
		known := s.known.Load()
		if known != nil {
			for _, k := range *known {
				if k.set == &set[0] && k.length == len(set) && k.of == &satisfies[0] {
					return k
				}
			}
		}
		s.add(known, newSelected(oc, set, satisfies))
	}
}

func (s *Selections) add(known *[]*selected, one *selected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known.Load() != known {
		return // somebody else has added one: perhaps the same
	}
	more := []*selected{one}
	if known != nil {
		more = append((*known)[:len(*known):len(*known)], one)
	}
	s.known.Store(&more)
}

func newSelected(oc *graphql.OperationContext, set ast.SelectionSet, satisfies []string) *selected {
	fields := graphql.CollectFields(oc, set, satisfies)
	s := &selected{
		set: &set[0], length: len(set), of: &satisfies[0],
		fields: fields, names: make([]string, len(fields)), again: make([]bool, len(fields)),
	}
	for i, f := range fields {
		s.names[i] = `,"` + f.Alias + `":` // a name: GraphQL has no characters in it that JSON escapes
		if i == 0 {
			s.names[i] = "{" + s.names[i][1:]
		}
		for _, before := range fields[:i] {
			s.again[i] = s.again[i] || before.Alias == f.Alias
		}
	}
	return s
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

// parents are the elements of a list, for fields that are resolved of all at once.
type parents[T any] struct {
	all []*T

	mu     sync.Mutex
	fields map[string]*graphql.BatchFieldResult // by their aliases
}

type parentsKey[T any] struct{}

func withParents[T any](ctx context.Context, _ string, v []T) context.Context {
	p := &parents[T]{all: make([]*T, len(v))}
	for i := range v {
		p.all[i] = &v[i]
	}
	return context.WithValue(ctx, parentsKey[T]{}, p)
}

// batch is a field of one of several parents: see [graphql.BatchParents].
type batch[T any] struct {
	Parents  []*T
	Index    ast.PathIndex // of that one
	IndexMap map[int]int   // none: all are of one type

	of *parents[T]
}

// parentsOf returns the parents of the field being resolved, if it is of the element
// of a list.
func parentsOf[P *T, T any](ctx context.Context, _ string) (b batch[T], ok bool) {
	p, _ := ctx.Value(parentsKey[T]{}).(*parents[T])
	fc := graphql.GetFieldContext(ctx)
	if p == nil || fc == nil || fc.Parent == nil || fc.Parent.Index == nil {
		return b, false
	}
	return batch[T]{Parents: p.all, Index: ast.PathIndex(*fc.Parent.Index), of: p}, true
}

// FieldResult resolves the field of all parents, once.
func (b batch[T]) FieldResult(field graphql.CollectedField, resolve func() (any, error)) *graphql.BatchFieldResult {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	known := b.of.fields[field.Alias]
	if known == nil {
		if b.of.fields == nil {
			b.of.fields = map[string]*graphql.BatchFieldResult{}
		}
		known = &graphql.BatchFieldResult{}
		b.of.fields[field.Alias] = known // without results, should it panic
		known.Results, known.Err = resolve()
	}
	return known
}
