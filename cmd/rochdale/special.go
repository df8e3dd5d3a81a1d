package main

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/adapters/documents"
	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
	"rochdale/domain/offering"
	"rochdale/domain/shares"
	"rochdale/projections"
)

type exportSpecialReportCmd struct {
	exportFlags
	Year    int    `help:"The year in which the fiscal year begins; by default the last that is over." placeholder:"YEAR"`
	Section string `help:"Write one part of it only: figures, classes, dividends or advantage." enum:",figures,classes,dividends,advantage" default:"" placeholder:"PART"`
}

func (exportSpecialReportCmd) Help() string {
	return `The figures of the yearly special report of a recognised co-operative: members, shares by class, dividends against
their cap, and what each member paid less than who is none, net of VAT, by the lines of the invoices.
CSV has room for one part: by default the advantage of members.
Examples:
  rochdale export special-report --year 2026 --format pdf -o special-report.pdf
  rochdale export special-report --year 2026 --section figures --language nl`
}

// Run writes the special report.
func (c exportSpecialReportCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		rules, today, err := h.rules(ctx)
		if err != nil {
			return err
		}
		year := rules.FiscalYear(today)
		if c.Year == 0 {
			year = rules.FiscalYear(year.From.AddDays(-1))
		} else {
			year = rules.FiscalYear(calendar.On(c.Year, year.From.Month().Month(), 1))
		}
		r := &registerReport{house: h, rules: rules, at: projections.AsAt{Day: year.Through}, bar: newProgress(t, "invoices")}
		r.notes = []string{r.text("from_to", domain.Args{"from": year.From, "to": year.Through})}
		s := specialReport{registerReport: r, year: year}
		if err := s.readInvoices(ctx); err != nil {
			return err
		}
		if err := s.readMembers(ctx); err != nil {
			return err
		}
		all, err := h.models.Dividends(ctx)
		if err != nil {
			return err
		}
		for _, d := range all {
			if d.Year == year {
				s.dividends = append(s.dividends, d)
			}
		}
		err = c.write(g, t, s.tables(ctx, c.Section, c.format(g))...)
		r.bar.end()
		return err
	})
}

// A specialReport is what a recognised co-op has to show of a fiscal year (in Belgium
// CSA art. 8:4, royal decree of 8 January 1962, art. 1).
type specialReport struct {
	*registerReport
	year                     calendar.Period
	begin, end, joined, left int // members
	paid                     map[domain.PartyID]*advantage
	members, others, saved   money.Money // of all of them, net of VAT
	dividends                []shares.DividendDecided
}

// An advantage is what a member paid in the year, and would have paid otherwise.
type advantage struct {
	months    int
	net, more money.Money
}

// netOf takes the VAT out of an amount as that of its line is.
func netOf(i projections.Invoice, l billing.Line, amount money.Money) money.Money {
	if !i.IncludeVAT {
		return amount
	}
	hundred := decimal.New(100, 0)
	return money.Round(amount.Decimal().Mul(hundred).Div(hundred.Add(l.Rate)), amount.Currency())
}

// readInvoices adds up what was charged for the months of the year. A line that was
// issued before it said what was saved counts as nothing saved: nothing is proven by it.
func (s *specialReport) readInvoices(ctx context.Context) error {
	none := money.New(0, s.rules.Currency)
	s.paid, s.members, s.others, s.saved = map[domain.PartyID]*advantage{}, none, none, none
	n := 0
	for month := s.year.From.Month(); !month.First().After(s.year.Through); month = month.Add(1) {
		invoices, err := s.models.InvoicesOf(ctx, month)
		if err != nil {
			return err
		}
		for _, i := range invoices {
			if slices.ContainsFunc(i.Lines, func(l billing.Line) bool { return l.Kind == string(offering.ChargeNonMember) }) {
				s.others = s.others.Plus(i.Net)
				continue
			}
			a := s.paid[i.Payer]
			if a == nil {
				a = &advantage{net: none, more: none}
				s.paid[i.Payer] = a
			}
			a.months, a.net, s.members = a.months+1, a.net.Plus(i.Net), s.members.Plus(i.Net)
			for _, l := range i.Lines {
				if more := l.Saved; more.IsPositive() {
					net := netOf(i, l, more)
					a.more, s.saved = a.more.Plus(net), s.saved.Plus(net)
				}
			}
			n++
			s.bar.show(n, 0)
		}
	}
	return nil
}

// readMembers counts them.
func (s *specialReport) readMembers(ctx context.Context) error {
	before, err := s.models.MembersAt(ctx, s.year.From.AddDays(-1), s.at.Known)
	if err != nil {
		return err
	}
	after, err := s.models.MembersAt(ctx, s.year.Through, s.at.Known)
	if err != nil {
		return err
	}
	was := map[domain.PartyID]bool{}
	for _, m := range before {
		was[m.Party] = true
	}
	s.begin, s.end = len(before), len(after)
	for _, m := range after {
		if !was[m.Party] {
			s.joined++
		}
		delete(was, m.Party)
	}
	s.left = len(was)
	return nil
}

func (s *specialReport) tables(ctx context.Context, section string, format documents.Format) []documents.Table {
	all := map[string]documents.Table{"figures": s.figures(), "classes": s.byClass(ctx), "dividends": s.dividendTable(), "advantage": s.advantage(ctx)}
	sections := []string{"figures", "classes", "dividends", "advantage"}
	switch {
	case section != "":
		sections = []string{section}
	case format == documents.CSV || format == documents.ExcelCSV:
		sections = sections[3:]
	}
	var tables []documents.Table
	for _, name := range sections {
		tables = append(tables, all[name])
	}
	tables[len(tables)-1].Sign = true
	return tables
}

// figures are those that the law asks for, each with its source.
func (s *specialReport) figures() documents.Table {
	t := s.table("special_report",
		column("key", documents.Identifier), column("figure", documents.Text), column("value", documents.Text), column("source", documents.Text))
	const decree, code = "special_decree", "special_code"
	limit := s.word("profit_none")
	if d := s.rules.Shares.Dividend; !d.None {
		limit = s.text("special_cap", domain.Args{"percent": catalogue.Number(s.Language, decimal.New(d.MaxRate.Floor(10000), -2))})
		if d.MaxRate.IsZero() {
			limit = s.word("profit_equal")
		}
	}
	votes := s.word("votes_per_member")
	if len(s.rules.Shares.Classes) > 0 {
		votes = s.votes(s.rules.Shares.Classes[0])
	}
	count := func(n int) string { return catalogue.Integer(s.Language, int64(n)) }
	amount := func(m money.Money) string { return catalogue.Money(s.Language, m) }
	dividends := money.New(0, s.rules.Currency)
	for _, d := range s.dividends {
		dividends = dividends.Plus(d.Total)
	}
	saving := 0
	for _, a := range s.paid {
		if a.more.IsPositive() {
			saving++
		}
	}
	rows := []struct{ key, value, source string }{
		{"members_before", count(s.begin), code},
		{"members_joined", count(s.joined), decree},
		{"members_left", count(s.left), decree},
		{"members_after", count(s.end), code},
		{"votes", votes, decree},
		{"dividend_cap", limit, decree},
		{"dividends", amount(dividends), decree},
		{"sold_to_members", amount(s.members), decree},
		{"sold_to_others", amount(s.others), decree},
		{"members_advantaged", count(saving), decree},
		{"advantage_total", amount(s.saved), decree},
	}
	t.Rows = func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield([]any{row.key, s.word("special_" + row.key), row.value, s.word(row.source)}, nil) {
				return
			}
		}
	}
	return t
}

// dividendTable has the dividends of the year, by class, against what is allowed.
func (s *specialReport) dividendTable() documents.Table {
	t := s.table("special_dividends", column("dividend", documents.Identifier), column("class", documents.Identifier), column("rate", documents.Number),
		column("rate_cap", documents.Number), column("decided_on", documents.Date), column("decision", documents.Text), sum("gross", documents.Money))
	t.Rows = func(yield func([]any, error) bool) {
		for _, d := range s.dividends {
			for i, r := range d.Rates {
				total := any(nil) // it is of all classes, and said once
				if i == 0 {
					total = d.Total
				}
				var most any
				if limit := s.rules.Shares.Dividend.MaxRate; !limit.IsZero() {
					most = decimal.New(limit.Floor(10000), -2)
				}
				if !yield([]any{d.Dividend, r.Class, r.Rate.Shift(2), most, d.On, d.Decision, total}, nil) {
					return
				}
			}
		}
	}
	return t
}

// advantage has a line for each member who was billed: what they paid, and would have
// paid if they were none.
func (s *specialReport) advantage(ctx context.Context) documents.Table {
	t := s.table("member_advantage", column("member_number", documents.Identifier), column("name", documents.Text), sum("months_billed", documents.Integer),
		sum("price_members", documents.Money), sum("price_others", documents.Money), sum("advantage", documents.Money))
	t.Rows = func(yield func([]any, error) bool) {
		members := map[domain.PartyID]projections.Member{}
		for party := range s.paid {
			m, _, err := s.models.Member(ctx, party)
			if err != nil {
				yield(nil, err)
				return
			}
			members[party] = m
		}
		order := slices.SortedFunc(maps.Keys(s.paid), func(a, b domain.PartyID) int {
			return cmp.Or(cmp.Compare(uint64(members[a].Number-1), uint64(members[b].Number-1)), cmp.Compare(a, b)) // so that 0 comes last
		})
		for _, party := range order {
			a, m := s.paid[party], members[party]
			name := cmp.Or(m.Name, string(party))
			if !yield([]any{number(m.Number), name, int64(a.months), a.net, a.net.Plus(a.more), a.more}, nil) {
				return
			}
		}
	}
	return t
}
