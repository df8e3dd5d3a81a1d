package catalogue

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// style is how a language writes numbers and days. Its locale is that of
// Belgium where the language is spoken there, as the CLDR has it.
type style struct {
	money          *currency.Formatter
	group, decimal string
	percent        string // between a number and its sign
	months         [12]string
	date           string    // of {day}, {month} and {year}
	short          string    // of dd, mm and yyyy
	at             [2]string // before and after the hour
	yes, no        string
}

var styles = map[domain.Language]style{
	domain.French: {
		money: currency.NewFormatter(currency.NewLocale("fr-BE")), group: "\u202f", decimal: ",", percent: "\u202f%",
		months: [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		date:   "{day} {month} {year}", short: "dd/mm/yyyy", at: [2]string{" à ", ""}, yes: "oui", no: "non",
	},
	domain.Dutch: {
		money: currency.NewFormatter(currency.NewLocale("nl-BE")), group: ".", decimal: ",", percent: "%",
		months: [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
		date:   "{day} {month} {year}", short: "dd/mm/yyyy", at: [2]string{" om ", ""}, yes: "ja", no: "nee",
	},
	domain.English: {
		money: currency.NewFormatter(currency.NewLocale("en")), group: ",", decimal: ".", percent: "%",
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		date:   "{day} {month} {year}", short: "dd/mm/yyyy", at: [2]string{" at ", ""}, yes: "yes", no: "no",
	},
	domain.German: {
		money: currency.NewFormatter(currency.NewLocale("de")), group: ".", decimal: ",", percent: "\u00a0%",
		months: [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		date:   "{day}. {month} {year}", short: "dd.mm.yyyy", at: [2]string{" um ", " Uhr"}, yes: "ja", no: "nein",
	},
}

// Money writes an amount with its currency, like "1 234,50 €" in French, where
// the spaces are narrow and do not break.
func Money(lang domain.Language, m money.Money) string {
	amount, err := currency.NewAmount(m.Decimal().String(), string(m.Currency()))
	if err != nil { // no currency, or one that is not of the CLDR
		return strings.TrimSpace(Amount(lang, m) + "\u00a0" + string(m.Currency()))
	}
	return styles[or(lang)].money.Format(amount)
}

// Amount writes an amount without its currency, for columns that name it once.
func Amount(lang domain.Language, m money.Money) string {
	return number(lang, m.Decimal().StringFixed(m.Currency().Digits()))
}

// Number writes a number with the decimals it has.
func Number(lang domain.Language, n decimal.Decimal) string { return number(lang, n.String()) }

// Percent writes a rate, like 0.21, in hundredths.
func Percent(lang domain.Language, rate decimal.Decimal) string {
	return Number(lang, rate.Shift(2)) + styles[or(lang)].percent
}

// Integer writes a whole number, in groups of three digits.
func Integer(lang domain.Language, n int64) string { return number(lang, strconv.FormatInt(n, 10)) }

// number writes a number like "-1234.5" as a language does.
func number(lang domain.Language, plain string) string {
	s := styles[or(lang)]
	digits, negative := strings.CutPrefix(plain, "-")
	whole, decimals, fraction := strings.Cut(digits, ".")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(s.group)
		}
		b.WriteRune(digit)
	}
	if fraction {
		b.WriteString(s.decimal + decimals)
	}
	return b.String()
}

// Date writes a day in words, like "1er mai 2026", or nothing for no day.
func Date(lang domain.Language, d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	s, day := styles[or(lang)], strconv.Itoa(d.Day())
	if lang == domain.French && d.Day() == 1 {
		day = "1er"
	}
	return strings.NewReplacer("{day}", day, "{month}", s.months[d.Month().Month()-1], "{year}", strconv.Itoa(d.Year())).Replace(s.date)
}

// ShortDate writes a day in digits, day first, or nothing for no day.
func ShortDate(lang domain.Language, d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	iso := d.String()
	return strings.NewReplacer("dd", iso[8:], "mm", iso[5:7], "yyyy", iso[:4]).Replace(styles[or(lang)].short)
}

// Month writes a month in words, like "mai 2026".
func Month(lang domain.Language, m calendar.Month) string {
	if m.IsZero() {
		return ""
	}
	return styles[or(lang)].months[m.Month()-1] + " " + strconv.Itoa(m.Year())
}

// Instant writes the day, the hour and the time zone of t's own location.
func Instant(lang domain.Language, t time.Time) string {
	at := styles[or(lang)].at
	return Date(lang, calendar.Of(t)) + at[0] + t.Format("15:04") + at[1] + t.Format(" MST")
}

// Size writes an amount of storage in gigabytes, like "7,5 GB" ("Go" in French).
func Size(lang domain.Language, b domain.Bytes) string {
	unit := "\u00a0GB"
	if or(lang) == domain.French {
		unit = "\u00a0Go"
	}
	return Number(lang, decimal.NewFromInt(int64(b)).DivRound(decimal.NewFromInt(int64(domain.GB)), 3)) + unit
}

// word is a word that is translated where it can be.
type word string

// Valid makes it one of those types of which [value] knows that.
func (word) Valid() bool { return true }

// value writes an argument. Numbers of up to four digits are not grouped: they
// may be years.
func value(lang domain.Language, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case money.Money:
		return Money(lang, v)
	case calendar.Date:
		return Date(lang, v)
	case calendar.Month:
		return Month(lang, v)
	case calendar.Period:
		return strings.Trim(Date(lang, v.From)+" – "+Date(lang, v.Through), " –")
	case time.Time:
		return Instant(lang, v)
	case decimal.Decimal:
		return Number(lang, v)
	case domain.Bytes:
		return Size(lang, v)
	case domain.MemberNumber:
		return strconv.FormatInt(int64(v), 10)
	case map[domain.Language]string:
		if text, ok := v[lang]; ok || len(v) == 0 {
			return text
		}
		return v[slices.Sorted(maps.Keys(v))[0]]
	case bool:
		if v {
			return styles[lang].yes
		}
		return styles[lang].no
	case error, fmt.Stringer:
		return fmt.Sprint(v)
	case interface{ Valid() bool }: // one of a list, not any text: an id may look like a word
		text := fmt.Sprint(v)
		return Text(lang, "words."+text, nil, text)
	}
	if n, whole := integer(v); whole {
		if -10_000 < n && n < 10_000 {
			return strconv.FormatInt(n, 10)
		}
		return Integer(lang, n)
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
		items := make([]string, list.Len())
		for i := range items {
			items[i] = value(lang, list.Index(i).Interface())
		}
		return strings.Join(items, ", ")
	}
	return fmt.Sprint(v)
}

// integer returns the whole number that v is, of whatever type.
func integer(v any) (n int64, whole bool) {
	switch r := reflect.ValueOf(v); {
	case !r.IsValid():
		return 0, false
	case r.CanInt():
		return r.Int(), true
	case r.CanUint():
		return int64(r.Uint()), true
	}
	if d, ok := v.(decimal.Decimal); ok && d.IsInteger() {
		return d.IntPart(), true
	}
	return 0, false
}
