package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// A service is one on which accounts are provisioned, in memory, and which can be told
// to fail: before it does something, or after it has.
type service struct {
	mu       sync.Mutex
	of       domain.Service
	accounts map[provisioning.Login]*box
	fails    func(step provisioning.Step) (before, after error)
	looked   int // how often it was looked at
	done     []provisioning.Step
}

type box struct {
	account   domain.AccountID
	quota     domain.Bytes
	suspended bool
	password  string
	revision  int64
}

func (s *service) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{Service: s.of, Suspends: true, Lists: true, Usage: true, Schemes: []string{"BLF-CRYPT"}}
}

func (s *service) Check(context.Context) error { return nil }

func (s *service) Observe(_ context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked++
	if s.fails != nil {
		if before, after := s.fails(provisioning.StepNone); before != nil || after != nil {
			return provisioning.Observed{}, errors.Join(before, after)
		}
	}
	return s.observed(ref), nil
}

func (s *service) observed(ref provisioning.Ref) provisioning.Observed {
	is := provisioning.Observed{Ref: ref, At: time.Now()}
	if b, ok := s.accounts[ref.Login]; ok {
		access := provisioning.Active
		if b.suspended {
			access = provisioning.Suspended
		}
		is.Exists, is.Account, is.Quota, is.Access = true, b.account, &b.quota, &access
	}
	return is
}

// do does something to an account of ours, and refuses what is older than what was
// done before.
func (s *service) do(step provisioning.Step, want provisioning.Desired, change func(b *box)) (provisioning.Observed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var before, after error
	if s.fails != nil {
		before, after = s.fails(step)
	}
	if before != nil {
		return provisioning.Observed{}, before
	}
	b := s.accounts[want.Login]
	switch {
	case b == nil && step == provisioning.StepEnsure:
		b = &box{account: want.Account}
		s.accounts[want.Login] = b
	case b == nil && step == provisioning.StepDelete:
		return s.observed(want.Ref), after
	case b == nil:
		return provisioning.Observed{}, fault.New(fault.Transient, "404", "there is no %s", want.Login)
	case b.account != want.Account:
		return provisioning.Observed{}, fault.New(fault.Conflict, "409", "%s is not ours", want.Login)
	}
	if want.Revision >= b.revision {
		b.revision = want.Revision
		change(b)
		s.done = append(s.done, step)
	}
	if after != nil {
		return provisioning.Observed{}, after
	}
	return s.observed(want.Ref), nil
}

func (s *service) Ensure(_ context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.do(provisioning.StepEnsure, want, func(b *box) { b.quota = want.Quota })
}

func (s *service) SetQuota(_ context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.do(provisioning.StepQuota, want, func(b *box) { b.quota = want.Quota })
}

func (s *service) Suspend(_ context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.do(provisioning.StepSuspend, want, func(b *box) { b.suspended = true })
}

func (s *service) Resume(_ context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.do(provisioning.StepResume, want, func(b *box) { b.suspended = false })
}

func (s *service) Delete(_ context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.do(provisioning.StepDelete, want, func(*box) { delete(s.accounts, want.Login) })
}

func (s *service) SetCredential(_ context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.accounts[ref.Login]; ok {
		b.password = c.Hash
		return nil
	}
	return fault.New(fault.Transient, "404", "there is no %s", ref.Login)
}

func (s *service) List(context.Context, string, int) (provisioning.Page, error) {
	return provisioning.Page{}, nil
}

func (s *service) Usage(context.Context, []provisioning.Ref) ([]provisioning.Observed, error) {
	return nil, nil
}

func newService(of domain.Service) *service {
	return &service{of: of, accounts: map[provisioning.Login]*box{}}
}

// entitle grants somebody mail by a subscription, and requests the account.
func entitle(c *coop, s *eventstore.Store, id domain.SubscriptionID, login provisioning.Login) domain.AccountID {
	c.Helper()
	execute(c, s, entitlement.Grant{Subscription: id, Party: "anna", Service: domain.Mail, Quota: domain.GB, From: founding})
	of := entitlement.IDOf(id, domain.Mail)
	execute2(c, s, provisioning.RequestAccount{
		Account: domain.AccountID(of), Entitlement: of, Party: "anna", Service: domain.Mail, Login: loginIn(s, login), Quota: domain.GB, On: founding,
	})
	return domain.AccountID(of)
}

// changes are those that happen to an entitlement.
func changes(id domain.SubscriptionID, n int) domain.Command[entitlement.Entitlements] {
	switch n {
	case 0:
		return entitlement.Suspend{Subscription: id, Service: domain.Mail, On: founding}
	case 1:
		return entitlement.Resume{Subscription: id, Service: domain.Mail, On: founding}
	case 2:
		return entitlement.Revoke{Subscription: id, Service: domain.Mail, On: founding}
	}
	return entitlement.Change{Subscription: id, Service: domain.Mail, Quota: domain.Bytes(n) * domain.GB, From: founding}
}

func TestPasswordsStayOutOfTheLog(t *testing.T) {
	c := found(t)
	s := c.node()
	at := newService(domain.Mail)
	account := entitle(c, s, "s", "anna.loom@example.org")
	at.accounts["anna.loom@example.org"] = &box{account: account}
	head, _ := s.Log.Head(t.Context())
	for password, want := range map[string]error{
		"short": processes.ErrPassword, strings.Repeat("é", 14): processes.ErrPassword, strings.Repeat("x", 73): processes.ErrPassword,
		"three or four words": nil, strings.Repeat("é", 36): nil,
	} {
		if err := processes.SetPassword(t.Context(), s, at, account, password); !errors.Is(err, want) {
			t.Errorf("%q: %v", password, err)
		}
		if want == nil && bcrypt.CompareHashAndPassword([]byte(at.accounts["anna.loom@example.org"].password), []byte(password)) != nil {
			t.Errorf("%q does not let anybody in", password)
		}
	}
	if after, _ := s.Log.Head(t.Context()); after != head {
		t.Error("a password is an event")
	}
	for _, id := range []domain.AccountID{"mail/nobody's"} {
		if err := processes.SetPassword(t.Context(), s, at, id, "three or four words"); !errors.Is(err, provisioning.ErrUnknown) {
			t.Errorf("of nobody's account: %v", err)
		}
	}
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	if err := processes.SetPassword(t.Context(), s, at, account, "three or four words"); !errors.Is(err, provisioning.ErrUnknown) {
		t.Errorf("of an account that is to go: %v", err)
	}
}

// names are those that a read model would know.
type names map[domain.PartyID][]string

func (n names) NamesOf(_ context.Context, p domain.PartyID) ([]string, error) { return n[p], nil }

// logins returns the logins that were asked for, by account.
func logins(c *coop, s *eventstore.Store) map[domain.AccountID]provisioning.Login {
	all := map[domain.AccountID]provisioning.Login{}
	for _, e := range those[provisioning.AccountRequested](c, s) {
		all[e.Account], _ = e.Login.Reveal()
	}
	return all
}

func TestAccountsAreAskedForUnderFreeNames(t *testing.T) {
	c := found(t)
	s := c.node()
	called := names{
		"anna": {"Anna", "Lée"}, "twin": {"Anna", "Lee"}, "third": {"anna", "lee"}, "info": {"Info"}, "xu": {"許"}, "none": nil,
	}
	day := func() calendar.Date { return founding }
	for i, p := range []domain.PartyID{"anna", "twin", "third", "info", "xu", "none"} {
		for _, service := range []domain.Service{domain.Mail, domain.Storage} {
			execute(c, s, entitlement.Grant{
				Subscription: domain.SubscriptionID(fmt.Sprint("s", i)), Party: p, Service: service, Quota: domain.GB, From: founding,
			})
		}
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			node := c.node()
			accounts := processes.Accounts(node, called, "example.org", day)
			for _, granted := range those[entitlement.Granted](c, node) {
				if err := accounts.Handle(eventstore.As(t.Context(), "process/accounts"), eventstore.Record{}, granted); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := logins(c, s)
	if len(got) != 12 || len(those[provisioning.AccountRequested](c, s)) != 12 {
		t.Fatalf("%d accounts: %v", len(got), got)
	}
	for _, service := range []domain.Service{domain.Mail, domain.Storage} {
		var of []string
		for i := range 6 {
			of = append(of, string(got[domain.AccountID(entitlement.IDOf(domain.SubscriptionID(fmt.Sprint("s", i)), service))]))
		}
		if seen := slices.Compact(slices.Sorted(slices.Values(of))); len(seen) != 6 {
			t.Errorf("of %s some have one login: %v", service, of)
		}
		slices.Sort(of[:3])
		if want := []string{"anna.lee2@example.org", "anna.lee3@example.org", "anna.lee@example.org"}; !slices.Equal(of[:3], want) {
			t.Errorf("of %s they are %v", service, of)
		}
		if of[3] != "info2@example.org" && !strings.HasPrefix(of[3], "member") || !strings.HasPrefix(of[4], "member.xu") || !strings.HasPrefix(of[5], "member.none") {
			t.Errorf("of %s they are %v", service, of)
		}
	}
	if err := processes.NewRunner(s, quiet, processes.Accounts(s, called, "example.org", day)).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(those[provisioning.AccountRequested](c, s)); n != 12 {
		t.Errorf("told again, %d accounts were asked for", n)
	}
}

// TestFromSubscriptionToMailbox has all processes work together.
func TestFromSubscriptionToMailbox(t *testing.T) {
	c := found(t)
	s := c.node()
	mail, storage := memory.New(domain.Mail), memory.New(domain.Storage)
	r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: mail}, processes.Target{Name: "storage", Service: domain.Storage, At: storage})
	runner := processes.NewRunner(s, quiet, append(r.Processes(),
		processes.Entitlements(s, c.day), processes.Accounts(s, names{"anna": {"Anna", "Loom"}}, "example.org", c.day))...)
	c.subscribe(s, "s", "anna", 10, founding)
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for service, at := range map[domain.Service]*memory.Service{domain.Mail: mail, domain.Storage: storage} {
		is := c.observe(at, service, "anna.loom@example.org")
		if want := map[domain.Service]domain.Bytes{domain.Mail: 2 * domain.GB, domain.Storage: 8 * domain.GB}[service]; !is.Exists || *is.Quota != want {
			t.Errorf("%s has %+v", service, is)
		}
	}
	if status, err := runner.Status(t.Context()); err != nil || len(status) != 4 || status[0].Position == 0 || status[0].Waiting > 0 {
		t.Errorf("%+v, %v", status, err)
	}
}

// TestAppsAreUsedWithTheAccountOfStorage: they are switched there, and where there is a
// target for one, it has an account of its own as well.
func TestAppsAreUsedWithTheAccountOfStorage(t *testing.T) {
	c := found(t)
	s := c.node()
	storage, polls := memory.New(domain.Storage, domain.Calendar, domain.Polls), memory.New(domain.Polls)
	r := reconciler(c, s, processes.Target{Name: "storage", Service: domain.Storage, At: storage}, processes.Target{Name: "polls", Service: domain.Polls, At: polls})
	runner := processes.NewRunner(s, quiet, append(r.Processes(),
		processes.Entitlements(s, c.day), processes.Accounts(s, names{"anna": {"Anna", "Loom"}}, "example.org", c.day, domain.Polls))...)
	list := c.prices
	list.Plans = slices.Clone(list.Plans)
	with := func(apps ...domain.Service) {
		t.Helper()
		list.Plans[0].Services = slices.DeleteFunc(slices.Clone(c.prices.Plans[0].Services), func(g offering.Grant) bool { return g.Service.App() })
		for _, app := range apps {
			list.Plans[0].Services = append(list.Plans[0].Services, offering.Grant{Service: app})
		}
		version := stateOf[offering.Offering](c, s, offering.Stream).Version() + 1
		execute(c, s, offering.Publish{Version: version, On: founding, From: founding, List: list})
		if err := processes.SyncEntitlements(as(t.Context()), s, "s", founding); err != nil {
			t.Fatal(err)
		}
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sees := func(what string, want ...domain.Service) {
		t.Helper()
		is := c.observe(storage, domain.Storage, "anna.loom@example.org")
		if got := slices.Sorted(slices.Values(is.Apps)); !is.Exists || !slices.Equal(got, want) {
			t.Errorf("%s: %+v", what, is)
		}
	}
	c.subscribe(s, "s", "anna", 10, founding)
	with()
	sees("none was ever granted")
	with(domain.Polls, domain.Calendar, domain.Visio)
	sees("those that it can switch", domain.Calendar, domain.Polls)
	if is := c.observe(polls, domain.Polls, "anna.loom@example.org"); !is.Exists || *is.Quota != provisioning.Unlimited || *is.Access != provisioning.Active {
		t.Errorf("the account of polls is %+v", is)
	}
	with(domain.Calendar)
	sees("the list grants one no more", domain.Calendar)
	if is := c.observe(polls, domain.Polls, "anna.loom@example.org"); !is.Exists || *is.Access != provisioning.Suspended {
		t.Errorf("the account of polls is %+v", is)
	}
	with(domain.Calendar, domain.Polls)
	sees("it grants it again", domain.Calendar, domain.Polls)
	execute(c, s, entitlement.Suspend{Subscription: "s", Service: domain.Calendar, On: founding})
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	sees("one is withheld", domain.Polls)
	for call := range storage.Taken() {
		if call.Step == provisioning.StepSuspend || call.Step == provisioning.StepDelete {
			t.Errorf("for an app, somebody was kept out: %+v", call)
		}
	}
}
