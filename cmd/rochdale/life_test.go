package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rochdale/domain/provisioning"
	"rochdale/internal/mailtest"
	"rochdale/processes"
)

// daysAhead moves the clock of a program on that a test runs.
const daysAhead = "ROCHDALE_TEST_DAYS_AHEAD"

// onItsDay is the program on the day that a test says.
func onItsDay() {
	if days, err := strconv.Atoi(os.Getenv(daysAhead)); err == nil {
		zone, err := time.LoadLocation("Europe/Brussels") // of the co-op, where one of the days may have another length
		if err != nil {
			panic(err)
		}
		clock = func() time.Time { return time.Now().In(zone).AddDate(0, 0, days) }
	}
	_ = os.Unsetenv(daysAhead) // which is no setting
	main()
}

// smallPlan is a price list by which little mail fills a mailbox: 10 MB for each GB.
const smallPlan = `
name: small
currency: EUR
include_vat: true
proration: month
vat: [{from: 1996-01-01, percent: 21}]
plans:
  - id: small
    name: {fr: Petit, nl: Klein, en: Small, de: Klein}
    price: 1.00
    included_gb: 1
    tiers: [{per_gb: 0.50}]
    quota: split
    services: [{service: mail, percent: 1}, {service: storage, percent: 99}]
lines:
  plan: {fr: "{plan}", nl: "{plan}", en: "{plan}", de: "{plan}"}
  non_member: {fr: "{plan}", nl: "{plan}", en: "{plan}", de: "{plan}"}
`

// A lifetime is a node with the servers of mail before it, and a member with a mailbox.
type lifetime struct {
	*testing.T
	ctx   context.Context
	data  string
	node  *node
	mails *mailtest.Server
}

// cli runs the program beside the node, and returns what it prints as JSON.
func (l *lifetime) cli(into any, args ...string) {
	l.Helper()
	args = append(args, "--json", "--data", l.data)
	out, err := exec.CommandContext(l.ctx, "rochdale", args...).Output()
	if err != nil {
		said, _ := errors.AsType[*exec.ExitError](err)
		l.Fatalf("rochdale %v: %v: %s", args, err, said.Stderr)
	}
	if err := json.Unmarshal(out, into); err != nil {
		l.Fatalf("rochdale %v: %v: %s", args, err, out)
	}
}

// clean makes sure that there is no drift, and so many accounts on each target.
func (l *lifetime) clean(step string, accounts int) {
	l.Helper()
	var all []driftReport
	l.cli(&all, "drift")
	if len(all) != 2 {
		l.Errorf("%s: drift looks at %d targets", step, len(all))
	}
	for _, report := range all {
		if c := report.Check; len(report.Drift) > 0 || c.There != accounts || c.Wanted != accounts {
			l.Errorf("%s: on %s there is drift: %+v, %+v", step, report.Target, report.Drift, c)
		}
	}
}

// done asks the API for something, which it does, and returns a field of the answer.
func (l *lifetime) done(token, query, field string, variables map[string]any) string {
	l.Helper()
	a, err := l.node.ask(l.ctx, token, "", query, variables)
	if err != nil || len(a.Errors) > 0 {
		l.Fatalf("%s: %+v, %v", query, a.Errors, err)
	}
	return a.done(field).ID
}

// until waits for something.
func (l *lifetime) until(what string, is func() bool) {
	l.Helper()
	for !is() {
		if l.ctx.Err() != nil {
			l.Fatalf("in time it was not so: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// on stops the node and starts it on a later day.
func (l *lifetime) on(days int) {
	l.Helper()
	l.node.stop(l.T)
	l.Setenv(daysAhead, strconv.Itoa(days))
	if err := l.node.start(l.ctx); err != nil {
		l.Fatal(err)
	}
}

// follow listens to a subscription, and hands on what it says until ctx ends.
func (l *lifetime) follow(token, query string) <-chan string {
	l.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	req, err := http.NewRequestWithContext(l.ctx, http.MethodPost, l.node.url+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		l.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.Fatal(err)
	}
	said := make(chan string, 100)
	go func() {
		defer resp.Body.Close()
		defer close(said)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
				said <- data
			}
		}
	}()
	return said
}

// browser returns what follows links and fills in forms.
func (l *lifetime) browser() func(method, to string, form url.Values) string {
	jar, err := cookiejar.New(nil)
	if err != nil {
		l.Fatal(err)
	}
	b := &http.Client{Jar: jar}
	return func(method, to string, form url.Values) string {
		l.Helper()
		req, err := http.NewRequestWithContext(l.ctx, method, to, strings.NewReader(form.Encode()))
		if err != nil {
			l.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := b.Do(req)
		if err != nil {
			l.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			l.Fatalf("%s %s: %s, %v: %s", method, to, resp.Status, err, text)
		}
		return string(text)
	}
}

// admit has somebody become a member as the offices of a co-op do it.
func (l *lifetime) admit(office, email string) (party string) {
	l.Helper()
	party = l.done(office, `mutation($e: String!) { apply(kind: PERSON, language: EN, contact: {email: $e}, identity: {
		firstName: "Anna", lastName: "Lee", street: "Rue du Moulin 1", postalCode: "1000", city: "Bruxelles", country: "BE"}) { id } }`, "apply", map[string]any{"e": email})
	p := map[string]any{"p": party}
	p["s"] = l.done(office, `mutation($p: ID!) { subscribeShares(party: $p, class: "A", quantity: 2) { id } }`, "subscribeShares", map[string]any{"p": party})
	l.done(office, `mutation($p: ID!) { admit(party: $p) { id } }`, "admit", map[string]any{"p": party})
	l.done(office, `mutation($p: ID!, $s: ID!) { recordSharePayment(subscription: $s, party: $p, class: "A", amount: "50.00 EUR", reference: "bank 1") { id }
		issueShares(subscription: $s, party: $p, class: "A") { id } }`, "issueShares", p)
	return party
}

// TestLifeOfAMailbox: a co-op is founded, a member admitted; she subscribes through the
// API, sets her password by the link of the mail that welcomes her, reads, sends and
// receives, fills her mailbox, has it made larger, cancels, and after the stay it is
// gone, with proof. At each step all is as it is wanted.
func TestLifeOfAMailbox(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	address, letters := postbox(t) // of all the world
	tables, path := mailtest.SQLite(t)
	l := &lifetime{T: t, ctx: ctx, data: t.TempDir()}
	for name, value := range map[string]string{"MAILBOXES": "sqlite:" + path, "STAY_DAYS": "30", "MAIL_DAYS": "7"} {
		t.Setenv("ROCHDALE_"+name, value)
	}
	prices := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(prices, []byte(smallPlan), 0o600); err != nil {
		t.Fatal(err)
	}
	var founded, token struct{ Name, Secret string }
	l.cli(&founded, "init", "--preset", "nubo", "--price-list", prices)
	l.cli(&token, "token", "create", "office", "--role", "board", "--role", "secretary", "--role", "treasurer")
	office := token.Secret

	// The tables are there once the program has been started; then the mail servers are.
	l.node = (&settlement{Globals: Globals{Data: l.data}}).node(t, l.data)
	if err := l.node.start(ctx); err != nil {
		t.Fatal(err)
	}
	l.node.stop(t)
	l.mails = mailtest.StartRelaying(t, tables, address)
	l.node.args = append(l.node.args, "--smtp", "smtp+plain://"+l.mails.Program, "--mail-from", "office@coop.example",
		"--imap", "imap.coop.example", "--submission", "smtp.coop.example")
	if err := l.node.start(ctx); err != nil {
		t.Fatal(err)
	}
	l.clean("founded", 0)

	anna := l.admit(office, "anna@elsewhere.example")
	l.cli(&token, "token", "create", "anna", "--party", anna)
	member := token.Secret
	changes := l.follow(member, `subscription { accountsChanged { service status } }`)
	began := time.Now()
	subscription := l.done(member, `mutation { subscribe(plan: "small", gb: 1) { id } }`, "subscribe", nil)
	answered := time.Now()
	l.until("both accounts are ready", func() bool {
		select {
		case said := <-changes:
			return strings.Count(said, `"ACTIVE"`) == 2
		case <-ctx.Done():
			return false
		}
	})
	t.Logf("ready %v after the subscription was answered, which took %v", time.Since(answered), answered.Sub(began))
	l.clean("subscribed", 1)

	// The letter, and the password by its link.
	var login, link string
	for link == "" {
		select {
		case letter := <-letters:
			found := regexp.MustCompile(`(?s)(\S+@coop\.example).*(http\S+/sign-in/rocl_\S+)`).FindStringSubmatch(letter[1])
			if letter[0] == "anna@elsewhere.example" && found != nil && strings.Contains(letter[1], "imap.coop.example:993") {
				login, link = found[1], found[2]
			}
		case <-ctx.Done():
			t.Fatal("nobody is welcomed")
		}
	}
	const password = "three or four words"
	page := l.browser()
	page(http.MethodPost, link, nil)
	action := regexp.MustCompile(`action="(/services/mail[^"]+/password)"`).FindStringSubmatch(page(http.MethodGet, l.node.url+"/services", nil))
	if action == nil {
		t.Fatal("there is no form for the password")
	}
	page(http.MethodPost, l.node.url+action[1], url.Values{"password": {password}})
	box, err := l.mails.LogIn(login, password)
	if err != nil {
		t.Fatal(err)
	}
	l.clean("logged in", 1)

	// She sends and receives.
	holds := func() int {
		n, _ := box.Holds(t)
		return n
	}
	arrives := func(subject string, size int) {
		t.Helper()
		before := holds()
		if err := l.mails.Send(login, subject, size); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		l.until(subject+" has arrived", func() bool { return holds() > before })
	}
	l.until("the first message has arrived", func() bool { return holds() == 1 })
	arrives("hello", 100)
	if err := l.mails.Submit(login, password, login, "friend@elsewhere.example", "and to you"); err != nil {
		t.Fatal(err)
	}
	for to := ""; to != "friend@elsewhere.example"; {
		select {
		case letter := <-letters:
			to = letter[0]
		case <-ctx.Done():
			t.Fatal("what she sends does not arrive")
		}
	}
	if err := l.mails.Submit(login, "some other words", login, "friend@elsewhere.example", "forged"); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("sent by a wrong password: %v", err)
	}
	l.clean("sent and received", 1)

	// It is full, and who sends more is told. Made larger, it takes it.
	const large = 3 << 20
	for range 3 {
		arrives("large", large)
	}
	if err := l.mails.Send(login, "too much", large); !errors.Is(err, mailtest.ErrRefused) || !strings.Contains(fmt.Sprint(err), "552 5.2.2") {
		t.Fatalf("sent to a full mailbox: %v", err)
	}
	l.clean("full", 1)
	l.done(member, `mutation($s: ID!) { changeQuota(subscription: $s, gb: 2) { id } }`, "changeQuota", map[string]any{"s": subscription})
	l.until("it may hold more", func() bool { // as a session learns that begins
		m, err := l.mails.LogIn(login, password)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		_, limit, limited := m.Quota(t)
		return limited && limit == (2*10_000_000+1023)/1024
	})
	arrives("not too much", large)
	if subjects := box.Subjects(t); !slices.Contains(subjects, "not too much") || slices.Contains(subjects, "too much") {
		t.Errorf("there is %q", subjects)
	}
	l.clean("larger", 1)

	// She cancels, and has it to the end of the day.
	l.done(member, `mutation($s: ID!) { cancelSubscription(subscription: $s) { id } }`, "cancelSubscription", map[string]any{"s": subscription})
	if m, err := l.mails.LogIn(login, password); err != nil {
		t.Errorf("on the last day: %v", err)
	} else {
		m.Close()
	}
	l.clean("cancelled", 1)

	// It stays for a while: nobody gets in, nothing is lost, and mail arrives for a week.
	l.on(1)
	l.until("the mailbox is suspended", func() bool { return l.node.mailboxOf(ctx, t, member).Status == "SUSPENDED" })
	for _, err := range []error{
		func() error { _, err := l.mails.LogIn(login, password); return err }(),
		l.mails.Submit(login, password, login, "friend@elsewhere.example", "one more"),
	} {
		if !errors.Is(err, mailtest.ErrRefused) {
			t.Errorf("in the stay: %v", err)
		}
	}
	l.mails.Tidy(t)
	l.until("no session goes on into the stay", func() bool { return !box.Alive() })
	box.Close()
	if err := l.mails.Send(login, "too late", 100); err != nil {
		t.Errorf("mail in the first week of the stay: %v", err)
	}
	l.clean("in the stay", 1)
	var kept struct{ Wanted map[string]processes.Wanted }
	l.cli(&kept, "accounts", "why", "mail/"+subscription)
	if w := kept.Wanted["mail"]; w.Access != provisioning.Suspended || w.Kept.IsZero() {
		t.Errorf("in the stay it is wanted %+v", w)
	}
	l.on(8)
	l.until("mail is refused", func() bool { return errors.Is(l.mails.Send(login, "much too late", 100), mailtest.ErrRefused) })
	l.clean("late in the stay", 1)
	if boxes := l.mails.Boxes(t); len(boxes) != 1 {
		t.Fatalf("in the stay there are %q on the disk", boxes)
	}
	folders := func() int {
		all, err := os.ReadDir(filepath.Join(l.data, "folders", "files"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if n := folders(); n != 1 {
		t.Errorf("in the stay there are %d folders on the disk", n)
	}

	// Then it goes, and the log has the receipts.
	l.on(31)
	l.until("the mailbox has gone", func() bool {
		// As the timer does, which comes again where somebody else writes the tables for long: before there is nothing left
		// of the mail, it is not said to have gone.
		if out, err := l.mails.TryTidy(); err != nil {
			t.Logf("tidying: %v: %s", err, out)
		}
		return l.node.mailboxOf(ctx, t, member).Status == "DELETED"
	})
	if boxes := l.mails.Boxes(t); len(boxes) != 0 {
		t.Errorf("after the stay there are %q on the disk", boxes)
	}
	l.until("the folder has gone", func() bool { return folders() == 0 })
	if err := l.mails.Send(login, "to nobody", 100); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("mail to nobody: %v", err)
	}
	l.clean("deleted", 0)
	gone := dayOfCoop(t).AddDays(31)
	for _, service := range []string{"mail", "storage"} {
		var why struct {
			Causes  []cause
			Targets []struct{ Status, Deleted, Backups string }
		}
		l.until(service+" is said to have gone", func() bool { // after it has
			why.Targets = nil
			l.cli(&why, "accounts", "why", service+"/"+subscription)
			return len(why.Targets) == 1 && why.Targets[0].Status == "deleted"
		})
		if why.Targets[0].Backups == "" ||
			!strings.HasPrefix(why.Targets[0].Deleted, fmt.Sprint(gone.Year())) ||
			!slices.ContainsFunc(why.Causes, func(c cause) bool { return c.Type == "provisioning.account_deleted" }) {
			t.Errorf("%s: there is no receipt: %+v", service, why)
		}
	}

	// How to reach her is erased once no backup has it any more: then it is nowhere.
	erase := `mutation($p: ID!) { erasePersonalData(party: $p, class: SERVICE) { position } }`
	if a, err := l.node.ask(ctx, office, "", erase, map[string]any{"p": anna}); err != nil || len(a.Errors) != 1 {
		t.Errorf("erased while backups have it: %+v, %v", a, err)
	}
	l.on(130)
	l.cli(&token, "token", "create", "secretary", "--role", "secretary")
	if a, err := l.node.ask(ctx, token.Secret, "", erase, map[string]any{"p": anna}); err != nil || len(a.Errors) > 0 {
		t.Fatalf("not erased: %+v, %v", a, err)
	}
	l.node.stop(t)
	l.traceless(l.data, login, "anna@elsewhere.example")
	l.traceless(filepath.Dir(path), login, "anna@elsewhere.example")
}

// traceless makes sure that nothing is found in the files of a folder, nor in their names.
func (l *lifetime) traceless(dir string, traces ...string) {
	l.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // what SQLite has beside a file goes with the last who reads it
			return nil
		}
		for _, trace := range traces {
			if i := bytes.Index(content, []byte(trace)); i >= 0 {
				l.Errorf("%s has %s: %q", path, trace, content[max(0, i-200):min(len(content), i+200)])
			}
			if strings.Contains(path, trace) {
				l.Errorf("it is called %s", path)
			}
		}
		return err
	})
	if err != nil {
		l.Error(err)
	}
}
