package graphql

import (
	"context"

	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/projections"
)

func (m mutation) AdoptStatutes(ctx context.Context, version int, text string, on *calendar.Date, inForceFrom calendar.Date, by, requestID *string) (done exec.StatutesDone, err error) {
	rules, err := statutes.Parse([]byte(text), "statutes")
	if err != nil {
		return done, statutes.ErrInvalid.With("problem", err.Error())
	}
	done.Version = version
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		return eventstore.Do(w.Tx, statutes.Adopt{Version: version, On: day, InForceFrom: inForceFrom, By: value(by), Statutes: rules})
	})
	return done, err
}

type statutesPayload struct{ *resolver }

func (r *resolver) StatutesPayload() exec.StatutesPayloadResolver { return statutesPayload{r} }

func (p statutesPayload) Statutes(ctx context.Context, done *exec.StatutesDone) (*exec.Statutes, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	v, known, err := p.Models.StatutesVersion(ctx, done.Version)
	return found(statutesOf(v), known, err)
}

func (q query) Statutes(ctx context.Context, on *calendar.Date, version *int) (*exec.Statutes, error) {
	if version != nil {
		v, known, err := q.Models.StatutesVersion(ctx, *version)
		return found(statutesOf(v), known, err)
	}
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	v, known, err := q.Models.StatutesOn(ctx, day)
	return found(statutesOf(v), known, err)
}

func (q query) StatutesVersions(ctx context.Context) ([]exec.Statutes, error) {
	versions, err := q.Models.Statutes(ctx)
	all := make([]exec.Statutes, len(versions))
	for i, v := range versions {
		all[i] = statutesOf(v)
	}
	return all, err
}

func statutesOf(v projections.StatutesVersion) exec.Statutes {
	return exec.Statutes{Statutes: v.Statutes, AdoptedOn: v.AdoptedOn, InForceFrom: v.InForceFrom, By: v.By}
}
