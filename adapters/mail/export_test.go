package mail

import "database/sql"

// Use has m work on another connection to its tables, which are not looked at first.
func Use(m *Mailboxes, db *sql.DB) { m.db = db }
