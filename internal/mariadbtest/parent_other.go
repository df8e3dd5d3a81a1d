//go:build !linux

package mariadbtest

import "syscall"

// untilParentDies asks for nothing: only Linux ends the children of the killed.
func untilParentDies() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
