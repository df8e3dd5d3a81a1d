// Package mail keeps the mailboxes of accounts in SQL tables, which Dovecot and
// Postfix read: they know by them who is there, who may log in, by which password,
// and how much a mailbox may hold. The files by which they do are in docs/mail.
//
// It speaks to the database alone. So what it changes takes effect with the next
// login and the next message; what lies on the disk of the mail server, it only
// asks for: a deleted account leaves its box in the table mail_purge, for a job on
// the mail server to remove. Nobody sees such a box again: none is ever of two
// accounts, nor twice of one.
package mail

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Mailboxes are the accounts of mail. Its methods may be called at once from
// several goroutines, and from several processes with the same tables.
type Mailboxes struct {
	db      *sql.DB
	dialect Dialect
}

// Dialect is that of the SQL that a database speaks.
type Dialect string

// The databases that Dovecot and Postfix are to read.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "pgsql"
)

// Schemes of passwords, in Dovecot's words.
const (
	argon2id = "ARGON2ID"
	bcrypt   = "BLF-CRYPT"
)

// hashes are what is taken for a hash of each scheme: what Dovecot can check
// within its limit of memory, and in less than some four seconds.
var hashes = map[string]*regexp.Regexp{
	argon2id: regexp.MustCompile(`^\$argon2id\$v=19\$m=([0-9]{1,6}),t=([0-9]{1,2}),p=[0-9]{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$`),
	bcrypt:   regexp.MustCompile(`^\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$`),
}

const (
	maxMemory = 1 << 17 // KiB, of an argon2id hash
	maxPasses = 16
)

//go:embed schema.sqlite.sql
var schemaSQLite string

//go:embed schema.pgsql.sql
var schemaPostgreSQL string

// schemas are the scripts that bring a database to the tables of this program, the
// first from nothing. One that was released never changes.
var schemas = map[Dialect][]string{
	SQLite:     {schemaSQLite, appsSQLite},
	PostgreSQL: {schemaPostgreSQL, appsPostgreSQL},
}

// lockSpace is where the advisory locks of PostgreSQL that we take lie; lock 0 in
// it is that of the schema.
const lockSpace = 0x6d61696c // "mail"

// Open makes the tables, or brings them up to date, under a lock. A file of SQLite
// is opened by [OpenSQLite].
func Open(ctx context.Context, db *sql.DB, dialect Dialect) (*Mailboxes, error) {
	m := &Mailboxes{db, dialect}
	scripts, ok := schemas[dialect]
	if !ok {
		return nil, fault.New(fault.Unsupported, "", "mail: a database of dialect %q", dialect)
	}
	return m, m.transact(ctx, "make its tables", func(tx *sql.Tx) error {
		if dialect == PostgreSQL {
			if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock($1, 0)`, lockSpace); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `create table if not exists mail_schema (version integer primary key)`); err != nil {
			return err
		}
		var version int
		if err := tx.QueryRowContext(ctx, `select coalesce(max(version), 0) from mail_schema`).Scan(&version); err != nil {
			return err
		}
		if version > len(scripts) {
			return fault.New(fault.Denied, "", "mail: its tables are of version %d, and this program knows none later than %d: run the newer program", version, len(scripts))
		}
		for ; version < len(scripts); version++ {
			if _, err := tx.ExecContext(ctx, scripts[version]); err != nil {
				return fmt.Errorf("version %d: %w", version+1, err)
			}
			if _, err := tx.ExecContext(ctx, `insert into mail_schema values ($1)`, version+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close closes the database.
func (m *Mailboxes) Close() error { return m.db.Close() }

// Capabilities says that it can do it all, to the byte.
func (*Mailboxes) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{
		Service: domain.Mail, Suspends: true, Lists: true, Usage: true, Schemes: []string{argon2id, bcrypt},
	}
}

// Check reports whether its tables can be written to.
func (m *Mailboxes) Check(ctx context.Context) error {
	return m.transact(ctx, "look whether its tables can be written to", func(tx *sql.Tx) error {
		query := `select 1 from mail_account where login = ''`
		if m.dialect == PostgreSQL {
			query += ` for update` // which fails where nothing can be written
		}
		if err := tx.QueryRowContext(ctx, query).Scan(new(int)); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return nil
	})
}

// Observe looks at one account.
func (m *Mailboxes) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	is := provisioning.Observed{Ref: ref, At: time.Now().UTC()}
	if err := begin(ctx, ref); err != nil {
		return is, err
	}
	all, err := m.observe(ctx, `where a.login = $1`, ref.Login)
	if err == nil && len(all) > 0 {
		is = all[0]
	}
	return is, err
}

// observe returns the accounts that a clause selects.
func (m *Mailboxes) observe(ctx context.Context, clause string, args ...any) (all []provisioning.Observed, err error) {
	const failed = "look at accounts"
	const accounts = `select a.login, coalesce(a.account, ''), a.access, coalesce(a.quota_bytes, -1), u.bytes
		from mail_account a left join mail_usage u on u.login = a.login `
	rows, err := m.db.QueryContext(ctx, accounts+clause, args...)
	if err != nil {
		return nil, m.sort(ctx, err, false, failed)
	}
	defer rows.Close()
	for rows.Next() {
		is := provisioning.Observed{
			Ref: provisioning.Ref{Service: domain.Mail}, Exists: true,
			Access: new(provisioning.Access), Quota: new(domain.Bytes), At: time.Now().UTC(),
		}
		var used sql.Null[domain.Bytes]
		if err := rows.Scan(&is.Login, &is.Account, is.Access, is.Quota, &used); err != nil {
			return nil, m.sort(ctx, err, false, failed)
		}
		if used.Valid {
			is.Used = &used.V
		}
		all = append(all, is)
	}
	if err := rows.Err(); err != nil {
		return nil, m.sort(ctx, err, false, failed)
	}
	return all, nil
}

// row is what the tables have about an account.
type row struct {
	account  domain.AccountID
	box      string // empty: it is not there
	quota    domain.Bytes
	access   provisioning.Access
	revision int64 // of the wish last carried out
	boxes    int   // of one that is not there: how many it had
}

// boxOf names the nth box of an account. It is made of the mark alone, so that
// mail is found again if the tables are lost and the accounts made again.
func boxOf(account domain.AccountID, n int) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %d", account, n))
	return hex.EncodeToString(digest[:16])
}

// Ensure makes the account, with a mailbox that nobody had before; to one that is
// there it gives the quota.
func (m *Mailboxes) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return provisioning.Observed{Ref: want.Ref}, fault.New(fault.Invalid, "", "mail: ensure %s: it shall be absent", want.Account)
	}
	return m.change(ctx, want, func(is row) (row, error) {
		if is.box == "" {
			is = row{account: want.Account, box: boxOf(want.Account, is.boxes), access: want.Access}
		}
		is.quota = want.Quota
		return is, nil
	})
}

// SetQuota gives the account a quota, also one below what it holds: then it takes
// no mail until there is room.
func (m *Mailboxes) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, func(is row) (row, error) {
		is.quota = want.Quota
		return is, missing(is, want.Account)
	})
}

// Suspend keeps the holder from reading and from sending. Mail goes on arriving.
func (m *Mailboxes) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, func(is row) (row, error) {
		is.access = provisioning.Suspended
		return is, missing(is, want.Account)
	})
}

// Resume lets the holder in again, by the password they had.
func (m *Mailboxes) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, func(is row) (row, error) {
		is.access = provisioning.Active
		return is, missing(is, want.Account)
	})
}

// Delete does away with the account, and with the only way to its mail, which it
// leaves to the mail server to remove.
func (m *Mailboxes) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	is, err := m.change(ctx, want, func(row) (row, error) { return row{}, nil })
	if err == nil && m.dialect == SQLite {
		// What was deleted is overwritten in the file, but the WAL still has it. If
		// somebody reads from it just now, the next time will do.
		_, _ = m.db.ExecContext(ctx, `pragma wal_checkpoint(truncate)`)
	}
	return is, err
}

// change carries out a wish: what is wanted of the row of an account, which nobody
// else changes meanwhile. A wish older than the last is refused, also one that was
// overtaken by a deletion. It returns what it reads back.
func (m *Mailboxes) change(ctx context.Context, want provisioning.Desired, to func(is row) (row, error)) (provisioning.Observed, error) {
	nothing := provisioning.Observed{Ref: want.Ref, At: time.Now().UTC()}
	if err := begin(ctx, want.Ref); err != nil {
		return nothing, err
	}
	if want.Account == "" || want.Quota < provisioning.Unlimited {
		return nothing, fault.New(fault.Invalid, "", "mail: a wish for account %q of %d bytes", want.Account, want.Quota)
	}
	err := m.transact(ctx, "change "+string(want.Account), func(tx *sql.Tx) error {
		is, err := m.find(ctx, tx, want.Login)
		if err != nil {
			return err
		}
		if is.box != "" && is.account != want.Account {
			return fault.New(fault.Conflict, "", "mail: the account wanted for %s is not ours: it bears the mark %q", want.Account, is.account)
		}
		if is.box == "" {
			err = tx.QueryRowContext(ctx, `select revision, boxes from mail_deleted where account = $1`, want.Account).Scan(&is.revision, &is.boxes)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		if want.Revision < is.revision {
			return fault.New(fault.Transient, "stale", "mail: wish %d for %s comes after %d: read again what is wanted", want.Revision, want.Account, is.revision)
		}
		next, err := to(is)
		if err != nil {
			return err
		}
		next.revision = want.Revision
		return write(ctx, tx, want, is, next)
	})
	if err != nil {
		return nothing, err
	}
	seen, err := m.Observe(ctx, want.Ref)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		e.Ambiguous = true // it was changed, and not seen
	}
	return seen, err
}

// find returns the row of a login, and keeps others from changing it until tx ends.
func (m *Mailboxes) find(ctx context.Context, tx *sql.Tx, login provisioning.Login) (is row, err error) {
	if m.dialect == PostgreSQL { // which cannot lock a row that is not there yet
		if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock($1, hashtext($2))`, lockSpace, login); err != nil {
			return is, err
		}
	}
	err = tx.QueryRowContext(ctx, `select coalesce(account, ''), box, coalesce(quota_bytes, -1), access, revision
		from mail_account where login = $1`, login).Scan(&is.account, &is.box, &is.quota, &is.access, &is.revision)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return is, err
}

// write brings the tables from one state of an account to the next.
func write(ctx context.Context, tx *sql.Tx, want provisioning.Desired, is, next row) error {
	var err error
	do := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	var quota *int64 // null
	if next.quota != provisioning.Unlimited {
		quota = new(int64(next.quota))
	}
	switch {
	case next.box == "":
		boxes := 0
		if is.box != "" {
			boxes = 1
			do(`insert into mail_purge (box, login, deleted_at) values ($1, $2, $3)`, is.box, want.Login, time.Now().Unix())
			do(`delete from mail_account where login = $1`, want.Login)
			do(`delete from mail_usage where login = $1`, want.Login)
		}
		do(`insert into mail_deleted (account, revision, boxes) values ($1, $2, $3)
			on conflict (account) do update set revision = excluded.revision, boxes = mail_deleted.boxes + excluded.boxes`,
			want.Account, next.revision, boxes)
	case is.box == "":
		do(`insert into mail_account (login, account, box, quota_bytes, access, revision) values ($1, $2, $3, $4, $5, $6)`,
			want.Login, next.account, next.box, quota, next.access, next.revision)
		do(`insert into mail_usage (login) values ($1) on conflict (login) do update set bytes = 0, messages = 0`, want.Login)
	case next != is:
		do(`update mail_account set quota_bytes = $1, access = $2, revision = $3 where login = $4`,
			quota, next.access, next.revision, want.Login)
	}
	return err
}

func missing(is row, account domain.AccountID) error {
	if is.box == "" {
		return fault.New(fault.Transient, "missing", "mail: account %q is not there, or not yet: ensure it first", account)
	}
	return nil
}

// SetCredential lets the holder in by a password whose hash is given.
func (m *Mailboxes) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := begin(ctx, ref); err != nil {
		return err
	}
	form, ok := hashes[c.Scheme]
	if !ok {
		return fault.New(fault.Unsupported, "", "mail: passwords hashed by %q: only by %s or %s", c.Scheme, argon2id, bcrypt)
	}
	if !acceptable(c.Scheme, form.FindStringSubmatch(c.Hash)) {
		return fault.New(fault.Invalid, "", "mail: the hash of a password is none of %s, or takes too much to check", c.Scheme)
	}
	return m.transact(ctx, "set a password", func(tx *sql.Tx) error {
		is, err := m.find(ctx, tx, ref.Login)
		if err != nil {
			return err
		}
		if err := missing(is, is.account); err != nil {
			return err
		}
		if is.account == "" {
			return fault.New(fault.Conflict, "", "mail: the account bears no mark: it is not ours")
		}
		_, err = tx.ExecContext(ctx, `update mail_account set password = $1 where login = $2`, "{"+c.Scheme+"}"+c.Hash, ref.Login)
		return err
	})
}

// acceptable reports whether a hash, of which the parts are given, is one and not
// too costly.
func acceptable(scheme string, parts []string) bool {
	if parts == nil || scheme != argon2id {
		return parts != nil
	}
	memory, _ := strconv.Atoi(parts[1]) // digits, by its form
	passes, _ := strconv.Atoi(parts[2])
	return memory <= maxMemory && passes <= maxPasses
}

// List lists all accounts by their login. The cursor is the login of the one before.
func (m *Mailboxes) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := begin(ctx); err != nil {
		return page, err
	}
	if limit < 1 {
		return page, fault.New(fault.Invalid, "", "mail: list %d accounts: at least one", limit)
	}
	limit = min(limit, maxPage)
	all, err := m.observe(ctx, `where a.login > $1 order by a.login limit $2`, cursor, limit+1)
	if err != nil {
		return page, err
	}
	if len(all) > limit {
		all = all[:limit]
		page.Next = string(all[limit-1].Login)
	}
	page.Accounts = all
	return page, nil
}

// maxPage is how many accounts are read at once.
const maxPage = 1000

// Usage says how much some accounts hold, as Dovecot last counted it, in the order
// of their logins.
func (m *Mailboxes) Usage(ctx context.Context, refs []provisioning.Ref) (all []provisioning.Observed, err error) {
	if err := begin(ctx, refs...); err != nil {
		return nil, err
	}
	for len(refs) > 0 {
		some := refs[:min(len(refs), maxPage)]
		refs = refs[len(some):]
		marks, logins := make([]string, len(some)), make([]any, len(some))
		for i, ref := range some {
			marks[i], logins[i] = fmt.Sprintf("$%d", i+1), ref.Login
		}
		found, err := m.observe(ctx, `where a.login in (`+strings.Join(marks, ", ")+`) order by a.login`, logins...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Unremoved returns how many mailboxes of deleted accounts the mail server has
// had for longer than some time and not removed: then its job for it does not run.
func (m *Mailboxes) Unremoved(ctx context.Context, longer time.Duration) (n int, err error) {
	err = m.db.QueryRowContext(ctx, `select count(*) from mail_purge where deleted_at < $1`, time.Now().Add(-longer).Unix()).Scan(&n)
	return n, m.sort(ctx, err, false, "look for mailboxes that are still to be removed")
}

// begin says no to what is not to be begun.
func begin(ctx context.Context, refs ...provisioning.Ref) error {
	if ctx.Err() != nil {
		return fault.New(fault.Transient, "", "mail: %w", ctx.Err())
	}
	for _, ref := range refs {
		if ref.Service != domain.Mail {
			return fault.New(fault.Invalid, "", "mail: an account of service %q: it keeps those of service mail", ref.Service)
		}
		if _, err := provisioning.ParseLogin(string(ref.Login)); errors.Is(err, provisioning.ErrLogin) {
			return fault.New(fault.Invalid, "", "mail: an account whose login is none: %w", err)
		}
	}
	return nil
}
