package documents

import (
	"bufio"
	"errors"
	"io"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
)

// A Certificate says what the register says of shares on a day. It proves nothing
// against the register.
type Certificate struct {
	Language domain.Language // of the holder
	Number   string
	On       calendar.Date
	Issuer   Party
	Holder   Party
	Member   string // the holder's number; may be empty
	Class    string // its name
	Quantity int64
	Lots     []CertificateLot
	Replaces string        // the certificate that it is in the place of; may be empty
	VoidOn   calendar.Date // no day while it is in force
}

// A CertificateLot is shares that were subscribed to together.
type CertificateLot struct {
	AcquiredOn calendar.Date
	Quantity   int64
	Price      money.Money // of one
	Paid       money.Money // on all of them
}

// WriteCertificate writes a certificate as PDF.
func WriteCertificate(w io.Writer, v Certificate) error {
	sum := int64(0)
	for _, l := range v.Lots {
		sum += l.Quantity
	}
	if v.Number == "" || v.On.IsZero() || v.Issuer.Name == "" || sum != v.Quantity || sum < 1 {
		return errors.New("documents: a certificate needs a number, a date, an issuer, and shares that add up")
	}
	if !v.Language.Valid() {
		v.Language = domain.English
	}
	title := catalogue.Text(v.Language, "documents.certificate_numbered", domain.Args{"number": v.Number}, "")
	p := newPage("P", describes{title + " – " + v.Issuer.Name, v.Issuer.Name, v.Language, v.On.Midnight(time.UTC)})
	p.left, p.right, p.bottom = 24, p.width-24, p.height-24
	s := &certificateSheet{page: p, Certificate: v}
	p.AddPage()
	s.head(title)
	s.holder()
	s.lots()
	s.end()
	b := bufio.NewWriter(w)
	if err := p.finish(b, s.foot); err != nil {
		return err
	}
	return b.Flush()
}

type certificateSheet struct {
	*page
	Certificate
	y float64
}

// text is a message of the catalogue in the holder's language.
func (s *certificateSheet) text(code string, args domain.Args) string {
	return catalogue.Text(s.page.language, "documents."+code, args, code)
}

// lines prints a text that may take several, and goes below them.
func (s *certificateSheet) lines(text string) {
	for _, line := range s.wrap(text, s.right-s.left) {
		s.print(s.left, s.y, line)
		s.y += s.leading()
	}
}

func (s *certificateSheet) head(title string) {
	s.y = 26
	s.style("B", 13, ink)
	s.lines(s.Issuer.Name)
	s.style("", 9, faint)
	for _, line := range s.Issuer.Address {
		s.lines(line)
	}
	if s.Issuer.EnterpriseNumber != "" {
		s.lines(s.word("enterprise_number") + " " + s.Issuer.EnterpriseNumber)
	}
	s.y += 16
	s.style("B", 22, accent)
	s.lines(title)
	s.y += 2
	s.line(s.left, s.y, s.right, 0.6, accent)
	s.y += 10
}

func (s *certificateSheet) holder() {
	s.style("", 11, ink)
	s.lines(s.text("certificate_says", domain.Args{"date": s.On}))
	s.y += 5
	s.style("B", 14, ink)
	s.lines(s.Holder.Name)
	s.style("", 11, ink)
	for _, line := range s.Holder.Address {
		s.lines(line)
	}
	if s.Holder.EnterpriseNumber != "" {
		s.lines(s.word("enterprise_number") + " " + s.Holder.EnterpriseNumber)
	}
	if s.Member != "" {
		s.lines(catalogue.Word(s.page.language, "columns.member_number") + " " + s.Member)
	}
	s.y += 6
	s.style("B", 14, ink)
	s.lines(s.text("certificate_shares", domain.Args{"quantity": s.Quantity, "class": s.Class}))
	s.y += 8
}

// lots prints a line for each lot, and the sums.
func (s *certificateSheet) lots() {
	type cell struct {
		text  string
		right bool
	}
	width := (s.right - s.left) / 4
	row := func(weight string, shade bool, cells ...cell) {
		s.style(weight, 9.5, ink)
		height := s.leading() + 3
		if s.y+height > s.bottom {
			s.AddPage()
			s.y = s.top
			s.style(weight, 9.5, ink)
		}
		if shade {
			s.fill(s.left, s.y, s.right-s.left, height, band)
		}
		for i, c := range cells {
			s.printFit(s.left+float64(i)*width+2, s.y+1.5, width-4, c.text, c.right)
		}
		s.y += height
		s.line(s.left, s.y, s.right, 0.1, rule)
	}
	column := func(key string) string { return catalogue.Word(s.page.language, "columns."+key) }
	row("B", true, cell{column("acquired_on"), false}, cell{column("quantity"), true}, cell{column("price"), true}, cell{column("paid"), true})
	var paid money.Money
	for _, l := range s.Lots {
		paid = paid.Plus(l.Paid)
		row("", false, cell{catalogue.ShortDate(s.page.language, l.AcquiredOn), false}, cell{catalogue.Integer(s.page.language, l.Quantity), true},
			cell{catalogue.Money(s.page.language, l.Price), true}, cell{catalogue.Money(s.page.language, l.Paid), true})
	}
	row("B", true, cell{s.word("total"), false}, cell{catalogue.Integer(s.page.language, s.Quantity), true}, cell{}, cell{catalogue.Money(s.page.language, paid), true})
	s.y += 8
}

// end says what the paper is worth, and leaves room to sign.
func (s *certificateSheet) end() {
	const height = 62.0
	if s.y+height > s.bottom {
		s.AddPage()
		s.y = s.top
	}
	s.style("", 9.5, ink)
	s.lines(s.word("certificate_proof"))
	if s.Replaces != "" {
		s.y += 2
		s.lines(s.text("certificate_replaces", domain.Args{"number": s.Replaces}))
	}
	if !s.VoidOn.IsZero() {
		s.y += 2
		s.style("B", 11, accent)
		s.lines(s.text("certificate_void", domain.Args{"date": s.VoidOn}))
	}
	y := max(s.y+30, s.bottom-24)
	s.style("", 8, faint)
	s.line(s.left, y, s.left+60, 0.2, rule)
	s.print(s.left, y+1, s.word("sign_place")+" / "+s.word("sign_date"))
	s.line(s.right-90, y, s.right, 0.2, rule)
	s.print(s.right-90, y+1, s.word("sign_for_board"))
}

func (s *certificateSheet) foot(y float64, numbering string) {
	s.line(s.left, y-1, s.right, 0.15, rule)
	s.print(s.left, y, s.Issuer.Name)
	s.printRight(s.right, y, numbering)
}
