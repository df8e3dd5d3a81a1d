package offering

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

type event = domain.Event[Offering]

// Published puts a version of the price list in force.
type Published struct {
	Version int           `json:"version"` // from 1
	On      calendar.Date `json:"on"`      // that it was decided
	From    calendar.Date `json:"from"`    // the first day on which it holds
	List    PriceList     `json:"list"`
}

func (e Published) Evolve(o Offering) Offering {
	o.lists = append(slices.Clip(o.lists), e)
	o.rates = o.withRates(e.List.VAT)
	return o
}

// publishedV1 is edition 1: there were no add-ons, nothing for members and no days of grace.
type publishedV1 struct {
	Version int           `json:"version"`
	On      calendar.Date `json:"on"`
	From    calendar.Date `json:"from"`
	List    priceListV1   `json:"list"`
}

type priceListV1 struct {
	Name       string         `json:"name"`
	Currency   money.Currency `json:"currency"`
	IncludeVAT bool           `json:"include_vat"`
	Proration  Proration      `json:"proration"`
	VAT        []VATRate      `json:"vat"`
	Plans      []Plan         `json:"plans"`
	Lines      Lines          `json:"lines"`
}

func publishedFromV1(e publishedV1) Published {
	l := e.List
	return Published{e.Version, e.On, e.From, PriceList{
		Name: l.Name, Currency: l.Currency, IncludeVAT: l.IncludeVAT, Proration: l.Proration, VAT: l.VAT, Plans: l.Plans, Lines: l.Lines,
	}}
}

// VATRateSet puts a rate of VAT in force.
type VATRateSet struct {
	On   calendar.Date `json:"on"` // that it was recorded
	Rate VATRate       `json:"rate"`
}

func (e VATRateSet) Evolve(o Offering) Offering {
	o.rates = o.withRate(e.Rate)
	return o
}

// Register enters the events of the offering.
func Register(r *domain.Registry) {
	domain.Register[Published](r, "offering.published", domain.Upcast(publishedFromV1))
	domain.Register[VATRateSet](r, "offering.vat_rate_set")
}
