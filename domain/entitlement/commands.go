package entitlement

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which entitlements say no.
var (
	ErrGranted    = domain.Refusal{Code: "entitlement.granted", Reason: "{service} was granted to somebody else by this subscription"}
	ErrNotGranted = domain.Refusal{Code: "entitlement.not_granted", Reason: "the subscription does not entitle to {service}"}
	ErrRevoked    = domain.Refusal{Code: "entitlement.revoked", Reason: "{service} was revoked for good"}
	ErrNoService  = domain.Refusal{Code: "entitlement.no_service", Reason: "there is no service {service}"}
	ErrApp        = domain.Refusal{Code: "entitlement.app", Reason: "{service} is on or off: it has no bytes"}
	ErrNoQuota    = domain.Refusal{Code: "entitlement.no_quota", Reason: "an entitlement is to some bytes of {service}: to none, revoke it"}
	ErrIncomplete = domain.Refusal{Code: "entitlement.incomplete", Reason: "an entitlement has a subscription, somebody who uses it and a date"}
)

// Grant entitles a party to so much of a service from a day on.
type Grant struct {
	Subscription domain.SubscriptionID
	Party        domain.PartyID
	Service      domain.Service
	Quota        domain.Bytes // none of an app
	From         calendar.Date
}

func (c Grant) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Grant) Decide(s Entitlements) ([]event, error) {
	now, known := s[c.Service]
	switch {
	case known && now.Granted.Party == c.Party:
		return nil, nil // its size may have changed since, and it may be revoked
	case known:
		return nil, ErrGranted.With("service", c.Service)
	case c.Subscription == "" || c.Party == "" || c.From.IsZero():
		return nil, ErrIncomplete
	case !c.Service.Valid():
		return nil, ErrNoService.With("service", c.Service)
	case c.Service.App() && c.Quota != 0:
		return nil, ErrApp.With("service", c.Service)
	case c.Quota <= 0 && !c.Service.App():
		return nil, ErrNoQuota.With("service", c.Service)
	}
	subject := Subject{IDOf(c.Subscription, c.Service), c.Subscription, c.Party, c.Service}
	return []event{Granted{subject, c.Quota, c.From}}, nil
}

// Change entitles to more or less of a service from a day on.
type Change struct {
	Subscription domain.SubscriptionID
	Service      domain.Service
	Quota        domain.Bytes
	From         calendar.Date
}

func (c Change) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Change) Decide(s Entitlements) ([]event, error) {
	now, err := s.standing(c.Service)
	switch {
	case err != nil:
		return nil, err
	case now.Quota == c.Quota:
		return nil, nil
	case c.Service.App():
		return nil, ErrApp.With("service", c.Service)
	case c.Quota <= 0:
		return nil, ErrNoQuota.With("service", c.Service)
	case c.From.IsZero():
		return nil, ErrIncomplete
	}
	return []event{QuotaChanged{now.Granted.Subject, c.Quota, c.From}}, nil
}

// Suspend withholds a service from a day on.
type Suspend struct {
	Subscription domain.SubscriptionID
	Service      domain.Service
	On           calendar.Date
}

func (c Suspend) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Suspend) Decide(s Entitlements) ([]event, error) {
	now, err := s.standing(c.Service)
	switch {
	case err != nil:
		return nil, err
	case now.Status == StatusSuspended:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete
	}
	return []event{Suspended{now.Granted.Subject, c.On}}, nil
}

// Resume gives a service back from a day on.
type Resume struct {
	Subscription domain.SubscriptionID
	Service      domain.Service
	On           calendar.Date
}

func (c Resume) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Resume) Decide(s Entitlements) ([]event, error) {
	now, err := s.standing(c.Service)
	switch {
	case err != nil:
		return nil, err
	case now.Status == StatusActive:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete
	}
	return []event{Resumed{now.Granted.Subject, c.On}}, nil
}

// Revoke ends an entitlement for good.
type Revoke struct {
	Subscription domain.SubscriptionID
	Service      domain.Service
	On           calendar.Date // the first day without it
}

func (c Revoke) Stream() domain.Stream { return StreamOf(c.Subscription) }

func (c Revoke) Decide(s Entitlements) ([]event, error) {
	now, known := s[c.Service]
	switch {
	case !known:
		return nil, ErrNotGranted.With("service", c.Service)
	case now.Status == StatusRevoked:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete
	}
	return []event{Revoked{now.Granted.Subject, c.On}}, nil
}

// standing returns an entitlement that is granted and not revoked.
func (s Entitlements) standing(service domain.Service) (Entitlement, error) {
	switch now, known := s[service]; {
	case !known:
		return now, ErrNotGranted.With("service", service)
	case now.Status == StatusRevoked:
		return now, ErrRevoked.With("service", service)
	default:
		return now, nil
	}
}
