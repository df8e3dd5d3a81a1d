package graphql

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"rochdale/domain"
	"rochdale/graphql/internal/exec"
	"rochdale/processes/access"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// viewers are somebody of each role, and nobody.
func viewers() (names []string, all map[string]viewing) {
	all = map[string]viewing{"anonymous": {}}
	names = []string{"anonymous"}
	for _, role := range domain.Roles {
		v := access.Viewer{Party: "somebody", Name: "somebody", Roles: []domain.Role{role}}
		if role == domain.RolePipeline {
			v.Party = "" // a machine
		}
		names = append(names, string(role))
		all[string(role)] = viewing{v, true, rolesOf(v.Roles)}
	}
	return names, all
}

// objects are the types of the schema, by name, the roots first. Interfaces are
// not among them: what is selected by one is of a type.
func objects(schema *ast.Schema) []*ast.Definition {
	all := []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription}
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		def := schema.Types[name]
		if def.Kind == ast.Object && !def.BuiltIn && !slices.Contains(all, def) {
			all = append(all, def)
		}
	}
	return all
}

func kindOf(schema *ast.Schema, def *ast.Definition) ast.Operation {
	switch def {
	case schema.Mutation:
		return ast.Mutation
	case schema.Subscription:
		return ast.Subscription
	}
	return ast.Query
}

// TestAccess walks the whole schema with every role and compares who may select
// what with a table that was reviewed: testdata/access.golden, which
// -update writes.
func TestAccess(t *testing.T) {
	schema := exec.NewExecutableSchema(exec.Config{}).Schema()
	all := compile(schema)
	names, viewers := viewers()
	var b bytes.Buffer
	b.WriteString("Who may select which field: all = whoever it is about, own = what concerns themselves, self = it tells them\n" +
		"of themselves alone, . = nobody. Fields below Query, Mutation and Subscription are reached through one of them.\n\n")
	fmt.Fprintf(&b, "%-42s", "")
	for _, name := range names {
		fmt.Fprintf(&b, "%-11s", name)
	}
	line := func() {
		text := strings.TrimRight(b.String(), " ")
		b.Reset()
		b.WriteString(text + "\n")
	}
	line()
	for _, def := range objects(schema) {
		b.WriteString("\n")
		for _, field := range def.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			name := coordinate(def.Name, field.Name)
			r := all[field]
			if r.none() {
				t.Errorf("%s has no @allow: nobody may select it", name)
			}
			fmt.Fprintf(&b, "%-42s", name)
			for _, who := range names {
				fmt.Fprintf(&b, "%-11s", shown(r, viewers[who], kindOf(schema, def)))
			}
			b.WriteString(r.scope)
			line()
		}
	}
	const golden = "testdata/access.golden"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, before := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for _, l := range got {
		if !slices.Contains(before, l) {
			t.Errorf("not as reviewed: %s", l)
		}
	}
	for _, l := range before {
		if !slices.Contains(got, l) {
			t.Errorf("reviewed, and gone: %s", l)
		}
	}
	if t.Failed() {
		t.Log("look at each, and then write the table anew: go test ./graphql -run TestAccess -update")
	}
}

// shown is what the table says of a viewer.
func shown(r rule, v viewing, kind ast.Operation) string {
	_, err := r.permits(v, nobodys, kind, func() string { return "" })
	_, below := r.permits(v, everybodys, kind, func() string { return "" })
	switch {
	case err != nil:
		return "."
	case r.anyone, r.roles&v.roles != 0:
		return "all"
	case below != nil:
		return "own"
	}
	return "self"
}

// TestOwnIsNotEverybodys: below a list of everybody's that a role has opened, what
// is open to each for their own stays closed.
func TestOwnIsNotEverybodys(t *testing.T) {
	board := viewing{access.Viewer{Party: "b", Roles: []domain.Role{domain.RoleBoard}}, true, rolesOf([]domain.Role{domain.RoleBoard})}
	own, all := rule{own: true}, rule{roles: rolesOf([]domain.Role{domain.RoleBoard})}
	name := func() string { return "X.y" }
	for _, c := range []struct {
		r     rule
		above sight
		below sight
		ok    bool
	}{
		{own, nobodys, theirs, true},
		{own, theirs, theirs, true},
		{own, everybodys, everybodys, false},
		{all, nobodys, everybodys, true},
		{all, theirs, theirs, true},
		{all, everybodys, everybodys, true},
		{rule{self: true}, everybodys, theirs, true},
		{rule{anyone: true}, everybodys, everybodys, true},
		{rule{}, nobodys, nobodys, false},
	} {
		below, err := c.r.permits(board, c.above, ast.Query, name)
		if below != c.below || (err == nil) != c.ok {
			t.Errorf("%+v below %d: %d, %v", c.r, c.above, below, err)
		}
	}
}
