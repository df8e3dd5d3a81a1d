// Package documents makes what people look at: tables as CSV, XLSX, PDF or JSON,
// and invoices as PDF. Its functions are pure: the same input gives the same
// bytes, whenever and wherever.
package documents

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// A Table is what any list, register or report is, whatever it is written as.
type Table struct {
	Title    string
	Notes    []string        // lines below the title, like the days at which a register is shown
	Author   string          // who answers for it: the co-op
	Language domain.Language // of its headings, and in which values are written for people
	Made     time.Time       // shown at the foot of a PDF in its own location, and kept in the file; may be zero
	Columns  []Column
	// GroupBy is the key of a column by whose value consecutive rows are put
	// together in a PDF, each group with its subtotals. It may be empty.
	GroupBy string
	// Sign leaves room at the end of a PDF for who answers for it to sign.
	Sign bool
	// Rows yields a value per column; nil is empty. It is called once, and what
	// is written grows with it, not memory.
	Rows iter.Seq2[[]any, error]
}

// A Column is one column of a table.
type Column struct {
	Key      string // its name for programs
	Heading  string // its name for people
	Kind     Kind
	Sum      bool           // totals are of interest
	Currency money.Currency // of all amounts in it, which then stand without; may be empty
}

// title is the heading with the currency, if it has one.
func (c Column) title() string {
	if c.Currency != "" {
		return c.Heading + " (" + string(c.Currency) + ")"
	}
	return c.Heading
}

// Kind is what a column holds.
type Kind int

const (
	Text       Kind = iota // any string
	Identifier             // a string, or a whole number that counts nothing, like a member's
	Integer                // any whole number
	Number                 // a [decimal.Decimal]
	Money                  // a [money.Money]
	Date                   // a [calendar.Date]; none is empty
	Instant                // a [time.Time], shown in its own location; the zero value is empty
)

// Format is what a table is written as.
type Format string

const (
	CSV      Format = "csv"       // RFC 4180: commas, UTF-8, headings in the first row, numbers as programs write them
	ExcelCSV Format = "csv-excel" // as Excel reads it where commas are decimal: semicolons, and a byte order mark
	XLSX     Format = "xlsx"      // a workbook with one sheet per table
	PDF      Format = "pdf"       // A4 on its side
	JSON     Format = "json"      // an object per table, with an object per row, by the keys of the columns
)

// Formats are all formats.
var Formats = []Format{CSV, ExcelCSV, XLSX, PDF, JSON}

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); slices.Contains(Formats, f) {
		return f, nil
	}
	return "", fmt.Errorf("documents: %q is no format; use one of %v", s, Formats)
}

// Extension is what names of such files end in.
func (f Format) Extension() string {
	if f == ExcelCSV {
		return ".csv"
	}
	return "." + string(f)
}

// MediaType is the type by RFC 6838.
func (f Format) MediaType() string {
	switch f {
	case CSV, ExcelCSV:
		return "text/csv; charset=utf-8"
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case PDF:
		return "application/pdf"
	default:
		return "application/json"
	}
}

// Write writes tables in a format, the first one's title being that of the whole.
// CSV has room for one only. An error of a table's rows ends the writing; what
// has been written by then is no whole file.
func Write(w io.Writer, f Format, tables ...Table) error {
	if len(tables) == 0 {
		return errors.New("documents: no table to write")
	}
	if (f == CSV || f == ExcelCSV) && len(tables) > 1 {
		return fmt.Errorf("documents: %s has room for one table, not %d; write them as xlsx, pdf or json", f, len(tables))
	}
	for _, t := range tables {
		if err := t.check(); err != nil {
			return err
		}
	}
	b := bufio.NewWriter(w)
	var err error
	switch f {
	case CSV, ExcelCSV:
		err = writeCSV(b, tables[0], f == ExcelCSV)
	case XLSX:
		err = writeXLSX(b, tables)
	case PDF:
		err = writePDF(b, tables)
	case JSON:
		err = writeJSON(b, tables)
	default:
		_, err = ParseFormat(string(f))
	}
	if err != nil {
		return err
	}
	return b.Flush()
}

// check holds that the columns can be told apart.
func (t Table) check() error {
	seen := map[string]bool{}
	for _, c := range t.Columns {
		if c.Key == "" || seen[c.Key] {
			return fmt.Errorf("documents: table %q has two columns with the key %q, or one without", t.Title, c.Key)
		}
		if c.Sum && c.Kind != Integer && c.Kind != Number && c.Kind != Money {
			return fmt.Errorf("documents: column %q of table %q cannot be summed", c.Key, t.Title)
		}
		seen[c.Key] = true
	}
	if len(t.Columns) == 0 || t.GroupBy != "" && !seen[t.GroupBy] {
		return fmt.Errorf("documents: table %q has no columns, or none with the key %q to group by", t.Title, t.GroupBy)
	}
	return nil
}

// rows yields the rows, each value of its column's type: string, int64,
// decimal.Decimal, money.Money, calendar.Date or time.Time; or nil.
func (t Table) rows() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if t.Rows == nil {
			return
		}
		n := 0
		for row, err := range t.Rows {
			n++
			if err == nil && len(row) != len(t.Columns) {
				err = fmt.Errorf("documents: row %d of table %q has %d values for %d columns", n, t.Title, len(row), len(t.Columns))
			}
			if err != nil {
				yield(nil, err)
				return
			}
			typed := make([]any, len(row))
			for i, v := range row {
				var fits bool
				if typed[i], fits = t.Columns[i].value(v); !fits {
					yield(nil, fmt.Errorf("documents: row %d of table %q: %T %v does not fit column %q", n, t.Title, v, v, t.Columns[i].Key))
					return
				}
			}
			if !yield(typed, nil) {
				return
			}
		}
	}
}

// value returns what a column makes of a value, and whether it can.
func (c Column) value(v any) (typed any, fits bool) {
	if v == nil {
		return nil, true
	}
	r := reflect.ValueOf(v)
	switch c.Kind {
	case Text, Identifier:
		switch {
		case c.Kind == Identifier && r.CanInt():
			return r.Int(), true
		case r.Kind() == reflect.String:
			return r.String(), true
		}
		if s, ok := v.(fmt.Stringer); ok {
			return s.String(), true
		}
	case Integer:
		if r.CanInt() {
			return r.Int(), true
		}
	case Number:
		d, ok := v.(decimal.Decimal)
		return d, ok
	case Money:
		m, ok := v.(money.Money)
		if ok && m.Currency() == "" {
			m = money.New(m.Minor(), c.Currency)
		}
		return m, ok && (c.Currency == "" || m.Currency() == c.Currency)
	case Date:
		d, ok := v.(calendar.Date)
		if d.IsZero() {
			return nil, ok
		}
		return d, ok
	case Instant:
		at, ok := v.(time.Time)
		if at.IsZero() {
			return nil, ok
		}
		return at, ok
	}
	return nil, false
}

// sums adds up columns: a total per column and currency.
type sums struct {
	columns []Column
	count   int
	totals  []map[money.Currency]any
}

func newSums(columns []Column) *sums {
	return &sums{columns: columns, totals: make([]map[money.Currency]any, len(columns))}
}

func (s *sums) add(row []any) {
	s.count++
	for i, v := range row {
		if !s.columns[i].Sum || v == nil {
			continue
		}
		if s.totals[i] == nil {
			s.totals[i] = map[money.Currency]any{}
		}
		switch v := v.(type) {
		case int64:
			n, _ := s.totals[i][""].(int64)
			s.totals[i][""] = n + v
		case decimal.Decimal:
			n, _ := s.totals[i][""].(decimal.Decimal)
			s.totals[i][""] = n.Add(v)
		case money.Money:
			m, _ := s.totals[i][v.Currency()].(money.Money)
			s.totals[i][v.Currency()] = m.Plus(v)
		}
	}
}

// any reports whether there is a column to sum.
func (s *sums) any() bool {
	return slices.ContainsFunc(s.columns, func(c Column) bool { return c.Sum })
}

// of returns the total of a column: one value, or nil where there is none, or
// where it is of several currencies; those are in all.
func (s *sums) of(i int) (total any, all []any) {
	currencies := make([]string, 0, len(s.totals[i]))
	for c := range s.totals[i] {
		currencies = append(currencies, string(c))
	}
	slices.Sort(currencies)
	for _, c := range currencies {
		all = append(all, s.totals[i][money.Currency(c)])
	}
	if len(all) == 1 {
		total = all[0]
	}
	return total, all
}

// guard keeps a spreadsheet from taking a text for a formula, as OWASP advises.
func guard(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
