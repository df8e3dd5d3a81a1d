package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver" // the tables of mail

	"rochdale/adapters/mail"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
	"rochdale/processes"
)

var driftMeasures = []measure{
	{name: "drift check", begin: driftCheck},
	{name: "catch-up 10,000", begin: catchUp},
}

// driftCheck has the program compare all mailboxes in the tables of mail with how they
// are wanted, of a co-op and of one that has ten times as many.
func driftCheck(_ context.Context, b *bench) (*trial, error) {
	return &trial{finish: func(ctx context.Context, o *outcome) error {
		program, err := b.program(ctx)
		if err != nil {
			return err
		}
		var memory [2]float64
		for i, accounts := range []int{b.members / 10, b.members} {
			b.progress("drift check: a co-op with %d mailboxes", accounts)
			dir, err := b.drifted(ctx, accounts)
			if err != nil {
				return err
			}
			var took []float64
			for n := range min(b.count, 3) + 1 {
				began := time.Now()
				cmd := exec.CommandContext(ctx, program, "drift", "--target", "mail", "--json", "--data", dir) //nolint:gosec // G204: the program is ours
				said, peak, err := weighed(cmd)
				if err != nil {
					return fmt.Errorf("drift: %w", err)
				}
				if err := asDrifted(said, accounts); err != nil {
					return err
				}
				if n == 0 {
					continue // the read models are filled
				}
				took = append(took, time.Since(began).Seconds())
				memory[i] = max(memory[i], float64(peak)/(1<<20))
			}
			of := " of " + number(float64(accounts))
			o.figure("time"+of, median(took), "s", 0)
			o.figure("mailboxes a second", float64(accounts)/median(took), "", 0)
			o.figure("peak memory"+of, memory[i], "MiB", 0)
		}
		if memory[0] > 0 {
			o.figure("memory of ten times as many", memory[1]/memory[0], "times", 1.5)
		}
		return nil
	}}, nil
}

// weighed runs a program, and returns what it says and how much memory it had at the
// most, as far as the system tells while it runs: what it tells afterwards counts what
// had this program as it was started.
func weighed(cmd *exec.Cmd) (said []byte, peak int64, err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return out.Bytes(), peak, err
		case <-time.After(5 * time.Millisecond):
			peak = max(peak, residentMemory(cmd.Process.Pid))
		}
	}
}

// drifted makes a co-op in a folder with so many mailboxes, of which one was deleted by
// hand, one made larger and one added.
func (b *bench) drifted(ctx context.Context, accounts int) (dir string, err error) {
	if dir, err = b.dir(); err != nil {
		return dir, err
	}
	d, err := sqlite.Open(ctx, filepath.Join(dir, "log.db"))
	if err != nil {
		return dir, err
	}
	store, err := (&coop{dir: dir}).open(ctx, d)
	if err != nil {
		return dir, errors.Join(err, d.Close())
	}
	rules, err := statutes.Preset("nubo")
	if err == nil {
		today := calendar.Of(time.Now().UTC()).AddDays(-1)
		_, err = eventstore.Execute(eventstore.As(ctx, "cli"), store, statutes.Adopt{Version: 1, On: today, InForceFrom: today, By: "foundation", Statutes: rules})
	}
	if err == nil {
		err = ordered(ctx, store, 0, accounts)
	}
	if err = errors.Join(err, store.Log.Close()); err != nil {
		return dir, err
	}
	db, err := mail.OpenSQLite(filepath.Join(dir, "mail", "mailboxes.db"))
	if err != nil {
		return dir, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := mail.Open(ctx, db, mail.SQLite); err != nil {
		return dir, err
	}
	return dir, boxed(ctx, db, accounts)
}

func boxed(ctx context.Context, db *sql.DB, accounts int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	add, err := tx.PrepareContext(ctx, `insert into mail_account (login, account, box, quota_bytes, revision) values (?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer add.Close() //nolint:errcheck // its transaction tells
	for i := range accounts {
		if _, err := add.ExecContext(ctx, string(loginOf(i)), string(accountOf(i)), fmt.Sprint("box", i), int64(domain.GB), 1); err != nil {
			return err
		}
	}
	for _, by := range []string{
		`delete from mail_account where login = '` + string(loginOf(1)) + `'`,
		`update mail_account set quota_bytes = 1 where login = '` + string(loginOf(2)) + `'`,
		`insert into mail_account (login, box) values ('zoe@coop.example', 'zoe')`,
	} {
		if _, err := tx.ExecContext(ctx, by); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// asDrifted looks whether what was changed by hand was found, and nothing else.
func asDrifted(said []byte, accounts int) error {
	var reports []struct {
		Check processes.Check
		Drift []processes.Drift
	}
	if err := json.Unmarshal(said, &reports); err != nil {
		return wrongf("drift says %.300s: %w", said, err)
	}
	found := map[string]bool{}
	for _, r := range reports {
		for _, d := range r.Drift {
			found[d.Kind+" "+string(d.Login)] = true
		}
	}
	if len(reports) != 1 || reports[0].Check.Wanted != accounts || reports[0].Check.There != accounts || len(found) != 3 ||
		!found["missing "+string(loginOf(1))] || !found["differs "+string(loginOf(2))] || !found["foreign zoe@coop.example"] {
		return wrongf("drift finds %v: %.300s", found, said)
	}
	return nil
}

const (
	awaited = 10_000               // accounts that change while the target is away
	bears   = 8                    // how many the target is asked for at once
	answers = 2 * time.Millisecond // how long it takes for each
)

// catchUp has a target come back that was away for a day, while many accounts were
// ordered.
func catchUp(_ context.Context, b *bench) (*trial, error) {
	return &trial{finish: func(ctx context.Context, o *outcome) (err error) {
		dir, err := b.dir()
		if err != nil {
			return err
		}
		d, err := sqlite.Open(ctx, filepath.Join(dir, "log.db"))
		if err != nil {
			return err
		}
		store, err := (&coop{dir: dir}).open(ctx, d)
		if err != nil {
			return errors.Join(err, d.Close())
		}
		defer func() { err = errors.Join(err, store.Log.Close()) }()
		n := min(awaited, b.members)
		at := &counting{Service: memory.New(domain.Mail)}
		at.SetTrouble(func(memory.Call) memory.Trouble { return memory.Away })
		r := &processes.Reconciler{
			Store: store, Log: slog.New(slog.DiscardHandler),
			Targets: []processes.Target{{Name: "mail", Service: domain.Mail, At: at, Parallel: bears}},
		}
		runner := processes.NewRunner(store, r.Log, r.Processes()...)
		for done := 0; done < n; done += n / 10 { // through the day
			if err := ordered(ctx, store, done, done+n/10); err != nil {
				return err
			}
			if err := runner.CatchUp(ctx); err == nil {
				return wrongf("a target that is away was not found to be")
			}
		}
		waiting, err := r.Waiting(ctx, "mail")
		if err != nil {
			return err
		}
		if len(waiting) != n {
			return wrongf("%d accounts were ordered while the target was away, and %d wait", n, len(waiting))
		}
		o.figure("asked while it was away", float64(at.calls.Load()), "times", 0)
		at.SetTrouble(nil)
		at.back()
		store.Now = func() time.Time { return time.Now().Add(24 * time.Hour) }
		running, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		began := time.Now()
		wg.Go(func() { runner.Run(running) })
		err = untilDone(ctx, store, 4*int64(n)) // events of each: granted, requested, bound, provisioned
		took := time.Since(began)
		stop()
		wg.Wait()
		if err != nil {
			return err
		}
		o.figure("all is done after", took.Seconds(), "s", 0)
		o.figure("accounts a second", float64(n)/took.Seconds(), "", 0)
		o.figure("asked at once at the most", float64(at.most.Load()), "", bears)
		o.figure("in the busiest second", float64(at.busiest()), "times", float64(time.Second/answers*bears))
		return provisioned(ctx, store, at.Service, n)
	}}, nil
}

// counting is a service in memory that takes its time, and counts how it is asked.
type counting struct {
	*memory.Service
	calls, at, most atomic.Int64

	mu    sync.Mutex
	began time.Time
	by    map[int]int // calls, by the tenth of a second
}

// back has it count anew.
func (a *counting) back() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most.Store(0)
	a.began, a.by = time.Now(), map[int]int{}
}

// ask counts a call, which lasts until it is told that it is over.
func (a *counting) ask() (over func()) {
	a.calls.Add(1)
	now := a.at.Add(1)
	for most := a.most.Load(); now > most && !a.most.CompareAndSwap(most, now); most = a.most.Load() {
	}
	a.mu.Lock()
	if a.by != nil {
		a.by[int(time.Since(a.began)/(100*time.Millisecond))]++
	}
	a.mu.Unlock()
	return func() { a.at.Add(-1) }
}

// busiest returns how many calls there were in the second with the most.
func (a *counting) busiest() (most int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for from := range a.by {
		sum := 0
		for i := from; i < from+10; i++ {
			sum += a.by[i]
		}
		most = max(most, sum)
	}
	return most
}

// Observe is that of [memory.Service].
func (a *counting) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	defer a.ask()()
	time.Sleep(answers)
	return a.Service.Observe(ctx, ref)
}

// Ensure is that of [memory.Service].
func (a *counting) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	defer a.ask()()
	time.Sleep(answers)
	return a.Service.Ensure(ctx, want)
}
