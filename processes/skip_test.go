package processes_test

import (
	"errors"
	"testing"

	"rochdale/adapters/fault"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestADeadLetterIsSkipped for a reason, which stays visible; it is not answered any more.
func TestADeadLetterIsSkipped(t *testing.T) {
	f := fixture{t, new(eventstore.Memory)}
	s := f.node()
	f.make(s, 1, 3)
	runner := processes.NewRunner(s, quiet, answering(s, func(n int) error {
		if n == 2 {
			return fault.New(fault.Conflict, "", "broken")
		}
		return nil
	}))
	if err := runner.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	letters, err := runner.DeadLetters(t.Context(), "")
	if err != nil || len(letters) != 1 {
		t.Fatal(letters, err)
	}
	at := letters[0].Position
	ctx := eventstore.As(t.Context(), "eva")
	if err := runner.Skip(ctx, "answering", at, " "); !errors.Is(err, processes.ErrWhy) {
		t.Errorf("without a reason: %v", err)
	}
	if err := runner.Skip(ctx, "answering", at+1, "why"); !errors.Is(err, processes.ErrNoSuchLetter) {
		t.Errorf("of what is no dead letter: %v", err)
	}
	for range 2 { // said again, it changes nothing
		if err := runner.Skip(ctx, "answering", at, "it was done by hand"); err != nil {
			t.Fatal(err)
		}
	}
	skipped, err := runner.Skipped(ctx, "answering")
	if err != nil || len(skipped) != 1 || skipped[0].By != "eva" || skipped[0].Reason != "it was done by hand" || skipped[0].Position != at || skipped[0].Class != "conflict" || skipped[0].Skipped.IsZero() {
		t.Errorf("%+v, %v", skipped, err)
	}
	if letters, err := runner.DeadLetters(ctx, ""); err != nil || len(letters) > 0 {
		t.Errorf("%+v, %v", letters, err)
	}
	if _, err := runner.Replay(ctx, "answering", at); !errors.Is(err, processes.ErrNoSuchLetter) {
		t.Errorf("it is answered after all: %v", err)
	}
	if status, err := runner.Status(ctx); err != nil || status[0].Dead > 0 {
		t.Errorf("%+v, %v", status, err)
	}
}
