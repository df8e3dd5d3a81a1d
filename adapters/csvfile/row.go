package csvfile

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
	"golang.org/x/text/language"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// A Row is one line of the table, or more where a field in quotes has line
// breaks. It is valid until the next one. Each of its methods returns the value
// of a column by the column's key; where the file has no such column or the
// field is empty, it returns the zero value; and where the field cannot be
// understood too, having told the report.
type Row struct {
	Line   int // on which it begins, from 1, as a text editor counts
	fields []string
	table  *Table
	before int // problems of the report
}

// Sound reports whether nothing was wrong with what has been read of the row.
func (r Row) Sound() bool { return r.table.Report.count() == r.before }

// Text returns the text as it stands, on one line and without spaces around.
func (r Row) Text(key string) string {
	i, has := r.table.columns[key]
	if !has {
		return ""
	}
	text := clean(r.fields[i])
	// Marks of direction too, by which a name reads otherwise than it is written.
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		r.note(key, "control", nil)
		return ""
	}
	return text
}

// Need is Text of what may not be empty.
func (r Row) Need(key string) string {
	text := r.Text(key)
	if text == "" {
		r.note(key, "empty_value", nil)
	}
	return text
}

// Choice returns what a word stands for: words are given with their meanings, each
// of which is a word too. They are compared without regard to case, accents and
// punctuation.
func (r Row) Choice(key string, words map[string]string) string {
	text := r.Text(key)
	if text == "" {
		return ""
	}
	folded := fold(text)
	for word, meaning := range words {
		if fold(word) == folded || fold(meaning) == folded {
			return meaning
		}
	}
	r.note(key, "choice", domain.Args{"words": slices.Compact(slices.Sorted(maps.Values(words)))})
	return ""
}

// Country returns a country by its two letters of ISO 3166-1, in capitals.
func (r Row) Country(key string) string {
	text := strings.ToUpper(r.Text(key))
	if text == "" {
		return ""
	}
	if region, err := language.ParseRegion(text); err != nil || len(text) != 2 || !region.IsCountry() {
		r.note(key, "country", nil)
		return ""
	}
	return text
}

var (
	yearFirst = regexp.MustCompile(`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$`)
	dayFirst  = regexp.MustCompile(`^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$`)
	shortYear = regexp.MustCompile(`^\d{1,2}[-/.]\d{1,2}[-/.]\d{2}$`)
)

// Date returns a day, written like 2026-05-31 or with the day first, like
// 31/05/2026, 31-5-2026 or 31.05.2026. The month never comes first.
func (r Row) Date(key string) calendar.Date {
	text := r.Text(key)
	if text == "" {
		return calendar.Date{}
	}
	y, m, d := 0, 0, 0
	if p := yearFirst.FindStringSubmatch(text); p != nil {
		y, m, d = number(p[1]), number(p[2]), number(p[3])
	} else if p := dayFirst.FindStringSubmatch(text); p != nil {
		y, m, d = number(p[3]), number(p[2]), number(p[1])
	} else if shortYear.MatchString(text) {
		r.note(key, "short_year", nil)
		return calendar.Date{}
	}
	day := calendar.On(y, time.Month(m), d)
	switch {
	case y == 0:
		r.note(key, "date", nil)
	case m > 12 && d <= 12:
		r.note(key, "month_first", domain.Args{"meant": calendar.On(y, time.Month(d), m).String()})
	case m < 1 || m > 12 || d != day.Day():
		r.note(key, "no_such_day", nil)
	case y < 1800 || y > 2200:
		r.note(key, "year", domain.Args{"year": y})
	default:
		return day
	}
	return calendar.Date{}
}

func number(digits string) int { n, _ := strconv.Atoi(digits); return n }

// Integer returns a whole number.
func (r Row) Integer(key string) int64 {
	n, ok := r.number(key, r.Text(key))
	if ok && (!n.IsInteger() || n.Abs().GreaterThan(decimal.New(1, 15))) {
		r.note(key, "integer", nil)
		return 0
	}
	return n.IntPart()
}

// Number returns a number: 1234.5, or grouped like "1.234,50", "1,234.50" or
// "1 234,50". One that can be read in two ways, like 1.234, is not guessed at.
func (r Row) Number(key string) decimal.Decimal {
	n, _ := r.number(key, r.Text(key))
	return n
}

// Amount returns an amount of a currency, written like a number, with or without
// the currency's code, or the euro's sign, before or after it.
func (r Row) Amount(key string, c money.Currency) money.Money {
	text := r.Text(key)
	for _, sign := range []string{string(c), "€"} {
		if sign == "€" && c != money.EUR {
			continue
		}
		if before, ok := strings.CutPrefix(text, sign); ok {
			text = strings.TrimSpace(before)
		} else if after, ok := strings.CutSuffix(text, sign); ok {
			text = strings.TrimSpace(after)
		}
	}
	if text == "" {
		if r.Text(key) != "" {
			r.note(key, "number", nil)
		}
		return money.Money{}
	}
	n, ok := r.number(key, text)
	if !ok {
		return money.Money{}
	}
	amount, err := money.Parse(n.String() + " " + string(c))
	if err != nil {
		r.note(key, "amount", domain.Args{"currency": string(c), "digits": c.Digits()})
		return money.Money{}
	}
	return amount
}

func (r Row) number(key, text string) (n decimal.Decimal, ok bool) {
	if text == "" {
		return decimal.Decimal{}, false
	}
	plain, code := parseNumber(text)
	if code == "" {
		return decimal.RequireFromString(plain), true
	}
	args := domain.Args{}
	if code == "ambiguous" {
		args["whole"], args["fraction"] = strings.NewReplacer(".", "", ",", "").Replace(text), strings.ReplaceAll(text, ",", ".")+"0"
	}
	r.note(key, code, args)
	return decimal.Decimal{}, false
}

// grouped is digits in groups of three.
var grouped = regexp.MustCompile(`^\d{1,3}( \d{3})+$`)

// parseNumber returns a number in the form 1234.5, or the code of what is wrong.
//
// The last of two different marks is the decimal one. A mark that comes more than
// once groups. A lone mark before three digits could do either, unless no group
// can stand before it, as in 0,125 and 1234,567.
func parseNumber(text string) (plain, code string) {
	text = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "'", " ", "’", " ", "\u2212", "-").Replace(text)
	digits, negative := strings.CutPrefix(text, "-")
	digits = strings.TrimSpace(digits)
	whole, decimals := digits, ""
	dots, commas := strings.Count(digits, "."), strings.Count(digits, ",")
	if i := strings.LastIndexAny(digits, ".,"); dots > 0 && commas > 0 || dots+commas == 1 {
		if dots+commas > 1 && strings.Count(digits, digits[i:i+1]) > 1 {
			return "", "number"
		}
		whole, decimals = digits[:i], digits[i+1:]
		if decimals == "" || whole == "" {
			return "", "number"
		}
		lone := dots+commas == 1 && !strings.Contains(whole, " ")
		if lone && len(decimals) == 3 && len(whole) <= 3 && whole[0] != '0' {
			return "", "ambiguous"
		}
	}
	if strings.ContainsAny(whole, " .,") {
		if strings.Contains(whole, " ") && strings.ContainsAny(whole, ".,") {
			return "", "number"
		}
		spaced := strings.NewReplacer(".", " ", ",", " ").Replace(whole)
		if !grouped.MatchString(spaced) {
			return "", "number"
		}
		whole = strings.ReplaceAll(spaced, " ", "")
	}
	if whole == "" || strings.Trim(whole+decimals, "0123456789") != "" || len(whole)+len(decimals) > 30 {
		return "", "number"
	}
	if decimals != "" {
		whole += "." + decimals
	}
	if negative {
		whole = "-" + whole
	}
	return whole, ""
}

// Note tells the report that a value, though understood, will not do, and what
// to do about it. Both are in the report's language.
func (r Row) Note(key, problem, do string) {
	heading, value := r.at(key)
	r.table.Report.add(Problem{r.Line, heading, value, problem, do})
}

func (r Row) note(key, code string, args domain.Args) {
	heading, value := r.at(key)
	r.table.Report.note(r.Line, heading, value, code, args)
}

// at returns the heading of a column as the file has it, and the value.
func (r Row) at(key string) (heading, value string) {
	i, has := r.table.columns[key]
	if !has {
		return key, ""
	}
	return r.table.Headings[i], r.fields[i]
}
