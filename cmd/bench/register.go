package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"rochdale/eventstore/sqlite"
)

var registerMeasures = []measure{
	{name: "register of shares", begin: writeRegisters},
	{name: "members found", begin: findMembers},
}

// sizes are those of the co-ops that are compared: each ten times the one before.
func (b *bench) sizes() []int { return []int{b.members / 100, b.members / 10, b.members} }

// holders returns a co-op of so many members, who all hold shares.
func (b *bench) holders(ctx context.Context, members int) (*coop, error) {
	return once(b, fmt.Sprint("holders ", members), func() (*coop, error) {
		dir, err := b.dir()
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, "log.db")
		d, err := sqlite.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		c := &coop{dir: dir, log: "sqlite:" + path}
		return c, c.found(ctx, b, d, members, 0, 0, false)
	})
}

// writeRegisters tells how long it takes the program to write the register, for each
// holder, and what memory it has at the most: neither grows with the register.
func writeRegisters(ctx context.Context, b *bench) (*trial, error) {
	program, err := b.program(ctx)
	if err != nil {
		return nil, err
	}
	return &trial{finish: func(ctx context.Context, o *outcome) error {
		var each, peak [2][]float64 // of CSV and PDF, by size
		for _, members := range b.sizes() {
			c, err := b.holders(ctx, members)
			if err != nil {
				return err
			}
			out := filepath.Join(c.dir, "register")
			for i, format := range []string{"csv", "pdf"} {
				var times, memory []float64
				for n := range b.count + 1 {
					b.progress("register of %d holders as %s: %d of %d", members, format, n, b.count)
					cmd := exec.CommandContext(ctx, program, "export", "register", "--data", c.dir, "--log", c.log, "--format", format, "-o", out) //nolint:gosec // G204: the program is ours
					began := time.Now()
					peak, err := watched(cmd)
					if err != nil {
						return fmt.Errorf("write the register: %w", err)
					}
					if n > 0 { // the first fills the read models
						times, memory = append(times, time.Since(began).Seconds()), append(memory, peak)
					}
				}
				if info, err := os.Stat(out); err != nil || info.Size() < int64(members) {
					return wrongf("the register of %d holders as %s is no whole file: %v", members, format, err)
				}
				took := median(times)
				each[i], peak[i] = append(each[i], took*1e6/float64(members)), append(peak[i], median(memory))
				o.figure(fmt.Sprintf("%s of %d", format, members), took, "s", 0)
				o.figure("each", each[i][len(each[i])-1], "µs", 0)
				o.figure("memory", median(memory), "MiB", 0)
			}
		}
		for i, format := range []string{"csv", "pdf"} {
			o.figure(format+": time for each holder, the most to the least", slices.Max(each[i][1:])/each[i][0], "", 1.2)
			o.figure(format+": memory, the most to that of the middle", peak[i][2]/peak[i][1], "", 1.5)
		}
		return nil
	}}, nil
}

// watched runs a program and returns what memory it had at the most, in MiB, as far as
// the system tells. It looks now and then: what is said of one that has ended is at
// least what its parent had.
func watched(cmd *exec.Cmd) (peak float64, err error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				err = fmt.Errorf("%w: %s", err, &said)
			}
			return peak, err
		case <-time.After(3 * time.Millisecond):
			peak = max(peak, float64(residentMemory(cmd.Process.Pid))/(1<<20))
		}
	}
}

// findMembers tells how long it takes to open the page of a member, and to find one by
// name, number and e-mail address, among few and among many.
func findMembers(ctx context.Context, b *bench) (*trial, error) {
	const search = `query($search: String) { members(search: $search, first: 10) { nodes { number name } } }`
	const page = `query($id: ID!) { member(id: $id) ` + memberFields + ` }`
	names := []string{"page", "by name", "by number", "by e-mail"}
	return &trial{finish: func(ctx context.Context, o *outcome) error {
		sizes := b.sizes()
		medians := map[string][]float64{}
		for _, members := range []int{sizes[0], sizes[2]} {
			c, err := b.holders(ctx, members)
			if err != nil {
				return err
			}
			s, err := b.serve(ctx, c)
			if err != nil {
				return err
			}
			times, err := c.find(ctx, b, s, page, search)
			s.stop()
			if err != nil {
				return err
			}
			for i, name := range names {
				mid := milliseconds(median(times[i]))
				medians[name] = append(medians[name], mid)
				o.figure(fmt.Sprintf("%s of %d", name, members), mid, "ms", 0)
			}
		}
		for _, name := range names {
			o.figure(name+": of many to of few", medians[name][1]/medians[name][0], "", 3)
		}
		return nil
	}}, nil
}

// find asks for the page of a member and looks for the member in three ways, one thing
// after another, and returns how long each took.
func (c *coop) find(ctx context.Context, b *bench, s *server, page, search string) (times [4][]time.Duration, err error) {
	if err := await(ctx, s.address); err != nil {
		return times, err
	}
	if err := s.rest(ctx); err != nil {
		return times, err
	}
	conn, err := dial(ctx, s.address)
	if err != nil {
		return times, err
	}
	defer conn.conn.Close() //nolint:errcheck // all that matters was said
	const asked = 300
	for n := range asked * (b.count + 1) {
		i := (n * 7919) % len(c.members)
		name := firstNames[i%len(firstNames)] + " " + lastName(i)
		for k, request := range [][]byte{
			c.query(page, map[string]any{"id": c.members[i]}),
			c.query(search, map[string]any{"search": name}),
			c.query(search, map[string]any{"search": fmt.Sprint(i + 1)}),
			c.query(search, map[string]any{"search": fmt.Sprintf("member%d@coop.example", i+1)}),
		} {
			began := time.Now()
			body, err := conn.do(request)
			if err != nil {
				return times, err
			}
			took := time.Since(began)
			var said struct {
				Data struct {
					Member  struct{ Number int }
					Members struct {
						Nodes []struct {
							Number int
							Name   string
						}
					}
				}
			}
			if err := json.Unmarshal(body, &said); err != nil {
				return times, wrongf("%w: %.200s", err, body)
			}
			nodes := said.Data.Members.Nodes
			if k == 0 && said.Data.Member.Number != i+1 || k == 1 && (len(nodes) == 0 || nodes[0].Name != name) || k > 1 && (len(nodes) == 0 || nodes[0].Number != i+1) {
				return times, wrongf("member %d is looked for, and found is %.300s", i+1, body)
			}
			if n >= asked { // before, it gets going
				times[k] = append(times[k], took)
			}
		}
	}
	return times, nil
}
