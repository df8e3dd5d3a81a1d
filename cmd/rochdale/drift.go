package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/domain/provisioning"
	"rochdale/processes"
)

// withReconciler opens read models, services and what brings accounts there to how
// they are wanted.
func withReconciler(ctx context.Context, g *Globals, t *terminal, work func(*house, *processes.Reconciler) error) error {
	return withServices(ctx, g, t, func(h *house, services *services) error {
		h.store.Keys.Keep(1 << 14)
		return work(h, h.reconciler(services))
	})
}

func table(w io.Writer, heads string, each func(row func(cells ...any))) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, heads)
	each(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, c)
		}
		fmt.Fprintln(tw)
	})
	_ = tw.Flush()
}

func dash(text string) string { return cmp.Or(text, "-") }

type planCmd struct {
	Target string `help:"Only on this target." placeholder:"NAME"`
}

func (planCmd) Help() string {
	return `Each account that is not known to be as it is wanted is looked at; nothing is changed.
Examples:
  rochdale plan
  rochdale plan --target mail --json`
}

// Run shows what would be done.
func (c planCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		plan, err := r.Plan(ctx, c.Target)
		if err != nil {
			return err
		}
		return t.print(g, plan, func(w io.Writer) {
			if len(plan) == 0 {
				fmt.Fprintln(w, "Nothing is to be done.")
				return
			}
			table(w, "TARGET\tACCOUNT\tLOGIN\tSTEPS\tBECAUSE\tHELD", func(row func(...any)) {
				for _, p := range plan {
					steps := make([]string, len(p.Steps))
					for i, s := range p.Steps {
						steps[i] = string(s)
					}
					row(p.Target, p.Account, dash(string(p.Login)), dash(cmp.Or(p.Fails, strings.Join(steps, ", "))), p.Why, dash(p.Held))
				}
			})
		})
	})
}

type driftCmd struct {
	Target string `help:"Only on this target." placeholder:"NAME"`
}

func (driftCmd) Help() string {
	return `Compares each target with how things are wanted, and changes nothing. What is mended by itself is marked heal;
of what is marked ask, a person decides: see rochdale reconcile. Accounts that nobody has ordered are listed too.
Examples:
  rochdale drift
  rochdale drift --target mail --json`
}

// A driftReport is what drift has found on a target.
type driftReport struct {
	Target  string            `json:"target"`
	Check   processes.Check   `json:"check"`
	Drift   []processes.Drift `json:"drift"`
	Trouble string            `json:"trouble,omitempty"` // because of which it was not compared, or not to the end
}

// driftOf compares targets with how things are wanted. One that cannot be compared hides
// none of the others; trouble is that of all of these.
func driftOf(ctx context.Context, r *processes.Reconciler, target string) (all []driftReport, trouble, err error) {
	all = []driftReport{}
	for _, at := range r.Targets {
		if target != "" && at.Name != target || !at.At.Capabilities().Lists {
			continue
		}
		report := driftReport{Target: at.Name, Drift: []processes.Drift{}}
		check, err := r.CheckDrift(ctx, at.Name, func(d processes.Drift) error {
			report.Drift = append(report.Drift, d)
			return nil
		})
		if err != nil {
			err = fmt.Errorf("compare target %s: %w", at.Name, err)
			report.Trouble, trouble = err.Error(), errors.Join(trouble, err)
		}
		report.Check = check
		all = append(all, report)
	}
	if len(all) == 0 {
		_, err := r.CheckDrift(ctx, target, func(processes.Drift) error { return nil }) // says why
		return nil, nil, err
	}
	forsaken, err := r.Forsaken(ctx)
	for _, f := range forsaken {
		if target == "" || target == string(f.Service) {
			all = append(all, driftReport{Target: f.Target, Drift: []processes.Drift{}, Trouble: forsakenText(f)})
		}
	}
	return all, trouble, err
}

// forsakenText says what is to be known of a target that nobody has settings for.
func forsakenText(f processes.Forsaken) string {
	return fmt.Sprintf("%d accounts of %s are on it, and it is no target here: nothing is changed or compared there", f.Accounts, f.Service)
}

// Run shows what differs.
func (c driftCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		all, trouble, err := driftOf(ctx, r, c.Target)
		if err == nil {
			err = t.print(g, all, func(w io.Writer) { showDrift(w, all) })
		}
		return errors.Join(err, trouble)
	})
}

func showDrift(w io.Writer, all []driftReport) {
	some := false
	for _, report := range all {
		some = some || len(report.Drift) > 0
		if report.Trouble != "" {
			says, _, _ := strings.Cut(report.Trouble, "\n")
			fmt.Fprintf(w, "%s: %s.\n", report.Target, says)
			continue
		}
		fmt.Fprintf(w, "%s: %d accounts there, %d wanted, %d being worked on, %d differences.\n",
			report.Target, report.Check.There, report.Check.Wanted, report.Check.Pending, len(report.Drift))
	}
	if !some {
		return
	}
	table(w, "TARGET\tLOGIN\tWHAT\tWANTED\tIS\tPOLICY\tACCOUNT", func(row func(...any)) {
		for _, report := range all {
			for _, d := range report.Drift {
				what := d.Kind
				if d.Kind == processes.DriftDiffers {
					what = string(d.Step)
				}
				row(d.Target, d.Login, what, dash(d.Want), dash(d.Is), d.Policy, dash(string(d.Account)))
			}
		}
	})
}

type reconcileCmd struct {
	Account string `help:"Only this account: whatever differs is mended." placeholder:"ID" xor:"what"`
	Target  string `help:"Only on this target." placeholder:"NAME"`
	Yes     bool   `help:"Answer yes to all that would be asked."`
}

func (reconcileCmd) Help() string {
	return `Does what is waiting, compares each target with how things are wanted, and mends what differs. What would take
something from somebody is asked first. An account that nobody has ordered is never touched: it can be let be, so that
it is not reported again.
Examples:
  rochdale reconcile
  rochdale reconcile --account mail/01976f3e-1d2c-7000-8000-000000000001
  rochdale reconcile --target mail --yes`
}

// A reconciled is what reconcile has come to.
type reconciled struct {
	Mended  int           `json:"mended"`
	Asked   int           `json:"asked"`
	Left    int           `json:"left"` // as they are
	Reports []driftReport `json:"reports"`
	Trouble string        `json:"trouble,omitempty"`
}

// Run brings accounts to how they are wanted.
func (c reconcileCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(asCLI(ctx), g, t, func(h *house, r *processes.Reconciler) error {
		ctx := asCLI(ctx)
		if c.Account != "" {
			if err := r.ReconcileAccount(ctx, domain.AccountID(c.Account)); err != nil {
				return err
			}
			if err := r.Settle(ctx, c.Target, domain.AccountID(c.Account)); err != nil {
				return err
			}
			return accountsWhyCmd{Account: c.Account}.show(ctx, h, r)
		}
		trouble := r.Settle(ctx, c.Target, "")
		if err := h.models.CatchUp(ctx); err != nil {
			return err
		}
		all, apart, err := driftOf(ctx, r, c.Target)
		if err != nil {
			return err
		}
		did := reconciled{Reports: all}
		answers := bufio.NewScanner(t.in)
		for _, report := range all {
			for _, d := range report.Drift {
				if err := c.mend(ctx, r, t, answers, d, &did); err != nil {
					return err
				}
			}
		}
		if settled := r.Settle(ctx, c.Target, ""); settled != nil {
			trouble = settled
		}
		if trouble = errors.Join(trouble, apart); trouble != nil {
			did.Trouble = trouble.Error()
		}
		if err := t.print(g, did, func(w io.Writer) {
			showDrift(w, all)
			fmt.Fprintf(w, "%d mended, %d left as they are.\n", did.Mended, did.Left)
		}); err != nil {
			return err
		}
		return trouble
	})
}

// mend mends a difference, and asks first where that is due.
func (c reconcileCmd) mend(ctx context.Context, r *processes.Reconciler, t *terminal, answers *bufio.Scanner, d processes.Drift, did *reconciled) error {
	sure := d.Policy == processes.Heal
	if !sure {
		did.Asked++
		question := fmt.Sprintf("%s on %s is %s, and wanted: %s. Change it?", d.Login, d.Target, d.Is, d.Want)
		if d.Kind == processes.DriftForeign {
			question = fmt.Sprintf("%s on %s: %s. Let it be, and not report it again?", d.Login, d.Target, d.Want)
		}
		fmt.Fprint(t.err, question, " [y/N] ")
		if sure = c.Yes; c.Yes {
			fmt.Fprintln(t.err, "y")
		} else if answers.Scan() {
			sure = strings.EqualFold(strings.TrimSpace(answers.Text()), "y")
		} else {
			fmt.Fprintln(t.err)
		}
	}
	if !sure || d.Kind == processes.DriftForeign && d.Account != "" {
		did.Left++
		return nil
	}
	if d.Kind == processes.DriftForeign {
		did.Left++
		return r.LeaveForeign(ctx, d.Target, d.Login)
	}
	did.Mended++
	return r.Mend(ctx, d, d.Policy != processes.Heal)
}

type targetsCmd struct {
	List   targetsListCmd   `cmd:"" default:"withargs" help:"How each target is worked with."`
	Pause  targetsPauseCmd  `cmd:"" help:"Have nothing asked of a target until it is resumed."`
	Resume targetsResumeCmd `cmd:"" help:"Have a target worked with again that was paused, or denies us."`
	Answer targetsAnswerCmd `cmd:"" help:"Answer whether so many accounts shall be suspended or deleted at once."`
	Forget targetsForgetCmd `cmd:"" help:"Give up on what is on a target that is gone for good."`

	Capacity targetsCapacityCmd `cmd:"" help:"How much room there is on each target, and until when."`
}

type targetsListCmd struct{}

func (targetsListCmd) Help() string {
	return `A target is closed, as the circuit of a breaker is, while it is worked with; open while it is away, and half_open while
one node looks whether it is back; denied when it does not let us in, until it is resumed; and paused.
Examples:
  rochdale targets
  rochdale targets list --json`
}

// Run lists targets.
func (targetsListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		states, err := r.States(ctx)
		if err != nil {
			return err
		}
		waiting, err := r.Waiting(ctx, "")
		if err != nil {
			return err
		}
		type listed struct {
			processes.TargetState
			Service domain.Service `json:"service"`
			Waiting int            `json:"waiting"`
			GivenUp int            `json:"given_up"`
		}
		all := make([]listed, len(states))
		for i, s := range states {
			all[i] = listed{TargetState: s, Service: r.Targets[i].Service}
			for _, w := range waiting {
				if w.Target == s.Target && w.Parked {
					all[i].GivenUp++
				} else if w.Target == s.Target {
					all[i].Waiting++
				}
			}
		}
		return t.print(g, all, func(w io.Writer) {
			table(w, "TARGET\tSERVICE\tSTATE\tWAITING\tGIVEN UP\tREASON", func(row func(...any)) {
				for _, s := range all {
					row(s.Target, s.Service, s.State, s.Waiting, s.GivenUp, dash(s.Reason))
				}
			})
			for _, s := range all {
				if q := s.Question; q != nil {
					fmt.Fprintf(w, "\n%s: %d of %d accounts are to be suspended or deleted; without asking it would be %d.\n"+
						"Answer with rochdale targets answer %s yes|no.\n", s.Target, q.Ends, q.Of, q.Most, s.Target)
				}
			}
		})
	})
}

type targetsPauseCmd struct {
	Target string `arg:"" help:"Its name."`
	Reason string `required:"" help:"Why."`
}

func (targetsPauseCmd) Help() string {
	return "Example:\n  rochdale targets pause mail --reason 'the server moves until noon'"
}

// Run pauses a target.
func (c targetsPauseCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		return r.Pause(asCLI(ctx), c.Target, c.Reason)
	})
}

type targetsResumeCmd struct {
	Target string `arg:"" help:"Its name."`
}

func (targetsResumeCmd) Help() string { return "Example:\n  rochdale targets resume mail" }

// Run resumes a target.
func (c targetsResumeCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		return r.Resume(asCLI(ctx), c.Target)
	})
}

type targetsAnswerCmd struct {
	Target string `arg:"" help:"Its name."`
	Answer string `arg:"" enum:"yes,no" help:"yes: it shall be done; no: it shall not, until somebody retries it."`
}

func (targetsAnswerCmd) Help() string { return "Example:\n  rochdale targets answer mail no" }

// Run answers a question.
func (c targetsAnswerCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		return r.Answer(asCLI(ctx), c.Target, c.Answer == "yes")
	})
}

type targetsForgetCmd struct {
	Target string `arg:"" help:"Its name, as doctor shows it."`
	Reason string `required:"" help:"Why, for whoever finds this later."`
}

func (targetsForgetCmd) Help() string {
	return `For a mirror that was taken out of the file of services for good: what is on it is not waited for any more. Nothing is
deleted on it: see to that yourself. A node that accounts are on is not forgotten: they are moved away.
Example:
  rochdale targets forget directory --reason 'switched off and wiped on 1 March'`
}

// Run forgets a target.
func (c targetsForgetCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		n, err := r.Forget(asCLI(ctx), c.Target, c.Reason)
		if err != nil {
			return err
		}
		return t.print(g, map[string]any{"target": c.Target, "accounts": n}, func(w io.Writer) {
			fmt.Fprintf(w, "%d accounts on %s are given up there. What is left of them on it was not deleted.\n", n, c.Target)
		})
	})
}

type workCmd struct {
	List  workListCmd  `cmd:"" default:"withargs" help:"What is waiting to be done for accounts, and what was given up."`
	Retry workRetryCmd `cmd:"" help:"Have work tried again now."`
	Skip  workSkipCmd  `cmd:"" help:"Give up on work, for a reason, until the account is wanted otherwise."`
}

type workListCmd struct {
	Target string `help:"Only on this target." placeholder:"NAME"`
	Dead   bool   `help:"Only what was given up."`
}

func (workListCmd) Help() string {
	return `Examples:
  rochdale work
  rochdale work list --dead --json`
}

// Run lists work.
func (c workListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		all, err := r.Waiting(ctx, c.Target)
		if err != nil {
			return err
		}
		if c.Dead {
			all = slices.DeleteFunc(all, func(w processes.Work) bool { return !w.Parked })
		}
		return t.print(g, all, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "Nothing is left to be done.")
				return
			}
			table(w, "TARGET\tACCOUNT\tSINCE\tATTEMPTS\tSTATE\tCLASS\tERROR", func(row func(...any)) {
				for _, k := range all {
					state := "waiting"
					switch {
					case k.Parked:
						state = "given up"
					case k.Holder != "":
						state = "under way"
					case k.Attempts > 0:
						state = "again at " + k.Next.Format("2006-01-02 15:04")
					}
					row(k.Target, k.Account, k.Since.Format("2006-01-02 15:04"), k.Attempts, state, dash(k.Class), dash(k.Error))
				}
			})
		})
	})
}

type workRetryCmd struct {
	Target  string `arg:"" help:"The target, as work list shows it."`
	Account string `arg:"" help:"The account."`
}

func (workRetryCmd) Help() string {
	return "Example:\n  rochdale work retry mail mail/01976f3e-1d2c-7000-8000-000000000001"
}

// Run retries.
func (c workRetryCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		if err := r.Retry(asCLI(ctx), c.Target, domain.AccountID(c.Account)); err != nil {
			return err
		}
		return r.Settle(asCLI(ctx), c.Target, domain.AccountID(c.Account))
	})
}

type workSkipCmd struct {
	Target  string `arg:"" help:"The target, as work list shows it."`
	Account string `arg:"" help:"The account."`
	Reason  string `required:"" help:"Why, for whoever finds this later."`
}

func (workSkipCmd) Help() string {
	return "Example:\n  rochdale work skip mail mail/01976f3e-1d2c-7000-8000-000000000001 --reason 'they keep their old mailbox'"
}

// Run skips.
func (c workSkipCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withReconciler(ctx, g, t, func(_ *house, r *processes.Reconciler) error {
		return r.Skip(asCLI(ctx), c.Target, domain.AccountID(c.Account), c.Reason)
	})
}

type accountsCmd struct {
	List accountsListCmd `cmd:"" default:"withargs" help:"The accounts on all services."`
	Why  accountsWhyCmd  `cmd:"" help:"Why an account exists, and what was done for it."`

	Export accountsExportCmd `cmd:"" help:"A copy of what is in an account of who has died, for heirs."`

	Usage accountsUsageCmd `cmd:"" help:"What accounts hold."`
	Move  accountsMoveCmd  `cmd:"" help:"Move an account to another node of its service."`
	Drain accountsDrainCmd `cmd:"" help:"Move all accounts away from a node that drains."`
}

type accountsListCmd struct {
	Trouble bool `help:"Only those that are not as they are wanted."`
}

func (accountsListCmd) Help() string {
	return `Examples:
  rochdale accounts
  rochdale accounts list --trouble --json`
}

// Run lists accounts.
func (c accountsListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		all, err := h.allAccounts(ctx, c.Trouble)
		if err != nil {
			return err
		}
		return t.print(g, all, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "There are no such accounts.")
				return
			}
			table(w, "ACCOUNT\tLOGIN\tNODE\tQUOTA\tSTATUS\tTROUBLE", func(row func(...any)) {
				for _, a := range all {
					quota := "unlimited"
					if a.Quota != provisioning.Unlimited {
						quota = catalogue.Size(g.Language, a.Quota)
					}
					row(a.ID, dash(string(a.Login)), dash(a.Node), quota, a.Status, dash(a.Trouble))
				}
			})
		})
	})
}
