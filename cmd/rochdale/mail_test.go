package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/mail"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/eventstore"
	"rochdale/internal/mailtest"
	"rochdale/internal/pgtest"
)

// A mailbox is what its holder is told of it.
type mailbox struct{ ID, Entitlement, Login, Service, Status string }

// mailboxOf returns the mailbox of whoever has a token, and none if there is none.
func (n *node) mailboxOf(ctx context.Context, t *testing.T, token string) (box mailbox) {
	t.Helper()
	a, err := n.ask(ctx, token, "", `{ viewer { member { accounts { id entitlement login service status } } } }`, nil)
	if err != nil || a.code() != "" {
		t.Fatalf("%+v, %v", a, err)
	}
	var viewer struct{ Member struct{ Accounts []mailbox } }
	if err := json.Unmarshal(a.Data["viewer"], &viewer); err != nil {
		t.Fatal(err)
	}
	for _, box := range viewer.Member.Accounts {
		if box.Service == "MAIL" {
			return box
		}
	}
	return mailbox{}
}

// TestMail has a member read mail by Dovecot, from the tables that a node writes.
func TestMail(t *testing.T) {
	for name, place := range map[string]func(*testing.T) (mailboxes string, tables func() mailtest.Tables){
		"sqlite": func(t *testing.T) (string, func() mailtest.Tables) {
			tables, path := mailtest.SQLite(t)
			return "sqlite:" + path, func() mailtest.Tables { return tables }
		},
		"postgres": func(t *testing.T) (string, func() mailtest.Tables) {
			cluster := pgtest.Start(t)
			database := cluster.NewDatabase(t)
			return database, func() mailtest.Tables { return mailtest.PostgreSQL(t, cluster, database) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			mailboxes, tables := place(t)
			c := settle(t, Globals{Data: t.TempDir()}, 12, toTheBill)
			n := c.node(t, c.Data)
			n.args = append(n.args, "--mailboxes", mailboxes)
			if err := n.start(ctx); err != nil {
				t.Fatal(err)
			}
			server := mailtest.StartDovecot(t, tables())

			var box mailbox
			becomes := func(token, status string) {
				t.Helper()
				for box = n.mailboxOf(ctx, t, token); box.Status != status; box = n.mailboxOf(ctx, t, token) {
					if ctx.Err() != nil {
						t.Fatalf("the mailbox is %+v, and does not become %s", box, status)
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
			i := -1
			for ; i < 0; time.Sleep(50 * time.Millisecond) {
				if ctx.Err() != nil {
					t.Fatal("nobody has a mailbox")
				}
				i = slices.IndexFunc(c.tokens, func(token string) bool { return n.mailboxOf(ctx, t, token).ID != "" })
			}
			holder, other := c.tokens[i], c.tokens[(i+1)%len(c.tokens)]
			becomes(holder, "ACTIVE")

			const password = "trois ou quatre mots"
			set := `mutation($account: ID!, $password: String!) { setPassword(account: $account, password: $password) { id } }`
			for token, code := range map[string]string{other: "provisioning.unknown", holder: ""} {
				a, err := n.ask(ctx, token, "", set, map[string]any{"account": box.ID, "password": password})
				if err != nil || a.code() != code {
					t.Errorf("set a password: %+v, %v, want %q", a, err, code)
				}
			}
			reads := func(subject string) {
				t.Helper()
				if err := server.Deliver(box.Login, subject, 100); err != nil {
					t.Fatal(err)
				}
				m, err := server.LogIn(box.Login, password)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				if subjects := m.Subjects(t); !slices.Contains(subjects, subject) {
					t.Errorf("there is %q", subjects)
				}
			}
			reads("welcome")

			subscription, service := entitlement.Of(domain.EntitlementID(box.Entitlement))
			decide := func(command domain.Command[entitlement.Entitlements]) {
				t.Helper()
				err := withHouse(ctx, &c.Globals, quiet(), func(h *house) error {
					_, err := eventstore.Execute(asProcess(ctx, "test"), h.store, command)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			today := dayOfCoop(t)
			decide(entitlement.Suspend{Subscription: subscription, Service: service, On: today})
			becomes(holder, "SUSPENDED")
			if _, err := server.LogIn(box.Login, password); !errors.Is(err, mailtest.ErrRefused) || !strings.Contains(fmt.Sprint(err), "Account suspended") {
				t.Errorf("suspended, with the right password: %v", err)
			}
			decide(entitlement.Resume{Subscription: subscription, Service: service, On: today})
			becomes(holder, "ACTIVE")
			reads("resumed")
			n.stop(t)
			reads("while the node is away")
		})
	}
}

// TestUnremoved has the doctor tell of mail that nobody removes, on nodes as well.
func TestUnremoved(t *testing.T) {
	c := settle(t, Globals{Data: t.TempDir()}, 4, toTheVote)
	doctor := func(more ...string) string {
		t.Helper()
		out, err := exec.Command("rochdale", append([]string{"doctor", "--data", c.Data}, more...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	const warning = "1 mailboxes of deleted accounts are still on the mail server"
	if out := doctor(); strings.Contains(out, "still on the mail server") {
		t.Error(out)
	}
	db, err := mail.OpenSQLite(filepath.Join(c.Data, "mail", "mailboxes.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`insert into mail_purge (box, login, deleted_at) values ('old', 'anna@coop.example', 0)`); err != nil {
		t.Fatal(err)
	}
	if out := doctor(); !strings.Contains(out, warning) {
		t.Error(out)
	}
	dir := t.TempDir()
	node, file := filepath.Join(dir, "node.db"), filepath.Join(dir, "services.yaml")
	text := fmt.Sprintf("mail:\n  nodes:\n    - {name: mail1, mailboxes: %q}\n    - {name: mail2, mailboxes: %q}\n", "sqlite:"+node, "sqlite:"+filepath.Join(dir, "other.db"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	about := func(target string) func(line string) bool {
		return func(line string) bool {
			return strings.Contains(line, "still on the mail server") && slices.Contains(strings.Fields(line), target)
		}
	}
	lines := strings.Split(doctor("--services", file), "\n")
	if !slices.ContainsFunc(lines, about("mail")) || slices.ContainsFunc(lines, about("mail1")) {
		t.Errorf("%s", lines)
	}
	at, err := mail.OpenSQLite(node)
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	if _, err := at.Exec(`insert into mail_purge (box, login, deleted_at) values ('old', 'bert@coop.example', 0)`); err != nil {
		t.Fatal(err)
	}
	lines = strings.Split(doctor("--services", file), "\n")
	if !slices.ContainsFunc(lines, about("mail1")) || slices.ContainsFunc(lines, about("mail2")) {
		t.Errorf("%s", lines)
	}
}
