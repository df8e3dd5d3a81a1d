package projections

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/modules"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

// A tester is what testing and rapid have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Context() context.Context
}

// Wanted returns the types of event that some projection wants, besides those of which
// only the day matters.
func Wanted() (types []string) {
	registry := modules.Registry()
	for _, p := range all {
		if p.module == retentionProjection.module {
			continue
		}
		for _, event := range p.wants {
			types = append(types, registry.Name(event))
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Booked returns the types of event that are entries in the books and in no other table.
func Booked() (types []string) {
	registry := modules.Registry()
	for _, event := range booked {
		types = append(types, registry.Name(event))
	}
	return types
}

// BookingOf returns the parties that an entry names, and its day.
func BookingOf(event any) ([]domain.PartyID, calendar.Date) { return bookingOf(event) }

// SetBatch sets how many events are applied in one transaction.
func (m *Models) SetBatch(n int) { m.size = n }

// Path returns that of the file in use.
func (m *Models) Path() string { return m.current.Load().path }

// Untidy reports whether there may be pieces in the file of what was erased.
func (m *Models) Untidy() bool { return m.current.Load().untidy.Load() }

// Writes reports whether this process writes the tables.
func (m *Models) Writes() bool { return m.writes() }

// Writer runs statements on the tables in use, as no projection does.
func (m *Models) Writer(do func(*lite.Conn) error) error {
	return m.current.Load().db.Write(context.Background(), do)
}

// Plan returns how SQLite makes a page of a list of parties.
func (m *Models) Plan(ctx context.Context, filter MemberFilter, by MemberOrder, p Page) (string, error) {
	q, err := m.members(ctx, filter, by)
	if err != nil {
		return "", err
	}
	sql, args, _, _, err := q.page(p)
	if err != nil {
		return "", err
	}
	steps, err := rows(ctx, m, "explain query plan "+sql, func(r lite.Row) (string, error) { return r.Text(3), nil }, args...)
	return strings.Join(steps, "; "), err
}

// Dump returns all rows of all tables, in order.
func (m *Models) Dump(t tester) map[string][]string {
	t.Helper()
	tables := map[string][]string{}
	err := m.read(t.Context(), func(c *lite.Conn) error {
		names, err := column(c, `select name from sqlite_schema where type = 'table' order by name`)
		for _, name := range names {
			var columns []string
			if columns, err = column(c, `select name from pragma_table_info(?) where name <> 'tidied'`, name); err != nil {
				return err
			}
			tables[name], err = column(c, fmt.Sprintf(`select json_array("%s") from "%s" order by 1`, strings.Join(columns, `", "`), name))
			if err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// CopyFiles copies what there is in the folder at this instant, as whoever finds it
// after the process was killed.
func (m *Models) CopyFiles(t tester, into string) {
	t.Helper()
	for _, name := range m.names() {
		data, err := os.ReadFile(filepath.Join(m.dir, name))
		if os.IsNotExist(err) {
			continue // of a file that is no longer in use
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(into, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Fill makes a file of records in memory, by one goroutine.
func (m *Models) Fill(ctx context.Context, path string, records []eventstore.Record) error {
	c, err := lite.Open(path, lite.Rebuild)
	if err != nil {
		return err
	}
	all := func(yield func(eventstore.Record, error) bool) {
		for _, rec := range records {
			if !yield(rec, nil) {
				return
			}
		}
	}
	events := m.inBatches(ctx, all, records[len(records)-1].Position)
	return errors.Join(m.fill(ctx, c, events, func(int64) {}), c.Close())
}

// WordsOf are those by which somebody is found.
func WordsOf(text string) []string { return wordsOf(text) }

// Fold is how texts are searched for and sorted.
func Fold(text string) string { return fold(text) }

// Apply applies what is in the log, and does not look after the file.
func (m *Models) Apply(ctx context.Context) error { return m.catchUp(ctx) }
