package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

// TestPersonalDataOfOneWhoVotedAndWasBilled looks at the archives of members of a made-up
// co-op, before and after one of them is forgotten.
func TestPersonalDataOfOneWhoVotedAndWasBilled(t *testing.T) {
	g := &Globals{Data: t.TempDir(), Language: domain.English}
	g.Log = "sqlite:" + filepath.Join(g.Data, "log.db")
	term := &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	err := withNewHouse(t.Context(), g, term, func(h *house) error {
		d := demo{house: h, cmd: demoCmd{Members: 40, Seed: 1844}}
		if err := d.build(t.Context(), d.everything()...); err != nil {
			return err
		}
		defer h.models.Close()
		if err := h.models.CatchUp(t.Context()); err != nil {
			return err
		}
		lookAtPerson(t, h)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lookAtPerson(t *testing.T, h *house) {
	t.Helper()
	ctx := t.Context()
	rules, _, err := h.rules(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A member who is billed votes, and changes their bank account.
	var party domain.PartyID
	for n := domain.MemberNumber(1); party == "" && n <= 40; n++ {
		m, _, err := h.models.MemberByNumber(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		votes, err := h.models.VotesOf(ctx, "demo-assembly", m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if invoices, err := (personFile{house: h, member: m}).invoices(ctx); err != nil {
			t.Fatal(err)
		} else if len(invoices) > 0 && votes > 0 {
			party = m.ID
		}
	}
	poll, found, err := h.models.Poll(ctx, "demo-poll")
	if err != nil || !found || party == "" {
		t.Fatalf("poll found: %t, member who votes and is billed: %q, %v", found, party, err)
	}
	act := eventstore.As(ctx, string(party))
	if _, err := eventstore.Execute2(act, h.store, assembly.CastVote{
		Poll: poll.ID, Assembly: poll.Assembly, Party: party, Choice: assembly.For, At: h.now(),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := eventstore.Execute(act, h.store, membership.ChangeBankAccount{
		Party: party, Account: membership.BankAccount{IBAN: "BE68539007547034"}, On: h.today(), Statutes: rules,
	}); err != nil {
		t.Fatal(err)
	}
	files := archiveOf(t, h, party)
	for name, want := range map[string]string{
		"votes.json": `"choice": "for"`, "party.json": "BE68539007547034", "events.json": `"by_themself": true`,
		"subscriptions.json": `"plan"`, "payments.json": `"invoiced"`, "invoices.json": `"communication"`,
	} {
		if !strings.Contains(strings.ToLower(files[name]), strings.ToLower(want)) {
			t.Errorf("%s has no %s: %s", name, want, files[name])
		}
	}
	pdfs := 0
	for name, content := range files {
		switch {
		case strings.HasSuffix(name, ".pdf"):
			pdfs++
			if !strings.HasPrefix(content, "%PDF") {
				t.Errorf("%s is no PDF", name)
			}
		case strings.HasSuffix(name, ".json") && !json.Valid([]byte(content)):
			t.Errorf("%s is no JSON: %s", name, content)
		case strings.HasSuffix(name, ".json") && !strings.Contains(files["README.txt"], name):
			t.Errorf("the README does not explain %s", name)
		}
	}
	if pdfs == 0 {
		t.Error("no invoice is there as PDF")
	}
	member, _, err := h.models.Member(ctx, party)
	if err != nil {
		t.Fatal(err)
	}
	for other := domain.MemberNumber(1); other <= 40; other++ { // nobody else's particulars
		if m, _, err := h.models.MemberByNumber(ctx, other); err != nil {
			t.Fatal(err)
		} else if m.ID != party && m.Email != "" && m.Email != member.Email && strings.Contains(strings.Join(contents(files), "\n"), m.Email) {
			t.Errorf("the archive has the address of member %d", other)
		}
	}

	// Who is forgotten reads as erased, and the receipt says what stays.
	email := member.Email
	if email == "" || !strings.Contains(files["party.json"], email) {
		t.Fatalf("there is nothing to be erased: %q", email)
	}
	if _, err := eventstore.Execute(eventstore.As(ctx, "cli"), h.store, membership.ErasePersonalData{
		Party: party, Class: sealed.Service, Through: 1, On: h.today(), Statutes: rules,
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.runner(h.reconciler(&services{}), "coop.example").CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	files = archiveOf(t, h, party)
	p, err := h.openPerson(ctx, string(party))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(files["party.json"], email) || !strings.Contains(files["events.json"], p.say("erased", nil)) {
		t.Error("what was erased is in the archive, or nothing says that it was")
	}
	list, err := p.survey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	states := map[sealed.Class]kept{}
	for _, k := range list {
		states[k.Class] = k
	}
	if k := states[sealed.Service]; k.State != "erased" || k.ErasedOn != h.today() {
		t.Errorf("service: %+v", k)
	}
	if k := states[sealed.Register]; k.State != "kept" || k.Code != "membership.register_kept" || k.Source == "" {
		t.Errorf("register: %+v", k)
	}
	if k := states[sealed.Accounting]; k.State != "kept" || k.Code != "membership.owed" && k.Through.IsZero() {
		t.Errorf("accounting: %+v", k)
	}
	if k := states[sealed.Optional]; k.State != "none" {
		t.Errorf("optional: %+v", k)
	}
}

// archiveOf returns the files of a party's archive.
func archiveOf(t *testing.T, h *house, party domain.PartyID) map[string]string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := h.models.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := h.openPerson(ctx, string(party))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.writeArchive(ctx, &b); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(content)
	}
	return files
}

func contents(files map[string]string) (all []string) {
	for _, content := range files {
		all = append(all, content)
	}
	return all
}
