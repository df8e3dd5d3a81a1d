package storage

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/webdav"

	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// contents is what the folder of an account holds. It is made when it is counted,
// and is of no account any more once that is deleted.
type contents struct {
	folder  string
	locks   *locks
	used    domain.Bytes // by files that are complete
	arrives domain.Bytes // beyond the files that are replaced by it
	entries int64        // files and folders
	stamp   time.Time    // of the file that came last
}

// Why something is not done for a holder.
var (
	errQuota   = errors.New("storage: the quota is used up")
	errShut    = errors.New("storage: the account was suspended or deleted")
	errChanged = errors.New("storage: it is not as the request has it be")
	errFolder  = errors.New("storage: it is a folder")
	errParent  = errors.New("storage: the folder that it shall be in is not there")
	errRoot    = errors.New("storage: the folder of the account itself stays where it is")
	errBroken  = errors.New("storage: the sender broke off")
)

// room returns errQuota if the account, which is locked, has none for so much more.
// What needs none may always be done, also by one that holds too much.
func (a *account) room(more domain.Bytes) error {
	if more > 0 && a.Quota != provisioning.Unlimited && more > a.Quota-a.contents.used-a.contents.arrives {
		return errQuota
	}
	return nil
}

// count counts what an account holds, which is locked and is served from here,
// unless that is done; and removes what a kill left of uploads.
func (s *Storage) count(a *account) error {
	if a.contents != nil || a.Login == "" {
		return nil
	}
	dir := filepath.Join(s.dir, filesDir, a.Folder)
	if err := os.RemoveAll(filepath.Join(dir, tempDir)); err != nil {
		return err
	}
	if err := s.makeFolder(a.Folder); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	used, entries, err := size(root, dataDir)
	if err != nil {
		return err
	}
	a.contents = &contents{folder: a.Folder, locks: newLocks(), used: used, entries: entries - 1} // itself it costs nothing
	return nil
}

// used returns how much an account holds, which is locked and was read. Whoever
// does not serve has to count each time, and leaves everything as it is.
func (s *Storage) used(a *account) (domain.Bytes, error) {
	if a.Login == "" {
		return 0, nil
	}
	if s.serves() {
		if err := s.count(a); err != nil {
			return 0, err
		}
		return a.contents.used, nil
	}
	root, err := os.OpenRoot(filepath.Join(s.dir, filesDir, a.Folder))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // is being deleted
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	used, _, err := size(root, dataDir)
	return used, err
}

// size returns what a file holds, or a folder and all below it, and how many
// files and folders these are. What goes meanwhile, or becomes a file where a folder
// was, is not counted.
func size(root *os.Root, name string) (used domain.Bytes, entries int64, err error) {
	err = fs.WalkDir(root.FS(), name, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil
		}
		if err != nil {
			return err
		}
		entries++
		if d.Type().IsRegular() {
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			used += domain.Bytes(info.Size())
		}
		return nil
	})
	return used, entries, err
}

// visit is one request of a holder, and shows it the folder of the account as
// [webdav.FileSystem]. No name and no symbolic link leads out of that.
type visit struct {
	storage *Storage
	account *account
	*contents
	*line
	root      *os.Root
	request   *http.Request
	name, to  string // what it is about, and where to; below the folder
	asksQuota bool   // in PROPFIND, by name
	replaced  bool   // what was there
	failed    error  // first
}

var _ webdav.FileSystem = (*visit)(nil)

// enter begins a visit to an account, of which the holder has shown the password.
func (s *Storage) enter(a *account, r *http.Request, l *line) (*visit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := s.read(a); err != nil {
		return nil, err
	}
	if a.Login == "" || a.Suspended {
		return nil, errShut
	}
	if err := s.count(a); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Join(s.dir, filesDir, a.Folder))
	if err != nil {
		return nil, err
	}
	return &visit{storage: s, account: a, contents: a.contents, line: l, root: root, request: r}, nil
}

// inside returns the name of what WebDAV calls so, below the folder of the account.
func inside(name string) string { return path.Join(dataDir, path.Clean("/"+name)) }

// open returns errShut if the account, which is locked, has been closed meanwhile.
func (v *visit) open() error {
	if v.account.contents != v.contents || v.account.Suspended {
		return errShut
	}
	return nil
}

// change calls a function in whose time nothing else changes in the folder.
func (v *visit) change(do func() error) error {
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	if err := v.storage.read(v.account); err != nil {
		return err
	}
	if err := v.open(); err != nil {
		return err
	}
	return do()
}

// note remembers why the request fails, for the answer. That something is not
// there, or is there, whoever calls knows best what to make of.
func (v *visit) note(err error) error {
	if v.failed == nil && err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
		v.failed = err
	}
	return err
}

// look returns what is there: a file or a folder. What is neither is not there, nor
// is what a symbolic link would lead out to.
func (v *visit) look(name string) (info, error) {
	is, err := v.root.Lstat(name)
	_, ofDisk := errors.AsType[syscall.Errno](err)
	if err == nil && !is.Mode().IsRegular() && !is.IsDir() || err != nil && !ofDisk || errors.Is(err, syscall.ENOTDIR) {
		err = &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info{is}, err
}

// Stat is that of [webdav.FileSystem].
func (v *visit) Stat(_ context.Context, name string) (os.FileInfo, error) {
	is, err := v.look(inside(name))
	if err != nil {
		return nil, v.note(err)
	}
	return is, nil
}

// Mkdir is that of [webdav.FileSystem].
func (v *visit) Mkdir(_ context.Context, name string, _ os.FileMode) error {
	name = inside(name)
	return v.note(v.change(func() error {
		if v.entries >= v.storage.maxEntries {
			return errQuota
		}
		if err := v.parent(name); err != nil {
			return err
		}
		if err := v.root.Mkdir(name, 0o700); err != nil {
			return err
		}
		v.entries++
		return v.sync(path.Dir(name))
	}))
}

// parent returns errParent if there is no folder that something can be in.
func (v *visit) parent(name string) error {
	is, err := v.look(path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !is.IsDir() {
		return errParent
	}
	return err
}

// RemoveAll is that of [webdav.FileSystem]. It is gone at once as a whole: what a
// kill leaves of it is out of sight, and is removed when the account is counted.
func (v *visit) RemoveAll(_ context.Context, name string) error {
	name = inside(name)
	if name == dataDir {
		return v.note(errRoot)
	}
	if v.replaces() {
		return nil
	}
	var bin string
	err := v.change(func() (err error) {
		if v.request.Method == http.MethodDelete {
			if err := v.unchanged(name); err != nil {
				return err
			}
		}
		if bin, err = v.discard(name); err != nil {
			return err
		}
		return v.sync(path.Dir(name))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return v.note(errors.Join(err, v.empty(bin)))
}

// replaces reports whether what is in the way is to stay there until what replaces
// it is: at the end of a MOVE, or of a COPY of one file.
func (v *visit) replaces() bool {
	if v.request.Method != "COPY" {
		return v.request.Method == "MOVE"
	}
	is, err := v.look(inside(v.name))
	return err == nil && !is.IsDir()
}

// discard puts something out of sight, in a change, and returns where it is.
func (v *visit) discard(name string) (bin string, err error) {
	used, entries, err := size(v.root, name)
	if err != nil {
		return "", err
	}
	bin = path.Join(tempDir, rand.Text())
	if err := v.root.Rename(name, bin); err != nil {
		return "", err
	}
	v.used -= used
	v.entries -= entries
	return bin, nil
}

// empty removes what was discarded, outside of a change: it may take long.
func (v *visit) empty(bin string) error {
	if bin == "" {
		return nil
	}
	return v.root.RemoveAll(bin)
}

// Rename is that of [webdav.FileSystem]. What is in the way is replaced.
func (v *visit) Rename(_ context.Context, from, to string) error {
	from, to = inside(from), inside(to)
	if from == dataDir || to == dataDir {
		return v.note(errRoot)
	}
	var bin string
	err := v.change(func() (err error) {
		if err := v.unchanged(from); err != nil {
			return err
		}
		if bin, err = v.put(from, to); err != nil {
			return err
		}
		return errors.Join(v.sync(path.Dir(to)), v.sync(path.Dir(from)))
	})
	return v.note(errors.Join(err, v.empty(bin)))
}

// put renames something, in a change. A file that replaces a file does so in one;
// a folder on either side has what is in the way put out of sight first.
func (v *visit) put(from, to string) (bin string, err error) {
	if err := v.parent(to); err != nil {
		return "", err
	}
	moved, err := v.look(from)
	if err != nil {
		return "", err
	}
	used, entries := v.used, v.entries
	switch is, err := v.look(to); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	case is.IsDir() || moved.IsDir():
		if bin, err = v.discard(to); err != nil {
			return "", err
		}
	default:
		v.used -= domain.Bytes(is.Size())
		v.entries--
	}
	if err := v.root.Rename(from, to); err != nil {
		v.used, v.entries = used, entries
		if bin != "" {
			err = errors.Join(err, v.root.Rename(bin, to))
		}
		return "", err
	}
	return bin, nil
}

// unchanged returns errChanged unless what is there is as the conditions of the
// request have it (RFC 9110 §13.2.2).
func (v *visit) unchanged(name string) error {
	is, err := v.look(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h := v.request.Header
	there, tag := err == nil, ""
	if there {
		tag = is.tag()
	}
	match, since := h.Values("If-Match"), h.Get("If-Unmodified-Since")
	switch {
	case len(match) > 0 && (!there || !names(match, tag)):
		return errChanged
	case len(match) == 0 && since != "":
		if t, err := http.ParseTime(since); err == nil && there && is.ModTime().Truncate(time.Second).After(t) {
			return errChanged
		}
	}
	if none := h.Values("If-None-Match"); len(none) > 0 && there && names(none, tag) {
		return errChanged
	}
	return nil
}

// sync makes the names in a folder last a power cut.
func (v *visit) sync(dir string) error {
	d, err := v.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OpenFile is that of [webdav.FileSystem]. What is written to a file is seen when
// it is closed, and not at all if any of it failed.
func (v *visit) OpenFile(_ context.Context, name string, flag int, _ os.FileMode) (webdav.File, error) {
	name = inside(name)
	if flag&os.O_TRUNC != 0 {
		u := &upload{visit: v, to: name, temp: path.Join(tempDir, rand.Text())}
		if err := v.change(u.begin); err != nil {
			return nil, v.note(err)
		}
		return u, nil
	}
	// To read; or to change properties, of which there are none to change.
	if _, err := v.look(name); err != nil {
		return nil, v.note(err)
	}
	f, err := v.root.Open(name)
	if err != nil {
		return nil, v.note(err)
	}
	return &download{f, v}, nil
}

// upload is a file that arrives.
type upload struct {
	file     *os.File
	visit    *visit
	to, temp string
	replaces domain.Bytes // the size of what was there
	size     domain.Bytes
	reserved domain.Bytes // of what arrives; guarded by the account
	dated    bool
	failed   error
}

// begin sees whether the file may arrive, in a change.
func (u *upload) begin() (err error) {
	v := u.visit
	switch is, err := v.look(u.to); {
	case err == nil && is.IsDir() && v.request.Method != "COPY":
		return errFolder
	case err == nil:
		if u.replaces, _, err = size(v.root, u.to); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case v.entries >= v.storage.maxEntries:
		return errQuota
	}
	if err := v.parent(u.to); err != nil {
		return err
	}
	if v.request.Method == http.MethodPut {
		if err := v.account.room(domain.Bytes(v.request.ContentLength) - u.replaces); err != nil {
			return err
		}
	}
	u.file, err = v.root.OpenFile(u.temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	return err
}

// buffers are for what arrives.
var buffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// ReadFrom takes in all that arrives, as far as there is room for it.
func (u *upload) ReadFrom(r io.Reader) (n int64, err error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		u.visit.wait()
		read, err := r.Read(*buffer)
		written, failed := u.Write((*buffer)[:read])
		n += int64(written)
		if failed != nil {
			return n, failed
		}
		if errors.Is(err, io.EOF) {
			u.visit.heard()
			return n, nil
		}
		if err != nil && u.visit.request.Method == http.MethodPut {
			err = fmt.Errorf("%w: %w", errBroken, err)
		}
		if err != nil {
			return n, u.fail(err)
		}
	}
}

// Write writes as much as there is room for, or nothing.
func (u *upload) Write(p []byte) (int, error) {
	if u.failed != nil {
		return 0, u.failed
	}
	if err := u.reserve(max(0, u.size+domain.Bytes(len(p))-u.replaces)); err != nil {
		return 0, u.fail(err)
	}
	n, err := u.file.Write(p)
	u.size += domain.Bytes(n)
	if err != nil {
		return n, u.fail(err)
	}
	return n, nil
}

func (u *upload) fail(err error) error {
	if u.failed == nil {
		u.failed = u.visit.note(err)
	}
	return err
}

// reserve has so much count as arriving.
func (u *upload) reserve(total domain.Bytes) error {
	a := u.visit.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := u.visit.open(); err != nil {
		return err
	}
	if err := a.room(total - u.reserved); err != nil {
		return err
	}
	u.visit.arrives += total - u.reserved
	u.reserved = total
	return nil
}

// Close puts the file in its place, unless any of it failed to arrive.
func (u *upload) Close() error {
	v := u.visit
	var bin string
	if u.failed == nil {
		u.failed = errors.Join(u.date(), u.file.Sync())
	}
	if u.failed == nil {
		u.failed = v.change(func() (err error) {
			bin, err = u.commit()
			return err
		})
	}
	v.account.mu.Lock()
	v.arrives -= u.reserved
	u.reserved = 0
	v.account.mu.Unlock()
	err := u.file.Close()
	if u.failed != nil {
		_ = v.root.Remove(u.temp) // what stays is removed when the account is counted
	}
	return v.note(errors.Join(u.failed, err, v.empty(bin)))
}

// commit renames the file to where it belongs, in a change.
func (u *upload) commit() (bin string, err error) {
	v, a := u.visit, u.visit.account
	if v.request.Method == http.MethodPut {
		if err := v.unchanged(u.to); err != nil {
			return "", err
		}
	}
	is, err := v.look(u.to)
	there := err == nil
	var old domain.Bytes
	switch {
	case there && is.IsDir() && v.request.Method != "COPY":
		return "", errFolder
	case there:
		if old, _, err = size(v.root, u.to); err != nil {
			return "", err
		}
	case v.entries >= v.storage.maxEntries:
		return "", errQuota
	}
	v.arrives -= u.reserved
	u.reserved = 0
	if err := a.room(u.size - old); err != nil {
		return "", err
	}
	if bin, err = v.put(u.temp, u.to); err != nil {
		return "", err
	}
	v.used += u.size
	v.entries++
	v.replaced = there
	return bin, v.sync(path.Dir(u.to))
}

// date gives the file, which has arrived, its instant: no two files have one, by
// which they are told apart.
func (u *upload) date() error {
	if u.dated {
		return nil
	}
	u.dated = true
	v := u.visit
	v.account.mu.Lock()
	at := time.Now()
	if next := v.stamp.Add(time.Microsecond); next.After(at) {
		at = next
	}
	v.stamp = at
	v.account.mu.Unlock()
	return v.root.Chtimes(u.temp, at, at)
}

// Stat is that of [webdav.File], of a file that has arrived.
func (u *upload) Stat() (os.FileInfo, error) {
	if err := u.date(); err != nil {
		return nil, u.fail(err)
	}
	is, err := u.file.Stat()
	if err != nil {
		return nil, u.fail(err)
	}
	return info{is}, nil
}

// Read, Seek and Readdir say no: nobody looks at what arrives.

func (u *upload) Read([]byte) (int, error)           { return 0, fs.ErrInvalid }
func (u *upload) Seek(int64, int) (int64, error)     { return 0, fs.ErrInvalid }
func (u *upload) Readdir(int) ([]os.FileInfo, error) { return nil, fs.ErrInvalid }

// download is a file or folder that is looked at.
type download struct {
	file  *os.File
	visit *visit
}

var _ webdav.DeadPropsHolder = (*download)(nil)

// Read reads on as long as the account is open.
func (d *download) Read(p []byte) (int, error) {
	d.visit.account.mu.Lock()
	err := d.visit.open()
	d.visit.account.mu.Unlock()
	if err != nil {
		return 0, d.visit.note(err)
	}
	return d.file.Read(p)
}

// Write says no: nobody writes to what they look at.
func (d *download) Write([]byte) (int, error) { return 0, fs.ErrInvalid }

// Seek is that of [webdav.File].
func (d *download) Seek(to int64, from int) (int64, error) { return d.file.Seek(to, from) }

// Close is that of [webdav.File].
func (d *download) Close() error { return d.file.Close() }

// Stat is that of [webdav.File].
func (d *download) Stat() (os.FileInfo, error) {
	is, err := d.file.Stat()
	if err != nil {
		return nil, d.visit.note(err)
	}
	return info{is}, nil
}

// Readdir returns what is there: files and folders.
func (d *download) Readdir(n int) ([]os.FileInfo, error) {
	all, err := d.file.Readdir(n)
	all = slices.DeleteFunc(all, func(is os.FileInfo) bool { return !is.Mode().IsRegular() && !is.IsDir() })
	for i, is := range all {
		all[i] = info{is}
	}
	return all, d.visit.note(err)
}

// DeadProps returns the quota properties of a folder (RFC 4331 §3), where they are
// asked for by name: they do not belong to allprop. What there is room for is not
// said of an account without a limit.
func (d *download) DeadProps() (map[xml.Name]webdav.Property, error) {
	if !d.visit.asksQuota {
		return nil, nil
	}
	if is, err := d.file.Stat(); err != nil || !is.IsDir() {
		return nil, d.visit.note(err)
	}
	properties := map[xml.Name]webdav.Property{}
	say := func(local string, n domain.Bytes) {
		name := xml.Name{Space: "DAV:", Local: local}
		properties[name] = webdav.Property{XMLName: name, InnerXML: []byte(strconv.FormatInt(int64(n), 10))}
	}
	used, quota := d.visit.usage()
	say("quota-used-bytes", used)
	if quota != provisioning.Unlimited {
		say("quota-available-bytes", max(0, quota-used))
	}
	return properties, nil
}

// usage returns how much the account holds, with what arrives, and its quota.
func (v *visit) usage() (used, quota domain.Bytes) {
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	return v.used + v.arrives, v.account.Quota
}

// Patch refuses: no properties are kept but those of the files, and those of the
// quota are not for its holder to change.
func (d *download) Patch(patches []webdav.Proppatch) ([]webdav.Propstat, error) {
	refused := webdav.Propstat{Status: http.StatusForbidden, XMLError: `<D:cannot-modify-protected-property xmlns:D="DAV:"/>`}
	for _, p := range patches {
		refused.Props = append(refused.Props, p.Props...)
	}
	return []webdav.Propstat{refused}, nil
}

// info is what is there.
type info struct{ os.FileInfo }

// tag tells a file apart from all that were there before under its name; that of
// a folder is empty.
func (i info) tag() string {
	if i.IsDir() {
		return ""
	}
	return fmt.Sprintf(`"%x-%x"`, i.ModTime().UnixNano(), i.Size())
}

// ETag is that of [webdav.ETager].
func (i info) ETag(context.Context) (string, error) { return i.tag(), nil }

// ContentType is that of [webdav.ContentTyper]: by the name, without a look inside.
func (i info) ContentType(context.Context) (string, error) { return i.mediaType(), nil }

func (i info) mediaType() string {
	if t := mime.TypeByExtension(path.Ext(i.Name())); t != "" {
		return t
	}
	return "application/octet-stream"
}
