package documents

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

type event = domain.Event[Document]

// Filed adds a document to those the co-op keeps.
type Filed struct {
	Document  domain.DocumentID `json:"document"`
	Kind      Kind              `json:"kind"`
	Title     string            `json:"title"`
	Language  domain.Language   `json:"language,omitempty"` // that it is written in; empty for none, as of a table
	SHA256    Digest            `json:"sha256"`
	Size      int64             `json:"size"` // in bytes
	MediaType string            `json:"media_type"`
	On        calendar.Date     `json:"on"`              // that it is dated
	About     domain.PartyID    `json:"about,omitempty"` // empty where it is about nobody, or everybody
}

func (e Filed) Evolve(Document) Document { return Document{e} }

// Register enters the events of documents.
func Register(r *domain.Registry) {
	domain.Register[Filed](r, "documents.filed")
}
