package shares

import (
	"cmp"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// Lot is shares that were subscribed to together, as far as they are held.
type Lot struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber"`  // whose subscription it was
	AcquiredOn   calendar.Date  `json:"acquired_on"` // that they were issued
	Quantity     int64          `json:"quantity"`
	Price        money.Money    `json:"price"`           // of one
	Paid         money.Money    `json:"paid"`            // on all of them
	Called       money.Money    `json:"called,omitzero"` // that must be paid on all of them by now, where that is more than was
	Lost         money.Money    `json:"lost,omitzero"`   // of what was paid, to losses that the members bear
}

// Cost returns the price of all of them.
func (l Lot) Cost() money.Money { return l.Price.Times(l.Quantity) }

// Unpaid returns what was called and is not paid.
func (l Lot) Unpaid() money.Money { return most(l.Called.Minus(l.Paid), money.Money{}) }

// Left returns what is left of what was paid.
func (l Lot) Left() money.Money { return l.Paid.Minus(l.Lost) }

func (l Lot) paidUp() bool { return l.Paid.Minor() == l.Cost().Minor() }

// is reports whether two lots are parts of one.
func (l Lot) is(m Lot) bool {
	return l.Subscription == m.Subscription && l.Subscriber == m.Subscriber && l.AcquiredOn == m.AcquiredOn && l.Price == m.Price
}

// part returns some shares of a lot that is paid up.
func (l Lot) part(quantity int64) Lot {
	if !l.Lost.IsZero() {
		l.Lost = money.New(share(l.Lost.Minor(), quantity, l.Quantity), l.Lost.Currency())
	}
	l.Quantity, l.Paid = quantity, l.Price.Times(quantity)
	return l
}

// most returns the larger of two amounts of one currency.
func most(a, b money.Money) money.Money {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

// heldLot is a lot since it came into a holding.
type heldLot struct {
	Lot
	came   calendar.Date // into the holding
	joined calendar.Date // the last that more of it came
	since  calendar.Date // anything happened to it: it cannot leave before
	left   calendar.Date // the last of its shares did that are gone: what was paid cannot come back before
	// takenBack is what was paid when a payment was reversed, on a day: so much is
	// due again.
	takenBack   money.Money
	takenBackOn calendar.Date
}

// lot returns the index of the lot of a subscription, or -1.
func (h Holding) lot(id SubscriptionID, subscriber domain.PartyID) int {
	return slices.IndexFunc(h.lots, func(l heldLot) bool { return l.Subscription == id && l.Subscriber == subscriber })
}

// take returns the oldest shares, so many of them, in lots. A lot of which only a
// part is paid is taken whole or not at all, since what was paid on it was not
// paid on some of its shares. No lot is taken before the last that happened to it.
func (h Holding) take(quantity int64, on calendar.Date) ([]Lot, error) {
	taken, since, err := h.oldest(quantity)
	if err == nil && on.Before(since) {
		return nil, ErrTooEarly.With("earliest", since)
	}
	return taken, err
}

// takeLate is [Holding.take] of shares that left on a day and are entered to have on
// a later one. What came between is reversed, or it must be reversed first: then late
// is true, and it is on that later day that they leave the books.
func (h Holding) takeLate(party domain.PartyID, quantity int64, on, entered calendar.Date) (taken []Lot, late bool, err error) {
	taken, since, err := h.oldest(quantity)
	if err != nil || !on.Before(since) {
		return taken, false, err
	}
	if entered.Before(since) {
		return nil, false, ErrTooEarly.With("earliest", since)
	}
	for _, l := range h.lots[:len(taken)] {
		if on.Before(l.joined) {
			return nil, false, ErrTooEarly.With("earliest", l.joined)
		}
	}
	if last := h.changed(party, taken, on); last.entry != "" {
		return nil, false, ErrSince.With("entry", last.entry).With("of", last.of).With("on", last.on).With("left", on)
	}
	return taken, true, nil
}

// A change is an entry that changed what was paid on lots, called or lost.
type change struct {
	entry Entry
	of    string
	on    calendar.Date
}

// changed returns the last entry that changed any of the lots after a day and stands.
func (h Holding) changed(party domain.PartyID, lots []Lot, after calendar.Date) (last change) {
	see := func(e change, subscription SubscriptionID, subscriber domain.PartyID) {
		ours := slices.ContainsFunc(lots, func(l Lot) bool { return l.Subscription == subscription && l.Subscriber == subscriber })
		if ours && e.on.After(after) && cmp.Or(e.on.Compare(last.on), cmp.Compare(e.entry, last.entry), cmp.Compare(e.of, last.of)) > 0 {
			last = e
		}
	}
	for reference, p := range h.payments {
		if !p.reversed && p.amount.Minor() != p.credited.Minor() {
			see(change{EntryPayment, reference, p.on}, p.subscription, cmp.Or(p.subscriber, party))
		}
	}
	for id, c := range h.calls {
		for _, l := range c.Lots {
			if !c.reversed {
				see(change{EntryCall, string(id), c.On}, l.Subscription, l.Subscriber)
			}
		}
	}
	for year, c := range h.losses {
		for _, l := range c.Lots {
			if c.reversed.IsZero() {
				see(change{EntryLoss, year.Through.String(), c.On}, l.Subscription, l.Subscriber)
			}
		}
	}
	return last
}

// oldest returns the lots of the oldest shares, so many of them, and the last day on
// which anything happened to one of these.
func (h Holding) oldest(quantity int64) (taken []Lot, since calendar.Date, err error) {
	for _, l := range h.lots {
		if quantity == 0 {
			break
		}
		since = later(since, l.since)
		lot := l.Lot
		if lot.Quantity > quantity {
			if !lot.paidUp() {
				return nil, since, ErrNotPaidUp
			}
			lot = lot.part(quantity)
		}
		taken = append(taken, lot)
		quantity -= lot.Quantity
	}
	return taken, since, nil
}

// leave returns the lots of so many shares that may leave the holding on a day of
// their holder's own will, such that none or enough are left.
func (h Holding) leave(class statutes.Class, quantity int64, on calendar.Date) ([]Lot, error) {
	if err := h.free(quantity); err != nil {
		return nil, err
	}
	if err := within(class, h.Held()+h.Subscribed()-quantity); err != nil {
		return nil, err
	}
	return h.take(quantity, on)
}

// pick returns the lots of which these shares are, as they are held now, or none if
// they are not here any more or have become others.
func (h Holding) pick(shares []Lot, on calendar.Date) (picked []Lot, err error) {
	for _, wanted := range shares {
		i := slices.IndexFunc(h.lots, func(l heldLot) bool { return l.is(wanted) && l.Quantity >= wanted.Quantity })
		if i < 0 {
			return nil, ErrGone
		}
		lot := h.lots[i]
		if on.Before(lot.since) {
			return nil, ErrTooEarly.With("earliest", lot.since)
		}
		if lot.Quantity > wanted.Quantity {
			if !lot.paidUp() {
				return nil, ErrNotPaidUp
			}
			lot.Lot = lot.part(wanted.Quantity)
		}
		picked = append(picked, lot.Lot)
	}
	return picked, nil
}

// joins reports why lots may not come on a day: none is joined to what is left of the
// same before the last that happened to that.
func (h Holding) joins(lots []Lot, on calendar.Date) error {
	for _, lot := range lots {
		if i := slices.IndexFunc(h.lots, func(l heldLot) bool { return l.is(lot) }); i >= 0 && on.Before(h.lots[i].since) {
			return ErrTooEarly.With("earliest", h.lots[i].since)
		}
	}
	return nil
}

// without returns the lots that are left when some have been taken on a day.
func (h Holding) without(taken []Lot, on calendar.Date) []heldLot {
	left := slices.Clone(h.lots)
	for _, t := range taken {
		i := slices.IndexFunc(left, func(l heldLot) bool { return l.is(t) })
		if i < 0 {
			continue
		}
		l := &left[i]
		l.Quantity, l.left = l.Quantity-t.Quantity, later(l.left, on)
		l.Paid, l.Called, l.Lost = l.Paid.Minus(t.Paid), l.Called.Minus(t.Called), l.Lost.Minus(t.Lost)
		if l.Quantity == 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return left
}

// with returns the lots and some that come on a day: joined to what is left of
// the same.
func (h Holding) with(more []Lot, on calendar.Date) []heldLot {
	lots := slices.Clone(h.lots)
	for _, m := range more {
		i := slices.IndexFunc(lots, func(l heldLot) bool { return l.is(m) })
		if i < 0 {
			lots = append(lots, heldLot{Lot: m, came: on, joined: on, since: on})
			continue
		}
		l := &lots[i]
		unpaid := l.Unpaid().Plus(m.Unpaid())
		l.Quantity += m.Quantity
		l.Paid, l.Lost, l.Called = l.Paid.Plus(m.Paid), l.Lost.Plus(m.Lost), money.Money{}
		if unpaid.IsPositive() {
			l.Called = l.Paid.Plus(unpaid)
		}
		if !l.takenBack.IsZero() {
			l.takenBack = l.takenBack.Plus(m.Paid).Plus(m.Unpaid())
		}
		l.joined, l.since = later(l.joined, on), later(l.since, on)
	}
	slices.SortStableFunc(lots, func(a, b heldLot) int { return a.AcquiredOn.Compare(b.AcquiredOn) })
	return lots
}

// touch returns the lots, of which one is changed on a day.
func (h Holding) touch(i int, on calendar.Date, change func(*heldLot)) []heldLot {
	lots := slices.Clone(h.lots)
	change(&lots[i])
	lots[i].since = later(lots[i].since, on)
	if lots[i].paidUp() {
		lots[i].Called, lots[i].takenBack = money.Money{}, money.Money{} // nothing of it is unpaid
	}
	return lots
}

func later(a, b calendar.Date) calendar.Date {
	if a.Before(b) {
		return b
	}
	return a
}
