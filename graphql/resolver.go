package graphql

import (
	"context"

	"rochdale/domain"
	"rochdale/graphql/internal/exec"
	"rochdale/processes/access"
)

// resolver answers the fields that are more than fields of a value. Those of a
// module are in the file of its name.
type resolver struct{ *server }

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
