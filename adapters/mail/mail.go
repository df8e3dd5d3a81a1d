// Package mail keeps the mailboxes of accounts in SQL tables, which Dovecot and
// Postfix read: they know by them who is there, who may log in, by which password,
// and how much a mailbox may hold. The files by which they do are in docs/mail.
//
// It speaks to the database, and to Dovecot itself if it is given a [Doveadm]. With
// the database alone, what it changes takes effect with the next login and the next
// message, unless Dovecot keeps logins in mind. What lies on the disk of the mail
// server goes last: a deleted account leaves its box in the table mail_purge, until a
// job on the mail server has removed it, or Dovecot. Nobody sees such a box again:
// none is ever of two accounts, nor twice of one.
package mail

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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
	doveadm *Doveadm // nil: Dovecot reads the tables, and is told nothing
	front   bool     // the tables say where mail is, and there is none
	nodes   map[string]*Mailboxes
	unmade  *unmade // nil: the tables are there
}

// Tell has Dovecot told of each change, from now on: it is to forget what it keeps in
// mind, and to end the sessions of who is kept out.
func (m *Mailboxes) Tell(d *Doveadm) { m.doveadm = d }

// Dialect is that of the SQL that a database speaks.
type Dialect string

// The databases that Dovecot and Postfix are to read.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "pgsql"
	MySQL      Dialect = "mysql" // MariaDB 10.6 or later
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

//go:embed inbound.sqlite.sql
var inboundSQLite string

//go:embed inbound.pgsql.sql
var inboundPostgreSQL string

//go:embed schema.mysql.sql
var schemaMySQL string

//go:embed none.mysql.sql
var noneMySQL string

// schemas are the scripts that bring a database to the tables of this program, the
// first from nothing. One that was released never changes.
var schemas = map[Dialect][]string{
	SQLite:     {schemaSQLite, appsSQLite, inboundSQLite, nodesSQLite},
	PostgreSQL: {schemaPostgreSQL, appsPostgreSQL, inboundPostgreSQL, nodesPostgreSQL},
	MySQL:      {schemaMySQL, noneMySQL, nodesMySQL},
}

// lockSpace is where the advisory locks of PostgreSQL that we take lie; lock 0 in
// it is that of the schema.
const lockSpace = 0x6d61696c // "mail"

// Open makes the tables, or brings them up to date, under a lock. Where their server is
// away, that is done once it is back. A file of SQLite is opened by [OpenSQLite].
func Open(ctx context.Context, db *sql.DB, dialect Dialect) (*Mailboxes, error) {
	m := &Mailboxes{db: db, dialect: dialect}
	if schemas[dialect] == nil {
		return nil, fault.New(fault.Unsupported, "", "mail: a database of dialect %q", dialect)
	}
	return m, m.prepare(ctx, m.makeTables)
}

func (m *Mailboxes) makeTables(ctx context.Context) error {
	scripts := schemas[m.dialect]
	if m.dialect == MySQL {
		return m.makeMySQL(ctx, scripts)
	}
	return m.inTx(ctx, "make its tables", func(tx *sql.Tx) error {
		if m.dialect == PostgreSQL {
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

// unmade is what is still to be done with the tables of a server that was away when they
// were opened.
type unmade struct {
	busy chan struct{} // full while somebody is at it
	do   func(context.Context) error
	done atomic.Bool
}

// answersWithin is how long is waited for a server when its tables are opened.
const answersWithin = 10 * time.Second

// prepare does what the tables need first. A server that is away then keeps nobody
// waiting: it is done before the tables are used.
func (m *Mailboxes) prepare(ctx context.Context, do func(context.Context) error) error {
	if m.dialect == SQLite {
		return do(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	err := m.sort(soon, m.db.PingContext(soon), false, "reach its database")
	if err == nil {
		err = do(ctx)
	}
	if class, _ := fault.ClassOf(err); err == nil || ctx.Err() != nil || class.Permanent() {
		return err
	}
	m.unmade = &unmade{busy: make(chan struct{}, 1), do: do}
	return nil
}

// made sees to it that the tables are there.
func (m *Mailboxes) made(ctx context.Context) error {
	u := m.unmade
	if u == nil || u.done.Load() {
		return nil
	}
	select {
	case u.busy <- struct{}{}:
		defer func() { <-u.busy }()
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "", "mail: its tables are not made yet: %w", ctx.Err())
	}
	if u.done.Load() {
		return nil
	}
	err := u.do(ctx)
	u.done.Store(err == nil)
	return err
}

// Close closes the database.
func (m *Mailboxes) Close() error { return m.db.Close() }

// Capabilities says that it can do it all, to the byte; where there is no mail, as far
// as that goes without.
func (m *Mailboxes) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{
		Service: domain.Mail, Suspends: true, Lists: true, Usage: !m.front, Schemes: []string{argon2id, bcrypt},
		Inbound: true, Aliases: true, Sessions: m.doveadm != nil, Purges: !m.front, Moves: m.doveadm != nil && !m.front,
	}
}

// Check reports whether its tables can be written to.
func (m *Mailboxes) Check(ctx context.Context) error {
	return m.transact(ctx, "look whether its tables can be written to", func(tx *sql.Tx) error {
		query := `select 1 from mail_account where login = ''`
		if m.dialect != SQLite {
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
	if err := m.begin(ctx, ref); err != nil {
		return is, err
	}
	all, err := m.observe(ctx, `where a.login = $1`, ref.Login)
	if err != nil || len(all) == 0 {
		return is, err
	}
	return all[0], m.settle(ctx, ref.Login)
}

// settle tells Dovecot of what was changed and not told yet. The token is that of the
// change: another may be made meanwhile.
func (m *Mailboxes) settle(ctx context.Context, login provisioning.Login) error {
	if m.doveadm == nil {
		return nil
	}
	const failed = "tell Dovecot of a change"
	var token string
	err := m.db.QueryRowContext(ctx, m.q(`select unsettled from mail_account where login = $1`), login).Scan(&token)
	if errors.Is(err, sql.ErrNoRows) || err == nil && token == "" {
		return nil
	}
	if err != nil {
		return m.sort(ctx, err, false, failed)
	}
	if err := m.doveadm.settle(ctx, login, strings.HasPrefix(token, kick)); err != nil {
		return err
	}
	_, err = m.db.ExecContext(ctx, m.q(`update mail_account set unsettled = '' where login = $1 and unsettled = $2`), login, token)
	return m.sort(ctx, err, false, failed)
}

// What tokens of changes begin with, by what Dovecot is to do.
const (
	flush = "flush "
	kick  = "kick "
)

// observe returns the accounts that a clause selects.
func (m *Mailboxes) observe(ctx context.Context, clause string, args ...any) (all []provisioning.Observed, err error) {
	const failed = "look at accounts"
	aliases := map[Dialect]string{
		SQLite: `group_concat(alias, ' ')`, PostgreSQL: `string_agg(alias, ' ' order by alias)`, MySQL: `group_concat(alias order by alias separator ' ')`,
	}[m.dialect]
	accounts := `select a.login, coalesce(a.account, ''), a.access, coalesce(a.quota_bytes, -1), u.bytes, a.inbound, coalesce(a.node, ''),
		coalesce((select ` + aliases + ` from mail_alias l where l.login = a.login), '')
		from mail_account a left join mail_usage u on u.login = a.login `
	rows, err := m.db.QueryContext(ctx, m.q(accounts+clause), args...)
	if err != nil {
		return nil, m.sort(ctx, err, false, failed)
	}
	defer rows.Close()
	for rows.Next() {
		is := provisioning.Observed{
			Ref: provisioning.Ref{Service: domain.Mail}, Exists: true,
			Access: new(provisioning.Access), Quota: new(domain.Bytes), Inbound: new(provisioning.Inbound), At: time.Now().UTC(),
		}
		var used sql.Null[domain.Bytes]
		var node, aliases string
		if err := rows.Scan(&is.Login, &is.Account, is.Access, is.Quota, &used, is.Inbound, &node, &aliases); err != nil {
			return nil, m.sort(ctx, err, false, failed)
		}
		if m.front {
			is.Node = &node
		} else if used.Valid {
			is.Used = &used.V
		}
		is.Aliases = addresses(aliases)
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
	inbound  provisioning.Inbound
	aliases  string // in order, with spaces between
	revision int64  // of the wish last carried out
	node     string // where the mailbox is, if not here
	boxes    int    // of one that is not there: how many it had
}

// addresses takes aliases apart, and together puts them together.
func addresses(aliases string) []provisioning.Login {
	all := []provisioning.Login{}
	for _, alias := range strings.Fields(aliases) {
		all = append(all, provisioning.Login(alias))
	}
	return all
}

func together(aliases []provisioning.Login) string {
	var all []string
	for _, alias := range aliases {
		all = append(all, string(alias))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// boxOf names the nth box of an account. It is made of the mark alone, so that
// mail is found again if the tables are lost and the accounts made again.
func boxOf(account domain.AccountID, n int) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %d", account, n))
	return hex.EncodeToString(digest[:16])
}

// Ensure makes the account, with a mailbox that nobody had before; to one that is
// there it gives the quota, and says on which node it is.
func (m *Mailboxes) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return provisioning.Observed{Ref: want.Ref}, fault.New(fault.Invalid, "", "mail: ensure %s: it shall be absent", want.Account)
	}
	seen, err := m.change(ctx, want, flush, func(is row) (row, error) {
		if is.box == "" {
			is = row{
				account: want.Account, box: boxOf(want.Account, is.boxes), access: want.Access,
				inbound: cmp.Or(want.Inbound, provisioning.Accept), aliases: together(want.Aliases),
			}
		}
		is.quota = want.Quota
		return is, nil
	})
	if err != nil || !m.front || *seen.Node == want.Node {
		return seen, err
	}
	if err := m.fill(ctx, want); err != nil {
		return seen, told(err)
	}
	return m.change(ctx, want, "", func(is row) (row, error) {
		is.node = want.Node
		return is, missing(is, want.Account)
	})
}

// SetQuota gives the account a quota, also one below what it holds: then it takes
// no mail until there is room.
func (m *Mailboxes) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, flush, func(is row) (row, error) {
		is.quota = want.Quota
		return is, missing(is, want.Account)
	})
}

// Suspend keeps the holder from reading and from sending. Mail goes on arriving.
func (m *Mailboxes) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, kick, func(is row) (row, error) {
		is.access = provisioning.Suspended
		return is, missing(is, want.Account)
	})
}

// Resume lets the holder in again, by the password they had.
func (m *Mailboxes) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, flush, func(is row) (row, error) {
		is.access = provisioning.Active
		return is, missing(is, want.Account)
	})
}

// SetInbound has mail that comes for the account arrive, be deferred or be rejected,
// by Postfix: who delivers past it delivers.
func (m *Mailboxes) SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, "", func(is row) (row, error) {
		is.inbound = cmp.Or(want.Inbound, provisioning.Accept)
		return is, missing(is, want.Account)
	})
}

// SetAliases has mail come to the account under further addresses, which nobody
// else has.
func (m *Mailboxes) SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return m.change(ctx, want, "", func(is row) (row, error) {
		is.aliases = together(want.Aliases)
		return is, missing(is, want.Account)
	})
}

// Delete does away with the account, and with the only way to its mail, which it
// leaves to the mail server to remove.
func (m *Mailboxes) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	is, err := m.change(ctx, want, "", func(row) (row, error) { return row{}, nil })
	if err == nil && m.doveadm != nil {
		_ = m.remove(ctx, want) // as far as that goes by now: Purge is asked until it is done
	}
	if err == nil {
		m.overwrite(ctx)
	}
	return is, err
}

// overwrite has what was deleted leave the files of SQLite: one of them still has it until the other is written into it.
// If somebody reads from it just now, the next time will do.
func (m *Mailboxes) overwrite(ctx context.Context) {
	if m.dialect == SQLite {
		_, _ = m.db.ExecContext(ctx, `pragma wal_checkpoint(truncate)`)
	}
}

// Purge sees to it that no box of a deleted account is left, and ends what sessions
// it still has. Without a Dovecot that may remove boxes it waits for who does.
func (m *Mailboxes) Purge(ctx context.Context, want provisioning.Desired) error {
	if err := m.begin(ctx, want.Ref); err != nil {
		return err
	}
	var there int
	err := m.db.QueryRowContext(ctx, m.q(`select count(*) from mail_account where account = $1`), want.Account).Scan(&there)
	if err != nil {
		return m.sort(ctx, err, false, "look for an account")
	}
	if there > 0 || want.Account == "" {
		return fault.New(fault.Invalid, "", "mail: purge %q: it is not deleted: delete it first", want.Account)
	}
	if err := m.remove(ctx, want); err != nil {
		return err
	}
	m.overwrite(ctx) // whoever has removed the boxes has struck them off
	return nil
}

// remove has Dovecot remove the boxes that an account had.
func (m *Mailboxes) remove(ctx context.Context, want provisioning.Desired) error {
	const failed = "look for boxes to remove"
	var had int
	err := m.db.QueryRowContext(ctx, m.q(`select boxes from mail_deleted where account = $1`), want.Account).Scan(&had)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m.sort(ctx, err, false, failed)
	}
	kicked := false
	for n := range had {
		box := boxOf(want.Account, n)
		var login provisioning.Login
		err := m.db.QueryRowContext(ctx, m.q(`select login from mail_purge where box = $1`), box).Scan(&login)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return m.sort(ctx, err, false, failed)
		}
		if m.doveadm != nil && !kicked {
			if err := m.doveadm.settle(ctx, login, true); err != nil {
				return err
			}
			kicked = true
		}
		if m.doveadm == nil || m.doveadm.Store == "" {
			return fault.New(fault.Transient, "purging", "mail: the box of %s waits on the mail server to be removed, by rochdale-mail-tidy", want.Account)
		}
		if err := m.doveadm.remove(ctx, box); err != nil {
			return err
		}
		if _, err := m.db.ExecContext(ctx, m.q(`delete from mail_purge where box = $1`), box); err != nil {
			return m.sort(ctx, err, false, "strike off a box that is removed")
		}
	}
	return nil
}

// CloseSessions ends the sessions of an account's holder.
func (m *Mailboxes) CloseSessions(ctx context.Context, ref provisioning.Ref) error {
	if err := m.begin(ctx, ref); err != nil {
		return err
	}
	if m.doveadm == nil {
		return fault.New(fault.Unsupported, "", "mail: end sessions: Dovecot is told nothing")
	}
	var account string
	err := m.db.QueryRowContext(ctx, m.q(`select coalesce(account, '') from mail_account where login = $1`), ref.Login).Scan(&account)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return missing(row{}, "")
	case err != nil:
		return m.sort(ctx, err, false, "look for an account")
	case account == "":
		return fault.New(fault.Conflict, "", "mail: the account bears no mark: it is not ours")
	}
	return m.doveadm.settle(ctx, ref.Login, true)
}

// change carries out a wish: what is wanted of the row of an account, which nobody
// else changes meanwhile. A wish older than the last is refused, also one that was
// overtaken by a deletion. It returns what it reads back, once Dovecot was told.
func (m *Mailboxes) change(ctx context.Context, want provisioning.Desired, tell string, to func(is row) (row, error)) (provisioning.Observed, error) {
	nothing := provisioning.Observed{Ref: want.Ref, At: time.Now().UTC()}
	if err := m.begin(ctx, want.Ref); err != nil {
		return nothing, err
	}
	if want.Account == "" || want.Quota < provisioning.Unlimited || !want.Inbound.Valid() {
		return nothing, fault.New(fault.Invalid, "", "mail: a wish for account %q of %d bytes, whose mail to %q", want.Account, want.Quota, want.Inbound)
	}
	err := m.transact(ctx, "change "+string(want.Account), func(tx *sql.Tx) error {
		is, err := m.find(ctx, tx, want.Login, want.Aliases...)
		if err != nil {
			return err
		}
		if is.box != "" && is.account != want.Account {
			return fault.New(fault.Conflict, "", "mail: the account wanted for %s is not ours: it bears the mark %q", want.Account, is.account)
		}
		if is.box == "" {
			err = tx.QueryRowContext(ctx, m.q(`select revision, boxes from mail_deleted where account = $1`), want.Account).Scan(&is.revision, &is.boxes)
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
		if tell != "" && m.doveadm != nil && next.box != "" {
			tell += rand.Text()
		} else {
			tell = ""
		}
		return m.write(ctx, tx, want, is, next, tell)
	})
	if err != nil {
		return nothing, err
	}
	seen, err := m.Observe(ctx, want.Ref)
	return seen, told(err)
}

// find returns the row of a login, and keeps others from changing it, and from taking
// some further addresses, until tx ends.
func (m *Mailboxes) find(ctx context.Context, tx *sql.Tx, login provisioning.Login, further ...provisioning.Login) (is row, err error) {
	switch m.dialect {
	case PostgreSQL: // which cannot lock a row that is not there yet
		for _, address := range strings.Fields(together(append([]provisioning.Login{login}, further...))) {
			if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock($1, hashtext($2))`, lockSpace, address); err != nil {
				return is, err
			}
		}
	case MySQL: // which locks too much of what is not there, so that two wait for each other
		if err := tx.QueryRowContext(ctx, `select one from mail_lock where one = 1 for update`).Scan(new(int)); err != nil {
			return is, err
		}
	case SQLite: // whose transactions are one at a time
	}
	err = tx.QueryRowContext(ctx, m.q(`select coalesce(account, ''), box, coalesce(quota_bytes, -1), access, inbound, coalesce(node, ''), revision
		from mail_account where login = $1`), login).Scan(&is.account, &is.box, &is.quota, &is.access, &is.inbound, &is.node, &is.revision)
	if errors.Is(err, sql.ErrNoRows) {
		return is, nil
	}
	if err != nil {
		return is, err
	}
	is.aliases, err = m.list(ctx, tx, `select alias from mail_alias where login = $1`, login)
	return is, err
}

// list returns a column of addresses, put together.
func (m *Mailboxes) list(ctx context.Context, tx *sql.Tx, query string, args ...any) (string, error) {
	rows, err := tx.QueryContext(ctx, m.q(query), args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var all []provisioning.Login
	for rows.Next() {
		var one provisioning.Login
		if err := rows.Scan(&one); err != nil {
			return "", err
		}
		all = append(all, one)
	}
	return together(all), rows.Err()
}

// write brings the tables from one state of an account to the next.
func (m *Mailboxes) write(ctx context.Context, tx *sql.Tx, want provisioning.Desired, is, next row, tell string) error {
	var err error
	do := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, m.q(query), args...)
		}
	}
	var quota *int64 // null
	if next.quota != provisioning.Unlimited {
		quota = new(int64(next.quota))
	}
	node := sql.Null[string]{V: next.node, Valid: next.node != ""}
	switch {
	case next.box == "":
		boxes := 0
		if is.box != "" {
			boxes = 1
			if !m.front {
				do(`insert into mail_purge (box, login, deleted_at) values ($1, $2, $3)`, is.box, want.Login, time.Now().Unix())
			}
			do(`delete from mail_account where login = $1`, want.Login)
			do(`delete from mail_usage where login = $1`, want.Login)
		}
		do(m.upsert(`insert into mail_deleted (account, revision, boxes) values ($1, $2, $3)`, "account",
			[2]string{"revision", "%new"}, [2]string{"boxes", "mail_deleted.boxes + %new"}), want.Account, next.revision, boxes)
	case is.box == "":
		do(`insert into mail_account (login, account, box, quota_bytes, access, inbound, node, revision, unsettled) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			want.Login, next.account, next.box, quota, next.access, next.inbound, node, next.revision, tell)
		do(m.upsert(`insert into mail_usage (login, bytes, messages) values ($1, 0, 0)`, "login",
			[2]string{"bytes", "0"}, [2]string{"messages", "0"}), want.Login)
	case next != is || tell != "":
		do(`update mail_account set quota_bytes = $1, access = $2, inbound = $3, node = $4, revision = $5 where login = $6`,
			quota, next.access, next.inbound, node, next.revision, want.Login)
		if tell != "" {
			do(`update mail_account set unsettled = $1 where login = $2 and unsettled not like '`+kick+`%'`, tell, want.Login)
		}
	}
	if next.aliases != is.aliases || is.box == "" && next.box != "" {
		if err == nil {
			err = m.free(ctx, tx, want, next)
		}
		do(`delete from mail_alias where login = $1`, want.Login)
		for _, alias := range addresses(next.aliases) {
			do(`insert into mail_alias (alias, login) values ($1, $2)`, alias, want.Login)
		}
	}
	return err
}

// free fails if an address that an account shall have is none, or another's.
func (m *Mailboxes) free(ctx context.Context, tx *sql.Tx, want provisioning.Desired, next row) error {
	all := addresses(next.aliases)
	for _, alias := range all {
		if _, err := provisioning.ParseLogin(string(alias)); errors.Is(err, provisioning.ErrLogin) || alias == want.Login {
			return fault.New(fault.Invalid, "", "mail: an alias wanted for %s is no address, or its own", want.Account)
		}
	}
	if next.box != "" {
		all = append(all, want.Login)
	}
	for _, address := range all {
		taken, err := m.list(ctx, tx, `select login from mail_alias where alias = $1 and login <> $2
			union select login from mail_account where login = $3 and login <> $4`, address, want.Login, address, want.Login)
		if err != nil {
			return err
		}
		if taken != "" {
			return fault.New(fault.Conflict, "", "mail: an address wanted for %s is another account's", want.Account)
		}
	}
	return nil
}

func missing(is row, account domain.AccountID) error {
	if is.box == "" {
		return fault.New(fault.Transient, "missing", "mail: account %q is not there, or not yet: ensure it first", account)
	}
	return nil
}

// SetCredential lets the holder in by a password whose hash is given.
func (m *Mailboxes) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := m.begin(ctx, ref); err != nil {
		return err
	}
	if err := takes(c); err != nil {
		return err
	}
	err := m.transact(ctx, "set a password", func(tx *sql.Tx) error {
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
		tell := ""
		if m.doveadm != nil {
			tell = kick + rand.Text()
		}
		_, err = tx.ExecContext(ctx, m.q(`update mail_account set password = $1, unsettled = $2 where login = $3`), "{"+c.Scheme+"}"+c.Hash, tell, ref.Login)
		return err
	})
	if err != nil {
		return err
	}
	return told(m.settle(ctx, ref.Login))
}

// told marks a trouble that was met after a change.
func told(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		e.Ambiguous = true
	}
	return err
}

// takes refuses a password whose hash cannot be written down.
func takes(c provisioning.Credential) error {
	form, ok := hashes[c.Scheme]
	if !ok {
		return fault.New(fault.Unsupported, "", "mail: passwords hashed by %q: only by %s or %s", c.Scheme, argon2id, bcrypt)
	}
	if !acceptable(c.Scheme, form.FindStringSubmatch(c.Hash)) {
		return fault.New(fault.Invalid, "", "mail: the hash of a password is none of %s, or takes too much to check", c.Scheme)
	}
	return nil
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
	if err := m.begin(ctx); err != nil {
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
	if err := m.begin(ctx, refs...); err != nil {
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
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	err = m.db.QueryRowContext(ctx, m.q(`select count(*) from mail_purge where deleted_at < $1`), time.Now().Add(-longer).Unix()).Scan(&n)
	return n, m.sort(ctx, err, false, "look for mailboxes that are still to be removed")
}

// begin says no to what is not to be begun.
func (m *Mailboxes) begin(ctx context.Context, refs ...provisioning.Ref) error {
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
	return m.made(ctx)
}
