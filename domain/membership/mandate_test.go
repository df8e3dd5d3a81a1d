package membership_test

import (
	"errors"
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

type onTwo = spec.Story[domain.Command2[membership.Member, membership.Member]]

func second(events ...any) (wrapped spec.Events) {
	for _, e := range events {
		wrapped = append(wrapped, spec.Second{Event: e})
	}
	return wrapped
}

func known(party domain.PartyID, kind membership.Kind, i membership.Identity) membership.IdentityChanged {
	return membership.IdentityChanged{Party: party, Kind: kind, Identity: sealed.New(party, sealed.Register, i), On: day(time.January, 1)}
}

var (
	bert   = membership.Identity{FirstName: "Bert", LastName: "Sample", BirthDate: calendar.On(1980, time.April, 2)}
	child  = membership.Identity{FirstName: "Kim", LastName: "Sample", BirthDate: calendar.On(2010, time.May, 31)}
	couple = membership.Identity{Together: "Ada and Bert Sample", City: "Gent", Country: "BE"}

	isMill  = known("mill", membership.Organisation, mill)
	isBert  = known("bert", membership.Person, bert)
	isChild = known("kim", membership.Person, child)
	joint   = membership.JointFormed{Party: "couple", Holders: []domain.PartyID{"ada", "bert"}, On: day(time.January, 1)}
	estate  = membership.EstateOpened{Party: "estate", Of: "ada", On: day(time.May, 12)}
	died    = membership.Died{Party: "ada", On: day(time.March, 3), LearntOn: day(time.May, 10)}
	ended   = membership.Ended{Party: "ada", Reason: membership.Deceased, On: day(time.March, 3), LearntOn: day(time.May, 10)}
	broke   = membership.WoundUp{Party: "mill", How: membership.ByBankruptcy, On: day(time.March, 31), LearntOn: day(time.April, 2)}
)

func TestGivingMandates(t *testing.T) {
	give := membership.GiveMandate{
		Party: "mill", Mandate: "m1", Agent: "bert", Capacity: membership.Delegate,
		From: day(time.March, 1), Through: calendar.On(2027, time.February, 28), Proof: "doc-17", Statutes: nubo,
	}
	with := func(changes ...func(*membership.GiveMandate)) membership.GiveMandate {
		c := give
		for _, change := range changes {
			change(&c)
		}
		return c
	}
	given := membership.MandateGiven{Party: "mill", Mandate: "m1", Agent: "bert", Capacity: membership.Delegate, From: give.From, Through: give.Through, Proof: "doc-17"}
	as := func(party domain.PartyID, capacity membership.Capacity) func(*membership.GiveMandate) {
		return func(c *membership.GiveMandate) { c.Party, c.Capacity = party, capacity }
	}
	is := func(party domain.PartyID, capacity membership.Capacity, through calendar.Date) spec.Events {
		return spec.Events{membership.MandateGiven{Party: party, Mandate: "m1", Agent: "bert", Capacity: capacity, From: give.From, Through: through, Proof: "doc-17"}}
	}
	forever := func(c *membership.GiveMandate) { c.Through = calendar.Date{} }
	both := append(spec.Events{isMill}, second(isBert)...)
	of := func(agent any, principal ...any) spec.Events { return append(spec.Events(principal), second(agent)...) }
	voter := membership.MandateGiven{Party: "couple", Mandate: "m0", Agent: "ada", Capacity: membership.NamedVoter, From: day(time.January, 1)}
	spec.Check2(t, []onTwo{
		{Rule: "an organisation has a delegate, for some time", Given: both, When: give, Then: spec.Events{given}},
		{Rule: "or until further notice", Given: both, When: with(forever), Then: is("mill", membership.Delegate, calendar.Date{})},
		{
			Rule: "or several", Given: of(isBert, isMill, membership.MandateGiven{Party: "mill", Mandate: "m0", Agent: "eve", Capacity: membership.Delegate, From: give.From}),
			When: give, Then: spec.Events{given},
		},
		{
			Rule: "each of them once at a time", Given: of(isBert, isMill, given), Refused: membership.ErrMandateTaken,
			When: with(func(c *membership.GiveMandate) { c.Mandate, c.From = "m2", give.Through }),
		},
		{
			Rule: "and again later", Given: of(isBert, isMill, given),
			When: with(forever, func(c *membership.GiveMandate) { c.Mandate, c.From = "m2", give.Through.AddDays(1) }),
			Then: spec.Events{membership.MandateGiven{Party: "mill", Mandate: "m2", Agent: "bert", Capacity: membership.Delegate, From: give.Through.AddDays(1), Proof: "doc-17"}},
		},
		{Rule: "what was given and has ended since is not given again", Given: of(isBert, isMill, given, membership.MandateEnded{Party: "mill", Mandate: "m1", On: day(time.June, 30)}), When: give},
		{Rule: "a mandate has an id of its own", Given: of(isBert, isMill, given), When: with(func(c *membership.GiveMandate) { c.Proof = "doc-18" }), Refused: membership.ErrMandateID},
		{Rule: "and one at all", Given: both, When: with(func(c *membership.GiveMandate) { c.Mandate = "" }), Refused: membership.ErrIncomplete},
		{Rule: "and a first day", Given: both, When: with(func(c *membership.GiveMandate) { c.From = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "before the last", Given: both, When: with(func(c *membership.GiveMandate) { c.Through = day(time.February, 28) }), Refused: membership.ErrTooEarly},
		{Rule: "under statutes in force", Given: both, When: with(func(c *membership.GiveMandate) { c.Statutes.Version = 0 }), Refused: membership.ErrIncomplete},
		{Rule: "in a capacity that there is", Given: both, When: with(as("mill", "king")), Refused: membership.ErrCapacity},

		{Rule: "nobody acts for a party that is not known", Given: second(isBert), When: give, Refused: membership.ErrUnknown},
		{Rule: "nor does one that is not", Given: spec.Events{isMill}, When: give, Refused: membership.ErrUnknown},
		{Rule: "nor an organisation", Given: of(known("bert", membership.Organisation, mill), isMill), When: give, Refused: membership.ErrAgent},
		{Rule: "nor a minor", Given: of(known("bert", membership.Person, child), isMill), When: give, Refused: membership.ErrAgent},
		{Rule: "nor the party itself", Given: of(isChild, isChild), When: with(as("kim", membership.Guardian), func(c *membership.GiveMandate) { c.Agent = "kim" }), Refused: membership.ErrAgent},
		{Rule: "nor the dead", Given: append(both[:2:2], second(membership.Died{Party: "bert", On: day(time.February, 1), LearntOn: day(time.February, 1)})...), When: give, Refused: membership.ErrGone},
		{Rule: "nor who was found to be another", Given: append(both[:2:2], second(membership.Merged{Party: "bert", Into: "bert2"})...), When: give, Refused: membership.ErrMerged},
		{Rule: "nor for one that was", Given: of(isBert, isMill, membership.Merged{Party: "mill", Into: "mill2"}), When: give, Refused: membership.ErrMerged},

		{
			Rule: "a guardian acts for a minor until the day before they are of age", Given: of(isBert, isChild),
			When: with(as("kim", membership.Guardian), forever), Then: is("kim", membership.Guardian, calendar.On(2028, time.May, 30)),
		},
		{
			Rule: "no longer", Given: of(isBert, isChild), Then: is("kim", membership.Guardian, calendar.On(2028, time.May, 30)),
			When: with(as("kim", membership.Guardian), func(c *membership.GiveMandate) { c.Through = calendar.On(2040, time.May, 31) }),
		},
		{
			Rule: "but less long, maybe", Given: of(isBert, isChild), Then: is("kim", membership.Guardian, day(time.December, 31)),
			When: with(as("kim", membership.Guardian), func(c *membership.GiveMandate) { c.Through = day(time.December, 31) }),
		},
		{
			Rule: "of age is who the statutes say", Given: of(isBert, isChild), Then: is("kim", membership.Guardian, calendar.On(2026, time.May, 30)),
			When: with(as("kim", membership.Guardian), func(c *membership.GiveMandate) {
				c.Statutes = inForce("nubo", func(s *statutes.Statutes) { s.Membership.Minors.Majority = 16 })
			}),
		},
		{
			Rule: "who is of age has none", Given: of(isBert, isChild), Refused: membership.ErrOfAge,
			When: with(as("kim", membership.Guardian), forever, func(c *membership.GiveMandate) { c.From = calendar.On(2028, time.May, 31) }),
		},
		{
			Rule: "without a birth date nobody knows", Given: of(isBert, known("kim", membership.Person, membership.Identity{FirstName: "Kim"})),
			When: with(as("kim", membership.Guardian)), Refused: membership.ErrIncomplete,
		},
		{Rule: "an organisation has no guardian", Given: both, When: with(as("mill", membership.Guardian)), Refused: membership.ErrCapacity},
		{Rule: "nor a minor a delegate", Given: of(isBert, isChild), When: with(as("kim", membership.Delegate)), Refused: membership.ErrCapacity},

		{Rule: "one of joint holders votes for all", Given: of(isBert, joint), When: with(as("couple", membership.NamedVoter), forever), Then: is("couple", membership.NamedVoter, calendar.Date{})},
		{Rule: "one of them", Given: of(known("eve", membership.Person, ada), joint), When: with(as("couple", membership.NamedVoter), func(c *membership.GiveMandate) { c.Agent = "eve" }), Refused: membership.ErrNotHolder},
		{Rule: "and one only", Given: of(isBert, joint, voter), When: with(as("couple", membership.NamedVoter)), Refused: membership.ErrMandateTaken},
		{
			Rule: "unless the other has ended", Given: of(isBert, joint, voter, membership.MandateEnded{Party: "couple", Mandate: "m0", On: day(time.February, 28)}),
			When: with(as("couple", membership.NamedVoter), forever), Then: is("couple", membership.NamedVoter, calendar.Date{}),
		},
		{
			Rule: "or never began", Given: of(isBert, joint, voter, membership.MandateEnded{Party: "couple", Mandate: "m0", On: calendar.On(2025, time.December, 31)}),
			When: with(as("couple", membership.NamedVoter), forever), Then: is("couple", membership.NamedVoter, calendar.Date{}),
		},

		{Rule: "somebody represents an estate", Given: of(isBert, estate), When: with(as("estate", membership.Representative)), Then: is("estate", membership.Representative, give.Through)},
		{Rule: "or who has died, as long as the membership lasts", Given: of(isBert, known("ada", membership.Person, ada), died), When: with(as("ada", membership.Representative)), Then: is("ada", membership.Representative, give.Through)},
		{Rule: "not the living", Given: of(isBert, known("ada", membership.Person, ada)), When: with(as("ada", membership.Representative)), Refused: membership.ErrCapacity},

		{Rule: "a liquidator acts for an organisation that is bankrupt", Given: of(isBert, isMill, broke), When: with(as("mill", membership.Liquidator)), Then: is("mill", membership.Liquidator, give.Through)},
		{Rule: "and delegates do no more", Given: of(isBert, isMill, broke), When: give, Refused: membership.ErrCapacity},
		{Rule: "one that goes on has none", Given: both, When: with(as("mill", membership.Liquidator)), Refused: membership.ErrCapacity},
		{
			Rule: "nor one that was merged into another", Refused: membership.ErrCapacity, When: with(as("mill", membership.Liquidator)),
			Given: of(isBert, isMill, membership.WoundUp{Party: "mill", How: membership.ByMerger, On: day(time.March, 31), LearntOn: day(time.April, 2)}),
		},
	})
}

func TestHandingOverAMandate(t *testing.T) {
	old := membership.MandateGiven{Party: "mill", Mandate: "m1", Agent: "eve", Capacity: membership.Delegate, From: day(time.January, 1)}
	hand := membership.HandOverMandate{Party: "mill", Mandate: "m1", To: "m2", Agent: "bert", On: day(time.July, 1), Statutes: nubo}
	next := membership.MandateGiven{Party: "mill", Mandate: "m2", Agent: "bert", Capacity: membership.Delegate, From: day(time.July, 1)}
	over := membership.MandateEnded{Party: "mill", Mandate: "m1", On: day(time.June, 30)}
	past := append(spec.Events{isMill, old}, second(isBert)...)
	voter := membership.MandateGiven{Party: "couple", Mandate: "m1", Agent: "ada", Capacity: membership.NamedVoter, From: day(time.January, 1)}
	with := func(change func(*membership.HandOverMandate)) membership.HandOverMandate { return with(hand, change) }
	spec.Check2(t, []onTwo{
		{Rule: "a delegate hands over to a successor, without a gap", Given: past, When: hand, Then: spec.Events{over, next}},
		{Rule: "also where the end was known", Given: append(past[:3:3], over), When: hand, Then: spec.Events{next}},
		{
			Rule: "so does the named voter of joint holders", Given: append(spec.Events{joint, voter}, second(isBert)...), When: with(func(c *membership.HandOverMandate) { c.Party = "couple" }),
			Then: spec.Events{
				membership.MandateEnded{Party: "couple", Mandate: "m1", On: day(time.June, 30)},
				membership.MandateGiven{Party: "couple", Mandate: "m2", Agent: "bert", Capacity: membership.NamedVoter, From: day(time.July, 1)},
			},
		},
		{Rule: "what is not in force is not handed over", Given: append(past[:3:3], membership.MandateEnded{Party: "mill", Mandate: "m1", On: day(time.May, 31)}), When: hand, Refused: membership.ErrNotInForce},
		{Rule: "nor before it is", Given: past, When: with(func(c *membership.HandOverMandate) { c.On = day(time.January, 1) }), Refused: membership.ErrNotInForce},
		{Rule: "nor what there is not", Given: past, When: with(func(c *membership.HandOverMandate) { c.Mandate = "m0" }), Refused: membership.ErrNoMandate},
		{Rule: "it has a day", Given: past, When: with(func(c *membership.HandOverMandate) { c.On = calendar.Date{} }), Refused: membership.ErrIncomplete},
		{Rule: "the successor may act", Given: spec.Events{isMill, old, spec.Second{Event: isChild}}, When: with(func(c *membership.HandOverMandate) { c.Agent = "kim" }), Refused: membership.ErrAgent},
		{Rule: "of nobody there is none", When: hand, Refused: membership.ErrUnknown},
	})
}

func TestEndingAMandate(t *testing.T) {
	given := membership.MandateGiven{Party: "mill", Mandate: "m1", Agent: "bert", Capacity: membership.Delegate, From: day(time.March, 1), Through: day(time.December, 31)}
	end := func(on calendar.Date) membership.EndMandate {
		return membership.EndMandate{Party: "mill", Mandate: "m1", On: on}
	}
	past := spec.Events{isMill, given}
	spec.Check(t, []onMember{
		{Rule: "a mandate ends before its time", Given: past, When: end(day(time.June, 30)), Then: spec.Events{membership.MandateEnded(end(day(time.June, 30)))}},
		{Rule: "or never is in force", Given: past, When: end(day(time.February, 1)), Then: spec.Events{membership.MandateEnded(end(day(time.February, 1)))}},
		{Rule: "when it ends anyway is no change", Given: past, When: end(day(time.December, 31))},
		{Rule: "later is another one", Given: past, When: end(calendar.On(2027, time.January, 1)), Refused: membership.ErrTooLate},
		{Rule: "it ends on a day", Given: past, When: end(calendar.Date{}), Refused: membership.ErrIncomplete},
		{Rule: "if there is one", Given: spec.Events{isMill}, When: end(day(time.June, 30)), Refused: membership.ErrNoMandate},
		{Rule: "of somebody", When: end(day(time.June, 30)), Refused: membership.ErrUnknown},
	})
	m := after(isMill, given, membership.MandateEnded{Party: "mill", Mandate: "m1", On: day(time.June, 30)})
	d := m.Mandates()[0]
	for on, in := range map[calendar.Date]bool{
		day(time.February, 28): false, day(time.March, 1): true, day(time.June, 30): true, day(time.July, 1): false,
	} {
		if d.InForce(on) != in {
			t.Errorf("on %v it is in force: %t", on, !in)
		}
	}
}

// TestWhoVotes tells who casts the votes of a party, and when nobody does.
func TestWhoVotes(t *testing.T) {
	mandate := func(party, agent domain.PartyID, capacity membership.Capacity, through calendar.Date) membership.MandateGiven {
		return membership.MandateGiven{Party: party, Mandate: membership.MandateID(agent), Agent: agent, Capacity: capacity, From: day(time.January, 1), Through: through}
	}
	guarded := mandate("kim", "bert", membership.Guardian, calendar.On(2028, time.May, 30))
	vote := func(v statutes.MinorsVote) statutes.Statutes {
		return inForce("nubo", func(s *statutes.Statutes) { s.Membership.Minors.Vote = v })
	}
	excluded := spec.Events{
		applied, admitted,
		membership.ExclusionDecided{Party: "ada", Decision: byBoard, Excluded: true, LastDay: day(time.December, 31)},
		membership.ExclusionNotified{Party: "ada", On: day(time.May, 2)},
		membership.Ended{Party: "ada", Reason: membership.Excluded, On: day(time.December, 31)},
	}
	on, majority := day(time.May, 1), calendar.On(2028, time.May, 31)
	for _, tt := range []struct {
		rule string
		past spec.Events
		on   calendar.Date
		s    statutes.Statutes
		want []domain.PartyID
		no   error
	}{
		{"a person votes", member, on, nubo, []domain.PartyID{"ada"}, nil},
		{"an organisation votes, and so may its delegates", spec.Events{isMill, mandate("mill", "bert", membership.Delegate, calendar.Date{}), mandate("mill", "eve", membership.Delegate, on.AddDays(-1))}, on, nubo, []domain.PartyID{"mill", "bert"}, nil},
		{"a minor votes by the guardian", spec.Events{isChild, guarded}, on, nubo, []domain.PartyID{"bert"}, nil},
		{"until of age", spec.Events{isChild, guarded}, majority.AddDays(-1), nubo, []domain.PartyID{"bert"}, nil},
		{"and then alone", spec.Events{isChild, guarded}, majority, nubo, []domain.PartyID{"kim"}, nil},
		{"without a guardian not at all", spec.Events{isChild}, on, nubo, nil, membership.ErrNoVoter},
		{"statutes may let minors vote", spec.Events{isChild, guarded}, on, vote(statutes.Themselves), []domain.PartyID{"kim"}, nil},
		{"or not", spec.Events{isChild, guarded}, on, vote(statutes.Nobody), nil, membership.ErrMinor},
		{"joint holders vote by one of them", spec.Events{joint, mandate("couple", "ada", membership.NamedVoter, calendar.Date{})}, on, nubo, []domain.PartyID{"ada"}, nil},
		{"no name, no vote", spec.Events{joint}, on, nubo, nil, membership.ErrNoVoter},
		{"nor an estate", spec.Events{estate}, on, nubo, nil, membership.ErrNoVoter},
		{"before its representative is named", spec.Events{estate, mandate("estate", "bert", membership.Representative, calendar.Date{})}, on, nubo, []domain.PartyID{"bert"}, nil},
		{"the dead do not vote", append(member[:2:2], died, ended), on, nubo, nil, membership.ErrNoVoter},
		{"but did, on their last day", append(member[:2:2], died, ended), died.On, nubo, []domain.PartyID{"ada"}, nil},
		{"while heirs go on with a membership, by a representative", append(member[:2:2], died, mandate("ada", "bert", membership.Representative, calendar.Date{})), on, inForce("de-eg"), []domain.PartyID{"bert"}, nil},
		{"one who is known to be dead by the register alone neither", append(member[:2:2], membership.Ended{Party: "ada", Reason: membership.Deceased, On: day(time.March, 3)}), on, nubo, nil, membership.ErrNoVoter},
		{"a bankrupt votes by the liquidator", spec.Events{isMill, broke, mandate("mill", "bert", membership.Liquidator, calendar.Date{})}, on, nubo, []domain.PartyID{"bert"}, nil},
		{"who is excluded may vote until told", excluded, day(time.May, 1), nubo, []domain.PartyID{"ada"}, nil},
		{"and no more, though a member until the end of the year", excluded, day(time.May, 2), nubo, nil, membership.ErrSilenced},
		{"nobody votes for nobody", nil, on, nubo, nil, membership.ErrUnknown},
		{"nor for who was found to be another", append(member[:2:2], membership.Merged{Party: "ada", Into: "ada2"}), on, nubo, nil, membership.ErrMerged},
	} {
		got, err := after(tt.past...).Voters(tt.on, tt.s)
		if !slices.Equal(got, tt.want) || !errors.Is(err, tt.no) {
			t.Errorf("%s: on %v %v, %v; want %v, %v", tt.rule, tt.on, got, err, tt.want, tt.no)
		}
	}
}

// TestOneNamedVoterAtATime gives, hands over and ends mandates of joint holders at
// random: whatever is refused, no day ever has two.
func TestOneNamedVoterAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := after(joint)
		agents := map[domain.PartyID]membership.Member{"ada": after(known("ada", membership.Person, ada)), "bert": after(isBert)}
		date := func(label string) calendar.Date { return day(time.January, rapid.IntRange(1, 40).Draw(t, label)) }
		for n := range rapid.IntRange(1, 12).Draw(t, "steps") {
			id := membership.MandateID(rapid.SampledFrom([]string{"m1", "m2", "m3", "m4"}).Draw(t, "id"))
			agent := rapid.SampledFrom([]domain.PartyID{"ada", "bert"}).Draw(t, "agent")
			var events []domain.Event[membership.Member]
			switch n % 3 {
			case 0:
				events, _, _ = membership.GiveMandate{Party: "couple", Mandate: id, Agent: agent, Capacity: membership.NamedVoter, From: date("from"), Through: date("through"), Statutes: nubo}.Decide(m, agents[agent])
			case 1:
				to := membership.MandateID(rapid.SampledFrom([]string{"m1", "m2", "m3", "m4"}).Draw(t, "to"))
				events, _, _ = membership.HandOverMandate{Party: "couple", Mandate: id, To: to, Agent: agent, On: date("on"), Statutes: nubo}.Decide(m, agents[agent])
			default:
				events, _ = membership.EndMandate{Party: "couple", Mandate: id, On: date("last")}.Decide(m)
			}
			for _, e := range events {
				m = e.Evolve(m)
			}
			for d := 1; d <= 41; d++ {
				on := day(time.January, d)
				if voters, err := m.Voters(on, nubo); len(voters) > 1 || (err == nil) != (len(voters) == 1) {
					t.Fatalf("on %v the votes are cast by %v, %v: %+v", on, voters, err, m.Mandates())
				}
			}
		}
	})
}
