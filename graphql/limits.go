package graphql

import (
	"math"

	"github.com/vektah/gqlparser/v2/ast"
)

// MaxPage is the largest page of a list.
const MaxPage = 100

const (
	defaultPage = 50 // elements of a page for which no size is given
	assumedList = 10 // elements of a list for which the schema has no @listSize
	// assumedTypes is the number of types, roughly.
	assumedTypes = 100
)

// depthOf is how deep the selections of an operation are. Those of the schema
// itself are left out: how deep these go is limited by validation. Each fragment is
// looked at once, however often spread.
func depthOf(doc *ast.QueryDocument, op *ast.OperationDefinition) int {
	fragments := map[string]int{}
	var walk func(ast.SelectionSet) int
	walk = func(set ast.SelectionSet) (depth int) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if !introspective(s) {
					depth = max(depth, 1+walk(s.SelectionSet))
				}
			case *ast.InlineFragment:
				depth = max(depth, walk(s.SelectionSet))
			case *ast.FragmentSpread:
				known, ok := fragments[s.Name]
				if !ok {
					known = walk(doc.Fragments.ForName(s.Name).SelectionSet)
					fragments[s.Name] = known
				}
				depth = max(depth, known)
			}
		}
		return depth
	}
	return walk(op.SelectionSet)
}

// introspective reports whether a field asks for the schema itself.
func introspective(f *ast.Field) bool { return f.Name == "__schema" || f.Name == "__type" }

// costOf is the number of values that an operation can answer with, roughly: the
// fields of a list count as often as it can have elements. It is computed without
// expanding fragments, however often they are spread. What is asked of the schema
// costs less, since it is there: a hundredth.
func costOf(doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any) (int, error) {
	c := &coster{doc: doc, variables: variables}
	return c.walk(op.SelectionSet, 0), c.err
}

type coster struct {
	doc       *ast.QueryDocument
	variables map[string]any
	fragments map[fragmentSize]int
	err       error
}

type fragmentSize struct {
	name string
	size int
}

// walk returns the cost of a selection. Size is that of the page, if it is of one.
func (c *coster) walk(set ast.SelectionSet, size int) (cost int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if introspective(s) {
				cost = add(cost, 1+c.field(s, size)/100)
			} else {
				cost = add(cost, c.field(s, size))
			}
		case *ast.InlineFragment:
			cost = add(cost, c.walk(s.SelectionSet, size))
		case *ast.FragmentSpread:
			key := fragmentSize{s.Name, size}
			known, ok := c.fragments[key]
			if !ok {
				known = c.walk(c.doc.Fragments.ForName(s.Name).SelectionSet, size)
				if c.fragments == nil {
					c.fragments = map[fragmentSize]int{}
				}
				c.fragments[key] = known
			}
			cost = add(cost, known)
		}
	}
	return cost
}

func (c *coster) field(f *ast.Field, size int) int {
	page := 0
	if def := f.Definition.Arguments.ForName("first"); def != nil {
		page = c.page(f)
	}
	times := 1
	if f.Definition.Type.Elem != nil {
		switch d := f.Definition.Directives.ForName("listSize"); {
		case page > 0:
			times, page = page, 0
		case size > 0:
			times = size
		case f.ObjectDefinition.Name == "__Schema":
			times = assumedTypes
		case d != nil:
			n, _ := d.Arguments.ForName("assumed").Value.Value(nil)
			assumed, _ := n.(int64)
			times = int(assumed)
		default:
			times = assumedList
		}
	}
	return add(1, multiply(times, c.walk(f.SelectionSet, page)))
}

// page is the size of the page that a field asks for.
func (c *coster) page(f *ast.Field) int {
	args := f.ArgumentMap(c.variables)
	for _, name := range []string{"first", "last"} {
		n, ok := whole(args[name])
		if !ok {
			continue
		}
		if n < 1 || n > MaxPage {
			c.err = ErrPageSize.With("most", MaxPage).With("asked", n)
		}
		return int(min(max(n, 1), MaxPage))
	}
	return defaultPage
}

func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	}
	return 0, false
}

const costly = math.MaxInt32

func add(a, b int) int { return min(a+b, costly) }

func multiply(times, cost int) int {
	if cost > 0 && times > costly/cost {
		return costly
	}
	return times * cost
}
