package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/processes/access"
	"rochdale/processes/feed"
	"rochdale/web"
)

// A small domain: somebody comes, and goes.
type (
	room struct{}
	came struct {
		Who  string             `json:"who"`
		Name sealed.Box[string] `json:"name"`
	}
	left struct {
		Who string `json:"who"`
	}
	enter struct{ who, name string }
	leave struct{ Who string }
)

func (came) Evolve(r room) room { return r }
func (left) Evolve(r room) room { return r }

func (c enter) Stream() domain.Stream { return domain.StreamOf("room", c.who) }
func (c leave) Stream() domain.Stream { return domain.StreamOf("room", c.Who) }

func (c enter) Decide(room) ([]domain.Event[room], error) {
	return []domain.Event[room]{came{c.who, sealed.New(domain.PartyID(c.who), sealed.Service, c.name)}}, nil
}

func (c leave) Decide(room) ([]domain.Event[room], error) {
	return []domain.Event[room]{left(c)}, nil
}

// A library is a house with a log to be read.
type library struct {
	*house
	t     *testing.T
	store *eventstore.Store
	close context.CancelFunc
}

func openLibrary(t *testing.T, adapt ...func(*web.Feed)) *library {
	t.Helper()
	var r domain.Registry
	domain.Register[came](&r, "room.came")
	domain.Register[left](&r, "room.left")
	memory := new(eventstore.Memory)
	keys, err := eventstore.NewKeys(memory, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	l := &library{t: t, store: eventstore.New(eventstore.NewLog(memory), &r, keys)}
	ctx, stop := context.WithCancel(t.Context())
	l.close = stop
	f := &web.Feed{Store: l.store, Envelope: feed.Envelope{URL: "https://coop.example/"}, Closing: ctx, Heartbeat: 50 * time.Millisecond}
	for _, a := range adapt {
		a(f)
	}
	l.house = open(t, func(c *web.Config) {
		c.Feed = f
		c.Schemas = fstest.MapFS{"events/room.left/1.schema.json": {Data: []byte(`{"title":"left"}`)}}
	})
	t.Cleanup(func() { _ = l.store.Log.Close() })
	return l
}

func (l *library) token(scopes ...string) (secret, id string) {
	l.t.Helper()
	secret, made, err := l.access.CreateToken(l.t.Context(), access.Token{Name: "test", Roles: []domain.Role{domain.RolePipeline}, Scopes: scopes})
	if err != nil {
		l.t.Fatal(err)
	}
	return secret, made.ID
}

func (l *library) comes(who string) {
	l.t.Helper()
	if _, err := eventstore.Execute(eventstore.As(l.t.Context(), "door"), l.store, enter{who, "Ada of " + who}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *library) goes(who string) {
	l.t.Helper()
	if _, err := eventstore.Execute(eventstore.As(l.t.Context(), "door"), l.store, leave{who}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *library) get(token, path string, header ...string) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.URL+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// pull returns the events of an answer, and after which position to ask next.
func (l *library) pull(token, query string, header ...string) (events []feed.CloudEvent, next string, text string) {
	l.t.Helper()
	resp := l.get(token, "/events"+query, header...)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %s %s, %v", query, resp.Status, body, err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), feed.BatchMediaType) {
		if err := json.Unmarshal(body, &events); err != nil {
			l.t.Fatal(err)
		}
	} else {
		for line := range strings.Lines(string(body)) {
			var e feed.CloudEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				l.t.Fatal(err)
			}
			events = append(events, e)
		}
	}
	return events, resp.Header.Get("Rochdale-Next"), string(body)
}

func TestEventsArePulled(t *testing.T) {
	l := openLibrary(t)
	reader, _ := l.token("events:read")
	trusted, _ := l.token("events:read", "events:personal")
	for i := range 5 {
		l.comes(fmt.Sprint("p", i))
	}
	l.goes("p2")

	events, next, text := l.pull(reader, "")
	if len(events) != 6 || next != "6" || strings.Contains(text, "Ada") || strings.Contains(text, "sealed") {
		t.Fatalf("%s, next %s", text, next)
	}
	e := events[0]
	if e.SpecVersion != "1.0" || e.Source != "https://coop.example" || e.Type != "rochdale.room.came.v1" || e.Subject != "room/p0" || e.Actor != "door" ||
		e.Sequence != "0000000000000000001" || e.PartitionKey != "room/p0" || e.DataSchema != "https://coop.example/schemas/room.came/1.json" ||
		e.CorrelationID != e.ID || e.CausationID != nil || string(e.Data) != `{"name":{"class":"service","subject":"p0"},"who":"p0"}` {
		t.Errorf("%+v", e)
	}
	if _, _, text := l.pull(trusted, "?limit=1"); !strings.Contains(text, `"data":"Ada of p0"`) {
		t.Errorf("to the trusted: %s", text)
	}

	// Page by page, as a batch, and by type: what does not match is passed over.
	events, next, _ = l.pull(reader, "?after=0&limit=4", "Accept", feed.BatchMediaType)
	if len(events) != 4 || next != "4" {
		t.Errorf("%d events, next %s", len(events), next)
	}
	events, next, _ = l.pull(reader, "?after="+next+"&types=room.left")
	if len(events) != 1 || next != "6" || events[0].Type != "rochdale.room.left.v1" {
		t.Errorf("%+v, next %s", events, next)
	}
	if events, next, text = l.pull(reader, "?after=6&types=room.*", "Accept", feed.BatchMediaType); len(events) != 0 || next != "6" || text != "[]\n" {
		t.Errorf("%s, next %s", text, next)
	}

	// Who waits is answered when something comes.
	answered := make(chan string)
	go func() {
		events, next, _ := l.pull(reader, "?after=6&wait=60&types=room.left")
		answered <- fmt.Sprint(len(events), " ", next)
	}()
	l.comes("p7")
	l.goes("p7")
	if got := <-answered; got != "1 8" {
		t.Errorf("waited for %s", got)
	}

	// Or when the server stops.
	go func() {
		events, next, _ := l.pull(reader, "?after=8&wait=60")
		answered <- fmt.Sprint(len(events), " ", next)
	}()
	l.close()
	if got := <-answered; got != "0 8" {
		t.Errorf("at the end: %s", got)
	}
}

func TestEventsAreForPrograms(t *testing.T) {
	l := openLibrary(t)
	reader, _ := l.token("events:read")
	other, _ := l.token("metrics")
	for _, try := range []struct {
		token, path string
		status      int
	}{
		{"", "/events", 403},
		{other, "/events", 403},
		{other, "/events/stream", 403},
		{"roch_none", "/events", 401},
		{reader, "/events?after=x", 400},
		{reader, "/events?after=-1", 400},
		{reader, "/events?wait=3600", 400},
		{reader, "/events?limit=0", 400},
		{reader, "/events?after=0", 200},
		{reader, "/events?after=1", 409},
		{reader, "/events?after=1&wait=1", 409},
		{reader, "/events/stream?after=1", 409},
		{reader, "/events?types=room.came,room.danced", 400},
		{reader, "/events/stream?types=hall.*", 400},
		{"", "/schemas/room.left/1.json", 200},
		{"", "/schemas/room.left/2.json", 404},
		{"", "/schemas/room.left/1", 404},
		{"", "/schemas/..%2froom.left/1.json", 404},
	} {
		if resp := l.get(try.token, try.path); resp.StatusCode != try.status {
			t.Errorf("%s: %s", try.path, resp.Status)
		}
	}
	if text, _ := io.ReadAll(l.get("", "/schemas").Body); string(text) != `["/schemas/room.left/1.json"]`+"\n" {
		t.Errorf("schemas: %s", text)
	}
}

// told reads the next event of a stream, and its id; and that of the last heartbeat.
func told(t *testing.T, lines *bufio.Scanner) (id string, e feed.CloudEvent) {
	t.Helper()
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = text
		}
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
			return id, e
		}
	}
	return id, e
}

func TestEventsAreStreamed(t *testing.T) {
	l := openLibrary(t)
	reader, id := l.token("events:read")
	l.comes("p1")
	l.comes("p2")
	resp := l.get(reader, "/events/stream?after=1")
	lines := bufio.NewScanner(resp.Body)
	if id, e := told(t, lines); id != "2" || e.Subject != "room/p2" {
		t.Errorf("id %s, %+v", id, e)
	}
	l.goes("p2")
	if id, e := told(t, lines); id != "3" || e.Type != "rochdale.room.left.v1" {
		t.Errorf("id %s, %+v", id, e)
	}

	// Who comes back goes on; a heartbeat has the id of what was passed over.
	l.comes("p3")
	back := bufio.NewScanner(l.get(reader, "/events/stream?after=0&types=room.left", "Last-Event-ID", "3").Body)
	for back.Scan() && back.Text() != ": alive" {
	}
	if back.Scan(); back.Text() != "id: 4" {
		t.Errorf("a heartbeat with %q", back.Text())
	}

	if id, _ := told(t, lines); id != "4" {
		t.Errorf("id %s", id)
	}

	// A token that is revoked reads no further.
	if err := l.access.RevokeToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, e := told(t, lines); e.ID != (feed.CloudEvent{}).ID || lines.Err() != nil {
		t.Errorf("read on: %+v, %v", e, lines.Err())
	}
}

// TestStreamsAreCounted: one too many is sent elsewhere, and the server can stop.
func TestStreamsAreCounted(t *testing.T) {
	l := openLibrary(t, func(f *web.Feed) { f.Streams = 1 })
	reader, _ := l.token("events:read")
	first := l.get(reader, "/events/stream")
	if resp := l.get(reader, "/events/stream"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a second: %s", resp.Status)
	}
	if resp := l.get(reader, "/events?wait=1"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one who waits: %s", resp.Status)
	}
	l.close()
	if _, err := io.ReadAll(first.Body); err != nil {
		t.Error(err)
	}
}
