package postgres_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"rochdale/internal/pgtest"
)

// bounce starts a PgBouncer, which gives each transaction any of a few connections
// to a server, and returns what makes of a URL of the server one through it. It
// ends with t.
func bounce(t pgtest.T, c *pgtest.Cluster) (proxied func(server string) string) {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path = "/usr/sbin/pgbouncer"; !exists(path) {
			t.Fatalf("no PgBouncer on this machine: install the package pgbouncer (apt-get install pgbouncer)")
		}
	}
	dir, err := os.MkdirTemp("", "bouncer") // and not t.TempDir, where it may not look
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=%s password=%s
[pgbouncer]
pool_mode = transaction
default_pool_size = 6
max_client_conn = 500
server_login_retry = 0.2
auth_type = any
listen_port = 6432
unix_socket_dir = %s
`, c.Port, c.User, c.Password, dir)
	file := filepath.Join(dir, "pgbouncer.ini")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	var said bytes.Buffer
	cmd := exec.Command(path, file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	if os.Getuid() == 0 { // as whom it refuses to run
		owner, err := user.Lookup("postgres")
		must(t, err)
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		must(t, os.Chown(dir, uid, gid))
		must(t, os.Chown(file, uid, gid))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for {
		conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.6432"))
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-ended:
			t.Fatalf("PgBouncer ended: %s", said.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return func(server string) string {
		u, err := url.Parse(server)
		must(t, err)
		through := url.URL{Scheme: "postgres", User: u.User, Path: u.Path, RawQuery: url.Values{"host": {dir}, "port": {"6432"}}.Encode()}
		return through.String()
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func must(t pgtest.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}
