package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/offering"
	"rochdale/eventstore"
	"rochdale/processes/access"
)

var readyMeasures = []measure{
	{name: "account ready idle", unit: "subscriptions", begin: beginReady(0)},
	{name: "account ready loaded", unit: "subscriptions", begin: beginReady(askers)},
}

// beginReady has members subscribe through HTTP, one after another, and takes how long
// it is from the answer until the log says of mailbox and folder that they were seen
// on their targets: the tables of mail in SQLite, and a folder. Meanwhile so many
// clients vote, and a quarter as many read pages of 50 members, each [thinking] before
// the next: for what does all it can, there is no time within which it is done.
func beginReady(load int) func(context.Context, *bench) (*trial, error) {
	return func(ctx context.Context, b *bench) (_ *trial, err error) {
		r := &readiness{coop: new(coop), load: load, ready: map[string]chan time.Time{}}
		if r.dir, err = b.dir(); err != nil {
			return nil, err
		}
		var open func() (eventstore.Driver, error)
		if r.log, open, _, err = onSQLite(ctx, b); err != nil {
			return nil, err
		}
		d, err := open()
		if err != nil {
			return nil, err
		}
		if err := r.found(ctx, b, d, electorate, ballots, 0, true); err != nil {
			return nil, err
		}
		if d, err = open(); err != nil {
			return nil, err
		}
		if err := r.offer(ctx, d); err != nil {
			return nil, err
		}
		if r.server, err = b.serve(ctx, r.coop); err != nil {
			return nil, err
		}
		following, stop := context.WithCancel(ctx)
		end := func() {
			stop()
			r.server.stop()
		}
		if err := errors.Join(await(ctx, r.server.address), r.server.rest(ctx), r.follow(following)); err != nil {
			end()
			return nil, err
		}
		r.voters = newVoters(r.coop)
		finish := func(ctx context.Context, o *outcome) error {
			for _, s := range o.ours {
				r.times = append(r.times, s.times...)
			}
			all := []sample{{times: r.times}}
			o.figure("from the answer until it is ready, p50", milliseconds(quantile(all, .50)), "ms", 100)
			o.figure("p99", milliseconds(quantile(all, .99)), "ms", 0)
			o.figure("subscriptions", float64(len(r.times)), "", 0)
			if r.load == 0 {
				return nil
			}
			o.figure("meanwhile votes", float64(r.accepted.Load())/r.took.Seconds(), "a second", 0)
			o.figure("pages", float64(r.read.Load())/r.took.Seconds(), "a second", 0)
			return r.check(ctx, r.server.address)
		}
		return &trial{ours: r.run, finish: finish, end: end}, nil
	}
}

// thinking is how long who loads the system waits between two requests.
const thinking = 20 * time.Millisecond

// A readiness is a co-op whose members subscribe.
type readiness struct {
	*coop
	*voters
	server   *server
	load     int
	pipeline string // a token that reads the feed
	next     int    // member to subscribe, in the order of who
	times    []time.Duration
	took     time.Duration
	read     atomic.Int64 // pages

	mu    sync.Mutex
	ready map[string]chan time.Time // by account
}

// offer publishes a price list, and makes a token for the feed.
func (r *readiness) offer(ctx context.Context, d eventstore.Driver) (err error) {
	store, err := r.open(ctx, d)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	defer func() { err = errors.Join(err, store.Log.Close()) }()
	list, err := offering.Preset("nubo")
	if err != nil {
		return err
	}
	today := calendar.Of(time.Now().UTC()).AddDays(-1)
	if _, err := eventstore.Execute(eventstore.As(ctx, "cli"), store, offering.Publish{Version: 1, On: today, From: today, List: list}); err != nil {
		return err
	}
	gate := access.Access{KV: store.Log.KV(), Now: time.Now}
	r.pipeline, _, err = gate.CreateToken(ctx, access.Token{Name: "bench", Roles: []domain.Role{domain.RolePipeline}, Scopes: []string{"events:read"}})
	return err
}

// at returns where it is told that an account was seen.
func (r *readiness) at(account string) chan time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready[account] == nil {
		r.ready[account] = make(chan time.Time, 1)
	}
	return r.ready[account]
}

// follow listens to the feed until ctx ends.
func (r *readiness) follow(ctx context.Context) error {
	head, err := ask(ctx, r.server.address, post("/graphql", "", map[string]any{"query": `{ position }`}))
	if err != nil {
		return err
	}
	var is struct{ Data struct{ Position int64 } }
	if err := json.Unmarshal(head, &is); err != nil {
		return err
	}
	query := fmt.Sprintf(`subscription { events(after: %d, types: ["provisioning.account_provisioned"]) { data } }`, is.Data.Position)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.server.address+"/graphql", bytes.NewReader(encoded(map[string]any{"query": query})))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+r.pipeline)
	answer, err := http.DefaultClient.Do(request) //nolint:bodyclose // who listens closes it
	if err != nil {
		return err
	}
	go func() {
		defer answer.Body.Close()
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			now := time.Now()
			data, is := strings.CutPrefix(lines.Text(), "data: ")
			var said struct {
				Data struct {
					Events struct{ Data struct{ Account string } }
				}
			}
			if is && json.Unmarshal([]byte(data), &said) == nil && said.Data.Events.Data.Account != "" {
				r.at(said.Data.Events.Data.Account) <- now
			}
		}
	}()
	return nil
}

// who are the members in the order in which they subscribe: those first of whose name
// there is no other, since another who has it gets a login with a number, after some
// that are taken.
func who(n int) int {
	const names, run = 143, 1000 // of [lastName], without and with some more letters
	return n/names%(electorate/run)*run + n%names + n/names/(electorate/run)*names
}

func (r *readiness) run(ctx context.Context, length time.Duration) (s sample, err error) {
	c, err := dial(ctx, r.server.address)
	if err != nil {
		return s, err
	}
	defer c.conn.Close() //nolint:errcheck // all that matters was said
	loaded, unload := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer unload()
	if r.load > 0 {
		page := r.query(`{ members(status: MEMBER, first: 50) { nodes `+memberFields+` } }`, nil)
		vote := func(client, n int) ([]byte, func([]byte) error) {
			request, take := r.voters.next(client, n)
			return request, func(body []byte) error {
				time.Sleep(thinking)
				return take(body)
			}
		}
		read := func(int, int) ([]byte, func([]byte) error) {
			return page, func([]byte) error {
				time.Sleep(thinking)
				r.read.Add(1)
				return nil
			}
		}
		for _, l := range []load{{r.server.address, r.load, vote}, {r.server.address, r.load / 4, read}} {
			others.Go(func() {
				if _, failed := l.run(loaded, r.server.pid(), time.Hour); failed != nil && loaded.Err() == nil {
					err = errors.Join(err, failed)
				}
			})
		}
	}
	began := time.Now()
	for ; time.Since(began) < length; r.next++ {
		body, err := c.do(post("/graphql", r.coop.voters[who(r.next)], map[string]any{"query": `mutation { subscribe(plan: "nubo", gb: 5) { id } }`}))
		if err != nil {
			return s, err
		}
		at := time.Now()
		var said struct {
			Data struct{ Subscribe struct{ ID string } }
		}
		if err := json.Unmarshal(body, &said); err != nil || said.Data.Subscribe.ID == "" {
			return s, wrongf("a subscription was answered by %.300s", body)
		}
		var seen []time.Time
		for _, service := range []string{"mail/", "storage/"} {
			select {
			case when := <-r.at(service + said.Data.Subscribe.ID):
				seen = append(seen, when)
			case <-time.After(time.Minute):
				return s, wrongf("the account of %s%s does not get ready within a minute", service, said.Data.Subscribe.ID)
			case <-ctx.Done():
				return s, context.Cause(ctx)
			}
		}
		s.times = append(s.times, slices.MaxFunc(seen, time.Time.Compare).Sub(at))
	}
	s.ops, s.took = len(s.times), time.Since(began)
	r.took += s.took
	return s, nil
}
