package membership

import (
	"maps"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// HouseholdID identifies a household.
type HouseholdID string

// HouseholdStream returns the stream of a household.
func HouseholdStream(id HouseholdID) domain.Stream {
	return domain.StreamOf("household", string(id))
}

// Household is parties that belong together, like a family: to write to them once, to
// show them side by side. No right follows from it, and nobody pays for another by it.
type Household struct {
	parties map[domain.PartyID]bool // never changed in place
}

// Parties returns who belongs to it, in the order of their ids.
func (h Household) Parties() []domain.PartyID { return slices.Sorted(maps.Keys(h.parties)) }

type householdEvent = domain.Event[Household]

// HouseholdJoined says that a party belongs to a household.
type HouseholdJoined struct {
	Household HouseholdID    `json:"household"`
	Party     domain.PartyID `json:"party"`
	On        calendar.Date  `json:"on"`
}

func (e HouseholdJoined) Evolve(h Household) Household {
	h.parties = maps.Clone(h.parties)
	if h.parties == nil {
		h.parties = map[domain.PartyID]bool{}
	}
	h.parties[e.Party] = true
	return h
}

// HouseholdLeft says that it does no more.
type HouseholdLeft struct {
	Household HouseholdID    `json:"household"`
	Party     domain.PartyID `json:"party"`
	On        calendar.Date  `json:"on"`
}

func (e HouseholdLeft) Evolve(h Household) Household {
	h.parties = maps.Clone(h.parties)
	delete(h.parties, e.Party)
	return h
}

// JoinHousehold has a party belong to a household. It may belong to several.
type JoinHousehold struct {
	Household HouseholdID
	Party     domain.PartyID
	On        calendar.Date
}

func (c JoinHousehold) Streams() (household, party domain.Stream) {
	return HouseholdStream(c.Household), StreamOf(c.Party)
}

func (c JoinHousehold) Decide(h Household, m Member) ([]householdEvent, []event, error) {
	if err := m.known(); err != nil {
		return nil, nil, err
	}
	switch {
	case c.Household == "":
		return nil, nil, ErrIncomplete.With("missing", "id")
	case c.On.IsZero():
		return nil, nil, ErrIncomplete.With("missing", "date")
	case h.parties[c.Party]:
		return nil, nil, nil
	}
	return []householdEvent{HouseholdJoined(c)}, nil, nil
}

// LeaveHousehold has a party belong to a household no more; one that was merged into
// another too.
type LeaveHousehold struct {
	Household HouseholdID
	Party     domain.PartyID
	On        calendar.Date
}

func (c LeaveHousehold) Stream() domain.Stream { return HouseholdStream(c.Household) }

func (c LeaveHousehold) Decide(h Household) ([]householdEvent, error) {
	switch {
	case !h.parties[c.Party]:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []householdEvent{HouseholdLeft(c)}, nil
}
