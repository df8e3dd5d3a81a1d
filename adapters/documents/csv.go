package documents

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

func writeCSV(w io.Writer, t Table, excel bool) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180, section 2
	if excel {
		out.Comma = ';'
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	fields := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		fields[i] = guard(c.title())
	}
	if err := out.Write(fields); err != nil {
		return err
	}
	for row, err := range t.rows() {
		if err != nil {
			return err
		}
		for i, v := range row {
			fields[i] = plain(v, t.Columns[i].Currency)
			if _, text := v.(string); text {
				fields[i] = guard(fields[i])
			} else if excel && t.Columns[i].Kind != Instant {
				fields[i] = strings.Replace(fields[i], ".", ",", 1)
			}
		}
		if err := out.Write(fields); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// plain writes a value as programs do, with the currency unless the column says it.
func plain(v any, said money.Currency) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case decimal.Decimal:
		return v.String()
	case money.Money:
		if said != "" {
			return v.Decimal().StringFixed(said.Digits())
		}
		return v.String()
	case calendar.Date:
		return v.String()
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return ""
}

// writeJSON writes one table as an object, several as an array of objects.
func writeJSON(w io.Writer, tables []Table) error {
	out := &jsonWriter{w: w}
	if len(tables) > 1 {
		out.raw("[")
	}
	for i, t := range tables {
		if i > 0 {
			out.raw(",\n")
		}
		out.raw(`{"title":`)
		out.value(t.Title)
		if len(t.Notes) > 0 {
			out.raw(`,"notes":`)
			out.value(t.Notes)
		}
		if !t.Made.IsZero() {
			out.raw(`,"made":`)
			out.value(plain(t.Made, ""))
		}
		out.raw(`,"rows":[`)
		separator := "\n"
		for row, err := range t.rows() {
			if err != nil {
				return err
			}
			out.raw(separator)
			out.row(t.Columns, row)
			separator = ",\n"
			if out.err != nil {
				return out.err
			}
		}
		out.raw("]}")
	}
	if len(tables) > 1 {
		out.raw("]")
	}
	out.raw("\n")
	return out.err
}

type jsonWriter struct {
	w   io.Writer
	err error
}

func (j *jsonWriter) raw(s string) {
	if j.err == nil {
		_, j.err = io.WriteString(j.w, s)
	}
}

func (j *jsonWriter) value(v any) {
	data, err := json.Marshal(v)
	if j.err == nil {
		j.err = err
	}
	j.raw(string(data))
}

func (j *jsonWriter) row(columns []Column, row []any) {
	separator := "{"
	for i, c := range columns {
		j.raw(separator)
		j.value(c.Key)
		j.raw(":")
		switch v := row[i].(type) {
		case int64:
			j.raw(strconv.FormatInt(v, 10))
		case nil:
			j.raw("null")
		default: // decimals too are text, lest a program reads them as floats
			j.value(plain(v, ""))
		}
		separator = ","
	}
	j.raw("}")
}
