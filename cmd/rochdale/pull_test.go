package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rochdale/adapters/pull"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/eventstore/sqlite"
	"rochdale/internal/outsidetest"
	"rochdale/internal/pgtest"
	"rochdale/processes/access"
)

// TestWhatToolsComeForIsKeptBesideTheLog holds accounts that a tool comes by for to the
// contract of provisioning, over each database that a log is in.
func TestWhatToolsComeForIsKeptBesideTheLog(t *testing.T) {
	lite, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	pg, err := postgres.Open(t.Context(), pgtest.Start(t).NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, driver := range map[string]eventstore.Driver{"sqlite": lite, "postgres": pg} {
		t.Run(name, func(t *testing.T) {
			log := eventstore.NewLog(driver)
			t.Cleanup(func() { _ = log.Close() })
			a, err := pull.New(pull.Config{Can: outsidetest.PullCan, Wait: time.Minute}, pulled{log.KV()})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(pull.Handler(a))
			t.Cleanup(server.Close)
			outsidetest.RunPull(t, a, &outsidetest.Tool{URL: server.URL, Service: outsidetest.New()})
		})
	}
}

// TestAToolComesBy has a server keep folders on machines that it cannot reach: a tool
// with a token comes for what is wanted and reports, and then the log says that all
// accounts are there; who has no such token learns nothing.
func TestAToolComesBy(t *testing.T) {
	g := founded(t, 5)
	g.Services = filepath.Join(t.TempDir(), "services.yaml")
	err := os.WriteFile(g.Services, []byte("storage:\n  pull:\n    can: {suspends: true, lists: true, inbound: true, aliases: true, apps: [calendar, polls]}\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var secret, other string
	err = withHouse(t.Context(), g, quiet(), func(h *house) (err error) {
		if secret, _, err = h.access.CreateToken(t.Context(), access.Token{Name: "ansible", Roles: []domain.Role{domain.RolePipeline}, Scopes: []string{"accounts"}}); err != nil {
			return err
		}
		other, _, err = h.access.CreateToken(t.Context(), access.Token{Name: "pipeline", Roles: []domain.Role{domain.RolePipeline}, Scopes: []string{"events:read", "events:personal"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := (&settlement{Globals: *g}).node(t, g.Data)
	n.args = append(n.args, "--services", g.Services)
	if err := n.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for token, status := range map[string]int{secret: http.StatusOK, other: http.StatusForbidden, "": http.StatusForbidden, "roch_wrong": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/pull/storage/desired", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("with token %.9q it is answered %s, want %d", token, resp.Status, status)
		}
	}
	tool := &outsidetest.Tool{URL: n.url + "/pull/storage", Token: secret, Service: outsidetest.New()}
	active := 0
	for deadline := time.Now().Add(time.Minute); active < 5; time.Sleep(20 * time.Millisecond) {
		if err := tool.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		active = 0
		err := withModels(t.Context(), &Globals{Data: g.Data, Services: g.Services}, quiet(), func(h *house) error {
			all, err := h.allAccounts(t.Context(), false)
			for _, a := range all {
				if a.Service == domain.Storage && a.Status == provisioning.StatusActive && a.Trouble == "" {
					active++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a minute %d of 5 accounts are there", active)
		}
	}
	n.stop(t)
}
