package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"rochdale/domain"
	"rochdale/processes/access"
)

type clientsCmd struct {
	Add    clientsAddCmd    `cmd:"" help:"Let members sign in to a service by the co-op; its secret is shown once."`
	List   clientsListCmd   `cmd:"" help:"List the services that members sign in to by the co-op."`
	Rotate clientsRotateCmd `cmd:"" help:"Give a service another secret."`
	Remove clientsRemoveCmd `cmd:"" help:"Let nobody sign in to a service by the co-op any more."`
}

type clientsAddCmd struct {
	ID        string         `arg:"" help:"By which it names itself: small letters, digits and hyphens, like cloud."`
	Redirect  []string       `help:"Where it has people led back to, to the letter." placeholder:"URL" required:"" sep:"none"`
	SignedOut []string       `help:"Where it has them led after they have signed out." placeholder:"URL" sep:"none"`
	Name      string         `help:"What people are shown; by default the id." placeholder:"TEXT"`
	Service   domain.Service `help:"On which one needs an account to sign in, whose login is told to it: mail or storage; by default none is needed." placeholder:"SERVICE"`
	Own       bool           `help:"It is the co-op's own: nobody is asked whether it may know them."`
	Public    bool           `help:"It cannot keep a secret, like an app on a telephone, and gets none."`
	Claim     []string       `help:"What it is told beside who one is: quota or groups." placeholder:"CLAIM"`
}

func (clientsAddCmd) Help() string {
	return `Examples:
  rochdale clients add cloud --name "Cloud" --service storage --own --claim quota --redirect https://cloud.coop.example/apps/user_oidc/code
  rochdale clients add forum --redirect https://forum.example/auth/callback --signed-out https://forum.example/`
}

// Run registers a client.
func (c clientsAddCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		name := c.Name
		if name == "" {
			name = c.ID
		}
		secret, made, err := h.access.AddClient(ctx, access.Client{
			ID: c.ID, Name: name, Redirects: c.Redirect, SignedOut: c.SignedOut, Service: c.Service, Own: c.Own, Public: c.Public, Claims: c.Claim,
		})
		if err != nil {
			return err
		}
		made.Secrets = nil
		data := struct {
			Secret string `json:"secret,omitempty"`
			access.Client
		}{secret, made}
		return t.print(g, data, func(w io.Writer) {
			if secret == "" {
				fmt.Fprintf(t.err, "client %s may sign members in. It has no secret.\n", made.ID)
				return
			}
			fmt.Fprintln(w, secret)
			fmt.Fprintf(t.err, "client %s may sign members in. The secret is not kept: store it now.\n", made.ID)
		})
	})
}

type clientsListCmd struct{}

func (clientsListCmd) Help() string { return "Example:\n  rochdale clients list --json" }

// Run lists clients.
func (clientsListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		clients, err := h.access.Clients(ctx)
		if err != nil {
			return err
		}
		for i := range clients {
			clients[i].Secrets = nil
		}
		return t.print(g, clients, func(w io.Writer) {
			tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "ID\tNAME\tSERVICE\tKIND\tCLAIMS\tSINCE\tREDIRECTS")
			for _, c := range clients {
				kind := "other"
				if c.Own {
					kind = "own"
				}
				if c.Public {
					kind += ", public"
				}
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
					c.ID, c.Name, c.Service, kind, strings.Join(c.Claims, ","), c.Created.Format(time.DateOnly), strings.Join(c.Redirects, " "))
			}
			_ = tw.Flush()
		})
	})
}

type clientsRotateCmd struct {
	ID     string `arg:"" help:"As clients list shows it."`
	AtOnce bool   `help:"The secret before counts no more; else it does for another day."`
}

func (clientsRotateCmd) Help() string {
	return `Examples:
  rochdale clients rotate cloud
  rochdale clients rotate cloud --at-once`
}

// Run gives out another secret.
func (c clientsRotateCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		secret, err := h.access.RotateClient(ctx, c.ID, c.AtOnce)
		if err != nil {
			return err
		}
		return t.print(g, map[string]string{"id": c.ID, "secret": secret}, func(w io.Writer) {
			fmt.Fprintln(w, secret)
			fmt.Fprintln(t.err, "The secret is not kept: store it now.")
		})
	})
}

type clientsRemoveCmd struct {
	ID string `arg:"" help:"As clients list shows it."`
}

func (clientsRemoveCmd) Help() string { return "Example:\n  rochdale clients remove forum" }

// Run removes a client.
func (c clientsRemoveCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error { return h.access.RemoveClient(ctx, c.ID) })
}
