package mailtest_test

import (
	"errors"
	"testing"

	"rochdale/adapters/mail"
	"rochdale/internal/mailtest"
)

func TestServer(t *testing.T) {
	tables, path := mailtest.SQLite(t)
	db, err := mail.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := mail.Open(t.Context(), db, mail.SQLite); err != nil {
		t.Fatal(err)
	}
	var one, other *mailtest.Server
	t.Run("two at once", func(t *testing.T) {
		one, other = mailtest.StartDovecot(t, tables), mailtest.StartDovecot(t, tables)
		if one.IMAP == other.IMAP {
			t.Error("both listen on", one.IMAP)
		}
		for _, s := range []*mailtest.Server{one, other} {
			if _, err := s.LogIn("nobody@"+mailtest.Domain, "three or four words"); !errors.Is(err, mailtest.ErrRefused) {
				t.Error(err)
			}
			if err := s.Deliver("nobody@"+mailtest.Domain, "lost", 100); !errors.Is(err, mailtest.ErrRefused) {
				t.Error(err)
			}
			if boxes := s.Boxes(t); len(boxes) != 0 {
				t.Errorf("there is %q", boxes)
			}
		}
	})
	for _, s := range []*mailtest.Server{one, other} {
		if m, err := s.LogIn("nobody@"+mailtest.Domain, "three or four words"); err == nil || m != nil || errors.Is(err, mailtest.ErrRefused) {
			t.Errorf("after its test, the server answers: %v", err)
		}
	}
}
