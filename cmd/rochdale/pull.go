package main

import (
	"context"

	"rochdale/adapters/pull"
	"rochdale/eventstore"
)

// pulled keeps beside the log what a tool that comes by is to bring about, and what it
// has reported.
type pulled struct{ eventstore.KV }

var _ pull.Store = pulled{}

// Get is that of [pull.Store].
func (p pulled) Get(ctx context.Context, key string) ([]byte, int64, error) {
	entries, err := p.KV.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return entries[0].Value, entries[0].Revision, nil
}

// Put is that of [pull.Store].
func (p pulled) Put(ctx context.Context, key string, value []byte, revision int64) (bool, error) {
	err := p.KV.Put(ctx, eventstore.Change{Key: key, Value: value, Revision: revision})
	if eventstore.IsStale(err) {
		return false, nil
	}
	return err == nil, err
}

// Range is that of [pull.Store].
func (p pulled) Range(ctx context.Context, prefix, after string, limit int) (keys []string, values [][]byte, err error) {
	entries, err := p.KV.Range(ctx, prefix, after, limit)
	for _, e := range entries {
		keys, values = append(keys, e.Key), append(values, e.Value)
	}
	return keys, values, err
}
