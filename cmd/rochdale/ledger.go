package main

import (
	"context"
	"strings"

	"rochdale/adapters/documents"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/projections"
)

// priced returns columns with headings, amounts in the currency of the statutes.
func (h *house) priced(rules statutes.Statutes, columns ...documents.Column) []documents.Column {
	columns = h.columns(columns...)
	for i := range columns {
		if columns[i].Kind == documents.Money {
			columns[i].Currency = rules.Currency
		}
	}
	return columns
}

type exportJournalCmd struct {
	exportFlags
	From calendar.Date `required:"" help:"The first day." placeholder:"DATE"`
	To   calendar.Date `help:"The last day; by default today." placeholder:"DATE"`
}

func (exportJournalCmd) Help() string {
	return `What stands in the books for shares, by the day on which it does: contributions, what is called, credits,
exits, refunds, dividends and tax. Debits and credits of one position are equal.
Examples:
  rochdale export journal --from 2026-01-01 --to 2026-12-31 --format csv -o shares.csv
  rochdale export journal --from 2026-04-01 --to 2026-06-30 --language nl --format xlsx -o aandelen.xlsx`
}

// Run writes the journal of a period.
func (c exportJournalCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		in := calendar.Period{From: c.From, Through: dateOr(c.To, h.today())}
		if in.Through.Before(in.From) {
			return misused("--to %v is before --from %v", in.Through, in.From)
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		table := h.table(rules, "documents.share_journal", calendar.Date{}, calendar.Date{})
		table.Notes = []string{catalogue.Text(h.Language, "documents.from_to", domain.Args{"from": in.From, "to": in.Through}, "")}
		table.Columns = h.priced(rules,
			column("date", documents.Date), column("position", documents.Integer), column("event", documents.Identifier), column("code", documents.Identifier),
			column("account", documents.Text), column("class", documents.Identifier), sum("debit", documents.Money), sum("credit", documents.Money),
			column("member_number", documents.Identifier), column("name", documents.Text), column("party", documents.Identifier),
		)
		table.Rows = func(yield func([]any, error) bool) {
			for e, err := range h.models.Journal(ctx, in, "") {
				var debit, credit any = e.Amount, nil
				if e.Amount.Sign() < 0 {
					debit, credit = nil, e.Amount.Negated()
				}
				code, account := accountOf(h.Language, e)
				row := []any{e.On, e.Position, e.Type, code, account, string(e.Class), debit, credit, numberOf(e.Number), e.Name, string(e.Party)}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
		return c.write(g, t, table)
	})
}

// accountOf returns the code of an account, and its name.
func accountOf(language domain.Language, e projections.JournalEntry) (code, name string) {
	code = string(e.Account)
	if e.Unavailable {
		code += "_unavailable"
	}
	return code, catalogue.Word(language, "documents.account_"+code)
}

// numberOf is nothing for who has no number.
func numberOf(n domain.MemberNumber) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

type exportRefundsCmd struct {
	exportFlags
	Budget string        `help:"What is left of this budget is divided; by default none." placeholder:"ID"`
	On     calendar.Date `help:"On which accounts are to be trusted; by default today." placeholder:"DATE"`
}

func (exportRefundsCmd) Help() string {
	return `What is owed for shares that have left, in the order in which budgets release it, and why it is not paid.
Examples:
  rochdale export refunds
  rochdale export refunds --budget 0198c0de-… --format xlsx -o refunds.xlsx`
}

// Run writes the queue of refunds.
func (c exportRefundsCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		day := dateOr(c.On, h.today())
		if c.Budget != "" {
			if _, found, err := h.models.RefundBudget(ctx, shares.BudgetID(c.Budget)); err != nil {
				return err
			} else if !found {
				return shares.ErrNoBudget.With("budget", c.Budget)
			}
		}
		queue, err := h.models.RefundQueue(ctx, shares.BudgetID(c.Budget), day)
		if err != nil {
			return err
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		table := h.table(rules, "documents.refund_queue", day, calendar.Date{})
		table.Columns = h.priced(rules,
			column("place", documents.Integer), column("member_number", documents.Identifier), column("name", documents.Text), column("class", documents.Identifier),
			sum("quantity", documents.Integer), column("effective_on", documents.Date), column("status", documents.Text), sum("waiting", documents.Money),
			sum("release", documents.Money), sum("released", documents.Money), column("blocked", documents.Text), column("claim", documents.Identifier),
		)
		table.Rows = func(yield func([]any, error) bool) {
			for _, q := range queue {
				m, _, err := h.models.Member(ctx, q.Claim.Party)
				var blocked []string
				for _, b := range q.Blocked {
					blocked = append(blocked, catalogue.Word(h.Language, "documents.blocked_"+string(b)))
				}
				row := []any{
					int64(q.Place), numberOf(m.Number), m.Name, string(q.Claim.Class), q.Claim.Quantity, q.Claim.EffectiveOn,
					catalogue.Word(h.Language, "documents.claim_"+string(q.Claim.State)), q.Claim.Waiting, q.Release, q.Claim.Released, strings.Join(blocked, ", "), string(q.Claim.ID),
				}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
		return c.write(g, t, table)
	})
}

type exportDividendCmd struct {
	exportFlags
	Dividend string        `arg:"" help:"The dividend, like 2026."`
	All      bool          `help:"Those too of whom nothing is to be paid any more."`
	On       calendar.Date `help:"On which accounts are to be trusted; by default today." placeholder:"DATE"`
}

func (exportDividendCmd) Help() string {
	return `What is to be paid of a dividend: gross, tax withheld and net, and the account to pay to, if it can be trusted
on the day.
Example:
  rochdale export dividend 2026 --format xlsx -o dividend.xlsx`
}

// Run writes the payable list of a dividend.
func (c exportDividendCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		day := dateOr(c.On, h.today())
		decided, found, err := h.models.Dividend(ctx, shares.DividendID(c.Dividend))
		if err != nil {
			return err
		}
		if !found {
			return shares.ErrNoDividend.With("dividend", c.Dividend)
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		table := h.table(rules, "documents.dividend_list", day, calendar.Date{})
		table.Notes = append(table.Notes, catalogue.Text(h.Language, "documents.dividend_of", domain.Args{"dividend": c.Dividend, "date": decided.On}, ""))
		table.Columns = h.priced(rules,
			column("member_number", documents.Identifier), column("name", documents.Text), sum("gross", documents.Money), sum("tax", documents.Money),
			sum("net", documents.Money), sum("payable", documents.Money), column("payable_on", documents.Date), column("iban", documents.Identifier),
			column("account_holder", documents.Text), column("usable_from", documents.Date), column("party", documents.Identifier),
		)
		table.Rows = func(yield func([]any, error) bool) {
			page := projections.Page{First: projections.MaxPage, Uncounted: true}
			for more := true; more; {
				list, err := h.models.SharePayouts(ctx, projections.SharePayoutFilter{Dividend: decided.Dividend, Payable: !c.All}, day, page)
				if err != nil {
					yield(nil, err)
					return
				}
				for _, p := range list.Items {
					row := []any{numberOf(p.Number), p.Name, p.Gross, p.Tax, p.Net(), p.Payable, p.PayableOn, nil, nil, p.Account.UsableFrom, string(p.Party)}
					if p.Account.Trusted {
						row[7], row[8] = string(p.Account.IBAN), p.Account.Holder
					}
					if !yield(row, nil) {
						return
					}
				}
				if more = list.HasNext; more {
					page.After = list.Cursor(len(list.Items) - 1)
				}
			}
		}
		return c.write(g, t, table)
	})
}
