package spec

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// CheckAll has a property hold for what is drawn at random, and fails if something that
// is to happen in it never did: the property counts in happened. What is rare may not
// have come yet, so that as long as something is missing more is drawn, up to ten times
// as much. Where fewer than fifty draws are asked for, nothing is missed.
func CheckAll(t *testing.T, property func(*rapid.T), happened map[string]int, wanted ...string) {
	t.Helper()
	runs := 0
	counted := func(t *rapid.T) {
		runs++
		property(t)
	}
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(wanted), func(kind string) bool { return happened[kind] > 0 })
	}
	rapid.Check(t, counted)
	for more := 0; more < 10 && runs >= 50 && len(missing()) > 0; more++ {
		rapid.Check(t, counted)
	}
	if never := missing(); runs >= 50 && len(never) > 0 {
		t.Errorf("%v never happened: what follows from it is not tested", never)
	}
}
