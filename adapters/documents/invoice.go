package documents

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
)

// An Invoice is all that an invoice says, as EN 16931 names it. Nothing of it is
// worked out here: the amounts are those that were decided.
type Invoice struct {
	Language  domain.Language // of whoever pays
	Number    string
	IssuedOn  calendar.Date
	DueOn     calendar.Date
	Period    calendar.Period // what is billed; may be empty
	Reference string          // the buyer's own; may be empty
	Seller    Party
	Buyer     Party
	Lines     []InvoiceLine
	VAT       []InvoiceVAT // per rate
	Net       money.Money
	Tax       money.Money
	Gross     money.Money
	Payment   Transfer // how to pay; its amount is what is due, or nothing if nothing is
	Notes     []string // such as why no VAT is charged
}

// A Party is who sells or buys.
type Party struct {
	Name             string
	Address          []string
	EnterpriseNumber string
	VATNumber        string
	Details          []string // contact, court of register: at the foot of the seller's pages
}

// An InvoiceLine is one thing billed.
type InvoiceLine struct {
	Description string
	Detail      string // in small type below; may be empty
	Quantity    decimal.Decimal
	UnitPrice   decimal.Decimal // without VAT
	Rate        decimal.Decimal // of VAT: 0.21 is 21 %
	Amount      money.Money     // without VAT
}

// InvoiceVAT is the tax of one rate.
type InvoiceVAT struct {
	Rate    decimal.Decimal
	Taxable money.Money
	Tax     money.Money
}

// check holds the invoice to what no reader would forgive: an amount that does
// not add up. It was decided elsewhere, so this is a fault.
func (v Invoice) check() error {
	if v.Number == "" || v.IssuedOn.IsZero() || v.Seller.Name == "" || v.Buyer.Name == "" || len(v.Lines) == 0 {
		return errors.New("documents: an invoice needs a number, a date, a seller, a buyer and a line")
	}
	var net, taxable, tax money.Money
	for _, l := range v.Lines {
		net = net.Plus(l.Amount)
	}
	for _, r := range v.VAT {
		taxable, tax = taxable.Plus(r.Taxable), tax.Plus(r.Tax)
	}
	if net.Compare(v.Net) != 0 || taxable.Compare(v.Net) != 0 || tax.Compare(v.Tax) != 0 || v.Net.Plus(v.Tax).Compare(v.Gross) != 0 {
		return fmt.Errorf("documents: invoice %s does not add up: lines %v, taxable %v, net %v; VAT %v, %v; gross %v", v.Number, net, taxable, v.Net, tax, v.Tax, v.Gross)
	}
	return nil
}

// WriteInvoice writes an invoice as PDF.
func WriteInvoice(w io.Writer, v Invoice) error {
	if err := v.check(); err != nil {
		return err
	}
	if !v.Language.Valid() {
		v.Language = domain.English
	}
	title := catalogue.Text(v.Language, "documents.invoice_numbered", domain.Args{"number": v.Number}, "") + " – " + v.Seller.Name
	p := newPage("P", describes{title, v.Seller.Name, v.Language, v.IssuedOn.Midnight(time.UTC)})
	p.left, p.right, p.bottom = 20, p.width-20, p.height-24
	s := &invoiceSheet{page: p, Invoice: v}
	p.AddPage()
	s.head()
	s.lines()
	s.totals()
	if err := s.payment(); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	if err := p.finish(b, s.foot); err != nil {
		return err
	}
	return b.Flush()
}

type invoiceSheet struct {
	*page
	Invoice
	y float64
}

func (s *invoiceSheet) money(m money.Money) string { return catalogue.Money(s.Invoice.Language, m) }

// head prints the seller, the buyer where the window of an envelope is (at the
// right, as in Belgium and France), and what identifies the invoice.
func (s *invoiceSheet) head() {
	s.fill(0, 0, s.width, 3, accent)
	s.y = s.top
	s.style("B", 13, accent)
	for _, line := range s.wrap(s.Seller.Name, 95) {
		s.print(s.left, s.y, line)
		s.y += s.leading()
	}
	s.style("", 8.5, faint)
	for _, line := range s.legal(s.Seller) {
		s.print(s.left, s.y, line)
		s.y += s.leading()
	}
	s.style("B", 20, accent)
	s.printRight(s.right, s.top-1, s.word("invoice"))

	const window, windowTop = 112.0, 48.0
	y := windowTop
	s.style("", 8, faint)
	s.print(window, y, s.word("billed_to"))
	y += s.leading() + 0.5
	s.style("B", 10.5, ink)
	for _, line := range s.wrap(s.Buyer.Name, s.right-window) {
		s.print(window, y, line)
		y += s.leading()
	}
	s.style("", 10, ink)
	for _, line := range s.legal(s.Buyer) {
		for _, part := range s.wrap(line, s.right-window) {
			s.print(window, y, part)
			y += s.leading()
		}
	}

	s.y = max(s.y+4, windowTop)
	facts := [][2]string{
		{s.word("number"), s.Number},
		{s.word("issued_on"), catalogue.Date(s.Invoice.Language, s.IssuedOn)},
		{s.word("due_on"), catalogue.Date(s.Invoice.Language, s.DueOn)},
		{s.word("period"), s.period()},
		{s.word("customer_reference"), s.Reference},
	}
	s.style("", 9.5, faint)
	labels := 0.0
	for _, f := range facts {
		if f[1] != "" {
			labels = max(labels, s.GetStringWidth(f[0]))
		}
	}
	for _, f := range facts {
		if f[1] == "" {
			continue
		}
		s.style("", 9.5, faint)
		s.print(s.left, s.y, f[0])
		s.style("B", 9.5, ink)
		for _, line := range s.wrap(f[1], window-s.left-labels-8) {
			s.print(s.left+labels+4, s.y, line)
			s.y += s.leading()
		}
		s.y += 0.6
	}
	s.y = max(s.y, y) + 8
}

// period is a month by its name, and other periods by their days.
func (s *invoiceSheet) period() string {
	if s.Period == (calendar.Period{}) {
		return ""
	}
	if month := s.Period.From.Month(); s.Period == month.Period() {
		return catalogue.Month(s.Invoice.Language, month)
	}
	return strings.Trim(catalogue.ShortDate(s.Invoice.Language, s.Period.From)+" – "+catalogue.ShortDate(s.Invoice.Language, s.Period.Through), " –")
}

// legal is a party's address and its numbers.
func (s *invoiceSheet) legal(p Party) []string {
	lines := append([]string(nil), p.Address...)
	if p.EnterpriseNumber != "" {
		lines = append(lines, s.word("enterprise_number")+" "+p.EnterpriseNumber)
	}
	if p.VATNumber != "" {
		lines = append(lines, s.word("vat_number")+" "+p.VATNumber)
	}
	return lines
}

// Columns of the lines, by where they end.
const (
	endOfQuantity = 118.0
	endOfPrice    = 142.0
	endOfRate     = 158.0
	endOfText     = 100.0
)

func (s *invoiceSheet) headings() {
	s.style("B", 8.5, ink)
	ends := []float64{endOfQuantity, endOfPrice, endOfRate, s.right - 1}
	texts, most := make([][]string, len(ends)), 1
	from := endOfText
	for i, code := range []string{"quantity", "unit_price", "vat", "net_amount"} {
		texts[i] = s.wrap(s.word(code), ends[i]-from-1)
		most, from = max(most, len(texts[i])), ends[i]
	}
	height := float64(most)*s.leading() + 3
	s.fill(s.left, s.y, s.right-s.left, height, band)
	s.print(s.left+1, s.y+1.5+float64(most-1)*s.leading(), s.word("description"))
	for i, lines := range texts {
		for n, line := range lines {
			s.printRight(ends[i], s.y+1.5+float64(most-len(lines)+n)*s.leading(), line)
		}
	}
	s.y += height
}

// lines prints what is billed. Where a page ends, its sum so far is carried over
// to the next.
func (s *invoiceSheet) lines() {
	const carry = 8.0 // room for the sum at the end of a page
	s.headings()
	var sum money.Money
	for i, l := range s.Lines {
		s.style("", 9, ink)
		description := s.wrap(l.Description, endOfText-s.left-2)
		height := float64(len(description))*s.leading() + 2.6
		s.style("", 8, faint)
		var detail []string
		if l.Detail != "" {
			detail = s.wrap(l.Detail, endOfText-s.left-2)
		}
		height += float64(len(detail)) * s.leading()
		if s.y+height+carry > s.bottom && i > 0 {
			s.carry("carried_forward", sum)
			s.AddPage()
			s.continued()
			s.headings()
			s.carry("brought_forward", sum)
		}
		sum = sum.Plus(l.Amount)
		s.style("", 9, ink)
		y := s.y + 1.3
		from := endOfText
		for _, cell := range []struct {
			end  float64
			text string
		}{
			{endOfQuantity, catalogue.Number(s.Invoice.Language, l.Quantity)},
			{endOfPrice, s.unitPrice(l)},
			{endOfRate, catalogue.Percent(s.Invoice.Language, l.Rate)},
			{s.right - 1, s.money(l.Amount)},
		} {
			s.printFit(from+2, y, cell.end-from-2, cell.text, true)
			from = cell.end
		}
		for _, line := range description {
			s.print(s.left+1, y, line)
			y += s.leading()
		}
		s.style("", 8, faint)
		for _, line := range detail {
			s.print(s.left+1, y, line)
			y += s.leading()
		}
		s.y += height
		s.line(s.left, s.y, s.right, 0.1, rule)
	}
	s.y += 5
}

// unitPrice has the decimals of the currency at least, more if the price has.
func (s *invoiceSheet) unitPrice(l InvoiceLine) string {
	if rounded := money.Round(l.UnitPrice, l.Amount.Currency()); rounded.Decimal().Equal(l.UnitPrice) {
		return catalogue.Amount(s.Invoice.Language, rounded)
	}
	return catalogue.Number(s.Invoice.Language, l.UnitPrice)
}

func (s *invoiceSheet) carry(code string, sum money.Money) {
	s.style("B", 9, ink)
	s.printRight(endOfRate, s.y+1.3, s.word(code))
	s.printRight(s.right-1, s.y+1.3, s.money(sum))
	s.y += s.leading() + 2.6
	s.line(s.left, s.y, s.right, 0.1, rule)
}

// continued is the head of every page but the first.
func (s *invoiceSheet) continued() {
	s.fill(0, 0, s.width, 3, accent)
	s.style("B", 9, accent)
	s.printFit(s.left, s.top-4, 100, s.Seller.Name, false)
	s.printRight(s.right, s.top-4, catalogue.Text(s.Invoice.Language, "documents.invoice_numbered", domain.Args{"number": s.Number}, ""))
	s.y = s.top + 4
}

// room begins a new page unless this one has so much left.
func (s *invoiceSheet) room(height float64) {
	if s.y+height > s.bottom {
		s.AddPage()
		s.continued()
	}
}

// totals prints the tax per rate at the left and the sums at the right.
func (s *invoiceSheet) totals() {
	const perLine = 5.6
	s.room(float64(max(len(s.VAT)+1, 3))*perLine + 8)
	top := s.y
	const atTaxable, atTax = 72.0, 96.0
	s.style("B", 8, faint)
	s.print(s.left+1, s.y, s.word("vat_rate"))
	s.printRight(atTaxable, s.y, s.word("taxable"))
	s.printRight(atTax, s.y, s.word("tax"))
	s.y += perLine
	s.line(s.left, s.y-0.9, atTax, 0.1, rule)
	s.style("", 8.5, ink)
	for _, r := range s.VAT {
		s.print(s.left+1, s.y, catalogue.Percent(s.Invoice.Language, r.Rate))
		s.printRight(atTaxable, s.y, s.money(r.Taxable))
		s.printRight(atTax, s.y, s.money(r.Tax))
		s.y += perLine
	}
	left := s.y

	s.y = top
	const from = 108.0
	s.style("", 9.5, ink)
	for _, t := range []struct {
		code   string
		amount money.Money
	}{{"net_total", s.Net}, {"tax_total", s.Tax}} {
		s.print(from, s.y, s.word(t.code))
		s.printRight(s.right-1, s.y, s.money(t.amount))
		s.y += perLine
	}
	s.fill(from-2, s.y-0.4, s.right-from+2, 8, accent)
	s.style("B", 11, colour{255, 255, 255})
	s.printFit(from, s.y+0.9, 42, s.word("gross_total"), false)
	s.printFit(from+43, s.y+0.9, s.right-1-from-43, s.money(s.Gross), true)
	s.y = max(left, s.y+8) + 4

	s.style("", 8.5, ink)
	for _, note := range s.Notes {
		lines := s.wrap(note, s.right-s.left)
		s.room(float64(len(lines)) * s.leading())
		s.style("", 8.5, ink)
		for _, line := range lines {
			s.print(s.left, s.y, line)
			s.y += s.leading()
		}
	}
	s.y += 4
}

// payment prints how to pay, in words and, where it is in euros, as a code for
// the app of a bank. If nothing is to be paid, it says nothing.
func (s *invoiceSheet) payment() error {
	pay := s.Payment
	if !pay.Amount.IsPositive() {
		return nil
	}
	iban, err := checkIBAN(pay.IBAN)
	if err != nil {
		return err
	}
	if pay.Beneficiary == "" {
		pay.Beneficiary = s.Seller.Name
	}
	const side = 38.0 // of the code, quiet zone included
	width, payload := s.right-s.left-8, ""
	if pay.Amount.Currency() == money.EUR {
		if payload, err = pay.Payload(); err != nil {
			return err
		}
		width -= side + 6
	}
	facts := [][2]string{
		{s.word("amount"), s.money(pay.Amount)},
		{s.word("due_on"), catalogue.Date(s.Invoice.Language, s.DueOn)},
		{s.word("iban"), inFours(iban)},
		{s.word("bic"), pay.BIC},
		{s.word("beneficiary"), pay.Beneficiary},
		{s.word("communication"), pay.Communication},
	}
	s.style("", 9, ink)
	code := "documents.please_pay"
	if pay.Communication != "" {
		code += "_quoting"
	}
	please := s.wrap(catalogue.Text(s.Invoice.Language, code, domain.Args{"amount": pay.Amount, "due": s.DueOn}, ""), width)
	height := 9 + float64(len(please))*s.leading() + 2
	s.style("B", 9.5, ink)
	labels := 30.0
	values := make([][]string, len(facts))
	for i, f := range facts {
		if f[1] != "" {
			values[i] = s.wrap(f[1], width-labels)
			height += float64(len(values[i])) * (s.leading() + 0.4)
		}
	}
	height = max(height+3, side+12)
	s.room(height)
	s.y = max(s.y, s.bottom-height-2) // at the foot of the page, where it is looked for
	s.fill(s.left, s.y, s.right-s.left, height, colour{0xf5, 0xf8, 0xfa})
	s.fill(s.left, s.y, 1.2, height, accent)
	top, x := s.y, s.left+5
	s.style("B", 11, accent)
	s.print(x, s.y+2.5, s.word("payment"))
	s.y += 9
	s.style("", 9, ink)
	for _, line := range please {
		s.print(x, s.y, line)
		s.y += s.leading()
	}
	s.y += 2
	for i, f := range facts {
		if f[1] == "" {
			continue
		}
		s.style("", 9, faint)
		s.printFit(x, s.y+0.2, labels-2, f[0], false)
		s.style("B", 9.5, ink)
		for _, line := range values[i] {
			s.print(x+labels, s.y, line)
			s.y += s.leading() + 0.4
		}
	}
	if payload != "" {
		at := s.right - side - 4
		s.fill(at, top+4, side, side, colour{255, 255, 255})
		if err := s.qrCode(at, top+4, side, payload); err != nil {
			return err
		}
		s.style("", 7, faint)
		y := top + 4 + side + 0.8
		for _, line := range s.wrap(s.word("scan_to_pay"), side+6) {
			s.print(at+side/2-s.GetStringWidth(line)/2, y, line)
			y += s.leading()
		}
	}
	s.y = top + height
	return nil
}

// foot names the seller once more, and how to reach it.
func (s *invoiceSheet) foot(y float64, numbering string) {
	parts := append([]string{s.Seller.Name}, s.Seller.Address...)
	if s.Seller.VATNumber != "" {
		parts = append(parts, s.Seller.VATNumber)
	}
	s.line(s.left, y-4.5, s.right, 0.15, rule)
	s.printFit(s.left, y-3.5, s.right-s.left, strings.Join(parts, " · "), false)
	s.printFit(s.left, y, s.right-s.left-30, strings.Join(s.Seller.Details, " · "), false)
	s.printRight(s.right, y, numbering)
}
