package provisiontest

import (
	"cmp"
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
	unclean  map[domain.AccountID]bool // what is deleted and not removed
	breaks   bool                      // after each change
}

type box struct {
	mark     domain.AccountID
	quota    domain.Bytes
	locked   bool
	hash     string
	used     domain.Bytes
	revision int64
	inbound  provisioning.Inbound
	aliases  []provisioning.Login
	apps     []domain.Service
	ended    int // how often its sessions were
}

func newMemory(flaw string, can provisioning.Capabilities) *memory {
	can.Service, can.Schemes = domain.Storage, []string{scheme}
	return &memory{can: can, flaw: flaw, accounts: map[provisioning.Login]*box{}, gone: map[domain.AccountID]int64{}, unclean: map[domain.AccountID]bool{}}
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
		Foreign: func(_ testing.TB, l provisioning.Login) {
			m.accounts[l] = &box{quota: provisioning.Unlimited, inbound: provisioning.Accept}
		},
		LogIn: func(_ testing.TB, login, password string) bool { return find(login, password) != nil },
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
		Troubles: []Trouble{{Name: "500 after the effect", Class: fault.Transient, Ambiguous: true, Happens: true, Begin: func(testing.TB) func() {
			m.breaks = true
			return func() { m.breaks = false }
		}}},
		Session: func(_ testing.TB, l provisioning.Login, password string) func() bool {
			b := find(string(l), password)
			ended := b.ended
			return func() bool { return b.ended == ended }
		},
		Receives: func(_ testing.TB, l provisioning.Login) provisioning.Inbound {
			for login, b := range m.accounts {
				if login == l || slices.Contains(b.aliases, l) {
					return b.inbound
				}
			}
			return provisioning.Reject
		},
		Tidy: func(testing.TB) {
			if !m.has("never removes what is deleted") {
				clear(m.unclean)
			}
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
	if m.can.Inbound {
		inbound := b.inbound
		is.Inbound = &inbound
	}
	if m.can.Aliases {
		is.Aliases = append([]provisioning.Login{}, b.aliases...)
	}
	if m.can.Apps != nil && !m.has("does not say what is switched on") {
		is.Apps = append([]domain.Service{}, b.apps...)
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
			time.Sleep(time.Millisecond) // in which others look too: to yield is not always enough
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
	if m.clash(want, b == nil) {
		return provisioning.Observed{}, fault.New(fault.Conflict, "", "memory: an address is another's")
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
		if b != nil {
			m.unclean[want.Account] = true
		}
		delete(m.accounts, want.Login)
	}
	if m.breaks {
		return provisioning.Observed{}, &fault.Error{Class: fault.Transient, Ambiguous: !m.has("is sure of what it does not know"), Code: "500"}
	}
	return m.observe(want.Ref), nil
}

// clash reports whether an address that is wanted is another's.
func (m *memory) clash(want provisioning.Desired, fresh bool) bool {
	if !m.can.Aliases || m.has("gives two one address") || want.Access == provisioning.Absent {
		return false
	}
	for login, b := range m.accounts {
		for _, alias := range want.Aliases {
			if alias == want.Login || login != want.Login && (login == alias || slices.Contains(b.aliases, alias)) {
				return true
			}
		}
		if fresh && slices.Contains(b.aliases, want.Login) {
			return true
		}
	}
	return false
}

// further does something on a further port.
func (m *memory) further(ctx context.Context, can bool, want provisioning.Desired, to func(*box)) (provisioning.Observed, error) {
	if err := m.begin(ctx, want.Ref); err == nil && !can {
		return provisioning.Observed{}, fault.New(fault.Unsupported, "", "memory: it cannot")
	}
	return m.change(ctx, want, func(b *box) *box {
		if b != nil {
			to(b)
		}
		return b
	})
}

func (m *memory) SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if !want.Inbound.Valid() && m.can.Inbound {
		return provisioning.Observed{}, fault.New(fault.Invalid, "", "memory: mail to %q", want.Inbound)
	}
	return m.further(ctx, m.can.Inbound, want, func(b *box) {
		if b.inbound = cmp.Or(want.Inbound, provisioning.Accept); m.has("defers what it is to reject") && b.inbound == provisioning.Reject {
			b.inbound = provisioning.Defer
		}
	})
}

func (m *memory) SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.further(ctx, m.can.Aliases, want, func(b *box) {
		if m.has("keeps aliases") {
			b.aliases = append(b.aliases, want.Aliases...)
			return
		}
		b.aliases = slices.Clone(want.Aliases)
	})
}

func (m *memory) SetApps(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.further(ctx, m.can.Apps != nil, want, func(b *box) {
		if m.has("switches on only") {
			b.apps = append(b.apps, want.Apps...)
			return
		}
		b.apps = slices.DeleteFunc(slices.Clone(want.Apps), func(app domain.Service) bool { return !slices.Contains(m.can.Apps, app) })
	})
}

func (m *memory) CloseSessions(ctx context.Context, ref provisioning.Ref) error {
	if err := m.begin(ctx, ref); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.accounts[ref.Login]
	switch {
	case !m.can.Sessions:
		return fault.New(fault.Unsupported, "", "memory: it cannot")
	case b == nil:
		return fault.New(fault.Transient, "", "memory: not there")
	case b.mark == "":
		return fault.New(fault.Conflict, "", "memory: not ours")
	}
	for login, b := range m.accounts {
		if login == ref.Login && !m.has("ends no session") || m.has("ends all sessions") {
			b.ended++
		}
	}
	return nil
}

func (m *memory) Purge(ctx context.Context, want provisioning.Desired) error {
	if err := m.begin(ctx, want.Ref); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.accounts[want.Login]
	switch {
	case !m.can.Purges:
		return fault.New(fault.Unsupported, "", "memory: it cannot")
	case m.has("removes what is not deleted"):
		delete(m.accounts, want.Login)
	case b != nil && b.mark == want.Account:
		return fault.New(fault.Invalid, "", "memory: it is there")
	case m.unclean[want.Account]:
		return fault.New(fault.Transient, "purging", "memory: not yet")
	}
	return nil
}

func (m *memory) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return provisioning.Observed{}, fault.New(fault.Invalid, "", "memory: absent")
	}
	return m.change(ctx, want, func(b *box) *box {
		switch {
		case b == nil:
			b = &box{mark: want.Account, inbound: provisioning.Accept, aliases: want.Aliases}
		case m.has("makes it anew"):
			b = &box{mark: want.Account, hash: b.hash, inbound: provisioning.Accept}
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
			if b.locked = locked; locked && !m.has("lets who is suspended stay") {
				b.ended++
			}
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

// all is what a service can.
var all = provisioning.Capabilities{
	Suspends: true, Lists: true, Usage: true, Inbound: true, Aliases: true, Sessions: true, Purges: true, Apps: []domain.Service{"calendar", "polls"},
}

func TestServices(t *testing.T) {
	for name, can := range map[string]provisioning.Capabilities{
		"one that can all":           all,
		"one that can little":        {Parallel: 1},
		"one that rounds its quotas": {Suspends: true, Lists: true, Usage: true, QuotaStep: 1000},
	} {
		t.Run(name, func(t *testing.T) { Run(t, newMemory("", can).fixture()) })
	}
}

// TestFlaws shows that the suite finds what it is there to find.
func TestFlaws(t *testing.T) {
	before := patience
	patience = 50 * time.Millisecond
	t.Cleanup(func() { patience = before })
	for _, flaw := range []string{
		"capitals are others", "lets in the suspended", "knows every password", "takes too much", "works on though cancelled",
		"takes an outage for a refusal", "races", "takes what is not its own", "goes back", "makes it anew", "lets in who is ensured",
		"forgets the quota", "takes nothing for no limit", "throws away what is too much", "loses the password when suspended",
		"keeps what was deleted", "matches by pattern", "takes any hash", "keeps the first password", "lists its own only",
		"skips one between pages", "counts what is not there",
		"is sure of what it does not know", "defers what it is to reject", "keeps aliases", "gives two one address", "switches on only",
		"does not say what is switched on", "ends no session", "ends all sessions", "lets who is suspended stay", "removes what is not deleted",
		"never removes what is deleted",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			f := newMemory(flaw, all).fixture()
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
