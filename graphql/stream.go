package graphql

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"rochdale/domain"
	"rochdale/processes/access"
)

const (
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
		if err := s.await(ctx, r.Header); err != nil {
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

// streams counts the subscriptions that run.
type streams struct {
	mu  sync.Mutex
	all int
	by  map[string]int // the name of a viewer
}

// enter counts one more, unless that is too many.
func (s *server) enter(ctx context.Context) (leave func(), err error) {
	v, _ := access.Of(ctx)
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	switch {
	case s.streams.all >= s.Streams:
		return nil, ErrStreams
	case s.streams.by[v.Name] >= s.Own:
		return nil, ErrOwnStreams.With("most", s.Own)
	}
	s.streams.all++
	s.streams.by[v.Name]++
	return func() {
		s.streams.mu.Lock()
		defer s.streams.mu.Unlock()
		s.streams.all--
		if s.streams.by[v.Name]--; s.streams.by[v.Name] == 0 {
			delete(s.streams.by, v.Name)
		}
	}, nil
}

// subscribe runs a subscription and hands its answers on, until it has ended or
// its reader, the server or its time have, or whoever asks may not any more. At
// each heartbeat it lets beat be heard.
func (s *server) subscribe(ctx context.Context, op *operation,
	next func(*graphql.Response) error, beat func() error,
) (ended bool, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, streamLife)
	defer cancel()
	answers := make(chan *graphql.Response)
	go func() {
		defer close(answers)
		defer func() {
			if p := recover(); p != nil { // which would end the program here
				_ = s.fault(ctx, recovered(ctx, p))
			}
		}()
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
	ticker := time.NewTicker(s.Heartbeat)
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
			if err := s.still(ctx, op); err != nil {
				return false, err
			}
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

// still tells why whoever asked for an operation may not any more.
func (s *server) still(ctx context.Context, op *operation) error {
	ctx, err := access.Again(ctx, "")
	if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
		s.Log.WarnContext(ctx, "who is still asking?", "err", err) // and at the next beat
		return nil
	}
	if err != nil {
		return err
	}
	if errs := s.check(ctx, op.Doc, op.Operation); len(errs) > 0 {
		return errs[0]
	}
	return nil
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
