package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/internal/mailtest"
	"rochdale/processes"
)

// TestMailComesUnderTheAddressesOfAnAccount, by Postfix and Dovecot, as long as it has them.
func TestMailComesUnderTheAddressesOfAnAccount(t *testing.T) {
	g := founded(t, 1)
	tables, path := mailtest.SQLite(t)
	g.Mailboxes, g.NameDays, g.Aliases = "sqlite:"+path, 730, 5
	account := domain.AccountID(entitlement.IDOf("s0000", domain.Mail))
	const password = "three or four words"
	err := withServices(t.Context(), g, quiet(), func(h *house, services *services) error {
		reconciler := h.reconciler(services)
		runner := h.runner(reconciler, mailtest.Domain)
		settle := func() {
			t.Helper()
			if err := runner.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := h.models.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		server := mailtest.Start(t, tables)
		if err := (processes.Credentials{Store: h.store, Targets: services.targets}).SetPassword(t.Context(), account, password); err != nil {
			return err
		}
		a, _, err := h.models.Account(t.Context(), account)
		if err != nil {
			return err
		}
		names := h.naming(mailtest.Domain)
		change := func(do func(tx *eventstore.Tx) error) {
			t.Helper()
			if _, err := eventstore.Transact(asCLI(t.Context()), h.store, do); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		const further, chosen = provisioning.Login("further@" + mailtest.Domain), provisioning.Login("chosen@" + mailtest.Domain)
		if err := server.Send(string(further), "too early", 100); !errors.Is(err, mailtest.ErrRefused) {
			t.Errorf("mail to nobody: %v", err)
		}
		change(func(tx *eventstore.Tx) error { return names.AddAlias(tx, account, further) })
		change(func(tx *eventstore.Tx) error { return names.Rename(tx, account, chosen) })
		for _, to := range []provisioning.Login{further, chosen, a.Login} {
			if err := server.Send(string(to), "to "+to.Local(), 100); err != nil {
				t.Errorf("mail to %s: %v", to, err)
			}
		}
		box, err := server.LogIn(string(a.Login), password)
		if err != nil {
			return err
		}
		defer box.Close()
		want := []string{"to further", "to chosen", "to " + a.Login.Local()}
		slices.Sort(want)
		for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			subjects := box.Subjects(t)
			if slices.Sort(subjects); slices.Equal(subjects, want) {
				break
			}
			if time.Since(begun) > time.Minute {
				t.Fatalf("there is %q", subjects)
			}
		}
		if a, _, err := h.models.Account(t.Context(), account); err != nil || a.Address != chosen {
			t.Errorf("it goes by %s, %v", a.Address, err)
		}
		change(func(tx *eventstore.Tx) error { return names.RemoveAlias(tx, account, further) })
		if err := server.Send(string(further), "too late", 100); !errors.Is(err, mailtest.ErrRefused) {
			t.Errorf("mail to an address that was removed: %v", err)
		}
		_, err = reconciler.CheckDrift(asCLI(t.Context()), "mail", func(d processes.Drift) error {
			t.Errorf("there is drift: %+v", d)
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
