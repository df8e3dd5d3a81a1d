package assembly_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/calendar"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

var (
	convocation = calendar.On(2026, time.May, 1)
	heldOn      = calendar.On(2026, time.May, 23)
	record      = calendar.On(2026, time.May, 18)
	opens       = time.Date(2026, time.May, 23, 12, 0, 0, 0, time.UTC)
	closes      = opens.Add(2 * time.Hour)
	title       = domain.Text{FR: "Assemblée annuelle", EN: "Annual assembly"}
	question    = domain.Text{EN: "Shall we approve the accounts?"}
	rule        = statutes.Rule{Majority: statutes.Simple, Abstentions: statutes.Ignored}
)

func inForce() statutes.Statutes {
	var s statutes.Statutes
	s.Version = 3
	s.Assembly.NoticeDays, s.Assembly.SecondCallNoticeDays, s.Assembly.RecordDays = 15, 8, 5
	s.Assembly.Decisions.Ordinary = rule
	return s
}

var (
	convene = assembly.Convene{
		Assembly: "ga", Kind: assembly.Annual, Title: title, On: convocation, HeldOn: heldOn, Statutes: inForce(),
	}
	convened = assembly.Convened{
		Assembly: "ga", Kind: assembly.Annual, Title: title, On: convocation, HeldOn: heldOn, RecordDate: record, StatutesVersion: 3,
	}
	frozen = assembly.RollFrozen{Assembly: "ga", Voters: 2, Votes: 2, On: heldOn}
	opened = assembly.PollOpened{
		Poll: "p", Assembly: "ga", Question: question, Decision: statutes.Ordinary, Rule: rule,
		Voters: 2, Votes: 2, OpensAt: opens, ClosesAt: closes, StatutesVersion: 3,
	}
	closed  = assembly.PollClosed{Poll: "p", At: closes}
	onRoll  = assembly.RollEntered{Assembly: "ga", Party: "ada", Votes: 1}
	votedIt = assembly.VoteCast{Poll: "p", Assembly: "ga", Party: "ada", Choice: assembly.For, Votes: 1}
)

func TestConvening(t *testing.T) {
	with := func(change func(*assembly.Convene)) assembly.Convene {
		c := convene
		change(&c)
		return c
	}
	late := calendar.On(2026, time.May, 15)
	spec.Check(t, []spec.Story[domain.Command[assembly.Assembly]]{
		{Rule: "an assembly is convened, and its record date follows", When: convene, Then: spec.Events{convened}},
		{
			Rule: "the notice of the statutes is kept",
			When: with(func(c *assembly.Convene) { c.HeldOn = late }), Refused: assembly.ErrNotice,
		},
		{
			Rule: "on its last day it is kept too",
			When: with(func(c *assembly.Convene) { c.HeldOn = convocation.AddDays(15) }),
			Then: spec.Events{func() assembly.Convened {
				e := convened
				e.HeldOn, e.RecordDate = convocation.AddDays(15), convocation.AddDays(10)
				return e
			}()},
		},
		{
			Rule: "a second sitting has its own notice",
			When: with(func(c *assembly.Convene) { c.HeldOn, c.SecondCall = convocation.AddDays(8), true }),
			Then: spec.Events{func() assembly.Convened {
				e := convened
				e.HeldOn, e.RecordDate, e.SecondCall = convocation.AddDays(8), convocation.AddDays(3), true
				return e
			}()},
		},
		{
			Rule: "other terms are another assembly", Given: spec.Events{convened},
			When: with(func(c *assembly.Convene) { c.HeldOn = heldOn.AddDays(1) }), Refused: assembly.ErrConvened,
		},
		{Rule: "it has a title", When: with(func(c *assembly.Convene) { c.Title = domain.Text{} }), Refused: assembly.ErrIncomplete},
		{Rule: "it has a kind", When: with(func(c *assembly.Convene) { c.Kind = "picnic" }), Refused: assembly.ErrIncomplete},
		{Rule: "it has days", When: with(func(c *assembly.Convene) { c.On = calendar.Date{} }), Refused: assembly.ErrIncomplete},
		{Rule: "it has statutes", When: with(func(c *assembly.Convene) { c.Statutes.Version = 0 }), Refused: assembly.ErrIncomplete},
		{Rule: "it has an id", When: with(func(c *assembly.Convene) { c.Assembly = "" }), Refused: assembly.ErrIncomplete},
	})
}

func TestFreezingTheRoll(t *testing.T) {
	freeze := assembly.FreezeRoll{Assembly: "ga", Voters: 2, Votes: 2, On: heldOn}
	spec.Check(t, []spec.Story[domain.Command[assembly.Assembly]]{
		{Rule: "the roll is frozen after the record date", Given: spec.Events{convened}, When: freeze, Then: spec.Events{frozen}},
		{
			Rule: "not before its end", Given: spec.Events{convened},
			When: assembly.FreezeRoll{Assembly: "ga", Voters: 2, Votes: 2, On: record}, Refused: assembly.ErrTooEarly,
		},
		{Rule: "it stays as it was frozen", Given: spec.Events{convened, frozen}, When: assembly.FreezeRoll{Assembly: "ga", Voters: 9, Votes: 9, On: heldOn}},
		{Rule: "somebody is on it", Given: spec.Events{convened}, When: assembly.FreezeRoll{Assembly: "ga", On: heldOn}, Refused: assembly.ErrRollEmpty},
		{Rule: "of an assembly that was convened", When: freeze, Refused: assembly.ErrNotConvened},
	})
	spec.Check2(t, []spec.Story[domain.Command2[assembly.Assembly, assembly.Voter]]{
		{
			Rule: "members are entered", Given: spec.Events{convened},
			When: assembly.EnterRoll{Assembly: "ga", Party: "ada", Votes: 1}, Then: spec.Events{onRoll},
		},
		{
			Rule: "with other votes if need be", Given: spec.Events{convened, onRoll},
			When: assembly.EnterRoll{Assembly: "ga", Party: "ada", Votes: 2},
			Then: spec.Events{assembly.RollEntered{Assembly: "ga", Party: "ada", Votes: 2}},
		},
		{
			Rule: "or taken off", Given: spec.Events{convened, onRoll},
			When: assembly.EnterRoll{Assembly: "ga", Party: "ada"},
			Then: spec.Events{assembly.RollEntered{Assembly: "ga", Party: "ada"}},
		},
		{
			Rule: "but not once the roll is frozen", Given: spec.Events{convened, frozen},
			When: assembly.EnterRoll{Assembly: "ga", Party: "bob", Votes: 1}, Refused: assembly.ErrRollFrozen,
		},
		{Rule: "nor where there is no assembly", When: assembly.EnterRoll{Assembly: "ga", Party: "ada", Votes: 1}, Refused: assembly.ErrNotConvened},
	})
}

func TestOpeningAPoll(t *testing.T) {
	open := assembly.OpenPoll{
		Poll: "p", Assembly: "ga", Question: question, Decision: statutes.Ordinary, OpensAt: opens, ClosesAt: closes, Statutes: inForce(),
	}
	with := func(change func(*assembly.OpenPoll)) assembly.OpenPoll {
		c := open
		change(&c)
		return c
	}
	ready := spec.Events{convened, frozen}
	spec.Check2(t, []spec.Story[domain.Command2[assembly.Assembly, assembly.Poll]]{
		{Rule: "a poll keeps the rule it is decided by", Given: ready, When: open, Then: spec.Events{opened}},
		{Rule: "the roll is frozen before", Given: spec.Events{convened}, When: open, Refused: assembly.ErrRollOpen},
		{Rule: "there is an assembly", When: open, Refused: assembly.ErrNotConvened},
		{
			Rule: "its terms stay", Given: spec.Events{convened, frozen, opened},
			When: with(func(c *assembly.OpenPoll) { c.ClosesAt = closes.Add(time.Hour) }), Refused: assembly.ErrOpened,
		},
		{Rule: "it has a question", Given: ready, When: with(func(c *assembly.OpenPoll) { c.Question = domain.Text{} }), Refused: assembly.ErrIncomplete},
		{Rule: "it has a rule", Given: ready, When: with(func(c *assembly.OpenPoll) { c.Decision = "whim" }), Refused: assembly.ErrIncomplete},
		{Rule: "it ends after it begins", Given: ready, When: with(func(c *assembly.OpenPoll) { c.ClosesAt = opens }), Refused: assembly.ErrIncomplete},
		{Rule: "it has statutes", Given: ready, When: with(func(c *assembly.OpenPoll) { c.Statutes.Version = 0 }), Refused: assembly.ErrIncomplete},
		{Rule: "it has an id", Given: ready, When: with(func(c *assembly.OpenPoll) { c.Poll = "" }), Refused: assembly.ErrIncomplete},
	})
}

func TestVoting(t *testing.T) {
	vote := assembly.CastVote{Poll: "p", Assembly: "ga", Party: "ada", Choice: assembly.For, At: opens}
	with := func(change func(*assembly.CastVote)) assembly.CastVote {
		c := vote
		change(&c)
		return c
	}
	spec.Check2(t, []spec.Story[domain.Command2[assembly.Poll, assembly.Voter]]{
		{Rule: "who is on the roll votes", Given: spec.Events{opened, onRoll}, When: vote, Then: spec.Events{votedIt}},
		{Rule: "who is not does not", Given: spec.Events{opened}, When: vote, Refused: assembly.ErrNotOnRoll},
		{
			Rule: "nor who was taken off it", Given: spec.Events{opened, onRoll, assembly.RollEntered{Assembly: "ga", Party: "ada"}},
			When: vote, Refused: assembly.ErrNotOnRoll,
		},
		{
			Rule: "one member, one vote", Given: spec.Events{opened, onRoll, votedIt},
			When: with(func(c *assembly.CastVote) { c.Choice = assembly.Against }), Refused: assembly.ErrVoted,
		},
		{Rule: "said twice it is counted once, even after the close", Given: spec.Events{opened, onRoll, votedIt, closed}, When: vote},
		{Rule: "none gets in after the close", Given: spec.Events{opened, onRoll, closed}, When: vote, Refused: assembly.ErrNotOpen},
		{Rule: "nor before the time", Given: spec.Events{opened, onRoll}, When: with(func(c *assembly.CastVote) { c.At = opens.Add(-1) }), Refused: assembly.ErrOutOfTime},
		{Rule: "nor after it", Given: spec.Events{opened, onRoll}, When: with(func(c *assembly.CastVote) { c.At = closes }), Refused: assembly.ErrOutOfTime},
		{Rule: "there are three choices", Given: spec.Events{opened, onRoll}, When: with(func(c *assembly.CastVote) { c.Choice = "maybe" }), Refused: assembly.ErrNoSuchChoice},
		{Rule: "there is a poll", Given: spec.Events{onRoll}, When: vote, Refused: assembly.ErrNoSuchPoll},
		{
			Rule: "of that assembly", Given: spec.Events{opened, onRoll},
			When: with(func(c *assembly.CastVote) { c.Assembly = "other" }), Refused: assembly.ErrNoSuchPoll,
		},
		{
			Rule: "a vote in one poll is none in another", Given: spec.Events{opened, onRoll, assembly.VoteCast{Poll: "q", Assembly: "ga", Party: "ada", Choice: assembly.Against, Votes: 1}},
			When: vote, Then: spec.Events{votedIt},
		},
	})
}

func TestClosingAndDeclaring(t *testing.T) {
	tally := assembly.Tally{Voters: 2, For: 1, Abstain: 1}
	declared := assembly.ResultDeclared{Poll: "p", Tally: tally, Quorate: true, Carried: true}
	spec.Check(t, []spec.Story[domain.Command[assembly.Poll]]{
		{Rule: "a poll is closed", Given: spec.Events{opened}, When: assembly.ClosePoll{Poll: "p", At: closes}, Then: spec.Events{closed}},
		{Rule: "once", Given: spec.Events{opened, closed}, When: assembly.ClosePoll{Poll: "p", At: closes.Add(1)}},
		{Rule: "if there is one", When: assembly.ClosePoll{Poll: "p", At: closes}, Refused: assembly.ErrNoSuchPoll},
		{Rule: "its result follows its rule", Given: spec.Events{opened, closed}, When: assembly.DeclareResult{Poll: "p", Tally: tally}, Then: spec.Events{declared}},
		{Rule: "not while it is open", Given: spec.Events{opened}, When: assembly.DeclareResult{Poll: "p", Tally: tally}, Refused: assembly.ErrStillOpen},
		{Rule: "if there is a poll", When: assembly.DeclareResult{Poll: "p"}, Refused: assembly.ErrNoSuchPoll},
		{
			Rule: "and only one result", Given: spec.Events{opened, closed, declared},
			When: assembly.DeclareResult{Poll: "p", Tally: assembly.Tally{Voters: 1, For: 1}}, Refused: assembly.ErrDeclared,
		},
		{
			Rule: "no more vote than are on the roll", Given: spec.Events{opened, closed},
			When: assembly.DeclareResult{Poll: "p", Tally: assembly.Tally{Voters: 3, For: 3}}, Refused: assembly.ErrTally,
		},
	})
}

func TestOutcomes(t *testing.T) {
	half, threeQuarters, tenth := statutes.MustFraction("1/2"), statutes.MustFraction("3/4"), statutes.MustFraction("1/10")
	change := statutes.Rule{
		Majority: statutes.AtLeast(threeQuarters), Abstentions: statutes.Ignored,
		Quorum: half, QuorumOf: statutes.OfMembers, SecondCallQuorum: tenth,
	}
	for _, tt := range []struct {
		name             string
		rule             statutes.Rule
		second           bool
		tally            assembly.Tally
		quorate, carried bool
	}{
		{"a tie does not carry", rule, false, assembly.Tally{Voters: 4, For: 2, Against: 2}, true, false},
		{"abstentions do not matter to a simple majority", rule, false, assembly.Tally{Voters: 100, For: 1, Abstain: 99}, true, true},
		{"nobody for it", rule, false, assembly.Tally{Voters: 5, Abstain: 5}, true, false},
		{"exactly three quarters", change, false, assembly.Tally{Voters: 400, For: 300, Against: 100}, true, true},
		{"one less", change, false, assembly.Tally{Voters: 400, For: 299, Against: 101}, true, false},
		{"half of 643 is not reached by 321", change, false, assembly.Tally{Voters: 321, For: 321}, false, false},
		{"but by 322", change, false, assembly.Tally{Voters: 322, For: 322}, true, true},
		{"a second sitting takes a tenth", change, true, assembly.Tally{Voters: 65, For: 65}, true, true},
		{"of which 64 lack one", change, true, assembly.Tally{Voters: 64, For: 64}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			poll := assembly.PollOpened{Rule: tt.rule, Voters: 643, Votes: 643, SecondCall: tt.second}
			if quorate, carried := poll.Outcome(tt.tally); quorate != tt.quorate || carried != tt.carried {
				t.Errorf("%+v: quorate %t, carried %t", tt.tally, quorate, carried)
			}
		})
	}
}

func TestEveryVoteIsCountedOnceUpToTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ballots := rapid.SliceOf(rapid.Custom(func(t *rapid.T) assembly.Ballot {
			return assembly.Ballot{Choice: rapid.SampledFrom(assembly.Choices).Draw(t, "choice"), Votes: rapid.Int64Range(1, 500).Draw(t, "votes")}
		})).Draw(t, "ballots")
		var all int64
		for _, b := range ballots {
			all += b.Votes
		}
		tally := assembly.Count(ballots, statutes.Fraction{})
		if tally.Votes() != all || tally.Voters != int64(len(ballots)) {
			t.Errorf("%+v of %d votes by %d", tally, all, len(ballots))
		}
		limit := statutes.MustFraction("1/10")
		capped := assembly.Count(ballots, limit)
		if capped.Votes() > all || capped.Votes() > limit.Floor(all)*capped.Voters || capped.Voters != tally.Voters {
			t.Errorf("%+v capped of %d votes by %d", capped, all, len(ballots))
		}
	})
}
