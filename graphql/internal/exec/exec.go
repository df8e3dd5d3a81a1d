// Package exec is what is generated of the schema: how an operation is executed,
// which resolvers it calls, and the types that are of the API alone.
package exec

import (
	"encoding/json"

	"rochdale/domain/calendar"
	"rochdale/domain/offering"
	"rochdale/domain/statutes"
)

// Node is anything that has an id: the types of the domain need not know that.
type Node any

// Turnout is how many have voted, of how many.
type Turnout struct{ Voters, Votes, CastVoters, CastVotes int64 }

// Statutes are a version of the statutes.
type Statutes struct {
	statutes.Statutes
	AdoptedOn, InForceFrom calendar.Date
	By                     string
}

// ShareClasses are the classes of shares that there are.
func (s *Statutes) ShareClasses() []statutes.Class { return s.Shares.Classes }

// Rules is all that they say.
func (s *Statutes) Rules() (json.RawMessage, error) { return json.Marshal(s.Statutes) }

// PriceList is a version of the price list.
type PriceList struct {
	offering.PriceList
	Version int
	From    calendar.Date
}
