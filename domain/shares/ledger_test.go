package shares_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/spec"
	"rochdale/domain/statutes"
)

// world is a co-op that anything may happen to, in any order of days.
type world struct {
	*rapid.T
	rules    statutes.Statutes
	holdings map[domain.Stream][]domain.Event[shares.Holding]
	claims   map[shares.ClaimID][]domain.Event[shares.Claim]
	budgets  map[shares.BudgetID][]domain.Event[shares.Budget]
	calls    map[shares.CallID][]domain.Event[shares.Call]
	accounts []domain.Event[shares.Accounts]
	happened map[string]int
	n        int
}

func fold[S any](events []domain.Event[S]) (s S) {
	for _, e := range events {
		s = e.Evolve(s)
	}
	return s
}

var (
	holders = []domain.PartyID{"ada", "bert", "cy"}
	classes = []domain.ClassID{"A", "B"}
)

func (w *world) party() domain.PartyID { return rapid.SampledFrom(holders).Draw(w.T, "party") }
func (w *world) class() domain.ClassID { return rapid.SampledFrom(classes).Draw(w.T, "class") }
func (w *world) quantity() int64       { return rapid.Int64Range(1, 9).Draw(w.T, "quantity") }
func (w *world) id(of string) string   { return of + fmt.Sprint(rapid.IntRange(0, 4).Draw(w.T, of)) }

// date is a day around the present, which goes on as things happen.
func (w *world) date() calendar.Date {
	return calendar.On(2025, time.December, 18+max(1, w.n/4+rapid.IntRange(-6, 2).Draw(w.T, "day")))
}

func (w *world) amount() money.Money {
	return money.New(rapid.SampledFrom([]int64{1, 333, 2500, 5000, 7501, 10000, 22500}).Draw(w.T, "amount"), "EUR")
}

func (w *world) closed() calendar.Date { return fold(w.accounts).ClosedThrough() }

// did takes events over, unless they were refused.
func did[S any](w *world, to *[]domain.Event[S], events []domain.Event[S], err error) {
	if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
		w.Fatal(err)
	}
	for _, e := range events {
		w.happened[strings.TrimPrefix(fmt.Sprintf("%T", e), "shares.")]++
		*to = append(*to, e)
	}
}

func (w *world) holding(stream domain.Stream) shares.Holding { return fold(w.holdings[stream]) }

func (w *world) do(cmd domain.Command[shares.Holding]) {
	events, err := cmd.Decide(w.holding(cmd.Stream()))
	all := w.holdings[cmd.Stream()]
	did(w, &all, events, err)
	w.holdings[cmd.Stream()] = all
}

func (w *world) do2(cmd domain.Command2[shares.Holding, shares.Holding]) {
	from, to := cmd.Streams()
	as, bs, err := cmd.Decide(w.holding(from), w.holding(to))
	all := w.holdings[from]
	did(w, &all, as, err)
	w.holdings[from] = all
	all = w.holdings[to]
	did(w, &all, bs, err)
	w.holdings[to] = all
}

func (w *world) claim(cmd domain.Command2[shares.Holding, shares.Claim], id shares.ClaimID) {
	stream, _ := cmd.Streams()
	hs, cs, err := cmd.Decide(w.holding(stream), fold(w.claims[id]))
	all, claims := w.holdings[stream], w.claims[id]
	did(w, &all, hs, err)
	did(w, &claims, cs, err)
	w.holdings[stream], w.claims[id] = all, claims
}

func (w *world) settle(cmd domain.Command[shares.Claim], id shares.ClaimID) {
	events, err := cmd.Decide(fold(w.claims[id]))
	claims := w.claims[id]
	did(w, &claims, events, err)
	w.claims[id] = claims
}

// credit returns one that is left, if there is one.
func (w *world) credit() (party domain.PartyID, class domain.ClassID, credit shares.Credit) {
	for _, p := range holders {
		for _, c := range classes {
			if stream := shares.StreamOf(p, c); len(w.holding(stream).Credits()) > 0 {
				party, class = p, c
				credit = rapid.SampledFrom(w.holding(stream).Credits()).Draw(w.T, "credit")
			}
		}
	}
	return party, class, credit
}

// whose returns a claim and who has made it of what, if it is there.
func (w *world) whose() (id shares.ClaimID, party domain.PartyID, class domain.ClassID) {
	if len(w.claims) == 0 {
		return "", "", ""
	}
	id = rapid.SampledFrom(slices.Sorted(maps.Keys(w.claims))).Draw(w.T, "claim")
	r := fold(w.claims[id]).Requested()
	return id, r.Party, r.Class
}

func (w *world) step() {
	w.n++
	s, closed := w.rules, w.closed()
	sub := func() shares.SubscriptionID { return shares.SubscriptionID(w.id("s")) }
	switch rapid.SampledFrom(acts).Draw(w.T, "act") {
	case "subscribe":
		w.do(shares.Subscribe{Subscription: sub(), Party: w.party(), Class: w.class(), Quantity: w.quantity(), On: w.date(), Statutes: s})
	case "take shares": // subscribe, pay and issue at once
		party, class, on, id := w.party(), w.class(), w.date(), shares.SubscriptionID(fmt.Sprint("all", w.n))
		w.do(shares.Subscribe{Subscription: id, Party: party, Class: class, Quantity: w.quantity(), On: on, Statutes: s})
		due, _ := w.holding(shares.StreamOf(party, class)).Due(id)
		if rapid.Bool().Draw(w.T, "half") {
			due = due.Split(2)[1]
		}
		w.do(shares.RecordPayment{Subscription: id, Party: party, Class: class, Amount: due, On: on, Reference: fmt.Sprint("ref", w.n), Closed: closed})
		w.do(shares.Issue{Subscription: id, Party: party, Class: class, On: on, Statutes: s, Closed: closed})
	case "withdraw":
		w.do(shares.WithdrawSubscription{Subscription: sub(), Party: w.party(), Class: w.class(), Why: shares.Withdrawn, On: w.date(), Closed: closed})
	case "pay":
		c := shares.RecordPayment{
			Subscription: sub(), Party: w.party(), Class: w.class(), Payer: w.party(), Amount: w.amount(), On: w.date(), Reference: fmt.Sprint("ref", w.n),
			KeepRest: rapid.Bool().Draw(w.T, "keep"), By: rapid.SampledFrom([]shares.Means{shares.ByBank, shares.BySetOff}).Draw(w.T, "by"), Closed: closed,
		}
		if lots := w.holding(c.Stream()).Lots(); len(lots) > 0 && rapid.Bool().Draw(w.T, "lot") {
			l := rapid.SampledFrom(lots).Draw(w.T, "of")
			c.Subscription, c.Subscriber = l.Subscription, l.Subscriber
		}
		w.do(c)
	case "assign":
		party, class, credit := w.credit()
		c := shares.AssignCredit{
			Assignment: fmt.Sprint("as", w.n), Party: party, Class: class, Reference: credit.Reference, Amount: credit.Amount.Split(2)[1],
			To: w.party(), ToClass: w.class(), On: w.date(), Closed: closed,
		}
		a, b := c.Streams()
		for _, e := range w.holdings[b] {
			if e, made := e.(shares.Subscribed); made {
				c.Subscription = e.Subscription
			}
		}
		if a != b {
			w.do2(c)
		}
	case "refund credit":
		party, class, credit := w.credit()
		w.do(shares.RefundCredit{Party: party, Class: class, Reference: credit.Reference, Amount: credit.Amount.Split(2)[1], On: w.date(), Payment: fmt.Sprint("out", w.n), Closed: closed})
		if rapid.Bool().Draw(w.T, "barred") {
			w.do(shares.TimeBarCredit{Party: party, Class: class, Reference: credit.Reference, On: w.date().AddMonths(12 * 12), Statutes: s, Closed: closed})
		}
	case "issue":
		w.do(shares.Issue{Subscription: sub(), Party: w.party(), Class: w.class(), On: w.date(), Statutes: s, Closed: closed})
	case "call":
		id, class, on := shares.CallID(w.id("call")), w.class(), w.date()
		decide := shares.DecideCall{
			Call: id, Class: class, UpTo: money.New(rapid.SampledFrom([]int64{700, 1900, 2500, 9000}).Draw(w.T, "up to"), "EUR"), DueOn: on.AddDays(30), Decision: "board", On: on,
			Statutes: s, Closed: closed,
		}
		events, err := decide.Decide(fold(w.calls[id]))
		calls := w.calls[id]
		did(w, &calls, events, err)
		w.calls[id] = calls
		for _, party := range holders {
			call := shares.CallShares{Call: id, Party: party, Class: class}
			_, stream := call.Streams()
			_, bs, err := call.Decide(fold(calls), w.holding(stream))
			all := w.holdings[stream]
			did(w, &all, bs, err)
			w.holdings[stream] = all
		}
	case "transfer":
		kind := rapid.SampledFrom([]shares.TransferKind{shares.Sale, shares.Inheritance}).Draw(w.T, "kind")
		w.do2(shares.Transfer{Transfer: shares.TransferID(w.id("t")), Kind: kind, From: w.party(), To: w.party(), Class: w.class(), Quantity: w.quantity(), On: w.date(), Statutes: s, Closed: closed})
	case "agree":
		w.do2(shares.AgreeTransfer{Transfer: shares.TransferID(w.id("t")), Kind: shares.Gift, From: w.party(), To: w.party(), Class: w.class(), Quantity: w.quantity(), On: w.date(), Statutes: s, Closed: closed})
	case "complete", "abandon":
		for _, stream := range slices.Sorted(maps.Keys(w.holdings)) {
			for _, e := range w.holdings[stream] {
				e, agreed := e.(shares.TransferAgreed)
				if !agreed {
					continue
				}
				if rapid.Bool().Draw(w.T, "complete") {
					w.do2(shares.CompleteTransfer{Transfer: e.Transfer, From: e.Party, To: e.To, Class: e.Class, On: w.date(), Statutes: s, Closed: closed})
				} else {
					w.do2(shares.AbandonTransfer{Transfer: e.Transfer, From: e.Party, To: e.To, Class: e.Class, Why: shares.Refused, On: w.date()})
				}
			}
		}
	case "convert":
		w.do2(shares.Convert{Conversion: shares.ConversionID(w.id("v")), Party: w.party(), Class: "A", To: "B", Quantity: w.quantity(), On: w.date(), Statutes: s, Closed: closed})
	case "redeem":
		party, class := w.party(), w.class()
		w.do(shares.Redeem{Redemption: shares.RedemptionID(fmt.Sprint("r", w.n)), Party: party, Class: class, Quantity: w.quantity(), Value: w.amount(), On: w.date(), Statutes: s})
		w.do(shares.Repay{Party: party, Class: class, Amount: w.holding(shares.StreamOf(party, class)).Owed().Split(2)[1], On: w.date().AddDays(9), Reference: fmt.Sprint("out", w.n)})
	case "restrict":
		party, class := w.party(), w.class()
		w.do(shares.NoteRestriction{Restriction: shares.RestrictionID(w.id("x")), Party: party, Class: class, Kind: shares.Pledged, Quantity: 1, Beneficiary: "a bank", Document: "deed", On: w.date()})
		w.do(shares.LiftRestriction{Restriction: shares.RestrictionID(w.id("x")), Party: party, Class: class, Document: "letter", On: w.date()})
	case "approve":
		year := calendar.Period{From: calendar.On(2025, time.January, 1), Through: calendar.On(2025, time.December, 31)}
		c := shares.ApproveAccounts{
			Year: year, NetAssets: money.New(rapid.Int64Range(0, 200000).Draw(w.T, "net"), "EUR"), Loss: money.New(rapid.Int64Range(0, 9000).Draw(w.T, "loss"), "EUR"),
			Issued: map[domain.ClassID]int64{"A": 60, "B": 40}, Decision: "assembly", On: w.date(), Statutes: s,
		}
		events, err := c.Decide(fold(w.accounts))
		did(w, &w.accounts, events, err)
	case "charge":
		if last, approved := fold(w.accounts).Last(day(time.December, 31)); approved {
			for _, party := range holders {
				for _, class := range classes {
					w.do(shares.ChargeLoss{Party: party, Class: class, Accounts: last, On: w.date(), Closed: closed})
				}
			}
		}
	case "reverse":
		party, class := w.party(), w.class()
		c := shares.ReverseEntry{Reversal: shares.ReversalID(fmt.Sprint("u", w.n)), Party: party, Class: class, Document: "letter", On: w.date(), Closed: closed, Keep: rapid.Bool().Draw(w.T, "keep")}
		var of []shares.ReverseEntry
		for _, e := range w.holdings[c.Stream()] {
			r := c
			switch e := e.(type) {
			case shares.Paid:
				r.Entry, r.Of = shares.EntryPayment, e.Reference
			case shares.Issued:
				r.Entry, r.Of = shares.EntryIssue, string(e.Subscription)
			case shares.Called:
				r.Entry, r.Of = shares.EntryCall, string(e.Call)
			case shares.LossCharged:
				r.Entry, r.Of = shares.EntryLoss, e.Year.Through.String()
			case shares.CreditRefunded:
				r.Entry, r.Of = shares.EntryCredit, e.Payment
			case shares.CreditTimeBarred:
				r.Entry, r.Of, r.On = shares.EntryTimeBar, e.Reference, e.On
			case shares.Redeemed:
				r.Entry, r.Of = shares.EntryRedemption, string(e.Redemption)
			case shares.Repaid:
				r.Entry, r.Of = shares.EntryRepayment, e.Reference
			default:
				continue
			}
			of = append(of, r)
		}
		if len(of) > 0 {
			w.do(rapid.SampledFrom(of).Draw(w.T, "entry"))
		}
	case "reverse transfer":
		for _, stream := range slices.Sorted(maps.Keys(w.holdings)) {
			for i, e := range w.holdings[stream] {
				id := shares.ReversalID(fmt.Sprint("u", w.n, "-", i))
				switch e := e.(type) {
				case shares.TransferredOut:
					w.do2(shares.ReverseTransfer{Reversal: id, Transfer: e.Transfer, From: e.Party, To: e.To, Class: e.Class, Document: "letter", On: w.date(), Closed: closed})
				case shares.ConvertedOut:
					w.do2(shares.ReverseConversion{Reversal: id, Conversion: e.Conversion, Party: e.Party, Class: e.Class, To: e.To, Document: "letter", On: w.date(), Closed: closed})
				}
			}
		}
	case "exit":
		id := shares.ClaimID(w.id("claim"))
		reason := rapid.SampledFrom([]shares.ExitReason{shares.Resigned, shares.Deceased}).Draw(w.T, "reason")
		on := w.date()
		c := shares.RequestExit{
			Claim: id, Party: w.party(), Class: w.class(), Reason: reason, Quantity: rapid.Int64Range(0, 4).Draw(w.T, "leave"), On: on, EffectiveOn: on, Statutes: s,
		}
		for _, stream := range slices.Sorted(maps.Keys(w.holdings)) {
			if w.holding(stream).Unpaid().IsPositive() && rapid.Bool().Draw(w.T, "unpaid") {
				parts := strings.Split(string(stream), "/")
				c.Party, c.Class, c.Reason, c.Quantity = domain.PartyID(parts[1]), domain.ClassID(parts[2]), shares.Deceased, 0
			}
		}
		w.claim(c, id)
		if rapid.Bool().Draw(w.T, "at once") {
			on := on.AddDays(20)
			w.claim(shares.TakeEffect{Claim: id, Party: fold(w.claims[id]).Requested().Party, Class: fold(w.claims[id]).Requested().Class, On: on, Statutes: s, Closed: closed}, id)
			w.settle(shares.ValueExit{Claim: id, Accounts: fold(w.accounts), On: on, Statutes: s}, id)
			if rapid.Bool().Draw(w.T, "collect") {
				w.settle(shares.CollectUnpaid{Claim: id, Amount: fold(w.claims[id]).Unpaid().Split(2)[1], Reference: fmt.Sprint("ref", w.n), On: on, Statutes: s, Accounts: fold(w.accounts)}, id)
			} else {
				w.settle(shares.WaiveUnpaid{Claim: id, Decision: "board", On: on, Closed: closed}, id)
			}
		}
	case "effect":
		id, party, class := w.whose()
		w.claim(shares.TakeEffect{Claim: id, Party: party, Class: class, On: w.date().AddDays(6), Statutes: s, Closed: closed}, id)
	case "learn late": // of a death, after which something was paid or lost: that is reversed first
		id, party, class, died := shares.ClaimID(fmt.Sprint("late", w.n)), w.party(), w.class(), w.date()
		on := died.AddDays(9)
		w.claim(shares.RequestExit{Claim: id, Party: party, Class: class, Reason: shares.Deceased, On: on, EffectiveOn: died, Statutes: s}, id)
		for i, l := range w.holding(shares.StreamOf(party, class)).Lots() {
			w.do(shares.RecordPayment{
				Subscription: l.Subscription, Subscriber: l.Subscriber, Party: party, Class: class, Amount: l.Cost().Minus(l.Paid).Split(2)[1],
				On: died.AddDays(2), Reference: fmt.Sprint("ref", w.n, "-", i), Closed: closed,
			})
		}
		if last, approved := fold(w.accounts).Last(died); approved {
			w.do(shares.ChargeLoss{Party: party, Class: class, Accounts: last, On: died.AddDays(3), Closed: closed})
		}
		for n := range 20 {
			c := shares.TakeEffect{Claim: id, Party: party, Class: class, On: on, Statutes: s, Closed: closed}
			_, _, err := c.Decide(w.holding(shares.StreamOf(party, class)), fold(w.claims[id]))
			since, _ := errors.AsType[domain.Refusal](err)
			if since.Code != shares.ErrSince.Code {
				w.claim(c, id)
				if n > 0 && err == nil {
					w.happened["Left late"]++
				}
				break
			}
			w.do(shares.ReverseEntry{
				Reversal: shares.ReversalID(fmt.Sprint("u", w.n, "-", n)), Entry: since.Args["entry"].(shares.Entry), Of: since.Args["of"].(string),
				Keep: rapid.Bool().Draw(w.T, "keep"), Party: party, Class: class, Document: "letter", On: on, Closed: closed,
			})
		}
	case "reverse exit":
		id, party, class := w.whose()
		w.claim(shares.ReverseExit{Reversal: shares.ReversalID(fmt.Sprint("u", w.n)), Claim: id, Party: party, Class: class, Document: "letter", On: w.date(), Closed: closed}, id)
	case "reverse claim":
		id, _, _ := w.whose()
		for i, e := range w.claims[id] {
			c := shares.ReverseClaimEntry{Reversal: shares.ReversalID(fmt.Sprint("u", w.n, "-", i)), Claim: id, Document: "letter", On: w.date().AddDays(30), Closed: closed}
			switch e := e.(type) {
			case shares.ExitValued:
				c.Entry = shares.EntryValuation
			case shares.UnpaidCollected:
				c.Entry, c.Of = shares.EntryCollection, e.Reference
			case shares.UnpaidWaived:
				c.Entry = shares.EntryWaiver
			case shares.RefundSetOff:
				c.Entry, c.Of = shares.EntrySetOff, e.Decision
			case shares.RefundTimeBarred:
				c.Entry, c.On = shares.EntryBarred, e.On
			}
			if c.Entry != "" && rapid.Bool().Draw(w.T, "reverse") {
				w.settle(c, id)
			}
		}
	case "value":
		id, _, _ := w.whose()
		w.settle(shares.ValueExit{Claim: id, Accounts: fold(w.accounts), On: w.date().AddDays(6), Statutes: s}, id)
	case "collect":
		id, _, _ := w.whose()
		w.settle(shares.CollectUnpaid{Claim: id, Amount: fold(w.claims[id]).Unpaid().Split(2)[1], Reference: fmt.Sprint("ref", w.n), On: w.date().AddDays(9), Statutes: s, Accounts: fold(w.accounts)}, id)
	case "waive":
		id, _, _ := w.whose()
		w.settle(shares.WaiveUnpaid{Claim: id, Decision: "board", On: w.date(), Closed: closed}, id)
	case "release":
		w.release()
	case "settle":
		id, _, _ := w.whose()
		w.pay(id)
	}
}

// pay settles what is owed by a claim, in some way.
func (w *world) pay(id shares.ClaimID) {
	c, reference, closed := fold(w.claims[id]), fmt.Sprint("out", w.n), w.closed()
	on := w.date().AddDays(30)
	switch rapid.IntRange(0, 3).Draw(w.T, "how") {
	case 0:
		w.settle(shares.SetOffRefund{Claim: id, Amount: c.Owed().Split(2)[1], Bills: []string{"A/1"}, By: statutes.Board, Decision: reference, On: on, Statutes: w.rules, Closed: closed}, id)
	case 1:
		w.settle(shares.TimeBarRefund{Claim: id, On: on.AddMonths(12 * 12), Statutes: w.rules, Closed: closed}, id)
	case 2:
		w.settle(shares.PayRefund{Claim: id, Amount: c.Released().Split(2)[1], Reference: reference, On: on, Closed: closed}, id)
	default:
		w.settle(shares.PayRefund{Claim: id, Amount: c.Released(), Reference: reference, On: on, Closed: closed}, id)
		w.settle(shares.ReturnRefund{Claim: id, Reference: reference, Document: "bank", On: on.AddDays(3), Closed: closed}, id)
	}
}

// release lets a budget be divided among the claims that wait.
func (w *world) release() {
	id, on := shares.BudgetID(fmt.Sprint("budget", w.n)), w.date()
	cert := shares.CertifyBudget{Budget: id, Amount: w.amount(), Decision: "board", On: on, Statutes: w.rules}
	cert.NetAssets = shares.NetAssets{At: on, Assets: eur("9000.00"), Certified: shares.Certified{By: statutes.Assembled, On: on, Document: "minutes"}}
	cert.Liquidity = shares.Liquidity{At: on, Cash: eur("9000.00"), Certified: shares.Certified{By: statutes.Board, On: on, Document: "minutes"}}
	events, err := cert.Decide(fold(w.budgets[id]))
	budget := w.budgets[id]
	did(w, &budget, events, err)
	var claims []shares.Claim
	for _, id := range slices.Sorted(maps.Keys(w.claims)) {
		claims = append(claims, fold(w.claims[id]))
	}
	left := fold(budget).Left()
	for _, r := range shares.Queue(claims, left, rapid.SampledFrom([]statutes.Short{statutes.ProRata, statutes.InOrder}).Draw(w.T, "short")) {
		release := shares.ReleaseRefund{Claim: r.Claim, Budget: id, Amount: r.Amount, On: w.date().AddDays(20)}
		cs, bs, err := release.Decide(fold(w.claims[r.Claim]), fold(budget))
		all := w.claims[r.Claim]
		did(w, &all, cs, err)
		w.claims[r.Claim] = all
		did(w, &budget, bs, err)
		w.pay(r.Claim)
	}
	w.budgets[id] = budget
}

var acts = []string{
	"subscribe", "take shares", "take shares", "take shares", "withdraw", "pay", "pay", "assign", "refund credit", "issue", "call", "call", "transfer", "transfer", "agree",
	"complete", "convert", "redeem", "redeem", "restrict", "approve", "approve", "charge", "reverse", "reverse", "reverse transfer", "exit", "exit", "effect", "effect", "learn late",
	"reverse exit", "reverse claim", "reverse claim", "value", "value", "collect", "collect", "waive", "release", "release", "release", "settle", "settle",
}

// TestTheLedgersAgree plays at random with all commands, in any order of days, and
// holds the register and the books to each other on every day.
func TestTheLedgersAgree(t *testing.T) {
	s := rules(t)
	a, b := &s.Shares.Classes[0], &s.Shares.Classes[1]
	a.MinHolding, a.MaxHolding, b.MinHolding, b.Price = 1, 0, 1, eur("37.50")
	a.Converts = []statutes.Conversion{{To: "B", Take: 3, Give: 2}}
	s.Shares.IssueWhenPaid, s.Shares.PartialExit, s.Shares.CallDays = statutes.MustFraction("1/4"), true, 0
	happened := map[string]int{}
	play := func(t *rapid.T) {
		s := s
		if rapid.Bool().Draw(t, "gain") {
			s.Shares.ExitValue, s.Shares.Exit.NetAssetsCap = statutes.NetAssets, false
		}
		w := &world{
			T: t, rules: s, happened: happened, holdings: map[domain.Stream][]domain.Event[shares.Holding]{}, claims: map[shares.ClaimID][]domain.Event[shares.Claim]{},
			budgets: map[shares.BudgetID][]domain.Event[shares.Budget]{}, calls: map[shares.CallID][]domain.Event[shares.Call]{},
		}
		for range rapid.IntRange(1, 300).Draw(t, "acts") {
			w.step()
		}
		w.check()
	}
	spec.CheckAll(
		t, play, happened,
		"Subscribed", "SubscriptionWithdrawn", "Paid", "Credited", "CreditUsed", "CreditRefunded", "CreditTimeBarred", "Issued", "Called", "TransferredOut", "TransferAgreed",
		"TransferAbandoned", "ConvertedIn", "RestrictionNoted", "RestrictionLifted", "LossCharged", "Reversed", "Left", "Left late", "ExitTookEffect", "ExitReversed", "ExitValued",
		"UnpaidCollected", "UnpaidWaived", "RefundReleased", "RefundSetOff", "RefundPaid", "RefundReturned", "RefundTimeBarred", "AccountsApproved", "Redeemed", "Repaid", "ClaimEntryReversed",
	)
}

// check holds what has happened to the invariants.
func (w *world) check() {
	var postings []shares.Posting
	issued := map[domain.ClassID]int64{}
	for _, party := range holders {
		for _, class := range classes {
			events := w.holdings[shares.StreamOf(party, class)]
			postings = append(postings, agree(w.T, events, fold(events).Balances())...)
			lots(w.T, fold(events))
			for _, e := range events {
				issued[class] += issue(e)
			}
			issued[class] -= fold(events).Held()
		}
	}
	for class, off := range issued {
		if off != 0 {
			w.Fatalf("%d shares of class %s are issued and not held", off, class)
		}
	}
	for id, events := range w.claims {
		c := fold(events)
		postings = append(postings, agree(w.T, events, c.Balances())...)
		if c.Waiting().Sign() < 0 || c.Released().Sign() < 0 || c.Unpaid().Sign() < 0 {
			w.Fatalf("%s: %v wait, %v are released, %v unpaid", id, c.Waiting(), c.Released(), c.Unpaid())
		}
	}
	for id, events := range w.budgets {
		if left := fold(events).Left(); left.Sign() < 0 {
			w.Fatalf("of the budget %s %v are left", id, left)
		}
	}
	byDay := map[calendar.Date]money.Money{}
	for _, p := range postings {
		if p.Account == shares.Between {
			byDay[p.On] = byDay[p.On].Plus(p.Amount)
		}
	}
	for on, amount := range byDay {
		if !amount.IsZero() {
			w.Fatalf("on %v %v are on the way between two streams", on, amount)
		}
	}
}

// sheet are the accounts that can be read off the register.
var sheet = []shares.Account{
	shares.Contributions, shares.Receivable, shares.Pending, shares.Credits, shares.Exits, shares.Refunds, shares.Dividends, shares.TaxWithheld,
}

func onSheet(b shares.Balances) shares.Balances {
	b = maps.Clone(b)
	maps.DeleteFunc(b, func(a shares.Account, _ money.Money) bool { return !slices.Contains(sheet, a) })
	return b
}

type balanced interface {
	shares.Ledger
	Balances() shares.Balances
}

// agree holds the books of one stream to its register, on every day on which
// something happened, and returns its postings.
func agree[S balanced](t *rapid.T, events []domain.Event[S], now shares.Balances) []shares.Posting {
	postings := shares.Journal(events)
	sum := money.Money{}
	for _, p := range postings {
		sum = sum.Plus(p.Amount)
	}
	if !sum.IsZero() {
		t.Fatalf("debits and credits differ by %v: %+v", sum, postings)
	}
	values := cmpopts.EquateComparable(money.Money{})
	if diff := cmp.Diff(now, onSheet(shares.Sum(postings)), values, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("-the register +the books: %s\n%+v", diff, events)
	}
	booked := func(e domain.Event[S]) calendar.Date {
		_, on := shares.Dates(e)
		return on
	}
	ordered := slices.Clone(events)
	slices.SortStableFunc(ordered, func(a, b domain.Event[S]) int { return booked(a).Compare(booked(b)) })
	for i := range ordered {
		on := booked(ordered[i])
		if i+1 < len(ordered) && booked(ordered[i+1]) == on {
			continue
		}
		through := slices.DeleteFunc(slices.Clone(postings), func(p shares.Posting) bool { return p.On.After(on) })
		if diff := cmp.Diff(fold(ordered[:i+1]).Balances(), onSheet(shares.Sum(through)), values, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("on %v, -the register +the books: %s\n%+v", on, diff, ordered)
		}
		if h, ok := any(fold(ordered[:i+1])).(shares.Holding); ok {
			lots(t, h)
		}
	}
	return postings
}

// lots holds the lots of a holding to what lots are.
func lots(t *rapid.T, h shares.Holding) {
	for _, l := range h.Lots() {
		if l.Quantity < 1 || l.Paid.Sign() < 0 || l.Paid.Minor() > l.Cost().Minor() || l.Called.Minor() > l.Cost().Minor() || l.Lost.Sign() < 0 || l.Left().Sign() < 0 {
			t.Fatalf("a lot is %+v", l)
		}
	}
	for _, c := range h.Credits() {
		if c.Amount.Sign() < 0 {
			t.Fatalf("a credit is %+v", c)
		}
	}
}

// issue returns by how many an event changes the number of shares issued.
func issue(e domain.Event[shares.Holding]) int64 {
	switch e := e.(type) {
	case shares.Issued:
		return e.Quantity
	case shares.ConvertedIn:
		return e.Quantity
	case shares.ConvertedOut:
		return -e.Quantity
	case shares.Left:
		return -e.Quantity
	case shares.Redeemed:
		return -e.Quantity
	case shares.Reversed:
		return e.Quantity // of a transfer it is in both holdings
	}
	return 0
}
