package mail

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Map says where the tables of another program have what is known of mailboxes. It is
// written in JSON; [PostfixAdmin] and [IRedMail] return those of these two.
//
// Values may hold words: %login, %local and %domain of the address, %account our
// mark, %maildir the folder, %now the time in UTC and %alias.
type Map struct {
	Table    string       `json:"table"`    // a row for each mailbox
	Login    string       `json:"login"`    // its column of the address
	Password string       `json:"password"` // of {SCHEME}hash
	Quota    string       `json:"quota"`    // of how much it may hold; 0 is no limit
	Unit     domain.Bytes `json:"unit"`     // in which that is; 0: bytes
	// Active are the columns by which its holder is let in.
	Active []Flag `json:"active"`
	// Maildir is the column of its folder, and Folder what is in it: with %random, so
	// that nobody finds what was in another's.
	Maildir string `json:"maildir"`
	Folder  string `json:"folder"`
	// Values are those of other columns, when a row is made, and Changed whenever it
	// is changed.
	Values  map[string]string `json:"values"`
	Changed map[string]string `json:"changed"`

	Alias *AliasMap `json:"alias"` // missing: there are none
	Usage *UsageMap `json:"usage"` // missing: it is not told
	// Deleted is where a deleted mailbox is written down, for whoever removes it.
	Deleted *RowMap `json:"deleted"`
}

// Flag is a column, and what is in it of somebody who may and who may not.
type Flag struct {
	Column string `json:"column"`
	On     string `json:"on"`
	Off    string `json:"off"`
}

// AliasMap says where addresses lead to mailboxes, also their own.
type AliasMap struct {
	Table   string            `json:"table"`
	Address string            `json:"address"`
	Goto    string            `json:"goto"`
	Own     map[string]string `json:"own"`    // other columns of a mailbox's own row; null: it has none
	Values  map[string]string `json:"values"` // the same of aliases
}

// UsageMap says where it is written how much a mailbox holds.
type UsageMap struct {
	Table string `json:"table"`
	Login string `json:"login"`
	Bytes string `json:"bytes"`
}

// RowMap is a row that is written.
type RowMap struct {
	Table  string            `json:"table"`
	Values map[string]string `json:"values"`
}

// PostfixAdmin is the map of PostfixAdmin 3.3 to 4.0, on its usual settings. There,
// who is suspended receives no mail either.
func PostfixAdmin() Map {
	now := map[string]string{"created": "%now", "modified": "%now", "active": "1", "domain": "%domain"}
	return Map{
		Table: "mailbox", Login: "username", Password: "password", Quota: "quota", Active: []Flag{{"active", "1", "0"}},
		Maildir: "maildir", Folder: "%domain/%random/",
		Values:  map[string]string{"name": "", "local_part": "%local", "domain": "%domain", "created": "%now", "modified": "%now"},
		Changed: map[string]string{"modified": "%now"},
		Alias:   &AliasMap{Table: "alias", Address: "address", Goto: "goto", Own: now, Values: now},
		Usage:   &UsageMap{"quota2", "username", "bytes"},
	}
}

// IRedMail is the map of iRedMail 1.6 to 1.8. Who is suspended receives mail.
func IRedMail() Map {
	var active []Flag
	for _, service := range []string{"smtp", "smtpsecured", "pop3", "pop3secured", "imap", "imapsecured", "managesieve", "managesievesecured"} {
		active = append(active, Flag{"enable" + service, "1", "0"})
	}
	row := func(of string) map[string]string {
		return map[string]string{"domain": "%domain", "dest_domain": "%domain", "active": "1", of: "1"}
	}
	return Map{
		Table: "mailbox", Login: "username", Password: "password", Quota: "quota", Unit: 1 << 20, Active: active,
		Maildir: "maildir", Folder: "%domain/%random/",
		Values: map[string]string{
			"name": "", "domain": "%domain", "storagebasedirectory": "/var/vmail", "storagenode": "vmail1", "active": "1",
			"created": "%now", "passwordlastchange": "%now",
		},
		Changed: map[string]string{"modified": "%now"},
		Alias:   &AliasMap{Table: "forwardings", Address: "address", Goto: "forwarding", Own: row("is_forwarding"), Values: row("is_alias")},
		Usage:   &UsageMap{"used_quota", "username", "bytes"},
		Deleted: &RowMap{"deleted_mailboxes", map[string]string{
			"username": "%login", "domain": "%domain", "maildir": "/var/vmail/vmail1/%maildir", "admin": "rochdale", "delete_date": "%now", "timestamp": "%now",
		}},
	}
}

// Mapped is the mailboxes of another program, in its tables. Which are ours is in a
// table beside them, rochdale_mark, the only one that is made.
type Mapped struct {
	*remote.Accounts
	boxes *Mailboxes // of which only the database is used
	m     Map
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

// OpenMapped opens the tables of another program, as [Open] does. With a Dovecot that is told of
// changes, it forgets what it keeps in mind, and ends sessions.
func OpenMapped(ctx context.Context, db *sql.DB, dialect Dialect, m Map, doveadm *Doveadm) (*Mapped, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	a := &Mapped{boxes: &Mailboxes{db: db, dialect: dialect, doveadm: doveadm}, m: m}
	can := provisioning.Capabilities{
		Service: domain.Mail, Reads: m.reads, Suspends: len(m.Active) > 0, Lists: true, Usage: m.Usage != nil || doveadm != nil,
		Schemes: []string{argon2id, bcrypt}, Aliases: m.Alias != nil, Sessions: doveadm != nil,
	}
	a.Accounts = remote.New("mail", can, a)
	return a, a.boxes.prepare(ctx, func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, `create table if not exists rochdale_mark (login varchar(254) primary key, account varchar(200) not null)`)
		return a.boxes.sort(ctx, err, true, "make the table of marks")
	})
}

func (m Map) check() error {
	names := []string{m.Table, m.Login, m.Password, m.Quota, m.Maildir}
	for _, f := range m.Active {
		names = append(names, f.Column)
	}
	values := []map[string]string{m.Values, m.Changed}
	if m.Alias != nil {
		names = append(names, m.Alias.Table, m.Alias.Address, m.Alias.Goto)
		values = append(values, m.Alias.Own, m.Alias.Values)
	}
	if m.Usage != nil {
		names = append(names, m.Usage.Table, m.Usage.Login, m.Usage.Bytes)
	}
	if m.Deleted != nil {
		names, values = append(names, m.Deleted.Table), append(values, m.Deleted.Values)
	}
	for _, v := range values {
		names = slices.AppendSeq(names, maps.Keys(v))
	}
	for _, name := range names {
		if !identifier.MatchString(name) {
			return fmt.Errorf("mail: a map names %q: tables and columns are of letters, digits and _", name)
		}
	}
	if m.Unit < 0 || !strings.Contains(m.Folder, "%random") {
		return fmt.Errorf("mail: a map with a unit of %d bytes and folders %q: at least a byte, and with %%random", m.Unit, m.Folder)
	}
	return nil
}

func (m Map) unit() domain.Bytes { return max(1, m.Unit) }

// kept is how a quota is written: rounded up, so that nobody has less than they pay for.
func (m Map) kept(quota domain.Bytes) domain.Bytes {
	if quota == provisioning.Unlimited {
		return 0
	}
	return (quota + m.unit() - 1) / m.unit()
}

// reads is what is read back for a quota.
func (m Map) reads(quota domain.Bytes) domain.Bytes {
	if kept := m.kept(quota); kept > 0 {
		return kept * m.unit()
	}
	return provisioning.Unlimited
}

// Check reports whether the tables are there.
func (a *Mapped) Check(ctx context.Context) error {
	if err := a.Begin(ctx); err != nil {
		return err
	}
	_, err := a.rows(ctx, `where 1 = 0`)
	return err
}

// Look looks at a row.
func (a *Mapped) Look(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	all, err := a.rows(ctx, `where t.`+a.m.Login+` = $1`, string(ref.Login))
	if err != nil || len(all) == 0 {
		return provisioning.Observed{Ref: ref}, err
	}
	return all[0], a.aliases(ctx, &all[0])
}

// rows returns what a clause selects.
func (a *Mapped) rows(ctx context.Context, clause string, args ...any) (all []provisioning.Observed, err error) {
	const failed = "look at mailboxes"
	if err := a.boxes.made(ctx); err != nil {
		return nil, err
	}
	columns := []string{"t." + a.m.Login, "t." + a.m.Quota, "coalesce(k.account, '')"}
	from := a.m.Table + " t left join rochdale_mark k on k.login = t." + a.m.Login
	if u := a.m.Usage; u != nil {
		columns = append(columns, "coalesce(u."+u.Bytes+", 0)")
		from += " left join " + u.Table + " u on u." + u.Login + " = t." + a.m.Login
	} else {
		columns = append(columns, "-1")
	}
	for _, f := range a.m.Active {
		columns = append(columns, "t."+f.Column)
	}
	rows, err := a.boxes.db.QueryContext(ctx, a.boxes.q("select "+strings.Join(columns, ", ")+" from "+from+" "+clause), args...)
	if err != nil {
		return nil, a.boxes.sort(ctx, err, false, failed)
	}
	defer rows.Close()
	for rows.Next() {
		is := provisioning.Observed{Ref: provisioning.Ref{Service: domain.Mail}, Exists: true, Quota: new(domain.Bytes), At: time.Now().UTC()}
		var used domain.Bytes
		into := []any{&is.Login, is.Quota, &is.Account, &used}
		flags := make([]sql.Null[string], len(a.m.Active))
		for i := range flags {
			into = append(into, &flags[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, a.boxes.sort(ctx, err, false, failed)
		}
		if *is.Quota *= a.m.unit(); *is.Quota <= 0 {
			*is.Quota = provisioning.Unlimited
		}
		if used >= 0 {
			is.Used = &used
		}
		if len(flags) > 0 {
			is.Access = new(provisioning.Suspended)
		}
		for i, f := range a.m.Active {
			if plainly(flags[i].V) == plainly(f.On) {
				*is.Access = provisioning.Active
			}
		}
		all = append(all, is)
	}
	return all, a.boxes.sort(ctx, rows.Err(), false, failed)
}

// plainly writes what is true in one way.
func plainly(flag string) string {
	switch strings.ToLower(flag) {
	case "true", "t", "y", "yes", "1":
		return "1"
	case "false", "f", "n", "no", "0":
		return "0"
	}
	return flag
}

// aliases adds those of an account to what was seen of it.
func (a *Mapped) aliases(ctx context.Context, is *provisioning.Observed) error {
	al := a.m.Alias
	if al == nil {
		return nil
	}
	const failed = "look at aliases"
	is.Aliases = []provisioning.Login{}
	rows, err := a.boxes.db.QueryContext(ctx, a.boxes.q("select "+al.Address+" from "+al.Table+" where "+al.Goto+" = $1 and "+al.Address+" <> $2 order by "+al.Address), string(is.Login), string(is.Login))
	if err != nil {
		return a.boxes.sort(ctx, err, false, failed)
	}
	defer rows.Close()
	for rows.Next() {
		var one provisioning.Login
		if err := rows.Scan(&one); err != nil {
			return a.boxes.sort(ctx, err, false, failed)
		}
		is.Aliases = append(is.Aliases, one)
	}
	return a.boxes.sort(ctx, rows.Err(), false, failed)
}

// List lists all rows by their login.
func (a *Mapped) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := a.Begin(ctx); err != nil {
		return page, err
	}
	if limit, err = a.Limit(limit, maxPage); err != nil {
		return page, err
	}
	all, err := a.rows(ctx, "where t."+a.m.Login+" > $1 order by t."+a.m.Login+" limit "+strconv.Itoa(limit+1), cursor)
	if err != nil {
		return page, err
	}
	if len(all) > limit {
		all = all[:limit]
		page.Next = string(all[limit-1].Login)
	}
	for i := range all {
		if err := a.aliases(ctx, &all[i]); err != nil {
			return page, err
		}
	}
	page.Accounts = all
	return page, nil
}

// Usage says how much some mailboxes hold, as is written in the tables or else as
// Dovecot counts it.
func (a *Mapped) Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	if err := a.Begin(ctx, refs...); err != nil {
		return nil, err
	}
	if !a.Capabilities().Usage {
		return nil, fault.New(fault.Unsupported, "", "mail: usage: the tables do not tell")
	}
	all, err := a.Each(ctx, refs)
	if err != nil || a.m.Usage != nil {
		return all, err
	}
	var logins []provisioning.Login
	for _, is := range all {
		logins = append(logins, is.Login)
	}
	held, err := a.boxes.doveadm.Quota(ctx, logins)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if h, ok := held[all[i].Login]; ok {
			all[i].Used = &h.Used
		}
	}
	return all, nil
}

// Take takes a step, in one transaction.
func (a *Mapped) Take(ctx context.Context, step provisioning.Step, want provisioning.Desired, is provisioning.Observed) error {
	if want.Quota == 0 && (step == provisioning.StepQuota || step == provisioning.StepEnsure) {
		return fault.New(fault.Invalid, "", "mail: a quota of nothing for %s: in these tables that is no limit", want.Account)
	}
	kick := step == provisioning.StepSuspend || step == provisioning.StepDelete
	err := a.boxes.transact(ctx, "change "+string(want.Account), func(tx *sql.Tx) error {
		w := &writer{ctx: ctx, tx: tx, a: a, want: want}
		switch step {
		case provisioning.StepEnsure:
			if !is.Exists {
				w.make()
			} else {
				w.update(map[string]any{a.m.Quota: int64(a.m.kept(want.Quota))})
			}
		case provisioning.StepQuota:
			w.update(map[string]any{a.m.Quota: int64(a.m.kept(want.Quota))})
		case provisioning.StepSuspend:
			w.update(a.m.flags(false))
		case provisioning.StepResume:
			w.update(a.m.flags(true))
		case provisioning.StepAliases:
			w.setAliases()
		case provisioning.StepDelete:
			w.remove()
		case provisioning.StepInbound, provisioning.StepApps, provisioning.StepNone:
			w.err = fault.New(fault.Unsupported, "", "mail: %s", step)
		}
		return w.err
	})
	if err == nil && a.boxes.doveadm != nil {
		err = told(a.boxes.doveadm.settle(ctx, want.Login, kick))
	}
	return err
}

func (m Map) flags(on bool) map[string]any {
	set := map[string]any{}
	for _, f := range m.Active {
		if set[f.Column] = f.Off; on {
			set[f.Column] = f.On
		}
	}
	return set
}

// SetCredential writes a password down.
func (a *Mapped) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := a.Begin(ctx, ref); err != nil {
		return err
	}
	if err := takes(c); err != nil {
		return err
	}
	return a.Ours(ctx, ref, "set a password", func(provisioning.Observed) error {
		err := a.boxes.transact(ctx, "set a password", func(tx *sql.Tx) error {
			w := &writer{ctx: ctx, tx: tx, a: a, want: provisioning.Desired{Ref: ref}}
			w.update(map[string]any{a.m.Password: "{" + c.Scheme + "}" + c.Hash})
			return w.err
		})
		if err == nil && a.boxes.doveadm != nil {
			err = told(a.boxes.doveadm.settle(ctx, ref.Login, true))
		}
		return err
	})
}

// CloseSessions ends the sessions of an account's holder.
func (a *Mapped) CloseSessions(ctx context.Context, ref provisioning.Ref) error {
	if err := a.Begin(ctx, ref); err != nil {
		return err
	}
	if a.boxes.doveadm == nil {
		return fault.New(fault.Unsupported, "", "mail: end sessions: Dovecot is told nothing")
	}
	return a.Ours(ctx, ref, "end sessions", func(provisioning.Observed) error {
		return a.boxes.doveadm.settle(ctx, ref.Login, true)
	})
}

// writer writes what a step needs, until something fails.
type writer struct {
	ctx     context.Context
	tx      *sql.Tx
	a       *Mapped
	want    provisioning.Desired
	maildir string
	err     error
}

func (w *writer) do(query string, args ...any) {
	if w.err == nil {
		_, w.err = w.tx.ExecContext(w.ctx, w.a.boxes.q(query), args...)
	}
}

// fill puts what is meant in the place of words.
func (w *writer) fill(value string, alias provisioning.Login) string {
	host := w.want.Login.Domain()
	if alias != "" {
		host = alias.Domain()
	}
	return strings.NewReplacer("%login", string(w.want.Login), "%local", w.want.Login.Local(), "%domain", host, "%account", string(w.want.Account),
		"%maildir", w.maildir, "%now", time.Now().UTC().Format(time.DateTime), "%random", strings.ToLower(rand.Text()), "%alias", string(alias)).Replace(value)
}

// insert writes a row: of some columns that are known, and others.
func (w *writer) insert(table string, known map[string]any, others map[string]string, alias provisioning.Login) {
	all := maps.Clone(known)
	if all == nil {
		all = map[string]any{}
	}
	for column, value := range others {
		if _, is := all[column]; !is {
			all[column] = w.fill(value, alias)
		}
	}
	columns := slices.Sorted(maps.Keys(all))
	var marks []string
	var args []any
	for i, column := range columns {
		marks, args = append(marks, "$"+strconv.Itoa(i+1)), append(args, all[column])
	}
	w.do("insert into "+table+" ("+strings.Join(columns, ", ")+") values ("+strings.Join(marks, ", ")+")", args...)
}

func (w *writer) make() {
	m := w.a.m
	w.maildir = w.fill(m.Folder, "")
	w.free([]provisioning.Login{w.want.Login})
	row := m.flags(w.want.Access != provisioning.Suspended)
	row[m.Login], row[m.Password], row[m.Quota], row[m.Maildir] = string(w.want.Login), "", int64(m.kept(w.want.Quota)), w.maildir
	w.insert(m.Table, row, m.Values, "")
	w.do("delete from rochdale_mark where login = $1", string(w.want.Login)) // of a row that somebody removed
	w.do("insert into rochdale_mark (login, account) values ($1, $2)", string(w.want.Login), string(w.want.Account))
	if m.Alias != nil && m.Alias.Own != nil {
		w.insert(m.Alias.Table, map[string]any{m.Alias.Address: string(w.want.Login), m.Alias.Goto: string(w.want.Login)}, m.Alias.Own, "")
	}
	if w.want.Aliases != nil && m.Alias != nil {
		w.setAliases()
	}
}

func (w *writer) update(set map[string]any) {
	m := w.a.m
	for column, value := range m.Changed {
		set[column] = w.fill(value, "")
	}
	var parts []string
	var args []any
	for _, column := range slices.Sorted(maps.Keys(set)) {
		args = append(args, set[column])
		parts = append(parts, column+" = $"+strconv.Itoa(len(args)))
	}
	args = append(args, string(w.want.Login))
	w.do("update "+m.Table+" set "+strings.Join(parts, ", ")+" where "+m.Login+" = $"+strconv.Itoa(len(args)), args...)
}

// free fails if an address is another's.
func (w *writer) free(addresses []provisioning.Login) {
	m := w.a.m
	for _, address := range addresses {
		if w.err != nil || m.Alias == nil {
			return
		}
		var n int
		query := "select (select count(*) from " + m.Table + " where " + m.Login + " = $1 and " + m.Login + " <> $2) + " +
			"(select count(*) from " + m.Alias.Table + " where " + m.Alias.Address + " = $3 and " + m.Alias.Goto + " <> $4)"
		own := string(w.want.Login)
		if w.err = w.tx.QueryRowContext(w.ctx, w.a.boxes.q(query), string(address), own, string(address), own).Scan(&n); w.err == nil && n > 0 {
			w.err = fault.New(fault.Conflict, "", "mail: an address wanted for %s is another account's", w.want.Account)
		}
	}
}

func (w *writer) setAliases() {
	al := w.a.m.Alias
	for _, alias := range w.want.Aliases {
		if _, err := provisioning.ParseLogin(string(alias)); w.err == nil && (errors.Is(err, provisioning.ErrLogin) || alias == w.want.Login) {
			w.err = fault.New(fault.Invalid, "", "mail: an alias wanted for %s is no address, or its own", w.want.Account)
		}
	}
	w.free(w.want.Aliases)
	own := string(w.want.Login)
	w.do("delete from "+al.Table+" where "+al.Goto+" = $1 and "+al.Address+" <> $2", own, own)
	for _, alias := range addresses(together(w.want.Aliases)) {
		w.insert(al.Table, map[string]any{al.Address: string(alias), al.Goto: own}, al.Values, alias)
	}
}

func (w *writer) remove() {
	m, own := w.a.m, string(w.want.Login)
	if w.err = w.tx.QueryRowContext(w.ctx, w.a.boxes.q("select "+m.Maildir+" from "+m.Table+" where "+m.Login+" = $1"), own).Scan(&w.maildir); w.err != nil {
		return
	}
	if m.Deleted != nil {
		w.insert(m.Deleted.Table, nil, m.Deleted.Values, "")
	}
	if m.Alias != nil {
		w.do("delete from "+m.Alias.Table+" where "+m.Alias.Goto+" = $1", own)
	}
	if m.Usage != nil {
		w.do("delete from "+m.Usage.Table+" where "+m.Usage.Login+" = $1", own)
	}
	w.do("delete from "+m.Table+" where "+m.Login+" = $1", own)
	w.do("delete from rochdale_mark where login = $1", own)
}
