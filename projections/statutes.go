package projections

import (
	"context"
	"encoding/json"

	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore/lite"
)

var statutesProjection = projection{
	module: "statutes",
	wants:  []any{statutes.Adopted{}},
	apply: func(t *table, event any) error {
		if e, ok := event.(statutes.Adopted); ok {
			rules, err := asJSON(e.Statutes)
			if err != nil {
				return err
			}
			return t.Exec(`insert into statutes values (?, ?, ?, ?, ?)`, e.Version, e.On, e.InForceFrom, e.By, rules)
		}
		return nil
	},
}

// StatutesVersion is a version of the statutes.
type StatutesVersion struct {
	Version     int
	AdoptedOn   calendar.Date
	InForceFrom calendar.Date
	By          string
	Statutes    statutes.Statutes
}

func scanStatutes(r lite.Row) (v StatutesVersion, err error) {
	v.Version, v.By = int(r.Int(0)), r.Text(3)
	if err := r.Into(1, &v.AdoptedOn); err != nil {
		return v, err
	}
	if err := r.Into(2, &v.InForceFrom); err != nil {
		return v, err
	}
	err = json.Unmarshal(r.Raw(4), &v.Statutes)
	v.Statutes.Version = v.Version
	return v, err
}

const statutesColumns = `version, adopted_on, in_force_from, by_whom, rules`

// Statutes returns all versions of the statutes, oldest first.
func (m *Models) Statutes(ctx context.Context) ([]StatutesVersion, error) {
	return rows(ctx, m, `select `+statutesColumns+` from statutes order by version`, scanStatutes)
}

// StatutesOn returns the statutes in force on a day, and whether there are any.
func (m *Models) StatutesOn(ctx context.Context, day calendar.Date) (StatutesVersion, bool, error) {
	return one(ctx, m, `select `+statutesColumns+` from statutes where in_force_from <= ? order by version desc limit 1`, scanStatutes, day)
}

// StatutesVersion returns one version, and whether there is one.
func (m *Models) StatutesVersion(ctx context.Context, version int) (StatutesVersion, bool, error) {
	return one(ctx, m, `select `+statutesColumns+` from statutes where version = ?`, scanStatutes, version)
}
