// Package assembly is the general assembly: members are called to it, its roll
// says who may vote with how many votes, and polls put questions to them.
//
//	Convene         → Convened         assembly/<assembly>           once, with the notice the statutes ask for
//	EnterRoll       → RollEntered      voter/<assembly>/<party>      until the roll is frozen
//	FreezeRoll      → RollFrozen       assembly/<assembly>           once
//	OpenPoll        → PollOpened       poll/<poll>                   once, when the roll is frozen
//	CastVote        → VoteCast         voter/<assembly>/<party>      on the roll, while the poll is open, once per poll
//	ClosePoll       → PollClosed       poll/<poll>                   once
//	DeclareResult   → ResultDeclared   poll/<poll>                   once, when it is closed
//
// A vote has the stream of its voter and only checks that of its poll: voters
// never conflict with each other, and all of them conflict with the closing. So
// none gets in after the close, and what was cast before it can be counted by
// anyone: see [Count].
package assembly

import (
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
)

// StreamOf returns the stream of an assembly.
func StreamOf(id domain.AssemblyID) domain.Stream { return domain.StreamOf("assembly", string(id)) }

// PollStreamOf returns the stream of a poll.
func PollStreamOf(id domain.PollID) domain.Stream { return domain.StreamOf("poll", string(id)) }

// VoterOf returns the stream of one voter in an assembly.
func VoterOf(id domain.AssemblyID, party domain.PartyID) domain.Stream {
	return domain.StreamOf("voter", string(id), string(party))
}

// Kind is the occasion of an assembly.
type Kind string

const (
	Annual        Kind = "annual"        // once a year, on the accounts
	Extraordinary Kind = "extraordinary" // on whatever cannot wait, or changes the statutes
)

func (k Kind) valid() bool { return k == Annual || k == Extraordinary }

// Assembly is what must be known of an assembly in order to decide.
type Assembly struct {
	convened Convened
	frozen   RollFrozen
}

// Convened returns how it was convened, and whether it was.
func (a Assembly) Convened() (Convened, bool) { return a.convened, a.convened.Assembly != "" }

// Roll returns how many are on the roll and with how many votes together, and
// whether it is frozen.
func (a Assembly) Roll() (voters, votes int64, frozen bool) {
	return a.frozen.Voters, a.frozen.Votes, a.frozen.Assembly != ""
}

// Poll is what must be known of a poll in order to decide.
type Poll struct {
	opened   PollOpened // the terms; zero until they are set
	closed   bool
	declared ResultDeclared
}

// Opened returns the terms of the poll, and whether it was ever opened.
func (p Poll) Opened() (PollOpened, bool) { return p.opened, p.opened.Poll != "" }

// Open reports whether votes can be cast at an instant.
func (p Poll) Open(at time.Time) bool {
	return p.opened.Poll != "" && !p.closed && p.opened.running(at)
}

// Closed reports whether it has been closed.
func (p Poll) Closed() bool { return p.closed }

// Result returns the result, and whether it was declared.
func (p Poll) Result() (ResultDeclared, bool) { return p.declared, p.declared.Poll != "" }

// Voter is what must be known of a voter in an assembly.
type Voter struct {
	votes int64 // that they have; 0: not on the roll
	cast  []cast
}

type cast struct {
	poll   domain.PollID
	choice Choice
}

// Votes returns how many votes they have.
func (v Voter) Votes() int64 { return v.votes }

// Choice returns what they said in a poll, and whether they voted.
func (v Voter) Choice(poll domain.PollID) (Choice, bool) {
	i := slices.IndexFunc(v.cast, func(c cast) bool { return c.poll == poll })
	if i < 0 {
		return "", false
	}
	return v.cast[i].choice, true
}

// Choice is what a voter says to a question.
type Choice string

const (
	For     Choice = "for"
	Against Choice = "against"
	Abstain Choice = "abstain"
)

// Choices are all choices, in the order in which they are offered.
var Choices = []Choice{For, Against, Abstain}

func (c Choice) valid() bool { return slices.Contains(Choices, c) }

// Ballot is a vote as it is counted.
type Ballot struct {
	Choice Choice
	Votes  int64 // that the voter has
}

// Tally is how votes were cast.
type Tally struct {
	Voters  int64 `json:"voters"` // who voted, whatever they said
	For     int64 `json:"for"`    // votes
	Against int64 `json:"against"`
	Abstain int64 `json:"abstain"`
}

// Votes returns how many votes were cast together.
func (t Tally) Votes() int64 { return t.For + t.Against + t.Abstain }

// Count counts ballots. Where the statutes have a cap, nobody's votes count for
// more than that part of all the votes cast, rounded down.
func Count(ballots []Ballot, limit statutes.Fraction) (t Tally) {
	var all int64
	for _, b := range ballots {
		all += b.Votes
	}
	for _, b := range ballots {
		votes := b.Votes
		if !limit.IsZero() {
			votes = min(votes, limit.Floor(all))
		}
		t.Voters++
		switch b.Choice {
		case For:
			t.For += votes
		case Against:
			t.Against += votes
		case Abstain:
			t.Abstain += votes
		}
	}
	return t
}

// Outcome returns whether enough took part in a poll, and whether the motion is
// carried: without its quorum nothing is.
func (e PollOpened) Outcome(t Tally) (quorate, carried bool) {
	quorate = true
	if quorum := e.Rule.QuorumFor(e.SecondCall); !quorum.IsZero() {
		if e.Rule.QuorumOf == statutes.OfMembers {
			quorate = quorum.Reached(t.Voters, e.Voters)
		} else {
			quorate = quorum.Reached(t.Votes(), e.Votes)
		}
	}
	return quorate, quorate && e.Rule.Majority.Carries(t.For, t.Against, t.Abstain, e.Rule.Abstentions)
}

// running reports whether at falls within the time for voting.
func (e PollOpened) running(at time.Time) bool {
	return !at.Before(e.OpensAt) && (e.ClosesAt.IsZero() || at.Before(e.ClosesAt))
}

// earliest returns the first day on which an assembly convened on a day may be
// held: the notice counts whole days between the two.
func earliest(convened calendar.Date, notice int) calendar.Date { return convened.AddDays(notice) }
