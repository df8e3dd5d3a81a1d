// Package spec turns the rules of a module into tests that read as its rules.
package spec

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rochdale/domain"
)

// Events are events of any stream, in the order in which they happened.
type Events []any

// A Story tells one rule: given these events, when someone issues a command,
// then those events follow, or the command is refused.
type Story[C any] struct {
	Rule    string
	Given   Events
	When    C
	Then    Events
	Refused error
}

// Check tells every story, and then repeats its command: one that has taken
// effect must succeed again, and change nothing. Nor may an event change the
// state that it evolves from.
func Check[S any](t *testing.T, stories []Story[domain.Command[S]]) {
	check(t, stories, func(t *testing.T, cmd domain.Command[S], past Events) (Events, error) {
		s, folded := fold[S](t, past)
		if folded < len(past) {
			t.Fatal("an event given is none of this stream")
		}
		before := clone[S](t, past)
		events, err := cmd.Decide(s)
		then := add(nil, events)
		if diff := cmp.Diff(before, s, everything); diff != "" {
			t.Errorf("%+v changed the state it decided on: %s", cmd, diff)
		}
		fold[S](t, slices.Concat(past, then))
		return then, err
	})
}

// Second wraps what happens to the second of two things of one kind, in stories
// of a command over both.
type Second struct{ Event any }

// Check2 is [Check] for commands over two streams. Each event belongs to the
// stream whose state it evolves or, where both are of one kind, to the second if it
// comes as a [Second].
func Check2[A, B any](t *testing.T, stories []Story[domain.Command2[A, B]]) {
	alike := reflect.TypeFor[A]() == reflect.TypeFor[B]()
	check(t, stories, func(t *testing.T, cmd domain.Command2[A, B], past Events) (Events, error) {
		first, second := past, past
		if alike {
			first, second = apart(past)
		}
		a, ofA := fold[A](t, first)
		b, ofB := fold[B](t, second)
		if ofA+ofB < len(past) {
			t.Fatal("an event given is of neither stream")
		}
		as, bs, err := cmd.Decide(a, b)
		if diff := cmp.Diff(clone[A](t, first), a, everything) + cmp.Diff(clone[B](t, second), b, everything); diff != "" {
			t.Errorf("%+v changed a state it decided on: %s", cmd, diff)
		}
		then, ofSecond := add(nil, as), add(nil, bs)
		for _, e := range ofSecond {
			if alike {
				e = Second{e}
			}
			then = append(then, e)
		}
		return then, err
	})
}

// apart tells the events of the first of two things of one kind from those of the
// second.
func apart(events Events) (first, second Events) {
	for _, e := range events {
		if s, ok := e.(Second); ok {
			second = append(second, s.Event)
		} else {
			first = append(first, e)
		}
	}
	return first, second
}

func check[C any](t *testing.T, stories []Story[C], decide func(*testing.T, C, Events) (Events, error)) {
	t.Helper()
	if len(stories) == 0 {
		t.Fatal("no stories")
	}
	for _, s := range stories {
		t.Run(s.Rule, func(t *testing.T) {
			got, err := decide(t, s.When, s.Given)
			if !errors.Is(err, s.Refused) {
				t.Fatalf("%+v\n refused: %v\n    want: %v", s.When, err, s.Refused)
			}
			if err != nil && len(got) > 0 {
				t.Fatalf("%+v\n refused, and yet: %+v", s.When, got)
			}
			if diff := cmp.Diff(s.Then, got, everything); len(s.Then)+len(got) > 0 && diff != "" {
				t.Fatalf("%+v\n then (-want +got): %s", s.When, diff)
			}
			s.tell(t, err)
			again, err := decide(t, s.When, slices.Concat(s.Given, got))
			if len(again) > 0 || !errors.Is(err, s.Refused) {
				t.Errorf("%+v\n when repeated: %+v, %v", s.When, again, err)
			}
		})
	}
}

// fold evolves a state, and holds every event to leaving the state before it alone.
func fold[S any](t *testing.T, events Events) (state S, folded int) {
	t.Helper()
	for i, event := range events {
		e, ok := event.(domain.Event[S])
		if !ok {
			continue
		}
		before, next := state, e.Evolve(state)
		if diff := cmp.Diff(clone[S](t, events[:i]), before, everything); diff != "" {
			t.Errorf("%T changed the state it evolved from: %s", e, diff)
		}
		state, folded = next, folded+1
	}
	return state, folded
}

// clone returns the state after events, made anew.
func clone[S any](t *testing.T, events Events) (state S) {
	t.Helper()
	for _, event := range events {
		if e, ok := event.(domain.Event[S]); ok {
			state = e.Evolve(state)
		}
	}
	return state
}

func add[S any](to Events, events []domain.Event[S]) Events {
	for _, e := range events {
		to = append(to, e)
	}
	return to
}

// everything lets cmp look at unexported fields too: states keep to themselves.
var everything = cmp.Exporter(func(reflect.Type) bool { return true })
