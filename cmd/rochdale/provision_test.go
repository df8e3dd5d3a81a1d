package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
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
	served(t, g)
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

// served has all done in a co-op that is to be done, by a file of services.
func served(t *testing.T, g *Globals) {
	t.Helper()
	err := withServices(t.Context(), g, quiet(), func(h *house, services *services) error {
		return h.runner(h.reconciler(services), "coop.example").CatchUp(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestATargetThatIsAwayHidesNoOther: of several targets one is away, and one cannot be compared.
// What differs on the others is named, and mended, and work for them is planned.
func TestATargetThatIsAwayHidesNoOther(t *testing.T) {
	g := provisioned(t)
	g.Services = filepath.Join(t.TempDir(), "services.yaml")
	if err := os.WriteFile(g.Services, []byte(`
mail:
  mirrors:
    - {name: mail}
    - {name: behind, mailboxes: "postgres://rochdale@127.0.0.1:1/mail"}
    - {name: directory, exec: {command: [/bin/sh, -c, exit 77], can: {lists: true}}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := mail.OpenSQLite(filepath.Join(g.Data, "mail", "mailboxes.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`delete from mail_account where login = (select min(login) from mail_account)`); err != nil {
		t.Fatal(err)
	}
	said := func(args ...string) (out, wrong string, code int) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code = run(append([]string{"--data", g.Data, "--services", g.Services}, args...), strings.NewReader(""), &stdout, &stderr)
		return stdout.String(), stderr.String(), code
	}
	out, wrong, code := said("drift", "--json")
	var all []driftReport
	if err := json.Unmarshal([]byte(out), &all); err != nil || code == exitDone || !strings.Contains(wrong, "target behind") || !strings.Contains(wrong, "target directory") {
		t.Fatalf("drift ends with %d, %v: %s%s", code, err, out, wrong)
	}
	for _, report := range all {
		away := report.Target == "behind" || report.Target == "directory"
		if (report.Trouble != "") != away || report.Target == "mail" && len(report.Drift) != 1 {
			t.Errorf("of %s: %+v", report.Target, report)
		}
	}
	out, _, code = said("reconcile", "--yes")
	if code == exitDone || !strings.Contains(out, "1 mended, 0 left") || !strings.Contains(out, "storage: 3 accounts there") || strings.Contains(out, "behind: 0") {
		t.Errorf("reconcile ends with %d: %s", code, out)
	}
	var there int
	if err := db.QueryRow(`select count(*) from mail_account`).Scan(&there); err != nil || there != 3 {
		t.Errorf("then there are %d, %v", there, err)
	}
	for _, args := range [][]string{{"plan", "--target", "fax"}, {"work", "--target", "fax"}, {"drift", "--target", "fax"}, {"reconcile", "--target", "fax"}} {
		if _, wrong, code := said(args...); code == exitDone || !strings.Contains(wrong, "there is no target fax: choose among mail, behind, directory, storage") {
			t.Errorf("%v ends with %d: %s", args, code, wrong)
		}
	}
}

// TestANodeIsForgotten: what is on a node that the file of services names no more is not
// taken to be well.
func TestANodeIsForgotten(t *testing.T) {
	g := founded(t, 3)
	dir := t.TempDir()
	named := func(node string) {
		t.Helper()
		g.Services = filepath.Join(dir, "services.yaml")
		text := fmt.Sprintf("mail:\n  nodes:\n    - {name: %s, mailboxes: %q}\n", node, "sqlite:"+filepath.Join(dir, node, "mailboxes.db"))
		if err := os.WriteFile(g.Services, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	named("mail1")
	served(t, g)
	out, code := said(t, g, "", "doctor", "--services", g.Services)
	if code != exitDone || strings.Contains(out, "it is no target here") {
		t.Error(out)
	}
	named("mail2")
	out, code = said(t, g, "", "doctor", "--services", g.Services)
	if code != exitDone || !strings.Contains(out, "3 accounts of mail are on it, and it is no target here") || !strings.Contains(out, "WARNING  mail1") {
		t.Error(out)
	}
	out, code = said(t, g, "", "drift", "--services", g.Services)
	if code != exitDone || !strings.Contains(out, "mail1: 3 accounts of mail are on it") {
		t.Error(out)
	}
	if out, code = said(t, g, "", "targets", "forget", "mail1", "--reason", "it is gone", "--services", g.Services); code != exitRefused || !strings.Contains(out, "3 accounts are on mail1 alone") {
		t.Error(out)
	}
	named("mail1")
	if out, code = said(t, g, "", "drift", "--services", g.Services); code != exitDone || strings.Contains(out, "no target here") {
		t.Error(out)
	}
}

// TestAMirrorIsForgotten: a mirror that was taken out for good is not told of for ever, and
// nothing waits for it any more, once somebody has said so.
func TestAMirrorIsForgotten(t *testing.T) {
	g := founded(t, 3)
	dir := t.TempDir()
	with := func(mirrors string) {
		t.Helper()
		g.Services = filepath.Join(dir, "services.yaml")
		text := fmt.Sprintf("mail:\n  mirrors:\n    - {mailboxes: %q}\n%s", "sqlite:"+filepath.Join(dir, "mail", "mailboxes.db"), mirrors)
		if err := os.WriteFile(g.Services, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do := func(want int, says string, args ...string) {
		t.Helper()
		if out, code := said(t, g, "", append(args, "--services", g.Services)...); code != want || !strings.Contains(out, says) {
			t.Errorf("%v ends with %d: %s", args, code, out)
		}
	}
	behind := fmt.Sprintf("    - {name: behind, mailboxes: %q}\n", "sqlite:"+filepath.Join(dir, "behind", "mailboxes.db"))
	forget := []string{"targets", "forget", "behind", "--reason", "it is switched off"}
	with(behind)
	served(t, g)
	do(exitRefused, "behind is worked with", forget...)
	with("")
	do(exitDone, "3 accounts of mail are on it, and it is no target here", "doctor")
	do(exitRefused, "say why", "targets", "forget", "behind", "--reason", " ")
	do(exitRefused, "there is no target behand", "targets", "forget", "behand", "--reason", "a slip")
	do(exitDone, "3 accounts on behind are given up there", forget...)
	for _, told := range []string{"doctor", "drift"} {
		if out, code := said(t, g, "", told, "--services", g.Services); code != exitDone || strings.Contains(out, "behind") {
			t.Errorf("%s ends with %d: %s", told, code, out)
		}
	}
	do(exitRefused, "there is no target behind", forget...)
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
