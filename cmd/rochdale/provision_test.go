package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/mail"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// founded is a co-op in a folder, in which so many have subscribed.
func founded(t *testing.T, subscriptions int) *Globals {
	t.Helper()
	g := &Globals{Data: t.TempDir(), Language: domain.English, JSON: true}
	if out, code := said(t, g, "", "init", "--preset", "nubo", "--from", "2026-01-01"); code != exitDone {
		t.Fatal(out)
	}
	err := withModels(t.Context(), g, quiet(), func(h *house) error {
		for n := range subscriptions {
			id := fmt.Sprintf("%04d", n)
			_, err := eventstore.Execute(asCLI(t.Context()), h.store, subscription.Subscribe{
				Subscription: domain.SubscriptionID("s" + id), Party: domain.PartyID("p" + id), Payer: domain.PartyID("p" + id), Plan: "nubo", GB: 5,
				Terms: subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 100}, On: h.today(), From: h.today(),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// said runs the program, and returns what it says and how it ends.
func said(t *testing.T, g *Globals, in string, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"--data", g.Data}, args...)
	code = run(args, strings.NewReader(in), &stdout, &stderr)
	if code != exitDone {
		return stderr.String(), code
	}
	return stdout.String() + stderr.String(), code
}

// driftIn returns what drift finds.
func driftIn(t *testing.T, g *Globals) (kinds []string) {
	t.Helper()
	out, code := said(t, g, "", "drift", "--json")
	var all []driftReport
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitDone {
		t.Fatalf("drift ends with %d, %v: %s", code, err, out)
	}
	for _, report := range all {
		for _, d := range report.Drift {
			kinds = append(kinds, fmt.Sprintf("%s %s %s %s", report.Target, d.Kind, d.Login, d.Policy))
		}
	}
	return kinds
}

// provisioned is a co-op of three whose accounts are there.
func provisioned(t *testing.T) *Globals {
	t.Helper()
	g := founded(t, 3)
	err := withModels(t.Context(), g, quiet(), func(h *house) error {
		services, err := openServices(t.Context(), g, h.store.Log.KV())
		if err != nil {
			return err
		}
		defer services.close()
		return h.runner(h.reconciler(services), "coop.example").CatchUp(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestDriftIsFoundAndMended: an account that was deleted by hand and one that nobody has
// ordered are both named; the one is made again, and about the other somebody is asked.
func TestDriftIsFoundAndMended(t *testing.T) {
	g := provisioned(t)
	if drift := driftIn(t, g); len(drift) > 0 {
		t.Fatalf("at first there is drift: %v", drift)
	}
	db, err := mail.OpenSQLite(filepath.Join(g.Data, "mail", "mailboxes.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var lost string
	if err := db.QueryRow(`select min(login) from mail_account`).Scan(&lost); err != nil {
		t.Fatal(err)
	}
	for _, by := range []string{
		`delete from mail_account where login = '` + lost + `'`,
		`insert into mail_account (login, box) values ('zoe@coop.example', 'zoe')`,
	} {
		if _, err := db.Exec(by); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"mail foreign zoe@coop.example ask", "mail missing " + lost + " heal"}
	if drift := driftIn(t, g); !slices.Equal(slices.Sorted(slices.Values(drift)), want) {
		t.Fatalf("drift names %v, not %v", drift, want)
	}
	out, code := said(t, g, "n\n", "reconcile")
	if code != exitDone || !strings.Contains(out, "1 mended, 1 left") || !strings.Contains(out, "zoe@coop.example on mail: nobody has ordered it. Let it be") {
		t.Errorf("reconcile ends with %d: %s", code, out)
	}
	if drift := driftIn(t, g); !slices.Equal(drift, want[:1]) {
		t.Errorf("then drift names %v", drift)
	}
	if out, code := said(t, g, "", "reconcile", "--yes"); code != exitDone {
		t.Error(out)
	}
	if drift := driftIn(t, g); len(drift) > 0 {
		t.Errorf("it was let be, and drift names %v", drift)
	}
	var foreign int
	if err := db.QueryRow(`select count(*) from mail_account where login = 'zoe@coop.example' and account is null`).Scan(&foreign); err != nil || foreign != 1 {
		t.Errorf("of the account that is none of ours there are %d, %v", foreign, err)
	}
	out, code = said(t, g, "", "accounts", "--json")
	var accounts []listedAccount
	if err := json.Unmarshal([]byte(out), &accounts); err != nil || code != exitDone || len(accounts) != 6 {
		t.Fatalf("%d accounts, %v: %s", len(accounts), err, out)
	}
	i := slices.IndexFunc(accounts, func(a listedAccount) bool { return string(a.Login) == lost && a.Service == domain.Mail })
	out, code = said(t, g, "", "accounts", "why", string(accounts[i].ID))
	for _, part := range []string{"subscription.started", "entitlement.granted", "provisioning.account_requested", "provisioning.account_repaired", "drift", "ensure_account"} {
		if code != exitDone || !strings.Contains(out, part) {
			t.Errorf("why does not tell of %s: %s", part, out)
		}
	}
}

// TestAWorkerIsKilled: of two nodes that make a thousand accounts, one is killed in the
// middle. Each account is there once, and no other.
func TestAWorkerIsKilled(t *testing.T) {
	const subscriptions = 500 // each to a mailbox and a folder
	g := founded(t, subscriptions)
	c := &settlement{Globals: *g}
	a, b := c.node(t, g.Data), c.node(t, g.Data)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	provisioned := func() (n int, each map[domain.AccountID]int) {
		each = map[domain.AccountID]int{}
		err := withHouse(ctx, g, quiet(), func(h *house) error {
			for rec, err := range h.store.Log.All(ctx, 0) {
				if err != nil {
					return err
				}
				if rec.Type != "provisioning.account_provisioned" {
					continue
				}
				event, err := h.store.Decode(ctx, rec)
				if err != nil {
					return err
				}
				if e, is := event.(provisioning.AccountProvisioned); is {
					each[e.Account]++
					n++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n, each
	}
	until := func(enough int) {
		for ctx.Err() == nil {
			if n, _ := provisioned(); n >= enough {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("not %d accounts in time: %s", enough, b.out)
	}
	for _, n := range []*node{a, b} {
		if err := n.start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	until(2 * subscriptions / 3)
	a.kill()
	until(2 * subscriptions)
	c.settledWork(ctx, t)
	b.stop(t)
	n, each := provisioned()
	if n != 2*subscriptions || len(each) != n {
		t.Errorf("%d accounts were provisioned %d times", len(each), n)
	}
	if drift := driftIn(t, g); len(drift) > 0 {
		t.Errorf("in the end there is drift: %v", drift)
	}
	err := withReconciler(ctx, g, quiet(), func(_ *house, r *processes.Reconciler) error {
		for _, target := range r.Targets {
			check, err := r.CheckDrift(ctx, target.Name, func(processes.Drift) error { return nil })
			if err != nil || check.There != subscriptions || check.Wanted != subscriptions || check.Pending > 0 {
				t.Errorf("%s: %+v, %v", target.Name, check, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// settledWork waits until no work is left.
func (c *settlement) settledWork(ctx context.Context, t *testing.T) {
	t.Helper()
	for ctx.Err() == nil {
		left := 0
		err := withHouse(ctx, &c.Globals, quiet(), func(h *house) error {
			for _, err := range eventstore.Entries(ctx, h.store.Log.KV(), "work/") {
				if err != nil {
					return err
				}
				left++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("work is left")
}
