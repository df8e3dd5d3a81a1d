package eventstore

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"time"

	"rochdale/domain"
)

const (
	// patience bounds one transaction, which no single caller may cut short.
	patience = time.Minute
	// maxGroup and maxBytes bound the records of one transaction and their data,
	// unless one unit has more.
	maxGroup, maxBytes = 4000, 32 << 20
)

// A Log appends to a [Driver] in groups: what arrives while one transaction is
// in flight is committed together by the next.
type Log struct {
	driver Driver
	turns[*pending]
	last struct { // of the last commit, known to whoever has the turn
		size int
		took time.Duration
	}
	heard
	tail
}

type pending struct {
	unit     Unit
	position int64
	err      error
}

// NewLog returns a log kept by a driver.
func NewLog(d Driver) *Log {
	l := &Log{driver: d}
	l.moved = make(chan struct{})
	return l
}

// Close ends all waiting for news, and closes the driver.
func (l *Log) Close() error {
	l.stop()
	return l.driver.Close()
}

// KV is what is kept beside the log.
func (l *Log) KV() KV { return l.driver }

// Append adds to several streams and checks others, all or nothing, and returns
// a position at which all of it holds. It fills in the streams, versions and, as
// far as they are known, positions of the records it is given. If a stream is not
// at the version expected, nothing is written and the error is a [Conflict] that
// names it; too large an event is a [TooLarge]. If ctx ends before the transaction
// begins, nothing is written either; after that, Append waits. Any other error
// leaves open whether it was written.
func (l *Log) Append(ctx context.Context, unit ...StreamAppend) (position int64, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	for _, a := range unit {
		for i := range a.Records {
			a.Records[i].Stream, a.Records[i].Version = a.Stream, a.Version+int64(i)+1
		}
	}
	p := &pending{unit: unit}
	if err := p.unit.valid(); err != nil {
		return 0, err
	}
	position, err = l.appendOne(ctx, p)
	for ambiguous(err) {
		position, err = l.settle(ctx, p, err)
	}
	return position, err
}

// appendOne has a unit committed, with others that wait.
func (l *Log) appendOne(ctx context.Context, p *pending) (position int64, err error) {
	mine := l.wait(p)
	if !l.await(ctx, mine, func() { l.commitWaiting(context.WithoutCancel(ctx)) }) {
		if l.withdraw(mine) {
			return 0, context.Cause(ctx)
		}
		<-mine.wake // it is being committed
	}
	return p.position, p.err
}

// settle finds out what became of a unit when the database was lost under it,
// and appends it if it is not there. It cannot be there twice: the version of its
// streams admits it once, and its records have ids of their own.
func (l *Log) settle(ctx context.Context, p *pending, lost error) (position int64, err error) {
	rest(ctx)
	position, found, err := l.find(ctx, p.unit)
	switch {
	case ctx.Err() != nil:
		return 0, errors.Join(errors.Unwrap(lost), context.Cause(ctx))
	case err != nil:
		return 0, lost
	case found:
		return position, nil
	}
	position, err = l.appendOne(ctx, &pending{unit: p.unit})
	if _, conflict := errors.AsType[Conflict](err); conflict { // perhaps with itself
		switch position, found, err := l.find(ctx, p.unit); {
		case err != nil: // whoever took it for a conflict would decide afresh, and append it twice
			return 0, lost
		case found:
			return position, nil
		}
	}
	return position, err
}

// find returns the position of a unit that is in the log.
func (l *Log) find(ctx context.Context, u Unit) (position int64, found bool, err error) {
	var first *Record
	for _, a := range u {
		if len(a.Records) > 0 && first == nil {
			first = &a.Records[0]
		}
		position += int64(len(a.Records))
	}
	if first == nil { // checks alone may be made again
		return 0, false, nil
	}
	for r, err := range l.driver.Stream(ctx, first.Stream, first.Version-1) {
		return position + r.Position - 1, err == nil && r.ID == first.ID, err
	}
	return 0, false, nil
}

// Stream yields the records of one stream after a version: see [Driver].
func (l *Log) Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[Record, error] {
	return l.driver.Stream(ctx, stream, after)
}

// Streams yields the records of several streams: see [Driver].
func (l *Log) Streams(ctx context.Context, wanted ...StreamAfter) iter.Seq2[Record, error] {
	return l.driver.Streams(ctx, wanted...)
}

// All yields the records of all streams after a position: see [Driver].
func (l *Log) All(ctx context.Context, after int64) iter.Seq2[Record, error] {
	return l.driver.All(ctx, after)
}

// Head returns the position of the last record: see [Driver].
func (l *Log) Head(ctx context.Context) (int64, error) { return l.driver.Head(ctx) }

// commitWaiting commits one group, and answers everybody in it.
func (l *Log) commitWaiting(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l.gatherBack()
	group := l.gather()
	defer func() { answer(group) }() // whom nobody has answered, since the driver panics
	began := time.Now()
	l.commit(ctx, group)
	l.last.size, l.last.took = len(group), time.Since(began)
	var written []Record
	if l.tail.wanted.Load() {
		written = recordsOf(group)
	}
	var head int64
	for _, p := range group {
		head = max(head, p.of.position)
	}
	answer(group)
	group = nil
	l.tail.add(written)
	l.hear(head)
}

// answer ends the waiting of a group.
func answer(group []*turn[*pending]) {
	for _, p := range group {
		p.end()
	}
}

// recordsOf copies what of a group was written, which is its callers' again once they
// have their answer.
func recordsOf(group []*turn[*pending]) (written []Record) {
	n := 0
	for _, p := range group {
		for _, a := range p.of.unit {
			n += len(a.Records)
		}
	}
	written = make([]Record, 0, n)
	for _, p := range group {
		if p.of.err != nil {
			continue
		}
		first := len(written)
		for _, a := range p.of.unit {
			written = append(written, a.Records...)
		}
		for i := range written[first:] {
			written[first+i].Position = p.of.position - int64(len(written)-first-1-i)
		}
	}
	return written
}

// gatherBack gives those whom the last commit has answered the time to come back,
// or else the writers would fall apart into two halves that wait for each other.
// A writer who is alone waits for nobody.
func (l *Log) gatherBack() {
	if l.last.size < 2 {
		return
	}
	for range 2 {
		runtime.Gosched()
	}
	l.linger(l.last.size, l.last.took/4)
}

// gather takes from those waiting, first come first, whoever can be committed
// together. Who touches a stream that another in the group writes, or writes one
// that another touches, waits for the next: so the order of a group's positions
// is one in which its units could have come one by one.
func (l *Log) gather() (group []*turn[*pending]) {
	l.Lock()
	defer l.Unlock()
	written, touched, records, bytes := map[domain.Stream]bool{}, map[domain.Stream]bool{}, 0, 0
	var later []*turn[*pending]
	for _, p := range l.waiting {
		fits := records < maxGroup && bytes < maxBytes
		for _, a := range p.of.unit {
			fits = fits && !written[a.Stream] && (len(a.Records) == 0 || !touched[a.Stream])
		}
		for _, a := range p.of.unit { // of those left for later too, lest they be overtaken for ever
			touched[a.Stream] = true
			written[a.Stream] = written[a.Stream] || len(a.Records) > 0
		}
		if !fits {
			later = append(later, p)
			continue
		}
		for _, a := range p.of.unit {
			records += len(a.Records)
			for i := range a.Records {
				bytes += len(a.Records[i].Data)
			}
		}
		group = append(group, p)
	}
	l.waiting = later
	return group
}

func (l *Log) commit(ctx context.Context, group []*turn[*pending]) {
	units := make([]Unit, len(group))
	for i, p := range group {
		units[i] = p.of.unit
		p.of.err = NewAmbiguous(errLeft) // until it is known better
	}
	results, err := l.driver.Write(ctx, units)
	if err != nil && len(group) > 1 && !ambiguous(err) { // one of them may be at fault: each for itself
		for i := range group {
			l.commit(ctx, group[i:i+1])
		}
		return
	}
	for i, p := range group {
		switch {
		case err != nil:
			p.of.err = err
		case results[i].Conflict != nil:
			p.of.err = *results[i].Conflict
		default:
			p.of.position, p.of.err = results[i].Position, nil
		}
	}
}

// Ambiguous marks the error of a transaction that may have been committed
// nevertheless, so that it must not be tried again as it is.
type Ambiguous struct{ error }

// NewAmbiguous marks an error so.
func NewAmbiguous(err error) error { return Ambiguous{err} }

func (a Ambiguous) Unwrap() error { return a.error }

func ambiguous(err error) bool {
	_, yes := errors.AsType[Ambiguous](err)
	return yes
}
