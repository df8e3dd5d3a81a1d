package shares

import (
	"cmp"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// The rules by which a reversal is refused.
var (
	ErrNoEntry  = domain.Refusal{Code: "shares.no_entry", Reason: "there is no {entry} {of} to be reversed"}
	ErrReversed = domain.Refusal{Code: "shares.reversed", Reason: "the {entry} {of} is reversed already, or otherwise"}
)

// Entry is a sort of entry in the register that can be reversed.
type Entry string

const (
	EntryPayment    Entry = "payment"    // by its reference
	EntryCredit     Entry = "credit"     // paid back: by the reference of that
	EntryIssue      Entry = "issue"      // by its subscription
	EntryCall       Entry = "call"       // by its id
	EntryLoss       Entry = "loss"       // by the last day of the year
	EntryTransfer   Entry = "transfer"   // by its id
	EntryConversion Entry = "conversion" // by its id
	EntryExit       Entry = "exit"       // by its claim
	EntryRedemption Entry = "redemption" // by its id
	EntryRepayment  Entry = "repayment"  // by its reference
	EntryTimeBar    Entry = "time_bar"   // of a credit: by the reference of its payment
	EntryPayout     Entry = "payout"     // of a dividend: by its id
)

// Valid makes it a word that is translated.
func (Entry) Valid() bool { return true }

// Reversed undoes an entry that should not have been made. Both stay in the register.
type Reversed struct {
	Reversal ReversalID     `json:"reversal"`
	Entry    Entry          `json:"entry"`
	Of       string         `json:"of"` // what is reversed: its id, reference or last day
	Party    domain.PartyID `json:"party"`
	Class    domain.ClassID `json:"class"`
	Quantity int64          `json:"quantity,omitempty"` // of shares that come back or, below 0, go
	Lots     []Lot          `json:"lots,omitempty"`     // of which they are
	Payment  *PaymentBack   `json:"payment,omitempty"`
	Losses   []LotLoss      `json:"losses,omitempty"` // that are given back
	Credit   string         `json:"credit,omitempty"` // that there is again: the reference of its payment
	Amount   money.Money    `json:"amount,omitzero"`  // of that credit or, where shares were given back without a claim, that is owed no more or again
	Calls    []Asked        `json:"calls,omitempty"`  // what other calls want of the lots
	EntryOn  calendar.Date  `json:"entry_on"`         // the day of what is reversed
	Document string         `json:"document"`         // that shows why, like minutes or a bank's notice
	On       calendar.Date  `json:"on"`
}

// PaymentBack is a payment that is reversed.
type PaymentBack struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber,omitempty"` // where that is another than the holder
	Payer        domain.PartyID `json:"payer,omitempty"`      // where that is another than the holder
	By           Means          `json:"by,omitempty"`
	Amount       money.Money    `json:"amount"`            // of what counted for shares
	Credited     money.Money    `json:"credited,omitzero"` // of what was kept as a credit, and is none any more
	Kept         bool           `json:"kept,omitempty"`    // the money is here, and Amount a credit from now on
	Called       money.Money    `json:"called,omitzero"`   // that is due on the shares from now on, where they are issued
}

func (e Reversed) Evolve(h Holding) Holding {
	h.reversals = set(h.reversals, e.Reversal, Reversed{Reversal: e.Reversal, Entry: e.Entry, Of: e.Of, Document: e.Document, On: e.On})
	switch e.Entry {
	case EntryPayment:
		h = e.payment(h)
	case EntryIssue:
		s := h.subscriptions[SubscriptionID(e.Of)]
		s.issued, s.paid, s.reversed = Issued{}, money.Money{}, later(s.reversed, e.On)
		for _, l := range e.Lots {
			s.paid = s.paid.Plus(l.Paid)
		}
		h.subscriptions = set(h.subscriptions, SubscriptionID(e.Of), s)
	case EntryCall:
		h.lots = h.uncalled(CallID(e.Of), e.On)
		h.calls = set(h.calls, CallID(e.Of), calling{Called: h.calls[CallID(e.Of)].Called, reversed: true})
	case EntryLoss:
		for _, l := range e.Losses {
			h.lots = h.charge(l, e.On, l.Amount.Negated())
		}
		if l, charged := h.lossThrough(e.Of); charged {
			h.losses = set(h.losses, l.Year, charging{l.LossCharged, later(l.reversed, e.On)})
		}
	case EntryTransfer:
		t := h.transfers[TransferID(e.Of)]
		t.reversed = e.Reversal
		h.transfers = set(h.transfers, TransferID(e.Of), t)
	case EntryConversion:
		c := h.conversions[ConversionID(e.Of)]
		c.reversed = e.Reversal
		h.conversions = set(h.conversions, ConversionID(e.Of), c)
	case EntryExit, EntryPayout: // nothing else remembers it here
	case EntryCredit, EntryTimeBar:
		c := h.credits[e.Credit].less(e.Amount.Negated(), e.On)
		c.barred = false
		h.credits = set(h.credits, e.Credit, c)
		if u := h.uses[e.Of]; e.Entry == EntryCredit {
			u.reversed = true
			h.uses = set(h.uses, e.Of, u)
		}
	case EntryRedemption:
		h.owed = h.owed.Minus(e.Amount)
	case EntryRepayment:
		h.owed = h.owed.Plus(e.Amount)
	}
	if e.Quantity < 0 {
		h.lots = h.without(e.Lots, e.On)
	} else if e.Quantity > 0 {
		h.lots = h.with(e.Lots, e.On)
	}
	return h
}

// payment takes back a payment. Where the shares are issued, it is owed from now on.
func (e Reversed) payment(h Holding) Holding {
	p := h.payments[e.Of]
	p.reversed = true
	h.payments = set(h.payments, e.Of, p)
	if e.Payment == nil {
		return h
	}
	back := *e.Payment
	switch {
	case back.Kept:
		c := Credit{Reference: e.Of, Payer: cmp.Or(back.Payer, e.Party), Amount: back.Amount, since: e.On}
		h.credits = set(h.credits, e.Of, c.plus(h.credits[e.Of]))
	case !back.Credited.IsZero():
		h.credits = set(h.credits, e.Of, h.credits[e.Of].less(back.Credited, e.On))
	}
	if back.Subscriber == "" {
		s := h.subscriptions[back.Subscription]
		s.paid, s.last, s.reversed = s.paid.Minus(back.Amount), later(s.last, e.On), later(s.reversed, e.On)
		h.subscriptions = set(h.subscriptions, back.Subscription, s)
	}
	if i := h.lot(back.Subscription, cmp.Or(back.Subscriber, e.Party)); i >= 0 {
		h.lots = h.touch(i, e.On, func(l *heldLot) {
			l.takenBack, l.takenBackOn = most(l.takenBack, back.Called), later(l.takenBackOn, e.On)
			l.Called, l.Paid = most(l.Called, back.Called), l.Paid.Minus(back.Amount)
		})
	}
	return h
}

// ReverseEntry undoes an entry of one holding: a payment that came back from the bank
// or was counted for the wrong shares; an issue, a call, a loss or a redemption made by
// mistake; money paid back that did not arrive.
type ReverseEntry struct {
	Reversal ReversalID
	Entry    Entry
	Of       string // what [Entry] says that it is named by
	Keep     bool   // of a payment: the money is here, and is kept as a credit of who paid it
	Party    domain.PartyID
	Class    domain.ClassID
	Document string
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c ReverseEntry) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c ReverseEntry) Decide(h Holding) ([]event, error) {
	done, err := h.reversal(c.Reversal, c.Entry, c.Of, c.Document, c.On, c.Closed)
	if done || err != nil {
		return nil, err
	}
	e := Reversed{Reversal: c.Reversal, Entry: c.Entry, Of: c.Of, Party: c.Party, Class: c.Class, Document: c.Document, On: c.On}
	switch c.Entry {
	case EntryPayment:
		err = h.reversePayment(&e, c.Keep)
	case EntryIssue:
		err = h.reverseIssue(&e)
	case EntryCall:
		err = h.reverseCall(&e)
	case EntryLoss:
		err = h.reverseLoss(&e)
	case EntryCredit, EntryTimeBar:
		err = h.reverseCredit(&e)
	case EntryRedemption, EntryRepayment:
		err = h.reverseRedemption(&e)
	case EntryTransfer, EntryConversion, EntryExit, EntryPayout: // these have commands of their own
		err = ErrIncomplete.With("missing", "entry")
	default:
		err = ErrIncomplete.With("missing", "entry")
	}
	if err == nil && e.On.Before(e.EntryOn) {
		err = ErrTooEarly.With("earliest", e.EntryOn)
	}
	if err != nil {
		return nil, err
	}
	return []event{e}, nil
}

// reversal reports whether a reversal was made already, or what it lacks.
func (h Holding) reversal(id ReversalID, entry Entry, of, document string, on, closed calendar.Date) (done bool, err error) {
	if was, made := h.reversals[id]; made {
		if was.Entry == entry && was.Of == of && was.Document == document && was.On == on {
			return true, nil
		}
		return false, ErrReversed.With("entry", entry).With("of", of)
	}
	return false, reversible(id, document, calendar.Date{}, on, closed)
}

// reversible says what a reversal lacks, of an entry of a day: it is not before that, and in
// books that are open.
func reversible(id ReversalID, document string, entered, on, closed calendar.Date) error {
	switch {
	case id == "":
		return ErrIncomplete.With("missing", "reversal")
	case document == "":
		return ErrIncomplete.With("missing", "document")
	case on.Before(entered):
		return ErrTooEarly.With("earliest", entered)
	}
	return open(on, closed)
}

// undone reports whether an entry is reversed.
func (h Holding) undone(entry Entry, of string) bool {
	for _, r := range h.reversals {
		if r.Entry == entry && r.Of == of {
			return true
		}
	}
	return false
}

func (h Holding) reversePayment(e *Reversed, keep bool) error {
	p, recorded := h.payments[e.Of]
	switch {
	case !recorded:
		return ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	case p.reversed:
		return ErrReversed.With("entry", e.Entry).With("of", e.Of)
	}
	back := PaymentBack{
		Subscription: p.subscription, Subscriber: p.subscriber, Payer: p.payer, By: p.by,
		Amount: p.amount.Minus(p.credited), Credited: p.credited, Kept: keep || p.by == ByCredit,
	}
	s := h.subscriptions[p.subscription]
	own := p.subscriber == ""
	if own && s.withdrawn.Party != "" { // all of it is a credit already
		back.Amount, back.Credited = money.New(0, p.amount.Currency()), p.amount
	}
	if back.Kept {
		back.Credited = money.Money{}
	}
	credit := h.credits[e.Of]
	switch {
	case credit.Amount.Minor() < back.Credited.Minor():
		return ErrNoCredit.With("left", credit.Amount)
	case e.On.Before(credit.since):
		return ErrTooEarly.With("earliest", credit.since)
	case own && e.On.Before(s.reversed):
		return ErrTooEarly.With("earliest", s.reversed)
	}
	if i := h.lot(p.subscription, cmp.Or(p.subscriber, e.Party)); i >= 0 {
		switch l := h.lots[i]; {
		case l.Left().Minor() < back.Amount.Minor():
			return ErrGone
		case e.On.Before(later(l.since, l.left)):
			return ErrTooEarly.With("earliest", later(l.since, l.left))
		default:
			back.Called = most(l.Called, l.Paid)
		}
	} else if back.Amount.IsPositive() && !(own && s.open()) {
		return ErrGone
	}
	e.Payment, e.EntryOn = &back, p.on
	return nil
}

func (h Holding) reverseIssue(e *Reversed) error {
	s := h.subscriptions[SubscriptionID(e.Of)]
	if s.issued.Party == "" {
		return ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	}
	i := h.lot(SubscriptionID(e.Of), e.Party)
	if i < 0 || h.lots[i].Quantity != s.issued.Quantity || h.lots[i].AcquiredOn != s.issued.On || !h.lots[i].Lost.IsZero() || !h.lots[i].Called.IsZero() {
		return ErrGone
	}
	if e.On.Before(h.lots[i].since) {
		return ErrTooEarly.With("earliest", h.lots[i].since)
	}
	if err := h.free(s.issued.Quantity); err != nil {
		return err
	}
	e.Quantity, e.Lots, e.EntryOn = -s.issued.Quantity, []Lot{h.lots[i].Lot}, s.issued.On
	return nil
}

func (h Holding) reverseCall(e *Reversed) error {
	c, made := h.calls[CallID(e.Of)]
	switch {
	case !made:
		return ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	case c.reversed:
		return ErrReversed.With("entry", e.Entry).With("of", e.Of)
	}
	left := h.uncalled(c.Call, e.On)
	for _, a := range c.Lots {
		i := h.lot(a.Subscription, a.Subscriber)
		if i < 0 {
			return ErrGone
		}
		if e.On.Before(h.lots[i].since) {
			return ErrTooEarly.With("earliest", h.lots[i].since)
		}
		e.Calls = append(e.Calls, Asked{a.Subscription, a.Subscriber, a.Price, left[i].Called, left[i].Unpaid()})
	}
	e.EntryOn = c.On
	return nil
}

// uncalled returns the lots, those of a call called up to what the others want.
func (h Holding) uncalled(id CallID, on calendar.Date) []heldLot {
	for _, a := range h.calls[id].Lots {
		i := h.lot(a.Subscription, a.Subscriber)
		if i < 0 {
			continue
		}
		upTo := h.lots[i].takenBack
		for _, other := range h.calls {
			for _, b := range other.Lots {
				if other.Call != id && !other.reversed && b.Subscription == a.Subscription && b.Subscriber == a.Subscriber {
					upTo = most(upTo, b.UpTo)
				}
			}
		}
		h.lots = h.touch(i, on, func(l *heldLot) { l.Called = upTo })
	}
	return h.lots
}

// lossThrough returns the loss that was charged for the year that ended on a day. Of
// two such years, which accounts in earnest never have, it is the longer one, or the
// one of which the loss still stands.
func (h Holding) lossThrough(last string) (loss charging, charged bool) {
	for year, c := range h.losses {
		if year.Through.String() != last {
			continue
		}
		stands, other := c.reversed.IsZero(), loss.reversed.IsZero()
		if !charged || stands && !other || stands == other && year.From.Before(loss.Year.From) {
			loss, charged = c, true
		}
	}
	return loss, charged
}

func (h Holding) reverseLoss(e *Reversed) error {
	c, charged := h.lossThrough(e.Of)
	if !charged {
		return ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	}
	if !c.reversed.IsZero() {
		return ErrReversed.With("entry", e.Entry).With("of", e.Of)
	}
	for _, l := range c.Lots {
		i := slices.IndexFunc(h.lots, func(m heldLot) bool {
			return m.Subscription == l.Subscription && m.Subscriber == l.Subscriber && m.Price == l.Price && m.Lost.Minor() >= l.Amount.Minor()
		})
		if i < 0 {
			return ErrGone
		}
		if e.On.Before(h.lots[i].since) {
			return ErrTooEarly.With("earliest", h.lots[i].since)
		}
	}
	e.Losses, e.EntryOn = c.Lots, c.On
	return nil
}

// reverseCredit has a credit be there again that was paid back or time-barred.
func (h Holding) reverseCredit(e *Reversed) error {
	e.Credit, e.Amount, e.EntryOn = e.Of, h.credits[e.Of].barredAmount, h.credits[e.Of].since
	known := h.credits[e.Of].barred
	if e.Entry == EntryCredit {
		u := h.uses[e.Of]
		e.Credit, e.Amount, e.EntryOn = u.reference, u.amount, u.on
		if known = u.reference != "" && u.to == ""; known && u.reversed {
			return ErrReversed.With("entry", e.Entry).With("of", e.Of)
		}
	}
	switch since := h.credits[e.Credit].since; {
	case !known:
		return ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	case e.On.Before(since):
		return ErrTooEarly.With("earliest", since)
	}
	return nil
}

// reverseRedemption undoes that shares were given back without a claim, or that they
// were paid for.
func (h Holding) reverseRedemption(e *Reversed) error {
	repaid, paid := h.repayments[e.Of]
	redeemed, gone := h.redemptions[RedemptionID(e.Of)]
	switch {
	case h.undone(e.Entry, e.Of):
		return ErrReversed.With("entry", e.Entry).With("of", e.Of)
	case e.Entry == EntryRepayment && paid:
		e.Amount, e.EntryOn = repaid.Amount, repaid.On
	case e.Entry == EntryRedemption && gone:
		if redeemed.Value.Minor() > h.owed.Minor() {
			return ErrNotOwed.With("owed", h.owed)
		}
		if err := h.joins(redeemed.Lots, e.On); err != nil {
			return err
		}
		e.Amount, e.EntryOn, e.Quantity, e.Lots = redeemed.Value, redeemed.On, redeemed.Quantity, redeemed.Lots
	default:
		return ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	}
	return nil
}

// ReverseTransfer gives shares back to whoever transferred them.
type ReverseTransfer struct {
	Reversal ReversalID
	Transfer TransferID
	From, To domain.PartyID // as they were transferred
	Class    domain.ClassID
	Document string
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c ReverseTransfer) Streams() (from, to domain.Stream) {
	return StreamOf(c.From, c.Class), StreamOf(c.To, c.Class)
}

func (c ReverseTransfer) Decide(from, to Holding) ([]event, []event, error) {
	of := string(c.Transfer)
	done, err := from.reversal(c.Reversal, EntryTransfer, of, c.Document, c.On, c.Closed)
	if done || err != nil {
		return nil, nil, err
	}
	t, made := from.transfers[c.Transfer]
	switch {
	case !made || t.agreed || t.why != "" || t.quantity > 0 || t.other != c.To:
		return nil, nil, ErrNoEntry.With("entry", EntryTransfer).With("of", of)
	case t.reversed != "":
		return nil, nil, ErrReversed.With("entry", EntryTransfer).With("of", of)
	}
	lots, err := c.back(to, -t.quantity, t.lots)
	if err != nil {
		return nil, nil, err
	}
	if err := from.joins(lots, c.On); err != nil {
		return nil, nil, err
	}
	e := Reversed{Reversal: c.Reversal, Entry: EntryTransfer, Of: of, Class: c.Class, Lots: lots, EntryOn: t.on, Document: c.Document, On: c.On}
	giver, receiver := e, e
	giver.Party, giver.Quantity = c.From, -t.quantity
	receiver.Party, receiver.Quantity = c.To, t.quantity
	return []event{giver}, []event{receiver}, nil
}

func (c ReverseTransfer) back(to Holding, quantity int64, lots []Lot) ([]Lot, error) {
	if err := to.free(quantity); err != nil {
		return nil, err
	}
	return to.pick(lots, c.On)
}

// ReverseConversion changes shares back into those that they were made of.
type ReverseConversion struct {
	Reversal   ReversalID
	Conversion ConversionID
	Party      domain.PartyID
	Class, To  domain.ClassID // as they were converted
	Document   string
	On         calendar.Date
	Closed     calendar.Date // the last day of the books that are closed
}

func (c ReverseConversion) Streams() (from, to domain.Stream) {
	return StreamOf(c.Party, c.Class), StreamOf(c.Party, c.To)
}

func (c ReverseConversion) Decide(from, to Holding) ([]event, []event, error) {
	of := string(c.Conversion)
	done, err := from.reversal(c.Reversal, EntryConversion, of, c.Document, c.On, c.Closed)
	if done || err != nil {
		return nil, nil, err
	}
	was, made := from.conversions[c.Conversion]
	now := to.conversions[c.Conversion]
	switch {
	case !made || was.quantity > 0 || was.other != c.To || now.quantity <= 0:
		return nil, nil, ErrNoEntry.With("entry", EntryConversion).With("of", of)
	case was.reversed != "":
		return nil, nil, ErrReversed.With("entry", EntryConversion).With("of", of)
	}
	if err := to.free(now.quantity); err != nil {
		return nil, nil, err
	}
	lots, err := to.pick(now.lots, c.On)
	if err != nil {
		return nil, nil, err
	}
	if !slices.EqualFunc(lots, now.lots, func(a, b Lot) bool { return a.Paid.Minor() == b.Paid.Minor() && a.Lost.Minor() == b.Lost.Minor() }) {
		return nil, nil, ErrGone
	}
	if err := from.joins(was.lots, c.On); err != nil {
		return nil, nil, err
	}
	e := Reversed{Reversal: c.Reversal, Entry: EntryConversion, Of: of, Party: c.Party, EntryOn: was.on, Document: c.Document, On: c.On}
	back, gone := e, e
	back.Class, back.Quantity, back.Lots = c.Class, -was.quantity, was.lots
	gone.Class, gone.Quantity, gone.Lots = c.To, -now.quantity, lots
	return []event{back}, []event{gone}, nil
}
