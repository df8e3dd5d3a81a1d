package projections_test

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/assembly"
	"rochdale/eventstore"
)

// TestPartiesAt tells that who keeps what was read of parties learns when to read it
// again, be it that this process writes the read models or another.
func TestPartiesAt(t *testing.T) {
	d, s := founded(t, 5)
	dir := t.TempDir()
	writer := open(t, dir, s)
	reader := open(t, dir, nodeOf(d, nil))
	at := func() (both [2]int64) {
		t.Helper()
		must(t, writer.CatchUp(bounded(t)))
		must(t, reader.CatchUp(bounded(t)))
		return [2]int64{writer.PartiesAt(), reader.PartiesAt()}
	}
	before := at()
	if again := at(); again != before {
		t.Errorf("nothing has happened, and parties were changed at %v, not %v", again, before)
	}
	inForce := rules()
	inForce.Version = 1
	if _, err := eventstore.Execute(as(t.Context()), s, assembly.Convene{
		Assembly: "a", Kind: assembly.Annual, Title: domain.Text{EN: "General assembly"}, On: day, HeldOn: day.AddDays(60), Statutes: inForce,
	}); err != nil {
		t.Fatal(err)
	}
	if again := at(); again[0] != before[0] {
		t.Errorf("an assembly was convened, and parties were changed at %d, not %d", again[0], before[0])
	}
	before = at()
	position := speak(t, s, 1, domain.German)
	if after := at(); after != [2]int64{position, position} {
		t.Errorf("a party was changed at %d, and that is told of %v, before of %v", position, after, before)
	}
	must(t, writer.Rebuild(t.Context(), nil))
	if after := at(); after[0] < position || after[1] < position {
		t.Errorf("made anew, parties were changed at %v, before %d", after, position)
	}
}
