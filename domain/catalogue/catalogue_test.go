package catalogue

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

var mention = regexp.MustCompile(`\{[^{}]*\}`)

// mentions returns the arguments that a text names, in order and once.
func mentions(text string) []string {
	var names []string
	for _, m := range mention.FindAllString(text, -1) {
		name, _, _ := strings.Cut(strings.Trim(m, "{}"), "|")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestComplete holds every message to having a text in each language, all of
// them with the same arguments, in the file of its module.
func TestComplete(t *testing.T) {
	names, err := fs.Glob(files, "*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no catalogues", err)
	}
	count := 0
	for _, name := range names {
		data, _ := files.ReadFile(name)
		var some map[string]map[domain.Language]string
		if err := json.Unmarshal(data, &some); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if codes := regexp.MustCompile(`(?m)^  "`).FindAllString(string(data), -1); len(codes) != len(some) {
			t.Errorf("%s has %d messages on %d lines: one is there twice, or it is not laid out like the others", name, len(some), len(codes))
		}
		for code, texts := range some {
			count++
			if !strings.HasPrefix(code, strings.TrimSuffix(name, "json")) {
				t.Errorf("%s is in %s, where codes begin with the name of the file", code, name)
			}
			if len(texts) != len(domain.Languages) {
				t.Errorf("%s is in %v, want %v", code, slices.Sorted(maps.Keys(texts)), domain.Languages)
			}
			for lang, text := range texts {
				if text == "" || text != strings.Trim(text, " ") || strings.Count(text, "{") != len(mention.FindAllString(text, -1)) {
					t.Errorf("%s in %s: %q is empty, has spaces around or braces that do not match", code, lang, text)
				}
				if got, want := mentions(text), mentions(texts[domain.English]); !slices.Equal(got, want) {
					t.Errorf("%s in %s mentions %v, in English %v", code, lang, got, want)
				}
				for _, m := range mention.FindAllString(text, -1) {
					if n := strings.Count(m, "|"); n != 0 && n != 2 {
						t.Errorf("%s in %s: %s wants a singular and a plural", code, lang, m)
					}
				}
			}
		}
	}
	if count != len(Codes()) {
		t.Errorf("%d messages, %d codes: one is in two files", count, len(Codes()))
	}
}

func TestText(t *testing.T) {
	code := "documents.rows"
	for _, c := range []struct {
		lang  domain.Language
		count any
		want  string
	}{
		{"fr", 0, "0 ligne"},
		{"fr", 1, "1 ligne"},
		{"fr", 2, "2 lignes"},
		{"fr", 12345, "12\u202f345 lignes"},
		{"nl", 0, "0 regels"},
		{"nl", int64(1), "1 regel"},
		{"nl", uint8(2), "2 regels"},
		{"en", domain.MemberNumber(1), "1 row"},
		{"en", -1, "-1 row"},
		{"en", 2026, "2026 rows"},
		{"de", decimal.NewFromInt(1), "1 Zeile"},
		{"de", decimal.RequireFromString("1.5"), "1,5 Zeilen"},
		{"", 3, "3 rows"},
		{"xx", 3, "3 rows"},
	} {
		if got := Text(c.lang, code, domain.Args{"count": c.count}, ""); got != c.want {
			t.Errorf("%v in %s: %q, want %q", c.count, c.lang, got, c.want)
		}
	}
	if got := Text("fr", code, nil, ""); got != "{count} {count|ligne|lignes}" {
		t.Errorf("without its argument: %q", got)
	}
	if got := Text("de", "no.such", domain.Args{"due": calendar.On(2026, time.May, 1)}, "by {due} {"); got != "by 1. Mai 2026 {" {
		t.Errorf("fallback: %q", got)
	}
	if got := Text("de", "no.such", domain.Args{"missing": "payer", "id": "payer"}, "{missing}, {id}"); got != "der Zahler, payer" {
		t.Errorf("what is missing: %q", got)
	}
	r := domain.Refusal{Code: "no.such", Reason: "at most {max}"}.With("max", money.Must("5000.00 EUR"))
	if got := Refusal("nl", r); got != "at most €\u00a05.000,00" {
		t.Errorf("refusal: %q", got)
	}
}

func TestValues(t *testing.T) {
	type kind string
	amount, day := money.Must("-1234567.50 EUR"), calendar.On(2026, time.March, 1)
	brussels := time.FixedZone("CEST", 7200)
	for i, c := range []struct {
		v    any
		want [4]string // fr, nl, en, de
	}{
		{amount, [4]string{"-1\u202f234\u202f567,50\u00a0€", "€\u00a0-1.234.567,50", "-€1,234,567.50", "-1.234.567,50\u00a0€"}},
		{money.Money{}, [4]string{"0,00", "0,00", "0.00", "0,00"}},
		{money.New(7, "QQQ"), [4]string{"0,07\u00a0QQQ", "0,07\u00a0QQQ", "0.07\u00a0QQQ", "0,07\u00a0QQQ"}},
		{day, [4]string{"1er mars 2026", "1 maart 2026", "1 March 2026", "1. März 2026"}},
		{calendar.Date{}, [4]string{}},
		{day.Month(), [4]string{"mars 2026", "maart 2026", "March 2026", "März 2026"}},
		{calendar.Period{From: day}, [4]string{"1er mars 2026", "1 maart 2026", "1 March 2026", "1. März 2026"}},
		{time.Date(2026, 5, 2, 20, 5, 0, 0, brussels), [4]string{"2 mai 2026 à 20:05 CEST", "2 mei 2026 om 20:05 CEST", "2 May 2026 at 20:05 CEST", "2. Mai 2026 um 20:05 Uhr CEST"}},
		{decimal.RequireFromString("-12345.678"), [4]string{"-12\u202f345,678", "-12.345,678", "-12,345.678", "-12.345,678"}},
		{7500 * domain.GB / 1000, [4]string{"7,5\u00a0Go", "7,5\u00a0GB", "7.5\u00a0GB", "7,5\u00a0GB"}},
		{domain.MemberNumber(12345), [4]string{"12345", "12345", "12345", "12345"}},
		{9999, [4]string{"9999", "9999", "9999", "9999"}},
		{10000, [4]string{"10\u202f000", "10.000", "10,000", "10.000"}},
		{map[domain.Language]string{"fr": "part", "nl": "aandeel"}, [4]string{"part", "aandeel", "part", "part"}},
		{[]domain.ClassID{"A", "B"}, [4]string{"A, B", "A, B", "A, B", "A, B"}},
		{domain.Storage, [4]string{"stockage", "opslag", "storage", "Speicher"}},
		{[]domain.Service{"fax", domain.Mail}, [4]string{"fax, messagerie", "fax, mail", "fax, mail", "fax, E-Mail"}},
		{domain.PlanID("storage"), [4]string{"storage", "storage", "storage", "storage"}},
		{kind("x"), [4]string{"x", "x", "x", "x"}},
		{true, [4]string{"oui", "ja", "yes", "ja"}},
		{nil, [4]string{"<nil>", "<nil>", "<nil>", "<nil>"}},
	} {
		for j, lang := range domain.Languages {
			if got := value(lang, c.v); got != c.want[j] {
				t.Errorf("%d: %v in %s: %q, want %q", i, c.v, lang, got, c.want[j])
			}
		}
	}
	if got := Percent("fr", decimal.RequireFromString("0.21")); got != "21\u202f%" {
		t.Errorf("percent: %q", got)
	}
	if got := ShortDate("de", day) + ShortDate("fr", day) + ShortDate("fr", calendar.Date{}); got != "01.03.202601/03/2026" {
		t.Errorf("short dates: %q", got)
	}
	if got := Integer("nl", 5473) + " " + Integer("nl", -100); got != "5.473 -100" {
		t.Errorf("integers: %q", got)
	}
}
