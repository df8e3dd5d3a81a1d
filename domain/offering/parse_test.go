package offering

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"rochdale/domain"
)

func TestPresets(t *testing.T) {
	if names := Presets(); !slices.Contains(names, "nubo") {
		t.Fatal(names)
	}
	for _, name := range Presets() {
		if list, err := Preset(name); err != nil || list.Name != name {
			t.Errorf("%s: %q, %v", name, list.Name, err)
		}
	}
	if _, err := Preset("nobody"); err == nil || !strings.Contains(err.Error(), "there are nubo") {
		t.Error(err)
	}
}

// TestProblems holds an error to naming the line of what is wrong, the field and
// what to do. Each case changes Nubo's list in one place.
func TestProblems(t *testing.T) {
	data, _ := pricelists.ReadFile("pricelists/nubo.yaml")
	file := string(data)
	for _, tt := range []struct {
		old, new string // of one line
		want     string // with LINE for its number
	}{
		{"name: nubo", "name: ''", "LINE: name: a list has a name"},
		{"currency: EUR", "currency: euro", "LINE: currency: give the code"},
		{"currency: EUR", "currancy: EUR", `LINE: unknown field "currancy"`},
		{"include_vat: true", "include_vat: perhaps", "LINE: "},
		{"include_vat: true", "name: again", "LINE: mapping key"},
		{"proration: month", "proration: week", "LINE: proration: say month"},
		{"{from: 1996-01-01, percent: 21}", "{from: 1996-01-32, percent: 21}", `LINE: from: "1996-01-32": a day is written like`},
		{"{from: 1996-01-01, percent: 21}", "{from: 1996-01-01, percent: lots}", `LINE: percent: "lots": a number is written like`},
		{"{from: 1996-01-01, percent: 21}", "{from: 1996-01-01, percent: 101}", "LINE: vat[0]: a rate applies from a day"},
		{"{from: 1996-01-01, percent: 21}", "{percent: 21}", "LINE: vat[0]: a rate applies from a day"},
		{"- {from: 1996-01-01, percent: 21}", "[]", "LINE: vat: give a rate"},
		{"- id: nubo", "- id: ''", "LINE: plans[0].id: a plan has an id"},
		{"de: Nubo}", "es: Nubo}", `LINE: unknown field "es"`},
		{"nl: Nubo, en: Nubo, de: Nubo}", "nl: Nubo}", "LINE: plans[0].name: give the name in"},
		{"price: 2.50", "price: 2.505", "LINE: plans[0].price: a price is an amount"},
		{"price: 2.50", "price: -2.50", "LINE: plans[0].price: a price is an amount"},
		{"price: 2.50", "price: 1e9", "LINE: plans[0].price: a price is an amount"},
		{"price: 2.50", "price: 1e999999999", `LINE: price: "1e999999999": a number is written like`},
		{"included_gb: 5", "included_gb: 0", "LINE: plans[0].included_gb: a plan includes"},
		{"included_gb: 5", "included_gb: five", "LINE: "},
		{"included_gb: 5", "included_gb: 10", "LINE+2: plans[0].tiers[0].through_gb: a tier ends after the one before, so give more than 10"},
		{"{through_gb: 100, per_gb: 0.25}", "{through_gb: 10, per_gb: 0.25}", "LINE: plans[0].tiers[1].through_gb: a tier ends after the one before, so give more than 10"},
		{"{through_gb: 100, per_gb: 0.25}", "{per_gb: 0.25}", "LINE: plans[0].tiers[1].through_gb: a tier ends"},
		{"{through_gb: 100, per_gb: 0.25}", "{through_gb: 100, per_gb: 0.1234567}", "LINE: plans[0].tiers[1].per_gb: a price per GB"},
		{"{per_gb: 0.10}", "{through_gb: 200, per_gb: 0.10}", "LINE: plans[0].tiers[2].through_gb: leave it out"},
		{"non_member_extra: 1.00", "max_gb: 4", "LINE: plans[0].max_gb: it is at least"},
		{"quota: split", "quota: shared", "LINE: plans[0].quota: say split"},
		{"quota: split", "quota: each", "LINE+2: plans[0].services[0].percent: leave it out"},
		{"{service: mail, percent: 20}", "{service: fax, percent: 20}", "LINE: plans[0].services[0].service: name each service once"},
		{"{service: mail, percent: 20}", "{service: storage, percent: 20}", "LINE+1: plans[0].services[1].service: name each service once"},
		{"{service: mail, percent: 20}", "{service: mail, percent: 30}", "LINE: plans[0].services: the shares sum to 110 %"},
		{"{service: mail, percent: 20}", "{service: mail}", "LINE: plans[0].services[0].percent: give its share"},
		{"{service: mail, percent: 20}", "{service: polls, percent: 20}", "LINE: plans[0].services[0].percent: leave it out: an app"},
		{"lines:", "grace_days: -1\nlines:", "LINE: grace_days: give a number of days"},
		{"lines:", "members:\n  - {service: mail}\nlines:", "LINE+1: members[0].gb: give how many GB"},
		{"lines:", "members:\n  - {service: polls, gb: 1}\nlines:", "LINE+1: members[0].gb: give how many GB"},
		{"lines:", "members:\n  - {service: polls}\n  - {service: polls}\nlines:", "LINE+2: members[1].service: name each service once"},
		{"lines:", "add_ons:\n  - {service: polls, per_gb: 0.20, name: {fr: a, nl: a, en: a, de: a}}\nlines:", "LINE+1: add_ons[0].service: name mail or storage"},
		{"lines:", "add_ons:\n  - {service: mail, per_gb: 0.20, name: {fr: a}}\nlines:", "LINE+1: add_ons[0].name: give the name"},
		{"lines:", "add_ons:\n  - {service: mail, per_gb: -1, name: {fr: a, nl: a, en: a, de: a}}\nlines:", "LINE+1: add_ons[0].per_gb: a price per GB"},
		{`fr: "{plan}, {gb} Go"`, `fr: ""`, "LINE: lines.plan: give the text"},
		{"name: nubo", "name: [", "LINE: "},
		{"name: nubo", "name: &n nubo", "LINE: a price list has no tags"},
		{"name: nubo", "name: !!str nubo", "LINE: a price list has no tags"},
	} {
		t.Run(tt.new, func(t *testing.T) {
			before, after, found := strings.Cut(file, tt.old)
			if !found {
				t.Fatalf("the list does not say %q", tt.old)
			}
			line := 1 + strings.Count(before, "\n")
			_, err := Parse([]byte(before+tt.new+after), "list.yaml")
			want := "list.yaml:" + strings.NewReplacer("LINE+2", strconv.Itoa(line+2), "LINE+1", strconv.Itoa(line+1), "LINE", strconv.Itoa(line)).Replace(tt.want)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	for _, text := range []string{"", "# nothing", "- a\n- b\n", "---\na: 1\n---\nb: 2\n"} {
		if _, err := Parse([]byte(text), "list.yaml"); err == nil || !strings.HasPrefix(err.Error(), "list.yaml:1: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse([]byte("name: a\n"), "list.yaml"); err == nil || strings.Count(err.Error(), "\n") < 3 {
		t.Errorf("all problems are named at once, not %v", err)
	}
}

// TestProblemsOfSeveral has those that one plan or rate alone cannot have.
func TestProblemsOfSeveral(t *testing.T) {
	l := nubo
	l.VAT = []VATRate{{july1, nubo.VAT[0].Percent}, {jan1, nubo.VAT[0].Percent}}
	plan := nubo.Plans[0]
	plan.Services = append(plan.Services, Grant{domain.Mail, 1})
	plan.MaxGB, plan.Tiers = 20, nil
	l.Plans = []Plan{nubo.Plans[0], plan}
	var fields []string
	for _, p := range l.Problems() {
		fields = append(fields, p.Field)
	}
	want := []string{"vat[1]", "plans[1].id", "plans[1].tiers", "plans[1].services[4].service", "plans[1].services"}
	if !slices.Equal(fields, want) {
		t.Errorf("problems of %v, want %v", fields, want)
	}
}

func FuzzParse(f *testing.F) {
	data, _ := pricelists.ReadFile("pricelists/nubo.yaml")
	f.Add(data)
	f.Add([]byte("name: [a"))
	f.Add([]byte("plans: [{price: 1e99999999, included_gb: 1}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Parse(data, "fuzz.yaml")
		if err != nil {
			return
		}
		if problems := list.Problems(); len(problems) > 0 {
			t.Fatalf("a list that was read has problems: %v", problems)
		}
		for _, p := range list.Plans {
			least, most := p.Limits()
			for _, gb := range []int{least, most} {
				if price, err := list.Price(p.ID, gb, false); err != nil || price.Sign() < 0 {
					t.Fatalf("%d GB of %s: %v, %v", gb, p.ID, price, err)
				}
			}
		}
	})
}
