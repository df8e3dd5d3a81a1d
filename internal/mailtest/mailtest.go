// Package mailtest gives a test a Dovecot and a Postfix of its own, which read the
// tables of adapters/mail by the files of docs/mail, as an operator's would. It is
// not for use outside tests.
//
// The servers live in a folder of their own, listen on free ports of the loopback,
// send nothing elsewhere and end with the test, also with one that is killed
// (unless sudo was asked to start them).
// Nothing of servers already on the machine is touched. Root's Dovecot runs as
// users of its own, as installed; anybody else's as whoever runs the test. Postfix
// can only be started by root: else it is asked of sudo, and the test fails where
// that would need a password.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rochdale/adapters/mail"
	files "rochdale/docs/mail"
	"rochdale/internal/loopback"
	"rochdale/internal/pgtest"
)

// Domain is that of all addresses.
const Domain = "coop.example"

// patience is how long a server may take to come round.
const patience = 60 * time.Second

// Tables are where the tables of adapters/mail are.
type Tables struct {
	file     string   // of SQLite
	database *url.URL // of PostgreSQL or MariaDB, as a role that owns them
	driver   string   // of it, in the words of Dovecot and Postfix
	roles    func(statements string) error
}

// SQLite names a file of tables for servers to read, to be made before one is started.
func SQLite(t testing.TB) (tables Tables, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "tables")
	if err == nil {
		err = os.Chmod(dir, 0o711) //nolint:gosec // G302: the servers pass through it
	}
	t.Cleanup(func() {
		if err := gone(func() error { return os.RemoveAll(dir) }); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatalf("mailtest: %v", err)
	}
	path = filepath.Join(dir, "mail", "mailboxes.db")
	return Tables{file: path}, path
}

// PostgreSQL names a database of tables for servers to read, to be made before one is
// started. It is the only such one of its cluster.
func PostgreSQL(t testing.TB, c *pgtest.Cluster, database string) Tables {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatalf("mailtest: %v", err)
	}
	return Tables{database: u, driver: "pgsql", roles: func(statements string) error {
		_, err := c.SQL(strings.TrimPrefix(u.Path, "/"), statements)
		return err
	}}
}

// MariaDB names a database of tables for servers to read, to be made before one is
// started. It is the only such one of its server.
func MariaDB(t testing.TB, database string) Tables {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatalf("mailtest: %v", err)
	}
	return Tables{database: u, driver: "mysql", roles: func(statements string) error {
		db, err := mail.OpenMySQL(database)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		for statement := range strings.SplitSeq(statements, ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				return err
			}
		}
		return nil
	}}
}

// DoveadmKey lets whoever knows it do anything to the mail of a test.
const DoveadmKey = "a key of doveadm"

// Server is a Dovecot, and perhaps a Postfix before it.
type Server struct {
	IMAP        string // address of IMAP over TLS
	SMTP        string // where mail comes in from elsewhere
	Submissions string // where members send, over TLS
	Submission  string // where they send, by STARTTLS
	Program     string // where the program sends
	Doveadm     string // URL of doveadm's HTTP API, which takes [DoveadmKey]
	Dsync       string // where other nodes fetch mail, in Dovecot's words
	LMTP        string // where mail is handed over, also from other machines

	elsewhere     string // a server of SMTP, to which all mail goes that is for elsewhere; empty: none goes
	introspection string // where Dovecot asks whether a token lets somebody in; empty: it takes none

	dir      string
	settings []string
	behind   []*Server // the nodes that it stands before
	roots    *x509.CertPool
	public   []byte // its certificate
	mailers  string // who owns the mail
	self     *user.User
}

// Start starts Dovecot and Postfix.
func Start(t testing.TB, tables Tables) *Server {
	t.Helper()
	s := StartDovecot(t, tables)
	if err := s.startPostfix(t, tables); err != nil {
		t.Fatalf("mailtest: Postfix: %v%s", err, s.said())
	}
	return s
}

// StartRelaying starts both, and has mail for elsewhere go to a server at an address,
// whoever it is for.
func StartRelaying(t testing.TB, tables Tables, elsewhere string) *Server {
	t.Helper()
	s := StartDovecot(t, tables)
	s.elsewhere = elsewhere
	if err := s.startPostfix(t, tables); err != nil {
		t.Fatalf("mailtest: Postfix: %v%s", err, s.said())
	}
	return s
}

// StartDovecot starts Dovecot alone, to which mail is handed by LMTP, with settings
// of its own after all others.
func StartDovecot(t testing.TB, tables Tables, settings ...string) *Server {
	t.Helper()
	s := &Server{settings: settings}
	if err := s.startDovecot(t, tables); err != nil {
		t.Fatalf("mailtest: Dovecot: %v%s", err, s.said())
	}
	return s
}

// StartFront starts both before some nodes, which are led to by tables of their own.
func StartFront(t testing.TB, tables Tables, nodes ...*Server) *Server {
	t.Helper()
	s := &Server{behind: nodes}
	err := s.startDovecot(t, tables)
	if err == nil {
		err = s.startPostfix(t, tables)
	}
	if err != nil {
		t.Fatalf("mailtest: before nodes: %v%s", err, s.said())
	}
	return s
}

func (s *Server) root() bool { return s.self.Uid == "0" }

// StartDovecotAsking starts one that takes tokens too, and asks at an address, which
// has a client's name and secret, whether they let somebody in.
func StartDovecotAsking(t testing.TB, tables Tables, introspection string) *Server {
	t.Helper()
	s := &Server{introspection: introspection}
	if err := s.startDovecot(t, tables); err != nil {
		t.Fatalf("mailtest: Dovecot: %v%s", err, s.said())
	}
	return s
}

// startDovecot makes all that both servers need, and starts the one.
func (s *Server) startDovecot(t testing.TB, tables Tables) (err error) {
	if s.self, err = user.Current(); err != nil {
		return err
	}
	if s.mailers = s.self.Username; s.root() {
		s.mailers = "mail" // in the place of vmail: Debian has it
	}
	if s.dir, err = os.MkdirTemp("", "mail"); err != nil { // and not t.TempDir, whose path is too long for sockets
		return err
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.said())
		}
		if err := gone(s.remove); err != nil {
			t.Error(err)
		}
	})
	for dir, mode := range map[string]fs.FileMode{"": 0o711, "run": 0o755, "state": 0o755, "sockets": 0o711, "etc": 0o755, "mail": 0o700, "log": 0o755} {
		path := filepath.Join(s.dir, dir)
		if err := errors.Join(os.MkdirAll(path, mode), os.Chmod(path, mode)); err != nil {
			return err
		}
	}
	if err := s.own(s.mailers, filepath.Join(s.dir, "mail")); err != nil {
		return err
	}
	if err := s.certify(); err != nil {
		return err
	}
	if err := s.admit(tables); err != nil {
		return err
	}
	s.IMAP, s.LMTP = loopback.Address(t), loopback.Address(t)
	s.Doveadm, s.Dsync = "http://"+loopback.Address(t), "tcp:"+loopback.Address(t)
	configuration, others := "dovecot.conf", []string{"rochdale-sql.conf", "rochdale-apps.conf", "rochdale-dict.conf", "rochdale-node.conf", "rochdale-mail-tidy"}
	if s.behind != nil {
		configuration, others = "front-dovecot.conf", []string{"front-sql.conf", "front-apps.conf"}
		if err := s.trust(); err != nil {
			return err
		}
	}
	for _, name := range others {
		if err := s.install(name, tables, ""); err != nil {
			return err
		}
	}
	instead := s.dovecotInstead()
	if s.introspection != "" {
		if err := s.install("rochdale-oauth2.conf", tables, "\nintrospection_url = "+s.introspection+"\n"); err != nil {
			return err
		}
		instead += `
auth_mechanisms = $auth_mechanisms oauthbearer xoauth2
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = ` + s.etc("rochdale-oauth2.conf") + `
}
`
	}
	if err := s.install(configuration, tables, instead); err != nil {
		return err
	}
	dovecot, err := program("dovecot", "dovecot-imapd")
	if err != nil {
		return err
	}
	cmd := exec.Command(dovecot, "-F", "-c", s.etc(configuration)) //nolint:gosec // G204: a program found by us
	if err := s.run(t, cmd, func() error { return cmd.Process.Signal(syscall.SIGTERM) }); err != nil {
		return err
	}
	return await(func() error {
		m, err := s.dial()
		if err == nil {
			m.Close()
		}
		return err
	})
}

// dovecotInstead is what comes after an operator's configuration, since this is a
// test: where all lies, and no waiting after wrong passwords.
func (s *Server) dovecotInstead() string {
	_, port, _ := net.SplitHostPort(s.IMAP)
	text := `
base_dir = @/run
state_dir = @/state
log_path = @/log/dovecot
listen = 127.0.0.1
first_valid_uid = 1
auth_failure_delay = 0
mail_max_userip_connections = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ` + port + `
  }
}
service imap-hibernate {
  process_limit = 0
}
`
	if !s.root() {
		text += `
default_internal_user = ` + s.self.Username + `
default_internal_group = ` + s.group() + `
default_login_user = ` + s.self.Username + `
`
		for _, service := range []string{"imap-login", "anvil", "stats", "doveadm", "ipc", "log"} {
			text += "service " + service + " {\n  chroot =\n}\n"
		}
	}
	return strings.ReplaceAll(text, "@", s.dir) + strings.Join(s.settings, "\n") + "\n"
}

// Store is the folder of all boxes.
func (s *Server) Store() string { return filepath.Join(s.dir, "mail") }

func (s *Server) startPostfix(t testing.TB, tables Tables) error {
	for _, address := range []*string{&s.SMTP, &s.Submissions, &s.Submission, &s.Program} {
		*address = loopback.Address(t)
	}
	// Mail that was taken and could not be handed on at once is tried again soon, and not
	// in five minutes.
	instead := strings.ReplaceAll(`
queue_directory = @/spool
data_directory = @/postfix
maillog_file_prefixes = @
maillog_file = @/log/postfix
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
default_transport = `+s.transport()+`
relay_transport = error:5.4.4 a test sends nothing elsewhere
`, "@", s.dir)
	also := map[string]string{"master.cf": "", "rochdale.cf": "", "rochdale-alias.cf": "", "rochdale-inbound.cf": ""}
	if s.behind != nil {
		also["front-main.cf"], also["front-transport.cf"], also["front-replies.cf"] = "", "", ""
	}
	also["main.cf"] = instead
	for name, instead := range also {
		if err := s.install(name, tables, instead); err != nil {
			return err
		}
	}
	commands := [][]string{
		{"mkdir", "-p", s.dir + "/spool", s.dir + "/postfix"},
		{"chown", "postfix", s.dir + "/postfix"},
		{"chown", "-R", "root", s.dir + "/etc"},
	}
	if s.behind != nil {
		commands = append(commands,
			[]string{"postconf", "-c", s.dir + "/etc", "-X", "virtual_transport", "smtpd_recipient_restrictions"},
			[]string{"sh", "-c", "cat " + s.etc("front-main.cf") + " >> " + s.etc("main.cf")})
	}
	commands = append(commands, []string{"postfix", "-c", s.dir + "/etc", "check"})
	if tables.database == nil {
		commands = append(commands, []string{"chgrp", "-R", readers, filepath.Dir(tables.file)})
	}
	for _, command := range commands {
		if err := s.doAsRoot(command...); err != nil {
			return err
		}
	}
	// What every process of Postfix warns of as it starts can fill the socket of the log,
	// which postlogd then waits for itself before it reads any of it.
	out, err := s.asRoot("postconf", "-c", s.dir+"/etc", "mail_version").CombinedOutput()
	if err == nil && bytes.Contains(out, []byte("warning:")) {
		err = errors.New("main.cf is not to be warned of")
	}
	if err != nil {
		return fmt.Errorf("postconf: %w: %s", err, out)
	}
	// What "postfix start-fg" would have a shell start, so that signals reach it.
	cmd := s.asRoot("/usr/lib/postfix/sbin/master", "-s", "-c", s.dir+"/etc")
	stop := func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if !s.root() { // whose signals sudo does not take
		stop = s.asRoot("postfix", "-c", s.dir+"/etc", "stop").Run
	}
	if err := s.run(t, cmd, stop); err != nil {
		return err
	}
	return await(func() error {
		c, err := net.DialTimeout("tcp", s.SMTP, patience)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1))
		return err
	})
}

// transport is how mail leaves for elsewhere.
func (s *Server) transport() string {
	host, port, err := net.SplitHostPort(s.elsewhere)
	if err != nil {
		return "error:5.4.4 a test sends nothing elsewhere"
	}
	return "smtp:[" + host + "]:" + port
}

// install writes a file of docs/mail, with the places and users of the test in the
// place of an operator's, and something more after it.
func (s *Server) install(name string, tables Tables, more string) error {
	file := name
	if tables.driver == "mysql" && name == "rochdale-sql.conf" {
		file = "rochdale-sql.mysql.conf"
	}
	text, err := files.Files.ReadFile(file)
	if err != nil {
		return err
	}
	instead := [][2]string{
		{"/etc/dovecot/", s.dir + "/etc/"},
		{"/etc/postfix/", s.dir + "/etc/"},
		{"/etc/ssl/mail/", s.dir + "/etc/"},
		{"/var/mail/rochdale", s.dir + "/mail"},
		{"/var/spool/postfix/private/", s.dir + "/sockets/"},
		{":private/", ":" + s.dir + "/sockets/"},
		{"= private/", "= " + s.dir + "/sockets/"},
		{"mail_gid = vmail", "mail_gid = " + s.mailGroup()},
		{"vmail", s.mailers},
		{"/var/lib/rochdale/mail/mailboxes.db", tables.file},
		{"extra_groups = rochdale", "extra_groups = " + readers},
		{"\nsmtp        inet", "\n" + s.SMTP + " inet"},
		{"submissions inet", s.Submissions + " inet"},
		{"submission  inet", s.Submission + " inet"},
		{"127.0.0.1:10025 inet", s.Program + " inet"},
		{"doveadm_api_key = change-me\n", "doveadm_api_key = " + DoveadmKey + "\n"},
		{"address = 10.0.0.2", "address = 127.0.0.1"},
		{"port = 8080", "port = " + portOf(s.Doveadm)},
		{"port = 12345", "port = " + portOf(s.Dsync)},
		{"port = 24\n", "port = " + portOf(s.LMTP) + "\n"},
	}
	if strings.HasPrefix(string(text), "#!") {
		instead = append(instead, [2]string{"doveadm ", "doveadm -c " + s.etc("dovecot.conf") + " "})
	}
	if !s.root() { // then all is one user's, and the sockets are not Postfix's own
		instead = append(instead, [][2]string{
			{"mode = 0600\n    user = postfix", "mode = 0666\n    user = " + s.self.Username},
			{"user = dovecot\n  extra_groups = " + readers, "user = " + s.self.Username},
			{"extra_groups = " + readers + "\n", "user = " + s.self.Username + "\n"},
		}...)
	}
	result := string(text)
	if u := tables.database; u != nil {
		if file == name {
			result = linesOf(tables.driver, result)
		}
		at := "host=" + u.Hostname() + " port=" + u.Port() + " dbname=" + u.Path[1:]
		instead = append(instead,
			[2]string{"host=127.0.0.1 port=5432 dbname=mail", at}, [2]string{"host=127.0.0.1 port=3306 dbname=mail", at},
			[2]string{"127.0.0.1:5432", u.Host}, [2]string{"dbname = mail", "dbname = " + u.Path[1:]},
			[2]string{"sqlite:", tables.driver + ":"})
	}
	result += more
	for _, i := range instead {
		result = strings.ReplaceAll(result, i[0], i[1])
	}
	path := s.etc(name)
	mode, group := fs.FileMode(0o644), "root"
	switch secret := s.root(); { // as the files say; all of it is one user's otherwise
	case strings.HasPrefix(result, "#!"):
		mode = 0o755
	case secret && (name == "rochdale-sql.conf" || name == "rochdale-apps.conf" || name == "rochdale-node.conf" || name == "rochdale-oauth2.conf" || name == "front-sql.conf" || name == "front-apps.conf"):
		mode = 0o600
	case secret && name == "rochdale-dict.conf":
		mode, group = 0o640, "dovecot"
	case secret && (strings.HasPrefix(name, "rochdale") || strings.HasPrefix(name, "front")) && strings.HasSuffix(name, ".cf"):
		mode, group = 0o640, "postfix"
	}
	if err := errors.Join(os.WriteFile(path, []byte(result), mode), os.Chmod(path, mode)); err != nil || !s.root() {
		return err
	}
	return s.doAsRoot("chgrp", group, path)
}

// portOf is what an address ends with.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// linesOf uses the lines of a file that are for a database, as it tells an operator to.
func linesOf(driver, text string) string {
	others := map[string]string{"pgsql": "mysql", "mysql": "pgsql"}[driver]
	ports := map[string]string{"pgsql": "port=5432", "mysql": "port=3306"}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch key, _, _ := strings.Cut(strings.TrimPrefix(line, "#"), " "); {
		case line == "#driver = "+others || strings.Contains(line, ports[others]):
		case strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "#!"):
			lines[i] = line[1:]
		case key == "driver" || key == "connect" || key == "dbpath":
			lines[i] = "#" + line
		}
	}
	return strings.Join(lines, "\n")
}

// admit lets Dovecot read the tables, as an operator does.
func (s *Server) admit(tables Tables) error {
	if tables.database == nil {
		if !s.root() {
			return nil // it runs as whoever made them
		}
		return s.doAsRoot("chgrp", "-R", readers, filepath.Dir(tables.file))
	}
	roles, err := files.Files.ReadFile(map[string]string{"pgsql": "roles.sql", "mysql": "roles.mysql.sql"}[tables.driver])
	if err != nil {
		return err
	}
	return tables.roles(string(roles))
}

// readers is the group by which servers read SQLite's file: one that Postfix is in
// already, since the test puts nobody into any.
const readers = "postfix"

func (s *Server) mailGroup() string {
	if s.root() {
		return s.mailers
	}
	return s.group()
}

func (s *Server) group() string {
	if group, err := user.LookupGroupId(s.self.Gid); err == nil {
		return group.Name
	}
	return s.self.Gid
}

func (s *Server) own(name, path string) error {
	owner, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, uidErr := strconv.Atoi(owner.Uid)
	gid, gidErr := strconv.Atoi(owner.Gid)
	return errors.Join(uidErr, gidErr, os.Chown(path, uid, gid))
}

// asRoot returns a command that runs as root.
func (s *Server) asRoot(command ...string) *exec.Cmd {
	if !s.root() {
		command = append([]string{"sudo", "-n", "--"}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // G204: a command of our own
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if path, err := program(command[0], command[0]); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	return cmd
}

// doAsRoot runs a command as root.
func (s *Server) doAsRoot(command ...string) error {
	out, err := s.asRoot(command...).CombinedOutput()
	if err != nil && !s.root() {
		err = fmt.Errorf("%w (root is needed: run this test as root, or where sudo does not ask for a password: sudo -v)", err)
	}
	if err != nil {
		err = fmt.Errorf("%q: %w: %s", command, err, bytes.TrimSpace(out))
	}
	return err
}

// run starts a server that ends with t.
func (s *Server) run(t testing.TB, cmd *exec.Cmd, stop func() error) error {
	out, err := os.OpenFile(filepath.Join(s.dir, "log", filepath.Base(cmd.Path)+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the server has it
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = untilParentDies()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its log says how it ended
		close(ended)
	}()
	t.Cleanup(func() {
		_ = stop() // it may have ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("mailtest: %s does not stop within %v", cmd.Path, patience)
		}
	})
	return nil
}

// await waits until a server answers.
func await(try func() error) error {
	if err := until(try); err != nil {
		return fmt.Errorf("it does not answer within %v: %w", patience, err)
	}
	return nil
}

// gone waits until what servers have written is removed: processes of theirs may outlive
// the one that is waited for, and still write.
func gone(remove func() error) error {
	if err := until(remove); err != nil {
		return fmt.Errorf("mailtest: it cannot be removed within %v: %w", patience, err)
	}
	return nil
}

// until tries again and again, for a while.
func until(try func() error) (err error) {
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}

// said is what the servers have to say of what went wrong.
func (s *Server) said() string {
	var text strings.Builder
	logs, _ := filepath.Glob(filepath.Join(s.dir, "log", "*")) // the pattern is right
	for _, log := range logs {
		said, err := os.ReadFile(log)
		if err != nil {
			said = []byte(err.Error())
		}
		const most = 8000
		fmt.Fprintf(&text, "\n%s:\n%s", filepath.Base(log), said[max(0, len(said)-most):])
	}
	return text.String()
}

func (s *Server) remove() error {
	if s.root() {
		return os.RemoveAll(s.dir)
	}
	if err := os.RemoveAll(s.dir); err == nil {
		return nil
	}
	return s.doAsRoot("rm", "-rf", "--", s.dir) // what was Postfix's
}

func (s *Server) etc(name string) string { return filepath.Join(s.dir, "etc", name) }

// Tidy runs what an operator has run every minute.
func (s *Server) Tidy(t testing.TB) {
	t.Helper()
	if out, err := s.TryTidy(); err != nil {
		t.Fatalf("mailtest: rochdale-mail-tidy: %v: %s", err, out)
	}
}

// TryTidy does the same where it may fail, and returns what is said.
func (s *Server) TryTidy() (string, error) {
	out, err := exec.Command(s.etc("rochdale-mail-tidy")).CombinedOutput() //nolint:gosec // G204: a script of our own
	return string(out), err
}

// Boxes returns the names of the boxes on the disk.
func (s *Server) Boxes(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "mail"))
	if err != nil {
		t.Fatalf("mailtest: %v", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// certify makes a certificate for the servers, which only this test trusts.
func (s *Server) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{rand.Text()}, CommonName: "mail." + Domain}, DNSNames: []string{"mail." + Domain},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	s.roots, s.public = x509.NewCertPool(), public
	s.roots.AppendCertsFromPEM(public)
	return errors.Join(
		os.WriteFile(s.etc("fullchain.pem"), public, 0o600),
		os.WriteFile(s.etc("privkey.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}

// trust writes down the certificates of the nodes.
func (s *Server) trust() error {
	var all []byte
	for _, node := range s.behind {
		all = append(all, node.public...)
	}
	return os.WriteFile(s.etc("nodes.pem"), all, 0o644) //nolint:gosec // G306: certificates are public
}

func (s *Server) tls() *tls.Config {
	return &tls.Config{RootCAs: s.roots, ServerName: "mail." + Domain, MinVersion: tls.VersionTLS12}
}

// program finds a program that an ordinary user's path may not have.
func program(name, debian string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("no %s on this machine: install it (apt-get install %s); none needs to run", name, debian)
}
