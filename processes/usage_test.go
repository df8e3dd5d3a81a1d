package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/processes"
)

// metered is a co-op with one account on a target that says what it holds.
func metered(t *testing.T) (c *coop, s *eventstore.Store, at *memory.Service, r *processes.Reconciler, account domain.AccountID) {
	t.Helper()
	c = found(t)
	s = c.node()
	at = memory.New(domain.Mail)
	r = reconciler(c, s, target(at))
	account = entitle(c, s, "s", "anna.loom@example.org")
	c.settle(s, r)
	return c, s, at, r, account
}

func (c *coop) settle(s *eventstore.Store, r *processes.Reconciler, also ...processes.Process) {
	c.Helper()
	if err := processes.NewRunner(s, quiet, append(also, r.Processes()...)...).CatchUp(as(c.Context())); err != nil {
		c.Fatal(err)
	}
}

// fill puts so much into an account.
func (c *coop) fill(at *memory.Service, login provisioning.Login, size domain.Bytes) {
	c.Helper()
	if !at.Enter(login).Put(size) {
		c.Fatalf("%d do not fit", size)
	}
}

func TestUsageIsReadBackOnceADay(t *testing.T) {
	c, s, at, r, account := metered(t)
	other := reconciler(c, c.node(), target(at))
	c.fill(at, "anna.loom@example.org", 300_000_000)
	for range 2 {
		for _, node := range []*processes.Reconciler{r, other} {
			if err := node.ReadUsage(as(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.setDay(founding.AddDays(1))
	c.fill(at, "anna.loom@example.org", 100_000_000)
	if err := other.ReadUsage(as(t.Context())); err != nil {
		t.Fatal(err)
	}
	of, err := r.UsageOf(t.Context(), account)
	if err != nil || of.Used != 400_000_000 || of.Quota != domain.GB || of.At.IsZero() || of.Target != "mail" ||
		fmt.Sprint(of.Days) != "[{2026-01-01 300000000} {2026-01-02 400000000}]" {
		t.Errorf("%+v, %v", of, err)
	}
	days, err := r.UsageTotals(t.Context(), "mail")
	if err != nil || fmt.Sprint(days) != "[{2026-01-01 1 300000000 1000000000} {2026-01-02 1 400000000 1000000000}]" {
		t.Errorf("%v, %v", days, err)
	}
	fullest, err := r.Fullest(t.Context())
	if err != nil || len(fullest) != 1 || fullest[0].Account != account || fullest[0].Percent() != 40 {
		t.Errorf("%+v, %v", fullest, err)
	}
	if n := len(those[provisioning.UsagePassed](c, s)); n != 0 {
		t.Errorf("%d thresholds were passed", n)
	}
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	c.settle(s, r)
	c.setDay(founding.AddDays(2))
	if err := r.ReadUsage(as(t.Context())); err != nil {
		t.Fatal(err)
	}
	if of, err := r.UsageOf(t.Context(), account); err != nil || !of.At.IsZero() {
		t.Errorf("of an account that is deleted, something is known: %+v, %v", of, err)
	}
}

// TestUsageIsKeptForADayEach, and for no longer than so many days.
func TestUsageIsKeptForADayEach(t *testing.T) {
	c, _, at, r, account := metered(t)
	for day := range 450 {
		c.setDay(founding.AddDays(day))
		c.fill(at, "anna.loom@example.org", domain.Bytes(day*1000))
		for range 2 {
			if _, err := r.Measure(as(t.Context()), account, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
	}
	of, err := r.UsageOf(t.Context(), account)
	if err != nil || len(of.Days) != 400 {
		t.Fatalf("%d days, %v", len(of.Days), err)
	}
	held := domain.Bytes(0)
	for day := range 450 {
		held += domain.Bytes(day * 1000)
		if i := day - 50; i >= 0 && (of.Days[i] != processes.UsageDay{On: founding.AddDays(day), Used: held}) {
			t.Fatalf("%d: %+v, not %d", day, of.Days[i], held)
		}
	}
	entries, err := c.driver.Get(t.Context(), "usage/mail/"+string(account))
	if err != nil || len(entries[0].Value) > 3000 {
		t.Errorf("%d bytes, %v", len(entries[0].Value), err)
	}
}

// TestAReadingGoesOnWhereANodeHasLeftIt, and every account is counted once.
func TestAReadingGoesOnWhereANodeHasLeftIt(t *testing.T) {
	c := found(t)
	s := c.node()
	now := time.Date(2026, time.January, 1, 9, 0, 0, 0, time.UTC)
	s.Now = func() time.Time { return now }
	at := memory.New(domain.Mail)
	r := reconciler(c, s, target(at))
	for i := range 120 {
		entitle(c, s, domain.SubscriptionID(fmt.Sprintf("s%03d", i)), provisioning.Login(fmt.Sprintf("anna.loom%d@example.org", i)))
	}
	c.settle(s, r)
	asked := 0
	at.SetTrouble(func(memory.Call) memory.Trouble {
		if asked++; asked == 2 {
			return memory.Away
		}
		return memory.None
	})
	if err := r.ReadUsage(as(t.Context())); err == nil {
		t.Fatal("there was an outage")
	}
	if err := r.ReadUsage(as(t.Context())); err != nil {
		t.Fatal(err)
	}
	if asked != 4 {
		t.Errorf("a target was asked %d times for three batches and an outage", asked)
	}
	days, err := r.UsageTotals(t.Context(), "mail")
	if err != nil || len(days) != 1 || days[0].Accounts != 120 || days[0].Quota != 120*domain.GB {
		t.Errorf("%+v, %v", days, err)
	}
	n := 0
	err = r.EachUsage(t.Context(), "", func(domain.AccountID, processes.Usage) error { n++; return nil })
	if err != nil || n != 120 {
		t.Errorf("%d, %v", n, err)
	}
}

// spoilt is a service that cannot tell what one account holds.
type spoilt struct {
	*memory.Service
	login provisioning.Login
}

func (s spoilt) Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	if slices.ContainsFunc(refs, func(ref provisioning.Ref) bool { return ref.Login == s.login }) {
		return nil, fault.New(fault.Invalid, "", "its folder has a name that makes no sense")
	}
	return s.Service.Usage(ctx, refs)
}

// TestOneAccountDoesNotSpoilAReading: of an account of which a target cannot tell what it
// holds, nothing is known; of all others it is read.
func TestOneAccountDoesNotSpoilAReading(t *testing.T) {
	c := found(t)
	s := c.node()
	at := spoilt{memory.New(domain.Mail), "anna.loom7@example.org"}
	r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
	for i := range 60 {
		entitle(c, s, domain.SubscriptionID(fmt.Sprintf("s%03d", i)), provisioning.Login(fmt.Sprintf("anna.loom%d@example.org", i)))
	}
	c.settle(s, r)
	if err := r.ReadUsage(as(t.Context())); err != nil {
		t.Fatal(err)
	}
	if days, err := r.UsageTotals(t.Context(), "mail"); err != nil || len(days) != 1 || days[0].Accounts != 59 {
		t.Errorf("%+v, %v", days, err)
	}
}

func TestThresholdsAreSaidOnce(t *testing.T) {
	c, s, at, r, account := metered(t)
	measure := func(r *processes.Reconciler) {
		t.Helper()
		if _, err := r.Measure(as(t.Context()), account, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	c.fill(at, "anna.loom@example.org", 850_000_000)
	// Killed after the log knows and before the entry does.
	lost := errors.New("killed")
	kv := &deaf{KV: c.driver, fail: lost}
	if _, err := reconciler(c, eventstore.New(eventstore.NewLog(deafDriver{c.driver, kv}), s.Registry, s.Keys), target(at)).Measure(as(t.Context()), account, time.Minute); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	if n := len(those[provisioning.UsagePassed](c, s)); n != 1 {
		t.Fatalf("%d thresholds were passed", n)
	}
	measure(r)
	measure(reconciler(c, c.node(), target(at)))
	passed := those[provisioning.UsagePassed](c, s)
	if len(passed) != 1 || passed[0].Percent != 80 || passed[0].Account != account || passed[0].Used != 850_000_000 {
		t.Errorf("%+v", passed)
	}
}

type deaf struct {
	eventstore.KV
	fail error
}

func (d *deaf) Put(context.Context, ...eventstore.Change) error { return d.fail }

type deafDriver struct {
	*faulty
	kv *deaf
}

func (d deafDriver) Put(ctx context.Context, changes ...eventstore.Change) error {
	return d.kv.Put(ctx, changes...)
}

// smaller is a co-op whose member holds 8 GB of mail, and has 10.
func smaller(t *testing.T) (c *coop, s *eventstore.Store, at *memory.Service, r *processes.Reconciler) {
	t.Helper()
	c = found(t)
	s = c.node()
	at = memory.New(domain.Mail)
	r = reconciler(c, s, target(at))
	c.subscribe(s, "s", "anna", 10, founding)
	if err := processes.SyncEntitlements(as(t.Context()), s, "s", founding); err != nil {
		t.Fatal(err)
	}
	of := entitlement.IDOf("s", domain.Mail)
	quota := stateOf[entitlement.Entitlements](c, s, entitlement.StreamOf("s"))[domain.Mail].Quota
	execute2(c, s, provisioning.RequestAccount{
		Account: domain.AccountID(of), Entitlement: of, Party: "anna", Service: domain.Mail, Login: loginIn(s, "anna.loom@example.org"), Quota: quota, On: founding,
	})
	c.settle(s, r)
	c.fill(at, "anna.loom@example.org", quota*8/10)
	return c, s, at, r
}

// pass has the day come, as a node does.
func (c *coop) pass(s *eventstore.Store, r *processes.Reconciler, day calendar.Date) {
	c.Helper()
	c.setDay(day)
	entitlements := r.Postponing(processes.Entitlements(s, c.day))
	if err := r.Postpone(as(c.Context()), "s"); err != nil {
		c.Fatal(err)
	}
	if err := processes.SyncEntitlements(as(c.Context()), s, "s", day); err != nil {
		c.Fatal(err)
	}
	c.settle(s, r, entitlements)
}

func TestWhatAnAccountHoldsPutsOffThatItBecomesSmaller(t *testing.T) {
	c, s, at, r := smaller(t)
	quota := func() domain.Bytes { return *c.observe(at, domain.Mail, "anna.loom@example.org").Quota }
	size := func(on calendar.Date) int {
		return stateOf[subscription.Subscription](c, s, subscription.StreamOf("s")).GB(on)
	}
	ten := quota()
	day := calendar.On(2026, time.February, 10)
	execute(c, s, subscription.ChangeQuota{Subscription: "s", GB: 5, On: founding, From: day})
	c.pass(s, r, day)
	c.pass(s, r, day)
	march := calendar.On(2026, time.March, 1)
	if quota() != ten || size(day) != 10 || size(march.AddDays(-1)) != 10 || size(march) != 5 {
		t.Errorf("it has %d of %d; on the day it is of %d GB, and later of %d", quota(), ten, size(day), size(march))
	}
	c.pass(s, r, march)
	april := calendar.On(2026, time.April, 1)
	if quota() != ten || size(april.AddDays(-1)) != 10 || size(april) != 5 {
		t.Errorf("it is put off once only: %d", quota())
	}
	put := those[provisioning.SizePostponed](c, s)
	if len(put) != 2 || put[0].On != day || put[0].Until != march || put[1].Until != april || put[0].Quota >= ten || put[0].Used != ten*8/10 {
		t.Errorf("%+v", put)
	}
	c.fill(at, "anna.loom@example.org", -ten*6/10)
	c.pass(s, r, april)
	if quota() >= ten || size(april) != 5 || len(those[provisioning.SizePostponed](c, s)) != 2 {
		t.Errorf("it fits, and has %d of %d, %d GB", quota(), ten, size(april))
	}
}

// TestWhatAnAccountHoldsPutsOffThatAnAddOnEnds, if who pays the subscription pays that too.
func TestWhatAnAccountHoldsPutsOffThatAnAddOnEnds(t *testing.T) {
	c, s, at, r := smaller(t)
	const login provisioning.Login = "anna.loom@example.org"
	quota := func() domain.Bytes { return *c.observe(at, domain.Mail, login).Quota }
	plan := quota()
	day := calendar.On(2026, time.February, 10)
	book := func(id subscription.AddOnID, payer domain.PartyID) {
		t.Helper()
		execute(c, s, subscription.BookAddOn{Subscription: "s", AddOn: id, Payer: payer, Service: domain.Mail, GB: 3, On: c.day(), From: c.day(), Ends: day})
	}
	ends := func(id subscription.AddOnID) calendar.Date {
		a, _ := stateOf[subscription.Subscription](c, s, subscription.StreamOf("s")).AddOn(id)
		return a.Ends
	}
	book("mine", "anna")
	c.pass(s, r, founding)
	c.fill(at, login, 2*domain.GB)
	c.pass(s, r, day)
	if quota() != plan+3*domain.GB {
		t.Fatalf("with the add-on it has %d", quota())
	}
	last := calendar.On(2026, time.February, 28)
	for range 2 {
		c.pass(s, r, day.AddDays(1))
		if quota() != plan+3*domain.GB || ends("mine") != last {
			t.Errorf("it has %d, and it ends on %s", quota(), ends("mine"))
		}
	}
	c.fill(at, login, -2*domain.GB)
	c.pass(s, r, last.AddDays(1))
	if quota() != plan || ends("mine") != last {
		t.Errorf("it fits, and has %d; it ends on %s", quota(), ends("mine"))
	}
	if put := those[provisioning.SizePostponed](c, s); len(put) != 1 || put[0].On != day.AddDays(1) || put[0].Until != last.AddDays(1) || put[0].Quota != plan {
		t.Errorf("%+v", put)
	}
	// What ended long ago, or is a gift, is not begun anew.
	day = last.AddDays(20)
	book("gift", "bert")
	c.pass(s, r, last.AddDays(2))
	c.fill(at, login, 2*domain.GB)
	c.pass(s, r, day.AddDays(1))
	if quota() != plan || ends("gift") != day || ends("mine") != last {
		t.Errorf("a gift goes on: %d, %s, %s", quota(), ends("gift"), ends("mine"))
	}
}

// TestPuttingOffKeepsWhatIsPlanned for later, and the last day.
func TestPuttingOffKeepsWhatIsPlanned(t *testing.T) {
	c, s, _, r := smaller(t)
	day := calendar.On(2026, time.February, 10)
	execute(c, s, subscription.ChangeQuota{Subscription: "s", GB: 5, On: founding, From: day})
	execute(c, s, subscription.ChangeQuota{Subscription: "s", GB: 20, On: founding, From: day.AddDays(5)})
	execute(c, s, subscription.Cancel{Subscription: "s", On: founding, Ends: day.AddDays(8)})
	c.pass(s, r, day)
	sub := stateOf[subscription.Subscription](c, s, subscription.StreamOf("s"))
	if sub.GB(day) != 10 || sub.GB(day.AddDays(4)) != 10 || sub.GB(day.AddDays(5)) != 20 || sub.GB(day.AddDays(60)) != 20 {
		t.Errorf("%d, %d", sub.GB(day), sub.GB(day.AddDays(5)))
	}
}

// TestADayIsThatOfTheCoop: what was measured before midnight in its zone was so on the day before, in winter, in summer
// and in the night between the two.
func TestADayIsThatOfTheCoop(t *testing.T) {
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []calendar.Date{calendar.On(2026, time.January, 15), calendar.On(2026, time.March, 29), calendar.On(2026, time.July, 1), calendar.On(2026, time.October, 25)} {
		c, s, at, r, account := metered(t)
		midnight := day.Midnight(brussels)
		now := midnight.Add(-time.Minute)
		s.Now = func() time.Time { return now }
		r.Terms.Zone, r.Terms.Today = brussels, func() calendar.Date { return calendar.Of(now.In(brussels)) }
		c.fill(at, "anna.loom@example.org", domain.GB/2)
		for _, after := range []struct {
			time.Duration
			measured calendar.Date
		}{{-time.Minute, day.AddDays(-1)}, {time.Minute, day.AddDays(-1)}, {20 * time.Hour, day.AddDays(-1)}} {
			if now = midnight.Add(after.Duration); after.Duration < 0 {
				if _, err := r.Measure(as(t.Context()), account, time.Minute); err != nil {
					t.Fatal(err)
				}
				at.SetTrouble(func(memory.Call) memory.Trouble { return memory.Away })
			}
			refused, is := errors.AsType[domain.Refusal](r.Fits(as(t.Context()), "s", []offering.Quota{{Service: domain.Mail, Quota: 1}}))
			if !is || refused.Args["measured"] != after.measured {
				t.Errorf("%v after %v: %v", after.Duration, midnight, refused)
			}
		}
	}
}

// TestWhatIsCopiedIsNotMeasured: while an account is moved, it holds what is on the node that it is on.
func TestWhatIsCopiedIsNotMeasured(t *testing.T) {
	const login provisioning.Login = "anna.loom@example.org"
	c := found(t)
	s := c.node()
	first, second := memory.New(domain.Mail), memory.New(domain.Mail)
	account := entitle(c, s, "s", login)
	r := reconciler(c, s, onNode("mail", first, processes.Node{Bytes: 9 * domain.GB}), onNode("mail2", second, processes.Node{Bytes: domain.GB}))
	c.settle(s, r)
	c.fill(first, login, 950_000_000)
	execute(c, s, provisioning.BeginMove{Account: account, To: "mail2", Reason: "the disk is full"})
	want := provisioning.Desired{Ref: provisioning.Ref{Service: domain.Mail, Login: login}, Account: account, Revision: 1, Access: provisioning.Active, Quota: domain.GB}
	if _, err := second.Ensure(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	for _, measured := range []func() error{
		func() error { return r.ReadUsage(as(t.Context())) },
		func() error { _, err := r.Measure(as(t.Context()), account, time.Minute); return err },
	} {
		if err := measured(); err != nil {
			t.Fatal(err)
		}
		if holds, err := r.UsageOf(t.Context(), account); err != nil || holds.Used != 950_000_000 || holds.Target != "mail" {
			t.Errorf("it holds %+v, %v", holds, err)
		}
	}
	passed, fell := those[provisioning.UsagePassed](c, s), those[provisioning.UsageFell](c, s)
	if len(passed) != 1 || passed[0].Percent != 90 || len(fell) > 0 {
		t.Errorf("they are warned by %+v, %+v", passed, fell)
	}
}

// TestAClockThatWasWrongStopsNoReading: what was read on a day that is yet to come is read again; what a node read that is
// in tomorrow already is not.
func TestAClockThatWasWrongStopsNoReading(t *testing.T) {
	c, _, at, r, account := metered(t)
	for _, reading := range []struct {
		day   int
		holds domain.Bytes
	}{{300, 100}, {1, 200}, {0, 200}, {2, 400}} {
		c.setDay(founding.AddDays(reading.day))
		c.fill(at, "anna.loom@example.org", 100)
		if err := r.ReadUsage(as(t.Context())); err != nil {
			t.Fatal(err)
		}
		if of, err := r.UsageOf(t.Context(), account); err != nil || of.Used != reading.holds {
			t.Errorf("on day %d: %+v, %v", reading.day, of, err)
		}
	}
	days, err := r.UsageTotals(t.Context(), "mail")
	if err != nil || len(days) != 2 || days[1].On != founding.AddDays(2) {
		t.Errorf("%+v, %v", days, err)
	}
}
