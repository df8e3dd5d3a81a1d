package processes_test

import (
	"context"
	"errors"
	"fmt"
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
	if first.Changed != 5 || first.Position != head() || head() != before+int64(first.Events) || len(first.Refused) > 0 || len(shown) != 2 || shown[0] != 5 {
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
