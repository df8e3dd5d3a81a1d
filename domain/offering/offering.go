// Package offering is what the co-op offers and at which price.
//
//	Publish    → Published    offering   the next version of the price list, from a day on
//	SetVATRate → VATRateSet   offering   the rate of VAT from a day on
//
// A price list is data, read from a file that people can read ([Parse]); to put
// it in force is an event. What it charges for a month is a pure function of it
// and of what was used ([PriceList.Charges]).
package offering

import (
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// Stream is the one stream of the price list.
const Stream domain.Stream = "offering"

// Offering is every price list ever published and every rate of VAT: past months
// are priced as they were.
type Offering struct {
	lists []Published
	rates []VATRate // by the day from which they apply; no two from one day
}

// Version returns the version of the list published last, from 1, or 0.
func (o Offering) Version() int { return len(o.lists) }

// At returns the price list in force on a day and its version, or 0 where none
// is: a later version replaces the earlier ones from its first day on. Its rates
// of VAT include those set since.
func (o Offering) At(d calendar.Date) (list PriceList, version int) {
	for _, published := range slices.Backward(o.lists) {
		if !published.From.After(d) {
			list = published.List
			list.VAT = o.rates
			return list, published.Version
		}
	}
	return PriceList{}, 0
}

// RateChange returns the first day on which these rates of VAT would make another hold,
// and whether there is one.
func (o Offering) RateChange(rates ...VATRate) (first calendar.Date, changes bool) {
	after := o.withRates(rates)
	for _, r := range after { // days before them all have none, as they had
		if !sameRate(o.rates, after, r.From) {
			return r.From, true
		}
	}
	return first, false
}

func (o Offering) withRates(rates []VATRate) []VATRate {
	for _, r := range rates {
		o.rates = o.withRate(r)
	}
	return o.rates
}

// sameRate reports whether the same rate holds on a day, by some rates and by others.
func sameRate(rates, others []VATRate, d calendar.Date) bool {
	is, known := rateOn(rates, d)
	other, also := rateOn(others, d)
	return known == also && is.Equal(other)
}

// withRate returns the rates with one more, in place of that from the same day.
func (o Offering) withRate(rate VATRate) []VATRate {
	rates := slices.DeleteFunc(slices.Clone(o.rates), func(r VATRate) bool { return r.From == rate.From })
	rates = append(rates, rate)
	slices.SortFunc(rates, func(a, b VATRate) int { return a.From.Compare(b.From) })
	return rates
}

// rateOn returns the rate in force on a day.
func rateOn(rates []VATRate, d calendar.Date) (percent decimal.Decimal, ok bool) {
	for _, r := range slices.Backward(rates) {
		if !r.From.After(d) {
			return r.Percent, true
		}
	}
	return decimal.Decimal{}, false
}
