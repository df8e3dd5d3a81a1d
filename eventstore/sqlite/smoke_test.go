package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
)

func TestSmoke(t *testing.T) {
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a b?", "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	log := eventstore.NewLog(d)
	defer log.Close()
	var wg sync.WaitGroup
	began := time.Now()
	for w := range 32 {
		wg.Go(func() {
			for i := range int64(100) {
				_, err := log.Append(t.Context(), eventstore.StreamAppend{Stream: domain.StreamOf("s", fmt.Sprint(w)), Version: i, Records: []eventstore.Record{{
					ID: uuid.Must(uuid.NewV7()), RecordedAt: time.Now().UTC(), Actor: "x", Encoded: domain.Encoded{Type: "t", Edition: 1, Data: []byte(`{"a": 1}`)},
				}}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.Log(3200/time.Since(began).Seconds(), "appends/s")
	n := int64(0)
	for r, err := range log.All(t.Context(), 0) {
		if err != nil || r.Position != n+1 {
			t.Fatal(r, err)
		}
		n++
	}
	t.Log(n)
	if err := d.Put(t.Context(), eventstore.Change{Key: "a/1", Value: []byte("x")}, eventstore.Change{Key: "a/2", Value: []byte("y")}); err != nil {
		t.Fatal(err)
	}
	es, err := d.Range(t.Context(), "a/", "", 10)
	t.Log(es, err)
	if err := d.Put(t.Context(), eventstore.Change{Key: "a/1", Revision: 2}); !eventstore.IsStale(err) {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), eventstore.Change{Key: "a/1", Revision: 1}); err != nil {
		t.Fatal(err)
	}
}
