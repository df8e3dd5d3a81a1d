package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rochdale/eventstore"
)

// Codes of SQLSTATE.
const (
	connectionException  = "08" // with which all such codes begin
	serializationFailure = "40001"
	deadlock             = "40P01"
	noSuchStatement      = "26000"
	otherResult          = "0A000" // of a statement than when it was prepared
	protocolViolation    = "08P01" // which is what PgBouncer calls a server that it cannot reach
	readOnly             = "25006"
	notAllowed           = "28000"
	wrongPassword        = "28P01"
	noDatabase           = "3D000"
	insufficient         = "42501" // privilege
	diskFull             = "53100"
	tooMany              = "53300" // connections
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
)

// passing are the reasons that a server may give in passing for not letting anybody in.
var passing = map[string]bool{
	protocolViolation: true, tooMany: true, adminShutdown: true, crashShutdown: true, cannotConnectNow: true,
}

// advice is what to do about what an operator can do something about.
var advice = map[string]string{
	readOnly:         "it can only be read: name the primary server, or add target_session_attrs=read-write to a URL that names all",
	notAllowed:       "the server does not let this user in: correct the user in the URL, or pg_hba.conf on the server",
	wrongPassword:    "the password is wrong: correct it in the URL, PGPASSWORD or .pgpass",
	noDatabase:       "there is no such database: create it, or correct its name in the URL",
	insufficient:     "the user of the URL must own the database: alter database … owner to …",
	diskFull:         "the disk of the server is full: nothing was acknowledged; make room on it",
	tooMany:          "the server has no connection left: raise its max_connections, or put pool_max_conns, for each node, in the URL",
	cannotConnectNow: "the server is starting or stopping: try again",
}

// explain says what failed where, and what to do about it. It never says a password.
func (d *Driver) explain(err error) error {
	if err == nil || errors.As(err, new(explained)) {
		return err
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	answer, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case answered && advice[answer.Code] != "":
		return explained{fmt.Sprintf("%s: %s: %s", d.where, advice[answer.Code], answer.Message), err}
	case answered:
		return explained{fmt.Sprintf("%s: %s (%s)", d.where, strings.Join(nonempty(answer.Message, answer.Detail, answer.Hint), "; "), answer.Code), err}
	case connecting:
		return explained{fmt.Sprintf("%s cannot be reached: start the server, or correct host and port in the URL: %s", d.where, causes(err)), err}
	}
	return explained{fmt.Sprintf("%s: %s", d.where, err), err}
}

// explained is an error in the words of this package.
type explained struct {
	said string
	err  error
}

func (e explained) Error() string { return "postgres: " + e.said }

func (e explained) Unwrap() error { return e.err }

func nonempty(all ...string) (some []string) {
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}

// causes are those of an error to connect, which tells of each address on a line.
func causes(err error) string {
	_, text, _ := strings.Cut(err.Error(), "`:")
	var all []string
	for line := range strings.Lines(text) {
		all = append(all, strings.TrimSpace(line))
	}
	return strings.Join(nonempty(all...), "; ")
}

// unparsed is the error of a URL that is none, of which nothing is repeated that
// may be a password.
func unparsed(err error) error {
	said := err.Error()
	said = said[strings.LastIndex(said, "`: ")+1:]
	if inner := errors.Unwrap(err); inner != nil && strings.Contains(said, "failed to parse as") {
		said = strings.TrimSuffix(said, " ("+inner.Error()+")")
	}
	return fmt.Errorf(`postgres: the URL is to be like postgres://user:password@host:5432/database?sslmode=require, with %%-escapes for signs in a password%s`, said)
}

func name(config *pgx.ConnConfig) string {
	return fmt.Sprintf("database %q of %s on %s:%d", config.Database, config.User, config.Host, config.Port)
}

// outcome is the error of a transaction that writes, which is ambiguous unless it
// has surely been rolled back, or was never sent.
func (d *Driver) outcome(err error) error {
	_, never := errors.AsType[unsent](err)
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if never || answered && !fatal(answer) || pgconn.SafeToRetry(err) {
		return d.explain(err)
	}
	return eventstore.NewAmbiguous(d.explain(err))
}
