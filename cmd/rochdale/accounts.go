package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/projections"
)

// terms are for how long what has ended is kept.
func (h *house) terms() processes.Terms {
	return processes.Terms{Today: h.today, Zone: h.zone, Stay: h.StayDays, Mail: h.MailDays, Backups: h.BackupDays}
}

// reconciler returns what brings accounts on services to how they are wanted.
func (h *house) reconciler(s *services) *processes.Reconciler {
	book := accountBook{caughtUp{h.models}}
	r := &processes.Reconciler{
		Store: h.store, Log: h.t.log, Targets: s.targets, Terms: h.terms(), Book: book, Nodes: book,
	}
	s.reported = func(ctx context.Context, target string, account domain.AccountID) {
		if err := r.Hurry(ctx, target, account); err != nil {
			h.t.log.WarnContext(ctx, "what a tool has reported is seen later", "target", target, "err", err)
		}
	}
	return r
}

// accountBook answers what reconciling asks of read models that have caught up.
type accountBook struct{ caughtUp }

func (b accountBook) AccountsAfter(ctx context.Context, service domain.Service, after domain.AccountID, limit int) ([]processes.BookedAccount, error) {
	if after == "" {
		if err := b.CatchUp(ctx); err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
	}
	return bookedAccounts(b.AccountsFrom(ctx, service, after, limit))
}

func (b accountBook) AccountsUnder(ctx context.Context, service domain.Service, logins []provisioning.Login) ([]processes.BookedAccount, error) {
	return bookedAccounts(b.AccountsBy(ctx, service, logins))
}

func (b accountBook) AccountsOfParty(ctx context.Context, party domain.PartyID) ([]processes.BookedAccount, error) {
	if err := b.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("accounts of %s: %w", party, err)
	}
	return bookedAccounts(b.AccountsOf(ctx, party))
}

func (b accountBook) NodeLoads(ctx context.Context, service domain.Service) (map[string]processes.NodeLoad, error) {
	if err := b.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("nodes of %s: %w", service, err)
	}
	all, err := b.models.NodeLoads(ctx, service)
	loads := map[string]processes.NodeLoad{}
	for _, l := range all {
		loads[l.Target] = processes.NodeLoad{Accounts: l.Accounts, Committed: l.Committed}
	}
	return loads, err
}

func (b accountBook) AccountsLeft(ctx context.Context, service domain.Service, target string) ([]domain.AccountID, error) {
	if err := b.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("accounts on %s: %w", target, err)
	}
	return b.models.AccountsLeft(ctx, service, target)
}

func (b accountBook) AccountsUnplaced(ctx context.Context, service domain.Service) ([]domain.AccountID, error) {
	if err := b.CatchUp(ctx); err != nil {
		return nil, fmt.Errorf("accounts of %s: %w", service, err)
	}
	return b.models.AccountsUnplaced(ctx, service)
}

func bookedAccounts(accounts []projections.Account, err error) (all []processes.BookedAccount, _ error) {
	for _, a := range accounts {
		all = append(all, processes.BookedAccount{Account: a.ID, Service: a.Service, Login: a.Login, Deleted: a.Status == provisioning.StatusDeleted, Held: a.Status == provisioning.StatusSuspended, Quota: a.Quota, Node: a.Node, To: a.MovingTo})
	}
	return all, err
}

// A listedAccount is an account as it is listed.
type listedAccount struct {
	ID      domain.AccountID    `json:"id"`
	Party   domain.PartyID      `json:"party"`
	Service domain.Service      `json:"service"`
	Login   provisioning.Login  `json:"login,omitempty"`
	Quota   domain.Bytes        `json:"quota"`
	Status  provisioning.Status `json:"status"`
	Trouble string              `json:"trouble,omitempty"`
	Node    string              `json:"node,omitempty"` // of several, that it is on
}

func (h *house) allAccounts(ctx context.Context, inTrouble bool) ([]listedAccount, error) {
	all := []listedAccount{}
	for after := ""; ; {
		page, err := h.models.Accounts(ctx, inTrouble, projections.Page{First: 500, After: after, Uncounted: true})
		if err != nil {
			return nil, err
		}
		for _, a := range page.Items {
			l := listedAccount{a.ID, a.Party, a.Service, a.Login, a.Quota, a.Status, "", a.Node}
			if a.Trouble != nil {
				l.Trouble = a.Trouble.Class
			}
			all = append(all, l)
		}
		if !page.HasNext {
			return all, nil
		}
		after = page.Cursor(len(page.Items) - 1)
	}
}

type accountsWhyCmd struct {
	Account string `arg:"" help:"Its id, as accounts list shows it."`
}

func (accountsWhyCmd) Help() string {
	return `Shows the events that led to the account, each with who acted and which event it answers, how it is wanted and what it
is on each target, and the last of what was tried there.
Example:
  rochdale accounts why mail/01976f3e-1d2c-7000-8000-000000000001`
}

// Run shows why an account exists.
func (c accountsWhyCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(h *house, r *processes.Reconciler) error { return c.show(ctx, h, r) })
}

// A cause is an event on the way to an account.
type cause struct {
	Position int64     `json:"position"`
	At       time.Time `json:"at"`
	Type     string    `json:"type"`
	Stream   string    `json:"stream"`
	Actor    string    `json:"actor"`
	Answers  int64     `json:"answers,omitempty"` // position of the event that it answers
	id       uuid.UUID
	causedBy uuid.UUID
}

func (c accountsWhyCmd) show(ctx context.Context, h *house, r *processes.Reconciler) error {
	id := domain.AccountID(c.Account)
	if err := h.models.CatchUp(ctx); err != nil {
		return err
	}
	a, known, err := h.models.Account(ctx, id)
	if err != nil {
		return err
	}
	if !known {
		return provisioning.ErrUnknown
	}
	sub, _ := entitlement.Of(a.Entitlement)
	streams := []domain.Stream{subscription.StreamOf(sub), entitlement.SourcesOf(sub), entitlement.StreamOf(sub), provisioning.StreamOf(id)}
	if part, is, err := h.models.Part(ctx, sub); err != nil {
		return err
	} else if is {
		streams = append(streams, subscription.StreamOf(part.Subscription))
	}
	chain, err := h.causes(ctx, streams...)
	if err != nil {
		return err
	}
	rows, err := h.models.Provisions(ctx, id)
	if err != nil {
		return err
	}
	tries, err := r.Journal(ctx, id)
	if err != nil {
		return err
	}
	wanted := map[string]processes.Wanted{}
	for _, p := range rows {
		now, known, err := r.Wanted(ctx, p.Target, id)
		if err != nil {
			return err
		}
		if !known { // nobody has settings for it here
			now = processes.Wanted{Access: p.Access, Quota: p.Quota}
		}
		wanted[p.Target] = now
	}
	data := map[string]any{"account": id, "party": a.Party, "login": a.Login, "causes": chain, "targets": rows, "wanted": wanted, "tries": tries}
	return h.t.print(h.Globals, data, func(w io.Writer) {
		fmt.Fprintf(w, "%s is %s of %s.\n\n", id, dash(string(a.Login)), a.Party)
		table(w, "POSITION\tWHEN\tEVENT\tBY\tANSWERS", func(row func(...any)) {
			for _, e := range chain {
				answers := "-"
				if e.Answers > 0 {
					answers = fmt.Sprint(e.Answers)
				}
				row(e.Position, e.At.Format("2006-01-02 15:04"), e.Type, e.Actor, answers)
			}
		})
		fmt.Fprintln(w)
		table(w, "TARGET\tWANTED\tQUOTA\tIS\tTROUBLE\tDELETED\tBACKUPS UNTIL", func(row func(...any)) {
			for _, p := range rows {
				now := wanted[p.Target]
				access := string(now.Access)
				if !now.Kept.IsZero() {
					access = fmt.Sprintf("kept until %s, then deleted", now.Kept)
				}
				row(p.Target, access, int64(now.Quota), p.Status, dash(p.Trouble), dash(p.Deleted.String()), dash(p.Backups.String()))
			}
		})
		if len(tries) == 0 {
			return
		}
		fmt.Fprintln(w)
		table(w, "TRIED AT\tTARGET\tSTEPS\tBECAUSE\tBY\tATTEMPT\tTROUBLE", func(row func(...any)) {
			for _, try := range tries {
				steps := fmt.Sprint(try.Steps)
				row(try.At.Format("2006-01-02 15:04:05"), try.Target, steps[1:len(steps)-1], try.Why, dash(try.By), try.Attempt, dash(try.Class))
			}
		})
	})
}

// causes returns the events of some streams, and those that they answer, in order.
func (h *house) causes(ctx context.Context, streams ...domain.Stream) (chain []cause, err error) {
	at := map[uuid.UUID]int64{}
	wanted := map[uuid.UUID]bool{}
	add := func(rec eventstore.Record) {
		if _, known := at[rec.ID]; known {
			return
		}
		at[rec.ID] = rec.Position
		chain = append(chain, cause{rec.Position, rec.RecordedAt, rec.Type, string(rec.Stream), rec.Actor, 0, rec.ID, rec.Causation})
		if rec.Causation != uuid.Nil {
			wanted[rec.Causation] = true
		}
	}
	for _, stream := range streams {
		for rec, err := range h.store.Log.Stream(ctx, stream, 0) {
			if err != nil {
				return nil, err
			}
			add(rec)
		}
	}
	missing := func() bool {
		for id := range wanted {
			if _, known := at[id]; !known {
				return true
			}
		}
		return false
	}
	for before := -1; missing() && len(chain) != before; { // what they answer answers something in turn
		before = len(chain)
		for rec, err := range h.store.Log.All(ctx, 0) {
			if err != nil {
				return nil, err
			}
			if wanted[rec.ID] {
				add(rec)
			}
		}
	}
	slices.SortFunc(chain, func(a, b cause) int { return int(a.Position - b.Position) })
	for i := range chain {
		chain[i].Answers = at[chain[i].causedBy]
	}
	return chain, nil
}
