package graphql_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rochdale/domain"
	"rochdale/graphql"
	"rochdale/processes/access"
)

// poll has a poll opened at an assembly of today, and returns its id.
func (c *coop) poll() string {
	c.t.Helper()
	id := c.must("secretary", `mutation { conveneAssembly(kind: EXTRAORDINARY, title: {en: "Meeting"}, heldOn: "2026-04-10") { id } }`).text("conveneAssembly", "id")
	c.clock(35 * 24 * time.Hour)
	c.must("secretary", `mutation($id: ID!) { freezeRoll(assembly: $id) { position } }`, "id", id)
	return c.must("board", `mutation($id: ID!) { openPoll(assembly: $id, question: {en: "Agreed?"}, decision: ORDINARY) { id } }`, "id", id).text("openPoll", "id")
}

// quick has streams look around often.
func quick(c *graphql.Config) { c.Heartbeat = 10 * time.Millisecond }

// A socket is a client of graphql-transport-ws.
type socket struct {
	*testing.T
	*websocket.Conn
}

func (c *coop) dial(protocol string, headers ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return websocket.Dial(c.t.Context(), c.url, &websocket.DialOptions{Subprotocols: []string{protocol}, HTTPHeader: h})
}

func (c *coop) socket(t *testing.T, headers ...string) socket {
	t.Helper()
	conn, _, err := c.dial("graphql-transport-ws", headers...)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return socket{t, conn}
}

func (s socket) say(format string, args ...any) {
	s.Helper()
	if err := s.Write(s.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		s.Fatal(err)
	}
}

func (s socket) subscribe(id, query string) {
	s.Helper()
	s.say(`{"id":%q,"type":"subscribe","payload":%s}`, id, jsonOf(map[string]string{"query": query}))
}

// hears reads the next message, which is to contain something.
func (s socket) hears(want string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	_, data, err := s.Read(ctx)
	if err != nil || !strings.Contains(string(data), want) {
		s.Fatalf("heard %s, %v; want %s", data, err, want)
	}
	return string(data)
}

// hearsOf reads on to the next message of an operation, which is to contain something.
func (s socket) hearsOf(id, want string) {
	s.Helper()
	for {
		heard := s.hears(`"id"`)
		switch {
		case !strings.Contains(heard, fmt.Sprintf(`"id":%q`, id)):
		case !strings.Contains(heard, want):
			s.Fatalf("heard %s; want %s", heard, want)
		default:
			return
		}
	}
}

// answers reports whether an operation comes to its end, by what is said while the server answers many pings.
func (s socket) answers() (answered bool) {
	s.Helper()
	for range 50 {
		s.say(`{"type":"ping"}`)
		for heard := s.hears(`"type"`); !strings.Contains(heard, "pong"); heard = s.hears(`"type"`) {
			answered = answered || strings.Contains(heard, `"complete"`)
		}
		if answered {
			return true
		}
	}
	return false
}

// ends waits for the server to close.
func (s socket) ends(want websocket.StatusCode) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	for {
		_, data, err := s.Read(ctx)
		if err != nil {
			if got := websocket.CloseStatus(err); got != want {
				s.Errorf("closed by %d, want %d: %v", got, want, err)
			}
			return
		}
		s.Logf("before the end: %s", data)
	}
}

const begin = `{"type":"connection_init"}`

func TestSocket(t *testing.T) {
	c := serve(t, quick)
	c.found()
	anna := c.join("Anna", "Exemple")
	c.join("Bert", "Voorbeeld")
	poll := c.poll()

	t.Run("who asks, by the header or at the beginning", func(t *testing.T) {
		s := c.socket(t, "Authorization", "Bearer anna")
		s.say(begin)
		s.hears(`{"type":"connection_ack"}`)
		s.subscribe("1", `{ viewer { name } }`)
		s.hears(fmt.Sprintf(`{"id":"1","type":"next","payload":{"data":{"viewer":{"name":%q}}}}`, anna))
		s.hears(`{"id":"1","type":"complete"}`)

		s = c.socket(t)
		s.say(`{"type":"connection_init","payload":{"authorization":"bearer anna","other":1}}`)
		s.hears(`connection_ack`)
		s.subscribe("1", `{ viewer { name } }`)
		s.hears(string(anna))

		s = c.socket(t, "Authorization", "Bearer anna")
		s.say(`{"type":"connection_init","payload":{"Authorization":"Bearer nonsense"}}`)
		s.ends(4403)

		s = c.socket(t)
		s.say(`{"type":"connection_init","payload":null}`)
		s.hears(`connection_ack`)
		s.subscribe("1", `{ viewer { name } position }`)
		s.hears(`{"data":{"viewer":null,"position":`)
		s.hears(`complete`)
		s.subscribe("2", fmt.Sprintf(`subscription { pollTurnout(poll: %q) { id } }`, poll))
		s.hears(`{"id":"2","type":"error","payload":[{"message":"sign in first: Subscription.pollTurnout is not for everybody"`)
	})

	t.Run("the protocol", func(t *testing.T) {
		for said, want := range map[string]websocket.StatusCode{
			`{"id":"1","type":"subscribe","payload":{"query":"{ position }"}}`: 4401,
			`{"type":"start"}`: 4400, `nonsense`: 4400, `[]`: 4400, `{}`: 4400,
			begin + ` `: 4429, // after the first
			`{"type":"connection_init","payload":` + strings.Repeat(" ", 1<<20) + `{}}`: websocket.StatusMessageTooBig,
		} {
			s := c.socket(t)
			if strings.HasPrefix(said, begin) {
				s.say(begin)
			}
			s.say("%s", said)
			s.ends(want)
		}
		for _, said := range []string{
			`{"type":"subscribe","payload":{"query":"{ position }"}}`, `{"id":"1","type":"subscribe"}`, `{"id":"1","type":"subscribe","payload":[]}`,
		} {
			s := c.socket(t)
			s.say(begin)
			s.hears("ack")
			s.say("%s", said)
			s.ends(4400)
		}
		if conn, _, err := c.dial("graphql-ws"); err != nil {
			t.Error(err)
		} else {
			socket{t, conn}.ends(4406)
		}
		s := c.socket(t)
		s.say(`{"type":"ping"}`)
		s.hears(`{"type":"pong"}`)
		s.say(`{"type":"pong"}`)
		s.say(begin)
		s.hears(`connection_ack`)
		s.subscribe("x", `{ nonsense }`)
		s.hears(`{"id":"x","type":"error","payload":[{"message":"Cannot query field`)
		s.subscribe("x", `{ position }`) // its id is free again
		s.hears(`next`)
	})

	t.Run("ids", func(t *testing.T) {
		s := c.socket(t, "Authorization", "Bearer anna")
		s.say(begin)
		s.hears("ack")
		turnout := fmt.Sprintf(`subscription { pollTurnout(poll: %q) { open } }`, poll)
		for range 20 { // at once after it was given back, an id is taken again
			s.subscribe("t", turnout)
			s.hears(`{"id":"t","type":"next","payload":{"data":{"pollTurnout":{"open":true}}}}`)
			s.say(`{"id":"t","type":"complete"}`)
		}
		s.subscribe("q", `{ position }`) // and the socket has outlived all that
		s.hears(`"q","type":"next"`)
		s.hears(`"q","type":"complete"`)
		s.subscribe("t", turnout)
		s.hears(`next`)
		s.subscribe("t", turnout)
		s.ends(4409)
	})

	t.Run("turnout", func(t *testing.T) {
		s := c.socket(t, "Authorization", "Bearer anna")
		s.say(begin)
		s.hears("ack")
		s.subscribe("t", fmt.Sprintf(`subscription { pollTurnout(poll: %q) { turnout { castVoters } } }`, poll))
		s.hears(`{"castVoters":0}`)
		s.subscribe("v", fmt.Sprintf(`mutation { castVote(poll: %q, choice: FOR) { position } }`, poll))
		for seen := ""; !strings.Contains(seen, `{"castVoters":1}`); {
			seen = s.hears(`"id"`)
		}
		s.subscribe("n", `subscription { pollTurnout(poll: "none") { id } }`)
		s.hearsOf("n", "assembly.no_such_poll") // the vote may be answered after its turnout
	})

	t.Run("a token is revoked", func(t *testing.T) {
		c.let("lost", access.Viewer{Party: anna, Name: string(anna), Roles: []domain.Role{domain.RoleMember}})
		s := c.socket(t, "Authorization", "Bearer lost")
		s.say(begin)
		s.hears("ack")
		s.subscribe("t", fmt.Sprintf(`subscription { pollTurnout(poll: %q) { id } }`, poll))
		s.hears("next")
		c.bar("lost")
		s.hears(`{"id":"t","type":"error","payload":[{"message":"this token is unknown, expired or revoked`)
		s.subscribe("m", `mutation { updateLanguage(language: DE) { position } }`)
		s.hears(`{"id":"m","type":"error","payload":[{"message":"this token is unknown, expired or revoked`)
	})

	t.Run("a role is lost", func(t *testing.T) {
		c.let("former", access.Viewer{Party: anna, Name: string(anna), Roles: []domain.Role{domain.RoleMember}})
		s := c.socket(t)
		s.say(`{"type":"connection_init","payload":{"Authorization":"Bearer former"}}`)
		s.hears("ack")
		s.subscribe("t", fmt.Sprintf(`subscription { pollTurnout(poll: %q) { id } }`, poll))
		s.hears("next")
		c.let("former", access.Viewer{Party: anna, Name: string(anna)})
		s.hears(`{"id":"t","type":"error","payload":[{"message":"Subscription.pollTurnout is not for you to see or do"`)
	})

	t.Run("pages of other sites", func(t *testing.T) {
		for origin, ok := range map[string]bool{
			"https://evil.example": false, "null": false, "http://127.0.0.1.evil.example": false, "http://localhost": false,
			c.url: true, "https://coop.example": true, "https://coop.example.evil.example": false,
		} {
			named := serve(t, func(c *graphql.Config) { c.Origins = []string{"https://coop.example"} })
			if origin == c.url {
				origin = named.url
			}
			conn, res, err := named.dial("graphql-transport-ws", "Origin", origin)
			if ok != (err == nil) || !ok && res.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %v %v", origin, res, err)
			}
			if conn != nil {
				conn.CloseNow()
			}
		}
	})
}

// TestSocketsTellWhy they are closed to clients that have not come to the end of what they
// say, and do not wait for those that never do.
func TestSocketsTellWhy(t *testing.T) {
	c := serve(t, quick, func(c *graphql.Config) { c.Patience = 30 * time.Second })
	long := strings.Repeat(" ", 16<<20) // more than is under way between two machines
	for range 3 {
		s := c.socket(t)
		s.say(`{"type":"connection_init","payload":%s{}}`, long)
		s.ends(websocket.StatusMessageTooBig)
	}

	c = serve(t, quick, func(c *graphql.Config) { c.Patience = 300 * time.Millisecond })
	for _, first := range []string{
		"",                           // too much,
		"\x81\x82\x00\x00\x00\x00{}", // and after what is wrong already
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(res, err)
		}
		_, err = io.WriteString(conn, first+"\x81\xff\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") // a message of 2^48 bytes
		for err == nil {
			_, err = io.WriteString(conn, long[:1<<16])
		}
	}
}

// TestSocketsEnd: with the server, and with who is silent at the beginning.
func TestSocketsEnd(t *testing.T) {
	done := make(chan struct{})
	c := serve(t, quick, func(c *graphql.Config) { c.Done = done })
	s := c.socket(t)
	s.say(begin)
	s.hears("ack")
	close(done)
	s.ends(websocket.StatusGoingAway)

	c = serve(t, func(c *graphql.Config) { c.Patience = 5 * time.Second })
	silent := c.socket(t)
	silent.say(`{"type":"ping"}`) // which is no beginning
	silent.hears("pong")
	silent.ends(4408)
}

// TestSocketsDrain: a mutation under way when the server stops is answered before its socket
// is closed, and no other is begun.
func TestSocketsDrain(t *testing.T) {
	done, began, release := make(chan struct{}), make(chan struct{}, 10), make(chan struct{})
	var armed atomic.Bool
	c := serve(t, quick, func(c *graphql.Config) {
		c.Done = done
		now := c.Store.Now
		c.Store.Now = func() time.Time {
			if armed.Load() {
				began <- struct{}{}
				<-release
			}
			return now()
		}
	})
	s := c.socket(t, "Authorization", "Bearer board")
	s.say(begin)
	s.hears("ack")
	armed.Store(true)
	s.subscribe("v", `mutation { setVATRate(percent: "6", from: "2030-01-01") { percent } }`)
	<-began
	armed.Store(false)
	close(done)
	for n := 0; ; n++ { // it may take a moment to hear of it
		if n == 1000 {
			t.Fatal("others are begun still")
		}
		s.subscribe("late", `{ memberCount }`)
		if !s.answers() {
			break
		}
	}
	close(release)
	s.hearsOf("v", `"type":"next","payload":{"data":{"setVATRate":{"percent":"6"}}}`)
	s.hearsOf("v", `"type":"complete"`)
	s.ends(websocket.StatusGoingAway)
}

// TestStreams: server-sent events, in distinct connections mode.
func TestStreams(t *testing.T) {
	c := serve(t, quick, func(c *graphql.Config) { c.Streams, c.Own = 3, 2 })
	c.found()
	c.join("Anna", "Exemple")
	poll := c.poll()
	turnout := fmt.Sprintf(`subscription { pollTurnout(poll: %q) { open } }`, poll)
	const open = `{"data":{"pollTurnout":{"open":true}}}`
	hears := func(events <-chan string, want ...string) {
		t.Helper()
		for _, w := range want {
			if got, ok := <-events; !strings.Contains(got, w) || !ok {
				t.Errorf("heard %q, want %q", got, w)
			}
		}
	}

	t.Run("all operations, and what is wrong with them", func(t *testing.T) {
		for query, want := range map[string]string{
			`{ memberCount }`:           `{"data":{"memberCount":1}}`,
			`mutation { resign(on: 1)`:  `graphql.invalid`,
			`{ members { totalCount }}`: `graphql.denied`,
			`mutation { updateLanguage(language: EN) { member { language } } }`: `{"data":{"updateLanguage":{"member":{"language":"EN"}}}}`,
			`subscription { pollTurnout(poll: "none") { id } }`:                 `assembly.no_such_poll`,
			`subscription { events { position } }`:                              `graphql.denied`,
		} {
			events, stop := c.stream("anna", query)
			hears(events, want, "complete")
			if e, more := <-events; more {
				t.Errorf("%s: after the end: %s", query, e)
			}
			stop()
		}
	})

	t.Run("by GET, as EventSource asks", func(t *testing.T) {
		get := func(query string) *http.Response {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"?query="+strings.ReplaceAll(query, " ", "+"), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Accept": {"text/event-stream"}, "Authorization": {"Bearer anna"}}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v", res.Header)
			}
			return res
		}
		res := get(turnout)
		defer res.Body.Close()
		in := bufio.NewReader(res.Body)
		text := ""
		for told, alive := false, 0; !told || alive < 3; { // it is alive, it says, and may do so before there is an answer
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(text, err)
			}
			if text += line; line == ":\n" {
				alive++
			} else if strings.HasPrefix(line, "data:") {
				told, alive = true, 0
			}
		}
		if !strings.HasPrefix(text, ":\n\n") || strings.ReplaceAll(text+"\n", ":\n\n", "") != "event: next\ndata: "+open+"\n\n" {
			t.Errorf("%q", text)
		}
		res = get(`mutation { resign { position } }`)
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); !bytes.Contains(body, []byte("graphql.method")) {
			t.Errorf("a mutation by GET: %s", body)
		}
	})

	t.Run("how many, and what is left of them", func(t *testing.T) {
		c.let("anna2", access.Viewer{Party: "x", Name: "x", Roles: []domain.Role{domain.RoleMember}})
		eventually(t, func() error { // those of before have been let go
			events, stop := c.stream("anna", turnout)
			defer stop()
			more, stop2 := c.stream("anna", turnout)
			defer stop2()
			if a, b := <-events, <-more; a != open || b != open {
				return fmt.Errorf("%s, %s", a, b)
			}
			third, stop3 := c.stream("anna", turnout)
			defer stop3()
			hears(third, "graphql.own_streams", "complete")
			other, stop4 := c.stream("anna2", turnout)
			defer stop4()
			hears(other, open)
			last, stop5 := c.stream("board", turnout)
			defer stop5()
			hears(last, "graphql.streams", "complete")
			return nil
		})
		http.DefaultClient.CloseIdleConnections()
		eventually(t, func() error { // and nothing runs for them any more
			all := make([]byte, 1<<22)
			all = all[:runtime.Stack(all, true)]
			for _, what := range []string{"rochdale/graphql.(*turnouts).watch", "rochdale/graphql.(*server).subscribe"} {
				if bytes.Contains(all, []byte(what)) {
					return fmt.Errorf("%s runs", what)
				}
			}
			return nil
		})
	})

	t.Run("until one may not any more", func(t *testing.T) {
		c.let("lost", access.Viewer{Party: "x", Name: "x", Roles: []domain.Role{domain.RoleMember}})
		events, stop := c.stream("lost", turnout)
		defer stop()
		hears(events, open)
		c.bar("lost")
		hears(events, "access.bad_token", "complete")
		if _, more := <-events; more {
			t.Error("it goes on")
		}
	})
}

// TestStreamsEndWithTheServer, so that it can stop.
func TestStreamsEndWithTheServer(t *testing.T) {
	done := make(chan struct{})
	c := serve(t, quick, func(c *graphql.Config) { c.Done = done })
	events, stop := c.stream("pipeline", `subscription { events { position } }`)
	defer stop()
	close(done)
	if e, more := <-events; more {
		t.Errorf("heard %s", e)
	}
}

// eventually waits until what is tried comes out well.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestHalfAFrame: whoever leaves in the middle of something leaves nothing behind.
func TestHalfAFrame(t *testing.T) {
	c := serve(t, quick)
	before := runtime.NumGoroutine()
	for range 20 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", conn.RemoteAddr())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(res, err)
		}
		res.Body.Close()
		conn.Write([]byte{0x81, 0xfe, 0x10}) // a text of 4 KB, which does not come
		conn.Close()
	}
	eventually(t, func() error {
		if now := runtime.NumGoroutine(); now > before+2 {
			return fmt.Errorf("%d goroutines, %d before", now, before)
		}
		return nil
	})
}
