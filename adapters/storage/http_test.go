package storage

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/provisioning"
)

func TestFiles(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusCreated, http.MethodPut, "/a.txt", "one")
	s.is(http.StatusNoContent, http.MethodPut, "/a.txt", "eleven")
	s.has("/a.txt", "eleven")
	s.is(http.StatusCreated, "MKCOL", "/b", "")
	s.is(http.StatusCreated, http.MethodPut, "/b/"+url.PathEscape("Zoë & 100%? #1.txt"), "odd")
	s.has("/b/"+url.PathEscape("Zoë & 100%? #1.txt"), "odd")
	if list := s.is(http.StatusMultiStatus, "PROPFIND", "/b/", "", "Depth: 1").body; !strings.Contains(list, "/dav/b/Zo%C3%AB%20&amp;%20100%25%3F%20%231.txt") {
		t.Error(list)
	}
	a := s.is(http.StatusPartialContent, http.MethodGet, "/a.txt", "", "Range: bytes=1-3")
	if a.body != "lev" || a.Header.Get("Content-Range") != "bytes 1-3/6" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Error(a.body, a.Header)
	}
	s.is(http.StatusRequestedRangeNotSatisfiable, http.MethodGet, "/a.txt", "", "Range: bytes=9-")
	s.is(http.StatusOK, http.MethodHead, "/a.txt", "")

	s.is(http.StatusCreated, "COPY", "/a.txt", "", "Destination: "+s.url+"/b/c.txt")
	s.is(http.StatusPreconditionFailed, "COPY", "/a.txt", "", "Destination: "+s.url+"/b/c.txt", "Overwrite: F")
	s.is(http.StatusNoContent, "COPY", "/a.txt", "", "Destination: /dav/b/c.txt")
	s.is(http.StatusCreated, "COPY", "/b/", "", "Destination: "+s.url+"/d/")
	s.has("/d/c.txt", "eleven")
	s.is(http.StatusNoContent, "MOVE", "/a.txt", "", "Destination: "+s.url+"/d/c.txt")
	s.is(http.StatusNotFound, http.MethodGet, "/a.txt", "")
	s.is(http.StatusNoContent, "MOVE", "/d", "", "Destination: "+s.url+"/b") // Overwrite is T where it is not said
	s.has("/b/c.txt", "eleven")
	s.is(http.StatusPreconditionFailed, "MOVE", "/b/c.txt", "", "Destination: "+s.url+"/b/"+url.PathEscape("Zoë & 100%? #1.txt"), "Overwrite: F")
	s.is(http.StatusNoContent, http.MethodDelete, "/b/", "")
	s.is(http.StatusNotFound, http.MethodDelete, "/b/", "")
	if used := s.uses(); used != 0 || len(s.files()) > 0 {
		t.Errorf("%d bytes, and on the disk: %v", used, s.files())
	}
}

// TestMistakes asks for what cannot be: it gets the status of RFC 4918 for it, and
// nothing changes.
func TestMistakes(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusCreated, "MKCOL", "/folder", "")
	s.is(http.StatusCreated, "MKCOL", "/folder/below", "")
	s.is(http.StatusCreated, http.MethodPut, "/folder/file", "text")
	s.is(http.StatusCreated, http.MethodPut, "/file", "text")
	before := s.tree("/")
	long := strings.Repeat("x", 256)
	to := func(name string) string { return "Destination: " + s.url + name }
	for _, tt := range []struct {
		status       int
		method, name string
		headers      []string
	}{
		{http.StatusConflict, http.MethodPut, "/none/file", nil},
		{http.StatusConflict, http.MethodPut, "/file/file", nil},
		{http.StatusMethodNotAllowed, http.MethodPut, "/folder", nil},
		{http.StatusMethodNotAllowed, http.MethodPut, "/folder/", nil},
		{http.StatusMethodNotAllowed, http.MethodPut, "/", nil},
		{http.StatusBadRequest, http.MethodPut, "/file", []string{"Content-Range: bytes 0-3/10"}},
		{http.StatusRequestURITooLong, http.MethodPut, "/" + long, nil},
		{http.StatusRequestURITooLong, http.MethodPut, strings.Repeat("/x", 2100), nil},
		{http.StatusBadRequest, http.MethodPut, "/%FF%FE", nil},
		{http.StatusBadRequest, http.MethodPut, "/a%00b", nil},
		{http.StatusBadRequest, http.MethodPut, "/a%0Ab", nil},
		{http.StatusConflict, "MKCOL", "/none/folder", nil},
		{http.StatusConflict, "MKCOL", "/file/folder", nil},
		{http.StatusMethodNotAllowed, "MKCOL", "/folder", nil},
		{http.StatusMethodNotAllowed, "MKCOL", "/file", nil},
		{http.StatusMethodNotAllowed, "MKCOL", "/", nil},
		{http.StatusNotFound, http.MethodGet, "/none", nil},
		{http.StatusNotFound, http.MethodGet, "/file/none", nil},
		{http.StatusNotFound, http.MethodDelete, "/none", nil},
		{http.StatusForbidden, http.MethodDelete, "/", nil},
		{http.StatusForbidden, http.MethodDelete, "/folder/..", nil},
		{http.StatusNotFound, "PROPFIND", "/none", []string{"Depth: 0"}},
		{http.StatusForbidden, "PROPFIND", "/", []string{"Depth: infinity"}},
		{http.StatusForbidden, "PROPFIND", "/", nil},
		{http.StatusNotFound, "COPY", "/none", []string{to("/copy")}},
		{http.StatusNotFound, "MOVE", "/none", []string{to("/file"), "Overwrite: T"}},
		{http.StatusConflict, "COPY", "/file", []string{to("/none/file")}},
		{http.StatusConflict, "COPY", "/folder", []string{to("/none/folder")}},
		{http.StatusConflict, "MOVE", "/file", []string{to("/none/file")}},
		{http.StatusConflict, "MOVE", "/file", []string{to("/folder/file/file")}},
		{http.StatusForbidden, "COPY", "/folder", []string{to("/folder")}},
		{http.StatusForbidden, "COPY", "/folder", []string{to("/folder/below/again")}},
		{http.StatusForbidden, "MOVE", "/folder", []string{to("/folder/below/again")}},
		{http.StatusForbidden, "MOVE", "/folder/below", []string{to("/folder"), "Overwrite: T"}},
		{http.StatusForbidden, "COPY", "/folder/below", []string{to("/folder"), "Overwrite: T"}},
		{http.StatusForbidden, "MOVE", "/folder", []string{to("/"), "Overwrite: T"}},
		{http.StatusForbidden, "MOVE", "/", []string{to("/moved")}},
		{http.StatusForbidden, "COPY", "/", []string{to("/copied")}},
		{http.StatusRequestURITooLong, "MOVE", "/file", []string{to("/" + long)}},
		{http.StatusBadRequest, "MOVE", "/file", []string{to("/a%0Ab")}},
		{http.StatusBadRequest, "MOVE", "/file", nil},
		{http.StatusBadRequest, "MOVE", "/file", []string{"Destination: %%"}},
		{http.StatusBadGateway, "MOVE", "/file", []string{"Destination: http://elsewhere.example/dav/file2"}},
		{http.StatusBadGateway, "MOVE", "/file", []string{"Destination: /davy/file2"}},
		{http.StatusBadGateway, "MOVE", "/file", []string{"Destination: /file2"}},
		{http.StatusMethodNotAllowed, http.MethodPost, "/file", nil},
		{http.StatusMethodNotAllowed, http.MethodPatch, "/file", nil},
		{http.StatusConflict, "LOCK", "/none/file", nil},
	} {
		body := ""
		if tt.method == "LOCK" {
			body = exclusive
		}
		s.is(tt.status, tt.method, tt.name, body, tt.headers...)
	}
	s.is(http.StatusUnsupportedMediaType, "MKCOL", "/new", "body")
	s.is(http.StatusRequestEntityTooLarge, "PROPFIND", "/", strings.Repeat(" ", maxXML+1), "Depth: 0")
	s.is(http.StatusBadRequest, "PROPFIND", "/", "<D:propfind", "Depth: 0")
	if after := s.tree("/"); after != before {
		t.Errorf("was: %s\nis: %s", before, after)
	}
	if a := s.as(string(anna), password, http.MethodGet, "y/file", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("/davy is %d", a.StatusCode)
	}
}

// tree returns what is below a folder, as its holder sees it.
func (s *server) tree(name string) string {
	s.Helper()
	var all []string
	for _, part := range strings.Split(s.is(http.StatusOK, http.MethodGet, name, "").body, `href="/dav`)[1:] {
		below, _, _ := strings.Cut(part, `"`)
		if !strings.HasPrefix(below, name) || below == name {
			continue // up
		}
		all = append(all, below)
		if strings.HasSuffix(below, "/") {
			all = append(all, s.tree(below))
		}
	}
	return strings.Join(all, " ")
}

const exclusive = `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>Anna</D:owner></D:lockinfo>`

func TestQuota(t *testing.T) {
	s := serve(t)
	s.account(anna, 1000)
	text := func(n int) string { return strings.Repeat("x", n) }
	chunked := func(status int, name string, n int) {
		t.Helper()
		a := s.as(string(anna), password, http.MethodPut, name, struct{ io.Reader }{strings.NewReader(text(n))})
		if a.Request.ContentLength != -1 && a.Request.ContentLength != 0 || a.StatusCode != status {
			t.Errorf("put %d bytes in chunks: %d %s, want %d", n, a.StatusCode, a.body, status)
		}
	}
	full := func(a reply) {
		t.Helper()
		if !strings.Contains(a.body, `<D:error xmlns:D="DAV:"><D:quota-not-exceeded/></D:error>`) || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/xml") {
			t.Errorf("%v %s", a.Header, a.body)
		}
	}
	to := func(name string) string { return "Destination: " + s.url + name }
	full(s.is(http.StatusInsufficientStorage, http.MethodPut, "/a", text(1001)))
	chunked(http.StatusInsufficientStorage, "/a", 1001)
	s.is(http.StatusNotFound, http.MethodGet, "/a", "")
	s.is(http.StatusCreated, http.MethodPut, "/a", text(600))
	full(s.is(http.StatusInsufficientStorage, http.MethodPut, "/b", text(401)))
	chunked(http.StatusInsufficientStorage, "/b", 401)
	full(s.is(http.StatusInsufficientStorage, "COPY", "/a", "", to("/b")))
	s.is(http.StatusNoContent, http.MethodPut, "/a", text(1000)) // in place of what it held
	full(s.is(http.StatusInsufficientStorage, http.MethodPut, "/a", text(1001)))
	s.has("/a", text(1000))
	chunked(http.StatusNoContent, "/a", 300)
	s.is(http.StatusCreated, "MKCOL", "/c", "") // costs nothing
	s.is(http.StatusCreated, "COPY", "/a", "", to("/c/a"))
	s.is(http.StatusCreated, http.MethodPut, "/c/b", text(300))
	full(s.is(http.StatusInsufficientStorage, "COPY", "/c", "", to("/d")))
	s.is(http.StatusNotFound, http.MethodGet, "/d/", "")
	full(s.is(http.StatusInsufficientStorage, "COPY", "/c", "", to("/a"))) // which stays
	s.has("/a", text(300))
	s.is(http.StatusNoContent, "COPY", "/a", "", to("/c")) // in place of what it held
	s.is(http.StatusCreated, "MOVE", "/c", "", to("/d"))
	if used := s.uses(); used != 600 {
		t.Errorf("%d bytes are used", used)
	}

	quotaOf := func() string {
		t.Helper()
		return s.is(http.StatusMultiStatus, "PROPFIND", "/", `<D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop></D:propfind>`, "Depth: 0").body
	}
	if q := quotaOf(); !strings.Contains(q, "quota-available-bytes xmlns=\"DAV:\">400<") && !strings.Contains(q, "<D:quota-available-bytes>400<") || !strings.Contains(q, ">600<") {
		t.Error(q)
	}
	if all := s.is(http.StatusMultiStatus, "PROPFIND", "/", "", "Depth: 0").body; strings.Contains(all, "quota") {
		t.Errorf("quota is not of allprop (RFC 4331 §2): %s", all)
	}

	if _, err := s.SetQuota(t.Context(), s.want(anna, 100)); err != nil { // less than it holds
		t.Fatal(err)
	}
	if q := quotaOf(); !strings.Contains(q, ">0<") || !strings.Contains(q, ">600<") {
		t.Error(q)
	}
	full(s.is(http.StatusInsufficientStorage, http.MethodPut, "/e", text(1)))
	s.is(http.StatusCreated, http.MethodPut, "/e", "")
	s.is(http.StatusNoContent, http.MethodPut, "/a", text(299)) // less than before is no more
	s.is(http.StatusNoContent, http.MethodDelete, "/d", "")
	s.is(http.StatusNoContent, http.MethodDelete, "/a", "")
	s.is(http.StatusNoContent, http.MethodPut, "/e", text(100))
	if _, err := s.SetQuota(t.Context(), s.want(anna, provisioning.Unlimited)); err != nil {
		t.Fatal(err)
	}
	s.is(http.StatusNoContent, http.MethodPut, "/e", text(100_000))
	if q := quotaOf(); !strings.Contains(q, ">100000<") || !strings.Contains(q, "404") {
		t.Error(q)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.maxEntries = 3
	s.is(http.StatusCreated, "MKCOL", "/a", "")
	s.is(http.StatusCreated, http.MethodPut, "/a/1", "")
	s.is(http.StatusCreated, http.MethodPut, "/a/2", "")
	s.is(http.StatusInsufficientStorage, http.MethodPut, "/a/3", "")
	s.is(http.StatusInsufficientStorage, "MKCOL", "/b", "")
	s.is(http.StatusInsufficientStorage, "COPY", "/a/1", "", "Destination: "+s.url+"/b")
	s.is(http.StatusNoContent, http.MethodPut, "/a/2", "more")
	s.is(http.StatusNoContent, "MOVE", "/a/1", "", "Destination: "+s.url+"/a/2")
	s.is(http.StatusCreated, http.MethodPut, "/a/3", "")
	s.is(http.StatusInsufficientStorage, http.MethodPut, "/a/4", "")
	s.is(http.StatusNoContent, http.MethodDelete, "/a", "")
	s.is(http.StatusCreated, "MKCOL", "/b", "")
}

// TestQuotaHoldsWhateverHappensAtOnce has many clients of one account do all they
// can at once. The quota is never exceeded, and what was counted is what is there.
func TestQuotaHoldsWhateverHappensAtOnce(t *testing.T) {
	const quota, clients = 200_000, 12
	dir := t.TempDir()
	s := serveFrom(t, dir)
	s.account(anna, quota)
	for i := range 4 {
		s.is(http.StatusCreated, "MKCOL", fmt.Sprintf("/%d", i), "")
	}
	var stored, refused atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(c)))
			for range 60 {
				name := fmt.Sprintf("/%d/%d", random.IntN(4), random.IntN(6))
				to := fmt.Sprintf("Destination: %s/%d/%d", s.url, random.IntN(4), random.IntN(6))
				var a reply
				switch random.IntN(12) {
				case 10:
					a = s.do("PROPFIND", path.Dir(name), "", "Depth: 1")
				case 11:
					a = s.do(http.MethodGet, name, "")
				case 0:
					a = s.do(http.MethodDelete, name, "")
				case 1:
					a = s.do("MOVE", name, "", to)
				case 2, 3:
					a = s.do("COPY", name, "", to)
				case 4:
					a = s.do("COPY", path.Dir(name), "", to)
				case 5:
					a = s.as(string(anna), password, http.MethodPut, name, struct{ io.Reader }{bytes.NewReader(make([]byte, random.IntN(60_000)))})
				default:
					a = s.as(string(anna), password, http.MethodPut, name, bytes.NewReader(make([]byte, random.IntN(60_000))))
				}
				switch {
				case a.StatusCode == http.StatusInsufficientStorage:
					refused.Add(1)
				case a.StatusCode == http.StatusCreated:
					stored.Add(1)
				case a.StatusCode >= 500:
					t.Errorf("%s %s: %d %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body)
				}
				if used := s.uses(); used > quota {
					t.Errorf("%d bytes of %d", used, quota)
				}
			}
		})
	}
	wg.Wait()
	if stored.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d requests were carried out, %d refused: that shows nothing", stored.Load(), refused.Load())
	}
	sum := int64(0)
	for name, size := range s.files() {
		sum += size
		if !strings.HasPrefix(name, dataDir) {
			t.Errorf("%s is left", name)
		}
	}
	a := s.held(anna)
	if domain.Bytes(sum) != a.contents.used || a.contents.used > quota || a.contents.arrives != 0 {
		t.Errorf("%d bytes are there, %d counted, %d arriving", sum, a.contents.used, a.contents.arrives)
	}
	counted := *a.contents
	a.contents = nil
	if err := s.count(a); err != nil || a.contents.entries != counted.entries {
		t.Errorf("%d files and folders are there, %d counted, %v", a.contents.entries, counted.entries, err)
	}
}

func (s *server) held(login provisioning.Login) *account { return s.Storage.account(nameOf(login)) }

// TestManyUploadsFillTheQuota has more arrive at once than there is room for: as
// many are taken as fit.
func TestManyUploadsFillTheQuota(t *testing.T) {
	s := serve(t)
	s.account(anna, 1_000_000)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for { // who is refused while others are arriving tries once more after them
				a := s.as(string(anna), password, http.MethodPut, fmt.Sprintf("/%d", i), bytes.NewReader(make([]byte, 99_000)))
				if a.StatusCode == http.StatusCreated {
					taken.Add(1)
					return
				}
				if a.StatusCode != http.StatusInsufficientStorage {
					t.Errorf("%d %s", a.StatusCode, a.body)
					return
				}
				if taken.Load() == 10 {
					return
				}
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 10 || s.uses() != 990_000 {
		t.Errorf("%d files are taken, %d bytes used", n, s.uses())
	}
}

func TestConditions(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "x", "If-Match: *")
	tag := s.is(http.StatusCreated, http.MethodPut, "/a", "one", "If-None-Match: *").Header.Get("Etag")
	if got := s.is(http.StatusOK, http.MethodHead, "/a", "").Header.Get("Etag"); got != tag || tag == "" {
		t.Errorf("put as %s, read as %s", tag, got)
	}
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "x", "If-None-Match: *")
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "x", `If-Match: "other"`)
	s.is(http.StatusPreconditionFailed, http.MethodDelete, "/a", "", `If-Match: "other"`)
	s.is(http.StatusPreconditionFailed, "MOVE", "/a", "", `If-Match: "other"`, "Destination: "+s.url+"/b")
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "x", "If-Unmodified-Since: Mon, 02 Jan 2006 15:04:05 GMT")
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "x", `If: (["other"])`)
	s.is(http.StatusNotModified, http.MethodGet, "/a", "", "If-None-Match: "+tag)
	s.has("/a", "one")
	next := s.is(http.StatusNoContent, http.MethodPut, "/a", "two", `If-Match: "other", `+tag).Header.Get("Etag")
	if next == tag {
		t.Error("two files of one length, put at once, have one tag")
	}
	s.is(http.StatusNoContent, http.MethodPut, "/a", "two", "If: (["+next+"])")
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "x", "If-Match: "+tag)
	s.has("/a", "two")

	// Of many who change one file, one at a time is the first.
	s.is(http.StatusNoContent, http.MethodPut, "/a", "0")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for added := 0; added < 5; {
				is := s.do(http.MethodGet, "/a", "")
				n, err := strconv.Atoi(is.body)
				if err != nil {
					t.Errorf("%d %q", is.StatusCode, is.body)
					return
				}
				if s.do(http.MethodPut, "/a", strconv.Itoa(n+1), "If-Match: "+is.Header.Get("Etag")).StatusCode == http.StatusNoContent {
					added++
				}
			}
		})
	}
	wg.Wait()
	s.has("/a", "30")
}

func TestLocks(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusCreated, http.MethodPut, "/a", "one")
	a := s.is(http.StatusOK, "LOCK", "/a", exclusive, "Timeout: Infinite, Second-4100000000")
	token := a.Header.Get("Lock-Token")
	if !strings.Contains(a.body, "Second-3600") || !strings.HasPrefix(token, "<urn:uuid:") {
		t.Errorf("%s %s", token, a.body)
	}
	s.is(http.StatusLocked, http.MethodPut, "/a", "two")
	s.is(http.StatusLocked, http.MethodDelete, "/a", "")
	s.is(http.StatusLocked, "MOVE", "/a", "", "Destination: "+s.url+"/b")
	s.is(http.StatusLocked, "LOCK", "/a", exclusive)
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "two", "If: (<urn:uuid:00000000-0000-4000-8000-000000000000>)")
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "two", "If: (<DAV:no-lock>)")
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "two", `If: (`+token+` ["other"])`)
	s.is(http.StatusPreconditionFailed, http.MethodPut, "/a", "two", `If: (Not `+token+`)`)
	s.has("/a", "one")
	s.is(http.StatusNoContent, http.MethodPut, "/a", "two", "If: ("+token+")")
	s.is(http.StatusOK, "LOCK", "/a", "", "If: ("+token+")", "Timeout: Second-60")
	s.is(http.StatusNoContent, "UNLOCK", "/a", "", "Lock-Token: "+token)
	s.is(http.StatusConflict, "UNLOCK", "/a", "", "Lock-Token: "+token)
	s.is(http.StatusNoContent, http.MethodPut, "/a", "three")
	s.is(http.StatusCreated, "LOCK", "/new", exclusive)
	s.has("/new", "")

	// A locked folder is not written into.
	s.is(http.StatusCreated, "MKCOL", "/c", "")
	token = s.is(http.StatusOK, "LOCK", "/c", exclusive).Header.Get("Lock-Token")
	s.is(http.StatusLocked, http.MethodPut, "/c/a", "x")
	s.is(http.StatusCreated, http.MethodPut, "/c/a", "x", "If: <"+s.url+"/c> ("+token+")")

	s.is(http.StatusLocked, http.MethodDelete, "/c", "")
	s.is(http.StatusCreated, "MKCOL", "/d", "")
	s.is(http.StatusCreated, "LOCK", "/d/a", exclusive, "Depth: 0")
	s.is(http.StatusLocked, http.MethodDelete, "/d", "")
	s.is(http.StatusLocked, "MOVE", "/d", "", "Destination: "+s.url+"/e")
	s.is(http.StatusLocked, "MOVE", "/c", "", "Destination: "+s.url+"/d", "Overwrite: T")

	// Who shows the lock of one thing does not open another by it, and may move what
	// is locked to where nothing is.
	s.is(http.StatusCreated, http.MethodPut, "/e", "x")
	mine := s.is(http.StatusOK, "LOCK", "/e", exclusive).Header.Get("Lock-Token")
	for _, list := range []string{"(" + mine + ")", "<" + s.url + "/e> (" + mine + ")"} {
		s.is(http.StatusPreconditionFailed, http.MethodPut, "/c/a", "x", "If: "+list)
		s.is(http.StatusPreconditionFailed, http.MethodDelete, "/d/a", "", "If: "+list)
		s.is(http.StatusPreconditionFailed, "MOVE", "/c/a", "", "If: "+list, "Destination: "+s.url+"/e", "Overwrite: T")
		s.is(http.StatusPreconditionFailed, "MOVE", "/e", "", "If: "+list, "Destination: "+s.url+"/c/a", "Overwrite: T")
	}
	s.is(http.StatusCreated, "MOVE", "/e", "", "If: <"+s.url+"/e> ("+mine+")", "Destination: "+s.url+"/f")
	s.is(http.StatusCreated, http.MethodPut, "/e", "x") // the lock went with what it was on
	s.is(http.StatusNoContent, http.MethodPut, "/f", "x")
	s.is(http.StatusNoContent, http.MethodDelete, "/c", "", "If: ("+token+")")
	s.is(http.StatusCreated, "MKCOL", "/c", "")
	s.is(http.StatusCreated, http.MethodPut, "/c/a", "x")

	s.held(anna).contents.locks.most = 3 // and two are there
	s.is(http.StatusCreated, "LOCK", "/1", exclusive)
	s.is(http.StatusLocked, "LOCK", "/2", exclusive)

	// Another account has locks of its own.
	s.account("ben@example.org", domain.GB)
	if a := s.as("ben@example.org", password, "LOCK", "/a", strings.NewReader(exclusive)); a.StatusCode != http.StatusCreated {
		t.Errorf("%d", a.StatusCode)
	}
}

// TestNobodyGetsOut tries to reach what is not in the account: another account,
// and files of the machine.
func TestNobodyGetsOut(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.account("ben@example.org", domain.GB)
	if a := s.as("ben@example.org", password, http.MethodPut, "/secret", strings.NewReader("of Ben")); a.StatusCode != http.StatusCreated {
		t.Fatal(a.StatusCode)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	annas, bens := s.held(anna).Folder, s.held("ben@example.org").Folder
	data := filepath.Join(s.dir, filesDir, annas, dataDir)
	for name, to := range map[string]string{
		"file": filepath.Join(outside, "file"), "folder": outside, "up": "../../" + bens + "/" + dataDir, "tmp": "../" + tempDir,
	} {
		if err := os.Symlink(to, filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.is(http.StatusCreated, http.MethodPut, "/mine", "mine")
	for _, up := range []string{"../", "%2e%2e/", "..%2f", "a/../../", "./../../", "%2e%2e%2f%2e%2e%2f"} {
		for _, name := range []string{bens + "/data/secret", "../" + bens + "/data/secret", "../../accounts/" + nameOf("ben@example.org") + ".json", "../../../../../../../../etc/passwd"} {
			for _, method := range []string{http.MethodGet, "PROPFIND"} {
				a := s.raw(method, "/dav/"+up+name, "Depth: 1")
				if a.StatusCode < 400 && a.StatusCode != http.StatusMovedPermanently && a.StatusCode != http.StatusTemporaryRedirect {
					t.Errorf("%s %s: %d %s", method, up+name, a.StatusCode, a.body)
				}
			}
		}
		s.raw(http.MethodPut, "/dav/"+up+"planted", "Content-Length: 0")
	}
	for _, name := range []string{"/file", "/folder", "/folder/file", "/up/secret", "/up/"} {
		for _, method := range []string{http.MethodGet, "PROPFIND", "MOVE", "COPY"} {
			if a := s.do(method, name, "", "Depth: 1", "Destination: "+s.url+"/taken"); a.StatusCode < 400 {
				t.Errorf("%s %s: %d %s", method, name, a.StatusCode, a.body)
			}
		}
	}
	for _, name := range []string{"/folder/planted", "/up/planted", "/tmp/planted"} {
		if a := s.do(http.MethodPut, name, "x"); a.StatusCode < 400 {
			t.Errorf("put %s: %d", name, a.StatusCode)
		}
	}
	if a := s.do(http.MethodPut, "/file", "x"); a.StatusCode != http.StatusCreated && a.StatusCode < 400 { // replaces the link itself
		t.Errorf("put /file: %d", a.StatusCode)
	}
	if list := s.is(http.StatusMultiStatus, "PROPFIND", "/", "", "Depth: 1").body; strings.Contains(list, "/dav/folder") || strings.Contains(list, "/dav/up") || !strings.Contains(list, "/dav/mine") {
		t.Error(list)
	}
	text, err := os.ReadFile(filepath.Join(outside, "file"))
	if err != nil || string(text) != "outside" {
		t.Errorf("%q %v", text, err)
	}
	err = filepath.WalkDir(filepath.Dir(s.dir), func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "planted" && !strings.HasPrefix(p, data) {
			t.Errorf("there is %s", p)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// raw asks with a path as it is written.
func (s *server) raw(method, target string, headers ...string) reply {
	s.Helper()
	u, _ := url.Parse(s.url)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	r, _ := http.NewRequest(method, s.url, nil)
	r.SetBasicAuth(string(anna), password)
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAuthorization: %s\r\n%s\r\n\r\n", method, target, u.Host, r.Header.Get("Authorization"), strings.Join(headers, "\r\n"))
	a, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		s.Fatalf("%s %s: %v", method, target, err)
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(a.Body)
	return reply{a, string(text)}
}

// TestBrokenUploads sends part of a file and no more: nothing of it is seen, and
// its room is given back.
func TestBrokenUploads(t *testing.T) {
	s := serve(t)
	s.account(anna, 1_000_000)
	u, _ := url.Parse(s.url)
	r, _ := http.NewRequest(http.MethodPut, s.url, nil)
	r.SetBasicAuth(string(anna), password)
	whole := 0
	for _, length := range []string{"Content-Length: 900000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n40000\r\n"} {
		for _, hangUp := range []bool{true, false} {
			whole++
			name := fmt.Sprintf("/%d", whole)
			s.is(http.StatusCreated, http.MethodPut, name, "whole")
			if !hangUp {
				s.patience = 2 * time.Second
			}
			conn, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "PUT /dav%s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n%s%s", name, u.Host, r.Header.Get("Authorization"), length, strings.Repeat("x", 200_000))
			if !hangUp {
				a, err := http.ReadResponse(bufio.NewReader(conn), r)
				if err != nil || a.StatusCode != http.StatusRequestTimeout {
					t.Fatalf("%v, %v", a, err)
				}
				a.Body.Close()
				s.patience = time.Minute
			} else { // once it has begun: else there is nothing of it to see yet, and it takes up room later
				s.eventually(func() bool { return len(s.files()) > whole })
			}
			conn.Close()
			s.eventually(func() bool {
				files := s.files()
				return len(files) == whole && files[dataDir+name] == 5
			})
			s.has(name, "whole")
		}
	}
	s.is(http.StatusCreated, http.MethodPut, "/all", strings.Repeat("x", 1_000_000-5*whole)) // the room there is
}

// TestRefusedUploadIsToldWhy has a client send all of a file before it reads what
// comes of it.
func TestRefusedUploadIsToldWhy(t *testing.T) {
	s := serve(t)
	s.account(anna, 1000)
	u, _ := url.Parse(s.url)
	r, _ := http.NewRequest(http.MethodPut, s.url, nil)
	text := strings.Repeat("x", 8<<20)
	for _, length := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text), fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(text), text)} {
		for password, status := range map[string]int{password: http.StatusInsufficientStorage, "something else": http.StatusUnauthorized} {
			r.SetBasicAuth(string(anna), password)
			conn, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(conn, "PUT /dav/a HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n%s", u.Host, r.Header.Get("Authorization"), length); err != nil {
				t.Error(err)
			}
			a, err := http.ReadResponse(bufio.NewReader(conn), r)
			if err != nil || a.StatusCode != status {
				t.Fatalf("%v, %v", a, err)
			}
			a.Body.Close()
			conn.Close()
		}
	}
}

// eventually waits until something is so.
func (s *server) eventually(so func() bool) {
	s.Helper()
	for start := time.Now(); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > time.Minute {
			s.Fatalf("it does not come about; on the disk: %v", s.files())
		}
	}
}

// TestSuspendedMeanwhile suspends and deletes an account while a file arrives and
// while one is read: neither goes on.
func TestSuspendedMeanwhile(t *testing.T) {
	s := serve(t)
	s.account(anna, domain.GB)
	s.is(http.StatusCreated, http.MethodPut, "/large", strings.Repeat("x", 50_000_000))
	for _, stop := range []func() error{
		func() error { _, err := s.Suspend(t.Context(), s.want(anna, domain.GB)); return err },
		func() error { _, err := s.Delete(t.Context(), s.want(anna, domain.GB)); return err },
	} {
		s.as(string(anna), password, http.MethodGet, "/", nil) // has signed in
		reader, writer := io.Pipe()
		put := make(chan reply)
		go func() { put <- s.as(string(anna), password, http.MethodPut, "/new", reader) }()
		if _, err := writer.Write(make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/large", nil)
		r.SetBasicAuth(string(anna), password)
		get, err := http.DefaultClient.Do(r)
		if err != nil || get.StatusCode != http.StatusOK {
			t.Fatal(get, err)
		}
		s.eventually(func() bool { return len(s.files()) == 2 })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		_, _ = writer.Write(make([]byte, 100_000))
		writer.Close()
		if a := <-put; a.StatusCode != http.StatusForbidden {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if n, err := io.Copy(io.Discard, get.Body); err == nil {
			t.Errorf("%d bytes were read to the end", n)
		}
		get.Body.Close()
		s.eventually(func() bool { return len(s.files()) < 2 })
		if _, err := s.Resume(t.Context(), s.want(anna, domain.GB)); err != nil {
			if s.held(anna).Login != "" {
				t.Fatal(err)
			}
		}
	}
	if files := s.files(); len(files) > 0 {
		t.Errorf("on the disk: %v", files)
	}
}

func TestPage(t *testing.T) {
	s := serve(t)
	s.account(anna, 2*domain.GB)
	s.is(http.StatusCreated, "MKCOL", "/"+url.PathEscape(`<b>"A" & B`), "")
	s.is(http.StatusCreated, http.MethodPut, "/z.html", `<script>alert(1)</script>`)
	s.is(http.StatusCreated, http.MethodPut, "/a.bin", strings.Repeat("x", 1_250_000))
	a := s.is(http.StatusOK, http.MethodGet, "/", "")
	folder, bin, html := strings.Index(a.body, "%3Cb%3E%22A%22%20&amp;%20B/"), strings.Index(a.body, "a.bin"), strings.Index(a.body, "z.html")
	if folder < 0 || bin < folder || html < bin || strings.Contains(a.body, "<b>") || !strings.Contains(a.body, "1.3 MB") && !strings.Contains(a.body, "1.2 MB") || !strings.Contains(a.body, "2.0 GB") {
		t.Error(a.body)
	}
	if below := s.is(http.StatusOK, http.MethodGet, "/"+url.PathEscape(`<b>"A" & B`), "").body; !strings.Contains(below, `href="/dav/"`) {
		t.Error(below)
	}
	if head := s.is(http.StatusOK, http.MethodHead, "/", ""); head.body != "" || head.Header.Get("Content-Type") != a.Header.Get("Content-Type") {
		t.Errorf("%v", head.Header)
	}
	for name, policy := range map[string]string{"/z.html": "sandbox", "/": "default-src 'none'"} {
		h := s.is(http.StatusOK, http.MethodGet, name, "").Header
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), policy) || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestOptionsNeedNoPassword(t *testing.T) {
	s := serve(t)
	a := s.as("", "", http.MethodOptions, "/any/thing", nil)
	if a.StatusCode != http.StatusOK || a.Header.Get("Dav") != "1, 2" || a.Header.Get("Ms-Author-Via") != "DAV" || !strings.Contains(a.Header.Get("Allow"), "PROPFIND") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

// TestLargeFile streams more than is kept in memory, both ways, in pieces of odd
// sizes.
func TestLargeFile(t *testing.T) {
	const size = 60_000_000
	s := serve(t)
	s.account(anna, domain.GB)
	if a := s.as(string(anna), password, http.MethodPut, "/large", io.LimitReader(&counting{}, size)); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	s.is(http.StatusCreated, "COPY", "/large", "", "Destination: "+s.url+"/copy")
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/copy", nil)
	r.SetBasicAuth(string(anna), password)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	want, got := &counting{}, make([]byte, 1<<20)
	for n := 0; ; {
		k, err := a.Body.Read(got)
		expected := make([]byte, k)
		_, _ = want.Read(expected)
		if !bytes.Equal(got[:k], expected) {
			t.Fatalf("differs after %d bytes", n)
		}
		n += k
		if errors.Is(err, io.EOF) && n == size {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

// counting is an endless text that repeats itself nowhere near.
type counting struct{ n int }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n ^ c.n>>8 ^ c.n>>16)
		c.n++
	}
	return len(p), nil
}
