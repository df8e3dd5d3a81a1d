package graphql_test

import (
	"strings"
	"testing"

	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// TestMembersChooseNames goes from a wish by the account made under it to another address, further ones, and their end,
// all of it through HTTP.
func TestMembersChooseNames(t *testing.T) {
	c, at, _, settle := serviced(t)
	c.join("Anna", "Exemple")
	c.join("Bert", "Exemple")
	could := func(who, login string) string {
		t.Helper()
		a := c.must(who, `query($l: String!) { loginAvailable(login: $l) { available code reason } }`, "l", login)
		code, _ := a.at("loginAvailable", "code").(string)
		if available := a.at("loginAvailable", "available").(bool); available != (code == "") || !available && a.text("loginAvailable", "reason") == "" {
			t.Errorf("%s", a.Body)
		}
		return code
	}
	if got := jsonOf(c.must("", `{ addressDomains }`).at("addressDomains")); got != `["example.org","example.net"]` {
		t.Error(got)
	}
	for login, code := range map[string]string{
		"nan@example.org": "", "nan@elsewhere.example": "provisioning.not_our_domain", "info@example.org": "provisioning.login_reserved", "N@x": "provisioning.login",
	} {
		if got := could("anna", login); got != code {
			t.Errorf("%s: %q, not %q", login, got, code)
		}
	}
	subscribe := `mutation($l: String) { subscribe(plan: "nubo", gb: 10, login: $l) { id } }`
	if a := c.ask("anna", subscribe, "l", "info@example.org"); a.code() != "provisioning.login_reserved" {
		t.Errorf("%s", a.Body)
	}
	c.must("anna", subscribe, "l", "nan@example.net")
	if code := could("bert", "nan@example.org"); code != "provisioning.name_taken" {
		t.Errorf("a name that somebody wishes for is %q to others in another domain", code)
	}
	if a := c.ask("bert", subscribe, "l", "nan@example.org"); a.code() != "provisioning.name_taken" {
		t.Errorf("%s", a.Body)
	}
	settle()
	mine := `{ viewer { member { accounts { id service login address aliases status } } } }`
	accounts := c.must("anna", mine).at("viewer", "member", "accounts").([]any)
	box := accounts[0].(map[string]any)
	for _, a := range accounts {
		if a.(map[string]any)["login"] != "nan@example.net" {
			t.Errorf("%s", jsonOf(a))
		}
	}
	account := box["id"].(string)
	seen := func() (aliases []provisioning.Login) {
		t.Helper()
		is, err := at.Observe(t.Context(), provisioning.Ref{Service: domain.Mail, Login: "nan@example.net"})
		if err != nil || !is.Exists {
			t.Fatalf("%+v, %v", is, err)
		}
		return is.Aliases
	}

	add := `mutation($a: ID!, $x: String!) { addAlias(account: $a, alias: $x) { account { aliases } } }`
	remove := `mutation($a: ID!, $x: String!) { removeAlias(account: $a, alias: $x) { account { aliases } } }`
	rename := `mutation($a: ID!, $x: String!) { renameAccount(account: $a, address: $x) { account { login address aliases } } }`
	if got := jsonOf(c.must("anna", add, "a", account, "x", "anna@example.org").at("addAlias", "account")); got != `{"aliases":["anna@example.org"]}` {
		t.Error(got)
	}
	for who, code := range map[string]string{"bert": "provisioning.unknown", "treasurer": "graphql.denied"} {
		for _, change := range []string{add, remove, rename} {
			if a := c.ask(who, change, "a", account, "x", "anna@example.org"); a.code() != code && a.code() != "graphql.denied" {
				t.Errorf("%s: %s", who, a.Body)
			}
		}
	}
	if got := jsonOf(c.must("anna", rename, "a", account, "x", "nanette@example.org").at("renameAccount", "account")); got != `{"address":"nanette@example.org","aliases":["anna@example.org","nanette@example.org"],"login":"nan@example.net"}` {
		t.Error(got)
	}
	settle()
	if got := seen(); len(got) != 2 {
		t.Errorf("there are %v", got)
	}
	for change, code := range map[string]string{
		add + " anna.e@example.org": "provisioning.too_many_aliases", remove + " nanette@example.org": "provisioning.address_chosen",
		remove + " nan@example.net": "provisioning.address_chosen", add + " x@elsewhere.example": "provisioning.not_our_domain",
	} {
		i := strings.LastIndex(change, " ")
		if a := c.ask("anna", change[:i], "a", account, "x", change[i+1:]); a.code() != code {
			t.Errorf("%s: %s", change, a.Body)
		}
	}
	c.must("operator", remove, "a", account, "x", "anna@example.org")
	settle()
	if got := seen(); len(got) != 1 || got[0] != "nanette@example.org" {
		t.Errorf("there are %v", got)
	}
	if code := could("bert", "anna@example.org"); code != "provisioning.login_resting" {
		t.Errorf("an address that was removed is %q to others", code)
	}
	if code := could("anna", "anna@example.org"); code != "" {
		t.Errorf("and %q to who had it", code)
	}
	if a := c.ask("anna", add, "a", strings.Replace(account, "mail/", "storage/", 1), "x", "folder@example.org"); a.code() != "provisioning.no_aliases" {
		t.Errorf("of a folder: %s", a.Body)
	}
}

// TestALoginIsChosenBeforeThereIsAnAccount, whatever it comes by, in one way.
func TestALoginIsChosenBeforeThereIsAnAccount(t *testing.T) {
	c, _, _, settle := serviced(t)
	c.join("Anna", "Exemple")
	bert, carl := string(c.join("Bert", "Voorbeeld")), string(c.join("Carl", "Exemple"))
	choose := `mutation($p: ID, $l: String!) { chooseLogin(party: $p, login: $l) { login } }`
	c.refused("provisioning.not_our_domain", "bert", choose, "l", "b@elsewhere.example")
	c.refused("provisioning.login_reserved", "bert", choose, "l", "info@example.org")
	c.refused("graphql.denied", "anna", choose, "p", bert, "l", "b@example.org")
	c.is("chosen", c.must("bert", choose, "l", "b@example.org"), `"b@example.org"`, "chooseLogin", "login")
	c.refused("provisioning.name_taken", "carl", choose, "l", "b@example.net")
	c.is("for somebody", c.must("secretary", choose, "p", carl, "l", "c@example.org"), `"c@example.org"`, "chooseLogin", "login")

	sub := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 20) { id } }`).text("subscribe", "id")
	link := `mutation($s: ID!, $p: ID!) { linkAccount(subscription: $s, party: $p, gb: 5) { id } }`
	accept := `mutation($a: ID!, $l: String) { acceptLinkedAccount(account: $a, login: $l) { id } }`
	first := c.must("anna", link, "s", sub, "p", bert).text("linkAccount", "id")
	second := c.must("anna", link, "s", sub, "p", carl).text("linkAccount", "id")
	c.must("bert", accept, "a", first)
	c.refused("provisioning.name_taken", "carl", accept, "a", second, "l", "b@example.org")
	c.must("carl", accept, "a", second, "l", "charles@example.org") // otherwise than before
	settle()
	for who, login := range map[string]string{"bert": "b@example.org", "carl": "charles@example.org"} {
		if got := jsonOf(c.must(who, `{ viewer { member { accounts { login } } } }`).at("viewer", "member", "accounts")); strings.Count(got, `"login":"`+login+`"`) != 2 {
			t.Errorf("%s has %s", who, got)
		}
	}
}
