package provisiontest

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// memory is a service of the simplest sort, and may have a flaw.
type memory struct {
	can  provisioning.Capabilities
	flaw string
	away bool

	mu       sync.Mutex
	accounts map[provisioning.Login]*box
	gone     map[domain.AccountID]int64
}

type box struct {
	mark     domain.AccountID
	quota    domain.Bytes
	locked   bool
	hash     string
	used     domain.Bytes
	revision int64
}

func newMemory(flaw string, can provisioning.Capabilities) *memory {
	can.Service, can.Schemes = domain.Storage, []string{scheme}
	return &memory{can: can, flaw: flaw, accounts: map[provisioning.Login]*box{}, gone: map[domain.AccountID]int64{}}
}

func (m *memory) fixture() Fixture {
	find := func(login, password string) *box {
		if m.has("capitals are others") {
			login = strings.ToUpper(login[:1]) + login[1:]
		} else {
			login = strings.ToLower(login)
		}
		b := m.accounts[provisioning.Login(login)]
		if b == nil || b.locked && !m.has("lets in the suspended") || !m.has("knows every password") && !opens(b.hash, password) {
			return nil
		}
		return b
	}
	return Fixture{
		Port: m, Domain: "example.org", Ordered: true,
		Foreign: func(_ testing.TB, l provisioning.Login) { m.accounts[l] = &box{quota: provisioning.Unlimited} },
		LogIn:   func(_ testing.TB, login, password string) bool { return find(login, password) != nil },
		Put: func(_ testing.TB, l provisioning.Login, password string, size int) bool {
			b := find(string(l), password)
			if b == nil || b.quota != provisioning.Unlimited && b.used+domain.Bytes(size) > b.quota && !m.has("takes too much") {
				return false
			}
			b.used += domain.Bytes(size)
			return true
		},
		Holds: func(_ testing.TB, l provisioning.Login, password string) int {
			if b := find(string(l), password); b != nil {
				return int(b.used)
			}
			return -1
		},
		Outage: func(testing.TB) func() {
			m.away = true
			return func() { m.away = false }
		},
	}
}

// verdicts are what was found out of a hash and a password already.
var verdicts sync.Map

func opens(hash, password string) bool {
	known, done := verdicts.Load([2]string{hash, password})
	if !done {
		known = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
		verdicts.Store([2]string{hash, password}, known)
	}
	return known.(bool)
}

func (m *memory) has(flaw string) bool { return m.flaw == flaw }

func (m *memory) Capabilities() provisioning.Capabilities { return m.can }

func (m *memory) Check(ctx context.Context) error { return m.begin(ctx) }

func (m *memory) begin(ctx context.Context, refs ...provisioning.Ref) error {
	if ctx.Err() != nil && !m.has("works on though cancelled") {
		return fault.New(fault.Transient, "", "memory: %w", ctx.Err())
	}
	if m.away {
		return fault.New(map[bool]fault.Class{true: fault.Denied, false: fault.Unavailable}[m.has("takes an outage for a refusal")], "", "memory: away")
	}
	for _, r := range refs {
		if r.Service != m.can.Service || r.Login == "" || strings.ToLower(string(r.Login)) != string(r.Login) && !m.has("capitals are others") {
			return fault.New(fault.Invalid, "", "memory: %v", r)
		}
	}
	return nil
}

func (m *memory) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	if err := m.begin(ctx, ref); err != nil {
		return provisioning.Observed{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.observe(ref), nil
}

func (m *memory) observe(ref provisioning.Ref) provisioning.Observed {
	is := provisioning.Observed{Ref: ref, At: time.Now().UTC()}
	b := m.accounts[ref.Login]
	if b == nil {
		return is
	}
	is.Exists, is.Account = true, b.mark
	quota := b.quota
	if step := m.can.QuotaStep; step > 1 && quota > 0 {
		quota = (quota + step/2) / step * step
	}
	is.Quota = &quota
	if m.can.Suspends {
		access := provisioning.Active
		if b.locked {
			access = provisioning.Suspended
		}
		is.Access = &access
	}
	if m.can.Usage {
		used := b.used
		is.Used = &used
	}
	return is
}

func (m *memory) change(ctx context.Context, want provisioning.Desired, to func(*box) *box) (provisioning.Observed, error) {
	if err := m.begin(ctx, want.Ref); err != nil {
		return provisioning.Observed{}, err
	}
	if want.Quota < provisioning.Unlimited || want.Account == "" {
		return provisioning.Observed{}, fault.New(fault.Invalid, "", "memory: %v", want)
	}
	if m.has("races") {
		if is, _ := m.Observe(ctx, want.Ref); !is.Exists {
			runtime.Gosched()
			m.mu.Lock()
			delete(m.accounts, want.Login) // of whoever was faster
			m.mu.Unlock()
		}
	}
	return m.locked(want, to)
}

func (m *memory) locked(want provisioning.Desired, to func(*box) *box) (provisioning.Observed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.accounts[want.Login]
	if b != nil && b.mark != want.Account && !m.has("takes what is not its own") {
		return provisioning.Observed{}, fault.New(fault.Conflict, "", "memory: %q", b.mark)
	}
	if (b != nil && want.Revision < b.revision || want.Revision < m.gone[want.Account]) && !m.has("goes back") {
		return provisioning.Observed{}, fault.New(fault.Transient, "", "memory: %d is late", want.Revision)
	}
	next := to(b)
	if next == nil && b == nil && want.Access != provisioning.Absent {
		return provisioning.Observed{}, fault.New(fault.Transient, "", "memory: not there")
	}
	if next != nil {
		next.revision = want.Revision
		m.accounts[want.Login] = next
	} else {
		m.gone[want.Account] = want.Revision
		delete(m.accounts, want.Login)
	}
	return m.observe(want.Ref), nil
}

func (m *memory) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return provisioning.Observed{}, fault.New(fault.Invalid, "", "memory: absent")
	}
	return m.change(ctx, want, func(b *box) *box {
		switch {
		case b == nil:
			b = &box{mark: want.Account}
		case m.has("makes it anew"):
			b = &box{mark: want.Account, hash: b.hash}
		case m.has("lets in who is ensured"):
			b.locked = false
		}
		if b.quota == 0 || !m.has("forgets the quota") {
			b.quota = want.Quota
		}
		return b
	})
}

func (m *memory) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, func(b *box) *box {
		if b != nil {
			b.quota = want.Quota
			if m.has("takes nothing for no limit") && want.Quota == 0 {
				b.quota = provisioning.Unlimited
			}
			if m.has("throws away what is too much") && b.quota >= 0 {
				b.used = min(b.used, b.quota)
			}
		}
		return b
	})
}

func (m *memory) lock(ctx context.Context, want provisioning.Desired, locked bool) (provisioning.Observed, error) {
	if err := m.begin(ctx, want.Ref); err == nil && !m.can.Suspends {
		return provisioning.Observed{}, fault.New(fault.Unsupported, "", "memory: suspend")
	}
	return m.change(ctx, want, func(b *box) *box {
		if b != nil {
			b.locked = locked
			if m.has("loses the password when suspended") {
				b.hash = ""
			}
		}
		return b
	})
}

func (m *memory) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.lock(ctx, want, true)
}

func (m *memory) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.lock(ctx, want, false)
}

func (m *memory) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	want.Access = provisioning.Absent
	if m.has("matches by pattern") {
		for l := range m.accounts {
			if strings.HasPrefix(string(want.Login), "b_b") && strings.HasPrefix(string(l), "bxb") {
				delete(m.accounts, l)
			}
		}
	}
	return m.change(ctx, want, func(b *box) *box {
		if m.has("keeps what was deleted") {
			return b
		}
		return nil
	})
}

func (m *memory) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := m.begin(ctx, ref); err != nil {
		return err
	}
	if c.Scheme != scheme {
		return fault.New(fault.Unsupported, "", "memory: %s", c.Scheme)
	}
	if len(c.Hash) != 60 && !m.has("takes any hash") {
		return fault.New(fault.Invalid, "", "memory: no hash")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.accounts[ref.Login]
	switch {
	case b == nil:
		return fault.New(fault.Transient, "", "memory: not there")
	case b.mark == "" && !m.has("takes what is not its own"):
		return fault.New(fault.Conflict, "", "memory: not ours")
	case b.hash == "" || !m.has("keeps the first password"):
		b.hash = c.Hash
	}
	return nil
}

func (m *memory) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := m.begin(ctx); err != nil {
		return page, err
	}
	if !m.can.Lists {
		return page, fault.New(fault.Unsupported, "", "memory: list")
	}
	if limit < 1 {
		return page, fault.New(fault.Invalid, "", "memory: %d", limit)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var logins []string
	for l, b := range m.accounts {
		if string(l) > cursor && (b.mark != "" || !m.has("lists its own only")) {
			logins = append(logins, string(l))
		}
	}
	slices.Sort(logins)
	if len(logins) > limit {
		page.Next = logins[limit-1]
		if m.has("skips one between pages") {
			page.Next = logins[limit]
		}
		logins = logins[:limit]
	}
	for _, l := range logins {
		page.Accounts = append(page.Accounts, m.observe(provisioning.Ref{Service: m.can.Service, Login: provisioning.Login(l)}))
	}
	return page, nil
}

func (m *memory) Usage(ctx context.Context, refs []provisioning.Ref) (all []provisioning.Observed, err error) {
	if err := m.begin(ctx, refs...); err != nil {
		return nil, err
	}
	if !m.can.Usage {
		return nil, fault.New(fault.Unsupported, "", "memory: usage")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range refs {
		if is := m.observe(r); is.Exists || m.has("counts what is not there") {
			all = append(all, is)
		}
	}
	return all, nil
}

func TestServices(t *testing.T) {
	for name, can := range map[string]provisioning.Capabilities{
		"one that can all":           {Suspends: true, Lists: true, Usage: true},
		"one that can little":        {Parallel: 1},
		"one that rounds its quotas": {Suspends: true, Lists: true, Usage: true, QuotaStep: 1000},
	} {
		t.Run(name, func(t *testing.T) { Run(t, newMemory("", can).fixture()) })
	}
}

// TestFlaws shows that the suite finds what it is there to find.
func TestFlaws(t *testing.T) {
	patience = 50 * time.Millisecond
	t.Cleanup(func() { patience = 20 * time.Second })
	for _, flaw := range []string{
		"capitals are others", "lets in the suspended", "knows every password", "takes too much", "works on though cancelled",
		"takes an outage for a refusal", "races", "takes what is not its own", "goes back", "makes it anew", "lets in who is ensured",
		"forgets the quota", "takes nothing for no limit", "throws away what is too much", "loses the password when suspended",
		"keeps what was deleted", "matches by pattern", "takes any hash", "keeps the first password", "lists its own only",
		"skips one between pages", "counts what is not there",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			f := newMemory(flaw, provisioning.Capabilities{Suspends: true, Lists: true, Usage: true}).fixture()
			for _, p := range promises {
				watch := &watched{TB: t}
				done := make(chan struct{})
				go func() {
					defer close(done)
					p.keep(f.account(watch))
				}()
				if <-done; watch.failed {
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// watched is a test of which only is seen whether it failed.
type watched struct {
	testing.TB
	failed bool
}

func (w *watched) Error(...any)          { w.failed = true }
func (w *watched) Errorf(string, ...any) { w.failed = true }
func (w *watched) Fatal(...any)          { w.failed = true; runtime.Goexit() }
func (w *watched) Fatalf(string, ...any) { w.failed = true; runtime.Goexit() }
