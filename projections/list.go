package projections

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/eventstore/lite"
)

// A Page is a part of a list: the first elements after a cursor, or the last
// before one. The zero value is the first elements of all.
type Page struct {
	First  int
	After  string
	Last   int
	Before string
	// Uncounted leaves the total out, which takes a look at the whole list.
	Uncounted bool
}

// A List is a part of a list, with the cursors of its elements by their place in it.
type List[T any] struct {
	Items       []T
	Cursor      func(i int) string
	HasNext     bool
	HasPrevious bool
	Total       int // in the whole list, unless uncounted
}

// MaxPage is the most elements of a list at once, and DefaultPage how many there
// are where nobody says.
const (
	MaxPage     = 1000
	DefaultPage = 50
)

// The rules by which a page is not given.
var (
	ErrPage   = domain.Refusal{Code: "read_model.page", Reason: "ask for the first elements, after a cursor, or for the last, before one: from 1 to {most}"}
	ErrCursor = domain.Refusal{Code: "read_model.cursor", Reason: "this is no cursor of this list: take one that the list gave"}
)

// A query is a list to take a page of, ordered by a key and, among equals, an id.
type query struct {
	columns, from, where string
	counted              string // where all are counted by another condition that means the same
	args                 []any
	key, id              string // columns
	descending           bool
}

func (p Page) limit() (n int, backward bool, err error) {
	n, backward = p.First, p.Last > 0
	switch {
	case p.First < 0 || p.Last < 0 || p.First > MaxPage || p.Last > MaxPage || p.First > 0 && p.Last > 0,
		p.Before != "" && !backward, p.After != "" && backward:
		return 0, false, ErrPage.With("most", MaxPage)
	case backward:
		n = p.Last
	case n == 0:
		n = DefaultPage
	}
	return n, backward, nil
}

// name is that of the list, which its cursors bear.
func (q query) name() string { return q.from + "." + q.key }

func (q query) cursor(key any, id string) string {
	data, _ := json.Marshal([]any{key, id, q.name()}) // a text or a number, and texts
	return base64.RawURLEncoding.EncodeToString(data)
}

func (q query) readCursor(s string) (key any, id string, err error) {
	var parts []any
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(data, &parts) != nil || len(parts) != 3 || parts[2] != q.name() {
		return nil, "", ErrCursor
	}
	id, ok := parts[1].(string)
	switch k := parts[0].(type) {
	case float64:
		key = int64(k)
	case string:
		key = k
	default:
		ok = false
	}
	if !ok {
		return nil, "", ErrCursor
	}
	return key, id, nil
}

// page returns the statement that reads a part of a list, and one element more, in
// the reverse order if it is backward.
func (q query) page(p Page) (sql string, args []any, n int, backward bool, err error) {
	n, backward, err = p.limit()
	if err != nil {
		return "", nil, 0, false, err
	}
	where, args := q.where, slices.Clone(q.args)
	sign, order := ">", ""
	if q.descending != backward {
		sign, order = "<", " desc"
	}
	if from := p.After + p.Before; from != "" {
		key, id, err := q.readCursor(from)
		if err != nil {
			return "", nil, 0, false, err
		}
		where += fmt.Sprintf(" and (%s, %s) %s (?, ?)", q.key, q.id, sign)
		args = append(args, key, id)
	}
	sql = fmt.Sprintf("select %s, %s, %s from %s where %s order by %s%s, %s%s limit ?",
		q.columns, q.key, q.id, q.from, where, q.key, order, q.id, order)
	return sql, append(args, n+1), n, backward, nil
}

// page reads a part of a list.
func page[T any](ctx context.Context, m *Models, q query, p Page, scan func(lite.Row) (T, error)) (list List[T], err error) {
	q.where = cmp.Or(q.where, "true")
	sql, args, n, backward, err := q.page(p)
	if err != nil {
		return list, err
	}
	type place struct {
		key any
		id  string
	}
	var places []place
	list.Cursor = func(i int) string { return q.cursor(places[i].key, places[i].id) }
	more := false
	err = m.read(ctx, func(c *lite.Conn) error {
		if !p.Uncounted {
			_, err := c.One(`select count(*) from `+q.from+` where `+cmp.Or(q.counted, q.where), func(r lite.Row) { list.Total = int(r.Int(0)) }, q.args...)
			if err != nil {
				return err
			}
		}
		return c.Query(sql, func(r lite.Row) error {
			if len(list.Items) == n {
				more = true
				return nil
			}
			item, err := scan(r)
			if err != nil {
				return err
			}
			if list.Items == nil && n <= DefaultPage {
				list.Items, places = make([]T, 0, n), make([]place, 0, n)
			}
			list.Items, places = append(list.Items, item), append(places, place{r.Key(-2), r.Text(r.Columns() - 1)})
			return nil
		}, args...)
	})
	if backward {
		slices.Reverse(list.Items)
		slices.Reverse(places)
	}
	list.HasNext, list.HasPrevious = more && !backward || p.Before != "", more && backward || p.After != ""
	return list, err
}

// rows reads all that a statement yields.
func rows[T any](ctx context.Context, m *Models, sql string, scan func(lite.Row) (T, error), args ...any) (all []T, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		return c.Query(sql, func(r lite.Row) error {
			item, err := scan(r)
			all = append(all, item)
			return err
		}, args...)
	})
	return all, err
}

// one reads the first row of a statement, and whether there is one.
func one[T any](ctx context.Context, m *Models, sql string, scan func(lite.Row) (T, error), args ...any) (item T, found bool, err error) {
	err = m.readOne(ctx, func(c *lite.Conn) error {
		var scanned error
		found, err = c.One(sql, func(r lite.Row) { item, scanned = scan(r) }, args...)
		if err == nil {
			err = scanned
		}
		return err
	})
	return item, found, err
}

// days reads columns of days, of which one that is null is no day.
type days struct {
	r   lite.Row
	err error // of the first that cannot be read
}

func (d *days) at(column int) (day calendar.Date) {
	if text := d.r.Raw(column); len(text) > 0 && d.err == nil {
		day, d.err = calendar.ParseDate(string(text))
	}
	return day
}

// amount makes money of two columns.
func amount(r lite.Row, minor, currency int) money.Money {
	return money.New(r.Int(minor), money.Currency(r.Text(currency)))
}

// asJSON writes what a column keeps as JSON.
func asJSON(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

// null is nothing where a text is empty.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
