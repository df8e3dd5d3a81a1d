// Package eventstore remembers. A [Log] keeps records in one order, over a
// [Driver] for some database; a [Store] gives them meaning, and executes commands.
package eventstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"rochdale/domain"
)

// A Record is an event in its place in the log.
type Record struct {
	Position    int64 // in the whole log, in commit order, from 1, without gaps
	Stream      domain.Stream
	Version     int64 // of the stream, from 1, without gaps
	ID          uuid.UUID
	RecordedAt  time.Time // in UTC, to the microsecond
	Actor       string    // who acted: a party, or like "process/billing" or "cli"
	Correlation uuid.UUID // the first event of all that one request brought about
	Causation   uuid.UUID // the event that this one answers; zero if a person acted
	domain.Encoded
}

// A StreamAppend is one stream's part in an append. Without records it is a
// check: the stream must be at the version, and is left as it is.
type StreamAppend struct {
	Stream  domain.Stream
	Version int64 // at which the stream must be before the append
	Records []Record
}

// A StreamAfter is what comes in a stream after a version.
type StreamAfter struct {
	Stream  domain.Stream
	Version int64
}

// A Unit is appended as a whole or not at all. Each stream occurs in it once.
type Unit []StreamAppend

// A Conflict is the error of an append that expected another version.
type Conflict struct {
	Stream           domain.Stream
	Expected, Actual int64
}

func (c Conflict) Error() string {
	return fmt.Sprintf("eventstore: %s is at version %d, not %d", c.Stream, c.Actual, c.Expected)
}

// A Result is what became of a unit.
type Result struct {
	// Position is that of the unit's last record, to which its others lead up
	// without a gap; or, of a unit of checks, that of the log's head.
	Position int64
	// Conflict is set, and nothing of the unit written, if one of its streams
	// was at another version than expected.
	Conflict *Conflict
}

// A Driver is what a database does for a [Log]. It decides nothing; storetest
// holds it to what is promised here.
type Driver interface {
	// Write appends units in one transaction, which is durable when it returns.
	// It holds the head of the log against all other writers, of whatever
	// process, and gives each record the next position, in the order of the
	// units. No unit writes a stream that another of the call writes or checks.
	// Units in conflict are left out, and say so in their result; after an
	// error it is open whether the others are written, but all are or none.
	Write(ctx context.Context, units []Unit) ([]Result, error)
	// Stream yields the records of one stream after a version. An error, if
	// any, comes last. The iterator may be left at any time, and its body may
	// use the driver.
	Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[Record, error]
	// Streams does the same for several streams, one after another as they are
	// given, which it asks for together. Each occurs once.
	Streams(ctx context.Context, wanted ...StreamAfter) iter.Seq2[Record, error]
	// All does the same for the records of all streams after a position. A
	// reader that has seen a position has been shown all those before it.
	All(ctx context.Context, after int64) iter.Seq2[Record, error]
	// Head returns the position of the last record, or 0 in an empty log.
	Head(ctx context.Context) (int64, error)
	// Changed returns when another process may have written, or after a while
	// in any case if the driver cannot be told of it.
	Changed(ctx context.Context) error
	KV
	// Close lets go of the database.
	Close() error
}

// MaxData is the size in bytes up to which the data of an event may grow. What
// is larger is a document, and is kept as one.
const MaxData = 1 << 20

// maxName bounds the names of streams and types in bytes: they are indexed.
const maxName = 500

// A TooLarge is the error of an append with an event larger than [MaxData].
type TooLarge struct {
	Stream domain.Stream
	Type   string
	Bytes  int
}

func (e TooLarge) Error() string {
	return fmt.Sprintf("eventstore: %s for %s has %d bytes of data, more than the %d an event may have: keep it as a document",
		e.Type, e.Stream, e.Bytes, MaxData)
}

// valid finds what no backend could store as it is, so that all refuse alike.
func (u Unit) valid() error {
	var seen map[domain.Stream]bool
	if len(u) > 1 {
		seen = make(map[domain.Stream]bool, len(u))
	}
	for i := range u {
		a := &u[i]
		switch {
		case seen[a.Stream]:
			return fmt.Errorf("eventstore: %s occurs twice in one append", a.Stream)
		case a.Version < 0:
			return fmt.Errorf("eventstore: %s cannot be at version %d", a.Stream, a.Version)
		}
		if err := validName(string(a.Stream)); err != nil {
			return fmt.Errorf("eventstore: stream %.80q: %w", a.Stream, err)
		}
		if seen != nil {
			seen[a.Stream] = true
		}
		for i := range a.Records {
			r := &a.Records[i]
			if err := errors.Join(validName(r.Type), validName(r.Actor)); err != nil {
				return fmt.Errorf("eventstore: type %.80q of actor %.80q in %s: %w", r.Type, r.Actor, a.Stream, err)
			}
			switch {
			case len(r.Data) > MaxData:
				return TooLarge{a.Stream, r.Type, len(r.Data)}
			case !json.Valid(r.Data) || !utf8.Valid(r.Data) || bytes.ContainsAny(r.Data, "\n\r"):
				return fmt.Errorf("eventstore: data of %s for %s is not JSON on one line", r.Type, a.Stream)
			case r.Edition < 1 || r.Edition > 1<<15-1:
				return fmt.Errorf("eventstore: %s for %s cannot be of edition %d", r.Type, a.Stream, r.Edition)
			case r.ID == uuid.Nil:
				return fmt.Errorf("eventstore: %s for %s has no id", r.Type, a.Stream)
			}
		}
	}
	return nil
}

func validName(s string) error {
	switch {
	case s == "":
		return errors.New("a name cannot be empty")
	case len(s) > maxName:
		return fmt.Errorf("a name has at most %d bytes, not %d", maxName, len(s))
	case !utf8.ValidString(s) || hasControls(s):
		return errors.New("a name is UTF-8 without control characters")
	}
	return nil
}

func hasControls(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' {
			return true
		}
	}
	return false
}
