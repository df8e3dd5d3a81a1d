package graphql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"rochdale/domain"
	"rochdale/processes/access"
)

// Who may select what is said in the schema, by @allow. Here it is read, once,
// and held against an operation before anything of it is resolved.

// roles is a set of roles: bit i is that of domain.Roles[i].
type roles uint16

func rolesOf(list []domain.Role) (set roles) {
	for i, role := range domain.Roles {
		if slices.Contains(list, role) {
			set |= 1 << i
		}
	}
	return set
}

// rule is who may select a field. Its zero value is nobody.
type rule struct {
	roles  roles
	own    bool // what concerns themselves; resolvers see to it: see [resolver.sees]
	anyone bool
	scope  string // besides; "" for that of the kind of operation
}

// none reports whether nobody may select the field.
func (r rule) none() bool { return r.roles == 0 && !r.own && !r.anyone }

// rules are those of all fields, by their definitions.
type rules map[*ast.FieldDefinition]rule

// compile reads the rules of a schema. Of an interface, a field is for those to
// whom it is open in every type.
func compile(schema *ast.Schema) rules {
	all := rules{}
	for _, def := range schema.Types {
		if def.Kind != ast.Object || def.BuiltIn {
			continue
		}
		inherited := ruleOf(def.Directives)
		for _, field := range def.Fields {
			switch own := ruleOf(field.Directives); {
			case strings.HasPrefix(field.Name, "__"): // of the schema itself, which may be hidden as a whole
				all[field] = rule{anyone: true}
			case own != nil:
				all[field] = *own
			case inherited != nil:
				all[field] = *inherited
			}
		}
	}
	for _, def := range schema.Types {
		if def.BuiltIn && def.Kind == ast.Object {
			for _, field := range def.Fields {
				all[field] = rule{anyone: true}
			}
		}
		if def.Kind != ast.Interface {
			continue
		}
		for _, field := range def.Fields {
			for i, object := range schema.GetPossibleTypes(def) {
				r := all[object.Fields.ForName(field.Name)]
				if i > 0 {
					r = r.and(all[field])
				}
				all[field] = r
			}
		}
	}
	return all
}

// and is the rule of those whom both let in.
func (r rule) and(q rule) rule {
	if r.anyone {
		return q
	}
	if q.anyone {
		return r
	}
	return rule{roles: r.roles & q.roles, own: r.own && q.own, scope: r.scope}
}

func ruleOf(directives ast.DirectiveList) *rule {
	d := directives.ForName("allow")
	if d == nil {
		return nil
	}
	var r rule
	for _, arg := range d.Arguments {
		switch arg.Name {
		case "roles":
			for _, child := range arg.Value.Children {
				r.roles |= rolesOf([]domain.Role{domain.Role(strings.ToLower(child.Value.Raw))})
			}
		case "own":
			r.own = arg.Value.Raw == "true"
		case "anyone":
			r.anyone = arg.Value.Raw == "true"
		case "scope":
			r.scope = arg.Value.Raw
		}
	}
	return &r
}

// permits tells why a viewer may not select a field of an operation, or nil.
func (r rule) permits(v access.Viewer, known bool, kind ast.Operation, coordinate string) error {
	scope := r.scope
	if scope == "" {
		scope = "read"
		if kind == ast.Mutation {
			scope = "write"
		}
	}
	switch {
	case r.anyone:
		return nil
	case !known:
		return ErrSignedOut.With("field", coordinate)
	case !v.Allows(scope):
		return ErrScope.With("field", coordinate).With("scope", scope)
	case r.roles&rolesOf(v.Roles) != 0, r.own && v.Party != "":
		return nil
	}
	return ErrDenied.With("field", coordinate)
}

// sees reports whether the viewer may see or do what concerns a party by the field
// being resolved: by a role that the schema names there, or because it is them or
// an organisation that they act for.
func (r *resolver) sees(ctx context.Context, party domain.PartyID) bool {
	if r.seesAll(ctx) {
		return true
	}
	v, _ := access.Of(ctx)
	return party != "" && (v.Party == party || slices.Contains(v.ActsFor, party))
}

// seesAll reports whether a role lets the viewer see everybody's by the field
// being resolved.
func (r *resolver) seesAll(ctx context.Context) bool {
	v, _ := access.Of(ctx)
	return r.rules[graphql.GetFieldContext(ctx).Field.Definition].roles&rolesOf(v.Roles) != 0
}

// must refuses what concerns a party that the viewer does not see.
func (r *resolver) must(ctx context.Context, party domain.PartyID) error {
	if r.sees(ctx, party) {
		return nil
	}
	field := graphql.GetFieldContext(ctx)
	return ErrDenied.With("field", coordinate(field.Object, field.Field.Name))
}

// self is the party that the viewer is, or refuses where they are none.
func (r *resolver) self(ctx context.Context) (domain.PartyID, error) {
	v, _ := access.Of(ctx)
	if v.Party == "" {
		field := graphql.GetFieldContext(ctx)
		return "", ErrDenied.With("field", coordinate(field.Object, field.Field.Name))
	}
	return v.Party, nil
}

func coordinate(object, field string) string { return fmt.Sprintf("%s.%s", object, field) }
