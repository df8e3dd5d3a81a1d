package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
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

// NewLinks returns a sender of links, which works while [Links.Run] does.
func NewLinks(a *Access, post Post, baseURL string, coop func() string, log *slog.Logger) *Links {
	return &Links{a, post, baseURL, coop, log, make(chan func(context.Context), 256)}
}

// Run sends what has been asked for until ctx ends.
func (l *Links) Run(ctx context.Context) {
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

// Request sends a link to whoever has an address, later. When too many wait
// already it is dropped: whoever gets no link asks again.
func (l *Links) Request(_ context.Context, email string, lang domain.Language) {
	send := func(ctx context.Context) {
		people, err := l.Access.People.ByEmail(ctx, email)
		for _, p := range people {
			if err == nil {
				err = l.send(ctx, p, lang)
			}
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

func (l *Links) send(ctx context.Context, p Person, lang domain.Language) error {
	if p.Language != "" {
		lang = p.Language
	}
	secret, err := l.Access.NewLink(ctx, p.Party)
	if err != nil {
		return err
	}
	args := domain.Args{"coop": l.Coop(), "link": l.BaseURL + "/sign-in/" + secret}
	key := sha256.Sum256([]byte(secret))
	return l.Post.Send(ctx, p.Email,
		catalogue.Text(lang, "access.mail_subject", args, ""), catalogue.Text(lang, "access.mail_text", args, ""),
		hex.EncodeToString(key[:12])+"@rochdale")
}
