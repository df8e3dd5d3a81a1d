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

// RoleGranted lets a party do something for the co-op. One who acts for an
// organisation is a delegate; those who are appointed now have a mandate
// ([MandateGiven]), which stands with the organisation and has an end, while this
// stands with who acts and holds until it is revoked. Both count.
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

// Register enters the events of the membership.
func Register(r *domain.Registry) {
	domain.Register[Applied](r, "membership.applied", domain.Upcast(appliedFromV1))
	domain.Register[ApplicationWithdrawn](r, "membership.application_withdrawn")
	domain.Register[WaitingListJoined](r, "membership.waiting_list_joined")
	domain.Register[WaitingListLeft](r, "membership.waiting_list_left")
	domain.Register[Admitted](r, "membership.admitted", domain.Upcast(admittedFromV1))
	domain.Register[NumberGiven](r, "membership.number_given")
	domain.Register[Rejected](r, "membership.rejected", domain.Upcast(rejectedFromV1))
	domain.Register[FounderNamed](r, "membership.founder_named")
	domain.Register[IdentityChanged](r, "membership.identity_changed")
	domain.Register[LanguageChanged](r, "membership.language_changed")
	domain.Register[ContactChanged](r, "membership.contact_changed")
	domain.Register[ContactChangeRequested](r, "membership.contact_change_requested")
	domain.Register[ContactChangeConfirmed](r, "membership.contact_change_confirmed")
	domain.Register[ContactChangeDeclined](r, "membership.contact_change_declined")
	domain.Register[BankAccountChanged](r, "membership.bank_account_changed")
	domain.Register[BankAccountRemoved](r, "membership.bank_account_removed")
	domain.Register[JointFormed](r, "membership.joint_formed")
	domain.Register[HoldersChanged](r, "membership.holders_changed")
	domain.Register[EstateOpened](r, "membership.estate_opened")
	domain.Register[LeftEstate](r, "membership.left_estate")
	domain.Register[MandateGiven](r, "membership.mandate_given")
	domain.Register[MandateEnded](r, "membership.mandate_ended")
	domain.Register[ResignationRequested](r, "membership.resignation_requested", domain.Upcast(resignationRequestedFromV1))
	domain.Register[ResignationWithdrawn](r, "membership.resignation_withdrawn")
	domain.Register[ExclusionProposed](r, "membership.exclusion_proposed")
	domain.Register[ExclusionAnswered](r, "membership.exclusion_answered")
	domain.Register[HearingHeld](r, "membership.hearing_held")
	domain.Register[ExclusionDecided](r, "membership.exclusion_decided")
	domain.Register[ExclusionNotified](r, "membership.exclusion_notified")
	domain.Register[Died](r, "membership.died")
	domain.Register[WoundUp](r, "membership.wound_up")
	domain.Register[Ended](r, "membership.ended", domain.Upcast(endedFromV1))
	domain.Register[EndRevoked](r, "membership.end_revoked")
	domain.Register[Merged](r, "membership.merged")
	domain.Register[Absorbed](r, "membership.absorbed")
	domain.Register[HouseholdJoined](r, "membership.household_joined")
	domain.Register[HouseholdLeft](r, "membership.household_left")
	domain.Register[RoleGranted](r, "membership.role_granted")
	domain.Register[RoleRevoked](r, "membership.role_revoked")
	domain.Register[NoticeRecorded](r, "membership.notice_recorded")
	domain.Register[PersonalDataErased](r, "membership.personal_data_erased")
}
