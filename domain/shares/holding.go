// Package shares is the register of shares: who holds how many of which class,
// and what was paid on them. These are two ledgers: a share can be issued before
// it is paid up, and money can be owed for shares that are gone.
//
// How shares come, change and pass on:
//
//	Subscribe           → Subscribed                    holding/<party>/<class>   within the limits of the class and of one party
//	WithdrawSubscription → SubscriptionWithdrawn        holding/<party>/<class>   before its shares are issued; what was paid is a credit
//	RecordPayment       → Paid, Credited                holding/<party>/<class>   no more than is due, unless the rest is kept as a credit
//	AssignCredit        → CreditUsed, Paid              both holdings             no more than is left of the credit
//	RefundCredit        → CreditRefunded                holding/<party>/<class>   no more than is left, to an account that can be trusted
//	TimeBarCredit       → CreditTimeBarred              holding/<party>/<class>   when the statutes' term is over
//	Issue               → Issued                        holding/<party>/<class>   once paid as the statutes ask
//	DecideCall          → CallDecided                   call/<id>                 up to an amount per share
//	CallShares          → Called                        holding/<party>/<class>   by a call that was decided; what is unpaid up to that amount
//	ProposeTransfer     → TransferProposed, …Signed     proposal/<transfer>       by one of the two, for their side
//	SignTransfer        → TransferSigned                proposal/<transfer>       by the other
//	EndProposal         → TransferProposalEnded         proposal/<transfer>       carried out, withdrawn or declined
//	Transfer            → TransferredOut, …In           both holdings             free, paid-up shares, within the limits of the class
//	AgreeTransfer       → TransferAgreed, …Awaited      both holdings             the same, until the receiver is admitted
//	CompleteTransfer    → TransferredOut, …In           both holdings             once the receiver is
//	AbandonTransfer     → TransferAbandoned             both holdings             before it is completed
//	Convert             → ConvertedOut, …In             holdings of both classes  as the statutes have it; the rest stays
//	NoteRestriction     → RestrictionNoted              holding/<party>/<class>   pledged and attached shares do not leave
//	LiftRestriction     → RestrictionLifted             holding/<party>/<class>   one that was noted
//	ChargeLoss          → LossCharged                   holding/<party>/<class>   by approved accounts, once a year
//	ReverseEntry        → Reversed                      holding/<party>/<class>   a payment, issue, call, loss and the like, on an open day
//	ReverseTransfer     → Reversed                      both holdings             while the receiver has the shares
//	ReverseConversion   → Reversed                      holdings of both classes  while the holder has the shares
//	IssueCertificate    → CertificateIssued             certificate/<number>      for shares that are held
//	ReplaceCertificate  → CertificateReplaced, …Issued  both certificates         the old one is void
//	CancelCertificate   → CertificateCancelled          certificate/<number>      one that is in force
//	ConsultRegister     → RegisterConsulted             consultation/<id>         by who holds shares
//	Enter               → Subscribed, Paid, Issued      holding/<party>/<class>   from an older register
//
// How shares are given back, and refunded:
//
//	ApproveAccounts     → AccountsApproved              accounts                  one fiscal year after the other; the year is closed
//	RequestExit         → ExitRequested                 exit/<claim>              of shares held; takes effect when the statutes say
//	AcceptExit          → ExitAccepted, ExitRequested   exit/<claim>, that of the rest   as far as the year's caps let them leave
//	WithdrawExit        → ExitWithdrawn                 exit/<claim>              before it takes effect
//	TakeEffect          → Left, ExitTookEffect          holding, exit/<claim>     on its day, or later if it is learnt late
//	ReverseExit         → Reversed, ExitReversed        holding, exit/<claim>     before anything is released
//	ValueExit           → ExitValued                    exit/<claim>              by the statutes and the approved accounts
//	CollectUnpaid       → UnpaidCollected               exit/<claim>              what was called and unpaid when the shares left
//	WaiveUnpaid         → UnpaidWaived                  exit/<claim>              the same, by a decision
//	CertifyBudget       → BudgetCertified               budget/<id>               by the two tests, certified by whom the statutes say
//	ReleaseRefund       → RefundReleased, BudgetDrawn   exit/<claim>, budget/<id> as far as the budget goes
//	SetOffRefund        → RefundSetOff                  exit/<claim>              against open bills, by a decision
//	PayRefund           → RefundPaid                    exit/<claim>              what was released, to an account that can be trusted
//	ReturnRefund        → RefundReturned                exit/<claim>              a payment that came back
//	FreeClaim           → ClaimFreed                    exit/<claim>              of a pledge or attachment that came with the shares
//	TimeBarRefund       → RefundTimeBarred              exit/<claim>              when the statutes' term is over
//	ReverseClaimEntry   → ClaimEntryReversed            exit/<claim>              a valuation, set-off, collection, waiver or time-bar
//	Redeem              → Redeemed                      holding/<party>/<class>   at once and without a claim, at no more than the statutes allow
//	Repay               → Repaid                        holding/<party>/<class>   no more than is owed for those
//
// What shares earn:
//
//	SetWithholding      → WithholdingSet                withholding               from a day on
//	DecideDividend      → DividendDecided, BudgetDrawn  dividend/<id>, budget/<id> within the statutes, when no refund is owed
//	AllotDividend       → DividendAllotted              payout/<dividend>/<party> by a dividend that was decided
//	PayDividend         → DividendPaid                  payout/<dividend>/<party> what was allotted, to an account that can be trusted
//	ReturnDividend      → DividendReturned              payout/<dividend>/<party> a payment that came back
//	TimeBarDividend     → DividendTimeBarred            payout/<dividend>/<party> when the statutes' term is over
//	ReversePayout       → PayoutReversed                payout/<dividend>/<party> an allotment, paid or not, or a time-bar
//
// Shares are kept in lots: those subscribed to together keep their price and day
// for ever, whoever holds them. They leave a holding oldest first.
//
// Every event has the day on which it takes effect, by which the register reads
// as at a day; the log knows when it was recorded, by which the register reads as
// it was known then. Nothing is edited: what was wrong is reversed, by an event
// that names it, on a day that is still open ([Accounts.ClosedThrough]).
//
// What the books say follows from the same events ([Journal]), so that the register
// and the accounts agree to the cent on any day.
package shares

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// StreamOf returns the stream of what a party holds of a class.
func StreamOf(party domain.PartyID, class domain.ClassID) domain.Stream {
	return domain.StreamOf("holding", string(party), string(class))
}

type (
	// SubscriptionID identifies a party's promise to take shares, and the lot of
	// shares that comes of it. Another party's is another, even if named alike.
	SubscriptionID string
	// TransferID identifies a transfer, in both holdings.
	TransferID string
	// ConversionID identifies a change of class, in both holdings.
	ConversionID string
	// RestrictionID identifies a restriction on the shares of a holding.
	RestrictionID string
	// ReversalID identifies the reversal of an entry.
	ReversalID string
	// RedemptionID identifies shares given back together, without a claim.
	RedemptionID string
)

// Holding is what must be known of a party's shares of a class in order to decide.
// Its maps and slices are never changed in place.
type Holding struct {
	subscriptions map[SubscriptionID]subscription
	payments      map[string]payment // by reference
	credits       map[string]Credit  // by the reference of the payment
	uses          map[string]creditUse
	lots          []heldLot // oldest first
	calls         map[CallID]calling
	transfers     map[TransferID]transfer
	conversions   map[ConversionID]conversion
	restrictions  map[RestrictionID]RestrictionNoted // that are not lifted
	lifted        map[RestrictionID]RestrictionLifted
	losses        map[calendar.Period]charging // by fiscal year
	exits         map[ClaimID]Left
	reversals     map[ReversalID]Reversed
	redemptions   map[RedemptionID]Redeemed
	repayments    map[string]Repaid // by reference
	owed          money.Money       // for shares given back without a claim
}

// subscription is the course of a subscription until its shares are issued.
type subscription struct {
	subscribed Subscribed
	paid       money.Money   // on it, by whoever subscribed
	last       calendar.Date // that something was paid, or taken back
	reversed   calendar.Date // the last that a payment, or the issue, was
	issued     Issued
	withdrawn  SubscriptionWithdrawn
}

// open reports whether its shares may yet be issued.
func (s subscription) open() bool {
	return s.subscribed.Party != "" && s.issued.Party == "" && s.withdrawn.Party == ""
}

func (s subscription) due() money.Money {
	return s.subscribed.Price.Times(s.subscribed.Quantity).Minus(s.paid)
}

// Held returns the number of shares that are issued and held.
func (h Holding) Held() (n int64) {
	for _, l := range h.lots {
		n += l.Quantity
	}
	return n
}

// Subscribed returns the number of shares subscribed to and not issued yet.
func (h Holding) Subscribed() (n int64) {
	for _, s := range h.subscriptions {
		if s.open() {
			n += s.subscribed.Quantity
		}
	}
	return n
}

// Cost returns the price of the shares held and of those subscribed to.
func (h Holding) Cost() (sum money.Money) {
	for _, l := range h.lots {
		sum = sum.Plus(l.Cost())
	}
	for _, s := range h.subscriptions {
		if s.open() {
			sum = sum.Plus(s.subscribed.Price.Times(s.subscribed.Quantity))
		}
	}
	return sum
}

// Paid returns what was paid on the shares held.
func (h Holding) Paid() (sum money.Money) {
	for _, l := range h.lots {
		sum = sum.Plus(l.Paid)
	}
	return sum
}

// Unpaid returns what was called on the shares held and is not paid.
func (h Holding) Unpaid() (sum money.Money) {
	for _, l := range h.lots {
		sum = sum.Plus(l.Unpaid())
	}
	return sum
}

// Owed returns what the co-op owes for shares given back without a claim.
func (h Holding) Owed() money.Money { return h.owed }

// Due returns what is yet to be paid on a subscription, called or not, and whether
// there is one. Once it is withdrawn, or its shares are given away or given back,
// nothing is.
func (h Holding) Due(id SubscriptionID) (money.Money, bool) {
	s, ok := h.subscriptions[id]
	if !ok {
		return money.Money{}, false
	}
	return h.due(id, s.subscribed.Party), true
}

// due is the same of any lot, of whoever subscribed to it.
func (h Holding) due(id SubscriptionID, subscriber domain.PartyID) money.Money {
	s := h.subscriptions[id]
	own := s.subscribed.Party == subscriber
	switch i := h.lot(id, subscriber); {
	case i >= 0:
		return h.lots[i].Cost().Minus(h.lots[i].Paid)
	case own && s.open():
		return s.due()
	}
	return money.Money{}
}

// Lots returns the shares held, oldest first.
func (h Holding) Lots() []Lot {
	lots := make([]Lot, len(h.lots))
	for i, l := range h.lots {
		lots[i] = l.Lot
	}
	return lots
}

// set returns a copy of m in which key has a value.
func set[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = make(map[K]V, 1)
	}
	m[key] = value
	return m
}

// unset returns a copy of m without key.
func unset[K comparable, V any](m map[K]V, key K) map[K]V {
	m = maps.Clone(m)
	delete(m, key)
	return m
}

// sorted returns what is in m, in the order of the keys.
func sorted[K cmp.Ordered, V any](m map[K]V) []V {
	values := make([]V, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[key])
	}
	return values
}

// share returns the part of an amount that so many of a number are, rounded down.
// None of them is negative.
func share(amount, part, of int64) int64 {
	if of == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(part))
	quotient, _ := bits.Div64(hi, lo, uint64(of))
	return int64(quotient)
}
