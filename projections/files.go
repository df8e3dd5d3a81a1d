package projections

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Files are named views-<version>-<generation>.db, where the version is a hash of
// the code, and the generation is higher for each that is made anew. Beside them
// are those of SQLite, -wal and -shm, those that are being made, .tmp, and the lock
// of whoever writes, views-<version>.lock.
const prefix = "views-"

var (
	fileName = regexp.MustCompile(`^views-([0-9a-f]{12})[-.]`)
	suffixes = []string{"", "-wal", "-shm"}
)

// takeLock tries to become the process that writes.
func (m *Models) takeLock() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock != nil || m.closed {
		return nil
	}
	lock, err := lockFile(filepath.Join(m.dir, m.name+".lock"))
	if err != nil {
		return fmt.Errorf("projections: lock the read models: %w", err)
	}
	m.lock = lock
	return nil
}

// lockFile locks a file, which it creates if need be, until it is closed. It
// returns nil if another process has locked it.
func lockFile(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, f.Close()
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		locked, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(locked, there) {
			return f, nil
		}
		if err := f.Close(); err != nil { // it was swept away meanwhile: lock the one that is there now
			return nil, err
		}
	}
}

// writes reports whether this process is the one that writes.
func (m *Models) writes() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lock != nil
}

func (m *Models) path(generation int) string {
	return filepath.Join(m.dir, fmt.Sprintf("%s-%d.db", m.name, generation))
}

// names returns those of all files in the folder.
func (m *Models) names() []string {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		m.log.Warn("the folder of the read models cannot be read", "err", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// latest returns the highest generation of which there is a file, or 0.
func (m *Models) latest() (generation int) {
	for _, name := range m.names() {
		middle, ours := strings.CutPrefix(name, m.name+"-")
		middle, whole := strings.CutSuffix(middle, ".db")
		if n, err := strconv.Atoi(middle); ours && whole && err == nil {
			generation = max(generation, n)
		}
	}
	return generation
}

// gone reports whether somebody has deleted the file.
func (v *view) gone() bool {
	there, err := os.Stat(v.path)
	return err != nil && os.IsNotExist(err) || err == nil && !os.SameFile(there, v.file)
}

// sweep removes what nobody uses any more, if this process writes: files that it
// made before, or was making when it ended, and those of other code that no process
// writes, which therefore would keep what was erased since. What another process
// still reads stays, without its name, until it is closed. Nothing is being made
// meanwhile.
func (m *Models) sweep() {
	v := m.current.Load()
	if v == nil || !m.writes() {
		return
	}
	others := map[string]bool{}
	for _, name := range m.names() {
		switch match := fileName.FindStringSubmatch(name); {
		case strings.HasPrefix(name, m.name+"-"):
			if after, ours := strings.CutPrefix(name, filepath.Base(v.path)); !ours || !slices.Contains(suffixes, after) {
				_ = os.Remove(filepath.Join(m.dir, name)) // at worst it is tried again
			}
		case match != nil && prefix+match[1] != m.name:
			others[prefix+match[1]] = true
		}
	}
	for other := range others {
		m.sweepOther(other)
	}
}

// sweepOther removes the files of other code, unless a process writes them.
func (m *Models) sweepOther(other string) {
	path := filepath.Join(m.dir, other+".lock")
	lock, err := lockFile(path)
	if lock == nil || err != nil {
		return
	}
	defer lock.Close()
	for _, name := range m.names() {
		if strings.HasPrefix(name, other+"-") {
			_ = os.Remove(filepath.Join(m.dir, name))
		}
	}
	_ = os.Remove(path)
}

func removeFile(path string) {
	for _, suffix := range suffixes {
		_ = os.Remove(path + suffix) // it is made again anyhow
	}
}
