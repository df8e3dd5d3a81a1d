package provisioning

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
)

// thresholds are the parts of a quota, in percent, at which the holder of an account is warned.
var thresholds = []int{80, 90, 100}

// easing is by how many percent less an account must hold than a threshold until it is warned of it anew: of one that
// hovers about it, nobody is told every day.
const easing = 5

// ErrHoldsMore refuses to make an account smaller than what is in it.
var ErrHoldsMore = domain.Refusal{
	Code:   "provisioning.holds_more",
	Reason: "{service} holds {used}, as was measured on {measured}, and the new size is {quota}: {surplus} must go first. It is measured daily and when you ask: ask again once it is gone, or for the change from a later day on",
}

// Fits refuses a new quota, with [ErrHoldsMore], to an account that holds more.
func Fits(service domain.Service, used, quota domain.Bytes, measured calendar.Date) error {
	if quota == Unlimited || used <= quota {
		return nil
	}
	return ErrHoldsMore.With("service", service).With("used", used).With("measured", measured).With("quota", quota).With("surplus", used-quota)
}

// Level returns the threshold that what an account holds has passed, in percent, after it was at another before; 0: none.
func Level(used, quota domain.Bytes, before int) (level int) {
	if quota <= 0 {
		return 0
	}
	reached := func(percent int) bool {
		return used >= quota/100*domain.Bytes(percent)+quota%100*domain.Bytes(percent)/100
	}
	for _, t := range thresholds {
		if reached(t) || t <= before && reached(t-easing) {
			level = t
		}
	}
	return level
}

// UsagePassed records that what an account holds has passed a part of what it may hold.
type UsagePassed struct {
	Subject
	Percent int           `json:"percent"` // 80, 90 or 100
	Used    domain.Bytes  `json:"used"`
	Quota   domain.Bytes  `json:"quota"`
	On      calendar.Date `json:"on"`
}

func (e UsagePassed) Evolve(a Account) Account {
	a.level = e.Percent
	return a
}

// UsageFell records that it has fallen well under it again.
type UsageFell struct {
	Subject
	Percent int           `json:"percent"` // that it is still above: 80, 90, or 0
	Used    domain.Bytes  `json:"used"`
	Quota   domain.Bytes  `json:"quota"`
	On      calendar.Date `json:"on"`
}

func (e UsageFell) Evolve(a Account) Account {
	a.level = e.Percent
	return a
}

// SizePostponed records that a subscription was to become smaller, and its account held more on that day: it becomes
// so on a later one.
type SizePostponed struct {
	Subject
	Used     domain.Bytes  `json:"used"`
	Quota    domain.Bytes  `json:"quota"`    // that was to hold
	Measured calendar.Date `json:"measured"` // when that was in it
	On       calendar.Date `json:"on"`       // the day from which it was to hold
	Until    calendar.Date `json:"until"`    // the day from which it shall, if less is in it by then
}

func (e SizePostponed) Evolve(a Account) Account {
	a.postponed = e.On
	return a
}

// NoteUsage notes how much an account holds of how much, if that has passed a threshold or fallen under one.
type NoteUsage struct {
	Account domain.AccountID
	Used    domain.Bytes
	Quota   domain.Bytes // or [Unlimited]
	On      calendar.Date
}

func (c NoteUsage) Stream() domain.Stream { return StreamOf(c.Account) }

func (c NoteUsage) Decide(a Account) ([]accountEvent, error) {
	if !a.exists() {
		return nil, ErrUnknown
	}
	level := Level(c.Used, c.Quota, a.level)
	switch {
	case level > a.level:
		return []accountEvent{UsagePassed{a.requested.Subject, level, c.Used, c.Quota, c.On}}, nil
	case level < a.level:
		return []accountEvent{UsageFell{a.requested.Subject, level, c.Used, c.Quota, c.On}}, nil
	}
	return nil, nil
}

// PostponeSize puts off that an account becomes smaller than what is in it.
type PostponeSize struct {
	Account  domain.AccountID
	Used     domain.Bytes
	Quota    domain.Bytes
	Measured calendar.Date
	On       calendar.Date
	Until    calendar.Date
}

func (c PostponeSize) Stream() domain.Stream { return StreamOf(c.Account) }

func (c PostponeSize) Decide(a Account) ([]accountEvent, error) {
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case a.postponed == c.On && !c.On.IsZero():
		return nil, nil
	case c.On.IsZero() || !c.Until.After(c.On):
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []accountEvent{SizePostponed{a.requested.Subject, c.Used, c.Quota, c.Measured, c.On, c.Until}}, nil
}
