package shares

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules about restrictions.
var (
	ErrRestricted    = domain.Refusal{Code: "shares.restricted", Reason: "the restriction {restriction} was noted on other terms: use another id"}
	ErrNotRestricted = domain.Refusal{Code: "shares.not_restricted", Reason: "no restriction {restriction} is in force"}
)

// Restriction is what keeps shares from being disposed of freely.
type Restriction string

const (
	Pledged     Restriction = "pledge"      // to a creditor, by the holder
	Attached    Restriction = "attachment"  // by a creditor, through a bailiff or a court
	Contractual Restriction = "contractual" // agreed among holders; noted where one of them asks
	Statutory   Restriction = "statutory"   // by the statutes, of these shares
)

// Valid reports whether it is one of these.
func (r Restriction) Valid() bool {
	return r == Pledged || r == Attached || r == Contractual || r == Statutory
}

// binds reports whether the shares stay until it is lifted. The others are told to
// who reads the register, and are for the holder to keep to.
func (r Restriction) binds() bool { return r == Pledged || r == Attached }

// Bound returns the number of shares that are pledged or attached.
func (h Holding) Bound() (n int64) {
	for _, r := range h.restrictions {
		if !r.Kind.binds() {
			continue
		}
		if r.Quantity == 0 {
			return h.Held()
		}
		n += r.Quantity
	}
	return min(n, h.Held())
}

// Restrictions returns those in force.
func (h Holding) Restrictions() []RestrictionNoted {
	return sorted(h.restrictions)
}

// Lifted reports whether a restriction was noted and has been lifted.
func (h Holding) Lifted(id RestrictionID) bool {
	_, lifted := h.lifted[id]
	return lifted
}

// RestrictionNoted enters a restriction in the register.
type RestrictionNoted struct {
	Restriction RestrictionID      `json:"restriction"`
	Party       domain.PartyID     `json:"party"`
	Class       domain.ClassID     `json:"class"`
	Kind        Restriction        `json:"kind"`
	Quantity    int64              `json:"quantity,omitempty"`   // 0: all shares that the party holds or will hold
	Beneficiary sealed.Box[string] `json:"beneficiary,omitzero"` // of class register: in whose favour
	Document    string             `json:"document"`             // the deed, writ, clause or agreement
	On          calendar.Date      `json:"on"`
}

func (e RestrictionNoted) Evolve(h Holding) Holding {
	h.restrictions = set(h.restrictions, e.Restriction, e)
	return h
}

// RestrictionLifted ends what [RestrictionNoted] began.
type RestrictionLifted struct {
	Restriction RestrictionID  `json:"restriction"`
	Party       domain.PartyID `json:"party"`
	Class       domain.ClassID `json:"class"`
	Document    string         `json:"document"` // by which it is lifted
	On          calendar.Date  `json:"on"`
}

func (e RestrictionLifted) Evolve(h Holding) Holding {
	h.restrictions = unset(h.restrictions, e.Restriction)
	h.lifted = set(h.lifted, e.Restriction, e)
	return h
}

// NoteRestriction enters a restriction in the register.
type NoteRestriction struct {
	Restriction RestrictionID
	Party       domain.PartyID
	Class       domain.ClassID
	Kind        Restriction
	Quantity    int64  // 0: all
	Beneficiary string // of a pledge or attachment: the creditor
	Document    string
	On          calendar.Date
}

func (c NoteRestriction) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c NoteRestriction) Decide(h Holding) ([]event, error) {
	e := RestrictionNoted{c.Restriction, c.Party, c.Class, c.Kind, c.Quantity, sealed.Box[string]{}, c.Document, c.On}
	if c.Beneficiary != "" {
		e.Beneficiary = sealed.New(c.Party, sealed.Register, c.Beneficiary)
	}
	if was, noted := h.restrictions[c.Restriction]; noted {
		if was.Kind == e.Kind && was.Quantity == e.Quantity && was.Document == e.Document && was.On == e.On {
			return nil, nil
		}
		return nil, ErrRestricted.With("restriction", c.Restriction)
	}
	_, lifted := h.lifted[c.Restriction]
	held := h.Held()
	switch {
	case lifted:
		return nil, ErrRestricted.With("restriction", c.Restriction)
	case c.Restriction == "":
		return nil, ErrIncomplete.With("missing", "restriction")
	case !c.Kind.Valid():
		return nil, ErrIncomplete.With("missing", "kind")
	case c.Kind.binds() && c.Beneficiary == "":
		return nil, ErrIncomplete.With("missing", "beneficiary")
	case c.Document == "":
		return nil, ErrIncomplete.With("missing", "document")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Quantity < 0:
		return nil, ErrIncomplete.With("missing", "quantity")
	case c.Quantity > held || held == 0:
		return nil, ErrTooFew.With("held", held)
	}
	return []event{e}, nil
}

// LiftRestriction ends a restriction.
type LiftRestriction struct {
	Restriction RestrictionID
	Party       domain.PartyID
	Class       domain.ClassID
	Document    string // by which it is lifted
	On          calendar.Date
}

func (c LiftRestriction) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c LiftRestriction) Decide(h Holding) ([]event, error) {
	if was, lifted := h.lifted[c.Restriction]; lifted && was == RestrictionLifted(c) {
		return nil, nil
	}
	was, noted := h.restrictions[c.Restriction]
	switch {
	case !noted:
		return nil, ErrNotRestricted.With("restriction", c.Restriction)
	case c.Document == "":
		return nil, ErrIncomplete.With("missing", "document")
	case c.On.Before(was.On):
		return nil, ErrTooEarly.With("earliest", was.On)
	}
	return []event{RestrictionLifted(c)}, nil
}
