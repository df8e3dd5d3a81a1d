package graphql_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes/access"
	"rochdale/projections"
)

// foundBy has the board found a co-op by a preset of statutes, of which texts are
// replaced by others.
func (c *coop) foundBy(preset string, replace ...string) statutes.Statutes {
	c.t.Helper()
	file, err := statutes.PresetFile(preset)
	if err != nil {
		c.t.Fatal(err)
	}
	text := string(file)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			c.t.Fatalf("%s has no %q", preset, replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	c.must("board", `mutation($s: YAML!) { adoptStatutes(version: 1, statutes: $s, on: "2020-01-01", inForceFrom: "2020-01-01", by: "deed of foundation") { version } }`, "s", text)
	rules, err := statutes.Parse([]byte(text), preset)
	if err != nil {
		c.t.Fatal(err)
	}
	return rules
}

// candidate applies, and can show their first name as a token.
func (c *coop) candidate(first string) string {
	c.t.Helper()
	party := c.must("secretary", `mutation($f: String!, $e: String!) { apply(kind: PERSON, identity: {firstName: $f, lastName: "Exemple", street: "Rue du Moulin 1", postalCode: "1000", city: "Bruxelles", country: "BE"},
		contact: {email: $e}) { id } }`, "f", first, "e", strings.ToLower(first)+"@example.org").text("apply", "id")
	c.let(strings.ToLower(first), access.Viewer{Party: domain.PartyID(party), Name: party, Roles: []domain.Role{domain.RoleMember}})
	return party
}

// holder is a member who holds shares that are paid, all of it or an amount.
func (c *coop) holder(first string, class domain.ClassID, n int, paid string) (party, subscription string) {
	c.t.Helper()
	party = c.candidate(first)
	subscription = c.must("treasurer", `mutation($p: ID!, $c: ID!, $n: Int!) { subscribeShares(party: $p, class: $c, quantity: $n) { id } }`, "p", party, "c", class, "n", n).text("subscribeShares", "id")
	c.must("board", `mutation($p: ID!) { admit(party: $p) { position } }`, "p", party)
	c.must("treasurer", `mutation($p: ID!, $s: ID!, $c: ID!, $a: Money!, $r: String!) { recordSharePayment(party: $p, subscription: $s, class: $c, amount: $a, reference: $r) { position } issueShares(party: $p, subscription: $s, class: $c) { position } }`,
		"p", party, "s", subscription, "c", class, "a", paid, "r", "bank "+first)
	return party, subscription
}

// is compares what stands at a path of an answer.
func (c *coop) is(what string, a answer, want string, path ...string) {
	c.t.Helper()
	if got := jsonOf(a.at(path...)); got != want {
		c.t.Errorf("%s: got  %s\nwant %s\n%.400s", what, got, want, a.Body)
	}
}

// refused has an operation refused.
func (c *coop) refused(code, token, query string, variables ...any) {
	c.t.Helper()
	if a := c.ask(token, query, variables...); a.code() != code {
		c.t.Errorf("%s: %.400s, want %s", query, a.Body, code)
	}
}

// TestEveryMovementIsAKind: what the read models write of movements can be asked for.
func TestEveryMovementIsAKind(t *testing.T) {
	c := serve(t)
	var known []string
	for _, v := range c.schema()["ShareMovementKind"].EnumValues {
		known = append(known, strings.ToLower(v.Name))
	}
	var written []string
	for _, kind := range projections.MovementKinds {
		written = append(written, string(kind))
	}
	slices.Sort(known)
	slices.Sort(written)
	if !slices.Equal(known, written) {
		t.Errorf("the schema knows %v, and the read models write %v", known, written)
	}
}

const transfer = `mutation($a: ID!, $b: ID!, $c: ID!, $n: Int!, $k: TransferKind, $s: [ShareSignatureInput!], $d: String) {
	transferShares(from: $a, to: $b, class: $c, quantity: $n, kind: $k, signatures: $s, decision: $d) { id } }`

func signatures(from, to string) []map[string]string {
	return []map[string]string{
		{"as": "TRANSFEROR", "by": from, "on": "2026-03-02", "how": "PAPER"}, {"as": "TRANSFEREE", "by": to, "on": "2026-03-02", "how": "SIGNED_IN"},
	}
}

// TestTransfersByPreset: what each preset wants of a transfer can be given.
func TestTransfersByPreset(t *testing.T) {
	for _, preset := range []string{"be-sc", "nubo", "fr-scic", "nl-coop", "hostsharing"} {
		t.Run(preset, func(t *testing.T) {
			c := serve(t)
			rules := c.foundBy(preset)
			class := rules.Shares.Classes[0]
			price := class.Price.Times(3).String()
			anna, _ := c.holder("Anna", class.ID, 3, price)
			bert, _ := c.holder("Bert", class.ID, 3, price)
			with := func(more ...any) []any {
				return append([]any{"a", anna, "b", bert, "c", class.ID, "n", 2, "k", "GIFT"}, more...)
			}
			if rules.Shares.Transfers.Signed {
				c.refused("shares.not_signed", "board", transfer, with("d", "board 7")...)
				c.refused("shares.not_signed", "board", transfer, with("d", "board 7", "s", signatures(anna, bert)[:1])...)
			}
			if rules.Shares.Transfers.Approved {
				c.refused("shares.not_approved", "board", transfer, with("s", signatures(anna, bert))...)
			}
			c.refused("membership.not_member", "board", transfer, "a", anna, "b", c.candidate("Zoe"), "c", class.ID, "n", 1, "s", signatures(anna, bert), "d", "board 7")
			id := c.must("secretary", transfer, with("d", "board 7", "s", signatures(anna, bert))...).text("transferShares", "id")
			a := c.must("secretary", `query($p: ID!) { member(id: $p) { shareLots { quantity paid unpaid lost } shareMovements { kind quantity } } }`, "p", bert)
			for n := range 2 {
				if want := fmt.Sprintf(`{"lost":"0.00 EUR","paid":"%v","quantity":%d,"unpaid":"0.00 EUR"}`, class.Price.Times(int64(n+2)), n+2); !strings.Contains(jsonOf(a.at("member", "shareLots")), want) {
					t.Errorf("lots: %s, want %s", a.Body, want)
				}
			}
			for e, err := range c.models.Transfers(t.Context(), calendar.On(2026, time.January, 1), projections.AsAt{Day: calendar.On(2026, time.December, 31)}, "") {
				if err != nil || string(e.ID) != id || len(e.Signed) != 2 || e.Decision != "board 7" {
					t.Errorf("register: %+v, %v", e, err)
				}
			}
			c.must("secretary", `mutation($t: ID!, $a: ID!, $b: ID!, $c: ID!) { reverseTransfer(transfer: $t, from: $a, to: $b, class: $c, document: "board 8") { id } }`, "t", id, "a", anna, "b", bert, "c", class.ID)
			c.is("reversed", c.must("board", `query($p: ID!) { holdings(party: $p) { quantity } member(id: $p) { shareMovements { kind } } }`, "p", bert),
				`{"holdings":[{"quantity":3}],"member":{"shareMovements":[{"kind":"PAID"},{"kind":"ISSUED"},{"kind":"TRANSFERRED_IN"},{"kind":"REVERSED"}]}}`)
		})
	}
}

// TestProposals: two members sign a transfer, each for themselves, and learn no more
// of each other than they must; the board carries it out.
func TestProposals(t *testing.T) {
	c := serve(t)
	c.foundBy("be-sc")
	anna, _ := c.holder("Anna", "A", 3, "300.00 EUR")
	bert, _ := c.holder("Bert", "A", 1, "100.00 EUR")
	c.holder("Carla", "A", 1, "100.00 EUR")
	propose := `mutation($n: Int!, $q: Int!) { proposeTransfer(toNumber: $n, class: "A", quantity: $q, kind: SALE) { id proposal { toNumber quantity signatures { as how } } } }`
	a := c.must("anna", propose, "n", 2, "q", 2)
	c.is("proposed", a, `{"quantity":2,"signatures":[{"as":"TRANSFEROR","how":"SIGNED_IN"}],"toNumber":2}`, "proposeTransfer", "proposal")
	id := a.text("proposeTransfer", "id")
	c.refused("register.unknown_number", "anna", propose, "n", 99, "q", 1)
	c.refused("shares.self", "anna", propose, "n", 1, "q", 1)
	c.refused("graphql.denied", "anna", `{ viewer { member { transferProposals { to { name } } } } }`)
	c.refused("graphql.denied", "anna", `{ transferProposals { id } }`)
	c.is("to bert", c.must("bert", `{ viewer { member { transferProposals { id from { name number } quantity } } } }`),
		fmt.Sprintf(`[{"from":{"name":"Anna Exemple","number":1},"id":"%s","quantity":2}]`, id), "viewer", "member", "transferProposals")
	sign := `mutation($t: ID!, $p: ID) { signTransfer(transfer: $t, party: $p) { proposal { signatures { as } } } }`
	c.refused("shares.no_proposal", "carla", sign, "t", id)
	c.refused("graphql.denied", "carla", sign, "t", id, "p", bert)
	carry := `mutation($t: ID!, $r: String) { carryOutTransfer(transfer: $t, requestId: $r) { id party holdings { quantity } } }`
	c.refused("shares.not_signed", "board", carry, "t", id)
	c.refused("graphql.denied", "anna", carry, "t", id)
	c.is("signed", c.must("bert", sign, "t", id), `[{"as":"TRANSFEROR"},{"as":"TRANSFEREE"}]`, "signTransfer", "proposal", "signatures")
	want := fmt.Sprintf(`{"holdings":[{"quantity":1}],"id":"%s","party":"%s"}`, id, anna)
	c.is("carried out", c.must("board", carry, "t", id, "r", "once"), want, "carryOutTransfer")
	c.is("asked again", c.must("board", carry, "t", id, "r", "once"), want, "carryOutTransfer")
	c.refused("shares.no_proposal", "board", carry, "t", id)
	c.is("none waits", c.must("secretary", `{ transferProposals { id } }`), `[]`, "transferProposals")

	end := `mutation($t: ID!) { endTransferProposal(transfer: $t) { proposal { outcome } } }`
	for who, outcome := range map[string]string{"anna": "WITHDRAWN", "bert": "DECLINED", "secretary": "DECLINED"} {
		id := c.must("anna", propose, "n", 2, "q", 1).text("proposeTransfer", "id")
		c.refused("shares.no_proposal", "carla", end, "t", id)
		c.is(who, c.must(who, end, "t", id), fmt.Sprintf("%q", outcome), "endTransferProposal", "proposal", "outcome")
	}
}

// TestAdmissionFollowed: shares follow what becomes of an application. Who is admitted
// gets those that were agreed; who is refused gets their money back.
func TestAdmissionFollowed(t *testing.T) {
	c := serve(t)
	c.foundBy("nubo", "partial_exit: false", "partial_exit: true")
	anna, _ := c.holder("Anna", "A", 5, "125.00 EUR")
	bert, _ := c.holder("Bert", "A", 1, "25.00 EUR")
	zoe, yves := c.candidate("Zoe"), c.candidate("Yves")
	agree := `mutation($a: ID!, $b: ID!, $n: Int!, $s: [ShareSignatureInput!]) { agreeTransfer(from: $a, to: $b, class: "A", quantity: $n, kind: GIFT, signatures: $s) { id } }`
	admit := `mutation($p: ID!) { admit(party: $p) { member { number } } }`
	c.refused("membership.too_few_shares", "board", admit, "p", zoe)
	c.refused("membership.not_applied", "secretary", agree, "a", zoe, "b", anna, "n", 1, "s", signatures(zoe, anna))
	c.must("secretary", agree, "a", anna, "b", zoe, "n", 2, "s", signatures(anna, zoe))
	c.must("secretary", agree, "a", anna, "b", yves, "n", 1, "s", signatures(anna, yves))
	c.work() // nothing yet
	c.is("waits", c.must("anna", `{ viewer { member { agreedTransfers { quantity to { name } outcome } holdings { quantity } } } }`),
		`{"agreedTransfers":[{"outcome":null,"quantity":2,"to":{"name":"Zoe Exemple"}},{"outcome":null,"quantity":1,"to":{"name":"Yves Exemple"}}],"holdings":[{"quantity":5}]}`, "viewer", "member")
	c.refused("shares.not_free", "secretary", transfer, "a", anna, "b", bert, "c", "A", "n", 3, "s", signatures(anna, bert))

	c.must("board", admit, "p", zoe)
	c.work()
	c.is("completed", c.must("zoe", `{ viewer { member { holdings { quantity paid } shareMovements { kind quantity } } } }`),
		`{"holdings":[{"paid":"50.00 EUR","quantity":2}],"shareMovements":[{"kind":"TRANSFERRED_IN","quantity":2}]}`, "viewer", "member")

	// Yves subscribes too; Zoe pays for him, too much, and he something himself.
	sub := c.must("yves", `mutation { subscribeShares(class: "A", quantity: 3) { id } }`).text("subscribeShares", "id")
	pay := `mutation($p: ID!, $s: ID!, $a: Money!, $r: String!, $by: ID, $k: Boolean!) { recordSharePayment(party: $p, subscription: $s, class: "A", amount: $a, reference: $r, payer: $by, keepRest: $k) { position } }`
	c.must("treasurer", pay, "p", yves, "s", sub, "a", "20.00 EUR", "r", "bank 1", "k", false)
	c.refused("shares.overpaid", "treasurer", pay, "p", yves, "s", sub, "a", "60.00 EUR", "r", "bank 2", "by", zoe, "k", false)
	c.must("treasurer", pay, "p", yves, "s", sub, "a", "60.00 EUR", "r", "bank 2", "by", zoe, "k", true)
	c.is("the rest", c.must("zoe", `{ shareCredits { reference amount } }`), `[{"amount":"5.00 EUR","reference":"bank 2"}]`, "shareCredits")
	c.must("board", `mutation($p: ID!) { reject(party: $p, reason: "does not live here") { position } }`, "p", yves)
	c.work()
	c.work() // does nothing twice
	c.is("given up", c.must("anna", `{ viewer { member { agreedTransfers { outcome } } } }`), `[{"outcome":"COMPLETED"},{"outcome":"REFUSED"}]`, "viewer", "member", "agreedTransfers")
	c.is("for the treasurer", c.must("treasurer", `{ shareCredits { payer party reference amount } }`),
		fmt.Sprintf(`[{"amount":"20.00 EUR","party":"%[1]s","payer":"%[1]s","reference":"bank 1"},{"amount":"60.00 EUR","party":"%[1]s","payer":"%[2]s","reference":"bank 2"}]`, yves, zoe), "shareCredits")
	c.is("the movements", c.must("yves", `{ viewer { member { shareMovements { kind paid } shareSubscriptions { id } } } }`),
		`{"shareMovements":[{"kind":"PAID","paid":"20.00 EUR"},{"kind":"PAID","paid":"55.00 EUR"},{"kind":"WITHDRAWN","paid":"-75.00 EUR"}],"shareSubscriptions":[]}`, "viewer", "member")

	// Money goes back, to an account that can be trusted, and once.
	refund := `mutation($p: ID!, $r: String!, $a: Money!, $id: String!) { refundShareCredit(party: $p, class: "A", reference: $r, amount: $a, payment: $id) { position } }`
	c.must("yves", `mutation { changeBankAccount(account: {iban: "BE68539007547034"}) { position } }`)
	c.refused("shares.account_rests", "treasurer", refund, "p", yves, "r", "bank 1", "a", "20.00 EUR", "id", "out 1")
	c.refused("graphql.denied", "yves", refund, "p", yves, "r", "bank 1", "a", "20.00 EUR", "id", "out 1")
	c.must("treasurer", refund, "p", yves, "r", "bank 2", "a", "10.00 EUR", "id", "out 2")
	c.refused("shares.no_credit", "treasurer", refund, "p", yves, "r", "bank 2", "a", "51.00 EUR", "id", "out 3")
	c.refused("shares.not_barred", "treasurer", `mutation($p: ID!) { timeBarShareCredit(party: $p, class: "A", reference: "bank 2") { position } }`, "p", yves)
	c.clock(11 * 24 * time.Hour)
	c.must("treasurer", refund, "p", yves, "r", "bank 1", "a", "20.00 EUR", "id", "out 1")

	// What is left is used for other shares, by who paid it.
	more := c.must("zoe", `mutation { subscribeShares(class: "A", quantity: 2) { id } }`).text("subscribeShares", "id")
	c.must("treasurer", `mutation($p: ID!, $z: ID!, $s: ID!) { assignShareCredit(party: $p, class: "A", reference: "bank 2", amount: "50.00 EUR", to: $z, toClass: "A", subscription: $s) { position }
		issueShares(party: $z, subscription: $s, class: "A") { holdings { quantity } } }`, "p", yves, "z", zoe, "s", more)
	c.is("nothing left", c.must("treasurer", `{ shareCredits { amount } }`), `[]`, "shareCredits")
	c.must("treasurer", `mutation($p: ID!) { reverseShareEntry(entry: CREDIT, of: "out 1", party: $p, class: "A", document: "bank notice") { position } }`, "p", yves)
	c.is("it did not arrive", c.must("treasurer", `{ shareCredits { reference amount } }`), `[{"amount":"20.00 EUR","reference":"bank 1"}]`, "shareCredits")

	// A member takes a subscription back; another's they do not.
	again := c.must("zoe", `mutation { subscribeShares(class: "A", quantity: 1) { id } }`).text("subscribeShares", "id")
	withdraw := `mutation($s: ID!, $p: ID) { withdrawSubscription(subscription: $s, party: $p, class: "A") { position } }`
	c.refused("graphql.denied", "anna", withdraw, "s", again, "p", zoe)
	c.refused("shares.not_subscribed", "anna", withdraw, "s", again)
	c.must("zoe", withdraw, "s", again)
	c.is("withdrawn", c.must("zoe", `{ viewer { member { shareSubscriptions { id } } } }`), fmt.Sprintf(`[{"id":"%s"}]`, more), "viewer", "member", "shareSubscriptions")
}

// TestCalls: a call is decided once, made to each holder once, and paid or overdue.
func TestCalls(t *testing.T) {
	c := serve(t)
	c.foundBy("fr-scic")
	anna, hers := c.holder("Anna", "P", 4, "50.00 EUR") // a quarter
	bert, _ := c.holder("Bert", "P", 2, "100.00 EUR")   // all
	carla, _ := c.holder("Carla", "P", 4, "60.00 EUR")
	call := `mutation($u: Money!) { decideCall(class: "P", upTo: $u, dueOn: "2026-04-10", decision: "board 9", requestId: "call") { id } }`
	c.refused("graphql.denied", "treasurer", call, "u", "25.00 EUR")
	id := c.must("board", call, "u", "25.00 EUR").text("decideCall", "id")
	if again := c.must("board", call, "u", "25.00 EUR").text("decideCall", "id"); again != id {
		t.Errorf("%s, asked again %s", id, again)
	}
	c.work()
	head, err := c.store.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.work()
	if after, err := c.store.Log.Head(t.Context()); after != head || err != nil {
		t.Errorf("called again: %d, %d, %v", head, after, err)
	}
	c.is("the call", c.must("bert", `{ shareCalls { id class upTo dueOn holders amount decision } viewer { member { sharesCalled { amount } } } }`),
		fmt.Sprintf(`{"shareCalls":[{"amount":"90.00 EUR","class":"P","decision":"board 9","dueOn":"2026-04-10","holders":2,"id":"%s","upTo":"25.00 EUR"}],"viewer":{"member":{"sharesCalled":[]}}}`, id))
	mine := `{ viewer { member { shareLots { paid called unpaid } sharesCalled { amount dueOn } sharesOverdue { overdue } } } }`
	c.is("asked", c.must("anna", mine), `{"shareLots":[{"called":"100.00 EUR","paid":"50.00 EUR","unpaid":"50.00 EUR"}],"sharesCalled":[{"amount":"50.00 EUR","dueOn":"2026-04-10"}],"sharesOverdue":[]}`, "viewer", "member")
	c.must("treasurer", `mutation($p: ID!, $s: ID!) { recordSharePayment(party: $p, subscription: $s, class: "P", amount: "20.00 EUR", reference: "bank 7", means: SET_OFF) { position } }`, "p", anna, "s", hers)
	c.clock(40 * 24 * time.Hour)
	reverse := `mutation($e: ShareEntryKind!, $o: String!, $p: ID!) { reverseShareEntry(entry: $e, of: $o, party: $p, class: "P", document: "a notice") { position } }`
	c.must("board", reverse, "e", "CALL", "o", id, "p", carla)
	c.is("called by mistake", c.must("carla", mine), `{"shareLots":[{"called":"0.00 EUR","paid":"60.00 EUR","unpaid":"0.00 EUR"}],"sharesCalled":[],"sharesOverdue":[]}`, "viewer", "member")
	c.is("overdue", c.must("treasurer", `{ sharesOverdue { party unpaid overdue } early: sharesOverdue(on: "2026-04-10") { overdue } }`),
		fmt.Sprintf(`{"early":[],"sharesOverdue":[{"overdue":"30.00 EUR","party":"%s","unpaid":"30.00 EUR"}]}`, anna))
	c.refused("graphql.denied", "bert", `{ sharesOverdue { overdue } }`)
	c.must("treasurer", reverse, "e", "PAYMENT", "o", "bank 7", "p", anna)
	c.is("it came back", c.must("anna", mine), `[{"called":"100.00 EUR","paid":"50.00 EUR","unpaid":"50.00 EUR"}]`, "viewer", "member", "shareLots")
	c.refused("graphql.denied", "secretary", reverse, "e", "CALL", "o", id, "p", bert)
}

// TestBacking: shares that back services stay as long as these.
func TestBacking(t *testing.T) {
	c := serve(t)
	c.foundBy("hostsharing", "min_holding: 1", "min_holding: 1\n      converts: [{to: H, take: 1, give: 1}]\n    - id: H\n      name: {de: Anderer Anteil, en: Another share}\n      price: 64.00 EUR\n      min_holding: 1")
	list, err := os.ReadFile("../domain/offering/pricelists/nubo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.must("board", `mutation($l: YAML!) { publishPriceList(version: 1, list: $l, from: "2026-03-02") { position } }`, "l", string(list))
	anna, _ := c.holder("Anna", "G", 5, "320.00 EUR")
	bert, _ := c.holder("Bert", "G", 1, "64.00 EUR")
	c.must("anna", `mutation { subscribe(plan: "nubo", gb: 5) { id } }`)
	second := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`).text("subscribe", "id")
	a := c.ask("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	if a.code() != "shares.unbacked" || jsonOf(a.Errors[0].Extensions["args"]) != `{"class":"G","held":5,"needed":6}` {
		t.Errorf("a third server needs another share: %s", a.Body)
	}
	give := func(n int) []any { return []any{"a", anna, "b", bert, "c", "G", "n", n} }
	convert := `mutation($p: ID!, $n: Int!) { convertShares(party: $p, class: "G", to: "H", quantity: $n) { id } }`
	a = c.ask("board", transfer, give(2)...)
	if a.code() != "shares.backing" || jsonOf(a.Errors[0].Extensions["args"]) != `{"left":3,"needed":4}` {
		t.Errorf("two servers need four shares: %s", a.Body)
	}
	c.refused("shares.backing", "board", convert, "p", anna, "n", 2)
	zoe := c.candidate("Zoe")
	c.refused("shares.backing", "board", `mutation($a: ID!, $b: ID!) { agreeTransfer(from: $a, to: $b, class: "G", quantity: 2) { id } }`, "a", anna, "b", zoe)
	c.must("board", transfer, give(1)...)
	c.refused("shares.backing", "board", transfer, give(1)...)
	c.must("anna", `mutation($s: ID!) { cancelSubscription(subscription: $s) { position } }`, "s", second)
	c.refused("shares.backing", "board", transfer, give(1)...) // it goes on to its last day
	c.clock(40 * 24 * time.Hour)
	id := c.must("board", convert, "p", anna, "n", 2).text("convertShares", "id")
	c.is("converted", c.must("anna", `{ holdings { class quantity } viewer { member { shareMovements { kind quantity } } } }`),
		`{"holdings":[{"class":"G","quantity":2},{"class":"H","quantity":2}],"viewer":{"member":{"shareMovements":[{"kind":"PAID","quantity":0},{"kind":"ISSUED","quantity":5},{"kind":"TRANSFERRED_OUT","quantity":-1},{"kind":"CONVERTED_OUT","quantity":-2},{"kind":"CONVERTED_IN","quantity":2}]}}}`)
	c.must("secretary", `mutation($i: ID!, $p: ID!) { reverseConversion(conversion: $i, party: $p, class: "G", to: "H", document: "board 4") { id } }`, "i", id, "p", anna)
	c.is("and back", c.must("anna", `{ holdings { class quantity } }`), `[{"class":"G","quantity":4}]`, "holdings")
}

// TestOneOffer: the shares of one party cost no more than the statutes let them, those
// of all classes together.
func TestOneOffer(t *testing.T) {
	c := serve(t)
	c.foundBy("nubo", "exit_value: paid", "max_contribution: 200.00 EUR\n  exit_value: paid")
	c.holder("Anna", "A", 4, "100.00 EUR")
	c.refused("shares.above_offer", "anna", `mutation { subscribeShares(class: "B", quantity: 5) { id } }`)
	c.must("anna", `mutation { subscribeShares(class: "B", quantity: 4) { id } }`)
	c.refused("shares.above_offer", "anna", `mutation { subscribeShares(class: "A", quantity: 1) { id } }`)
}

// TestRestrictionsAndCertificates: shares that are pledged stay; a certificate has its
// number once.
func TestRestrictionsAndCertificates(t *testing.T) {
	c := serve(t)
	c.foundBy("hostsharing")
	anna, _ := c.holder("Anna", "G", 3, "192.00 EUR")
	bert, _ := c.holder("Bert", "G", 1, "64.00 EUR")
	note := `mutation($p: ID!, $b: String) { noteRestriction(party: $p, class: "G", kind: PLEDGE, quantity: 2, beneficiary: $b, document: "deed 5") { id } }`
	c.refused("shares.incomplete", "secretary", note, "p", anna)
	c.refused("graphql.denied", "anna", note, "p", anna, "b", "Example Bank")
	id := c.must("secretary", note, "p", anna, "b", "Example Bank").text("noteRestriction", "id")
	c.refused("shares.not_free", "board", transfer, "a", anna, "b", bert, "c", "G", "n", 2)
	own := c.must("anna", `{ viewer { member { shareRestrictions { kind quantity beneficiary document } } } }`)
	c.is("pledged", own, `[{"beneficiary":"Example Bank","document":"deed 5","kind":"PLEDGE","quantity":2}]`, "viewer", "member", "shareRestrictions")
	c.is("in the register", c.must("board", `{ shareRestrictions { party } early: shareRestrictions(asOf: "2026-03-01") { party } }`), fmt.Sprintf(`{"early":[],"shareRestrictions":[{"party":"%s"}]}`, anna))
	c.must("secretary", `mutation($r: ID!, $p: ID!) { liftRestriction(restriction: $r, party: $p, class: "G", document: "release 1") { id } }`, "r", id, "p", anna)
	c.must("board", transfer, "a", anna, "b", bert, "c", "G", "n", 1)

	issue := `mutation($p: ID!, $r: String) { issueCertificate(party: $p, class: "G", requestId: $r) { number certificate { quantity on voidOn } } }`
	c.is("certified", c.must("secretary", issue, "p", anna, "r", "one"), `{"certificate":{"on":"2026-03-02","quantity":2,"voidOn":null},"number":1}`, "issueCertificate")
	c.is("another", c.must("secretary", issue, "p", bert), `2`, "issueCertificate", "number")
	c.is("asked again", c.must("secretary", issue, "p", anna, "r", "one"), `1`, "issueCertificate", "number")
	c.refused("shares.incomplete", "secretary", issue, "p", c.candidate("Zoe"))
	replace := `mutation($r: String) { replaceCertificate(number: 1, quantity: 1, why: LOST, requestId: $r) { number certificate { replaces quantity } } }`
	for range 2 {
		c.is("replaced", c.must("board", replace, "r", "two"), `{"certificate":{"quantity":1,"replaces":1},"number":3}`, "replaceCertificate")
	}
	c.refused("shares.no_certificate", "board", replace)
	c.must("secretary", `mutation { cancelCertificate(number: 2, why: MISTAKEN) { certificate { voidWhy } } }`)
	c.is("hers", c.must("anna", `{ viewer { member { shareCertificates { number voidWhy voidBy } } } shareCertificate(number: 3) { quantity } his: shareCertificate(number: 2) { quantity } }`),
		`{"his":null,"shareCertificate":{"quantity":1},"viewer":{"member":{"shareCertificates":[{"number":1,"voidBy":3,"voidWhy":"LOST"},{"number":3,"voidBy":null,"voidWhy":null}]}}}`)
}

// TestConsultation: whoever holds shares may see the register for a day, and that they
// did is kept. It has no addresses of e-mail.
func TestConsultation(t *testing.T) {
	c := serve(t)
	c.foundBy("nubo")
	anna, _ := c.holder("Anna", "A", 2, "50.00 EUR")
	c.holder("Bert", "A", 1, "25.00 EUR")
	zoe := c.candidate("Zoe")
	consult := `mutation($n: Int, $p: ID) { consultShareRegister(number: $n, party: $p) { id consultation { party on extract lines { totalCount nodes { number name address class quantity paid } } } } }`
	lines := `{"address":"Rue du Moulin 1, 1000 Bruxelles","class":"A","name":"Bert Exemple","number":2,"paid":"25.00 EUR","quantity":1}`
	a := c.must("anna", consult, "n", 2)
	c.is("an extract", a, fmt.Sprintf(`{"extract":true,"lines":{"nodes":[%s],"totalCount":1},"on":"2026-03-02","party":"%s"}`, lines, anna), "consultShareRegister", "consultation")
	a = c.must("anna", consult)
	c.is("all of it", a, `2`, "consultShareRegister", "consultation", "lines", "totalCount")
	if strings.Contains(a.Body, "@") {
		t.Errorf("an address of e-mail: %s", a.Body)
	}
	c.refused("shares.no_holder", "zoe", consult)
	c.refused("graphql.denied", "zoe", consult, "p", anna)
	c.refused("graphql.denied", "secretary", consult)
	id := a.text("consultShareRegister", "id")
	look := `query($i: ID!) { shareConsultation(id: $i) { lines(first: 1) { nodes { name } pageInfo { hasNextPage } } } }`
	c.is("a page", c.must("anna", look, "i", id), `{"lines":{"nodes":[{"name":"Anna Exemple"}],"pageInfo":{"hasNextPage":true}}}`, "shareConsultation")
	c.is("another's", c.must("bert", look, "i", id), `null`, "shareConsultation")
	c.refused("graphql.denied", "anna", `{ shareConsultations { totalCount } }`)
	c.is("logged", c.must("secretary", `query($z: ID!) { shareConsultations(first: 1) { totalCount nodes { party extract } } member(id: $z) { shareConsultations { id } } }`, "z", zoe),
		fmt.Sprintf(`{"member":{"shareConsultations":[]},"shareConsultations":{"nodes":[{"extract":false,"party":"%s"}],"totalCount":2}}`, anna))
	c.clock(24 * time.Hour)
	c.refused("shares.consultation_over", "anna", look, "i", id)
	c.must("secretary", look, "i", id)
}

// TestClosedBooks: nothing is entered in a year whose accounts are approved.
func TestClosedBooks(t *testing.T) {
	c := serve(t)
	rules := c.foundBy("hostsharing", "min_holding: 1", "min_holding: 1\n      converts: [{to: H, take: 1, give: 1}]\n    - id: H\n      name: {de: Anderer Anteil, en: Another share}\n      price: 64.00 EUR\n      min_holding: 1")
	rules.Version = 1
	anna, _ := c.holder("Anna", "G", 3, "192.00 EUR")
	bert, _ := c.holder("Bert", "G", 1, "64.00 EUR")
	zoe := c.candidate("Zoe")
	s := c.must("anna", `mutation { subscribeShares(class: "G", quantity: 1) { id } }`).text("subscribeShares", "id")
	made := c.must("board", transfer, "a", anna, "b", bert, "c", "G", "n", 1).text("transferShares", "id")
	turned := c.must("board", `mutation($a: ID!) { convertShares(party: $a, class: "G", to: "H", quantity: 1) { id } }`, "a", anna).text("convertShares", "id")
	agreed := c.must("board", `mutation($a: ID!, $z: ID!) { agreeTransfer(from: $a, to: $z, class: "G", quantity: 1) { id } }`, "a", bert, "z", zoe).text("agreeTransfer", "id")
	c.must("treasurer", `mutation($a: ID!, $s: ID!) { recordSharePayment(party: $a, subscription: $s, class: "G", amount: "70.00 EUR", reference: "bank 8", keepRest: true) { position } }`, "a", anna, "s", s)
	c.clock(365 * 24 * time.Hour)
	_, err := eventstore.Execute(eventstore.As(t.Context(), "test"), c.store, shares.ApproveAccounts{
		Year: rules.FiscalYear(calendar.On(2026, time.March, 2)), NetAssets: money.Must("1000.00 EUR"), Issued: map[domain.ClassID]int64{"G": 4},
		Decision: "assembly 2027", On: calendar.On(2027, time.March, 1), Statutes: rules,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, fields := range map[string]string{
		"board": `issueShares(party: $a, subscription: $s, class: "G", on: $d) { id }
			transferShares(from: $a, to: $b, class: "G", quantity: 1, on: $d) { id }
			agreeTransfer(from: $a, to: $z, class: "G", quantity: 1, on: $d) { id }
			convertShares(party: $a, class: "G", to: "H", quantity: 1, on: $d) { id }
			decideCall(class: "G", upTo: "64.00 EUR", dueOn: "2027-06-01", decision: "board 9", on: $d) { id }
			withdrawSubscription(party: $a, subscription: $s, class: "G", on: $d) { id }
			reverseShareEntry(entry: PAYMENT, of: "bank 8", party: $a, class: "G", document: "x", on: $d) { id }
			reverseTransfer(transfer: "` + made + `", from: $a, to: $b, class: "G", document: "x", on: $d) { id }
			reverseConversion(conversion: "` + turned + `", party: $a, class: "G", to: "H", document: "x", on: $d) { id }`,
		"treasurer": `recordSharePayment(party: $a, subscription: $s, class: "G", amount: "1.00 EUR", reference: "bank 9", keepRest: true, on: $d) { id }
			assignShareCredit(party: $a, class: "G", reference: "bank 8", amount: "6.00 EUR", to: $a, toClass: "G", subscription: $s, on: $d) { id }
			refundShareCredit(party: $a, class: "G", reference: "bank 8", amount: "6.00 EUR", payment: "out 8", on: $d) { id }`,
	} {
		for field := range strings.Lines(fields) {
			variables := map[string]string{"$a": anna, "$b": bert, "$z": zoe, "$s": s, "$d": "2026-12-31"}
			for from, to := range variables {
				field = strings.ReplaceAll(field, from, fmt.Sprintf("%q", to))
			}
			c.refused("shares.closed", name, "mutation { "+field+" }")
		}
	}
	// Who is admitted as of a day in that year has the shares on the first that is open.
	c.must("board", `mutation($z: ID!) { admit(party: $z, on: "2026-12-01") { position } }`, "z", zoe)
	c.work()
	c.is("completed", c.must("board", `query($z: ID!) { member(id: $z) { agreedTransfers { id endedOn outcome } } }`, "z", zoe),
		fmt.Sprintf(`[{"endedOn":"2027-01-01","id":"%s","outcome":"COMPLETED"}]`, agreed), "member", "agreedTransfers")
}
