package shares

import (
	"strconv"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules about certificates.
var (
	ErrCertificate   = domain.Refusal{Code: "shares.certificate", Reason: "the certificate {number} was issued on other terms: take the next number"}
	ErrNoCertificate = domain.Refusal{Code: "shares.no_certificate", Reason: "no certificate {number} is in force"}
)

// CertificateNumber is the number of a certificate, from 1. It is given once.
type CertificateNumber int64

// CertificateStream returns the stream of a certificate.
func CertificateStream(n CertificateNumber) domain.Stream {
	return domain.StreamOf("certificate", strconv.FormatInt(int64(n), 10))
}

// Certificate is what must be known of a certificate: a paper that says what the
// register says of shares on its day. It proves nothing against the register.
type Certificate struct {
	issued    CertificateIssued
	replaced  CertificateReplaced
	cancelled CertificateCancelled
}

// InForce reports whether it was issued, and neither replaced nor cancelled.
func (c Certificate) InForce() bool {
	return c.issued.Number != 0 && c.replaced.Number == 0 && c.cancelled.Number == 0
}

// Issued returns what it says.
func (c Certificate) Issued() CertificateIssued { return c.issued }

// CertificateIssued certifies that a party holds shares.
type CertificateIssued struct {
	Number   CertificateNumber `json:"number"`
	Party    domain.PartyID    `json:"party"`
	Class    domain.ClassID    `json:"class"`
	Quantity int64             `json:"quantity"`
	Lots     []Lot             `json:"lots"`
	Replaces CertificateNumber `json:"replaces,omitempty"`
	On       calendar.Date     `json:"on"`
}

func (e CertificateIssued) Evolve(c Certificate) Certificate {
	c.issued = e
	return c
}

// CertificateReplaced voids a certificate for which another was issued.
type CertificateReplaced struct {
	Number CertificateNumber `json:"number"`
	Party  domain.PartyID    `json:"party"`
	By     CertificateNumber `json:"by"`
	Why    Voided            `json:"why"`
	On     calendar.Date     `json:"on"`
}

func (e CertificateReplaced) Evolve(c Certificate) Certificate {
	c.replaced = e
	return c
}

// CertificateCancelled voids a certificate.
type CertificateCancelled struct {
	Number CertificateNumber `json:"number"`
	Party  domain.PartyID    `json:"party"`
	Why    Voided            `json:"why"`
	On     calendar.Date     `json:"on"`
}

func (e CertificateCancelled) Evolve(c Certificate) Certificate {
	c.cancelled = e
	return c
}

// Voided is why a certificate holds no more.
type Voided string

const (
	LostPaper Voided = "lost"     // or stolen, or damaged
	Outdated  Voided = "outdated" // the shares have changed, or passed on
	Mistaken  Voided = "mistaken" // it should not have been issued so
)

// Valid reports whether it is one of these.
func (v Voided) Valid() bool { return v == LostPaper || v == Outdated || v == Mistaken }

type certificateEvent = domain.Event[Certificate]

// IssueCertificate certifies that a party holds shares: the oldest of them, so many.
type IssueCertificate struct {
	Number   CertificateNumber // the next one
	Party    domain.PartyID
	Class    domain.ClassID
	Quantity int64
	On       calendar.Date
}

func (c IssueCertificate) Streams() (holding, certificate domain.Stream) {
	return StreamOf(c.Party, c.Class), CertificateStream(c.Number)
}

func (c IssueCertificate) Decide(h Holding, was Certificate) ([]event, []certificateEvent, error) {
	e := CertificateIssued{Number: c.Number, Party: c.Party, Class: c.Class, Quantity: c.Quantity, On: c.On}
	events, err := e.decide(h, was)
	return nil, events, err
}

// decide certifies shares of a holding, under a number that is free.
func (e CertificateIssued) decide(h Holding, was Certificate) ([]certificateEvent, error) {
	if i := was.issued; i.Number != 0 {
		if i.Party == e.Party && i.Class == e.Class && i.Quantity == e.Quantity && i.On == e.On && i.Replaces == e.Replaces {
			return nil, nil
		}
		return nil, ErrCertificate.With("number", e.Number)
	}
	held := h.Held()
	switch {
	case e.Number < 1:
		return nil, ErrIncomplete.With("missing", "number")
	case e.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case e.Quantity < 1:
		return nil, ErrIncomplete.With("missing", "quantity")
	case e.Quantity > held:
		return nil, ErrTooFew.With("held", held)
	}
	lots, err := h.take(e.Quantity, e.On)
	if err != nil {
		return nil, err
	}
	e.Lots = lots
	return []certificateEvent{e}, nil
}

// ReplaceCertificate issues a certificate in the place of another.
type ReplaceCertificate struct {
	Old, New CertificateNumber
	Quantity int64
	Why      Voided
	On       calendar.Date
	Holding  Holding // of the party and class that the old one is of, loaded in the same transaction
}

func (c ReplaceCertificate) Streams() (old, replacement domain.Stream) {
	return CertificateStream(c.Old), CertificateStream(c.New)
}

func (c ReplaceCertificate) Decide(old, replacement Certificate) ([]certificateEvent, []certificateEvent, error) {
	is := old.issued
	r := CertificateReplaced{c.Old, is.Party, c.New, c.Why, c.On}
	switch {
	case old.replaced.Number != 0 && old.replaced == r && replacement.issued.Quantity == c.Quantity:
		return nil, nil, nil
	case !old.InForce():
		return nil, nil, ErrNoCertificate.With("number", c.Old)
	case !c.Why.Valid():
		return nil, nil, ErrIncomplete.With("missing", "reason")
	case c.On.Before(is.On):
		return nil, nil, ErrTooEarly.With("earliest", is.On)
	case replacement.issued.Number != 0:
		return nil, nil, ErrCertificate.With("number", c.New)
	}
	e := CertificateIssued{Number: c.New, Party: is.Party, Class: is.Class, Quantity: c.Quantity, Replaces: c.Old, On: c.On}
	issued, err := e.decide(c.Holding, replacement)
	if err != nil {
		return nil, nil, err
	}
	return []certificateEvent{r}, issued, nil
}

// CancelCertificate voids a certificate.
type CancelCertificate struct {
	Number CertificateNumber
	Why    Voided
	On     calendar.Date
}

func (c CancelCertificate) Stream() domain.Stream { return CertificateStream(c.Number) }

func (c CancelCertificate) Decide(was Certificate) ([]certificateEvent, error) {
	e := CertificateCancelled{c.Number, was.issued.Party, c.Why, c.On}
	switch {
	case was.cancelled == e && e.Number != 0:
		return nil, nil
	case !was.InForce():
		return nil, ErrNoCertificate.With("number", c.Number)
	case !c.Why.Valid():
		return nil, ErrIncomplete.With("missing", "reason")
	case c.On.Before(was.issued.On):
		return nil, ErrTooEarly.With("earliest", was.issued.On)
	}
	return []certificateEvent{e}, nil
}
