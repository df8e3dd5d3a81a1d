package pull_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/pull"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/outsidetest"
)

// store is one in memory.
type store struct {
	mu     sync.Mutex
	values map[string][]byte
	at     map[string]int64
}

func newStore() *store { return &store{values: map[string][]byte{}, at: map[string]int64{}} }

func (s *store) Get(_ context.Context, key string) ([]byte, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key], s.at[key], nil
}

func (s *store) Put(_ context.Context, key string, value []byte, revision int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at[key] != revision {
		return false, nil
	}
	s.values[key], s.at[key] = value, revision+1
	return true, nil
}

func (s *store) Range(_ context.Context, prefix, after string, limit int) (keys []string, values [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if strings.HasPrefix(key, prefix) && key > after && len(keys) < limit {
			keys, values = append(keys, key), append(values, s.values[key])
		}
	}
	return keys, values, nil
}

var can = remote.Abilities{
	Service: domain.Storage, Suspends: true, Lists: true, Inbound: true, Aliases: true, Apps: outsidetest.Can.Apps,
}

func accounts(t testing.TB, wait time.Duration) (*pull.Accounts, *store) {
	t.Helper()
	s := newStore()
	a, err := pull.New(pull.Config{Can: can, Wait: wait}, s)
	if err != nil {
		t.Fatal(err)
	}
	return a, s
}

func TestContract(t *testing.T) {
	t.Parallel()
	a, _ := accounts(t, time.Minute)
	server := httptest.NewServer(pull.Handler(a))
	t.Cleanup(server.Close)
	outsidetest.RunPull(t, a, &outsidetest.Tool{URL: server.URL, Service: outsidetest.New()})
}

func wish(revision int64) provisioning.Desired {
	return provisioning.Desired{
		Ref: provisioning.Ref{Service: domain.Storage, Login: "anna@example.org"}, Account: "a1", Revision: revision,
		Access: provisioning.Active, Quota: domain.GB,
	}
}

// TestReports goes through the rules of reports.
func TestReports(t *testing.T) {
	t.Parallel()
	a, kept := accounts(t, 0)
	pending := func(revision int64) {
		t.Helper()
		_, err := a.Ensure(t.Context(), wish(revision))
		if class, ambiguous := fault.ClassOf(err); class != fault.Transient || !ambiguous || fault.CodeOf(err) != "pending" || fault.RetryAfter(err) != time.Minute {
			t.Fatal(err)
		}
	}
	state := func(quota domain.Bytes) *remote.State {
		return &remote.State{Exists: true, Account: "a1", Quota: &quota, Access: new(provisioning.Active), Inbound: new(provisioning.Accept)}
	}
	report := func(key string, revision int64, s *remote.State) (pull.Receipt, error) {
		return a.Report(t.Context(), pull.Report{Key: key, Service: domain.Storage, Login: wish(1).Login, Revision: revision, State: s})
	}
	taken := func(r pull.Receipt, err error) pull.Receipt {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	refused := func(code string, class fault.Class, err error) {
		t.Helper()
		if is, _ := fault.ClassOf(err); is != class || fault.CodeOf(err) != code {
			t.Errorf("%v, want %s %s", err, class, code)
		}
	}
	_, err := report("0", 1, state(1))
	refused("revision", fault.Invalid, err) // nobody wanted anything yet
	pending(5)
	if n, err := a.Waiting(t.Context(), -time.Second); err != nil || n != 1 {
		t.Error(n, err)
	}
	_, err = report("1", 6, state(1))
	refused("revision", fault.Invalid, err)
	if r := taken(report("2", 5, state(1))); r.Done || !slices.Equal(r.Steps, []provisioning.Step{provisioning.StepQuota}) {
		t.Errorf("what is not as it shall be: %+v", r)
	}
	pending(5)
	if r := taken(report("3", 5, state(domain.GB))); !r.Done || r.Stale || len(r.Steps) > 0 {
		t.Errorf("%+v", r)
	}
	if is, err := a.Ensure(t.Context(), wish(5)); err != nil || is.Account != "a1" {
		t.Fatal(is, err)
	}
	if r := taken(report("2", 5, state(1))); r.Done { // once more, and late
		t.Errorf("%+v", r)
	}
	if is, err := a.Observe(t.Context(), wish(5).Ref); err != nil || *is.Quota != domain.GB {
		t.Errorf("a report that came twice counts twice: %+v, %v", is, err)
	}
	_, err = report("3", 5, state(7))
	refused("key", fault.Conflict, err)

	next := wish(9)
	next.Quota = 2 * domain.GB
	_, err = a.SetQuota(t.Context(), next)
	refused("pending", fault.Transient, err)
	if r := taken(report("4", 5, state(domain.GB))); r.Done || !r.Stale {
		t.Errorf("of an earlier wish: %+v", r)
	}
	taken(report("5", 9, state(2*domain.GB)))
	if r := taken(report("6", 5, state(domain.GB))); !r.Stale {
		t.Errorf("of an earlier wish, late: %+v", r)
	}
	if is, err := a.Observe(t.Context(), wish(5).Ref); err != nil || *is.Quota != 2*domain.GB {
		t.Errorf("a late report counts: %+v, %v", is, err)
	}
	taken(report("7", 0, &remote.State{})) // it is gone, by itself
	if is, err := a.Observe(t.Context(), wish(5).Ref); err != nil || is.Exists {
		t.Errorf("%+v, %v", is, err)
	}
	_, err = a.Ensure(t.Context(), next)
	refused("pending", fault.Transient, err)

	failure := pull.Report{Key: "8", Service: domain.Storage, Login: next.Login, Revision: 9, Failure: &pull.Failure{Class: fault.Invalid, Code: "E17", Message: "no such disk"}}
	if _, err := a.Report(t.Context(), failure); err != nil {
		t.Fatal(err)
	}
	if _, err = a.Ensure(t.Context(), next); !strings.Contains(fmt.Sprint(err), "no such disk") {
		t.Error(err)
	}
	refused("E17", fault.Invalid, err)
	for _, wrong := range []func(*pull.Report){
		func(r *pull.Report) { r.Key = "" },
		func(r *pull.Report) { r.Failure.Class = "bad" },
		func(r *pull.Report) { r.State = state(1) },
		func(r *pull.Report) { r.Failure = nil },
		func(r *pull.Report) { r.Service = domain.Mail },
		func(r *pull.Report) { r.Login = "" },
		func(r *pull.Report) { r.Failure, r.State = nil, state(-5) },
	} {
		r := failure
		r.Key, r.Failure = "wrong", new(*failure.Failure)
		wrong(&r)
		if _, err := a.Report(t.Context(), r); !fault.IsPermanent(err) {
			t.Errorf("%+v is taken: %v", r, err)
		}
	}

	gone := next
	gone.Revision, gone.Aliases = 12, []provisioning.Login{"anna.lee@example.org"}
	_, err = a.Delete(t.Context(), gone)
	refused("pending", fault.Transient, err)
	if r := taken(report("9", 12, &remote.State{})); !r.Done {
		t.Errorf("%+v", r)
	}
	if is, err := a.Delete(t.Context(), gone); err != nil || is.Exists {
		t.Error(is, err)
	}
	_, err = a.Ensure(t.Context(), next)
	refused("stale", fault.Transient, err)
	for _, value := range kept.values {
		if bytes.Contains(value, []byte("anna")) {
			t.Errorf("of whom is gone is kept: %s", value)
		}
	}
	if page, err := a.Wishes(t.Context(), "", 10); err != nil || len(page.Wishes) > 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestHandler shows what is written, which is forever.
func TestHandler(t *testing.T) {
	t.Parallel()
	s := newStore()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	a, err := pull.New(pull.Config{Can: can, Now: func() time.Time { return at }}, s)
	if err != nil {
		t.Fatal(err)
	}
	w := wish(5)
	w.Apps = []domain.Service{"polls"}
	if _, err := a.Ensure(t.Context(), w); fault.CodeOf(err) != "pending" {
		t.Fatal(err)
	}
	server := httptest.NewServer(pull.Handler(a))
	t.Cleanup(server.Close)
	for _, tt := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"GET", "/desired", "", 200, `{"wishes":[{"service":"storage","login":"anna@example.org","account":"a1","revision":5,"access":"active","quota":1000000000,"inbound":"accept","apps":["polls"],"since":"2026-11-25T12:00:00Z","done":false}]}`},
		{"POST", "/reports", `{"key":"k","service":"storage","login":"anna@example.org","revision":5,"state":{"exists":true,"account":"a1","quota":5,"access":"active","inbound":"accept","apps":[]}}`, 200, `{"done":false,"stale":false,"steps":["set_quota","set_apps"]}`},
		{"POST", "/reports", `{"key":"k","service":"storage","login":"anna@example.org","revision":5,"state":{"exists":false}}`, 409, `{"error":{"class":"conflict","code":"key","message":"conflict (key): pull: another report had the key \"k\""}}`},
		{"POST", "/reports", `{"key":"l","service":"storage","login":"anna@example.org","revision":5,"state":{"exists":true,"qouta":5}}`, 422, ""},
		{"POST", "/reports", `{"key":"l"}{}`, 422, ""},
		{"POST", "/reports", `hello`, 422, ""},
		{"GET", "/desired?limit=0", "", 422, ""},
		{"GET", "/desired?after=x", "", 422, ""},
		{"GET", "/reports", "", 405, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || tt.answer != "" && strings.TrimSpace(string(text)) != tt.answer {
			t.Errorf("%s %s %s: %d %s, %v", tt.method, tt.path, tt.body, resp.StatusCode, text, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*remote.Abilities){
		func(c *remote.Abilities) { c.Service = "" }, func(c *remote.Abilities) { c.Sessions = true },
		func(c *remote.Abilities) { c.Purges = true }, func(c *remote.Abilities) { c.Schemes = []string{"BLF-CRYPT"} },
	} {
		c := can
		change(&c)
		if _, err := pull.New(pull.Config{Can: c}, newStore()); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
