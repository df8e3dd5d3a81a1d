package shares

import (
	"cmp"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// The rules by which the register of shares says no.
var (
	ErrIncomplete    = domain.Refusal{Code: "shares.incomplete", Reason: "{missing} is missing or not what it should be"}
	ErrNoSuchClass   = domain.Refusal{Code: "shares.no_such_class", Reason: "the statutes know no class {class}", Source: "statutes"}
	ErrCurrency      = domain.Refusal{Code: "shares.currency", Reason: "amounts are in {currency}"}
	ErrTooEarly      = domain.Refusal{Code: "shares.too_early", Reason: "it cannot be before {earliest}"}
	ErrClosed        = domain.Refusal{Code: "shares.closed", Reason: "the books are closed through {through}: enter it on a later day, with a reference to what it corrects"}
	ErrBelowMinimum  = domain.Refusal{Code: "shares.below_minimum", Reason: "whoever holds shares of class {class} holds at least {least}", Source: "statutes"}
	ErrAboveMaximum  = domain.Refusal{Code: "shares.above_maximum", Reason: "nobody holds more than {most} shares of class {class}", Source: "statutes"}
	ErrAboveOffer    = domain.Refusal{Code: "shares.above_offer", Reason: "the shares of one party cost {most} at most, those of all classes together: it would be {cost}", Source: "statutes"}
	ErrSubscribed    = domain.Refusal{Code: "shares.subscribed", Reason: "the subscription {subscription} was made on other terms: use another id"}
	ErrNotSubscribed = domain.Refusal{Code: "shares.not_subscribed", Reason: "there is no subscription {subscription}"}
	ErrWithdrawn     = domain.Refusal{Code: "shares.withdrawn", Reason: "the subscription {subscription} was withdrawn"}
	ErrIssued        = domain.Refusal{Code: "shares.issued", Reason: "the shares of the subscription {subscription} are issued: they are given back, or their issue is reversed"}
	ErrOverpaid      = domain.Refusal{Code: "shares.overpaid", Reason: "only {due} is due on the subscription {subscription}"}
	ErrPaid          = domain.Refusal{Code: "shares.paid", Reason: "the payment {reference} was recorded with other particulars"}
	ErrNoCredit      = domain.Refusal{Code: "shares.no_credit", Reason: "only {left} is left of the credit"}
	ErrAccountRests  = domain.Refusal{Code: "shares.account_rests", Reason: "the bank account was changed lately: money goes to it from {from} on"}
	ErrNoLimitation  = domain.Refusal{Code: "shares.no_limitation", Reason: "nothing is time-barred", Source: "statutes"}
	ErrNotBarred     = domain.Refusal{Code: "shares.not_barred", Reason: "it is time-barred from {from} on, not before", Source: "statutes"}
	ErrNotPaid       = domain.Refusal{Code: "shares.not_paid", Reason: "shares are issued when {percent}% of their price is paid: {paid} of {price} is", Source: "statutes"}
	ErrTooFew        = domain.Refusal{Code: "shares.too_few", Reason: "only {held} shares are held"}
	ErrNotFree       = domain.Refusal{Code: "shares.not_free", Reason: "only {free} shares are free: the others are pledged, attached or promised to somebody"}
	ErrNotPaidUp     = domain.Refusal{Code: "shares.not_paid_up", Reason: "shares on which something is yet to be paid are not transferred, nor parted"}
	ErrGone          = domain.Refusal{Code: "shares.gone", Reason: "these shares have passed on or changed since: reverse that first"}
	ErrRedeemed      = domain.Refusal{Code: "shares.redeemed", Reason: "the redemption {redemption} was made on other terms: use another id"}
	ErrAllOrNone     = domain.Refusal{Code: "shares.all_or_none", Reason: "one gives back all of one's shares, or none: {held} are held", Source: "statutes"}
	ErrExitValue     = domain.Refusal{Code: "shares.exit_value", Reason: "at most what was paid on the shares is given for them: {paid}", Source: "statutes"}
	ErrNotOwed       = domain.Refusal{Code: "shares.not_owed", Reason: "only {owed} is owed"}
	ErrRepaid        = domain.Refusal{Code: "shares.repaid", Reason: "the repayment {reference} was recorded with other particulars"}
	ErrEntered       = domain.Refusal{Code: "shares.entered", Reason: "the lot {subscription} was entered with other particulars: correct the row, or give the lot another id"}
)

// maxQuantity is the largest number of shares in one go: far beyond any co-op, and
// small enough that no price times it overflows.
const maxQuantity = 1_000_000_000

// Subscribe is a party promising to take shares at the price of the statutes.
type Subscribe struct {
	Subscription SubscriptionID
	Party        domain.PartyID
	Class        domain.ClassID
	Quantity     int64
	On           calendar.Date
	// Others are the party's holdings of every other class, where the statutes
	// limit what the shares of one party cost. Whoever executes the command loads
	// them in the same transaction, so that none of them grows meanwhile.
	Others   map[domain.ClassID]Holding
	Statutes statutes.Statutes
}

func (c Subscribe) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c Subscribe) Decide(h Holding) ([]event, error) {
	if s, made := h.subscriptions[c.Subscription]; made {
		if was := s.subscribed; was.Quantity == c.Quantity && was.On == c.On {
			return nil, nil
		}
		return nil, ErrSubscribed.With("subscription", c.Subscription)
	}
	if err := given(c.Party, c.Quantity, c.On, c.Statutes.Version, string(c.Subscription), "subscription"); err != nil {
		return nil, err
	}
	class, ok := c.Statutes.Class(c.Class)
	if !ok {
		return nil, ErrNoSuchClass.With("class", c.Class)
	}
	if err := within(class, h.Held()+h.Subscribed()+h.Awaited()+c.Quantity); err != nil {
		return nil, err
	}
	if err := c.withinOffer(h.Cost().Plus(class.Price.Times(c.Quantity))); err != nil {
		return nil, err
	}
	return []event{Subscribed{c.Subscription, c.Party, c.Class, c.Quantity, class.Price, c.On, c.Statutes.Version}}, nil
}

// withinOffer reports whether the shares of the party, which cost so much in this
// class, cost no more in all classes than the statutes let one have.
func (c Subscribe) withinOffer(cost money.Money) error {
	limit := c.Statutes.Shares.MaxContribution
	if limit.IsZero() {
		return nil
	}
	for _, class := range c.Statutes.Shares.Classes {
		if class.ID == c.Class {
			continue
		}
		other, loaded := c.Others[class.ID]
		if !loaded {
			return ErrIncomplete.With("missing", "the holdings of the other classes")
		}
		cost = cost.Plus(other.Cost())
	}
	if cost.Compare(limit) > 0 {
		return ErrAboveOffer.With("most", limit).With("cost", cost)
	}
	return nil
}

// WithdrawSubscription ends a subscription whose shares are not issued: it was taken
// back, its subscriber was not admitted, or it was never paid. What was paid becomes
// a credit of whoever paid it.
type WithdrawSubscription struct {
	Subscription SubscriptionID
	Party        domain.PartyID
	Class        domain.ClassID
	Why          Withdrawal
	On           calendar.Date
	Closed       calendar.Date // the last day of the books that are closed
}

func (c WithdrawSubscription) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c WithdrawSubscription) Decide(h Holding) ([]event, error) {
	s, made := h.subscriptions[c.Subscription]
	earliest := later(s.subscribed.On, later(s.last, s.reversed))
	switch {
	case !made:
		return nil, ErrNotSubscribed.With("subscription", c.Subscription)
	case s.withdrawn.Party != "" && s.withdrawn.Why == c.Why && s.withdrawn.On == c.On:
		return nil, nil
	case s.withdrawn.Party != "":
		return nil, ErrWithdrawn.With("subscription", c.Subscription)
	case s.issued.Party != "":
		return nil, ErrIssued.With("subscription", c.Subscription)
	case !c.Why.Valid():
		return nil, ErrIncomplete.With("missing", "reason")
	case c.On.Before(earliest):
		return nil, ErrTooEarly.With("earliest", earliest)
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	return []event{SubscriptionWithdrawn{c.Subscription, c.Party, c.Class, s.subscribed.Quantity, h.paidBack(c.Subscription, c.Party), c.Why, c.On}}, nil
}

// paidBack returns the credits that become of what was paid on a subscription.
func (h Holding) paidBack(id SubscriptionID, holder domain.PartyID) (credits []Credit) {
	for _, reference := range slices.Sorted(maps.Keys(h.payments)) {
		p := h.payments[reference]
		if paid := p.amount.Minus(p.credited); p.subscription == id && p.subscriber == "" && !p.reversed && paid.IsPositive() {
			credits = append(credits, Credit{Reference: reference, Payer: cmp.Or(p.payer, holder), Amount: paid})
		}
	}
	return credits
}

func given(party domain.PartyID, quantity int64, on calendar.Date, version int, id, called string) error {
	var missing string
	switch {
	case party == "":
		missing = "party"
	case quantity < 1 || quantity > maxQuantity:
		missing = "quantity"
	case on.IsZero():
		missing = "date"
	case id == "":
		missing = called
	case version == 0:
		missing = "the statutes in force"
	default:
		return nil
	}
	return ErrIncomplete.With("missing", missing)
}

// within reports whether a holding of so many shares is within the class's limits.
func within(class statutes.Class, n int64) error {
	most := int64(class.MaxHolding)
	if most == 0 {
		most = maxQuantity
	}
	switch {
	case n > 0 && n < int64(class.MinHolding):
		return ErrBelowMinimum.With("class", class.ID).With("least", class.MinHolding)
	case n > most:
		return ErrAboveMaximum.With("class", class.ID).With("most", most)
	}
	return nil
}

// Issue enters the shares of a subscription in the register. Whether the party
// was admitted is for whoever issues to know.
type Issue struct {
	Subscription SubscriptionID
	Party        domain.PartyID
	Class        domain.ClassID
	On           calendar.Date
	Statutes     statutes.Statutes
	Closed       calendar.Date // the last day of the books that are closed
}

func (c Issue) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c Issue) Decide(h Holding) ([]event, error) {
	s, made := h.subscriptions[c.Subscription]
	price, part := s.subscribed.Price.Times(s.subscribed.Quantity), c.Statutes.Shares.IssueWhenPaid
	switch {
	case !made:
		return nil, ErrNotSubscribed.With("subscription", c.Subscription)
	case s.issued.Party != "":
		return nil, nil
	case s.withdrawn.Party != "":
		return nil, ErrWithdrawn.With("subscription", c.Subscription)
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.On.Before(later(s.subscribed.On, s.reversed)):
		return nil, ErrTooEarly.With("earliest", later(s.subscribed.On, s.reversed))
	case !part.Reached(s.paid.Minor(), price.Minor()):
		return nil, ErrNotPaid.With("percent", decimal.New(part.Floor(10_000), -2)).With("paid", s.paid).With("price", price)
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	return []event{Issued{
		c.Subscription, c.Party, c.Class, s.subscribed.Quantity, s.subscribed.Price, c.On, c.Statutes.Version,
	}}, nil
}

// Redeem gives shares back to the co-op at once, the oldest first, at a value that
// the board fixes by the accounts. Nothing waits in it for a window, a test or
// others: where the statutes ask for that, shares leave by a claim ([RequestExit]).
type Redeem struct {
	Redemption RedemptionID
	Party      domain.PartyID
	Class      domain.ClassID
	Quantity   int64
	Value      money.Money // of all of them; nothing if the losses have eaten it
	On         calendar.Date
	Statutes   statutes.Statutes
}

func (c Redeem) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c Redeem) Decide(h Holding) ([]event, error) {
	if was, made := h.redemptions[c.Redemption]; made {
		if was.Quantity == c.Quantity && was.Value == c.Value && was.On == c.On {
			return nil, nil
		}
		return nil, ErrRedeemed.With("redemption", c.Redemption)
	}
	if err := given(c.Party, c.Quantity, c.On, c.Statutes.Version, string(c.Redemption), "redemption"); err != nil {
		return nil, err
	}
	class, ok := c.Statutes.Class(c.Class)
	if !ok {
		return nil, ErrNoSuchClass.With("class", c.Class)
	}
	lots, err := h.leave(class, c.Quantity, c.On)
	if err != nil {
		return nil, err
	}
	var paid money.Money
	for _, l := range lots {
		paid = paid.Plus(l.Left())
	}
	switch {
	case !c.Statutes.Shares.PartialExit && c.Quantity < h.Held():
		return nil, ErrAllOrNone.With("held", h.Held())
	case c.Value.Sign() < 0:
		return nil, ErrIncomplete.With("missing", "value")
	case c.Value.Currency() != class.Price.Currency() && !c.Value.IsZero():
		return nil, ErrCurrency.With("currency", class.Price.Currency())
	case c.Statutes.Shares.ExitValue == statutes.Paid && c.Value.Minor() > paid.Minor():
		return nil, ErrExitValue.With("paid", paid)
	}
	return []event{Redeemed{c.Redemption, c.Party, c.Class, c.Quantity, lots, c.Value, c.On, c.Statutes.Version}}, nil
}

// Repay records money paid out for shares given back.
type Repay struct {
	Party     domain.PartyID
	Class     domain.ClassID
	Amount    money.Money
	On        calendar.Date
	Reference string
}

func (c Repay) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c Repay) Decide(h Holding) ([]event, error) {
	if was, recorded := h.repayments[c.Reference]; recorded {
		if was == Repaid(c) {
			return nil, nil
		}
		return nil, ErrRepaid.With("reference", c.Reference)
	}
	switch {
	case c.Reference == "":
		return nil, ErrIncomplete.With("missing", "reference")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case !c.Amount.IsPositive():
		return nil, ErrIncomplete.With("missing", "amount")
	case h.owed.IsZero():
		return nil, ErrNotOwed.With("owed", h.owed)
	case c.Amount.Currency() != h.owed.Currency():
		return nil, ErrCurrency.With("currency", h.owed.Currency())
	case c.Amount.Compare(h.owed) > 0:
		return nil, ErrNotOwed.With("owed", h.owed)
	}
	return []event{Repaid(c)}, nil
}

// Enter takes a lot of shares over from an older register, with its day. Entered
// again it changes nothing. It makes no difference what became of the lot since,
// nor whether it is within the limits that hold now.
type Enter struct {
	Subscription SubscriptionID // of the lot: like the number of the register's line
	Party        domain.PartyID
	Class        domain.ClassID
	Quantity     int64
	Price        money.Money // of one share; the zero value is that of the class
	Paid         money.Money // on all of them by then; nothing if nothing was
	On           calendar.Date
	Statutes     statutes.Statutes
}

func (c Enter) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

// reference names what had been paid when a lot was entered.
func (c Enter) reference() string { return "entered " + string(c.Subscription) }

func (c Enter) Decide(h Holding) ([]event, error) {
	if err := given(c.Party, c.Quantity, c.On, c.Statutes.Version, string(c.Subscription), "lot"); err != nil {
		return nil, err
	}
	class, ok := c.Statutes.Class(c.Class)
	price := c.Price
	if price == (money.Money{}) {
		price = class.Price
	}
	switch {
	case !ok:
		return nil, ErrNoSuchClass.With("class", c.Class)
	case !price.IsPositive() || price.Compare(money.New(1_000_000_00, price.Currency())) > 0:
		return nil, ErrIncomplete.With("missing", "price")
	case price.Currency() != class.Price.Currency() || !c.Paid.IsZero() && c.Paid.Currency() != price.Currency():
		return nil, ErrCurrency.With("currency", class.Price.Currency())
	case c.Paid.Sign() < 0:
		return nil, ErrIncomplete.With("missing", "amount paid")
	case c.Paid.Minor() > price.Times(c.Quantity).Minor():
		return nil, ErrOverpaid.With("due", price.Times(c.Quantity)).With("subscription", c.Subscription)
	}
	if s, made := h.subscriptions[c.Subscription]; made {
		// The price of the class may have changed since; the lot's has not.
		samePrice := c.Price == (money.Money{}) || s.subscribed.Price == c.Price
		was := h.payments[c.reference()]
		if s.subscribed.Quantity == c.Quantity && s.subscribed.On == c.On && samePrice && was.amount.Minor() == c.Paid.Minor() {
			return nil, nil
		}
		return nil, ErrEntered.With("subscription", c.Subscription)
	}
	if n := h.Held() + h.Subscribed() + c.Quantity; n > maxQuantity {
		return nil, ErrAboveMaximum.With("class", c.Class).With("most", maxQuantity)
	}
	events := []event{Subscribed{c.Subscription, c.Party, c.Class, c.Quantity, price, c.On, 0}}
	if c.Paid.IsPositive() {
		events = append(events, Paid{
			Subscription: c.Subscription, Party: c.Party, Class: c.Class, Amount: c.Paid, On: c.On, Reference: c.reference(),
		})
	}
	return append(events, Issued{c.Subscription, c.Party, c.Class, c.Quantity, price, c.On, 0}), nil
}
