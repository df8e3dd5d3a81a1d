package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/internal/mailtest"
	"rochdale/internal/pgtest"
)

// guessed are what of the plain digests of logins, and of their local parts, is in a text: it is what somebody finds out
// who has the text alone, and guesses.
func guessed(text string, logins ...provisioning.Login) (found []provisioning.Login) {
	for _, login := range logins {
		for _, guess := range []string{string(login), login.Local()} {
			sum := sha256.Sum256([]byte(guess))
			if strings.Contains(strings.ToLower(text), hex.EncodeToString(sum[:])[:16]) {
				found = append(found, provisioning.Login(guess))
			}
		}
	}
	return found
}

// verbs runs the program on the log of g, and fails where it does.
func verbs(t *testing.T, g *Globals, lines ...[]string) (out string) {
	t.Helper()
	for _, line := range lines {
		var code int
		if out, code = said(t, g, "", append(line, "--log", g.logURL(), "--master-key", g.masterKey())...); code != exitDone {
			t.Fatal(line, out)
		}
	}
	return out
}

// TestADumpTellsNoLogin to whoever has no keys, not even to who guesses it; and whose name it is, is known wherever the log
// is restored with its keys, whatever they are wrapped by. Of a log founded before there was a secret of digests, logins can
// be guessed, and stay theirs too.
func TestADumpTellsNoLogin(t *testing.T) {
	cluster := pgtest.Start(t)
	file := func() string { return "sqlite:" + filepath.Join(t.TempDir(), "log.db") }
	base := func() string { return cluster.NewDatabase(t) }
	for name, c := range map[string]struct {
		log, other func() string
		before     bool
	}{
		"sqlite":                            {log: file, other: base},
		"postgres":                          {log: base, other: file},
		"founded before there was a secret": {log: file, other: base, before: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Globals{Data: t.TempDir(), Log: c.log(), NameDays: 730, Aliases: 5, Language: domain.English, JSON: true}
			if c.before {
				foundedBefore(t, g)
			}
			verbs(t, g, []string{"init", "--preset", "nubo", "--from", "2026-01-01"})
			logins := annas(t, g)
			dump, keys := filepath.Join(t.TempDir(), "log.jsonl"), filepath.Join(t.TempDir(), "keys.jsonl")
			text := verbs(t, g, []string{"log", "dump"})
			if n := strings.Count(text, `"digest":"`); n < len(logins) {
				t.Fatalf("%d digests of %d logins: nothing is tried", n, len(logins))
			}
			right := 0
			if c.before {
				right = 2*3 + 1 + 1 // three addresses and their names, that which is foreign, and the name wished for at first
			}
			if found := guessed(text, append(logins, "lee@"+mailtest.Domain)...); len(found) != right {
				t.Errorf("a guess is right %d times and not %d, at %q", len(found), right, found)
			}
			taken(t, g, logins)

			next := filepath.Join(t.TempDir(), "next.key")
			verbs(t, g, []string{"keys", "rotate", "anna"}, []string{"keys", "rewrap", next})
			g.MasterKey = next
			taken(t, g, logins)

			verbs(t, g, []string{"log", "dump", "-o", dump}, []string{"keys", "export", "-o", keys})
			there := *g
			there.Data, there.Log = t.TempDir(), c.other()
			verbs(t, &there, []string{"log", "load", dump}, []string{"keys", "import", keys})
			taken(t, &there, logins)
			if back := verbs(t, &there, []string{"log", "dump"}); back != verbs(t, g, []string{"log", "dump"}) {
				t.Error("another log was restored")
			}
		})
	}
}

// foundedBefore founds a co-op as was done before there was a secret of digests.
func foundedBefore(t *testing.T, g *Globals) {
	t.Helper()
	err := withNewHouse(t.Context(), g, quiet(), func(h *house) error {
		rules, err := statutes.Preset("nubo")
		if err != nil {
			return err
		}
		if _, err := h.store.Keys.Wrap(t.Context(), "founding", nil); err != nil {
			return err
		}
		on := calendar.On(2026, 1, 1)
		_, err = eventstore.Transact(asCLI(t.Context()), h.store, func(tx *eventstore.Tx) error { return begin(tx, rules, nil, on, on) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// annas has Anna get an account under the login that she wishes, with two addresses more, one of which is removed; and let an
// account be that is none of the co-op's. It returns all of them.
func annas(t *testing.T, g *Globals) []provisioning.Login {
	t.Helper()
	const (
		wished, short, removed = provisioning.Login("anna.lee@" + mailtest.Domain), provisioning.Login("anna@" + mailtest.Domain), provisioning.Login("a.lee@" + mailtest.Domain)
		foreign                = provisioning.Login("zoe@" + mailtest.Domain)
	)
	_, g.Mailboxes = mailtest.SQLite(t)
	g.Mailboxes = "sqlite:" + g.Mailboxes
	err := withServices(t.Context(), g, quiet(), func(h *house, services *services) error {
		reconciler := h.reconciler(services)
		runner := h.runner(reconciler, mailtest.Domain)
		names := h.naming(mailtest.Domain)
		account := domain.AccountID(entitlement.IDOf("s", domain.Mail))
		for _, do := range []func(tx *eventstore.Tx) error{
			func(tx *eventstore.Tx) error { return names.Wish(tx, "anna", "lee@"+mailtest.Domain) },
			func(tx *eventstore.Tx) error { return names.Wish(tx, "anna", wished) },
			func(tx *eventstore.Tx) error {
				return eventstore.Do(tx, entitlement.Grant{Subscription: "s", Party: "anna", Service: domain.Mail, Quota: domain.GB, From: h.today()})
			},
			func(tx *eventstore.Tx) error { return names.Rename(tx, account, short) },
			func(tx *eventstore.Tx) error { return names.AddAlias(tx, account, removed) },
			func(tx *eventstore.Tx) error { return names.RemoveAlias(tx, account, removed) },
		} {
			if _, err := eventstore.Transact(asCLI(t.Context()), h.store, do); err != nil {
				return err
			}
			if err := errors.Join(runner.CatchUp(t.Context()), h.models.CatchUp(t.Context())); err != nil {
				return err
			}
		}
		if a, _, err := h.models.Account(t.Context(), account); err != nil || a.Login != wished || a.Address != short {
			t.Fatalf("%+v, %v", a, err)
		}
		return reconciler.LeaveForeign(asCLI(t.Context()), "mail", foreign)
	})
	if err != nil {
		t.Fatal(err)
	}
	return []provisioning.Login{wished, short, removed, foreign}
}

// taken fails where somebody else than Anna could have one of the logins, or Anna one that is foreign.
func taken(t *testing.T, g *Globals, logins []provisioning.Login) {
	t.Helper()
	err := withModels(t.Context(), g, quiet(), func(h *house) error {
		for _, login := range logins {
			err := h.naming().Available(asCLI(t.Context()), "bert", login)
			if !slices.ContainsFunc([]error{provisioning.ErrNameTaken, provisioning.ErrLoginTaken, provisioning.ErrLoginResting}, func(no error) bool { return errors.Is(err, no) }) {
				t.Errorf("somebody else may have %s: %v", login, err)
			}
		}
		// Of the name and of the login alike: elsewhere the name is Anna's, and what is foreign is so under its login alone.
		if err := h.naming().Available(asCLI(t.Context()), "bert", "anna.lee@elsewhere.example"); !errors.Is(err, provisioning.ErrNameTaken) {
			t.Errorf("her name is not hers: %v", err)
		}
		if err := h.naming().Available(asCLI(t.Context()), "anna", "anna.lee@"+mailtest.Domain); !errors.Is(err, provisioning.ErrLoginTaken) {
			t.Errorf("her login is not that of her account: %v", err)
		}
		return h.naming().Available(asCLI(t.Context()), "bert", "bert@"+mailtest.Domain)
	})
	if err != nil {
		t.Fatal(err)
	}
}
