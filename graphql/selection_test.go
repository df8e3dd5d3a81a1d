package graphql_test

import (
	"strings"
	"sync"
	"testing"

	"rochdale/domain"
	"rochdale/processes/access"
)

// TestSelection tells that what is selected is answered, in its order and once, also
// where the same document selects something else the next time.
func TestSelection(t *testing.T) {
	c := serve(t)
	c.found()
	c.join("Anna", "Beispiel")
	c.join(`B"e\rt`, "Voorbeeld") // what JSON escapes
	const member = `{"number":1,"name":"Anna Beispiel"}`
	for _, test := range []struct{ name, query, want string }{
		{"order", `{ member: memberByNumber(number: 1) { name number } }`, `{"member":{"name":"Anna Beispiel","number":1}}`},
		{"aliases", `{ a: memberByNumber(number: 1) { n: number m: name number } b: memberByNumber(number: 9) { id } }`, `{"a":{"n":1,"m":"Anna Beispiel","number":1},"b":null}`},
		{"twice", `{ member: memberByNumber(number: 1) { number name number } }`, `{"member":` + member + `}`},
		{
			"fragments", `{ member: memberByNumber(number: 1) { ... on Member { number } ... on Node { ...more } ...more number } } fragment more on Member { name number }`,
			`{"member":` + member + `}`,
		},
		{"no value", `{ member: memberByNumber(number: 1) { phone endedOn holdings { class quantity } } }`, `{"member":{"phone":null,"endedOn":null,"holdings":[{"class":"A","quantity":2}]}}`},
		{"names of types", `{ __typename member: memberByNumber(number: 1) { __typename number } }`, `{"__typename":"Query","member":{"__typename":"Member","number":1}}`},
		{"nothing", `{ member: memberByNumber(number: 1) { name @skip(if: true) } }`, `{"member":{}}`},
		{"escapes", `{ member: memberByNumber(number: 2) { firstName } }`, `{"member":{"firstName":"B\"e\\rt"}}`},
	} {
		for range 2 { // the second time it is known what the document selects
			if got := c.must("secretary", test.query); string(got.Data) != test.want {
				t.Errorf("%s: got  %s\nwant %s", test.name, got.Data, test.want)
			}
		}
	}

	const query = `query($with: Boolean!) { member: memberByNumber(number: 1) { number ...maybe @include(if: $with) holdings { class @skip(if: $with) quantity } } } fragment maybe on Member { name }`
	for range 2 {
		for with, want := range map[bool]string{
			true:  `{"member":{"number":1,"name":"Anna Beispiel","holdings":[{"quantity":2}]}}`,
			false: `{"member":{"number":1,"holdings":[{"class":"A","quantity":2}]}}`,
		} {
			if got := c.must("secretary", query, "with", with); string(got.Data) != want {
				t.Errorf("with %v: got  %s\nwant %s", with, got.Data, want)
			}
		}
	}
}

// TestSelectionAtOnce has many ask what none has asked before.
func TestSelectionAtOnce(t *testing.T) {
	c := serve(t)
	c.found()
	for _, name := range []string{"Anna", "Bert", "Carla"} {
		c.join(name, "Beispiel")
	}
	c.let("x", access.Viewer{Name: "x", Roles: []domain.Role{domain.RoleSecretary}})
	answers := make([]string, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = string(c.ask("x", `{ members { nodes { name holdings { class quantity } } } again: members { nodes { name } } }`).Data)
		})
	}
	wg.Wait()
	for _, got := range answers {
		if got != answers[0] || strings.Count(got, `"quantity":2`) != 3 {
			t.Errorf("got %s", got)
		}
	}
}
