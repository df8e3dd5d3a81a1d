package subscription

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

type event = domain.Event[Subscription]

// Started is a party's subscription to a plan.
type Started struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"` // who uses it
	Payer        domain.PartyID        `json:"payer"`
	Plan         domain.PlanID         `json:"plan"`
	GB           int                   `json:"gb"`
	Terms        Terms                 `json:"terms"`
	On           calendar.Date         `json:"on"`
	From         calendar.Date         `json:"from"` // the first day
}

func (e Started) Evolve(s Subscription) Subscription {
	return Subscription{started: e, linked: s.linked}
}

// QuotaChanged makes it smaller or larger. It replaces all changes from that day on.
type QuotaChanged struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"`
	GB           int                   `json:"gb"`
	On           calendar.Date         `json:"on"`
	From         calendar.Date         `json:"from"`
}

func (e QuotaChanged) Evolve(s Subscription) Subscription {
	before := func(c QuotaChanged) bool { return c.From.Before(e.From) }
	kept := slices.Clone(s.changes)
	kept = slices.DeleteFunc(kept, func(c QuotaChanged) bool { return !before(c) })
	s.changes = append(kept, e)
	return s
}

// Cancelled sets its last day.
type Cancelled struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"`
	On           calendar.Date         `json:"on"`
	Ends         calendar.Date         `json:"ends"` // the last day
}

func (e Cancelled) Evolve(s Subscription) Subscription {
	s.ends = e.Ends
	return s
}

// Suspended withholds the service from a day on.
type Suspended struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"`
	Reason       Reason                `json:"reason"`
	On           calendar.Date         `json:"on"` // the first day without it
}

func (e Suspended) Evolve(s Subscription) Subscription {
	s.pauses = append(slices.Clip(s.pauses), pause{from: e.On, reason: e.Reason})
	return s
}

// Resumed gives the service back from a day on.
type Resumed struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"`
	On           calendar.Date         `json:"on"` // the first day with it
}

func (e Resumed) Evolve(s Subscription) Subscription {
	s.pauses = slices.Clone(s.pauses)
	s.pauses[len(s.pauses)-1].until = e.On
	return s
}

// Register enters the events of subscriptions.
func Register(r *domain.Registry) {
	domain.Register[Started](r, "subscription.started")
	domain.Register[QuotaChanged](r, "subscription.quota_changed")
	domain.Register[Cancelled](r, "subscription.cancelled")
	domain.Register[Suspended](r, "subscription.suspended")
	domain.Register[Resumed](r, "subscription.resumed")
	domain.Register[Linked](r, "subscription.linked")
	domain.Register[PartGiven](r, "subscription.part_given")
	domain.Register[PartAccepted](r, "subscription.part_accepted")
	domain.Register[PartEnds](r, "subscription.part_ends")
	domain.Register[AddOnBooked](r, "subscription.add_on_booked")
	domain.Register[AddOnEnds](r, "subscription.add_on_ends")
}
