// Package processes has what the co-op does by itself and what crosses modules:
// an event here leads to a command there, or to an effect outside. What to do is
// each process's business; when, how often and on which node is watermill's and
// this file's.
package processes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/eventstore"
)

// A Process answers events. It sees every event it wants, in the order of the
// log, at least once: after a crash it sees some again, so whatever it does can be
// repeated, and an effect outside carries a key made from the event.
type Process struct {
	Name string
	// Wants are examples of the types of event it answers.
	Wants []any
	// Handle answers one. A refusal is an answer too, which asking again would
	// not change. An error of a lasting class (see package fault) makes the event
	// a dead letter at once, and any other one when it has been tried [Attempts]
	// times; then the process goes on with the next event. As long as a server is
	// away or asks to be left alone, the process waits for it.
	Handle func(ctx context.Context, rec eventstore.Record, event any) error
	// Keep, if not nil, writes what Handle has only noted, so that what several events
	// lead to is written at once, in one transaction with other changes, such as that by
	// which the checkpoint moves on. If it fails, as it does if one of these is stale, the
	// events are answered again, and what was noted is forgotten.
	Keep func(ctx context.Context, also ...eventstore.Change) error
	// Work, if not nil, does until ctx ends what Handle has put off. Every node does.
	Work func(ctx context.Context)
	// Settle, if not nil, does now what was put off and is not to wait.
	Settle func(ctx context.Context) error
	// Pending, if not nil, returns how much was put off, and how much was given up.
	Pending func(ctx context.Context) (waiting, given int, err error)

	// All is whether it answers events of every type, and is given their records
	// alone: event is nil then.
	All bool
	// Sealed is whether it needs no personal data: it gets events with their boxes sealed.
	Sealed bool
	// Parts, if above 1, is how many the process is split into, each on one node at
	// a time: see [Process.In].
	Parts int
	// Key returns what an event is about: events of one key are answered in order.
	// Without it, that is their stream. It matters to a process in parts alone.
	Key func(eventstore.Record) string
}

// In returns the process in so many parts, which several nodes share. Each answers
// the events of its share of the keys, in the order of the log.
func (p Process) In(parts int) Process {
	p.Parts = parts
	return p
}

// Attempts is how often an event is tried before it becomes a dead letter.
const Attempts = 8

// A Runner runs processes over a log. Several nodes may run the same processes: each
// part of a process runs on one of them at a time, and the parts are shared out.
type Runner struct {
	Store *eventstore.Store
	Log   *slog.Logger
	all   []*consumer
	also  []*Webhooks
}

// NewRunner returns a runner of processes that have different names.
func NewRunner(s *eventstore.Store, log *slog.Logger, all ...Process) *Runner {
	r := &Runner{Store: s, Log: log}
	for _, p := range all {
		wants := map[string]bool{}
		for _, event := range p.Wants {
			name := s.Registry.Name(event)
			if name == "" {
				panic(fmt.Sprintf("processes: %s wants %T, which is not registered", p.Name, event))
			}
			wants[name] = true
		}
		for part := range max(p.Parts, 1) {
			r.all = append(r.all, &consumer{Process: p, store: s, log: log, types: wants, part: part})
		}
	}
	return r
}

// Tell has the runner tell events to endpoints outside too.
func (r *Runner) Tell(w *Webhooks) { r.also = append(r.also, w) }

// Run runs all processes until ctx ends.
func (r *Runner) Run(ctx context.Context) {
	var names []string
	for _, c := range r.all {
		names = append(names, c.Name)
	}
	for _, w := range r.also {
		names = append(names, w.name())
	}
	crew, looked := newCrew(r.Store.Log.KV(), r.Log, slices.Compact(names)), make(chan struct{})
	present, leave := context.WithCancel(context.WithoutCancel(ctx)) // until all is given back
	var there, working sync.WaitGroup
	there.Go(func() { crew.run(present, func() { close(looked) }) })
	<-looked
	for _, c := range r.all {
		working.Go(func() {
			r.keepOn(ctx, c.slot(), func() error { return c.term(ctx, crew) })
		})
		if c.Work != nil && c.part == 0 {
			working.Go(func() { c.Work(ctx) })
		}
	}
	for _, w := range r.also {
		working.Go(func() { w.run(ctx, r, crew) })
	}
	working.Wait()
	leave()
	there.Wait()
}

// keepOn does work over and over until ctx ends.
func (r *Runner) keepOn(ctx context.Context, name string, work func() error) {
	for ctx.Err() == nil {
		if err := work(); err != nil && ctx.Err() == nil && !errors.Is(err, errNotOurs) {
			r.Log.WarnContext(ctx, "process interrupted", "process", name, "err", err)
			_ = sleep(ctx, time.Second)
		}
	}
}

// CatchUp handles, on this node and without waiting for more, all events that are
// in the log when it is called; and those which follow from them, if that goes on
// less than a hundred times. It is for a command line that wants things done, and
// must not be used while another node runs the processes.
func (r *Runner) CatchUp(ctx context.Context) error {
	for range 100 {
		before, err := r.Store.Log.Head(ctx)
		if err != nil {
			return err
		}
		for _, c := range r.all {
			if err := c.catchUp(ctx, before); err != nil {
				return fmt.Errorf("process %s: %w", c.Name, err)
			}
			if c.Settle != nil {
				if err := c.Settle(ctx); err != nil {
					return fmt.Errorf("process %s: %w", c.Name, err)
				}
			}
		}
		if after, err := r.Store.Log.Head(ctx); err != nil || after == before {
			return err
		}
	}
	return errors.New("processes: events keep following from events")
}

// Status is how far a process has come.
type Status struct {
	Process  string `json:"process"`
	Position int64  `json:"position"` // of the last event that all of its parts are through with
	// Oldest is when the first event was recorded that it has yet to answer.
	Oldest  time.Time `json:"oldest,omitzero"`
	Holder  string    `json:"holder"`  // the nodes that run it
	Dead    int       `json:"dead"`    // letters, and work that was given up
	Waiting int       `json:"waiting"` // how much work is put off
}

// Status returns that of all processes.
func (r *Runner) Status(ctx context.Context) (all []Status, err error) {
	for _, c := range r.all {
		entries, err := r.Store.Log.KV().Get(ctx, leaseSpace+c.slot())
		if err != nil {
			return nil, err
		}
		var held leaseEntry
		if entries[0].Revision > 0 {
			if err := json.Unmarshal(entries[0].Value, &held); err != nil {
				return nil, err
			}
		}
		_, position, err := c.checkpoint(ctx)
		var oldest time.Time
		if err == nil {
			position, oldest, err = c.through(ctx, position)
		}
		if err != nil {
			return nil, err
		}
		if c.part == 0 {
			letters, err := r.DeadLetters(ctx, c.Name)
			if err != nil {
				return nil, err
			}
			status := Status{Process: c.Name, Position: position, Oldest: oldest, Holder: held.Holder, Dead: len(letters)}
			if c.Pending != nil {
				waiting, given, err := c.Pending(ctx)
				if err != nil {
					return nil, err
				}
				status.Waiting, status.Dead = waiting, status.Dead+given
			}
			all = append(all, status)
			continue
		}
		last := &all[len(all)-1]
		last.Position = min(last.Position, position)
		if last.Oldest.IsZero() || !oldest.IsZero() && oldest.Before(last.Oldest) {
			last.Oldest = oldest
		}
		if !strings.Contains(last.Holder, held.Holder) {
			last.Holder = strings.TrimPrefix(last.Holder+", "+held.Holder, ", ")
		}
	}
	return all, nil
}

// through returns the position of the last event that there is nothing to do about
// after a checkpoint, which is not moved on for events that nobody waits for; and when
// the next was recorded, if there is one.
func (c *consumer) through(ctx context.Context, position int64) (int64, time.Time, error) {
	for rec, err := range c.store.Log.All(ctx, position) {
		if err != nil || c.wants(rec) {
			return position, rec.RecordedAt, err
		}
		position = rec.Position
	}
	return position, time.Time{}, nil
}

const (
	checkpointSpace = "checkpoint/"
	deadSpace       = "dead/"
)

// A consumer is a process at work, or a part of it.
type consumer struct {
	Process
	store *eventstore.Store
	log   *slog.Logger
	types map[string]bool
	part  int
}

// slot is the name under which a part has its lease and its checkpoint.
func (c *consumer) slot() string {
	if c.Parts < 2 {
		return c.Name
	}
	return fmt.Sprintf("%s/%d-of-%d", c.Name, c.part, c.Parts)
}

func (c *consumer) wants(rec eventstore.Record) bool {
	if !c.All && !c.types[rec.Type] {
		return false
	}
	if c.Parts < 2 {
		return true
	}
	key := string(rec.Stream)
	if c.Key != nil {
		key = c.Key(rec)
	}
	return int(hashOf(key))%c.Parts == c.part
}

// checkpoint returns the entry of that of the part, and the position from which it goes
// on. Where the process was in other parts before, that is as far as all of these were.
func (c *consumer) checkpoint(ctx context.Context) (entry eventstore.Entry, position int64, err error) {
	entry.Key = checkpointSpace + c.slot()
	type layout struct{ seen, lowest int64 }
	others := map[int64]layout{}
	for e, err := range eventstore.Entries(ctx, c.store.Log.KV(), checkpointSpace+c.Name) {
		if err != nil {
			return entry, 0, err
		}
		at, err := readCheckpoint(e)
		if err != nil {
			return entry, 0, err
		}
		if e.Key == entry.Key {
			entry, position = e, max(position, at)
			continue
		}
		parts, part := int64(1), int64(0)
		if rest := strings.TrimPrefix(e.Key, checkpointSpace+c.Name); rest != "" {
			if n, err := fmt.Sscanf(rest, "/%d-of-%d", &part, &parts); n != 2 || err != nil {
				continue // another process
			}
		}
		l, known := others[parts]
		if !known || at < l.lowest {
			l.lowest = at
		}
		l.seen++
		others[parts] = l
	}
	for parts, l := range others {
		if l.seen == parts {
			position = max(position, l.lowest)
		}
	}
	return entry, position, nil
}

// term runs the process for as long as the lease is held here and this is this node's
// share.
func (c *consumer) term(ctx context.Context, crew *crew) error {
	l := &lease{kv: c.store.Log.KV(), key: leaseSpace + c.slot(), holder: crew.id}
	return l.under(ctx, crew, c.Name, c.part, c.work)
}

// work has a watermill router handle events, with a queue of dead letters.
func (c *consumer) work(ctx context.Context) error {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 30 * time.Second}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	poison, err := middleware.PoisonQueue(deadLetters{c.store}, c.Name)
	if err != nil {
		return err
	}
	from := &subscriber{consumer: c}
	router.AddConsumerHandler(c.Name, c.Name, from, func(msg *message.Message) error {
		d, _ := msg.Context().Value(deliveryKey{}).(delivery)
		attempts, err := c.try(msg.Context(), d)
		class, _ := fault.ClassOf(err)
		msg.Metadata.Set("class", string(class))
		msg.Metadata.Set("attempts", strconv.Itoa(attempts))
		return err
	})
	router.AddMiddleware(poison)
	err = router.Run(ctx)
	if failed := from.failed(); failed != nil {
		return failed
	}
	if errors.Is(err, context.Canceled) || err == nil {
		err = context.Cause(ctx)
	}
	return err
}

const (
	// firstPause is that before an event is tried again, which doubles each time.
	firstPause = 250 * time.Millisecond
	maxPause   = time.Minute
)

// try answers an event, and tries again what may go better. It returns how many attempts
// count.
func (c *consumer) try(ctx context.Context, d delivery) (attempt int, err error) {
	attempt = 1
	pause := firstPause
	for {
		err := c.handle(ctx, d)
		switch class, _ := fault.ClassOf(err); {
		case err == nil || class.Permanent():
			return attempt, err
		case class == fault.Throttled || class == fault.Unavailable: // which counts as no attempt
		case attempt == Attempts:
			return attempt, err
		default:
			attempt++
		}
		delay := max(pause, fault.RetryAfter(err))
		class, _ := fault.ClassOf(err)
		c.log.WarnContext(ctx, "process tries again", "process", c.Name, "position", d.Position, "attempt", attempt, "delay", delay, "class", class)
		if cut := sleep(ctx, delay); cut != nil {
			return attempt, errors.Join(err, cut)
		}
		pause = min(2*pause, maxPause)
	}
}

// handle answers an event. A panic is an error like any other.
func (c *consumer) handle(ctx context.Context, d delivery) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	ctx = eventstore.AnswerTo(ctx, d.Record, "process/"+c.Name)
	if d.event == nil {
		if d.event, err = c.decode(ctx, d.Record); err != nil {
			return err
		}
	}
	err = c.Handle(ctx, d.Record, d.event)
	if refusal, refused := errors.AsType[domain.Refusal](err); refused {
		c.log.InfoContext(ctx, "process was refused", "process", c.Name, "position", d.Position, "code", refusal.Code)
		return nil
	}
	return err
}

// decode returns the event of a record, as the process wants it.
func (c *consumer) decode(ctx context.Context, rec eventstore.Record) (any, error) {
	switch {
	case c.All:
		return nil, nil
	case c.Sealed:
		return c.store.Registry.Decode(rec.Encoded)
	}
	return c.store.Decode(ctx, rec)
}

// A delivery is a record with its event, if that is decoded already.
type delivery struct {
	eventstore.Record
	event any
}

type deliveryKey struct{}

// ahead decodes an event before it is handed over to the router, which begins a new
// goroutine with each: there the stack would have to grow for it. What fails here fails
// there again, and is told.
func (c *consumer) ahead(ctx context.Context, rec eventstore.Record) (d delivery) {
	defer func() { _ = recover() }()
	d.Record = rec
	d.event, _ = c.decode(ctx, rec)
	return d
}

// keep writes what was noted, and other changes with it.
func (c *consumer) keep(ctx context.Context, also ...eventstore.Change) error {
	switch {
	case c.Keep != nil:
		return c.Keep(ctx, also...)
	case len(also) > 0:
		return c.store.Log.KV().Put(ctx, also...)
	}
	return nil
}

func lasting(err error) bool { return fault.IsPermanent(err) }

func (c *consumer) catchUp(ctx context.Context, through int64) error {
	kv := c.store.Log.KV()
	entry, position, err := c.checkpoint(ctx)
	if err != nil || position >= through {
		return err
	}
	noted := 0
	for rec, err := range c.store.Log.All(ctx, position) {
		if err != nil {
			return err
		}
		if rec.Position > through {
			break
		}
		if c.wants(rec) {
			err := c.handle(ctx, delivery{Record: rec})
			if lasting(err) {
				class, _ := fault.ClassOf(err)
				err = newLetter(c.Name, rec, err.Error(), string(class), 1).keep(ctx, kv)
			}
			if err != nil {
				return err
			}
			if noted++; noted%saveEvery == 0 {
				if err := c.keep(ctx); err != nil {
					return err
				}
			}
		}
		position = rec.Position
	}
	return c.keep(ctx, eventstore.Change{
		Key: entry.Key, Value: strconv.AppendInt(nil, position, 10), Revision: entry.Revision,
	})
}

// decode reads what is kept in an entry beside the log; where nothing is, into stays as it is.
func decode(e eventstore.Entry, into any) error {
	if e.Revision == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Value, into); err != nil {
		return fmt.Errorf("processes: %s: %w", e.Key, err)
	}
	return nil
}

func readCheckpoint(e eventstore.Entry) (position int64, err error) {
	if e.Revision > 0 {
		if position, err = strconv.ParseInt(string(e.Value), 10, 64); err != nil {
			err = fmt.Errorf("processes: %s: %w", e.Key, err)
		}
	}
	return position, err
}

// subscriber is the log as a watermill subscription of one process.
type subscriber struct {
	*consumer
	mu  sync.Mutex
	err error
}

func (f *subscriber) Close() error { return nil }

func (f *subscriber) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

const (
	// saveEvery and saveAfter bound what is seen again after a crash.
	saveEvery = 200
	saveAfter = time.Second
)

// Subscribe yields the events after the checkpoint, which it moves on as they are
// acknowledged: not for each, since all that a process does can be repeated. When
// another node has moved it, that node has the lease now and this one stops.
func (f *subscriber) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	entry, saved, err := f.checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		revision, reached, handled, at := entry.Revision, saved, 0, time.Now()
		forgotten := false // is what was noted, and has to be answered again
		save := func(ctx context.Context) error {
			if reached == saved || forgotten {
				return nil
			}
			change := eventstore.Change{Key: entry.Key, Value: strconv.AppendInt(nil, reached, 10), Revision: revision}
			next := change.Next()
			err := f.keep(ctx, change)
			if err == nil {
				saved, handled, at, revision = reached, 0, time.Now(), next
			}
			forgotten = err != nil && f.Keep != nil
			return err
		}
		defer func() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			f.mu.Lock()
			defer f.mu.Unlock()
			f.err = errors.Join(f.err, save(last))
		}()
		fail := func(err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.err = err
		}
		for ctx.Err() == nil {
			for rec, err := range f.store.Log.Next(ctx, reached) {
				if err != nil {
					fail(err)
					return
				}
				if f.wants(rec) {
					if !f.deliver(ctx, out, rec) {
						return
					}
					handled++
				}
				reached = rec.Position
				if handled >= saveEvery || handled > 0 && time.Since(at) > saveAfter {
					if err := save(ctx); err != nil {
						fail(err)
						return
					}
				}
			}
			if handled > 0 || reached-saved > 10*saveEvery {
				if err := save(ctx); err != nil {
					fail(err)
					return
				}
			}
			if f.store.Log.Wait(ctx, reached) != nil {
				return
			}
		}
	}()
	return out, nil
}

func (f *subscriber) deliver(ctx context.Context, out chan<- *message.Message, rec eventstore.Record) (acked bool) {
	for {
		msg := message.NewMessage(rec.ID.String(), message.Payload(rec.Data))
		msg.Metadata.Set("position", strconv.FormatInt(rec.Position, 10))
		msg.Metadata.Set("type", rec.Type)
		msg.SetContext(context.WithValue(ctx, deliveryKey{}, f.ahead(ctx, rec)))
		select {
		case out <- msg:
		case <-ctx.Done():
			return false
		}
		select {
		case <-msg.Acked():
			return true
		case <-msg.Nacked(): // not even the dead letter could be kept
			if sleep(ctx, time.Second) != nil {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}

// A DeadLetter is an event that a process could not answer.
type DeadLetter struct {
	Process  string    `json:"process"`
	Position int64     `json:"position"`
	Type     string    `json:"type"`
	Error    string    `json:"error"`
	Class    string    `json:"class"`              // of the error: see package fault
	Attempts int       `json:"attempts,omitempty"` // that failed, and count; 0 where that was not kept
	At       time.Time `json:"at"`                 // since when it is one
}

func newLetter(process string, rec eventstore.Record, reason, class string, attempts int) DeadLetter {
	d := DeadLetter{Process: process, Position: rec.Position, Type: rec.Type, Attempts: attempts, At: time.Now().UTC()}
	d.blame(reason, class)
	return d
}

func (d *DeadLetter) blame(reason, class string) {
	d.Error, _, _ = strings.Cut(strings.TrimSpace(reason), "\n") // after which a panic has its stack
	d.Class = cmp.Or(class, string(fault.Transient))
}

func deadKey(process string, position int64) string {
	return fmt.Sprintf("%s%s/%019d", deadSpace, process, position)
}

func (d DeadLetter) keep(ctx context.Context, kv eventstore.KV) error {
	return eventstore.Update(ctx, kv, deadKey(d.Process, d.Position), func(eventstore.Entry) ([]byte, error) {
		return json.Marshal(d)
	})
}

// deadLetters is the watermill publisher that keeps dead letters beside the log.
type deadLetters struct{ store *eventstore.Store }

func (deadLetters) Close() error { return nil }

func (d deadLetters) Publish(process string, messages ...*message.Message) error {
	for _, msg := range messages {
		of, _ := msg.Context().Value(deliveryKey{}).(delivery)
		if err := context.Cause(msg.Context()); err != nil {
			return err // it was not the event that failed: the process is being stopped
		}
		attempts, _ := strconv.Atoi(msg.Metadata.Get("attempts"))
		letter := newLetter(process, of.Record, msg.Metadata.Get(middleware.ReasonForPoisonedKey), msg.Metadata.Get("class"), attempts)
		if err := letter.keep(msg.Context(), d.store.Log.KV()); err != nil {
			return err
		}
	}
	return nil
}

// DeadLetters returns those of a process, or of all where it is "", oldest first.
func (r *Runner) DeadLetters(ctx context.Context, process string) (letters []DeadLetter, err error) {
	letters, err = lettersOf[DeadLetter](ctx, r.Store.Log.KV(), deadSpace, process)
	slices.SortStableFunc(letters, func(a, b DeadLetter) int { return cmp.Compare(a.Position, b.Position) })
	return letters, err
}

// lettersOf returns what is kept of a process, or of all where it is "", under a prefix.
func lettersOf[L any](ctx context.Context, kv eventstore.KV, prefix, process string) (letters []L, err error) {
	if process != "" {
		prefix += process + "/"
	}
	for e, err := range eventstore.Entries(ctx, kv, prefix) {
		if err != nil {
			return nil, err
		}
		var l L
		if err := decode(e, &l); err != nil {
			return nil, err
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// The rules by which nothing is replayed.
var (
	ErrNoSuchLetter = domain.Refusal{
		Code: "processes.no_such_letter", Reason: "process {process} has no dead letter at position {position}",
	}
	ErrNotRun = domain.Refusal{
		Code: "processes.not_run", Reason: "process {process} does not run by these settings: ask where it does, with the same --smtp, --relay and --services",
	}
)

// ErrUnanswered is that a dead letter could not be answered when it was replayed either.
// It is kept, with why and one attempt more.
var ErrUnanswered = errors.New("it could not be answered")

// Replay has a process answer a dead letter once more, now, and removes it if that goes
// well. An endpoint of a webhook is told it anew later: whether it was answered now is
// returned.
func (r *Runner) Replay(ctx context.Context, process string, position int64) (answered bool, err error) {
	key := deadKey(process, position)
	entries, err := r.Store.Log.KV().Get(ctx, key)
	if err != nil {
		return false, err
	}
	if entries[0].Revision == 0 {
		return false, ErrNoSuchLetter.With("process", process).With("position", position)
	}
	if id, is := strings.CutPrefix(process, hookSpace); is && len(r.also) > 0 {
		return false, r.also[0].Retry(ctx, id, position)
	}
	i := slices.IndexFunc(r.all, func(c *consumer) bool { return c.Name == process })
	if i < 0 {
		return false, ErrNotRun.With("process", process)
	}
	for rec, err := range r.Store.Log.All(ctx, position-1) {
		if err != nil {
			return false, err
		}
		failed := r.all[i].handle(ctx, delivery{Record: rec})
		if failed == nil {
			failed = r.all[i].keep(ctx)
		}
		if failed == nil {
			break
		}
		var letter DeadLetter
		if err := json.Unmarshal(entries[0].Value, &letter); err != nil {
			return false, errors.Join(failed, err)
		}
		class, _ := fault.ClassOf(failed)
		letter.blame(failed.Error(), string(class))
		letter.Attempts++
		value, err := json.Marshal(letter)
		if err == nil {
			err = r.Store.Log.KV().Put(ctx, eventstore.Change{Key: key, Value: value, Revision: entries[0].Revision})
		}
		if eventstore.IsStale(err) {
			err = nil // somebody else was faster
		}
		return false, errors.Join(fmt.Errorf("processes: replay of %s at %d: %w: %w", process, position, ErrUnanswered, failed), err)
	}
	return true, r.Store.Log.KV().Put(ctx, eventstore.Change{Key: key, Revision: entries[0].Revision})
}

// Refused turns the refusals that only mean "this is so already, or no longer
// matters" into success.
func Refused(err error, harmless ...domain.Refusal) error {
	for _, h := range harmless {
		if errors.Is(err, h) {
			return nil
		}
	}
	return err
}

// Names returns the names of the processes.
func (r *Runner) Names() string {
	var names []string
	for _, c := range r.all {
		names = append(names, c.Name)
	}
	return strings.Join(slices.Compact(names), ", ")
}
