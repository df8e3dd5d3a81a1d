package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// A Store is a [Log] whose records are understood.
type Store struct {
	Log      *Log
	Registry *domain.Registry
	Keys     *Keys
	Now      func() time.Time
	NewID    func() uuid.UUID // of version 7: rising with time

	states  *lru.Cache[domain.Stream, past]
	digests atomic.Pointer[sealed.Digests]
}

// cachedStates is the number of streams whose state is kept.
const cachedStates = 1 << 16

// New returns a store that tells the time by the wall. It needs keys only if
// some event holds personal data.
func New(log *Log, r *domain.Registry, keys *Keys) *Store {
	if r.Name(RequestRecorded{}) == "" {
		domain.Register[RequestRecorded](r, "request.recorded")
	}
	states, _ := lru.New[domain.Stream, past](cachedStates) // fails for sizes below 1 only
	return &Store{
		Log: log, Registry: r, Keys: keys, Now: time.Now, NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }, states: states,
	}
}

// Execute is the whole write side: it folds the stream, asks the command to
// decide and appends what follows. If the stream moves on meanwhile, the command
// decides afresh. The position returned is one at which it has taken effect.
func Execute[S any](ctx context.Context, s *Store, cmd domain.Command[S]) (position int64, err error) {
	return Transact(ctx, s, func(tx *Tx) error { return Do(tx, cmd) })
}

// Execute2 is [Execute] for a command over two streams. What it decides is
// appended only if neither of them has moved on.
func Execute2[A, B any](ctx context.Context, s *Store, cmd domain.Command2[A, B]) (position int64, err error) {
	return Transact(ctx, s, func(tx *Tx) error { return Do2(tx, cmd) })
}

// Transact executes the commands of a function, all or none: later ones see what
// earlier ones decided, and all is appended at once. The function runs again if a
// stream has moved on, so it must not do anything else.
func Transact(ctx context.Context, s *Store, run func(*Tx) error) (position int64, err error) {
	from := originOf(ctx)
	if from.actor == "" {
		return 0, errors.New("eventstore: no actor in the context")
	}
	for attempt := range 16 {
		tx := &Tx{
			ctx: ctx, store: s, from: from, newID: from.idsOf(s.NewID),
			again: attempt > 0, staged: map[domain.Stream]*stage{},
		}
		position, err = tx.run(run)
		if tx.recalled && !tx.appended && ctx.Err() == nil {
			continue // a no, or nothing, is believed only of what was read just now
		}
		no, conflict := errors.AsType[Conflict](err)
		if !conflict {
			break
		}
		if from.request != "" && no.Stream == requestStream(from) {
			position, _, err := s.answered(ctx, from)
			return position, err
		}
	}
	if _, refused := errors.AsType[domain.Refusal](err); refused && from.request != "" {
		// What is refused now may have been accepted then.
		if position, _, err := s.answered(ctx, from); !errors.Is(err, errUnanswered) {
			return position, err
		}
	}
	return position, err
}

// Made returns the position and the answer that the request in ctx got when it was
// made before, if it was: what takes several appends, or has effects outside of
// the log, must know before it begins.
func Made(ctx context.Context, s *Store) (position int64, answer json.RawMessage, made bool, err error) {
	from := originOf(ctx)
	if from.request == "" {
		return 0, nil, false, nil
	}
	position, answer, err = s.answered(ctx, from)
	if errors.Is(err, errUnanswered) {
		return 0, nil, false, nil
	}
	return position, answer, err == nil, err
}

var errUnanswered = errors.New("eventstore: the request has not been made before")

// answered returns the position that a request got when it was made before, and
// its answer.
func (s *Store) answered(ctx context.Context, from origin) (position int64, answer json.RawMessage, err error) {
	for rec, err := range s.Log.Stream(ctx, requestStream(from), 0) {
		if err != nil {
			return 0, nil, err
		}
		event, err := s.Decode(ctx, rec)
		if err != nil {
			return 0, nil, err
		}
		made, ok := event.(RequestRecorded)
		if !ok || made.Fingerprint != from.fingerprint {
			return 0, nil, ErrRequestReused.With("request", from.request)
		}
		return rec.Position, made.Answer, nil
	}
	return 0, nil, errUnanswered
}

// A Tx is a transaction: see [Transact].
type Tx struct {
	ctx    context.Context
	store  *Store
	from   origin
	newID  func() uuid.UUID
	again  bool // after a conflict: what is remembered may be old
	staged map[domain.Stream]*stage
	order  []*stage
	events int // decided so far
	answer json.RawMessage

	recalled bool // some state was remembered: see [Recall]
	appended bool // or it was tried
}

// A past is a stream as far as it has been read.
type past struct {
	state             any // whose type is the S of its events
	version, position int64
	age               int64 // see [Store.age]
}

// age rises whenever keys are forgotten: what was remembered before may hold what they
// have sealed.
func (s *Store) age() int64 {
	if s.Keys == nil {
		return 0
	}
	return s.Keys.forgotten.Load()
}

// remembered returns what is remembered of a stream, or a past without anything.
func remembered[S any](s *Store, stream domain.Stream) (p past, known bool) {
	age := s.age()
	if p, known = s.states.Get(stream); known {
		_, known = p.state.(S)
	}
	if !known || p.age != age {
		return past{state: *new(S), age: age}, false
	}
	return p, true
}

// A stage is a stream in a transaction: what it was, and is to become.
type stage struct {
	stream domain.Stream
	past         // at the version expected, but with the state that follows
	read   bool  // and not just remembered
	events []any // decided, not appended
}

// Context returns that of the request.
func (tx *Tx) Context() context.Context { return tx.ctx }

// NewID returns an id for a new thing. Within a request that has an id, it is the
// same whenever that request is made again.
func (tx *Tx) NewID() uuid.UUID { return tx.newID() }

// Digests returns those of the log: see [Store.Digests].
func (tx *Tx) Digests() (sealed.Digests, error) { return tx.store.Digests(tx.ctx) }

// Events returns how many events have been decided so far.
func (tx *Tx) Events() int { return tx.events }

// Answer has the request that is carried out keep something that [Made] returns if
// it is made again. It is not sealed, and so holds no personal data.
func (tx *Tx) Answer(v any) (err error) {
	tx.answer, err = json.Marshal(v)
	return err
}

// Load returns the state and version of a stream, which must not move on before
// the transaction is through.
func Load[S any](tx *Tx, stream domain.Stream) (state S, version int64, err error) {
	st, err := load[S](tx, stream)
	if err != nil {
		return state, 0, err
	}
	if err := refresh[S](tx, st); err != nil {
		return state, 0, err
	}
	state, _ = st.state.(S)
	return state, st.version + int64(len(st.events)), nil
}

// Recall is [Load] for what many transactions ask and few change: it returns what is
// remembered, if anything is. Should that be old, the append will tell; and where
// nothing is appended, the function runs again on what is so now.
func Recall[S any](tx *Tx, stream domain.Stream) (state S, version int64, err error) {
	st, err := load[S](tx, stream)
	if err != nil {
		return state, 0, err
	}
	tx.recalled = tx.recalled || !st.read && !tx.again
	state, _ = st.state.(S)
	return state, st.version + int64(len(st.events)), nil
}

// A Reading is a stream as it was read: see [Read].
type Reading[S any] struct {
	Stream domain.Stream
	State  S
	// Version and Position are those of the event last in it, or 0.
	Version, Position int64

	past past
}

// A Readable is a [Reading] of any state.
type Readable interface {
	begin(s *Store) StreamAfter
	next(ctx context.Context, s *Store, rec Record) error
	end()
}

func (r *Reading[S]) begin(s *Store) StreamAfter {
	r.past, _ = remembered[S](s, r.Stream)
	return StreamAfter{r.Stream, r.past.version}
}

func (r *Reading[S]) next(ctx context.Context, s *Store, rec Record) error {
	return evolve[S](ctx, s, &r.past, rec)
}

func (r *Reading[S]) end() {
	r.State, _ = r.past.state.(S)
	r.Version, r.Position = r.past.version, r.past.position
}

// Remember has commands begin with what was read.
func (r *Reading[S]) Remember(s *Store) { s.states.Add(r.Stream, r.past) }

// Read reads streams, each of which occurs once, as they are now. What has happened to
// them since they were remembered is asked for together.
func Read(ctx context.Context, s *Store, streams ...Readable) error {
	wanted := make([]StreamAfter, len(streams))
	for i, r := range streams {
		wanted[i] = r.begin(s)
	}
	i := 0
	for rec, err := range s.Log.Streams(ctx, wanted...) {
		if err != nil {
			return err
		}
		for wanted[i].Stream != rec.Stream {
			i++
		}
		if err := streams[i].next(ctx, s, rec); err != nil {
			return err
		}
	}
	for _, r := range streams {
		r.end()
	}
	return nil
}

// Do executes a command within a transaction.
func Do[S any](tx *Tx, cmd domain.Command[S]) error {
	st, err := load[S](tx, cmd.Stream())
	if err != nil {
		return err
	}
	for {
		events, err := cmd.Decide(st.state.(S))
		if err == nil && len(events) > 0 {
			then(tx, st, events)
			return nil
		}
		// A no, or nothing, is believed only of what was read just now.
		if st.read || tx.recalled {
			return err
		}
		if err := refresh[S](tx, st); err != nil {
			return err
		}
	}
}

// Do2 executes a command over two streams within a transaction.
func Do2[A, B any](tx *Tx, cmd domain.Command2[A, B]) error {
	streamA, streamB := cmd.Streams()
	a, errA := load[A](tx, streamA)
	b, errB := load[B](tx, streamB)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	for {
		as, bs, err := cmd.Decide(a.state.(A), b.state.(B))
		if err == nil && len(as)+len(bs) > 0 {
			then(tx, a, as)
			then(tx, b, bs)
			return nil
		}
		if a.read && b.read || tx.recalled {
			return err
		}
		if err := errors.Join(refresh[A](tx, a), refresh[B](tx, b)); err != nil {
			return err
		}
	}
}

// load stages a stream, as it is remembered or else as it is.
func load[S any](tx *Tx, stream domain.Stream) (*stage, error) {
	if st, ok := tx.staged[stream]; ok {
		if _, ok := st.state.(S); !ok {
			return nil, fmt.Errorf("eventstore: %s is of %T, not %T", stream, st.state, *new(S))
		}
		return st, nil
	}
	st := &stage{stream: stream}
	var cached bool
	st.past, cached = remembered[S](tx.store, stream)
	if !cached || tx.again {
		if err := refresh[S](tx, st); err != nil {
			return nil, err
		}
	}
	tx.staged[stream] = st
	tx.order = append(tx.order, st)
	return st, nil
}

// refresh reads what has happened to a stream since it was remembered. A stream
// for which something is decided already is not refreshed: should it have moved
// on, the append will tell.
func refresh[S any](tx *Tx, st *stage) error {
	if st.read || len(st.events) > 0 {
		st.read = true
		return nil
	}
	for rec, err := range tx.store.Log.Stream(tx.ctx, st.stream, st.version) {
		if err == nil {
			err = evolve[S](tx.ctx, tx.store, &st.past, rec)
		}
		if err != nil {
			return err
		}
	}
	st.read = true
	tx.store.states.Add(st.stream, st.past)
	return nil
}

// evolve has a past go on by the next record.
func evolve[S any](ctx context.Context, s *Store, p *past, rec Record) error {
	decoded, err := s.Decode(ctx, rec)
	if err != nil {
		return fmt.Errorf("eventstore: %s, version %d: %w", rec.Stream, rec.Version, err)
	}
	state, _ := p.state.(S)
	event, ok := decoded.(domain.Event[S])
	if !ok {
		return fmt.Errorf("eventstore: %T in %s is no event of %T", decoded, rec.Stream, state)
	}
	p.state, p.version, p.position = event.Evolve(state), rec.Version, rec.Position
	return nil
}

func then[S any](tx *Tx, st *stage, events []domain.Event[S]) {
	state, _ := st.state.(S)
	for _, e := range events {
		state = e.Evolve(state)
		st.events = append(st.events, e)
	}
	st.state = state
	tx.events += len(events)
}

func (tx *Tx) run(run func(*Tx) error) (position int64, err error) {
	if err := run(tx); err != nil {
		return 0, err
	}
	var all []any
	for _, st := range tx.order {
		all = append(all, st.events...)
	}
	keys, err := tx.store.keysFor(tx.ctx, all)
	if err != nil {
		return 0, err
	}
	now := tx.store.Now().UTC().Truncate(time.Microsecond)
	var unit Unit
	changed := false
	record := func(event any) (Record, error) {
		id := tx.store.NewID()
		if tx.from.correlation == uuid.Nil {
			tx.from.correlation = id
		}
		enc, err := tx.store.encode(keys, id, event)
		return Record{
			ID: id, RecordedAt: now, Encoded: enc, Actor: tx.from.actor,
			Correlation: tx.from.correlation, Causation: tx.from.causation,
		}, err
	}
	for _, st := range tx.order {
		a := StreamAppend{Stream: st.stream, Version: st.version}
		for _, event := range st.events {
			rec, err := record(event)
			if err != nil {
				return 0, err
			}
			a.Records = append(a.Records, rec)
		}
		changed = changed || len(a.Records) > 0
		position = max(position, st.position)
		unit = append(unit, a)
	}
	if tx.from.request != "" {
		rec, err := record(RequestRecorded{tx.from.fingerprint, tx.answer})
		if err != nil {
			return 0, err
		}
		unit = append(unit, StreamAppend{Stream: requestStream(tx.from), Records: []Record{rec}})
	} else if !changed {
		return position, nil
	}
	tx.appended = true
	position, err = tx.store.Log.Append(tx.ctx, unit...)
	if err != nil {
		return 0, err
	}
	tx.remember(unit, position)
	return position, nil
}

// remember keeps the states that an append has led to.
func (tx *Tx) remember(unit Unit, last int64) {
	for _, a := range unit[len(tx.order):] {
		last -= int64(len(a.Records))
	}
	for i := len(tx.order) - 1; i >= 0; i-- {
		st := tx.order[i]
		if n := int64(len(st.events)); n > 0 {
			tx.store.states.Add(st.stream, past{st.state, st.version + n, last, st.age})
			last -= n
		}
	}
}
