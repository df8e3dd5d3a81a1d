package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path/filepath"
	"strings"

	_ "github.com/ncruces/go-sqlite3/driver" // the tables of mail in SQLite

	"rochdale/adapters/mail"
	"rochdale/adapters/pull"
	"rochdale/adapters/storage"
	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/processes"
)

// serviceFlags are those of whatever provisions.
type serviceFlags struct {
	MailDomain string   `help:"Domain of the mailboxes." default:"coop.example" env:"ROCHDALE_MAIL_DOMAIN"`
	AlsoDomain []string `help:"Further domains of addresses, which members may choose." placeholder:"DOMAIN" env:"ROCHDALE_ALSO_DOMAIN"`
}

// services are what accounts are provisioned on.
type services struct {
	targets   []processes.Target
	folders   *storage.Storage
	mailboxes *mail.Mailboxes
	pulled    map[string]http.Handler // by target: where tools come by for accounts
	// reported is told of an account that a tool has brought about.
	reported func(ctx context.Context, target string, account domain.AccountID)
	closers  []io.Closer // of those that the file of services names
}

// withServices does the same as [withModels] with the services open.
func withServices(ctx context.Context, g *Globals, t *terminal, work func(*house, *services) error) error {
	return withModels(ctx, g, t, func(h *house) error {
		services, err := openServices(ctx, g, h.store.Log.KV())
		if err != nil {
			return err
		}
		defer services.close()
		return work(h, services)
	})
}

func openServices(ctx context.Context, g *Globals, kv eventstore.KV) (*services, error) {
	file, err := readServices(g.Services)
	if err != nil {
		return nil, err
	}
	boxes, dialect, err := openMailboxes(g)
	if err != nil {
		return nil, err
	}
	mailboxes, err := mail.Open(ctx, boxes, dialect)
	if err != nil {
		return nil, errors.Join(err, boxes.Close())
	}
	folders, err := storage.Open(filepath.Join(g.Data, "folders"), "/dav/")
	if err != nil {
		return nil, errors.Join(err, boxes.Close())
	}
	s := &services{folders: folders, mailboxes: mailboxes, pulled: map[string]http.Handler{}}
	brought := map[domain.Service]processes.Provisioner{domain.Mail: mailboxes, domain.Storage: folders}
	for _, service := range domain.Services {
		entry, named := file[service]
		if brought[service] == nil && !named {
			continue
		}
		if !named {
			entry.One.Name = string(service)
		}
		targets, nodes := entry.targets()
		for i, target := range targets {
			if err := s.open(ctx, service, target, nodes[i], brought[service], pulled{kv}); err != nil {
				s.close()
				return nil, err
			}
		}
	}
	s.introduce()
	return s, nil
}

// open opens a target of a service; one that names no adapter is what comes along.
func (s *services) open(ctx context.Context, service domain.Service, t targetEntry, node *processes.Node, brought processes.Provisioner, store pull.Store) error {
	at, closer, err := t.open(ctx, service, store, func(ctx context.Context, target string, account domain.AccountID) {
		if s.reported != nil {
			s.reported(ctx, target, account)
		}
	})
	if err != nil {
		return fmt.Errorf("target %s: %w", t.Name, err)
	}
	if closer != nil {
		s.closers = append(s.closers, closer)
	}
	if accounts, ok := at.(*pull.Accounts); ok {
		s.pulled[t.Name] = pull.Handler(accounts)
	}
	if at == nil {
		if at = brought; at == processes.Provisioner(s.mailboxes) {
			s.mailboxes.Tell(t.doveadm())
		}
	}
	s.targets = append(s.targets, processes.Target{Name: t.Name, Service: service, At: at, Node: node})
	return nil
}

// introduce has those that stand before nodes of mail know the tables of these.
func (s *services) introduce() {
	for _, front := range s.targets {
		at, ok := front.At.(*mail.Mailboxes)
		if !ok || front.Node != nil {
			continue
		}
		for _, node := range s.targets {
			if behind, ok := node.At.(*mail.Mailboxes); ok && node.Node != nil && node.Service == front.Service {
				at.Before(node.Name, behind)
			}
		}
	}
}

// boxes are the tables of mail that are ours, by the names of their targets: those that
// come along too, in which something may be left though other targets took their place.
func (s *services) boxes() iter.Seq2[string, *mail.Mailboxes] {
	return func(yield func(string, *mail.Mailboxes) bool) {
		along := true
		for _, t := range s.targets {
			if boxes, ours := t.At.(*mail.Mailboxes); ours {
				if along = along && boxes != s.mailboxes; !yield(t.Name, boxes) {
					return
				}
			}
		}
		if along {
			yield(string(domain.Mail), s.mailboxes)
		}
	}
}

func (s *services) close() {
	for _, c := range s.closers {
		_ = c.Close()
	}
	_ = errors.Join(s.folders.Close(), s.mailboxes.Close())
}

// openMailboxes opens the tables that Dovecot and Postfix read.
func openMailboxes(g *Globals) (*sql.DB, mail.Dialect, error) {
	where := cmp.Or(g.Mailboxes, "sqlite:"+filepath.Join(g.Data, "mail", "mailboxes.db"))
	db, dialect, err := openMailDatabase(where)
	if errors.Is(err, errDatabase) {
		err = misused("--mailboxes %q begins with none of sqlite:, postgres:// and mysql://", where)
	}
	return db, dialect, err
}

var errDatabase = errors.New("a database of mail begins with sqlite:, postgres:// or mysql://")

func openMailDatabase(where string) (*sql.DB, mail.Dialect, error) {
	if path, ok := strings.CutPrefix(where, "sqlite:"); ok {
		db, err := mail.OpenSQLite(path)
		return db, mail.SQLite, err
	}
	if isPostgres(where) {
		db, err := postgres.OpenSQL(where)
		return db, mail.PostgreSQL, err
	}
	if isMySQL(where) {
		db, err := mail.OpenMySQL(where)
		return db, mail.MySQL, err
	}
	return nil, mail.SQLite, errDatabase
}

// caughtUp are answers that are read only once the read models have reached what
// the log has now: a process may be ahead of them.
type caughtUp struct{ models }

// NamesOf is that of [processes.Names].
func (c caughtUp) NamesOf(ctx context.Context, party domain.PartyID) ([]string, error) {
	if err := c.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	return c.models.NamesOf(ctx, party)
}

// EntitledBy is that of [processes.EntitlementBook].
func (c caughtUp) EntitledBy(ctx context.Context, party domain.PartyID) (domain.SubscriptionID, error) {
	if err := c.CatchUp(ctx); err != nil {
		return "", fmt.Errorf("entitlements: %w", err)
	}
	return c.models.EntitledBy(ctx, party)
}

// SubscriptionsUsedBy is that of [processes.Estates].
func (c caughtUp) SubscriptionsUsedBy(ctx context.Context, party domain.PartyID) ([]domain.SubscriptionID, error) {
	if err := c.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("subscriptions of %s: %w", party, err)
	}
	return c.models.SubscriptionsUsedBy(ctx, party)
}

// LastPayerNumber is that of [processes.Notices].
func (c caughtUp) LastPayerNumber(ctx context.Context) (int64, error) {
	if err := c.CatchUp(ctx); err != nil {
		return 0, fmt.Errorf("numbers of payers: %w", err)
	}
	return c.models.LastPayerNumber(ctx)
}

// asProcess is the context of what a node does by itself.
func asProcess(ctx context.Context, name string) context.Context {
	return eventstore.As(ctx, "process/"+name)
}
