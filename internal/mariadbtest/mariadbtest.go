// Package mariadbtest gives a test a MariaDB of its own, which it may stop and start.
// It is not for use outside tests.
//
// The server lives in a folder of its own, listens on a free port of the loopback,
// asks for a password made for the occasion, and ends with the test, also with one
// that is killed. Nothing of a server already on the machine is touched.
package mariadbtest

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"rochdale/internal/loopback"
)

// patience is how long a server may take to start or to stop.
const patience = 60 * time.Second

// Server is a MariaDB and its databases.
type Server struct {
	dir, address, password string
	process                *exec.Cmd
	ended                  chan struct{}
	made                   atomic.Int64
}

// Start starts one, which ends with t.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{address: loopback.Address(t), password: rand.Text()}
	var err error
	if s.dir, err = os.MkdirTemp("", "mariadb"); err != nil { // and not t.TempDir, whose path is too long for sockets
		t.Fatalf("mariadbtest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	if err := os.Mkdir(s.tmp(), 0o700); err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	install := []string{"--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-use-native-aio=0", "--innodb-buffer-pool-size=16M", "--datadir=" + s.dir + "/data", "--tmpdir=" + s.tmp(), "--user=" + whoami(t)}
	if out, err := exec.Command(program(t, "mariadb-install-db"), install...).CombinedOutput(); err != nil { //nolint:gosec // G204: a program found by us
		t.Fatalf("mariadbtest: %v: %s", err, out)
	}
	bootstrap := filepath.Join(s.dir, "init.sql")
	statements := fmt.Sprintf("create user rochdale@'127.0.0.1' identified by '%s';\ngrant all on *.* to rochdale@'127.0.0.1' with grant option;\n", s.password)
	if err := os.WriteFile(bootstrap, []byte(statements), 0o600); err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	s.start(t, "--init-file="+bootstrap)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// tmp is where it has temporary tables: a server that starts removes those of all
// others in the same folder.
func (s *Server) tmp() string { return filepath.Join(s.dir, "tmp") }

func whoami(t testing.TB) string {
	t.Helper()
	self, err := user.Current()
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	return self.Username
}

func (s *Server) start(t testing.TB, more ...string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	args := append([]string{
		"--no-defaults", "--user=" + whoami(t), "--datadir=" + s.dir + "/data", "--tmpdir=" + s.tmp(), "--socket=" + s.dir + "/socket", "--pid-file=" + s.dir + "/pid",
		"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve", "--log-error=" + s.dir + "/log",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0", "--innodb-buffer-pool-size=16M", "--plugin-dir=/usr/lib/mysql/plugin",
	}, more...)
	s.process = exec.Command(program(t, "mariadbd"), args...) //nolint:gosec // G204: a program found by us
	s.process.SysProcAttr = untilParentDies()
	if err := s.process.Start(); err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // its log says how it ended
		close(ended)
	}(s.process, s.ended)
	db, err := sql.Open("mysql", s.config("").FormatDSN())
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	defer func() { _ = db.Close() }()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := db.PingContext(t.Context())
		if err == nil {
			return
		}
		if time.Since(begun) > patience {
			said, _ := os.ReadFile(s.dir + "/log") // as far as there is one
			t.Fatalf("mariadbtest: it does not answer: %v\n%s", err, said)
		}
	}
}

func (s *Server) config(database string) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", s.address, "rochdale", s.password, database
	c.Logger = &mysql.NopLogger{}
	return c
}

// Stop stops it, as in an outage.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.process.Process.Kill()
		t.Errorf("mariadbtest: it does not stop within %v", patience)
	}
}

// Restart starts it again.
func (s *Server) Restart(t testing.TB) { s.start(t) }

// NewDatabase makes an empty database and returns its address.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	db, err := sql.Open("mysql", s.config("").FormatDSN())
	if err == nil {
		_, err = db.ExecContext(t.Context(), "create database "+name+" character set utf8mb4")
		_ = db.Close()
	}
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	u := url.URL{Scheme: "mysql", User: url.UserPassword("rochdale", s.password), Host: s.address, Path: "/" + name}
	return u.String()
}

// program finds a program that an ordinary user's path may not have.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatalf("mariadbtest: no %s on this machine: install it (apt-get install mariadb-server); none needs to run", strings.TrimSpace(name))
	return ""
}
