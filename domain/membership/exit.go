package membership

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// Reason is why a membership ended.
type Reason string

const (
	Resigned  Reason = "resigned"
	Excluded  Reason = "excluded"
	Deceased  Reason = "deceased"
	Dissolved Reason = "dissolved" // an organisation: by merger, liquidation or bankruptcy
	Withdrawn Reason = "withdrawn" // a new member, within the time of the statutes
	Duplicate Reason = "duplicate" // it was found to be that of another member
)

func (r Reason) valid() bool {
	return r == Resigned || r == Excluded || r == Deceased || r == Dissolved || r == Withdrawn || r == Duplicate
}

// WindingUp is how an organisation comes to its end.
type WindingUp string

const (
	ByDissolution WindingUp = "dissolution" // it is liquidated
	ByBankruptcy  WindingUp = "bankruptcy"
	ByMerger      WindingUp = "merger" // another has all that it had, and it is no more
)

// Valid reports whether it is one of these.
func (w WindingUp) Valid() bool { return w == ByDissolution || w == ByBankruptcy || w == ByMerger }

// An Act is something that a party did on a day, or that was done to it: a vote, a
// dividend, an invoice.
type Act struct {
	What string
	ID   string
	On   calendar.Date
}

// Mistaken returns the days on which the party was taken for what it was no more: for
// alive, for an organisation of full rights, or for a member. It was learnt too late. The
// last of them is the day on which it was learnt.
func (m Member) Mistaken() (p calendar.Period, any bool) {
	for _, fact := range []struct{ on, learnt calendar.Date }{
		{m.died.On, m.died.LearntOn}, {m.woundUp.On, m.woundUp.LearntOn}, {m.end.On, m.end.LearntOn},
	} {
		if fact.learnt.After(fact.on) && (!any || fact.on.Before(p.From)) {
			p, any = calendar.Period{From: fact.on.AddDays(1), Through: fact.learnt}, true
		}
	}
	return p, any
}

// Flag returns those acts that fell in the time of [Member.Mistaken]: votes that were
// cast by nobody, dividends to be reckoned anew.
func (m Member) Flag(acts []Act) (flagged []Act) {
	p, any := m.Mistaken()
	for _, a := range acts {
		if any && p.Contains(a.On) {
			flagged = append(flagged, a)
		}
	}
	return flagged
}

// ResignationRequested is a member giving notice.
type ResignationRequested struct {
	Party           domain.PartyID `json:"party"`
	On              calendar.Date  `json:"on"`                      // that notice was given
	EffectiveOn     calendar.Date  `json:"effective_on"`            // the last day of membership
	Deferred        bool           `json:"deferred,omitempty"`      // it came too late for the window, and counts for the next
	BelowMinimum    bool           `json:"below_minimum,omitempty"` // it leaves fewer members than the statutes ask for
	StatutesVersion int            `json:"statutes_version"`
}

func (e ResignationRequested) Evolve(m Member) Member {
	m.resignation, m.unresigned = e, ResignationWithdrawn{}
	return m
}

// resignationRequestedV1 is edition 1: it did not say what was out of the ordinary.
type resignationRequestedV1 struct {
	Party           domain.PartyID `json:"party"`
	On              calendar.Date  `json:"on"`
	EffectiveOn     calendar.Date  `json:"effective_on"`
	StatutesVersion int            `json:"statutes_version"`
}

func resignationRequestedFromV1(e resignationRequestedV1) ResignationRequested {
	return ResignationRequested{Party: e.Party, On: e.On, EffectiveOn: e.EffectiveOn, StatutesVersion: e.StatutesVersion}
}

// ResignationWithdrawn says that a member stays who has resigned: there is no end of
// the membership any more.
type ResignationWithdrawn struct {
	Party           domain.PartyID `json:"party"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e ResignationWithdrawn) Evolve(m Member) Member {
	m.unresigned, m.resignation, m.end, m.member = e, ResignationRequested{}, Ended{}, true
	return m
}

// Ended sets the last day of a membership. It may lie ahead, when a member has
// resigned, or back, when a death is learnt of late. A second one takes the place
// of the first: who resigned may die before.
type Ended struct {
	Party    domain.PartyID     `json:"party"`
	Reason   Reason             `json:"reason"`
	On       calendar.Date      `json:"on"`                 // the last day
	LearntOn calendar.Date      `json:"learnt_on,omitzero"` // that the co-op learnt of what ended it, where it did not decide so
	Why      sealed.Box[string] `json:"why,omitzero"`       // of class register: the grounds of an exclusion
}

func (e Ended) Evolve(m Member) Member {
	m.end, m.member = e, false
	return m
}

// endedV1 is edition 1: when it was learnt is only in the log.
type endedV1 struct {
	Party  domain.PartyID     `json:"party"`
	Reason Reason             `json:"reason"`
	On     calendar.Date      `json:"on"`
	Why    sealed.Box[string] `json:"why,omitzero"`
}

func endedFromV1(e endedV1) Ended {
	return Ended{Party: e.Party, Reason: e.Reason, On: e.On, Why: e.Why}
}

// Died says on which day a person has died, and on which the co-op learnt of it.
type Died struct {
	Party    domain.PartyID `json:"party"`
	On       calendar.Date  `json:"on"`
	LearntOn calendar.Date  `json:"learnt_on"`
}

func (e Died) Evolve(m Member) Member {
	m.died = e
	return m
}

// WoundUp says how and on which day an organisation came to its end, and on which the
// co-op learnt of it. In liquidation and in bankruptcy it acts by a liquidator still.
type WoundUp struct {
	Party     domain.PartyID `json:"party"`
	How       WindingUp      `json:"how"`
	On        calendar.Date  `json:"on"`
	LearntOn  calendar.Date  `json:"learnt_on"`
	Successor domain.PartyID `json:"successor,omitempty"` // after a merger, where it is known
}

func (e WoundUp) Evolve(m Member) Member {
	m.woundUp = e
	return m
}

// EndRevoked takes back that a membership ended, or that a party came to its end: it
// was recorded by mistake, or an exclusion was annulled. A resignation that came
// before holds again.
type EndRevoked struct {
	Party  domain.PartyID     `json:"party"`
	Reason Reason             `json:"reason,omitempty"` // why the membership was to have ended; empty where it had not
	On     calendar.Date      `json:"on"`
	Why    sealed.Box[string] `json:"why"` // of class register
}

func (e EndRevoked) Evolve(m Member) Member {
	m.revoked, m.died, m.woundUp = e, Died{}, WoundUp{}
	if e.Reason == "" {
		return m
	}
	m.exclusion, m.end, m.member = exclusion{}, m.byResignation(), m.resignation.Party == ""
	return m
}

// byResignation returns how the membership ends if nothing but a resignation ends it.
func (m Member) byResignation() Ended {
	if m.resignation.Party == "" {
		return Ended{}
	}
	return Ended{Party: m.party, Reason: Resigned, On: m.resignation.EffectiveOn}
}

// Resign is a member giving notice. The statutes say when it takes effect; until
// then nothing changes. What comes too late for this year is not refused, but
// counts for the next.
type Resign struct {
	Party domain.PartyID
	On    calendar.Date // that notice is given
	// Members is how many members there are on the day after it takes effect, if this
	// one stays. 0: nobody has counted, and nothing is said of it where the statutes
	// only warn.
	Members  int
	Statutes statutes.Statutes
}

func (c Resign) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Resign) Decide(m Member) ([]event, error) {
	founders, minimum := c.Statutes.FoundersMayResign(m.since()), c.Statutes.Membership.Minimum
	counted := minimum.Members > 0 && c.Members > 0
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.resignation.Party != "" && m.resignation.On == c.On:
		return nil, nil
	case m.end.Reason == Resigned && m.IsMember(c.On):
		return nil, ErrResigned.With("on", m.end.On)
	case !m.IsMember(c.On) || !m.member:
		return nil, ErrNotMember.With("on", c.On)
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case m.founder && c.On.Before(founders):
		return nil, ErrFounder.With("earliest", founders)
	case minimum.Below == statutes.Block && !counted:
		return nil, ErrIncomplete.With("missing", "number of members")
	case minimum.Below == statutes.Block && minimum.Short(c.Members-1):
		return nil, ErrTooFewMembers.With("least", minimum.Members)
	}
	ends := c.Statutes.ResignationEnds(c.On)
	return []event{
		ResignationRequested{
			Party: c.Party, On: c.On, EffectiveOn: ends, Deferred: c.Statutes.ResignationDeferred(c.On),
			BelowMinimum: counted && minimum.Short(c.Members-1), StatutesVersion: c.Statutes.Version,
		},
		Ended{Party: c.Party, Reason: Resigned, On: ends},
	}, nil
}

// since returns the first day of the first membership.
func (m Member) since() calendar.Date {
	if len(m.past) > 0 {
		return m.past[0].From
	}
	return m.admission.On
}

// WithdrawResignation has a member stay after all, who has resigned: before it has
// taken effect, and where the statutes let.
type WithdrawResignation struct {
	Party    domain.PartyID
	On       calendar.Date
	Statutes statutes.Statutes
}

func (c WithdrawResignation) Stream() domain.Stream { return StreamOf(c.Party) }

func (c WithdrawResignation) Decide(m Member) ([]event, error) {
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.unresigned.Party != "" && m.unresigned.On == c.On:
		return nil, nil
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case m.end.Reason != Resigned || m.resignation.Party == "":
		return nil, ErrNotResigned
	case !c.Statutes.Membership.Resignation.Withdrawable:
		return nil, ErrBinding
	case c.On.Before(m.resignation.On):
		return nil, ErrTooEarly.With("earliest", m.resignation.On)
	case c.On.After(m.end.On):
		return nil, ErrTooLate.With("through", m.end.On)
	}
	return []event{ResignationWithdrawn{c.Party, c.On, c.Statutes.Version}}, nil
}

// Decease records that a person has died. Membership ends by itself, as the statutes
// say (in Belgium on the day of the death, CSA 6:121; in Germany with the fiscal
// year, GenG §77), however late the co-op hears of it; a founder's too. It can be
// recorded anew with another day, which takes the place of the first.
type Decease struct {
	Party    domain.PartyID
	On       calendar.Date
	LearntOn calendar.Date
	Statutes statutes.Statutes
}

func (c Decease) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Decease) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	died := Died{c.Party, c.On, c.LearntOn}
	switch {
	case m.died == died:
		return nil, nil
	case m.kind != Person && m.kind != "":
		return nil, ErrKindOfEnd
	}
	if err := learnt(c.On, c.LearntOn, c.Statutes); err != nil {
		return nil, err
	}
	events := []event{died}
	if m.died.Party == "" { // whoever represents them now is named after
		events = append(events, m.endMandates(c.On, func(Mandate) bool { return true })...)
	}
	return append(events, m.ends(Deceased, c.On, c.LearntOn, c.Statutes)...), nil
}

// learnt reports what is missing of something that the co-op learns of.
func learnt(on, learnt calendar.Date, s statutes.Statutes) error {
	switch {
	case on.IsZero():
		return ErrIncomplete.With("missing", "date")
	case learnt.IsZero():
		return ErrIncomplete.With("missing", "day on which it was learnt")
	case learnt.Before(on):
		return ErrTooEarly.With("earliest", on)
	case s.Version == 0:
		return ErrIncomplete.With("missing", "the statutes in force")
	}
	return nil
}

// ends returns how the last membership ends by what happened to the party, unless it
// ended before by itself. An end by such a thing that was recorded before counts no
// more. Of who was admitted after their death the membership never began.
func (m Member) ends(reason Reason, on, learnt calendar.Date, s statutes.Statutes) []event {
	period, ever := m.Period()
	otherwise, corrected := m.end, m.end.Reason == Deceased || m.end.Reason == Dissolved
	if corrected {
		otherwise = m.byResignation()
	}
	last := s.LastDay(s.Membership.Death.Effect, on)
	if on.Before(period.From) {
		last = period.From.AddDays(-1)
	}
	switch before := otherwise.Party != "" && otherwise.On.Before(last); {
	case !ever || before && !corrected:
		return nil
	case before:
		return []event{otherwise}
	}
	return []event{Ended{Party: m.party, Reason: reason, On: last, LearntOn: learnt}}
}

// WindUp records that an organisation is dissolved, bankrupt or merged into another:
// membership ends by itself, as at a death (CSA 6:121; GenG §77a). Its delegates act
// no more from the next day on; a liquidator does, who is given a mandate.
type WindUp struct {
	Party     domain.PartyID
	How       WindingUp
	On        calendar.Date
	LearntOn  calendar.Date
	Successor domain.PartyID // of one that is merged, if it is known here
	Statutes  statutes.Statutes
}

func (c WindUp) Stream() domain.Stream { return StreamOf(c.Party) }

func (c WindUp) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	wound := WoundUp{c.Party, c.How, c.On, c.LearntOn, c.Successor}
	switch {
	case m.woundUp == wound:
		return nil, nil
	case m.kind != Organisation:
		return nil, ErrKindOfEnd
	case !c.How.Valid():
		return nil, ErrIncomplete.With("missing", "how it came to its end")
	case c.Successor != "" && (c.How != ByMerger || c.Successor == c.Party):
		return nil, ErrIncomplete.With("missing", "successor")
	}
	if err := learnt(c.On, c.LearntOn, c.Statutes); err != nil {
		return nil, err
	}
	events := append([]event{wound}, m.endMandates(c.On, func(d Mandate) bool { return d.Capacity == Delegate || c.How == ByMerger })...)
	return append(events, m.ends(Dissolved, c.On, c.LearntOn, c.Statutes)...), nil
}

// RevokeEnd takes back an end that was recorded by mistake, or that a court or the
// assembly has annulled: a death, a winding-up or an exclusion. Mandates that ended
// with it are given anew. A resignation is withdrawn instead.
type RevokeEnd struct {
	Party domain.PartyID
	On    calendar.Date
	Why   string
}

func (c RevokeEnd) Stream() domain.Stream { return StreamOf(c.Party) }

func (c RevokeEnd) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	reason := m.end.Reason
	if reason != Deceased && reason != Dissolved && reason != Excluded {
		reason = ""
	}
	switch {
	case c.Why == "":
		return nil, ErrIncomplete.With("missing", "reasons")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case reason != "" || m.died.Party != "" || m.woundUp.Party != "":
		return []event{EndRevoked{c.Party, reason, c.On, textOf(c.Party, c.Why)}}, nil
	case m.revoked.Party != "" && m.revoked.On == c.On:
		return nil, nil
	}
	return nil, ErrNoEnd
}
