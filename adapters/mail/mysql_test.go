package mail_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// ask runs a query of Dovecot's for somebody, by one of its services.
func (q *queries) ask(t testing.TB, service, query, login string, into ...any) bool {
	t.Helper()
	query = strings.NewReplacer("%Lu", strings.ReplaceAll(strings.ToLower(login), "'", "''"), "%Ls", service, "%{passdb:app}", "").Replace(query)
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
	if !q.ask(t, "imap", q.passwordQuery, login, &user, &hash, &nologin, &reason) || nologin.Valid {
		return false
	}
	return gobcrypt.CompareHashAndPassword([]byte(strings.TrimPrefix(hash, "{BLF-CRYPT}")), []byte(password)) == nil
}

// deliver counts a message in, if there is room for it.
func (q *queries) deliver(t testing.TB, login string, size int) bool {
	t.Helper()
	var home, rule, app string
	var deferred sql.Null[string]
	if !q.ask(t, "lmtp", q.userQuery, login, &home, &rule, &app, &deferred) {
		t.Fatalf("mail for %s, who is not there", login)
	}
	if deferred.Valid {
		return false
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

// query returns one that is written for Dovecot.
func query(t testing.TB, file, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/mail/" + file)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + name + ` = (.*)$`).FindStringSubmatch(strings.ReplaceAll(string(text), "\\\n", ""))
	if found == nil {
		t.Fatalf("no %s in %s", name, file)
	}
	return found[1]
}

// devices are let in by app passwords, as Dovecot finds them, and by nothing else.
func devices(t *testing.T, s *tables, q *queries, appQuery string) {
	const laptop, phone, berts = "bench222-three-or-four-words", "pasta222-quatre-mots-suffisent", "berts222-drie-of-vier-woorden"
	// in is what Dovecot does: it asks for the hash, compares, and notes the use.
	in := func(w *wish, password string) bool {
		t.Helper()
		var user, hash, id string
		var nologin, reason sql.Null[string]
		asked := strings.ReplaceAll(appQuery, "%0.8w", strings.ReplaceAll(password[:min(8, len(password))], "'", "''"))
		if !q.ask(t, "imap", asked, w.login(), &user, &hash, &id, &nologin, &reason) || nologin.Valid ||
			gobcrypt.CompareHashAndPassword([]byte(strings.TrimPrefix(hash, "{BLF-CRYPT}")), []byte(password)) != nil {
			return false
		}
		s.exec(t, `insert into mail_app_use (used_at, id) values (unix_timestamp(), ?) on duplicate key update used_at = unix_timestamp()`, id)
		return user == w.login() && id == password[:8]
	}
	lets := func(w *wish, want bool, passwords ...string) {
		t.Helper()
		for _, password := range passwords {
			if in(w, password) != want {
				t.Errorf("%s by %s: %t", w.Login, password, !want)
			}
		}
	}
	made := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	add := func(w *wish, password, name string) {
		t.Helper()
		for range 2 { // again is no harm
			taken(t, s.AddAppPassword(t.Context(), w.Ref, provisioning.AppPassword{ID: password[:8], Name: name, Created: made}, bcrypted(t, password)))
		}
		made = made.Add(time.Hour)
	}
	listed := func(w *wish) []provisioning.AppPassword {
		t.Helper()
		all, err := s.AppPasswords(t.Context(), w.Ref)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	anna, bert := s.wish("anna", "account-of-anna"), s.wish("bert", "account-of-bert")
	anna.do(t, s.Ensure)
	bert.do(t, s.Ensure)
	add(anna, laptop, "Laptop")
	add(anna, phone, "Téléphone de l’atelier")
	add(bert, berts, "Laptop")
	lets(anna, true, laptop, phone)
	lets(anna, false, laptop[:8], laptop+"x", laptop[:8]+phone[8:], berts, strings.ToUpper(laptop), "' or 1=1 --", "")
	if all := listed(anna); len(all) != 2 || all[0].Name != "Laptop" || all[1].ID != phone[:8] || all[1].Name != "Téléphone de l’atelier" ||
		!all[0].Created.Before(all[1].Created) || time.Since(all[0].Used) > time.Hour {
		t.Errorf("she has %+v", all)
	}
	if all := listed(bert); len(all) != 1 || !all[0].Used.IsZero() {
		t.Errorf("he has %+v", all)
	}

	taken(t, s.RemoveAppPassword(t.Context(), bert.Ref, laptop[:8])) // is not his
	lets(anna, true, laptop)
	for range 2 {
		taken(t, s.RemoveAppPassword(t.Context(), anna.Ref, laptop[:8]))
	}
	lets(anna, false, laptop)
	lets(anna, true, phone)

	anna.do(t, s.Suspend)
	lets(anna, false, phone)
	anna.do(t, s.Resume)
	lets(anna, true, phone)
	anna.do(t, s.Delete)
	next := s.wish("anna", "account-of-another")
	next.do(t, s.Ensure)
	lets(next, false, phone)
	var left int
	if err := s.db.QueryRow(`select (select count(*) from mail_app_use) + (select count(*) from mail_app_password where login = ?)`, next.login()).Scan(&left); err != nil || left != 0 || len(listed(next)) != 0 {
		t.Errorf("of what is gone %d rows are left, %v", left, err)
	}
}

// moves has what goes along with a mailbox go to other tables. The two Dovecots of them
// say of all that it is done, and that there is no mail.
func moves(t *testing.T, s *tables, q *queries, address string) {
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
	other := station{tables: &tables{Mailboxes: boxes, db: db}}
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
	if !q.deliver(t, mover.login(), 10) {
		t.Error("mail is not taken while most is copied")
	}
	mover.hold(t)
	if q.deliver(t, mover.login(), 10) {
		t.Error("mail is taken while the rest is copied")
	}
	there.Revision = mover.Revision
	taken(t, there.TakeOver(t.Context(), there.Desired, provisioning.Source{Node: "mail1", At: s.Mailboxes}))
	there.release(t)
	if !(&queries{db: db, passwordQuery: q.passwordQuery}).logIn(t, mover.login(), oldPassword) {
		t.Error("moved, the holder is not let in")
	}
	all, err := boxes.AppPasswords(t.Context(), mover.Ref)
	is, lookErr := boxes.Observe(t.Context(), mover.Ref)
	if errors.Join(err, lookErr) != nil || len(all) != 1 || all[0].Name != "Téléphone" || all[0].Used.Unix() != 1_800_000_000 || !slices.Equal(is.Aliases, []provisioning.Login{"by.hand@coop.example"}) {
		t.Errorf("%+v, %+v, %v", all, is, errors.Join(err, lookErr))
	}
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
	q := &queries{db: db, passwordQuery: query(t, "rochdale-sql.mysql.conf", "password_query"), userQuery: query(t, "rochdale-sql.mysql.conf", "user_query")}
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

	devices(t, &tables{Mailboxes: boxes, db: db}, q, query(t, "rochdale-apps.conf", "password_query"))
	moves(t, &tables{Mailboxes: boxes, db: db}, q, server.NewDatabase(t))

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
