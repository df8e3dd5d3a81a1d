package exec_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rochdale/adapters/exec"
	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// TestAProgramTakesOver an account from another node, of which it is told the name.
func TestAProgramTakesOver(t *testing.T) {
	t.Parallel()
	told := filepath.Join(t.TempDir(), "told")
	node := func(moves bool) *remote.Told {
		t.Helper()
		at, err := exec.New(exec.Config{Command: []string{"/bin/sh", "-c", "cat > " + told}, Env: []string{"PATH=/usr/bin:/bin"}, Can: remote.Abilities{Service: domain.Storage, Moves: moves, Usage: true}})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	want := provisioning.Desired{
		Ref: provisioning.Ref{Service: domain.Storage, Login: "anna@example.org"}, Account: "a1", Revision: 7, Access: provisioning.Suspended, Quota: domain.GB,
	}
	from := provisioning.Source{Node: "storage1", At: node(true)}
	if err := node(true).TakeOver(t.Context(), want, from); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(told)
	var r remote.Request
	if err = errors.Join(err, json.Unmarshal(text, &r)); err != nil || r.Operation != remote.TakeOver || r.From != "storage1" || r.Wish == nil || r.Wish.Account != "a1" || r.Key != "a1/7/take_over" {
		t.Errorf("%s, %v", text, err)
	}
	for name, err := range map[string]error{
		"that cannot":             node(false).TakeOver(t.Context(), want, from),
		"from what is no program": node(true).TakeOver(t.Context(), want, provisioning.Source{Node: "memory"}),
	} {
		if class, _ := fault.ClassOf(err); class != fault.Unsupported {
			t.Errorf("a program %s: %v", name, err)
		}
	}
}
