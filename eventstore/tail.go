package eventstore

import (
	"context"
	"iter"
	"sync"
)

// tail is the end of the log, as far as this process has written it: those who follow
// the log want it at once, and need not all read it from the database.
type tail struct {
	kept    sync.Mutex
	records []Record // one after another, without a gap
	bytes   int
}

// maxTail is about how many bytes of records are kept.
const maxTail = 4 << 20

// add adds the records of a unit whose last one has a position.
func (t *tail) add(u Unit, last int64) {
	var records []Record
	for _, a := range u {
		records = append(records, a.Records...)
	}
	if len(records) == 0 {
		return
	}
	first := last - int64(len(records)) + 1
	t.kept.Lock()
	defer t.kept.Unlock()
	if n := len(t.records); n > 0 && t.records[n-1].Position+1 != first { // another process wrote between
		t.records, t.bytes = nil, 0
	}
	for i := range records {
		records[i].Position = first + int64(i)
		t.bytes += sizeOf(&records[i])
	}
	t.records = append(t.records, records...)
	if t.bytes > 2*maxTail {
		drop := 0
		for ; t.bytes > maxTail; drop++ {
			t.bytes -= sizeOf(&t.records[drop])
		}
		t.records = append([]Record(nil), t.records[drop:]...) // those who read go on with what they have
	}
}

// sizeOf is about what a record takes in memory.
func sizeOf(r *Record) int { return 300 + len(r.Data) }

// after returns the records after a position, if all of them are here that this
// process knows of.
func (t *tail) after(position int64) []Record {
	t.kept.Lock()
	defer t.kept.Unlock()
	if len(t.records) == 0 {
		return nil
	}
	i := position + 1 - t.records[0].Position
	if i < 0 || i > int64(len(t.records)) {
		return nil
	}
	return t.records[i:len(t.records):len(t.records)]
}

// Next yields what [Log.All] does. Those who follow the log use it: what this process
// has written a moment ago is not read again.
func (l *Log) Next(ctx context.Context, after int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, r := range l.tail.after(after) {
			if ctx.Err() != nil {
				yield(Record{}, context.Cause(ctx))
				return
			}
			if !yield(r, nil) {
				return
			}
			after = r.Position
		}
		for r, err := range l.All(ctx, after) { // what other processes have written
			if !yield(r, err) {
				return
			}
		}
	}
}
