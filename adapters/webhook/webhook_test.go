package webhook_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/provisiontest"
	"rochdale/adapters/remote"
	"rochdale/adapters/webhook"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/loopback"
	"rochdale/internal/outsidetest"
)

func secret(letter string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

func accounts(t testing.TB, c webhook.Config) *remote.Told {
	t.Helper()
	if c.Can.Service == "" {
		c.Can = outsidetest.Can
	}
	if c.Secrets == nil {
		c.Secrets = func() ([]string, error) { return []string{secret("a"), secret("b")}, nil }
	}
	told, err := webhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// TestContract is with a receiver that checks signatures, and refuses what comes twice.
func TestContract(t *testing.T) {
	t.Parallel()
	s := outsidetest.New()
	var seen sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		id := r.Header.Get("Webhook-Id")
		want, err := webhook.Sign([]string{secret("b")}, id, r.Header.Get("Webhook-Timestamp"), body)
		if _, twice := seen.LoadOrStore(id, true); err != nil || twice || !strings.Contains(r.Header.Get("Webhook-Signature"), want) {
			t.Errorf("a request %q, seen %v, signed %q: %v", id, twice, r.Header.Get("Webhook-Signature"), err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	provisiontest.Run(t, s.Fixture(accounts(t, webhook.Config{URL: server.URL})))
}

// TestSign is the example of the specification.
func TestSign(t *testing.T) {
	t.Parallel()
	got, err := webhook.Sign([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

// TestStatuses shows of what class each answer is.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status    int
		body      string
		class     fault.Class
		code      string
		ambiguous bool
	}{
		{202, "", fault.Transient, "pending", true},
		{301, "", fault.Denied, "http 301", false},
		{400, "", fault.Invalid, "http 400", false},
		{401, "", fault.Denied, "http 401", false},
		{404, "<html>", fault.Denied, "http 404", false},
		{409, `{"exists": true, "error": {"code": "taken", "message": "by bert"}}`, fault.Conflict, "taken", false},
		{410, "", fault.Denied, "http 410", false},
		{422, "", fault.Invalid, "http 422", false},
		{429, "", fault.Throttled, "http 429", false},
		{500, "", fault.Transient, "http 500", true},
		{500, `{"exists": false, "error": {"ambiguous": false}}`, fault.Transient, "http 500", false},
		{501, "", fault.Unsupported, "http 501", false},
		{503, "", fault.Unavailable, "http 503", false},
		{200, `{"exists": false, "error": {"message": "not really"}}`, fault.Transient, "", true},
		{200, "hello", fault.Transient, "answer", true},
		{200, "", fault.Transient, "unseen", true},
		{204, "", fault.Transient, "unseen", true},
	} {
		t.Run(fmt.Sprint(tt.status, tt.body), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(string(body), `"operation":"observe"`) {
					fmt.Fprint(w, `{"exists": false}`)
					return
				}
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			t.Cleanup(server.Close)
			_, err := accounts(t, webhook.Config{URL: server.URL}).Ensure(t.Context(), provisioning.Desired{
				Ref: provisioning.Ref{Service: domain.Storage, Login: "anna@example.org"}, Account: "a1", Access: provisioning.Active,
			})
			class, ambiguous := fault.ClassOf(err)
			if class != tt.class || ambiguous != tt.ambiguous || fault.CodeOf(err) != tt.code {
				t.Errorf("%s, ambiguous %v, %q: %v", class, ambiguous, fault.CodeOf(err), err)
			}
			if tt.status == http.StatusTooManyRequests && fault.RetryAfter(err) != 7*time.Second {
				t.Error(fault.RetryAfter(err))
			}
		})
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(mute.Close)
	err := accounts(t, webhook.Config{URL: mute.URL, Timeout: 5 * time.Second}).Check(t.Context())
	if class, _ := fault.ClassOf(err); class != fault.Transient || fault.CodeOf(err) != "timeout" {
		t.Error(err)
	}
	gone := "http://" + loopback.Address(t)
	err = accounts(t, webhook.Config{URL: gone}).Check(t.Context())
	if class, _ := fault.ClassOf(err); class != fault.Unavailable {
		t.Error(err)
	}
	for _, secrets := range [][]string{nil, {"whsec_short"}, {"secret"}} {
		err = accounts(t, webhook.Config{URL: gone, Secrets: func() ([]string, error) { return secrets, nil }}).Check(t.Context())
		if class, _ := fault.ClassOf(err); class != fault.Unavailable || fault.CodeOf(err) != fault.Settings {
			t.Errorf("%q: %v", secrets, err)
		}
	}
	err = accounts(t, webhook.Config{URL: gone, Secrets: func() ([]string, error) { return nil, errors.New("no such file") }}).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	some := func() ([]string, error) { return nil, nil }
	for _, c := range []webhook.Config{
		{URL: "http://example.org/", Secrets: some, Can: outsidetest.Can},
		{URL: "", Secrets: some, Can: outsidetest.Can},
		{URL: "https://example.org/", Can: outsidetest.Can},
		{URL: "https://example.org/", Secrets: some},
	} {
		if _, err := webhook.New(c); err == nil {
			t.Errorf("%q is taken", c.URL)
		}
	}
}
