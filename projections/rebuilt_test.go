package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/payment"
	"rochdale/domain/provisioning"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
	"rochdale/projections"
)

var quiet = slog.New(slog.DiscardHandler)

// faulty is a log that fails now and then, after some records.
type faulty struct {
	*eventstore.Memory
	after int // below 0: never
}

var errFaulty = errors.New("the database is away")

func (f *faulty) All(ctx context.Context, after int64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		left := f.after
		for r, err := range f.Memory.All(ctx, after) {
			if left == 0 {
				yield(eventstore.Record{}, errFaulty)
				return
			}
			left--
			if !yield(r, err) {
				return
			}
		}
	}
}

// A snapshot is what the register said at an instant.
type snapshot struct {
	known   time.Time
	day     calendar.Date
	members []projections.Known
	entries []projections.RegisterEntry
}

// TestRebuiltEqualsLive has all sorts of things happen, applied in batches of any
// size, by processes that fail, are closed and opened again, or are killed.
func TestRebuiltEqualsLive(t *testing.T) {
	seen := map[string]int{}
	scratch := t.TempDir()
	property := func(rt *rapid.T) {
		base, err := os.MkdirTemp(scratch, "")
		must(rt, err)
		defer os.RemoveAll(base)
		folder := func(name string) string {
			dir := filepath.Join(base, name)
			must(rt, os.MkdirAll(dir, 0o700))
			return dir
		}
		f := &faulty{new(eventstore.Memory), -1}
		h := newHistory(rt, f)
		ctx := rt.Context()
		dir := folder("0")
		open := func() *projections.Models {
			m, err := projections.Open(ctx, dir, nodeOf(f, nil), quiet) // which knows nothing of keys destroyed
			must(rt, err)
			m.SetBatch(rapid.IntRange(1, 12).Draw(rt, "batch"))
			return m
		}
		m := open()
		var snapshots []snapshot
		happens := map[string]func(*rapid.T){
			"catch up": func(rt *rapid.T) { must(rt, m.CatchUp(ctx)) },
			"fail": func(rt *rapid.T) {
				f.after = rapid.IntRange(0, 20).Draw(rt, "records")
				if err := m.CatchUp(ctx); err != nil && !errors.Is(err, errFaulty) {
					rt.Fatal(err)
				}
				f.after = -1
			},
			"stop": func(rt *rapid.T) {
				stopped, stop := context.WithCancel(ctx)
				stop()
				if err := m.CatchUp(stopped); err != nil && !errors.Is(err, context.Canceled) {
					rt.Fatal(err)
				}
			},
			"open again": func(rt *rapid.T) {
				must(rt, m.Close())
				m = open()
			},
			"kill": func(rt *rapid.T) {
				next := folder(filepath.Base(dir) + "0")
				m.CopyFiles(rt, next)
				must(rt, m.Close())
				dir = next
				m = open()
			},
			"rebuild": func(rt *rapid.T) { must(rt, m.Rebuild(ctx, nil)) },
			"look": func(rt *rapid.T) {
				must(rt, m.CatchUp(ctx))
				s := snapshot{known: h.clock.now, day: h.dated()}
				h.clock.tell()
				s.members, err = m.MembersAt(ctx, s.day, time.Time{})
				must(rt, err)
				s.entries, err = m.RegisterAt(ctx, s.day, time.Time{})
				must(rt, err)
				snapshots = append(snapshots, s)
			},
		}
		names := slices.Sorted(maps.Keys(happens))
		for range rapid.IntRange(2, 15).Draw(rt, "chapters") {
			for range rapid.IntRange(10, 60).Draw(rt, "acts") {
				h.step()
			}
			happens[rapid.SampledFrom(names).Draw(rt, "happens")](rt)
		}
		must(rt, m.CatchUp(ctx))

		for rec, err := range f.All(ctx, 0) {
			must(rt, err)
			seen[rec.Type]++
		}
		again, err := projections.Open(ctx, folder("again"), nodeOf(f, nil), quiet)
		must(rt, err)
		if diff := cmp.Diff(again.Dump(rt), m.Dump(rt)); diff != "" {
			rt.Errorf("-rebuilt +live: %s", diff)
		}
		differences, err := m.Verify(ctx, nil)
		if err != nil || len(differences) > 0 {
			rt.Errorf("verified: %v %v", differences, err)
		}
		for _, s := range snapshots {
			members, err := m.MembersAt(ctx, s.day, s.known)
			must(rt, err)
			if diff := cmp.Diff(s.members, members, values); diff != "" {
				rt.Errorf("members on %v, known at %v, -as it was known +as it is remembered: %s", s.day, s.known, diff)
			}
			entries, err := m.RegisterAt(ctx, s.day, s.known)
			must(rt, err)
			if diff := cmp.Diff(nameless(s.entries), nameless(entries), values); diff != "" {
				rt.Errorf("shares on %v, known at %v, -as it was known +as it is remembered: %s", s.day, s.known, diff)
			}
		}
		for range 5 {
			checkTemporal(rt, h, m)
		}
		checkStates(rt, h, m)
		checkBooks(rt, h, m)
		must(rt, errors.Join(m.Close(), again.Close()))
	}
	spec.CheckAll(t, property, seen, projections.Wanted()...)
}

// values are compared as they are.
var values = cmpopts.EquateComparable(calendar.Date{}, calendar.Month{}, money.Money{})

func must(t interface {
	Helper()
	Fatal(...any)
}, err error,
) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nameless leaves out what is as it is known now.
func nameless(entries []projections.RegisterEntry) []projections.RegisterEntry {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Name, entries[i].Address, entries[i].Country, entries[i].EnterpriseNumber = "", "", "", ""
	}
	return entries
}

// checkTemporal compares the registers as at a day, as known at an instant, with
// what the domain makes of the events up to there.
func checkTemporal(t *rapid.T, h *history, m *projections.Models) {
	on := h.ever()
	known := began.Add(time.Duration(rapid.Int64Range(0, int64(h.clock.now.Sub(began))).Draw(t, "known")))
	members, held := map[domain.PartyID]projections.Known{}, map[string]shares.Holding{}
	lives := map[domain.PartyID]membership.Member{}
	for rec, err := range h.nodes[0].Log.All(t.Context(), 0) {
		must(t, err)
		if rec.RecordedAt.After(known) {
			continue
		}
		event, err := h.nodes[0].Decode(t.Context(), rec)
		must(t, err)
		if e, ok := event.(domain.Event[membership.Member]); ok {
			party := domain.PartyID(strings.TrimPrefix(string(rec.Stream), "member/"))
			lives[party] = e.Evolve(lives[party])
		}
		if e, ok := event.(domain.Event[shares.Holding]); ok && !effective(e).After(on) {
			held[string(rec.Stream)] = e.Evolve(held[string(rec.Stream)])
		}
	}
	for party, life := range lives {
		for _, p := range slices.Backward(life.Periods()) {
			if !p.From.After(on) {
				if p.Contains(on) {
					members[party] = projections.Known{Party: party, AdmittedOn: p.From, EndedOn: p.Through}
				}
				break
			}
		}
	}
	got, err := m.MembersAt(t.Context(), on, known)
	must(t, err)
	gotMembers := map[domain.PartyID]projections.Known{}
	for _, k := range got {
		want := members[k.Party]
		want.Number = k.Number // of that membership, where the last may have another
		members[k.Party] = want
		gotMembers[k.Party] = k
	}
	if diff := cmp.Diff(members, gotMembers, values); diff != "" {
		t.Errorf("members on %v as known at %v, -by the events +by the read model: %s", on, known, diff)
	}

	type key struct {
		party    domain.PartyID
		class    domain.ClassID
		acquired calendar.Date
		price    money.Money
	}
	type lot struct {
		quantity, paid int64
	}
	want, have := map[key]lot{}, map[key]lot{}
	for stream, holding := range held {
		parts := strings.Split(stream, "/")
		for _, l := range holding.Lots() {
			k := key{domain.PartyID(parts[1]), domain.ClassID(parts[2]), l.AcquiredOn, l.Price}
			want[k] = lot{want[k].quantity + l.Quantity, want[k].paid + l.Paid.Minor()}
		}
	}
	noted, restricted := map[string]int64{}, map[string]int64{}
	for stream, holding := range held {
		for _, r := range holding.Restrictions() {
			noted[stream+"/"+string(r.Restriction)] = r.Quantity
		}
	}
	for r, err := range m.Restrictions(t.Context(), projections.AsAt{Day: on, Known: known}, "") {
		must(t, err)
		restricted[string(shares.StreamOf(r.Party, r.Class))+"/"+string(r.ID)] = r.Quantity
	}
	if diff := cmp.Diff(noted, restricted); diff != "" {
		t.Errorf("restrictions on %v as known at %v, -by the events +by the read model: %s", on, known, diff)
	}
	entries, err := m.RegisterAt(t.Context(), on, known)
	must(t, err)
	for _, e := range entries {
		have[key{e.Party, e.Class, e.AcquiredOn, e.Price}] = lot{e.Quantity, e.Paid.Minor()}
		if member, is := members[e.Party]; is && e.Member != member || !is && e.Member != (projections.Known{Party: e.Party, Number: lives[e.Party].Number()}) {
			t.Errorf("the register has %+v as a member, not %+v", e.Member, member)
		}
	}
	if diff := cmp.Diff(want, have, values, cmpopts.EquateComparable(key{}, lot{})); diff != "" {
		t.Errorf("shares on %v as known at %v, -by the events +by the read model: %s", on, known, diff)
	}
	if !slices.IsSortedFunc(entries, func(a, b projections.RegisterEntry) int {
		return int(uint16(a.Member.Number-1)) - int(uint16(b.Member.Number-1))
	}) {
		t.Errorf("the register is not in the order of the numbers: %+v", entries)
	}
}

// effective returns the day on which a change to shares takes effect.
func effective(e domain.Event[shares.Holding]) calendar.Date {
	on, _ := shares.Dates(e)
	return on
}

// checkStates compares what the read models say of things with the states by which
// commands decide.
func checkStates(t *rapid.T, h *history, m *projections.Models) {
	node := nodeOf(h.driver, h.clock)
	parties, accounts, polls := map[domain.PartyID]bool{}, map[domain.AccountID]bool{}, map[domain.PollID]bool{}
	for rec, err := range node.Log.All(t.Context(), 0) {
		must(t, err)
		event, err := node.Decode(t.Context(), rec)
		must(t, err)
		switch e := event.(type) {
		case membership.PersonalDataErased:
			node.Keys.Forget(e.Party, e.Class, e.Through) // as every node does that has read models
		case provisioning.AccountRequested:
			accounts[e.Account] = true
		case assembly.PollOpened:
			polls[e.Poll] = true
		}
		if kind, party, _ := strings.Cut(string(rec.Stream), "/"); kind == "member" {
			parties[domain.PartyID(party)] = true
		}
	}
	_, err := eventstore.Transact(as(t.Context()), node, func(tx *eventstore.Tx) error {
		checkMembers(t, h, m, tx, len(parties))
		checkServices(t, h, m, tx, len(accounts))
		checkPolls(t, m, tx, polls)
		checkMoney(t, m, tx)
		return nil
	})
	must(t, err)
}

func load[S any](t *rapid.T, tx *eventstore.Tx, stream domain.Stream) S {
	t.Helper()
	state, _, err := eventstore.Load[S](tx, stream)
	must(t, err)
	return state
}

func checkMembers(t *rapid.T, h *history, m *projections.Models, tx *eventstore.Tx, parties int) {
	ctx, on := t.Context(), h.ever()
	counted := map[projections.MemberStatus]int{}
	merged := map[domain.PartyID]domain.PartyID{}
	all, err := m.Members(ctx, projections.MemberFilter{}, projections.ByName, projections.Page{})
	must(t, err)
	if n := all.Total; n > parties || n != len(all.Items) {
		t.Errorf("%d parties in the list, %d in the log", n, parties)
	}
	for _, p := range all.Items {
		if p.MergedInto != "" {
			merged[p.ID] = p.MergedInto
		}
	}
	waiting := 0
	for _, p := range all.Items {
		counted[p.Status(on)]++
		switch p.Status(on) { // which are found as both
		case projections.StatusResigning:
			counted[projections.StatusMember]++
		case projections.StatusWaiting:
			counted[projections.StatusApplicant]++
		default:
		}
		if !p.WaitingSince.IsZero() {
			waiting++
		}
		state := load[membership.Member](t, tx, membership.StreamOf(p.ID))
		identity, _ := state.Identity()
		contact, _ := state.Contact()
		if identity.Name() != p.Name || identity.City != p.City || identity.BirthDate != p.BirthDate || contact.Email != p.Email || contact.Phone != p.Phone {
			t.Errorf("%+v is known as %+v %+v", p, identity, contact)
		}
		period, _ := state.Period()
		if period.From != p.AdmittedOn || period.Through != p.EndedOn || state.IsMember(on) != p.IsMember(on) || state.Number() != p.Number ||
			state.Applying() == p.AppliedOn.IsZero() || state.Kind() != p.Kind {
			t.Errorf("%+v is not as its events have it", p)
		}
		checkLife(t, m, p, state, merged)
		was, err := m.MemberOn(ctx, p.ID, on)
		must(t, err)
		if want := memberOn(state, on); was != want {
			t.Errorf("%s was a member on %v: %v, not %v", p.ID, on, was, want)
		}
		grants, err := m.Roles(ctx, p.ID)
		must(t, err)
		if diff := cmp.Diff(state.Grants(), grants); diff != "" {
			t.Errorf("roles of %s, -by the events +by the read model: %s", p.ID, diff)
		}
		for _, word := range append(projections.WordsOf(p.Name), projections.WordsOf(p.Email)...) {
			found, err := m.Members(ctx, projections.MemberFilter{Search: word[:min(3, len(word))]}, projections.ByNumber, projections.Page{})
			must(t, err)
			if !slices.ContainsFunc(found.Items, func(q projections.Member) bool { return q.ID == p.ID }) {
				t.Errorf("%s is not found by %q", p.ID, word)
			}
		}
	}
	if list, err := m.WaitingList(ctx, projections.Page{}); err != nil || list.Total != waiting {
		t.Errorf("%d on the waiting list, %d by what they are, %v", list.Total, waiting, err)
	}
	for _, status := range []projections.MemberStatus{
		projections.StatusKnown, projections.StatusApplicant, projections.StatusWaiting, projections.StatusMember, projections.StatusResigning,
		projections.StatusFormer, projections.StatusMerged,
	} {
		list, err := m.Members(ctx, projections.MemberFilter{Status: status, On: on}, projections.ByNumber, projections.Page{})
		must(t, err)
		if list.Total != counted[status] || len(list.Items) != counted[status] {
			t.Errorf("%d in the list of %s on %v, %d by their status", list.Total, status, on, counted[status])
		}
	}
	n, err := m.CountMembers(ctx, on)
	if err != nil || n != counted[projections.StatusMember] {
		t.Errorf("%d members on %v, %d by their status, %v", n, on, counted[projections.StatusMember], err)
	}
}

// checkLife compares the rest of what is known of a party with its state.
func checkLife(t *rapid.T, m *projections.Models, p projections.Member, state membership.Member, merged map[domain.PartyID]domain.PartyID) {
	ctx := t.Context()
	waiting, _ := state.WaitingFrom()
	died, _ := state.DiedOn()
	wound, _ := state.WoundUp()
	if waiting != p.WaitingSince || state.Founder() != p.Founder || state.MergedInto() != p.MergedInto || state.EstateOf() != p.EstateOf ||
		state.Estate() != p.Estate || died != p.DiedOn || wound.How != p.WoundUp || wound.LearntOn != p.WoundUpLearntOn {
		t.Errorf("%+v is not as its events have it", p)
	}
	numbers, err := m.NumbersOf(ctx, p.ID)
	must(t, err)
	want := state.Numbers()
	slices.Sort(want)
	slices.Sort(numbers)
	if !slices.Equal(slices.Compact(want), numbers) {
		t.Errorf("%s has the numbers %v, not %v", p.ID, numbers, want)
	}
	request, asked, err := m.ContactRequest(ctx, p.ID)
	must(t, err)
	wanted, waits := state.ContactRequest()
	contact, _ := wanted.Contact.Reveal()
	if asked != waits || request.Request != wanted.Request || request.Email != contact.Email || request.ExpiresAfter != wanted.ExpiresAfter {
		t.Errorf("%s waits for %+v, not %+v", p.ID, request, wanted)
	}
	account, _, err := m.BankAccount(ctx, p.ID)
	must(t, err)
	if known, _ := state.BankAccount(); known != account.BankAccount {
		t.Errorf("%s has the account %+v, not %+v", p.ID, account, known)
	}
	holders, err := m.Holders(ctx, p.ID)
	must(t, err)
	if !slices.Equal(holders, state.Holders()) {
		t.Errorf("%s is %v together, not %v", p.ID, holders, state.Holders())
	}
	mandates, err := m.MandatesOf(ctx, p.ID, calendar.Date{})
	must(t, err)
	given := state.Mandates()
	if len(given) != len(mandates) {
		t.Errorf("%s has the mandates %+v, not %+v", p.ID, mandates, given)
	}
	for _, d := range given {
		for merged[d.Agent] != "" {
			d.Agent = merged[d.Agent]
		}
		if !slices.ContainsFunc(mandates, func(e projections.Mandate) bool { return e.Mandate == d }) {
			t.Errorf("%s has the mandates %+v, and not %+v", p.ID, mandates, d)
		}
		acts, err := m.ActsFor(ctx, d.Agent, day)
		must(t, err)
		if d.InForce(day) && d.Agent != p.ID && !slices.Contains(acts, p.ID) {
			t.Errorf("%s acts for %v, and not for %s", d.Agent, acts, p.ID)
		}
	}
	step, due := state.Exclusion()
	exclusions, err := m.ExclusionsOf(ctx, p.ID)
	must(t, err)
	if len(exclusions) > 0 && !exclusions[0].Over {
		if x := exclusions[0]; x.Step != step || x.Due != due {
			t.Errorf("%+v is %q, due on %v", x, step, due)
		}
	} else if step != membership.NotProposed {
		t.Errorf("the exclusion of %s is %q, and not among %+v", p.ID, step, exclusions)
	}
	applications, err := m.ApplicationsOf(ctx, p.ID)
	must(t, err)
	if applied, ever := state.Application(); ever != (len(applications) > 0) || ever && applications[0].On != applied.On ||
		ever && !slices.Equal(applications[0].Accepted, applied.Accepted) || ever && (applications[0].Outcome == "") != state.Applying() {
		t.Errorf("%s has applied by %+v, not %+v", p.ID, applications, applied)
	}
	happenings, err := m.Happenings(ctx, p.ID)
	if err != nil || len(happenings) == 0 || happenings[0].By != "test" {
		t.Errorf("%+v happened to %s, %v", happenings, p.ID, err)
	}
}

// memberOn reports whether somebody was a member on a day, by the last membership that
// had begun by then.
func memberOn(m membership.Member, on calendar.Date) bool {
	for _, p := range slices.Backward(m.Periods()) {
		if !p.From.After(on) {
			return p.Contains(on)
		}
	}
	return false
}

func checkServices(t *rapid.T, h *history, m *projections.Models, tx *eventstore.Tx, accounts int) {
	ctx, last := t.Context(), h.clock.today().AddDays(30)
	subscriptions, err := m.Subscriptions(ctx, projections.Page{})
	must(t, err)
	for _, s := range subscriptions.Items {
		state := load[subscription.Subscription](t, tx, subscription.StreamOf(s.ID))
		if state.GB(last) != s.GB || state.Ends() != s.Ends {
			t.Errorf("%+v is not as its events have it", s)
		}
		for on := day.AddDays(-10); !on.After(last); on = on.AddDays(1) {
			if is, want := s.Status(on), state.Status(on); is != want {
				t.Errorf("%+v is %s on %v, not %s", s, is, on, want)
			}
		}
	}
	for _, s := range subscriptions.Items {
		state := load[subscription.Subscription](t, tx, subscription.StreamOf(s.ID))
		parts, err := m.PartsOf(ctx, s.ID)
		must(t, err)
		if len(parts) != len(state.Parts()) {
			t.Errorf("%s has parts %+v, not %+v", s.ID, parts, state.Parts())
		}
		for _, p := range parts {
			if is, _ := state.Part(p.ID); is.Party != p.Party || is.GB != p.GB || is.Offered != p.Offered || is.From != p.From || is.Ends != p.Ends {
				t.Errorf("%+v is not as its events have it: %+v", p, is)
			}
		}
		booked, err := m.AddOnsOf(ctx, s.ID)
		must(t, err)
		for _, a := range booked {
			if is, _ := state.AddOn(a.ID); is != (subscription.AddOn{ID: a.ID, Payer: a.Payer, Service: a.Service, GB: a.GB, From: a.From, Ends: a.Ends}) {
				t.Errorf("%+v is not as its events have it: %+v", a, is)
			}
		}
	}
	without, err := m.WithoutAccount(ctx, domain.Calendar)
	must(t, err)
	for _, e := range without {
		state := load[entitlement.Entitlements](t, tx, entitlement.StreamOf(e.Subscription))[domain.Calendar]
		account := load[provisioning.Account](t, tx, provisioning.StreamOf(domain.AccountID(e.Entitlement)))
		if _, requested := account.Requested(); requested || state.Status != entitlement.StatusActive || state.Granted.Subject != e.Subject {
			t.Errorf("%+v has no account, where its events have it: %+v", e, state)
		}
	}
	for _, party := range parties {
		gifts, err := m.Gifts(ctx, party)
		must(t, err)
		for _, g := range gifts {
			state := load[entitlement.Sources](t, tx, entitlement.SourcesOf(g.Subscription))
			if is, _ := state.Gift(g.ID); is != (entitlement.Gift{ID: g.ID, Party: g.Party, Service: g.Service, Quota: g.Quota, From: g.From, Until: g.Until}) {
				t.Errorf("%+v is not as its events have it: %+v", g, is)
			}
		}
		entitlements, err := m.Entitlements(ctx, party)
		must(t, err)
		for _, e := range entitlements {
			state := load[entitlement.Entitlements](t, tx, entitlement.StreamOf(e.Subscription))[e.Service]
			was, err := m.Was(ctx, party)
			must(t, err)
			if state.Granted.Party != e.Party || !slices.Contains(append(was, party), e.Party) || state.Quota != e.Quota || state.Status != e.Status || state.Granted.Entitlement != e.ID {
				t.Errorf("%+v is not as its events have it: %+v", e, state)
			}
		}
	}
	list, err := m.Accounts(ctx, false, projections.Page{})
	must(t, err)
	troubled, err := m.Accounts(ctx, true, projections.Page{})
	must(t, err)
	if list.Total != accounts {
		t.Errorf("%d accounts, %d were requested", list.Total, accounts)
	}
	for _, a := range list.Items {
		state := load[provisioning.Account](t, tx, provisioning.StreamOf(a.ID))
		requested, _ := state.Requested()
		login, _ := requested.Login.Reveal()
		quota := state.Quota()
		if state.Status() == provisioning.StatusRequested {
			quota = requested.Quota
		}
		if state.Status() != a.Status || quota != a.Quota || login != a.Login && a.Login != "" {
			t.Errorf("%+v is not as its events have it: %s, %d bytes, %s", a, state.Status(), quota, login)
		}
		checkProvisions(t, m, tx, a.ID, state)
		failed, trouble := state.Trouble()
		if trouble != (a.Trouble != nil) || trouble && *a.Trouble != (projections.Trouble{
			Step: failed.Step, Class: failed.Class, Code: failed.Code, Attempts: failed.Attempts, Parked: failed.Parked,
		}) {
			t.Errorf("the trouble with %+v is %+v", a, failed)
		}
		if listed := slices.ContainsFunc(troubled.Items, func(b projections.Account) bool { return a.ID == b.ID }); listed != trouble {
			t.Errorf("%s is listed in trouble: %v", a.ID, listed)
		}
	}
}

// checkProvisions holds the rows of an account to what its streams say.
func checkProvisions(t *rapid.T, m *projections.Models, tx *eventstore.Tx, id domain.AccountID, state provisioning.Account) {
	requested, _ := state.Requested()
	subscription, service := entitlement.Of(requested.Entitlement)
	access, quota := provisioning.Absent, requested.Quota
	if e, ok := load[entitlement.Entitlements](t, tx, entitlement.StreamOf(subscription))[service]; ok {
		if quota = e.Quota; service.App() {
			quota = provisioning.Unlimited
		}
		switch e.Status {
		case entitlement.StatusActive:
			access = provisioning.Active
		case entitlement.StatusSuspended:
			access = provisioning.Suspended
		case entitlement.StatusRevoked:
		}
	}
	provisions, err := m.Provisions(t.Context(), id)
	must(t, err)
	if len(provisions) == 0 {
		t.Errorf("of %s there is no row", id)
	}
	for _, p := range provisions {
		o := state.On(p.Target)
		move, _ := state.Moving()
		astray := p.Access == provisioning.Absent && state.Node() != "" && p.Target != state.Node() && p.Target != move.To
		if !astray && (p.Access != access || p.Quota != quota) || p.Status != o.Status || p.Held != o.Quota || p.Trouble != o.Failed.Class ||
			p.Parked != o.Failed.Parked || p.Skipped != (o.Skipped > 0) {
			t.Errorf("%+v is not as its events have it: %s of %d, %+v", p, access, quota, o)
		}
	}
}

func checkPolls(t *rapid.T, m *projections.Models, tx *eventstore.Tx, polls map[domain.PollID]bool) {
	for id := range polls {
		p, known, err := m.Poll(t.Context(), id)
		must(t, err)
		state := load[assembly.Poll](t, tx, assembly.PollStreamOf(id))
		opened, _ := state.Opened()
		if !known || p.Assembly != opened.Assembly || p.Voters != opened.Voters || state.Closed() == p.ClosedAt.IsZero() ||
			!p.OpensAt.Equal(opened.OpensAt.Truncate(time.Microsecond)) || p.ClosesAt.IsZero() != opened.ClosesAt.IsZero() {
			t.Errorf("%+v is not as its events have it: %+v", p, opened)
		}
		result, declared := state.Result()
		if declared != (p.Result != nil) || declared && *p.Result != (projections.Result{
			For: result.For, Against: result.Against, Abstain: result.Abstain, Quorate: result.Quorate, Carried: result.Carried,
		}) {
			t.Errorf("the result of %s is %+v, not %+v", id, p.Result, result)
		}
		var cast projections.Turnout
		for _, party := range parties {
			voter := load[assembly.Voter](t, tx, assembly.VoterOf(p.Assembly, party))
			choice, voted := voter.Choice(id)
			if voted {
				cast.Voters++
				cast.Votes += voter.Votes()
			}
			votes, err := m.VotesOf(t.Context(), p.Assembly, party)
			must(t, err)
			got, has, err := m.VoteOf(t.Context(), id, party)
			must(t, err)
			if votes != voter.Votes() || got != choice || has != voted {
				t.Errorf("%s has %d votes and said %q in %s, not %d and %q", party, votes, got, id, voter.Votes(), choice)
			}
		}
		ballots, err := m.BallotsOf(t.Context(), id)
		must(t, err)
		if p.Turnout != cast || int64(len(ballots)) != cast.Voters || assembly.Count(ballots, opened.Cap).Votes() != cast.Votes {
			t.Errorf("the turnout of %s is %+v, with %d ballots, not %+v", id, p.Turnout, len(ballots), cast)
		}
	}
}

func checkMoney(t *rapid.T, m *projections.Models, tx *eventstore.Tx) {
	ctx := t.Context()
	payments, err := m.Payments(ctx, projections.PaymentFilter{}, projections.Page{})
	must(t, err)
	unmatched, received := 0, map[domain.PartyID]money.Money{}
	for _, p := range payments.Items {
		state := load[payment.Payment](t, tx, payment.StreamOf(p.ID))
		if was, _ := state.Received(); state.Payer() != p.Payer || was.Amount != p.Amount || was.On != p.On || state.Reversed() == p.ReversedOn.IsZero() {
			t.Errorf("%+v is not as its events have it", p)
		}
		if state.Reversed() {
			continue
		}
		if received[p.Payer] = received[p.Payer].Plus(p.Amount); p.Payer == "" {
			unmatched++
		}
	}
	if open, err := m.Payments(ctx, projections.PaymentFilter{Unmatched: true}, projections.Page{}); err != nil || open.Total != unmatched {
		t.Errorf("%d payments wait for their payer, not %d, %v", open.Total, unmatched, err)
	}
	total := map[domain.ClassID]int64{}
	for _, party := range parties {
		invoices, err := m.Invoices(ctx, projections.InvoiceFilter{Payer: party}, projections.Page{})
		must(t, err)
		selves, err := m.Was(ctx, party)
		must(t, err)
		selves = append(selves, party)
		var invoiced, paid money.Money
		for _, self := range selves {
			paid = paid.Plus(received[self])
		}
		for _, i := range invoices.Items {
			bill := load[billing.Bill](t, tx, billing.BillOf(i.Month, i.Payer))
			if id, _ := bill.Invoice(); id != i.ID || !slices.Contains(selves, i.Payer) || i.Net.Plus(i.VAT) != i.Gross {
				t.Errorf("%+v is not the invoice of %s for %s: %s is", i, party, i.Month, id)
			}
			invoiced = invoiced.Plus(i.Gross)
		}
		balance, err := m.Balance(ctx, party)
		must(t, err)
		if balance.Invoiced.Minor() != invoiced.Minor() || balance.Received.Minor() != paid.Minor() {
			t.Errorf("the balance of %s is %+v, not %v and %v", party, balance, invoiced, paid)
		}
		holdings, err := m.Holdings(ctx, party)
		must(t, err)
		held := map[domain.ClassID]int64{}
		for _, holding := range holdings {
			held[holding.Class] = holding.Quantity
		}
		for _, class := range []domain.ClassID{"A", "B", "C"} {
			state := load[shares.Holding](t, tx, shares.StreamOf(party, class))
			total[class] += state.Held()
			checkLots(t, m, party, class, state)
			if held[class] != state.Held() {
				t.Errorf("%s holds %d of %s, not %d", party, held[class], class, state.Held())
			}
			subscriptions, err := m.ShareSubscriptions(ctx, party)
			must(t, err)
			var waiting int64
			for _, s := range subscriptions {
				if s.Class == class && s.IssuedOn.IsZero() {
					waiting += s.Quantity
				}
			}
			if waiting != state.Subscribed() {
				t.Errorf("%s has subscribed to %d of %s, not %d", party, waiting, class, state.Subscribed())
			}
		}
	}
	holders, err := m.ShareHolders(ctx)
	must(t, err)
	for _, h := range holders {
		if !slices.Contains(parties, h.Party) {
			state := load[shares.Holding](t, tx, shares.StreamOf(h.Party, h.Class))
			if total[h.Class] += state.Held(); state.Held() == 0 {
				t.Errorf("%s holds none of %s", h.Party, h.Class)
			}
		}
	}
	totals, err := m.ShareTotals(ctx)
	must(t, err)
	for _, sum := range totals {
		if sum.Quantity != total[sum.Class] {
			t.Errorf("%d shares of %s are held, not %d", sum.Quantity, sum.Class, total[sum.Class])
		}
		total[sum.Class] = 0
	}
	for class, missing := range total {
		if missing > 0 {
			t.Errorf("no total of %s, of which %d are held", class, missing)
		}
	}
}

// checkLots compares what the read models have of the life of shares with the state by
// which commands decide.
func checkLots(t *rapid.T, m *projections.Models, party domain.PartyID, class domain.ClassID, state shares.Holding) {
	ctx := t.Context()
	type lot struct {
		subscription shares.SubscriptionID
		subscriber   domain.PartyID
		acquired     calendar.Date
		price        int64
	}
	want, have := map[lot][4]int64{}, map[lot][4]int64{}
	for _, l := range state.Lots() {
		want[lot{l.Subscription, l.Subscriber, l.AcquiredOn, l.Price.Minor()}] = [4]int64{l.Quantity, l.Paid.Minor(), l.Unpaid().Minor(), l.Lost.Minor()}
	}
	lots, err := m.ShareLots(ctx, party)
	must(t, err)
	for _, l := range lots {
		if l.Class == class {
			have[lot{l.Subscription, l.Subscriber, l.AcquiredOn, l.Price.Minor()}] = [4]int64{l.Quantity, l.Paid.Minor(), l.Unpaid.Minor(), l.Lost.Minor()}
		}
	}
	if diff := cmp.Diff(want, have, cmpopts.EquateComparable(lot{})); diff != "" {
		t.Errorf("lots of %s in %s, -by the events +by the read model: %s", party, class, diff)
	}
	owed, back := map[string]string{}, map[string]string{}
	for _, c := range state.Credits() {
		owed[c.Reference] = fmt.Sprint(c.Payer, c.Amount)
	}
	credits, err := m.ShareCredits(ctx, "")
	must(t, err)
	for _, c := range credits {
		if c.Party == party && c.Class == class {
			back[c.Reference] = fmt.Sprint(c.Payer, c.Amount)
		}
	}
	if diff := cmp.Diff(owed, back); diff != "" {
		t.Errorf("credits of %s in %s, -by the events +by the read model: %s", party, class, diff)
	}
	for _, on := range []calendar.Date{day, day.AddDays(20)} {
		var overdue int64
		all, err := m.Overdue(ctx, on, party)
		must(t, err)
		for _, o := range all {
			if o.Class == class {
				overdue = o.Overdue.Minor()
			}
		}
		if overdue != state.Overdue(on).Minor() {
			t.Errorf("%d is overdue of %s in %s on %v, not %v", overdue, party, class, on, state.Overdue(on))
		}
	}
	var awaited, promised int64
	agreed, err := m.AgreedTransfers(ctx, party, true)
	must(t, err)
	for _, a := range agreed {
		if a.Class == class && a.To == party {
			awaited += a.Quantity
		}
		if a.Class == class && a.From == party {
			promised += a.Quantity
		}
	}
	if awaited != state.Awaited() || promised != state.Promised() {
		t.Errorf("%s awaits %d and promised %d of %s, not %d and %d", party, awaited, promised, class, state.Awaited(), state.Promised())
	}
}
