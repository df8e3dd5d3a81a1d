package processes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/catalogue"
	"rochdale/domain/membership"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// The kinds of notice to who has a new account.
const (
	noticeMailbox membership.NoticeKind = "mailbox_ready"
	noticeCloud   membership.NoticeKind = "cloud_ready"
	noticeReady   membership.NoticeKind = "account_ready"
	noticeInside  membership.NoticeKind = "mailbox_first"
)

func init() {
	at := Reach{IMAP: Server{"imap.coop.example", 993}, Submission: Server{"smtp.coop.example", 465}, WebDAV: "https://coop.example/dav/"}
	for kind, service := range map[membership.NoticeKind]domain.Service{noticeMailbox: domain.Mail, noticeCloud: domain.Storage, noticeReady: "", noticeInside: domain.Mail} {
		samples[kind] = domain.Args{
			"login": provisioning.Login("ada.sample@coop.example"), "service": domain.Mail, "link": "https://coop.example/sign-in/rocl_0123",
			"through": calendar.On(2026, time.March, 8), "pages": "https://coop.example/services", "settings": settingsOf{at, service},
		}
	}
}

// Welcome is what who has a new account is told of it.
type Welcome struct {
	Reach Reach
	Pages string // where members see their accounts
	// Link returns one that signs a party in once, to those pages, and through which
	// day it does.
	Link func(ctx context.Context, party domain.PartyID) (link string, through calendar.Date, err error)
}

// settingsOf are the settings of a service, in words.
type settingsOf struct {
	Reach
	service domain.Service
}

// in writes them as a paragraph, or nothing where they are not known.
func (s settingsOf) in(lang domain.Language, login provisioning.Login) string {
	switch {
	case s.service == domain.Mail && s.Mail():
		return "\n\n" + catalogue.Text(lang, "notices.settings_mail", domain.Args{
			"imap": fmt.Sprintf("%s:%d", s.IMAP.Host, s.IMAP.Port), "submission": fmt.Sprintf("%s:%d", s.Submission.Host, s.Submission.Port), "login": login,
		}, "")
	case s.service == domain.Storage && s.WebDAV != "":
		return "\n\n" + catalogue.Text(lang, "notices.settings_storage", domain.Args{"folder": s.WebDAV, "login": login}, "")
	}
	return ""
}

// welcome tells somebody of their new account, at the address that they are reached at,
// and who has a mailbox by a first message in it too, which shows that mail arrives. Who
// acts for them is not told: the mail lets in.
func (n Notices) welcome(ctx context.Context, e provisioning.AccountProvisioned, rec eventstore.Record) error {
	state, _, err := read[provisioning.Account](ctx, n.Store, provisioning.StreamOf(e.Account))
	if err != nil {
		return err
	}
	asked, _ := state.Requested()
	login, known := asked.Login.Reveal()
	if !known || state.Status() == provisioning.StatusDeleted || !state.Tells(e.Target) {
		return nil
	}
	party, err := n.party(ctx, e.Party, rec)
	if err != nil {
		return err
	}
	told := notice{id: membership.NoticeID(rec.ID.String()), kind: noticeReady, party: e.Party}
	switch e.Service {
	case domain.Mail:
		told.kind = noticeMailbox
	case domain.Storage:
		told.kind = noticeCloud
	default: // an app
	}
	done, err := n.recorded(ctx, told.id)
	if err != nil {
		return err
	}
	if !done { // or a link is made for nobody
		link, through, err := n.Welcome.Link(ctx, e.Party)
		if err != nil {
			return err
		}
		told.args = domain.Args{
			"on": n.Today(), "login": login, "service": e.Service, "link": link, "through": through, "pages": n.Welcome.Pages,
			"settings": settingsOf{n.Welcome.Reach, e.Service}.in(party.language, login),
		}
		if err := n.tell(ctx, told, party, party.email); err != nil {
			return err
		}
	}
	if e.Service != domain.Mail {
		return nil
	}
	inside := notice{id: told.id + "-inside", kind: noticeInside, party: e.Party, args: domain.Args{
		"on": n.Today(), "login": login, "pages": n.Welcome.Pages,
	}}
	return errors.Join(err, n.tell(ctx, inside, party, string(login)))
}

// recorded reports whether it is known what became of a notice.
func (n Notices) recorded(ctx context.Context, id membership.NoticeID) (done bool, err error) {
	_, err = eventstore.Transact(ctx, n.Store, func(tx *eventstore.Tx) error {
		state, _, err := eventstore.Load[membership.Notice](tx, membership.NoticeStream(id))
		_, done = state.Recorded()
		return err
	})
	return done, err
}
