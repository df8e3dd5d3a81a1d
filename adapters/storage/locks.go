package storage

import (
	"cmp"
	"maps"
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
	token string // in memory, which numbers them
	until time.Time
}

func newLocks() *locks {
	return &locks{memory: webdav.NewMemLS(), most: 1000, all: map[string]lock{}}
}

// claims are the locks as [webdav.LockSystem] for one request, together with what
// its header If says of entity tags and of what is not so (RFC 4918 §10.4).
type claims struct {
	*locks
	visit *visit
}

var _ webdav.LockSystem = claims{}

// Create is that of [webdav.LockSystem]. What is locked for no set time is so for
// one request, and does not count.
func (l *locks) Create(now time.Time, details webdav.LockDetails) (string, error) {
	if details.Duration < 0 {
		return l.memory.Create(now, details)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.all, func(_ string, k lock) bool { return k.until.Before(now) })
	if len(l.all) >= l.most {
		return "", webdav.ErrLocked
	}
	number, err := l.memory.Create(now, details)
	if err != nil {
		return "", err
	}
	token := uuid.New().URN()
	l.all[token] = lock{number, now.Add(details.Duration)}
	return token, nil
}

// Refresh is that of [webdav.LockSystem].
func (l *locks) Refresh(now time.Time, token string, duration time.Duration) (webdav.LockDetails, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.all[token]
	details, err := l.memory.Refresh(now, k.token, duration)
	if err == nil {
		l.all[token] = lock{k.token, now.Add(duration)}
	}
	return details, err
}

// Unlock is that of [webdav.LockSystem].
func (l *locks) Unlock(now time.Time, token string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.memory.Unlock(now, cmp.Or(l.all[token].token, token))
	if err == nil {
		delete(l.all, token)
	}
	return err
}

// number returns what a token is in memory, or "" if it is of no lock.
func (l *locks) number(token string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[token].token
}

// Confirm is that of [webdav.LockSystem].
func (c claims) Confirm(now time.Time, name0, name1 string, conditions ...webdav.Condition) (func(), error) {
	var shown []webdav.Condition
	for _, condition := range conditions {
		holds := false
		if condition.ETag != "" {
			is, err := c.visit.look(inside(cmp.Or(name0, name1)))
			holds = err == nil && is.tag() == condition.ETag
		} else if number := c.number(condition.Token); number != "" {
			holds = true
			shown = append(shown, webdav.Condition{Token: number})
		}
		if holds == condition.Not {
			return nil, webdav.ErrConfirmationFailed
		}
	}
	if len(shown) > 0 {
		return c.memory.Confirm(now, name0, name1, shown...)
	}
	// Whoever shows no lock is let through where there is none.
	var held []string
	release := func() {
		for _, number := range held {
			_ = c.memory.Unlock(now, number)
		}
	}
	for _, name := range []string{name0, name1} {
		if name == "" {
			continue
		}
		number, err := c.memory.Create(now, webdav.LockDetails{Root: name, Duration: -1, ZeroDepth: true})
		if err != nil {
			release()
			return nil, webdav.ErrConfirmationFailed
		}
		held = append(held, number)
	}
	return release, nil
}
