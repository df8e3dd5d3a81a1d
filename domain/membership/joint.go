package membership

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// Holders returns who hold together as one party: joint holders, or the heirs of an
// estate as far as they are known.
func (m Member) Holders() []domain.PartyID { return slices.Clone(m.holders) }

// EstateOf returns whose estate it is, or "".
func (m Member) EstateOf() domain.PartyID { return m.estateOf }

// Estate returns the estate that the party has left, or "".
func (m Member) Estate() domain.PartyID { return m.estate }

// JointFormed says that several parties hold shares together, as one party of its
// own. One of them is to be named who votes for all.
type JointFormed struct {
	Party   domain.PartyID   `json:"party"`
	Holders []domain.PartyID `json:"holders"`
	On      calendar.Date    `json:"on"`
}

func (e JointFormed) Evolve(m Member) Member {
	m.party, m.kind, m.holders = e.Party, Joint, e.Holders
	return m
}

// HoldersChanged says who hold together from a day on.
type HoldersChanged struct {
	Party   domain.PartyID   `json:"party"`
	Holders []domain.PartyID `json:"holders"`
	On      calendar.Date    `json:"on"`
}

func (e HoldersChanged) Evolve(m Member) Member {
	m.holders = e.Holders
	return m
}

// EstateOpened says that a party is what somebody has left who has died, to be
// settled among the heirs.
type EstateOpened struct {
	Party domain.PartyID   `json:"party"`
	Of    domain.PartyID   `json:"of"`
	Heirs []domain.PartyID `json:"heirs,omitempty"` // as far as they are known
	On    calendar.Date    `json:"on"`
}

func (e EstateOpened) Evolve(m Member) Member {
	m.party, m.kind, m.estateOf, m.holders = e.Party, Estate, e.Of, e.Heirs
	return m
}

// LeftEstate says the same of who has died.
type LeftEstate struct {
	Party  domain.PartyID `json:"party"`
	Estate domain.PartyID `json:"estate"`
	On     calendar.Date  `json:"on"`
}

func (e LeftEstate) Evolve(m Member) Member {
	m.estate = e.Estate
	return m
}

// FormJoint makes parties known who hold shares together: at least two. The joint
// party applies for membership as any other does; each of them may be a member too.
type FormJoint struct {
	Party    domain.PartyID
	Identity Identity // how they are called together, and where they are reached
	Holders  []domain.PartyID
	On       calendar.Date
}

func (c FormJoint) Stream() domain.Stream { return StreamOf(c.Party) }

func (c FormJoint) Decide(m Member) ([]event, error) {
	if m.merged.Party != "" {
		return nil, ErrMerged.With("into", m.merged.Into)
	}
	if err := particulars(c.Party, Joint, c.Identity, Contact{}, "", c.On); err != nil {
		return nil, err
	}
	box := sealed.New(c.Party, sealed.Register, c.Identity)
	switch {
	case m.kind == Joint && m.identity.Equal(box) && slices.Equal(m.holders, c.Holders):
		return nil, nil
	case m.kind != "":
		return nil, ErrKind
	case !distinct(c.Party, c.Holders) || len(c.Holders) < 2:
		return nil, ErrHolders
	}
	return []event{IdentityChanged{c.Party, Joint, box, c.On}, JointFormed{c.Party, slices.Clone(c.Holders), c.On}}, nil
}

// distinct reports whether all are others than the party and each other.
func distinct(party domain.PartyID, others []domain.PartyID) bool {
	for i, other := range others {
		if other == "" || other == party || slices.Index(others, other) < i {
			return false
		}
	}
	return true
}

// ChangeHolders says who hold together now. The mandate of a named voter who is none
// of them any more ends the day before. Where one holder is left, the shares are
// transferred to them instead.
type ChangeHolders struct {
	Party   domain.PartyID
	Holders []domain.PartyID
	On      calendar.Date
}

func (c ChangeHolders) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ChangeHolders) Decide(m Member) (events []event, err error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	switch {
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case m.kind != Joint && m.kind != Estate, !distinct(c.Party, c.Holders), m.kind == Joint && len(c.Holders) < 2:
		return nil, ErrHolders
	case slices.Equal(m.holders, c.Holders):
		return nil, nil
	}
	for _, d := range m.mandates {
		if d.Capacity == NamedVoter && d.reaches(c.On) && !slices.Contains(c.Holders, d.Agent) {
			events = append(events, MandateEnded{c.Party, d.ID, c.On.AddDays(-1)})
		}
	}
	return append(events, HoldersChanged{c.Party, slices.Clone(c.Holders), c.On}), nil
}

// OpenEstate makes a party known that somebody has left who has died: it has what was
// theirs until it is settled, acts by a representative, and becomes no member. Heirs
// who want the shares apply for themselves, where the statutes let them, and get
// numbers of their own.
type OpenEstate struct {
	Party    domain.PartyID
	Of       domain.PartyID
	Identity Identity // how it is called, and where it is reached
	Heirs    []domain.PartyID
	On       calendar.Date
}

func (c OpenEstate) Streams() (estate, deceased domain.Stream) {
	return StreamOf(c.Party), StreamOf(c.Of)
}

func (c OpenEstate) Decide(m, of Member) (ofEstate, ofDeceased []event, err error) {
	if m.merged.Party != "" {
		return nil, nil, ErrMerged.With("into", m.merged.Into)
	}
	if err := of.known(); err != nil {
		return nil, nil, err
	}
	if err := particulars(c.Party, Estate, c.Identity, Contact{}, "", c.On); err != nil {
		return nil, nil, err
	}
	on, died := of.DiedOn()
	switch {
	case of.estate == c.Party:
		return nil, nil, nil
	case of.estate != "":
		return nil, nil, ErrEstateOpen.With("estate", of.estate)
	case !died:
		return nil, nil, ErrAlive
	case c.On.Before(on):
		return nil, nil, ErrTooEarly.With("earliest", on)
	case m.kind != "":
		return nil, nil, ErrKind
	case !distinct(c.Party, c.Heirs) || slices.Contains(c.Heirs, c.Of):
		return nil, nil, ErrHolders
	}
	box := sealed.New(c.Party, sealed.Register, c.Identity)
	return []event{IdentityChanged{c.Party, Estate, box, c.On}, EstateOpened{c.Party, c.Of, slices.Clone(c.Heirs), c.On}},
		[]event{LeftEstate{c.Of, c.Party, c.On}}, nil
}
