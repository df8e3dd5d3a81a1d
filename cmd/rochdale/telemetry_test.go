package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/feed"
)

// A flaky broker takes every other message.
type flaky struct {
	mu    sync.Mutex
	asked int
}

func (*flaky) Close() error { return nil }

// Publish is that of [message.Publisher].
func (f *flaky) Publish(string, ...*message.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked++; f.asked%2 == 1 {
		return fault.New(fault.Transient, "", "the broker turns over")
	}
	return nil
}

// TestWebhooksAreWatched: what is measured says how far endpoints and relays are behind
// and what came of attempts, and the doctor warns of an endpoint that takes nothing for
// long or is disabled.
func TestWebhooksAreWatched(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer well.Close()
	picky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer picky.Close()
	g := &Globals{Data: t.TempDir(), Language: domain.English}
	g.Log = "sqlite:" + filepath.Join(g.Data, "log.db")
	term := &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	err := withNewHouse(t.Context(), g, term, func(h *house) error {
		d := demo{house: h, cmd: demoCmd{Members: 20, Seed: 1844}}
		if err := d.build(t.Context(), d.everything()...); err != nil {
			return err
		}
		defer h.models.Close()
		hooks := h.webhooks(hookFlags{WebhookPrivate: true}, "")
		hooks.Tried = tried
		ids := map[string]string{}
		for _, url := range []string{well.URL, picky.URL, "http://127.0.0.1:1/"} {
			hook, _, err := hooks.Add(asCLI(t.Context()), processes.Webhook{URL: url, Types: feed.Types{"membership.*"}}, 0)
			if err != nil {
				return err
			}
			ids[url] = hook.ID
		}
		runner := processes.NewRunner(h.store, h.t.log, processes.Relay(h.store, "relay-test", measuredPublisher{&flaky{}, "relay-test"}, feed.Envelope{}, false))
		runner.Tell(hooks)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { runner.Run(ctx) })
		defer running.Wait()
		defer cancel()
		state := map[string]processes.HookStatus{}
		published := func() string {
			return sampled(h, runner, hooks, `rochdale_relay_messages_total{outcome="published",relay="relay-test"}`)
		}
		for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			all, err := hooks.All(t.Context())
			if err != nil {
				return err
			}
			for _, s := range all {
				state[s.URL] = s
			}
			if state[well.URL].Behind == 0 && state[picky.URL].Outage != "" && state["http://127.0.0.1:1/"].Outage != "" && published() != "" {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("%+v, published %s", state, published())
			}
		}
		cancel()
		running.Wait()
		if err := hooks.Disable(asCLI(t.Context()), ids[picky.URL], "as it was asked for"); err != nil {
			return err
		}
		now := state[picky.URL].Since.Add(2 * time.Hour)
		h.store.Now = func() time.Time { return now }
		for series, want := range map[string]func(string) bool{
			`rochdale_webhook_delivery_duration_seconds_count{outcome="taken",webhook="` + ids[well.URL] + `"}`:                   above,
			`rochdale_webhook_delivery_duration_seconds_count{outcome="refused",webhook="` + ids[picky.URL] + `"}`:                above,
			`rochdale_webhook_delivery_duration_seconds_count{outcome="unanswered",webhook="` + ids["http://127.0.0.1:1/"] + `"}`: above,
			`rochdale_webhook_lag_events{webhook="` + ids[well.URL] + `"}`:                                                        is("0"),
			`rochdale_webhook_lag_seconds{webhook="` + ids[well.URL] + `"}`:                                                       is("0"),
			`rochdale_webhook_lag_events{webhook="` + ids[picky.URL] + `"}`:                                                       above,
			`rochdale_webhook_lag_seconds{webhook="` + ids[picky.URL] + `"}`:                                                      above,
			`rochdale_webhook_waiting{webhook="` + ids[picky.URL] + `"}`:                                                          above,
			`rochdale_webhook_failing_seconds{webhook="` + ids[picky.URL] + `"}`:                                                  is("7200"),
			`rochdale_webhook_failed_attempts{webhook="` + ids[picky.URL] + `"}`:                                                  above,
			`rochdale_webhook_failing_seconds{webhook="` + ids[well.URL] + `"}`:                                                   is("0"),
			`rochdale_webhook_disabled{webhook="` + ids[picky.URL] + `"}`:                                                         is("1"),
			`rochdale_webhook_disabled{webhook="` + ids["http://127.0.0.1:1/"] + `"}`:                                             is("0"),
			`rochdale_webhook_dead_letters{webhook="` + ids["http://127.0.0.1:1/"] + `"}`:                                         is("0"),
			`rochdale_relay_messages_total{outcome="failed",relay="relay-test"}`:                                                  above,
			`rochdale_process_lag_seconds{process="relay-test"}`:                                                                  func(v string) bool { return v != "" },
		} {
			if got := sampled(h, runner, hooks, series); !want(got) {
				t.Errorf("%s is %q", series, got)
			}
		}
		found := map[string]finding{}
		h.examineWebhooks(t.Context(), func(what, state, says, do string) { found[what] = finding{what, state, says, do} })
		for url, want := range map[string]string{well.URL: "ok", picky.URL: "warning", "http://127.0.0.1:1/": "warning"} {
			if f := found["webhook "+ids[url]]; f.State != want || want == "warning" && f.Do == "" {
				t.Errorf("%s: %+v", url, f)
			}
		}
		// Dead letters are seen of endpoints, and of relays that only a server with other settings runs.
		letter := func(process string) eventstore.Change {
			value, err := json.Marshal(processes.DeadLetter{Process: process, Position: 7, Type: "membership.admitted", Error: "too large", Class: "invalid", Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			return eventstore.Change{Key: fmt.Sprintf("dead/%s/%019d", process, 7), Value: value}
		}
		if err := h.store.Log.KV().Put(t.Context(), letter("webhook/"+ids[well.URL]), letter("relay-nats-elsewhere")); err != nil {
			return err
		}
		clear(found)
		note := func(what, state, says, do string) { found[what] = finding{what, state, says, do} }
		h.examineWebhooks(t.Context(), note)
		h.examineProcesses(t.Context(), note)
		for _, what := range []string{"webhook " + ids[well.URL], "process relay-nats-elsewhere"} {
			if f := found[what]; f.State != "warning" || !strings.HasPrefix(f.Says, "1 events") || !strings.Contains(f.Do, "rochdale log dead") {
				t.Errorf("%s: %+v", what, f)
			}
		}
		if f := found["process entitlements"]; f.State != "ok" {
			t.Errorf("what is well: %+v", f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func above(value string) bool { return value != "" && value[0] >= '1' && value[0] <= '9' }

func is(want string) func(string) bool { return func(value string) bool { return value == want } }

// sampled returns what is measured under a name, or "".
func sampled(h *house, runner *processes.Runner, hooks *processes.Webhooks, series string) string {
	w := httptest.NewRecorder()
	h.metrics(runner, &processes.Reconciler{Store: h.store}, hooks).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
