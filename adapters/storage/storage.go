// Package storage keeps a folder for each account on a disk of this machine, and
// serves it by WebDAV (RFC 4918), so that its holder can mount it.
//
// It is two things over one state: the port through which accounts are
// provisioned, and an [http.Handler] for their holders. See [Open] for what lies
// on the disk.
package storage

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

const (
	accountsDir = "accounts" // a file about each account
	filesDir    = "files"    // what the accounts hold
	dataDir     = "data"     // within the folder of an account: what its holder sees
	tempDir     = "tmp"      // within the folder of an account: what arrives, and what goes
)

// scheme is the one in which passwords are taken, in Dovecot's word for bcrypt.
const scheme = "BLF-CRYPT"

// maxCost is the highest cost of a hash that is taken: some four seconds per sign-in.
const maxCost = 16

// Storage keeps and serves the folders. Its methods may be called at once from
// several goroutines.
type Storage struct {
	dir        string
	prefix     string
	guard      *guard
	maxEntries int64         // files and folders of an account
	patience   time.Duration // with whoever sends or takes nothing

	mu       sync.Mutex
	accounts map[string]*account // that were asked for, by nameOf their login
	serving  *os.File            // the lock of whoever serves
	closed   bool
}

// Open opens the storage in a folder, which it creates if need be, to be served
// under a prefix of the path of URLs, like "/dav". It keeps there
//
//	accounts/<digest>.json     about an account, or that there was one
//	files/<folder>/data/       what the holder of an account sees
//	files/<folder>/tmp/        what arrives, and what goes
//	changing                   locked while an account is changed
//	serving                    locked by the process that serves
//
// Several processes may have it open, and provision accounts. Only one serves:
// the first that is asked to, until it closes the storage or ends. It counts once
// what an account holds and keeps count from then on, so that nobody else may
// write below files meanwhile.
func Open(dir, prefix string) (*Storage, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range []string{accountsDir, filesDir} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("storage: make its folder: %w", err)
		}
	}
	return &Storage{
		dir: dir, prefix: strings.TrimSuffix(path.Clean("/"+prefix), "/"), guard: newGuard(),
		maxEntries: 1_000_000, patience: time.Minute, accounts: map[string]*account{},
	}, nil
}

// Close lets another process serve. What is being served may end, nothing more begins.
func (s *Storage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.serving == nil {
		return nil
	}
	err := s.serving.Close()
	s.serving = nil
	return err
}

var (
	errClosed = errors.New("storage: it is closed")
	errServed = errors.New("storage: another process serves it: ask that one, or stop it")
)

// serve makes this the process that serves.
func (s *Storage) serve() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	if s.serving != nil {
		return nil
	}
	f, err := s.lock("serving", syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errServed
	}
	s.serving = f
	return err
}

// serves reports whether this is the process that serves.
func (s *Storage) serves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving != nil
}

// lock locks a file, for as long as it is open.
func (s *Storage) lock(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|how); {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(err, f.Close())
		}
	}
}

// nameOf returns what an account is filed under: a digest, which is as good a name
// for a file as any, however long or odd the login, and says nothing of a login
// that is gone.
func nameOf(l provisioning.Login) string {
	digest := sha256.Sum256([]byte(l))
	return hex.EncodeToString(digest[:16])
}

// record is what the file of an account says.
type record struct {
	Login     provisioning.Login `json:"login,omitempty"`   // empty: the account was deleted
	Account   domain.AccountID   `json:"account,omitempty"` // our mark
	Quota     domain.Bytes       `json:"quota,omitempty"`
	Suspended bool               `json:"suspended,omitempty"`
	Password  string             `json:"password,omitempty"` // {scheme}hash
	Revision  int64              `json:"revision"`           // of the wish last carried out
	Folder    string             `json:"folder,omitempty"`   // below files
}

// account is what is known of an account, there or not.
type account struct {
	name string

	mu       sync.Mutex // guards what follows; nobody waits for a network under it
	record              // as it was read last
	contents *contents  // of its folder, once counted
}

// account returns what is filed under a name.
func (s *Storage) account(name string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[name]
	if a == nil {
		a = &account{name: name}
		s.accounts[name] = a
	}
	return a
}

// find returns the account of a login, or nil if there never was one: nobody fills
// the memory by asking for logins.
func (s *Storage) find(l provisioning.Login) (*account, error) {
	name := nameOf(l)
	switch _, err := os.Lstat(s.file(name)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s.account(name), nil
}

func (s *Storage) file(name string) string {
	return filepath.Join(s.dir, accountsDir, name+".json")
}

// read reads the file of an account, which is locked.
func (s *Storage) read(a *account) error {
	var r record
	text, err := os.ReadFile(s.file(a.name))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case err != nil:
	case r.Login != "" && nameOf(r.Login) != a.name:
		err = errors.New("it is about another login than its name says")
	case r.Login != "" && (!filepath.IsLocal(r.Folder) || filepath.Base(r.Folder) != r.Folder || r.Folder == "."):
		err = fmt.Errorf("%q is no folder in %s", r.Folder, filesDir)
	}
	if err != nil {
		return fmt.Errorf("read %s, which a backup has, too: %w", s.file(a.name), err)
	}
	a.record = r
	if a.contents != nil && a.contents.folder != r.Folder {
		a.contents = nil
	}
	return nil
}

// write writes the file of an account, which is locked. A kill at any instant
// leaves the old file or the new one.
func (s *Storage) write(a *account, r record) error {
	if r == a.record {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "\t") //nolint:gosec // G117: the hash of a password is to be kept
	if err != nil {
		return err
	}
	file := s.file(a.name)
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return err
	}
	return s.read(a)
}

// syncDir makes the names in a folder last a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sorted says what was attempted, and of what class the error of the disk is.
func sorted(ambiguous bool, format string, args ...any) error {
	err := fmt.Errorf("storage: "+format, args...)
	class := fault.Transient
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		class = fault.Unavailable
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		class = fault.Denied
	}
	return &fault.Error{Class: class, Ambiguous: ambiguous, Err: err}
}

// Capabilities says that it can do it all, to the byte.
func (*Storage) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{Service: domain.Storage, Suspends: true, Lists: true, Usage: true, Schemes: []string{scheme}}
}

// Check reports whether its folder can be written to. It may be asked beside a
// process that serves.
func (s *Storage) Check(ctx context.Context) error {
	if err := begin(ctx); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, accountsDir), "check-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return sorted(false, "write to its folder: %w", err)
	}
	return nil
}

// Observe looks at one account. How much it holds is another question: see [Storage.Usage].
func (s *Storage) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	nothing := provisioning.Observed{Ref: ref, At: time.Now().UTC()}
	if err := begin(ctx, ref); err != nil {
		return nothing, err
	}
	a, err := s.find(ref.Login)
	if err == nil && a == nil {
		return nothing, nil
	}
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		err = s.read(a)
	}
	if err != nil {
		return nothing, sorted(false, "look at an account: %w", err)
	}
	return a.observed(ref), nil
}

// observed says how an account is, which is locked and was read.
func (a *account) observed(ref provisioning.Ref) provisioning.Observed {
	is := provisioning.Observed{Ref: ref, At: time.Now().UTC()}
	if a.Login == "" {
		return is
	}
	access, quota := provisioning.Active, a.Quota
	if a.Suspended {
		access = provisioning.Suspended
	}
	is.Account, is.Exists, is.Access, is.Quota = a.Account, true, &access, &quota
	return is
}

// Ensure makes the account, with its folder; to one that is there it gives the quota.
func (s *Storage) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return provisioning.Observed{Ref: want.Ref}, fault.New(fault.Invalid, "", "storage: ensure %s, which shall be absent", want.Account)
	}
	return s.change(ctx, want, func(a *account) error {
		next := a.record
		if next.Login == "" {
			next = record{Login: want.Login, Account: want.Account, Suspended: want.Access == provisioning.Suspended, Folder: rand.Text()}
			if err := s.makeFolder(next.Folder); err != nil {
				return err
			}
		}
		next.Quota, next.Revision = want.Quota, want.Revision
		return s.write(a, next)
	})
}

// makeFolder makes what an account needs to hold something.
func (s *Storage) makeFolder(name string) error {
	dir := filepath.Join(s.dir, filesDir, name)
	for _, d := range []string{dataDir, tempDir} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// SetQuota gives the account a quota, also one below what it holds: then it takes
// nothing more until there is room.
func (s *Storage) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, want, func(r *record) { r.Quota = want.Quota })
}

// Suspend answers the holder 403 from now on, also to what is being sent.
func (s *Storage) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, want, func(r *record) { r.Suspended = true })
}

// Resume lets the holder in again, by the password they had.
func (s *Storage) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.set(ctx, want, func(r *record) { r.Suspended = false })
}

// set changes an account that is there.
func (s *Storage) set(ctx context.Context, want provisioning.Desired, to func(*record)) (provisioning.Observed, error) {
	return s.change(ctx, want, func(a *account) error {
		if a.Login == "" {
			return missing(want.Account)
		}
		next := a.record
		to(&next)
		next.Revision = want.Revision
		return s.write(a, next)
	})
}

func missing(account domain.AccountID) error {
	return fault.New(fault.Transient, "missing", "storage: account %q is not there, or not yet: ensure it first", account)
}

// Delete removes the account and all that it holds. What stays is that there was
// one of that mark, lest an earlier wish for it come late.
func (s *Storage) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return s.change(ctx, want, func(a *account) error {
		if a.Login == "" && a.Account != want.Account && a.Account != "" {
			return nil // was somebody else's since
		}
		if a.Login != "" {
			shut := a.record // for whoever has to do it again
			shut.Suspended, shut.Revision = true, want.Revision
			if err := s.write(a, shut); err != nil {
				return err
			}
			a.contents = nil // uploads end here
			if err := os.RemoveAll(filepath.Join(s.dir, filesDir, a.Folder)); err != nil {
				return err
			}
		}
		return s.write(a, record{Account: want.Account, Revision: want.Revision})
	})
}

// change carries out a wish on an account, which is locked meanwhile, in all
// processes. A wish that was overtaken by a later one for the same account is
// refused, so that what is wanted is read again.
func (s *Storage) change(ctx context.Context, want provisioning.Desired, do func(*account) error) (provisioning.Observed, error) {
	nothing := provisioning.Observed{Ref: want.Ref, At: time.Now().UTC()}
	if err := begin(ctx, want.Ref); err != nil {
		return nothing, err
	}
	if want.Account == "" || want.Quota < provisioning.Unlimited {
		return nothing, fault.New(fault.Invalid, "", "storage: a wish for account %q of %d bytes", want.Account, want.Quota)
	}
	a := s.account(nameOf(want.Login))
	a.mu.Lock()
	defer a.mu.Unlock()
	changing, err := s.lock("changing", 0)
	if err != nil {
		return nothing, sorted(false, "change %s: %w", want.Account, err)
	}
	defer changing.Close()
	if err := s.read(a); err != nil {
		return nothing, sorted(false, "change %s: %w", want.Account, err)
	}
	if a.Login != "" && a.Account != want.Account {
		return nothing, fault.New(fault.Conflict, "", "storage: the login of %s is taken by an account that bears the mark %q", want.Account, a.Account)
	}
	if a.Account == want.Account && want.Revision < a.Revision {
		return nothing, fault.New(fault.Transient, "stale", "storage: wish %d for %s comes after %d: read again what is wanted", want.Revision, want.Account, a.Revision)
	}
	if err := do(a); err != nil {
		if _, known := errors.AsType[*fault.Error](err); known {
			return nothing, err
		}
		return nothing, sorted(true, "change %s: %w", want.Account, err)
	}
	return a.observed(want.Ref), nil
}

// SetCredential lets the holder in by a password whose hash is given, of scheme
// BLF-CRYPT.
func (s *Storage) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := begin(ctx, ref); err != nil {
		return err
	}
	if c.Scheme != scheme {
		return fault.New(fault.Unsupported, "", "storage: passwords hashed by %q: only by %s", c.Scheme, scheme)
	}
	if cost, err := bcrypt.Cost([]byte(c.Hash)); err != nil || cost > maxCost || len(c.Hash) != hashLength {
		return fault.New(fault.Invalid, "", "storage: the hash of a password is none of bcrypt's with a cost of at most %d", maxCost)
	}
	a, err := s.find(ref.Login)
	if err != nil {
		return sorted(false, "set a password: %w", err)
	}
	if a == nil {
		return missing("")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	changing, err := s.lock("changing", 0)
	if err != nil {
		return sorted(false, "set a password: %w", err)
	}
	defer changing.Close()
	if err := s.read(a); err != nil {
		return sorted(false, "set a password: %w", err)
	}
	if a.Login == "" {
		return missing(a.Account)
	}
	if a.Account == "" {
		return fault.New(fault.Conflict, "", "storage: the account bears no mark: it is not ours")
	}
	next := a.record
	next.Password = "{" + scheme + "}" + c.Hash
	if err := s.write(a, next); err != nil {
		return sorted(true, "set a password: %w", err)
	}
	return nil
}

// hashLength is that of a hash of bcrypt's.
const hashLength = 60

// List lists all accounts, in the order of their files. The cursor is the name of
// the file before.
func (s *Storage) List(ctx context.Context, cursor string, limit int) (provisioning.Page, error) {
	var page provisioning.Page
	if err := begin(ctx); err != nil {
		return page, err
	}
	if limit < 1 {
		return page, fault.New(fault.Invalid, "", "storage: list %d accounts: at least one", limit)
	}
	files, err := os.ReadDir(filepath.Join(s.dir, accountsDir))
	if err != nil {
		return page, sorted(false, "list accounts: %w", err)
	}
	last := ""
	for _, f := range files { // in the order of their names
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok || name <= cursor {
			continue
		}
		a := s.account(name)
		a.mu.Lock()
		err := s.read(a)
		is := a.observed(provisioning.Ref{Service: domain.Storage, Login: a.Login})
		a.mu.Unlock()
		if err != nil {
			return provisioning.Page{}, sorted(false, "list accounts: %w", err)
		}
		if !is.Exists {
			continue
		}
		if len(page.Accounts) == limit {
			page.Next = last
			break
		}
		page.Accounts, last = append(page.Accounts, is), name
	}
	return page, nil
}

// Usage says how much some accounts hold, in the order in which it is asked. What
// is arriving does not count.
func (s *Storage) Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	if err := begin(ctx, refs...); err != nil {
		return nil, err
	}
	all := make([]provisioning.Observed, 0, len(refs))
	for _, ref := range refs {
		is, err := s.usage(ctx, ref)
		if err != nil {
			return nil, err
		}
		all = append(all, is)
	}
	return slices.DeleteFunc(all, func(is provisioning.Observed) bool { return !is.Exists }), nil
}

func (s *Storage) usage(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	is, err := s.Observe(ctx, ref)
	if err != nil || !is.Exists {
		return is, err
	}
	a := s.account(nameOf(ref.Login))
	a.mu.Lock()
	defer a.mu.Unlock()
	used, err := s.used(a)
	if err != nil {
		return is, sorted(false, "count what %s holds: %w", is.Account, err)
	}
	is.Used = &used
	return is, nil
}

// begin says no to what is not to be begun.
func begin(ctx context.Context, refs ...provisioning.Ref) error {
	if ctx.Err() != nil {
		return fault.New(fault.Transient, "", "storage: %w", ctx.Err())
	}
	for _, ref := range refs {
		if ref.Service != domain.Storage || ref.Login == "" || strings.ToLower(string(ref.Login)) != string(ref.Login) {
			return fault.New(fault.Invalid, "", "storage: an account of service %q: it keeps those of service storage, each by its login in lower case", ref.Service)
		}
	}
	return nil
}

var _ http.Handler = (*Storage)(nil)
