package graphql_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/processes/access"
)

// A typed is a type as the schema tells of it.
type typed struct {
	Kind, Name string
	OfType     *typed
}

func (t typed) required() bool { return t.Kind == "NON_NULL" }

func (t typed) named() typed {
	for t.OfType != nil {
		t = *t.OfType
	}
	return t
}

type argument struct {
	Name         string
	Type         typed
	DefaultValue *string
}

type field struct {
	Name string
	Args []argument
	Type typed
}

type described struct {
	Kind, Name          string
	Fields, InputFields []field
	EnumValues          []struct{ Name string }
}

// schema asks for the schema, by the names of its types.
func (c *coop) schema() map[string]described {
	c.t.Helper()
	var told struct {
		Schema struct{ Types []described } `json:"__schema"`
	}
	if err := json.Unmarshal(c.must("", introspection).Data, &told); err != nil {
		c.t.Fatal(err)
	}
	all := map[string]described{}
	for _, t := range told.Schema.Types {
		all[t.Name] = t
	}
	return all
}

// everything selects all of a type that may be selected without an argument, but
// for some fields.
func everything(types map[string]described, of typed, depth int, without map[string]bool) string {
	t := types[of.named().Name]
	if t.Kind != "OBJECT" {
		return ""
	}
	var b strings.Builder
	for _, f := range t.Fields {
		inner := types[f.Type.named().Name]
		if without[t.Name+"."+f.Name] || slices.ContainsFunc(f.Args, func(a argument) bool { return a.Type.required() && a.DefaultValue == nil }) {
			continue
		}
		if inner.Kind != "OBJECT" {
			b.WriteString(f.Name + " ")
		} else if depth > 1 {
			if s := everything(types, f.Type, depth-1, without); s != "" {
				b.WriteString(f.Name + s + " ")
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return " { " + b.String() + "}"
}

// reviewed reads who may select what from the reviewed table: by field and role,
// "all", "own", "self" or ".".
func reviewed(t *testing.T) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile("testdata/access.golden")
	if err != nil {
		t.Fatal(err)
	}
	all, roles := map[string]map[string]string{}, []string(nil)
	for line := range strings.Lines(string(data)) {
		switch words := strings.Fields(line); {
		case len(words) > 8 && words[0] == "anonymous":
			roles = words
		case roles != nil && len(words) > len(roles):
			all[words[0]] = map[string]string{}
			for i, role := range roles {
				all[words[0]][role] = words[i+1]
			}
		}
	}
	return all
}

// TestOwnDataOnly has Bert, in every role, ask for all that is Anna's, by each of
// its ids in every argument of every query and mutation there is. Where the
// reviewed table lets him see his own only, nothing of hers comes; and nothing
// happens.
func TestOwnDataOnly(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert := string(c.join("Anna", "Exemple")), string(c.join("Bert", "Voorbeeld"))
	types, table := c.schema(), reviewed(t)

	// What is Anna's, and what would give it away.
	c.must("secretary", `mutation($p: ID!) {
		updateIdentity(party: $p, identity: {firstName: "Anna", lastName: "Exemple", street: "Geheimgasse 7", postalCode: "9999", city: "Annaville", country: "BE", birthDate: "1985-07-30", nationalNumber: "85.07.30-033.28"}) { position }
		updateContact(party: $p, contact: {email: "anna@secret.example", phone: "0470 12 34 56"}) { position } }`, "p", anna)
	c.must("anna", `mutation { changeBankAccount(account: {iban: "BE68539007547034", holder: "A. Verschwiegen"}) { position }
		updateContact(contact: {email: "next@quiet.example"}) { position } }`)
	c.must("board", `mutation($p: ID!) { proposeExclusion(party: $p, grounds: "does not weave") { position } }`, "p", anna)
	c.must("anna", `mutation { answerExclusion(answer: "weaves at night") { position } }`)
	document := c.must("secretary", `mutation($p: ID!) { fileDocument(kind: CERTIFICATE, title: "Certificate 4711", sha256: "`+strings.Repeat("ab", 32)+`", size: 9, mediaType: "application/pdf", about: $p) { id } }`, "p", anna).text("fileDocument", "id")
	shares := c.must("anna", `mutation { subscribeShares(class: "A", quantity: 7) { id } }`).text("subscribeShares", "id")
	claim := c.must("anna", `mutation { requestExit(class: "A") { id } }`).text("requestExit", "id")
	hers := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 13) { id } }`).text("subscribe", "id")
	his := c.must("bert", `mutation { subscribe(plan: "nubo", gb: 6) { id } }`).text("subscribe", "id")
	c.work()
	poll := c.poll()
	c.must("anna", `mutation($p: ID!) { castVote(poll: $p, choice: ABSTAIN) { position } }`, "p", poll)
	c.must("treasurer", `mutation { runBilling(month: "2026-03") { issued } }`)
	for _, field := range []string{
		`subscribe(party: "nobody", payer: $p, plan: "nubo", gb: 5) { id }`, `subscribe(party: $p, payer: "nobody", plan: "nubo", gb: 5) { id }`, `recordPayment(id: $p, payer: "nobody", amount: "1.00 EUR") { id }`,
		`matchPayment(payment: $p, payer: "nobody") { id }`,
	} {
		c.refused("membership.unknown", "treasurer", `mutation($p: ID!) { `+field+` }`, "p", anna)
	}
	c.refused("membership.unknown", "treasurer", `mutation { subscribeShares(party: "nobody", class: "A", quantity: 1) { id } }`)
	for _, field := range []string{`recordPayment(payer: $p, amount: "1.00 EUR", on: "2199-01-01") { id }`, `recordSharePayment(party: $p, subscription: "s", class: "A", amount: "1.00 EUR", reference: "r", on: "2199-01-01") { id }`} {
		c.refused("payment.to_come", "treasurer", `mutation($p: ID!) { `+field+` }`, "p", anna)
	}
	c.must("treasurer", `mutation($p: ID!) { recordPayment(id: "annas-payment", payer: $p, amount: "77.77 EUR", reference: "bank 77") { id } }`, "p", anna)
	var seen struct {
		Viewer struct {
			Member struct {
				Accounts, Entitlements []struct{ ID, Login string }
				Invoices               struct {
					Nodes    []struct{ ID, Number, Communication string }
					PageInfo struct{ EndCursor string }
				}
			}
		}
	}
	own := c.must("anna", `{ viewer { member { accounts { id login } entitlements { id } invoices { nodes { id number communication } pageInfo { endCursor } } } } }`)
	if err := json.Unmarshal(own.Data, &seen); err != nil {
		t.Fatal(err)
	}
	member := seen.Viewer.Member
	if len(member.Accounts) == 0 || len(member.Entitlements) == 0 || len(member.Invoices.Nodes) != 1 {
		t.Fatalf("Anna has too little: %s", own.Body)
	}
	invoice := member.Invoices.Nodes[0]
	ids := []string{anna, document, shares, claim, hers, "annas-payment", invoice.ID, member.Accounts[0].ID, member.Entitlements[0].ID}
	secrets := append([]string{
		"Exemple", "Geheimgasse", "Annaville", `"9999"`, "1985-07-30", "85.07.30", "secret.example", "0470 12", "Certificate 4711", strings.Repeat("ab", 32),
		"77.77", "bank 77", `"7034"`, "547034", "Verschwiegen", "quiet.example", "does not weave", "weaves at night", invoice.Number, invoice.Communication, member.Accounts[0].Login,
	}, ids...)
	c.must("anna", `{ viewer { member `+everything(types, typed{Kind: "OBJECT", Name: "Member"}, 3, map[string]bool{"Account.trouble": true, "Account.heldThrough": true, "Account.exportThrough": true, "ShareMovement.counterparty": true, "ShareEntry.to": true, "Happening.by": true, "TransferProposal.to": true, "ShareSignature.by": true, "ShareLot.subscriber": true})+` } }`) // she sees it all

	given := map[string]string{ // what Bert may well give
		"party": bert, "payer": bert, "from": bert, "to": bert, "for": bert, "about": bert, "poll": poll, "assembly": "none", "class": "A",
		"plan": "nubo", "subscription": his, "account": member.Accounts[0].ID, "payment": "none", "id": "none", "claim": "none", "dividend": "none",
	}
	values := map[string]string{
		"Int": "1", "String": `"x"`, "Boolean": "true", "Money": `"1.00 EUR"`, "Date": `"2026-04-06"`, "Month": `"2026-03"`, "DateTime": `"2026-04-06T00:00:00Z"`,
		"Decimal": `"1"`, "Bytes": "1", "YAML": `"x"`, "Position": "0", "IdentityInput": `{firstName: "E", lastName: "V"}`, "ContactInput": `{email: "e@example.org"}`,
		"BankAccountInput": `{iban: "BE68539007547034"}`, "TextInput": `{en: "x"}`, "DividendRateInput": `{class: "A", rate: "0.03"}`,
	}
	value := func(a argument) string {
		name := a.Type.named().Name
		switch {
		case name == "ID":
			return fmt.Sprintf("%q", given[a.Name])
		case types[name].Kind == "ENUM":
			return types[name].EnumValues[0].Name
		}
		return values[name]
	}

	asked, refused := 0, 0
	for _, role := range domain.Roles {
		if role == domain.RolePipeline {
			continue
		}
		token := "bert as " + string(role)
		c.let(token, access.Viewer{Party: domain.PartyID(bert), Name: bert, Roles: []domain.Role{domain.RoleMember, role}})
		mayAll := func(field string) bool {
			return table[field][string(role)] == "all" || table[field]["member"] == "all"
		}
		for _, root := range []string{"Query", "Mutation"} {
			for _, f := range types[root].Fields {
				name := root + "." + f.Name
				if table[name] == nil {
					t.Fatalf("%s is not in the table", name)
				}
				if mayAll(name) && root == "Mutation" {
					continue
				}
				// Each id in each argument that takes one; of queries, also none.
				type try struct{ argument, id string }
				tries := []try{}
				if root == "Query" {
					tries = append(tries, try{})
				}
				for _, a := range f.Args {
					if a.Type.named().Name == "ID" {
						for _, id := range ids {
							tries = append(tries, try{a.Name, id})
						}
					}
				}
				for _, with := range tries {
					if f.Name == "linkAccount" && with.argument == "party" && with.id == anna {
						continue // what he offers her of his is nothing to her unless she accepts it
					}
					args := []string{}
					for _, a := range f.Args {
						switch {
						case a.Name == with.argument:
							args = append(args, fmt.Sprintf("%s: %q", a.Name, with.id))
						case a.Type.required() && a.DefaultValue == nil:
							args = append(args, a.Name+": "+value(a))
						}
					}
					call := f.Name
					if len(args) > 0 {
						call += "(" + strings.Join(args, ", ") + ")"
					}
					if root == "Mutation" {
						head, err := c.store.Log.Head(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						a := c.ask(token, "mutation { "+call+" { position } }")
						after, err := c.store.Log.Head(t.Context())
						if len(a.Errors) == 0 || a.code() == "fault" || a.code() == "graphql.invalid" || after != head || err != nil {
							t.Errorf("%s: %s: %d to %d, %.300s", token, call, head, after, a.Body)
						}
						refused++
						continue
					}
					a := c.pruned(types, token, call, f.Type)
					if mayAll(name) {
						continue // which the role opens: the table says how far
					}
					asked++
					for _, secret := range secrets {
						if secret != with.id && strings.Contains(string(a.Data), secret) {
							t.Errorf("%s: %s tells %s: %.500s", token, call, secret, a.Body)
						}
					}
				}
			}
		}
		// Beside arguments: a cursor of hers, and her vote.
		a := c.ask(token, `query($c: String) { invoices(first: 5, after: $c) { nodes { number } } other: invoices(last: 5, before: $c) { nodes { number } } }`, "c", member.Invoices.PageInfo.EndCursor)
		if !mayAll("Query.invoices") && strings.Contains(a.Body, invoice.Number) {
			t.Errorf("%s, by her cursor: %s", token, a.Body)
		}
		a = c.ask(token, `query($p: ID!, $a: ID!) { poll(id: $p) { myVote(party: $a) } }`, "p", poll, "a", anna)
		if len(a.Errors) == 0 || strings.Contains(a.Body, "ABSTAIN") {
			t.Errorf("%s, her vote: %s", token, a.Body)
		}
	}
	for _, account := range member.Accounts {
		if n := c.doors.set("mail", account.Login) + c.doors.set("storage", account.Login); n > 0 {
			t.Errorf("her password was set %d times", n)
		}
	}
	if asked < 200 || refused < 200 {
		t.Errorf("only %d questions and %d mutations were tried", asked, refused)
	}
	if log := c.logged.String(); strings.Contains(log, "fault=") {
		t.Errorf("there were faults:\n%s", log)
	}
}

// pruned asks for all of a field that the caller may select.
func (c *coop) pruned(types map[string]described, token, call string, of typed) (a answer) {
	c.t.Helper()
	without := map[string]bool{}
	for depth := 4; depth > 0; {
		a = c.ask(token, "{ "+call+everything(types, of, depth, without)+" }")
		before := len(without)
		for _, e := range a.Errors {
			args, _ := e.Extensions["args"].(map[string]any)
			if of, denied := args["field"].(string); denied && !strings.HasPrefix(of, "Query.") {
				without[of] = true
			}
		}
		switch {
		case len(without) > before:
		case a.code() == "graphql.too_costly", a.code() == "graphql.too_deep":
			depth--
		case a.code() == "graphql.invalid", a.code() == "fault":
			c.t.Errorf("%s: %s: %.300s", token, call, a.Body)
			return a
		default:
			return a
		}
	}
	return a
}

// TestDelegates see, and do, what concerns the organisation that they act for, as
// long as they do.
func TestDelegates(t *testing.T) {
	c := serve(t)
	c.found()
	bert := c.join("Bert", "Voorbeeld")
	coop := c.must("secretary", `mutation { apply(kind: ORGANISATION, identity: {organisation: "Muster eG"}) { id } }`).text("apply", "id")
	s := c.must("treasurer", `mutation($p: ID!) { subscribeShares(party: $p, class: "A", quantity: 2) { id } }`, "p", coop).text("subscribeShares", "id")
	c.must("board", `mutation($p: ID!) { admit(party: $p) { id } }`, "p", coop)
	c.must("treasurer", `mutation($p: ID!, $s: ID!) { recordSharePayment(party: $p, subscription: $s, class: "A", amount: "50.00 EUR", reference: "1") { position } issueShares(party: $p, subscription: $s, class: "A") { position } }`, "p", coop, "s", s)
	poll := c.poll()
	c.must("secretary", `mutation($p: ID!, $a: ID!) { giveMandate(party: $p, agent: $a, capacity: DELEGATE) { id } }`, "p", coop, "a", bert)
	ask := func() []answer {
		return []answer{
			c.ask("bert", `query($p: ID!) { holdings(party: $p) { quantity } balance(party: $p) { due } member(id: $p) { name roles { role } } invoices(payer: $p) { totalCount } }`, "p", coop),
			c.ask("bert", `mutation($p: ID!) { updateContact(party: $p, contact: {email: "office@muster.example"}) { member { contactRequest { email } } } }`, "p", coop),
			c.ask("bert", `mutation($p: ID!, $v: ID!) { castVote(poll: $v, choice: FOR, party: $p) { poll { myVote(party: $p) mine: myVote } } }`, "p", coop, "v", poll),
		}
	}
	for _, a := range ask() {
		if a.code() != "graphql.denied" {
			t.Errorf("before: %s", a.Body)
		}
	}
	c.let("bert", access.Viewer{Party: bert, Name: string(bert), Roles: []domain.Role{domain.RoleMember, domain.RoleDelegate}, ActsFor: []domain.PartyID{domain.PartyID(coop)}})
	for i, want := range []string{
		`{"data":{"holdings":[{"quantity":2}],"balance":{"due":"0.00 EUR"},"member":{"name":"Muster eG","roles":[]},"invoices":{"totalCount":0}}}`,
		`{"data":{"updateContact":{"member":{"contactRequest":{"email":"office@muster.example"}}}}}`,
		`{"data":{"castVote":{"poll":{"myVote":"FOR","mine":null}}}}`,
	} {
		if a := ask()[i]; a.Body != want {
			t.Errorf("a delegate: %s, want %s", a.Body, want)
		}
	}
	if a := c.must("bert", `{ viewer { actsFor organisations { name holdings { quantity } } } }`); a.Body != fmt.Sprintf(`{"data":{"viewer":{"actsFor":[%q],"organisations":[{"name":"Muster eG","holdings":[{"quantity":2}]}]}}}`, coop) {
		t.Errorf("viewer: %s", a.Body)
	}
	c.let("bert", access.Viewer{Party: bert, Name: string(bert), Roles: []domain.Role{domain.RoleMember}})
	for _, a := range ask() {
		if a.code() != "graphql.denied" {
			t.Errorf("no delegate any more: %s", a.Body)
		}
	}
}

// TestScopes: a token with scopes does no more than these, whatever its roles.
func TestScopes(t *testing.T) {
	c := serve(t)
	c.found()
	anna := c.join("Anna", "Exemple")
	all := append(slices.Clone(access.Scopes), "")
	for _, scope := range all {
		v := access.Viewer{Party: anna, Name: string(anna), Roles: domain.Roles}
		if scope != "" {
			v.Scopes = []string{scope}
		}
		c.let("scoped", v)
		for query, allowed := range map[string][]string{
			`{ members { totalCount } }`:                                    {"read", ""},
			`{ viewer { member { name } } }`:                                {"read", ""},
			`{ balance { due } }`:                                           {"read", ""},
			`mutation { updateLanguage(language: FR) { position } }`:        {"write", ""},
			`mutation { updateLanguage(language: FR) { member { name } } }`: {"write", ""},
			`{ memberCount viewer { roles } statutes { name } }`:            all,
		} {
			a := c.ask("scoped", query)
			if ok := len(a.Errors) == 0; ok != slices.Contains(allowed, scope) || !ok && a.code() != "graphql.scope" {
				t.Errorf("%q: %s: %s", scope, query, a.Body)
			}
		}
		for query, allowed := range map[string][]string{
			`subscription { events { position } }`:           {"events:read", ""},
			`subscription { pollTurnout(poll: "x") { id } }`: {"read", ""},
		} {
			events, stop := c.stream("scoped", query)
			select {
			case e := <-events:
				if got := !strings.Contains(e, "graphql.scope"); got != slices.Contains(allowed, scope) {
					t.Errorf("%q: %s: %s", scope, query, e)
				}
			case <-time.After(30 * time.Second):
				t.Errorf("%q: %s: nothing", scope, query)
			}
			stop()
		}
	}
}
