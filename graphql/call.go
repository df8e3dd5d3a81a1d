package graphql

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"

	"golang.org/x/text/language"

	"rochdale/domain"
	"rochdale/graphql/scalar"
	"rochdale/processes/access"
)

// Models are the read models, as far as every request has to do with them.
type Models interface {
	// Position is that of the last event they hold.
	Position() int64
	// WaitFor returns once they hold all events up to a position, or with the
	// cause for which ctx ended.
	WaitFor(ctx context.Context, position int64) error
}

// PositionHeader carries, in an answer, a position at which it holds; and in a
// request, one up to which it must know.
const PositionHeader = "Rochdale-Position"

// call is what is known of a request besides what it asks for.
type call struct {
	language domain.Language
	position atomic.Int64 // that its mutations have reached
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		c = &call{}
	}
	return c
}

// languageOf is the language in which to speak to the caller.
func languageOf(ctx context.Context) domain.Language { return callOf(ctx).language }

// withCall returns a context for a request.
func withCall(ctx context.Context, header http.Header) (context.Context, *call) {
	c := &call{}
	if v, _ := access.Of(ctx); v.Language.Valid() {
		c.language = v.Language
	} else {
		c.language = preferred(header.Get("Accept-Language"))
	}
	return context.WithValue(ctx, callKey{}, c), c
}

var (
	spoken  = []domain.Language{domain.English, domain.French, domain.Dutch, domain.German}
	matcher = language.NewMatcher([]language.Tag{language.English, language.French, language.Dutch, language.German})
)

func preferred(accept string) domain.Language {
	if accept == "" {
		return spoken[0]
	}
	_, i := language.MatchStrings(matcher, accept)
	return spoken[i]
}

// reached takes note of a position of a mutation.
func (c *call) reached(position int64) {
	for {
		was := c.position.Load()
		if was >= position || c.position.CompareAndSwap(was, position) {
			return
		}
	}
}

// await waits for the position that a request names, if it does, with patience.
func (s *server) await(ctx context.Context, header http.Header) error {
	text := header.Get(PositionHeader)
	if text == "" {
		return nil
	}
	position, err := strconv.ParseInt(text, 10, 64)
	if err != nil || position < 0 {
		return scalar.ErrPosition.With("value", text[:min(len(text), 60)])
	}
	return s.upTo(ctx, position)
}

// upTo waits for the read models to hold a position, with patience.
func (s *server) upTo(ctx context.Context, position int64) error {
	if s.Models.Position() >= position {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Patience, errBehind)
	defer cancel()
	err := s.Models.WaitFor(ctx, position)
	if err != nil && errors.Is(context.Cause(ctx), errBehind) {
		return ErrBehind.With("position", position)
	}
	return err
}

var errBehind = errors.New("graphql: the read models are behind")
