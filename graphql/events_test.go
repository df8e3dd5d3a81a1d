package graphql_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/processes/access"
)

// A told event is one as the feed tells it.
type told struct {
	Position, Version, Edition     int64
	ID, Stream, Type, Actor        string
	RecordedAt, Correlation, Cause string
	Data                           json.RawMessage
}

// feed reads the events up to a position.
func (c *coop) feed(token, args string, through int64) (all []told) {
	c.t.Helper()
	events, stop := c.stream(token, `subscription { events`+args+` { position id stream version type edition recordedAt actor correlation cause: causation data } }`)
	defer stop()
	for text := range events {
		var said struct {
			Data struct{ Events told }
		}
		if err := json.Unmarshal([]byte(text), &said); err != nil || said.Data.Events.Position == 0 {
			c.t.Fatalf("%s, %v", text, err)
		}
		if all = append(all, said.Data.Events); all[len(all)-1].Position >= through {
			return all
		}
	}
	c.t.Fatalf("the feed ended after %d events, before %d", len(all), through)
	return nil
}

// TestEventFeed: all events, in order, from wherever one asks; and personal data
// in them for whom it is.
func TestEventFeed(t *testing.T) {
	c := serve(t)
	c.let("reader", access.Viewer{Name: "token/reader", Roles: []domain.Role{domain.RolePipeline}, Scopes: []string{"events:read"}})
	c.let("trusted", access.Viewer{Name: "token/trusted", Roles: []domain.Role{domain.RolePipeline}, Scopes: []string{"events:read", "events:personal"}})
	c.found()
	anna := c.join("Anna", "Exemple")
	c.must("anna", `mutation { updateContact(contact: {phone: "0470 12 34 56", email: "second@example.org"}, requestId: "once") { position } }`)
	mailbox := c.must("anna", `mutation { subscribe(plan: "nubo", gb: 10) { id } }`).text("subscribe", "id")
	c.work()
	head, err := c.store.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	all := c.feed("reader", "", head)
	if int64(len(all)) != head {
		t.Fatalf("%d events of %d", len(all), head)
	}
	streams, kinds := map[string]int64{}, map[string]int64{} // the last version, the first position
	for i, e := range all {
		if e.Position != int64(i+1) || e.Version != streams[e.Stream]+1 || e.Edition < 1 || len(e.ID) != 36 || len(e.Correlation) != 36 ||
			e.Actor == "" || !strings.HasPrefix(e.RecordedAt, "2026-03-02T09:00:00") || e.Data == nil {
			t.Errorf("event %d: %+v", i+1, e)
		}
		if strings.HasPrefix(e.Actor, "process/") != (e.Cause != "") {
			t.Errorf("%s acted, because of %q", e.Actor, e.Cause)
		}
		streams[e.Stream] = e.Version
		if kinds[e.Type] == 0 {
			kinds[e.Type] = e.Position
		}
	}
	// One who has no business with people learns of none of them.
	text := jsonOf(all)
	for _, secret := range []string{"Exemple", "Rue du Moulin", "example.org", "0470 12", "047012", `"sealed"`, `"key"`} {
		if strings.Contains(text, secret) {
			t.Errorf("told to whom it is not for: %s", secret)
		}
	}
	if want := fmt.Sprintf(`{"class":"service","subject":%q}`, anna); !strings.Contains(text, want) {
		t.Errorf("whose it is, and why it is kept: %s is not in %s", want, text)
	}
	for name, token := range map[string]string{"without scopes": "pipeline", "for others": "reader"} {
		if again := jsonOf(c.feed(token, "", head)); again != text {
			t.Errorf("%s: %s\n%s", name, again, text)
		}
	}

	// Whoever is trusted with it, does.
	open := jsonOf(c.feed("trusted", "", head))
	for _, said := range []string{`"last_name":"Exemple"`, `"email":"anna@example.org"`, `"phone":"0470 12 34 56"`, `"email":"second@example.org"`} {
		if !strings.Contains(open, said) {
			t.Errorf("%s is not in %s", said, open)
		}
	}
	if strings.Contains(open, `"sealed"`) {
		t.Error("what is sealed is told")
	}

	// From a position on, and of some types.
	if rest := c.feed("reader", fmt.Sprintf("(after: %d)", head-3), head); len(rest) != 3 || jsonOf(rest) != jsonOf(all[head-3:]) {
		t.Errorf("the last three: %s", jsonOf(rest))
	}
	wanted := []string{"membership.applied", "shares.issued"}
	some := c.feed("reader", `(types: ["membership.applied", "shares.issued"])`, kinds["shares.issued"])
	if got := []string{some[0].Type, some[1].Type}; len(some) != 2 || !slices.Equal(got, wanted) {
		t.Errorf("of some types: %s", jsonOf(some))
	}

	// Nobody waits for what never comes.
	for arguments, code := range map[string]string{`types: ["no.such"]`: "feed.unknown_type", fmt.Sprintf("after: %d", head+1): "feed.beyond"} {
		refused, stop := c.stream("reader", "subscription { events("+arguments+") { id } }")
		if said := <-refused; !strings.Contains(said, code) {
			t.Errorf("%s: %s", arguments, said)
		}
		stop()
	}
	if some := c.feed("reader", `(types: ["shares.*"])`, kinds["shares.issued"]); some[0].Type != "shares.subscribed" {
		t.Errorf("of a module: %s", jsonOf(some))
	}

	// What happens while somebody listens comes by itself.
	live, stop := c.stream("reader", fmt.Sprintf(`subscription($after: Position! = %d) { events(after: $after) { type actor } }`, head))
	defer stop()
	c.must("anna", `mutation { updateLanguage(language: DE) { position } }`)
	if e := <-live; e != fmt.Sprintf(`{"data":{"events":{"type":"membership.language_changed","actor":%q}}}`, anna) {
		t.Errorf("live: %s", e)
	}

	// What is erased is not told any more, to anybody; and nobody is signed in as whose it was.
	erase := `mutation($p: ID!, $t: Date) { erasePersonalData(party: $p, class: SERVICE, keptThrough: $t) { position } }`
	if a := c.ask("secretary", erase, "p", anna); a.code() != "membership.served" {
		t.Errorf("erased while it is needed: %s", a.Body)
	}
	c.must("anna", `mutation($s: ID!) { cancelSubscription(subscription: $s) { position } }`, "s", mailbox)
	c.clock(200 * 24 * time.Hour)
	c.work()
	if a := c.ask("secretary", erase, "p", anna, "t", "2026-12-01"); a.code() != "membership.still_needed" {
		t.Errorf("erased against a duty that the secretary knows of: %s", a.Body)
	}
	retention := `query($p: ID!) { retention(party: $p) { class state code erasedOn through } }`
	survey := func(want string) {
		t.Helper()
		if got := jsonOf(c.must("secretary", retention, "p", anna).at("retention")); got != want {
			t.Errorf("retention: %s", got)
		}
	}
	const others = `{"class":"REGISTER","code":"membership.register_kept","erasedOn":null,"state":"KEPT","through":null},{"class":"ACCOUNTING","code":null,"erasedOn":null,"state":"NONE","through":null}`
	survey(`[` + others + `,{"class":"SERVICE","code":null,"erasedOn":null,"state":"ERASABLE","through":null},{"class":"OPTIONAL","code":null,"erasedOn":null,"state":"NONE","through":null}]`)
	c.must("secretary", erase, "p", anna)
	c.work()
	survey(`[` + others + `,{"class":"SERVICE","code":null,"erasedOn":"2026-09-18","state":"ERASED","through":null},{"class":"OPTIONAL","code":null,"erasedOn":null,"state":"NONE","through":null}]`)
	if a := c.ask("anna", `{ viewer { name } }`); !strings.Contains(a.Body, access.ErrBadToken.Reason) {
		t.Errorf("who was forgotten is still signed in: %s", a.Body)
	}
	c.let("anna", access.Viewer{Party: anna, Name: string(anna), Roles: []domain.Role{domain.RoleMember}})
	if head, err = c.store.Log.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := c.feed("trusted", "", head)
	for i, e := range after[:len(all)] {
		if strings.Contains(string(e.Data), "0470 12") || strings.Contains(string(e.Data), "047012") || strings.Contains(string(e.Data), "@example.org") {
			t.Errorf("event %d, erased: %s", i+1, e.Data)
		}
	}
	if text := jsonOf(after); !strings.Contains(text, `"last_name":"Exemple"`) {
		t.Errorf("what is kept in the register has gone too: %s", text)
	}

	for token, want := range map[string]string{"anna": "graphql.denied", "board": "graphql.denied", "": "graphql.signed_out"} {
		events, stop := c.stream(token, `subscription { events { position } }`)
		if e := <-events; !strings.Contains(e, want) {
			t.Errorf("%s: %s", token, e)
		}
		stop()
	}
	if log := c.logged.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("logged:\n%s", log)
	}
}
