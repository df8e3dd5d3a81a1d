package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes/access"
	"rochdale/web"
)

// people are the members of a small co-op.
type people map[string]access.Person // by e-mail

func (p people) ByEmail(_ context.Context, email string) ([]access.Person, error) {
	if found, ok := p[email]; ok {
		return []access.Person{found}, nil
	}
	return nil, nil
}

func (p people) ByID(_ context.Context, party domain.PartyID) (access.Person, error) {
	for _, found := range p {
		if found.Party == party {
			return found, nil
		}
	}
	return access.Person{Party: party}, nil
}

// letterbox keeps what was sent.
type letterbox chan string

func (l letterbox) Send(_ context.Context, to, subject, text, key string) error {
	if key == "" || subject == "" {
		return errors.New("no key, or no subject")
	}
	l <- to + "\n" + text
	return nil
}

type house struct {
	*httptest.Server
	access *access.Access
	post   letterbox
	now    time.Time
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{post: make(letterbox, 100), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	h.access = &access.Access{
		KV:     new(eventstore.Memory),
		People: people{"ada@example.org": {Party: "ada", Roles: []domain.Role{domain.RoleMember}, Language: domain.French, Email: "ada@example.org"}},
		Now:    func() time.Time { return h.now },
	}
	coop := func() string { return "Demo" }
	log := slog.New(slog.DiscardHandler)
	h.Server = httptest.NewServer(nil)
	links := access.NewLinks(h.access, h.post, h.URL, coop, log)
	ctx, stop := context.WithCancel(t.Context())
	go links.Run(ctx)
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, _ := access.Of(r.Context())
		_, _ = io.WriteString(w, "you are "+v.Name+" "+eventstore.Actor(r.Context()))
	})
	h.Config.Handler = web.New(web.Config{
		Access: h.access, Links: links, BaseURL: h.URL, Coop: coop, Log: log, GraphQL: whoami, Metrics: whoami,
		Ready: func(context.Context) error { return errors.New("still filling the read models") },
	})
	t.Cleanup(func() {
		stop()
		h.Close()
	})
	return h
}

func client(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func ask(t *testing.T, c *http.Client, method, url, body string, header ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestALinkByMailSignsInOnce(t *testing.T) {
	h := open(t)
	c := client(t)
	if status, page := ask(t, c, "GET", h.URL+"/sign-in", "", "Accept-Language", "nl"); status != 200 || !strings.Contains(page, "e-mailadres") {
		t.Errorf("the page: %d %s", status, page)
	}
	if status, page := ask(t, c, "POST", h.URL+"/sign-in", url.Values{"email": {" ADA@example.org"}}.Encode()); status != 200 || !strings.Contains(page, "on its way") {
		t.Fatalf("asking: %d %s", status, page)
	}
	mail := <-h.post
	if !strings.Contains(mail, "Bonjour") {
		t.Errorf("not in the member's language: %s", mail)
	}
	link := regexp.MustCompile(`http\S+`).FindString(mail)
	if status, _ := ask(t, c, "GET", link, ""); status != 200 {
		t.Errorf("looking at the link: %d", status)
	}
	if status, _ := ask(t, c, "POST", link, ""); status != http.StatusSeeOther {
		t.Errorf("using the link: %d", status)
	}
	if _, text := ask(t, c, "POST", h.URL+"/graphql", "{}"); text != "you are ada ada" {
		t.Errorf("signed in: %s", text)
	}
	if status, _ := ask(t, client(t), "POST", link, ""); status != http.StatusForbidden {
		t.Errorf("using the link again: %d", status)
	}
	if status, _ := ask(t, c, "POST", h.URL+"/graphql", "{}", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("from another page: %d", status)
	}
	session := c.Jar.Cookies(mustParse(t, h.URL))
	if status, _ := ask(t, c, "POST", h.URL+"/sign-out", ""); status != http.StatusSeeOther {
		t.Errorf("signing out: %d", status)
	}
	if _, text := ask(t, client(t), "POST", h.URL+"/graphql", "", "Cookie", session[0].String()); text != "you are  " {
		t.Errorf("with the cookie of before: %s", text)
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNobodyLearnsWhoIsAMember(t *testing.T) {
	h := open(t)
	c := client(t)
	_, known := ask(t, c, "POST", h.URL+"/sign-in", "email=ada@example.org")
	_, unknown := ask(t, c, "POST", h.URL+"/sign-in", "email=eve@example.org")
	if known != unknown {
		t.Errorf("%s\n%s", known, unknown)
	}
}

func TestAttemptsAreLimited(t *testing.T) {
	h := open(t)
	c := client(t)
	status := 0
	for range 10 {
		status, _ = ask(t, c, "POST", h.URL+"/sign-in", "email=ada@example.org")
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("the tenth at once: %d", status)
	}
	if n := len(h.post); n > 6 {
		t.Errorf("%d links were sent", n)
	}
}

func TestLinksAndSessionsExpire(t *testing.T) {
	h := open(t)
	secret, err := h.access.NewLink(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.access.StartSession(t.Context(), "ada", "test")
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(access.LinkLife)
	if status, _ := ask(t, client(t), "POST", h.URL+"/sign-in/"+secret, ""); status != http.StatusForbidden {
		t.Errorf("a link too old: %d", status)
	}
	h.now = h.now.Add(access.SessionLife)
	if err := h.access.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, space := range []string{"session/", "link/"} {
		if left, err := h.access.KV.Range(t.Context(), space, "", 10); len(left) > 0 || err != nil {
			t.Errorf("%s: %d left, %v", space, len(left), err)
		}
	}
}

func TestTokens(t *testing.T) {
	h := open(t)
	c := client(t)
	bearer := func(secret, path string) (int, string) {
		return ask(t, c, "GET", h.URL+path, "", "Authorization", "Bearer "+secret)
	}
	create := func(token access.Token) (string, access.Token) {
		secret, made, err := h.access.CreateToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return secret, made
	}
	secret, token := create(access.Token{Name: "watch", Scopes: []string{"metrics"}, Expires: h.now.Add(time.Hour)})
	if status, text := bearer(secret, "/metrics"); status != 200 || text != "you are token/"+token.ID+" token/"+token.ID {
		t.Errorf("metrics: %d %s", status, text)
	}
	other, _ := create(access.Token{Name: "feed", Scopes: []string{"events:read"}})
	if status, _ := bearer(other, "/metrics"); status != http.StatusForbidden {
		t.Errorf("metrics with another scope: %d", status)
	}
	if status, _ := bearer("roch_made-up", "/metrics"); status != http.StatusUnauthorized {
		t.Errorf("a token made up: %d", status)
	}
	if status, text := ask(t, c, "POST", h.URL+"/graphql", "{}", "Authorization", "Bearer nonsense"); status != http.StatusUnauthorized || !strings.Contains(text, `"code":"access.bad_token"`) {
		t.Errorf("graphql: %d %s", status, text)
	}
	if err := h.access.RevokeToken(t.Context(), token.ID); err != nil {
		t.Fatal(err)
	}
	if status, _ := bearer(secret, "/metrics"); status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", status)
	}
	if err := h.access.RevokeToken(t.Context(), "none"); !errors.Is(err, access.ErrNoSuchToken) {
		t.Errorf("revoke none: %v", err)
	}
	if _, _, err := h.access.CreateToken(t.Context(), access.Token{Scopes: []string{"everything"}}); !errors.Is(err, access.ErrBadScope) {
		t.Errorf("no such scope: %v", err)
	}
	if all, err := h.access.Tokens(t.Context()); len(all) != 2 || err != nil {
		t.Errorf("tokens: %+v, %v", all, err)
	}
}

func TestHealth(t *testing.T) {
	h := open(t)
	if status, _ := ask(t, client(t), "GET", h.URL+"/healthz", ""); status != 200 {
		t.Errorf("alive: %d", status)
	}
	if status, text := ask(t, client(t), "GET", h.URL+"/readyz", ""); status != 503 || !strings.Contains(text, "filling") {
		t.Errorf("ready: %d %s", status, text)
	}
}
