package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"rochdale/adapters/exec"
	"rochdale/adapters/ldap"
	"rochdale/adapters/mail"
	"rochdale/adapters/nextcloud"
	"rochdale/adapters/pull"
	"rochdale/adapters/remote"
	"rochdale/adapters/webhook"
	"rochdale/domain"
	"rochdale/processes"
)

// A serviceFile says by service what accounts are provisioned on, where that is not
// what the program brings along: see docs/adapters.md.
type serviceFile map[domain.Service]serviceEntry

// serviceEntry is one of these: one target, several that each account is on, or nodes
// of which an account is on one.
type serviceEntry struct {
	One     targetEntry   `yaml:",inline"`
	Mirrors []targetEntry `json:"mirrors"`
	Nodes   []nodeEntry   `json:"nodes"`
	// Overcommit is how much of what there is may be promised, in percent; 0: 100.
	Overcommit int `json:"overcommit"`
}

// nodeEntry is one of several nodes.
type nodeEntry struct {
	At       targetEntry `yaml:",inline"`
	Bytes    size        `json:"bytes"`
	Accounts int         `json:"accounts"`
	Weight   int         `json:"weight"`
	Drain    bool        `json:"drain"`
}

// targetEntry is where accounts are.
type targetEntry struct {
	Name      string `json:"name"`
	Nextcloud *struct {
		URL          string                    `json:"url"`
		User         string                    `json:"user"`
		PasswordFile string                    `json:"password_file"`
		Mark         string                    `json:"mark"`
		Apps         map[domain.Service]string `json:"apps"`
		Edits        int                       `json:"edits"`
	} `json:"nextcloud"`
	LDAP *struct {
		Config       ldap.Config `yaml:",inline"`
		PasswordFile string      `json:"password_file"`
	} `json:"ldap"`
	Exec    *exec.Config `json:"exec"`
	Webhook *struct {
		URL        string           `json:"url"`
		SecretFile string           `json:"secret_file"` // a line for each secret
		Timeout    exec.Duration    `json:"timeout"`
		Can        remote.Abilities `json:"can"`
	} `json:"webhook"`
	Pull *struct {
		Wait     exec.Duration    `json:"wait"`
		Patience exec.Duration    `json:"patience"`
		Can      remote.Abilities `json:"can"`
	} `json:"pull"`
	Tables *struct {
		Database string    `json:"database"` // sqlite:PATH, postgres://… or mysql://…
		Program  string    `json:"program"`  // postfixadmin or iredmail; or else a map
		Map      *mail.Map `json:"map"`
	} `json:"tables"`
	Mailboxes string      `json:"mailboxes"` // tables of ours, where --mailboxes has others
	Front     *frontEntry `json:"front"`
	Doveadm   *struct {   // of the tables, or of the mailboxes
		URL     string `json:"url"`
		KeyFile string `json:"key_file"`
		Store   string `json:"store"`
		Dsync   string `json:"dsync"` // where other nodes fetch mail: tcp:HOST:PORT, or tcps:
	} `json:"doveadm"`
}

// frontEntry is tables of ours for mail servers that stand before the nodes.
type frontEntry struct {
	Database string                `json:"database"`
	Nodes    map[string]mail.Place `json:"nodes"` // where they find each
}

// knows fails unless a front says where all nodes are, and no others.
func (f frontEntry) knows(nodes []nodeEntry) error {
	if len(nodes) == 0 {
		return errors.New("a front stands before nodes, and there are none")
	}
	left := maps.Clone(f.Nodes)
	for _, n := range nodes {
		if _, told := left[n.At.Name]; !told {
			return fmt.Errorf("a front says where all nodes are: %s is missing in its nodes", n.At.Name)
		}
		delete(left, n.At.Name)
	}
	for name := range left {
		return fmt.Errorf("a front says where node %s is, and there is no such node", name)
	}
	return nil
}

// size is an amount of storage as people write it, like 500 GB.
type size string

var (
	sizes      = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$`)
	dsync      = regexp.MustCompile(`^tcps?:[^/:]+:[0-9]+$`)
	targetName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	units      = map[string]float64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
)

func (s size) bytes() (domain.Bytes, error) {
	if s == "" {
		return 0, nil
	}
	m := sizes.FindStringSubmatch(string(s))
	if m == nil {
		return 0, fmt.Errorf("%q is no size: write it like 500 GB or 2 TB", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err == nil && n*units[m[2]] > 1<<62 {
		err = fmt.Errorf("%q is more than there is", s)
	}
	return domain.Bytes(n * units[m[2]]), err
}

// readServices reads such a file strictly. It is YAML, and so may be JSON.
func readServices(path string) (serviceFile, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	wrong := func(line int, format string, args ...any) error {
		return misused("--services %s:%d: %s", path, line, fmt.Sprintf(format, args...))
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, wrong(lineOf(err, 1), "%s", problem(err))
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return nil, wrong(1, "one document says, by service, what accounts are on")
	}
	body, ok := parsed.Docs[0].Body.(ast.MapNode)
	if !ok {
		return nil, wrong(1, "say by service what accounts are on, like mail: or storage:")
	}
	all, named := serviceFile{}, map[string]bool{}
	for each := body.MapRange(); each.Next(); {
		service := domain.Service(each.Key().GetToken().Value)
		at := each.Key().GetToken().Position.Line
		var e serviceEntry
		if !service.Valid() {
			return nil, wrong(at, "there is no service %q", service)
		}
		if err := yaml.NodeToValue(each.Value(), &e, yaml.Strict(), yaml.UseJSONUnmarshaler()); err != nil {
			return nil, wrong(lineOf(err, at), "%s", problem(err))
		}
		where := func(field string, i int) int { // the line of what a list has
			path, err := yaml.PathString(fmt.Sprintf("$.%s.%s[%d]", service, field, i))
			if err == nil {
				if n, err := path.FilterFile(parsed); err == nil {
					return n.GetToken().Position.Line
				}
			}
			return at
		}
		if line, err := e.check(service, named, at, where); err != nil {
			return nil, wrong(line, "%s: %v", service, err)
		}
		all[service] = e
	}
	return all, nil
}

// lineOf returns the line of an error of the reader of YAML, or one that is near.
func lineOf(err error, near int) int {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil && e.GetToken().Position != nil {
		return e.GetToken().Position.Line
	}
	return near
}

func problem(err error) string {
	if e, ok := errors.AsType[yaml.Error](err); ok {
		return e.GetMessage()
	}
	return err.Error()
}

// check looks whether an entry makes sense, gives the targets in it names where they
// have none, and returns the line of what does not.
func (e *serviceEntry) check(service domain.Service, named map[string]bool, at int, where func(field string, i int) int) (line int, err error) {
	if e.One.Front != nil {
		return at, errors.New("a front is one of the mirrors, beside nodes")
	}
	for i, n := range e.Nodes {
		if n.At.Front != nil {
			return where("nodes", i), errors.New("a front is one of the mirrors, beside nodes")
		}
	}
	several := len(e.Mirrors) + len(e.Nodes)
	if e.One.Name != "" || several > 0 && e.One != (targetEntry{}) {
		return at, errors.New("it has one target, which is named after it, or mirrors and nodes, which have what it would have, and names")
	}
	if e.Overcommit != 0 && len(e.Nodes) == 0 || e.Overcommit < 0 {
		return at, errors.New("overcommit is of nodes, and is a percentage of what they have")
	}
	name := func(t *targetEntry, otherwise string) error {
		t.Name = cmp.Or(t.Name, otherwise)
		other := domain.Service(t.Name)
		switch {
		case !targetName.MatchString(t.Name):
			return fmt.Errorf("%q is no name of a target: give it one of lower-case letters, digits and hyphens", t.Name)
		case other.Valid() && other != service || named[t.Name]:
			return fmt.Errorf("there is another target %s: give each a name of its own", t.Name)
		}
		named[t.Name] = true
		return t.check(service)
	}
	if several == 0 {
		return at, name(&e.One, string(service))
	}
	for i := range e.Mirrors {
		first := ""
		if i == 0 && len(e.Nodes) == 0 {
			first = string(service)
		}
		err := name(&e.Mirrors[i], first)
		if f := e.Mirrors[i].Front; err == nil && f != nil {
			err = f.knows(e.Nodes)
		}
		if err == nil && first != "" && e.Mirrors[i].Name != first {
			err = fmt.Errorf("by the first mirror is told how an account is: it is named %s, or not at all", service)
		} else if err == nil && first == "" && e.Mirrors[i].Name == string(service) {
			err = errors.New("beside nodes, and after the first, a mirror has a name of its own")
		}
		if err != nil {
			return where("mirrors", i), err
		}
	}
	for i := range e.Nodes {
		n := &e.Nodes[i]
		err := name(&n.At, "")
		if err == nil {
			_, err = n.Bytes.bytes()
		}
		if room, wrong := n.Bytes.bytes(); err == nil && wrong == nil && n.Bytes != "" && room == 0 {
			err = fmt.Errorf("bytes: %s is no room: say drain: true of a node that takes no accounts more", n.Bytes)
		}
		if err == nil && (n.Bytes == "") != (e.Nodes[0].Bytes == "") {
			err = errors.New("bytes are counted on all nodes, or on none")
		}
		if err == nil && (n.Accounts < 0 || n.Weight < 0) {
			err = errors.New("accounts and weight are whole numbers above 0")
		}
		if err != nil {
			return where("nodes", i), err
		}
	}
	return at, nil
}

func (t targetEntry) check(service domain.Service) error {
	n := 0
	for _, is := range []bool{t.Nextcloud != nil, t.LDAP != nil, t.Exec != nil, t.Webhook != nil, t.Pull != nil, t.Tables != nil, t.Mailboxes != "", t.Front != nil} {
		if is {
			n++
		}
	}
	ours := t.Name == string(service) && (service == domain.Mail || service == domain.Storage) // which comes along
	switch {
	case n > 1 || n == 0 && !ours:
		return fmt.Errorf("target %s has one of nextcloud, ldap, exec, webhook, pull, tables, mailboxes and front", t.Name)
	case t.Front != nil && service != domain.Mail:
		return errors.New("a front is of mail")
	case t.Tables != nil && t.Tables.Database == "":
		return errors.New("tables are in a database: sqlite:PATH, postgres://… or mysql://…")
	case t.Tables != nil && ((t.Tables.Program == "") == (t.Tables.Map == nil) || !slices.Contains([]string{"", "postfixadmin", "iredmail"}, t.Tables.Program)):
		return fmt.Errorf("tables of the program %q: it is postfixadmin or iredmail, or there is a map", t.Tables.Program)
	case (t.Doveadm != nil || t.Mailboxes != "") && service != domain.Mail, t.Doveadm != nil && n > 0 && t.Tables == nil && t.Mailboxes == "":
		return errors.New("doveadm and mailboxes are of mail: with tables, with mailboxes, or alone")
	case t.Doveadm != nil && t.Doveadm.Dsync != "" && !dsync.MatchString(t.Doveadm.Dsync):
		return fmt.Errorf("%q is nowhere to fetch mail from: dsync is like tcp:10.0.0.2:12345, or tcps: over TLS", t.Doveadm.Dsync)
	}
	return nil
}

// targets returns the entries of all targets of a service, and of nodes their room.
func (e serviceEntry) targets() (all []targetEntry, nodes []*processes.Node) {
	if len(e.Mirrors)+len(e.Nodes) == 0 {
		return []targetEntry{e.One}, []*processes.Node{nil}
	}
	for _, m := range e.Mirrors {
		all, nodes = append(all, m), append(nodes, nil)
	}
	for _, n := range e.Nodes {
		room, _ := n.Bytes.bytes() // which was checked
		all = append(all, n.At)
		nodes = append(nodes, &processes.Node{
			Bytes: room, Accounts: n.Accounts, Weight: cmp.Or(n.Weight, 1), Drain: n.Drain, Overcommit: cmp.Or(e.Overcommit, 100),
		})
	}
	return all, nodes
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
func (t targetEntry) doveadm() *mail.Doveadm {
	if t.Doveadm == nil {
		return nil
	}
	return &mail.Doveadm{URL: t.Doveadm.URL, Key: secret(t.Doveadm.KeyFile), Store: t.Doveadm.Store, Dsync: t.Doveadm.Dsync}
}

// open returns the accounts of a service; nil for those that the program brings along.
// What tools come by for is kept in a store, and done tells what was reported.
func (t targetEntry) open(ctx context.Context, service domain.Service, store pull.Store, done func(context.Context, string, domain.AccountID)) (processes.Provisioner, io.Closer, error) {
	switch {
	case t.Nextcloud != nil:
		c := t.Nextcloud
		at, err := nextcloud.New(nextcloud.Config{
			URL: c.URL, User: c.User, Password: secret(c.PasswordFile), Service: service, Mark: c.Mark, Apps: c.Apps, Edits: c.Edits,
		})
		return at, nil, err
	case t.LDAP != nil:
		c := t.LDAP.Config
		c.Service, c.Password = service, secret(t.LDAP.PasswordFile)
		at, err := ldap.New(c)
		return at, at, err
	case t.Exec != nil:
		c := *t.Exec
		c.Can.Service = service
		at, err := exec.New(c)
		return at, nil, err
	case t.Webhook != nil:
		c := webhook.Config{URL: t.Webhook.URL, Timeout: time.Duration(t.Webhook.Timeout), Can: t.Webhook.Can}
		c.Can.Service = service
		lines := secret(t.Webhook.SecretFile)
		c.Secrets = func() ([]string, error) {
			text, err := lines()
			secrets := strings.Fields(text)
			if err == nil {
				if _, err = webhook.Sign(secrets, "", "", nil); err != nil {
					err = fmt.Errorf("%s: %w", t.Webhook.SecretFile, err)
				}
			}
			return secrets, err
		}
		at, err := webhook.New(c)
		return at, nil, err
	case t.Pull != nil:
		c := pull.Config{Name: t.Name, Can: t.Pull.Can, Wait: time.Duration(t.Pull.Wait), Patience: time.Duration(t.Pull.Patience)}
		c.Can.Service = service
		c.Done = func(ctx context.Context, account domain.AccountID) { done(ctx, t.Name, account) }
		at, err := pull.New(c, store)
		return at, nil, err
	case t.Tables != nil:
		return t.openTables(ctx)
	case t.Mailboxes != "":
		return t.openMailboxes(ctx)
	case t.Front != nil:
		db, dialect, err := openMailDatabase(t.Front.Database)
		if err != nil {
			return nil, nil, err
		}
		at, err := mail.OpenFront(ctx, db, dialect, t.Front.Nodes)
		if err != nil {
			return nil, nil, errors.Join(err, db.Close())
		}
		return at, at, nil
	}
	return nil, nil, nil
}

func (t targetEntry) openMailboxes(ctx context.Context) (processes.Provisioner, io.Closer, error) {
	db, dialect, err := openMailDatabase(t.Mailboxes)
	if err != nil {
		return nil, nil, err
	}
	at, err := mail.Open(ctx, db, dialect)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	at.Tell(t.doveadm())
	return at, at, nil
}

func (t targetEntry) openTables(ctx context.Context) (processes.Provisioner, io.Closer, error) {
	m := t.Tables.Map
	switch t.Tables.Program {
	case "postfixadmin":
		m = new(mail.PostfixAdmin())
	case "iredmail":
		m = new(mail.IRedMail())
	}
	db, dialect, err := openMailDatabase(t.Tables.Database)
	if err != nil {
		return nil, nil, err
	}
	at, err := mail.OpenMapped(ctx, db, dialect, *m, t.doveadm())
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return at, db, nil
}

// isMySQL reports whether an address is that of a database of MariaDB.
func isMySQL(address string) bool { return strings.HasPrefix(address, "mysql://") }
