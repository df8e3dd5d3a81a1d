package shares

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

type event = domain.Event[Holding]

// Subscribed is a party's promise to take shares at a price. None is held by it.
type Subscribed struct {
	Subscription    SubscriptionID `json:"subscription"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Price           money.Money    `json:"price"` // of one share
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version,omitempty"` // 0 where it comes from an older register
}

func (e Subscribed) Evolve(h Holding) Holding {
	h.subscriptions = set(h.subscriptions, e.Subscription, subscription{subscribed: e})
	return h
}

// SubscriptionWithdrawn ends a subscription whose shares are not issued. What was
// paid on it is owed back to whoever paid.
type SubscriptionWithdrawn struct {
	Subscription SubscriptionID `json:"subscription"`
	Party        domain.PartyID `json:"party"`
	Class        domain.ClassID `json:"class"`
	Quantity     int64          `json:"quantity"`
	Credits      []Credit       `json:"credits,omitempty"` // that become of its payments
	Why          Withdrawal     `json:"why"`
	On           calendar.Date  `json:"on"`
}

func (e SubscriptionWithdrawn) Evolve(h Holding) Holding {
	s := h.subscriptions[e.Subscription]
	s.withdrawn, s.paid = e, money.Money{}
	s.withdrawn.Credits = nil
	h.subscriptions = set(h.subscriptions, e.Subscription, s)
	for _, c := range e.Credits {
		c.since = e.On
		h.credits = set(h.credits, c.Reference, c.plus(h.credits[c.Reference]))
	}
	return h
}

// Withdrawal is why a subscription came to nothing.
type Withdrawal string

const (
	Withdrawn Withdrawal = "withdrawn" // the subscriber took it back
	Refused   Withdrawal = "refused"   // the subscriber was not admitted
	Lapsed    Withdrawal = "lapsed"    // it was not paid
)

// Valid reports whether it is one of these.
func (w Withdrawal) Valid() bool { return w == Withdrawn || w == Refused || w == Lapsed }

// Issued enters shares in the register: all those of a subscription.
type Issued struct {
	Subscription    SubscriptionID `json:"subscription"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Price           money.Money    `json:"price"` // of one share
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version,omitempty"` // 0 where it comes from an older register
}

func (e Issued) Evolve(h Holding) Holding {
	s := h.subscriptions[e.Subscription]
	s.issued = e
	h.subscriptions = set(h.subscriptions, e.Subscription, s)
	h.lots = h.with([]Lot{{
		Subscription: e.Subscription, Subscriber: e.Party, AcquiredOn: e.On, Quantity: e.Quantity, Price: e.Price, Paid: s.paid,
	}}, e.On)
	if i := h.lot(e.Subscription, e.Party); s.last.After(e.On) {
		h.lots = h.touch(i, s.last, func(*heldLot) {})
	}
	return h
}

// Redeemed takes shares given back out of the register, and has the co-op owe
// their value. What had yet to be paid on them no longer is.
type Redeemed struct {
	Redemption      RedemptionID   `json:"redemption"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"`
	Value           money.Money    `json:"value"` // of all of them, owed from now on
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e Redeemed) Evolve(h Holding) Holding {
	h.lots = h.without(e.Lots, e.On)
	h.redemptions = set(h.redemptions, e.Redemption, e)
	h.owed = h.owed.Plus(e.Value)
	return h
}

// Repaid is money paid out for shares given back.
type Repaid struct {
	Party     domain.PartyID `json:"party"`
	Class     domain.ClassID `json:"class"`
	Amount    money.Money    `json:"amount"`
	On        calendar.Date  `json:"on"`
	Reference string         `json:"reference"` // of the payment, which is counted once
}

func (e Repaid) Evolve(h Holding) Holding {
	h.repayments = set(h.repayments, e.Reference, e)
	h.owed = h.owed.Minus(e.Amount)
	return h
}

// Register enters the events of the shares.
func Register(r *domain.Registry) {
	domain.Register[Subscribed](r, "shares.subscribed")
	domain.Register[SubscriptionWithdrawn](r, "shares.subscription_withdrawn")
	domain.Register[Paid](r, "shares.paid", domain.Upcast(paidV1.next))
	domain.Register[Credited](r, "shares.credited")
	domain.Register[CreditUsed](r, "shares.credit_used")
	domain.Register[CreditRefunded](r, "shares.credit_refunded")
	domain.Register[CreditTimeBarred](r, "shares.credit_time_barred")
	domain.Register[Issued](r, "shares.issued")
	domain.Register[CallDecided](r, "shares.call_decided")
	domain.Register[Called](r, "shares.called")
	domain.Register[TransferredOut](r, "shares.transferred_out", domain.Upcast(transferredOutV1.next))
	domain.Register[TransferredIn](r, "shares.transferred_in", domain.Upcast(transferredInV1.next))
	domain.Register[TransferAgreed](r, "shares.transfer_agreed")
	domain.Register[TransferAwaited](r, "shares.transfer_awaited")
	domain.Register[TransferAbandoned](r, "shares.transfer_abandoned")
	domain.Register[TransferProposed](r, "shares.transfer_proposed")
	domain.Register[TransferSigned](r, "shares.transfer_signed")
	domain.Register[TransferProposalEnded](r, "shares.transfer_proposal_ended")
	domain.Register[ConvertedOut](r, "shares.converted_out")
	domain.Register[ConvertedIn](r, "shares.converted_in")
	domain.Register[RestrictionNoted](r, "shares.restriction_noted")
	domain.Register[RestrictionLifted](r, "shares.restriction_lifted")
	domain.Register[LossCharged](r, "shares.loss_charged")
	domain.Register[Reversed](r, "shares.reversed")
	domain.Register[CertificateIssued](r, "shares.certificate_issued")
	domain.Register[CertificateReplaced](r, "shares.certificate_replaced")
	domain.Register[CertificateCancelled](r, "shares.certificate_cancelled")
	domain.Register[RegisterConsulted](r, "shares.register_consulted")
	domain.Register[AccountsApproved](r, "shares.accounts_approved")
	domain.Register[ExitRequested](r, "shares.exit_requested")
	domain.Register[ExitAccepted](r, "shares.exit_accepted")
	domain.Register[ExitWithdrawn](r, "shares.exit_withdrawn")
	domain.Register[Left](r, "shares.left")
	domain.Register[ExitTookEffect](r, "shares.exit_took_effect")
	domain.Register[ExitReversed](r, "shares.exit_reversed")
	domain.Register[ExitValued](r, "shares.exit_valued")
	domain.Register[UnpaidCollected](r, "shares.unpaid_collected")
	domain.Register[UnpaidWaived](r, "shares.unpaid_waived")
	domain.Register[BudgetCertified](r, "shares.budget_certified")
	domain.Register[BudgetDrawn](r, "shares.budget_drawn")
	domain.Register[RefundReleased](r, "shares.refund_released")
	domain.Register[RefundSetOff](r, "shares.refund_set_off")
	domain.Register[RefundPaid](r, "shares.refund_paid")
	domain.Register[RefundReturned](r, "shares.refund_returned")
	domain.Register[ClaimFreed](r, "shares.claim_freed")
	domain.Register[RefundTimeBarred](r, "shares.refund_time_barred")
	domain.Register[ClaimEntryReversed](r, "shares.claim_entry_reversed")
	domain.Register[Redeemed](r, "shares.redeemed", domain.Upcast(redeemedV1.next))
	domain.Register[Repaid](r, "shares.repaid")
	domain.Register[WithholdingSet](r, "shares.withholding_set")
	domain.Register[DividendDecided](r, "shares.dividend_decided")
	domain.Register[DividendAllotted](r, "shares.dividend_allotted")
	domain.Register[DividendPaid](r, "shares.dividend_paid")
	domain.Register[DividendReturned](r, "shares.dividend_returned")
	domain.Register[DividendTimeBarred](r, "shares.dividend_time_barred")
	domain.Register[PayoutReversed](r, "shares.payout_reversed")
}
