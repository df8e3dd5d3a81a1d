package mail_test

import (
	"strings"
	"sync"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/internal/mariadbtest"
)

// TestMariaDB is what is MariaDB's own: the rest is in the tests of all dialects.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	address := mariadbtest.Start(t).NewDatabase(t)
	db, err := mail.OpenMySQL(address)
	taken(t, err)
	t.Cleanup(func() { db.Close() })
	var wg sync.WaitGroup
	for range 8 { // at once, and each sees the tables made
		wg.Go(func() {
			if _, err := mail.Open(t.Context(), db, mail.MySQL); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	boxes, err := mail.Open(t.Context(), db, mail.MySQL)
	taken(t, err)
	if _, err := db.ExecContext(t.Context(), `insert into mail_schema values (1000)`); err != nil {
		t.Fatal(err)
	}
	if _, err := mail.Open(t.Context(), db, mail.MySQL); !isA(err, fault.Denied) {
		t.Errorf("tables of a newer program: %v", err)
	}
	other, err := mail.OpenMySQL(strings.Replace(address, "rochdale:", "rochdale:wrong", 1))
	taken(t, err)
	defer other.Close()
	mail.Use(boxes, other)
	if err := boxes.Check(t.Context()); !isA(err, fault.Denied) {
		t.Error(err)
	}
	for _, address := range []string{"", "postgres://u@h/d", "mysql://host", "mysql://host/"} {
		if _, err := mail.OpenMySQL(address); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
}
