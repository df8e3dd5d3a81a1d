package offering

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which publishing says no.
var (
	ErrInvalidList = domain.Refusal{Code: "offering.invalid_list", Reason: "the price list cannot be published: {problem}"}
	ErrVersion     = domain.Refusal{Code: "offering.version", Reason: "the next version of the price list is {next}: look at what was published meanwhile"}
	ErrPlanGone    = domain.Refusal{Code: "offering.plan_gone", Reason: "the plan {plan} may have subscribers: keep it, and say closed to take no more"}
	ErrAddOnGone   = domain.Refusal{Code: "offering.add_on_gone", Reason: "GB of {service} on top of a plan may have been booked: keep the add-on, and say closed to take no more"}
	ErrBackdated   = domain.Refusal{Code: "offering.backdated", Reason: "a price list that replaces another holds from the day of the decision, {on}, or later"}
	ErrBilled      = domain.Refusal{
		Code: "offering.billed", Source: "Directive 2006/112/EC art. 219",
		Reason: "the invoices of {months} were issued at another rate of VAT and stay as they are: set the rate from {from} on, and have those corrected by credit notes, which this program does not issue",
	}
	ErrInvalidRate = domain.Refusal{Code: "offering.invalid_rate", Reason: "a rate of VAT applies from a day and is a percentage below 100"}
)

// Publish puts a price list in force from a day on. It has every plan and
// add-on of the list before, or what is subscribed to would have no price.
type Publish struct {
	Version int // that it is to be: one more than the last; so that two people cannot overtake each other
	On      calendar.Date
	From    calendar.Date // the first list may hold from before it is entered here
	List    PriceList
	Billed  []calendar.Month // for which invoices were issued, of those that its rates of VAT may change
}

func (c Publish) Stream() domain.Stream { return Stream }

func (c Publish) Decide(o Offering) ([]event, error) {
	if c.Version >= 1 && c.Version <= len(o.lists) {
		if was := o.lists[c.Version-1]; was.From == c.From && was.List.Equal(c.List) {
			return nil, nil
		}
	}
	switch problems := c.List.Problems(); {
	case c.Version != len(o.lists)+1:
		return nil, ErrVersion.With("next", len(o.lists)+1)
	case c.On.IsZero() || c.From.IsZero() || len(o.lists) > 0 && c.From.Before(c.On):
		return nil, ErrBackdated.With("on", c.On)
	case len(problems) > 0:
		return nil, ErrInvalidList.With("problem", problems[0].String())
	}
	if n := len(o.lists); n > 0 {
		for _, p := range o.lists[n-1].List.Plans {
			if _, kept := c.List.Plan(p.ID); !kept {
				return nil, ErrPlanGone.With("plan", p.ID)
			}
		}
		for _, a := range o.lists[n-1].List.AddOns {
			if _, kept := c.List.AddOn(a.Service); !kept {
				return nil, ErrAddOnGone.With("service", a.Service)
			}
		}
	}
	if err := o.billed(c.Billed, c.List.VAT...); err != nil {
		return nil, err
	}
	return []event{Published{c.Version, c.On, c.From, c.List}}, nil
}

// SetVATRate puts a rate of VAT in force, for whatever is invoiced after this
// and supplied from that day on. It may lie in the past: taxes do not wait for
// anybody to hear of them. But what was invoiced was.
type SetVATRate struct {
	On     calendar.Date
	Rate   VATRate
	Billed []calendar.Month // for which invoices were issued, of those that it may change
}

func (c SetVATRate) Stream() domain.Stream { return Stream }

func (c SetVATRate) Decide(o Offering) ([]event, error) {
	if !c.Rate.valid() {
		return nil, ErrInvalidRate
	}
	if slices.ContainsFunc(o.rates, func(r VATRate) bool { return r.From == c.Rate.From && r.Percent.Equal(c.Rate.Percent) }) {
		return nil, nil
	}
	if err := o.billed(c.Billed, c.Rate); err != nil {
		return nil, err
	}
	return []event{VATRateSet{c.On, c.Rate}}, nil
}

// billed refuses rates by which months that were invoiced would have another.
func (o Offering) billed(months []calendar.Month, rates ...VATRate) error {
	var other []calendar.Month
	after := o.withRates(rates)
	for _, m := range months {
		if !sameRate(o.rates, after, m.Last()) {
			other = append(other, m)
		}
	}
	if len(other) == 0 {
		return nil
	}
	return ErrBilled.With("months", other).With("from", other[len(other)-1].Last().AddDays(1))
}
