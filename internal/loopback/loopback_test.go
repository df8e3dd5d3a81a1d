package loopback_test

import (
	"net"
	"testing"

	"rochdale/internal/loopback"
)

// TestAddress: who has an address listens on it, again and again, and nobody else is
// given it meanwhile.
func TestAddress(t *testing.T) {
	address := loopback.Address(t)
	given := map[string]bool{address: true}
	for range 3 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Error("somebody listens already")
		}
		for range 100 {
			another := loopback.Address(t)
			if given[another] {
				t.Errorf("%s is given twice", another)
			}
			given[another] = true
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if given[l.Addr().String()] {
				t.Errorf("%s is given to another", l.Addr())
			}
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
