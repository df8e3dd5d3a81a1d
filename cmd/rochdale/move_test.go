package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/mail"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/internal/mailtest"
	"rochdale/processes"
)

// TestMailboxesOnTwoServers: new mailboxes are spread over the nodes of the file of
// services, what is on which is known to plan and drift, and to move between nodes that
// copy nothing is refused with why.
func TestMailboxesOnTwoServers(t *testing.T) {
	g := founded(t, 6)
	dir := t.TempDir()
	g.Services = filepath.Join(dir, "services.yaml")
	text := "mail:\n  nodes:\n    - {name: mail1, bytes: 2 GB, mailboxes: \"sqlite:" + filepath.Join(dir, "one.db") + "\"}\n" +
		"    - {name: mail2, bytes: 4 GB, mailboxes: \"sqlite:" + filepath.Join(dir, "two.db") + "\"}\n"
	if err := os.WriteFile(g.Services, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	on := map[string][]domain.AccountID{}
	err := withServices(t.Context(), g, quiet(), func(h *house, services *services) (err error) {
		r := h.reconciler(services)
		if err := h.runner(r, "coop.example").CatchUp(t.Context()); err != nil {
			return err
		}
		for _, node := range []string{"mail1", "mail2"} {
			if on[node], err = (accountBook{caughtUp{h.models}}).AccountsOn(t.Context(), domain.Mail, node, "", 100); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(on["mail1"]) != 2 || len(on["mail2"]) != 4 {
		t.Fatalf("they are on %v, %v", on, err)
	}
	at := []string{"--services", g.Services}
	out, code := said(t, g, "", append(at, "drift", "--json")...)
	var reports []driftReport
	if err := json.Unmarshal([]byte(out), &reports); err != nil || code != exitDone {
		t.Fatal(out, err)
	}
	there := map[string]int{}
	for _, report := range reports {
		there[report.Target] = report.Check.There
		if len(report.Drift) > 0 {
			t.Errorf("%+v", report.Drift)
		}
	}
	if there["mail1"] != 2 || there["mail2"] != 4 {
		t.Errorf("there are %v", there)
	}
	out, code = said(t, g, "", append(at, "targets", "capacity", "--json")...)
	var all []processes.Capacity
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitDone {
		t.Fatal(out, err)
	}
	for _, c := range all {
		if want := there[c.Target]; c.Node && (c.Accounts != want || c.Committed != domain.Bytes(want)*domain.GB || c.Free() != 0 || c.Growth != nil) {
			t.Errorf("%+v, want %d", c, want)
		}
	}
	if out, code := said(t, g, "", append(at, "accounts", "move", string(on["mail1"][0]), "--to", "mail2", "--reason", "why")...); code != exitRefused || !strings.Contains(out, "no room") {
		t.Error(code, out)
	}
	if out, code := said(t, g, "", append(at, "accounts", "drain", "mail1", "--reason", "why")...); code != exitRefused || !strings.Contains(out, "drain: true") {
		t.Error(code, out)
	}
}

// tablesOf makes empty tables for mail servers to read.
func tablesOf(t *testing.T) (at mailtest.Tables, path string) {
	t.Helper()
	at, path = mailtest.SQLite(t)
	db, err := mail.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := mail.Open(t.Context(), db, mail.SQLite)
	if err = errors.Join(err, boxes.Close()); err != nil {
		t.Fatal(err)
	}
	return at, path
}

// dovecots are two of them over tables of their own, and mail servers before both, in a
// file of services.
func dovecots(t *testing.T, g *Globals) (first, second, front *mailtest.Server) {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "doveadm.key")
	var servers []*mailtest.Server
	var nodes, places string
	for i, room := range []string{"20 GB", "10 GB"} {
		at, path := tablesOf(t)
		s := mailtest.StartDovecot(t, at)
		servers = append(servers, s)
		nodes += fmt.Sprintf("    - name: mail%d\n      bytes: %s\n      mailboxes: \"sqlite:%s\"\n      doveadm: {url: %q, key_file: %q, store: %q, dsync: %q}\n",
			i+1, room, path, s.Doveadm, key, s.Store(), s.Dsync)
		_, imap, _ := net.SplitHostPort(s.IMAP)
		_, lmtp, _ := net.SplitHostPort(s.LMTP)
		places += fmt.Sprintf("          mail%d: {host: mail.coop.example, address: 127.0.0.1, imap: %s, lmtp: %s}\n", i+1, imap, lmtp)
	}
	at, path := tablesOf(t)
	g.Services = filepath.Join(dir, "services.yaml")
	text := "mail:\n  mirrors:\n    - name: front\n      front:\n        database: \"sqlite:" + path + "\"\n        nodes:\n" + places + "  nodes:\n" + nodes
	for path, text := range map[string]string{key: mailtest.DoveadmKey + "\n", g.Services: text} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return servers[0], servers[1], mailtest.StartFront(t, at, servers...)
}

// TestMailboxIsMovedBetweenDovecots by the command line, with all that is in it, while
// mail goes on coming: whoever comes is led to where it is.
func TestMailboxIsMovedBetweenDovecots(t *testing.T) {
	g := founded(t, 2)
	first, second, front := dovecots(t, g)
	const password = "trois ou quatre mots"
	var account, other listedAccount
	var device string
	err := withServices(t.Context(), g, quiet(), func(h *house, services *services) (err error) {
		if err := h.runner(h.reconciler(services), "coop.example").CatchUp(t.Context()); err != nil {
			return err
		}
		out, _ := said(t, g, "", "--services", g.Services, "accounts", "--json")
		var all []listedAccount
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(a listedAccount) bool { return a.Service != domain.Mail })
		account, other = all[0], all[1]
		creds := processes.Credentials{Store: h.store, Targets: services.targets}
		if err := creds.SetPassword(asCLI(t.Context()), account.ID, password); err != nil {
			return err
		}
		device, _, err = creds.NewAppPassword(asCLI(t.Context()), account.ID, "telephone", "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	login := string(account.Login)
	in := func(s *mailtest.Server, password string) *mailtest.Mailbox {
		t.Helper()
		m, err := s.LogIn(login, password)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		return m
	}
	until := func(box *mailtest.Mailbox, want int) {
		t.Helper()
		for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			box.Do(t, "NOOP")
			if n, _ := box.Holds(t); n >= want {
				return
			} else if time.Since(begun) > time.Minute {
				t.Fatalf("of %d messages %d arrive", want, n)
			}
		}
	}
	var subjects []string
	send := func(n int) {
		t.Helper()
		for range n {
			subject := fmt.Sprintf("number %d", len(subjects))
			if err := front.Send(login, subject, 5000); err != nil && !strings.Contains(err.Error(), "450 4.2.1") {
				t.Fatal(err)
			} else if err == nil {
				subjects = append(subjects, subject)
			}
			// Postfix keeps in mind, for 30 seconds, where mail for the last of all goes.
			if err := front.Send(string(other.Login), subject, 100); err != nil {
				t.Fatal(err)
			}
		}
	}
	box := in(front, password)
	send(5)
	until(box, 5)
	for _, command := range []string{"CREATE Work", "SUBSCRIBE Work", "SELECT INBOX", `STORE 1 +FLAGS (\Seen)`, "COPY 1:2 Work", "NOOP"} {
		box.Do(t, command)
	}
	want := box.Contents(t)
	if boxes := second.Boxes(t); len(boxes) > 0 {
		t.Errorf("where nothing is there is %q", boxes)
	}

	moved := make(chan string)
	go func() {
		out, code := said(t, g, "", "--services", g.Services, "accounts", "move", string(account.ID), "--to", "mail2", "--reason", "the disk is full")
		moved <- fmt.Sprint(code, out)
	}()
	for going := true; going; {
		select {
		case out := <-moved:
			if going = false; !strings.HasPrefix(out, "0") || !strings.Contains(out, "is on mail2.") {
				t.Fatal(out)
			}
		case <-time.After(30 * time.Millisecond):
			send(1)
		}
	}
	send(3)
	for begun := time.Now(); box.Alive(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("her session goes on where the mailbox was")
		}
	}
	for _, p := range []string{password, device} {
		box = in(front, p)
		until(box, len(subjects))
	}
	is := box.Subjects(t)
	if slices.Sort(is); !slices.Equal(is, slices.Sorted(slices.Values(subjects))) {
		t.Errorf("sent is\n%q, and there is\n%q", subjects, is)
	}
	for _, line := range want {
		if !strings.HasPrefix(line, "* STATUS INBOX") && !slices.Contains(in(second, password).Contents(t), line) {
			t.Errorf("moved, there is no %s", line)
		}
	}
	if _, err := first.LogIn(login, password); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("where it was: %v", err)
	}
	if boxes := first.Boxes(t); len(boxes) != 1 { // the other's
		t.Errorf("where it was there is still %q", boxes)
	}
	if err := front.Submit(login, device, login, login, "to herself"); err != nil {
		t.Error(err)
	}
	until(box, len(subjects)+1)
	if err := front.Submit(login, "guessed", login, login, "guessed"); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("who guesses may send: %v", err)
	}
	if _, err := front.LogIn(login, "guessed"); !errors.Is(err, mailtest.ErrRefused) {
		t.Errorf("who guesses is let in: %v", err)
	}
	if out, code := said(t, g, "", "--services", g.Services, "drift", "--json"); code != exitDone || strings.Contains(out, `"kind"`) {
		t.Errorf("there is drift: %d, %s", code, out)
	}

	// And back, by programs that are killed: the first when something has been copied, the
	// second when nobody gets in any more.
	want = in(second, password).Contents(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	comes := func(what string, so func() bool) {
		t.Helper()
		for ; !so(); time.Sleep(time.Millisecond) {
			if ctx.Err() != nil {
				t.Fatalf("within five minutes it does not come to be that %s", what)
			}
		}
	}
	begun := exec.Command("rochdale", "--data", g.Data, "--services", g.Services, "accounts", "move", string(account.ID), "--to", "mail1", "--reason", "there is room again")
	if err := begun.Start(); err != nil {
		t.Fatal(err)
	}
	comes("something is copied", func() bool { return len(first.Boxes(t)) > 1 })
	_ = begun.Process.Kill()
	_ = begun.Wait()
	n := (&settlement{Globals: *g}).node(t, g.Data)
	n.args = append(n.args, "--services", g.Services)
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	lets := func(s *mailtest.Server) bool {
		m, err := s.LogIn(login, password)
		if err == nil {
			m.Close()
		}
		return err == nil
	}
	comes("nobody gets in", func() bool { return !lets(second) })
	n.kill()
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	comes("it is where it was", func() bool { return len(second.Boxes(t)) == 0 && lets(front) })
	if is := in(front, password).Contents(t); !slices.Equal(is, want) {
		t.Errorf("moved back, there is\n%s\nand not\n%s", strings.Join(is, "\n"), strings.Join(want, "\n"))
	}
	n.stop(t)
}

// TestCapacityIsShown in the reader's words.
func TestCapacityIsShown(t *testing.T) {
	used, growth := 150*domain.GB, domain.GB
	days := []processes.UsageTotal{{Used: 100 * domain.GB}, {Used: 125 * domain.GB}, {Used: used}}
	all := []processes.Capacity{
		{Target: "mail1", Node: true, Bytes: 300 * domain.GB, Most: 450 * domain.GB, NodeLoad: processes.NodeLoad{Accounts: 1200, Committed: 400 * domain.GB}, MostAccounts: 5000, Used: &used, Growth: &growth, FullOn: calendar.On(2027, time.March, 7), Days: days},
		{Target: "mail2", Node: true, Bytes: 300 * domain.GB, Most: 300 * domain.GB},
		{Target: "directory", Used: &used, Days: days},
	}
	for lang, wants := range map[domain.Language][]string{
		domain.English: {"at this growth mail1 is full in March 2027", "mail2: less than two weeks were measured", "█████░░░░░", "▁▄█", "1,200/5,000"},
		domain.French:  {"à ce rythme, mail1 est plein en mars 2027"},
		domain.Dutch:   {"in dit tempo is mail1 vol in maart 2027"},
		domain.German:  {"bei diesem Wachstum ist mail1 voll im März 2027"},
	} {
		var out bytes.Buffer
		showCapacity(&out, lang, all)
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", lang, want, out.String())
			}
		}
	}
}
