package processes_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestErasureReachesTargets though the login is not known any more: the account is found
// by its mark.
func TestErasureReachesTargets(t *testing.T) {
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	account := entitle(c, s, "s", "anna.loom@example.org")
	r := reconciler(c, s, target(at))
	runner := processes.NewRunner(s, quiet, append(r.Processes(), processes.Erasure(s, func(context.Context, domain.PartyID) error { return nil }))...)
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	asWanted(t, c, s, at, "anna.loom@example.org", account)
	execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Service, Through: 1, On: founding, Statutes: c.rules})
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists {
		t.Error("the account is still there")
	}
	if gone := those[provisioning.AccountDeleted](c, s); len(gone) != 1 || gone[0].Account != account || gone[0].On != founding {
		t.Errorf("the receipts are %+v", gone)
	}
}

// A leafer lists an account at a time, and takes a while for each.
type leafer struct{ *memory.Service }

func (s leafer) List(ctx context.Context, cursor string, _ int) (provisioning.Page, error) {
	select {
	case <-ctx.Done():
		return provisioning.Page{}, ctx.Err()
	case <-time.After(20 * time.Second):
		return s.Service.List(ctx, cursor, 1)
	}
}

// TestErasureReachesTargetsThatAreLarge: who is found by their mark alone is looked for as
// long as that takes, and no request takes longer for it.
func TestErasureReachesTargetsThatAreLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		at := memory.New(domain.Mail)
		entitle(c, s, "s", "anna.loom@example.org")
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: leafer{at}})
		runner := processes.NewRunner(s, quiet, append(r.Processes(), processes.Erasure(s, func(context.Context, domain.PartyID) error { return nil }))...)
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range 9 {
			at.Foreign(provisioning.Login(fmt.Sprintf("a%d@example.org", n)))
		}
		execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Service, Through: 1, On: founding, Statutes: c.rules})
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists {
			t.Error("the account is still there")
		}
	})
}

// A talker says of whom it is asked, and deletes nobody until it is mended.
type talker struct {
	*memory.Service
	mended bool
}

func (m *talker) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if !m.mended {
		return provisioning.Observed{}, fault.New(fault.Invalid, "", "%s, alias %v, is not deleted here", want.Login, want.Aliases)
	}
	return m.Service.Delete(ctx, want)
}

// TestErasureReachesWhereDeletionWasGivenUp: a target that has not deleted an account, for it could not or somebody has
// given up on it, does so when its holder is erased; and nothing that is kept of it names them.
func TestErasureReachesWhereDeletionWasGivenUp(t *testing.T) {
	const login, also provisioning.Login = "anna.loom@example.org", "annas@example.org"
	for _, skipped := range []bool{false, true} {
		c := found(t)
		s := c.node()
		at, mirror := memory.New(domain.Mail), &talker{Service: memory.New(domain.Mail)}
		account := entitle(c, s, "s", login)
		if err := c.change(s, func(tx *eventstore.Tx) error { return naming(c, s).AddAlias(tx, account, also) }); err != nil {
			t.Fatal(err)
		}
		r := reconciler(c, s, target(at), processes.Target{Name: "mirror", Service: domain.Mail, At: mirror})
		erasure := processes.Erasure(s, func(context.Context, domain.PartyID) error { return nil })
		settle := func() { // it says what was given up, which is seen below
			_ = processes.NewRunner(s, quiet, append(r.Processes(), erasure)...).CatchUp(as(t.Context()))
		}
		settle()
		execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
		settle()
		if c.observe(at, domain.Mail, login).Exists || !c.observe(mirror.Service, domain.Mail, login).Exists {
			t.Fatal("it is to be deleted here, and not there")
		}
		if skipped {
			if err := r.Skip(as(t.Context()), "mirror", account, "somebody else cares for it"); err != nil {
				t.Fatal(err)
			}
		}
		execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Service, Through: 1, On: founding, Statutes: c.rules})
		settle()
		tries, err := r.Journal(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		given, err := r.Given(t.Context(), "mirror")
		if err != nil || len(given) != 1 {
			t.Fatalf("given up is %+v, %v", given, err)
		}
		if kept := fmt.Sprintf("%+v %+v", tries, given); strings.Contains(kept, string(login)) || strings.Contains(kept, string(also)) {
			t.Errorf("what is kept names them: %s", kept)
		}
		mirror.mended = true
		if err := r.Retry(as(t.Context()), "mirror", account); err != nil {
			t.Fatal(err)
		}
		settle()
		if c.observe(mirror.Service, domain.Mail, login).Exists {
			t.Error("the account is still there")
		}
		if gone := those[provisioning.AccountDeleted](c, s); len(gone) != 2 || gone[1].Target != "mirror" {
			t.Errorf("the receipts are %+v", gone)
		}
	}
}

// TestAnAccountStaysForAWhile when its holder is not entitled to it any more: nobody logs
// in, mail arrives and then is refused, and then it is deleted, with a receipt that says
// when the last backup is gone. Who comes back in time has it as it was.
func TestAnAccountStaysForAWhile(t *testing.T) {
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	account := entitle(c, s, "s", "anna.loom@example.org")
	r := reconciler(c, s, target(at))
	r.Terms.Stay, r.Terms.Mail, r.Terms.Backups = 30, 10, 90
	runner := processes.NewRunner(s, quiet, r.Processes()...)
	on := func(days int, access provisioning.Access, inbound provisioning.Inbound) {
		t.Helper()
		c.setDay(founding.AddDays(days))
		for range 2 {
			if err := r.Daily(as(t.Context())); err != nil {
				t.Fatal(err)
			}
			if err := runner.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = r.Settle(as(t.Context()), "", "")
		}
		switch is := c.observe(at, domain.Mail, "anna.loom@example.org"); {
		case access == provisioning.Absent && is.Exists, access != provisioning.Absent && (!is.Exists || *is.Access != access || *is.Inbound != inbound):
			t.Errorf("after %d days it is %+v", days, is)
		}
		if _, err := r.CheckDrift(as(t.Context()), "mail", func(d processes.Drift) error {
			t.Errorf("after %d days there is drift: %+v", days, d)
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	on(0, provisioning.Active, provisioning.Accept)
	execute(c, s, entitlement.Suspend{Subscription: "s", Service: domain.Mail, On: founding})
	on(0, provisioning.Suspended, provisioning.Accept)
	on(9, provisioning.Suspended, provisioning.Accept)
	on(10, provisioning.Suspended, provisioning.Reject)
	execute(c, s, entitlement.Resume{Subscription: "s", Service: domain.Mail, On: founding.AddDays(12)})
	on(12, provisioning.Active, provisioning.Accept)
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding.AddDays(20)})
	on(20, provisioning.Suspended, provisioning.Accept)
	on(30, provisioning.Suspended, provisioning.Reject)
	on(49, provisioning.Suspended, provisioning.Reject)
	if gone := those[provisioning.AccountDeleted](c, s); len(gone) > 0 {
		t.Errorf("it is said to be deleted: %+v", gone)
	}
	on(50, provisioning.Absent, "")
	if gone := those[provisioning.AccountDeleted](c, s); len(gone) != 1 || gone[0].Account != account || gone[0].On != founding.AddDays(50) || gone[0].Backups != founding.AddDays(140) {
		t.Errorf("the receipt is %+v", gone)
	}
}
