package graphql

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/projections"
)

// The rules by which an operation is not carried out.
var (
	ErrDenied        = domain.Refusal{Code: "graphql.denied", Reason: "{field} is not for you to see or do"}
	ErrSignedOut     = domain.Refusal{Code: "graphql.signed_out", Reason: "sign in first: {field} is not for everybody"}
	ErrScope         = domain.Refusal{Code: "graphql.scope", Reason: "{field} takes a token with the scope {scope}"}
	ErrTooDeep       = domain.Refusal{Code: "graphql.too_deep", Reason: "the operation is {depth} levels deep, more than {most}: ask in several"}
	ErrTooCostly     = domain.Refusal{Code: "graphql.too_costly", Reason: "the operation may answer with {cost} values, more than {most}: ask for shorter pages or fewer fields"}
	ErrPageSize      = domain.Refusal{Code: "graphql.page_size", Reason: "a page has from 1 to {most} elements, not {asked}"}
	ErrTimeout       = domain.Refusal{Code: "graphql.timeout", Reason: "this took longer than {seconds} seconds: ask for less, or try again later"}
	ErrBadRequest    = domain.Refusal{Code: "graphql.bad_request", Reason: "this is no GraphQL request: {problem}"}
	ErrInvalid       = domain.Refusal{Code: "graphql.invalid", Reason: "{problem}"}
	ErrBadValue      = domain.Refusal{Code: "graphql.bad_value", Reason: "{problem}"}
	ErrMethod        = domain.Refusal{Code: "graphql.method", Reason: "what changes anything is sent by POST"}
	ErrStream        = domain.Refusal{Code: "graphql.stream", Reason: "a subscription takes a client that accepts text/event-stream, or a socket"}
	ErrStreams       = domain.Refusal{Code: "graphql.streams", Reason: "there are too many subscriptions on this node: try again later, or ask another"}
	ErrOwnStreams    = domain.Refusal{Code: "graphql.own_streams", Reason: "you have {most} subscriptions on this node already: end some"}
	ErrTrustedOnly   = domain.Refusal{Code: "graphql.trusted_only", Reason: "only documents known to this server are carried out: send the hash of one"}
	ErrHashMismatch  = domain.Refusal{Code: "graphql.hash", Reason: "the hash is not that of the document"}
	ErrUnanswerable  = domain.Refusal{Code: "graphql.not_acceptable", Reason: "answers are written as application/graphql-response+json, application/json or text/event-stream"}
	ErrMediaType     = domain.Refusal{Code: "graphql.media_type", Reason: "a request is written as application/json in UTF-8"}
	ErrTooLarge      = domain.Refusal{Code: "graphql.too_large", Reason: "a request has at most {most} bytes"}
	ErrNoMethod      = domain.Refusal{Code: "graphql.no_method", Reason: "ask by GET or POST"}
	ErrRequestID     = domain.Refusal{Code: "graphql.request_id", Reason: "a request id has from 1 to {most} bytes"}
	ErrLongText      = domain.Refusal{Code: "graphql.long_text", Reason: "a text here has at most {most} characters"}
	ErrLongList      = domain.Refusal{Code: "graphql.long_list", Reason: "a list here has at most {most} elements"}
	ErrLongDocument  = domain.Refusal{Code: "graphql.long_document", Reason: "a document has at most {most} bytes: send what is long as a variable"}
	ErrControl       = domain.Refusal{Code: "graphql.control", Reason: "a text has no control characters"}
	ErrBadInt        = domain.Refusal{Code: "graphql.bad_int", Reason: "a whole number here lies between -2147483648 and 2147483647"}
	ErrSubscriptions = domain.Refusal{Code: "graphql.subscriptions", Reason: "a socket carries at most {most} operations at once"}
)

// errUnknownHash has the code and text by which clients of automatic persisted
// queries know that they must send the document.
var errUnknownHash = &gqlerror.Error{
	Message: "PersistedQueryNotFound", Extensions: map[string]any{"code": "PERSISTED_QUERY_NOT_FOUND"},
}

// statusOf is the status of an answer without data, where the client understands it.
func statusOf(code string) int {
	switch code {
	case ErrSignedOut.Code:
		return http.StatusUnauthorized
	case ErrDenied.Code, ErrScope.Code, ErrTrustedOnly.Code:
		return http.StatusForbidden
	case ErrMethod.Code, ErrNoMethod.Code:
		return http.StatusMethodNotAllowed
	case ErrStream.Code, ErrUnanswerable.Code:
		return http.StatusNotAcceptable
	case ErrMediaType.Code:
		return http.StatusUnsupportedMediaType
	case ErrTooLarge.Code:
		return http.StatusRequestEntityTooLarge
	case projections.ErrBehind.Code, ErrStreams.Code, ErrOwnStreams.Code, ErrTimeout.Code:
		return http.StatusServiceUnavailable
	case "fault":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// refused is a refusal as an error of GraphQL, in the language of the caller.
func refused(ctx context.Context, refusal domain.Refusal, at ...gqlerror.Location) *gqlerror.Error {
	extensions := map[string]any{"code": refusal.Code}
	if len(refusal.Args) > 0 {
		extensions["args"] = refusal.Args
	}
	if refusal.Source != "" {
		extensions["source"] = refusal.Source
	}
	return &gqlerror.Error{
		Err: refusal, Message: catalogue.Refusal(languageOf(ctx), refusal), Locations: at, Extensions: extensions,
	}
}

// present shows refusals to whoever asked, and faults to operators only: the
// caller gets the id under which a fault is in the server's log.
func (s *server) present(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err) // with path and location
	if shown == errUnknownHash {
		return shown
	}
	if refusal, ok := errors.AsType[domain.Refusal](err); ok {
		return at(refused(ctx, refusal), shown)
	}
	if fc := graphql.GetFieldContext(ctx); fc != nil && len(shown.Path) > len(fc.Path()) { // of an argument, which cannot be read
		return at(refused(ctx, ErrBadValue.With("problem", shown.Message)), shown)
	}
	if errors.Is(err, errTimeout) || errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errTimeout) {
		return at(refused(ctx, ErrTimeout.With("seconds", seconds(s.Timeout))), shown)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil { // who asked has gone
		return at(refused(ctx, ErrBadRequest.With("problem", "cancelled")), shown)
	}
	return at(s.fault(ctx, err, "path", shown.Path.String()), shown)
}

var errTimeout = errors.New("graphql: timeout")

func at(e, place *gqlerror.Error) *gqlerror.Error {
	e.Path, e.Locations = place.Path, place.Locations
	return e
}

// fault notes what went wrong, and says nothing of it.
func (s *server) fault(ctx context.Context, err error, more ...any) *gqlerror.Error {
	id := rand.Text()[:10]
	operation := ""
	if graphql.HasOperationContext(ctx) {
		operation = graphql.GetOperationContext(ctx).OperationName
	}
	s.Log.ErrorContext(ctx, "graphql", append([]any{"fault", id, "operation", operation, "err", err}, more...)...)
	message := catalogue.Text(languageOf(ctx), "graphql.fault", domain.Args{"id": id}, "something went wrong on our side: it is noted under {id}")
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": "fault", "id": id}}
}

// recovered makes a fault of a panic.
func recovered(_ context.Context, p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }
