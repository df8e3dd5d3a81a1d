package graphql_test

import (
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/processes/access"
)

// TestTwoMembersFoundToBeOne: what either had the one that stays has, and both numbers lead
// to it. Shares are transferred; what is known outside under a number goes on under it.
func TestTwoMembersFoundToBeOne(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert, carla := c.join("Anna", "Sample"), c.join("Bert", "Sample"), c.join("Carla", "Other")
	has := func(what string, a answer, want string, path ...string) {
		t.Helper()
		if got := jsonOf(a.at(path...)); got != want {
			t.Errorf("%s: got  %s\nwant %s", what, got, want)
		}
	}
	c.must("bert", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	c.work()
	organisation := c.must("secretary", `mutation { updateIdentity(identity: {organisation: "Mill VZW"}) { id } }`).text("updateIdentity", "id")
	c.must("secretary", `mutation($m: ID!, $b: ID!) { giveMandate(party: $m, agent: $b, capacity: DELEGATE) { id } }`, "m", organisation, "b", bert)
	c.must("board", `mutation($b: ID!) { grantRole(party: $b, role: BOARD) { id } }`, "b", bert)
	box := c.must("bert", `{ viewer { member { accounts { id } } } }`).at("viewer", "member", "accounts").([]any)
	if len(box) == 0 {
		t.Fatal("Bert has no account")
	}
	mailbox := box[0].(map[string]any)["id"]

	merge := `mutation($b: ID!, $a: ID!, $s: [ShareSignatureInput!]) { mergeParties(party: $b, into: $a, signatures: $s, decision: "2026/9") { member { number numbers holdings { quantity paid } roles { role } } } }`
	signed := []map[string]any{{"as": "BOARD", "by": carla, "on": "2026-03-02", "how": "PAPER"}}
	a := c.must("secretary", merge, "b", bert, "a", anna, "s", signed)
	has("merged", a, `{"holdings":[{"paid":"100.00 EUR","quantity":4}],"number":1,"numbers":[1,2],"roles":[{"role":"BOARD"}]}`, "mergeParties", "member")
	has("what is left", c.must("secretary", `query($b: ID!) { member(id: $b) { holdings { quantity } mergedInto { number } } }`, "b", bert), `{"holdings":[],"mergedInto":{"number":1}}`, "member")
	c.must("secretary", merge, "b", bert, "a", anna, "s", signed) // said again
	c.work()

	// The service goes on, and its password is for the one that stays to set.
	c.let("anna", access.Viewer{Party: anna, Name: string(anna), Was: []domain.PartyID{bert}, Roles: []domain.Role{domain.RoleMember}, Language: domain.French})
	has("accounts", c.must("anna", `{ viewer { member { accounts { service status } subscriptions { plan status } } } }`),
		`{"accounts":[{"service":"MAIL","status":"REQUESTED"},{"service":"STORAGE","status":"REQUESTED"}],"subscriptions":[{"plan":"nubo","status":"ACTIVE"}]}`, "viewer", "member")
	if a := c.ask("carla", `mutation($i: ID!) { setPassword(account: $i, password: "correct horse battery") { id } }`, "i", mailbox); a.code() == "" {
		t.Errorf("somebody else: %s", a.Body)
	}
	if a := c.ask("anna", `mutation($i: ID!) { setPassword(account: $i, password: "correct horse battery") { id } }`, "i", mailbox); a.code() == "provisioning.unknown" || a.code() == "graphql.denied" {
		t.Errorf("who stays: %s", a.Body)
	}

	// The payer keeps its reference; the invoice is made out to who stays, at the price of a member.
	reference := c.must("treasurer", `query($b: ID!) { member(id: $b) { paymentReference } }`, "b", bert).text("member", "paymentReference")
	c.clock(65 * 24 * time.Hour)
	c.must("treasurer", `mutation { runBilling(month: "2026-04") { issued } }`)
	a = c.must("anna", `{ viewer { member { invoices { nodes { gross recipient { name } communication } } balance { due } } } }`)
	has("billed", a, `{"balance":{"due":"5.00 EUR"},"invoices":{"nodes":[{"communication":"`+reference+`","gross":"5.00 EUR","recipient":{"name":"Anna Sample"}}]}}`, "viewer", "member")
}
