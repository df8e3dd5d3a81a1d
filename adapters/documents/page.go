package documents

import (
	_ "embed"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/go-pdf/fpdf"
	"golang.org/x/text/unicode/norm"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// Noto Sans has the letters of every language of Europe, and the narrow space
// that does not break, U+202F, which French puts into amounts and which the
// fonts built into PDF lack. A document embeds only the glyphs it uses.
var (
	//go:embed fonts/NotoSans-Regular.ttf
	regular []byte
	//go:embed fonts/NotoSans-Bold.ttf
	bold []byte
)

// Colours by their use.
type colour struct{ r, g, b int }

var (
	ink    = colour{0x1f, 0x29, 0x33}
	faint  = colour{0x52, 0x60, 0x6d} // 6.4 to 1 on white, as WCAG 2.2 AA asks
	accent = colour{0x10, 0x4e, 0x6e}
	band   = colour{0xe4, 0xec, 0xf1}
	rule   = colour{0xc4, 0xcd, 0xd5}
)

// A page is a PDF in the making. Lengths are in millimetres from the top left
// corner, sizes of type in points.
type page struct {
	*fpdf.Fpdf
	language      domain.Language
	left, right   float64 // edges of what is printed
	top, bottom   float64
	width, height float64 // of the paper
	size          float64 // of the type, as last set

	blank func() *fpdf.Fpdf // as it began
	to    io.Writer         // for what may be long: where its parts go; nil keeps all pages until the end
	bound *binder           // once there is a part
}

// describes a document to programs and to those who cannot see it.
type describes struct {
	title, author string
	language      domain.Language
	made          time.Time
}

// newPage begins a PDF of A4 pages, upright ("P") or on their side ("L").
func newPage(orientation string, d describes) *page {
	if !d.language.Valid() {
		d.language = domain.English
	}
	if d.made.IsZero() {
		d.made = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	blank := func() *fpdf.Fpdf {
		f := fpdf.New(orientation, "mm", "A4", "")
		f.SetCatalogSort(true)
		f.SetCreationDate(d.made.UTC())
		f.SetModificationDate(d.made.UTC())
		f.SetTitle(printable(d.title), true)
		f.SetAuthor(printable(d.author), true)
		f.SetProducer("Rochdale", true)
		f.SetLang(string(d.language))
		f.AddUTF8FontFromBytes("noto", "", regular)
		f.AddUTF8FontFromBytes("noto", "B", bold)
		f.SetAutoPageBreak(false, 0)
		f.SetMargins(0, 0, 0)
		f.SetCellMargin(0)
		return f
	}
	p := &page{Fpdf: blank(), language: d.language, left: 15, top: 15, blank: blank}
	p.width, p.height = p.GetPageSize()
	p.right, p.bottom = p.width-15, p.height-18
	return p
}

// AddPage begins a page. Of a document that may be long it writes the part before, if
// that is as long as a part.
func (p *page) AddPage() {
	if p.to != nil && p.PageCount() == partPages {
		if err := p.part(); err != nil {
			p.SetError(err)
			return
		}
	}
	p.Fpdf.AddPage()
}

// part writes the pages that there are, and goes on with a new part.
func (p *page) part() error {
	if p.bound == nil {
		p.bound = newBinder(p.to)
		p.bound.lang = string(p.language)
	}
	if err := p.bound.bind(p.Fpdf); err != nil {
		return err
	}
	p.Fpdf = p.blank()
	return nil
}

// word returns a message of the documents' catalogue in the reader's language.
func (p *page) word(code string) string { return catalogue.Word(p.language, "documents."+code) }

// printable keeps what a PDF can show: no control characters, no line breaks,
// nothing beyond the first plane of Unicode. Letters and their accents are one.
func printable(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r > 0xffff:
			return unicode.ReplacementChar
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar))))
}

// style sets the type: "" or "B", a size, and a colour.
func (p *page) style(weight string, size float64, c colour) {
	p.SetFont("noto", weight, size)
	p.SetTextColor(c.r, c.g, c.b)
	p.size = size
}

// leading is the height of a line of the type, as last set.
func (p *page) leading() float64 { return p.size * 0.3528 * 1.32 }

// print puts a line of text with its left end at x, below y.
func (p *page) print(x, y float64, text string) {
	if text = printable(text); text != "" {
		p.Text(x, y+p.size*0.3528*1.03, text)
	}
}

// printRight does so with its right end at x.
func (p *page) printRight(x, y float64, text string) {
	p.print(x-p.GetStringWidth(printable(text)), y, text)
}

// printFit prints one line that may not be wider than w, smaller if need be, at
// the left or the right end of [x, x+w].
func (p *page) printFit(x, y, w float64, text string, right bool) {
	was := p.size
	if natural := p.GetStringWidth(printable(text)); natural > w {
		p.size *= w / natural
		p.SetFontSize(p.size)
	}
	if right {
		p.printRight(x+w, y, text)
	} else {
		p.print(x, y, text)
	}
	if p.size != was {
		p.size = was
		p.SetFontSize(was)
	}
}

// wrap breaks a text into lines no wider than w: at spaces, or where a word is
// wider than a line, within it. Lines of the text stay lines.
func (p *page) wrap(text string, w float64) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line := ""
		for word := range strings.SplitSeq(printable(paragraph), " ") {
			if joined := strings.TrimPrefix(line+" "+word, " "); p.GetStringWidth(joined) <= w {
				line = joined
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			for line = word; p.GetStringWidth(line) > w; {
				end := p.fits(line, w)
				lines = append(lines, line[:end])
				line = line[end:]
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// fits returns how many bytes of a word go into w: a character at least.
func (p *page) fits(word string, w float64) (end int) {
	for i, r := range word {
		next := i + len(string(r))
		if i > 0 && p.GetStringWidth(word[:next]) > w {
			return i
		}
		end = next
	}
	return end
}

func (p *page) fill(x, y, w, h float64, c colour) {
	p.SetFillColor(c.r, c.g, c.b)
	p.Rect(x, y, w, h, "F")
}

func (p *page) line(x1, y, x2, thickness float64, c colour) {
	p.SetDrawColor(c.r, c.g, c.b)
	p.SetLineWidth(thickness)
	p.Line(x1, y, x2, y)
}

// finish puts a foot on every page and writes the document.
func (p *page) finish(w io.Writer, foot func(y float64, numbering string)) error {
	numbered := func(n, pages int) {
		p.SetFont("noto", "B", 1) // so that the next is set anew, on this page
		p.style("", 7.5, faint)
		foot(p.height-13, catalogue.Text(p.language, "documents.page", domain.Args{"page": n, "pages": pages}, ""))
	}
	if p.bound == nil {
		for n, pages := 1, p.PageCount(); n <= pages; n++ {
			p.SetPage(n)
			numbered(n, pages)
		}
		return p.Output(w)
	}
	if err := p.part(); err != nil {
		return err
	}
	var kids []int
	pages := p.bound.pages
	for from := 0; from < len(pages); from += partPages {
		some := pages[from:min(from+partPages, len(pages))]
		for i := range some {
			p.Fpdf.AddPage()
			numbered(from+i+1, len(pages))
		}
		var err error
		if kids, err = p.bound.feet(p.Fpdf, some, kids); err != nil {
			return err
		}
		p.Fpdf = p.blank()
	}
	return p.bound.end(kids)
}
