package graphql

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// heartbeat is how often a stream without news says that it is alive, lest
	// what is between it and its reader cut it off.
	heartbeat = 12 * time.Second
	// writing bounds the time for which a reader may keep an answer waiting.
	writing = 10 * time.Second
	// streamLife is the longest that a stream runs. Its reader comes back then,
	// and is held against the roles of that day.
	streamLife = time.Hour
)

// stream answers with server-sent events: graphql-sse, distinct connections mode.
// What is wrong with the operation is said in the stream too, since a browser does
// not show its programs any other answer.
func (s *server) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, in *request) {
	out := &events{w: w, control: http.NewResponseController(w)}
	op, errs := s.prepare(ctx, in)
	if errs == nil {
		if op.Operation.Operation == ast.Mutation && r.Method != http.MethodPost {
			errs = failed(refused(ctx, ErrMethod)).Errors
		} else if err := s.await(ctx, r.Header); err != nil {
			errs = failed(s.present(ctx, err)).Errors
		}
	}
	h := w.Header()
	h.Set("Content-Type", eventStream+"; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or a proxy would keep events back
	if errs != nil {
		_ = out.next(failed(errs...))
		_ = out.complete()
		return
	}
	if op.Operation.Operation != ast.Subscription {
		_ = out.next(s.answer(ctx, op))
		_ = out.complete()
		return
	}
	ended, err := s.subscribe(ctx, op, out.next, out.beat)
	if err != nil {
		_ = out.next(failed(s.present(ctx, err)))
	}
	if ended || err != nil {
		_ = out.complete()
	}
}

// subscribe runs a subscription and hands its answers on, until it has ended or
// its reader, the server or its time have. Without news it lets beat be heard.
func (s *server) subscribe(ctx context.Context, op *graphql.OperationContext,
	next func(*graphql.Response) error, beat func() error,
) (ended bool, err error) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return false, ErrStreams
	}
	ctx, cancel := context.WithTimeout(ctx, streamLife)
	defer cancel()
	answers := make(chan *graphql.Response)
	go func() {
		defer close(answers)
		run := s.run(ctx, op)
		for {
			response := run()
			if response == nil {
				return
			}
			response.Data = append([]byte(nil), response.Data...) // it is written over by the next
			select {
			case answers <- response:
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := beat(); err != nil {
		return false, nil
	}
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case response, more := <-answers:
			if !more {
				return ctx.Err() == nil, nil
			}
			if next(response) != nil {
				return false, nil
			}
		case <-ticker.C:
			if beat() != nil {
				return false, nil
			}
		case <-s.Done:
			return false, nil
		case <-ctx.Done():
			return false, nil
		}
	}
}

// events writes server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (e *events) next(r *graphql.Response) error {
	return e.write("event: next\ndata: ", string(encode(r)), "\n\n")
}

func (e *events) complete() error { return e.write("event: complete\ndata:\n\n") }

// beat is a comment.
func (e *events) beat() error { return e.write(":\n\n") }

func (e *events) write(texts ...string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(writing)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, text := range texts {
		if _, err := e.w.Write([]byte(text)); err != nil {
			return err
		}
	}
	return e.control.Flush()
}
