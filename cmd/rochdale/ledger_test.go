package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestListsForTheTreasurer: two members leave, a budget is certified for a part, and a
// dividend was allotted; the lists and the journal say so.
func TestListsForTheTreasurer(t *testing.T) {
	data := t.TempDir()
	out := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(append(args, "--data", data, "--log", "sqlite:"+filepath.Join(data, "log.db")), strings.NewReader(""), &stdout, &stderr); code != exitDone {
			t.Fatalf("%v: %d %s", args, code, stderr.String())
		}
		return stdout.String()
	}
	out("init", "--preset", "nubo", "--from", "2020-01-01")
	g := &Globals{Data: data, Language: domain.English, Log: "sqlite:" + filepath.Join(data, "log.db")}
	if err := withModels(t.Context(), g, &terminal{in: strings.NewReader(""), out: new(bytes.Buffer), err: new(bytes.Buffer), log: slog.New(slog.DiscardHandler)}, func(h *house) error {
		return giveBack(t, h)
	}); err != nil {
		t.Fatal(err)
	}
	refunds := out("export", "refunds", "--budget", "b", "--language", "de")
	for _, line := range []string{"1,,Ada Loom,A,4,2021-12-31,wartet auf ein Budget,100.00,60.00,0.00,", ",Budget, Bankkonto,one", "2,,,A,4,2022-12-31"} {
		if !strings.Contains(strings.ReplaceAll(refunds, `"`, ""), line) {
			t.Errorf("the queue lacks %s:\n%s", line, refunds)
		}
	}
	dividend := out("export", "dividend", "2021")
	if !strings.Contains(dividend, "3.00,0.90,2.10,2.10,2022-06-01") {
		t.Errorf("the list of the dividend:\n%s", dividend)
	}
	journal := strings.Split(strings.TrimSpace(out("export", "journal", "--from", "2021-01-01", "--to", "2022-12-31")), "\n")
	heading := strings.Split(journal[0], ",")
	at := func(name string) int { return slices.Index(heading, name) }
	sums := map[string]decimal.Decimal{}
	for _, line := range journal[1:] {
		cells := strings.Split(strings.ReplaceAll(line, `"contributions, available"`, "contributions"), ",")
		for i, sign := range map[int]int64{at("debit (EUR)"): 1, at("credit (EUR)"): -1} {
			if cells[i] != "" {
				sums[cells[at("code")]] = sums[cells[at("code")]].Add(decimal.RequireFromString(cells[i]).Mul(decimal.NewFromInt(sign)))
				sums[""] = sums[""].Add(decimal.RequireFromString(cells[i]).Mul(decimal.NewFromInt(sign)))
			}
		}
	}
	for code, want := range map[string]string{"": "0", "refunds": "-200", "profit": "3", "tax_withheld": "-0.9", "dividends": "-2.1", "between": "0"} {
		if !sums[code].Equal(decimal.RequireFromString(want)) {
			t.Errorf("%s is %s, not %s:\n%s", code, sums[code], want, strings.Join(journal, "\n"))
		}
	}
}

func giveBack(t *testing.T, h *house) error {
	t.Helper()
	ctx := eventstore.As(t.Context(), "test")
	rules, _, err := h.rules(ctx)
	if err != nil {
		return err
	}
	eur := func(minor int64) money.Money { return money.New(minor, "EUR") }
	must := func(_ int64, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	began, on := calendar.On(2021, 1, 1), calendar.On(2022, 6, 1)
	for _, party := range []domain.PartyID{"ada", "bert"} {
		must(eventstore.Execute(ctx, h.store, shares.Enter{Subscription: "l", Party: party, Class: "A", Quantity: 4, Paid: eur(10000), On: began, Statutes: rules}))
	}
	must(eventstore.Execute(ctx, h.store, membership.Apply{Party: "ada", Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: "Loom"}, On: began, Statutes: rules}))
	must(eventstore.Execute(ctx, h.store, shares.SetWithholding{From: began, Rate: decimal.RequireFromString("0.3"), Source: "law", On: began}))
	free := rules
	free.Shares.Refunds.NetAssetsTest, free.Shares.Refunds.LiquidityTest, free.Shares.Dividend.AfterRefunds = "", "", false
	decide := shares.DecideDividend{
		Dividend: "2021", Year: rules.FiscalYear(began), Rates: []shares.ClassRate{{Class: "A", Rate: decimal.RequireFromString("0.03")}}, Total: eur(600),
		Decision: "assembly", On: on, PayableOn: on, Statutes: free,
	}
	must(eventstore.Execute2(ctx, h.store, decide))
	must(eventstore.Execute2(ctx, h.store, shares.AllotDividend{Dividend: "2021", Allotment: shares.Allotment{Party: "ada", Gross: eur(300), Tax: eur(90)}}))
	accounts := shares.ApproveAccounts{Year: rules.FiscalYear(began), NetAssets: eur(100000), Issued: map[domain.ClassID]int64{"A": 8}, Decision: "assembly", On: on, Statutes: rules}
	leave := func(claim shares.ClaimID, party domain.PartyID, on calendar.Date) {
		t.Helper()
		must(eventstore.Execute2(ctx, h.store, shares.RequestExit{Claim: claim, Party: party, Class: "A", Reason: shares.Deceased, On: on, EffectiveOn: on, Statutes: rules}))
		must(processes.TakeEffect(ctx, h.store, claim, on))
	}
	leave("one", "ada", calendar.On(2021, 12, 31))
	must(eventstore.Execute(ctx, h.store, accounts))
	leave("two", "bert", calendar.On(2022, 12, 31))
	for _, claim := range []shares.ClaimID{"one", "two"} {
		must(eventstore.Transact(ctx, h.store, func(tx *eventstore.Tx) error { return processes.ValueExitIn(tx, claim, calendar.On(2022, 12, 31)) }))
	}
	must(eventstore.Execute(ctx, h.store, shares.CertifyBudget{
		Budget: "b", Amount: eur(6000), Decision: "board", On: on, Statutes: rules,
		NetAssets: shares.NetAssets{At: on, Assets: eur(1e6), Certified: shares.Certified{By: statutes.Assembled, On: on, Document: "minutes"}},
		Liquidity: shares.Liquidity{At: on, Cash: eur(1e6), Certified: shares.Certified{By: statutes.Board, On: on, Document: "report"}},
	}))
	return nil
}
