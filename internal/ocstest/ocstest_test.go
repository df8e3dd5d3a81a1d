package ocstest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recording is a request and its answer, as they were.
type recording struct {
	Section, Name, Method, Path string
	User                        string
	Wrong                       bool // the password is
	Header                      map[string]string
	Body                        string
	Status                      int
	Type, Answer                string
	More                        map[string]string
}

var (
	sized  = regexp.MustCompile(`^<([0-9]+) bytes>$`)
	stamps = regexp.MustCompile(`"(firstLogin|lastLogin)(Timestamp)?":[1-9][0-9]*`)
)

// TestRecordings plays what was asked of a real server, in order, and compares the
// answers.
func TestRecordings(t *testing.T) {
	text, err := os.ReadFile("testdata/recordings.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recording
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	s := Start(t)
	members := map[string]string{Admin: Password, "alice": "Probe-Pass-2026!"}
	// What was done between the exchanges that were recorded.
	before := map[string]func(){
		"v2 disable":                                  func() { s.users["alice"].quota = "5 GB" },
		"status.php":                                  func() { s.SetMaintenance(true) },
		"PUT quota over the limit, v2":                func() { s.SetMaintenance(false); s.Limited = true; s.fill() },
		"then with the right app password":            func() { s.wrong["127.0.0.1"] = mostWrong },
		"PUT quota from an address on the allow list": func() { s.Limited = false },
		"after the reset":                             s.ResetWrong,
	}
	for _, r := range all {
		if do := before[r.Name]; do != nil {
			do()
			delete(before, r.Name)
		}
		t.Run(r.Section+" "+r.Name, func(t *testing.T) {
			body := r.Body
			if n := sized.FindStringSubmatch(body); n != nil {
				size, _ := strconv.Atoi(n[1])
				body = strings.Repeat("x", size)
			}
			req, err := http.NewRequestWithContext(t.Context(), r.Method, s.URL+r.Path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for key, value := range r.Header {
				req.Header.Set(key, value)
			}
			if r.User != "" {
				password := members[r.User]
				if r.Wrong {
					password = "wrong"
				}
				req.SetBasicAuth(r.User, password)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != r.Status || resp.Header.Get("Content-Type") != r.Type {
				t.Errorf("%d %s, want %d %s\n%s", resp.StatusCode, resp.Header.Get("Content-Type"), r.Status, r.Type, got)
			}
			for key, value := range r.More {
				if resp.Header.Get(key) != value {
					t.Errorf("%s: %q, want %q", key, resp.Header.Get(key), value)
				}
			}
			want := stamps.ReplaceAll([]byte(strings.TrimSpace(r.Answer)), []byte(`"$1$2":1`))
			got = stamps.ReplaceAll(bytes.TrimSpace(got), []byte(`"$1$2":1`))
			if !bytes.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	if len(all) < 100 || len(before) > 0 {
		t.Errorf("only %d exchanges were played, and not: %v", len(all), before)
	}
}

// fill has the account of the administrator used up what edits it has.
func (s *Server) fill() {
	for range editsAllowed {
		s.edits = append(s.edits, time.Now())
	}
}

// TestQuotas holds what is read back to what a real server was seen to read back.
func TestQuotas(t *testing.T) {
	for sent, read := range map[string]int64{
		"5368709120": 5368709120, "5000000000": 5046586573, "5 GB": 5368709120, "5GB": 5368709120, "5 GiB": 5,
		"5 TB": 5497558138880, "5120 MB": 5368709120, "7.5 GB": 8053063680, "12345678901": 12348030976, "500000": 499712,
		"1073741824": 1073741824, "2684354560": 2684354560, "0": 0, "0 B": 0, "none": -3, "default": -3, "1": 1, "5gb": 5368709120,
		"5,5 GB": 5368709120,
	} {
		quota, a := kept(sent)
		if n := stored(quota); a.status != http.StatusOK || n != read {
			t.Errorf("%s: %d, want %d", sent, n, read)
		}
	}
}
