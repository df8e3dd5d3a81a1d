package graphql

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

// RequestExit lets whoever speaks for themselves give notice of their own will, today.
func (m mutation) RequestExit(ctx context.Context, party *string, class string, quantity *int, reason shares.ExitReason, effectiveOn, on *calendar.Date, requestID *string) (done exec.ClaimDone, err error) {
	who, err := m.concernedOn(ctx, party, on)
	if err == nil {
		err = m.mayDate(ctx, effectiveOn)
	}
	if err != nil {
		return done, err
	}
	if reason != shares.Resigned && !m.seesAll(ctx) {
		field := graphql.GetFieldContext(ctx)
		return done, ErrDenied.With("field", coordinate(field.Object, field.Field.Name)+"(reason:)")
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, rules, _, err := w.accounted(on)
		if err != nil {
			return err
		}
		member, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(who))
		if err != nil {
			return err
		}
		done.ID = shares.ClaimID(w.NewID().String())
		cmd := shares.RequestExit{
			Claim: done.ID, Party: who, Class: domain.ClassID(class), Reason: reason, Quantity: int64(value(quantity)), On: day,
			EffectiveOn: value(effectiveOn), Statutes: rules,
		}
		if periods := member.Periods(); member.Founder() && len(periods) > 0 {
			cmd.Founded = periods[len(periods)-1].From
		}
		if quantity != nil && *quantity < 1 {
			return shares.ErrIncomplete.With("missing", "quantity")
		}
		if cmd.Needed, err = processes.SharesNeeded(w.Tx, m.Store, m.Models, rules, who, cmd.Class, rules.SharesLeave(day).AddDays(1)); err != nil {
			return err
		}
		return eventstore.Do2(w.Tx, cmd)
	})
	return done, err
}

// accounted returns a day that was given, or today, the statutes of that day, and the
// accounts that were approved.
func (w *work) accounted(on *calendar.Date) (day calendar.Date, rules statutes.Statutes, accounts shares.Accounts, err error) {
	if day, err = w.day(on); err == nil {
		rules, err = w.statutesOn(day)
	}
	if err == nil {
		accounts, _, err = eventstore.Recall[shares.Accounts](w.Tx, shares.AccountsStream)
	}
	return day, rules, accounts, err
}

// A settling is what a mutation of a claim decides by.
type settling struct {
	*work
	id       shares.ClaimID
	claim    shares.Claim
	on       calendar.Date
	rules    statutes.Statutes // of that day
	accounts shares.Accounts
}

func (s settling) closed() calendar.Date { return s.accounts.ClosedThrough() }

// settle carries out a mutation of a claim that the viewer sees.
func (m mutation) settle(ctx context.Context, claim string, on *calendar.Date, requestID *string, do func(settling) error) (done exec.ClaimDone, err error) {
	done.ID = shares.ClaimID(claim)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		s := settling{work: w, id: done.ID}
		var err error
		if s.claim, _, err = eventstore.Load[shares.Claim](w.Tx, shares.ExitStream(done.ID)); err != nil {
			return err
		}
		if !m.sees(ctx, s.claim.Requested().Party) {
			return shares.ErrNoClaim.With("claim", done.ID)
		}
		if s.on, s.rules, s.accounts, err = w.accounted(on); err != nil {
			return err
		}
		return do(s)
	})
	return done, err
}

func (m mutation) AcceptExit(ctx context.Context, claim string, quantity int, decision string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		r := s.claim.Requested()
		asked := r.Quantity
		if asked == 0 { // all that are held
			holding, _, err := eventstore.Load[shares.Holding](s.Tx, shares.StreamOf(r.Party, r.Class))
			if err != nil {
				return err
			}
			asked = holding.Held()
		}
		return eventstore.Do2(s.Tx, shares.AcceptExit{
			Claim: s.id, Rest: shares.ClaimID(s.NewID().String()), Asked: asked, Quantity: int64(quantity), Decision: decision, On: s.on, Statutes: s.rules,
		})
	})
}

func (m mutation) WithdrawExit(ctx context.Context, claim string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	if err := m.mayDate(ctx, on); err != nil {
		return exec.ClaimDone{}, err
	}
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.WithdrawExit{Claim: s.id, On: s.on})
	})
}

func (m mutation) TakeExitEffect(ctx context.Context, claim string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error { return processes.TakeEffectIn(s.Tx, s.id, s.on) })
}

func (m mutation) ReverseExit(ctx context.Context, claim, document string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		r := s.claim.Requested()
		return eventstore.Do2(s.Tx, shares.ReverseExit{
			Reversal: shares.ReversalID(s.NewID().String()), Claim: s.id, Party: r.Party, Class: r.Class, Document: document, On: s.on, Closed: s.closed(),
		})
	})
}

func (m mutation) ValueExit(ctx context.Context, claim string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error { return processes.ValueExitIn(s.Tx, s.id, s.on) })
}

// CollectUnpaid goes by the statutes of the day on which the shares left.
func (m mutation) CollectUnpaid(ctx context.Context, claim string, amount money.Money, reference string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		rules, err := s.statutesOn(s.claim.EffectiveOn())
		if err != nil {
			return err
		}
		return eventstore.Do(s.Tx, shares.CollectUnpaid{Claim: s.id, Amount: amount, Reference: reference, On: s.on, Statutes: rules, Accounts: s.accounts})
	})
}

func (m mutation) WaiveUnpaid(ctx context.Context, claim, decision string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.WaiveUnpaid{Claim: s.id, Decision: decision, On: s.on, Closed: s.closed()})
	})
}

func (m mutation) SetOffRefund(ctx context.Context, claim string, amount money.Money, bills []string, by, decision string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.SetOffRefund{
			Claim: s.id, Amount: amount, Bills: bills, By: statutes.Body(by), Decision: decision, On: s.on, Statutes: s.rules, Closed: s.closed(),
		})
	})
}

func (m mutation) PayRefund(ctx context.Context, claim string, to *string, amount money.Money, reference string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		usable, err := s.usableFrom(or(domain.PartyID(value(to)), s.claim.Requested().Party), s.on)
		if err != nil {
			return err
		}
		return eventstore.Do(s.Tx, shares.PayRefund{
			Claim: s.id, To: domain.PartyID(value(to)), Amount: amount, Reference: reference, On: s.on, UsableFrom: usable, Closed: s.closed(),
		})
	})
}

// usableFrom returns the first day on which money may go to the account that a party
// had on a day, or a refusal where none is known.
func (w *work) usableFrom(party domain.PartyID, on calendar.Date) (from calendar.Date, err error) {
	member, _, err := eventstore.Load[membership.Member](w.Tx, membership.StreamOf(party))
	if err != nil {
		return from, err
	}
	if _, known := member.BankAccount(); !known {
		return from, membership.ErrNoAccount
	}
	accounts := member.BankAccounts()
	from = accounts[0].UsableFrom
	for _, a := range accounts {
		if !a.On.After(on) {
			from = a.UsableFrom
		}
	}
	return from, nil
}

func (m mutation) ReturnRefund(ctx context.Context, claim, reference, document string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.ReturnRefund{Claim: s.id, Reference: reference, Document: document, On: s.on, Closed: s.closed()})
	})
}

func (m mutation) FreeClaim(ctx context.Context, claim, restriction, document string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.FreeClaim{Claim: s.id, Restriction: shares.RestrictionID(restriction), Document: document, On: s.on})
	})
}

func (m mutation) TimeBarRefund(ctx context.Context, claim string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.TimeBarRefund{Claim: s.id, On: s.on, Statutes: s.rules, Closed: s.closed()})
	})
}

func (m mutation) ReverseClaimEntry(ctx context.Context, claim string, entry shares.ClaimEntry, of *string, document string, on *calendar.Date, requestID *string) (exec.ClaimDone, error) {
	return m.settle(ctx, claim, on, requestID, func(s settling) error {
		return eventstore.Do(s.Tx, shares.ReverseClaimEntry{
			Reversal: shares.ReversalID(s.NewID().String()), Claim: s.id, Entry: entry, Of: value(of), Document: document, On: s.on, Closed: s.closed(),
		})
	})
}

// ApproveAccounts counts the shares that there were at the end of the year, as far as
// they are known now.
func (m mutation) ApproveAccounts(ctx context.Context, year calendar.Date, netAssets money.Money, loss *money.Money, decision string, on *calendar.Date, requestID *string) (done exec.AccountsDone, err error) {
	head, err := m.Store.Log.Head(ctx)
	if err == nil {
		err = m.upTo(ctx, head)
	}
	if err != nil {
		return done, err
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, rules, accounts, err := w.accounted(on)
		if err != nil {
			return err
		}
		done.Year = rules.FiscalYear(year)
		cmd := shares.ApproveAccounts{Year: done.Year, NetAssets: netAssets, Loss: value(loss), Decision: decision, On: day, Statutes: rules}
		if was, made := accounts.Of(done.Year, day); made { // said again it is the same, whatever has come to be known since
			cmd.Issued = map[domain.ClassID]int64{}
			for _, c := range was.Shares {
				cmd.Issued[c.Class] = c.Quantity
			}
		} else if cmd.Issued, err = m.Models.SharesAtEnd(ctx, done.Year.Through); err != nil {
			return err
		}
		return eventstore.Do(w.Tx, cmd)
	})
	return done, err
}

func (m mutation) ChargeLoss(ctx context.Context, party, class string, year calendar.Date, on *calendar.Date, requestID *string) (done exec.SharesDone, err error) {
	done.Party, done.Class = domain.PartyID(party), domain.ClassID(class)
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, rules, accounts, err := w.accounted(on)
		if err != nil {
			return err
		}
		of := rules.FiscalYear(year)
		approved, known := accounts.Of(of, day)
		if !known {
			return shares.ErrAccountsMissing.With("year", of)
		}
		return eventstore.Do(w.Tx, shares.ChargeLoss{Party: done.Party, Class: done.Class, Accounts: approved, On: day, Closed: accounts.ClosedThrough()})
	})
	return done, err
}

func (m mutation) CertifyBudget(ctx context.Context, amount money.Money, netAssets *shares.NetAssets, liquidity *shares.Liquidity, decision string, on *calendar.Date, requestID *string) (done exec.BudgetDone, err error) {
	head, err := m.Store.Log.Head(ctx)
	if err == nil {
		err = m.upTo(ctx, head)
	}
	if err != nil {
		return done, err
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, rules, _, err := w.accounted(on)
		if err != nil {
			return err
		}
		done.ID = shares.BudgetID(w.NewID().String())
		cmd := shares.CertifyBudget{
			Budget: done.ID, Amount: amount, NetAssets: value(netAssets), Liquidity: value(liquidity), Decision: decision, On: day, Statutes: rules,
		}
		if cmd.Contributed, cmd.Highest, err = m.Models.Contributed(ctx, day); err != nil {
			return err
		}
		return eventstore.Do(w.Tx, cmd)
	})
	return done, err
}

func (m mutation) ReleaseRefunds(ctx context.Context, budget string, on *calendar.Date, requestID *string) (done exec.BudgetDone, err error) {
	done.ID = shares.BudgetID(budget)
	head, err := m.Store.Log.Head(ctx)
	if err == nil {
		err = m.upTo(ctx, head) // or who has just left would not be in the queue
	}
	if err != nil {
		return done, err
	}
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		day, err := w.day(on)
		if err != nil {
			return err
		}
		claims, err := m.Models.UnsettledExits(ctx)
		if err != nil {
			return err
		}
		return processes.ReleaseRefundsIn(w.Tx, claims, done.ID, day)
	})
	return done, err
}

func (q query) ShareClaim(ctx context.Context, id string) (*projections.ShareClaim, error) {
	c, known, err := q.Models.ShareClaim(ctx, shares.ClaimID(id))
	return found(c, known && q.sees(ctx, c.Party), err)
}

func (q query) ShareClaims(ctx context.Context, party *string, state *shares.ClaimState, first *int, after *string, last *int, before *string) (page exec.ShareClaimConnection, err error) {
	filter := projections.ShareClaimFilter{State: value(state)}
	if filter.Party, err = q.payer(ctx, party); err != nil {
		return page, err
	}
	return paged(q.Models.ShareClaims(ctx, filter, pageOf(ctx, first, after, last, before)))
}

func (m member) ShareClaims(ctx context.Context, of *projections.Member) ([]projections.ShareClaim, error) {
	return m.Models.ShareClaimsOf(ctx, of.ID)
}

func (q query) RefundQueue(ctx context.Context, budget *string, on *calendar.Date) ([]projections.QueuedRefund, error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	return q.Models.RefundQueue(ctx, shares.BudgetID(value(budget)), day)
}

func (q query) BarredRefunds(ctx context.Context, on *calendar.Date) ([]projections.ShareClaim, error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	return q.Models.BarredRefunds(ctx, day)
}

func (q query) RefundBudgets(ctx context.Context) ([]projections.RefundBudget, error) {
	return q.Models.RefundBudgets(ctx)
}

func (q query) RefundBudget(ctx context.Context, id string) (*projections.RefundBudget, error) {
	return found(q.Models.RefundBudget(ctx, shares.BudgetID(id)))
}

func (q query) ApprovedAccounts(ctx context.Context) ([]shares.AccountsApproved, error) {
	return q.Models.ApprovedAccounts(ctx)
}

func (q query) ExitYear(ctx context.Context, on *calendar.Date) (y projections.ExitYear, err error) {
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return y, err
	}
	return q.Models.ExitsIn(ctx, day)
}

func (q query) ShareBalances(ctx context.Context, on *calendar.Date, party *string) ([]projections.ShareBalance, error) {
	who, err := q.payer(ctx, party)
	if err != nil {
		return nil, err
	}
	day, err := q.dayOr(ctx, on)
	if err != nil {
		return nil, err
	}
	return q.Models.ShareBalances(ctx, day, who)
}

func (q query) ShareJournal(ctx context.Context, from, through calendar.Date, first *int, after *string, last *int, before *string) (exec.ShareJournalEntryConnection, error) {
	return paged(q.Models.JournalPage(ctx, calendar.Period{From: from, Through: through}, pageOf(ctx, first, after, last, before)))
}

type (
	refundBudget     struct{ *resolver }
	approvedAccounts struct{ *resolver }
	exitYear         struct{ *resolver }
	claimPayload     struct{ *resolver }
	accountsPayload  struct{ *resolver }
	budgetPayload    struct{ *resolver }
)

func (r *resolver) RefundBudget() exec.RefundBudgetResolver         { return refundBudget{r} }
func (r *resolver) ApprovedAccounts() exec.ApprovedAccountsResolver { return approvedAccounts{r} }
func (r *resolver) ExitYear() exec.ExitYearResolver                 { return exitYear{r} }
func (r *resolver) ClaimPayload() exec.ClaimPayloadResolver         { return claimPayload{r} }
func (r *resolver) AccountsPayload() exec.AccountsPayloadResolver   { return accountsPayload{r} }
func (r *resolver) BudgetPayload() exec.BudgetPayloadResolver       { return budgetPayload{r} }

// given is a value, or nothing where it is none.
func given[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func (refundBudget) NetAssets(_ context.Context, b *projections.RefundBudget) (*shares.NetAssets, error) {
	return given(b.NetAssets), nil
}

func (refundBudget) Liquidity(_ context.Context, b *projections.RefundBudget) (*shares.Liquidity, error) {
	return given(b.Liquidity), nil
}

func (approvedAccounts) Loss(_ context.Context, a *shares.AccountsApproved) (*money.Money, error) {
	return given(a.Loss), nil
}

func (exitYear) Capital(_ context.Context, y *projections.ExitYear) (*money.Money, error) {
	if !y.Caps.OfCapital {
		return nil, nil
	}
	return &y.Caps.Capital, nil
}

func (exitYear) Members(_ context.Context, y *projections.ExitYear) (*int, error) {
	if !y.Caps.OfMembers {
		return nil, nil
	}
	n := int(y.Caps.Members)
	return &n, nil
}

func (exitYear) AcceptedQuantity(_ context.Context, y *projections.ExitYear) (int, error) {
	return int(y.Accepted.Quantity), nil
}

func (exitYear) AcceptedAmount(_ context.Context, y *projections.ExitYear) (money.Money, error) {
	return y.Accepted.Left, nil
}

func (p claimPayload) Claim(ctx context.Context, done *exec.ClaimDone) (*projections.ShareClaim, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.ShareClaim(ctx, done.ID))
}

func (p accountsPayload) Accounts(ctx context.Context, done *exec.AccountsDone) (*shares.AccountsApproved, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	all, err := p.Models.ApprovedAccounts(ctx)
	for _, a := range all {
		if a.Year == done.Year {
			return &a, nil
		}
	}
	return nil, err
}

func (p budgetPayload) Budget(ctx context.Context, done *exec.BudgetDone) (*projections.RefundBudget, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.RefundBudget(ctx, done.ID))
}
