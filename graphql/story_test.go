package graphql_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/statutes"
	"rochdale/processes/access"
)

// found has the board found a co-op.
func (c *coop) found() {
	c.t.Helper()
	rules, err := statutes.PresetFile("nubo")
	if err != nil {
		c.t.Fatal(err)
	}
	c.must("board", `mutation($s: YAML!) { adoptStatutes(version: 1, statutes: $s, on: "2020-01-01", inForceFrom: "2020-01-01", by: "deed of foundation") { position version } }`,
		"s", string(rules))
	list, err := os.ReadFile("../domain/offering/pricelists/nubo.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	c.must("board", `mutation($l: YAML!) { publishPriceList(version: 1, list: $l, from: "2026-03-02") { position version priceList { from } } }`, "l", string(list))
}

// join makes somebody a member, who can show their first name as a token.
func (c *coop) join(first, last string) domain.PartyID {
	c.t.Helper()
	a := c.must("secretary", `mutation($f: String!, $l: String!, $e: String!) {
		apply(kind: PERSON, identity: {firstName: $f, lastName: $l, street: "Rue du Moulin 1", postalCode: "1000", city: "Bruxelles", country: "BE"},
			contact: {email: $e}, language: FR) { id position member { name status } } }`,
		"f", first, "l", last, "e", strings.ToLower(first)+"@example.org")
	party := a.text("apply", "id")
	if a.text("apply", "member", "name") != first+" "+last || a.text("apply", "member", "status") != "APPLICANT" {
		c.t.Errorf("applied: %s", a.Body)
	}
	shares := c.must("treasurer", `mutation($p: ID!) { subscribeShares(party: $p, class: "A", quantity: 2) { id } }`, "p", party).text("subscribeShares", "id")
	c.must("board", `mutation($p: ID!) { admit(party: $p) { member { status number } } }`, "p", party)
	c.must("treasurer", `mutation($p: ID!, $s: ID!) { recordSharePayment(subscription: $s, party: $p, class: "A", amount: "50.00 EUR", reference: "bank 1") { position } }`,
		"p", party, "s", shares)
	a = c.must("treasurer", `mutation($p: ID!, $s: ID!) { issueShares(subscription: $s, party: $p, class: "A") { holdings { class quantity paid } } }`, "p", party, "s", shares)
	if got := jsonOf(a.at("issueShares", "holdings")); got != `[{"class":"A","paid":"50.00 EUR","quantity":2}]` {
		c.t.Errorf("holdings: %s", got)
	}
	c.let(strings.ToLower(first), access.Viewer{Party: domain.PartyID(party), Name: party, Roles: []domain.Role{domain.RoleMember}, Language: domain.French})
	return domain.PartyID(party)
}

// TestStory follows a co-op from its foundation to a month's invoices, a vote and
// a death, with every kind of question and request, all of it through HTTP.
func TestStory(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert := c.join("Anna", "Exemple"), c.join("Bert", "Voorbeeld")
	c.join("Carla", "Beispiel")

	t.Run("membership", func(t *testing.T) {
		a := c.must("anna", `{ viewer { name party roles member { id number status name email admittedOn holdings { quantity } roles { role } } organisations { id } } memberCount }`)
		want := fmt.Sprintf(`{"admittedOn":"2026-03-02","email":"anna@example.org","holdings":[{"quantity":2}],"id":"%s","name":"Anna Exemple","number":1,"roles":[],"status":"MEMBER"}`, anna)
		if got := jsonOf(a.at("viewer", "member")); got != want || jsonOf(a.at("memberCount")) != "3" {
			t.Errorf("got  %s\nwant %s", a.Body, want)
		}
		if a := c.ask("anna", `query($id: ID!) { member(id: $id) { name } }`, "id", bert); a.code() != "graphql.denied" || !strings.HasPrefix(a.Errors[0].Message, "Query.member : vous n’y avez pas accès") {
			t.Errorf("another member: %s", a.Body)
		}
		a = c.must("treasurer", `{ members(status: MEMBER, first: 2) { nodes { number name } edges { cursor node { id } } totalCount pageInfo { hasNextPage hasPreviousPage endCursor } } }`)
		if jsonOf(a.at("members", "nodes")) != `[{"name":"Anna Exemple","number":1},{"name":"Bert Voorbeeld","number":2}]` || jsonOf(a.at("members", "totalCount")) != "3" {
			t.Errorf("members: %s", a.Body)
		}
		a = c.must("treasurer", `query($c: String) { members(status: MEMBER, first: 2, after: $c) { nodes { name } pageInfo { hasNextPage hasPreviousPage } } }`, "c", a.text("members", "pageInfo", "endCursor"))
		if got := jsonOf(a.at("members")); got != `{"nodes":[{"name":"Carla Beispiel"}],"pageInfo":{"hasNextPage":false,"hasPreviousPage":true}}` {
			t.Errorf("second page: %s", got)
		}
		if a := c.ask("treasurer", `{ members(after: "x") { nodes { id } } }`); a.code() != "read_model.cursor" {
			t.Errorf("no cursor: %s", a.Body)
		}
		a = c.must("secretary", `{ member: memberByNumber(number: 2) { name } memberRegister(asOf: "2026-03-02") { totalCount nodes { number party } } early: memberRegister(asOf: "2026-03-01") { totalCount nodes { number } } applications { nodes { id } } }`)
		if a.text("member", "name") != "Bert Voorbeeld" || len(a.at("memberRegister", "nodes").([]any)) != 3 || len(a.at("early", "nodes").([]any)) != 0 {
			t.Errorf("register: %s", a.Body)
		}
		a = c.must("bert", `mutation { updateContact(contact: {email: "new@example.org"}) { member { email contactRequest { request email expiresAfter } } } updateLanguage(language: NL) { member { language } } }`)
		if a.text("updateContact", "member", "email") != "bert@example.org" || a.text("updateContact", "member", "contactRequest", "email") != "new@example.org" || a.text("updateLanguage", "member", "language") != "NL" {
			t.Errorf("contact: %s", a.Body)
		}
		a = c.must("secretary", `mutation($p: ID!, $r: ID!) { confirmContactChange(party: $p, request: $r, reason: "has called") { member { email contactRequest { request } } } }`,
			"p", bert, "r", a.text("updateContact", "member", "contactRequest", "request"))
		if got := jsonOf(a.at("confirmContactChange", "member")); got != `{"contactRequest":null,"email":"new@example.org"}` {
			t.Errorf("confirmed: %s", a.Body)
		}
		a = c.must("board", `mutation($p: ID!) { grantRole(party: $p, role: SCRUTINEER) { member { roles { role for } } } }`, "p", bert)
		if jsonOf(a.at("grantRole", "member", "roles")) != `[{"for":null,"role":"SCRUTINEER"}]` {
			t.Errorf("role: %s", a.Body)
		}
		if a := c.ask("anna", `mutation { resign(on: "2026-01-01") { position } }`); a.code() != "graphql.denied" {
			t.Errorf("a member chose a day: %s", a.Body)
		}
		rejected := c.must("secretary", `mutation { apply(kind: ORGANISATION, identity: {organisation: "Muster eG"}) { id } }`).text("apply", "id")
		if a := c.must("board", `mutation($p: ID!) { reject(party: $p, reason: "no") { member { kind status } } }`, "p", rejected); a.text("reject", "member", "status") != "KNOWN" {
			t.Errorf("rejected: %s", a.Body)
		}
	})

	t.Run("shares", func(t *testing.T) {
		a := c.must("board", `mutation($a: ID!, $b: ID!, $s: [ShareSignatureInput!]) { transferShares(from: $a, to: $b, class: "A", quantity: 1, signatures: $s) { id position } }`, "a", anna, "b", bert, "s", signatures(string(anna), string(bert)))
		if a.text("transferShares", "id") == "" {
			t.Errorf("transfer: %s", a.Body)
		}
		a = c.must("treasurer", `{ shareRegister { nodes { number name class quantity paid } } shareTotals { class holders quantity paid } }`)
		want := `[{"class":"A","name":"Anna Exemple","number":1,"paid":"25.00 EUR","quantity":1},{"class":"A","name":"Bert Voorbeeld","number":2,"paid":"75.00 EUR","quantity":3},{"class":"A","name":"Carla Beispiel","number":3,"paid":"50.00 EUR","quantity":2}]`
		if got := jsonOf(a.at("shareRegister", "nodes")); got != want || jsonOf(a.at("shareTotals")) != `[{"class":"A","holders":3,"paid":"150.00 EUR","quantity":6}]` {
			t.Errorf("register: %s", a.Body)
		}
		a = c.must("bert", `{ holdings { quantity } viewer { member { shareMovements { kind quantity } shareSubscriptions { issuedOn quantity } } } }`)
		if got := jsonOf(a.at("viewer", "member", "shareMovements")); !strings.Contains(got, `{"kind":"TRANSFERRED_IN","quantity":1}`) {
			t.Errorf("movements: %s", got)
		}
		a = c.ask("board", `mutation($a: ID!, $b: ID!, $s: [ShareSignatureInput!]) { transferShares(from: $a, to: $b, class: "A", quantity: 9, signatures: $s) { id } }`, "a", anna, "b", bert, "s", signatures(string(anna), string(bert)))
		if a.Status != 200 || a.code() != "shares.too_few" || jsonOf(a.Errors[0].Extensions["args"]) != `{"held":1}` || jsonOf(a.Errors[0].Path) != `["transferShares"]` || string(a.Data) != "null" {
			t.Errorf("too many: %s", a.Body)
		}
	})

	t.Run("assembly", func(t *testing.T) {
		held := c.must("secretary", `mutation { conveneAssembly(kind: ANNUAL, title: {fr: "Assemblée générale", en: "General meeting"}, heldOn: "2026-04-10") {
			id assembly { recordDate title { in nl: in(language: FR) } frozenOn } } }`)
		if held.text("conveneAssembly", "assembly", "recordDate") != "2026-04-05" || held.text("conveneAssembly", "assembly", "title", "in") != "General meeting" {
			t.Errorf("convened: %s", held.Body)
		}
		id := held.text("conveneAssembly", "id")
		if a := c.ask("secretary", `mutation($id: ID!) { freezeRoll(assembly: $id) { position } }`, "id", id); a.code() != "assembly.too_early" {
			t.Errorf("frozen too early: %s", a.Body)
		}
		c.clock(35 * 24 * time.Hour) // 6 April
		a := c.must("secretary", `mutation($id: ID!) { freezeRoll(assembly: $id, requestId: "freeze") { assembly { voters votes frozenOn } } }`, "id", id)
		if jsonOf(a.at("freezeRoll", "assembly")) != `{"frozenOn":"2026-04-06","voters":3,"votes":3}` {
			t.Errorf("frozen: %s", a.Body)
		}
		poll := c.must("board", `mutation($id: ID!) { openPoll(assembly: $id, question: {fr: "Approuver les comptes ?"}, decision: ORDINARY) { id poll { open majority question { fr } } } }`, "id", id).text("openPoll", "id")
		events, stop := c.stream("anna", fmt.Sprintf(`subscription { pollTurnout(poll: %q) { open turnout { castVoters voters } result { for carried } } }`, poll))
		defer stop()
		turnout := func(want string) {
			t.Helper()
			for e := range events {
				if e == want {
					return
				}
			}
			t.Fatalf("the stream ended before %s", want)
		}
		turnout(`{"data":{"pollTurnout":{"open":true,"turnout":{"castVoters":0,"voters":3},"result":null}}}`)
		a = c.must("anna", `mutation($p: ID!) { castVote(poll: $p, choice: FOR, requestId: "vote") { position poll { turnout { castVoters } myVote } } }`, "p", poll)
		if jsonOf(a.at("castVote", "poll")) != `{"myVote":"FOR","turnout":{"castVoters":1}}` {
			t.Errorf("voted: %s", a.Body)
		}
		turnout(`{"data":{"pollTurnout":{"open":true,"turnout":{"castVoters":1,"voters":3},"result":null}}}`)
		again := c.must("anna", `mutation($p: ID!) { castVote(poll: $p, choice: FOR, requestId: "vote") { position } }`, "p", poll)
		if jsonOf(again.at("castVote", "position")) != jsonOf(a.at("castVote", "position")) {
			t.Errorf("the same request: %s, then %s", a.Body, again.Body)
		}
		if a := c.ask("anna", `mutation($p: ID!) { castVote(poll: $p, choice: AGAINST, requestId: "vote") { position } }`, "p", poll); a.code() != "request.reused" {
			t.Errorf("another request under the same id: %s", a.Body)
		}
		if a := c.ask("anna", `mutation($p: ID!) { castVote(poll: $p, choice: AGAINST) { position } }`, "p", poll); a.code() != "assembly.already_voted" || a.Errors[0].Message != "vous avez déjà voté : un vote émis reste ce qu’il est" {
			t.Errorf("second vote: %s", a.Body)
		}
		if a := c.ask("anna", `mutation($p: ID!, $b: ID!) { castVote(poll: $p, choice: FOR, party: $b) { position } }`, "p", poll, "b", bert); a.code() != "graphql.denied" {
			t.Errorf("vote for another: %s", a.Body)
		}
		c.must("bert", `mutation($p: ID!) { castVote(poll: $p, choice: ABSTAIN) { position } }`, "p", poll)
		if a := c.ask("treasurer", `mutation($p: ID!) { castVote(poll: $p, choice: FOR) { position } }`, "p", poll); a.code() != "graphql.denied" {
			t.Errorf("vote of a machine: %s", a.Body)
		}
		c.must("board", `mutation($p: ID!) { closePoll(poll: $p) { poll { open } } }`, "p", poll)
		c.work()
		turnout(`{"data":{"pollTurnout":{"open":false,"turnout":{"castVoters":2,"voters":3},"result":{"for":1,"carried":true}}}}`)
		a = c.must("carla", `query($id: ID!, $p: ID!) { assembly(id: $id) { myVotes polls { myVote result { for abstain } assembly { id } } } poll(id: $p) { closedAt } assemblies { nodes { id } } }`, "id", id, "p", poll)
		if got := jsonOf(a.at("assembly")); got != fmt.Sprintf(`{"myVotes":1,"polls":[{"assembly":{"id":"%s"},"myVote":null,"result":{"abstain":1,"for":1}}]}`, id) {
			t.Errorf("assembly: %s", got)
		}
		if a := c.ask("carla", `mutation($p: ID!) { castVote(poll: $p, choice: FOR) { position } }`, "p", poll); a.code() != "assembly.not_open" {
			t.Errorf("vote after the close: %s", a.Body)
		}
	})

	t.Run("documents", func(t *testing.T) {
		file := `mutation($about: ID) { fileDocument(kind: MINUTES, title: "Minutes", sha256: "` + strings.Repeat("0a", 32) + `", size: 9, mediaType: "application/pdf", about: $about) { id } }`
		c.must("secretary", file)
		c.must("secretary", file, "about", bert)
		list := `{ documents { nodes { kind size about } totalCount } }`
		if own, all := c.must("anna", list), c.must("board", list); jsonOf(own.at("documents", "totalCount")) != "1" || jsonOf(all.at("documents", "totalCount")) != "2" {
			t.Errorf("documents: %s, %s", own.Body, all.Body)
		}
	})

	t.Run("subscription to invoice", func(t *testing.T) {
		a := c.must("", `{ statutes { version name shareClasses { id price name { in(language: NL) } } rules } statutesVersions { inForceFrom }
			priceList { version name plans { id price tiers { throughGB perGB } name { fr } } } price(plan: "nubo", gb: 10, member: false) }`)
		if a.text("price") != "6.00 EUR" || a.text("statutes", "name") != "Nubo" {
			t.Errorf("offer: %s", a.Body)
		}
		if a := c.ask("", `{ price(plan: "nubo", gb: 1, member: true) }`); a.code() != "offering.size" {
			t.Errorf("price: %s", a.Body)
		}
		if a := c.ask("anna", `mutation($b: ID!) { subscribe(plan: "nubo", gb: 10, payer: $b) { id } }`, "b", bert); a.code() != "graphql.denied" {
			t.Errorf("somebody else pays: %s", a.Body)
		}
		a = c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10, requestId: "s1") { id subscription { status party payer gb from } } }`)
		id := a.text("subscribe", "id")
		if again := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10, requestId: "s1") { id } }`); again.text("subscribe", "id") != id {
			t.Errorf("subscribed twice: %s, %s", a.Body, again.Body)
		}
		if a.text("subscribe", "subscription", "status") != "ACTIVE" {
			t.Errorf("subscribed: %s", a.Body)
		}
		if a := c.ask("bert", `mutation($s: ID!) { changeQuota(subscription: $s, gb: 20) { id } }`, "s", id); a.code() != "subscription.unknown" {
			t.Errorf("another's subscription: %s", a.Body)
		}
		if a := c.must("bert", `query($s: ID!) { subscription(id: $s) { id } }`, "s", id); a.at("subscription") != nil {
			t.Errorf("another's subscription: %s", a.Body)
		}
		c.must("anna", `mutation($s: ID!) { changeQuota(subscription: $s, gb: 20) { subscription { gb } } }`, "s", id)
		c.work()
		a = c.must("anna", `{ entitlements { service quota status } viewer { member { accounts { service login status quota } subscriptions { id } entitlements { service } } } }`)
		if got := jsonOf(a.at("entitlements")); got != `[{"quota":0,"service":"CALENDAR","status":"ACTIVE"},{"quota":0,"service":"CONTACTS","status":"ACTIVE"},{"quota":4000000000,"service":"MAIL","status":"ACTIVE"},{"quota":16000000000,"service":"STORAGE","status":"ACTIVE"}]` {
			t.Errorf("entitlements: %s", a.Body)
		}
		if got := jsonOf(a.at("viewer", "member", "accounts")); strings.Count(got, "anna.exemple@example.org") != 2 {
			t.Errorf("accounts: %s", got)
		}
		c.must("treasurer", `mutation($s: ID!) { suspendSubscription(subscription: $s, reason: UNPAID) { subscription { status } } }`, "s", id)
		c.must("treasurer", `mutation($s: ID!) { resumeSubscription(subscription: $s) { subscription { status } } }`, "s", id)
		c.clock(26 * 24 * time.Hour) // 2 May
		a = c.must("treasurer", `mutation { runBilling(month: "2026-04") { issued already nothing problems { code } } }`)
		if got := jsonOf(a.at("runBilling")); got != `{"already":0,"issued":1,"nothing":0,"problems":[]}` {
			t.Errorf("billed: %s", got)
		}
		a = c.must("treasurer", `mutation { runBilling(month: "2026-04") { issued already } }`)
		if got := jsonOf(a.at("runBilling")); got != `{"already":1,"issued":0}` {
			t.Errorf("billed again: %s", got)
		}
		a = c.must("anna", `{ invoices { nodes { id number month gross net vat dueOn communication language recipient { name vatNumber } lines { description gb amount rate } taxes { rate vat } } totalCount } balance { invoiced received due } }`)
		if a.text("balance", "due") != "7.50 EUR" || jsonOf(a.at("invoices", "totalCount")) != "1" || !strings.Contains(a.Body, `"communication":"+++`) {
			t.Errorf("invoices: %s", a.Body)
		}
		var invoice struct {
			Invoices struct {
				Nodes []struct{ ID, Communication string }
			}
		}
		if err := json.Unmarshal(a.Data, &invoice); err != nil {
			t.Fatal(err)
		}
		if a := c.must("bert", `query($i: ID!) { invoice(id: $i) { id } invoices { totalCount } }`, "i", invoice.Invoices.Nodes[0].ID); a.at("invoice") != nil || jsonOf(a.at("invoices", "totalCount")) != "0" {
			t.Errorf("another's invoices: %s", a.Body)
		}
		a = c.must("treasurer", `mutation($c: String!) { recordPayment(amount: "5.00 EUR", communication: $c) { id payment { payer amount } } }`, "c", invoice.Invoices.Nodes[0].Communication)
		if a.text("recordPayment", "payment", "payer") != string(anna) {
			t.Errorf("payment: %s", a.Body)
		}
		c.must("treasurer", `mutation { recordPayment(id: "stray", amount: "1.00 EUR") { payment { payer } } }`)
		c.must("treasurer", `mutation($p: ID!) { matchPayment(payment: "stray", payer: $p) { payment { payer } } }`, "p", bert)
		c.must("treasurer", `mutation($p: ID!) { unmatchPayment(payment: "stray", payer: $p) { payment { payer } } }`, "p", bert)
		a = c.must("treasurer", `query($p: ID!) { payments(unmatched: true) { nodes { id } } balance(party: $p) { due } subscriptions { nodes { id } } invoices(month: "2026-04") { totalCount } }`, "p", anna)
		if a.text("balance", "due") != "2.50 EUR" || jsonOf(a.at("payments", "nodes")) != `[{"id":"stray"}]` {
			t.Errorf("payments: %s", a.Body)
		}
		if a := c.ask("treasurer", `mutation { recordPayment(amount: "1.00 EUR", communication: "123") { id } }`); a.code() != "payment.communication" {
			t.Errorf("communication: %s", a.Body)
		}
		a = c.must("operator", `{ accounts { nodes { service status trouble { step } } totalCount } }`)
		if jsonOf(a.at("accounts", "totalCount")) != "2" {
			t.Errorf("accounts: %s", a.Body)
		}
		c.must("anna", `mutation($s: ID!) { cancelSubscription(subscription: $s) { subscription { ends } } }`, "s", id)
		if a := c.ask("anna", `mutation { setPassword(account: "x", password: "correct horse battery") { id } }`); a.code() != "provisioning.unknown" {
			t.Errorf("password: %s", a.Body)
		}
		c.must("board", `mutation { setVATRate(percent: "6", from: "2026-07-01") { position } }`)
		if a := c.ask("treasurer", `mutation { setVATRate(percent: "6", from: "2026-04-01") { position } }`); a.code() != "offering.billed" || !strings.Contains(a.Body, "April 2026") {
			t.Errorf("a rate for what was billed: %s", a.Body)
		}
		list, err := os.ReadFile("../domain/offering/pricelists/nubo.yaml")
		if err != nil {
			t.Fatal(err)
		}
		late := strings.Replace(string(list), "percent: 21", "percent: 12", 1)
		if a := c.ask("board", `mutation($l: YAML!) { publishPriceList(version: 2, list: $l, from: "2026-07-01") { position } }`, "l", late); a.code() != "offering.billed" {
			t.Errorf("a price list with a rate for what was billed: %s", a.Body)
		}
	})

	t.Run("the end", func(t *testing.T) {
		a := c.must("bert", `mutation { resign { member { status endedOn endReason } } }`)
		if got := jsonOf(a.at("resign", "member")); got != `{"endReason":"RESIGNED","endedOn":"2026-06-30","status":"RESIGNING"}` {
			t.Errorf("resigned: %s", got)
		}
		a = c.must("bert", `mutation { requestExit(class: "A") { claim { state effectiveOn quantity held value } } }`)
		if got := jsonOf(a.at("requestExit", "claim")); got != `{"effectiveOn":"2026-06-30","held":3,"quantity":0,"state":"REQUESTED","value":null}` {
			t.Errorf("shares given back: %s", got)
		}
		c.must("secretary", `mutation($p: ID!) { recordDecease(party: $p, on: "2026-05-01") { member { endReason } } }`, "p", anna)
		a = c.must("secretary", `mutation($p: ID!) { erasePersonalData(party: $p, class: SERVICE) { position member { email name } } }`, "p", bert)
		if a.at("erasePersonalData", "member", "email") != nil || a.text("erasePersonalData", "member", "name") == "" {
			t.Errorf("erased: %s", a.Body)
		}
		if a := c.ask("secretary", `mutation($p: ID!) { erasePersonalData(party: $p, class: REGISTER) { position } }`, "p", bert); a.code() != "membership.register_kept" {
			t.Errorf("erased: %s", a.Body)
		}
	})
	if log := c.logged.String(); strings.Contains(log, "fault=") {
		t.Errorf("there were faults:\n%s", log)
	}
}

// stream subscribes by server-sent events. It yields what comes until the stream
// ends or is stopped.
func (c *coop) stream(token, query string) (events <-chan string, stop func()) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(jsonOf(map[string]string{"query": query})))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": "Bearer " + token} {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		c.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	out := make(chan string)
	go func() {
		defer close(out)
		defer res.Body.Close()
		kind := ""
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			switch name, value, _ := strings.Cut(s.Text(), ":"); name {
			case "event":
				kind = strings.TrimSpace(value)
			case "data":
				if kind == "complete" {
					value = "complete"
				}
				select {
				case out <- strings.TrimSpace(value):
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, cancel
}
