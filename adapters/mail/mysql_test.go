package mail_test

import (
	"database/sql"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	gobcrypt "golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/adapters/provisiontest"
	"rochdale/domain/provisioning"
	"rochdale/internal/mariadbtest"
)

// queries are what Dovecot does, by the queries that are written for it.
type queries struct {
	db            *sql.DB
	passwordQuery string
	userQuery     string
}

// ask runs a query of Dovecot's for somebody, who comes by IMAP.
func (q *queries) ask(t testing.TB, query, login string, into ...any) bool {
	t.Helper()
	query = strings.NewReplacer("%Lu", strings.ReplaceAll(strings.ToLower(login), "'", "''"), "%Ls", "imap", "%{passdb:app}", "").Replace(query)
	err := q.db.QueryRowContext(t.Context(), query).Scan(into...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return err == nil
}

func (q *queries) logIn(t testing.TB, login, password string) bool {
	t.Helper()
	var user, hash string
	var nologin, reason sql.Null[string]
	if !q.ask(t, q.passwordQuery, login, &user, &hash, &nologin, &reason) || nologin.Valid {
		return false
	}
	return gobcrypt.CompareHashAndPassword([]byte(strings.TrimPrefix(hash, "{BLF-CRYPT}")), []byte(password)) == nil
}

// deliver counts a message in, if there is room for it.
func (q *queries) deliver(t testing.TB, login string, size int) bool {
	t.Helper()
	var home, rule, app string
	if !q.ask(t, q.userQuery, login, &home, &rule, &app) {
		t.Fatalf("mail for %s, who is not there", login)
	}
	var used int
	if err := q.db.QueryRowContext(t.Context(), `select bytes from mail_usage where login = ?`, login).Scan(&used); err != nil {
		t.Fatal(err)
	}
	if rule != "*:bytes=0" && used+size > atoi(t, strings.TrimPrefix(rule, "*:bytes=")) {
		return false
	}
	if _, err := q.db.ExecContext(t.Context(), `update mail_usage set bytes = bytes + ? where login = ?`, size, login); err != nil {
		t.Fatal(err)
	}
	return true
}

func atoi(t testing.TB, text string) (n int) {
	t.Helper()
	for _, digit := range text {
		if digit < '0' || digit > '9' {
			t.Fatalf("%q is no number", text)
		}
		n = n*10 + int(digit-'0')
	}
	return n
}

// TestMariaDB is the contract with the tables in MariaDB, read by the queries that
// are written for Dovecot.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	server := mariadbtest.Start(t)
	address := server.NewDatabase(t)
	db, err := mail.OpenMySQL(address)
	if err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/mail/rochdale-sql.mysql.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.ReplaceAll(string(text), "\\\n", "")
	q := &queries{db: db}
	for name, query := range map[string]*string{"password_query": &q.passwordQuery, "user_query": &q.userQuery} {
		found := regexp.MustCompile(`(?m)^` + name + ` = (.*)$`).FindStringSubmatch(conf)
		if found == nil {
			t.Fatalf("no %s in\n%s", name, conf)
		}
		*query = found[1]
	}
	provisiontest.Run(t, provisiontest.Fixture{
		Port: boxes, Domain: "coop.example", Ordered: true,
		Foreign: func(t testing.TB, login provisioning.Login) {
			box := strings.NewReplacer("@", "", ".", "", "-", "").Replace(string(login))
			if _, err := db.ExecContext(t.Context(), `insert into mail_account (login, box) values (?, ?)`, login, box); err != nil {
				t.Fatal(err)
			}
		},
		LogIn: q.logIn,
		Put: func(t testing.TB, login provisioning.Login, _ string, size int) bool {
			return q.deliver(t, string(login), size)
		},
		Holds: func(t testing.TB, login provisioning.Login, _ string) (used int) {
			if err := db.QueryRowContext(t.Context(), `select bytes from mail_usage where login = ?`, login).Scan(&used); err != nil {
				t.Fatal(err)
			}
			return used
		},
		Tidy: func(t testing.TB) {
			if _, err := db.ExecContext(t.Context(), `delete from mail_purge`); err != nil {
				t.Fatal(err)
			}
		},
		Outage: func(t testing.TB) func() {
			server.Stop(t)
			return func() { server.Restart(t) }
		},
	})

	s := &tables{Mailboxes: boxes, db: db}
	anna := s.wish("anna", "account-of-anna")
	anna.do(t, boxes.Ensure)
	app := provisioning.AppPassword{ID: "abcdefgh", Name: "telephone"}
	for range 2 {
		if err := boxes.AddAppPassword(t.Context(), anna.Ref, app, bcrypted(t, oldPassword)); err != nil {
			t.Error(err)
		}
	}
	if all, err := boxes.AppPasswords(t.Context(), anna.Ref); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	anna.do(t, boxes.Delete)
	if all, err := boxes.AppPasswords(t.Context(), anna.Ref); err != nil || len(all) != 0 {
		t.Errorf("with the account they are not gone: %+v, %v", all, err)
	}

	for statement, class := range map[string]fault.Class{
		`insert into mail_schema values (1000)`: fault.Denied,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if _, err := mail.Open(t.Context(), db, mail.MySQL); !isA(err, class) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	other, err := mail.OpenMySQL(strings.Replace(address, "rochdale:", "rochdale:wrong", 1))
	if err != nil {
		t.Fatal(err)
	}
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
