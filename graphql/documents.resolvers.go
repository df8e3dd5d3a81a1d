package graphql

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/documents"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/projections"
)

func (m mutation) FileDocument(ctx context.Context, kind documents.Kind, title string, language *domain.Language, sha256 string, size domain.Bytes,
	mediaType string, on *calendar.Date, about, requestID *string,
) (done exec.DocumentDone, err error) {
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		done.ID = domain.DocumentID(w.NewID().String())
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, documents.File{
			Document: done.ID, Kind: kind, Title: title, Language: value(language), SHA256: documents.Digest(sha256),
			Size: int64(size), MediaType: mediaType, On: day, About: domain.PartyID(value(about)),
		})
	})
	return done, err
}

type documentPayload struct{ *resolver }

func (r *resolver) DocumentPayload() exec.DocumentPayloadResolver { return documentPayload{r} }

func (p documentPayload) Document(ctx context.Context, done *exec.DocumentDone) (*projections.Document, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Document(ctx, done.ID))
}

func (q query) Document(ctx context.Context, id string) (*projections.Document, error) {
	d, known, err := q.Models.Document(ctx, domain.DocumentID(id))
	return found(d, known && (d.About == "" || q.sees(ctx, d.About)), err)
}

func (q query) Documents(ctx context.Context, first *int, after *string, last *int, before *string) (page exec.DocumentConnection, err error) {
	var about *domain.PartyID
	if !q.seesAll(ctx) {
		who, err := q.self(ctx)
		if err != nil {
			return page, err
		}
		about = &who
	}
	return paged(q.Models.Documents(ctx, about, pageOf(ctx, first, after, last, before)))
}
