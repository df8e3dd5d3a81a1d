// Package calendar has days and months as people mean them: no clock, no time zone.
package calendar

import (
	"fmt"
	"time"
)

// Date is a day of the Gregorian calendar. Its zero value is no day, comes
// before every other and is written as the empty text.
type Date struct {
	year  int16
	month time.Month
	day   int8
}

// On returns a day, normalised as [time.Date] does.
func On(year int, month time.Month, day int) Date {
	return Of(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// Of returns the day on which t falls, in t's own location.
func Of(t time.Time) Date {
	year, month, day := t.Date()
	return Date{int16(year), month, int8(day)}
}

// ParseDate reads a day written as ISO 8601 has it, like "2026-05-31".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("calendar: %q is not a date like 2026-05-31", s)
	}
	return Of(t), nil
}

// Midnight returns the instant at which the day begins in a location.
func (d Date) Midnight(in *time.Location) time.Time {
	return time.Date(int(d.year), d.month, int(d.day), 0, 0, 0, 0, in)
}

// IsZero reports whether it is no day.
func (d Date) IsZero() bool { return d == Date{} }

// Year returns the year.
func (d Date) Year() int { return int(d.year) }

// Day returns the day of the month, from 1.
func (d Date) Day() int { return int(d.day) }

// Month returns the month in which the day falls.
func (d Date) Month() Month { return Month{d.year, d.month} }

// Compare orders days, as [cmp.Compare] orders numbers.
func (d Date) Compare(e Date) int { return d.ordinal() - e.ordinal() }

// ordinal rises with the days, though not by one.
func (d Date) ordinal() int { return int(d.year)*512 + int(d.month)*32 + int(d.day) }

// Before reports whether d comes before e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After reports whether d comes after e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return On(int(d.year), d.month, int(d.day)+n) }

// AddMonths returns the day n months later that has the day of the month of d, the
// anchor, or the last day of a month that has no such day. What is renewed
// monthly since 31 January falls on 28 February and then on 31 March: the anchor
// stays 31 January.
func (d Date) AddMonths(n int) Date {
	m := d.Month().Add(n)
	return On(m.Year(), m.month, min(int(d.day), m.Days()))
}

// DaysUntil returns the number of days from d to e.
func (d Date) DaysUntil(e Date) int {
	return int(e.Midnight(time.UTC).Sub(d.Midnight(time.UTC)) / (24 * time.Hour))
}

func (d Date) String() string {
	switch {
	case d.IsZero():
		return ""
	case d.year < 0 || d.year > 9999:
		return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
	}
	digit := func(n int) byte { return byte('0' + n%10) }
	year, month, day := int(d.year), int(d.month), int(d.day)
	return string([]byte{
		digit(year / 1000), digit(year / 100), digit(year / 10), digit(year), '-', digit(month / 10), digit(month), '-', digit(day / 10), digit(day),
	})
}

// MarshalText writes ISO 8601, or nothing for no day.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [Date.MarshalText] writes.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d = Date{}
	if len(text) > 0 {
		*d, err = ParseDate(string(text))
	}
	return err
}

// Month is a month of a year. Its zero value is no month.
type Month struct {
	year  int16
	month time.Month
}

// In returns a month of a year, normalised as [time.Date] does.
func In(year int, month time.Month) Month { return On(year, month, 1).Month() }

// ParseMonth reads a month written like "2026-05".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return Month{}, fmt.Errorf("calendar: %q is not a month like 2026-05", s)
	}
	return Of(t).Month(), nil
}

// IsZero reports whether it is no month.
func (m Month) IsZero() bool { return m == Month{} }

// Year returns the year.
func (m Month) Year() int { return int(m.year) }

// Month returns the month of the year.
func (m Month) Month() time.Month { return m.month }

// First returns the first day.
func (m Month) First() Date { return Date{m.year, m.month, 1} }

// Last returns the last day.
func (m Month) Last() Date { return On(int(m.year), m.month+1, 0) }

// Days returns the number of days.
func (m Month) Days() int { return m.Last().Day() }

// Add returns the month n months later.
func (m Month) Add(n int) Month { return In(int(m.year), m.month+time.Month(n)) }

// Period returns the days of the month.
func (m Month) Period() Period { return Period{m.First(), m.Last()} }

// Compare orders months, as [cmp.Compare] orders numbers.
func (m Month) Compare(n Month) int { return m.First().Compare(n.First()) }

func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", m.year, m.month)
}

// MarshalText writes a month like "2026-05", or nothing for no month.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what [Month.MarshalText] writes.
func (m *Month) UnmarshalText(text []byte) (err error) {
	*m = Month{}
	if len(text) > 0 {
		*m, err = ParseMonth(string(text))
	}
	return err
}

// Period is every day from one to another, both included. Where Through is no
// day, it has no end; the zero value is all days.
type Period struct {
	From    Date `json:"from,omitzero"`
	Through Date `json:"through,omitzero"`
}

// Contains reports whether d falls within p.
func (p Period) Contains(d Date) bool {
	return !d.Before(p.From) && (p.Through.IsZero() || !d.After(p.Through))
}

// Overlap returns the days that p and q have in common, and whether there are any.
func (p Period) Overlap(q Period) (common Period, any bool) {
	common = p
	if q.From.After(p.From) {
		common.From = q.From
	}
	if !q.Through.IsZero() && (p.Through.IsZero() || q.Through.Before(p.Through)) {
		common.Through = q.Through
	}
	return common, common.Through.IsZero() || !common.Through.Before(common.From)
}

// Days returns the number of days of a period that has an end.
func (p Period) Days() int { return p.From.DaysUntil(p.Through) + 1 }

func (p Period) String() string { return p.From.String() + "/" + p.Through.String() }
