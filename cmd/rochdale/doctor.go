package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/processes"
)

type doctorCmd struct {
	Settings bool `help:"Print all settings, with their flags, variables and defaults, and look at nothing."`
}

func (doctorCmd) Help() string {
	return `Examples:
  rochdale doctor
  rochdale doctor --json
  rochdale doctor --settings`
}

// A finding is something that was looked at.
type finding struct {
	What  string `json:"what"`
	State string `json:"state"` // ok, warning or broken
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"`
}

// errUnwell refuses to call well what is broken.
var errUnwell = domain.Refusal{Code: "rochdale.unwell", Reason: "something is broken: see above what to do"}

// Run looks at everything that can go wrong.
func (c doctorCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	if c.Settings {
		writeSettings(t.out, t.app.Model)
		return nil
	}
	var found []finding
	note := func(what, state, says, do string) { found = append(found, finding{what, state, says, do}) }
	for _, s := range strays(t.app.Model) {
		note("environment", "warning", "there is no setting "+s.variable, s.do())
	}
	err := withHouse(ctx, g, t, func(h *house) error {
		h.examine(ctx, note)
		return nil
	})
	if err != nil {
		note("log", "broken", err.Error(), "check --log, --master-key and that the database runs")
	}
	broken := false
	for _, f := range found {
		broken = broken || f.State == "broken"
	}
	err = t.print(g, found, func(w io.Writer) {
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(tw, "%s\t%s\t%s\n", strings.ToUpper(f.State), f.What, f.Says)
			if f.Do != "" {
				fmt.Fprintf(tw, "\t\t→ %s\n", f.Do)
			}
		}
		_ = tw.Flush()
	})
	if err == nil && broken {
		err = errUnwell
	}
	return err
}

func (h *house) examine(ctx context.Context, note func(what, state, says, do string)) {
	check := func(what string, err error, says, do string) bool {
		if err != nil {
			note(what, "broken", err.Error(), do)
			return false
		}
		note(what, "ok", says, "")
		return true
	}
	head, err := h.store.Log.Head(ctx)
	if !check("log", err, fmt.Sprintf("%d events in %s", head, redacted(h.logURL())), "check that the database runs and can be reached") {
		return
	}
	h.examineKey(note)
	if !check("keys", h.store.CheckKeys(ctx), "those of the first and the last events are there", "restore them: rochdale keys import FILE. Until then start nothing, lest other keys be made in their place") {
		return
	}
	rules, _, err := h.rules(ctx)
	if !check("statutes", err, fmt.Sprintf("%s, version %d", rules.Name, rules.Version), "found a co-op: rochdale init --preset nubo") {
		return
	}
	if err := h.openViews(ctx, rules); !check("read models", err, "they can be opened", "delete the folder views in "+h.Data+": it is made again") {
		return
	}
	defer h.models.Close() //nolint:errcheck // they can be made again
	if err := h.models.CatchUp(ctx); check("read models", err, "they have caught up with the log", "look at the event that the message names") {
		h.examineProcesses(ctx, note)
	}
	h.examineWebhooks(ctx, note)
	services, err := openServices(ctx, h.Globals, h.store.Log.KV())
	if check("services", err, "mail and storage can be opened", "check --mailboxes and the data folder") {
		defer services.close()
		for _, t := range services.targets {
			check(t.Name, t.At.Check(ctx), "it can be reached", "see docs/operations.md")
		}
		forsaken, err := h.reconciler(services).Forsaken(ctx)
		if err != nil {
			note("services", "broken", err.Error(), "check the read models")
		}
		for _, f := range forsaken {
			note(f.Target, "warning", forsakenText(f), "have it in --services again: what was wished meanwhile is done then; a node is emptied by rochdale accounts drain before it goes; a mirror that is gone for good is forgotten by rochdale targets forget")
		}
		for name, boxes := range services.boxes() {
			if n, err := boxes.Unremoved(ctx, time.Hour); err == nil && n > 0 { // tables that cannot be read were told of
				note(name, "warning", fmt.Sprintf("%d mailboxes of deleted accounts are still on the mail server", n), "have rochdale-mail-tidy.timer run there: see docs/operations.md")
			}
		}
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(h.Data, &fs); err == nil {
		free := domain.Bytes(fs.Bavail) * domain.Bytes(fs.Bsize)
		state, do := "ok", ""
		if free < domain.GB {
			state, do = "warning", "make room: without any, nothing can be recorded"
		}
		note("disk", state, catalogue.Size(h.Language, free)+" free in "+h.Data, do)
	}
}

func (h *house) examineKey(note func(what, state, says, do string)) {
	path := h.masterKey()
	info, err := os.Stat(path)
	switch {
	case err != nil:
		note("master key", "broken", err.Error(), "restore it: without it personal data cannot be read")
	case info.Mode().Perm()&0o077 != 0:
		note("master key", "warning", fmt.Sprintf("%s can be read by others (%v)", path, info.Mode().Perm()), "chmod 600 "+path)
	case filepath.Dir(path) == h.Data:
		note("master key", "warning", path+" lies beside the log", "keep it elsewhere, and name it with --master-key: who steals the folder should not have both")
	default:
		note("master key", "ok", path, "")
	}
}

func (h *house) examineProcesses(ctx context.Context, note func(what, state, says, do string)) {
	runner := h.runner(h.reconciler(&services{}), "coop.example", h.notices(postFlags{}, nil, "").Process())
	all, err := runner.Status(ctx)
	letters, failed := runner.DeadLetters(ctx, "")
	if err = errors.Join(err, failed); err != nil {
		note("processes", "broken", err.Error(), "check the database")
		return
	}
	others := map[string]int{} // relays, and what runs by other settings than these
	for _, d := range letters {
		if !strings.HasPrefix(d.Process, "webhook/") && !slices.ContainsFunc(all, func(s processes.Status) bool { return s.Process == d.Process }) {
			others[d.Process]++
		}
	}
	for _, process := range slices.Sorted(maps.Keys(others)) {
		all = append(all, processes.Status{Process: process, Dead: others[process]})
	}
	for _, s := range all {
		if s.Dead > 0 {
			note("process "+s.Process, "warning", fmt.Sprintf("%d events could not be answered", s.Dead), "see rochdale log dead, and replay them when the cause is mended")
			continue
		}
		note("process "+s.Process, "ok", fmt.Sprintf("through position %d", s.Position), "")
	}
}

// patient is how long an endpoint may take nothing before somebody should look.
const patient = time.Hour

func (h *house) examineWebhooks(ctx context.Context, note func(what, state, says, do string)) {
	all, err := h.webhooks(hookFlags{}, "").All(ctx)
	if err != nil {
		note("webhooks", "broken", err.Error(), "check the database")
		return
	}
	for _, s := range all {
		what, since := "webhook "+s.ID, s.Since.In(time.Local).Format(time.DateTime)
		switch {
		case s.Disabled != "":
			note(what, "warning", "it is disabled: "+s.Disabled, "rochdale webhooks enable "+s.ID+" when it takes events again; or remove it")
		case s.Outage != "" && h.store.Now().Sub(s.Since) > patient:
			note(what, "warning", fmt.Sprintf("%s takes nothing since %s: %s", s.URL, since, s.Outage), "see rochdale webhooks journal "+s.ID+", and have whoever runs it look")
		case s.Dead > 0:
			note(what, "warning", fmt.Sprintf("%d events were not taken", s.Dead), "see rochdale log dead, and rochdale webhooks retry them when the cause is mended")
		case s.Outage != "":
			note(what, "ok", fmt.Sprintf("it takes nothing since %s, and is tried again", since), "")
		default:
			note(what, "ok", fmt.Sprintf("%d events behind", s.Behind), "")
		}
	}
}
