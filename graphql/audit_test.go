package graphql_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestAudit runs the public audit of GraphQL over HTTP, of the npm package
// graphql-http: no MUST and no SHOULD of it fails.
func TestAudit(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("the audit takes Node 18 or later: install it, so that `node` is found")
	}
	if _, err := os.Stat("audit/node_modules/graphql-http"); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--fetch-retries=5", "--no-audit", "--no-fund", "--ignore-scripts")
		install.Dir = "audit"
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci in graphql/audit: %v\n%s", err, out)
		}
	}
	c := serve(t)
	audit := exec.CommandContext(t.Context(), node, "audit.js", c.url)
	audit.Dir = "audit"
	var stderr bytes.Buffer
	audit.Stderr = &stderr
	out, err := audit.Output()
	if err != nil {
		t.Fatalf("node audit.js: %v\n%s", err, stderr.Bytes())
	}
	count := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var result struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			t.Fatal(err)
		}
		count++
		if result.Status != "ok" && (strings.HasPrefix(result.Name, "MUST") || strings.HasPrefix(result.Name, "SHOULD")) {
			t.Errorf("%s %s: %s, %s", result.ID, result.Name, result.Status, result.Reason)
		} else if result.Status != "ok" {
			t.Logf("%s %s: %s, %s", result.ID, result.Name, result.Status, result.Reason)
		}
	}
	if count < 50 {
		t.Errorf("the audit has %d rules, which is too few to be all of them", count)
	}
}
