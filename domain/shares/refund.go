package shares

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
)

// BudgetID identifies what was certified to be free for refunds and dividends.
type BudgetID string

// BudgetStream returns the stream of a budget.
func BudgetStream(id BudgetID) domain.Stream { return domain.StreamOf("budget", string(id)) }

// The rules by which a refund is refused.
var (
	ErrBudget       = domain.Refusal{Code: "shares.budget", Reason: "the budget {budget} was certified with other figures: use another id"}
	ErrNoBudget     = domain.Refusal{Code: "shares.no_budget", Reason: "no budget {budget} is certified: no money leaves without", Source: "statutes"}
	ErrBudgetSpent  = domain.Refusal{Code: "shares.budget_spent", Reason: "only {left} is left of the budget"}
	ErrBudgetOver   = domain.Refusal{Code: "shares.budget_over", Reason: "the budget held through {through}: certify another", Source: "statutes"}
	ErrTestMissing  = domain.Refusal{Code: "shares.test_missing", Reason: "the figures of the {test} test are missing, or who certified them: it is for the {by}", Source: "statutes"}
	ErrTestFailed   = domain.Refusal{Code: "shares.test_failed", Reason: "the {test} test lets {most} be paid out at most"}
	ErrMinimum      = domain.Refusal{Code: "shares.minimum", Reason: "contributions do not fall below the least that there must be: {most} more can be refunded by this budget", Source: "statutes"}
	ErrNotWaiting   = domain.Refusal{Code: "shares.not_waiting", Reason: "only {waiting} waits to be released"}
	ErrNotReleased  = domain.Refusal{Code: "shares.not_released", Reason: "only {released} is released to be paid out"}
	ErrNoSetOff     = domain.Refusal{Code: "shares.no_set_off", Reason: "bills are not set off", Source: "statutes"}
	ErrClaimBound   = domain.Refusal{Code: "shares.claim_bound", Reason: "the shares were pledged or attached: it is paid to the creditor, or freed first"}
	ErrNotReturned  = domain.Refusal{Code: "shares.not_returned", Reason: "no payment {reference} was made that could come back"}
	ErrDoubleRefund = domain.Refusal{Code: "shares.refunded", Reason: "the payment {reference} was recorded with other particulars: use another reference"}
)

// Test is one of the two that money must pass before it leaves.
type Test string

const (
	NetAssetsTest Test = "net_assets" // nothing leaves that would bring the net assets below what is unavailable
	LiquidityTest Test = "liquidity"  // nothing leaves that debts of the next twelve months need
)

// Valid makes it a word that is translated.
func (Test) Valid() bool { return true }

// Certified is who has certified figures.
type Certified struct {
	By       statutes.Body `json:"by"`
	On       calendar.Date `json:"on"`
	Document string        `json:"document"` // the minutes or report
}

// NetAssets are the figures of the first test (in Belgium CSA 6:115).
type NetAssets struct {
	At          calendar.Date `json:"at"` // the day that they are of: of the last approved accounts, or newer
	Assets      money.Money   `json:"assets"`
	Provisions  money.Money   `json:"provisions"`
	Debts       money.Money   `json:"debts"`
	Unamortised money.Money   `json:"unamortised"` // costs of foundation, research and development that are still assets
	Unavailable money.Money   `json:"unavailable"` // contributions and reserves that cannot be distributed
	Certified   Certified     `json:"certified"`
}

// Free returns how much may leave.
func (n NetAssets) Free() money.Money {
	return n.Assets.Minus(n.Provisions).Minus(n.Debts).Minus(n.Unamortised).Minus(n.Unavailable)
}

// Liquidity are the figures of the second test (in Belgium CSA 6:116).
type Liquidity struct {
	At        calendar.Date `json:"at"` // the day from which the twelve months run
	Cash      money.Money   `json:"cash"`
	Inflows   money.Money   `json:"inflows"`  // that can be reckoned with
	Outflows  money.Money   `json:"outflows"` // as debts fall due
	Certified Certified     `json:"certified"`
}

// Free returns how much may leave.
func (l Liquidity) Free() money.Money { return l.Cash.Plus(l.Inflows).Minus(l.Outflows) }

// Budget is what must be known of money that is free to leave.
type Budget struct {
	certified BudgetCertified
	drawn     money.Money
	refunds   money.Money // of that, for refunds
}

// Certified reports whether there is such a budget.
func (b Budget) Certified() bool { return b.certified.Budget != "" }

// Left returns what is left of it.
func (b Budget) Left() money.Money { return b.certified.Amount.Minus(b.drawn) }

// LeftForRefunds returns what of that may go to refunds.
func (b Budget) LeftForRefunds() money.Money {
	left := b.Left()
	if r := b.certified.Refunds.Minus(b.refunds); r.Compare(left) < 0 {
		left = r
	}
	return left
}

// draw reports why so much may not be drawn on a day.
func (b Budget) draw(id BudgetID, amount, left money.Money, on calendar.Date) error {
	switch c := b.certified; {
	case c.Budget == "":
		return ErrNoBudget.With("budget", id)
	case on.Before(c.On):
		return ErrTooEarly.With("earliest", c.On)
	case !c.Through.IsZero() && on.After(c.Through):
		return ErrBudgetOver.With("through", c.Through)
	case amount.Compare(left) > 0:
		return ErrBudgetSpent.With("left", left)
	}
	return nil
}

type budgetEvent = domain.Event[Budget]

// BudgetCertified frees money for refunds and dividends.
type BudgetCertified struct {
	Budget          BudgetID      `json:"budget"`
	Amount          money.Money   `json:"amount"`
	Refunds         money.Money   `json:"refunds"` // of that, at most
	NetAssets       NetAssets     `json:"net_assets,omitzero"`
	Liquidity       Liquidity     `json:"liquidity,omitzero"`
	Decision        string        `json:"decision"`
	On              calendar.Date `json:"on"`
	Through         calendar.Date `json:"through,omitzero"` // on which it holds for the last time
	StatutesVersion int           `json:"statutes_version"`
}

func (e BudgetCertified) Evolve(b Budget) Budget {
	b.certified = e
	return b
}

// BudgetDrawn takes something out of a budget.
type BudgetDrawn struct {
	Budget   BudgetID      `json:"budget"`
	Claim    ClaimID       `json:"claim,omitempty"`    // that it is released for
	Dividend DividendID    `json:"dividend,omitempty"` // or that is decided
	Amount   money.Money   `json:"amount"`
	On       calendar.Date `json:"on"`
}

func (e BudgetDrawn) Evolve(b Budget) Budget {
	b.drawn = b.drawn.Plus(e.Amount)
	if e.Claim != "" {
		b.refunds = b.refunds.Plus(e.Amount)
	}
	return b
}

// RefundReleased lets something that is owed be paid out.
type RefundReleased struct {
	Claim  ClaimID        `json:"claim"`
	Party  domain.PartyID `json:"party"`
	Class  domain.ClassID `json:"class"`
	Budget BudgetID       `json:"budget"`
	Amount money.Money    `json:"amount"`
	On     calendar.Date  `json:"on"`
}

func (e RefundReleased) Evolve(c Claim) Claim {
	c.waiting, c.released, c.since = c.waiting.Minus(e.Amount), c.released.Plus(e.Amount), e.On
	c.releases, c.last = set(c.releases, e.Budget, e), later(c.last, e.On)
	return c
}

// RefundSetOff pays open bills with what is owed.
type RefundSetOff struct {
	Claim    ClaimID        `json:"claim"`
	Party    domain.PartyID `json:"party"`
	Class    domain.ClassID `json:"class"`
	Amount   money.Money    `json:"amount"`
	Waiting  money.Money    `json:"waiting"` // of that, what was not released
	Bills    []string       `json:"bills"`   // their numbers
	Decision string         `json:"decision"`
	On       calendar.Date  `json:"on"`
}

func (e RefundSetOff) Evolve(c Claim) Claim {
	c.waiting, c.released = c.waiting.Minus(e.Waiting), c.released.Minus(e.Amount.Minus(e.Waiting))
	c.setOffs, c.last = set(c.setOffs, e.Decision, e), later(c.last, e.On)
	return c
}

// RefundPaid is money paid out for shares that have left.
type RefundPaid struct {
	Claim     ClaimID        `json:"claim"`
	Party     domain.PartyID `json:"party"`
	Class     domain.ClassID `json:"class"`
	To        domain.PartyID `json:"to,omitempty"` // who got it, where that is another: an heir, a liquidator, a creditor
	Amount    money.Money    `json:"amount"`
	Reference string         `json:"reference"` // of the payment, which is counted once
	On        calendar.Date  `json:"on"`
}

func (e RefundPaid) Evolve(c Claim) Claim {
	c.released = c.released.Minus(e.Amount)
	c.payments, c.last = set(c.payments, e.Reference, e), later(c.last, e.On)
	return c
}

// RefundReturned is a payment that came back.
type RefundReturned struct {
	Claim     ClaimID        `json:"claim"`
	Party     domain.PartyID `json:"party"`
	Class     domain.ClassID `json:"class"`
	Amount    money.Money    `json:"amount"`
	Reference string         `json:"reference"` // of the payment
	Document  string         `json:"document"`  // of the bank that shows it
	On        calendar.Date  `json:"on"`
}

func (e RefundReturned) Evolve(c Claim) Claim {
	c.released, c.since = c.released.Plus(e.Amount), e.On
	c.returns, c.last = set(c.returns, e.Reference, e), later(c.last, e.On)
	return c
}

// ClaimFreed says that a pledge or attachment does not hold any more.
type ClaimFreed struct {
	Claim       ClaimID        `json:"claim"`
	Party       domain.PartyID `json:"party"`
	Restriction RestrictionID  `json:"restriction"`
	Document    string         `json:"document"`
	On          calendar.Date  `json:"on"`
}

func (e ClaimFreed) Evolve(c Claim) Claim {
	c.freed = set(c.freed, e.Restriction, e)
	return c
}

// RefundTimeBarred ends what was released and nobody collected.
type RefundTimeBarred struct {
	Claim           ClaimID        `json:"claim"`
	Party           domain.PartyID `json:"party"`
	Class           domain.ClassID `json:"class"`
	Amount          money.Money    `json:"amount"`
	On              calendar.Date  `json:"on"`
	StatutesVersion int            `json:"statutes_version"`
}

func (e RefundTimeBarred) Evolve(c Claim) Claim {
	c.released, c.timeBarred, c.last = c.released.Minus(e.Amount), e, later(c.last, e.On)
	return c
}

// ClaimEntry is a sort of entry of a claim that can be reversed.
type ClaimEntry string

const (
	EntryValuation  ClaimEntry = "valuation"  // the only one
	EntryCollection ClaimEntry = "collection" // of what was unpaid: by its reference
	EntryWaiver     ClaimEntry = "waiver"     // the only one
	EntrySetOff     ClaimEntry = "set_off"    // by its decision
	EntryBarred     ClaimEntry = "time_bar"   // the only one
)

// Valid makes it a word that is translated.
func (ClaimEntry) Valid() bool { return true }

// ClaimEntryReversed undoes an entry of a claim that should not have been made. Both stay.
type ClaimEntryReversed struct {
	Claim    ClaimID        `json:"claim"`
	Party    domain.PartyID `json:"party"`
	Class    domain.ClassID `json:"class"`
	Reversal ReversalID     `json:"reversal"`
	Entry    ClaimEntry     `json:"entry"`
	Of       string         `json:"of,omitempty"`
	Amount   money.Money    `json:"amount"`            // of the entry
	Waiting  money.Money    `json:"waiting,omitzero"`  // by how much more waits or, less than nothing, less
	Released money.Money    `json:"released,omitzero"` // the same of what can be paid out
	Unpaid   money.Money    `json:"unpaid,omitzero"`   // the same of what the leaver owes
	EntryOn  calendar.Date  `json:"entry_on"`          // the day of what is reversed
	Document string         `json:"document"`          // that shows why
	On       calendar.Date  `json:"on"`
}

func (e ClaimEntryReversed) Evolve(c Claim) Claim {
	c.waiting, c.released, c.unpaid = c.waiting.Plus(e.Waiting), c.released.Plus(e.Released), c.unpaid.Plus(e.Unpaid)
	switch e.Entry {
	case EntryValuation:
		c.valued = ExitValued{}
	case EntryCollection:
		c.valued.Left, c.valued.Value = c.valued.Left.Minus(e.Amount), c.valued.Value.Plus(e.Waiting)
	case EntryWaiver:
		c.waived = UnpaidWaived{}
	case EntryBarred:
		c.timeBarred, c.since = RefundTimeBarred{}, e.On
	case EntrySetOff:
	}
	c.reversals = set(c.reversals, e.Reversal, e)
	c.last, c.corrected = later(c.last, e.On), later(c.corrected, e.On)
	return c
}

// CertifyBudget frees money for refunds and dividends, as far as the two tests of the
// statutes let it leave. Where the statutes want no test, it is a decision on an
// amount.
type CertifyBudget struct {
	Budget    BudgetID
	Amount    money.Money
	NetAssets NetAssets // where the statutes want the test
	Liquidity Liquidity // where the statutes want the test
	// Contributed is what is contributed now, what is owed for shares that have left
	// included, and Highest the most that it ever was, where the statutes say what it
	// must not fall below.
	Contributed, Highest money.Money
	Decision             string
	On                   calendar.Date
	Statutes             statutes.Statutes
}

func (c CertifyBudget) Stream() domain.Stream { return BudgetStream(c.Budget) }

func (c CertifyBudget) Decide(b Budget) ([]budgetEvent, error) {
	if was := b.certified; was.Budget != "" {
		if was.Amount == c.Amount && was.NetAssets == c.NetAssets && was.Liquidity == c.Liquidity && was.Decision == c.Decision && was.On == c.On {
			return nil, nil
		}
		return nil, ErrBudget.With("budget", c.Budget)
	}
	rules := c.Statutes.Shares.Refunds
	switch {
	case c.Budget == "":
		return nil, ErrIncomplete.With("missing", "budget")
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case !c.Amount.IsPositive():
		return nil, ErrIncomplete.With("missing", "amount")
	case c.Amount.Currency() != c.Statutes.Currency:
		return nil, ErrCurrency.With("currency", c.Statutes.Currency)
	case c.Decision == "":
		return nil, ErrIncomplete.With("missing", "decision")
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	e := BudgetCertified{Budget: c.Budget, Amount: c.Amount, Refunds: c.Amount, Decision: c.Decision, On: c.On, StatutesVersion: c.Statutes.Version}
	oldest := c.On
	if rules.NetAssetsTest != "" {
		n := c.NetAssets
		if err := c.test(NetAssetsTest, rules.NetAssetsTest, n.At, n.Certified, n.Free()); err != nil {
			return nil, err
		}
		e.NetAssets, oldest = n, earlier(oldest, n.At)
	}
	if rules.LiquidityTest != "" {
		l := c.Liquidity
		if err := c.test(LiquidityTest, rules.LiquidityTest, l.At, l.Certified, l.Free()); err != nil {
			return nil, err
		}
		e.Liquidity, oldest = l, earlier(oldest, l.At)
	}
	if rules.TestDays > 0 {
		if e.Through = oldest.AddDays(rules.TestDays); e.Through.Before(c.On) {
			return nil, ErrBudgetOver.With("through", e.Through)
		}
	}
	var err error
	if e.Refunds, err = c.aboveMinimum(rules); err != nil {
		return nil, err
	}
	return []budgetEvent{e}, nil
}

func earlier(a, b calendar.Date) calendar.Date {
	if b.Before(a) {
		return b
	}
	return a
}

// test reports why a test does not let the amount leave.
func (c CertifyBudget) test(t Test, by statutes.Body, at calendar.Date, is Certified, free money.Money) error {
	switch {
	case is.By != by || is.Document == "" || is.On.IsZero() || at.IsZero() || is.On.After(c.On) || at.After(c.On):
		return ErrTestMissing.With("test", t).With("by", by)
	case free.Currency() != c.Amount.Currency() && !free.IsZero():
		return ErrCurrency.With("currency", c.Amount.Currency())
	case c.Amount.Minor() > free.Minor():
		return ErrTestFailed.With("test", t).With("most", most(free, money.New(0, c.Amount.Currency())))
	}
	return nil
}

// aboveMinimum returns how much of the amount can be refunded such that contributions
// stay at the least that the statutes want.
func (c CertifyBudget) aboveMinimum(rules statutes.Refunds) (money.Money, error) {
	least := rules.MinimumCapital
	if !rules.MinimumPart.IsZero() {
		least = most(least, money.New(rules.MinimumPart.Floor(c.Highest.Minor()), c.Amount.Currency()))
	}
	if least.IsZero() {
		return c.Amount, nil
	}
	if c.Contributed.Currency() != c.Amount.Currency() {
		return c.Amount, ErrIncomplete.With("missing", "contributions")
	}
	free := most(c.Contributed.Minus(least), money.New(0, c.Amount.Currency()))
	if c.Amount.Compare(free) > 0 {
		return free, nil
	}
	return c.Amount, nil
}

// Release is how much of a budget goes to a claim.
type Release struct {
	Claim  ClaimID
	Amount money.Money
}

// Queue divides a budget among claims. What is owed for shares that left earlier comes
// first. Those of one day are alike: where there is too little for all of them, each
// gets its part, or one comes after the other as notice was given, as the statutes
// say. No minor unit is lost, and nobody gets more than waits.
func Queue(claims []Claim, budget money.Money, short statutes.Short) (releases []Release) {
	waiting := slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return c.State() != ClaimWaiting })
	slices.SortStableFunc(waiting, func(a, b Claim) int {
		return cmp.Or(a.effect.On.Compare(b.effect.On), a.requested.On.Compare(b.requested.On), cmp.Compare(a.requested.Claim, b.requested.Claim))
	})
	for len(waiting) > 0 && budget.IsPositive() {
		alike := 1
		for short != statutes.InOrder && alike < len(waiting) && waiting[alike].effect.On == waiting[0].effect.On {
			alike++
		}
		var sum money.Money
		weights := make([]decimal.Decimal, alike)
		for i, c := range waiting[:alike] {
			sum, weights[i] = sum.Plus(c.waiting), decimal.NewFromInt(c.waiting.Minor())
		}
		if sum.Compare(budget) > 0 {
			sum = budget
		}
		for i, amount := range sum.Allocate(weights...) {
			if amount.IsPositive() {
				releases = append(releases, Release{waiting[i].requested.Claim, amount})
			}
		}
		budget, waiting = budget.Minus(sum), waiting[alike:]
	}
	return releases
}

// ReleasedBy reports whether a budget has released something of the claim.
func (c Claim) ReleasedBy(b BudgetID) bool {
	_, released := c.releases[b]
	return released
}

// Bound returns the pledges and attachments that keep it from being paid to the
// holder.
func (c Claim) Bound() []RestrictionID { return c.bound() }

// BarredFrom returns the first day on which what was released, and nobody collected,
// is time-barred by a term in years; no day where nothing is, or never.
func (c Claim) BarredFrom(years int) calendar.Date {
	if years == 0 || !c.released.IsPositive() {
		return calendar.Date{}
	}
	return barredFrom(c.since, years)
}

// ReleaseRefund lets something that is owed be paid out, by a budget ([Queue]). Once
// for each claim and budget.
type ReleaseRefund struct {
	Claim  ClaimID
	Budget BudgetID
	Amount money.Money
	On     calendar.Date
}

func (c ReleaseRefund) Streams() (claim, budget domain.Stream) {
	return ExitStream(c.Claim), BudgetStream(c.Budget)
}

func (c ReleaseRefund) Decide(claim Claim, budget Budget) ([]claimEvent, []budgetEvent, error) {
	if was, made := claim.releases[c.Budget]; made && was.Amount == c.Amount && was.On == c.On {
		return nil, nil, nil
	} else if made {
		return nil, nil, ErrBudget.With("budget", c.Budget)
	}
	v := claim.valued
	switch {
	case claim.requested.Claim == "":
		return nil, nil, ErrNoClaim.With("claim", c.Claim)
	case !c.Amount.IsPositive():
		return nil, nil, ErrIncomplete.With("missing", "amount")
	case c.Amount.Minor() > claim.waiting.Minor():
		return nil, nil, ErrNotWaiting.With("waiting", claim.waiting)
	case c.Amount.Currency() != claim.waiting.Currency():
		return nil, nil, ErrCurrency.With("currency", claim.waiting.Currency())
	}
	if err := claim.after(c.On, v.On); err != nil {
		return nil, nil, err
	}
	if err := budget.draw(c.Budget, c.Amount, budget.Left(), c.On); err != nil {
		return nil, nil, err
	}
	if left := budget.LeftForRefunds(); c.Amount.Compare(left) > 0 {
		return nil, nil, ErrMinimum.With("most", left)
	}
	return []claimEvent{RefundReleased{c.Claim, v.Party, v.Class, c.Budget, c.Amount, c.On}},
		[]budgetEvent{BudgetDrawn{Budget: c.Budget, Claim: c.Claim, Amount: c.Amount, On: c.On}}, nil
}

// SetOffRefund pays open bills with what is owed, by a decision: first with what
// waits, which needs no budget since no money leaves.
type SetOffRefund struct {
	Claim    ClaimID
	Amount   money.Money
	Bills    []string // their numbers
	By       statutes.Body
	Decision string
	On       calendar.Date
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c SetOffRefund) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c SetOffRefund) Decide(claim Claim) ([]claimEvent, error) {
	if was, made := claim.setOffs[c.Decision]; made {
		if was.Amount == c.Amount && was.On == c.On && slices.Equal(was.Bills, c.Bills) {
			return nil, nil
		}
		return nil, ErrPaid.With("reference", c.Decision)
	}
	v := claim.valued
	switch {
	case claim.requested.Claim == "":
		return nil, ErrNoClaim.With("claim", c.Claim)
	case c.Statutes.Version == 0:
		return nil, ErrIncomplete.With("missing", "the statutes in force")
	case c.Statutes.Shares.Refunds.SetOff == "":
		return nil, ErrNoSetOff
	case c.Decision == "" || c.By != c.Statutes.Shares.Refunds.SetOff:
		return nil, ErrIncomplete.With("missing", "decision")
	case len(c.Bills) == 0 || slices.Contains(c.Bills, ""):
		return nil, ErrIncomplete.With("missing", "bills")
	}
	if err := owing(c.Amount, claim.Owed(), ErrNotOwed.With("owed", claim.Owed())); err != nil {
		return nil, err
	}
	if err := claim.after(c.On, v.On); err != nil {
		return nil, err
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	waiting := c.Amount
	if waiting.Compare(claim.waiting) > 0 {
		waiting = claim.waiting
	}
	return []claimEvent{RefundSetOff{c.Claim, v.Party, v.Class, c.Amount, waiting, c.Bills, c.Decision, c.On}}, nil
}

// owing reports why an amount is not one of what is owed.
func owing(amount, owed money.Money, tooMuch domain.Refusal) error {
	switch {
	case !amount.IsPositive():
		return ErrIncomplete.With("missing", "amount")
	case amount.Minor() > owed.Minor():
		return tooMuch
	case amount.Currency() != owed.Currency():
		return ErrCurrency.With("currency", owed.Currency())
	}
	return nil
}

// PayRefund records money paid out for shares that have left.
type PayRefund struct {
	Claim      ClaimID
	To         domain.PartyID // who gets it; empty: the holder
	Amount     money.Money
	Reference  string
	On         calendar.Date
	UsableFrom calendar.Date // the first day on which money may go to that account
	Closed     calendar.Date // the last day of the books that are closed
}

func (c PayRefund) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c PayRefund) Decide(claim Claim) ([]claimEvent, error) {
	v := claim.valued
	e := RefundPaid{c.Claim, v.Party, v.Class, unless(c.To, v.Party), c.Amount, c.Reference, c.On}
	if was, recorded := claim.payments[c.Reference]; recorded {
		if was == e {
			return nil, nil
		}
		return nil, ErrDoubleRefund.With("reference", c.Reference)
	}
	if claim.requested.Claim == "" {
		return nil, ErrNoClaim.With("claim", c.Claim)
	}
	if err := owing(c.Amount, claim.released, ErrNotReleased.With("released", claim.released)); err != nil {
		return nil, err
	}
	if len(claim.bound()) > 0 && e.To == "" {
		return nil, ErrClaimBound
	}
	if err := claim.after(c.On, claim.since); err != nil {
		return nil, err
	}
	if err := payOut(c.Reference, c.On, c.UsableFrom, c.Closed); err != nil {
		return nil, err
	}
	return []claimEvent{e}, nil
}

// ReturnRefund records that a payment came back. It is free to be paid out again.
type ReturnRefund struct {
	Claim     ClaimID
	Reference string // of the payment
	Document  string // of the bank that shows it
	On        calendar.Date
	Closed    calendar.Date // the last day of the books that are closed
}

func (c ReturnRefund) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c ReturnRefund) Decide(claim Claim) ([]claimEvent, error) {
	was, paid := claim.payments[c.Reference]
	switch back, returned := claim.returns[c.Reference]; {
	case returned && back.On == c.On && back.Document == c.Document:
		return nil, nil
	case returned || !paid:
		return nil, ErrNotReturned.With("reference", c.Reference)
	case c.Document == "":
		return nil, ErrIncomplete.With("missing", "document")
	}
	if err := claim.after(c.On, was.On); err != nil {
		return nil, err
	}
	if err := open(c.On, c.Closed); err != nil {
		return nil, err
	}
	return []claimEvent{RefundReturned{c.Claim, was.Party, was.Class, was.Amount, c.Reference, c.Document, c.On}}, nil
}

// FreeClaim records that a pledge or attachment that came with the shares does not
// hold any more.
type FreeClaim struct {
	Claim       ClaimID
	Restriction RestrictionID
	Document    string // by which it is lifted
	On          calendar.Date
}

func (c FreeClaim) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c FreeClaim) Decide(claim Claim) ([]claimEvent, error) {
	was, freed := claim.freed[c.Restriction]
	switch {
	case freed && was.Document == c.Document && was.On == c.On:
		return nil, nil
	case !slices.Contains(claim.bound(), c.Restriction):
		return nil, ErrNotRestricted.With("restriction", c.Restriction)
	case c.Document == "":
		return nil, ErrIncomplete.With("missing", "document")
	case c.On.Before(claim.effect.On):
		return nil, ErrTooEarly.With("earliest", claim.effect.On)
	}
	return []claimEvent{ClaimFreed{c.Claim, claim.effect.Party, c.Restriction, c.Document, c.On}}, nil
}

// TimeBarRefund ends what was released and nobody collected within the statutes' term.
type TimeBarRefund struct {
	Claim    ClaimID
	On       calendar.Date
	Statutes statutes.Statutes
	Closed   calendar.Date // the last day of the books that are closed
}

func (c TimeBarRefund) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c TimeBarRefund) Decide(claim Claim) ([]claimEvent, error) {
	switch {
	case claim.timeBarred.Claim != "" && claim.timeBarred.On == c.On:
		return nil, nil
	case claim.requested.Claim == "":
		return nil, ErrNoClaim.With("claim", c.Claim)
	case !claim.released.IsPositive():
		return nil, ErrNotReleased.With("released", claim.released)
	}
	if err := barred(claim.since, c.On, c.Statutes.Shares.Refunds.Limitation, c.Statutes.Version, c.Closed); err != nil {
		return nil, err
	}
	v := claim.valued
	return []claimEvent{RefundTimeBarred{c.Claim, v.Party, v.Class, claim.released, c.On, c.Statutes.Version}}, nil
}

// ReverseClaimEntry undoes an entry of a claim.
type ReverseClaimEntry struct {
	Reversal ReversalID
	Claim    ClaimID
	Entry    ClaimEntry
	Of       string // of a collection its reference, of a set-off its decision
	Document string
	On       calendar.Date
	Closed   calendar.Date // the last day of the books that are closed
}

func (c ReverseClaimEntry) Stream() domain.Stream { return ExitStream(c.Claim) }

func (c ReverseClaimEntry) Decide(claim Claim) ([]claimEvent, error) {
	if was, made := claim.reversals[c.Reversal]; made {
		if was.Entry == c.Entry && was.Of == c.Of && was.Document == c.Document && was.On == c.On {
			return nil, nil
		}
		return nil, ErrReversed.With("entry", c.Entry).With("of", c.Of)
	}
	e := ClaimEntryReversed{
		Claim: c.Claim, Party: claim.effect.Party, Class: claim.effect.Class, Reversal: c.Reversal, Entry: c.Entry, Of: c.Of, Document: c.Document, On: c.On,
	}
	if err := claim.reverse(&e); err != nil {
		return nil, err
	}
	if err := reversible(c.Reversal, c.Document, claim.last, c.On, c.Closed); err != nil {
		return nil, err
	}
	return []claimEvent{e}, nil
}

// reverse fills in what an entry did, or says why it cannot be undone: what was
// released stays so, since it was drawn from a budget.
func (c Claim) reverse(e *ClaimEntryReversed) error {
	none := ErrNoEntry.With("entry", e.Entry).With("of", e.Of)
	for _, r := range c.reversals {
		if r.Entry == e.Entry && r.Of == e.Of && e.Of != "" {
			return ErrReversed.With("entry", e.Entry).With("of", e.Of)
		}
	}
	collected, off := c.collected[e.Of], c.setOffs[e.Of]
	switch {
	case e.Entry == EntryValuation && c.valued.Claim != "" && c.reversed.Claim == "":
		if len(c.releases)+len(c.setOffs)+len(c.collected) > 0 {
			return ErrClaimState.With("state", c.State())
		}
		e.Amount, e.Waiting, e.EntryOn = c.valued.Value, c.waiting.Negated(), c.valued.On
	case e.Entry == EntryCollection && collected.Claim != "":
		if c.waiting.Minor() < collected.Value.Minor() {
			return ErrNotWaiting.With("waiting", c.waiting)
		}
		e.Amount, e.Waiting, e.Unpaid, e.EntryOn = collected.Amount, collected.Value.Negated(), collected.Amount, collected.On
	case e.Entry == EntryWaiver && c.waived.Claim != "":
		e.Amount, e.Unpaid, e.EntryOn = c.waived.Amount, c.waived.Amount, c.waived.On
	case e.Entry == EntrySetOff && off.Claim != "":
		e.Amount, e.Waiting, e.Released, e.EntryOn = off.Amount, off.Waiting, off.Amount.Minus(off.Waiting), off.On
	case e.Entry == EntryBarred && c.timeBarred.Claim != "":
		e.Amount, e.Released, e.EntryOn = c.timeBarred.Amount, c.timeBarred.Amount, c.timeBarred.On
	default:
		return none
	}
	return nil
}
