package graphql_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestFamiliesShareAQuota: who pays offers part of it, who gets it accepts, and goes on
// alone from the same day with the same accounts.
func TestFamiliesShareAQuota(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert := string(c.join("Anna", "Exemple")), string(c.join("Bert", "Voorbeeld"))
	c.join("Carl", "Exemple")
	sub := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 20) { id } }`).text("subscribe", "id")
	link := `mutation($s: ID!, $p: ID!, $gb: Int!) { linkAccount(subscription: $s, party: $p, gb: $gb, requestId: "link") { id account { gb offered party payer subscription } } }`
	c.refused("subscription.unknown", "carl", link, "s", sub, "p", bert, "gb", 5)
	c.refused("subscription.parts", "anna", link, "s", sub, "p", bert, "gb", 20)
	c.refused("membership.unknown", "anna", link, "s", sub, "p", "nobody", "gb", 5)
	a := c.must("anna", link, "s", sub, "p", bert, "gb", 5)
	id := a.text("linkAccount", "id")
	if again := c.must("anna", link, "s", sub, "p", bert, "gb", 5); again.text("linkAccount", "id") != id {
		t.Errorf("linked twice: %s, %s", a.Body, again.Body)
	}
	c.is("offered", a, `{"gb":5,"offered":true,"party":"`+bert+`","payer":"`+anna+`","subscription":"`+sub+`"}`, "linkAccount", "account")
	c.work()
	c.is("nothing yet", c.must("bert", `{ entitlements { id } }`), `[]`, "entitlements")
	accept := `mutation($a: ID!) { acceptLinkedAccount(account: $a) { account { offered } } }`
	c.refused("subscription.not_linked", "carl", accept, "a", id)
	c.refused("subscription.not_linked", "anna", accept, "a", id)
	c.must("bert", accept, "a", id)
	c.refused("subscription.parts", "anna", `mutation($s: ID!) { changeQuota(subscription: $s, gb: 5) { id } }`, "s", sub)
	c.refused("subscription.not_linked", "bert", `mutation($a: ID!) { changeLinkedAccount(account: $a, gb: 19) { id } }`, "a", id)
	c.must("anna", `mutation($a: ID!) { changeLinkedAccount(account: $a, gb: 10) { id } }`, "a", id)
	c.work()
	const mine = `{ entitlements { service quota status } viewer { member { accounts { id login } linkedAccounts { id gb ends } subscriptions { id payer } } } }`
	c.is("of the other", c.must("anna", mine), `[{"quota":0,"service":"CALENDAR","status":"ACTIVE"},{"quota":0,"service":"CONTACTS","status":"ACTIVE"},{"quota":2000000000,"service":"MAIL","status":"ACTIVE"},{"quota":8000000000,"service":"STORAGE","status":"ACTIVE"}]`, "entitlements")
	a = c.must("bert", mine)
	c.is("of the linked", a, `[{"quota":0,"service":"CALENDAR","status":"ACTIVE"},{"quota":0,"service":"CONTACTS","status":"ACTIVE"},{"quota":2000000000,"service":"MAIL","status":"ACTIVE"},{"quota":8000000000,"service":"STORAGE","status":"ACTIVE"}]`, "entitlements")
	c.is("he pays nothing", a, `[]`, "viewer", "member", "subscriptions")
	before := jsonOf(a.at("viewer", "member", "accounts"))
	if strings.Count(before, "bert.voorbeeld@example.org") != 2 {
		t.Errorf("accounts: %s", before)
	}
	kept := c.must("secretary", `query($p: ID!) { retention(party: $p) { class code } }`, "p", bert)
	if got := jsonOf(kept.at("retention")); !strings.Contains(got, `{"class":"SERVICE","code":"membership.served"}`) && !strings.Contains(got, `{"code":"membership.served","class":"SERVICE"}`) {
		t.Errorf("what serves the linked is kept: %s", got)
	}
	c.is("listed", c.must("anna", `query($s: ID!) { subscription(id: $s) { linkedAccounts { id party } } }`, "s", sub), `[{"id":"`+id+`","party":"`+bert+`"}]`, "subscription", "linkedAccounts")

	detach := `mutation($a: ID!, $gb: Int) { detachAccount(account: $a, gb: $gb) { id subscription { party payer gb status } } }`
	c.refused("subscription.not_linked", "anna", detach, "a", id)
	c.refused("subscription.size", "bert", detach, "a", id, "gb", 1)
	c.is("detached", c.must("bert", detach, "a", id), `{"gb":10,"party":"`+bert+`","payer":"`+bert+`","status":"ACTIVE"}`, "detachAccount", "subscription")
	c.work()
	c.is("whole again", c.must("anna", `{ entitlements { quota } }`), `[{"quota":0},{"quota":0},{"quota":4000000000},{"quota":16000000000}]`, "entitlements")
	a = c.must("bert", mine)
	c.is("the same accounts", a, before, "viewer", "member", "accounts")
	c.is("his own", a, `[{"id":"`+id+`","payer":"`+bert+`"}]`, "viewer", "member", "subscriptions")

	// What was taken back is kept for the days of grace; what was given back is not.
	second := c.must("treasurer", strings.Replace(link, `, requestId: "link"`, "", 1), "s", sub, "p", bert, "gb", 2)
	c.is("said by a role", second, `false`, "linkAccount", "account", "offered")
	unlink := `mutation($a: ID!) { unlinkAccount(account: $a) { account { ends } } }`
	other := second.text("linkAccount", "id")
	c.is("taken back", c.must("anna", unlink, "a", other), `"2026-04-01"`, "unlinkAccount", "account", "ends")
	c.is("given back", c.must("bert", unlink, "a", other), `"2026-03-02"`, "unlinkAccount", "account", "ends")
	c.clock(24 * time.Hour)
	c.refused("subscription.part_over", "bert", detach, "a", other)
}

// TestGiftsGraceAndAddOns by those who may give them.
func TestGiftsGraceAndAddOns(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert := string(c.join("Anna", "Exemple")), string(c.join("Bert", "Voorbeeld"))
	nubo, err := os.ReadFile("../domain/offering/pricelists/nubo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list := string(nubo) + `
add_ons:
  - {service: storage, per_gb: 0.20, name: {fr: "{gb} Go de plus", nl: "{gb} GB extra", en: "{gb} GB more", de: "{gb} GB mehr"}}
members:
  - {service: mail, gb: 1}
  - {service: polls}
grace_days: 10
`
	c.must("board", `mutation($l: YAML!) { publishPriceList(version: 2, list: $l, from: "2026-03-02") { version } }`, "l", list)
	c.is("offered", c.must("", `{ priceList { addOns { service perGB } members { service gb } graceDays plans { services { service percent } } } }`),
		`{"addOns":[{"perGB":"0.2","service":"STORAGE"}],"graceDays":10,"members":[{"gb":1,"service":"MAIL"},{"gb":0,"service":"POLLS"}],"plans":[{"services":[{"percent":20,"service":"MAIL"},{"percent":80,"service":"STORAGE"},{"percent":0,"service":"CALENDAR"},{"percent":0,"service":"CONTACTS"}]}]}`, "priceList")
	sub := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`).text("subscribe", "id")
	c.work()

	book := `mutation($s: ID!, $v: Service!, $p: ID) { bookAddOn(subscription: $s, service: $v, gb: 50, payer: $p, requestId: "book") { id addOn { payer party gb ends } } }`
	c.refused("offering.no_add_on", "anna", book, "s", sub, "v", "MAIL")
	c.refused("graphql.denied", "bert", book, "s", sub, "v", "STORAGE", "p", anna)
	a := c.must("bert", book, "s", sub, "v", "STORAGE") // as a gift of his
	id := a.text("bookAddOn", "id")
	c.is("booked", a, `{"ends":null,"gb":50,"party":"`+anna+`","payer":"`+bert+`"}`, "bookAddOn", "addOn")
	give := `mutation($p: ID!, $v: Service!, $gb: Int!) { give(party: $p, service: $v, gb: $gb, until: "2026-03-09") { gift { id subscription quota until } } }`
	c.refused("graphql.denied", "secretary", give, "p", anna, "v", "MAIL", "gb", 3)
	c.refused("entitlement.app", "treasurer", give, "p", anna, "v", "POLLS", "gb", 3)
	c.refused("membership.unknown", "treasurer", give, "p", "nobody", "v", "MAIL", "gb", 3)
	a = c.must("treasurer", give, "p", anna, "v", "MAIL", "gb", 3)
	c.is("it adds to what she has", a, `"`+sub+`"`, "give", "gift", "subscription")
	gift := a.text("give", "gift", "id")
	alone := c.must("board", give, "p", bert, "v", "STORAGE", "gb", 1)
	c.work()
	const mine = `{ entitlements { service quota status until grace } gifts { id until } }`
	memberships := func() {
		t.Helper()
		for _, party := range []string{anna, bert} {
			if err := processes.SyncMembership(eventstore.As(t.Context(), "test"), c.store, c.models, domain.PartyID(party), calendar.Of(c.clock(0))); err != nil {
				t.Fatal(err)
			}
		}
		c.work()
	}
	c.is("all together", c.must("anna", `{ entitlements { service quota } }`), `[{"quota":0,"service":"CALENDAR"},{"quota":0,"service":"CONTACTS"},{"quota":5000000000,"service":"MAIL"},{"quota":58000000000,"service":"STORAGE"}]`, "entitlements")
	c.is("alone", c.must("bert", mine), `[{"grace":null,"quota":1000000000,"service":"STORAGE","status":"ACTIVE","until":null}]`, "entitlements")
	c.is("seen", c.must("anna", mine), `[{"id":"`+gift+`","until":"2026-03-09"}]`, "gifts")

	end := `mutation($s: ID!, $a: ID!) { endAddOn(subscription: $s, addOn: $a) { addOn { ends } } }`
	c.refused("subscription.no_add_on", "anna", end, "s", sub, "a", id) // he pays it
	c.is("ended", c.must("bert", end, "s", sub, "a", id), `"2026-03-02"`, "endAddOn", "addOn", "ends")
	c.is("ended", c.must("treasurer", `mutation($s: ID!, $g: ID!) { endGift(subscription: $s, gift: $g, until: "2026-03-05") { gift { until } } }`, "s", sub, "g", gift), `"2026-03-05"`, "endGift", "gift", "until")
	grace := `mutation($s: ID!) { giveGrace(subscription: $s, until: "2026-04-30") { subscription until } }`
	c.refused("subscription.unknown", "operator", grace, "s", "none")
	c.must("operator", grace, "s", sub)
	c.must("operator", grace, "s", alone.text("give", "gift", "subscription"))
	c.is("with grace", c.must("anna", `{ entitlements { grace } }`), `[{"grace":"2026-04-30"},{"grace":"2026-04-30"},{"grace":"2026-04-30"},{"grace":"2026-04-30"}]`, "entitlements")
	memberships()
	c.is("as a member too", c.must("anna", `{ entitlements { service quota } }`),
		`[{"quota":0,"service":"CALENDAR"},{"quota":0,"service":"CONTACTS"},{"quota":6000000000,"service":"MAIL"},{"quota":0,"service":"POLLS"},{"quota":58000000000,"service":"STORAGE"}]`, "entitlements")
	own := alone.text("give", "gift", "subscription")
	subscribe := `mutation { subscribe(plan: "nubo", gb: 5, requestId: "own") { id } }`
	first := c.must("bert", subscribe).text("subscribe", "id")
	if again := c.must("bert", subscribe).text("subscribe", "id"); first != own || again != own {
		t.Errorf("who is entitled as a member subscribes under %s, and again %s, not %s", first, again, own)
	}
	c.work()
	c.is("all of his", c.must("bert", `{ entitlements { service quota } }`),
		`[{"quota":0,"service":"CALENDAR"},{"quota":0,"service":"CONTACTS"},{"quota":2000000000,"service":"MAIL"},{"quota":0,"service":"POLLS"},{"quota":5000000000,"service":"STORAGE"}]`, "entitlements")
	if a := c.must("treasurer", `mutation { runBilling(month: "2026-02") { issued } }`); jsonOf(a.at("runBilling", "issued")) != "0" {
		t.Errorf("billed: %s", a.Body)
	}
	c.clock(31 * 24 * time.Hour)
	c.must("treasurer", `mutation { runBilling(month: "2026-03") { issued } }`)
	c.is("the add-on", c.must("bert", `{ invoices { nodes { gross lines { description gb } } } }`),
		`[{"gross":"12.50 EUR","lines":[{"description":"50 Go de plus","gb":50},{"description":"Nubo, 5 Go","gb":5}]}]`, "invoices", "nodes")
}
