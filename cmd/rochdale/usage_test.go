package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/domain"
)

// TestWhatAccountsHoldIsListed, of real folders, the fullest first.
func TestWhatAccountsHoldIsListed(t *testing.T) {
	g := founded(t, 3)
	err := withModels(t.Context(), g, quiet(), func(h *house) error {
		services, err := openServices(t.Context(), g)
		if err != nil {
			return err
		}
		defer services.close()
		return h.runner(h.reconciler(services), "coop.example").CatchUp(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
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
