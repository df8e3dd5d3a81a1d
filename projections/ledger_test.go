package projections_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/projections"
)

// unless takes a refusal for an answer.
func unless(err error) error {
	if _, refused := errors.AsType[domain.Refusal](err); refused {
		return nil
	}
	return err
}

// all does one thing after the other, until one is refused.
func all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// year is one that is over, and whose accounts may be approved.
var year = calendar.Period{From: calendar.On(2025, 1, 1), Through: calendar.On(2025, 12, 31)}

func eur(minor int64) money.Money { return money.New(minor, "EUR") }

// budget certifies that some money is free.
func (h *history) budget(id shares.BudgetID, amount money.Money) error {
	on := h.clock.today()
	return do(h, shares.CertifyBudget{
		Budget: id, Amount: amount, Decision: "board", On: on, Statutes: h.statutes,
		NetAssets: shares.NetAssets{At: on, Assets: eur(1e6), Certified: shares.Certified{By: statutes.Assembled, On: on, Document: "minutes"}},
		Liquidity: shares.Liquidity{At: on, Cash: eur(1e6), Certified: shares.Certified{By: statutes.Board, On: on, Document: "report"}},
	})
}

// refund is the course of shares that are given back and paid for.
func (h *history) refund() error {
	id := fmt.Sprint("refund", h.revision())
	party, claim, budget, call, on := domain.PartyID(id), shares.ClaimID(id), shares.BudgetID(id), shares.CallID(id), h.clock.today()
	closed, capped := calendar.Date{}, h.statutes
	capped.Shares.Exit.CapitalCap = statutes.MustFraction("1/10")
	dead := rapid.Bool().Draw(h.T, "dead")
	return h.course(func() error {
		return all(func() error {
			return do(h, shares.Enter{Subscription: "l", Party: party, Class: "A", Quantity: 4, Paid: eur(6000), On: on.AddDays(-400), Statutes: h.statutes})
		}, func() error {
			return do(h, shares.DecideCall{Call: call, Class: "A", UpTo: eur(2000), DueOn: on.AddDays(30), Decision: "board", On: on.AddDays(-10), Statutes: h.statutes})
		}, func() error { return do2(h, shares.CallShares{Call: call, Party: party, Class: "A"}) })
	}, func() error {
		exit := shares.RequestExit{Claim: claim, Party: party, Class: "A", Reason: shares.Deceased, On: on, EffectiveOn: on, Statutes: h.statutes}
		if dead {
			err := do(h, shares.NoteRestriction{Restriction: "p", Party: party, Class: "A", Kind: shares.Pledged, Beneficiary: "Example Bank", Document: "a deed", On: on.AddDays(-9)})
			return errors.Join(err, do2(h, exit))
		}
		exit.Reason, exit.EffectiveOn, exit.On, exit.Statutes = shares.Resigned, calendar.Date{}, on.AddDays(-3), capped
		return all(func() error { return do2(h, exit) }, func() error {
			return do2(h, shares.AcceptExit{Claim: claim, Rest: claim + "r", Asked: 4, Quantity: 3, Decision: "board", On: on, Statutes: capped})
		}, func() error { return do(h, shares.WithdrawExit{Claim: claim + "r", On: on}) })
	}, func() error {
		return all(func() error {
			return do2(h, shares.TakeEffect{Claim: claim, Party: party, Class: "A", On: on.AddDays(1), Statutes: h.statutes})
		}, func() error {
			return unless(do(h, shares.ApproveAccounts{
				Year: year, NetAssets: eur(9e5), Issued: map[domain.ClassID]int64{"A": 90}, Decision: "assembly", On: on, Statutes: h.statutes,
			}))
		}, func() error {
			accounts := shares.AccountsApproved{Year: year, NetAssets: eur(9e5), Shares: []shares.ClassShares{{Class: "A", Quantity: 90, Price: eur(2500)}}, Decision: "assembly", On: on}
			return do(h, shares.ValueExit{Claim: claim, Accounts: accounts.Evolve(shares.Accounts{}), On: on.AddDays(1), Statutes: h.statutes})
		})
	}, func() error {
		return all(func() error {
			return do(h, shares.CollectUnpaid{Claim: claim, Amount: eur(300), Reference: "c", On: on.AddDays(1), Statutes: h.statutes})
		}, func() error {
			return do(h, shares.WaiveUnpaid{Claim: claim, Decision: "board", On: on.AddDays(1)})
		}, func() error {
			return do(h, shares.ReverseClaimEntry{Reversal: "w", Claim: claim, Entry: shares.EntryWaiver, Document: "minutes", On: on.AddDays(2)})
		}, func() error { return h.budget(budget, eur(4000)) })
	}, func() error {
		return all(func() error {
			return do2(h, shares.ReleaseRefund{Claim: claim, Budget: budget, Amount: eur(2500), On: on.AddDays(2)})
		}, func() error {
			return do(h, shares.SetOffRefund{Claim: claim, Amount: eur(100), Bills: []string{"2026-1"}, By: statutes.Board, Decision: "board", On: on.AddDays(2), Statutes: h.statutes})
		}, func() error {
			if !dead {
				return nil
			}
			return do(h, shares.FreeClaim{Claim: claim, Restriction: "p", Document: "a release", On: on.AddDays(2)})
		}, func() error {
			return do(h, shares.PayRefund{Claim: claim, Amount: eur(1500), Reference: "p", On: on.AddDays(2), Closed: closed})
		}, func() error {
			return do(h, shares.ReturnRefund{Claim: claim, Reference: "p", Document: "statement 3", On: on.AddDays(3)})
		}, func() error {
			return do(h, shares.TimeBarRefund{Claim: claim, On: on.AddMonths(132), Statutes: h.statutes})
		}, func() error {
			return do(h, shares.ReverseClaimEntry{Reversal: "b", Claim: claim, Entry: shares.EntryBarred, Document: "minutes", On: on.AddMonths(133)})
		})
	})
}

// earn is the course of a dividend.
func (h *history) earn() error {
	id, on := fmt.Sprint("earn", h.revision()), h.clock.today()
	party, dividend := domain.PartyID(id), shares.DividendID(id)
	return h.course(func() error {
		return all(func() error {
			return do(h, shares.Enter{Subscription: "l", Party: party, Class: "A", Quantity: 4, Paid: eur(10000), On: year.From.AddDays(100), Statutes: h.statutes})
		}, func() error {
			return do(h, shares.ChargeLoss{
				Party: party, Class: "A", On: on,
				Accounts: shares.AccountsApproved{Year: year, Loss: eur(100), Shares: []shares.ClassShares{{Class: "A", Quantity: 40, Price: eur(2500)}}, Decision: "assembly", On: on},
			})
		}, func() error {
			return do(h, shares.SetWithholding{From: year.From, Rate: decimal.RequireFromString("0.3"), Source: "law", On: began0})
		}, func() error { return h.budget(shares.BudgetID(id), eur(5000)) })
	}, func() error {
		return all(func() error {
			return do2(h, shares.DecideDividend{
				Dividend: dividend, Year: year, Rates: []shares.ClassRate{{Class: "A", Rate: decimal.RequireFromString("0.03")}}, Total: eur(500),
				Budget: shares.BudgetID(id), Decision: "assembly", On: on, PayableOn: on, Statutes: h.statutes,
			})
		}, func() error {
			return do2(h, shares.AllotDividend{Dividend: dividend, Allotment: shares.Allotment{Party: party, Gross: eur(218), Tax: eur(65)}})
		})
	}, func() error {
		return all(func() error {
			return do(h, shares.PayDividend{Dividend: dividend, Party: party, Amount: eur(153), Reference: "d", On: on})
		}, func() error {
			return do(h, shares.ReturnDividend{Dividend: dividend, Party: party, Reference: "d", Document: "statement 4", On: on.AddDays(1)})
		}, func() error {
			return do(h, shares.TimeBarDividend{Dividend: dividend, Party: party, On: on.AddMonths(70), Statutes: h.statutes})
		}, func() error {
			return do(h, shares.ReversePayout{Reversal: "b", Dividend: dividend, Party: party, Barred: true, Document: "minutes", On: on.AddMonths(71)})
		})
	})
}

var began0 = calendar.On(2026, 1, 2)

// credit is the course of who has paid too much.
func (h *history) credit() error {
	id, on := fmt.Sprint("credit", h.revision()), h.clock.today()
	party := domain.PartyID(id)
	return h.course(func() error {
		return all(func() error {
			return do(h, shares.Subscribe{Subscription: "l", Party: party, Class: "A", Quantity: 2, On: on, Statutes: h.statutes})
		}, func() error {
			return do(h, shares.Subscribe{Subscription: "m", Party: party, Class: "B", Quantity: 2, On: on, Statutes: h.statutes})
		}, func() error {
			return do(h, shares.RecordPayment{Subscription: "l", Party: party, Class: "A", Amount: eur(6000), On: on, Reference: "p", KeepRest: true})
		})
	}, func() error {
		return all(func() error {
			return do2(h, shares.AssignCredit{Assignment: "a", Party: party, Class: "A", Reference: "p", Amount: eur(400), To: party, ToClass: "B", Subscription: "m", On: on})
		}, func() error {
			return do(h, shares.RefundCredit{Party: party, Class: "A", Reference: "p", Amount: eur(100), On: on, Payment: "out"})
		}, func() error {
			return do(h, shares.TimeBarCredit{Party: party, Class: "A", Reference: "p", On: on.AddMonths(140), Statutes: h.statutes})
		})
	}, func() error {
		return all(func() error {
			return do(h, shares.Enter{Subscription: "n", Party: party, Class: "B", Quantity: 1, Paid: eur(2500), On: on.AddDays(-1), Statutes: h.statutes})
		}, func() error {
			return do(h, shares.Redeem{Redemption: "r", Party: party, Class: "B", Quantity: 1, Value: eur(2000), On: on, Statutes: h.statutes})
		}, func() error {
			return do(h, shares.Repay{Party: party, Class: "B", Amount: eur(1000), On: on, Reference: "back"})
		})
	})
}

// checkBooks compares what is in the books, on some day, with the journals of all
// streams, and the claims with the states by which commands decide.
func checkBooks(t *rapid.T, h *history, m *projections.Models) {
	holdings, claims, payouts := map[domain.Stream][]domain.Event[shares.Holding]{}, map[domain.Stream][]domain.Event[shares.Claim]{}, map[domain.Stream][]domain.Event[shares.Payout]{}
	for rec, err := range h.nodes[0].Log.All(t.Context(), 0) {
		must(t, err)
		event, err := h.nodes[0].Decode(t.Context(), rec)
		must(t, err)
		switch e := event.(type) {
		case domain.Event[shares.Holding]:
			holdings[rec.Stream] = append(holdings[rec.Stream], e)
		case domain.Event[shares.Claim]:
			claims[rec.Stream] = append(claims[rec.Stream], e)
		case domain.Event[shares.Payout]:
			payouts[rec.Stream] = append(payouts[rec.Stream], e)
		}
	}
	days := []calendar.Date{h.ever(), h.ever(), h.clock.today(), h.clock.today().AddMonths(200)}
	for _, on := range days {
		want := shares.Balances{}
		sum := func(postings []shares.Posting) {
			want = want.Plus(shares.Sum(slices.DeleteFunc(postings, func(p shares.Posting) bool { return p.On.After(on) })))
		}
		for _, events := range holdings {
			sum(shares.Journal(events))
		}
		for _, events := range claims {
			sum(shares.Journal(events))
		}
		for _, events := range payouts {
			sum(shares.Journal(events))
		}
		have, told := shares.Balances{}, shares.Balances{}
		balances, err := m.ShareBalances(t.Context(), on, "")
		must(t, err)
		for _, b := range balances {
			have = have.Plus(shares.Balances{b.Account: b.Amount})
		}
		for e, err := range m.Journal(t.Context(), calendar.Period{From: calendar.On(1, 1, 1), Through: on}, "") {
			must(t, err)
			told = told.Plus(shares.Balances{e.Account: e.Amount})
		}
		if diff := cmp.Diff(want, have, values); diff != "" {
			t.Errorf("in the books on %v, -by the journals +by the read model: %s", on, diff)
		}
		if diff := cmp.Diff(have, told, values); diff != "" {
			t.Errorf("in the books on %v, -the balances +the journal: %s", on, diff)
		}
	}
	for stream, events := range claims {
		var want shares.Claim
		for _, e := range events {
			want = e.Evolve(want)
		}
		id := shares.ClaimID(strings.TrimPrefix(string(stream), "exit/"))
		have, found, err := m.ShareClaim(t.Context(), id)
		must(t, err)
		if !found || have.State != want.State() || have.Quantity != want.Quantity() || have.Waiting.Minor() != want.Waiting().Minor() ||
			have.Released.Minor() != want.Released().Minor() || have.Unpaid.Minor() != want.Unpaid().Minor() || len(have.Entries) != len(events) {
			t.Errorf("the claim %s is %+v, not %+v", id, have, want)
		}
	}
	queue, err := m.RefundQueue(t.Context(), "", h.clock.today())
	must(t, err)
	owed := 0
	for _, stream := range slices.Sorted(maps.Keys(claims)) {
		var c shares.Claim
		for _, e := range claims[stream] {
			c = e.Evolve(c)
		}
		if c.Open(h.clock.today().AddMonths(200)) {
			owed++
		}
	}
	if len(queue) != owed {
		t.Errorf("%d claims are in the queue, of %d by which something is owed", len(queue), owed)
	}
}
