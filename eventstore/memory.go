package eventstore

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"rochdale/domain"
)

// Memory is a [Driver] for tests. Its zero value is empty and ready.
type Memory struct {
	mu      sync.RWMutex
	records []Record // append-only: what is there stays as it is
	streams map[domain.Stream][]int64
	entries map[string]Entry
}

var _ Driver = (*Memory)(nil)

// Write is that of [Driver].
func (m *Memory) Write(ctx context.Context, units []Unit) ([]Result, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streams == nil {
		m.streams = map[domain.Stream][]int64{}
	}
	results := make([]Result, len(units))
	for i, u := range units {
		for _, a := range u {
			if actual := int64(len(m.streams[a.Stream])); actual != a.Version && results[i].Conflict == nil {
				results[i].Conflict = &Conflict{a.Stream, a.Version, actual}
			}
		}
		if results[i].Conflict != nil {
			continue
		}
		for _, a := range u {
			for _, r := range a.Records {
				r.Position, r.Data = int64(len(m.records))+1, bytes.Clone(r.Data)
				m.records, m.streams[a.Stream] = append(m.records, r), append(m.streams[a.Stream], r.Position)
			}
		}
		results[i].Position = int64(len(m.records))
	}
	return results, nil
}

// Stream is that of [Driver].
func (m *Memory) Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		m.mu.RLock()
		positions := m.streams[stream]
		positions, records := positions[min(after, int64(len(positions))):], m.records
		m.mu.RUnlock()
		for _, p := range positions {
			if ctx.Err() != nil {
				yield(Record{}, context.Cause(ctx))
				return
			}
			if !yield(records[p-1], nil) {
				return
			}
		}
	}
}

// Streams is that of [Driver].
func (m *Memory) Streams(ctx context.Context, wanted ...StreamAfter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, w := range wanted {
			for rec, err := range m.Stream(ctx, w.Stream, w.Version) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

// All is that of [Driver].
func (m *Memory) All(ctx context.Context, after int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		m.mu.RLock()
		records := m.records[min(after, int64(len(m.records))):]
		m.mu.RUnlock()
		for _, r := range records {
			if ctx.Err() != nil {
				yield(Record{}, context.Cause(ctx))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Head is that of [Driver].
func (m *Memory) Head(context.Context) (int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return int64(len(m.records)), nil
}

// Changed is that of [Driver]. No other process can write, but another [Log] of
// this one may.
func (m *Memory) Changed(ctx context.Context) error {
	rest(ctx)
	return context.Cause(ctx)
}

// Close is that of [Driver].
func (m *Memory) Close() error { return nil }

// Get is that of [KV].
func (m *Memory) Get(_ context.Context, keys ...string) ([]Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	entries := make([]Entry, len(keys))
	for i, key := range keys {
		entries[i] = Entry{Key: key, Value: m.entries[key].Value, Revision: m.entries[key].Revision}
	}
	return entries, nil
}

// Put is that of [KV].
func (m *Memory) Put(ctx context.Context, changes ...Change) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		if m.entries[c.Key].Revision != c.Revision {
			return Stale{c.Key}
		}
	}
	if m.entries == nil {
		m.entries = map[string]Entry{}
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(m.entries, c.Key)
			continue
		}
		m.entries[c.Key] = Entry{c.Key, bytes.Clone(c.Value), c.Next()}
	}
	return nil
}

// Range is that of [KV].
func (m *Memory) Range(_ context.Context, prefix, after string, limit int) (entries []Entry, _ error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for key, e := range m.entries {
		if strings.HasPrefix(key, prefix) && key > after {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries[:min(limit, len(entries))], nil
}
