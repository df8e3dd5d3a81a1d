package statutes

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
)

// Stream is the one stream of the statutes.
const Stream domain.Stream = "statutes"

// History is all statutes ever adopted.
type History struct{ versions []Adopted }

// Version returns the version adopted last, from 1, or 0.
func (h History) Version() int { return len(h.versions) }

// Versions returns all of them, oldest first.
func (h History) Versions() []Adopted { return slices.Clone(h.versions) }

// At returns the statutes in force on a day and their version, or 0 where none
// are: a later version replaces the earlier ones from its first day on.
func (h History) At(d calendar.Date) (s Statutes, version int) {
	for _, v := range slices.Backward(h.versions) {
		if !v.InForceFrom.After(d) {
			return v.Statutes, v.Version
		}
	}
	return Statutes{}, 0
}

// earliest returns the first day from which statutes adopted on a day may hold.
// Those that replace others do so neither before they were adopted nor before
// the others themselves.
func (h History) earliest(on calendar.Date) calendar.Date {
	if len(h.versions) == 0 {
		return calendar.Date{}
	}
	if last := h.versions[len(h.versions)-1].InForceFrom; last.After(on) {
		return last
	}
	return on
}
