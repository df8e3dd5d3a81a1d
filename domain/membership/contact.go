package membership

import (
	"cmp"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// Contact is how to reach a party.
type Contact struct {
	Email string `json:"email,omitempty"` // need not be theirs alone: families share one
	Phone string `json:"phone,omitempty"`
}

// RequestID identifies a change that waits to be confirmed. It is no secret: by what
// secret somebody shows that they read the old address, whoever sends mails knows.
type RequestID string

// Channel is by what a change of contact was confirmed, or declined.
type Channel string

const (
	OldChannel  Channel = "old_channel" // somebody reads the address that was known before
	BySecretary Channel = "secretary"   // who has made sure otherwise, where nobody reads it any more
)

// Valid reports whether it is one of these.
func (c Channel) Valid() bool { return c == OldChannel || c == BySecretary }

// contactAnswer is what became of a request.
type contactAnswer struct {
	request   RequestID
	confirmed bool
}

// Contact returns how to reach it, unless that is unknown or erased.
func (m Member) Contact() (Contact, bool) { return m.contact.Reveal() }

// ContactRequest returns the change that waits to be confirmed, and whether there is one.
func (m Member) ContactRequest() (ContactChangeRequested, bool) {
	return m.request, m.request.Party != ""
}

// ContactChanged says how to reach a party from a day on.
type ContactChanged struct {
	Party   domain.PartyID      `json:"party"`
	Contact sealed.Box[Contact] `json:"contact"`
	On      calendar.Date       `json:"on"`
}

func (e ContactChanged) Evolve(m Member) Member {
	m.party, m.contact, m.request = e.Party, e.Contact, ContactChangeRequested{}
	return m
}

// ContactChangeRequested asks that a party be reached otherwise, and changes nothing
// yet: who gets at a session must not get at an account by it.
type ContactChangeRequested struct {
	Party           domain.PartyID      `json:"party"`
	Request         RequestID           `json:"request"`
	Contact         sealed.Box[Contact] `json:"contact"` // of class service
	On              calendar.Date       `json:"on"`
	ExpiresAfter    calendar.Date       `json:"expires_after"` // the last day on which it can be confirmed
	StatutesVersion int                 `json:"statutes_version"`
}

func (e ContactChangeRequested) Evolve(m Member) Member {
	m.request = e
	return m
}

// ContactChangeConfirmed says by what a change was confirmed; a [ContactChanged]
// follows.
type ContactChangeConfirmed struct {
	Party   domain.PartyID     `json:"party"`
	Request RequestID          `json:"request"`
	By      Channel            `json:"by"`
	Reason  sealed.Box[string] `json:"reason,omitzero"` // of class service: how the secretary made sure
	On      calendar.Date      `json:"on"`
}

func (e ContactChangeConfirmed) Evolve(m Member) Member {
	m.answered = contactAnswer{e.Request, true}
	return m
}

// ContactChangeDeclined says that a change is not to be: who reads the old address
// did not ask for it.
type ContactChangeDeclined struct {
	Party   domain.PartyID `json:"party"`
	Request RequestID      `json:"request"`
	By      Channel        `json:"by"`
	On      calendar.Date  `json:"on"`
}

func (e ContactChangeDeclined) Evolve(m Member) Member {
	m.answered, m.request = contactAnswer{request: e.Request}, ContactChangeRequested{}
	return m
}

// ChangeContact says how to reach a party now, on the word of who keeps the register.
type ChangeContact struct {
	Party   domain.PartyID
	Contact Contact
	On      calendar.Date
}

func (c ChangeContact) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ChangeContact) Decide(m Member) ([]event, error) {
	changed := sealed.New(c.Party, sealed.Service, c.Contact)
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
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

// RequestContactChange asks that the party be reached otherwise. Where the address of
// e-mail stays, it is done at once; else it waits to be confirmed by way of the old
// one, and takes the place of a request before it. The new address need not be
// theirs alone.
type RequestContactChange struct {
	Party    domain.PartyID
	Request  RequestID
	Contact  Contact
	On       calendar.Date
	Statutes statutes.Statutes
}

func (c RequestContactChange) Stream() domain.Stream { return StreamOf(c.Party) }

func (c RequestContactChange) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	wanted, now := sealed.New(c.Party, sealed.Service, c.Contact), m.request
	was, _ := m.Contact()
	switch {
	case c.Request == "":
		return nil, ErrIncomplete.With("missing", "id")
	case now.Request == c.Request && now.Contact.Equal(wanted), m.answered == contactAnswer{c.Request, true} && m.contact.Equal(wanted):
		return nil, nil
	case now.Request == c.Request || m.answered.request == c.Request:
		return nil, ErrRequestID
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Contact.Email != "" && !emailLike(c.Contact.Email):
		return nil, ErrIncomplete.With("missing", "e-mail")
	case strings.EqualFold(was.Email, c.Contact.Email):
		return ChangeContact{c.Party, c.Contact, c.On}.Decide(m)
	}
	days := cmp.Or(c.Statutes.Membership.Particulars.ContactDays, 14)
	return []event{ContactChangeRequested{c.Party, c.Request, wanted, c.On, c.On.AddDays(days), c.Statutes.Version}}, nil
}

// ConfirmContactChange makes a change that was asked for. Whoever executes it has
// made sure that the old address is read, or has the secretary's word and reason.
type ConfirmContactChange struct {
	Party   domain.PartyID
	Request RequestID
	By      Channel
	Reason  string // of the secretary: how they made sure
	On      calendar.Date
}

func (c ConfirmContactChange) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ConfirmContactChange) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	if (m.answered == contactAnswer{c.Request, true}) {
		return nil, nil
	}
	if err := m.answers(c.Request, c.By, c.On); err != nil {
		return nil, err
	}
	was, reachable := m.Contact()
	switch {
	case c.By == BySecretary && strings.TrimSpace(c.Reason) == "":
		return nil, ErrIncomplete.With("missing", "how the secretary made sure")
	case c.By == OldChannel && (!reachable || was.Email == ""):
		return nil, ErrNoChannel
	}
	reason := sealed.Box[string]{}
	if c.By == BySecretary {
		reason = sealed.New(c.Party, sealed.Service, c.Reason)
	}
	return []event{
		ContactChangeConfirmed{c.Party, c.Request, c.By, reason, c.On},
		ContactChanged{c.Party, m.request.Contact, c.On},
	}, nil
}

// answers reports why a request cannot be answered, if that is so.
func (m Member) answers(request RequestID, by Channel, on calendar.Date) error {
	switch {
	case request == "" || m.request.Request != request:
		return ErrNoRequest
	case !by.Valid():
		return ErrIncomplete.With("missing", "channel")
	case on.Before(m.request.On):
		return ErrTooEarly.With("earliest", m.request.On)
	case on.After(m.request.ExpiresAfter):
		return ErrTooLate.With("through", m.request.ExpiresAfter)
	}
	return nil
}

// DeclineContactChange has a request come to nothing, also after its time.
type DeclineContactChange struct {
	Party   domain.PartyID
	Request RequestID
	By      Channel
	On      calendar.Date
}

func (c DeclineContactChange) Stream() domain.Stream { return StreamOf(c.Party) }

func (c DeclineContactChange) Decide(m Member) ([]event, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	if m.answered.request == c.Request && c.Request != "" && !m.answered.confirmed {
		return nil, nil
	}
	if err := m.answers(c.Request, c.By, c.On); err != nil && !ErrTooLate.Is(err) {
		return nil, err
	}
	return []event{ContactChangeDeclined(c)}, nil
}

func contactOf(party domain.PartyID, c Contact) sealed.Box[Contact] {
	if c == (Contact{}) {
		return sealed.Box[Contact]{}
	}
	return sealed.New(party, sealed.Service, c)
}

// emailLike reports whether it has the form of an address; whether anybody reads
// it only a mail can tell.
func emailLike(s string) bool {
	local, host, found := strings.Cut(s, "@")
	return found && local != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " \t\r\n,;<>") && !strings.Contains(host, "@")
}
