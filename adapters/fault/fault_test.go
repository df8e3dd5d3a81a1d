package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/fault"
)

func TestClassOf(t *testing.T) {
	late := &fault.Error{Class: fault.Throttled, Ambiguous: true, RetryAfter: time.Minute, Code: "http 429", Err: context.DeadlineExceeded}
	for _, tt := range []struct {
		name      string
		err       error
		class     fault.Class
		ambiguous bool
		permanent bool
		code      string
	}{
		{"no error", nil, "", false, false, ""},
		{"an error of no class may have had its effect", errors.New("reset"), fault.Transient, true, false, ""},
		{"an error of a class", fault.New(fault.Conflict, "ocs 102", "create %s: exists", "anna"), fault.Conflict, false, true, "ocs 102"},
		{"one wrapped", fmt.Errorf("provision: %w", late), fault.Throttled, true, false, "http 429"},
		{"one joined to another", errors.Join(errors.New("reset"), late), fault.Throttled, true, false, "http 429"},
		{"one marked", fault.Permanent(errors.New("closed")), fault.Invalid, false, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			class, ambiguous := fault.ClassOf(tt.err)
			if class != tt.class || ambiguous != tt.ambiguous || fault.IsPermanent(tt.err) != tt.permanent || fault.CodeOf(tt.err) != tt.code {
				t.Errorf("%q, ambiguous %v, permanent %v, code %q", class, ambiguous, fault.IsPermanent(tt.err), fault.CodeOf(tt.err))
			}
		})
	}
	if fault.Permanent(nil) != nil {
		t.Error("nothing is no permanent error")
	}
	if !errors.Is(late, context.DeadlineExceeded) || fault.RetryAfter(fmt.Errorf("so: %w", late)) != time.Minute || fault.RetryAfter(errors.New("so")) != 0 {
		t.Error("an error keeps its cause, and how long to wait")
	}
}

// TestReadRetryAfter: whatever a server asks for, it is not left alone for good.
func TestReadRetryAfter(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "+7": 0, "7": 7 * time.Second, "999999999": fault.Longest, "99999999999999999999999": fault.Longest,
		"Sun, 01 Mar 2026 12:01:00 GMT": time.Minute, "Sun, 01 Mar 2026 11:00:00 GMT": 0, "Fri, 31 Dec 9999 23:59:59 GMT": fault.Longest,
	} {
		if is := fault.ReadRetryAfter(text, now); is != want {
			t.Errorf("%q: %v, want %v", text, is, want)
		}
	}
	if is := fault.RetryAfter(&fault.Error{RetryAfter: 1000 * time.Hour}); is != fault.Longest {
		t.Error(is)
	}
}

func TestClasses(t *testing.T) {
	permanent := map[fault.Class]bool{fault.Denied: true, fault.Conflict: true, fault.Invalid: true, fault.Unsupported: true}
	for _, c := range fault.Classes {
		if c.Permanent() != permanent[c] {
			t.Errorf("%s: permanent %v", c, c.Permanent())
		}
	}
}

func TestMessage(t *testing.T) {
	for want, err := range map[string]error{
		"conflict (ocs 102): create anna: exists": fault.New(fault.Conflict, "ocs 102", "create anna: exists"),
		"transient: reset":                        &fault.Error{Class: fault.Transient, Err: errors.New("reset")},
		"unavailable (http 503)":                  &fault.Error{Class: fault.Unavailable, Code: "http 503"},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestRetry(t *testing.T) {
	passing, lasting := errors.New("busy"), fault.Permanent(errors.New("account closed"))
	asked := &fault.Error{Class: fault.Throttled, RetryAfter: 10 * time.Second}
	for _, tt := range []struct {
		name  string
		says  []error // what each attempt in turn says; the last one for ever
		tries int
		waits time.Duration
		fails bool
	}{
		{"done at once", []error{nil}, 1, 0, false},
		{"trouble passes", []error{passing, passing, nil}, 3, 3 * time.Second, false},
		{"trouble lasts", []error{passing, lasting}, 2, time.Second, true},
		{"patience ends", []error{passing}, 5, 15 * time.Second, true},
		{"the server asks for more time", []error{asked, nil}, 2, 10 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where an hour passes in no time
				start, tries := time.Now(), 0
				err := fault.Retry(t.Context(), fault.Doubling(time.Second, 4), nil, func() error {
					tries++
					return tt.says[min(tries, len(tt.says))-1]
				})
				if waits := time.Since(start); tries != tt.tries || waits != tt.waits || (err != nil) != tt.fails {
					t.Errorf("%d tries in %v: %v", tries, waits, err)
				}
			})
		})
	}
}

// TestRetryGivesUp: who is told of a pause beforehand may say that it is too long.
func TestRetryGivesUp(t *testing.T) {
	asked := &fault.Error{Class: fault.Throttled, RetryAfter: 10 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		start, tries := time.Now(), 0
		err := fault.Retry(t.Context(), fault.Doubling(time.Second, 4), func(pause time.Duration, err error) bool { return pause <= 2*time.Second }, func() error {
			if tries++; tries < 3 {
				return errors.New("busy")
			}
			return asked
		})
		if waits := time.Since(start); tries != 3 || waits != 3*time.Second || !errors.Is(err, asked) {
			t.Errorf("%d tries in %v: %v", tries, waits, err)
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Second, func() { cancel(stop) })
		busy := errors.New("busy")
		err := fault.Retry(ctx, fault.Doubling(time.Minute, 10), nil, func() error { return busy })
		if !errors.Is(err, busy) || !errors.Is(err, stop) {
			t.Error(err)
		}
	})
}
