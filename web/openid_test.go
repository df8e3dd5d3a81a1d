package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes/access"
	"rochdale/web"
	"rochdale/web/openid"
)

var discard = slog.New(slog.DiscardHandler)

// accounts are those that members have, by party.
type accounts struct {
	mu  sync.Mutex
	all map[domain.PartyID][]access.Held
}

func (a *accounts) AccountsHeld(_ context.Context, party domain.PartyID) ([]access.Held, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all[party]), nil
}

func (a *accounts) become(party domain.PartyID, status provisioning.Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.all[party] {
		a.all[party][i].Status = status
	}
}

// A coop is one that people sign in to services by.
type coop struct {
	*house
	accounts *accounts
	keys     *eventstore.Keys
	devices  *devices
	now      time.Time // as the library has no other clock than the machine's
}

func openCoop(t *testing.T) *coop {
	t.Helper()
	c := &coop{now: time.Now(), devices: &devices{passwords: map[domain.AccountID]string{}, apps: map[domain.AccountID][]provisioning.AppPassword{}}, accounts: &accounts{all: map[domain.PartyID][]access.Held{
		"ada": {
			{ID: "mail/s1", Service: domain.Mail, Login: "ada@coop.example", Quota: 5e9, Status: provisioning.StatusActive},
			{ID: "storage/s1", Service: domain.Storage, Login: "ada@coop.example", Quota: 7e9, Status: provisioning.StatusActive},
		},
		"eva": {
			{ID: "storage/s2", Service: domain.Storage, Login: "eva@coop.example", Quota: provisioning.Unlimited, Status: provisioning.StatusActive},
			{ID: "storage/s3", Service: domain.Storage, Login: "shop@coop.example", Quota: 1e9, Status: provisioning.StatusActive},
		},
		"max": {{ID: "storage/s4", Service: domain.Storage, Login: "max@coop.example", Status: provisioning.StatusSuspended}},
	}}}
	c.house = open(t, func(config *web.Config) {
		config.Access.Accounts, config.Access.Now = c.accounts, func() time.Time { return c.now }
		var err error
		if c.keys, err = eventstore.NewKeys(config.Access.KV, []byte(strings.Repeat("k", 32))); err != nil {
			t.Fatal(err)
		}
		config.Reach, config.Credentials, config.Usage = reach, c.devices, meters{}
		config.OpenID = c.provider(t, config.Access, config.BaseURL)
	})
	people := c.access.People.(people)
	people[0].Name = "Ada Lovelace"
	return c
}

// provider returns one node's.
func (c *coop) provider(t *testing.T, door *access.Access, issuer string) http.Handler {
	t.Helper()
	provider, err := openid.New(t.Context(), openid.Config{Access: door, Keys: c.keys, Issuer: issuer, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

// A service is one to which people sign in, by the library's own client.
type service struct {
	*httptest.Server
	rp.RelyingParty
	secret string
	tokens chan *oidc.Tokens[*oidc.IDTokenClaims]
	failed chan string
}

func (c *coop) service(t *testing.T, client access.Client) *service {
	t.Helper()
	s := &service{tokens: make(chan *oidc.Tokens[*oidc.IDTokenClaims], 1), failed: make(chan string, 1)}
	mux := http.NewServeMux()
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	client.Redirects = append(client.Redirects, s.URL+"/back")
	client.SignedOut = append(client.SignedOut, s.URL+"/bye")
	var err error
	if s.secret, _, err = c.access.AddClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	key := []byte(strings.Repeat("c", 32))
	s.RelyingParty, err = rp.NewRelyingPartyOIDC(t.Context(), c.URL, client.ID, s.secret, s.URL+"/back",
		[]string{"openid", "profile", "email", "offline_access"},
		rp.WithPKCE(httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure())),
		rp.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, kind, description, _ string) {
			s.failed <- kind + " " + description
			_, _ = io.WriteString(w, "refused: "+kind)
		}))
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/in", rp.AuthURLHandler(func() string { return "state-of-the-service" }, s))
	mux.Handle("/back", rp.CodeExchangeHandler(func(w http.ResponseWriter, _ *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty) {
		s.tokens <- tokens
		_, _ = io.WriteString(w, "welcome")
	}, s))
	mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "bye") })
	return s
}

var refresh = regexp.MustCompile(`http-equiv="refresh" content="0; url=([^"]+)"`)

// browse goes to an address as a browser does, to where redirects and pages that lead on end.
func browse(t *testing.T, c *http.Client, method, to, body string) (at *url.URL, status int, text string) {
	t.Helper()
	for range 20 {
		resp, text := send(t, c, method, to, body, "Accept", "text/html")
		here := mustParse(t, to)
		next := resp.Header.Get("Location")
		if found := refresh.FindStringSubmatch(text); found != nil {
			next = strings.ReplaceAll(found[1], "&amp;", "&")
		}
		if next == "" {
			return here, resp.StatusCode, text
		}
		onward, err := here.Parse(next)
		if err != nil {
			t.Fatal(err)
		}
		method, to, body = "GET", onward.String(), ""
	}
	t.Fatal("it goes round in circles")
	return nil, 0, ""
}

// in signs somebody in here, by a link.
func (c *coop) in(t *testing.T, party domain.PartyID) *http.Client {
	t.Helper()
	browser := client(t)
	secret, err := c.access.NewLink(t.Context(), party)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := ask(t, browser, "POST", c.URL+"/sign-in/"+secret, ""); status != http.StatusSeeOther {
		t.Fatalf("signing in: %d %s", status, text)
	}
	return browser
}

func TestAMemberSignsInToTheCloud(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true, Claims: []string{"quota", "groups"}})
	browser := client(t)

	at, status, text := browse(t, browser, "GET", cloud.URL+"/in", "")
	if status != 200 || !strings.HasPrefix(at.Path, "/authorize/") || !strings.Contains(text, `name="next" value="`+at.Path) {
		t.Fatalf("at %s: %d %s", at, status, text)
	}
	if _, status, text = browse(t, browser, "POST", c.URL+"/sign-in", url.Values{"email": {"ada@example.org"}, "next": {at.Path}}.Encode()); status != 200 {
		t.Fatalf("asking for a link: %d %s", status, text)
	}
	link := regexp.MustCompile(`http\S+`).FindString(<-c.post)
	if _, status, text = browse(t, browser, "POST", link, ""); status != 200 || text != "welcome" {
		t.Fatalf("by the link: %d %s", status, text)
	}
	tokens := <-cloud.tokens
	claims := tokens.IDTokenClaims
	if claims.Subject != "storage%2Fs1" || claims.PreferredUsername != "ada@coop.example" || claims.Name != "Ada Lovelace" || claims.Email != "ada@coop.example" ||
		claims.Claims["quota"] != "7000000000" || claims.Claims["groups"].([]any)[0] != "member" || claims.Locale.Tag().String() != "fr" {
		t.Errorf("the cloud learns %+v, %+v", claims, claims.Claims)
	}
	info, err := rp.Userinfo[*oidc.UserInfo](t.Context(), tokens.AccessToken, tokens.TokenType, claims.Subject, cloud)
	if err != nil || info.PreferredUsername != "ada@coop.example" || info.Claims["quota"] != "7000000000" || !info.EmailVerified {
		t.Errorf("by userinfo it learns %+v, %v", info, err)
	}

	// Signed in already, she is in at once.
	if at, status, text = browse(t, browser, "GET", cloud.URL+"/in", ""); text != "welcome" {
		t.Fatalf("again, at %s: %d %s", at, status, text)
	}
	tokens = <-cloud.tokens

	next, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, tokens.RefreshToken, "", "")
	if err != nil || next.AccessToken == tokens.AccessToken || next.RefreshToken == tokens.RefreshToken || next.IDTokenClaims.Subject != claims.Subject {
		t.Fatalf("renewed: %+v, %v", next, err)
	}
	if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), next.AccessToken, "Bearer", claims.Subject, cloud); err != nil {
		t.Error(err)
	}

	// A refresh token that comes twice was stolen.
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, tokens.RefreshToken, "", ""); err == nil {
		t.Error("a refresh token is good twice")
	}
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, next.RefreshToken, "", ""); err == nil {
		t.Error("after it came twice, the one that followed is still good")
	}
	if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), next.AccessToken, "Bearer", claims.Subject, cloud); err == nil {
		t.Error("nor has the access token ended")
	}

	// She signs out of the cloud, and of the co-op with it.
	browse(t, browser, "GET", cloud.URL+"/in", "")
	tokens = <-cloud.tokens
	leave := url.Values{"id_token_hint": {tokens.IDToken}, "post_logout_redirect_uri": {cloud.URL + "/bye"}, "state": {"s"}}
	for _, method := range []string{"POST", "GET"} { // the second time, nobody is signed in
		to, body := c.URL+"/oauth/end-session", leave.Encode()
		if method == "GET" {
			to, body = to+"?"+body, ""
		}
		if at, status, text := browse(t, browser, method, to, body); status != 200 || text != "bye" || at.Query().Get("state") != "s" {
			t.Errorf("signing out: at %s, %d %s", at, status, text)
		}
	}
	if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), tokens.AccessToken, "Bearer", claims.Subject, cloud); err == nil {
		t.Error("signed out, the cloud still asks for her")
	}
	if at, _, _ := browse(t, browser, "GET", cloud.URL+"/in", ""); !strings.HasPrefix(at.Path, "/authorize/") {
		t.Errorf("signed out, she is in again at %s", at)
	}
}

func TestWhoHasNoAccountIsNotLetIn(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	suspended := c.in(t, "max")
	at, status, text := browse(t, suspended, "GET", cloud.URL+"/in", "")
	if status != http.StatusForbidden || !strings.Contains(text, "Cloud verlangt ein Konto") {
		t.Fatalf("suspended: at %s, %d %s", at, status, text)
	}
	if _, _, text := browse(t, suspended, "POST", at.String(), "answer=no"); text != "refused: access_denied" {
		t.Errorf("back to the cloud: %s", text)
	}
	<-cloud.failed

	// Who is suspended is out.
	browser := c.in(t, "ada")
	if _, _, text := browse(t, browser, "GET", cloud.URL+"/in", ""); text != "welcome" {
		t.Fatal(text)
	}
	tokens := <-cloud.tokens
	c.accounts.become("ada", provisioning.StatusSuspended)
	if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), tokens.AccessToken, "Bearer", tokens.IDTokenClaims.Subject, cloud); err == nil {
		t.Error("suspended, she is still described")
	}
	if active := c.introspect(t, cloud, tokens.AccessToken)["active"]; active != false {
		t.Errorf("suspended, her token is active: %v", active)
	}
	c.accounts.become("ada", provisioning.StatusActive)
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, tokens.RefreshToken, "", ""); err == nil {
		t.Error("her tokens come to life again")
	}
	browse(t, browser, "GET", cloud.URL+"/in", "")
	tokens = <-cloud.tokens

	// Who is forgotten, too.
	if err := c.access.SignOut(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, tokens.RefreshToken, "", ""); err == nil {
		t.Error("forgotten, she is still described")
	}
	if at, _, _ := browse(t, browser, "GET", cloud.URL+"/in", ""); !strings.HasPrefix(at.Path, "/authorize/") {
		t.Errorf("forgotten, she is in at %s", at)
	}
}

func TestWhoHasTwoAccountsChooses(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true, Claims: []string{"quota"}})
	browser := c.in(t, "eva")
	for account, login := range map[string]string{"storage/s2": "eva@coop.example", "storage/s3": "shop@coop.example"} {
		at, status, text := browse(t, browser, "GET", cloud.URL+"/in", "")
		if status != 200 || !strings.Contains(text, "Mit welchem Konto?") || !strings.Contains(text, login) {
			t.Fatalf("at %s: %d %s", at, status, text)
		}
		if _, status, text := browse(t, browser, "POST", at.String(), url.Values{"answer": {"yes"}, "account": {account}}.Encode()); text != "welcome" {
			t.Fatalf("%d %s", status, text)
		}
		if claims := (<-cloud.tokens).IDTokenClaims; claims.PreferredUsername != login || claims.Subject != url.PathEscape(account) {
			t.Errorf("as %s she is %+v", login, claims)
		}
	}
	at, _, _ := browse(t, browser, "GET", cloud.URL+"/in", "")
	for _, account := range []string{"storage/s1", "mail/s1", ""} { // another's
		if status, text := ask(t, browser, "POST", at.String(), url.Values{"answer": {"yes"}, "account": {account}}.Encode()); status != http.StatusForbidden {
			t.Errorf("as %q: %d %s", account, status, text)
		}
	}
}

func TestOthersServicesAreToldWhatOneAgreesTo(t *testing.T) {
	c := openCoop(t)
	forum := c.service(t, access.Client{ID: "forum", Name: "Forum <b>", Claims: []string{"groups"}})
	browser := c.in(t, "ada")
	at, status, text := browse(t, browser, "GET", forum.URL+"/in", "")
	if status != 200 || !strings.Contains(text, "Forum &lt;b&gt; n’est pas un service de la coopérative") || !strings.Contains(text, "votre adresse e-mail") || !strings.Contains(text, "vos rôles") {
		t.Fatalf("at %s: %d %s", at, status, text)
	}
	if _, _, text := browse(t, browser, "POST", at.String(), "answer=no"); text != "refused: access_denied" {
		t.Errorf("refused: %s", text)
	}
	<-forum.failed
	if status, _ := ask(t, browser, "GET", at.String(), ""); status != http.StatusForbidden {
		t.Errorf("what was refused can be asked again: %d", status)
	}
	at, _, _ = browse(t, browser, "GET", forum.URL+"/in", "")
	if _, _, text := browse(t, browser, "POST", at.String(), "answer=yes"); text != "welcome" {
		t.Fatal(text)
	}
	if claims := (<-forum.tokens).IDTokenClaims; claims.Subject != "ada" || claims.PreferredUsername != "" || claims.Name != "Ada Lovelace" {
		t.Errorf("it learns %+v", claims)
	}
	// It is asked once.
	if _, _, text := browse(t, browser, "GET", forum.URL+"/in", ""); text != "welcome" {
		t.Errorf("asked again: %s", text)
	}
	<-forum.tokens
	// Who has left is not known to it any more.
	stay := c.access.People.(people)[0].Roles
	c.access.People.(people)[0].Roles = nil
	if _, status, text := browse(t, browser, "GET", forum.URL+"/in", ""); status != http.StatusForbidden || !strings.Contains(text, "est pour les membres") {
		t.Errorf("who has left: %d %s", status, text)
	}
	c.access.People.(people)[0].Roles = stay
	// Nobody else has said so.
	if _, _, text := browse(t, c.in(t, "max"), "GET", forum.URL+"/in", ""); !strings.Contains(text, "Max Muster") {
		t.Errorf("another is not asked: %s", text)
	}
}

// authorization is what a client asks for.
func authorization(client, redirect string) url.Values {
	return url.Values{
		"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid profile offline_access"}, "state": {"x"},
		"code_challenge": {oidc.NewSHACodeChallenge(verifier)}, "code_challenge_method": {"S256"},
	}
}

const verifier = "a-verifier-of-at-least-forty-three-characters-says-the-rfc"

// code has a browser agree to what a client asks for, and returns the code.
func (c *coop) code(t *testing.T, browser *http.Client, asks url.Values) string {
	t.Helper()
	to := c.URL + "/oauth/authorize?" + asks.Encode()
	for range 5 {
		resp, text := send(t, browser, "GET", to, "")
		to = resp.Header.Get("Location")
		if to == "" {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		if u := mustParse(t, to); u.Query().Get("code") != "" || u.Query().Get("error") != "" {
			return u.Query().Get("code") + u.Query().Get("error")
		}
		to = mustParse(t, c.URL).ResolveReference(mustParse(t, to)).String()
	}
	t.Fatal("no code")
	return ""
}

func (c *coop) post1(t *testing.T, path string, form url.Values, basic ...string) (status int, answer map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		req.SetBasicAuth(basic[0], basic[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == 200 && resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s may be kept", path)
	}
	_ = json.Unmarshal(text, &answer)
	return resp.StatusCode, answer
}

func (c *coop) introspect(t *testing.T, by *service, token string) map[string]any {
	t.Helper()
	status, answer := c.post1(t, "/oauth/introspect", url.Values{"token": {token}}, by.OAuthConfig().ClientID, by.secret)
	if status != 200 {
		t.Errorf("introspection: %d", status)
	}
	return answer
}

func TestWhatAServiceMayNotAskFor(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	browser := c.in(t, "ada")
	good := authorization("cloud", cloud.URL+"/back")
	for what, change := range map[string]struct{ key, value string }{
		"another redirect":        {"redirect_uri", "https://evil.example/back"},
		"one that begins alike":   {"redirect_uri", cloud.URL + "/back/../evil"},
		"one with a query":        {"redirect_uri", cloud.URL + "/back?x=1"},
		"no redirect":             {"redirect_uri", ""},
		"a client that is none":   {"client_id", "nobody"},
		"no client":               {"client_id", ""},
		"more than anybody needs": {"state", strings.Repeat("x", 10_000)},
	} {
		asks := url.Values{}
		for k, v := range good {
			asks[k] = v
		}
		asks.Set(change.key, change.value)
		resp, text := send(t, browser, "GET", c.URL+"/oauth/authorize?"+asks.Encode(), "", "Accept", "text/html", "Accept-Language", "nl")
		if resp.StatusCode < 400 || resp.Header.Get("Location") != "" || !strings.Contains(text, "vraagt iets wat niet mag") {
			t.Errorf("%s: %d to %q %s", what, resp.StatusCode, resp.Header.Get("Location"), text)
		}
	}
	for what, change := range map[string]struct{ key, value, err string }{
		"no PKCE":          {"code_challenge", "", "invalid_request"},
		"plain PKCE":       {"code_challenge_method", "plain", "invalid_request"},
		"a token at once":  {"response_type", "id_token token", "unauthorized_client"},
		"by a form":        {"response_mode", "form_post", "invalid_request"},
		"not by openid":    {"scope", "profile", "invalid_scope"},
		"prompt and none":  {"prompt", "none login", "invalid_request"},
		"somebody unasked": {"prompt", "none", "login_required"},
	} {
		asks := url.Values{}
		for k, v := range good {
			asks[k] = v
		}
		asks.Set(change.key, change.value)
		by := browser
		if what == "somebody unasked" {
			by = client(t)
		}
		if got := c.code2(t, by, asks); got != change.err {
			t.Errorf("%s: %s", what, got)
		}
	}
	// Unasked, who is signed in gets in.
	asks := authorization("cloud", cloud.URL+"/back")
	asks.Set("prompt", "none")
	if code := c.code(t, browser, asks); strings.Contains(code, "_required") {
		t.Error(code)
	}
	// Who is to sign in anew is asked to, however lately they did.
	c.now = c.now.Add(time.Minute)
	for key, value := range map[string]string{"prompt": "login", "max_age": "30"} {
		asks := authorization("cloud", cloud.URL+"/back")
		asks.Set(key, value)
		if at, _, text := browse(t, browser, "GET", c.URL+"/oauth/authorize?"+asks.Encode(), ""); !strings.Contains(text, `name="email"`) {
			t.Errorf("%s: at %s: %s", key, at, text)
		}
	}
	asks = authorization("cloud", cloud.URL+"/back")
	asks.Set("max_age", "3600")
	c.code(t, browser, asks)
}

// code2 is code where the answer may be an error in the fragment.
func (c *coop) code2(t *testing.T, browser *http.Client, asks url.Values) string {
	t.Helper()
	to := c.URL + "/oauth/authorize?" + asks.Encode()
	for range 5 {
		resp, text := send(t, browser, "GET", to, "")
		location := resp.Header.Get("Location")
		if location == "" {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		u := mustParse(t, location)
		fragment, _ := url.ParseQuery(u.Fragment)
		if found := u.Query().Get("error") + fragment.Get("error"); found != "" {
			return found
		}
		if code := u.Query().Get("code"); code != "" {
			return "a code"
		}
		to = mustParse(t, c.URL).ResolveReference(u).String()
	}
	return "nothing"
}

func TestACodeIsGoodOnceAndForItsClientAlone(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	wiki := c.service(t, access.Client{ID: "wiki", Name: "Wiki", Service: domain.Storage, Own: true})
	app := c.service(t, access.Client{ID: "app", Name: "App", Service: domain.Storage, Own: true, Public: true})
	browser := c.in(t, "ada")
	form := func(code string, change ...string) url.Values {
		f := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {cloud.URL + "/back"}, "code_verifier": {verifier}}
		for i := 0; i+1 < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f
	}
	fresh := func() string { return c.code(t, browser, authorization("cloud", cloud.URL+"/back")) }
	refused := func(what string, f url.Values, id, secret string) {
		t.Helper()
		if status, answer := c.post1(t, "/oauth/token", f, id, secret); status < 400 || answer["access_token"] != nil {
			t.Errorf("%s: %d %v", what, status, answer)
		}
	}
	refused("another verifier", form(fresh(), "code_verifier", verifier+"x"), "cloud", cloud.secret)
	refused("no verifier", form(fresh(), "code_verifier", ""), "cloud", cloud.secret)
	refused("another redirect", form(fresh(), "redirect_uri", cloud.URL+"/other"), "cloud", cloud.secret)
	refused("another's code", form(fresh()), "wiki", wiki.secret)
	refused("no secret", form(fresh()), "cloud", "")
	refused("a wrong secret", form(fresh()), "cloud", wiki.secret)
	refused("a made-up code", form("nothing"), "cloud", cloud.secret)
	refused("another grant", form(fresh(), "grant_type", "client_credentials"), "cloud", cloud.secret)
	refused("a bearer grant", form(fresh(), "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x.y.z"), "cloud", cloud.secret)
	late := fresh()
	c.now = c.now.Add(2 * time.Minute)
	refused("too late", form(late), "cloud", cloud.secret)

	code := fresh()
	status, answer := c.post1(t, "/oauth/token", form(code), "cloud", cloud.secret)
	if status != 200 {
		t.Fatalf("%d %v", status, answer)
	}
	token, renew := answer["access_token"].(string), answer["refresh_token"].(string)
	if told := c.introspect(t, cloud, token); told["active"] != true || told["username"] != "ada@coop.example" || told["client_id"] != "cloud" || told["exp"] == nil {
		t.Errorf("introspected: %v", told)
	}
	if told := c.introspect(t, wiki, token); told["active"] != true { // ours, for the same service
		t.Errorf("introspected by the wiki: %v", told)
	}
	forum := c.service(t, access.Client{ID: "forum", Name: "Forum"})
	if told := c.introspect(t, forum, token); told["active"] != false || len(told) != 1 {
		t.Errorf("introspected by another: %v", told)
	}
	if status, _ := c.post1(t, "/oauth/introspect", url.Values{"token": {token}}); status != http.StatusUnauthorized {
		t.Errorf("introspected by nobody: %d", status)
	}
	if status, _ := c.post1(t, "/oauth/introspect", url.Values{"token": {token}, "client_id": {"app"}}); status != http.StatusUnauthorized {
		t.Errorf("introspected by who has no secret: %d", status)
	}
	renewing := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {renew}}
	refused("another's refresh token", renewing, "wiki", wiki.secret)
	if status, _ := c.post1(t, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {renew}, "scope": {"openid email"}}, "cloud", cloud.secret); status != 400 {
		t.Errorf("more than was granted: %d", status)
	}
	// Used again it was stolen: all that it led to ends.
	refused("a code that was used", form(code), "cloud", cloud.secret)
	if told := c.introspect(t, cloud, token); told["active"] != false {
		t.Errorf("after its code came twice: %v", told)
	}
	refused("a refresh token of a code that came twice", renewing, "cloud", cloud.secret)

	// Who has no secret has PKCE.
	public := c.code(t, browser, authorization("app", app.URL+"/back"))
	if status, answer := c.post1(t, "/oauth/token", form(public, "client_id", "app", "redirect_uri", app.URL+"/back")); status != 200 || answer["id_token"] == nil {
		t.Errorf("a public client: %d %v", status, answer)
	}
	// Somebody else cannot take up what one has agreed to.
	asks := authorization("cloud", cloud.URL+"/back")
	resp, _ := send(t, client(t), "GET", c.URL+"/oauth/authorize?"+asks.Encode(), "")
	page := resp.Header.Get("Location")
	if resp, _ := send(t, browser, "GET", c.URL+page, ""); resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.StatusCode)
	}
	id := strings.TrimPrefix(page, "/authorize/")
	if resp, _ := send(t, client(t), "GET", c.URL+openid.Callback(id), ""); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another browser takes the code: %d", resp.StatusCode)
	}
	// What nobody has said yes to leads nowhere.
	resp, _ = send(t, client(t), "GET", c.URL+"/oauth/authorize?"+asks.Encode(), "")
	id = strings.TrimPrefix(resp.Header.Get("Location"), "/authorize/")
	if resp, _ := send(t, browser, "GET", c.URL+openid.Callback(id), ""); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without a yes: %d", resp.StatusCode)
	}
	c.now = c.now.Add(time.Hour)
	if status, _ := ask(t, browser, "GET", c.URL+"/authorize/"+id, ""); status != http.StatusForbidden {
		t.Errorf("an hour later: %d", status)
	}
}

func TestTokensAreRevokedAndExpire(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	wiki := c.service(t, access.Client{ID: "wiki", Name: "Wiki", Service: domain.Storage, Own: true})
	browser := c.in(t, "ada")
	in := func() *oidc.Tokens[*oidc.IDTokenClaims] {
		t.Helper()
		if _, _, text := browse(t, browser, "GET", cloud.URL+"/in", ""); text != "welcome" {
			t.Fatal(text)
		}
		return <-cloud.tokens
	}
	active := func(token string) any {
		t.Helper()
		return c.introspect(t, cloud, token)["active"]
	}
	tokens := in()
	if status, _ := c.post1(t, "/oauth/revoke", url.Values{"token": {tokens.RefreshToken}}, "wiki", wiki.secret); status != 401 {
		t.Errorf("by another client: %d", status)
	}
	if active(tokens.AccessToken) != true {
		t.Error("it is revoked by another client")
	}
	if err := rp.RevokeToken(t.Context(), cloud, tokens.AccessToken, "access_token"); err != nil || active(tokens.AccessToken) != false {
		t.Errorf("an access token: %v", err)
	}
	next, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, tokens.RefreshToken, "", "")
	if err != nil || active(next.AccessToken) != true {
		t.Fatal(err)
	}
	for range 2 {
		if err := rp.RevokeToken(t.Context(), cloud, next.RefreshToken, "refresh_token"); err != nil || active(next.AccessToken) != false {
			t.Errorf("a refresh token: %v", err)
		}
	}
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, next.RefreshToken, "", ""); err == nil {
		t.Error("a refresh token that was revoked is good")
	}

	tokens = in()
	c.now = c.now.Add(access.AccessLife)
	if active(tokens.AccessToken) != false {
		t.Error("an access token does not expire")
	}
	next, err = rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, tokens.RefreshToken, "", "")
	if err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(31 * 24 * time.Hour)
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), cloud, next.RefreshToken, "", ""); err == nil {
		t.Error("a refresh token does not expire")
	}
	if _, err := c.access.Sweep(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	for _, space := range []string{"grant/", "code/", "request/"} {
		if left, err := c.kv.Range(t.Context(), space, "", 10); err != nil || len(left) > 0 {
			t.Errorf("of %s is left %v, %v", space, left, err)
		}
	}

	// A client that is removed knows nobody any more.
	browser = c.in(t, "ada")
	tokens = in()
	if err := c.access.RemoveClient(t.Context(), "cloud"); err != nil {
		t.Fatal(err)
	}
	if told := c.introspect(t, wiki, tokens.AccessToken); told["active"] != false {
		t.Errorf("of a client that is gone: %v", told)
	}
}

func TestKeysRotateOnAllNodes(t *testing.T) {
	c := openCoop(t)
	keys := func(of http.Handler) (ids []string) {
		t.Helper()
		w := httptest.NewRecorder()
		of.ServeHTTP(w, httptest.NewRequest("GET", "/oauth/keys", nil))
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			if k["d"] != "" || k["p"] != "" || k["alg"] != "RS256" {
				t.Errorf("a key says %v", k)
			}
			ids = append(ids, k["kid"])
		}
		return ids
	}
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	browser := c.in(t, "ada")
	signer := func() string {
		t.Helper()
		browser = c.in(t, "ada")
		if _, _, text := browse(t, browser, "GET", cloud.URL+"/in", ""); text != "welcome" {
			t.Fatal(text)
		}
		header, _, _ := strings.Cut((<-cloud.tokens).IDToken, ".")
		var h struct{ Kid string }
		data, _ := base64.RawURLEncoding.DecodeString(header)
		_ = json.Unmarshal(data, &h)
		return h.Kid
	}
	here, there := c.provider(t, c.access, c.URL), c.provider(t, c.access, c.URL)
	first := keys(here)
	if len(first) != 1 || !slices.Equal(first, keys(there)) || signer() != first[0] {
		t.Fatalf("two nodes have %v and %v", first, keys(there))
	}
	begun := c.now
	day := func(n int) { c.now = begun.Add(time.Duration(n) * 24 * time.Hour) }
	day(59) // the next is shown before it signs
	second := keys(there)
	if len(second) != 2 || second[0] != first[0] || !slices.Equal(second, keys(here)) || signer() != first[0] {
		t.Errorf("after 59 days there are %v", second)
	}
	day(62)
	if now := keys(here); !slices.Equal(now, second) || signer() != second[1] {
		t.Errorf("after 62 days there are %v", now)
	}
	day(75) // and the first is gone once nothing that it has signed is good
	if now := keys(here); !slices.Equal(now, second[1:]) {
		t.Errorf("after 75 days there are %v", now)
	}
	day(500) // when nobody has come for long
	if now := keys(there); len(now) != 2 || now[0] != second[1] || signer() != now[0] {
		t.Errorf("after 500 days there are %v", now)
	}
	entries, err := c.kv.Get(t.Context(), "openid/keys")
	if err != nil || strings.Contains(string(entries[0].Value), "PRIVATE") {
		t.Error("keys are kept open")
	}
	// Under another master key, nobody is served.
	other, err := eventstore.NewKeys(c.kv, []byte(strings.Repeat("o", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openid.New(t.Context(), openid.Config{Access: c.access, Keys: other, Issuer: c.URL, Log: discard}); err == nil {
		t.Error("another master key opens them")
	}
}

func TestDiscovery(t *testing.T) {
	c := openCoop(t)
	_, text := ask(t, client(t), "GET", c.URL+"/.well-known/openid-configuration", "")
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"issuer": c.URL, "authorization_endpoint": c.URL + "/oauth/authorize", "token_endpoint": c.URL + "/oauth/token",
		"userinfo_endpoint": c.URL + "/oauth/userinfo", "jwks_uri": c.URL + "/oauth/keys", "introspection_endpoint": c.URL + "/oauth/introspect",
		"revocation_endpoint": c.URL + "/oauth/revoke", "end_session_endpoint": c.URL + "/oauth/end-session", "device_authorization_endpoint": nil,
	} {
		if d[key] != want {
			t.Errorf("%s is %v, want %v", key, d[key], want)
		}
	}
	for key, want := range map[string]string{
		"response_types_supported": "[code]", "grant_types_supported": "[authorization_code refresh_token]",
		"code_challenge_methods_supported": "[S256]", "id_token_signing_alg_values_supported": "[RS256]",
	} {
		if got := fmt.Sprint(d[key]); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}

func TestServicesThatGuessAreLimited(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	for range 150 { // as often as one likes, who one is
		if status, _ := c.post1(t, "/oauth/introspect", url.Values{"token": {"x"}}, "cloud", cloud.secret); status != 200 {
			t.Fatalf("a service that says who it is: %d", status)
		}
	}
	for range 150 { // nor is it held against it that somebody makes it bring codes that are none
		if status, text := c.post1(t, "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "code_verifier": {"y"}, "redirect_uri": {"https://cloud.example/"}}, "cloud", cloud.secret); status != http.StatusBadRequest {
			t.Fatalf("a code that is none: %d %s", status, text)
		}
	}
	last := 0
	for range 120 {
		last, _ = c.post1(t, "/oauth/introspect", url.Values{"token": {"x"}}, "cloud", "guess")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("after 120 guesses: %d", last)
	}
}

func TestOtherSitesMaySendPeopleAndNothingElse(t *testing.T) {
	c := openCoop(t)
	cloud := c.service(t, access.Client{ID: "cloud", Name: "Cloud", Service: domain.Storage, Own: true})
	elsewhere := []string{"Origin", "https://cloud.example", "Sec-Fetch-Site", "cross-site"}
	form := authorization("cloud", cloud.URL+"/back").Encode()
	resp, text := send(t, client(t), "POST", c.URL+"/oauth/authorize", form, elsewhere...)
	page := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusFound || !strings.HasPrefix(page, "/authorize/") {
		t.Errorf("sent by a form: %d to %q %s", resp.StatusCode, page, text)
	}
	if resp, _ := send(t, client(t), "POST", c.URL+"/oauth/end-session", "state=x", elsewhere...); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("sent to sign out: %d", resp.StatusCode)
	}
	browser := c.in(t, "ada")
	for _, path := range []string{page, "/oauth/token", "/oauth/revoke", "/oauth/introspect", "/sign-out"} {
		if status, _ := ask(t, browser, "POST", c.URL+path, "answer=yes", elsewhere...); status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, status)
		}
	}
	// Sent to be signed out by who does not say whom, one is asked first.
	at, status, text := browse(t, browser, "GET", c.URL+"/oauth/end-session", "")
	if status != 200 || at.Path != "/sign-out" || !strings.Contains(text, `action="/sign-out"`) {
		t.Errorf("at %s: %d %s", at, status, text)
	}
	if _, _, text := browse(t, browser, "GET", cloud.URL+"/in", ""); text != "welcome" {
		t.Errorf("asked, she is signed out already: %s", text)
	}
}
