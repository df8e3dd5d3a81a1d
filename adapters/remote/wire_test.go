package remote_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"rochdale/adapters/remote"
	"rochdale/domain/provisioning"
)

// TestExamples holds what is written to the examples of docs/adapters, which are forever.
func TestExamples(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile("../../docs/adapters/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	same := func(name string, what any) {
		t.Helper()
		got, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, read(name)); err != nil {
			t.Fatal(err)
		}
		if string(got) != want.String() {
			t.Errorf("%s: %s", name, got)
		}
	}
	var r remote.Request
	d := json.NewDecoder(bytes.NewReader(read("request.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	want := r.Wish.Desired()
	if want.Quota != 5_000_000_000 || len(want.Aliases) != 1 || len(want.Apps) != 1 || want.Inbound != provisioning.Accept {
		t.Errorf("%+v", want)
	}
	same("request.json", remote.Request{Version: 1, Operation: remote.Ensure, Key: r.Key, Wish: new(remote.WishOf(want))})
	for _, name := range []string{"answer.json", "list.json", "error.json"} {
		a, err := r.Read(read(name))
		if err != nil {
			t.Fatal(err)
		}
		same(name, a)
	}
	a, err := r.Read(read("answer.json"))
	if err != nil {
		t.Fatal(err)
	}
	is, err := a.State.Observed(want.Ref)
	if err != nil {
		t.Fatal(err)
	}
	same("answer.json", remote.Answer{State: remote.StateOf(is)})
	if steps, err := provisioning.Plan(want, is, provisioning.Capabilities{Suspends: true, Inbound: true, Aliases: true, Apps: want.Apps}); err != nil || len(steps) > 0 {
		t.Errorf("%v, %v", steps, err)
	}
	var schema struct {
		Properties struct {
			Operation struct{ Enum []remote.Operation }
		}
	}
	if err := json.Unmarshal(read("request.schema.json"), &schema); err != nil || !slices.Equal(schema.Properties.Operation.Enum, remote.Operations) {
		t.Errorf("%v, %v", schema, err)
	}
	page := string(read("../adapters.md"))
	for _, operation := range remote.Operations {
		if !strings.Contains(page, "`"+string(operation)+"`") {
			t.Errorf("docs/adapters.md says nothing of %s", operation)
		}
	}
}

// TestPasswordIsNotRepeated: nothing is taken over of what is said of a trouble with a password.
func TestPasswordIsNotRepeated(t *testing.T) {
	for _, of := range []*remote.Credential{nil, {Scheme: provisioning.Plain, Hash: "correct horse"}} {
		a, err := remote.Request{Operation: remote.SetCredential, Credential: of}.Read([]byte(`{"exists": true, "error": {"code": "horse", "message": "correct horse?", "retry_after": 7}}`))
		if err != nil || a.Error == nil || a.Error.RetryAfter != 7 || (a.Error.Message != "") != (of == nil) || (a.Error.Code != "") != (of == nil) {
			t.Errorf("of %v: %+v, %v", of, a.Error, err)
		}
	}
}
