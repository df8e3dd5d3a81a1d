package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"rochdale/domain/assembly/count"
)

type tallyCmd struct {
	File   string `arg:"" help:"A file of ballots in the BLT format." type:"existingfile"`
	Method string `help:"How to count: plurality or approval." default:"plurality"`
}

func (tallyCmd) Help() string {
	return `Anyone who has the file can recount it; nothing else is read.
Examples:
  rochdale tally board.blt --method approval
  rochdale tally board.blt --method plurality --json`
}

// Run counts a file of ballots.
func (c tallyCmd) Run(_ context.Context, g *Globals, t *terminal) error {
	method, err := count.Named(c.Method)
	if err != nil {
		return usageError{err}
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	election, err := count.Parse(data, c.File)
	if err != nil {
		return usageError{err}
	}
	result := method.Count(election)
	return t.print(g, result, func(w io.Writer) { fmt.Fprint(w, result.Report()) })
}
