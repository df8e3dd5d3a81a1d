package documents

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"

	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
)

// excelBegins is the first day that Excel and every other program number alike.
var excelBegins = calendar.On(1900, time.March, 1)

// writeXLSX writes a sheet per table: the title and its notes, the headings,
// which stay in sight, the rows, and their totals.
func writeXLSX(w io.Writer, tables []Table) error {
	f := excelize.NewFile()
	defer f.Close() //nolint:errcheck // it has no file, and nothing to lose
	made := "2000-01-01T00:00:00Z"
	if !tables[0].Made.IsZero() {
		made = plain(tables[0].Made, "")
	}
	if err := f.SetDocProps(&excelize.DocProperties{
		Title: tables[0].Title, Creator: tables[0].Author, Language: string(tables[0].Language), Created: made, Modified: made,
	}); err != nil {
		return err
	}
	taken := map[string]bool{}
	for i, t := range tables {
		name := sheetName(t.Title, taken)
		if i == 0 {
			if err := f.SetSheetName("Sheet1", name); err != nil {
				return err
			}
		} else if _, err := f.NewSheet(name); err != nil {
			return err
		}
		if err := writeSheet(f, name, t); err != nil {
			return err
		}
	}
	data, err := f.WriteToBuffer()
	if err != nil {
		return err
	}
	return inOrder(w, data.Bytes())
}

// sheetName makes a name that Excel takes: at most 31 characters, some of them
// not, and no two alike in whatever case.
func sheetName(title string, taken map[string]bool) string {
	title = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) {
			return ' '
		}
		return r
	}, title), "' ")
	if title == "" {
		title = "1"
	}
	for n := 1; ; n++ {
		name, suffix := []rune(title), ""
		if n > 1 {
			suffix = fmt.Sprintf(" (%d)", n)
		}
		unique := string(name[:min(len(name), 31-len(suffix))]) + suffix
		if key := strings.ToLower(unique); !taken[key] {
			taken[key] = true
			return unique
		}
	}
}

// sheetStyles are the styles of one sheet, by what they are for.
type sheetStyles struct {
	f     *excelize.File
	known map[string]int
	err   error
}

// of returns the style of a number format, bold and on grey if so.
func (s *sheetStyles) of(format string, bold bool, fill string) int {
	key := fmt.Sprint(format, bold, fill)
	id, known := s.known[key]
	if known || s.err != nil {
		return id
	}
	style := &excelize.Style{Alignment: &excelize.Alignment{Vertical: "top", WrapText: fill != ""}}
	if format != "" {
		style.CustomNumFmt = &format
	}
	if bold {
		style.Font = &excelize.Font{Bold: true}
	}
	if fill != "" {
		style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{fill}}
	}
	id, s.err = s.f.NewStyle(style)
	s.known[key] = id
	return id
}

func writeSheet(f *excelize.File, name string, t Table) error {
	styles := &sheetStyles{f: f, known: map[string]int{}}
	sheet, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	head := 1 // the row of the headings
	if t.Title != "" {
		head += 2 + len(t.Notes)
	}
	for i, c := range t.Columns {
		width := map[Kind]float64{Text: 28, Identifier: 14, Integer: 12, Number: 14, Money: 16, Date: 12, Instant: 17}[c.Kind]
		if err := sheet.SetColWidth(i+1, i+1, max(width, min(40, float64(len([]rune(c.title())))+2))); err != nil {
			return err
		}
	}
	below, err := excelize.CoordinatesToCellName(1, head+1)
	if err != nil {
		return err
	}
	if err := sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: head, TopLeftCell: below, ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	line := 1
	put := func(cells []any) error {
		at, err := excelize.CoordinatesToCellName(1, line)
		if err != nil {
			return fmt.Errorf("documents: table %q: %w", t.Title, err) // Excel ends at row 1,048,576
		}
		line++
		return sheet.SetRow(at, cells)
	}
	if t.Title != "" {
		if err := put([]any{excelize.Cell{StyleID: styles.of("", true, ""), Value: t.Title}}); err != nil {
			return err
		}
		for _, note := range t.Notes {
			if err := put([]any{note}); err != nil {
				return err
			}
		}
		line++
	}
	cells := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = excelize.Cell{StyleID: styles.of("", true, "D9E2EC"), Value: c.title()}
	}
	if err := put(cells); err != nil {
		return err
	}
	sum := newSums(t.Columns)
	for row, err := range t.rows() {
		if err != nil {
			return err
		}
		sum.add(row)
		for i, v := range row {
			cells[i] = styles.cell(v, t.Columns[i], false)
		}
		if err := put(cells); err != nil {
			return err
		}
	}
	if sum.any() {
		for i := range t.Columns {
			total, all := sum.of(i)
			cells[i] = styles.cell(total, t.Columns[i], true)
			if len(all) > 1 {
				cells[i] = excelize.Cell{StyleID: styles.of("", true, ""), Value: written(t.Language, all, "")}
			}
		}
		if !t.Columns[0].Sum {
			cells[0] = excelize.Cell{StyleID: styles.of("", true, ""), Value: catalogue.Word(t.Language, "documents.total")}
		}
		if err := put(cells); err != nil {
			return err
		}
	}
	if styles.err != nil {
		return styles.err
	}
	return sheet.Flush()
}

// cell makes a typed cell. Text is stored as such and never taken for a formula.
// Numbers go through float64, which is all that the format has: an amount of up
// to 15 digits comes out as it went in.
func (s *sheetStyles) cell(v any, c Column, bold bool) any {
	switch v := v.(type) {
	case string:
		return excelize.Cell{StyleID: s.of("", bold, ""), Value: cut(v)}
	case int64:
		format := "#,##0"
		if c.Kind == Identifier {
			format = "0"
		}
		return excelize.Cell{StyleID: s.of(format, bold, ""), Value: v}
	case decimal.Decimal:
		return excelize.Cell{StyleID: s.of("General", bold, ""), Value: v.InexactFloat64()}
	case money.Money:
		format := "#,##0"
		if digits := v.Currency().Digits(); digits > 0 {
			format += "." + strings.Repeat("0", int(digits))
		}
		if c.Currency == "" && v.Currency() != "" {
			format += fmt.Sprintf(` "%s"`, v.Currency())
		}
		return excelize.Cell{StyleID: s.of(format, bold, ""), Value: v.Decimal().InexactFloat64()}
	case calendar.Date:
		if v.Before(excelBegins) {
			return excelize.Cell{StyleID: s.of("", bold, ""), Value: v.String()}
		}
		return excelize.Cell{StyleID: s.of("yyyy-mm-dd", bold, ""), Value: v.Midnight(time.UTC)}
	case time.Time:
		wall := time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), 0, time.UTC)
		return excelize.Cell{StyleID: s.of("yyyy-mm-dd hh:mm", bold, ""), Value: wall}
	}
	return nil
}

// cut ends a text where a cell of Excel does.
func cut(s string) string {
	if runes := []rune(s); len(runes) > excelize.TotalCellChars {
		return string(runes[:excelize.TotalCellChars-1]) + "…"
	}
	return s
}

// inOrder writes a zip file with its parts in the order of their names, so that
// the same workbook is always the same bytes.
func inOrder(w io.Writer, data []byte) error {
	parts, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	slices.SortFunc(parts.File, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	out := zip.NewWriter(w)
	for _, part := range parts.File {
		if err := out.Copy(part); err != nil {
			return err
		}
	}
	return out.Close()
}
