package projections_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"rochdale/eventstore/sqlite"
	"rochdale/projections"
)

// childEnv tells the test binary to be a node, and where its files are.
const childEnv = "ROCHDALE_PROJECTIONS_CHILD"

// A child is a node in a process of its own.
type child struct {
	*exec.Cmd
	writes   atomic.Bool
	position atomic.Int64
}

func spawn(t *testing.T, dir string) *child {
	c := &child{Cmd: exec.Command(os.Args[0], "-test.run=^TestNodesThatAreKilled$", "-test.count=1")}
	c.Env, c.Stderr = append(os.Environ(), childEnv+"="+dir), os.Stderr
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var writes bool
			var position int64
			if n, _ := fmt.Sscan(lines.Text(), &writes, &position); n == 2 {
				c.writes.Store(writes)
				c.position.Store(position)
			}
		}
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	if c.ProcessState == nil {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

// be follows the log until it is killed, and says how far it has come.
func be(t *testing.T, dir string) {
	d, err := sqlite.Open(t.Context(), filepath.Join(dir, "log.db"))
	must(t, err)
	m, err := projections.Open(t.Context(), filepath.Join(dir, "views"), nodeOf(d, nil), quiet)
	must(t, err)
	m.SetBatch(5) // so that there are many transactions to be killed in
	run(t, m)
	for said := ""; ; time.Sleep(time.Millisecond) {
		if now := fmt.Sprintln(m.Writes(), m.Position()); now != said {
			if _, err := fmt.Print(now); err != nil {
				return
			}
			said = now
		}
	}
}

// TestNodesThatAreKilled has two processes share a folder, and kills the one that
// writes again and again, while events come.
func TestNodesThatAreKilled(t *testing.T) {
	if dir := os.Getenv(childEnv); dir != "" {
		be(t, dir)
		return
	}
	dir := t.TempDir()
	d, err := sqlite.Open(t.Context(), filepath.Join(dir, "log.db"))
	must(t, err)
	s := nodeOf(d, nil)
	t.Cleanup(func() { must(t, s.Log.Close()) })
	populate(t, s, 40, true)
	writer, reader := spawn(t, dir), spawn(t, dir)
	for round := range 6 {
		soon(t, "one of them writes", func() bool {
			if reader.writes.Load() {
				writer, reader = reader, writer
			}
			return writer.writes.Load()
		})
		if reader.writes.Load() {
			t.Fatal("both write")
		}
		done := make(chan int64)
		go func() {
			var last int64
			for n := range 40 {
				last = speak(t, s, n, other(round))
			}
			done <- last
		}()
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		writer.kill()
		last := <-done
		soon(t, "the other has taken over", func() bool { return reader.writes.Load() && reader.position.Load() >= last })
		writer = spawn(t, dir)
	}
	writer.kill()
	reader.kill()
	m := open(t, filepath.Join(dir, "views"), s)
	must(t, m.CatchUp(t.Context()))
	verified(t, m)
}
