package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/domain"
)

// TestServiceFile reads the example of the documentation, and files that are wrong.
func TestServiceFile(t *testing.T) {
	all, err := readServices("../../docs/adapters/services.json")
	if err != nil || all[domain.Storage].Nextcloud == nil || all[domain.Mail].Tables == nil || all[domain.Mail].doveadm() == nil {
		t.Errorf("%+v, %v", all, err)
	}
	if at, _, err := all[domain.Storage].open(t.Context(), domain.Storage); err != nil || at.Capabilities().Service != domain.Storage {
		t.Error(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, text := range []string{
		``, `{`, `{}{}`, `{"fax": {"exec": {}}}`, `{"storage": {}}`, `{"storage": {"nextclod": {}}}`, `{"storage": {"doveadm": {}}}`,
		`{"storage": {"exec": {}, "webhook": {}}}`, `{"mail": {"nextcloud": {"password": "in the file"}}}`,
	} {
		if _, err := readServices(write("wrong.json", text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	if none, err := readServices(""); err != nil || len(none) > 0 {
		t.Errorf("%v, %v", none, err)
	}
	key := write("key", "first\n")
	read := secret(key)
	if is, err := read(); err != nil || is != "first" {
		t.Errorf("%q, %v", is, err)
	}
	write("key", "second\n")
	if is, err := read(); err != nil || is != "second" {
		t.Errorf("%q, %v", is, err)
	}
	write("key", "\n")
	if _, err := read(); err == nil {
		t.Error("an empty file is a secret")
	}

	g := &Globals{Data: filepath.Join(dir, "data"), Services: write("services.json", `{
		"mail": {"tables": {"database": "sqlite:`+filepath.Join(dir, "other", "mail.db")+`", "program": "postfixadmin"}},
		"storage": {"exec": {"command": ["/bin/false"], "timeout": "5s", "can": {"suspends": true}}}
	}`)}
	s, err := openServices(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.provisioners[domain.Storage].Check(t.Context()); err == nil || !strings.Contains(err.Error(), "/bin/false") {
		t.Errorf("storage is not what the file names: %v", err)
	}
	if at := s.provisioners[domain.Mail]; any(at) == any(s.mailboxes) {
		t.Error("mail is not what the file names")
	}
	g.Services, g.Mailboxes = "", "fax:5"
	if _, err := openServices(t.Context(), g); !strings.Contains(errors.Join(err).Error(), "mysql://") {
		t.Error(err)
	}
}
