package eventstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
)

// line is a record but for its data, as it stands on a line: see [Record.Line].
type line struct {
	Position    int64         `json:"position"`
	Stream      domain.Stream `json:"stream"`
	Version     int64         `json:"version"`
	ID          uuid.UUID     `json:"id"`
	RecordedAt  time.Time     `json:"recorded_at"`
	Actor       string        `json:"actor"`
	Correlation uuid.UUID     `json:"correlation"`
	Causation   *uuid.UUID    `json:"causation,omitempty"`
	Type        string        `json:"type"`
	Edition     int           `json:"edition"`
}

// Line returns the record as a JSON object on one line, without the end of the
// line: the form in which a log leaves its database. Its data is as it was stored,
// byte for byte, so that what is personal in it is sealed.
func (r Record) Line() ([]byte, error) {
	l := line{r.Position, r.Stream, r.Version, r.ID, r.RecordedAt, r.Actor, r.Correlation, nil, r.Type, r.Edition}
	if r.Causation != uuid.Nil {
		l.Causation = &r.Causation
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("eventstore: position %d: %w", r.Position, err)
	}
	text = append(text[:len(text)-1], `,"data":`...)
	return append(append(text, r.Data...), '}'), nil
}

// ParseLine reads what [Record.Line] wrote. A field that it does not know is an
// error: it would be lost.
func ParseLine(text []byte) (Record, error) {
	var l struct {
		line
		Data json.RawMessage `json:"data"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return Record{}, fmt.Errorf("not an event: %w", err)
	}
	if dec.More() {
		return Record{}, errors.New("not one event: there is more after it")
	}
	r := Record{
		Position: l.Position, Stream: l.Stream, Version: l.Version, ID: l.ID, RecordedAt: l.RecordedAt.UTC(), Actor: l.Actor,
		Correlation: l.Correlation, Encoded: domain.Encoded{Type: l.Type, Edition: l.Edition, Data: l.Data},
	}
	if l.Causation != nil {
		r.Causation = *l.Causation
	}
	switch {
	case r.Position < 1 || r.Version < 1:
		return Record{}, fmt.Errorf("position %d and version %d: both begin with 1", r.Position, r.Version)
	case !r.RecordedAt.Equal(r.RecordedAt.Truncate(time.Microsecond)):
		return Record{}, fmt.Errorf("recorded_at %v: whole microseconds are kept", l.RecordedAt)
	}
	return r, Unit{{Stream: r.Stream, Version: r.Version - 1, Records: []Record{r}}}.valid()
}

// restored is how many records are restored in one transaction, at most.
const restored = 2000

// Restore puts records back where they were: each at its position, as it was. They
// come in the order of their positions, from the first. Those that the log has
// already are compared and not written again, so that a restoration that was cut
// short goes on when it is made again; whatever differs ends it with an error, as
// does a gap. Nobody else may write meanwhile. Progress is told the position that
// is reached; it may be nil.
func (l *Log) Restore(ctx context.Context, records iter.Seq2[Record, error], progress func(position int64)) (written int64, err error) {
	head, err := l.driver.Head(ctx)
	if err != nil {
		return 0, err
	}
	there, stop := iter.Pull2(l.driver.All(ctx, 0))
	defer stop()
	var units []Unit
	in, size, next := map[domain.Stream]bool{}, 0, int64(1)
	flush := func() error {
		if len(units) == 0 {
			return nil
		}
		results, err := l.driver.Write(ctx, units)
		if err != nil {
			return err
		}
		for i, u := range units {
			last := u[0].Records[len(u[0].Records)-1]
			if c := results[i].Conflict; c != nil {
				return fmt.Errorf("eventstore: restore position %d: %w", u[0].Records[0].Position, *c)
			}
			if results[i].Position != last.Position {
				return fmt.Errorf("eventstore: restored %d at %d: somebody else writes to this log", last.Position, results[i].Position)
			}
			written += int64(len(u[0].Records))
		}
		l.hear(next - 1)
		units, size = units[:0:0], 0
		clear(in)
		if progress != nil {
			progress(next - 1)
		}
		return nil
	}
	for r, err := range records {
		if err != nil {
			return written, errors.Join(flush(), err)
		}
		if r.Position != next {
			return written, errors.Join(flush(), fmt.Errorf("eventstore: position %d comes after %d: events are missing, or out of order", r.Position, next-1))
		}
		next++
		if r.Position <= head {
			was, err, _ := there()
			if err != nil {
				return written, err
			}
			if !was.equal(r) {
				return written, fmt.Errorf("eventstore: this log has another event at position %d: restore into an empty one", r.Position)
			}
			continue
		}
		switch last := len(units) - 1; {
		case last >= 0 && units[last][0].Stream == r.Stream && size < restored:
			units[last][0].Records = append(units[last][0].Records, r)
		default:
			if in[r.Stream] || size >= restored {
				next-- // it is not among those that are flushed
				if err := flush(); err != nil {
					return written, err
				}
				next++
			}
			units = append(units, Unit{{Stream: r.Stream, Version: r.Version - 1, Records: []Record{r}}})
			in[r.Stream] = true
		}
		size++
	}
	if next <= head {
		return written, fmt.Errorf("eventstore: this log goes on to position %d, what is restored ends at %d: restore into an empty one", head, next-1)
	}
	return written, flush()
}

func (r Record) equal(o Record) bool {
	return r.Position == o.Position && r.Stream == o.Stream && r.Version == o.Version && r.ID == o.ID && r.RecordedAt.Equal(o.RecordedAt) &&
		r.Actor == o.Actor && r.Correlation == o.Correlation && r.Causation == o.Causation &&
		r.Type == o.Type && r.Edition == o.Edition && bytes.Equal(r.Data, o.Data)
}

// A Flaw is something in a log that should not be there.
type Flaw struct {
	Position int64  `json:"position"`
	Says     string `json:"says"`
}

// A Verification is what became of reading a whole log.
type Verification struct {
	Events  int64 `json:"events"`
	Streams int   `json:"streams"`
	// Erased is how many events have had personal data that is erased.
	Erased int64  `json:"erased"`
	Flaws  []Flaw `json:"flaws"` // the first of them
	More   int64  `json:"more"`  // flaws
}

// maxFlaws bounds how many flaws are told one by one.
const maxFlaws = 100

// Verify reads everything: positions and versions follow each other without a gap,
// types and editions are known, and what is stored decodes, opened with the keys.
// Progress is told the position that is reached; it may be nil.
func (s *Store) Verify(ctx context.Context, progress func(position int64)) (v Verification, err error) {
	v.Flaws = []Flaw{}
	versions, next := map[domain.Stream]int64{}, int64(1)
	for rec, err := range s.Log.All(ctx, 0) {
		if err != nil {
			return v, err
		}
		flaw := func(format string, args ...any) {
			if len(v.Flaws) == maxFlaws {
				v.More++
				return
			}
			v.Flaws = append(v.Flaws, Flaw{rec.Position, fmt.Sprintf(format, args...)})
		}
		if rec.Position != next {
			flaw("position %d comes after %d", rec.Position, next-1)
		}
		if was := versions[rec.Stream]; rec.Version != was+1 {
			flaw("%s: version %d comes after %d", rec.Stream, rec.Version, was)
		}
		next, versions[rec.Stream] = rec.Position+1, rec.Version
		if event, err := s.Decode(ctx, rec); err != nil {
			flaw("%s, edition %d, in %s: %v", rec.Type, rec.Edition, rec.Stream, err)
		} else if erased(event) {
			v.Erased++
		}
		v.Events++
		if progress != nil {
			progress(rec.Position)
		}
	}
	v.Streams = len(versions)
	return v, nil
}
