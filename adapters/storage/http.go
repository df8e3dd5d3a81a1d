package storage

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/webdav"
)

const (
	maxPath = 4000      // bytes of a path
	maxXML  = 64 << 10  // bytes of a body that is no file
	maxRest = 64 << 20  // bytes that are taken in for nothing
	maxLock = time.Hour // before a lock is to be renewed
)

var methods = []string{
	http.MethodOptions, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete,
	"MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPFIND", "PROPPATCH",
}

// ServeHTTP serves the holders of accounts: each sees their own folder, under the
// same URLs. Who asks is known by Basic authentication.
func (s *Storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := &line{http.NewResponseController(w), s.patience}
	l.wait()
	defer l.leave()
	if r.Method == http.MethodPut {
		b := &body{ReadCloser: r.Body, header: w.Header()}
		b.header.Set("Connection", "close")
		r.Body = b
		_ = l.control.EnableFullDuplex() // where it needs to be told
		defer l.drain(b, r.Header.Get("Expect") != "")
	}
	s.handle(w, r, l)
}

// handle answers a request.
func (s *Storage) handle(w http.ResponseWriter, r *http.Request, l *line) {
	name, ours := s.within(r.URL.Path)
	switch {
	case !ours:
		say(w, http.StatusNotFound, "", "")
		return
	case r.Method == http.MethodOptions: // which programs ask before they ask for a password
		w.Header().Set("Allow", strings.Join(methods, ", "))
		w.Header().Set("DAV", "1, 2")
		w.Header().Set("MS-Author-Via", "DAV") // without which Windows tries another protocol
		return
	case !slices.Contains(methods, r.Method):
		w.Header().Set("Allow", strings.Join(methods, ", "))
		say(w, http.StatusMethodNotAllowed, "", "")
		return
	}
	if err := s.serve(); err != nil {
		fail(w, r, "", err)
		return
	}
	a := s.signIn(w, r)
	if a == nil {
		return
	}
	v, err := s.enter(a, r, l)
	if err != nil {
		fail(w, r, a.name, err)
		return
	}
	defer v.root.Close()
	v.name = name
	if err := v.prepare(); err != nil {
		fail(w, r, a.name, err)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	out := &answer{ResponseWriter: w, visit: v}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		is, err := v.look(inside(name))
		if err == nil && is.IsDir() {
			v.page(out)
			return
		}
		if err == nil {
			h.Set("Content-Type", is.mediaType())
			if is.mediaType() != "application/pdf" { // which browsers do not show then
				h.Set("Content-Security-Policy", "sandbox") // what is kept here acts for nobody who has signed in to the co-op
			}
		}
	}
	(&webdav.Handler{Prefix: s.prefix, FileSystem: v, LockSystem: claims{v.locks, v}}).ServeHTTP(out, r)
	if out.status < 300 && (r.Method == http.MethodDelete || r.Method == "MOVE") {
		v.locks.forget(name)
	}
}

// within returns what a path names below the prefix, and whether it is there.
func (s *Storage) within(p string) (name string, ok bool) {
	name, ok = strings.CutPrefix(p, s.prefix)
	return path.Clean("/" + name), ok && (name == "" || name[0] == '/')
}

// line is that to a client, with whom there is some patience: for each piece that
// they send or take anew. Where it cannot be cut, there is no end to it.
type line struct {
	control  *http.ResponseController
	patience time.Duration
}

// wait has more waited for that is to be sent.
func (l *line) wait() { _ = l.control.SetReadDeadline(time.Now().Add(l.patience)) }

// heard has nothing more waited for.
func (l *line) heard() { _ = l.control.SetReadDeadline(time.Time{}) }

// speak has the next piece waited for until it is taken.
func (l *line) speak() { _ = l.control.SetWriteDeadline(time.Now().Add(l.patience)) }

// drain sends the answer, and takes in what the client goes on to send: were the
// line cut, many would not get to read it. Who asks before they send has it.
func (l *line) drain(b *body, asked bool) {
	if b.ended || asked && !b.begun {
		return
	}
	_ = l.control.Flush()
	l.wait()
	_, _ = io.CopyN(io.Discard, b, maxRest)
}

// body is that of a request whose answer closes the line, until all of it is read.
type body struct {
	io.ReadCloser
	header       http.Header // of the answer
	begun, ended bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.header.Del("Connection")
	}
	b.begun, b.ended = true, b.ended || err != nil
	return n, err
}

// leave leaves the line to the server, which may read what was not, and ends the
// waiting when it next listens.
func (l *line) leave() {
	l.wait()
	_ = l.control.SetWriteDeadline(time.Time{})
}

// prepare fails a request that cannot succeed before any of it is done, and puts
// right what the handler of WebDAV would make of others.
func (v *visit) prepare() error {
	r := v.request
	if err := checkPath(r.URL.Path); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, "PROPFIND":
	default:
		if err := v.unchanged(inside(v.name)); err != nil {
			return err
		}
	}
	switch r.Method {
	case http.MethodPut:
		if r.Header.Get("Content-Range") != "" {
			return errPart
		}
		return nil
	case "PROPFIND":
		if d := r.Header.Get("Depth"); d != "0" && d != "1" {
			return errDepth
		}
	case "COPY", "MOVE":
		if err := v.prepareCopy(); err != nil {
			return err
		}
	case "LOCK":
		r.Header.Set("Timeout", fmt.Sprintf("Second-%.0f", lockTime(r.Header.Get("Timeout")).Seconds()))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxXML+1))
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	if len(body) > maxXML {
		return errXML
	}
	v.heard()
	v.asksQuota = bytes.Contains(body, []byte("quota-available-bytes")) || bytes.Contains(body, []byte("quota-used-bytes"))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// prepareCopy does so for COPY and MOVE.
func (v *visit) prepareCopy() error {
	r := v.request
	u, err := url.Parse(r.Header.Get("Destination"))
	if err != nil || u.Path == "" {
		return errDestination
	}
	var ours bool
	v.to, ours = v.storage.within(u.Path)
	if !ours || u.Host != "" && u.Host != r.Host {
		return errElsewhere
	}
	if err := checkPath(u.Path); err != nil {
		return err
	}
	from, to := inside(v.name), inside(v.to)
	if from == to || below(to, from) || below(from, to) {
		return errOverlap
	}
	is, err := v.look(from)
	if err != nil {
		return err
	}
	if r.Method == "MOVE" {
		if r.Header.Get("Overwrite") == "" {
			r.Header.Set("Overwrite", "T") // RFC 4918 §10.6, where the handler takes it for F
		}
		return nil
	}
	if is.IsDir() && r.Header.Get("Depth") == "0" {
		return nil
	}
	// Before what is in the way is removed: is there room?
	more, _, err := size(v.root, from)
	if err != nil {
		return err
	}
	less, _, err := size(v.root, to)
	if err != nil {
		return err
	}
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	return v.account.room(more - less)
}

// checkPath refuses names that others could not be told, or that lead too far.
func checkPath(p string) error {
	if len(p) > maxPath {
		return syscall.ENAMETOOLONG
	}
	if !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl) {
		return errName
	}
	return nil
}

// lockTime returns for how long a lock is given that is asked for by a header
// Timeout (RFC 4918 §10.7).
func lockTime(header string) time.Duration {
	first, _, _ := strings.Cut(header, ",")
	if n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(first), "Second-"), 10, 32); err == nil {
		return max(time.Second, min(maxLock, time.Duration(n)*time.Second))
	}
	return maxLock
}

// names reports whether the values of a header If-Match or If-None-Match name a tag.
func names(values []string, tag string) bool {
	for _, v := range strings.Split(strings.Join(values, ","), ",") {
		if v = strings.TrimSpace(v); v == "*" || v == tag && tag != "" {
			return true
		}
	}
	return false
}

// Why a request is not even begun.
var (
	errName        = errors.New("storage: the name is not in UTF-8, or has control characters")
	errPart        = errors.New("storage: a part of a file")
	errDepth       = errors.New("storage: properties of all that is below a folder")
	errXML         = errors.New("storage: the body is too long for one that is no file")
	errDestination = errors.New("storage: there is no destination")
	errElsewhere   = errors.New("storage: the destination is elsewhere")
	errOverlap     = errors.New("storage: one is inside the other")
)

// answers are what becomes of a request that fails: a status, the precondition that
// did not hold (RFC 4918 §16, RFC 4331 §6), a line for people.
var answers = []struct {
	err       error
	status    int
	condition string
	says      string
}{
	{errQuota, http.StatusInsufficientStorage, "quota-not-exceeded", ""},
	{syscall.ENOSPC, http.StatusInsufficientStorage, "sufficient-disk-space", ""},
	{syscall.EDQUOT, http.StatusInsufficientStorage, "sufficient-disk-space", ""},
	{errDepth, http.StatusForbidden, "propfind-finite-depth", ""},
	{errShut, http.StatusForbidden, "", "This account is suspended."},
	{errRoot, http.StatusForbidden, "", "The folder of the account itself stays where it is."},
	{errOverlap, http.StatusForbidden, "", "One is inside the other, or is the other."},
	{errChanged, http.StatusPreconditionFailed, "", "It has changed meanwhile."},
	{errFolder, http.StatusMethodNotAllowed, "", "There is a folder of this name."},
	{errParent, http.StatusConflict, "", "The folder that it shall be in is not there."},
	{errName, http.StatusBadRequest, "", "Names are in UTF-8 and have no control characters."},
	{errPart, http.StatusBadRequest, "", "Send all of the file: a part of one cannot be put."},
	{errDestination, http.StatusBadRequest, "", "The header Destination names no URL."},
	{errElsewhere, http.StatusBadGateway, "", "The destination is on another server, or not in a folder."},
	{errXML, http.StatusRequestEntityTooLarge, "", "The body is too long."},
	{syscall.ENAMETOOLONG, http.StatusRequestURITooLong, "", "The name is too long."},
	{os.ErrDeadlineExceeded, http.StatusRequestTimeout, "", "Nothing more arrived."},
	{errBroken, http.StatusBadRequest, "", "Not all of it arrived."},
	{fs.ErrNotExist, http.StatusNotFound, "", ""},
	{syscall.ENOTDIR, http.StatusNotFound, "", ""}, // a file has taken the place of a folder meanwhile
	{errServed, http.StatusServiceUnavailable, "", "The folders are served by another process."},
	{errClosed, http.StatusServiceUnavailable, "", "The server is stopping."},
}

// fail answers a request that fails, of an account that is filed under a name. The
// operator is told of what is no answer to anybody.
func fail(w http.ResponseWriter, r *http.Request, account string, err error) {
	for _, a := range answers {
		if errors.Is(err, a.err) {
			if a.status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "30")
			}
			say(w, a.status, a.condition, a.says)
			return
		}
	}
	slog.ErrorContext(r.Context(), "storage: a request failed", "method", r.Method, "account", account, "err", nameless(err))
	say(w, http.StatusInternalServerError, "", "Something went wrong on our side.")
}

// nameless takes out of an error the names of files, which are their holder's.
func nameless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

// say answers with a status, and says in XML which precondition did not hold, or
// something to people.
func say(w http.ResponseWriter, status int, condition, text string) {
	kind := "text/plain; charset=utf-8"
	if condition != "" {
		kind, text = "application/xml; charset=utf-8", `<?xml version="1.0" encoding="utf-8"?>`+"\n"+`<D:error xmlns:D="DAV:"><D:`+condition+`/></D:error>`
	}
	text = cmp.Or(text, webdav.StatusText(status)) + "\n"
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Security-Policy")
	h.Del("Etag")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// answer is the response of the handler of WebDAV, which does not know why
// something failed.
type answer struct {
	http.ResponseWriter
	visit  *visit
	status int  // once it has begun
	mute   bool // it is answered otherwise
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader answers as it ought to be, whatever the handler makes of it.
func (a *answer) WriteHeader(status int) {
	v := a.visit
	switch {
	case a.status != 0:
		panic(http.ErrAbortHandler) // a list that broke off must not be taken for all of it
	case status >= 400 && v.failed != nil:
		a.mute = true
		fail(a.ResponseWriter, v.request, v.account.name, v.failed)
	case status >= 400:
		a.mute = true
		say(a.ResponseWriter, status, "", "")
	case status == http.StatusCreated && v.replaced && v.request.Method == http.MethodPut:
		a.mute = true
		a.ResponseWriter.WriteHeader(http.StatusNoContent)
	default:
		a.ResponseWriter.WriteHeader(status)
	}
	a.status = status
}

// Write gives whoever reads some time for it.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.mute {
		return len(p), nil
	}
	a.visit.speak()
	return a.ResponseWriter.Write(p)
}
