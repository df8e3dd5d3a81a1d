package standardwebhooks_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rochdale/adapters/standardwebhooks"
)

// TestSigned: who has either secret tells, by the library of the standard, that it was us.
func TestSigned(t *testing.T) {
	secrets := [][]byte{[]byte("a new secret of thirty two bytes"), []byte("the old one, as long as the new.")}
	body := []byte(`{"type":"rochdale.membership.admitted.v2"}`)
	got := make(chan error, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		for _, secret := range append(secrets, []byte("that of somebody else, 32 bytes.")) {
			hook, made := standard.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(secret))
			if made != nil || err != nil {
				t.Error(made, err)
				return
			}
			got <- hook.Verify(text, r.Header)
		}
		if r.Header.Get("webhook-id") != "e-1" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents+json") {
			t.Errorf("%v", r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	sender := standardwebhooks.New(true, time.Minute)
	status, after, err := sender.Send(t.Context(), s.URL, "e-1", time.Now(), secrets, body)
	if status != http.StatusNoContent || after != 0 || err != nil {
		t.Fatal(status, after, err)
	}
	if one, two, other := <-got, <-got, <-got; one != nil || two != nil || other == nil {
		t.Errorf("verified: %v, %v; by a stranger: %v", one, two, other)
	}
}

// TestAnswers: what is said is handed on, and nobody is led elsewhere or waited for.
func TestAnswers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/date":
			w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			<-hang
		}
	}))
	defer s.Close()
	defer close(hang)
	send := func(patience time.Duration, path string) (int, time.Duration, error) {
		return standardwebhooks.New(true, patience).Send(t.Context(), s.URL+path, "e", time.Now(), [][]byte{{1}}, nil)
	}
	if status, _, err := send(time.Minute, "/moved"); status != http.StatusTemporaryRedirect || err != nil {
		t.Error(status, err)
	}
	if status, after, err := send(time.Minute, "/busy"); status != http.StatusTooManyRequests || after != 2*time.Minute || err != nil {
		t.Error(status, after, err)
	}
	if status, after, err := send(time.Minute, "/date"); status != http.StatusServiceUnavailable || after < 59*time.Minute || after > time.Hour || err != nil {
		t.Error(status, after, err)
	}
	if _, _, err := send(50*time.Millisecond, "/slow"); err == nil || strings.Contains(err.Error(), s.URL) {
		t.Errorf("too slow: %v", err)
	}
}

// TestPrivate: no address of a network of one's own is connected to, however it is written.
func TestPrivate(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was connected to") }))
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	sender := standardwebhooks.New(false, time.Minute)
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255", "198.18.0.1",
	} {
		_, _, err := sender.Send(t.Context(), "http://"+host+":"+port+"/", "e", time.Now(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), "not a public one") {
			t.Errorf("%s: %v", host, err)
		}
	}
}
