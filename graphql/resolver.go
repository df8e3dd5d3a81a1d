package graphql

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"

	"rochdale/domain"
	"rochdale/graphql/internal/exec"
	"rochdale/processes/access"
	"rochdale/projections"
)

// resolver answers the fields that are more than fields of a value. Those of a
// module are in the file of its name.
type resolver struct {
	*server
	polls    *lru.Cache[domain.PollID, domain.AssemblyID]
	turnouts *turnouts
}

type (
	query struct{ *resolver }
	text  struct{ *resolver }
)

func (r *resolver) Query() exec.QueryResolver { return query{r} }
func (r *resolver) Text() exec.TextResolver   { return text{r} }

func (q query) Position(context.Context) (int64, error) { return q.Models.Position(), nil }

func (query) Viewer(ctx context.Context) (*access.Viewer, error) {
	if v, known := access.Of(ctx); known {
		return &v, nil
	}
	return nil, nil
}

func (text) In(ctx context.Context, t *domain.Text, language *domain.Language) (string, error) {
	if language == nil {
		return t.In(languageOf(ctx)), nil
	}
	return t.In(*language), nil
}

// found is what was asked for, or nothing where there is none.
func found[T any](v T, known bool, err error) (*T, error) {
	if err != nil || !known {
		return nil, err
	}
	return &v, nil
}

// pageOf is the part of a list that is asked for, counted if that is.
func pageOf(ctx context.Context, first *int, after *string, last *int, before *string) projections.Page {
	return projections.Page{
		First: value(first), After: value(after), Last: value(last), Before: value(before),
		Uncounted: !graphql.FieldRequested(ctx, "totalCount"),
	}
}

func paged[T any](l projections.List[T], err error) (exec.Connection[T], error) {
	return exec.PageOf(l), err
}
