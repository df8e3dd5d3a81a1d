// Package smtp sends mail through a server that speaks SMTP (RFC 5321).
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

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
		options = append(options, mail.WithPort(mail.DefaultPortSSL), mail.WithTLSPolicy(mail.TLSOpportunistic)) // the dialer sees to it
	case "smtp+plain":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("smtp: server %q has none of the schemes smtp, smtps and smtp+plain", u.Redacted())
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
	options = append(options, mail.WithDialContextFunc(dialer(u)))
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("smtp: sender %q is no address: %w", from, err)
	}
	return &Sender{from, client}, nil
}

type wholeKey struct{}

// dialer connects to a server for as long as the context of a whole message goes on,
// which the library does not look at once it is connected.
func dialer(u *url.URL) mail.DialContextFunc {
	dial := new(net.Dialer).DialContext
	if u.Scheme == "smtps" {
		dial = (&tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if whole, ok := ctx.Value(wholeKey{}).(context.Context); ok && err == nil {
			context.AfterFunc(whole, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

// Send sends a text to an address. The key is made into the Message-ID, by which
// a message that is sent twice can be recognised. Errors are of package fault, and
// say nothing of the address: they are logged.
func (s *Sender) Send(ctx context.Context, to, subject, text, key string) error {
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fault.New(fault.Denied, "", "smtp: send from %s: %w", s.from, err)
	}
	if msg.To(to) != nil {
		return fault.New(fault.Invalid, "", "smtp: send: the address is none")
	}
	msg.Subject(subject)
	msg.SetMessageIDWithValue(key)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetBodyString(mail.TypeTextPlain, text)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := s.client.DialAndSendWithContext(context.WithValue(ctx, wholeKey{}, ctx), msg)
	if err == nil || msg.IsDelivered() { // what goes wrong after that does no harm
		return nil
	}
	return sorted(err)
}

// sorted makes a fault of an error. What servers say of a message they often say
// with the address, so only their codes are kept.
func sorted(err error) error {
	if refused, ok := errors.AsType[*mail.SendError](err); ok {
		e := fault.New(fault.Transient, "", "smtp: send: %s", refused.Reason)
		if code := refused.ErrorCode(); code > 0 {
			e.Code = strings.TrimSpace(fmt.Sprintf("smtp %d %s", code, refused.EnhancedStatusCode()))
		}
		switch {
		case refused.ErrorCode() == 0: // the connection was lost: at the end of a message, it may have been taken
			e.Class, e.Ambiguous = fault.Unavailable, refused.Reason == mail.ErrSMTPDataClose
		case refused.IsTemp():
		case refused.Reason == mail.ErrSMTPMailFrom: // it is about us
			e.Class = fault.Denied
		default:
			e.Class = fault.Invalid
		}
		return e
	}
	if said, ok := errors.AsType[*textproto.Error](err); ok && said.Code >= 500 { // at the beginning: to log in
		return fault.New(fault.Denied, fmt.Sprintf("smtp %d", said.Code), "smtp: connect: %w", err)
	}
	return fault.New(fault.Unavailable, "", "smtp: connect: %w", err)
}
