package projections

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/eventstore/lite"
)

// ledgerProjection keeps what happened to shares, the postings that follow from it,
// and how claims and payouts stand. Something may be entered for a day before what
// was entered before, which changes the postings of the same thing since: so those of
// a thing are made anew whenever something happens to it.
var ledgerProjection = projection{
	module: "ledger",
	wants: []any{
		shares.Subscribed{},
		shares.SubscriptionWithdrawn{},
		shares.Paid{},
		shares.Credited{},
		shares.CreditUsed{},
		shares.CreditRefunded{},
		shares.CreditTimeBarred{},
		shares.Issued{},
		shares.Called{},
		shares.TransferredOut{},
		shares.TransferredIn{},
		shares.ConvertedOut{},
		shares.ConvertedIn{},
		shares.LossCharged{},
		shares.Left{},
		shares.Redeemed{},
		shares.Repaid{},
		shares.Reversed{},
		shares.ExitRequested{},
		shares.ExitAccepted{},
		shares.ExitWithdrawn{},
		shares.ExitTookEffect{},
		shares.ExitReversed{},
		shares.ExitValued{},
		shares.UnpaidCollected{},
		shares.UnpaidWaived{},
		shares.RefundReleased{},
		shares.RefundSetOff{},
		shares.RefundPaid{},
		shares.RefundReturned{},
		shares.ClaimFreed{},
		shares.RefundTimeBarred{},
		shares.ClaimEntryReversed{},
		shares.AccountsApproved{},
		shares.BudgetCertified{},
		shares.BudgetDrawn{},
		shares.WithholdingSet{},
		shares.DividendDecided{},
		shares.DividendAllotted{},
		shares.DividendPaid{},
		shares.DividendReturned{},
		shares.DividendTimeBarred{},
		shares.PayoutReversed{},
	},
	apply: func(t *table, event any) error {
		encoded, err := shareEvents().Encode(event)
		if err != nil {
			return err
		}
		err = t.Exec(`insert into share_event values (?, ?, ?, ?, ?)`, t.stream, t.position, encoded.Type, string(encoded.Data), t.recordedAt)
		if err != nil || t.filling { // then it is made of the rows when they are all there
			return err
		}
		return t.rebook(t.stream)
	},
	finish: func(t *table) error {
		streams, err := textsOf(t.Conn, `select distinct stream from share_event order by stream`)
		for _, stream := range streams {
			if err == nil {
				err = t.rebook(domain.Stream(stream))
			}
		}
		return err
	},
}

// shareEvents knows the events of shares, to keep them and to read them again.
var shareEvents = sync.OnceValue(func() *domain.Registry {
	var r domain.Registry
	shares.Register(&r)
	return &r
})

// A kept is an event of one thing as it was kept, with its place in the log.
type kept[S any] struct {
	domain.Event[S]
	place
}

type place struct {
	position   int64
	recordedAt int64 // microseconds
}

// keptOf returns what happened to a thing through a position, in the order of the log.
func keptOf[S any](c *lite.Conn, stream domain.Stream, through int64) (all []kept[S], err error) {
	err = c.Query(`select type, data, position, recorded_at from share_event where stream = ? and position <= ? order by position`, func(r lite.Row) error {
		event, err := decodeKept[S](r)
		all = append(all, event)
		return err
	}, stream, through)
	return all, err
}

func decodeKept[S any](r lite.Row) (k kept[S], err error) {
	name := r.Text(0)
	decoded, err := shareEvents().Decode(domain.Encoded{Type: name, Edition: shareEditions()[name], Data: r.Raw(1)})
	if err != nil {
		return k, err
	}
	event, ok := decoded.(domain.Event[S])
	if !ok {
		return k, fmt.Errorf("projections: %T is no event of %T", decoded, *new(S))
	}
	return kept[S]{event, place{r.Int(2), r.Int(3)}}, nil
}

var shareEditions = sync.OnceValue(func() map[string]int {
	editions := map[string]int{}
	for _, e := range shareEvents().Types() {
		editions[e.Type] = e.Edition
	}
	return editions
})

func eventsOf[S any](all []kept[S]) []domain.Event[S] {
	events := make([]domain.Event[S], len(all))
	for i, k := range all {
		events[i] = k.Event
	}
	return events
}

func foldOf[S any](all []kept[S]) (state S) {
	for _, k := range all {
		state = k.Evolve(state)
	}
	return state
}

// always is a position that nothing comes after.
const always = int64(1<<63 - 1)

// stateOf returns a thing as it stands.
func stateOf[S any](c *lite.Conn, stream domain.Stream) (state S, err error) {
	all, err := keptOf[S](c, stream, always)
	return foldOf(all), err
}

// rebook makes the postings of a thing anew, and the row that says how it stands.
func (t *table) rebook(stream domain.Stream) error {
	thing, rest, _ := strings.Cut(string(stream), "/")
	switch thing {
	case "holding":
		_, err := rebook[shares.Holding](t, stream)
		return err
	case "exit":
		claim, err := rebook[shares.Claim](t, stream)
		if err != nil {
			return err
		}
		r := claim.Requested()
		return t.Exec(`insert or replace into share_claim values (?, ?, ?, ?, ?, ?, ?, ?)`, r.Claim, r.Party, r.Class, claim.State(), claim.EffectiveOn(),
			claim.Waiting().Minor(), claim.Released().Minor(), claim.Unpaid().Minor())
	case "payout":
		payout, err := rebook[shares.Payout](t, stream)
		if err != nil {
			return err
		}
		dividend, party, _ := strings.Cut(rest, "/")
		return t.Exec(`insert or replace into share_payout values (?, ?, ?)`, dividend, party, payout.Payable().Minor())
	}
	return nil // what is decided is not in the books
}

func rebook[S shares.Ledger](t *table, stream domain.Stream) (state S, err error) {
	all, err := keptOf[S](t.Conn, stream, always)
	if err == nil {
		err = t.Exec(`delete from posting where stream = ?`, stream)
	}
	if err != nil {
		return state, err
	}
	for i, postings := range shares.Booked(eventsOf(all)) {
		for line, p := range postings {
			err := t.Exec(`insert into posting values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				stream, all[i].position, line, p.On, p.Account, p.Party, p.Class, p.Amount.Minor(), p.Amount.Currency())
			if err != nil {
				return state, err
			}
		}
	}
	return foldOf(all), nil
}

// A JournalEntry is a posting, with what it follows from.
type JournalEntry struct {
	shares.Posting
	Position int64 // of the event, in the log
	Line     int   // of the event's postings
	Type     string
	Number   domain.MemberNumber // of the party; 0: none
	Name     string              // empty once erased
	// Unavailable is whether it is of contributions that the statutes do not let be
	// distributed (in Belgium account 111, and otherwise 110).
	Unavailable bool
}

const journalColumns = `position, line, on_date, account, party, class, amount, currency, type, number, name`

func scanJournal(r lite.Row) (e JournalEntry, err error) {
	d := days{r: r}
	e = JournalEntry{
		Posting: shares.Posting{
			On: d.at(2), Account: shares.Account(r.Text(3)), Party: domain.PartyID(r.Text(4)), Class: domain.ClassID(r.Text(5)), Amount: amount(r, 6, 7),
		},
		Position: r.Int(0), Line: int(r.Int(1)), Type: r.Text(8), Number: domain.MemberNumber(r.Int(9)), Name: r.Text(10),
	}
	return e, d.err
}

// Journal yields what is in the books for shares in a period, by day and in the order
// of the log; with a party, only what is theirs.
func (m *Models) Journal(ctx context.Context, in calendar.Period, party domain.PartyID) iter.Seq2[JournalEntry, error] {
	return func(yield func(JournalEntry, error) bool) {
		unavailable, err := m.unavailable(ctx)
		if err != nil {
			yield(JournalEntry{}, err)
			return
		}
		entries := stream(ctx, m, `select `+journalColumns+` from journal
			where on_date >= ?1 and on_date <= ?2 and (?3 = '' or party = ?3) order by on_date, position, line`,
			scanJournal, in.From, in.Through, party)
		for e, err := range entries {
			e.Unavailable = e.Account == shares.Contributions && unavailable[e.Class]
			if !yield(e, err) {
				return
			}
		}
	}
}

// JournalPage returns a page of what [Models.Journal] yields, of all parties.
func (m *Models) JournalPage(ctx context.Context, in calendar.Period, p Page) (List[JournalEntry], error) {
	unavailable, err := m.unavailable(ctx)
	if err != nil {
		return List[JournalEntry]{}, err
	}
	return page(ctx, m, query{
		columns: journalColumns, from: `journal`, where: `on_date >= ? and on_date <= ?`, args: []any{in.From, in.Through}, key: `on_date`, id: `id`,
	}, p, func(r lite.Row) (JournalEntry, error) {
		e, err := scanJournal(r)
		e.Unavailable = e.Account == shares.Contributions && unavailable[e.Class]
		return e, err
	})
}

// unavailable returns the classes whose contributions cannot be distributed, by the
// statutes adopted last.
func (m *Models) unavailable(ctx context.Context) (map[domain.ClassID]bool, error) {
	all, err := m.Statutes(ctx)
	classes := map[domain.ClassID]bool{}
	if n := len(all); n > 0 {
		for _, c := range all[n-1].Statutes.Shares.Classes {
			classes[c.ID] = c.Unavailable
		}
	}
	return classes, err
}

// A ShareBalance is what stands in an account for shares of a class. Debits are more
// than nothing, credits less.
type ShareBalance struct {
	Account     shares.Account
	Class       domain.ClassID // none of dividends
	Unavailable bool           // as that of [JournalEntry]
	Amount      money.Money
}

// ShareBalances returns what stands in the books for shares at the end of a day, by
// account and class; with a party, what does for them. Accounts in which nothing
// stands are left out.
func (m *Models) ShareBalances(ctx context.Context, day calendar.Date, party domain.PartyID) ([]ShareBalance, error) {
	unavailable, err := m.unavailable(ctx)
	if err != nil {
		return nil, err
	}
	return rows(ctx, m, `select account, class, sum(amount), max(currency) from posting where on_date <= ?1 and (?2 = '' or party = ?2)
		group by account, class having sum(amount) <> 0 order by account, class`, func(r lite.Row) (ShareBalance, error) {
		b := ShareBalance{Account: shares.Account(r.Text(0)), Class: domain.ClassID(r.Text(1)), Amount: amount(r, 2, 3)}
		b.Unavailable = b.Account == shares.Contributions && unavailable[b.Class]
		return b, nil
	}, day, party)
}

// Contributed returns what is contributed at the end of a day, what is owed for shares
// that have left included, and the most that it was on any day until then.
func (m *Models) Contributed(ctx context.Context, day calendar.Date) (now, highest money.Money, err error) {
	var sum int64
	err = m.readOne(ctx, func(c *lite.Conn) error {
		return c.Query(`select sum(amount), max(currency) from posting where on_date <= ? and account in (?, ?, ?) group by on_date order by on_date`,
			func(r lite.Row) error {
				sum -= r.Int(0)
				now = money.New(sum, money.Currency(r.Text(1)))
				if sum > highest.Minor() {
					highest = now
				}
				return nil
			}, day, shares.Contributions, shares.Exits, shares.Refunds)
	})
	return now, highest, err
}
