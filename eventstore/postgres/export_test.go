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
