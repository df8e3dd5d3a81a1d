package entitlement

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which it is refused to entitle somebody to more.
var (
	ErrGift   = domain.Refusal{Code: "entitlement.gift", Reason: "a gift has an id, who gets it, a service and its first day, and its last day, if it has one, is not before that"}
	ErrOther  = domain.Refusal{Code: "entitlement.other", Reason: "what you give to is somebody else's: name whose it is"}
	ErrNoGift = domain.Refusal{Code: "entitlement.no_gift", Reason: "there is no such gift"}
	ErrGrace  = domain.Refusal{Code: "entitlement.grace", Reason: "grace is given from today until a day: give that day or a later one"}
)

// SourcesOf returns the stream of what entitles somebody beside a subscription, under
// the id of the subscription, or one of its own where there is none.
func SourcesOf(id domain.SubscriptionID) domain.Stream {
	return domain.StreamOf("entitlement-source", string(id))
}

// GiftID identifies a gift.
type GiftID string

// Gift is so much of a service for a time, which nobody is billed for.
type Gift struct {
	ID      GiftID
	Party   domain.PartyID
	Service domain.Service
	Quota   domain.Bytes // 0 of an app
	From    calendar.Date
	Until   calendar.Date // the last day; zero as long as it goes on
}

// Stands reports whether it entitles to something on a day.
func (g Gift) Stands(on calendar.Date) bool {
	return !on.Before(g.From) && (g.Until.IsZero() || !on.After(g.Until))
}

// Sources are what entitles somebody beside a subscription.
type Sources struct {
	party domain.PartyID
	gifts []Gift
	grace calendar.Date
}

// Party returns who is entitled, or nobody where there is no source.
func (s Sources) Party() domain.PartyID { return s.party }

// Gifts returns all, in the order in which they were given.
func (s Sources) Gifts() []Gift { return slices.Clone(s.gifts) }

// Gift returns one, and whether there is or was one.
func (s Sources) Gift(id GiftID) (Gift, bool) {
	for _, g := range s.gifts {
		if g.ID == id {
			return g, true
		}
	}
	return Gift{}, false
}

// Grace returns the day through which nothing is revoked for want of a reason to have
// it, or no day.
func (s Sources) Grace() calendar.Date { return s.grace }

type sourceEvent = domain.Event[Sources]

// Given gives somebody so much of a service for a time.
type Given struct {
	Subscription domain.SubscriptionID `json:"subscription"` // that it adds to, or an id of its own
	Gift         GiftID                `json:"gift"`
	Party        domain.PartyID        `json:"party"` // who uses it
	Service      domain.Service        `json:"service"`
	Quota        domain.Bytes          `json:"quota"` // 0 of an app
	On           calendar.Date         `json:"on"`
	From         calendar.Date         `json:"from"`           // the first day
	Until        calendar.Date         `json:"until,omitzero"` // the last day, if there is one
}

func (e Given) Evolve(s Sources) Sources {
	s.party = e.Party
	s.gifts = append(slices.Clip(s.gifts), Gift{e.Gift, e.Party, e.Service, e.Quota, e.From, e.Until})
	return s
}

// GiftEnds sets the last day of a gift.
type GiftEnds struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Gift         GiftID                `json:"gift"`
	Party        domain.PartyID        `json:"party"`
	On           calendar.Date         `json:"on"`
	Until        calendar.Date         `json:"until"` // the last day
}

func (e GiftEnds) Evolve(s Sources) Sources {
	s.gifts = slices.Clone(s.gifts)
	for i := range s.gifts {
		if s.gifts[i].ID == e.Gift {
			s.gifts[i].Until = e.Until
		}
	}
	return s
}

// GraceGiven keeps what would be revoked, through a day.
type GraceGiven struct {
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"`
	On           calendar.Date         `json:"on"`
	Until        calendar.Date         `json:"until"` // the last day
}

func (e GraceGiven) Evolve(s Sources) Sources {
	s.party, s.grace = e.Party, e.Until
	return s
}

// Give gives a party so much of a service for a time.
type Give struct {
	Subscription domain.SubscriptionID
	Gift         GiftID
	Party        domain.PartyID
	Service      domain.Service
	Quota        domain.Bytes
	On           calendar.Date
	From         calendar.Date
	Until        calendar.Date // zero: until it is ended
}

func (c Give) Stream() domain.Stream { return SourcesOf(c.Subscription) }

func (c Give) Decide(s Sources) ([]sourceEvent, error) {
	now, known := s.Gift(c.Gift)
	switch {
	case known && now.Party == c.Party && now.Service == c.Service && now.Quota == c.Quota && now.From == c.From:
		return nil, nil // it may have ended since
	case known || c.Subscription == "" || c.Gift == "" || c.Party == "" || c.On.IsZero() || c.From.Before(c.On), !c.Until.IsZero() && c.Until.Before(c.From):
		return nil, ErrGift
	case s.party != "" && s.party != c.Party:
		return nil, ErrOther
	case !c.Service.Valid():
		return nil, ErrNoService.With("service", c.Service)
	case c.Service.App() && c.Quota != 0:
		return nil, ErrApp.With("service", c.Service)
	case c.Quota <= 0 && !c.Service.App():
		return nil, ErrNoQuota.With("service", c.Service)
	}
	return []sourceEvent{Given(c)}, nil
}

// EndGift sets the last day of a gift, or an earlier one.
type EndGift struct {
	Subscription domain.SubscriptionID
	Gift         GiftID
	On           calendar.Date
	Until        calendar.Date
}

func (c EndGift) Stream() domain.Stream { return SourcesOf(c.Subscription) }

func (c EndGift) Decide(s Sources) ([]sourceEvent, error) {
	now, known := s.Gift(c.Gift)
	switch {
	case !known:
		return nil, ErrNoGift
	case !now.Until.IsZero() && !c.Until.Before(now.Until):
		return nil, nil
	case c.On.IsZero() || c.Until.Before(c.On):
		return nil, ErrGrace
	}
	return []sourceEvent{GiftEnds{c.Subscription, c.Gift, now.Party, c.On, c.Until}}, nil
}

// GiveGrace keeps what would be revoked, through a day; said again, through another.
type GiveGrace struct {
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	On           calendar.Date
	Until        calendar.Date
}

func (c GiveGrace) Stream() domain.Stream { return SourcesOf(c.Subscription) }

func (c GiveGrace) Decide(s Sources) ([]sourceEvent, error) {
	switch {
	case s.party != "" && s.party != c.Party:
		return nil, ErrOther
	case s.grace == c.Until && !c.Until.IsZero():
		return nil, nil
	case c.Subscription == "" || c.Party == "" || c.On.IsZero() || c.Until.Before(c.On):
		return nil, ErrGrace
	}
	return []sourceEvent{GraceGiven(c)}, nil
}

// MembershipOf returns the stream of what a party's membership adds to.
func MembershipOf(party domain.PartyID) domain.Stream {
	return domain.StreamOf("entitlement-membership", string(party))
}

// Membership is what the membership of a party adds to: one thing at a time, so that
// nobody has what members have twice.
type Membership struct {
	to    domain.SubscriptionID
	times int
}

// To returns what it adds to, or nothing, and to how many it has in all.
func (m Membership) To() (domain.SubscriptionID, int) { return m.to, m.times }

// MembershipCounted says what the membership of a party adds to from now on: a
// subscription, or an id of its own.
type MembershipCounted struct {
	Party        domain.PartyID        `json:"party"`
	Subscription domain.SubscriptionID `json:"subscription"`
	On           calendar.Date         `json:"on"`
}

func (e MembershipCounted) Evolve(m Membership) Membership {
	return Membership{e.Subscription, m.times + 1}
}

// CountMembership has the membership of a party add to something.
type CountMembership struct {
	Party        domain.PartyID
	Subscription domain.SubscriptionID
	On           calendar.Date
}

func (c CountMembership) Stream() domain.Stream { return MembershipOf(c.Party) }

func (c CountMembership) Decide(m Membership) ([]domain.Event[Membership], error) {
	switch {
	case m.to == c.Subscription && m.to != "":
		return nil, nil
	case c.Party == "" || c.Subscription == "" || c.On.IsZero():
		return nil, ErrIncomplete
	}
	return []domain.Event[Membership]{MembershipCounted(c)}, nil
}
