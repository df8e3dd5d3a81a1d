package sqlite

import (
	"context"
	"errors"
	"strings"
	"time"

	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

// A value that was a key must be gone from the disk once it is deleted or replaced.
// That SQLite overwrites what it deletes is not enough: when it moves rows from one
// page to another, it leaves copies of them behind. The rows of secrets are therefore
// never moved: they are added at the end, keep their length, and are overwritten
// where they are. What remains is the write-ahead log, which is emptied afterwards.

const selectEntry = `select key, coalesce(value, (select value from secret where id = entry.secret)), revision from entry `

func readEntry(r lite.Row) eventstore.Entry {
	e := eventstore.Entry{Key: r.Text(0), Value: r.Bytes(1), Revision: r.Int(2)}
	if e.Value == nil {
		e.Value = []byte{} // since nil is nothing
	}
	return e
}

// Get is that of [eventstore.KV].
func (d *Driver) Get(ctx context.Context, keys ...string) ([]eventstore.Entry, error) {
	entries := make([]eventstore.Entry, len(keys))
	read := d.db.Read
	if len(keys) == 1 { // which one statement reads
		read = d.db.ReadOne
	}
	err := read(ctx, func(c *lite.Conn) error {
		for i, key := range keys {
			entries[i].Key = key
			if _, err := c.One(selectEntry+`where key = ?`, func(r lite.Row) { entries[i] = readEntry(r) }, key); err != nil {
				return err
			}
		}
		return nil
	})
	return entries, d.explain(err)
}

// Range is that of [eventstore.KV].
func (d *Driver) Range(ctx context.Context, prefix, after string, limit int) (entries []eventstore.Entry, err error) {
	err = d.db.ReadOne(ctx, func(c *lite.Conn) error {
		return c.Query(selectEntry+`where key >= ? order by key`, func(r lite.Row) error {
			e := readEntry(r)
			switch {
			case !strings.HasPrefix(e.Key, prefix) || len(entries) >= limit:
				return errEnough
			case e.Key > after:
				entries = append(entries, e)
			}
			return nil
		}, max(prefix, after))
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return entries, d.explain(err)
}

// Put is that of [eventstore.KV]. When it returns, nothing is left in the folder of
// the log of the keys ([eventstore.IsKey]) that it has replaced or deleted, unless
// somebody who was reading all the while, or a full disk, kept the write-ahead log
// from being emptied. Then that is done as soon as they let it, and at the latest
// when the log is closed or, after a crash, opened. Beyond what a program can do
// are copies that the disk itself, a snapshot or a backup keeps.
func (d *Driver) Put(ctx context.Context, changes ...eventstore.Change) error {
	destroyed := false
	err := d.db.Write(ctx, func(c *lite.Conn) error {
		for _, change := range changes {
			gone, err := put(c, change)
			if err != nil {
				return err
			}
			destroyed = destroyed || gone
		}
		return nil
	})
	if err == nil && destroyed {
		d.sweep(patience)
	}
	return d.explain(err)
}

// put makes a change, and reports whether it has destroyed a secret.
func put(c *lite.Conn, change eventstore.Change) (destroyed bool, err error) {
	if !eventstore.IsKey(change.Key) && (change.Value != nil || change.Revision > 0) {
		return false, putPlain(c, change)
	}
	var revision, secret, length int64
	_, err = c.One(`select revision, secret, (select length(value) from secret where id = entry.secret) from entry where key = ?`,
		func(r lite.Row) { revision, secret, length = r.Int(0), r.Int(1), r.Int(2) }, change.Key)
	switch {
	case err != nil:
		return false, err
	case revision != change.Revision:
		return false, eventstore.Stale{Key: change.Key}
	}
	var value, place any = change.Value, nil
	if eventstore.IsKey(change.Key) {
		value = nil
		switch {
		case secret != 0 && change.Value != nil && int64(len(change.Value)) == length:
			place, err = secret, c.Exec(`update secret set value = ? where id = ?`, change.Value, secret)
		case secret != 0:
			err = c.Exec(`update secret set value = zeroblob(?) where id = ?`, length, secret)
		}
		if err == nil && change.Value != nil && place == nil {
			err = c.Query(`insert into secret (value) values (?) returning id`, func(r lite.Row) error {
				place = r.Int(0)
				return nil
			}, change.Value)
		}
	}
	switch {
	case err != nil:
	case change.Value == nil:
		err = c.Exec(`delete from entry where key = ?`, change.Key)
	default:
		err = c.Exec(`insert into entry (key, value, secret, revision) values (?1, ?2, ?3, ?4)
			on conflict (key) do update set value = ?2, secret = ?3, revision = ?4`, change.Key, value, place, change.Next())
	}
	return secret != 0, err
}

// putPlain makes a change to what is no secret, by one statement.
func putPlain(c *lite.Conn, change eventstore.Change) (err error) {
	switch {
	case change.Value == nil:
		err = c.Exec(`delete from entry where key = ? and revision = ?`, change.Key, change.Revision)
	case change.Revision == 0:
		err = c.Exec(`insert into entry (key, value, revision) values (?, ?, ?) on conflict do nothing`, change.Key, change.Value, change.Next())
	default:
		err = c.Exec(`update entry set value = ?, revision = revision + 1 where key = ? and revision = ?`, change.Value, change.Key, change.Revision)
	}
	if err == nil && c.Changes() == 0 {
		err = eventstore.Stale{Key: change.Key}
	}
	return err
}

// patience is how long a change to a key waits for others to end their reading.
const patience = 500 * time.Millisecond

// sweep empties the write-ahead log, or leaves that owed.
func (d *Driver) sweep(patience time.Duration) {
	d.owed.Store(true)
	_ = d.db.Writer(context.Background(), func(c *lite.Conn) error {
		emptied, err := c.Checkpoint(patience)
		d.owed.Store(!emptied)
		return err
	})
}
