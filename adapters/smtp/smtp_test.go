package smtp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/adapters/smtp"
	"rochdale/eventstore/lite"
	"rochdale/internal/mailtest"
)

var certificate tls.Certificate

// TestMain has the system trust one certificate: that of the servers of this test.
func TestMain(m *testing.M) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	dir, err := os.MkdirTemp("", "smtp")
	must(err)
	roots := filepath.Join(dir, "roots.pem")
	must(os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(os.Setenv("SSL_CERT_FILE", roots))
	code := m.Run()
	must(os.RemoveAll(dir))
	os.Exit(code)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A relay is a server that can be told what to say.
type relay struct {
	net.Listener
	tls, starttls bool
	says          map[string]string // to a command; "" hangs up
	mu            sync.Mutex
	heard         []string
	got           []string // messages
}

func listen(t *testing.T, r *relay) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if r.Listener = l; r.tls {
		r.Listener = tls.NewListener(l, r.config())
	}
	var serving sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	serving.Go(func() {
		for {
			conn, err := r.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { conn.Close() }) // who was refused may leave it open
			serving.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		r.Close()
		stop()
		serving.Wait()
	})
	return r
}

func (r *relay) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
}

func (r *relay) url(scheme, user string) string {
	_, port, _ := net.SplitHostPort(r.Addr().String())
	return scheme + "://" + user + "localhost:" + port
}

func (r *relay) hear(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, line)
}

func (r *relay) all() (commands string, messages []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.heard, "\n"), r.got
}

func (r *relay) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	say := func(command, otherwise string) bool {
		said, told := r.says[command]
		if !told {
			said = otherwise
		}
		if said == "" {
			return false
		}
		_, err := io.WriteString(conn, said+"\r\n")
		return err == nil
	}
	secure := r.tls
	if !say("hello", "220 localhost ESMTP") {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		r.hear(line)
		verb := strings.ToUpper(strings.Fields(line + " x")[0])
		answer := "250 2.0.0 OK"
		switch verb {
		case "EHLO":
			answer = "250-localhost\r\n"
			if r.starttls && !secure {
				answer += "250-STARTTLS\r\n"
			}
			answer += "250-AUTH PLAIN\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME"
		case "AUTH":
			answer = "235 2.7.0 OK"
		case "DATA":
			answer = "354 go on"
		case "QUIT":
			answer = "221 2.0.0 bye"
		case "STARTTLS":
			answer = "220 2.0.0 go on"
		}
		if !say(verb, answer) {
			return
		}
		switch verb {
		case "STARTTLS":
			conn = tls.Server(conn, r.config())
			in, secure = bufio.NewReader(conn), true
		case "DATA":
			if said, told := r.says[verb]; told && !strings.HasPrefix(said, "3") {
				continue
			}
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			r.mu.Lock()
			r.got = append(r.got, text.String())
			r.mu.Unlock()
			if !say("end", "250 2.0.0 taken") {
				return
			}
		case "QUIT":
			return
		}
	}
}

func sender(t *testing.T, url string) *smtp.Sender {
	t.Helper()
	s, err := smtp.New(url, "La Navette <office@coop.example>")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const text = "Bonjour,\n\nvoici le lien :\n\nhttps://coop.example/sign-in/rocl_" + "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRS" + "\n\n.\nÀ bientôt\n"

func TestAMessage(t *testing.T) {
	for _, scheme := range []string{"smtp", "smtps", "smtp+plain"} {
		r := listen(t, &relay{tls: scheme == "smtps", starttls: scheme == "smtp"})
		user := "rochdale:s%2Fecret@"
		if scheme == "smtp+plain" {
			user = ""
		}
		s := sender(t, r.url(scheme, user))
		err := s.Send(t.Context(), "ada@example.org", "Votre lien à La Navette\r\nBcc: eve@example.org", text, "0123abcd@coop.example")
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		commands, messages := r.all()
		if len(messages) != 1 || !strings.Contains(commands, "MAIL FROM:<office@coop.example>") || strings.Count(commands, "RCPT TO:") != 1 || !strings.Contains(commands, "RCPT TO:<ada@example.org>") {
			t.Fatalf("%s: %s\n%v", scheme, commands, messages)
		}
		if user != "" && !strings.Contains(commands, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00rochdale\x00s/ecret"))) {
			t.Errorf("%s: who are we? %s", scheme, commands)
		}
		m, err := mail.ReadMessage(strings.NewReader(messages[0]))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || m.Header.Get("Bcc") != "" || !strings.HasPrefix(subject, "Votre lien à La Navette") {
			t.Errorf("%s: subject %q, %v; %v", scheme, subject, err, m.Header)
		}
		for name, want := range map[string]string{
			"From": `"La Navette" <office@coop.example>`, "To": "<ada@example.org>", "Message-Id": "<0123abcd@coop.example>", "Auto-Submitted": "auto-generated",
			"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "quoted-printable",
		} {
			if got := m.Header.Get(name); got != want {
				t.Errorf("%s: %s: %s, want %s", scheme, name, got, want)
			}
		}
		if _, err := m.Header.Date(); err != nil {
			t.Errorf("%s: date: %v", scheme, err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if got := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSpace(got) != strings.TrimSpace(text) {
			t.Errorf("%s: %q, %v", scheme, got, err)
		}
	}
}

// TestNothingInTheClear: where encryption is asked for and cannot be had, neither
// the password nor the message is sent.
func TestNothingInTheClear(t *testing.T) {
	stranger := listen(t, &relay{starttls: true})
	_, port, _ := net.SplitHostPort(stranger.Addr().String())
	for name, url := range map[string]string{
		"no STARTTLS": listen(t, &relay{}).url("smtp", "rochdale:secret@"), "a certificate for another": "smtp://rochdale:secret@127.0.0.1:" + port,
	} {
		err := sender(t, url).Send(t.Context(), "ada@example.org", "Link", text, "k@coop.example")
		if class, ambiguous := fault.ClassOf(err); class != fault.Unavailable || ambiguous {
			t.Errorf("%s: %v", name, err)
		}
	}
	if commands, messages := stranger.all(); strings.Contains(commands, "AUTH") || len(messages) > 0 {
		t.Errorf("sent to a stranger: %s", commands)
	}
}

// TestTroubles are told by their class, with the server's code and without the address.
func TestTroubles(t *testing.T) {
	const about = " <ada@example.org>: said the server"
	for name, c := range map[string]struct {
		says      map[string]string
		class     fault.Class
		ambiguous bool
		code      string
	}{
		"no such mailbox":         {map[string]string{"RCPT": "550 5.1.1" + about}, fault.Invalid, false, "smtp 550 5.1.1"},
		"greylisted":              {map[string]string{"RCPT": "450 4.2.0" + about}, fault.Transient, false, "smtp 450 4.2.0"},
		"we may not send":         {map[string]string{"MAIL": "553 5.7.1" + about}, fault.Denied, false, "smtp 553 5.7.1"},
		"too many, later":         {map[string]string{"MAIL": "421 4.7.0" + about}, fault.Transient, false, "smtp 421 4.7.0"},
		"wrong password":          {map[string]string{"AUTH": "535 5.7.8 authentication failed"}, fault.Denied, false, "smtp 535"},
		"spam, it says":           {map[string]string{"end": "554 5.7.1" + about}, fault.Invalid, false, "smtp 554 5.7.1"},
		"no room":                 {map[string]string{"end": "452 4.3.1" + about}, fault.Transient, false, "smtp 452 4.3.1"},
		"closed":                  {map[string]string{"hello": "554 no service"}, fault.Denied, false, "smtp 554"},
		"hangs up":                {map[string]string{"hello": ""}, fault.Unavailable, false, ""},
		"hangs up at the address": {map[string]string{"RCPT": ""}, fault.Unavailable, false, ""},
		"hangs up at the end":     {map[string]string{"end": ""}, fault.Unavailable, true, ""},
	} {
		r := listen(t, &relay{tls: true, says: c.says})
		err := sender(t, r.url("smtps", "rochdale:secret@")).Send(t.Context(), "ada@example.org", "Link", text, "k@coop.example")
		if class, ambiguous := fault.ClassOf(err); class != c.class || ambiguous != c.ambiguous || fault.CodeOf(err) != c.code {
			t.Errorf("%s: %s, %t, %q: %v", name, class, ambiguous, fault.CodeOf(err), err)
		}
		if s := fmt.Sprint(err); strings.Contains(s, "example.org") || strings.Contains(s, "secret") {
			t.Errorf("%s tells too much: %v", name, err)
		}
	}
	// Once it is taken, it is sent.
	for _, command := range []string{"RSET", "QUIT"} {
		r := listen(t, &relay{tls: true, says: map[string]string{command: "500 what?"}})
		if err := sender(t, r.url("smtps", "")).Send(t.Context(), "ada@example.org", "Link", text, "k@coop.example"); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	}
	away := listen(t, &relay{})
	url := away.url("smtp+plain", "")
	away.Close()
	if err := sender(t, url).Send(t.Context(), "ada@example.org", "Link", text, "k@coop.example"); !isClass(err, fault.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
	for _, to := range []string{"", "ada", "ada@example.org, eve@example.org", "ada@example.org\r\nRCPT TO:<eve@example.org>"} {
		if err := sender(t, url).Send(t.Context(), to, "Link", text, "k@coop.example"); !isClass(err, fault.Invalid) || to != "" && strings.Contains(err.Error(), to) {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

func isClass(err error, want fault.Class) bool {
	class, _ := fault.ClassOf(err)
	return class == want
}

// TestPatienceEnds: whoever sends does not wait for a server that says nothing.
func TestPatienceEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := sender(t, "smtp+plain://"+l.Addr().String()).Send(ctx, "ada@example.org", "Link", text, "k@coop.example"); !isClass(err, fault.Unavailable) {
		t.Errorf("silence: %v", err)
	}
}

// TestManyAtOnce: one sender serves all.
func TestManyAtOnce(t *testing.T) {
	r := listen(t, &relay{starttls: true})
	s := sender(t, r.url("smtp", "rochdale:secret@"))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if err := s.Send(t.Context(), fmt.Sprintf("m%d@example.org", i), "Link", text, fmt.Sprintf("k%d@coop.example", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, messages := r.all(); len(messages) != 16 {
		t.Errorf("%d messages", len(messages))
	}
}

func TestServersThatAreNone(t *testing.T) {
	for _, url := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port", "smtp://user:secret@mail.example:99999", "://"} {
		if _, err := smtp.New(url, "office@coop.example"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, from := range []string{"", "office", "office@coop.example\r\nBcc: eve@example.org"} {
		if _, err := smtp.New("smtp://mail.example", from); err == nil {
			t.Errorf("from %q", from)
		}
	}
}

// TestPostfix delivers to a real server, whence the message is read.
func TestPostfix(t *testing.T) {
	at, path := mailtest.SQLite(t)
	var schema []byte
	for _, name := range []string{"schema", "apps", "inbound"} {
		tables, err := os.ReadFile("../mail/" + name + ".sqlite.sql")
		if err != nil {
			t.Fatal(err)
		}
		schema = append(schema, tables...)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	// As it is kept open, Dovecot's writing to it, such as of how much has come, keeps nobody
	// from reading: Postfix does not wait for its turn, and would tell us to come again.
	db, err := lite.Open(path, lite.Live)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	err = db.Script(string(schema))
	if err == nil {
		err = db.Exec(`insert into mail_account (login, box, password) values (?, 'ada', ?)`, "ada@"+mailtest.Domain, "{BLF-CRYPT}"+string(hash))
	}
	// The servers read it by their group.
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		err = errors.Join(err, os.Chmod(name, 0o660))
	}
	if err := errors.Join(err, os.Chmod(filepath.Dir(path), 0o770)); err != nil {
		t.Fatal(err)
	}
	server := mailtest.Start(t, at)
	s := sender(t, "smtp+plain://"+server.SMTP)
	if err := s.Send(t.Context(), "ada@"+mailtest.Domain, "Votre lien à La Navette", text, "k@coop.example"); err != nil {
		t.Fatal(err)
	}
	box, err := server.LogIn("ada@"+mailtest.Domain, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		subjects := box.Subjects(t)
		if len(subjects) == 1 {
			if subject, err := new(mime.WordDecoder).DecodeHeader(subjects[0]); err != nil || subject != "Votre lien à La Navette" {
				t.Errorf("%q, %v", subjects, err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not arrive")
		}
	}
	if err := s.Send(t.Context(), "nobody@"+mailtest.Domain, "Link", text, "k2@coop.example"); !isClass(err, fault.Invalid) || strings.Contains(err.Error(), "nobody") {
		t.Errorf("to nobody: %v", err)
	}
}
