// Package memory is a service without a server: accounts in memory, for trials,
// demonstrations and tests. It keeps the whole contract of provisioning, and can be
// told to have the troubles that services elsewhere have.
package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// scheme is that of the passwords it takes.
const scheme = "BLF-CRYPT"

// hashLength is that of a hash of bcrypt's.
const hashLength = 60

// Trouble is what goes wrong with a call.
type Trouble string

const (
	None     Trouble = ""
	Hangs    Trouble = "hangs"     // nothing happens until the caller has waited enough
	Fails    Trouble = "fails"     // nothing happens, and it may have: an answer 500
	Late     Trouble = "late"      // it happens, and an answer 500 comes
	Lies     Trouble = "lies"      // nothing happens, and the answer is that it has
	Loses    Trouble = "loses"     // it happens, and right after that the account is gone with its data
	Throttle Trouble = "throttles" // nothing happens: too many requests
	Away     Trouble = "away"      // nothing happens: the service is in maintenance
	Denies   Trouble = "denies"    // nothing happens: it does not let us in
)

// Troubles are all of them.
var Troubles = []Trouble{Hangs, Fails, Late, Lies, Loses, Throttle, Away, Denies}

// A Call is what is asked of the service. Of one that looks, the step is
// [provisioning.StepNone]; of one that lists, the login is empty.
type Call struct {
	Step  provisioning.Step
	Login provisioning.Login
}

// Service is accounts in memory. Its methods may be called at once.
type Service struct {
	can provisioning.Capabilities

	mu       sync.Mutex
	trouble  func(Call) Trouble
	accounts map[provisioning.Login]*account
	deleted  map[domain.AccountID]int64 // by which wish
	aliases  map[provisioning.Login]provisioning.Login
	logins   []provisioning.Login // in order, also those that are gone; nil if it lacks some
	taken    map[Call]int
}

type account struct {
	mark      domain.AccountID
	quota     domain.Bytes
	used      domain.Bytes
	suspended bool
	inbound   provisioning.Inbound
	aliases   []provisioning.Login
	apps      []domain.Service
	hash      string
	sessions  int // how often they were ended
	revision  int64
}

// New returns a service that is empty.
func New(service domain.Service, apps ...domain.Service) *Service {
	return &Service{
		can: provisioning.Capabilities{
			Service: service, Suspends: true, Lists: true, Usage: true, Schemes: []string{scheme},
			Inbound: true, Aliases: true, Sessions: true, Purges: true, Moves: true, Apps: apps,
		},
		accounts: map[provisioning.Login]*account{}, deleted: map[domain.AccountID]int64{}, aliases: map[provisioning.Login]provisioning.Login{}, taken: map[Call]int{},
	}
}

// Capabilities says that it can do it all, to the byte.
func (s *Service) Capabilities() provisioning.Capabilities { return s.can }

// SetTrouble has a function say what goes wrong with each call from now on; nil, and
// nothing does. It is not called twice at once.
func (s *Service) SetTrouble(trouble func(Call) Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = trouble
}

// Taken returns how often each step was taken with effect, by login.
func (s *Service) Taken() map[Call]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.taken)
}

// begin lets a call in, or has it meet its trouble. What is returned with no error
// is to be met later on.
func (s *Service) begin(ctx context.Context, step provisioning.Step, refs ...provisioning.Ref) (Trouble, error) {
	if ctx.Err() != nil {
		return None, fault.New(fault.Transient, "", "memory: %w", ctx.Err())
	}
	call := Call{Step: step}
	for _, ref := range refs {
		if _, err := provisioning.ParseLogin(string(ref.Login)); errors.Is(err, provisioning.ErrLogin) || ref.Service != s.can.Service {
			return None, fault.New(fault.Invalid, "", "memory: no account of it: %v", ref)
		}
		call.Login = ref.Login
	}
	s.mu.Lock()
	trouble := None
	if s.trouble != nil {
		trouble = s.trouble(call)
	}
	s.mu.Unlock()
	switch trouble {
	case Hangs:
		<-ctx.Done()
		return None, &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "timeout", Err: ctx.Err()}
	case Fails:
		return None, broken()
	case Throttle:
		return None, &fault.Error{Class: fault.Throttled, Code: "429", RetryAfter: 50 * time.Millisecond}
	case Away:
		return None, fault.New(fault.Unavailable, "503", "memory: in maintenance")
	case Denies:
		return None, fault.New(fault.Denied, "401", "memory: unauthorised")
	case None, Late, Lies, Loses:
	}
	return trouble, nil
}

func broken() error {
	return &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "500"}
}

// Check reports whether it lets us in.
func (s *Service) Check(ctx context.Context) error {
	trouble, err := s.begin(ctx, provisioning.StepNone)
	if err == nil && trouble == Late {
		err = broken()
	}
	return err
}

// Observe looks at one account.
func (s *Service) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	trouble, err := s.begin(ctx, provisioning.StepNone, ref)
	if err == nil && trouble == Late {
		err = broken()
	}
	if err != nil {
		return nothing(ref), err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.observed(ref), nil
}

func nothing(ref provisioning.Ref) provisioning.Observed {
	return provisioning.Observed{Ref: ref, At: time.Now().UTC()}
}

func (s *Service) observed(ref provisioning.Ref) provisioning.Observed {
	a := s.accounts[ref.Login]
	if a == nil {
		return nothing(ref)
	}
	access := provisioning.Active
	if a.suspended {
		access = provisioning.Suspended
	}
	return as(provisioning.Observed{Ref: ref, Account: a.mark, Exists: true, Used: new(a.used)}, access, a.quota, a.inbound, a.aliases, a.apps)
}

func as(is provisioning.Observed, access provisioning.Access, quota domain.Bytes, inbound provisioning.Inbound, aliases []provisioning.Login, apps []domain.Service) provisioning.Observed {
	is.Access, is.Quota, is.Inbound, is.At = &access, &quota, &inbound, time.Now().UTC()
	is.Aliases, is.Apps = append([]provisioning.Login{}, aliases...), append([]domain.Service{}, apps...)
	return is
}

// Ensure makes the account as it is wanted; to one that is there it gives the quota.
func (s *Service) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return nothing(want.Ref), fault.New(fault.Invalid, "", "memory: ensure %s: it shall be absent", want.Account)
	}
	return s.change(ctx, provisioning.StepEnsure, want, func(a *account) *account {
		if a == nil {
			a = &account{
				mark: want.Account, suspended: want.Access == provisioning.Suspended, inbound: inbound(want),
				aliases: want.Aliases, apps: s.switched(want),
			}
		}
		a.quota = want.Quota
		return a
	})
}

func inbound(want provisioning.Desired) provisioning.Inbound {
	if want.Inbound == "" {
		return provisioning.Accept
	}
	return want.Inbound
}

// switched returns those apps of a wish that it switches.
func (s *Service) switched(want provisioning.Desired) (apps []domain.Service) {
	for _, app := range want.Apps {
		if slices.Contains(s.can.Apps, app) {
			apps = append(apps, app)
		}
	}
	return apps
}

// SetQuota gives the account a quota, also one below what it holds.
func (s *Service) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, provisioning.StepQuota, want, func(a *account) { a.quota = want.Quota })
}

// Suspend keeps its holder out.
func (s *Service) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, provisioning.StepSuspend, want, func(a *account) { a.suspended, a.sessions = true, a.sessions+1 })
}

// Resume lets its holder in again.
func (s *Service) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, provisioning.StepResume, want, func(a *account) { a.suspended = false })
}

// SetInbound has mail for the account arrive, or not.
func (s *Service) SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, provisioning.StepInbound, want, func(a *account) { a.inbound = inbound(want) })
}

// SetAliases gives the account these aliases.
func (s *Service) SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, provisioning.StepAliases, want, func(a *account) { a.aliases = slices.Clone(want.Aliases) })
}

// SetApps gives the account these apps.
func (s *Service) SetApps(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, provisioning.StepApps, want, func(a *account) { a.apps = s.switched(want) })
}

// Delete removes the account with all it holds.
func (s *Service) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	want.Access = provisioning.Absent
	return s.change(ctx, provisioning.StepDelete, want, func(*account) *account { return nil })
}

// set changes an account that is there.
func (s *Service) set(ctx context.Context, step provisioning.Step, want provisioning.Desired, to func(*account)) (provisioning.Observed, error) {
	return s.change(ctx, step, want, func(a *account) *account {
		if a != nil {
			to(a)
		}
		return a
	})
}

// change carries out a wish, unless it was overtaken by a later one.
func (s *Service) change(ctx context.Context, step provisioning.Step, want provisioning.Desired, to func(*account) *account) (provisioning.Observed, error) {
	trouble, err := s.begin(ctx, step, want.Ref)
	if err != nil {
		return nothing(want.Ref), err
	}
	if want.Account == "" || want.Quota < provisioning.Unlimited || !want.Inbound.Valid() {
		return nothing(want.Ref), fault.New(fault.Invalid, "", "memory: a wish for account %q of %d bytes, whose mail to %q", want.Account, want.Quota, want.Inbound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.accounts[want.Login]
	revision := s.deleted[want.Account]
	if was != nil {
		revision = was.revision
	}
	switch {
	case was != nil && was.mark != want.Account:
		return nothing(want.Ref), fault.New(fault.Conflict, "", "memory: the account wanted for %s bears the mark %q", want.Account, was.mark)
	case want.Revision < revision:
		return nothing(want.Ref), fault.New(fault.Transient, "stale", "memory: wish %d for %s comes after %d", want.Revision, want.Account, revision)
	case was == nil && step != provisioning.StepEnsure && step != provisioning.StepDelete:
		return nothing(want.Ref), fault.New(fault.Transient, "missing", "memory: %s is not there, or not yet", want.Account)
	}
	if (step == provisioning.StepEnsure && was == nil || step == provisioning.StepAliases) && s.clash(want) {
		return nothing(want.Ref), fault.New(fault.Conflict, "", "memory: an address of %s is another's", want.Account)
	}
	if trouble == Lies {
		if step == provisioning.StepDelete {
			return nothing(want.Ref), nil
		}
		return as(provisioning.Observed{Ref: want.Ref, Account: want.Account, Exists: true}, want.Access, want.Quota, inbound(want), want.Aliases, want.Apps), nil
	}
	s.forget(want.Login)
	s.put(want, to(was))
	s.taken[Call{step, want.Login}]++
	is := s.observed(want.Ref)
	switch trouble {
	case Loses:
		s.forget(want.Login)
	case Late:
		return nothing(want.Ref), broken()
	case None, Hangs, Fails, Lies, Throttle, Away, Denies:
	}
	return is, nil
}

// clash reports whether an address that is wanted for an account is another's.
func (s *Service) clash(want provisioning.Desired) bool {
	addresses := append([]provisioning.Login{want.Login}, want.Aliases...)
	for i, address := range addresses {
		if i > 0 && s.accounts[address] != nil || i > 0 && address == want.Login {
			return true
		}
		if owner, ok := s.aliases[address]; ok && owner != want.Login {
			return true
		}
	}
	return false
}

// forget does away with an account and its addresses.
func (s *Service) forget(login provisioning.Login) {
	if a := s.accounts[login]; a != nil {
		for _, alias := range a.aliases {
			delete(s.aliases, alias)
		}
	}
	delete(s.accounts, login)
}

func (s *Service) put(want provisioning.Desired, a *account) {
	if a == nil {
		s.deleted[want.Account] = want.Revision
		return
	}
	for _, alias := range a.aliases {
		s.aliases[alias] = want.Login
	}
	a.revision = want.Revision
	if _, listed := slices.BinarySearch(s.logins, want.Login); !listed {
		s.logins = nil
	}
	s.accounts[want.Login] = a
}

// SetCredential lets its holder in by a password whose hash is given.
func (s *Service) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	trouble, err := s.begin(ctx, provisioning.StepNone, ref)
	if err != nil {
		return err
	}
	if c.Scheme != scheme {
		return fault.New(fault.Unsupported, "", "memory: passwords hashed by %q: only by %s", c.Scheme, scheme)
	}
	if _, err := bcrypt.Cost([]byte(c.Hash)); err != nil || len(c.Hash) != hashLength {
		return fault.New(fault.Invalid, "", "memory: the hash of a password is none of bcrypt's")
	}
	return s.ours(ref, trouble, func(a *account) { a.hash = c.Hash })
}

// CloseSessions ends the sessions of its holder.
func (s *Service) CloseSessions(ctx context.Context, ref provisioning.Ref) error {
	trouble, err := s.begin(ctx, provisioning.StepNone, ref)
	if err != nil {
		return err
	}
	return s.ours(ref, trouble, func(a *account) { a.sessions++ })
}

func (s *Service) ours(ref provisioning.Ref, trouble Trouble, do func(*account)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[ref.Login]
	switch {
	case a == nil:
		return fault.New(fault.Transient, "missing", "memory: the account is not there, or not yet")
	case a.mark == "":
		return fault.New(fault.Conflict, "", "memory: the account bears no mark: it is not ours")
	case trouble == Lies:
		return nil
	}
	do(a)
	if trouble == Late {
		return broken()
	}
	return nil
}

// StepTakeOver is that of a [Call] by which an account is taken over from elsewhere.
const StepTakeOver provisioning.Step = "take_over"

// Takes reports whether the other node is of this kind too.
func (s *Service) Takes(from provisioning.Source) error {
	if _, ok := from.At.(*Service); !ok {
		return fault.New(fault.Unsupported, "", "memory: %s is no service in memory", from.Node)
	}
	return nil
}

// TakeOver has all that is in an account on another service in memory be here, and by
// what its holder gets in.
func (s *Service) TakeOver(ctx context.Context, want provisioning.Desired, from provisioning.Source) error {
	if err := s.Takes(from); err != nil {
		return err
	}
	trouble, err := s.begin(ctx, StepTakeOver, want.Ref)
	if err != nil {
		return err
	}
	other, _ := from.At.(*Service) // as was seen
	other.mu.Lock()
	source := other.accounts[want.Login]
	if source == nil || source.mark != want.Account {
		other.mu.Unlock()
		return fault.New(fault.Transient, "missing", "memory: %s is not on %s", want.Account, from.Node)
	}
	used, hash := source.used, source.hash
	other.mu.Unlock()
	return s.ours(want.Ref, trouble, func(a *account) { a.used, a.hash = used, hash })
}

// Deliver brings so many bytes of mail into an account, and reports whether it took them.
func (s *Service) Deliver(login provisioning.Login, size domain.Bytes) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[login]
	if a == nil || a.inbound != provisioning.Accept || a.quota != provisioning.Unlimited && a.used+size > a.quota {
		return false
	}
	a.used += size
	return true
}

// Purge says that nothing is left of what is deleted.
func (s *Service) Purge(ctx context.Context, want provisioning.Desired) error {
	if _, err := s.begin(ctx, provisioning.StepNone, want.Ref); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[want.Login]; a != nil && a.mark == want.Account {
		return fault.New(fault.Invalid, "", "memory: %s is not deleted: delete it first", want.Account)
	}
	return nil
}

// List lists all accounts by their login. The cursor is the login of the one before.
func (s *Service) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	trouble, err := s.begin(ctx, provisioning.StepNone)
	if err == nil && trouble == Late {
		err = broken()
	}
	if err != nil {
		return page, err
	}
	if limit < 1 {
		return page, fault.New(fault.Invalid, "", "memory: list %d accounts: at least one", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logins == nil {
		s.logins = slices.Sorted(maps.Keys(s.accounts))
	}
	from, found := slices.BinarySearch(s.logins, provisioning.Login(cursor))
	if found {
		from++
	}
	for _, login := range s.logins[from:] {
		if s.accounts[login] == nil {
			continue
		}
		if len(page.Accounts) == limit {
			page.Next = string(page.Accounts[limit-1].Login)
			break
		}
		page.Accounts = append(page.Accounts, s.observed(provisioning.Ref{Service: s.can.Service, Login: login}))
	}
	return page, nil
}

// Usage says how much some accounts hold.
func (s *Service) Usage(ctx context.Context, refs []provisioning.Ref) (all []provisioning.Observed, err error) {
	if _, err := s.begin(ctx, provisioning.StepNone, refs...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range refs {
		if is := s.observed(ref); is.Exists {
			all = append(all, is)
		}
	}
	return all, nil
}

// Foreign makes an account that bears no mark, as an administrator of the service
// would.
func (s *Service) Foreign(login provisioning.Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins = nil
	s.accounts[login] = &account{quota: provisioning.Unlimited, inbound: provisioning.Accept}
}

// Lose does away with an account past all that knows of it.
func (s *Service) Lose(login provisioning.Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(login)
}

// Meddle gives an account another quota and access past all that knows of it.
func (s *Service) Meddle(login provisioning.Login, quota domain.Bytes, access provisioning.Access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[login]; a != nil {
		a.quota, a.suspended = quota, access == provisioning.Suspended
	}
}

// LogIn returns a session of the holder, or nil if they are not let in.
func (s *Service) LogIn(login, password string) *Session {
	s.mu.Lock()
	a := s.accounts[provisioning.Login(strings.ToLower(login))]
	if a == nil || a.suspended {
		s.mu.Unlock()
		return nil
	}
	session := &Session{s, a, a.sessions}
	hash := a.hash
	s.mu.Unlock()
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
		return nil
	}
	return session
}

// Enter returns a session of the holder, who needs no password and may be suspended;
// nil if there is no such account.
func (s *Service) Enter(login provisioning.Login) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[login]
	if a == nil {
		return nil
	}
	return &Session{s, a, a.sessions}
}

// Session is that of a holder who is let in.
type Session struct {
	service *Service
	account *account
	number  int
}

// Alive reports whether nobody has ended it.
func (s *Session) Alive() bool {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	return s.number == s.account.sessions
}

// Put brings so many bytes more into the account, and reports whether there was room.
func (s *Session) Put(size domain.Bytes) bool {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	if a := s.account; a.quota == provisioning.Unlimited || a.used+size <= a.quota {
		a.used += size
		return true
	}
	return false
}

// Holds returns how many bytes are in the account.
func (s *Session) Holds() domain.Bytes {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	return s.account.used
}
