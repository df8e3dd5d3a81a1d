package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"rochdale/domain"
	"rochdale/domain/catalogue"
)

// Attribute is the key of the test attribute under which a story that holds is
// told: what go test -json prints of it can be read without running anything else.
const Attribute = "story"

// A Told is a story in words, as it is written down.
type Told struct {
	Rule    string   `json:"rule"`
	Given   []string `json:"given,omitempty"` // events, like "exclusion proposed"
	When    string   `json:"when"`            // a command, like "propose exclusion"
	Then    []string `json:"then,omitempty"`
	Refused string   `json:"refused,omitempty"` // the reason, in English, of the case at hand
	Code    string   `json:"code,omitempty"`    // of the refusal
	Source  string   `json:"source,omitempty"`  // of the rule that refuses
}

// tell writes a story down that has been found to hold.
func (s Story[C]) tell(t *testing.T, refused error) {
	t.Helper()
	told := Told{Rule: s.Rule, Given: wordsOf(s.Given), When: words(s.When), Then: wordsOf(s.Then)}
	if refusal, is := errors.AsType[domain.Refusal](refused); is {
		told.Refused, told.Code, told.Source = catalogue.Refusal(domain.English, refusal), refusal.Code, refusal.Source
	}
	line, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	t.Attr(Attribute, string(line))
}

func wordsOf(events Events) []string {
	told := make([]string, len(events))
	for i, e := range events {
		if second, is := e.(Second); is {
			told[i] = fmt.Sprintf("%s (the other)", words(second.Event))
		} else {
			told[i] = words(e)
		}
	}
	return told
}

// words returns the name of a type as it is read: ExclusionProposed is an exclusion
// proposed.
func words(v any) string {
	var b strings.Builder
	for i, r := range reflect.Indirect(reflect.ValueOf(v)).Type().Name() {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
