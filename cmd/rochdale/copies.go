package main

import (
	"context"
	"fmt"
	"io"

	"rochdale/domain"
	"rochdale/processes"
)

type accountsExportCmd struct {
	Account string `arg:"" help:"Its id, as accounts list shows it."`
	Out     string `short:"o" help:"Where the archive goes." default:"account.zip" placeholder:"FILE" type:"path"`
}

func (accountsExportCmd) Help() string {
	return `Only of who has died, and only after an operator has decided so, with the reason: see allowExport of the API. Who lives copies
what is in an account themselves, by WebDAV or at /services. What is in a mailbox is with the mail server: doveadm backup
copies it.
Example:
  rochdale accounts export storage/01976f3e-1d2c-7000-8000-000000000001 -o files.zip`
}

// Run writes the archive.
func (c accountsExportCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withServices(ctx, g, t, func(h *house, services *services) error {
		copies, account := processes.Credentials{Store: h.store, Targets: services.targets}, domain.AccountID(c.Account)
		err := toFile(t, c.Out, func(w io.Writer) error { return copies.ExportForHeirs(asCLI(ctx), account, h.today(), w) })
		if err != nil {
			return err
		}
		return t.print(g, map[string]any{"account": account, "file": c.Out}, func(w io.Writer) {
			fmt.Fprintf(w, "What is in %s is in %s.\n", account, c.Out)
		})
	})
}
