package entitlement

import (
	"maps"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

type event = domain.Event[Entitlements]

// Subject is what every event here is about.
type Subject struct {
	Entitlement  domain.EntitlementID  `json:"entitlement"`
	Subscription domain.SubscriptionID `json:"subscription"`
	Party        domain.PartyID        `json:"party"` // who uses the service
	Service      domain.Service        `json:"service"`
}

// Granted entitles a party to so much of a service.
type Granted struct {
	Subject
	Quota domain.Bytes  `json:"quota"` // 0 of an app, which is on or off
	From  calendar.Date `json:"from"`  // the first day
}

func (e Granted) Evolve(s Entitlements) Entitlements {
	return s.with(e.Service, Entitlement{Granted: e, Quota: e.Quota, Status: StatusActive, Since: e.From})
}

// QuotaChanged entitles to more or less.
type QuotaChanged struct {
	Subject
	Quota domain.Bytes  `json:"quota"`
	From  calendar.Date `json:"from"`
}

func (e QuotaChanged) Evolve(s Entitlements) Entitlements {
	now := s[e.Service]
	now.Quota = e.Quota
	return s.with(e.Service, now)
}

// Suspended suspends the entitlement.
type Suspended struct {
	Subject
	On calendar.Date `json:"on"` // the first day without it
}

func (e Suspended) Evolve(s Entitlements) Entitlements { return s.in(e.Service, StatusSuspended, e.On) }

// Resumed ends a suspension.
type Resumed struct {
	Subject
	On calendar.Date `json:"on"` // the first day with it
}

func (e Resumed) Evolve(s Entitlements) Entitlements { return s.in(e.Service, StatusActive, e.On) }

// Revoked revokes the entitlement for good.
type Revoked struct {
	Subject
	On calendar.Date `json:"on"` // the first day without it
}

func (e Revoked) Evolve(s Entitlements) Entitlements { return s.in(e.Service, StatusRevoked, e.On) }

func (s Entitlements) in(service domain.Service, status Status, since calendar.Date) Entitlements {
	now := s[service]
	now.Status, now.Since = status, since
	switch {
	case status == StatusActive:
		now.Withheld = calendar.Date{}
	case now.Withheld.IsZero():
		now.Withheld = since
	}
	return s.with(service, now)
}

func (s Entitlements) with(service domain.Service, e Entitlement) Entitlements {
	all := maps.Clone(s)
	if all == nil {
		all = Entitlements{}
	}
	all[service] = e
	return all
}

// Register enters the events of entitlements.
func Register(r *domain.Registry) {
	domain.Register[Granted](r, "entitlement.granted")
	domain.Register[QuotaChanged](r, "entitlement.quota_changed")
	domain.Register[Suspended](r, "entitlement.suspended")
	domain.Register[Resumed](r, "entitlement.resumed")
	domain.Register[Revoked](r, "entitlement.revoked")
	domain.Register[Given](r, "entitlement.given")
	domain.Register[GiftEnds](r, "entitlement.gift_ends")
	domain.Register[GraceGiven](r, "entitlement.grace_given")
	domain.Register[MembershipCounted](r, "entitlement.membership_counted")
}
