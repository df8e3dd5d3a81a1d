// Package projections answers questions. Each node keeps read models in a local
// SQLite file, which may be deleted at any time: the log will fill it again.
//
// A file is named after a hash of the code and schema that made it. New code means
// a new file, and no file is ever migrated. A module has one file of Go and one of
// SQL here; what is in its tables follows from the events alone.
package projections

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rochdale/domain"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/eventstore/lite"
)

//go:embed *.go *.sql
var sources embed.FS

// A projection keeps the tables of one module in step with the events.
type projection struct {
	module string // of whose name there is a file of SQL
	wants  []any  // examples of the types of event that change the tables
	apply  func(t *table, event any) error
	// finish, if not nil, adds to a file that was filled what follows from its rows.
	finish func(t *table) error
}

// all are the projections, in the order of the modules; last, what follows from all.
var all = []projection{
	statutesProjection, membershipProjection, sharesProjection, registerProjection, lotsProjection, ledgerProjection, assemblyProjection, documentsProjection, offeringProjection,
	subscriptionProjection, entitlementProjection, billingProjection, paymentProjection, provisioningProjection, retentionProjection,
}

// A table is what a projection writes to, for one event.
type table struct {
	*lite.Conn
	stream     domain.Stream
	position   int64
	recordedAt time.Time

	filling bool           // a new file, which has no indexes yet
	late    []func() error // what waits for them
	erased  bool           // something was in the tables that is to be forgotten

	cast map[domain.PollID]Turnout // in the batch, by poll
}

// whenIndexed does what needs an index: now, or when there is one. So it must come
// to the same whatever events come between.
func (t *table) whenIndexed(do func() error) error {
	if !t.filling {
		return do()
	}
	t.late = append(t.late, do)
	return nil
}

// Models are the read models of a node.
type Models struct {
	store   *eventstore.Store
	log     *slog.Logger
	dir     string
	name    string // of the files, without the generation
	wants   map[string][]*projection
	erasure string // the type of the events that erase
	size    int    // how many events are applied in one transaction, when so many wait

	current atomic.Pointer[view]
	renews  sync.Mutex     // held to make a file anew
	applies sync.Mutex     // held to apply events to the file in use, or to put another in its place
	retired sync.WaitGroup // files that are still read from, but no longer in use
	chores  chan struct{}  // told when the file in use has to be made anew

	mu      sync.Mutex
	lock    *os.File      // held by the one process that writes
	moved   chan struct{} // closed, and replaced, whenever the position rises
	trouble error         // that keeps the position from rising
	closed  bool
}

// A view is one file, in use.
type view struct {
	db         *lite.DB
	path       string
	file       os.FileInfo
	generation int
	position   atomic.Int64
	parties    atomic.Int64 // the position at which anything of a party may have changed last
	forgotten  atomic.Int64 // the position of the last erasure in it that this process has heeded
	untidy     atomic.Bool  // the file may still have pieces of what was erased
	broken     atomic.Bool  // it cannot be read
	users      sync.RWMutex // who reads from it
}

// ErrBehind refuses to answer from read models that have not got as far as was
// asked for within the time there was.
var ErrBehind = domain.Refusal{Code: "read_model.behind", Reason: "this node is at position {position} and has not reached {asked} yet: ask again in a moment"}

// ErrElsewhere refuses to write what another process writes.
var ErrElsewhere = domain.Refusal{Code: "read_model.elsewhere", Reason: "another process keeps these read models: stop it first"}

var (
	errClosed = errors.New("projections: the read models are closed")
	errBroken = errors.New("projections: the file of the read models is broken, and is made again")
)

// Open opens the read models in a folder, which it creates if need be. If there
// are none for this code, they are filled first. [Models.Run] or [Models.CatchUp]
// has them follow the log. One process writes them; others that open the same
// folder read what it writes, and take over when it ends.
func Open(ctx context.Context, dir string, store *eventstore.Store, log *slog.Logger) (*Models, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("projections: folder of the read models: %w", err)
	}
	m := &Models{
		store: store, log: log, dir: dir, name: prefix + version(store.Registry), wants: map[string][]*projection{}, size: batchSize,
		chores: make(chan struct{}, 1), moved: make(chan struct{}),
	}
	for i := range all {
		for _, event := range all[i].wants {
			name := store.Registry.Name(event)
			if name == "" {
				return nil, fmt.Errorf("projections: %s wants %T, which is not registered", all[i].module, event)
			}
			m.wants[name] = append(m.wants[name], &all[i])
		}
	}
	m.erasure = store.Registry.Name(membership.PersonalDataErased{})
	if err := m.use(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// version is a hash of the code and schema, and of the editions of the events.
func version(registry *domain.Registry) string {
	h := sha256.New()
	_ = fs.WalkDir(sources, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasSuffix(name, "_test.go") {
			data, _ := sources.ReadFile(name)
			fmt.Fprintf(h, "%s %d\n", name, len(data))
			h.Write(data)
		}
		return err
	})
	for _, e := range registry.Types() {
		fmt.Fprintf(h, "%s %d\n", e.Type, e.Edition)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// use opens the latest file. Who writes begins an empty one if there is none, or
// none that can be read; who only reads waits for it.
func (m *Models) use(ctx context.Context) error {
	m.renews.Lock()
	defer m.renews.Unlock()
	var last error
	for {
		if err := m.takeLock(); err != nil {
			return err
		}
		v, err := m.openLatest(ctx)
		switch {
		case ctx.Err() != nil && v == nil:
			return errors.Join(context.Cause(ctx), last)
		case v != nil:
			m.swap(v)
			m.sweep()
			return nil
		case !m.writes():
			if err != nil && (last == nil || last.Error() != err.Error()) {
				m.log.WarnContext(ctx, "read models cannot be opened, and wait for the process that writes them", "err", err)
			}
			last = err
		case err == nil:
			err := m.renew(ctx, func(tmp string) error { return m.make(ctx, tmp, nil) })
			m.sweep()
			return err
		default: // what cannot be read is made again, and what comes before it is too old to matter
			m.log.WarnContext(ctx, "read models cannot be read, and are made again", "err", err)
			removeFile(m.path(m.latest()))
			continue
		}
		if err := rest(ctx, glance); err != nil {
			return errors.Join(err, last)
		}
	}
}

// openLatest opens the file of the highest generation, or none if there is none.
func (m *Models) openLatest(ctx context.Context) (*view, error) {
	if last := m.latest(); last > 0 {
		return m.openView(ctx, last)
	}
	return nil, nil
}

func (m *Models) openView(ctx context.Context, generation int) (*view, error) {
	path := m.path(generation)
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	db, err := lite.OpenDB(path, lite.Live)
	if err != nil {
		return nil, err
	}
	v := &view{db: db, path: path, file: file, generation: generation}
	if err := m.look(ctx, v); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return v, nil
}

// look reads how far a file has come, and forgets what it says is erased.
func (m *Models) look(ctx context.Context, v *view) error {
	return v.db.Read(ctx, func(c *lite.Conn) error {
		var position, tidied, last int64
		found, err := c.One(`select position, tidied from checkpoint`, func(r lite.Row) { position, tidied = r.Int(0), r.Int(1) })
		if err == nil && !found {
			err = fmt.Errorf("projections: %s has no checkpoint", v.path)
		}
		if err != nil {
			return err
		}
		err = c.Query(`select position, party, class, through from erasure where position > ? order by position`, func(r lite.Row) error {
			m.forget(membership.PersonalDataErased{Party: domain.PartyID(r.Text(1)), Class: sealed.Class(r.Text(2)), Through: int(r.Int(3))})
			last = r.Int(0)
			return nil
		}, v.forgotten.Load())
		if err != nil {
			return err
		}
		v.forgotten.Store(max(v.forgotten.Load(), last))
		v.untidy.Store(v.forgotten.Load() > tidied)
		if v.position.Load() != position {
			v.parties.Store(position)
		}
		v.position.Store(position)
		return nil
	})
}

// forget makes this process treat keys as destroyed that are to be.
func (m *Models) forget(e membership.PersonalDataErased) {
	if m.store.Keys != nil {
		m.store.Keys.Forget(e.Party, e.Class, e.Through)
	}
}

// swap has everybody use another file from now on.
func (m *Models) swap(v *view) {
	before := m.current.Swap(v)
	m.announce()
	if before != nil {
		m.retired.Go(func() { // when the last who reads from it has finished
			before.users.Lock()
			defer before.users.Unlock()
			if err := before.db.Close(); err != nil {
				m.log.Warn("read models no longer in use cannot be closed", "err", err)
			}
			if m.writes() {
				removeFile(before.path)
			}
		})
	}
	if v.untidy.Load() {
		m.remind()
	}
}

// announce wakes whoever waits for a position.
func (m *Models) announce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.moved)
	m.moved = make(chan struct{})
}

// remind has [Models.Run] look after the file.
func (m *Models) remind() {
	select {
	case m.chores <- struct{}{}:
	default:
	}
}

// Close lets go of the files, when those who read have finished.
func (m *Models) Close() error {
	m.applies.Lock()
	defer m.applies.Unlock()
	m.mu.Lock()
	already := m.closed
	m.closed = true
	m.mu.Unlock()
	if already {
		return nil
	}
	m.retired.Wait()
	var err error
	if v := m.current.Load(); v != nil {
		v.users.Lock()
		err = v.db.Close()
		v.users.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock != nil {
		err = errors.Join(err, m.lock.Close())
		m.lock = nil
	}
	return err
}

// Position returns the position that the read models have reached.
func (m *Models) Position() int64 {
	if v := m.current.Load(); v != nil {
		return v.position.Load()
	}
	return 0
}

// PartiesAt returns a position since which, as far as this node has come, nothing has
// changed of any party or its roles: what was read of them since then still holds as
// long as it stays the same.
func (m *Models) PartiesAt() int64 { return m.current.Load().parties.Load() }

// WaitFor returns once the read models have reached a position. If ctx ends first
// it is [ErrBehind] or, if they cannot get any further, why.
func (m *Models) WaitFor(ctx context.Context, position int64) error {
	for {
		m.mu.Lock()
		moved, trouble := m.moved, m.trouble
		m.mu.Unlock()
		if m.Position() >= position {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			if trouble != nil {
				return trouble
			}
			return errors.Join(ErrBehind.With("position", m.Position()).With("asked", position), context.Cause(ctx))
		}
	}
}

// Trouble returns what keeps the read models from following the log or from being
// read, or nil.
func (m *Models) Trouble() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.current.Load(); m.trouble == nil && v != nil && v.broken.Load() {
		return errBroken
	}
	return m.trouble
}

// read answers a question from one state of the tables.
func (m *Models) read(ctx context.Context, ask func(*lite.Conn) error) error {
	v := m.hold()
	defer v.users.RUnlock()
	return m.examine(v, v.db.Read(ctx, ask))
}

// readOne answers a question of one statement.
func (m *Models) readOne(ctx context.Context, ask func(*lite.Conn) error) error {
	v := m.hold()
	defer v.users.RUnlock()
	return m.examine(v, v.db.ReadOne(ctx, ask))
}

// hold returns the file in use, and keeps it from being closed.
func (m *Models) hold() *view {
	for {
		v := m.current.Load()
		v.users.RLock()
		if m.current.Load() == v {
			return v
		}
		v.users.RUnlock()
	}
}

// examine has a file made again if an error shows that it is broken.
func (m *Models) examine(v *view, err error) error {
	if lite.IsNotADatabase(err) && !v.broken.Swap(true) {
		m.remind()
	}
	return err
}
