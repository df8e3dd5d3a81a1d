// Package documents knows the documents that the co-op keeps: convocations,
// minutes, invoices, extracts of registers. It knows of their content by its
// digest only: the bytes lie in a store of their own, or are made again.
//
//	File → Filed   document/<document>   once
//
// Titles are in the clear, so they name no person; whom a document is about is
// said by a party's id.
package documents

import (
	"strings"

	"rochdale/domain"
)

// StreamOf returns the stream of one document.
func StreamOf(id domain.DocumentID) domain.Stream { return domain.StreamOf("document", string(id)) }

// Document is what must be known of a document in order to decide.
type Document struct{ filed Filed }

func (d Document) exists() bool { return d.filed.Document != "" }

// Filed returns what was filed, and whether anything was.
func (d Document) Filed() (Filed, bool) { return d.filed, d.exists() }

// Kind is what sort of document it is.
type Kind string

const (
	Convocation Kind = "convocation" // to an assembly
	Minutes     Kind = "minutes"     // of an assembly or the board
	Statutes    Kind = "statutes"
	Extract     Kind = "extract"     // of a register, as at a date
	Certificate Kind = "certificate" // of shares held
	Invoice     Kind = "invoice"
	Report      Kind = "report"
	Other       Kind = "other"
)

// Kinds are all kinds.
var Kinds = []Kind{Convocation, Minutes, Statutes, Extract, Certificate, Invoice, Report, Other}

// Digest is the SHA-256 of a content in lower-case hexadecimal (FIPS 180-4).
type Digest string

// Valid reports whether it has the form of one.
func (d Digest) Valid() bool {
	return len(d) == 64 && strings.Trim(string(d), "0123456789abcdef") == ""
}
