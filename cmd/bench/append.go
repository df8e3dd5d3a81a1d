package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/eventstore"
)

// payload is the data of a typical event: 235 bytes, as in the research on which the
// targets rest.
var payload = fmt.Appendf(nil, `{"poll":"01976f3e-1d2c-7000-8000-0000000000b1","assembly":"01976f3e-1d2c-7000-8000-0000000000a1","party":"01976f3e-1d2c-7000-8000-00000000000b","choice":"for","votes":1,"note":"%039d"}`, 7)

const (
	eventType = "assembly.vote_cast"
	actor     = "01976f3e-1d2c-7000-8000-00000000000b"
)

// one returns an event that is yet to be appended.
func one() eventstore.Record {
	id := uuid.Must(uuid.NewV7())
	return eventstore.Record{
		ID: id, RecordedAt: time.Now().UTC().Truncate(time.Microsecond), Actor: actor, Correlation: id,
		Encoded: domain.Encoded{Type: eventType, Edition: 1, Data: payload},
	}
}

// An appending is a log that some append to at once, each to streams of their own in
// turn.
type appending struct {
	log     *eventstore.Log
	driver  *counted
	writers int
	streams []growing
}

// growing is a stream with its version.
type growing struct {
	domain.Stream
	version int64
}

// newAppending returns one with so many streams for each writer, which have names like
// those of voters.
func newAppending(d eventstore.Driver, writers, each int) *appending {
	c := &counted{Driver: d}
	a := &appending{log: eventstore.NewLog(c), driver: c, writers: writers, streams: make([]growing, writers*each)}
	name := uuid.NewString()
	for i := range a.streams {
		a.streams[i].Stream = domain.StreamOf("voter", name, uuid.Must(uuid.NewV7()).String())
	}
	return a
}

// run appends units of so many events until the time is over, and one of each writer at least.
func (a *appending) run(ctx context.Context, events int, length time.Duration) (sample, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	times := make([][]time.Duration, a.writers)
	var wg sync.WaitGroup
	began := time.Now()
	for w := range a.writers {
		wg.Go(func() {
			for at, n := began, w; at.Sub(began) < length; n += a.writers {
				s := &a.streams[n%len(a.streams)]
				records := make([]eventstore.Record, events)
				for i := range records {
					records[i] = one()
				}
				unit := eventstore.StreamAppend{Stream: s.Stream, Version: s.version, Records: records}
				if _, err := a.log.Append(ctx, unit); err != nil {
					stop(err)
					return
				}
				s.version += int64(events)
				now := time.Now()
				times[w] = append(times[w], now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	s := sample{took: time.Since(began), times: slices.Concat(times...)}
	s.ops = len(s.times) * events
	return s, context.Cause(ctx)
}

// check reads what was acknowledged.
func (a *appending) check(ctx context.Context) error {
	var total int64
	for _, s := range a.streams {
		total += s.version
		var last int64
		for rec, err := range a.log.Stream(ctx, s.Stream, max(s.version-10, 0)) {
			if err != nil {
				return err
			}
			if string(rec.Data) != string(payload) {
				return wrongf("%s, version %d: other data than was appended", rec.Stream, rec.Version)
			}
			last = rec.Version
		}
		if last != s.version {
			return wrongf("%s is at version %d, and was appended to up to %d", s.Stream, last, s.version)
		}
	}
	head, err := a.log.Head(ctx)
	if err == nil && head != total {
		err = wrongf("the log is at position %d, and %d events were appended", head, total)
	}
	return err
}

// counted counts the transactions of a driver.
type counted struct {
	eventstore.Driver
	writes atomic.Int64
}

// Write is that of [eventstore.Driver].
func (c *counted) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	c.writes.Add(1)
	return c.Driver.Write(ctx, units)
}
