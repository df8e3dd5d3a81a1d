package subscription

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which what is booked besides a plan is refused.
var (
	ErrNoAddOn = domain.Refusal{Code: "subscription.no_add_on", Reason: "there is no such add-on to this subscription"}
	ErrAddOn   = domain.Refusal{Code: "subscription.add_on", Reason: "an add-on has an id, a payer, at least 1 GB of a service that is measured in them, and its last day, if it has one, is not before its first"}
)

// AddOnID identifies GB of a service that were booked besides a plan.
type AddOnID string

// AddOn is GB of one service on top of a subscription, for a time.
type AddOn struct {
	ID      AddOnID
	Payer   domain.PartyID // may be another than who pays the subscription
	Service domain.Service
	GB      int
	From    calendar.Date
	Ends    calendar.Date // the last day; zero as long as it goes on
}

func (a AddOn) runs(on calendar.Date) bool {
	return !on.Before(a.From) && (a.Ends.IsZero() || !on.After(a.Ends))
}

// AddOnBooked adds GB of a service for a time.
type AddOnBooked struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	AddOn        AddOnID               `json:"add_on"`
	Party        domain.PartyID        `json:"party"` // who uses it
	Payer        domain.PartyID        `json:"payer"`
	Service      domain.Service        `json:"service"`
	GB           int                   `json:"gb"`
	On           calendar.Date         `json:"on"`
	From         calendar.Date         `json:"from"`          // the first day
	Ends         calendar.Date         `json:"ends,omitzero"` // the last day, if there is one
}

func (e AddOnBooked) Evolve(s Subscription) Subscription {
	s.addOns = append(slices.Clip(s.addOns), AddOn{e.AddOn, e.Payer, e.Service, e.GB, e.From, e.Ends})
	return s
}

// AddOnEnds sets the last day of an add-on.
type AddOnEnds struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	AddOn        AddOnID               `json:"add_on"`
	Party        domain.PartyID        `json:"party"`
	Payer        domain.PartyID        `json:"payer"`
	On           calendar.Date         `json:"on"`
	Ends         calendar.Date         `json:"ends"` // the last day
}

func (e AddOnEnds) Evolve(s Subscription) Subscription {
	s.addOns = slices.Clone(s.addOns)
	for i := range s.addOns {
		if s.addOns[i].ID == e.AddOn {
			s.addOns[i].Ends = e.Ends
		}
	}
	return s
}

// AddOn returns one, and whether there is or was one.
func (s Subscription) AddOn(id AddOnID) (AddOn, bool) {
	for _, a := range s.addOns {
		if a.ID == id {
			return a, true
		}
	}
	return AddOn{}, false
}

// AddOnsOn returns those that run on a day.
func (s Subscription) AddOnsOn(day calendar.Date) (all []AddOn) {
	for _, a := range s.addOns {
		if a.runs(day) {
			all = append(all, a)
		}
	}
	return all
}

// AddOnsEnded returns the add-ons of a service that ended last before a day, and not
// before another: all with the same last day.
func (s Subscription) AddOnsEnded(of domain.Service, since, before calendar.Date) (all []AddOn) {
	for _, a := range s.addOns {
		if a.Service != of || a.Ends.IsZero() || a.Ends.Before(since) || !a.Ends.Before(before) || a.From.After(a.Ends) {
			continue
		}
		if len(all) > 0 && a.Ends.After(all[0].Ends) {
			all = nil
		}
		if len(all) == 0 || a.Ends == all[0].Ends {
			all = append(all, a)
		}
	}
	return all
}

// AddOnSegment is a time in which an add-on was used.
type AddOnSegment struct {
	AddOn
	Period calendar.Period
}

// AddOnSegments returns which add-ons were used in a month, in the order in which they
// were booked and of their days: none on days on which the subscription gave nothing.
func (s Subscription) AddOnSegments(m calendar.Month) (segments []AddOnSegment) {
	for _, a := range s.addOns {
		open := false
		for day := m.First(); !day.After(m.Last()); day = day.AddDays(1) {
			switch used := a.runs(day) && s.Status(day) == StatusActive; {
			case used && open:
				segments[len(segments)-1].Period.Through = day
			case used:
				segments = append(segments, AddOnSegment{a, calendar.Period{From: day, Through: day}})
				open = true
			default:
				open = false
			}
		}
	}
	return segments
}

// BookAddOn books GB of a service on top of a subscription for a time, which anybody may pay.
type BookAddOn struct {
	Subscription domain.SubscriptionID
	AddOn        AddOnID
	Payer        domain.PartyID
	Service      domain.Service
	GB           int
	On           calendar.Date
	From         calendar.Date
	Ends         calendar.Date // zero: until it is ended
}

func (c BookAddOn) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c BookAddOn) Decide(s Subscription) ([]event, error) {
	now, known := s.AddOn(c.AddOn)
	earliest := latest(c.On, s.started.From)
	switch {
	case !s.exists():
		return nil, ErrUnknown
	case known && now.Payer == c.Payer && now.Service == c.Service && now.GB == c.GB && now.From == c.From:
		return nil, nil // it may have ended since
	case known || c.AddOn == "" || c.Payer == "" || c.GB < 1 || !c.Service.Valid() || c.Service.App() || !c.Ends.IsZero() && c.Ends.Before(c.From):
		return nil, ErrAddOn
	case c.On.IsZero() || c.From.Before(earliest):
		return nil, ErrBackdated.With("earliest", earliest)
	case s.Status(c.From) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	return []event{AddOnBooked{c.Subscription, c.AddOn, s.started.Party, c.Payer, c.Service, c.GB, c.On, c.From, c.Ends}}, nil
}

// EndAddOn sets the last day of an add-on, or an earlier one.
type EndAddOn struct {
	Subscription domain.SubscriptionID
	AddOn        AddOnID
	On           calendar.Date
	Ends         calendar.Date
}

func (c EndAddOn) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c EndAddOn) Decide(s Subscription) ([]event, error) {
	now, known := s.AddOn(c.AddOn)
	switch {
	case !known:
		return nil, ErrNoAddOn
	case !now.Ends.IsZero() && !c.Ends.Before(now.Ends):
		return nil, nil
	case c.On.IsZero() || c.Ends.Before(c.On):
		return nil, ErrBackdated.With("earliest", c.On)
	}
	return []event{AddOnEnds{c.Subscription, c.AddOn, s.started.Party, now.Payer, c.On, c.Ends}}, nil
}

// ExtendAddOn sets a later last day of an add-on that ends.
type ExtendAddOn struct {
	Subscription domain.SubscriptionID
	AddOn        AddOnID
	On           calendar.Date
	Ends         calendar.Date
}

func (c ExtendAddOn) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c ExtendAddOn) Decide(s Subscription) ([]event, error) {
	now, known := s.AddOn(c.AddOn)
	switch {
	case !known:
		return nil, ErrNoAddOn
	case now.Ends.IsZero() || !c.Ends.After(now.Ends):
		return nil, nil
	case c.On.IsZero() || c.Ends.Before(c.On):
		return nil, ErrBackdated.With("earliest", c.On)
	case s.Status(c.On) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	return []event{AddOnEnds{c.Subscription, c.AddOn, s.started.Party, now.Payer, c.On, c.Ends}}, nil
}
