package storage

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/domain"
)

// hashing counts the passwords that are hashed from now on, by the cost of it.
func (s *server) hashing() *[bcrypt.MaxCost + 1]atomic.Int64 {
	var n [bcrypt.MaxCost + 1]atomic.Int64
	s.guard.compare = func(hash, password []byte) error {
		cost, _ := bcrypt.Cost(hash)
		n[cost].Add(1)
		return bcrypt.CompareHashAndPassword(hash, password)
	}
	return &n
}

func TestSignIn(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	if _, err := s.Ensure(t.Context(), s.want("ben@example.org", domain.GB)); err != nil { // has no password
		t.Fatal(err)
	}
	hashed := s.hashing()
	s.guard.nobody = newGuard().nobody
	s.guard.slots = make(chan struct{}, 1) // with more, as many are hashed before any is remembered
	status := func(want int, login, password string) {
		t.Helper()
		a := s.as(login, password, http.MethodGet, "/", nil)
		if a.StatusCode != want || want == http.StatusUnauthorized && a.Header.Get("Www-Authenticate") != `Basic realm="Rochdale", charset="UTF-8"` {
			t.Errorf("%s, %s: %d %v", login, password, a.StatusCode, a.Header)
		}
	}
	status(http.StatusUnauthorized, "", "")
	if a := s.as("", "", http.MethodGet, "/", nil, "Authorization: Bearer x"); a.StatusCode != http.StatusUnauthorized {
		t.Error(a.StatusCode)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { status(http.StatusOK, string(anna), password) })
	}
	wg.Wait()
	status(http.StatusOK, strings.ToUpper(string(anna)), password)
	if n := hashed[bcrypt.MinCost].Load(); n != 1 {
		t.Errorf("a password was hashed %d times", n)
	}
	for range 5 {
		status(http.StatusUnauthorized, string(anna), "what it was before")
	}
	if n := hashed[bcrypt.MinCost].Load(); n != 2 {
		t.Errorf("an old password was hashed %d times", n-1)
	}
	for range 2 {
		status(http.StatusUnauthorized, "nobody@example.org", password)
		status(http.StatusUnauthorized, "ben@example.org", "")
		status(http.StatusUnauthorized, "../../../etc/passwd", password)
	}
	if n := hashed[11].Load(); n != 3 {
		t.Errorf("for three that are not there, or have no password, %d were hashed", n)
	}

	// What is remembered ends with what it is about.
	s.password(anna, "another one of four")
	status(http.StatusUnauthorized, string(anna), password)
	status(http.StatusOK, string(anna), "another one of four")
	if _, err := s.Suspend(t.Context(), s.want(anna, domain.GB)); err != nil {
		t.Fatal(err)
	}
	status(http.StatusForbidden, string(anna), "another one of four")
	status(http.StatusUnauthorized, string(anna), "something else") // is not told that it is suspended
	if _, err := s.Delete(t.Context(), s.want(anna, domain.GB)); err != nil {
		t.Fatal(err)
	}
	status(http.StatusUnauthorized, string(anna), "another one of four")

	// bcrypt would not see the difference.
	s.account(anna, domain.GB)
	long := strings.Repeat("x", 72)
	s.password(anna, long)
	status(http.StatusOK, string(anna), long)
	status(http.StatusUnauthorized, string(anna), long+"x")
}

func TestGuessing(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.account("ben@example.org", domain.GB)
	s.is(http.StatusOK, http.MethodGet, "/", "")
	hashed := s.hashing()
	s.guard.byLogin, s.guard.byClient = newLimits(3, time.Hour), newLimits(5, time.Hour)
	n := 0
	guess := func(login string) reply {
		n++
		return s.as(login, fmt.Sprintf("guess %d", n), http.MethodGet, "/", nil)
	}
	waits := func(a reply) {
		t.Helper()
		if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); a.StatusCode != http.StatusTooManyRequests || err != nil || wait < 3000 || wait > 3600 {
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
	for range s.guard.byLogin.burst {
		if a := guess(string(anna)); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d", a.StatusCode)
		}
	}
	waits(guess(string(anna)))
	if tries := hashed[bcrypt.MinCost].Load(); tries != int64(s.guard.byLogin.burst) {
		t.Errorf("%d of %d guesses were looked at", tries, n)
	}
	s.is(http.StatusOK, http.MethodGet, "/", "") // who was in stays in
	if a := s.as("ben@example.org", password, http.MethodGet, "/", nil); a.StatusCode != http.StatusOK {
		t.Errorf("another one is answered %d", a.StatusCode)
	}
	for i := s.guard.byLogin.burst; i < s.guard.byClient.burst; i++ {
		if a := guess(fmt.Sprintf("%d@example.org", i)); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d", a.StatusCode)
		}
	}
	waits(guess("carl@example.org"))
}

func TestLimits(t *testing.T) {
	l, now := newLimits(2, time.Minute), time.Now()
	for range 2 {
		if wait := l.wait("a", now); wait != 0 {
			t.Errorf("wait %v", wait)
		}
		l.count("a", now)
	}
	if wait := l.wait("a", now); wait != time.Minute || l.wait("b", now) != 0 {
		t.Errorf("wait %v", wait)
	}
	if wait := l.wait("a", now.Add(59*time.Second)); wait != time.Second {
		t.Errorf("wait %v", wait)
	}
	if wait := l.wait("a", now.Add(61*time.Second)); wait != 0 {
		t.Errorf("wait %v", wait)
	}
}

func TestClient(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1:5000": "192.0.2.1", "[::ffff:192.0.2.1]:5000": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:5000": "2001:db8:1:2::/64", "[fe80::1%eth0]:5000": "fe80::/64", "192.0.2.1": "192.0.2.1", "@": "@",
	} {
		if got := client(&http.Request{RemoteAddr: from}); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}
