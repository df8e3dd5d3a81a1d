package nextcloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/adapters/fault"
	"rochdale/adapters/nextcloud"
	"rochdale/adapters/provisiontest"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/loopback"
	"rochdale/internal/ocstest"
)

// server is a double, and the password by which it is used.
type server struct {
	*ocstest.Server
	cloud *nextcloud.Cloud

	mu       sync.Mutex
	password string
}

func start(t testing.TB, c nextcloud.Config) *server {
	t.Helper()
	s := &server{Server: ocstest.Start(t), password: ocstest.Password}
	c.URL, c.User = s.URL, ocstest.Admin
	c.Password = func() (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.password, nil
	}
	if c.Apps == nil {
		c.Apps = map[domain.Service]string{"calendar": "calendar-users", "polls": "polls-users"}
	}
	var err error
	if s.cloud, err = nextcloud.New(c); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) give(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
}

// elsewhere is the client of members, who come from another address than we.
var elsewhere = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}

func (s *server) dav(t testing.TB, method, login, password string, size int) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/remote.php/dav/files/"+login+"/file", strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(login, password)
	resp, err := elsewhere.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		s.ResetWrong() // whom we try is not to lock members out
	}
	return resp.StatusCode, string(body)
}

// changes has requests that change something meet a trouble.
func (s *server) changes(trouble ocstest.Trouble) func(testing.TB) func() {
	return func(testing.TB) func() {
		s.SetTrouble(func(r *http.Request) ocstest.Trouble {
			if r.Method == http.MethodGet || !strings.HasPrefix(r.URL.Path, "/ocs/") ||
				trouble == ocstest.Halfway && !(r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/cloud/users")) {
				return ocstest.None
			}
			return trouble
		})
		return func() { s.SetTrouble(nil) }
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	s := start(t, nextcloud.Config{Edits: -1, Timeout: 5 * time.Second})
	maintenance := func(testing.TB) func() {
		s.SetMaintenance(true)
		return func() { s.SetMaintenance(false) }
	}
	troubles := []provisiontest.Trouble{
		{Name: "maintenance", Begin: maintenance, Class: fault.Unavailable},
		{Name: "denied", Begin: func(testing.TB) func() {
			s.SetPassword(ocstest.Admin, "another")
			return func() { s.give("another") }
		}, Class: fault.Denied},
	}
	for trouble, class := range map[ocstest.Trouble]fault.Class{
		ocstest.Fails: fault.Transient, ocstest.Late: fault.Transient, ocstest.Lies: fault.Transient, ocstest.Hangs: fault.Transient,
		ocstest.Cuts: fault.Transient, ocstest.TooMany: fault.Throttled, ocstest.Gateway: fault.Unavailable,
		ocstest.Nonsense: fault.Transient, ocstest.Halfway: fault.Transient,
	} {
		troubles = append(troubles, provisiontest.Trouble{
			Name: string(trouble), Begin: s.changes(trouble), Class: class, Ambiguous: trouble != ocstest.TooMany,
			Happens: slices.Contains([]ocstest.Trouble{ocstest.Late, ocstest.Cuts, ocstest.Halfway}, trouble),
		})
	}
	provisiontest.Run(t, provisiontest.Fixture{
		Port: s.cloud, Domain: "coop.example", MaxLogin: 64,
		Foreign: func(_ testing.TB, login provisioning.Login) { s.Make(string(login), "a password of theirs") },
		LogIn: func(t testing.TB, login, password string) bool {
			status, _ := s.dav(t, "PROPFIND", login, password, 0)
			if status == http.StatusServiceUnavailable { // disabled
				return false
			}
			if status != http.StatusMultiStatus && status != http.StatusUnauthorized {
				t.Fatalf("PROPFIND: %d", status)
			}
			return status == http.StatusMultiStatus
		},
		Put: func(t testing.TB, login provisioning.Login, password string, size int) bool {
			status, text := s.dav(t, http.MethodPut, string(login), password, size)
			if status != http.StatusCreated && status != http.StatusInsufficientStorage {
				t.Fatalf("PUT: %d %s", status, text)
			}
			return status == http.StatusCreated
		},
		Holds: func(t testing.TB, login provisioning.Login, password string) (used int) {
			_, text := s.dav(t, "PROPFIND", string(login), password, 0)
			_, rest, _ := strings.Cut(text, "<d:quota-used-bytes>")
			if _, err := fmt.Sscan(strings.ReplaceAll(rest, "<", " "), &used); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			return used
		},
		Outage: maintenance, Troubles: troubles,
	})
	if n := s.Wrong(); n > 1 {
		t.Errorf("we guessed %d passwords", n)
	}
	for _, group := range s.Groups() {
		if strings.HasPrefix(group, "rochdale:") && strings.Contains(group, "/") {
			t.Errorf("a group that no proxy lets pass: %s", group)
		}
	}
}

func wish(n int) provisioning.Desired {
	return provisioning.Desired{
		Ref:     provisioning.Ref{Service: domain.Storage, Login: provisioning.Login(fmt.Sprintf("anna-%d@coop.example", n))},
		Account: domain.AccountID(fmt.Sprintf("storage/%d", n)), Revision: int64(n + 1), Access: provisioning.Active, Quota: domain.GB,
	}
}

// TestPace makes 60 accounts and gives each another quota: 50 at once, and the others
// when the first ten minutes are over, without asking in vain.
func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s := start(t, nextcloud.Config{Now: clock})
	s.Now, s.Limited = clock, true
	const all = 60
	for n := range all {
		w := wish(n)
		w.Apps = []domain.Service{"polls"}
		if _, err := s.cloud.Ensure(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Asked("PUT /cloud/users/{id}"); n > 0 {
		t.Errorf("to make accounts, %d were edited", n)
	}
	set := func(n int) error {
		w := wish(n)
		w.Quota = 2 * domain.GB
		_, err := s.cloud.SetQuota(t.Context(), w)
		return err
	}
	for range 3 { // who comes again too early is told the same
		for n := range all {
			err := set(n)
			class, ambiguous := fault.ClassOf(err)
			switch {
			case n < 50 && err != nil:
				t.Fatalf("edit %d: %v", n, err)
			case n >= 50 && (class != fault.Transient || ambiguous || fault.CodeOf(err) != "paced" || fault.RetryAfter(err) != 10*time.Minute):
				t.Fatalf("edit %d: %v, %v", n, err, fault.RetryAfter(err))
			}
		}
	}
	now = now.Add(10 * time.Minute)
	for n := range all {
		if err := set(n); err != nil {
			t.Errorf("edit %d: %v", n, err)
		}
	}
	if n := s.Asked("PUT /cloud/users/{id}"); n != all {
		t.Errorf("%d edits of %d accounts", n, all)
	}
}

// TestDenied shows that a password that was refused is not tried again.
func TestDenied(t *testing.T) {
	t.Parallel()
	s := start(t, nextcloud.Config{})
	s.give("wrong")
	for range 20 {
		_, err := s.cloud.Observe(t.Context(), wish(1).Ref)
		if class, _ := fault.ClassOf(err); class != fault.Denied {
			t.Fatal(err)
		}
	}
	if err := s.cloud.Check(t.Context()); fault.CodeOf(err) != "stopped" {
		t.Error(err)
	}
	if n := s.Wrong(); n != 1 {
		t.Errorf("%d wrong logins", n)
	}
	s.give(ocstest.Password)
	if err := s.cloud.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLockedOut shows what is made of an address that is locked out, by whomever.
func TestLockedOut(t *testing.T) {
	t.Parallel()
	s := start(t, nextcloud.Config{})
	for range 12 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/ocs/v2.php/cloud/user", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("anna", "guessed")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	_, err := s.cloud.Observe(t.Context(), wish(1).Ref)
	if class, _ := fault.ClassOf(err); class != fault.Throttled || fault.RetryAfter(err) < time.Minute {
		t.Errorf("%v, %v", err, fault.RetryAfter(err))
	}
	s.ResetWrong()
	if _, err := s.cloud.Observe(t.Context(), wish(1).Ref); err != nil {
		t.Error(err)
	}
}

// TestElsewhere shows what is made of a server that is none, or is not there.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome</html>") }))
	defer page.Close()
	gone := "http://" + loopback.Address(t)
	for where, class := range map[string]fault.Class{page.URL: fault.Unavailable, gone: fault.Unavailable} {
		cloud, err := nextcloud.New(nextcloud.Config{URL: where, User: "admin", Password: func() (string, error) { return "x", nil }})
		if err != nil {
			t.Fatal(err)
		}
		if is, _ := fault.ClassOf(cloud.Check(t.Context())); is != class {
			t.Errorf("%s: %s", where, is)
		}
	}
	unread, err := nextcloud.New(nextcloud.Config{URL: page.URL, User: "admin", Password: func() (string, error) { return "", errors.New("no such file") }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unread.Observe(t.Context(), wish(1).Ref); fault.CodeOf(err) != fault.Settings || !strings.Contains(fmt.Sprint(err), "no such file") {
		t.Error(err)
	}
	for _, url := range []string{"", "cloud.example.org", "ftp://cloud.example.org", "http://cloud.example.org", "http://203.0.113.7"} {
		if _, err := nextcloud.New(nextcloud.Config{URL: url, User: "admin", Password: func() (string, error) { return "x", nil }}); err == nil {
			t.Errorf("%q is an address", url)
		}
	}
	for _, url := range []string{"https://cloud.example.org", "http://nextcloud:8080", "http://localhost", "http://10.0.0.7", "http://[fd00::7]:8080", "http://[::1]"} {
		if _, err := nextcloud.New(nextcloud.Config{URL: url, User: "admin", Password: func() (string, error) { return "x", nil }}); err != nil {
			t.Error(err)
		}
	}
}

// TestHalfway shows that what Nextcloud makes by halves becomes ours, and what
// somebody else makes at that instant does not.
func TestHalfway(t *testing.T) {
	t.Parallel()
	s := start(t, nextcloud.Config{})
	end := s.changes(ocstest.Halfway)(t)
	is, err := s.cloud.Ensure(t.Context(), wish(1))
	if err != nil || is.Account != wish(1).Account || *is.Quota != nextcloud.Reads(domain.GB) {
		t.Errorf("%+v, %v", is, err)
	}
	end()
	s.SetTrouble(func(r *http.Request) ocstest.Trouble {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/cloud/users") {
			s.Make(string(wish(2).Login), "a password of theirs")
			return ocstest.Fails
		}
		return ocstest.None
	})
	_, err = s.cloud.Ensure(t.Context(), wish(2))
	if class, ambiguous := fault.ClassOf(err); class != fault.Transient || !ambiguous {
		t.Error(err)
	}
	s.SetTrouble(nil)
	_, err = s.cloud.Ensure(t.Context(), wish(2))
	if class, _ := fault.ClassOf(err); class != fault.Conflict {
		t.Error(err)
	}
	if n := s.Wrong(); n != 1 {
		t.Errorf("%d wrong logins", n)
	}
}

// TestWhoIsMeant shows that nobody's login is in what an error says, nor a password.
func TestWhoIsMeant(t *testing.T) {
	t.Parallel()
	s := start(t, nextcloud.Config{})
	w := wish(1)
	if _, err := s.cloud.Ensure(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	s.changes(ocstest.Fails)(t)
	err := s.cloud.SetCredential(t.Context(), w.Ref, provisioning.Credential{Scheme: provisioning.Plain, Hash: "secret words"})
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "anna") {
		t.Error(err)
	}
	s.SetTrouble(nil)
	err = s.cloud.SetCredential(t.Context(), w.Ref, provisioning.Credential{Scheme: provisioning.Plain, Hash: "abc"})
	if class, _ := fault.ClassOf(err); class != fault.Invalid || !strings.Contains(err.Error(), "at least 10") {
		t.Errorf("a weak password: %v", err)
	}
}

// TestShifted shows that a list whose place is lost says so.
func TestShifted(t *testing.T) {
	t.Parallel()
	s := start(t, nextcloud.Config{})
	for n := range 40 {
		s.Make(fmt.Sprintf("user-%02d", n), "a password of theirs")
	}
	page, err := s.cloud.List(t.Context(), "", 20)
	if err != nil || len(page.Accounts) != 20 {
		t.Fatal(len(page.Accounts), err)
	}
	for n := range 20 {
		s.Remove(fmt.Sprintf("user-%02d", n))
	}
	_, err = s.cloud.List(t.Context(), page.Next, 20)
	if class, _ := fault.ClassOf(err); class != fault.Transient || fault.CodeOf(err) != "shifted" {
		t.Error(err)
	}
	_, err = s.cloud.List(t.Context(), "no cursor", 20)
	if class, _ := fault.ClassOf(err); class != fault.Invalid {
		t.Error(err)
	}
}

// TestReads compares with what a real server was seen to read back, and with the
// double for any quota.
func TestReads(t *testing.T) {
	t.Parallel()
	for wish, got := range map[domain.Bytes]domain.Bytes{
		5368709120: 5368709120, 5000000000: 5046586573, 12345678901: 12348030976, 500000: 499712,
		1073741824: 1073741824, 2684354560: 2684354560, 8053063680: 8053063680, 0: 0, 1: 1, provisioning.Unlimited: provisioning.Unlimited,
	} {
		if n := nextcloud.Reads(wish); n != got {
			t.Errorf("%d: %d, Nextcloud read back %d", wish, n, got)
		}
	}
	s := start(t, nextcloud.Config{Edits: -1})
	if _, err := s.cloud.Ensure(t.Context(), wish(1)); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		w := wish(1)
		w.Quota = domain.Bytes(rapid.Int64Range(-1, 1<<54).Draw(t, "quota"))
		if _, err := s.cloud.SetQuota(context.Background(), w); err != nil {
			t.Error(err)
		}
	})
}
