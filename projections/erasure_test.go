package projections_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
	"rochdale/projections"
)

// secrets are what is known of a guest, in lower case.
var secrets = []string{"zyxomma", "quokkavitch", "narwhal", "1987-02-28", "87022811122", "q.zyx@", "+32 499 98 76 54", "zyxo.quokka@", "fjord 12", "guest.invoices@"}

// welcome has a guest known by all that is kept of anybody.
func welcome(t testing.TB, s *eventstore.Store) {
	t.Helper()
	ctx := as(t.Context())
	id := entitlement.IDOf("s-guest", domain.Mail)
	eur := money.New(500, "EUR")
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		err := eventstore.Do(tx, membership.ChangeIdentity{Party: "guest", On: day, Identity: membership.Identity{
			FirstName: "Zyxomma", LastName: "Quokkavitch", Street: "Narwhal 9", City: "Gent", BirthDate: calendar.On(1987, 2, 28), NationalNumber: "87022811122",
		}})
		if err == nil {
			err = eventstore.Do(tx, membership.ChangeContact{Party: "guest", On: day, Contact: membership.Contact{Email: "Q.Zyx@example.org", Phone: "+32 499 98 76 54"}})
		}
		if err == nil {
			err = eventstore.Do2(tx, provisioning.RequestAccount{
				Account: domain.AccountID(id), Entitlement: id, Party: "guest", Service: domain.Mail, Login: provisioning.Login("zyxo.quokka@example.org").Named(sealed.Digests{}), Quota: domain.GB, On: day,
			})
		}
		if err == nil {
			err = eventstore.Do2(tx, billing.IssueInvoice{
				Invoice: "i-guest", Series: "A", Month: day.Month(), Payer: "guest", On: day.AddMonths(1), TermDays: 30, IncludeVAT: true, Language: domain.French, StatutesVersion: 1,
				Recipient: billing.Recipient{Name: "Zyxomma Quokkavitch", Street: "Fjord 12", Email: "guest.invoices@example.org"},
				Charges: []billing.Charge{{
					Kind: "plan", Description: "Nubo, 10 GB", Plan: "nubo", GB: 10, Period: calendar.Period{From: day, Through: day},
					Quantity: decimal.NewFromInt(1), UnitPrice: eur.Decimal(), Amount: eur, Category: billing.Standard, Rate: decimal.NewFromInt(21),
				}},
			})
		}
		return err
	})
	must(t, err)
}

// erase erases all that is known of the guest, but leaves the keys to whoever
// destroys them, and returns the position.
func erase(t testing.TB, s *eventstore.Store) (position int64) {
	t.Helper()
	inForce := rules()
	inForce.Version = 1
	for _, class := range sealed.Classes {
		var err error
		position, err = eventstore.Execute(as(t.Context()), s, membership.ErasePersonalData{Party: "guest", Class: class, Through: 1, On: day, Statutes: inForce})
		must(t, err)
	}
	return position
}

// stir changes others, so that SQLite moves rows about.
func stir(t testing.TB, s *eventstore.Store) {
	t.Helper()
	_, err := eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) error {
		for n := range 100 {
			i := identityN(n)
			i.Organisation, i.Street = "", strings.Repeat("long ", n%20)+"lane"
			if err := eventstore.Do(tx, membership.ChangeIdentity{Party: partyN(n), Identity: i, On: day}); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
}

// found returns which secrets are in the files of a folder.
func found(t testing.TB, dir string) (there []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has gone meanwhile
		}
		data = bytes.ToLower(data)
		for _, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				there = append(there, secret+" in "+filepath.Base(name))
			}
		}
	}
	return there
}

// forgotten makes sure that nobody who asks hears of the guest.
func forgotten(t testing.TB, m *projections.Models) {
	t.Helper()
	ctx := t.Context()
	if g, known, err := m.Member(ctx, "guest"); err != nil || !known || g != (projections.Member{ID: "guest", Kind: membership.Person}) {
		t.Errorf("the guest is %+v, %v", g, err)
	}
	for _, search := range []string{"zyxomma", "Quokkavitch", "q.zyx@example.org", "zyx"} {
		if l, err := m.Members(ctx, projections.MemberFilter{Search: search}, projections.ByName, projections.Page{}); err != nil || l.Total > 0 {
			t.Errorf("%q finds %+v, %v", search, l.Items, err)
		}
	}
	if l, err := m.MembersByEmail(ctx, "q.zyx@example.org"); err != nil || len(l) > 0 {
		t.Errorf("by the address %+v is found, %v", l, err)
	}
	if i, known, err := m.Invoice(ctx, "i-guest"); err != nil || !known || i.Recipient != nil || !i.Gross.IsPositive() {
		t.Errorf("the invoice is %+v, %v", i, err)
	}
	if l, err := m.AccountsOf(ctx, "guest"); err != nil || len(l) != 1 || l[0].Login != "" {
		t.Errorf("the accounts are %+v, %v", l, err)
	}
	if i, _, err := m.Invoice(ctx, "i0-1"); err != nil || i.Recipient == nil || i.Recipient.Name != identityN(1).Name() {
		t.Errorf("another's invoice is %+v, %v", i, err)
	}
}

// revealed reports whether a node can still read who the guest is in the log.
func revealed(t testing.TB, s *eventstore.Store) bool {
	t.Helper()
	for rec, err := range s.Log.Stream(t.Context(), membership.StreamOf("guest"), 0) {
		must(t, err)
		event, err := s.Decode(t.Context(), rec)
		must(t, err)
		if changed, is := event.(membership.IdentityChanged); is {
			_, yes := changed.Identity.Reveal()
			return yes
		}
	}
	t.Fatal("the guest is not in the log")
	return false
}

func TestErasedLeavesNothing(t *testing.T) {
	d := new(eventstore.Memory)
	s, reading := nodeOf(d, &clock{began}), nodeOf(d, nil)
	populate(t, s, 200, true)
	dir := t.TempDir()
	m := open(t, dir, s)
	stop := run(t, m)
	other := open(t, dir, reading) // another process, as it were
	stopOther := run(t, other)
	must(t, os.WriteFile(filepath.Join(dir, "views-00000000cafe-1.db"), []byte("Zyxomma, of other code"), 0o600))
	welcome(t, s)
	stir(t, s)
	must(t, m.WaitFor(bounded(t), speak(t, s, 3, domain.German)))
	for _, secret := range secrets {
		if !strings.Contains(strings.Join(found(t, dir), "\n"), secret) {
			t.Fatalf("%s is nowhere, so that nothing can be seen of its erasure", secret)
		}
	}
	if !revealed(t, s) || !revealed(t, reading) {
		t.Fatal("nobody could read who the guest is")
	}

	position := erase(t, s)
	must(t, m.WaitFor(bounded(t), position))
	forgotten(t, m)
	must(t, other.WaitFor(bounded(t), position))
	forgotten(t, other)
	if revealed(t, s) || revealed(t, reading) {
		t.Error("a node still reads in the log what was erased")
	}
	soon(t, "nothing is left in the files", func() bool { return len(found(t, dir)) == 0 })
	verified(t, m)
	stir(t, s)
	must(t, m.Rebuild(t.Context(), nil))
	stop()
	stopOther()
	must(t, m.Close())
	must(t, other.Close())
	if left := found(t, dir); len(left) > 0 {
		t.Errorf("after a rebuild there is %v", left)
	}

	later := nodeOf(d, nil)
	m = open(t, dir, later)
	must(t, m.CatchUp(t.Context()))
	forgotten(t, m)
	if revealed(t, later) {
		t.Error("a node that is started later reads what was erased, as long as its key is there")
	}
	m = open(t, t.TempDir(), nodeOf(d, nil))
	must(t, m.CatchUp(t.Context()))
	forgotten(t, m)
	if left := found(t, filepath.Dir(m.Path())); len(left) > 0 {
		t.Errorf("in files made anew there is %v", left)
	}
}

// TestErasedLeavesNothingThoughKilled: before what is left was tidied away.
func TestErasedLeavesNothingThoughKilled(t *testing.T) {
	d := new(eventstore.Memory)
	s := nodeOf(d, &clock{began})
	populate(t, s, 200, true)
	m := open(t, t.TempDir(), s)
	welcome(t, s)
	stir(t, s)
	must(t, m.Apply(t.Context()))
	erase(t, s)
	must(t, m.Apply(t.Context()))
	dir := t.TempDir()
	m.CopyFiles(t, dir)
	if len(found(t, dir)) == 0 {
		t.Fatal("nothing was left, so that nothing can be seen of its tidying")
	}
	m = open(t, dir, nodeOf(d, nil))
	if !m.Untidy() {
		t.Error("nobody knows that something is left")
	}
	run(t, m)
	soon(t, "nothing is left in the files", func() bool { return len(found(t, dir)) == 0 })
	soon(t, "it is known to be tidy", func() bool { return !m.Untidy() })
	forgotten(t, m)
	verified(t, m)
}

// TestCatchingUpTidies, for whoever does not run for long.
func TestCatchingUpTidies(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 200, true)
	dir := t.TempDir()
	m := open(t, dir, s)
	welcome(t, s)
	must(t, m.CatchUp(t.Context()))
	erase(t, s)
	must(t, m.CatchUp(t.Context()))
	must(t, m.Close())
	if left := found(t, dir); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}
