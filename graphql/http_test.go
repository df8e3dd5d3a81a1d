package graphql_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/graphql"
	"rochdale/processes"
	"rochdale/processes/access"
)

const response = "application/graphql-response+json"

// TestRequests: what is a request, and how it is answered.
func TestRequests(t *testing.T) {
	c := serve(t, func(c *graphql.Config) { c.MaxBody = 4000 })
	const ask, count = `{"query":"{ memberCount }"}`, `{"data":{"memberCount":0}}`
	get := func(params ...string) string {
		v := url.Values{}
		for i := 0; i < len(params); i += 2 {
			v.Set(params[i], params[i+1])
		}
		return c.url + "?" + v.Encode()
	}
	for name, c2 := range map[string]struct {
		method, url, body string
		headers           []string
		status            int
		want              string // of the body, or the code of the error
	}{
		"POST":                         {"POST", c.url, ask, nil, 200, count},
		"POST, with a charset":         {"POST", c.url, ask, []string{"Content-Type", "application/json; charset=UTF-8"}, 200, count},
		"POST, in another charset":     {"POST", c.url, ask, []string{"Content-Type", "application/json; charset=latin1"}, 415, "graphql.media_type"},
		"POST, as a form sends it":     {"POST", c.url, "query={memberCount}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "graphql.media_type"},
		"POST, as text":                {"POST", c.url, ask, []string{"Content-Type", "text/plain"}, 415, "graphql.media_type"},
		"POST, of several parts":       {"POST", c.url, ask, []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "graphql.media_type"},
		"POST, as nothing":             {"POST", c.url, ask, []string{"Content-Type", ""}, 415, "graphql.media_type"},
		"POST, nothing":                {"POST", c.url, "", nil, 400, "graphql.bad_request"},
		"POST, no query":               {"POST", c.url, "{}", nil, 400, "graphql.bad_request"},
		"POST, null":                   {"POST", c.url, "null", nil, 400, "graphql.bad_request"},
		"POST, two":                    {"POST", c.url, ask + ask, nil, 400, "graphql.bad_request"},
		"POST, a list of them":         {"POST", c.url, "[" + ask + "," + ask + "]", nil, 400, "graphql.bad_request"},
		"POST, no UTF-8":               {"POST", c.url, "{\"query\":\"{ memberCount } #\xff\"}", nil, 400, "graphql.bad_request"},
		"POST, names in another case":  {"POST", c.url, `{"QUERY":"{ position }","Query":"{","query":"{ memberCount }","OperationName":1}`, nil, 200, count},
		"POST, variables of no object": {"POST", c.url, `{"query":"{ memberCount }","variables":[]}`, nil, 400, "graphql.bad_request"},
		"POST, too much":               {"POST", c.url, `{"query":"{ memberCount }` + strings.Repeat(" ", 4000) + `"}`, nil, 413, "graphql.too_large"},
		"GET":                          {"GET", get("query", "query q { memberCount } query r { position }", "operationName", "q"), "", nil, 200, count},
		"GET, with variables":          {"GET", get("query", "query($on: Date) { memberCount(on: $on) }", "variables", `{"on":"2026-01-01"}`), "", nil, 200, count},
		"GET, variables of no object":  {"GET", get("query", "{ memberCount }", "variables", `1`), "", nil, 400, "graphql.bad_request"},
		"GET, no UTF-8":                {"GET", get("query", "{ memberCount } #\xff"), "", nil, 400, "graphql.bad_request"},
		"GET, a mutation":              {"GET", get("query", `mutation { resign { position } }`), "", nil, 405, "graphql.method"},
		"GET, a subscription":          {"GET", get("query", `subscription { events { position } }`), "", []string{"Authorization", "Bearer pipeline", "Accept", response}, 406, "graphql.stream"},
		"GET, nothing":                 {"GET", c.url, "", nil, 400, "graphql.bad_request"},
		"GET, too much":                {"GET", get("query", "{ memberCount }"+strings.Repeat(" ", 4000)), "", nil, 413, "graphql.too_large"},
		"HEAD":                         {"HEAD", get("query", "{ memberCount }"), "", nil, 200, ""},
		"PUT":                          {"PUT", c.url, ask, nil, 405, "graphql.no_method"},
		"OPTIONS":                      {"OPTIONS", c.url, "", nil, 405, "graphql.no_method"},
		"no such field":                {"POST", c.url, `{"query":"{ nothing }"}`, nil, 200, "graphql.invalid"},
		"no such field, new type":      {"POST", c.url, `{"query":"{ nothing }"}`, []string{"Accept", response}, 400, "graphql.invalid"},
		"signed out":                   {"POST", c.url, `{"query":"{ members { totalCount } }"}`, []string{"Accept", response}, 401, "graphql.signed_out"},
		"denied":                       {"POST", c.url, `{"query":"{ members { totalCount } }"}`, []string{"Accept", response, "Authorization", "Bearer member"}, 403, "graphql.denied"},
		"as they like":                 {"POST", c.url, ask, []string{"Accept", "*/*"}, 200, count},
		"as text":                      {"POST", c.url, ask, []string{"Accept", "text/html, text/*"}, 406, "graphql.not_acceptable"},
		"rather not":                   {"POST", c.url, ask, []string{"Accept", "application/json;q=0"}, 406, "graphql.not_acceptable"},
	} {
		headers := append([]string{"Content-Type", "application/json"}, c2.headers...)
		a := c.send(c2.method, c2.url, c2.body, headers...)
		if got := a.code(); a.Status != c2.status || got != c2.want && a.Body != c2.want {
			t.Errorf("%s: %d %s; want %d %s", name, a.Status, a.Body, c2.status, c2.want)
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Vary") != "Accept, Accept-Language, Authorization, Cookie" {
			t.Errorf("%s: may be kept: %v", name, a.Header)
		}
		if (a.Status == 405) != (a.Header.Get("Allow") != "") || (a.Status == 401) != (a.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d %v", name, a.Status, a.Header)
		}
		if a.code() != "" && len(a.Errors[0].Message) == 0 || strings.Contains(a.Header.Get("Content-Type"), "html") {
			t.Errorf("%s: %v %s", name, a.Header, a.Body)
		}
	}
	for accept, want := range map[string]string{
		"": "application/json", "application/json": "application/json", response: response, response + ", application/json;q=0.9": response,
		"application/json;q=0.5, " + response + ";q=0.4": "application/json", "text/html, application/*;q=0.8": "application/json",
	} {
		if got := c.post(ask, "Accept", accept).Header.Get("Content-Type"); got != want+"; charset=utf-8" {
			t.Errorf("%q is answered with %s", accept, got)
		}
	}
}

// TestLanguages: refusals are told in the language that the co-op writes to the
// caller in, or else in the one that is asked for.
func TestLanguages(t *testing.T) {
	c := serve(t)
	c.let("hans", access.Viewer{Party: "hans", Name: "hans", Roles: []domain.Role{domain.RoleMember}, Language: domain.German})
	for _, c2 := range []struct{ token, accept, want string }{
		{"", "fr-BE, nl;q=0.8", "connectez-vous d’abord : Query.members n’est pas pour tous"},
		{"", "nl", "meld u eerst aan: Query.members is niet voor iedereen"},
		{"", "pt", "sign in first: Query.members is not for everybody"},
		{"", "", "sign in first: Query.members is not for everybody"},
		{"hans", "fr", "Query.members: dazu haben Sie keinen Zugang"},
		{"member", "fr", "Query.members : vous n’y avez pas accès"},
	} {
		headers := []string{"Accept-Language", c2.accept}
		if c2.token != "" {
			headers = append(headers, "Authorization", "Bearer "+c2.token)
		}
		a := c.post(`{"query":"{ members { totalCount } }"}`, headers...)
		if a.Errors[0].Message != c2.want || jsonOf(a.Errors[0].Extensions["args"]) != `{"field":"Query.members"}` {
			t.Errorf("%s, %s: %s", c2.token, c2.accept, a.Body)
		}
	}
}

// failing are rolls that cannot be had.
type failing struct {
	processes.Rolls
	how func() error
}

func (f failing) EntitledOn(context.Context, calendar.Date) ([]processes.Entitled, error) {
	return nil, f.how()
}

// TestFaults: what went wrong is logged with its cause, and not told.
func TestFaults(t *testing.T) {
	var how func() error
	c := serve(t, func(c *graphql.Config) { c.Rolls = failing{c.Rolls, func() error { return how() }} })
	c.found()
	id := c.must("secretary", `mutation { conveneAssembly(kind: ANNUAL, title: {en: "Meeting"}, heldOn: "2026-04-10") { id } }`).text("conveneAssembly", "id")
	c.clock(35 * 24 * time.Hour)
	for cause, f := range map[string]func() error{
		"disk sda1 is on fire":  func() error { return errors.New("disk sda1 is on fire") },
		"no roll at all":        func() error { panic("no roll at all") },
		"a refusal, to nobody":  func() error { return fmt.Errorf("%w", errors.New("a refusal, to nobody")) },
		"nil pointer dereferen": func() error { var s *string; return errors.New(*s) },
	} {
		how = f
		a := c.post(`{"query":"mutation freeze($id: ID!) { freezeRoll(assembly: $id) { position } }","variables":{"id":"`+id+`"}}`,
			"Authorization", "Bearer secretary", "Accept-Language", "nl", "Accept", response)
		fault, _ := a.Errors[0].Extensions["id"].(string)
		want := fmt.Sprintf(`{"errors":[{"message":"er ging iets mis aan onze kant: het staat genoteerd onder %s","path":["freezeRoll"],"extensions":{"code":"fault","id":%q}}],"data":null}`, fault, fault)
		if a.Status != 200 || strings.Replace(a.Body, `"locations":[{"line":1,"column":29}],`, "", 1) != want {
			t.Errorf("%s: %d %s", cause, a.Status, a.Body)
		}
		log := c.logged.String()
		for _, part := range []string{"fault=" + fault, "operation=freeze", "path=freezeRoll", cause} {
			if !strings.Contains(log, part) {
				t.Errorf("%s is not in the log: %s", part, log)
			}
		}
	}
}

// TestTimeouts: what takes too long is refused, and no fault.
func TestTimeouts(t *testing.T) {
	c := serve(t, func(c *graphql.Config) { c.Timeout = time.Nanosecond })
	for _, query := range []string{
		`{ memberCount }`, `{ shareTotals { class } members { nodes { holdings { class } } } }`, `mutation { setVATRate(percent: "6", from: "2026-07-01") { position } }`,
		`mutation { runBilling(month: "2026-01") { position } }`,
	} {
		a := c.ask("treasurer", query)
		if a.code() != "graphql.timeout" || !strings.Contains(a.Body, "longer than 1 second") {
			t.Errorf("%s: %d %s", query, a.Status, a.Body)
		}
	}
	if log := c.logged.String(); strings.Contains(log, "fault=") {
		t.Errorf("there were faults: %s", log)
	}
}

// TestPositions: a node answers with as much as it is asked to know, or says that
// it does not know it yet.
func TestPositions(t *testing.T) {
	patient := func(c *graphql.Config) { c.Patience = time.Minute }
	c := serve(t, patient)
	other, hasty := c.node(patient), c.node(func(c *graphql.Config) { c.Patience = 50 * time.Millisecond })
	c.found()
	for range 5 {
		a := c.must("secretary", `mutation { updateIdentity(identity: {organisation: "Muster eG"}) { position id } }`)
		position := jsonOf(a.at("updateIdentity", "position"))
		if a.Header.Get("Rochdale-Position") != position {
			t.Errorf("the header says %s, the answer %s", a.Header.Get("Rochdale-Position"), position)
		}
		b := other.send(http.MethodGet, other.url+"?query="+url.QueryEscape(fmt.Sprintf(`{ member(id: %q) { name } }`, a.text("updateIdentity", "id"))), "",
			"Authorization", "Bearer secretary", "Rochdale-Position", position)
		if b.text("member", "name") != "Muster eG" {
			t.Errorf("at %s, on the other node: %s", position, b.Body)
		}
	}
	for position, want := range map[string]string{"-1": "graphql.bad_position", "x": "graphql.bad_position", "1000000": "read_model.behind", "": ""} {
		for _, accept := range []string{response, "text/event-stream"} {
			a := hasty.post(`{"query":"{ memberCount }"}`, "Rochdale-Position", position, "Accept", accept)
			if accept == response && a.code() != want || !strings.Contains(a.Body, want) {
				t.Errorf("%q: %d %s", position, a.Status, a.Body)
			}
			if accept == response && want == "read_model.behind" && a.Status != http.StatusServiceUnavailable {
				t.Errorf("behind: %d", a.Status)
			}
		}
	}
}

func sha(doc string) string {
	sum := sha256.Sum256([]byte(doc))
	return hex.EncodeToString(sum[:])
}

// TestPersisted: documents that clients have sent before are named by their hash.
func TestPersisted(t *testing.T) {
	const query = `{ memberCount }`
	c := serve(t)
	named := func(hash string) string {
		return fmt.Sprintf(`"extensions":{"persistedQuery":{"version":1,"sha256Hash":%q}}`, hash)
	}
	sum := sha(query)
	if a := c.post(`{` + named(sum) + `}`); a.code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" {
		t.Errorf("not sent yet: %s", a.Body)
	}
	if a := c.post(`{"query":"` + query + `",` + named(sha(`{ position }`)) + `}`); a.code() != "graphql.hash" {
		t.Errorf("another hash: %s", a.Body)
	}
	if a := c.post(`{"query":"` + query + `",` + named(strings.ToUpper(sum)) + `}`); a.Body != `{"data":{"memberCount":0}}` {
		t.Errorf("sent: %s", a.Body)
	}
	byGet := c.url + "?extensions=" + url.QueryEscape(`{"persistedQuery":{"version":1,"sha256Hash":"`+sum+`"}}`)
	if a := c.send(http.MethodGet, byGet, ""); a.Body != `{"data":{"memberCount":0}}` {
		t.Errorf("by its hash: %s", a.Body)
	}
	// What is not valid, or not for who sends it, or long, is not kept.
	long := `{ memberCount } #` + strings.Repeat("x", 10_000)
	for _, doc := range []string{`{ nothing }`, `{ members { totalCount } }`, long} {
		c.post(`{"query":` + jsonOf(doc) + `,` + named(sha(doc)) + `}`)
		if a := c.post(`{` + named(sha(doc)) + `}`); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("%.40s: %s", doc, a.Body)
		}
	}
	// And of the others, the last.
	for n := range 600 {
		doc := fmt.Sprintf(`{ a%d: memberCount }`, n)
		c.post(`{"query":"` + doc + `",` + named(sha(doc)) + `}`)
	}
	if a := c.post(`{` + named(sum) + `}`); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("kept beyond all others: %s", a.Body)
	}
	if a := c.post(`{` + named(sha(`{ a599: memberCount }`)) + `}`); a.Body != `{"data":{"a599":0}}` {
		t.Errorf("the last: %s", a.Body)
	}
	for _, odd := range []string{`{"extensions":{"persistedQuery":1}}`, `{"extensions":{"persistedQuery":{"sha256Hash":1}}}`, `{"extensions":{"persistedQuery":{"sha256Hash":""}}}`} {
		if a := c.post(odd); a.code() != "graphql.bad_request" && a.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("%s: %s", odd, a.Body)
		}
	}

	trusted := serve(t, func(c *graphql.Config) { c.TrustedOnly, c.Trusted = true, map[string]string{sum: query} })
	for body, want := range map[string]string{
		`{` + named(sum) + `}`:                        `{"data":{"memberCount":0}}`,
		`{"query":"` + query + `"}`:                   `{"data":{"memberCount":0}}`,
		`{"query":"{ position }"}`:                    "graphql.trusted_only",
		`{` + named(sha(`{ position }`)) + `}`:        "graphql.trusted_only",
		`{"query":"{ position }",` + named(sum) + `}`: "graphql.hash",
	} {
		if a := trusted.post(body); a.Body != want && a.code() != want {
			t.Errorf("%s: %s", body, a.Body)
		}
	}
}

// TestLimits: nobody asks for more than the server is to bear.
func TestLimits(t *testing.T) {
	c := serve(t)
	c.found()
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	schema := `{ types { name fields { name args { name type { name ofType { name } } } type { name ofType { name } } } } }`
	for name, c2 := range map[string]struct{ query, want string }{
		"tokens":                  {"{" + many(2000, "a%d:position ") + "}", "graphql.invalid"},
		"the same field":          {"{" + many(501, "position #%d\n") + "}", "graphql.invalid"},
		"a long name":             {"{" + strings.Repeat("a", 101) + "}", "graphql.invalid"},
		"a long document":         {"{position} #" + strings.Repeat("a", 64<<10), "graphql.long_document"},
		"depth":                   {"{assemblies{nodes" + strings.Repeat("{polls{assembly", 6) + "{id" + strings.Repeat("}}", 6) + "}}}", "graphql.too_deep"},
		"depth, by fragments":     {"{assemblies{nodes{...A}}} " + many(12, "fragment A%[1]d on Assembly {polls{assembly{id}}} ") + "fragment A on Assembly{polls{assembly{polls{assembly{polls{assembly{polls{assembly{polls{assembly{id ...A0}}}}}}}}}}}", "graphql.invalid"},
		"cost":                    {"{members(first: 100){nodes{invoices(first: 100){nodes{id lines{gb}}}}}}", "graphql.too_costly"},
		"cost, by aliases":        {"{" + many(100, "a%d:members(first:100){nodes{id name city}} ") + "}", "graphql.too_costly"},
		"cost, of type names":     {"{members(first: 100){nodes{" + many(300, "a%d:__typename ") + "}}}", "graphql.too_costly"},
		"cost, by fragments":      {"{members(first:100){nodes{...F0}}} " + many(30, "fragment F%[1]d on Member{...F%[1]dx ...F%[1]dx} ") + "fragment F30 on Member{id}", "graphql.invalid"},
		"cost, of the schema":     {"{" + many(40, "a%d:__schema"+schema+" ") + "}", "graphql.too_costly"},
		"cost, within the schema": {"{__schema{" + many(80, "a%d:types{name fields{name args{name type{name}} type{name}}} ") + "}}", "graphql.too_costly"},
		"a page too long":         {"{members(first: 101){totalCount}}", "graphql.page_size"},
		"a page of nothing":       {"{members(first: 0){totalCount}}", "graphql.page_size"},
		"a page before nothing":   {"{members(last: -1){totalCount}}", "graphql.page_size"},
		"both ends":               {"{members(first: 1, last: 1){totalCount}}", "read_model.page"},
		"both ends, of registers": {"{shareRegister(first: 1, last: 1){totalCount}}", "read_model.page"},
		"a whole number":          {`{memberByNumber(number: 2147483648){id}}`, "graphql.bad_int"},
		"an id":                   {`{member(id: "` + strings.Repeat("x", 201) + `"){id}}`, "graphql.long_text"},
		"an id with a zero":       {`{member(id: "a\u0000b"){id}}`, "graphql.control"},
		"an id that is a number":  {`{member(id: 99999999999999999999){id}}`, "graphql.invalid"},
		"a text":                  {`mutation{decideExclusion(party: "x", reasons: "` + strings.Repeat("x", 10_001) + `"){id}}`, "graphql.long_text"},
		"a text with a bell":      {`mutation{decideExclusion(party: "x", reasons: "a\u0007"){id}}`, "graphql.control"},
		"a request id":            {`mutation{decideExclusion(party: "x", reasons: "a", requestId: "` + strings.Repeat("x", 129) + `"){id}}`, "graphql.request_id"},
		"no request id":           {`mutation{decideExclusion(party: "x", reasons: "a", requestId: ""){id}}`, "graphql.request_id"},
	} {
		if a := c.ask("board", c2.query); a.code() != c2.want {
			t.Errorf("%s: %.300s", name, a.Body)
		} else if len(a.Body) > 6000 {
			t.Errorf("%s: refused with %d bytes", name, len(a.Body))
		}
	}
	for _, c2 := range []struct {
		query, want string
		value       any
	}{
		{`query($v: Int!) { memberByNumber(number: $v) { id } }`, "graphql.bad_int", 1 << 31},
		{`query($v: Int!) { memberByNumber(number: $v) { id } }`, "graphql.invalid", 1.5},
		{`query($v: Int!) { members(first: $v) { totalCount } }`, "graphql.page_size", 1000},
		{`query($v: ID) { member(id: $v) { id } }`, "graphql.long_text", strings.Repeat("x", 201)},
		{`query($v: String) { members(search: $v) { totalCount } }`, "graphql.control", "a\u0000"},
		{`query($v: String) { members(search: $v) { totalCount } }`, "graphql.long_text", strings.Repeat("é", 10_001)},
		{`query($v: String) { members(search: $v) { totalCount } }`, "", strings.Repeat("é", 10_000)},
		{`mutation($v: IdentityInput!) { apply(kind: PERSON, identity: $v) { id } }`, "graphql.long_text", map[string]any{"firstName": "x", "city": strings.Repeat("x", 10_001)}},
		{`mutation($v: TextInput!) { conveneAssembly(kind: ANNUAL, heldOn: "2026-06-01", title: {fr: "x"}, place: $v) { id } }`, "graphql.control", map[string]any{"fr": "\x1b[2J"}},
		{`mutation($v: Money!) { approveAccounts(year: "2025-01-01", netAssets: $v, decision: "x") { position } }`, "graphql.bad_money", strings.Repeat("9", 1000)},
		{`mutation($v: Date!) { recordDecease(party: "x", on: $v) { id } }`, "graphql.bad_date", "2026-02-30"},
	} {
		if a := c.ask("board", c2.query, "v", c2.value); a.code() != c2.want && !(c2.want == "graphql.bad_date" && a.code() == "graphql.denied") {
			t.Errorf("%s: %.300s", c2.query, a.Body)
		}
	}
	if a := c.ask("pipeline", `subscription($v: [String!]) { events(types: $v) { id } }`, "v", strings.Split(strings.Repeat("x", 101), "")); a.code() != "graphql.long_list" {
		t.Errorf("a list: %s", a.Body)
	}
	if log := c.logged.String(); strings.Contains(log, "fault=") {
		t.Errorf("there were faults:\n%s", log)
	}
}

// TestIntrospection: the schema can be asked for, unless it is hidden; then nothing
// tells of it.
func TestIntrospection(t *testing.T) {
	const names = `{ __schema { types { name } } }`
	if a := serve(t).ask("", introspection); len(a.Errors) > 0 || !strings.Contains(a.Body, "A co-op on one event log") {
		t.Errorf("%.300s", a.Body)
	}
	c := serve(t, func(c *graphql.Config) { c.NoIntrospection = true })
	for _, query := range []string{
		names, `{ __type(name: "Member") { name } }`, `{ memberCoun }`, `{ memberCount(o: 1) }`, `query($x: Memb) { memberCount }`,
		`mutation { grantRole(party: "x", role: BOARDS) { id } }`, `{ member { ... on Membe { id } } }`,
	} {
		a := c.ask("board", query)
		if len(a.Errors) == 0 && strings.Contains(a.Body, "name") || strings.Contains(a.Body, "Did you mean") || strings.Contains(a.Body, "memberCount\"") {
			t.Errorf("%s: %s", query, a.Body)
		}
	}
	if a := c.ask("", `{ __typename memberCount }`); a.Body != `{"data":{"__typename":"Query","memberCount":0}}` {
		t.Errorf("names of types: %s", a.Body)
	}
}

// introspection is what clients ask to know the whole schema.
const introspection = `query IntrospectionQuery { __schema { description queryType { name } mutationType { name } subscriptionType { name }
  types { ...FullType } directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
fragment FullType on __Type { kind name description specifiedByURL
  fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
  inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }`

// TestExplorer: the page is there, and takes nothing from anywhere.
func TestExplorer(t *testing.T) {
	get := func(headers ...string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		graphql.Explorer().ServeHTTP(w, r)
		return w.Result()
	}
	res := get()
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.StatusCode, err)
	}
	csp := res.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s is not in %s", part, csp)
		}
	}
	script, _, _ := strings.Cut(csp[strings.Index(csp, "script-src"):], ";")
	if strings.Contains(script, "unsafe") || strings.Contains(csp, "http") {
		t.Errorf("scripts: %s", script)
	}
	scripts := 0
	for z := html.NewTokenizer(bytes.NewReader(page)); z.Next() != html.ErrorToken; {
		tag := z.Token()
		for _, a := range tag.Attr {
			if (a.Key == "src" || a.Key == "href") && a.Val != "data:," {
				t.Errorf("%s is loaded", a.Val)
			}
		}
		if tag.Type == html.StartTagToken && tag.Data == "style" {
			z.Next()
			for _, of := range regexp.MustCompile(`(?:url\(|@import)\s*["']?(.{0,8})`).FindAllSubmatch(z.Raw(), -1) {
				if !bytes.HasPrefix(of[1], []byte("data:")) && !bytes.HasPrefix(of[1], []byte("#")) {
					t.Errorf("%s is loaded", of[0])
				}
			}
		}
		if tag.Type == html.StartTagToken && tag.Data == "script" {
			scripts++
			z.Next()
			sum := sha256.Sum256(z.Raw())
			if !strings.Contains(script, " 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
				t.Errorf("a script would not run: %.60s", z.Raw())
			}
		}
	}
	if scripts != 4 {
		t.Errorf("%d scripts", scripts)
	}
	if again := get("If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("again: %d", again.StatusCode)
	}
	if zipped := get("Accept-Encoding", "gzip"); zipped.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("zipped: %v", zipped.Header)
	}
}
