package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes/access"
	"rochdale/processes/feed"
)

// Feed is the log as programs ask for it by HTTP.
type Feed struct {
	Store    *eventstore.Store
	Envelope feed.Envelope
	// Heartbeat is after how long a stream in which nothing happens says that it is
	// alive, and looks who is asking: 12 s if 0.
	Heartbeat time.Duration
	// Streams is how many may run at once on this node, and wait: 1000 if 0.
	Streams int
	// Closing, once it ends, ends what waits, so that the server can stop.
	Closing context.Context
}

const (
	// maxEvents and maxEventBytes bound one answer; who wants more asks on.
	maxEvents     = 1000
	maxEventBytes = 4 << 20
	// maxWait is the longest that an answer is waited for.
	maxWait = 60 * time.Second
	// maxLooked bounds how much of the log one answer takes to find none.
	maxLooked = 100_000
	// streamLife is the longest that a stream runs: its reader comes back then.
	streamLife = time.Hour
)

// The rules by which events are not told.
var (
	errNoEvents = domain.Refusal{
		Code: "feed.forbidden", Reason: "events are for programs: this takes the role pipeline and, of a token with scopes, the scope events:read",
	}
	errBadCursor = domain.Refusal{Code: "feed.bad_number", Reason: "{name} is {value}: it is a whole number, from {least} to {most}"}
	errCrowded   = domain.Refusal{Code: "feed.crowded", Reason: "too many wait for events here already: try another node, or later"}
)

// A reader is somebody who asks for events.
type reader struct {
	*Feed
	after    int64
	types    feed.Types
	personal bool
}

// feeds serves what the feed is made of.
type feeds struct {
	*server
	*Feed
	crowd chan struct{}
}

func (s *server) events(mux *http.ServeMux) {
	f := &feeds{server: s, Feed: s.Feed, crowd: make(chan struct{}, cmp.Or(s.Feed.Streams, 1000))}
	f.Heartbeat = cmp.Or(f.Heartbeat, 12*time.Second)
	mux.Handle("GET /events", s.identify(http.HandlerFunc(f.pull)))
	mux.Handle("GET /events/stream", s.identify(http.HandlerFunc(f.stream)))
}

// reads returns who asks for events, or refuses them. Who comes back has read up to last.
func (f *feeds) reads(w http.ResponseWriter, r *http.Request, last string) (as reader, ok bool) {
	v, known := access.Of(r.Context())
	if !known || !v.ReadsEvents() {
		f.refuse(w, r, http.StatusForbidden, errNoEvents)
		return as, false
	}
	types, err := feed.TypesOf(f.Store.Registry, r.URL.Query()["types"]...)
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		f.refuse(w, r, http.StatusBadRequest, refusal)
		return as, false
	}
	after, ok := f.number(w, r, "after", r.URL.Query().Get("after"), 0, 1<<62)
	if ok && last != "" && last != "0" {
		after, ok = f.number(w, r, "Last-Event-ID", last, 0, 1<<62)
	}
	if !ok {
		return as, false
	}
	err = feed.Within(r.Context(), f.Store.Log, after)
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		f.refuse(w, r, http.StatusConflict, refusal)
		return as, false
	} else if err != nil {
		f.Log.ErrorContext(r.Context(), "event feed", "err", err)
		f.fault(w, r, http.StatusServiceUnavailable)
		return as, false
	}
	return reader{f.Feed, after, types, v.SeesPersonal()}, true
}

// number reads one that is asked for, or refuses it; where there is none, it is 0.
func (f *feeds) number(w http.ResponseWriter, r *http.Request, name, value string, least, most int64) (n int64, ok bool) {
	if value == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		f.refuse(w, r, http.StatusBadRequest, errBadCursor.With("name", name).With("value", value).With("least", least).With("most", most))
		return 0, false
	}
	return n, true
}

// enter counts one who waits, unless there are too many.
func (f *feeds) enter(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	select {
	case f.crowd <- struct{}{}:
		return func() { <-f.crowd }, true
	default:
		w.Header().Set("Retry-After", "5")
		f.refuse(w, r, http.StatusServiceUnavailable, errCrowded)
		return nil, false
	}
}

// read takes the events after where the reader is, at most so many, and moves them on
// over all that was looked at.
func (as *reader) read(ctx context.Context, most int) (events []feed.CloudEvent, err error) {
	size, looked := 0, 0
	for rec, err := range as.Store.Log.Next(ctx, as.after) {
		if err != nil {
			return events, err
		}
		if as.types.Want(rec.Type) {
			if len(events) == most || size > maxEventBytes {
				break
			}
			event, err := feed.Of(ctx, as.Store, rec, as.personal)
			if err != nil {
				return events, err
			}
			size += len(event.Data)
			events = append(events, as.Envelope.Of(event))
		}
		as.after = rec.Position
		if looked++; looked == maxLooked {
			break
		}
	}
	return events, nil
}

// pull answers with the events after a position, as lines of JSON or as a batch of
// CloudEvents. The header Rochdale-Next says after which position to ask next.
func (f *feeds) pull(w http.ResponseWriter, r *http.Request) {
	as, ok := f.reads(w, r, "")
	if !ok {
		return
	}
	wait, ok := f.number(w, r, "wait", r.URL.Query().Get("wait"), 0, int64(maxWait/time.Second))
	if !ok {
		return
	}
	most, ok := f.number(w, r, "limit", r.URL.Query().Get("limit"), 1, maxEvents)
	if !ok {
		return
	}
	if most == 0 {
		most = maxEvents
	}
	ctx := r.Context()
	if wait > 0 {
		leave, ok := f.enter(w, r)
		if !ok {
			return
		}
		defer leave()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Duration(wait)*time.Second + 2*f.Asking))
	}
	until, cancel := context.WithTimeout(ctx, time.Duration(wait)*time.Second)
	defer cancel()
	defer context.AfterFunc(f.Closing, cancel)()
	var events []feed.CloudEvent
	for {
		var err error
		if events, err = as.read(ctx, int(most)); err != nil {
			f.Log.ErrorContext(ctx, "event feed", "after", as.after, "err", err)
			f.fault(w, r, http.StatusServiceUnavailable)
			return
		}
		if len(events) > 0 || until.Err() != nil || as.Store.Log.Wait(until, as.after) != nil {
			break
		}
	}
	h := w.Header()
	h.Set("Rochdale-Next", strconv.FormatInt(as.after, 10))
	h.Set("Cache-Control", "no-store")
	var out bytes.Buffer
	lines := json.NewEncoder(&out) // ends each with a new line
	var err error
	if strings.Contains(r.Header.Get("Accept"), feed.BatchMediaType) {
		h.Set("Content-Type", feed.BatchMediaType)
		if events == nil {
			events = []feed.CloudEvent{}
		}
		err = lines.Encode(events)
	} else {
		h.Set("Content-Type", "application/x-ndjson")
		for _, e := range events {
			err = errors.Join(err, lines.Encode(e))
		}
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "event feed", "err", err)
		f.fault(w, r, http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(out.Bytes()) // who has gone asks again
}

// stream tells events as they come, as server-sent events whose ids are positions: who
// comes back with the last one, as browsers and clients do by themselves, misses none.
func (f *feeds) stream(w http.ResponseWriter, r *http.Request) {
	as, ok := f.reads(w, r, r.Header.Get("Last-Event-ID"))
	if !ok {
		return
	}
	leave, ok := f.enter(w, r)
	if !ok {
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	defer context.AfterFunc(f.Closing, cancel)()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or a proxy would keep events back
	control := http.NewResponseController(w)
	say := func(text []byte) bool { // to who takes it: one who is slow is cut off, and comes back
		_ = control.SetWriteDeadline(time.Now().Add(2 * f.Asking))
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	if !say([]byte("retry: 2000\n\n")) {
		return
	}
	looked := time.Now()
	for ctx.Err() == nil {
		if time.Since(looked) >= f.Heartbeat { // who is asking, still?
			again, err := access.Again(r.Context(), "")
			if err != nil || !as.stillReads(again) {
				return
			}
			looked = time.Now()
			if !say(fmt.Appendf(nil, ": alive\nid: %d\n\n", as.after)) { // sets the id of who comes back, and is no event
				return
			}
		}
		events, err := as.read(ctx, 100)
		if err != nil {
			f.Log.ErrorContext(ctx, "event feed", "after", as.after, "err", err)
			return
		}
		var out bytes.Buffer
		for _, e := range events {
			data, err := json.Marshal(e)
			if err != nil {
				f.Log.ErrorContext(ctx, "event feed", "err", err)
				return
			}
			position, _ := strconv.ParseInt(e.Sequence, 10, 64) // as we have written it
			fmt.Fprintf(&out, "id: %d\ndata: %s\n\n", position, data)
		}
		if len(events) > 0 {
			if !say(out.Bytes()) {
				return
			}
			continue
		}
		waiting, stop := context.WithTimeout(ctx, f.Heartbeat-time.Since(looked))
		_ = as.Store.Log.Wait(waiting, as.after)
		stop()
	}
}

// stillReads reports whether who asks now may read on, and sees as much as before.
func (as *reader) stillReads(ctx context.Context) bool {
	v, known := access.Of(ctx)
	return known && v.ReadsEvents() && v.SeesPersonal() == as.personal
}

// schema serves the schema of an edition of a type, to anybody: they are no secret, and
// readers hold events against them.
func (s *server) schema(w http.ResponseWriter, r *http.Request) {
	edition, isJSON := strings.CutSuffix(r.PathValue("edition"), ".json")
	file, err := fs.ReadFile(s.Schemas, "events/"+r.PathValue("type")+"/"+edition+".schema.json")
	if err != nil || !isJSON {
		s.refuse(w, r, http.StatusNotFound, errNoPage)
		return
	}
	w.Header().Set("Content-Type", "application/schema+json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write(file)
}

// schemas names all of them.
func (s *server) schemas(w http.ResponseWriter, _ *http.Request) {
	files, _ := fs.Glob(s.Schemas, "events/*/*.schema.json") // the pattern is right
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = "/schemas/" + strings.TrimSuffix(strings.TrimPrefix(file, "events/"), ".schema.json") + ".json"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	writeJSON(w, names)
}
