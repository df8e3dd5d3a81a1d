package postgres

import (
	"context"
	_ "embed" // of migrations
	"fmt"

	"github.com/jackc/pgx/v5"
)

// migrations lead from each version of the tables, which is the last that the one
// called migration knows, to the next. They run in one transaction.
//
// All is in a schema of its own, by whose name it is called: a session's search_path
// cannot be relied on behind a proxy, and a role that is named like a schema finds
// its tables there, whatever else they are of.
var migrations = []string{first, second}

//go:embed migrations/1.sql
var first string

//go:embed migrations/2.sql
var second string

// turnstile is the advisory lock of whoever migrates: "Rochdale".
const turnstile = 0x526f636864616c65

// migrate brings the schema to the version that this program knows.
func (d *Driver) migrate(ctx context.Context) error {
	version, err := d.version(ctx, d.pool)
	if err != nil || version == len(migrations) {
		return err
	}
	return pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`select pg_advisory_xact_lock(%d)`, turnstile)); err != nil {
			return err
		}
		version, err := d.version(ctx, tx) // now that nobody else changes it
		if err != nil {
			return err
		}
		if version == 0 {
			if _, err := tx.Exec(ctx, `create schema if not exists rochdale_log`); err != nil {
				return err
			}
		}
		for _, migration := range migrations[version:] {
			version++
			if _, err := tx.Exec(ctx, migration+fmt.Sprintf(`insert into rochdale_log.migration (version) values (%d)`, version)); err != nil {
				return fmt.Errorf("migration %d: %w", version, err)
			}
		}
		return nil
	})
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// version returns that of the schema of a log, or 0 where there is none.
func (d *Driver) version(ctx context.Context, q querier) (version int, err error) {
	var encoding string
	var tables int
	var ours bool
	err = q.QueryRow(ctx, `select current_setting('server_encoding'), count(*), coalesce(bool_or(relname = 'migration'), false)
		from pg_class where relnamespace = (select oid from pg_namespace where nspname = 'rochdale_log')`).Scan(&encoding, &tables, &ours)
	switch {
	case err != nil:
		return 0, err
	case encoding != "UTF8":
		return 0, fmt.Errorf("postgres: %s is encoded in %s: make one in UTF8, by create database … encoding 'UTF8' template template0", d.where, encoding)
	case !ours && tables > 0:
		return 0, fmt.Errorf("postgres: the schema rochdale_log of %s is something else's: name another database", d.where)
	case !ours:
		return 0, nil
	}
	if err = q.QueryRow(ctx, `select coalesce(max(version), 0) from rochdale_log.migration`).Scan(&version); err != nil {
		return 0, err
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("postgres: the log in %s was written by a newer program (schema %d, this one knows %d): upgrade this one", d.where, version, len(migrations))
	}
	return version, nil
}
