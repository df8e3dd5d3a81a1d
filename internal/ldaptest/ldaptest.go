// Package ldaptest gives a test an OpenLDAP of its own, which it may stop and start.
// It is not for use outside tests.
//
// The server lives in a folder of its own, listens on a free port of the loopback,
// and ends with the test, also with one that is killed. It has inetOrgPerson, and
// beside it the class coopAccount with a mailQuota and mailAlias; accounts are locked
// by the overlay ppolicy, and passwords may be of {CRYPT} and {ARGON2}.
package ldaptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"rochdale/internal/loopback"
)

// Who administrates it, and what it holds.
const (
	Base     = "dc=coop,dc=example"
	People   = "ou=people," + Base
	Admin    = "cn=admin," + Base
	Password = "password of the administrator"
)

// patience is how long a server may take to start or to stop.
const patience = 60 * time.Second

// Server is an OpenLDAP.
type Server struct {
	URL string

	dir     string
	process *exec.Cmd
	ended   chan struct{}
}

const config = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.4203.666.1.1001 NAME 'mailQuota' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.1002 NAME 'mailAlias' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 1.3.6.1.4.1.4203.666.3.1001 NAME 'coopAccount' SUP top AUXILIARY MAY ( mailQuota $ mailAlias ) )
pidfile %[1]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload argon2
sizelimit 50
database mdb
maxsize 67108864
suffix "` + Base + `"
rootdn "` + Admin + `"
rootpw "` + Password + `"
directory %[1]s/data
dbnosync
index objectClass,uid,mail eq
limits dn.exact="cn=reader,` + Base + `" size.unchecked=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by * read
overlay ppolicy
ppolicy_default "cn=policy,` + Base + `"
`

// Start starts one, which ends with t.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{}
	var err error
	if s.dir, err = os.MkdirTemp("", "ldap"); err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	s.URL = "ldap://" + loopback.Address(t)
	if err := os.Mkdir(filepath.Join(s.dir, "data"), 0o700); err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "slapd.conf"), fmt.Appendf(nil, config, s.dir), 0o600); err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	s.Restart(t)
	t.Cleanup(func() { s.Stop(t) })
	c := s.Connect(t)
	for dn, classes := range map[string][]string{Base: {"dcObject", "organization"}} {
		add(t, c, dn, map[string][]string{"objectClass": classes, "dc": {"coop"}, "o": {"A co-operative"}})
	}
	// Without a policy of lockout, a lock locks nobody out.
	add(t, c, "cn=policy,"+Base, map[string][]string{
		"objectClass": {"organizationalRole", "pwdPolicy"}, "cn": {"policy"}, "pwdAttribute": {"userPassword"}, "pwdLockout": {"TRUE"},
	})
	add(t, c, People, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {"people"}})
	return s
}

func add(t testing.TB, c *ldap.Conn, dn string, attributes map[string][]string) {
	t.Helper()
	r := ldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		r.Attribute(name, values)
	}
	if err := c.Add(r); err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
}

// Add makes an entry, as an administrator would by hand.
func (s *Server) Add(t testing.TB, dn string, attributes map[string][]string) {
	t.Helper()
	add(t, s.Connect(t), dn, attributes)
}

// Connect returns a connection of the administrator, which ends with t.
func (s *Server) Connect(t testing.TB) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL(s.URL)
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		err = c.Bind(Admin, Password)
	}
	if err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	return c
}

// Restart starts it again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	slapd, err := exec.LookPath("slapd")
	if err != nil {
		if slapd, err = exec.LookPath("/usr/sbin/slapd"); err != nil {
			t.Fatal("ldaptest: no slapd on this machine: install it (apt-get install slapd); none needs to run")
		}
	}
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	defer func() { _ = out.Close() }()                                                                // the server has it
	s.process = exec.Command(slapd, "-f", filepath.Join(s.dir, "slapd.conf"), "-h", s.URL, "-d", "0") //nolint:gosec // G204: a program found by us
	s.process.SysProcAttr, s.process.Stdout, s.process.Stderr = untilParentDies(), out, out
	if err := s.process.Start(); err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // its log says how it ended
		close(ended)
	}(s.process, s.ended)
	// Whom it lets connect it may still turn away as it starts: it is there once it answers.
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := ldap.DialURL(s.URL)
		if err == nil {
			err = c.Bind(Admin, Password)
			_ = c.Close()
		}
		if err == nil {
			return
		}
		ended := false
		select {
		case <-s.ended:
			ended = true
		default:
		}
		if ended || time.Since(begun) > patience {
			said, _ := os.ReadFile(filepath.Join(s.dir, "log")) // as far as there is one
			t.Fatalf("ldaptest: it does not answer: %v; it has ended: %v\n%s", err, ended, said)
		}
	}
}

// Stop stops it, as in an outage.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	_ = s.process.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.process.Process.Kill()
		t.Errorf("ldaptest: it does not stop within %v", patience)
	}
}
