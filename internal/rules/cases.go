package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A hard is a case that breaks registers in which nobody thought of it.
type hard struct {
	name  string
	what  string  // happens then
	told  []rule  // by stories
	tried []trial // from end to end
}

// A rule is that of a story.
type rule struct{ module, test, rule string }

// A trial is a test outside of the stories.
type trial struct{ dir, test string }

var cases = []hard{
	{
		"A minor is a member", "The child holds the shares, and a guardian acts for it until the day before it is of age.",
		[]rule{
			{"membership", "TestAdmittingAMinor", "a minor holds shares and acts by a guardian"},
			{"membership", "TestGivingMandates", "a guardian acts for a minor until the day before they are of age"},
			{"membership", "TestGivingMandates", "who is of age has none"},
		},
		[]trial{{"domain/membership", "TestWhoVotes"}},
	},
	{
		"Several hold shares together", "They are one member with one named voter. Without one nobody votes, and their shares count as issued all the same.",
		[]rule{
			{"membership", "TestJointHolders", "joint holders without a named voter are a member all the same"},
			{"membership", "TestGivingMandates", "one of joint holders votes for all"},
			{"membership", "TestEstates", "of which the heirs may not be known yet"},
		},
		[]trial{{"graphql", "TestJointHoldersVoteByOne"}},
	},
	{
		"A death is learnt late", "It counts from its day and is known from another. What came between is flagged, and what was paid, called or charged is reversed before the shares leave; a dividend is reckoned anew. Services stay as they are.",
		[]rule{
			{"membership", "TestDying", "death learnt late is effective on its day, and says when it was learnt"},
			{"shares", "TestTakingEffect", "a death of March learnt in May counts from March"},
			{"shares", "TestTakingEffect", "so is a loss that was charged after it"},
			{"shares", "TestTakingEffect", "who died before bears it when the shares are valued, and not twice"},
			{"shares", "TestDecidingDividends", "a death learnt late has what was allotted undone, paid or not"},
		},
		[]trial{{"domain/membership", "TestWhatHappenedBetween"}, {"cmd/rochdale", "TestADeathLearntLate"}, {"graphql", "TestALossAfterADeath"}, {"graphql", "TestServicesOutliveMemberships"}},
	},
	{
		"Heirs take shares over", "They apply in the place of the dead and have a number of their own; the shares pass to them as they are, with what is unpaid.",
		[]rule{
			{"membership", "TestApplying", "an heir who takes shares over says whose"},
			{"shares", "TestSigningTransfers", "an inheritance is signed by the heir and the board, and needs no approval"},
			{"shares", "TestSigningTransfers", "what is not paid up passes to heirs with the debt"},
			{"shares", "TestPayingRefunds", "the heirs have it in the place of the dead"},
		},
		nil,
	},
	{
		"An organisation is dissolved, bankrupt or merged", "It is a member no more, its delegates do not act, and a liquidator may.",
		[]rule{
			{"membership", "TestWindingUp", "a bankrupt is a member no more, and its delegates do not act"},
			{"membership", "TestWindingUp", "and one that was merged into another, which may be known"},
			{"membership", "TestGivingMandates", "a liquidator acts for an organisation that is bankrupt"},
		},
		[]trial{{"graphql", "TestLives"}},
	},
	{
		"One is the delegate of three bodies", "One login casts a vote for each, and one's own.",
		[]rule{{"membership", "TestGivingMandates", "or several"}},
		[]trial{{"graphql", "TestOneLoginSeveralVotes"}, {"graphql", "TestDelegates"}},
	},
	{
		"Shares are paid in part", "They count at once, and their money comes later. Who leaves has back what was paid, and owes what was called.",
		[]rule{
			{"shares", "TestPayingAndIssuing", "a part is enough where the statutes say so"},
			{"shares", "TestCalling", "a holder is called for what is unpaid up to that"},
			{"shares", "TestGivingBack", "of what is partly paid only that is given"},
			{"shares", "TestTakingEffect", "what was called and is unpaid stays owed"},
		},
		[]trial{{"graphql", "TestCalls"}},
	},
	{
		"Too much is paid, too little, or by another", "It counts for the holder, whoever pays; nothing is issued before the statutes let it; the rest is kept for who paid.",
		[]rule{
			{"shares", "TestPaidByAnotherAndTooMuch", "whoever pays, it counts for the holder, and the rest is kept for who paid"},
			{"shares", "TestPayingAndIssuing", "what is not is not"},
			{"shares", "TestUsingCredits", "a credit goes back to who paid it"},
		},
		nil,
	},
	{
		"A refund is blocked", "The shares have left, and the claim stays: released in its order as far as the budget goes, before any dividend, without interest.",
		[]rule{
			{"shares", "TestReleasing", "what is owed is released within the budget, and the rest waits"},
			{"shares", "TestDecidingDividends", "shares that have left come first, while a cent is owed for them"},
		},
		[]trial{{"graphql", "TestBlockedRefund"}},
	},
	{
		"Nobody collects a refund", "It is time-barred after the term of the statutes, and not a day before.",
		[]rule{
			{"shares", "TestPayingRefunds", "what nobody collects is time-barred after the term of the statutes"},
			{"shares", "TestPayingRefunds", "not a day before"},
		},
		nil,
	},
	{
		"Who leaves has open bills", "They are set off by a decision, which is an entry of its own.",
		[]rule{{"shares", "TestPayingRefunds", "open bills are set off by a decision, what waits first"}},
		nil,
	},
	{
		"Shares change class by an odd ratio", "As many as fit change, the rest stays, and each cent and day is kept.",
		[]rule{{"shares", "TestConverting", "seven for two thirds: six become four, one stays, and each cent and day is kept"}},
		nil,
	},
	{
		"The price of a share changes", "Each lot keeps its own, and is given back at that.",
		[]rule{
			{"shares", "TestPriceChange", "who subscribes pays the price of the day"},
			{"shares", "TestPriceChange", "who leaves has what each lot cost"},
			{"shares", "TestPriceChange", "not today's price for all"},
		},
		nil,
	},
	{
		"One resigns in month 7", "It counts for the next window, and is not refused.",
		[]rule{
			{"membership", "TestResigning", "resigning in month 7 is accepted for the next window"},
			{"shares", "TestRequestingExit", "in month 7 notice is taken for the next window, not refused"},
		},
		nil,
	},
	{
		"A founder resigns in year 2", "It is refused; death is not.",
		[]rule{
			{"membership", "TestResigning", "a founder in year 2 does not"},
			{"membership", "TestDying", "a founder in year 2 may die"},
			{"shares", "TestRequestingExit", "except by death"},
		},
		nil,
	},
	{
		"Fewer than three members would be left", "It is marked, or refused where the statutes say so.",
		[]rule{
			{"membership", "TestResigning", "where the number of members falls under 3, it is marked"},
			{"membership", "TestResigning", "or refused, if the statutes say so"},
		},
		nil,
	},
	{
		"One resigns and keeps a service", "The service goes on, at the price of non-members from the next month on.",
		nil,
		[]trial{{"graphql", "TestServicesOutliveMemberships"}},
	},
	{
		"One is excluded and has a service", "That is another decision.",
		nil,
		[]trial{{"graphql", "TestServicesOutliveMemberships"}},
	},
	{
		"A subscriber becomes a member in the middle of a month", "The price of members holds from the next; nothing is billed back.",
		nil,
		[]trial{{"graphql", "TestAMemberFromTheNextMonth"}},
	},
	{
		"A member never subscribes to anything", "They have all rights, and neither account nor bill.",
		nil,
		[]trial{{"graphql", "TestAMemberWithoutServices"}},
	},
	{
		"A family has one address of e-mail", "Each has a link of their own: nobody is known by an address.",
		[]rule{{"membership", "TestAskingForAnotherContact", "two may have the same address"}},
		[]trial{{"web", "TestTwoOfOneAddress"}, {"processes/access", "TestLinksOfAHousehold"}},
	},
	{
		"The bank account changes before a refund", "Money waits until the new one has cooled off.",
		[]rule{
			{"membership", "TestBankAccounts", "another takes its place"},
			{"shares", "TestPayingRefunds", "nor while the bank account cools off"},
			{"shares", "TestDecidingDividends", "nor while the bank account cools off"},
		},
		[]trial{{"processes", "TestTheOldAddressIsToldToo"}},
	},
	{
		"Something is paid twice, or with a wrong reference", "It is recorded and found its payer later; never edited.",
		[]rule{
			{"payment", "TestPayment", "and is recorded though nobody knows who paid"},
			{"payment", "TestPayment", "who paid is found out"},
			{"payment", "TestPayment", "what came in is not edited"},
			{"shares", "TestReversing", "a payment for the wrong shares is kept, to be assigned to the right ones"},
		},
		nil,
	},
	{
		"Two members are found to be one", "One stays with both numbers, and shares pass to it by transfers.",
		[]rule{
			{"membership", "TestMerging", "two members found to be one: both numbers are kept"},
			{"shares", "TestSigningTransfers", "that two members are one is for the board to sign"},
		},
		[]trial{{"graphql", "TestTwoMembersFoundToBeOne"}},
	},
	{
		"Votes are capped, and few are present", "Each counts up to a part of all that are cast, down to as much for everybody.",
		nil,
		[]trial{{"domain/assembly", "TestEveryVoteIsCountedOnceUpToTheCap"}},
	},
	{
		"A member leaves before an assembly", "The roll is of those who are members at the end of its day.",
		[]rule{{"assembly", "TestFreezingTheRoll", "not before its end"}},
		[]trial{{"processes", "TestTheRollIsFrozenOnce"}},
	},
	{
		"Something was wrong in a year that is closed", "It is reversed in the year that is open, with a reference, and the register shows both.",
		[]rule{
			{"shares", "TestReversing", "what was wrong in a closed year is corrected in the open one, and both show"},
			{"shares", "TestReversing", "never in the closed one"},
			{"shares", "TestTakingEffect", "and stands in the open books, where that year is closed"},
		},
		[]trial{{"graphql", "TestClosedBooks"}},
	},
	{
		"A member asks to be erased", "What nothing needs goes; the rest stays, and they are told why and until when.",
		[]rule{
			{"membership", "TestErasing", "how to reach someone can be erased"},
			{"membership", "TestErasing", "who was a member stays in the register"},
			{"membership", "TestErasing", "what is still needed is kept"},
		},
		nil,
	},
	{
		"Who has left comes back", "It is the same party with a new membership; the old one stays as it was.",
		[]rule{
			{"membership", "TestApplying", "who has left may apply again"},
			{"membership", "TestAdmitting", "who comes back may have their number back"},
		},
		nil,
	},
}

const casesIntro = `
## By case

What breaks registers in which nobody thought of it. After each case stands what happens, by which of the rules further
down, and which tests try it from end to end.

`

// writeCases tells the cases, if there is all that they name.
func writeCases(b *bytes.Buffer, told []chapter) error {
	b.WriteString(casesIntro)
	for _, c := range cases {
		if len(c.told)+len(c.tried) == 0 {
			return fmt.Errorf("case %q is told by nothing", c.name)
		}
		fmt.Fprintf(b, "- **%s.** %s", c.name, c.what)
		for i, r := range c.told {
			if !isTold(told, r) {
				return fmt.Errorf("case %q: %s of %s tells no rule %q", c.name, r.test, r.module, r.rule)
			}
			switch {
			case i == 0:
				b.WriteString(" <sub>")
			default:
				b.WriteString("; ")
			}
			fmt.Fprintf(b, "%s, %s: “%s”", sentence(r.module), strings.ToLower(title(r.test)), r.rule)
		}
		for i, t := range c.tried {
			if err := t.exists(); err != nil {
				return fmt.Errorf("case %q: %w", c.name, err)
			}
			switch {
			case i > 0:
				b.WriteString(", ")
			case len(c.told) > 0:
				b.WriteString("; tried by ")
			default:
				b.WriteString(" <sub>Tried by ")
			}
			fmt.Fprintf(b, "`%s` of `%s`", t.test, t.dir)
		}
		b.WriteString("</sub>\n")
	}
	return nil
}

func isTold(told []chapter, r rule) bool {
	return slices.ContainsFunc(told, func(c chapter) bool {
		return c.module == r.module && slices.ContainsFunc(c.stories, func(s story) bool { return s.test == r.test && s.Rule == r.rule })
	})
}

// exists reports why there is no such test.
func (t trial) exists() error {
	files, err := filepath.Glob(filepath.Join("..", "..", t.dir, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.Contains(source, []byte("\nfunc "+t.test+"(t *testing.T)")) {
			return nil
		}
	}
	return fmt.Errorf("%s has no %s", t.dir, t.test)
}
