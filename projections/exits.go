package projections

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore/lite"
)

// ShareClaim is shares that are given back, and what is owed for them.
type ShareClaim struct {
	Stands       shares.Claim // by which commands decide
	ID           shares.ClaimID
	Party        domain.PartyID
	Class        domain.ClassID
	Reason       shares.ExitReason
	State        shares.ClaimState
	Quantity     int64 // of shares that are to leave, or have; 0: all
	Held         int64 // when it was asked for
	RequestedOn  calendar.Date
	EffectiveOn  calendar.Date
	Capped       bool           // the statutes let only so many leave in a year
	Accepted     bool           // if it is capped: how many do is decided
	RestOf       shares.ClaimID // of which these are the rest that was not accepted
	Value        *money.Money   // nil while it is not known
	Waiting      money.Money    // owed, and not released
	Released     money.Money    // owed, and free to be paid out
	Unpaid       money.Money    // called before the shares left, and owed to the co-op
	Restrictions []shares.RestrictionID
	BarredFrom   calendar.Date // the day on which what was released is time-barred; no day: never, as it stands
	Entries      []ShareEntry  // what happened to it
}

// ShareEntry is something that happened to a claim, or to what a party has of a
// dividend.
type ShareEntry struct {
	Position   int64
	Type       string        // of the event
	On         calendar.Date // that it took effect
	BookedOn   calendar.Date // that it stands in the books
	Amount     *money.Money  // nil where there is none
	Reference  string        // of the payment, budget or decision, or the document
	To         domain.PartyID
	RecordedAt time.Time
}

func entryOf(event any, at place) ShareEntry {
	e := ShareEntry{Position: at.position, Type: shareEvents().Name(event), RecordedAt: time.UnixMicro(at.recordedAt).UTC()}
	e.On, e.BookedOn = shares.Dates(event)
	of := func(amount money.Money, reference string) { e.Amount, e.Reference = &amount, reference }
	switch v := event.(type) {
	case shares.ExitAccepted:
		e.Reference = v.Decision
	case shares.ExitTookEffect:
		of(v.Left, "")
	case shares.ExitReversed:
		e.Reference = string(v.Reversal)
	case shares.ExitValued:
		of(v.Value, v.Accounts.String())
	case shares.UnpaidCollected:
		of(v.Amount, v.Reference)
	case shares.UnpaidWaived:
		of(v.Amount, v.Decision)
	case shares.RefundReleased:
		of(v.Amount, string(v.Budget))
	case shares.RefundSetOff:
		of(v.Amount, v.Decision)
	case shares.RefundPaid:
		of(v.Amount, v.Reference)
		e.To = v.To
	case shares.RefundReturned:
		of(v.Amount, v.Reference)
	case shares.ClaimFreed:
		e.Reference = v.Document
	case shares.RefundTimeBarred:
		of(v.Amount, "")
	case shares.ClaimEntryReversed:
		of(v.Amount, v.Document)
	case shares.DividendAllotted:
		of(v.Gross.Minus(v.Tax), "")
	case shares.DividendPaid:
		of(v.Amount, v.Reference)
		e.To = v.To
	case shares.DividendReturned:
		of(v.Amount, v.Reference)
	case shares.DividendTimeBarred:
		of(v.Amount, "")
	case shares.PayoutReversed:
		of(v.Gross.Minus(v.Tax).Plus(v.Barred), v.Document)
	}
	return e
}

func entriesOf[S any](all []kept[S]) []ShareEntry {
	entries := make([]ShareEntry, len(all))
	for i, k := range all {
		entries[i] = entryOf(k.Event, k.place)
	}
	return entries
}

// claimOf returns a claim as it stands, by the statutes in force now.
func claimOf(c *lite.Conn, id shares.ClaimID, rules statutes.Statutes) (ShareClaim, error) {
	all, err := keptOf[shares.Claim](c, shares.ExitStream(id), always)
	claim := foldOf(all)
	r := claim.Requested()
	nothing := money.New(0, rules.Currency)
	v := ShareClaim{
		Stands: claim, ID: r.Claim, Party: r.Party, Class: r.Class, Reason: r.Reason, State: claim.State(), Quantity: claim.Quantity(), Held: r.Held,
		RequestedOn: r.On, EffectiveOn: claim.EffectiveOn(), Capped: r.Capped, RestOf: r.RestOf,
		Waiting: nothing.Plus(claim.Waiting()), Released: nothing.Plus(claim.Released()), Unpaid: nothing.Plus(claim.Unpaid()),
		Restrictions: claim.Bound(), BarredFrom: claim.BarredFrom(rules.Shares.Refunds.Limitation), Entries: entriesOf(all),
	}
	for _, k := range all {
		if _, accepted := k.Event.(shares.ExitAccepted); accepted {
			v.Accepted = true
		}
	}
	if value, known := claim.Value(); known {
		v.Value = &value
	}
	return v, err
}

// Owed returns all that is owed and not paid.
func (c ShareClaim) Owed() money.Money { return c.Waiting.Plus(c.Released) }

// rulesNow returns the statutes adopted last, of those in force.
func rulesNow(c *lite.Conn) (rules statutes.Statutes, err error) {
	_, err = c.One(`select `+statutesColumns+` from statutes order by version desc limit 1`, func(r lite.Row) {
		var v StatutesVersion
		v, err = scanStatutes(r)
		rules = v.Statutes
	})
	return rules, err
}

// claims returns those of a statement that yields their ids.
func (m *Models) claims(ctx context.Context, sql string, args ...any) (claims []ShareClaim, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		rules, err := rulesNow(c)
		if err != nil {
			return err
		}
		ids, err := textsOf(c, sql, args...)
		for _, id := range ids {
			var claim ShareClaim
			if err == nil {
				claim, err = claimOf(c, shares.ClaimID(id), rules)
			}
			claims = append(claims, claim)
		}
		return err
	})
	return claims, err
}

// ShareClaim returns a claim, and whether there is one.
func (m *Models) ShareClaim(ctx context.Context, id shares.ClaimID) (claim ShareClaim, found bool, err error) {
	claims, err := m.claims(ctx, `select id from share_claim where id = ?`, id)
	if err != nil || len(claims) == 0 {
		return claim, false, err
	}
	return claims[0], true, nil
}

// ShareClaimsOf returns the claims of a party, by the day on which the shares leave.
func (m *Models) ShareClaimsOf(ctx context.Context, party domain.PartyID) ([]ShareClaim, error) {
	return m.claims(ctx, `select id from share_claim where party = ? order by effective_on, id`, party)
}

// ShareClaimFilter says which claims are listed.
type ShareClaimFilter struct {
	Party domain.PartyID    // empty: of all
	State shares.ClaimState // empty: in any
}

// ShareClaims returns a page of the claims, by the day on which the shares leave.
func (m *Models) ShareClaims(ctx context.Context, filter ShareClaimFilter, p Page) (list List[ShareClaim], err error) {
	ids, err := page(ctx, m, query{
		columns: `id`, from: `share_claim`, where: `(? = '' or party = ?) and (? = '' or state = ?)`,
		args: []any{filter.Party, filter.Party, filter.State, filter.State}, key: `effective_on`, id: `id`,
	}, p, func(r lite.Row) (shares.ClaimID, error) { return shares.ClaimID(r.Text(0)), nil })
	if err != nil {
		return list, err
	}
	list = List[ShareClaim]{Cursor: ids.Cursor, HasNext: ids.HasNext, HasPrevious: ids.HasPrevious, Total: ids.Total}
	err = m.read(ctx, func(c *lite.Conn) error {
		rules, err := rulesNow(c)
		for _, id := range ids.Items {
			var claim ShareClaim
			if err == nil {
				claim, err = claimOf(c, id, rules)
			}
			list.Items = append(list.Items, claim)
		}
		return err
	})
	return list, err
}

func (m *Models) claimIDs(ctx context.Context, sql string, args ...any) ([]shares.ClaimID, error) {
	return rows(ctx, m, sql, func(r lite.Row) (shares.ClaimID, error) { return shares.ClaimID(r.Text(0)), nil }, args...)
}

// UnsettledExits returns all claims by which something is owed yet, or may come to be.
func (m *Models) UnsettledExits(ctx context.Context) ([]shares.ClaimID, error) {
	return m.claimIDs(ctx, `select id from share_claim where state not in (?, ?, ?, ?) order by effective_on, id`,
		shares.ClaimWithdrawn, shares.ClaimDeferred, shares.ClaimSettled, shares.ClaimReversed)
}

// DueExits returns the claims whose shares leave by a day and have not left, those
// first that leave first. Some may wait to be accepted.
func (m *Models) DueExits(ctx context.Context, day calendar.Date) ([]shares.ClaimID, error) {
	return m.claimIDs(ctx, `select id from share_claim where state = ? and effective_on <= ? order by effective_on, id`, shares.ClaimRequested, day)
}

// RequestedExits returns the claims of a party, and of those that were found to be it,
// whose shares have not left yet.
func (m *Models) RequestedExits(ctx context.Context, party domain.PartyID) ([]shares.ClaimID, error) {
	return m.claimIDs(ctx, `select id from share_claim where party in `+strings.ReplaceAll(selves, "?1", "?")+` and state = ? order by effective_on, id`, party, shares.ClaimRequested)
}

// UnvaluedExits returns the claims whose shares have left and whose value is not known.
func (m *Models) UnvaluedExits(ctx context.Context) ([]shares.ClaimID, error) {
	return m.claimIDs(ctx, `select id from share_claim where state = ? order by effective_on, id`, shares.ClaimEffective)
}

// BarredRefunds returns the claims of which something can be time-barred on a day.
func (m *Models) BarredRefunds(ctx context.Context, day calendar.Date) ([]ShareClaim, error) {
	claims, err := m.claims(ctx, `select id from share_claim where released > 0 order by effective_on, id`)
	return slices.DeleteFunc(claims, func(c ShareClaim) bool { return c.BarredFrom.IsZero() || c.BarredFrom.After(day) }), err
}

// QueueBlock is why a claim in the queue is not paid out.
type QueueBlock string

// The reasons, of which a claim may have several.
const (
	BlockedByValue   QueueBlock = "value"   // what the shares are worth is not known: accounts are to be approved
	BlockedByBudget  QueueBlock = "budget"  // no budget has released all of it
	BlockedByPledge  QueueBlock = "pledge"  // the shares were pledged or attached
	BlockedByAccount QueueBlock = "account" // no account of the party's can be trusted yet
)

// QueuedRefund is a place in the queue of refunds.
type QueuedRefund struct {
	Place   int // from 1
	Claim   ShareClaim
	Release money.Money // what a budget would release of it
	Blocked []QueueBlock
}

// RefundQueue returns what is owed for shares that have left, in the order in which
// budgets release it, those of which it is not known how much at the end; with what is
// left of a budget, if one is named, and why it is not paid out on a day.
func (m *Models) RefundQueue(ctx context.Context, budget shares.BudgetID, day calendar.Date) (queue []QueuedRefund, err error) {
	open, err := m.claims(ctx, `select id from share_claim where state in (?, ?, ?) order by effective_on, id`,
		shares.ClaimWaiting, shares.ClaimReleased, shares.ClaimEffective)
	if err != nil {
		return nil, err
	}
	err = m.read(ctx, func(c *lite.Conn) error {
		rules, err := rulesNow(c)
		if err != nil {
			return err
		}
		certified, err := stateOf[shares.Budget](c, shares.BudgetStream(budget))
		if err != nil {
			return err
		}
		queue = queued(open, certified, budget, rules)
		for i := range queue {
			usable, known, err := usableFrom(c, queue[i].Claim.Party)
			if err != nil {
				return err
			}
			if !known || usable.After(day) {
				queue[i].Blocked = append(queue[i].Blocked, BlockedByAccount)
			}
		}
		return nil
	})
	return queue, err
}

// queued puts claims in the order of the queue, and says what a budget would release.
func queued(open []ShareClaim, budget shares.Budget, id shares.BudgetID, rules statutes.Statutes) (queue []QueuedRefund) {
	nothing := money.New(0, rules.Currency)
	byID, rank, releases := map[shares.ClaimID]ShareClaim{}, map[shares.ClaimID]int{}, map[shares.ClaimID]money.Money{}
	var waiting, fresh []shares.Claim
	all := nothing
	for _, c := range open {
		byID[c.ID] = c
		waiting, all = append(waiting, c.Stands), all.Plus(c.Waiting)
		if !c.Stands.ReleasedBy(id) {
			fresh = append(fresh, c.Stands)
		}
	}
	for i, r := range shares.Queue(waiting, all, statutes.InOrder) { // with enough for everybody it is the order
		rank[r.Claim] = i + 1
	}
	for _, r := range shares.Queue(fresh, budget.LeftForRefunds(), rules.Shares.Refunds.Short) {
		releases[r.Claim] = r.Amount
	}
	// What is all released comes before what waits; whose shares are not valued comes
	// last.
	order := func(c ShareClaim) int {
		if c.State == shares.ClaimEffective {
			return len(open) + 1
		}
		return rank[c.ID] // 0 where all is released
	}
	slices.SortStableFunc(open, func(a, b ShareClaim) int { return cmp.Compare(order(a), order(b)) })
	for i, c := range open {
		q := QueuedRefund{Place: i + 1, Claim: c, Release: nothing.Plus(releases[c.ID])}
		if c.State == shares.ClaimEffective {
			q.Blocked = append(q.Blocked, BlockedByValue)
		} else if c.State == shares.ClaimWaiting {
			q.Blocked = append(q.Blocked, BlockedByBudget)
		}
		if len(c.Restrictions) > 0 {
			q.Blocked = append(q.Blocked, BlockedByPledge)
		}
		queue = append(queue, q)
	}
	return queue
}

// usableFrom returns the first day on which money may be paid out to a party's
// account, and whether there is one.
func usableFrom(c *lite.Conn, party domain.PartyID) (from calendar.Date, known bool, err error) {
	known, oneErr := c.One(`select usable_from from bank_account where party = ? and iban is not null and iban <> ''`, func(r lite.Row) { err = r.Into(0, &from) }, party)
	return from, known, cmp.Or(oneErr, err)
}

// RefundBudget is money that was certified to be free for refunds and dividends.
type RefundBudget struct {
	shares.BudgetCertified
	Left           money.Money
	LeftForRefunds money.Money
	Draws          []shares.BudgetDrawn
}

// RefundBudgets returns all budgets, oldest first.
func (m *Models) RefundBudgets(ctx context.Context) (budgets []RefundBudget, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		streams, err := textsOf(c, `select stream from share_event where type = 'shares.budget_certified' order by position`)
		for _, stream := range streams {
			var all []kept[shares.Budget]
			if err == nil {
				all, err = keptOf[shares.Budget](c, domain.Stream(stream), always)
			}
			state := foldOf(all)
			b := RefundBudget{Left: state.Left(), LeftForRefunds: state.LeftForRefunds()}
			for _, k := range all {
				switch e := k.Event.(type) {
				case shares.BudgetCertified:
					b.BudgetCertified = e
				case shares.BudgetDrawn:
					b.Draws = append(b.Draws, e)
				}
			}
			budgets = append(budgets, b)
		}
		return err
	})
	return budgets, err
}

// RefundBudget returns one budget, and whether there is one.
func (m *Models) RefundBudget(ctx context.Context, id shares.BudgetID) (RefundBudget, bool, error) {
	all, err := m.RefundBudgets(ctx)
	i := slices.IndexFunc(all, func(b RefundBudget) bool { return b.Budget == id })
	if err != nil || i < 0 {
		return RefundBudget{}, false, err
	}
	return all[i], true, nil
}

// ApprovedAccounts returns the annual accounts that were approved, oldest first.
func (m *Models) ApprovedAccounts(ctx context.Context) (all []shares.AccountsApproved, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		accounts, err := stateOf[shares.Accounts](c, shares.AccountsStream)
		all = accounts.Years()
		return err
	})
	return all, err
}

// SharesAtEnd returns how many shares of each class there were at the end of a day,
// those included that left then.
func (m *Models) SharesAtEnd(ctx context.Context, day calendar.Date) (map[domain.ClassID]int64, error) {
	issued := map[domain.ClassID]int64{}
	_, err := rows(ctx, m, `select s.class, sum(s.quantity) from share_movement s where s.on_date <= ?1 and not (s.kind = 'left' and s.on_date = ?1
			and not exists (select 1 from share_movement r where r.party = s.party and r.class = s.class and r.kind = 'reversed'
				and r.reference = s.reference and r.lot = s.lot and r.position > s.position and r.on_date <= ?1))
		group by s.class`, func(r lite.Row) (int64, error) {
		issued[domain.ClassID(r.Text(0))] = r.Int(1)
		return r.Int(1), nil
	}, day)
	return issued, err
}

// AskingExit is a claim that is to leave in a year in which only so much may.
type AskingExit struct {
	Claim    ShareClaim
	Quantity int64       // that it asks for: shares held now, if all are to leave
	Left     money.Money // of what was paid on them
	Leaves   bool        // a member, with all that they have
	Proposed int64       // how many leave, in proportion
}

// ExitYear is what is asked to leave in a fiscal year by resignation, against what may.
type ExitYear struct {
	Year     calendar.Period
	Caps     shares.Caps
	Accepted shares.Asking // together, of what was decided
	Asking   []AskingExit  // what is to be decided, in the order of asking
}

// ExitsIn returns what leaves in the fiscal year of a day, by the statutes in force at
// its beginning, and how many shares of each claim may.
func (m *Models) ExitsIn(ctx context.Context, day calendar.Date) (y ExitYear, err error) {
	rules, known, err := m.StatutesOn(ctx, day)
	if err != nil || !known {
		return y, err
	}
	y.Year = rules.Statutes.FiscalYear(day)
	before := y.Year.From.AddDays(-1)
	balances, err := m.ShareBalances(ctx, before, "")
	if err != nil {
		return y, err
	}
	nothing := money.New(0, rules.Statutes.Currency)
	contributed := nothing
	for _, b := range balances {
		if b.Account == shares.Contributions {
			contributed = contributed.Minus(b.Amount)
		}
	}
	members, err := m.MembersAt(ctx, before, time.Time{})
	if err != nil {
		return y, err
	}
	y.Caps = shares.CapsOf(rules.Statutes, contributed, int64(len(members)))
	claims, err := m.claims(ctx, `select id from share_claim where effective_on >= ? and effective_on <= ? and state not in (?, ?, ?) order by effective_on, id`,
		y.Year.From, y.Year.Through, shares.ClaimWithdrawn, shares.ClaimDeferred, shares.ClaimReversed)
	if err != nil {
		return y, err
	}
	slices.SortStableFunc(claims, func(a, b ShareClaim) int { return a.RequestedOn.Compare(b.RequestedOn) })
	y.Accepted.Left = nothing
	err = m.read(ctx, func(c *lite.Conn) error {
		for _, claim := range claims {
			if !claim.Capped {
				continue
			}
			a, err := asking(c, claim, nothing)
			if err != nil {
				return err
			}
			if !claim.Accepted {
				y.Asking = append(y.Asking, a)
				continue
			}
			y.Accepted.Quantity, y.Accepted.Left = y.Accepted.Quantity+a.Quantity, y.Accepted.Left.Plus(a.Left)
			if a.Leaves {
				y.Caps.Members--
			}
		}
		return nil
	})
	y.Caps.Capital, y.Caps.Members = atLeastNothing(y.Caps.Capital.Minus(y.Accepted.Left)), max(y.Caps.Members, 0)
	all := make([]shares.Asking, len(y.Asking))
	for i, a := range y.Asking {
		all[i] = shares.Asking{Quantity: a.Quantity, Left: a.Left, Leaves: a.Leaves}
	}
	for i, n := range shares.Reduce(all, y.Caps) {
		y.Asking[i].Proposed = n
	}
	return y, err
}

func atLeastNothing(m money.Money) money.Money {
	if m.Sign() < 0 {
		return money.New(0, m.Currency())
	}
	return m
}

// asking returns what a claim takes out, or would take out now.
func asking(c *lite.Conn, claim ShareClaim, nothing money.Money) (a AskingExit, err error) {
	a = AskingExit{Claim: claim, Quantity: claim.Quantity, Left: nothing}
	if claim.State != shares.ClaimRequested {
		for _, e := range claim.Entries {
			if e.Type == "shares.exit_took_effect" {
				a.Left = *e.Amount
			}
		}
		a.Leaves = true
		_, err = c.One(`select 1 from holding where party = ? and quantity > 0`, func(lite.Row) { a.Leaves = false }, claim.Party)
		return a, err
	}
	h, err := stateOf[shares.Holding](c, shares.StreamOf(claim.Party, claim.Class))
	if err != nil {
		return a, err
	}
	if a.Quantity == 0 || a.Quantity > h.Held() {
		a.Quantity = h.Held()
	}
	need := a.Quantity
	for _, l := range h.Lots() {
		n := min(need, l.Quantity)
		if n == 0 {
			break
		}
		a.Left, need = a.Left.Plus(l.Left().Allocate(decimal.NewFromInt(n), decimal.NewFromInt(l.Quantity-n))[0]), need-n
	}
	others := false
	_, err = c.One(`select 1 from holding where party = ? and class <> ? and quantity > 0`, func(lite.Row) { others = true }, claim.Party, claim.Class)
	a.Leaves = a.Quantity == h.Held() && !others && claim.Reason == shares.Resigned
	return a, err
}

// ClosedThrough returns the last day of the books that are closed, or no day.
func (m *Models) ClosedThrough(ctx context.Context) (day calendar.Date, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		accounts, err := stateOf[shares.Accounts](c, shares.AccountsStream)
		day = accounts.ClosedThrough()
		return err
	})
	return day, err
}

// PaidTo is where money for a party may go on a day.
type PaidTo struct {
	membership.BankAccount
	UsableFrom calendar.Date // no day where no account is known
	Trusted    bool
}

// paidTo returns the account of a party, if one is known.
func paidTo(c *lite.Conn, party domain.PartyID, day calendar.Date) (p PaidTo, err error) {
	_, oneErr := c.One(`select iban, bic, holder, usable_from from bank_account where party = ? and iban is not null and iban <> ''`, func(r lite.Row) {
		p.IBAN, p.BIC, p.Holder = domain.IBAN(r.Text(0)), r.Text(1), r.Text(2)
		err = r.Into(3, &p.UsableFrom)
	}, party)
	p.Trusted = p.IBAN != "" && !p.UsableFrom.After(day)
	return p, cmp.Or(oneErr, err)
}
