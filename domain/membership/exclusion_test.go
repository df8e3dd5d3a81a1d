package membership_test

import (
	"testing"
	"time"

	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

var (
	grounds    = sealed.New("ada", sealed.Register, "took the till")
	proposed   = membership.ExclusionProposed{Party: "ada", On: day(time.April, 1), Grounds: grounds, AnswerThrough: day(time.May, 1), StatutesVersion: 4}
	answered   = membership.ExclusionAnswered{Party: "ada", On: day(time.April, 20), Answer: sealed.New("ada", sealed.Register, "did not")}
	heard      = membership.HearingHeld{Party: "ada", On: day(time.May, 10), Attended: true, Minutes: "2026/5"}
	byAssembly = membership.Decision{By: statutes.Assembled, On: day(time.May, 23), Minutes: "AGM 2026"}
	decided    = membership.ExclusionDecided{
		Party: "ada", Decision: byAssembly, Excluded: true, Reasons: grounds, NoticeBy: day(time.June, 7), LastDay: day(time.May, 23), StatutesVersion: 4,
	}
	excluded = membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.May, 23), Why: grounds}
	notified = membership.ExclusionNotified{Party: "ada", On: day(time.June, 7)}
)

// asksHearing is an answer with which the member asks to be heard.
func asksHearing(on calendar.Date, late bool) membership.ExclusionAnswered {
	return membership.ExclusionAnswered{Party: "ada", On: on, Hearing: true, Late: late}
}

func TestProposingAnExclusion(t *testing.T) {
	propose := membership.ProposeExclusion{Party: "ada", On: day(time.April, 1), Grounds: "took the till", Statutes: nubo}
	with := func(change func(*membership.ProposeExclusion)) membership.ProposeExclusion {
		return with(propose, change)
	}
	acquitted := membership.ExclusionDecided{Party: "ada", Decision: byAssembly, StatutesVersion: 4}
	later := proposed
	later.On, later.AnswerThrough = day(time.July, 1), day(time.August, 1)
	spec.Check(t, []onMember{
		{Rule: "an exclusion is proposed to the member, with its grounds, and they have a month to answer", Given: member, When: propose, Then: spec.Events{proposed}},
		{Rule: "one who has resigned may be excluded before", Given: spec.Events{applied, admitted, resigned, left}, When: propose, Then: spec.Events{proposed}},
		{Rule: "not one who has left", Given: spec.Events{applied, admitted, resigned, left}, When: with(func(c *membership.ProposeExclusion) { c.On = day(time.July, 1) }), Refused: membership.ErrNotMember},
		{Rule: "one at a time", Given: append(member[:2:2], proposed), When: with(func(c *membership.ProposeExclusion) { c.On = day(time.April, 2) }), Refused: membership.ErrProposed},
		{Rule: "who was not excluded may be proposed again", Given: append(member[:2:2], proposed, acquitted), When: with(func(c *membership.ProposeExclusion) { c.On = later.On }), Then: spec.Events{later}},
		{Rule: "what was decided on is not proposed by being sent again", Given: append(member[:2:2], proposed, acquitted), When: propose},
		{Rule: "who was excluded, with effect later, is not excluded twice", Given: append(member[:2:2], proposed, decided), When: with(func(c *membership.ProposeExclusion) { c.On = day(time.May, 30) }), Refused: membership.ErrExcluded},
		{Rule: "it has grounds", Given: member, When: with(func(c *membership.ProposeExclusion) { c.Grounds = " " }), Refused: membership.ErrIncomplete},
		{Rule: "and statutes", Given: member, When: with(func(c *membership.ProposeExclusion) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
	})
}

func TestAnsweringAnExclusion(t *testing.T) {
	answer := membership.AnswerExclusion{Party: "ada", On: day(time.April, 20), Answer: "did not"}
	with := func(change func(*membership.AnswerExclusion)) membership.AnswerExclusion { return with(answer, change) }
	late := answered
	late.On, late.Late = day(time.May, 2), true
	past := append(member[:2:2], proposed)
	spec.Check(t, []onMember{
		{Rule: "the member answers", Given: past, When: answer, Then: spec.Events{answered}},
		{Rule: "and may ask to be heard", Given: past, When: membership.AnswerExclusion{Party: "ada", On: day(time.May, 1), Hearing: true}, Then: spec.Events{asksHearing(day(time.May, 1), false)}},
		{Rule: "more than once", Given: append(past[:3:3], answered), When: membership.AnswerExclusion{Party: "ada", On: day(time.May, 1), Hearing: true}, Then: spec.Events{asksHearing(day(time.May, 1), false)}},
		{Rule: "what comes late is kept, and marked", Given: past, When: with(func(c *membership.AnswerExclusion) { c.On = late.On }), Then: spec.Events{late}},
		{Rule: "not before it was proposed", Given: past, When: with(func(c *membership.AnswerExclusion) { c.On = day(time.March, 31) }), Refused: membership.ErrTooEarly},
		{Rule: "an answer says something", Given: past, When: membership.AnswerExclusion{Party: "ada", On: day(time.April, 20)}, Refused: membership.ErrIncomplete},
		{Rule: "to a proposal", Given: member, When: answer, Refused: membership.ErrNotProposed},
		{Rule: "that was not decided on", Given: append(past[:3:3], decided, excluded), When: answer, Refused: membership.ErrNotProposed},
		{Rule: "the member is heard", Given: append(past[:3:3], asksHearing(day(time.April, 20), false)), When: membership.HoldHearing(heard), Then: spec.Events{heard}},
		{Rule: "or did not come", Given: past, When: membership.HoldHearing{Party: "ada", On: day(time.May, 10)}, Then: spec.Events{membership.HearingHeld{Party: "ada", On: day(time.May, 10)}}},
		{Rule: "after the proposal", Given: past, When: membership.HoldHearing{Party: "ada", On: day(time.March, 31)}, Refused: membership.ErrTooEarly},
		{Rule: "if there is one", Given: member, When: membership.HoldHearing(heard), Refused: membership.ErrNotProposed},
	})
}

func TestDecidingOnAnExclusion(t *testing.T) {
	decide := membership.DecideExclusion{Party: "ada", Decision: byAssembly, Excluded: true, Reasons: "took the till", Statutes: nubo}
	with := func(changes ...func(*membership.DecideExclusion)) membership.DecideExclusion {
		c := decide
		for _, change := range changes {
			change(&c)
		}
		return c
	}
	on := func(month time.Month, d int) func(*membership.DecideExclusion) {
		return func(c *membership.DecideExclusion) { c.Decision.On = day(month, d) }
	}
	under := func(change func(*statutes.Statutes)) func(*membership.DecideExclusion) {
		return func(c *membership.DecideExclusion) { c.Statutes = inForce("nubo", change) }
	}
	past := append(member[:2:2], proposed)
	early := decided
	early.Decision.On, early.LastDay, early.NoticeBy = day(time.April, 20), day(time.April, 20), day(time.May, 5)
	earlyEnd := excluded
	earlyEnd.On = early.LastDay
	noNotice := func(s *statutes.Statutes) {
		s.Membership.Exclusion = statutes.Exclusion{By: statutes.Assembled}
	}
	direct := decided
	direct.NoticeBy = calendar.Date{}
	onNotice := decided
	onNotice.LastDay = calendar.Date{}
	inGermany := func(c *membership.DecideExclusion) {
		c.Statutes, c.Decision.By = inForce("de-eg"), statutes.Board
	}
	german := decided
	german.Decision.By, german.LastDay, german.NoticeBy = statutes.Board, day(time.December, 31), day(time.May, 30)
	germanEnd := excluded
	germanEnd.On = german.LastDay
	resignedBefore := append(spec.Events{applied, admitted, resigned, left}, proposed)
	spec.Check(t, []onMember{
		{Rule: "once the member's time to answer is over, the body decides, with reasons", Given: past, When: decide, Then: spec.Events{decided, excluded}},
		{Rule: "the day after it", Given: past, When: with(on(time.May, 2)), Then: spec.Events{
			membership.ExclusionDecided{Party: "ada", Decision: membership.Decision{By: statutes.Assembled, On: day(time.May, 2), Minutes: "AGM 2026"}, Excluded: true, Reasons: grounds, NoticeBy: day(time.May, 17), LastDay: day(time.May, 2), StatutesVersion: 4},
			membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.May, 2), Why: grounds},
		}},
		{Rule: "not on its last day", Given: past, When: with(on(time.May, 1)), Refused: membership.ErrMayAnswer},
		{Rule: "unless they have answered", Given: append(past[:3:3], answered), When: with(on(time.April, 20)), Then: spec.Events{early, earlyEnd}},
		{Rule: "not before they did", Given: append(past[:3:3], answered), When: with(on(time.April, 19)), Refused: membership.ErrTooEarly},
		{Rule: "nor before it was proposed", Given: past, When: with(on(time.March, 31)), Refused: membership.ErrTooEarly},
		{Rule: "who asks to be heard is heard first", Given: append(past[:3:3], asksHearing(day(time.April, 20), false)), When: decide, Refused: membership.ErrNotHeard},
		{Rule: "also if they asked with a second answer", Given: append(past[:3:3], answered, asksHearing(day(time.May, 1), false)), When: decide, Refused: membership.ErrNotHeard},
		{Rule: "then it is decided", Given: append(past[:3:3], asksHearing(day(time.April, 20), false), heard), When: decide, Then: spec.Events{decided, excluded}},
		{Rule: "not before the hearing", Given: append(past[:3:3], asksHearing(day(time.April, 20), false), heard), When: with(on(time.May, 9)), Refused: membership.ErrTooEarly},
		{Rule: "who asks too late need not be heard", Given: append(past[:3:3], asksHearing(day(time.May, 2), true)), When: decide, Then: spec.Events{decided, excluded}},
		{Rule: "without a proposal nobody is excluded", Given: member, When: decide, Refused: membership.ErrNotProposed},
		{Rule: "unless the statutes ask for none", Given: member, When: with(under(noNotice)), Then: spec.Events{direct, excluded}},
		{Rule: "by the body that the statutes name", Given: past, When: with(func(c *membership.DecideExclusion) { c.Decision.By = statutes.Board }), Refused: membership.ErrBody},
		{Rule: "with reasons", Given: past, When: with(func(c *membership.DecideExclusion) { c.Reasons = "" }), Refused: membership.ErrIncomplete},
		{Rule: "by statutes in force", Given: past, When: with(func(c *membership.DecideExclusion) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "not one who has left meanwhile", Given: resignedBefore, When: with(on(time.July, 1)), Refused: membership.ErrNotMember},
		{Rule: "one who is to leave", Given: resignedBefore, When: decide, Then: spec.Events{decided, excluded}},
		{
			Rule: "who stays is told so without reasons", Given: past, When: with(func(c *membership.DecideExclusion) { c.Excluded, c.Reasons = false, "" }),
			Then: spec.Events{membership.ExclusionDecided{Party: "ada", Decision: byAssembly, StatutesVersion: 4}},
		},
		{Rule: "nobody is let off who was not proposed", Given: member, When: with(func(c *membership.DecideExclusion) { c.Excluded = false }, under(noNotice)), Refused: membership.ErrNotProposed},
		{Rule: "it is decided once", Given: append(past[:3:3], decided, excluded), When: with(on(time.May, 24)), Refused: membership.ErrExcluded},
		{Rule: "it takes effect with the notice, if the statutes say so", Given: past, When: with(under(func(s *statutes.Statutes) { s.Membership.Exclusion.Effect = statutes.WhenNoticed })), Then: spec.Events{onNotice}},
		{Rule: "or at the end of the year, as in Germany", Given: past, When: with(inGermany), Then: spec.Events{german, germanEnd}},
		{Rule: "or not at all, where the membership ends before", Given: resignedBefore, When: with(inGermany), Then: spec.Events{german}},
	})
}

func TestTellingOfAnExclusion(t *testing.T) {
	tell := membership.NotifyExclusion{Party: "ada", On: day(time.June, 7)}
	on := func(month time.Month, d int) membership.NotifyExclusion {
		return membership.NotifyExclusion{Party: "ada", On: day(month, d)}
	}
	past := append(member[:2:2], proposed, decided, excluded)
	onNotice := decided
	onNotice.LastDay = calendar.Date{}
	waits := append(member[:2:2], proposed, onNotice)
	ended := excluded
	ended.On = day(time.June, 7)
	untimed := decided
	untimed.NoticeBy = calendar.Date{}
	acquitted := membership.ExclusionDecided{Party: "ada", Decision: byAssembly, StatutesVersion: 4}
	spec.Check(t, []onMember{
		{Rule: "the member is told within fifteen days", Given: past, When: tell, Then: spec.Events{notified}},
		{Rule: "after that it is late", Given: past, When: on(time.June, 8), Then: spec.Events{membership.ExclusionNotified{Party: "ada", On: day(time.June, 8), Late: true}}},
		{Rule: "unless there is no term", Given: append(member[:2:2], proposed, untimed, excluded), When: on(time.December, 8), Then: spec.Events{membership.ExclusionNotified{Party: "ada", On: day(time.December, 8)}}},
		{Rule: "where it takes effect by that, the membership ends", Given: waits, When: tell, Then: spec.Events{notified, ended}},
		{Rule: "once", Given: append(past[:5:5], notified), When: on(time.June, 9), Refused: membership.ErrNotified},
		{Rule: "not before the decision", Given: past, When: on(time.May, 22), Refused: membership.ErrTooEarly},
		{Rule: "of an exclusion", Given: append(member[:2:2], proposed, acquitted), When: tell, Refused: membership.ErrNotDecided},
		{Rule: "that was decided on", Given: append(member[:2:2], proposed), When: tell, Refused: membership.ErrNotDecided},
	})
	for _, tt := range []struct {
		past spec.Events
		step membership.ExclusionStep
		due  calendar.Date
	}{
		{nil, membership.NotProposed, calendar.Date{}},
		{spec.Events{proposed}, membership.Proposed, day(time.May, 1)},
		{spec.Events{proposed, answered}, membership.Answered, calendar.Date{}},
		{spec.Events{proposed, answered, heard}, membership.Heard, calendar.Date{}},
		{spec.Events{proposed, decided, excluded}, membership.Decided, day(time.June, 7)},
		{spec.Events{proposed, decided, excluded, notified}, membership.Notified, calendar.Date{}},
		{spec.Events{proposed, decided, excluded, applied, admitted}, membership.NotProposed, calendar.Date{}}, // who comes back
	} {
		if step, due := after(append(member[:2:2], tt.past...)...).Exclusion(); step != tt.step || due != tt.due {
			t.Errorf("after %T: %s, due %v; want %s, %v", tt.past, step, due, tt.step, tt.due)
		}
	}
}
