package assembly

import (
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
)

type (
	assemblyEvent = domain.Event[Assembly]
	pollEvent     = domain.Event[Poll]
	voterEvent    = domain.Event[Voter]
)

// Convened calls the members to an assembly.
type Convened struct {
	Assembly        domain.AssemblyID `json:"assembly"`
	Kind            Kind              `json:"kind"`
	Title           domain.Text       `json:"title"`
	Place           domain.Text       `json:"place,omitzero"`
	On              calendar.Date     `json:"on"`          // that the convocation was sent
	HeldOn          calendar.Date     `json:"held_on"`     // the day of the assembly
	RecordDate      calendar.Date     `json:"record_date"` // who is a member at the end of it is on the roll
	SecondCall      bool              `json:"second_call,omitempty"`
	StatutesVersion int               `json:"statutes_version"`
}

// Evolve returns the assembly once convened.
func (e Convened) Evolve(a Assembly) Assembly {
	a.convened = e
	return a
}

// RollEntered puts somebody on the roll, replaces their votes, or with no votes
// takes them off it.
type RollEntered struct {
	Assembly domain.AssemblyID `json:"assembly"`
	Party    domain.PartyID    `json:"party"`
	Votes    int64             `json:"votes"`
}

// Evolve returns the voter with their votes.
func (e RollEntered) Evolve(v Voter) Voter {
	v.votes = e.Votes
	return v
}

// RollFrozen ends all changes to the roll.
type RollFrozen struct {
	Assembly domain.AssemblyID `json:"assembly"`
	Voters   int64             `json:"voters"` // on the roll
	Votes    int64             `json:"votes"`  // that they have together
	On       calendar.Date     `json:"on"`
}

// Evolve returns the assembly with its roll frozen.
func (e RollFrozen) Evolve(a Assembly) Assembly {
	a.frozen = e
	return a
}

// PollOpened puts a question to those on the roll.
type PollOpened struct {
	Poll            domain.PollID     `json:"poll"`
	Assembly        domain.AssemblyID `json:"assembly"`
	Question        domain.Text       `json:"question"`
	Decision        statutes.Decision `json:"decision"`
	Rule            statutes.Rule     `json:"rule"`         // by which it is decided
	Cap             statutes.Fraction `json:"cap,omitzero"` // see [Count]
	Voters          int64             `json:"voters"`       // on the roll
	Votes           int64             `json:"votes"`        // that they have together
	SecondCall      bool              `json:"second_call,omitempty"`
	OpensAt         time.Time         `json:"opens_at"`
	ClosesAt        time.Time         `json:"closes_at,omitzero"` // the first instant that is too late; zero: when it is closed
	StatutesVersion int               `json:"statutes_version"`
}

// Evolve returns the poll once opened.
func (e PollOpened) Evolve(p Poll) Poll {
	p.opened = e
	return p
}

// VoteCast records one voter's vote.
type VoteCast struct {
	Poll     domain.PollID     `json:"poll"`
	Assembly domain.AssemblyID `json:"assembly"`
	Party    domain.PartyID    `json:"party"`
	Choice   Choice            `json:"choice"`
	Votes    int64             `json:"votes"` // with which it counts
}

// Evolve returns the voter once they have voted.
func (e VoteCast) Evolve(v Voter) Voter {
	v.cast = append(slices.Clip(v.cast), cast{e.Poll, e.Choice})
	return v
}

// PollClosed ends the voting, whatever time was set for it.
type PollClosed struct {
	Poll domain.PollID `json:"poll"`
	At   time.Time     `json:"at"`
}

// Evolve returns the poll once closed.
func (e PollClosed) Evolve(p Poll) Poll {
	p.closed = true
	return p
}

// ResultDeclared is the result.
type ResultDeclared struct {
	Poll domain.PollID `json:"poll"`
	Tally
	Quorate bool `json:"quorate"` // enough took part
	Carried bool `json:"carried"`
}

// Evolve returns the poll with its result.
func (e ResultDeclared) Evolve(p Poll) Poll {
	p.declared = e
	return p
}

// Register enters the events of the assembly.
func Register(r *domain.Registry) {
	domain.Register[Convened](r, "assembly.convened")
	domain.Register[RollEntered](r, "assembly.roll_entered")
	domain.Register[RollFrozen](r, "assembly.roll_frozen")
	domain.Register[PollOpened](r, "assembly.poll_opened")
	domain.Register[VoteCast](r, "assembly.vote_cast")
	domain.Register[PollClosed](r, "assembly.poll_closed")
	domain.Register[ResultDeclared](r, "assembly.result_declared")
}
