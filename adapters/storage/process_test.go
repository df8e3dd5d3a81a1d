package storage

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rochdale/domain"
)

// TestMain is a server that is there to be killed, where it is told which folder
// to serve.
func TestMain(m *testing.M) {
	dir := os.Getenv("ROCHDALE_TEST_FOLDERS")
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Open(dir, "/dav/")
	if err == nil {
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
			fmt.Printf("http://%s/dav\n", listener.Addr())
			err = http.Serve(listener, s)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// process starts a server in a process of its own, and returns what kills it.
func process(t *testing.T, dir string) (s *server, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROCHDALE_TEST_FOLDERS="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &server{TB: t, url: strings.TrimSpace(url)}, kill
}

// TestKilled kills the server while a file is replaced again and again. What is
// there afterwards is one of those files as a whole, and none that is older than
// what was acknowledged; nothing else is left, and the room is right.
func TestKilled(t *testing.T) {
	const size = 400_000
	dir := t.TempDir()
	first := serveFrom(t, dir)
	first.account(anna, 2*size)
	text := func(n int) string {
		line := fmt.Sprintf("%07d\n", n)
		return strings.Repeat(line, size/len(line))
	}
	var acknowledged atomic.Int64
	began := 0
	for round := range 8 {
		s, kill := process(t, dir)
		before := acknowledged.Load()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for n := began + 1; ; n++ {
				began = n
				r, _ := http.NewRequest(http.MethodPut, s.url+"/file", &slow{text: []byte(text(n))})
				r.SetBasicAuth(string(anna), password)
				a, err := http.DefaultClient.Do(r)
				if err != nil {
					return
				}
				a.Body.Close()
				if a.StatusCode != http.StatusCreated && a.StatusCode != http.StatusNoContent {
					t.Errorf("%d", a.StatusCode)
					return
				}
				acknowledged.Store(int64(n))
			}
		}()
		s.Storage = first.Storage  // to look at the disk
		s.eventually(func() bool { // something is under way, by turns the first in this process and a later one
			if round%2 == 1 && acknowledged.Load() == before {
				return false
			}
			for name := range s.files() {
				if strings.HasPrefix(name, tempDir) {
					return true
				}
			}
			return false
		})
		time.Sleep(rand.N(150 * time.Millisecond)) // another instant each time, in this file or a later one
		kill()
		<-ended

		s = serveFrom(t, dir)
		a := s.do(http.MethodGet, "/file", "")
		last := int(acknowledged.Load())
		if a.StatusCode == http.StatusNotFound && last == 0 {
			s.Close()
			continue
		}
		n, err := strconv.Atoi(strings.TrimLeft(a.body[:7], "0"))
		if err != nil || a.body != text(n) || n < last || n > began {
			t.Fatalf("after %d, with %d under way, there is %d bytes of %.7s: %v", last, began, len(a.body), a.body, err)
		}
		if files := s.files(); len(files) != 1 || files[dataDir+"/file"] != size {
			t.Errorf("on the disk: %v", files)
		}
		s.is(http.StatusCreated, http.MethodPut, "/room", strings.Repeat("x", size))
		s.is(http.StatusInsufficientStorage, http.MethodPut, "/more", "x")
		s.is(http.StatusNoContent, http.MethodDelete, "/room", "")
		if err := s.Close(); err != nil { // for the next to serve
			t.Fatal(err)
		}
	}
}

// slow is a text that takes some time to send.
type slow struct{ text []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	time.Sleep(100 * time.Microsecond)
	n := copy(p[:min(len(p), 8000)], s.text)
	s.text = s.text[n:]
	return n, nil
}

// TestReopened closes the storage and opens it again.
func TestReopened(t *testing.T) {
	dir := t.TempDir()
	s := serveFrom(t, dir)
	s.account(anna, 1000)
	s.is(http.StatusCreated, "MKCOL", "/a", "")
	s.is(http.StatusCreated, http.MethodPut, "/a/b", strings.Repeat("x", 600))
	tag := s.is(http.StatusOK, http.MethodHead, "/a/b", "").Header.Get("Etag")
	late := s.want(anna, 1)
	if _, err := s.SetQuota(t.Context(), s.want(anna, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if a := s.do(http.MethodGet, "/a/b", ""); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("closed, it answers %d", a.StatusCode)
	}
	left := filepath.Join(dir, filesDir, s.held(anna).Folder, tempDir, "left")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}

	s = serveFrom(t, dir)
	if got := s.is(http.StatusOK, http.MethodHead, "/a/b", "").Header.Get("Etag"); got != tag {
		t.Errorf("a file was tagged %s, and now is %s", tag, got)
	}
	s.is(http.StatusInsufficientStorage, http.MethodPut, "/c", strings.Repeat("x", 401))
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := s.SetQuota(t.Context(), late); err == nil {
		t.Error("an earlier wish was carried out after a later one")
	}
}

// TestBesideAServer has another process provision while one serves: it is seen at
// once, and only one serves.
func TestBesideAServer(t *testing.T) {
	dir := t.TempDir()
	beside := serveFrom(t, dir)
	s := serveFrom(t, dir)
	s.account(anna, 1000)
	s.is(http.StatusCreated, http.MethodPut, "/a", strings.Repeat("x", 600))
	beside.revision = 100
	if err := beside.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if used := beside.uses(); used != 600 {
		t.Errorf("%d bytes are used", used)
	}
	if a := beside.do(http.MethodGet, "/", ""); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("two serve: %d %s", a.StatusCode, a.body)
	}
	if _, err := beside.SetQuota(t.Context(), beside.want(anna, 2000)); err != nil {
		t.Fatal(err)
	}
	s.is(http.StatusCreated, http.MethodPut, "/b", strings.Repeat("x", 1400))
	if used := beside.uses(); used != 2000 {
		t.Errorf("%d bytes are used", used)
	}
	if _, err := beside.Suspend(t.Context(), beside.want(anna, 2000)); err != nil {
		t.Fatal(err)
	}
	s.is(http.StatusForbidden, http.MethodGet, "/a", "")
	if _, err := beside.Resume(t.Context(), beside.want(anna, 2000)); err != nil {
		t.Fatal(err)
	}
	beside.password(anna, "another one of four")
	s.is(http.StatusUnauthorized, http.MethodGet, "/a", "")
	beside.password(anna, password)
	s.is(http.StatusOK, http.MethodGet, "/a", "")
	if _, err := beside.Delete(t.Context(), beside.want(anna, 2000)); err != nil {
		t.Fatal(err)
	}
	s.is(http.StatusUnauthorized, http.MethodGet, "/a", "")
	beside.account(anna, 500)
	s.is(http.StatusNotFound, http.MethodGet, "/a", "")
	s.is(http.StatusCreated, http.MethodPut, "/a", strings.Repeat("x", 500))
	s.is(http.StatusInsufficientStorage, http.MethodPut, "/b", "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	beside.is(http.StatusOK, http.MethodGet, "/a", "")
	beside.is(http.StatusInsufficientStorage, http.MethodPut, "/b", "x")
}

// TestDeletedInPart deletes an account of which a kill left something after the
// first attempt.
func TestDeletedInPart(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusCreated, http.MethodPut, "/a", "text")
	s.held(anna).mu.Lock()
	shut := s.held(anna).record
	shut.Suspended = true
	err := s.write(s.held(anna), shut) // and was killed
	s.held(anna).mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	is, err := s.Observe(t.Context(), ref(anna))
	if err != nil || !is.Exists {
		t.Errorf("%+v, %v: nobody would delete it again", is, err)
	}
	if is, err := s.Delete(t.Context(), s.want(anna, domain.GB)); err != nil || is.Exists || len(s.files()) > 0 {
		t.Errorf("%+v, %v; on the disk: %v", is, err, s.files())
	}
}

// TestDamaged has the file of one account spoilt: that is told, and others are
// served.
func TestDamaged(t *testing.T) {
	s := serve(t)
	s.account("ben@example.org", domain.GB)
	for name, text := range map[string]string{
		"no JSON": `{"login": "anna`, "another login": `{"login":"ben@example.org","folder":"x"}`,
		"a way out": `{"login":"anna.lee@example.org","folder":"../../up"}`, "no folder": `{"login":"anna.lee@example.org"}`,
		"all folders": `{"login":"anna.lee@example.org","folder":"."}`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(s.file(nameOf(anna)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
			defer slog.SetDefault(before)
			if is, err := s.Observe(t.Context(), ref(anna)); err == nil || is.Exists {
				t.Errorf("%+v, %v", is, err)
			}
			if _, err := s.Delete(t.Context(), s.want(anna, 1)); err == nil {
				t.Error("it was deleted")
			}
			s.is(http.StatusInternalServerError, http.MethodGet, "/", "")
			if !strings.Contains(log.String(), nameOf(anna)) {
				t.Errorf("the operator is not told: %s", log.String())
			}
			if a := s.as("ben@example.org", password, http.MethodGet, "/", nil); a.StatusCode != http.StatusOK {
				t.Errorf("%d", a.StatusCode)
			}
		})
	}
}

// TestFaults answers and tells what the disk says, without the names of files.
func TestFaults(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	for err, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "sufficient-disk-space", syscall.EDQUOT: "sufficient-disk-space", syscall.EIO: "Something went wrong",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPut, "/dav/diary.txt", nil)
		fail(w, r, "0123", fmt.Errorf("put: %w", &fs.PathError{Op: "write", Path: "data/diary.txt", Err: err}))
		if !strings.Contains(w.Body.String(), want) || w.Code < 500 || strings.Contains(w.Body.String(), "diary") {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
	if text := log.String(); strings.Contains(text, "diary") || !strings.Contains(text, "input/output error") || strings.Contains(text, "no space") {
		t.Error(text)
	}
}

// TestCurl puts and gets by a client of another make.
func TestCurl(t *testing.T) {
	s := serve(t)
	s.account(anna, 3_000_000)
	dir := t.TempDir()
	file := filepath.Join(dir, "two megabytes.bin")
	text := bytes.Repeat([]byte("0123456789"), 200_000)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	curl := func(stdin io.Reader, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "curl", append([]string{
			"--silent", "--show-error", "--expect100-timeout", "60", "--user", string(anna) + ":" + password, "--write-out", "%{http_code} %{size_upload}",
		}, args...)...)
		cmd.Stdin = stdin
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		return string(out)
	}
	if got := curl(nil, "--upload-file", file, s.url+"/"); got != "Created201 2000000" {
		t.Error(got)
	}
	s.has("/two%20megabytes.bin", string(text))
	if got := curl(nil, "--upload-file", file, s.url+"/more.bin"); !strings.Contains(got, "quota-not-exceeded") || !strings.HasSuffix(got, "507 0") {
		t.Errorf("what does not fit is refused before it is sent: %s", got)
	}
	if got := curl(bytes.NewReader(text), "--upload-file", "-", s.url+"/more.bin"); !strings.Contains(got, "quota-not-exceeded") || !strings.Contains(got, "507 ") {
		t.Error(got)
	}
	part := filepath.Join(dir, "part")
	if err := os.WriteFile(part, text[:1_234_567], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := curl(nil, "--continue-at", "-", "--output", part, s.url+"/two%20megabytes.bin"); got != "206 0" {
		t.Error(got)
	}
	if whole, err := os.ReadFile(part); err != nil || !bytes.Equal(whole, text) {
		t.Errorf("%d bytes, %v", len(whole), err)
	}
}
