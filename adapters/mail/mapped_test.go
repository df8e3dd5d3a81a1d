package mail_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	gobcrypt "golang.org/x/crypto/bcrypt"

	"rochdale/adapters/mail"
	"rochdale/adapters/provisiontest"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/mariadbtest"
	"rochdale/internal/pgtest"
)

// layouts are the tables of other programs, as they make them, of each the columns
// that have no default or that matter.
var layouts = map[string][]string{
	"postfixadmin pgsql": {
		`create table mailbox (username varchar(255) not null primary key, password varchar(255) not null default '', name varchar(255) not null default '',
			maildir varchar(255) not null default '', quota bigint not null default 0, created timestamp with time zone default now(),
			modified timestamp with time zone default now(), active boolean not null default true, domain varchar(255), local_part varchar(255) not null)`,
		`create table alias (address varchar(255) not null primary key, goto text not null, domain varchar(255) not null,
			created timestamp with time zone default now(), modified timestamp with time zone default now(), active boolean not null default true)`,
		`create table quota2 (username varchar(100) not null primary key, bytes bigint not null default 0, messages integer not null default 0)`,
	},
	"postfixadmin mysql": {
		`create table mailbox (username varchar(255) not null primary key, password varchar(255) not null, name varchar(255) not null, maildir varchar(255) not null,
			quota bigint(20) not null default 0, local_part varchar(255) not null, domain varchar(255) not null,
			created datetime not null default '2000-01-01 00:00:00', modified datetime not null default '2000-01-01 00:00:00', active tinyint(1) not null default 1)`,
		`create table alias (address varchar(255) not null primary key, goto text not null, domain varchar(255) not null,
			created datetime not null default '2000-01-01 00:00:00', modified datetime not null default '2000-01-01 00:00:00', active tinyint(1) not null default 1)`,
		`create table quota2 (username varchar(100) not null primary key, bytes bigint(20) not null default 0, messages int(11) not null default 0)`,
	},
	"postfixadmin sqlite": {
		`create table mailbox (username varchar(255) not null primary key, password varchar(255) not null, name varchar(255) not null, maildir varchar(255) not null,
			quota bigint not null default 0, local_part varchar(255) not null, domain varchar(255) not null, created datetime not null, modified datetime not null, active tinyint(1) not null default 1)`,
		`create table alias (address varchar(255) not null primary key, goto text not null, domain varchar(255) not null, created datetime not null, modified datetime not null, active tinyint(1) not null default 1)`,
		`create table quota2 (username varchar(100) not null primary key, bytes bigint not null default 0, messages integer not null default 0)`,
	},
	"iredmail mysql": {
		`create table mailbox (username varchar(255) not null primary key, password varchar(255) not null default '', name varchar(255) not null default '',
			language varchar(5) not null default '', mailboxformat varchar(50) not null default 'maildir', storagebasedirectory varchar(255) not null default '/var/vmail',
			storagenode varchar(255) not null default 'vmail1', maildir varchar(255) not null default '', quota bigint(20) not null default 0, domain varchar(255) not null default '',
			enablesmtp tinyint(1) not null default 1, enablesmtpsecured tinyint(1) not null default 1, enablepop3 tinyint(1) not null default 1, enablepop3secured tinyint(1) not null default 1,
			enableimap tinyint(1) not null default 1, enableimapsecured tinyint(1) not null default 1, enabledeliver tinyint(1) not null default 1, enablelda tinyint(1) not null default 1,
			enablemanagesieve tinyint(1) not null default 1, enablemanagesievesecured tinyint(1) not null default 1, enablelmtp tinyint(1) not null default 1,
			passwordlastchange datetime not null default '1970-01-01 01:01:01', created datetime not null default '1970-01-01 01:01:01', modified datetime not null default '1970-01-01 01:01:01',
			expired datetime not null default '9999-12-31 00:00:00', active tinyint(1) not null default 1)`,
		`create table forwardings (id bigint(20) unsigned auto_increment primary key, address varchar(255) not null default '', forwarding varchar(255) not null default '',
			domain varchar(255) not null default '', dest_domain varchar(255) not null default '', is_maillist tinyint(1) not null default 0, is_list tinyint(1) not null default 0,
			is_forwarding tinyint(1) not null default 0, is_alias tinyint(1) not null default 0, active tinyint(1) not null default 1, unique index (address, forwarding))`,
		`create table used_quota (username varchar(255) not null primary key, bytes bigint not null default 0, messages bigint not null default 0, domain varchar(255) not null default '')`,
		`create table deleted_mailboxes (id bigint(20) unsigned auto_increment primary key, timestamp timestamp not null default current_timestamp, username varchar(255) not null,
			domain varchar(255) not null default '', maildir varchar(255) not null default '', admin varchar(255) not null, delete_date date default null)`,
	},
}

// mapped is another program's tables, as its mail server reads them.
type mapped struct {
	*mail.Mapped
	db       *sql.DB
	m        mail.Map
	question string // the sign of a parameter
}

func (s *mapped) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), s.q(query), args...); err != nil {
		t.Fatal(err)
	}
}

// q numbers the parameters, where that is the way.
func (s *mapped) q(query string) string {
	for n := 1; s.question == "$" && strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", "$"+string(rune('0'+n)), 1)
	}
	return query
}

func (s *mapped) used(t testing.TB, login string) (used int64) {
	t.Helper()
	err := s.db.QueryRowContext(t.Context(), s.q("select "+s.m.Usage.Bytes+" from "+s.m.Usage.Table+" where username = ?"), login).Scan(&used)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return used
}

func (s *mapped) fixture() provisiontest.Fixture {
	flag := s.m.Active[0].Column
	return provisiontest.Fixture{
		Port: s, Domain: "coop.example",
		Foreign: func(t testing.TB, login provisioning.Login) {
			local := ""
			columns, values := "username, password, maildir, domain, name, created, modified", "?, ?, ?, ?, '', '2026-11-01 12:00:00', '2026-11-01 12:00:00'"
			if _, ok := s.m.Values["local_part"]; ok {
				columns, values = columns+", local_part", values+", 'x'"
			}
			s.exec(t, "insert into mailbox ("+columns+") values ("+values+")", string(login), local, "somewhere/"+string(login), login.Domain())
		},
		LogIn: func(t testing.TB, login, password string) bool {
			var hash string
			err := s.db.QueryRowContext(t.Context(), s.q("select password from mailbox where username = ? and "+flag+" = '1'"), strings.ToLower(login)).Scan(&hash)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Fatal(err)
			}
			return err == nil && gobcrypt.CompareHashAndPassword([]byte(strings.TrimPrefix(hash, "{BLF-CRYPT}")), []byte(password)) == nil
		},
		Put: func(t testing.TB, login provisioning.Login, _ string, size int) bool {
			var quota int64
			if err := s.db.QueryRowContext(t.Context(), s.q("select quota from mailbox where username = ?"), string(login)).Scan(&quota); err != nil {
				t.Fatal(err)
			}
			used := s.used(t, string(login)) + int64(size)
			if quota > 0 && used > quota*int64(max(1, s.m.Unit)) {
				return false
			}
			s.exec(t, "delete from "+s.m.Usage.Table+" where username = ?", string(login))
			s.exec(t, "insert into "+s.m.Usage.Table+" (username, bytes) values (?, ?)", string(login), used)
			return true
		},
		Holds: func(t testing.TB, login provisioning.Login, _ string) int { return int(s.used(t, string(login))) },
	}
}

func openMapped(t *testing.T, db *sql.DB, dialect mail.Dialect, layout string, m mail.Map) *mapped {
	t.Helper()
	t.Cleanup(func() { db.Close() })
	s := &mapped{db: db, m: m, question: "?"}
	if dialect == mail.PostgreSQL {
		s.question = "$"
	}
	for _, statement := range layouts[layout] {
		s.exec(t, statement)
	}
	var err error
	if s.Mapped, err = mail.OpenMapped(t.Context(), db, dialect, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPostfixAdminOnSQLite(t *testing.T) {
	t.Parallel()
	db, err := mail.OpenSQLite(filepath.Join(t.TempDir(), "mail", "postfixadmin.db"))
	if err != nil {
		t.Fatal(err)
	}
	provisiontest.Run(t, openMapped(t, db, mail.SQLite, "postfixadmin sqlite", mail.PostfixAdmin()).fixture())
}

func TestPostfixAdminOnPostgreSQL(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t)
	db, err := sql.Open("pgx", cluster.NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	f := openMapped(t, db, mail.PostgreSQL, "postfixadmin pgsql", mail.PostfixAdmin()).fixture()
	f.Outage = func(t testing.TB) func() {
		cluster.Stop(t, pgtest.Fast)
		return func() { cluster.Restart(t, pgtest.Fast) }
	}
	provisiontest.Run(t, f)
}

func TestOthersOnMariaDB(t *testing.T) {
	t.Parallel()
	server := mariadbtest.Start(t)
	for layout, m := range map[string]mail.Map{"postfixadmin mysql": mail.PostfixAdmin(), "iredmail mysql": mail.IRedMail()} {
		t.Run(layout, func(t *testing.T) {
			db, err := mail.OpenMySQL(server.NewDatabase(t))
			if err != nil {
				t.Fatal(err)
			}
			s := openMapped(t, db, mail.MySQL, layout, m)
			provisiontest.Run(t, s.fixture())
			if m.Deleted == nil {
				return
			}
			want := provisioning.Desired{
				Ref: provisioning.Ref{Service: domain.Mail, Login: "anna@coop.example"}, Account: "a1", Access: provisioning.Active, Quota: 5*domain.GB + 1,
				Aliases: []provisioning.Login{"a.lee@coop.example"},
			}
			is, err := s.Ensure(t.Context(), want)
			if err != nil || *is.Quota != 4769<<20 { // rounded up to the mebibyte
				t.Errorf("%v, %v", is.Quota, err)
			}
			var own, alias, deliver, quota int
			err = s.db.QueryRow(`select (select count(*) from forwardings where address = 'anna@coop.example' and is_forwarding = 1 and dest_domain = 'coop.example'),
				(select count(*) from forwardings where address = 'a.lee@coop.example' and forwarding = 'anna@coop.example' and is_alias = 1)`).Scan(&own, &alias)
			if err != nil || own != 1 || alias != 1 {
				t.Errorf("%d rows of its own and %d of its alias, %v", own, alias, err)
			}
			if _, err := s.Suspend(t.Context(), want); err != nil {
				t.Error(err)
			}
			if err := s.db.QueryRow(`select enabledeliver + enablelmtp + active + enableimap + enablesmtp, quota from mailbox where username = 'anna@coop.example'`).Scan(&deliver, &quota); err != nil || deliver != 3 || quota != 4769 {
				t.Errorf("suspended: flags %d, quota %d, %v", deliver, quota, err)
			}
			if _, err := s.Delete(t.Context(), want); err != nil {
				t.Error(err)
			}
			var folder string
			if err := s.db.QueryRow(`select maildir from deleted_mailboxes where username = 'anna@coop.example' and admin = 'rochdale'`).Scan(&folder); err != nil || !strings.HasPrefix(folder, "/var/vmail/vmail1/coop.example/") {
				t.Errorf("%q, %v", folder, err)
			}
		})
	}
}

func TestMaps(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*mail.Map){
		func(m *mail.Map) { m.Table = "mailbox; drop table mailbox" },
		func(m *mail.Map) { m.Values = map[string]string{"a b": ""} },
		func(m *mail.Map) { m.Alias.Goto = "" },
		func(m *mail.Map) { m.Unit = -1 },
		func(m *mail.Map) { m.Folder = "%domain/%local" },
	} {
		m := mail.PostfixAdmin()
		change(&m)
		if _, err := mail.OpenMapped(t.Context(), nil, mail.SQLite, m, nil); err == nil {
			t.Errorf("%+v is taken", m)
		}
	}
}
