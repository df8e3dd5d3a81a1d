// Package catalogue holds what the co-op says to people, in every language it
// speaks: reasons of refusals, words of documents, headings of columns, mails.
// It also writes amounts, numbers and days as the readers of a language do.
//
// There is one file of messages per module, named after it, in which every
// message has a code, like "shares.below_minimum", and a text per language. A
// text mentions its arguments as {name}, and words that go with a number as
// {name|singular|plural}: "{days} {days|jour|jours}".
//
// Some arguments are words of their own: values of a type that knows which are
// [domain.Service.Valid], like a service or a role, and the argument {missing},
// by which a refusal says in English what a command lacks. They are translated
// where there is a message "words." and the word.
package catalogue

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"rochdale/domain"
)

//go:embed *.json
var files embed.FS

// messages are the texts by code and language. That the files can be read is
// what the tests of this package hold.
var messages = sync.OnceValue(func() map[string]map[domain.Language]string {
	all := map[string]map[domain.Language]string{}
	names, _ := fs.Glob(files, "*.json")
	for _, name := range names {
		data, _ := files.ReadFile(name)
		var some map[string]map[domain.Language]string
		if err := json.Unmarshal(data, &some); err != nil {
			panic(fmt.Sprintf("catalogue: %s: %v", name, err))
		}
		maps.Copy(all, some)
	}
	return all
})

// Text returns the message of a code in a language, with its arguments filled
// in as the language writes them. Where the language is not one of
// [domain.Languages] the text is English; where there is no such message it is
// the fallback, which may mention arguments too.
func Text(lang domain.Language, code string, args domain.Args, fallback string) string {
	text := fallback
	if texts, known := messages()[code]; known {
		text = texts[or(lang)]
	}
	return fill(or(lang), text, args)
}

// Word returns a message without arguments, or its code where there is none.
func Word(lang domain.Language, code string) string { return Text(lang, code, nil, code) }

// Refusal returns why somebody was refused, in their language.
func Refusal(lang domain.Language, r domain.Refusal) string {
	return Text(lang, r.Code, r.Args, r.Reason)
}

// Each returns a message in every language, as headings are recognised by.
func Each(code string) map[domain.Language]string { return maps.Clone(messages()[code]) }

// Codes returns the codes of all messages, in order.
func Codes() []string { return slices.Sorted(maps.Keys(messages())) }

// or returns English for a language that is none.
func or(lang domain.Language) domain.Language {
	if lang.Valid() {
		return lang
	}
	return domain.English
}

// fill puts the arguments into a text. What it mentions and is not given stays
// as it stands, so that a mistake shows.
func fill(lang domain.Language, text string, args domain.Args) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		mention, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("{" + rest)
			return b.String()
		}
		name, forms, plural := strings.Cut(mention, "|")
		switch v, given := args[name]; {
		case !given:
			b.WriteString("{" + mention + "}")
		case plural:
			one, other, _ := strings.Cut(forms, "|")
			if isOne(lang, v) {
				other = one
			}
			b.WriteString(other)
		default:
			if lacking, ok := v.(string); ok && name == "missing" {
				v = word(lacking)
			}
			b.WriteString(value(lang, v))
		}
		text = after
	}
}

var tags = map[domain.Language]language.Tag{
	domain.French: language.French, domain.Dutch: language.Dutch, domain.English: language.English, domain.German: language.German,
}

// isOne reports whether the word after a number is in the singular, as it is
// after 0 in French and not in the others.
func isOne(lang domain.Language, v any) bool {
	n, whole := integer(v)
	if !whole {
		return false
	}
	return plural.Cardinal.MatchPlural(tags[lang], int(max(n, -n)%10_000_000), 0, 0, 0, 0) == plural.One
}
