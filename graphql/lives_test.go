package graphql_test

import (
	"strings"
	"testing"
)

// TestLives has happen to parties what may happen to them, each in its way.
func TestLives(t *testing.T) {
	c := serve(t)
	c.found()
	for _, first := range []string{"Anna", "Bert", "Carla"} {
		c.join(first, "Early")
	}
	has := func(what string, a answer, want string, path ...string) {
		t.Helper()
		if got := jsonOf(a.at(path...)); got != want {
			t.Errorf("%s: got  %s\nwant %s", what, got, want)
		}
	}
	apply := func(name string) string {
		return c.must("secretary", `mutation($n: String!) { apply(kind: PERSON, identity: {firstName: $n, lastName: "Later", birthDate: "1990-01-01"},
			accepted: [{text: "statutes", version: "3", on: "2026-03-01"}], shares: [{class: "A", quantity: 1}]) { id } }`, "n", name).text("apply", "id")
	}

	// Who waits is listed in the order in which they came, whoever they are.
	zoe, yves := apply("Zoe"), apply("Yves")
	a := c.must("board", `mutation($z: ID!, $y: ID!) { first: putOnWaitingList(party: $z) { id } putOnWaitingList(party: $y) { member { status waitingSince applications { accepted { text version } shares { class quantity } outcome } } } }`, "z", zoe, "y", yves)
	has("waits", a, `{"applications":[{"accepted":[{"text":"statutes","version":"3"}],"outcome":null,"shares":[{"class":"A","quantity":1}]}],"status":"WAITING","waitingSince":"2026-03-02"}`, "putOnWaitingList", "member")
	a = c.must("secretary", `{ waitingList(first: 1) { totalCount nodes { firstName } pageInfo { endCursor hasNextPage } } }`)
	has("first", a, `[{"firstName":"Zoe"}]`, "waitingList", "nodes")
	a = c.must("secretary", `query($c: String) { waitingList(after: $c) { nodes { firstName } } members(status: WAITING) { totalCount } }`, "c", a.text("waitingList", "pageInfo", "endCursor"))
	has("then", a, `{"members":{"totalCount":2},"waitingList":{"nodes":[{"firstName":"Yves"}]}}`)
	c.must("board", `mutation($z: ID!) { takeOffWaitingList(party: $z) { id } }`, "z", zoe)

	// From the first day their payments are known by a reference.
	c.work()
	a = c.must("treasurer", `query($z: ID!, $y: ID!) { zoe: member(id: $z) { paymentReference } yves: member(id: $y) { paymentReference } }`, "z", zoe, "y", yves)
	if z, y := a.text("zoe", "paymentReference"), a.text("yves", "paymentReference"); !strings.HasPrefix(z, "+++") || !strings.HasPrefix(y, "+++") || z == y {
		t.Errorf("references: %s", a.Body)
	}

	// Several are admitted by one decision, or none is.
	for _, p := range []string{zoe, yves} {
		c.must("treasurer", `mutation($p: ID!) { subscribeShares(party: $p, class: "A", quantity: 1) { id } }`, "p", p)
	}
	if a := c.ask("board", `mutation($p: [ID!]!) { admitAll(parties: $p) { ids } }`, "p", []string{zoe, yves, "nobody"}); a.code() != "membership.not_applied" {
		t.Errorf("with somebody who has not applied: %s", a.Body)
	}
	c.must("board", `mutation($p: [ID!]!) { admitAll(parties: $p, minutes: "2026/4") { ids } }`, "p", []string{zoe, yves})
	a = c.must("board", `query($z: ID!, $y: ID!) { zoe: member(id: $z) { number status waitingSince applications { outcome minutes decidedBy } } yves: member(id: $y) { number } }`, "z", zoe, "y", yves)
	has("admitted", a, `{"yves":{"number":5},"zoe":{"applications":[{"decidedBy":"board","minutes":"2026/4","outcome":"ADMITTED"}],"number":4,"status":"MEMBER","waitingSince":null}}`)
	c.must("secretary", `mutation($z: ID!) { nameFounder(party: $z) { member { founder } } }`, "z", zoe)

	// Joint holders have one voter; a household has no rights.
	pair := c.must("secretary", `mutation($h: [ID!]!) { formJoint(identity: {together: "Zoe and Yves"}, holders: $h) { id } }`, "h", []string{zoe, yves}).text("formJoint", "id")
	first := c.must("secretary", `mutation($p: ID!, $a: ID!) { giveMandate(party: $p, agent: $a, capacity: NAMED_VOTER) { id } }`, "p", pair, "a", zoe).text("giveMandate", "id")
	c.must("secretary", `mutation($p: ID!, $m: ID!, $a: ID!) { handOverMandate(party: $p, mandate: $m, agent: $a, on: "2026-03-10") { id } }`, "p", pair, "m", first, "a", yves)
	a = c.must("board", `query($p: ID!, $z: ID!) { member(id: $p) { kind name holders { name } mandates { capacity from through agent { name } } today: mandates(on: "2026-03-02") { agent { name } } later: mandates(on: "2026-03-10") { agent { name } } }
		zoe: member(id: $z) { holdsIn { name } actsFor { party { name } } } }`, "p", pair, "z", zoe)
	has("joint", a, `{"holders":[{"name":"Zoe Later"},{"name":"Yves Later"}],"kind":"JOINT","later":[{"agent":{"name":"Yves Later"}}],"mandates":[`+
		`{"agent":{"name":"Zoe Later"},"capacity":"NAMED_VOTER","from":"2026-03-02","through":"2026-03-09"},{"agent":{"name":"Yves Later"},"capacity":"NAMED_VOTER","from":"2026-03-10","through":null}],`+
		`"name":"Zoe and Yves","today":[{"agent":{"name":"Zoe Later"}}]}`, "member")
	has("holds in", a, `{"actsFor":[{"party":{"name":"Zoe and Yves"}}],"holdsIn":[{"name":"Zoe and Yves"}]}`, "zoe")
	home := c.must("secretary", `mutation($z: ID!) { joinHousehold(party: $z) { id } }`, "z", zoe).text("joinHousehold", "id")
	c.must("secretary", `mutation($h: ID!, $y: ID!) { joinHousehold(household: $h, party: $y) { id } }`, "h", home, "y", yves)
	has("household", c.must("board", `query($z: ID!) { member(id: $z) { households { parties { number } } } }`, "z", zoe), `[{"parties":[{"number":4},{"number":5}]}]`, "member", "households")

	// The number of a bank account is for who pays.
	c.must("treasurer", `mutation($z: ID!) { changeBankAccount(party: $z, account: {iban: "BE68539007547034"}) { id } }`, "z", zoe)
	has("account", c.must("treasurer", `query($z: ID!) { member(id: $z) { bankAccount { ending iban } } }`, "z", zoe), `{"ending":"7034","iban":"BE68539007547034"}`, "member", "bankAccount")
	if a := c.ask("secretary", `query($z: ID!) { member(id: $z) { bankAccount { ending iban } } }`, "z", zoe); a.code() != "graphql.denied" {
		t.Errorf("the secretary: %s", a.Body)
	}
	has("none", c.must("treasurer", `mutation($z: ID!) { removeBankAccount(party: $z) { member { bankAccount { ending } } } }`, "z", zoe), `null`, "removeBankAccount", "member", "bankAccount")

	// An exclusion has its clock.
	c.must("board", `mutation($z: ID!) { proposeExclusion(party: $z, grounds: "absent") { id } }`, "z", zoe)
	a = c.must("secretary", `{ exclusions { totalCount nodes { member { number } step due grounds } } }`)
	has("proposed", a, `{"nodes":[{"due":"2026-04-02","grounds":"absent","member":{"number":4},"step":"PROPOSED"}],"totalCount":1}`, "exclusions")
	if a := c.ask("board", `mutation($z: ID!) { decideExclusion(party: $z, reasons: "absent") { id } }`, "z", zoe); a.code() != "membership.may_answer" {
		t.Errorf("before the answer: %s", a.Body)
	}
	c.must("secretary", `mutation($z: ID!) { answerExclusion(party: $z, answer: "was ill", hearing: true) { id } recordHearing(party: $z, attended: true) { id } }`, "z", zoe)
	c.must("board", `mutation($z: ID!) { decideExclusion(party: $z, excluded: false) { id } }`, "z", zoe)
	has("over", c.must("board", `query($z: ID!) { exclusions { totalCount } member(id: $z) { exclusions { step excluded answers { answer hearing late } } } }`, "z", zoe),
		`{"exclusions":{"totalCount":0},"member":{"exclusions":[{"answers":[{"answer":"was ill","hearing":true,"late":false}],"excluded":false,"step":"DECIDED"}]}}`)

	// A death is learnt late; and taken back, and the other one was meant.
	a = c.must("secretary", `mutation($z: ID!) { recordDecease(party: $z, on: "2026-03-02", learntOn: "2026-03-03") { member { diedOn diedLearntOn endReason } } }`, "z", zoe)
	has("died", a, `{"diedLearntOn":"2026-03-03","diedOn":"2026-03-02","endReason":"DECEASED"}`, "recordDecease", "member")
	estate := c.must("secretary", `mutation($z: ID!, $h: [ID!]) { openEstate(of: $z, identity: {together: "Estate of Zoe Later"}, heirs: $h) { id } }`, "z", zoe, "h", []string{yves}).text("openEstate", "id")
	a = c.must("secretary", `query($e: ID!, $z: ID!) { member(id: $e) { kind estateOf { name } holders { name } } zoe: member(id: $z) { estate { name } } }`, "e", estate, "z", zoe)
	has("estate", a, `{"member":{"estateOf":{"name":"Zoe Later"},"holders":[{"name":"Yves Later"}],"kind":"ESTATE"},"zoe":{"estate":{"name":"Estate of Zoe Later"}}}`)
	a = c.must("board", `mutation($z: ID!) { revokeEnd(party: $z, why: "another of that name") { member { diedOn endedOn status history { type on by } } } }`, "z", zoe)
	has("alive", a, `null`, "revokeEnd", "member", "endedOn")
	if got := jsonOf(a.at("revokeEnd", "member", "history")); !strings.Contains(got, `{"by":"token/secretary","on":"2026-03-02","type":"membership.died"}`) {
		t.Errorf("history: %s", got)
	}

	// Two are found to be one: both numbers are kept, and found. What waits comes to its end first.
	merge := `mutation($z: ID!, $y: ID!) { mergeParties(party: $z, into: $y) { id } }`
	if a := c.ask("secretary", merge, "z", zoe, "y", yves); a.code() != "processes.merge_subscribed" {
		t.Errorf("with a subscription that waits: %s", a.Body)
	}
	waits := c.must("treasurer", `query($z: ID!) { member(id: $z) { shareSubscriptions { id } } }`, "z", zoe).at("member", "shareSubscriptions").([]any)[0].(map[string]any)["id"]
	c.must("treasurer", `mutation($z: ID!, $s: ID!) { recordSharePayment(subscription: $s, party: $z, class: "A", amount: "25.00 EUR", reference: "bank 2") { position }
		issueShares(subscription: $s, party: $z, class: "A") { position } }`, "z", zoe, "s", waits)
	a = c.must("secretary", `mutation($z: ID!, $y: ID!) { mergeParties(party: $z, into: $y,
		signatures: [{as: BOARD, by: $z, on: "2026-03-02", how: PAPER}]) { member { numbers mergedFrom { number } founder holdings { quantity } } } }`, "z", zoe, "y", yves)
	has("merged", a, `{"founder":true,"holdings":[{"quantity":1}],"mergedFrom":[{"number":4}],"numbers":[5,4]}`, "mergeParties", "member")
	a = c.must("secretary", `query($z: ID!) { memberByNumber(number: 4) { number } members(search: "4", by: NUMBER) { nodes { number status mergedInto { number } } } member(id: $z) { status } }`, "z", zoe)
	has("by the old number", a, `{"member":{"status":"MEMBER"},"memberByNumber":{"number":5},"members":{"nodes":[{"mergedInto":{"number":5},"number":4,"status":"MEMBER"},{"mergedInto":null,"number":5,"status":"MEMBER"}]}}`)

	// An organisation is wound up, and acts by a liquidator.
	mill := c.must("secretary", `mutation { updateIdentity(identity: {organisation: "Mill VZW"}) { id } }`).text("updateIdentity", "id")
	c.must("secretary", `mutation($m: ID!) { recordWindingUp(party: $m, how: BANKRUPTCY, on: "2026-03-01") { member { woundUp woundUpOn } } }`, "m", mill)
	m := c.must("secretary", `mutation($m: ID!, $y: ID!) { giveMandate(party: $m, agent: $y, capacity: LIQUIDATOR, through: "2026-12-31") { id } }`, "m", mill, "y", yves).text("giveMandate", "id")
	c.must("secretary", `mutation($m: ID!, $d: ID!) { endMandate(party: $m, mandate: $d, on: "2026-06-30") { id } }`, "m", mill, "d", m)
	has("mill", c.must("secretary", `query($m: ID!) { member(id: $m) { woundUp mandates { capacity through } } }`, "m", mill), `{"mandates":[{"capacity":"LIQUIDATOR","through":"2026-06-30"}],"woundUp":"BANKRUPTCY"}`, "member")

	// Who thinks better of it takes an application, or what makes a member leave, back.
	xavier := apply("Xavier")
	has("withdrawn", c.must("secretary", `mutation($x: ID!) { withdrawApplication(party: $x) { member { status applications { outcome } } } }`, "x", xavier), `{"applications":[{"outcome":"WITHDRAWN"}],"status":"KNOWN"}`, "withdrawApplication", "member")
	if a := c.ask("secretary", `mutation($x: ID!) { withdrawResignation(party: $x) { id } notifyExclusion(party: $x) { id } }`, "x", yves); a.code() != "membership.not_resigned" {
		t.Errorf("nobody has resigned: %s", a.Body)
	}
	c.must("secretary", `mutation($y: ID!, $h: ID!) { leaveHousehold(household: $h, party: $y) { id } }`, "y", yves, "h", home)
	if a := c.ask("secretary", `mutation($y: ID!) { resign(party: $y) { id } }`, "y", yves); a.code() != "membership.founder" {
		t.Errorf("who was found to be a founder: %s", a.Body)
	}
}
