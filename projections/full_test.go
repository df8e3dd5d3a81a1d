package projections_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/eventstore"
	"rochdale/eventstore/lite"
	"rochdale/projections"
)

// TestFullFile has SQLite believe that there is no room for another page.
func TestFullFile(t *testing.T) {
	limit := func(m *projections.Models, pages string) {
		must(t, m.Writer(func(c *lite.Conn) error {
			_, err := c.One(`pragma max_page_count = `+pages, func(lite.Row) {})
			return err
		}))
	}
	s := nodeOf(new(eventstore.Memory), &clock{began})
	untilFull(t, s, t.TempDir(), func(m *projections.Models) { limit(m, "1") }, func(m *projections.Models) { limit(m, "1000000") })
}

// untilFull has a register grow until there is no room for it in the read models,
// makes room, and goes on.
func untilFull(t *testing.T, s *eventstore.Store, dir string, fill, makeRoom func(*projections.Models)) {
	populate(t, s, 1, false)
	var log safeBuffer
	m, err := projections.Open(t.Context(), filepath.Join(dir, "views"), s, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	run(t, m)
	fill(m)
	var position int64
	for n := 1; m.Trouble() == nil; n++ {
		if n == 100_000 {
			t.Fatal("it is never full")
		}
		position = enter(t, s, n)
		if n%100 == 0 { // nor is there much more in the log than there is room for, however slowly it is followed
			soon(t, "it is followed", func() bool { return m.Position() >= position || m.Trouble() != nil })
		}
	}
	if err := m.Trouble(); !lite.IsFull(err) {
		t.Errorf("the trouble is %v", err)
	}
	soon(t, "somebody is told", func() bool { return strings.Contains(log.String(), "read models do not follow the log") })
	for range 3 { // what there is can be asked for
		list, err := m.Members(t.Context(), projections.MemberFilter{}, projections.ByNumber, projections.Page{})
		if err != nil || list.Total == 0 {
			t.Errorf("%d members, %v", list.Total, err)
		}
	}
	if err := m.Rebuild(t.Context(), nil); err != nil && !lite.IsFull(err) { // where it is smaller, there may be room
		t.Errorf("made anew without room: %v", err)
	}
	makeRoom(m)
	must(t, m.WaitFor(bounded(t), position))
	soon(t, "there is no trouble any more", func() bool { return m.Trouble() == nil })
	verified(t, m)
}
