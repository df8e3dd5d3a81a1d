package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/processes/access"
	"rochdale/web"
)

// people are the members of a small co-op.
type people []access.Person

func (p people) ByEmail(_ context.Context, email string) (found []access.Person, _ error) {
	for _, one := range p {
		if one.Email == email {
			found = append(found, one)
		}
	}
	return found, nil
}

func (p people) ByID(_ context.Context, party domain.PartyID) (access.Person, error) {
	for _, one := range p {
		if one.Party == party {
			return one, nil
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
	kv     *cupboard
	post   letterbox
	now    time.Time
}

// cupboard is what is kept beside the log, while it can be got at.
type cupboard struct {
	eventstore.KV
	locked atomic.Bool
}

var errLocked = errors.New("the database at db.internal is away")

func (c *cupboard) Get(ctx context.Context, keys ...string) ([]eventstore.Entry, error) {
	if c.locked.Load() {
		return nil, errLocked
	}
	return c.KV.Get(ctx, keys...)
}

func open(t *testing.T, adapt ...func(*web.Config)) *house {
	t.Helper()
	h := &house{
		kv: &cupboard{KV: new(eventstore.Memory)}, post: make(letterbox, 100),
		now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
	}
	h.access = &access.Access{
		KV: h.kv,
		People: people{
			{Party: "ada", Roles: []domain.Role{domain.RoleMember}, Language: domain.French, Email: "ada@example.org"},
			{Party: "max", Name: "Max Muster", Roles: []domain.Role{domain.RoleMember}, Language: domain.German, Email: "both@example.org"},
			{Party: "eva", Name: "Eva Muster", Roles: []domain.Role{domain.RoleMember}, Language: domain.German, Email: "both@example.org"},
		},
		Now: func() time.Time { return h.now },
	}
	h.Server = httptest.NewServer(nil)
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, _ := access.Of(r.Context())
		_, _ = io.WriteString(w, "you are "+v.Name+" "+eventstore.Actor(r.Context()))
	})
	config := web.Config{
		Access: h.access, BaseURL: h.URL, Coop: func() string { return "Demo" }, Log: slog.New(slog.DiscardHandler),
		GraphQL: whoami, Metrics: whoami,
		Ready: func(context.Context) error { return errors.New("still filling the read models") },
	}
	for _, f := range adapt {
		f(&config)
	}
	links := access.NewLinks(h.access, h.post, config.BaseURL, config.Coop, config.Log)
	config.Links = links
	ctx, stop := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	sending.Go(func() { links.Run(ctx) })
	h.Config.Handler = web.New(config)
	t.Cleanup(func() {
		stop()
		h.Close()
		sending.Wait()
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
	resp, text := send(t, c, method, url, body, header...)
	return resp.StatusCode, text
}

func send(t *testing.T, c *http.Client, method, url, body string, header ...string) (resp *http.Response, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Add(header[i], header[i+1])
		}
	}
	if resp, err = c.Do(req); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
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

// link asks for a link and takes it from the letterbox.
func (h *house) link(t *testing.T, header ...string) string {
	t.Helper()
	if status, page := ask(t, client(t), "POST", h.URL+"/sign-in", "email=ada@example.org", header...); status != 200 {
		t.Fatalf("asking for a link: %d %s", status, page)
	}
	return regexp.MustCompile(`http\S+`).FindString(<-h.post)
}

// TestTwoOfOneAddress get a link each, and see whose it is.
func TestTwoOfOneAddress(t *testing.T) {
	h := open(t)
	ask(t, client(t), "POST", h.URL+"/sign-in", "email=both@example.org")
	for _, c := range []struct{ name, party string }{{"Max Muster", "max"}, {"Eva Muster", "eva"}} {
		mail, browser := <-h.post, client(t)
		if !strings.Contains(mail, "der Anmeldelink von "+c.name+" für Demo:") {
			t.Errorf("%s: %s", c.name, mail)
		}
		ask(t, browser, "POST", regexp.MustCompile(`http\S+`).FindString(mail), "")
		if _, text := ask(t, browser, "GET", h.URL+"/graphql", ""); text != "you are "+c.party+" "+c.party {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

// TestLookingAtALinkLeavesIt: programs that look through mail follow links, and
// try what is at their end.
func TestLookingAtALinkLeavesIt(t *testing.T) {
	h := open(t)
	link := h.link(t)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "GET", "PROPFIND"} {
		resp, _ := send(t, client(t), method, link, "")
		if len(resp.Cookies()) > 0 {
			t.Errorf("%s signs in", method)
		}
	}
	if status, _ := ask(t, client(t), "POST", link, ""); status != http.StatusSeeOther {
		t.Errorf("used after others have looked: %d", status)
	}
}

// TestALinkIsUsedOnce, however many use it at once.
func TestALinkIsUsedOnce(t *testing.T) {
	h := open(t)
	link := h.link(t)
	var in atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		c := client(t)
		all.Go(func() {
			if status, _ := ask(t, c, "POST", link, ""); status == http.StatusSeeOther {
				in.Add(1)
			}
		})
	}
	if all.Wait(); in.Load() != 1 {
		t.Errorf("%d got in by one link", in.Load())
	}
}

// TestALinkLeadsHome: to the address of the co-op, whatever address it was asked
// for at, and then to its first page, whatever is asked for.
func TestALinkLeadsHome(t *testing.T) {
	h := open(t, func(c *web.Config) { c.BaseURL = "https://coop.example/" })
	link := h.link(t, "Host", "evil.example", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example")
	if !strings.HasPrefix(link, "https://coop.example/sign-in/rocl_") {
		t.Errorf("the link leads to %s", link)
	}
	path := strings.TrimPrefix(link, "https://coop.example")
	resp, _ := send(t, client(t), "POST", h.URL+path+"?next=https://evil.example&return_to=//evil.example", "", "Host", "coop.example")
	if to := resp.Header.Get("Location"); to != "/" {
		t.Errorf("signed in, and led to %s", to)
	}
}

func TestTheCookie(t *testing.T) {
	for base, want := range map[string]string{
		"https://coop.example": "__Host-rochdale_session; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax",
		"http://coop.example":  "rochdale_session; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax",
	} {
		h := open(t, func(c *web.Config) { c.BaseURL = base })
		resp, _ := send(t, client(t), "POST", h.URL+strings.TrimPrefix(h.link(t), base), "")
		cookie := resp.Header.Get("Set-Cookie")
		if got := regexp.MustCompile(`=rocs_[\w-]{43};`).ReplaceAllString(cookie, ";"); got != want {
			t.Errorf("%s: %s", base, cookie)
		}
		name, value, _ := strings.Cut(strings.Split(cookie, ";")[0], "=")
		if _, text := ask(t, client(t), "GET", h.URL+"/graphql", "", "Cookie", name+"="+value); text != "you are ada ada" {
			t.Errorf("%s: %s", base, text)
		}
		if base[:5] == "https" { // where a page of a neighbour may set cookies too
			if _, text := ask(t, client(t), "GET", h.URL+"/graphql", "", "Cookie", "rochdale_session="+value); text != "you are  " {
				t.Errorf("without the prefix: %s", text)
			}
		}
	}
}

// TestNobodyLearnsWhoIsAMember: the answer is the same, and given before anybody
// has looked.
func TestNobodyLearnsWhoIsAMember(t *testing.T) {
	h := open(t)
	looked, look := make(chan string, 10), make(chan bool)
	h.access.People = slow{h.access.People, looked, look}
	c := client(t)
	known, knownText := send(t, c, "POST", h.URL+"/sign-in", "email=ada@example.org")
	unknown, unknownText := send(t, c, "POST", h.URL+"/sign-in", "email=eve@example.org")
	if knownText != unknownText || known.StatusCode != unknown.StatusCode {
		t.Errorf("%s\n%s", knownText, unknownText)
	}
	for _, resp := range []*http.Response{known, unknown} {
		resp.Header.Del("Date")
	}
	if a, b := fmt.Sprint(known.Header), fmt.Sprint(unknown.Header); a != b {
		t.Errorf("%s\n%s", a, b)
	}
	close(look)
	if first, second := <-looked, <-looked; first == second {
		t.Errorf("%s was looked for twice", first)
	}
	if to, _, _ := strings.Cut(<-h.post, "\n"); to != "ada@example.org" {
		t.Errorf("a link for %s", to)
	}
}

// slow are people who are found only once that is let happen.
type slow struct {
	access.People
	looked chan<- string
	look   <-chan bool
}

func (s slow) ByEmail(ctx context.Context, email string) ([]access.Person, error) {
	<-s.look
	s.looked <- email
	return s.People.ByEmail(ctx, email)
}

func TestAttemptsAreLimited(t *testing.T) {
	h := open(t)
	c := client(t)
	until := func(limit int, attempt func(n int) *http.Response) {
		t.Helper()
		for n := range limit + 1 {
			resp := attempt(n)
			if refused := resp.StatusCode == http.StatusTooManyRequests; refused != (n == limit) || refused && resp.Header.Get("Retry-After") == "" {
				t.Fatalf("attempt %d: %d %v", n+1, resp.StatusCode, resp.Header)
			}
		}
	}
	until(5, func(int) *http.Response { // links to one address, known or not
		resp, _ := send(t, c, "POST", h.URL+"/sign-in", "email=eve@example.org")
		return resp
	})
	until(100-6, func(n int) *http.Response { // of one client
		resp, _ := send(t, c, "POST", fmt.Sprintf("%s/sign-in/rocl_guess%d", h.URL, n), "")
		return resp
	})
	if status, text := ask(t, c, "POST", h.URL+"/sign-in", "email=ada@example.org", "Accept-Language", "de"); status != 429 || !strings.Contains(text, "zu viele Versuche") {
		t.Errorf("in German: %d %s", status, text)
	}
	h.now = h.now.Add(5 * time.Minute)
	for n, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		if status, _ := ask(t, c, "POST", h.URL+"/sign-in", "email=eve@example.org"); status != want {
			t.Errorf("five minutes later, attempt %d: %d", n+1, status)
		}
	}
}

// TestWhoIsAsking: behind a proxy, clients are told apart by what the proxy has
// seen and not by what they say; of IPv6, by their network.
func TestWhoIsAsking(t *testing.T) {
	spend := func(h *house, n int, header ...string) (status int) {
		for range n {
			status, _ = ask(t, client(t), "POST", h.URL+"/sign-in/rocl_guess", "", header...)
		}
		return status
	}
	h := open(t, func(c *web.Config) { c.Trusted = true })
	for n, c := range []struct {
		header []string
		same   bool // as the one before
	}{
		{[]string{"X-Forwarded-For", "198.51.100.1"}, false},
		{[]string{"X-Forwarded-For", "203.0.113.9, 198.51.100.1"}, true},
		{[]string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-For", "198.51.100.1"}, true},
		{[]string{"X-Forwarded-For", "198.51.100.2:4711"}, false},
		{[]string{"X-Forwarded-For", "::ffff:198.51.100.2"}, true},
		{[]string{"X-Forwarded-For", "2001:db8:1:1::1"}, false},
		{[]string{"X-Forwarded-For", "[2001:db8:1:1:ffff::2]:443"}, true},
		{[]string{"X-Forwarded-For", "2001:db8:1:2::1"}, false},
		{[]string{"X-Forwarded-For", "nonsense"}, false},
		{[]string{"X-Forwarded-For", "other nonsense"}, true},
	} {
		if status := spend(h, 1, c.header...); (status == http.StatusTooManyRequests) != c.same {
			t.Errorf("%d, %v: %d", n, c.header, status)
		}
		spend(h, 100, c.header...)
	}
	seen := ""
	h = open(t, func(c *web.Config) {
		c.Trusted = true
		c.Folders = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr })
	})
	ask(t, client(t), "GET", h.URL+"/dav/", "", "X-Forwarded-For", "203.0.113.9, 198.51.100.1")
	if seen != "198.51.100.1" {
		t.Errorf("folders see a request from %s", seen)
	}
	h = open(t) // nobody in front: what clients say counts for nothing
	spend(h, 100)
	if status := spend(h, 1, "X-Forwarded-For", "198.51.100.1"); status != http.StatusTooManyRequests {
		t.Errorf("the header was believed: %d", status)
	}
}

// TestOtherSites: a page of another site cannot act for who has signed in.
func TestOtherSites(t *testing.T) {
	h := open(t, func(c *web.Config) { c.BaseURL = "https://coop.example" })
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"sign in as somebody else": {"/sign-in/rocl_x", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"ask for links":            {"/sign-in", []string{"Origin", "https://evil.example"}, 403},
		"sign out":                 {"/sign-out", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://other.coop.example"}, 403},
		"a form":                   {"/graphql", []string{"Origin", "null"}, 403},
		"the site itself":          {"/graphql", []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://coop.example"}, 200},
		"behind a proxy":           {"/graphql", []string{"Origin", "https://coop.example", "Host", "127.0.0.1:8080"}, 200},
		"no browser":               {"/graphql", nil, 200},
	} {
		status, text := ask(t, client(t), "POST", h.URL+c.path, "a=b", c.header...)
		if status != c.status {
			t.Errorf("%s: %d %s", name, status, text)
		}
		if status == 403 && c.path == "/graphql" && !strings.Contains(text, `"code":"access.cross_origin"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestHeadersOfAllAnswers(t *testing.T) {
	for base, hsts := range map[string]string{"https://coop.example": "max-age=31536000", "http://coop.example": ""} {
		h := open(t, func(c *web.Config) { c.BaseURL = base })
		for _, path := range []string{"/", "/graphql", "/sign-in", "/sign-in/rocl_x", "/healthz", "/nowhere", "/metrics"} {
			resp, _ := send(t, client(t), "GET", h.URL+path, "", "Accept", "text/html")
			all := map[string]string{
				"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security": hsts, "Access-Control-Allow-Origin": "",
			}
			if path != "/graphql" { // which is no page
				all["Referrer-Policy"], all["X-Frame-Options"], all["Cross-Origin-Opener-Policy"] = "same-origin", "DENY", "same-origin"
			}
			for name, want := range all {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %s: %q", path, name, got)
				}
			}
			if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
				if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script-src") {
					t.Errorf("%s: Content-Security-Policy: %s", path, csp)
				}
				if resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s may be kept", path)
				}
			}
		}
	}
}

func TestErrorsAreSaidInTheVisitorsLanguage(t *testing.T) {
	h := open(t)
	for lang, want := range map[string][3]string{
		"fr-BE,fr;q=0.9": {"il n’y a rien à cette adresse", "À la page d’accueil", "Une erreur s’est produite de notre côté"},
		"nl":             {"er is niets op dit adres", "Naar de startpagina", "Er ging iets mis aan onze kant"},
		"de-CH":          {"unter dieser Adresse gibt es nichts", "Zur Startseite", "Bei uns ist etwas schiefgegangen"},
		"pt, en;q=0.5":   {"there is nothing at this address", "To the start page", "Something went wrong on our side"},
	} {
		resp, page := send(t, client(t), "GET", h.URL+"/nowhere", "", "Accept-Language", lang, "Accept", "text/html,*/*;q=0.8")
		if resp.StatusCode != 404 || !strings.Contains(page, want[0]) || !strings.Contains(page, want[1]) || resp.Header.Get("Content-Language") != lang[:2] && lang[:2] != "pt" {
			t.Errorf("%s: %d %s", lang, resp.StatusCode, page)
		}
		h.kv.locked.Store(true)
		status, page := ask(t, client(t), "POST", h.URL+"/sign-in/rocl_x", "", "Accept-Language", lang, "Accept", "text/html")
		if status != 503 || !strings.Contains(page, want[2]) || strings.Contains(page, "db.internal") {
			t.Errorf("%s: %d %s", lang, status, page)
		}
		h.kv.locked.Store(false)
	}
	if status, text := ask(t, client(t), "GET", h.URL+"/nowhere", ""); status != 404 || text != "there is nothing at this address\n" {
		t.Errorf("to no browser: %d %s", status, text)
	}
	resp, text := send(t, client(t), "DELETE", h.URL+"/sign-in", "", "Accept-Language", "nl")
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD, POST" || text != "niets op dit adres antwoordt op DELETE\n" {
		t.Errorf("DELETE: %d %v %s", resp.StatusCode, resp.Header, text)
	}
}

// TestTrouble: what went wrong is logged, and not told.
func TestTrouble(t *testing.T) {
	var logged bytes.Buffer
	h := open(t, func(c *web.Config) {
		c.Log = slog.New(slog.NewTextHandler(&logged, nil))
		c.Explorer = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("at the disco") })
	})
	h.kv.locked.Store(true)
	for _, header := range [][]string{{"Authorization", "Bearer roch_x"}, {"Cookie", "rochdale_session=x"}} {
		resp, text := send(t, client(t), "POST", h.URL+"/graphql", "{}", header...)
		if resp.StatusCode != 503 || text != `{"errors":[{"extensions":{"code":"fault"},"message":"Something went wrong on our side: try again in a moment."}]}`+"\n" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %d %s", header, resp.StatusCode, text)
		}
	}
	if status, text := ask(t, client(t), "GET", h.URL+"/", ""); status != 500 || strings.Contains(text, "disco") {
		t.Errorf("a panic: %d %s", status, text)
	}
	h.Close()
	if log := logged.String(); !strings.Contains(log, "db.internal") || !strings.Contains(log, "at the disco") {
		t.Errorf("logged: %s", log)
	}
}

// TestWhoIsSlowIsCutOff: with half a request, nobody holds the server.
func TestWhoIsSlowIsCutOff(t *testing.T) {
	h := open(t, func(c *web.Config) {
		c.Asking = time.Second
		c.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusRequestTimeout)
				return
			}
			// Who has said it all is not cut off, however long the answer goes on.
			control := http.NewResponseController(w)
			for range 10 {
				time.Sleep(150 * time.Millisecond)
				_ = control.SetWriteDeadline(time.Now().Add(time.Minute))
				if _, err := io.WriteString(w, "."); err != nil || control.Flush() != nil || r.Context().Err() != nil {
					return
				}
			}
		})
	})
	for _, path := range []string{"/graphql", "/sign-in"} {
		conn, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nemail=", path)
		if _, err := io.ReadAll(conn); err != nil { // until the server hangs up
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, text := ask(t, client(t), "POST", h.URL+"/graphql", "{}"); text != ".........." {
		t.Errorf("a long answer: %s", text)
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
	if _, err := h.access.Sweep(t.Context(), 1000); err != nil {
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
	for _, shown := range []string{"Bearer nonsense", "bearer nonsense", "Bearer", "Bearer "} {
		resp, text := send(t, c, "POST", h.URL+"/graphql", "{}", "Authorization", shown)
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `"code":"access.bad_token"`) || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("graphql, %q: %d %v %s", shown, resp.StatusCode, resp.Header, text)
		}
	}
	if _, text := ask(t, c, "POST", h.URL+"/graphql", "{}", "Authorization", "bearer "+secret); text != "you are token/"+token.ID+" token/"+token.ID {
		t.Errorf("in small letters: %s", text)
	}
	// On another node, over the same log, it is revoked; and here at once.
	if err := (&access.Access{KV: h.access.KV, Now: h.access.Now}).RevokeToken(t.Context(), token.ID); err != nil {
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
	h.now = h.now.Add(2 * time.Hour)
	late, _ := create(access.Token{Name: "late", Scopes: []string{"metrics"}, Expires: h.now.Add(time.Minute)})
	if status, _ := bearer(late, "/metrics"); status != 200 {
		t.Errorf("a minute before it expires: %d", status)
	}
	h.now = h.now.Add(time.Minute)
	if status, _ := bearer(late, "/metrics"); status != http.StatusUnauthorized {
		t.Errorf("expired: %d", status)
	}
	for e, err := range eventstore.Entries(t.Context(), h.access.KV, "") {
		if err != nil || bytes.Contains(e.Value, []byte("roch_")) || strings.Contains(e.Key, "roch_") {
			t.Errorf("a secret is kept: %s %s, %v", e.Key, e.Value, err)
		}
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

// FuzzDoor: whatever is asked for at the door, by whatever it says of itself, there
// is an answer, and nobody who has shown nothing gets in.
func FuzzDoor(f *testing.F) {
	for _, seed := range [][6]string{
		{"POST", "/sign-in", "email=ada@example.org", "fr;q=0.5,*", "198.51.100.1", ""},
		{"POST", "/sign-in", "email=%ff%00", "-", "[::1]:80", "Bearer x"},
		{"POST", "/sign-in/rocl_x", "", "nl", "", ""},
		{"GET", "/sign-in/%2e%2e/x", "", "", ",,", "bearer "},
		{"POST", "/graphql", "{}", "de", "::1%eth0", "Basic eDp4"},
		{"POST", "/sign-in", "email=" + strings.Repeat("a", 300) + "@example.org", "", "unknown", ""},
		{"POST", "/sign-in", "email=a@b%0d%0aBcc: c@d", "", "", ""},
		{"PROPFIND", "/", "", "", "", ""},
		{"GET", "//evil.example/..", "", "", "", ""},
		{"POST", "/sign-out", "", "", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, method, path, body, language, from, authorization string) {
		h := open(t, func(c *web.Config) { c.Trusted = true })
		r, err := http.NewRequestWithContext(t.Context(), method, h.URL+"/", strings.NewReader(body))
		u, errPath := url.Parse(h.URL + path)
		if err != nil || errPath != nil || u.Host != strings.TrimPrefix(h.URL, "http://") {
			return // nobody can ask for that
		}
		r.URL = u
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range map[string]string{"Accept-Language": language, "X-Forwarded-For": from, "Authorization": authorization, "Accept": "text/html"} {
			r.Header[name] = []string{value}
		}
		resp, err := client(t).Do(r)
		if err != nil {
			return // what is no header is not sent
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 500 && resp.StatusCode != 501 && u.Path != "/readyz" {
			t.Errorf("%d %s, %v", resp.StatusCode, text, err)
		}
		if len(resp.Cookies()) > 0 && u.Path != "/sign-out" || strings.Contains(string(text), "you are ada") {
			t.Errorf("let in: %v %s", resp.Cookies(), text)
		}
		if to := resp.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			t.Errorf("led to %s", to)
		}
	})
}
