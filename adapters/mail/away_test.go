package mail_test

import (
	"context"
	"database/sql"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/domain/provisioning"
	"rochdale/internal/mariadbtest"
	"rochdale/internal/pgtest"
)

// TestOpenedWhileAway shows that tables are opened whose server is away, and are made, with
// all that belongs to them, when it is back and they are used.
func TestOpenedWhileAway(t *testing.T) {
	t.Parallel()
	postgres, maria := pgtest.Start(t), mariadbtest.Start(t)
	opens := map[mail.Dialect]func(string) (*sql.DB, error){
		mail.PostgreSQL: func(address string) (*sql.DB, error) { return sql.Open("pgx", address) }, mail.MySQL: mail.OpenMySQL,
	}
	type target interface {
		Check(ctx context.Context) error
		Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error)
	}
	kinds := map[string]func(*sql.DB, mail.Dialect) (target, error){
		"mailboxes": func(db *sql.DB, d mail.Dialect) (target, error) { return mail.Open(t.Context(), db, d) },
		"front": func(db *sql.DB, d mail.Dialect) (target, error) {
			return mail.OpenFront(t.Context(), db, d, map[string]mail.Place{"mail1": {Host: "mail1.coop.example"}})
		},
		"tables of another program": func(db *sql.DB, d mail.Dialect) (target, error) {
			return mail.OpenMapped(t.Context(), db, d, mail.PostfixAdmin(), nil)
		},
	}
	ref := provisioning.Ref{Service: "mail", Login: "anna@coop.example"}
	firsts := map[string]func(m *mail.Mailboxes) error{ // whatever is asked first
		"observe": func(m *mail.Mailboxes) error { _, err := m.Observe(t.Context(), ref); return err },
		"list":    func(m *mail.Mailboxes) error { _, err := m.List(t.Context(), "", 10); return err },
		"usage": func(m *mail.Mailboxes) error {
			_, err := m.Usage(t.Context(), []provisioning.Ref{ref})
			return err
		},
		"unremoved": func(m *mail.Mailboxes) error { _, err := m.Unremoved(t.Context(), 0); return err },
		"check":     func(m *mail.Mailboxes) error { return m.Check(t.Context()) },
		"ensure": func(m *mail.Mailboxes) error {
			_, err := m.Ensure(t.Context(), provisioning.Desired{Ref: ref, Account: "a1", Revision: 1, Access: provisioning.Active, Quota: 1_000_000})
			return err
		},
	}
	type opened struct {
		target
		kind, what string
		db         *sql.DB
		dialect    mail.Dialect
		first      func(m *mail.Mailboxes) error
	}
	var all []opened
	for dialect, connect := range opens {
		for kind := range kinds {
			for first, do := range firsts {
				var address string
				if dialect == mail.PostgreSQL {
					address = postgres.NewDatabase(t)
				} else {
					address = maria.NewDatabase(t)
				}
				db, err := connect(address)
				taken(t, err)
				t.Cleanup(func() { db.Close() })
				all = append(all, opened{nil, kind, kind + " in " + string(dialect) + ", " + first, db, dialect, do})
				if kind == "tables of another program" {
					_, err := db.Exec(`create table mailbox (username varchar(255), quota bigint, active int)`)
					taken(t, err)
					_, err = db.Exec(`create table quota2 (username varchar(255), bytes bigint)`)
					taken(t, err)
					break
				}
			}
		}
	}
	postgres.Stop(t, pgtest.Fast)
	maria.Stop(t)
	for i := range all {
		one := &all[i]
		var err error
		if one.target, err = kinds[one.kind](one.db, one.dialect); err != nil {
			t.Fatalf("%s, which is away: %v", one.what, err)
		}
		if _, err := one.Observe(t.Context(), ref); !isA(err, fault.Unavailable) || !isA(one.Check(t.Context()), fault.Unavailable) {
			t.Errorf("%s, which is away: %v", one.what, err)
		}
	}
	postgres.Restart(t, pgtest.Fast)
	maria.Restart(t)
	for _, one := range all {
		at, ours := one.target.(*mail.Mailboxes)
		if !ours {
			if _, err := one.Observe(t.Context(), ref); err != nil {
				t.Errorf("%s: %v", one.what, err)
			}
			continue
		}
		if err := one.first(at); err != nil {
			t.Errorf("%s: %v", one.what, err)
		}
		if one.kind == "front" {
			var host string
			if err := one.db.QueryRow(`select host from mail_node where node = 'mail1'`).Scan(&host); err != nil || host != "mail1.coop.example" {
				t.Errorf("%s: mail1 is at %q, %v", one.what, host, err)
			}
		}
	}
}
