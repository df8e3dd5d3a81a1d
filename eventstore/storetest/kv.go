package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rochdale/eventstore"
)

func put(t *testing.T, kv eventstore.KV, changes ...eventstore.Change) {
	t.Helper()
	if err := kv.Put(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

// holds compares the entries under keys with lines of key, value and revision.
func holds(t *testing.T, kv eventstore.KV, keys []string, lines ...string) {
	t.Helper()
	entries, err := kv.Get(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(entries); !slices.Equal(got, lines) {
		t.Errorf("\n got %q\nwant %q", got, lines)
	}
}

func shown(entries []eventstore.Entry) (lines []string) {
	for _, e := range entries {
		value := string(e.Value)
		if e.Value == nil {
			value = "-"
		}
		lines = append(lines, fmt.Sprint(e.Key, " ", value, " ", e.Revision))
	}
	return lines
}

func testEntries(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	holds(t, kv, nil)
	holds(t, kv, []string{"a"}, "a - 0")
	put(t, kv, eventstore.Change{Key: "b", Value: []byte("1")}, eventstore.Change{Key: "a", Value: []byte{}})
	holds(t, kv, []string{"a", "none", "b", "a"}, "a  1", "none - 0", "b 1 1", "a  1")
	put(t, kv, eventstore.Change{Key: "b", Value: []byte("2"), Revision: 1})
	put(t, kv, eventstore.Change{Key: "b", Value: []byte("2"), Revision: 2})
	holds(t, open(), []string{"b"}, "b 2 3")
	put(t, kv, eventstore.Change{Key: "b", Revision: 3})
	holds(t, kv, []string{"b"}, "b - 0")
	put(t, kv, eventstore.Change{Key: "b", Value: []byte("3")})
	holds(t, kv, []string{"b"}, "b 3 1")

	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	large := bytes.Repeat(all, 1024)
	put(t, kv, eventstore.Change{Key: "ключ '\\%_ 🔑", Value: large})
	entries, err := kv.Get(t.Context(), "ключ '\\%_ 🔑")
	if err != nil || !bytes.Equal(entries[0].Value, large) {
		t.Errorf("of %d bytes %d are there, or not the same: %v", len(large), len(entries[0].Value), err)
	}
	want(t, open()) // the log is another thing

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := kv.Put(ctx, eventstore.Change{Key: "late", Value: all}); !errors.Is(err, context.Canceled) {
		t.Errorf("put with %v", err)
	}
	holds(t, kv, []string{"late"}, "late - 0")
}

func testStale(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	put(t, kv, eventstore.Change{Key: "a", Value: []byte("1")})
	for _, change := range []eventstore.Change{
		{Key: "a", Value: []byte("x")},
		{Key: "a", Value: []byte("x"), Revision: 2},
		{Key: "a"},
		{Key: "a", Revision: 2},
		{Key: "none", Value: []byte("x"), Revision: 1},
		{Key: "none", Revision: 1},
	} {
		err := kv.Put(t.Context(), change)
		if !eventstore.IsStale(err) || !errors.Is(err, eventstore.Stale{Key: change.Key}) {
			t.Errorf("%+v: %v", change, err)
		}
	}
	holds(t, kv, []string{"a", "none"}, "a 1 1", "none - 0")
}

func testAllOrNone(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	put(t, kv, eventstore.Change{Key: "a", Value: []byte("1")}, eventstore.Change{Key: "b", Value: []byte("1")})
	err := kv.Put(t.Context(),
		eventstore.Change{Key: "a", Value: []byte("2"), Revision: 1}, eventstore.Change{Key: "c", Value: []byte("2")},
		eventstore.Change{Key: "d", Value: []byte("2"), Revision: 7}, eventstore.Change{Key: "b", Revision: 1})
	if !errors.Is(err, eventstore.Stale{Key: "d"}) {
		t.Errorf("changed with %v", err)
	}
	holds(t, kv, []string{"a", "b", "c", "d"}, "a 1 1", "b 1 1", "c - 0", "d - 0")
	put(t, kv, eventstore.Change{Key: "a", Value: []byte("2"), Revision: 1}, eventstore.Change{Key: "c", Value: []byte("2")},
		eventstore.Change{Key: "b", Revision: 1})
	holds(t, kv, []string{"a", "b", "c"}, "a 2 2", "b - 0", "c 2 1")
}

func testRange(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	keys := []string{"p/%", "p/%25", "p/A", "p/Z", "p/_", "p/a", "p/a/b", "p/aa", "p/b", "p/é", "p/ê", "p/￿", "p/😀"} // in the order of their bytes
	for i := len(keys) - 1; i >= 0; i-- {
		put(t, kv, eventstore.Change{Key: keys[i], Value: []byte{'v'}})
	}
	put(t, kv, eventstore.Change{Key: "p", Value: []byte{'v'}}, eventstore.Change{Key: "p0", Value: []byte{'v'}},
		eventstore.Change{Key: "o/z", Value: []byte{'v'}}, eventstore.Change{Key: "q/a", Value: []byte{'v'}})
	for _, tt := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"p/", "", 100, keys},
		{"p/", "", 3, keys[:3]},
		{"p/", "p/Z", 100, keys[4:]},
		{"p/", "p/Za", 2, keys[4:6]},
		{"p/", "p/😀", 100, nil},
		{"p/", "o", 1, keys[:1]},
		{"p/", "q", 100, nil},
		{"p/%", "", 100, keys[:2]},
		{"p/_", "", 100, []string{"p/_"}},
		{"p/a", "", 100, []string{"p/a", "p/a/b", "p/aa"}},
		{"none", "", 100, nil},
		{"", "p/ê", 100, []string{"p/￿", "p/😀", "p0", "q/a"}},
		{"", "", 2, []string{"o/z", "p"}},
	} {
		entries, err := kv.Range(t.Context(), tt.prefix, tt.after, tt.limit)
		var got []string
		for _, e := range entries {
			got = append(got, e.Key)
			if string(e.Value) != "v" || e.Revision != 1 {
				t.Errorf("%s is %q of revision %d", e.Key, e.Value, e.Revision)
			}
		}
		if !slices.Equal(got, tt.want) || err != nil {
			t.Errorf("at most %d of %q after %q:\n got %q, %v\nwant %q", tt.limit, tt.prefix, tt.after, got, err, tt.want)
		}
	}

	var many []eventstore.Change
	for i := range 1201 {
		many = append(many, eventstore.Change{Key: fmt.Sprintf("many/%04d", i), Value: []byte(strconv.Itoa(i))})
	}
	put(t, kv, many...)
	n := 0
	for e, err := range eventstore.Entries(t.Context(), kv, "many/") {
		if err != nil || string(e.Value) != strconv.Itoa(n) {
			t.Fatalf("entry %d is %s, %q, %v", n, e.Key, e.Value, err)
		}
		n++
	}
	if n != len(many) {
		t.Errorf("%d entries, want %d", n, len(many))
	}
}

func testCounter(t *testing.T, open func() eventstore.Driver) {
	const writers, each = 8, 15
	nodes := []eventstore.KV{open(), open()}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range each {
				err := eventstore.Update(t.Context(), nodes[w%2], "count", func(e eventstore.Entry) ([]byte, error) {
					n, _ := strconv.Atoi(string(e.Value))
					return []byte(strconv.Itoa(n + 1)), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	n := strconv.Itoa(writers * each)
	holds(t, nodes[0], []string{"count"}, strings.Join([]string{"count", n, n}, " "))
}
