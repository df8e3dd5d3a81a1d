package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"rochdale/eventstore"
)

// put makes changes, and returns the revisions at which the entries must be then.
func put(t *testing.T, kv eventstore.KV, changes ...eventstore.Change) (revisions []int64) {
	t.Helper()
	for i := range changes {
		revisions = append(revisions, changes[i].Next())
	}
	if err := kv.Put(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
	return revisions
}

// holds compares the entries under keys with lines of key, value and revision.
func holds(t *testing.T, kv eventstore.KV, keys []string, lines ...string) {
	t.Helper()
	entries, err := kv.Get(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		value := string(e.Value)
		if e.Value == nil {
			value = "-"
		}
		got = append(got, line(e.Key, value, e.Revision))
	}
	if !slices.Equal(got, lines) {
		t.Errorf("\n got %q\nwant %q", got, lines)
	}
}

func line(key, value string, revision int64) string {
	return fmt.Sprint(key, " ", value, " ", revision)
}

func testEntries(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	holds(t, kv, nil)
	holds(t, kv, []string{"a"}, "a - 0")
	holds(t, kv, []string{"\x00", "\xff"}, "\x00 - 0", "\xff - 0") // which strangers may ask for
	at := put(t, kv, eventstore.Change{Key: "b", Value: []byte("1")}, eventstore.Change{Key: "a", Value: []byte{}})
	b, a := at[0], at[1]
	holds(t, kv, []string{"a", "none", "b", "a"}, line("a", "", a), "none - 0", line("b", "1", b), line("a", "", a))
	put(t, kv, eventstore.Change{Key: "b", Value: []byte("2"), Revision: b})
	put(t, kv, eventstore.Change{Key: "b", Value: []byte("2"), Revision: b + 1})
	holds(t, open(), []string{"b"}, line("b", "2", b+2))
	put(t, kv, eventstore.Change{Key: "b", Revision: b + 2})
	holds(t, kv, []string{"b"}, "b - 0")
	b = put(t, kv, eventstore.Change{Key: "b", Value: []byte("3")})[0]
	holds(t, kv, []string{"b"}, line("b", "3", b))

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
	a := put(t, kv, eventstore.Change{Key: "a", Value: []byte("1")})[0]
	for _, change := range []eventstore.Change{
		{Key: "a", Value: []byte("x")},
		{Key: "a", Value: []byte("x"), Revision: a + 1},
		{Key: "a"},
		{Key: "a", Revision: a + 1},
		{Key: "none", Value: []byte("x"), Revision: a},
		{Key: "none", Revision: a},
	} {
		stale(t, kv, change)
	}
	holds(t, kv, []string{"a", "none"}, line("a", "1", a), "none - 0")
}

func stale(t *testing.T, kv eventstore.KV, change eventstore.Change) {
	t.Helper()
	if err := kv.Put(t.Context(), change); !eventstore.IsStale(err) || !errors.Is(err, eventstore.Stale{Key: change.Key}) {
		t.Errorf("%+v: %v", change, err)
	}
}

// testLives has entries deleted and made anew, by one node and another: what was made of
// an earlier one changes nothing. Keys are kept in a way of their own.
func testLives(t *testing.T, open func() eventstore.Driver) {
	nodes := []eventstore.KV{open(), open()}
	for _, key := range []string{"a", "key/a"} {
		var before []int64
		for life := range 8 {
			kv := nodes[life%2]
			now := put(t, kv, eventstore.Change{Key: key, Value: []byte("new")})[0]
			lived := []int64{now, now + 1, now + 2}
			for i, r := range lived {
				if slices.Contains(before, r) {
					t.Errorf("%s is at revision %d again, as in a life before", key, r)
				}
				for _, old := range before {
					stale(t, nodes[i%2], eventstore.Change{Key: key, Value: []byte("old"), Revision: old})
					stale(t, nodes[i%2], eventstore.Change{Key: key, Revision: old})
				}
				holds(t, nodes[i%2], []string{key}, line(key, "new", r))
				if i < 2 {
					put(t, kv, eventstore.Change{Key: key, Value: []byte("new"), Revision: r})
				}
			}
			put(t, kv, eventstore.Change{Key: key, Revision: now + 2})
			before = append(before, lived...)
		}
	}

	// One that was tried in vain is the same when it is tried again.
	made := put(t, nodes[0], eventstore.Change{Key: "b", Value: []byte("1")})[0]
	again := eventstore.Change{Key: "b", Value: []byte("2")}
	next := again.Next()
	stale(t, nodes[1], again)
	put(t, nodes[0], eventstore.Change{Key: "b", Revision: made})
	if got := put(t, nodes[1], again)[0]; got != next || next == made {
		t.Errorf("the first was at revision %d, the next at %d after %d", made, got, next)
	}
	holds(t, open(), []string{"b"}, line("b", "2", next))
}

func testAllOrNone(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	at := put(t, kv, eventstore.Change{Key: "a", Value: []byte("1")}, eventstore.Change{Key: "b", Value: []byte("1")})
	a, b := at[0], at[1]
	err := kv.Put(t.Context(),
		eventstore.Change{Key: "a", Value: []byte("2"), Revision: a}, eventstore.Change{Key: "c", Value: []byte("2")},
		eventstore.Change{Key: "d", Value: []byte("2"), Revision: 7}, eventstore.Change{Key: "b", Revision: b})
	if !errors.Is(err, eventstore.Stale{Key: "d"}) {
		t.Errorf("changed with %v", err)
	}
	holds(t, kv, []string{"a", "b", "c", "d"}, line("a", "1", a), line("b", "1", b), "c - 0", "d - 0")
	at = put(t, kv, eventstore.Change{Key: "a", Value: []byte("2"), Revision: a}, eventstore.Change{Key: "c", Value: []byte("2")},
		eventstore.Change{Key: "b", Revision: b})
	holds(t, kv, []string{"a", "b", "c"}, line("a", "2", a+1), "b - 0", line("c", "2", at[1]))
}

func testRange(t *testing.T, open func() eventstore.Driver) {
	kv := eventstore.KV(open())
	keys := []string{"p/%", "p/%25", "p/A", "p/Z", "p/_", "p/a", "p/a/b", "p/aa", "p/b", "p/é", "p/ê", "p/￿", "p/😀"} // in the order of their bytes
	at := map[string]int64{}
	made := append(slices.Clone(keys), "p", "p0", "o/z", "q/a")
	for _, key := range slices.Backward(made) {
		at[key] = put(t, kv, eventstore.Change{Key: key, Value: []byte{'v'}})[0]
	}
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
			if string(e.Value) != "v" || e.Revision != at[e.Key] {
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
	entries, err := nodes[0].Get(t.Context(), "count")
	if err != nil || string(entries[0].Value) != strconv.Itoa(writers*each) {
		t.Errorf("%q was counted, %v", entries[0].Value, err)
	}
}
