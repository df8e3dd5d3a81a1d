package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/eventstore/sqlite"
	"rochdale/eventstore/storetest"
)

func TestDriver(t *testing.T) {
	var mu sync.Mutex
	dirs := map[*testing.T]string{}
	storetest.Run(t, func(t *testing.T) eventstore.Driver {
		mu.Lock()
		defer mu.Unlock()
		if dirs[t] == "" {
			dirs[t] = t.TempDir()
		}
		d, err := sqlite.Open(t.Context(), filepath.Join(dirs[t], "log.db"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func TestProcesses(t *testing.T) {
	storetest.Processes(t,
		func(t *testing.T) string { return filepath.Join(t.TempDir(), "log.db") },
		func(ctx context.Context, path string) (eventstore.Driver, error) { return sqlite.Open(ctx, path) })
}

// TestOpenAtOnce makes one new log from many sides, in a folder that is not there.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "a b?", "log.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			d, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if _, err := d.Head(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error("others may read the log:", info.Mode(), err)
	}
}

// TestNotALog opens what is none, which must say so, and leave it as it is.
func TestNotALog(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a text": {func(path string) error {
			return os.WriteFile(path, bytes.Repeat([]byte("member;shares\n"), 1000), 0o600)
		}, "is no log of Rochdale, or a broken one: name another file, or restore a backup"},
		"another program's": {script(`create table t (x); pragma application_id = 7`), "is a database of something else: name another file"},
		"nobody's":          {script(`create table t (x)`), "is a database of something else: name another file"},
		"a newer one's":     {script(`pragma application_id = 1383031656; pragma user_version = 1000`), "was written by a newer program (schema 1000, this one knows 1): upgrade this one"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "other.db")
			must(t, c.make(path))
			before, err := os.ReadFile(path)
			must(t, err)
			d, err := sqlite.Open(t.Context(), path)
			if err == nil {
				_ = d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), path+" "+c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Error("the file was changed", err)
			}
		})
	}
	if _, err := sqlite.Open(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder was opened as a log")
	}
}

func script(sql string) func(string) error {
	return func(path string) error {
		c, err := lite.Open(path, lite.Rebuild)
		if err != nil {
			return err
		}
		return errors.Join(c.Script(sql), c.Close())
	}
}

// TestBroken overwrites the middle of a log.
func TestBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	d := open(t, path)
	fill(t, d, 5000)
	must(t, d.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	info, err := f.Stat()
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, int(info.Size()/2)), info.Size()/4)
	must(t, errors.Join(err, f.Close()))

	d = open(t, path)
	var last error
	for _, err := range d.All(t.Context(), 0) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "or a broken one: name another file, or restore a backup") {
		t.Error(last)
	}
}

// TestPages reads records of all sizes, over the borders of pages of either kind.
func TestPages(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "log.db"))
	const n = 1200
	records := make([]eventstore.Record, n)
	for i := range records {
		records[i] = one("s", "noted")
		records[i].Version = int64(i) + 1
		size := i % 1500
		if i > 600 && i < 620 {
			size = eventstore.MaxData - 100
		}
		records[i].Data = fmt.Appendf(nil, `"%0*d"`, size, i)
	}
	results, err := d.Write(t.Context(), []eventstore.Unit{{to("s", 0, records...)}})
	must(t, err)
	if results[0].Position != n {
		t.Errorf("ended at %d", results[0].Position)
	}
	for _, after := range []int64{0, 1, 49, 50, 51, n - 1, n, n + 1} {
		for name, read := range map[string]func(func(eventstore.Record, error) bool){
			"all": d.All(t.Context(), after), "stream": d.Stream(t.Context(), "s", after),
		} {
			next := after
			for r, err := range read {
				if err != nil {
					t.Fatal(err)
				}
				if next++; r.Position != next || r.Version != next || !bytes.Equal(r.Data, records[next-1].Data) {
					t.Fatalf("%s after %d: got %d where %d should be", name, after, r.Position, next)
				}
			}
			if next < n {
				t.Errorf("%s after %d ended at %d", name, after, next)
			}
		}
	}
}

// TestSlowReaderHoldsNothing empties the write-ahead log while somebody is in the
// middle of reading.
func TestSlowReaderHoldsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	d := open(t, path)
	fill(t, d, 2000)
	made := eventstore.Change{Key: "key/x", Value: []byte("secret")}
	revision := made.Next()
	must(t, d.Put(t.Context(), made))
	for _, err := range d.All(t.Context(), 0) {
		must(t, err)
		must(t, d.Put(t.Context(), eventstore.Change{Key: "key/x", Revision: revision}))
		break
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the write-ahead log has %d bytes, %v", info.Size(), err)
	}
}

// TestDestroyedKeysAreNowhere makes, replaces and destroys keys in an order that has
// SQLite split and merge its pages, and then looks for them in all files.
func TestDestroyedKeysAreNowhere(t *testing.T) {
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "log.db"))
	random := rand.New(rand.NewPCG(1, 2))
	const keys, changes, batch = 400, 6000, 20
	entries, made := map[string]eventstore.Entry{}, 0
	var dead []string
	for range changes / batch {
		var put []eventstore.Change
		for _, i := range random.Perm(keys)[:batch] {
			key := fmt.Sprintf("key/register/%04x", i*7919%keys)
			old := entries[key]
			if old.Revision > 0 {
				dead = append(dead, string(old.Value[:20]))
			}
			if old.Revision > 0 && random.IntN(3) == 0 {
				put = append(put, eventstore.Change{Key: key, Revision: old.Revision})
				delete(entries, key)
				continue
			}
			made++
			size := 40 + random.IntN(3)*60
			if random.IntN(100) == 0 {
				size = 9000 // on more than one page
			}
			value := fmt.Appendf(nil, "<secret-%08d-%0*d>", made, size, 0)
			change := eventstore.Change{Key: key, Value: value, Revision: old.Revision}
			entries[key] = eventstore.Entry{Key: key, Value: value, Revision: change.Next()}
			put = append(put, change)
		}
		must(t, d.Put(t.Context(), put...))
	}
	for e, err := range eventstore.Entries(t.Context(), d, "key/") {
		must(t, err)
		if want := entries[e.Key]; e.Revision != want.Revision || !bytes.Equal(e.Value, want.Value) {
			t.Errorf("%s is %.30q of revision %d, want %.30q of %d", e.Key, e.Value, e.Revision, want.Value, want.Revision)
		}
		got, err := d.Get(t.Context(), e.Key)
		if err != nil || !bytes.Equal(got[0].Value, e.Value) || got[0].Revision != e.Revision {
			t.Errorf("%s is got and listed as two things, %v", e.Key, err)
		}
		delete(entries, e.Key)
	}
	if len(entries) > 0 {
		t.Errorf("lost: %q", slices.Collect(maps.Keys(entries)))
	}
	files := contents(t, dir)
	if !strings.Contains(files, "<secret-") {
		t.Error("what was searched holds no keys at all")
	}
	found := 0
	for _, value := range dead {
		if strings.Contains(files, value) {
			found++
		}
	}
	if found > 0 || len(dead) < changes/2 {
		t.Errorf("of %d keys destroyed %d are still there", len(dead), found)
	}
}

// TestDestroyedWhileRead destroys a key while another connection reads a state in
// which it was there: it is gone as soon as that one ends.
func TestDestroyedWhileRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.db")
	d := open(t, path)
	made := eventstore.Change{Key: "key/x", Value: []byte("secret-7")}
	revision := made.Next()
	must(t, d.Put(t.Context(), made))
	other, err := lite.Open(path, lite.ReadOnly)
	must(t, err)
	defer other.Close()
	must(t, other.Script(`begin; select * from entry`))
	must(t, d.Put(t.Context(), eventstore.Change{Key: "key/x", Value: []byte("another"), Revision: revision}))
	if !strings.Contains(contents(t, dir), "secret-7") {
		t.Error("the test does not do what it says")
	}
	must(t, other.Script(`commit`))
	must(t, d.Changed(t.Context()))
	if strings.Contains(contents(t, dir), "secret-7") {
		t.Error("the key is still there")
	}
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	var all strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(name)
		must(t, err)
		all.Write(content)
	}
	return all.String()
}

// TestAnotherProgramWrites keeps the file locked from outside for a while.
func TestAnotherProgramWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := eventstore.NewLog(open(t, path))
	defer log.Close()
	other, err := lite.Open(path, lite.Log)
	must(t, err)
	defer other.Close()
	must(t, other.Script(`begin immediate`))
	appended := make(chan error, 1)
	go func() {
		_, err := log.Append(t.Context(), to("s", 0, one("s", "noted")))
		appended <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := log.KV().Put(ctx, eventstore.Change{Key: "k", Value: []byte("v")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a change that may not wait: %v", err)
	}
	select {
	case err := <-appended:
		t.Error("appended to a log that was locked:", err)
	default:
	}
	must(t, other.Script(`rollback`))
	must(t, <-appended)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
