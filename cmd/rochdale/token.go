package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"rochdale/domain"
	"rochdale/processes/access"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Give out a token; its secret is shown once."`
	List   tokenListCmd   `cmd:"" help:"List all tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Make a token useless, at once and for ever."`
}

type tokenCreateCmd struct {
	Name    string         `arg:"" help:"What it is for, like \"mail pipeline\"."`
	Role    []domain.Role  `help:"Roles that it has: member, delegate, board, treasurer, secretary, scrutineer, operator or pipeline."`
	Party   domain.PartyID `help:"The party that it stands for, with its roles of the day: a member number, or an id."`
	Scope   []string       `help:"What it is restricted to: read, write, events:read, events:personal, metrics or accounts."`
	Expires time.Duration  `help:"How long it lasts." default:"2160h"`
}

func (tokenCreateCmd) Help() string {
	return `Examples:
  rochdale token create "event pipeline" --role pipeline --scope events:read
  rochdale token create ansible --role pipeline --scope accounts
  rochdale token create "monitoring" --role operator --scope metrics --expires 8760h`
}

func (c tokenCreateCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	if len(c.Role) == 0 && c.Party == "" {
		return misused("a token has a role or stands for a party: give --role or --party")
	}
	in := withHouse
	if c.Party != "" {
		in = withModels
	}
	return in(ctx, g, t, func(h *house) error {
		if c.Party != "" {
			m, err := h.party(ctx, string(c.Party))
			if err != nil {
				return err
			}
			c.Party = m.ID
		}
		secret, made, err := h.access.CreateToken(ctx, access.Token{
			Name: c.Name, Party: c.Party, Roles: c.Role, Scopes: c.Scope, Expires: h.now().Add(c.Expires).UTC().Truncate(time.Second),
		})
		if err != nil {
			return err
		}
		data := struct {
			Secret string `json:"secret"`
			access.Token
		}{secret, made}
		return t.print(g, data, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n", secret)
			fmt.Fprintf(t.err, "token %s, valid until %s. The secret is not kept: store it now.\n", made.ID, made.Expires.Format(time.DateOnly))
		})
	})
}

type tokenListCmd struct{}

func (tokenListCmd) Help() string { return "Example:\n  rochdale token list --json" }

func (tokenListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		tokens, err := h.access.Tokens(ctx)
		if err != nil {
			return err
		}
		return t.print(g, tokens, func(w io.Writer) {
			tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "ID\tNAME\tROLES\tSCOPES\tEXPIRES\tSTATE")
			for _, token := range tokens {
				state := "valid"
				switch {
				case token.Revoked:
					state = "revoked"
				case !token.Expires.IsZero() && !h.now().Before(token.Expires):
					state = "expired"
				}
				fmt.Fprintf(tw, "%s\t%s\t%v\t%v\t%s\t%s\n", token.ID, token.Name, token.Roles, token.Scopes, token.Expires.Format(time.DateOnly), state)
			}
			_ = tw.Flush()
		})
	})
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"As token list shows it."`
}

func (tokenRevokeCmd) Help() string { return "Example:\n  rochdale token revoke 3f9a0c1b2d4e" }

func (c tokenRevokeCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error { return h.access.RevokeToken(ctx, c.ID) })
}
