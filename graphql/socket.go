package graphql

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	protocol = "graphql-transport-ws"
	// acknowledging is the time that a client has to begin.
	acknowledging = 5 * time.Second
	// perSocket bounds the operations that one socket carries at once.
	perSocket = 100
)

// Reasons to close a socket, of its protocol.
const (
	closeBadRequest   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
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
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
	if err != nil {
		return // which Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	if conn.Subprotocol() != protocol {
		_ = conn.Close(4406, "Subprotocol not acceptable")
		return
	}
	conn.SetReadLimit(s.MaxBody)
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	c := &carrier{server: s, conn: conn, running: map[string]context.CancelFunc{}}
	defer c.operations.Wait()
	defer cancel()
	go func() { // pings answer whether anybody is there, and end with the server
		ticker := time.NewTicker(heartbeat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.Done:
				_ = conn.Close(websocket.StatusGoingAway, "the server stops")
				cancel()
				return
			case <-ticker.C:
				ping, done := context.WithTimeout(ctx, writing)
				if conn.Ping(ping) != nil {
					cancel()
				}
				done()
			}
		}
	}()
	if status, reason := c.listen(ctx); status != 0 {
		_ = conn.Close(status, reason)
	}
}

type carrier struct {
	*server
	conn       *websocket.Conn
	operations sync.WaitGroup
	mu         sync.Mutex
	running    map[string]context.CancelFunc // by the id that the client gave
}

// listen handles what the client says until it leaves, or must be left.
func (c *carrier) listen(ctx context.Context) (websocket.StatusCode, string) {
	begun := false
	for {
		in, err := c.read(ctx, begun)
		switch {
		case errors.Is(err, errNotBegun):
			return closeTimeout, "Connection initialisation timeout"
		case errors.Is(err, errNoMessage):
			return closeBadRequest, "Invalid message received"
		case err != nil:
			return 0, ""
		}
		switch in.Type {
		case "connection_init":
			if begun {
				return closeTooMany, "Too many initialisation requests"
			}
			begun = true
			_ = c.send(ctx, message{Type: "connection_ack"})
		case "ping":
			_ = c.send(ctx, message{Type: "pong"})
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
			if stop := c.running[in.ID]; stop != nil {
				stop()
			}
			c.mu.Unlock()
		default:
			return closeBadRequest, "Invalid message received"
		}
	}
}

var (
	errNotBegun  = errors.New("graphql: the client did not begin")
	errNoMessage = errors.New("graphql: no message of the protocol")
)

func (c *carrier) read(ctx context.Context, begun bool) (in message, err error) {
	stop := func() bool { return true }
	if !begun {
		stop = time.AfterFunc(acknowledging, func() { _ = c.conn.Close(closeTimeout, "Connection initialisation timeout") }).Stop
	}
	_, data, err := c.conn.Read(ctx)
	switch {
	case !stop() && err != nil:
		return in, errNotBegun
	case err != nil:
		return in, err
	case json.Unmarshal(data, &in) != nil:
		return in, errNoMessage
	}
	return in, nil
}

// start begins an operation, unless one of that id runs.
func (c *carrier) start(ctx context.Context, id string, in *request) bool {
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[id] != nil {
		cancel()
		return false
	}
	full := len(c.running) >= perSocket
	c.running[id] = cancel
	c.operations.Add(1)
	go func() {
		defer c.operations.Done()
		defer func() {
			cancel()
			c.mu.Lock()
			delete(c.running, id)
			c.mu.Unlock()
		}()
		if full {
			c.fail(ctx, id, failed(refused(ctx, ErrSubscriptions.With("most", perSocket))))
			return
		}
		c.carry(ctx, id, in)
	}()
	return true
}

func (c *carrier) carry(ctx context.Context, id string, in *request) {
	op, errs := c.prepare(ctx, in)
	if errs != nil {
		c.fail(ctx, id, failed(errs...))
		return
	}
	next := func(r *graphql.Response) error {
		return c.send(ctx, message{ID: id, Type: "next", Payload: encode(r)})
	}
	ended := true
	if op.Operation.Operation == ast.Subscription {
		var err error
		ended, err = c.subscribe(ctx, op, next, func() error { return nil })
		if err != nil {
			c.fail(ctx, id, failed(c.present(ctx, err)))
			return
		}
	} else if next(c.answer(ctx, op)) != nil {
		return
	}
	if ended {
		_ = c.send(ctx, message{ID: id, Type: "complete"})
	}
}

// fail ends an operation that was not carried out.
func (c *carrier) fail(ctx context.Context, id string, r *graphql.Response) {
	if errs, err := json.Marshal(r.Errors); err == nil {
		_ = c.send(ctx, message{ID: id, Type: "error", Payload: errs})
	}
}

func (c *carrier) send(ctx context.Context, out message) error {
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writing)
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, data)
}
