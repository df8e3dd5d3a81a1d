package offering

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/spec"
)

var (
	jan1  = calendar.On(2026, time.January, 1)
	july1 = calendar.On(2026, time.July, 1)
	june  = calendar.In(2026, time.June)
	nubo  = must(Preset("nubo"))
	dear  = dearer(nubo)
	first = Published{1, jan1, jan1, nubo}
	raise = VATRateSet{jan1, VATRate{july1, decimal.New(22, 0)}}
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func dearer(l PriceList) PriceList {
	l.Plans = append([]Plan(nil), l.Plans...)
	l.Plans[0].Price = decimal.New(3, 0)
	return l
}

func taxed(l PriceList, rate VATRate) PriceList {
	l.VAT = append(slices.Clone(l.VAT), rate)
	return l
}

// extended is a list with everything that lists may have.
func extended(l PriceList) PriceList {
	more := domain.Text{FR: "{gb} Go de plus", NL: "{gb} GB extra", EN: "{gb} GB more", DE: "{gb} GB mehr"}
	l.AddOns = []AddOn{{Service: domain.Storage, Name: more, PerGB: decimal.New(155, -3)}}
	l.Members = []MemberGrant{{Service: domain.Mail, GB: 1}, {Service: domain.Calendar}}
	l.GraceDays = 60
	return l
}

func TestAddOns(t *testing.T) {
	l := extended(nubo)
	days := func(from, through int) calendar.Period {
		return calendar.Period{From: calendar.On(2026, time.June, from), Through: calendar.On(2026, time.June, through)}
	}
	for _, tt := range []struct {
		proration Proration
		used      []calendar.Period
		want      string
	}{
		{WholeMonth, []calendar.Period{days(10, 12), days(20, 21)}, "[3.10 EUR]"},
		{ByDay, []calendar.Period{days(1, 15), days(20, 20)}, "[1.55 EUR 0.10 EUR]"},
		{ByDay, []calendar.Period{{From: july1, Through: july1}}, "[]"},
	} {
		l.Proration = tt.proration
		charges, err := l.AddOnCharges(june, domain.Storage, 20, tt.used)
		amounts := []money.Money{}
		for _, c := range charges {
			amounts = append(amounts, c.Amount)
			if text := l.Describe(c, domain.German); text != "20 GB mehr" || c.Kind != ChargeAddOn {
				t.Errorf("%+v says %q", c, text)
			}
		}
		if got := fmt.Sprint(amounts); err != nil || got != tt.want {
			t.Errorf("%s, %v: %s, %v; want %s", tt.proration, tt.used, got, err, tt.want)
		}
	}
	if _, err := l.AddOnCharges(june, domain.Mail, 1, []calendar.Period{days(1, 2)}); !errors.Is(err, ErrNoAddOn) {
		t.Errorf("of what is not offered: %v", err)
	}
	if _, err := l.OfferAddOn(domain.Storage); err != nil {
		t.Error(err)
	}
	l.AddOns[0].Closed = true
	if _, err := l.OfferAddOn(domain.Storage); !errors.Is(err, ErrNoAddOn) {
		t.Errorf("one that is closed: %v", err)
	}
	if l.Grace() != 60 || nubo.Grace() != 30 {
		t.Errorf("the grace is of %d and %d days", l.Grace(), nubo.Grace())
	}
}

func TestOffering(t *testing.T) {
	invalid := nubo
	invalid.Plans = nil
	renamed := dearer(nubo)
	renamed.Plans[0].ID = "gold"
	spec.Check(t, []spec.Story[domain.Command[Offering]]{{
		Rule: "the co-op publishes its first price list",
		When: Publish{Version: 1, On: jan1, From: jan1, List: nubo},
		Then: spec.Events{first},
	}, {
		Rule:  "a later list is the next version, and holds from a day to come",
		Given: spec.Events{first},
		When:  Publish{Version: 2, On: jan1, From: july1, List: dear},
		Then:  spec.Events{Published{2, jan1, july1, dear}},
	}, {
		Rule:  "what was published is published once, though other lists have followed",
		Given: spec.Events{first, Published{2, jan1, july1, dear}},
		When:  Publish{Version: 1, On: july1, From: jan1, List: nubo},
	}, {
		Rule:    "two people who publish at once do not overtake each other",
		Given:   spec.Events{first},
		When:    Publish{Version: 1, On: jan1, From: july1, List: dear},
		Refused: ErrVersion,
	}, {
		Rule:    "no version is left out",
		Given:   spec.Events{first},
		When:    Publish{Version: 3, On: jan1, From: july1, List: dear},
		Refused: ErrVersion,
	}, {
		Rule:    "a plan that may have subscribers stays in the list",
		Given:   spec.Events{first},
		When:    Publish{Version: 2, On: jan1, From: july1, List: renamed},
		Refused: ErrPlanGone,
	}, {
		Rule:    "an add-on that was booked keeps a price",
		Given:   spec.Events{Published{1, jan1, jan1, extended(nubo)}},
		When:    Publish{Version: 2, On: jan1, From: july1, List: nubo},
		Refused: ErrAddOnGone,
	}, {
		Rule: "the first list may hold from before it is entered",
		When: Publish{Version: 1, On: july1, From: jan1, List: nubo},
		Then: spec.Events{Published{1, july1, jan1, nubo}},
	}, {
		Rule:    "prices do not change in hindsight",
		Given:   spec.Events{first},
		When:    Publish{Version: 2, On: july1, From: jan1, List: dear},
		Refused: ErrBackdated,
	}, {
		Rule:    "a list that contradicts itself is not published",
		When:    Publish{Version: 1, On: jan1, From: jan1, List: invalid},
		Refused: ErrInvalidList,
	}, {
		Rule:  "the rate of VAT changes from a day on",
		Given: spec.Events{first},
		When:  SetVATRate{On: jan1, Rate: raise.Rate},
		Then:  spec.Events{raise},
	}, {
		Rule:  "a rate that holds already is not set again",
		Given: spec.Events{first},
		When:  SetVATRate{On: july1, Rate: nubo.VAT[0]},
	}, {
		Rule:  "it may lie in the past, for months that nobody was billed for",
		Given: spec.Events{first},
		When:  SetVATRate{july1, VATRate{june.First(), decimal.New(22, 0)}, []calendar.Month{june.Add(-1)}},
		Then:  spec.Events{VATRateSet{july1, VATRate{june.First(), decimal.New(22, 0)}}},
	}, {
		Rule:    "but what was billed stays as it is",
		Given:   spec.Events{first},
		When:    SetVATRate{july1, VATRate{june.First(), decimal.New(22, 0)}, []calendar.Month{june.Add(-1), june}},
		Refused: ErrBilled,
	}, {
		Rule:  "also where a later rate holds, if that was billed alone",
		Given: spec.Events{first, raise},
		When:  SetVATRate{july1, VATRate{june.First(), decimal.New(20, 0)}, []calendar.Month{june.Add(1)}},
		Then:  spec.Events{VATRateSet{july1, VATRate{june.First(), decimal.New(20, 0)}}},
	}, {
		Rule:    "nor does a price list bring another rate for what was billed",
		Given:   spec.Events{first, raise},
		When:    Publish{2, july1, july1, taxed(dear, VATRate{june.First(), decimal.New(6, 0)}), []calendar.Month{june}},
		Refused: ErrBilled,
	}, {
		Rule:    "a rate of VAT is below 100 %",
		Given:   spec.Events{first},
		When:    SetVATRate{On: jan1, Rate: VATRate{july1, decimal.New(100, 0)}},
		Refused: ErrInvalidRate,
	}, {
		Rule:    "a rate of VAT applies from a day",
		Given:   spec.Events{first},
		When:    SetVATRate{On: jan1, Rate: VATRate{Percent: decimal.New(6, 0)}},
		Refused: ErrInvalidRate,
	}})
}

func TestAt(t *testing.T) {
	o := Offering{}
	for _, e := range []event{first, Published{2, jan1, july1, dear}, raise} {
		o = e.Evolve(o)
	}
	for _, tt := range []struct {
		on      calendar.Date
		version int
		percent int64
	}{
		{jan1.AddDays(-1), 0, 0}, {jan1, 1, 21}, {july1.AddDays(-1), 1, 21}, {july1, 2, 22}, {july1.AddDays(400), 2, 22},
	} {
		list, version := o.At(tt.on)
		percent, ok := list.VATOn(tt.on)
		if version != tt.version || ok != (version > 0) || !percent.Equal(decimal.NewFromInt(tt.percent)) {
			t.Errorf("on %v version %d, VAT %v %%", tt.on, version, percent)
		}
	}
	sooner := Published{3, jan1, jan1.AddDays(30), nubo}.Evolve(o)
	if _, version := sooner.At(july1); version != 3 {
		t.Errorf("version %d on %v: a later version replaces all before it", version, july1)
	}
	if o.Version() != 2 || sooner.Version() != 3 {
		t.Errorf("versions %d and %d", o.Version(), sooner.Version())
	}
}

func TestNuboPrices(t *testing.T) {
	for _, tt := range []struct {
		gb             int
		member, others string
	}{
		{5, "2.50 EUR", "3.50 EUR"},
		{6, "3.00 EUR", "4.00 EUR"},
		{10, "5.00 EUR", "6.00 EUR"},
		{11, "5.25 EUR", "6.25 EUR"},
		{20, "7.50 EUR", "8.50 EUR"},
		{50, "15.00 EUR", "16.00 EUR"},
		{100, "27.50 EUR", "28.50 EUR"},
		{101, "27.60 EUR", "28.60 EUR"},
		{200, "37.50 EUR", "38.50 EUR"},
	} {
		member, others := must(nubo.Price("nubo", tt.gb, true)), must(nubo.Price("nubo", tt.gb, false))
		if member.String() != tt.member || others.String() != tt.others {
			t.Errorf("%d GB: %v, or %v for non-members; want %s and %s", tt.gb, member, others, tt.member, tt.others)
		}
	}
	if small := must(nubo.Price("nubo", 1, true)); small.String() != "2.50 EUR" {
		t.Errorf("what is smaller than the plan costs what it includes, not %v", small)
	}
	if _, err := nubo.Price("gold", 5, true); !errors.Is(err, ErrNoSuchPlan) {
		t.Error(err)
	}
}

func TestOffer(t *testing.T) {
	for gb, offered := range map[int]bool{-1: false, 0: false, 4: false, 5: true, 1000: true, MaxGB: true, MaxGB + 1: false} {
		if p, err := nubo.Offer("nubo", gb); offered && (err != nil || p.ID != "nubo") || !offered && !errors.Is(err, ErrSize) {
			t.Errorf("%d GB: %v", gb, err)
		}
	}
	if _, err := nubo.Offer("gold", 5); !errors.Is(err, ErrNoSuchPlan) || err.Error() != "the price list has no plan gold: it has nubo" {
		t.Error(err)
	}
	if _, err := (PriceList{}).Offer("nubo", 5); !errors.Is(err, ErrNoList) {
		t.Error(err)
	}
	closed := dearer(nubo)
	closed.Plans[0].Closed = true
	if _, err := closed.Offer("nubo", 5); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if charges, err := closed.Charges(june, []Segment{{days(1, 30), "nubo", 4}}, true); err != nil || len(charges) != 1 {
		t.Errorf("who has it keeps it: %v, %v", charges, err)
	}
}

// lists draws price lists that may be published.
func lists(t *rapid.T) PriceList {
	cents := func(name string, digits int32) decimal.Decimal {
		return decimal.New(rapid.Int64Range(0, 10_000).Draw(t, name), -digits)
	}
	text := domain.Text{FR: "f", NL: "n", EN: "e", DE: "d"}
	p := Plan{
		ID: "p", Name: text, Price: cents("price", 2), IncludedGB: rapid.IntRange(1, 50).Draw(t, "included"),
		NonMember: cents("extra", 2), Sharing: Split,
	}
	through := p.IncludedGB
	for i := range rapid.IntRange(0, 4).Draw(t, "tiers") {
		through += rapid.IntRange(1, 100).Draw(t, fmt.Sprint("tier", i))
		p.Tiers = append(p.Tiers, Tier{through, cents("per GB", 4)})
	}
	p.Tiers = append(p.Tiers, Tier{0, cents("last per GB", 4)})
	mail := rapid.IntRange(1, 99).Draw(t, "mail")
	p.Services = []Grant{{domain.Mail, mail}, {domain.Storage, 100 - mail}}
	l := PriceList{
		Name: "l", Currency: money.EUR, Proration: rapid.SampledFrom([]Proration{WholeMonth, ByDay}).Draw(t, "proration"),
		VAT: nubo.VAT, Plans: []Plan{p}, Lines: Lines{text, text},
	}
	if problems := l.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return l
}

func TestPriceRisesWithSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists(t)
		least, _ := l.Plans[0].Limits()
		small := rapid.IntRange(least, 1000).Draw(t, "small")
		large := rapid.IntRange(small, 2000).Draw(t, "large")
		a, b := must(l.Price("p", small, true)), must(l.Price("p", large, true))
		if a.Compare(b) > 0 {
			t.Errorf("%d GB cost %v and %d GB %v", small, a, large, b)
		}
		if c := must(l.Price("p", small, false)); c.Minus(a) != money.Round(l.Plans[0].NonMember, l.Currency) {
			t.Errorf("members pay %v, others %v", a, c)
		}
		// GB by GB, as a person would add it up
		exact := l.Plans[0].Price
		for gb := least + 1; gb <= small; gb++ {
			for _, tier := range l.Plans[0].Tiers {
				if tier.ThroughGB == 0 || gb <= tier.ThroughGB {
					exact = exact.Add(tier.PerGB)
					break
				}
			}
		}
		if got := l.Plans[0].Monthly(small); !got.Equal(exact) {
			t.Errorf("%d GB cost %v, GB by GB %v", small, got, exact)
		}
	})
}

func TestQuota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, gb := lists(t).Plans[0], rapid.IntRange(1, MaxGB).Draw(t, "gb")
		split := p.Quota(gb)
		if split[0].Quota+split[1].Quota != domain.Bytes(gb)*domain.GB || split[0].Quota <= 0 || split[1].Quota <= 0 {
			t.Errorf("%d GB are split into %v", gb, split)
		}
		p.Sharing = Each
		for _, q := range p.Quota(gb) {
			if q.Quota != domain.Bytes(gb)*domain.GB {
				t.Errorf("of %d GB each has %v", gb, q)
			}
		}
	})
	want := []Quota{{domain.Mail, domain.GB}, {domain.Storage, 4 * domain.GB}, {domain.Calendar, 0}, {domain.Contacts, 0}}
	if got := nubo.Plans[0].Quota(5); !slices.Equal(got, want) {
		t.Errorf("5 GB of Nubo's are %v, want %v", got, want)
	}
}

func days(from, through int) calendar.Period {
	return calendar.Period{From: calendar.On(2026, time.June, from), Through: calendar.On(2026, time.June, through)}
}

func TestCharges(t *testing.T) {
	byDay := nubo
	byDay.Proration = ByDay
	type want struct {
		kind     ChargeKind
		gb       int
		quantity string
		amount   string
		period   calendar.Period
	}
	for _, tt := range []struct {
		name     string
		list     PriceList
		segments []Segment
		member   bool
		want     []want
	}{
		{"a whole month", nubo, []Segment{{days(1, 30), "nubo", 10}}, true, []want{{ChargePlan, 10, "1", "5.00 EUR", june.Period()}}},
		{
			"a whole month of who is no member", nubo,
			[]Segment{{days(1, 30), "nubo", 10}},
			false,
			[]want{{ChargePlan, 10, "1", "5.00 EUR", june.Period()}, {ChargeNonMember, 10, "1", "1.00 EUR", june.Period()}},
		},
		{"a month begun is paid whole", nubo, []Segment{{days(30, 30), "nubo", 10}}, true, []want{{ChargePlan, 10, "1", "5.00 EUR", june.Period()}}},
		{
			"and once, at the dearest of its sizes", nubo,
			[]Segment{{days(1, 10), "nubo", 10}, {days(11, 20), "nubo", 20}, {days(21, 30), "nubo", 5}},
			false,
			[]want{{ChargePlan, 20, "1", "7.50 EUR", june.Period()}, {ChargeNonMember, 20, "1", "1.00 EUR", june.Period()}},
		},
		{
			"by the day, each size is paid for its days", byDay,
			[]Segment{{days(1, 10), "nubo", 10}, {days(11, 30), "nubo", 20}},
			false,
			[]want{
				{ChargePlan, 10, "0.333333", "1.67 EUR", days(1, 10)},
				{ChargeNonMember, 10, "0.333333", "0.33 EUR", days(1, 10)},
				{ChargePlan, 20, "0.666667", "5.00 EUR", days(11, 30)},
				{ChargeNonMember, 20, "0.666667", "0.67 EUR", days(11, 30)},
			},
		},
		{"nothing was used", nubo, nil, false, nil},
		{"what lies in another month is not charged", nubo, []Segment{{calendar.In(2026, time.May).Period(), "nubo", 5}}, true, nil},
		{
			"of what goes on, the month is charged", byDay,
			[]Segment{{calendar.Period{From: jan1}, "nubo", 5}},
			true,
			[]want{{ChargePlan, 5, "1", "2.50 EUR", june.Period()}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			charges, err := tt.list.Charges(june, tt.segments, tt.member)
			if err != nil || len(charges) != len(tt.want) {
				t.Fatalf("%+v, %v", charges, err)
			}
			for i, w := range tt.want {
				if c := charges[i]; c.Kind != w.kind || c.GB != w.gb || c.Quantity.String() != w.quantity || c.Amount.String() != w.amount || c.Period != w.period {
					t.Errorf("got %v of %d GB: %v months, %v, for %v; want %+v", c.Kind, c.GB, c.Quantity, c.Amount, c.Period, w)
				}
			}
		})
	}
	if _, err := nubo.Charges(june, []Segment{{days(1, 2), "gold", 5}}, true); !errors.Is(err, ErrNoSuchPlan) {
		t.Errorf("a plan that is not in the list: %v", err)
	}
}

// TestProration holds what is paid by the day to what it is part of: the parts of
// a month sum to its price, but for half a minor unit that each may be rounded by.
func TestProration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists(t)
		l.Proration = ByDay
		month := calendar.In(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")))
		least, _ := l.Plans[0].Limits()
		gb := rapid.IntRange(least, 500).Draw(t, "gb")
		var segments []Segment
		for from := month.First(); !from.After(month.Last()); {
			n := rapid.IntRange(1, 31).Draw(t, "days")
			through := from.AddDays(n - 1)
			if through.After(month.Last()) {
				through = month.Last()
			}
			segments = append(segments, Segment{calendar.Period{From: from, Through: through}, "p", gb})
			from = through.AddDays(1)
		}
		sum := decimal.Zero
		for _, c := range must(l.Charges(month, segments, true)) {
			sum = sum.Add(c.Amount.Decimal())
		}
		off := sum.Sub(l.Plans[0].Monthly(gb)).Abs()
		if most := decimal.New(5*int64(len(segments)), -3); off.GreaterThan(most) {
			t.Errorf("%d parts are off by %v", len(segments), off)
		}
	})
}

func TestDescribe(t *testing.T) {
	charges := must(nubo.Charges(june, []Segment{{days(1, 30), "nubo", 10}}, false))
	for l, want := range map[domain.Language][2]string{
		domain.French:  {"Nubo, 10 Go", "Nubo, supplément pour non-membres"},
		domain.Dutch:   {"Nubo, 10 GB", "Nubo, toeslag voor niet-leden"},
		domain.English: {"Nubo, 10 GB", "Nubo, supplement for non-members"},
		domain.German:  {"Nubo, 10 GB", "Nubo, Zuschlag für Nichtmitglieder"},
		"":             {"Nubo, 10 GB", "Nubo, supplement for non-members"},
	} {
		for i, c := range charges {
			if got := nubo.Describe(c, l); got != want[i] {
				t.Errorf("%s: %q, want %q", l, got, want[i])
			}
		}
	}
}

// TestWhatIsSaved: the line of a member says what others pay in addition, for the same
// days; where these pay nothing more, nothing is saved.
func TestWhatIsSaved(t *testing.T) {
	list, err := Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	month := calendar.In(2026, time.June)
	for _, through := range []int{30, 12} {
		segments := []Segment{{Period: calendar.Period{From: month.First(), Through: calendar.On(2026, time.June, through)}, Plan: list.Plans[0].ID, GB: list.Plans[0].IncludedGB}}
		member, err := list.Charges(month, segments, true)
		if err != nil {
			t.Fatal(err)
		}
		other, err := list.Charges(month, segments, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(member) != 1 || len(other) != 2 || !member[0].Saved.IsPositive() || member[0].Saved != other[1].Amount || other[0].Saved.IsPositive() || other[1].Saved.IsPositive() {
			t.Errorf("through day %d a member owes %+v, and another %+v", through, member, other)
		}
	}
	list.Plans[0].NonMember = decimal.Zero
	charges, err := list.Charges(month, []Segment{{Period: month.Period(), Plan: list.Plans[0].ID, GB: list.Plans[0].IncludedGB}}, true)
	if err != nil || len(charges) != 1 || charges[0].Saved.IsPositive() {
		t.Errorf("where others pay no more: %+v, %v", charges, err)
	}
}
