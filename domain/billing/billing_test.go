package billing

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

var (
	may    = calendar.In(2026, time.May)
	june1  = calendar.On(2026, time.June, 1)
	july1  = calendar.On(2026, time.July, 1)
	p21    = decimal.New(21, 0)
	anna   = Recipient{Name: "Anna Lee", Street: "Rue du Test 1", PostalCode: "1000", City: "Bruxelles", Country: "BE"}
	tenGB  = charge("5.00 EUR")
	issue  = IssueInvoice{"i1", "A", may, "anna", june1, 30, []Charge{tenGB}, true, "000000000101", domain.French, anna, 1}
	number = Number{"A", 2026, 1}
	issued = InvoiceIssued{
		Invoice: "i1", Number: number, Month: may, Payer: "anna", IssuedOn: june1, DueOn: july1, IncludeVAT: true,
		Totals: Totals{
			Lines: []Line{{tenGB, money.Must("4.13 EUR")}},
			Taxes: []Tax{{Standard, p21, money.Must("4.13 EUR"), money.Must("0.87 EUR"), money.Must("5.00 EUR")}},
			Net:   money.Must("4.13 EUR"), VAT: money.Must("0.87 EUR"), Gross: money.Must("5.00 EUR"),
		},
		Communication: "000000000101", Language: domain.French,
		Recipient: sealed.New("anna", sealed.Accounting, anna), StatutesVersion: 1,
	}
	billed = MonthBilled{may, "anna", "i1", number}
)

func charge(amount string) Charge {
	one := decimal.New(1, 0)
	m := money.Must(amount)
	return Charge{
		Kind: "plan", Description: "Nubo, 10 Go", Subscription: "s1", Plan: "nubo", GB: 10, Period: may.Period(),
		Quantity: one, UnitPrice: m.Decimal(), Amount: m, Category: Standard, Rate: p21,
	}
}

func with(change func(*IssueInvoice)) IssueInvoice {
	c := issue
	change(&c)
	return c
}

func line(change func(*Charge)) IssueInvoice {
	c := tenGB
	change(&c)
	return with(func(i *IssueInvoice) { i.Charges = []Charge{tenGB, c} })
}

type story = spec.Story[domain.Command2[Series, Bill]]

func TestIssueInvoice(t *testing.T) {
	earlier := issued
	earlier.Invoice, earlier.Payer, earlier.Number.Number = "i0", "bert", 41
	next := issued
	next.Number.Number = 42
	nextBilled := billed
	nextBilled.Number.Number = 42
	refuse := func(rule string, when IssueInvoice, refused error) story {
		return story{Rule: rule, When: when, Refused: refused}
	}
	spec.Check2(t, []story{
		{Rule: "a payer is billed for a month", When: issue, Then: spec.Events{issued, billed}},
		{Rule: "under the number after the last", Given: spec.Events{earlier}, When: issue, Then: spec.Events{next, nextBilled}},
		{Rule: "once, even by another run with other lines on another day", Given: spec.Events{issued, billed}, When: with(func(c *IssueInvoice) {
			c.Invoice, c.On, c.Charges = "i2", july1, []Charge{charge("7.50 EUR")}
		})},
		{Rule: "once, even by one that says nonsense by now", Given: spec.Events{issued, billed}, When: with(func(c *IssueInvoice) { c.Charges = nil })},
		{
			Rule: "lines of nothing are left out",
			When: with(func(c *IssueInvoice) { c.Charges = []Charge{tenGB, charge("0.00 EUR")} }), Then: spec.Events{issued, billed},
		},
		{
			Rule: "numbers follow dates", Given: spec.Events{earlier},
			When: with(func(c *IssueInvoice) { c.On = june1.AddDays(-1) }), Refused: ErrOutOfOrder,
		},
		refuse("what is for nothing needs no invoice", with(func(c *IssueInvoice) { c.Charges = []Charge{charge("0.00 EUR")} }), ErrNothingOwed),
		refuse("nor does what has no lines", with(func(c *IssueInvoice) { c.Charges = nil }), ErrNothingOwed),
		refuse("an invoice names its recipient", with(func(c *IssueInvoice) { c.Recipient.Name = " " }), ErrNoRecipient),
		refuse("a communication checks itself", with(func(c *IssueInvoice) { c.Communication = "000000000102" }), ErrCommunication),
		refuse("an invoice has an id", with(func(c *IssueInvoice) { c.Invoice = "" }), ErrIncomplete),
		refuse("an invoice is of a series", with(func(c *IssueInvoice) { c.Series = "" }), ErrIncomplete),
		refuse("an invoice is for a month", with(func(c *IssueInvoice) { c.Month = calendar.Month{} }), ErrIncomplete),
		refuse("an invoice has a payer", with(func(c *IssueInvoice) { c.Payer = "" }), ErrIncomplete),
		refuse("an invoice has a date", with(func(c *IssueInvoice) { c.On = calendar.Date{} }), ErrIncomplete),
		refuse("an invoice is not due before it is issued", with(func(c *IssueInvoice) { c.TermDays = -1 }), ErrIncomplete),
		refuse("an invoice is in a language we speak", with(func(c *IssueInvoice) { c.Language = "" }), ErrIncomplete),
		refuse("an invoice follows statutes", with(func(c *IssueInvoice) { c.StatutesVersion = 0 }), ErrIncomplete),
		refuse("a line says what it is for", line(func(c *Charge) { c.Description = "" }), ErrInvalidLine),
		refuse("what is given back is a credit note", line(func(c *Charge) { c.Amount = c.Amount.Negated() }), ErrInvalidLine),
		refuse("a line is in a currency", line(func(c *Charge) { c.Amount = money.Money{} }), ErrInvalidLine),
		refuse("all lines are in one currency", line(func(c *Charge) { c.Amount = money.Must("5.00 USD") }), ErrInvalidLine),
		refuse("a line has a category of VAT", line(func(c *Charge) { c.Category = "X" }), ErrInvalidLine),
		refuse("the standard rate is above zero", line(func(c *Charge) { c.Rate = decimal.Zero }), ErrInvalidLine),
		refuse("what is exempt has no rate", line(func(c *Charge) { c.Category = Exempt }), ErrInvalidLine),
		refuse("a rate is a percentage", line(func(c *Charge) { c.Rate = decimal.New(100, 0) }), ErrInvalidLine),
		refuse("a rate is not below zero", line(func(c *Charge) { c.Rate = decimal.New(-21, 0) }), ErrInvalidLine),
		refuse("a rate has at most four decimals", line(func(c *Charge) { c.Rate = decimal.New(1, -5) }), ErrInvalidLine),
	})
}

// TestNumbersHaveNoGap holds the number of an invoice to being the version of its
// stream, whoever is billed and however often.
func TestNumbersHaveNoGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var series Series
		bills, version := map[domain.PartyID]Bill{}, int64(0)
		for range rapid.IntRange(1, 20).Draw(t, "attempts") {
			c := issue
			c.Payer = domain.PartyID(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "payer"))
			c.On = june1.AddDays(rapid.IntRange(0, 3).Draw(t, "day"))
			invoices, months, err := c.Decide(series, bills[c.Payer])
			if err != nil && !ErrOutOfOrder.Is(err) || len(invoices) != len(months) || len(invoices) > 1 {
				t.Fatal(invoices, months, err)
			}
			for i, e := range invoices {
				version++
				series, bills[c.Payer] = e.Evolve(series), months[i].Evolve(bills[c.Payer])
				if series.Last() != version {
					t.Errorf("number %d is version %d", series.Last(), version)
				}
			}
		}
	})
}

func TestPayerNumber(t *testing.T) {
	numbered, taken := PayerNumbered{"anna", 1, "000000000101"}, PayerNumberTaken{1, "anna"}
	spec.Check2(t, []spec.Story[domain.Command2[Payer, PayerNumber]]{
		{Rule: "a payer has a number, and the communication made of it", When: NumberPayer{"anna", 1}, Then: spec.Events{numbered, taken}},
		{Rule: "a payer keeps the number", Given: spec.Events{numbered}, When: NumberPayer{"anna", 2}},
		{Rule: "no two payers have one number", Given: spec.Events{taken}, When: NumberPayer{"bert", 1}, Refused: ErrNumberTaken},
		{Rule: "numbers begin at one", When: NumberPayer{"anna", 0}, Refused: ErrNumberRange},
		{Rule: "numbers have ten digits", When: NumberPayer{"anna", 10_000_000_000}, Refused: ErrNumberRange},
		{Rule: "nobody has no number", When: NumberPayer{"", 1}, Refused: ErrIncomplete},
	})
	if n, c, ok := (Payer{numbered}).Number(); !ok || n != 1 || c.Grouped() != "+++000/0000/00101+++" {
		t.Errorf("%d, %s, %v", n, c, ok)
	}
}

func TestNumber(t *testing.T) {
	if got := (Number{"A", 2026, 42}).String(); got != "A-2026-000042" {
		t.Error(got)
	}
}

func TestTotals(t *testing.T) {
	reduced, exempt := charge("10.60 EUR"), charge("3.00 EUR")
	reduced.Rate = decimal.New(6, 0)
	exempt.Category, exempt.Rate = Exempt, decimal.Zero
	for _, tt := range []struct {
		name            string
		charges         []Charge
		include         bool
		net, vat, gross string
		lines           []string
	}{
		{"inside", []Charge{charge("2.50 EUR")}, true, "2.07 EUR", "0.43 EUR", "2.50 EUR", []string{"2.07 EUR"}},
		{"added", []Charge{charge("2.50 EUR")}, false, "2.50 EUR", "0.53 EUR", "3.03 EUR", []string{"2.50 EUR"}},
		{
			"inside, on the sum and not on each line",
			[]Charge{charge("2.50 EUR"), charge("2.50 EUR"), charge("2.50 EUR")},
			true,
			"6.20 EUR", "1.30 EUR", "7.50 EUR",
			[]string{"2.07 EUR", "2.07 EUR", "2.06 EUR"},
		},
		{
			"added, on the sum and not on each line",
			[]Charge{charge("0.02 EUR"), charge("0.02 EUR"), charge("0.02 EUR")},
			false,
			"0.06 EUR", "0.01 EUR", "0.07 EUR",
			[]string{"0.02 EUR", "0.02 EUR", "0.02 EUR"},
		},
		{
			"a rate at a time",
			[]Charge{charge("12.10 EUR"), reduced, exempt, charge("12.10 EUR")},
			true,
			"33.00 EUR", "4.80 EUR", "37.80 EUR",
			[]string{"10.00 EUR", "10.00 EUR", "3.00 EUR", "10.00 EUR"},
		},
		// 21 % of no whole number of cents makes 0.03 in all: VAT is what of it is tax, 0.0052 to the cent
		{"a sum that no net amount makes", []Charge{charge("0.03 EUR")}, true, "0.02 EUR", "0.01 EUR", "0.03 EUR", []string{"0.02 EUR"}},
		{"nothing", nil, true, "0.00", "0.00", "0.00", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Total(tt.charges, tt.include)
			if got.Net.String() != tt.net || got.VAT.String() != tt.vat || got.Gross.String() != tt.gross {
				t.Errorf("%v + %v = %v, want %s + %s = %s", got.Net, got.VAT, got.Gross, tt.net, tt.vat, tt.gross)
			}
			for i, want := range tt.lines {
				if got.Lines[i].Net.String() != want {
					t.Errorf("line %d is %v, want %s", i, got.Lines[i].Net, want)
				}
			}
		})
	}
}

// TestTotalsAddUp holds totals to EN 16931: BR-CO-10 and BR-S-08 for the sums of
// lines, BR-CO-14, BR-CO-15 and BR-CO-17 for VAT and gross.
func TestTotalsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		include := rapid.Bool().Draw(t, "include")
		var charges []Charge
		var owed money.Money
		for range rapid.IntRange(1, 12).Draw(t, "lines") {
			c := charge("0.00 EUR")
			c.Amount = money.New(rapid.Int64Range(0, 100_000).Draw(t, "cents"), money.EUR)
			c.Rate = rapid.SampledFrom([]decimal.Decimal{decimal.Zero, decimal.New(55, -1), decimal.New(6, 0), decimal.New(60, -1), p21}).Draw(t, "rate")
			if c.Rate.IsZero() {
				c.Category = Exempt
			}
			charges, owed = append(charges, c), owed.Plus(c.Amount)
		}
		got := Total(charges, include)
		if include && got.Gross != owed {
			t.Errorf("gross is %v: the prices sum to %v", got.Gross, owed)
		}
		if !include && got.Net != owed {
			t.Errorf("net is %v: the prices sum to %v", got.Net, owed)
		}
		if got.Net.Plus(got.VAT) != got.Gross {
			t.Errorf("%v + %v is not %v", got.Net, got.VAT, got.Gross)
		}
		var net, vat, gross money.Money
		for _, tax := range got.Taxes {
			net, vat, gross = net.Plus(tax.Net), vat.Plus(tax.VAT), gross.Plus(tax.Gross)
			if tax.Net.Plus(tax.VAT) != tax.Gross {
				t.Errorf("at %v %%: %v + %v is not %v", tax.Rate, tax.Net, tax.VAT, tax.Gross)
			}
			lines := money.New(0, money.EUR)
			for _, l := range got.Lines {
				if l.Rate.Equal(tax.Rate) {
					lines = lines.Plus(l.Net)
				}
			}
			if lines != tax.Net {
				t.Errorf("at %v %% the lines sum to %v, not %v", tax.Rate, lines, tax.Net)
			}
			computed := tax.Net.TimesRate(tax.Rate.Shift(-2))
			off := tax.VAT.Minus(computed).Minor()
			reached := include && reachable(tax.Gross, tax.Rate)
			if off < -1 || off > 1 || off != 0 && (!include || reached) {
				t.Errorf("at %v %% VAT on %v is %v, computed %v", tax.Rate, tax.Net, tax.VAT, computed)
			}
		}
		if net != got.Net || vat != got.VAT || gross != got.Gross {
			t.Errorf("the rates sum to %v + %v = %v", net, vat, gross)
		}
	})
}

// reachable reports whether some net amount and the VAT computed on it make a
// gross amount: it tries those around.
func reachable(gross money.Money, rate decimal.Decimal) bool {
	near := gross.Decimal().Div(decimal.New(1, 0).Add(rate.Shift(-2)))
	for cents := int64(-3); cents <= 3; cents++ {
		net := money.Round(near.Add(decimal.New(cents, -2)), money.EUR)
		if net.Plus(net.TimesRate(rate.Shift(-2))) == gross {
			return true
		}
	}
	return false
}

func TestStreamsAreApart(t *testing.T) {
	series, bill := issue.Streams()
	if series != "invoices/A/2026" || bill != "bill/2026-05/anna" {
		t.Error(series, bill)
	}
	payer, number := NumberPayer{"anna", 7}.Streams()
	if payer != "payer/anna" || number != "payer-number/7" {
		t.Error(payer, number)
	}
}
