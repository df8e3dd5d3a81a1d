package mail_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/mail"
	"rochdale/domain/provisioning"
	"rochdale/internal/mailtest"
)

// station is one of two Dovecots between which mailboxes move.
type station struct {
	*tables
	server *mailtest.Server
}

func (s station) source() provisioning.Source {
	return provisioning.Source{Node: "the other", At: s.Mailboxes}
}

// stations returns two of them, over tables of their own.
func stations(t *testing.T, over ...func(*testing.T) *tables) (first, second station) {
	t.Helper()
	for i, s := range []*station{&first, &second} {
		s.tables = over[i](t)
		s.server = mailtest.StartDovecot(t, s.at)
		s.Tell(doveadm(s.server))
	}
	return first, second
}

// on is a wish on another station, where it is withheld until it is moved.
func (w *wish) on(s station) *wish {
	other := &wish{s.tables, w.Desired}
	other.Access, other.Inbound = provisioning.Suspended, provisioning.Defer
	return other
}

// hold keeps everybody out.
func (w *wish) hold(t testing.TB) {
	t.Helper()
	w.Access, w.Inbound = provisioning.Suspended, provisioning.Defer
	w.do(t, w.Suspend)
	w.do(t, w.SetInbound)
}

// release lets everybody in.
func (w *wish) release(t testing.TB) {
	t.Helper()
	w.Access, w.Inbound = provisioning.Active, provisioning.Accept
	w.do(t, w.Resume)
	w.do(t, w.SetInbound)
}

func (s station) in(t testing.TB, login, password string) *mailtest.Mailbox {
	t.Helper()
	m, err := s.server.LogIn(login, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func (s station) deliver(t testing.TB, to string, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		taken(t, s.server.Deliver(to, subject, 2000))
	}
}

func same(t testing.TB, what string, is, want []string) {
	t.Helper()
	if !slices.Equal(is, want) {
		t.Errorf("%s there is\n%s\nand not\n%s", what, strings.Join(is, "\n"), strings.Join(want, "\n"))
	}
}

// TestMove moves a mailbox to another Dovecot and back, while mail goes on arriving and
// its holder goes on working.
func TestMove(t *testing.T) {
	t.Parallel()
	for name, over := range map[string][]func(*testing.T) *tables{"postgresql and sqlite": {onPostgreSQL, onSQLite}, "sqlite and mariadb": {onSQLite, onMariaDB}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := stations(t, over...)
			testMove(t, first, second)
		})
	}
}

func testMove(t *testing.T, first, second station) {
	anna, bert := first.wish("anna", "account-1"), first.wish("bert", "account-2")
	anna.Aliases = []provisioning.Login{"a.lee@" + mailtest.Domain}
	for _, w := range []*wish{anna, bert} {
		w.do(t, w.Ensure)
		w.lets(t, bcrypted(t, oldPassword))
		first.deliver(t, w.login(), "one", "two", "three", "four")
	}
	device := provisioning.AppPassword{ID: "abcdefgh", Name: "telephone", Created: time.Unix(1_700_000_000, 0).UTC()}
	const secret = "abcdefgh-ijkl-mnop"
	taken(t, first.AddAppPassword(t.Context(), anna.Ref, device, bcrypted(t, secret)))
	device.Used = time.Unix(1_750_000_000, 0).UTC()
	first.exec(t, `insert into mail_app_use (id, used_at) values ($1, $2)`, device.ID, device.Used.Unix())
	box := first.in(t, anna.login(), oldPassword)
	for _, command := range []string{
		"CREATE Work", "CREATE Work/2026", "SUBSCRIBE Work/2026", `CREATE "a*b"`, `SUBSCRIBE "a*b"`, "SELECT INBOX", `STORE 1 +FLAGS (\Seen \Flagged $Label1)`, `STORE 2 +FLAGS (\Deleted)`,
		"EXPUNGE", "COPY 1 Work/2026", `COPY 2:3 "a*b"`, "UNSUBSCRIBE Trash",
	} {
		box.Do(t, command)
	}
	bertsContents := first.in(t, bert.login(), oldPassword).Contents(t)

	t.Log("Most is copied while she goes on.")
	there := anna.on(second)
	there.do(t, there.Ensure)
	takeOver := func(w *wish, from station) error {
		return w.TakeOver(t.Context(), w.Desired, from.source())
	}
	taken(t, takeOver(there, first))
	refused(t, second.server.Deliver(anna.login(), "too early", 100), "451")
	_, err := second.server.LogIn(anna.login(), oldPassword)
	refused(t, err, "Mailbox is being moved")
	if !box.Alive() {
		t.Error("her session is ended")
	}
	first.deliver(t, anna.login(), "meanwhile")
	for _, command := range []string{
		`RENAME "a*b" c`, `UNSUBSCRIBE "a*b"`, "SELECT INBOX", `STORE 3 +FLAGS (\Answered)`, `STORE 1 -FLAGS (\Flagged)`, "COPY 4 c", "MOVE 2 Work", "CREATE Empty", "DELETE Work/2026",
	} {
		box.Do(t, command)
	}
	want := box.Contents(t)

	t.Log("Then nobody gets in, and nothing is lost.")
	anna.hold(t)
	eventually(t, "her session is ended", func() bool { return !box.Alive() })
	refused(t, first.server.Deliver(anna.login(), "while it is moved", 100), "451")
	there.Revision = anna.Revision
	for range 2 {
		taken(t, takeOver(there, first))
	}
	before, err := first.Usage(t.Context(), []provisioning.Ref{anna.Ref})
	taken(t, err)
	after, err := second.Usage(t.Context(), []provisioning.Ref{anna.Ref})
	if err != nil || *after[0].Used != *before[0].Used || *after[0].Used < 8000 {
		t.Errorf("of %d bytes there are %d, %v", *before[0].Used, *after[0].Used, err)
	}

	t.Log("She finds all as it was, and what came late.")
	there.release(t)
	box = second.in(t, anna.login(), oldPassword)
	same(t, "moved,", box.Contents(t), want)
	for _, command := range []string{"SELECT INBOX", `STORE 3 -FLAGS (\Answered)`, "RENAME Work Works", `STORE 2 +FLAGS (\Deleted)`, "EXPUNGE"} {
		box.Do(t, command)
	}
	second.deliver(t, anna.login(), "soon")
	first.exec(t, `update mail_account set inbound = 'accept' where login = $1`, anna.login())
	first.deliver(t, anna.login(), "late") // as one does that had begun before
	for range 2 {
		taken(t, there.Glean(t.Context(), anna.Desired, first.source()))
	}
	box.Do(t, "NOOP")
	if subjects := box.Subjects(t); !slices.Equal(slices.Sorted(slices.Values(subjects)), []string{"late", "meanwhile", "one", "soon"}) { // whose order is Dovecot's
		t.Errorf("there is %q", subjects)
	}
	want = box.Contents(t)
	anna.do(t, first.Delete)
	taken(t, there.Glean(t.Context(), anna.Desired, first.source()))
	taken(t, first.Purge(t.Context(), anna.Desired))
	_, err = first.server.LogIn(anna.login(), oldPassword)
	refused(t, err, "AUTHENTICATIONFAILED")
	same(t, "after that,", box.Contents(t), want)
	if all, err := second.AppPasswords(t.Context(), anna.Ref); err != nil || !slices.Equal(all, []provisioning.AppPassword{device}) {
		t.Errorf("%+v, %v", all, err)
	}
	second.in(t, anna.login(), secret)
	var devices []provisioning.AppPassword
	eventually(t, "it is told that she got in by it", func() bool {
		devices, err = second.AppPasswords(t.Context(), anna.Ref)
		return err == nil && len(devices) == 1 && devices[0].Used.After(device.Used)
	})
	if is, err := second.Observe(t.Context(), anna.Ref); err != nil || !slices.Equal(is.Aliases, anna.Aliases) || *is.Quota != anna.Quota {
		t.Errorf("%+v, %v", is, err)
	}
	second.deliver(t, anna.login(), "after")
	if subjects := box.Subjects(t); len(subjects) != 5 || subjects[4] != "after" {
		t.Errorf("there is %q", subjects)
	}
	if err := takeOver(there, first); !isA(err, fault.Transient) {
		t.Errorf("what is not there any more is taken over: %v", err)
	}
	same(t, "of another", first.in(t, bert.login(), oldPassword).Contents(t), bertsContents)

	t.Log("And back, with addresses that were entered by hand.")
	second.exec(t, `insert into mail_alias (alias, login) values ('by.hand@coop.example', $1)`, anna.login())
	want = box.Contents(t)
	anna = there.on(first)
	anna.Aliases = nil
	anna.do(t, anna.Ensure)
	there.Revision = anna.Revision
	there.hold(t)
	anna.Revision = there.Revision
	taken(t, takeOver(anna, second))
	anna.release(t)
	there.do(t, there.Delete)
	same(t, "moved back,", first.in(t, anna.login(), oldPassword).Contents(t), want)
	if is, err := first.Observe(t.Context(), anna.Ref); err != nil || !slices.Equal(is.Aliases, []provisioning.Login{"a.lee@coop.example", "by.hand@coop.example"}) {
		t.Errorf("%+v, %v", is, err)
	}
	if all, err := first.AppPasswords(t.Context(), anna.Ref); err != nil || !slices.Equal(all, devices) {
		t.Errorf("%+v, %v, want %+v", all, err, devices)
	}
	if err := takeOver(anna, second); !isA(err, fault.Transient) {
		t.Error(err)
	}
	there.on(second).do(t, second.Ensure)
	if err := takeOver(anna, second); fault.CodeOf(err) != "stale" {
		t.Errorf("an account in use is overwritten: %v", err)
	}
	same(t, "still", first.in(t, anna.login(), oldPassword).Contents(t), want)
}

// cut is a way to a server that breaks after so many bytes have come back.
func cut(t testing.TB, to string, after int64) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer server.Close()
				go func() { _, _ = io.Copy(server, client) }()
				_, _ = io.CopyN(client, server, after)
			}()
		}
	}()
	return l.Addr().String()
}

// TestMoveInTrouble: whatever happens to a move, it comes to a good end.
func TestMoveInTrouble(t *testing.T) {
	t.Parallel()
	first, second := stations(t, onPostgreSQL, onSQLite)
	t.Run("it is cut", func(t *testing.T) { testMoveIsCut(t, first, second) })
	t.Run("the copy is tampered with", func(t *testing.T) { testMoveComparesAll(t, first, second) })
}

// testMoveIsCut cuts at many places, on the way between the Dovecots and on ours to one: it
// fails as what is tried again, harms nothing, and goes on.
func testMoveIsCut(t *testing.T, first, second station) {
	anna := first.wish("anna", "account-1")
	anna.do(t, anna.Ensure)
	anna.lets(t, bcrypted(t, oldPassword))
	for range 30 {
		taken(t, first.server.Deliver(anna.login(), "many", 20_000))
	}
	box := first.in(t, anna.login(), oldPassword)
	for _, command := range []string{"CREATE Work", "SELECT INBOX", "COPY 1:20 Work", `STORE 1:10 +FLAGS (\Seen)`, `STORE 5 +FLAGS (\Deleted)`, "EXPUNGE"} {
		box.Do(t, command)
	}
	want := box.Contents(t)
	anna.hold(t)
	there := anna.on(second)
	there.do(t, there.Ensure)
	for _, after := range []int64{0, 10, 300, 2_000, 50_000, 200_000, 500_000} {
		broken := doveadm(first.server)
		broken.Dsync = "tcp:" + cut(t, strings.TrimPrefix(first.server.Dsync, "tcp:"), after)
		first.Tell(broken)
		if err := there.TakeOver(t.Context(), there.Desired, first.source()); !isA(err, fault.Transient) {
			t.Errorf("between them after %d bytes: %v", after, err)
		}
	}
	first.Tell(doveadm(first.server))
	for _, after := range []int64{0, 200} {
		broken := doveadm(second.server)
		broken.URL = "http://" + cut(t, strings.TrimPrefix(second.server.Doveadm, "http://"), after)
		second.Tell(broken)
		if err := there.TakeOver(t.Context(), there.Desired, first.source()); !isA(err, fault.Transient) {
			t.Errorf("to one after %d bytes: %v", after, err)
		}
	}
	second.Tell(doveadm(second.server))
	ended, end := context.WithCancel(t.Context())
	end()
	if err := there.TakeOver(ended, there.Desired, first.source()); !isA(err, fault.Transient) {
		t.Errorf("stopped: %v", err)
	}
	taken(t, there.TakeOver(t.Context(), there.Desired, first.source()))
	there.release(t)
	same(t, "after all,", second.in(t, anna.login(), oldPassword).Contents(t), want)
}

// testMoveComparesAll: what differs in anything is not whole, and is copied anew where
// Dovecot cannot make it the same.
func testMoveComparesAll(t *testing.T, first, second station) {
	others := len(second.server.Boxes(t))
	anna := first.wish("anne", "account-2")
	anna.do(t, anna.Ensure)
	anna.lets(t, bcrypted(t, oldPassword))
	first.deliver(t, anna.login(), "one", "two", "three")
	box := first.in(t, anna.login(), oldPassword)
	for _, command := range []string{"CREATE Work", "CREATE Old", "SUBSCRIBE Work", "SELECT INBOX", "COPY 1 Work"} {
		box.Do(t, command)
	}
	want := box.Contents(t)
	anna.hold(t)
	there := anna.on(second)
	there.do(t, there.Ensure)
	again := func() error { return there.TakeOver(t.Context(), there.Desired, first.source()) }
	taken(t, again())
	boxes := map[string]bool{second.boxOf(t, anna): true}
	for name, tamper := range map[string]struct {
		command string
		params  map[string]any
	}{
		"a flag":              {"flagsAdd", map[string]any{"flag": []string{`\Seen`}, "query": []string{"mailbox", "INBOX", "uid", "2"}}},
		"a message that went": {"expunge", map[string]any{"query": []string{"mailbox", "INBOX", "uid", "2"}}},
		"a further message":   {"copy", map[string]any{"destinationMailbox": "Work", "query": []string{"mailbox", "INBOX", "uid", "1"}}},
		"a further folder":    {"mailboxCreate", map[string]any{"mailbox": []string{"Strange"}}},
		"a folder that went":  {"mailboxDelete", map[string]any{"mailbox": []string{"Old"}}},
		"a folder's UIDs":     {"mailboxUpdate", map[string]any{"mailbox": "Work", "uidValidity": 77}},
	} {
		tamper.params["user"] = anna.login()
		if err := mail.Do(t.Context(), doveadm(second.server), tamper.command, tamper.params); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := mail.Differs(t.Context(), doveadm(second.server), doveadm(first.server), anna.Login); fault.CodeOf(err) != "not_whole" {
			t.Errorf("%s is not seen: %v", name, err)
		}
		taken(t, again())
		taken(t, mail.Differs(t.Context(), doveadm(second.server), doveadm(first.server), anna.Login))
		boxes[second.boxOf(t, anna)] = true
	}
	if len(boxes) < 2 {
		t.Error("Dovecot could mend all, and the test shows nothing of copying anew")
	}
	if n := len(second.server.Boxes(t)) - others; n != 1 {
		t.Errorf("of the boxes that were given up %d are left", n-1)
	}
	there.release(t)
	same(t, "after all,", second.in(t, anna.login(), oldPassword).Contents(t), want)
}

func (s *tables) boxOf(t testing.TB, w *wish) (box string) {
	t.Helper()
	if err := s.db.QueryRowContext(t.Context(), `select box from mail_account where login = $1`, w.Login).Scan(&box); err != nil {
		t.Fatal(err)
	}
	return box
}

// TestWhatIsNotTaken says why.
func TestWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	s, other := open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")}), open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")})
	theirs := other.wish("bert", "account-9")
	theirs.do(t, other.Ensure)
	told := &mail.Doveadm{URL: "http://127.0.0.1:1", Key: func() (string, error) { return "", errors.New("no key") }}
	refuses := func(from any, says string) {
		t.Helper()
		if err := s.Takes(provisioning.Source{Node: "mail1", At: from}); !isA(err, fault.Unsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want one that says %q", err, says)
		}
	}
	refuses(struct{}{}, "over tables of ours")
	refuses(other.Mailboxes, "told nothing")
	s.Tell(told)
	refuses(other.Mailboxes, "mail1")
	other.Tell(told)
	refuses(other.Mailboxes, "dsync")
	other.Tell(&mail.Doveadm{Dsync: "tcp:127.0.0.1:1"})
	taken(t, s.Takes(provisioning.Source{Node: "mail1", At: other.Mailboxes}))
	for name, w := range map[string]*wish{"what is not there": s.wish("anna", "account-1"), "another's": s.wish("bert", "account-2")} {
		if err := s.TakeOver(t.Context(), w.Desired, provisioning.Source{Node: "mail1", At: other.Mailboxes}); fault.CodeOf(err) != "missing" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFront is tables that say where mailboxes are.
func TestFront(t *testing.T) {
	onAll(t, func(t *testing.T, s *tables) {
		fronts(t, s, open(t, &tables{path: filepath.Join(t.TempDir(), "mail", "mailboxes.db")}))
		leads(t, s)
	})
}

// fronts has tables say where mailboxes are that tables of a node have.
func fronts(t *testing.T, s, node *tables) {
	t.Helper()
	dialect := s.dialect()
	places := map[string]mail.Place{"mail1": {Host: "mail1.coop.example", Address: "10.0.0.2"}, "mail2": {Host: "mail2.coop.example", IMAP: 1993, LMTP: 1024}}
	var err error
	for range 2 {
		s.Mailboxes, err = mail.OpenFront(t.Context(), s.db, dialect, places)
		taken(t, err)
	}
	s.Before("mail1", node.Mailboxes)
	anna := s.wish("anna", "account-1")
	there := &wish{node, anna.Desired}
	there.do(t, there.Ensure)
	there.lets(t, bcrypted(t, oldPassword))
	taken(t, there.AddAppPassword(t.Context(), anna.Ref, provisioning.AppPassword{ID: "abcdefgh", Name: "telephone", Created: time.Unix(1_700_000_000, 0)}, bcrypted(t, "abcdefgh-ijkl")))
	leads := func(node, want string) {
		t.Helper()
		is, err := s.Observe(t.Context(), anna.Ref)
		if err != nil || is.Node == nil || *is.Node != node || is.Used != nil {
			t.Errorf("%+v, %v, want one on %q", is, err, node)
		}
		var way string
		quoted := strings.ReplaceAll(string(anna.Login), "'", "''")
		query := `select transport from mail_route where login = '` + quoted + `'`
		if err := s.db.QueryRowContext(t.Context(), query).Scan(&way); err != nil || way != want {
			t.Errorf("to it leads %q, %v, want %q", way, err, want)
		}
	}
	anna.do(t, s.Ensure)
	leads("", "retry:4.3.0 The mailbox is on no server yet")
	if all, err := s.AppPasswords(t.Context(), anna.Ref); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	anna.Node = "mail1"
	anna.do(t, s.Ensure)
	leads("mail1", "lmtp:inet:[10.0.0.2]:24")
	if all, err := s.AppPasswords(t.Context(), anna.Ref); err != nil || len(all) != 1 || all[0].Name != "telephone" {
		t.Errorf("by what she gets in is not known before the node: %+v, %v", all, err)
	}
	anna.do(t, s.SetQuota)
	anna.Node = "mail2"
	anna.do(t, s.Ensure)
	leads("mail2", "lmtp:inet:[mail2.coop.example]:1024")
	stale := *anna
	stale.Revision, stale.Node = 1, "mail1"
	if _, err := s.Ensure(t.Context(), stale.Desired); fault.CodeOf(err) != "stale" {
		t.Errorf("a wish that was overtaken leads elsewhere: %v", err)
	}
	leads("mail2", "lmtp:inet:[mail2.coop.example]:1024")
	if can := s.Capabilities(); can.Usage || can.Purges || can.Moves {
		t.Errorf("without mail it can %+v", can)
	}
	if err := s.Takes(provisioning.Source{Node: "mail1", At: node.Mailboxes}); !isA(err, fault.Unsupported) {
		t.Errorf("mail is moved to where there is none: %v", err)
	}
	anna.do(t, s.Delete)
	if n, err := s.Unremoved(t.Context(), -time.Hour); err != nil || n != 0 {
		t.Errorf("of mail that is not there %d boxes are to be removed, %v", n, err)
	}
	for _, wrong := range []mail.Place{{}, {Host: "a b"}, {Host: "x", Address: "]:25"}, {Host: "x", LMTP: -1}} {
		if _, err := mail.OpenFront(t.Context(), s.db, dialect, map[string]mail.Place{"mail1": wrong}); err == nil {
			t.Errorf("%+v is a place", wrong)
		}
	}
}

// leads has mail servers stand before a node, by tables that say where mailboxes are.
func leads(t *testing.T, s *tables) {
	t.Helper()
	node := onSQLite(t)
	behind := mailtest.StartDovecot(t, node.at)
	place := mail.Place{Host: "mail." + mailtest.Domain, Address: "127.0.0.1"}
	for address, port := range map[string]*int{behind.IMAP: &place.IMAP, behind.LMTP: &place.LMTP} {
		_, text, err := net.SplitHostPort(address)
		taken(t, err)
		*port, err = strconv.Atoi(text)
		taken(t, err)
	}
	var err error
	s.Mailboxes, err = mail.OpenFront(t.Context(), s.db, s.dialect(), map[string]mail.Place{"mail1": place})
	taken(t, err)
	front := mailtest.StartFront(t, s.at, behind)
	const device = "bcdefghi-jklm-nopq"
	bert := s.wish("bert", "account-2")
	there := &wish{node, bert.Desired}
	there.do(t, there.Ensure)
	bert.do(t, s.Ensure)
	carla := s.wish("carla", "account-3")
	carla.do(t, s.Ensure)
	for _, w := range []*wish{there, bert} {
		w.lets(t, bcrypted(t, oldPassword))
		taken(t, w.AddAppPassword(t.Context(), bert.Ref, provisioning.AppPassword{ID: device[:8], Name: "telephone", Created: time.Unix(1_700_000_000, 0)}, bcrypted(t, device)))
	}
	refuses := func(password, says string) {
		t.Helper()
		_, err := front.LogIn(bert.login(), password)
		refused(t, err, says)
	}
	refuses(oldPassword, "AUTHENTICATIONFAILED")                                     // there is no node to lead to
	refused(t, front.Send(carla.login(), "before it is anywhere", 100), "450 4.3.0") // which Postfix keeps in mind
	refused(t, front.Send("nobody@"+mailtest.Domain, "to nobody", 100), "550 5.1.1")
	bert.Node = "mail1"
	bert.do(t, s.Ensure)
	taken(t, front.Send(bert.login(), "led on", 100))
	for _, password := range []string{oldPassword, device} {
		taken(t, front.Submit(bert.login(), password, bert.login(), bert.login(), "sent by "+password))
		box, err := front.LogIn(bert.login(), password)
		taken(t, err)
		t.Cleanup(box.Close)
		eventually(t, "all is there", func() bool {
			return slices.Contains(box.Subjects(t), "led on") && slices.Contains(box.Subjects(t), "sent by "+password)
		})
	}
	refuses("guessed", "AUTHENTICATIONFAILED")
	refused(t, front.Submit(bert.login(), "guessed", bert.login(), bert.login(), "guessed"), "535")
	bert.Inbound = provisioning.Reject
	bert.do(t, s.SetInbound)
	refused(t, front.Send(bert.login(), "closed", 100), "550 5.2.1")
	bert.do(t, s.Suspend)
	refused(t, front.Submit(bert.login(), device, bert.login(), bert.login(), "suspended"), "535")
}
