package main

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"rochdale/adapters/documents"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/processes"
	"rochdale/projections"
)

// asAtFlags are the two times at which a register is shown.
type asAtFlags struct {
	AsOf    calendar.Date `name:"as-of" help:"The day at whose end the register is shown; by default today." placeholder:"DATE"`
	KnownAt calendar.Date `name:"known-at" help:"The day at whose end it was known so; by default now." placeholder:"DATE"`
}

func (f asAtFlags) at(h *house) projections.AsAt {
	return projections.AsAt{Day: dateOr(f.AsOf, h.today()), Known: h.known(f.KnownAt)}
}

type exportRegisterCmd struct {
	exportFlags
	asAtFlags
	Section string `help:"holders, classes, restrictions, transfers or movements; by default all that the law lists, which csv has no room for: there it is the holders." enum:",holders,classes,restrictions,transfers,movements" default:""`
	Holder  string `help:"An extract for one holder: a member number, or the id of a party." placeholder:"HOLDER"`
	For     string `help:"The member who consults it, by number or id: that is granted to who holds shares, and logged." placeholder:"MEMBER"`
}

func (exportRegisterCmd) Help() string {
	return `Who holds how many shares of which class and what was paid on them, votes and rights and totals per
class, restrictions and transfers. It never shows addresses of e-mail.
Examples:
  rochdale export register --as-of 2026-12-31 --format pdf -o register.pdf
  rochdale export register --as-of 2026-12-31 --known-at 2027-01-15 --format xlsx -o register.xlsx
  rochdale export register --holder 17 --language nl --format pdf -o extract.pdf
  rochdale export register --for 17 --format pdf -o register.pdf`
}

// Run writes the register of shares, or an extract of it.
func (c exportRegisterCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		r := &registerReport{house: h, rules: rules, at: c.at(h), bar: newProgress(t, "lines")}
		if then, found, err := h.models.StatutesOn(ctx, r.at.Day); err != nil {
			return err
		} else if found {
			r.rules = then.Statutes
		}
		if c.Holder != "" {
			m, err := h.party(ctx, c.Holder)
			if err != nil {
				return err
			}
			r.holder = m.ID
		}
		r.notes = h.notes(r.at.Day, c.KnownAt)
		if c.For != "" {
			if err := r.consult(ctx, c.For, c.KnownAt); err != nil {
				return err
			}
		}
		if r.expected, err = r.lines(ctx); err != nil {
			return err
		}
		err = c.write(g, t, r.tables(ctx, c.Section, c.format(g))...)
		r.bar.end()
		return err
	})
}

// party returns the party of a member number or an id.
func (h *house) party(ctx context.Context, of string) (m projections.Member, err error) {
	var found bool
	if number, failed := strconv.ParseInt(of, 10, 64); failed == nil {
		m, found, err = h.models.MemberByNumber(ctx, domain.MemberNumber(number))
	} else {
		m, found, err = h.models.Member(ctx, domain.PartyID(of))
	}
	if err == nil && !found {
		err = errNobody.With("who", of)
	}
	return m, err
}

// errNobody refuses to write of who is not known.
var errNobody = domain.Refusal{Code: "rochdale.nobody", Reason: "nobody has the number or the id {who}: look for them with rochdale export members"}

// consult grants a member a look at the register, and has it say so.
func (r *registerReport) consult(ctx context.Context, member string, known calendar.Date) error {
	m, err := r.party(ctx, member)
	if err != nil {
		return err
	}
	err = processes.ConsultRegister(asCLI(ctx), r.store, shares.ConsultRegister{
		Party: m.ID, Holder: r.holder, AsAt: r.at.Day, KnownAt: known, On: r.today(),
	})
	r.notes = append(r.notes, r.text("consulted_by", domain.Args{"name": named(projections.Holder{Party: m.ID, Number: m.Number, Name: m.Name}), "date": r.today()}))
	return err
}

// A registerReport is a register on its way to a file. What is read of it at once is
// one holder's.
type registerReport struct {
	*house
	rules    statutes.Statutes
	at       projections.AsAt
	holder   domain.PartyID // of whom it is an extract; empty: it is whole
	notes    []string
	bar      *progress
	expected int // lines, more or less

	classes map[domain.ClassID]*classTotal // of the lines that were written
	counted bool
}

type classTotal struct {
	holders, quantity int64
	paid              money.Money
	last              domain.PartyID
}

// lines returns how many lines there are now, about as many as there were then.
func (r *registerReport) lines(ctx context.Context) (n int, err error) {
	if r.holder != "" {
		return 0, nil
	}
	totals, err := r.models.ShareTotals(ctx)
	for _, t := range totals {
		n += int(t.Holders)
	}
	return n, err
}

func (r *registerReport) tables(ctx context.Context, section string, format documents.Format) []documents.Table {
	all := map[string]documents.Table{
		"holders": r.holders(ctx), "classes": r.byClass(ctx), "restrictions": r.restrictions(ctx), "transfers": r.transfers(ctx),
		"movements": r.movements(ctx, calendar.Date{}, r.holder),
	}
	sections := []string{"holders", "classes", "restrictions", "transfers"}
	switch {
	case section != "":
		sections = []string{section}
	case format == documents.CSV || format == documents.ExcelCSV:
		sections = sections[:1]
	case r.holder != "":
		sections = append(sections, "movements")
	}
	var tables []documents.Table
	for _, s := range sections {
		tables = append(tables, all[s])
	}
	tables[len(tables)-1].Sign = true
	return tables
}

func (r *registerReport) table(title string, columns ...documents.Column) documents.Table {
	t := documents.Table{
		Title: catalogue.Word(r.Language, "documents."+title), Notes: r.notes, Author: r.rules.Name + " " + r.rules.LegalForm,
		Language: r.Language, Made: r.now().In(r.zone), Columns: r.columns(columns...),
	}
	for i, c := range t.Columns {
		if c.Kind == documents.Money {
			t.Columns[i].Currency = r.rules.Currency
		}
	}
	return t
}

// holders are the lines of the register: name and domicile or seat, shares and what
// was paid on them.
func (r *registerReport) holders(ctx context.Context) documents.Table {
	title := "share_register"
	if r.holder != "" {
		title = "register_extract"
	}
	t := r.table(title,
		column("member_number", documents.Identifier), column("name", documents.Text), column("domicile", documents.Text),
		column("enterprise_number", documents.Identifier), column("class", documents.Identifier), column("acquired_on", documents.Date),
		sum("quantity", documents.Integer), column("price", documents.Money), sum("paid", documents.Money), sum("unpaid", documents.Money),
		column("restrictions", documents.Text),
	)
	t.GroupBy = "class"
	t.Rows = func(yield func([]any, error) bool) {
		noted, err := r.noted(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		n := 0
		for e, err := range r.register(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			row := []any{
				number(e.Member.Number), e.Name, r.domicile(e), e.EnterpriseNumber, e.Class, e.AcquiredOn, e.Quantity, e.Price, e.Paid,
				e.Price.Times(e.Quantity).Minus(e.Paid), noted[holdingOf{e.Party, e.Class}],
			}
			if !yield(row, nil) {
				return
			}
			n++
			r.bar.show(n, max(n, r.expected))
		}
	}
	return t
}

// register yields the lines, and counts them by class.
func (r *registerReport) register(ctx context.Context) iter.Seq2[projections.RegisterEntry, error] {
	return func(yield func(projections.RegisterEntry, error) bool) {
		r.classes, r.counted = map[domain.ClassID]*classTotal{}, false
		for e, err := range r.models.Register(ctx, r.at, r.holder) {
			if err == nil {
				c := r.classes[e.Class]
				if c == nil {
					c = &classTotal{paid: money.New(0, e.Paid.Currency())}
					r.classes[e.Class] = c
				}
				if c.last != e.Party {
					c.holders, c.last = c.holders+1, e.Party
				}
				c.quantity, c.paid = c.quantity+e.Quantity, c.paid.Plus(e.Paid)
			}
			if !yield(e, err) {
				return
			}
		}
		r.counted = true
	}
}

type holdingOf struct {
	party domain.PartyID
	class domain.ClassID
}

// noted returns the restrictions that stand in the register, in a word each.
func (r *registerReport) noted(ctx context.Context) (map[holdingOf]string, error) {
	all := map[holdingOf]string{}
	for e, err := range r.models.Restrictions(ctx, r.at, r.holder) {
		if err != nil {
			return nil, err
		}
		of := holdingOf{e.Party, e.Class}
		said := r.word("restriction_"+string(e.Kind)) + " (" + r.quantity(e.Quantity) + ")"
		all[of] = strings.TrimPrefix(all[of]+", "+said, ", ")
	}
	return all, nil
}

func (r *registerReport) word(code string) string {
	return catalogue.Word(r.Language, "documents."+code)
}

// quantity writes a number of shares, of which 0 is all.
func (r *registerReport) quantity(n int64) string {
	if n == 0 {
		return r.word("all_shares")
	}
	return catalogue.Integer(r.Language, n)
}

// domicile is with the country where that is not the co-op's own.
func (r *registerReport) domicile(e projections.RegisterEntry) string {
	if e.Country == "" || e.Country == r.rules.Jurisdiction {
		return e.Address
	}
	return strings.TrimPrefix(e.Address+", "+e.Country, ", ")
}

func number(n domain.MemberNumber) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

// byClass are the totals of each class, and what its shares give a right to.
func (r *registerReport) byClass(ctx context.Context) documents.Table {
	t := r.table("shares_per_class",
		column("class", documents.Identifier), column("class_name", documents.Text), sum("holders", documents.Integer),
		sum("quantity", documents.Integer), sum("paid", documents.Money), column("votes_by_statutes", documents.Text),
		column("profit_right", documents.Text), column("exit_value", documents.Text), column("transfer_rules", documents.Text),
	)
	t.Columns[2].Sum = false // who holds shares of two classes is in both
	t.Rows = func(yield func([]any, error) bool) {
		if !r.counted {
			n := 0
			for _, err := range r.register(ctx) {
				if err != nil {
					yield(nil, err)
					return
				}
				n++
				r.bar.show(n, max(n, r.expected))
			}
		}
		for _, class := range r.rules.Shares.Classes {
			c := r.classes[class.ID]
			if c == nil {
				c = &classTotal{paid: money.New(0, r.rules.Currency)}
			}
			row := []any{
				class.ID, class.Name.In(r.Language), c.holders, c.quantity, c.paid, r.votes(class), r.profit(), r.exitValue(), r.transferRules(class),
			}
			if !yield(row, nil) {
				return
			}
		}
	}
	return t
}

func (r *registerReport) text(code string, args domain.Args) string {
	return catalogue.Text(r.Language, "documents."+code, args, code)
}

func (r *registerReport) votes(class statutes.Class) string {
	said := r.word("votes_per_member")
	if r.rules.Assembly.Votes.Per == statutes.PerShare {
		said = r.text("votes_per_share", domain.Args{"votes": class.Votes})
	}
	if part := r.rules.Assembly.Votes.Cap; !part.IsZero() {
		said += "; " + r.text("votes_capped", domain.Args{"part": part.String()})
	}
	return said
}

func (r *registerReport) profit() string {
	switch d := r.rules.Shares.Dividend; {
	case d.None:
		return r.word("profit_none")
	case !d.MaxRate.IsZero():
		return r.text("profit_capped", domain.Args{"part": d.MaxRate.String()})
	}
	return r.word("profit_equal")
}

func (r *registerReport) exitValue() string {
	switch {
	case r.rules.Shares.ExitValue == statutes.NetAssets:
		return r.word("exit_net_assets")
	case r.rules.Shares.Exit.NetAssetsCap:
		return r.word("exit_paid") + "; " + r.word("exit_capped")
	}
	return r.word("exit_paid")
}

func (r *registerReport) transferRules(class statutes.Class) string {
	said := []string{r.word("transfer_members")}
	if r.rules.Shares.Transfers.Approved {
		said = append(said, r.word("transfer_approved"))
	}
	if r.rules.Shares.Transfers.Signed {
		said = append(said, r.word("transfer_signed"))
	}
	if class.MinHolding > 1 {
		said = append(said, r.text("holding_least", domain.Args{"count": class.MinHolding}))
	}
	if class.MaxHolding > 0 {
		said = append(said, r.text("holding_most", domain.Args{"count": class.MaxHolding}))
	}
	return strings.Join(said, "; ")
}

// restrictions are those that were noted: pledges, attachments and what holders have
// agreed or the statutes say of some shares.
func (r *registerReport) restrictions(ctx context.Context) documents.Table {
	t := r.table("register_restrictions",
		column("noted_on", documents.Date), column("member_number", documents.Identifier), column("name", documents.Text),
		column("class", documents.Identifier), column("quantity", documents.Text), column("restriction", documents.Text),
		column("beneficiary", documents.Text), column("document", documents.Text),
	)
	t.Rows = func(yield func([]any, error) bool) {
		n := 0
		for e, err := range r.models.Restrictions(ctx, r.at, r.holder) {
			row := []any{
				e.On, number(e.Number), e.Name, e.Class, r.quantity(e.Quantity), r.word("restriction_" + string(e.Kind)), e.Beneficiary, e.Document,
			}
			if !yield(row, err) || err != nil {
				return
			}
			n++
			r.bar.show(n, 0)
		}
	}
	return t
}

// transfers are all those until the day, with who signed.
func (r *registerReport) transfers(ctx context.Context) documents.Table {
	t := r.table("register_transfers",
		column("date", documents.Date), column("class", documents.Identifier), column("quantity", documents.Integer),
		column("from", documents.Text), column("to", documents.Text), column("transfer_kind", documents.Text),
		column("signatures", documents.Text), column("decision", documents.Text), column("reversed_on", documents.Date),
	)
	t.Rows = func(yield func([]any, error) bool) {
		n := 0
		for e, err := range r.models.Transfers(ctx, calendar.Date{}, r.at, r.holder) {
			kind := ""
			if e.Kind != "" {
				kind = r.word("transfer_" + string(e.Kind))
			}
			row := []any{e.On, e.Class, e.Quantity, named(e.From), named(e.To), kind, r.signatures(e), e.Decision, e.ReversedOn}
			if !yield(row, err) || err != nil {
				return
			}
			n++
			r.bar.show(n, 0)
		}
	}
	return t
}

func (r *registerReport) signatures(e projections.TransferEntry) string {
	var said []string
	for i, s := range e.Signed {
		said = append(said, r.text("signed_on", domain.Args{
			"as": r.word("as_" + string(s.As)), "name": named(e.Signers[i]), "date": catalogue.ShortDate(r.Language, s.On), "how": r.word("how_" + string(s.How)),
		}))
	}
	return strings.Join(said, "\n")
}

// named is a party as an entry names it: by number, if it has one, and by name or,
// once that is erased, by its id.
func named(h projections.Holder) string {
	name := h.Name
	if name == "" {
		name = string(h.Party)
	}
	if h.Number == 0 {
		return name
	}
	return strconv.FormatInt(int64(h.Number), 10) + " " + name
}

// movements are what changed from a day on.
func (r *registerReport) movements(ctx context.Context, from calendar.Date, party domain.PartyID) documents.Table {
	t := r.table("share_movements",
		column("date", documents.Date), column("recorded_at", documents.Instant), column("event", documents.Text),
		column("class", documents.Identifier), column("member_number", documents.Identifier), column("name", documents.Text),
		column("acquired_on", documents.Date), sum("quantity", documents.Integer), column("price", documents.Money),
		sum("paid", documents.Money), column("counterparty", documents.Text), column("reference", documents.Identifier),
	)
	t.Rows = func(yield func([]any, error) bool) {
		n := 0
		for e, err := range r.models.Movements(ctx, from, r.at, party) {
			other := ""
			if e.Other.Party != "" {
				other = named(e.Other)
			}
			row := []any{
				e.On, e.RecordedAt.In(r.zone), r.word("movement_" + string(e.Kind)), e.Class, number(e.Holder.Number), e.Holder.Name, e.AcquiredOn,
				e.Quantity, e.Price, e.ShareMovement.Paid, other, e.Reference,
			}
			if !yield(row, err) || err != nil {
				return
			}
			n++
			r.bar.show(n, 0)
		}
	}
	return t
}

type exportMovementsCmd struct {
	exportFlags
	From    calendar.Date `required:"" help:"The first day." placeholder:"DATE"`
	To      calendar.Date `help:"The last day; by default today." placeholder:"DATE"`
	KnownAt calendar.Date `name:"known-at" help:"The day at whose end it was known so; by default now." placeholder:"DATE"`
	Holder  string        `help:"Those of one holder: a member number, or the id of a party." placeholder:"HOLDER"`
}

func (exportMovementsCmd) Help() string {
	return `Issues, payments, transfers, conversions, exits and reversals, by the day on which they take effect.
Example:
  rochdale export movements --from 2026-01-01 --to 2026-12-31 --format xlsx -o movements.xlsx`
}

// Run writes what changed between two days.
func (c exportMovementsCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		to := dateOr(c.To, h.today())
		if to.Before(c.From) {
			return misused("--to %v is before --from %v", to, c.From)
		}
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		var party domain.PartyID
		if c.Holder != "" {
			m, err := h.party(ctx, c.Holder)
			if err != nil {
				return err
			}
			party = m.ID
		}
		r := &registerReport{house: h, rules: rules, at: projections.AsAt{Day: to, Known: h.known(c.KnownAt)}, bar: newProgress(t, "lines")}
		r.notes = append([]string{r.text("from_to", domain.Args{"from": c.From, "to": to})}, h.notes(calendar.Date{}, c.KnownAt)...)
		err = c.write(g, t, r.movements(ctx, c.From, party))
		r.bar.end()
		return err
	})
}
