package mail

import (
	"context"
	"database/sql"
	_ "embed"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain/provisioning"
)

//go:embed apps.sqlite.sql
var appsSQLite string

//go:embed apps.pgsql.sql
var appsPostgreSQL string

// AddAppPassword lets an account in by one more password, which begins with its id.
// Added again, it is as it was.
func (m *Mailboxes) AddAppPassword(ctx context.Context, ref provisioning.Ref, p provisioning.AppPassword, c provisioning.Credential) error {
	if err := m.begin(ctx, ref); err != nil {
		return err
	}
	if !provisioning.IsAppPasswordID(p.ID) || p.Name == "" {
		return fault.New(fault.Invalid, "", "mail: an app password of id %q, named %q", p.ID, p.Name)
	}
	if form, ok := hashes[c.Scheme]; !ok || !acceptable(c.Scheme, form.FindStringSubmatch(c.Hash)) {
		return fault.New(fault.Unsupported, "", "mail: app passwords hashed by %q: only by %s or %s, and cheap enough to check", c.Scheme, argon2id, bcrypt)
	}
	return m.transact(ctx, "add an app password", func(tx *sql.Tx) error {
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
		_, err = tx.ExecContext(ctx, m.q(m.upsert(`insert into mail_app_password (id, login, name, password, created_at) values ($1, $2, $3, $4, $5)`,
			"id", [2]string{"id", "mail_app_password.id"})), p.ID, ref.Login, p.Name, "{"+c.Scheme+"}"+c.Hash, p.Created.Unix())
		return err
	})
}

// AppPasswords returns those of an account, oldest first.
func (m *Mailboxes) AppPasswords(ctx context.Context, ref provisioning.Ref) (all []provisioning.AppPassword, err error) {
	const failed = "list app passwords"
	if err := m.begin(ctx, ref); err != nil {
		return nil, err
	}
	rows, err := m.db.QueryContext(ctx, m.q(`select p.id, p.name, p.created_at, u.used_at from mail_app_password p
		left join mail_app_use u on u.id = p.id where p.login = $1 order by p.created_at, p.id`), ref.Login)
	if err != nil {
		return nil, m.sort(ctx, err, false, failed)
	}
	defer rows.Close()
	for rows.Next() {
		var p provisioning.AppPassword
		var created int64
		var used sql.Null[int64]
		if err := rows.Scan(&p.ID, &p.Name, &created, &used); err != nil {
			return nil, m.sort(ctx, err, false, failed)
		}
		p.Created = time.Unix(created, 0).UTC()
		if used.Valid {
			p.Used = time.Unix(used.V, 0).UTC()
		}
		all = append(all, p)
	}
	return all, m.sort(ctx, rows.Err(), false, failed)
}

// RemoveAppPassword lets an account in by one of its app passwords no more. One that
// is not there is no error.
func (m *Mailboxes) RemoveAppPassword(ctx context.Context, ref provisioning.Ref, id string) error {
	if err := m.begin(ctx, ref); err != nil {
		return err
	}
	return m.transact(ctx, "remove an app password", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, m.q(`delete from mail_app_password where id = $1 and login = $2`), id, ref.Login)
		return err
	})
}
