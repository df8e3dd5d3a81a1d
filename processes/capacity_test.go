package processes_test

import (
	"errors"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestATargetOfOthersIsNotForgotten: whoever has settings without it may be wrong, and
// another node works with it.
func TestATargetOfOthersIsNotForgotten(t *testing.T) {
	c := found(t)
	s := c.node()
	r := reconciler(c, s)
	forget := func(want domain.Refusal) {
		t.Helper()
		if n, err := r.Forget(as(t.Context()), "mail", "it is gone"); n != 0 || !errors.Is(err, want) {
			t.Errorf("%d, %v", n, err)
		}
	}
	seen := func(at time.Time) {
		t.Helper()
		err := eventstore.Update(t.Context(), s.Log.KV(), "crew/other", func(eventstore.Entry) ([]byte, error) {
			return []byte(`{"runs": ["tally", "provisioning-mail"], "at": "` + at.UTC().Format(time.RFC3339) + `"}`), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen(time.Now())
	forget(processes.ErrTargetThere)
	seen(time.Now().Add(-time.Hour))
	forget(processes.ErrNoSuchTarget)
}

// TestForecast: a line through what was used says when there is no room any more.
func TestForecast(t *testing.T) {
	first, gb := calendar.On(2026, time.November, 1), domain.GB
	grown := func(n int, used func(day int) domain.Bytes) (days []processes.UsageTotal) {
		for i := range n {
			days = append(days, processes.UsageTotal{On: first.AddDays(i), Used: used(i)})
		}
		return days
	}
	by := func(gbs domain.Bytes) func(int) domain.Bytes {
		return func(i int) domain.Bytes { return 100*gb + domain.Bytes(i)*gbs*gb }
	}
	for _, tt := range []struct {
		name   string
		days   []processes.UsageTotal
		bytes  domain.Bytes
		growth domain.Bytes
		full   calendar.Date
		known  bool
	}{
		{"of nothing", nil, gb, 0, calendar.Date{}, false},
		{"of less than two weeks", grown(14, by(1)), 1000 * gb, 0, calendar.Date{}, false},
		{"of two weeks", grown(15, by(1)), 200 * gb, gb, first.AddDays(100), true},
		{"at twice the speed, in half the time", grown(31, by(2)), 260 * gb, 2 * gb, first.AddDays(80), true},
		{"what was long ago does not count", append(grown(30, by(0)), func() (late []processes.UsageTotal) {
			for i := range 30 {
				late = append(late, processes.UsageTotal{On: first.AddDays(200 + i), Used: (100 + domain.Bytes(i)) * gb})
			}
			return late
		}()...), 229 * gb, gb, first.AddDays(229 + 100), true},
		{"it does not grow", grown(30, by(0)), 200 * gb, 0, calendar.Date{}, true},
		{"it shrinks", grown(30, func(i int) domain.Bytes { return 100*gb - domain.Bytes(i)*gb }), 200 * gb, -gb, calendar.Date{}, true},
		{"not within ten years", grown(30, by(1)), 100_000 * gb, gb, calendar.Date{}, true},
		{"full already", grown(30, by(1)), 110 * gb, gb, first.AddDays(29), true},
		{"where bytes are not counted", grown(30, by(1)), 0, gb, calendar.Date{}, true},
		{"a few days far apart", []processes.UsageTotal{{On: first, Used: gb}, {On: first.AddDays(30), Used: 2 * gb}}, 3 * gb, 0, calendar.Date{}, false},
	} {
		growth, full, known := processes.Forecast(tt.days, tt.bytes)
		if growth != tt.growth || full != tt.full || known != tt.known {
			t.Errorf("%s: %d a day, full on %v, %v; want %d, %v, %v", tt.name, growth, full, known, tt.growth, tt.full, tt.known)
		}
	}
}
