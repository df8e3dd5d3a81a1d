//go:build !linux

package loopback

import "net"

// reserve looks for an address: only Linux lets somebody listen where another one holds
// it, so that one is free here only as long as nobody else is given it.
func reserve() (address string, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), func() {}, l.Close()
}
