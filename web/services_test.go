package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/processes"
)

// devices are the ways into accounts.
type devices struct {
	mu        sync.Mutex
	passwords map[domain.AccountID]string
	apps      map[domain.AccountID][]provisioning.AppPassword
}

func (d *devices) SetPassword(_ context.Context, account domain.AccountID, password string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := processes.CheckPassword(password); err != nil {
		return err
	}
	d.passwords[account] = password
	return nil
}

func (d *devices) HasAppPasswords(_ context.Context, account domain.AccountID) bool {
	return strings.HasPrefix(string(account), "mail/")
}

func (d *devices) AppPasswords(_ context.Context, account domain.AccountID) ([]provisioning.AppPassword, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.apps[account]), nil
}

func (d *devices) NewAppPassword(_ context.Context, account domain.AccountID, name, _ string) (string, provisioning.AppPassword, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name == "" {
		return "", provisioning.AppPassword{}, processes.ErrDeviceName.With("most", 60)
	}
	p := provisioning.AppPassword{ID: fmt.Sprintf("device%d", len(d.apps[account])), Name: name}
	d.apps[account] = append(d.apps[account], p)
	return "the-secret-of-" + p.ID, p, nil
}

func (d *devices) RevokeAppPassword(_ context.Context, account domain.AccountID, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apps[account] = slices.DeleteFunc(d.apps[account], func(p provisioning.AppPassword) bool { return p.ID == id })
	return nil
}

func (d *devices) CanExport(_ context.Context, account domain.AccountID) bool {
	return strings.HasPrefix(string(account), "storage/")
}

func (d *devices) Export(_ context.Context, account domain.AccountID, begin func() io.Writer) error {
	if account == "storage/s4" {
		return provisioning.ErrHeld
	}
	_, err := io.WriteString(begin(), "all of "+string(account))
	return err
}

func TestWhatIsInAnAccountIsHadAsAnArchive(t *testing.T) {
	c := openCoop(t)
	ada, max := c.in(t, "ada"), c.in(t, "max")
	if _, text := ask(t, ada, "GET", c.URL+"/services", ""); strings.Count(text, "/archive\"") != 1 {
		t.Errorf("there is none, or too many: %s", text)
	}
	resp, text := send(t, ada, "GET", c.URL+"/services/storage%2Fs1/archive", "")
	if resp.StatusCode != 200 || text != "all of storage/s1" || resp.Header.Get("Content-Type") != "application/zip" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", resp.StatusCode, text, resp.Header)
	}
	for _, other := range []string{"storage%2Fs2", "mail%2Fs1", "storage%2Fs4"} {
		if status, text := ask(t, ada, "GET", c.URL+"/services/"+other+"/archive", ""); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", other, status, text)
		}
	}
	if status, text := ask(t, max, "GET", c.URL+"/services/storage%2Fs4/archive?lang=en", ""); status != http.StatusForbidden || !strings.Contains(text, "has died") {
		t.Errorf("of who has died: %d %s", status, text)
	}
}

// meters measure mailboxes.
type meters struct{}

func (meters) UsageOf(_ context.Context, account domain.AccountID) (u processes.Usage, err error) {
	if account == "mail/s1" {
		u.Used, u.At = 4_600_000_000, time.Date(2026, time.November, 25, 3, 0, 0, 0, time.UTC)
	}
	return u, err
}

func TestAMemberSeesHerServices(t *testing.T) {
	c := openCoop(t)
	browser := c.in(t, "ada")
	page := func(query string) string {
		t.Helper()
		status, text := ask(t, browser, "GET", c.URL+"/services"+query, "")
		if status != 200 || strings.Contains(text, "<script") {
			t.Fatalf("%d %s", status, text)
		}
		return text
	}
	for query, want := range map[string][]string{
		"":         {"Boîte aux lettres prête", "Cloud prêt", "Courrier entrant", "imap.coop.example", "ada@coop.example"}, // hers
		"?lang=nl": {"Mailbox klaar", "Cloud klaar", "4,6\u00a0GB van 5\u00a0GB gebruikt, gemeten op 25 november 2026", `<meter min="0" max="5000000000" low="4000000000" high="4500000000" optimum="0" value="4600000000"`}, "?lang=en": {"Mailbox ready", "Cloud ready"}, "?lang=de": {"Postfach bereit", "Cloud bereit"},
	} {
		text := page(query)
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q: %s", query, want, text)
			}
		}
		if strings.Count(text, "<meter") != 1 {
			t.Error("what is not measured is shown")
		}
		if strings.Contains(text, `http-equiv="refresh"`) {
			t.Error("what is ready is looked at again")
		}
	}
	c.accounts.all["ada"][1].Status = provisioning.StatusRequested
	if text := page("?lang=en"); !strings.Contains(text, "<h2>Mailbox ready") || !strings.Contains(text, `title="Cloud in progress"`) {
		t.Errorf("in progress: %s", text)
	}
	c.accounts.all["ada"][1].Trouble = true
	if text := page("?lang=en"); !strings.Contains(text, "we try again") {
		t.Errorf("in trouble: %s", text)
	}

	at := func(what string) string { return c.URL + "/services/mail%2Fs1/" + what + "?lang=en" }
	post := func(to string, form url.Values) (int, string) { return ask(t, browser, "POST", to, form.Encode()) }
	if status, text := post(at("password"), url.Values{"password": {"short"}}); status != http.StatusUnprocessableEntity || !strings.Contains(text, "15 to 72 characters") {
		t.Errorf("a short password: %d %s", status, text)
	}
	if status, text := post(at("password"), url.Values{"password": {"three or four words"}}); status != 200 || !strings.Contains(text, "The password is set.") || c.devices.passwords["mail/s1"] != "three or four words" || strings.Contains(text, "three or four words\"") {
		t.Errorf("a password: %d %s", status, text)
	}
	status, text := post(at("devices"), url.Values{"name": {"Phone <b>"}})
	if status != 200 || !strings.Contains(text, "the-secret-of-device0") || !strings.Contains(text, "Phone &lt;b&gt;") || strings.Contains(text, `http-equiv="refresh"`) {
		t.Errorf("a device: %d %s", status, text)
	}
	if text := page(""); strings.Contains(text, "the-secret-of-device0") || !strings.Contains(text, "Phone &lt;b&gt;") {
		t.Errorf("shown again: %s", text)
	}
	if status, text := post(at("devices"), url.Values{"name": {""}}); status != http.StatusUnprocessableEntity || !strings.Contains(text, "a device has a name") {
		t.Errorf("a device without a name: %d %s", status, text)
	}
	form := regexp.MustCompile(`action="(/services/[^"]+/devices/remove)"><input type="hidden" name="id" value="([^"]+)"`).FindStringSubmatch(page(""))
	if form == nil {
		t.Fatal("there is nothing to remove")
	}
	if status, text := post(c.URL+form[1], url.Values{"id": {form[2]}}); status != 200 || strings.Contains(text, "Phone &lt;b") {
		t.Errorf("removed: %d %s", status, text)
	}

	// Nothing is done with what is another's, from elsewhere, or signed out.
	eva := c.in(t, "eva")
	for _, what := range []string{"password", "devices", "devices/remove"} {
		if status, _ := ask(t, eva, "POST", at(what), "password=three+or+four+words&name=x&id=device0"); status != http.StatusForbidden {
			t.Errorf("another's %s: %d", what, status)
		}
		if status, _ := ask(t, browser, "POST", at(what), "password=another+password+of+hers&name=x", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); status != http.StatusForbidden {
			t.Errorf("%s from elsewhere: %d", what, status)
		}
		if _, text := ask(t, client(t), "POST", at(what), "password=another+password+of+hers&name=x"); !strings.Contains(text, `name="email"`) {
			t.Errorf("%s signed out: %s", what, text)
		}
	}
	if c.devices.passwords["mail/s1"] != "three or four words" || len(c.devices.apps["mail/s1"]) != 0 {
		t.Errorf("there is %+v", c.devices)
	}
	// Who asks for the page signed out comes back to it.
	if _, text := ask(t, client(t), "GET", c.URL+"/services", ""); !strings.Contains(text, `name="next" value="/services"`) {
		t.Errorf("signed out: %s", text)
	}
}

// TestNothingTypedIsLost: what has become of an account is looked at again by itself in
// a frame, and never the page in which one is typing.
func TestNothingTypedIsLost(t *testing.T) {
	c := openCoop(t)
	ada := c.in(t, "ada")
	get := func(browser *http.Client, path string) (*http.Response, string) {
		t.Helper()
		resp, text := send(t, browser, "GET", c.URL+path, "")
		if resp.StatusCode != 200 || strings.Contains(text, "<script") {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
		}
		return resp, text
	}
	const again = `http-equiv="refresh" content="`
	storage := &c.accounts.all["ada"][1]
	for _, state := range []struct {
		status  provisioning.Status
		trouble bool
		after   string // so many seconds it is looked at again; never: nothing
		says    string
	}{
		{provisioning.StatusRequested, false, "5", "Cloud in progress"},
		{provisioning.StatusRequested, true, "60", "Cloud in progress: it does not work yet, we try again"},
		{provisioning.StatusSuspended, true, "60", "Cloud suspended: nothing is lost, but nobody gets in"},
		{provisioning.StatusSuspended, false, "", "Cloud suspended: nothing is lost, but nobody gets in"},
		{provisioning.StatusActive, true, "", "Cloud ready"},
		{provisioning.StatusActive, false, "", "Cloud ready"},
		{provisioning.StatusDeleted, true, "", "Cloud deleted"},
	} {
		storage.Status, storage.Trouble = state.status, state.trouble
		resp, text := get(ada, "/services?lang=en")
		frame := regexp.MustCompile(`<iframe src="([^"]+)" title="` + state.says + `">`).FindStringSubmatch(text)
		switch {
		case strings.Contains(text, again) || !strings.Contains(text, `name="password"`):
			t.Errorf("%+v: who types is interrupted, or has nowhere to type: %s", state, text)
		case state.after == "" && (strings.Contains(text, "<iframe") || !strings.Contains(text, "<h2>"+state.says+"</h2>")),
			state.after != "" && (frame == nil || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-src 'self'")):
			t.Errorf("%+v: shown as %v, %s", state, resp.Header, text)
		}
		path := "/services/storage%2Fs1/status?lang=en"
		if frame != nil {
			path = frame[1]
		}
		resp, text = get(ada, path)
		if !strings.Contains(text, "<h2>"+state.says+"</h2>") || strings.Contains(text, again) != (state.after != "") || !strings.Contains(text, again+state.after) && state.after != "" {
			t.Errorf("%+v: in the frame is %s", state, text)
		}
		if led := strings.Contains(text, `<a href="/services?lang=en" target="_top">`); led != (state.after == "") {
			t.Errorf("%+v: led back to the page is %v", state, led)
		}
		if resp.Header.Get("X-Frame-Options") != "SAMEORIGIN" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'") {
			t.Errorf("it cannot be in a frame of ours, or in any: %v", resp.Header)
		}
	}
	for who, browser := range map[string]*http.Client{"another": c.in(t, "eva"), "who is signed out": client(t)} {
		_, text := get(browser, "/services/storage%2Fs1/status?lang=en")
		if strings.Contains(text, "Cloud") || strings.Contains(text, again) || !strings.Contains(text, `target="_top"`) || strings.Contains(text, "<form") {
			t.Errorf("%s sees %s", who, text)
		}
		if resp, _ := get(browser, "/services"); resp.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("the page of %s can be in a frame: %v", who, resp.Header)
		}
	}
}

func TestOneIsLedOnToOurPagesAlone(t *testing.T) {
	c := openCoop(t)
	for next, led := range map[string]bool{
		"/services": true, "/authorize/rocr_x": true, "/services/mail%2Fs1/profile": true,
		"https://evil.example/services": false, "//evil.example/services": false, "/\\evil.example": false, "/services/../../x": false,
		"javascript:alert(1)": false, "/graphql": false, "": false, "/servicesx": false,
	} {
		_, text := ask(t, client(t), "GET", c.URL+"/sign-in?next="+url.QueryEscape(next), "")
		if got := strings.Contains(text, `name="next"`); got != led {
			t.Errorf("%q: led there is %v", next, got)
		}
		secret, err := c.access.NewLinkTo(t.Context(), "ada", next, 1e12)
		if err != nil {
			t.Fatal(err)
		}
		resp, text := send(t, client(t), "POST", c.URL+"/sign-in/"+secret, "")
		if got := resp.StatusCode == 200 && strings.Contains(text, "url="+next+`"`); got != led {
			t.Errorf("%q: by a link led there is %v: %s", next, got, text)
		}
		if to := resp.Header.Get("Location"); !led && to != "/services" {
			t.Errorf("%q: led to %q instead", next, to)
		}
	}
}
