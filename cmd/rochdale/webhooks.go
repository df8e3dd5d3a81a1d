package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"rochdale/adapters/standardwebhooks"
	"rochdale/processes"
	"rochdale/processes/feed"
)

type webhooksCmd struct {
	Add     webhooksAddCmd     `cmd:"" help:"Enter an endpoint that events are told to; its secret is shown once."`
	List    webhooksListCmd    `cmd:"" help:"List the endpoints, and how they do."`
	Journal webhooksJournalCmd `cmd:"" help:"Show the last attempts to tell an endpoint anything."`
	Test    webhooksTestCmd    `cmd:"" help:"Send an endpoint an event that did not happen."`
	Rotate  webhooksRotateCmd  `cmd:"" help:"Give an endpoint another secret; the one before signs too for a while."`
	Replay  webhooksReplayCmd  `cmd:"" help:"Tell an endpoint once more all that comes after a position."`
	Retry   webhooksRetryCmd   `cmd:"" help:"Tell an endpoint a dead letter once more."`
	Enable  webhooksEnableCmd  `cmd:"" help:"Tell a disabled endpoint events again, from where it was."`
	Disable webhooksDisableCmd `cmd:"" help:"Tell an endpoint nothing until it is enabled."`
	Remove  webhooksRemoveCmd  `cmd:"" help:"Take an endpoint out, with all that is kept of it."`
}

// hookFlags are those of whatever tells endpoints anything.
type hookFlags struct {
	WebhookPrivate bool `help:"Webhooks may lead to private addresses, and to http://." env:"ROCHDALE_WEBHOOK_PRIVATE"`
}

// webhooks returns what tells endpoints events of a co-op that people reach under a URL.
func (h *house) webhooks(f hookFlags, url string) *processes.Webhooks {
	return &processes.Webhooks{
		Store: h.store, Sender: standardwebhooks.New(f.WebhookPrivate, standardwebhooks.Patience), Envelope: feed.Envelope{URL: url},
		Private: f.WebhookPrivate, Log: h.t.log,
	}
}

func withWebhooks(ctx context.Context, g *Globals, t *terminal, f hookFlags, work func(context.Context, *house, *processes.Webhooks) error) error {
	return withHouse(ctx, g, t, func(h *house) error { return work(asCLI(ctx), h, h.webhooks(f, "")) })
}

// secretOf shows a secret, which nobody can be shown again.
func secretOf(t *terminal, g *Globals, hook processes.Webhook, secret string) error {
	data := map[string]any{"id": hook.ID, "url": hook.URL, "secret": secret}
	return t.print(g, data, func(w io.Writer) {
		fmt.Fprintln(w, secret)
		fmt.Fprintf(t.err, "webhook %s to %s. The secret is shown this once: give it to the receiver now.\n", hook.ID, hook.URL)
	})
}

type webhooksAddCmd struct {
	hookFlags
	URL      string   `arg:"" help:"Where events are sent to, by https."`
	About    string   `help:"What it is for."`
	Types    []string `help:"Only events of these types, like assembly.vote_cast, or membership.* for all of a module."`
	Personal bool     `help:"Tell personal data too."`
	After    *int64   `help:"Begin after this position; by default with what comes from now on." placeholder:"POSITION"`
}

func (webhooksAddCmd) Help() string {
	return `Events are signed after Standard Webhooks and come in the envelope of CloudEvents: see docs/pipelines.md.
Examples:
  rochdale webhooks add https://example.org/hook --types membership.*
  rochdale webhooks add https://example.org/hook --after 0 --about "the mailing list"`
}

// Run enters an endpoint.
func (c webhooksAddCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, c.hookFlags, func(ctx context.Context, h *house, w *processes.Webhooks) error {
		after, err := h.store.Log.Head(ctx)
		if err != nil {
			return err
		}
		if c.After != nil {
			after = *c.After
		}
		hook, secret, err := w.Add(ctx, processes.Webhook{URL: c.URL, About: c.About, Types: c.Types, Personal: c.Personal}, after)
		if err != nil {
			return err
		}
		return secretOf(t, g, hook, secret)
	})
}

type webhooksListCmd struct{}

func (webhooksListCmd) Help() string { return "Example:\n  rochdale webhooks list --json" }

// Run lists the endpoints.
func (webhooksListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		all, err := w.All(ctx)
		if err != nil {
			return err
		}
		if all == nil {
			all = []processes.HookStatus{}
		}
		return t.print(g, all, func(out io.Writer) {
			tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "ID\tURL\tTYPES\tPERSONAL\tBEHIND\tWAITING\tDEAD\tSTATE")
			for _, s := range all {
				state := "well"
				switch {
				case s.Disabled != "":
					state = "disabled: " + s.Disabled
				case s.Outage != "":
					state = fmt.Sprintf("takes nothing since %s, tried again at %s: %s", s.Since.In(time.Local).Format(time.DateTime), s.NextTry.In(time.Local).Format(time.DateTime), s.Outage)
				}
				fmt.Fprintf(tw, "%s\t%s\t%v\t%t\t%d\t%d\t%d\t%s\n", s.ID, s.URL, s.Types, s.Personal, s.Behind, s.Waiting, s.Dead, state)
			}
			_ = tw.Flush()
		})
	})
}

type webhooksJournalCmd struct {
	ID string `arg:"" help:"As webhooks list shows it."`
	N  int    `short:"n" help:"How many of the last attempts." default:"50"`
}

func (webhooksJournalCmd) Help() string {
	return "Example:\n  rochdale webhooks journal 0198c1a0-5b1e-7c3a-9f00-000000000001 -n 10"
}

// Run shows attempts.
func (c webhooksJournalCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		all, err := w.Journal(ctx, c.ID, c.N)
		if err != nil {
			return err
		}
		if all == nil {
			all = []processes.Delivery{}
		}
		return t.print(g, all, func(out io.Writer) {
			tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "AT\tPOSITION\tEVENT\tATTEMPT\tMS\tSTATUS\tERROR")
			for _, d := range all {
				fmt.Fprintf(tw, "%s\t%d\t%s\t%d\t%d\t%d\t%s\n", d.At.In(time.Local).Format(time.DateTime), d.Position, d.Type, d.Attempt, d.Millis, d.Status, d.Error)
			}
			_ = tw.Flush()
		})
	})
}

type webhooksTestCmd struct {
	hookFlags
	ID string `arg:"" help:"As webhooks list shows it."`
}

func (webhooksTestCmd) Help() string {
	return "The event is of type rochdale.webhook.test.v1.\nExample:\n  rochdale webhooks test 0198c1a0-5b1e-7c3a-9f00-000000000001"
}

// Run sends a test.
func (c webhooksTestCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, c.hookFlags, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		d, err := w.Test(ctx, c.ID)
		if err != nil {
			return err
		}
		if err := t.print(g, d, func(out io.Writer) {
			if d.Error == "" {
				fmt.Fprintf(out, "It was taken: %d, after %d ms.\n", d.Status, d.Millis)
			}
		}); err != nil || d.Error == "" {
			return err
		}
		return fmt.Errorf("webhook %s did not take it: %s", c.ID, d.Error)
	})
}

type webhooksRotateCmd struct {
	ID   string        `arg:"" help:"As webhooks list shows it."`
	Both time.Duration `help:"How long the secret before it signs too." default:"24h"`
}

func (webhooksRotateCmd) Help() string {
	return "Example:\n  rochdale webhooks rotate 0198c1a0-5b1e-7c3a-9f00-000000000001 --both 72h"
}

// Run rotates the secret.
func (c webhooksRotateCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		hook, secret, err := w.Rotate(ctx, c.ID, "", c.Both)
		if err != nil {
			return err
		}
		return secretOf(t, g, hook, secret)
	})
}

type webhooksReplayCmd struct {
	ID    string `arg:"" help:"As webhooks list shows it."`
	After int64  `arg:"" help:"The position after which it begins; 0 for all that ever happened."`
}

func (webhooksReplayCmd) Help() string {
	return "Example:\n  rochdale webhooks replay 0198c1a0-5b1e-7c3a-9f00-000000000001 1200"
}

// Run replays.
func (c webhooksReplayCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		return w.Replay(ctx, c.ID, c.After)
	})
}

type webhooksRetryCmd struct {
	ID       string `arg:"" help:"As webhooks list shows it."`
	Position int64  `arg:"" help:"Of the dead letter, as log dead shows it."`
}

func (webhooksRetryCmd) Help() string {
	return "Example:\n  rochdale webhooks retry 0198c1a0-5b1e-7c3a-9f00-000000000001 1204"
}

// Run retries a dead letter.
func (c webhooksRetryCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		return w.Retry(ctx, c.ID, c.Position)
	})
}

type webhooksEnableCmd struct {
	ID string `arg:"" help:"As webhooks list shows it."`
}

func (webhooksEnableCmd) Help() string {
	return "Example:\n  rochdale webhooks enable 0198c1a0-5b1e-7c3a-9f00-000000000001"
}

// Run enables an endpoint.
func (c webhooksEnableCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error { return w.Enable(ctx, c.ID) })
}

type webhooksDisableCmd struct {
	ID  string `arg:"" help:"As webhooks list shows it."`
	Why string `help:"Why, for whoever lists them." default:"by an operator"`
}

func (webhooksDisableCmd) Help() string {
	return "Example:\n  rochdale webhooks disable 0198c1a0-5b1e-7c3a-9f00-000000000001 --why \"moves to another host\""
}

// Run disables an endpoint.
func (c webhooksDisableCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error {
		return w.Disable(ctx, c.ID, c.Why)
	})
}

type webhooksRemoveCmd struct {
	ID string `arg:"" help:"As webhooks list shows it."`
}

func (webhooksRemoveCmd) Help() string {
	return "Example:\n  rochdale webhooks remove 0198c1a0-5b1e-7c3a-9f00-000000000001"
}

// Run removes an endpoint.
func (c webhooksRemoveCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withWebhooks(ctx, g, t, hookFlags{}, func(ctx context.Context, _ *house, w *processes.Webhooks) error { return w.Remove(ctx, c.ID) })
}
