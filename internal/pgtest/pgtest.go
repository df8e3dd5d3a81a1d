// Package pgtest gives a test a PostgreSQL server of its own, which it may stop,
// start and kill. It is not for use outside tests and benchmarks.
//
// The server lives in a folder of its own, listens on a free port of the loopback
// and on a socket in that folder, asks for a password made for the occasion, and
// ends with the test, also with one that is killed. Nothing of a server already
// on the machine is touched. PostgreSQL refuses to run as root, so that root's
// runs as postgres or, where there is none, as nobody.
package pgtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"rochdale/internal/loopback"
)

// Mode is how a server is stopped.
type Mode syscall.Signal

const (
	Smart     = Mode(syscall.SIGTERM) // waits until all clients have gone
	Fast      = Mode(syscall.SIGINT)  // rolls back what clients are doing, and ends them
	Immediate = Mode(syscall.SIGQUIT) // as in a power cut: the next start recovers from the log
)

// patience is how long a server may take to start or to stop.
const patience = 60 * time.Second

// Cluster is a PostgreSQL server and its databases. Its methods may be called at
// once from several goroutines.
type Cluster struct {
	Port     int    // on 127.0.0.1
	Socket   string // folder of the Unix socket
	User     string // superuser
	Password string

	bin, dir string
	address  string
	settings []string
	owner    *syscall.Credential // nil: whoever runs the test
	made     atomic.Int64

	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{} // closed when process has ended
}

// T is whoever a server is for, and ends with: a test, or a program that is like
// one.
type T interface {
	Helper()
	Cleanup(func())
	Error(args ...any)
	Fatalf(format string, args ...any)
}

// Start starts a server, which ends with t. Settings are like "fsync=on", and come
// after those that make tests quick: fsync is off.
func Start(t T, settings ...string) *Cluster {
	t.Helper()
	c := &Cluster{address: loopback.Address(t), User: "rochdale", Password: rand.Text(), settings: settings}
	_, port, err := net.SplitHostPort(c.address)
	if err == nil {
		c.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if c.bin, err = binaries(); err == nil {
		c.owner, err = unprivileged()
	}
	if err == nil {
		err = c.initialise()
	}
	t.Cleanup(func() {
		if err := errors.Join(c.stop(Immediate), os.RemoveAll(c.dir)); err != nil {
			t.Error(err)
		}
	})
	if err == nil {
		err = c.start()
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return c
}

// NewDatabase makes an empty database and returns a URL to it, which goes with t.
func (c *Cluster) NewDatabase(t T) string {
	t.Helper()
	name := fmt.Sprintf("test%d", c.made.Add(1))
	if _, err := c.SQL("postgres", `create database `+name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		_, _ = c.SQL("postgres", `drop database if exists `+name+` with (force)`) // it goes with the server at the latest
	})
	return c.URL(name)
}

// URL returns the URL of a database, by TCP.
func (c *Cluster) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(c.User, c.Password), Host: c.address,
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SQL runs statements in a database by psql, and returns what it prints.
func (c *Cluster) SQL(database, statements string) (string, error) {
	psql := exec.Command(filepath.Join(c.bin, "psql"), "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", c.URL(database), "-c", statements) //nolint:gosec // G204: a program found by us, on what a test says
	out, err := psql.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", statements, err, bytes.TrimSpace(out))
	}
	return strings.TrimSpace(string(out)), nil
}

// Stop stops the server. One that is stopped stays so.
func (c *Cluster) Stop(t T, mode Mode) {
	t.Helper()
	if err := c.stop(mode); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

// Restart stops the server, and starts it on the same port with what it held.
func (c *Cluster) Restart(t T, mode Mode) {
	t.Helper()
	err := c.stop(mode)
	if err == nil {
		err = c.start()
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

// Program returns the path of a program that came with the server, like pgbench.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

func (c *Cluster) initialise() error {
	dir, err := os.MkdirTemp("", "pg") // and not t.TempDir, where the server may not look, and whose path is too long for a socket
	if err != nil {
		return err
	}
	c.dir, c.Socket = dir, dir
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(c.Password), 0o600); err != nil {
		return err
	}
	if c.owner != nil {
		for _, path := range []string{dir, password} {
			if err := os.Chown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
				return err
			}
		}
	}
	initdb := c.command("initdb", "-D", c.data(), "-U", c.User, "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C", "-N")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// command returns a program of PostgreSQL, that runs as whoever owns the data.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...) //nolint:gosec // G204: a program found by us, on arguments of our own
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "LC_ALL=C")
	cmd.SysProcAttr = untilParentDies()
	cmd.SysProcAttr.Credential = c.owner
	return cmd
}

// start starts the server and waits until it takes connections.
func (c *Cluster) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		return nil
	}
	settings := map[string]string{
		"port": strconv.Itoa(c.Port), "listen_addresses": "127.0.0.1", "unix_socket_directories": c.Socket,
		"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "120",
		"autovacuum": "off", "timezone": "UTC",
	}
	for _, s := range c.settings {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf(`setting %q is not like "fsync=on"`, s)
		}
		settings[name] = value
		if name == "fsync" && value != "off" {
			settings["full_page_writes"] = "on"
		}
	}
	args := []string{"-D", c.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	process := c.command("postgres", args...)
	journal, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer journal.Close()
	begin, err := journal.Seek(0, 2)
	if err != nil {
		return err
	}
	process.Stdout, process.Stderr = journal, journal
	if err := process.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = process.Wait() // its log says how it ended
		close(ended)
	}()
	said := func() []byte {
		text := make([]byte, 4096)
		n, _ := journal.ReadAt(text, begin)
		return bytes.TrimSpace(text[:n])
	}
	for begun := time.Now(); !c.ready(process.Process.Pid); {
		select {
		case <-ended:
			return fmt.Errorf("the server ended at its start: %s", said())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(begun) > patience {
			_ = process.Process.Kill()
			return fmt.Errorf("the server does not start within %v: %s", patience, said())
		}
	}
	c.process, c.ended = process, ended
	return nil
}

// ready reports whether the server takes connections, as the eighth line of its
// postmaster.pid has it.
func (c *Cluster) ready(pid int) bool {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return err == nil && len(lines) >= 8 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}

func (c *Cluster) stop(mode Mode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	if err := c.process.Process.Signal(syscall.Signal(mode)); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.ended:
	case <-time.After(patience):
		_ = c.process.Process.Kill()
		return fmt.Errorf("the server does not stop within %v", patience)
	}
	c.process = nil
	return nil
}

// binaries returns the folder of the newest PostgreSQL server of this machine.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // where Debian has it; the pattern is right
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("no PostgreSQL server on this machine: install the package postgresql (apt-get install postgresql); none needs to run")
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // "9.6" counts as 0, the oldest
	return n
}

// unprivileged returns whom root runs the server as, and nil for anybody else.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
			gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
			if err := errors.Join(uidErr, gidErr); err != nil {
				return nil, err
			}
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody: run the tests as somebody else")
}
