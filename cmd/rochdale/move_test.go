package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
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
