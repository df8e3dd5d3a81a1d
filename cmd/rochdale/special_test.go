package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/money"
)

// TestSpecialReport: what members pay less than others is proven by the lines of their
// invoices: a euro a month for each subscription, of which 0.83 without VAT.
func TestSpecialReport(t *testing.T) {
	g := &Globals{Data: t.TempDir(), Language: domain.English}
	g.Log = "sqlite:" + filepath.Join(g.Data, "log.db")
	term := &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	want, year := map[int64]money.Money{}, 0
	err := withNewHouse(t.Context(), g, term, func(h *house) error {
		d := demo{house: h, cmd: demoCmd{Members: 60, Seed: 1844}}
		if err := d.build(t.Context(), d.everything()...); err != nil {
			return err
		}
		defer h.models.Close()
		if err := h.models.CatchUp(t.Context()); err != nil {
			return err
		}
		month := d.today.Month().Add(-1)
		year = month.Year()
		invoices, err := h.models.InvoicesOf(t.Context(), month)
		if err != nil || len(invoices) == 0 {
			t.Fatalf("nobody was billed for %v: %v", month, err)
		}
		for _, i := range invoices {
			member, err := h.models.MemberOn(t.Context(), i.Payer, month.Last())
			if err != nil {
				return err
			}
			var saved, net money.Money
			for _, l := range i.Lines {
				switch {
				case member && l.Kind != "plan", !member && l.Saved.IsPositive():
					t.Errorf("invoice %v to a member (%t) has a line %+v", i.Number, member, l)
				case member && l.Period == month.Period():
					saved, net = saved.Plus(l.Saved), net.Plus(money.Must("0.83 EUR"))
					if l.Saved != money.Must("1.00 EUR") {
						t.Errorf("on %+v %v is saved", l, l.Saved)
					}
				}
			}
			if member {
				p, _, err := h.models.Member(t.Context(), i.Payer)
				if err != nil {
					return err
				}
				want[int64(p.Number)] = want[int64(p.Number)].Plus(net)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	export := func(args ...string) []byte {
		t.Helper()
		var out bytes.Buffer
		args = append([]string{"export", "special-report", "--data", g.Data, "--log", g.Log, "--year", fmt.Sprint(year)}, args...)
		if code := run(args, strings.NewReader(""), &out, &out); code != 0 {
			t.Fatalf("%v: %s", args, &out)
		}
		return out.Bytes()
	}
	var said []struct {
		Title string
		Rows  []map[string]any
	}
	if err := json.Unmarshal(export("--format", "json"), &said); err != nil || len(said) != 4 {
		t.Fatalf("%d parts, %v", len(said), err)
	}
	total, lines := money.New(0, "EUR"), 0
	for _, row := range said[3].Rows {
		number := int64(row["member_number"].(float64))
		saved := money.Must(row["advantage"].(string))
		if saved.Minor() != want[number].Minor() {
			t.Errorf("member %d has an advantage of %v, want %v", number, saved, want[number])
		}
		total, lines = total.Plus(saved), lines+1
	}
	if lines != len(want) || !total.IsPositive() {
		t.Errorf("%d members have an advantage of %v, want %d", lines, total, len(want))
	}
	figures := map[string]any{}
	for _, row := range said[0].Rows {
		figures[row["key"].(string)] = row["value"]
	}
	if figures["advantage_total"] != "€"+total.Decimal().StringFixed(2) || figures["members_advantaged"] != fmt.Sprint(lines) {
		t.Errorf("figures: %v, want a total of %v", figures, total)
	}
	for lang, words := range map[string][]string{
		"fr": {"Rapport spécial", "Avantage des membres", "Mois facturés", "arrêté royal du 8 janvier 1962"},
		"nl": {"Bijzonder verslag", "Voordeel van de leden", "koninklijk besluit van 8 januari 1962"},
		"en": {"Special report", "Advantage of members", "6 % a year of what is paid up, at most"},
		"de": {"Sonderbericht", "Vorteil der Mitglieder", "Königlicher Erlass vom 8. Januar 1962"},
	} {
		file := filepath.Join(t.TempDir(), "report.pdf")
		export("--format", "pdf", "--language", lang, "-o", file)
		text, err := exec.Command("pdftotext", "-layout", file, "-").Output()
		for _, word := range words {
			if flat := strings.Join(strings.Fields(string(text)), " "); err != nil || !strings.Contains(flat, word) {
				t.Errorf("%s: no %q: %v\n%s", lang, word, err, text)
			}
		}
	}
	if csv := string(export()); !strings.HasPrefix(csv, "Member number,Name,Months billed,") {
		t.Errorf("as CSV: %.200s", csv)
	}
}
