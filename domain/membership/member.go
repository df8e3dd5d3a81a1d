// Package membership is the register of members, and what the co-op knows of
// people who are none yet.
//
//	Apply             → Applied                     member/<party>      who is no member and has not applied
//	Admit             → Admitted, NumberGiven       + member-number/<n> who has applied, with the shares the statutes ask for
//	Reject            → Rejected                    member/<party>      who has applied
//	ChangeIdentity    → IdentityChanged             member/<party>      anyone: who is no member may subscribe or act for one
//	ChangeContact     → ContactChanged              member/<party>      anyone
//	ChangeLanguage    → LanguageChanged             member/<party>      anyone
//	Resign            → ResignationRequested, Ended member/<party>      a member; the end lies ahead, where the statutes set it
//	Exclude           → Ended                       member/<party>      a member
//	Decease           → Ended                       member/<party>      a member, as soon as it is known
//	GrantRole         → RoleGranted                 member/<party>      anyone
//	RevokeRole        → RoleRevoked                 member/<party>      who has the role
//	ErasePersonalData → PersonalDataErased          member/<party>      of a class that is no longer needed
//	Enter             → the events of a life so far + member-number/<n> from an older register
//
// Personal data is sealed in two boxes. What the law wants in the register is
// kept as long as it wants it; how to reach someone is kept as long as a service
// runs. Neither is ever written in the clear.
package membership

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// StreamOf returns the stream of one party.
func StreamOf(party domain.PartyID) domain.Stream { return domain.StreamOf("member", string(party)) }

// NumberStream returns the stream by which a member's number is given once.
func NumberStream(n domain.MemberNumber) domain.Stream {
	return domain.StreamOf("member-number", strconv.FormatInt(int64(n), 10))
}

// Kind is what sort of party it is in law.
type Kind string

const (
	Person       Kind = "person"
	Organisation Kind = "organisation"
)

// Identity is who a party is: what the register of members says by law (in
// Belgium CSA 6:25: name and domicile, or name, seat and enterprise number).
type Identity struct {
	FirstName        string        `json:"first_name,omitempty"`
	LastName         string        `json:"last_name,omitempty"`
	Organisation     string        `json:"organisation,omitempty"` // the name of one, empty for a person
	Street           string        `json:"street,omitempty"`       // with the number of the house
	PostalCode       string        `json:"postal_code,omitempty"`
	City             string        `json:"city,omitempty"`
	Country          string        `json:"country,omitempty"` // ISO 3166-1, like BE
	BirthDate        calendar.Date `json:"birth_date,omitzero"`
	NationalNumber   string        `json:"national_number,omitempty"`   // of a person, where a duty of tax law needs it
	EnterpriseNumber string        `json:"enterprise_number,omitempty"` // of an organisation, as its country writes it
}

// Kind returns what the identity is of.
func (i Identity) Kind() Kind {
	if i.Organisation != "" {
		return Organisation
	}
	return Person
}

// Name returns the name as it stands on an envelope.
func (i Identity) Name() string {
	if i.Organisation != "" {
		return i.Organisation
	}
	return strings.TrimSpace(i.FirstName + " " + i.LastName)
}

// Contact is how to reach a party.
type Contact struct {
	Email string `json:"email,omitempty"` // need not be theirs alone: families share one
	Phone string `json:"phone,omitempty"`
}

// Member is what must be known of a party in order to decide.
type Member struct {
	party       domain.PartyID
	kind        Kind
	identity    sealed.Box[Identity]
	contact     sealed.Box[Contact]
	language    domain.Language
	application Applied              // the last
	decided     bool                 // it was admitted or rejected
	rejection   Rejected             // of the last application
	admission   Admitted             // the last
	resignation ResignationRequested // of the last membership
	end         Ended                // of the last membership
	member      bool                 // was admitted, and no end is known
	number      domain.MemberNumber  // the last given
	roles       map[Grant]bool       // never changed in place
	erased      map[sealed.Class]int // through which versions of the key; never changed in place
}

// Grant is a role in force: that of a delegate for an organisation.
type Grant struct {
	Role domain.Role
	For  domain.PartyID // empty for every other role
}

// Party returns the party's id, or "" where nothing has happened to it.
func (m Member) Party() domain.PartyID { return m.party }

// Kind returns what sort of party it is.
func (m Member) Kind() Kind { return m.kind }

// Identity returns who it is, unless that is unknown or erased.
func (m Member) Identity() (Identity, bool) { return m.identity.Reveal() }

// Contact returns how to reach it, unless that is unknown or erased.
func (m Member) Contact() (Contact, bool) { return m.contact.Reveal() }

// Language returns the language chosen, if any.
func (m Member) Language() domain.Language { return m.language }

// Number returns the member's number, or 0.
func (m Member) Number() domain.MemberNumber { return m.number }

// Period returns the days of the last membership, and whether there was one. It
// has no end as long as none is known.
func (m Member) Period() (p calendar.Period, ever bool) {
	if m.admission.Party == "" {
		return p, false
	}
	return calendar.Period{From: m.admission.On, Through: m.end.On}, true
}

// IsMember reports whether the party is a member on a day, as far as the last
// membership says. The last day counts.
func (m Member) IsMember(on calendar.Date) bool {
	p, ever := m.Period()
	return ever && p.Contains(on)
}

// Applying reports whether an application waits for a decision.
func (m Member) Applying() bool { return m.application.Party != "" && !m.decided }

// Grants returns the roles in force, in order.
func (m Member) Grants() []Grant {
	return slices.SortedFunc(maps.Keys(m.roles), func(a, b Grant) int {
		if c := strings.Compare(string(a.Role), string(b.Role)); c != 0 {
			return c
		}
		return strings.Compare(string(a.For), string(b.For))
	})
}

// Number is what must be known of a member's number: whose it is.
type Number struct{ party domain.PartyID }

// Party returns whose number it is, or "".
func (n Number) Party() domain.PartyID { return n.party }
