package projections

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"strings"

	"rochdale/eventstore/lite"
)

// Progress is told how many events of how many have been applied.
type Progress func(done, of int64)

// Rebuild makes the read models anew from the log, while those that are there
// still serve and follow it, and puts the new in their place.
func (m *Models) Rebuild(ctx context.Context, show Progress) error {
	m.renews.Lock()
	defer m.renews.Unlock()
	if !m.writes() {
		return ErrElsewhere
	}
	return m.renew(ctx, func(tmp string) error { return m.make(ctx, tmp, show) })
}

// renew has a function make a file, and puts it in the place of the one in use. A
// file has its name only once it is whole.
func (m *Models) renew(ctx context.Context, create func(tmp string) error) (err error) {
	generation := m.latest() + 1
	if v := m.current.Load(); v != nil {
		generation = max(generation, v.generation+1)
	}
	path := m.path(generation)
	tmp := path + ".tmp"
	removeFile(tmp)
	defer func() {
		if err != nil {
			removeFile(tmp)
		}
	}()
	if err := create(tmp); err != nil {
		return err
	}
	// Most of what has come meanwhile, and then, while all else waits, the rest.
	if _, err := m.topUp(ctx, tmp); err != nil {
		return err
	}
	if err := lite.SyncFile(tmp); err != nil {
		return fmt.Errorf("projections: %w", err)
	}
	m.applies.Lock()
	defer m.applies.Unlock()
	if m.isClosed() {
		return errClosed
	}
	more, err := m.topUp(ctx, tmp)
	if err == nil && more {
		err = lite.SyncFile(tmp)
	}
	if err != nil {
		return fmt.Errorf("projections: %w", err)
	}
	for _, suffix := range suffixes[1:] {
		_ = os.Remove(path + suffix) // if there were one of another file, it would be taken for this one's
	}
	if err := errors.Join(os.Rename(tmp, path), lite.SyncFile(path)); err != nil {
		return fmt.Errorf("projections: %w", err)
	}
	v, err := m.openView(ctx, generation)
	if err != nil {
		removeFile(path)
		return err
	}
	m.swap(v)
	return nil
}

// topUp applies to a file what has come since it was made, and reports whether
// there was anything.
func (m *Models) topUp(ctx context.Context, path string) (more bool, err error) {
	c, err := lite.Open(path, lite.Rebuild)
	if err != nil {
		return false, err
	}
	from, err := positionOf(c)
	through := from
	if err == nil {
		through, err = m.advanceFile(ctx, c, from, math.MaxInt64)
	}
	return through > from, errors.Join(err, c.Close())
}

// advanceFile applies to a file that nobody else uses the events after a position
// and through another, and returns that of the last.
func (m *Models) advanceFile(ctx context.Context, c *lite.Conn, from, through int64) (position int64, err error) {
	position = from
	for b, err := range m.batches(ctx, m.store.Log.All, from, through) {
		if err == nil {
			err = c.Tx(func() error { return (&table{Conn: c}).apply(position, b) })
		}
		if err != nil {
			return 0, err
		}
		position = b.through
	}
	return position, nil
}

func positionOf(c *lite.Conn) (position int64, err error) {
	_, err = c.One(`select position from checkpoint`, func(r lite.Row) { position = r.Int(0) })
	return position, err
}

// copy copies the file as it is at an instant, without what was deleted from it.
func (v *view) copy(path string) error {
	c, err := lite.Open(v.path, lite.Live)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Backup(path), c.Close()); err != nil {
		return err
	}
	if c, err = lite.Open(path, lite.Rebuild); err != nil {
		return err
	}
	return errors.Join(c.Exec(`update checkpoint set tidied = position`), c.Close())
}

// make makes a file of the whole log.
func (m *Models) make(ctx context.Context, path string, show Progress) error {
	head, err := m.store.Log.Head(ctx)
	if err != nil {
		return err
	}
	c, err := lite.Open(path, lite.Rebuild)
	if err != nil {
		return err
	}
	return errors.Join(m.fill(ctx, c, m.batches(ctx, m.store.Log.All, 0, head), shown(show, head)), c.Close())
}

// shown tells of progress on the way to a position.
func shown(show Progress, of int64) func(done int64) {
	if show == nil {
		return func(int64) {}
	}
	return func(done int64) { show(done, of) }
}

// fill makes tables and applies to them the events of the log from its beginning.
// The indexes come when the tables are full.
func (m *Models) fill(ctx context.Context, c *lite.Conn, batches iter.Seq2[batch, error], show func(done int64)) error {
	tables, indexes := schema()
	if err := c.Script(tables); err != nil {
		return err
	}
	if m.store.Keys != nil {
		if err := m.store.Keys.Warm(ctx); err != nil {
			return err
		}
	}
	t, position := &table{Conn: c, filling: true}, int64(0)
	err := c.Tx(func() error {
		for b, err := range batches {
			if err == nil {
				err = t.apply(position, b)
			}
			if err != nil {
				return err
			}
			position = b.through
			show(position)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.Script(indexes); err != nil {
		return err
	}
	t.filling = false
	return c.Tx(func() error {
		for _, do := range t.late {
			if err := do(); err != nil {
				return err
			}
		}
		for _, p := range all {
			if p.finish != nil {
				if err := p.finish(t); err != nil {
					return err
				}
			}
		}
		if t.erased { // there are pieces of it in the file, perhaps
			return nil
		}
		return c.Exec(`update checkpoint set tidied = position`)
	})
}

// schema returns the statements that make the tables, and those that make the
// indexes. In a module's file of SQL the latter come last.
func schema() (tables, indexes string) {
	tables = `create table checkpoint (
		position integer not null,
		tidied integer not null -- the position of the last erasure of which not even pieces are in the file, or a later one
	) strict;
	insert into checkpoint values (0, 0);
	`
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

// A Difference is a row that read models have and others, made anew, have not, or
// have otherwise.
type Difference struct {
	Table string `json:"table"`
	Here  string `json:"here"`  // the row as it is; empty if there is none
	Again string `json:"again"` // the row as it is when made anew; empty if there is none
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

// maxDifferences bounds what is shown of them.
const maxDifferences = 100

// Verify makes the read models anew aside, and returns in which rows they differ
// from those in use, and what SQLite finds wrong with the file: nothing, if all is
// well. Those in use go on meanwhile. Where there are a great many differences, it
// returns the first [maxDifferences].
func (m *Models) Verify(ctx context.Context, show Progress) (differences []Difference, err error) {
	f, err := os.CreateTemp(m.dir, "verify-*")
	if err != nil {
		return nil, fmt.Errorf("projections: verify: %w", err)
	}
	c, err := lite.Open(f.Name(), lite.Rebuild)
	// It has no name from here on, so that it is gone whatever happens to this process.
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return nil, fmt.Errorf("projections: verify: %w", err)
	}
	defer c.Close() //nolint:errcheck // it is thrown away
	position := m.Position()
	if err := m.fill(ctx, c, m.batches(ctx, m.store.Log.All, 0, position), shown(show, position)); err != nil {
		return nil, err
	}
	for again := true; again; {
		err := m.read(ctx, func(live *lite.Conn) error { // of one state, whatever is applied meanwhile
			through, err := positionOf(live)
			if err == nil && through < position {
				err = fmt.Errorf("projections: verify: the read models went back from position %d to %d", position, through)
			}
			if err == nil {
				position, err = m.advanceFile(ctx, c, position, through)
			}
			if err == nil {
				differences, err = compareAll(live, c)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		// What was erased since is erased already in what is made anew.
		if again, err = m.erasedSince(ctx, position); err != nil {
			return nil, err
		}
		again = again && len(differences) > 0
		if again {
			err = m.CatchUp(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return differences, nil
}

func (m *Models) erasedSince(ctx context.Context, position int64) (bool, error) {
	for rec, err := range m.store.Log.All(ctx, position) {
		if err != nil || rec.Type == m.erasure {
			return err == nil, err
		}
	}
	return false, nil
}

// compareAll compares two files at one position.
func compareAll(here, again *lite.Conn) (differences []Difference, err error) {
	err = here.Query(`pragma integrity_check(10)`, func(r lite.Row) error {
		if text := r.Text(0); text != "ok" {
			differences = append(differences, Difference{Table: "sqlite", Here: text})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	some, err := compare(here, again, "sqlite_schema", []string{"name"}, []string{"name", "sql"})
	differences = append(differences, some...)
	if err != nil || len(some) > 0 {
		return differences, err
	}
	names, err := column(again, `select name from sqlite_schema where type = 'table' and name <> 'checkpoint' order by name`)
	for _, name := range names {
		if err != nil || len(differences) >= maxDifferences {
			break
		}
		var keys, columns []string
		if keys, err = column(again, `select name from pragma_table_info(?) where pk > 0 order by pk`, name); err != nil {
			break
		}
		if columns, err = column(again, `select name from pragma_table_info(?) order by cid`, name); err != nil {
			break
		}
		some, err = compare(here, again, name, keys, columns)
		differences = append(differences, some...)
	}
	return differences[:min(len(differences), maxDifferences)], err
}

func column(c *lite.Conn, sql string, args ...any) (all []string, err error) {
	err = c.Query(sql, func(r lite.Row) error {
		all = append(all, r.Text(0))
		return nil
	}, args...)
	return all, err
}

// compare returns the rows of a table that only one of two files has. It keeps a
// digest of each, since there may be more than fit into memory.
func compare(here, again *lite.Conn, name string, keys, columns []string) (differences []Difference, err error) {
	type digest [16]byte
	list := func(names []string) string { return `json_array("` + strings.Join(names, `", "`) + `")` }
	sql := fmt.Sprintf(`select %s, %s from "%s"`, list(keys), list(columns), name)
	rows := func(c *lite.Conn, each func(key, row []byte, d digest)) error {
		return c.Query(sql, func(r lite.Row) error {
			sum := sha256.Sum256(r.Raw(1))
			each(r.Raw(0), r.Raw(1), digest(sum[:16]))
			return nil
		})
	}
	only := map[digest]int{} // rows that are only here
	if err := rows(here, func(_, _ []byte, d digest) { only[d]++ }); err != nil {
		return nil, err
	}
	missing := map[string]string{} // rows that are not here, by their keys
	err = rows(again, func(key, row []byte, d digest) {
		switch {
		case only[d] > 1:
			only[d]--
		case only[d] == 1:
			delete(only, d)
		case len(missing) < maxDifferences:
			missing[string(key)] = string(row)
		}
	})
	if err != nil {
		return nil, err
	}
	if len(only) > 0 {
		err = rows(here, func(key, row []byte, d digest) {
			if only[d] > 0 && len(differences) < maxDifferences {
				differences = append(differences, Difference{name, string(row), missing[string(key)]})
				delete(missing, string(key))
			}
		})
	}
	for _, row := range missing {
		differences = append(differences, Difference{Table: name, Again: row})
	}
	slices.SortFunc(differences, func(a, b Difference) int {
		return strings.Compare(a.Here+a.Again, b.Here+b.Again)
	})
	return differences, err
}
