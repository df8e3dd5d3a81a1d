package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	throttle = 20 * time.Millisecond // between two notifications by one node
	glance   = 40 * time.Millisecond // between two looks at the log, where there are none
	longest  = 5 * time.Second       // for which no news are believed to be no news
)

// notify waits for no disk: who misses a notification looks later.
var notify = query("notify", `select set_config('synchronous_commit', 'off', true), pg_notify('rochdale_log', '')`)

// tell notifies other nodes of commits, outside of their transactions, which would
// wait for each other if they did it themselves.
func (d *Driver) tell() {
	for {
		select {
		case <-d.open.Done():
			return
		case <-d.news:
		}
		_ = d.run(d.open, d.pool, true, notify, nil, func([][]byte) bool { return true }) // others look in any case
		select {
		case <-d.open.Done():
			return
		case <-time.After(throttle):
		}
	}
}

// Changed is that of [eventstore.Driver]. It listens on a connection of its own.
// Through a proxy nothing can be heard, so that it returns after a while.
func (d *Driver) Changed(ctx context.Context) error {
	if !d.direct.Load() {
		timer := time.NewTimer(glance)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		}
	}
	var ear *pgx.Conn
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case ear = <-d.ear:
	}
	if ear == nil {
		ear, err := d.listen(ctx)
		d.ear <- ear
		return d.explain(err) // or look at once: something may have been missed
	}
	wait, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	defer context.AfterFunc(d.open, cancel)()
	_, err := ear.WaitForNotification(wait)
	if err != nil && !pgconn.Timeout(err) && ctx.Err() == nil {
		d.broken(ctx, err)
		hangUp(ear)
		d.ear <- nil
		return d.explain(err)
	}
	d.ear <- ear
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// listen opens a connection and listens on it.
func (d *Driver) listen(ctx context.Context) (*pgx.Conn, error) {
	ear, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if _, err = ear.Exec(ctx, `listen rochdale_log`); err != nil {
		hangUp(ear)
		return nil, err
	}
	return ear, nil
}

func hangUp(ear *pgx.Conn) {
	if ear == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = ear.Close(ctx) // what is said to the server then is a courtesy
}
