package projections_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"rochdale/eventstore"
	"rochdale/projections"
)

// mountEnv tells the test binary that it has mounts of its own, and where to make a
// small disk.
const mountEnv = "ROCHDALE_PROJECTIONS_SMALL_DISK"

// TestFullDisk fills a real file system of 24 MB, in a process that has it for itself.
// Where the system lets nobody do so, [TestFullFile] has to do.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(mountEnv); dir != "" {
		must(t, syscall.Mount("small", dir, "tmpfs", 0, "size=24m"))
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		ballast := filepath.Join(dir, "ballast")
		s := nodeOf(new(eventstore.Memory), &clock{began})
		untilFull(t, s, dir,
			func(*projections.Models) { must(t, os.WriteFile(ballast, make([]byte, 20<<20), 0o600)) },
			func(*projections.Models) { must(t, os.Remove(ballast)) })
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), mountEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EINVAL) {
		t.Logf("no small disk can be made here: %v", err)
		return
	}
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
