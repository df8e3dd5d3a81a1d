package membership

import (
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// The rules by which the register says no.
var (
	ErrIncomplete   = domain.Refusal{Code: "membership.incomplete", Reason: "{missing} is missing or not what it should be"}
	ErrKind         = domain.Refusal{Code: "membership.kind", Reason: "a person does not become an organisation, nor the reverse: enter the other under its own id"}
	ErrApplied      = domain.Refusal{Code: "membership.applied", Reason: "an application of {on} waits for a decision: change the particulars instead"}
	ErrIsMember     = domain.Refusal{Code: "membership.is_member", Reason: "is a member already, since {since}, with number {number}"}
	ErrNotMember    = domain.Refusal{Code: "membership.not_member", Reason: "was not a member on {on}"}
	ErrNotApplied   = domain.Refusal{Code: "membership.not_applied", Reason: "no application waits for a decision"}
	ErrTooEarly     = domain.Refusal{Code: "membership.too_early", Reason: "it cannot be before {earliest}"}
	ErrTooFewShares = domain.Refusal{Code: "membership.too_few_shares", Reason: "{least} shares of class {class} must be subscribed to first: there are {shares}", Source: "statutes"}
	ErrNumberTaken  = domain.Refusal{Code: "membership.number_taken", Reason: "the number {number} was given to another member: take the next one"}
	ErrNumber       = domain.Refusal{Code: "membership.number", Reason: "has the number {number} in the register: correct the number, or enter another party"}
	ErrAdmittedOn   = domain.Refusal{Code: "membership.admitted_on", Reason: "was admitted on {on} by the register: correct the date"}
	ErrResigned     = domain.Refusal{Code: "membership.resigned", Reason: "has resigned already, with effect on {on}"}
	ErrRole         = domain.Refusal{Code: "membership.role", Reason: "there is no role {role} to be granted: membership comes by admission"}
	ErrRoleFor      = domain.Refusal{Code: "membership.role_for", Reason: "a delegate acts for another party, and nobody else does: say for whom, or for nobody"}
	ErrRegisterKept = domain.Refusal{
		Code: "membership.register_kept", Reason: "the register of members is kept as long as the co-op lives, and five years after",
		Source: "GDPR art. 17(3)(b)",
	}
	ErrStillNeeded = domain.Refusal{Code: "membership.still_needed", Reason: "this data must be kept through {through}", Source: "GDPR art. 17(3)(b)"}
)

// Apply asks for membership, also on behalf of who was a member before.
type Apply struct {
	Party    domain.PartyID
	Kind     Kind
	Identity Identity
	Contact  Contact
	Language domain.Language // may be empty
	On       calendar.Date
}

func (c Apply) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Apply) Decide(m Member) ([]event, error) {
	applied := c.applied()
	if err := particulars(c.Party, c.Kind, c.Identity, c.Contact, c.Language, c.On); err != nil {
		return nil, err
	}
	switch {
	case sameApplication(m.application, applied):
		return nil, nil
	case m.kind != "" && m.kind != c.Kind:
		return nil, ErrKind
	case m.Applying():
		return nil, ErrApplied.With("on", m.application.On)
	case m.member || m.IsMember(c.On):
		return nil, ErrIsMember.With("since", m.admission.On).With("number", m.number)
	}
	return []event{applied}, nil
}

func (c Apply) applied() Applied {
	return Applied{
		Party: c.Party, Kind: c.Kind, Identity: sealed.New(c.Party, sealed.Register, c.Identity),
		Contact: contactOf(c.Party, c.Contact), Language: c.Language, On: c.On,
	}
}

func contactOf(party domain.PartyID, c Contact) sealed.Box[Contact] {
	if c == (Contact{}) {
		return sealed.Box[Contact]{}
	}
	return sealed.New(party, sealed.Service, c)
}

func sameApplication(a, b Applied) bool {
	return a.Party == b.Party && a.Kind == b.Kind && a.Language == b.Language && a.On == b.On &&
		a.Identity.Equal(b.Identity) && a.Contact.Equal(b.Contact)
}

// particulars reports what is missing, if anything is.
func particulars(party domain.PartyID, kind Kind, i Identity, c Contact, l domain.Language, on calendar.Date) error {
	missing := ""
	switch {
	case party == "":
		missing = "party"
	case kind != Person && kind != Organisation:
		missing = "kind"
	case i.Kind() != kind || strings.TrimSpace(i.Name()) == "":
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

// emailLike reports whether it has the form of an address; whether anybody reads
// it only a mail can tell.
func emailLike(s string) bool {
	local, host, found := strings.Cut(s, "@")
	return found && local != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " \t\r\n,;<>") && !strings.Contains(host, "@")
}

// Admit makes an applicant a member.
type Admit struct {
	Party    domain.PartyID
	Number   domain.MemberNumber // to be theirs: the next one, or the one they had before
	On       calendar.Date
	Shares   int // of the class that the statutes name, to which they have subscribed
	Statutes statutes.Statutes
}

func (c Admit) Streams() (member, number domain.Stream) {
	return StreamOf(c.Party), NumberStream(c.Number)
}

func (c Admit) Decide(m Member, n Number) ([]event, []numberEvent, error) {
	if a := m.admission; m.member && a.Number == c.Number && a.On == c.On {
		return nil, nil, nil
	}
	needs := c.Statutes.Membership.Admission
	switch {
	case c.Statutes.Version == 0:
		return nil, nil, ErrIncomplete.With("missing", "the statutes in force")
	case m.member:
		return nil, nil, ErrIsMember.With("since", m.admission.On).With("number", m.number)
	case !m.Applying():
		return nil, nil, ErrNotApplied
	case c.On.Before(m.application.On):
		return nil, nil, ErrTooEarly.With("earliest", m.application.On)
	case c.Shares < needs.MinShares:
		return nil, nil, ErrTooFewShares.With("least", needs.MinShares).With("class", needs.Class).With("shares", c.Shares)
	}
	return admit(n, Admitted{c.Party, c.Number, c.On, c.Statutes.Version})
}

// admit gives the number, unless it is the member's own already.
func admit(n Number, a Admitted) ([]event, []numberEvent, error) {
	switch {
	case a.Number < 1:
		return nil, nil, ErrIncomplete.With("missing", "number")
	case n.party == a.Party:
		return []event{a}, nil, nil
	case n.party != "":
		return nil, nil, ErrNumberTaken.With("number", a.Number)
	}
	return []event{a}, []numberEvent{NumberGiven{a.Number, a.Party, a.On}}, nil
}

// Reject declines an application.
type Reject struct {
	Party  domain.PartyID
	On     calendar.Date
	Reason string // told to who asks; a recognised Belgian co-op must have objective ones (royal decree of 8 January 1962, art. 1 §2)
}

func (c Reject) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Reject) Decide(m Member) ([]event, error) {
	switch {
	case m.rejection.Party != "" && m.rejection.On == c.On:
		return nil, nil
	case !m.Applying():
		return nil, ErrNotApplied
	case c.On.Before(m.application.On):
		return nil, ErrTooEarly.With("earliest", m.application.On)
	}
	return []event{Rejected{c.Party, c.On, textOf(c.Party, c.Reason)}}, nil
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
	kind := c.Identity.Kind()
	if err := particulars(c.Party, kind, c.Identity, Contact{}, "", c.On); err != nil {
		return nil, err
	}
	changed := sealed.New(c.Party, sealed.Register, c.Identity)
	switch {
	case m.kind != "" && m.kind != kind:
		return nil, ErrKind
	case m.identity.Equal(changed):
		return nil, nil
	}
	return []event{IdentityChanged{c.Party, kind, changed, c.On}}, nil
}

// ChangeContact says how to reach a party now.
type ChangeContact struct {
	Party   domain.PartyID
	Contact Contact
	On      calendar.Date
}

func (c ChangeContact) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ChangeContact) Decide(m Member) ([]event, error) {
	changed := sealed.New(c.Party, sealed.Service, c.Contact)
	switch {
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Contact.Email != "" && !emailLike(c.Contact.Email):
		return nil, ErrIncomplete.With("missing", "e-mail")
	case m.contact.Equal(changed) || m.contact.IsZero() && c.Contact == (Contact{}):
		return nil, nil
	}
	return []event{ContactChanged{c.Party, changed, c.On}}, nil
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

// Resign is a member giving notice. The statutes say when it takes effect; until
// then nothing changes. What comes too late for this year is not refused, but
// counts for the next.
type Resign struct {
	Party    domain.PartyID
	On       calendar.Date // that notice is given
	Statutes statutes.Statutes
}

func (c Resign) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Resign) Decide(m Member) ([]event, error) {
	switch {
	case m.resignation.Party != "" && m.resignation.On == c.On:
		return nil, nil
	case m.end.Reason == Resigned && m.IsMember(c.On):
		return nil, ErrResigned.With("on", m.end.On)
	case !m.IsMember(c.On) || !m.member:
		return nil, ErrNotMember.With("on", c.On)
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	}
	ends := c.Statutes.ResignationEnds(c.On)
	return []event{
		ResignationRequested{c.Party, c.On, ends, c.Statutes.Version},
		Ended{Party: c.Party, Reason: Resigned, On: ends},
	}, nil
}

// Exclude ends a membership against the member's will.
type Exclude struct {
	Party domain.PartyID
	On    calendar.Date // the last day of membership
	Why   string        // the grounds, of which the member is told
}

func (c Exclude) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Exclude) Decide(m Member) ([]event, error) {
	return end(m, Ended{c.Party, Excluded, c.On, textOf(c.Party, c.Why)})
}

// Decease records that a member has died, or that an organisation is dissolved:
// membership ends on that day by itself (in Belgium CSA 6:121), however late the
// co-op hears of it.
type Decease struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c Decease) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Decease) Decide(m Member) ([]event, error) {
	reason := Deceased
	if m.kind == Organisation {
		reason = Dissolved
	}
	return end(m, Ended{Party: c.Party, Reason: reason, On: c.On})
}

func end(m Member, e Ended) ([]event, error) {
	switch {
	case m.end.Party != "" && m.end.Reason == e.Reason && m.end.On == e.On:
		return nil, nil
	case e.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case !m.IsMember(e.On):
		return nil, ErrNotMember.With("on", e.On)
	}
	return []event{e}, nil
}

// GrantRole lets a party do something for the co-op or, as a delegate, for an
// organisation.
type GrantRole struct {
	Party domain.PartyID
	Role  domain.Role
	For   domain.PartyID // of a delegate
	On    calendar.Date
}

func (c GrantRole) Stream() domain.Stream { return StreamOf(c.Party) }

func (c GrantRole) Decide(m Member) ([]event, error) {
	switch {
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.Role == domain.RoleMember || !known(c.Role):
		return nil, ErrRole.With("role", c.Role)
	case (c.Role == domain.RoleDelegate) != (c.For != "") || c.For == c.Party:
		return nil, ErrRoleFor
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case m.roles[Grant{c.Role, c.For}]:
		return nil, nil
	}
	return []event{RoleGranted(c)}, nil
}

func known(role domain.Role) bool {
	for _, r := range domain.Roles {
		if r == role {
			return true
		}
	}
	return false
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
	case !m.roles[Grant{c.Role, c.For}]:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []event{RoleRevoked(c)}, nil
}

// ErasePersonalData has everyone forget a party's data of one class. Whoever
// executes it destroys the keys after it is recorded, so that it can be repeated.
type ErasePersonalData struct {
	Party       domain.PartyID
	Class       sealed.Class
	Through     int // the version of the key
	On          calendar.Date
	KeptThrough calendar.Date // the last day on which the law or a service still needs the data; no day if nothing does
}

func (c ErasePersonalData) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ErasePersonalData) Decide(m Member) ([]event, error) {
	_, ever := m.Period()
	switch {
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Through < 1:
		return nil, ErrIncomplete.With("missing", "version of the key")
	case m.erased[c.Class] >= c.Through:
		return nil, nil
	case c.Class == sealed.Register && (ever || m.Applying()):
		return nil, ErrRegisterKept
	case !c.On.After(c.KeptThrough):
		return nil, ErrStillNeeded.With("through", c.KeptThrough)
	}
	return []event{PersonalDataErased{c.Party, c.Class, c.Through, c.On}}, nil
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
	On         calendar.Date // of the entry: from when corrections hold
}

func (c Enter) Streams() (member, number domain.Stream) {
	return StreamOf(c.Party), NumberStream(c.Number)
}

func (c Enter) Decide(m Member, n Number) (events []event, numbers []numberEvent, err error) {
	if err := c.check(m); err != nil {
		return nil, nil, err
	}
	if _, ever := m.Period(); !ever {
		admitted, given, err := admit(n, Admitted{Party: c.Party, Number: c.Number, On: c.AdmittedOn})
		if err != nil {
			return nil, nil, err
		}
		if !m.Applying() {
			appliedOn := c.AppliedOn
			if appliedOn.IsZero() {
				appliedOn = c.AdmittedOn
			}
			events = append(events, Apply{c.Party, c.Kind, c.Identity, c.Contact, c.Language, appliedOn}.applied())
		}
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
	for _, change := range changes {
		more, err := change.Decide(m)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	if !c.EndedOn.IsZero() && (m.end.On != c.EndedOn || m.end.Reason != c.EndReason) {
		events = append(events, Ended{Party: c.Party, Reason: c.EndReason, On: c.EndedOn})
	}
	return events, nil
}

func (c Enter) check(m Member) error {
	if err := particulars(c.Party, c.Kind, c.Identity, c.Contact, c.Language, c.On); err != nil {
		return err
	}
	_, ever := m.Period()
	switch {
	case m.kind != "" && m.kind != c.Kind:
		return ErrKind
	case c.AdmittedOn.IsZero():
		return ErrIncomplete.With("missing", "date of admission")
	case c.AppliedOn.After(c.AdmittedOn):
		return ErrTooEarly.With("earliest", c.AppliedOn)
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
