package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

const reconcileFloor = "the log alone, to which as many append one event each as are reconciled at once"

var provisionMeasures = []measure{
	{name: "accounts reconciled sqlite", unit: "accounts", target: 0.3, floor: reconcileFloor, begin: beginReconciling(onSQLite)},
	{name: "accounts reconciled postgres", unit: "accounts", target: 0.3, floor: reconcileFloor, begin: beginReconciling(onPostgres)},
}

// atOnce is how many accounts are reconciled at once.
const atOnce = 32

// ordered has so many mailboxes requested, as the processes before would, and no
// more done about them.
func ordered(ctx context.Context, store *eventstore.Store, from, to int) error {
	ctx = eventstore.As(ctx, "cli")
	today := calendar.Of(time.Now().UTC())
	digests, err := store.Digests(ctx)
	if err != nil {
		return err
	}
	for ; from < to; from += 250 {
		_, err := eventstore.Transact(ctx, store, func(tx *eventstore.Tx) error {
			for i := from; i < min(from+250, to); i++ {
				party, subscription := domain.PartyID(fmt.Sprintf("p%07d", i)), domain.SubscriptionID(fmt.Sprintf("s%07d", i))
				id := entitlement.IDOf(subscription, domain.Mail)
				err := errors.Join(
					eventstore.Do(tx, entitlement.Grant{Subscription: subscription, Party: party, Service: domain.Mail, Quota: domain.GB, From: today}),
					eventstore.Do2(tx, provisioning.RequestAccount{
						Account: domain.AccountID(id), Entitlement: id, Party: party, Service: domain.Mail, Login: loginOf(i).Named(digests), Quota: domain.GB, On: today,
					}),
				)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func accountOf(i int) domain.AccountID {
	return domain.AccountID(entitlement.IDOf(domain.SubscriptionID(fmt.Sprintf("s%07d", i)), domain.Mail))
}

func loginOf(i int) provisioning.Login {
	return provisioning.Login(fmt.Sprintf("member%07d@coop.example", i))
}

// reconciling returns what brings mailboxes on a service in memory to how they are
// wanted.
func reconciling(store *eventstore.Store, at processes.Provisioner) *processes.Reconciler {
	return &processes.Reconciler{
		Store: store, Log: slog.New(slog.DiscardHandler),
		Targets: []processes.Target{{Name: "mail", Service: domain.Mail, At: at, Parallel: atOnce}},
	}
}

// beginReconciling has mailboxes that were requested made on a service in memory,
// which answers at once, until the log says of each that it is there.
func beginReconciling(on place) func(context.Context, *bench) (*trial, error) {
	return func(_ context.Context, b *bench) (*trial, error) {
		ours := func(ctx context.Context, length time.Duration) (s sample, err error) {
			dir, err := b.dir()
			if err != nil {
				return s, err
			}
			_, open, remove, err := on(ctx, b)
			if err != nil {
				return s, err
			}
			d, err := open()
			if err != nil {
				return s, err
			}
			store, err := (&coop{dir: dir}).open(ctx, d)
			if err != nil {
				return s, errors.Join(err, d.Close())
			}
			defer func() { err = errors.Join(err, store.Log.Close(), remove()) }()
			n := max(500, int(length.Seconds()*2000))
			if err := ordered(ctx, store, 0, n); err != nil {
				return s, err
			}
			at := memory.New(domain.Mail)
			r := reconciling(store, at)
			runner := processes.NewRunner(store, r.Log, r.Processes()...)
			head, err := store.Log.Head(ctx)
			if err != nil {
				return s, err
			}
			defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the program does
			running, stop := context.WithCancel(ctx)
			var wg sync.WaitGroup
			began := time.Now()
			wg.Go(func() { runner.Run(running) })
			err = untilDone(ctx, store, head+int64(n))
			s = sample{ops: n, took: time.Since(began)}
			stop()
			wg.Wait()
			if err != nil {
				return s, err
			}
			return s, provisioned(ctx, store, at, n)
		}
		floor := func(ctx context.Context, length time.Duration) (s sample, err error) {
			_, open, remove, err := on(ctx, b)
			if err != nil {
				return s, err
			}
			d, err := open()
			if err != nil {
				return s, err
			}
			a := newAppending(d, atOnce, 1)
			defer func() { err = errors.Join(err, a.log.Close(), remove()) }()
			if s, err = a.run(ctx, 1, length); err == nil {
				err = a.check(ctx)
			}
			return s, err
		}
		return &trial{ours: ours, floors: []runner{floor}}, nil
	}
}

// untilDone waits until the log has come so far, and no work on mailboxes is left.
func untilDone(ctx context.Context, store *eventstore.Store, head int64) error {
	for {
		at, err := store.Log.Head(ctx)
		if err != nil {
			return err
		}
		left, err := store.Log.KV().Range(ctx, "work/mail/", "", 1)
		if err != nil || at >= head && len(left) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// provisioned looks whether each of so many accounts is on the service once, and the
// log says so once.
func provisioned(ctx context.Context, store *eventstore.Store, at *memory.Service, n int) error {
	known := map[domain.Stream]int{}
	for rec, err := range store.Log.All(ctx, 0) {
		if err != nil {
			return err
		}
		if rec.Type == store.Registry.Name(provisioning.AccountProvisioned{}) {
			known[rec.Stream]++
		}
	}
	taken := at.Taken()
	for i := range n {
		account := accountOf(i)
		if known[provisioning.StreamOf(account)] != 1 || taken[memory.Call{Step: provisioning.StepEnsure, Login: loginOf(i)}] != 1 {
			return wrongf("%s was made %d times, and that was said %d times", account, taken[memory.Call{Step: provisioning.StepEnsure, Login: loginOf(i)}], known[provisioning.StreamOf(account)])
		}
	}
	return nil
}
