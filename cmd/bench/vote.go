package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/eventstore/sqlite"
)

const voteFloor = "the log alone, to which as many append one event each, to as many streams of voters"

var voteMeasures = []measure{
	{name: "castVote sqlite 256", unit: "votes", target: 0.35, floor: voteFloor, begin: beginVotes(onSQLite)},
	{name: "castVote postgres 256", unit: "votes", target: 0.35, floor: voteFloor, begin: beginVotes(onPostgres)},
}

// voters at once, and how many members they are in turn.
const (
	voting     = 256
	electorate = 8 * voting
	ballots    = 200 // polls, in each of which a member votes once
)

// A place is where logs are made: it returns a new one for --log, how to open it, and
// how to remove it.
type place func(ctx context.Context, b *bench) (log string, open func() (eventstore.Driver, error), remove func() error, err error)

func onSQLite(ctx context.Context, b *bench) (log string, open func() (eventstore.Driver, error), remove func() error, err error) {
	path, err := b.file("log.db")
	return "sqlite:" + path, func() (eventstore.Driver, error) { return sqlite.Open(ctx, path) }, func() error { return removeAll(path) }, err
}

func onPostgres(ctx context.Context, b *bench) (log string, open func() (eventstore.Driver, error), remove func() error, err error) {
	c, err := b.cluster()
	if err != nil {
		return "", nil, nil, err
	}
	database, err := fresh(b, c)
	url := c.URL(database)
	return url, func() (eventstore.Driver, error) { return postgres.Open(ctx, url) }, func() error { return drop(c, database) }, err
}

// beginVotes has members vote through HTTP, each by their token: the clients vote
// for eight of them in turn, so that nobody votes twice at once.
func beginVotes(on place) func(context.Context, *bench) (*trial, error) {
	return func(ctx context.Context, b *bench) (_ *trial, err error) {
		dir, err := b.dir()
		if err != nil {
			return nil, err
		}
		c := &coop{dir: dir}
		var open func() (eventstore.Driver, error)
		if c.log, open, _, err = on(ctx, b); err != nil {
			return nil, err
		}
		d, err := open()
		if err != nil {
			return nil, err
		}
		if err := c.found(ctx, b, d, electorate, ballots, 0, true); err != nil {
			return nil, err
		}
		s, err := b.serve(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(await(ctx, s.address), s.rest(ctx)); err != nil {
			s.stop()
			return nil, err
		}
		v := newVoters(c)
		clients := load{address: s.address, clients: voting, next: v.next}
		ours := func(ctx context.Context, length time.Duration) (sample, error) {
			return clients.run(ctx, s.pid(), length)
		}
		floor := func(ctx context.Context, length time.Duration) (out sample, err error) {
			_, open, remove, err := on(ctx, b)
			if err != nil {
				return out, err
			}
			d, err := open()
			if err != nil {
				return out, err
			}
			a := newAppending(d, voting, electorate/voting)
			if out, err = a.run(ctx, 1, length); err == nil {
				err = a.check(ctx)
			}
			return out, errors.Join(err, a.log.Close(), remove())
		}
		finish := func(ctx context.Context, o *outcome) error {
			o.latencies()
			o.processor()
			return v.check(ctx, s.address)
		}
		return &trial{ours: ours, floors: []runner{floor}, finish: finish, end: s.stop}, nil
	}
}

// voters are the members, on whose behalf clients vote.
type voters struct {
	*coop
	heads    [][]byte // of requests, by member
	bodies   [][]byte // by poll
	requests [][]byte // by client: the last
	cast     []int    // by client: how many votes so far
	accepted atomic.Int64
}

// newVoters writes ahead what can be, which is the browsers' work and not the server's.
func newVoters(c *coop) *voters {
	v := &voters{coop: c, requests: make([][]byte, voting), cast: make([]int, voting)}
	for _, poll := range c.polls {
		v.bodies = append(v.bodies, encoded(map[string]any{
			"query":     `mutation($poll: ID!, $choice: Choice!) { castVote(poll: $poll, choice: $choice) { position } }`,
			"variables": map[string]any{"poll": poll, "choice": "FOR"},
		}))
	}
	for _, token := range c.voters {
		v.heads = append(v.heads, head("/graphql", token, len(v.bodies[0]))) // ids are all of one length
	}
	return v
}

// next has a client's next member vote, in the first poll in which they have not.
func (v *voters) next(client, _ int) ([]byte, func([]byte) error) {
	n := v.cast[client]
	v.cast[client]++
	member, poll := client+voting*(n%(electorate/voting)), n/(electorate/voting)
	if poll == len(v.polls) {
		return nil, func([]byte) error {
			return errors.New("there are not enough polls for so fast a machine: take fewer rounds")
		}
	}
	v.requests[client] = append(append(v.requests[client][:0], v.heads[member]...), v.bodies[poll]...)
	return v.requests[client], func(body []byte) error {
		if !bytes.HasPrefix(body, []byte(`{"data":{"castVote":{"position":`)) {
			return wrongf("a vote was answered by %.300s", body)
		}
		v.accepted.Add(1)
		return nil
	}
}

// check compares the turnouts with how many votes were accepted.
func (v *voters) check(ctx context.Context, address string) error {
	body, err := ask(ctx, address, v.query(fmt.Sprintf(`{ assembly(id: %q) { polls { turnout { castVoters } } } }`, v.held), nil))
	if err != nil {
		return err
	}
	var said struct {
		Data struct {
			Assembly struct {
				Polls []struct{ Turnout struct{ CastVoters int64 } }
			}
		}
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	var total int64
	for _, p := range said.Data.Assembly.Polls {
		total += p.Turnout.CastVoters
	}
	if total != v.accepted.Load() {
		return wrongf("%d votes were accepted, and %d are counted: %.300s", v.accepted.Load(), total, body)
	}
	return nil
}
