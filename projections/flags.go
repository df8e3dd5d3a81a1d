package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/shares"
	"rochdale/eventstore/lite"
)

// Flagged returns what a party did, or was given, on days on which it was taken for what
// it was no more, since a death or another end was learnt of late: votes, transfers,
// dividends and invoices, in the order of their days. Days are those of a time zone.
func (m *Models) Flagged(ctx context.Context, party domain.PartyID, in *time.Location) ([]membership.Act, error) {
	state, err := m.member(ctx, party)
	if err != nil {
		return nil, err
	}
	period, any := state.Mistaken()
	if !any {
		return nil, nil
	}
	acts, err := m.acts(ctx, party, period, in)
	if err != nil {
		return nil, err
	}
	acts = state.Flag(acts)
	slices.SortStableFunc(acts, func(a, b membership.Act) int { return a.On.Compare(b.On) })
	return acts, nil
}

// member returns a party as its events have it, as far as the read models know them.
func (m *Models) member(ctx context.Context, party domain.PartyID) (state membership.Member, err error) {
	position := m.Position()
	for rec, err := range m.store.Log.Stream(ctx, membership.StreamOf(party), 0) {
		if err != nil || rec.Position > position {
			return state, err
		}
		decoded, err := m.store.Registry.Decode(rec.Encoded)
		if err != nil {
			return state, fmt.Errorf("projections: event at %d: %w", rec.Position, err)
		}
		if e, of := decoded.(domain.Event[membership.Member]); of {
			state = e.Evolve(state)
		}
	}
	return state, nil
}

// acts returns those of a period.
func (m *Models) acts(ctx context.Context, party domain.PartyID, within calendar.Period, in *time.Location) ([]membership.Act, error) {
	from, through := within.From.Midnight(in).UnixMicro(), within.Through.AddDays(1).Midnight(in).UnixMicro()
	votes, err := rows(ctx, m, `select id, recorded_at from poll join ballot on poll = id and party = ? where recorded_at >= ? and recorded_at < ? order by recorded_at`,
		func(r lite.Row) (membership.Act, error) {
			return membership.Act{What: "vote", ID: r.Text(0), On: calendar.Of(r.Time(1).In(in))}, nil
		}, party, from, through)
	if err != nil {
		return nil, err
	}
	others, err := rows(ctx, m, `
		select 'invoice', id, issued_on from invoice where payer = ?1 and issued_on between ?2 and ?3
		union all select kind, reference, on_date from share_movement where party = ?1 and kind in ('transferred_in', 'transferred_out', 'issued') and on_date between ?2 and ?3`,
		func(r lite.Row) (membership.Act, error) {
			d := days{r: r}
			return membership.Act{What: r.Text(0), ID: r.Text(1), On: d.at(2)}, d.err
		}, party, within.From, within.Through)
	if err != nil {
		return nil, err
	}
	acts := append(votes, others...)
	dividends, err := rows(ctx, m, `select dividend from share_payout where party = ?`, func(r lite.Row) (shares.DividendID, error) {
		return shares.DividendID(r.Text(0)), nil
	}, party)
	for _, id := range dividends {
		if err != nil {
			return nil, err
		}
		var allotted []membership.Act
		allotted, err = rows(ctx, m, `select on_date from posting where stream = ? and account = 'dividends' and amount < 0 and on_date between ? and ? limit 1`,
			func(r lite.Row) (membership.Act, error) {
				d := days{r: r}
				return membership.Act{What: "dividend", ID: string(id), On: d.at(0)}, d.err
			}, shares.PayoutStream(id, party), within.From, within.Through)
		acts = append(acts, allotted...)
	}
	return acts, err
}
