// Package csvfile reads the tables that people send: saved by whatever
// spreadsheet in whatever country, with headings in any of the co-op's languages.
//
//	table, err := csvfile.Read(file, csvfile.Layout{Columns: csvfile.Shares, Language: "fr"})
//	for row := range table.Rows() {
//		entries = append(entries, entry{row.Integer("member_number"), row.Date("acquired_on")})
//	}
//	if table.Report.Failed() { ... }
//
// What cannot be understood is never guessed: it is a [Problem] of the report,
// by line and column, and its value reads as empty, so that one pass over the
// file finds all of them.
package csvfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// A Column is one that a file may have. It is recognised by its key, by its
// heading in any language, and by whatever else people call it, without regard
// to case, accents, spaces and punctuation.
type Column struct {
	Key      string
	Heading  string // code of a message of the catalogue; "columns." and the key if empty
	Also     []string
	Required bool // without it the file cannot be read
}

func (c Column) headings() map[domain.Language]string {
	if c.Heading == "" {
		return catalogue.Each("columns." + c.Key)
	}
	return catalogue.Each(c.Heading)
}

// names returns all that the column is recognised by, folded.
func (c Column) names() []string {
	var names []string
	for name := range maps.Values(c.headings()) {
		names = append(names, fold(name))
	}
	for _, name := range append(c.Also, c.Key) {
		names = append(names, fold(name))
	}
	return names
}

// A Layout is what a file should look like.
type Layout struct {
	Columns  []Column
	Language domain.Language // of the report
	Limits   Limits
}

// Limits keep a file that is none from filling the memory. Zero is the default.
type Limits struct {
	Bytes    int64 // of the whole file: 64 MiB
	Columns  int   // 100
	RowBytes int   // of one row: 64 KiB
	Problems int   // listed in the report, others only counted: 1000
}

func (l Limits) orDefault() Limits {
	return Limits{
		or(l.Bytes, 64<<20), or(l.Columns, 100), or(l.RowBytes, 64<<10), or(l.Problems, 1000),
	}
}

func or[N int | int64](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}

// A Table is a file whose headings have been looked at.
type Table struct {
	Report   Report
	Headings []string // as the file has them, trimmed

	text    []byte
	before  int // lines before the text
	comma   rune
	columns map[string]int // position by key
	limits  Limits
}

// Read reads a file: UTF-8, with or without a byte order mark, UTF-16 with one,
// or Windows-1252; separated by commas, semicolons or tabs; lines ended in any
// way. An error is one of reading only: all that is wrong with the file itself is
// in the report, and a table whose headings are not as they should be has no rows.
func Read(r io.Reader, layout Layout) (*Table, error) {
	limits := layout.Limits.orDefault()
	t := &Table{limits: limits, Report: Report{Problems: []Problem{}, language: layout.Language, limit: limits.Problems}}
	if !layout.Language.Valid() {
		t.Report.language = domain.English
	}
	data, err := io.ReadAll(io.LimitReader(r, limits.Bytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limits.Bytes {
		t.Report.note(0, "", "", "too_large", domain.Args{"max": limits.Bytes >> 20})
		return t, nil
	}
	text, line, code := decode(data)
	if code != "" {
		t.Report.note(line, "", "", code, nil)
		return t, nil
	}
	t.text = text
	t.readHead(layout.Columns)
	return t, nil
}

// readHead finds the separator, and each column's place.
func (t *Table) readHead(known []Column) {
	keys := map[string]string{} // by name
	for _, c := range known {
		for _, name := range c.names() {
			keys[name] = c.Key
		}
	}
	// Excel may be told the separator by a line of its own.
	if first, rest, found := bytes.Cut(t.text, []byte("\n")); found && len(bytes.TrimSpace(first)) == 5 && bytes.HasPrefix(first, []byte("sep=")) {
		t.text, t.before = rest, 1
	}
	line, best := 0, -1
	for _, comma := range ",;\t" {
		r := csv.NewReader(bytes.NewReader(t.text))
		r.Comma, r.FieldsPerRecord = comma, -1
		head, err := r.Read()
		if errors.Is(err, io.EOF) {
			t.Report.note(0, "", "", "empty", nil)
			return
		}
		score := len(head)
		for _, name := range head {
			if keys[fold(name)] != "" {
				score += 1000
			}
		}
		if err == nil && score > best {
			best, t.comma, t.Headings = score, comma, head
			line, _ = r.FieldPos(0)
		}
	}
	if best < 0 {
		t.Report.note(1+t.before, "", "", "quote", nil)
		return
	}
	line += t.before
	for len(t.Headings) > 0 && strings.TrimSpace(t.Headings[len(t.Headings)-1]) == "" {
		t.Headings = t.Headings[:len(t.Headings)-1] // of columns that a spreadsheet holds to be used
	}
	if len(t.Headings) > t.limits.Columns {
		t.Report.note(line, "", "", "too_many_columns", domain.Args{"columns": len(t.Headings), "max": t.limits.Columns})
		return
	}
	columns := map[string]int{}
	for i, heading := range t.Headings {
		heading = clean(heading)
		t.Headings[i] = heading
		key := keys[fold(heading)]
		if key == "" {
			t.Report.note(line, heading, "", "unknown_column", domain.Args{"expected": t.expected(known)})
			continue
		}
		if at, twice := columns[key]; twice {
			t.Report.note(line, heading, "", "duplicate_column", domain.Args{"other": t.Headings[at]})
			continue
		}
		columns[key] = i
	}
	for _, c := range known {
		if _, there := columns[c.Key]; c.Required && !there {
			t.Report.note(line, t.name(c), "", "missing_column", domain.Args{"key": c.Key})
		}
	}
	if !t.Report.Failed() {
		t.columns = columns
	}
}

// name is what a column is called in the language of the report.
func (t *Table) name(c Column) string {
	if name := c.headings()[t.Report.language]; name != "" {
		return name
	}
	return c.Key
}

func (t *Table) expected(known []Column) string {
	var names []string
	for _, c := range known {
		names = append(names, t.name(c))
	}
	return strings.Join(names, ", ")
}

// Has reports whether the file has a column.
func (t *Table) Has(key string) bool { _, has := t.columns[key]; return has }

// Rows yields every row that has as many fields as there are headings. Empty
// lines are passed over, and what is wrong with others goes to the report. It is
// to be called once.
func (t *Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		if t.columns == nil {
			return
		}
		r := csv.NewReader(bytes.NewReader(t.text))
		r.Comma, r.FieldsPerRecord, r.ReuseRecord = t.comma, -1, true
		for head := true; ; head = false {
			fields, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if broken, ok := errors.AsType[*csv.ParseError](err); ok {
				t.Report.note(broken.StartLine+t.before, "", "", "quote", nil)
				continue
			}
			if head || !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }) {
				continue
			}
			line, _ := r.FieldPos(0)
			line += t.before
			for len(fields) > len(t.Headings) && strings.TrimSpace(fields[len(fields)-1]) == "" {
				fields = fields[:len(fields)-1]
			}
			size := 0
			for _, f := range fields {
				size += len(f)
			}
			t.Report.Rows++
			switch {
			case size > t.limits.RowBytes:
				t.Report.note(line, "", "", "row_too_long", domain.Args{"max": t.limits.RowBytes})
			case len(fields) != len(t.Headings):
				t.Report.note(line, "", strings.Join(fields, string(t.comma)), "field_count", domain.Args{"fields": len(fields), "columns": len(t.Headings)})
			case !yield(Row{line, fields, t, t.Report.count()}):
				return
			}
		}
	}
}

// fold makes headings and words comparable: no case, accents or punctuation.
func fold(s string) string {
	s = strings.ToLower(norm.NFKD.String(strings.NewReplacer("°", "o", "ß", "ss", "&", "et").Replace(s)))
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// clean puts a text in one normal form, on one line, without spaces around; and
// takes off the apostrophe that guards a spreadsheet against a formula.
func clean(s string) string {
	s = strings.Join(strings.Fields(norm.NFC.String(s)), " ")
	if len(s) > 1 && s[0] == '\'' && strings.ContainsRune("=+-@", rune(s[1])) {
		return s[1:]
	}
	return s
}
