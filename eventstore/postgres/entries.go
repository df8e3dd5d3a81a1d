package postgres

import (
	"bytes"
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"rochdale/eventstore"
)

const entryColumns = `key, value, revision`

var (
	getEntries = query("get", `select `+entryColumns+` from rochdale_log.entry where key = any ($1)`)
	putEntries = call("put", `rochdale_log.put($1, $2, $3, $4)`)
	rangeFrom  = query("range", `select `+entryColumns+` from rochdale_log.entry where key > $1 and key >= $2 order by key limit $3`)
	rangeTo    = query("range_to", `select `+entryColumns+` from rochdale_log.entry where key > $1 and key >= $2 and key < $4 order by key limit $3`)
)

func readEntry(c [][]byte) eventstore.Entry {
	return eventstore.Entry{Key: string(c[0]), Value: append([]byte{}, c[1]...), Revision: readInt64(c[2])} // not nil, which is nothing
}

// Get is that of [eventstore.KV].
func (d *Driver) Get(ctx context.Context, keys ...string) ([]eventstore.Entry, error) {
	entries := make([]eventstore.Entry, len(keys))
	wanted := newArray(textType, len(keys), 0)
	for i, key := range keys {
		if entries[i].Key = key; utf8.ValidString(key) && !strings.Contains(key, "\x00") { // or it can be the key of none
			wanted.text(key)
		}
	}
	found := make(map[string]eventstore.Entry, len(keys))
	err := d.run(ctx, d.pool, true, getEntries, [][]byte{wanted.value()}, func(columns [][]byte) bool {
		e := readEntry(columns)
		found[e.Key] = e
		return true
	})
	for i, key := range keys {
		if e, is := found[key]; is {
			e.Value = bytes.Clone(e.Value) // lest one key given twice has two share it
			entries[i] = e
		}
	}
	return entries, d.explain(err)
}

// Range is that of [eventstore.KV].
func (d *Driver) Range(ctx context.Context, prefix, after string, limit int) (entries []eventstore.Entry, err error) {
	st, args := rangeFrom, [][]byte{[]byte(after), []byte(prefix), int64Value(int64(limit))}
	if end := endOf(prefix); end != "" {
		st, args = rangeTo, append(args, []byte(end))
	}
	err = d.run(ctx, d.pool, true, st, args, func(columns [][]byte) bool {
		entries = append(entries, readEntry(columns))
		return true
	})
	return entries, d.explain(err)
}

// endOf returns the first key after all that begin with a prefix, or "" if there
// is none. UTF-8 is in the order of its characters.
func endOf(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		if last == 0xD7FF { // after which come the surrogates, which are no characters
			last = 0xDFFF
		}
		if last < unicode.MaxRune {
			return prefix + string(last+1)
		}
	}
	return ""
}

// Put is that of [eventstore.KV].
func (d *Driver) Put(ctx context.Context, changes ...eventstore.Change) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	keyBytes, valueBytes := 0, 0
	for _, c := range changes {
		keyBytes, valueBytes = keyBytes+len(c.Key), valueBytes+len(c.Value)
	}
	keys, values := newArray(textType, len(changes), keyBytes), newArray(byteaType, len(changes), valueBytes)
	revisions, next := newArray(int8Type, len(changes), 8*len(changes)), newArray(int8Type, len(changes), 8*len(changes))
	for _, c := range changes {
		keys.text(c.Key)
		values.raw(c.Value)
		revisions.int64(c.Revision)
		next.int64(c.Next())
	}
	var stale error
	err := d.run(ctx, d.pool, false, putEntries, [][]byte{keys.value(), values.value(), revisions.value(), next.value()}, func(columns [][]byte) bool {
		if key := columns[len(columns)-1]; key != nil {
			stale = eventstore.Stale{Key: string(key)}
		}
		return true
	})
	if err != nil {
		return d.explain(err)
	}
	return stale
}
