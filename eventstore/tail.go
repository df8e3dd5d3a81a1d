package eventstore

import (
	"context"
	"iter"
	"sort"
	"sync"
	"sync/atomic"
)

// tail is the end of the log, as far as this process has written it: those who follow
// the log want it at once, and need not all read it from the database.
type tail struct {
	wanted atomic.Bool // somebody follows
	kept   sync.Mutex
	groups [][]Record // one after another, without a gap
	bytes  int
}

// maxTail is about how many bytes of records are kept.
const maxTail = 1 << 20

// add keeps records that have just been written, one after another.
func (t *tail) add(written []Record) {
	for len(written) > 0 {
		n, bytes := 1, sizeOf(&written[0])
		for ; n < len(written) && written[n].Position == written[n-1].Position+1; n++ {
			bytes += sizeOf(&written[n])
		}
		t.addGroup(written[:n], bytes)
		written = written[n:]
	}
}

func (t *tail) addGroup(group []Record, bytes int) {
	t.kept.Lock()
	defer t.kept.Unlock()
	if n := len(t.groups); n > 0 && lastOf(t.groups[n-1])+1 != group[0].Position { // another process wrote between
		t.groups, t.bytes = nil, 0
	}
	t.groups, t.bytes = append(t.groups, group), t.bytes+bytes
	for t.bytes > maxTail && len(t.groups) > 1 {
		for i := range t.groups[0] {
			t.bytes -= sizeOf(&t.groups[0][i])
		}
		t.groups[0] = nil // those who read go on with what they have
		t.groups = t.groups[1:]
	}
}

func lastOf(group []Record) int64 { return group[len(group)-1].Position }

// sizeOf is about what a record takes in memory.
func sizeOf(r *Record) int { return 300 + len(r.Data) }

// after returns some records after a position, the next of the log, if they are here.
func (t *tail) after(position int64) []Record {
	t.kept.Lock()
	defer t.kept.Unlock()
	i := sort.Search(len(t.groups), func(i int) bool { return lastOf(t.groups[i]) > position })
	if i == len(t.groups) || t.groups[i][0].Position > position+1 {
		return nil
	}
	return t.groups[i][position+1-t.groups[i][0].Position:]
}

// Next yields what [Log.All] does. Those who follow the log use it: what this process
// has written a moment ago is not read again.
func (l *Log) Next(ctx context.Context, after int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l.tail.wanted.Store(true)
		for records := l.tail.after(after); len(records) > 0; records = l.tail.after(after) {
			for _, r := range records {
				if ctx.Err() != nil {
					yield(Record{}, context.Cause(ctx))
					return
				}
				if !yield(r, nil) {
					return
				}
				after = r.Position
			}
		}
		for r, err := range l.All(ctx, after) { // what other processes have written
			if !yield(r, err) {
				return
			}
		}
	}
}
