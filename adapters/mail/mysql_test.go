package mail_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/domain/provisioning"
	"rochdale/internal/mariadbtest"
)

// moves has what goes along with a mailbox go to other tables. The two Dovecots of them
// say of all that it is done, and that there is no mail.
func moves(t *testing.T, s *tables, address string) {
	const laptop = "dance222-three-or-four-words"
	dovecot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked, answers [][3]any
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		for _, a := range asked {
			answers = append(answers, [3]any{"doveadmResponse", []any{}, a[2]})
		}
		_ = json.NewEncoder(w).Encode(answers)
	}))
	t.Cleanup(dovecot.Close)
	db, err := mail.OpenMySQL(address)
	taken(t, err)
	t.Cleanup(func() { db.Close() })
	boxes, err := mail.Open(t.Context(), db, mail.MySQL)
	taken(t, err)
	other := station{tables: &tables{Mailboxes: boxes, db: db, path: address, maria: s.maria}}
	for _, m := range []*mail.Mailboxes{s.Mailboxes, boxes} {
		m.Tell(&mail.Doveadm{URL: dovecot.URL, Dsync: "tcp:127.0.0.1:1", Key: func() (string, error) { return "k", nil }})
	}
	defer s.Tell(nil)
	mover := s.wish("mover", "account-that-moves")
	mover.do(t, s.Ensure)
	mover.lets(t, bcrypted(t, oldPassword))
	taken(t, s.AddAppPassword(t.Context(), mover.Ref, provisioning.AppPassword{ID: laptop[:8], Name: "Téléphone", Created: time.Unix(1_700_000_000, 0)}, bcrypted(t, laptop)))
	s.exec(t, `insert into mail_app_use (id, used_at) values (?, 1800000000)`, laptop[:8])
	s.exec(t, `insert into mail_alias (alias, login) values ('by.hand@coop.example', ?)`, mover.login())
	there := mover.on(other)
	there.do(t, there.Ensure)
	for range 2 {
		taken(t, there.TakeOver(t.Context(), there.Desired, provisioning.Source{Node: "mail1", At: s.Mailboxes}))
	}
	mover.hold(t)
	there.Revision = mover.Revision
	taken(t, there.TakeOver(t.Context(), there.Desired, provisioning.Source{Node: "mail1", At: s.Mailboxes}))
	there.release(t)
	const secret = `select password from mail_account where login = ?`
	var old, fresh string
	if err := errors.Join(s.db.QueryRow(secret, mover.login()).Scan(&old), db.QueryRow(secret, mover.login()).Scan(&fresh)); err != nil || old != fresh {
		t.Errorf("the password was %s, and is %s, %v", old, fresh, err)
	}
	all, err := boxes.AppPasswords(t.Context(), mover.Ref)
	is, lookErr := boxes.Observe(t.Context(), mover.Ref)
	if errors.Join(err, lookErr) != nil || len(all) != 1 || all[0].Name != "Téléphone" || all[0].Used.Unix() != 1_800_000_000 || !slices.Equal(is.Aliases, []provisioning.Login{"by.hand@coop.example"}) {
		t.Errorf("%+v, %+v, %v", all, is, errors.Join(err, lookErr))
	}
}

// TestMariaDB is what is MariaDB's own: the rest is in the tests of all dialects.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	server := mariadbtest.Start(t)
	address := server.NewDatabase(t)
	db, err := mail.OpenMySQL(address)
	taken(t, err)
	t.Cleanup(func() { db.Close() })
	var wg sync.WaitGroup
	for range 8 { // at once, and each sees the tables made
		wg.Go(func() {
			if _, err := mail.Open(t.Context(), db, mail.MySQL); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	boxes, err := mail.Open(t.Context(), db, mail.MySQL)
	taken(t, err)
	moves(t, &tables{Mailboxes: boxes, db: db, path: address, maria: server}, server.NewDatabase(t))

	if _, err := db.ExecContext(t.Context(), `insert into mail_schema values (1000)`); err != nil {
		t.Fatal(err)
	}
	if _, err := mail.Open(t.Context(), db, mail.MySQL); !isA(err, fault.Denied) {
		t.Errorf("tables of a newer program: %v", err)
	}
	other, err := mail.OpenMySQL(strings.Replace(address, "rochdale:", "rochdale:wrong", 1))
	taken(t, err)
	defer other.Close()
	mail.Use(boxes, other)
	if err := boxes.Check(t.Context()); !isA(err, fault.Denied) {
		t.Error(err)
	}
	for _, address := range []string{"", "postgres://u@h/d", "mysql://host", "mysql://host/"} {
		if _, err := mail.OpenMySQL(address); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
}
