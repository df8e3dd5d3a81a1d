package mail_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/mailtest"
	"rochdale/internal/pgtest"
)

func TestFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "some", "% & ?", "mail")
	path := filepath.Join(dir, "mailboxes.db")
	mode := func(path string) fs.FileMode {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode() &^ fs.ModeDir
	}
	beside := []string{path, path + "-wal", path + "-shm"}
	reopen := func() *tables {
		return open(t, &tables{path: path})
	}
	s := reopen()
	if m := mode(dir); m != 0o770|fs.ModeSetgid {
		t.Errorf("the folder is made with mode %v", m)
	}
	if m := mode(filepath.Dir(dir)); m&0o007 != 0 {
		t.Errorf("the folder above is made with mode %v", m)
	}
	anna := s.wish("anna", "account-1")
	anna.do(t, s.Ensure)
	for range 2 {
		for _, p := range beside {
			if m := mode(p); m != 0o660 {
				t.Errorf("%s has mode %v", filepath.Base(p), m)
			}
		}
		if err := s.db.Close(); err != nil { // what lies beside it stays
			t.Fatal(err)
		}
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != 3 {
		t.Errorf("there is %q, %v", names, err)
	}
	if hidden, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(hidden) != 0 {
		t.Errorf("left lying is %q, %v", hidden, err)
	}

	// What an operator has set stays so.
	for p, m := range map[string]fs.FileMode{dir: 0o750, path: 0o640} {
		if err := os.Chmod(p, m); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen()
	if mode(dir) != 0o750 || mode(path) != 0o640 {
		t.Errorf("of modes 0750 and 0640 it made %v and %v", mode(dir), mode(path))
	}
	if is, err := s.Observe(t.Context(), anna.Ref); err != nil || !is.Exists {
		t.Errorf("what was kept is %+v, %v", is, err)
	}
}

// TestErased shows that of what is deleted nothing is left in SQLite's file.
func TestErased(t *testing.T) {
	t.Parallel()
	s := open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")})
	anna := s.wish("anna.of-whom-nothing-is-left", "account-1")
	anna.do(t, s.Ensure)
	c := bcrypted(t, oldPassword)
	anna.lets(t, c)
	anna.do(t, s.Delete)
	s.exec(t, `delete from mail_purge`) // as the mail server does
	bert := s.wish("bert", "account-2")
	bert.do(t, s.Ensure)
	bert.do(t, s.Delete)
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(s.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), string(anna.Login)) || strings.Contains(string(text), c.Hash) {
			t.Errorf("mailboxes.db%s still has it", suffix)
		}
	}
}

func TestOpenAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *tables) {
		empty := &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")}
		if s.cluster != nil {
			empty = &tables{path: s.cluster.NewDatabase(t), cluster: s.cluster}
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { open(t, empty.again()) })
		}
		wg.Wait()
		again := open(t, empty)
		var versions int
		if err := again.db.QueryRow(`select count(*) from mail_schema`).Scan(&versions); err != nil || versions != 4 {
			t.Errorf("the tables were made %d times, %v", versions, err)
		}

		again.exec(t, `insert into mail_schema values (1000)`)
		if _, err := mail.Open(t.Context(), again.db, again.dialect()); !isA(err, fault.Denied) || !strings.Contains(err.Error(), "1000") {
			t.Errorf("tables of a newer program: %v", err)
		}
	})
}

// again returns what can be opened again.
func (s *tables) again() *tables {
	return &tables{path: s.path, cluster: s.cluster, maria: s.maria, at: s.at}
}

func (s *tables) dialect() mail.Dialect {
	switch {
	case s.cluster != nil:
		return mail.PostgreSQL
	case s.maria != nil:
		return mail.MySQL
	}
	return mail.SQLite
}

func isA(err error, class fault.Class) bool {
	e, ok := errors.AsType[*fault.Error](err)
	return ok && e.Class == class
}

func TestDialect(t *testing.T) {
	s := open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")})
	if _, err := mail.Open(t.Context(), s.db, "cobol"); !isA(err, fault.Unsupported) {
		t.Error(err)
	}
}

// TestUsageOfNone shows that a session that outlives its account does not count in
// that of who comes after.
func TestUsageOfNone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *tables) {
		anna := s.wish("anna", "account-1")
		const dovecots = `insert into mail_usage (login, bytes) values ($1, $2) on conflict (login) do update set bytes = excluded.bytes`
		used := func() domain.Bytes {
			is, err := s.Observe(t.Context(), anna.Ref)
			if err != nil || is.Used == nil {
				t.Fatalf("%+v, %v", is, err)
			}
			return *is.Used
		}
		anna.do(t, s.Ensure)
		s.exec(t, dovecots, anna.Login, 5000)
		if used() != 5000 {
			t.Errorf("used is %d", used())
		}
		anna.do(t, s.Delete)
		s.exec(t, dovecots, anna.Login, 7000)
		var rows int
		if err := s.db.QueryRow(`select count(*) from mail_usage`).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("usage of %d that are not there, %v", rows, err)
		}
		next := s.wish("anna", "account-2")
		next.do(t, s.Ensure)
		if used() != 0 {
			t.Errorf("used is %d", used())
		}

		theirs := s.wish("operators", "account-3")
		s.exec(t, `insert into mail_account (login, box) values ($1, 'operators')`, theirs.Login)
		if is, err := s.Observe(t.Context(), theirs.Ref); err != nil || is.Used != nil {
			t.Errorf("what nobody counted is %+v, %v", is, err)
		}
		s.exec(t, dovecots, theirs.Login, 9000)
		s.exec(t, `delete from mail_account where login = $1`, theirs.Login)
		theirs.do(t, s.Ensure)
		if is, err := s.Observe(t.Context(), theirs.Ref); err != nil || *is.Used != 0 {
			t.Errorf("what an operator left is counted: %+v, %v", is, err)
		}
	})
}

// TestBoxes shows that mail is found again when the tables are lost, and by nobody
// else, whatever happened before.
func TestBoxes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *tables) {
		box := func(w *wish) (box string) {
			t.Helper()
			if err := s.db.QueryRow(`select box from mail_account where login = $1`, w.Login).Scan(&box); err != nil {
				t.Fatal(err)
			}
			return box
		}
		anna := s.wish("anna", "account-1")
		boxes := map[string]string{}
		for _, name := range []string{"her first", "her second", "her third"} {
			anna.do(t, s.Ensure)
			anna.do(t, s.SetQuota)
			boxes[box(anna)] = name
			anna.do(t, s.Delete)
			anna.do(t, s.Delete)
		}
		next := s.wish("anna", "account-2")
		next.do(t, s.Ensure)
		first := box(next)
		if boxes[first] = "another's"; len(boxes) != 4 {
			t.Errorf("boxes are used again: %v", boxes)
		}
		for _, table := range []string{"mail_account", "mail_usage", "mail_deleted", "mail_purge"} {
			s.exec(t, `delete from `+table)
		}
		next.do(t, s.Ensure)
		if again := box(next); again != first {
			t.Errorf("mail is in %s, and looked for in %s", first, again)
		}
	})
}

func TestUnremoved(t *testing.T) {
	onBoth(t, func(t *testing.T, s *tables) {
		unremoved := func(longer time.Duration, want int) {
			t.Helper()
			if n, err := s.Unremoved(t.Context(), longer); err != nil || n != want {
				t.Errorf("for longer than %v: %d, %v, want %d", longer, n, err, want)
			}
		}
		anna := s.wish("anna", "account-1")
		anna.do(t, s.Ensure)
		unremoved(-time.Hour, 0)
		anna.do(t, s.Delete)
		unremoved(-time.Hour, 1)
		unremoved(time.Hour, 0)
		s.exec(t, `delete from mail_purge`)
		unremoved(-time.Hour, 0)
	})
}

// TestSecrets shows that no error has a hash in it.
func TestSecrets(t *testing.T) {
	t.Parallel()
	s := open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")})
	anna := s.wish("anna", "account-1")
	anna.do(t, s.Ensure)
	good := bcrypted(t, oldPassword)
	for _, c := range []provisioning.Credential{
		{Scheme: "PLAIN", Hash: good.Hash},
		{Scheme: good.Scheme, Hash: good.Hash + "x"},
		{Scheme: good.Scheme, Hash: strings.Replace(good.Hash, "$04$", "$31$", 1)},
		{Scheme: "ARGON2ID", Hash: strings.Replace(argon2ed(oldPassword).Hash, "m=19456", "m=131073", 1)},
		{Scheme: "ARGON2ID", Hash: strings.Replace(argon2ed(oldPassword).Hash, "t=2", "t=17", 1)},
	} {
		err := s.SetCredential(t.Context(), anna.Ref, c)
		if !isA(err, fault.Invalid) && !isA(err, fault.Unsupported) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), c.Hash) {
			t.Error(err)
		}
	}
	s.exec(t, `create trigger no before update on mail_account begin select raise(abort, 'no'); end`)
	err := s.SetCredential(t.Context(), anna.Ref, good)
	if !isA(err, fault.Invalid) || strings.Contains(fmt.Sprintf("%v %+v", err, err), good.Hash) {
		t.Error(err)
	}
}

// port calls what changes and what does not, and returns the errors.
func (w *wish) port(ctx context.Context) map[string]error {
	errs := map[string]error{"check": w.Check(ctx)}
	_, errs["observe"] = w.Observe(ctx, w.Ref)
	_, errs["list"] = w.List(ctx, "", 10)
	_, errs["ensure"] = w.Ensure(ctx, w.Desired)
	errs["password"] = w.SetCredential(ctx, w.Ref, argon2ed(oldPassword))
	return errs
}

func (w *wish) all(t *testing.T, class fault.Class, but ...string) {
	t.Helper()
	for what, err := range w.port(t.Context()) {
		if slices.Contains(but, what) {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		} else if !isA(err, class) {
			t.Errorf("%s: %v, want it to be %s", what, err, class)
		}
	}
}

func TestFaultsOfSQLite(t *testing.T) {
	t.Parallel()
	s := open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")})
	s.wish("anna", "account-1").do(t, s.Ensure)
	reads := []string{"observe", "list"}

	t.Run("another process writes for too long", func(t *testing.T) {
		tx, err := open(t, s.again()).db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		w := s.wish("anna", "account-1")
		if _, err := w.Observe(t.Context(), w.Ref); err != nil {
			t.Errorf("whoever writes keeps others from reading: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err = w.Ensure(ctx, w.Desired)
		if !isA(err, fault.Transient) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	raw := func(t *testing.T, params string, pragmas ...string) *wish {
		t.Helper()
		db, err := driver.Open("file:"+s.path+params, func(c *sqlite3.Conn) error {
			for _, p := range pragmas {
				if err := c.Exec(p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		m, err := mail.Open(t.Context(), db, mail.SQLite)
		if err != nil {
			t.Fatal(err)
		}
		return (&tables{Mailboxes: m, db: db}).wish("bert", "account-2")
	}
	t.Run("the disk is full", func(t *testing.T) {
		w := raw(t, "", "pragma max_page_count=1") // which is taken to be as many as there are
		var err error
		for n := 0; err == nil && n < 10_000; n++ {
			next := *w
			next.Login, next.Account = provisioning.Login(fmt.Sprintf("%s-%d@coop.example", strings.Repeat("x", 40), n)), domain.AccountID(fmt.Sprint("full-", n))
			_, err = w.Ensure(t.Context(), next.Desired)
		}
		if !isA(err, fault.Unavailable) {
			t.Error(err)
		}
	})
	t.Run("the file may not be written to", func(t *testing.T) {
		w := raw(t, "")
		if _, err := w.db.Exec(`pragma query_only=on`); err != nil {
			t.Fatal(err)
		}
		w.db.SetMaxOpenConns(1)
		w.all(t, fault.Denied, reads...)
	})
	t.Run("the tables were taken away", func(t *testing.T) {
		w := raw(t, "")
		if _, err := w.db.Exec(`drop view mail_suspended; drop table mail_account`); err != nil {
			t.Fatal(err)
		}
		w.all(t, fault.Transient)
	})
	t.Run("the file is another's", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "mailboxes.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("This is a letter. ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := mail.OpenSQLite(path)
		if err == nil {
			defer db.Close()
			_, err = mail.Open(t.Context(), db, mail.SQLite)
		}
		if !isA(err, fault.Unavailable) {
			t.Error(err)
		}
	})
}

func TestFaultsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	c := pgtest.Start(t)
	s := open(t, &tables{path: c.NewDatabase(t), cluster: c})
	s.wish("anna", "account-1").do(t, s.Ensure)
	s.exec(t, `create role guest login password 'guest'`)
	s.exec(t, `grant select on mail_account, mail_usage, mail_alias to guest`)
	as := func(change func(*url.URL)) *wish {
		t.Helper()
		u, err := url.Parse(s.path)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		db, err := sql.Open("pgx", u.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		m := *s.Mailboxes
		mail.Use(&m, db)
		w := (&tables{Mailboxes: &m, db: db}).wish("anna", "account-1")
		w.Revision = 10
		return w
	}
	param := func(name, value string) func(*url.URL) {
		return func(u *url.URL) {
			q := u.Query()
			q.Set(name, value)
			u.RawQuery = q.Encode()
		}
	}
	as(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") }).all(t, fault.Denied)
	as(func(u *url.URL) { u.Path = "/nowhere" }).all(t, fault.Denied)
	as(func(u *url.URL) { u.User = url.UserPassword("guest", "guest") }).all(t, fault.Denied, "observe", "list")
	as(param("default_transaction_read_only", "on")).all(t, fault.Unavailable, "observe", "list")
	as(func(u *url.URL) { u.Host = "127.0.0.1:1" }).all(t, fault.Unavailable)

	tx, err := s.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`lock table mail_account in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	as(param("lock_timeout", "50")).all(t, fault.Transient)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	w := s.wish("anna", "account-1")
	w.Revision = 10
	if _, err := w.Ensure(ctx, w.Desired); !isA(err, fault.Transient) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}

	// What fails in its commit may have been committed; what fails before was not.
	s.exec(t, `create function no() returns trigger language plpgsql as $$ begin raise 'no'; end $$`)
	for timing, ambiguous := range map[string]bool{"initially deferred": true, "initially immediate": false} {
		s.exec(t, `create constraint trigger no after update on mail_account deferrable `+timing+` for each row execute function no()`)
		err := s.SetCredential(t.Context(), w.Ref, argon2ed(oldPassword))
		if _, is := fault.ClassOf(err); !isA(err, fault.Transient) || is != ambiguous {
			t.Errorf("%s: %v, ambiguous %v", timing, err, is)
		}
		s.exec(t, `drop trigger no on mail_account`)
	}

	for _, mode := range []pgtest.Mode{pgtest.Fast, pgtest.Immediate} {
		c.Stop(t, mode)
		w.all(t, fault.Unavailable)
		c.Restart(t, mode)
		eventually(t, "it is back", func() bool { return s.Check(t.Context()) == nil })
		if is, err := s.Observe(t.Context(), w.Ref); err != nil || !is.Exists {
			t.Errorf("what was kept is %+v, %v", is, err)
		}
	}
	s.exec(t, `drop table mail_account cascade`)
	w.all(t, fault.Denied)
}

// TestTidyNeedsTables shows that while the tables cannot be read, nothing is removed.
func TestTidyNeedsTables(t *testing.T) {
	t.Parallel()
	c := pgtest.Start(t)
	database := c.NewDatabase(t)
	s := open(t, &tables{path: database, cluster: c})
	server := mailtest.StartDovecot(t, mailtest.PostgreSQL(t, c, database))
	anna, bert := s.wish("anna", "account-1"), s.wish("bert", "account-2")
	for _, w := range []*wish{anna, bert} {
		w.do(t, s.Ensure)
		w.lets(t, bcrypted(t, oldPassword))
		taken(t, server.Deliver(w.login(), "kept", 100))
	}
	m, err := server.LogIn(bert.login(), oldPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	anna.do(t, s.Delete)
	c.Stop(t, pgtest.Fast)
	if out, err := server.TryTidy(); err == nil {
		t.Errorf("without tables: %s", out)
	}
	if boxes := server.Boxes(t); len(boxes) != 2 || !m.Alive() {
		t.Errorf("there is %q", boxes)
	}
	c.Restart(t, pgtest.Fast)
	eventually(t, "the box is removed", func() bool {
		_, err := server.TryTidy()
		return err == nil && len(server.Boxes(t)) == 1
	})
	if !m.Alive() {
		t.Error("the session of another is ended")
	}
}

// workerEnv tells a test binary that it is one of the workers of TestProcesses,
// and on which tables it works.
const workerEnv = "ROCHDALE_MAILTEST_WORKER"

// TestProcesses lets two processes work at once on the same accounts, and kills
// one of them at any moment, several times over.
func TestProcesses(t *testing.T) {
	if given := os.Getenv(workerEnv); given != "" {
		work(t, given)
		return
	}
	onBoth(t, func(t *testing.T, s *tables) {
		stays := spawn(t, s.path)
		for range 4 {
			dies := spawn(t, s.path)
			dies.await(t, 40)
			stays.await(t, 40)
			_ = dies.cmd.Process.Kill()
			_ = dies.cmd.Wait()
			stays.await(t, 40) // is not held up by the dead
		}
		_ = stays.stdin.Close()
		for stays.acks.Scan() {
		}
		if err := stays.cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, stays.output.String())
		}

		for what, query := range map[string]string{
			"accounts whose box is to be removed":    `select count(*) from mail_account a join mail_purge p on p.box = a.box`,
			"accounts older than their deletion":     `select count(*) from mail_account a join mail_deleted d on d.account = a.account where a.revision < d.revision`,
			"accounts without usage":                 `select count(*) from mail_account a where not exists (select 1 from mail_usage u where u.login = a.login)`,
			"usage without an account":               `select count(*) from mail_usage u where not exists (select 1 from mail_account a where a.login = u.login)`,
			"accounts under another login than ours": `select count(*) from mail_account where login <> account || '@coop.example'`,
		} {
			var n int
			if err := s.db.QueryRow(query).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s: %d, %v", what, n, err)
			}
		}
		if len(s.boxesToPurge(t)) == 0 {
			t.Error("nothing was deleted")
		}
		for _, w := range shared(s) { // and it goes on
			w.Revision = 1 << 62
			w.do(t, s.Ensure)
			w.do(t, s.Resume)
			is, err := s.Observe(t.Context(), w.Ref)
			if err != nil || is.Account != w.Account || *is.Access != provisioning.Active || *is.Quota != w.Quota {
				t.Errorf("%+v, %v", is, err)
			}
		}
	})
}

// shared are the accounts on which all workers work.
func shared(s *tables) (all []*wish) {
	for n := range 4 {
		name := fmt.Sprint("shared-", n)
		all = append(all, s.wish(name, name))
	}
	return all
}

// work changes accounts until there is no more standard input, and says on
// descriptor 3 when it has.
func work(t *testing.T, path string) {
	s := &tables{path: path}
	if strings.HasPrefix(path, "postgres:") {
		s.cluster = &pgtest.Cluster{}
	}
	open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	acks := os.NewFile(3, "acks")
	var wg sync.WaitGroup
	for _, w := range shared(s) {
		wg.Go(func() {
			steps := []func(context.Context, provisioning.Desired) (provisioning.Observed, error){s.Ensure, s.SetQuota, s.Suspend, s.Resume, s.Delete}
			for n := 0; ctx.Err() == nil; n++ {
				w.Revision, w.Quota = time.Now().UnixNano(), domain.Bytes(n)
				is, err := steps[n%len(steps)](ctx, w.Desired)
				if err == nil && is.Exists && is.Account != w.Account {
					t.Errorf("%+v", is)
				}
				if err != nil && !isA(err, fault.Transient) { // overtaken, or deleted by the other
					t.Error(err)
				}
				if err == nil {
					fmt.Fprintln(acks, n)
				}
			}
		})
	}
	wg.Wait()
}

type worker struct {
	cmd    *exec.Cmd
	stdin  interface{ Close() error }
	acks   *bufio.Scanner
	output *strings.Builder
}

func spawn(t *testing.T, path string) *worker {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	p := &worker{cmd: exec.Command(os.Args[0], "-test.run=^TestProcesses$"), acks: bufio.NewScanner(r), output: &strings.Builder{}}
	p.cmd.Env = append(os.Environ(), workerEnv+"="+path)
	p.cmd.ExtraFiles = []*os.File{w}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// await waits until the worker has made so many changes more.
func (p *worker) await(t *testing.T, n int) {
	t.Helper()
	for range n {
		if !p.acks.Scan() {
			_ = p.cmd.Wait()
			t.Fatalf("a worker ended: %s", p.output.String())
		}
	}
}
