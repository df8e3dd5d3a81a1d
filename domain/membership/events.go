package membership

import (
	"maps"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

type (
	event       = domain.Event[Member]
	numberEvent = domain.Event[Number]
)

// Applied asks for membership.
type Applied struct {
	Party    domain.PartyID       `json:"party"`
	Kind     Kind                 `json:"kind"`
	Identity sealed.Box[Identity] `json:"identity"`          // of class register
	Contact  sealed.Box[Contact]  `json:"contact,omitzero"`  // of class service
	Language domain.Language      `json:"language,omitzero"` // empty where none was chosen
	On       calendar.Date        `json:"on"`
}

func (e Applied) Evolve(m Member) Member {
	m.party, m.kind, m.identity, m.language = e.Party, e.Kind, e.Identity, e.Language
	if !e.Contact.IsZero() {
		m.contact = e.Contact
	}
	m.application, m.decided, m.rejection = e, false, Rejected{}
	return m
}

// Admitted makes a party a member from a day on.
type Admitted struct {
	Party           domain.PartyID      `json:"party"`
	Number          domain.MemberNumber `json:"number"`
	On              calendar.Date       `json:"on"`                         // the first day of membership
	StatutesVersion int                 `json:"statutes_version,omitempty"` // that admission was decided by; 0 where it comes from an older register
}

func (e Admitted) Evolve(m Member) Member {
	m.admission, m.number, m.member, m.decided = e, e.Number, true, true
	m.resignation, m.end = ResignationRequested{}, Ended{}
	return m
}

// NumberGiven gives a member's number, once and for all.
type NumberGiven struct {
	Number domain.MemberNumber `json:"number"`
	Party  domain.PartyID      `json:"party"`
	On     calendar.Date       `json:"on"`
}

func (e NumberGiven) Evolve(Number) Number { return Number{e.Party} }

// Rejected declines an application.
type Rejected struct {
	Party  domain.PartyID     `json:"party"`
	On     calendar.Date      `json:"on"`
	Reason sealed.Box[string] `json:"reason,omitzero"` // of class register: it may say something of the person
}

func (e Rejected) Evolve(m Member) Member {
	m.decided, m.rejection = true, e
	return m
}

// IdentityChanged says who a party is from a day on.
type IdentityChanged struct {
	Party    domain.PartyID       `json:"party"`
	Kind     Kind                 `json:"kind"`
	Identity sealed.Box[Identity] `json:"identity"`
	On       calendar.Date        `json:"on"`
}

func (e IdentityChanged) Evolve(m Member) Member {
	m.party, m.kind, m.identity = e.Party, e.Kind, e.Identity
	return m
}

// ContactChanged says how to reach a party from a day on.
type ContactChanged struct {
	Party   domain.PartyID      `json:"party"`
	Contact sealed.Box[Contact] `json:"contact"`
	On      calendar.Date       `json:"on"`
}

func (e ContactChanged) Evolve(m Member) Member {
	m.party, m.contact = e.Party, e.Contact
	return m
}

// LanguageChanged says in which language to write to a party.
type LanguageChanged struct {
	Party    domain.PartyID  `json:"party"`
	Language domain.Language `json:"language"`
	On       calendar.Date   `json:"on"`
}

func (e LanguageChanged) Evolve(m Member) Member {
	m.party, m.language = e.Party, e.Language
	return m
}

// ResignationRequested is a member giving notice.
type ResignationRequested struct {
	Party           domain.PartyID `json:"party"`
	On              calendar.Date  `json:"on"`           // that notice was given
	EffectiveOn     calendar.Date  `json:"effective_on"` // the last day of membership
	StatutesVersion int            `json:"statutes_version"`
}

func (e ResignationRequested) Evolve(m Member) Member {
	m.resignation = e
	return m
}

// Ended sets the last day of a membership. It may lie ahead, when a member has
// resigned, or back, when a death is learnt of late. A second one takes the place
// of the first: who resigned may die before.
type Ended struct {
	Party  domain.PartyID     `json:"party"`
	Reason Reason             `json:"reason"`
	On     calendar.Date      `json:"on"`           // the last day
	Why    sealed.Box[string] `json:"why,omitzero"` // of class register: the grounds of an exclusion
}

func (e Ended) Evolve(m Member) Member {
	m.end, m.member = e, false
	return m
}

// Reason is why a membership ended.
type Reason string

const (
	Resigned  Reason = "resigned"
	Excluded  Reason = "excluded"
	Deceased  Reason = "deceased"
	Dissolved Reason = "dissolved" // an organisation: by merger, liquidation or bankruptcy
)

func (r Reason) valid() bool {
	return r == Resigned || r == Excluded || r == Deceased || r == Dissolved
}

// RoleGranted lets a party do something for the co-op, or for an organisation.
type RoleGranted struct {
	Party domain.PartyID `json:"party"`
	Role  domain.Role    `json:"role"`
	For   domain.PartyID `json:"for,omitempty"` // the organisation whose delegate the party is
	On    calendar.Date  `json:"on"`
}

func (e RoleGranted) Evolve(m Member) Member {
	m.party = e.Party
	m.roles = maps.Clone(m.roles)
	if m.roles == nil {
		m.roles = map[Grant]bool{}
	}
	m.roles[Grant{e.Role, e.For}] = true
	return m
}

// RoleRevoked ends what [RoleGranted] began.
type RoleRevoked struct {
	Party domain.PartyID `json:"party"`
	Role  domain.Role    `json:"role"`
	For   domain.PartyID `json:"for,omitempty"`
	On    calendar.Date  `json:"on"`
}

func (e RoleRevoked) Evolve(m Member) Member {
	m.roles = maps.Clone(m.roles)
	delete(m.roles, Grant{e.Role, e.For})
	return m
}

// PersonalDataErased says that the keys of a party's data of one class are to be
// destroyed, through a version, and that everyone forgets what they sealed.
type PersonalDataErased struct {
	Party   domain.PartyID `json:"party"`
	Class   sealed.Class   `json:"class"`
	Through int            `json:"through"` // the version of the key
	On      calendar.Date  `json:"on"`
}

func (e PersonalDataErased) Evolve(m Member) Member {
	m.party = e.Party
	m.erased = maps.Clone(m.erased)
	if m.erased == nil {
		m.erased = map[sealed.Class]int{}
	}
	m.erased[e.Class] = e.Through
	switch e.Class {
	case sealed.Register:
		m.identity, m.application.Identity = sealed.Box[Identity]{}, sealed.Box[Identity]{}
		m.rejection.Reason, m.end.Why = sealed.Box[string]{}, sealed.Box[string]{}
	case sealed.Service:
		m.contact, m.application.Contact = sealed.Box[Contact]{}, sealed.Box[Contact]{}
	case sealed.Accounting, sealed.Optional:
	}
	return m
}

// Register enters the events of the membership.
func Register(r *domain.Registry) {
	domain.Register[Applied](r, "membership.applied")
	domain.Register[Admitted](r, "membership.admitted")
	domain.Register[NumberGiven](r, "membership.number_given")
	domain.Register[Rejected](r, "membership.rejected")
	domain.Register[IdentityChanged](r, "membership.identity_changed")
	domain.Register[ContactChanged](r, "membership.contact_changed")
	domain.Register[LanguageChanged](r, "membership.language_changed")
	domain.Register[ResignationRequested](r, "membership.resignation_requested")
	domain.Register[Ended](r, "membership.ended")
	domain.Register[RoleGranted](r, "membership.role_granted")
	domain.Register[RoleRevoked](r, "membership.role_revoked")
	domain.Register[PersonalDataErased](r, "membership.personal_data_erased")
}
