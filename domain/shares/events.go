package shares

import (
	"slices"

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

// Paid is money paid on a subscription, whether its shares are issued or not.
type Paid struct {
	Subscription SubscriptionID `json:"subscription"`
	Party        domain.PartyID `json:"party"`
	Class        domain.ClassID `json:"class"`
	Amount       money.Money    `json:"amount"`
	On           calendar.Date  `json:"on"`        // of value
	Reference    string         `json:"reference"` // of the payment, which is counted once
}

func (e Paid) Evolve(h Holding) Holding {
	s := h.subscriptions[e.Subscription]
	s.paid = s.paid.Plus(e.Amount)
	h.subscriptions = set(h.subscriptions, e.Subscription, s)
	h.payments = set(h.payments, e.Reference, payment{e.Subscription, e.Amount, e.On})
	if i := h.lot(e.Subscription, e.Party); i >= 0 {
		h.lots = slices.Clone(h.lots)
		h.lots[i].Paid = h.lots[i].Paid.Plus(e.Amount)
	}
	return h
}

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
	h.lots = h.with([]Lot{{e.Subscription, e.Party, e.On, e.Quantity, e.Price, s.paid}}, e.On)
	return h
}

// TransferredOut takes shares from a holding: half of a transfer.
type TransferredOut struct {
	Transfer        TransferID     `json:"transfer"`
	Party           domain.PartyID `json:"party"` // who gives
	To              domain.PartyID `json:"to"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"` // of which they are
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e TransferredOut) Evolve(h Holding) Holding {
	h.lots = h.without(e.Lots)
	h.transfers = set(h.transfers, e.Transfer, transfer{e.To, -e.Quantity, e.On})
	return h
}

// TransferredIn adds shares to a holding: the other half.
type TransferredIn struct {
	Transfer        TransferID     `json:"transfer"`
	Party           domain.PartyID `json:"party"` // who receives
	From            domain.PartyID `json:"from"`
	Class           domain.ClassID `json:"class"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e TransferredIn) Evolve(h Holding) Holding {
	h.lots = h.with(e.Lots, e.On)
	h.transfers = set(h.transfers, e.Transfer, transfer{e.From, e.Quantity, e.On})
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
	h.lots = h.without(e.Lots)
	e.Lots = nil
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
	domain.Register[Paid](r, "shares.paid")
	domain.Register[Issued](r, "shares.issued")
	domain.Register[TransferredOut](r, "shares.transferred_out")
	domain.Register[TransferredIn](r, "shares.transferred_in")
	domain.Register[Redeemed](r, "shares.redeemed")
	domain.Register[Repaid](r, "shares.repaid")
}
