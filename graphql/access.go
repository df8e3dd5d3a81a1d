package graphql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

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
	self   bool // of whoever asks, it tells them alone
	anyone bool
	scope  string // besides; "" for that of the kind of operation
}

// none reports whether nobody may select the field.
func (r rule) none() bool { return r.roles == 0 && !r.own && !r.self && !r.anyone }

// rules are those of all fields, by their definitions.
type rules map[*ast.FieldDefinition]rule

// compile reads the rules of a schema. Of an interface, a field is for those to
// whom it is open in every type; no field of ours is of an interface.
func compile(schema *ast.Schema) rules {
	all := rules{}
	for _, def := range schema.Types {
		if def.Kind != ast.Object || def.BuiltIn {
			continue
		}
		inherited := ruleOf(def.Directives)
		for _, field := range def.Fields {
			if own := ruleOf(field.Directives); own != nil {
				all[field] = *own
			} else if inherited != nil {
				all[field] = *inherited
			}
		}
	}
	for _, def := range schema.Types {
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
	return rule{roles: r.roles & q.roles, own: r.own && q.own, self: r.self && q.self, scope: r.scope}
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
		case "self":
			r.self = arg.Value.Raw == "true"
		case "anyone":
			r.anyone = arg.Value.Raw == "true"
		case "scope":
			r.scope = arg.Value.Raw
		}
	}
	return &r
}

// A sight is whose affairs an operation has come to by the fields above.
type sight int

const (
	nobodys    sight = iota // nothing personal yet
	theirs                  // what concerns the viewer
	everybodys              // what a role lets them see
)

// permits returns whose affairs are seen below a field, or why a viewer may not
// select it. Where a role has opened everybody's affairs, what is open to each for
// their own is not: nobody would see to it that it is their own.
func (r rule) permits(v viewing, above sight, kind ast.Operation, coordinate func() string) (below sight, err error) {
	scope := r.scope
	if scope == "" {
		scope = "read"
		if kind == ast.Mutation {
			scope = "write"
		}
	}
	switch {
	case r.anyone:
		return above, nil
	case !v.known:
		return above, ErrSignedOut.With("field", coordinate())
	case !v.Allows(scope):
		return above, ErrScope.With("field", coordinate()).With("scope", scope)
	case r.roles&v.roles != 0:
		if above == theirs {
			return theirs, nil
		}
		return everybodys, nil
	case r.self && v.Party != "", r.own && v.Party != "" && above != everybodys:
		return theirs, nil
	}
	return above, ErrDenied.With("field", coordinate())
}

// viewing is a viewer as rules know them.
type viewing struct {
	access.Viewer
	known bool
	roles roles
}

func viewingOf(ctx context.Context) viewing {
	v, known := access.Of(ctx)
	return viewing{v, known, rolesOf(v.Roles)}
}

// check holds an operation against the rules, before any of it is resolved. It
// returns an error for each field that the viewer may not select, up to ten.
func (s *server) check(ctx context.Context, doc *ast.QueryDocument, op *ast.OperationDefinition) gqlerror.List {
	c := &checker{ctx: ctx, server: s, doc: doc, kind: op.Operation, viewing: viewingOf(ctx)}
	root := map[ast.Operation]*ast.Definition{ast.Query: s.schema.Query, ast.Mutation: s.schema.Mutation, ast.Subscription: s.schema.Subscription}
	c.walk(op.SelectionSet, root[op.Operation], nobodys)
	return c.errs
}

type checker struct {
	*server
	ctx     context.Context
	doc     *ast.QueryDocument
	kind    ast.Operation
	viewing viewing
	spread  map[spread]bool // fragments that were checked
	errs    gqlerror.List
}

type spread struct {
	fragment string
	of       *ast.Definition
	above    sight
}

// walk checks a selection of a type. A fragment on an interface selects the fields
// of the type that it is spread in.
func (c *checker) walk(set ast.SelectionSet, of *ast.Definition, above sight) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if introspective(s) || s.Name == "__typename" { // the schema is no secret, unless it is hidden as a whole
				continue
			}
			field := s.Definition
			if own := of.Fields.ForName(s.Name); own != nil {
				field = own
			}
			below, err := c.rules[field].permits(c.viewing, above, c.kind, func() string { return coordinate(of.Name, s.Name) })
			if refusal, no := errors.AsType[domain.Refusal](err); no {
				if len(c.errs) < 10 {
					c.errs = append(c.errs, refused(c.ctx, refusal, gqlerror.Location{Line: s.Position.Line, Column: s.Position.Column}))
				}
				continue
			}
			c.walk(s.SelectionSet, c.schema.Types[field.Type.Name()], below)
		case *ast.InlineFragment:
			c.walk(s.SelectionSet, of, above)
		case *ast.FragmentSpread:
			key := spread{s.Name, of, above}
			if c.spread[key] {
				continue
			}
			if c.spread == nil {
				c.spread = map[spread]bool{}
			}
			c.spread[key] = true
			c.walk(c.doc.Fragments.ForName(s.Name).SelectionSet, of, above)
		}
	}
}

// sees reports whether the viewer may see or do what concerns a party by the field
// being resolved: by a role that the schema names there, or because it is them, a
// party that was found to be them, or an organisation that they act for.
func (r *resolver) sees(ctx context.Context, party domain.PartyID) bool {
	if r.seesAll(ctx) {
		return true
	}
	v, _ := access.Of(ctx)
	return party != "" && (v.Party == party || slices.Contains(v.ActsFor, party) || slices.Contains(v.Was, party))
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
