package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/modules"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/web"
)

// pillar keeps the mails of each address.
type pillar map[string][]string

func (p pillar) Send(_ context.Context, to, _, text, _ string) error {
	p[to] = append(p[to], text)
	return nil
}

func (pillar) LastPayerNumber(context.Context) (int64, error) { return 0, nil }

// TestContactChangeConfirmedByTheOldAddress goes from the wish to be reached otherwise by
// the mail to the old address and the page that it leads to, to the answer.
func TestContactChangeConfirmedByTheOldAddress(t *testing.T) {
	now := time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)
	today := func() calendar.Date { return calendar.Of(now) }
	memory := new(eventstore.Memory)
	keys, err := eventstore.NewKeys(memory, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	store := eventstore.New(eventstore.NewLog(memory), modules.Registry(), keys)
	store.Now = func() time.Time { return now }
	rules, err := statutes.Preset("nubo")
	if err != nil {
		t.Fatal(err)
	}
	ctx := asCLI(t.Context())
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = eventstore.Execute(ctx, store, statutes.Adopt{Version: 1, On: today(), InForceFrom: today(), By: "deed", Statutes: rules})
	do(err)
	rules.Version = 1
	_, err = eventstore.Execute(ctx, store, membership.Apply{
		Party: "ada", Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: "Sample"},
		Contact: membership.Contact{Email: "old@example.org"}, Language: domain.French, On: today(), Statutes: rules,
	})
	do(err)
	ask := func(request membership.RequestID, email string) {
		t.Helper()
		_, err := eventstore.Execute(ctx, store, membership.RequestContactChange{
			Party: "ada", Request: request, Contact: membership.Contact{Email: email}, On: today(), Statutes: rules,
		})
		do(err)
	}
	door := &access.Access{KV: memory, Now: store.Now}
	contacts := processes.ContactLinks{Store: store, Access: door, Today: today}
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(nil)
	defer server.Close()
	contacts.BaseURL = server.URL
	server.Config.Handler = web.New(web.Config{Access: door, Contacts: contacts, BaseURL: server.URL, Coop: func() string { return "Nubo" }, Log: log, GraphQL: http.NotFoundHandler()})
	post := pillar{}
	notices := processes.Notices{Store: store, Post: post, Numbers: post, Host: "coop.example", Days: 3, Today: today, Log: log, Link: contacts.Link}
	// link has the mails sent, and returns the link in the last to the old address.
	link := func() string {
		t.Helper()
		do(processes.NewRunner(store, log, notices.Process()).CatchUp(t.Context()))
		letters := post["old@example.org"]
		at := strings.Index(letters[len(letters)-1], server.URL+"/contact/")
		if at < 0 {
			t.Fatalf("no link: %q", letters)
		}
		return strings.Fields(letters[len(letters)-1][at:])[0]
	}
	page := func(link, lang, answer string) (status int, text string) {
		t.Helper()
		var resp *http.Response
		var err error
		if answer == "" {
			resp, err = http.Get(link + "?lang=" + lang)
		} else {
			resp, err = http.PostForm(link+"?lang="+lang, url.Values{"answer": {answer}})
		}
		do(err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		do(err)
		return resp.StatusCode, string(body)
	}
	reached := func() (email string) {
		t.Helper()
		_, err := eventstore.Transact(ctx, store, func(tx *eventstore.Tx) error {
			m, _, err := eventstore.Load[membership.Member](tx, membership.StreamOf("ada"))
			contact, _ := m.Contact()
			email = contact.Email
			return err
		})
		do(err)
		return email
	}

	ask("first", "thief@example.org")
	first := link()
	if letters := post["thief@example.org"]; len(letters) != 1 || strings.Contains(letters[0], "/contact/") {
		t.Errorf("the new address is told, and has no link: %q", letters)
	}
	for lang, word := range map[string]string{"fr": "Confirmer", "nl": "Bevestigen", "en": "Confirm", "de": "Bestätigen"} {
		if status, text := page(first, lang, ""); status != http.StatusOK || !strings.Contains(text, word) || !strings.Contains(text, "thief@example.org") || strings.Contains(text, "<script") {
			t.Errorf("%s: %d %s", lang, status, text)
		}
	}
	if email := reached(); email != "old@example.org" {
		t.Errorf("looked at, and changed to %s", email)
	}
	if status, text := page(first, "en", "decline"); status != http.StatusOK || !strings.Contains(text, "nothing changes") {
		t.Errorf("declined: %d %s", status, text)
	}
	if status, _ := page(first, "en", "confirm"); status != http.StatusForbidden || reached() != "old@example.org" {
		t.Errorf("used twice: %d, %s", status, reached())
	}

	ask("second", "new@example.org")
	second := link()
	if second == first {
		t.Fatal("two requests have one link")
	}
	if status, _ := page(server.URL+"/contact/rocc_none", "en", "confirm"); status != http.StatusForbidden {
		t.Errorf("a link that nobody sent: %d", status)
	}
	if status, text := page(second, "de", "confirm"); status != http.StatusOK || reached() != "new@example.org" {
		t.Errorf("confirmed: %d %s, %s", status, text, reached())
	}
	if status, _ := page(second, "en", "decline"); status != http.StatusForbidden || reached() != "new@example.org" {
		t.Errorf("declined afterwards: %d", status)
	}

	ask("third", "old@example.org")
	post["old@example.org"] = post["new@example.org"] // whose turn it is to be asked
	do(processes.NewRunner(store, log, notices.Process()).CatchUp(t.Context()))
	letters := post["new@example.org"]
	third := strings.Fields(letters[len(letters)-1][strings.Index(letters[len(letters)-1], server.URL):])[0]
	now = now.AddDate(0, 3, 0)
	if status, _ := page(third, "en", "confirm"); status != http.StatusForbidden || reached() != "new@example.org" {
		t.Errorf("confirmed too late: %d", status)
	}
}
