package mailtest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ErrRefused is the error of a login by a wrong name or password, or of one who is
// suspended, and of a message that is not taken.
var ErrRefused = errors.New("mailtest: refused")

// Mailbox is a session of somebody who is logged in by IMAP.
type Mailbox struct {
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// dial connects to IMAP, and reads the greeting.
func (s *Server) dial() (*Mailbox, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.IMAP, s.tls())
	if err != nil {
		return nil, err
	}
	m := &Mailbox{conn: conn, r: bufio.NewReader(conn)}
	greeting, err := m.line()
	if err == nil && !strings.HasPrefix(greeting, "* OK") {
		err = fmt.Errorf("IMAP greets by %q", greeting)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// LogIn logs somebody in by IMAP, or fails by [ErrRefused] and what the server says.
// A server that is not able to tell is asked again, for a while.
func (s *Server) LogIn(login, password string) (*Mailbox, error) {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + login + "\x00" + password))
	return s.logIn(func(m *Mailbox) error {
		_, err := m.do("AUTHENTICATE PLAIN " + plain)
		return err
	})
}

// LogInByToken does the same by a token (RFC 7628) instead of a password.
func (s *Server) LogInByToken(login, token string) (*Mailbox, error) {
	bearer := base64.StdEncoding.EncodeToString([]byte("n,a=" + login + ",\x01auth=Bearer " + token + "\x01\x01"))
	return s.logIn(func(m *Mailbox) error {
		if _, err := io.WriteString(m.conn, "t AUTHENTICATE OAUTHBEARER "+bearer+"\r\n"); err != nil {
			return err
		}
		return m.tokenTaken()
	})
}

func (s *Server) logIn(by func(*Mailbox) error) (m *Mailbox, err error) {
	err = insist("[UNAVAILABLE]", func() error {
		if m, err = s.dial(); err != nil {
			return err
		}
		if err = by(m); err != nil {
			m.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// insist logs in, again and again where the server refuses by saying that it is not able
// to tell, for a while.
func insist(unable string, logIn func() error) error {
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := logIn()
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), unable) || time.Since(begun) >= patience {
			return err
		}
	}
}

// tokenTaken reads whether a token is: of one that is not, the server tells why before
// it is told to go on.
func (m *Mailbox) tokenTaken() error {
	for {
		line, err := m.line()
		if err != nil {
			return err
		}
		switch status, done := strings.CutPrefix(line, "t "); {
		case strings.HasPrefix(line, "+"):
			if _, err := io.WriteString(m.conn, "AQ==\r\n"); err != nil {
				return err
			}
		case done && strings.HasPrefix(status, "OK"):
			return nil
		case done:
			return fmt.Errorf("%w: %s", ErrRefused, status)
		}
	}
}

// Close ends the session.
func (m *Mailbox) Close() { _ = m.conn.Close() }

// line reads a line, with the literals in it.
func (m *Mailbox) line() (string, error) {
	if err := m.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	var text strings.Builder
	for {
		part, err := m.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		text.WriteString(part)
		size := literal.FindStringSubmatch(part)
		if size == nil {
			return strings.TrimSuffix(text.String(), "\r\n"), nil
		}
		n, err := strconv.ParseInt(size[1], 10, 32)
		if err != nil {
			return "", err
		}
		if _, err := io.CopyN(&text, m.r, n); err != nil {
			return "", err
		}
	}
}

var literal = regexp.MustCompile(`\{([0-9]+)\}\r\n$`)

// do gives a command and returns the untagged answers.
func (m *Mailbox) do(command string) (answers []string, err error) {
	m.tag++
	tag := fmt.Sprintf("a%d ", m.tag)
	if _, err := io.WriteString(m.conn, tag+command+"\r\n"); err != nil {
		return nil, err
	}
	for {
		line, err := m.line()
		if err != nil {
			return nil, err
		}
		status, done := strings.CutPrefix(line, tag)
		switch {
		case !done:
			answers = append(answers, line)
		case strings.HasPrefix(status, "OK"):
			return answers, nil
		default:
			return nil, fmt.Errorf("%w: %s", ErrRefused, status)
		}
	}
}

// ask gives a command that is not refused.
func (m *Mailbox) ask(t testing.TB, command string) []string {
	t.Helper()
	answers, err := m.do(command)
	if err != nil {
		t.Fatalf("mailtest: %s: %v", command, err)
	}
	return answers
}

// Do gives a command of IMAP that is not refused.
func (m *Mailbox) Do(t testing.TB, command string) {
	t.Helper()
	m.ask(t, command)
}

// Contents is all that a client keeps in mind of a mailbox: its folders with their
// UIDVALIDITY, which are subscribed, and of each message UID, flags, day and size.
func (m *Mailbox) Contents(t testing.TB) (lines []string) {
	t.Helper()
	for _, line := range m.ask(t, `LSUB "" "*"`) {
		lines = append(lines, line[strings.LastIndex(line, ` "/" `):]+" is subscribed")
	}
	for _, line := range m.ask(t, `LIST "" "*"`) {
		at := strings.LastIndex(line, ` "/" `)
		if strings.Contains(line[:at], `\Noselect`) {
			continue
		}
		name := line[at+len(` "/" `):]
		lines = append(lines, m.ask(t, "STATUS "+name+" (MESSAGES UIDNEXT UIDVALIDITY)")...)
		m.ask(t, "EXAMINE "+name)
		for _, line := range m.ask(t, "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)") {
			if _, told, ok := strings.Cut(line, " FETCH "); ok {
				lines = append(lines, name+": "+strings.ReplaceAll(strings.ReplaceAll(told, ` \Recent`, ""), `\Recent`, ""))
			}
		}
	}
	m.ask(t, "CLOSE")
	slices.Sort(lines)
	return lines
}

// Alive reports whether the session goes on.
func (m *Mailbox) Alive() bool {
	_, err := m.do("NOOP")
	return err == nil
}

// Holds returns how many messages are in the inbox, and of how many bytes.
func (m *Mailbox) Holds(t testing.TB) (messages, size int) {
	t.Helper()
	answers := m.ask(t, "STATUS INBOX (MESSAGES SIZE)")
	if len(answers) != 1 {
		t.Fatalf("mailtest: status: %q", answers)
	}
	if _, err := fmt.Sscanf(answers[0], "* STATUS INBOX (MESSAGES %d SIZE %d)", &messages, &size); err != nil {
		t.Fatalf("mailtest: status: %q: %v", answers, err)
	}
	return messages, size
}

// Subjects returns the subjects of the messages in the inbox.
func (m *Mailbox) Subjects(t testing.TB) (subjects []string) {
	t.Helper()
	m.ask(t, "EXAMINE INBOX")
	if n, _ := m.Holds(t); n == 0 {
		return nil
	}
	for _, answer := range m.ask(t, "FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]") {
		if _, subject, ok := strings.Cut(answer, "Subject: "); ok {
			subject, _, _ = strings.Cut(subject, "\r\n")
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// Quota returns how many KiB the mailbox holds and may hold, as its holder is told;
// without a limit there is none.
func (m *Mailbox) Quota(t testing.TB) (used, limit int, limited bool) {
	t.Helper()
	for _, answer := range m.ask(t, "GETQUOTAROOT INBOX") {
		if found := storage.FindStringSubmatch(answer); found != nil {
			used, _ = strconv.Atoi(found[1])
			limit, _ = strconv.Atoi(found[2])
			return used, limit, true
		}
	}
	return 0, 0, false
}

var storage = regexp.MustCompile(`^\* QUOTA .*STORAGE ([0-9]+) ([0-9]+)`)

// message is a message of at least so many bytes.
func message(from, to, subject string, size int) []byte {
	head := "From: " + from + "\r\nTo: " + to + "\r\nSubject: " + subject + "\r\n\r\n"
	const line = "The quick brown fox jumps over the lazy dog, and sixty-four of it.\r\n"
	return []byte(head + strings.Repeat(line, max(0, size-len(head))/len(line)+1))
}

// Deliver hands a message of some size to Dovecot by LMTP. It fails by [ErrRefused]
// if it is not taken.
func (s *Server) Deliver(to, subject string, size int) error {
	conn, err := net.DialTimeout("unix", filepath.Join(s.dir, "sockets", "dovecot-lmtp"), patience)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	c := textproto.NewConn(conn)
	if _, _, err := c.ReadResponse(220); err != nil {
		return err
	}
	const from = "somebody@elsewhere.example"
	for _, step := range []struct {
		says string
		code int
	}{{"LHLO elsewhere.example", 250}, {"MAIL FROM:<" + from + ">", 250}, {"RCPT TO:<" + to + ">", 250}, {"DATA", 354}} {
		if err := c.PrintfLine("%s", step.says); err != nil {
			return err
		}
		if _, _, err := c.ReadResponse(step.code); err != nil {
			return refused(err)
		}
	}
	w := c.DotWriter()
	if _, err := w.Write(message(from, to, subject, size)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err = c.ReadResponse(250)
	return refused(err)
}

// Send hands a message of some size to Postfix, from elsewhere. It fails by
// [ErrRefused] if it is not taken; if it is, it is on its way.
func (s *Server) Send(to, subject string, size int) error {
	c, err := smtp.Dial(s.SMTP)
	if err != nil {
		return err
	}
	if err := c.Hello("elsewhere.example"); err != nil {
		_ = c.Close()
		return err
	}
	return send(c, "somebody@elsewhere.example", to, subject, size)
}

// Submit sends a message as a member does, who logs in for it, from an address.
func (s *Server) Submit(login, password, from, to, subject string) error {
	return s.submit(func() (*smtp.Client, error) {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.Submissions, s.tls())
		if err != nil {
			return nil, err
		}
		return smtp.NewClient(conn, s.tls().ServerName)
	}, login, password, from, to, subject)
}

// SubmitByStartTLS does the same on the other port.
func (s *Server) SubmitByStartTLS(login, password, from, to, subject string) error {
	return s.submit(func() (*smtp.Client, error) {
		conn, err := net.DialTimeout("tcp", s.Submission, patience)
		if err != nil {
			return nil, err
		}
		c, err := smtp.NewClient(conn, s.tls().ServerName)
		if err != nil {
			return nil, err
		}
		if ok, _ := c.Extension("AUTH"); ok {
			err = errors.New("mailtest: a password may be sent in the clear")
		} else {
			err = c.StartTLS(s.tls())
		}
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		return c, nil
	}, login, password, from, to, subject)
}

// submit logs in on a connection and sends a message. A server that is not able to tell
// who it is (RFC 4954: 454) is asked again, for a while, as by [Server.LogIn].
func (s *Server) submit(connect func() (*smtp.Client, error), login, password, from, to, subject string) error {
	var c *smtp.Client
	err := insist(": 454 ", func() (err error) {
		if c, err = connect(); err != nil {
			return err
		}
		if err = c.Auth(smtp.PlainAuth("", login, password, s.tls().ServerName)); err != nil {
			_ = c.Close()
		}
		return refused(err)
	})
	if err != nil {
		return err
	}
	return send(c, from, to, subject, 100)
}

// send sends a message, and closes c. It announces its size, as all do who can.
func send(c *smtp.Client, from, to, subject string, size int) error {
	defer func() { _ = c.Close() }() // it has quit, or is not worth it
	text := message(from, to, subject, size)
	for _, step := range []string{fmt.Sprintf("MAIL FROM:<%s> SIZE=%d", from, len(text)), "RCPT TO:<" + to + ">"} {
		id, err := c.Text.Cmd("%s", step)
		if err != nil {
			return err
		}
		c.Text.StartResponse(id)
		_, _, err = c.Text.ReadResponse(25)
		c.Text.EndResponse(id)
		if err != nil {
			return refused(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return refused(err)
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return refused(err)
	}
	return c.Quit()
}

// refused makes an answer of a server an [ErrRefused].
func refused(err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("%w: %d %s", ErrRefused, answer.Code, answer.Msg)
	}
	return err
}
