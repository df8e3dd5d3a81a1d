package shares

import (
	"slices"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// AccountsStream is the one stream of the approved annual accounts.
const AccountsStream domain.Stream = "accounts"

// The rules about annual accounts.
var (
	ErrApproved        = domain.Refusal{Code: "shares.approved", Reason: "the accounts of {year} were approved with other figures: what was wrong is corrected in the year that is open"}
	ErrYearOrder       = domain.Refusal{Code: "shares.year_order", Reason: "the next accounts to be approved are those from {from} on, a whole fiscal year"}
	ErrAccountsMissing = domain.Refusal{Code: "shares.accounts_missing", Reason: "the accounts that value the shares are not approved yet: {year}", Source: "statutes"}
	ErrCharged         = domain.Refusal{Code: "shares.charged", Reason: "the loss of {year} was charged otherwise"}
)

// Accounts are all annual accounts that were approved, as far as shares need them.
type Accounts struct{ years []AccountsApproved }

// ClosedThrough returns the last day of the books that are closed, or no day.
func (a Accounts) ClosedThrough() calendar.Date {
	if len(a.years) == 0 {
		return calendar.Date{}
	}
	return a.years[len(a.years)-1].Year.Through
}

// Years returns all of them, oldest first.
func (a Accounts) Years() []AccountsApproved { return slices.Clone(a.years) }

// Last returns the accounts approved last by a day, and whether there are any.
func (a Accounts) Last(on calendar.Date) (AccountsApproved, bool) {
	for _, y := range slices.Backward(a.years) {
		if !y.On.After(on) {
			return y, true
		}
	}
	return AccountsApproved{}, false
}

// Of returns the accounts of a fiscal year if they were approved by a day.
func (a Accounts) Of(year calendar.Period, on calendar.Date) (AccountsApproved, bool) {
	for _, y := range a.years {
		if y.Year == year && !y.On.After(on) {
			return y, true
		}
	}
	return AccountsApproved{}, false
}

// Holder is who holds shares of a class.
type Holder struct {
	Party domain.PartyID
	Class domain.ClassID
}

// ClassShares is how many shares of a class there were, and what one was issued at.
type ClassShares struct {
	Class    domain.ClassID `json:"class"`
	Quantity int64          `json:"quantity"`
	Price    money.Money    `json:"price"`
}

// AccountsApproved closes a fiscal year.
type AccountsApproved struct {
	Year            calendar.Period `json:"year"`
	NetAssets       money.Money     `json:"net_assets"`    // less than nothing if debts are more
	Loss            money.Money     `json:"loss,omitzero"` // of the year, that the members bear
	Shares          []ClassShares   `json:"shares"`        // at the end of the year, those included that leave then
	Decision        string          `json:"decision"`      // the minutes of the assembly
	On              calendar.Date   `json:"on"`
	StatutesVersion int             `json:"statutes_version"`
}

func (e AccountsApproved) Evolve(a Accounts) Accounts {
	a.years = append(slices.Clip(a.years), e)
	return a
}

// part returns the part of an amount that shares of a class have, rounded down:
// equal for all shares of the class and, between classes, in proportion to their
// prices. Of less than nothing it is nothing.
func (e AccountsApproved) part(of money.Money, class domain.ClassID, quantity int64) money.Money {
	var all, one int64
	for _, s := range e.Shares {
		all += s.Price.Minor() * s.Quantity
		if s.Class == class {
			one = s.Price.Minor()
		}
	}
	if of.Sign() <= 0 {
		return money.New(0, of.Currency())
	}
	return money.New(share(of.Minor(), one*quantity, all), of.Currency())
}

// PerShare returns the net assets of one share of a class.
func (e AccountsApproved) PerShare(class domain.ClassID) money.Money {
	return e.part(e.NetAssets, class, 1)
}

// ApproveAccounts records that the assembly has approved the accounts of a fiscal
// year. From then on nothing is entered in that year.
type ApproveAccounts struct {
	Year      calendar.Period
	NetAssets money.Money
	Loss      money.Money              // that the members bear; nothing if reserves do
	Issued    map[domain.ClassID]int64 // at the end of the year, those included that leave then
	Decision  string
	On        calendar.Date
	Statutes  statutes.Statutes
}

func (ApproveAccounts) Stream() domain.Stream { return AccountsStream }

func (c ApproveAccounts) Decide(a Accounts) ([]domain.Event[Accounts], error) {
	e := AccountsApproved{Year: c.Year, NetAssets: c.NetAssets, Loss: c.Loss, Decision: c.Decision, On: c.On, StatutesVersion: c.Statutes.Version}
	for _, class := range c.Statutes.Shares.Classes {
		if n := c.Issued[class.ID]; n > 0 {
			e.Shares = append(e.Shares, ClassShares{class.ID, n, class.Price})
		}
	}
	for _, y := range a.years {
		if y.Year != c.Year {
			continue
		}
		if y.NetAssets == e.NetAssets && y.Loss.Minor() == e.Loss.Minor() && y.Decision == e.Decision && y.On == e.On && slices.Equal(y.Shares, e.Shares) {
			return nil, nil
		}
		return nil, ErrApproved.With("year", c.Year)
	}
	currency := c.Statutes.Currency
	switch last := a.ClosedThrough(); {
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case !last.IsZero() && c.Year.From != last.AddDays(1):
		return nil, ErrYearOrder.With("from", last.AddDays(1))
	case c.Statutes.FiscalYear(c.Year.From) != c.Year:
		return nil, ErrYearOrder.With("from", c.Statutes.FiscalYear(c.Year.From).From)
	case !c.On.After(c.Year.Through):
		return nil, ErrTooEarly.With("earliest", c.Year.Through.AddDays(1))
	case c.Decision == "":
		return nil, ErrIncomplete.With("missing", "decision")
	case c.NetAssets == money.Money{} || len(e.Shares) == 0:
		return nil, ErrIncomplete.With("missing", "figures")
	case c.NetAssets.Currency() != currency || !c.Loss.IsZero() && c.Loss.Currency() != currency:
		return nil, ErrCurrency.With("currency", currency)
	case c.Loss.Sign() < 0:
		return nil, ErrIncomplete.With("missing", "loss")
	}
	return []domain.Event[Accounts]{e}, nil
}

// LotLoss is what a lot bears of a loss.
type LotLoss struct {
	Subscription SubscriptionID `json:"subscription"`
	Subscriber   domain.PartyID `json:"subscriber"`
	Price        money.Money    `json:"price"` // of one share
	Amount       money.Money    `json:"amount"`
}

// LossCharged takes a part of a year's loss off what was paid on shares.
type LossCharged struct {
	Party  domain.PartyID  `json:"party"`
	Class  domain.ClassID  `json:"class"`
	Year   calendar.Period `json:"year"`
	Lots   []LotLoss       `json:"lots"`
	Amount money.Money     `json:"amount"` // of all of them
	On     calendar.Date   `json:"on"`
}

func (e LossCharged) Evolve(h Holding) Holding {
	for _, l := range e.Lots {
		h.lots = h.charge(l, e.On, l.Amount)
	}
	h.losses = set(h.losses, e.Year, charging{LossCharged: e})
	return h
}

// Charged reports whether the loss of a year was ever charged, reversed or not.
func (h Holding) Charged(year calendar.Period) bool {
	_, charged := h.losses[year]
	return charged
}

// charging is a loss that was charged, and the day on which that was reversed.
type charging struct {
	LossCharged
	reversed calendar.Date
}

// charge adds to the loss of a lot.
func (h Holding) charge(loss LotLoss, on calendar.Date, amount money.Money) []heldLot {
	i := slices.IndexFunc(h.lots, func(l heldLot) bool {
		return l.Subscription == loss.Subscription && l.Subscriber == loss.Subscriber && l.Price == loss.Price
	})
	if i < 0 {
		return h.lots
	}
	return h.touch(i, on, func(l *heldLot) { l.Lost = l.Lost.Plus(amount) })
}

// ChargeLoss has the shares of a holder bear their part of a year's loss: those that
// were issued by the end of that year. What is left of them never falls below nothing.
type ChargeLoss struct {
	Party    domain.PartyID
	Class    domain.ClassID
	Accounts AccountsApproved
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c ChargeLoss) Stream() domain.Stream { return StreamOf(c.Party, c.Class) }

func (c ChargeLoss) Decide(h Holding) ([]event, error) {
	year := c.Accounts.Year
	was, charged := h.losses[year]
	if charged && was.reversed.IsZero() {
		if was.On == c.On {
			return nil, nil
		}
		return nil, ErrCharged.With("year", year)
	}
	switch {
	case c.On.Before(was.reversed):
		return nil, ErrTooEarly.With("earliest", was.reversed)
	case c.Accounts.Decision == "":
		return nil, ErrAccountsMissing.With("year", year)
	case c.On.Before(c.Accounts.On):
		return nil, ErrTooEarly.With("earliest", c.Accounts.On)
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	e := LossCharged{Party: c.Party, Class: c.Class, Year: year, On: c.On}
	for _, l := range h.lots {
		loss := c.Accounts.part(c.Accounts.Loss, c.Class, l.Quantity)
		if left := l.Left(); loss.Minor() > left.Minor() {
			loss = left
		}
		if l.AcquiredOn.After(year.Through) || !loss.IsPositive() {
			continue
		}
		if c.On.Before(l.since) {
			return nil, ErrTooEarly.With("earliest", l.since)
		}
		e.Lots, e.Amount = append(e.Lots, LotLoss{l.Subscription, l.Subscriber, l.Price, loss}), e.Amount.Plus(loss)
	}
	if len(e.Lots) == 0 {
		return nil, nil
	}
	return []event{e}, nil
}
