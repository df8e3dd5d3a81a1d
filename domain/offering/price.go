package offering

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// The rules by which the price list says no to what is asked of it.
var (
	ErrNoList     = domain.Refusal{Code: "offering.no_list", Reason: "no price list holds on that day: take a later one", Source: "price list"}
	ErrNoSuchPlan = domain.Refusal{Code: "offering.no_such_plan", Reason: "the price list has no plan {plan}: it has {known}", Source: "price list"}
	ErrClosed     = domain.Refusal{Code: "offering.closed", Reason: "the plan {plan} takes no new subscribers", Source: "price list"}
	ErrSize       = domain.Refusal{Code: "offering.size", Reason: "the plan {plan} goes from {least} to {most} GB", Source: "price list"}
	ErrNoAddOn    = domain.Refusal{Code: "offering.no_add_on", Reason: "the price list has no GB of {service} to book on top of a plan", Source: "price list"}
)

// Limits returns the least and the most GB of the plan.
func (p Plan) Limits() (least, most int) {
	if p.MaxGB > 0 {
		return p.IncludedGB, p.MaxGB
	}
	return p.IncludedGB, MaxGB
}

// Monthly returns the price of a month of the plan for members, unrounded. It
// takes any size; whether the plan is offered in it is for [PriceList.Offer] to say.
func (p Plan) Monthly(gb int) decimal.Decimal {
	price, from := p.Price, p.IncludedGB
	for i, t := range p.Tiers {
		through := t.ThroughGB
		if i == len(p.Tiers)-1 || through > gb {
			through = gb
		}
		if through <= from {
			break
		}
		price = price.Add(t.PerGB.Mul(decimal.NewFromInt(int64(through - from))))
		from = through
	}
	return price
}

// Quota returns what a size of the plan entitles to on each of its services.
func (p Plan) Quota(gb int) []Quota {
	quotas := make([]Quota, len(p.Services))
	for i, g := range p.Services {
		quotas[i] = Quota{g.Service, domain.Bytes(gb) * domain.GB}
		switch {
		case g.Service.App():
			quotas[i].Quota = 0
		case p.Sharing == Split:
			quotas[i].Quota = quotas[i].Quota / 100 * domain.Bytes(g.Percent)
		}
	}
	return quotas
}

// Quota is how much of a service someone is entitled to.
type Quota struct {
	Service domain.Service
	Quota   domain.Bytes // 0 of an app, which is on or off
}

// NoSuchPlan says that a plan is not in the list, and which are.
func (l PriceList) NoSuchPlan(plan domain.PlanID) domain.Refusal {
	if len(l.Plans) == 0 {
		return ErrNoList
	}
	known := make([]string, len(l.Plans))
	for i, p := range l.Plans {
		known[i] = string(p.ID)
	}
	return ErrNoSuchPlan.With("plan", plan).With("known", strings.Join(known, ", "))
}

// Offer returns a plan that anyone may subscribe to in that size.
func (l PriceList) Offer(plan domain.PlanID, gb int) (Plan, error) {
	p, ok := l.Plan(plan)
	least, most := p.Limits()
	switch {
	case !ok:
		return p, l.NoSuchPlan(plan)
	case p.Closed:
		return p, ErrClosed.With("plan", plan)
	case gb < least || gb > most:
		return p, ErrSize.With("plan", plan).With("least", least).With("most", most)
	}
	return p, nil
}

// Price returns the price of a whole month. VAT is inside where the list
// includes it. A size that the plan does not offer any more has a price too: that
// of the tier it lies in, and no less than what the plan includes costs.
func (l PriceList) Price(plan domain.PlanID, gb int, member bool) (money.Money, error) {
	p, ok := l.Plan(plan)
	if !ok {
		return money.Money{}, l.NoSuchPlan(plan)
	}
	price := money.Round(p.Monthly(gb), l.Currency)
	if !member {
		price = price.Plus(money.Round(p.NonMember, l.Currency))
	}
	return price, nil
}

// Segment is a time during which a plan of one size was used.
type Segment struct {
	Period calendar.Period
	Plan   domain.PlanID
	GB     int
}

// ChargeKind is what a charge is for.
type ChargeKind string

const (
	ChargePlan      ChargeKind = "plan"       // the plan at the price for members
	ChargeAddOn     ChargeKind = "add_on"     // GB of a service on top of a plan
	ChargeNonMember ChargeKind = "non_member" // what those pay more who are no members: the advantage of being one, provable line by line
)

// Charge is an amount owed for a segment, to be a line of an invoice.
type Charge struct {
	Kind ChargeKind
	Segment
	Service   domain.Service  // of an add-on, which has no plan
	Quantity  decimal.Decimal // in months; a fraction is rounded to six decimals to be read, not to be multiplied
	UnitPrice decimal.Decimal // per month
	Amount    money.Money     // VAT is inside where the list includes it
	Saved     money.Money     // what who is no member pays in addition; nothing of a charge that is not for a member
}

// Charges returns what is owed for the segments of one subscription that lie in a
// month, to a member of the co-op or not. The segments must not overlap. Each
// charge is for the days of its period: all of the month, where a month begun is
// paid whole.
func (l PriceList) Charges(month calendar.Month, segments []Segment, member bool) ([]Charge, error) {
	var charges []Charge
	var dearest decimal.Decimal
	for _, s := range segments {
		within, any := s.Period.Overlap(month.Period())
		if !any {
			continue
		}
		s.Period = within
		p, ok := l.Plan(s.Plan)
		if !ok {
			return nil, l.NoSuchPlan(s.Plan)
		}
		if l.Proration == WholeMonth {
			s.Period = month.Period()
			total := p.Monthly(s.GB).Add(p.NonMember)
			if len(charges) > 0 && !total.GreaterThan(dearest) {
				continue
			}
			charges, dearest = nil, total
		}
		charges = append(charges, l.charge(ChargePlan, s, p.Monthly(s.GB)))
		if !p.NonMember.IsPositive() {
			continue
		}
		if more := l.charge(ChargeNonMember, s, p.NonMember); member {
			charges[len(charges)-1].Saved = more.Amount
		} else {
			charges = append(charges, more)
		}
	}
	return charges, nil
}

// OfferAddOn returns what may be booked of a service on top of a plan.
func (l PriceList) OfferAddOn(of domain.Service) (AddOn, error) {
	a, ok := l.AddOn(of)
	if !ok || a.Closed {
		return a, ErrNoAddOn.With("service", of)
	}
	return a, nil
}

// AddOnCharges returns what is owed for the times in which GB of a service were used on
// top of a plan that lie in a month, as [PriceList.Charges] does: the times must not overlap.
func (l PriceList) AddOnCharges(month calendar.Month, of domain.Service, gb int, used []calendar.Period) (charges []Charge, err error) {
	offered, ok := l.AddOn(of)
	if !ok {
		return nil, ErrNoAddOn.With("service", of)
	}
	for _, period := range used {
		within, any := period.Overlap(month.Period())
		if !any {
			continue
		}
		if l.Proration == WholeMonth {
			if len(charges) > 0 {
				continue
			}
			within = month.Period()
		}
		charge := l.charge(ChargeAddOn, Segment{Period: within, GB: gb}, offered.PerGB.Mul(decimal.NewFromInt(int64(gb))))
		charge.Service = of
		charges = append(charges, charge)
	}
	return charges, nil
}

// charge rounds once: the exact price of the days of the month.
func (l PriceList) charge(kind ChargeKind, s Segment, monthly decimal.Decimal) Charge {
	n, of := decimal.NewFromInt(int64(s.Period.Days())), decimal.NewFromInt(int64(s.Period.From.Month().Days()))
	return Charge{
		Kind: kind, Segment: s,
		Quantity: n.DivRound(of, 6), UnitPrice: monthly,
		Amount: part(monthly, n, of, l.Currency),
	}
}

// part returns price × n / of to the nearest minor unit, without rounding before.
func part(price, n, of decimal.Decimal, c money.Currency) money.Money {
	return money.Round(price.Mul(n).DivRound(of, c.Digits()), c)
}

// Describe returns the text of a charge for the line of an invoice.
func (l PriceList) Describe(c Charge, in domain.Language) string {
	text := l.Lines.Plan
	if c.Kind == ChargeNonMember {
		text = l.Lines.NonMember
	}
	if c.Kind == ChargeAddOn {
		offered, _ := l.AddOn(c.Service)
		text = offered.Name
	}
	name := string(c.Plan)
	if p, ok := l.Plan(c.Plan); ok {
		name = p.Name.In(in)
	}
	return strings.NewReplacer("{plan}", name, "{gb}", fmt.Sprint(c.GB)).Replace(text.In(in))
}
