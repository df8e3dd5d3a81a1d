package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rochdale/domain"
	"rochdale/domain/membership"
	"rochdale/domain/shares"
	"rochdale/processes"
)

func memberRows(n int) (rows []processes.MemberRow) {
	for i := range n {
		rows = append(rows, processes.MemberRow{Line: i + 2, Enter: membership.Enter{
			Number: domain.MemberNumber(i + 1), Kind: membership.Person, AdmittedOn: founding,
			Identity: membership.Identity{FirstName: "Ada", LastName: fmt.Sprint("Loom ", i)}, Contact: membership.Contact{Email: fmt.Sprintf("ada%d@example.org", i)},
		}})
	}
	return rows
}

// TestARegisterIsImportedWholeOrNotAtAll, and what is known already is no news.
func TestARegisterIsImportedWholeOrNotAtAll(t *testing.T) {
	c := found(t)
	s := c.node()
	head := func() int64 {
		t.Helper()
		position, err := s.Log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return position
	}
	before := head()
	var shown []int
	in := processes.Import{Store: s, On: founding.AddDays(9), Progress: func(done, of int) { shown = append(shown, done, of) }}
	members := func(rows []processes.MemberRow) processes.ImportResult {
		t.Helper()
		result, err := in.Members(as(t.Context()), rows)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	refused := func(what string, result processes.ImportResult, want map[int]domain.Refusal) {
		t.Helper()
		if len(result.Refused) != len(want) || head() != before {
			t.Errorf("%s: refused %+v, the log went from %d to %d", what, result.Refused, before, head())
		}
		for _, r := range result.Refused {
			if !errors.Is(r.Refusal, want[r.Line]) {
				t.Errorf("%s: line %d: %v", what, r.Line, r.Refusal)
			}
		}
	}
	wrong := memberRows(5)
	wrong[1].Enter.Contact.Email = "nobody"
	wrong[3].Enter.Number = 1
	refused("two wrong lines", members(wrong), map[int]domain.Refusal{3: membership.ErrIncomplete, 5: processes.ErrNumberTwice})

	in.DryRun = true
	if result := members(memberRows(5)); result.Rows != 5 || result.Changed != 5 || result.Events == 0 || result.Position != 0 || head() != before {
		t.Errorf("tried: %+v, the log went from %d to %d", result, before, head())
	}
	in.DryRun = false
	shown = nil
	first := members(memberRows(5))
	if first.Changed != 5 || first.Position != head() || head() != before+int64(first.Events) || len(first.Refused) > 0 || !slices.Equal(shown, []int{5, 10, 10, 10}) {
		t.Errorf("%+v, the log is at %d, shown %v", first, head(), shown)
	}
	if again := members(memberRows(5)); again.Rows != 5 || again.Changed != 0 || again.Events != 0 || head() != first.Position {
		t.Errorf("again: %+v, the log is at %d", again, head())
	}
	more := memberRows(6)
	more[2].Enter.Identity.City = "Ronse"
	if result := members(more); result.Changed != 2 {
		t.Errorf("with one more and one who has moved: %+v", result)
	}

	before = head()
	row := func(line int, number domain.MemberNumber, quantity int64) processes.ShareRow {
		return processes.ShareRow{Line: line, Number: number, Class: "A", Quantity: quantity, On: founding}
	}
	lots := func(rows ...processes.ShareRow) processes.ImportResult {
		t.Helper()
		result, err := in.Shares(as(t.Context()), rows)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	unclassed, partly := row(5, 1, 1), row(6, 3, 2)
	unclassed.Class = "Z"
	paid := eur(2500)
	partly.Paid = &paid
	refused("shares of nobody, and of no class", lots(row(2, 1, 2), row(3, 77, 2), unclassed),
		map[int]domain.Refusal{3: processes.ErrUnknownNumber, 5: shares.ErrNoSuchClass})
	for range 2 {
		lots(row(2, 1, 2), row(3, 1, 2), row(4, 2, 5), partly) // two lines that say the same are two lots
	}
	held := map[domain.PartyID]int64{}
	for _, e := range those[shares.Issued](c, s) {
		held[e.Party] += e.Quantity
	}
	of := func(number domain.MemberNumber) domain.PartyID {
		return stateOf[membership.Number](c, s, membership.NumberStream(number)).Party()
	}
	if held[of(1)] != 4 || held[of(2)] != 5 || held[of(3)] != 2 || len(held) != 3 {
		t.Errorf("held: %v", held)
	}
	if h := stateOf[shares.Holding](c, s, shares.StreamOf(of(3), "A")); h.Paid() != eur(2500) {
		t.Errorf("%v is paid", h.Paid())
	}

	ctx, stop := context.WithCancel(as(t.Context()))
	stop()
	if _, err := in.Members(ctx, memberRows(7)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// TestAnImportThatWasKilledIsFinishedByImportingAgain, whatever was recorded by then.
func TestAnImportThatWasKilledIsFinishedByImportingAgain(t *testing.T) {
	const members = 2500
	c := found(t)
	s := c.node()
	rows := memberRows(members)
	var lots []processes.ShareRow
	for i := range members {
		lots = append(lots, processes.ShareRow{Line: i + 2, Number: domain.MemberNumber(i + 1), Class: "A", Quantity: 3, On: founding})
	}
	imported := func(in processes.Import) (results [2]processes.ImportResult) {
		t.Helper()
		var err error
		if results[0], err = in.Members(as(t.Context()), rows); err != nil {
			t.Fatal(err)
		}
		if results[1], err = in.Shares(as(t.Context()), lots); err != nil {
			t.Fatal(err)
		}
		return results
	}
	in := processes.Import{Store: s, On: founding}

	// A wrong line after thousands that are right: nothing is recorded.
	wrong := memberRows(members)
	wrong[members-1].Enter.Contact.Email = "nobody"
	before, err := s.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	result, err := in.Members(as(t.Context()), wrong)
	if head, failed := s.Log.Head(t.Context()); err != nil || failed != nil || len(result.Refused) != 1 || head != before {
		t.Fatalf("%+v, %v; the log went from %d to %d", result.Refused, err, before, head)
	}

	// The database goes away with the second write of members, and of shares.
	for _, load := range []func() error{
		func() error { _, err := in.Members(as(t.Context()), rows); return err },
		func() error { _, err := in.Shares(as(t.Context()), lots); return err },
	} {
		c.driver.failing(func(n int) (before, after error) {
			if n == 2 {
				return errLost, nil
			}
			return nil, nil
		})
		if err := load(); !errors.Is(err, errLost) {
			t.Fatalf("killed: %v", err)
		}
		c.driver.failing(nil)
		if err := load(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(those[shares.Issued](c, s)); got != members {
		t.Errorf("%d lots are held, want %d", got, members)
	}
	numbers := map[domain.MemberNumber]bool{}
	for _, e := range those[membership.Admitted](c, s) {
		numbers[e.Number] = true
	}
	if len(numbers) != members || len(those[membership.Admitted](c, s)) != members {
		t.Errorf("%d numbers are given to %d members", len(numbers), len(those[membership.Admitted](c, s)))
	}
	for _, again := range imported(in) {
		if again.Changed != 0 || again.Rows != members {
			t.Errorf("again: %+v", again)
		}
	}
}
