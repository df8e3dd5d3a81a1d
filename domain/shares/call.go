package shares

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// The rules about calls.
var (
	ErrCalled = domain.Refusal{Code: "shares.called", Reason: "the call {call} was decided on other terms: use another id"}
	ErrNoCall = domain.Refusal{Code: "shares.no_call", Reason: "no call {call} was decided for these shares"}
)

// CallID identifies a call for what is yet to be paid on shares.
type CallID string

// CallStream returns the stream of a call.
func CallStream(id CallID) domain.Stream { return domain.StreamOf("call", string(id)) }

// Call is what must be known of a call in order to make it to holders.
type Call struct{ decided CallDecided }

// calling is a call that was made to a holder.
type calling struct {
	Called
	reversed bool
}

// Asked is what a lot is asked for by a call.
type Asked struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber"`
	Price        money.Money    `json:"price"`  // of one share
	UpTo         money.Money    `json:"up_to"`  // that must be paid on all of them
	Amount       money.Money    `json:"amount"` // of that which is not paid, and was not called before
}

// Overdue returns what was called, was due before a day and is not paid. Payments
// count for the oldest call first.
func (h Holding) Overdue(on calendar.Date) money.Money {
	unpaid := h.Unpaid()
	for _, c := range h.calls {
		if !c.reversed && !c.DueOn.Before(on) {
			unpaid = unpaid.Minus(c.Amount)
		}
	}
	return most(unpaid, money.Money{})
}

// Voting returns how many shares count for the votes of their holder on a day: not
// those on which a call is overdue, where the statutes suspend their votes.
func (h Holding) Voting(s statutes.Statutes, on calendar.Date) (n int64) {
	overdue := s.Shares.SuspendVotes && h.Overdue(on).IsPositive()
	for _, l := range h.lots {
		if !overdue || l.Unpaid().IsZero() {
			n += l.Quantity
		}
	}
	return n
}

// CallDecided has all holders of a class pay their shares up to an amount.
type CallDecided struct {
	Call            CallID         `json:"call"`
	Class           domain.ClassID `json:"class"`
	UpTo            money.Money    `json:"up_to"` // on each share, with what was paid before
	DueOn           calendar.Date  `json:"due_on"`
	Decision        string         `json:"decision"` // the minutes that have it
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e CallDecided) Evolve(Call) Call { return Call{e} }

// Called asks a holder for what a call wants.
type Called struct {
	Call   CallID         `json:"call"`
	Party  domain.PartyID `json:"party"`
	Class  domain.ClassID `json:"class"`
	Lots   []Asked        `json:"lots"`
	Amount money.Money    `json:"amount"` // on all of them
	DueOn  calendar.Date  `json:"due_on"`
	On     calendar.Date  `json:"on"`
}

func (e Called) Evolve(h Holding) Holding {
	for _, a := range e.Lots {
		if i := h.lot(a.Subscription, a.Subscriber); i >= 0 {
			h.lots = h.touch(i, e.On, func(l *heldLot) { l.Called = most(l.Called, a.UpTo) })
		}
	}
	h.calls = set(h.calls, e.Call, calling{Called: e})
	return h
}

// DecideCall is the board calling for what is yet to be paid on the shares of a
// class.
type DecideCall struct {
	Call     CallID
	Class    domain.ClassID
	UpTo     money.Money // on each share, with what was paid before
	DueOn    calendar.Date
	Decision string
	On       calendar.Date
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c DecideCall) Stream() domain.Stream { return CallStream(c.Call) }

func (c DecideCall) Decide(call Call) ([]domain.Event[Call], error) {
	e := CallDecided{c.Call, c.Class, c.UpTo, c.DueOn, c.Decision, c.On, c.Statutes.Version}
	if was := call.decided; was.Call != "" {
		if e.StatutesVersion = was.StatutesVersion; was == e {
			return nil, nil
		}
		return nil, ErrCalled.With("call", c.Call)
	}
	class, known := c.Statutes.Class(c.Class)
	earliest := c.On.AddDays(c.Statutes.Shares.CallDays)
	switch {
	case c.Call == "":
		return nil, ErrIncomplete.With("missing", "call")
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case !known:
		return nil, ErrNoSuchClass.With("class", c.Class)
	case !c.UpTo.IsPositive():
		return nil, ErrIncomplete.With("missing", "amount")
	case c.UpTo.Currency() != class.Price.Currency():
		return nil, ErrCurrency.With("currency", class.Price.Currency())
	case c.Decision == "":
		return nil, ErrIncomplete.With("missing", "decision")
	case c.DueOn.Before(earliest):
		return nil, ErrTooEarly.With("earliest", earliest)
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	return []domain.Event[Call]{e}, nil
}

// CallShares makes a call to a holder. Who owes nothing by it is asked for nothing.
type CallShares struct {
	Call  CallID
	Party domain.PartyID
	Class domain.ClassID
}

func (c CallShares) Streams() (call, holding domain.Stream) {
	return CallStream(c.Call), StreamOf(c.Party, c.Class)
}

func (c CallShares) Decide(call Call, h Holding) ([]domain.Event[Call], []event, error) {
	d := call.decided
	if d.Call == "" || d.Class != c.Class {
		return nil, nil, ErrNoCall.With("call", c.Call)
	}
	if _, made := h.calls[c.Call]; made {
		return nil, nil, nil
	}
	e := Called{Call: c.Call, Party: c.Party, Class: c.Class, DueOn: d.DueOn, On: d.On}
	for _, l := range h.lots {
		upTo := d.UpTo
		if upTo.Compare(l.Price) > 0 {
			upTo = l.Price
		}
		a := Asked{l.Subscription, l.Subscriber, l.Price, upTo.Times(l.Quantity), money.Money{}}
		a.Amount = a.UpTo.Minus(most(l.Called, l.Paid))
		if !a.Amount.IsPositive() || d.On.Before(l.came) {
			continue
		}
		e.Lots, e.Amount = append(e.Lots, a), e.Amount.Plus(a.Amount)
	}
	if len(e.Lots) == 0 {
		return nil, nil, nil
	}
	return nil, []event{e}, nil
}
