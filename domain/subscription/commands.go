package subscription

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which subscriptions say no.
var (
	ErrStarted    = domain.Refusal{Code: "subscription.started", Reason: "this subscription was begun on other terms: change it, or begin another"}
	ErrUnknown    = domain.Refusal{Code: "subscription.unknown", Reason: "there is no such subscription"}
	ErrIncomplete = domain.Refusal{Code: "subscription.incomplete", Reason: "a subscription has an id, somebody who uses it, somebody who pays, a plan and the terms of the price list: {missing} is missing"}
	ErrSize       = domain.Refusal{Code: "subscription.size", Reason: "choose from {least} to {most} GB", Source: "price list"}
	ErrBackdated  = domain.Refusal{Code: "subscription.backdated", Reason: "nothing changes before {earliest}: give that day or a later one"}
	ErrEnded      = domain.Refusal{Code: "subscription.ended", Reason: "the subscription ends on {ends}"}
	ErrNoReason   = domain.Refusal{Code: "subscription.no_reason", Reason: "a service is suspended for a reason: unpaid, abuse, request or death"}
)

// Subscribe begins a subscription. Its first day may not lie before the day on
// which it is asked for; a register is imported as of the days it tells of.
type Subscribe struct {
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	Payer        domain.PartyID
	Plan         domain.PlanID
	GB           int
	Terms        Terms
	On           calendar.Date
	From         calendar.Date
}

func (c Subscribe) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Subscribe) Decide(s Subscription) ([]event, error) {
	switch started := Started(c); {
	case s.exists() && s.started == started:
		return nil, nil
	case s.exists() || s.linked.Subscription != "": // the latter is for [Detach]
		return nil, ErrStarted
	case c.missing() != "":
		return nil, ErrIncomplete.With("missing", c.missing())
	case !c.Terms.allows(c.GB):
		return nil, ErrSize.With("least", c.Terms.LeastGB).With("most", c.Terms.MostGB)
	case c.From.Before(c.On):
		return nil, ErrBackdated.With("earliest", c.On)
	default:
		return []event{started}, nil
	}
}

func (c Subscribe) missing() string {
	switch {
	case c.Subscription == "":
		return "id"
	case c.Party == "":
		return "party"
	case c.Payer == "":
		return "payer"
	case c.Plan == "":
		return "plan"
	case !c.Terms.valid():
		return "terms"
	case c.On.IsZero():
		return "date"
	}
	return ""
}

// ChangeQuota changes the size from a day on, and forgets what was planned for
// later days.
type ChangeQuota struct {
	Subscription domain.SubscriptionID
	GB           int
	On           calendar.Date
	From         calendar.Date
}

func (c ChangeQuota) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c ChangeQuota) Decide(s Subscription) ([]event, error) {
	terms := s.started.Terms
	later := func(q QuotaChanged) bool { return q.From.After(c.From) }
	earliest := latest(c.On, s.started.From)
	switch {
	case !s.exists():
		return nil, ErrUnknown
	case s.GB(c.From) == c.GB && !slices.ContainsFunc(s.changes, later):
		return nil, nil
	case !terms.allows(c.GB):
		return nil, ErrSize.With("least", terms.LeastGB).With("most", terms.MostGB)
	case c.On.IsZero() || c.From.Before(earliest):
		return nil, ErrBackdated.With("earliest", earliest)
	case s.Status(c.From) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	if err := s.leaves(c.GB, s.Given(c.From)); err != nil {
		return nil, err
	}
	return []event{QuotaChanged{c.Subscription, s.started.Party, c.GB, c.On, c.From}}, nil
}

// Cancel sets the last day, which may be the very day. One that was cancelled may
// be given an earlier last day, and no later one: who stays, subscribes again.
type Cancel struct {
	Subscription domain.SubscriptionID
	On           calendar.Date
	Ends         calendar.Date
}

func (c Cancel) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Cancel) Decide(s Subscription) ([]event, error) {
	switch {
	case !s.exists():
		return nil, ErrUnknown
	case s.ends == c.Ends && !c.Ends.IsZero():
		return nil, nil
	case c.On.IsZero() || c.Ends.Before(c.On):
		return nil, ErrBackdated.With("earliest", c.On)
	case !s.ends.IsZero() && c.Ends.After(s.ends):
		return nil, ErrEnded.With("ends", s.ends)
	}
	return []event{Cancelled{c.Subscription, s.started.Party, c.On, c.Ends}}, nil
}

// Reason is why a service is withheld.
type Reason string

const (
	Unpaid  Reason = "unpaid"  // bills are overdue, after dunning
	Abuse   Reason = "abuse"   // of the service, by its terms of use
	Request Reason = "request" // of who uses or pays it
	Death   Reason = "death"   // of who uses it
)

// Suspend withholds the service from a day on.
type Suspend struct {
	Subscription domain.SubscriptionID
	Reason       Reason
	On           calendar.Date
}

func (c Suspend) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Suspend) Decide(s Subscription) ([]event, error) {
	earliest := s.started.From
	for _, p := range s.pauses {
		earliest = latest(earliest, p.until)
	}
	switch {
	case !s.exists():
		return nil, ErrUnknown
	case s.suspended() || slices.ContainsFunc(s.pauses, func(p pause) bool { return p.from == c.On }):
		return nil, nil
	case c.Reason != Unpaid && c.Reason != Abuse && c.Reason != Request && c.Reason != Death:
		return nil, ErrNoReason
	case c.On.Before(earliest):
		return nil, ErrBackdated.With("earliest", earliest)
	case s.Status(c.On) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	return []event{Suspended{c.Subscription, s.started.Party, c.Reason, c.On}}, nil
}

// Resume gives the service back from a day on, where it is suspended.
type Resume struct {
	Subscription domain.SubscriptionID
	On           calendar.Date
}

func (c Resume) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Resume) Decide(s Subscription) ([]event, error) {
	switch {
	case !s.exists():
		return nil, ErrUnknown
	case !s.suspended():
		return nil, nil
	case c.On.Before(s.pauses[len(s.pauses)-1].from):
		return nil, ErrBackdated.With("earliest", s.pauses[len(s.pauses)-1].from)
	case s.Status(c.On) == StatusEnded:
		return nil, ErrEnded.With("ends", s.ends)
	}
	return []event{Resumed{c.Subscription, s.started.Party, c.On}}, nil
}

func latest(a, b calendar.Date) calendar.Date {
	if b.After(a) {
		return b
	}
	return a
}
