package access_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rochdale/eventstore"
	"rochdale/processes/access"
)

// left returns how many entries there are under a prefix.
func left(t *testing.T, kv eventstore.KV, prefix string) (n int) {
	t.Helper()
	for _, err := range eventstore.Entries(t.Context(), kv, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestSweep: what has expired goes within the hour, on one node of several; what has not
// stays, and what was renewed meanwhile.
func TestSweep(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := newAccess(&now)
	ask := func() access.Request {
		t.Helper()
		r, err := a.Ask(t.Context(), access.Request{Client: "cloud", Party: "max", Scopes: []string{"openid"}, SignedIn: now})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	due := func(want int) {
		t.Helper()
		if n, err := a.SweepDue(t.Context()); err != nil || n != want {
			t.Errorf("at %v %d were swept, not %d: %v", now, n, want, err)
		}
	}
	old := ask()
	if err := a.KeepCode(t.Context(), old, "a code"); err != nil {
		t.Fatal(err)
	}
	due(0)
	now = now.Add(access.RequestLife)
	fresh := ask()
	due(0) // it is not yet an hour
	now = now.Add(access.RequestLife - time.Second)
	due(0)
	now = now.Add(time.Second)
	renewed := ask()
	due(3) // both requests, and the grant that nothing came of
	if _, err := a.Asked(t.Context(), renewed.ID); err != nil || left(t, a.KV, "request/") != 1 || left(t, a.KV, "grant/") != 0 {
		t.Errorf("%v; %d requests, %d grants", err, left(t, a.KV, "request/"), left(t, a.KV, "grant/"))
	}
	if _, err := a.Asked(t.Context(), fresh.ID); err == nil {
		t.Error("what has expired is there")
	}
	if left(t, a.KV, "code/") != 1 {
		t.Error("a code is forgotten on the day on which it may come again, stolen")
	}
	now = now.Add(24 * time.Hour)
	due(2)
	if left(t, a.KV, "code/") != 0 {
		t.Error("a code is kept for ever")
	}

	// Of several nodes that look at once, one sweeps.
	for range 50 {
		ask()
	}
	now = now.Add(2 * time.Hour)
	var nodes sync.WaitGroup
	var mu sync.Mutex
	var swept []int
	for range 8 {
		nodes.Go(func() {
			n, err := a.SweepDue(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if n > 0 {
				swept = append(swept, n)
			}
		})
	}
	nodes.Wait()
	if len(swept) != 1 || swept[0] != 50 {
		t.Errorf("swept by nodes: %v", swept)
	}
}

// TestSweepIsBounded: one turn deletes so much, and the next goes on without waiting for
// the hour.
func TestSweepIsBounded(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := newAccess(&now)
	const all = 10_050
	var some []eventstore.Change
	for n := range all {
		some = append(some, eventstore.Change{Key: fmt.Sprintf("session/%05d", n), Value: []byte(`{"expires":"2026-04-01T00:00:00Z"}`)})
	}
	if err := a.KV.Put(t.Context(), some...); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{10_000, 50, 0} {
		if n, err := a.SweepDue(t.Context()); err != nil || n != want {
			t.Errorf("%d, %v; want %d", n, err, want)
		}
	}
	if n := left(t, a.KV, "session/"); n != 0 {
		t.Errorf("%d are left", n)
	}
}
