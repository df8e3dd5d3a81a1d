package documents

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
	"rsc.io/qr"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

var update = flag.Bool("update", false, "write what is to be compared, instead of comparing")

// poppler runs one of the tools that read PDF on a document.
func poppler(t *testing.T, pdf []byte, tool string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%s is missing: install the package poppler-utils", tool)
	}
	name := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(name, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, name, "-")[:len(args)+1+b2i(tool == "pdftotext")]...)
	cmd.Env = append(os.Environ(), "TZ=UTC") // which it tells days in, wherever the machine is
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// textOf returns the text of each page, in the order in which it was printed.
func textOf(t *testing.T, pdf []byte) []string {
	t.Helper()
	pages := strings.Split(string(poppler(t, pdf, "pdftotext", "-raw")), "\f")
	return pages[:len(pages)-1]
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (go test -update, if it is meant) -want +got: %s", name, diff)
	}
}

func invoicePDF(t *testing.T, v Invoice) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteInvoice(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tableAs(t *testing.T, f Format, tables ...Table) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f, tables...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInvoice(t *testing.T) {
	for _, lang := range domain.Languages {
		pdf := invoicePDF(t, sampleInvoice(lang, 6))
		golden(t, "invoice."+string(lang)+".txt", strings.Join(textOf(t, pdf), "\f"))
		info := string(poppler(t, pdf, "pdfinfo"))
		for _, want := range []string{"2026-000042 – Coopérative Exemple", "Jun  1 00:00:00 2026", "A4"} {
			if !strings.Contains(info, want) {
				t.Errorf("%s: no %q in %s", lang, want, info)
			}
		}
		if !bytes.Contains(pdf, []byte("/Lang ("+string(lang)+")")) {
			t.Errorf("%s: the document does not say its language", lang)
		}
	}
}

// TestInvoiceOfManyPages holds every page to its number, its headings and the
// sum of the one before.
func TestInvoiceOfManyPages(t *testing.T) {
	v := sampleInvoice("en", 60)
	pages := textOf(t, invoicePDF(t, v))
	if len(pages) < 4 {
		t.Fatalf("%d pages", len(pages))
	}
	carried := regexp.MustCompile(`(?:Carried|Brought) forward (\S+)`)
	for i, text := range pages {
		if !strings.Contains(text, fmt.Sprintf("Page %d of %d", i+1, len(pages))) || !strings.Contains(text, "Coopérative Exemple") {
			t.Errorf("page %d: %s", i+1, text)
		}
		if i == 0 || !strings.Contains(text, "Description") {
			continue
		}
		from, to := carried.FindAllStringSubmatch(pages[i-1], -1), carried.FindStringSubmatch(text)
		if from == nil || to == nil || from[len(from)-1][1] != to[1] {
			t.Errorf("page %d ends with %v and %d begins with %v", i, from, i+1, to)
		}
	}
	whole := strings.Join(pages, "\n")
	if n := strings.Count(whole, "Boîte aux lettres et stockage"); n != 59 {
		t.Errorf("%d lines of 59", n)
	}
	if n := strings.Count(whole, "+++000/0000/04242+++"); n != 1 {
		t.Errorf("the communication stands %d times", n)
	}
}

// TestInvoiceFits prints what is as long as can be, and nothing is lost.
func TestInvoiceFits(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("Coopérative-interprofessionnelle ", 6))
	v := sampleInvoice("de", 1)
	v.Seller.Name, v.Buyer.Name, v.Buyer.Address = long, long, []string{long, long, "9999 " + long}
	v.Seller.Details = []string{long, long}
	v.Notes = []string{long, long}
	v.Reference = strings.Repeat("7", 60)
	v.Net, v.Tax, v.Gross = money.New(999_999_999_999, "EUR"), money.New(0, "EUR"), money.New(999_999_999_999, "EUR")
	v.Lines[0].Amount, v.Lines[0].UnitPrice = v.Net, dec("9999999999.99")
	v.VAT = []InvoiceVAT{{dec("0"), v.Net, v.Tax}}
	v.Payment.Amount = money.New(1, "EUR")
	text := strings.Join(textOf(t, invoicePDF(t, v)), "\n")
	for _, want := range []string{"9.999.999.999,99", "0 %", strings.Repeat("7", 25)} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if n := strings.Count(text, "interprofessionnelle"); n != 6*15 { // seller, buyer, three lines of its address, two notes, the foot of two pages, the head of the second, beneficiary
		t.Errorf("the long name stands %d times: %s", n, text)
	}
}

func TestInvoiceWithNothingToPay(t *testing.T) {
	v := sampleInvoice("fr", 2)
	v.Payment = Transfer{}
	if text := strings.Join(textOf(t, invoicePDF(t, v)), ""); strings.Contains(text, "IBAN") || strings.Contains(text, "Paiement") {
		t.Error(text)
	}
}

func TestInvoiceFaults(t *testing.T) {
	for want, spoil := range map[string]func(*Invoice){
		"needs a number":  func(v *Invoice) { v.Number = "" },
		"and a line":      func(v *Invoice) { v.Lines = nil },
		"does not add up": func(v *Invoice) { v.Lines[0].Amount = v.Lines[0].Amount.Plus(money.New(1, "EUR")) },
		"2026-000042":     func(v *Invoice) { v.Gross = v.Gross.Plus(money.New(1, "EUR")) },
		"is no IBAN":      func(v *Invoice) { v.Payment.IBAN = "BE71096123456796" },
		"cannot be paid":  func(v *Invoice) { v.Payment.Amount = money.Must("1000000000.00 EUR") },
	} {
		v := sampleInvoice("fr", 2)
		spoil(&v)
		var b bytes.Buffer
		if err := WriteInvoice(&b, v); err == nil || !strings.Contains(err.Error(), want) || b.Len() > 0 {
			t.Errorf("%v and %d bytes, want %q", err, b.Len(), want)
		}
	}
}

// TestFonts holds that fonts are embedded, only as far as they are used, and
// that the narrow space of French amounts is one of theirs.
func TestFonts(t *testing.T) {
	pdf := invoicePDF(t, sampleInvoice("fr", 3))
	if len(pdf) > 60_000 {
		t.Errorf("an invoice has %d bytes: are its fonts subset?", len(pdf))
	}
	fonts := strings.Split(strings.TrimSpace(string(poppler(t, pdf, "pdffonts"))), "\n")[2:]
	for _, font := range fonts {
		if !regexp.MustCompile(`CID TrueType +Identity-H +yes`).MatchString(font) {
			t.Errorf("not embedded: %s", font)
		}
	}
	if len(fonts) != 2 {
		t.Errorf("%d fonts", len(fonts))
	}
	p := newPage("P", describes{})
	p.AddPage()
	p.style("", 40, ink)
	if narrow, space := p.GetStringWidth("\u202f"), p.GetStringWidth(" "); narrow == 0 || narrow >= space {
		t.Errorf("the narrow space is %v wide, a space %v", narrow, space)
	}
	inked := func(s string) bool {
		p := newPage("P", describes{})
		p.AddPage()
		p.style("", 40, ink)
		p.print(50, 50, s)
		var b bytes.Buffer
		if err := p.Output(&b); err != nil {
			t.Fatal(err)
		}
		_, _, pixels := picture(t, b.Bytes(), 30)
		return slices.ContainsFunc(pixels, func(p byte) bool { return p < 255 })
	}
	if inked("\u202f\u00a0 ") {
		t.Error("the narrow space is drawn as a box")
	}
	for _, seen := range []string{"€", "ß", "Ł", "ș", "Ж", "Ω", "\u4e00"} { // the last is none of its letters, and is a box
		if !inked(seen) {
			t.Errorf("%q leaves no ink", seen)
		}
	}
}

// picture draws the last page of a document in grey.
func picture(t *testing.T, pdf []byte, dpi int) (width, height int, pixels []byte) {
	t.Helper()
	pgm := poppler(t, pdf, "pdftoppm", "-gray", "-r", strconv.Itoa(dpi))
	var most int
	if _, err := fmt.Sscanf(string(pgm[:min(40, len(pgm))]), "P5\n%d %d\n%d\n", &width, &height, &most); err != nil || most != 255 {
		t.Fatalf("pdftoppm: %v", err)
	}
	return width, height, pgm[len(pgm)-width*height:]
}

// TestCode looks at every module of the QR code as it is printed.
func TestCode(t *testing.T) {
	v := sampleInvoice("fr", 1)
	payment := v.Payment
	payment.Beneficiary = v.Seller.Name
	payload, err := payment.Payload()
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(payload, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const dpi, side = 200, 38.0
	p := newPage("P", describes{})
	p.AddPage()
	if err := p.qrCode(20, 30, side, payload); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		t.Fatal(err)
	}
	width, _, pixels := picture(t, b.Bytes(), dpi)
	module := side / float64(code.Size+8)
	for row := -4; row < code.Size+4; row++ {
		for column := -4; column < code.Size+4; column++ {
			x, y := (20+(float64(column)+4.5)*module)*dpi/25.4, (30+(float64(row)+4.5)*module)*dpi/25.4
			if black := pixels[int(y)*width+int(x)] < 128; black != code.Black(column, row) {
				t.Fatalf("module %d, %d is black: %v", column, row, black)
			}
		}
	}
	if code.Size > 69 { // version 13, the largest that EPC069-12 allows
		t.Errorf("the code has %d modules a side", code.Size)
	}
}

func TestPayload(t *testing.T) {
	ok := Transfer{Beneficiary: "Coop", IBAN: "be71 0961 2345 6769", Amount: money.Must("2.50 EUR")}
	for _, c := range []struct {
		change func(*Transfer)
		want   string
	}{
		{func(*Transfer) {}, "BCD|002|1|SCT||Coop|BE71096123456769|EUR2.50"},
		{func(t *Transfer) { t.BIC = "gkcc be bb" }, "BCD|002|1|SCT|GKCCBEBB|Coop|BE71096123456769|EUR2.50"},
		{func(t *Transfer) { t.Communication = "+++000/0000/04242+++" }, "BCD|002|1|SCT||Coop|BE71096123456769|EUR2.50||000000004242"},
		{func(t *Transfer) { t.Communication = "RF18 5390 0754 7034" }, "BCD|002|1|SCT||Coop|BE71096123456769|EUR2.50||RF18539007547034"},
		{func(t *Transfer) { t.Communication = "RF19 5390 0754 7034" }, "BCD|002|1|SCT||Coop|BE71096123456769|EUR2.50|||RF19 5390 0754 7034"},
		{func(t *Transfer) { t.Communication = "two\nlines" }, "BCD|002|1|SCT||Coop|BE71096123456769|EUR2.50|||two lines"},
		{func(t *Transfer) { t.Beneficiary = strings.Repeat("é", 80) }, "BCD|002|1|SCT||" + strings.Repeat("é", 70) + "|BE71096123456769|EUR2.50"},
		{func(t *Transfer) { t.Beneficiary = " " }, ""},
		{func(t *Transfer) { t.IBAN = "BE72096123456769" }, ""},
		{func(t *Transfer) { t.IBAN = "" }, ""},
		{func(t *Transfer) { t.Amount = money.Must("0.00 EUR") }, ""},
		{func(t *Transfer) { t.Amount = money.Must("2.50 CHF") }, ""},
	} {
		transfer := ok
		c.change(&transfer)
		got, err := transfer.Payload()
		if strings.ReplaceAll(got, "\n", "|") != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q, %v; want %q", transfer, got, err, c.want)
		}
	}
}

// TestRegister reads the PDF of a register of many pages.
func TestRegister(t *testing.T) {
	for _, lang := range domain.Languages {
		golden(t, "register."+string(lang)+".txt", strings.Join(textOf(t, tableAs(t, PDF, sampleRegister(lang, 9))), "\f"))
	}
	pages := textOf(t, tableAs(t, PDF, sampleRegister("en", 1000)))
	quantity, paid := int64(0), int64(0)
	for row, err := range holdingsOf(1000) {
		if err != nil {
			t.Fatal(err)
		}
		quantity += row[5].(int64)
		paid += row[7].(money.Money).Minor()
	}
	for i, text := range pages {
		for _, want := range []string{"Domicile or seat", "As at 31 March 2026", "As known at 31 May 2026", fmt.Sprintf("Page %d of %d", i+1, len(pages)), "Made on 2 June 2026 at 14:30 CEST"} {
			if !strings.Contains(text, want) {
				t.Fatalf("no %q on page %d: %s", want, i+1, text)
			}
		}
	}
	last := pages[len(pages)-1]
	if want := regexp.MustCompile(`1000 rows|1,000 rows`); !want.MatchString(last) ||
		!strings.Contains(strings.ReplaceAll(last, ",", ""), fmt.Sprintf("%d %d.00 %d.%02d", quantity, quantity*25, paid/100, paid%100)) {
		t.Errorf("no total of %d shares and %d cents in %s", quantity, paid, last)
	}
	whole := strings.Join(pages, "")
	if strings.Count(whole, "Subtotal") != 2 || strings.Count(whole, "Membre") != 1000-143 || len(pages) < 20 {
		t.Errorf("%d subtotals, %d people, %d pages", strings.Count(whole, "Subtotal"), strings.Count(whole, "Membre"), len(pages))
	}
}

// sampleKinds is a table with a value of each kind, and what spreadsheets do harm to.
func sampleKinds() Table {
	at := time.Date(2026, 5, 31, 20, 30, 0, 0, time.FixedZone("CEST", 7200))
	return Table{
		Title: "Of every/kind", Language: "fr", Notes: []string{"A note"},
		Columns: []Column{
			{Key: "text", Heading: "Texte"},
			{Key: "id", Heading: "=Id", Kind: Identifier},
			{Key: "count", Heading: "Nombre", Kind: Integer, Sum: true},
			{Key: "rate", Heading: "Taux", Kind: Number},
			{Key: "paid", Heading: "Payé", Kind: Money, Sum: true, Currency: "EUR"},
			{Key: "amount", Heading: "Montant", Kind: Money, Sum: true},
			{Key: "day", Heading: "Jour", Kind: Date},
			{Key: "at", Heading: "Instant", Kind: Instant},
		},
		Rows: rowsOf(
			[]any{"=1+1", domain.MemberNumber(12345), 12345, dec("0.21"), money.Must("1234.50 EUR"), money.Must("5.00 CHF"), calendar.On(2026, time.May, 31), at},
			[]any{"a \"quoted\",\nbroken; line", "M-7", int64(-1), dec("-2"), money.Money{}, money.Must("-7 JPY"), calendar.On(1890, time.May, 1), at.AddDate(1, 0, 0)},
			[]any{domain.ClassID("+32"), nil, nil, nil, nil, nil, calendar.Date{}, time.Time{}},
		),
	}
}

func rowsOf(rows ...[]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(slices.Clone(row), nil) {
				return
			}
		}
	}
}

func TestCSV(t *testing.T) {
	got := string(tableAs(t, CSV, sampleKinds()))
	want := strings.ReplaceAll(`Texte,'=Id,Nombre,Taux,Payé (EUR),Montant,Jour,Instant
'=1+1,12345,12345,0.21,1234.50,5.00 CHF,2026-05-31,2026-05-31T18:30:00Z
"a ""quoted"",
broken; line",M-7,-1,-2,0.00,-7 JPY,1890-05-01,2027-05-31T18:30:00Z
'+32,,,,,,,
`, "\n", "\r\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
	excel := string(tableAs(t, ExcelCSV, sampleKinds()))
	if !strings.HasPrefix(excel, "\ufeffTexte;'=Id;") || !strings.Contains(excel, "'=1+1;12345;12345;0,21;1234,50;5,00 CHF;2026-05-31;") {
		t.Errorf("for Excel: %q", excel)
	}
	// Whatever the texts, what is read is what was written.
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfN(rapid.String(), 3, 3).Draw(rt, "texts")
		table := Table{Columns: []Column{{Key: "a", Heading: "a"}, {Key: "b", Heading: "b"}, {Key: "c", Heading: "c"}}, Rows: rowsOf([]any{texts[0], texts[1], texts[2]})}
		var b bytes.Buffer
		if err := Write(&b, CSV, table); err != nil {
			rt.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 2 {
			rt.Fatalf("%d rows, %v", len(rows), err)
		}
		breaks := strings.NewReplacer("\r\n", "\n")
		for i, text := range texts {
			if got := breaks.Replace(rows[1][i]); got != breaks.Replace(guard(text)) && strings.ReplaceAll(got, "\r", "") != strings.ReplaceAll(guard(text), "\r", "") {
				rt.Errorf("%q reads as %q", text, got)
			}
			if strings.HasPrefix(rows[1][i], "=") || strings.HasPrefix(rows[1][i], "@") {
				rt.Errorf("%q is a formula", rows[1][i])
			}
		}
	})
}

func TestJSON(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(tableAs(t, JSON, sampleKinds()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"title": "Of every/kind", "notes": []any{"A note"}, "rows": []any{
		map[string]any{
			"text": "=1+1", "id": 12345.0, "count": 12345.0, "rate": "0.21", "paid": "1234.50 EUR", "amount": "5.00 CHF",
			"day": "2026-05-31", "at": "2026-05-31T18:30:00Z",
		},
		map[string]any{
			"text": "a \"quoted\",\nbroken; line", "id": "M-7", "count": -1.0, "rate": "-2", "paid": "0.00 EUR", "amount": "-7 JPY",
			"day": "1890-05-01", "at": "2027-05-31T18:30:00Z",
		},
		map[string]any{"text": "+32", "id": nil, "count": nil, "rate": nil, "paid": nil, "amount": nil, "day": nil, "at": nil},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got: %s", diff)
	}
	var several []any
	if err := json.Unmarshal(tableAs(t, JSON, sampleKinds(), sampleRegister("nl", 2)), &several); err != nil || len(several) != 2 {
		t.Errorf("%d tables, %v", len(several), err)
	}
}

func TestXLSX(t *testing.T) {
	empty := sampleRegister("de", 0)
	empty.Title = strings.Repeat("Of every/kind ", 9)
	f, err := excelize.OpenReader(bytes.NewReader(tableAs(t, XLSX, sampleKinds(), sampleKinds(), empty)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !slices.Equal(got, []string{"Of every kind", "Of every kind (2)", "Of every kind Of every kind Of "}) {
		t.Errorf("sheets %q", got)
	}
	const sheet = "Of every kind"
	cells := map[string][3]string{ // shown, stored, type
		"A1": {"Of every/kind", "Of every/kind", "text"}, "A2": {"A note", "A note", "text"},
		"B4": {"=Id", "=Id", "text"}, "E4": {"Payé (EUR)", "Payé (EUR)", "text"},
		"A5": {"=1+1", "=1+1", "text"}, "B5": {"12345", "12345", "number"}, "C5": {"12,345", "12345", "number"},
		"D5": {"0.21", "0.21", "number"}, "E5": {"1,234.50", "1234.5", "number"}, "F5": {"5.00 CHF", "5", "number"},
		"G5": {"2026-05-31", "46173", "number"}, "H5": {"2026-05-31 20:30", "46173.8541666667", "number"},
		"E6": {"0.00", "0", "number"}, "F6": {"-7 JPY", "-7", "number"}, "G6": {"1890-05-01", "1890-05-01", "text"},
		"C7": {"", "", ""}, "G7": {"", "", ""},
		"A8": {"Total", "Total", "text"}, "C8": {"12,344", "12344", "number"}, "E8": {"1,234.50", "1234.5", "number"},
		"F8": {"5,00\u00a0CHF + -7\u00a0¥", "5,00\u00a0CHF + -7\u00a0¥", "text"},
	}
	for cell, want := range cells {
		shown, err := f.GetCellValue(sheet, cell)
		if err != nil {
			t.Fatal(err)
		}
		stored, _ := f.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
		kind, _ := f.GetCellType(sheet, cell)
		name := map[excelize.CellType]string{excelize.CellTypeInlineString: "text", excelize.CellTypeSharedString: "text", excelize.CellTypeNumber: "number", excelize.CellTypeUnset: "number"}[kind]
		if stored == "" {
			name = ""
		}
		if got := [3]string{shown, stored, name}; got != want {
			t.Errorf("%s: %q, want %q", cell, got, want)
		}
		if formula, _ := f.GetCellFormula(sheet, cell); formula != "" {
			t.Errorf("%s is the formula %s", cell, formula)
		}
	}
	if panes, err := f.GetPanes(sheet); err != nil || !panes.Freeze || panes.YSplit != 4 {
		t.Errorf("panes %+v, %v", panes, err)
	}
}

// TestSame holds that the same input gives the same bytes, to several at once too.
func TestSame(t *testing.T) {
	write := map[string]func(io.Writer) error{
		"invoice": func(w io.Writer) error { return WriteInvoice(w, sampleInvoice("fr", 20)) },
	}
	for _, f := range Formats {
		write[string(f)] = func(w io.Writer) error { return Write(w, f, sampleRegister("nl", 300)) }
	}
	write["sheets"] = func(w io.Writer) error { return Write(w, XLSX, sampleKinds(), sampleRegister("nl", 30), sampleKinds()) }
	for name, f := range write {
		var first bytes.Buffer
		if err := f(&first); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				var again bytes.Buffer
				if err := f(&again); err != nil || !bytes.Equal(again.Bytes(), first.Bytes()) {
					t.Errorf("%s: other bytes, %v", name, err)
				}
			})
		}
		all.Wait()
	}
}

func TestFaults(t *testing.T) {
	broken := errors.New("the log is gone")
	one := []Column{{Key: "n", Heading: "N", Kind: Integer}}
	for _, c := range []struct {
		want   string
		format Format
		tables []Table
	}{
		{"no table", CSV, nil},
		{"room for one table", ExcelCSV, []Table{{Columns: one}, {Columns: one}}},
		{`"doc" is no format`, "doc", []Table{{Columns: one}}},
		{"has no columns", PDF, []Table{{}}},
		{"to group by", PDF, []Table{{Columns: one, GroupBy: "m"}}},
		{"two columns", XLSX, []Table{{Columns: append(one, one...)}}},
		{"cannot be summed", JSON, []Table{{Columns: []Column{{Key: "t", Sum: true}}}}},
		{`row 2 of table "T": string x does not fit column "n"`, CSV, []Table{{Title: "T", Columns: one, Rows: rowsOf([]any{1}, []any{"x"})}}},
		{"2 values for 1 columns", PDF, []Table{{Columns: one, Rows: rowsOf([]any{1, 2})}}},
		{"5.00 CHF does not fit", JSON, []Table{{Columns: []Column{{Key: "m", Kind: Money, Currency: "EUR"}}, Rows: rowsOf([]any{money.Must("5.00 CHF")})}}},
	} {
		if err := Write(io.Discard, c.format, c.tables...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, f := range Formats {
		rows := func(yield func([]any, error) bool) { _ = yield([]any{1}, nil) && yield(nil, broken) }
		if err := Write(io.Discard, f, Table{Columns: one, Rows: rows}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", f, err)
		}
		if err := Write(full{}, f, sampleRegister("fr", 500)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s on a full disk: %v", f, err)
		}
		if text := tableAs(t, f, Table{Columns: one}); len(text) == 0 {
			t.Errorf("%s: nothing is written of an empty table", f)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestWrap holds that no line is wider than it may be, and no letter is lost.
func TestWrap(t *testing.T) {
	p := newPage("P", describes{})
	p.AddPage()
	p.style("", 9, ink)
	letters := rapid.StringOf(rapid.SampledFrom([]rune("abcdefgh ijklmnop WM.,-éß\u202f\u00a0\u0301 漢😀\n\x00")))
	rapid.Check(t, func(rt *rapid.T) {
		text, width := letters.Draw(rt, "text"), rapid.Float64Range(6, 80).Draw(rt, "width")
		lines := p.wrap(text, width)
		for _, line := range lines {
			if p.GetStringWidth(line) > width {
				rt.Errorf("%q is %v wide, not %v", line, p.GetStringWidth(line), width)
			}
		}
		without := func(s string) string { return strings.ReplaceAll(norm.NFD.String(printable(s)), " ", "") }
		if got := without(strings.Join(lines, "")); got != without(text) {
			rt.Errorf("%q became %q", text, got)
		}
	})
}

// TestBound: a table of more pages than are in memory at once has them all, in order and
// numbered, each with its foot; and the same table makes the same bytes.
func TestBound(t *testing.T) {
	const rows = 16_000
	table := func() Table {
		var all [][]any
		for i := range rows {
			all = append(all, []any{int64(i + 1), fmt.Sprint("Łoom ", i+1), money.New(int64(i), "EUR")})
		}
		return Table{
			Title: "Long", Author: "Weavers SC", Language: domain.English, Sign: true,
			Columns: []Column{{Key: "n", Heading: "Number", Kind: Identifier}, {Key: "name", Heading: "Name"}, {Key: "sum", Heading: "Sum", Kind: Money, Sum: true}},
			Rows:    rowsOf(all...),
		}
	}
	pdf := tableAs(t, PDF, table(), sampleKinds())
	pages := textOf(t, pdf)
	if len(pages) <= partPages {
		t.Fatalf("only %d pages: it is not put together of parts", len(pages))
	}
	next := 1
	for n, page := range pages {
		if foot := fmt.Sprintf("Page %d of %d", n+1, len(pages)); !strings.Contains(page, foot) || !strings.Contains(page, "Weavers SC") {
			t.Fatalf("page %d has no foot %q:\n%s", n+1, foot, page)
		}
		for line := range strings.SplitSeq(page, "\n") {
			if name := fmt.Sprintf("Łoom %d ", next); strings.Contains(line+" ", name) {
				next++
			}
		}
	}
	if next != rows+1 {
		t.Errorf("row %d is missing, or out of order", next)
	}
	if again := tableAs(t, PDF, table(), sampleKinds()); !bytes.Equal(pdf, again) {
		t.Error("the same table makes other bytes")
	}
	for _, page := range []int{1, partPages, partPages + 1, len(pages)} {
		fonts := string(poppler(t, pdf, "pdffonts", "-f", strconv.Itoa(page), "-l", strconv.Itoa(page)))
		if !strings.Contains(fonts, "Identity-H") || strings.Contains(fonts, "no  no") {
			t.Errorf("fonts of page %d:\n%s", page, fonts)
		}
	}
	if err := Write(full{}, PDF, table()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("written to what is full: %v", err)
	}
}
