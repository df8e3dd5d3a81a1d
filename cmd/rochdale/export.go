package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/adapters/documents"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/statutes"
	"rochdale/projections"
)

type exportCmd struct {
	Register      exportRegisterCmd      `cmd:"" help:"The register of shares, as at a day and as known at one."`
	Movements     exportMovementsCmd     `cmd:"" help:"What changed in the register of shares between two days."`
	Certificate   exportCertificateCmd   `cmd:"" help:"A certificate of shares, as PDF."`
	Journal       exportJournalCmd       `cmd:"" help:"What stands in the books for shares in a period."`
	Refunds       exportRefundsCmd       `cmd:"" help:"The queue of refunds, and why they are not paid."`
	Dividend      exportDividendCmd      `cmd:"" help:"What is to be paid of a dividend, and to which accounts."`
	Members       exportMembersCmd       `cmd:"" help:"The register of members."`
	SpecialReport exportSpecialReportCmd `cmd:"" help:"The figures of the yearly special report of a recognised co-operative."`
	Invoices      exportInvoicesCmd      `cmd:"" help:"The invoices of a month: a list and a PDF of each."`
	Person        exportPersonCmd        `cmd:"" help:"All that the co-op holds about a person, as an archive."`
	Erasure       exportErasureCmd       `cmd:"" help:"What was erased of a person's data, and what is kept, why and until when."`
	Events        exportEventsCmd        `cmd:"" help:"Events, one JSON object a line, without personal data."`
}

// exportFlags are what exports of tables have.
type exportFlags struct {
	Format documents.Format `help:"csv, csv-excel, xlsx, pdf or json; by default csv, or json with --json." default:"" enum:",csv,csv-excel,xlsx,pdf,json"`
	Out    string           `short:"o" help:"The file to write; by default what is printed." placeholder:"FILE" type:"path"`
}

// format is what was asked for, by --format before --json.
func (f exportFlags) format(g *Globals) documents.Format {
	if f.Format != "" {
		return f.Format
	}
	if g.JSON {
		return documents.JSON
	}
	return documents.CSV
}

func (f exportFlags) write(g *Globals, t *terminal, tables ...documents.Table) error {
	return toFile(t, f.Out, func(w io.Writer) error { return documents.Write(w, f.format(g), tables...) })
}

// toFile writes a file as a whole or not at all, or to the terminal where no file
// is named. What a link leads to is written, and a device or pipe written into: the
// link or device itself is never replaced.
func toFile(t *terminal, path string, write func(io.Writer) error) (err error) {
	if path == "" {
		return write(t.out)
	}
	if there, err := os.Stat(path); err == nil && !there.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	if led, err := filepath.EvalSymlinks(path); err == nil {
		path = led
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rochdale-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o640), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// known returns the instant at which a day ends, or the zero instant for none.
func (h *house) known(day calendar.Date) time.Time {
	if day.IsZero() {
		return time.Time{}
	}
	return day.AddDays(1).Midnight(h.zone).Add(-time.Microsecond)
}

type exportMembersCmd struct {
	exportFlags
	AsOf    calendar.Date `name:"as-of" help:"The day at whose end the register is shown; by default today." placeholder:"DATE"`
	KnownAt calendar.Date `name:"known-at" help:"The day at whose end it was known so; by default now." placeholder:"DATE"`
}

func (exportMembersCmd) Help() string {
	return "Example:\n  rochdale export members --as-of 2026-12-31 --format xlsx -o members.xlsx"
}

// Run writes the register of members.
func (c exportMembersCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		day := dateOr(c.AsOf, h.today())
		known, err := h.models.MembersAt(ctx, day, h.known(c.KnownAt))
		if err != nil {
			return err
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		table := h.table(rules, "documents.member_register", day, c.KnownAt)
		table.Columns = h.columns(
			column("member_number", documents.Identifier), column("name", documents.Text), column("street", documents.Text),
			column("postal_code", documents.Identifier), column("city", documents.Text), column("country", documents.Text),
			column("email", documents.Text), column("language", documents.Text), column("admitted_on", documents.Date),
			column("ended_on", documents.Date),
		)
		table.Rows = func(yield func([]any, error) bool) {
			for _, k := range known {
				m, _, err := h.models.Member(ctx, k.Party)
				row := []any{int64(k.Number), m.Name, m.Street, m.PostalCode, m.City, m.Country, m.Email, string(m.Language), k.AdmittedOn, k.EndedOn}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
		return c.write(g, t, table)
	})
}

// table returns a table with its title and notes.
func (h *house) table(rules statutes.Statutes, title string, day, known calendar.Date) documents.Table {
	return documents.Table{
		Title: catalogue.Word(h.Language, title), Notes: h.notes(day, known), Author: rules.Name, Language: h.Language, Made: h.now().In(h.zone),
	}
}

// notes say at which days a register is shown; no day is left out.
func (h *house) notes(day, known calendar.Date) (notes []string) {
	if !day.IsZero() {
		notes = append(notes, catalogue.Text(h.Language, "documents.as_at", domain.Args{"date": day}, ""))
	}
	if !known.IsZero() {
		notes = append(notes, catalogue.Text(h.Language, "documents.known_at", domain.Args{"date": known}, ""))
	}
	return notes
}

func column(key string, kind documents.Kind) documents.Column {
	return documents.Column{Key: key, Kind: kind}
}

func sum(key string, kind documents.Kind) documents.Column {
	return documents.Column{Key: key, Kind: kind, Sum: true}
}

// columns gives columns their headings.
func (h *house) columns(columns ...documents.Column) []documents.Column {
	for i, c := range columns {
		columns[i].Heading = catalogue.Word(h.Language, "columns."+c.Key)
	}
	return columns
}

type exportInvoicesCmd struct {
	exportFlags
	Month calendar.Month `required:"" help:"The month that was billed, like 2026-05."`
	PDF   string         `name:"pdf" help:"A folder to write each invoice to, as PDF." placeholder:"DIR" type:"path"`
}

func (exportInvoicesCmd) Help() string {
	return `Examples:
  rochdale export invoices --month 2026-05 --format xlsx -o invoices.xlsx
  rochdale export invoices --month 2026-05 --pdf invoices/`
}

// Run writes the invoices of a month.
func (c exportInvoicesCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		invoices, err := h.models.InvoicesOf(ctx, c.Month)
		if err != nil {
			return err
		}
		if c.PDF != "" {
			return c.writePDFs(ctx, h, invoices)
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		table := documents.Table{
			Title: catalogue.Word(g.Language, "documents.invoices_of"), Author: rules.Name, Language: g.Language,
			Notes: []string{catalogue.Month(g.Language, c.Month)}, Made: h.now().In(h.zone),
		}
		table.Columns = h.columns(
			column("invoice_number", documents.Identifier), column("issued_on", documents.Date), column("due_on", documents.Date),
			column("payer", documents.Text), sum("net", documents.Money), sum("vat", documents.Money), sum("gross", documents.Money),
			column("communication", documents.Identifier),
		)
		for i := range table.Columns {
			if table.Columns[i].Kind == documents.Money {
				table.Columns[i].Currency = rules.Currency
			}
		}
		table.Rows = invoiceRows(invoices)
		return c.write(g, t, table)
	})
}

func invoiceRows(invoices []projections.Invoice) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, i := range invoices {
			var payer string
			if i.Recipient != nil {
				payer = i.Recipient.Name
			}
			if !yield([]any{i.Number.String(), i.IssuedOn, i.DueOn, payer, i.Net, i.VAT, i.Gross, i.Communication.Grouped()}, nil) {
				return
			}
		}
	}
}

func (c exportInvoicesCmd) writePDFs(ctx context.Context, h *house, invoices []projections.Invoice) error {
	if err := os.MkdirAll(c.PDF, 0o750); err != nil {
		return err
	}
	bar := newProgress(h.t, "invoices")
	for n, i := range invoices {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rules, found, err := h.models.StatutesVersion(ctx, i.StatutesVersion)
		if err != nil || !found {
			return errors.Join(err, fmt.Errorf("invoice %s follows statutes of version %d, found: %t", i.Number, i.StatutesVersion, found))
		}
		document := invoiceDocument(rules.Statutes, i)
		path := filepath.Join(c.PDF, i.Number.String()+".pdf")
		if err := toFile(h.t, path, func(w io.Writer) error { return documents.WriteInvoice(w, document) }); err != nil {
			return fmt.Errorf("invoice %s: %w", i.Number, err)
		}
		bar.show(n+1, len(invoices))
	}
	bar.end()
	return h.t.print(h.Globals, map[string]any{"written": len(invoices), "folder": c.PDF}, func(w io.Writer) {
		fmt.Fprintf(w, "%d invoices written to %s\n", len(invoices), c.PDF)
	})
}

// invoiceDocument says what an invoice says in the words of documents. Amounts on
// the page are without VAT, as EN 16931 has them; what was agreed to with VAT
// inside comes out in the total.
func invoiceDocument(rules statutes.Statutes, i projections.Invoice) documents.Invoice {
	hundred := decimal.NewFromInt(100)
	d := documents.Invoice{
		Language: i.Language, Number: i.Number.String(), IssuedOn: i.IssuedOn, DueOn: i.DueOn, Period: i.Month.Period(),
		Seller: documents.Party{
			Name:             rules.Name + " " + rules.LegalForm,
			Address:          address(rules.Legal.Street, rules.Legal.PostalCode, rules.Legal.City, rules.Legal.Country),
			EnterpriseNumber: rules.Legal.EnterpriseNumber, VATNumber: rules.Legal.VATNumber,
			Details: nonEmpty(rules.Legal.Email, rules.Legal.Website),
		},
		Net: i.Net, Tax: i.VAT, Gross: i.Gross,
		Payment: documents.Transfer{
			Beneficiary: rules.Name, IBAN: rules.Legal.IBAN, BIC: rules.Legal.BIC, Amount: i.Gross, Communication: i.Communication.Grouped(),
		},
	}
	if i.Recipient != nil {
		d.Buyer = documents.Party{
			Name:    i.Recipient.Name,
			Address: address(i.Recipient.Street, i.Recipient.PostalCode, i.Recipient.City, i.Recipient.Country), VATNumber: i.Recipient.VATNumber,
		}
	}
	for _, l := range i.Lines {
		unit := l.UnitPrice
		if i.IncludeVAT && !l.Quantity.IsZero() {
			unit = l.Net.Decimal().DivRound(l.Quantity, 4)
		}
		d.Lines = append(d.Lines, documents.InvoiceLine{
			Description: l.Description, Quantity: l.Quantity, UnitPrice: unit, Rate: l.Rate.Div(hundred), Amount: l.Net,
		})
	}
	for _, tax := range i.Taxes {
		d.VAT = append(d.VAT, documents.InvoiceVAT{Rate: tax.Rate.Div(hundred), Taxable: tax.Net, Tax: tax.VAT})
	}
	return d
}

func address(street, postalCode, city, country string) []string {
	place := city
	if postalCode != "" {
		place = postalCode + " " + city
	}
	return nonEmpty(street, place, country)
}

func nonEmpty(lines ...string) (some []string) {
	for _, l := range lines {
		if l != "" {
			some = append(some, l)
		}
	}
	return some
}

type exportEventsCmd struct {
	After int64  `help:"Only those after this position."`
	Out   string `short:"o" help:"The file to write; by default what is printed." placeholder:"FILE" type:"path"`
}

func (exportEventsCmd) Help() string {
	return "Example:\n  rochdale export events --after 1200 -o events.jsonl"
}

// Run writes events as they are in the log: personal data in them is sealed.
func (c exportEventsCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error { return h.writeEvents(ctx, c.Out, c.After) })
}
