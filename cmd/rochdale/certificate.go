package main

import (
	"context"
	"io"
	"strconv"

	"rochdale/adapters/documents"
	"rochdale/domain"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/projections"
)

type exportCertificateCmd struct {
	Number int64  `arg:"" help:"The number of the certificate."`
	Out    string `short:"o" help:"The file to write; by default what is printed." placeholder:"FILE" type:"path"`
}

func (exportCertificateCmd) Help() string {
	return `In the language of the holder. One that was replaced or cancelled says so.
Example:
  rochdale export certificate 8 -o certificate-8.pdf`
}

// errNoCertificate refuses to write a certificate that there is not.
var errNoCertificate = domain.Refusal{Code: "rochdale.no_certificate", Reason: "there is no certificate with number {number}"}

// Run writes a certificate.
func (c exportCertificateCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		cert, found, err := h.models.Certificate(ctx, shares.CertificateNumber(c.Number))
		if err == nil && !found {
			err = errNoCertificate.With("number", c.Number)
		}
		if err != nil {
			return err
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		holder, _, err := h.models.Member(ctx, cert.Party)
		if err != nil {
			return err
		}
		return toFile(t, c.Out, func(w io.Writer) error {
			return documents.WriteCertificate(w, certificateDocument(rules, holder, cert))
		})
	})
}

// certificateDocument says what a certificate says in the words of documents.
func certificateDocument(rules statutes.Statutes, holder projections.Member, c projections.Certificate) documents.Certificate {
	lang := holder.Language
	if !lang.Valid() {
		lang = rules.Languages[0]
	}
	d := documents.Certificate{
		Language: lang, Number: strconv.FormatInt(int64(c.Number), 10), On: c.On, Quantity: c.Quantity, VoidOn: c.VoidOn, Class: string(c.Class),
		Issuer: documents.Party{
			Name:             rules.Name + " " + rules.LegalForm,
			Address:          address(rules.Legal.Street, rules.Legal.PostalCode, rules.Legal.City, rules.Legal.Country),
			EnterpriseNumber: rules.Legal.EnterpriseNumber,
		},
		Holder: documents.Party{
			Name: holder.Name, Address: address(holder.Street, holder.PostalCode, holder.City, holder.Country), EnterpriseNumber: holder.EnterpriseNumber,
		},
	}
	if holder.Number > 0 {
		d.Member = strconv.FormatInt(int64(holder.Number), 10)
	}
	if class, known := rules.Class(c.Class); known {
		d.Class = class.Name.In(lang)
	}
	if c.Replaces > 0 {
		d.Replaces = strconv.FormatInt(int64(c.Replaces), 10)
	}
	for _, l := range c.Lots {
		d.Lots = append(d.Lots, documents.CertificateLot{AcquiredOn: l.AcquiredOn, Quantity: l.Quantity, Price: l.Price, Paid: l.Paid})
	}
	return d
}
