package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rochdale/internal/mailtest"
)

// postbox takes mail by SMTP and hands each on as to whom and what.
func postbox(t *testing.T) (address string, mails <-chan [2]string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	all := make(chan [2]string, 1000)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go receive(conn, all)
		}
	}()
	return l.Addr().String(), all
}

func receive(conn net.Conn, all chan<- [2]string) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 postbox")
	var to string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch command := strings.ToUpper(strings.TrimSpace(line)); {
		case strings.HasPrefix(command, "RCPT TO:"):
			to = strings.Trim(strings.Fields(line[len("RCPT TO:"):])[0], "<>")
			say("250 ok")
		case command == "DATA":
			say("354 go on")
			text, err := textproto.NewReader(r).ReadDotBytes() // which takes away the dot that was put before another
			if err != nil {
				return
			}
			m, err := mail.ReadMessage(bytes.NewReader(text))
			if err != nil {
				say("554 no message")
				continue
			}
			var body io.Reader = m.Body
			if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
				body = quotedprintable.NewReader(m.Body)
			}
			read, err := io.ReadAll(body)
			if err != nil {
				say("554 no message")
				continue
			}
			all <- [2]string{to, string(read)}
			say("250 taken")
		case command == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// TestWelcome has a member follow the link in the mail that welcomes them, set the
// password of their mailbox, and read mail by it.
func TestWelcome(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	address, mails := postbox(t)
	tables, path := mailtest.SQLite(t)
	c := settle(t, Globals{Data: t.TempDir()}, 12, toTheBill)
	n := c.node(t, c.Data)
	n.args = append(n.args, "--mailboxes", "sqlite:"+path, "--smtp", "smtp+plain://"+address, "--mail-from", "office@coop.example",
		"--imap", "imap.coop.example", "--submission", "smtp.coop.example")
	if err := n.start(ctx); err != nil {
		t.Fatal(err)
	}
	server := mailtest.StartDovecot(t, tables)
	var login, link, welcome string
	for inside := false; !inside || link == ""; {
		select {
		case m := <-mails:
			switch found := regexp.MustCompile(`(?s)(\S+@coop\.example).*(http\S+/sign-in/rocl_\S+)`).FindStringSubmatch(m[1]); {
			case strings.HasSuffix(m[0], "@coop.example"):
				inside = inside || m[0] == login || login == ""
				if login == "" {
					login = m[0]
				}
			case found != nil && strings.Contains(m[1], "imap.coop.example:993") && (login == "" || found[1] == login):
				login, link, welcome = found[1], found[2], m[1]
			}
		case <-ctx.Done():
			t.Fatalf("nobody is welcomed: %q, %q", login, link)
		}
	}
	if !strings.Contains(welcome, "smtp.coop.example:465") || !strings.Contains(welcome, n.url+"/services") {
		t.Errorf("the mail says %s", welcome)
	}

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	page := func(method, to string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, text := page(http.MethodPost, link, nil); status != 200 || !strings.Contains(text, "url=/services") {
		t.Fatalf("by the link: %d %s", status, text)
	}
	if status, _ := page(http.MethodPost, link, nil); status != http.StatusForbidden {
		t.Errorf("by the link again: %d", status)
	}
	_, text := page(http.MethodGet, n.url+"/services", nil)
	action := regexp.MustCompile(`action="(/services/mail[^"]+/password)"`).FindStringSubmatch(text)
	if action == nil || !strings.Contains(text, login) {
		t.Fatalf("there is no mailbox: %s", text)
	}
	const password = "trois ou quatre mots"
	if status, text := page(http.MethodPost, n.url+action[1], url.Values{"password": {password}}); status != 200 {
		t.Fatalf("the password: %d %s", status, text)
	}
	box, err := server.LogIn(login, password)
	if err != nil {
		t.Fatal(err)
	}
	box.Close()

	// What is set up by itself is the same.
	if _, text := page(http.MethodGet, n.url+"/mail/config-v1.1.xml?emailaddress="+url.QueryEscape(login), nil); !strings.Contains(text, "<hostname>imap.coop.example</hostname>") {
		t.Errorf("autoconfig: %s", text)
	}
}
