package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"time"
)

const handFloor = "a handler of net/http and encoding/json, written by hand for that, which reads the same rows of the same file"

var graphqlMeasures = []measure{
	{name: "graphql trivial field", unit: "answers", target: 0.7, floor: handFloor, begin: begin(positions)},
	{name: "graphql member", unit: "answers", target: 0.5, floor: handFloor, begin: begin(someMembers)},
	{name: "graphql page of 50", unit: "answers", target: 0.35, floor: handFloor, begin: begin(somePages)},
}

// An asked is one thing to ask both: what is asked of the floor has the same answer.
type asked struct {
	ours, floor         []byte // requests
	oursSays, floorSays []byte // answers, once they are known
}

// A front is a co-op with the two servers that answer for it.
type front struct {
	*coop
	ours, floor *server
}

// askers are the clients that ask at once.
const askers = 16

// front returns the servers, which go on while others are measured.
func (b *bench) front(ctx context.Context) (*front, error) {
	return once(b, "front", func() (*front, error) {
		c, err := b.big(ctx)
		if err != nil {
			return nil, err
		}
		f := &front{coop: c}
		b.progress("fill the read models and start the servers")
		if f.ours, err = b.serve(ctx, c); err != nil {
			return nil, err
		}
		b.Cleanup(f.ours.stop)
		if err := await(ctx, f.ours.address); err != nil {
			return nil, err
		}
		b.progress("let the server rest")
		if err := f.ours.rest(ctx); err != nil {
			return nil, err
		}
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		f.floor, err = start(exec.Command(self, floorVerb, c.views()), func(line []byte) string { return string(line) }) //nolint:gosec // G204: the program is this one
		if err != nil {
			return nil, err
		}
		b.Cleanup(f.floor.stop)
		return f, nil
	})
}

func begin(questions func(context.Context, *front) ([]asked, error)) func(context.Context, *bench) (*trial, error) {
	return func(ctx context.Context, b *bench) (*trial, error) {
		f, err := b.front(ctx)
		if err != nil {
			return nil, err
		}
		all, err := questions(ctx, f)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if err := all[i].settle(ctx, f); err != nil {
				return nil, err
			}
		}
		side := func(s *server, of func(*asked) (request, says []byte)) runner {
			l := load{address: s.address, clients: askers, next: func(client, n int) ([]byte, func([]byte) error) {
				request, says := of(&all[(client*len(all)/askers+n)%len(all)])
				return request, exactly(says)
			}}
			return func(ctx context.Context, length time.Duration) (sample, error) { return l.run(ctx, s.pid(), length) }
		}
		return &trial{
			ours:   side(f.ours, func(a *asked) (request, says []byte) { return a.ours, a.oursSays }),
			floors: []runner{side(f.floor, func(a *asked) (request, says []byte) { return a.floor, a.floorSays })},
			finish: func(_ context.Context, o *outcome) error {
				o.latencies()
				o.processor()
				return nil
			},
		}, nil
	}
}

// settle asks both once, and compares what they say.
func (a *asked) settle(ctx context.Context, f *front) error {
	var values [2]any
	for i, side := range []struct {
		*server
		request []byte
		says    *[]byte
	}{{f.ours, a.ours, &a.oursSays}, {f.floor, a.floor, &a.floorSays}} {
		body, err := ask(ctx, side.address, side.request)
		if err != nil {
			return err
		}
		*side.says = body
		if err := json.Unmarshal(body, &values[i]); err != nil {
			return wrongf("%w: %.200s", err, body)
		}
	}
	if !reflect.DeepEqual(values[0], values[1]) {
		return wrongf("GraphQL says %.400s, and the floor %.400s", a.oursSays, a.floorSays)
	}
	return nil
}

func (c *coop) query(text string, variables map[string]any) []byte {
	return post("/graphql", c.treasurer, map[string]any{"query": text, "variables": variables})
}

func positions(_ context.Context, f *front) ([]asked, error) {
	// Anybody may ask for it, so that no token is looked up.
	ours := post("/graphql", "", map[string]any{"query": `{ position }`})
	return []asked{{ours: ours, floor: post("/position", "", struct{}{})}}, nil
}

const memberFields = `{ id number name language admittedOn email holdings { class quantity paid } }`

// distinct is how many different things are asked for, so that not one answer alone
// is at hand.
const distinct = 400

func someMembers(_ context.Context, f *front) (all []asked, err error) {
	for i := range distinct {
		id := f.members[i*len(f.members)/distinct]
		all = append(all, asked{
			ours:  f.query(`query($id: ID!) { member(id: $id) `+memberFields+` }`, map[string]any{"id": id}),
			floor: post("/member", "", memberWanted{ID: string(id)}),
		})
	}
	return all, nil
}

func somePages(ctx context.Context, f *front) (all []asked, err error) {
	const query = `query($after: String) { members(status: MEMBER, first: 50, after: $after) { nodes ` + memberFields + ` pageInfo { hasNextPage } } }`
	const last = `query($after: String) { members(status: MEMBER, first: 50, after: $after) { nodes { number } pageInfo { hasNextPage endCursor } } }`
	var cursor any // none
	for number := 0; len(all) < distinct/10; {
		all = append(all, asked{
			ours:  f.query(query, map[string]any{"after": cursor}),
			floor: post("/members", "", pageWanted{After: number, First: 50}),
		})
		body, err := ask(ctx, f.ours.address, f.query(last, map[string]any{"after": cursor}))
		if err != nil {
			return nil, err
		}
		var said struct {
			Data struct {
				Members struct {
					Nodes    []struct{ Number int }
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		if err := json.Unmarshal(body, &said); err != nil {
			return nil, err
		}
		members := said.Data.Members
		if len(members.Nodes) == 0 {
			return nil, wrongf("a page without members: %.200s", body)
		}
		if !members.PageInfo.HasNextPage {
			break
		}
		cursor, number = members.PageInfo.EndCursor, members.Nodes[len(members.Nodes)-1].Number
	}
	return all, nil
}
