package shares

import (
	"cmp"
	"maps"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// Means is how a payment was made.
type Means string

const (
	ByBank   Means = ""        // or in cash: it came from outside
	BySetOff Means = "set_off" // against what the co-op owes the payer otherwise, by a decision
	ByCredit Means = "credit"  // that was kept from an earlier payment
)

// payment is what must be known of a payment in order to count it once.
type payment struct {
	subscription SubscriptionID
	subscriber   domain.PartyID
	payer        domain.PartyID
	by           Means
	amount       money.Money // of all of it
	credited     money.Money // of that, beyond what was due
	on           calendar.Date
	reversed     bool
}

func (p payment) plus(amount, credited money.Money) payment {
	p.amount, p.credited = p.amount.Plus(amount), p.credited.Plus(credited)
	return p
}

// Credit is money that is owed back to whoever paid it, unless they have it used
// for other shares.
type Credit struct {
	Reference string         `json:"reference"` // of the payment
	Payer     domain.PartyID `json:"payer"`
	Amount    money.Money    `json:"amount"` // of it that is left

	since        calendar.Date // the last that happened to it
	barred       bool
	barredAmount money.Money
}

// plus adds to a credit of the same payment.
func (c Credit) plus(to Credit) Credit {
	c.Amount, c.since = c.Amount.Plus(to.Amount), later(c.since, to.since)
	return c
}

// less takes from a credit.
func (c Credit) less(amount money.Money, on calendar.Date) Credit {
	c.Amount, c.since = c.Amount.Minus(amount), later(c.since, on)
	return c
}

// creditUse is what became of some of a credit.
type creditUse struct {
	reference string
	amount    money.Money
	on        calendar.Date
	to        domain.Stream // the holding for whose shares it was used; none if it was paid out
	reversed  bool
}

// Credits returns what is owed back to those who paid it, by the payment's reference.
func (h Holding) Credits() (credits []Credit) {
	for _, reference := range slices.Sorted(maps.Keys(h.credits)) {
		if c := h.credits[reference]; c.Amount.IsPositive() {
			credits = append(credits, c)
		}
	}
	return credits
}

// Paid is money paid on a subscription, whether its shares are issued or not.
type Paid struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber,omitempty"` // where that is another than the holder
	Party        domain.PartyID `json:"party"`
	Class        domain.ClassID `json:"class"`
	Payer        domain.PartyID `json:"payer,omitempty"` // where that is another than the holder
	By           Means          `json:"by,omitempty"`
	Amount       money.Money    `json:"amount"`
	On           calendar.Date  `json:"on"`        // of value
	Reference    string         `json:"reference"` // of the payment, which is counted once
}

func (e Paid) Evolve(h Holding) Holding {
	p := payment{subscription: e.Subscription, subscriber: e.Subscriber, payer: e.Payer, by: e.By, on: e.On, credited: h.payments[e.Reference].credited}
	p.amount = h.payments[e.Reference].amount
	h.payments = set(h.payments, e.Reference, p.plus(e.Amount, money.Money{}))
	if e.Subscriber == "" {
		s := h.subscriptions[e.Subscription]
		s.paid, s.last = s.paid.Plus(e.Amount), later(s.last, e.On)
		h.subscriptions = set(h.subscriptions, e.Subscription, s)
	}
	if i := h.lot(e.Subscription, cmp.Or(e.Subscriber, e.Party)); i >= 0 {
		h.lots = h.touch(i, e.On, func(l *heldLot) { l.Paid = l.Paid.Plus(e.Amount) })
	}
	return h
}

// Credited keeps what was paid beyond what was due.
type Credited struct {
	Reference    string         `json:"reference"` // of the payment
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber,omitempty"` // where that is another than the holder
	Party        domain.PartyID `json:"party"`
	Class        domain.ClassID `json:"class"`
	Payer        domain.PartyID `json:"payer,omitempty"` // where that is another than the holder
	By           Means          `json:"by,omitempty"`
	Amount       money.Money    `json:"amount"`
	On           calendar.Date  `json:"on"` // of value
}

func (e Credited) Evolve(h Holding) Holding {
	p := payment{subscription: e.Subscription, subscriber: e.Subscriber, payer: e.Payer, by: e.By, on: e.On, amount: h.payments[e.Reference].amount}
	h.payments = set(h.payments, e.Reference, p.plus(e.Amount, e.Amount))
	c := Credit{Reference: e.Reference, Payer: cmp.Or(e.Payer, e.Party), Amount: e.Amount, since: e.On}
	h.credits = set(h.credits, e.Reference, c.plus(h.credits[e.Reference]))
	return h
}

// CreditUsed takes from a credit what is paid on other shares: half of an
// assignment.
type CreditUsed struct {
	Assignment   string         `json:"assignment"` // the reference under which it is [Paid]
	Reference    string         `json:"reference"`  // of the payment whose credit it is
	Party        domain.PartyID `json:"party"`
	Class        domain.ClassID `json:"class"`
	Amount       money.Money    `json:"amount"`
	To           domain.PartyID `json:"to"`       // who holds the shares
	ToClass      domain.ClassID `json:"to_class"` // of the shares
	Subscription SubscriptionID `json:"subscription"`
	On           calendar.Date  `json:"on"`
}

func (e CreditUsed) Evolve(h Holding) Holding {
	h.credits = set(h.credits, e.Reference, h.credits[e.Reference].less(e.Amount, e.On))
	h.uses = set(h.uses, e.Assignment, creditUse{e.Reference, e.Amount, e.On, StreamOf(e.To, e.ToClass), false})
	return h
}

// CreditRefunded pays back some of a credit.
type CreditRefunded struct {
	Reference string         `json:"reference"` // of the payment whose credit it is
	Party     domain.PartyID `json:"party"`
	Class     domain.ClassID `json:"class"`
	Payer     domain.PartyID `json:"payer"` // who gets it
	Amount    money.Money    `json:"amount"`
	On        calendar.Date  `json:"on"`
	Payment   string         `json:"payment"` // the reference of that which pays it back
}

func (e CreditRefunded) Evolve(h Holding) Holding {
	h.credits = set(h.credits, e.Reference, h.credits[e.Reference].less(e.Amount, e.On))
	h.uses = set(h.uses, e.Payment, creditUse{reference: e.Reference, amount: e.Amount, on: e.On})
	return h
}

// CreditTimeBarred ends a credit that nobody collected.
type CreditTimeBarred struct {
	Reference       string         `json:"reference"` // of the payment whose credit it is
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Payer           domain.PartyID `json:"payer"`
	Amount          money.Money    `json:"amount"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e CreditTimeBarred) Evolve(h Holding) Holding {
	c := h.credits[e.Reference].less(e.Amount, e.On)
	c.barred, c.barredAmount = true, e.Amount
	h.credits = set(h.credits, e.Reference, c)
	return h
}

// RecordPayment counts money towards a subscription. Whoever paid it, it counts for
// the holder; what becomes a credit is owed to whoever paid.
type RecordPayment struct {
	Subscription SubscriptionID
	Subscriber   domain.PartyID // of the lot, where it came from another; empty: the holder
	Party        domain.PartyID // the holder
	Class        domain.ClassID
	Payer        domain.PartyID // empty: the holder
	By           Means
	Amount       money.Money
	On           calendar.Date
	Reference    string        // of the payment at the bank, or wherever it was made
	KeepRest     bool          // keep what is more than is due as a credit, instead of refusing it
	Closed       calendar.Date // the last day of the books that are closed
}

func (c RecordPayment) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c RecordPayment) Decide(h Holding) ([]event, error) {
	c.Subscriber, c.Payer = unless(c.Subscriber, c.Party), unless(c.Payer, c.Party)
	if p, recorded := h.payments[c.Reference]; recorded {
		p.credited, p.reversed = money.Money{}, false
		if p == (payment{c.Subscription, c.Subscriber, c.Payer, c.By, c.Amount, money.Money{}, c.On, false}) {
			return nil, nil
		}
		return nil, ErrPaid.With("reference", c.Reference)
	}
	if c.By != ByBank && c.By != BySetOff {
		return nil, ErrIncomplete.With("missing", "means of payment")
	}
	due, err := h.payable(c)
	if err != nil {
		return nil, err
	}
	rest := c.Amount.Minus(due)
	if rest.IsPositive() && !c.KeepRest {
		return nil, ErrOverpaid.With("due", due).With("subscription", c.Subscription)
	}
	var events []event
	if paid := c.Amount.Minus(most(rest, money.Money{})); paid.IsPositive() {
		events = append(events, Paid{c.Subscription, c.Subscriber, c.Party, c.Class, c.Payer, c.By, paid, c.On, c.Reference})
	}
	if rest.IsPositive() {
		events = append(events, Credited{c.Reference, c.Subscription, c.Subscriber, c.Party, c.Class, c.Payer, c.By, rest, c.On})
	}
	return events, nil
}

// unless returns a party unless it is another.
func unless(party, other domain.PartyID) domain.PartyID {
	if party == other {
		return ""
	}
	return party
}

// payable returns what can be paid yet on the shares that a payment is for.
func (h Holding) payable(c RecordPayment) (due money.Money, err error) {
	subscriber := cmp.Or(c.Subscriber, c.Party)
	s, made := h.subscriptions[c.Subscription]
	price, earliest := s.subscribed.Price, later(s.subscribed.On, s.reversed)
	i := h.lot(c.Subscription, subscriber)
	if i >= 0 {
		l := h.lots[i]
		price = l.Price
		if l.came != l.AcquiredOn || c.Subscriber != "" {
			earliest = l.came
		}
		earliest = later(earliest, l.takenBackOn)
	}
	switch {
	case i < 0 && (!made || c.Subscriber != ""):
		return due, ErrNotSubscribed.With("subscription", c.Subscription)
	case c.Reference == "":
		return due, ErrIncomplete.With("missing", "reference")
	case !c.Amount.IsPositive():
		return due, ErrIncomplete.With("missing", "amount")
	case c.Amount.Currency() != price.Currency():
		return due, ErrCurrency.With("currency", price.Currency())
	case c.On.Before(earliest):
		return due, ErrTooEarly.With("earliest", earliest)
	}
	return h.due(c.Subscription, subscriber), open(c.On, c.Closed)
}

// AssignCredit uses a credit to pay shares, of the same party or another.
type AssignCredit struct {
	Assignment   string // its id, and the reference of the payment that it becomes
	Party        domain.PartyID
	Class        domain.ClassID
	Reference    string // of the payment whose credit it is
	Amount       money.Money
	To           domain.PartyID // who holds the shares
	ToClass      domain.ClassID
	Subscription SubscriptionID
	Subscriber   domain.PartyID // of the lot, where it came from another; empty: the holder
	On           calendar.Date
	Closed       calendar.Date // the last day of the books that are closed
}

func (c AssignCredit) Streams() (from, to domain.Stream) {
	return StreamOf(c.Party, c.Class), StreamOf(c.To, c.ToClass)
}

func (c AssignCredit) Decide(from, to Holding) ([]event, []event, error) {
	use := creditUse{c.Reference, c.Amount, c.On, StreamOf(c.To, c.ToClass), false}
	if was, made := from.uses[c.Assignment]; made {
		if was == use && to.payments[c.Assignment].subscription == c.Subscription {
			return nil, nil, nil
		}
		return nil, nil, ErrPaid.With("reference", c.Assignment)
	}
	credit, err := from.left(c.Reference, c.Amount, c.On)
	if err != nil {
		return nil, nil, err
	}
	if _, recorded := to.payments[c.Assignment]; recorded {
		return nil, nil, ErrPaid.With("reference", c.Assignment)
	}
	pay := RecordPayment{
		Subscription: c.Subscription, Subscriber: unless(c.Subscriber, c.To), Party: c.To, Class: c.ToClass, Payer: unless(credit.Payer, c.To),
		By: ByCredit, Amount: c.Amount, On: c.On, Reference: c.Assignment, Closed: c.Closed,
	}
	due, err := to.payable(pay)
	switch {
	case err != nil:
		return nil, nil, err
	case c.Amount.Compare(due) > 0:
		return nil, nil, ErrOverpaid.With("due", due).With("subscription", c.Subscription)
	}
	return []event{CreditUsed{c.Assignment, c.Reference, c.Party, c.Class, c.Amount, c.To, c.ToClass, c.Subscription, c.On}},
		[]event{Paid{pay.Subscription, pay.Subscriber, pay.Party, pay.Class, pay.Payer, ByCredit, c.Amount, c.On, c.Assignment}}, nil
}

// left returns a credit of which so much is left on a day.
func (h Holding) left(reference string, amount money.Money, on calendar.Date) (Credit, error) {
	credit := h.credits[reference]
	switch {
	case !amount.IsPositive():
		return credit, ErrIncomplete.With("missing", "amount")
	case credit.Amount.IsZero() || amount.Currency() == credit.Amount.Currency() && amount.Compare(credit.Amount) > 0:
		return credit, ErrNoCredit.With("left", credit.Amount)
	case amount.Currency() != credit.Amount.Currency():
		return credit, ErrCurrency.With("currency", credit.Amount.Currency())
	case on.Before(credit.since):
		return credit, ErrTooEarly.With("earliest", credit.since)
	}
	return credit, nil
}

// RefundCredit pays a credit back to whoever paid it.
type RefundCredit struct {
	Party      domain.PartyID
	Class      domain.ClassID
	Reference  string // of the payment whose credit it is
	Amount     money.Money
	On         calendar.Date
	Payment    string        // the reference of that which pays it back
	UsableFrom calendar.Date // the first day on which money may go to the payer's account
	Closed     calendar.Date // the last day of the books that are closed
}

func (c RefundCredit) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c RefundCredit) Decide(h Holding) ([]event, error) {
	if was, made := h.uses[c.Payment]; made {
		was.reversed = false
		if was == (creditUse{reference: c.Reference, amount: c.Amount, on: c.On}) {
			return nil, nil
		}
		return nil, ErrPaid.With("reference", c.Payment)
	}
	credit, err := h.left(c.Reference, c.Amount, c.On)
	if err == nil {
		err = payOut(c.Payment, c.On, c.UsableFrom, c.Closed)
	}
	if err != nil {
		return nil, err
	}
	return []event{CreditRefunded{c.Reference, c.Party, c.Class, credit.Payer, c.Amount, c.On, c.Payment}}, nil
}

// payOut reports why money may not be paid out on a day.
func payOut(reference string, on, usableFrom, closed calendar.Date) error {
	switch {
	case reference == "":
		return ErrIncomplete.With("missing", "reference")
	case on.Before(usableFrom):
		return ErrAccountRests.With("from", usableFrom)
	}
	return open(on, closed)
}

// TimeBarCredit ends a credit that nobody collected within the statutes' term.
type TimeBarCredit struct {
	Party     domain.PartyID
	Class     domain.ClassID
	Reference string // of the payment whose credit it is
	On        calendar.Date
	Statutes  statutes.Statutes
	Closed    calendar.Date // the last day of the books that are closed
}

func (c TimeBarCredit) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c TimeBarCredit) Decide(h Holding) ([]event, error) {
	credit := h.credits[c.Reference]
	if credit.Amount.IsZero() {
		if credit.barred {
			return nil, nil
		}
		return nil, ErrNoCredit.With("left", credit.Amount)
	}
	if err := barred(credit.since, c.On, c.Statutes.Shares.Refunds.Limitation, c.Statutes.Version, c.Closed); err != nil {
		return nil, err
	}
	return []event{CreditTimeBarred{c.Reference, c.Party, c.Class, credit.Payer, credit.Amount, c.On, c.Statutes.Version}}, nil
}

// barred reports why what could be collected since a day is not time-barred on
// another, by a term in years.
func barred(since, on calendar.Date, years, version int, closed calendar.Date) error {
	from := barredFrom(since, years)
	switch {
	case version == 0:
		return ErrIncomplete.With("missing", "the statutes in force")
	case years == 0:
		return ErrNoLimitation
	case on.Before(from):
		return ErrNotBarred.With("from", from)
	}
	return open(on, closed)
}

func barredFrom(since calendar.Date, years int) calendar.Date {
	return since.AddMonths(12 * years).AddDays(1)
}

// open reports whether the books are open on a day.
func open(on, closed calendar.Date) error {
	switch {
	case on.IsZero():
		return ErrIncomplete.With("missing", "date")
	case !on.After(closed):
		return ErrClosed.With("through", closed)
	}
	return nil
}
