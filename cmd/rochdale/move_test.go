package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/mail"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/internal/mailtest"
	"rochdale/processes"
)

// TestMailboxesOnTwoServers: new mailboxes are spread over the nodes of the file of
// services, what is on which is known to plan and drift, and to move between nodes that
// copy nothing is refused with why.
func TestMailboxesOnTwoServers(t *testing.T) {
	g := founded(t, 6)
	dir := t.TempDir()
	g.Services = filepath.Join(dir, "services.yaml")
	text := "mail:\n  nodes:\n    - {name: mail1, bytes: 2 GB, mailboxes: \"sqlite:" + filepath.Join(dir, "one.db") + "\"}\n" +
		"    - {name: mail2, bytes: 4 GB, mailboxes: \"sqlite:" + filepath.Join(dir, "two.db") + "\"}\n"
	if err := os.WriteFile(g.Services, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	on := map[string][]domain.AccountID{}
	err := withModels(t.Context(), g, quiet(), func(h *house) error {
		services, err := openServices(t.Context(), g, h.store.Log.KV())
		if err != nil {
			return err
		}
		defer services.close()
		r := h.reconciler(services)
		if err := h.runner(r, "coop.example").CatchUp(t.Context()); err != nil {
			return err
		}
		for _, node := range []string{"mail1", "mail2"} {
			if on[node], err = (accountBook{caughtUp{h.models}}).AccountsOn(t.Context(), domain.Mail, node, "", 100); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(on["mail1"]) != 2 || len(on["mail2"]) != 4 {
		t.Fatalf("they are on %v, %v", on, err)
	}
	at := []string{"--services", g.Services}
	out, code := said(t, g, "", append(at, "drift", "--json")...)
	var reports []driftReport
	if err := json.Unmarshal([]byte(out), &reports); err != nil || code != exitDone {
		t.Fatal(out, err)
	}
	there := map[string]int{}
	for _, report := range reports {
		there[report.Target] = report.Check.There
		if len(report.Drift) > 0 {
			t.Errorf("%+v", report.Drift)
		}
	}
	if there["mail1"] != 2 || there["mail2"] != 4 {
		t.Errorf("there are %v", there)
	}
	out, code = said(t, g, "", append(at, "targets", "capacity", "--json")...)
	var all []processes.Capacity
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitDone {
		t.Fatal(out, err)
	}
	for _, c := range all {
		if want := there[c.Target]; c.Node && (c.Accounts != want || c.Committed != domain.Bytes(want)*domain.GB || c.Free() != 0 || c.Growth != nil) {
			t.Errorf("%+v, want %d", c, want)
		}
	}
	if out, code := said(t, g, "", append(at, "accounts", "move", string(on["mail1"][0]), "--to", "mail2", "--reason", "why")...); code != exitRefused || !strings.Contains(out, "no room") {
		t.Error(code, out)
	}
	if out, code := said(t, g, "", append(at, "accounts", "drain", "mail1", "--reason", "why")...); code != exitRefused || !strings.Contains(out, "drain: true") {
		t.Error(code, out)
	}
}

// dovecots are two of them over tables of their own, in a file of services as nodes.
func dovecots(t *testing.T, g *Globals) (first, second *mailtest.Server) {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "doveadm.key")
	text := "mail:\n  nodes:\n"
	var servers []*mailtest.Server
	for i, room := range []string{"20 GB", "10 GB"} {
		at, path := mailtest.SQLite(t)
		db, err := mail.OpenSQLite(path)
		if err != nil {
			t.Fatal(err)
		}
		boxes, err := mail.Open(t.Context(), db, mail.SQLite)
		if err != nil {
			t.Fatal(err)
		}
		if err := boxes.Close(); err != nil {
			t.Fatal(err)
		}
		s := mailtest.StartDovecot(t, at)
		servers = append(servers, s)
		text += fmt.Sprintf("    - name: mail%d\n      bytes: %s\n      mailboxes: \"sqlite:%s\"\n      doveadm: {url: %q, key_file: %q, store: %q, dsync: %q}\n",
			i+1, room, path, s.Doveadm, key, s.Store(), s.Dsync)
	}
	g.Services = filepath.Join(dir, "services.yaml")
	for path, text := range map[string]string{key: mailtest.DoveadmKey + "\n", g.Services: text} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return servers[0], servers[1]
}

// TestMailboxIsMovedBetweenDovecots by the command line, with all that is in it.
func TestMailboxIsMovedBetweenDovecots(t *testing.T) {
	g := founded(t, 1)
	first, second := dovecots(t, g)
	const password = "trois ou quatre mots"
	var account listedAccount
	err := withModels(t.Context(), g, quiet(), func(h *house) error {
		services, err := openServices(t.Context(), g, h.store.Log.KV())
		if err != nil {
			return err
		}
		defer services.close()
		if err := h.runner(h.reconciler(services), "coop.example").CatchUp(t.Context()); err != nil {
			return err
		}
		out, _ := said(t, g, "", "--services", g.Services, "accounts", "--json")
		var all []listedAccount
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			return err
		}
		account = all[slices.IndexFunc(all, func(a listedAccount) bool { return a.Service == domain.Mail })]
		return processes.Credentials{Store: h.store, Targets: services.targets}.SetPassword(asCLI(t.Context()), account.ID, password)
	})
	if err != nil {
		t.Fatal(err)
	}
	login := string(account.Login)
	in := func(s *mailtest.Server) *mailtest.Mailbox {
		t.Helper()
		m, err := s.LogIn(login, password)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		return m
	}
	for _, subject := range []string{"one", "two", "three"} {
		if err := first.Deliver(login, subject, 5000); err != nil {
			t.Fatal(err)
		}
	}
	box := in(first)
	for _, command := range []string{"CREATE Work", "SUBSCRIBE Work", "SELECT INBOX", `STORE 1 +FLAGS (\Seen)`, "COPY 1:2 Work", `STORE 2 +FLAGS (\Deleted)`, "EXPUNGE"} {
		box.Do(t, command)
	}
	want := box.Contents(t)
	out, code := said(t, g, "", "--services", g.Services, "accounts", "move", string(account.ID), "--to", "mail2", "--reason", "the disk is full")
	if code != exitDone || !strings.Contains(out, "is on mail2.") {
		t.Fatal(code, out)
	}
	if is := in(second).Contents(t); !slices.Equal(is, want) {
		t.Errorf("moved, there is\n%s\nand not\n%s", strings.Join(is, "\n"), strings.Join(want, "\n"))
	}
	if box.Alive() {
		t.Error("her session goes on where the mailbox was")
	}
	if _, err := first.LogIn(login, password); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("where it was: %v", err)
	}
	if boxes := first.Boxes(t); len(boxes) > 0 {
		t.Errorf("where it was there is still %q", boxes)
	}
	if err := second.Deliver(login, "after", 100); err != nil {
		t.Error(err)
	}
	if out, code := said(t, g, "", "--services", g.Services, "drift", "--json"); code != exitDone || strings.Contains(out, `"kind"`) {
		t.Errorf("there is drift: %d, %s", code, out)
	}
}

// TestCapacityIsShown in the reader's words.
func TestCapacityIsShown(t *testing.T) {
	used, growth := 150*domain.GB, domain.GB
	days := []processes.UsageTotal{{Used: 100 * domain.GB}, {Used: 125 * domain.GB}, {Used: used}}
	all := []processes.Capacity{
		{Target: "mail1", Node: true, Bytes: 300 * domain.GB, Most: 450 * domain.GB, NodeLoad: processes.NodeLoad{Accounts: 1200, Committed: 400 * domain.GB}, MostAccounts: 5000, Used: &used, Growth: &growth, FullOn: calendar.On(2027, time.March, 7), Days: days},
		{Target: "mail2", Node: true, Bytes: 300 * domain.GB, Most: 300 * domain.GB},
		{Target: "directory", Used: &used, Days: days},
	}
	for lang, wants := range map[domain.Language][]string{
		domain.English: {"at this growth mail1 is full in March 2027", "mail2: less than two weeks were measured", "█████░░░░░", "▁▄█", "1,200/5,000"},
		domain.French:  {"à ce rythme, mail1 est plein en mars 2027"},
		domain.Dutch:   {"in dit tempo is mail1 vol in maart 2027"},
		domain.German:  {"bei diesem Wachstum ist mail1 voll im März 2027"},
	} {
		var out bytes.Buffer
		showCapacity(&out, lang, all)
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", lang, want, out.String())
			}
		}
	}
}
