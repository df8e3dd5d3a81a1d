package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/feed"
)

type logCmd struct {
	Dump   logDumpCmd   `cmd:"" help:"Write the whole log, one event a line: its backup."`
	Load   logLoadCmd   `cmd:"" help:"Restore a dump into an empty log."`
	Verify logVerifyCmd `cmd:"" help:"Read everything, and say whether it is whole."`
	Tail   logTailCmd   `cmd:"" help:"Show the last events, and those to come."`
	Dead   logDeadCmd   `cmd:"" help:"List the events that a process could not answer."`
	Replay logReplayCmd `cmd:"" help:"Have a process answer one of them once more."`
	Skip   logSkipCmd   `cmd:"" help:"Give up on one of them, for a reason."`
}

// writeLines writes the events after a position, one a line.
func writeLines(w io.Writer, records iter.Seq2[eventstore.Record, error], progress func(position int64)) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	for rec, err := range records {
		if err != nil {
			return err
		}
		text, err := rec.Line()
		if err != nil {
			return err
		}
		if _, err := buffered.Write(append(text, '\n')); err != nil {
			return err
		}
		progress(rec.Position)
	}
	return buffered.Flush()
}

// writeEvents writes the events of the log after a position to a file, with a
// progress bar.
func (h *house) writeEvents(ctx context.Context, out string, after int64) error {
	head, err := h.store.Log.Head(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(h.t, "events")
	defer bar.end()
	return toFile(h.t, out, func(w io.Writer) error {
		return writeLines(w, h.store.Log.All(ctx, after), func(position int64) { bar.show(int(position-after), int(head-after)) })
	})
}

type logDumpCmd struct {
	Out string `short:"o" help:"The file to write; by default what is printed." placeholder:"FILE" type:"path"`
}

func (logDumpCmd) Help() string {
	return `Personal data stays sealed: the keys are not in the dump. Back them up with rochdale keys export, elsewhere.
Examples:
  rochdale log dump -o log.jsonl
  rochdale log dump | zstd > log.jsonl.zst`
}

// Run writes the whole log.
func (c logDumpCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error { return h.writeEvents(ctx, c.Out, 0) })
}

type logLoadCmd struct {
	File string `arg:"" help:"A dump, or - for standard input." type:"existingfile"`
}

func (logLoadCmd) Help() string {
	return `Every event comes back to its position, byte for byte, on SQLite as on PostgreSQL. A restoration that was cut short
goes on when it is made again. A log that has other events is left as it is.
Examples:
  rochdale log load log.jsonl
  zstd -dc log.jsonl.zst | rochdale log load - --log postgres://rochdale@db/rochdale`
}

// Run restores a dump.
func (c logLoadCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	in, size := t.in, int64(0)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	return withNewHouse(ctx, g, t, func(h *house) error {
		counted := &counter{r: in}
		bar := newProgress(t, "bytes")
		written, err := h.store.Log.Restore(ctx, readLines(counted, c.File), func(int64) { bar.show(int(counted.n), int(size)) })
		bar.end()
		if err != nil {
			return fmt.Errorf("%w; %d events were restored before that, and the same command goes on from there", err, written)
		}
		head, err := h.store.Log.Head(ctx)
		if err != nil {
			return err
		}
		return t.print(g, map[string]any{"restored": written, "position": head}, func(w io.Writer) {
			fmt.Fprintf(w, "%d events restored; the log is at position %d. Look whether it is whole: rochdale log verify\n", written, head)
		})
	})
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// readLines reads events, one a line. An error names the line.
func readLines(r io.Reader, name string) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 1<<16), 4*eventstore.MaxData)
		n := 0
		for lines.Scan() {
			n++
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			rec, err := eventstore.ParseLine(lines.Bytes())
			if err != nil {
				err = usageError{fmt.Errorf("%s, line %d: %w", name, n, err)}
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
			yield(eventstore.Record{}, usageError{fmt.Errorf("%s, line %d: longer than any event is", name, n+1)})
		} else if err != nil {
			yield(eventstore.Record{}, err)
		}
	}
}

type logVerifyCmd struct{}

func (logVerifyCmd) Help() string {
	return `Positions and versions have no gap, types and editions are known, and what is stored decodes, personal data with its keys.
Examples:
  rochdale log verify
  rochdale log verify --json`
}

// errFlawed refuses to call whole what is not.
var errFlawed = domain.Refusal{Code: "rochdale.log_flawed", Reason: "the log has {flaws} flaws: restore a backup, or the keys that belong to it"}

// Run reads everything.
func (logVerifyCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		head, err := h.store.Log.Head(ctx)
		if err != nil {
			return err
		}
		if err := h.store.Keys.Warm(ctx); err != nil {
			return err
		}
		bar := newProgress(t, "events")
		v, err := h.store.Verify(ctx, func(position int64) { bar.show(int(position), int(head)) })
		bar.end()
		if err != nil {
			return err
		}
		err = t.print(g, v, func(w io.Writer) {
			for _, f := range v.Flaws {
				fmt.Fprintf(w, "position %d: %s\n", f.Position, f.Says)
			}
			if v.More > 0 {
				fmt.Fprintf(w, "and %d more\n", v.More)
			}
			if len(v.Flaws) == 0 {
				fmt.Fprintf(w, "The log is whole: %d events in %d streams, of which %d had personal data that is erased.\n", v.Events, v.Streams, v.Erased)
			}
		})
		if flaws := int64(len(v.Flaws)) + v.More; err == nil && flaws > 0 {
			err = errFlawed.With("flaws", flaws)
		}
		return err
	})
}

type logTailCmd struct {
	N      int64    `short:"n" help:"How many of the last events to show first." default:"10"`
	After  *int64   `help:"Show those after this position instead: the cursor of a consumer." placeholder:"POSITION"`
	Cursor string   `help:"Keep the position in this file, and begin after the one that is there: each event is shown at least once, however often this is run." placeholder:"FILE" type:"path"`
	Types  []string `help:"Only those of these types, like assembly.vote_cast, or membership.* for all of a module."`
	Follow bool     `short:"f" help:"Go on with those to come, until it is interrupted."`
}

func (logTailCmd) Help() string {
	return `Personal data stays sealed. With --json there is one event a line, as in a dump.
Examples:
  rochdale log tail
  rochdale log tail -f --after 1200 --json
  rochdale log tail --cursor /var/lib/rochdale/mailing.cursor --types membership.* --json | while read -r event; do …; done`
}

// Run shows events as they come.
func (c logTailCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	if c.Cursor != "" && c.After != nil {
		return misused("--cursor and --after both say where to begin: give one of them")
	}
	return withHouse(ctx, g, t, func(h *house) error {
		types, err := feed.TypesOf(h.store.Registry, c.Types...)
		if err != nil {
			return err
		}
		head, err := h.store.Log.Head(ctx)
		if err != nil {
			return err
		}
		after := max(0, head-c.N)
		if c.After != nil {
			after = *c.After
		}
		if after < 0 {
			return misused("--after %d: positions begin with 1", after)
		}
		var at cursor
		if c.Cursor != "" {
			if at, err = openCursor(c.Cursor); err != nil {
				return err
			}
			after = at.position
		}
		if err := feed.Within(ctx, h.store.Log, after); err != nil {
			return err
		}
		records := h.store.Log.All(ctx, after)
		if c.Follow {
			records = h.store.Log.Follow(ctx, after)
		}
		for rec, err := range records {
			if err != nil && !c.Follow {
				return errors.Join(err, at.save())
			}
			if err != nil { // it goes on by itself
				t.log.Warn("the log cannot be read: trying again", "err", err)
				continue
			}
			if types.Want(rec.Type) {
				text, err := rec.Line()
				if err != nil {
					return errors.Join(err, at.save())
				}
				if !g.JSON {
					text = fmt.Appendf(nil, "%7d  %s  %-32s %s  by %s  %s", rec.Position, rec.RecordedAt.In(time.Local).Format(time.DateTime), rec.Type, rec.Stream, rec.Actor, rec.Data)
				}
				if _, err := t.out.Write(append(text, '\n')); err != nil {
					return errors.Join(err, at.save()) // whoever reads has gone, and gets this one again
				}
			}
			if err := at.reached(rec.Position); err != nil {
				return err
			}
		}
		return at.save()
	})
}

// A cursor is a position that is kept in a file, if it has a name.
type cursor struct {
	file            string
	position, saved int64
	at              time.Time // when it was saved
}

// openCursor reads one: of a file that is not there yet, the beginning of the log.
func openCursor(file string) (c cursor, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return cursor{file: file}, nil
	}
	if err != nil {
		return c, err
	}
	c.file = file
	if c.position, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil || c.position < 0 {
		return c, misused("--cursor %s: there is no position in it, but %.40q: write one, or remove the file to begin at the beginning", file, text)
	}
	c.saved = c.position
	return c, nil
}

// reached moves the cursor on, and saves it now and then.
func (c *cursor) reached(position int64) error {
	c.position = position
	if c.file == "" || position-c.saved < 100 && time.Since(c.at) < 100*time.Millisecond {
		return nil
	}
	return c.save()
}

// save writes the file as a whole or not at all.
func (c *cursor) save() error {
	if c.file == "" || c.position == c.saved {
		return nil
	}
	if err := os.WriteFile(c.file+".new", fmt.Appendf(nil, "%d\n", c.position), 0o600); err != nil {
		return err
	}
	c.saved, c.at = c.position, time.Now()
	return os.Rename(c.file+".new", c.file)
}

type logDeadCmd struct {
	Process string `arg:"" optional:"" help:"Only those of this process."`
	Skipped bool   `help:"Those that somebody has given up on, with who, when and why."`
}

func (logDeadCmd) Help() string {
	return `What each class of error asks for is in docs/operations.md.
Examples:
  rochdale log dead
  rochdale log dead provisioning-mail --json
  rochdale log dead --skipped`
}

// Run lists dead letters.
func (c logDeadCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		if c.Skipped {
			return c.skipped(ctx, h)
		}
		letters, err := processes.NewRunner(h.store, t.log).DeadLetters(ctx, c.Process)
		if err != nil {
			return err
		}
		if letters == nil {
			letters = []processes.DeadLetter{}
		}
		return t.print(g, letters, func(w io.Writer) {
			if len(letters) == 0 {
				fmt.Fprintln(w, "No event is left unanswered.")
				return
			}
			tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "PROCESS\tPOSITION\tEVENT\tCLASS\tSINCE\tATTEMPTS\tERROR")
			for _, d := range letters {
				fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%d\t%s\n", d.Process, d.Position, d.Type, d.Class, d.At.In(time.Local).Format(time.DateTime), d.Attempts, d.Error)
			}
			_ = tw.Flush()
			fmt.Fprintf(w, "Once the cause is mended: rochdale log replay %s %d\n", letters[0].Process, letters[0].Position)
		})
	})
}

// skipped lists those that were given up on.
func (c logDeadCmd) skipped(ctx context.Context, h *house) error {
	letters, err := processes.NewRunner(h.store, h.t.log).Skipped(ctx, c.Process)
	if err != nil {
		return err
	}
	if letters == nil {
		letters = []processes.SkippedLetter{}
	}
	return h.t.print(h.Globals, letters, func(w io.Writer) {
		if len(letters) == 0 {
			fmt.Fprintln(w, "No event was skipped.")
			return
		}
		table(w, "PROCESS\tPOSITION\tEVENT\tSKIPPED\tBY\tREASON", func(row func(...any)) {
			for _, s := range letters {
				row(s.Process, s.Position, s.Type, s.Skipped.In(time.Local).Format(time.DateTime), s.By, s.Reason)
			}
		})
	})
}

type logSkipCmd struct {
	Process  string `arg:"" help:"The process, as log dead shows it."`
	Position int64  `arg:"" help:"The position of the event."`
	Reason   string `required:"" help:"Why, for whoever finds this later."`
}

func (logSkipCmd) Help() string {
	return "Example:\n  rochdale log skip notices 1204 --reason 'she was told by telephone'"
}

// Run skips a dead letter.
func (c logSkipCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		if err := processes.NewRunner(h.store, t.log).Skip(asCLI(ctx), c.Process, c.Position, c.Reason); err != nil {
			return err
		}
		return t.print(g, map[string]any{"process": c.Process, "position": c.Position, "skipped": true}, func(w io.Writer) {
			fmt.Fprintf(w, "Process %s does not answer the event at position %d any more.\n", c.Process, c.Position)
		})
	})
}

type logReplayCmd struct {
	serviceFlags
	postFlags
	relayFlags
	URL      string `name:"url" help:"Under which people reach the co-op: relays name events by it." placeholder:"URL" env:"ROCHDALE_URL"`
	Process  string `arg:"" help:"The process, as log dead shows it."`
	Position int64  `arg:"" help:"The position of the event."`
}

func (logReplayCmd) Help() string {
	return `Processes that need them are replayed with the settings of serve: notices with --smtp, relays with --relay.
Examples:
  rochdale log replay provisioning-mail 1204
  rochdale log replay relay-nats-broker-4222EVENTS 1204 --relay nats://broker:4222/EVENTS`
}

// Run replays a dead letter.
func (c logReplayCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withServices(ctx, g, t, func(h *house, services *services) error {
		var mails []processes.Process
		if c.SMTP != "" {
			post, err := h.post(c.postFlags)
			if err != nil {
				return err
			}
			c.NoticeDays = 36_500 // whoever asks for it wants it sent
			mails = append(mails, h.notices(c.postFlags, post, c.URL).Process())
		}
		relays, end, err := c.open(h, c.URL)
		if err != nil {
			return err
		}
		defer end()
		runner := h.runner(h.reconciler(services), c.MailDomain, append(mails, relays...)...)
		runner.Tell(h.webhooks(hookFlags{}, c.URL))
		answered, err := runner.Replay(ctx, c.Process, c.Position)
		if err != nil {
			return err
		}
		return t.print(g, map[string]any{"process": c.Process, "position": c.Position, "answered": answered}, func(w io.Writer) {
			if !answered {
				fmt.Fprintf(w, "The endpoint %s is told the event at position %d anew.\n", c.Process, c.Position)
				return
			}
			fmt.Fprintf(w, "Process %s has answered the event at position %d.\n", c.Process, c.Position)
		})
	})
}
