package csvfile

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// A Problem is what is wrong with a file, and what to do about it, in the words
// of whoever sent it.
type Problem struct {
	Line    int    `json:"line,omitzero"`    // from 1, as a text editor counts; 0 if with the whole file
	Column  string `json:"column,omitempty"` // its heading
	Value   string `json:"value,omitempty"`  // as it stands in the file
	Problem string `json:"problem"`
	Do      string `json:"do"`
}

// A Report is what reading a file has found.
type Report struct {
	Rows     int       `json:"rows"` // that are not empty, the heading aside
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitzero"` // problems that are not listed

	language domain.Language
	limit    int
}

// Failed reports whether there is any problem.
func (r *Report) Failed() bool { return len(r.Problems) > 0 }

func (r *Report) count() int { return len(r.Problems) + r.More }

func (r *Report) add(p Problem) {
	if len(r.Problems) == r.limit {
		r.More++
		return
	}
	p.Column, p.Value = printable(p.Column), printable(p.Value)
	r.Problems = append(r.Problems, p)
}

// Refuse adds that a rule does not let a line in, for what stands in a column, which
// may be unknown. What the refusal advises after a colon is what to do.
func (t *Table) Refuse(line int, key string, refusal domain.Refusal) {
	r := &t.Report
	problem, do, advised := strings.Cut(catalogue.Refusal(r.language, refusal), ": ")
	if _, lacks := refusal.Args["missing"]; lacks || !advised { // what is missing may stand after a colon too
		problem = catalogue.Refusal(r.language, refusal)
		do = catalogue.Text(r.language, "csvfile.refused.do", nil, "csvfile.refused.do")
	}
	column, value := key, ""
	if i, has := t.columns[key]; has {
		column, value = t.Headings[i], t.field(line, i)
	}
	r.add(Problem{Line: line, Column: column, Value: value, Problem: strings.TrimSpace(problem), Do: do})
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// field reads again what stands in a column of the row that begins on a line.
func (t *Table) field(line, column int) string {
	text := t.text
	for n := 1 + t.before; n < line; n++ {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord = t.comma, -1
	fields, err := r.Read()
	if err != nil || column >= len(fields) {
		return ""
	}
	return clean(fields[column])
}

// note adds a problem of the catalogue.
func (r *Report) note(line int, column, value, code string, args domain.Args) {
	code = "csvfile." + code
	r.add(Problem{line, column, value, catalogue.Text(r.language, code, args, code), catalogue.Text(r.language, code+".do", args, code)})
}

// Write prints the problems as a table for people, in the language of the report.
func (r *Report) Write(w io.Writer) error {
	if !r.Failed() {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var headings []any
	for _, code := range []string{"line", "column", "value", "problem", "do"} {
		headings = append(headings, catalogue.Word(r.language, "columns."+code))
	}
	const format = "%s\t%s\t%s\t%s\t%s\n"
	fmt.Fprintf(table, format, headings...)
	for _, p := range r.Problems {
		line := ""
		if p.Line > 0 {
			line = strconv.Itoa(p.Line)
		}
		fmt.Fprintf(table, format, line, short(p.Column), short(p.Value), p.Problem, p.Do)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.More > 0 {
		_, err := fmt.Fprintln(w, catalogue.Text(r.language, "csvfile.more", domain.Args{"count": r.More}, ""))
		return err
	}
	return nil
}

// printable keeps a terminal from obeying what a file says.
func printable(s string) string {
	const longest = 200
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest-1]) + "…"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func short(s string) string {
	const longest = 32
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return s
}
