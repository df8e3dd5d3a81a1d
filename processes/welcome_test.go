package processes_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestWhoHasANewAccountIsWelcomed goes from the account being there to the mails.
func TestWhoHasANewAccountIsWelcomed(t *testing.T) {
	o := openPostOffice(t)
	o.apply("ada", "ada@example.org", domain.French)
	o.tell()
	links := 0
	n := processes.Notices{
		Store: o.store, Post: o, Numbers: o, Host: "coop.example", Days: 3, Today: o.today, Log: quiet,
		Welcome: &processes.Welcome{
			Reach: processes.Reach{Domain: "coop.example", IMAP: processes.Server{Host: "imap.coop.example", Port: 993}, Submission: processes.Server{Host: "smtp.coop.example", Port: 465}, WebDAV: "https://coop.example/dav/"},
			Pages: "https://coop.example/services",
			Link: func(_ context.Context, party domain.PartyID) (string, calendar.Date, error) {
				links++
				return fmt.Sprintf("https://coop.example/sign-in/%s-%d", party, links), o.today().AddDays(6), nil
			},
		},
	}
	welcome := func() []letter {
		t.Helper()
		o.sent = nil
		if err := eventstore.Update(t.Context(), o.store.Log.KV(), "checkpoint/notices", func(eventstore.Entry) ([]byte, error) { return []byte("0"), nil }); err != nil {
			t.Fatal(err)
		}
		if err := processes.NewRunner(o.store, quiet, n.Process()).CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o.sent
	}
	ctx := eventstore.As(t.Context(), "cli")
	account := func(service domain.Service) domain.AccountID {
		t.Helper()
		do(o, entitlement.Grant{Subscription: "s", Service: service, Party: "ada", Quota: 5e9, From: o.today()})
		id := entitlement.IDOf("s", service)
		_, err := eventstore.Execute2(ctx, o.store, provisioning.RequestAccount{
			Account: domain.AccountID(id), Entitlement: id, Party: "ada", Service: service, Login: loginIn(o.store, "ada@coop.example"), Quota: 5e9, On: o.today(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return domain.AccountID(id)
	}
	mail, storage := account(domain.Mail), account(domain.Storage)
	o.want(welcome()) // nothing is there yet
	do(o, provisioning.RecordProvisioned{Account: mail, Quota: 5e9, Revision: 1})
	o.want(welcome(),
		"ada@example.org | Votre boîte aux lettres ada@coop.example est prête | https://coop.example/sign-in/ada-1 | 8 mars 2026 | imap.coop.example:993 | smtp.coop.example:465 | https://coop.example/services",
		"ada@coop.example | premier message dans votre boîte ada@coop.example",
	)
	o.want(welcome()) // once
	if links != 1 {
		t.Errorf("%d links were made", links)
	}
	do(o, provisioning.RecordProvisioned{Account: storage, Quota: 5e9, Revision: 1})
	sent := welcome()
	o.want(sent, "ada@example.org | Votre cloud est prêt | https://coop.example/sign-in/ada-2 | https://coop.example/dav/")
	if strings.Contains(sent[0].text, "imap") {
		t.Errorf("of a cloud: %s", sent[0].text)
	}
	do(o, provisioning.RecordSuspended{Account: mail, Revision: 2})
	do(o, provisioning.RecordResumed{Account: mail, Revision: 3})
	o.want(welcome())
	want := []string{"ada application sent", "ada mailbox_ready sent", "ada mailbox_first sent", "ada cloud_ready sent"}
	if got := o.outcomes(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("recorded: %q, want %q", got, want)
	}
}

func TestServers(t *testing.T) {
	for text, want := range map[string]processes.Server{
		"imap.coop.example": {Host: "imap.coop.example", Port: 993}, "imap.coop.example:1993": {Host: "imap.coop.example", Port: 1993},
		"": {}, "imap": {}, "imap.coop.example:0": {}, "imap.coop.example:x": {}, "-a.example": {}, "a..example": {}, "a b.example": {}, "A.EXAMPLE": {}, "<b>.example": {},
	} {
		if got, err := processes.ParseServer(text, 993); got != want || (err == nil) != (want.Host != "") {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}
