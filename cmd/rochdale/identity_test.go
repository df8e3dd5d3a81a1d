package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/domain/membership"
)

// TestWhoOneIsOverTime has somebody sign in by a link, change their address by one to the
// old address, and be found to be another: the session that they had is that one's then,
// and so is their token. All mail goes by SMTP.
func TestWhoOneIsOverTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	address, mails := postbox(t)
	c := settle(t, Globals{Data: t.TempDir()}, 12, func(d *demo) []demoStep { return []demoStep{d.enter, d.openHouse} })
	out, err := exec.CommandContext(ctx, "rochdale", "token", "create", "office", "--role", "secretary", "--data", c.Data).Output()
	if err != nil {
		t.Fatal(err)
	}
	secretary := strings.TrimSpace(string(out))
	var two []int // persons, of whom one is found to be the other
	for i, m := range c.members {
		if m.kind == membership.Person && m.contact.Email != "" && len(two) < 2 {
			two = append(two, i)
		}
	}
	one, other := c.members[two[0]], c.members[two[1]]
	n := c.node(t, c.Data)
	n.args = append(n.args, "--smtp", "smtp+plain://"+address, "--mail-from", "office@coop.example")
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	// link waits for a mail with a link to somebody.
	link := func(to, path string) string {
		t.Helper()
		find := regexp.MustCompile(regexp.QuoteMeta(n.url+path) + `\S+`)
		for {
			select {
			case m := <-mails:
				found := find.FindString(m[1])
				if m[0] == to && found != "" {
					return found
				}
				if found != "" {
					t.Errorf("%s has a link that is for %s", m[0], to)
				}
			case <-ctx.Done():
				t.Fatalf("%s is sent no link", to)
			}
		}
	}
	visit := func(browser *http.Client, to string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	signIn := func(email string) *http.Client {
		t.Helper()
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := &http.Client{Jar: jar}
		if status, text := visit(browser, n.url+"/sign-in", url.Values{"email": {email}}); status != http.StatusOK {
			t.Fatalf("asking for a link: %d %s", status, text)
		}
		visit(browser, link(email, "/sign-in/"), nil)
		return browser
	}
	viewer := func(browser *http.Client) (party, email string) {
		t.Helper()
		resp, err := browser.Post(n.url+"/graphql", "application/json", strings.NewReader(`{"query":"{ viewer { party member { email } } }"}`)) //nolint:noctx // of a test
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var a struct {
			Data struct {
				Viewer struct {
					Party  string
					Member struct{ Email string }
				}
			}
		}
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		return a.Data.Viewer.Party, a.Data.Viewer.Member.Email
	}
	must := func(token, query string, variables map[string]any) answer {
		t.Helper()
		a, err := n.ask(ctx, token, "", query, variables)
		if err != nil || len(a.Errors) > 0 {
			t.Fatalf("%s: %+v, %v", query, a.Errors, err)
		}
		return a
	}

	browser := signIn(one.contact.Email)
	if party, email := viewer(browser); party != string(one.party) || email != one.contact.Email {
		t.Fatalf("signed in as %s, %s", party, email)
	}
	must(c.tokens[two[0]], `mutation { updateContact(contact: {email: "moved@example.org"}) { position } }`, nil)
	change := link(one.contact.Email, "/contact/")
	if _, email := viewer(browser); email != one.contact.Email {
		t.Errorf("changed to %s, and nobody has confirmed it", email)
	}
	for answer, want := range []int{http.StatusOK, http.StatusForbidden} {
		if status, text := visit(browser, change, url.Values{"answer": {"confirm"}}); status != want {
			t.Errorf("confirmed %d times before: %d %s", answer, status, text)
		}
	}
	for _, email := viewer(browser); email != "moved@example.org"; _, email = viewer(browser) { // which the read models hear of next
		if ctx.Err() != nil {
			t.Fatalf("confirmed, and %s", email)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if party, _ := viewer(signIn("moved@example.org")); party != string(one.party) {
		t.Errorf("by the new address: %s", party)
	}

	must(secretary, `mutation($p: ID!, $i: ID!, $s: [ShareSignatureInput!]) { mergeParties(party: $p, into: $i, signatures: $s, decision: "2026/9") { position } }`, map[string]any{
		"p": one.party, "i": other.party, "s": []map[string]any{{"as": "BOARD", "by": other.party, "on": time.Now().UTC().Format(time.DateOnly), "how": "PAPER"}},
	})
	if party, email := viewer(browser); party != string(other.party) || email != other.contact.Email {
		t.Errorf("the session of who was found to be another is that of %s, %s", party, email)
	}
	a := must(c.tokens[two[0]], `{ viewer { party member { numbers } } }`, nil)
	if got, want := string(a.Data["viewer"]), fmt.Sprintf(`{"party":%q,"member":{"numbers":[%d,%d]}}`, other.party, other.number, one.number); got != want {
		t.Errorf("the token: %s, want %s", got, want)
	}
	if party, _ := viewer(signIn(other.contact.Email)); party != string(other.party) {
		t.Errorf("by the address of who stays: %s", party)
	}

	// Nobody is let in as the dead: neither by what let them in, nor by their address.
	must(secretary, `mutation($p: ID!, $o: Date!) { recordDecease(party: $p, on: $o) { position } }`, map[string]any{"p": other.party, "o": time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)})
	if party, _ := viewer(browser); party != "" {
		t.Errorf("the session of the dead is that of %s", party)
	}
	if a, err := n.ask(ctx, c.tokens[two[0]], "", `{ viewer { party } }`, nil); err == nil && len(a.Errors) == 0 {
		t.Errorf("their token lets in: %s", a.Data["viewer"])
	}
	if status, _ := visit(http.DefaultClient, n.url+"/sign-in", url.Values{"email": {other.contact.Email}}); status != http.StatusOK {
		t.Errorf("who asks for a link is told what is known of them: %d", status)
	}
	third := c.members[slices.IndexFunc(c.members, func(m sampleMember) bool {
		return m.kind == membership.Person && m.contact.Email != "" && m.party != one.party && m.party != other.party
	})]
	if party, _ := viewer(signIn(third.contact.Email)); party != string(third.party) {
		t.Errorf("who lives is let in as %s", party)
	}
}
