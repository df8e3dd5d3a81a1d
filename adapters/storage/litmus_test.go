package storage

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
)

// unmet are the tests of litmus that fail, and why.
var unmet = map[string]string{
	"props propfind_invalid2": "a namespace without a name, which XML 1.0 forbids and 1.1 does not, passes the XML decoder",
	"props propset":           "properties of a client's own are not kept (RFC 4918 §9.2: SHOULD), as most copies of files would lose them",
	"props propmanyns":        "as propset",
	"props propget":           "as propset",
	"locks owner_modify":      "as propset, twice",
	"locks lock_shared":       "locks are exclusive: supportedlock offers no others",
}

// litmusResults is how many tests of each of its suites pass, fail, and are left
// out by litmus itself: those that set properties or share a lock, once the first
// of them has failed.
var litmusResults = map[string]results{
	"basic": {passed: 16}, "copymove": {passed: 13}, "props": {passed: 10, failed: 4, leftOut: 16},
	"locks": {passed: 31, failed: 3, leftOut: 7}, "http": {passed: 4},
}

type results struct{ passed, failed, leftOut int }

var (
	litmusSuite = regexp.MustCompile("running `(.*)':")
	litmusTest  = regexp.MustCompile(`^ *\d+\. ([a-z_0-9]+)\.* (pass|FAIL|WARNING|SKIPPED)`)
)

// TestLitmus runs the public conformance suite of that name (Debian package
// litmus), and knows what comes of each of its tests.
func TestLitmus(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // each change waits for the disk
	defer cancel()
	cmd := exec.CommandContext(ctx, "litmus", "-k", s.url+"/", string(anna), password)
	cmd.Dir = t.TempDir() // where it writes its logs
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("litmus (Debian package litmus): %v\n%s", err, out)
	}
	got, suite := map[string]results{}, ""
	for line := range strings.Lines(strings.ReplaceAll(string(out), "\r", "\n")) {
		if m := litmusSuite.FindStringSubmatch(line); m != nil {
			suite = m[1]
		}
		m := litmusTest.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		r := got[suite]
		switch m[2] {
		case "SKIPPED":
			r.leftOut++
		case "FAIL":
			r.failed++
			if unmet[suite+" "+m[1]] == "" {
				t.Errorf("%s: %s", suite, strings.TrimSpace(line))
			}
		default:
			r.passed++
		}
		got[suite] = r
	}
	for suite, want := range litmusResults {
		if got[suite] != want {
			t.Errorf("%s: %+v, want %+v", suite, got[suite], want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
