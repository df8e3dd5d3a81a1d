package lite

import (
	"context"
	"errors"
	"sync"

	"github.com/ncruces/go-sqlite3"
)

// A DB is a file with one connection that writes and some that read.
type DB struct {
	path    string
	turn    chan *Conn // the one that writes
	idle    chan *Conn // those that read
	pragmas string

	mu     sync.Mutex
	closed bool
}

// maxReaders bounds the connections that are kept. When more read at once, as they
// do where reading leads to reading, more are opened and closed again.
const maxReaders = 8

// ErrClosed is the error of using a [DB] that has been closed.
var ErrClosed = errors.New("lite: the database is closed")

// OpenDB opens a file, which it creates if need be.
func OpenDB(path string, mode Mode) (*DB, error) {
	writer, err := Open(path, mode)
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, turn: make(chan *Conn, 1), idle: make(chan *Conn, maxReaders)}
	db.pragmas = "pragma query_only=on; pragma cache_size=-8000; pragma temp_store=memory"
	db.turn <- writer
	return db, nil
}

// Close closes the connections that are not in use; those that are close when they
// have been used.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	db.mu.Unlock()
	writer := <-db.turn
	close(db.turn)
	var err error
	for {
		select {
		case c := <-db.idle:
			err = errors.Join(err, c.Close())
			continue
		default:
		}
		return errors.Join(err, writer.Close())
	}
}

// Writer calls a function with the connection that writes, when it is its turn.
// Once it is, ctx no longer matters: nothing is half written.
func (db *DB) Writer(ctx context.Context, do func(*Conn) error) error {
	select {
	case c, open := <-db.turn:
		if !open {
			return ErrClosed
		}
		defer func() { db.turn <- c }()
		return do(c)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Write runs a function in a transaction that writes: see [Conn.Tx].
func (db *DB) Write(ctx context.Context, do func(*Conn) error) error {
	return db.Writer(ctx, func(c *Conn) error { return c.Tx(func() error { return do(c) }) })
}

// Read runs a function that reads, all of it from one state of the file. Its
// statements end when ctx does.
func (db *DB) Read(ctx context.Context, do func(*Conn) error) error {
	c, err := db.reader()
	if err != nil {
		return err
	}
	defer db.giveBack(c)
	if ctx.Done() != nil {
		defer c.Interruptible(ctx)()
	}
	err = c.tx("begin", func() error { return do(c) })
	if err != nil && ctx.Err() != nil && IsInterrupted(err) {
		return context.Cause(ctx)
	}
	return err
}

// ReadOne runs a function of one statement, which needs no transaction.
func (db *DB) ReadOne(ctx context.Context, do func(*Conn) error) error {
	c, err := db.reader()
	if err != nil {
		return err
	}
	defer db.giveBack(c)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return do(c)
}

// Open opens one more connection, which reads, and is the caller's to close.
func (db *DB) Open() (*Conn, error) { return open(db.path, db.pragmas, sqlite3.OPEN_READWRITE) }

func (db *DB) reader() (*Conn, error) {
	select {
	case c := <-db.idle:
		return c, nil
	default:
	}
	db.mu.Lock()
	closed := db.closed
	db.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	return db.Open()
}

func (db *DB) giveBack(c *Conn) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.closed {
		select {
		case db.idle <- c:
			return
		default:
		}
	}
	_ = c.Close()
}
