package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFoundedOnTheDayOfTheCoop: wherever it is on earth, its statutes hold from the day that it is there, and at once.
func TestFoundedOnTheDayOfTheCoop(t *testing.T) {
	rules, code := said(t, &Globals{Data: t.TempDir()}, "", "init", "--preset", "nubo", "--print")
	if code != exitDone || !strings.Contains(rules, "Europe/Brussels") {
		t.Fatal(code, rules)
	}
	t.Cleanup(func() { clock = time.Now })
	clock = func() time.Time { return time.Date(2026, time.May, 10, 10, 30, 0, 0, time.UTC) }
	for zone, day := range map[string]string{"Pacific/Kiritimati": "2026-05-11", "Europe/Brussels": "2026-05-10", "Pacific/Pago_Pago": "2026-05-09"} {
		g := &Globals{Data: t.TempDir()}
		file := filepath.Join(t.TempDir(), "statutes.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(rules, "Europe/Brussels", zone, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := said(t, g, "", "init", "--statutes", file); code != exitDone || !strings.Contains(out, "hold from "+day) {
			t.Error(zone, code, out)
		}
		if out, code := said(t, g, "", "views", "rebuild"); code != exitDone { // which is for a co-op alone whose statutes hold
			t.Error(zone, code, out)
		}
	}
}
