package projections_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
	"rochdale/projections"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	d, err := sqlite.Open(t.Context(), filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := eventstore.NewKeys(d, make([]byte, 32))
	s := eventstore.New(eventstore.NewLog(d), modules.Registry(), keys)
	defer s.Log.Close()
	m, err := projections.Open(t.Context(), filepath.Join(dir, "views"), s, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(eventstore.As(t.Context(), "test"))
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	rules, err := statutes.Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	day := calendar.On(2026, time.May, 1)
	if _, err := eventstore.Execute(ctx, s, statutes.Adopt{Version: 1, On: day, InForceFrom: day, By: "x", Statutes: rules}); err != nil {
		t.Fatal(err)
	}
	var pos int64
	for i := range 5 {
		pos, err = eventstore.Execute2(ctx, s, membership.Enter{Party: domain.PartyID(rune('a' + i)), Number: domain.MemberNumber(i + 1), Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: "Loom", Street: "x 1", PostalCode: "1000", City: "Gent", Country: "BE"}, Contact: membership.Contact{Email: "ada@example.org"}, AdmittedOn: day, On: day})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.WaitFor(ctx, pos); err != nil {
		t.Fatal(err)
	}
	l, err := m.Members(ctx, projections.MemberFilter{Status: projections.StatusMember, On: day}, projections.ByNumber, projections.Page{First: 2})
	t.Logf("%+v %v", l, err)
	l, err = m.Members(ctx, projections.MemberFilter{}, projections.ByName, projections.Page{First: 2, After: l.Cursors[0]})
	t.Logf("%+v %v", l.Total, err)
	ms, err := m.MembersAt(ctx, day, time.Time{})
	t.Logf("%+v %v", ms, err)
	diff, err := m.Verify(ctx, nil)
	if len(diff) > 0 || err != nil {
		t.Fatal(diff, err)
	}
	if err := m.Rebuild(ctx, nil); err != nil {
		t.Fatal(err)
	}
	pos, err = eventstore.Execute(ctx, s, membership.ErasePersonalData{Party: "b", Class: sealed.Service, Through: 1, On: day})
	t.Log(pos, err)
	if err := m.WaitFor(ctx, pos); err != nil {
		t.Fatal(err)
	}
	b, _, err := m.Member(ctx, "b")
	t.Logf("%+v %v", b, err)
	if _, err := m.RegisterAt(ctx, day, time.Time{}); err != nil {
		t.Fatal(err)
	}
	stop()
	<-done
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}
