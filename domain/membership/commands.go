package membership

import (
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules by which the register says no.
var (
	ErrIncomplete  = domain.Refusal{Code: "membership.incomplete", Reason: "{missing} is missing or not what it should be"}
	ErrTooEarly    = domain.Refusal{Code: "membership.too_early", Reason: "it cannot be before {earliest}"}
	ErrTooLate     = domain.Refusal{Code: "membership.too_late", Reason: "it was possible through {through}"}
	ErrUnknown     = domain.Refusal{Code: "membership.unknown", Reason: "nobody is known by this id: enter who it is first"}
	ErrMerged      = domain.Refusal{Code: "membership.merged", Reason: "was found to be {into}: ask it of that one"}
	ErrGone        = domain.Refusal{Code: "membership.gone", Reason: "is no more since {on}: ask it of the heirs, the estate or the successor"}
	ErrKind        = domain.Refusal{Code: "membership.kind", Reason: "a party stays of its kind, like a person or an organisation: enter the other under its own id"}
	ErrApplied     = domain.Refusal{Code: "membership.applied", Reason: "an application of {on} waits for a decision: change the particulars instead"}
	ErrNotApplied  = domain.Refusal{Code: "membership.not_applied", Reason: "no application waits for a decision"}
	ErrNotAccepted = domain.Refusal{Code: "membership.not_accepted", Reason: "a candidate accepts the text {text} in its present version", Source: "statutes"}
	ErrNoClass     = domain.Refusal{Code: "membership.no_class", Reason: "there is no class of shares {class}", Source: "statutes"}
	ErrIsMember    = domain.Refusal{Code: "membership.is_member", Reason: "is a member already, since {since}, with number {number}"}
	ErrNotMember   = domain.Refusal{Code: "membership.not_member", Reason: "was not a member on {on}"}
	ErrBody        = domain.Refusal{Code: "membership.body", Reason: "it is decided by the {body}, not by the {by}", Source: "statutes"}
	ErrReasons     = domain.Refusal{Code: "membership.reasons", Reason: "a refusal gives its reasons", Source: "statutes"}
	ErrNoGuardian  = domain.Refusal{Code: "membership.no_guardian", Reason: "a minor is admitted once a guardian acts for them: give a guardian the mandate first"}
	ErrEstate      = domain.Refusal{Code: "membership.estate", Reason: "an estate becomes no member: the heirs apply for themselves"}

	ErrHeirs        = domain.Refusal{Code: "membership.heirs", Reason: "heirs are paid out and take no shares over: they may apply as anybody does", Source: "statutes"}
	ErrTooFewShares = domain.Refusal{Code: "membership.too_few_shares", Reason: "{least} shares of class {class} must be subscribed to first: there are {shares}", Source: "statutes"}
	ErrNumberTaken  = domain.Refusal{Code: "membership.number_taken", Reason: "the number {number} was given to another member: take the next one"}
	ErrNumber       = domain.Refusal{Code: "membership.number", Reason: "has the number {number} in the register: correct the number, or enter another party"}
	ErrAdmittedOn   = domain.Refusal{Code: "membership.admitted_on", Reason: "was admitted on {on} by the register: correct the date"}

	ErrRequestID    = domain.Refusal{Code: "membership.request_id", Reason: "another change was asked for under this id: take a new one"}
	ErrNoRequest    = domain.Refusal{Code: "membership.no_request", Reason: "no change of contact waits under this id: a later one may have taken its place"}
	ErrNoChannel    = domain.Refusal{Code: "membership.no_channel", Reason: "there is no old address by which to confirm it: ask the secretary"}
	ErrIBAN         = domain.Refusal{Code: "membership.iban", Reason: "this is no IBAN: its length or its check digits do not match; one character may be mistyped", Source: "ISO 13616"}
	ErrNoAccount    = domain.Refusal{Code: "membership.no_account", Reason: "no bank account is known: ask for one first"}
	ErrAccountRests = domain.Refusal{Code: "membership.account_rests", Reason: "the bank account has changed lately: money goes to it from {from} on", Source: "statutes"}

	ErrHolders      = domain.Refusal{Code: "membership.holders", Reason: "joint holders are at least two different parties, and heirs are others than the estate and who has died"}
	ErrAlive        = domain.Refusal{Code: "membership.alive", Reason: "no death is recorded: record it first"}
	ErrEstateOpen   = domain.Refusal{Code: "membership.estate_open", Reason: "the estate is {estate} already"}
	ErrCapacity     = domain.Refusal{Code: "membership.capacity", Reason: "the capacity does not go with the party: a delegate acts for an organisation, a guardian for a minor, a named voter for joint holders, a representative for who has died or an estate, a liquidator for an organisation that is wound up"}
	ErrNotHolder    = domain.Refusal{Code: "membership.not_holder", Reason: "the named voter is one of the joint holders"}
	ErrOfAge        = domain.Refusal{Code: "membership.of_age", Reason: "is of age since {on}, and needs no guardian"}
	ErrAgent        = domain.Refusal{Code: "membership.agent", Reason: "who acts for a party is another, a person, and of age"}
	ErrMandateID    = domain.Refusal{Code: "membership.mandate_id", Reason: "another mandate has this id: take a new one"}
	ErrMandateTaken = domain.Refusal{Code: "membership.mandate_taken", Reason: "{agent} has a mandate as {capacity} in that time: end it or hand it over first"}
	ErrNoMandate    = domain.Refusal{Code: "membership.no_mandate", Reason: "there is no such mandate"}
	ErrNotInForce   = domain.Refusal{Code: "membership.not_in_force", Reason: "the mandate was not in force on {on}: give the successor one of their own"}
	ErrNoVoter      = domain.Refusal{Code: "membership.no_voter", Reason: "the votes are suspended as long as nobody acts as {capacity}; the shares count all the same"}
	ErrMinor        = domain.Refusal{Code: "membership.minor", Reason: "a minor has no vote yet", Source: "statutes"}
	ErrSilenced     = domain.Refusal{Code: "membership.silenced", Reason: "has no vote since the exclusion was notified on {on}", Source: "statutes"}

	ErrResigned      = domain.Refusal{Code: "membership.resigned", Reason: "has resigned already, with effect on {on}"}
	ErrNotResigned   = domain.Refusal{Code: "membership.not_resigned", Reason: "has not resigned"}
	ErrBinding       = domain.Refusal{Code: "membership.binding", Reason: "a resignation is not taken back", Source: "statutes"}
	ErrFounder       = domain.Refusal{Code: "membership.founder", Reason: "founders may resign from {earliest} on", Source: "statutes"}
	ErrTooFewMembers = domain.Refusal{Code: "membership.too_few_members", Reason: "there must be at least {least} members: another has to join first", Source: "statutes"}
	ErrKindOfEnd     = domain.Refusal{Code: "membership.kind_of_end", Reason: "a person dies, and an organisation is wound up: nothing else comes to an end like that"}
	ErrNoEnd         = domain.Refusal{Code: "membership.no_end", Reason: "there is no death, winding-up or exclusion to be taken back"}

	ErrProposed    = domain.Refusal{Code: "membership.proposed", Reason: "the exclusion proposed on {on} is to be decided on first"}
	ErrNotProposed = domain.Refusal{Code: "membership.not_proposed", Reason: "the exclusion is proposed to the member first, with its grounds", Source: "statutes"}
	ErrMayAnswer   = domain.Refusal{Code: "membership.may_answer", Reason: "the member may answer through {through}: decide after that, or once they have answered", Source: "statutes"}
	ErrNotHeard    = domain.Refusal{Code: "membership.not_heard", Reason: "the member has asked to be heard: hold the hearing first", Source: "statutes"}
	ErrExcluded    = domain.Refusal{Code: "membership.excluded", Reason: "was excluded on {on}"}
	ErrNotDecided  = domain.Refusal{Code: "membership.not_decided", Reason: "no exclusion was decided on"}
	ErrNotified    = domain.Refusal{Code: "membership.notified", Reason: "was told of it on {on} already"}

	ErrSelf     = domain.Refusal{Code: "membership.self", Reason: "these are one party already"}
	ErrOneGone  = domain.Refusal{Code: "membership.one_gone", Reason: "the end of one of them is recorded and not that of the other: record it for both, or take it back"}
	ErrOtherWay = domain.Refusal{Code: "membership.other_way", Reason: "the one to be merged is a member and the other is not: merge them the other way round"}

	ErrRole    = domain.Refusal{Code: "membership.role", Reason: "there is no role {role} to be granted: membership comes by admission"}
	ErrRoleFor = domain.Refusal{Code: "membership.role_for", Reason: "a delegate acts for another party, and nobody else does: say for whom, or for nobody"}

	ErrRegisterKept    = domain.Refusal{Code: "membership.register_kept", Reason: "the register of members is kept as long as the co-op lives, and {years} years after", Source: "GDPR art. 17(3)(b)"}
	ErrApplicationKept = domain.Refusal{Code: "membership.application_kept", Reason: "an application is kept until it is decided on, and {months} months after: reasons may be asked for", Source: "GDPR art. 17(3)(e)"}
	ErrActs            = domain.Refusal{Code: "membership.acts", Reason: "acts for others or has a role: end that first", Source: "GDPR art. 17(1)(a)"}
	ErrBooksKept       = domain.Refusal{Code: "membership.books_kept", Reason: "the books are kept for {years} years after the fiscal year of an entry", Source: "GDPR art. 17(3)(b)"}
	ErrOwed            = domain.Refusal{Code: "membership.owed", Reason: "money is owed: settle it first", Source: "GDPR art. 17(3)(e)"}
	ErrServed          = domain.Refusal{Code: "membership.served", Reason: "a service needs it as long as it runs, and its backups {days} days longer", Source: "GDPR art. 17(1)(a)"}
	ErrStillNeeded     = domain.Refusal{Code: "membership.still_needed", Reason: "this data must be kept through {through}", Source: "GDPR art. 17(3)(b)"}
)

// particulars reports what is missing, if anything is.
func particulars(party domain.PartyID, kind Kind, i Identity, c Contact, l domain.Language, on calendar.Date) error {
	var missing string
	switch {
	case party == "":
		missing = "party"
	case !kind.Valid():
		missing = "kind"
	case !i.fits(kind):
		missing = "name"
	case i.Country != "" && (len(i.Country) != 2 || strings.Trim(i.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""):
		missing = "country"
	case !i.BirthDate.IsZero() && (kind != Person || i.BirthDate.After(on)):
		missing = "birth date"
	case c.Email != "" && !emailLike(c.Email):
		missing = "e-mail"
	case l != "" && !l.Valid():
		missing = "language"
	case on.IsZero():
		missing = "date"
	default:
		return nil
	}
	return ErrIncomplete.With("missing", missing)
}

func textOf(party domain.PartyID, text string) sealed.Box[string] {
	if text == "" {
		return sealed.Box[string]{}
	}
	return sealed.New(party, sealed.Register, text)
}

// ChangeIdentity says who a party is now. The first one makes a party known that
// is no member: who subscribes, pays, or acts for an organisation.
type ChangeIdentity struct {
	Party    domain.PartyID
	Identity Identity
	On       calendar.Date
}

func (c ChangeIdentity) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ChangeIdentity) Decide(m Member) ([]event, error) {
	if m.merged.Party != "" {
		return nil, ErrMerged.With("into", m.merged.Into)
	}
	kind := c.Identity.Kind()
	if m.kind == Estate && kind == Joint {
		kind = Estate
	}
	if err := particulars(c.Party, kind, c.Identity, Contact{}, "", c.On); err != nil {
		return nil, err
	}
	changed := sealed.New(c.Party, sealed.Register, c.Identity)
	switch {
	case m.kind != "" && m.kind != kind, m.kind == "" && kind == Joint: // those are formed
		return nil, ErrKind
	case m.identity.Equal(changed):
		return nil, nil
	}
	return []event{IdentityChanged{c.Party, kind, changed, c.On}}, nil
}

// ChangeLanguage says in which language to write to a party.
type ChangeLanguage struct {
	Party    domain.PartyID
	Language domain.Language
	On       calendar.Date
}

func (c ChangeLanguage) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ChangeLanguage) Decide(m Member) ([]event, error) {
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case !c.Language.Valid():
		return nil, ErrIncomplete.With("missing", "language")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case m.language == c.Language:
		return nil, nil
	}
	return []event{LanguageChanged(c)}, nil
}

// GrantRole lets a party do something for the co-op or, as a delegate, for an
// organisation; see [GiveMandate] for delegates whose time has a beginning and an end.
type GrantRole struct {
	Party domain.PartyID
	Role  domain.Role
	For   domain.PartyID // of a delegate
	On    calendar.Date
}

func (c GrantRole) Stream() domain.Stream { return StreamOf(c.Party) }

func (c GrantRole) Decide(m Member) ([]event, error) {
	if err := m.gone(); err != nil {
		return nil, err
	}
	switch {
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.Role == domain.RoleMember || !slices.Contains(domain.Roles, c.Role):
		return nil, ErrRole.With("role", c.Role)
	case (c.Role == domain.RoleDelegate) != (c.For != "") || c.For == c.Party:
		return nil, ErrRoleFor
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case m.party == "":
		return nil, ErrUnknown
	case m.roles[Grant{c.Role, c.For}]:
		return nil, nil
	}
	return []event{RoleGranted(c)}, nil
}

// RevokeRole ends what [GrantRole] began.
type RevokeRole struct {
	Party domain.PartyID
	Role  domain.Role
	For   domain.PartyID
	On    calendar.Date
}

func (c RevokeRole) Stream() domain.Stream { return StreamOf(c.Party) }

func (c RevokeRole) Decide(m Member) ([]event, error) {
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case !m.roles[Grant{c.Role, c.For}]:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []event{RoleRevoked(c)}, nil
}

// Enter takes a member over from an older register, with the number and the days
// of that register. Entered again it changes nothing; with other particulars it
// corrects them, but never a number or the day of admission. Of who has joined
// again since, it says nothing new.
type Enter struct {
	Party      domain.PartyID
	Number     domain.MemberNumber
	Kind       Kind
	Identity   Identity
	Contact    Contact
	Language   domain.Language
	AppliedOn  calendar.Date // no day: that of admission
	AdmittedOn calendar.Date
	EndedOn    calendar.Date // the last day; no day if the register knows of no end
	EndReason  Reason        // with EndedOn
	Founder    bool
	Holders    []domain.PartyID // of joint holders
	On         calendar.Date    // of the entry: from when corrections hold
}

func (c Enter) Streams() (member, number domain.Stream) {
	return StreamOf(c.Party), NumberStream(c.Number)
}

func (c Enter) Decide(m Member, n Number) (events []event, numbers []numberEvent, err error) {
	if err := c.check(m); err != nil {
		return nil, nil, err
	}
	if _, ever := m.Period(); !ever {
		admitted, given, err := m.admit(n, Admitted{Party: c.Party, Number: c.Number, On: c.AdmittedOn})
		if err != nil {
			return nil, nil, err
		}
		if c.Kind == Joint && len(m.holders) == 0 {
			events = append(events, JointFormed{c.Party, slices.Clone(c.Holders), c.AdmittedOn})
		}
		if !m.Applying() {
			applied := Apply{Party: c.Party, Kind: c.Kind, Identity: c.Identity, Contact: c.Contact, Language: c.Language, On: c.AppliedOn}
			if applied.On.IsZero() {
				applied.On = c.AdmittedOn
			}
			events = append(events, applied.applied())
		}
		events = append(events, m.offWaitingList(c.On)...)
		events, numbers = append(events, admitted...), given
	}
	for _, e := range events {
		m = e.Evolve(m)
	}
	corrections, err := c.correct(m)
	return append(events, corrections...), numbers, err
}

// correct returns what the register says otherwise than is known.
func (c Enter) correct(m Member) (events []event, err error) {
	changes := []domain.Command[Member]{ChangeIdentity{c.Party, c.Identity, c.On}}
	if c.Contact != (Contact{}) {
		changes = append(changes, ChangeContact{c.Party, c.Contact, c.On})
	}
	if c.Language != "" {
		changes = append(changes, ChangeLanguage{c.Party, c.Language, c.On})
	}
	if c.Kind == Joint && len(c.Holders) > 0 {
		changes = append(changes, ChangeHolders{c.Party, c.Holders, c.On})
	}
	for _, change := range changes {
		more, err := change.Decide(m)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	if c.Founder && !m.founder {
		events = append(events, FounderNamed{c.Party, c.On})
	}
	if !c.EndedOn.IsZero() && (m.end.On != c.EndedOn || m.end.Reason != c.EndReason) {
		events = append(events, Ended{Party: c.Party, Reason: c.EndReason, On: c.EndedOn})
	}
	return events, nil
}

func (c Enter) check(m Member) error {
	if m.merged.Party != "" {
		return ErrMerged.With("into", m.merged.Into)
	}
	if err := particulars(c.Party, c.Kind, c.Identity, c.Contact, c.Language, c.On); err != nil {
		return err
	}
	_, ever := m.Period()
	switch {
	case m.kind != "" && m.kind != c.Kind:
		return ErrKind
	case c.Kind == Estate:
		return ErrEstate
	case c.Kind == Joint && len(m.holders) == 0 && (len(c.Holders) < 2 || !distinct(c.Party, c.Holders)):
		return ErrHolders
	case c.AdmittedOn.IsZero():
		return ErrIncomplete.With("missing", "date of admission")
	case c.AppliedOn.After(c.AdmittedOn):
		return ErrTooEarly.With("earliest", c.AppliedOn)
	case c.AdmittedOn.After(c.On): // a register tells what was
		return ErrTooLate.With("through", c.On)
	case c.EndedOn.IsZero() != (c.EndReason == "") || c.EndReason != "" && !c.EndReason.valid():
		return ErrIncomplete.With("missing", "date and reason of the end")
	case !c.EndedOn.IsZero() && c.EndedOn.Before(c.AdmittedOn):
		return ErrTooEarly.With("earliest", c.AdmittedOn)
	case ever && m.number != c.Number:
		return ErrNumber.With("number", m.number)
	case ever && m.admission.On != c.AdmittedOn:
		return ErrAdmittedOn.With("on", m.admission.On)
	}
	return nil
}
