package documents

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
)

const (
	tableSize = 8.0 // of the type, in points
	gutter    = 1.2 // on either side of a cell
	lead      = 0.9 // above and below its text
	sampled   = 400 // rows that the widths of columns are measured by
)

// written is a value, or several, as people of a language write it.
func written(lang domain.Language, v any, said money.Currency) string {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, written(lang, one, said))
		}
		return strings.Join(all, " + ")
	case string:
		return v
	case int64:
		return catalogue.Integer(lang, v)
	case decimal.Decimal:
		return catalogue.Number(lang, v)
	case money.Money:
		if said != "" {
			return catalogue.Amount(lang, v)
		}
		return catalogue.Money(lang, v)
	case calendar.Date:
		return catalogue.ShortDate(lang, v)
	case time.Time:
		return catalogue.ShortDate(lang, calendar.Of(v)) + " " + v.Format("15:04")
	}
	return ""
}

// written is a value of the column as the reader of the table writes it.
func (c Column) written(lang domain.Language, v any) string {
	if c.Kind == Identifier {
		return plain(v, "")
	}
	return written(lang, v, c.Currency)
}

// right reports whether the column's values end at one line, as numbers do.
func (c Column) right() bool { return c.Kind == Integer || c.Kind == Number || c.Kind == Money }

// sheet is one table on its way into a PDF.
type sheet struct {
	*page
	table   Table
	columns []Column // without the one that rows are grouped by
	widths  []float64
	edge    float64 // where they end, at the right
	y       float64
}

func writePDF(w io.Writer, tables []Table) error {
	first := tables[0]
	p := newPage("L", describes{first.Title, first.Author, first.Language, first.Made})
	p.to = w
	p.AddPage()
	y := p.top
	for i, t := range tables {
		s := &sheet{page: p, table: t, y: y}
		if err := s.write(i == 0); err != nil {
			return err
		}
		if y = s.y + 8; t.Sign {
			s.signature()
		}
	}
	made := ""
	if !first.Made.IsZero() {
		made = catalogue.Text(p.language, "documents.made_at", domain.Args{"at": first.Made}, "")
	}
	return p.finish(w, func(y float64, numbering string) {
		p.line(p.left, y-1, p.right, 0.15, rule)
		p.print(p.left, y, strings.TrimPrefix(first.Author+"  ·  "+made, "  ·  "))
		p.printRight(p.right, y, numbering)
	})
}

func (s *sheet) write(first bool) error {
	grouped := slices.IndexFunc(s.table.Columns, func(c Column) bool { return c.Key == s.table.GroupBy && c.Key != "" })
	s.columns = slices.Clone(s.table.Columns)
	if grouped >= 0 {
		s.columns = slices.Delete(s.columns, grouped, grouped+1)
	}
	all, group := newSums(s.columns), newSums(s.columns)
	var current any
	var sample []entry
	put := func(e entry) {
		if grouped >= 0 && (all.count == 0 || e.group != current) {
			if group.count > 0 {
				s.total(group, current)
			}
			group, current = newSums(s.columns), e.group
			s.groupHead(current)
		}
		all.add(e.values)
		group.add(e.values)
		s.row(e.values)
	}
	flush := func() {
		if s.widths == nil {
			s.measure(sample)
			s.head(first)
		}
		for _, e := range sample {
			put(e)
		}
		sample = nil
	}
	for row, err := range s.table.rows() {
		if err != nil {
			return err
		}
		e := entry{values: row}
		if grouped >= 0 {
			e.group = row[grouped]
			e.values = slices.Delete(row, grouped, grouped+1)
		}
		if s.widths != nil {
			put(e)
		} else if sample = append(sample, e); len(sample) == sampled {
			flush()
		}
	}
	flush()
	if all.count == 0 {
		s.style("", tableSize, faint)
		s.print(s.left+gutter, s.y+2, s.word("nothing"))
		s.y += 8
		return s.Error()
	}
	if grouped >= 0 {
		s.total(group, current)
	}
	s.total(all, nil)
	return s.Error()
}

// signature leaves room for where and when, and for the name and signature of who
// answers for it.
func (s *sheet) signature() {
	const height, gap = 26.0, 8.0
	if s.y+8+height > s.bottom {
		s.AddPage()
		s.y = s.top - 8
	}
	y := s.y + 8 + height
	s.style("", tableSize, faint)
	x := s.left
	for _, blank := range []struct {
		word  string
		width float64
	}{{"sign_place", 60}, {"sign_date", 40}, {"sign_for_board", 110}} {
		s.line(x, y-s.leading()-1, x+blank.width, 0.2, rule)
		s.print(x, y-s.leading(), s.word(blank.word))
		x += blank.width + gap
	}
	s.y = y
}

// entry is a row, with the value that it is grouped by.
type entry struct {
	values []any
	group  any
}

// measure gives each column what room there is: the least that its words and
// numbers need, or better what four in five values need, or best what all of them
// and the heading need.
func (s *sheet) measure(sample []entry) {
	const (
		narrowest, widest = 8.0, 75.0
		heading           = 32.0 // wider ones are broken, however much room there is
		unbroken          = 16.0 // longer words are broken where room lacks
	)
	n := len(s.columns)
	least, good, best := make([]float64, n), make([]float64, n), make([]float64, n)
	text := 0.0
	for i, c := range s.columns {
		s.style("B", tableSize, ink)
		best[i] = min(heading, s.GetStringWidth(printable(c.title())))
		for word := range strings.FieldsSeq(printable(c.title())) {
			least[i] = max(least[i], s.GetStringWidth(word))
		}
		sum, widths := newSums(s.columns), []float64{0}
		s.style("", tableSize, ink)
		for _, e := range sample {
			value := printable(c.written(s.language, e.values[i]))
			w := min(widest, s.GetStringWidth(value))
			widths = append(widths, w)
			if c.Kind != Text {
				least[i] = max(least[i], w)
			} else {
				for word := range strings.SplitSeq(value, " ") {
					least[i] = max(least[i], min(unbroken, s.GetStringWidth(word)))
				}
			}
			sum.add(e.values)
		}
		if c.Sum {
			s.style("B", tableSize, ink)
			_, all := sum.of(i)
			least[i] = max(least[i], s.GetStringWidth(written(s.language, all, c.Currency)))
		}
		slices.Sort(widths)
		good[i] = max(least[i], widths[len(widths)*4/5], narrowest)
		best[i] = max(best[i], good[i], widths[len(widths)-1])
		const around = 2*gutter + 0.1
		least[i], good[i], best[i] = least[i]+around, good[i]+around, best[i]+around
		if c.Kind == Text {
			text += best[i]
		}
	}
	switch room := s.right - s.left; {
	case total(best) <= room:
		s.widths = best
		stretch := min(room-total(best), text/2) // no wider, or the eye loses the row
		for i, c := range s.columns {
			if c.Kind == Text {
				s.widths[i] += stretch * best[i] / text
			}
		}
	case total(good) <= room:
		s.widths = between(good, best, room)
	case total(least) <= room:
		s.widths = between(least, good, room)
	default:
		s.widths = between(make([]float64, n), least, room)
	}
	s.edge = s.left + total(s.widths)
}

func total(widths []float64) (sum float64) {
	for _, w := range widths {
		sum += w
	}
	return sum
}

// between returns widths as far between some and others as makes their sum room.
func between(from, to []float64, room float64) []float64 {
	part := (room - total(from)) / (total(to) - total(from))
	widths := make([]float64, len(from))
	for i := range widths {
		widths[i] = from[i] + part*(to[i]-from[i])
	}
	return widths
}

// head prints the title and the notes, in large letters where they begin the
// document, and the headings of the columns.
func (s *sheet) head(first bool) {
	if !first && s.y+45 > s.bottom {
		s.AddPage()
		s.y = s.top
	}
	size := 12.0
	if first {
		size = 17
		if s.table.Author != "" {
			s.style("", 9, faint)
			s.print(s.left, s.y, s.table.Author)
			s.y += s.leading() + 1
		}
	}
	s.style("B", size, accent)
	for _, line := range s.wrap(s.table.Title, s.right-s.left) {
		s.print(s.left, s.y, line)
		s.y += s.leading()
	}
	s.style("", 9, ink)
	for _, note := range s.table.Notes {
		for _, line := range s.wrap(note, s.right-s.left) {
			s.print(s.left, s.y, line)
			s.y += s.leading()
		}
	}
	s.y += 3
	s.headings()
}

// continued begins a new page, which says what it goes on with.
func (s *sheet) continued() {
	s.AddPage()
	s.y = s.top - 4
	s.style("", 7.5, faint)
	s.printFit(s.left, s.y, s.right-s.left, strings.Join(append([]string{s.table.Title}, s.table.Notes...), "  ·  "), false)
	s.y += s.leading() + 1.5
	s.headings()
}

// headings prints the heading of every column, broken into as many lines as need be.
func (s *sheet) headings() {
	s.style("B", tableSize, ink)
	lines, most := make([][]string, len(s.columns)), 1
	for i, c := range s.columns {
		lines[i] = s.wrap(c.title(), s.widths[i]-2*gutter)
		most = max(most, len(lines[i]))
	}
	height := float64(most)*s.leading() + 2*lead + 0.6
	s.fill(s.left, s.y, s.edge-s.left, height, band)
	x := s.left
	for i, c := range s.columns {
		y := s.y + lead + 0.3 + float64(most-len(lines[i]))*s.leading()
		for _, line := range lines[i] {
			s.printFit(x+gutter, y, s.widths[i]-2*gutter, line, c.right())
			y += s.leading()
		}
		x += s.widths[i]
	}
	s.y += height
}

// row prints a row, on the next page if this one has no room.
func (s *sheet) row(values []any) {
	s.style("", tableSize, ink)
	texts, lines, most := make([]string, len(values)), make([][]string, len(values)), 1
	for i, c := range s.columns {
		texts[i] = c.written(s.language, values[i])
		if c.Kind == Text {
			lines[i] = s.wrap(texts[i], s.widths[i]-2*gutter)
			most = max(most, len(lines[i]))
		}
	}
	page := int((s.bottom - s.top) / s.leading() / 1.5)
	height := float64(min(most, page))*s.leading() + 2*lead
	if s.y+height > s.bottom {
		s.continued()
		s.style("", tableSize, ink)
	}
	x := s.left
	for i, c := range s.columns {
		if c.Kind == Text {
			for n, line := range lines[i][:min(len(lines[i]), page)] { // longer than a page is no cell of a table
				s.print(x+gutter, s.y+lead+float64(n)*s.leading(), line)
			}
		} else {
			s.printFit(x+gutter, s.y+lead, s.widths[i]-2*gutter, texts[i], c.right())
		}
		x += s.widths[i]
	}
	s.y += height
	s.line(s.left, s.y, s.edge, 0.1, rule)
}

// groupHead prints what the rows that follow have in common. It never stands at
// the end of a page.
func (s *sheet) groupHead(group any) {
	i := slices.IndexFunc(s.table.Columns, func(c Column) bool { return c.Key == s.table.GroupBy })
	if s.y+18 > s.bottom {
		s.continued()
	}
	c := s.table.Columns[i]
	s.y += 1.6
	s.style("B", tableSize+1, accent)
	s.printFit(s.left+gutter, s.y+lead, s.edge-s.left-2*gutter, c.Heading+" "+c.written(s.language, group), false)
	s.y += s.leading() + 2*lead
	s.line(s.left, s.y, s.edge, 0.25, accent)
}

// total prints the sums of a group, or of the whole table, and the number of rows.
func (s *sheet) total(sum *sums, group any) {
	s.style("B", tableSize, ink)
	height := s.leading() + 2*lead
	if s.y+height > s.bottom {
		s.continued()
		s.style("B", tableSize, ink)
	}
	label := s.word("total")
	if group != nil {
		i := slices.IndexFunc(s.table.Columns, func(c Column) bool { return c.Key == s.table.GroupBy })
		label = catalogue.Text(s.language, "documents.subtotal", domain.Args{"group": s.table.Columns[i].written(s.language, group)}, "")
	} else {
		s.fill(s.left, s.y+0.1, s.edge-s.left, height, band)
	}
	short := label
	label += "  ·  " + catalogue.Text(s.language, "documents.rows", domain.Args{"count": sum.count}, "")
	room, summed := 0.0, false
	x := s.left
	for i, c := range s.columns {
		if c.Sum {
			_, all := sum.of(i)
			s.printFit(x+gutter, s.y+lead, s.widths[i]-2*gutter, written(s.language, all, c.Currency), true)
			summed = true
		} else if !summed {
			room += s.widths[i]
		}
		x += s.widths[i]
	}
	if s.GetStringWidth(printable(label)) > room-2*gutter {
		label = short
	}
	if room > 0 {
		s.printFit(s.left+gutter, s.y+lead, room-2*gutter, label, false)
	}
	s.y += height
	s.line(s.left, s.y, s.edge, 0.3, accent)
}
