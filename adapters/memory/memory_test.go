package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/adapters/provisiontest"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// trouble has all calls meet it, until it ends.
func trouble(s *memory.Service, what memory.Trouble) func(testing.TB) func() {
	return func(testing.TB) func() {
		s.SetTrouble(func(memory.Call) memory.Trouble { return what })
		return func() { s.SetTrouble(nil) }
	}
}

func TestContract(t *testing.T) {
	s := memory.New(domain.Storage, "calendar", "polls")
	provisiontest.Run(t, provisiontest.Fixture{
		Port: s, Domain: "example.org", Ordered: true,
		Foreign: func(_ testing.TB, l provisioning.Login) { s.Foreign(l) },
		LogIn:   func(_ testing.TB, login, password string) bool { return s.LogIn(login, password) != nil },
		Put: func(t testing.TB, l provisioning.Login, password string, size int) bool {
			return session(t, s, l, password).Put(domain.Bytes(size))
		},
		Holds: func(t testing.TB, l provisioning.Login, password string) int {
			return int(session(t, s, l, password).Holds())
		},
		Session: func(t testing.TB, l provisioning.Login, password string) func() bool {
			return session(t, s, l, password).Alive
		},
		Outage: trouble(s, memory.Away),
		Troubles: []provisiontest.Trouble{
			{Name: "500", Begin: trouble(s, memory.Fails), Class: fault.Transient, Ambiguous: true},
			{Name: "500 after the effect", Begin: trouble(s, memory.Late), Class: fault.Transient, Ambiguous: true, Happens: true},
			{Name: "too many requests", Begin: trouble(s, memory.Throttle), Class: fault.Throttled},
			{Name: "maintenance", Begin: trouble(s, memory.Away), Class: fault.Unavailable},
			{Name: "denied", Begin: trouble(s, memory.Denies), Class: fault.Denied},
		},
	})
}

func session(t testing.TB, s *memory.Service, l provisioning.Login, password string) *memory.Session {
	t.Helper()
	in := s.LogIn(string(l), password)
	if in == nil {
		t.Fatalf("%s is not let in", l)
	}
	return in
}

// TestTroubles shows what each trouble does to an account, which is what a service
// that has it does.
func TestTroubles(t *testing.T) {
	for what, see := range map[memory.Trouble]struct {
		class   fault.Class // empty: it says that it is done
		happens bool
	}{
		memory.Hangs: {fault.Transient, false}, memory.Fails: {fault.Transient, false}, memory.Late: {fault.Transient, true},
		memory.Lies: {"", false}, memory.Loses: {"", false}, memory.Throttle: {fault.Throttled, false},
		memory.Away: {fault.Unavailable, false}, memory.Denies: {fault.Denied, false},
	} {
		t.Run(string(what), func(t *testing.T) {
			s := memory.New(domain.Mail)
			want := provisioning.Desired{
				Ref: provisioning.Ref{Service: domain.Mail, Login: "anna@example.org"}, Account: "a1", Revision: 1,
				Access: provisioning.Active, Quota: domain.GB,
			}
			s.SetTrouble(func(call memory.Call) memory.Trouble {
				if call != (memory.Call{Step: provisioning.StepEnsure, Login: want.Login}) {
					t.Errorf("asked is %v", call)
				}
				return what
			})
			ctx := t.Context()
			if what == memory.Hangs {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 10*time.Millisecond)
				defer cancel()
			}
			is, err := s.Ensure(ctx, want)
			if class, _ := fault.ClassOf(err); class != see.class {
				t.Errorf("it fails with %v", err)
			}
			if what == memory.Hangs && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if err == nil && !provisioning.Done(provisioning.StepEnsure, want, is, s.Capabilities()) {
				t.Errorf("it says that it is done: %+v", is)
			}
			s.SetTrouble(nil)
			if is, err := s.Observe(t.Context(), want.Ref); err != nil || is.Exists != see.happens {
				t.Errorf("it is there: %v, %v", is.Exists, err)
			}
			if n := s.Taken()[memory.Call{Step: provisioning.StepEnsure, Login: want.Login}]; (n == 1) != (see.happens || what == memory.Loses) {
				t.Errorf("it was made %d times", n)
			}
		})
	}
	if len(memory.Troubles) != 8 {
		t.Error("a trouble is not tried")
	}
}

// TestHand shows that what is done past the program is seen.
func TestHand(t *testing.T) {
	s := memory.New(domain.Mail)
	ref := provisioning.Ref{Service: domain.Mail, Login: "anna@example.org"}
	want := provisioning.Desired{Ref: ref, Account: "a1", Revision: 1, Access: provisioning.Active, Quota: domain.GB}
	if _, err := s.Ensure(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	s.Meddle(ref.Login, 5, provisioning.Suspended)
	is, err := s.Observe(t.Context(), ref)
	if err != nil || *is.Quota != 5 || *is.Access != provisioning.Suspended {
		t.Errorf("%+v, %v", is, err)
	}
	s.Lose(ref.Login)
	if is, err := s.Observe(t.Context(), ref); err != nil || is.Exists {
		t.Errorf("%+v, %v", is, err)
	}
	if page, err := s.List(t.Context(), "", 10); err != nil || len(page.Accounts) > 0 {
		t.Errorf("%+v, %v", page, err)
	}
}
