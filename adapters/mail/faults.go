package mail

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"

	"rochdale/adapters/fault"
)

// transact runs a function in a transaction that writes, and sorts what goes
// wrong. Only a commit that fails is ambiguous.
func (m *Mailboxes) transact(ctx context.Context, what string, do func(*sql.Tx) error) error {
	if err := m.made(ctx); err != nil {
		return err
	}
	return m.inTx(ctx, what, do)
}

// inTx does the same before the tables are made.
func (m *Mailboxes) inTx(ctx context.Context, what string, do func(*sql.Tx) error) error {
	var options *sql.TxOptions
	if m.dialect == MySQL { // which locks, else, what is not there
		options = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	tx, err := m.db.BeginTx(ctx, options)
	if err != nil {
		return m.sort(ctx, err, false, what)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return m.sort(ctx, err, false, what)
	}
	return m.sort(ctx, tx.Commit(), true, what)
}

// sort sorts a trouble of the database by its class. It keeps nil, and what is
// sorted already, as it is.
func (m *Mailboxes) sort(ctx context.Context, err error, ambiguous bool, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	class, code := fault.Transient, ""
	switch {
	case ctx.Err() != nil:
		err = errors.Join(ctx.Err(), err)
	case m.dialect == SQLite:
		class, code = ofSQLite(err)
	case m.dialect == MySQL:
		class, code = ofMySQL(err)
	default:
		class, code = ofPostgreSQL(err)
	}
	return &fault.Error{Class: class, Ambiguous: ambiguous, Code: code, Err: fmt.Errorf("mail: %s: %w", what, err)}
}

// ofSQLite sorts by https://sqlite.org/rescode.html.
func ofSQLite(err error) (class fault.Class, code string) {
	var extended sqlite3.ExtendedErrorCode
	if !errors.As(err, &extended) {
		return fault.Transient, ""
	}
	code = fmt.Sprintf("sqlite %d", extended)
	switch extended.Code() {
	case sqlite3.FULL, sqlite3.IOERR, sqlite3.CANTOPEN, sqlite3.CORRUPT, sqlite3.NOTADB:
		return fault.Unavailable, code
	case sqlite3.READONLY, sqlite3.PERM, sqlite3.AUTH:
		return fault.Denied, code
	case sqlite3.CONSTRAINT, sqlite3.TOOBIG, sqlite3.MISMATCH:
		return fault.Invalid, code
	default:
		return fault.Transient, code
	}
}

// ofPostgreSQL sorts by the SQLSTATE (PostgreSQL, appendix A). A trouble that has
// none is one of the connection.
func ofPostgreSQL(err error) (class fault.Class, code string) {
	var server interface{ SQLState() string }
	if !errors.As(err, &server) {
		return fault.Unavailable, ""
	}
	code = server.SQLState()
	for _, s := range []struct {
		begins string
		class  fault.Class
	}{
		{"08", fault.Unavailable},    // the connection
		{"25006", fault.Unavailable}, // a standby: it does not write
		{"28", fault.Denied},         // who we are
		{"3D", fault.Denied},         // no such database
		{"42", fault.Denied},         // what we may do, or tables that are not ours
		{"22", fault.Invalid},
		{"23", fault.Invalid},
		{"53", fault.Unavailable}, // a full disk, too many connections
		{"57P", fault.Unavailable},
		{"58", fault.Unavailable}, // its system
		{"XX", fault.Unavailable}, // corrupt
	} {
		if strings.HasPrefix(code, s.begins) {
			return s.class, "sqlstate " + code
		}
	}
	return fault.Transient, "sqlstate " + code
}

// ofMySQL sorts by the number of the error (MariaDB, "MariaDB Error Codes"). A trouble
// that has none is one of the connection.
func ofMySQL(err error) (class fault.Class, code string) {
	server, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return fault.Unavailable, ""
	}
	code = fmt.Sprintf("mysql %d", server.Number)
	switch server.Number {
	case 1044, 1045, 1698, 1142, 1143, 1227, 1370: // who we are, and what we may do
		return fault.Denied, code
	case 1049, 1054, 1146: // no such database, or tables that are not ours
		return fault.Denied, code
	case 1048, 1062, 1264, 1366, 1406, 1451, 1452, 4025: // what its constraints do not admit
		return fault.Invalid, code
	case 1021, 1037, 1040, 1053, 1114, 1129, 1203, 1290, 1792, 1836: // full, too many connections, shutting down, read-only
		return fault.Unavailable, code
	default:
		return fault.Transient, code
	}
}
