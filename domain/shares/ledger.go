package shares

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// Account is what an amount is in the books. Their numbers are for whoever keeps
// them: in Belgium contributions are account 110 or, of the classes that the statutes
// name, 111.
type Account string

const (
	Contributions Account = "contributions" // on shares held: what was paid, and what was called
	Receivable    Account = "receivable"    // what was called and is not paid
	Pending       Account = "pending"       // paid on shares that are not issued yet
	Credits       Account = "credits"       // owed back to whoever paid
	Exits         Account = "exits"         // for shares that have left and are not valued yet
	Refunds       Account = "refunds"       // owed for shares that have left
	Dividends     Account = "dividends"     // owed
	TaxWithheld   Account = "tax_withheld"  // of dividends, owed to the tax office
	Bank          Account = "bank"          // money that came or went
	Settled       Account = "settled"       // set off: against bills, or what the co-op owes otherwise
	LossesBorne   Account = "losses_borne"  // by those who hold shares, or held them
	TimeBarred    Account = "time_barred"   // what nobody collected
	Reserves      Account = "reserves"      // given for shares beyond what was paid on them
	Profit        Account = "profit"        // given as dividends
	Between       Account = "between"       // on the way from one stream to another: nothing in the end
)

// Posting is an amount in an account. Debits are more than nothing, credits less; those
// of one event add up to nothing.
type Posting struct {
	On      calendar.Date
	Account Account
	Party   domain.PartyID
	Class   domain.ClassID // none of dividends
	Amount  money.Money
}

// Dates returns the day on which an event of the shares takes effect, and that on
// which it stands in the books.
func Dates(e any) (on, booked calendar.Date) {
	switch e := e.(type) {
	case Subscribed:
		on = e.On
	case SubscriptionWithdrawn:
		on = e.On
	case Paid:
		on = e.On
	case Credited:
		on = e.On
	case CreditUsed:
		on = e.On
	case CreditRefunded:
		on = e.On
	case CreditTimeBarred:
		on = e.On
	case Issued:
		on = e.On
	case Called:
		on = e.On
	case TransferredOut:
		on = e.On
	case TransferredIn:
		on = e.On
	case TransferAgreed:
		on = e.On
	case TransferAwaited:
		on = e.On
	case TransferAbandoned:
		on = e.On
	case ConvertedOut:
		on = e.On
	case ConvertedIn:
		on = e.On
	case RestrictionNoted:
		on = e.On
	case RestrictionLifted:
		on = e.On
	case LossCharged:
		on = e.On
	case Reversed:
		on = e.On
	case Redeemed:
		on = e.On
	case Repaid:
		on = e.On
	case Left:
		on, booked = e.On, e.BookedOn
	case ExitRequested:
		on = e.On
	case ExitAccepted:
		on = e.On
	case ExitWithdrawn:
		on = e.On
	case ExitTookEffect:
		on, booked = e.On, e.BookedOn
	case ExitReversed:
		on = e.On
	case ExitValued:
		on = e.On
	case UnpaidCollected:
		on = e.On
	case UnpaidWaived:
		on = e.On
	case RefundReleased:
		on = e.On
	case RefundSetOff:
		on = e.On
	case RefundPaid:
		on = e.On
	case RefundReturned:
		on = e.On
	case ClaimFreed:
		on = e.On
	case RefundTimeBarred:
		on = e.On
	case ClaimEntryReversed:
		on = e.On
	case DividendAllotted:
		on = e.On
	case DividendPaid:
		on = e.On
	case DividendReturned:
		on = e.On
	case DividendTimeBarred:
		on = e.On
	case PayoutReversed:
		on = e.On
	default:
		panic(fmt.Sprintf("shares: %T is no event of a holding, claim or payout", e))
	}
	if booked.IsZero() {
		booked = on
	}
	return on, booked
}

// Journal returns the postings of everything that happened in one stream, of a
// holding, a claim or a payout, in the order of the days on which they stand in the
// books: so events come, though they may have been recorded otherwise.
func Journal[S Ledger](events []domain.Event[S]) (postings []Posting) {
	for _, of := range Booked(events) {
		postings = append(postings, of...)
	}
	return postings
}

// Booked yields the postings of each event, in the order of [Journal], by its place
// among those given.
func Booked[S Ledger](events []domain.Event[S]) iter.Seq2[int, []Posting] {
	days, order := make([]calendar.Date, len(events)), make([]int, len(events))
	for i, e := range events {
		order[i] = i
		_, days[i] = Dates(e)
	}
	slices.SortStableFunc(order, func(a, b int) int { return days[a].Compare(days[b]) })
	return func(yield func(int, []Posting) bool) {
		var state S
		for _, i := range order {
			if !yield(i, state.Post(events[i])) {
				return
			}
			state = events[i].Evolve(state)
		}
	}
}

// Ledger is a thing that has something in the books: a [Holding], a [Claim] or a
// [Payout].
type Ledger interface {
	// Post returns the postings of an event, given the thing as at the day on which
	// the event stands in the books.
	Post(event any) []Posting
}

func debit(a Account, amount money.Money) Posting { return Posting{Account: a, Amount: amount} }

func credit(a Account, amount money.Money) Posting { return debit(a, amount.Negated()) }

// of returns the postings that are of something, as those of one party and class.
func of(event any, party domain.PartyID, class domain.ClassID, all ...Posting) (postings []Posting) {
	_, on := Dates(event)
	for _, p := range all {
		if !p.Amount.IsZero() {
			postings = append(postings, Posting{on, p.Account, party, class, p.Amount})
		}
	}
	return postings
}

// source is the account that a payment comes out of.
func (m Means) source() Account {
	switch m {
	case BySetOff:
		return Settled
	case ByCredit:
		return Between
	case ByBank:
	}
	return Bank
}

// moved returns the postings for lots that come from another account or, with a sign
// below 0, go there.
func moved(lots []Lot, sign int64, other Account) (postings []Posting) {
	for _, l := range lots {
		left, unpaid := l.Left().Times(sign), l.Unpaid().Times(sign)
		postings = append(postings, debit(other, left), debit(Receivable, unpaid), credit(Contributions, left.Plus(unpaid)))
	}
	return postings
}

// leftOf returns what is left of what was paid on lots.
func leftOf(lots []Lot) (left money.Money) {
	for _, l := range lots {
		left = left.Plus(l.Left())
	}
	return left
}

// worth returns the postings that have an account of what is owed say what shares are
// worth, where it said what was left of what was paid on them.
func worth(owed Account, left, value money.Money) []Posting {
	difference := left.Minus(value)
	if difference.Sign() < 0 {
		return []Posting{debit(Reserves, difference.Negated()), debit(owed, difference)}
	}
	return []Posting{debit(owed, difference), credit(LossesBorne, difference)}
}

// Post is that of [Ledger].
func (h Holding) Post(event any) []Posting {
	switch e := event.(type) {
	case SubscriptionWithdrawn:
		var paid money.Money
		for _, c := range e.Credits {
			paid = paid.Plus(c.Amount)
		}
		return of(e, e.Party, e.Class, debit(Pending, paid), credit(Credits, paid))
	case Paid:
		return of(e, e.Party, e.Class, append(h.paid(e.Subscription, cmp.Or(e.Subscriber, e.Party), e.Amount), debit(e.By.source(), e.Amount))...)
	case Credited:
		return of(e, e.Party, e.Class, debit(e.By.source(), e.Amount), credit(Credits, e.Amount))
	case CreditUsed:
		return of(e, e.Party, e.Class, debit(Credits, e.Amount), credit(Between, e.Amount))
	case CreditRefunded:
		return of(e, e.Party, e.Class, debit(Credits, e.Amount), credit(Bank, e.Amount))
	case CreditTimeBarred:
		return of(e, e.Party, e.Class, debit(Credits, e.Amount), credit(TimeBarred, e.Amount))
	case Issued:
		paid := h.subscriptions[e.Subscription].paid
		return of(e, e.Party, e.Class, debit(Pending, paid), credit(Contributions, paid))
	case Called:
		called := h.called(e.Lots)
		return of(e, e.Party, e.Class, debit(Receivable, called), credit(Contributions, called))
	case LossCharged:
		return of(e, e.Party, e.Class, debit(Contributions, e.Amount), credit(LossesBorne, e.Amount))
	case TransferredOut:
		return of(e, e.Party, e.Class, moved(e.Lots, -1, Between)...)
	case TransferredIn:
		return of(e, e.Party, e.Class, moved(e.Lots, 1, Between)...)
	case ConvertedOut:
		return of(e, e.Party, e.Class, moved(e.Lots, -1, Between)...)
	case ConvertedIn:
		return of(e, e.Party, e.Class, moved(e.Lots, 1, Between)...)
	case Left:
		return of(e, e.Party, e.Class, moved(e.Lots, -1, Between)...)
	case Redeemed:
		return of(e, e.Party, e.Class, append(moved(e.Lots, -1, Refunds), worth(Refunds, leftOf(e.Lots), e.Value)...)...)
	case Repaid:
		return of(e, e.Party, e.Class, debit(Refunds, e.Amount), credit(Bank, e.Amount))
	case Reversed:
		return of(e, e.Party, e.Class, h.reversed(e)...)
	}
	return nil
}

// paid returns the postings for what is paid on shares, but where it comes from: first
// for what was called.
func (h Holding) paid(id SubscriptionID, subscriber domain.PartyID, amount money.Money) []Posting {
	i := h.lot(id, subscriber)
	if i < 0 {
		return []Posting{credit(Pending, amount)}
	}
	called := h.lots[i].Unpaid()
	if called.Compare(amount) > 0 {
		called = amount
	}
	return []Posting{credit(Receivable, called), credit(Contributions, amount.Minus(called))}
}

// called returns what lots are to pay in addition when they are called.
func (h Holding) called(lots []Asked) (more money.Money) {
	for _, a := range lots {
		if i := h.lot(a.Subscription, a.Subscriber); i >= 0 {
			l := h.lots[i]
			more = more.Plus(most(a.UpTo.Minus(most(l.Called, l.Paid)), money.Money{}))
		}
	}
	return more
}

func (h Holding) reversed(e Reversed) []Posting {
	switch e.Entry {
	case EntryPayment:
		p := e.Payment
		to := p.By.source()
		if p.Kept {
			to = Credits
		}
		back := []Posting{credit(to, p.Amount), debit(Credits, p.Credited), credit(p.By.source(), p.Credited)}
		i := h.lot(p.Subscription, cmp.Or(p.Subscriber, e.Party))
		if i < 0 {
			return append(back, debit(Pending, p.Amount))
		}
		was := h.lots[i].Lot
		is := was
		is.Called, is.Paid = most(was.Called, p.Called), was.Paid.Minus(p.Amount)
		due := is.Unpaid().Minus(was.Unpaid())
		return append(back, debit(Receivable, due), debit(Contributions, p.Amount.Minus(due)))
	case EntryIssue:
		return moved(e.Lots, -1, Pending)
	case EntryCall:
		left := h
		left.lots = h.uncalled(CallID(e.Of), e.On)
		unpaid := h.Unpaid().Minus(left.Unpaid())
		return []Posting{debit(Contributions, unpaid), credit(Receivable, unpaid)}
	case EntryLoss:
		var lost money.Money
		for _, l := range e.Losses {
			lost = lost.Plus(l.Amount)
		}
		return []Posting{debit(LossesBorne, lost), credit(Contributions, lost)}
	case EntryCredit:
		return []Posting{debit(Bank, e.Amount), credit(Credits, e.Amount)}
	case EntryTimeBar:
		return []Posting{debit(TimeBarred, e.Amount), credit(Credits, e.Amount)}
	case EntryRepayment:
		return []Posting{debit(Bank, e.Amount), credit(Refunds, e.Amount)}
	case EntryRedemption:
		back := moved(e.Lots, 1, Refunds)
		for _, p := range worth(Refunds, leftOf(e.Lots), e.Amount) {
			back = append(back, credit(p.Account, p.Amount))
		}
		return back
	case EntryTransfer, EntryConversion, EntryExit, EntryPayout:
	}
	if e.Quantity < 0 {
		return moved(e.Lots, -1, Between)
	}
	return moved(e.Lots, 1, Between)
}

// Post is that of [Ledger].
func (c Claim) Post(event any) []Posting {
	switch e := event.(type) {
	case ExitTookEffect:
		return of(e, e.Party, e.Class, debit(Between, e.Left), debit(Receivable, e.Unpaid), credit(Exits, e.Left.Plus(e.Unpaid)))
	case ExitReversed:
		back := []Posting{credit(Between, e.Left), credit(Receivable, e.Unpaid), debit(Exits, e.Left.Plus(e.Unpaid))}
		if c.valued.Claim != "" {
			for _, p := range c.valuation() {
				back = append(back, credit(p.Account, p.Amount))
			}
		}
		return of(e, e.Party, e.Class, back...)
	case ExitValued:
		return of(e, e.Party, e.Class, Claim{valued: e}.valuation()...)
	case UnpaidCollected:
		return of(e, e.Party, e.Class, debit(Bank, e.Amount), credit(Receivable, e.Amount),
			debit(Exits, e.Amount), credit(Refunds, e.Value), credit(LossesBorne, e.Amount.Minus(e.Value)))
	case UnpaidWaived:
		return of(e, e.Party, e.Class, debit(Exits, e.Amount), credit(Receivable, e.Amount))
	case RefundSetOff:
		return of(e, e.Party, e.Class, debit(Refunds, e.Amount), credit(Settled, e.Amount))
	case RefundPaid:
		return of(e, e.Party, e.Class, debit(Refunds, e.Amount), credit(Bank, e.Amount))
	case RefundReturned:
		return of(e, e.Party, e.Class, debit(Bank, e.Amount), credit(Refunds, e.Amount))
	case RefundTimeBarred:
		return of(e, e.Party, e.Class, debit(Refunds, e.Amount), credit(TimeBarred, e.Amount))
	case ClaimEntryReversed:
		return of(e, e.Party, e.Class, c.undo(e)...)
	}
	return nil
}

// undo returns the postings that take an entry of the claim back.
func (c Claim) undo(e ClaimEntryReversed) (back []Posting) {
	switch e.Entry {
	case EntryValuation:
		for _, p := range c.valuation() {
			back = append(back, credit(p.Account, p.Amount))
		}
	case EntryCollection:
		back = []Posting{
			credit(Bank, e.Amount), debit(Receivable, e.Amount), credit(Exits, e.Amount), credit(Refunds, e.Waiting), debit(LossesBorne, e.Amount.Plus(e.Waiting)),
		}
	case EntryWaiver:
		back = []Posting{credit(Exits, e.Amount), debit(Receivable, e.Amount)}
	case EntrySetOff:
		back = []Posting{credit(Refunds, e.Amount), debit(Settled, e.Amount)}
	case EntryBarred:
		back = []Posting{credit(Refunds, e.Amount), debit(TimeBarred, e.Amount)}
	}
	return back
}

// valuation returns the postings for what the shares were found to be worth.
func (c Claim) valuation() []Posting {
	v := c.valued
	return append(worth(Refunds, v.Valuation.Left, v.Value), debit(Exits, v.Valuation.Left), credit(Refunds, v.Valuation.Left))
}

// Post is that of [Ledger].
func (Payout) Post(event any) []Posting {
	switch e := event.(type) {
	case DividendAllotted:
		return of(e, e.Party, "", debit(Profit, e.Gross), credit(TaxWithheld, e.Tax), credit(Dividends, e.Gross.Minus(e.Tax)))
	case DividendPaid:
		return of(e, e.Party, "", debit(Dividends, e.Amount), credit(Bank, e.Amount))
	case DividendReturned:
		return of(e, e.Party, "", debit(Bank, e.Amount), credit(Dividends, e.Amount))
	case DividendTimeBarred:
		return of(e, e.Party, "", debit(Dividends, e.Amount), credit(TimeBarred, e.Amount))
	case PayoutReversed:
		return of(e, e.Party, "", credit(Profit, e.Gross), debit(TaxWithheld, e.Tax), debit(TimeBarred, e.Barred),
			debit(Dividends, e.Gross.Minus(e.Tax).Minus(e.Barred)))
	}
	return nil
}

// Balances are what stands in the accounts that can be read off the register, and off
// what is owed by it; debits are more than nothing, credits less. Accounts in which
// nothing stands are left out.
type Balances map[Account]money.Money

func (b Balances) add(a Account, amount money.Money) {
	if sum := b[a].Plus(amount); sum.IsZero() {
		delete(b, a)
	} else {
		b[a] = sum
	}
}

// Plus adds.
func (b Balances) Plus(c Balances) Balances {
	sum := make(Balances, len(b)+len(c))
	for _, some := range []Balances{b, c} {
		for a, amount := range some {
			sum.add(a, amount)
		}
	}
	return sum
}

// Sum adds up postings.
func Sum(postings []Posting) Balances {
	b := Balances{}
	for _, p := range postings {
		b.add(p.Account, p.Amount)
	}
	return b
}

// Balances returns what stands in the books for a holding.
func (h Holding) Balances() Balances {
	b := Balances{}
	for _, l := range h.lots {
		b.add(Contributions, l.Left().Plus(l.Unpaid()).Negated())
		b.add(Receivable, l.Unpaid())
	}
	for _, s := range h.subscriptions {
		if s.open() {
			b.add(Pending, s.paid.Negated())
		}
	}
	for _, c := range h.credits {
		b.add(Credits, c.Amount.Negated())
	}
	b.add(Refunds, h.owed.Negated())
	return b
}

// Balances returns what stands in the books for a claim.
func (c Claim) Balances() Balances {
	b := Balances{}
	if c.effect.Claim == "" || c.reversed.Claim != "" {
		return b
	}
	b.add(Receivable, c.unpaid)
	b.add(Exits, c.unpaid.Negated())
	if c.valued.Claim == "" {
		b.add(Exits, c.effect.Left.Negated())
	}
	b.add(Refunds, c.Owed().Negated())
	return b
}

// Balances returns what stands in the books for a payout.
func (p Payout) Balances() Balances {
	b := Balances{}
	b.add(Dividends, p.payable.Negated())
	b.add(TaxWithheld, p.allotted.Tax.Negated())
	return b
}

// Contributed returns what is contributed on the shares of each class, as what can be
// distributed and what cannot without changing the statutes: in Belgium accounts 110
// and 111. It is what the holders have paid, less what was lost, and what was called.
func Contributed(s statutes.Statutes, holdings map[domain.ClassID][]Holding) (available, unavailable money.Money) {
	available, unavailable = money.New(0, s.Currency), money.New(0, s.Currency)
	for id, of := range holdings {
		class, _ := s.Class(id)
		for _, h := range of {
			amount := h.Balances()[Contributions].Negated()
			if class.Unavailable {
				unavailable = unavailable.Plus(amount)
			} else {
				available = available.Plus(amount)
			}
		}
	}
	return available, unavailable
}
