package payment

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// The rules by which payments say no.
var (
	ErrRecorded      = domain.Refusal{Code: "payment.recorded", Reason: "another payment is recorded under this id: record this one under its own"}
	ErrUnknown       = domain.Refusal{Code: "payment.unknown", Reason: "there is no such payment"}
	ErrNoAmount      = domain.Refusal{Code: "payment.no_amount", Reason: "a payment received is more than nothing"}
	ErrTooMuch       = domain.Refusal{Code: "payment.too_much", Reason: "a payment is of {most} at most: correct the amount"}
	ErrToCome        = domain.Refusal{Code: "payment.to_come", Reason: "it is not {on} yet: record a payment once it has come in"}
	ErrCurrency      = domain.Refusal{Code: "payment.currency", Reason: "payments are recorded in {currency}: record what the bank credited in it"}
	ErrIncomplete    = domain.Refusal{Code: "payment.incomplete", Reason: "a payment has an id, a date and a method, transfer, cash or set-off: {missing} is missing or unknown"}
	ErrCommunication = domain.Refusal{Code: "payment.communication", Reason: "a structured communication has twelve digits of which the last two check the others", Source: "Febelfin OGM-VCS"}
	ErrReversed      = domain.Refusal{Code: "payment.reversed", Reason: "the payment was reversed: record another"}
	ErrTooEarly      = domain.Refusal{Code: "payment.too_early", Reason: "a payment is not reversed before it came in, on {earliest}"}
	ErrMatched       = domain.Refusal{Code: "payment.matched", Reason: "the payment is matched to another payer: unmatch it first"}
)

// most is the most that one payment is of, in minor units: more is a slip of the pen,
// by which sums would overflow.
const most = 1_000_000_000_00

// Record records money that came in, from whomever.
type Record struct {
	Payment       domain.PaymentID
	Payer         domain.PartyID // may be empty, to be matched later
	Amount        money.Money
	On            calendar.Date
	Method        Method
	Reference     string
	Communication domain.Communication
}

// Came refuses that a payment has come in on a day after today.
func Came(on, today calendar.Date) error {
	if on.After(today) {
		return ErrToCome.With("on", on)
	}
	return nil
}

func (c Record) Stream() domain.Stream { return StreamOf(c.Payment) }

func (c Record) Decide(p Payment) ([]event, error) {
	received := Received(c)
	// Whoever reads a statement again may know the payer by now; it is the same payment.
	same, again := p.received, received
	same.Payer, again.Payer = "", ""
	switch {
	case p.exists() && same == again:
		return nil, nil
	case p.exists():
		return nil, ErrRecorded
	case c.missing() != "":
		return nil, ErrIncomplete.With("missing", c.missing())
	case !c.Amount.IsPositive():
		return nil, ErrNoAmount
	case c.Amount.Compare(money.New(most, c.Amount.Currency())) > 0:
		return nil, ErrTooMuch.With("most", money.New(most, c.Amount.Currency()))
	case c.Communication != "" && !c.Communication.Valid():
		return nil, ErrCommunication
	}
	return []event{received}, nil
}

func (c Record) missing() string {
	switch {
	case c.Payment == "":
		return "id"
	case c.On.IsZero():
		return "date"
	case !c.Method.valid():
		return "method"
	}
	return ""
}

// Match says who paid.
type Match struct {
	Payment domain.PaymentID
	Payer   domain.PartyID
	On      calendar.Date
}

func (c Match) Stream() domain.Stream { return StreamOf(c.Payment) }

func (c Match) Decide(p Payment) ([]event, error) {
	switch {
	case !p.exists():
		return nil, ErrUnknown
	case p.reversed:
		return nil, ErrReversed
	case c.Payer == "" || c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "payer or date")
	case p.payer == c.Payer:
		return nil, nil
	case p.payer != "":
		return nil, ErrMatched
	}
	return []event{Matched{c.Payment, c.Payer, p.received.Amount, c.On}}, nil
}

// Unmatch takes back who was said to have paid.
type Unmatch struct {
	Payment domain.PaymentID
	Payer   domain.PartyID // who did not pay it
	On      calendar.Date
}

func (c Unmatch) Stream() domain.Stream { return StreamOf(c.Payment) }

func (c Unmatch) Decide(p Payment) ([]event, error) {
	switch {
	case !p.exists():
		return nil, ErrUnknown
	case p.payer == "" || p.payer != c.Payer:
		return nil, nil // nobody says so any more
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []event{Unmatched{c.Payment, c.Payer, p.received.Amount, c.On}}, nil
}

// Reverse says that a payment is none: the bank took it back, or it should not have
// been recorded. Both stay in the log.
type Reverse struct {
	Payment  domain.PaymentID
	Document string // that shows why: a bank's notice, or a decision
	On       calendar.Date
}

func (c Reverse) Stream() domain.Stream { return StreamOf(c.Payment) }

func (c Reverse) Decide(p Payment) ([]event, error) {
	switch {
	case !p.exists():
		return nil, ErrUnknown
	case p.reversed:
		return nil, nil
	case c.Document == "":
		return nil, ErrIncomplete.With("missing", "document")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.On.Before(p.received.On):
		return nil, ErrTooEarly.With("earliest", p.received.On)
	}
	return []event{Reversed{c.Payment, p.payer, p.received.Amount, c.Document, c.On}}, nil
}
