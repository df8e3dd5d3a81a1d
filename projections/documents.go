package projections

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/documents"
	"rochdale/eventstore/lite"
)

var documentsProjection = projection{
	module: "documents",
	wants:  []any{documents.Filed{}},
	apply: func(t *table, event any) error {
		if e, ok := event.(documents.Filed); ok {
			return t.Exec(`insert into document values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Document, e.Kind, e.Title, e.Language, e.SHA256, e.Size, e.MediaType, e.On, e.About, t.position)
		}
		return nil
	},
}

// Document is a document that the co-op keeps.
type Document struct {
	ID        domain.DocumentID
	Kind      documents.Kind
	Title     string
	Language  domain.Language
	SHA256    documents.Digest
	Size      int64 // in bytes
	MediaType string
	On        calendar.Date
	About     domain.PartyID // empty: nobody, or everybody
}

const documentColumns = `id, kind, title, language, sha256, size, media_type, on_date, about`

func scanDocument(r lite.Row) (d Document, err error) {
	d = Document{
		ID: domain.DocumentID(r.Text(0)), Kind: documents.Kind(r.Text(1)), Title: r.Text(2), Language: domain.Language(r.Text(3)),
		SHA256: documents.Digest(r.Text(4)), Size: r.Int(5), MediaType: r.Text(6), About: domain.PartyID(r.Text(8)),
	}
	return d, r.Into(7, &d.On)
}

// Document returns a document, and whether there is one.
func (m *Models) Document(ctx context.Context, id domain.DocumentID) (Document, bool, error) {
	return one(ctx, m, `select `+documentColumns+` from document where id = ?`, scanDocument, id)
}

// Documents returns a part of the list of documents, the latest first: all, or
// those about nobody and about a party.
func (m *Models) Documents(ctx context.Context, about *domain.PartyID, p Page) (List[Document], error) {
	q := query{columns: documentColumns, from: "document", key: "on_date", id: "id", descending: true}
	if about != nil {
		q.where, q.args = "about in ('', ?)", []any{*about}
	}
	return page(ctx, m, q, p, scanDocument)
}
