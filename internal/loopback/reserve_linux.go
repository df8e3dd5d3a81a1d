package loopback

import (
	"net"
	"os"
	"strconv"
	"syscall"
)

// reserve binds an address without listening on it. The kernel gives none to anybody
// that is bound, neither to those who listen nor to those who connect from any.
func reserve() (address string, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = syscall.Close(fd) }
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var at syscall.Sockaddr
	if err == nil {
		at, err = syscall.Getsockname(fd)
	}
	if err != nil {
		release()
		return "", nil, os.NewSyscallError("bind", err)
	}
	in, _ := at.(*syscall.SockaddrInet4) // as it was bound
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(in.Port)), release, nil
}
