package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/modules"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/eventstore/postgres"
	"rochdale/eventstore/sqlite"
	"rochdale/processes/access"
	"rochdale/projections"
)

// A house is what every verb works in: the log and what is beside it.
type house struct {
	*Globals
	t      *terminal
	store  *eventstore.Store
	access *access.Access
	models models         // once they are opened
	zone   *time.Location // of the co-op
}

// clock is that of the machine, unless a test moves it on.
var clock = time.Now

// logURL says where the log is.
func (g *Globals) logURL() string {
	return cmp.Or(g.Log, "sqlite:"+filepath.Join(g.Data, "log.db"))
}

// openLog opens the log that the settings name.
func openLog(ctx context.Context, g *Globals) (eventstore.Driver, error) {
	url := g.logURL()
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return sqlite.Open(ctx, path)
	}
	if isPostgres(url) {
		return postgres.Open(ctx, url)
	}
	return nil, misused("--log %q begins with neither sqlite: nor postgres://", url)
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// masterKey says where the master key is.
func (g *Globals) masterKey() string { return cmp.Or(g.MasterKey, filepath.Join(g.Data, "master.key")) }

// errNoLog refuses to look for a co-op where none was ever begun.
var errNoLog = domain.Refusal{Code: "rochdale.no_log", Reason: "there is no co-op in {log}: say by --data or --log where it is, or found one with rochdale init"}

// openStore opens the log with the keys to its personal data. It makes them where there
// are none only if it may.
func openStore(ctx context.Context, g *Globals, t *terminal, may bool) (*eventstore.Store, error) {
	if path, file := strings.CutPrefix(g.logURL(), "sqlite:"); file && !may {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, errNoLog.With("log", path)
		}
	}
	driver, err := openLog(ctx, g)
	if err != nil {
		return nil, err
	}
	head, err := driver.Head(ctx)
	if err == nil && head == 0 && !may {
		err = errNotFounded
	}
	if err != nil {
		return nil, errors.Join(err, driver.Close())
	}
	path := g.masterKey()
	master, err := masterAt(ctx, driver, path, t)
	if err != nil {
		return nil, errors.Join(err, driver.Close())
	}
	keys, err := eventstore.NewKeys(driver, master)
	if err == nil {
		err = keys.Check(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), driver.Close())
	}
	store := eventstore.New(eventstore.NewLog(driver), modules.Registry(), keys)
	store.Now = clock
	return store, nil
}

// masterAt reads the master key of a log, or makes it for one that has no keys yet.
func masterAt(ctx context.Context, log eventstore.KV, path string, t *terminal) ([]byte, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		switch keyed, err := eventstore.Keyed(ctx, log); {
		case err != nil:
			return nil, err
		case keyed:
			return nil, fmt.Errorf("the master key is not at %s, and without it personal data in the log cannot be read: put it back from its backup, or say by --master-key where it is", path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	master, made, err := eventstore.MasterKey(path)
	if made {
		t.log.Warn("a master key was made: whoever loses it loses all personal data, so back it up, apart from the log", "file", path)
	}
	return master, err
}

// withHouse opens the log and what is kept beside it, lets a verb do its work and
// closes up. Where there is no log it makes nothing.
func withHouse(ctx context.Context, g *Globals, t *terminal, work func(*house) error) error {
	return inHouse(ctx, g, t, false, work)
}

// withNewHouse does the same where there may be no log yet: it is made then.
func withNewHouse(ctx context.Context, g *Globals, t *terminal, work func(*house) error) error {
	return inHouse(ctx, g, t, true, work)
}

func inHouse(ctx context.Context, g *Globals, t *terminal, may bool, work func(*house) error) (err error) {
	store, err := openStore(ctx, g, t, may)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Log.Close()) }()
	h := &house{Globals: g, t: t, store: store}
	h.access = &access.Access{KV: eventstore.Gather(store.Log.KV()), Now: h.now}
	return work(h)
}

// withModels does the same with read models that have caught up with the log, of a
// co-op that has been founded.
func withModels(ctx context.Context, g *Globals, t *terminal, work func(*house) error) error {
	return withHouse(ctx, g, t, func(h *house) error {
		if err := h.openModels(ctx); err != nil {
			return err
		}
		err := h.models.CatchUp(ctx)
		if err == nil {
			err = work(h)
		}
		return errors.Join(err, h.models.Close())
	})
}

func (h *house) openModels(ctx context.Context) error {
	rules, _, err := h.rules(ctx)
	if err != nil {
		return err
	}
	if err := h.store.CheckKeys(ctx); err != nil {
		return err
	}
	return h.openViews(ctx, rules)
}

// openViews opens the read models of a co-op whose keys are there.
func (h *house) openViews(ctx context.Context, rules statutes.Statutes) (err error) {
	if h.zone, err = zoneOf(rules); err != nil {
		return err
	}
	m, err := projections.Open(ctx, filepath.Join(h.Data, "views"), h.store, h.t.log)
	if err != nil {
		return err
	}
	h.models = newModels(m, h.today)
	h.access.People, h.access.Accounts = h.models, h.models
	return nil
}

// today is the day in the co-op's time zone.
func (h *house) today() calendar.Date { return calendar.Of(h.now().In(h.zone)) }

// now is the only clock.
func (h *house) now() time.Time { return h.store.Now() }

// errNotFounded refuses to work for a co-op that has no statutes.
var errNotFounded = domain.Refusal{Code: "rochdale.not_founded", Reason: "there is no co-op in this log yet: found one with rochdale init"}

// rules returns the statutes in force today, and what day that is in the co-op's zone.
func (h *house) rules(ctx context.Context) (rules statutes.Statutes, today calendar.Date, err error) {
	_, err = eventstore.Transact(asCLI(ctx), h.store, func(tx *eventstore.Tx) error {
		history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
		if err != nil {
			return err
		}
		versions := history.Versions()
		if len(versions) == 0 {
			return errNotFounded
		}
		zone, err := zoneOf(versions[len(versions)-1].Statutes)
		if err != nil {
			return err
		}
		today = calendar.Of(h.now().In(zone))
		var version int
		if rules, version = history.At(today); version == 0 {
			return errNotFounded
		}
		return nil
	})
	return rules, today, err
}

func zoneOf(rules statutes.Statutes) (*time.Location, error) {
	zone, err := time.LoadLocation(rules.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("the statutes are in time zone %q, which this machine does not know: %w", rules.TimeZone, err)
	}
	return zone, nil
}
