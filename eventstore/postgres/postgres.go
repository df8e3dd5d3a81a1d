// Package postgres keeps the log in PostgreSQL, for many nodes.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/frugal"
)

// Driver is an [eventstore.Driver] over a database.
type Driver struct {
	pool   *pgxpool.Pool
	writer *pgxpool.Pool // of one connection: who appends does not wait for who reads
	where  string        // for people, without the password
	direct atomic.Bool   // connections are to the server itself
	lost   atomic.Int64  // since when the database does not let anybody in, or 0

	ear  chan *pgx.Conn  // on which is listened; nil if it is not there
	news chan struct{}   // of a commit that others are to be told of
	open context.Context // until it is closed
	end  context.CancelFunc
	done sync.WaitGroup
}

var _ eventstore.Driver = (*Driver)(nil)

// Open opens the log at a URL, like "postgres://user@host/database", and creates
// or migrates its tables if need be. Several nodes may do so at once. What is no
// log, or was written by a newer program, is left as it is, and is an error.
//
// A proxy that gives each transaction another connection, such as PgBouncer, is
// noticed, and nothing relied on that it does not keep.
func Open(ctx context.Context, url string) (*Driver, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	d := &Driver{where: name(config.ConnConfig), ear: make(chan *pgx.Conn, 1), news: make(chan struct{}, 1)}
	d.ear <- nil
	d.lost.Store(1) // who has never been there is not waited for
	config.AfterConnect = d.meet
	one := config.Copy()
	one.MaxConns, one.MinConns, one.MinIdleConns = 1, 0, 0
	d.open, d.end = context.WithCancel(context.WithoutCancel(ctx))
	if d.pool, err = pgxpool.NewWithConfig(d.open, config); err != nil {
		return nil, d.explain(err)
	}
	if d.writer, err = pgxpool.NewWithConfig(d.open, one); err != nil {
		return nil, d.explain(err)
	}
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(d.explain(err), d.Close())
	}
	d.done.Go(d.tell)
	return d, nil
}

// OpenSQL opens a database for other uses than the log, also behind a proxy.
func OpenSQL(url string) (*sql.DB, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config.ConnConfig)
	db.SetMaxOpenConns(int(config.MaxConns))
	return db, nil
}

const connectTimeout = 10 * time.Second

// parse has connections rely on nothing that a proxy does not keep.
func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unparsed(err)
	}
	c := config.ConnConfig
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // which prepares nothing under a name
	c.RuntimeParams["client_encoding"] = "UTF8"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "rochdale"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// Close is that of [eventstore.Driver].
func (d *Driver) Close() error {
	d.end()
	d.done.Wait()
	ear := <-d.ear
	d.ear <- nil
	hangUp(ear)
	d.pool.Close()
	d.writer.Close()
	return nil
}

var (
	appendMany = call("append", `rochdale_log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	appendOne  = call("append_one", `rochdale_log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
)

// Write is that of [eventstore.Driver].
func (d *Driver) Write(ctx context.Context, units []eventstore.Unit) ([]eventstore.Result, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	results := make([]eventstore.Result, len(units))
	var err error
	if len(units) == 1 && len(units[0]) == 1 && len(units[0][0].Records) == 1 {
		err = d.writeOne(ctx, units[0][0], &results[0])
	} else {
		err = d.writeMany(ctx, units, results)
	}
	if err != nil {
		return nil, d.outcome(err)
	}
	select {
	case d.news <- struct{}{}:
	default:
	}
	return results, nil
}

func (d *Driver) writeOne(ctx context.Context, a eventstore.StreamAppend, result *eventstore.Result) error {
	r := &a.Records[0]
	args := [][]byte{
		[]byte(a.Stream), int64Value(a.Version), timeValue(r.RecordedAt), int16Value(r.Edition),
		r.ID[:], unless(r.ID, r.Correlation), unless(uuid.Nil, r.Causation), []byte(r.Type), []byte(r.Actor), r.Data,
	}
	return d.run(ctx, d.writer, false, appendOne, args, func(columns [][]byte) bool {
		if position := readInt64(columns[len(columns)-1]); position > 0 {
			result.Position = position
		} else {
			result.Conflict = &eventstore.Conflict{Stream: a.Stream, Expected: a.Version, Actual: -1 - position}
		}
		return true
	})
}

// maxBytes bounds the data of one call: the server takes less than 1 GB at once.
const maxBytes = 512 << 20

// writeMany has all units appended or, if some are in conflict, all others.
func (d *Driver) writeMany(ctx context.Context, units []eventstore.Unit, results []eventstore.Result) error {
	left := make([]int, len(units)) // those not known to be in conflict
	for i := range left {
		left[i] = i
	}
	for len(left) > 0 {
		args, numbers, err := encode(units, left)
		if err != nil {
			return err
		}
		var answer []int64
		err = d.run(ctx, d.writer, false, appendMany, args, func(columns [][]byte) bool {
			answer = readInt64s(columns[len(columns)-1])
			return true
		})
		if err != nil {
			return err
		}
		if len(answer) == 1 {
			head := answer[0]
			for _, i := range left {
				for _, a := range units[i] {
					head += int64(len(a.Records))
				}
				results[i].Position = head
			}
			return nil
		}
		actual := make(map[int]int64, len(answer)/2)
		for i, number := range answer[:len(answer)/2] {
			actual[int(number)] = answer[len(answer)/2+i]
		}
		n := 0
		left = slices.DeleteFunc(left, func(i int) bool {
			for _, a := range units[i] {
				version, wrong := actual[numbers[n]]
				n++
				if wrong && results[i].Conflict == nil {
					results[i].Conflict = &eventstore.Conflict{Stream: a.Stream, Expected: a.Version, Actual: version}
				}
			}
			return results[i].Conflict != nil
		})
	}
	return nil
}

// encode returns some units as arguments of the function append. Of each stream in
// each of them it returns the number under which the function knows it; many units
// that check one stream do so once.
func encode(units []eventstore.Unit, some []int) (args [][]byte, numbers []int, err error) {
	type state struct {
		stream  domain.Stream
		version int64
	}
	var n, streamBytes, nameBytes, typeBytes, actorBytes, dataBytes int
	for _, i := range some {
		for _, a := range units[i] {
			streamBytes += len(a.Stream)
			nameBytes += len(a.Stream) * len(a.Records)
			n += len(a.Records)
			for j := range a.Records {
				r := &a.Records[j]
				typeBytes, actorBytes, dataBytes = typeBytes+len(r.Type), actorBytes+len(r.Actor), dataBytes+len(r.Data)
			}
		}
	}
	if dataBytes > maxBytes {
		return nil, nil, unsent{fmt.Errorf("an append of %d MB is more than the %d that can be sent at once: make several", dataBytes>>20, maxBytes>>20)}
	}
	streams, expected, checked := newArray(textType, len(some), streamBytes), newArray(int8Type, len(some), 8*len(some)), map[state]int{}
	versions, times, editions := newArray(int8Type, n, 8*n), newArray(timeType, n, 8*n), newArray(int2Type, n, 2*n)
	ids, correlations, causations := newArray(uuidType, n, 16*n), newArray(uuidType, n, 16*n), newArray(uuidType, n, 16*n)
	names, types, actors, data := newArray(textType, n, nameBytes), newArray(textType, n, typeBytes), newArray(textType, n, actorBytes), newArray(jsonType, n, dataBytes)
	for _, i := range some {
		for _, a := range units[i] {
			if len(a.Records) == 0 {
				if number := checked[state{a.Stream, a.Version}]; number > 0 {
					numbers = append(numbers, number)
					continue
				}
				checked[state{a.Stream, a.Version}] = int(streams.n) + 1
			}
			streams.text(string(a.Stream))
			expected.int64(a.Version)
			numbers = append(numbers, int(streams.n))
			for j := range a.Records {
				r := &a.Records[j]
				versions.int64(r.Version)
				times.int64(r.RecordedAt.UnixMicro() - epoch)
				editions.int16(r.Edition)
				ids.raw(r.ID[:])
				correlations.raw(unless(r.ID, r.Correlation))
				causations.raw(unless(uuid.Nil, r.Causation))
				names.text(string(a.Stream))
				types.text(r.Type)
				actors.text(r.Actor)
				data.raw(r.Data)
			}
		}
	}
	args = [][]byte{
		streams.value(), expected.value(), versions.value(), times.value(), editions.value(), ids.value(),
		correlations.value(), causations.value(), names.value(), types.value(), actors.value(), data.value(),
	}
	return args, numbers, nil
}

// A page is what is read at once. It is kept, so that those who take their time with
// it, or use the driver meanwhile, hold no connection.
const (
	firstPage = 50      // records, since most streams are short
	page      = 8000    // records
	pageBytes = 4 << 20 // about, and twice as many at most
)

const columns = `position, stream, version, id, recorded_at, actor, correlation, causation, type, edition, data`

var (
	readStream = query("stream", `select `+columns+` from rochdale_log.event where stream = $3 and version > $1 order by version limit $2`)
	readMany   = query("streams", `select `+columns+`, n from unnest($1::text[], $2::bigint[]) with ordinality as wanted (s, v, n)
		cross join lateral (select `+columns+` from rochdale_log.event where stream = s and version > v order by version limit $3) as found`)
	readAll  = query("all", `select `+columns+` from rochdale_log.event where position > $1 order by position limit $2`)
	readHead = query("head", `select coalesce(max(position), 0) from rochdale_log.event`)
)

// Stream is that of [eventstore.Driver].
func (d *Driver) Stream(ctx context.Context, stream domain.Stream, after int64) iter.Seq2[eventstore.Record, error] {
	return d.records(ctx, after, func(r *eventstore.Record) int64 { return r.Version }, readStream, []byte(stream))
}

// manyStreams is how many streams are asked for at once, each up to [firstPage].
const manyStreams = 500

// Streams is that of [eventstore.Driver].
func (d *Driver) Streams(ctx context.Context, wanted ...eventstore.StreamAfter) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		var reader reader
		for len(wanted) > 1 {
			records, asked, cut, err := d.beginnings(ctx, &reader, wanted[:min(len(wanted), manyStreams)])
			if err != nil {
				yield(eventstore.Record{}, d.explain(err))
				return
			}
			n := 0 // of the stream
			for i, r := range records {
				if ctx.Err() != nil {
					yield(eventstore.Record{}, context.Cause(ctx))
					return
				}
				if !yield(r, nil) {
					return
				}
				n++
				last := i == len(records)-1
				if !last && records[i+1].Stream == r.Stream {
					continue
				}
				if n == firstPage || last && cut { // there may be more of it
					for r, err := range d.Stream(ctx, r.Stream, r.Version) {
						if !yield(r, err) || err != nil {
							return
						}
					}
				}
				n = 0
			}
			wanted = wanted[asked:]
		}
		if len(wanted) == 1 {
			d.Stream(ctx, wanted[0].Stream, wanted[0].Version)(yield)
		}
	}
}

// beginnings returns the first page of each of some streams, and how many of these it
// has read: where they hold much, not all, and the last is cut short.
func (d *Driver) beginnings(ctx context.Context, reader *reader, some []eventstore.StreamAfter) (records []eventstore.Record, asked int, cut bool, err error) {
	streams, versions := newArray(textType, len(some), 0), newArray(int8Type, len(some), 8*len(some))
	for _, w := range some {
		streams.text(string(w.Stream))
		versions.int64(w.Version)
	}
	bytes := 0
	asked = len(some)
	err = d.run(ctx, d.pool, true, readMany, [][]byte{streams.value(), versions.value(), int64Value(firstPage)}, func(columns [][]byte) bool {
		records = append(records, eventstore.Record{})
		r := &records[len(records)-1]
		reader.read(columns, r)
		if bytes += len(r.Data); bytes >= 2*pageBytes {
			asked, cut = int(readInt64(columns[len(columns)-1])), true
		}
		return !cut
	})
	return records, asked, cut, err
}

// All is that of [eventstore.Driver].
func (d *Driver) All(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error] {
	return d.records(ctx, after, func(r *eventstore.Record) int64 { return r.Position }, readAll)
}

func (d *Driver) records(ctx context.Context, after int64, key func(*eventstore.Record) int64, st *statement, args ...[]byte) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		pages := &pages{d: d, key: key, st: st, args: append([][]byte{nil, nil}, args...), after: after, size: firstPage, room: make(chan []eventstore.Record, 3)}
		p := pages.next(ctx, nil)
		var others chan aPage
		if p.more {
			left := make(chan struct{})
			defer close(left)
			others = make(chan aPage)
			go pages.all(ctx, others, left)
		}
		for {
			for i := range p.records {
				if ctx.Err() != nil {
					yield(eventstore.Record{}, context.Cause(ctx))
					return
				}
				if !yield(p.records[i], nil) {
					return
				}
			}
			if p.err != nil {
				yield(eventstore.Record{}, d.explain(p.err))
				return
			}
			if !p.more {
				return
			}
			pages.room <- p.records
			p = <-others
		}
	}
}

type aPage struct {
	records []eventstore.Record
	more    bool // may follow
	err     error
}

// pages are read one after another.
type pages struct {
	d     *Driver
	key   func(*eventstore.Record) int64
	st    *statement
	args  [][]byte // with room for two more at the beginning
	after int64
	size  int
	room  chan []eventstore.Record // of pages that are no longer needed
	reader
}

// all reads all that follow, each while the one before is looked at, until they are
// left.
func (p *pages) all(ctx context.Context, to chan<- aPage, left <-chan struct{}) {
	var page aPage
	for page.more = true; page.more; {
		var room []eventstore.Record
		select {
		case room = <-p.room:
		default:
		}
		page = p.next(ctx, room)
		select {
		case to <- page:
		case <-left:
			return
		}
	}
}

// next reads the next page into the room of another.
func (p *pages) next(ctx context.Context, room []eventstore.Record) aPage {
	records, bytes := room[:0], 0
	p.args[0], p.args[1] = int64Value(p.after), int64Value(int64(p.size))
	err := p.d.run(ctx, p.d.pool, true, p.st, p.args, func(columns [][]byte) bool {
		records = append(records, eventstore.Record{})
		r := &records[len(records)-1]
		p.read(columns, r)
		bytes += len(r.Data)
		return bytes < 2*pageBytes
	})
	more := err == nil && (len(records) == p.size || bytes >= 2*pageBytes)
	if n := len(records); n > 0 {
		p.size = min(page, 10*p.size, max(1, n*pageBytes/(bytes+1)))
		p.after = p.key(&records[n-1])
	}
	return aPage{records, more, err}
}

// A reader makes records without an allocation for each of their parts.
type reader struct {
	stream        domain.Stream // of the last
	actors, types frugal.Names
	data          frugal.Data
}

func (d *reader) read(c [][]byte, r *eventstore.Record) {
	if d.stream != domain.Stream(c[1]) { // which makes no string
		d.stream = domain.Stream(c[1])
	}
	r.Position, r.Stream, r.Version = readInt64(c[0]), d.stream, readInt64(c[2])
	r.ID = readUUID(c[3])
	r.RecordedAt, r.Actor = readTime(c[4]), d.actors.Of(c[5])
	if r.Correlation = r.ID; c[6] != nil {
		r.Correlation = readUUID(c[6])
	}
	r.Causation = readUUID(c[7])
	r.Type, r.Edition, r.Data = d.types.Of(c[8]), readInt16(c[9]), d.data.Copy(c[10])
}

// Head is that of [eventstore.Driver].
func (d *Driver) Head(ctx context.Context) (position int64, err error) {
	err = d.run(ctx, d.pool, true, readHead, nil, func(columns [][]byte) bool {
		position = readInt64(columns[0])
		return true
	})
	return position, d.explain(err)
}
