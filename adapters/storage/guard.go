package storage

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"rochdale/domain/provisioning"
)

// guard looks at passwords. It remembers what became of those shown, so that a
// request does not cost what a sign-in does, and a program that goes on with an
// old password uses up nobody's tries.
type guard struct {
	key      []byte // of this process: what is remembered opens nothing elsewhere
	seen     *lru.Cache[[sha256.Size]byte, bool]
	slots    chan struct{} // to hash in, so that there is some time left for others
	nobody   func() string // a hash for who is not there, which takes as long as another
	compare  func(hash, password []byte) error
	byClient *limits
	byLogin  *limits
}

func newGuard() *guard {
	key := make([]byte, 32)
	_, _ = rand.Read(key)                                // never fails
	seen, _ := lru.New[[sha256.Size]byte, bool](1 << 16) // fails for sizes below 1 only
	return &guard{
		key: key, seen: seen, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		nobody: sync.OnceValue(func() string {
			hash, _ := bcrypt.GenerateFromPassword([]byte(rand.Text()), 11) // what the processes hash with
			return string(hash)
		}),
		compare:  bcrypt.CompareHashAndPassword,
		byClient: newLimits(30, 10*time.Second), byLogin: newLimits(20, 15*time.Second),
	}
}

// verdict is what the guard says to a password.
type verdict struct {
	opens bool
	wait  time.Duration // before another try: it was not looked at
}

// look says whether a password opens an account. Hash is the one that the account
// has: {scheme}hash, or empty if it has none, or is not there.
func (g *guard) look(ctx context.Context, client, login, hash, password string) (verdict, error) {
	hash, has := strings.CutPrefix(hash, "{"+scheme+"}")
	if !has {
		hash = g.nobody()
	}
	digest := hmac.New(sha256.New, g.key)
	for _, part := range []string{login, hash, password} {
		sum := sha256.Sum256([]byte(part))
		digest.Write(sum[:])
	}
	key := [sha256.Size]byte(digest.Sum(nil))
	if opens, known := g.seen.Get(key); known {
		return verdict{opens: opens}, nil
	}
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	if opens, known := g.seen.Get(key); known { // by now
		return verdict{opens: opens}, nil
	}
	now := time.Now()
	if wait := max(g.byClient.wait(client, now), g.byLogin.wait(login, now)); wait > 0 {
		return verdict{wait: wait}, nil
	}
	// bcrypt reads no more than 72 bytes: what is longer is no password of anybody.
	opens := g.compare([]byte(hash), []byte(password)) == nil && has && len(password) <= 72
	if !opens {
		g.byClient.count(client, now)
		g.byLogin.count(login, now)
	}
	g.seen.Add(key, opens)
	return verdict{opens: opens}, nil
}

// limits are how often each key may fail: a few times at once, and then once every
// so often. They remember the keys that have failed last.
type limits struct {
	burst int
	every rate.Limit
	all   *lru.Cache[string, *rate.Limiter]
}

func newLimits(burst int, every time.Duration) *limits {
	all, _ := lru.New[string, *rate.Limiter](1 << 16) // fails for sizes below 1 only
	return &limits{burst, rate.Every(every), all}
}

// wait returns how long it is until a key may be tried.
func (l *limits) wait(key string, now time.Time) time.Duration {
	limiter, known := l.all.Get(key)
	if !known {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
	return max(0, time.Duration(missing/float64(l.every)*float64(time.Second)).Round(time.Millisecond))
}

// count counts a failure.
func (l *limits) count(key string, now time.Time) {
	fresh := rate.NewLimiter(l.every, l.burst)
	limiter, _, _ := l.all.PeekOrAdd(key, fresh)
	cmp.Or(limiter, fresh).AllowN(now, 1)
}

// client returns where a request comes from; of IPv6, the network, since whoever
// has one has all of it.
func client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		network, _ := addr.Prefix(64) // which is no more than it has
		return network.String()
	}
	return addr.String()
}

// signIn returns the account whose holder shows its password; nil, and the request
// has been answered.
func (s *Storage) signIn(w http.ResponseWriter, r *http.Request) *account {
	login, password, shown := r.BasicAuth()
	if !shown {
		unauthorized(w)
		return nil
	}
	login = strings.ToLower(login)
	hash := ""
	a, err := s.find(provisioning.Login(login))
	if a != nil {
		a.mu.Lock()
		err = s.read(a)
		hash = a.Password
		a.mu.Unlock()
	}
	if err != nil {
		fail(w, r, nameOf(provisioning.Login(login)), err)
		return nil
	}
	v, err := s.guard.look(r.Context(), client(r), login, hash, password)
	switch {
	case err != nil: // whoever asked is gone
		say(w, http.StatusServiceUnavailable, "", "")
	case v.wait > 0:
		w.Header().Set("Retry-After", seconds(v.wait))
		say(w, http.StatusTooManyRequests, "", "Too many wrong passwords. Wait "+seconds(v.wait)+" seconds.")
	case !v.opens:
		unauthorized(w)
	default:
		return a
	}
	return nil
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="Rochdale", charset="UTF-8"`)
	say(w, http.StatusUnauthorized, "", "Sign in with the login and the password of your account.")
}
