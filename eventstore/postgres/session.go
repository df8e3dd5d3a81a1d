package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
)

var _ pgproto3.FrontendMessage = room(0)

// settings are what the log asks of a session: to wait for the disk, whatever the
// default is; and to make a plan once, which takes as long as to carry it out, and by
// indexes only, since one that was made for a small table would be kept while it
// grows large. What they are set for is a transaction or, where true is false, a session.
const settings = `
	set_config('synchronous_commit', case when current_setting('synchronous_commit') = 'remote_apply' then 'remote_apply' else 'on' end, true),
	set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`

// A statement is kept under its name in a session that is ours alone, whose settings
// are made once. In any other it is parsed whenever it is run; and one that calls a
// function, in which plans are kept, makes the settings for its transaction first.
type statement struct{ name, direct, shared string }

func query(name, sql string) *statement { return &statement{name, sql, sql} }

// call is a statement whose last column is what a function returns.
func call(name, function string) *statement {
	return &statement{name, "select " + function, "select " + settings + ", " + function}
}

// A session is what is known of a connection.
type session struct {
	conn   *pgconn.PgConn
	direct bool // to the server itself
	known  map[string]*pgconn.StatementDescription
}

const sessionKey = "rochdale"

// oldest is the oldest version of PostgreSQL that has all that is used.
const oldest = 12

func sessionOf(conn *pgx.Conn) *session { return conn.PgConn().CustomData()[sessionKey].(*session) }

// meet gets to know a new connection. A proxy that gives each transaction another
// connection to the server gives itself away by the number of the server's process:
// the one it told is made up.
func (d *Driver) meet(ctx context.Context, conn *pgx.Conn) error {
	s := &session{conn: conn.PgConn(), known: map[string]*pgconn.StatementDescription{}}
	s.conn.CustomData()[sessionKey] = s
	var pid uint32
	var number int
	var isolation string
	err := conn.QueryRow(ctx, `select pg_backend_pid(), current_setting('server_version_num')::int, current_setting('default_transaction_isolation')`).Scan(&pid, &number, &isolation)
	switch {
	case err != nil:
		return err
	case number < oldest*10_000:
		return fmt.Errorf("postgres: %s is kept by PostgreSQL %d: upgrade it to %d or newer", d.where, number/10_000, oldest)
	}
	s.direct = pid == s.conn.PID()
	d.direct.Store(s.direct)
	if s.direct {
		_, err = conn.Exec(ctx, `set default_transaction_isolation = 'read committed'; select `+strings.ReplaceAll(settings, "true", "false"))
		return err
	}
	if isolation == "read committed" {
		return nil
	}
	return fmt.Errorf(`postgres: transactions in %s are %s by default, in which a statement does not see what the last one waited for: alter role %q set default_transaction_isolation = 'read committed'`,
		d.where, isolation, conn.Config().User)
}

// send sends a statement, in one message, and reads up to its first row.
func (s *session) send(ctx context.Context, st *statement, args [][]byte) *pgconn.ResultReader {
	size := room(512) // with the statement
	for _, arg := range args {
		size += room(len(arg)) + 4 // and its length
	}
	s.conn.Frontend().Send(size)
	known := s.known[st.name]
	if known == nil && s.direct {
		var err error
		if known, err = s.conn.Prepare(ctx, st.name, st.direct, nil); err == nil {
			s.known[st.name] = known
		}
	}
	if known == nil || !s.direct { // if it could not be prepared, it fails now for the same reason
		return s.conn.ExecParams(ctx, st.shared, args, nil, binaryFormat, binaryFormat)
	}
	return s.conn.ExecStatement(ctx, known, args, binaryFormat, binaryFormat)
}

// room is a message of no bytes, which makes room for as many: a long message would
// be copied again and again as it grows.
type room int

// Encode is that of [pgproto3.FrontendMessage].
func (r room) Encode(to []byte) ([]byte, error) { return slices.Grow(to, int(r)), nil }

// Decode is that of [pgproto3.FrontendMessage].
func (room) Decode([]byte) error { return nil }

// Frontend is that of [pgproto3.FrontendMessage].
func (room) Frontend() {}

const (
	// patience bounds a statement: nobody waits longer for a server that is silent.
	patience = time.Minute
	// attempts is how often a statement is sent that does no harm when it is repeated, and
	// contended how often one that somebody else was in the way of, who got on by it.
	attempts, contended = 4, 32
	// ride is for how long a database that was there is waited for when it restarts,
	// and breath how long between two tries to reach it.
	ride, breath = 5 * time.Second, 50 * time.Millisecond
)

// run runs a statement and hands each row over, for as long as the call, until no
// more are wanted. It runs it again if it has surely had no effect; or, as repeatable
// says, if that does no harm.
func (d *Driver) run(ctx context.Context, pool *pgxpool.Pool, repeatable bool, st *statement, args [][]byte, row func(columns [][]byte) (more bool)) error {
	bounded := ctx
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	for attempt := 1; ; {
		conn, err := pool.Acquire(bounded)
		if err != nil {
			if d.ride(bounded, err) {
				continue
			}
			return unsent{cause(ctx, err)}
		}
		if d.lost.Load() != 0 {
			d.lost.Store(0)
		}
		s := sessionOf(conn.Conn())
		result := s.send(bounded, st, args)
		rows := 0
		for result.NextRow() {
			rows++
			if !row(result.Values()) { // what is still to come costs more than another connection
				hangUp(conn.Conn())
				conn.Release()
				return nil
			}
		}
		_, err = result.Close()
		conn.Release()
		if err == nil {
			return nil
		}
		broken := d.broken(bounded, err)
		attempt++
		most := attempts
		if overtaken(err) {
			most = contended
		}
		if rows > 0 || attempt > most || ctx.Err() != nil || !(s.again(err) || broken && repeatable) {
			return cause(ctx, err)
		}
	}
}

// unsent is the error of a statement that the server has not been sent.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// cause is why ctx ended, if that may be what an error comes from.
func cause(ctx context.Context, err error) error {
	if _, answered := errors.AsType[*pgconn.PgError](err); !answered && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// broken reports whether an error is the end of its connection. Then others will
// have ended too, of which nothing is known yet.
func (d *Driver) broken(ctx context.Context, err error) bool {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if answered && !fatal(answer) || ctx.Err() != nil {
		return false
	}
	d.pool.Reset()
	d.writer.Reset()
	return true
}

// again reports whether a statement has surely had no effect, and may have one if
// it is run again.
func (s *session) again(err error) bool {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		return pgconn.SafeToRetry(err)
	}
	if answer.Code == noSuchStatement || answer.Code == otherResult { // so that the session was not ours alone; or tables have changed
		repeat := s.direct
		s.direct = false
		return repeat
	}
	return overtaken(err)
}

// overtaken reports whether a transaction was rolled back for the sake of another.
func overtaken(err error) bool {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	return answered && (answer.Code == serializationFailure || answer.Code == deadlock)
}

// fatal reports whether an answer was the last one of its connection, so that it
// does not tell what became of the transaction. A proxy may tell of the loss of the
// server in its own way.
func fatal(answer *pgconn.PgError) bool {
	return cmp.Or(answer.SeverityUnlocalized, answer.Severity) != "ERROR" || strings.HasPrefix(answer.Code, connectionException)
}

// ride waits a moment for a database that does not let anybody in, if it may be
// expected back, and reports whether to try again.
func (d *Driver) ride(ctx context.Context, err error) bool {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	if answered && !passing[answer.Code] || !answered && !connecting {
		return false
	}
	now := time.Now().UnixNano()
	since := d.lost.Load()
	if since == 0 {
		since = now
		d.lost.CompareAndSwap(0, now)
	}
	if now-since > int64(ride) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(breath):
		return true
	}
}
