package processes_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/processes"
)

// A plodder takes its time for each account that it makes, and says so.
type plodder struct {
	*memory.Service
	takes, patience time.Duration
}

func (s plodder) Capabilities() provisioning.Capabilities {
	can := s.Service.Capabilities()
	can.Patience = s.patience
	return can
}

func (s plodder) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	select {
	case <-ctx.Done():
		return provisioning.Observed{}, ctx.Err()
	case <-time.After(s.takes):
		return s.Service.Ensure(ctx, want)
	}
}

// TestASlowTargetIsGivenTheTimeItAsksFor, and one that says nothing of it half a minute.
func TestASlowTargetIsGivenTheTimeItAsksFor(t *testing.T) {
	for patience, made := range map[time.Duration]bool{0: false, 3 * time.Minute: true} {
		synctest.Test(t, func(t *testing.T) {
			c := found(t)
			s := c.node()
			at := memory.New(domain.Mail)
			entitle(c, s, "s", "anna.loom@example.org")
			r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: plodder{at, 2 * time.Minute, patience}})
			_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(t.Context())
			if is := c.observe(at, domain.Mail, "anna.loom@example.org"); is.Exists != made {
				t.Errorf("with a patience of %v it is made: %v", patience, is.Exists)
			}
		})
	}
}

// clearing is a service that takes its time to clear away what was deleted.
type clearing struct {
	*memory.Service
	left int // how often it is asked before it is done
}

func (c *clearing) Purge(ctx context.Context, want provisioning.Desired) error {
	if c.left--; c.left >= 0 {
		return fault.New(fault.Transient, "purging", "it waits to be removed")
	}
	return c.Service.Purge(ctx, want)
}

// TestClearingAwayIsNoTrouble: who waits for what is deleted to be cleared away warns of
// nothing, and has the target neither left alone nor called troubled.
func TestClearingAwayIsNoTrouble(t *testing.T) {
	c := found(t)
	s := c.node()
	at := &clearing{memory.New(domain.Mail), 20}
	r := reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: at})
	var said bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelInfo}))
	account := entitle(c, s, "s", "anna.loom@example.org")
	c.settle(s, r)
	execute(c, s, entitlement.Revoke{Subscription: "s", Service: domain.Mail, On: founding})
	for tries := 0; stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)).Status() != provisioning.StatusDeleted; tries++ {
		if tries > 25 {
			t.Fatal("it is never done")
		}
		_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())) // until it is done
	}
	if at.left >= 0 || said.Len() > 0 {
		t.Errorf("asked %d times less, and this was said: %s", at.left+1, &said)
	}
	if n := len(those[provisioning.Failed](c, s)); n > 0 {
		t.Errorf("%d failures are recorded", n)
	}
	if states, err := r.States(t.Context()); err != nil || states[0].State != processes.TargetClosed {
		t.Errorf("the target is %+v, %v", states, err)
	}
}
