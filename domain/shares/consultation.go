package shares

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// ErrNoHolder refuses to show the register to somebody who holds no shares, and
// ErrConsultationOver to show it on by a consultation of an earlier day.
var (
	ErrNoHolder         = domain.Refusal{Code: "shares.no_holder", Reason: "the register is shown to who holds shares: {party} holds none"}
	ErrConsultationOver = domain.Refusal{Code: "shares.consultation_over", Reason: "a consultation of the register holds for its day: consult it again"}
)

// ConsultationID identifies a look that a holder took at the register.
type ConsultationID string

// ConsultationStream returns the stream of a consultation.
func ConsultationStream(id ConsultationID) domain.Stream {
	return domain.StreamOf("consultation", string(id))
}

// Consultation is what must be known of a consultation.
type Consultation struct{ consulted RegisterConsulted }

// RegisterConsulted says who was shown what of the register. Whoever holds shares may
// see all of it, whatever the statutes say; it never has addresses of e-mail.
type RegisterConsulted struct {
	Consultation ConsultationID `json:"consultation"`
	Party        domain.PartyID `json:"party"`             // who consults it
	Holder       domain.PartyID `json:"holder,omitempty"`  // of whom it was an extract; none: all of it
	AsAt         calendar.Date  `json:"as_at"`             // the day as at which it was shown
	KnownAt      calendar.Date  `json:"known_at,omitzero"` // and as known at; no day: then
	On           calendar.Date  `json:"on"`
}

func (e RegisterConsulted) Evolve(Consultation) Consultation { return Consultation{e} }

// ConsultRegister grants a look at the register, and keeps that it was taken.
type ConsultRegister struct {
	Consultation ConsultationID
	Party        domain.PartyID
	Holder       domain.PartyID // for an extract
	AsAt         calendar.Date
	KnownAt      calendar.Date
	On           calendar.Date
	Held         int64 // shares of the party, of all classes, loaded in the same transaction
}

func (c ConsultRegister) Stream() domain.Stream { return ConsultationStream(c.Consultation) }

func (c ConsultRegister) Decide(was Consultation) ([]domain.Event[Consultation], error) {
	e := RegisterConsulted{c.Consultation, c.Party, c.Holder, c.AsAt, c.KnownAt, c.On}
	switch {
	case was.consulted == e && e.Consultation != "":
		return nil, nil
	case c.Consultation == "" || was.consulted.Consultation != "":
		return nil, ErrIncomplete.With("missing", "the id")
	case c.Party == "":
		return nil, ErrIncomplete.With("missing", "party")
	case c.AsAt.IsZero() || c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Held < 1:
		return nil, ErrNoHolder.With("party", c.Party)
	}
	return []domain.Event[Consultation]{e}, nil
}
