package shares_test

import (
	"errors"
	"testing"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
)

// coop is a co-op of some statutes, in which things happen one after the other.
type coop struct {
	*testing.T
	rules    statutes.Statutes
	holdings map[domain.Stream][]domain.Event[shares.Holding]
	claims   map[shares.ClaimID][]domain.Event[shares.Claim]
	budgets  map[shares.BudgetID][]domain.Event[shares.Budget]
	dividend []domain.Event[shares.Dividend]
	accounts []domain.Event[shares.Accounts]
}

func found(t *testing.T, preset string) *coop {
	s, err := statutes.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	s.Version = 1
	return &coop{
		T: t, rules: s, holdings: map[domain.Stream][]domain.Event[shares.Holding]{}, claims: map[shares.ClaimID][]domain.Event[shares.Claim]{},
		budgets: map[shares.BudgetID][]domain.Event[shares.Budget]{},
	}
}

func (c *coop) want(err, refused error) {
	c.Helper()
	if !errors.Is(err, refused) {
		c.Fatalf("refused: %v, want %v", err, refused)
	}
}

func (c *coop) class() statutes.Class { return c.rules.Shares.Classes[0] }

func (c *coop) holding(party domain.PartyID) shares.Holding {
	return fold(c.holdings[shares.StreamOf(party, c.class().ID)])
}

func (c *coop) do(refused error, cmds ...domain.Command[shares.Holding]) {
	c.Helper()
	for _, cmd := range cmds {
		events, err := cmd.Decide(fold(c.holdings[cmd.Stream()]))
		c.want(err, refused)
		c.holdings[cmd.Stream()] = append(c.holdings[cmd.Stream()], events...)
	}
}

// takes has a party subscribe, pay and be issued shares on a day.
func (c *coop) takes(party domain.PartyID, quantity int64, on calendar.Date) {
	c.Helper()
	class, id := c.class(), shares.SubscriptionID("s-"+on.String())
	c.do(nil, shares.Subscribe{Subscription: id, Party: party, Class: class.ID, Quantity: quantity, On: on, Statutes: c.rules},
		shares.RecordPayment{Subscription: id, Party: party, Class: class.ID, Amount: class.Price.Times(quantity), On: on, Reference: "bank " + on.String()},
		shares.Issue{Subscription: id, Party: party, Class: class.ID, On: on, Statutes: c.rules})
}

func (c *coop) exit(refused error, cmd domain.Command2[shares.Holding, shares.Claim], id shares.ClaimID) {
	c.Helper()
	stream, _ := cmd.Streams()
	hs, cs, err := cmd.Decide(fold(c.holdings[stream]), fold(c.claims[id]))
	c.want(err, refused)
	c.holdings[stream], c.claims[id] = append(c.holdings[stream], hs...), append(c.claims[id], cs...)
}

func (c *coop) settle(refused error, cmd domain.Command[shares.Claim], id shares.ClaimID) {
	c.Helper()
	events, err := cmd.Decide(fold(c.claims[id]))
	c.want(err, refused)
	c.claims[id] = append(c.claims[id], events...)
}

func (c *coop) approve(year int, netAssets, loss string, issued int64) {
	c.Helper()
	cmd := shares.ApproveAccounts{
		Year: fiscal(year), NetAssets: eur(netAssets), Loss: eur(loss), Issued: map[domain.ClassID]int64{c.class().ID: issued}, Decision: "assembly",
		On: calendar.On(year+1, time.May, 23), Statutes: c.rules,
	}
	events, err := cmd.Decide(fold(c.accounts))
	c.want(err, nil)
	c.accounts = append(c.accounts, events...)
}

func (c *coop) certify(refused error, cmd shares.CertifyBudget) {
	c.Helper()
	cmd.Statutes = c.rules
	events, err := cmd.Decide(fold(c.budgets[cmd.Budget]))
	c.want(err, refused)
	c.budgets[cmd.Budget] = append(c.budgets[cmd.Budget], events...)
}

// release divides a budget among all claims and returns what each got.
func (c *coop) release(id shares.BudgetID, on calendar.Date, claims ...shares.ClaimID) (got []money.Money) {
	c.Helper()
	var all []shares.Claim
	for _, claim := range claims {
		all = append(all, fold(c.claims[claim]))
	}
	for _, r := range shares.Queue(all, fold(c.budgets[id]).LeftForRefunds(), c.rules.Shares.Refunds.Short) {
		cs, bs, err := shares.ReleaseRefund{Claim: r.Claim, Budget: id, Amount: r.Amount, On: on}.Decide(fold(c.claims[r.Claim]), fold(c.budgets[id]))
		c.want(err, nil)
		c.claims[r.Claim], c.budgets[id] = append(c.claims[r.Claim], cs...), append(c.budgets[id], bs...)
		got = append(got, r.Amount)
	}
	return got
}

// balanced holds the books to the register.
func (c *coop) balanced() shares.Balances {
	c.Helper()
	now, booked := shares.Balances{}, shares.Balances{}
	for _, events := range c.holdings {
		now, booked = now.Plus(fold(events).Balances()), booked.Plus(shares.Sum(shares.Journal(events)))
	}
	for _, events := range c.claims {
		now, booked = now.Plus(fold(events).Balances()), booked.Plus(shares.Sum(shares.Journal(events)))
	}
	for _, account := range sheet {
		if now[account].Minor() != booked[account].Minor() {
			c.Errorf("the register has %v of %s, the books %v", now[account], account, booked[account])
		}
	}
	if between, open := booked[shares.Between]; open {
		c.Errorf("%v are on the way", between)
	}
	return booked
}

// TestHostsharing lives by its words: a share costs 64 euros, two back each server,
// notice is three months to 31 December, and what was paid in is refunded when the
// accounts are approved, less losses and open bills.
func TestHostsharing(t *testing.T) {
	c := found(t, "hostsharing")
	c.takes("ada", 5, calendar.On(2025, time.March, 1))
	c.takes("bert", 5, calendar.On(2025, time.April, 1))
	servers := func(n int64) int64 { return c.rules.SharesFor(n) }
	request := shares.RequestExit{Claim: "k1", Party: "ada", Class: "G", Reason: shares.Resigned, Quantity: 2, On: calendar.On(2026, time.September, 30), Needed: servers(2), Statutes: c.rules}
	c.exit(shares.ErrBacking, request, "k1") // two servers need four of the five shares
	request.Needed = servers(1)
	c.exit(nil, request, "k1")
	if ends := fold(c.claims["k1"]).EffectiveOn(); ends != calendar.On(2026, time.December, 31) {
		t.Errorf("three months before, they leave on %v", ends)
	}
	late := shares.RequestExit{Claim: "k2", Party: "bert", Class: "G", Reason: shares.Resigned, On: calendar.On(2026, time.October, 1), Statutes: c.rules}
	c.exit(nil, late, "k2")
	if ends := fold(c.claims["k2"]).EffectiveOn(); ends != calendar.On(2027, time.December, 31) {
		t.Errorf("a day later, they leave on %v", ends)
	}
	c.exit(shares.ErrNotDue, shares.TakeEffect{Claim: "k1", Party: "ada", Class: "G", On: calendar.On(2026, time.December, 30), Statutes: c.rules}, "k1")
	c.exit(nil, shares.TakeEffect{Claim: "k1", Party: "ada", Class: "G", On: calendar.On(2027, time.January, 4), Statutes: c.rules}, "k1")
	if held := c.holding("ada").Held(); held != 3 {
		t.Errorf("ada keeps %d shares", held)
	}

	value := shares.ValueExit{Claim: "k1", Accounts: fold(c.accounts), On: calendar.On(2027, time.February, 1), Statutes: c.rules}
	c.settle(shares.ErrAccountsMissing, value, "k1")
	c.approve(2026, "600.00", "40.00", 10) // the shares of both bear a loss of 4.00 each
	value.Accounts, value.On = fold(c.accounts), calendar.On(2027, time.May, 24)
	c.settle(nil, value, "k1")
	if worth, _ := fold(c.claims["k1"]).Value(); worth != eur("120.00") {
		t.Errorf("two shares of 64.00, less 4.00 each, are worth %v", worth)
	}
	accounts, _ := fold(c.accounts).Of(fiscal(2026), value.On)
	for _, party := range []domain.PartyID{"ada", "bert"} {
		c.do(nil, shares.ChargeLoss{Party: party, Class: "G", Accounts: accounts, On: value.On, Closed: fold(c.accounts).ClosedThrough()})
	}
	if left := c.holding("ada").Lots()[0].Left(); left != eur("180.00") {
		t.Errorf("of the other three %v is left", left)
	}

	c.settle(nil, shares.SetOffRefund{Claim: "k1", Amount: eur("20.00"), Bills: []string{"A/2026/81"}, By: statutes.Board, Decision: "board 1", On: calendar.On(2027, time.June, 1), Statutes: c.rules}, "k1")
	c.certify(nil, shares.CertifyBudget{Budget: "2027", Amount: eur("500.00"), Decision: "board 1", On: calendar.On(2027, time.June, 1)}) // no test by law, but a decision
	if got := c.release("2027", calendar.On(2027, time.June, 2), "k1", "k2"); len(got) != 1 || got[0] != eur("100.00") {
		t.Errorf("after the bills %v is released", got)
	}
	pay := shares.PayRefund{Claim: "k1", Amount: eur("100.00"), Reference: "bank 1", On: calendar.On(2027, time.June, 3), UsableFrom: calendar.On(2027, time.June, 9)}
	c.settle(shares.ErrAccountRests, pay, "k1")
	pay.On = pay.UsableFrom
	c.settle(nil, pay, "k1")
	if state := fold(c.claims["k1"]).State(); state != shares.ClaimSettled {
		t.Errorf("the claim is %s", state)
	}
	books := c.balanced()
	for account, want := range map[shares.Account]string{
		shares.Contributions: "-480.00", shares.Bank: "540.00", shares.LossesBorne: "-40.00", shares.Settled: "-20.00",
	} {
		if books[account] != eur(want) {
			t.Errorf("%s: %v, want %s", account, books[account], want)
		}
	}
}

// TestNubo lives by the same code and other words: who leaves by June leaves with
// it, at what was paid, when two tests let the money go, before any dividend.
func TestNubo(t *testing.T) {
	c := found(t, "nubo")
	c.approve(2025, "500.00", "0.00", 22)
	c.takes("ada", 10, day(time.January, 10))
	c.takes("bert", 6, day(time.January, 12))
	c.takes("cy", 6, day(time.February, 1))
	resign := func(id shares.ClaimID, party domain.PartyID, on calendar.Date) {
		c.exit(nil, shares.RequestExit{Claim: id, Party: party, Class: "A", Reason: shares.Resigned, On: on, Statutes: c.rules}, id)
	}
	c.exit(shares.ErrAllOrNone, shares.RequestExit{Claim: "k0", Party: "ada", Class: "A", Reason: shares.Resigned, Quantity: 3, On: day(time.March, 1), Statutes: c.rules}, "k0")
	resign("k1", "ada", day(time.March, 1))
	resign("k2", "bert", day(time.June, 30))
	resign("k3", "cy", day(time.July, 1)) // month 7: the next window
	for id, party := range map[shares.ClaimID]domain.PartyID{"k1": "ada", "k2": "bert"} {
		c.exit(nil, shares.TakeEffect{Claim: id, Party: party, Class: "A", On: day(time.June, 30), Statutes: c.rules, Closed: fold(c.accounts).ClosedThrough()}, id)
		c.settle(nil, shares.ValueExit{Claim: id, Accounts: fold(c.accounts), On: day(time.July, 1), Statutes: c.rules}, id)
	}
	c.exit(shares.ErrNotDue, shares.TakeEffect{Claim: "k3", Party: "cy", Class: "A", On: day(time.July, 1), Statutes: c.rules}, "k3")
	if ada, bert := fold(c.claims["k1"]), fold(c.claims["k2"]); ada.Owed() != eur("227.27") || bert.Owed() != eur("136.36") {
		t.Errorf("by net assets of 22.7272 a share ada is owed %v and bert %v", ada.Owed(), bert.Owed())
	}

	tested := shares.CertifyBudget{
		Budget: "july", Amount: eur("150.00"), Decision: "board 4", On: day(time.July, 2),
		NetAssets: shares.NetAssets{At: calendar.On(2025, time.December, 31), Assets: eur("900.00"), Debts: eur("400.00"), Certified: shares.Certified{By: statutes.Assembled, On: day(time.May, 23), Document: "assembly"}},
		Liquidity: shares.Liquidity{At: day(time.July, 1), Cash: eur("300.00"), Outflows: eur("150.00"), Certified: shares.Certified{By: statutes.Board, On: day(time.July, 2), Document: "report"}},
	}
	more := tested
	more.Amount = eur("150.01")
	c.certify(shares.ErrTestFailed, more)
	c.certify(nil, tested)
	if got := c.release("july", day(time.July, 3), "k1", "k2", "k3"); len(got) != 2 || got[0] != eur("93.75") || got[1] != eur("56.25") {
		t.Errorf("of 150.00, for 227.27 and 136.36, %v is released", got)
	}
	c.settle(nil, shares.PayRefund{Claim: "k1", Amount: eur("93.75"), Reference: "bank 1", On: day(time.July, 4)}, "k1")
	c.settle(shares.ErrNotReleased, shares.PayRefund{Claim: "k1", Amount: eur("0.01"), Reference: "bank 2", On: day(time.July, 4)}, "k1")

	// No dividend while a refund is blocked.
	give := func(refused error, on calendar.Date) {
		t.Helper()
		decide := shares.DecideDividend{
			Dividend: "2025", Year: fiscal(2025), Rates: []shares.ClassRate{{Class: "A", Rate: rate("0.02")}}, Total: eur("3.00"), Budget: "later", Decision: "poll", On: on, PayableOn: on,
			Claims: []shares.Claim{fold(c.claims["k1"]), fold(c.claims["k2"]), fold(c.claims["k3"])}, Statutes: c.rules,
		}
		_, _, err := decide.Decide(fold(c.dividend), fold(c.budgets["later"]))
		c.want(err, refused)
	}
	give(shares.ErrRefundsFirst, day(time.September, 1))
	later := tested
	later.Budget, later.On, later.Amount, later.Liquidity.Cash = "later", day(time.September, 2), eur("300.00"), eur("450.00")
	c.certify(nil, later)
	c.release("later", day(time.September, 2), "k1", "k2", "k3")
	for id, reference := range map[shares.ClaimID]string{"k1": "bank 3", "k2": "bank 4"} {
		give(shares.ErrRefundsFirst, day(time.September, 3))
		c.settle(nil, shares.PayRefund{Claim: id, Amount: fold(c.claims[id]).Released(), Reference: reference, On: day(time.September, 3)}, id)
	}
	give(nil, day(time.September, 3))

	books := c.balanced()
	for account, want := range map[shares.Account]string{
		shares.Contributions: "-150.00", shares.Bank: "186.37", shares.LossesBorne: "-36.37", shares.Refunds: "0",
	} {
		if books[account].Minor() != money.Must(want+" EUR").Minor() {
			t.Errorf("%s: %v, want %s", account, books[account], want)
		}
	}
	available, unavailable := shares.Contributed(c.rules, map[domain.ClassID][]shares.Holding{"A": {c.holding("ada"), c.holding("bert"), c.holding("cy")}})
	if available != eur("150.00") || !unavailable.IsZero() {
		t.Errorf("account 110 has %v and 111 %v", available, unavailable)
	}
}

// TestTwoTimes has somebody die on 3 March, and the co-op learn it on 10 May.
func TestTwoTimes(t *testing.T) {
	c := found(t, "be-sc")
	c.takes("ada", 3, day(time.January, 10))
	known := len(c.holdings[shares.StreamOf("ada", "A")]) // on 31 March
	c.exit(nil, shares.RequestExit{Claim: "k1", Party: "ada", Class: "A", Reason: shares.Deceased, On: day(time.May, 10), EffectiveOn: day(time.March, 3), Statutes: c.rules}, "k1")
	c.exit(nil, shares.TakeEffect{Claim: "k1", Party: "ada", Class: "A", On: day(time.May, 10), Statutes: c.rules}, "k1")
	at := func(events []domain.Event[shares.Holding], day calendar.Date) int64 {
		var h shares.Holding
		for _, e := range events {
			if on, _ := shares.Dates(e); !on.After(day) {
				h = e.Evolve(h)
			}
		}
		return h.Held()
	}
	events := c.holdings[shares.StreamOf("ada", "A")]
	if then, now, before := at(events[:known], day(time.March, 31)), at(events, day(time.March, 31)), at(events, day(time.March, 2)); then != 3 || now != 0 || before != 3 {
		t.Errorf("as at 31 March ada holds %d as known then, and %d as known in May; on 2 March %d", then, now, before)
	}
	if shareDays, _ := shares.Earned(events, fiscal(2026)); shareDays != 3*53 {
		t.Errorf("they have earned for %d days", shareDays)
	}
	c.balanced()
}
