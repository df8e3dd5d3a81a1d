package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/processes"
)

type accountsMoveCmd struct {
	Account string `arg:"" help:"Its id, as accounts list shows it."`
	To      string `help:"The node that it is to be on; by default the one with most room." placeholder:"NODE"`
	Reason  string `required:"" help:"Why, for whoever finds this later."`
	Cancel  bool   `help:"Have it stay where it is, if it was not moved yet."`
}

func (accountsMoveCmd) Help() string {
	return `What is in the account is copied, and nothing is deleted where it is before all of it is seen on the new node. Where nodes
run the processes, this goes on there: see rochdale work and rochdale accounts why.
Examples:
  rochdale accounts move mail/01976f3e-1d2c-7000-8000-000000000001 --to mail2 --reason 'the disk of mail1 is full'
  rochdale accounts move mail/01976f3e-1d2c-7000-8000-000000000001 --cancel --reason 'it was another'`
}

// Run has an account moved, and does of it what can be done now.
func (c accountsMoveCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(h *house, r *processes.Reconciler) error {
		ctx, account := asCLI(ctx), domain.AccountID(c.Account)
		var to string
		var err error
		if c.Cancel {
			err = r.CancelMove(ctx, account, c.Reason)
		} else {
			to, err = r.Move(ctx, account, c.To, c.Reason)
		}
		if err != nil {
			return err
		}
		trouble := r.Settle(ctx, "", account)
		if trouble == nil {
			trouble = r.Settle(ctx, "", account) // what follows from what was done
		}
		if err := h.models.CatchUp(ctx); err != nil {
			return errors.Join(trouble, err)
		}
		a, _, err := h.models.Account(ctx, account)
		if err != nil {
			return errors.Join(trouble, err)
		}
		data := map[string]any{"account": account, "to": to, "node": a.Node, "moving_to": a.MovingTo}
		return errors.Join(trouble, t.print(g, data, func(w io.Writer) {
			if a.MovingTo != "" {
				fmt.Fprintf(w, "%s is on %s, and being moved to %s.\n", account, a.Node, a.MovingTo)
				return
			}
			fmt.Fprintf(w, "%s is on %s.\n", account, a.Node)
		}))
	})
}

type accountsDrainCmd struct {
	Node   string `arg:"" help:"That drains, by drain: true in the file of services."`
	Reason string `required:"" help:"Why, for whoever finds this later."`
}

func (accountsDrainCmd) Help() string {
	return `Each account on the node is moved to the one with most room for it. The nodes that run the processes do it.
Example:
  rochdale accounts drain mail1 --reason 'it is replaced in June'`
}

// Run has all accounts of a node moved.
func (c accountsDrainCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		type drained struct {
			processes.Drained
			Refused string `json:"refused,omitempty"`
		}
		all, kept := []drained{}, 0
		err := r.Drain(asCLI(ctx), c.Node, c.Reason, func(d processes.Drained) error {
			told := drained{Drained: d}
			if refusal, refused := errors.AsType[domain.Refusal](d.Trouble); refused {
				told.Refused = catalogue.Refusal(g.Language, refusal)
				kept++
			}
			all = append(all, told)
			return nil
		})
		if err != nil {
			return err
		}
		return t.print(g, all, func(w io.Writer) {
			for _, d := range all {
				if d.Refused != "" {
					fmt.Fprintf(w, "%s: %s\n", d.Account, d.Refused)
				}
			}
			fmt.Fprintf(w, "%d accounts are being moved from %s, and %d are not.\n", len(all)-kept, c.Node, kept)
		})
	})
}

type targetsCapacityCmd struct{}

func (targetsCapacityCmd) Help() string {
	return `What was promised on each target, what is used, and when it is full if it goes on growing as in the last ninety days.
What is used is read back once a day; of less than two weeks nothing is foreseen.
Examples:
  rochdale targets capacity
  rochdale targets capacity --language fr
  rochdale targets capacity --json`
}

// Run tells how much room there is.
func (targetsCapacityCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		all, err := r.Capacities(ctx)
		if err != nil {
			return err
		}
		return t.print(g, all, func(w io.Writer) { showCapacity(w, g.Language, all) })
	})
}

func showCapacity(w io.Writer, lang domain.Language, all []processes.Capacity) {
	say := func(code string, args domain.Args) string {
		return catalogue.Text(lang, "rochdale.capacity_"+code, args, code)
	}
	size := func(n domain.Bytes) string { return catalogue.Size(lang, n) }
	heads := make([]string, 7)
	for i, code := range []string{"target", "accounts", "promised", "used", "room", "free", "growth"} {
		heads[i] = strings.ToUpper(say(code, nil))
	}
	table(w, strings.Join(heads, "\t"), func(row func(...any)) {
		for _, c := range all {
			accounts, used, room, free := catalogue.Integer(lang, int64(c.Accounts)), "-", "-", "-"
			if c.MostAccounts > 0 {
				accounts += "/" + catalogue.Integer(lang, int64(c.MostAccounts))
			}
			if c.Used != nil {
				used = size(*c.Used)
			}
			if c.Bytes > 0 {
				room, free = size(c.Bytes), size(c.Free())
				if c.Used != nil {
					used += " " + bar(float64(*c.Used)/float64(c.Bytes))
				}
			}
			row(c.Target, accounts, size(c.Committed), used, room, free, dash(spark(c.Days)))
		}
	})
	for _, c := range all {
		if c.Bytes == 0 {
			continue
		}
		args := domain.Args{"target": c.Target}
		switch {
		case c.Growth == nil:
			fmt.Fprintln(w, say("unknown", args))
		case c.Used != nil && *c.Used >= c.Bytes:
			fmt.Fprintln(w, say("is_full", args))
		case c.FullOn.IsZero():
			fmt.Fprintln(w, say("not_soon", args))
		default:
			args["month"] = c.FullOn.Month()
			fmt.Fprintln(w, say("full", args))
		}
	}
}

// bar shows a part of a whole.
func bar(part float64) string {
	const cells = 10
	n := int(math.Round(min(max(part, 0), 1) * cells))
	return strings.Repeat("█", n) + strings.Repeat("░", cells-n)
}

// spark shows how what is used has grown, in at most twenty steps.
func spark(days []processes.UsageTotal) string {
	if len(days) < 2 {
		return ""
	}
	const most = 20
	levels := []rune("▁▂▃▄▅▆▇█")
	var points []domain.Bytes
	for i := range min(len(days), most) {
		points = append(points, days[i*(len(days)-1)/max(min(len(days), most)-1, 1)].Used)
	}
	least, top := points[0], points[0]
	for _, p := range points {
		least, top = min(least, p), max(top, p)
	}
	var out []rune
	for _, p := range points {
		level := 0
		if top > least {
			level = int(float64(p-least) / float64(top-least) * float64(len(levels)-1))
		}
		out = append(out, levels[level])
	}
	return string(out)
}
