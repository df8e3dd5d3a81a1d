package membership_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

func TestApplying(t *testing.T) {
	with := func(change func(*membership.Apply)) membership.Apply { return with(apply, change) }
	again := with(func(c *membership.Apply) { c.On = day(time.September, 1) })
	appliedAgain := applied
	appliedAgain.On, appliedAgain.WithdrawableThrough = again.On, day(time.September, 15)
	withdrawn := membership.ApplicationWithdrawn{Party: "ada", On: day(time.February, 2)}
	heirs := inForce("nubo", func(s *statutes.Statutes) { s.Membership.Death.Heirs = statutes.MayJoin })
	spec.Check(t, []onMember{
		{Rule: "anyone may apply", When: apply, Then: spec.Events{applied}},
		{
			Rule: "so may an organisation, without saying how to reach it",
			When: membership.Apply{Party: "mill", Kind: membership.Organisation, Identity: mill, On: day(time.February, 1), Statutes: nubo},
			Then: spec.Events{membership.Applied{
				Party: "mill", Kind: membership.Organisation, Identity: sealed.New("mill", sealed.Register, mill), On: day(time.February, 1),
				WithdrawableThrough: day(time.February, 15), StatutesVersion: 4,
			}},
		},
		{Rule: "one application at a time", Given: spec.Events{applied}, When: with(func(c *membership.Apply) { c.Language = "nl" }), Refused: membership.ErrApplied},
		{Rule: "an application sent again after the admission changes nothing", Given: member, When: apply},
		{Rule: "not even under other statutes", Given: spec.Events{applied}, When: with(func(c *membership.Apply) { c.Statutes.Version = 5 })},
		{Rule: "a member has no need to", Given: member, When: again, Refused: membership.ErrIsMember},
		{Rule: "nor has who leaves later", Given: spec.Events{applied, admitted, resigned, left}, When: with(func(c *membership.Apply) { c.On = day(time.June, 30) }), Refused: membership.ErrIsMember},
		{Rule: "who has left may apply again", Given: spec.Events{applied, admitted, resigned, left}, When: again, Then: spec.Events{appliedAgain}},
		{Rule: "so may who was rejected", Given: spec.Events{applied, rejected}, When: again, Then: spec.Events{appliedAgain}},
		{Rule: "and who has withdrawn", Given: spec.Events{applied, withdrawn}, When: again, Then: spec.Events{appliedAgain}},
		{
			Rule: "and who is known without being a member", When: apply, Then: spec.Events{applied},
			Given: spec.Events{membership.IdentityChanged{Party: "ada", Kind: membership.Person, Identity: movedTo, On: day(time.January, 1)}},
		},
		{
			Rule: "a person does not apply as an organisation", Given: spec.Events{applied, rejected},
			When: membership.Apply{Party: "ada", Kind: membership.Organisation, Identity: mill, On: day(time.September, 1), Statutes: nubo}, Refused: membership.ErrKind,
		},
		{Rule: "the dead do not apply", Given: spec.Events{applied, rejected, membership.Died{Party: "ada", On: day(time.May, 1), LearntOn: day(time.May, 1)}}, When: again, Refused: membership.ErrGone},
		{
			Rule: "an heir who takes shares over says whose", When: with(func(c *membership.Apply) { c.HeirOf, c.Statutes = "eve", heirs }),
			Then: spec.Events{func() membership.Applied { e := applied; e.HeirOf = "eve"; return e }()},
		},
		{Rule: "unless heirs are paid out", When: with(func(c *membership.Apply) { c.HeirOf = "eve" }), Refused: membership.ErrHeirs},
	})
	for _, c := range []struct {
		has    string
		change func(*membership.Apply)
	}{
		{"an id", func(c *membership.Apply) { c.Party = "" }},
		{"a kind", func(c *membership.Apply) { c.Kind = "robot" }},
		{"a name", func(c *membership.Apply) { c.Identity.FirstName, c.Identity.LastName = "", " " }},
		{"a name of its kind", func(c *membership.Apply) { c.Kind = membership.Organisation }},
		{"one name", func(c *membership.Apply) { c.Identity.Organisation = "Sample Mill" }},
		{"a country by its code", func(c *membership.Apply) { c.Identity.Country = "Belgium" }},
		{"a birth before it", func(c *membership.Apply) { c.Identity.BirthDate = day(time.February, 2) }},
		{"an e-mail with a host", func(c *membership.Apply) { c.Contact.Email = "ada@localhost" }},
		{"an e-mail with a local part", func(c *membership.Apply) { c.Contact.Email = "@example.org" }},
		{"one e-mail", func(c *membership.Apply) { c.Contact.Email = "a@example.org,b@example.org" }},
		{"no line break in an e-mail", func(c *membership.Apply) { c.Contact.Email = "a@example.org\nBcc: x@example.org" }},
		{"a language of ours", func(c *membership.Apply) { c.Language = "tlh" }},
		{"a day", func(c *membership.Apply) { c.On = calendar.Date{} }},
		{"statutes", func(c *membership.Apply) { c.Statutes.Version = 0 }},
		{"shares of some number", func(c *membership.Apply) { c.Shares = []membership.Wish{{Class: "B"}} }},
		{"each class once", func(c *membership.Apply) {
			c.Shares = []membership.Wish{{Class: "B", Quantity: 1}, {Class: "B", Quantity: 2}}
		}},
	} {
		spec.Check(t, []onMember{{Rule: "an application has " + c.has, When: with(c.change), Refused: membership.ErrIncomplete}})
	}
}

func TestWhatACandidateAccepts(t *testing.T) {
	asking := inForce("nubo", func(s *statutes.Statutes) { s.Membership.Admission.Texts = []string{"rules", "risks"} })
	rules := membership.Acceptance{Text: "rules", Version: "3", On: day(time.January, 31)}
	risks := membership.Acceptance{Text: "risks", Version: "2026", On: day(time.February, 1)}
	with := func(accepted ...membership.Acceptance) membership.Apply {
		return with(apply, func(c *membership.Apply) { c.Statutes, c.Accepted = asking, accepted })
	}
	stories := []onMember{
		{
			Rule: "a candidate accepts the texts of the statutes, each in a version", When: with(rules, risks),
			Then: spec.Events{func() membership.Applied { e := applied; e.Accepted = []membership.Acceptance{rules, risks}; return e }()},
		},
		{
			Rule: "others they may accept too", When: with(membership.Acceptance{Text: "doc-17", Version: "1", On: day(time.February, 1)}, rules, risks),
			Then: spec.Events{func() membership.Applied {
				e := applied
				e.Accepted = []membership.Acceptance{{Text: "doc-17", Version: "1", On: day(time.February, 1)}, rules, risks}
				return e
			}()},
		},
		{Rule: "all of them", When: with(rules), Refused: membership.ErrNotAccepted},
		{Rule: "what was accepted has a name", When: with(rules, risks, membership.Acceptance{Version: "1", On: day(time.February, 1)}), Refused: membership.ErrIncomplete},
		{Rule: "and a version", When: with(rules, membership.Acceptance{Text: "risks", On: day(time.February, 1)}), Refused: membership.ErrIncomplete},
		{Rule: "and a day", When: with(rules, membership.Acceptance{Text: "risks", Version: "2026"}), Refused: membership.ErrIncomplete},
		{Rule: "no later than the application", When: with(rules, membership.Acceptance{Text: "risks", Version: "2026", On: day(time.February, 2)}), Refused: membership.ErrIncomplete},
	}
	spec.Check(t, stories)
	m := after(stories[0].Then...)
	if a, ever := m.Application(); !ever || len(a.Accepted) != 2 {
		t.Errorf("accepted: %v", a.Accepted)
	}
}

func TestSharesAskedFor(t *testing.T) {
	two := inForce("nubo", func(s *statutes.Statutes) { s.Membership.Admission.MinShares = 2 })
	with := func(wishes ...membership.Wish) membership.Apply {
		return with(apply, func(c *membership.Apply) { c.Statutes, c.Shares = two, wishes })
	}
	spec.Check(t, []onMember{
		{
			Rule: "a candidate says which shares they want", When: with(membership.Wish{Class: "A", Quantity: 2}, membership.Wish{Class: "B", Quantity: 1}),
			Then: spec.Events{func() membership.Applied {
				e := applied
				e.Shares = []membership.Wish{{Class: "A", Quantity: 2}, {Class: "B", Quantity: 1}}
				return e
			}()},
		},
		{Rule: "as many as the statutes ask for", When: with(membership.Wish{Class: "A", Quantity: 1}), Refused: membership.ErrTooFewShares},
		{Rule: "of a class that there is", When: with(membership.Wish{Class: "Z", Quantity: 2}), Refused: membership.ErrNoClass},
	})
}

func TestWithdrawingAnApplication(t *testing.T) {
	withdraw := func(on calendar.Date) membership.WithdrawApplication {
		return membership.WithdrawApplication{Party: "ada", On: on}
	}
	withdrawn := func(on calendar.Date) membership.ApplicationWithdrawn {
		return membership.ApplicationWithdrawn{Party: "ada", On: on}
	}
	ended := func(on calendar.Date) membership.Ended {
		return membership.Ended{Party: "ada", Reason: membership.Withdrawn, On: on}
	}
	waiting := membership.WaitingListJoined{Party: "ada", On: day(time.February, 1)}
	later := admitted
	later.On = day(time.March, 1)
	old := membership.Applied{Party: "ada", Kind: membership.Person, Identity: adaBox, On: day(time.February, 1)}
	spec.Check(t, []onMember{
		{Rule: "a candidate may withdraw", Given: spec.Events{applied}, When: withdraw(day(time.February, 2)), Then: spec.Events{withdrawn(day(time.February, 2))}},
		{Rule: "at any time until the decision", Given: spec.Events{applied}, When: withdraw(day(time.August, 2)), Then: spec.Events{withdrawn(day(time.August, 2))}},
		{
			Rule: "and so leaves the waiting list", Given: spec.Events{applied, waiting}, When: withdraw(day(time.February, 2)),
			Then: spec.Events{membership.WaitingListLeft{Party: "ada", On: day(time.February, 2)}, withdrawn(day(time.February, 2))},
		},
		{Rule: "not before the application", Given: spec.Events{applied}, When: withdraw(day(time.January, 31)), Refused: membership.ErrTooEarly},
		{Rule: "on a day", Given: spec.Events{applied}, When: withdraw(calendar.Date{}), Refused: membership.ErrIncomplete},
		{
			Rule: "within its time even a member may, who is one no more", Given: member, When: withdraw(day(time.February, 15)),
			Then: spec.Events{withdrawn(day(time.February, 15)), ended(day(time.February, 15))},
		},
		{
			Rule: "who was to be one later never is", Given: spec.Events{applied, later}, When: withdraw(day(time.February, 15)),
			Then: spec.Events{withdrawn(day(time.February, 15)), ended(day(time.February, 28))},
		},
		{
			Rule: "and one who has resigned meanwhile", Given: spec.Events{applied, admitted, resigned, left}, When: withdraw(day(time.February, 10)),
			Then: spec.Events{withdrawn(day(time.February, 10)), ended(day(time.February, 10))},
		},
		{Rule: "not after its time", Given: member, When: withdraw(day(time.February, 16)), Refused: membership.ErrTooLate},
		{Rule: "where there is none, not after the decision", Given: spec.Events{old, admitted}, When: withdraw(day(time.February, 4)), Refused: membership.ErrNotApplied},
		{Rule: "who was rejected has nothing to withdraw", Given: spec.Events{applied, rejected}, When: withdraw(day(time.February, 5)), Refused: membership.ErrNotApplied},
		{Rule: "once is enough", Given: spec.Events{applied, withdrawn(day(time.February, 2))}, When: withdraw(day(time.February, 3)), Refused: membership.ErrNotApplied},
		{Rule: "who never applied does not", When: withdraw(day(time.February, 2)), Refused: membership.ErrNotApplied},
	})
	m := after(applied, later, withdrawn(day(time.February, 15)), ended(day(time.February, 28)))
	for _, on := range []calendar.Date{day(time.February, 28), day(time.March, 1), day(time.April, 1)} {
		if m.IsMember(on) {
			t.Errorf("who withdrew before it began is a member on %v", on)
		}
	}
}

func TestTheWaitingList(t *testing.T) {
	on := day(time.February, 10)
	put, off := membership.PutOnWaitingList{Party: "ada", On: on}, membership.TakeOffWaitingList{Party: "ada", On: on}
	joined, gone := membership.WaitingListJoined(put), membership.WaitingListLeft(off)
	spec.Check(t, []onMember{
		{Rule: "a candidate waits for their turn", Given: spec.Events{applied}, When: put, Then: spec.Events{joined}},
		{Rule: "who waits already keeps their place", Given: spec.Events{applied, joined}, When: membership.PutOnWaitingList{Party: "ada", On: on.AddDays(9)}},
		{Rule: "who was taken off comes last", Given: spec.Events{applied, joined, gone}, When: membership.PutOnWaitingList{Party: "ada", On: on.AddDays(9)}, Then: spec.Events{membership.WaitingListJoined{Party: "ada", On: on.AddDays(9)}}},
		{Rule: "nobody waits who has not applied", When: put, Refused: membership.ErrNotApplied},
		{Rule: "nor a member", Given: member, When: put, Refused: membership.ErrNotApplied},
		{Rule: "nor before the application", Given: spec.Events{applied}, When: membership.PutOnWaitingList{Party: "ada", On: day(time.January, 1)}, Refused: membership.ErrTooEarly},
		{Rule: "one is taken off", Given: spec.Events{applied, joined}, When: off, Then: spec.Events{gone}},
		{Rule: "who does not wait is off", Given: spec.Events{applied}, When: off},
		{Rule: "not before one was on", Given: spec.Events{applied, joined}, When: membership.TakeOffWaitingList{Party: "ada", On: on.AddDays(-1)}, Refused: membership.ErrTooEarly},
		{
			Rule: "a rejection takes one off", Given: spec.Events{applied, joined}, Then: spec.Events{gone, func() membership.Rejected { e := rejected; e.On = on; return e }()},
			When: membership.Reject{Party: "ada", On: on, Decision: byBoard, Reason: "lives on the moon", Statutes: nubo},
		},
	})
	spec.Check2(t, []onBoth{{
		Rule: "so does an admission", Given: spec.Events{applied, joined}, When: membership.Admit{Party: "ada", Number: 7, On: on, Decision: byBoard, Shares: 1, Statutes: nubo},
		Then: spec.Events{gone, func() membership.Admitted { e := admitted; e.On = on; return e }(), membership.NumberGiven{Number: 7, Party: "ada", On: on}},
	}})
	if since, waiting := after(applied, joined).WaitingFrom(); !waiting || since != on {
		t.Error("nobody waits")
	}
	if _, waiting := after(applied, joined, gone).WaitingFrom(); waiting || !after(applied, joined, gone).Applying() {
		t.Error("who was taken off waits, or has no application any more")
	}
}

func TestAdmitting(t *testing.T) {
	admit := membership.Admit{Party: "ada", Number: 7, On: day(time.February, 3), Decision: byBoard, Shares: 1, Statutes: nubo}
	with := func(change func(*membership.Admit)) membership.Admit { return with(admit, change) }
	later := with(func(c *membership.Admit) { c.On, c.Decision.On = day(time.September, 2), day(time.September, 2) })
	appliedAgain := applied
	appliedAgain.On = day(time.September, 1)
	returned := admitted
	returned.On, returned.Decision = later.On, later.Decision
	appliedSoon := applied
	appliedSoon.On = day(time.February, 21)
	minuted := func(c *membership.Admit) {
		c.Statutes = inForce("nubo", func(s *statutes.Statutes) { s.Membership.Admission.Minutes = true })
	}
	automatic := func(c *membership.Admit) {
		c.Statutes = inForce("nubo", func(s *statutes.Statutes) { s.Membership.Admission.By = statutes.Automatically })
	}
	spec.Check2(t, []onBoth{
		{Rule: "who has applied is admitted, with a number, by a decision", Given: spec.Events{applied}, When: admit, Then: spec.Events{admitted, given}},
		{Rule: "who has not is not", When: admit, Refused: membership.ErrNotApplied},
		{Rule: "nor who was rejected", Given: spec.Events{applied, rejected}, When: admit, Refused: membership.ErrNotApplied},
		{Rule: "nor who has withdrawn", Given: spec.Events{applied, membership.ApplicationWithdrawn{Party: "ada", On: day(time.February, 2)}}, When: admit, Refused: membership.ErrNotApplied},
		{Rule: "nor who has died meanwhile", Given: spec.Events{applied, membership.Died{Party: "ada", On: day(time.February, 2), LearntOn: day(time.February, 2)}}, When: admit, Refused: membership.ErrGone},
		{Rule: "not before the application", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.On = day(time.January, 31) }), Refused: membership.ErrTooEarly},
		{Rule: "with the shares of the statutes", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Shares = 0 }), Refused: membership.ErrTooFewShares},
		{Rule: "by statutes in force", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "by the body that they name", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Decision.By = statutes.Assembled }), Refused: membership.ErrBody},
		{Rule: "by somebody", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Decision.By = "" }), Refused: membership.ErrIncomplete},
		{Rule: "on a day", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Decision.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "not decided on before it was applied for", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Decision.On = day(time.January, 31) }), Refused: membership.ErrTooEarly},
		{
			Rule: "minutes need not be named", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Decision.Minutes = "" }),
			Then: spec.Events{func() membership.Admitted { e := admitted; e.Decision.Minutes = ""; return e }(), given},
		},
		{Rule: "unless the statutes ask for it", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { minuted(c); c.Decision.Minutes = " " }), Refused: membership.ErrIncomplete},
		{
			Rule: "where the conditions are enough, nobody decides", Given: spec.Events{applied},
			When: with(func(c *membership.Admit) {
				automatic(c)
				c.Decision = membership.Decision{By: statutes.Automatically, On: c.On}
			}),
			Then: spec.Events{func() membership.Admitted {
				e := admitted
				e.Decision = membership.Decision{By: statutes.Automatically, On: e.On}
				return e
			}(), given},
		},
		{Rule: "not even the board", Given: spec.Events{applied}, When: with(automatic), Refused: membership.ErrBody},
		{Rule: "numbers begin at 1", Given: spec.Events{applied}, When: with(func(c *membership.Admit) { c.Number = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "a number is given once", Given: spec.Events{applied, membership.NumberGiven{Number: 7, Party: "bert"}}, When: admit, Refused: membership.ErrNumberTaken},
		{Rule: "a member is not admitted twice", Given: spec.Events{applied, admitted, given}, When: with(func(c *membership.Admit) { c.Number = 8 }), Refused: membership.ErrIsMember},
		{
			Rule: "nor who has resigned, before it takes effect", Refused: membership.ErrIsMember, When: with(func(c *membership.Admit) { c.On = day(time.June, 30) }),
			Given: spec.Events{
				applied, admitted, given,
				membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.February, 20)},
				appliedSoon,
				membership.EndRevoked{Party: "ada", Reason: membership.Excluded},
				resigned, left,
			},
		},
		{
			Rule: "who comes back may have their number back", When: later, Then: spec.Events{returned},
			Given: spec.Events{applied, admitted, given, resigned, left, appliedAgain},
		},
		{
			Rule: "also that of a party that was found to be the same", When: admit, Then: spec.Events{admitted},
			Given: spec.Events{applied, membership.Absorbed{Party: "ada", Merged: "ada2", Numbers: []domain.MemberNumber{7}}, membership.NumberGiven{Number: 7, Party: "ada2"}},
		},
	})
	m := after(applied, admitted, resigned, left, appliedAgain, returned)
	want := []calendar.Period{{From: admitted.On, Through: left.On}, {From: returned.On}}
	if got := m.Periods(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] || m.Number() != 7 {
		t.Errorf("who came back was a member %v, want %v", got, want)
	}
	if got := (membership.Member{}).Periods(); got != nil {
		t.Errorf("nobody was a member %v", got)
	}
}

func TestAdmittingAMinor(t *testing.T) {
	child := ada
	child.BirthDate = calendar.On(2010, time.May, 31)
	candidate := applied
	candidate.Identity = sealed.New("ada", sealed.Register, child)
	guardian := membership.MandateGiven{Party: "ada", Mandate: "m1", Agent: "eve", Capacity: membership.Guardian, From: day(time.January, 1), Through: calendar.On(2028, time.May, 30)}
	admit := membership.Admit{Party: "ada", Number: 7, On: day(time.February, 3), Decision: byBoard, Shares: 1, Statutes: nubo}
	grown := with(admit, func(c *membership.Admit) { c.On = calendar.On(2028, time.May, 31) })
	spec.Check2(t, []onBoth{
		{Rule: "a minor holds shares and acts by a guardian", Given: spec.Events{candidate, guardian}, When: admit, Then: spec.Events{admitted, given}},
		{Rule: "and is not admitted without", Given: spec.Events{candidate}, When: admit, Refused: membership.ErrNoGuardian},
		{
			Rule: "until of age", Given: spec.Events{candidate}, When: grown,
			Then: spec.Events{func() membership.Admitted { e := admitted; e.On = grown.On; return e }(), membership.NumberGiven{Number: 7, Party: "ada", On: grown.On}},
		},
	})
}

func TestRejecting(t *testing.T) {
	reject := membership.Reject{Party: "ada", On: day(time.February, 3), Decision: byBoard, Reason: "lives on the moon", Statutes: nubo}
	with := func(change func(*membership.Reject)) membership.Reject { return with(reject, change) }
	silent := rejected
	silent.Reason = sealed.Box[string]{}
	spec.Check(t, []onMember{
		{Rule: "an application is rejected for a reason", Given: spec.Events{applied}, When: reject, Then: spec.Events{rejected}},
		{Rule: "a recognised co-op gives one", Given: spec.Events{applied}, When: with(func(c *membership.Reject) { c.Reason = " " }), Refused: membership.ErrReasons},
		{
			Rule: "elsewhere it need not be written down", Given: spec.Events{applied},
			When: with(func(c *membership.Reject) { c.Reason, c.Statutes = "", inForce("be-sc") }), Then: spec.Events{silent},
		},
		{Rule: "what was not applied for is not rejected", When: reject, Refused: membership.ErrNotApplied},
		{Rule: "nor what was accepted", Given: member, When: reject, Refused: membership.ErrNotApplied},
		{Rule: "not before the application", Given: spec.Events{applied}, When: with(func(c *membership.Reject) { c.On = day(time.January, 1) }), Refused: membership.ErrTooEarly},
		{Rule: "by statutes in force", Given: spec.Events{applied}, When: with(func(c *membership.Reject) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "by the body that they name", Given: spec.Events{applied}, When: with(func(c *membership.Reject) { c.Decision.By = statutes.Assembled }), Refused: membership.ErrBody},
	})
}

func TestFounders(t *testing.T) {
	name := membership.NameFounder{Party: "ada", On: day(time.April, 1)}
	spec.Check(t, []onMember{
		{Rule: "a member is one of the founders", Given: member, When: name, Then: spec.Events{membership.FounderNamed(name)}},
		{Rule: "one who has left too", Given: spec.Events{applied, admitted, resigned, left}, When: name, Then: spec.Events{membership.FounderNamed(name)}},
		{Rule: "nobody else", Given: spec.Events{applied}, When: name, Refused: membership.ErrNotMember},
		{Rule: "entered on a day", Given: member, When: membership.NameFounder{Party: "ada"}, Refused: membership.ErrIncomplete},
	})
	if !after(applied, admitted, membership.FounderNamed(name)).Founder() || after(member...).Founder() {
		t.Error("founders are not told apart")
	}
}
