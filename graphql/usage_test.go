package graphql_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/graphql"
	"rochdale/processes"
)

// serviced serves a co-op with mailboxes in memory, of which read models are asked.
func serviced(t *testing.T) (c *coop, at *memory.Service, r *processes.Reconciler, settle func()) {
	t.Helper()
	at = memory.New(domain.Mail)
	c = serve(t, func(config *graphql.Config) {
		r = &processes.Reconciler{
			Store: config.Store, Log: config.Log, Targets: []processes.Target{{Name: "mail", Service: domain.Mail, At: at}},
			Terms: processes.Terms{Today: func() calendar.Date { return calendar.Of(config.Store.Now()) }},
		}
		config.Reconciler = r
		config.Naming = processes.Naming{Store: config.Store, Domains: []string{"example.org", "example.net"}, Rest: 730, Aliases: 2, Today: r.Terms.Today}
		config.Credentials = processes.Credentials{Store: config.Store, Targets: r.Targets}
	})
	c.found()
	settle = func() {
		t.Helper()
		c.work()
		naming := processes.Naming{Store: c.store, Rest: 730, Today: r.Terms.Today}
		if err := processes.NewRunner(c.store, r.Log, append(r.Processes(), naming.Process())...).CatchUp(eventstore.As(t.Context(), "test")); err != nil {
			t.Fatal(err)
		}
		c.work()
	}
	return c, at, r, settle
}

// TestASubscriptionDoesNotBecomeSmallerThanWhatIsInIt is asked through HTTP, and says what to do.
func TestASubscriptionDoesNotBecomeSmallerThanWhatIsInIt(t *testing.T) {
	c, at, _, settle := serviced(t)
	c.join("Anna", "Exemple")
	c.join("Bert", "Exemple")
	id := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`).text("subscribe", "id")
	settle()
	login := provisioning.Login(c.must("anna", `{ viewer { member { accounts { login used } } } }`).at("viewer", "member", "accounts").([]any)[0].(map[string]any)["login"].(string))
	is, err := at.Observe(t.Context(), provisioning.Ref{Service: domain.Mail, Login: login})
	if err != nil || !is.Exists {
		t.Fatalf("%+v, %v", is, err)
	}
	at.Enter(login).Put(*is.Quota * 9 / 10)
	change := `mutation($s: ID!, $g: Int!, $f: Date, $r: String) { changeQuota(subscription: $s, gb: $g, from: $f, requestId: $r) { subscription { gb } } }`
	for _, who := range []string{"anna", "treasurer"} {
		a := c.ask(who, change, "s", id, "g", 5)
		if a.code() != "provisioning.holds_more" || !strings.Contains(a.Body, `"measured":"2026-03-02"`) || !strings.Contains(a.Body, `"surplus"`) {
			t.Errorf("%s: %s", who, a.Body)
		}
	}
	if a := c.ask("bert", change, "s", id, "g", 5); a.code() != "subscription.unknown" {
		t.Errorf("who has nothing to do with it learns of it: %s", a.Body)
	}
	c.must("anna", change, "s", id, "g", 5, "f", "2026-04-01")
	c.must("anna", change, "s", id, "g", 20)
	settle()
	a := c.must("anna", `{ viewer { member { accounts { service used usedAt usageDays { on used } } } } }`)
	if got := jsonOf(a.at("viewer", "member", "accounts").([]any)[0]); !strings.HasPrefix(got, `{"service":"MAIL","usageDays":[{"on":"2026-03-02","used":`) || strings.Contains(got, `"usedAt":null`) {
		t.Error(got)
	}
	at.Enter(login).Put(-*is.Quota * 9 / 10)
	first := c.must("anna", change, "s", id, "g", 5, "r", "smaller")
	at.Enter(login).Put(*is.Quota / 2)
	if again := c.must("anna", change, "s", id, "g", 5, "r", "smaller"); again.Body != first.Body {
		t.Errorf("asked again: %s, then %s", first.Body, again.Body)
	}
}

func TestOperatorsSeeWhichAccountsAreFullest(t *testing.T) {
	c, at, r, settle := serviced(t)
	for i, name := range []string{"Anna", "Bert"} {
		c.join(name, "Exemple")
		c.must(strings.ToLower(name), `mutation { subscribe(plan: "nubo", gb: 10) { id } }`)
		settle()
		login := provisioning.Login(strings.ToLower(name) + ".exemple@example.org")
		at.Enter(login).Put(domain.Bytes(i+1) * 100_000_000)
	}
	r.Book = booked{c}
	if err := r.ReadUsage(eventstore.As(t.Context(), "test")); err != nil {
		t.Fatal(err)
	}
	a := c.must("operator", `{ fullestAccounts(most: 1) { target used percent account { login used } } }`)
	if got := jsonOf(a.at("fullestAccounts")); !strings.Contains(got, `"login":"bert.exemple@example.org"`) || !strings.Contains(got, `"target":"mail","used":200000000`) {
		t.Error(got)
	}
	if a := c.ask("anna", `{ fullestAccounts { target } }`); a.code() != "graphql.denied" {
		t.Errorf("a member: %s", a.Body)
	}
}

// booked answers from the read models, once they know what the log does.
type booked struct{ c *coop }

func (b booked) accounts(ctx context.Context, service domain.Service, after domain.AccountID) (all []processes.BookedAccount, err error) {
	if err := b.c.models.CatchUp(ctx); err != nil {
		return nil, err
	}
	some, err := b.c.models.AccountsFrom(ctx, service, after, 500)
	for _, a := range some {
		all = append(all, processes.BookedAccount{Account: a.ID, Service: a.Service, Login: a.Login, Deleted: a.Status == provisioning.StatusDeleted, Quota: a.Quota})
	}
	return all, err
}

func (b booked) AccountsCounted(ctx context.Context, service domain.Service) (int, error) {
	return b.c.models.AccountsCounted(ctx, service)
}

func (b booked) AccountsAfter(ctx context.Context, service domain.Service, after domain.AccountID, _ int) ([]processes.BookedAccount, error) {
	return b.accounts(ctx, service, after)
}

func (b booked) AccountsUnder(ctx context.Context, service domain.Service, logins []provisioning.Login) ([]processes.BookedAccount, error) {
	all, err := b.accounts(ctx, service, "")
	return slices.DeleteFunc(all, func(a processes.BookedAccount) bool { return !slices.Contains(logins, a.Login) }), err
}

func (b booked) AccountsOfParty(ctx context.Context, party domain.PartyID) (all []processes.BookedAccount, err error) {
	some, err := b.c.models.AccountsOf(ctx, party)
	for _, a := range some {
		all = append(all, processes.BookedAccount{Account: a.ID, Service: a.Service, Login: a.Login, Deleted: a.Status == provisioning.StatusDeleted, Quota: a.Quota})
	}
	return all, err
}

// TestWhatIsSharedOrBookedDoesNotBecomeSmallerThanWhatIsInIt: who pays takes nobody the
// room that they use, today, neither of a part nor by the end of an add-on.
func TestWhatIsSharedOrBookedDoesNotBecomeSmallerThanWhatIsInIt(t *testing.T) {
	c, at, _, settle := serviced(t)
	c.join("Anna", "Exemple")
	bert := string(c.join("Bert", "Voorbeeld"))
	nubo, err := os.ReadFile("../domain/offering/pricelists/nubo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.must("board", `mutation($l: YAML!) { publishPriceList(version: 2, list: $l, from: "2026-03-02") { version } }`, "l", string(nubo)+`
add_ons:
  - {service: mail, per_gb: 0.20, name: {fr: "{gb} Go de plus", nl: "{gb} GB extra", en: "{gb} GB more", de: "{gb} GB mehr"}}
`)
	sub := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 20) { id } }`).text("subscribe", "id")
	link := c.must("treasurer", `mutation($s: ID!, $p: ID!) { linkAccount(subscription: $s, party: $p, gb: 10) { id } }`, "s", sub, "p", bert).text("linkAccount", "id")
	addOn := c.must("anna", `mutation($s: ID!) { bookAddOn(subscription: $s, service: MAIL, gb: 3) { id } }`, "s", sub).text("bookAddOn", "id")
	settle()
	fill := func(who string, part domain.Bytes) {
		t.Helper()
		mine := c.must(who, `{ viewer { member { accounts { service login quota } } } }`).at("viewer", "member", "accounts").([]any)
		box := mine[0].(map[string]any)
		at.Enter(provisioning.Login(box["login"].(string))).Put(domain.Bytes(box["quota"].(float64)) * part / 10)
	}
	change := `mutation($a: ID!, $g: Int!) { changeLinkedAccount(account: $a, gb: $g) { account { gb } } }`
	end := `mutation($s: ID!, $a: ID!, $e: Date) { endAddOn(subscription: $s, addOn: $a, ends: $e) { addOn { ends } } }`
	fill("bert", 8)
	c.refused("provisioning.holds_more", "anna", change, "a", link, "g", 5)
	fill("anna", 8)
	c.refused("provisioning.holds_more", "anna", end, "s", sub, "a", addOn)
	c.refused("provisioning.holds_more", "anna", change, "a", link, "g", 19) // hers would be smaller
	c.is("on a later day", c.must("anna", end, "s", sub, "a", addOn, "e", "2026-03-05"), `"2026-03-05"`, "endAddOn", "addOn", "ends")
	fill("bert", -5)
	fill("anna", -8)
	c.is("once there is room", c.must("anna", change, "a", link, "g", 5), `5`, "changeLinkedAccount", "account", "gb")
	c.is("once there is room", c.must("anna", end, "s", sub, "a", addOn), `"2026-03-02"`, "endAddOn", "addOn", "ends")
}
