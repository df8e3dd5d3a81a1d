package mail_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/adapters/provisiontest"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/mailtest"
	"rochdale/internal/mariadbtest"
	"rochdale/internal/pgtest"
)

// TestMain has more tests at once than there are processors, unless somebody says how
// many: they mostly wait for servers.
func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		if err := flag.Set("test.parallel", "5"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// tables are those of a dialect, and where mail servers find them.
type tables struct {
	*mail.Mailboxes
	db      *sql.DB
	at      mailtest.Tables
	path    string              // of SQLite, or the database
	cluster *pgtest.Cluster     // of PostgreSQL
	maria   *mariadbtest.Server // of MariaDB
}

func onSQLite(t *testing.T) *tables {
	t.Helper()
	at, path := mailtest.SQLite(t)
	return open(t, &tables{at: at, path: path})
}

func onPostgreSQL(t *testing.T) *tables {
	t.Helper()
	cluster := pgtest.Start(t)
	database := cluster.NewDatabase(t)
	return open(t, &tables{at: mailtest.PostgreSQL(t, cluster, database), path: database, cluster: cluster})
}

func onMariaDB(t *testing.T) *tables {
	t.Helper()
	server := mariadbtest.Start(t)
	database := server.NewDatabase(t)
	return open(t, &tables{at: mailtest.MariaDB(t, database), path: database, maria: server})
}

// onAll runs a test on all dialects.
func onAll(t *testing.T, test func(*testing.T, *tables)) {
	onBoth(t, test)
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		test(t, onMariaDB(t))
	})
}

// onBoth runs a test on SQLite and PostgreSQL, at once with others: servers mostly wait.
func onBoth(t *testing.T, test func(*testing.T, *tables)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t))
	})
	t.Run("postgresql", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgreSQL(t))
	})
}

func open(t *testing.T, s *tables) *tables {
	t.Helper()
	var err error
	switch s.dialect() {
	case mail.SQLite:
		s.db, err = mail.OpenSQLite(s.path)
	case mail.MySQL:
		s.db, err = mail.OpenMySQL(s.path)
	default:
		s.db, err = sql.Open("pgx", s.path+"&default_query_exec_mode=cache_describe") // as behind a proxy
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	if s.Mailboxes, err = mail.Open(t.Context(), s.db, s.dialect()); err != nil {
		t.Fatal(err)
	}
	return s
}

// parameters are how SQLite and PostgreSQL number them.
var parameters = regexp.MustCompile(`\$\d`)

func (s *tables) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if s.dialect() == mail.MySQL {
		query = parameters.ReplaceAllLiteralString(query, "?")
	}
	if _, err := s.db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	onAll(t, func(t *testing.T, s *tables) {
		var settings []string
		if s.dialect() == mail.SQLite { // which Dovecot keeps in mind, here, and is told of
			settings = append(settings, "auth_cache_size = 1M", "auth_cache_ttl = 1 hour", "auth_cache_negative_ttl = 1 hour", "auth_cache_verify_password_with_worker = no")
		}
		server := mailtest.StartDovecot(t, s.at, settings...)
		f := provisiontest.Fixture{
			Port: s, Domain: mailtest.Domain, Ordered: true, Tidy: server.Tidy,
			Foreign: func(t testing.TB, login provisioning.Login) {
				box := strings.NewReplacer("@", "", ".", "", "-", "").Replace(string(login))
				s.exec(t, `insert into mail_account (login, box) values ($1, $2)`, login, box)
			},
			LogIn: func(t testing.TB, login, password string) bool {
				m, err := server.LogIn(login, password)
				if err == nil {
					m.Close()
				} else if !errors.Is(err, mailtest.ErrRefused) {
					t.Fatal(err)
				}
				return err == nil
			},
			Put: func(t testing.TB, login provisioning.Login, _ string, size int) bool {
				err := server.Deliver(string(login), "contract", size)
				if err != nil && !errors.Is(err, mailtest.ErrRefused) {
					t.Fatal(err)
				}
				return err == nil
			},
			Holds: func(t testing.TB, login provisioning.Login, password string) int {
				m, err := server.LogIn(string(login), password)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				_, size := m.Holds(t)
				return size
			},
		}
		if settings != nil {
			s.Tell(doveadm(server))
			f.Tidy = nil
			f.Session = func(t testing.TB, login provisioning.Login, password string) func() bool {
				m, err := server.LogIn(string(login), password)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(m.Close)
				return m.Alive
			}
			f.Troubles = []provisiontest.Trouble{
				{Name: "Dovecot is away", Class: fault.Unavailable, Ambiguous: true, Happens: true, Begin: func(testing.TB) func() {
					away := doveadm(server)
					away.URL = "http://127.0.0.1:1"
					s.Tell(away)
					return func() { s.Tell(doveadm(server)) }
				}},
				{Name: "another key", Class: fault.Denied, Ambiguous: true, Happens: true, Begin: func(testing.TB) func() {
					other := doveadm(server)
					other.Key = func() (string, error) { return "guessed", nil }
					s.Tell(other)
					return func() { s.Tell(doveadm(server)) }
				}},
			}
		}
		switch {
		case s.cluster != nil:
			f.Outage = func(t testing.TB) func() {
				s.cluster.Stop(t, pgtest.Fast)
				return func() { s.cluster.Restart(t, pgtest.Fast) }
			}
		case s.maria != nil:
			f.Outage = func(t testing.TB) func() {
				s.maria.Stop(t)
				return func() { s.maria.Restart(t) }
			}
		}
		provisiontest.Run(t, f)
	})
}

func doveadm(server *mailtest.Server) *mail.Doveadm {
	return &mail.Doveadm{
		URL: server.Doveadm, Store: server.Store(), Dsync: server.Dsync, Key: func() (string, error) { return mailtest.DoveadmKey, nil },
	}
}

// wish is an account as it is wanted, on tables.
type wish struct {
	*tables
	provisioning.Desired
}

func (s *tables) wish(local, account string) *wish {
	return &wish{s, provisioning.Desired{
		Ref: provisioning.Ref{Service: domain.Mail, Login: provisioning.Login(local + "@" + mailtest.Domain)}, Account: domain.AccountID(account),
		Access: provisioning.Active, Quota: 5 * domain.GB,
	}}
}

func (w *wish) login() string { return string(w.Login) }

// do has the wish carried out, as the next one.
func (w *wish) do(t testing.TB, change func(context.Context, provisioning.Desired) (provisioning.Observed, error)) {
	t.Helper()
	w.Revision++
	if _, err := change(t.Context(), w.Desired); err != nil {
		t.Fatal(err)
	}
}

func (w *wish) lets(t testing.TB, c provisioning.Credential) {
	t.Helper()
	if err := w.SetCredential(t.Context(), w.Ref, c); err != nil {
		t.Fatal(err)
	}
}

func bcrypted(t testing.TB, password string) provisioning.Credential {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return provisioning.Credential{Scheme: "BLF-CRYPT", Hash: string(hash)}
}

func argon2ed(password string) provisioning.Credential {
	salt := []byte("saltsaltsaltsalt")
	key := argon2.IDKey([]byte(password), salt, 2, 19*1024, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return provisioning.Credential{Scheme: "ARGON2ID", Hash: "$argon2id$v=19$m=19456,t=2,p=1$" + b64(salt) + "$" + b64(key)}
}

// refused fails the test unless an error is a refusal that says something.
func refused(t testing.TB, err error, says string) {
	t.Helper()
	if !errors.Is(err, mailtest.ErrRefused) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want a refusal that says %q", err, says)
	}
}

func taken(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for begun := time.Now(); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

const (
	oldPassword = "three or four words"
	newPassword = "vier Wörter sind schön"
)

// TestLife is the life of a mailbox, with Dovecot and Postfix.
func TestLife(t *testing.T) {
	onAll(t, func(t *testing.T, s *tables) {
		server := mailtest.Start(t, s.at)
		in := func(w *wish, password string) *mailtest.Mailbox {
			t.Helper()
			m, err := server.LogIn(w.login(), password)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.Close)
			return m
		}
		arrives := func(m *mailtest.Mailbox, subject string) {
			t.Helper()
			eventually(t, "a message arrives: "+subject, func() bool { return slices.Contains(m.Subjects(t), subject) })
		}
		anna, bert, office := s.wish("anna", "account-1"), s.wish("bert", "account-2"), s.wish("office", "account-3")

		refused(t, server.Send(anna.login(), "too early", 100), "550 5.1.1")
		for _, w := range []*wish{anna, bert, office} {
			w.do(t, s.Ensure)
		}
		_, err := server.LogIn(anna.login(), "")
		refused(t, err, "AUTHENTICATIONFAILED") // there is no password yet
		taken(t, server.Send(anna.login(), "welcome", 100))
		anna.lets(t, bcrypted(t, "forgotten at once"))
		anna.lets(t, argon2ed(oldPassword))
		bert.lets(t, bcrypted(t, newPassword))
		office.lets(t, argon2ed(newPassword))
		_, err = server.LogIn(anna.login(), "forgotten at once")
		refused(t, err, "AUTHENTICATIONFAILED")
		box, bertsBox := in(anna, oldPassword), in(bert, newPassword)
		arrives(box, "welcome")

		t.Log("Mail comes in by all ways, and goes nowhere else.")
		taken(t, server.Deliver(anna.login(), "by LMTP", 100))
		arrives(box, "by LMTP")
		taken(t, server.Send("anna+lists@"+mailtest.Domain, "with a detail", 100))
		arrives(box, "with a detail")
		taken(t, server.Send("ANNA@"+strings.ToUpper(mailtest.Domain), "in capitals", 100))
		arrives(box, "in capitals")
		taken(t, server.Send("postmaster@"+mailtest.Domain, "to the postmaster", 100))
		arrives(in(office, newPassword), "to the postmaster")
		refused(t, server.Send("anna@elsewhere.example", "relayed", 100), "554 5.7.1")

		t.Log("Members send as themselves.")
		taken(t, server.Submit(bert.login(), newPassword, bert.login(), anna.login(), "from bert"))
		arrives(box, "from bert")
		taken(t, server.SubmitByStartTLS(bert.login(), newPassword, bert.login(), anna.login(), "by STARTTLS"))
		arrives(box, "by STARTTLS")
		refused(t, server.Submit(bert.login(), newPassword, anna.login(), anna.login(), "as anna"), "553 5.7.1")
		refused(t, server.Submit(bert.login(), oldPassword, bert.login(), anna.login(), "guessed"), "535")

		t.Log("A quota holds, and can be raised.")
		anna.Quota = 200_000
		anna.do(t, s.SetQuota)
		refused(t, server.Send(anna.login(), "too large", 300_000), "552 5.2.2")
		refused(t, server.Deliver(anna.login(), "too large", 300_000), "552 5.2.2")
		if used, limit, limited := in(anna, oldPassword).Quota(t); !limited || limit != 196 || used == 0 {
			t.Errorf("the holder is told that they use %d of %d KiB", used, limit)
		}
		anna.Quota = 1_000_000
		anna.do(t, s.SetQuota)
		taken(t, server.Send(anna.login(), "large", 300_000))
		arrives(box, "large")
		eventually(t, "usage is told", func() bool {
			is, err := s.Observe(t.Context(), anna.Ref)
			return err == nil && *is.Used > 300_000
		})
		anna.Quota = 0
		anna.do(t, s.SetQuota)
		refused(t, server.Send(anna.login(), "into nothing", 100), "552 5.2.2")
		anna.Quota = provisioning.Unlimited
		anna.do(t, s.SetQuota)
		taken(t, server.Send(anna.login(), "without a limit", 100))
		arrives(box, "without a limit")

		t.Log("Mail comes under further addresses, and she sends by them.")
		anna.Aliases = []provisioning.Login{"a.lee@" + mailtest.Domain, "anna.lee@" + mailtest.Domain}
		anna.do(t, s.SetAliases)
		taken(t, server.Send("a.lee@"+mailtest.Domain, "to an alias", 100))
		arrives(box, "to an alias")
		taken(t, server.Send("Anna.Lee+lists@"+mailtest.Domain, "to another", 100))
		arrives(box, "to another")
		taken(t, server.Submit(anna.login(), oldPassword, "a.lee@"+mailtest.Domain, bert.login(), "from an alias"))
		arrives(bertsBox, "from an alias")
		refused(t, server.Submit(bert.login(), newPassword, "a.lee@"+mailtest.Domain, anna.login(), "from her alias"), "553 5.7.1")
		anna.Aliases = []provisioning.Login{"a.lee@" + mailtest.Domain}
		anna.do(t, s.SetAliases)
		refused(t, server.Send("anna.lee@"+mailtest.Domain, "to an alias that was", 100), "550 5.1.1")

		t.Log("Mail is deferred, rejected and taken again.")
		for inbound, says := range map[provisioning.Inbound]string{provisioning.Defer: "450 4.2.1", provisioning.Reject: "550 5.2.1"} {
			anna.Inbound = inbound
			anna.do(t, s.SetInbound)
			for _, to := range []string{anna.login(), "a.lee@" + mailtest.Domain, "anna+lists@" + mailtest.Domain} {
				refused(t, server.Send(to, "closed", 100), says)
			}
			taken(t, server.Send(bert.login(), "open", 100))
		}
		anna.Inbound = provisioning.Accept
		anna.do(t, s.SetInbound)
		taken(t, server.Send("a.lee@"+mailtest.Domain, "open again", 100))
		arrives(box, "open again")

		t.Log("Suspended, she neither reads nor sends, and her mail arrives.")
		anna.do(t, s.Suspend)
		_, err = server.LogIn(anna.login(), oldPassword)
		refused(t, err, "Account suspended")
		_, err = server.LogIn(anna.login(), "guessed")
		if refused(t, err, "AUTHENTICATIONFAILED"); strings.Contains(fmt.Sprint(err), "suspended") {
			t.Errorf("who guesses is told that she is suspended: %v", err)
		}
		refused(t, server.Submit(anna.login(), oldPassword, anna.login(), bert.login(), "suspended"), "535")
		refused(t, server.SubmitByStartTLS(anna.login(), oldPassword, anna.login(), bert.login(), "suspended"), "535")
		taken(t, server.Send(anna.login(), "meanwhile", 100))
		server.Tidy(t)
		eventually(t, "her session is ended", func() bool { return !box.Alive() })
		if !bertsBox.Alive() {
			t.Error("the session of another is ended")
		}
		anna.do(t, s.Resume)
		box = in(anna, oldPassword)
		arrives(box, "meanwhile")
		arrives(box, "welcome")
		taken(t, server.Submit(anna.login(), oldPassword, anna.login(), bert.login(), "resumed"))
		arrives(bertsBox, "resumed")
		server.Tidy(t)
		if !box.Alive() {
			t.Error("the session of one who was resumed is ended")
		}

		t.Log("Deleted, there is nobody, and soon nothing on the disk.")
		before := server.Boxes(t)
		anna.do(t, s.Delete)
		_, err = server.LogIn(anna.login(), oldPassword)
		if refused(t, err, "AUTHENTICATIONFAILED"); strings.Contains(fmt.Sprint(err), "suspended") {
			t.Error(err)
		}
		refused(t, server.Submit(anna.login(), oldPassword, anna.login(), bert.login(), "deleted"), "535")
		refused(t, server.Send(anna.login(), "deleted", 100), "550 5.1.1")
		refused(t, server.Deliver(anna.login(), "deleted", 100), "550 5.1.1")

		t.Log("Who has the name next finds nothing of hers, before it is removed and after.")
		next := s.wish("anna", "account-4")
		next.do(t, s.Ensure)
		_, err = server.LogIn(next.login(), oldPassword)
		refused(t, err, "AUTHENTICATIONFAILED")
		next.lets(t, bcrypted(t, newPassword))
		if subjects := in(next, newPassword).Subjects(t); len(subjects) > 0 {
			t.Errorf("in a new mailbox: %q", subjects)
		}
		server.Tidy(t)
		eventually(t, "her session is ended", func() bool { return !box.Alive() })
		box = in(next, newPassword)
		taken(t, server.Send(next.login(), "hello again", 100))
		arrives(box, "hello again")
		if subjects := box.Subjects(t); len(subjects) != 1 {
			t.Errorf("in a new mailbox: %q", subjects)
		}
		if pending := s.boxesToPurge(t); len(pending) != 1 || slices.Contains(server.Boxes(t), pending[0]) || !slices.Contains(before, pending[0]) {
			t.Errorf("to be removed is %q, of %q; there is %q", pending, before, server.Boxes(t))
		}
		server.Tidy(t)
		if pending := s.boxesToPurge(t); len(pending) > 0 || len(server.Boxes(t)) != 3 {
			t.Errorf("still to be removed is %q; there is %q", pending, server.Boxes(t))
		}
		if !box.Alive() || !bertsBox.Alive() {
			t.Error("sessions of others are ended")
		}

		if s.cluster != nil {
			t.Log("While the database is away, mail is to be sent again, and none is lost.")
			s.cluster.Stop(t, pgtest.Fast)
			refused(t, server.Send(next.login(), "later", 100), "451 4.3.0")
			if !box.Alive() {
				t.Error("a session is ended")
			}
			if subjects := box.Subjects(t); len(subjects) != 1 {
				t.Errorf("of one message it has %q", subjects)
			}
		}
	})
}

func (s *tables) boxesToPurge(t testing.TB) []string {
	t.Helper()
	var all string
	query := map[mail.Dialect]string{
		mail.SQLite:     `select coalesce(group_concat(box, ' '), '') from mail_purge`,
		mail.PostgreSQL: `select coalesce(string_agg(box, ' '), '') from mail_purge`,
		mail.MySQL:      `select coalesce(group_concat(box separator ' '), '') from mail_purge`,
	}[s.dialect()]
	if err := s.db.QueryRowContext(t.Context(), query).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return strings.Fields(all)
}

// TestAway shows that mail goes on while the program is away: started or not, it is
// not needed for it.
func TestAway(t *testing.T) {
	onBoth(t, func(t *testing.T, s *tables) {
		anna := s.wish("anna", "account-1")
		anna.do(t, s.Ensure)
		anna.lets(t, bcrypted(t, oldPassword))
		taken(t, s.db.Close())
		server := mailtest.StartDovecot(t, s.at) // the first to open the file by now, and so the one that makes what lies beside it
		for range 2 {
			taken(t, server.Deliver(anna.login(), "while away", 10_000))
			m, err := server.LogIn(anna.login(), oldPassword)
			taken(t, err)
			m.Close()
			open(t, s)
			eventually(t, "usage is told", func() bool {
				is, err := s.Observe(t.Context(), anna.Ref)
				return err == nil && *is.Used > 10_000
			})
			anna.do(t, s.Suspend)
			_, err = server.LogIn(anna.login(), oldPassword)
			refused(t, err, "Account suspended")
			anna.do(t, s.Resume)
			taken(t, s.db.Close())
		}
	})
}
