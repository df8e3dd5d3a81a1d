//go:build unix

package exec

import (
	"os/exec"
	"syscall"
)

// asGroup has a program that takes too long end with all that it has started.
func asGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
