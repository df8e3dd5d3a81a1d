package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
)

func TestStreamsOfDifferentThingsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.StringMatching(`[a-c/%2F]{0,6}`), 1, 3)
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		same := len(a) == len(b) && strings.Join(a, "\x00") == strings.Join(b, "\x00")
		if (domain.StreamOf("x", a...) == domain.StreamOf("x", b...)) != same {
			t.Errorf("%q and %q: %s, %s", a, b, domain.StreamOf("x", a...), domain.StreamOf("x", b...))
		}
		if domain.StreamOf("x", a...).Kind() != "x" {
			t.Errorf("%s is of kind %s", domain.StreamOf("x", a...), domain.StreamOf("x", a...).Kind())
		}
	})
}

func ExampleRefusal() {
	tooFew := domain.Refusal{Code: "shares.too_few", Reason: "take {minimum} shares or more, not {asked}"}
	err := error(tooFew.With("minimum", 2).With("asked", 1))
	fmt.Println(err, errors.Is(err, tooFew))
	// Output: take 2 shares or more, not 1 true
}

type (
	moved  struct{ To string }
	moved1 struct{ Where string }
	moved2 struct{ Place string }
)

func TestEveryEditionIsRead(t *testing.T) {
	var r domain.Registry
	domain.Register[moved](&r, "test.moved",
		domain.Upcast(func(e moved1) moved2 { return moved2{e.Where} }),
		domain.Upcast(func(e moved2) moved { return moved{e.Place} }))
	for edition, data := range []string{`{"Where":"x"}`, `{"Place":"x"}`, `{"To":"x"}`} {
		event, err := r.Decode(domain.Encoded{Type: "test.moved", Edition: edition + 1, Data: []byte(data)})
		if event != (moved{"x"}) || err != nil {
			t.Errorf("edition %d: %+v, %v", edition+1, event, err)
		}
	}
	for _, enc := range []domain.Encoded{
		{Type: "test.moved", Edition: 0},
		{Type: "test.moved", Edition: 4},
		{Type: "test.gone", Edition: 1},
		{Type: "test.moved", Edition: 1, Data: []byte(`{`)},
		{Type: "test.moved", Edition: 3, Data: []byte(`[]`)},
	} {
		if event, err := r.Decode(enc); err == nil || !strings.Contains(err.Error(), enc.Type) {
			t.Errorf("%+v: %+v, %v", enc, event, err)
		}
	}
	enc, err := r.Encode(moved{"y"})
	if enc.Edition != 3 || string(enc.Data) != `{"To":"y"}` || err != nil {
		t.Errorf("%+v, %v", enc, err)
	}
	if _, err := r.Encode(moved1{}); err == nil {
		t.Error("an event that nobody registered was encoded")
	}
}
