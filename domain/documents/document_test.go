package documents

import (
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/spec"
)

var digest = Digest(strings.Repeat("0a", 32))

func TestDocument(t *testing.T) {
	may1 := calendar.On(2026, time.May, 1)
	minutes := File{"d1", Minutes, "Minutes of the assembly of May 2026", domain.English, digest, 4096, "application/pdf", may1, ""}
	filed := Filed(minutes)
	with := func(change func(*File)) File {
		c := minutes
		change(&c)
		return c
	}
	incomplete := func(rule string, change func(*File)) spec.Story[domain.Command[Document]] {
		return spec.Story[domain.Command[Document]]{Rule: rule, When: with(change), Refused: ErrUnnamed}
	}
	invoice := with(func(c *File) { c.Document, c.Kind, c.About, c.Language = "d2", Invoice, "anna", domain.French })
	spec.Check(t, []spec.Story[domain.Command[Document]]{
		{Rule: "a document is filed", When: minutes, Then: spec.Events{filed}},
		{Rule: "a document may be about somebody", When: invoice, Then: spec.Events{Filed(invoice)}},
		{Rule: "a table has no language", When: with(func(c *File) { c.Language = "" }), Then: spec.Events{Filed(with(func(c *File) { c.Language = "" }))}},
		{
			Rule: "nothing takes the place of what was filed", Given: spec.Events{filed},
			When: with(func(c *File) { c.SHA256 = Digest(strings.Repeat("0b", 32)) }), Refused: ErrFiled,
		},
		{Rule: "a document has content", When: with(func(c *File) { c.Size = 0 }), Refused: ErrNoContent},
		{Rule: "content is known by its digest", When: with(func(c *File) { c.SHA256 = digest[1:] }), Refused: ErrNoContent},
		{Rule: "digests are in lower case, so that equal ones look it", When: with(func(c *File) { c.SHA256 = Digest(strings.ToUpper(string(digest))) }), Refused: ErrNoContent},
		incomplete("a document has an id", func(c *File) { c.Document = "" }),
		incomplete("a document has a title", func(c *File) { c.Title = " " }),
		incomplete("a document is of a kind we know", func(c *File) { c.Kind = "poem" }),
		incomplete("a document is in a language we speak", func(c *File) { c.Language = "eo" }),
		incomplete("a document has a media type", func(c *File) { c.MediaType = "pdf" }),
		incomplete("a document has a date", func(c *File) { c.On = calendar.Date{} }),
	})
	if _, ok := (Document{}).Filed(); ok {
		t.Error("nothing was filed")
	}
	if got, ok := filed.Evolve(Document{}).Filed(); !ok || got != filed {
		t.Errorf("filed %+v", got)
	}
}
