package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"rochdale/adapters/exec"
	"rochdale/adapters/ldap"
	"rochdale/adapters/mail"
	"rochdale/adapters/nextcloud"
	"rochdale/adapters/remote"
	"rochdale/adapters/webhook"
	"rochdale/domain"
	"rochdale/processes"
)

// A serviceFile says by service what accounts are provisioned on, where that is not
// what the program brings along: see docs/adapters.md.
type serviceFile map[domain.Service]serviceEntry

// serviceEntry is one of these.
type serviceEntry struct {
	Nextcloud *struct {
		URL          string                    `json:"url"`
		User         string                    `json:"user"`
		PasswordFile string                    `json:"password_file"`
		Mark         string                    `json:"mark"`
		Apps         map[domain.Service]string `json:"apps"`
		Edits        int                       `json:"edits"`
	} `json:"nextcloud"`
	LDAP *struct {
		ldap.Config
		PasswordFile string `json:"password_file"`
	} `json:"ldap"`
	Exec    *exec.Config `json:"exec"`
	Webhook *struct {
		URL        string           `json:"url"`
		SecretFile string           `json:"secret_file"` // a line for each secret
		Timeout    exec.Duration    `json:"timeout"`
		Can        remote.Abilities `json:"can"`
	} `json:"webhook"`
	Tables *struct {
		Database string    `json:"database"` // sqlite:PATH, postgres://… or mysql://…
		Program  string    `json:"program"`  // postfixadmin or iredmail; or else a map
		Map      *mail.Map `json:"map"`
	} `json:"tables"`
	Doveadm *struct { // of the tables, or of --mailboxes
		URL     string `json:"url"`
		KeyFile string `json:"key_file"`
		Store   string `json:"store"`
	} `json:"doveadm"`
}

// readServices reads such a file strictly.
func readServices(path string) (serviceFile, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all serviceFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err = d.Decode(&all); err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more comes after it")
		}
	}
	if err != nil {
		return nil, misused("--services %s: %v", path, err)
	}
	for service, e := range all {
		n := 0
		for _, is := range []bool{e.Nextcloud != nil, e.LDAP != nil, e.Exec != nil, e.Webhook != nil, e.Tables != nil} {
			if is {
				n++
			}
		}
		if !service.Valid() || n > 1 || n == 0 && (service != domain.Mail || e.Doveadm == nil) || e.Doveadm != nil && service != domain.Mail {
			return nil, misused("--services %s: %q: a service there is has one of nextcloud, ldap, exec, webhook and tables; mail may have doveadm, with tables or alone", path, service)
		}
	}
	return all, nil
}

// secret returns what reads a file each time it is asked for, so that it can be replaced.
func secret(path string) func() (string, error) {
	return func() (string, error) {
		text, err := os.ReadFile(path)
		if err == nil && len(bytes.TrimSpace(text)) == 0 {
			err = fmt.Errorf("%s is empty", path)
		}
		return strings.TrimSpace(string(text)), err
	}
}

// doveadm returns how Dovecot is told of changes; nil if it is not.
func (e serviceEntry) doveadm() *mail.Doveadm {
	if e.Doveadm == nil {
		return nil
	}
	return &mail.Doveadm{URL: e.Doveadm.URL, Key: secret(e.Doveadm.KeyFile), Store: e.Doveadm.Store}
}

// open returns the accounts of a service; nil for those that the program brings along.
func (e serviceEntry) open(ctx context.Context, service domain.Service) (processes.Provisioner, io.Closer, error) {
	switch {
	case e.Nextcloud != nil:
		c := e.Nextcloud
		at, err := nextcloud.New(nextcloud.Config{
			URL: c.URL, User: c.User, Password: secret(c.PasswordFile), Service: service, Mark: c.Mark, Apps: c.Apps, Edits: c.Edits,
		})
		return at, nil, err
	case e.LDAP != nil:
		c := e.LDAP.Config
		c.Service, c.Password = service, secret(e.LDAP.PasswordFile)
		at, err := ldap.New(c)
		return at, at, err
	case e.Exec != nil:
		c := *e.Exec
		c.Can.Service = service
		at, err := exec.New(c)
		return at, nil, err
	case e.Webhook != nil:
		c := webhook.Config{URL: e.Webhook.URL, Can: e.Webhook.Can}
		c.Can.Service = service
		lines := secret(e.Webhook.SecretFile)
		c.Secrets = func() ([]string, error) {
			text, err := lines()
			return strings.Fields(text), err
		}
		at, err := webhook.New(c)
		return at, nil, err
	case e.Tables != nil:
		return e.openTables(ctx)
	}
	return nil, nil, nil
}

func (e serviceEntry) openTables(ctx context.Context) (processes.Provisioner, io.Closer, error) {
	m := e.Tables.Map
	switch e.Tables.Program {
	case "postfixadmin":
		m = new(mail.PostfixAdmin())
	case "iredmail":
		m = new(mail.IRedMail())
	}
	if m == nil {
		return nil, nil, misused("--services: tables of the program %q: it is postfixadmin or iredmail, or there is a map", e.Tables.Program)
	}
	db, dialect, err := openMailDatabase(e.Tables.Database)
	if err != nil {
		return nil, nil, err
	}
	at, err := mail.OpenMapped(ctx, db, dialect, *m, e.doveadm())
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return at, db, nil
}

// isMySQL reports whether an address is that of a database of MariaDB.
func isMySQL(address string) bool { return strings.HasPrefix(address, "mysql://") }
