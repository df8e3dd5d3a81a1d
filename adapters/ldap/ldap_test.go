package ldap_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"rochdale/adapters/fault"
	"rochdale/adapters/ldap"
	"rochdale/adapters/provisiontest"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/ldaptest"
)

func config(s *ldaptest.Server) ldap.Config {
	return ldap.Config{
		URL: s.URL, BindDN: ldaptest.Admin, Password: func() (string, error) { return ldaptest.Password, nil },
		Base: ldaptest.People, Service: domain.Storage, Quota: "mailQuota", Unlimited: "-1", Alias: "mailAlias", Classes: []string{"coopAccount"},
	}
}

func open(t testing.TB, c ldap.Config) *ldap.Directory {
	t.Helper()
	d, err := ldap.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// service is one that knows by a directory who may come in, and how much is theirs.
type service struct {
	*ldaptest.Server
	filter string // of who may

	mu   sync.Mutex
	used map[string]int64 // by the entry's own id
}

// entry is that of a login, as a service looks for it.
func (s *service) entry(t testing.TB, login, filter string) *goldap.Entry {
	t.Helper()
	c := s.Connect(t)
	defer c.Close()
	found, err := c.Search(goldap.NewSearchRequest(ldaptest.People, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false,
		"(&(mail="+goldap.EscapeFilter(login)+")"+filter+")", []string{"mailQuota", "entryUUID"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Entries) == 0 {
		return nil
	}
	return found.Entries[0]
}

func (s *service) logIn(t testing.TB, login, password string) bool {
	t.Helper()
	e := s.entry(t, login, s.filter)
	if e == nil || password == "" { // an empty password is none, to all who ask directories
		return false
	}
	c, err := goldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Bind(e.DN, password)
	if err != nil && !goldap.IsErrorAnyOf(err, goldap.LDAPResultInvalidCredentials, goldap.LDAPResultInappropriateAuthentication) {
		t.Fatal(err)
	}
	return err == nil
}

func (s *service) fixture(d *ldap.Directory, unit int64) provisiontest.Fixture {
	return provisiontest.Fixture{
		Port: d, Domain: "coop.example",
		Foreign: func(t testing.TB, login provisioning.Login) {
			s.Add(t, "uid="+string(login)+","+ldaptest.People, map[string][]string{
				"objectClass": {"inetOrgPerson"}, "uid": {string(login)}, "mail": {string(login)}, "cn": {"Somebody"}, "sn": {"Somebody"},
			})
		},
		LogIn: s.logIn,
		Put: func(t testing.TB, login provisioning.Login, _ string, size int) bool {
			e := s.entry(t, string(login), "")
			var quota int64
			if _, err := fmt.Sscan(e.GetAttributeValue("mailQuota"), &quota); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			id := e.GetAttributeValue("entryUUID")
			if quota >= 0 && s.used[id]+int64(size) > quota*unit {
				return false
			}
			s.used[id] += int64(size)
			return true
		},
		Holds: func(t testing.TB, login provisioning.Login, _ string) int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return int(s.used[s.entry(t, string(login), "").GetAttributeValue("entryUUID")])
		},
		Outage: func(t testing.TB) func() {
			s.Stop(t)
			return func() { s.Restart(t) }
		},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("lock", func(t *testing.T) {
		t.Parallel()
		s := &service{Server: ldaptest.Start(t), used: map[string]int64{}}
		provisiontest.Run(t, s.fixture(open(t, config(s.Server)), 1))
	})
	t.Run("attribute", func(t *testing.T) {
		t.Parallel()
		s := &service{Server: ldaptest.Start(t), used: map[string]int64{}, filter: "(!(employeeType=suspended))"}
		c := config(s.Server)
		c.Unit, c.Alias, c.Suspended = 1024, "", &ldap.Flag{Attribute: "employeeType", Yes: "suspended", No: "member"}
		provisiontest.Run(t, s.fixture(open(t, c), 1024))
	})
}

func wish(login string) provisioning.Desired {
	return provisioning.Desired{
		Ref: provisioning.Ref{Service: domain.Storage, Login: provisioning.Login(login)}, Account: "a1", Revision: 1,
		Access: provisioning.Active, Quota: domain.GB,
	}
}

func isA(err error, class fault.Class) bool {
	is, _ := fault.ClassOf(err)
	return is == class
}

// TestEntry shows what is in an entry, and that nobody's name is taken for a pattern.
func TestEntry(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t)
	c := config(s)
	c.Argon2 = true
	d := open(t, c)
	if _, err := d.Ensure(t.Context(), wish("anna@coop.example")); err != nil {
		t.Fatal(err)
	}
	found, err := s.Connect(t).Search(goldap.NewSearchRequest("uid=anna@coop.example,"+ldaptest.People, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	e := found.Entries[0]
	for name, want := range map[string]string{
		"objectClass": "inetOrgPerson coopAccount", "uid": "anna@coop.example", "mail": "anna@coop.example", "cn": "anna@coop.example", "sn": "anna",
		"employeeNumber": "a1", "mailQuota": "1000000000", "userPassword": "",
	} {
		if got := strings.Join(e.GetAttributeValues(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	argon2 := provisioning.Credential{Scheme: "ARGON2ID", Hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
	if err := d.SetCredential(t.Context(), wish("anna@coop.example").Ref, argon2); err != nil {
		t.Error(err)
	}
	argon2.Hash = "$argon2id$" + argon2.Hash
	if err := d.SetCredential(t.Context(), wish("anna@coop.example").Ref, argon2); !isA(err, fault.Invalid) {
		t.Error(err)
	}
}

// TestMany lists more entries than the directory hands out at once.
func TestMany(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t)
	for n := range 120 {
		login := fmt.Sprintf("user-%03d@coop.example", 119-n)
		s.Add(t, "uid="+login+","+ldaptest.People, map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {login}, "cn": {"x"}, "sn": {"x"}})
	}
	d := open(t, config(s))
	seen := 0
	for cursor := ""; ; {
		page, err := d.List(t.Context(), cursor, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, is := range page.Accounts {
			if want := fmt.Sprintf("user-%03d@coop.example", seen); string(is.Login) != want {
				t.Errorf("%s, want %s", is.Login, want)
			}
			seen++
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != 120 {
		t.Errorf("%d entries", seen)
	}
}

// TestDenied shows of what class it is what a directory does not let us do.
func TestDenied(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t)
	c := config(s)
	c.Password = func() (string, error) { return "guessed", nil }
	if err := open(t, c).Check(t.Context()); !isA(err, fault.Denied) {
		t.Error(err)
	}
	c.Password = func() (string, error) { return "", errors.New("no such file") }
	if err := open(t, c).Check(t.Context()); !isA(err, fault.Unavailable) || fault.CodeOf(err) != fault.Settings || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	s.Add(t, "uid=reader,"+ldaptest.People, map[string][]string{
		"objectClass": {"inetOrgPerson"}, "uid": {"reader"}, "cn": {"x"}, "sn": {"x"}, "userPassword": {"a password of theirs"},
	})
	c = config(s)
	c.BindDN, c.Password = "uid=reader,"+ldaptest.People, func() (string, error) { return "a password of theirs", nil }
	if _, err := open(t, c).Ensure(t.Context(), wish("anna@coop.example")); !isA(err, fault.Denied) {
		t.Errorf("who may only read: %v", err)
	}
	c = config(s)
	c.Quota = "noSuchAttribute"
	if _, err := open(t, c).Ensure(t.Context(), wish("anna@coop.example")); !isA(err, fault.Invalid) {
		t.Errorf("an attribute that there is not: %v", err)
	}
}

// TestGoneWithoutAWord: a connection over which nothing comes any more, as when a server
// or what is between has lost its memory, is asked once, and another is made.
func TestGoneWithoutAWord(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t)
	between, mute := freezer(t, strings.TrimPrefix(s.URL, "ldap://"))
	c := config(s)
	c.URL, c.Timeout = "ldap://"+between, 5*time.Second
	d := open(t, c)
	if _, err := d.Ensure(t.Context(), wish("anna@coop.example")); err != nil {
		t.Fatal(err)
	}
	mute()
	if _, err := d.Observe(t.Context(), wish("anna@coop.example").Ref); !isA(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if is, err := d.Observe(t.Context(), wish("anna@coop.example").Ref); err != nil || !is.Exists {
		t.Errorf("by another connection: %+v, %v", is, err)
	}
}

// freezer passes connections on to a server. By mute nothing more passes on those that
// there are by then, and none of them ends.
func freezer(t *testing.T, server string) (address string, mute func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var frozen []*atomic.Bool
	end := make(chan struct{})
	t.Cleanup(func() { l.Close(); close(end) })
	pass := func(to, from net.Conn, still *atomic.Bool) {
		defer to.Close()
		buffer := make([]byte, 1<<12)
		for {
			n, err := from.Read(buffer)
			if still.Load() {
				<-end
			}
			if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				in.Close()
				continue
			}
			still := new(atomic.Bool)
			mu.Lock()
			frozen = append(frozen, still)
			mu.Unlock()
			go pass(out, in, still)
			go pass(in, out, still)
		}
	}()
	return l.Addr().String(), func() {
		mu.Lock()
		defer mu.Unlock()
		for _, still := range frozen {
			still.Store(true)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := config(&ldaptest.Server{URL: "ldaps://ldap.example.org"})
	if _, err := ldap.New(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*ldap.Config){
		func(c *ldap.Config) { c.URL = "ldap://ldap.example.org" }, func(c *ldap.Config) { c.URL = "https://ldap.example.org" },
		func(c *ldap.Config) { c.Base = "" }, func(c *ldap.Config) { c.Base = "people" }, func(c *ldap.Config) { c.BindDN = "" },
		func(c *ldap.Config) { c.Service = "fax" }, func(c *ldap.Config) { c.Quota = "a)(b" },
		func(c *ldap.Config) { c.Suspended = &ldap.Flag{Attribute: "x"} },
	} {
		c := good
		change(&c)
		if _, err := ldap.New(c); err == nil {
			t.Errorf("%+v is taken", c.URL)
		}
	}
}
