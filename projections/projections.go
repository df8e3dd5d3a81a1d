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
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"rochdale/domain"
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
}

// all are the projections, in the order of the modules.
var all = []projection{
	statutesProjection, membershipProjection, sharesProjection, assemblyProjection, documentsProjection, offeringProjection,
	subscriptionProjection, entitlementProjection, billingProjection, paymentProjection, provisioningProjection,
}

// A table is what a projection writes to, for one event.
type table struct {
	*lite.Conn
	rec    eventstore.Record
	erased bool // something was forgotten, of which nothing may be left in the file
}

// Models are the read models of a node.
type Models struct {
	store *eventstore.Store
	log   *slog.Logger
	dir   string
	name  string // of the files, without the generation
	wants map[string][]*projection

	current atomic.Pointer[view]
	lock    *os.File   // held by the one process that writes
	applies sync.Mutex // one at a time

	mu      sync.Mutex
	moved   chan struct{} // closed, and replaced, whenever the position rises
	trouble error         // that keeps the position from rising
	closed  bool
}

// A view is one file, in use.
type view struct {
	db         *lite.DB
	path       string
	generation int
	position   atomic.Int64
	users      sync.RWMutex // who reads from it
}

// ErrBehind refuses to answer from read models that have not got as far as was
// asked for within the time there was.
var ErrBehind = domain.Refusal{Code: "read_model.behind", Reason: "this node is at position {position} and has not reached {asked} yet: ask again in a moment"}

// Open opens the read models in a folder, which it creates if need be. If there
// are none for this code, they are filled first, as [Models.Run] and
// [Models.CatchUp] do. One process writes them; others that open the same folder
// read what it writes, and take over when it ends.
func Open(ctx context.Context, dir string, store *eventstore.Store, log *slog.Logger) (*Models, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("projections: folder of the read models: %w", err)
	}
	m := &Models{store: store, log: log, dir: dir, name: "views-" + version(), wants: map[string][]*projection{}, moved: make(chan struct{})}
	for i := range all {
		for _, event := range all[i].wants {
			name := store.Registry.Name(event)
			if name == "" {
				return nil, fmt.Errorf("projections: %s wants %T, which is not registered", all[i].module, event)
			}
			m.wants[name] = append(m.wants[name], &all[i])
		}
	}
	if err := m.takeLock(); err != nil {
		return nil, err
	}
	if err := m.use(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// version is a hash of the code and schema.
func version() string {
	h := sha256.New()
	_ = fs.WalkDir(sources, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasSuffix(name, "_test.go") {
			data, _ := sources.ReadFile(name)
			fmt.Fprintf(h, "%s %d\n", name, len(data))
			h.Write(data)
		}
		return err
	})
	for _, e := range modulesRegistry().Types() {
		fmt.Fprintf(h, "%s %d\n", e.Type, e.Edition)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// takeLock tries to become the process that writes.
func (m *Models) takeLock() error {
	f, err := os.OpenFile(filepath.Join(m.dir, m.name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("projections: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return f.Close() // somebody else writes
	}
	if err != nil {
		return errors.Join(fmt.Errorf("projections: lock: %w", err), f.Close())
	}
	m.lock = f
	return nil
}

// writes reports whether this process is the one that writes.
func (m *Models) writes() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lock != nil
}

// generations returns the numbers of the files there are, and the highest.
func (m *Models) generations() (all []int, last int) {
	files, _ := filepath.Glob(filepath.Join(m.dir, m.name+"-*.db"))
	for _, f := range files {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), m.name+"-"), ".db"))
		if err == nil {
			all, last = append(all, n), max(last, n)
		}
	}
	return all, last
}

func (m *Models) path(generation int) string {
	return filepath.Join(m.dir, fmt.Sprintf("%s-%d.db", m.name, generation))
}

// use opens the latest file. Who writes begins an empty one if there is none, or
// none that can be read; who only reads waits for it.
func (m *Models) use(ctx context.Context) error {
	for {
		_, last := m.generations()
		if last > 0 {
			v, err := openView(ctx, m.path(last), last)
			if err == nil {
				m.swap(v)
				m.sweep(last)
				return nil
			}
			if !m.writes() {
				return err
			}
			m.log.WarnContext(ctx, "read models cannot be read and are made again", "err", err)
			removeFile(m.path(last))
			continue
		}
		if m.writes() {
			if err := m.build(ctx, 1, nil); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sweep removes what other code and earlier generations have left, if this process
// writes. What another process still has open stays until it closes it.
func (m *Models) sweep(keep int) {
	if !m.writes() {
		return
	}
	for _, pattern := range []string{"*.tmp", m.name + "-*.db"} {
		files, _ := filepath.Glob(filepath.Join(m.dir, pattern))
		for _, f := range files {
			if f != m.path(keep) {
				removeFile(f)
			}
		}
	}
}

func removeFile(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + suffix) // it is made again anyhow
	}
}

func openView(ctx context.Context, path string, generation int) (*view, error) {
	db, err := lite.OpenDB(path, lite.Live)
	if err != nil {
		return nil, err
	}
	v := &view{db: db, path: path, generation: generation}
	if err := v.look(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return v, nil
}

// look reads how far the file has come.
func (v *view) look(ctx context.Context) error {
	return v.db.ReadOne(ctx, func(c *lite.Conn) error {
		found, err := c.One(`select position from checkpoint`, func(r lite.Row) { v.position.Store(r.Int(0)) })
		if err == nil && !found {
			err = errors.New("projections: the file has no checkpoint")
		}
		return err
	})
}

// swap has everybody use another file from now on.
func (m *Models) swap(v *view) {
	before := m.current.Swap(v)
	m.announce()
	if before != nil {
		go func() { // when the last who reads from it has finished
			before.users.Lock()
			defer before.users.Unlock()
			if err := before.db.Close(); err == nil && before.path != v.path && m.writes() {
				removeFile(before.path)
			}
		}()
	}
}

// announce wakes whoever waits for a position.
func (m *Models) announce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.moved)
	m.moved = make(chan struct{})
}

// Close lets go of the files.
func (m *Models) Close() error {
	m.mu.Lock()
	lock := m.lock
	already := m.closed
	m.lock, m.closed = nil, true
	m.mu.Unlock()
	if already {
		return nil
	}
	var err error
	if v := m.current.Load(); v != nil {
		v.users.Lock()
		err = v.db.Close()
		v.users.Unlock()
	}
	if lock != nil {
		err = errors.Join(err, lock.Close())
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

// Trouble returns what keeps the read models from following the log, or nil.
func (m *Models) Trouble() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

// read answers a question from one state of the tables.
func (m *Models) read(ctx context.Context, ask func(*lite.Conn) error) error {
	v := m.hold()
	defer v.users.RUnlock()
	return v.db.Read(ctx, ask)
}

// readOne answers a question of one statement.
func (m *Models) readOne(ctx context.Context, ask func(*lite.Conn) error) error {
	v := m.hold()
	defer v.users.RUnlock()
	return v.db.ReadOne(ctx, ask)
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
