package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rochdale/domain/membership"
	"rochdale/eventstore/lite"
)

// Progress is told how many events of how many have been applied.
type Progress func(done, of int64)

// Rebuild makes the read models anew from the log, while those that are there
// still serve, and swaps them.
func (m *Models) Rebuild(ctx context.Context, show Progress) error {
	if !m.writes() {
		return errors.New("projections: another process keeps these read models: have it rebuild them, or stop it")
	}
	m.applies.Lock()
	defer m.applies.Unlock()
	_, last := m.generations()
	if err := m.build(ctx, last+1, show); err != nil {
		return err
	}
	v, err := openView(ctx, m.path(last+1), last+1)
	if err != nil {
		return err
	}
	m.swap(v)
	return nil
}

// build fills a new file, which has its name only once it is whole.
func (m *Models) build(ctx context.Context, generation int, show Progress) (err error) {
	tmp := m.path(generation) + ".tmp"
	removeFile(tmp)
	defer func() {
		if err != nil {
			removeFile(tmp)
		}
	}()
	c, err := lite.Open(tmp, lite.Rebuild)
	if err != nil {
		return err
	}
	head, err := m.store.Log.Head(ctx)
	if err == nil {
		_, err = m.fill(ctx, c, head, show)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	if err := lite.SyncFile(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, m.path(generation)); err != nil {
		return err
	}
	return lite.SyncFile(m.path(generation))
}

// fill makes tables and applies the log to them, through a position at least. The
// indexes come when the tables are full.
func (m *Models) fill(ctx context.Context, c *lite.Conn, through int64, show Progress) (position int64, err error) {
	tables, indexes := schema()
	if err := c.Script(tables); err != nil {
		return 0, err
	}
	if m.store.Keys != nil {
		if err := m.store.Keys.Warm(ctx); err != nil {
			return 0, err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type result struct {
		events []decoded
		err    error
	}
	ahead := make(chan result, 2) // reading and decoding go on while the tables are written
	go func() {
		defer close(ahead)
		send := func(r result) bool {
			select {
			case ahead <- r:
				return r.err == nil
			case <-ctx.Done():
				return false
			}
		}
		events := make([]decoded, 0, batch)
		for rec, err := range m.store.Log.All(ctx, 0) {
			var d decoded
			if err == nil {
				d, err = m.decode(ctx, rec)
			}
			if err != nil {
				send(result{nil, err})
				return
			}
			if events = append(events, d); len(events) == batch {
				if !send(result{events, nil}) {
					return
				}
				events = make([]decoded, 0, batch)
			}
			if rec.Position >= through && through > 0 {
				break
			}
		}
		if len(events) > 0 {
			send(result{events, nil})
		}
	}()
	err = c.Tx(func() error {
		for r := range ahead {
			if r.err != nil {
				return r.err
			}
			if _, err := m.apply(c, r.events); err != nil {
				return err
			}
			position = r.events[len(r.events)-1].rec.Position
			if show != nil {
				show(position, through)
			}
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return 0, err
	}
	return position, c.Script(indexes)
}

// forgets returns what makes this node treat keys as destroyed that events say are
// to be.
func (m *Models) forgets(events []decoded) (forget func(), any bool) {
	var erased []membership.PersonalDataErased
	for _, d := range events {
		if e, ok := d.event.(membership.PersonalDataErased); ok {
			erased = append(erased, e)
		}
	}
	return func() {
		for _, e := range erased {
			if m.store.Keys != nil {
				m.store.Keys.Forget(e.Party, e.Class, e.Through)
			}
		}
	}, len(erased) > 0
}

// schema returns the statements that make the tables, and those that make the
// indexes. In a module's file of SQL the latter come last.
func schema() (tables, indexes string) {
	tables = "create table checkpoint (position integer not null) strict; insert into checkpoint values (0);\n"
	for _, p := range all {
		data, err := sources.ReadFile(p.module + ".sql")
		if err != nil {
			panic(err) // it is embedded
		}
		for statement := range strings.SplitSeq(string(data), ";\n") {
			switch text := strings.TrimSpace(statement); {
			case strings.Contains(text, "create index"), strings.Contains(text, "create unique index"):
				indexes += text + ";\n"
			case text != "":
				tables += text + ";\n"
			}
		}
	}
	return tables, indexes
}

// A Difference is a row that read models have and others, made anew, have not.
type Difference struct {
	Table string `json:"table"`
	Here  string `json:"here"`  // the row as it is; empty if there is none
	Again string `json:"again"` // the row as it is when made anew; empty if there is none
}

// maxDifferences bounds what is shown of them.
const maxDifferences = 100

// Verify makes the read models anew aside, and returns in which rows they differ
// from those in use: in none, if all is well. Those in use go on meanwhile.
func (m *Models) Verify(ctx context.Context, show Progress) (differences []Difference, err error) {
	dir, err := os.MkdirTemp(m.dir, "verify-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the way at worst
	c, err := lite.Open(filepath.Join(dir, "views.db"), lite.Rebuild)
	if err != nil {
		return nil, err
	}
	defer c.Close()                                 //nolint:errcheck // it is thrown away
	err = m.read(ctx, func(live *lite.Conn) error { // of one state, whatever is applied meanwhile
		var position int64
		if _, err := live.One(`select position from checkpoint`, func(r lite.Row) { position = r.Int(0) }); err != nil {
			return err
		}
		if position > 0 {
			if _, err := m.fill(ctx, c, position, show); err != nil {
				return err
			}
		} else if err := c.Script(must(schema())); err != nil {
			return err
		}
		var tables []string
		err := live.Query(`select name from sqlite_schema where type = 'table' order by name`, func(r lite.Row) error {
			tables = append(tables, r.Text(0))
			return nil
		})
		for _, name := range tables {
			if err == nil && len(differences) < maxDifferences {
				var some []Difference
				some, err = compare(live, c, name)
				differences = append(differences, some...)
			}
		}
		return err
	})
	return differences[:min(len(differences), maxDifferences)], err
}

func must(tables, _ string) string { return tables }

// compare returns the rows of a table that only one of two files has.
func compare(here, again *lite.Conn, name string) (differences []Difference, err error) {
	rows := func(c *lite.Conn) (all [][]byte, err error) {
		var names []string
		err = c.Query(`select name from pragma_table_info(?)`, func(r lite.Row) error {
			names = append(names, `"`+r.Text(0)+`"`)
			return nil
		}, name)
		if err != nil {
			return nil, err
		}
		err = c.Query(`select json_array(`+strings.Join(names, ", ")+`) from "`+name+`"`, func(r lite.Row) error {
			all = append(all, r.Bytes(0))
			return nil
		})
		slices.SortFunc(all, bytes.Compare)
		return all, err
	}
	a, err := rows(here)
	if err != nil {
		return nil, err
	}
	b, err := rows(again)
	if err != nil {
		return nil, err
	}
	for len(a)+len(b) > 0 && len(differences) < maxDifferences {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = bytes.Compare(a[0], b[0])
		}
		switch {
		case order < 0:
			differences, a = append(differences, Difference{Table: name, Here: string(a[0])}), a[1:]
		case order > 0:
			differences, b = append(differences, Difference{Table: name, Again: string(b[0])}), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return differences, nil
}

func (d Difference) String() string {
	switch {
	case d.Again == "":
		return fmt.Sprintf("%s: only here: %s", d.Table, d.Here)
	case d.Here == "":
		return fmt.Sprintf("%s: missing here: %s", d.Table, d.Again)
	}
	return fmt.Sprintf("%s: %s, but made anew %s", d.Table, d.Here, d.Again)
}
