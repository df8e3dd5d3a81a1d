package documents

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

func sampleCertificate(lang domain.Language, lots int) Certificate {
	v := Certificate{
		Language: lang, Number: "8", On: calendar.On(2026, time.June, 1), Member: "17", Class: "A", Replaces: "7",
		Issuer: sampleInvoice(lang, 1).Seller, Holder: sampleInvoice(lang, 1).Buyer,
	}
	for i := range lots {
		n := int64(i%3 + 1)
		v.Quantity += n
		v.Lots = append(v.Lots, CertificateLot{
			AcquiredOn: calendar.On(2024, time.March, 1).AddDays(i), Quantity: n, Price: money.New(2500, "EUR"), Paid: money.New(2500, "EUR").Times(n),
		})
	}
	return v
}

func TestCertificate(t *testing.T) {
	for _, lang := range domain.Languages {
		var b bytes.Buffer
		if err := WriteCertificate(&b, sampleCertificate(lang, 3)); err != nil {
			t.Fatal(err)
		}
		golden(t, "certificate."+string(lang)+".txt", strings.Join(textOf(t, b.Bytes()), "\f"))
	}
	long := sampleCertificate("fr", 90)
	long.VoidOn = calendar.On(2026, time.July, 1)
	var b bytes.Buffer
	if err := WriteCertificate(&b, long); err != nil {
		t.Fatal(err)
	}
	pages := textOf(t, b.Bytes())
	if text := strings.Join(pages, "\n"); len(pages) < 3 || !strings.Contains(text, "n’est plus valable depuis le 1er juillet 2026") || strings.Count(text, "/2024") != 90 {
		t.Errorf("%d pages: %s", len(pages), text)
	}
	long.Quantity++
	if err := WriteCertificate(io.Discard, long); err == nil {
		t.Error("shares that do not add up are certified")
	}
}
