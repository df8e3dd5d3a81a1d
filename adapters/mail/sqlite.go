package mail

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

const (
	// fileMode lets the group in, since Dovecot and Postfix read as users of their
	// own, and a reader of a WAL database writes to its index.
	fileMode = 0o660
	// dirMode hands the group of the folder on to the files in it.
	dirMode = 0o770 | fs.ModeSetgid
)

// settings make a commit last a power cut, let reading go on beside writing, and
// leave nothing of what is deleted.
const settings = `pragma busy_timeout=30000; pragma journal_mode=wal; pragma synchronous=full; pragma secure_delete=on`

// busyTimeout is the same as in the settings.
const busyTimeout = 30 * time.Second

// OpenSQLite opens a file of tables that mail servers of this machine read, and
// makes it, and the folder it is in, if need be.
//
// The group of the folder may read and write: the operator puts Dovecot and
// Postfix into it, or gives the folder to a group that they are in. A folder or file that
// is there keeps its mode.
func OpenSQLite(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return nil, fmt.Errorf("mail: make the folder of its tables: %w", err)
	}
	err = os.Mkdir(dir, 0o750)
	if err == nil {
		err = os.Chmod(dir, dirMode)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("mail: make the folder of its tables: %w", err)
	}
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("mail: make the file of its tables: %w", err)
	}
	name := strings.ReplaceAll(url.PathEscape(path), "&", "%26")
	db, err := driver.Open("file:"+name+"?modeof="+name+"&_txlock=immediate&_pragma=busy_timeout(30000)", func(c *sqlite3.Conn) error {
		// The index of the WAL is made here too, since SQLite would keep the group from
		// writing to it. It is left lying, with the WAL, so that others read while we are
		// away.
		if err := makeFile(path + "-shm"); err != nil {
			return err
		}
		err := c.Exec(settings)
		for began := time.Now(); errors.Is(err, sqlite3.BUSY) && time.Since(began) < busyTimeout; err = c.Exec(settings) {
			time.Sleep(time.Millisecond) // another turns it into a WAL database, for which SQLite does not wait by itself
		}
		if err != nil {
			return err
		}
		_, err = c.FileControl("main", sqlite3.FCNTL_PERSIST_WAL, true)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("mail: open %s: %w", path, err)
	}
	return db, nil
}

// makeFile makes an empty file, unless there is one, that is never seen with
// another mode than it shall have.
func makeFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = errors.Join(f.Chmod(fileMode), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	return err
}
