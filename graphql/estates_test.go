package graphql_test

import (
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/graphql"
	"rochdale/processes"
)

// TestHeirsGetCopiesByADecision, through HTTP: by an operator, with a reason, and of nobody who lives.
func TestHeirsGetCopiesByADecision(t *testing.T) {
	c := serve(t, func(config *graphql.Config) {
		config.Estates = processes.Estates{Store: config.Store, Today: func() calendar.Date { return calendar.Of(config.Store.Now()) }}
	})
	c.found()
	c.join("Anna", "Exemple")
	c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	c.work()
	account := c.must("anna", `{ viewer { member { accounts { id } } } }`).at("viewer", "member", "accounts").([]any)[0].(map[string]any)["id"].(string)
	allow := `mutation($a: ID!, $r: String!) { allowExport(account: $a, reason: $r) { account { heldThrough exportThrough } } }`
	if a := c.ask("operator", allow, "a", account, "r", "minutes of May 3"); a.code() != "provisioning.not_held" {
		t.Errorf("of somebody who lives: %s", a.Body)
	}
	day := calendar.Of(c.store.Now())
	_, err := eventstore.Execute(eventstore.As(t.Context(), "test"), c.store, provisioning.HoldAccount{Account: domain.AccountID(account), On: day, Through: day.AddDays(365)})
	if err != nil {
		t.Fatal(err)
	}
	for who, code := range map[string]string{"anna": "graphql.denied", "treasurer": "graphql.denied", "": "graphql.signed_out"} {
		if a := c.ask(who, allow, "a", account, "r", "mine"); a.code() != code {
			t.Errorf("%q: %s", who, a.Body)
		}
	}
	if a := c.ask("operator", allow, "a", account, "r", " "); a.code() != "provisioning.no_reason" {
		t.Errorf("without a reason: %s", a.Body)
	}
	if got := c.must("operator", allow, "a", account, "r", "minutes of May 3").Body; !strings.Contains(got, `"heldThrough":"2027-03-02","exportThrough":"2026-04-01"`) {
		t.Error(got)
	}
	if a := c.ask("anna", `mutation($a: ID!) { setPassword(account: $a, password: "three or four words") { id } }`, "a", account); a.code() != "provisioning.held" {
		t.Errorf("a password of the dead: %s", a.Body)
	}
}
