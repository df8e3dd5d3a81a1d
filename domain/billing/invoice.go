// Package billing invoices what is owed, once, under numbers without a gap.
//
//	IssueInvoice → InvoiceIssued   invoices/<series>/<year>   the next number of the series
//	               MonthBilled     bill/<month>/<payer>       once per payer and month
//	NumberPayer  → PayerNumbered      payer/<party>           once per payer
//	               PayerNumberTaken   payer-number/<number>   once per number
//
// The number of an invoice is the version that its event has in its stream, which
// is what leaves no gap and gives none twice, whoever issues at the same time
// (Directive 2006/112/EC art. 226(2)). That a month is billed once is held by the
// key of the other stream: to bill it again changes nothing.
//
// A payer has a number for good, and so a structured communication that is the
// same on every invoice: a standing order pays them all.
package billing

import (
	"fmt"
	"strconv"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// SeriesOf returns the stream of the invoices of a series in a year.
func SeriesOf(series string, year int) domain.Stream {
	return domain.StreamOf("invoices", series, strconv.Itoa(year))
}

// BillOf returns the stream of what was billed to a payer for a month.
func BillOf(month calendar.Month, payer domain.PartyID) domain.Stream {
	return domain.StreamOf("bill", month.String(), string(payer))
}

// PayerOf returns the stream of a payer.
func PayerOf(party domain.PartyID) domain.Stream { return domain.StreamOf("payer", string(party)) }

// PayerNumberOf returns the stream of a payer's number.
func PayerNumberOf(number int64) domain.Stream {
	return domain.StreamOf("payer-number", strconv.FormatInt(number, 10))
}

// Series is what must be known of the invoices of a series and year in order to
// issue the next.
type Series struct {
	last   int64
	lastOn calendar.Date
	months []calendar.Month // in their order
}

// Months returns the months that were invoiced, in their order.
func (s Series) Months() []calendar.Month { return s.months }

// Last returns the number of the invoice issued last, or 0.
func (s Series) Last() int64 { return s.last }

// Bill is what was billed to a payer for a month.
type Bill struct{ billed MonthBilled }

// Invoice returns the invoice for the month, and whether there is one.
func (b Bill) Invoice() (domain.InvoiceID, bool) { return b.billed.Invoice, b.billed.Invoice != "" }

// Payer is what must be known of a payer: the number.
type Payer struct{ numbered PayerNumbered }

// Number returns the payer's number and communication, and whether they have one.
func (p Payer) Number() (number int64, c domain.Communication, ok bool) {
	return p.numbered.Number, p.numbered.Communication, p.numbered.Payer != ""
}

// PayerNumber is who has a number.
type PayerNumber struct{ payer domain.PartyID }

// Payer returns who has the number, or "".
func (n PayerNumber) Payer() domain.PartyID { return n.payer }

// Number is the number of an invoice. It is unique among all that the co-op issues.
type Number struct {
	Series string `json:"series"`
	Year   int    `json:"year"`
	Number int64  `json:"number"` // in its series and year, from 1 without a gap
}

// String writes it as it stands on the invoice, like "A-2026-000042".
func (n Number) String() string { return fmt.Sprintf("%s-%04d-%06d", n.Series, n.Year, n.Number) }
