package projections

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"rochdale/domain/calendar"
	"rochdale/domain/offering"
	"rochdale/eventstore/lite"
)

var offeringProjection = projection{
	module: "offering",
	wants:  []any{offering.Published{}, offering.VATRateSet{}},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case offering.Published:
			list, err := asJSON(e.List)
			if err != nil {
				return err
			}
			return t.Exec(`insert into price_list values (?, ?, ?, ?)`, e.Version, e.On, e.From, list)
		case offering.VATRateSet:
			return t.Exec(`insert into vat_rate values (?, ?, ?)`, t.position, e.Rate.From, e.Rate.Percent.String())
		}
		return nil
	},
}

// PriceList is a version of the price list.
type PriceList struct {
	Version int
	On      calendar.Date // that it was decided
	From    calendar.Date // the first day on which it holds
	List    offering.PriceList
}

func scanPriceList(r lite.Row) (p PriceList, err error) {
	d := days{r: r}
	p.Version, p.On, p.From = int(r.Int(0)), d.at(1), d.at(2)
	if err := json.Unmarshal(r.Raw(3), &p.List); err != nil {
		return p, err
	}
	return p, d.err
}

// PriceLists returns all versions of the price list, oldest first.
func (m *Models) PriceLists(ctx context.Context) ([]PriceList, error) {
	return rows(ctx, m, `select version, on_date, from_date, list from price_list order by version`, scanPriceList)
}

// PriceListOn returns the price list in force on a day, and whether there is one.
func (m *Models) PriceListOn(ctx context.Context, day calendar.Date) (PriceList, bool, error) {
	return one(ctx, m, `select version, on_date, from_date, list from price_list where from_date <= ? order by version desc limit 1`, scanPriceList, day)
}

// VATRates returns the rates of VAT that were set since, in the order in which
// they were; those of the price lists aside.
func (m *Models) VATRates(ctx context.Context) ([]offering.VATRate, error) {
	return rows(ctx, m, `select from_date, percent from vat_rate order by position`, func(r lite.Row) (v offering.VATRate, err error) {
		if v.Percent, err = decimal.NewFromString(r.Text(1)); err != nil {
			return v, err
		}
		return v, r.Into(0, &v.From)
	})
}
