package membership

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
)

// MandateID identifies a mandate among those of one party.
type MandateID string

// Capacity is as what somebody acts for a party.
type Capacity string

const (
	Delegate       Capacity = "delegate"       // of an organisation; it may have several
	Guardian       Capacity = "guardian"       // of a minor, until they are of age; they may have several
	NamedVoter     Capacity = "named_voter"    // one of joint holders, who votes for all
	Representative Capacity = "representative" // of an estate, or of who has died as long as the membership lasts
	Liquidator     Capacity = "liquidator"     // of an organisation that is wound up; it may have several
)

// Valid reports whether it is one of these.
func (c Capacity) Valid() bool {
	return c == Delegate || c == Guardian || c == NamedVoter || c == Representative || c == Liquidator
}

// alone reports whether a party has one such mandate at a time.
func (c Capacity) alone() bool { return c == NamedVoter || c == Representative }

// Mandate is that somebody acts for a party from a day through another. One person may
// have any number of them, for several parties, under one login.
type Mandate struct {
	ID       MandateID
	Agent    domain.PartyID // who acts
	Capacity Capacity
	Period   calendar.Period // without end as long as none is known; never in force if the end comes before the beginning
	Proof    domain.DocumentID
}

// InForce reports whether it holds on a day.
func (d Mandate) InForce(on calendar.Date) bool { return d.Period.Contains(on) }

// reaches reports whether it holds on a day or is to hold later.
func (d Mandate) reaches(on calendar.Date) bool {
	through := d.Period.Through
	return through.IsZero() || !through.Before(on) && !through.Before(d.Period.From)
}

// Mandates returns all mandates ever given to act for the party, as they were given.
func (m Member) Mandates() []Mandate { return slices.Clone(m.mandates) }

// agents returns who act for the party in a capacity on a day.
func (m Member) agents(as Capacity, on calendar.Date) (agents []domain.PartyID) {
	for _, d := range m.mandates {
		if d.Capacity == as && d.InForce(on) {
			agents = append(agents, d.Agent)
		}
	}
	return agents
}

func (m Member) mandate(id MandateID) (d Mandate, index int) {
	index = slices.IndexFunc(m.mandates, func(d Mandate) bool { return d.ID == id })
	if index < 0 {
		return d, index
	}
	return m.mandates[index], index
}

// minor reports whether the party is a person known not to be of age on a day.
func (m Member) minor(on calendar.Date, s statutes.Statutes) bool {
	i, _ := m.identity.Reveal()
	return m.kind == Person && !i.BirthDate.IsZero() && on.Before(s.Membership.Minors.MajorityOf(i.BirthDate))
}

// Agents returns who is told, besides the party itself, of what concerns it on a day,
// since they act for it: the guardians of a minor, the delegates of an organisation or
// its liquidators, the named voter of joint holders, the representative of who has died.
func (m Member) Agents(on calendar.Date, s statutes.Statutes) []domain.PartyID {
	died, dead := m.DiedOn()
	switch {
	case m.kind == Joint:
		return m.agents(NamedVoter, on)
	case m.kind == Estate, dead && on.After(died):
		return m.agents(Representative, on)
	case m.woundUp.Party != "" && on.After(m.woundUp.On):
		return m.agents(Liquidator, on)
	case m.kind == Organisation:
		return m.agents(Delegate, on)
	case m.minor(on, s):
		return m.agents(Guardian, on)
	}
	return nil
}

// Voters returns who may cast the party's votes on a day, the party itself among
// them if it may, or the refusal by which its votes are suspended. Votes that are
// suspended are no less there: the shares count as issued, and the member as one.
// Whether the party is a member and on the roll is another question. Delegates by
// role, as they were before there were mandates, are not among those returned: see
// [RoleGranted].
func (m Member) Voters(on calendar.Date, s statutes.Statutes) ([]domain.PartyID, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	needed := func(as Capacity) ([]domain.PartyID, error) {
		if agents := m.agents(as, on); len(agents) > 0 {
			return agents, nil
		}
		return nil, ErrNoVoter.With("capacity", as)
	}
	died, dead := m.DiedOn()
	minors := s.Membership.Minors.Vote
	switch {
	case m.exclusion.silenced(on):
		return nil, ErrSilenced.With("on", m.exclusion.notified.On)
	case m.kind == Joint:
		return needed(NamedVoter)
	case m.kind == Estate, dead && on.After(died):
		return needed(Representative)
	case m.woundUp.Party != "" && on.After(m.woundUp.On):
		return needed(Liquidator)
	case m.minor(on, s) && minors == statutes.Nobody:
		return nil, ErrMinor
	case m.minor(on, s) && minors != statutes.Themselves:
		return needed(Guardian)
	}
	return append([]domain.PartyID{m.party}, m.agents(Delegate, on)...), nil
}

// MandateGiven lets somebody act for a party.
type MandateGiven struct {
	Party    domain.PartyID    `json:"party"` // for whom
	Mandate  MandateID         `json:"mandate"`
	Agent    domain.PartyID    `json:"agent"` // who acts
	Capacity Capacity          `json:"capacity"`
	From     calendar.Date     `json:"from"`
	Through  calendar.Date     `json:"through,omitzero"` // no day: until it is ended
	Proof    domain.DocumentID `json:"proof,omitempty"`
}

func (e MandateGiven) Evolve(m Member) Member {
	m.mandates = append(slices.Clip(m.mandates), e.mandate())
	return m
}

func (e MandateGiven) mandate() Mandate {
	return Mandate{e.Mandate, e.Agent, e.Capacity, calendar.Period{From: e.From, Through: e.Through}, e.Proof}
}

// MandateEnded sets the last day of a mandate, which may lie ahead.
type MandateEnded struct {
	Party   domain.PartyID `json:"party"`
	Mandate MandateID      `json:"mandate"`
	On      calendar.Date  `json:"on"` // the last day; before the first, if it never was in force
}

func (e MandateEnded) Evolve(m Member) Member {
	if _, i := m.mandate(e.Mandate); i >= 0 {
		m.mandates = slices.Clone(m.mandates)
		m.mandates[i].Period.Through = e.On
	}
	return m
}

// GiveMandate lets a person act for a party. What goes together: a delegate and an
// organisation; a guardian and a minor, of whom the birth date is known and until
// whose majority it lasts at most; a named voter and joint holders, being one of them;
// a representative and an estate, or somebody who has died; a liquidator and an
// organisation that is wound up.
type GiveMandate struct {
	Party    domain.PartyID // for whom
	Mandate  MandateID
	Agent    domain.PartyID // who acts
	Capacity Capacity
	From     calendar.Date
	Through  calendar.Date     // no day: until it is ended or, of a guardian, until the majority
	Proof    domain.DocumentID // may be empty
	Statutes statutes.Statutes // which say who is of age
}

func (c GiveMandate) Streams() (party, agent domain.Stream) {
	return StreamOf(c.Party), StreamOf(c.Agent)
}

func (c GiveMandate) Decide(m, agent Member) ([]event, []event, error) {
	given, err := c.give(m, agent)
	if err != nil {
		return nil, nil, err
	}
	return given, nil, nil
}

func (c GiveMandate) give(m, agent Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	switch {
	case c.Mandate == "":
		return nil, ErrIncomplete.With("missing", "id")
	case c.From.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	}
	given := MandateGiven{c.Party, c.Mandate, c.Agent, c.Capacity, c.From, c.Through, c.Proof}
	if err := c.fits(m, &given); err != nil {
		return nil, err
	}
	if known, i := m.mandate(c.Mandate); i >= 0 {
		if known.Agent == given.Agent && known.Capacity == given.Capacity && known.Period.From == given.From && known.Proof == given.Proof {
			return nil, nil // and has ended since, maybe
		}
		return nil, ErrMandateID
	}
	if err := c.mayAct(agent); err != nil {
		return nil, err
	}
	for _, d := range m.mandates {
		if _, both := d.Period.Overlap(given.mandate().Period); both && d.Capacity == c.Capacity && (c.Capacity.alone() || d.Agent == c.Agent) {
			return nil, ErrMandateTaken.With("capacity", c.Capacity).With("agent", d.Agent)
		}
	}
	return []event{given}, nil
}

// fits reports why nobody can act for the party in that capacity, if that is so, and
// has a guardian act no longer than until the majority.
func (c GiveMandate) fits(m Member, given *MandateGiven) error {
	_, dead := m.DiedOn()
	fits := false
	switch c.Capacity {
	case Delegate:
		fits = m.kind == Organisation && m.woundUp.Party == ""
	case Liquidator:
		fits = m.woundUp.Party != "" && m.woundUp.How != ByMerger
	case NamedVoter:
		fits = m.kind == Joint
	case Representative:
		fits = m.kind == Estate || dead
	case Guardian:
		fits = m.kind == Person && !dead
	}
	if !fits {
		return ErrCapacity
	}
	if c.Capacity == NamedVoter && !slices.Contains(m.holders, c.Agent) {
		return ErrNotHolder
	}
	if c.Capacity == Guardian {
		i, _ := m.identity.Reveal()
		if i.BirthDate.IsZero() {
			return ErrIncomplete.With("missing", "birth date")
		}
		if !m.minor(c.From, c.Statutes) {
			return ErrOfAge.With("on", c.Statutes.Membership.Minors.MajorityOf(i.BirthDate))
		}
		if last := c.Statutes.Membership.Minors.MajorityOf(i.BirthDate).AddDays(-1); given.Through.IsZero() || given.Through.After(last) {
			given.Through = last
		}
	}
	if !given.Through.IsZero() && given.Through.Before(given.From) {
		return ErrTooEarly.With("earliest", given.From)
	}
	return nil
}

// mayAct reports why the agent cannot act for anybody, if that is so.
func (c GiveMandate) mayAct(agent Member) error {
	if err := agent.known(); err != nil {
		return err
	}
	if err := agent.gone(); err != nil {
		return err
	}
	if c.Agent == c.Party || agent.kind != Person || agent.minor(c.From, c.Statutes) {
		return ErrAgent
	}
	return nil
}

// HandOverMandate ends a mandate and gives one in the same capacity to a successor
// who acts from the next day on, so that there is no day without.
type HandOverMandate struct {
	Party    domain.PartyID
	Mandate  MandateID // of the predecessor
	To       MandateID // of the successor
	Agent    domain.PartyID
	On       calendar.Date // the first day of the successor
	Through  calendar.Date
	Proof    domain.DocumentID
	Statutes statutes.Statutes
}

func (c HandOverMandate) Streams() (party, agent domain.Stream) {
	return StreamOf(c.Party), StreamOf(c.Agent)
}

func (c HandOverMandate) Decide(m, agent Member) ([]event, []event, error) {
	if err := m.known(); err != nil {
		return nil, nil, err
	}
	was, i := m.mandate(c.Mandate)
	if i < 0 {
		return nil, nil, ErrNoMandate
	}
	give := GiveMandate{c.Party, c.To, c.Agent, was.Capacity, c.On, c.Through, c.Proof, c.Statutes}
	if _, given := m.mandate(c.To); given >= 0 {
		_, err := give.give(m, agent)
		return nil, nil, err
	}
	last := c.On.AddDays(-1)
	switch {
	case c.On.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "date")
	case !was.InForce(last):
		return nil, nil, ErrNotInForce.With("on", last)
	}
	var ended []event
	if was.Period.Through != last {
		ended = []event{MandateEnded{c.Party, c.Mandate, last}}
		m = ended[0].Evolve(m)
	}
	given, err := give.give(m, agent)
	if err != nil {
		return nil, nil, err
	}
	return append(ended, given...), nil, nil
}

// EndMandate sets the last day of a mandate that is in force or to come.
type EndMandate struct {
	Party   domain.PartyID
	Mandate MandateID
	On      calendar.Date // the last day; before the first, and it never is in force
}

func (c EndMandate) Stream() domain.Stream { return StreamOf(c.Party) }

func (c EndMandate) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	d, i := m.mandate(c.Mandate)
	switch {
	case i < 0:
		return nil, ErrNoMandate
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case d.Period.Through == c.On:
		return nil, nil
	case !d.Period.Through.IsZero() && c.On.After(d.Period.Through):
		return nil, ErrTooLate.With("through", d.Period.Through)
	}
	return []event{MandateEnded(c)}, nil
}

// endMandates ends those in force, or to come, of which that is so, on their last day.
func (m Member) endMandates(on calendar.Date, which func(Mandate) bool) (events []event) {
	for _, d := range m.mandates {
		if d.reaches(on.AddDays(1)) && which(d) {
			events = append(events, MandateEnded{m.party, d.ID, on})
		}
	}
	return events
}
