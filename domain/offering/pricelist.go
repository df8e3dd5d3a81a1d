package offering

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// PriceList is everything the co-op offers. Prices are per calendar month, in
// one currency.
type PriceList struct {
	Name       string         `json:"name"`
	Currency   money.Currency `json:"currency"`
	IncludeVAT bool           `json:"include_vat"` // prices are consumer prices: VAT is inside
	Proration  Proration      `json:"proration"`
	VAT        []VATRate      `json:"vat"` // by the day from which they apply
	Plans      []Plan         `json:"plans"`
	AddOns     []AddOn        `json:"add_ons,omitempty"`    // that may be booked on top of a plan
	Members    []MemberGrant  `json:"members,omitempty"`    // what every member has while a member, whatever they subscribe to
	GraceDays  int            `json:"grace_days,omitempty"` // see [PriceList.Grace]; 0: 30
	Lines      Lines          `json:"lines"`
}

// AddOn is GB of one service that may be booked on top of a plan.
type AddOn struct {
	Service domain.Service  `json:"service"`
	Name    domain.Text     `json:"name"`             // on the line of an invoice, with {gb} for how many
	PerGB   decimal.Decimal `json:"per_gb"`           // per month
	Closed  bool            `json:"closed,omitempty"` // it is not booked any more; those who have it keep it
}

// MemberGrant is what every member has of a service.
type MemberGrant struct {
	Service domain.Service `json:"service"`
	GB      int            `json:"gb,omitempty"` // none of an app
}

const defaultGrace = 30

// Grace returns for how many days those who have part of another's subscription keep
// it after that has ended or was suspended, and may go on with one of their own.
func (l PriceList) Grace() int {
	if l.GraceDays == 0 {
		return defaultGrace
	}
	return l.GraceDays
}

// AddOn returns what is offered of a service on top of a plan, and whether anything is.
func (l PriceList) AddOn(of domain.Service) (AddOn, bool) {
	for _, a := range l.AddOns {
		if a.Service == of {
			return a, true
		}
	}
	return AddOn{}, false
}

// Proration is what is paid for part of a month.
type Proration string

const (
	// WholeMonth charges a month once and in full as soon as it is begun, at the
	// dearest of what was used in it.
	WholeMonth Proration = "month"
	// ByDay charges each day its share of the month.
	ByDay Proration = "day"
)

// VATRate is the rate of value-added tax from a day on.
type VATRate struct {
	From    calendar.Date   `json:"from"`
	Percent decimal.Decimal `json:"percent"` // like 21, as invoices state it (EN 16931 BT-119)
}

func (r VATRate) valid() bool {
	return !r.From.IsZero() && sane(r.Percent) && r.Percent.LessThan(decimal.New(100, 0))
}

// Plan is something to subscribe to, by the size of what it grants.
type Plan struct {
	ID         domain.PlanID   `json:"id"`
	Name       domain.Text     `json:"name"`
	Price      decimal.Decimal `json:"price"`              // per month, for the GB included
	IncludedGB int             `json:"included_gb"`        // also the least there is
	MaxGB      int             `json:"max_gb,omitempty"`   // the most there is; 0: no limit but [MaxGB]
	Tiers      []Tier          `json:"tiers,omitempty"`    // of GB beyond those included, each beginning where the one before ends
	NonMember  decimal.Decimal `json:"non_member_extra"`   // per month, for who is no member of the co-op
	Sharing    Sharing         `json:"quota"`              // how the services have the GB between them
	Services   []Grant         `json:"services,omitempty"` // in the order in which they are shown
	Closed     bool            `json:"closed,omitempty"`   // takes no new subscribers; those there are keep it
}

// MaxGB is the largest plan that any list may have: a petabyte.
const MaxGB = 1_000_000

// Tier is a price for every GB up to a size.
type Tier struct {
	ThroughGB int             `json:"through_gb,omitempty"` // the last GB at this price; 0 in the last tier, which has no end
	PerGB     decimal.Decimal `json:"per_gb"`               // per month
}

// Sharing is how the services of a plan have its GB between them.
type Sharing string

const (
	// Split gives each service its percentage: together they hold what was paid
	// for and no more, although each service can only count for itself.
	Split Sharing = "split"
	// Each gives every service all of it.
	Each Sharing = "each"
)

// Grant is a service that a plan grants.
type Grant struct {
	Service domain.Service `json:"service"`
	Percent int            `json:"percent,omitempty"` // of the plan's GB, where they are split; none of an app
}

// Lines are the texts of the lines of an invoice, with {plan} for the plan's name
// and {gb} for its size.
type Lines struct {
	Plan      domain.Text `json:"plan"`
	NonMember domain.Text `json:"non_member"`
}

// Equal reports whether two lists say the same.
func (l PriceList) Equal(m PriceList) bool {
	a, errA := json.Marshal(l)
	b, errB := json.Marshal(m)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Plan returns a plan of the list, and whether it has it.
func (l PriceList) Plan(id domain.PlanID) (Plan, bool) {
	for _, p := range l.Plans {
		if p.ID == id {
			return p, true
		}
	}
	return Plan{}, false
}

// VATOn returns the rate of VAT on a day, in percent, and whether there is one.
// For what goes on from month to month that is the last day of the month: what
// is supplied continuously counts as supplied when the period ends to which a
// payment relates (Directive 2006/112/EC art. 64).
func (l PriceList) VATOn(d calendar.Date) (percent decimal.Decimal, ok bool) {
	return rateOn(l.VAT, d)
}

// A Problem is a setting of a list that breaks a rule.
type Problem struct {
	Field string // like "plans[0].tiers[1].through_gb"
	Rule  string // what is wrong and what to do
}

func (p Problem) String() string { return p.Field + ": " + p.Rule }

// Problems returns every rule that the list breaks; none, and it can be published.
func (l PriceList) Problems() []Problem {
	var c checker
	c.check(strings.TrimSpace(l.Name) != "", "name", "a list has a name")
	c.check(l.Currency.Valid(), "currency", "give the code of a currency, like EUR")
	c.check(l.Proration == WholeMonth || l.Proration == ByDay, "proration", "say month, if a month begun is paid whole, or day")
	c.check(len(l.VAT) > 0, "vat", "give a rate of VAT and from when it applies; 0 where there is none")
	for i, r := range l.VAT {
		field := fmt.Sprintf("vat[%d]", i)
		c.check(r.valid(), field, "a rate applies from a day and is a percentage below 100, like {from: 1996-01-01, percent: 21}")
		c.check(i == 0 || l.VAT[i-1].From.Before(r.From), field, "give the rates in the order of their days, one a day")
	}
	c.check(len(l.Plans) > 0, "plans", "a list has at least one plan")
	seen := map[domain.PlanID]bool{}
	for i, p := range l.Plans {
		field := fmt.Sprintf("plans[%d]", i)
		c.check(!seen[p.ID], field+".id", "each plan has its own id")
		seen[p.ID] = true
		p.problems(&c, field, l.Currency)
	}
	booked := map[domain.Service]bool{}
	for i, a := range l.AddOns {
		field := fmt.Sprintf("add_ons[%d]", i)
		c.check(a.Service.Valid() && !a.Service.App() && !booked[a.Service], field+".service", "name mail or storage, each once")
		booked[a.Service] = true
		c.check(complete(a.Name), field+".name", "give the name in fr, nl, en and de, with {gb} for how many GB")
		c.check(sane(a.PerGB), field+".per_gb", "a price per GB is a number like 0.25, with at most six decimals")
	}
	had := map[domain.Service]bool{}
	for i, m := range l.Members {
		field := fmt.Sprintf("members[%d]", i)
		c.check(m.Service.Valid() && !had[m.Service], field+".service", fmt.Sprintf("name each service once, of %v", domain.Services))
		had[m.Service] = true
		c.check(m.Service.App() && m.GB == 0 || !m.Service.App() && m.GB >= 1 && m.GB <= MaxGB, field+".gb", "give how many GB every member has, at least 1; leave it out of an app, which is on or off")
	}
	c.check(l.GraceDays >= 0 && l.GraceDays <= 3660, "grace_days", "give a number of days, like 30")
	for _, line := range []struct {
		field string
		text  domain.Text
	}{{"lines.plan", l.Lines.Plan}, {"lines.non_member", l.Lines.NonMember}} {
		c.check(complete(line.text), line.field, "give the text in fr, nl, en and de")
	}
	return c
}

func (p Plan) problems(c *checker, field string, currency money.Currency) {
	whole := func(d decimal.Decimal) bool { return sane(d) && d.Equal(money.Round(d, currency).Decimal()) }
	c.check(p.ID != "", field+".id", "a plan has an id")
	c.check(complete(p.Name), field+".name", "give the name in fr, nl, en and de")
	c.check(whole(p.Price), field+".price", "a price is an amount like 2.50, without more decimals than the currency has")
	c.check(whole(p.NonMember), field+".non_member_extra", "it is an amount like 1.00, without more decimals than the currency has; 0 for none")
	c.check(p.IncludedGB >= 1 && p.IncludedGB <= MaxGB, field+".included_gb", "a plan includes at least 1 GB")
	c.check(p.MaxGB == 0 || p.MaxGB >= p.IncludedGB && p.MaxGB <= MaxGB, field+".max_gb", "it is at least what is included; leave it out for no limit")
	from := p.IncludedGB
	for i, t := range p.Tiers {
		field := fmt.Sprintf("%s.tiers[%d]", field, i)
		c.check(sane(t.PerGB), field+".per_gb", "a price per GB is a number like 0.25, with at most six decimals")
		if last := i == len(p.Tiers)-1; last {
			c.check(t.ThroughGB == 0, field+".through_gb", "leave it out in the last tier, which has no end: max_gb limits a plan")
			continue
		}
		c.check(t.ThroughGB > from && t.ThroughGB <= MaxGB, field+".through_gb",
			fmt.Sprintf("a tier ends after the one before, so give more than %d", from))
		from = t.ThroughGB
	}
	c.check(len(p.Tiers) > 0 || p.MaxGB == p.IncludedGB, field+".tiers",
		"say what further GB cost, or set max_gb to included_gb if there are none")
	c.check(p.Sharing == Split || p.Sharing == Each, field+".quota", "say split, if the services share the GB, or each, if every service has all of it")
	total, seen, apps := 0, map[domain.Service]bool{}, true
	for i, g := range p.Services {
		field := fmt.Sprintf("%s.services[%d]", field, i)
		c.check(g.Service.Valid() && !seen[g.Service], field+".service", fmt.Sprintf("name each service once, of %v", domain.Services))
		seen[g.Service] = true
		apps = apps && g.Service.App()
		if g.Service.App() {
			c.check(g.Percent == 0, field+".percent", "leave it out: an app is on or off, and has no share of the GB")
		} else if p.Sharing == Split {
			c.check(g.Percent >= 1 && g.Percent <= 100, field+".percent", "give its share of the GB, from 1 to 100")
		} else {
			c.check(g.Percent == 0, field+".percent", "leave it out where each service has all of it")
		}
		total += g.Percent
	}
	c.check(!apps, field+".services", "a plan grants at least one service that has GB: mail or storage")
	c.check(p.Sharing != Split || apps || total == 100, field+".services", fmt.Sprintf("the shares sum to %d %%: make it 100", total))
}

type checker []Problem

func (c *checker) check(holds bool, field, rule string) {
	if !holds {
		*c = append(*c, Problem{field, rule})
	}
}

// complete reports whether a text was given in every language.
func complete(t domain.Text) bool {
	return !slices.ContainsFunc(domain.Languages, func(l domain.Language) bool { return !t.Has(l) })
}

// sane reports whether it is a number that a list may hold: not negative, below a
// thousand million, of at most six decimals.
func sane(d decimal.Decimal) bool {
	return d.Exponent() >= -6 && d.Exponent() <= 6 && !d.IsNegative() && d.LessThan(decimal.New(1, 9))
}
