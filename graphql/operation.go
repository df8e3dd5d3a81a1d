package graphql

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	validation "github.com/vektah/gqlparser/v2/validator/rules"

	"rochdale/domain"
	"rochdale/graphql/internal/exec"
)

// server answers operations, over whichever transport they come.
type server struct {
	Config
	exec      graphql.ExecutableSchema
	schema    *ast.Schema
	rules     rules
	valid     *validation.Rules // by which a document is valid
	documents *lru.Cache[string, *document]
	persisted *persisted
	streams   streams
}

// request is an operation as a client sends it.
type request struct {
	Query         string
	OperationName string
	Variables     map[string]any
	Extensions    map[string]any
	get           bool // and so changes nothing
}

// document is one that was found valid, with how deep its operations are and what
// they select.
type document struct {
	*ast.QueryDocument
	depths   map[*ast.OperationDefinition]int
	selected *exec.Selections // nil where that depends on variables
}

// operation is one that is ready to be carried out.
type operation struct {
	*graphql.OperationContext
	selected *exec.Selections
}

func (d *document) depth(op *ast.OperationDefinition) int { return d.depths[op] }

const (
	cachedDocuments = 500
	cachedLength    = 8 << 10 // bytes of a document up to which it is kept
	maxDocument     = 64 << 10
	maxProblem      = 300 // characters of what is wrong with a document
)

func newDocuments() *lru.Cache[string, *document] {
	c, _ := lru.New[string, *document](cachedDocuments) // fails for sizes below 1 only
	return c
}

// parse returns a valid document. What is wrong with it is said in English: it is
// for whoever writes a client.
func (s *server) parse(ctx context.Context, query string) (*document, gqlerror.List) {
	if doc, ok := s.documents.Get(query); ok {
		return doc, nil
	}
	if len(query) > maxDocument {
		return nil, failed(refused(ctx, ErrLongDocument.With("most", maxDocument))).Errors
	}
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, s.MaxTokens)
	if err != nil {
		return nil, invalid(ctx, err)
	}
	if len(parsed.Operations) == 0 {
		return nil, invalid(ctx, errors.New("the document has no operation"))
	}
	examined, err := examine(parsed)
	if err != nil {
		return nil, invalid(ctx, err)
	}
	if errs := validator.ValidateWithRules(s.schema, parsed, s.valid); len(errs) > 0 {
		var list gqlerror.List
		for _, err := range errs[:min(len(errs), 10)] {
			list = append(list, invalid(ctx, err)...)
		}
		return nil, list
	}
	if err := examined.literals(s.schema); err != nil {
		if _, refused := errors.AsType[domain.Refusal](err); refused {
			return nil, gqlerror.List{s.present(ctx, err)}
		}
		return nil, invalid(ctx, err)
	}
	doc := &document{QueryDocument: parsed, depths: make(map[*ast.OperationDefinition]int, len(parsed.Operations))}
	if !conditional(parsed) {
		doc.selected = &exec.Selections{}
	}
	for _, op := range parsed.Operations {
		doc.depths[op] = depthOf(parsed, op)
	}
	if len(query) <= cachedLength {
		s.documents.Add(query, doc)
	}
	return doc, nil
}

func invalid(ctx context.Context, err error) gqlerror.List {
	message, place := err.Error(), &gqlerror.Error{}
	if e, ok := errors.AsType[*gqlerror.Error](err); ok {
		message, place = e.Message, e
	}
	if runes := []rune(message); len(runes) > maxProblem {
		message = string(runes[:maxProblem]) + "…"
	}
	return gqlerror.List{at(refused(ctx, ErrInvalid.With("problem", message)), place)}
}

// prepare makes an operation ready, if it is one that the viewer may ask for.
func (s *server) prepare(ctx context.Context, r *request) (*operation, gqlerror.List) {
	refuse := func(err error) gqlerror.List { return gqlerror.List{s.present(ctx, err)} }
	if err := s.persisted.resolve(r, s.TrustedOnly); err != nil {
		return nil, refuse(err)
	}
	doc, errs := s.parse(ctx, r.Query)
	if errs != nil {
		return nil, errs
	}
	op := doc.Operations.ForName(r.OperationName)
	if op == nil {
		return nil, invalid(ctx, errors.New("name the operation of the document that is to be carried out"))
	}
	if r.get && op.Operation == ast.Mutation {
		return nil, refuse(ErrMethod)
	}
	if depth := doc.depth(op); depth > s.MaxDepth {
		return nil, refuse(ErrTooDeep.With("depth", depth).With("most", s.MaxDepth))
	}
	variables, err := validator.VariableValues(s.schema, op, r.Variables)
	if err != nil {
		return nil, invalid(ctx, err)
	}
	if err := checkVariables(s.schema, op, variables); err != nil {
		return nil, refuse(err)
	}
	cost, err := costOf(doc.QueryDocument, op, variables)
	switch {
	case err != nil:
		return nil, refuse(err)
	case cost > s.MaxCost:
		return nil, refuse(ErrTooCostly.With("cost", cost).With("most", s.MaxCost))
	}
	if errs := s.check(ctx, doc.QueryDocument, op); len(errs) > 0 {
		return nil, errs
	}
	s.persisted.keep(r)
	return &operation{&graphql.OperationContext{
		RawQuery: r.Query, OperationName: op.Name, Variables: variables, Extensions: r.Extensions,
		Doc: doc.QueryDocument, Operation: op, DisableIntrospection: s.NoIntrospection, RecoverFunc: recovered,
		ResolverMiddleware:     func(ctx context.Context, next graphql.Resolver) (any, error) { return next(ctx) },
		RootResolverMiddleware: func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler { return next(ctx) },
	}, cmp.Or(doc.selected, &exec.Selections{})}, nil
}

// conditional reports whether something in a document is included or skipped as
// variables say.
func conditional(doc *ast.QueryDocument) bool {
	var within func(ast.SelectionSet) bool
	any := func(d ast.DirectiveList) bool { return d.ForName("include") != nil || d.ForName("skip") != nil }
	within = func(set ast.SelectionSet) bool {
		return slices.ContainsFunc(set, func(selection ast.Selection) bool {
			switch s := selection.(type) {
			case *ast.Field:
				return any(s.Directives) || within(s.SelectionSet)
			case *ast.InlineFragment:
				return any(s.Directives) || within(s.SelectionSet)
			case *ast.FragmentSpread:
				return any(s.Directives)
			}
			return true
		})
	}
	return slices.ContainsFunc(doc.Operations, func(op *ast.OperationDefinition) bool { return within(op.SelectionSet) }) ||
		slices.ContainsFunc(doc.Fragments, func(f *ast.FragmentDefinition) bool { return within(f.SelectionSet) })
}

// run carries an operation out. It returns the answers one after another, and nil
// once there are no more.
func (s *server) run(ctx context.Context, op *operation) func() *graphql.Response {
	ctx = exec.WithSelections(graphql.WithOperationContext(ctx, op.OperationContext), op.selected)
	started := graphql.WithResponseContext(ctx, s.present, recovered)
	next := s.exec.Exec(started)
	if errs := graphql.GetErrors(started); errs != nil {
		return once(&graphql.Response{Errors: errs})
	}
	return func() *graphql.Response {
		if op.Operation.Operation == ast.Subscription && ctx.Err() != nil {
			return nil
		}
		ctx := graphql.WithResponseContext(ctx, s.present, recovered)
		response := next(ctx)
		if response != nil {
			response.Errors = append(response.Errors, graphql.GetErrors(ctx)...)
		}
		return response
	}
}

func once(r *graphql.Response) func() *graphql.Response {
	return func() (next *graphql.Response) {
		next, r = r, nil
		return next
	}
}

// answer carries a query or mutation out, within the time it has.
func (s *server) answer(ctx context.Context, op *operation) *graphql.Response {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errTimeout)
	defer cancel()
	return s.run(ctx, op)()
}

// persisted are documents by their hash: those that are trusted, and those that
// clients have sent before (automatic persisted queries).
type persisted struct {
	trusted map[string]string
	sent    *lru.Cache[string, string]
}

func newPersisted(trusted map[string]string) *persisted {
	sent, _ := lru.New[string, string](cachedDocuments) // fails for sizes below 1 only
	return &persisted{maps.Clone(trusted), sent}
}

// resolve puts the document into a request that names it by its hash.
func (p *persisted) resolve(r *request, trustedOnly bool) error {
	hash, named := hashOf(r)
	if named && r.Query != "" && hash != hashed(r.Query) {
		return ErrHashMismatch
	}
	if known, ok := p.trusted[hash]; ok && named {
		r.Query = known
		return nil
	}
	switch known, ok := p.sent.Get(hash); {
	case trustedOnly:
		if _, ok := p.trusted[hashed(r.Query)]; ok && r.Query != "" {
			return nil
		}
		return ErrTrustedOnly
	case r.Query != "":
	case named && ok:
		r.Query = known
	case named:
		return errUnknownHash
	default:
		return ErrBadRequest.With("problem", "there is no query")
	}
	return nil
}

// keep keeps the document of a request that gave its hash. Only what was found
// valid, and may be asked, gets here.
func (p *persisted) keep(r *request) {
	if hash, named := hashOf(r); named && len(r.Query) <= cachedLength {
		p.sent.Add(hash, r.Query)
	}
}

func hashOf(r *request) (hash string, named bool) {
	extension, _ := r.Extensions["persistedQuery"].(map[string]any)
	hash, named = extension["sha256Hash"].(string)
	return strings.ToLower(hash), named
}

func hashed(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// seconds is how a duration is told.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
