// Package fault sorts the troubles of the world outside, so that whoever meets
// one knows what to do next. It is the one language in which adapters fail.
package fault

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Class says what to do about a trouble.
type Class string

const (
	Transient   Class = "transient"   // try again later, this work alone
	Throttled   Class = "throttled"   // wait as long as is asked, with all work for this server; it counts as no attempt
	Unavailable Class = "unavailable" // the server is away or in maintenance: hold all work for it; it counts as no attempt
	Denied      Class = "denied"      // it refuses us: stop all work for it at once and call an operator, lest it lock us out
	Conflict    Class = "conflict"    // the thing is there and is not ours: a person decides
	Invalid     Class = "invalid"     // it will never accept this wish: park it until the wish changes
	Unsupported Class = "unsupported" // it cannot do this: say so once
)

// Classes are all classes.
var Classes = []Class{Transient, Throttled, Unavailable, Denied, Conflict, Invalid, Unsupported}

// Permanent reports whether no second attempt will mend a trouble of this class.
func (c Class) Permanent() bool {
	switch c {
	case Denied, Conflict, Invalid, Unsupported:
		return true
	case Transient, Throttled, Unavailable:
	}
	return false
}

// Error is a trouble of known class.
type Error struct {
	Class      Class
	Ambiguous  bool          // what was asked may have happened all the same: look before trying again
	RetryAfter time.Duration // how long the server asks to be left alone; 0 if it does not say
	Code       string        // the server's own code, like "ocs 102" or "smtp 452"
	Err        error
}

func (e *Error) Error() string {
	text := string(e.Class)
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an unambiguous error of a class, of which format says what was
// attempted, as [fmt.Errorf] does.
func New(class Class, code, format string, args ...any) *Error {
	return &Error{Class: class, Code: code, Err: fmt.Errorf(format, args...)}
}

// Permanent marks an error that no second attempt will mend, for whoever has no
// better class than [Invalid] for it. It keeps nil as it is.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Class: Invalid, Err: err}
}

// ClassOf returns the class of err, or of the first error of a class that it
// wraps, and whether what was asked may have happened. An error that says neither
// is taken to be transient and ambiguous, which is the safe reading. Nil has no class.
func ClassOf(err error) (class Class, ambiguous bool) {
	if err == nil {
		return "", false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class, e.Ambiguous
	}
	return Transient, true
}

// CodeOf returns the server's own code for err, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Longest is the longest that a server is left alone because it asks to be.
const Longest = 24 * time.Hour

// RetryAfter returns how long the server asks to be left alone, or 0: [Longest] at most,
// whatever it says.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return min(e.RetryAfter, Longest)
	}
	return 0
}

// ReadRetryAfter reads the header of that name (RFC 9110, 10.2.3), which has seconds or
// a date. It is [Longest] at most, and 0 if it says nothing.
func ReadRetryAfter(text string, now time.Time) time.Duration {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		if seconds, err := strconv.Atoi(text); err == nil && seconds < int(Longest/time.Second) {
			return time.Duration(seconds) * time.Second
		}
		return Longest
	}
	if date, err := http.ParseTime(text); err == nil {
		return min(max(0, date.Sub(now)), Longest)
	}
	return 0
}

// Settings is the code of a trouble with what we were set up with, such as a file of a
// password that cannot be read. It is [Unavailable], since the server has said nothing:
// once it is mended, work goes on by itself.
const Settings = "settings"

// IsPermanent reports whether no second attempt will mend err.
func IsPermanent(err error) bool {
	class, _ := ClassOf(err)
	return class.Permanent()
}

// Unreached reports whether no connection was made, so that nothing has happened.
func Unreached(err error) bool {
	op, is := errors.AsType[*net.OpError](err)
	return is && op.Op == "dial"
}

// Doubling yields n pauses, the first as given and each twice the one before.
func Doubling(first time.Duration, n int) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for pause := first; n > 0 && yield(pause); n, pause = n-1, 2*pause {
		}
	}
}

// Retry tries until it succeeds, meets a permanent error, has used up its
// pauses, or ctx ends. A pause is lengthened to what the server asks for. Waits, if
// not nil, is told before each, and of what error; false gives up. It
// returns the last error, joined by the cause of ctx's end if that cut it short.
func Retry(ctx context.Context, pauses iter.Seq[time.Duration], waits func(time.Duration, error) bool, try func() error) error {
	err := try()
	for pause := range pauses {
		if err == nil || IsPermanent(err) {
			break
		}
		if pause = max(pause, RetryAfter(err)); waits != nil && !waits(pause, err) {
			break
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
			err = try()
		}
	}
	return err
}
