package membership

import (
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
	"rochdale/domain/statutes"
)

// exclusion is the course of a proposal to exclude a member. By the law of Belgium
// (CSA 6:123) it is sent with its grounds; the member may answer within a month, and
// be heard if they ask for it; the body that the statutes name decides, with reasons;
// and the member is told of it within fifteen days. It ends a membership, and nothing
// else: what the member subscribes to is for another decision.
type exclusion struct {
	proposed ExclusionProposed
	answers  []ExclusionAnswered // never changed in place
	heard    HearingHeld
	decided  ExclusionDecided
	notified ExclusionNotified
}

// open reports whether a proposal waits for a decision.
func (x exclusion) open() bool { return x.proposed.Party != "" && x.decided.Party == "" }

// hearing reports whether the member has asked in time to be heard.
func (x exclusion) hearing() bool {
	return slices.ContainsFunc(x.answers, func(a ExclusionAnswered) bool { return a.Hearing && !a.Late })
}

// silenced reports whether the member has no vote any more, although the membership
// lasts (GenG §68(2)).
func (x exclusion) silenced(on calendar.Date) bool {
	return x.decided.Excluded && x.notified.Party != "" && !on.Before(x.notified.On)
}

// ExclusionStep is how far the exclusion of a member has come.
type ExclusionStep string

const (
	NotProposed ExclusionStep = ""
	Proposed    ExclusionStep = "proposed"
	Answered    ExclusionStep = "answered"
	Heard       ExclusionStep = "heard"
	Decided     ExclusionStep = "decided" // for or against
	Notified    ExclusionStep = "notified"
)

// Exclusion returns how far the exclusion of the member has come in the last
// membership, and the next day by which something is due: the last one to answer, or
// to tell of the decision; no day, if nothing is.
func (m Member) Exclusion() (step ExclusionStep, due calendar.Date) {
	switch x := m.exclusion; {
	case x.notified.Party != "":
		return Notified, due
	case x.decided.Party != "":
		return Decided, x.decided.NoticeBy
	case x.heard.Party != "":
		return Heard, due
	case len(x.answers) > 0:
		return Answered, due
	case x.proposed.Party != "":
		return Proposed, x.proposed.AnswerThrough
	}
	return NotProposed, due
}

// ExclusionProposed is a proposal to exclude a member, as it was sent to them.
type ExclusionProposed struct {
	Party           domain.PartyID     `json:"party"`
	On              calendar.Date      `json:"on"`             // that it was sent
	Grounds         sealed.Box[string] `json:"grounds"`        // of class register
	AnswerThrough   calendar.Date      `json:"answer_through"` // the last day on which the member may answer
	StatutesVersion int                `json:"statutes_version"`
}

func (e ExclusionProposed) Evolve(m Member) Member {
	m.exclusion = exclusion{proposed: e}
	return m
}

// ExclusionAnswered is what a member says to it.
type ExclusionAnswered struct {
	Party   domain.PartyID     `json:"party"`
	On      calendar.Date      `json:"on"`
	Answer  sealed.Box[string] `json:"answer,omitzero"`   // of class register
	Hearing bool               `json:"hearing,omitempty"` // the member asks to be heard
	Late    bool               `json:"late,omitempty"`    // their time was over: they need not be heard
}

func (e ExclusionAnswered) Evolve(m Member) Member {
	m.exclusion.answers = append(slices.Clip(m.exclusion.answers), e)
	return m
}

// HearingHeld says that the member was heard, or had the chance to be.
type HearingHeld struct {
	Party    domain.PartyID `json:"party"`
	On       calendar.Date  `json:"on"`
	Attended bool           `json:"attended"`
	Minutes  string         `json:"minutes,omitempty"` // how the minutes are referred to; names no person
}

func (e HearingHeld) Evolve(m Member) Member {
	m.exclusion.heard = e
	return m
}

// ExclusionDecided says what the body has decided. If it excludes the member, an
// [Ended] follows, at once or with the notice.
type ExclusionDecided struct {
	Party           domain.PartyID     `json:"party"`
	Decision        Decision           `json:"decision"`
	Excluded        bool               `json:"excluded"`
	Reasons         sealed.Box[string] `json:"reasons,omitzero"`   // of class register
	NoticeBy        calendar.Date      `json:"notice_by,omitzero"` // the last day to tell the member of it; no day: no term
	LastDay         calendar.Date      `json:"last_day,omitzero"`  // of the membership; no day: that of the notice
	StatutesVersion int                `json:"statutes_version"`
}

func (e ExclusionDecided) Evolve(m Member) Member {
	m.exclusion.decided = e
	return m
}

// ExclusionNotified says on which day the member was told of their exclusion.
type ExclusionNotified struct {
	Party domain.PartyID `json:"party"`
	On    calendar.Date  `json:"on"`
	Late  bool           `json:"late,omitempty"` // after the term: the decision may be contested for it
}

func (e ExclusionNotified) Evolve(m Member) Member {
	m.exclusion.notified = e
	return m
}

// ProposeExclusion proposes to exclude a member, on grounds that are sent to them.
type ProposeExclusion struct {
	Party    domain.PartyID
	On       calendar.Date // that it was sent
	Grounds  string
	Statutes statutes.Statutes
}

func (c ProposeExclusion) Stream() domain.Stream { return StreamOf(c.Party) }

func (c ProposeExclusion) Decide(m Member) ([]event, error) {
	grounds := textOf(c.Party, c.Grounds)
	switch x := m.exclusion; {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case x.proposed.Party != "" && x.proposed.On == c.On && x.proposed.Grounds.Equal(grounds):
		return nil, nil
	case x.open():
		return nil, ErrProposed.With("on", x.proposed.On)
	case !m.IsMember(c.On):
		return nil, ErrNotMember.With("on", c.On)
	case x.decided.Excluded:
		return nil, ErrExcluded.With("on", x.decided.Decision.On)
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case strings.TrimSpace(c.Grounds) == "":
		return nil, ErrIncomplete.With("missing", "grounds")
	}
	through, _ := c.Statutes.Membership.Exclusion.Answer(c.On)
	return []event{ExclusionProposed{c.Party, c.On, grounds, through, c.Statutes.Version}}, nil
}

// AnswerExclusion is the member's answer. What comes late is kept, and marked.
type AnswerExclusion struct {
	Party   domain.PartyID
	On      calendar.Date
	Answer  string
	Hearing bool
}

func (c AnswerExclusion) Stream() domain.Stream { return StreamOf(c.Party) }

func (c AnswerExclusion) Decide(m Member) ([]event, error) {
	answer := textOf(c.Party, c.Answer)
	given := func(a ExclusionAnswered) bool {
		return a.On == c.On && a.Hearing == c.Hearing && a.Answer.Equal(answer)
	}
	switch x := m.exclusion; {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case slices.ContainsFunc(x.answers, given):
		return nil, nil
	case !x.open():
		return nil, ErrNotProposed
	case c.On.Before(x.proposed.On):
		return nil, ErrTooEarly.With("earliest", x.proposed.On)
	case strings.TrimSpace(c.Answer) == "" && !c.Hearing:
		return nil, ErrIncomplete.With("missing", "answer")
	}
	return []event{ExclusionAnswered{c.Party, c.On, answer, c.Hearing, c.On.After(m.exclusion.proposed.AnswerThrough)}}, nil
}

// HoldHearing records that the member was heard, or was invited and did not come.
type HoldHearing struct {
	Party    domain.PartyID
	On       calendar.Date
	Attended bool
	Minutes  string
}

func (c HoldHearing) Stream() domain.Stream { return StreamOf(c.Party) }

func (c HoldHearing) Decide(m Member) ([]event, error) {
	held := HearingHeld(c)
	switch x := m.exclusion; {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case x.heard == held:
		return nil, nil
	case !x.open():
		return nil, ErrNotProposed
	case c.On.Before(x.proposed.On):
		return nil, ErrTooEarly.With("earliest", x.proposed.On)
	}
	return []event{held}, nil
}

// DecideExclusion records what the body has decided: not before the member's time to
// answer is over, unless they have answered, nor before they were heard, if they asked
// for it in time. Where the statutes ask for no proposal, none is needed.
type DecideExclusion struct {
	Party    domain.PartyID
	Decision Decision
	Excluded bool
	Reasons  string // of an exclusion they are told to the member
	Statutes statutes.Statutes
}

func (c DecideExclusion) Stream() domain.Stream { return StreamOf(c.Party) }

func (c DecideExclusion) Decide(m Member) ([]event, error) {
	x, rules := m.exclusion, c.Statutes.Membership
	reasons := textOf(c.Party, c.Reasons)
	_, asked := rules.Exclusion.Answer(c.Decision.On)
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case x.decided.Party != "" && x.decided.Decision == c.Decision && x.decided.Excluded == c.Excluded && x.decided.Reasons.Equal(reasons):
		return nil, nil
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case x.decided.Excluded:
		return nil, ErrExcluded.With("on", x.decided.Decision.On)
	case !x.open() && (asked || !c.Excluded):
		return nil, ErrNotProposed
	case c.Excluded && strings.TrimSpace(c.Reasons) == "":
		return nil, ErrIncomplete.With("missing", "reasons")
	}
	if err := c.Decision.check(rules.ExcludedBy(), rules.Admission.Minutes, x.proposed.On); err != nil {
		return nil, err
	}
	switch on := c.Decision.On; {
	case !m.IsMember(on):
		return nil, ErrNotMember.With("on", on)
	case x.open() && len(x.answers) == 0 && asked && !on.After(x.proposed.AnswerThrough):
		return nil, ErrMayAnswer.With("through", x.proposed.AnswerThrough)
	case len(x.answers) > 0 && on.Before(x.answers[0].On):
		return nil, ErrTooEarly.With("earliest", x.answers[0].On)
	case x.open() && x.hearing() && x.heard.Party == "":
		return nil, ErrNotHeard
	case on.Before(x.heard.On):
		return nil, ErrTooEarly.With("earliest", x.heard.On)
	}
	decided := ExclusionDecided{Party: c.Party, Decision: c.Decision, Excluded: c.Excluded, Reasons: reasons, StatutesVersion: c.Statutes.Version}
	if !c.Excluded {
		return []event{decided}, nil
	}
	if rules.Exclusion.NoticeDays > 0 {
		decided.NoticeBy = c.Decision.On.AddDays(rules.Exclusion.NoticeDays)
	}
	if rules.Exclusion.Effect == statutes.WhenNoticed {
		return []event{decided}, nil
	}
	decided.LastDay = c.Statutes.LastDay(rules.Exclusion.Effect, c.Decision.On)
	return append([]event{decided}, m.exclude(decided.LastDay, reasons)...), nil
}

// exclude ends the membership, unless it ends before by itself.
func (m Member) exclude(last calendar.Date, reasons sealed.Box[string]) []event {
	if m.end.Party != "" && m.end.On.Before(last) {
		return nil
	}
	return []event{Ended{Party: m.party, Reason: Excluded, On: last, Why: reasons}}
}

// NotifyExclusion records that the member was told of their exclusion and its reasons.
type NotifyExclusion struct {
	Party domain.PartyID
	On    calendar.Date
}

func (c NotifyExclusion) Stream() domain.Stream { return StreamOf(c.Party) }

func (c NotifyExclusion) Decide(m Member) ([]event, error) {
	decided := m.exclusion.decided
	switch {
	case m.merged.Party != "":
		return nil, ErrMerged.With("into", m.merged.Into)
	case m.exclusion.notified.Party != "" && m.exclusion.notified.On == c.On:
		return nil, nil
	case !decided.Excluded:
		return nil, ErrNotDecided
	case m.exclusion.notified.Party != "":
		return nil, ErrNotified.With("on", m.exclusion.notified.On)
	case c.On.Before(decided.Decision.On):
		return nil, ErrTooEarly.With("earliest", decided.Decision.On)
	}
	late := !decided.NoticeBy.IsZero() && c.On.After(decided.NoticeBy)
	notified := []event{ExclusionNotified{c.Party, c.On, late}}
	if !decided.LastDay.IsZero() {
		return notified, nil
	}
	return append(notified, m.exclude(c.On, decided.Reasons)...), nil
}
