package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/processes"
)

type noticesCmd struct {
	List    noticesListCmd    `cmd:"" help:"What was sent, to whom, and who could not be told."`
	Types   noticesTypesCmd   `cmd:"" help:"What members are told of."`
	Preview noticesPreviewCmd `cmd:"" help:"Show a mail as a member gets it."`
}

type noticesListCmd struct {
	Since   calendar.Date `help:"Only those from this day on." placeholder:"DATE"`
	Skipped bool          `help:"Only those that were not sent: tell these people otherwise."`
	Party   string        `help:"Only those to this party." placeholder:"ID"`
}

func (noticesListCmd) Help() string {
	return `Examples:
  rochdale notices list --since 2026-05-01
  rochdale notices list --skipped`
}

// A sentNotice is a notice as it is listed.
type sentNotice struct {
	membership.NoticeRecorded
	At time.Time `json:"at"`
}

// Run lists notices.
func (c noticesListCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		all, err := h.noticesSent(ctx, func(e membership.NoticeRecorded) bool {
			return !e.On.Before(c.Since) && (!c.Skipped || e.Outcome != membership.NoticeSent) && (c.Party == "" || e.Party == domain.PartyID(c.Party))
		})
		if err != nil {
			return err
		}
		return t.print(g, all, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "There are no such notices.")
				return
			}
			tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "DAY\tNOTICE\tPARTY\tLANGUAGE\tOUTCOME")
			for _, n := range all {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", n.On, n.Kind, n.Party, n.Language, n.Outcome)
			}
			_ = tw.Flush()
		})
	})
}

// noticesSent returns those that somebody wants, oldest first.
func (h *house) noticesSent(ctx context.Context, wanted func(membership.NoticeRecorded) bool) ([]sentNotice, error) {
	all, name := []sentNotice{}, h.store.Registry.Name(membership.NoticeRecorded{})
	for rec, err := range h.store.Log.All(ctx, 0) {
		if err != nil {
			return nil, err
		}
		if rec.Type != name {
			continue
		}
		event, err := h.store.Decode(ctx, rec)
		if err != nil {
			return nil, err
		}
		if e, is := event.(membership.NoticeRecorded); is && wanted(e) {
			all = append(all, sentNotice{e, rec.RecordedAt})
		}
	}
	return all, nil
}

type noticesTypesCmd struct{}

func (noticesTypesCmd) Help() string { return "Example:\n  rochdale notices types --json" }

// Run lists the kinds of notice.
func (noticesTypesCmd) Run(g *Globals, t *terminal) error {
	return t.print(g, processes.NoticeKinds(), func(w io.Writer) {
		for _, kind := range processes.NoticeKinds() {
			subject, _, _ := processes.SampleNotice(kind, g.Language, "Rochdale")
			fmt.Fprintf(w, "%-24s %s\n", kind, subject)
		}
	})
}

type noticesPreviewCmd struct {
	Type string `arg:"" help:"What it tells, as notices types lists it."`
}

func (noticesPreviewCmd) Help() string {
	return `Examples:
  rochdale notices preview admitted --language fr
  rochdale notices preview application_to_pay --language nl`
}

// Run shows a notice to nobody, in the name of no co-op.
func (c noticesPreviewCmd) Run(g *Globals, t *terminal) error {
	subject, text, err := processes.SampleNotice(membership.NoticeKind(c.Type), g.Language, "Rochdale")
	if err != nil {
		return err
	}
	return t.print(g, map[string]string{"type": c.Type, "subject": subject, "text": text}, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n\n%s", subject, text)
	})
}
