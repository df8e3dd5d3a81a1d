package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// Post delivers mail: see the adapters.
type Post interface {
	Send(ctx context.Context, to, subject, text, key string) error
}

// Links sends one-time links. What it is asked for it does later, so that nobody
// learns from the time an answer takes who is in the co-op.
type Links struct {
	Access  *Access
	Post    Post
	BaseURL string
	Coop    func() string
	Log     *slog.Logger
	queue   chan func(context.Context)
}

// NewLinks returns a sender of links to the address under which people reach the
// co-op, whatever address a link is asked for at. It works while [Links.Run] does.
func NewLinks(a *Access, post Post, baseURL string, coop func() string, log *slog.Logger) *Links {
	return &Links{a, post, strings.TrimSuffix(baseURL, "/"), coop, log, make(chan func(context.Context), 1024)}
}

// senders is how many mails are sent at once: a mail server takes its time.
const senders = 4

// Run sends what has been asked for until ctx ends.
func (l *Links) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range senders {
		all.Go(func() { l.run(ctx) })
	}
	all.Wait()
}

func (l *Links) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case send := <-l.queue:
			func() {
				ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
				defer cancel()
				send(ctx)
			}()
		}
	}
}

// Request sends a link to whoever has an address, later, which leads to a page of
// ours or, without one, to the start. When too many wait already it is dropped:
// whoever gets no link asks again.
func (l *Links) Request(_ context.Context, email string, lang domain.Language, next string) {
	send := func(ctx context.Context) {
		people, err := l.Access.People.ByEmail(ctx, email)
		for _, p := range people {
			err = errors.Join(err, l.send(ctx, p, lang, next))
		}
		if err != nil {
			l.Log.ErrorContext(ctx, "sign-in link", "err", err)
		}
	}
	select {
	case l.queue <- send:
	default:
		l.Log.Warn("sign-in link dropped: too many wait")
	}
}

func (l *Links) send(ctx context.Context, p Person, lang domain.Language, next string) error {
	if p.Language != "" {
		lang = p.Language
	}
	secret, err := l.Access.NewLinkTo(ctx, p.Party, next, LinkLife)
	if err != nil {
		return err
	}
	args := domain.Args{
		"name": cmp.Or(p.Name, p.Email), // several may share an address
		"coop": l.Coop(), "link": l.BaseURL + "/sign-in/" + secret,
	}
	key, host := sha256.Sum256([]byte(secret)), "rochdale"
	if u, err := url.Parse(l.BaseURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return l.Post.Send(ctx, p.Email,
		catalogue.Text(lang, "access.mail_subject", args, ""), catalogue.Text(lang, "access.mail_text", args, ""),
		hex.EncodeToString(key[:12])+"@"+host)
}
