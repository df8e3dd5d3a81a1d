package main

import (
	"context"
	"fmt"
	"io"

	"rochdale/domain/calendar"
	"rochdale/processes"
)

type billCmd struct {
	Month calendar.Month `arg:"" help:"The month, like 2026-05; it must be over."`
	On    calendar.Date  `help:"The day of issue; by default today." placeholder:"DATE"`
}

func (billCmd) Help() string {
	return `One invoice is issued to each payer. A run that was cut short is finished by running it again;
who has been billed for the month already is left alone.
Examples:
  rochdale bill 2026-05
  rochdale bill 2026-05 --on 2026-06-01 --json`
}

// Run issues the invoices of a month.
func (c billCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		bar := newProgress(t, "payers")
		run := processes.Run{Store: h.store, Payers: h.models, Month: c.Month, On: dateOr(c.On, h.today()), Progress: bar.show}
		result, err := run.Do(asCLI(ctx))
		bar.end()
		if err != nil {
			return err
		}
		return t.print(g, result, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %d invoices issued, %d payers billed before, %d owe nothing.\n", result.Month, result.Issued, result.Already, result.Nothing)
			for _, p := range result.Problem {
				fmt.Fprintf(w, "  not billed: %s: %s\n", p.Payer, p.Problem)
			}
			if result.Issued+result.Already > 0 {
				fmt.Fprintf(w, "Write them with: rochdale export invoices --month %s\n", result.Month)
			}
		})
	})
}
