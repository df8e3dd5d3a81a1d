// Package webhook keeps the accounts of any service that somebody has put behind an
// address: it is sent what is wanted, signed after Standard Webhooks, and answers how
// the account is by then. See docs/adapters.md.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
)

// Config is where it is, and what it can do.
type Config struct {
	URL string
	// Secrets are those by which requests are signed, each "whsec_" and the base64 of
	// 24 to 64 bytes: two while one replaces another. They are asked for before each
	// request.
	Secrets func() ([]string, error)
	Timeout time.Duration // for one request; 0: 30 seconds
	Can     remote.Abilities
	Client  *http.Client     // nil: one that follows no redirects
	Now     func() time.Time // nil: time.Now
}

const (
	defaultWithin = 30 * time.Second
	maxAnswer     = 8 << 20
	minSecret     = 24
	maxSecret     = 64
	prefix        = "whsec_"
)

// New returns the accounts that are kept at an address, which is not asked anything yet.
func New(c Config) (*remote.Told, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("webhook: the address %q: it begins with https://, or is on this machine", c.URL)
	}
	if c.Secrets == nil || !c.Can.Service.Valid() {
		return nil, fmt.Errorf("webhook: %s: accounts of service %q, with no secrets or of no service there is", u.Host, c.Can.Service)
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultWithin
	}
	if c.Client == nil {
		c.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	can := c.Can.Capabilities()
	can.Patience = remote.Patience(c.Timeout)
	return remote.Tells("webhook", can, hook(c)), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type hook Config

// Tell sends a request and reads what is answered to it.
func (h hook) Tell(ctx context.Context, r remote.Request) (remote.Answer, error) {
	what := fmt.Sprintf("webhook: %s", r.Operation)
	changes := r.Changes()
	body, err := json.Marshal(r) // a password goes to whom it is for, and nowhere else
	if err != nil {
		return remote.Answer{}, fault.New(fault.Invalid, "", "%s: %w", what, err)
	}
	secrets, err := h.Secrets()
	if err != nil {
		return remote.Answer{}, fault.New(fault.Unavailable, fault.Settings, "%s: its secrets: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return remote.Answer{}, fault.New(fault.Invalid, "", "%s: %w", what, err)
	}
	id, at := "msg_"+rand.Text(), strconv.FormatInt(h.Now().Unix(), 10)
	signature, err := Sign(secrets, id, at, body)
	if err != nil {
		return remote.Answer{}, fault.New(fault.Unavailable, fault.Settings, "%s: its secrets: %w", what, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", signature)
	resp, err := h.Client.Do(req)
	if err != nil {
		return remote.Answer{}, lost(ctx, changes, what, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return remote.Answer{}, lost(ctx, changes, what, err)
	}
	what = fmt.Sprintf("%s: %d", what, resp.StatusCode)
	answer, unread := r.Read(text)
	if class, failed := classOf(resp.StatusCode); failed {
		e := answer.Error.Fault(class, changes, what)
		if e.Code == "" {
			e.Code = "http " + strconv.Itoa(resp.StatusCode)
		}
		if resp.StatusCode == http.StatusAccepted {
			e.Code, e.Ambiguous = "pending", changes
		}
		e.RetryAfter = max(e.RetryAfter, fault.ReadRetryAfter(resp.Header.Get("Retry-After"), h.Now()))
		return remote.Answer{}, e
	}
	switch {
	case unread != nil:
		return remote.Answer{}, &fault.Error{Class: fault.Transient, Ambiguous: changes, Code: "answer", Err: fmt.Errorf("%s: its answer: %w", what, unread)}
	case answer.Error != nil:
		return remote.Answer{}, answer.Error.Fault(fault.Transient, changes, what)
	}
	return answer, nil
}

// Sign signs a message by each of some secrets, after Standard Webhooks.
func Sign(secrets []string, id, at string, body []byte) (string, error) {
	var signatures []string
	for _, secret := range secrets {
		encoded, ok := strings.CutPrefix(secret, prefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return "", fmt.Errorf("a secret is none: it is %s and the base64 of %d to %d bytes", prefix, minSecret, maxSecret)
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if len(signatures) == 0 {
		return "", errors.New("there is no secret to sign by")
	}
	return strings.Join(signatures, " "), nil
}

// classOf returns of what class a status is, and whether it is a failure. 202 is: the
// work is taken on, and not seen to be done.
func classOf(status int) (fault.Class, bool) {
	switch {
	case status == http.StatusAccepted:
		return fault.Transient, true
	case status >= 200 && status < 300:
		return "", false
	case status >= 300 && status < 400: // whoever moves says so to the operator
		return fault.Denied, true
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return fault.Denied, true
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return fault.Transient, true
	case http.StatusConflict:
		return fault.Conflict, true
	case http.StatusTooManyRequests:
		return fault.Throttled, true
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return fault.Unsupported, true
	case http.StatusServiceUnavailable:
		return fault.Unavailable, true
	}
	if status >= http.StatusInternalServerError {
		return fault.Transient, true
	}
	return fault.Invalid, true
}

// lost sorts a trouble of the connection.
func lost(ctx context.Context, changes bool, what string, err error) error {
	e := &fault.Error{Class: fault.Transient, Ambiguous: changes, Err: fmt.Errorf("%s: %w", what, err)}
	if fault.Unreached(err) {
		e.Class, e.Ambiguous = fault.Unavailable, false
	}
	if cause := context.Cause(ctx); cause != nil {
		e.Code, e.Err = "timeout", fmt.Errorf("%s: %w: %w", what, cause, err)
	}
	return e
}
