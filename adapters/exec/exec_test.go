package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/exec"
	"rochdale/adapters/fault"
	"rochdale/adapters/provisiontest"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/internal/outsidetest"
)

// TestMain is the program too that the adapter runs: it hands what it is told to a
// service of the test, and exits as that says.
func TestMain(m *testing.M) {
	if url := os.Getenv("OUTSIDE"); url != "" {
		os.Exit(program(url))
	}
	os.Exit(m.Run())
}

var exits = map[int]int{
	http.StatusOK: 0, http.StatusInternalServerError: exec.ExitTransient, http.StatusTooManyRequests: exec.ExitThrottled,
	http.StatusServiceUnavailable: exec.ExitUnavailable, http.StatusUnauthorized: exec.ExitDenied, http.StatusConflict: exec.ExitConflict,
	http.StatusUnprocessableEntity: exec.ExitInvalid, http.StatusNotImplemented: exec.ExitUnsupported,
}

func program(url string) int {
	resp, err := http.Post(url, "application/json", os.Stdin)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(os.Stdout, resp.Body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return exits[resp.StatusCode]
}

func TestContract(t *testing.T) {
	t.Parallel()
	s := outsidetest.New()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := exec.New(exec.Config{Command: []string{self}, Env: []string{"OUTSIDE=" + server.URL}, Can: outsidetest.Can})
	if err != nil {
		t.Fatal(err)
	}
	provisiontest.Run(t, s.Fixture(accounts))
}

// script returns the accounts of a shell script.
func script(t *testing.T, text, timeout string) *remote.Told {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"command": ["/bin/sh", %q, "an argument"], "env": ["PATH=/usr/bin:/bin", "GREETING=hello"], "timeout": %q, "can": {"service": "mail", "suspends": true}}`, path, timeout)
	var c exec.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	accounts, err := exec.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return accounts
}

var want = provisioning.Desired{
	Ref: provisioning.Ref{Service: domain.Mail, Login: "anna@example.org"}, Account: "mail/1", Revision: 7,
	Access: provisioning.Active, Quota: domain.GB,
}

// TestAnswers shows what is made of what a program says and how it exits.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script  string
		timeout string
		class   fault.Class
		code    string
		says    string
	}{
		"it is not there":              {`echo '{"exists": false}'`, "", "", "", ""},
		"it complains, and is content": {`echo hm >&2; echo '{"exists": false}'`, "", "", "", ""},
		"transient":                    {`exit 75`, "", fault.Transient, "exit 75", ""},
		"throttled":                    {`echo '{"error": {"retry_after": 30, "code": "slow"}, "exists": false}'; exit 79`, "", fault.Throttled, "slow", ""},
		"unavailable":                  {`exit 69`, "", fault.Unavailable, "exit 69", ""},
		"denied":                       {`echo no entry >&2; exit 77`, "", fault.Denied, "exit 77", "no entry"},
		"conflict":                     {`exit 73`, "", fault.Conflict, "exit 73", ""},
		"invalid":                      {`echo '{"error": {"message": "too long a name"}}'; exit 65`, "", fault.Invalid, "exit 65", "too long a name"},
		"unsupported":                  {`exit 64`, "", fault.Unsupported, "exit 64", ""},
		"any other":                    {`exit 3`, "", fault.Transient, "exit 3", ""},
		"killed":                       {`kill -9 $$`, "", fault.Transient, "exit -1", ""},
		"nothing said":                 {``, "", fault.Transient, "answer", ""},
		"no JSON":                      {`echo hello`, "", fault.Transient, "answer", ""},
		"a word misspelt":              {`echo '{"exists": false, "qouta": 5}'`, "", fault.Transient, "answer", "qouta"},
		"two answers":                  {`echo '{"exists": false}{}'`, "", fault.Transient, "answer", ""},
		"no sense":                     {`echo '{"exists": true, "access": "open"}'`, "", fault.Transient, "answer", "open"},
		"another login":                {`echo '{"exists": true, "login": "bert@example.org"}'`, "", fault.Transient, "answer", ""},
		"success with an error":        {`echo '{"error": {"message": "not really"}}'`, "", fault.Transient, "", "not really"},
		"too much":                     {`head -c 9000000 /dev/zero | tr '\0' ' '`, "", fault.Transient, "answer", "more than"},
		"too long":                     {`sleep 100 & sleep 100`, "100ms", fault.Transient, "timeout", "after 100ms"},
		"it leaves a server behind":    {`echo '{"exists": false}'; sleep 5 &`, "", "", "", ""},
		"it reads nothing":             {`exec 0<&-; echo '{"exists": false}'`, "", "", "", ""},
		"far too much, then it fails":  {`head -c 100000000 /dev/zero | tr '\0' ' ' >&2; exit 65`, "", fault.Invalid, "exit 65", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := tt.timeout
			if timeout == "" {
				timeout = "1m"
			}
			_, err := script(t, "cat >/dev/null\n"+tt.script, timeout).Observe(t.Context(), want.Ref)
			class, ambiguous := fault.ClassOf(err)
			if class != tt.class || ambiguous || fault.CodeOf(err) != tt.code || tt.says != "" && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s, ambiguous %v, %q: %v", class, ambiguous, fault.CodeOf(err), err)
			}
			if name == "throttled" && fault.RetryAfter(err) != 30*time.Second {
				t.Error(fault.RetryAfter(err))
			}
		})
	}
}

// TestRequest shows what a program is told, and by what it is surrounded.
func TestRequest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	accounts := script(t, `
case $1,$GREETING,$HOME in "an argument,hello,") ;; *) exit 64 ;; esac
request=$(cat)
echo "$request" >> `+dir+`/requests
case $request in *'"operation":"observe"'*)
	if [ -e `+dir+`/made ]; then echo '{"exists": true, "account": "mail/1", "quota": 1000000000, "access": "active"}'; else echo '{"exists": false}'; fi ;;
*) touch `+dir+`/made ;;
esac`, "1m")
	if is, err := accounts.Ensure(t.Context(), want); err != nil || is.Account != want.Account {
		t.Fatalf("%+v, %v", is, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "requests"))
	if err != nil {
		t.Fatal(err)
	}
	const observe = `{"version":1,"operation":"observe","wish":{"service":"mail","login":"anna@example.org"}}` + "\n"
	const ensure = `{"version":1,"operation":"ensure","key":"mail/1/7/ensure","wish":{"service":"mail","login":"anna@example.org","account":"mail/1","revision":7,"access":"active","quota":1000000000,"inbound":"accept"}}` + "\n"
	if string(text) != observe+ensure+observe {
		t.Errorf("it was told:\n%s", text)
	}
	_, err = accounts.Delete(t.Context(), want) // it says nothing, and nothing is gone
	if class, ambiguous := fault.ClassOf(err); class != fault.Transient || !ambiguous || fault.CodeOf(err) != "unseen" {
		t.Error(err)
	}
}

// TestPasswordIsNotRepeated: a program that says what it was told, as one that fails does
// with a trace, does not bring a password into the log.
func TestPasswordIsNotRepeated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "program")
	const text = `#!/bin/sh
request=$(cat)
case $request in *'"operation":"observe"'*) echo '{"exists": true, "account": "mail/1"}' ;; *) echo "trace: $request" >&2; exit 65 ;; esac`
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	can := remote.Abilities{Service: domain.Mail, Schemes: []string{provisioning.Plain}}
	accounts, err := exec.New(exec.Config{Command: []string{"/bin/sh", path}, Env: []string{"PATH=/usr/bin:/bin"}, Can: can})
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"correct horse", `quote" and \ and <é>`} {
		err := accounts.SetCredential(t.Context(), want.Ref, provisioning.Credential{Scheme: provisioning.Plain, Hash: password})
		if class, _ := fault.ClassOf(err); class != fault.Invalid || fault.CodeOf(err) != "exit 65" {
			t.Error(err)
		}
		if says := fmt.Sprint(err); strings.Contains(says, "horse") || strings.Contains(says, "quote") {
			t.Errorf("it is repeated: %s", says)
		}
	}
}

// TestFolders lives the life of accounts with the program of docs/adapters. It needs jq.
func TestFolders(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path, err := filepath.Abs("../../docs/adapters/folders.sh")
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := exec.New(exec.Config{
		Command: []string{"/bin/sh", path, root}, Env: []string{"PATH=/usr/bin:/bin"},
		Can: remote.Abilities{Service: domain.Storage, Suspends: true, Lists: true, Usage: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	anna, bert := want, want
	anna.Service, bert.Service, bert.Login, bert.Account = domain.Storage, domain.Storage, "bert@example.org", "storage/2"
	see := func(is provisioning.Observed, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if steps, err := provisioning.Plan(anna, is, accounts.Capabilities()); err != nil || len(steps) > 0 {
			t.Errorf("%+v; there is still %v to do, %v", is, steps, err)
		}
	}
	for range 2 {
		see(accounts.Ensure(t.Context(), anna))
	}
	if err := os.WriteFile(filepath.Join(root, string(anna.Login), "letter"), make([]byte, 1234), 0o600); err != nil {
		t.Fatal(err)
	}
	anna.Quota = provisioning.Unlimited
	see(accounts.SetQuota(t.Context(), anna))
	anna.Access = provisioning.Suspended
	see(accounts.Suspend(t.Context(), anna))
	anna.Access = provisioning.Active
	see(accounts.Resume(t.Context(), anna))
	if all, err := accounts.Usage(t.Context(), []provisioning.Ref{anna.Ref, bert.Ref}); err != nil || len(all) != 1 || *all[0].Used != 1234 {
		t.Errorf("%+v, %v", all, err)
	}
	rival := anna
	rival.Account = "storage/3"
	if _, err := accounts.Delete(t.Context(), rival); !isConflict(err) {
		t.Errorf("what is another's is deleted: %v", err)
	}
	if _, err := accounts.Ensure(t.Context(), bert); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "office@example.org.json"), []byte(`{"access": "active"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "office@example.org"), 0o700); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for cursor := ""; ; {
		page, err := accounts.List(t.Context(), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, is := range page.Accounts {
			listed = append(listed, string(is.Login)+" "+string(is.Account))
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if got := strings.Join(listed, ", "); got != "anna@example.org mail/1, bert@example.org storage/2, office@example.org " {
		t.Error(got)
	}
	office := bert
	office.Login = "office@example.org"
	if _, err := accounts.Ensure(t.Context(), office); !isConflict(err) {
		t.Errorf("what is nobody's of ours is taken: %v", err)
	}
	anna.Access = provisioning.Absent
	for range 2 {
		see(accounts.Delete(t.Context(), anna))
	}
	if left, err := filepath.Glob(filepath.Join(root, "anna*")); err != nil || len(left) > 0 {
		t.Errorf("%q, %v", left, err)
	}
}

func isConflict(err error) bool {
	class, _ := fault.ClassOf(err)
	return class == fault.Conflict
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []exec.Config{
		{},
		{Command: []string{"program"}, Can: outsidetest.Can},
		{Command: []string{"/bin/true"}},
		{Command: []string{"/bin/true"}, Can: remote.Abilities{Service: "fax"}},
	} {
		if _, err := exec.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	for _, text := range []string{`{"timeout": 5}`, `{"timeout": "-1s"}`, `{"timeout": "soon"}`} {
		if err := json.Unmarshal([]byte(text), new(exec.Config)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	gone, err := exec.New(exec.Config{Command: []string{"/no/such/program"}, Can: outsidetest.Can})
	if err != nil {
		t.Fatal(err)
	}
	if patience := gone.Capabilities().Patience; patience != 3*time.Minute {
		t.Errorf("a program of which nothing is said may take %v", patience)
	}
	if patience := script(t, "", "10m").Capabilities().Patience; patience != 15*time.Minute {
		t.Errorf("one that may take ten minutes for a request may take %v for a change", patience)
	}
	err = gone.Check(t.Context())
	if class, _ := fault.ClassOf(err); class != fault.Unavailable || fault.CodeOf(err) != fault.Settings || !strings.Contains(err.Error(), "/no/such/program") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := gone.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
