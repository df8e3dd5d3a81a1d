package lite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/eventstore/lite"
)

// TestVersion keeps out the versions of SQLite up to 3.51.2, which could corrupt a
// database when a WAL was reset.
func TestVersion(t *testing.T) {
	c := open(t, file(t), lite.Live)
	var version string
	if _, err := c.One(`select sqlite_version()`, func(r lite.Row) { version = r.Text(0) }); err != nil {
		t.Fatal(err)
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatal(version, err)
	}
	if major*1_000_000+minor*1000+patch < 3_051_003 {
		t.Errorf("SQLite %s is older than 3.51.3", version)
	}
}

func TestModes(t *testing.T) {
	for mode, want := range map[lite.Mode]string{
		lite.Log:     "wal 2 1",
		lite.Live:    "wal 1 1",
		lite.Rebuild: "off 0 0",
	} {
		path := filepath.Join(t.TempDir(), "a b?c=d&e#f%20.db")
		c := open(t, path, mode)
		must(t, c.Script(`create table t (x)`))
		got := one(t, c, `pragma journal_mode`) + " " + one(t, c, `pragma synchronous`)
		if mode == lite.Rebuild {
			got += " 0"
		} else {
			got += " " + one(t, c, `pragma secure_delete`)
		}
		if got != want {
			t.Errorf("%.40s: %s, want %s", mode, got, want)
		}
		for _, name := range []string{path, path + "-wal"} {
			info, err := os.Stat(name)
			if err != nil {
				if name == path || mode != lite.Rebuild {
					t.Error(err)
				}
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%s may be read by others: %s", filepath.Base(name), info.Mode())
			}
		}
	}
}

func TestReadOnlyLeavesAFileAsItIs(t *testing.T) {
	path := file(t)
	if _, err := lite.Open(path, lite.ReadOnly); err == nil {
		t.Error("opened what is not there")
	}
	c := open(t, path, lite.Rebuild)
	must(t, c.Script(`create table t (x); insert into t values (1)`))
	must(t, c.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	look := open(t, path, lite.ReadOnly)
	if got := one(t, look, `select x from t`); got != "1" {
		t.Error(got)
	}
	if look.Exec(`delete from t`) == nil {
		t.Error("written through a connection that only reads")
	}
	must(t, look.Close())
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Error("the file has changed", err)
	}
}

func TestValues(t *testing.T) {
	type name string
	c := open(t, file(t), lite.Live)
	at := time.Date(2026, 5, 2, 20, 0, 0, 123_456_000, time.UTC)
	must(t, c.Script(`create table v (i, s, n, b, e, z, y, at, no)`))
	must(t, c.Exec(`insert into v values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(-1)<<63, "é\x00", name("anna"), []byte{0, 1}, []byte{}, nil, true, at, time.Time{}))
	_, err := c.One(`select * from v`, func(r lite.Row) {
		got := fmt.Sprint(r.Int(0), r.Text(1), r.Text(2), r.Bytes(3), len(r.Raw(4)), r.Null(4), r.Null(5), r.Bool(6), r.Time(7).Equal(at), r.Time(8).IsZero())
		if want := fmt.Sprint(int64(-1)<<63, "é\x00", "anna", []byte{0, 1}, 0, false, true, true, true, true); got != want {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	})
	must(t, err)
	if err := c.Exec(`insert into v (i) values (?)`, 1.5); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Error("a float:", err)
	}
	if c.Exec(`select 1; select 2`) == nil || c.Exec(` -- nothing`) == nil {
		t.Error("taken for one statement")
	}
}

// TestQueryWithinItself runs a statement for each row of the same statement.
func TestQueryWithinItself(t *testing.T) {
	c := open(t, file(t), lite.Live)
	must(t, c.Script(`create table t (x); insert into t values (1), (2), (3)`))
	sum := int64(0)
	const all = `select x from t`
	must(t, c.Query(all, func(a lite.Row) error {
		return c.Query(all, func(b lite.Row) error {
			sum += a.Int(0) * b.Int(0)
			return nil
		})
	}))
	if sum != 36 {
		t.Error(sum)
	}
}

func TestTx(t *testing.T) {
	c := open(t, file(t), lite.Log)
	must(t, c.Script(`create table t (x)`))
	no := errors.New("no")
	if err := c.Tx(func() error { return errors.Join(c.Exec(`insert into t values (1)`), no) }); !errors.Is(err, no) {
		t.Error(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		_ = c.Tx(func() error {
			must(t, c.Exec(`insert into t values (2)`))
			panic("!")
		})
	}()
	must(t, c.Tx(func() error { return c.Exec(`insert into t values (3)`) }))
	if got := one(t, c, `select group_concat(x) from t`); got != "3" {
		t.Error(got)
	}
}

// endless is a query that only an interrupt ends.
const endless = `with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n`

func TestContextEndsReading(t *testing.T) {
	db := openDB(t, file(t), lite.Live)
	cause := errors.New("gone away")
	for name, read := range map[string]func(context.Context, func(*lite.Conn) error) error{"Read": db.Read, "ReadOne": db.ReadOne} {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := read(ctx, func(c *lite.Conn) error {
			must(t, c.Exec(`select 1`))
			cancel(cause)
			return c.Exec(endless)
		})
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
		if err := read(ctx, func(*lite.Conn) error { return nil }); name == "Read" && !errors.Is(err, cause) {
			t.Errorf("%s, once ended: %v", name, err)
		}
	}
	must(t, db.Read(t.Context(), func(c *lite.Conn) error { return c.Exec(`select 1`) })) // with the same connection
}

// TestContextEndsWaitingToWrite has two processes' worth of connections, one of
// which keeps the other waiting.
func TestContextEndsWaitingToWrite(t *testing.T) {
	path := file(t)
	other, db := open(t, path, lite.Log), openDB(t, path, lite.Log)
	must(t, other.Script(`create table t (x); begin immediate`))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	write := func(ctx context.Context) error {
		return db.Write(ctx, func(c *lite.Conn) error { return c.Exec(`insert into t values (1)`) })
	}
	if err := write(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	must(t, other.Script(`commit`))
	must(t, write(t.Context()))
}

// TestReadersSeeOneState reads twice in one transaction, while there is written
// between, and more deeply nested than there are connections.
func TestReadersSeeOneState(t *testing.T) {
	db := openDB(t, file(t), lite.Live)
	const deep = 10
	insert := func(c *lite.Conn) error { return c.Exec(`insert into t values (1)`) }
	must(t, db.Write(t.Context(), func(c *lite.Conn) error { return c.Script(`create table t (x)`) }))
	var read func(depth int) error
	read = func(depth int) error {
		if depth == deep {
			return nil
		}
		return db.Read(t.Context(), func(c *lite.Conn) error {
			before := one(t, c, `select count(*) from t`)
			if before != fmt.Sprint(depth) {
				t.Errorf("at depth %d there are %s", depth, before)
			}
			err := errors.Join(db.Write(t.Context(), insert), read(depth+1))
			if after := one(t, c, `select count(*) from t`); after != before {
				t.Errorf("%s became %s", before, after)
			}
			return err
		})
	}
	must(t, read(0))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			must(t, db.ReadOne(t.Context(), func(c *lite.Conn) error {
				if got := one(t, c, `select count(*) from t`); got != fmt.Sprint(deep) {
					t.Error(got)
				}
				return nil
			}))
		})
	}
	wg.Wait()
}

func TestClosed(t *testing.T) {
	db := openDB(t, file(t), lite.Live)
	must(t, db.Read(t.Context(), func(*lite.Conn) error { return db.Close() }))
	must(t, db.Close())
	nothing := func(*lite.Conn) error { return nil }
	for _, err := range []error{db.Write(t.Context(), nothing), db.Read(t.Context(), nothing), db.ReadOne(t.Context(), nothing)} {
		if !errors.Is(err, lite.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	path := file(t)
	c, reader := open(t, path, lite.Log), open(t, path, lite.ReadOnly)
	must(t, c.Script(`create table t (x); insert into t values ('gone')`))
	must(t, reader.Script(`begin; select * from t`))
	must(t, c.Script(`delete from t`))
	if emptied, err := c.Checkpoint(time.Millisecond); emptied || err != nil {
		t.Error("while somebody reads:", emptied, err)
	}
	must(t, reader.Script(`commit`))
	if emptied, err := c.Checkpoint(time.Minute); !emptied || err != nil {
		t.Error(emptied, err)
	}
	for _, name := range []string{path, path + "-wal"} {
		if content, err := os.ReadFile(name); err != nil || strings.Contains(string(content), "gone") {
			t.Errorf("%s still holds what is deleted, or %v", name, err)
		}
	}
}

func TestBackup(t *testing.T) {
	c, copied := open(t, file(t), lite.Log), file(t)
	must(t, c.Script(`create table t (x); insert into t values (7)`))
	must(t, c.Backup(copied))
	if got := one(t, open(t, copied, lite.ReadOnly), `select x from t`); got != "7" {
		t.Error(got)
	}
	if c.Backup(copied) == nil {
		t.Error("written over another")
	}
}

func TestErrors(t *testing.T) {
	path := file(t)
	must(t, os.WriteFile(path, []byte(strings.Repeat("no database", 1000)), 0o600))
	if _, err := lite.Open(path, lite.Live); !lite.IsNotADatabase(err) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	c := open(t, file(t), lite.Log)
	must(t, c.Script(`create table t (x); pragma max_page_count = 3`))
	err := c.Tx(func() error { return c.Exec(`insert into t values (zeroblob(100000))`) })
	if !lite.IsFull(err) || lite.IsBusy(err) || lite.IsNotADatabase(err) {
		t.Error(err)
	}
	must(t, c.Exec(`insert into t values (1)`))
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "test.db") }

func open(t *testing.T, path string, mode lite.Mode) *lite.Conn {
	t.Helper()
	c, err := lite.Open(path, mode)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func openDB(t *testing.T, path string, mode lite.Mode) *lite.DB {
	t.Helper()
	db, err := lite.OpenDB(path, mode)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func one(t *testing.T, c *lite.Conn, sql string) (text string) {
	t.Helper()
	_, err := c.One(sql, func(r lite.Row) { text = r.Text(0) })
	must(t, err)
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
