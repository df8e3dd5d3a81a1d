// Package loopback gives a test an address on which to start a server of its own,
// stop it and start it again. It is not for use outside tests and benchmarks.
package loopback

// T is whoever an address is for: a test, or a program that is like one.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Address returns an address like "127.0.0.1:40001", on which nobody listens. Until t
// ends nobody else is given it, whether a server listens there or not. A server that is
// to listen there sets SO_REUSEADDR, as all do that may be started again.
func Address(t T) string {
	t.Helper()
	address, release, err := reserve()
	if err != nil {
		t.Fatalf("loopback: %v", err)
	}
	t.Cleanup(release)
	return address
}
