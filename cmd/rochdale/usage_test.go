package main

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// TestWhatAccountsHoldIsListed, of real folders, the fullest first.
func TestWhatAccountsHoldIsListed(t *testing.T) {
	g := provisioned(t)
	var logins []string
	out, code := said(t, g, "", "accounts", "--json")
	var accounts []listedAccount
	if err := json.Unmarshal([]byte(out), &accounts); err != nil || code != exitDone {
		t.Fatal(out, err)
	}
	for _, a := range accounts {
		if a.Service == domain.Storage {
			logins = append(logins, string(a.Login))
		}
	}
	folders, err := filepath.Glob(filepath.Join(g.Data, "folders", "files", "*", "data"))
	if err != nil || len(folders) != len(logins) {
		t.Fatalf("there are %q, %v", folders, err)
	}
	if err := os.WriteFile(filepath.Join(folders[1], "big"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := said(t, g, "", "accounts", "usage"); code != exitDone || !strings.Contains(out, "not measured yet") {
		t.Error(out)
	}
	out, code = said(t, g, "", "accounts", "usage", "--read", "--target", "storage", "--json")
	var filled []filledAccount
	if err := json.Unmarshal([]byte(out), &filled); err != nil || code != exitDone {
		t.Fatal(out, err)
	}
	if len(filled) != len(logins) || filled[0].Used < 1<<20 || filled[1].Used >= 1<<20 || filled[0].Target != "storage" {
		t.Errorf("%+v", filled)
	}
	if out, code := said(t, g, "", "accounts", "usage", string(filled[0].Account)); code != exitDone || !strings.Contains(out, "0.001\u00a0GB") {
		t.Error(out)
	}
	if out, code := said(t, g, "", "accounts", "usage", "mail/nobody"); code != exitRefused {
		t.Error(out)
	}
}

// TestHeirsGetAnArchive of a folder, once an operator has decided so.
func TestHeirsGetAnArchive(t *testing.T) {
	g := founded(t, 1)
	account := domain.AccountID(entitlement.IDOf("s0000", domain.Storage))
	out := filepath.Join(t.TempDir(), "files.zip")
	export := func() (string, int) { return said(t, g, "", "accounts", "export", string(account), "-o", out) }
	served(t, g)
	if said, code := export(); code != exitRefused || !strings.Contains(said, "is its holder's") {
		t.Errorf("%d %s", code, said)
	}
	decide := func(command domain.Command[provisioning.Account]) {
		t.Helper()
		if err := withHouse(t.Context(), g, quiet(), func(h *house) error {
			_, err := eventstore.Execute(asCLI(t.Context()), h.store, command)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	today := dayOfCoop(t)
	decide(provisioning.HoldAccount{Account: account, On: today, Through: today.AddDays(365)})
	if said, code := export(); code != exitRefused || !strings.Contains(said, "nobody has decided") {
		t.Errorf("%d %s", code, said)
	}
	decide(provisioning.AllowExport{Account: account, Reason: "minutes of May 3", On: today, Through: today.AddDays(30)})
	if said, code := export(); code != exitDone || !strings.Contains(said, "files.zip") {
		t.Fatalf("%d %s", code, said)
	}
	archive, err := zip.OpenReader(out)
	if err != nil {
		t.Fatal(err)
	}
	_ = archive.Close()
}
