package graphql_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestRequestIDs: a mutation that is made again under its id, here or on another
// node, has no further effect and answers as it did at first; another under the
// same id is refused.
func TestRequestIDs(t *testing.T) {
	c := serve(t)
	other := c.node()
	c.found()
	anna := c.join("Anna", "Exemple")
	c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	c.work()
	account := c.must("anna", `{ viewer { member { accounts { id } } } }`).at("viewer", "member", "accounts").([]any)[0].(map[string]any)["id"].(string)
	poll := c.poll()
	meeting := c.must("secretary", `mutation { conveneAssembly(kind: EXTRAORDINARY, title: {en: "Another"}, heldOn: "2026-06-01") { id } }`).text("conveneAssembly", "id")
	head := func() int64 {
		t.Helper()
		n, err := c.store.Log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, m := range []struct{ token, mutation, otherwise string }{
		{"secretary", `apply(kind: PERSON, identity: {firstName: "Eva", lastName: "Muster"}, requestId: %q) { position id member { name } }`, `apply(kind: PERSON, identity: {firstName: "Eve", lastName: "Muster"}, requestId: %q) { position }`},
		{"anna", `updateContact(contact: {email: "new@example.org"}, requestId: %q) { position id }`, `updateLanguage(language: NL, requestId: %q) { position }`},
		{"anna", `subscribeShares(class: "A", quantity: 2, requestId: %q) { position id }`, `subscribeShares(class: "A", quantity: 3, requestId: %q) { position id }`},
		{"anna", `castVote(poll: "` + poll + `", choice: FOR, requestId: %q) { position id poll { turnout { castVoters } } }`, `castVote(poll: "` + poll + `", choice: AGAINST, requestId: %q) { position }`},
		{"treasurer", `recordPayment(amount: "5.00 EUR", payer: "` + string(anna) + `", requestId: %q) { position id payment { amount } }`, `recordPayment(amount: "6.00 EUR", payer: "` + string(anna) + `", requestId: %q) { position id }`},
		{"treasurer", `runBilling(month: "2026-03", requestId: %q) { position month issued already nothing problems { code } }`, `runBilling(month: "2026-02", requestId: %q) { position }`},
		{"anna", `setPassword(account: "` + account + `", password: "correct horse battery", requestId: %q) { position id account { login } }`, `setPassword(account: "` + account + `", password: "incorrect horse battery", requestId: %q) { position }`},
		{"secretary", `fileDocument(kind: REPORT, title: "Report", sha256: "` + strings.Repeat("0c", 32) + `", size: 9, mediaType: "text/plain", requestId: %q) { position id document { title } }`, `fileDocument(kind: REPORT, title: "Other", sha256: "` + strings.Repeat("0c", 32) + `", size: 9, mediaType: "text/plain", requestId: %q) { position }`},
	} {
		name, _, _ := strings.Cut(m.mutation, "(")
		mutation := func(format, id string) string { return "mutation { " + fmt.Sprintf(format, id) + " }" }
		first := c.must(m.token, mutation(m.mutation, name))
		after := head()
		for _, node := range []*coop{c, other, c} {
			if again := node.must(m.token, mutation(m.mutation, name)); again.Body != first.Body {
				t.Errorf("%s:\n%s\n%s", name, first.Body, again.Body)
			}
			if a := node.ask(m.token, mutation(m.otherwise, name)); a.code() != "request.reused" {
				t.Errorf("%s, otherwise: %s", name, a.Body)
			}
		}
		if now := head(); now != after {
			t.Errorf("%s had further effects: %d events", name, now-after)
		}
	}
	if n := c.doors.set("mail", "anna.exemple@example.org") + c.doors.set("storage", "anna.exemple@example.org"); n != 4 {
		t.Errorf("the password was set %d times", n) // each time to the same, since the log does not know whether it was
	}

	// A roll is frozen by several appends, of which the last bears the id.
	if a := c.ask("secretary", `mutation { freezeRoll(assembly: "`+meeting+`", requestId: "early") { position } }`); a.code() != "assembly.too_early" {
		t.Errorf("too early: %s", a.Body)
	}
	c.clock(90 * 24 * 3600e9)
	frozen := c.must("secretary", `mutation { freezeRoll(assembly: "`+meeting+`", requestId: "early") { position assembly { voters } } }`)
	if again := other.must("secretary", `mutation { freezeRoll(assembly: "`+meeting+`", requestId: "early") { position assembly { voters } } }`); again.Body != frozen.Body {
		t.Errorf("frozen:\n%s\n%s", frozen.Body, again.Body)
	}
	if a := c.ask("secretary", `mutation { freezeRoll(assembly: "none", requestId: "early") { position } }`); a.code() != "request.reused" {
		t.Errorf("another assembly: %s", a.Body)
	}

	// Ids are each caller's own, and variables are as good as what is written out.
	first := c.must("secretary", `mutation($k: PartyKind!, $n: Int!, $p: ID!) { apply(identity: {lastName: "X", firstName: "Y"}, kind: $k, requestId: "hers") { id } subscribeShares(quantity: $n, class: "A", party: $p, requestId: "shares") { id } }`,
		"k", "PERSON", "n", 2, "p", anna)
	again := c.ask("secretary", `mutation { apply(kind: PERSON, identity: {firstName: "Y", lastName: "X"}, requestId: "hers") { id } subscribeShares(party: "`+string(anna)+`", class: "A", quantity: 2, requestId: "shares") { id } }`)
	if first.Body != again.Body {
		t.Errorf("written otherwise:\n%s\n%s", first.Body, again.Body)
	}
	theirs := c.must("board", `mutation { apply(kind: PERSON, identity: {firstName: "Z", lastName: "X"}, requestId: "hers") { id } }`)
	if first.text("apply", "id") == theirs.text("apply", "id") {
		t.Errorf("of two callers: %s, %s", first.Body, theirs.Body)
	}

	// However many make it at once, on two nodes, it happens once.
	before := head()
	answers := make(chan string, 16)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			answers <- []*coop{c, other}[i%2].ask("treasurer", `mutation { recordPayment(amount: "9.00 EUR", requestId: "at once") { position id } }`).Body
		})
	}
	all.Wait()
	close(answers)
	told := map[string]int{}
	for a := range answers {
		told[a]++
	}
	if len(told) != 1 || head()-before != 2 { // the payment, and that it was asked for
		t.Errorf("%d events; answers: %v", head()-before, told)
	}
	if log := c.logged.String() + other.logged.String(); strings.Contains(log, "fault=") {
		t.Errorf("there were faults:\n%s", log)
	}
}
