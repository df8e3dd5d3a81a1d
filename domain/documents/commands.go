package documents

import (
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which documents say no.
var (
	ErrFiled     = domain.Refusal{Code: "documents.filed", Reason: "another document is filed under this id: file this one under its own"}
	ErrNoContent = domain.Refusal{Code: "documents.no_content", Reason: "a document has content: its size in bytes and its SHA-256 in 64 hexadecimal digits"}
	ErrUnnamed   = domain.Refusal{Code: "documents.unnamed", Reason: "a document has an id, a title, a kind, a media type like application/pdf and a date: {missing} is missing or unknown"}
)

// File adds a document.
type File struct {
	Document  domain.DocumentID
	Kind      Kind
	Title     string
	Language  domain.Language
	SHA256    Digest
	Size      int64
	MediaType string
	On        calendar.Date
	About     domain.PartyID
}

func (c File) Stream() domain.Stream { return StreamOf(c.Document) }

func (c File) Decide(d Document) ([]event, error) {
	switch filed := Filed(c); {
	case d.filed == filed && d.exists():
		return nil, nil
	case d.exists():
		return nil, ErrFiled
	case c.missing() != "":
		return nil, ErrUnnamed.With("missing", c.missing())
	case c.Size <= 0 || !c.SHA256.Valid():
		return nil, ErrNoContent
	default:
		return []event{filed}, nil
	}
}

func (c File) missing() string {
	kind, subtype, _ := strings.Cut(c.MediaType, "/")
	switch {
	case c.Document == "":
		return "id"
	case strings.TrimSpace(c.Title) == "":
		return "title"
	case !slices.Contains(Kinds, c.Kind):
		return "kind"
	case c.Language != "" && !c.Language.Valid():
		return "language"
	case kind == "" || subtype == "":
		return "media type"
	case c.On.IsZero():
		return "date"
	}
	return ""
}
