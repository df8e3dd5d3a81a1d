package shares

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// conversion is one side of a change of class.
type conversion struct {
	other    domain.ClassID
	asked    int64
	quantity int64 // less than 0 where the shares went away
	on       calendar.Date
	lots     []Lot
	reversed ReversalID
}

// ConvertedOut takes shares from the class that they were of: half of a conversion.
type ConvertedOut struct {
	Conversion      ConversionID   `json:"conversion"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	To              domain.ClassID `json:"to"`
	Asked           int64          `json:"asked"`
	Quantity        int64          `json:"quantity"` // that are changed; the rest of those asked for stays as it is
	Lots            []Lot          `json:"lots"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e ConvertedOut) Evolve(h Holding) Holding {
	h.lots = h.without(e.Lots, e.On)
	h.conversions = set(h.conversions, e.Conversion, conversion{other: e.To, asked: e.Asked, quantity: -e.Quantity, on: e.On, lots: e.Lots})
	return h
}

// ConvertedIn adds what becomes of them: the other half. What was paid on the shares
// is what was paid on these; they keep the days and the subscriptions that they
// come of.
type ConvertedIn struct {
	Conversion      ConversionID   `json:"conversion"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	From            domain.ClassID `json:"from"`
	Quantity        int64          `json:"quantity"`
	Lots            []Lot          `json:"lots"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e ConvertedIn) Evolve(h Holding) Holding {
	h.lots = h.with(e.Lots, e.On)
	h.conversions = set(h.conversions, e.Conversion, conversion{other: e.From, quantity: e.Quantity, on: e.On, lots: e.Lots})
	return h
}

// Convert changes shares of one class into those of another, as many of those asked
// for as the ratio of the statutes lets, the oldest first.
type Convert struct {
	Conversion ConversionID
	Party      domain.PartyID
	Class, To  domain.ClassID
	Quantity   int64 // at most
	On         calendar.Date
	Needed     int64 // shares of the class that services need to back them
	Statutes   statutes.Statutes
	Closed     calendar.Date // the last day of the books that are closed
}

func (c Convert) Streams() (from, to domain.Stream) {
	return StreamOf(c.Party, c.Class), StreamOf(c.Party, c.To)
}

func (c Convert) Decide(from, to Holding) ([]event, []event, error) {
	if was, made := from.conversions[c.Conversion]; made {
		if was.other == c.To && was.asked == c.Quantity && was.on == c.On {
			return nil, nil, nil
		}
		return nil, nil, ErrConverted.With("conversion", c.Conversion)
	}
	if err := given(c.Party, c.Quantity, c.On, c.Statutes.Version, string(c.Conversion), "conversion"); err != nil {
		return nil, nil, err
	}
	class, known := c.Statutes.Class(c.Class)
	target, alsoKnown := c.Statutes.Class(c.To)
	ratio, may := class.Conversion(c.To)
	_, other := to.conversions[c.Conversion]
	take, give := int64(ratio.Take), int64(ratio.Give)
	switch {
	case !known:
		return nil, nil, ErrNoSuchClass.With("class", c.Class)
	case !alsoKnown:
		return nil, nil, ErrNoSuchClass.With("class", c.To)
	case !may:
		return nil, nil, ErrNoConversion.With("class", c.Class).With("to", c.To)
	case other:
		return nil, nil, ErrConverted.With("conversion", c.Conversion) // from another class
	case c.Quantity < take:
		return nil, nil, ErrRatio.With("class", c.Class).With("take", take).With("quantity", c.Quantity)
	}
	times := c.Quantity / take
	lots, err := c.taken(from, class, times*take)
	if err != nil {
		return nil, nil, err
	}
	if err := within(target, to.Held()+to.Subscribed()+to.Awaited()+times*give); err != nil {
		return nil, nil, err
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, nil, err
	}
	made := changed(lots, take, give)
	if err := to.joins(made, c.On); err != nil {
		return nil, nil, err
	}
	v := c.Statutes.Version
	return []event{ConvertedOut{c.Conversion, c.Party, c.Class, c.To, c.Quantity, times * take, lots, c.On, v}},
		[]event{ConvertedIn{c.Conversion, c.Party, c.To, c.Class, times * give, made, c.On, v}}, nil
}

// taken returns the lots of the shares that are changed. A remainder that the ratio
// leaves of all of them may be less than the least one holds.
func (c Convert) taken(from Holding, class statutes.Class, quantity int64) ([]Lot, error) {
	if err := from.free(quantity); err != nil {
		return nil, err
	}
	if err := within(class, from.Held()+from.Subscribed()-quantity); err != nil && c.Quantity < from.Held() {
		return nil, err
	}
	if err := from.backs(c.Needed, quantity); err != nil {
		return nil, err
	}
	lots, err := from.take(quantity, c.On)
	if err != nil {
		return nil, err
	}
	for _, l := range lots {
		if !l.paidUp() {
			return nil, ErrNotPaidUp
		}
	}
	return lots, nil
}

// changed returns what becomes of lots that are paid up when so many of their shares
// are taken for so many that are given. A new share that is made of two lots is of
// the younger. What was paid, and lost, is the same on all of them to the minor unit;
// where it does not divide among the shares of a lot, some cost one more than others.
func changed(lots []Lot, take, give int64) (made []Lot) {
	var taken, given int64             // so far
	var keptPaid, keptLost money.Money // of shares taken for one that is not given yet
	for _, l := range lots {
		taken += l.Quantity
		n := taken*give/take - given
		given += n
		paid, lost := keptPaid.Plus(l.Paid), keptLost.Plus(l.Lost)
		if n == 0 {
			keptPaid, keptLost = paid, lost
			continue
		}
		over := taken * give % take // shares of this lot, times give
		keptPaid = money.New(share(l.Price.Minor(), over, give), l.Price.Currency())
		keptLost = money.New(share(l.Lost.Minor(), keptPaid.Minor(), l.Paid.Minor()), l.Price.Currency())
		paid, lost = paid.Minus(keptPaid), lost.Minus(keptLost)
		made = append(made, spread(l, n, paid, lost)...)
	}
	return made
}

// spread returns so many shares made of a lot, on which so much was paid and lost:
// one lot, or two where it does not divide.
func spread(l Lot, n int64, paid, lost money.Money) (made []Lot) {
	price, dearer := paid.Minor()/n, paid.Minor()%n
	left := lost
	for _, part := range []struct{ n, price int64 }{{n - dearer, price}, {dearer, price + 1}} {
		if part.n == 0 {
			continue
		}
		m := l
		m.Quantity, m.Price, m.Lost = part.n, money.New(part.price, l.Price.Currency()), left
		m.Paid = m.Cost()
		if part.price == price { // what does not divide is of the others, if there are any
			m.Lost = money.New(share(lost.Minor(), m.Paid.Minor(), paid.Minor()), l.Price.Currency())
		}
		if left = left.Minus(m.Lost); m.Lost.IsZero() {
			m.Lost = money.Money{}
		}
		made = append(made, m)
	}
	return made
}
