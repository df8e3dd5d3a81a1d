package graphql

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync/atomic"

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
	zones    atomic.Pointer[zoneAt]
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

// place is where something stands in a list that is ordered by a number, those
// without one last, and then by texts.
func place(number int64, texts ...string) string {
	return strings.Join(append([]string{fmt.Sprintf("%020d", uint64(number-1))}, texts...), "\x00")
}

var placed = regexp.MustCompile(`^\d{20}\x00`)

// pageFrom takes a page of a list that is there as a whole, in the order of its
// keys. A cursor is a key.
func pageFrom[T any](all []T, key func(*T) string, p projections.Page) (l projections.List[T], err error) {
	at := func(cursor string) (int, bool, error) {
		of, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || !placed.Match(of) {
			return 0, false, projections.ErrCursor
		}
		i, is := sort.Find(len(all), func(i int) int { return strings.Compare(string(of), key(&all[i])) })
		return i, is, nil
	}
	switch {
	case p.First > 0 && p.Last > 0, p.Before != "" && p.Last == 0, p.After != "" && p.Last > 0:
		return l, projections.ErrPage.With("most", MaxPage)
	}
	from, to := 0, len(all)
	if p.After != "" {
		i, is, err := at(p.After)
		if err != nil {
			return l, err
		}
		if from = i; is {
			from++
		}
	}
	if p.Before != "" {
		if to, _, err = at(p.Before); err != nil {
			return l, err
		}
	}
	if p.Last > 0 {
		from = max(from, to-p.Last)
	} else {
		to = min(to, from+or(p.First, defaultPage))
	}
	l = projections.List[T]{Items: all[from:to], HasPrevious: from > 0, HasNext: to < len(all), Total: len(all)}
	l.Cursor = func(i int) string { return base64.RawURLEncoding.EncodeToString([]byte(key(&l.Items[i]))) }
	return l, nil
}
