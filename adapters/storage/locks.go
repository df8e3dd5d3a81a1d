package storage

import (
	"cmp"
	"maps"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/webdav"
)

// locks are those of an account. They are gone when the program ends, as programs
// that lock are prepared for (RFC 4918 §6.6).
type locks struct {
	memory webdav.LockSystem
	most   int // at a time
	mu     sync.Mutex
	all    map[string]lock // by their tokens, which no two ever share (RFC 4918 §6.5)
}

type lock struct {
	number string // in memory
	root   string
	deep   bool
	until  time.Time
}

func newLocks() *locks {
	return &locks{memory: webdav.NewMemLS(), most: 1000, all: map[string]lock{}}
}

// covers reports whether a name is locked by it.
func (k lock) covers(name string) bool {
	return k.root == name || k.deep && below(name, k.root)
}

// below reports whether a name is of something in a folder, however deep.
func below(name, folder string) bool {
	return strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/")
}

// get returns the lock of a token, if there is one.
func (l *locks) get(token string) (lock, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, known := l.all[token]
	return k, known
}

// forget ends the locks of what is gone.
func (l *locks) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.all, func(_ string, k lock) bool {
		return (k.root == name || below(k.root, name)) && l.memory.Unlock(time.Now(), k.number) == nil
	})
}

// claims are the locks as [webdav.LockSystem] for one request. The one that is used
// beneath takes any token for all that a request touches, or for nothing of it, and
// does not look at entity tags, nor at what shall not be (RFC 4918 §10.4).
type claims struct {
	*locks
	visit *visit
}

var _ webdav.LockSystem = claims{}

// Create is that of [webdav.LockSystem]. What is locked for no set time is so for
// this request.
func (c claims) Create(now time.Time, details webdav.LockDetails) (string, error) {
	if details.Duration < 0 {
		return c.lend(now, details.Root)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.all, func(_ string, k lock) bool { return k.until.Before(now) })
	if len(c.all) >= c.most {
		return "", webdav.ErrLocked
	}
	number, err := c.memory.Create(now, details)
	if err != nil {
		return "", err
	}
	token := uuid.New().URN()
	c.all[token] = lock{number, path.Clean("/" + details.Root), !details.ZeroDepth, now.Add(details.Duration)}
	return token, nil
}

// lend locks something for this request. What is moved or deleted goes with all
// that is in it, which nobody may have locked.
func (c claims) lend(now time.Time, name string) (number string, err error) {
	method := c.visit.request.Method
	return c.memory.Create(now, webdav.LockDetails{
		Root: name, Duration: -1, ZeroDepth: method != http.MethodDelete && method != "MOVE" && method != "COPY",
	})
}

// Refresh is that of [webdav.LockSystem].
func (c claims) Refresh(now time.Time, token string, duration time.Duration) (webdav.LockDetails, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.all[token]
	details, err := c.memory.Refresh(now, k.number, duration)
	if err == nil {
		k.until = now.Add(duration)
		c.all[token] = k
	}
	return details, err
}

// Unlock is that of [webdav.LockSystem].
func (c claims) Unlock(now time.Time, token string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.memory.Unlock(now, cmp.Or(c.all[token].number, token))
	if err == nil {
		delete(c.all, token)
	}
	return err
}

// Confirm is that of [webdav.LockSystem]: the conditions of one list of the header
// If hold, and whatever the request touches is locked by one of the tokens of that
// header, or by nobody.
func (c claims) Confirm(now time.Time, name0, name1 string, conditions ...webdav.Condition) (func(), error) {
	about := path.Clean("/" + cmp.Or(name0, name1))
	for _, condition := range conditions {
		holds := false
		if condition.ETag != "" {
			is, err := c.visit.look(inside(about))
			holds = err == nil && is.tag() == condition.ETag
		} else if k, known := c.get(condition.Token); known {
			holds = k.covers(about)
		}
		if holds == condition.Not {
			return nil, webdav.ErrConfirmationFailed
		}
	}
	var ends []func()
	release := func() {
		for _, end := range ends {
			end()
		}
	}
	held := map[string]bool{}
	for _, name := range c.visit.touches() {
		number := c.shown(name)
		if held[number] {
			continue
		}
		var end func()
		var err error
		if number != "" {
			end, err = c.memory.Confirm(now, name, "", webdav.Condition{Token: number})
			held[number] = true
		} else if number, err = c.lend(now, name); err == nil {
			end = func() { _ = c.memory.Unlock(now, number) }
		}
		if err != nil {
			release()
			return nil, webdav.ErrConfirmationFailed
		}
		ends = append(ends, end)
	}
	return release, nil
}

// shown returns the lock of a name, of which the request shows the token; else "".
func (c claims) shown(name string) (number string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	header := c.visit.request.Header.Get("If")
	for token, k := range c.all {
		if k.covers(name) && strings.Contains(header, "<"+token+">") {
			return k.number
		}
	}
	return ""
}

// touches returns what the request changes.
func (v *visit) touches() []string {
	switch v.request.Method {
	case "MOVE":
		return []string{v.name, v.to}
	case "COPY":
		return []string{v.to}
	}
	return []string{v.name}
}
