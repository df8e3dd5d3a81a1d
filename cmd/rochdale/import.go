package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"rochdale/adapters/csvfile"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
)

type importCmd struct {
	Members   importMembersCmd   `cmd:"" help:"Import a register of members from a CSV file."`
	Shares    importSharesCmd    `cmd:"" help:"Import a register of shares from a CSV file; members come first."`
	Odoo      importOdooCmd      `cmd:"" help:"Import a register that was kept in Odoo, by the module of co-operators of OCA."`
	Reconcile importReconcileCmd `cmd:"" help:"Hold a register in CSV files against the register here."`
}

// importFlags are what both imports have.
type importFlags struct {
	File  string `arg:"" help:"The file: see docs/import.md for its columns." type:"existingfile"`
	Apply bool   `help:"Record it. Without this, the file is only checked."`
}

type importMembersCmd struct{ importFlags }

func (importMembersCmd) Help() string {
	return `The file is checked first; if a line is wrong, the report names it and nothing is recorded.
Examples:
  rochdale import members register.csv
  rochdale import members register.csv --apply`
}

func (c importMembersCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return c.run(ctx, g, t, csvfile.Members, func(i processes.Import, table *csvfile.Table, rules statutes.Statutes) (processes.ImportResult, error) {
		rows := memberRows(table)
		if table.Report.Failed() {
			i.DryRun = true
		}
		return i.Members(asImport(ctx), rows)
	})
}

// memberRows reads the sound lines of a register of members.
func memberRows(table *csvfile.Table) (rows []processes.MemberRow) {
	for row := range table.Rows() {
		if enter := memberOf(table, row); row.Sound() {
			rows = append(rows, processes.MemberRow{Line: row.Line, Enter: enter})
		}
	}
	return rows
}

// memberOf reads a line of a register of members.
func memberOf(table *csvfile.Table, row csvfile.Row) membership.Enter {
	enter := membership.Enter{
		Number: domain.MemberNumber(row.Integer("member_number")),
		Kind:   membership.Kind(row.Choice("kind", csvfile.Kinds)),
		Identity: membership.Identity{
			FirstName: row.Text("first_name"), LastName: row.Text("last_name"), Organisation: row.Text("organisation"),
			Street: row.Text("street"), PostalCode: row.Text("postal_code"), City: row.Text("city"),
			Country: row.Country("country"), BirthDate: row.Date("birth_date"),
			EnterpriseNumber: row.Text("enterprise_number"),
		},
		Contact:    membership.Contact{Email: row.Text("email"), Phone: row.Text("phone")},
		Language:   domain.Language(row.Choice("language", csvfile.Languages)),
		AdmittedOn: row.Date("admitted_on"),
	}
	if enter.Kind == "" {
		enter.Kind = enter.Identity.Kind()
	}
	if table.Has("applied_on") {
		enter.AppliedOn = row.Date("applied_on")
	}
	if table.Has("ended_on") {
		enter.EndedOn = row.Date("ended_on")
		if !enter.EndedOn.IsZero() {
			if enter.EndReason = membership.Reason(row.Choice("reason", csvfile.Reasons)); enter.EndReason == "" {
				enter.EndReason = membership.Resigned
			}
		}
	}
	return enter
}

type importSharesCmd struct{ importFlags }

func (importSharesCmd) Help() string {
	return `Examples:
  rochdale import shares shares.csv
  rochdale import shares shares.csv --apply`
}

func (c importSharesCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return c.run(ctx, g, t, csvfile.Shares, func(i processes.Import, table *csvfile.Table, rules statutes.Statutes) (processes.ImportResult, error) {
		rows := shareRows(table, rules)
		if table.Report.Failed() {
			i.DryRun = true
		}
		return i.Shares(asImport(ctx), rows)
	})
}

// shareRows reads the sound lines of a register of shares.
func shareRows(table *csvfile.Table, rules statutes.Statutes) (rows []processes.ShareRow) {
	for row := range table.Rows() {
		share := processes.ShareRow{
			Line: row.Line, Number: domain.MemberNumber(row.Integer("member_number")),
			Class: domain.ClassID(row.Need("class")), Quantity: row.Integer("quantity"), On: row.Date("acquired_on"),
		}
		if row.Text("paid") != "" {
			paid := row.Amount("paid", rules.Currency)
			share.Paid = &paid
		}
		if row.Text("price") != "" {
			share.Price = row.Amount("price", rules.Currency)
		}
		share.Restriction = shares.NoteRestriction{
			Kind: shares.Restriction(row.Choice("restriction", csvfile.Restrictions)), Beneficiary: row.Text("beneficiary"), Document: row.Text("document"),
		}
		if row.Text("restricted_quantity") != "" {
			share.Restriction.Quantity = row.Integer("restricted_quantity")
		}
		if row.Text("noted_on") != "" {
			share.Restriction.On = row.Date("noted_on")
		}
		if row.Sound() {
			rows = append(rows, share)
		}
	}
	return rows
}

// errImport refuses a file with lines that are wrong.
var errImport = domain.Refusal{Code: "rochdale.import_refused", Reason: "nothing was imported: correct the {lines} problems above and import again"}

func (f importFlags) run(ctx context.Context, g *Globals, t *terminal, columns []csvfile.Column,
	load func(processes.Import, *csvfile.Table, statutes.Statutes) (processes.ImportResult, error),
) error {
	file, err := os.Open(f.File)
	if err != nil {
		return err
	}
	defer file.Close()
	table, err := csvfile.Read(file, csvfile.Layout{Columns: columns, Language: g.Language})
	if err != nil {
		return err
	}
	return withHouse(ctx, g, t, func(h *house) error {
		rules, today, err := h.rules(ctx)
		if err != nil {
			return err
		}
		progress := newProgress(t, "rows")
		i := processes.Import{Store: h.store, On: today, DryRun: !f.Apply, Progress: progress.show}
		result, err := load(i, table, rules)
		progress.end()
		if err != nil {
			return err
		}
		for _, refused := range result.Refused {
			table.Refuse(refused.Line, refused.Column, refused.Refusal)
		}
		return f.report(g, t, table, result)
	})
}

func (f importFlags) report(g *Globals, t *terminal, table *csvfile.Table, result processes.ImportResult) error {
	problems := len(table.Report.Problems) + table.Report.More
	if g.JSON {
		data := struct {
			processes.ImportResult
			Applied bool           `json:"applied"`
			Report  csvfile.Report `json:"report"`
		}{result, f.Apply && problems == 0, table.Report}
		if err := t.print(g, data, nil); err != nil {
			return err
		}
	}
	if problems > 0 {
		if !g.JSON {
			if err := table.Report.Write(t.out); err != nil {
				return err
			}
		}
		return errImport.With("lines", problems)
	}
	if g.JSON {
		return nil
	}
	return t.print(g, nil, func(w io.Writer) {
		switch {
		case result.Changed == 0:
			fmt.Fprintf(w, "%d rows are right, and known already: nothing changes.\n", result.Rows)
		case f.Apply:
			fmt.Fprintf(w, "%d rows imported, %d of them new or changed, with %d events.\n", result.Rows, result.Changed, result.Events)
		default:
			fmt.Fprintf(w, "%d rows are right, %d of them new or changed. Nothing is recorded yet: add --apply.\n", result.Rows, result.Changed)
		}
	})
}

// asCLI is the context of what is done from the command line.
func asCLI(ctx context.Context) context.Context { return eventstore.As(ctx, "cli") }

// dateOr returns a date, or another where there is none.
func dateOr(d, otherwise calendar.Date) calendar.Date {
	if d.IsZero() {
		return otherwise
	}
	return d
}

// asImport is the context of what is brought in from elsewhere.
func asImport(ctx context.Context) context.Context { return eventstore.As(ctx, processes.Importer) }
