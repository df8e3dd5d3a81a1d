package graphql_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/modules"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/eventstore/sqlite"
	"rochdale/graphql"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/projections"
)

// coop is a co-op whose API is asked through HTTP. Its log and read models are
// files, and its processes run as they are told to.
type coop struct {
	t      testing.TB
	path   string // of the log
	url    string
	store  *eventstore.Store
	models *projections.Models
	runner *processes.Runner
	logged *lines
	*town
}

// doors are a service of which the accounts have passwords, and nothing else.
type doors struct {
	processes.Provisioner
	mu   sync.Mutex
	sets map[string][]string // hashes, by service and login
	apps map[string][]provisioning.AppPassword
}

// Capabilities says that passwords are hashed for it.
func (d *doors) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{Schemes: []string{"BLF-CRYPT"}}
}

func (d *doors) SetCredential(_ context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := string(ref.Service) + " " + string(ref.Login)
	d.sets[key] = append(d.sets[key], c.Hash)
	return nil
}

func (d *doors) set(service, login string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sets[service+" "+login])
}

// A town is what all nodes of a co-op have in common.
type town struct {
	mu      sync.Mutex
	now     time.Time
	viewers map[string]access.Viewer // by the token that they show
	doors   *doors
}

// lines are what was logged.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

// serve founds a co-op. Its officers, and machines, show their role as a token.
func serve(t testing.TB, adapt ...func(*graphql.Config)) *coop {
	t.Helper()
	c := &coop{
		t: t, path: filepath.Join(t.TempDir(), "log.db"),
		town: &town{now: time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC), viewers: map[string]access.Viewer{}, doors: &doors{sets: map[string][]string{}}},
	}
	for _, role := range domain.Roles {
		c.let(string(role), access.Viewer{Name: "token/" + string(role), Roles: []domain.Role{role}})
	}
	return c.node(adapt...)
}

// node is another node over the same log.
func (c *coop) node(adapt ...func(*graphql.Config)) *coop {
	t := c.t
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	driver, err := sqlite.Open(ctx, c.path)
	if err != nil {
		t.Fatal(err)
	}
	log := eventstore.NewLog(driver)
	keys, err := eventstore.NewKeys(driver, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	c = &coop{t: t, path: c.path, store: eventstore.New(log, modules.Registry(), keys), logged: &lines{}, town: c.town}
	c.store.Now = func() time.Time { return c.clock(0) }
	logger := slog.New(slog.NewTextHandler(c.logged, nil))
	if c.models, err = projections.Open(ctx, t.TempDir(), c.store, logger); err != nil {
		t.Fatal(err)
	}
	var following sync.WaitGroup
	following.Go(func() { c.models.Run(ctx) })
	today := func() calendar.Date { return calendar.Of(c.clock(0)) }
	answers := ports{c.models}
	c.runner = processes.NewRunner(c.store, logger, processes.Tally(c.store, answers), processes.Erasure(c.store, c.signOut), processes.References(c.store, c.models),
		processes.Calls(c.store, c.models), processes.Admissions(c.store, c.models),
		processes.Exits{Store: c.store, From: c.models, Today: today}.Process(), processes.Dividends(c.store, c.models),
		processes.Entitlements(c.store, today), processes.Accounts(c.store, answers, "example.org", today))
	config := graphql.Config{
		Store: c.store, Models: c.models, Log: logger, Rolls: answers, Payers: answers,
		Timeout: time.Minute, Patience: time.Minute, // the machine may be slow
		Credentials: processes.Credentials{Store: c.store, Targets: []processes.Target{
			{Name: "mail", Service: domain.Mail, At: c.doors}, {Name: "storage", Service: domain.Storage, At: c.doors},
		}},
	}
	for _, f := range adapt {
		f(&config)
	}
	handler := graphql.NewHandler(config)
	server := httptest.NewServer(c.identified(handler))
	c.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		following.Wait()
		if err := c.models.Close(); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// in is the same co-op for a test within the one that it was founded for.
func (c *coop) in(t testing.TB) *coop {
	within := *c
	within.t = t
	return &within
}

// clock returns the time, which passes only by what is added to it.
func (c *coop) clock(add time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(add)
	return c.now
}

// identified finds out who asks by the token that they show.
func (c *coop) identified(next http.Handler) http.Handler {
	identify := func(_ context.Context, shown access.Proof) (v access.Viewer, err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		v, known := c.viewers[shown.Token]
		if !known && shown.Token != "" {
			return v, access.ErrBadToken
		}
		return v, nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := access.Proof{Token: strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer"))}
		v, err := identify(r.Context(), shown)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(access.With(access.Identifying(r.Context(), shown, identify), v)))
	})
}

// signOut lets nobody in any more who is a party.
func (c *coop) signOut(_ context.Context, party domain.PartyID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.viewers, func(_ string, v access.Viewer) bool { return v.Party == party })
	return nil
}

// bar lets nobody in under a token any more.
func (c *coop) bar(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.viewers, token)
}

// let lets somebody in under a token.
func (c *coop) let(token string, v access.Viewer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.viewers[token] = v
}

// work has all processes do what there is to do, and the read models hear of it.
func (c *coop) work() {
	c.t.Helper()
	if err := c.runner.CatchUp(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	head, err := c.store.Log.Head(c.t.Context())
	if err == nil {
		err = c.models.WaitFor(c.t.Context(), head)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// answer is what an operation was answered with.
type answer struct {
	Status int             `json:"-"`
	Header http.Header     `json:"-"`
	Body   string          `json:"-"`
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

// code is that of the first error, or "".
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// at is what stands at a path of the data.
func (a answer) at(path ...string) any {
	var v any
	if err := json.Unmarshal(a.Data, &v); err != nil {
		return nil
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func (a answer) text(path ...string) string {
	s, _ := a.at(path...).(string)
	return s
}

// ask asks as whoever has a token. Variables come as pairs.
func (c *coop) ask(token, query string, variables ...any) answer {
	c.t.Helper()
	vars := map[string]any{}
	for i := 0; i+1 < len(variables); i += 2 {
		name, _ := variables[i].(string)
		vars[name] = variables[i+1]
	}
	return c.post(jsonOf(map[string]any{"query": query, "variables": vars}), "Authorization", "Bearer "+token)
}

// must asks for what is not to be refused.
func (c *coop) must(token, query string, variables ...any) answer {
	c.t.Helper()
	a := c.ask(token, query, variables...)
	if a.Status != http.StatusOK || len(a.Errors) > 0 {
		c.t.Fatalf("%s: %d %s", query, a.Status, a.Body)
	}
	return a
}

func (c *coop) post(body string, headers ...string) answer {
	c.t.Helper()
	return c.send(http.MethodPost, c.url, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

func (c *coop) send(method, url, body string, headers ...string) (a answer) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = json.Unmarshal(data, &a)
	a.Status, a.Header, a.Body = res.StatusCode, res.Header, string(data)
	return a
}

func jsonOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// ports answers what processes ask, from the read models.
type ports struct{ *projections.Models }

func (p ports) PayersIn(ctx context.Context, month calendar.Month) (payers []processes.Payer, err error) {
	all, err := p.PaidIn(ctx, month)
	for _, s := range all {
		if n := len(payers); n == 0 || payers[n-1].Party != s.Payer {
			payers = append(payers, processes.Payer{Party: s.Payer})
		}
		last := &payers[len(payers)-1]
		last.Subscriptions = append(last.Subscriptions, s.Subscription)
	}
	return payers, err
}

func (p ports) RecipientOf(ctx context.Context, party domain.PartyID) (billing.Recipient, domain.Language, error) {
	now, err := p.FoundToBe(ctx, party)
	if err != nil {
		return billing.Recipient{}, "", err
	}
	m, _, err := p.Member(ctx, now)
	return billing.Recipient{Name: m.Name, Street: m.Street, PostalCode: m.PostalCode, City: m.City, Country: m.Country}, m.Language, err
}

func (p ports) MemberOn(ctx context.Context, party domain.PartyID, day calendar.Date) (bool, error) {
	now, err := p.FoundToBe(ctx, party)
	if err != nil {
		return false, err
	}
	m, known, err := p.Member(ctx, now)
	return known && m.IsMember(day), err
}

func (p ports) EntitledOn(ctx context.Context, day calendar.Date) (entitled []processes.Entitled, err error) {
	members, err := p.MembersAt(ctx, day, time.Time{})
	for _, m := range members {
		entitled = append(entitled, processes.Entitled{Party: m.Party})
	}
	return entitled, err
}

func (p ports) NamesOf(ctx context.Context, party domain.PartyID) ([]string, error) {
	m, _, err := p.Member(ctx, party)
	return []string{m.FirstName, m.LastName}, err
}
