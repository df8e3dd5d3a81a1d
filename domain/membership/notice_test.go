package membership_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/spec"
)

func TestNotices(t *testing.T) {
	record := membership.RecordNotice{
		Notice: "e1", Kind: "admitted", Party: "ada", Language: domain.French, Outcome: membership.NoticeSent, On: day(time.March, 1),
	}
	with := func(change func(*membership.RecordNotice)) membership.RecordNotice { return with(record, change) }
	sent := membership.NoticeRecorded(record)
	former := with(func(c *membership.RecordNotice) { c.Notice, c.Former = "e1-former", true })
	unknown := with(func(c *membership.RecordNotice) { c.Outcome = membership.NoticeNoAddress })
	spec.Check(t, []spec.Story[domain.Command[membership.Notice]]{
		{Rule: "a party is told by mail of what concerns it", When: record, Then: spec.Events{sent}},
		{Rule: "once", Given: spec.Events{sent}, When: with(func(c *membership.RecordNotice) { c.On = day(time.March, 2) })},
		{Rule: "at the address before, too", When: former, Then: spec.Events{membership.NoticeRecorded(former)}},
		{Rule: "whom nobody can write to is listed", When: unknown, Then: spec.Events{membership.NoticeRecorded(unknown)}},
		{Rule: "a mail has an id", When: with(func(c *membership.RecordNotice) { c.Notice = "" }), Refused: membership.ErrIncomplete},
		{Rule: "and tells something", When: with(func(c *membership.RecordNotice) { c.Kind = "" }), Refused: membership.ErrIncomplete},
		{Rule: "somebody", When: with(func(c *membership.RecordNotice) { c.Party = "" }), Refused: membership.ErrIncomplete},
		{Rule: "in a language", When: with(func(c *membership.RecordNotice) { c.Language = "xx" }), Refused: membership.ErrIncomplete},
		{Rule: "with an outcome", When: with(func(c *membership.RecordNotice) { c.Outcome = "lost" }), Refused: membership.ErrIncomplete},
		{Rule: "on a day", When: with(func(c *membership.RecordNotice) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
	})
	if n, told := sent.Evolve(membership.Notice{}).Recorded(); !told || n != sent {
		t.Errorf("told: %+v, %v", n, told)
	}
}
