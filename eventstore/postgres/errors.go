package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	serializationFailure = "40001"
	deadlock             = "40P01"
)

// unparsed is the error of a URL that says nothing, which may hold a password.
func unparsed(err error) error { return err }

// explain says what to do about what an operator can do something about.
func (d *Driver) explain(err error) error {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		return err
	}
	return fmt.Errorf("postgres: %s: %w", d.where, answer)
}
