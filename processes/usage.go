package processes

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// What accounts hold is read back from their targets once a day, and when somebody asks. It is no history of what
// happened, so it is kept beside the log: one entry for each account and target, and one for each target. Events say
// only that a threshold was passed.
const (
	usageSpace = "usage/"
	totalSpace = "usage-total/"
	sweepSpace = "usage-sweep/"

	usageDays   = 400 // that are kept
	usageBatch  = 50  // accounts that a target is asked about at once
	mostFullest = 200 // accounts that are kept in the order of how full they are

	// sweepTerm is after how long without progress a node is taken to have left its reading.
	sweepTerm = 5 * time.Minute
)

func usageKey(target string, account domain.AccountID) string {
	return usageSpace + target + "/" + string(account)
}

// Usage is what an account holds.
type Usage struct {
	Target string
	At     time.Time // when it was measured; zero: never
	Used   domain.Bytes
	Quota  domain.Bytes // that it had then
	Days   []UsageDay   // oldest first
}

// UsageDay is what was held on a day, as it was measured last on it.
type UsageDay struct {
	On   calendar.Date `json:"on"`
	Used domain.Bytes  `json:"used"`
}

// UsageTotal is what all accounts of a target held on a day, as it was read back.
type UsageTotal struct {
	On       calendar.Date `json:"on"`
	Accounts int           `json:"accounts"`
	Used     domain.Bytes  `json:"used"`
	Quota    domain.Bytes  `json:"quota"` // that they may hold together; those without a bound are not counted
}

// Filled is how full an account is.
type Filled struct {
	Account domain.AccountID `json:"account"`
	Target  string           `json:"target"`
	Used    domain.Bytes     `json:"used"`
	Quota   domain.Bytes     `json:"quota"`
	At      time.Time        `json:"at"`
}

// Percent is how much of what it may hold an account holds.
func (f Filled) Percent() int {
	if f.Quota <= 0 {
		return 0
	}
	return int(float64(f.Used) / float64(f.Quota) * 100)
}

// Fuller orders by how full accounts are, the fullest first.
func Fuller(a, b Filled) int {
	fill := func(f Filled) float64 {
		if f.Quota <= 0 {
			return 0
		}
		return float64(f.Used) / float64(f.Quota)
	}
	return cmp.Or(cmp.Compare(fill(b), fill(a)), cmp.Compare(a.Account, b.Account))
}

// sample is an entry of an account on a target.
type sample struct {
	At    time.Time    `json:"at"`
	Used  domain.Bytes `json:"used"`
	Quota domain.Bytes `json:"quota"`
	Level int          `json:"level,omitempty"` // of which the log knows
	Days  []byte       `json:"days"`            // see [packDays]
}

func readSample(e eventstore.Entry) (s sample, err error) {
	err = decode(e, &s)
	return s, err
}

func (s sample) usage(target string) Usage {
	return Usage{Target: target, At: s.At, Used: s.Used, Quota: s.Quota, Days: unpackDays(s.Days)}
}

// with notes what was measured at an instant of a day.
func (s sample) with(used, quota domain.Bytes, at time.Time, on calendar.Date) sample {
	days := slices.DeleteFunc(unpackDays(s.Days), func(d UsageDay) bool {
		return !d.On.Before(on) || d.On.DaysUntil(on) >= usageDays
	})
	s.At, s.Used, s.Quota, s.Days = at, used, quota, packDays(append(days, UsageDay{on, used}))
	return s
}

// dayOne is from where days are counted.
var dayOne = calendar.On(2020, time.January, 1)

// packDays writes each day as how many days and bytes it is after the one before: two or three bytes for most.
func packDays(days []UsageDay) (packed []byte) {
	last := UsageDay{On: dayOne}
	for _, d := range days {
		packed = binary.AppendVarint(packed, int64(last.On.DaysUntil(d.On)))
		packed = binary.AppendVarint(packed, int64(d.Used-last.Used))
		last = d
	}
	return packed
}

func unpackDays(packed []byte) (days []UsageDay) {
	last := UsageDay{On: dayOne}
	for len(packed) > 0 {
		after, n := binary.Varint(packed)
		more, m := binary.Varint(packed[max(n, 0):])
		if n <= 0 || m <= 0 {
			return days // the rest is not what was written
		}
		last = UsageDay{last.On.AddDays(int(after)), last.Used + domain.Bytes(more)}
		days, packed = append(days, last), packed[n+m:]
	}
	return days
}

// metering returns the targets of a service, or of all where it is "", that can say what accounts hold.
func (r *Reconciler) metering(service domain.Service) (some []Target) {
	for _, t := range r.Targets {
		if (service == "" || t.Service == service) && t.At.Capabilities().Usage {
			some = append(some, t)
		}
	}
	return some
}

// UsageOf returns what an account holds, as it was measured last.
func (r *Reconciler) UsageOf(ctx context.Context, account domain.AccountID) (of Usage, err error) {
	_, service := entitlement.Of(domain.EntitlementID(account))
	for _, t := range r.metering(service) {
		entries, err := r.kv().Get(ctx, usageKey(t.Name, account))
		if err != nil {
			return of, err
		}
		s, err := readSample(entries[0])
		if err != nil {
			return of, err
		}
		if s.At.After(of.At) {
			of = s.usage(t.Name)
		}
	}
	return of, nil
}

// Measure asks the targets of an account what it holds, for so long at most, and returns what is known then.
func (r *Reconciler) Measure(ctx context.Context, account domain.AccountID, within time.Duration) (Usage, error) {
	bases, err := basesOf(ctx, r.Store, account)
	if err != nil {
		return Usage{}, err
	}
	want, requested := bases[0].desired()
	if !requested || want.Login == "" {
		return Usage{}, nil
	}
	asking, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, t := range r.metering(want.Service) {
		if !t.has(bases[0].account.State) {
			continue
		}
		state, err := targetState(ctx, r.kv(), t.Name)
		if err != nil {
			return Usage{}, err
		}
		if state.State != TargetClosed {
			continue // it is not asked while it is away or paused
		}
		all, err := t.At.Usage(asking, []provisioning.Ref{want.Ref})
		if err != nil {
			r.Log.WarnContext(ctx, "what an account holds could not be measured", "target", t.Name, "account", account, "err", without(short(err), want.Login))
			continue
		}
		for _, is := range all {
			if is.Exists && is.Used != nil && is.Account == account {
				quota := want.Quota
				if is.Quota != nil {
					quota = *is.Quota
				}
				if err := r.noteSample(ctx, t.Name, account, *is.Used, quota); err != nil {
					return Usage{}, err
				}
			}
		}
	}
	return r.UsageOf(ctx, account)
}

// noteSample keeps what was measured of one account, and says in the log if a threshold was passed.
func (r *Reconciler) noteSample(ctx context.Context, target string, account domain.AccountID, used, quota domain.Bytes) error {
	at, today := r.now(), r.today()
	return eventstore.Update(ctx, r.kv(), usageKey(target, account), func(e eventstore.Entry) ([]byte, error) {
		s, err := readSample(e)
		if err != nil {
			return nil, err
		}
		if s, err = r.sampled(ctx, account, s, used, quota, at, today); err != nil {
			return nil, err
		}
		return json.Marshal(s)
	})
}

// sampled is an entry with what was measured. What passes a threshold is in the log before the entry says so: killed
// between, it is said again, and the log knows it.
func (r *Reconciler) sampled(ctx context.Context, account domain.AccountID, s sample, used, quota domain.Bytes, at time.Time, on calendar.Date) (sample, error) {
	if level := provisioning.Level(used, quota, s.Level); level != s.Level || s.At.IsZero() {
		_, err := eventstore.Execute(ctx, r.Store, provisioning.NoteUsage{Account: account, Used: used, Quota: quota, On: on})
		if err != nil {
			return s, err
		}
		s.Level = level
	}
	return s.with(used, quota, at, on), nil
}

// UsageTotals returns what all accounts of a target held, day by day, oldest first: what a forecast is made of.
func (r *Reconciler) UsageTotals(ctx context.Context, target string) ([]UsageTotal, error) {
	entries, err := r.kv().Get(ctx, totalSpace+target)
	if err != nil {
		return nil, err
	}
	t, err := readTotals(entries[0])
	return t.Days, err
}

// Fullest returns the accounts of all targets that are fullest, as of the last reading of each: at most so many of a target.
func (r *Reconciler) Fullest(ctx context.Context) (all []Filled, err error) {
	all = []Filled{}
	for _, t := range r.metering("") {
		entries, err := r.kv().Get(ctx, totalSpace+t.Name)
		if err != nil {
			return nil, err
		}
		totals, err := readTotals(entries[0])
		if err != nil {
			return nil, err
		}
		all = append(all, totals.Fullest...)
	}
	slices.SortFunc(all, Fuller)
	return all, nil
}

// EachUsage tells what every account on a target holds, or on all where that is "".
func (r *Reconciler) EachUsage(ctx context.Context, target string, tell func(domain.AccountID, Usage) error) error {
	for _, t := range r.metering("") {
		if target != "" && t.Name != target {
			continue
		}
		for e, err := range eventstore.Entries(ctx, r.kv(), usageKey(t.Name, "")) {
			if err != nil {
				return err
			}
			s, err := readSample(e)
			if err == nil {
				err = tell(domain.AccountID(e.Key[len(usageKey(t.Name, "")):]), s.usage(t.Name))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

type totals struct {
	Days    []UsageTotal `json:"days"`
	Fullest []Filled     `json:"fullest"`
}

func readTotals(e eventstore.Entry) (t totals, err error) {
	err = decode(e, &t)
	return t, err
}

// sweep is the reading of what all accounts of a target hold on a day. A node that takes it over from one that has
// gone goes on behind the accounts that were read.
type sweep struct {
	UsageTotal
	Holder  string           `json:"holder"`
	At      time.Time        `json:"at"`              // of the last progress
	After   domain.AccountID `json:"after,omitempty"` // the account read last
	Done    bool             `json:"done,omitempty"`
	Fullest []Filled         `json:"fullest,omitempty"`
}

func readSweep(e eventstore.Entry) (s sweep, err error) {
	err = decode(e, &s)
	return s, err
}

var (
	errNotDue = errors.New("processes: it was read today, or another node is at it")
	errTaken  = errors.New("processes: another node has taken the reading over")
)

// ReadUsage reads back what all accounts hold on all targets that can say it, unless that was done today or another
// node is at it. It returns the first trouble; the other targets are read all the same.
func (r *Reconciler) ReadUsage(ctx context.Context) error {
	var trouble error
	for _, t := range r.metering("") {
		if err := r.readTarget(ctx, t); err != nil && !errors.Is(err, errNotDue) && !errors.Is(err, errTaken) {
			trouble = errors.Join(trouble, fmt.Errorf("read back what accounts on %s hold: %w", t.Name, err))
		}
	}
	return trouble
}

// WatchUsage does so every day, soon after midnight in the co-op's zone, and at the start, until ctx ends.
func (r *Reconciler) WatchUsage(ctx context.Context) {
	for sleep(ctx, 20*time.Second+randN(20*time.Second)) == nil {
		if err := r.ReadUsage(eventstore.As(ctx, "process/usage")); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "reading what accounts hold was interrupted, and goes on later", "err", err)
			_ = sleep(ctx, time.Minute)
		}
	}
}

func (r *Reconciler) readTarget(ctx context.Context, t Target) error {
	state, err := targetState(ctx, r.kv(), t.Name)
	if err != nil {
		return err
	}
	if state.State != TargetClosed {
		return errNotDue // it is left alone
	}
	today, holder := r.today(), uuid.NewString()
	var now sweep
	err = eventstore.Update(ctx, r.kv(), sweepSpace+t.Name, func(e eventstore.Entry) ([]byte, error) {
		if now, err = readSweep(e); err != nil {
			return nil, err
		}
		// A node may be in tomorrow already. What is later still was begun by a clock that was wrong.
		if now.On == today && (now.Done || r.now().Sub(now.At) < sweepTerm) || now.On == today.AddDays(1) {
			return nil, errNotDue
		}
		if now.On != today {
			now = sweep{UsageTotal: UsageTotal{On: today}}
		}
		now.Holder, now.At = holder, r.now()
		return json.Marshal(now)
	})
	if err != nil {
		return err
	}
	for !now.Done {
		accounts, err := r.Book.AccountsAfter(ctx, t.Service, now.After, usageBatch)
		if err == nil {
			err = r.readSome(ctx, t, accounts, &now)
		}
		failed := err
		if len(accounts) > 0 && failed == nil {
			now.After = accounts[len(accounts)-1].Account
		}
		now.Done = len(accounts) == 0 && failed == nil
		if now.Done {
			if err := r.total(ctx, t.Name, now); err != nil {
				return err
			}
			now.Fullest = nil
		}
		err = eventstore.Update(ctx, r.kv(), sweepSpace+t.Name, func(e eventstore.Entry) ([]byte, error) {
			was, err := readSweep(e)
			if err == nil && was.Holder != holder {
				err = errTaken
			}
			if err != nil {
				return nil, err
			}
			if now.At = r.now(); failed != nil {
				now.At = time.Time{} // whoever comes next goes on
			}
			return json.Marshal(now)
		})
		if err = errors.Join(failed, err); err != nil {
			return err
		}
	}
	return nil
}

// usageOn asks a target what some accounts hold. One that it cannot tell of does not keep
// it from telling of the others: it is left out, until the next day.
func (r *Reconciler) usageOn(ctx context.Context, t Target, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	ask := func(within time.Duration, refs ...provisioning.Ref) ([]provisioning.Observed, error) {
		call, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		return t.At.Usage(call, refs)
	}
	ofTarget := func(err error) bool { // and not of one account
		class, _ := fault.ClassOf(err)
		return ctx.Err() != nil || slices.Contains([]fault.Class{fault.Denied, fault.Throttled, fault.Unavailable, fault.Unsupported}, class)
	}
	found, err := ask(2*t.timeout(), refs...)
	if err == nil || ofTarget(err) {
		return found, err
	}
	found, left := nil, 0
	for _, ref := range refs {
		is, err := ask(t.timeout(), ref)
		if err == nil {
			found = append(found, is...)
			continue
		}
		if left++; ofTarget(err) || left == failuresInRow && len(found) == 0 {
			return nil, err
		}
		r.Log.WarnContext(ctx, "what an account holds cannot be read", "target", t.Name, "err", without(short(err), ref.Login))
	}
	return found, nil
}

// readSome reads what some accounts hold that follow one another, and forgets what is known of accounts between them
// that are there no more.
func (r *Reconciler) readSome(ctx context.Context, t Target, accounts []BookedAccount, now *sweep) error {
	of, refs := map[domain.AccountID]BookedAccount{}, []provisioning.Ref{}
	for _, b := range accounts {
		if !b.Deleted && b.Login != "" && (t.Node == nil || b.Node == t.Name) { // not as far as it is copied
			of[b.Account] = b
			refs = append(refs, provisioning.Ref{Service: t.Service, Login: b.Login})
		}
	}
	if len(refs) > 0 {
		found, err := r.usageOn(ctx, t, refs)
		if err != nil {
			if class, _ := fault.ClassOf(err); class == fault.Denied || class == fault.Throttled {
				err = errors.Join(err, setTarget(ctx, r.kv(), t.Name, func(s *TargetState) error {
					s.met(err, r.now(), tripped)
					return nil
				}))
			}
			return err
		}
		for _, is := range found {
			b, ours := of[is.Account]
			if !ours || !is.Exists || is.Used == nil {
				continue
			}
			quota := b.Quota
			if is.Quota != nil {
				quota = *is.Quota
			}
			if err := r.noteSample(ctx, t.Name, b.Account, *is.Used, quota); err != nil {
				return err
			}
			now.Accounts++
			now.Used += *is.Used
			now.Quota += max(quota, 0)
			now.Fullest = append(now.Fullest, Filled{b.Account, t.Name, *is.Used, quota, r.now()})
		}
		slices.SortFunc(now.Fullest, Fuller)
		now.Fullest = now.Fullest[:min(len(now.Fullest), mostFullest)]
	}
	return r.forgetUsage(ctx, t.Name, now.After, accounts, of)
}

// forgetUsage deletes the entries of accounts behind one, up to the last of some, that are not among those that there are.
func (r *Reconciler) forgetUsage(ctx context.Context, target string, after domain.AccountID, accounts []BookedAccount, there map[domain.AccountID]BookedAccount) error {
	from := ""
	if after != "" {
		from = usageKey(target, after)
	}
	for {
		entries, err := r.kv().Range(ctx, usageKey(target, ""), from, 2*usageBatch)
		if err != nil {
			return err
		}
		for _, e := range entries {
			account := domain.AccountID(e.Key[len(usageKey(target, "")):])
			if len(accounts) > 0 && account > accounts[len(accounts)-1].Account {
				return nil
			}
			if _, is := there[account]; !is {
				if err := r.kv().Put(ctx, eventstore.Change{Key: e.Key, Revision: e.Revision}); err != nil && !eventstore.IsStale(err) {
					return err
				}
			}
			from = e.Key
		}
		if len(entries) < 2*usageBatch {
			return nil
		}
	}
}

// total enters a day that was read.
func (r *Reconciler) total(ctx context.Context, target string, now sweep) error {
	return eventstore.Update(ctx, r.kv(), totalSpace+target, func(e eventstore.Entry) ([]byte, error) {
		t, err := readTotals(e)
		if err != nil {
			return nil, err
		}
		t.Days = slices.DeleteFunc(t.Days, func(d UsageTotal) bool { return !d.On.Before(now.On) || d.On.DaysUntil(now.On) >= usageDays })
		t.Days, t.Fullest = append(t.Days, now.UsageTotal), now.Fullest
		return json.Marshal(t)
	})
}

// askedFor is how long it may take to look what an account holds while somebody waits.
const askedFor = 3 * time.Second

// Fits refuses, with [provisioning.ErrHoldsMore], sizes of what a subscription entitles to that are smaller than what its
// accounts hold. What they hold is asked of their targets; of one that does not answer, the last measure counts.
func (r *Reconciler) Fits(ctx context.Context, id domain.SubscriptionID, sizes []offering.Quota) error {
	for _, q := range sizes {
		held, err := r.holds(ctx, id, q)
		if err != nil {
			return err
		}
		if err := provisioning.Fits(q.Service, held.Used, q.Quota, r.dayOf(held.At)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) holds(ctx context.Context, id domain.SubscriptionID, q offering.Quota) (Usage, error) {
	return r.Measure(ctx, domain.AccountID(entitlement.IDOf(id, q.Service)), askedFor)
}

// today is the day of the co-op; in UTC for who has set none.
func (r *Reconciler) today() calendar.Date {
	if r.Terms.Today == nil {
		return calendar.Of(r.now())
	}
	return r.Terms.Today()
}

// dayOf is the day of the co-op on which an instant was, by what day it is now.
func (r *Reconciler) dayOf(at time.Time) calendar.Date {
	zone := cmp.Or(r.Terms.Zone, time.UTC)
	return r.today().AddDays(-calendar.Of(at.In(zone)).DaysUntil(calendar.Of(r.now().In(zone))))
}

// Postponing has a process that answers a subscription's events put off first what [Reconciler.Postpone] does.
func (r *Reconciler) Postponing(p Process) Process {
	handle := p.Handle
	p.Handle = func(ctx context.Context, rec eventstore.Record, event any) error {
		if err := r.Postpone(ctx, entitledBy(event)); err != nil {
			return err
		}
		return handle(ctx, rec, event)
	}
	return p
}

// Postpone puts off that a subscription becomes smaller, or that what its payer has booked on top of it ends, if that is
// to be from today on and an account of it holds more: to the first of the next month, and so on until it fits. Till then
// it keeps its size, and is charged for it; so nobody is kept from getting mail by a day they had forgotten, or has room
// that they do not pay for. What somebody else pays, as a gift, ends when they have said.
func (r *Reconciler) Postpone(ctx context.Context, id domain.SubscriptionID) error {
	today := r.today()
	sub, _, err := read[subscription.Subscription](ctx, r.Store, subscription.StreamOf(id))
	if err != nil {
		return err
	}
	started, known := sub.Started()
	if !known || sub.Status(today) == subscription.StatusEnded {
		return nil
	}
	since := sub.SizeSince(today)
	shrinks := since != started.From && sub.GB(today) < sub.GB(since.AddDays(-1))
	ended := map[domain.Service][]subscription.AddOn{}
	for _, service := range domain.Services {
		all := sub.AddOnsEnded(service, today.AddDays(-31), today)
		if all = slices.DeleteFunc(all, func(a subscription.AddOn) bool { return a.Payer != started.Payer }); len(all) > 0 {
			ended[service] = all
		}
	}
	if !shrinks && len(ended) == 0 {
		return nil
	}
	var smaller []offering.Quota
	var had entitlement.Entitlements
	_, err = eventstore.Transact(ctx, r.Store, func(tx *eventstore.Tx) (err error) {
		if smaller, err = Smaller(tx, id, today); err == nil {
			had, _, err = eventstore.Load[entitlement.Entitlements](tx, entitlement.StreamOf(id))
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, q := range smaller {
		addOns, gb := ended[q.Service], 0
		for _, a := range addOns {
			gb += a.GB
		}
		if had[q.Service].Quota < q.Quota+domain.Bytes(gb)*domain.GB { // it had them no more
			addOns = nil
		}
		if !shrinks && len(addOns) == 0 {
			continue
		}
		held, err := r.holds(ctx, id, q)
		if err != nil {
			return err
		}
		if held.Used <= q.Quota {
			continue
		}
		put := provisioning.PostponeSize{
			Account: domain.AccountID(entitlement.IDOf(id, q.Service)), Used: held.Used, Quota: q.Quota, Measured: r.dayOf(held.At),
			On: today, Until: today.Month().Add(1).First(),
		}
		_, err = eventstore.Transact(ctx, r.Store, func(tx *eventstore.Tx) error {
			for _, a := range addOns {
				if err := eventstore.Do(tx, subscription.ExtendAddOn{Subscription: id, AddOn: a.ID, On: today, Ends: put.Until.AddDays(-1)}); err != nil {
					return err
				}
			}
			if shrinks {
				return r.postpone(tx, id, put)
			}
			return eventstore.Do(tx, put)
		})
		if shrinks || err != nil {
			return err // one is enough: all services have the size back
		}
	}
	return nil
}

// postpone gives the subscription the size back that it had, and plans the smaller one anew, or what is planned already.
func (r *Reconciler) postpone(tx *eventstore.Tx, id domain.SubscriptionID, put provisioning.PostponeSize) error {
	sub, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(id))
	if err != nil {
		return err
	}
	size, planned := sub.GB(put.On), sub.Planned(put.On)
	had := sub.GB(sub.SizeSince(put.On).AddDays(-1))
	if had <= size {
		return nil // another node was faster
	}
	if len(planned) == 0 || planned[0].From.After(put.Until) {
		planned = slices.Insert(planned, 0, subscription.QuotaChanged{GB: size, From: put.Until})
	}
	changes := slices.Insert(planned, 0, subscription.QuotaChanged{GB: had, From: put.On})
	for _, c := range changes {
		if ends := sub.Ends(); !ends.IsZero() && c.From.After(ends) {
			break
		}
		if err := eventstore.Do(tx, subscription.ChangeQuota{Subscription: id, GB: c.GB, On: put.On, From: c.From}); err != nil {
			return err
		}
	}
	return eventstore.Do(tx, put)
}
