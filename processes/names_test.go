package processes_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

func naming(c *coop, s *eventstore.Store) processes.Naming {
	return processes.Naming{Store: s, Domains: []string{"example.org", "example.net"}, Rest: 730, Aliases: 2, Today: c.day}
}

// named is called the same by everybody.
type named struct{}

func (named) NamesOf(context.Context, domain.PartyID) ([]string, error) {
	return []string{"Anna", "Loom"}, nil
}

// change changes names, in one transaction.
func (c *coop) change(s *eventstore.Store, do func(*eventstore.Tx) error) error {
	_, err := eventstore.Transact(as(c.Context()), s, do)
	return err
}

func TestAliasesReachTheMailbox(t *testing.T) {
	c, s, at, r, account := metered(t)
	n := naming(c, s)
	aliases := func() []provisioning.Login {
		return c.observe(at, domain.Mail, "anna.loom@example.org").Aliases
	}
	// What is there past us is let be, until its holder says something of it.
	if _, err := at.SetAliases(t.Context(), provisioning.Desired{
		Ref: provisioning.Ref{Service: domain.Mail, Login: "anna.loom@example.org"}, Account: account, Revision: 3, Aliases: []provisioning.Login{"by.hand@example.org"},
	}); err != nil {
		t.Fatal(err)
	}
	execute(c, s, entitlement.Change{Subscription: "s", Service: domain.Mail, Quota: 2 * domain.GB, From: founding})
	c.settle(s, r)
	if got := aliases(); !slices.Equal(got, []provisioning.Login{"by.hand@example.org"}) {
		t.Errorf("there are %v", got)
	}
	for _, alias := range []provisioning.Login{"anna@example.net", "a.loom@example.org"} {
		if err := c.change(s, func(tx *eventstore.Tx) error { return n.AddAlias(tx, account, alias) }); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := r.Plan(t.Context(), "mail")
	c.settle(s, r)
	if err != nil || len(plan) != 0 {
		t.Errorf("before the process has heard of it, there is %+v, %v", plan, err)
	}
	got := aliases()
	slices.Sort(got)
	if !slices.Equal(got, []provisioning.Login{"a.loom@example.org", "anna@example.net"}) {
		t.Errorf("there are %v", got)
	}
	set := those[provisioning.AliasesSet](c, s)
	if len(set) != 1 || set[0].Aliases != 2 {
		t.Errorf("%+v", set)
	}
	// One that somebody adds by hand is drift, and goes.
	if _, err := at.SetAliases(t.Context(), provisioning.Desired{
		Ref: provisioning.Ref{Service: domain.Mail, Login: "anna.loom@example.org"}, Account: account, Revision: set[0].Revision, Aliases: []provisioning.Login{"by.hand@example.org"},
	}); err != nil {
		t.Fatal(err)
	}
	var found []processes.Drift
	if _, err := r.CheckDrift(as(t.Context()), "mail", func(d processes.Drift) error {
		found = append(found, d)
		return r.Mend(as(t.Context()), d, false)
	}); err != nil || len(found) != 1 || found[0].Step != provisioning.StepAliases {
		t.Errorf("%+v, %v", found, err)
	}
	c.settle(s, r)
	if got := aliases(); len(got) != 2 || len(those[provisioning.AccountRepaired](c, s)) != 1 {
		t.Errorf("mended, there are %v", got)
	}
	if err := c.change(s, func(tx *eventstore.Tx) error { return n.RemoveAlias(tx, account, "anna@example.net") }); err != nil {
		t.Fatal(err)
	}
	c.settle(s, r)
	if got := aliases(); !slices.Equal(got, []provisioning.Login{"a.loom@example.org"}) {
		t.Errorf("there are %v", got)
	}
}

func TestNamesRestAfterTheirAccounts(t *testing.T) {
	c, s, at, r, account := metered(t)
	n := naming(c, s)
	if err := c.change(s, func(tx *eventstore.Tx) error { return n.AddAlias(tx, account, "anna@example.net") }); err != nil {
		t.Fatal(err)
	}
	c.settle(s, r, n.Process())
	for _, login := range []provisioning.Login{"anna.loom@example.org", "anna.loom@example.net", "anna@example.org", "anna@example.net"} {
		if err := n.Available(as(t.Context()), "zoe", login); !errors.Is(err, provisioning.ErrNameTaken) && !errors.Is(err, provisioning.ErrLoginTaken) {
			t.Errorf("%s can be had by another: %v", login, err)
		}
	}
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	c.settle(s, r, n.Process())
	if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists {
		t.Fatalf("it is not gone: %+v", is)
	}
	for _, login := range []provisioning.Login{"anna.loom@example.org", "anna.loom@example.net", "anna@example.net"} {
		if err := n.Available(as(t.Context()), "zoe", login); !errors.Is(err, provisioning.ErrLoginResting) {
			t.Errorf("%s does not rest: %v", login, err)
		}
		if err := n.Available(as(t.Context()), "anna", login); err != nil {
			t.Errorf("who had %s has it no more: %v", login, err)
		}
	}
	// Whom the process gives a name meanwhile gets another; who had it gets it back.
	accounts := processes.Accounts(s, named{}, "example.org", c.day)
	for id, party := range map[domain.SubscriptionID]domain.PartyID{"z": "zoe", "a": "anna"} {
		execute(c, s, entitlement.Grant{Subscription: id, Party: party, Service: domain.Mail, Quota: domain.GB, From: founding})
	}
	c.settle(s, r, n.Process(), accounts)
	for id, want := range map[domain.SubscriptionID]provisioning.Login{"z": "anna.loom2@example.org", "a": "anna.loom@example.org"} {
		account := stateOf[provisioning.Account](c, s, provisioning.StreamOf(domain.AccountID(entitlement.IDOf(id, domain.Mail))))
		if login, _ := account.Login(); login != want {
			t.Errorf("%s has %s, not %s", id, login, want)
		}
	}
	c.setDay(founding.AddDays(730))
	if err := n.Available(as(t.Context()), "zoe", "anna@example.net"); err != nil {
		t.Errorf("it rests for too long: %v", err)
	}
	if err := n.Available(as(t.Context()), "zoe", "anna.loom@example.net"); !errors.Is(err, provisioning.ErrNameTaken) {
		t.Errorf("whose name it is again, it is not: %v", err)
	}
}

// TestNamesThatWereGivenBefore names were held are held, of two who have one the first's.
func TestNamesThatWereGivenBefore(t *testing.T) {
	c := found(t)
	s := c.node()
	n := naming(c, s)
	entitle(c, s, "s", "anna.loom@example.org")
	execute(c, s, entitlement.Grant{Subscription: "z", Party: "zoe", Service: domain.Storage, Quota: domain.GB, From: founding})
	of := entitlement.IDOf("z", domain.Storage)
	execute2(c, s, provisioning.RequestAccount{
		Account: domain.AccountID(of), Entitlement: of, Party: "zoe", Service: domain.Storage, Login: loginIn(s, "anna.loom@example.org"), Quota: domain.GB, On: founding,
	})
	r := reconciler(c, s, target(memory.New(domain.Mail)))
	c.settle(s, r, n.Process())
	for party, want := range map[domain.PartyID]error{"anna": nil, "zoe": provisioning.ErrNameTaken, "eve": provisioning.ErrNameTaken} {
		if err := n.Available(as(t.Context()), party, "anna.loom@example.net"); !errors.Is(err, want) {
			t.Errorf("%s: %v", party, err)
		}
	}
	if held := those[provisioning.NameHeld](c, s); len(held) != 1 || held[0].Party != "anna" {
		t.Errorf("%+v", held)
	}
}
