package membership

import (
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// Acceptance is a text that a candidate has read and accepted.
type Acceptance struct {
	Text    string        `json:"text"`    // the name under which the statutes ask for it, or the id of a document
	Version string        `json:"version"` // of the text
	On      calendar.Date `json:"on"`
}

// Wish is shares that a candidate asks for.
type Wish struct {
	Class    domain.ClassID `json:"class"`
	Quantity int            `json:"quantity"`
}

// Decision is that of a body, as its minutes have it. Those that were taken together
// have the same.
type Decision struct {
	By      statutes.Body `json:"by"`
	On      calendar.Date `json:"on"`                // the day of the meeting
	Minutes string        `json:"minutes,omitempty"` // how the minutes are referred to; names no person
}

// check reports why a decision is none, if that is so.
func (d Decision) check(by statutes.Body, minutes bool, earliest calendar.Date) error {
	switch {
	case d.By == "":
		return ErrIncomplete.With("missing", "who decided")
	case d.By != by:
		return ErrBody.With("body", by).With("by", d.By)
	case d.On.IsZero():
		return ErrIncomplete.With("missing", "date of the decision")
	case minutes && strings.TrimSpace(d.Minutes) == "":
		return ErrIncomplete.With("missing", "reference of the minutes")
	case d.On.Before(earliest):
		return ErrTooEarly.With("earliest", earliest)
	}
	return nil
}

// WaitingFrom returns since when a candidate is on the waiting list, and whether
// they are. The order of the list is that in which the log has their entries.
func (m Member) WaitingFrom() (since calendar.Date, waiting bool) {
	return m.waitingFrom, !m.waitingFrom.IsZero()
}

// Applied asks for membership.
type Applied struct {
	Party    domain.PartyID       `json:"party"`
	Kind     Kind                 `json:"kind"`
	Identity sealed.Box[Identity] `json:"identity"`          // of class register
	Contact  sealed.Box[Contact]  `json:"contact,omitzero"`  // of class service
	Language domain.Language      `json:"language,omitzero"` // empty where none was chosen
	On       calendar.Date        `json:"on"`
	Accepted []Acceptance         `json:"accepted,omitempty"`
	Shares   []Wish               `json:"shares,omitempty"`
	HeirOf   domain.PartyID       `json:"heir_of,omitempty"` // whose shares the candidate is to take over
	// WithdrawableThrough is the last day on which the candidate may withdraw
	// whatever is decided; no day: until the decision.
	WithdrawableThrough calendar.Date `json:"withdrawable_through,omitzero"`
	StatutesVersion     int           `json:"statutes_version,omitempty"` // 0 where it comes from an older register
}

func (e Applied) Evolve(m Member) Member {
	m.party, m.kind, m.identity, m.language = e.Party, e.Kind, e.Identity, e.Language
	if !e.Contact.IsZero() {
		m.contact = e.Contact
	}
	m.application, m.decided = e, false
	m.waitingFrom, m.withdrawal, m.rejection = calendar.Date{}, ApplicationWithdrawn{}, Rejected{}
	return m
}

// appliedV1 is edition 1: nobody accepted texts, or asked for shares.
type appliedV1 struct {
	Party    domain.PartyID       `json:"party"`
	Kind     Kind                 `json:"kind"`
	Identity sealed.Box[Identity] `json:"identity"`
	Contact  sealed.Box[Contact]  `json:"contact,omitzero"`
	Language domain.Language      `json:"language,omitzero"`
	On       calendar.Date        `json:"on"`
}

func appliedFromV1(e appliedV1) Applied {
	return Applied{Party: e.Party, Kind: e.Kind, Identity: e.Identity, Contact: e.Contact, Language: e.Language, On: e.On}
}

// ApplicationWithdrawn is a candidate who has thought better of it. Where they were
// admitted meanwhile, an [Ended] follows.
type ApplicationWithdrawn struct {
	Party domain.PartyID `json:"party"`
	On    calendar.Date  `json:"on"`
}

func (e ApplicationWithdrawn) Evolve(m Member) Member {
	m.decided, m.withdrawal = true, e
	return m
}

// WaitingListJoined puts a candidate at the end of the waiting list.
type WaitingListJoined struct {
	Party domain.PartyID `json:"party"`
	On    calendar.Date  `json:"on"`
}

func (e WaitingListJoined) Evolve(m Member) Member {
	m.waitingFrom = e.On
	return m
}

// WaitingListLeft takes a candidate off the waiting list: who was decided on, who
// has withdrawn, or who need not wait any more.
type WaitingListLeft struct {
	Party domain.PartyID `json:"party"`
	On    calendar.Date  `json:"on"`
}

func (e WaitingListLeft) Evolve(m Member) Member {
	m.waitingFrom = calendar.Date{}
	return m
}

// Admitted makes a party a member from a day on.
type Admitted struct {
	Party           domain.PartyID      `json:"party"`
	Number          domain.MemberNumber `json:"number"`
	On              calendar.Date       `json:"on"`                         // the first day of membership
	Decision        Decision            `json:"decision,omitzero"`          // none where it comes from an older register
	StatutesVersion int                 `json:"statutes_version,omitempty"` // that admission was decided by; 0 where it comes from an older register
}

func (e Admitted) Evolve(m Member) Member {
	if last, ever := m.Period(); ever {
		m.past = append(slices.Clip(m.past), last)
	}
	m.admission, m.number, m.member, m.decided = e, e.Number, true, true
	m.resignation, m.unresigned, m.exclusion = ResignationRequested{}, ResignationWithdrawn{}, exclusion{}
	m.end, m.revoked = Ended{}, EndRevoked{}
	return m
}

// admittedV1 is edition 1: it did not say who decided.
type admittedV1 struct {
	Party           domain.PartyID      `json:"party"`
	Number          domain.MemberNumber `json:"number"`
	On              calendar.Date       `json:"on"`
	StatutesVersion int                 `json:"statutes_version,omitempty"`
}

func admittedFromV1(e admittedV1) Admitted {
	return Admitted{Party: e.Party, Number: e.Number, On: e.On, StatutesVersion: e.StatutesVersion}
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
	Party           domain.PartyID     `json:"party"`
	On              calendar.Date      `json:"on"`
	Reason          sealed.Box[string] `json:"reason,omitzero"`            // of class register: it may say something of the person
	Decision        Decision           `json:"decision,omitzero"`          // none in edition 1
	StatutesVersion int                `json:"statutes_version,omitempty"` // 0 in edition 1
}

func (e Rejected) Evolve(m Member) Member {
	m.decided, m.rejection = true, e
	return m
}

// rejectedV1 is edition 1: it did not say who decided.
type rejectedV1 struct {
	Party  domain.PartyID     `json:"party"`
	On     calendar.Date      `json:"on"`
	Reason sealed.Box[string] `json:"reason,omitzero"`
}

func rejectedFromV1(e rejectedV1) Rejected {
	return Rejected{Party: e.Party, On: e.On, Reason: e.Reason}
}

// FounderNamed says that a member is one of those who founded the co-op: the law may
// bind them longer.
type FounderNamed struct {
	Party domain.PartyID `json:"party"`
	On    calendar.Date  `json:"on"` // that it was entered
}

func (e FounderNamed) Evolve(m Member) Member {
	m.founder = true
	return m
}

// Apply asks for membership, also on behalf of who was a member before.
type Apply struct {
	Party    domain.PartyID
	Kind     Kind
	Identity Identity
	Contact  Contact
	Language domain.Language // may be empty
	Accepted []Acceptance
	Shares   []Wish         // may be none: they are subscribed to apart
	HeirOf   domain.PartyID // may be empty
	On       calendar.Date
	Statutes statutes.Statutes
}

func (c Apply) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Apply) Decide(m Member) ([]event, error) {
	if err := m.gone(); err != nil {
		return nil, err
	}
	if err := particulars(c.Party, c.Kind, c.Identity, c.Contact, c.Language, c.On); err != nil {
		return nil, err
	}
	if c.Statutes.Version == 0 {
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	}
	applied := c.applied()
	switch {
	case sameApplication(m.application, applied):
		return nil, nil
	case m.kind != "" && m.kind != c.Kind:
		return nil, ErrKind
	case c.Kind == Estate:
		return nil, ErrEstate
	case c.Kind == Joint && len(m.holders) == 0:
		return nil, ErrHolders
	case m.Applying():
		return nil, ErrApplied.With("on", m.application.On)
	case m.member || m.IsMember(c.On):
		return nil, ErrIsMember.With("since", m.admission.On).With("number", m.number)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return []event{applied}, nil
}

// check reports what of the application is not as the statutes ask.
func (c Apply) check() error {
	for _, a := range c.Accepted {
		if strings.TrimSpace(a.Text) == "" || strings.TrimSpace(a.Version) == "" || a.On.IsZero() || a.On.After(c.On) {
			return ErrIncomplete.With("missing", "text accepted, its version and day")
		}
	}
	if c.HeirOf != "" && c.Statutes.Membership.Death.Heirs != statutes.MayJoin {
		return ErrHeirs
	}
	needs := c.Statutes.Membership.Admission
	for _, text := range needs.Texts {
		if !slices.ContainsFunc(c.Accepted, func(a Acceptance) bool { return a.Text == text }) {
			return ErrNotAccepted.With("text", text)
		}
	}
	for i, wish := range c.Shares {
		same := func(w Wish) bool { return w.Class == wish.Class }
		switch _, known := c.Statutes.Class(wish.Class); {
		case !known:
			return ErrNoClass.With("class", wish.Class)
		case wish.Quantity < 1 || slices.IndexFunc(c.Shares, same) < i:
			return ErrIncomplete.With("missing", "quantity")
		case wish.Class == needs.Class && wish.Quantity < needs.MinShares:
			return ErrTooFewShares.With("least", needs.MinShares).With("class", needs.Class).With("shares", wish.Quantity)
		}
	}
	return nil
}

func (c Apply) applied() Applied {
	e := Applied{
		Party: c.Party, Kind: c.Kind, Identity: sealed.New(c.Party, sealed.Register, c.Identity),
		Contact: contactOf(c.Party, c.Contact), Language: c.Language, On: c.On,
		Accepted: slices.Clone(c.Accepted), Shares: slices.Clone(c.Shares), HeirOf: c.HeirOf, StatutesVersion: c.Statutes.Version,
	}
	if days := c.Statutes.Membership.Admission.WithdrawalDays; days > 0 {
		e.WithdrawableThrough = c.On.AddDays(days)
	}
	return e
}

// sameApplication leaves out what follows from the statutes of the day.
func sameApplication(a, b Applied) bool {
	return a.Party == b.Party && a.Kind == b.Kind && a.Language == b.Language && a.On == b.On && a.HeirOf == b.HeirOf &&
		a.Identity.Equal(b.Identity) && a.Contact.Equal(b.Contact) && slices.Equal(a.Accepted, b.Accepted) && slices.Equal(a.Shares, b.Shares)
}

// WithdrawApplication takes an application back. As long as nobody has decided on
// it, a candidate may do so at any time; after that, for as many days from the
// application as the statutes say, and then a membership ends that has just begun.
type WithdrawApplication struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c WithdrawApplication) Stream() domain.Stream { return StreamOf(c.Party) }

func (c WithdrawApplication) Decide(m Member) ([]event, error) {
	withdrawn := ApplicationWithdrawn(c)
	over := m.end.Party != "" && m.end.Reason != Resigned
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.withdrawal.Party != "" && m.withdrawal.On == c.On:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case m.Applying() && c.On.Before(m.application.On):
		return nil, ErrTooEarly.With("earliest", m.application.On)
	case m.Applying():
		return append(m.offWaitingList(c.On), withdrawn), nil
	case m.application.WithdrawableThrough.IsZero() || m.withdrawal.Party != "" || m.rejection.Party != "" || over:
		return nil, ErrNotApplied
	case c.On.After(m.application.WithdrawableThrough):
		return nil, ErrTooLate.With("through", m.application.WithdrawableThrough)
	}
	last := c.On
	if last.Before(m.admission.On) {
		last = m.admission.On.AddDays(-1) // who never began
	}
	return []event{withdrawn, Ended{Party: c.Party, Reason: Withdrawn, On: last}}, nil
}

// offWaitingList takes a candidate off the list, who may be on it.
func (m Member) offWaitingList(on calendar.Date) []event {
	if m.waitingFrom.IsZero() {
		return nil
	}
	return []event{WaitingListLeft{m.party, on}}
}

// PutOnWaitingList has a candidate wait for their turn. Who is on the list already
// keeps their place.
type PutOnWaitingList struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c PutOnWaitingList) Stream() domain.Stream { return StreamOf(c.Party) }

func (c PutOnWaitingList) Decide(m Member) ([]event, error) {
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case !m.Applying():
		return nil, ErrNotApplied
	case !m.waitingFrom.IsZero():
		return nil, nil
	case c.On.Before(m.application.On):
		return nil, ErrTooEarly.With("earliest", m.application.On)
	}
	return []event{WaitingListJoined(c)}, nil
}

// TakeOffWaitingList has a candidate wait no more for others; a decision on the
// application takes them off by itself. Put on again, they come last.
type TakeOffWaitingList struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c TakeOffWaitingList) Stream() domain.Stream { return StreamOf(c.Party) }

func (c TakeOffWaitingList) Decide(m Member) ([]event, error) {
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.waitingFrom.IsZero():
		return nil, nil
	case c.On.Before(m.waitingFrom):
		return nil, ErrTooEarly.With("earliest", m.waitingFrom)
	}
	return []event{WaitingListLeft(c)}, nil
}

// Admit makes an applicant a member. Several are admitted by one decision if they are
// executed together with the same.
type Admit struct {
	Party    domain.PartyID
	Number   domain.MemberNumber // to be theirs: the next one, or the one they had before
	On       calendar.Date
	Decision Decision
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
	if err := m.gone(); err != nil {
		return nil, nil, err
	}
	needs := c.Statutes.Membership.Admission
	switch {
	case c.Statutes.Version == 0:
		return nil, nil, ErrIncomplete.With("missing", "the statutes in force")
	case m.member || m.IsMember(c.On):
		return nil, nil, ErrIsMember.With("since", m.admission.On).With("number", m.number)
	case !m.Applying():
		return nil, nil, ErrNotApplied
	case c.On.Before(m.application.On):
		return nil, nil, ErrTooEarly.With("earliest", m.application.On)
	case c.Shares < needs.MinShares:
		return nil, nil, ErrTooFewShares.With("least", needs.MinShares).With("class", needs.Class).With("shares", c.Shares)
	case m.minor(c.On, c.Statutes) && len(m.agents(Guardian, c.On)) == 0:
		return nil, nil, ErrNoGuardian
	}
	if err := c.Decision.check(needs.By, needs.Minutes, m.application.On); err != nil {
		return nil, nil, err
	}
	admitted, given, err := m.admit(n, Admitted{c.Party, c.Number, c.On, c.Decision, c.Statutes.Version})
	if err != nil {
		return nil, nil, err
	}
	return append(m.offWaitingList(c.On), admitted...), given, nil
}

// admit gives the number, unless it is the member's own already.
func (m Member) admit(n Number, a Admitted) ([]event, []numberEvent, error) {
	absorbed := func(b Absorbed) bool { return b.Merged == n.party }
	switch {
	case a.Number < 1:
		return nil, nil, ErrIncomplete.With("missing", "number")
	case n.party == a.Party || n.party != "" && slices.ContainsFunc(m.absorbed, absorbed):
		return []event{a}, nil, nil
	case n.party != "":
		return nil, nil, ErrNumberTaken.With("number", a.Number)
	}
	return []event{a}, []numberEvent{NumberGiven{a.Number, a.Party, a.On}}, nil
}

// Reject declines an application. What was paid with it is to be given back.
type Reject struct {
	Party    domain.PartyID
	On       calendar.Date
	Decision Decision
	Reason   string // told to who asks; a recognised Belgian co-op must have objective ones (royal decree of 8 January 1962, art. 1 §2)
	Statutes statutes.Statutes
}

func (c Reject) Stream() domain.Stream { return StreamOf(c.Party) }

func (c Reject) Decide(m Member) ([]event, error) {
	needs := c.Statutes.Membership.Admission
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.rejection.Party != "" && m.rejection.On == c.On:
		return nil, nil
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case !m.Applying():
		return nil, ErrNotApplied
	case c.On.Before(m.application.On):
		return nil, ErrTooEarly.With("earliest", m.application.On)
	case needs.Reasons && strings.TrimSpace(c.Reason) == "":
		return nil, ErrReasons
	}
	if err := c.Decision.check(needs.By, needs.Minutes, m.application.On); err != nil {
		return nil, err
	}
	rejected := Rejected{c.Party, c.On, textOf(c.Party, c.Reason), c.Decision, c.Statutes.Version}
	return append(m.offWaitingList(c.On), rejected), nil
}

// NameFounder enters that a member is one of those who founded the co-op.
type NameFounder struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c NameFounder) Stream() domain.Stream { return StreamOf(c.Party) }

func (c NameFounder) Decide(m Member) ([]event, error) {
	_, ever := m.Period()
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.founder:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case !ever:
		return nil, ErrNotMember.With("on", c.On)
	}
	return []event{FounderNamed(c)}, nil
}
