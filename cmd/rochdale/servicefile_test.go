package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestServiceFile reads the example of the documentation, and files that are wrong.
func TestServiceFile(t *testing.T) {
	all, err := readServices("../../docs/adapters/services.yaml")
	if err != nil || all[domain.Storage].One.Nextcloud == nil || len(all[domain.Mail].Nodes) != 2 || all[domain.Mail].Nodes[0].At.doveadm() == nil || len(all[domain.Mail].Mirrors) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	if at, _, err := all[domain.Storage].One.open(t.Context(), domain.Storage, nil, nil); err != nil || at.Capabilities().Service != domain.Storage {
		t.Error(err)
	}
	if _, nodes := all[domain.Mail].targets(); nodes[1] != nil || *nodes[2] != (processes.Node{Bytes: 2_000_000_000_000, Accounts: 5000, Weight: 2, Overcommit: 150}) || !nodes[3].Drain {
		t.Errorf("%+v", nodes)
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
	for text, want := range map[string]string{
		``: "1: one document", `{`: "1:", "mail: {doveadm: {url: x}}\n---\n{}": "1: one document", "- mail\n": "1: say by service",
		"storage: {}\n\nfax: {exec: {}}": `3: there is no service "fax"`, "visio: {}": "1: visio: target visio has one of",
		"storage:\n  nextcloud:\n    url: x\n    usr: y": `4: unknown field "usr"`, "storage: {doveadm: {}}": "1: storage: doveadm and mailboxes are of mail",
		"mail: {doveadm: {dsync: \"10.0.0.2:12345\"}}": "1: mail: \"10.0.0.2:12345\" is nowhere to fetch mail from",
		"mail: {exec: {}}\nmail: {ldap: {}}":           "2: mapping key", "storage: {exec: {}, webhook: {}}": "has one of nextcloud",
		"mail: {nextcloud: {password: in the file}}": `unknown field "password"`, "mail: {exec: {timeout: -5s}}": "1: exec: a time-out of -5s",
		"mail: {nodes: 5}": "1: int was used", "mail:\n  exec: {}\n  nodes: []\n  overcommit: 5": "1: mail: overcommit is of nodes",
		"mail:\n  exec: {}\n  mirrors:\n    - {ldap: {}}": "1: mail: it has one target", "mail:\n  nodes:\n    - {exec: {}}": `3: mail: "" is no name`,
		"mail:\n  nodes:\n    - {name: m1, exec: {}}\n    - {name: m1, exec: {}}": "4: mail: there is another target m1",
		"mail:\n  nodes:\n    - {name: storage, exec: {}}":                        "3: mail: there is another target storage", "mail:\n  nodes:\n    - {name: M1, exec: {}}": "no name of a target",
		"mail:\n  nodes:\n    - {name: m1, exec: {}, bytes: 5 fg}": `3: mail: "5 fg" is no size`, "mail:\n  nodes:\n    - {name: m1, exec: {}, weight: -1}": "3: mail: accounts and weight",
		"mail:\n  mirrors:\n    - {name: m1, exec: {}}": "3: mail: by the first mirror", "mail:\n  nodes:\n    - {name: m1}": "3: mail: target m1 has one of",
		"mail: {front: {}}": "1: mail: a front is one of the mirrors", "mail:\n  nodes:\n    - {name: m1, front: {}}": "3: mail: a front is one of the mirrors",
		"mail:\n  mirrors:\n    - {name: f, front: {nodes: {m1: {}}}}\n  nodes:\n    - {name: m2, exec: {}}":         "3: mail: a front says where all nodes are: m2 is missing",
		"mail:\n  mirrors:\n    - {name: f, front: {nodes: {m1: {}, m2: {}}}}\n  nodes:\n    - {name: m2, exec: {}}": "3: mail: a front says where node m1 is",
		"mail:\n  mirrors:\n    - {name: mail, front: {}}":                                                           "3: mail: a front stands before nodes",
		"mail:\n  mirrors:\n    - {name: mail, exec: {}}\n  nodes:\n    - {name: m1, exec: {}}":                      "3: mail: beside nodes",
		"storage: {}\nmail:\n  tables: {database: x, program: postfixadmn}":                                          `2: mail: tables of the program "postfixadmn"`, "mail: {tables: {program: iredmail}}": "1: mail: tables are in a database",
		"mail: {tables: {database: x}}": `1: mail: tables of the program ""`, "mail: {tables: {database: x, program: iredmail, map: {}}}": "1: mail: tables of",
		"mail:\n  nodes:\n    - {name: m1, exec: {}, bytes: 0 GB}":                             "3: mail: bytes: 0 GB is no room",
		"mail:\n  nodes:\n    - {name: m1, exec: {}, bytes: 1 TB}\n    - {name: m2, exec: {}}": "4: mail: bytes are counted on all nodes",
	} {
		path := write("wrong.yaml", text)
		if _, err := readServices(path); err == nil || !strings.Contains(err.Error(), "wrong.yaml:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	two, err := readServices(write("two.yaml", "mail:\n  mirrors:\n    - tables: {database: x, program: iredmail}\n    - {name: directory, ldap: {url: y, base: z}}\n"))
	if all, _ := two[domain.Mail].targets(); err != nil || len(all) != 2 || all[0].Name != "mail" || all[1].Name != "directory" || all[1].LDAP.Config.Base != "z" {
		t.Errorf("%+v, %v", all, err)
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
	kv := new(eventstore.Memory)
	s, err := openServices(t.Context(), g, kv)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	at := map[string]processes.Provisioner{}
	for _, target := range s.targets {
		at[target.Name] = target.At
	}
	if err := at["storage"].Check(t.Context()); err == nil || !strings.Contains(err.Error(), "/bin/false") {
		t.Errorf("storage is not what the file names: %v", err)
	}
	if any(at["mail"]) == any(s.mailboxes) {
		t.Error("mail is not what the file names")
	}
	g.Services, g.Mailboxes = "", "fax:5"
	if _, err := openServices(t.Context(), g, kv); !strings.Contains(errors.Join(err).Error(), "mysql://") {
		t.Error(err)
	}
}

// TestUnreadSecrets: a file of a password that is not there, is empty or has none in it is
// a fault of how a target is set up, which names the file, and is not held against it.
func TestUnreadSecrets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret.txt")
	services := filepath.Join(dir, "services.yaml")
	text := strings.ReplaceAll(`storage: {nextcloud: {url: "http://127.0.0.1:1", user: admin, password_file: FILE}}
mail:
  mirrors:
    - {tables: {database: "sqlite:DB", program: iredmail}}
    - {name: directory, ldap: {url: "ldap://127.0.0.1:1", bind_dn: "cn=a", base: "ou=p,dc=x", password_file: FILE}}
    - {name: hook, webhook: {url: "http://127.0.0.1:1/", secret_file: FILE}}
`, "FILE", file)
	if err := os.WriteFile(services, []byte(strings.ReplaceAll(text, "DB", filepath.Join(dir, "mail.db"))), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := readServices(services)
	if err != nil {
		t.Fatal(err)
	}
	for what, prepare := range map[string]func() error{
		"missing": func() error { return os.RemoveAll(file) },
		"empty":   func() error { return os.WriteFile(file, []byte("\n"), 0o600) },
		"a folder": func() error {
			return errors.Join(os.RemoveAll(file), os.Mkdir(file, 0o700))
		},
	} {
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
		for service, targets := range map[domain.Service][]targetEntry{domain.Storage: {all[domain.Storage].One}, domain.Mail: all[domain.Mail].Mirrors[1:]} {
			for _, target := range targets {
				at, _, err := target.open(t.Context(), service, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = at.Observe(t.Context(), provisioning.Ref{Service: service, Login: "anna@coop.example"})
				if fault.CodeOf(err) != fault.Settings || !strings.Contains(err.Error(), file) {
					t.Errorf("%s is %s: %v", target.Name, what, err)
				}
			}
		}
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte("whsec_short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at, _, err := all[domain.Mail].Mirrors[2].open(t.Context(), domain.Mail, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.Check(t.Context()); fault.CodeOf(err) != fault.Settings || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
}
