package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/provisiontest"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

const (
	anna     = provisioning.Login("anna.lee@example.org")
	password = "three or four words"
)

// cheap is a hash of nobody's password that does not take long to compare with.
const cheap = "$2a$04$3ooQdg2rTTgsxjYGJaQ6OuKwuqCsXW9Bg8rXQkWyGqOBQIEWeEDjS"

// server is a storage that is served.
type server struct {
	testing.TB
	*Storage
	url      string
	revision int64
}

func serve(t testing.TB) *server {
	t.Helper()
	return serveFrom(t, t.TempDir())
}

func serveFrom(t testing.TB, dir string) *server {
	t.Helper()
	s, err := Open(dir, "/dav/")
	if err != nil {
		t.Fatal(err)
	}
	s.guard.nobody = func() string { return cheap }
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{TB: t, Storage: s, url: web.URL + "/dav"}
}

// account makes an account with a quota, whose holder is let in.
func (s *server) account(login provisioning.Login, quota domain.Bytes) {
	s.Helper()
	if _, err := s.Ensure(s.Context(), s.want(login, quota)); err != nil {
		s.Fatal(err)
	}
	s.password(login, password)
}

func (s *server) password(login provisioning.Login, password string) {
	s.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err == nil {
		err = s.SetCredential(s.Context(), ref(login), provisioning.Credential{Scheme: scheme, Hash: string(hash)})
	}
	if err != nil {
		s.Fatal(err)
	}
}

func ref(login provisioning.Login) provisioning.Ref {
	return provisioning.Ref{Service: domain.Storage, Login: login}
}

func (s *server) want(login provisioning.Login, quota domain.Bytes) provisioning.Desired {
	s.revision++
	return provisioning.Desired{
		Ref: ref(login), Account: domain.AccountID("account of " + login.Local()), Revision: s.revision,
		Access: provisioning.Active, Quota: quota,
	}
}

// uses returns how much Anna's account holds, by the port's own word.
func (s *server) uses() domain.Bytes {
	s.Helper()
	all, err := s.Usage(s.Context(), []provisioning.Ref{ref(anna)})
	if err != nil || len(all) != 1 {
		s.Fatalf("usage: %v, %v", all, err)
	}
	return *all[0].Used
}

// files returns what lies on the disk below the folders of all accounts, by their
// paths without those.
func (s *server) files() map[string]int64 {
	s.Helper()
	all := map[string]int64{}
	top := filepath.Join(s.dir, filesDir)
	err := filepath.WalkDir(top, func(p string, d os.DirEntry, err error) error {
		var is fs.FileInfo
		if err == nil {
			is, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) && p != top { // gone while it is looked at: a server is at work
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		below, _ := filepath.Rel(top, p)
		_, below, _ = strings.Cut(below, string(filepath.Separator))
		all[below] = is.Size()
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// An answer is one whose body was read.
type reply struct {
	*http.Response
	body string
}

// as asks for something, as somebody. Headers are written like "Depth: 1".
func (s *server) as(login, password, method, name string, body io.Reader, headers ...string) reply {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+name, body)
	if err != nil {
		s.Fatal(err)
	}
	if login != "" {
		r.SetBasicAuth(login, password)
	}
	for _, h := range headers {
		key, value, _ := strings.Cut(h, ": ")
		r.Header.Set(key, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatalf("%s %s: %v", method, name, err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		s.Fatalf("%s %s: %v", method, name, err)
	}
	return reply{answer, string(text)}
}

// do asks for something, as Anna.
func (s *server) do(method, name, body string, headers ...string) reply {
	s.Helper()
	return s.as(string(anna), password, method, name, strings.NewReader(body), headers...)
}

// is asks, and compares the status of the answer.
func (s *server) is(status int, method, name, body string, headers ...string) reply {
	s.Helper()
	a := s.do(method, name, body, headers...)
	if a.StatusCode != status {
		s.Errorf("%s %s: %d %s, want %d", method, name, a.StatusCode, strings.TrimSpace(a.body), status)
	}
	return a
}

// has compares what a file holds.
func (s *server) has(name, text string) {
	s.Helper()
	if a := s.do(http.MethodGet, name, ""); a.StatusCode != http.StatusOK || a.body != text {
		s.Errorf("%s: %d %.60q, want %.60q", name, a.StatusCode, a.body, text)
	}
}

func TestContract(t *testing.T) {
	s := serve(t)
	n := 0
	let := func(t testing.TB, login provisioning.Login, password, method, name string, body io.Reader) reply {
		a := (&server{TB: t, Storage: s.Storage, url: s.url}).as(string(login), password, method, name, body)
		if a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusTooManyRequests {
			t.Fatalf("%s is not let in: %d", login, a.StatusCode)
		}
		return a
	}
	provisiontest.Run(t, provisiontest.Fixture{
		Port: s.Storage, Domain: "example.org", Ordered: true,
		Foreign: func(t testing.TB, login provisioning.Login) {
			text, err := json.Marshal(record{Login: login, Quota: 1_000_000, Folder: "by hand " + nameOf(login)})
			if err == nil {
				err = os.WriteFile(s.file(nameOf(login)), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		LogIn: func(t testing.TB, login, password string) bool {
			s.guard.byClient.all.Purge() // its limits are another matter
			switch a := (&server{TB: t, Storage: s.Storage, url: s.url}).as(login, password, http.MethodGet, "/", nil); a.StatusCode {
			case http.StatusOK:
				return true
			case http.StatusUnauthorized, http.StatusForbidden:
				return false
			default:
				t.Fatalf("%s signs in: %d %s", login, a.StatusCode, a.body)
				return false
			}
		},
		Put: func(t testing.TB, login provisioning.Login, password string, size int) bool {
			n++
			switch a := let(t, login, password, http.MethodPut, fmt.Sprintf("/%d", n), strings.NewReader(strings.Repeat("x", size))); a.StatusCode {
			case http.StatusCreated:
				return true
			case http.StatusInsufficientStorage:
				return false
			default:
				t.Fatalf("put %d bytes: %d %s", size, a.StatusCode, a.body)
				return false
			}
		},
		Holds: func(t testing.TB, login provisioning.Login, password string) (size int) {
			for _, part := range strings.Split(let(t, login, password, http.MethodGet, "/", nil).body, `href="/dav/`)[1:] {
				name, _, _ := strings.Cut(part, `"`)
				size += len(let(t, login, password, http.MethodGet, "/"+name, nil).body)
			}
			return size
		},
	})
}
