package ldaptest

import "syscall"

// untilParentDies has the kernel end a server whose test was killed.
func untilParentDies() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} }
