//go:build !linux

package ldaptest

import "syscall"

// untilParentDies asks for nothing: only Linux ends the children of the killed.
func untilParentDies() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
