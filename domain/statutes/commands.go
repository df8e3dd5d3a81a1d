package statutes

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// The rules by which adopting says no.
var (
	ErrInvalid   = domain.Refusal{Code: "statutes.invalid", Reason: "these statutes cannot be adopted: {problem}"}
	ErrVersion   = domain.Refusal{Code: "statutes.version", Reason: "the next version of the statutes is {next}: look at what was adopted meanwhile"}
	ErrBackdated = domain.Refusal{Code: "statutes.backdated", Reason: "statutes that replace others hold from {earliest} or later"}
	ErrUndated   = domain.Refusal{Code: "statutes.undated", Reason: "say on which day the statutes were adopted and from which they hold"}
)

// Adopt puts statutes in force from a day on.
type Adopt struct {
	Version     int           // that they are to be: one more than the last, so that two people cannot overtake each other
	On          calendar.Date // that they were adopted
	InForceFrom calendar.Date // the first statutes may hold from before they are entered here
	By          string
	Statutes    Statutes
}

func (c Adopt) Stream() domain.Stream { return Stream }

func (c Adopt) Decide(h History) ([]event, error) {
	if c.Version >= 1 && c.Version <= len(h.versions) {
		was := h.versions[c.Version-1]
		if was.On == c.On && was.InForceFrom == c.InForceFrom && was.By == c.By && was.Statutes.Equal(c.Statutes) {
			return nil, nil
		}
	}
	switch {
	case c.Version != len(h.versions)+1:
		return nil, ErrVersion.With("next", len(h.versions)+1)
	case c.On.IsZero() || c.InForceFrom.IsZero():
		return nil, ErrUndated
	case c.InForceFrom.Before(h.earliest(c.On)):
		return nil, ErrBackdated.With("earliest", h.earliest(c.On))
	}
	if problems := c.Statutes.Problems(); len(problems) > 0 {
		return nil, ErrInvalid.With("problem", problems[0].String())
	}
	adopted := Adopted(c)
	adopted.Statutes.Version = 0
	return []event{adopted}, nil
}
