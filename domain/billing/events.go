package billing

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

type (
	seriesEvent = domain.Event[Series]
	billEvent   = domain.Event[Bill]
	payerEvent  = domain.Event[Payer]
	numberEvent = domain.Event[PayerNumber]
)

// Recipient is to whom an invoice is addressed (Directive 2006/112/EC art.
// 226(4) and (5)).
type Recipient struct {
	Name       string `json:"name"`
	Street     string `json:"street,omitempty"` // with the number
	PostalCode string `json:"postal_code,omitempty"`
	City       string `json:"city,omitempty"`
	Country    string `json:"country,omitempty"` // ISO 3166-1, two letters
	Email      string `json:"email,omitempty"`
	VATNumber  string `json:"vat_number,omitempty"` // with the country's prefix; of those who have one
}

// InvoiceIssued is an invoice. It says all that the document says, so that the
// document can be made again; who issued it is in the statutes of that version.
type InvoiceIssued struct {
	Invoice         domain.InvoiceID      `json:"invoice"`
	Number                                // by which people know it (BT-1)
	Month           calendar.Month        `json:"month"` // that it is for
	Payer           domain.PartyID        `json:"payer"`
	IssuedOn        calendar.Date         `json:"issued_on"` // BT-2
	DueOn           calendar.Date         `json:"due_on"`    // BT-9
	IncludeVAT      bool                  `json:"include_vat"`
	Totals                                // lines, taxes and sums
	Communication   domain.Communication  `json:"communication,omitempty"` // BT-83
	Language        domain.Language       `json:"language"`
	Recipient       sealed.Box[Recipient] `json:"recipient"`
	StatutesVersion int                   `json:"statutes_version"`
}

func (e InvoiceIssued) Evolve(s Series) Series {
	i, billed := slices.BinarySearchFunc(s.months, e.Month, calendar.Month.Compare)
	if !billed {
		s.months = slices.Insert(slices.Clone(s.months), i, e.Month)
	}
	s.last, s.lastOn = e.Number.Number, e.IssuedOn
	return s
}

// MonthBilled notes that a payer was billed for a month.
type MonthBilled struct {
	Month   calendar.Month   `json:"month"`
	Payer   domain.PartyID   `json:"payer"`
	Invoice domain.InvoiceID `json:"invoice"`
	Number
}

func (e MonthBilled) Evolve(Bill) Bill { return Bill{e} }

// PayerNumbered gives a payer a number and the communication made of it.
type PayerNumbered struct {
	Payer         domain.PartyID       `json:"payer"`
	Number        int64                `json:"number"`
	Communication domain.Communication `json:"communication"`
}

func (e PayerNumbered) Evolve(Payer) Payer { return Payer{e} }

// PayerNumberTaken notes who has a number.
type PayerNumberTaken struct {
	Number int64          `json:"number"`
	Payer  domain.PartyID `json:"payer"`
}

func (e PayerNumberTaken) Evolve(PayerNumber) PayerNumber { return PayerNumber{e.Payer} }

// invoiceIssuedFromV1 leaves edition 1 as it is: its lines do not say what was saved.
func invoiceIssuedFromV1(old InvoiceIssued) InvoiceIssued { return old }

// Register enters the events of billing.
func Register(r *domain.Registry) {
	domain.Register[InvoiceIssued](r, "billing.invoice_issued", domain.Upcast(invoiceIssuedFromV1))
	domain.Register[MonthBilled](r, "billing.month_billed")
	domain.Register[PayerNumbered](r, "billing.payer_numbered")
	domain.Register[PayerNumberTaken](r, "billing.payer_number_taken")
}
