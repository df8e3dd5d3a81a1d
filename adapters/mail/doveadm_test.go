package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/domain/provisioning"
	"rochdale/internal/mailtest"
)

// TestDoveadm is with a Dovecot that keeps logins in mind for an hour.
func TestDoveadm(t *testing.T) {
	t.Parallel()
	at, path := mailtest.SQLite(t)
	s := open(t, &tables{at: at, path: path})
	server := mailtest.StartDovecot(t, at, "auth_cache_size = 1M", "auth_cache_ttl = 1 hour", "auth_cache_negative_ttl = 1 hour")
	anna, bert := s.wish("anna", "account-1"), s.wish("bert", "account-2")
	lets := func(password string) bool {
		t.Helper()
		m, err := server.LogIn(anna.login(), password)
		if err == nil {
			m.Close()
		} else if !errors.Is(err, mailtest.ErrRefused) {
			t.Fatal(err)
		}
		return err == nil
	}
	if lets(oldPassword) {
		t.Fatal("somebody is let in who is not there")
	}
	anna.do(t, s.Ensure)
	anna.lets(t, bcrypted(t, oldPassword))
	if lets(oldPassword) {
		t.Fatal("Dovecot keeps nothing in mind, and the test shows nothing")
	}
	s.Tell(doveadm(server))
	anna.do(t, s.SetQuota)
	if !lets(oldPassword) {
		t.Error("what Dovecot keeps in mind outlives a change")
	}
	anna.lets(t, bcrypted(t, newPassword))
	if lets(oldPassword) || !lets(newPassword) {
		t.Error("an old password outlives a new one")
	}
	m, err := server.LogIn(anna.login(), newPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()

	t.Log("What it could not be told, it is told later.")
	away := doveadm(server)
	away.URL = "http://127.0.0.1:1"
	s.Tell(away)
	anna.Revision++
	_, err = s.Suspend(t.Context(), anna.Desired)
	if class, ambiguous := fault.ClassOf(err); class != fault.Unavailable || !ambiguous {
		t.Error(err)
	}
	if _, err := s.Observe(t.Context(), anna.Ref); !isA(err, fault.Unavailable) {
		t.Errorf("nobody is told that her sessions go on: %v", err)
	}
	if !m.Alive() {
		t.Error("her session is ended by itself")
	}
	s.Tell(doveadm(server))
	if is, err := s.Observe(t.Context(), anna.Ref); err != nil || *is.Access != provisioning.Suspended {
		t.Errorf("%+v, %v", is, err)
	}
	eventually(t, "her session is ended", func() bool { return !m.Alive() })

	t.Log("It counts in bytes.")
	anna.do(t, s.Resume)
	bert.Quota = provisioning.Unlimited
	bert.do(t, s.Ensure)
	taken(t, server.Deliver(anna.login(), "counted", 100_000))
	all, err := doveadm(server).Quota(t.Context(), []provisioning.Login{anna.Login, bert.Login, "nobody@coop.example"})
	if is := all[anna.Login]; err != nil || len(all) != 2 || is.Used < 100_000 || is.Used > 110_000 || max(is.Quota-anna.Quota, anna.Quota-is.Quota) > 1024 {
		t.Errorf("%+v, %v", all, err)
	}
	if is := all[bert.Login]; is.Used != 0 || is.Quota != provisioning.Unlimited {
		t.Errorf("%+v", is)
	}

	t.Log("A box goes with all its folders, again and again.")
	before := server.Boxes(t)
	if len(before) == 0 {
		t.Fatal("there is no box")
	}
	anna.do(t, s.Delete)
	for range 2 {
		if err := s.Purge(t.Context(), anna.Desired); err != nil {
			t.Error(err)
		}
	}
	if pending := s.boxesToPurge(t); len(pending) > 0 || len(server.Boxes(t)) != len(before)-1 {
		t.Errorf("to be removed is %q; there is %q", pending, server.Boxes(t))
	}
	if err := mail.Remove(t.Context(), doveadm(server), "nosuchbox"); err != nil {
		t.Errorf("what is not there: %v", err)
	}

	t.Log("It says no in ways of its own.")
	for _, tt := range []struct {
		command string
		params  map[string]any
		class   fault.Class
	}{
		{"frobnicate", map[string]any{}, fault.Unsupported},
		{"quotaGet", map[string]any{"usr": "anna"}, fault.Unsupported},
		{"quotaGet", map[string]any{}, fault.Transient}, // and closes the connection
	} {
		if err := mail.Do(t.Context(), doveadm(server), tt.command, tt.params); !isA(err, tt.class) {
			t.Errorf("%s: %v, want %s", tt.command, err, tt.class)
		}
	}
	guess := doveadm(server)
	guess.Key = func() (string, error) { return "guessed", nil }
	if err := mail.Do(t.Context(), guess, "quotaGet", map[string]any{"user": "anna"}); !isA(err, fault.Denied) {
		t.Error(err)
	}
	guess.Key = func() (string, error) { return "", errors.New("no such file") }
	if err := mail.Do(t.Context(), guess, "quotaGet", nil); !isA(err, fault.Unavailable) || fault.CodeOf(err) != fault.Settings || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// TestDoveadmTraps are with servers that answer as Dovecot was recorded to, or not at all.
func TestDoveadmTraps(t *testing.T) {
	t.Parallel()
	answers := func(answer func(asked string) string) *mail.Doveadm {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := make([]byte, 10_000)
			n, _ := r.Body.Read(text)
			fmt.Fprint(w, answer(string(text[:n])))
		}))
		t.Cleanup(server.Close)
		return &mail.Doveadm{URL: server.URL, Store: "/var/mail", Key: func() (string, error) { return "k", nil }}
	}
	for name, tt := range map[string]struct {
		stat, remove []string // one after the other
		class        fault.Class
	}{
		"gone already":                  {[]string{`["error",{"type":"exitCode", "exitCode":68},"0"]`}, nil, ""},
		"removed":                       {[]string{`["doveadmResponse",[],"0"]`, `["error",{"type":"exitCode", "exitCode":68},"0"]`}, []string{`["doveadmResponse",[],"0"]`}, ""},
		"said to be removed, and there": {[]string{`["doveadmResponse",[],"0"]`, `["doveadmResponse",[],"0"]`}, []string{`["doveadmResponse",[],"0"]`}, fault.Transient},
		"removed by another meanwhile":  {[]string{`["doveadmResponse",[],"0"]`, `["error",{"type":"exitCode", "exitCode":68},"0"]`}, []string{`["error",{"type":"exitCode", "exitCode":75},"0"]`}, ""},
		"cannot look":                   {[]string{`["error",{"type":"exitCode", "exitCode":75},"0"]`}, nil, fault.Transient},
		"cannot remove":                 {[]string{`["doveadmResponse",[],"0"]`, `["doveadmResponse",[],"0"]`}, []string{`["error",{"type":"exitCode", "exitCode":75},"0"]`}, fault.Transient},
	} {
		next := func(list *[]string) string {
			if len(*list) == 0 {
				t.Errorf("%s: it is asked too much", name)
				return "[]"
			}
			one := (*list)[0]
			*list = (*list)[1:]
			return "[" + one + "]"
		}
		d := answers(func(asked string) string {
			if strings.Contains(asked, `"fsStat"`) {
				return next(&tt.stat)
			}
			if !strings.Contains(asked, `"fsArgs":"dirs"`) || !strings.Contains(asked, `"path":["/var/mail/box"]`) {
				t.Errorf("%s: asked is %s", name, asked)
			}
			return next(&tt.remove)
		})
		err := mail.Remove(context.Background(), d, "box")
		if class, _ := fault.ClassOf(err); class != tt.class || len(tt.stat)+len(tt.remove) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, answer := range map[string]string{
		"a page": "<html>", "none": "[]", "another tag": `[["doveadmResponse",[],"t9"]]`, "no tag": `[["doveadmResponse",[]]]`,
	} {
		err := mail.Do(t.Context(), answers(func(string) string { return answer }), "quotaGet", map[string]any{"user": "anna"})
		if !isA(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	recorded := `[["doveadmResponse",[{"root":"User quota","type":"STORAGE","value":"83","limit":"1","percent":"8300"},{"root":"User quota","type":"MESSAGE","value":"7","limit":"-","percent":"0"}],"0"],["error",{"type":"exitCode", "exitCode":67},"1"]]`
	all, err := answers(func(string) string { return recorded }).Quota(t.Context(), []provisioning.Login{"a@x.org", "b@x.org"})
	if is := all["a@x.org"]; err != nil || len(all) != 1 || is.Used != 83*1024 || is.Quota != 1024 {
		t.Errorf("%+v, %v", all, err)
	}
}
