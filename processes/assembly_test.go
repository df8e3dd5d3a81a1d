package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
)

// An urn tells what read models would: who was entitled and is on the roll, and what
// was voted.
type urn struct {
	c        *coop
	s        *eventstore.Store
	entitled []processes.Entitled
	waited   []int64
}

func (u *urn) WaitFor(_ context.Context, position int64) error {
	u.waited = append(u.waited, position)
	return nil
}

func (u *urn) EntitledOn(context.Context, calendar.Date) ([]processes.Entitled, error) {
	return u.entitled, nil
}

func (u *urn) OnRoll(context.Context, domain.AssemblyID) ([]domain.PartyID, error) {
	votes := map[domain.PartyID]int64{}
	for _, e := range those[assembly.RollEntered](u.c, u.s) {
		votes[e.Party] = e.Votes
	}
	var on []domain.PartyID
	for p, n := range votes {
		if n > 0 {
			on = append(on, p)
		}
	}
	slices.Sort(on)
	return on, nil
}

func (u *urn) BallotsOf(_ context.Context, poll domain.PollID) (ballots []assembly.Ballot, _ error) {
	for _, e := range those[assembly.VoteCast](u.c, u.s) {
		if e.Poll == poll {
			ballots = append(ballots, assembly.Ballot{Choice: e.Choice, Votes: e.Votes})
		}
	}
	return ballots, nil
}

var (
	heldOn = founding.AddDays(30)
	opens  = time.Date(2026, time.January, 31, 18, 0, 0, 0, time.UTC)
)

func convene(c *coop, s *eventstore.Store) {
	c.Helper()
	execute(c, s, assembly.Convene{
		Assembly: "ga", Kind: assembly.Annual, Title: domain.Text{EN: "Annual assembly"}, On: founding, HeldOn: heldOn, Statutes: c.rules,
	})
}

func openPoll(c *coop, s *eventstore.Store, id domain.PollID) {
	c.Helper()
	execute2(c, s, assembly.OpenPoll{
		Poll: id, Assembly: "ga", Question: domain.Text{EN: "Shall we weave?"}, Decision: statutes.Ordinary, OpensAt: opens, Statutes: c.rules,
	})
}

func members(n int) (all []processes.Entitled) {
	for i := range n {
		all = append(all, processes.Entitled{Party: party(i), Shares: map[domain.ClassID]int64{"A": int64(i)}})
	}
	return all
}

func TestTheRollIsFrozenOnce(t *testing.T) {
	c := found(t)
	s := c.node()
	u := &urn{c: c, s: s, entitled: members(1200)}
	freeze := func(ctx context.Context, on calendar.Date) (int64, error) {
		return processes.FreezeRoll(ctx, s, u, "ga", on)
	}
	if _, err := freeze(as(t.Context()), heldOn); !errors.Is(err, assembly.ErrNotConvened) {
		t.Errorf("of no assembly: %v", err)
	}
	convene(c, s)
	record := heldOn.AddDays(-c.rules.Assembly.RecordDays)
	if _, err := freeze(as(t.Context()), record); !errors.Is(err, assembly.ErrTooEarly) {
		t.Errorf("on the record date: %v", err)
	}
	if n := len(those[assembly.RollEntered](c, s)); n > 0 {
		t.Errorf("%d entered too early", n)
	}
	// Cut short, and corrected meanwhile: one is a member no more, one has joined.
	c.driver.failing(func(n int) (before, after error) {
		if n == 3 {
			return errLost, nil
		}
		return nil, nil
	})
	if _, err := freeze(as(t.Context()), heldOn); !errors.Is(err, errLost) {
		t.Fatalf("cut short: %v", err)
	}
	c.driver.failing(nil)
	entered := len(those[assembly.RollEntered](c, s))
	if entered == 0 || entered == 1200 {
		t.Fatalf("%d were entered when it was cut short", entered)
	}
	u.entitled = append(members(1200)[1:], processes.Entitled{Party: "newcomer"})
	position, err := freeze(as(t.Context()), heldOn)
	if err != nil {
		t.Fatal(err)
	}
	on, _ := u.OnRoll(t.Context(), "ga")
	if len(on) != 1200 || slices.Contains(on, party(0)) || !slices.Contains(on, "newcomer") {
		t.Errorf("%d are on the roll", len(on))
	}
	voters, votes, frozen := stateOf[assembly.Assembly](c, s, assembly.StreamOf("ga")).Roll()
	if voters != 1200 || votes != 1200 || !frozen {
		t.Errorf("frozen %v with %d voters and %d votes", frozen, voters, votes)
	}
	if len(u.waited) == 0 || u.waited[len(u.waited)-1] < int64(entered) {
		t.Errorf("the read models were waited for at %v", u.waited)
	}
	again, err := freeze(as(t.Context()), heldOn.AddDays(1))
	if head, _ := s.Log.Head(t.Context()); err != nil || again > position || head != position {
		t.Errorf("again: %d after %d, the log is at %d, %v", again, position, head, err)
	}
}

// TestARollUnderARequestID is that of the request, however many appends it takes.
func TestARollUnderARequestID(t *testing.T) {
	c := found(t)
	s := c.node()
	u := &urn{c: c, s: s, entitled: members(700)}
	convene(c, s)
	ctx := eventstore.WithRequest(as(t.Context()), "freeze-1", "the roll of ga")
	first, err := processes.FreezeRoll(ctx, s, u, "ga", heldOn)
	if err != nil {
		t.Fatal(err)
	}
	head, _ := s.Log.Head(t.Context())
	if again, err := processes.FreezeRoll(ctx, s, u, "ga", heldOn); err != nil || again > head {
		t.Errorf("again: %d after %d, %v", again, first, err)
	}
	if requests := len(those[eventstore.RequestRecorded](c, s)); requests != 1 {
		t.Errorf("%d requests are recorded", requests)
	}
	if after, _ := s.Log.Head(t.Context()); after != head {
		t.Errorf("the log went from %d to %d", head, after)
	}
}

func TestTallyCountsOnceWhatWasCast(t *testing.T) {
	c := found(t)
	s := c.node()
	u := &urn{c: c, s: s, entitled: members(30)}
	convene(c, s)
	if _, err := processes.FreezeRoll(as(t.Context()), s, u, "ga", heldOn); err != nil {
		t.Fatal(err)
	}
	openPoll(c, s, "q")
	openPoll(c, s, "open")
	for i := range 30 {
		if i%10 < 9 {
			choice := assembly.Choices[min(i%10/4, 2)] // of ten, four are for, four against, one abstains
			execute2(c, s, assembly.CastVote{Poll: "q", Assembly: "ga", Party: party(i), Choice: choice, At: opens})
		}
	}
	execute2(c, s, assembly.CastVote{Poll: "q", Assembly: "ga", Party: party(9), Choice: assembly.For, At: opens})
	runner := processes.NewRunner(s, quiet, processes.Tally(s, u))
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(those[assembly.ResultDeclared](c, s)); n != 0 {
		t.Errorf("%d results of polls that are open", n)
	}
	execute(c, s, assembly.ClosePoll{Poll: "q", At: opens.Add(time.Hour)})
	closed, _ := s.Log.Head(t.Context())
	u.waited = nil
	var wg sync.WaitGroup
	for range 3 { // nodes that all think it is up to them
		wg.Go(func() {
			node := c.node()
			p := processes.Tally(node, &urn{c: c, s: node})
			if err := p.Handle(eventstore.As(t.Context(), "process/tally"), eventstore.Record{Position: closed}, assembly.PollClosed{Poll: "q"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	results := those[assembly.ResultDeclared](c, s)
	if len(results) != 1 {
		t.Fatalf("%d results", len(results))
	}
	if want := (assembly.Tally{Voters: 28, For: 13, Against: 12, Abstain: 3}); results[0].Tally != want || !results[0].Carried || results[0].Poll != "q" {
		t.Errorf("the result is %+v", results[0])
	}
	if len(u.waited) != 1 || u.waited[0] != closed {
		t.Errorf("counted at %v, closed at %d", u.waited, closed)
	}
	if letters, err := runner.DeadLetters(t.Context(), ""); err != nil || len(letters) > 0 {
		t.Errorf("%+v %v", letters, err)
	}
	if _, err := eventstore.Execute2(as(t.Context()), s, assembly.CastVote{Poll: "q", Assembly: "ga", Party: party(19), Choice: assembly.Against, At: opens}); !errors.Is(err, assembly.ErrNotOpen) {
		t.Errorf("after the close: %v", err)
	}
	if got := fmt.Sprint(stateOf[assembly.Poll](c, s, assembly.PollStreamOf("open")).Closed()); got != "false" {
		t.Error("another poll was closed")
	}
}
