package processes_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// circular is a service whose pages lead back to the first.
type circular struct{ *memory.Service }

func (s circular) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if page, err = s.Service.List(ctx, "", limit); cursor == "a" {
		page.Next = "b"
	} else {
		page.Next = "a"
	}
	return page, err
}

// TestDriftEnds also where a target does not tell that its list does.
func TestDriftEnds(t *testing.T) {
	c := found(t)
	r := reconciler(c, c.node(), processes.Target{Name: "mail", Service: domain.Mail, At: circular{memory.New(domain.Mail)}})
	if _, err := r.CheckDrift(as(t.Context()), "mail", func(processes.Drift) error { return nil }); fault.CodeOf(err) != "circle" {
		t.Error(err)
	}
}

// peaceful is a service that asks to be left alone, so often and for so long.
type peaceful struct {
	*memory.Service
	times int
	wait  time.Duration
}

func (a *peaceful) List(ctx context.Context, cursor string, limit int) (provisioning.Page, error) {
	if a.times--; a.times >= 0 {
		return provisioning.Page{}, &fault.Error{Class: fault.Throttled, RetryAfter: a.wait, Err: errors.New("too much")}
	}
	return a.Service.List(ctx, cursor, limit)
}

// TestDriftIsNotWaitedForInSilence: a target that asks to be left alone for a moment is
// waited for, which is said; one that asks for longer is given up, which is said too.
func TestDriftIsNotWaitedForInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		at := &peaceful{memory.New(domain.Mail), 1, time.Minute}
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
		var log strings.Builder
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		compared := func() (time.Duration, error) {
			began := time.Now()
			_, err := r.CheckDrift(as(t.Context()), "mail", func(processes.Drift) error { return nil })
			return time.Since(began), err
		}
		if took, err := compared(); err != nil || took != time.Minute || !strings.Contains(log.String(), "for=1m0s") {
			t.Errorf("%v, %v: %s", took, err, log.String())
		}
		at.times, at.wait = 1, time.Hour
		if took, err := compared(); took > 0 || err == nil || !strings.Contains(err.Error(), "left alone for 1h0m0s") {
			t.Errorf("%v, %v", took, err)
		}
	})
}

// TestDriftIsLookedForAgain: a target that could not be compared is not left for six hours.
func TestDriftIsLookedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := found(t)
		s := c.node()
		s.Now = time.Now
		at := &peaceful{memory.New(domain.Mail), 1, time.Hour}
		r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
		stop := served(t, s, r)
		last := func() processes.Check {
			t.Helper()
			states, err := r.States(t.Context())
			if err != nil || states[0].Drift == nil {
				t.Fatalf("%+v, %v", states, err)
			}
			return *states[0].Drift
		}
		time.Sleep(5 * time.Minute)
		if check := last(); !strings.Contains(check.Error, "left alone") {
			t.Errorf("at first: %+v", check)
		}
		time.Sleep(40 * time.Minute)
		check := last()
		if check.Error != "" {
			t.Errorf("and again: %+v", check)
		}
		time.Sleep(time.Hour)
		if again := last(); !again.At.Equal(check.At) {
			t.Errorf("though it was well: %+v", again)
		}
		stop()
	})
}

// TestDriftOfManyAccounts: of ten thousand, each that was changed by hand is found and
// mended; nobody's is left alone until somebody says what to do. The log is asked of many
// at once, as it is when a day begins.
func TestDriftOfManyAccounts(t *testing.T) {
	const n = 10_000
	c := found(t)
	s := c.node()
	at := memory.New(domain.Mail)
	var accounts []domain.AccountID
	var logins []provisioning.Login
	for from := 0; from < n; from += 500 {
		base, err := s.Log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = eventstore.Transact(as(t.Context()), s, func(tx *eventstore.Tx) error {
			for i := from; i < from+500; i++ {
				revision := base + 4*int64(i-from) + 1 // four events of each, and the grant comes first
				of := entitlement.IDOf(domain.SubscriptionID(fmt.Sprintf("s%05d", i)), domain.Mail)
				login := provisioning.Login(fmt.Sprintf("member%d@example.org", i))
				accounts, logins = append(accounts, domain.AccountID(of)), append(logins, login)
				err := eventstore.Do(tx, entitlement.Grant{Subscription: domain.SubscriptionID(fmt.Sprintf("s%05d", i)), Party: "anna", Service: domain.Mail, Quota: domain.GB, From: founding})
				if err == nil {
					err = eventstore.Do2(tx, provisioning.RequestAccount{Account: domain.AccountID(of), Entitlement: of, Party: "anna", Service: domain.Mail, Login: loginIn(s, login), Quota: domain.GB, On: founding})
				}
				if err != nil {
					return err
				}
				want := provisioning.Desired{Ref: provisioning.Ref{Service: domain.Mail, Login: login}, Account: domain.AccountID(of), Revision: revision, Access: provisioning.Active, Quota: domain.GB}
				if _, err := at.Ensure(t.Context(), want); err != nil {
					return err
				}
				if err := eventstore.Do(tx, provisioning.RecordProvisioned{Account: want.Account, Quota: domain.GB, Revision: revision}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := reconciler(c, s, target(at))
	r.Book = fixed{roster{c, s}.all(domain.Mail)}
	ctx := as(t.Context())
	want := map[string]int{}
	for i, login := range logins {
		switch i % 4 {
		case 0:
			at.Lose(login)
			want["missing ensure_account heal"]++
		case 1:
			at.Meddle(login, domain.GB/2, provisioning.Active)
			want["differs set_quota heal"]++
		case 2:
			at.Meddle(login, 5*domain.GB, provisioning.Suspended)
			want["differs set_quota ask"]++
			want["differs resume heal"]++
		}
	}
	at.Foreign("zoe@example.org")
	want["foreign  ask"]++
	at.Foreign("yves@example.org")
	if err := r.LeaveForeign(ctx, "mail", "yves@example.org"); err != nil {
		t.Fatal(err)
	}
	before := at.Taken()
	got := map[string]int{}
	check, err := r.CheckDrift(ctx, "mail", func(d processes.Drift) error {
		got[fmt.Sprintf("%s %s %s", d.Kind, d.Step, d.Policy)]++
		return r.Mend(ctx, d, false)
	})
	if err != nil || check.Left != 1 || check.There != n-n/4+2 {
		t.Errorf("%+v, %v", check, err)
	}
	for what, n := range want {
		if got[what] != n {
			t.Errorf("%q was found %d times, not %d", what, got[what], n)
		}
	}
	for call, n := range at.Taken() {
		if before[call] != n {
			t.Fatalf("looking has changed %v", call)
		}
	}
	if err := r.Settle(ctx, "", ""); err != nil {
		t.Fatal(err)
	}
	left := map[string]int{}
	if _, err := r.CheckDrift(ctx, "mail", func(d processes.Drift) error {
		left[fmt.Sprintf("%s %s %s", d.Kind, d.Step, d.Policy)]++
		return r.Mend(ctx, d, d.Kind == processes.DriftDiffers)
	}); err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || left["differs set_quota ask"] != want["differs set_quota ask"] || left["foreign  ask"] != 1 {
		t.Errorf("what needs nobody to say so is not mended: %v", left)
	}
	if err := r.Settle(ctx, "", ""); err != nil {
		t.Fatal(err)
	}
	asked := &questions{Driver: c.driver}
	s.Log = eventstore.NewLog(asked)
	if check, err := r.CheckDrift(ctx, "mail", func(d processes.Drift) error { return nil }); err != nil || len(check.Found) != 1 || check.Found[processes.DriftForeign] != 1 {
		t.Errorf("in the end %+v, %v", check, err)
	}
	if most := int64(n / 100); asked.Load() > most {
		t.Errorf("the log was asked %d times, and is asked of many accounts at once", asked.Load())
	}
	if repaired := those[provisioning.AccountRepaired](c, s); len(repaired) != n { // a quarter of them in two goes
		t.Errorf("%d repairs are told", len(repaired))
	}
	held := fixed{slices.Clone(r.Book.(fixed).accounts)}
	for i := range held.accounts {
		held.accounts[i].Held = i%2 == 0
	}
	r.Book = held
	asked.Store(0)
	if err := r.Daily(ctx); err != nil {
		t.Fatal(err)
	}
	if waiting, err := r.Waiting(ctx, "mail"); err != nil || len(waiting) != n/2 || waiting[0].Why != "day" || asked.Load() > n/100 {
		t.Errorf("%d wait after a day, %v, for which the log was asked %d times", len(waiting), err, asked.Load())
	}
}

// questions counts how often a log is asked what has happened to streams.
type questions struct {
	eventstore.Driver
	atomic.Int64
}

func (q *questions) Streams(ctx context.Context, wanted ...eventstore.StreamAfter) iter.Seq2[eventstore.Record, error] {
	if len(wanted) > 0 {
		q.Add(1)
	}
	return q.Driver.Streams(ctx, wanted...)
}
