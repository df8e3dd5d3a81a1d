package lite_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rochdale/eventstore/lite"
)

// TestGathered has one write a log whose cache is too small for its transactions, so
// that pages go to the write-ahead log before the end and are read back from there,
// and others read. Each sees what they shall, whatever is rolled back.
func TestGathered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path := file(t)
		w, r := open(t, path, lite.Log), open(t, path, lite.Log)
		must(t, w.Script(`create table t (id integer primary key, x blob not null); pragma cache_size=5; pragma wal_autocheckpoint=20`))
		sizes := map[int]int{} // of what is committed
		for range rapid.IntRange(1, 12).Draw(rt, "transactions") {
			now := map[int]int{}
			err := w.Tx(func() error {
				for range rapid.IntRange(1, 40).Draw(rt, "rows") {
					id, size := rapid.IntRange(1, 60).Draw(rt, "id"), rapid.IntRange(1, 9000).Draw(rt, "size")
					now[id] = size
					must(t, w.Exec(`insert or replace into t values (?, ?)`, id, bytes.Repeat([]byte{byte(size)}, size)))
				}
				for id, size := range now {
					same(t, w, id, size)
				}
				if rapid.IntRange(0, 3).Draw(rt, "rolled back") == 0 {
					return errRolledBack
				}
				return nil
			})
			switch {
			case err == nil:
				for id, size := range now {
					sizes[id] = size
				}
			case !errors.Is(err, errRolledBack):
				t.Fatal(err)
			}
			for id, size := range sizes {
				same(t, r, id, size)
			}
			if n := one(t, r, `select count(*) from t`); n != fmt.Sprint(len(sizes)) {
				t.Fatalf("%s rows, want %d", n, len(sizes))
			}
		}
		for _, c := range []*lite.Conn{w, r} {
			if said := one(t, c, `pragma integrity_check`); said != "ok" {
				t.Fatal(said)
			}
			must(t, c.Close())
		}
	})
}

var errRolledBack = errors.New("rolled back")

func same(t *testing.T, c *lite.Conn, id, size int) {
	t.Helper()
	found, err := c.One(`select x from t where id = ?`, func(r lite.Row) {
		if x := r.Raw(0); !bytes.Equal(x, bytes.Repeat([]byte{byte(size)}, size)) {
			t.Fatalf("row %d has %d bytes, want %d", id, len(x), size)
		}
	}, id)
	if err != nil || !found {
		t.Fatalf("row %d: found %t, %v", id, found, err)
	}
}
