package projections

import (
	"context"
	"encoding/json"
	"strings"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/eventstore/lite"
)

var billingProjection = projection{
	module: "billing",
	wants:  []any{billing.PayerNumbered{}, billing.InvoiceIssued{}},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case billing.PayerNumbered:
			return t.Exec(`insert into payer values (?, ?, ?)`, e.Payer, e.Number, e.Communication)
		case billing.InvoiceIssued:
			lines, err := asJSON(e.Lines)
			if err != nil {
				return err
			}
			taxes, err := asJSON(e.Taxes)
			if err != nil {
				return err
			}
			var recipient any
			if r, known := e.Recipient.Reveal(); known {
				if recipient, err = asJSON(r); err != nil {
					return err
				}
			}
			return t.Exec(`insert into invoice values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Invoice, e.Series, e.Year, e.Number.Number, e.Month, e.Payer, e.IssuedOn, e.DueOn, e.IncludeVAT,
				e.Net.Minor(), e.VAT.Minor(), e.Gross.Minor(), e.Gross.Currency(), e.Communication, e.Language,
				lines, taxes, recipient, e.StatutesVersion, t.position)
		}
		return nil
	},
}

// Invoice is an invoice that was issued.
type Invoice struct {
	ID              domain.InvoiceID
	Number          billing.Number
	Month           calendar.Month
	Payer           domain.PartyID
	IssuedOn        calendar.Date
	DueOn           calendar.Date
	IncludeVAT      bool
	Net, VAT, Gross money.Money
	Communication   domain.Communication
	Language        domain.Language
	Lines           []billing.Line
	Taxes           []billing.Tax
	Recipient       *billing.Recipient // nil once it is erased
	StatutesVersion int
}

const invoiceColumns = `id, series, year, number, month, payer, issued_on, due_on, include_vat, net, vat, gross, currency,
	communication, language, lines, taxes, recipient, statutes_version`

func scanInvoice(r lite.Row) (i Invoice, err error) {
	i = Invoice{
		ID: domain.InvoiceID(r.Text(0)), Number: billing.Number{Series: r.Text(1), Year: int(r.Int(2)), Number: r.Int(3)},
		Payer: domain.PartyID(r.Text(5)), IncludeVAT: r.Bool(8), Net: amount(r, 9, 12), VAT: amount(r, 10, 12), Gross: amount(r, 11, 12),
		Communication: domain.Communication(r.Text(13)), Language: domain.Language(r.Text(14)), StatutesVersion: int(r.Int(18)),
	}
	if err := r.Into(4, &i.Month); err != nil {
		return i, err
	}
	if err := json.Unmarshal(r.Raw(15), &i.Lines); err != nil {
		return i, err
	}
	if err := json.Unmarshal(r.Raw(16), &i.Taxes); err != nil {
		return i, err
	}
	if !r.Null(17) {
		i.Recipient = new(billing.Recipient)
		if err := json.Unmarshal(r.Raw(17), i.Recipient); err != nil {
			return i, err
		}
	}
	d := days{r: r}
	i.IssuedOn, i.DueOn = d.at(6), d.at(7)
	return i, d.err
}

// Invoice returns one invoice, and whether there is one.
func (m *Models) Invoice(ctx context.Context, id domain.InvoiceID) (Invoice, bool, error) {
	return one(ctx, m, `select `+invoiceColumns+` from invoice where id = ?`, scanInvoice, id)
}

// InvoiceFilter chooses among invoices; what is empty chooses all.
type InvoiceFilter struct {
	Payer domain.PartyID
	Month calendar.Month
}

// Invoices returns a part of the list of invoices, in the order in which they
// were issued.
func (m *Models) Invoices(ctx context.Context, filter InvoiceFilter, p Page) (List[Invoice], error) {
	q := query{columns: invoiceColumns, from: "invoice", key: "position", id: "id", where: "true"}
	if filter.Payer != "" {
		q.where, q.args = q.where+" and payer in "+strings.ReplaceAll(selves, "?1", "?"), append(q.args, filter.Payer)
	}
	if !filter.Month.IsZero() {
		q.where, q.args = q.where+" and month = ?", append(q.args, filter.Month)
	}
	return page(ctx, m, q, p, scanInvoice)
}

// InvoicesOf returns all invoices for a month, in the order of their numbers.
func (m *Models) InvoicesOf(ctx context.Context, month calendar.Month) ([]Invoice, error) {
	return rows(ctx, m, `select `+invoiceColumns+` from invoice where month = ? order by series, year, number`, scanInvoice, month)
}

// LastPayerNumber returns the highest number that a payer has.
func (m *Models) LastPayerNumber(ctx context.Context) (n int64, err error) {
	n, _, err = one(ctx, m, `select max(number) from payer`, func(r lite.Row) (int64, error) { return r.Int(0), nil })
	return n, err
}
