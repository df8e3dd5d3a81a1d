package graphql_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A paged is a page of whatever list.
type paged struct {
	Edges []struct {
		Cursor string
		Node   json.RawMessage
	}
	Nodes    []json.RawMessage
	PageInfo struct {
		HasNextPage, HasPreviousPage bool
		StartCursor, EndCursor       *string
	}
	TotalCount int
}

func (c *coop) page(token, list, select_ string, args ...string) (p paged) {
	c.t.Helper()
	name, given, _ := strings.Cut(strings.TrimSuffix(list, ")"), "(")
	all := strings.Join(slices.DeleteFunc(append([]string{given}, args...), func(s string) bool { return s == "" }), ", ")
	if all != "" {
		all = "(" + all + ")"
	}
	a := c.must(token, `{ page: `+name+all+` { edges { cursor node { `+select_+` } } nodes { `+select_+` } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }`)
	if err := json.Unmarshal([]byte(jsonOf(a.at("page"))), &p); err != nil {
		c.t.Fatal(err)
	}
	if len(p.Edges) != len(p.Nodes) {
		c.t.Errorf("%s: %d edges, %d nodes", list, len(p.Edges), len(p.Nodes))
	}
	for i, e := range p.Edges {
		if string(e.Node) != string(p.Nodes[i]) {
			c.t.Errorf("%s: edges %s, nodes %s", list, e.Node, p.Nodes[i])
		}
	}
	if n := len(p.Edges); n > 0 && (*p.PageInfo.StartCursor != p.Edges[0].Cursor || *p.PageInfo.EndCursor != p.Edges[n-1].Cursor) ||
		n == 0 && (p.PageInfo.StartCursor != nil || p.PageInfo.EndCursor != nil) {
		c.t.Errorf("%s: %+v", list, p)
	}
	return p
}

// TestPages walks through every list there is, in both directions and steps of all
// sizes: it comes to the list as a whole.
func TestPages(t *testing.T) {
	c := serve(t)
	c.found()
	anna := c.join("Anna", "Exemple")
	for _, name := range []string{"Bert", "Carla", "Dora", "Emil"} {
		c.join(name, "Muster") // all of one last name
	}
	for i := range 4 {
		c.must("secretary", fmt.Sprintf(`mutation { updateIdentity(identity: {organisation: "Zweite %d"}) { id } }`, i%2))
		c.must("secretary", `mutation { apply(kind: ORGANISATION, identity: {organisation: "Dritte"}) { id } }`)
		c.must("secretary", `mutation { fileDocument(kind: OTHER, title: "x", sha256: "`+strings.Repeat("0c", 32)+`", size: 1, mediaType: "text/plain", on: "2026-01-01") { id } }`)
		c.must("secretary", `mutation { conveneAssembly(kind: EXTRAORDINARY, title: {en: "x"}, heldOn: "2026-06-01") { id } }`)
		c.must("treasurer", `mutation { recordPayment(amount: "1.00 EUR") { id } }`)
		c.must([]string{"anna", "bert", "carla", "dora"}[i], `mutation { subscribe(plan: "nubo", gb: 6) { id } }`)
		c.must("anna", `mutation { subscribe(plan: "nubo", gb: 7) { id } }`)
	}
	c.work()
	c.clock(35 * 24 * 3600e9)
	c.must("treasurer", `mutation { runBilling(month: "2026-03") { issued } }`)
	for _, l := range []struct {
		token, list, select_ string
		count                int
	}{
		{"secretary", "members", "id name", 13},
		{"secretary", "members(by: NAME)", "id name", 13},
		{"secretary", `members(search: "muster")`, "id", 4},
		{"secretary", "members(status: MEMBER)", "id number", 5},
		{"board", "applications", "id", 4},
		{"treasurer", "memberRegister", "party number", 5},
		{"treasurer", "shareRegister", "party class acquiredOn", 5},
		{"secretary", "documents", "id", 4},
		{"anna", "assemblies", "id", 4},
		{"treasurer", "payments", "id", 4},
		{"treasurer", "subscriptions", "id", 8},
		{"treasurer", "invoices", "id number", 4},
		{"operator", "accounts", "id", 16},
	} {
		whole := c.page(l.token, l.list, l.select_)
		if len(whole.Nodes) != l.count || whole.TotalCount != l.count || whole.PageInfo.HasNextPage || whole.PageInfo.HasPreviousPage {
			t.Errorf("%s: %d of %d, want %d; %+v", l.list, len(whole.Nodes), whole.TotalCount, l.count, whole.PageInfo)
		}
		want := jsonOf(whole.Nodes)
		for size := 1; size <= l.count+1; size += 1 + l.count/4 {
			var forward, backward []json.RawMessage
			for after := ""; ; {
				p := c.page(l.token, l.list, l.select_, fmt.Sprintf("first: %d", size), fmt.Sprintf("after: %q", after))
				forward = append(forward, p.Nodes...)
				if p.TotalCount != l.count || p.PageInfo.HasNextPage != (len(forward) < l.count) || p.PageInfo.HasPreviousPage != (after != "") || len(p.Nodes) > size {
					t.Fatalf("%s, %d at a time, after %d: %+v", l.list, size, len(forward), p)
				}
				if !p.PageInfo.HasNextPage {
					break
				}
				after = *p.PageInfo.EndCursor
			}
			for before := ""; ; {
				p := c.page(l.token, l.list, l.select_, fmt.Sprintf("last: %d", size), fmt.Sprintf("before: %q", before))
				backward = append(slices.Clone(p.Nodes), backward...)
				if p.PageInfo.HasPreviousPage != (len(backward) < l.count) || p.PageInfo.HasNextPage != (before != "") || len(p.Nodes) > size {
					t.Fatalf("%s, %d at a time, before %d: %+v", l.list, size, len(backward), p)
				}
				if !p.PageInfo.HasPreviousPage {
					break
				}
				before = *p.PageInfo.StartCursor
			}
			if jsonOf(forward) != want || jsonOf(backward) != want {
				t.Errorf("%s, %d at a time:\nforward  %s\nbackward %s\nwant     %s", l.list, size, jsonOf(forward), jsonOf(backward), want)
			}
		}
		for _, cursor := range []string{"x", "e30", "WzFd", "====", strings.Repeat("A", 1000)} {
			if a := c.ask(l.token, fmt.Sprintf(`{ %s { totalCount } }`, with(l.list, fmt.Sprintf("after: %q", cursor)))); a.code() != "read_model.cursor" {
				t.Errorf("%s after %q: %s", l.list, cursor, a.Body)
			}
		}
		for _, wrong := range []string{`before: "x"`, `first: 1, before: "x"`, `last: 1, after: "x"`, `first: 1, last: 1`} {
			if a := c.ask(l.token, `{ `+with(l.list, wrong)+` { totalCount } }`); a.code() != "read_model.page" {
				t.Errorf("%s, %s: %s", l.list, wrong, a.Body)
			}
		}
	}
	if p := c.page("anna", "invoices", "id"); len(p.Nodes) != 1 {
		t.Errorf("Anna's invoices: %+v", p)
	}
	if p := c.page("treasurer", fmt.Sprintf("invoices(payer: %q)", anna), "payer"); len(p.Nodes) != 1 || !strings.Contains(jsonOf(p.Nodes), string(anna)) {
		t.Errorf("of Anna: %+v", p)
	}
}

// with adds arguments to those of a list.
func with(list, args string) string {
	if name, given, has := strings.Cut(strings.TrimSuffix(list, ")"), "("); has {
		return name + "(" + given + ", " + args + ")"
	}
	return list + "(" + args + ")"
}

// TestPagesKeepTheirPlace: what comes or goes between two pages makes neither of
// what was there come twice, nor be left out.
func TestPagesKeepTheirPlace(t *testing.T) {
	c := serve(t)
	c.found()
	add := func(name string) string {
		return c.must("secretary", `mutation($n: String!) { updateIdentity(identity: {organisation: $n}) { id } }`, "n", name).text("updateIdentity", "id")
	}
	ids := []string{}
	for _, name := range []string{"b", "d", "f", "h", "j"} {
		ids = append(ids, add(name))
	}
	names := func(p paged) string {
		return strings.NewReplacer(`"name":`, "", "{", "", "}", "", `"`, "").Replace(jsonOf(p.Nodes))
	}
	first := c.page("secretary", "members(by: NAME)", "name", "first: 2")
	add("a")
	add("c")
	add("e")
	// The last of the page goes elsewhere, too.
	c.must("secretary", `mutation($p: ID!) { updateIdentity(party: $p, identity: {organisation: "z"}) { id } }`, "p", ids[1])
	second := c.page("secretary", "members(by: NAME)", "name", "first: 2", fmt.Sprintf("after: %q", *first.PageInfo.EndCursor))
	back := c.page("secretary", "members(by: NAME)", "name", "last: 2", fmt.Sprintf("before: %q", *second.PageInfo.StartCursor))
	if names(first) != "[b,d]" || names(second) != "[e,f]" || names(back) != "[b,c]" {
		t.Errorf("%s, then %s, and back %s", names(first), names(second), names(back))
	}

	for _, name := range []string{"Anna", "Bert", "Carla"} {
		c.join(name, "Exemple")
	}
	register := c.page("secretary", "memberRegister", "number", "first: 2")
	c.join("Dora", "Exemple")
	c.must("bert", `mutation { resign { id } }`)
	c.clock(300 * 24 * 3600e9) // after which Bert, at the end of the page, has left
	next := c.page("secretary", "memberRegister", "number", "first: 2", fmt.Sprintf("after: %q", *register.PageInfo.EndCursor))
	if jsonOf(register.Nodes) != `[{"number":1},{"number":2}]` || jsonOf(next.Nodes) != `[{"number":3},{"number":4}]` || next.TotalCount != 3 {
		t.Errorf("register: %+v, then %+v", register, next)
	}
}

// TestCountsByAnyName: the total is counted wherever in the selection it is asked for.
func TestCountsByAnyName(t *testing.T) {
	c := serve(t)
	c.found()
	c.join("Anna", "Exemple")
	for _, select_ := range []string{`totalCount`, `n: totalCount`, `... { totalCount }`, `... on MemberConnection { n: totalCount }`, `...F`, `nodes { id } ...F`} {
		query := `{ members { ` + select_ + ` } }`
		if strings.Contains(select_, "...F") {
			query += ` fragment F on MemberConnection { ... on MemberConnection { totalCount } }`
		}
		if a := c.must("secretary", query); !strings.Contains(a.Body, `:1}`) {
			t.Errorf("%s: %s", query, a.Body)
		}
	}
}
