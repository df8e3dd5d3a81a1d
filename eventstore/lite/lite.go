// Package lite is SQLite as this program uses it: one connection that writes,
// some that read, prepared statements that are kept, and durability chosen by what
// a file is for. It is a thin wrapper, so that a faster driver can replace the one
// below it.
package lite

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// A Mode is what a file is for: the settings of the connections to it.
type Mode string

const (
	// Log is for what must not be lost: a commit is on the disk when it returns
	// (WAL, synchronous FULL). What is deleted is overwritten, but for copies that
	// SQLite may have left behind when it moved rows from one page to another, and for
	// the WAL: see [Conn.Checkpoint].
	Log Mode = "pragma journal_mode=wal; pragma synchronous=full; pragma fullfsync=on; pragma checkpoint_fullfsync=on; " +
		"pragma secure_delete=on; pragma cache_size=-16000; pragma wal_autocheckpoint=4000"
	// Live is for what can be made again: a crash leaves it consistent, perhaps
	// without its last commits (WAL, synchronous NORMAL). It overwrites as Log does.
	Live Mode = "pragma journal_mode=wal; pragma synchronous=normal; pragma secure_delete=on; pragma cache_size=-16000; " +
		"pragma temp_store=memory; pragma wal_autocheckpoint=4000"
	// Rebuild is for a file that is thrown away if it is not finished: it is fast
	// and a crash ruins it. Only one connection may use it.
	Rebuild Mode = "pragma journal_mode=off; pragma synchronous=off; pragma locking_mode=exclusive; pragma cache_size=-128000; pragma temp_store=memory"
	// ReadOnly is for looking into a file, whoever made it: it is left as it is.
	ReadOnly Mode = "pragma query_only=on"

	// scanning and finding are for connections beside the one that writes: a log is
	// read from end to end, which a large cache would only slow down.
	scanning Mode = "pragma query_only=on; pragma temp_store=memory; pragma cache_size=-2000"
	finding  Mode = "pragma query_only=on; pragma temp_store=memory; pragma cache_size=-8000"
)

// busyTimeout is how long a statement waits for another process that writes.
const busyTimeout = 30 * time.Second

// A Conn is a connection. It is for one goroutine at a time.
type Conn struct {
	raw   *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt // kept, by their text
}

// Open opens a file, which it creates if need be and the mode allows it, for its
// owner alone.
func Open(path string, mode Mode) (*Conn, error) {
	c, err := open(path, mode)
	for began := time.Now(); IsBusy(err) && time.Since(began) < busyTimeout; c, err = open(path, mode) {
		time.Sleep(time.Millisecond) // another process turns it into a WAL database, for which nobody waits by himself
	}
	if err != nil {
		return nil, fmt.Errorf("lite: open %s: %w", path, err)
	}
	return c, nil
}

func open(path string, mode Mode) (c *Conn, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	flags := sqlite3.OPEN_READWRITE
	switch mode {
	case ReadOnly:
		flags = sqlite3.OPEN_READONLY
	case scanning, finding:
	default: // made here, since SQLite would let everybody read it
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
	}
	name := strings.ReplaceAll(url.PathEscape(path), "&", "%26")
	uri := "file:" + name + "?modeof=" + name
	if mode == Log {
		uri += "&vfs=" + gatheredVFS
	}
	raw, err := sqlite3.OpenFlags(uri, flags|sqlite3.OPEN_URI)
	if err != nil {
		return nil, err
	}
	c = &Conn{raw, map[string]*sqlite3.Stmt{}}
	err = raw.BusyTimeout(busyTimeout)
	if err == nil {
		err = raw.Exec(string(mode))
	}
	if err == nil && (mode == Log || mode == Live) {
		err = c.isWAL()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// isWAL makes sure of what SQLite would pass over in silence.
func (c *Conn) isWAL() error {
	var journal string
	_, err := c.One(`pragma journal_mode`, func(r Row) { journal = r.Text(0) })
	if err == nil && journal != "wal" {
		err = fmt.Errorf("its journal is of mode %q and cannot be a WAL: name a file on a local disk", journal)
	}
	return err
}

// Close closes the connection.
func (c *Conn) Close() error {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	return c.raw.Close()
}

// Script runs statements without arguments.
func (c *Conn) Script(sql string) error {
	if err := c.raw.Exec(sql); err != nil {
		return fmt.Errorf("lite: %w", err)
	}
	return nil
}

// Exec runs one statement.
func (c *Conn) Exec(sql string, args ...any) error {
	return c.Query(sql, nil, args...)
}

// Query runs one statement, and calls each with its rows until that fails. The
// row is valid until each returns; each may run other statements, and the same.
func (c *Conn) Query(sql string, each func(Row) error, args ...any) (err error) {
	s, kept, err := c.prepare(sql)
	if err != nil {
		return err
	}
	defer func() {
		if kept {
			_ = s.Reset()
		} else {
			_ = s.Close()
		}
	}()
	for i, arg := range args {
		if err := bind(s, i+1, arg); err != nil {
			return fmt.Errorf("lite: argument %d of %s: %w", i+1, sql, err)
		}
	}
	for s.Step() {
		if each == nil {
			continue
		}
		if err := each(Row{s}); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("lite: %s: %w", sql, err)
	}
	return nil
}

// One runs a statement and calls row with its first row, and reports whether there
// was one.
func (c *Conn) One(sql string, row func(Row), args ...any) (found bool, err error) {
	err = c.Query(sql, func(r Row) error {
		row(r)
		found = true
		return errEnough
	}, args...)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

var errEnough = errors.New("lite: enough")

// Changes returns how many rows the last statement has changed.
func (c *Conn) Changes() int64 { return c.raw.Changes() }

// prepare returns a statement that is kept or, while that one is in use, another.
func (c *Conn) prepare(sql string) (s *sqlite3.Stmt, kept bool, err error) {
	s, known := c.stmts[sql]
	if known && !s.Busy() {
		return s, true, nil
	}
	s, tail, err := c.raw.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("lite: %s: %w", sql, err)
	case s == nil || len(tail) > 0:
		return nil, false, fmt.Errorf("lite: %q is not one statement", sql)
	}
	if !known {
		c.stmts[sql] = s
	}
	return s, !known, nil
}

func bind(s *sqlite3.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		return s.BindNull(i)
	case int64:
		return s.BindInt64(i, v)
	case int:
		return s.BindInt64(i, int64(v))
	case string:
		return s.BindText(i, v)
	case []byte:
		return s.BindBlob(i, v)
	case bool:
		return s.BindBool(i, v)
	case time.Time:
		if v.IsZero() {
			return s.BindNull(i)
		}
		return s.BindInt64(i, v.UnixMicro())
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return err
		}
		return s.BindRawText(i, text)
	}
	switch v := reflect.ValueOf(arg); v.Kind() {
	case reflect.String:
		return s.BindText(i, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return s.BindInt64(i, v.Int())
	case reflect.Bool:
		return s.BindBool(i, v.Bool())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return s.BindBlob(i, v.Bytes())
		}
	default:
	}
	return fmt.Errorf("no column holds a %T", arg)
}

// A Row is a row of what was asked for. Columns count from 0.
type Row struct{ s *sqlite3.Stmt }

// Columns returns their number.
func (r Row) Columns() int { return r.s.ColumnCount() }

// Key returns a text or a whole number, whichever a column has. Columns below 0
// count from the end: -1 is the last.
func (r Row) Key(i int) any {
	if i < 0 {
		i += r.Columns()
	}
	if r.s.ColumnType(i) == sqlite3.INTEGER {
		return r.s.ColumnInt64(i)
	}
	return r.s.ColumnText(i)
}

// Null reports whether a column has no value.
func (r Row) Null(i int) bool { return r.s.ColumnType(i) == sqlite3.NULL }

// Int returns a whole number, or 0 for none.
func (r Row) Int(i int) int64 { return r.s.ColumnInt64(i) }

// Bool returns whether a number is not 0.
func (r Row) Bool(i int) bool { return r.s.ColumnBool(i) }

// Text returns a text, or "" for none.
func (r Row) Text(i int) string { return string(r.Raw(i)) }

// Bytes returns a copy of a blob or text, or nil for none.
func (r Row) Bytes(i int) []byte { return append([]byte(nil), r.Raw(i)...) }

// Raw returns a blob or text that is valid until the next row. It is the quickest:
// SQLite would make a copy of a text if it were asked for one.
func (r Row) Raw(i int) []byte { return r.s.ColumnRawBlob(i) }

// Time returns an instant in UTC, or the zero value for none.
func (r Row) Time(i int) time.Time {
	if r.Null(i) {
		return time.Time{}
	}
	return time.UnixMicro(r.s.ColumnInt64(i)).UTC()
}

// Into reads a text into a value, as [encoding.TextUnmarshaler] does. A text that
// cannot be read leaves it as it is and is an error.
func (r Row) Into(i int, v encoding.TextUnmarshaler) error {
	if r.Null(i) {
		return nil
	}
	return v.UnmarshalText(r.Raw(i))
}

// Tx runs a function in a transaction that writes, which is committed if the
// function returns nil and else, or if it panics, rolled back. Another process
// that writes is waited for.
func (c *Conn) Tx(do func() error) error {
	return c.tx(context.Background(), "begin immediate", do)
}

// tx runs a transaction, for whose beginning it waits no longer than ctx.
func (c *Conn) tx(ctx context.Context, begin string, do func() error) (err error) {
	restore := c.Interruptible(ctx)
	err = c.Exec(begin)
	restore()
	if err != nil {
		return err
	}
	defer func() {
		if !c.raw.GetAutocommit() {
			defer c.Interruptible(context.Background())()
			err = errors.Join(err, c.Exec("rollback"))
		}
	}()
	if err := do(); err != nil {
		return err
	}
	return c.Exec("commit")
}

// Interruptible has statements end with an error when ctx does, until the function
// it returns is called.
func (c *Conn) Interruptible(ctx context.Context) (restore func()) {
	before := c.raw.SetInterrupt(ctx)
	return func() { c.raw.SetInterrupt(before) }
}

// Checkpoint brings the write-ahead log into the file and empties it, so that
// nothing of what was overwritten remains. For those who read or write meanwhile it
// waits as long as it is told, and reports whether it was emptied.
func (c *Conn) Checkpoint(patience time.Duration) (emptied bool, err error) {
	if err := c.raw.BusyTimeout(patience); err != nil {
		return false, err
	}
	_, _, err = c.raw.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	switch {
	case IsBusy(err):
		return false, c.raw.BusyTimeout(busyTimeout)
	case err != nil:
		return false, errors.Join(fmt.Errorf("lite: checkpoint: %w", err), c.raw.BusyTimeout(busyTimeout))
	}
	return true, c.raw.BusyTimeout(busyTimeout)
}

// Backup copies what is committed into a new file, which is on the disk when it
// returns. Others may write meanwhile.
func (c *Conn) Backup(path string) error {
	if err := c.Exec(`vacuum into ?`, path); err != nil {
		return err
	}
	return errors.Join(os.Chmod(path, 0o600), SyncFile(path))
}

// IsFull reports whether a statement failed because there is no room on the disk, or
// because the disk cannot be written, which the driver does not tell apart. Its
// transaction has been rolled back.
func IsFull(err error) bool {
	for _, code := range []error{
		sqlite3.FULL, sqlite3.IOERR_WRITE, sqlite3.IOERR_FSYNC, sqlite3.IOERR_TRUNCATE, sqlite3.IOERR_SHMSIZE,
		syscall.ENOSPC, syscall.EDQUOT,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// IsBusy reports whether a statement has waited in vain for another process.
func IsBusy(err error) bool { return errors.Is(err, sqlite3.BUSY) }

// IsNotADatabase reports whether a file is no database, or a broken one.
func IsNotADatabase(err error) bool {
	return errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.CORRUPT)
}

// IsInterrupted reports whether a statement was ended by its context.
func IsInterrupted(err error) bool { return errors.Is(err, sqlite3.INTERRUPT) }

// SyncFile has a file and its entry in its folder on the disk when it returns.
func SyncFile(path string) error {
	for _, name := range []string{path, filepath.Dir(path)} {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
