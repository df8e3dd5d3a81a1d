package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rochdale/domain/calendar"
	"rochdale/domain/subscription"
	"rochdale/eventstore"
)

// A visitor is somebody signed in to the pages of a node.
type visitor struct {
	*testing.T
	ctx context.Context
	at  string
	*http.Client
}

// visit signs in by a link.
func visit(ctx context.Context, t *testing.T, at, link string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := visitor{t, ctx, at, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if status, text := v.send("POST", "/sign-in/"+link, nil); status != http.StatusOK && status != http.StatusSeeOther {
		t.Fatalf("signing in: %d %s", status, text)
	}
	return v
}

func (v visitor) send(method, path string, form url.Values, header ...string) (status int, text string) {
	v.Helper()
	req, err := http.NewRequestWithContext(v.ctx, method, v.at+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := v.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// sees looks at the page of services, in a language.
func (v visitor) sees(lang string, want ...string) string {
	v.Helper()
	status, text := v.send("GET", "/services?lang="+lang, nil)
	if status != http.StatusOK {
		v.Fatalf("the page: %d %s", status, text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			v.Errorf("the page does not say %q: %s", w, text)
		}
	}
	return text
}

// does fills in the form of that page which does something, the only one or that after
// which something stands.
func (v visitor) does(what string, form url.Values, want ...string) string {
	v.Helper()
	_, page := v.send("GET", "/services?lang=en", nil)
	action := regexp.MustCompile(`action="(/services/shared/[^"]+/` + what + `)"`).FindStringSubmatch(page)
	if action == nil {
		v.Fatalf("there is nothing to %s: %s", what, page)
	}
	wanted := http.StatusOK
	if len(want) > 0 && want[0] == "wrong" {
		want, wanted = want[1:], http.StatusUnprocessableEntity
	}
	status, text := v.send("POST", action[1]+"?lang=en", form)
	if status != wanted {
		v.Errorf("%s: %d %s", what, status, text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			v.Errorf("after %s %v the page does not say %q: %s", what, form, w, text)
		}
	}
	return action[1]
}

// TestFamiliesOnTheirPage: who pays offers part of a subscription, changes and takes it
// back; who is offered it reads what it means, accepts, and goes on alone; in the
// language of each, and by nobody else.
func TestFamiliesOnTheirPage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := settle(t, Globals{Data: t.TempDir()}, 6, func(d *demo) []demoStep { return []demoStep{d.enter, d.openHouse} })
	var links [3]string
	var name, address string
	err := withHouse(ctx, &c.Globals, quiet(), func(h *house) error {
		persons := (&demo{members: c.members}).persons()
		ctx, today := eventstore.As(ctx, "test"), dayOfCoop(t)
		for i := range links {
			var err error
			if links[i], err = h.access.NewLink(ctx, persons[i].party); err != nil {
				return err
			}
		}
		name, address = persons[1].identity.FirstName+" "+persons[1].identity.LastName, persons[1].contact.Email
		_, err := eventstore.Execute(ctx, h.store, subscription.Subscribe{
			Subscription: "sub", Party: persons[0].party, Payer: persons[0].party, Plan: "nubo", GB: 20, On: today, From: today,
			Terms: subscription.Terms{PriceList: 1, LeastGB: 5, MostGB: 1000},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := c.node(t, c.Data)
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	payer, other, stranger := visit(ctx, t, n.url, links[0]), visit(ctx, t, n.url, links[1]), visit(ctx, t, n.url, links[2])
	for lang, want := range map[string]string{"fr": "Votre abonnement de 20 Go", "nl": "Uw abonnement van 20 GB", "en": "Your subscription of 20 GB", "de": "Ihr Abonnement von 20 GB"} {
		if text := payer.sees(lang, want); strings.Contains(text, "services.") || strings.Contains(text, "<script") {
			t.Errorf("in %s: %s", lang, text)
		}
	}
	offer := func(name, email, gb string) url.Values {
		return url.Values{"name": {name}, "email": {email}, "gb": {gb}}
	}
	wrong := func(field, text string) []string {
		return []string{"wrong", `id="` + field + `-wrong-sub">` + text, "<details open>"}
	}
	payer.does("offer", offer(name, "nobody@example.org", "5"), append(wrong("offer-email", "the co-op knows nobody of this name"), `value="nobody@example.org"`, `value="5"`)...)
	payer.does("offer", offer("Somebody Else", address, "5"), wrong("offer-email", "the co-op knows nobody of this name")...)
	payer.does("offer", offer(name, address, "20"), wrong("offer-gb", "of 20 GB others have 20")...)
	payer.does("offer", offer(name, address, "none"), wrong("offer-gb", "say how many GB")...)
	payer.does("offer", offer(strings.ToUpper(name), address, "5"), "The offer is made.", name, "5 GB, offered on")
	payer.does("offer", offer(name, address, "5"), wrong("offer-email", "this party has a part")...)

	for lang, want := range map[string]string{"fr": " vous propose 5 Go de son abonnement", "nl": " biedt u 5 GB van het eigen abonnement aan", "en": " offers you 5 GB of their subscription", "de": " bietet Ihnen 5 GB des eigenen Abonnements an"} {
		other.sees(lang, want)
	}
	other.sees("en", "pays: it costs nobody anything more.", "for 30 days more", "You pay no subscription, and need none for this.")
	other.does("decline", nil, "It is declined.")
	payer.does("offer", offer(name, address, "6"), "The offer is made.") // anew
	payer.does("withdraw", nil, "The offer is withdrawn.")
	if text := other.sees("en"); strings.Contains(text, "offers you") {
		t.Errorf("withdrawn, and shown: %s", text)
	}
	payer.does("offer", offer(name, address, "5"), "The offer is made.")
	other.does("accept", url.Values{"login": {"shuttle@elsewhere.example"}}, "wrong", "-wrong-", "addresses are in coop.example")
	accept := other.does("accept", url.Values{"login": {" Shuttle@coop.example"}}, "It is accepted")
	for !strings.Contains(other.sees("en"), "Go on with a subscription of your own") {
		if ctx.Err() != nil {
			t.Fatal("it is not there")
		}
	}
	for !strings.Contains(other.sees("en"), "shuttle@coop.example") {
		if ctx.Err() != nil {
			t.Fatal("it is not called as was wished")
		}
	}
	payer.does("change", url.Values{"gb": {"20"}}, "wrong", "-wrong-", "of 20 GB others have 20")
	payer.does("change", url.Values{"gb": {"8"}}, "The size is changed.", "8 GB, since")
	payer.does("end", nil, "It is taken back", "8 GB, through")
	payer.does("change", url.Values{"gb": {"8"}}, "8 GB, since") // and goes on after all
	last := dayOfCoop(t).AddDays(30)
	payer.does("end", nil, "It is taken back")
	other.sees("en", "This goes on through "+words(last), "8 GB, €4.00 a month")
	other.does("return", nil, "wrong", "tick this box first")
	other.does("detach", url.Values{"gb": {"1"}}, "wrong", "-wrong-", "choose from 5 to")

	// Nobody else does anything with it, and nobody by another's page.
	link := strings.TrimSuffix(strings.TrimPrefix(accept, "/services/shared/"), "/accept")
	for path, form := range map[string]url.Values{
		"sub/offer": offer(name, address, "1"), link + "/change": {"gb": {"1"}}, link + "/end": nil, link + "/accept": nil, link + "/detach": {"gb": {"8"}}, link + "/return": {"sure": {"yes"}},
	} {
		if status, text := stranger.send("POST", "/services/shared/"+path, form); status != http.StatusForbidden {
			t.Errorf("a stranger does %s: %d %s", path, status, text)
		}
		if status, _ := other.send("POST", "/services/shared/"+path, form, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
			t.Errorf("from another page %s: %d", path, status)
		}
	}
	if status, text := other.send("POST", "/services/shared/"+link+"/change", url.Values{"gb": {"9"}}); status != http.StatusForbidden {
		t.Errorf("who uses it changes it: %d %s", status, text)
	}
	other.does("detach", url.Values{"gb": {"10"}}, "It is a subscription of your own now", "Your subscription of 10 GB")
	if text := payer.sees("en", "20 GB are for you."); strings.Contains(text, "through") {
		t.Errorf("who pays still sees it: %s", text)
	}

	// Who tries addresses is asked to wait.
	status := 0
	for range 20 {
		if status, _ = payer.send("POST", "/services/shared/sub/offer", offer("Eve", "eve@example.org", "1")); status == http.StatusTooManyRequests {
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("tried often: %d", status)
	}
}

// words writes a day as the English page does.
func words(day calendar.Date) string {
	return fmt.Sprintf("%d %s %d", day.Day(), day.Month().Month(), day.Year())
}
