package processes

import (
	"context"
	"errors"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

// Entitled is a member on a day, with the shares they held.
type Entitled struct {
	Party  domain.PartyID
	Shares map[domain.ClassID]int64
}

// Rolls is what freezing a roll asks the read models.
type Rolls interface {
	// WaitFor returns once they have reached a position.
	WaitFor(ctx context.Context, position int64) error
	// EntitledOn returns all members at the end of a day, in a fixed order.
	EntitledOn(ctx context.Context, day calendar.Date) ([]Entitled, error)
	// OnRoll returns who has been entered on the roll of an assembly.
	OnRoll(ctx context.Context, id domain.AssemblyID) ([]domain.PartyID, error)
}

// rollBatch is how many are entered on a roll at once.
const rollBatch = 500

// FreezeRoll enters all who were members at the end of the record date on the roll
// of an assembly, with the votes that the statutes give them, and freezes it. Cut
// short, it can be done again; done again, it changes nothing.
func FreezeRoll(ctx context.Context, s *eventstore.Store, from Rolls, id domain.AssemblyID, on calendar.Date) (position int64, err error) {
	var convened assembly.Convened
	var rules statutes.Statutes
	var frozen bool
	position, err = eventstore.Transact(within(ctx), s, func(tx *eventstore.Tx) error {
		state, _, err := eventstore.Load[assembly.Assembly](tx, assembly.StreamOf(id))
		if err != nil {
			return err
		}
		var ok bool
		if convened, ok = state.Convened(); !ok {
			return assembly.ErrNotConvened
		}
		_, _, frozen = state.Roll()
		if !frozen && !on.After(convened.RecordDate) {
			return assembly.ErrTooEarly.With("record_date", convened.RecordDate)
		}
		history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
		rules, _ = history.At(convened.HeldOn)
		return err
	})
	if err != nil || frozen {
		return position, err
	}
	head, err := s.Log.Head(ctx)
	if err != nil {
		return 0, err
	}
	if err := from.WaitFor(ctx, head); err != nil {
		return 0, err
	}
	members, err := from.EntitledOn(ctx, convened.RecordDate)
	if err != nil {
		return 0, err
	}
	entered, err := from.OnRoll(ctx, id)
	if err != nil {
		return 0, err
	}
	votes, total := map[domain.PartyID]int64{}, int64(0)
	var order []domain.PartyID
	for _, m := range members {
		if n := rules.VotesOf(m.Shares); n > 0 {
			votes[m.Party] = n
			total += n
			order = append(order, m.Party)
		}
	}
	for _, party := range entered { // by an attempt that was cut short, and then corrected
		if votes[party] == 0 {
			order = append(order, party)
		}
	}
	for len(order) > 0 {
		batch := order[:min(rollBatch, len(order))]
		_, err := eventstore.Transact(within(ctx), s, func(tx *eventstore.Tx) error {
			for _, party := range batch {
				if err := eventstore.Do2(tx, assembly.EnterRoll{Assembly: id, Party: party, Votes: votes[party]}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		order = order[len(batch):]
	}
	return eventstore.Execute(ctx, s, assembly.FreezeRoll{Assembly: id, Voters: int64(len(votes)), Votes: total, On: on})
}

// within returns a context for one of several appends that answer one request: the
// last of them bears the request's id, so that a request cut short goes on where
// it was when it is made again.
func within(ctx context.Context) context.Context { return eventstore.WithRequest(ctx, "", "") }

// Ballots is what counting asks the read models.
type Ballots interface {
	// WaitFor returns once they have reached a position.
	WaitFor(ctx context.Context, position int64) error
	// BallotsOf returns all votes cast in a poll.
	BallotsOf(ctx context.Context, poll domain.PollID) ([]assembly.Ballot, error)
}

// Tally counts a poll when it is closed and declares its result.
func Tally(s *eventstore.Store, from Ballots) Process {
	return Process{
		Name:  "tally",
		Wants: []any{assembly.PollClosed{}},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			closed, ok := event.(assembly.PollClosed)
			if !ok {
				return nil
			}
			// No vote comes after the close, so that this is all of them.
			if err := from.WaitFor(ctx, rec.Position); err != nil {
				return err
			}
			ballots, err := from.BallotsOf(ctx, closed.Poll)
			if err != nil {
				return err
			}
			poll, _, err := read[assembly.Poll](ctx, s, assembly.PollStreamOf(closed.Poll))
			if err != nil {
				return err
			}
			opened, ok := poll.Opened()
			if !ok {
				return errors.New("processes: a poll was closed that was never opened")
			}
			_, err = eventstore.Execute(ctx, s, assembly.DeclareResult{Poll: closed.Poll, Tally: assembly.Count(ballots, opened.Cap)})
			return err
		},
	}
}
