package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/eventstore"
	"rochdale/internal/mailtest"
	"rochdale/processes/access"
)

// TestSignInToMail has a member read mail without a password, by a token of the co-op
// that Dovecot asks about, and by that of a device.
func TestSignInToMail(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	tables, path := mailtest.SQLite(t)
	c := settle(t, Globals{Data: t.TempDir()}, 12, toTheBill)
	n := c.node(t, c.Data)
	n.args = append(n.args, "--mailboxes", "sqlite:"+path)
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	var box mailbox
	var holder string
	for box.Status != "ACTIVE" {
		for _, token := range c.tokens {
			if box = n.mailboxOf(ctx, t, token); box.Status == "ACTIVE" {
				holder = token
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatal("nobody has a mailbox")
		}
	}
	a, err := n.ask(ctx, holder, "", `{ viewer { party } }`, nil)
	if err != nil || a.code() != "" {
		t.Fatalf("%+v, %v", a, err)
	}
	var viewer struct{ Party domain.PartyID }
	if err := json.Unmarshal(a.Data["viewer"], &viewer); err != nil {
		t.Fatal(err)
	}
	const back = "https://webmail.coop.example/back"
	var link, secret, dovecot string
	inside := func(do func(*house) error) {
		t.Helper()
		if err := withHouse(ctx, &c.Globals, quiet(), do); err != nil {
			t.Fatal(err)
		}
	}
	inside(func(h *house) error {
		var err, err2, err3 error
		link, err = h.access.NewLink(ctx, viewer.Party)
		secret, _, err2 = h.access.AddClient(ctx, access.Client{ID: "webmail", Name: "Webmail", Service: domain.Mail, Own: true, Redirects: []string{back}})
		dovecot, _, err3 = h.access.AddClient(ctx, access.Client{ID: "dovecot", Name: "Dovecot", Service: domain.Mail, Own: true, Redirects: []string{back}})
		return errors.Join(err, err2, err3)
	})
	server := mailtest.StartDovecotAsking(t, tables, strings.Replace(n.url, "://", "://dovecot:"+dovecot+"@", 1)+"/oauth/introspect")
	if err := server.Deliver(box.Login, "welcome", 100); err != nil {
		t.Fatal(err)
	}

	token := tokenOf(ctx, t, n.url, link, "webmail", secret, back)
	m, err := server.LogInByToken(box.Login, token)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if subjects := m.Subjects(t); len(subjects) != 1 {
		t.Errorf("there is %q", subjects)
	}
	for login, token := range map[string]string{"postmaster@coop.example": token, box.Login: "made-up"} {
		if _, err := server.LogInByToken(login, token); !errors.Is(err, mailtest.ErrRefused) {
			t.Errorf("%s by another token: %v", login, err)
		}
	}

	// A device gets in by a password of its own.
	a, err = n.ask(ctx, holder, "", `mutation($a: ID!) { createAppPassword(account: $a, name: "telephone") { id password } }`, map[string]any{"a": box.ID})
	if err != nil || a.code() != "" {
		t.Fatalf("%+v, %v", a, err)
	}
	var app struct{ ID, Password string }
	if err := json.Unmarshal(a.Data["createAppPassword"], &app); err != nil {
		t.Fatal(err)
	}
	device, err := server.LogIn(box.Login, app.Password)
	if err != nil {
		t.Fatal(err)
	}
	device.Close()
	for used := false; !used; {
		a, err := n.ask(ctx, holder, "", `{ viewer { member { accounts { appPasswords { name usedAt } } } } }`, nil)
		if err != nil || a.code() != "" || ctx.Err() != nil {
			t.Fatalf("when it was used is not told: %+v, %v", a, err)
		}
		used = strings.Contains(string(a.Data["viewer"]), `"usedAt":"`)
	}

	// Who is suspended gets in by neither.
	subscription, service := entitlement.Of(domain.EntitlementID(box.Entitlement))
	inside(func(h *house) error {
		_, err := eventstore.Execute(asProcess(ctx, "test"), h.store, entitlement.Suspend{Subscription: subscription, Service: service, On: dayOfCoop(t)})
		return err
	})
	for n.mailboxOf(ctx, t, holder).Status != "SUSPENDED" {
		if ctx.Err() != nil {
			t.Fatal("it is not suspended")
		}
	}
	if _, err := server.LogInByToken(box.Login, token); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("suspended, by a token: %v", err)
	}
	if _, err := server.LogIn(box.Login, app.Password); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("suspended, by a device: %v", err)
	}
}

// tokenOf signs in by a link, goes to a service, and returns the token that it gets.
func tokenOf(ctx context.Context, t *testing.T, at, link, client, secret, back string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	send := func(method, to string, form url.Values) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(client, secret)
		}
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	send(http.MethodPost, at+"/sign-in/"+link, nil)
	const verifier = "three-or-four-words-and-some-more-as-the-rfc-says"
	resp, text := send(http.MethodGet, at+"/oauth/authorize?"+url.Values{
		"client_id": {client}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"s"},
		"code_challenge": {oidc.NewSHACodeChallenge(verifier)}, "code_challenge_method": {"S256"},
	}.Encode(), nil)
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("no code: %d to %q, %s", resp.StatusCode, to, text)
	}
	resp, text = send(http.MethodPost, at+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier},
	})
	var tokens struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &tokens); err != nil || tokens.Token == "" {
		t.Fatalf("no token: %d %s", resp.StatusCode, text)
	}
	return tokens.Token
}
