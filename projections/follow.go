package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"rochdale/domain"
	"rochdale/domain/membership"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

const (
	// batchSize is how many events are applied in one transaction, when so many wait.
	batchSize = 2000
	// pause is that before what has failed is tried again.
	pause = time.Second
	// glance is how often a process that only reads looks for what the other wrote.
	glance = 20 * time.Millisecond
	// watch is how often a process looks after its file when nothing happens.
	watch = 2 * time.Second
	// leisure is how many times as long as the last tidying took passes before the next.
	leisure = 10
)

// Run keeps the read models in step with the log, and looks after their file, until
// ctx ends.
func (m *Models) Run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { m.lookAfter(ctx) })
	for ctx.Err() == nil && !m.isClosed() {
		var err, over error
		if m.writes() {
			err = m.catchUp(ctx)
		} else {
			err = m.peek(ctx)
		}
		m.mark(ctx, err)
		switch {
		case err != nil:
			over = rest(ctx, pause)
		case m.writes():
			over = m.store.Log.Wait(ctx, m.Position())
		default:
			over = rest(ctx, glance)
		}
		if over != nil { // ctx has ended, or the log was closed
			return
		}
	}
}

// mark notes what keeps the read models from following, or that nothing does.
func (m *Models) mark(ctx context.Context, err error) {
	if ctx.Err() != nil || m.isClosed() {
		return
	}
	m.mu.Lock()
	news := (m.trouble == nil) != (err == nil) || err != nil && m.trouble.Error() != err.Error()
	m.trouble = err
	m.mu.Unlock()
	switch {
	case news && err != nil:
		m.log.ErrorContext(ctx, "read models do not follow the log", "position", m.Position(), "err", err)
	case news:
		m.log.InfoContext(ctx, "read models follow the log again", "position", m.Position())
	}
}

func (m *Models) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// rest waits for a time, or returns the cause for which ctx ended.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// lookAfter makes the file anew when that is called for.
func (m *Models) lookAfter(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(watch)
		select {
		case <-ctx.Done():
		case <-m.chores:
		case <-timer.C:
		}
		timer.Stop()
		began := time.Now()
		if err := m.mend(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errClosed) {
			m.log.ErrorContext(ctx, "read models cannot be made anew, which is tried again", "err", err)
			_ = rest(ctx, leisure*pause)
			m.remind()
			continue
		}
		_ = rest(ctx, leisure*time.Since(began))
	}
}

// mend makes the file anew if it is broken or gone, and copies it if it may still
// have pieces of what was erased: SQLite overwrites what it deletes, but when it
// moves rows from one page to another it leaves copies of them behind.
func (m *Models) mend(ctx context.Context) error {
	m.renews.Lock()
	defer m.renews.Unlock()
	v := m.current.Load()
	broken := v.broken.Load()
	switch {
	case broken && !m.writes(): // whoever writes makes again what is gone
		removeFile(v.path)
	case !m.writes():
	case broken || v.gone():
		m.log.WarnContext(ctx, "the file of the read models is broken or gone, and is made again", "file", v.path)
		return m.renew(ctx, func(tmp string) error { return m.make(ctx, tmp, nil) })
	case v.untidy.Load():
		if err := m.renew(ctx, func(tmp string) error { return v.copy(tmp) }); err != nil {
			return err
		}
		m.sweep()
	}
	return nil
}

// peek looks at what the process that writes has written, and takes its place if
// it is gone.
func (m *Models) peek(ctx context.Context) error {
	if err := m.takeLock(); err != nil {
		return err
	}
	v := m.current.Load()
	if last := m.latest(); last > v.generation || last > 0 && v.gone() {
		next, err := m.openView(ctx, last)
		switch {
		case err == nil:
			m.swap(next)
			v = next
		case !m.writes() || ctx.Err() != nil:
			return err
		default: // it is this process's to go on with the one that can be read
			m.log.WarnContext(ctx, "read models that were made anew cannot be read", "err", err)
			removeFile(m.path(last))
		}
	}
	before := v.position.Load()
	if err := m.examine(v, m.look(ctx, v)); err != nil {
		return err
	}
	if v.position.Load() != before {
		m.announce()
	}
	if m.writes() {
		m.log.InfoContext(ctx, "this process writes the read models now")
		m.renews.Lock()
		m.sweep()
		m.renews.Unlock()
		if v.untidy.Load() {
			m.remind()
		}
	}
	return nil
}

// CatchUp applies every event that is in the log, or where another process writes
// waits until it has.
func (m *Models) CatchUp(ctx context.Context) error {
	head, err := m.store.Log.Head(ctx)
	if err != nil {
		return err
	}
	for !m.writes() {
		if m.isClosed() {
			return errClosed
		}
		if err := m.peek(ctx); err != nil {
			return err
		}
		if m.Position() >= head {
			return nil
		}
		if err := rest(ctx, glance); err != nil {
			return err
		}
	}
	if err := m.catchUp(ctx); err != nil {
		return err
	}
	return m.mend(ctx)
}

func (m *Models) catchUp(ctx context.Context) error {
	m.applies.Lock()
	defer m.applies.Unlock()
	v := m.current.Load()
	for b, err := range m.batches(ctx, m.store.Log.Next, v.position.Load(), math.MaxInt64) {
		if err == nil {
			err = m.advance(ctx, v, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// advance applies a batch, in one transaction with the checkpoint.
func (m *Models) advance(ctx context.Context, v *view, b batch) error {
	from, erased := v.position.Load(), false
	err := v.db.Write(ctx, func(c *lite.Conn) error {
		t := &table{Conn: c}
		err := t.apply(from, b)
		erased = t.erased
		return err
	})
	if err != nil {
		if errors.Is(err, errMoved) { // as when a commit fails and is there nevertheless
			return errors.Join(err, m.look(ctx, v))
		}
		return m.examine(v, err)
	}
	if b.touches(&membershipProjection) {
		v.parties.Store(b.through)
	}
	v.position.Store(b.through)
	m.announce()
	if erased {
		v.untidy.Store(true)
		m.remind()
	}
	return nil
}

// A batch is what is applied in one transaction.
type batch struct {
	events  []decoded // that some projection wants
	through int64     // the position of the last, wanted or not
}

// touches reports whether a batch has events that a projection wants.
func (b batch) touches(p *projection) bool {
	return slices.ContainsFunc(b.events, func(d decoded) bool {
		return slices.ContainsFunc(d.by, func(by *projection) bool { return by.module == p.module })
	})
}

// A decoded is an event, with what tables may keep of its record.
type decoded struct {
	event      any
	by         []*projection
	stream     domain.Stream
	position   int64
	recordedAt time.Time
}

// A reading yields the records after a position.
type reading func(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error]

// batches yields the events after a position and through another. They are read and
// decoded while those before are applied.
func (m *Models) batches(ctx context.Context, read reading, after, through int64) iter.Seq2[batch, error] {
	type result struct {
		batch
		err error
	}
	return func(yield func(batch, error) bool) {
		if after >= through {
			return
		}
		ctx, stop := context.WithCancel(ctx)
		results := make(chan result, 8) // so that neither waits for the other where processors are few
		go func() {
			defer close(results)
			for b, err := range m.inBatches(ctx, read(ctx, after), through) {
				select {
				case results <- result{b, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		defer func() { // nobody uses the log any more when this returns
			stop()
			for range results {
			}
		}()
		for r := range results {
			if !yield(r.batch, r.err) || r.err != nil {
				return
			}
		}
		if ctx.Err() != nil {
			yield(batch{}, context.Cause(ctx))
		}
	}
}

// inBatches decodes records through a position.
func (m *Models) inBatches(ctx context.Context, records iter.Seq2[eventstore.Record, error], through int64) iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		var b batch
		n := 0
		for rec, err := range records {
			if err == nil {
				err = m.decode(ctx, rec, &b)
			}
			if err != nil {
				yield(batch{}, err)
				return
			}
			b.through = rec.Position
			if n++; n == m.size {
				if !yield(b, nil) {
					return
				}
				b, n = batch{events: make([]decoded, 0, len(b.events))}, 0
			}
			if rec.Position >= through {
				break
			}
		}
		if n > 0 {
			yield(b, nil)
		}
	}
}

// decode adds an event to a batch, if it is wanted. It is called in the order of the
// log, so that what is sealed under a key that is to be destroyed before reads as
// absent, wherever the log is read.
func (m *Models) decode(ctx context.Context, rec eventstore.Record, b *batch) error {
	by := m.wants[rec.Type]
	if len(by) == 0 {
		return nil
	}
	event, err := m.store.Decode(ctx, rec)
	if err != nil {
		return fmt.Errorf("projections: at position %d: %w", rec.Position, err)
	}
	if e, erased := event.(membership.PersonalDataErased); erased {
		m.forget(e)
	}
	b.events = append(b.events, decoded{event, by, rec.Stream, rec.Position, rec.RecordedAt})
	return nil
}

// errMoved is the error of applying events to tables that are not where they were
// thought to be.
var errMoved = errors.New("projections: the tables are at another position than this process left them at")

// apply moves the checkpoint from where it is, and applies a batch of events up to
// there.
func (t *table) apply(from int64, b batch) error {
	err := t.Exec(`update checkpoint set position = ? where position = ?`, b.through, from)
	if err == nil && t.Changes() != 1 {
		err = errMoved
	}
	if err != nil {
		return err
	}
	for _, d := range b.events {
		t.stream, t.position, t.recordedAt = d.stream, d.position, d.recordedAt
		for _, p := range d.by {
			if err := p.apply(t, d.event); err != nil {
				return fmt.Errorf("projections: %T at position %d in %s: %w", d.event, d.position, p.module, err)
			}
		}
	}
	return t.count()
}
