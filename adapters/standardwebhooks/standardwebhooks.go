// Package standardwebhooks sends events to endpoints outside as Standard Webhooks has
// it (https://www.standardwebhooks.com, version 1.0.0): signed by HMAC-SHA-256 over id,
// time and body. It follows no redirects, and connects to no address of a network of
// one's own unless that is allowed, whatever a name leads to at that moment.
package standardwebhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rochdale/adapters/fault"
)

const (
	// Patience is how long an endpoint may take to answer.
	Patience = 20 * time.Second
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 64 << 10
)

// A Sender sends.
type Sender struct{ client *http.Client }

// New returns a sender. Private lets endpoints be in networks of one's own.
func New(private bool, patience time.Duration) *Sender {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !private {
		dialer.Control = public
	}
	return &Sender{&http.Client{
		Timeout: patience,
		Transport: &http.Transport{ // goes through no proxy: it would look up the name itself
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConns: 200, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// errPrivate refuses to connect to where no stranger may lead us.
var errPrivate = errors.New("the address is not a public one, and such are not allowed")

// nets are those that are not public, though package netip does not say so.
var nets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // RFC 1122
	netip.MustParsePrefix("100.64.0.0/10"),   // RFC 6598, behind a carrier
	netip.MustParsePrefix("192.0.0.0/24"),    // RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"),    // RFC 5737, for documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // RFC 2544, for measurement
	netip.MustParsePrefix("198.51.100.0/24"), // RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),  // RFC 5737
	netip.MustParsePrefix("240.0.0.0/4"),     // RFC 1112, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"),    // RFC 6052: another address in disguise
	netip.MustParsePrefix("64:ff9b:1::/48"),  // RFC 8215
	netip.MustParsePrefix("100::/64"),        // RFC 6666
	netip.MustParsePrefix("2001::/23"),       // RFC 2928, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // RFC 3849
	netip.MustParsePrefix("2002::/16"),       // RFC 3056: another address in disguise
}

// public lets connections through to public addresses only. It is asked when the name
// has been looked up, so that nothing else can be behind it a moment later.
func public(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	addr := at.Addr().Unmap().WithZone("")
	refused := !addr.IsGlobalUnicast() || addr.IsPrivate()
	for _, n := range nets {
		refused = refused || n.Contains(addr)
	}
	if refused {
		return errPrivate
	}
	return nil
}

// Sign returns the header webhook-signature: a signature under each of the secrets.
func Sign(id string, at time.Time, secrets [][]byte, body []byte) string {
	var all []string
	for _, secret := range secrets {
		h := hmac.New(sha256.New, secret)
		_, _ = fmt.Fprintf(h, "%s.%d.%s", id, at.Unix(), body) // never fails
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// Send sends a body, and returns the status of the answer and how long the endpoint
// asks to be left alone; or an error where there was no answer.
func (s *Sender) Send(ctx context.Context, endpoint, id string, at time.Time, secrets [][]byte, body []byte) (status int, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set("User-Agent", "Rochdale")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("webhook-signature", Sign(id, at, secrets, body))
	resp, err := s.client.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // the URL may have a secret in its path, and errors are shown
	}
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // what it says is nothing to us
	return resp.StatusCode, fault.ReadRetryAfter(resp.Header.Get("Retry-After"), time.Now()), nil
}
