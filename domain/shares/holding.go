// Package shares is the register of shares: who holds how many of which class,
// and what was paid on them. These are two ledgers: a share can be issued before
// it is paid up, and money can be owed for shares that are gone.
//
//	Subscribe     → Subscribed                  holding/<party>/<class>   within the limits of the class
//	RecordPayment → Paid                        holding/<party>/<class>   no more than is due
//	Issue         → Issued                      holding/<party>/<class>   once paid as the statutes ask
//	Transfer      → TransferredOut, …In         both holdings             paid-up shares, within the limits of the class
//	Redeem        → Redeemed                    holding/<party>/<class>   at no more than the statutes allow
//	Repay         → Repaid                      holding/<party>/<class>   no more than is owed
//	Enter         → Subscribed, Paid, Issued    holding/<party>/<class>   from an older register
//
// Shares are kept in lots: those subscribed to together keep their price and day
// for ever, whoever holds them. They leave a holding oldest first.
//
// Every event has the day on which it takes effect, by which the register reads
// as at a day; the log knows when it was recorded, by which the register reads as
// it was known then.
package shares

import (
	"maps"
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
	// RedemptionID identifies shares given back together.
	RedemptionID string
)

// Holding is what must be known of a party's shares of a class in order to decide.
type Holding struct {
	subscriptions map[SubscriptionID]subscription // never changed in place, nor are the others
	payments      map[string]payment              // by reference
	lots          []heldLot                       // oldest first
	transfers     map[TransferID]transfer
	redemptions   map[RedemptionID]Redeemed
	repayments    map[string]Repaid // by reference
	owed          money.Money       // for shares given back
}

// subscription is the course of a subscription until its shares are issued.
type subscription struct {
	subscribed Subscribed
	paid       money.Money // on it, by whoever subscribed
	issued     Issued
}

func (s subscription) due() money.Money {
	return s.subscribed.Price.Times(s.subscribed.Quantity).Minus(s.paid)
}

type payment struct {
	subscription SubscriptionID
	amount       money.Money
	on           calendar.Date
}

// transfer is one side of a transfer.
type transfer struct {
	other    domain.PartyID
	quantity int64
	on       calendar.Date
}

// Lot is shares that were subscribed to together, as far as they are held.
type Lot struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber"`  // whose subscription it was
	AcquiredOn   calendar.Date  `json:"acquired_on"` // that they were issued
	Quantity     int64          `json:"quantity"`
	Price        money.Money    `json:"price"` // of one
	Paid         money.Money    `json:"paid"`  // on all of them
}

// heldLot is a lot since it came into a holding.
type heldLot struct {
	Lot
	since calendar.Date
}

func (l Lot) paidUp() bool { return l.Paid == l.Price.Times(l.Quantity) }

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
		if s.issued.Party == "" {
			n += s.subscribed.Quantity
		}
	}
	return n
}

// Paid returns what was paid on the shares held.
func (h Holding) Paid() (sum money.Money) {
	for _, l := range h.lots {
		sum = sum.Plus(l.Paid)
	}
	return sum
}

// Owed returns what the co-op owes for shares given back.
func (h Holding) Owed() money.Money { return h.owed }

// Due returns what is yet to be paid on a subscription, and whether there is one.
// Once its shares are given away or given back, nothing is.
func (h Holding) Due(id SubscriptionID) (money.Money, bool) {
	s, ok := h.subscriptions[id]
	switch {
	case !ok:
		return money.Money{}, false
	case s.issued.Party != "" && h.lot(id, s.subscribed.Party) < 0:
		return money.Money{}, true
	}
	return s.due(), true
}

// Lots returns the shares held, oldest first.
func (h Holding) Lots() []Lot {
	lots := make([]Lot, len(h.lots))
	for i, l := range h.lots {
		lots[i] = l.Lot
	}
	return lots
}

// lot returns the index of the lot of a subscription, or -1.
func (h Holding) lot(id SubscriptionID, subscriber domain.PartyID) int {
	return indexOf(h.lots, id, subscriber)
}

func indexOf(lots []heldLot, id SubscriptionID, subscriber domain.PartyID) int {
	return slices.IndexFunc(lots, func(l heldLot) bool { return l.Subscription == id && l.Subscriber == subscriber })
}

// take returns the oldest shares, so many of them, in lots. A lot of which only a
// part is paid is taken whole or not at all, since what was paid on it was not
// paid on some of its shares. No lot is taken before it came.
func (h Holding) take(quantity int64, on calendar.Date) (taken []Lot, err error) {
	for _, l := range h.lots {
		if quantity == 0 {
			break
		}
		if on.Before(l.since) {
			return nil, ErrTooEarly.With("earliest", l.since)
		}
		if l.Quantity > quantity {
			if !l.paidUp() {
				return nil, ErrNotPaidUp
			}
			l.Quantity, l.Paid = quantity, l.Price.Times(quantity)
		}
		taken = append(taken, l.Lot)
		quantity -= l.Quantity
	}
	return taken, nil
}

// without returns the lots that are left when some have been taken.
func (h Holding) without(taken []Lot) []heldLot {
	left := slices.Clone(h.lots)
	for _, t := range taken {
		if i := indexOf(left, t.Subscription, t.Subscriber); i >= 0 {
			left[i].Quantity -= t.Quantity
			left[i].Paid = left[i].Paid.Minus(t.Paid)
			if left[i].Quantity == 0 {
				left = slices.Delete(left, i, i+1)
			}
		}
	}
	return left
}

// with returns the lots and some that come on a day: joined to what is left of
// the same.
func (h Holding) with(more []Lot, on calendar.Date) []heldLot {
	lots := slices.Clone(h.lots)
	for _, l := range more {
		if i := indexOf(lots, l.Subscription, l.Subscriber); i >= 0 {
			lots[i].Quantity += l.Quantity
			lots[i].Paid = lots[i].Paid.Plus(l.Paid)
			if on.After(lots[i].since) {
				lots[i].since = on
			}
			continue
		}
		lots = append(lots, heldLot{l, on})
	}
	slices.SortStableFunc(lots, func(a, b heldLot) int { return a.AcquiredOn.Compare(b.AcquiredOn) })
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
