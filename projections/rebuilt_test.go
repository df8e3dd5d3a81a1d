package projections_test

import (
	"context"
	"errors"
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
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
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
	seen, runs := map[string]int{}, 0
	scratch := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		runs++
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
		checkTemporal(rt, h, m)
		checkStates(rt, h, m)
		must(rt, errors.Join(m.Close(), again.Close()))
	})
	for _, wanted := range projections.Wanted() {
		if runs >= 50 && seen[wanted] == 0 {
			t.Errorf("%s never occurred: what it changes is not tested", wanted)
		}
	}
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
		entries[i].Name, entries[i].Address = "", ""
	}
	return entries
}

// checkTemporal compares the registers as at a day, as known at an instant, with
// what the domain makes of the events up to there.
func checkTemporal(t *rapid.T, h *history, m *projections.Models) {
	on := h.dated()
	known := began.Add(time.Duration(rapid.Int64Range(0, int64(h.clock.now.Sub(began))).Draw(t, "known")))
	members, held := map[domain.PartyID]projections.Known{}, map[string]shares.Holding{}
	type membershipOf struct{ first, last calendar.Date }
	lives := map[domain.PartyID][]membershipOf{}
	numbers := map[domain.PartyID]domain.MemberNumber{}
	for rec, err := range h.nodes[0].Log.All(t.Context(), 0) {
		must(t, err)
		if rec.RecordedAt.After(known) {
			continue
		}
		event, err := h.nodes[0].Decode(t.Context(), rec)
		must(t, err)
		switch e := event.(type) {
		case membership.Admitted:
			numbers[e.Party] = e.Number
			lives[e.Party] = append(lives[e.Party], membershipOf{first: e.On})
		case membership.Ended:
			lives[e.Party][len(lives[e.Party])-1].last = e.On
		}
		if e, ok := event.(domain.Event[shares.Holding]); ok && !dateOf(e).After(on) {
			held[string(rec.Stream)] = e.Evolve(held[string(rec.Stream)])
		}
	}
	for party, periods := range lives {
		for _, p := range slices.Backward(periods) {
			if !p.first.After(on) {
				if p.last.IsZero() || !p.last.Before(on) {
					members[party] = projections.Known{Party: party, Number: numbers[party], AdmittedOn: p.first, EndedOn: p.last}
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
		quantity int64
		paid     money.Money
	}
	want, have := map[key]lot{}, map[key]lot{}
	for stream, holding := range held {
		parts := strings.Split(stream, "/")
		for _, l := range holding.Lots() {
			k := key{domain.PartyID(parts[1]), domain.ClassID(parts[2]), l.AcquiredOn, l.Price}
			want[k] = lot{want[k].quantity + l.Quantity, want[k].paid.Plus(l.Paid)}
		}
	}
	entries, err := m.RegisterAt(t.Context(), on, known)
	must(t, err)
	for _, e := range entries {
		have[key{e.Party, e.Class, e.AcquiredOn, e.Price}] = lot{e.Quantity, e.Paid}
		if member, is := members[e.Party]; is && e.Member != member || !is && e.Member != (projections.Known{Party: e.Party, Number: numbers[e.Party]}) {
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

// dateOf returns the day on which a change to shares takes effect.
func dateOf(e domain.Event[shares.Holding]) calendar.Date {
	switch e := e.(type) {
	case shares.Subscribed:
		return e.On
	case shares.Paid:
		return e.On
	case shares.Issued:
		return e.On
	case shares.TransferredOut:
		return e.On
	case shares.TransferredIn:
		return e.On
	case shares.Redeemed:
		return e.On
	}
	panic(e)
}

// checkStates compares what the read models say of things with their states.
func checkStates(t *rapid.T, h *history, m *projections.Models) {
	ctx, on, today := t.Context(), h.dated(), h.clock.today()
	node := nodeOf(h.driver, h.clock)
	for rec, err := range node.Log.All(ctx, 0) {
		must(t, err)
		event, err := node.Decode(ctx, rec)
		must(t, err)
		if e, erased := event.(membership.PersonalDataErased); erased {
			node.Keys.Forget(e.Party, e.Class, e.Through)
		}
	}
	counted := map[projections.MemberStatus]int{}
	all, err := m.Members(ctx, projections.MemberFilter{}, projections.ByName, projections.Page{})
	must(t, err)
	for _, p := range all.Items {
		counted[p.Status(on)]++
		_, err := eventstore.Transact(as(ctx), node, func(tx *eventstore.Tx) error {
			state, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(p.ID))
			if err != nil {
				return err
			}
			if identity, _ := state.Identity(); identity.Name() != p.Name || identity.City != p.City {
				t.Errorf("%s is called %q, not %q", p.ID, p.Name, identity.Name())
			}
			if contact, _ := state.Contact(); contact.Email != p.Email || contact.Phone != p.Phone {
				t.Errorf("%s is reached at %q, not %q", p.ID, p.Email, contact.Email)
			}
			if state.IsMember(on) != p.IsMember(on) || state.Number() != p.Number || state.Applying() == p.AppliedOn.IsZero() {
				t.Errorf("%+v is not as its events have it", p)
			}
			return nil
		})
		must(t, err)
		for _, word := range append(projections.WordsOf(p.Name), projections.WordsOf(p.Email)...) {
			found, err := m.Members(ctx, projections.MemberFilter{Search: word[:min(3, len(word))]}, projections.ByNumber, projections.Page{})
			must(t, err)
			if !slices.ContainsFunc(found.Items, func(q projections.Member) bool { return q.ID == p.ID }) {
				t.Errorf("%s is not found by %q", p.ID, word)
			}
		}
	}
	for _, status := range []projections.MemberStatus{projections.StatusKnown, projections.StatusApplicant, projections.StatusMember, projections.StatusFormer} {
		list, err := m.Members(ctx, projections.MemberFilter{Status: status, On: on}, projections.ByNumber, projections.Page{})
		must(t, err)
		if list.Total != counted[status] || len(list.Items) != counted[status] {
			t.Errorf("%d in the list of %s on %v, %d by their status", list.Total, status, on, counted[status])
		}
	}
	subscriptions, err := m.Subscriptions(ctx, projections.Page{})
	must(t, err)
	for _, s := range subscriptions.Items {
		_, err := eventstore.Transact(as(ctx), node, func(tx *eventstore.Tx) error {
			state, _, err := eventstore.Load[subscription.Subscription](tx, subscription.StreamOf(s.ID))
			if later := today.AddDays(10); state.Status(later) != s.Status(later) || state.GB(today.AddDays(30)) != s.GB || state.Ends() != s.Ends {
				t.Errorf("%+v is not as its events have it", s)
			}
			return err
		})
		must(t, err)
	}
}
