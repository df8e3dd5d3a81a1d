package calendar_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain/calendar"
)

func ExampleDate_AddMonths() {
	anchor := calendar.On(2027, time.January, 31)
	fmt.Println(anchor.AddMonths(1), anchor.AddMonths(2), anchor.AddMonths(-2))
	// Output: 2027-02-28 2027-03-31 2026-11-30
}

var dates = rapid.Custom(func(t *rapid.T) calendar.Date {
	return calendar.On(1900, time.January, 1).AddDays(rapid.IntRange(0, 100_000).Draw(t, "days"))
})

func TestDaysCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, n := dates.Draw(t, "date"), rapid.IntRange(-1000, 1000).Draw(t, "n")
		e := d.AddDays(n)
		if d.DaysUntil(e) != n || (e.Compare(d) > 0) != (n > 0) || (e == d) != (n == 0) {
			t.Errorf("%v and %d days: %v", d, n, e)
		}
		if back, err := calendar.ParseDate(e.String()); back != e || err != nil {
			t.Errorf("%v reads back as %v, %v", e, back, err)
		}
		m := e.Month()
		if !m.Period().Contains(e) || m.Period().Days() != m.Days() || m.Add(1).First() != m.Last().AddDays(1) {
			t.Errorf("month %v of %v", m, e)
		}
		if back, err := calendar.ParseMonth(m.String()); back != m || err != nil {
			t.Errorf("%v reads back as %v, %v", m, back, err)
		}
	})
}

func TestOverlapIsWhatBothContain(t *testing.T) {
	end := func(t *rapid.T, from calendar.Date, name string) calendar.Date {
		if rapid.Bool().Draw(t, name) {
			return calendar.Date{}
		}
		return from.AddDays(rapid.IntRange(0, 60).Draw(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		day := calendar.On(2026, time.May, 1)
		p := calendar.Period{From: day.AddDays(rapid.IntRange(0, 60).Draw(t, "p"))}
		q := calendar.Period{From: day.AddDays(rapid.IntRange(0, 60).Draw(t, "q"))}
		p.Through, q.Through = end(t, p.From, "p ends"), end(t, q.From, "q ends")
		common, any := p.Overlap(q)
		for i := range 200 {
			d := day.AddDays(i - 20)
			if both := p.Contains(d) && q.Contains(d); both != (any && common.Contains(d)) {
				t.Fatalf("%v and %v on %v: %t, but overlap %v, %t", p, q, d, both, common, any)
			}
		}
	})
}

func TestNoDay(t *testing.T) {
	var d calendar.Date
	if err := d.UnmarshalText(nil); err != nil || !d.IsZero() || d.String() != "" || !d.Before(calendar.On(1, 1, 1)) {
		t.Errorf("no day: %q, %v", d, err)
	}
	for _, s := range []string{"2026-02-30", "26-05-01", "2026-5-1", "01/05/2026"} {
		if d, err := calendar.ParseDate(s); err == nil {
			t.Errorf("%q was read as %v", s, d)
		}
	}
}
