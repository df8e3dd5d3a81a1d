package billing

import (
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules by which billing says no.
var (
	ErrIncomplete    = domain.Refusal{Code: "billing.incomplete", Reason: "an invoice has an id, a series, a month, a payer, a date, a language and the statutes it follows: {missing} is missing or unknown"}
	ErrNoRecipient   = domain.Refusal{Code: "billing.no_recipient", Reason: "an invoice names its recipient", Source: "Directive 2006/112/EC art. 226(5)"}
	ErrNothingOwed   = domain.Refusal{Code: "billing.nothing_owed", Reason: "there is nothing to invoice: no invoice is needed"}
	ErrInvalidLine   = domain.Refusal{Code: "billing.invalid_line", Reason: "line {line} cannot be invoiced: {problem}", Source: "EN 16931"}
	ErrOutOfOrder    = domain.Refusal{Code: "billing.out_of_order", Reason: "the numbers of invoices follow their dates: the last is of {last}, so date this one that day or later", Source: "Directive 2006/112/EC art. 226(2)"}
	ErrCommunication = domain.Refusal{Code: "billing.communication", Reason: "a structured communication has twelve digits of which the last two check the others", Source: "Febelfin OGM-VCS"}
	ErrNumberTaken   = domain.Refusal{Code: "billing.number_taken", Reason: "the number {number} is that of another payer: take the next"}
	ErrNumberRange   = domain.Refusal{Code: "billing.number_range", Reason: "the number of a payer lies between 1 and 9999999999", Source: "Febelfin OGM-VCS"}
)

// IssueInvoice bills a payer for a month. Once a payer was billed for it, the
// command changes nothing, whatever it says.
type IssueInvoice struct {
	Invoice         domain.InvoiceID
	Series          string
	Month           calendar.Month
	Payer           domain.PartyID
	On              calendar.Date // of issue; its year is that of the series
	TermDays        int           // from the day of issue to the last day for payment
	Charges         []Charge      // in the order in which they are to stand; those of nothing are left out
	IncludeVAT      bool          // the amounts of the charges have VAT inside: see [Total]
	Communication   domain.Communication
	Language        domain.Language
	Recipient       Recipient
	StatutesVersion int
}

func (c IssueInvoice) Streams() (series, bill domain.Stream) {
	return SeriesOf(c.Series, c.On.Year()), BillOf(c.Month, c.Payer)
}

func (c IssueInvoice) Decide(s Series, b Bill) ([]seriesEvent, []billEvent, error) {
	if _, billed := b.Invoice(); billed {
		return nil, nil, nil
	}
	var charges []Charge
	for i, charge := range c.Charges {
		problem := charge.problem()
		if problem == "" && charge.Amount.Currency() != c.Charges[0].Amount.Currency() {
			problem = "all lines are in one currency"
		}
		if problem != "" {
			return nil, nil, ErrInvalidLine.With("line", i+1).With("problem", problem)
		}
		if charge.Amount.IsPositive() {
			charges = append(charges, charge)
		}
	}
	switch {
	case c.missing() != "":
		return nil, nil, ErrIncomplete.With("missing", c.missing())
	case strings.TrimSpace(c.Recipient.Name) == "":
		return nil, nil, ErrNoRecipient
	case c.Communication != "" && !c.Communication.Valid():
		return nil, nil, ErrCommunication
	case len(charges) == 0:
		return nil, nil, ErrNothingOwed
	case c.On.Before(s.lastOn):
		return nil, nil, ErrOutOfOrder.With("last", s.lastOn)
	}
	number := Number{c.Series, c.On.Year(), s.last + 1}
	issued := InvoiceIssued{
		Invoice: c.Invoice, Number: number, Month: c.Month, Payer: c.Payer,
		IssuedOn: c.On, DueOn: c.On.AddDays(c.TermDays),
		IncludeVAT: c.IncludeVAT, Totals: Total(charges, c.IncludeVAT),
		Communication: c.Communication, Language: c.Language,
		Recipient:       sealed.New(c.Payer, sealed.Accounting, c.Recipient),
		StatutesVersion: c.StatutesVersion,
	}
	return []seriesEvent{issued}, []billEvent{MonthBilled{c.Month, c.Payer, c.Invoice, number}}, nil
}

func (c IssueInvoice) missing() string {
	switch {
	case c.Invoice == "":
		return "id"
	case c.Series == "":
		return "series"
	case c.Month.IsZero():
		return "month"
	case c.Payer == "":
		return "payer"
	case c.On.IsZero():
		return "date"
	case c.TermDays < 0:
		return "payment term"
	case !c.Language.Valid():
		return "language"
	case c.StatutesVersion < 1:
		return "statutes version"
	}
	return ""
}

// NumberPayer gives a payer a number, for good. A payer who has one keeps it,
// whichever is offered; where somebody else has it, the next may be free.
type NumberPayer struct {
	Payer  domain.PartyID
	Number int64
}

func (c NumberPayer) Streams() (payer, number domain.Stream) {
	return PayerOf(c.Payer), PayerNumberOf(c.Number)
}

func (c NumberPayer) Decide(p Payer, n PayerNumber) ([]payerEvent, []numberEvent, error) {
	communication, ok := domain.CommunicationOf(c.Number)
	switch {
	case p.numbered.Payer != "":
		return nil, nil, nil
	case c.Payer == "":
		return nil, nil, ErrIncomplete.With("missing", "payer")
	case !ok || c.Number < 1:
		return nil, nil, ErrNumberRange
	case n.payer != "":
		return nil, nil, ErrNumberTaken.With("number", c.Number)
	}
	return []payerEvent{PayerNumbered{c.Payer, c.Number, communication}}, []numberEvent{PayerNumberTaken{c.Number, c.Payer}}, nil
}
