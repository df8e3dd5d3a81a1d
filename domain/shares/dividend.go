package shares

import (
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// DividendID identifies a dividend, like the year that it is of.
type DividendID string

// DividendStream returns the stream of a dividend.
func DividendStream(id DividendID) domain.Stream { return domain.StreamOf("dividend", string(id)) }

// PayoutStream returns the stream of what a party has of a dividend.
func PayoutStream(id DividendID, party domain.PartyID) domain.Stream {
	return domain.StreamOf("payout", string(id), string(party))
}

// WithholdingStream is the one stream of the tax that is withheld from dividends.
const WithholdingStream domain.Stream = "withholding"

// The rules by which a dividend is refused.
var (
	ErrDividend      = domain.Refusal{Code: "shares.dividend", Reason: "the dividend {dividend} was decided otherwise: use another id"}
	ErrNoDividend    = domain.Refusal{Code: "shares.no_dividend", Reason: "no dividend {dividend} was decided"}
	ErrNoDividends   = domain.Refusal{Code: "shares.no_dividends", Reason: "shares earn no dividend", Source: "statutes"}
	ErrRate          = domain.Refusal{Code: "shares.rate", Reason: "a dividend is at most {percent} % of what is paid up, in a year", Source: "statutes"}
	ErrRefundsFirst  = domain.Refusal{Code: "shares.refunds_first", Reason: "refunds are owed and not paid, {owed} by now: they come before any dividend", Source: "statutes"}
	ErrAllotted      = domain.Refusal{Code: "shares.allotted", Reason: "of the dividend {dividend} something else was allotted"}
	ErrNotPayable    = domain.Refusal{Code: "shares.not_payable", Reason: "only {payable} of the dividend is to be paid out"}
	ErrWithholding   = domain.Refusal{Code: "shares.withholding", Reason: "another rate is withheld from {from} on already"}
	ErrNoWithholding = domain.Refusal{Code: "shares.no_withholding", Reason: "nobody has said what tax is withheld on {on}: set its rate, which may be 0"}
)

// Withholding is what tax is withheld from dividends, by the day on which they are
// payable.
type Withholding struct{ rates []WithholdingSet }

// At returns what is withheld on a day, or a refusal: nobody has said that.
func (w Withholding) At(on calendar.Date) (at WithholdingSet, err error) {
	for _, r := range w.rates {
		if !r.From.After(on) && !r.From.Before(at.From) {
			at = r
		}
	}
	if at.From.IsZero() {
		return at, ErrNoWithholding.With("on", on)
	}
	return at, nil
}

// WithholdingSet sets the rate of the tax from a day on.
type WithholdingSet struct {
	From   calendar.Date   `json:"from"`
	Rate   decimal.Decimal `json:"rate"`            // like 0.3
	Exempt money.Money     `json:"exempt,omitzero"` // of a party's dividend, from which nothing is withheld
	Source string          `json:"source"`          // the law
	On     calendar.Date   `json:"on"`              // that it was entered
}

func (e WithholdingSet) Evolve(w Withholding) Withholding {
	w.rates = append(slices.Clip(w.rates), e)
	return w
}

// tax returns what is withheld from a dividend.
func (e WithholdingSet) tax(gross money.Money) money.Money {
	return most(gross.Minus(e.Exempt), money.New(0, gross.Currency())).TimesRate(e.Rate)
}

// SetWithholding says what tax is withheld from a day on.
type SetWithholding struct {
	From   calendar.Date
	Rate   decimal.Decimal
	Exempt money.Money
	Source string
	On     calendar.Date
}

func (SetWithholding) Stream() domain.Stream { return WithholdingStream }

func (c SetWithholding) Decide(w Withholding) ([]domain.Event[Withholding], error) {
	for _, r := range w.rates {
		if r.From != c.From {
			continue
		}
		if r.Rate.Equal(c.Rate) && r.Exempt.Minor() == c.Exempt.Minor() && r.Source == c.Source {
			return nil, nil
		}
		return nil, ErrWithholding.With("from", c.From)
	}
	switch {
	case c.From.IsZero() || c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	case c.Rate.Sign() < 0 || c.Rate.GreaterThanOrEqual(decimal.NewFromInt(1)):
		return nil, ErrIncomplete.With("missing", "rate")
	case c.Exempt.Sign() < 0:
		return nil, ErrIncomplete.With("missing", "amount")
	case c.Source == "":
		return nil, ErrIncomplete.With("missing", "source")
	}
	return []domain.Event[Withholding]{WithholdingSet(c)}, nil
}

// Earning is what somebody's shares of a class earn a dividend on: what was paid on
// them, on each day of the year that they were held, added up over the days.
type Earning struct {
	Party    domain.PartyID
	Class    domain.ClassID
	PaidDays int64 // in minor units of the currency, times days
	Exempt   bool  // from the tax that is withheld
}

// Earned returns the days for which shares were held, and for which money was paid on
// them and not lost, by the events of their holding: through the day on which they
// leave the co-op, and from that on which they come to a new holder. Shares that
// passed on within the year have earned for both. What was reversed never happened.
func Earned(events []domain.Event[Holding], year calendar.Period) (shareDays, paidDays int64) {
	at := func(e event) calendar.Date {
		on, _ := Dates(e)
		switch e := e.(type) {
		case Left, Redeemed:
			return on.AddDays(1)
		case Reversed:
			if e.Entry == EntryExit {
				return e.EntryOn.AddDays(1)
			}
			return e.EntryOn
		}
		return on
	}
	ordered := slices.Clone(events)
	slices.SortStableFunc(ordered, func(a, b event) int { return at(a).Compare(at(b)) })
	var h Holding
	from := year.From
	end := year.Through.AddDays(1)
	add := func(through calendar.Date) {
		if through.After(end) {
			through = end
		}
		if days := int64(from.DaysUntil(through)); days > 0 {
			var left money.Money
			for _, l := range h.lots {
				left = left.Plus(l.Left())
			}
			shareDays, paidDays, from = shareDays+days*h.Held(), paidDays+days*left.Minor(), through
		}
	}
	for _, e := range ordered {
		add(at(e))
		h = e.Evolve(h)
	}
	add(end)
	return shareDays, paidDays
}

// ClassRate is what shares of a class earn in a year, of what is paid up.
type ClassRate struct {
	Class domain.ClassID  `json:"class"`
	Rate  decimal.Decimal `json:"rate"` // like 0.03
}

// Allotment is what a party has of a dividend.
type Allotment struct {
	Party      domain.PartyID
	Gross, Tax money.Money
}

// Net returns what is paid out.
func (a Allotment) Net() money.Money { return a.Gross.Minus(a.Tax) }

// Allot divides a dividend. What a class earns is rounded once, and divided such that
// no minor unit is lost. Parties come in the order of their first earning; those who
// get nothing are left out.
func Allot(year calendar.Period, rates []ClassRate, earnings []Earning, tax WithholdingSet, currency money.Currency) (allotments []Allotment, total money.Money) {
	index := map[domain.PartyID]int{}
	exempt := map[domain.PartyID]bool{}
	total = money.New(0, currency)
	for _, r := range rates {
		var of []Earning
		var weights []decimal.Decimal
		sum := decimal.Zero
		for _, e := range earnings {
			if e.Class == r.Class && e.PaidDays > 0 {
				of, weights = append(of, e), append(weights, decimal.NewFromInt(e.PaidDays))
				sum = sum.Add(decimal.NewFromInt(e.PaidDays))
			}
		}
		if len(of) == 0 {
			continue
		}
		exact := sum.Mul(r.Rate).DivRound(decimal.NewFromInt(int64(year.Days())), 12).Shift(-currency.Digits())
		gross := money.Round(exact, currency)
		total = total.Plus(gross)
		for i, part := range gross.Allocate(weights...) {
			n, known := index[of[i].Party]
			if !known {
				n = len(allotments)
				index[of[i].Party] = n
				allotments = append(allotments, Allotment{Party: of[i].Party, Gross: money.New(0, currency)})
			}
			allotments[n].Gross = allotments[n].Gross.Plus(part)
			exempt[of[i].Party] = exempt[of[i].Party] || of[i].Exempt
		}
	}
	allotments = slices.DeleteFunc(allotments, func(a Allotment) bool { return a.Gross.IsZero() })
	for i, a := range allotments {
		allotments[i].Tax = money.New(0, currency)
		if !exempt[a.Party] {
			allotments[i].Tax = tax.tax(a.Gross)
		}
	}
	return allotments, total
}

// Dividend is what must be known of a dividend in order to allot it.
type Dividend struct{ decided DividendDecided }

// Decided returns what was decided, and whether anything was.
func (d Dividend) Decided() (DividendDecided, bool) { return d.decided, d.decided.Dividend != "" }

// DividendDecided is the assembly giving a dividend.
type DividendDecided struct {
	Dividend        DividendID      `json:"dividend"`
	Year            calendar.Period `json:"year"` // in which it was earned
	Rates           []ClassRate     `json:"rates"`
	Total           money.Money     `json:"total"`            // of what all parties have
	Budget          BudgetID        `json:"budget,omitempty"` // that it is taken out of
	Decision        string          `json:"decision"`         // the poll or minutes of the assembly
	On              calendar.Date   `json:"on"`
	PayableOn       calendar.Date   `json:"payable_on"`
	Counted         int64           `json:"counted,omitempty"` // the position of the log through which shares were counted: what was entered later is not in the total
	StatutesVersion int             `json:"statutes_version"`
}

func (e DividendDecided) Evolve(Dividend) Dividend { return Dividend{e} }

// DecideDividend records that the assembly gives a dividend.
type DecideDividend struct {
	Dividend  DividendID
	Year      calendar.Period
	Rates     []ClassRate
	Total     money.Money // as [Allot] found it
	Budget    BudgetID    // where the statutes want tests of what is paid out
	Decision  string
	On        calendar.Date
	PayableOn calendar.Date
	Counted   int64 // the position of the log through which shares were counted
	// Claims are all that are open or may become so, loaded in the same transaction.
	Claims   []Claim
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c DecideDividend) Streams() (dividend, budget domain.Stream) {
	return DividendStream(c.Dividend), BudgetStream(c.Budget)
}

func (c DecideDividend) Decide(d Dividend, budget Budget) ([]domain.Event[Dividend], []budgetEvent, error) {
	e := DividendDecided{c.Dividend, c.Year, c.Rates, c.Total, c.Budget, c.Decision, c.On, c.PayableOn, c.Counted, c.Statutes.Version}
	if was := d.decided; was.Dividend != "" {
		if was.Year == e.Year && was.Total == e.Total && was.Budget == e.Budget && was.Decision == e.Decision && was.On == e.On && was.PayableOn == e.PayableOn &&
			slices.EqualFunc(was.Rates, e.Rates, func(a, b ClassRate) bool { return a.Class == b.Class && a.Rate.Equal(b.Rate) }) {
			return nil, nil, nil
		}
		return nil, nil, ErrDividend.With("dividend", c.Dividend)
	}
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	rules := c.Statutes.Shares
	if rules.Dividend.AfterRefunds {
		var owed money.Money
		open := false
		for _, claim := range c.Claims {
			if claim.Open(c.On) {
				owed, open = owed.Plus(claim.Owed()), true
			}
		}
		if open {
			return nil, nil, ErrRefundsFirst.With("owed", owed)
		}
	}
	if c.Budget == "" && rules.Refunds.NetAssetsTest+rules.Refunds.LiquidityTest == "" {
		return []domain.Event[Dividend]{e}, nil, nil
	}
	if err := budget.draw(c.Budget, c.Total, budget.Left(), c.On); err != nil {
		return nil, nil, err
	}
	return []domain.Event[Dividend]{e}, []budgetEvent{BudgetDrawn{Budget: c.Budget, Dividend: c.Dividend, Amount: c.Total, On: c.On}}, nil
}

// check reports what is wrong with the decision itself.
func (c DecideDividend) check() error {
	rules := c.Statutes.Shares.Dividend
	switch {
	case c.Dividend == "":
		return ErrIncomplete.With("missing", "dividend")
	case c.Statutes.Version == 0:
		return ErrIncomplete.With("missing", "the statutes in force")
	case rules.None:
		return ErrNoDividends
	case len(c.Rates) == 0:
		return ErrIncomplete.With("missing", "rate")
	case !c.Total.IsPositive():
		return ErrIncomplete.With("missing", "amount")
	case c.Total.Currency() != c.Statutes.Currency:
		return ErrCurrency.With("currency", c.Statutes.Currency)
	case c.Decision == "":
		return ErrIncomplete.With("missing", "decision")
	case c.Year != c.Statutes.FiscalYear(c.Year.From):
		return ErrIncomplete.With("missing", "year")
	case !c.On.After(c.Year.Through):
		return ErrTooEarly.With("earliest", c.Year.Through.AddDays(1))
	case c.PayableOn.Before(c.On):
		return ErrTooEarly.With("earliest", c.On)
	}
	for i, r := range c.Rates {
		_, known := c.Statutes.Class(r.Class)
		switch {
		case !known:
			return ErrNoSuchClass.With("class", r.Class)
		case !r.Rate.IsPositive() || slices.IndexFunc(c.Rates, func(other ClassRate) bool { return other.Class == r.Class }) != i:
			return ErrIncomplete.With("missing", "rate")
		case !rules.MaxRate.IsZero() && exceeds(r.Rate, rules.MaxRate):
			return ErrRate.With("percent", decimal.New(rules.MaxRate.Floor(10000), -2))
		}
	}
	return open(c.On, c.Closed)
}

// exceeds reports whether a rate is more than a fraction.
func exceeds(rate decimal.Decimal, f statutes.Fraction) bool {
	const scale = 12
	return f.Exceeded(rate.Shift(scale).Ceil().IntPart(), decimal.New(1, scale).IntPart())
}

// Payout is what must be known of what a party has of a dividend.
type Payout struct {
	allotted   DividendAllotted
	payable    money.Money
	since      calendar.Date
	payments   map[string]DividendPaid
	returns    map[string]DividendReturned // by the payment's reference
	timeBarred DividendTimeBarred
	reversals  map[ReversalID]PayoutReversed
	reversed   calendar.Date // the last of them
}

// Payable returns what is to be paid out yet or, less than nothing, was paid beyond what
// the party has after all, and is owed back.
func (p Payout) Payable() money.Money { return p.payable }

// Allotted returns what the party has of the dividend now, and whether it has
// anything.
func (p Payout) Allotted() (DividendAllotted, bool) { return p.allotted, p.allotted.Party != "" }

// BarredFrom is that of [Claim], of what is payable.
func (p Payout) BarredFrom(years int) calendar.Date {
	if years == 0 || !p.payable.IsPositive() {
		return calendar.Date{}
	}
	return barredFrom(p.since, years)
}

type payoutEvent = domain.Event[Payout]

// DividendAllotted gives a party their part of a dividend.
type DividendAllotted struct {
	Dividend  DividendID     `json:"dividend"`
	Party     domain.PartyID `json:"party"`
	Gross     money.Money    `json:"gross"`
	Tax       money.Money    `json:"tax"` // that is withheld of it
	PayableOn calendar.Date  `json:"payable_on"`
	On        calendar.Date  `json:"on"`
}

func (e DividendAllotted) Evolve(p Payout) Payout {
	p.allotted, p.payable, p.since = e, p.payable.Plus(e.Gross.Minus(e.Tax)), later(p.since, e.PayableOn)
	return p
}

// DividendPaid is money paid out.
type DividendPaid struct {
	Dividend  DividendID     `json:"dividend"`
	Party     domain.PartyID `json:"party"`
	To        domain.PartyID `json:"to,omitempty"` // who got it, where that is another, like an heir
	Amount    money.Money    `json:"amount"`
	Reference string         `json:"reference"` // of the payment, which is counted once
	On        calendar.Date  `json:"on"`
}

func (e DividendPaid) Evolve(p Payout) Payout {
	p.payable = p.payable.Minus(e.Amount)
	p.payments = set(p.payments, e.Reference, e)
	return p
}

// DividendReturned is a payment that came back.
type DividendReturned struct {
	Dividend  DividendID     `json:"dividend"`
	Party     domain.PartyID `json:"party"`
	Amount    money.Money    `json:"amount"`
	Reference string         `json:"reference"` // of the payment
	Document  string         `json:"document"`  // of the bank that shows it
	On        calendar.Date  `json:"on"`
}

func (e DividendReturned) Evolve(p Payout) Payout {
	p.payable, p.since = p.payable.Plus(e.Amount), later(p.since, e.On)
	p.returns = set(p.returns, e.Reference, e)
	return p
}

// DividendTimeBarred ends what nobody collected.
type DividendTimeBarred struct {
	Dividend        DividendID     `json:"dividend"`
	Party           domain.PartyID `json:"party"`
	Amount          money.Money    `json:"amount"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e DividendTimeBarred) Evolve(p Payout) Payout {
	p.payable, p.timeBarred = p.payable.Minus(e.Amount), e
	return p
}

// PayoutReversed undoes what was allotted by mistake, like for days after a death that
// was learnt late, or a time-bar. What was paid of it is owed back.
type PayoutReversed struct {
	Dividend DividendID     `json:"dividend"`
	Party    domain.PartyID `json:"party"`
	Reversal ReversalID     `json:"reversal"`
	Gross    money.Money    `json:"gross,omitzero"` // of an allotment
	Tax      money.Money    `json:"tax,omitzero"`
	Barred   money.Money    `json:"barred,omitzero"` // or of a time-bar
	EntryOn  calendar.Date  `json:"entry_on"`        // the day of what is reversed
	Document string         `json:"document"`        // that shows why
	On       calendar.Date  `json:"on"`
}

func (e PayoutReversed) Evolve(p Payout) Payout {
	p.payable = p.payable.Minus(e.Gross.Minus(e.Tax)).Plus(e.Barred)
	if e.Barred.IsZero() {
		p.allotted = DividendAllotted{}
	} else {
		p.timeBarred = DividendTimeBarred{}
	}
	p.since, p.reversed = later(p.since, e.On), later(p.reversed, e.On)
	p.reversals = set(p.reversals, e.Reversal, e)
	return p
}

// AllotDividend gives a party their part of a dividend that was decided ([Allot]), or
// another once that was reversed.
type AllotDividend struct {
	Dividend DividendID
	Allotment
	On     calendar.Date // of an allotment in the place of another; no day: that of the decision
	Closed calendar.Date // the last day of the books that are closed
}

func (c AllotDividend) Streams() (dividend, payout domain.Stream) {
	return DividendStream(c.Dividend), PayoutStream(c.Dividend, c.Party)
}

func (c AllotDividend) Decide(d Dividend, p Payout) ([]domain.Event[Dividend], []payoutEvent, error) {
	if was := p.allotted; was.Party != "" {
		if was.Gross == c.Gross && was.Tax == c.Tax {
			return nil, nil, nil
		}
		return nil, nil, ErrAllotted.With("dividend", c.Dividend)
	}
	decided, known := d.Decided()
	switch {
	case !known:
		return nil, nil, ErrNoDividend.With("dividend", c.Dividend)
	case c.Party == "":
		return nil, nil, ErrIncomplete.With("missing", "party")
	case !c.Gross.IsPositive() || c.Tax.Sign() < 0 || c.Gross.Currency() != decided.Total.Currency() || c.Tax.Minor() > c.Gross.Minor() || c.Gross.Minor() > decided.Total.Minor():
		return nil, nil, ErrIncomplete.With("missing", "amount")
	}
	on := c.On
	if on.IsZero() {
		on = decided.On
	}
	if earliest := later(decided.On, p.reversed); on.Before(earliest) {
		return nil, nil, ErrTooEarly.With("earliest", earliest)
	}
	if err := open(on, c.Closed); err != nil {
		return nil, nil, err
	}
	return nil, []payoutEvent{DividendAllotted{c.Dividend, c.Party, c.Gross, c.Tax, decided.PayableOn, on}}, nil
}

// ReversePayout undoes an allotment, or a time-bar.
type ReversePayout struct {
	Reversal ReversalID
	Dividend DividendID
	Party    domain.PartyID
	Barred   bool // the time-bar, and not the allotment
	Document string
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c ReversePayout) Stream() domain.Stream { return PayoutStream(c.Dividend, c.Party) }

func (c ReversePayout) Decide(p Payout) ([]payoutEvent, error) {
	if was, made := p.reversals[c.Reversal]; made {
		if was.Document == c.Document && was.On == c.On && was.Barred.IsZero() == !c.Barred {
			return nil, nil
		}
		return nil, ErrReversed.With("entry", EntryPayout).With("of", c.Dividend)
	}
	e := PayoutReversed{Dividend: c.Dividend, Party: c.Party, Reversal: c.Reversal, Document: c.Document, On: c.On}
	switch {
	case c.Barred && p.timeBarred.Party != "":
		e.Barred, e.EntryOn = p.timeBarred.Amount, p.timeBarred.On
	case !c.Barred && p.allotted.Party != "" && p.timeBarred.Party == "":
		e.Gross, e.Tax, e.EntryOn = p.allotted.Gross, p.allotted.Tax, p.allotted.On
	default:
		return nil, ErrNoEntry.With("entry", EntryPayout).With("of", c.Dividend)
	}
	if err := reversible(c.Reversal, c.Document, e.EntryOn, c.On, c.Closed); err != nil {
		return nil, err
	}
	return []payoutEvent{e}, nil
}

// PayDividend records money paid out.
type PayDividend struct {
	Dividend   DividendID
	Party      domain.PartyID
	To         domain.PartyID // who gets it; empty: the party
	Amount     money.Money
	Reference  string
	On         calendar.Date
	UsableFrom calendar.Date // the first day on which money may go to that account
	Closed     calendar.Date // the last day of the books that are closed
}

func (c PayDividend) Stream() domain.Stream { return PayoutStream(c.Dividend, c.Party) }

func (c PayDividend) Decide(p Payout) ([]payoutEvent, error) {
	e := DividendPaid{c.Dividend, c.Party, unless(c.To, c.Party), c.Amount, c.Reference, c.On}
	if was, recorded := p.payments[c.Reference]; recorded {
		if was == e {
			return nil, nil
		}
		return nil, ErrDoubleRefund.With("reference", c.Reference)
	}
	if p.allotted.Party == "" {
		return nil, ErrNoDividend.With("dividend", c.Dividend)
	}
	if err := owing(c.Amount, p.payable, ErrNotPayable.With("payable", p.payable)); err != nil {
		return nil, err
	}
	if c.On.Before(p.since) {
		return nil, ErrTooEarly.With("earliest", p.since)
	}
	if err := payOut(c.Reference, c.On, c.UsableFrom, c.Closed); err != nil {
		return nil, err
	}
	return []payoutEvent{e}, nil
}

// ReturnDividend records that a payment came back, from the bank or from the party. It
// is free to be paid out again, as far as the party has it.
type ReturnDividend struct {
	Dividend  DividendID
	Party     domain.PartyID
	Reference string      // of the payment
	Amount    money.Money // of it that came back; nothing: all of it
	Document  string      // of the bank that shows it
	On        calendar.Date
	Closed    calendar.Date // the last day of the books that are closed
}

func (c ReturnDividend) Stream() domain.Stream { return PayoutStream(c.Dividend, c.Party) }

func (c ReturnDividend) Decide(p Payout) ([]payoutEvent, error) {
	was, paid := p.payments[c.Reference]
	amount := c.Amount
	if amount.IsZero() {
		amount = was.Amount
	}
	switch back, returned := p.returns[c.Reference]; {
	case returned && back.On == c.On && back.Document == c.Document && back.Amount == amount:
		return nil, nil
	case returned || !paid || !amount.IsPositive() || amount.Minor() > was.Amount.Minor() || amount.Currency() != was.Amount.Currency():
		return nil, ErrNotReturned.With("reference", c.Reference)
	case c.Document == "":
		return nil, ErrIncomplete.With("missing", "document")
	case c.On.Before(was.On):
		return nil, ErrTooEarly.With("earliest", was.On)
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	return []payoutEvent{DividendReturned{c.Dividend, c.Party, amount, c.Reference, c.Document, c.On}}, nil
}

// TimeBarDividend ends what nobody collected within the statutes' term.
type TimeBarDividend struct {
	Dividend DividendID
	Party    domain.PartyID
	On       calendar.Date
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c TimeBarDividend) Stream() domain.Stream { return PayoutStream(c.Dividend, c.Party) }

func (c TimeBarDividend) Decide(p Payout) ([]payoutEvent, error) {
	switch {
	case p.timeBarred.Party != "" && p.timeBarred.On == c.On:
		return nil, nil
	case p.allotted.Party == "":
		return nil, ErrNoDividend.With("dividend", c.Dividend)
	case !p.payable.IsPositive():
		return nil, ErrNotPayable.With("payable", p.payable)
	}
	if err := barred(p.since, c.On, c.Statutes.Shares.Dividend.Limitation, c.Statutes.Version, c.Closed); err != nil {
		return nil, err
	}
	return []payoutEvent{DividendTimeBarred{c.Dividend, c.Party, p.payable, c.On, c.Statutes.Version}}, nil
}
