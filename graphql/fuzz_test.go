package graphql_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"rochdale/domain"
	"rochdale/processes/access"
)

// known fails where an answer is none of this API, or tells of a fault.
func known(t *testing.T, a answer) {
	t.Helper()
	if !json.Valid([]byte(a.Body)) || a.Status >= http.StatusInternalServerError || strings.Contains(a.Body, `"code":"fault"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if len(a.Errors) == 0 && a.Data == nil {
		t.Errorf("neither data nor errors: %s", a.Body)
	}
	for _, e := range a.Errors {
		if e.Message == "" || e.Extensions["code"] == "" {
			t.Errorf("an error without a code: %s", a.Body)
		}
	}
}

// FuzzRequest: whatever comes as a request, the answer is one of the API.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `{"query":"{ position }"}`, `[{"query":"{ position }"}]`, `{"query":"{ position }","variables":{"a":1e400},"extensions":null}`,
		`{"query":"query($a: Int) { memberByNumber(number: $a) { id } }","variables":{"a":2147483648}}`, `{"query":1}`, `{"QUERY":"{ position }"}`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, `{"query":"{ a: position } { b: position }","operationName":"c"}`, "{\"query\":\"\\ud800\"}",
		`{"query":"query($p: IdentityInput!) { position }","variables":{"p":{"__typename":1}}}`,
	} {
		f.Add(seed)
	}
	c := serve(f)
	f.Fuzz(func(t *testing.T, body string) {
		known(t, c.in(t).post(body, "Authorization", "Bearer board"))
	})
}

// FuzzDocument: whatever is asked by whoever may do everything, nothing goes wrong.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{ position viewer { name roles member { id } } }`, introspection, `{ members(first: 3, search: "a") { ...F } } fragment F on MemberConnection { nodes { id ... on Member { name } } }`,
		`mutation { apply(kind: PERSON, identity: {firstName: "A", lastName: "B"}, requestId: "x") { position member { id } } }`,
		`mutation { recordPayment(amount: "1.00 EUR", communication: "+++090/9337/55493+++") { id } }`, `query($a: Int = 3) { members(first: $a, after: "W10") { totalCount } }`,
		`mutation { conveneAssembly(kind: ANNUAL, title: {}, heldOn: "0001-01-01") { id } }`, `mutation { setVATRate(percent: "1e20", from: "9999-12-31") { position } }`,
		`{ price(plan: "nubo", gb: 2147483647, member: false) memberCount(on: "9999-12-31") statutes(version: -1) { rules } }`,
		`mutation { requestExit(party: "a", class: "A", quantity: -1) { id } }`, `{ refundQueue(budget: "/") { release } exitYear(on: "0001-01-01") { asking { proposed } } }`,
		`mutation { approveAccounts(year: "9999-12-31", netAssets: "-92233720368547758.07 EUR", loss: "92233720368547758.07 EUR", decision: "x") { position } }`,
		`mutation { certifyBudget(amount: "92233720368547758.07 EUR", decision: "x") { id } decideDividend(id: "x", year: "2025-06-01", rates: [{class: "A", rate: "1e20"}], decision: "x") { id } }`,
		`mutation { adoptStatutes(version: 2, statutes: "a: [", inForceFrom: "2026-01-01") { position } }`, `{ shareRegister(knownAt: "2026-01-01T00:00:00.999999999Z", last: 1) { edges { cursor } } }`,
		`mutation { runBilling(month: "0001-01") { issued } }`, `{ a: __typename @skip(if: true) ... @include(if: false) { b: position } }`,
		`mutation { transferShares(from: "a", to: "a", class: "A", quantity: 1) { id } }`, `{ poll(id: "%2F/..") { myVote(party: "x") } }`, "{ members(search: \"%_\\\\\") { totalCount } }",
	} {
		f.Add(seed)
	}
	c := serve(f)
	c.found()
	c.join("Anna", "Exemple")
	c.let("all", access.Viewer{Party: "all", Name: "all", Roles: domain.Roles})
	f.Fuzz(func(t *testing.T, query string) {
		a := c.in(t).ask("all", query)
		known(t, a)
		if a.Status >= http.StatusInternalServerError || strings.Contains(a.Body, `"code":"fault"`) {
			t.Logf("%s", c.logged)
		}
	})
}

// FuzzSocket: whatever is said on a socket, the server says something sensible or
// hangs up.
func FuzzSocket(f *testing.F) {
	for _, seed := range []string{
		`{"type":"connection_init"}`, `{"type":"ping"}`, `{"id":"1","type":"subscribe","payload":{"query":"{ position }"}}`, `{"id":"1","type":"complete"}`,
		`{"id":1,"type":"subscribe"}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription { events { id } }"}}`, `[]`, ``, `{"type":null}`, `{"type":"pong","payload":[[[]]]}`,
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	c := serve(f)
	f.Fuzz(func(t *testing.T, said string, binary bool) {
		s := c.in(t).socket(t, "Authorization", "Bearer pipeline")
		s.say(begin)
		s.hears("connection_ack")
		kind := websocket.MessageText
		if binary {
			kind = websocket.MessageBinary
		}
		if err := s.Write(t.Context(), kind, []byte(said)); err != nil {
			t.Fatal(err)
		}
		s.say(`{"type":"ping"}`)
		for {
			_, data, err := s.Read(t.Context())
			if err != nil {
				if code := websocket.CloseStatus(err); code < 4400 && code != websocket.StatusMessageTooBig && code != websocket.StatusInvalidFramePayloadData {
					t.Errorf("%q is answered by %v", said, err)
				}
				return
			}
			if !json.Valid(data) || strings.Contains(string(data), `"fault"`) {
				t.Errorf("%q is answered by %s", said, data)
			}
			if strings.Contains(string(data), `"pong"`) {
				return
			}
		}
	})
}
