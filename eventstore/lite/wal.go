package lite

import (
	"github.com/ncruces/go-sqlite3/vfs"
)

// gatheredVFS is the name of the file system of connections that write a log: that of
// the operating system, but for the write-ahead log, to which it writes what a commit
// adds at once and not page by page. SQLite writes each page there by two calls, and
// a commit of many appends changes many pages.
const gatheredVFS = "gathered"

func init() { vfs.Register(gatheredVFS, gathered{vfs.Find("os").(vfs.VFSFilename)}) }

type gathered struct{ vfs.VFSFilename }

func (g gathered) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := g.VFSFilename.OpenFilename(name, flags)
	if err == nil && flags&vfs.OPEN_WAL != 0 {
		f = &gatheredFile{File: f}
	}
	return f, flags, err
}

// gatheredMost is how much is gathered at most.
const gatheredMost = 1 << 20

// A gatheredFile writes what it is given when it is to be synchronised, or when it is
// looked at. Others are told of a commit only after it was synchronised, as
// synchronous FULL has it and no other mode; so they never miss anything. An error of
// writing is that of the commit then: it is rolled back, as if it had come earlier.
type gatheredFile struct {
	vfs.File
	held []byte
	at   int64 // where held belongs
}

func (f *gatheredFile) WriteAt(p []byte, off int64) (int, error) {
	if off != f.at+int64(len(f.held)) || len(f.held)+len(p) > gatheredMost {
		if err := f.flush(); err != nil {
			return 0, err
		}
		f.at = off
	}
	f.held = append(f.held, p...)
	return len(p), nil
}

// flush writes what is held. What could not be written is of a transaction that is
// rolled back for it.
func (f *gatheredFile) flush() error {
	if len(f.held) == 0 {
		return nil
	}
	_, err := f.File.WriteAt(f.held, f.at)
	f.at += int64(len(f.held))
	f.held = f.held[:0]
	return err
}

func (f *gatheredFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.flush(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *gatheredFile) Sync(flags vfs.SyncFlag) error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.File.Sync(flags)
}

func (f *gatheredFile) Truncate(size int64) error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *gatheredFile) Size() (int64, error) {
	if err := f.flush(); err != nil {
		return 0, err
	}
	return f.File.Size()
}

func (f *gatheredFile) Close() error {
	err := f.flush()
	if closed := f.File.Close(); err == nil {
		err = closed
	}
	return err
}

// Unwrap is that of [vfs.FileUnwrap].
func (f *gatheredFile) Unwrap() vfs.File { return f.File }
