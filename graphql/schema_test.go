package graphql

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"rochdale/graphql/internal/exec"
)

// TestSchema holds the schema to what its readers count on: everything is
// described, lists come in one form, and so do mutations and what they answer with.
func TestSchema(t *testing.T) {
	schema := exec.NewExecutableSchema(exec.Config{}).Schema()
	described := func(what, description string) {
		if len(description) < 3 || !strings.HasSuffix(description, ".") && !strings.Contains(description, "\n") {
			t.Errorf("%s is not described by a sentence: %q", what, description)
		}
	}
	arguments := func(what string, args ast.ArgumentDefinitionList) {
		for _, a := range args {
			described(what+"("+a.Name+":)", a.Description)
		}
	}
	described("the schema", schema.Description)
	for _, d := range schema.Directives {
		if !slices.Contains([]string{"include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"}, d.Name) {
			arguments("@"+d.Name, d.Arguments)
		}
	}
	for name, def := range schema.Types {
		if def.BuiltIn {
			continue
		}
		described(name, def.Description)
		for _, v := range def.EnumValues {
			described(name+"."+v.Name, v.Description)
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			what := coordinate(name, f.Name)
			described(what, f.Description)
			arguments(what, f.Arguments)
			if f.Type.Elem != nil && (!f.Type.NonNull || !f.Type.Elem.NonNull) && def.Kind != ast.InputObject {
				t.Errorf("%s: %s: a list is there, and so are its elements", what, f.Type)
			}
			paged := f.Arguments.ForName("first") != nil
			if paged != strings.HasSuffix(f.Type.Name(), "Connection") {
				t.Errorf("%s: what takes a page answers with a connection", what)
			}
			if paged {
				for _, arg := range []string{"first: Int", "after: String", "last: Int", "before: String"} {
					argName, of, _ := strings.Cut(arg, ": ")
					if a := f.Arguments.ForName(argName); a == nil || a.Type.String() != of {
						t.Errorf("%s lacks %s", what, arg)
					}
				}
			}
			list := f.Type.Elem != nil && schema.Types[f.Type.Name()].Kind == ast.Object
			if inPage := strings.HasSuffix(name, "Connection"); list && !inPage && f.Directives.ForName("listSize") == nil {
				t.Errorf("%s is a list without @listSize", what)
			}
		}
		if of, is := strings.CutSuffix(name, "Connection"); is {
			for field, want := range map[string]string{
				"edges": "[" + of + "Edge!]!", "nodes": "[" + of + "!]!", "pageInfo": "PageInfo!", "totalCount": "Int!",
			} {
				if f := def.Fields.ForName(field); f == nil || f.Type.String() != want {
					t.Errorf("%s.%s is not a %s", name, field, want)
				}
			}
		}
	}
	for _, m := range schema.Mutation.Fields {
		if id := m.Arguments.ForName("requestId"); id == nil || id.Type.String() != "String" {
			t.Errorf("Mutation.%s takes no requestId", m.Name)
		}
		payload := schema.Types[m.Type.Name()]
		if !m.Type.NonNull || !strings.HasSuffix(payload.Name, "Payload") || !slices.Contains(payload.Interfaces, "Payload") {
			t.Errorf("Mutation.%s answers with no payload", m.Name)
		}
	}
}
