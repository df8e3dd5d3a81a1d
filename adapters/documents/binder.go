package documents

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-pdf/fpdf"
)

// partPages is how many pages are in memory at once.
const partPages = 400

// A binder writes a long document part by part, so that no more than a part of it is in
// memory. A part is a PDF as it is made of few pages: its pages, fonts and the like go
// to the file under new numbers. The feet come last, when it is known how many pages
// there are, each as a form that its page shows.
type binder struct {
	w       io.Writer
	written int64
	offsets []int64 // of objects, by number
	pages   []boundPage
	box     string // the size of all pages
	info    int    // the number of the object that describes the document
	lang    string
	err     error
}

// A boundPage is one whose contents are written.
type boundPage struct {
	contents int
	fonts    string // with their numbers
}

// The objects that are known by their numbers.
const (
	boundRoot    = 1 // of all pages
	boundCatalog = 2
	boundShow    = 3 // the contents that show the foot of a page
)

func newBinder(w io.Writer) *binder {
	b := &binder{w: w, offsets: make([]int64, boundShow+1)}
	b.print("%%PDF-1.3\n")
	b.stream(boundShow, "", []byte("q /Foot Do Q"))
	return b
}

func (b *binder) print(format string, args ...any) {
	if b.err == nil {
		var n int
		n, b.err = fmt.Fprintf(b.w, format, args...)
		b.written += int64(n)
	}
}

// object begins one of a number.
func (b *binder) object(n int) {
	b.offsets[n] = b.written
	b.print("%d 0 obj\n", n)
}

// next returns the number of a new object.
func (b *binder) next() int {
	b.offsets = append(b.offsets, 0)
	return len(b.offsets) - 1
}

func (b *binder) stream(n int, dict string, data []byte) {
	b.object(n)
	b.print("<<%s/Length %d>>\nstream\n%s\nendstream\nendobj\n", dict, len(data), data)
}

// A part is a PDF as fpdf writes it, taken to its objects.
type part struct {
	objects [][]byte // what is between "n 0 obj" and the next one, by number
	pages   []int
	fonts   string
	info    int
}

var (
	boundXref   = regexp.MustCompile(`startxref\n(\d+)\n%%EOF\s*$`)
	boundInfo   = regexp.MustCompile(`/Info (\d+) 0 R`)
	boundRefer  = regexp.MustCompile(`\b(\d+) 0 R\b`)
	boundFonts  = regexp.MustCompile(`(?s)/Font <<\n(.*?)>>`)
	boundText   = regexp.MustCompile(`/Contents (\d+) 0 R`)
	boundLength = regexp.MustCompile(`(?s)^<<(.*?)/Length (\d+)>>\nstream\n`)
	boundBox    = regexp.MustCompile(`/MediaBox \[[^\]]*\]`)
)

// takePart takes a PDF apart that fpdf has made.
func takePart(data []byte) (p part, err error) {
	broken := func(what string) (part, error) {
		return part{}, fmt.Errorf("documents: a part of a PDF has no %s", what)
	}
	at := boundXref.FindSubmatch(data)
	if at == nil {
		return broken("table of objects")
	}
	xref, _ := strconv.Atoi(string(at[1]))
	lines := bytes.Split(data[xref:], []byte("\n"))
	var count int
	if _, err := fmt.Sscanf(string(lines[1]), "0 %d", &count); err != nil || len(lines) < count+2 {
		return broken("objects")
	}
	offsets := make([]int, count)
	for n := 1; n < count; n++ {
		if offsets[n], err = strconv.Atoi(string(lines[n+2][:10])); err != nil {
			return broken("place of object " + strconv.Itoa(n))
		}
	}
	order := append(slices.Sorted(slices.Values(offsets[1:])), xref)
	p.objects = make([][]byte, count)
	for n := 1; n < count; n++ {
		i, _ := slices.BinarySearch(order, offsets[n])
		object := data[offsets[n]:order[i+1]]
		p.objects[n] = object[bytes.IndexByte(object, '\n')+1:]
		if bytes.HasPrefix(p.objects[n], []byte("<</Type /Page\n")) {
			p.pages = append(p.pages, n)
		}
	}
	fonts, info := boundFonts.FindSubmatch(p.objects[2]), boundInfo.FindSubmatch(data[xref:])
	if fonts == nil || info == nil || len(p.pages) == 0 {
		return broken("fonts, pages or description")
	}
	p.fonts = string(fonts[1])
	p.info, _ = strconv.Atoi(string(info[1]))
	return p, nil
}

// contents returns the number of what a page shows.
func (p part) contents(page int) int {
	n, _ := strconv.Atoi(string(boundText.FindSubmatch(p.objects[page])[1]))
	return n
}

// add writes what a part brings, all but its pages, their root, its resources and its
// catalog, and returns the numbers under which it is known now.
func (b *binder) add(p part) (renumbered func(string) string, numbers map[int]int) {
	numbers = map[int]int{}
	for n := 3; n < len(p.objects)-1; n++ { // the last is the catalog
		if !slices.Contains(p.pages, n) && (n != p.info || b.info == 0) {
			numbers[n] = b.next()
		}
	}
	renumbered = func(s string) string {
		return boundRefer.ReplaceAllStringFunc(s, func(ref string) string {
			n, _ := strconv.Atoi(ref[:len(ref)-len(" 0 R")])
			return strconv.Itoa(numbers[n]) + " 0 R"
		})
	}
	for n := 3; n < len(p.objects)-1; n++ {
		if numbers[n] == 0 {
			continue
		}
		dict, data, has := bytes.Cut(p.objects[n], []byte("stream\n"))
		b.object(numbers[n])
		b.print("%s", renumbered(string(dict)))
		if has {
			b.print("stream\n%s", data)
		}
	}
	if b.info == 0 {
		b.info = numbers[p.info]
		b.box = string(boundBox.Find(p.objects[1]))
	}
	return renumbered, numbers
}

// bind writes the pages of a part.
func (b *binder) bind(f *fpdf.Fpdf) error {
	p, err := b.made(f)
	if err != nil {
		return err
	}
	renumbered, numbers := b.add(p)
	for _, page := range p.pages {
		b.pages = append(b.pages, boundPage{numbers[p.contents(page)], renumbered(p.fonts)})
	}
	return b.err
}

func (b *binder) made(f *fpdf.Fpdf) (part, error) {
	var data bytes.Buffer
	if err := f.Output(&data); err != nil {
		return part{}, err
	}
	return takePart(data.Bytes())
}

// feet writes the feet of some pages, which are those of a PDF, and then these pages.
func (b *binder) feet(f *fpdf.Fpdf, pages []boundPage, kids []int) ([]int, error) {
	p, err := b.made(f)
	if err != nil {
		return kids, err
	}
	texts := make([][]byte, len(p.pages))
	for i, page := range p.pages { // they are forms, and written as such
		texts[i] = p.objects[p.contents(page)]
		p.objects[p.contents(page)] = []byte("null\nendobj\n")
	}
	renumbered, _ := b.add(p)
	fonts := renumbered(p.fonts)
	for i, page := range pages {
		match := boundLength.FindSubmatch(texts[i])
		if match == nil {
			return kids, fmt.Errorf("documents: the foot of a page is no stream: %.40q", texts[i])
		}
		length, _ := strconv.Atoi(string(match[2]))
		form := b.next()
		b.stream(form, fmt.Sprintf("/Type /XObject /Subtype /Form %s /Resources <</ProcSet [/PDF /Text] /Font <<%s>>>> %s", bytes.Replace([]byte(b.box), []byte("/MediaBox"), []byte("/BBox"), 1), fonts, match[1]),
			texts[i][len(match[0]):len(match[0])+length])
		kid := b.next()
		b.object(kid)
		b.print("<</Type /Page\n/Parent %d 0 R\n/Resources <</ProcSet [/PDF /Text] /Font <<%s>> /XObject <</Foot %d 0 R>>>>\n/Contents [%d 0 R %d 0 R]>>\nendobj\n",
			boundRoot, page.fonts, form, page.contents, boundShow)
		kids = append(kids, kid)
	}
	return kids, b.err
}

// end writes what holds the pages together.
func (b *binder) end(kids []int) error {
	b.object(boundRoot)
	b.print("<</Type /Pages\n/Kids [")
	for _, kid := range kids {
		b.print("%d 0 R ", kid)
	}
	b.print("]\n/Count %d\n%s>>\nendobj\n", len(kids), b.box)
	b.object(boundCatalog)
	b.print("<</Type /Catalog /Pages %d 0 R /Lang (%s)>>\nendobj\n", boundRoot, b.lang)
	xref := b.written
	b.print("xref\n0 %d\n0000000000 65535 f \n", len(b.offsets))
	for _, offset := range b.offsets[1:] {
		b.print("%010d 00000 n \n", offset)
	}
	b.print("trailer\n<</Size %d /Root %d 0 R /Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(b.offsets), boundCatalog, b.info, xref)
	return b.err
}
