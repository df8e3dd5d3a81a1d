package processes

import (
	"context"
	"errors"
	"fmt"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
)

// Shareholdings is what giving shares back and dividends ask the read models. To
// return claims or holders too many does no harm.
type Shareholdings interface {
	// WaitFor returns once they have reached a position.
	WaitFor(ctx context.Context, position int64) error
	// DueExits returns the claims whose shares leave by a day and have not left, those
	// first that leave first.
	DueExits(ctx context.Context, day calendar.Date) ([]shares.ClaimID, error)
	// UnvaluedExits returns the claims whose shares have left, and whose value is not
	// known.
	UnvaluedExits(ctx context.Context) ([]shares.ClaimID, error)
	// UnsettledExits returns the claims by which something is owed, or may come to be.
	UnsettledExits(ctx context.Context) ([]shares.ClaimID, error)
	// ShareHolders returns who holds shares, and of which classes.
	ShareHolders(ctx context.Context) ([]shares.Holder, error)
	// Allotments returns what each party has of a dividend, in a fixed order, and all
	// of it together: by what was in the log through the position that it counted.
	Allotments(ctx context.Context, d shares.DividendDecided, rules statutes.Statutes) ([]shares.Allotment, money.Money, error)
}

// Exits has shares that are given back leave once their last day is over, values them
// when the accounts that they wait for are approved, and has holders bear the loss of
// a year.
type Exits struct {
	Store *eventstore.Store
	From  Shareholdings
	Today func() calendar.Date
}

// Process does it as things happen; [Exits.Daily] as days pass.
func (x Exits) Process() Process {
	return Process{
		Name:  "exits",
		Wants: []any{shares.ExitRequested{}, shares.ExitAccepted{}, shares.ExitTookEffect{}, shares.AccountsApproved{}},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			switch e := event.(type) {
			case shares.ExitRequested:
				return x.passed(ctx, e.Claim)
			case shares.ExitAccepted:
				return x.passed(ctx, e.Claim)
			case shares.ExitTookEffect:
				return x.value(ctx, e.Claim)
			case shares.AccountsApproved:
				if err := x.From.WaitFor(ctx, rec.Position); err != nil {
					return err
				}
				return x.approved(ctx, e)
			}
			return nil
		},
	}
}

// Daily has shares leave whose last day was yesterday, or before.
func (x Exits) Daily(ctx context.Context) error {
	_, err := x.Due(ctx, x.Today().AddDays(-1))
	return err
}

// Due has shares leave whose last day is one by then, and returns a position at which
// they have. What keeps some of them is a matter for people.
func (x Exits) Due(ctx context.Context, day calendar.Date) (position int64, err error) {
	if position, err = x.Store.Log.Head(ctx); err != nil {
		return 0, err
	}
	if err := x.From.WaitFor(ctx, position); err != nil {
		return 0, err
	}
	due, err := x.From.DueExits(ctx, day)
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		at, err := TakeEffect(ctx, x.Store, id, later(x.Today(), day))
		if err := unlessRefused(err); err != nil {
			return 0, err
		}
		position = max(position, at)
	}
	return position, nil
}

func later(a, b calendar.Date) calendar.Date {
	if a.Before(b) {
		return b
	}
	return a
}

// unlessRefused takes a refusal for an answer.
func unlessRefused(err error) error {
	if _, refused := errors.AsType[domain.Refusal](err); refused {
		return nil
	}
	return err
}

// passed has the shares of a claim leave if their last day is over.
func (x Exits) passed(ctx context.Context, id shares.ClaimID) error {
	claim, _, err := read[shares.Claim](ctx, x.Store, shares.ExitStream(id))
	if err != nil || claim.State() != shares.ClaimRequested || !claim.EffectiveOn().Before(x.Today()) {
		return err
	}
	_, err = TakeEffect(ctx, x.Store, id, x.Today())
	return err
}

// TakeEffect has the shares of a claim leave, by the statutes of the day on which they
// do.
func TakeEffect(ctx context.Context, s *eventstore.Store, id shares.ClaimID, on calendar.Date) (position int64, err error) {
	return eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error { return TakeEffectIn(tx, id, on) })
}

// TakeEffectIn is [TakeEffect] within a transaction.
func TakeEffectIn(tx *eventstore.Tx, id shares.ClaimID, on calendar.Date) error {
	claim, _, err := eventstore.Load[shares.Claim](tx, shares.ExitStream(id))
	if err != nil {
		return err
	}
	accounts, rules, err := booksOf(tx, claim.EffectiveOn())
	if err != nil {
		return err
	}
	r := claim.Requested()
	return eventstore.Do2(tx, shares.TakeEffect{Claim: id, Party: r.Party, Class: r.Class, On: on, Statutes: rules, Closed: accounts.ClosedThrough()})
}

// booksOf returns the accounts that were approved, and the statutes of a day.
func booksOf(tx *eventstore.Tx, day calendar.Date) (accounts shares.Accounts, rules statutes.Statutes, err error) {
	history, _, err := eventstore.Load[statutes.History](tx, statutes.Stream)
	if err != nil {
		return accounts, rules, err
	}
	rules, _ = history.At(day)
	accounts, _, err = eventstore.Load[shares.Accounts](tx, shares.AccountsStream)
	return accounts, rules, err
}

func (x Exits) value(ctx context.Context, id shares.ClaimID) error {
	_, err := eventstore.Transact(ctx, x.Store, func(tx *eventstore.Tx) error { return ValueExitIn(tx, id, x.Today()) })
	return err
}

// ValueExitIn fixes what is owed for shares that have left, by the statutes of the day
// on which they did.
func ValueExitIn(tx *eventstore.Tx, id shares.ClaimID, on calendar.Date) error {
	claim, _, err := eventstore.Load[shares.Claim](tx, shares.ExitStream(id))
	if err != nil {
		return err
	}
	accounts, rules, err := booksOf(tx, claim.EffectiveOn())
	if err != nil {
		return err
	}
	return eventstore.Do(tx, shares.ValueExit{Claim: id, Accounts: accounts, On: on, Statutes: rules})
}

// approved does what waits for the accounts of a year: shares leave that were to, the
// loss is charged to those that are left, and those that have left are valued.
func (x Exits) approved(ctx context.Context, e shares.AccountsApproved) error {
	position, err := x.Due(ctx, x.Today().AddDays(-1))
	if err == nil {
		err = x.From.WaitFor(ctx, position)
	}
	if err == nil && e.Loss.IsPositive() {
		err = x.charge(ctx, e)
	}
	if err != nil {
		return err
	}
	unvalued, err := x.From.UnvaluedExits(ctx)
	for _, id := range unvalued {
		if err == nil {
			err = unlessRefused(x.value(ctx, id))
		}
	}
	return err
}

// charge has holders bear the loss of a year on the day on which its accounts were
// approved or, where something has happened to their shares since, today. Who has
// borne it before is left alone, even if that was reversed.
func (x Exits) charge(ctx context.Context, e shares.AccountsApproved) error {
	holders, err := x.From.ShareHolders(ctx)
	if err != nil {
		return err
	}
	for _, h := range holders {
		_, err := eventstore.Transact(ctx, x.Store, func(tx *eventstore.Tx) error {
			holding, _, err := eventstore.Load[shares.Holding](tx, shares.StreamOf(h.Party, h.Class))
			if err != nil || holding.Charged(e.Year) {
				return err
			}
			closed, err := ClosedThrough(tx)
			if err != nil {
				return err
			}
			charge := shares.ChargeLoss{Party: h.Party, Class: h.Class, Accounts: e, On: e.On, Closed: closed}
			if err = eventstore.Do(tx, charge); errors.Is(err, shares.ErrTooEarly) || errors.Is(err, shares.ErrClosed) {
				charge.On = x.Today()
				err = eventstore.Do(tx, charge)
			}
			return err
		})
		if err := unlessRefused(err); err != nil {
			return err
		}
	}
	return nil
}

// allotted is how many parties are given their part of a dividend at once.
const allotted = 100

// Dividends gives each party their part of a dividend that was decided.
func Dividends(s *eventstore.Store, from Shareholdings) Process {
	return Process{
		Name:  "dividends",
		Wants: []any{shares.DividendDecided{}},
		Handle: func(ctx context.Context, rec eventstore.Record, event any) error {
			d, ok := event.(shares.DividendDecided)
			if !ok {
				return nil
			}
			if err := from.WaitFor(ctx, rec.Position); err != nil {
				return err
			}
			history, _, err := read[statutes.History](ctx, s, statutes.Stream)
			if err != nil {
				return err
			}
			rules, _ := history.At(d.On)
			allotments, total, err := from.Allotments(ctx, d, rules)
			if err != nil {
				return err
			}
			if total != d.Total {
				return fmt.Errorf("processes: the dividend %s was decided as %v, and what was counted through position %d comes to %v", d.Dividend, d.Total, d.Counted, total)
			}
			for len(allotments) > 0 {
				some := allotments[:min(allotted, len(allotments))]
				if err := allot(ctx, s, d.Dividend, some); err != nil {
					return err
				}
				allotments = allotments[len(some):]
			}
			return nil
		},
	}
}

// allot leaves alone who was given their part before, even if that was reversed.
func allot(ctx context.Context, s *eventstore.Store, id shares.DividendID, some []shares.Allotment) error {
	_, err := eventstore.Transact(ctx, s, func(tx *eventstore.Tx) error {
		closed, err := ClosedThrough(tx)
		for _, a := range some {
			if err != nil {
				return err
			}
			var version int64
			if _, version, err = eventstore.Load[shares.Payout](tx, shares.PayoutStream(id, a.Party)); err == nil && version == 0 {
				err = eventstore.Do2(tx, shares.AllotDividend{Dividend: id, Allotment: a, Closed: closed})
			}
		}
		return err
	})
	return err
}

// DecideDividend gives a dividend, as it comes to by what is in the log now. What is
// due to leave by that day leaves first, so that refunds come before. The command has
// what was decided; the rest is found.
func DecideDividend(ctx context.Context, x Exits, cmd shares.DecideDividend) (position int64, err error) {
	if cmd.Counted, err = x.Due(within(ctx), cmd.On); err != nil {
		return 0, err
	}
	if err := x.From.WaitFor(ctx, cmd.Counted); err != nil {
		return 0, err
	}
	history, _, err := read[statutes.History](within(ctx), x.Store, statutes.Stream)
	if err != nil {
		return 0, err
	}
	cmd.Statutes, _ = history.At(cmd.On)
	was, _, err := read[shares.Dividend](within(ctx), x.Store, shares.DividendStream(cmd.Dividend))
	if err != nil {
		return 0, err
	}
	if decided, made := was.Decided(); made { // said again it is the same, whatever has happened since
		cmd.Total = decided.Total
	} else if cmd.Total, err = x.total(ctx, cmd); err != nil {
		return 0, err
	}
	claims, err := x.From.UnsettledExits(ctx)
	if err != nil {
		return 0, err
	}
	return eventstore.Transact(ctx, x.Store, func(tx *eventstore.Tx) error {
		c := cmd
		for _, id := range claims {
			claim, _, err := eventstore.Load[shares.Claim](tx, shares.ExitStream(id))
			if err != nil {
				return err
			}
			c.Claims = append(c.Claims, claim)
		}
		var err error
		if c.Closed, err = ClosedThrough(tx); err != nil {
			return err
		}
		return eventstore.Do2(tx, c)
	})
}

func (x Exits) total(ctx context.Context, cmd shares.DecideDividend) (money.Money, error) {
	_, total, err := x.From.Allotments(ctx, shares.DividendDecided{
		Dividend: cmd.Dividend, Year: cmd.Year, Rates: cmd.Rates, PayableOn: cmd.PayableOn, Counted: cmd.Counted,
	}, cmd.Statutes)
	return total, err
}

// ReleaseRefundsIn releases what is left of a budget to claims, in their order. What
// this budget has released something of before is left alone.
func ReleaseRefundsIn(tx *eventstore.Tx, ids []shares.ClaimID, budget shares.BudgetID, on calendar.Date) error {
	_, rules, err := booksOf(tx, on)
	if err != nil {
		return err
	}
	b, _, err := eventstore.Load[shares.Budget](tx, shares.BudgetStream(budget))
	if err != nil {
		return err
	}
	if !b.Certified() {
		return shares.ErrNoBudget.With("budget", budget)
	}
	var claims []shares.Claim
	for _, id := range ids {
		claim, _, err := eventstore.Load[shares.Claim](tx, shares.ExitStream(id))
		if err != nil {
			return err
		}
		if !claim.ReleasedBy(budget) {
			claims = append(claims, claim)
		}
	}
	for _, r := range shares.Queue(claims, b.LeftForRefunds(), rules.Shares.Refunds.Short) {
		if err := eventstore.Do2(tx, shares.ReleaseRefund{Claim: r.Claim, Budget: budget, Amount: r.Amount, On: on}); err != nil {
			return err
		}
	}
	return nil
}
