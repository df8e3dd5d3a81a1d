package graphql

import (
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rochdale/domain"
)

const (
	maxText = 10_000 // characters of a text
	maxID   = 200    // bytes of an id: it becomes part of the name of a stream
	maxList = 100    // elements of a list that is given
)

// checkValue refuses a value that no field takes, whatever it means there: a text
// that is too long or has control characters, a whole number beyond 32 bits, a
// list that is too long.
func checkValue(schema *ast.Schema, t *ast.Type, v any) error {
	if v == nil {
		return nil
	}
	if t.Elem != nil {
		list, is := v.([]any)
		if !is {
			return checkValue(schema, t.Elem, v) // a list of one
		}
		if len(list) > maxList {
			return ErrLongList.With("most", maxList)
		}
		for _, element := range list {
			if err := checkValue(schema, t.Elem, element); err != nil {
				return err
			}
		}
		return nil
	}
	switch t.NamedType {
	case "String":
		if s, is := v.(string); is {
			if utf8.RuneCountInString(s) > maxText {
				return ErrLongText.With("most", maxText)
			}
			return checkCharacters(s, "\t\n\r")
		}
	case "ID":
		if s, is := v.(string); is {
			if len(s) > maxID {
				return ErrLongText.With("most", maxID)
			}
			return checkCharacters(s, "")
		}
	case "Int":
		if !fits(v) {
			return ErrBadInt
		}
	default:
		def := schema.Types[t.NamedType]
		object, is := v.(map[string]any)
		if !is || def.Kind != ast.InputObject {
			return nil // a scalar or enum, which reads its values itself
		}
		for name, value := range object {
			if field := def.Fields.ForName(name); field != nil {
				if err := checkValue(schema, field.Type, value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func checkCharacters(s, allowed string) error {
	for _, r := range s {
		if r < ' ' && !strings.ContainsRune(allowed, r) || r == 0x7f {
			return ErrControl
		}
	}
	return nil
}

func fits(v any) bool {
	var n int64
	switch v := v.(type) {
	case int64:
		n = v
	case int:
		n = int64(v)
	case json.Number:
		var err error
		if n, err = v.Int64(); err != nil {
			return false
		}
	default: // what is no whole number is refused where it is read
		return true
	}
	return n >= math.MinInt32 && n <= math.MaxInt32
}

// checkVariables checks the values that came beside a document.
func checkVariables(schema *ast.Schema, op *ast.OperationDefinition, variables map[string]any) error {
	for _, v := range op.VariableDefinitions {
		if err := checkValue(schema, v.Type, variables[v.Variable]); err != nil {
			return err
		}
	}
	return nil
}

// examiner looks through a document once, before it is validated: validation takes
// long where the same name is selected too often, or compares names that are too long.
type examiner struct {
	names  map[string]int // how often each is answered under
	values []*ast.Value
}

const (
	maxSame = 500 // fields answered under one name
	maxName = 100 // characters of a name
)

func examine(doc *ast.QueryDocument) (*examiner, error) {
	e := &examiner{names: map[string]int{}}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			if v.DefaultValue != nil {
				e.values = append(e.values, v.DefaultValue)
			}
		}
		if err := e.directives(op.Directives); err != nil {
			return nil, err
		}
		if err := e.set(op.SelectionSet); err != nil {
			return nil, err
		}
	}
	for _, f := range doc.Fragments {
		if err := e.set(f.SelectionSet); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *examiner) set(set ast.SelectionSet) (err error) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if e.names[s.Alias]++; e.names[s.Alias] > maxSame {
				return gqlerror.ErrorPosf(s.Position, "%.*q is selected more than %d times in the document", maxName, s.Alias, maxSame)
			}
			if len(s.Name) > maxName {
				return gqlerror.ErrorPosf(s.Position, "there is no field with a name of more than %d characters", maxName)
			}
			if err = e.arguments(s.Arguments); err == nil {
				err = e.directives(s.Directives)
			}
			if err == nil {
				err = e.set(s.SelectionSet)
			}
		case *ast.InlineFragment:
			if len(s.TypeCondition) > maxName {
				return gqlerror.ErrorPosf(s.Position, "there is no type with a name of more than %d characters", maxName)
			}
			if err = e.directives(s.Directives); err == nil {
				err = e.set(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			err = e.directives(s.Directives)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *examiner) directives(list ast.DirectiveList) error {
	for _, d := range list {
		if err := e.arguments(d.Arguments); err != nil {
			return err
		}
	}
	return nil
}

func (e *examiner) arguments(list ast.ArgumentList) error {
	for _, a := range list {
		if len(a.Name) > maxName {
			return gqlerror.ErrorPosf(a.Position, "there is no argument with a name of more than %d characters", maxName)
		}
		e.values = append(e.values, a.Value)
	}
	return nil
}

// literals checks the values that stand in the document, once validation has found
// out of which types they are.
func (e *examiner) literals(schema *ast.Schema) error {
	for _, v := range e.values {
		if v.ExpectedType == nil {
			continue
		}
		// Variables are nothing here: what they hold is checked by itself.
		literal, err := v.Value(map[string]any{})
		if err != nil {
			return gqlerror.ErrorPosf(v.Position, "%.*q is no value: %s", maxName, v.Raw, "write it as text")
		}
		if err := checkValue(schema, v.ExpectedType, literal); err != nil {
			if refusal, is := err.(domain.Refusal); is { //nolint:errorlint // it is not wrapped
				return &gqlerror.Error{Err: refusal, Locations: []gqlerror.Location{{Line: v.Position.Line, Column: v.Position.Column}}}
			}
			return err
		}
	}
	return nil
}
