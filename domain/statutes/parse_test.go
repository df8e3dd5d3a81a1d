package statutes_test

import (
	"regexp"
	"strings"
	"testing"

	"rochdale/domain/statutes"
)

// TestWrongSettingsNameTheLine changes one line of a preset at a time.
func TestWrongSettingsNameTheLine(t *testing.T) {
	for _, tt := range []struct{ preset, line, instead, want string }{
		// what is no setting
		{"nubo", "legal_form: SC", "legal_from: SC", "legal_from: there is no such setting: take it out, or choose among"},
		{"nubo", "legal_form: SC", "legal_form: SC\nlegal_form: SC", "legal_form: it is set in line"},
		{"nubo", "    by: board", "    by: board\n    by: board", "membership.admission.by: it is set in line"},
		{"nubo", "    by: board", "    by:", "membership.admission.by: there is nothing after the colon"},
		{"nubo", "    by: board", "    by: &b board", "membership.admission.by: write the value out"},
		{"nubo", "    by: board", "    by: [board]", "membership.admission.by: give one value here"},
		{"nubo", "    window_months: 6", "    window_months: 6.5", `membership.resignation.window_months: give a whole number here, not "6.5"`},
		{"nubo", "    window_months: 6", "    window_months: six", `membership.resignation.window_months: give a whole number here, not "six"`},
		{"nubo", "  partial_exit: false", "  partial_exit: never", `shares.partial_exit: give true or false here, not "never"`},
		{"nubo", "languages: [fr, nl, en]", "languages: fr", "languages: give a list here"},
		{"nubo", "billing:", "billing: 3\nbills:", "billing: give settings here"},
		{"nubo", "      price: 25.00 EUR", "      price: 25 euro", `shares.classes[0].price: money: "25 euro" is not like`},
		{"nubo", "      majority: simple", "      majority: 1/3", `assembly.decisions.ordinary.majority: "1/3" is not a majority: write`},
		{"nubo", "      quorum: 1/2", "      quorum: 50%", `assembly.decisions.statutes_change.quorum: "50%" is not a fraction`},

		// what is missing or out of bounds
		{"nubo", "name: Nubo", "", "name: give the name"},
		{"nubo", "name: Nubo", "name: ''", "name: give the name"},
		{"nubo", "legal_form: SC", "", "legal_form: give the legal form"},
		{"nubo", "jurisdiction: BE", "jurisdiction: Belgium", "jurisdiction: give the country"},
		{"nubo", "currency: EUR", "currency: euro", "currency: give the code"},
		{"nubo", "time_zone: Europe/Brussels", "time_zone: Brussels time", "time_zone: give the time zone"},
		{"nubo", "languages: [fr, nl, en]", "languages: []", "languages: give at least one"},
		{"nubo", "languages: [fr, nl, en]", "languages: [fr, nl, fr]", "languages[2]: name each language once"},
		{"nubo", "languages: [fr, nl, en]", "languages: [fr, it]", "languages[1]: name each language once"},
		{"nubo", "fiscal_year_start: 1", "fiscal_year_start: 13", "fiscal_year_start: give the month"},
		{"nubo", "    by: board", "    by: king", "membership.admission.by: say who admits"},
		{"nubo", "    effect: window_end", "    effect: soon", "membership.resignation.effect: say when"},
		{"nubo", "    window_months: 6", "    window_months: 13", "membership.resignation.window_months: give the months"},
		{"de-eg", "    notice_months: 3", "    notice_months: 121", "membership.resignation.notice_months: give a number"},
		{"nl-coop", "    notice_days: 28", "    notice_days: -1", "membership.resignation.notice_days: give a number"},
		{"nubo", "    founders_from_year: 3", "    founders_from_year: 11", "membership.resignation.founders_from_year: give the fiscal year"},
		{"nubo", "    withdrawal_days: 14", "    withdrawal_days: 367", "membership.admission.withdrawal_days: give a number"},
		{"nubo", "    reasons: true", "    reasons: maybe", "membership.admission.reasons: give true or false"},
		{"nubo", "    reasons: true", "    texts: [rules, '']", "membership.admission.texts[1]: name each text once"},
		{"nubo", "    reasons: true", "    texts: [rules, rules]", "membership.admission.texts[1]: name each text once"},
		{"nubo", "    by: assembly", "    by: automatic", "membership.exclusion.by: say who excludes"},
		{"nubo", "    answer_months: 1", "    answer_months: 13", "membership.exclusion.answer_months: give a number"},
		{"fr-scic", "    answer_days: 15", "    answer_days: 367", "membership.exclusion.answer_days: give a number"},
		{"nubo", "    notice_days: 15", "    notice_days: -1", "membership.exclusion.notice_days: give a number"},
		{"nubo", "    effect: at_once", "    effect: window_end", "membership.exclusion.effect: say when"},
		{"de-eg", "  death:\n    effect: year_end", "  death:\n    effect: notice", "membership.death.effect: say when"},
		{"nubo", "    heirs: paid_out", "    heirs: everything", "membership.death.heirs: say what"},
		{"nubo", "    members: 3", "    members: -3", "membership.minimum.members: give the least"},
		{"nubo", "    below: warn", "    below: weep", "membership.minimum.below: say what becomes"},
		{"nubo", "    contact_days: 14", "    contact_days: 367", "membership.particulars.contact_days: give a number"},
		{"nubo", "    account_days: 10", "    account_days: -10", "membership.particulars.account_days: give a number"},
		{"nubo", "    majority: 18", "    majority: 12", "membership.minors.majority: give the age"},
		{"nubo", "    vote: guardian", "    vote: parents", "membership.minors.vote: say who"},
		{"nubo", "    register_years: 5", "    register_years: 101", "membership.retention.register_years: give a number"},
		{"nubo", "    accounting_years: 10", "    accounting_years: -1", "membership.retention.accounting_years: give a number"},
		{"nubo", "    service_days: 90", "    service_days: 3661", "membership.retention.service_days: give a number"},
		{"nubo", "    application_months: 6", "    application_months: 121", "membership.retention.application_months: give a number"},
		{"nubo", "      min_holding: 1", "      min_holding: 0", "shares.classes[0].min_holding: give the least"},
		{"nubo", "      price: 25.00 EUR", "      price: 0.00 EUR", "shares.classes[0].price: give the price"},
		{"nubo", "      price: 25.00 EUR", "      price: 1000000.01 EUR", "shares.classes[0].price: a share costs at most"},
		{"nubo", "    - id: A", "    - id: ''", "shares.classes[0].id: give the class an id"},
		{"nubo", "  exit_value: paid", "  exit_value: sentimental", "shares.exit_value: say what"},
		{"nubo", "  call_days: 30", "  call_days: 367", "shares.call_days: give a number"},
		{"nubo", "  call_days: 30", "  max_contribution: -5.00 EUR", "shares.max_contribution: give more than nothing"},
		{"nubo", "    accounts: last", "    accounts: next", "shares.exit.accounts: say which annual accounts"},
		{"nubo", "    net_assets_test: assembly", "    net_assets_test: automatic", "shares.refunds.net_assets_test: say who decides"},
		{"nubo", "    liquidity_test: board", "    liquidity_test: bank", "shares.refunds.liquidity_test: say who decides"},
		{"nubo", "    set_off: board", "    set_off: treasurer", "shares.refunds.set_off: say who decides"},
		{"nubo", "    short: pro_rata", "    short: lottery", "shares.refunds.short: say who is refunded"},
		{"nubo", "    limitation_years: 10", "    limitation_years: 101", "shares.refunds.limitation_years: give a number"},
		{"nubo", "    max_rate: 6/100", "    max_rate: 6", `shares.dividend.max_rate: "6" is not a fraction`},
		{"de-eg", "    limitation_years: 3 ", "    limitation_years: -3 ", "shares.refunds.limitation_years: give a number"},
		{"de-eg", "    set_off: board", "    test_days: 3661\n    liquidity_test: board", "shares.refunds.test_days: give a number"},
		{"hostsharing", "    per_unit: 2", "    per_unit: -2", "shares.backing.per_unit: give how many"},
		{"nubo", "  notice_days: 15", "  notice_days: 0", "assembly.notice_days: give the days"},
		{"fr-scic", "  second_call_notice_days: 10", "  second_call_notice_days: 367", "assembly.second_call_notice_days: give"},
		{"nubo", "  votes: {per: member}", "  votes: {per: capita}", "assembly.votes.per: say member"},
		{"nubo", "    max: 2", "    max: -2", "assembly.proxies.max: give how many"},
		{"nubo", "      abstentions: ignored", "      abstentions: perhaps", "assembly.decisions.ordinary.abstentions: say ignored"},
		{"nubo", "      majority: simple", "", "assembly.decisions.ordinary.majority: say how many"},
		{"nubo", "  payment_days: 30", "  payment_days: 0", "billing.payment_days: give the days"},

		// what contradicts something else
		{"nubo", "    class: A", "    class: X", `membership.admission.class: there is no class "X"`},
		{"nubo", "    min_shares: 1", "", "membership.admission.class: a class is only named with min_shares"},
		{"nubo", "      min_holding: 1", "      min_holding: 2", "membership.admission.min_shares: 1 contradicts the min_holding of class A, which is 2"},
		{"nubo", "    min_shares: 1", "    min_shares: 9", ""},
		{"nubo", "    members: 3", "", "membership.minimum.below: there is no number"},
		{"nubo", "    below: warn", "", "membership.minimum.below: say what becomes of a resignation that would leave fewer than 3"},
		{"nubo", "      min_holding: 1", "      min_holding: 1\n      max_holding: 5", ""},
		{"nubo", "    window_months: 6", "    window_months: 6\n    notice_days: 3", "membership.resignation.effect: window_end contradicts a notice"},
		{"nubo", "    window_months: 6", "", "membership.resignation.effect: window_end needs window_months"},
		{"nubo", "    - id: B", "    - id: A", `shares.classes[1].id: another class has the id "A"`},
		{"nubo", "      name: {fr: Part B, nl: Aandeel B, en: Share B}", "      name: {fr: Part B, nl: Aandeel B}", "shares.classes[1].name: the name is missing in en"},
		{"nubo", "      price: 25.00 EUR", "      price: 25.00 GBP", "shares.classes[0].price: 25.00 GBP contradicts the currency"},
		{"be-sc", "      min_holding: 1", "      min_holding: 1\n      max_holding: 0", ""},
		{"be-sc", "      min_holding: 1", "      min_holding: 3\n      max_holding: 2", "shares.classes[0].max_holding: 2 contradicts min_holding, which is 3"},
		{"be-sc", "      votes: 1 ", "      #", "shares.classes: votes are per share and no class has any"},
		{"be-sc", "  votes: {per: share}", "  votes: {per: member}", "shares.classes[0].votes: votes of a share contradict"},
		{"be-sc", "  votes: {per: share}", "  votes: {per: share, cap: 1/10}", ""},
		{"nubo", "  call_days: 30", "  max_contribution: 5000.00 GBP", "shares.max_contribution: 5000.00 GBP contradicts the currency"},
		{"nubo", "  call_days: 30", "  max_contribution: 5000.00 EUR", ""},
		{"nubo", "      min_holding: 1", "      min_holding: 1\n      converts: [{to: A, take: 1, give: 1}]", `shares.classes[0].converts[0].to: there is no other class "A"`},
		{"nubo", "      min_holding: 1", "      min_holding: 1\n      converts: [{to: B, take: 1, give: 1}, {to: B, take: 2, give: 1}]", "shares.classes[0].converts[1].to: say once"},
		{"nubo", "      min_holding: 1", "      min_holding: 1\n      converts: [{to: B, take: 0, give: 1}]", "shares.classes[0].converts[0].take: give how many"},
		{"nubo", "      min_holding: 1", "      min_holding: 1\n      converts: [{to: B, take: 3, give: 1001}]", "shares.classes[0].converts[0].give: give how many"},
		{"nubo", "      min_holding: 1", "      min_holding: 1\n      unavailable: true\n      converts: [{to: B, take: 3, give: 2}]", ""},
		{"nubo", "    accounts: last", "    window: {effect: window_end}", "shares.exit.window.effect: window_end needs window_months"},
		{"nubo", "    accounts: last", "    window: {effect: year_end, founders_from_year: 3}", "shares.exit.window.founders_from_year: founders wait"},
		{"nubo", "    accounts: last", "    window: {effect: year_end, withdrawable: true}", "shares.exit.window.withdrawable: it is as"},
		{"nubo", "    accounts: last", "    window: {notice_months: 6, effect: year_end}\n    capital_cap: 1/10\n    members_cap: 1/10", ""},
		{"nubo", "  exit_value: paid", "  exit_value: net_assets", "shares.exit.net_assets_cap: it contradicts exit_value"},
		{"de-eg", "  exit_value: paid", "  exit_value: net_assets", "shares.exit.losses: it contradicts exit_value"},
		{"de-eg", "    accounts: year ", "    accounts: last ", "shares.exit.losses: they are of the fiscal year"},
		{"de-eg", "    set_off: board", "    test_days: 90", "shares.refunds.test_days: there is no test"},
		{"de-eg", "    set_off: board", "    minimum_capital: 1.00 CHF", "shares.refunds.minimum_capital: 1.00 CHF contradicts the currency"},
		{"nubo", "    max_rate: 6/100", "    none: true\n    max_rate: 6/100", "shares.dividend.max_rate: it contradicts none"},
		{"hostsharing", "    per_unit: 2", "", "shares.backing.per_unit: say how many"},
		{"hostsharing", "    class: G\n    per_unit: 2", "    class: X\n    per_unit: 2", `shares.backing.class: there is no class "X"`},
		{"nubo", "  votes: {per: member} ", "  votes: {per: member, cap: 1/10} ", "assembly.votes.cap: a cap contradicts one member one vote"},
		{"nubo", "  record_days: 5", "  record_days: 16", "assembly.record_days: 16 contradicts notice_days, which is 15"},
		{"nubo", "    second_call_max: 10 ", "    second_call_max: 1 ", "assembly.proxies.second_call_max: 1 contradicts max, which is 2"},
		{"nubo", "      second_call_quorum: 1/10", "      second_call_quorum: 3/4", "assembly.decisions.statutes_change.second_call_quorum: 3/4 contradicts quorum, which is 1/2"},
		{"nubo", "      quorum_of: members", "", "assembly.decisions.statutes_change.quorum_of: say of what"},
		{"nubo", "      majority: simple", "      majority: simple\n      quorum_of: votes", "assembly.decisions.ordinary.quorum_of: there is no quorum"},
		{"nubo", "      majority: simple", "      majority: simple\n      second_call_quorum: 1/10", "assembly.decisions.ordinary.second_call_quorum: it contradicts a first sitting without"},
		{"nubo", "  reminders: [7, 21, 45]", "  reminders: [7, 7]", "billing.reminders[1]: give the days in rising order"},
	} {
		file, err := statutes.PresetFile(tt.preset)
		if err != nil {
			t.Fatal(err)
		}
		before, after, found := strings.Cut("\n"+string(file), "\n"+tt.line)
		if !found {
			t.Errorf("%s has no line %q", tt.preset, tt.line)
			continue
		}
		changed := strings.TrimPrefix(before+"\n"+tt.instead+after, "\n")
		_, err = statutes.Parse([]byte(changed), "my.yaml")
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s with %q: %v", tt.preset, tt.instead, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %q: %v, want %q", tt.preset, tt.instead, err, tt.want)
			continue
		}
		for _, line := range strings.Split(err.Error(), "\n") {
			if !located.MatchString(line) {
				t.Errorf("%q names no file, line and field", line)
			}
		}
		field, _, _ := strings.Cut(tt.want, ":")
		settings := strings.Split(tt.instead, "\n")
		owner := strings.TrimSuffix(field, lastName(field))
		indent := strings.Repeat("  ", strings.Count(owner, ".")+strings.Count(owner, "["))
		for i := len(settings) - 1; i >= 0; i-- {
			if strings.HasPrefix(settings[i], indent+lastName(field)+":") {
				if got, want := lineOf(t, err, field), strings.Count(before, "\n")+i+1; got != want {
					t.Errorf("%s with %q: line %d is named, want %d: %v", tt.preset, tt.instead, got, want, err)
				}
				break
			}
		}
	}
}

var located = regexp.MustCompile(`^my\.yaml:\d+: [A-Za-z_.\[\]0-9]+: .+`)

// lastName returns the name of the setting itself.
func lastName(field string) string {
	field = regexp.MustCompile(`\[\d+\]$`).ReplaceAllString(field, "")
	return field[strings.LastIndex(field, ".")+1:]
}

func lineOf(t *testing.T, err error, field string) (line int) {
	t.Helper()
	m := regexp.MustCompile(`my\.yaml:(\d+): ` + regexp.QuoteMeta(field) + ":").FindStringSubmatch(err.Error())
	if m == nil {
		t.Fatalf("%v does not name %s", err, field)
	}
	for _, digit := range m[1] {
		line = 10*line + int(digit-'0')
	}
	return line
}

func TestWhatIsNoFileOfStatutes(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"", "my.yaml:1: the file holds the statutes of one co-op: start from a preset, be-sc, "},
		{"# nothing\n", "my.yaml:1:"},
		{"- a\n- b\n", "my.yaml:1: the file: give settings here"},
		{"name: x\n---\nname: y\n", "my.yaml:1: the file holds the statutes of one co-op"},
		{"name: x\nlanguages: [fr\n", "my.yaml:2: this is no YAML"},
		{"name: x\n\tlegal_form: y\n", "my.yaml:2: this is no YAML"},
		{"<<: {name: x}\n", "a setting has a plain name"},
	} {
		if _, err := statutes.Parse([]byte(tt.file), "my.yaml"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.file, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range statutes.Presets() {
		file, err := statutes.PresetFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(file))
	}
	f.Add("name: x\nassembly: {votes: {cap: 1/10}}\n")
	f.Fuzz(func(t *testing.T, file string) {
		s, err := statutes.Parse([]byte(file), "my.yaml")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "my.yaml:") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		if problems := s.Problems(); len(problems) > 0 {
			t.Errorf("it was read with %v", problems)
		}
	})
}
