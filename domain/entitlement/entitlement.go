// Package entitlement is what people are entitled to: so much of a service, or an app,
// which is on or off. Accounts are provisioned from it.
//
//	Grant    → Granted        entitlement/<subscription>   once per service
//	Change   → QuotaChanged   entitlement/<subscription>   until it is revoked
//	Suspend  → Suspended      entitlement/<subscription>   while active
//	Resume   → Resumed        entitlement/<subscription>   while suspended
//	Revoke   → Revoked        entitlement/<subscription>   once, for good
//
// A process issues these when something happens to what entitles, or a day comes on
// which something begins or ends. It may do so again after a failure, so what is
// revoked stays revoked: a subscription that has ended never begins anew.
//
// What entitles is a subscription with its add-ons, part of somebody else's, or what
// people decide here. An entitlement is the sum of all that is of its subscription, and
// has one account; where there is no subscription, the rest has an id of its own.
//
//	Give             → Given               entitlement-source/<subscription>   so much of a service for a time
//	EndGift          → GiftEnds            entitlement-source/<subscription>   with its last day
//	GiveGrace        → GraceGiven          entitlement-source/<subscription>   nothing is revoked through a day
//	CountMembership  → MembershipCounted   entitlement-membership/<party>      what members have adds to that
package entitlement

import (
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// StreamOf returns the stream of all that one subscription entitles to.
func StreamOf(id domain.SubscriptionID) domain.Stream {
	return domain.StreamOf("entitlement", string(id))
}

// IDOf returns the id of the entitlement of a subscription to a service: there is
// one of each.
func IDOf(id domain.SubscriptionID, service domain.Service) domain.EntitlementID {
	return domain.EntitlementID(domain.StreamOf(string(service), string(id)))
}

// Of returns the subscription and service of which an entitlement is: what
// [IDOf] made it of.
func Of(id domain.EntitlementID) (domain.SubscriptionID, domain.Service) {
	service, subscription, _ := strings.Cut(string(id), "/")
	if strings.Contains(subscription, "%") { // as few do
		subscription = unescape.Replace(subscription)
	}
	return domain.SubscriptionID(subscription), domain.Service(service)
}

var unescape = strings.NewReplacer("%2F", "/", "%25", "%")

// Entitlements are those of one subscription, by service.
type Entitlements map[domain.Service]Entitlement

// Entitlement is so much of a service.
type Entitlement struct {
	Granted Granted      // how it began
	Quota   domain.Bytes // 0 of an app
	Status  Status
	Since   calendar.Date // the first day of that status
	// Withheld is the first of the days since which it is not active; no day while it is.
	Withheld calendar.Date
}

// Status is whether someone may use what they are entitled to. It is empty for
// what was never granted.
type Status string

const (
	StatusActive    Status = "active"
	StatusSuspended Status = "suspended" // for now
	StatusRevoked   Status = "revoked"   // for good
)
