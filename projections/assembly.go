package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore/lite"
)

var assemblyProjection = projection{
	module: "assembly",
	wants: []any{
		assembly.Convened{},
		assembly.RollEntered{},
		assembly.RollFrozen{},
		assembly.PollOpened{},
		assembly.VoteCast{},
		assembly.PollClosed{},
		assembly.ResultDeclared{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case assembly.Convened:
			title, err := asJSON(e.Title)
			if err != nil {
				return err
			}
			place, err := asJSON(e.Place)
			if err != nil {
				return err
			}
			return t.Exec(`insert into assembly (id, kind, title, place, convened_on, held_on, record_date, second_call, statutes_version)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Assembly, e.Kind, title, place, e.On, e.HeldOn, e.RecordDate, e.SecondCall, e.StatutesVersion)
		case assembly.RollEntered:
			if e.Votes == 0 {
				return t.Exec(`delete from roll where assembly = ? and party = ?`, e.Assembly, e.Party)
			}
			return t.Exec(`insert into roll values (?, ?, ?) on conflict do update set votes = excluded.votes`, e.Assembly, e.Party, e.Votes)
		case assembly.RollFrozen:
			return t.Exec(`update assembly set voters = ?, votes = ?, frozen_on = ? where id = ?`, e.Voters, e.Votes, e.On, e.Assembly)
		case assembly.PollOpened:
			question, err := asJSON(e.Question)
			if err != nil {
				return err
			}
			return t.Exec(`insert into poll (id, assembly, question, decision, majority, voters, votes, opens_at, closes_at, position)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Poll, e.Assembly, question, e.Decision, e.Rule.Majority, e.Voters, e.Votes, e.OpensAt, e.ClosesAt, t.position)
		case assembly.VoteCast:
			if t.cast == nil {
				t.cast = map[domain.PollID]Turnout{}
			}
			cast := t.cast[e.Poll]
			t.cast[e.Poll] = Turnout{cast.Voters + 1, cast.Votes + e.Votes}
			return t.Exec(`insert into ballot values (?, ?, ?, ?, ?)`, e.Poll, e.Party, e.Choice, e.Votes, t.recordedAt)
		case assembly.PollClosed:
			return t.Exec(`update poll set closed_at = ? where id = ?`, e.At, e.Poll)
		case assembly.ResultDeclared:
			return t.Exec(`update poll set votes_for = ?, votes_against = ?, votes_abstain = ?, quorate = ?, carried = ? where id = ?`,
				e.For, e.Against, e.Abstain, e.Quorate, e.Carried, e.Poll)
		}
		return nil
	},
}

// count adds to the polls what was cast in a batch: hundreds vote at once.
func (t *table) count() error {
	for poll, cast := range t.cast {
		err := t.Exec(`update poll set cast_voters = cast_voters + ?, cast_votes = cast_votes + ? where id = ?`, cast.Voters, cast.Votes, poll)
		if err != nil {
			return fmt.Errorf("projections: the turnout of poll %s: %w", poll, err)
		}
	}
	clear(t.cast)
	return nil
}

// Assembly is a general assembly.
type Assembly struct {
	ID              domain.AssemblyID
	Kind            assembly.Kind
	Title           domain.Text
	Place           domain.Text
	ConvenedOn      calendar.Date
	HeldOn          calendar.Date
	RecordDate      calendar.Date
	SecondCall      bool
	StatutesVersion int
	Voters          int64         // on the roll, once it is frozen
	Votes           int64         // that they have together
	FrozenOn        calendar.Date // no day while it is not
}

const assemblyColumns = `id, kind, title, place, convened_on, held_on, record_date, second_call, statutes_version, voters, votes, frozen_on`

func scanAssembly(r lite.Row) (a Assembly, err error) {
	d := days{r: r}
	a = Assembly{
		ID: domain.AssemblyID(r.Text(0)), Kind: assembly.Kind(r.Text(1)), ConvenedOn: d.at(4), HeldOn: d.at(5), RecordDate: d.at(6),
		SecondCall: r.Bool(7), StatutesVersion: int(r.Int(8)), Voters: r.Int(9), Votes: r.Int(10), FrozenOn: d.at(11),
	}
	if err := json.Unmarshal(r.Raw(2), &a.Title); err != nil {
		return a, err
	}
	if err := json.Unmarshal(r.Raw(3), &a.Place); err != nil {
		return a, err
	}
	return a, d.err
}

// Assembly returns one assembly, and whether there is one.
func (m *Models) Assembly(ctx context.Context, id domain.AssemblyID) (Assembly, bool, error) {
	return one(ctx, m, `select `+assemblyColumns+` from assembly where id = ?`, scanAssembly, id)
}

// Assemblies returns a part of the list of assemblies, the latest first.
func (m *Models) Assemblies(ctx context.Context, p Page) (List[Assembly], error) {
	return page(ctx, m, query{columns: assemblyColumns, from: "assembly", key: "held_on", id: "id", descending: true}, p, scanAssembly)
}

// VotesOf returns how many votes a party has in an assembly; 0: not on the roll.
func (m *Models) VotesOf(ctx context.Context, id domain.AssemblyID, party domain.PartyID) (votes int64, err error) {
	votes, _, err = one(ctx, m, `select votes from roll where assembly = ? and party = ?`,
		func(r lite.Row) (int64, error) { return r.Int(0), nil }, id, party)
	return votes, err
}

// OnRoll returns who is on the roll of an assembly, in the order of their ids.
func (m *Models) OnRoll(ctx context.Context, id domain.AssemblyID) ([]domain.PartyID, error) {
	return rows(ctx, m, `select party from roll where assembly = ? order by party`,
		func(r lite.Row) (domain.PartyID, error) { return domain.PartyID(r.Text(0)), nil }, id)
}

// Poll is a poll as anyone may see it: how many have voted, and what only when
// the result is declared.
type Poll struct {
	ID       domain.PollID
	Assembly domain.AssemblyID
	Question domain.Text
	Decision statutes.Decision
	Majority string
	Voters   int64 // on the roll
	Votes    int64 // that they have together
	OpensAt  time.Time
	ClosesAt time.Time // zero: when it is closed
	ClosedAt time.Time // zero: not closed
	Turnout  Turnout
	Result   *Result // nil until it is declared
}

// Open reports whether votes can be cast at an instant.
func (p Poll) Open(at time.Time) bool {
	return p.ClosedAt.IsZero() && !at.Before(p.OpensAt) && (p.ClosesAt.IsZero() || at.Before(p.ClosesAt))
}

// Turnout is how many have voted.
type Turnout struct {
	Voters int64
	Votes  int64
}

// Result is what came of a poll.
type Result struct {
	For, Against, Abstain int64 // votes
	Quorate               bool  // enough took part
	Carried               bool
}

const pollColumns = `id, assembly, question, decision, majority, voters, votes, opens_at, closes_at, closed_at,
	cast_voters, cast_votes, votes_for, votes_against, votes_abstain, quorate, carried`

func scanPoll(r lite.Row) (p Poll, err error) {
	p = Poll{
		ID: domain.PollID(r.Text(0)), Assembly: domain.AssemblyID(r.Text(1)), Decision: statutes.Decision(r.Text(3)), Majority: r.Text(4),
		Voters: r.Int(5), Votes: r.Int(6), OpensAt: r.Time(7), ClosesAt: r.Time(8), ClosedAt: r.Time(9),
		Turnout: Turnout{r.Int(10), r.Int(11)},
	}
	if !r.Null(12) {
		p.Result = &Result{r.Int(12), r.Int(13), r.Int(14), r.Bool(15), r.Bool(16)}
	}
	return p, json.Unmarshal(r.Raw(2), &p.Question)
}

// Poll returns one poll, and whether there is one.
func (m *Models) Poll(ctx context.Context, id domain.PollID) (Poll, bool, error) {
	return one(ctx, m, `select `+pollColumns+` from poll where id = ?`, scanPoll, id)
}

// Polls returns the polls of an assembly, in the order in which they were opened.
func (m *Models) Polls(ctx context.Context, id domain.AssemblyID) ([]Poll, error) {
	return rows(ctx, m, `select `+pollColumns+` from poll where assembly = ? order by position`, scanPoll, id)
}

// VoteOf returns what a party said in a poll, and whether it voted. It is for that
// party only.
func (m *Models) VoteOf(ctx context.Context, id domain.PollID, party domain.PartyID) (assembly.Choice, bool, error) {
	return one(ctx, m, `select choice from ballot where poll = ? and party = ?`,
		func(r lite.Row) (assembly.Choice, error) { return assembly.Choice(r.Text(0)), nil }, id, party)
}

// BallotsOf returns all votes cast in a poll, to be counted.
func (m *Models) BallotsOf(ctx context.Context, id domain.PollID) ([]assembly.Ballot, error) {
	return rows(ctx, m, `select choice, votes from ballot where poll = ? order by party`, func(r lite.Row) (assembly.Ballot, error) {
		return assembly.Ballot{Choice: assembly.Choice(r.Text(0)), Votes: r.Int(1)}, nil
	}, id)
}
