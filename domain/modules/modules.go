// Package modules knows the names of all modules, and nothing else of them: it is
// the one place where they are listed, in the order of a member's life.
package modules

import (
	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/domain/billing"
	"rochdale/domain/documents"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/offering"
	"rochdale/domain/payment"
	"rochdale/domain/provisioning"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/domain/subscription"
)

// Names are the modules, in the order in which they stand everywhere.
var Names = []string{
	"membership", "shares", "assembly", "documents", "offering", "subscription",
	"entitlement", "billing", "payment", "provisioning",
}

// Registry returns a registry of the events of the statutes and of every module.
func Registry() *domain.Registry {
	var r domain.Registry
	for _, register := range []func(*domain.Registry){
		statutes.Register,
		membership.Register, shares.Register, assembly.Register, documents.Register, offering.Register,
		subscription.Register, entitlement.Register, billing.Register, payment.Register, provisioning.Register,
	} {
		register(&r)
	}
	return &r
}
