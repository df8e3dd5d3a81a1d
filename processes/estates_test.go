package processes_test

import (
	"context"
	"errors"
	"testing"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// users tells who uses what, by the log.
type users struct {
	c *coop
	s *eventstore.Store
}

func (u users) SubscriptionsUsedBy(_ context.Context, party domain.PartyID) (all []domain.SubscriptionID, _ error) {
	for _, e := range those[subscription.Started](u.c, u.s) {
		if e.Party == party {
			all = append(all, e.Subscription)
		}
	}
	return all, nil
}

// A mourned is a co-op whose Anna has a mailbox, and a subscription that she uses.
type mourned struct {
	*coop
	s       *eventstore.Store
	at      *memory.Service
	r       *processes.Reconciler
	e       processes.Estates
	account domain.AccountID
}

func mourn(t *testing.T) *mourned {
	t.Helper()
	m := &mourned{coop: found(t), at: memory.New(domain.Mail)}
	m.s = m.node()
	m.r = reconciler(m.coop, m.s, target(m.at))
	m.r.Terms.Stay = 30
	m.e = processes.Estates{Store: m.s, Book: roster{m.coop, m.s}, Used: users{m.coop, m.s}, Hold: 365, Today: m.coop.day}
	m.member(m.s, "anna", 1)
	m.subscribe(m.s, "s", "anna", 10, founding)
	m.account = domain.AccountID(entitlement.IDOf("s", domain.Mail))
	m.pass(founding)
	execute2(m.coop, m.s, provisioning.RequestAccount{
		Account: m.account, Entitlement: domain.EntitlementID(m.account), Party: "anna", Service: domain.Mail, Login: loginIn(m.s, "anna.loom@example.org"), Quota: domain.GB, On: founding,
	})
	m.pass(founding)
	return m
}

// pass has a day come.
func (m *mourned) pass(day calendar.Date) {
	m.Helper()
	m.setDay(day)
	ctx := as(m.Context())
	settle := func() { m.settle(m.s, m.r, processes.Entitlements(m.s, m.coop.day), m.e.Process()) }
	settle()
	for _, daily := range []func(context.Context) error{
		m.e.Daily, func(ctx context.Context) error { return processes.SyncEntitlements(ctx, m.s, "s", day) }, m.r.Daily,
	} {
		if err := daily(ctx); err != nil {
			m.Fatal(err)
		}
	}
	settle()
}

func (m *mourned) is(want provisioning.Access) {
	m.Helper()
	is := m.observe(m.at, domain.Mail, "anna.loom@example.org")
	if is.Exists != (want != provisioning.Absent) || is.Exists && *is.Access != want {
		m.Errorf("on %s there is %+v, want %s", m.coop.day(), is, want)
	}
}

func TestTheAccountsOfTheDeadAreKept(t *testing.T) {
	m := mourn(t)
	m.is(provisioning.Active)
	if err := m.change(m.s, func(tx *eventstore.Tx) error { return m.e.AllowExport(tx, m.account, "why not") }); !errors.Is(err, provisioning.ErrNotHeld) {
		t.Errorf("of somebody who lives, somebody else decides: %v", err)
	}
	learnt := founding.AddDays(40)
	m.setDay(learnt)
	execute(m.coop, m.s, membership.Decease{Party: "anna", On: founding.AddDays(30), LearntOn: learnt, Statutes: m.rules})
	m.pass(learnt)
	m.is(provisioning.Suspended)
	sub := stateOf[subscription.Subscription](m.coop, m.s, subscription.StreamOf("s"))
	if sub.Status(learnt) != subscription.StatusSuspended || sub.Status(learnt.AddDays(-1)) != subscription.StatusActive {
		t.Error("it is charged for")
	}
	for what, err := range map[string]error{
		"a password":           processes.SetPassword(t.Context(), m.s, m.at, m.account, "three or four words"),
		"a change of the name": m.change(m.s, func(tx *eventstore.Tx) error { return naming(m.coop, m.s).AddAlias(tx, m.account, "heirs@example.org") }),
	} {
		if !errors.Is(err, provisioning.ErrHeld) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := m.change(m.s, func(tx *eventstore.Tx) error { return m.e.AllowExport(tx, m.account, "minutes of May 3") }); err != nil {
		t.Error(err)
	}
	// Whatever heirs cancel, nothing is deleted while it is held.
	execute(m.coop, m.s, subscription.Cancel{Subscription: "s", On: learnt, Ends: learnt})
	m.pass(learnt.AddDays(200))
	m.is(provisioning.Suspended)
	if now, known, err := m.r.Wanted(t.Context(), "mail", m.account); err != nil || !known || now.Access != provisioning.Suspended || now.Kept != learnt.AddDays(365) {
		t.Errorf("it is wanted %+v, %v, %v", now, known, err)
	}
	m.pass(learnt.AddDays(365))
	m.is(provisioning.Suspended)
	m.pass(learnt.AddDays(366))
	m.is(provisioning.Absent)
}

func TestWhatIsHeldForLongEnoughEnds(t *testing.T) {
	m := mourn(t)
	execute(m.coop, m.s, membership.Decease{Party: "anna", On: founding, LearntOn: founding, Statutes: m.rules})
	m.pass(founding)
	m.pass(founding.AddDays(365))
	m.is(provisioning.Suspended)
	m.pass(founding.AddDays(366))
	sub := stateOf[subscription.Subscription](m.coop, m.s, subscription.StreamOf("s"))
	if sub.Ends() != founding.AddDays(366) {
		t.Errorf("it ends on %s", sub.Ends())
	}
	m.pass(founding.AddDays(367))
	m.is(provisioning.Suspended) // as with anybody who leaves
	if now, known, err := m.r.Wanted(t.Context(), "mail", m.account); err != nil || !known || now.Kept != founding.AddDays(396) {
		t.Errorf("in the stay it is wanted %+v, %v, %v", now, known, err)
	}
	m.pass(founding.AddDays(397))
	m.is(provisioning.Absent)
	if now, _, err := m.r.Wanted(t.Context(), "mail", m.account); err != nil || now.Access != provisioning.Absent || !now.Kept.IsZero() {
		t.Errorf("after it it is wanted %+v, %v", now, err)
	}
}

func TestADeathThatWasNoneGivesAccountsBack(t *testing.T) {
	m := mourn(t)
	execute(m.coop, m.s, membership.Decease{Party: "anna", On: founding, LearntOn: founding, Statutes: m.rules})
	m.pass(founding)
	m.is(provisioning.Suspended)
	day := founding.AddDays(100)
	m.setDay(day)
	execute(m.coop, m.s, membership.RevokeEnd{Party: "anna", On: day, Why: "another of the same name"})
	m.pass(day)
	m.pass(day)
	m.is(provisioning.Active)
	if err := processes.SetPassword(t.Context(), m.s, m.at, m.account, "three or four words"); err != nil {
		t.Error(err)
	}
	if held := those[provisioning.AccountHeld](m.coop, m.s); len(held) != 1 {
		t.Errorf("%+v", held)
	}
}

// TestWhatTheDeadWereGivenEndsToo: part of what somebody else pays, and gifts, which nobody cancels.
func TestWhatTheDeadWereGivenEndsToo(t *testing.T) {
	m := mourn(t)
	m.member(m.s, "carl", 2)
	execute2(m.coop, m.s, subscription.Link{Subscription: "s", Link: "l", Party: "carl", GB: 3, On: founding})
	m.member(m.s, "dora", 3)
	execute(m.coop, m.s, entitlement.Give{Subscription: "g", Gift: "g", Party: "dora", Service: domain.Mail, Quota: gb, On: founding, From: founding})
	m.settle(m.s, m.r, processes.Entitlements(m.s, m.coop.day))
	for id, party := range map[domain.SubscriptionID]domain.PartyID{"l": "carl", "g": "dora"} {
		account := entitlement.IDOf(id, domain.Mail)
		execute2(m.coop, m.s, provisioning.RequestAccount{
			Account: domain.AccountID(account), Entitlement: account, Party: party, Service: domain.Mail,
			Login: loginIn(m.s, provisioning.Login(party+".loom@example.org")), Quota: gb, On: founding,
		})
	}
	pass := func(day calendar.Date) {
		t.Helper()
		m.pass(day)
		for _, id := range []domain.SubscriptionID{"l", "g"} {
			if err := processes.SyncEntitlements(as(t.Context()), m.s, id, day); err != nil {
				t.Fatal(err)
			}
		}
		m.pass(day)
	}
	are := func(want provisioning.Access) {
		t.Helper()
		for _, login := range []provisioning.Login{"carl.loom@example.org", "dora.loom@example.org"} {
			if is := m.observe(m.at, domain.Mail, login); is.Exists != (want != provisioning.Absent) || is.Exists && *is.Access != want {
				t.Errorf("on %s %s is %+v, not %s", m.coop.day(), login, is, want)
			}
		}
	}
	pass(founding)
	are(provisioning.Active)
	for _, party := range []domain.PartyID{"carl", "dora"} {
		execute(m.coop, m.s, membership.Decease{Party: party, On: founding, LearntOn: founding, Statutes: m.rules})
	}
	for _, days := range []int{0, 365, 366, 367, 396} {
		pass(founding.AddDays(days))
		are(provisioning.Suspended)
	}
	pass(founding.AddDays(397))
	are(provisioning.Absent)
	m.is(provisioning.Active)
	if of := stateOf[subscription.Subscription](m.coop, m.s, subscription.StreamOf("s")); of.Given(m.coop.day()) != 0 {
		t.Error("who pays has not all of it back")
	}
}

// TestMailOfTheDeadArrivesForATime: it is withheld since the death is known, however long its holder had the account.
func TestMailOfTheDeadArrivesForATime(t *testing.T) {
	m := mourn(t)
	m.r.Terms.Mail = 30
	learnt := founding.AddDays(100)
	m.setDay(learnt)
	execute(m.coop, m.s, membership.Decease{Party: "anna", On: learnt, LearntOn: learnt, Statutes: m.rules})
	inbound := func(want provisioning.Inbound) {
		t.Helper()
		if is := m.observe(m.at, domain.Mail, "anna.loom@example.org"); !is.Exists || is.Inbound == nil || *is.Inbound != want {
			t.Errorf("on %s mail is not to %s: %+v", m.coop.day(), want, is)
		}
	}
	m.settle(m.s, m.r, m.e.Process()) // what they are entitled to follows later
	m.is(provisioning.Suspended)
	inbound(provisioning.Accept)
	m.pass(learnt.AddDays(29))
	inbound(provisioning.Accept)
	m.pass(learnt.AddDays(30))
	inbound(provisioning.Reject)
	// What ends then is withheld as before: no mail arrives anew.
	execute(m.coop, m.s, subscription.Cancel{Subscription: "s", On: m.coop.day(), Ends: m.coop.day()})
	m.pass(learnt.AddDays(31))
	inbound(provisioning.Reject)
}

// TestWhatBeginsAfterADeathIsHeld: a subscription that was to begin later costs nothing, and nobody logs in by it.
func TestWhatBeginsAfterADeathIsHeld(t *testing.T) {
	m := mourn(t)
	m.subscribe(m.s, "later", "anna", 10, founding.AddDays(10))
	execute(m.coop, m.s, membership.Decease{Party: "anna", On: founding, LearntOn: founding, Statutes: m.rules})
	m.pass(founding)
	begins := founding.AddDays(10)
	state := func() subscription.Subscription {
		return stateOf[subscription.Subscription](m.coop, m.s, subscription.StreamOf("later"))
	}
	if state().Status(begins) != subscription.StatusSuspended {
		t.Error("what was to begin later is charged for")
	}
	m.setDay(begins)
	account := entitlement.IDOf("later", domain.Mail)
	execute2(m.coop, m.s, provisioning.RequestAccount{
		Account: domain.AccountID(account), Entitlement: account, Party: "anna", Service: domain.Mail, Login: loginIn(m.s, "anna.loom2@example.org"), Quota: gb, On: begins,
	})
	m.pass(begins)
	if _, held := stateOf[provisioning.Account](m.coop, m.s, provisioning.StreamOf(domain.AccountID(account))).Held(); !held {
		t.Error("an account that was requested after the death is not held")
	}
	m.setDay(begins.AddDays(5))
	execute(m.coop, m.s, membership.RevokeEnd{Party: "anna", On: m.coop.day(), Why: "another of the same name"})
	m.pass(m.coop.day())
	if state().Status(m.coop.day()) != subscription.StatusActive {
		t.Error("it does not go on after a death that was none")
	}
}

// TestADeathThatWasNoneGivesBackNoMore than it took: what was suspended for another reason stays so.
func TestADeathThatWasNoneGivesBackNoMore(t *testing.T) {
	m := mourn(t)
	execute(m.coop, m.s, subscription.Suspend{Subscription: "s", Reason: subscription.Unpaid, On: founding})
	execute(m.coop, m.s, membership.Decease{Party: "anna", On: founding, LearntOn: founding, Statutes: m.rules})
	m.pass(founding)
	execute(m.coop, m.s, membership.RevokeEnd{Party: "anna", On: founding, Why: "another of the same name"})
	m.pass(founding)
	m.is(provisioning.Suspended)
	if _, held := stateOf[provisioning.Account](m.coop, m.s, provisioning.StreamOf(m.account)).Held(); held {
		t.Error("it is held still")
	}
}

// TestWhoIsExcludedKeepsTheirSubscription, until that is decided too: then the account stays as that of anybody who leaves.
func TestWhoIsExcludedKeepsTheirSubscription(t *testing.T) {
	m := mourn(t)
	day := founding.AddDays(40)
	m.setDay(day)
	rules := m.rules
	rules.Membership.Exclusion.AnswerMonths, rules.Membership.Exclusion.AnswerDays = 0, 0
	execute(m.coop, m.s, membership.DecideExclusion{
		Party: "anna", Excluded: true, Reasons: "took the till", Decision: membership.Decision{By: rules.Membership.ExcludedBy(), On: day, Minutes: "9"}, Statutes: rules,
	})
	m.pass(day)
	m.is(provisioning.Active)
	execute(m.coop, m.s, subscription.Cancel{Subscription: "s", On: day, Ends: day})
	m.pass(day.AddDays(1))
	m.is(provisioning.Suspended)
	m.pass(day.AddDays(30))
	m.is(provisioning.Suspended)
	m.pass(day.AddDays(31))
	m.is(provisioning.Absent)
}
