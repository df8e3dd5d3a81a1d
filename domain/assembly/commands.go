package assembly

import (
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
)

// The rules by which the assembly says no.
var (
	ErrConvened     = domain.Refusal{Code: "assembly.convened", Reason: "this assembly was convened on other terms: convene another"}
	ErrNotConvened  = domain.Refusal{Code: "assembly.not_convened", Reason: "there is no such assembly: convene it first"}
	ErrIncomplete   = domain.Refusal{Code: "assembly.incomplete", Reason: "{missing} is missing or unknown"}
	ErrNotice       = domain.Refusal{Code: "assembly.notice_too_short", Reason: "members are called {days} days ahead: hold the assembly on {earliest} or later", Source: "statutes; CSA 6:70"}
	ErrRollFrozen   = domain.Refusal{Code: "assembly.roll_frozen", Reason: "the roll is frozen: nobody is added to it or taken off"}
	ErrRollOpen     = domain.Refusal{Code: "assembly.roll_open", Reason: "freeze the roll first: until then nobody knows who may vote"}
	ErrRollEmpty    = domain.Refusal{Code: "assembly.roll_empty", Reason: "there is nobody on the roll"}
	ErrTooEarly     = domain.Refusal{Code: "assembly.too_early", Reason: "the roll is of those who are members at the end of {record_date}: freeze it on a later day"}
	ErrOpened       = domain.Refusal{Code: "assembly.poll_opened", Reason: "this poll was opened on other terms: open another"}
	ErrNoSuchPoll   = domain.Refusal{Code: "assembly.no_such_poll", Reason: "there is no such poll"}
	ErrNotOpen      = domain.Refusal{Code: "assembly.not_open", Reason: "the poll is closed"}
	ErrStillOpen    = domain.Refusal{Code: "assembly.still_open", Reason: "the poll is still open: close it first"}
	ErrOutOfTime    = domain.Refusal{Code: "assembly.out_of_time", Reason: "voting runs from {opens} to {closes}"}
	ErrNotOnRoll    = domain.Refusal{Code: "assembly.not_on_roll", Reason: "only members on the roll may vote"}
	ErrNoSuchChoice = domain.Refusal{Code: "assembly.no_such_choice", Reason: "vote for, against or abstain"}
	ErrVoted        = domain.Refusal{Code: "assembly.already_voted", Reason: "you have voted already: a vote that was cast stays as it is"}
	ErrTally        = domain.Refusal{Code: "assembly.impossible_tally", Reason: "this tally has more voters or votes than the roll: count again"}
	ErrDeclared     = domain.Refusal{Code: "assembly.declared", Reason: "another result was declared: count again"}
)

// Convene calls the members to an assembly. Its record date follows from the
// statutes.
type Convene struct {
	Assembly   domain.AssemblyID
	Kind       Kind
	Title      domain.Text
	Place      domain.Text
	On         calendar.Date // that the convocation is sent
	HeldOn     calendar.Date
	SecondCall bool // for want of a quorum at the first
	Statutes   statutes.Statutes
}

// Stream is that of the assembly.
func (c Convene) Stream() domain.Stream { return StreamOf(c.Assembly) }

// Decide lets an assembly be convened once.
func (c Convene) Decide(a Assembly) ([]assemblyEvent, error) {
	convened := Convened{
		c.Assembly, c.Kind, c.Title, c.Place, c.On, c.HeldOn,
		c.HeldOn.AddDays(-c.Statutes.Assembly.RecordDays), c.SecondCall, c.Statutes.Version,
	}
	notice := c.Statutes.Assembly.Notice(c.SecondCall)
	switch was, done := a.Convened(); {
	case done && was == convened:
		return nil, nil
	case done:
		return nil, ErrConvened
	case c.Assembly == "":
		return nil, ErrIncomplete.With("missing", "the id")
	case !c.Kind.valid():
		return nil, ErrIncomplete.With("missing", "the kind, annual or extraordinary,")
	case c.Title.IsZero():
		return nil, ErrIncomplete.With("missing", "the title")
	case c.On.IsZero() || c.HeldOn.IsZero():
		return nil, ErrIncomplete.With("missing", "the day of the convocation or of the assembly")
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.HeldOn.Before(earliest(c.On, notice)):
		return nil, ErrNotice.With("days", notice).With("earliest", earliest(c.On, notice))
	}
	return []assemblyEvent{convened}, nil
}

// EnterRoll puts somebody on the roll, with so many votes, or without any takes
// them off it.
type EnterRoll struct {
	Assembly domain.AssemblyID
	Party    domain.PartyID
	Votes    int64
}

// Streams are those of the assembly and the voter.
func (c EnterRoll) Streams() (assembly, voter domain.Stream) {
	return StreamOf(c.Assembly), VoterOf(c.Assembly, c.Party)
}

// Decide lets the roll change until it is frozen.
func (c EnterRoll) Decide(a Assembly, v Voter) ([]assemblyEvent, []voterEvent, error) {
	_, convened := a.Convened()
	_, _, frozen := a.Roll()
	switch {
	case !convened:
		return nil, nil, ErrNotConvened
	case v.votes == max(c.Votes, 0):
		return nil, nil, nil
	case frozen:
		return nil, nil, ErrRollFrozen
	}
	return nil, []voterEvent{RollEntered{c.Assembly, c.Party, max(c.Votes, 0)}}, nil
}

// FreezeRoll ends all changes to the roll, when all who were entitled at the end
// of the record date have been entered.
type FreezeRoll struct {
	Assembly domain.AssemblyID
	Voters   int64 // who were entered
	Votes    int64 // that they have together
	On       calendar.Date
}

// Stream is that of the assembly.
func (c FreezeRoll) Stream() domain.Stream { return StreamOf(c.Assembly) }

// Decide lets the roll be frozen once.
func (c FreezeRoll) Decide(a Assembly) ([]assemblyEvent, error) {
	convened, ok := a.Convened()
	_, _, frozen := a.Roll()
	switch {
	case !ok:
		return nil, ErrNotConvened
	case frozen:
		return nil, nil
	case c.Voters < 1 || c.Votes < c.Voters:
		return nil, ErrRollEmpty
	case !c.On.After(convened.RecordDate):
		return nil, ErrTooEarly.With("record_date", convened.RecordDate)
	}
	return []assemblyEvent{RollFrozen(c)}, nil
}

// OpenPoll puts a question to those on the roll.
type OpenPoll struct {
	Poll     domain.PollID
	Assembly domain.AssemblyID
	Question domain.Text
	Decision statutes.Decision
	OpensAt  time.Time
	ClosesAt time.Time         // the first instant that is too late; zero: when it is closed
	Statutes statutes.Statutes // in force on the day of the assembly
}

// Streams are those of the assembly and the poll.
func (c OpenPoll) Streams() (assembly, poll domain.Stream) {
	return StreamOf(c.Assembly), PollStreamOf(c.Poll)
}

// Decide lets a poll be opened once, on terms that stay.
func (c OpenPoll) Decide(a Assembly, p Poll) ([]assemblyEvent, []pollEvent, error) {
	convened, ok := a.Convened()
	voters, votes, frozen := a.Roll()
	rule, known := c.Statutes.Assembly.Decisions.Rule(c.Decision)
	opened := PollOpened{
		c.Poll, c.Assembly, c.Question, c.Decision, rule, c.Statutes.Assembly.Votes.Cap, voters, votes,
		convened.SecondCall, c.OpensAt.UTC(), c.ClosesAt.UTC(), c.Statutes.Version,
	}
	if c.ClosesAt.IsZero() {
		opened.ClosesAt = time.Time{}
	}
	switch was, done := p.Opened(); {
	case done && was.sameTerms(opened):
		return nil, nil, nil
	case done:
		return nil, nil, ErrOpened
	case !ok:
		return nil, nil, ErrNotConvened
	case !frozen:
		return nil, nil, ErrRollOpen
	case c.Poll == "":
		return nil, nil, ErrIncomplete.With("missing", "the id")
	case c.Question.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "the question")
	case !known:
		return nil, nil, ErrIncomplete.With("missing", "the kind of decision")
	case c.Statutes.Version == 0:
		return nil, nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.OpensAt.IsZero() || !c.ClosesAt.IsZero() && !c.OpensAt.Before(c.ClosesAt):
		return nil, nil, ErrIncomplete.With("missing", "a time for voting, from one instant to a later one,")
	}
	return nil, []pollEvent{opened}, nil
}

func (e PollOpened) sameTerms(f PollOpened) bool {
	sameTime := e.OpensAt.Equal(f.OpensAt) && e.ClosesAt.Equal(f.ClosesAt)
	e.OpensAt, e.ClosesAt = f.OpensAt, f.ClosesAt
	return sameTime && e == f
}

// CastVote is a member voting at an instant.
type CastVote struct {
	Poll     domain.PollID
	Assembly domain.AssemblyID // to which the poll belongs
	Party    domain.PartyID
	Choice   Choice
	At       time.Time
}

// Streams are those of the poll, which is only checked, and of the voter.
func (c CastVote) Streams() (poll, voter domain.Stream) {
	return PollStreamOf(c.Poll), VoterOf(c.Assembly, c.Party)
}

// Decide lets each voter vote once.
func (c CastVote) Decide(p Poll, v Voter) ([]pollEvent, []voterEvent, error) {
	opened, ok := p.Opened()
	cast, voted := v.Choice(c.Poll)
	switch {
	case !ok || opened.Assembly != c.Assembly:
		return nil, nil, ErrNoSuchPoll
	case !c.Choice.valid():
		return nil, nil, ErrNoSuchChoice
	case voted && cast == c.Choice:
		return nil, nil, nil // said twice, counted once, even after the close
	case voted:
		return nil, nil, ErrVoted
	case p.closed:
		return nil, nil, ErrNotOpen
	case v.votes < 1:
		return nil, nil, ErrNotOnRoll
	case !opened.running(c.At):
		return nil, nil, ErrOutOfTime.With("opens", opened.OpensAt).With("closes", opened.ClosesAt)
	}
	return nil, []voterEvent{VoteCast{c.Poll, c.Assembly, c.Party, c.Choice, v.votes}}, nil
}

// ClosePoll ends the voting.
type ClosePoll struct {
	Poll domain.PollID
	At   time.Time
}

// Stream is that of the poll.
func (c ClosePoll) Stream() domain.Stream { return PollStreamOf(c.Poll) }

// Decide lets a poll be closed once, for good.
func (c ClosePoll) Decide(p Poll) ([]pollEvent, error) {
	switch _, ok := p.Opened(); {
	case !ok:
		return nil, ErrNoSuchPoll
	case p.closed:
		return nil, nil
	}
	return []pollEvent{PollClosed{c.Poll, c.At.UTC()}}, nil
}

// DeclareResult says what came of a poll, of which all votes were counted.
type DeclareResult struct {
	Poll  domain.PollID
	Tally Tally
}

// Stream is that of the poll.
func (c DeclareResult) Stream() domain.Stream { return PollStreamOf(c.Poll) }

// Decide lets one result be declared, by the rule the poll was opened under.
func (c DeclareResult) Decide(p Poll) ([]pollEvent, error) {
	opened, ok := p.Opened()
	quorate, carried := opened.Outcome(c.Tally)
	declared := ResultDeclared{c.Poll, c.Tally, quorate, carried}
	switch was, done := p.Result(); {
	case !ok:
		return nil, ErrNoSuchPoll
	case done && was == declared:
		return nil, nil
	case done:
		return nil, ErrDeclared
	case !p.closed:
		return nil, ErrStillOpen
	case c.Tally.Voters > opened.Voters || c.Tally.Votes() > opened.Votes:
		return nil, ErrTally
	}
	return []pollEvent{declared}, nil
}
