package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Bounce starts a PgBouncer, which gives each transaction any of a few connections to
// the server, and ends with t. It returns what makes of a URL of the server one
// through it.
func (c *Cluster) Bounce(t T) (through func(server string) string) {
	t.Helper()
	dir, err := c.bounce(t)
	if err != nil {
		t.Fatalf("pgtest: PgBouncer: %v", err)
	}
	return func(server string) string {
		u, err := url.Parse(server)
		if err != nil {
			t.Fatalf("pgtest: %v", err)
		}
		u.Host, u.RawQuery = "", url.Values{"host": {dir}, "port": {bouncerPort}}.Encode()
		return u.String()
	}
}

// bouncerPort is that of a socket in a folder, and of no network.
const bouncerPort = "6432"

func (c *Cluster) bounce(t T) (dir string, err error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return "", fmt.Errorf("not on this machine: install the package pgbouncer (apt-get install pgbouncer): %w", err)
		}
	}
	if dir, err = os.MkdirTemp("", "pgb"); err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left is in the temporary folder
	config := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=%s password=%s
[pgbouncer]
pool_mode = transaction
default_pool_size = 6
max_client_conn = 500
server_login_retry = 0.2
auth_type = any
listen_port = %s
unix_socket_dir = %s
`, c.Port, c.User, c.Password, bouncerPort, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", err
	}
	if c.owner != nil { // as root it refuses to run
		for _, path := range []string{dir, config} {
			if err := os.Chown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
				return "", err
			}
		}
	}
	var said bytes.Buffer
	process := exec.Command(path, config) //nolint:gosec // G204: a program found by us
	process.Dir, process.Stdout, process.Stderr = dir, &said, &said
	process.SysProcAttr = untilParentDies()
	process.SysProcAttr.Credential = c.owner
	if err := process.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		_ = process.Wait() // what it said says how it ended
		close(ended)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
			t.Error("pgtest: PgBouncer ended by itself:", process.ProcessState, said.String())
		default:
			_ = process.Process.Kill()
			<-ended
		}
	})
	for begun := time.Now(); time.Since(begun) < patience; {
		if conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL."+bouncerPort)); err == nil {
			return dir, conn.Close()
		}
		select {
		case <-ended:
			return "", fmt.Errorf("it ended at its start: %s", said.Bytes())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return "", fmt.Errorf("it does not start within %v: %s", patience, said.Bytes())
}
