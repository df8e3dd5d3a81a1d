package graphql

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/text/language"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/graphql/scalar"
	"rochdale/processes/access"
)

// PositionHeader carries, in an answer, a position beyond which it knows nothing;
// and in a request, one up to which it must know.
const PositionHeader = "Rochdale-Position"

// call is what is known of a request besides what it asks for.
type call struct {
	language domain.Language
	position atomic.Int64 // that its mutations have reached

	today struct {
		sync.Once
		calendar.Date
		err error
	}
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
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	return s.Models.WaitFor(ctx, position)
}

// today is the day of the co-op, in its time zone, as the read models know it. It
// is the same throughout a request.
func (r *resolver) today(ctx context.Context) (calendar.Date, error) {
	t := &callOf(ctx).today
	t.Do(func() {
		var in *time.Location
		if in, t.err = r.zone(ctx); t.err == nil {
			t.Date = calendar.Of(r.Store.Now().In(in))
		}
	})
	return t.Date, t.err
}

// zone is the time zone of the co-op: UTC as long as there are no statutes to name
// one. It is read again only when something has happened since.
func (r *resolver) zone(ctx context.Context) (*time.Location, error) {
	position := r.Models.Position()
	if known := r.zones.Load(); known != nil && known.position == position {
		return known.in, nil
	}
	versions, err := r.Models.Statutes(ctx)
	if err != nil {
		return nil, err
	}
	name := "UTC"
	if n := len(versions); n > 0 {
		name = versions[n-1].Statutes.TimeZone
	}
	in, err := location(name)
	if err == nil {
		r.zones.Store(&zoneAt{position, in})
	}
	return in, err
}

// zoneAt is the co-op's time zone as of a position.
type zoneAt struct {
	position int64
	in       *time.Location
}

// dayOr is a day that was given, or today.
func (r *resolver) dayOr(ctx context.Context, given *calendar.Date) (calendar.Date, error) {
	if given != nil {
		return *given, nil
	}
	return r.today(ctx)
}
