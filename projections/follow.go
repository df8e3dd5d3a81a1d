package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rochdale/domain"
	"rochdale/domain/modules"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

func modulesRegistry() *domain.Registry { return modules.Registry() }

const (
	// batch is how many events are applied in one transaction, when so many wait.
	batch = 2000
	// pause is that before what has failed is tried again.
	pause = time.Second
	// glance is how often a process that only reads looks for what the other wrote.
	glance = 20 * time.Millisecond
)

// Run keeps the read models in step with the log until ctx ends.
func (m *Models) Run(ctx context.Context) {
	for ctx.Err() == nil {
		var err error
		if m.writes() {
			if err = m.CatchUp(ctx); err == nil {
				err = m.store.Log.Wait(ctx, m.Position())
			}
		} else {
			err = m.peek(ctx)
		}
		if errors.Is(err, eventstore.ErrClosed) {
			return
		}
		m.mark(ctx, err)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// mark notes what keeps the read models from following, or that nothing does.
func (m *Models) mark(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	news := (m.trouble == nil) != (err == nil) || err != nil && m.trouble.Error() != err.Error()
	m.trouble = err
	m.mu.Unlock()
	if news && err != nil {
		m.log.ErrorContext(ctx, "read models do not follow the log", "position", m.Position(), "err", err)
	}
}

// peek looks at what the process that writes has written, and takes its place if
// it is gone.
func (m *Models) peek(ctx context.Context) error {
	if err := m.takeOver(); err != nil {
		return err
	}
	v := m.current.Load()
	if _, last := m.generations(); last > v.generation {
		next, err := openView(ctx, m.path(last), last)
		if err != nil {
			return err
		}
		m.swap(next)
		v = next
	}
	before := v.position.Load()
	if err := v.look(ctx); err != nil {
		return err
	}
	if v.position.Load() != before {
		m.announce()
	}
	select {
	case <-ctx.Done():
	case <-time.After(glance):
	}
	return nil
}

func (m *Models) takeOver() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock != nil || m.closed {
		return nil
	}
	return m.takeLock()
}

// CatchUp applies every event that is in the log, or where another process writes
// waits until it has.
func (m *Models) CatchUp(ctx context.Context) error {
	head, err := m.store.Log.Head(ctx)
	if err != nil {
		return err
	}
	if !m.writes() {
		for m.Position() < head && ctx.Err() == nil {
			if err := m.peek(ctx); err != nil {
				return err
			}
			if m.writes() {
				return m.CatchUp(ctx)
			}
		}
		return context.Cause(ctx)
	}
	m.applies.Lock()
	defer m.applies.Unlock()
	for {
		v := m.current.Load()
		before := v.position.Load()
		n, err := m.advance(ctx, v)
		if err != nil {
			return err
		}
		if v.position.Load() > before {
			m.announce()
		}
		if n < batch {
			return nil
		}
	}
}

// advance applies one batch of events, in one transaction with the checkpoint.
func (m *Models) advance(ctx context.Context, v *view) (n int, err error) {
	events := make([]decoded, 0, 64)
	for rec, err := range m.store.Log.All(ctx, v.position.Load()) {
		if err != nil {
			return 0, err
		}
		d, err := m.decode(ctx, rec)
		if err != nil {
			return 0, err
		}
		if events = append(events, d); len(events) == batch {
			break
		}
	}
	if len(events) == 0 {
		return 0, nil
	}
	erased := false
	err = v.db.Writer(ctx, func(c *lite.Conn) error {
		err := c.Tx(func() (err error) {
			erased, err = m.apply(c, events)
			return err
		})
		if err == nil && erased {
			_, err = c.Checkpoint(pause) // what readers keep from it now goes with the next
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	v.position.Store(events[len(events)-1].rec.Position)
	return len(events), nil
}

// A decoded is a record with its event, if any projection wants it.
type decoded struct {
	rec   eventstore.Record
	event any
	by    []*projection
}

func (m *Models) decode(ctx context.Context, rec eventstore.Record) (d decoded, err error) {
	d.rec, d.by = rec, m.wants[rec.Type]
	if len(d.by) > 0 {
		if d.event, err = m.store.Decode(ctx, rec); err != nil {
			err = fmt.Errorf("projections: at position %d: %w", rec.Position, err)
		}
	}
	return d, err
}

// apply applies events, and moves the checkpoint.
func (m *Models) apply(c *lite.Conn, events []decoded) (erased bool, err error) {
	t := table{Conn: c}
	for _, d := range events {
		t.rec = d.rec
		for _, p := range d.by {
			if err := p.apply(&t, d.event); err != nil {
				return false, fmt.Errorf("projections: %s at position %d in %s: %w", d.rec.Type, d.rec.Position, p.module, err)
			}
		}
	}
	if forget, ok := m.forgets(events); ok {
		forget()
		t.erased = true
	}
	return t.erased, c.Exec(`update checkpoint set position = ?`, events[len(events)-1].rec.Position)
}
