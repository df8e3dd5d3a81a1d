package main

import (
	"context"
	"io"
	"os"
	"strings"

	"rochdale/adapters/csvfile"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/statutes"
	"rochdale/processes"
)

type importOdooCmd struct {
	Partners   string            `required:"" help:"The contacts that are co-operators (res.partner), as CSV." type:"existingfile" placeholder:"FILE"`
	Shares     string            `required:"" help:"Their share lines (share.line), as CSV." type:"existingfile" placeholder:"FILE"`
	Requests   string            `help:"Requests to subscribe (subscription.request), as CSV: for the report, and the days of former members." type:"existingfile" placeholder:"FILE"`
	Operations string            `help:"Operations (operation.request), as CSV: for the same." type:"existingfile" placeholder:"FILE"`
	Class      map[string]string `help:"Which class of the statutes a share type is, like Founders=A." placeholder:"TYPE=CLASS"`
	Apply      bool              `help:"Record it. Without this, the files are only checked."`
}

func (importOdooCmd) Help() string {
	return `See docs/import.md for the columns. If a line is wrong, the report names it and nothing is recorded.
Examples:
  rochdale import odoo --partners partners.csv --shares shares.csv --class Founders=A --class Users=B
  rochdale import odoo --partners partners.csv --shares shares.csv --requests requests.csv --operations operations.csv --apply`
}

// An odooExport is what the files say.
type odooExport struct {
	rules   statutes.Statutes
	classes map[string]string
	members []processes.MemberRow
	lots    []processes.ShareRow
	odd     reconciliation // what is odd, as the files are read
	// What requests and operations say of a number, and of each class.
	requested map[domain.MemberNumber]calendar.Date // the first that was paid
	left      map[domain.MemberNumber]calendar.Date // the last operation by which shares went
	history   map[domain.ClassID]*odooHistory
}

// odooHistory is how many shares of a class there should be.
type odooHistory struct{ requested, moved, held int64 }

func (c importOdooCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		rules, today, err := h.rules(ctx)
		if err != nil {
			return err
		}
		e := &odooExport{
			rules: rules, classes: c.Class, requested: map[domain.MemberNumber]calendar.Date{}, left: map[domain.MemberNumber]calendar.Date{},
			history: map[domain.ClassID]*odooHistory{},
		}
		var tables []*csvfile.Table
		for _, file := range []struct {
			path    string
			columns []csvfile.Column
			read    func(*csvfile.Table)
		}{
			{c.Requests, csvfile.OdooRequests, e.readRequests},
			{c.Operations, csvfile.OdooOperations, e.readOperations},
			{c.Shares, csvfile.OdooShares, e.readShares},
			{c.Partners, csvfile.OdooPartners, e.readPartners},
		} {
			if file.path == "" {
				continue
			}
			table, err := readTable(file.path, file.columns, g.Language)
			if err != nil {
				return err
			}
			file.read(table)
			tables = append(tables, table)
		}
		failed := false
		for _, table := range tables {
			failed = failed || table.Report.Failed()
		}
		// Shares are known to be right only when their members are there: first both are
		// tried, members alone and shares by their numbers, then both are recorded.
		progress := newProgress(t, "rows")
		i := processes.Import{Store: h.store, On: today, DryRun: failed || !c.Apply, Progress: progress.show}
		listed := map[domain.MemberNumber]bool{}
		for _, row := range e.members {
			listed[row.Enter.Number] = true
		}
		partners, shares := tables[len(tables)-1], tables[len(tables)-2]
		try := i
		try.DryRun = true
		members, err := try.Members(asImport(ctx), e.members)
		if err != nil {
			return err
		}
		lots, err := try.Shares(asImport(ctx), e.lots)
		if err != nil {
			return err
		}
		numbers := map[int]domain.MemberNumber{}
		for _, row := range e.lots {
			numbers[row.Line] = row.Number
		}
		for _, refused := range members.Refused {
			partners.Refuse(refused.Line, refused.Column, refused.Refusal)
		}
		for _, refused := range lots.Refused {
			if refused.Refusal.Code != processes.ErrUnknownNumber.Code || !listed[numbers[refused.Line]] {
				shares.Refuse(refused.Line, refused.Column, refused.Refusal)
			}
		}
		failed = failed || partners.Report.Failed() || shares.Report.Failed()
		if !failed && c.Apply {
			if members, err = i.Members(asImport(ctx), e.members); err == nil {
				lots, err = i.Shares(asImport(ctx), e.lots)
			}
			if err != nil {
				return err
			}
		}
		progress.end()
		if failed {
			return refuseTables(g, t, tables)
		}
		if err := h.openModels(ctx); err != nil {
			return err
		}
		defer func() { _ = h.models.Close() }()
		if err := h.models.CatchUp(ctx); err != nil {
			return err
		}
		r, err := h.reconcile(ctx, e.members, e.lots, priceIn(rules))
		if err != nil {
			return err
		}
		e.compareHistory()
		r.Findings = append(r.Findings, e.odd.Findings...)
		return t.print(g, struct {
			Applied bool                   `json:"applied"`
			Members processes.ImportResult `json:"import_members"`
			Shares  processes.ImportResult `json:"import_shares"`
			reconciliation
		}{c.Apply, members, lots, r}, func(w io.Writer) { _ = r.write(w, g.Language) })
	})
}

// readTable reads the headings of a file.
func readTable(path string, columns []csvfile.Column, lang domain.Language) (*csvfile.Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return csvfile.Read(file, csvfile.Layout{Columns: columns, Language: lang})
}

// refuseTables prints what is wrong with files, and refuses them.
func refuseTables(g *Globals, t *terminal, tables []*csvfile.Table) error {
	problems := 0
	var reports []csvfile.Report
	for _, table := range tables {
		problems += len(table.Report.Problems) + table.Report.More
		reports = append(reports, table.Report)
	}
	err := t.print(g, struct {
		Applied bool             `json:"applied"`
		Reports []csvfile.Report `json:"reports"`
	}{false, reports}, func(w io.Writer) {
		for _, table := range tables {
			_ = table.Report.Write(w)
		}
	})
	if err != nil {
		return err
	}
	return errImport.With("lines", problems)
}

func priceIn(rules statutes.Statutes) func(domain.ClassID) money.Money {
	return func(class domain.ClassID) money.Money {
		c, _ := rules.Class(class)
		return c.Price
	}
}

// errOdooClass refuses a share type that is no class.
var errOdooClass = domain.Refusal{Code: "rochdale.odoo_class", Reason: "no class of the statutes is called {type}: say which it is with --class {type}=CLASS"}

// class returns the class that a share type is.
func (e *odooExport) class(table *csvfile.Table, row csvfile.Row) domain.ClassID {
	of := row.Need("share_short_name")
	if to, said := e.classes[of]; said {
		of = to
	}
	for _, c := range e.rules.Shares.Classes {
		if strings.EqualFold(of, string(c.ID)) {
			return c.ID
		}
		for _, lang := range domain.Languages {
			if strings.EqualFold(of, c.Name.In(lang)) {
				return c.ID
			}
		}
	}
	if of != "" {
		table.Refuse(row.Line, "share_short_name", errOdooClass.With("type", of))
	}
	return ""
}

func (e *odooExport) of(class domain.ClassID) *odooHistory {
	if e.history[class] == nil {
		e.history[class] = &odooHistory{}
	}
	return e.history[class]
}

func odooNumber(row csvfile.Row) domain.MemberNumber {
	return domain.MemberNumber(row.Integer("cooperator_register_number"))
}

func (e *odooExport) readRequests(table *csvfile.Table) {
	for row := range table.Rows() {
		number, class, quantity, on := odooNumber(row), e.class(table, row), row.Integer("ordered_parts"), row.Date("date")
		switch row.Choice("state", csvfile.OdooStates) {
		case "paid":
			if first := e.requested[number]; first.IsZero() || on.Before(first) {
				e.requested[number] = on
			}
			e.of(class).requested += quantity
		case "done": // validated, and called for
			e.odd.find("open", domain.Args{"line": row.Line, "number": number, "quantity": quantity})
		}
	}
}

func (e *odooExport) readOperations(table *csvfile.Table) {
	for row := range table.Rows() {
		number, class, quantity, on := odooNumber(row), e.class(table, row), row.Integer("quantity"), row.Date("effective_date")
		kind := row.Choice("operation_type", csvfile.OdooKinds)
		if row.Choice("state", csvfile.OdooStates) != "done" {
			continue
		}
		if kind == "sell_back" || kind == "convert" {
			e.of(class).moved -= quantity
		}
		if (kind == "sell_back" || kind == "transfer") && on.After(e.left[number]) {
			e.left[number] = on
		}
	}
}

func (e *odooExport) readShares(table *csvfile.Table) {
	for row := range table.Rows() {
		share := processes.ShareRow{
			Line: row.Line, Number: odooNumber(row), Class: e.class(table, row), Quantity: row.Integer("share_number"),
			Price: row.Amount("share_unit_price", e.rules.Currency), On: row.Date("effective_date"),
		}
		if row.Text("total_amount_line") != "" {
			paid := row.Amount("total_amount_line", e.rules.Currency)
			share.Paid = &paid
		}
		if share.Quantity == 0 { // what was given back leaves such lines
			continue
		}
		if row.Sound() {
			e.lots = append(e.lots, share)
			e.of(share.Class).held += share.Quantity
		}
	}
}

func (e *odooExport) readPartners(table *csvfile.Table) {
	holds := map[domain.MemberNumber]calendar.Date{}
	for _, lot := range e.lots {
		if first := holds[lot.Number]; first.IsZero() || lot.On.Before(first) {
			holds[lot.Number] = lot.On
		}
	}
	for row := range table.Rows() {
		number := odooNumber(row)
		if number == 0 { // a contact who never became a co-operator
			continue
		}
		enter := membership.Enter{
			Number: number, Kind: membership.Person, Language: domain.Language(odooLanguage(row.Text("lang"))),
			Identity: membership.Identity{
				FirstName: row.Text("firstname"), LastName: row.Text("lastname"), Street: strings.TrimSpace(row.Text("street") + " " + row.Text("street2")),
				PostalCode: row.Text("zip"), City: row.Text("city"), Country: odooCountry(row.Text("country_id")), BirthDate: row.Date("birthdate_date"),
			},
			Contact: membership.Contact{Email: row.Text("email"), Phone: row.Text("phone")},
		}
		if enter.Contact.Phone == "" {
			enter.Contact.Phone = row.Text("mobile")
		}
		if row.Choice("is_company", csvfile.OdooTruths) == "1" {
			enter.Kind = membership.Organisation
			enter.Identity.FirstName, enter.Identity.LastName = "", ""
			enter.Identity.Organisation, enter.Identity.EnterpriseNumber = row.Text("name"), row.Text("company_register_number")
		} else if enter.Identity.LastName == "" {
			enter.Identity.LastName = row.Text("name")
		}
		enter.AdmittedOn = row.Date("effective_date")
		for _, first := range []calendar.Date{holds[number], e.requested[number]} {
			if !first.IsZero() && (enter.AdmittedOn.IsZero() || first.Before(enter.AdmittedOn)) {
				enter.AdmittedOn = first
			}
		}
		if row.Choice("old_member", csvfile.OdooTruths) == "1" && holds[number].IsZero() {
			enter.EndedOn, enter.EndReason = e.left[number], membership.Resigned
			if enter.EndedOn.IsZero() || enter.AdmittedOn.IsZero() {
				e.odd.find("former", domain.Args{"line": row.Line, "number": number})
				continue
			}
		}
		if row.Sound() {
			e.members = append(e.members, processes.MemberRow{Line: row.Line, Enter: enter})
		}
	}
}

// compareHistory holds the share lines to what was requested, and to operations.
func (e *odooExport) compareHistory() {
	for _, class := range e.rules.Shares.Classes {
		if h := e.history[class.ID]; h != nil && h.requested > 0 && h.requested+h.moved != h.held {
			e.odd.find("history", domain.Args{
				"class": class.ID, "requested": h.requested, "moved": h.moved, "expected": h.requested + h.moved, "held": h.held,
			})
		}
	}
}

// odooLanguage returns the language of a locale, like fr_BE.
func odooLanguage(locale string) string {
	code, _, _ := strings.Cut(strings.ToLower(locale), "_")
	for word, meaning := range csvfile.Languages {
		if code == meaning || strings.EqualFold(locale, word) {
			return meaning
		}
	}
	return ""
}

// odooCountry returns the code of a country, like base.be or Belgium.
func odooCountry(country string) string {
	switch code := strings.ToUpper(strings.TrimPrefix(strings.ToLower(country), "base.")); code {
	case "BELGIUM", "BELGIQUE", "BELGIË", "BELGIEN":
		return "BE"
	case "FRANCE", "FRANKRIJK", "FRANKREICH":
		return "FR"
	case "NETHERLANDS", "PAYS-BAS", "NEDERLAND", "NIEDERLANDE":
		return "NL"
	case "GERMANY", "ALLEMAGNE", "DUITSLAND", "DEUTSCHLAND":
		return "DE"
	case "LUXEMBOURG", "LUXEMBURG":
		return "LU"
	default:
		return code
	}
}

type importReconcileCmd struct {
	Members string `required:"" help:"A register of members, as for import members." type:"existingfile" placeholder:"FILE"`
	Shares  string `required:"" help:"A register of shares, as for import shares." type:"existingfile" placeholder:"FILE"`
}

func (importReconcileCmd) Help() string {
	return `Holds the two files of a register against the register here, and records nothing.
Example:
  rochdale import reconcile --members members.csv --shares shares.csv`
}

func (c importReconcileCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		rules, _, err := h.rules(ctx)
		if err != nil {
			return err
		}
		members, err := readTable(c.Members, csvfile.Members, g.Language)
		if err != nil {
			return err
		}
		shares, err := readTable(c.Shares, csvfile.Shares, g.Language)
		if err != nil {
			return err
		}
		people, lots := memberRows(members), shareRows(shares, rules)
		if members.Report.Failed() || shares.Report.Failed() {
			return refuseTables(g, t, []*csvfile.Table{members, shares})
		}
		r, err := h.reconcile(ctx, people, lots, priceIn(rules))
		if err != nil {
			return err
		}
		return t.print(g, r, func(w io.Writer) { _ = r.write(w, g.Language) })
	})
}
