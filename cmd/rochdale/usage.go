package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

type accountsUsageCmd struct {
	Account string `arg:"" optional:"" help:"One account, by its id, day by day; by default all, the fullest first."`
	Target  string `help:"Only on this target." placeholder:"NAME"`
	Read    bool   `help:"Read it back from the services first, where that was not done today."`
	First   int    `help:"At most so many accounts; 0: all." default:"50" placeholder:"N"`
}

func (accountsUsageCmd) Help() string {
	return `What accounts hold is read back once a day by the nodes that run the processes.
Examples:
  rochdale accounts usage
  rochdale accounts usage --read --first 0 --json
  rochdale accounts usage mail/01976f3e-1d2c-7000-8000-000000000001`
}

// A filledAccount is how full an account is, as it is listed.
type filledAccount struct {
	processes.Filled
	Login   provisioning.Login `json:"login,omitempty"`
	Percent int                `json:"percent"`
}

// Run lists what accounts hold.
func (c accountsUsageCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(h *house, r *processes.Reconciler) error {
		if c.Read {
			if err := r.ReadUsage(eventstore.As(ctx, "process/usage")); err != nil {
				return err
			}
		}
		if c.Account != "" {
			return c.days(ctx, h, r)
		}
		return c.all(ctx, h, r)
	})
}

// days shows what one account held day by day.
func (c accountsUsageCmd) days(ctx context.Context, h *house, r *processes.Reconciler) error {
	if _, known, err := h.models.Account(ctx, domain.AccountID(c.Account)); err != nil || !known {
		return cmp.Or[error](err, provisioning.ErrUnknown)
	}
	of, err := r.UsageOf(ctx, domain.AccountID(c.Account))
	if err != nil {
		return err
	}
	data := map[string]any{"account": c.Account, "target": of.Target, "used": of.Used, "quota": of.Quota, "at": of.At, "days": of.Days}
	return h.t.print(h.Globals, data, func(w io.Writer) {
		if of.At.IsZero() {
			fmt.Fprintln(w, "What this account holds was never measured.")
			return
		}
		table(w, "DAY\tUSED", func(row func(...any)) {
			for _, d := range of.Days {
				row(d.On, catalogue.Size(h.Language, d.Used))
			}
		})
	})
}

// all lists accounts, the fullest first.
func (c accountsUsageCmd) all(ctx context.Context, h *house, r *processes.Reconciler) error {
	all := []filledAccount{}
	err := r.EachUsage(ctx, c.Target, func(id domain.AccountID, u processes.Usage) error {
		f := processes.Filled{Account: id, Target: u.Target, Used: u.Used, Quota: u.Quota, At: u.At}
		all = append(all, filledAccount{Filled: f, Percent: f.Percent()})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b filledAccount) int { return processes.Fuller(a.Filled, b.Filled) })
	if c.First > 0 {
		all = all[:min(c.First, len(all))]
	}
	for i := range all {
		a, _, err := h.models.Account(ctx, all[i].Account)
		if err != nil {
			return err
		}
		all[i].Login = a.Login
	}
	return h.t.print(h.Globals, all, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(w, "What accounts hold was not measured yet.")
			return
		}
		table(w, "ACCOUNT\tLOGIN\tTARGET\tUSED\tQUOTA\tPERCENT\tMEASURED", func(row func(...any)) {
			for _, a := range all {
				quota, percent := "unlimited", "-"
				if a.Quota > 0 {
					quota, percent = catalogue.Size(h.Language, a.Quota), fmt.Sprint(a.Percent)
				}
				row(a.Account, dash(string(a.Login)), a.Target, catalogue.Size(h.Language, a.Used), quota, percent, a.At.In(h.zone).Format("2006-01-02 15:04"))
			}
		})
	})
}
