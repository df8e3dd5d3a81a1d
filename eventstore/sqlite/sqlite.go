// Package sqlite keeps the log in one SQLite file, for the processes of one machine.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/frugal"
	"rochdale/eventstore/lite"
)

// applicationID marks a file as one of ours: "Roch".
const applicationID = 0x526f6368

// migrations lead from each version of the schema, which is the user_version of the
// file, to the next.
var migrations = []string{
	`
	create table event (
		position integer primary key,
		stream text not null,
		version integer not null,
		id blob not null,
		recorded_at integer not null, -- microseconds since 1970, UTC
		actor text not null,
		correlation blob not null,
		causation blob,               -- null if a person acted
		type text not null,
		edition integer not null,
		data text not null,
		unique (stream, version)
	) strict;
	create table entry (
		key text primary key,
		value blob,                   -- null if it is secret
		revision integer not null,
		secret integer                -- where it is
	) strict, without rowid;
	create table secret (
		id integer primary key,
		value blob not null           -- zeros once it is destroyed
	) strict;`,
}

// Driver is an [eventstore.Driver] over a file.
type Driver struct {
	db   *lite.DB
	path string
	owed atomic.Bool // the write-ahead log may hold what was destroyed

	writing sync.Mutex // held by Write
	known   versions
}

var _ eventstore.Driver = (*Driver)(nil)

// Open opens the log in a file on a local disk, which it creates if need be, as it
// does the folder. Several processes may do so at once. A file that is not a log,
// is broken, or was written by a newer program is left as it is, and is an error.
func Open(ctx context.Context, path string) (*Driver, error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("sqlite: folder of the log: %w", err)
	}
	d := &Driver{path: path}
	if err := d.open(ctx); err != nil {
		return nil, d.explain(err)
	}
	d.sweep(0) // a process that was killed may owe it
	return d, nil
}

// makeFolder makes a folder that will be there after a loss of power too.
func makeFolder(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return lite.SyncFile(path)
}

func (d *Driver) open(ctx context.Context) (err error) {
	if _, err := os.Stat(d.path); err == nil { // look before it is touched
		c, err := lite.Open(d.path, lite.ReadOnly)
		if err != nil {
			return err
		}
		_, err = d.version(c)
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	if d.db, err = lite.OpenDB(d.path, lite.Log); err != nil {
		return err
	}
	if err = d.db.Write(ctx, d.migrate); err == nil {
		err = lite.SyncFile(d.path)
	}
	if err != nil {
		return errors.Join(err, d.db.Close())
	}
	return nil
}

// version returns that of the schema of a log, or 0 of an empty database.
func (d *Driver) version(c *lite.Conn) (version int, err error) {
	var id, tables int
	_, err = c.One(`select application_id, user_version, (select count(*) from sqlite_schema)
		from pragma_application_id, pragma_user_version`, // at one instant
		func(r lite.Row) { id, version, tables = int(r.Int(0)), int(r.Int(1)), int(r.Int(2)) })
	if err != nil {
		return 0, err
	}
	switch {
	case id != applicationID && (id != 0 || tables > 0):
		return 0, fmt.Errorf("sqlite: %s is a database of something else: name another file", d.path)
	case version > len(migrations):
		return 0, fmt.Errorf("sqlite: %s was written by a newer program (schema %d, this one knows %d): upgrade this one", d.path, version, len(migrations))
	}
	return version, nil
}

func (d *Driver) migrate(c *lite.Conn) error {
	version, err := d.version(c)
	if err != nil || version == len(migrations) {
		return err
	}
	for _, migration := range migrations[version:] {
		if err := c.Script(migration); err != nil {
			return err
		}
	}
	return c.Script(fmt.Sprintf(`pragma application_id = %d; pragma user_version = %d`, applicationID, len(migrations)))
}

// explain says what to do about what an operator can do something about.
func (d *Driver) explain(err error) error {
	switch {
	case lite.IsFull(err):
		return fmt.Errorf("sqlite: the disk of %s is full, or fails: nothing was acknowledged; make room on it: %w", d.path, err)
	case lite.IsNotADatabase(err):
		return fmt.Errorf("sqlite: %s is no log of Rochdale, or a broken one: name another file, or restore a backup: %w", d.path, err)
	case lite.IsBusy(err):
		return fmt.Errorf("sqlite: another process keeps %s locked: end it: %w", d.path, err)
	}
	return err
}

// Close is that of [eventstore.Driver].
func (d *Driver) Close() error {
	if d.owed.Load() {
		d.sweep(patience)
	}
	return d.db.Close()
}

const columns = `position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data`

// Write is that of [eventstore.Driver].
func (d *Driver) Write(ctx context.Context, units []eventstore.Unit) (results []eventstore.Result, err error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	err = d.db.Write(ctx, func(c *lite.Conn) error {
		results = make([]eventstore.Result, len(units))
		head, err := head(c)
		if err != nil {
			return err
		}
		d.known.as(head)
		for i, u := range units {
			conflict, err := d.known.conflictOf(c, u)
			if err != nil {
				return err
			}
			if results[i].Conflict = conflict; conflict != nil {
				continue
			}
			for _, a := range u {
				for _, r := range a.Records {
					head++
					if err := insert(c, head, r); err != nil {
						return err
					}
					d.known.of[r.Stream] = r.Version
				}
			}
			results[i].Position, d.known.head = head, head
		}
		return nil
	})
	if err != nil {
		d.known = versions{}
	}
	return results, d.explain(err)
}

// versions are those of streams that were written or checked lately. They hold as
// long as the log has the same head: nobody else has appended meanwhile.
type versions struct {
	head int64
	of   map[domain.Stream]int64
}

const maxVersions = 20_000

// as forgets what may not hold any more, now that the log has this head.
func (v *versions) as(head int64) {
	if v.of == nil || v.head != head || len(v.of) > maxVersions {
		*v = versions{head, map[domain.Stream]int64{}}
	}
}

func head(c *lite.Conn) (position int64, err error) {
	_, err = c.One(`select max(position) from event`, func(r lite.Row) { position = r.Int(0) })
	return position, err
}

// conflictOf finds the stream of a unit that is not at its version.
func (v *versions) conflictOf(c *lite.Conn, u eventstore.Unit) (*eventstore.Conflict, error) {
	for _, a := range u {
		actual, known := v.of[a.Stream]
		if !known {
			_, err := c.One(`select max(version) from event where stream = ?`, func(r lite.Row) { actual = r.Int(0) }, string(a.Stream))
			if err != nil {
				return nil, err
			}
			v.of[a.Stream] = actual
		}
		if actual != a.Version {
			return &eventstore.Conflict{Stream: a.Stream, Expected: a.Version, Actual: actual}, nil
		}
	}
	return nil, nil
}

func insert(c *lite.Conn, position int64, r eventstore.Record) error {
	var causation any
	if r.Causation != uuid.Nil {
		causation = r.Causation[:]
	}
	return c.Exec(`insert into event (`+columns+`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		position, string(r.Stream), r.Version, r.ID[:], r.RecordedAt.UnixMicro(), r.Actor, r.Correlation[:], causation,
		r.Type, r.Edition, string(r.Data))
}

// A page is what is read at once. It is kept, so that those who take their time with
// it, or use the driver meanwhile, hold no connection and nothing of the file.
const (
	firstPage = 50      // records, since most streams are short
	page      = 500     // records
	pageBytes = 4 << 20 // after which no more are added
)

// Stream is that of [eventstore.Driver].
func (d *Driver) Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[eventstore.Record, error] {
	return d.pages(ctx, after, func(r *eventstore.Record) int64 { return r.Version }, selectStream, string(stream))
}

const selectStream = `select ` + columns + ` from event where stream = ? and version > ? order by version`

// Streams is that of [eventstore.Driver].
func (d *Driver) Streams(ctx context.Context, wanted ...eventstore.StreamAfter) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		var records []eventstore.Record
		var reader reader
		for left, after := wanted, int64(0); len(left) > 0; {
			records = records[:0]
			bytes, n := 0, 0
			err := d.db.Read(ctx, func(c *lite.Conn) error {
				for n = range left {
					from := left[n].Version
					if n == 0 {
						from = max(from, after)
					}
					err := c.Query(selectStream, func(row lite.Row) error {
						if len(records) == page || bytes > pageBytes {
							return errEnough
						}
						records = reader.add(row, records)
						bytes += len(records[len(records)-1].Data)
						return nil
					}, string(left[n].Stream), from)
					if err != nil {
						return err
					}
				}
				n = len(left)
				return nil
			})
			if err != nil && !errors.Is(err, errEnough) {
				yield(eventstore.Record{}, d.explain(err))
				return
			}
			reader.name(records)
			left, after = left[n:], 0
			for i := range records {
				if ctx.Err() != nil {
					yield(eventstore.Record{}, context.Cause(ctx))
					return
				}
				if !yield(records[i], nil) {
					return
				}
				if len(left) > 0 && records[i].Stream == left[0].Stream {
					after = records[i].Version
				}
			}
		}
	}
}

// All is that of [eventstore.Driver].
func (d *Driver) All(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error] {
	return d.pages(ctx, after, func(r *eventstore.Record) int64 { return r.Position },
		`select `+columns+` from event where position > ? order by position`)
}

func (d *Driver) pages(ctx context.Context, after int64, key func(*eventstore.Record) int64, sql string, args ...any) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		var records []eventstore.Record
		var reader reader
		for size, after := firstPage, after; ; size = page {
			records = records[:0]
			bytes, more := 0, false
			err := d.db.ReadOne(ctx, func(c *lite.Conn) error {
				return c.Query(sql, func(row lite.Row) error {
					records = reader.add(row, records)
					bytes += len(records[len(records)-1].Data)
					if more = len(records) == size || bytes > pageBytes; more {
						return errEnough
					}
					return nil
				}, append(args[:len(args):len(args)], after)...)
			})
			if err != nil && !errors.Is(err, errEnough) {
				yield(eventstore.Record{}, d.explain(err))
				return
			}
			reader.name(records)
			for i := range records {
				if ctx.Err() != nil {
					yield(eventstore.Record{}, context.Cause(ctx))
					return
				}
				if !yield(records[i], nil) {
					return
				}
			}
			if !more {
				return
			}
			after = key(&records[len(records)-1])
		}
	}
}

var errEnough = errors.New("sqlite: enough")

// A reader makes records without an allocation for each of their parts.
type reader struct {
	actors, types frugal.Names
	data          frugal.Data
	streams       []byte // of the page being read, one after another
	lengths       []int
}

// add reads a record, of which all is overwritten, into the room of another.
func (d *reader) add(row lite.Row, records []eventstore.Record) []eventstore.Record {
	if n := len(records); n < cap(records) {
		records = records[:n+1]
	} else {
		records = append(records, eventstore.Record{})
	}
	d.read(row, &records[len(records)-1])
	return records
}

func (d *reader) read(row lite.Row, r *eventstore.Record) {
	stream := row.Raw(1)
	d.streams, d.lengths = append(d.streams, stream...), append(d.lengths, len(stream))
	r.Position, r.Version = row.Int(0), row.Int(2)
	r.ID = id(row.Raw(3))
	r.RecordedAt, r.Actor = time.UnixMicro(row.Int(4)).UTC(), d.actors.Of(row.Raw(5))
	r.Correlation, r.Causation = id(row.Raw(6)), id(row.Raw(7))
	r.Type, r.Edition, r.Data = d.types.Of(row.Raw(8)), int(row.Int(9)), d.data.Copy(row.Raw(10))
}

// name gives the records of a page, which have been read, their streams, all of which
// are cut from one text.
func (d *reader) name(records []eventstore.Record) {
	all := domain.Stream(d.streams)
	for i, n := range d.lengths {
		records[i].Stream, all = all[:n], all[n:]
	}
	d.streams, d.lengths = d.streams[:0], d.lengths[:0]
}

func id(raw []byte) (id uuid.UUID) {
	copy(id[:], raw)
	return id
}

// Head is that of [eventstore.Driver].
func (d *Driver) Head(ctx context.Context) (position int64, err error) {
	err = d.db.ReadOne(ctx, func(c *lite.Conn) error {
		position, err = head(c)
		return err
	})
	return position, d.explain(err)
}

// glance is how often those who wait look for what other processes have written.
const glance = 25 * time.Millisecond

// Changed is that of [eventstore.Driver]. SQLite tells nobody, and to ask whether
// anything has changed is no cheaper than to ask for the head.
func (d *Driver) Changed(ctx context.Context) error {
	timer := time.NewTimer(glance)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	if d.owed.Load() {
		d.sweep(0)
	}
	return nil
}
