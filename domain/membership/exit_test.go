package membership_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

func TestResigning(t *testing.T) {
	resign := membership.Resign{Party: "ada", On: day(time.March, 1), Statutes: nubo}
	with := func(change func(*membership.Resign)) membership.Resign { return with(resign, change) }
	resigning := spec.Events{applied, admitted, resigned, left}
	next := calendar.On(2027, time.June, 30)
	founder := append(member[:2:2], membership.FounderNamed{Party: "ada", On: day(time.February, 3)})
	at := func(year int, month time.Month, d int) func(*membership.Resign) {
		return func(c *membership.Resign) { c.On = calendar.On(year, month, d) }
	}
	gone := func(given, ends calendar.Date) spec.Events {
		return spec.Events{
			membership.ResignationRequested{Party: "ada", On: given, EffectiveOn: ends, StatutesVersion: 4},
			membership.Ended{Party: "ada", Reason: membership.Resigned, On: ends},
		}
	}
	block := inForce("nubo", func(s *statutes.Statutes) { s.Membership.Minimum.Below = statutes.Block })
	short := resigned
	short.BelowMinimum = true
	spec.Check(t, []onMember{
		{Rule: "a member resigns, with effect as the statutes say", Given: member, When: resign, Then: spec.Events{resigned, left}},
		{
			Rule: "resigning in month 7 is accepted for the next window", Given: member, When: with(at(2026, time.July, 1)),
			Then: spec.Events{
				membership.ResignationRequested{Party: "ada", On: day(time.July, 1), EffectiveOn: next, Deferred: true, StatutesVersion: 4},
				membership.Ended{Party: "ada", Reason: membership.Resigned, On: next},
			},
		},
		{Rule: "with notice to the end of the year, elsewhere", Given: member, When: with(func(c *membership.Resign) { c.Statutes = inForce("de-eg") }), Then: gone(day(time.March, 1), day(time.December, 31))},
		{Rule: "once is enough", Given: resigning, When: with(at(2026, time.March, 2)), Refused: membership.ErrResigned},
		{Rule: "who has left does not", Given: resigning, When: with(at(2026, time.July, 1)), Refused: membership.ErrNotMember},
		{Rule: "nor who never came", Given: spec.Events{applied}, When: resign, Refused: membership.ErrNotMember},
		{Rule: "nor before they came", Given: member, When: with(at(2026, time.February, 2)), Refused: membership.ErrNotMember},
		{Rule: "by statutes in force", Given: member, When: with(func(c *membership.Resign) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},

		{Rule: "a founder in year 2 does not", Given: founder, When: with(at(2027, time.March, 1)), Refused: membership.ErrFounder},
		{Rule: "not on its last day either", Given: founder, When: with(at(2027, time.December, 31)), Refused: membership.ErrFounder},
		{Rule: "but in year 3", Given: founder, When: with(at(2028, time.January, 1)), Then: gone(calendar.On(2028, time.January, 1), calendar.On(2028, time.June, 30))},
		{
			Rule: "counted from when they first were members", When: with(at(2028, time.January, 1)), Then: gone(calendar.On(2028, time.January, 1), calendar.On(2028, time.June, 30)),
			Given: append(founder[:3:3], membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.May, 1)}, membership.Admitted{Party: "ada", Number: 7, On: calendar.On(2027, time.May, 1)}),
		},
		{Rule: "and at once where the statutes bind nobody", Given: founder, When: with(func(c *membership.Resign) { c.Statutes = inForce("de-eg") }), Then: gone(day(time.March, 1), day(time.December, 31))},

		{Rule: "where the number of members falls under 3, it is marked", Given: member, When: with(func(c *membership.Resign) { c.Members = 3 }), Then: spec.Events{short, left}},
		{Rule: "and not, where enough are left", Given: member, When: with(func(c *membership.Resign) { c.Members = 4 }), Then: spec.Events{resigned, left}},
		{Rule: "or refused, if the statutes say so", Given: member, When: with(func(c *membership.Resign) { c.Members, c.Statutes = 3, block }), Refused: membership.ErrTooFewMembers},
		{Rule: "then somebody has counted", Given: member, When: with(func(c *membership.Resign) { c.Statutes = block }), Refused: membership.ErrIncomplete},
		{Rule: "and enough may leave", Given: member, When: with(func(c *membership.Resign) { c.Members, c.Statutes = 4, block }), Then: spec.Events{resigned, left}},
	})
	m := after(resigning...)
	for on, is := range map[calendar.Date]bool{
		day(time.February, 2): false, day(time.February, 3): true, day(time.June, 30): true, day(time.July, 1): false,
	} {
		if m.IsMember(on) != is {
			t.Errorf("on %v: a member: %t", on, !is)
		}
	}
}

func TestTakingAResignationBack(t *testing.T) {
	lenient := inForce("nubo", func(s *statutes.Statutes) { s.Membership.Resignation.Withdrawable = true })
	back := membership.WithdrawResignation{Party: "ada", On: day(time.June, 30), Statutes: lenient}
	with := func(change func(*membership.WithdrawResignation)) membership.WithdrawResignation {
		return with(back, change)
	}
	resigning := spec.Events{applied, admitted, resigned, left}
	stayed := membership.ResignationWithdrawn{Party: "ada", On: day(time.June, 30), StatutesVersion: 4}
	again := resigned
	again.On = day(time.June, 30)
	spec.Check(t, []onMember{
		{Rule: "a member stays who has resigned, until it takes effect", Given: resigning, When: back, Then: spec.Events{stayed}},
		{Rule: "and not after", Given: resigning, When: with(func(c *membership.WithdrawResignation) { c.On = day(time.July, 1) }), Refused: membership.ErrTooLate},
		{Rule: "nor before", Given: resigning, When: with(func(c *membership.WithdrawResignation) { c.On = day(time.February, 28) }), Refused: membership.ErrTooEarly},
		{Rule: "where the statutes let", Given: resigning, When: with(func(c *membership.WithdrawResignation) { c.Statutes = nubo }), Refused: membership.ErrBinding},
		{Rule: "by statutes in force", Given: resigning, When: with(func(c *membership.WithdrawResignation) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "who has not resigned has nothing to take back", Given: member, When: back, Refused: membership.ErrNotResigned},
		{Rule: "nor who was excluded meanwhile", Given: append(resigning[:4:4], membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.May, 1)}), When: back, Refused: membership.ErrNotResigned},
		{
			Rule: "they may resign again", Given: append(resigning[:4:4], stayed), When: membership.Resign{Party: "ada", On: day(time.June, 30), Statutes: nubo},
			Then: spec.Events{again, left},
		},
	})
	if m := after(append(resigning[:4:4], stayed)...); !m.IsMember(calendar.On(2040, time.January, 1)) {
		t.Error("who stayed is no member")
	}
}

func TestDying(t *testing.T) {
	german := inForce("de-eg")
	decease := membership.Decease{Party: "ada", On: day(time.March, 3), LearntOn: day(time.May, 10), Statutes: nubo}
	with := func(change func(*membership.Decease)) membership.Decease { return with(decease, change) }
	on := func(d calendar.Date) func(*membership.Decease) { return func(c *membership.Decease) { c.On = d } }
	dead := func(d calendar.Date) membership.Died {
		return membership.Died{Party: "ada", On: d, LearntOn: decease.LearntOn}
	}
	end := func(d calendar.Date) membership.Ended {
		return membership.Ended{Party: "ada", Reason: membership.Deceased, On: d, LearntOn: decease.LearntOn}
	}
	founder := append(member[:2:2], membership.FounderNamed{Party: "ada", On: day(time.February, 3)})
	resigning := spec.Events{applied, admitted, resigned, left}
	excluded := append(member[:2:2], membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.February, 20)})
	guarded := membership.MandateGiven{Party: "kim", Mandate: "m1", Agent: "bert", Capacity: membership.Guardian, From: day(time.January, 1), Through: calendar.On(2028, time.May, 30)}
	spec.Check(t, []onMember{
		{Rule: "death learnt late is effective on its day, and says when it was learnt", Given: member, When: decease, Then: spec.Events{died, ended}},
		{Rule: "a founder in year 2 may die", Given: founder, When: decease, Then: spec.Events{died, ended}},
		{Rule: "in Germany membership lasts until the end of the year", Given: member, When: with(func(c *membership.Decease) { c.Statutes = german }), Then: spec.Events{died, end(day(time.December, 31))}},
		{Rule: "after a resignation death ends it earlier", Given: resigning, When: with(on(day(time.April, 1))), Then: spec.Events{dead(day(time.April, 1)), end(day(time.April, 1))}},
		{Rule: "or later not at all", Given: resigning, When: with(func(c *membership.Decease) { c.On, c.LearntOn = day(time.July, 1), day(time.July, 9) }), Then: spec.Events{membership.Died{Party: "ada", On: day(time.July, 1), LearntOn: day(time.July, 9)}}},
		{Rule: "not even in Germany", Given: resigning, When: with(func(c *membership.Decease) { c.Statutes = german }), Then: spec.Events{died}},
		{Rule: "nor of who was excluded before", Given: excluded, When: decease, Then: spec.Events{died}},
		{Rule: "who was admitted after their death never was a member", Given: member, When: with(on(day(time.February, 1))), Then: spec.Events{dead(day(time.February, 1)), end(day(time.February, 2))}},
		{Rule: "not even in Germany, for a year", Given: member, When: with(func(c *membership.Decease) { c.On, c.Statutes = day(time.February, 1), german }), Then: spec.Events{dead(day(time.February, 1)), end(day(time.February, 2))}},
		{Rule: "who is no member dies too", Given: spec.Events{known("ada", membership.Person, ada)}, When: decease, Then: spec.Events{died}},
		{Rule: "another day takes the place of the first", Given: append(member[:2:2], died, ended), When: with(on(day(time.March, 5))), Then: spec.Events{dead(day(time.March, 5)), end(day(time.March, 5))}},
		{Rule: "so that a resignation holds again", Given: append(resigning[:4:4], died, ended), When: with(func(c *membership.Decease) { c.On, c.LearntOn = day(time.July, 5), day(time.July, 9) }), Then: spec.Events{membership.Died{Party: "ada", On: day(time.July, 5), LearntOn: day(time.July, 9)}, left}},
		{
			Rule: "a guardian acts for the dead no more", Given: spec.Events{isChild, guarded}, When: with(func(c *membership.Decease) { c.Party = "kim" }),
			Then: spec.Events{membership.Died{Party: "kim", On: decease.On, LearntOn: decease.LearntOn}, membership.MandateEnded{Party: "kim", Mandate: "m1", On: decease.On}},
		},
		{Rule: "an organisation does not die", Given: spec.Events{isMill}, When: with(func(c *membership.Decease) { c.Party = "mill" }), Refused: membership.ErrKindOfEnd},
		{Rule: "nobody dies whom nobody knows", When: decease, Refused: membership.ErrUnknown},
		{Rule: "a death has a day", Given: member, When: with(on(calendar.Date{})), Refused: membership.ErrIncomplete},
		{Rule: "and one on which it was learnt", Given: member, When: with(func(c *membership.Decease) { c.LearntOn = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "not before it happened", Given: member, When: with(func(c *membership.Decease) { c.LearntOn = day(time.March, 2) }), Refused: membership.ErrTooEarly},
		{Rule: "under statutes in force", Given: member, When: with(func(c *membership.Decease) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
	})
	if at, dead := after(applied, admitted, died, ended).DiedOn(); !dead || at != decease.On {
		t.Errorf("died on %v", at)
	}
	if _, dead := after(resigning...).DiedOn(); dead {
		t.Error("who has left is not dead")
	}
}

// TestWhatHappenedBetween flags what was done in the name of who was dead already.
func TestWhatHappenedBetween(t *testing.T) {
	acts := []membership.Act{
		{What: "vote", ID: "poll-0", On: day(time.March, 3)},
		{What: "vote", ID: "poll-1", On: day(time.March, 4)},
		{What: "dividend", ID: "2025", On: day(time.May, 10)},
		{What: "invoice", ID: "A-7", On: day(time.May, 11)},
	}
	late := []membership.Act{acts[1], acts[2]}
	german := membership.Ended{Party: "ada", Reason: membership.Deceased, On: day(time.December, 31), LearntOn: day(time.May, 10)}
	atOnce := membership.Died{Party: "ada", On: day(time.March, 3), LearntOn: day(time.March, 3)}
	for _, tt := range []struct {
		rule string
		m    membership.Member
		want []membership.Act
	}{
		{"votes cast and dividends paid between a death and the day it was learnt", after(applied, admitted, died, ended), late},
		{"also where the membership went on", after(applied, admitted, died, german), late},
		{"an organisation's too", after(isMill, membership.WoundUp{Party: "mill", How: membership.ByBankruptcy, On: day(time.March, 3), LearntOn: day(time.May, 10)}), late},
		{"nothing, if it was learnt at once", after(applied, admitted, atOnce, membership.Ended{Party: "ada", Reason: membership.Deceased, On: atOnce.On, LearntOn: atOnce.On}), nil},
		{"nothing of the living", after(applied, admitted, resigned, left), nil},
		{"nor of who proved to live", after(applied, admitted, died, ended, membership.EndRevoked{Party: "ada", Reason: membership.Deceased, On: day(time.May, 20)}), nil},
	} {
		if got := tt.m.Flag(acts); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
		}
	}
	if p, any := after(applied, admitted, died, ended).Mistaken(); !any || p != (calendar.Period{From: day(time.March, 4), Through: day(time.May, 10)}) {
		t.Errorf("taken for alive: %v", p)
	}
}

func TestWindingUp(t *testing.T) {
	asMember := spec.Events{
		membership.Applied{Party: "mill", Kind: membership.Organisation, Identity: sealed.New("mill", sealed.Register, mill), On: day(time.January, 2)},
		membership.Admitted{Party: "mill", Number: 8, On: day(time.January, 3)},
		membership.MandateGiven{Party: "mill", Mandate: "m1", Agent: "bert", Capacity: membership.Delegate, From: day(time.January, 3)},
		membership.MandateGiven{Party: "mill", Mandate: "m2", Agent: "eve", Capacity: membership.Delegate, From: day(time.January, 3), Through: day(time.March, 1)},
	}
	wind := membership.WindUp{Party: "mill", How: membership.ByBankruptcy, On: day(time.March, 31), LearntOn: day(time.April, 2), Statutes: nubo}
	with := func(change func(*membership.WindUp)) membership.WindUp { return with(wind, change) }
	over := membership.MandateEnded{Party: "mill", Mandate: "m1", On: day(time.March, 31)}
	end := func(on calendar.Date) membership.Ended {
		return membership.Ended{Party: "mill", Reason: membership.Dissolved, On: on, LearntOn: day(time.April, 2)}
	}
	wound := func(how membership.WindingUp, successor domain.PartyID) membership.WoundUp {
		return membership.WoundUp{Party: "mill", How: how, On: wind.On, LearntOn: wind.LearntOn, Successor: successor}
	}
	spec.Check(t, []onMember{
		{Rule: "a bankrupt is a member no more, and its delegates do not act", Given: asMember, When: wind, Then: spec.Events{broke, over, end(wind.On)}},
		{Rule: "so is one that is dissolved", Given: asMember, When: with(func(c *membership.WindUp) { c.How = membership.ByDissolution }), Then: spec.Events{wound(membership.ByDissolution, ""), over, end(wind.On)}},
		{
			Rule: "and one that was merged into another, which may be known", Given: asMember,
			When: with(func(c *membership.WindUp) { c.How, c.Successor = membership.ByMerger, "forge" }), Then: spec.Events{wound(membership.ByMerger, "forge"), over, end(wind.On)},
		},
		{Rule: "in Germany at the end of the year", Given: asMember, When: with(func(c *membership.WindUp) { c.Statutes = inForce("de-eg") }), Then: spec.Events{broke, over, end(day(time.December, 31))}},
		{Rule: "what is no member comes to an end too", Given: spec.Events{isMill}, When: wind, Then: spec.Events{broke}},
		{Rule: "a bankrupt that is dissolved after", Given: spec.Events{isMill, broke}, When: with(func(c *membership.WindUp) { c.How = membership.ByDissolution }), Then: spec.Events{wound(membership.ByDissolution, "")}},
		{Rule: "a person is not wound up", Given: member, When: with(func(c *membership.WindUp) { c.Party = "ada" }), Refused: membership.ErrKindOfEnd},
		{Rule: "it is known how", Given: asMember, When: with(func(c *membership.WindUp) { c.How = "" }), Refused: membership.ErrIncomplete},
		{Rule: "a bankrupt has no successor", Given: asMember, When: with(func(c *membership.WindUp) { c.Successor = "forge" }), Refused: membership.ErrIncomplete},
		{Rule: "nobody is their own", Given: asMember, When: with(func(c *membership.WindUp) { c.How, c.Successor = membership.ByMerger, "mill" }), Refused: membership.ErrIncomplete},
		{Rule: "it has a day", Given: asMember, When: with(func(c *membership.WindUp) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "learnt after it", Given: asMember, When: with(func(c *membership.WindUp) { c.LearntOn = day(time.March, 1) }), Refused: membership.ErrTooEarly},
		{Rule: "nobody knows of it who is not known", When: wind, Refused: membership.ErrUnknown},
		{Rule: "what was merged away does not apply", Given: spec.Events{isMill, wound(membership.ByMerger, "")}, When: membership.Apply{Party: "mill", Kind: membership.Organisation, Identity: mill, On: day(time.May, 1), Statutes: nubo}, Refused: membership.ErrGone},
	})
	if how, over := after(isMill, broke).WoundUp(); !over || how.How != membership.ByBankruptcy {
		t.Errorf("wound up: %v", how)
	}
}

func TestTakingAnEndBack(t *testing.T) {
	revoke := membership.RevokeEnd{Party: "ada", On: day(time.May, 20), Why: "her sister had died"}
	revoked := membership.EndRevoked{Party: "ada", Reason: membership.Deceased, On: day(time.May, 20), Why: sealed.New("ada", sealed.Register, "her sister had died")}
	of := func(reason membership.Reason) membership.EndRevoked {
		e := revoked
		e.Reason = reason
		return e
	}
	excluded := spec.Events{applied, admitted, membership.ExclusionDecided{Party: "ada", Decision: byBoard, Excluded: true}, membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.May, 1)}}
	resigning := spec.Events{applied, admitted, resigned, left}
	spec.Check(t, []onMember{
		{Rule: "a death recorded by mistake is taken back", Given: append(member[:2:2], died, ended), When: revoke, Then: spec.Events{revoked}},
		{Rule: "so is that of who is no member", Given: spec.Events{known("ada", membership.Person, ada), died}, When: revoke, Then: spec.Events{of("")}},
		{Rule: "or that of who had left before", Given: append(resigning[:4:4], membership.Died{Party: "ada", On: day(time.July, 1), LearntOn: day(time.July, 2)}), When: revoke, Then: spec.Events{of("")}},
		{Rule: "and an exclusion that was annulled", Given: excluded, When: revoke, Then: spec.Events{of(membership.Excluded)}},
		{Rule: "not a resignation", Given: resigning, When: revoke, Refused: membership.ErrNoEnd},
		{Rule: "nor what has not ended", Given: member, When: revoke, Refused: membership.ErrNoEnd},
		{Rule: "for reasons", Given: excluded, When: membership.RevokeEnd{Party: "ada", On: day(time.May, 20)}, Refused: membership.ErrIncomplete},
		{Rule: "on a day", Given: excluded, When: membership.RevokeEnd{Party: "ada", Why: "x"}, Refused: membership.ErrIncomplete},
		{Rule: "of somebody", When: revoke, Refused: membership.ErrUnknown},
	})
	later := calendar.On(2030, time.January, 1)
	if m := after(append(member[:2:2], died, ended, revoked)...); !m.IsMember(later) {
		t.Error("who lives is no member")
	}
	if m := after(append(resigning[:4:4], died, ended, revoked)...); m.IsMember(later) || !m.IsMember(left.On) {
		t.Error("a resignation does not hold again")
	}
	if m := after(append(excluded[:4:4], of(membership.Excluded))...); !m.IsMember(later) {
		t.Error("whose exclusion was annulled is no member")
	}
	if m := after(append(resigning[:4:4], died, of(""))...); m.IsMember(later) {
		t.Error("who left comes back by not being dead")
	}
}

// TestNobodyIsAMemberAfterTheirEnd lives lives at random: whatever is refused, who has
// an end is a member through it and not after, and who has none stays one.
func TestNobodyIsAMemberAfterTheirEnd(t *testing.T) {
	rules := inForce("nubo", func(s *statutes.Statutes) {
		s.Membership.Resignation.Withdrawable = true
		s.Membership.Exclusion = statutes.Exclusion{By: statutes.Board}
	})
	german := inForce("de-eg", func(s *statutes.Statutes) { s.Membership.Exclusion = statutes.Exclusion{Effect: statutes.YearEnd} })
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]statutes.Statutes{rules, german}).Draw(t, "statutes")
		m, n := membership.Member{}, membership.Number{}
		on := day(time.January, 1)
		for range rapid.IntRange(3, 25).Draw(t, "steps") {
			on = on.AddDays(rapid.IntRange(0, 60).Draw(t, "days"))
			back := on.AddDays(-rapid.IntRange(0, 90).Draw(t, "back"))
			cmd := rapid.SampledFrom([]domain.Command[membership.Member]{
				membership.Apply{Party: "ada", Kind: membership.Person, Identity: ada, On: on, Statutes: s},
				membership.WithdrawApplication{Party: "ada", On: on},
				membership.Resign{Party: "ada", On: on, Statutes: s},
				membership.WithdrawResignation{Party: "ada", On: on, Statutes: s},
				membership.DecideExclusion{Party: "ada", Decision: membership.Decision{By: statutes.Board, On: on}, Excluded: true, Reasons: "r", Statutes: s},
				membership.Decease{Party: "ada", On: back, LearntOn: on, Statutes: s},
				membership.RevokeEnd{Party: "ada", On: on, Why: "w"},
				nil, nil, // to be admitted
			}).Draw(t, "command")
			var events []domain.Event[membership.Member]
			if cmd != nil {
				events, _ = cmd.Decide(m)
			} else {
				var given []domain.Event[membership.Number]
				events, given, _ = membership.Admit{Party: "ada", Number: 7, On: on, Decision: membership.Decision{By: statutes.Board, On: on}, Shares: 1, Statutes: s}.Decide(m, n)
				for _, e := range given {
					n = e.Evolve(n)
				}
			}
			for _, e := range events {
				m = e.Evolve(m)
			}
			periods := m.Periods()
			for i, p := range periods {
				if began := p.Through.IsZero() || !p.Through.Before(p.From); i+1 < len(periods) && began && (p.Through.IsZero() || !p.Through.Before(periods[i+1].From)) {
					t.Fatalf("after %T: memberships overlap: %v", cmd, periods)
				}
			}
			if p, ever := m.Period(); ever {
				if m.IsMember(calendar.On(2100, time.January, 1)) != p.Through.IsZero() || !p.Through.IsZero() && m.IsMember(p.Through.AddDays(1)) {
					t.Fatalf("after %T: a member beyond %v", cmd, p)
				}
			}
			if at, dead := m.DiedOn(); dead {
				if last := s.LastDay(s.Membership.Death.Effect, at); m.IsMember(last.AddDays(1)) {
					t.Fatalf("after %T: a member after the death on %v", cmd, at)
				}
			}
		}
	})
}
