package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rochdale/domain"
)

// Media types of answers.
const (
	graphqlJSON = "application/graphql-response+json"
	plainJSON   = "application/json"
	eventStream = "text/event-stream"
)

// ServeHTTP answers by GraphQL over HTTP, or passes on to a stream or socket.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, call := withCall(r.Context(), r.Header)
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		s.socket(w, r.WithContext(ctx))
		return
	}
	as := accepted(r.Header)
	if as == "" {
		s.write(w, plainJSON, http.StatusNotAcceptable, call, failed(refused(ctx, ErrUnanswerable)))
		return
	}
	request, err := s.read(w, r)
	if err != nil {
		status := http.StatusBadRequest
		if refusal, ok := errors.AsType[domain.Refusal](err); ok {
			status = statusOf(refusal.Code)
		}
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", "GET, POST")
		}
		if as == eventStream {
			as = plainJSON
		}
		s.write(w, as, status, call, failed(s.present(ctx, err)))
		return
	}
	if as == eventStream {
		s.stream(ctx, w, r, request)
		return
	}
	op, errs := s.prepare(ctx, request)
	if errs == nil {
		errs = s.sendable(ctx, r, op)
	}
	if errs != nil {
		status := http.StatusOK
		code, _ := errs[0].Extensions["code"].(string)
		if as == graphqlJSON || code == ErrBadRequest.Code {
			status = statusOf(code)
		}
		if code == ErrMethod.Code {
			status = http.StatusMethodNotAllowed
			w.Header().Set("Allow", http.MethodPost)
		}
		s.write(w, as, status, call, failed(errs...))
		return
	}
	s.write(w, as, http.StatusOK, call, s.answer(ctx, op))
}

// sendable refuses what does not go by plain HTTP, and waits for the position that
// the request names.
func (s *server) sendable(ctx context.Context, r *http.Request, op *operation) gqlerror.List {
	if op.Operation.Operation == ast.Subscription {
		return failed(refused(ctx, ErrStream)).Errors
	}
	if err := s.await(ctx, r.Header); err != nil {
		return failed(s.present(ctx, err)).Errors
	}
	return nil
}

func failed(errs ...*gqlerror.Error) *graphql.Response { return &graphql.Response{Errors: errs} }

// Values of headers, which nobody changes.
var (
	contentTypes = map[string][]string{graphqlJSON: {graphqlJSON + "; charset=utf-8"}, plainJSON: {plainJSON + "; charset=utf-8"}}
	noStore      = []string{"no-store"}
)

// write writes an answer. It knows its form, and so need not look for it.
func (s *server) write(w http.ResponseWriter, as string, status int, c *call, response *graphql.Response) {
	h := w.Header()
	h["Content-Type"] = contentTypes[as]
	h["Cache-Control"] = noStore
	h.Add("Vary", "Accept, Accept-Language, Authorization, Cookie")
	position := c.position.Load()
	if position == 0 && s.Models != nil {
		position = s.Models.Position()
	}
	body := encode(response)
	numbers := []string{strconv.FormatInt(position, 10), strconv.Itoa(len(body))}
	h[PositionHeader], h["Content-Length"] = numbers[:1:1], numbers[1:]
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="rochdale"`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// encode writes {"errors":…,"data":…}. Without data nothing was carried out.
func encode(r *graphql.Response) []byte {
	b := make([]byte, 0, len(r.Data)+64)
	b = append(b, '{')
	if len(r.Errors) > 0 {
		errs, err := json.Marshal(r.Errors)
		if err != nil { // an argument that JSON does not have
			errs = []byte(`[{"message":"error","extensions":{"code":"fault"}}]`)
		}
		b = append(append(b, `"errors":`...), errs...)
		if r.Data == nil {
			return append(b, '}')
		}
		b = append(b, ',')
	}
	data := []byte(r.Data)
	if data == nil {
		data = []byte("null")
	}
	b = append(append(b, `"data":`...), data...)
	return append(b, '}')
}

// read returns the request of a GET or POST.
func (s *server) read(w http.ResponseWriter, r *http.Request) (*request, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if len(r.URL.RawQuery) > int(min(s.MaxBody, 64<<10)) {
			return nil, ErrTooLarge.With("most", min(s.MaxBody, 64<<10))
		}
		return queried(r.URL)
	case http.MethodPost:
		if said := r.Header.Get("Content-Type"); said != plainJSON {
			media, params, err := mime.ParseMediaType(said)
			charset := params["charset"]
			if err != nil || media != plainJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
				return nil, ErrMediaType
			}
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, ErrTooLarge.With("most", s.MaxBody)
		} else if err != nil {
			return nil, ErrBadRequest.With("problem", "the body ends before it should")
		}
		return decode(body)
	}
	return nil, ErrNoMethod
}

func queried(u *url.URL) (*request, error) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, ErrBadRequest.With("problem", "the parameters are not URL-encoded")
	}
	for _, values := range q {
		for _, value := range values {
			if !utf8.ValidString(value) {
				return nil, ErrBadRequest.With("problem", "the parameters are not in UTF-8")
			}
		}
	}
	r := &request{Query: q.Get("query"), OperationName: q.Get("operationName"), get: true}
	for name, into := range map[string]*map[string]any{"variables": &r.Variables, "extensions": &r.Extensions} {
		if text := q.Get(name); text != "" && unmarshal([]byte(text), into) != nil {
			return nil, ErrBadRequest.With("problem", name+" is not a JSON object")
		}
	}
	return r, nil
}

// decode reads a request written as JSON. Numbers stay as they are written.
func decode(body []byte) (*request, error) {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return nil, ErrBadRequest.With("problem", "there is no body")
	case body[0] == '[':
		return nil, ErrBadRequest.With("problem", "one operation is sent at a time, not a list of them")
	case body[0] != '{' || !utf8.Valid(body):
		return nil, ErrBadRequest.With("problem", "the body is not a JSON object in UTF-8")
	}
	var in map[string]json.RawMessage // by names as they are written: those of a struct would be matched in any case
	if unmarshal(body, &in) != nil {
		return nil, ErrBadRequest.With("problem", "the body is not JSON")
	}
	r := new(request)
	for _, field := range []struct {
		name string
		into any
	}{{"query", &r.Query}, {"operationName", &r.OperationName}, {"variables", &r.Variables}, {"extensions", &r.Extensions}} {
		if value, there := in[field.name]; there && unmarshal(value, field.into) != nil {
			return nil, ErrBadRequest.With("problem", field.name+" is not what it should be")
		}
	}
	return r, nil
}

// unmarshal reads JSON, and leaves numbers as they are written.
func unmarshal(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows")
	}
	return nil
}

// accepted returns the media type in which a client wants its answer, or "" where
// it wants none of ours. Who does not say gets application/json.
func accepted(h http.Header) string {
	values := h.Values("Accept")
	if len(values) == 0 {
		return plainJSON
	}
	best, weight := "", 0.0
	for _, part := range strings.Split(strings.Join(values, ","), ",") {
		media, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch media {
		case "*/*", "application/*":
			media = plainJSON
		case graphqlJSON, plainJSON, eventStream:
		default:
			continue
		}
		if q > weight {
			best, weight = media, q
		}
	}
	return best
}
