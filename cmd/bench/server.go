package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is a process that answers by HTTP.
type server struct {
	cmd     *exec.Cmd
	address string
	ended   chan struct{}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// program returns the built program.
func (b *bench) program(ctx context.Context) (string, error) {
	if b.binary != "" {
		return filepath.Abs(b.binary)
	}
	return once(b, "program", func() (string, error) {
		path, err := b.file("rochdale")
		if err != nil {
			return "", err
		}
		b.progress("build the program")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "rochdale/cmd/rochdale") //nolint:gosec // G204: the path is ours
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build the program: %w: %s", err, out)
		}
		return path, nil
	})
}

// serve serves a co-op by the program itself.
func (b *bench) serve(ctx context.Context, c *coop) (*server, error) {
	program, err := b.program(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "serve", "--data", c.dir, "--log", c.log, "--listen", "127.0.0.1:0", "--log-json") //nolint:gosec // G204: the program is ours
	return start(cmd, func(line []byte) (address string) {
		var said struct{ Msg, URL string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "serving" {
			if u, err := url.Parse(said.URL); err == nil {
				address = u.Host
			}
		}
		return address
	})
}

// start starts a server, which says on its standard error where it listens.
func start(cmd *exec.Cmd, addressIn func(line []byte) string) (*server, error) {
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, ended: make(chan struct{})}
	found, all := make(chan string, 1), &strings.Builder{}
	go func() {
		defer close(s.ended)
		lines, known := bufio.NewScanner(said), false
		for lines.Scan() {
			if known {
				continue
			}
			fmt.Fprintln(all, lines.Text())
			if address := addressIn(lines.Bytes()); address != "" {
				found <- address
				known = true
			}
		}
		_ = cmd.Wait() // what it said tells why
	}()
	select {
	case s.address = <-found:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("the server ended at its start: %s", all)
	case <-time.After(10 * time.Minute):
		s.stop()
		return nil, fmt.Errorf("the server does not start")
	}
}

// stop has the server finish, and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// rest waits until the server has no more to do by itself: what follows from a past that
// was made up, it does once.
func (s *server) rest(ctx context.Context) error {
	for was := processorTime(s.pid()); ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ended:
			return errors.New("the server ended by itself")
		case <-time.After(2 * time.Second):
		}
		is := processorTime(s.pid())
		if is-was <= 100*time.Millisecond {
			return nil
		}
		was = is
	}
}

// processorTime returns what a process has taken of a processor, as far as the
// system tells: to a hundredth of a second, and on Linux only.
func processorTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(data), ") ") // the name of the program may have blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// residentMemory returns how many bytes of memory a process has, or 0 if the system
// does not tell.
func residentMemory(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
