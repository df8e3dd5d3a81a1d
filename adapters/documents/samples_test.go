package documents

import (
	"fmt"
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// sampleInvoice is an invoice with as many lines, of two rates of VAT if there
// is more than one.
func sampleInvoice(lang domain.Language, lines int) Invoice {
	v := Invoice{
		Language: lang, Number: "2026-000042", IssuedOn: calendar.On(2026, time.June, 1), DueOn: calendar.On(2026, time.July, 1),
		Period: calendar.In(2026, time.May).Period(),
		Seller: Party{
			Name: "Coopérative Exemple SC agréée", Address: []string{"Rue du Modèle 12", "1000 Bruxelles", "Belgique"},
			EnterpriseNumber: "0123.456.749", VATNumber: "BE 0123.456.749",
			Details: []string{"RPM Bruxelles", "facturation@coop.example", "+32 2 000 00 00", "www.coop.example"},
		},
		Buyer: Party{Name: "Zoé Übermaß-Łukasiewicz", Address: []string{"Avenue des Échantillons 7 boîte 3", "4000 Liège", "Belgique"}},
		Notes: []string{},
	}
	net := map[string]money.Money{}
	for i := range lines {
		rate := "0.21"
		if i%5 == 4 {
			rate = "0.06"
		}
		l := InvoiceLine{
			Description: fmt.Sprintf("Boîte aux lettres et stockage, %d Go", 5+i), Detail: "1/05/2026 – 31/05/2026", Quantity: dec("1"),
			UnitPrice: dec("1027.50"), Rate: dec(rate), Amount: money.New(102750, "EUR"),
		}
		if i == 1 {
			l.Description, l.UnitPrice, l.Quantity, l.Amount = "Une description bien plus longue que la colonne, qui doit donc se poursuivre sur plusieurs lignes sans rien recouvrir, et un motoutrèslongsansaucunespacepourlecouperquelquepart", dec("0.0125"), dec("1000"), money.New(1250, "EUR")
		}
		v.Lines = append(v.Lines, l)
		net[rate] = net[rate].Plus(l.Amount)
	}
	for _, rate := range []string{"0.06", "0.21"} {
		if m, ok := net[rate]; ok {
			tax := m.TimesRate(dec(rate))
			v.VAT = append(v.VAT, InvoiceVAT{dec(rate), m, tax})
			v.Net, v.Tax = v.Net.Plus(m), v.Tax.Plus(tax)
		}
	}
	v.Gross = v.Net.Plus(v.Tax)
	v.Payment = Transfer{IBAN: "BE71096123456769", BIC: "GKCCBEBB", Amount: v.Gross, Communication: "+++000/0000/04242+++"}
	return v
}

// sampleRegister is a register of shares with as many holdings, in two classes.
func sampleRegister(lang domain.Language, holdings int) Table {
	word := func(key string) string { return catalogue.Word(lang, "columns."+key) }
	at := calendar.On(2026, time.March, 31)
	return Table{
		Title: catalogue.Word(lang, "documents.share_register"), Author: "Coopérative Exemple SC agréée", Language: lang,
		Notes: []string{
			catalogue.Text(lang, "documents.as_at", domain.Args{"date": at}, ""),
			catalogue.Text(lang, "documents.known_at", domain.Args{"date": at.AddMonths(2)}, ""),
		},
		Made: time.Date(2026, time.June, 2, 14, 30, 0, 0, time.FixedZone("CEST", 7200)), GroupBy: "class", Sign: true,
		Columns: []Column{
			{Key: "class", Heading: word("class")},
			{Key: "member_number", Heading: word("member_number"), Kind: Identifier},
			{Key: "name", Heading: word("name")},
			{Key: "domicile", Heading: word("domicile")},
			{Key: "acquired_on", Heading: word("acquired_on"), Kind: Date},
			{Key: "quantity", Heading: word("quantity"), Kind: Integer, Sum: true},
			{Key: "nominal", Heading: word("nominal"), Kind: Money, Sum: true, Currency: "EUR"},
			{Key: "paid", Heading: word("paid"), Kind: Money, Sum: true, Currency: "EUR"},
			{Key: "votes", Heading: word("votes"), Kind: Integer},
			{Key: "restrictions", Heading: word("restrictions")},
		},
		Rows: holdingsOf(holdings),
	}
}

func holdingsOf(n int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			class, name, note := "A", fmt.Sprintf("Membre%d Exemple", i+1), ""
			if i >= (n+1)/2 {
				class = "B"
			}
			if i%7 == 3 {
				name, note = "Association intercommunale des Échantillons d’Étude et de Prévoyance sociale ASBL", "Agrément du conseil d’administration"
			}
			quantity := int64(i%40 + 1)
			price := money.New(2500, "EUR").Times(quantity)
			if !yield([]any{
				domain.ClassID(class), domain.MemberNumber(i + 1), name, fmt.Sprintf("Rue du Modèle %d, %d Ville-Exemple", i%200+1, 1000+i%9000),
				calendar.On(2019, time.January, 28).AddDays(i % 2000), quantity, price, price.Minus(money.New(int64(i%3)*100, "EUR")), 1, note,
			}, nil) {
				return
			}
		}
	}
}
