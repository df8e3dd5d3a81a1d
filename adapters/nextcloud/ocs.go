package nextcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"rochdale/adapters/fault"
)

// What it says no by, which is an answer at times.
const (
	missing = "ocs missing"
	exists  = "ocs 102"
	refused = "ocs 101"
)

// Its own codes, beside those of HTTP.
const (
	ocsRefused = 101
	ocsExists  = 102
)

const maxAnswer = 32 << 20

// api speaks OCS.
type api struct {
	base, user string
	password   func() (string, error)
	client     *http.Client
	within     time.Duration

	mu     sync.Mutex
	denied string // the password that was refused
}

// meta is how it says what came of a request.
type meta struct {
	Status     string `json:"status" xml:"status"`
	StatusCode int    `json:"statuscode" xml:"statuscode"`
	Message    string `json:"message" xml:"message"`
}

// status asks whether it works, as whoever likes may.
func (a *api) status(ctx context.Context, into any) error {
	resp, err := a.send(ctx, http.MethodGet, a.base+"/status.php", nil, "", "")
	if err == nil && resp.status != http.StatusOK {
		err = sorted(http.MethodGet, resp, meta{}, "/status.php")
	}
	if err == nil {
		if wrong := json.Unmarshal(resp.body, into); wrong != nil {
			err = fault.New(fault.Unavailable, "", "nextcloud: /status.php at %s: %w: is there a Nextcloud?", a.base, errForm)
		}
	}
	return err
}

// do asks for something, as an administrator.
func (a *api) do(ctx context.Context, method, path string, form url.Values, into any) error {
	password, err := a.password()
	if err != nil {
		return fault.New(fault.Unavailable, fault.Settings, "nextcloud: the password of its administrator: %w", err)
	}
	a.mu.Lock()
	denied := a.denied != "" && same(a.denied, password)
	a.mu.Unlock()
	if denied {
		return fault.New(fault.Denied, "stopped", "nextcloud: it did not let %s in, and is not asked again by the same password, lest it lock our address out: give it another", a.user)
	}
	resp, err := a.send(ctx, method, a.base+"/ocs/v2.php"+path, form, a.user, password)
	if err != nil {
		return err
	}
	m, data, err := read(resp)
	if resp.status == http.StatusUnauthorized || m.StatusCode == 997 {
		a.mu.Lock()
		a.denied = password
		a.mu.Unlock()
	}
	switch {
	case resp.status != http.StatusOK || err == nil && m.StatusCode != http.StatusOK:
		return sorted(method, resp, m, path)
	case err != nil:
		return &fault.Error{Class: fault.Transient, Ambiguous: method != http.MethodGet, Err: fmt.Errorf("nextcloud: %s %s: %w", method, kind(path), err)}
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return &fault.Error{Class: fault.Transient, Ambiguous: method != http.MethodGet, Err: fmt.Errorf("nextcloud: %s %s: %w: %w", method, kind(path), errForm, err)}
	}
	return nil
}

// opens reports whether a password is that of somebody.
func (a *api) opens(ctx context.Context, id, password string) (bool, error) {
	resp, err := a.send(ctx, http.MethodGet, a.base+"/ocs/v2.php/cloud/user", nil, id, password)
	return err == nil && resp.status == http.StatusOK, err
}

// reply is what is answered.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request and reads its answer.
func (a *api) send(ctx context.Context, method, address string, form url.Values, user, password string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, a.within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, fault.New(fault.Invalid, "", "nextcloud: %s: %w", method, err)
	}
	req.Header.Set("OCS-APIRequest", "true")
	req.Header.Set("Accept", "application/json")
	if len(form) > 0 {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	changes := method != http.MethodGet
	resp, err := a.client.Do(req)
	if err != nil {
		return reply{}, lost(ctx, changes, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return reply{}, lost(ctx, changes, err)
	}
	return reply{resp.StatusCode, resp.Header, body}, nil
}

// lost sorts a trouble of the connection. One that could not be made is told from
// one that broke.
func lost(ctx context.Context, changes bool, err error) error {
	e := &fault.Error{Class: fault.Transient, Ambiguous: changes, Err: fmt.Errorf("nextcloud: %w", err)}
	if fault.Unreached(err) {
		e.Class, e.Ambiguous = fault.Unavailable, false
	}
	if cause := context.Cause(ctx); cause != nil {
		e.Err = fmt.Errorf("nextcloud: %w: %w", cause, err)
	}
	return e
}

// read reads an answer, which is XML at times, whatever was asked for.
func read(resp reply) (meta, json.RawMessage, error) {
	switch contentType := resp.header.Get("Content-Type"); {
	case strings.HasPrefix(contentType, "application/json"):
		var answer struct {
			OCS struct {
				Meta meta            `json:"meta"`
				Data json.RawMessage `json:"data"`
			} `json:"ocs"`
		}
		err := json.Unmarshal(resp.body, &answer)
		return answer.OCS.Meta, answer.OCS.Data, err
	case strings.Contains(contentType, "xml"):
		var answer struct {
			Meta meta `xml:"meta"`
		}
		err := xml.Unmarshal(resp.body, &answer)
		return answer.Meta, nil, err
	default:
		return meta{}, nil, errForm
	}
}

// sorted sorts what is no success by its class.
func sorted(method string, resp reply, m meta, path string) error {
	changes := method != http.MethodGet
	e := &fault.Error{Class: fault.Invalid, Code: "http " + strconv.Itoa(resp.status), RetryAfter: fault.ReadRetryAfter(resp.header.Get("Retry-After"), time.Now())}
	if m.StatusCode != 0 {
		e.Code = "ocs " + strconv.Itoa(m.StatusCode)
	}
	e.Err = fmt.Errorf("nextcloud: %s %s: %d %s", method, kind(path), resp.status, strings.TrimSpace(m.Message))
	switch status := resp.status; {
	case status == http.StatusUnauthorized || m.StatusCode == 997:
		e.Class = fault.Denied
	case status == http.StatusForbidden, status == http.StatusPreconditionFailed:
		e.Class = fault.Denied
	case status == http.StatusTooManyRequests:
		e.Class = fault.Throttled
		if m.Message != "" && e.RetryAfter == 0 { // "Reached maximum delay": our address is locked out
			e.RetryAfter = lockedOut
		}
		e.RetryAfter = max(e.RetryAfter, time.Minute)
	case status == http.StatusServiceUnavailable && resp.header.Get("X-Nextcloud-Maintenance-Mode") == "1":
		e.Class = fault.Unavailable
	case status == http.StatusServiceUnavailable, status == http.StatusBadGateway:
		e.Class, e.Ambiguous = fault.Unavailable, changes // a proxy may have lost the answer only
	case status >= http.StatusInternalServerError:
		e.Class, e.Ambiguous = fault.Transient, changes
	case m.StatusCode == 998 || m.StatusCode == http.StatusNotFound:
		e.Code = missing
		e.Class = fault.Transient
	case m.StatusCode == ocsExists: // somebody was faster: who looks again sees who
		e.Class, e.Ambiguous = fault.Conflict, true
	case m.StatusCode == ocsRefused: // also the loser of two who make one account, and one that is left behind
		e.Ambiguous = true
	}
	return e
}

// kind is a path without who it is about.
func kind(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 3 {
		parts[3] = "…"
	}
	return strings.Join(parts, "/")
}

// details asks for some accounts, from the one of a number on.
func (n *Cloud) details(ctx context.Context, from, most int) ([]user, error) {
	var data struct {
		Users json.RawMessage `json:"users"`
	}
	path := fmt.Sprintf("/cloud/users/details?limit=%d&offset=%d", most, from)
	if err := n.api.do(ctx, http.MethodGet, path, nil, &data); err != nil {
		return nil, err
	}
	all, err := inOrder(data.Users)
	if err != nil {
		return nil, &fault.Error{Class: fault.Transient, Err: fmt.Errorf("nextcloud: list its accounts: %w: %w", errForm, err)}
	}
	return all, nil
}

// inOrder reads an object of accounts in the order in which it is written. Without
// any, PHP writes an array, as it does for numbers.
func inOrder(text json.RawMessage) (all []user, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil {
		return nil, err
	}
	for d.More() {
		if open == json.Delim('{') {
			if _, err := d.Token(); err != nil {
				return nil, err
			}
		}
		var u user
		if err := d.Decode(&u); err != nil {
			return nil, err
		}
		if u.ID != "" { // one that came or went just now
			all = append(all, u)
		}
	}
	return all, nil
}
