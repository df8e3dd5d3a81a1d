package postgres_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rochdale/domain"
	"rochdale/eventstore"
	"rochdale/internal/pgtest"
)

// mountEnv tells the test binary that it has mounts of its own, and where to make a
// small disk.
const mountEnv = "ROCHDALE_POSTGRES_SMALL_DISK"

// TestFullDisk fills a real file system with a log, in a process that has it for
// itself. Only root can make one for a server; for others [TestAdvice] has to do.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(mountEnv); dir != "" {
		must(t, syscall.Mount("small", dir, "tmpfs", 0, "size=12m,mode=777"))
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		untilFull(t, dir)
		return
	}
	if os.Getuid() != 0 {
		t.Log("no small disk can be made here: run as root")
		return
	}
	dir, err := os.MkdirTemp("", "small") // where the server may look
	must(t, err)
	t.Cleanup(func() { _ = os.Remove(dir) })
	must(t, os.Chmod(dir, 0o755))
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), mountEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// untilFull appends to a log on a disk from many sides until there is no room for
// more, makes room, and goes on. Nothing that was acknowledged may be lost.
func untilFull(t *testing.T, disk string) {
	c := pgtest.Start(t)
	_, err := c.SQL("postgres", `copy (select 1) to '`+filepath.Join(disk, "ballast")+`'`) // as the server, to whom the folder is to belong
	must(t, err)
	info, err := os.Stat(filepath.Join(disk, "ballast"))
	must(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	ballast, space := filepath.Join(disk, "ballast"), filepath.Join(disk, "space")
	must(t, os.WriteFile(ballast, make([]byte, 2<<20), 0o600))
	must(t, os.Mkdir(space, 0o700))
	must(t, os.Chown(space, int(owner.Uid), int(owner.Gid)))
	url := c.NewDatabase(t)
	for _, statement := range []string{`create tablespace small location '` + space + `'`, `alter database ` + database(t, url) + ` set default_tablespace = small`} {
		_, err := c.SQL("postgres", statement)
		must(t, err)
	}
	d := open(t, url)
	log := eventstore.NewLog(d)
	const writers = 8
	var versions [writers]int64
	stream := func(w int) domain.Stream { return domain.StreamOf("s", fmt.Sprint(w)) }
	add := func(w, n int) error {
		records := make([]eventstore.Record, n)
		for i := range records {
			records[i] = one("noted")
		}
		_, err := log.Append(t.Context(), to(stream(w), versions[w], records...))
		if err == nil {
			versions[w] += int64(n)
		}
		return err
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var err error
			for n := 0; n < 10_000 && err == nil; n++ {
				err = add(w, 50)
			}
			if err == nil || !strings.Contains(err.Error(), "the disk of the server is full: nothing was acknowledged; make room on it") {
				t.Errorf("a full disk says %v", err)
			}
		})
	}
	wg.Wait()
	check := func() {
		t.Helper()
		for w, version := range versions {
			last := int64(0)
			for r, err := range d.Stream(t.Context(), stream(w), 0) {
				must(t, err)
				last = r.Version
			}
			if last != version {
				t.Errorf("%s is at version %d, and %d was acknowledged", stream(w), last, version)
			}
		}
	}
	check()
	must(t, os.Remove(ballast))
	for w := range writers {
		must(t, add(w, 10))
	}
	check()
}
