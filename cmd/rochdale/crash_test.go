package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/internal/loopback"
	"rochdale/internal/pgtest"
	"rochdale/processes"
	"rochdale/processes/access"
)

// quiet is a terminal that nobody reads.
func quiet() *terminal {
	return &terminal{strings.NewReader(""), io.Discard, io.Discard, slog.New(slog.DiscardHandler), nil}
}

// dayOfCoop is what day it is where the co-ops of tests are.
func dayOfCoop(t *testing.T) calendar.Date {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	return calendar.Of(time.Now().In(zone))
}

// A settlement is a made-up co-op in a folder, with a token for each of its members.
type settlement struct {
	Globals
	tokens  []string // of the members, in the order of their numbers
	members []sampleMember
	board   string
}

// settle makes a demo's co-op, as far as a step of it.
func settle(t *testing.T, g Globals, members int, steps func(*demo) []demoStep) *settlement {
	t.Helper()
	g.JSON, g.Language = true, domain.English
	c := &settlement{Globals: g}
	err := withNewHouse(t.Context(), &c.Globals, quiet(), func(h *house) error {
		d := demo{house: h, cmd: demoCmd{Members: members, Seed: 1}, began: time.Now()}
		d.cmd.MailDomain = "coop.example"
		if err := d.build(t.Context(), steps(&d)...); err != nil {
			return err
		}
		defer h.models.Close()
		c.members = d.members
		for _, m := range d.members {
			secret, _, err := h.access.CreateToken(t.Context(), access.Token{Name: "test", Party: m.party})
			if err != nil {
				return err
			}
			c.tokens = append(c.tokens, secret)
		}
		var err error
		c.board, _, err = h.access.CreateToken(t.Context(), access.Token{Name: "board", Roles: []domain.Role{domain.RoleBoard, domain.RoleTreasurer}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func toTheVote(d *demo) []demoStep { return []demoStep{d.enter, d.openHouse, d.convene} }

func toTheBill(d *demo) []demoStep { return []demoStep{d.enter, d.subscribe, d.openHouse} }

// node returns one that serves the co-op from a folder.
func (c *settlement) node(t *testing.T, data string) *node {
	t.Helper()
	address := loopback.Address(t)
	args := []string{
		"serve", "--listen", address, "--data", data, "--master-key", filepath.Join(c.Data, "master.key"),
		"--timeout", "50s", // that a slow machine needs it is no answer; a little less than [client] waits
	}
	if c.Log != "" {
		args = append(args, "--log", c.Log)
	}
	n := &node{url: "http://" + address, args: args}
	t.Cleanup(n.kill)
	return n
}

// A node is a rochdale that serves, in a process of its own.
type node struct {
	url  string
	args []string

	mu    sync.Mutex
	cmd   *exec.Cmd
	out   *bytes.Buffer
	ended chan struct{}
}

// start starts the program, and waits until it is ready to serve.
func (n *node) start(ctx context.Context) error {
	n.mu.Lock()
	n.cmd, n.out, n.ended = exec.Command("rochdale", n.args...), new(bytes.Buffer), make(chan struct{})
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	cmd, ended := n.cmd, n.ended
	err := cmd.Start()
	n.mu.Unlock()
	if err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(ended)
	}()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ended:
			return fmt.Errorf("the node ended with %v: %s", cmd.ProcessState, n.out)
		case <-ctx.Done():
			n.kill()
			return fmt.Errorf("the node does not get ready: %s", n.out)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		<-n.ended
		n.cmd = nil
	}
}

// stop has the node finish what is under way.
func (n *node) stop(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	<-n.ended
	if !n.cmd.ProcessState.Success() {
		t.Errorf("the node ended with %v: %s", n.cmd.ProcessState, n.out)
	}
	n.cmd = nil
}

// An answer is what the API says.
type answer struct {
	Data   map[string]json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	position string // of the node's read models, from the header
}

func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// done is what a mutation answers with.
func (a answer) done(field string) (d struct {
	Position int64  `json:"position"`
	ID       string `json:"id"`
},
) {
	_ = json.Unmarshal(a.Data[field], &d)
	return d
}

// ask makes a request of a node. An error means that nobody knows what came of it.
func (n *node) ask(ctx context.Context, token, position, query string, variables map[string]any) (a answer, err error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	if position != "" {
		req.Header.Set("Rochdale-Position", position)
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	a.position = resp.Header.Get("Rochdale-Position")
	if err != nil {
		return a, fmt.Errorf("%s: %w: %s", resp.Status, err, text)
	}
	return a, nil
}

var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

const (
	castVote  = `mutation($poll: ID!, $choice: Choice!, $request: String) { castVote(poll: $poll, choice: $choice, requestId: $request) { position id } }`
	subscribe = `mutation($plan: ID!, $request: String) { subscribe(plan: $plan, gb: 5, requestId: $request) { position id } }`
	closePoll = `mutation($poll: ID!) { closePoll(poll: $poll) { position id } }`
)

// An acknowledged request is one of which somebody was told that it is done.
type acknowledged struct {
	actor, request, field, id string
	position                  int64
}

// TestCrash kills the server twenty times at any instant while 32 people vote and
// subscribe, who ask again under the same request id until they are answered. What
// was acknowledged must be there then, once, and all that follows from it.
func TestCrash(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		crash(t, Globals{Data: t.TempDir()}, func() {})
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := pgtest.Start(t)
		url := cluster.NewDatabase(t)
		crash(t, Globals{Data: t.TempDir(), Log: url}, func() {
			cluster.Restart(t, []pgtest.Mode{pgtest.Fast, pgtest.Immediate}[rand.IntN(2)])
		})
	})
}

func crash(t *testing.T, g Globals, upset func()) {
	const people, kills = 32, 20
	c := settle(t, g, 400, toTheVote)
	n := c.node(t, c.Data)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []acknowledged
	// until asks again and again.
	until := func(token, actor, field, query, request string, variables map[string]any) {
		variables["request"] = request
		for ctx.Err() == nil {
			a, err := n.ask(ctx, token, "", query, variables)
			if err == nil && a.code() == "" && a.done(field).Position > 0 {
				mu.Lock()
				all = append(all, acknowledged{actor, request, field, a.done(field).ID, a.done(field).Position})
				mu.Unlock()
				return
			}
			if code := a.code(); err == nil && code != "" && code != "fault" && code != "read_model.behind" && code != "graphql.timeout" {
				t.Errorf("%s of %s: %+v", field, actor, a.Errors)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	voters := len(c.members) / 2 // the others have voted already
	var next atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	for range people {
		wg.Go(func() {
			for !done.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				who := i % voters
				token, actor := c.tokens[who], string(c.members[who].party)
				if i%2 == 0 && i/2 < voters { // each of them votes once
					who = i / 2
					token, actor = c.tokens[who], string(c.members[who].party)
					choice := []assembly.Choice{assembly.For, assembly.Against, assembly.Abstain}[who%3]
					until(token, actor, "castVote", castVote, fmt.Sprint("vote-", i), map[string]any{"poll": demoPoll, "choice": strings.ToUpper(string(choice))})
				} else {
					until(token, actor, "subscribe", subscribe, fmt.Sprint("subscribe-", i), map[string]any{"plan": "nubo"})
				}
				time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
			}
		})
	}
	for kill := range kills {
		time.Sleep(time.Duration(20+rand.IntN(300)) * time.Millisecond) // at any instant
		n.kill()
		if kill%5 == 4 {
			upset()
		}
		if err := n.start(ctx); err != nil {
			t.Fatal(err)
		}
		if kill%5 == 2 {
			upset() // under load
		}
	}
	for few := true; few && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) { // on a slow machine little was done so far
		mu.Lock()
		few = len(all) < 100
		mu.Unlock()
	}
	done.Store(true)
	wg.Wait()
	if ctx.Err() != nil {
		t.Fatal("not all were answered in time")
	}
	c.settled(ctx, t)
	n.stop(t)
	c.check(t, all)
}

// settled waits until the processes are through with all that is in the log.
func (c *settlement) settled(ctx context.Context, t *testing.T) {
	t.Helper()
	err := withHouse(ctx, &c.Globals, quiet(), func(h *house) error {
		h.zone = time.UTC
		at := []processes.Target{{Name: "mail", Service: domain.Mail}, {Name: "storage", Service: domain.Storage}} // only asked how far they are
		runner := h.runner(h.reconciler(&services{targets: at}), "coop.example")
		for last := int64(-1); ; {
			head, err := h.store.Log.Head(ctx)
			if err != nil {
				return err
			}
			all, err := runner.Status(ctx)
			if err != nil {
				return err
			}
			through := head
			for _, s := range all {
				through = min(through, s.Position)
				if s.Waiting > 0 {
					through = -1
				}
				if s.Dead > 0 {
					return fmt.Errorf("process %s has %d dead letters", s.Process, s.Dead)
				}
			}
			if through == head && head == last {
				return nil
			}
			last = through
			select {
			case <-ctx.Done():
				return fmt.Errorf("the processes do not get through: %+v of %d", all, head)
			case <-time.After(1200 * time.Millisecond): // checkpoints are saved each second
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// check holds the log against what was acknowledged.
func (c *settlement) check(t *testing.T, all []acknowledged) {
	t.Helper()
	kinds := map[string]int{}
	err := withModels(t.Context(), &c.Globals, quiet(), func(h *house) error {
		v, err := h.store.Verify(t.Context(), nil)
		if err != nil || len(v.Flaws) > 0 {
			t.Errorf("the log: %+v, %v", v, err)
		}
		differences, err := h.models.Verify(t.Context(), nil)
		if err != nil || len(differences) > 0 {
			t.Errorf("the read models differ: %v, %v", differences, err)
		}
		requests := map[domain.Stream]int64{} // position
		votes, started, accounts, provisioned := map[domain.PartyID]int{}, map[string]int{}, map[string]int{}, map[string]int{}
		for rec, err := range h.store.Log.All(t.Context(), 0) {
			if err != nil {
				return err
			}
			event, err := h.store.Decode(t.Context(), rec)
			if err != nil {
				return err
			}
			switch e := event.(type) {
			case eventstore.RequestRecorded:
				requests[rec.Stream] = rec.Position
			case assembly.VoteCast:
				votes[e.Party]++
			case subscription.Started:
				started[string(e.Subscription)]++
			case provisioning.AccountRequested:
				accounts[string(e.Account)]++
			case provisioning.AccountProvisioned:
				provisioned[string(e.Account)]++
			}
		}
		for _, a := range all {
			kinds[a.field]++
			if at := requests[domain.StreamOf("request", a.actor, a.request)]; at != a.position {
				t.Errorf("%s of %s was acknowledged at %d, and is at %d", a.request, a.actor, a.position, at)
			}
			if a.field == "subscribe" && started[a.id] != 1 {
				t.Errorf("subscription %s was started %d times", a.id, started[a.id])
			}
			if a.field == "castVote" && votes[domain.PartyID(a.actor)] != 1 {
				t.Errorf("%s has voted %d times", a.actor, votes[domain.PartyID(a.actor)])
			}
		}
		before := len(c.members)*3/4 - len(c.members)/2
		if len(votes) != kinds["castVote"]+before || len(started) != kinds["subscribe"] || len(requests) != len(all) {
			t.Errorf("%v acknowledged; %d votes, %d before, %d subscriptions, %d requests there", kinds, len(votes), before, len(started), len(requests))
		}
		for account, n := range accounts {
			if n != 1 || provisioned[account] != 1 {
				t.Errorf("account %s was requested %d times and provisioned %d times", account, n, provisioned[account])
			}
		}
		if len(accounts) != 2*len(started) {
			t.Errorf("%d accounts for %d subscriptions", len(accounts), len(started))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kinds["castVote"] < 20 || kinds["subscribe"] < 20 {
		t.Errorf("too little was done to show anything: %v", kinds)
	}
	t.Logf("acknowledged: %v", kinds)
}

// TestTwoNodes: what one node has done another one answers with, and what many ask
// of both at once comes out as if they had come one by one.
func TestTwoNodes(t *testing.T) {
	cluster := pgtest.Start(t)
	c := settle(t, Globals{Data: t.TempDir(), Log: cluster.NewDatabase(t)}, 60, toTheVote)
	nodes := []*node{c.node(t, c.Data), c.node(t, t.TempDir())}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, n := range nodes {
		if err := n.start(ctx); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("read your writes", func(t *testing.T) {
		for i := range 10 {
			a, err := nodes[i%2].ask(ctx, c.tokens[i], "", castVote, map[string]any{"poll": demoPoll, "choice": "FOR"})
			if err != nil || a.code() != "" {
				t.Fatal(a, err)
			}
			see := func() (answer, error) {
				return nodes[(i+1)%2].ask(ctx, c.tokens[i], a.position, `{ poll(id: "demo-poll") { myVote } }`, nil)
			}
			b, err := see()
			for err == nil && b.code() == "read_model.behind" { // as it may say, where it waits for as long as it does for anybody
				b, err = see()
			}
			if err != nil || string(b.Data["poll"]) != `{"myVote":"FOR"}` {
				t.Errorf("on the other node: %s %+v, %v", b.Data["poll"], b.Errors, err)
			}
		}
	})

	t.Run("votes are linearizable", func(t *testing.T) {
		const voters, clients = 12, 8
		began := time.Now()
		var mu sync.Mutex
		var history []porcupine.Operation
		act := func(client int, n *node, token, query string, in ballot) {
			call := time.Since(began)
			a, err := n.ask(ctx, token, "", query, map[string]any{"poll": demoPoll, "choice": in.choice})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			history = append(history, porcupine.Operation{ClientId: client, Input: in, Call: call.Nanoseconds(), Output: a.code(), Return: time.Since(began).Nanoseconds()})
		}
		var wg sync.WaitGroup
		for client := range clients {
			r := rand.New(rand.NewPCG(rand.Uint64(), 1))
			wg.Go(func() {
				for i := range 12 {
					if client == 0 && i == 6 {
						act(client, nodes[r.IntN(2)], c.board, closePoll, ballot{voter: -1})
						continue
					}
					voter := r.IntN(voters)
					act(client, nodes[r.IntN(2)], c.tokens[10+voter], castVote, ballot{voter, []string{"FOR", "AGAINST", "ABSTAIN"}[r.IntN(3)]})
				}
			})
		}
		wg.Wait()
		if len(history) != clients*12 {
			t.Fatalf("%d operations", len(history))
		}
		if result := porcupine.CheckOperationsTimeout(polling, history, time.Minute); result != porcupine.Ok {
			t.Errorf("%s: %+v", result, history)
		}
	})
	for _, n := range nodes {
		n.stop(t)
	}
}

// A ballot is what somebody asks of a poll: to vote or, with no voter, to close it.
type ballot struct {
	voter  int
	choice string
}

// polling is a poll as it should be: its state is what each voter has voted, and
// whether it is closed.
var polling = porcupine.Model{
	Init: func() any { return pollState{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, code := state.(pollState), input.(ballot), output.(string)
		switch {
		case in.voter < 0:
			s.closed = true
			return code == "", s
		case s.votes[in.voter] == in.choice:
			return code == "", s
		case s.votes[in.voter] != "":
			return code == assembly.ErrVoted.Code, s
		case s.closed:
			return code == assembly.ErrNotOpen.Code, s
		}
		s.votes[in.voter] = in.choice
		return code == "", s
	},
}

type pollState struct {
	votes  [12]string
	closed bool
}

// TestBillingIsKilled: a billing run is killed at any instant, and made by two at
// once. Each payer has one invoice then, and no number is missing.
func TestBillingIsKilled(t *testing.T) {
	c := settle(t, Globals{Data: t.TempDir()}, 600, toTheBill)
	month := dayOfCoop(t).Month().Add(-1)
	bill := func() *exec.Cmd {
		return exec.Command("rochdale", "bill", month.String(), "--data", c.Data, "--json")
	}
	killed := 0
	for run := range 40 { // later and later: no machine is so quick that none is killed, nor so slow that none has begun
		cmd := bill()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-time.After(time.Duration(rand.IntN(20*(run+1))) * time.Millisecond):
			_ = cmd.Process.Kill()
			<-ended
			killed++
			continue
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		}
		break
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if out, err := bill().CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	payers, last := map[domain.PartyID]int{}, int64(0)
	err := withHouse(t.Context(), &c.Globals, quiet(), func(h *house) error {
		for rec, err := range h.store.Log.All(t.Context(), 0) {
			if err != nil {
				return err
			}
			event, err := h.store.Decode(t.Context(), rec)
			if err != nil {
				return err
			}
			if issued, ok := event.(billing.InvoiceIssued); ok {
				payers[issued.Payer]++
				if last++; issued.Number.Number != last {
					t.Errorf("invoice %s is the %dth", issued.Number, last)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for payer, n := range payers {
		if n != 1 {
			t.Errorf("%s has %d invoices", payer, n)
		}
	}
	if want := 600 * 263 / 643; len(payers) != want || killed == 0 {
		t.Errorf("%d payers have an invoice, not %d; the run was killed %d times", len(payers), want, killed)
	}
}
