package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
)

// workEnv tells a test binary that it is one of the writers of [Processes], which
// log to write to, and under what name.
const workEnv = "ROCHDALE_STORETEST_WRITER"

type work struct{ DSN, Name string }

// Processes lets two processes write at once, and kills one of them at any moment,
// several times over. What was acknowledged must be there then, and once. The
// log is made by empty, which says how it is opened; the processes are the test
// binary itself, in which only the calling test is run, and only as far as here.
func Processes(t *testing.T, empty func(*testing.T) (dsn string), open func(ctx context.Context, dsn string) (eventstore.Driver, error)) {
	if given := os.Getenv(workEnv); given != "" {
		var w work
		if err := json.Unmarshal([]byte(given), &w); err != nil {
			t.Fatal(err)
		}
		d, err := open(t.Context(), w.DSN)
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, eventstore.NewLog(d))
		return
	}

	const some = 150 // acknowledgements between two kills
	dsn := empty(t)
	stays, dies := spawn(t, dsn, "stays"), spawn(t, dsn, "dies-0")
	for i := range 4 {
		dies.await(t, some)
		stays.await(t, some)
		_ = dies.cmd.Process.Kill()
		dies.drain(t)
		stays.await(t, some) // is not held up by the dead
		next := spawn(t, dsn, fmt.Sprint("dies-", i+1))
		next.acked = dies.acked
		dies = next
	}
	dies.await(t, some)
	for _, p := range []*writer{stays, dies} {
		_ = p.stdin.Close()
		if p.drain(t); p.err != nil {
			t.Errorf("%s ended with %v: %s", p.name, p.err, p.output.String())
		}
	}

	d, err := open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	whole(t, d)
	there := map[string]int{}
	for r, err := range d.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		there[string(r.Data)]++
	}
	for _, acked := range [][]string{stays.acked, dies.acked} {
		for _, work := range acked {
			if there[work] != 1 {
				t.Errorf("%s was acknowledged, and is there %d times", work, there[work])
			}
		}
	}
	for work, n := range there {
		if n > 1 {
			t.Errorf("%s is there %d times", work, n)
		}
	}
	t.Logf("%d acknowledged, %d there", len(stays.acked)+len(dies.acked), len(there))
}

// write appends until there is no more standard input, and says on descriptor 3
// what has been acknowledged.
func (w work) write(t *testing.T, log *eventstore.Log) {
	acks := os.NewFile(3, "acks")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	role, _, _ := strings.Cut(w.Name, "-")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			versions := map[domain.Stream]int64{}
			for n := 0; ctx.Err() == nil; n++ {
				// its own, or its predecessors'; one that all fight over; and both
				unit := []eventstore.StreamAppend{to(domain.StreamOf("own", role, fmt.Sprint(g)), 0, "own"), to("shared", 0, "shared")}
				unit = [][]eventstore.StreamAppend{unit[:1], unit[1:], unit}[n%3]
				for i := range unit {
					name, _ := json.Marshal(fmt.Sprintf("%s/%d/%d/%d", w.Name, g, n, i))
					unit[i].Records[0].Data = name
				}
				for {
					for i := range unit {
						unit[i].Version = versions[unit[i].Stream]
					}
					_, err := log.Append(ctx, unit...)
					if no, conflict := errors.AsType[eventstore.Conflict](err); conflict {
						versions[no.Stream] = no.Actual
						continue
					}
					if ctx.Err() != nil && errors.Is(err, context.Canceled) {
						return
					}
					if err != nil {
						t.Errorf("%s: %v", w.Name, err)
						return
					}
					break
				}
				line := ""
				for _, a := range unit {
					versions[a.Stream]++
					line += string(a.Records[0].Data) + "\n"
				}
				if _, err := acks.WriteString(line); err != nil { // of the size that a pipe takes as a whole
					return
				}
			}
		})
	}
	wg.Wait()
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

type writer struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer
	acks   chan string
	acked  []string
	output strings.Builder
	err    error // with which it ended, once acks is closed
}

func spawn(t *testing.T, dsn, name string) *writer {
	t.Helper()
	given, err := json.Marshal(work{dsn, name})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	w := &writer{name: name, acks: make(chan string, 1<<16)}
	w.cmd = exec.Command(os.Args[0], "-test.run="+strings.Join(parts, "/"), "-test.count=1")
	w.cmd.Env = append(os.Environ(), workEnv+"="+string(given))
	w.cmd.Stdout, w.cmd.Stderr = &w.output, &w.output
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.cmd.ExtraFiles = []*os.File{write}
	w.stdin, err = w.cmd.StdinPipe()
	if err := errors.Join(err, w.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			w.acks <- lines.Text()
		}
		_ = read.Close()
		w.err = w.cmd.Wait()
		close(w.acks)
	}()
	return w
}

// await waits for some more acknowledgements.
func (w *writer) await(t *testing.T, some int) {
	t.Helper()
	patience := time.After(time.Minute)
	for range some {
		select {
		case ack, ok := <-w.acks:
			if !ok {
				t.Fatalf("%s ended with %v: %s", w.name, w.err, w.output.String())
			}
			w.acked = append(w.acked, ack)
		case <-patience:
			t.Fatalf("%s does not get on", w.name)
		}
	}
}

// drain takes what acknowledgements are left of one that ends.
func (w *writer) drain(t *testing.T) {
	t.Helper()
	patience := time.After(time.Minute)
	for {
		select {
		case ack, ok := <-w.acks:
			if !ok {
				return
			}
			w.acked = append(w.acked, ack)
		case <-patience:
			t.Fatalf("%s does not end", w.name)
		}
	}
}
