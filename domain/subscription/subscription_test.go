package subscription

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/spec"
)

var (
	terms   = Terms{PriceList: 1, LeastGB: 5, MostGB: 1000}
	april20 = on(time.April, 20)
	may1    = on(time.May, 1)
	may10   = on(time.May, 10)
	may20   = on(time.May, 20)
	may31   = on(time.May, 31)
	june1   = on(time.June, 1)
	may     = calendar.In(2026, time.May)
	started = Started{"s1", "anna", "bert", "nubo", 10, terms, april20, may1}
	larger  = QuotaChanged{"s1", "anna", 20, may1, may10}
	ends    = Cancelled{"s1", "anna", may10, may20}
	unpaid  = Suspended{"s1", "anna", Unpaid, may10}
	paid    = Resumed{"s1", "anna", may20}
)

func on(m time.Month, day int) calendar.Date { return calendar.On(2026, m, day) }

type story = spec.Story[domain.Command[Subscription]]

func TestSubscribe(t *testing.T) {
	with := func(change func(*Subscribe)) Subscribe {
		c := Subscribe(started)
		change(&c)
		return c
	}
	incomplete := func(rule string, change func(*Subscribe)) story {
		return story{Rule: rule, When: with(change), Refused: ErrIncomplete}
	}
	spec.Check(t, []story{
		{Rule: "somebody subscribes, and somebody else pays", When: Subscribe(started), Then: spec.Events{started}},
		{Rule: "what was begun is not begun otherwise", Given: spec.Events{started}, When: with(func(c *Subscribe) { c.GB = 20 }), Refused: ErrStarted},
		{Rule: "what has changed since was begun all the same", Given: spec.Events{started, larger, ends}, When: Subscribe(started)},
		{Rule: "nothing begins before it is asked for", When: with(func(c *Subscribe) { c.From = april20.AddDays(-1) }), Refused: ErrBackdated},
		{Rule: "it may begin at once", When: with(func(c *Subscribe) { c.From = april20 }), Then: spec.Events{Started(with(func(c *Subscribe) { c.From = april20 }))}},
		{Rule: "it is not smaller than the plan", When: with(func(c *Subscribe) { c.GB = 4 }), Refused: ErrSize},
		{Rule: "it is not larger than the plan", When: with(func(c *Subscribe) { c.GB = 1001 }), Refused: ErrSize},
		incomplete("it has an id", func(c *Subscribe) { c.Subscription = "" }),
		incomplete("somebody uses it", func(c *Subscribe) { c.Party = "" }),
		incomplete("somebody pays it", func(c *Subscribe) { c.Payer = "" }),
		incomplete("it is to a plan", func(c *Subscribe) { c.Plan = "" }),
		incomplete("it is on terms", func(c *Subscribe) { c.Terms = Terms{} }),
		incomplete("it is asked for on a day", func(c *Subscribe) { c.On = calendar.Date{} }),
	})
}

func TestChange(t *testing.T) {
	spec.Check(t, []story{
		{Rule: "the size changes from a day on", Given: spec.Events{started}, When: ChangeQuota{"s1", 20, may1, may10}, Then: spec.Events{larger}},
		{Rule: "a size that holds already is no change", Given: spec.Events{started}, When: ChangeQuota{"s1", 10, may1, may10}},
		{
			Rule: "a change replaces what was planned for later", Given: spec.Events{started, larger},
			When: ChangeQuota{"s1", 10, may1, may1}, Then: spec.Events{QuotaChanged{"s1", "anna", 10, may1, may1}},
		},
		{
			Rule: "a change may come after one that is planned", Given: spec.Events{started, larger},
			When: ChangeQuota{"s1", 30, may1, may20}, Then: spec.Events{QuotaChanged{"s1", "anna", 30, may1, may20}},
		},
		{Rule: "nothing changes in hindsight", Given: spec.Events{started}, When: ChangeQuota{"s1", 20, may20, may10}, Refused: ErrBackdated},
		{Rule: "nothing changes before it begins", Given: spec.Events{started}, When: ChangeQuota{"s1", 20, april20, april20}, Refused: ErrBackdated},
		{Rule: "nothing changes after it ends", Given: spec.Events{started, ends}, When: ChangeQuota{"s1", 20, may10, june1}, Refused: ErrEnded},
		{Rule: "it does not shrink below the plan", Given: spec.Events{started}, When: ChangeQuota{"s1", 4, may1, may10}, Refused: ErrSize},
		{Rule: "it does not grow beyond the plan", Given: spec.Events{started}, When: ChangeQuota{"s1", 1001, may1, may10}, Refused: ErrSize},
		{Rule: "a change is asked for on a day", Given: spec.Events{started}, When: ChangeQuota{Subscription: "s1", GB: 20, From: may10}, Refused: ErrBackdated},
		{Rule: "what was never begun does not change", When: ChangeQuota{"s1", 20, may1, may10}, Refused: ErrUnknown},
	})
}

func TestCancel(t *testing.T) {
	spec.Check(t, []story{
		{Rule: "it is cancelled for a day", Given: spec.Events{started}, When: Cancel{"s1", may10, may20}, Then: spec.Events{ends}},
		{Rule: "it may end the same day", Given: spec.Events{started}, When: Cancel{"s1", may10, may10}, Then: spec.Events{Cancelled{"s1", "anna", may10, may10}}},
		{Rule: "it may end before it begins", Given: spec.Events{started}, When: Cancel{"s1", april20, april20}, Then: spec.Events{Cancelled{"s1", "anna", april20, april20}}},
		{Rule: "it may end sooner than said before", Given: spec.Events{started, ends}, When: Cancel{"s1", may10, may10}, Then: spec.Events{Cancelled{"s1", "anna", may10, may10}}},
		{Rule: "who stays longer than said subscribes again", Given: spec.Events{started, ends}, When: Cancel{"s1", may10, may31}, Refused: ErrEnded},
		{Rule: "nothing ends in hindsight", Given: spec.Events{started}, When: Cancel{"s1", may20, may10}, Refused: ErrBackdated},
		{Rule: "it ends on a day", Given: spec.Events{started}, When: Cancel{Subscription: "s1", On: may10}, Refused: ErrBackdated},
		{Rule: "it is cancelled on a day", Given: spec.Events{started}, When: Cancel{Subscription: "s1", Ends: may10}, Refused: ErrBackdated},
		{Rule: "what was never begun does not end", When: Cancel{"s1", may10, may20}, Refused: ErrUnknown},
	})
}

func TestSuspend(t *testing.T) {
	again := Suspended{"s1", "anna", Request, may20}
	spec.Check(t, []story{
		{Rule: "the service is withheld while bills are unpaid", Given: spec.Events{started}, When: Suspend{"s1", Unpaid, may10}, Then: spec.Events{unpaid}},
		{Rule: "what is withheld is not withheld again", Given: spec.Events{started, unpaid}, When: Suspend{"s1", Abuse, may20}},
		{Rule: "a suspension that is over is not repeated", Given: spec.Events{started, unpaid, paid}, When: Suspend{"s1", Unpaid, may10}},
		{Rule: "it may be withheld anew", Given: spec.Events{started, unpaid, paid}, When: Suspend{"s1", Request, may20}, Then: spec.Events{again}},
		{Rule: "it is not withheld in hindsight", Given: spec.Events{started, unpaid, paid}, When: Suspend{"s1", Unpaid, may10.AddDays(1)}, Refused: ErrBackdated},
		{Rule: "what has not begun is not withheld", Given: spec.Events{started}, When: Suspend{"s1", Unpaid, april20}, Refused: ErrBackdated},
		{Rule: "what has ended is not withheld", Given: spec.Events{started, ends}, When: Suspend{"s1", Unpaid, may31}, Refused: ErrEnded},
		{Rule: "it is withheld for a reason", Given: spec.Events{started}, When: Suspend{"s1", "whim", may10}, Refused: ErrNoReason},
		{Rule: "what was never begun is not withheld", When: Suspend{"s1", Unpaid, may10}, Refused: ErrUnknown},
		{Rule: "the service is given back", Given: spec.Events{started, unpaid}, When: Resume{"s1", may20}, Then: spec.Events{paid}},
		{Rule: "it may be given back at once", Given: spec.Events{started, unpaid}, When: Resume{"s1", may10}, Then: spec.Events{Resumed{"s1", "anna", may10}}},
		{Rule: "what is not withheld need not be given back", Given: spec.Events{started}, When: Resume{"s1", may20}},
		{Rule: "it is not given back before it was withheld", Given: spec.Events{started, unpaid}, When: Resume{"s1", may1}, Refused: ErrBackdated},
		{Rule: "what has ended is not given back", Given: spec.Events{started, unpaid, ends}, When: Resume{"s1", may31}, Refused: ErrEnded},
		{Rule: "what was never begun is not given back", When: Resume{"s1", may20}, Refused: ErrUnknown},
	})
}

func fold(events ...event) (s Subscription) {
	for _, e := range events {
		s = e.Evolve(s)
	}
	return s
}

func TestStatus(t *testing.T) {
	s := fold(started, larger, unpaid, paid, Cancelled{"s1", "anna", may20, may31})
	for _, tt := range []struct {
		on     calendar.Date
		status Status
		gb     int
	}{
		{april20, StatusPending, 10},
		{may1, StatusActive, 10},
		{may10, StatusSuspended, 20},
		{may20.AddDays(-1), StatusSuspended, 20},
		{may20, StatusActive, 20},
		{may31, StatusActive, 20},
		{june1, StatusEnded, 20},
	} {
		if got := s.Status(tt.on); got != tt.status || s.GB(tt.on) != tt.gb {
			t.Errorf("on %v it is %s and %d GB, want %+v", tt.on, got, s.GB(tt.on), tt)
		}
	}
	if got, ok := s.Started(); !ok || got != started || s.Ends() != may31 || s.Period() != (calendar.Period{From: may1, Through: may31}) {
		t.Errorf("%+v, %v", got, s.Period())
	}
	if _, ok := (Subscription{}).Started(); ok {
		t.Error("nothing has begun")
	}
}

func TestSegments(t *testing.T) {
	days := func(from, through, gb int) Segment {
		return Segment{calendar.Period{From: on(time.May, from), Through: on(time.May, through)}, "nubo", gb}
	}
	for _, tt := range []struct {
		name   string
		events []event
		want   []Segment
	}{
		{"never begun", nil, nil},
		{"all month", []event{started}, []Segment{days(1, 31, 10)}},
		{"from the middle on", []event{Started{"s1", "anna", "anna", "nubo", 10, terms, may10, may10}}, []Segment{days(10, 31, 10)}},
		{"larger from the tenth", []event{started, larger}, []Segment{days(1, 9, 10), days(10, 31, 20)}},
		{"larger and smaller", []event{started, larger, QuotaChanged{"s1", "anna", 5, may10, may20}}, []Segment{days(1, 9, 10), days(10, 19, 20), days(20, 31, 5)}},
		{"to the same size and no other", []event{started, QuotaChanged{"s1", "anna", 10, may1, may10}}, []Segment{days(1, 31, 10)}},
		{"without the days withheld", []event{started, unpaid, paid}, []Segment{days(1, 9, 10), days(20, 31, 10)}},
		{"withheld to the end", []event{started, unpaid}, []Segment{days(1, 9, 10)}},
		{"given back at once", []event{started, unpaid, Resumed{"s1", "anna", may10}}, []Segment{days(1, 31, 10)}},
		{"up to the last day", []event{started, ends}, []Segment{days(1, 20, 10)}},
		{"cancelled before it began", []event{started, Cancelled{"s1", "anna", april20, april20}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := fold(tt.events...).Segments(may)
			if len(got) != len(tt.want) {
				t.Fatalf("%v, want %v", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("%v, want %v", got[i], tt.want[i])
				}
			}
		})
	}
	if got := fold(started, ends).Segments(may.Add(1)); got != nil {
		t.Errorf("after the end: %v", got)
	}
}

// TestSegmentsCoverWhatRan holds segments to what the state says of each day,
// whatever was asked for and refused before.
func TestSegmentsCoverWhatRan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := func(name string) calendar.Date { return may1.AddDays(rapid.IntRange(0, 60).Draw(t, name)) }
		s := fold(started)
		for range rapid.IntRange(0, 8).Draw(t, "commands") {
			on := day("on")
			cmd := rapid.SampledFrom([]domain.Command[Subscription]{
				ChangeQuota{"s1", rapid.IntRange(5, 9).Draw(t, "gb"), on, on.AddDays(rapid.IntRange(0, 20).Draw(t, "later"))},
				Suspend{"s1", Unpaid, on},
				Resume{"s1", on},
				Cancel{"s1", on, on.AddDays(20)},
			}).Draw(t, "command")
			events, _ := cmd.Decide(s)
			for _, e := range events {
				s = e.Evolve(s)
			}
		}
		for n := range 3 {
			m := may.Add(n)
			segments := s.Segments(m)
			for d := m.First(); !d.After(m.Last()); d = d.AddDays(1) {
				covered := 0
				for _, segment := range segments {
					if segment.Period.Contains(d) {
						covered++
						if segment.GB != s.GB(d) {
							t.Errorf("%v: %d GB, want %d", d, segment.GB, s.GB(d))
						}
					}
				}
				if runs := s.Status(d) == StatusActive; covered > 1 || runs != (covered == 1) {
					t.Errorf("%v: it is %s and %d segments cover it", d, s.Status(d), covered)
				}
			}
		}
	})
}
