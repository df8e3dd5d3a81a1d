package graphql_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
)

// until lets the time pass until a day, which begins, and does what is done then.
func (c *coop) until(day string) {
	c.t.Helper()
	d, err := calendar.ParseDate(day)
	if err != nil {
		c.t.Fatal(err)
	}
	c.clock(d.Midnight(time.UTC).Add(time.Hour).Sub(c.clock(0)))
	c.work()
	today := func() calendar.Date { return calendar.Of(c.clock(0)) }
	exits := processes.Exits{Store: c.store, From: c.models, Today: today}
	if err := exits.Daily(eventstore.As(c.t.Context(), "process/daily")); err != nil {
		c.t.Fatal(err)
	}
	c.work()
}

// certify certifies that so much is free, of so many assets.
func (c *coop) certify(amount, on string) string {
	c.t.Helper()
	return c.must("board", `mutation($a: Money!, $d: Date!) { certifyBudget(amount: $a, decision: "board 4", on: $d,
		netAssets: {at: $d, assets: "1000.00 EUR", provisions: "0.00 EUR", debts: "100.00 EUR", unamortised: "0.00 EUR", unavailable: "0.00 EUR", certified: {by: "assembly", on: $d, document: "minutes 3"}},
		liquidity: {at: $d, cash: "500.00 EUR", inflows: "200.00 EUR", outflows: "300.00 EUR", certified: {by: "board", on: $d, document: "report 2"}}) { id } }`,
		"a", amount, "d", on).text("certifyBudget", "id")
}

// TestBlockedRefund: shares leave, what is owed for them waits in the queue, a budget
// releases a part, and there is no dividend until all of it is paid; then it is decided,
// allotted and paid.
func TestBlockedRefund(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert, carla := c.join("Anna", "Exemple"), c.join("Bert", "Voorbeeld"), c.join("Carla", "Beispiel")
	for _, who := range []string{"anna", "bert", "carla"} {
		c.must(who, `mutation { changeBankAccount(account: {iban: "BE68539007547034", holder: "An example"}) { position } }`)
	}
	claims := map[string]string{}
	for _, who := range []string{"bert", "carla"} {
		a := c.must(who, `mutation { requestExit(class: "A", requestId: "leave") { id claim { state effectiveOn capped } } }`)
		if again := c.must(who, `mutation { requestExit(class: "A", requestId: "leave") { id claim { state effectiveOn capped } } }`); again.Body != a.Body {
			t.Errorf("asked again: %s, not %s", again.Body, a.Body)
		}
		if got := jsonOf(a.at("requestExit", "claim")); got != `{"capped":false,"effectiveOn":"2026-06-30","state":"REQUESTED"}` {
			t.Fatalf("requested: %s", got)
		}
		claims[who] = a.text("requestExit", "id")
	}
	state := func(who string) string {
		t.Helper()
		a := c.must(who, `query($c: ID!) { shareClaim(id: $c) { state waiting released } }`, "c", claims[who])
		return fmt.Sprint(a.at("shareClaim", "state"), " ", a.at("shareClaim", "waiting"), " ", a.at("shareClaim", "released"))
	}
	queue := func(budget string) string {
		t.Helper()
		return jsonOf(c.must("treasurer", `query($b: ID) { refundQueue(budget: $b) { place release blocked } }`, "b", budget).at("refundQueue"))
	}
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}

	// Who may do and see what.
	for _, no := range []struct{ token, query, code string }{
		{"anna", `mutation { requestExit(class: "A", reason: DECEASED) { id } }`, "graphql.denied"},
		{"anna", `mutation { requestExit(class: "A", effectiveOn: "2026-03-02") { id } }`, "graphql.denied"},
		{"anna", `mutation { requestExit(class: "A", on: "2026-03-01") { id } }`, "graphql.denied"},
		{"anna", `mutation { withdrawExit(claim: "` + claims["bert"] + `") { position } }`, "shares.no_claim"},
		{"anna", `{ refundQueue { place } }`, "graphql.denied"},
		{"anna", `{ shareJournal(from: "2026-01-01", through: "2026-12-31") { totalCount } }`, "graphql.denied"},
		{"secretary", `mutation { payRefund(claim: "` + claims["bert"] + `", amount: "1.00 EUR", reference: "1") { position } }`, "graphql.denied"},
		{"treasurer", `mutation { certifyBudget(amount: "1.00 EUR", decision: "x") { id } }`, "graphql.denied"},
		{"treasurer", `mutation { decideDividend(id: "2026", year: "2026-06-01", rates: [{class: "A", rate: "0.03"}], decision: "x") { id } }`, "graphql.denied"},
		{"board", `mutation { takeExitEffect(claim: "` + claims["bert"] + `") { position } }`, "shares.not_due"},
		{"board", `mutation { acceptExit(claim: "` + claims["bert"] + `", quantity: 1, decision: "x") { position } }`, "shares.claim_state"},
	} {
		if a := c.ask(no.token, no.query); a.code() != no.code {
			t.Errorf("%s: %s: %s", no.token, no.query, a.Body)
		}
	}
	if a := c.must("anna", `query($c: ID!) { shareClaim(id: $c) { id } shareClaims { totalCount } }`, "c", claims["bert"]); a.at("shareClaim") != nil || jsonOf(a.at("shareClaims", "totalCount")) != "0" {
		t.Errorf("Anna sees what is Bert's: %s", a.Body)
	}

	c.until("2026-06-30")
	want("on the last day", state("bert"), "REQUESTED 0.00 EUR 0.00 EUR")
	c.until("2026-07-01")
	want("when it is over", state("bert"), "EFFECTIVE 0.00 EUR 0.00 EUR")
	want("nobody knows what they are worth", queue(""), `[{"blocked":["VALUE"],"place":1,"release":"0.00 EUR"},{"blocked":["VALUE"],"place":2,"release":"0.00 EUR"}]`)

	c.until("2027-05-15")
	a := c.must("treasurer", `mutation { approveAccounts(year: "2026-06-01", netAssets: "900.00 EUR", decision: "assembly of 15 May 2027") { accounts { year { from through } netAssets loss shares { class quantity price } } } }`)
	want("accounts", jsonOf(a.at("approveAccounts", "accounts")),
		`{"loss":null,"netAssets":"900.00 EUR","shares":[{"class":"A","price":"25.00 EUR","quantity":2}],"year":{"from":"2026-01-01","through":"2026-12-31"}}`)
	c.work()
	want("valued", state("bert"), "WAITING 50.00 EUR 0.00 EUR")

	// A budget for a part of it.
	budget := c.certify("60.00 EUR", "2027-05-15")
	want("what it would release", queue(budget), `[{"blocked":["BUDGET"],"place":1,"release":"30.00 EUR"},{"blocked":["BUDGET"],"place":2,"release":"30.00 EUR"}]`)
	release := func(budget string) answer {
		return c.must("board", `mutation($b: ID!) { releaseRefunds(budget: $b) { budget { left draws { amount } } } }`, "b", budget)
	}
	for range 2 { // the second time there is nothing left to do
		want("released", jsonOf(release(budget).at("releaseRefunds", "budget")), `{"draws":[{"amount":"30.00 EUR"},{"amount":"30.00 EUR"}],"left":"0.00 EUR"}`)
	}
	dividend := func(budget string) answer {
		return c.ask("board", `mutation($b: ID!) { decideDividend(id: "2026", year: "2026-06-01", rates: [{class: "A", rate: "0.06"}], budget: $b, decision: "assembly of 15 May 2027", on: "2027-05-15", payableOn: "2027-06-01") {
			dividend { id total year { from } budget } } }`, "b", budget)
	}
	if a := dividend(budget); a.code() != "shares.no_withholding" {
		t.Errorf("nobody has said what tax is withheld: %s", a.Body)
	}
	c.must("treasurer", `mutation { setWithholding(from: "2018-01-01", rate: "0.3", source: "income tax code, art. 269") { position } }`)
	second := c.certify("50.00 EUR", "2027-05-15")
	refused := func() {
		t.Helper()
		if a := dividend(second); a.code() != "shares.refunds_first" {
			t.Errorf("a dividend before the refunds: %s", a.Body)
		}
	}
	refused()
	pay := func(who, amount, reference string) answer {
		return c.ask("treasurer", `mutation($c: ID!, $a: Money!, $r: String!) { payRefund(claim: $c, amount: $a, reference: $r) { claim { state } } }`, "c", claims[who], "a", amount, "r", reference)
	}
	if a := pay("bert", "50.00 EUR", "bank 1"); a.code() != "shares.not_released" {
		t.Errorf("more than was released: %s", a.Body)
	}
	for i, who := range []string{"bert", "carla"} {
		amount := c.must(who, `query($c: ID!) { shareClaim(id: $c) { released } }`, "c", claims[who]).text("shareClaim", "released")
		want("paid", pay(who, amount, fmt.Sprint("bank ", i)).text("payRefund", "claim", "state"), "WAITING")
	}
	refused()
	release(second)
	refused() // it is released, and not paid
	for i, who := range []string{"bert", "carla"} {
		amount := c.must(who, `query($c: ID!) { shareClaim(id: $c) { released } }`, "c", claims[who]).text("shareClaim", "released")
		want("paid", pay(who, amount, fmt.Sprint("bank ", 2+i)).text("payRefund", "claim", "state"), "SETTLED")
	}
	want("the queue", queue(""), "[]")

	// What is left goes to a dividend, for the days on which shares were held.
	a = dividend(second)
	want("decided", jsonOf(a.at("decideDividend", "dividend")), fmt.Sprintf(`{"budget":"%s","id":"2026","total":"4.50 EUR","year":{"from":"2026-01-01"}}`, second))
	want("said again", dividend(second).Body, a.Body)
	c.work()
	c.work()
	payouts := `{ dividendPayouts(dividend: "2026", payable: true) { totalCount nodes { party gross tax net payable account { iban trusted } } } }`
	var sum struct {
		DividendPayouts struct {
			Nodes []struct {
				Party, Gross, Tax, Net, Payable string
				Account                         struct {
					IBAN    string
					Trusted bool
				}
			}
		}
	}
	decode(t, c.must("treasurer", payouts), &sum)
	got := map[string]string{}
	for _, p := range sum.DividendPayouts.Nodes {
		if p.Net != p.Payable || !p.Account.Trusted || p.Account.IBAN != "BE68539007547034" {
			t.Errorf("a payout: %+v", p)
		}
		got[p.Party] = p.Gross + " - " + p.Tax
		if a := c.ask("treasurer", `mutation($p: ID!, $a: Money!) { payDividend(dividend: "2026", party: $p, amount: $a, reference: "bank 9", on: "2027-05-31") { position } }`, "p", p.Party, "a", p.Payable); a.code() != "shares.too_early" {
			t.Errorf("paid too early: %s", a.Body)
		}
		c.must("treasurer", `mutation($p: ID!, $a: Money!) { payDividend(dividend: "2026", party: $p, amount: $a, reference: "bank 9", on: "2027-06-01") { payout { payable } } }`, "p", p.Party, "a", p.Payable)
	}
	// Of 50 EUR each at 6 %: Anna for 305 days of the year, the others for 121.
	for who, is := range map[domain.PartyID]string{anna: "2.51 EUR - 0.75 EUR", bert: "1.00 EUR - 0.30 EUR", carla: "0.99 EUR - 0.30 EUR"} {
		if got[string(who)] != is {
			t.Errorf("%s has %s of the dividend, not %s", who, got[string(who)], is)
		}
	}
	want("all is paid", jsonOf(c.must("treasurer", payouts).at("dividendPayouts", "totalCount")), "0")
	a = c.must("bert", `{ viewer { member { shareClaims { state entries { type amount } } dividendPayouts { gross payable entries { type } } } } }`)
	want("Bert's claim", jsonOf(a.at("viewer", "member", "shareClaims")), `[{"entries":[{"amount":null,"type":"EXIT_REQUESTED"},{"amount":"50.00 EUR","type":"EXIT_TOOK_EFFECT"},`+
		`{"amount":"50.00 EUR","type":"EXIT_VALUED"},{"amount":"30.00 EUR","type":"REFUND_RELEASED"},{"amount":"30.00 EUR","type":"REFUND_PAID"},`+
		`{"amount":"20.00 EUR","type":"REFUND_RELEASED"},{"amount":"20.00 EUR","type":"REFUND_PAID"}],"state":"SETTLED"}]`)

	// The books, on any day.
	balances := func(on string) string {
		return jsonOf(c.must("treasurer", `query($d: Date!) { shareBalances(on: $d) { account class amount } }`, "d", on).at("shareBalances"))
	}
	want("the books in June", balances("2026-06-29"), `[{"account":"BANK","amount":"150.00 EUR","class":"A"},{"account":"CONTRIBUTIONS","amount":"-150.00 EUR","class":"A"}]`)
	want("the books at the end of the year", balances("2026-12-31"), `[{"account":"BANK","amount":"150.00 EUR","class":"A"},{"account":"CONTRIBUTIONS","amount":"-50.00 EUR","class":"A"},{"account":"EXITS","amount":"-100.00 EUR","class":"A"}]`)
	want("the books now", balances("2027-06-01"), `[{"account":"BANK","amount":"-3.15 EUR","class":null},{"account":"BANK","amount":"50.00 EUR","class":"A"},{"account":"CONTRIBUTIONS","amount":"-50.00 EUR","class":"A"},{"account":"PROFIT","amount":"4.50 EUR","class":null},{"account":"TAX_WITHHELD","amount":"-1.35 EUR","class":null}]`)
	a = c.must("treasurer", `{ shareJournal(from: "2027-06-01", through: "2027-06-30", first: 2) { totalCount nodes { type account amount on name } pageInfo { hasNextPage endCursor } } }`)
	if jsonOf(a.at("shareJournal", "totalCount")) != "6" || len(a.at("shareJournal", "nodes").([]any)) != 2 {
		t.Errorf("journal: %s", a.Body)
	}
	a = c.must("treasurer", `query($c: String!) { shareJournal(from: "2027-06-01", through: "2027-06-30", after: $c) { nodes { type } } }`, "c", a.text("shareJournal", "pageInfo", "endCursor"))
	if len(a.at("shareJournal", "nodes").([]any)) != 4 {
		t.Errorf("the rest of the journal: %s", a.Body)
	}
	differences, err := c.models.Verify(t.Context(), nil)
	if err != nil || len(differences) > 0 {
		t.Errorf("verified: %v %v", differences, err)
	}
}

func decode(t *testing.T, a answer, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Data, into); err != nil {
		t.Fatal(err)
	}
}

// TestExitsCapped: where the statutes let only so much leave in a year, shares leave in
// proportion, and the rest in the next window.
func TestExitsCapped(t *testing.T) {
	c := serve(t)
	c.found()
	for _, who := range []string{"Anna", "Bert", "Carla"} {
		c.join(who, "Exemple")
	}
	rules, err := statutes.PresetFile("nubo")
	if err != nil {
		t.Fatal(err)
	}
	capped := strings.Replace(string(rules), "    net_assets_cap: true\n", "    net_assets_cap: true\n    capital_cap: 1/2\n", 1)
	c.must("board", `mutation($s: YAML!) { adoptStatutes(version: 2, statutes: $s, on: "2026-03-02", inForceFrom: "2026-03-02", by: "assembly") { version } }`, "s", capped)
	c.until("2027-02-01")
	claims := map[string]string{}
	for _, who := range []string{"bert", "carla"} {
		claims[who] = c.must(who, `mutation { requestExit(class: "A") { id } }`).text("requestExit", "id")
		c.clock(24 * time.Hour)
	}
	year := `{ exitYear(on: "2027-06-01") { year { from } capital members acceptedQuantity acceptedAmount asking { quantity left leaves proposed } } }`
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}
	want("asked", jsonOf(c.must("treasurer", year).at("exitYear")), `{"acceptedAmount":"0.00 EUR","acceptedQuantity":0,`+
		`"asking":[{"leaves":true,"left":"50.00 EUR","proposed":2,"quantity":2},{"leaves":true,"left":"50.00 EUR","proposed":1,"quantity":2}],`+
		`"capital":"75.00 EUR","members":null,"year":{"from":"2027-01-01"}}`)
	accept := func(who string, quantity int) answer {
		return c.must("board", `mutation($c: ID!, $n: Int!) { acceptExit(claim: $c, quantity: $n, decision: "board 7") { claim { state quantity accepted } } }`, "c", claims[who], "n", quantity)
	}
	want("Bert", jsonOf(accept("bert", 2).at("acceptExit", "claim")), `{"accepted":true,"quantity":0,"state":"REQUESTED"}`)
	want("Carla", jsonOf(accept("carla", 1).at("acceptExit", "claim")), `{"accepted":true,"quantity":1,"state":"REQUESTED"}`)
	want("decided", jsonOf(c.must("treasurer", year).at("exitYear")), `{"acceptedAmount":"75.00 EUR","acceptedQuantity":3,"asking":[],"capital":"0.00 EUR","members":null,"year":{"from":"2027-01-01"}}`)
	c.until("2027-07-01")
	a := c.must("carla", `{ viewer { member { holdings { quantity } shareClaims { state effectiveOn quantity restOf } } } }`)
	want("Carla keeps one until the next window", jsonOf(a.at("viewer", "member")), fmt.Sprintf(
		`{"holdings":[{"quantity":1}],"shareClaims":[{"effectiveOn":"2027-06-30","quantity":1,"restOf":null,"state":"EFFECTIVE"},{"effectiveOn":"2028-06-30","quantity":0,"restOf":"%s","state":"REQUESTED"}]}`, claims["carla"]))
	want("Bert has left", jsonOf(c.must("bert", `{ holdings { quantity } shareClaims { nodes { state } } }`).at("holdings")), "[]")
	want("decided, and left", jsonOf(c.must("treasurer", year).at("exitYear", "capital")), `"0.00 EUR"`)
}

// TestClaimCorrected has happen to claims what seldom does: a death learnt late that was
// none, bills set off, payments that come back, an end by limitation, and reversals.
func TestClaimCorrected(t *testing.T) {
	c := serve(t)
	c.found()
	anna, bert := c.join("Anna", "Exemple"), c.join("Bert", "Voorbeeld")
	c.must("bert", `mutation { changeBankAccount(account: {iban: "BE68539007547034"}) { position } }`)
	c.until("2026-05-10")
	dead := func(party domain.PartyID) string {
		t.Helper()
		return c.must("secretary", `mutation($p: ID!) { requestExit(party: $p, class: "A", reason: DECEASED, effectiveOn: "2026-04-03") { id } }`, "p", party).text("requestExit", "id")
	}
	state := func(id string) string {
		t.Helper()
		return c.must("treasurer", `query($c: ID!) { shareClaim(id: $c) { state } }`, "c", id).text("shareClaim", "state")
	}
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}
	alive, claim := dead(anna), dead(bert)
	c.work()
	want("learnt late", state(alive), "EFFECTIVE")
	want("she lives", c.must("secretary", `mutation($c: ID!) { reverseExit(claim: $c, document: "letter") { claim { state } } }`, "c", alive).text("reverseExit", "claim", "state"), "REVERSED")
	want("and holds her shares", jsonOf(c.must("anna", `{ holdings { quantity } }`).at("holdings")), `[{"quantity":2}]`)

	c.until("2027-05-15")
	c.must("treasurer", `mutation { approveAccounts(year: "2026-06-01", netAssets: "900.00 EUR", decision: "assembly") { position } }`)
	c.work()
	want("valued", state(claim), "WAITING")
	do := func(token, mutation string) answer {
		t.Helper()
		return c.must(token, `mutation($c: ID!) { done: `+mutation+` { claim { state waiting released owed } } }`, "c", claim)
	}
	claimed := func(what string, a answer, is string) {
		t.Helper()
		want(what, jsonOf(a.at("done", "claim")), is)
	}
	claimed("valued by mistake", do("treasurer", `reverseClaimEntry(claim: $c, entry: VALUATION, document: "minutes")`), `{"owed":"0.00 EUR","released":"0.00 EUR","state":"EFFECTIVE","waiting":"0.00 EUR"}`)
	claimed("and again", do("treasurer", `valueExit(claim: $c)`), `{"owed":"50.00 EUR","released":"0.00 EUR","state":"WAITING","waiting":"50.00 EUR"}`)
	setOff := `setOffRefund(claim: $c, amount: "20.00 EUR", bills: ["2026-7"], by: "board", decision: "board 9")`
	claimed("set off", do("board", setOff), `{"owed":"30.00 EUR","released":"0.00 EUR","state":"WAITING","waiting":"30.00 EUR"}`)
	claimed("which was wrong", do("treasurer", `reverseClaimEntry(claim: $c, entry: SET_OFF, of: "board 9", document: "minutes")`), `{"owed":"50.00 EUR","released":"0.00 EUR","state":"WAITING","waiting":"50.00 EUR"}`)
	budget := c.certify("50.00 EUR", "2027-05-15")
	c.must("treasurer", `mutation($b: ID!) { releaseRefunds(budget: $b) { budget { left } } }`, "b", budget)
	if a := c.ask("treasurer", `mutation($c: ID!, $a: ID!) { payRefund(claim: $c, to: $a, amount: "50.00 EUR", reference: "p") { position } }`, "c", claim, "a", anna); a.code() != "membership.no_account" {
		t.Errorf("paid to nowhere: %s", a.Body)
	}
	claimed("paid", do("treasurer", `payRefund(claim: $c, amount: "50.00 EUR", reference: "p")`), `{"owed":"0.00 EUR","released":"0.00 EUR","state":"SETTLED","waiting":"0.00 EUR"}`)
	claimed("it comes back", do("treasurer", `returnRefund(claim: $c, reference: "p", document: "statement 5")`), `{"owed":"50.00 EUR","released":"50.00 EUR","state":"RELEASED","waiting":"0.00 EUR"}`)
	if a := c.ask("treasurer", `mutation($c: ID!) { timeBarRefund(claim: $c) { position } }`, "c", claim); a.code() != "shares.not_barred" {
		t.Errorf("barred too early: %s", a.Body)
	}
	barred := c.must("treasurer", `{ now: barredRefunds { id } then: barredRefunds(on: "2037-05-16") { id barredFrom } }`)
	want("barred", jsonOf(barred.at("now"))+jsonOf(barred.at("then")), fmt.Sprintf(`[][{"barredFrom":"2037-05-16","id":"%s"}]`, claim))
	c.until("2037-05-16")
	claimed("time-barred", do("treasurer", `timeBarRefund(claim: $c)`), `{"owed":"0.00 EUR","released":"0.00 EUR","state":"SETTLED","waiting":"0.00 EUR"}`)
	claimed("an heir had asked", do("treasurer", `reverseClaimEntry(claim: $c, entry: TIME_BAR, document: "letter of 2036")`), `{"owed":"50.00 EUR","released":"50.00 EUR","state":"RELEASED","waiting":"0.00 EUR"}`)
	between := c.must("treasurer", `{ shareBalances { account amount } }`)
	want("the books", jsonOf(between.at("shareBalances")), `[{"account":"BANK","amount":"100.00 EUR"},{"account":"CONTRIBUTIONS","amount":"-50.00 EUR"},{"account":"REFUNDS","amount":"-50.00 EUR"}]`)
}

// TestALossAfterADeath: it is learnt in June that somebody died before the loss of the
// year was charged in May. What is to be reversed first is said; then their shares leave,
// on the day of the death.
func TestALossAfterADeath(t *testing.T) {
	c := serve(t)
	c.found()
	anna := c.join("Anna", "Exemple")
	c.join("Bert", "Voorbeeld")
	c.until("2027-05-15")
	c.must("treasurer", `mutation { approveAccounts(year: "2026-06-01", netAssets: "90.00 EUR", loss: "30.00 EUR", decision: "assembly") { position } }`)
	c.work()
	c.is("the loss", c.must("treasurer", `{ shareBalances { account amount } }`), `[{"account":"BANK","amount":"100.00 EUR"},{"account":"CONTRIBUTIONS","amount":"-70.00 EUR"},{"account":"LOSSES_BORNE","amount":"-30.00 EUR"}]`, "shareBalances")
	c.until("2027-06-10")
	claim := c.must("secretary", `mutation($p: ID!) { recordDecease(party: $p, on: "2027-05-03") { id } requestExit(party: $p, class: "A", reason: DECEASED, effectiveOn: "2027-05-03") { id } }`,
		"p", anna).text("requestExit", "id")
	c.work()
	leave := `mutation($c: ID!) { takeExitEffect(claim: $c) { claim { state } } }`
	c.refused("shares.since", "secretary", leave, "c", claim)
	if a := c.ask("secretary", leave, "c", claim); !strings.Contains(a.Errors[0].Message, "loss 2026-12-31") {
		t.Errorf("it is not said what to reverse: %s", a.Body)
	}
	c.must("treasurer", `mutation($p: ID!) { reverseShareEntry(entry: LOSS, of: "2026-12-31", party: $p, class: "A", document: "certificate of death") { position } }`, "p", anna)
	c.must("secretary", leave, "c", claim)
	c.work()
	c.is("valued", c.must("treasurer", `query($c: ID!) { shareClaim(id: $c) { effectiveOn state waiting } }`, "c", claim), `{"effectiveOn":"2027-05-03","state":"WAITING","waiting":"45.00 EUR"}`, "shareClaim")
	a := c.must("treasurer", `{ before: shareRegister(asOf: "2027-05-02") { totalCount } after: shareRegister(asOf: "2027-05-03") { nodes { name quantity paid } } }`)
	c.is("the register", a, `{"after":{"nodes":[{"name":"Bert Voorbeeld","paid":"50.00 EUR","quantity":2}]},"before":{"totalCount":2}}`)
}
