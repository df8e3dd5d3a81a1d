package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rochdale/domain"
)

// TestDemo does what the demo invites to, and uses the command line beside it.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	data := filepath.Join(t.TempDir(), "demo")
	cmd := exec.CommandContext(ctx, "rochdale", "demo", "--members", "80", "--listen", "127.0.0.1:0", "--data", data, "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var guide struct {
		URL             string
		Members         int
		Tokens          map[string]string
		Poll            string
		Login, Password string
	}
	if err := json.NewDecoder(out).Decode(&guide); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	n := &node{url: guide.URL}
	for _, role := range []string{"member", "another member", "board", "treasurer", "secretary", "scrutineer", "operator", "pipeline"} {
		if a, err := n.ask(ctx, guide.Tokens[role], "", `{ viewer { roles } }`, nil); err != nil || len(a.Data["viewer"]) == 0 {
			t.Errorf("%s: %+v, %v", role, a, err)
		}
	}

	if a, err := n.ask(ctx, guide.Tokens["treasurer"], "", askMembers, nil); err != nil || !strings.Contains(string(a.Data["members"]), `"totalCount":80`) {
		t.Errorf("the treasurer sees %s %+v, %v", a.Data["members"], a.Errors, err)
	}
	if a, err := n.ask(ctx, guide.Tokens["member"], "", askMembers, nil); err != nil || a.code() != "graphql.denied" {
		t.Errorf("a member sees %s %+v, %v", a.Data["members"], a.Errors, err)
	}

	turnout := n.watch(ctx, t, guide.Tokens["treasurer"], fmt.Sprintf(askTurnout, guide.Poll))
	before := <-turnout
	vote := func(who, choice string) string {
		a, err := n.ask(ctx, guide.Tokens[who], "", castVote, map[string]any{"poll": guide.Poll, "choice": choice})
		if err != nil {
			t.Error(err)
		}
		return a.code()
	}
	if first, again, otherwise := vote("member", "FOR"), vote("member", "FOR"), vote("member", "AGAINST"); first != "" || again != "" || otherwise != "assembly.already_voted" {
		t.Errorf("votes: %q, again %q, otherwise %q", first, again, otherwise)
	}
	if after := <-turnout; after == before {
		t.Errorf("the turnout stays at %s", after)
	}

	// Its folder holds what fits, and no more. Who is still sending when it is refused may
	// lose the answer: so nothing is sent before there is one, or who asks is told to go on.
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	defer client.CloseIdleConnections()
	put := func(size int) int {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, guide.URL+"/dav/file", io.LimitReader(zeros{}, int64(size)))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(guide.Login, guide.Password)
		req.ContentLength = int64(size)
		req.Header.Set("Expect", "100-continue")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if code := put(1000); code != http.StatusCreated {
		t.Errorf("to the folder: %d", code)
	}
	if code := put(1 << 40); code != http.StatusInsufficientStorage {
		t.Errorf("a terabyte to the folder: %d", code)
	}

	for _, args := range [][]string{
		{"export", "register", "--format", "pdf", "-o", filepath.Join(data, "register.pdf")},
		{"bill", "2020-01", "--json"},
		{"log", "verify"},
		{"views", "verify"},
		{"token", "list"},
		{"doctor", "--json"},
		{"log", "dead"},
	} {
		if out, err := exec.CommandContext(ctx, "rochdale", append(args, "--data", data)...).CombinedOutput(); err != nil {
			t.Errorf("%v beside the server: %v: %s", args, err, out)
		}
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "log.db")); err != nil {
		t.Errorf("with --data it stays: %v", err)
	}
}

// zeros is as long as it is read.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// watch follows a subscription by server-sent events, and yields what it says.
func (n *node) watch(ctx context.Context, t *testing.T, token, query string) <-chan string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	said := make(chan string, 100)
	go func() {
		defer close(said)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if data, is := strings.CutPrefix(lines.Text(), "data:"); is && strings.TrimSpace(data) != "" {
				said <- strings.TrimSpace(data)
			}
		}
	}()
	return said
}

// TestDemoIsTheSameForASeed: two demos of one seed have the same events about the
// same things, and of another seed others.
func TestDemoIsTheSameForASeed(t *testing.T) {
	day := time.Now()
	made := func(seed uint64) (events []string) {
		g := Globals{Data: t.TempDir(), JSON: true}
		err := withNewHouse(t.Context(), &g, quiet(), func(h *house) error {
			h.store.Now = func() time.Time { return day } // also where it is midnight meanwhile
			d := demo{house: h, cmd: demoCmd{Members: 40, Seed: seed}, began: time.Now()}
			d.cmd.MailDomain = "coop.example"
			if err := d.build(t.Context(), d.everything()...); err != nil {
				return err
			}
			defer h.models.Close()
			for rec, err := range h.store.Log.All(t.Context(), 0) {
				if err != nil {
					return err
				}
				if kind := rec.Stream.Kind(); kind == "login" || kind == "name" {
					rec.Stream = domain.Stream(kind) // the rest is a digest under a secret, which is another in each log
				}
				events = append(events, fmt.Sprintln(rec.Position, rec.Stream, rec.Version, rec.Type, rec.ID))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	first, again, other := made(7), made(7), made(8)
	if !slices.Equal(first, again) || slices.Equal(first, other) || len(first) < 400 {
		t.Errorf("%d events, %d the second time, %d of another seed", len(first), len(again), len(other))
		for i := range min(len(first), len(again)) {
			if first[i] != again[i] {
				t.Fatalf("first differ:\n%s%s", first[i], again[i])
			}
		}
	}
}
