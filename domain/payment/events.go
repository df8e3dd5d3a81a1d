package payment

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

type event = domain.Event[Payment]

// Received is money that came in. What the payer wrote in free text is not kept:
// it may name anybody.
type Received struct {
	Payment       domain.PaymentID     `json:"payment"`
	Payer         domain.PartyID       `json:"payer,omitempty"` // empty if not known yet
	Amount        money.Money          `json:"amount"`
	On            calendar.Date        `json:"on"` // the bank's value date
	Method        Method               `json:"method"`
	Reference     string               `json:"reference,omitempty"`     // the bank's, for its entry
	Communication domain.Communication `json:"communication,omitempty"` // structured, as the payer gave it
}

func (e Received) Evolve(Payment) Payment { return Payment{received: e, payer: e.Payer} }

// Matched says who paid.
type Matched struct {
	Payment domain.PaymentID `json:"payment"`
	Payer   domain.PartyID   `json:"payer"`
	Amount  money.Money      `json:"amount"` // all of it
	On      calendar.Date    `json:"on"`
}

func (e Matched) Evolve(p Payment) Payment {
	p.payer = e.Payer
	return p
}

// Unmatched takes back who was said to have paid.
type Unmatched struct {
	Payment domain.PaymentID `json:"payment"`
	Payer   domain.PartyID   `json:"payer"` // who did not
	Amount  money.Money      `json:"amount"`
	On      calendar.Date    `json:"on"`
}

func (e Unmatched) Evolve(p Payment) Payment {
	p.payer = ""
	return p
}

// Reversed says that a payment is none any more.
type Reversed struct {
	Payment  domain.PaymentID `json:"payment"`
	Payer    domain.PartyID   `json:"payer,omitempty"` // empty if nobody was known to have paid it
	Amount   money.Money      `json:"amount"`          // all of it
	Document string           `json:"document"`        // that shows why
	On       calendar.Date    `json:"on"`
}

func (e Reversed) Evolve(p Payment) Payment {
	p.reversed = true
	return p
}

// Register enters the events of payments.
func Register(r *domain.Registry) {
	domain.Register[Received](r, "payment.received")
	domain.Register[Matched](r, "payment.matched")
	domain.Register[Unmatched](r, "payment.unmatched")
	domain.Register[Reversed](r, "payment.reversed")
}
