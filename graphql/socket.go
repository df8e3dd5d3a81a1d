package graphql

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rochdale/domain"
	"rochdale/processes/access"
)

const (
	protocol = "graphql-transport-ws"
	// perSocket bounds the operations that one socket carries at once.
	perSocket = 100
)

// Reasons to close a socket, of its protocol.
const (
	closeBadRequest   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeTimeout      websocket.StatusCode = 4408
	closeConflict     websocket.StatusCode = 4409
	closeTooMany      websocket.StatusCode = 4429
)

// message is one of the protocol's, in either direction.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket carries operations over a WebSocket: graphql-transport-ws. Browsers are
// let in from the server's own pages only.
func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	taken := &taker{ResponseWriter: w}
	conn, err := websocket.Accept(taken, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}, OriginPatterns: s.Origins})
	if err != nil {
		return // which Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	c := &carrier{server: s, conn: conn, under: taken.conn, header: r.Header, running: map[string]*carried{}}
	if conn.Subprotocol() != protocol {
		c.close(4406, "Subprotocol not acceptable")
		return
	}
	conn.SetReadLimit(s.MaxBody)
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	c.whole = ctx
	defer c.operations.Wait()
	defer cancel()
	go c.watch(cancel)
	c.close(c.listen(ctx))
}

// A taker keeps the connection that is taken over from the server.
type taker struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack is that of [http.Hijacker].
func (t *taker) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	t.conn, rw, err = http.NewResponseController(t.ResponseWriter).Hijack()
	return t.conn, rw, err
}

type carrier struct {
	*server
	conn       *websocket.Conn
	under      net.Conn        // what it goes over
	header     http.Header     // that the socket was asked for with
	whole      context.Context // of the socket: what is written by one of an operation would end with it, and the socket too
	operations sync.WaitGroup
	mu         sync.Mutex
	running    map[string]*carried // by the id that the client gave
	ending     bool                // nothing more is begun
}

// close says why the socket ends, unless that was said, and reads on for a while until
// the client has heard it: if the connection were closed while some of what it says is on
// its way, it would be reset, and the reason might be lost (RFC 6455, 7.1.1).
func (c *carrier) close(status websocket.StatusCode, reason string) {
	_ = c.under.SetReadDeadline(time.Now().Add(c.Patience)) // as it may never come to an end
	_ = c.conn.Close(status, reason)
}

// A carried operation is one that runs.
type carried struct{ stop context.CancelFunc }

// watch asks whether anybody is there, and ends with the server.
func (c *carrier) watch(cancel context.CancelFunc) {
	ticker := time.NewTicker(c.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-c.whole.Done():
			return
		case <-c.Done:
			c.drain()
			c.close(websocket.StatusGoingAway, "the server stops")
			cancel()
			return
		case <-ticker.C:
			ping, done := context.WithTimeout(c.whole, writing)
			if c.conn.Ping(ping) != nil {
				cancel()
			}
			done()
		}
	}
}

// drain begins no more operations, and waits for those under way to be answered, for as
// long as one may take. Subscriptions end with the server by themselves.
func (c *carrier) drain() {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	answered := make(chan struct{})
	go func() {
		c.operations.Wait()
		close(answered)
	}()
	late := time.NewTimer(c.Timeout)
	defer late.Stop()
	select {
	case <-answered:
	case <-late.C:
	case <-c.whole.Done():
	}
}

// listen handles what the client says until it leaves, or must be left.
func (c *carrier) listen(ctx context.Context) (websocket.StatusCode, string) {
	late := time.AfterFunc(c.Patience, func() { c.close(closeTimeout, "Connection initialisation timeout") })
	defer late.Stop()
	begun := false
	for {
		_, data, err := c.conn.Read(c.whole)
		if err != nil { // it has left, or has been told what is wrong with how it says it
			return websocket.StatusProtocolError, ""
		}
		var in message
		if json.Unmarshal(data, &in) != nil {
			return closeBadRequest, "Invalid message received"
		}
		switch in.Type {
		case "connection_init":
			if begun {
				return closeTooMany, "Too many initialisation requests"
			}
			if ctx, err = access.Again(ctx, tokenIn(in.Payload)); err != nil {
				if _, refused := errors.AsType[domain.Refusal](err); refused {
					return closeForbidden, "Forbidden"
				}
				_ = c.fault(ctx, err)
				return websocket.StatusInternalError, "Internal server error"
			}
			late.Stop()
			begun = true
			_ = c.send(message{Type: "connection_ack"})
		case "ping":
			_ = c.send(message{Type: "pong"})
		case "pong":
		case "subscribe":
			if !begun {
				return closeUnauthorized, "Unauthorized"
			}
			request, err := decode(in.Payload)
			if in.ID == "" || err != nil {
				return closeBadRequest, "Invalid message received"
			}
			if !c.start(ctx, in.ID, request) {
				return closeConflict, "Subscriber for " + in.ID[:min(len(in.ID), 64)] + " already exists"
			}
		case "complete":
			c.mu.Lock()
			if op := c.running[in.ID]; op != nil {
				op.stop()
				delete(c.running, in.ID) // it may be used again from now on
			}
			c.mu.Unlock()
		default:
			return closeBadRequest, "Invalid message received"
		}
	}
}

// tokenIn returns the token in what a client says at the beginning, which is in the
// form of the header: {"Authorization": "Bearer …"}.
func tokenIn(payload json.RawMessage) string {
	var said map[string]any
	_ = json.Unmarshal(payload, &said) // who says nothing is whoever the request was by
	for name, value := range said {
		if text, ok := value.(string); ok && strings.EqualFold(name, "Authorization") {
			if scheme, token, _ := strings.Cut(text, " "); strings.EqualFold(scheme, "Bearer") {
				return cmp.Or(strings.TrimSpace(token), "none") // which is refused
			}
		}
	}
	return ""
}

// start begins an operation, unless one of that id runs.
func (c *carrier) start(ctx context.Context, id string, in *request) bool {
	ctx, stop := context.WithCancel(ctx)
	op := &carried{stop}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending { // which the client is told when the socket closes
		stop()
		return true
	}
	if c.running[id] != nil {
		stop()
		return false
	}
	full := len(c.running) >= perSocket
	c.running[id] = op
	c.operations.Go(func() {
		defer stop()
		last := c.carefully(ctx, id, func() message { return c.carry(ctx, id, in, full) })
		c.mu.Lock()
		ours := c.running[id] == op
		if ours {
			delete(c.running, id)
		}
		c.mu.Unlock()
		if ours && last.Type != "" {
			_ = c.send(last)
		}
	})
	return true
}

// carefully makes a fault of a panic, which would end the program here.
func (c *carrier) carefully(ctx context.Context, id string, carry func() message) (last message) {
	defer func() {
		if p := recover(); p != nil {
			last = failure(id, c.fault(ctx, recovered(ctx, p)))
		}
	}()
	return carry()
}

// carry carries an operation out, and returns what is to be said at its end.
func (c *carrier) carry(ctx context.Context, id string, in *request, full bool) (last message) {
	ctx, _ = withCall(ctx, c.header) // a day may have passed since the last
	if full {
		return failure(id, refused(ctx, ErrSubscriptions.With("most", perSocket)))
	}
	ctx, err := access.Again(ctx, "")
	if err != nil {
		return failure(id, c.present(ctx, err))
	}
	op, errs := c.prepare(ctx, in)
	if errs != nil {
		return failure(id, errs...)
	}
	next := func(r *graphql.Response) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return c.send(message{ID: id, Type: "next", Payload: encode(r)})
	}
	ended := true
	if op.Operation.Operation == ast.Subscription {
		ended, err = c.subscribe(ctx, op, next, func() error { return nil })
		if err != nil {
			return failure(id, c.present(ctx, err))
		}
	} else if next(c.answer(ctx, op)) != nil {
		return message{}
	}
	if !ended {
		return message{}
	}
	return message{ID: id, Type: "complete"}
}

// failure ends an operation that was not carried out, or not to its end.
func failure(id string, errs ...*gqlerror.Error) message {
	data, err := json.Marshal(errs)
	if err != nil { // an argument that JSON does not have
		data = []byte(`[{"message":"error","extensions":{"code":"fault"}}]`)
	}
	return message{ID: id, Type: "error", Payload: data}
}

func (c *carrier) send(out message) error {
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.whole, writing)
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, data)
}
