// Package domain is the pure core: what can happen, who may ask for it and
// which rules hold. It does no I/O, reads no clock and draws no random number.
package domain

import (
	"fmt"
	"maps"
	"strings"
)

// A Stream names a sequence of events that is consistent in itself. What must
// be unique is made unique by the name of its stream.
type Stream string

var escape = strings.NewReplacer("%", "%25", "/", "%2F").Replace

// StreamOf names the stream of the thing that ids identify. Different ids never
// share a stream, whatever characters they are made of.
func StreamOf(kind string, ids ...string) Stream {
	for _, id := range ids {
		kind += "/" + escape(id)
	}
	return Stream(kind)
}

// Kind returns the first part of the name: what sort of thing the stream is of.
func (s Stream) Kind() string {
	kind, _, _ := strings.Cut(string(s), "/")
	return kind
}

// An Event is something that happened to a thing whose state is S. Nothing can
// refuse it any more.
type Event[S any] interface {
	// Evolve returns the state after the event and leaves its argument as it
	// was: states are shared between requests, so what it points to is copied
	// before it is changed.
	Evolve(S) S
}

// A Command asks for a change to a thing whose state is S. The zero S is a
// thing to which nothing has happened yet.
type Command[S any] interface {
	Stream() Stream
	// Decide returns the events that follow, or a [Refusal]. A command that has
	// taken effect already succeeds without events, so that anyone may repeat it.
	Decide(S) ([]Event[S], error)
}

// A Command2 is a [Command] whose rule spans two streams. The stream for which
// it decides no events is only checked: it must not change before the other does.
type Command2[A, B any] interface {
	Streams() (Stream, Stream)
	Decide(A, B) ([]Event[A], []Event[B], error)
}

// Args are the particulars of a refusal, by the name under which its reason and
// the translations of it mention them.
type Args map[string]any

// A Refusal is a rule saying no: expected, explicable and safe to show to
// whoever asked. Any other error is a fault, and is for operators only.
type Refusal struct {
	Code   string // stable, like "shares.below_minimum"; translations are found by it
	Reason string // in English, with {name} where an argument goes
	Args   Args   // of the case at hand: text, whole numbers, money, dates
	Source string // where the rule comes from, like "CSA 6:120" or "statutes"; may be empty
}

// With is the same refusal with the particulars of a case added.
func (r Refusal) With(name string, value any) Refusal {
	args := make(Args, len(r.Args)+1)
	maps.Copy(args, r.Args)
	args[name] = value
	r.Args = args
	return r
}

// Error is the reason in English with its arguments filled in.
func (r Refusal) Error() string { return r.Args.Fill(r.Reason) }

// Is compares codes, whatever the particulars of the case.
func (r Refusal) Is(target error) bool {
	t, ok := target.(Refusal)
	return ok && t.Code == r.Code
}

// Fill puts the arguments into a text that mentions them as {name}.
func (a Args) Fill(text string) string {
	if len(a) == 0 || !strings.Contains(text, "{") {
		return text
	}
	pairs := make([]string, 0, 2*len(a))
	for name, value := range a {
		pairs = append(pairs, "{"+name+"}", fmt.Sprint(value))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
