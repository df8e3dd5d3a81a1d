package mail

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"rochdale/adapters/fault"
	"rochdale/domain/provisioning"
)

//go:embed nodes.sqlite.sql
var nodesSQLite string

//go:embed nodes.pgsql.sql
var nodesPostgreSQL string

//go:embed nodes.mysql.sql
var nodesMySQL string

// Place is where mail servers that stand before several nodes find one of them.
type Place struct {
	Host    string `json:"host"`    // its name, as its certificate has it
	Address string `json:"address"` // where it is reached, like 10.0.0.2; empty: by its name
	IMAP    int    `json:"imap"`    // port of IMAP over TLS; 0: 993
	LMTP    int    `json:"lmtp"`    // port of LMTP; 0: 24
}

var (
	hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	address  = regexp.MustCompile(`^[0-9a-f.:]*$`)
)

// OpenFront opens tables by which mail servers that stand before several nodes know
// who is there, and where: they hold no mail. Nodes are the places of all, by name.
func OpenFront(ctx context.Context, db *sql.DB, dialect Dialect, nodes map[string]Place) (*Mailboxes, error) {
	for name, p := range nodes {
		if !hostName.MatchString(p.Host) || !address.MatchString(p.Address) || p.IMAP < 0 || p.LMTP < 0 {
			return nil, fmt.Errorf("mail: node %s is at host %q, address %q, ports %d and %d: a host is a name, an address is of IP, a port is above 0", name, p.Host, p.Address, p.IMAP, p.LMTP)
		}
	}
	if schemas[dialect] == nil {
		return nil, fault.New(fault.Unsupported, "", "mail: a database of dialect %q", dialect)
	}
	m := &Mailboxes{db: db, dialect: dialect, front: true}
	// One that is named no more stays, since mail may still be there.
	put := m.q(m.upsert(`insert into mail_node (node, host, address, imap, lmtp) values ($1, $2, $3, $4, $5)`, "node",
		[2]string{"host", "%new"}, [2]string{"address", "%new"}, [2]string{"imap", "%new"}, [2]string{"lmtp", "%new"}))
	return m, m.prepare(ctx, func(ctx context.Context) error {
		if err := m.makeTables(ctx); err != nil {
			return err
		}
		return m.inTx(ctx, "say where nodes are", func(tx *sql.Tx) error {
			for _, name := range slices.Sorted(maps.Keys(nodes)) {
				p := nodes[name]
				_, err := tx.ExecContext(ctx, put, name, p.Host, sql.Null[string]{V: p.Address, Valid: p.Address != ""}, cmp.Or(p.IMAP, 993), cmp.Or(p.LMTP, 24))
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// Before has a front copy, of accounts for which it has no password yet, by what their
// holders get in from the tables of the node that they are on.
func (m *Mailboxes) Before(node string, at *Mailboxes) {
	if m.nodes == nil {
		m.nodes = map[string]*Mailboxes{}
	}
	m.nodes[node] = at
}

// fill copies by what the holder of an account gets in, if the front has nothing of it
// and the node something.
func (m *Mailboxes) fill(ctx context.Context, want provisioning.Desired) error {
	at := m.nodes[want.Node]
	if at == nil {
		return nil
	}
	b, err := at.copied(ctx, want)
	if fault.CodeOf(err) == "missing" {
		return nil // there is nothing yet
	}
	if err != nil {
		return err
	}
	return m.transact(ctx, "copy by what "+string(want.Account)+" gets in", func(tx *sql.Tx) error {
		if _, err := m.find(ctx, tx, want.Login); err != nil {
			return err
		}
		filled, err := tx.ExecContext(ctx, m.q(`update mail_account set password = $1 where login = $2 and account = $3 and password is null`), b.password, want.Login, want.Account)
		if err != nil {
			return err
		}
		if n, err := filled.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return m.setDevices(ctx, tx, want.Login, b.devices)
	})
}
