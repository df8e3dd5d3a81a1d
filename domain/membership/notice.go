package membership

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// NoticeID identifies a mail by what it is about: the id of an event, and which of the
// mails about it.
type NoticeID string

// NoticeStream returns the stream of a notice: there is one mail, or none.
func NoticeStream(id NoticeID) domain.Stream { return domain.StreamOf("notice", string(id)) }

// NoticeKind is what a mail tells, like "admitted". It names its text.
type NoticeKind string

// Outcome is what became of a notice.
type Outcome string

const (
	NoticeSent      Outcome = "sent"       // a mail server has taken it
	NoticeNoAddress Outcome = "no_address" // nobody knows where to write to: tell them otherwise
	NoticeGone      Outcome = "gone"       // the party is no more
)

// Valid reports whether it is one of these.
func (o Outcome) Valid() bool {
	return o == NoticeSent || o == NoticeNoAddress || o == NoticeGone
}

// Notice is what must be known of a mail.
type Notice struct{ recorded NoticeRecorded }

// Recorded returns what became of it, and whether that is known.
func (n Notice) Recorded() (NoticeRecorded, bool) { return n.recorded, n.recorded.Notice != "" }

type noticeEvent = domain.Event[Notice]

// NoticeRecorded says that a party was told by mail of something that concerns it, or why it
// was not. The mail itself is not kept: it is made from the event that it is about.
type NoticeRecorded struct {
	Notice   NoticeID        `json:"notice"`
	Kind     NoticeKind      `json:"kind"`
	Party    domain.PartyID  `json:"party"`
	Language domain.Language `json:"language"`
	Former   bool            `json:"former,omitempty"` // to the address that was known before
	Outcome  Outcome         `json:"outcome"`
	On       calendar.Date   `json:"on"`
}

func (e NoticeRecorded) Evolve(Notice) Notice { return Notice{e} }

// RecordNotice records what became of a mail, once.
type RecordNotice NoticeRecorded

func (c RecordNotice) Stream() domain.Stream { return NoticeStream(c.Notice) }

func (c RecordNotice) Decide(n Notice) ([]noticeEvent, error) {
	switch {
	case c.Notice == "":
		return nil, ErrIncomplete.With("missing", "id")
	case c.Kind == "":
		return nil, ErrIncomplete.With("missing", "kind")
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case !c.Language.Valid():
		return nil, ErrIncomplete.With("missing", "language")
	case !c.Outcome.Valid():
		return nil, ErrIncomplete.With("missing", "what became of it")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case n.recorded.Notice != "":
		return nil, nil
	}
	return []noticeEvent{NoticeRecorded(c)}, nil
}
