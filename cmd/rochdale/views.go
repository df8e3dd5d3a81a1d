package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"rochdale/domain"
	"rochdale/projections"
)

type viewsCmd struct {
	Rebuild viewsRebuildCmd `cmd:"" help:"Make the read models anew from the log."`
	Verify  viewsVerifyCmd  `cmd:"" help:"Make them anew aside, and compare."`
}

type viewsRebuildCmd struct{}

func (viewsRebuildCmd) Help() string { return "Example:\n  rochdale views rebuild" }

// Run makes the read models anew.
func (viewsRebuildCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		bar, began := newProgress(t, "events"), time.Now()
		err := h.models.Rebuild(ctx, func(done, of int64) { bar.show(int(done), int(of)) })
		bar.end()
		if err != nil {
			return err
		}
		took := time.Since(began)
		rate := float64(h.models.Position()) / max(took.Seconds(), 0.001)
		data := map[string]any{"events": h.models.Position(), "seconds": took.Seconds(), "events_per_second": rate}
		return t.print(g, data, func(w io.Writer) {
			fmt.Fprintf(w, "The read models are made anew from %d events, %.0f a second.\n", h.models.Position(), rate)
		})
	})
}

type viewsVerifyCmd struct{}

func (viewsVerifyCmd) Help() string { return "Example:\n  rochdale views verify --json" }

// errDiffer refuses to call read models right that are not.
var errDiffer = domain.Refusal{Code: "rochdale.views_differ", Reason: "the read models differ from the log in {rows} rows: make them anew with rochdale views rebuild"}

// Run compares the read models with some made anew.
func (viewsVerifyCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withModels(ctx, g, t, func(h *house) error {
		bar := newProgress(t, "events")
		differences, err := h.models.Verify(ctx, func(done, of int64) { bar.show(int(done), int(of)) })
		bar.end()
		if err != nil {
			return err
		}
		if differences == nil {
			differences = []projections.Difference{}
		}
		err = t.print(g, differences, func(w io.Writer) {
			for _, d := range differences {
				fmt.Fprintln(w, d)
			}
			if len(differences) == 0 {
				fmt.Fprintf(w, "The read models are what the log says, through position %d.\n", h.models.Position())
			}
		})
		if err == nil && len(differences) > 0 {
			err = errDiffer.With("rows", len(differences))
		}
		return err
	})
}
