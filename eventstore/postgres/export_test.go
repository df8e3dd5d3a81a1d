package postgres

import "testing"

// Direct reports whether the driver takes its connections for the server's own.
func (d *Driver) Direct() bool { return d.direct.Load() }

// Exec runs statements on one of its connections.
func (d *Driver) Exec(t testing.TB, statements string) {
	t.Helper()
	if _, err := d.pool.Exec(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// Warm makes all connections that there may be, and leaves them.
func (d *Driver) Warm(t testing.TB) {
	t.Helper()
	for range d.pool.Config().MaxConns {
		conn, err := d.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
}
