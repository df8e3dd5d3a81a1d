// Package sqlite keeps the log in one SQLite file, for the processes of one machine.
package sqlite

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

// applicationID marks a file as one of ours: "Roch".
const applicationID = 0x526f6368

// migrations lead from each version of the schema to the next.
var migrations = []string{`
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
		value blob not null,
		revision integer not null
	) strict, without rowid;`,
}

// Driver is an [eventstore.Driver] over a file.
type Driver struct {
	db *lite.DB

	mu      sync.Mutex
	watcher *lite.Conn // whose data_version tells of the commits of others
	seen    int64
}

var _ eventstore.Driver = (*Driver)(nil)

// Open opens the log in a file, which it creates if need be, as it does the folder.
func Open(ctx context.Context, path string) (*Driver, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: folder of the log: %w", err)
	}
	db, err := lite.OpenDB(path, lite.Log)
	if err != nil {
		if lite.IsNotADatabase(err) {
			err = fmt.Errorf("sqlite: %s is no log of Rochdale, or a broken one: name another file, or restore a backup: %w", path, err)
		}
		return nil, err
	}
	d := &Driver{db: db}
	if err := d.migrate(ctx, path); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, lite.SyncFile(path)
}

func (d *Driver) migrate(ctx context.Context, path string) error {
	return d.db.Write(ctx, func(c *lite.Conn) error {
		var id, version, tables int64
		for sql, into := range map[string]*int64{
			`pragma application_id`: &id, `pragma user_version`: &version, `select count(*) from sqlite_schema`: &tables,
		} {
			if _, err := c.One(sql, func(r lite.Row) { *into = r.Int(0) }); err != nil {
				return err
			}
		}
		switch {
		case id != applicationID && tables > 0:
			return fmt.Errorf("sqlite: %s is a database of something else: name another file", path)
		case version > int64(len(migrations)):
			return fmt.Errorf("sqlite: %s was written by a newer program (schema %d, this one knows %d): upgrade this one", path, version, len(migrations))
		}
		for _, migration := range migrations[version:] {
			if err := c.Script(migration); err != nil {
				return err
			}
		}
		return c.Script(fmt.Sprintf(`pragma application_id = %d; pragma user_version = %d`, applicationID, len(migrations)))
	})
}

// Close is that of [eventstore.Driver].
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.watcher != nil {
		_ = d.watcher.Close()
		d.watcher = nil
	}
	d.mu.Unlock()
	return d.db.Close()
}

const columns = `position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data`

// Write is that of [eventstore.Driver].
func (d *Driver) Write(ctx context.Context, units []eventstore.Unit) (results []eventstore.Result, err error) {
	err = d.db.Write(ctx, func(c *lite.Conn) error {
		results = make([]eventstore.Result, len(units))
		head, err := head(c)
		if err != nil {
			return err
		}
		for i, u := range units {
			conflict, err := conflictOf(c, u)
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
				}
			}
			results[i].Position = head
		}
		return nil
	})
	if lite.IsFull(err) {
		err = fmt.Errorf("sqlite: there is no room for the log: nothing was written; make room on its disk: %w", err)
	}
	return results, err
}

func head(c *lite.Conn) (position int64, err error) {
	_, err = c.One(`select max(position) from event`, func(r lite.Row) { position = r.Int(0) })
	return position, err
}

func conflictOf(c *lite.Conn, u eventstore.Unit) (*eventstore.Conflict, error) {
	for _, a := range u {
		var actual int64
		_, err := c.One(`select max(version) from event where stream = ?`, func(r lite.Row) { actual = r.Int(0) }, string(a.Stream))
		if err != nil {
			return nil, err
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

// page is how many records are read at once, so that a reader who takes their time
// keeps nobody from emptying the write-ahead log.
const page = 2000

// Stream is that of [eventstore.Driver].
func (d *Driver) Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[eventstore.Record, error] {
	return d.pages(ctx, after, func(r eventstore.Record) int64 { return r.Version },
		`select `+columns+` from event where stream = ? and version > ? order by version limit ?`, string(stream))
}

// All is that of [eventstore.Driver].
func (d *Driver) All(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error] {
	return d.pages(ctx, after, func(r eventstore.Record) int64 { return r.Position },
		`select `+columns+` from event where position > ? order by position limit ?`)
}

func (d *Driver) pages(ctx context.Context, after int64, key func(eventstore.Record) int64, sql string, args ...any) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for size := 64; ; size = page {
			var records []eventstore.Record
			err := d.db.ReadOne(ctx, func(c *lite.Conn) error {
				return c.Query(sql, func(row lite.Row) error {
					records = append(records, record(row))
					return nil
				}, append(args[:len(args):len(args)], after, size)...)
			})
			if err != nil {
				yield(eventstore.Record{}, err)
				return
			}
			for _, r := range records {
				if ctx.Err() != nil {
					yield(eventstore.Record{}, context.Cause(ctx))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
			if len(records) < size {
				return
			}
			after = key(records[len(records)-1])
		}
	}
}

func record(row lite.Row) (r eventstore.Record) {
	r.Position, r.Stream, r.Version = row.Int(0), domain.Stream(row.Text(1)), row.Int(2)
	copy(r.ID[:], row.Raw(3))
	r.RecordedAt, r.Actor = time.UnixMicro(row.Int(4)).UTC(), row.Text(5)
	copy(r.Correlation[:], row.Raw(6))
	copy(r.Causation[:], row.Raw(7))
	r.Type, r.Edition, r.Data = row.Text(8), int(row.Int(9)), row.Bytes(10)
	return r
}

// Head is that of [eventstore.Driver].
func (d *Driver) Head(ctx context.Context) (position int64, err error) {
	err = d.db.ReadOne(ctx, func(c *lite.Conn) error {
		position, err = head(c)
		return err
	})
	return position, err
}

// glance is how often the file is looked at for what other processes have written.
const glance = 40 * time.Millisecond

// Changed is that of [eventstore.Driver].
func (d *Driver) Changed(ctx context.Context) error {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		changed, err := d.changed()
		if changed || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (d *Driver) changed() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watcher == nil {
		c, err := d.db.Open()
		if err != nil {
			return false, err
		}
		d.watcher = c
	}
	var version int64
	_, err := d.watcher.One(`pragma data_version`, func(r lite.Row) { version = r.Int(0) })
	changed := version != d.seen
	d.seen = version
	return changed, err
}

// Get is that of [eventstore.KV].
func (d *Driver) Get(ctx context.Context, keys ...string) (entries []eventstore.Entry, err error) {
	entries = make([]eventstore.Entry, len(keys))
	err = d.db.Read(ctx, func(c *lite.Conn) error {
		for i, key := range keys {
			entries[i].Key = key
			_, err := c.One(`select value, revision from entry where key = ?`, func(r lite.Row) {
				entries[i].Value, entries[i].Revision = value(r.Bytes(0)), r.Int(1)
			}, key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return entries, err
}

// value is never nil for what is there.
func value(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Put is that of [eventstore.KV]. When it returns, nothing is left in the file of
// what it has replaced or deleted: free pages are overwritten, and the write-ahead
// log is emptied. A reader may delay the latter; it is caught up on with the next.
func (d *Driver) Put(ctx context.Context, changes ...eventstore.Change) error {
	gone := false
	return d.db.Writer(ctx, func(c *lite.Conn) error {
		err := c.Tx(func() error {
			for _, change := range changes {
				var actual int64
				_, err := c.One(`select revision from entry where key = ?`, func(r lite.Row) { actual = r.Int(0) }, change.Key)
				switch {
				case err != nil:
					return err
				case actual != change.Revision:
					return eventstore.Stale{Key: change.Key}
				case change.Value == nil:
					gone = true
					err = c.Exec(`delete from entry where key = ?`, change.Key)
				case actual == 0:
					err = c.Exec(`insert into entry (key, value, revision) values (?, ?, 1)`, change.Key, change.Value)
				default:
					gone = gone || eventstore.IsKey(change.Key)
					err = c.Exec(`update entry set value = ?, revision = revision + 1 where key = ?`, change.Value, change.Key)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && gone {
			_, err = c.Checkpoint(time.Second)
		}
		return err
	})
}

// Range is that of [eventstore.KV].
func (d *Driver) Range(ctx context.Context, prefix, after string, limit int) (entries []eventstore.Entry, err error) {
	err = d.db.ReadOne(ctx, func(c *lite.Conn) error {
		return c.Query(`select key, value, revision from entry
			where key > ?1 and key >= ?2 and substr(key, 1, length(?2)) = ?2 order by key limit ?3`,
			func(r lite.Row) error {
				entries = append(entries, eventstore.Entry{Key: r.Text(0), Value: value(r.Bytes(1)), Revision: r.Int(2)})
				return nil
			}, after, prefix, limit)
	})
	return entries, err
}
