package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/internal/natstest"
	"rochdale/internal/pgtest"
	"rochdale/processes"
	"rochdale/processes/feed"
)

// composed returns how the nodes of deploy/compose.yaml are started, by their names.
func composed(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	commands := map[string][]string{}
	for name, s := range file.Services {
		if len(s.Command) > 0 && s.Command[0] == "serve" {
			commands[name] = s.Command
		}
	}
	return commands
}

// TestLayout starts the nodes of deploy/compose.yaml as processes, over a PostgreSQL and
// a NATS of its own, and kills each of them while people subscribe: nothing is lost, no
// account is made twice, and a webhook and NATS are told every event, in order by stream.
func TestLayout(t *testing.T) {
	broker := natstest.Start(t)
	cluster := pgtest.Start(t)
	c := settle(t, Globals{Data: t.TempDir(), Log: cluster.NewDatabase(t), Mailboxes: cluster.NewDatabase(t)}, 40, toTheVote)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()

	told := &receiver{no: map[string]bool{}, by: map[string][]string{}, ids: map[string]bool{}}
	hook := httptest.NewServer(told)
	defer hook.Close()
	err := withHouse(ctx, &c.Globals, quiet(), func(h *house) error {
		_, _, err := h.webhooks(hookFlags{WebhookPrivate: true}, "").Add(asCLI(ctx), processes.Webhook{URL: hook.URL}, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	nodes := map[string]*node{}
	folders := t.TempDir() // on one disk
	for name, command := range composed(t) {
		data := t.TempDir()
		if err := os.Symlink(folders, filepath.Join(data, "folders")); err != nil {
			t.Fatal(err)
		}
		n := c.node(t, data)
		for i, arg := range command {
			command[i] = strings.Replace(arg, "nats://nats:4222", broker, 1)
		}
		n.args = append(n.args, "--mailboxes", c.Mailboxes, "--webhook-private")
		n.args = append(n.args, command[1:]...)
		nodes[name] = n
	}
	names := []string{"api-1", "api-2", "worker-1", "worker-2"}
	for _, name := range names {
		if nodes[name] == nil {
			t.Fatalf("%s is not in the layout", name)
		}
		if err := nodes[name].start(ctx); err != nil {
			t.Fatal(name, err)
		}
	}
	if a, err := nodes["worker-1"].ask(ctx, c.tokens[0], "", `{ position }`, nil); err == nil && a.Data != nil {
		t.Errorf("a worker answers: %+v", a)
	}

	const people = 10
	done := make(chan struct{})
	var mu sync.Mutex
	started := map[string]bool{}
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				request := fmt.Sprintf("layout-%d-%d", i, n)
				for attempt := 0; ctx.Err() == nil; attempt++ { // of whichever node is there
					a, err := nodes[names[attempt%2]].ask(ctx, c.tokens[i], "", subscribe, map[string]any{"plan": "nubo", "request": request})
					if err == nil && a.done("subscribe").Position > 0 {
						mu.Lock()
						started[a.done("subscribe").ID] = true
						mu.Unlock()
						break
					}
					if code := a.code(); err == nil && !slices.Contains([]string{"", "fault", "read_model.behind", "graphql.timeout"}, code) {
						t.Errorf("%s: %+v", request, a.Errors)
						return
					}
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
				}
				select {
				case <-done:
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
	}
	for _, name := range []string{"worker-1", "api-1", "worker-2", "api-2", "worker-1"} {
		mu.Lock()
		before := len(started)
		mu.Unlock()
		for more := false; !more && ctx.Err() == nil; { // in the middle of something
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			more = len(started) >= before+10
			mu.Unlock()
		}
		nodes[name].kill()
		if err := nodes[name].start(ctx); err != nil {
			t.Fatal(name, err)
		}
	}
	close(done)
	all.Wait()
	c.settled(ctx, t)
	c.layoutHolds(ctx, t, started, told, broker)
}

// A receiver of a webhook takes most of what it is told, and the rest the second time.
type receiver struct {
	mu  sync.Mutex
	n   int
	no  map[string]bool     // which were refused once
	by  map[string][]string // sequences, by subject: those that were new
	ids map[string]bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var e feed.CloudEvent
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n++; err != nil || r.n%50 == 0 && !r.no[e.ID.String()] {
		r.no[e.ID.String()] = true
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !r.ids[e.ID.String()] {
		r.ids[e.ID.String()] = true
		r.by[e.Subject] = append(r.by[e.Subject], e.Sequence)
	}
}

// count returns how many there were through a sequence.
func (r *receiver) count(through string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sequences := range r.by {
		for _, s := range sequences {
			if s <= through {
				n++
			}
		}
	}
	return n
}

// layoutHolds looks at what has come of it.
func (c *settlement) layoutHolds(ctx context.Context, t *testing.T, started map[string]bool, told *receiver, broker string) {
	t.Helper()
	err := withHouse(ctx, &c.Globals, quiet(), func(h *house) error {
		requested, provisioned, begun := map[string]int{}, map[string]int{}, map[string]int{}
		events := 0
		for rec, err := range h.store.Log.All(ctx, 0) {
			if err != nil {
				return err
			}
			event, err := h.store.Decode(ctx, rec)
			if err != nil {
				return err
			}
			events++
			switch e := event.(type) {
			case subscription.Started:
				begun[string(e.Subscription)]++
			case provisioning.AccountRequested:
				requested[string(e.Account)]++
			case provisioning.AccountProvisioned:
				provisioned[string(e.Account)]++
			}
		}
		for id := range started {
			if begun[id] != 1 {
				t.Errorf("subscription %s was started %d times", id, begun[id])
			}
		}
		if len(begun) != len(started) || len(requested) != 2*len(started) {
			t.Errorf("%d acknowledged, %d started, %d accounts", len(started), len(begun), len(requested))
		}
		for account, n := range requested {
			if n != 1 || provisioned[account] != 1 {
				t.Errorf("account %s was requested %d times and provisioned %d times", account, n, provisioned[account])
			}
		}
		through := fmt.Sprintf("%019d", events) // its position: the nodes still run, and may have more to tell
		for told.count(through) < events && ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
		}
		if n := told.count(through); n != events {
			t.Errorf("the webhook was told %d events of %d", n, events)
		}
		told.mu.Lock()
		for subject, sequences := range told.by {
			if !slices.IsSorted(sequences) {
				t.Errorf("the webhook was told of %s in the order %v", subject, sequences)
			}
		}
		told.mu.Unlock()
		relayed(ctx, t, broker, events, through)
		t.Logf("%d subscriptions, %d events", len(started), events)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// relayed looks whether NATS has every event through a sequence, in the order of its stream.
func relayed(ctx context.Context, t *testing.T, broker string, events int, through string) {
	t.Helper()
	conn, err := nats.Connect(broker, nats.Timeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(ctx, "coop", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	seen, last := map[string]bool{}, map[string]string{}
	for len(seen) < events && ctx.Err() == nil {
		batch, err := consumer.Fetch(500, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for msg := range batch.Messages() {
			var e feed.CloudEvent
			if err := json.Unmarshal(msg.Data(), &e); err != nil {
				t.Fatal(err)
			}
			if seen[e.ID.String()] || e.Sequence > through { // the former after a kill, beyond what the server remembers
				continue
			}
			seen[e.ID.String()] = true
			if e.Sequence < last[e.Subject] {
				t.Errorf("NATS has %s of %s after %s", e.Sequence, e.Subject, last[e.Subject])
			}
			last[e.Subject] = e.Sequence
		}
	}
	if len(seen) != events {
		t.Errorf("NATS has %d events of %d", len(seen), events)
	}
}
