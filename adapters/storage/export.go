package storage

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rochdale/adapters/fault"
	"rochdale/domain/provisioning"
)

// Export writes all that is in the folder of an account as a zip archive, also while it is suspended. What changes
// meanwhile is in it as it is when its turn comes.
func (s *Storage) Export(ctx context.Context, ref provisioning.Ref, w io.Writer) error {
	if err := begin(ctx, ref); err != nil {
		return err
	}
	a, err := s.find(ref.Login)
	if err == nil && a != nil {
		a.mu.Lock()
		err = s.read(a)
		a.mu.Unlock()
	}
	if err != nil {
		return sorted(false, "look at an account: %w", err)
	}
	if a == nil || a.Login == "" {
		return fault.New(fault.Invalid, "", "storage: there is no such account")
	}
	root, err := os.OpenRoot(filepath.Join(s.dir, filesDir, a.Folder, dataDir))
	if err != nil {
		return sorted(false, "open the folder of %s: %w", a.Account, err)
	}
	defer root.Close()
	archive := zip.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || name == "." && err == nil {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		return add(archive, root, name, d)
	})
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return sorted(false, "copy what %s holds: %w", a.Account, err)
	}
	return nil
}

// add adds a file or folder to an archive, unless it has gone meanwhile, or is neither.
func add(archive *zip.Writer, root *os.Root, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) || err == nil && !d.IsDir() && !d.Type().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: info.ModTime()}
	if d.IsDir() {
		header.Name, header.Method = name+"/", zip.Store
		_, err := archive.CreateHeader(header)
		return err
	}
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	to, err := archive.CreateHeader(header)
	if err == nil {
		_, err = io.Copy(to, f)
	}
	return err
}
