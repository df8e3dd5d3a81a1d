package processes

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

// A Merging makes one of two parties that were found to be one. Membership, roles and
// mandates go over by [membership.Merge], and shares by a transfer of kind merger, all
// or none.
//
// What is bound to a number outside is not moved, and is reached from the party that
// stays: subscriptions with their entitlements and accounts, the payer with its number,
// its reference and its invoices, which standing orders go on to pay. Who reads of a
// party, bills it, or asks for it, follows the merger. What waits for a decision or a
// payment under the party that goes has to be brought to its end first.
type Merging struct {
	Party     domain.PartyID // that is no more
	Into      domain.PartyID // that stays
	On        calendar.Date
	Signed    []shares.Signature // under the transfer of shares, if there are any
	Decision  string             // the minutes, if there are any
	Claims    []shares.ClaimID   // all that the party that goes ever had
	Dividends []shares.DividendID
	Statutes  statutes.Statutes
}

// The rules by which two parties are not merged yet.
var (
	ErrMergeSubscribed = domain.Refusal{Code: "processes.merge_subscribed", Reason: "{shares} shares of class {class} are subscribed to by the party that goes: issue them, or withdraw the subscription, first"}
	ErrMergePromised   = domain.Refusal{Code: "processes.merge_promised", Reason: "a transfer of shares of class {class} waits for an admission: complete it, or give it up, first"}
	ErrMergeOwed       = domain.Refusal{Code: "processes.merge_owed", Reason: "money is owed to the party that goes, for shares of class {class}: pay it out first"}
	ErrMergeClaim      = domain.Refusal{Code: "processes.merge_claim", Reason: "shares of the party that goes are being given back by the claim {claim}: withdraw it, or pay it out, first"}
	ErrMergeDividend   = domain.Refusal{Code: "processes.merge_dividend", Reason: "the dividend {dividend} is not paid out to the party that goes: pay it out first"}
)

// MergeIn carries out a merging within a transaction.
func MergeIn(tx *eventstore.Tx, m Merging) error {
	gone, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf(m.Party))
	if err != nil {
		return err
	}
	if err := eventstore.Do2(tx, membership.Merge{Party: m.Party, Into: m.Into, On: m.On}); err != nil || gone.MergedInto() != "" {
		return err
	}
	for _, id := range m.Claims {
		claim, _, err := eventstore.Load[shares.Claim](tx, shares.ExitStream(id))
		if err != nil {
			return err
		}
		switch claim.State() {
		case shares.ClaimRequested, shares.ClaimEffective, shares.ClaimWaiting, shares.ClaimReleased:
			return ErrMergeClaim.With("claim", id)
		case shares.ClaimNone, shares.ClaimWithdrawn, shares.ClaimDeferred, shares.ClaimSettled, shares.ClaimReversed:
		}
		if claim.Unpaid().IsPositive() {
			return ErrMergeClaim.With("claim", id)
		}
	}
	for _, id := range m.Dividends {
		payout, _, err := eventstore.Load[shares.Payout](tx, shares.PayoutStream(id, m.Party))
		if err != nil {
			return err
		}
		if !payout.Payable().IsZero() {
			return ErrMergeDividend.With("dividend", id)
		}
	}
	closed, err := ClosedThrough(tx)
	if err != nil {
		return err
	}
	for _, class := range m.Statutes.Shares.Classes {
		if err := m.moveShares(tx, class.ID, closed); err != nil {
			return err
		}
	}
	return nil
}

// moveShares transfers what the party that goes holds of a class.
func (m Merging) moveShares(tx *eventstore.Tx, class domain.ClassID, closed calendar.Date) error {
	held, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(m.Party, class))
	if err != nil {
		return err
	}
	switch {
	case held.Subscribed() > 0:
		return ErrMergeSubscribed.With("shares", held.Subscribed()).With("class", class)
	case held.Promised() > 0 || held.Awaited() > 0:
		return ErrMergePromised.With("class", class)
	case held.Owed().IsPositive() || len(held.Credits()) > 0:
		return ErrMergeOwed.With("class", class)
	case held.Held() == 0:
		return nil
	}
	return eventstore.Do2(tx, shares.Transfer{
		Transfer: shares.TransferID("merger-" + string(m.Party)), Kind: shares.Merger, From: m.Party, To: m.Into, Class: class, Quantity: held.Held(),
		Signed: m.Signed, Decision: m.Decision, On: m.On, Statutes: m.Statutes, Closed: closed,
	})
}
