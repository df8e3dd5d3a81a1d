package mail

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"rochdale/adapters/fault"
)

// OpenMySQL opens a database of MariaDB by its address, like
// "mysql://user:password@host:3306/mail"; with ?tls=true the connection is encrypted
// and the server's certificate checked.
func OpenMySQL(address string) (*sql.DB, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "mysql" || u.Host == "" || len(u.Path) < 2 {
		return nil, errors.New("mail: the address of a database of MariaDB is like mysql://user:password@host:3306/mail")
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName = "tcp", u.Host, u.Path[1:]
	if u.Port() == "" {
		c.Addr = u.Hostname() + ":3306"
	}
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.TLSConfig = u.Query().Get("tls")
	// A row that is as it shall be counts as found; names are told apart by every bit.
	c.ClientFoundRows, c.Collation = true, "utf8mb4_bin"
	c.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'"}
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 10*time.Second, 2*time.Minute, time.Minute
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("mail: open a database of MariaDB: %w", err)
	}
	return sql.OpenDB(connector), nil
}

var parameter = regexp.MustCompile(`\$[0-9]+`)

// q returns a query in the words of the dialect. Its parameters stand in order, each
// once.
func (m *Mailboxes) q(query string) string {
	if m.dialect != MySQL {
		return query
	}
	return parameter.ReplaceAllString(query, "?")
}

// upsert has an insert, on a row that is there under its key, set columns instead,
// given with their values. In a value, %new is what would have been inserted.
func (m *Mailboxes) upsert(insert, key string, set ...[2]string) string {
	var parts []string
	for _, s := range set {
		fresh := "excluded." + s[0]
		if m.dialect == MySQL {
			fresh = "values(" + s[0] + ")"
		}
		parts = append(parts, s[0]+" = "+strings.ReplaceAll(s[1], "%new", fresh))
	}
	on := " on conflict (" + key + ") do update set "
	if m.dialect == MySQL {
		on = " on duplicate key update "
	}
	return insert + on + strings.Join(parts, ", ")
}

// makeMySQL makes the tables, one statement after the other, since MariaDB commits
// after each. So each can be repeated; statements have an empty line between them.
func (m *Mailboxes) makeMySQL(ctx context.Context, scripts []string) error {
	const failed = "make its tables"
	c, err := m.db.Conn(ctx)
	if err != nil {
		return m.sort(ctx, err, false, failed)
	}
	defer func() { _ = c.Close() }()
	var locked sql.Null[int]
	if err := c.QueryRowContext(ctx, `select get_lock('rochdale mail', 60)`).Scan(&locked); err != nil || locked.V != 1 {
		return m.sort(ctx, errors.Join(err, errors.New("somebody else makes them")), false, failed)
	}
	defer func() { _, _ = c.ExecContext(context.WithoutCancel(ctx), `do release_lock('rochdale mail')`) }()
	if _, err := c.ExecContext(ctx, `create table if not exists mail_schema (version integer primary key)`); err != nil {
		return m.sort(ctx, err, true, failed)
	}
	var version int
	if err := c.QueryRowContext(ctx, `select coalesce(max(version), 0) from mail_schema`).Scan(&version); err != nil {
		return m.sort(ctx, err, false, failed)
	}
	if version > len(scripts) {
		return fault.New(fault.Denied, "", "mail: its tables are of version %d, and this program knows none later than %d: run the newer program", version, len(scripts))
	}
	for ; version < len(scripts); version++ {
		for statement := range strings.SplitSeq(scripts[version], "\n\n") {
			if _, err := c.ExecContext(ctx, statement); err != nil {
				return m.sort(ctx, fmt.Errorf("version %d: %w", version+1, err), true, failed)
			}
		}
		if _, err := c.ExecContext(ctx, `insert into mail_schema values (?)`, version+1); err != nil {
			return m.sort(ctx, err, true, failed)
		}
	}
	return nil
}
