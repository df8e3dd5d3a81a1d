package statutes

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

type event = domain.Event[History]

// Adopted puts a version of the statutes in force.
type Adopted struct {
	Version     int           `json:"version"`       // from 1
	On          calendar.Date `json:"adopted_on"`    // that they were adopted
	InForceFrom calendar.Date `json:"in_force_from"` // the first day on which they hold
	By          string        `json:"by,omitempty"`  // what adopted them, like the deed of foundation or the id of a poll; no person's name
	Statutes    Statutes      `json:"statutes"`
}

func (e Adopted) Evolve(h History) History {
	e.Statutes.Version = e.Version
	h.versions = append(slices.Clip(h.versions), e)
	return h
}

// Register enters the events of the statutes.
func Register(r *domain.Registry) {
	domain.Register[Adopted](r, "statutes.adopted")
}
