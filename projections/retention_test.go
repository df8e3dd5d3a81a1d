package projections_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/money"
	"rochdale/domain/provisioning"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/eventstore"
	"rochdale/projections"
)

// elsewhere are the entries of shares that other tables have, and what is none: a transfer
// that is only proposed, and who looked at the register.
var elsewhere = []string{
	"shares.subscribed", "shares.paid", "shares.issued", "shares.transferred_out", "shares.transferred_in",
	"shares.converted_out", "shares.converted_in", "shares.left", "shares.redeemed", "shares.reversed",
	"shares.transfer_proposed", "shares.transfer_signed", "shares.transfer_proposal_ended", "shares.register_consulted",
}

// TestEveryEntryKeepsData: whatever is entered in the books of shares about a party is
// heeded before its data is erased, also what will be entered one day.
func TestEveryEntryKeepsData(t *testing.T) {
	registry, booked := modules.Registry(), projections.Booked()
	for _, typ := range registry.Types() {
		if !strings.HasPrefix(typ.Type, "shares.") {
			continue
		}
		var err error
		typ.Data, err = os.ReadFile(filepath.Join("..", "schema", "events", typ.Type, fmt.Sprintf("%d.json", typ.Edition)))
		must(t, err)
		event, err := registry.Decode(typ)
		must(t, err)
		parties, on := projections.BookingOf(event)
		if len(parties) == 0 || slices.Contains(elsewhere, typ.Type) {
			continue
		}
		if on.IsZero() {
			t.Errorf("%s is about %v on no day", typ.Type, parties)
		}
		if !slices.Contains(booked, typ.Type) {
			t.Errorf("%s is about %v, and nothing is kept by it: name it in booked", typ.Type, parties)
		}
	}
}

// TestFacts: what others know of a party, by which its data is kept, and no more.
func TestFacts(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 20, true)
	m := open(t, t.TempDir(), s)
	facts := func(party domain.PartyID) membership.Facts {
		t.Helper()
		must(t, m.CatchUp(bounded(t)))
		f, err := m.Facts(as(t.Context()), party, day)
		must(t, err)
		return f
	}
	if f := facts("nobody"); f != (membership.Facts{}) {
		t.Errorf("of nobody %+v is known", f)
	}
	say := func(event domain.Event[shares.Holding]) {
		t.Helper()
		_, err := eventstore.Execute(as(t.Context()), s, raised[shares.Holding]{shares.StreamOf("guest", "A"), event})
		must(t, err)
	}
	say(shares.Credited{Party: "guest", Class: "A", Reference: "r", Amount: money.New(500, "EUR"), On: day})
	if f := facts("guest"); f != (membership.Facts{Owed: true, Booked: day}) {
		t.Errorf("who is owed a credit: %+v", f)
	}
	say(shares.CreditRefunded{Party: "guest", Class: "A", Reference: "r", Amount: money.New(500, "EUR"), On: day.AddDays(2)})
	if f := facts("guest"); f != (membership.Facts{Booked: day.AddDays(2)}) {
		t.Errorf("who got it: %+v", f)
	}
	_, err := eventstore.Execute(as(t.Context()), s, raised[membership.Member]{
		membership.StreamOf("pair"), membership.JointFormed{Party: "pair", Holders: []domain.PartyID{"eve", "guest"}, On: day},
	})
	must(t, err)
	_, err = eventstore.Execute(as(t.Context()), s, raised[membership.Member]{
		membership.StreamOf("pair"), membership.HoldersChanged{Party: "pair", Holders: []domain.PartyID{"eve", "dan"}, On: day},
	})
	must(t, err)
	if f := facts("guest"); f != (membership.Facts{InRegister: true, Booked: day.AddDays(2)}) {
		t.Errorf("who was one of joint holders once: %+v", f)
	}
	if f := facts(partyN(1)); !f.InRegister || f.Booked == (calendar.Date{}) {
		t.Errorf("a member: %+v", f)
	}
	all, err := m.Retention(as(t.Context()), partyN(1), day, rules())
	must(t, err)
	for _, r := range all {
		if r.Class == sealed.Register && (r.State != projections.RetentionKept || r.Kept.Code != membership.ErrRegisterKept.Code) {
			t.Errorf("the register: %+v", r)
		}
		if r.Class == sealed.Optional && r.State != projections.RetentionNone {
			t.Errorf("what nobody gave: %+v", r)
		}
	}
}

// TestWhoHasAnAccountIsNotErased: an account is deleted under its login, and so before that is erased.
func TestWhoHasAnAccountIsNotErased(t *testing.T) {
	s := nodeOf(new(eventstore.Memory), &clock{began})
	populate(t, s, 3, true)
	m := open(t, t.TempDir(), s)
	served := func(want bool, when string) {
		t.Helper()
		must(t, m.CatchUp(bounded(t)))
		f, err := m.Facts(as(t.Context()), "guest", day)
		must(t, err)
		if f.Served != want {
			t.Errorf("%s: %+v", when, f)
		}
	}
	did := func(_ int64, err error) { t.Helper(); must(t, err) }
	ctx := as(t.Context())
	did(eventstore.Execute2(ctx, s, provisioning.RequestAccount{
		Account: "mail/x", Entitlement: "mail/x", Party: "guest", Service: domain.Mail, Login: provisioning.Login("guest@coop.example").Named(sealed.Digests{}), Quota: domain.GB, On: day,
	}))
	served(false, "what was never made")
	for _, target := range []string{"mail", "directory"} {
		did(eventstore.Execute(ctx, s, provisioning.RecordProvisioned{Account: "mail/x", Quota: domain.GB, Revision: 1, Target: target}))
	}
	served(true, "an account")
	did(eventstore.Execute(ctx, s, provisioning.RecordSuspended{Account: "mail/x", Revision: 2, Target: "mail"}))
	did(eventstore.Execute(ctx, s, provisioning.RecordDeleted{Account: "mail/x", Revision: 3, Target: "mail", On: day}))
	served(true, "one that is left on another target")
	did(eventstore.Execute(ctx, s, provisioning.SkipWork{Account: "mail/x", Revision: 3, Target: "directory", Reason: "it is gone for good"}))
	served(false, "one that somebody has given up on there")
	did(eventstore.Execute(ctx, s, provisioning.RecordDeleted{Account: "mail/x", Revision: 4, Target: "directory", On: day}))
	served(false, "one that is gone")
}
