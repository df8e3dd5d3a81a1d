package eventstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
)

func TestGroupCommit(t *testing.T) {
	conflict := eventstore.Conflict{Stream: "first", Actual: 1}
	for _, tt := range []struct {
		name         string
		meanwhile    map[domain.Stream]error // appends that come while the first is in flight
		transactions int64
	}{
		{"is one transaction", map[domain.Stream]error{"a": nil, "b": nil, "c": nil}, 2},
		{"answers a conflict alone", map[domain.Stream]error{"a": nil, "first": conflict, "c": nil}, 2},
		{"leaves a fault to whoever is at fault", map[domain.Stream]error{"a": nil, "poison": errPoison}, 4},
		{"goes without who has given up", map[domain.Stream]error{"a": nil, "hasty": context.DeadlineExceeded}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where seconds pass in no time
				driver := new(slow)
				log := eventstore.NewLog(driver)
				write := func(stream domain.Stream, patience time.Duration) error {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					_, err := log.Append(ctx, eventstore.StreamAppend{Stream: stream, Records: []eventstore.Record{{
						ID: uuid.Must(uuid.NewV7()), Actor: "ada", Encoded: domain.Encoded{Type: "x", Edition: 1, Data: []byte("{}")},
					}}})
					return err
				}
				go write("first", time.Hour)
				synctest.Wait()
				for stream, want := range tt.meanwhile {
					go func() {
						patience := time.Hour
						if stream == "hasty" {
							patience = time.Second / 2
						}
						if err := write(stream, patience); !errors.Is(err, want) {
							t.Errorf("%s: %v, want %v", stream, err, want)
						}
					}()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				for r := range log.Stream(t.Context(), "hasty", 0) {
					t.Errorf("given up, but written: %+v", r)
				}
				if n := driver.transactions.Load(); n != tt.transactions {
					t.Errorf("%d transactions, want %d", n, tt.transactions)
				}
			})
		})
	}
}
