package mail

import (
	"context"
	"database/sql"

	"rochdale/domain/provisioning"
)

// Use has m work on another connection to its tables, which are not looked at first.
func Use(m *Mailboxes, db *sql.DB) { m.db = db }

// Do has Dovecot carry out a command.
func Do(ctx context.Context, d *Doveadm, name string, params map[string]any) error {
	_, err := d.do(ctx, command{name, params})
	return err
}

// Remove has it remove a box.
func Remove(ctx context.Context, d *Doveadm, box string) error { return d.remove(ctx, box) }

// Differs fails unless a mailbox is on both as it is on the other.
func Differs(ctx context.Context, here, there *Doveadm, login provisioning.Login) error {
	return here.differs(ctx, there, login)
}
