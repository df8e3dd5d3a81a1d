package lite

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A DB is a file with one connection that writes and some that read.
type DB struct {
	path    string
	turn    chan *Conn    // the one that writes
	idle    chan *Conn    // those that read
	reading Mode          // that of the latter
	done    chan struct{} // closed by Close

	mu     sync.Mutex
	opened int // how many that read
}

const (
	// maxReaders is how many connections are kept for reading.
	maxReaders = 8
	// readerWait is how long a reader waits for one of them. Then it is taken for one
	// within another, which would wait for ever, and gets one of its own for once.
	readerWait = 100 * time.Millisecond
)

// ErrClosed is the error of using a [DB] that has been closed.
var ErrClosed = errors.New("lite: the database is closed")

// OpenDB opens a file, which it creates if need be.
func OpenDB(path string, mode Mode) (*DB, error) {
	writer, err := Open(path, mode)
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, turn: make(chan *Conn, 1), idle: make(chan *Conn, maxReaders), reading: finding, done: make(chan struct{})}
	if mode == Log {
		db.reading = scanning
	}
	db.turn <- writer
	return db, nil
}

// Close waits for whoever writes, and closes all connections; those that read are
// closed when they have been used.
func (db *DB) Close() error {
	db.mu.Lock()
	select {
	case <-db.done:
		db.mu.Unlock()
		return nil
	default:
	}
	close(db.done)
	db.mu.Unlock()
	err := (<-db.turn).Close()
	for {
		select {
		case c := <-db.idle:
			err = errors.Join(err, c.Close())
		default:
			return err
		}
	}
}

// Writer calls a function with the connection that writes, when it is its turn.
// Once it is, ctx no longer matters: nothing is half written.
func (db *DB) Writer(ctx context.Context, do func(*Conn) error) error {
	select {
	case c := <-db.turn:
		defer func() { db.turn <- c }()
		return do(c)
	case <-db.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Write runs a function in a transaction that writes: see [Conn.Tx]. When ctx ends
// before the transaction begins nothing is written; after that, it no longer matters.
func (db *DB) Write(ctx context.Context, do func(*Conn) error) error {
	return db.Writer(ctx, func(c *Conn) error {
		return caused(ctx, c.tx(ctx, "begin immediate", func() error { return do(c) }))
	})
}

// Read runs a function that reads, all of it from one state of the file. Its
// statements end when ctx does.
func (db *DB) Read(ctx context.Context, do func(*Conn) error) error {
	return db.ReadOne(ctx, func(c *Conn) error {
		return c.tx(ctx, "begin", func() error { return do(c) })
	})
}

// ReadOne runs a function that reads by one statement, which needs no transaction
// to see one state of the file. It ends when ctx does.
func (db *DB) ReadOne(ctx context.Context, do func(*Conn) error) error {
	c, err := db.reader(ctx)
	if err != nil {
		return err
	}
	defer db.giveBack(c)
	defer c.Interruptible(ctx)()
	return caused(ctx, do(c))
}

// caused puts the cause for which ctx ended in the place of what came of it.
func caused(ctx context.Context, err error) error {
	if (IsInterrupted(err) || IsBusy(err)) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Open opens one more connection, which reads, and is the caller's to close.
func (db *DB) Open() (*Conn, error) { return Open(db.path, db.reading) }

func (db *DB) reader(ctx context.Context) (*Conn, error) {
	db.mu.Lock()
	select {
	case <-db.done:
		db.mu.Unlock()
		return nil, ErrClosed
	case c := <-db.idle:
		db.mu.Unlock()
		return c, nil
	default:
	}
	free := db.opened < maxReaders
	if free {
		db.opened++
	}
	db.mu.Unlock()
	if !free {
		timer := time.NewTimer(readerWait)
		defer timer.Stop()
		select {
		case c := <-db.idle:
			return c, nil
		case <-db.done:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer.C:
		}
		db.mu.Lock()
		db.opened++
		db.mu.Unlock()
	}
	c, err := db.Open()
	if err != nil {
		db.mu.Lock()
		db.opened--
		db.mu.Unlock()
	}
	return c, err
}

func (db *DB) giveBack(c *Conn) {
	db.mu.Lock()
	defer db.mu.Unlock()
	select {
	case <-db.done:
	default:
		select {
		case db.idle <- c:
			return
		default:
		}
	}
	db.opened--
	_ = c.Close()
}
