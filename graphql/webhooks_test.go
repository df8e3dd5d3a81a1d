package graphql_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rochdale/adapters/standardwebhooks"
	"rochdale/domain"
	"rochdale/graphql"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/processes/feed"
)

// A receiver is an endpoint that takes what is signed by a secret that it knows.
type receiver struct {
	mu      sync.Mutex
	secrets []string
	taken   []string // ids
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	for _, secret := range r.secrets {
		known, err := standard.NewWebhook(secret)
		// The clock of the test stands still.
		if err == nil && known.VerifyIgnoringTimestamp(body, req.Header) == nil {
			r.taken = append(r.taken, req.Header.Get("Webhook-Id"))
			return
		}
	}
	http.Error(w, "not signed", http.StatusUnprocessableEntity)
}

func (r *receiver) knows(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = secrets
}

func (r *receiver) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.taken...)
}

// eventually waits for something to be so.
func (c *coop) eventually(what string, so func() bool) {
	c.t.Helper()
	for until := time.Now().Add(time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			c.t.Fatalf("%s: it never is", what)
		}
	}
}

// TestOperatorsKeepWebhooks: they enter an endpoint, are told its secret once, rotate it,
// stop and replay it, and see how it does; nobody else sees that there is any.
func TestOperatorsKeepWebhooks(t *testing.T) {
	to := &receiver{}
	there := httptest.NewServer(to)
	defer there.Close()
	var runner *processes.Runner
	c := serve(t, func(config *graphql.Config) {
		config.Webhooks = &processes.Webhooks{
			Store: config.Store, Sender: standardwebhooks.New(true, time.Minute), Envelope: feed.Envelope{URL: "https://coop.example"},
			Private: true, Log: config.Log,
		}
		runner = processes.NewRunner(config.Store, config.Log)
		runner.Tell(config.Webhooks)
	})
	c.found()
	c.join("Anna", "Exemple")
	c.let("operator", access.Viewer{Name: "operator", Roles: []domain.Role{domain.RoleOperator}})

	create := `mutation($u: String!, $r: String) { createWebhook(url: $u, about: "the list", types: ["membership.admitted"], after: 0, requestId: $r) { id secret webhook { url about types personal state createdBy secrets last { status } } } }`
	made := c.must("operator", create, "u", there.URL, "r", "mine")
	id, first := made.text("createWebhook", "id"), made.text("createWebhook", "secret")
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "whsec_")); err != nil || len(raw) != 32 {
		t.Fatalf("%q: %v", first, err)
	}
	c.is("entered", made, `{"about":"the list","createdBy":"operator","last":null,"personal":false,"secrets":1,"state":"WELL","types":["membership.admitted"],"url":"`+there.URL+`"}`, "createWebhook", "webhook")
	if again := c.must("operator", create, "u", there.URL, "r", "mine"); again.Body != made.Body {
		t.Errorf("made again: %s, not %s", again.Body, made.Body)
	}
	c.refused("request.reused", "operator", create, "u", there.URL+"/other", "r", "mine")
	to.knows(first)

	test := `mutation($w: ID!, $r: String) { testWebhook(id: $w, requestId: $r) { id delivery { event type attempt status error } webhook { last { type } } } }`
	tested := c.must("operator", test, "w", id, "r", "test")
	if tested.at("testWebhook", "delivery", "status") != 200.0 || tested.text("testWebhook", "delivery", "type") != "webhook.test" || len(to.took()) != 1 {
		t.Errorf("%s; taken: %v", tested.Body, to.took())
	}
	if again := c.must("operator", test, "w", id, "r", "test"); again.Body != tested.Body || len(to.took()) != 1 {
		t.Errorf("made again it was sent again: %s", again.Body)
	}

	ctx, cancel := context.WithCancel(t.Context())
	var telling sync.WaitGroup
	telling.Go(func() { runner.Run(ctx) })
	defer telling.Wait()
	defer cancel()
	state := `query($w: ID!) { webhook(id: $w) { state reason behind oldest waiting deadLetters failingSince attempts nextTry taken secrets last { status error } } }`
	c.eventually("told", func() bool {
		return len(to.took()) == 2 && c.must("operator", state, "w", id).at("webhook", "taken") != nil
	})
	c.is("well", c.must("operator", state, "w", id),
		`{"attempts":0,"behind":0,"deadLetters":0,"failingSince":null,"last":{"error":"","status":200},"nextTry":null,"oldest":null,"reason":"","secrets":1,"state":"WELL","taken":"2026-03-02T09:00:00Z","waiting":0}`, "webhook")

	// Both secrets sign until the overlap is over; a secret that is out is told to nobody.
	rotate := `mutation($w: ID!, $h: Int!, $r: String) { rotateWebhookSecret(id: $w, overlapHours: $h, requestId: $r) { secret webhook { secrets } } }`
	rotated := c.must("operator", rotate, "w", id, "h", 2, "r", "rotated")
	second := rotated.text("rotateWebhookSecret", "secret")
	if again := c.must("operator", rotate, "w", id, "h", 2, "r", "rotated"); second == first || again.Body != rotated.Body || rotated.at("rotateWebhookSecret", "webhook", "secrets") != 2.0 {
		t.Errorf("%s, and again %s", rotated.Body, again.Body)
	}
	c.refused("processes.webhook_overlap", "operator", rotate, "w", id, "h", 721)
	c.refused("processes.webhook_overlap", "operator", rotate, "w", id, "h", -1)
	for _, known := range []string{first, second} {
		to.knows(known)
		if a := c.must("operator", test, "w", id); a.at("testWebhook", "delivery", "status") != 200.0 {
			t.Errorf("while both sign: %s", a.Body)
		}
	}
	c.clock(2 * time.Hour)
	to.knows(first)
	if a := c.must("operator", test, "w", id); a.at("testWebhook", "delivery", "status") != 422.0 || a.text("testWebhook", "delivery", "error") == "" {
		t.Errorf("after the overlap: %s", a.Body)
	}
	if again := c.must("operator", create, "u", there.URL, "r", "mine"); again.at("createWebhook", "secret") != nil || again.text("createWebhook", "id") != id {
		t.Errorf("a secret that is out was told: %s", again.Body)
	}
	to.knows(second)

	// What happens while it is disabled waits; a replay tells what was taken before too.
	disable := `mutation($w: ID!) { disableWebhook(id: $w, reason: "moves") { webhook { state reason } } }`
	c.is("disabled", c.must("operator", disable, "w", id), `{"reason":"moves","state":"DISABLED"}`, "disableWebhook", "webhook")
	c.join("Bert", "Exemple")
	if a := c.must("operator", state, "w", id); a.at("webhook", "behind") == 0.0 || a.at("webhook", "oldest") == nil {
		t.Errorf("it is not behind: %s", a.Body)
	}
	c.must("operator", `mutation($w: ID!) { enableWebhook(id: $w) { webhook { state } } }`, "w", id)
	c.eventually("told of what happened meanwhile, and that it was told is kept", func() bool {
		return len(to.took()) == 5 && c.must("operator", state, "w", id).at("webhook", "behind") == 0.0
	})
	c.must("operator", `mutation($w: ID!) { replayWebhook(id: $w, after: 0) { position } }`, "w", id)
	c.eventually("told again", func() bool { return len(to.took()) == 7 })
	if taken := to.took(); !slices.Contains(taken[5:], taken[1]) || !slices.Contains(taken[5:], taken[4]) { // of two streams, in whichever order
		t.Errorf("other ids came the second time: %v", taken)
	}
	c.eventually("in the journal", func() bool {
		all, _ := c.must("operator", `query($w: ID!) { webhook(id: $w) { deliveries { position event type attempt at millis status error } } }`, "w", id).at("webhook", "deliveries").([]any)
		return len(all) == 4 // tests are not in it
	})
	c.refused("processes.webhook_position", "operator", `mutation($w: ID!) { replayWebhook(id: $w, after: 100000) { position } }`, "w", id)
	c.refused("processes.no_such_letter", "operator", `mutation($w: ID!) { retryWebhook(id: $w, position: 1) { position } }`, "w", id)
	c.refused("processes.webhook_url", "operator", create, "u", "https://user:word@example.org/")
	c.refused("feed.unknown_type", "operator", `mutation { createWebhook(url: "https://example.org/", types: ["membership.lost"]) { id } }`)
	for _, mutation := range []string{
		`disableWebhook(id: "none") { id }`, `enableWebhook(id: "none") { id }`, `removeWebhook(id: "none") { id }`, `testWebhook(id: "none") { id }`,
		`replayWebhook(id: "none", after: 0) { id }`, `rotateWebhookSecret(id: "none") { id }`,
	} {
		c.refused("processes.no_such_webhook", "operator", "mutation { "+mutation+" }")
		c.refused("graphql.denied", "anna", "mutation { "+mutation+" }")
		c.refused("graphql.denied", "board", "mutation { "+mutation+" }")
	}
	c.refused("graphql.denied", "anna", `{ webhooks { id } }`)

	remove := `mutation($w: ID!) { removeWebhook(id: $w, requestId: "gone") { position webhook { id } } }`
	gone := c.must("operator", remove, "w", id)
	if again := c.must("operator", remove, "w", id); again.Body != gone.Body || gone.at("removeWebhook", "webhook") != nil {
		t.Errorf("%s, and again %s", gone.Body, again.Body)
	}
	c.is("all", c.must("operator", `{ webhooks { id } }`), `[]`, "webhooks")
	if a := c.must("operator", create, "u", there.URL, "r", "mine"); a.at("createWebhook", "webhook") != nil || a.at("createWebhook", "secret") != nil {
		t.Errorf("what was removed came back: %s", a.Body)
	}
}
