package eventstore_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/eventstore"
)

// TestNext holds that Next yields what All does, whoever writes and however much.
func TestNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		driver := new(eventstore.Memory)
		logs := []*eventstore.Log{eventstore.NewLog(driver), eventstore.NewLog(driver)} // of two processes
		for _, log := range logs {                                                      // since then somebody follows
			for range log.Next(t.Context(), 0) {
				t.Fatal("an empty log has records")
			}
		}
		versions := map[domain.Stream]int64{}
		size := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 900_000}).Draw(t, "size")
		data := fmt.Appendf(nil, `"%s"`, bytes.Repeat([]byte("x"), size))
		write := func(log *eventstore.Log, wrong bool) {
			var unit eventstore.Unit
			for _, stream := range []domain.Stream{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "streams")] {
				a := eventstore.StreamAppend{Stream: stream, Version: versions[stream], Records: make([]eventstore.Record, rapid.IntRange(0, 3).Draw(t, "records"))}
				for i := range a.Records {
					a.Records[i] = eventstore.Record{ID: uuid.Must(uuid.NewV7()), Actor: "ada", Encoded: domain.Encoded{Type: "x", Edition: 1, Data: data}}
				}
				if wrong {
					a.Version++
				}
				unit = append(unit, a)
			}
			if _, err := log.Append(t.Context(), unit...); (err != nil) != wrong {
				t.Fatalf("append: %v", err)
			} else if err != nil {
				return
			}
			for _, a := range unit {
				versions[a.Stream] += int64(len(a.Records))
			}
		}
		for range rapid.IntRange(1, 20).Draw(t, "appends") {
			write(logs[min(rapid.IntRange(0, 9).Draw(t, "process")/7, 1)], rapid.IntRange(0, 9).Draw(t, "conflict") == 0)
		}
		for _, log := range logs {
			head, err := log.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for after := range head + 2 {
				want := head - after
				for r, err := range log.Next(t.Context(), after) {
					want--
					if err != nil || r.Position != head-want {
						t.Fatalf("after %d of %d: %d, %v", after, head, r.Position, err)
					}
					for same := range log.All(t.Context(), r.Position-1) {
						if same.ID != r.ID || same.Stream != r.Stream || same.Version != r.Version || !bytes.Equal(same.Data, r.Data) {
							t.Fatalf("at %d: %+v, and All has %+v", r.Position, r, same)
						}
						break
					}
				}
				if want > 0 {
					t.Fatalf("after %d of %d: %d are missing", after, head, want)
				}
			}
		}
	})
}
