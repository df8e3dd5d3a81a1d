package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
	"pgregory.net/rapid"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
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
		Account: domain.AccountID(of), Entitlement: of, Party: "anna", Service: domain.Mail, Login: login, Quota: domain.GB, On: founding,
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

// asWanted makes sure that an account is as it is wanted, on the service and in the log.
func asWanted(t interface {
	Helper()
	Errorf(string, ...any)
}, c *coop, s *eventstore.Store, at *service, login provisioning.Login, account domain.AccountID,
) {
	t.Helper()
	subscription, _ := entitlement.Of(domain.EntitlementID(account))
	wanted := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf(subscription))[domain.Mail]
	known := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
	is, there := at.accounts[login]
	if trouble, any := known.Trouble(); any {
		t.Errorf("there is trouble: %+v", trouble)
	}
	switch wanted.Status {
	case entitlement.StatusRevoked:
		if there || known.Status() != provisioning.StatusDeleted {
			t.Errorf("revoked, and there is %+v, known to be %s", is, known.Status())
		}
	case entitlement.StatusActive, entitlement.StatusSuspended:
		suspended := wanted.Status == entitlement.StatusSuspended
		if !there || is.quota != wanted.Quota || is.suspended != suspended || known.Quota() != wanted.Quota ||
			(known.Status() == provisioning.StatusSuspended) != suspended || known.Status() == provisioning.StatusDeleted {
			t.Errorf("%+v is wanted; there is %+v, known to be %s with %d", wanted, is, known.Status(), known.Quota())
		}
	}
}

// TestAccountsComeToWhatIsWanted however often the service fails, before it has done
// something or after, and whichever nodes see to it.
func TestAccountsComeToWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := found(t)
		s := c.node()
		at := newService(domain.Mail)
		const login = "anna.loom@example.org"
		account := entitle(c, s, "s", login)
		faults := map[error]bool{}
		at.fails = func(step provisioning.Step) (before, after error) {
			err := error(fault.New(fault.Transient, "503", "%s: not now", step))
			faults[err] = true
			switch rapid.IntRange(0, 5).Draw(rt, string(step)) {
			case 0:
				return err, nil
			case 1:
				return nil, err
			}
			return nil, nil
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			if n := rapid.IntRange(-6, 6).Draw(rt, "change"); n >= 0 {
				if _, err := eventstore.Execute(as(t.Context()), s, changes("s", n)); err != nil {
					if _, refused := errors.AsType[domain.Refusal](err); !refused {
						rt.Fatal(err)
					}
				}
				continue
			}
			node := s
			if rapid.Bool().Draw(rt, "another node") {
				node = c.node()
			}
			err := processes.Reconcile(as(t.Context()), node, at, account)
			if is, classed := errors.AsType[*fault.Error](err); err != nil && (!classed || !faults[error(is)]) {
				rt.Fatal(err)
			}
			known := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
			if trouble, any := known.Trouble(); known.Status() != provisioning.StatusDeleted && any != (err != nil) || any && trouble.Parked {
				rt.Errorf("after %v the trouble is %+v", err, trouble)
			}
		}
		at.fails = nil
		if err := processes.Reconcile(as(t.Context()), s, at, account); err != nil {
			rt.Fatal(err)
		}
		asWanted(rt, c, s, at, login, account)
		head, _ := s.Log.Head(t.Context())
		done := len(at.done)
		if err := processes.Reconcile(as(t.Context()), c.node(), at, account); err != nil {
			rt.Fatal(err)
		}
		if after, _ := s.Log.Head(t.Context()); after != head || len(at.done) != done {
			rt.Errorf("what is as wanted was done again: %v", at.done[done:])
		}
	})
}

func TestAccountsThatAreNotOurs(t *testing.T) {
	c := found(t)
	s := c.node()
	at := newService(domain.Mail)
	at.accounts["anna.loom@example.org"] = &box{account: "somebody's", quota: 7}
	account := entitle(c, s, "s", "anna.loom@example.org")
	for range 2 {
		err := processes.Reconcile(as(t.Context()), s, at, account)
		if class, _ := fault.ClassOf(err); class != fault.Conflict || !errors.Is(err, provisioning.ErrForeign) {
			t.Errorf("an account of somebody else's: %v", err)
		}
	}
	if b := at.accounts["anna.loom@example.org"]; *b != (box{account: "somebody's", quota: 7}) {
		t.Errorf("it was changed to %+v", b)
	}
	if failed := those[provisioning.Failed](c, s); len(failed) != 1 || !failed[0].Parked || failed[0].Class != string(fault.Conflict) {
		t.Errorf("the trouble is told as %+v", failed)
	}
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	if err := processes.Reconcile(as(t.Context()), s, at, account); err != nil {
		t.Error(err)
	}
	if len(at.accounts) != 1 {
		t.Error("what is not ours was deleted")
	}
	if err := processes.Reconcile(as(t.Context()), s, at, "mail/nobody's"); err != nil {
		t.Errorf("what nobody asked for: %v", err)
	}
	if at.looked > 3 {
		t.Errorf("the service was looked at %d times", at.looked)
	}
}

// TestProvisioningIsTriedAgain, in growing distances; what lasts is a dead letter,
// which is replayed once its reason is gone.
func TestProvisioningIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		at := newService(domain.Mail)
		var tries []time.Time
		denied := true
		at.fails = func(step provisioning.Step) (before, after error) {
			switch {
			case step == provisioning.StepEnsure && len(tries) < 4:
				tries = append(tries, time.Now())
				return nil, fault.New(fault.Transient, "504", "gateway timeout") // though it is done
			case step == provisioning.StepQuota && denied:
				return fault.New(fault.Denied, "403", "not you"), nil
			}
			return nil, nil
		}
		runner := processes.NewRunner(s, quiet, processes.Provisioning(s, domain.Mail, at), processes.Provisioning(s, domain.Storage, newService(domain.Storage)))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			runner.Run(ctx)
			close(done)
		}()
		account := entitle(c, s, "s", "anna.loom@example.org")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		asWanted(t, c, s, at, "anna.loom@example.org", account)
		if len(tries) != 1 {
			t.Errorf("what was done already was done %d times", len(tries))
		}
		if failed := those[provisioning.Failed](c, s); len(failed) != 1 || failed[0].Step != provisioning.StepEnsure || failed[0].Code != "504" || failed[0].Parked {
			t.Errorf("the trouble is told as %+v", failed)
		}
		execute(c, s, entitlement.Change{Subscription: "s", Service: domain.Mail, Quota: 2 * domain.GB, From: founding})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		letters, err := runner.DeadLetters(ctx, "provisioning-mail")
		if err != nil || len(letters) != 1 || letters[0].Class != "denied" || letters[0].Type != "entitlement.quota_changed" || !strings.Contains(letters[0].Error, "not you") {
			t.Fatalf("dead letters %+v, %v", letters, err)
		}
		if trouble, any := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)).Trouble(); !any || !trouble.Parked || trouble.Step != provisioning.StepQuota {
			t.Errorf("the trouble is %+v", trouble)
		}
		denied = false
		if err := runner.Replay(as(ctx), "provisioning-mail", letters[0].Position); err != nil {
			t.Error(err)
		}
		asWanted(t, c, s, at, "anna.loom@example.org", account)
		if letters, err := runner.DeadLetters(ctx, ""); err != nil || len(letters) > 0 {
			t.Errorf("dead letters %+v, %v", letters, err)
		}
		stop()
		<-done
		_ = s.Log.Close()
		synctest.Wait()
	})
}

func TestPasswordsStayOutOfTheLog(t *testing.T) {
	c := found(t)
	s := c.node()
	at := newService(domain.Mail)
	account := entitle(c, s, "s", "anna.loom@example.org")
	if err := processes.Reconcile(as(t.Context()), s, at, account); err != nil {
		t.Fatal(err)
	}
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
		for _, service := range domain.Services {
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
	for _, service := range domain.Services {
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
	mail, storage := newService(domain.Mail), newService(domain.Storage)
	runner := processes.NewRunner(s, quiet,
		processes.Entitlements(s, c.day), processes.Accounts(s, names{"anna": {"Anna", "Loom"}}, "example.org", c.day),
		processes.Provisioning(s, domain.Mail, mail), processes.Provisioning(s, domain.Storage, storage))
	c.subscribe(s, "s", "anna", 10, founding)
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, at := range []*service{mail, storage} {
		b, there := at.accounts["anna.loom@example.org"]
		if want := map[domain.Service]domain.Bytes{domain.Mail: 2 * domain.GB, domain.Storage: 8 * domain.GB}[at.of]; !there || len(at.accounts) != 1 || b.quota != want {
			t.Errorf("%s has %+v", at.of, b)
		}
	}
	if status, err := runner.Status(t.Context()); err != nil || len(status) != 4 || status[0].Position == 0 {
		t.Errorf("%+v, %v", status, err)
	}
}
