package nextcloud_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/nextcloud"
	"rochdale/domain/provisioning"
)

// A proxy passes requests on, and may answer one by itself: before it is passed on, or
// after it was carried out.
type proxy struct {
	answers func(r *http.Request) (instead *http.Response, after bool)
}

func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.answers == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	instead, after := p.answers(r)
	if instead != nil && !after {
		return instead, nil
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if instead == nil || err != nil {
		return resp, err
	}
	return instead, resp.Body.Close()
}

// answer is one in XML, as Nextcloud gives it whatever was asked for.
func answer(status, code int, message string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"text/xml; charset=UTF-8"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	text := fmt.Sprintf("<?xml version=\"1.0\"?>\n<ocs>\n <meta>\n  <status>failure</status>\n  <statuscode>%d</statuscode>\n  <message>%s</message>\n </meta>\n <data/>\n</ocs>\n", code, message)
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
}

// TestAnswersByTheirClass: what is made of each answer to a change that was not carried out.
func TestAnswersByTheirClass(t *testing.T) {
	t.Parallel()
	p := new(proxy)
	s := start(t, nextcloud.Config{Client: &http.Client{Transport: p}})
	if _, err := s.cloud.Ensure(t.Context(), wish(1)); err != nil {
		t.Fatal(err)
	}
	w := wish(1)
	w.Access = provisioning.Suspended
	for _, tt := range []struct {
		name      string
		answer    func() *http.Response
		class     fault.Class
		ambiguous bool
		waits     time.Duration
	}{
		{"in maintenance", func() *http.Response {
			return answer(503, 503, "Service unavailable", "X-Nextcloud-Maintenance-Mode", "1")
		}, fault.Unavailable, false, 0},
		{"unavailable, says a proxy", func() *http.Response { return answer(503, 0, "", "Retry-After", "7") }, fault.Unavailable, true, 7 * time.Second},
		{"a bad gateway", func() *http.Response { return answer(502, 0, "") }, fault.Unavailable, true, 0},
		{"an error of its own", func() *http.Response { return answer(500, 996, "Internal Server Error") }, fault.Transient, true, 0},
		{"refused, or the loser of two", func() *http.Response { return answer(400, 101, "") }, fault.Invalid, true, 0},
		{"there already", func() *http.Response { return answer(400, 102, "User already exists") }, fault.Conflict, true, 0},
		{"a weak password", func() *http.Response { return answer(400, 107, "at least 10") }, fault.Invalid, false, 0},
		{"nobody of that name", func() *http.Response { return answer(404, 998, "") }, fault.Transient, false, 0},
		{"forbidden", func() *http.Response { return answer(403, 403, "") }, fault.Denied, false, 0},
		{"too many edits", func() *http.Response { return answer(429, 0, "") }, fault.Throttled, false, time.Minute},
		{"our address is locked out", func() *http.Response { return answer(429, 429, "Reached maximum delay") }, fault.Throttled, false, 10 * time.Minute},
		{"no header that it wants", func() *http.Response { return answer(412, 997, "CSRF check failed") }, fault.Denied, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.answers = func(r *http.Request) (*http.Response, bool) {
				if r.Method == http.MethodPut {
					return tt.answer(), false
				}
				return nil, false
			}
			_, err := s.cloud.Suspend(t.Context(), w)
			class, ambiguous := fault.ClassOf(err)
			if class != tt.class || ambiguous != tt.ambiguous || fault.RetryAfter(err) != tt.waits {
				t.Errorf("%v: %q, ambiguous %v, wait %v; want %q, %v, %v", err, class, ambiguous, fault.RetryAfter(err), tt.class, tt.ambiguous, tt.waits)
			}
			p.answers = nil
		})
	}
}

// TestCarriedOutAndRefused: of two who make one account at once the loser is refused, by one
// of two codes. It is ours, and there, so that nothing is wrong.
func TestCarriedOutAndRefused(t *testing.T) {
	t.Parallel()
	for n, code := range []int{101, 102} {
		p := new(proxy)
		s := start(t, nextcloud.Config{Client: &http.Client{Transport: p}})
		p.answers = func(r *http.Request) (*http.Response, bool) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/cloud/users") {
				return answer(400, code, ""), true
			}
			return nil, false
		}
		if is, err := s.cloud.Ensure(t.Context(), wish(n)); err != nil || is.Account != wish(n).Account {
			t.Errorf("%d: %+v, %v", code, is, err)
		}
	}
}
