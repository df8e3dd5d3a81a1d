package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"

	"github.com/google/uuid"

	"rochdale/domain"
)

// An origin is what the context knows about the events to come.
type origin struct {
	actor                  string
	correlation, causation uuid.UUID
	request, fingerprint   string
}

type originKey struct{}

func originOf(ctx context.Context) origin {
	o, _ := ctx.Value(originKey{}).(origin)
	return o
}

// As returns a context in which an actor makes a request. The events that
// follow are recorded as theirs, and correlated with the first of them.
func As(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, originKey{}, origin{actor: actor})
}

// AnswerTo returns a context in which an actor answers an event. The events
// that follow name it as their cause, and belong to the same request.
func AnswerTo(ctx context.Context, rec Record, actor string) context.Context {
	return context.WithValue(ctx, originKey{}, origin{actor: actor, correlation: rec.Correlation, causation: rec.ID})
}

// WithRequest returns a context for one request of its actor, under an id that
// the actor chose. If it is made again, it gets the position that it got at first
// and has no further effect. The fingerprint is of all that the request says:
// another request under the same id is refused with [ErrRequestReused].
func WithRequest(ctx context.Context, id, fingerprint string) context.Context {
	o := originOf(ctx)
	o.request, o.fingerprint = id, fingerprint
	return context.WithValue(ctx, originKey{}, o)
}

// Actor returns who acts in ctx, or "".
func Actor(ctx context.Context) string { return originOf(ctx).actor }

// ErrRequestReused refuses a request under an id that was used for another.
var ErrRequestReused = domain.Refusal{
	Code: "request.reused", Reason: "request id {request} was used for something else: choose a new one",
}

// A RequestRecorded says that a request has taken effect with the events that
// come before it, in the same append.
type RequestRecorded struct {
	Fingerprint string `json:"fingerprint"`
	// Answer is what only the request itself can tell of what it has done: see
	// [Tx.Answer].
	Answer json.RawMessage `json:"answer,omitzero"`
}

func requestStream(o origin) domain.Stream { return domain.StreamOf("request", o.actor, o.request) }

// idsOf returns a source of ids for a request: the same ones if it is made again,
// so that it asks for the same, or else whatever fresh draws.
func (o origin) idsOf(fresh func() uuid.UUID) func() uuid.UUID {
	if o.request == "" {
		return fresh
	}
	seed, n := sha256.Sum256([]byte(requestStream(o))), uint64(0)
	return func() uuid.UUID {
		n++
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(seed[:], n))
		id := uuid.UUID(sum[:16])
		id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562, version 8: made our own way
		return id
	}
}
