package graphql_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

func (d *doors) AddAppPassword(_ context.Context, ref provisioning.Ref, p provisioning.AppPassword, _ provisioning.Credential) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.apps == nil {
		d.apps = map[string][]provisioning.AppPassword{}
	}
	key := string(ref.Service) + " " + string(ref.Login)
	if !slices.Contains(d.apps[key], p) {
		d.apps[key] = append(d.apps[key], p)
	}
	return nil
}

func (d *doors) AppPasswords(_ context.Context, ref provisioning.Ref) ([]provisioning.AppPassword, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.apps[string(ref.Service)+" "+string(ref.Login)]), nil
}

func (d *doors) RemoveAppPassword(_ context.Context, ref provisioning.Ref, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := string(ref.Service) + " " + string(ref.Login)
	d.apps[key] = slices.DeleteFunc(d.apps[key], func(p provisioning.AppPassword) bool { return p.ID == id })
	return nil
}

// TestAccountsOfAMember goes from accounts in progress to devices that get in.
func TestAccountsOfAMember(t *testing.T) {
	c := serve(t)
	c.found()
	c.join("Anna", "Exemple")
	c.join("Bert", "Exemple")
	c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
	c.work()
	events, stop := c.stream("anna", `subscription { accountsChanged { service status statusText } }`)
	defer stop()
	hears := func(want string) {
		t.Helper()
		for e := range events {
			if e == want {
				return
			}
		}
		t.Fatalf("the stream ended before %s", want)
	}
	hears(`{"data":{"accountsChanged":[{"service":"MAIL","status":"REQUESTED","statusText":"Boîte aux lettres en préparation"},{"service":"STORAGE","status":"REQUESTED","statusText":"Cloud en préparation"}]}}`)
	accounts := c.must("anna", `{ viewer { member { accounts { id } } } }`).at("viewer", "member", "accounts").([]any)
	mailbox := accounts[0].(map[string]any)["id"].(string)
	subscription, _ := entitlement.Of(domain.EntitlementID(mailbox))
	if _, err := eventstore.Execute(eventstore.As(t.Context(), "test"), c.store, provisioning.RecordProvisioned{
		Account: domain.AccountID(entitlement.IDOf(subscription, domain.Mail)), Quota: 1, Revision: 1,
	}); err != nil {
		t.Fatal(err)
	}
	hears(`{"data":{"accountsChanged":[{"service":"MAIL","status":"ACTIVE","statusText":"Boîte aux lettres prête"},{"service":"STORAGE","status":"REQUESTED","statusText":"Cloud en préparation"}]}}`)

	made := c.must("anna", `mutation($a: ID!) { createAppPassword(account: $a, name: "Téléphone", requestId: "phone") { position id password appPassword { id name usedAt } } }`, "a", mailbox)
	id, password := made.text("createAppPassword", "id"), made.text("createAppPassword", "password")
	if !strings.HasPrefix(password, id+"-") || jsonOf(made.at("createAppPassword", "appPassword")) != `{"id":"`+id+`","name":"Téléphone","usedAt":null}` {
		t.Errorf("made: %s", made.Body)
	}
	if again := c.must("anna", `mutation($a: ID!) { createAppPassword(account: $a, name: "Téléphone", requestId: "phone") { position id password appPassword { id name usedAt } } }`, "a", mailbox); again.Body != made.Body {
		t.Errorf("the same request: %s, then %s", made.Body, again.Body)
	}
	if a := c.ask("anna", `mutation($a: ID!) { createAppPassword(account: $a, name: "Tablette", requestId: "phone") { id } }`, "a", mailbox); a.code() != "request.reused" {
		t.Errorf("another under the same id: %s", a.Body)
	}
	c.must("anna", `mutation($a: ID!) { createAppPassword(account: $a, name: "Tablette") { id } }`, "a", mailbox)
	list := `{ viewer { member { accounts { appPasswords { name } } } } }`
	if got := jsonOf(c.must("anna", list).at("viewer", "member", "accounts")); got != `[{"appPasswords":[{"name":"Téléphone"},{"name":"Tablette"}]},{"appPasswords":[]}]` {
		t.Errorf("listed: %s", got)
	}
	for token, code := range map[string]string{"bert": "provisioning.unknown", "operator": "graphql.denied", "": "access.signed_out"} {
		for _, mutation := range []string{
			`mutation($a: ID!) { createAppPassword(account: $a, name: "x") { id } }`, `mutation($a: ID!) { revokeAppPassword(account: $a, id: "` + id + `") { id } }`,
		} {
			if a := c.ask(token, mutation, "a", mailbox); a.code() != code && a.code() != "provisioning.unknown" && token != "" || a.code() == "" {
				t.Errorf("%s: %s", token, a.Body)
			}
		}
	}
	if a := c.ask("anna", `mutation($a: ID!) { createAppPassword(account: $a, name: " ") { id } }`, "a", mailbox); a.code() != "provisioning.device_name" {
		t.Errorf("without a name: %s", a.Body)
	}
	for range 2 {
		c.must("anna", `mutation($a: ID!, $i: ID!) { revokeAppPassword(account: $a, id: $i) { account { appPasswords { name } } } }`, "a", mailbox, "i", id)
	}
	if got := jsonOf(c.must("anna", list).at("viewer", "member", "accounts")); got != `[{"appPasswords":[{"name":"Tablette"}]},{"appPasswords":[]}]` {
		t.Errorf("after one is revoked: %s", got)
	}
	if strings.Contains(c.logged.String(), password) {
		t.Error("the password is in the log of the program")
	}
}
