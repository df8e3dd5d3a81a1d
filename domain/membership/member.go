// Package membership is the register of members, and what the co-op knows of
// people who are none yet.
//
//	Apply                 → Applied                          member/<party>       who is no member and has not applied
//	WithdrawApplication   → ApplicationWithdrawn (Ended)     member/<party>       until the decision, and some days even after it
//	PutOnWaitingList      → WaitingListJoined                member/<party>       who has applied
//	TakeOffWaitingList    → WaitingListLeft                  member/<party>       who is on it
//	Admit                 → Admitted, NumberGiven            + member-number/<n>  who has applied, with the shares the statutes ask for
//	Reject                → Rejected                         member/<party>       who has applied
//	NameFounder           → FounderNamed                     member/<party>       a member
//	ChangeIdentity        → IdentityChanged                  member/<party>       anyone: who is no member may subscribe or act for one
//	ChangeLanguage        → LanguageChanged                  member/<party>       anyone
//	ChangeContact         → ContactChanged                   member/<party>       anyone; by who keeps the register
//	RequestContactChange  → ContactChangeRequested           member/<party>       anyone; by themselves
//	ConfirmContactChange  → ContactChangeConfirmed           member/<party>       by the old channel, within some days
//	DeclineContactChange  → ContactChangeDeclined            member/<party>       by the old channel
//	ChangeBankAccount     → BankAccountChanged               member/<party>       anyone; money goes to it some days later
//	RemoveBankAccount     → BankAccountRemoved               member/<party>       who has one
//	FormJoint             → JointFormed                      member/<party>       parties who hold shares together
//	ChangeHolders         → HoldersChanged                   member/<party>       joint holders, or the heirs of an estate
//	OpenEstate            → EstateOpened, LeftEstate         + member/<deceased>  who has died
//	GiveMandate           → MandateGiven                     + member/<agent>     to act for a party, from a day on
//	HandOverMandate       → MandateEnded, MandateGiven       + member/<agent>     to a successor, without a gap
//	EndMandate            → MandateEnded                     member/<party>       one in force, or to come
//	Resign                → ResignationRequested, Ended      member/<party>       a member; the end lies ahead, where the statutes set it
//	WithdrawResignation   → ResignationWithdrawn             member/<party>       before it takes effect, if the statutes let
//	ProposeExclusion      → ExclusionProposed                member/<party>       a member
//	AnswerExclusion       → ExclusionAnswered                member/<party>       to whom it was proposed to exclude them
//	HoldHearing           → HearingHeld                      member/<party>       who asked to be heard
//	DecideExclusion       → ExclusionDecided (Ended)         member/<party>       once they have answered, or their time is over
//	NotifyExclusion       → ExclusionNotified (Ended)        member/<party>       who was excluded
//	Decease               → Died (Ended)                     member/<party>       a person, as soon as it is known
//	WindUp                → WoundUp (Ended)                  member/<party>       an organisation, as soon as it is known
//	RevokeEnd             → EndRevoked                       member/<party>       an end recorded by mistake, or annulled
//	Merge                 → Merged, Absorbed                 + member/<into>      two parties found to be one
//	JoinHousehold         → HouseholdJoined                  household/<id>       + member/<party>
//	LeaveHousehold        → HouseholdLeft                    household/<id>       + member/<party>
//	GrantRole             → RoleGranted                      member/<party>       anyone
//	RevokeRole            → RoleRevoked                      member/<party>       who has the role
//	RecordNotice          → NoticeRecorded                   notice/<event>       a mail that was sent, or not
//	ErasePersonalData     → PersonalDataErased               member/<party>       of a class that is no longer needed
//	Enter                 → the events of a life so far      + member-number/<n>  from an older register
//
// Whatever is asked of a party that was merged into another is refused, with the
// name of the other, except to erase its data.
//
// Holder, payer, login and address of e-mail are four things: who holds shares is a
// party here, who pays another if need be (billing), who signs in a third (by a
// mandate), and two of them may share an address.
//
// Personal data is sealed in boxes. What the law wants in the register is kept as
// long as it wants it, a bank account as long as the books, how to reach someone as
// long as a service runs. None of it is ever written in the clear.
package membership

import (
	"cmp"
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
	Joint        Kind = "joint"  // several who hold shares together
	Estate       Kind = "estate" // what somebody left who has died, until it is settled
)

// Valid reports whether it is one of these.
func (k Kind) Valid() bool {
	return k == Person || k == Organisation || k == Joint || k == Estate
}

// Identity is who a party is: what the register of members says by law (in
// Belgium CSA 6:25: name and domicile, or name, seat and enterprise number).
type Identity struct {
	FirstName        string        `json:"first_name,omitempty"`
	LastName         string        `json:"last_name,omitempty"`
	Organisation     string        `json:"organisation,omitempty"` // the name of one, empty for a person
	Together         string        `json:"together,omitempty"`     // how joint holders or an estate are called, like "Estate of Ada Sample"
	Street           string        `json:"street,omitempty"`       // with the number of the house
	PostalCode       string        `json:"postal_code,omitempty"`
	City             string        `json:"city,omitempty"`
	Country          string        `json:"country,omitempty"` // ISO 3166-1, like BE
	BirthDate        calendar.Date `json:"birth_date,omitzero"`
	NationalNumber   string        `json:"national_number,omitempty"`   // of a person, where a duty of tax law needs it
	EnterpriseNumber string        `json:"enterprise_number,omitempty"` // of an organisation, as its country writes it
}

// Kind returns what the identity is of; it cannot tell an estate from joint holders.
func (i Identity) Kind() Kind {
	switch {
	case i.Organisation != "":
		return Organisation
	case i.Together != "":
		return Joint
	}
	return Person
}

// fits reports whether it can be that of a party of a kind.
func (i Identity) fits(kind Kind) bool {
	if kind == Estate {
		kind = Joint
	}
	named := 0
	for _, name := range []string{i.FirstName + i.LastName, i.Organisation, i.Together} {
		if strings.TrimSpace(name) != "" {
			named++
		}
	}
	return named == 1 && i.Kind() == kind
}

// Name returns the name as it stands on an envelope.
func (i Identity) Name() string {
	return cmp.Or(i.Organisation, i.Together, strings.TrimSpace(i.FirstName+" "+i.LastName))
}

// Member is what must be known of a party in order to decide. What its fields
// point to is never changed in place.
type Member struct {
	party    domain.PartyID
	kind     Kind
	identity sealed.Box[Identity]
	language domain.Language

	contact  sealed.Box[Contact]
	request  ContactChangeRequested // that waits to be confirmed
	answered contactAnswer          // the last
	accounts []BankAccountChanged   // oldest first
	removed  BankAccountRemoved     // of the last account

	holders  []domain.PartyID // of joint holders; the heirs of an estate
	estateOf domain.PartyID
	estate   domain.PartyID // that was left
	mandates []Mandate      // as they were given

	application Applied // the last
	decided     bool    // it was admitted, rejected or withdrawn
	waitingFrom calendar.Date
	withdrawal  ApplicationWithdrawn // of the last application
	rejection   Rejected             // of the last application

	admission   Admitted             // the last
	resignation ResignationRequested // of the last membership
	unresigned  ResignationWithdrawn
	exclusion   exclusion // of the last membership
	end         Ended     // of the last membership
	member      bool      // was admitted, and no end is known
	past        []calendar.Period
	founder     bool
	number      domain.MemberNumber // the last given

	died    Died
	woundUp WoundUp
	revoked EndRevoked

	merged   Merged
	absorbed []Absorbed

	roles  map[Grant]bool
	erased map[sealed.Class]PersonalDataErased // the last of each
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

// Language returns the language chosen, if any.
func (m Member) Language() domain.Language { return m.language }

// Number returns the member's number, or 0.
func (m Member) Number() domain.MemberNumber { return m.number }

// Numbers returns all numbers under which the register knows the party: its own, and
// those of parties that were found to be the same.
func (m Member) Numbers() (numbers []domain.MemberNumber) {
	if m.number > 0 {
		numbers = []domain.MemberNumber{m.number}
	}
	for _, a := range m.absorbed {
		numbers = append(numbers, a.Numbers...)
	}
	return numbers
}

// Founder reports whether it is one of those who founded the co-op.
func (m Member) Founder() bool { return m.founder }

// MergedInto returns the party that it was found to be, or "".
func (m Member) MergedInto() domain.PartyID { return m.merged.Into }

// End returns how the last membership ended, or is to end; its party is "" if it does not.
func (m Member) End() Ended { return m.end }

// Resignation returns the last notice that was given; its party is "" if none is.
func (m Member) Resignation() ResignationRequested { return m.resignation }

// Period returns the days of the last membership, and whether there was one. It
// has no end as long as none is known.
func (m Member) Period() (p calendar.Period, ever bool) {
	if m.admission.Party == "" {
		return p, false
	}
	return calendar.Period{From: m.admission.On, Through: m.end.On}, true
}

// Periods returns the days of all memberships, oldest first.
func (m Member) Periods() []calendar.Period {
	last, ever := m.Period()
	if !ever {
		return nil
	}
	return append(slices.Clip(m.past), last)
}

// IsMember reports whether the party is a member on a day, as far as the last
// membership says. The last day counts.
func (m Member) IsMember(on calendar.Date) bool {
	p, ever := m.Period()
	return ever && p.Contains(on)
}

// Applying reports whether an application waits for a decision.
func (m Member) Applying() bool { return m.application.Party != "" && !m.decided }

// Application returns the last application, and whether there was one.
func (m Member) Application() (Applied, bool) { return m.application, m.application.Party != "" }

// Grants returns the roles in force, in order.
func (m Member) Grants() []Grant {
	return slices.SortedFunc(maps.Keys(m.roles), func(a, b Grant) int {
		if c := strings.Compare(string(a.Role), string(b.Role)); c != 0 {
			return c
		}
		return strings.Compare(string(a.For), string(b.For))
	})
}

// known refuses what is asked of nobody, or of a party that was found to be another.
func (m Member) known() error {
	switch {
	case m.merged.Party != "":
		return ErrMerged.With("into", m.merged.Into)
	case m.party == "":
		return ErrUnknown
	}
	return nil
}

// gone refuses what is asked of the dead, and of organisations that are no more.
func (m Member) gone() error {
	on, gone := m.DiedOn()
	switch {
	case m.merged.Party != "":
		return ErrMerged.With("into", m.merged.Into)
	case gone:
		return ErrGone.With("on", on)
	case m.woundUp.How == ByMerger:
		return ErrGone.With("on", m.woundUp.On)
	}
	return nil
}

// DiedOn returns the day of a death, if one is recorded. Where there was no event for it
// yet, the end of a membership tells.
func (m Member) DiedOn() (on calendar.Date, died bool) {
	switch {
	case m.died.Party != "":
		return m.died.On, true
	case m.end.Reason == Deceased:
		return m.end.On, true
	}
	return on, false
}

// WoundUp returns how the organisation came to its end, and whether it did.
func (m Member) WoundUp() (WoundUp, bool) { return m.woundUp, m.woundUp.Party != "" }

// Number is what must be known of a member's number: whose it is.
type Number struct{ party domain.PartyID }

// Party returns whose number it is, or "".
func (n Number) Party() domain.PartyID { return n.party }
