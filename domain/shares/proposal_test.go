package shares_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
)

func TestProposingTransfers(t *testing.T) {
	on := day(time.March, 1)
	sign := func(as shares.Signatory, by domain.PartyID) shares.Signature {
		return shares.Signature{As: as, By: by, On: on, How: shares.SignedIn}
	}
	ada, bert := sign(shares.AsTransferor, "ada"), sign(shares.AsTransferee, "bert")
	propose := shares.ProposeTransfer{
		Transfer: "t1", From: "ada", To: "bert", Class: "A", Quantity: 2, Kind: shares.Gift, Signed: ada, On: on, Statutes: rules(t),
	}
	proposed := shares.TransferProposed{Transfer: "t1", From: "ada", To: "bert", Class: "A", Quantity: 2, Kind: shares.Gift, On: on}
	signed := func(s shares.Signature) shares.TransferSigned {
		return shares.TransferSigned{Transfer: "t1", From: "ada", To: "bert", Signature: s}
	}
	waits := spec.Events{proposed, signed(ada)}
	end := shares.EndProposal{Transfer: "t1", Outcome: shares.ProposalMade, On: on.AddDays(1)}
	ended := shares.TransferProposalEnded{Transfer: "t1", From: "ada", To: "bert", Outcome: shares.ProposalMade, On: on.AddDays(1)}
	over := append(waits[:2:2], ended)
	countersign := shares.SignTransfer{Transfer: "t1", Signed: bert}
	spec.Check(t, []spec.Story[domain.Command[shares.Proposal]]{
		{Rule: "who wants to pass shares on proposes it, and signs", When: propose, Then: waits},
		{Rule: "to somebody else", When: with(propose, func(c *shares.ProposeTransfer) { c.To = "ada" }), Refused: shares.ErrSelf},
		{Rule: "of a class that there is", When: with(propose, func(c *shares.ProposeTransfer) { c.Class = "Z" }), Refused: shares.ErrNoSuchClass},
		{Rule: "some of them", When: with(propose, func(c *shares.ProposeTransfer) { c.Quantity = 0 }), Refused: shares.ErrIncomplete},
		{Rule: "saying why", When: with(propose, func(c *shares.ProposeTransfer) { c.Kind = "" }), Refused: shares.ErrIncomplete},
		{Rule: "for their own side", When: with(propose, func(c *shares.ProposeTransfer) { c.Signed.As = shares.AsBoard }), Refused: shares.ErrNotParty},
		{Rule: "an id stands for one proposal", Given: waits, When: with(propose, func(c *shares.ProposeTransfer) { c.Quantity = 3 }), Refused: shares.ErrProposed},
		{Rule: "the other signs too", Given: waits, When: countersign, Then: spec.Events{signed(bert)}},
		{Rule: "not before it was proposed", Given: waits, When: with(countersign, func(c *shares.SignTransfer) { c.Signed.On = on.AddDays(-1) }), Refused: shares.ErrIncomplete},
		{Rule: "nor what nobody proposed", When: countersign, Refused: shares.ErrNoProposal},
		{Rule: "nobody signs a gift as an heir", Given: waits, When: with(countersign, func(c *shares.SignTransfer) { c.Signed.As = shares.AsHeir }), Refused: shares.ErrNotParty},
		{Rule: "it ends when it is carried out, withdrawn or declined", Given: waits, When: end, Then: spec.Events{ended}},
		{Rule: "and only in one of these ways", Given: over, When: with(end, func(c *shares.EndProposal) { c.Outcome = shares.ProposalDeclined }), Refused: shares.ErrNoProposal},
		{Rule: "not before it was made", Given: waits, When: with(end, func(c *shares.EndProposal) { c.On = on.AddDays(-1) }), Refused: shares.ErrTooEarly},
		{Rule: "nor in any other", Given: waits, When: with(end, func(c *shares.EndProposal) { c.Outcome = "lost" }), Refused: shares.ErrIncomplete},
		{Rule: "then nobody signs it any more", Given: over, When: countersign, Refused: shares.ErrNoProposal},
	})
}
