package csvfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

func read(t *testing.T, text string, layout Layout) *Table {
	t.Helper()
	table, err := Read(strings.NewReader(text), layout)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestWhateverProgramSavedIt reads one table in each form that spreadsheets save.
func TestWhateverProgramSavedIt(t *testing.T) {
	const text = "N° de membre;Date;Classe;Nombre de parts;Montant versé\r\n" +
		"1;31/05/2026;A;10;2 500,00 €\r\n" +
		"\r\n" +
		";;;;\r\n" +
		"2;2026-06-01;Élan;1;\"1.250,50\"\r\n"
	encode := func(e encoding.Encoding, s string) string {
		coded, err := e.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return coded
	}
	tabs := strings.NewReplacer(";", "\t").Replace(text)
	files := map[string]string{
		"UTF-8":                     text,
		"UTF-8 with a mark":         "\ufeff" + text,
		"Windows-1252":              encode(charmap.Windows1252, text),
		"UTF-16":                    encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), tabs),
		"UTF-16, big end first":     encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), tabs),
		"tabs":                      tabs,
		"lines ended by \\n":        strings.ReplaceAll(text, "\r\n", "\n"),
		"lines ended by \\r":        strings.ReplaceAll(text, "\r\n", "\r"),
		"commas":                    strings.NewReplacer("2 500,00 €", `"2,500.00"`, ";", ",").Replace(text),
		"separator told":            "sep=;\r\n" + text,
		"decomposed accents":        strings.ReplaceAll(text, "É", "E\u0301"),
		"more columns than it uses": strings.ReplaceAll(text, "\r\n", ";;\r\n"),
		"Dutch":                     strings.NewReplacer("N° de membre", "LIDNUMMER", "Date", "Verkregen op", "Classe", "soort", "Nombre de parts", "Aantal aandelen", "Montant versé", "Volgestort").Replace(text),
		"German":                    strings.NewReplacer("N° de membre", "Mitgliedsnummer", "Date", "erworben am", "Classe", "Klasse", "Nombre de parts", "Anteile", "Montant versé", "Eingezahlt").Replace(text),
		"keys":                      strings.NewReplacer("N° de membre", "member_number", "Date", "acquired_on", "Classe", "class", "Nombre de parts", "quantity", "Montant versé", "paid").Replace(text),
	}
	want := "2: 1 2026-05-31 A 10 2500.00 EUR; 5: 2 2026-06-01 Élan 1 1250.50 EUR; "
	for name, text := range files {
		table := read(t, text, Layout{Columns: Shares})
		got, want := "", want
		for r := range table.Rows() {
			got += fmt.Sprint(r.Line, ": ", r.Integer("member_number"), " ", r.Date("acquired_on"), " ", r.Text("class"), " ",
				r.Integer("quantity"), " ", r.Amount("paid", "EUR"), "; ")
		}
		if name == "separator told" {
			want = strings.NewReplacer("2: 1", "3: 1", "5: 2", "6: 2").Replace(want)
		}
		if got != want || table.Report.Failed() || table.Report.Rows != 2 {
			t.Errorf("%s: %d rows: %s\n want: %s\n problems: %v", name, table.Report.Rows, got, want, table.Report.Problems)
		}
	}
}

func TestHeadings(t *testing.T) {
	columns := []Column{{Key: "member_number", Required: true}, {Key: "name"}, {Key: "class", Required: true}}
	for text, want := range map[string]string{
		"member number,class\n":                 "",
		"MEMBER-NUMBER;Klasse;Näme\n":           "",
		"":                                      "0 : The file is empty.",
		"member number,name\n":                  "1 Class: This column is missing.",
		"member number,class,Remarks\n":         "1 Remarks: This column is unknown. Rename or delete it; expected columns: Member number, Name, Class.",
		"member number,class,,name\n":           "1 : This column is unknown.",
		"\n\nmember number,Klasse,class\n":      "3 class: This column is the same as “Klasse”.",
		"member number,\"class\n":               "1 : A quotation mark is not closed",
		"PK\x03\x04":                            "0 : This is a workbook",
		"member number,class\n1,\x00\n":         "2 : The file is not text.",
		"member number,class\n1,Élan\n2,\xff":   "3 : A character is damaged",
		"member number,class\n\n1,\x81\n":       "3 : The file is not text.",
		strings.Repeat("name,", 101) + "name":   "1 : There are 102 columns; at most 100 are allowed.",
		strings.Repeat("x", 2<<20) + ",class\n": "0 : The file is larger than 1 MB.",
	} {
		table := read(t, text, Layout{Columns: columns, Limits: Limits{Bytes: 1 << 20}})
		got := ""
		if p := table.Report.Problems; len(p) > 0 {
			got = fmt.Sprint(p[0].Line, " ", p[0].Column, ": ", p[0].Problem, " ", p[0].Do)
		}
		if !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%.40q: %s\n want: %s", text, got, want)
		}
		for r := range table.Rows() {
			if table.Report.Failed() {
				t.Errorf("%.40q has a row on line %d", text, r.Line)
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"1234": "1234", "-5": "-5", "\u22125": "-5", "0": "0", "007": "007",
		"1234.5": "1234.5", "1234,5": "1234.5", "0,125": "0.125", "1234,567": "1234.567",
		"1.234,56": "1234.56", "1,234.56": "1234.56", "1 234,56": "1234.56", "1\u202f234,56": "1234.56", "1'234.56": "1234.56",
		"1.234.567": "1234567", "1,234,567": "1234567", "1.234.567,8": "1234567.8", "1 234,567": "1234.567",
		"1.234": "ambiguous", "-12,345": "ambiguous", "123.456": "ambiguous",
		"": "number", "-": "number", ".5": "number", "5.": "number", "1,2,3": "number", "1.23.456": "number",
		"1.2,3.4": "number", "1,234.567.8": "number", "12 34": "number", "1 234.567,8": "number", "1e5": "number", "--1": "number",
		"١٢": "number", "0x10": "number", "1.234,": "number", ",5": "number", strings.Repeat("9", 31): "number",
	} {
		plain, code := parseNumber(text)
		if plain+code != want {
			t.Errorf("%q: %s%s, want %s", text, plain, code, want)
		}
	}
}

// TestValues reads one value each and compares it, or what is said of it.
func TestValues(t *testing.T) {
	columns := []Column{{Key: "value"}, {Key: "line"}}
	words := map[string]string{"personne": "person", "Persoon": "person", "société": "organisation"}
	for _, c := range []struct {
		value string
		read  func(Row) any
		want  string
	}{
		{"31/05/2026", func(r Row) any { return r.Date("value") }, "2026-05-31"},
		{"31-5-2026", func(r Row) any { return r.Date("value") }, "2026-05-31"},
		{"31.05.2026", func(r Row) any { return r.Date("value") }, "2026-05-31"},
		{"2026-5-31", func(r Row) any { return r.Date("value") }, "2026-05-31"},
		{"", func(r Row) any { return r.Date("value") }, ""},
		{"05/31/2026", func(r Row) any { return r.Date("value") }, "The month is written before the day. Write 2026-05-31, if that is the day meant."},
		{"31/05/26", func(r Row) any { return r.Date("value") }, "The year has only two digits. Write the year in four digits."},
		{"31/02/2026", func(r Row) any { return r.Date("value") }, "There is no such day. Correct the day or the month."},
		{"0/1/2026", func(r Row) any { return r.Date("value") }, "There is no such day. Correct the day or the month."},
		{"1/1/0206", func(r Row) any { return r.Date("value") }, "The year 206 is implausible. Correct the year."},
		{"45000", func(r Row) any { return r.Date("value") }, "This is not a date. Write it like 2026-05-31 or 31/05/2026."},
		{"12", func(r Row) any { return r.Integer("value") }, "12"},
		{"12.5", func(r Row) any { return r.Integer("value") }, "This is not a whole number. Write it without decimals."},
		{"twelve", func(r Row) any { return r.Integer("value") }, "This is not a number. Write it like 1234.50."},
		{"99999999999999999999", func(r Row) any { return r.Integer("value") }, "This is not a whole number. Write it without decimals."},
		{"1.234", func(r Row) any { return r.Number("value") }, "This number can be read in two ways. Write 1234 or 1.2340."},
		{"1,234", func(r Row) any { return r.Amount("value", "EUR") }, "This number can be read in two ways. Write 1234 or 1.2340."},
		{"EUR 12,5", func(r Row) any { return r.Amount("value", "EUR") }, "12.50 EUR"},
		{"12,5 €", func(r Row) any { return r.Amount("value", "EUR") }, "12.50 EUR"},
		{"-12.5", func(r Row) any { return r.Amount("value", "EUR") }, "-12.50 EUR"},
		{"12,5 €", func(r Row) any { return r.Amount("value", "CHF") }, "This is not a number. Write it like 1234.50."},
		{"€", func(r Row) any { return r.Amount("value", "EUR") }, "This is not a number. Write it like 1234.50."},
		{"12.5678", func(r Row) any { return r.Amount("value", "EUR") }, "This is not an amount of EUR. Write at most 2 decimals."},
		{"99999999999999999999", func(r Row) any { return r.Amount("value", "EUR") }, "This is not an amount of EUR. Write at most 2 decimals."},
		{"PERSONNE", func(r Row) any { return r.Choice("value", words) }, "person"},
		{"Organisation", func(r Row) any { return r.Choice("value", words) }, "organisation"},
		{"Societe", func(r Row) any { return r.Choice("value", words) }, "organisation"},
		{"be", func(r Row) any { return r.Country("value") }, "BE"},
		{"Belgique", func(r Row) any { return r.Country("value") }, "This is not a country. Write its two letters (ISO 3166-1), like BE."},
		{"BX", func(r Row) any { return r.Country("value") }, "This is not a country. Write its two letters (ISO 3166-1), like BE."},
		{"BEL", func(r Row) any { return r.Country("value") }, "This is not a country. Write its two letters (ISO 3166-1), like BE."},
		{"dog", func(r Row) any { return r.Choice("value", words) }, "This is not one of the values allowed. Write one of these: organisation, person."},
		{"  two \n lines\u00a0", func(r Row) any { return r.Need("value") }, "two lines"},
		{" ", func(r Row) any { return r.Need("value") }, "The value is missing. Fill it in."},
		{"'+32 2 123", func(r Row) any { return r.Text("value") }, "+32 2 123"},
		{"'s Gravenhage", func(r Row) any { return r.Text("value") }, "'s Gravenhage"},
		{"a\x1b[31m", func(r Row) any { return r.Text("value") }, "The text has an invisible control character. Type the text again."},
		{"a\u202eb", func(r Row) any { return r.Text("value") }, "The text has an invisible control character. Type the text again."},
		{"x", func(r Row) any { r.Note("value", "A is.", "Do B."); return r.Text("value") }, "A is. Do B."},
		{"x", func(r Row) any { return r.Text("no such column") }, ""},
	} {
		table := read(t, "line;value\n7;\""+c.value+"\"\n", Layout{Columns: columns})
		for r := range table.Rows() {
			got := fmt.Sprint(c.read(r))
			if p := table.Report.Problems; len(p) > 0 {
				got = p[0].Problem + " " + p[0].Do
				if p[0].Line != 2 || p[0].Column != "value" {
					t.Errorf("%q: on line %d, column %s", c.value, p[0].Line, p[0].Column)
				}
			}
			if got != c.want {
				t.Errorf("%q: %s\n want: %s", c.value, got, c.want)
			}
		}
		if table.Report.Rows != 1 {
			t.Errorf("%q: %d rows", c.value, table.Report.Rows)
		}
	}
}

func TestReport(t *testing.T) {
	table := read(t, "lidnummer;klasse;aantal;datum\n1;A;x;1/5/2026\n2;\"A\nB\";1;2/5/2026\n3;A\n4;a\"b;1;3/5/2026\n5;\x1b[2J;1;31/4/2026\n"+
		"6;"+strings.Repeat("z", 60)+";1;never;\n",
		Layout{Columns: Shares, Language: "nl", Limits: Limits{RowBytes: 50, Problems: 5}})
	lines := []int{}
	for r := range table.Rows() {
		lines = append(lines, r.Line)
		r.Integer("quantity")
		r.Date("acquired_on")
		r.Text("class")
	}
	if !slices.Equal(lines, []int{2, 3, 7}) {
		t.Errorf("rows on lines %v", lines)
	}
	var b strings.Builder
	if err := table.Report.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := `Regel  Kolom   Waarde     Probleem                                                              Wat te doen
2      aantal  x          Dit is geen getal.                                                    Schrijf bijvoorbeeld 1234,50.
5              3;A        De regel heeft 2 velden in plaats van 4.                              Vul de velden aan, en zet een veld met een scheidingsteken tussen aanhalingstekens.
6                         Een aanhalingsteken is niet gesloten, of staat midden in een veld.    Zet het hele veld tussen aanhalingstekens en verdubbel die in de tekst.
7      datum   31/4/2026  Die dag bestaat niet.                                                 Verbeter de dag of de maand.
7      klasse  ` + "\ufffd" + `[2J       De tekst bevat een onzichtbaar stuurteken.                            Typ de tekst opnieuw.
… en nog 1 ander probleem
`
	normal := func(s string) []string { return strings.Split(s, "\n") }
	fields := func(lines []string) (all [][]string) {
		for _, l := range lines {
			all = append(all, strings.Fields(l))
		}
		return all
	}
	if diff := cmp.Diff(fields(normal(want)), fields(normal(b.String()))); diff != "" {
		t.Errorf("-want +got: %s\n%s", diff, b.String())
	}
	refused := read(t, "sep=;\nlidnummer;klasse;aantal;datum\n\n\n\"11\n\";A;1;2026-01-01\n 12 ;A;1;2026-01-01\n", Layout{Columns: Shares, Language: "nl"})
	refused.Refuse(7, "member_number", domain.Refusal{Code: "register.unknown_number"}.With("number", 12))
	if want := (Problem{Line: 7, Column: "lidnummer", Value: "12", Problem: "er is geen lid met nummer 12", Do: "importeer eerst de leden, of verbeter het nummer"}); !slices.Equal(refused.Report.Problems, []Problem{want}) {
		t.Errorf("refused: %+v", refused.Report.Problems)
	}
	data, err := json.Marshal(&table.Report)
	if err != nil || !strings.HasPrefix(string(data), `{"rows":5,"problems":[{"line":2,"column":"aantal","value":"x","problem":"Dit is geen getal.","do":`) ||
		!strings.HasSuffix(string(data), `"more":1}`) {
		t.Errorf("%s, %v", data, err)
	}
}

// TestLayouts holds the columns of each layout to being told apart in every language.
func TestLayouts(t *testing.T) {
	for name, layout := range map[string][]Column{"members": Members, "shares": Shares} {
		names := map[string]string{}
		for _, c := range layout {
			if len(c.headings()) != len(domain.Languages) {
				t.Errorf("%s: no heading for %s in the catalogue", name, c.Key)
			}
			for _, n := range c.names() {
				if other := names[n]; other != "" && other != c.Key {
					t.Errorf("%s: %q is both %s and %s", name, n, other, c.Key)
				}
				names[n] = c.Key
			}
		}
		for _, lang := range domain.Languages {
			var headings []string
			for _, c := range layout {
				headings = append(headings, catalogue.Word(lang, "columns."+c.Key))
			}
			if table := read(t, strings.Join(headings, ";"), Layout{Columns: layout}); table.Report.Failed() {
				t.Errorf("%s in %s: %v", name, lang, table.Report.Problems)
			}
		}
	}
	problems := slices.Collect(maps.Keys(catalogue.Each("csvfile.quote")))
	if len(problems) != len(domain.Languages) {
		t.Errorf("problems are told in %v", problems)
	}
}

// TestLarge reads as many rows as a large co-op has.
func TestLarge(t *testing.T) {
	var b strings.Builder
	b.WriteString("member number;class;quantity;acquired on;paid\n")
	const rows = 100_000
	for i := range rows {
		fmt.Fprintf(&b, "%d;A;%d;%02d/%02d/2026;\"%d,50\"\n", i+1, i%9+1, i%28+1, i%12+1, i)
	}
	table, sum, paid := read(t, b.String(), Layout{Columns: Shares}), int64(0), int64(0)
	for r := range table.Rows() {
		sum += r.Integer("quantity")
		paid += r.Amount("paid", "EUR").Minor()
		if r.Date("acquired_on").IsZero() {
			t.Fatalf("line %d: %v", r.Line, table.Report.Problems)
		}
	}
	if table.Report.Failed() || table.Report.Rows != rows || sum != 499_996 || paid != rows*(rows-1)/2*100+50*rows {
		t.Errorf("%d rows, %d shares, %d cents paid, %v", table.Report.Rows, sum, paid, table.Report.Problems)
	}
}

// FuzzRead holds that whatever is sent, rows are inside the file and in order,
// and everything said of them can be shown.
func FuzzRead(f *testing.F) {
	f.Add([]byte("member number;class;quantity;acquired on\n1;A;1;31/05/2026\n"))
	f.Add([]byte("\xef\xbb\xbfsep=;\nlidnr;soort;aantal;datum\r\n'=1;\"a\nb\";1.234;\n;;;\n"))
	f.Add([]byte("number,class,shares,date,paid\n1,\xe9,\"1,5\",05/31/2026,€ 5\n\"\n"))
	f.Add([]byte("\xff\xfen\x00o\x00\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Read(strings.NewReader(string(data)), Layout{Columns: Shares, Limits: Limits{Problems: 50}})
		if err != nil {
			t.Fatal(err)
		}
		line, rows := 0, 0
		for r := range table.Rows() {
			rows++
			r.Integer("member_number")
			r.Text("class")
			r.Number("quantity")
			r.Amount("paid", "EUR")
			if d := r.Date("acquired_on"); !d.IsZero() && (d.Year() < 1800 || d.Year() > 2200) {
				t.Errorf("day %v", d)
			}
			if r.Line <= line {
				t.Errorf("line %d after %d", r.Line, line)
			}
			line = r.Line
		}
		if most := 2 + len(data); line > most || rows > table.Report.Rows || len(table.Report.Problems) > 50 {
			t.Errorf("%d rows of %d, line %d of %d", rows, table.Report.Rows, line, most)
		}
		for _, p := range table.Report.Problems {
			if p.Problem == "" || p.Do == "" || strings.Contains(p.Problem+p.Do, "{") && !strings.Contains(string(data), "{") ||
				!utf8.ValidString(p.Value) || strings.ContainsAny(p.Value+p.Column, "\n\x1b") {
				t.Errorf("%+v", p)
			}
		}
	})
}
