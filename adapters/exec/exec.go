// Package exec keeps the accounts of any service for which there is a program: it
// is given a request as JSON on its standard input, answers in JSON on its standard
// output, and says by its exit code of what class a trouble is. What it writes to
// standard error is part of the error. See docs/adapters.md.
package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
)

// Config is which program, and what it can do. It is written in JSON.
type Config struct {
	Command []string         `json:"command"` // the program, by its whole path, and its arguments
	Dir     string           `json:"dir"`     // in which it runs; empty: the root
	Env     []string         `json:"env"`     // all of its environment, like "LANG=C"
	Timeout Duration         `json:"timeout"` // for one request; missing: a minute
	Can     remote.Abilities `json:"can"`
}

// Duration is written like "30s".
type Duration time.Duration

// UnmarshalJSON reads it.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(s)
	if err == nil && parsed <= 0 {
		err = fmt.Errorf("exec: a time-out of %s", s)
	}
	*d = Duration(parsed)
	return err
}

// Exit codes that say of what class a trouble is, from sysexits.h where it has one.
// Any other is taken for 75 with "it may have happened".
const (
	ExitUnsupported = 64
	ExitInvalid     = 65
	ExitUnavailable = 69
	ExitConflict    = 73
	ExitTransient   = 75
	ExitDenied      = 77
	ExitThrottled   = 79
)

var classes = map[int]fault.Class{
	ExitUnsupported: fault.Unsupported, ExitInvalid: fault.Invalid, ExitUnavailable: fault.Unavailable, ExitConflict: fault.Conflict,
	ExitTransient: fault.Transient, ExitDenied: fault.Denied, ExitThrottled: fault.Throttled,
}

const (
	maxOutput     = 8 << 20
	maxComplaint  = 2 << 10
	defaultWithin = time.Minute
	grace         = 2 * time.Second // for its children to let go of its output
)

// New returns the accounts that a program keeps, which is not run yet.
func New(c Config) (*remote.Told, error) {
	if len(c.Command) == 0 || !strings.HasPrefix(c.Command[0], "/") {
		return nil, fmt.Errorf("exec: the program %q: it is named by its whole path, from / on", c.Command)
	}
	if !c.Can.Service.Valid() {
		return nil, fmt.Errorf("exec: %s: accounts of service %q: there is no such service", c.Command[0], c.Can.Service)
	}
	if c.Timeout == 0 {
		c.Timeout = Duration(defaultWithin)
	}
	if c.Dir == "" {
		c.Dir = "/"
	}
	can := c.Can.Capabilities()
	can.Patience = remote.Patience(time.Duration(c.Timeout))
	return remote.Tells("exec", can, program(c)), nil
}

type program Config

// Tell runs the program once.
func (p program) Tell(ctx context.Context, r remote.Request) (remote.Answer, error) {
	what := fmt.Sprintf("exec: %s: %s", p.Command[0], r.Operation)
	changes := r.Changes()
	input, err := json.Marshal(r) // a password goes to whom it is for, and nowhere else
	if err != nil {
		return remote.Answer{}, fault.New(fault.Invalid, "", "%s: %w", what, err)
	}
	within, cancel := context.WithTimeout(ctx, time.Duration(p.Timeout))
	defer cancel()
	var out, complaint limited
	out.most, complaint.most = maxOutput, maxComplaint
	cmd := exec.CommandContext(within, p.Command[0], p.Command[1:]...) //nolint:gosec // G204: the operator names it
	cmd.Dir, cmd.Env, cmd.WaitDelay = p.Dir, append([]string{}, p.Env...), grace
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &complaint
	asGroup(cmd)
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // it has ended well, and what it has started, such as a server, keeps its output
		err = nil
	}
	if said := r.Discreet(strings.TrimSpace(string(complaint.text))); said != "" && err != nil {
		what += ": " + said
	}
	answer, unread := r.Read(out.text)
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case within.Err() != nil:
		e := (*remote.Trouble)(nil).Fault(fault.Transient, changes, what)
		e.Code, e.Err = "timeout", fmt.Errorf("%s: %w after %v", what, context.Cause(within), time.Duration(p.Timeout))
		return remote.Answer{}, e
	case out.cut:
		return remote.Answer{}, &fault.Error{Class: fault.Transient, Ambiguous: changes, Code: "answer", Err: fmt.Errorf("%s: it answers more than %d bytes", what, maxOutput)}
	case exited:
		class, known := classes[exit.ExitCode()]
		if !known {
			class = fault.Transient
		}
		e := answer.Error.Fault(class, changes, what)
		if e.Code == "" {
			e.Code = fmt.Sprintf("exit %d", exit.ExitCode())
		}
		return remote.Answer{}, e
	case err != nil && cmd.Process == nil: // it cannot even be run
		code := ""
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			code = fault.Settings
		}
		return remote.Answer{}, fault.New(fault.Unavailable, code, "%s: %w", what, err)
	case err != nil:
		return remote.Answer{}, &fault.Error{Class: fault.Transient, Ambiguous: changes, Err: fmt.Errorf("%s: %w", what, err)}
	case unread != nil:
		return remote.Answer{}, &fault.Error{Class: fault.Transient, Ambiguous: changes, Code: "answer", Err: fmt.Errorf("%s: its answer: %w", what, unread)}
	case answer.Error != nil:
		return remote.Answer{}, answer.Error.Fault(fault.Transient, changes, what+": it says that it failed, and exits with 0")
	}
	return answer, nil
}

// limited keeps the beginning of what is written.
type limited struct {
	text []byte
	most int
	cut  bool
}

// Write takes all, and keeps some.
func (l *limited) Write(p []byte) (int, error) {
	room := min(l.most-len(l.text), len(p))
	l.text = append(l.text, p[:room]...)
	l.cut = l.cut || room < len(p)
	return len(p), nil
}
