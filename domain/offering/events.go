package offering

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
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
	for _, rate := range e.List.VAT {
		o.rates = o.withRate(rate)
	}
	return o
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
	domain.Register[Published](r, "offering.published")
	domain.Register[VATRateSet](r, "offering.vat_rate_set")
}
