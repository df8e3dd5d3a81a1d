package graphql_test

import (
	"fmt"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/processes/access"
)

// acting lets who shows a token act for whom they may today.
func (c *coop) acting(token string, party domain.PartyID) {
	c.t.Helper()
	actsFor, err := c.models.ActsFor(c.t.Context(), party, calendar.Of(c.clock(0)))
	if err != nil {
		c.t.Fatal(err)
	}
	c.let(token, access.Viewer{Party: party, Name: string(party), Roles: []domain.Role{domain.RoleMember, domain.RoleDelegate}, ActsFor: actsFor})
}

// admitted has somebody who has applied pay two shares and be admitted.
func (c *coop) admitted(party string) {
	c.t.Helper()
	s := c.must("treasurer", `mutation($p: ID!) { subscribeShares(party: $p, class: "A", quantity: 2) { id } }`, "p", party).text("subscribeShares", "id")
	c.must("board", `mutation($p: ID!) { admit(party: $p) { id } }`, "p", party)
	c.must("treasurer", `mutation($p: ID!, $s: ID!, $r: String!) { recordSharePayment(subscription: $s, party: $p, class: "A", amount: "50.00 EUR", reference: $r) { position }
		issueShares(subscription: $s, party: $p, class: "A") { position } }`, "p", party, "s", s, "r", "of "+party)
}

// TestOneLoginSeveralVotes: a delegate of three bodies, who is a member too, votes once for
// each of them.
func TestOneLoginSeveralVotes(t *testing.T) {
	c := serve(t)
	c.found()
	bert := c.join("Bert", "Sample")
	var bodies []string
	for i := range 3 {
		body := c.must("secretary", `mutation($n: String!) { apply(kind: ORGANISATION, identity: {organisation: $n}) { id } }`, "n", fmt.Sprint("Mill ", i+1)).text("apply", "id")
		c.admitted(body)
		c.must("secretary", `mutation($p: ID!, $b: ID!) { giveMandate(party: $p, agent: $b, capacity: DELEGATE) { id } }`, "p", body, "b", bert)
		bodies = append(bodies, body)
	}
	poll := c.poll()
	c.acting("bert", bert)
	vote := `mutation($p: ID, $v: ID!, $c: Choice!) { castVote(poll: $v, choice: $c, party: $p) { position } }`
	c.must("bert", vote, "v", poll, "c", "FOR")
	for _, body := range bodies {
		c.must("bert", vote, "v", poll, "p", body, "c", "AGAINST")
		c.refused("assembly.already_voted", "bert", vote, "v", poll, "p", body, "c", "FOR")
	}
	c.must("board", `mutation($v: ID!) { closePoll(poll: $v) { position } }`, "v", poll)
	c.work()
	c.is("counted", c.must("bert", `query($v: ID!) { poll(id: $v) { result { for against abstain } } }`, "v", poll),
		`{"abstain":0,"against":3,"for":1}`, "poll", "result")
}

// TestJointHoldersVoteByOne: shares that two hold together count as issued whoever votes;
// without a named voter nobody does.
func TestJointHoldersVoteByOne(t *testing.T) {
	c := serve(t)
	c.found()
	zoe, yves := c.join("Zoe", "Sample"), c.join("Yves", "Sample")
	pair := c.must("secretary", `mutation($h: [ID!]!) { formJoint(identity: {together: "Zoe and Yves"}, holders: $h) { id } }`, "h", []string{string(zoe), string(yves)}).text("formJoint", "id")
	c.must("secretary", `mutation($p: ID!) { apply(party: $p, kind: JOINT, identity: {together: "Zoe and Yves"}) { id } }`, "p", pair)
	c.admitted(pair)
	c.is("issued", c.must("treasurer", `{ shareTotals { holders quantity } }`), `[{"holders":3,"quantity":6}]`, "shareTotals")
	poll := c.poll()
	vote := `mutation($p: ID!, $v: ID!) { castVote(poll: $v, choice: FOR, party: $p) { position } }`
	for token, party := range map[string]domain.PartyID{"zoe": zoe, "yves": yves} {
		c.acting(token, party)
		c.refused("graphql.denied", token, vote, "p", pair, "v", poll)
	}
	c.must("secretary", `mutation($p: ID!, $z: ID!) { giveMandate(party: $p, agent: $z, capacity: NAMED_VOTER) { id } }`, "p", pair, "z", zoe)
	c.acting("zoe", zoe)
	c.acting("yves", yves)
	c.refused("graphql.denied", "yves", vote, "p", pair, "v", poll)
	c.must("zoe", vote, "p", pair, "v", poll)
}

// TestServicesOutliveMemberships: who resigns, is excluded or dies keeps what they have
// subscribed to, until that is decided by itself; they pay as others do from the next month
// on.
func TestServicesOutliveMemberships(t *testing.T) {
	c := serve(t)
	c.found()
	for _, first := range []string{"Dora", "Emil", "Fritz"} {
		c.join(first, "Else")
	}
	resigns, excluded, dies := c.join("Anna", "Sample"), c.join("Bert", "Sample"), c.join("Carla", "Sample")
	for _, token := range []string{"anna", "bert", "carla"} {
		c.must(token, `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	}
	c.work()
	c.must("anna", `mutation { resign { member { endsOn: endedOn } } }`)
	c.must("board", `mutation($b: ID!) { proposeExclusion(party: $b, grounds: "absent") { id } }`, "b", excluded)
	c.until("2026-06-15")
	c.must("board", `mutation($b: ID!) { decideExclusion(party: $b, reasons: "absent") { id } notifyExclusion(party: $b) { id } }`, "b", excluded)
	c.must("secretary", `mutation($c: ID!) { recordDecease(party: $c, on: "2026-06-03", learntOn: "2026-06-15") { id } }`, "c", dies)
	c.until("2026-08-01")
	for _, token := range []string{"anna", "bert", "carla"} {
		a := c.must(token, `{ viewer { member { status subscriptions { status } accounts { service status } } } }`)
		c.is(token, a, `{"accounts":[{"service":"MAIL","status":"REQUESTED"},{"service":"STORAGE","status":"REQUESTED"}],"status":"FORMER","subscriptions":[{"status":"ACTIVE"}]}`, "viewer", "member")
	}
	for _, month := range []string{"2026-06", "2026-07"} {
		c.must("treasurer", `mutation($m: Month!) { runBilling(month: $m) { issued } }`, "m", month)
	}
	for _, party := range []domain.PartyID{resigns, excluded, dies} {
		a := c.must("treasurer", `query($p: ID!) { invoices(payer: $p) { nodes { month gross } } }`, "p", party)
		c.is(string(party), a, `[{"gross":"5.00 EUR","month":"2026-06"},{"gross":"6.00 EUR","month":"2026-07"}]`, "invoices", "nodes")
	}
}

// TestAMemberFromTheNextMonth: a subscriber who becomes a member in the middle of a month
// pays as one from the next, and what was billed stays. Who becomes a member first does
// from the first day.
func TestAMemberFromTheNextMonth(t *testing.T) {
	c := serve(t)
	c.found()
	eve := c.must("secretary", `mutation { apply(kind: PERSON, identity: {firstName: "Eve", lastName: "Sample"}) { id } }`).text("apply", "id")
	c.must("secretary", `mutation($p: ID!) { subscribe(party: $p, plan: "nubo", gb: 10) { id } }`, "p", eve)
	c.clock(13 * 24 * time.Hour)
	c.admitted(eve)
	fay := c.join("Fay", "Sample")
	c.must("fay", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	c.clock(60 * 24 * time.Hour)
	for _, month := range []string{"2026-03", "2026-04"} {
		c.must("treasurer", `mutation($m: Month!) { runBilling(month: $m) { issued } }`, "m", month)
	}
	c.is("Eve", c.must("treasurer", `query($p: ID!) { invoices(payer: $p) { nodes { gross } } }`, "p", eve), `[{"gross":"6.00 EUR"},{"gross":"5.00 EUR"}]`, "invoices", "nodes")
	c.is("Fay", c.must("treasurer", `query($p: ID!) { invoices(payer: $p) { nodes { gross } } }`, "p", fay), `[{"gross":"5.00 EUR"},{"gross":"5.00 EUR"}]`, "invoices", "nodes")
}

// TestAMemberWithoutServices has all rights of a member, no account and no bill.
func TestAMemberWithoutServices(t *testing.T) {
	c := serve(t)
	c.found()
	anna := c.join("Anna", "Sample")
	poll := c.poll()
	c.must("anna", `mutation($v: ID!) { castVote(poll: $v, choice: FOR) { position } }`, "v", poll)
	c.must("treasurer", `mutation { runBilling(month: "2026-03") { issued } }`)
	c.work()
	a := c.must("anna", `{ viewer { member { status holdings { quantity } subscriptions { plan } accounts { service } invoices { totalCount } } } }`)
	c.is(string(anna), a, `{"accounts":[],"holdings":[{"quantity":2}],"invoices":{"totalCount":0},"status":"MEMBER","subscriptions":[]}`, "viewer", "member")
}

// TestWhatHappenedBetween: what was done in the name of who was dead already is shown to
// the board, once the death is learnt.
func TestWhatHappenedBetween(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert := c.join("Anna", "Sample"), c.join("Bert", "Sample")
	poll := c.poll()
	c.must("anna", `mutation($v: ID!) { castVote(poll: $v, choice: FOR) { position } }`, "v", poll)
	voted := calendar.Of(c.clock(0)).String()
	c.until("2026-05-02")
	c.must("secretary", `mutation($p: ID!) { recordDecease(party: $p, on: "2026-04-01", learntOn: "2026-05-01") { id } }`, "p", anna)
	a := c.must("board", `query($p: ID!) { member(id: $p) { flagged { what id on } } }`, "p", anna)
	c.is("flagged", a, `[{"id":"`+poll+`","on":"`+voted+`","what":"vote"}]`, "member", "flagged")
	a = c.must("board", `query($p: ID!) { member(id: $p) { flagged { what id on } } }`, "p", bert)
	c.is("of the living nothing is flagged", a, `[]`, "member", "flagged")
	c.refused("graphql.denied", "bert", `query($p: ID!) { member(id: $p) { flagged { what } } }`, "p", anna)
}
