package processes

import (
	"context"
	"sync"
	"time"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

// Processes returns a process for each target, and for each service that has nodes.
func (r *Reconciler) Processes() (all []Process) {
	for _, t := range r.Targets {
		if t.Node != nil && r.nodes(t.Service)[0].Name == t.Name {
			all = append(all, r.placements(t.Service))
		}
		all = append(all, r.process(t))
	}
	return all
}

func (r *Reconciler) process(t Target) Process {
	asked := new(noted)
	return Process{
		Name:   "provisioning-" + t.Name,
		Sealed: true, // who has the account is asked of the log when it is its turn
		Wants: []any{
			provisioning.AccountRequested{},
			provisioning.AliasAdded{},
			provisioning.AliasRemoved{},
			provisioning.AccountHeld{},
			provisioning.AccountReleased{},
			entitlement.Granted{},
			entitlement.QuotaChanged{},
			entitlement.Suspended{},
			entitlement.Resumed{},
			entitlement.Revoked{},
			membership.PersonalDataErased{},
			provisioning.AccountPlaced{},
			provisioning.MoveBegun{},
			provisioning.MoveHeld{},
			provisioning.AccountMoved{},
			provisioning.MoveCancelled{},
		},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			if e, erased := event.(membership.PersonalDataErased); erased {
				return r.erase(ctx, t, rec, e, asked)
			}
			account, service, ends := concerned(event)
			if app, of := switched(event); app.App() && t.Service == domain.Storage && len(t.At.Capabilities().Apps) > 0 {
				account, service, ends = of, domain.Storage, false
			}
			if service != t.Service {
				return nil
			}
			if t.Node != nil {
				known, _, err := read[provisioning.Account](ctx, r.Store, provisioning.StreamOf(account))
				if err != nil || !t.concerns(known) {
					return err
				}
			}
			w := Work{
				Account: account, Target: t.Name, ID: rec.ID.String(), Wish: rec.Position, Cause: rec.ID, Correlation: rec.Correlation,
				Why: rec.Type, By: rec.Actor, Since: rec.RecordedAt, Next: r.now(), Ends: ends, Sure: ends && moved(event),
			}
			if w.Next.Sub(rec.RecordedAt) > old {
				w.Next = w.Next.Add(randN(5 * time.Minute))
			}
			asked.note(w)
			return nil
		},
		Keep: func(ctx context.Context, also ...eventstore.Change) error {
			pieces, err := askAnd(ctx, r.kv(), also, asked.take()...)
			if err == nil && len(pieces) > 0 {
				r.lane(t.Name).offer(pieces)
			}
			return err
		},
		Work: func(ctx context.Context) {
			var wg sync.WaitGroup
			defer wg.Wait()
			if r.Book != nil && t.At.Capabilities().Lists {
				wg.Go(func() { r.lane(t.Name).watchDrift(ctx) })
			}
			r.lane(t.Name).work(ctx)
		},
		Settle: func(ctx context.Context) error { return r.lane(t.Name).settle(ctx, nil) },
		Pending: func(ctx context.Context) (waiting, given int, err error) {
			all, err := worksOf(ctx, r.kv(), t.Name)
			for _, p := range all {
				if p.Parked {
					given++
				} else {
					waiting++
				}
			}
			return waiting, given, err
		},
	}
}

// old is how long ago an event was recorded that is answered at leisure: after a log
// was restored, or a node was long away, targets are not flooded.
const old = 15 * time.Minute

// concerned returns which account an event concerns, and whether by it somebody may
// be kept out.
func concerned(event any) (account domain.AccountID, service domain.Service, ends bool) {
	switch e := event.(type) {
	case provisioning.AccountRequested:
		return e.Account, e.Service, false
	case provisioning.AliasAdded:
		return e.Account, e.Service, false
	case provisioning.AliasRemoved:
		return e.Account, e.Service, false
	case provisioning.AccountHeld:
		return e.Account, e.Service, true
	case provisioning.AccountReleased:
		return e.Account, e.Service, false
	case entitlement.QuotaChanged:
		return accountOf(e.Subject), e.Service, false
	case entitlement.Suspended:
		return accountOf(e.Subject), e.Service, true
	case entitlement.Resumed:
		return accountOf(e.Subject), e.Service, false
	case entitlement.Revoked:
		return accountOf(e.Subject), e.Service, true
	case provisioning.AccountPlaced:
		return e.Account, e.Service, false
	case provisioning.MoveBegun:
		return e.Account, e.Service, false
	case provisioning.MoveHeld:
		return e.Account, e.Service, false
	case provisioning.AccountMoved:
		return e.Account, e.Service, true
	case provisioning.MoveCancelled:
		return e.Account, e.Service, true
	}
	return "", "", false
}

// moved reports whether by an event something is left on a node that a person has had
// an account moved from, or to.
func moved(event any) bool {
	switch event.(type) {
	case provisioning.AccountMoved, provisioning.MoveCancelled:
		return true
	}
	return false
}

// switched returns the service whose entitlement an event is about, and the account of
// storage with which it is used if it is an app.
func switched(event any) (domain.Service, domain.AccountID) {
	var of entitlement.Subject
	switch e := event.(type) {
	case entitlement.Granted:
		of = e.Subject
	case entitlement.Suspended:
		of = e.Subject
	case entitlement.Resumed:
		of = e.Subject
	case entitlement.Revoked:
		of = e.Subject
	}
	return of.Service, domain.AccountID(entitlement.IDOf(of.Subscription, domain.Storage))
}

// erase has what nobody has a login for any more deleted: erasure reaches every target.
// A person has decided it, so nobody is asked again; and it is done as well where deletion was given up.
func (r *Reconciler) erase(ctx context.Context, t Target, rec eventstore.Record, e membership.PersonalDataErased, asked *noted) error {
	if e.Class != sealed.Service || r.Book == nil {
		return nil
	}
	accounts, err := r.Book.AccountsOfParty(ctx, e.Party)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.Service != t.Service {
			continue
		}
		known, _, err := read[provisioning.Account](ctx, r.Store, provisioning.StreamOf(a.Account))
		if err != nil {
			return err
		}
		if known.On(t.Name).Status == provisioning.StatusDeleted || t.Node != nil && !t.concerns(known) {
			continue
		}
		asked.note(Work{
			Account: a.Account, Target: t.Name, ID: rec.ID.String(), Wish: rec.Position, Cause: rec.ID, Correlation: rec.Correlation,
			Why: rec.Type, By: rec.Actor, Since: rec.RecordedAt, Next: r.now(), Ends: true, Sure: true,
			Party: e.Party, Erased: e.Through,
		})
	}
	return nil
}

// Daily has accounts looked at of which a term may have passed: those that nobody logs
// in to, since they are withheld or their time has ended.
func (r *Reconciler) Daily(ctx context.Context) error {
	for _, t := range r.Targets {
		for after := domain.AccountID(""); ; {
			accounts, err := r.Book.AccountsAfter(ctx, t.Service, after, 500)
			if err != nil {
				return err
			}
			if len(accounts) == 0 {
				break
			}
			held := make([]domain.AccountID, 0, len(accounts))
			for _, b := range accounts {
				if after = b.Account; !b.Deleted && b.Held && t.books(b) {
					held = append(held, b.Account)
				}
			}
			bases, err := basesOf(ctx, r.Store, held...)
			if err != nil {
				return err
			}
			works := make([]Work, 0, len(bases))
			for _, b := range bases {
				want, requested := r.desiredBy(t, b)
				if !requested {
					continue
				}
				w := r.newWork(ctx, t.Name, b.id, "day")
				w.Ends = want.Access == provisioning.Absent
				works = append(works, w)
			}
			if len(works) == 0 {
				continue
			}
			if err := ask(ctx, r.kv(), works...); err != nil {
				return err
			}
		}
		r.wake(t.Name)
	}
	return nil
}
