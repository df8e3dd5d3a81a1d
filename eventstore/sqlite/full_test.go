package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/eventstore/sqlite"
)

// TestFullFile has SQLite believe that there is no room for another page.
func TestFullFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	d := open(t, path)
	must(t, d.Limit(100))
	untilFull(t, path, d, func() error { return d.Limit(1 << 30) })
}

// untilFull appends to an empty log from many sides until there is no room for more,
// makes room, and goes on. Nothing that was acknowledged may be lost.
func untilFull(t *testing.T, path string, d *sqlite.Driver, makeRoom func() error) {
	log := eventstore.NewLog(d)
	const writers = 8
	var versions [writers]int64
	stream := func(w int) domain.Stream { return domain.StreamOf("s", fmt.Sprint(w)) }
	appendOne := func(w int) error {
		_, err := log.Append(t.Context(), to(stream(w), versions[w], one(stream(w), "noted")))
		if err == nil {
			versions[w]++
		}
		return err
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var err error
			for n := 0; n < 100_000 && err == nil; n++ {
				err = appendOne(w)
			}
			if !lite.IsFull(err) || !strings.Contains(fmt.Sprint(err), "the disk of "+path+" is full, or fails: nothing was acknowledged; make room on it") {
				t.Errorf("a full disk says %v", err)
			}
		})
	}
	wg.Wait()
	acknowledged(t, d, stream, versions[:])
	for range 3 { // as its clients would
		if err := appendOne(0); err == nil {
			continue // a last one found room
		} else if !lite.IsFull(err) {
			t.Error(err)
		}
	}
	acknowledged(t, d, stream, versions[:])

	must(t, makeRoom())
	for w := range writers {
		must(t, appendOne(w))
	}
	must(t, d.Put(t.Context(), eventstore.Change{Key: "key/x", Value: []byte("v")}))
	acknowledged(t, d, stream, versions[:])
	must(t, log.Close())
	acknowledged(t, open(t, path), stream, versions[:])
}

// acknowledged makes sure that a log holds the streams up to their versions, and
// nothing else.
func acknowledged(t *testing.T, d *sqlite.Driver, stream func(int) domain.Stream, versions []int64) {
	t.Helper()
	there, position := map[domain.Stream]int64{}, int64(0)
	for r, err := range d.All(t.Context(), 0) {
		must(t, err)
		there[r.Stream]++
		if position++; r.Position != position || r.Version != there[r.Stream] {
			t.Fatalf("%s %d at %d, where %d should be", r.Stream, r.Version, r.Position, position)
		}
	}
	if position == 0 {
		t.Error("nothing was ever written")
	}
	for w, version := range versions {
		if there[stream(w)] != version {
			t.Errorf("%s has %d records, %d were acknowledged", stream(w), there[stream(w)], version)
		}
	}
}
