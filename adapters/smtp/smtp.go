// Package smtp sends mail through a server that speaks SMTP (RFC 5321).
package smtp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/wneessen/go-mail"

	"rochdale/adapters/fault"
)

// Sender sends mail from one address through one server.
type Sender struct {
	from   string
	client *mail.Client
}

// New returns a sender for a URL like smtp://user:password@mail.example:587, which
// asks for STARTTLS; smtps:// speaks TLS from the start, and smtp+plain:// is for a
// server on the same machine, without any.
func New(server, from string) (*Sender, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("smtp: server %q is not like smtp://user:password@mail.example:587", u.Redacted())
	}
	var options []mail.Option
	switch u.Scheme {
	case "smtp":
		options = append(options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	case "smtps":
		options = append(options, mail.WithSSLPort(false))
	case "smtp+plain":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("smtp: server %q begins with none of smtp:, smtps: and smtp+plain:", u.Redacted())
	}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, fmt.Errorf("smtp: server %q has no port in numbers", u.Redacted())
		}
		options = append(options, mail.WithPort(port))
	}
	if password, ok := u.User.Password(); ok {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("smtp: sender %q is no address: %w", from, err)
	}
	return &Sender{from, client}, nil
}

// Send sends a text to an address. The key is made into the Message-ID, by which
// a message that is sent twice can be recognised. Errors are of package fault.
func (s *Sender) Send(ctx context.Context, to, subject, text, key string) error {
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(s.from), msg.To(to)); err != nil {
		return fault.New(fault.Invalid, "", "smtp: write to %s: %w", "the address given", err)
	}
	msg.Subject(subject)
	msg.SetMessageIDWithValue(key)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetBodyString(mail.TypeTextPlain, text)
	err := s.client.DialAndSendWithContext(ctx, msg)
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*mail.SendError](err); ok && !refused.IsTemp() {
		return fault.New(fault.Invalid, "", "smtp: send: %w", err)
	}
	return fault.New(fault.Transient, "", "smtp: send: %w", err)
}
