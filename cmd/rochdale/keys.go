package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/eventstore"
)

type keysCmd struct {
	Export keysExportCmd `cmd:"" help:"Write the keys of personal data, wrapped by the master key: their backup."`
	Import keysImportCmd `cmd:"" help:"Restore them beside a log that was restored."`
	Rotate keysRotateCmd `cmd:"" help:"Seal a party's data of a class under a new key from now on."`
	Rewrap keysRewrapCmd `cmd:"" help:"Change the master key."`
}

type keysExportCmd struct {
	Out string `short:"o" help:"The file to write; by default what is printed." placeholder:"FILE" type:"path"`
}

func (keysExportCmd) Help() string {
	return `Who has this file, the master key and a dump of the log can read all personal data: keep the three apart. An old copy brings
back what was erased after it was made.
Example:
  rochdale keys export -o keys.jsonl`
}

// Run writes the keys.
func (c keysExportCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		return toFile(t, c.Out, func(w io.Writer) error { return h.store.Keys.Export(ctx, w) })
	})
}

type keysImportCmd struct {
	File string `arg:"" help:"What keys export wrote." type:"existingfile"`
}

func (keysImportCmd) Help() string {
	return `The master key must be that of the log from which they come. Keys that are there, or were destroyed, stay as they are.
Example:
  rochdale keys import keys.jsonl --master-key /etc/rochdale/master.key`
}

// Run restores keys.
func (c keysImportCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	return withNewHouse(ctx, g, t, func(h *house) error {
		restored, err := h.store.Keys.Import(ctx, bufio.NewReader(f))
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		return t.print(g, map[string]any{"restored": restored}, func(w io.Writer) { fmt.Fprintf(w, "%d keys restored.\n", restored) })
	})
}

type keysRotateCmd struct {
	Party domain.PartyID `arg:"" help:"The party."`
	Class sealed.Class   `help:"Of which data: register, accounting, service or optional; by default all." enum:",register,accounting,service,optional" default:""`
}

func (keysRotateCmd) Help() string {
	return `Do so when a key may have been read by others. What was sealed before can still be read.
Example:
  rochdale keys rotate 018f6a4e-77b0-7d4a-9c1e-0b5d3f6a2c11 --class service`
}

// errNoKey refuses to rotate what there is not.
var errNoKey = domain.Refusal{Code: "rochdale.no_key", Reason: "there is no key of {party}: nothing about them is sealed"}

// Run rotates keys.
func (c keysRotateCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	classes := sealed.Classes
	if c.Class != "" {
		classes = []sealed.Class{c.Class}
	}
	return withHouse(ctx, g, t, func(h *house) error {
		versions := map[sealed.Class]int{}
		for _, class := range classes {
			version, err := h.store.Keys.Version(ctx, c.Party, class)
			if err == nil && version > 0 {
				err = h.store.Keys.Rotate(ctx, c.Party, class)
				versions[class] = version + 1
			}
			if err != nil {
				return err
			}
		}
		if len(versions) == 0 {
			return errNoKey.With("party", c.Party)
		}
		return t.print(g, versions, func(w io.Writer) {
			for class, version := range versions {
				fmt.Fprintf(w, "%s: version %d is in use from now on.\n", class, version)
			}
		})
	})
}

type keysRewrapCmd struct {
	New string `arg:"" help:"File of the new master key; it is made if it is not there." type:"path"`
}

func (keysRewrapCmd) Help() string {
	return `Stop the nodes first, and start them with the new file. A change that was cut short goes on when it is made again.
Example:
  rochdale keys rewrap /etc/rochdale/master-2027.key --master-key /etc/rochdale/master.key`
}

// Run wraps all keys anew.
func (c keysRewrapCmd) Run(ctx context.Context, g *Globals, t *terminal) error {
	return withHouse(ctx, g, t, func(h *house) error {
		master, _, err := eventstore.MasterKey(c.New)
		if err != nil {
			return err
		}
		if err := h.store.Keys.Rewrap(ctx, master); err != nil {
			return err
		}
		return t.print(g, map[string]any{"master_key": c.New}, func(w io.Writer) {
			fmt.Fprintf(w, "All keys are under %s now: back it up, apart from the log, name it with --master-key, and destroy the old one.\n", c.New)
		})
	})
}
