package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/eventstore/lite"
)

// lotsProjection keeps the life of shares: lots with what was called and lost of them,
// credits, calls, transfers that wait, and who was shown the register.
var lotsProjection = projection{
	module: "lots",
	wants: []any{
		shares.SubscriptionWithdrawn{},
		shares.Paid{},
		shares.Credited{},
		shares.CreditUsed{},
		shares.CreditRefunded{},
		shares.CreditTimeBarred{},
		shares.Issued{},
		shares.CallDecided{},
		shares.Called{},
		shares.TransferredOut{},
		shares.TransferredIn{},
		shares.TransferAgreed{},
		shares.TransferAbandoned{},
		shares.TransferProposed{},
		shares.TransferSigned{},
		shares.TransferProposalEnded{},
		shares.ConvertedOut{},
		shares.ConvertedIn{},
		shares.Left{},
		shares.Redeemed{},
		shares.LossCharged{},
		shares.Reversed{},
		shares.RegisterConsulted{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case shares.SubscriptionWithdrawn:
			for _, c := range e.Credits {
				if err := t.credit(e.Party, e.Class, c.Reference, c.Payer, c.Amount, e.On); err != nil {
					return err
				}
			}
		case shares.Paid:
			return t.payLot(e.Party, e.Class, cmp.Or(e.Subscriber, e.Party), e.Subscription, e.Amount, money.Money{})
		case shares.Credited:
			return t.credit(e.Party, e.Class, e.Reference, cmp.Or(e.Payer, e.Party), e.Amount, e.On)
		case shares.CreditUsed:
			return t.credit(e.Party, e.Class, e.Reference, "", e.Amount.Negated(), e.On)
		case shares.CreditRefunded:
			return t.credit(e.Party, e.Class, e.Reference, "", e.Amount.Negated(), e.On)
		case shares.CreditTimeBarred:
			return t.credit(e.Party, e.Class, e.Reference, "", e.Amount.Negated(), e.On)
		case shares.Issued:
			return t.issueLot(e)
		case shares.CallDecided:
			return t.Exec(`insert into share_call values (?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Call, e.Class, e.UpTo.Minor(), e.UpTo.Currency(), e.DueOn, e.Decision, e.On, t.position)
		case shares.Called:
			return t.called(e)
		case shares.TransferredOut:
			err := t.Exec(`update share_agreed set outcome = 'completed', ended_on = ? where from_party = ? and class = ? and id = ?`,
				e.On, e.Party, e.Class, e.Transfer)
			return cmp.Or(err, t.lots(e.Party, e.Class, e.Lots, -1))
		case shares.TransferredIn:
			return t.lots(e.Party, e.Class, e.Lots, 1)
		case shares.TransferAgreed:
			return t.Exec(`insert into share_agreed (from_party, class, id, to_party, kind, quantity, decision, on_date, position) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Party, e.Class, e.Transfer, e.To, e.Kind, e.Quantity, e.Decision, e.On, t.position)
		case shares.TransferAbandoned:
			if e.Quantity > 0 { // told of the other side
				return nil
			}
			return t.Exec(`update share_agreed set outcome = ?, ended_on = ? where from_party = ? and class = ? and id = ?`,
				e.Why, e.On, e.Party, e.Class, e.Transfer)
		case shares.TransferProposed:
			return t.Exec(`insert into share_proposal (id, from_party, to_party, class, kind, quantity, signed, on_date, position) values (?, ?, ?, ?, ?, ?, '[]', ?, ?)`,
				e.Transfer, e.From, e.To, e.Class, e.Kind, e.Quantity, e.On, t.position)
		case shares.TransferSigned:
			signed, err := asJSON(e.Signature)
			if err != nil {
				return err
			}
			return t.Exec(`update share_proposal set signed = json_insert(signed, '$[#]', json(?)) where id = ?`, signed, e.Transfer)
		case shares.TransferProposalEnded:
			return t.Exec(`update share_proposal set outcome = ?, ended_on = ? where id = ?`, e.Outcome, e.On, e.Transfer)
		case shares.ConvertedOut:
			return t.lots(e.Party, e.Class, e.Lots, -1)
		case shares.ConvertedIn:
			return t.lots(e.Party, e.Class, e.Lots, 1)
		case shares.Left:
			return t.lots(e.Party, e.Class, e.Lots, -1)
		case shares.Redeemed:
			return t.lots(e.Party, e.Class, e.Lots, -1)
		case shares.LossCharged:
			return t.lose(e.Party, e.Class, e.Lots, 1)
		case shares.Reversed:
			return t.undo(e)
		case shares.RegisterConsulted:
			var known any
			if !e.KnownAt.IsZero() {
				known = e.KnownAt
			}
			return t.Exec(`insert into share_consultation values (?, ?, ?, ?, ?, ?, ?, ?)`,
				e.Consultation, e.Party, null(string(e.Holder)), e.AsAt, known, e.On, t.recordedAt, t.position)
		}
		return nil
	},
}

// credit adds to a credit or, with an amount below nothing, takes from it.
func (t *table) credit(party domain.PartyID, class domain.ClassID, reference string, payer domain.PartyID, more money.Money, on calendar.Date) error {
	return t.Exec(`insert into share_credit values (?, ?, ?, ?, ?, ?, ?) on conflict (party, class, reference) do update set
		amount = amount + excluded.amount, since = max(since, excluded.since), payer = iif(excluded.payer = '', payer, excluded.payer)`,
		party, class, reference, payer, more.Minor(), more.Currency(), on)
}

// issueLot enters the shares of a subscription, with what was paid on it by then.
func (t *table) issueLot(e shares.Issued) error {
	var paid int64
	_, err := t.One(`select paid from share_subscription where party = ? and class = ? and id = ?`,
		func(r lite.Row) { paid = r.Int(0) }, e.Party, e.Class, e.Subscription)
	if err != nil {
		return err
	}
	return t.addLot(e.Party, e.Class, shares.Lot{
		Subscription: e.Subscription, Subscriber: e.Party, AcquiredOn: e.On, Quantity: e.Quantity, Price: e.Price,
		Paid: money.New(paid, e.Price.Currency()),
	})
}

// lots has shares come or, with a sign below 0, go.
func (t *table) lots(party domain.PartyID, class domain.ClassID, lots []shares.Lot, sign int64) error {
	for _, l := range lots {
		change := t.addLot
		if sign < 0 {
			change = t.takeLot
		}
		if err := change(party, class, l); err != nil {
			return err
		}
	}
	return nil
}

const thatLot = ` where party = ? and class = ? and subscriber = ? and subscription = ? and acquired_on = ? and price = ?`

// addLot joins shares to what is there of the same lot. What was called and is not
// paid of either stays so.
func (t *table) addLot(party domain.PartyID, class domain.ClassID, l shares.Lot) error {
	var called int64
	if unpaid := l.Unpaid().Minor(); unpaid > 0 {
		called = l.Paid.Minor() + unpaid
	}
	return t.Exec(`insert into share_lot values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		on conflict (party, class, subscriber, subscription, acquired_on, price) do update set
		called = iif(max(called - paid, 0) + max(excluded.called - excluded.paid, 0) = 0, 0,
			paid + excluded.paid + max(called - paid, 0) + max(excluded.called - excluded.paid, 0)),
		quantity = quantity + excluded.quantity, paid = paid + excluded.paid, lost = lost + excluded.lost`,
		party, class, l.Subscriber, l.Subscription, l.AcquiredOn, l.Price.Minor(), l.Price.Currency(), l.Quantity, l.Paid.Minor(), called, l.Lost.Minor())
}

func (t *table) takeLot(party domain.PartyID, class domain.ClassID, l shares.Lot) error {
	err := t.Exec(`update share_lot set quantity = quantity - ?, paid = paid - ?, called = called - ?, lost = lost - ?`+thatLot,
		l.Quantity, l.Paid.Minor(), l.Called.Minor(), l.Lost.Minor(), party, class, l.Subscriber, l.Subscription, l.AcquiredOn, l.Price.Minor())
	if err != nil {
		return err
	}
	return t.Exec(`delete from share_lot`+thatLot+` and quantity = 0`, party, class, l.Subscriber, l.Subscription, l.AcquiredOn, l.Price.Minor())
}

// payLot counts a payment for the lot of a subscription, the oldest of it that is
// held, if any is; or takes one back, so that as much is owed as was called.
func (t *table) payLot(party domain.PartyID, class domain.ClassID, subscriber domain.PartyID, id shares.SubscriptionID, more, called money.Money) error {
	return t.Exec(`update share_lot set paid = paid + ?1, called = iif(paid + ?1 = price * quantity, 0, max(called, ?2))
		where party = ?3 and class = ?4 and subscriber = ?5 and subscription = ?6 and (acquired_on, price) = (
			select acquired_on, price from share_lot where party = ?3 and class = ?4 and subscriber = ?5 and subscription = ?6
			order by iif(?1 > 0, paid = price * quantity, 0), acquired_on, price limit 1)`,
		more.Minor(), called.Minor(), party, class, subscriber, id)
}

func (t *table) called(e shares.Called) error {
	for _, a := range e.Lots {
		err := t.Exec(`update share_lot set called = max(called, ?) where party = ? and class = ? and subscriber = ? and subscription = ? and price = ?`,
			a.UpTo.Minor(), e.Party, e.Class, a.Subscriber, a.Subscription, a.Price.Minor())
		if err != nil {
			return err
		}
	}
	return t.Exec(`insert into share_called (party, class, call, amount, currency, due_on, on_date) values (?, ?, ?, ?, ?, ?, ?)`,
		e.Party, e.Class, e.Call, e.Amount.Minor(), e.Amount.Currency(), e.DueOn, e.On)
}

// lose charges losses to lots or, with a sign below 0, gives them back.
func (t *table) lose(party domain.PartyID, class domain.ClassID, losses []shares.LotLoss, sign int64) error {
	for _, l := range losses {
		err := t.Exec(`update share_lot set lost = lost + ? where party = ? and class = ? and subscriber = ? and subscription = ? and price = ?`,
			sign*l.Amount.Minor(), party, class, l.Subscriber, l.Subscription, l.Price.Minor())
		if err != nil {
			return err
		}
	}
	return nil
}

// undo enters what undoes another entry.
func (t *table) undo(e shares.Reversed) error {
	switch e.Entry {
	case shares.EntryPayment:
		p := e.Payment
		if p == nil {
			return nil
		}
		credit := p.Credited.Negated()
		if p.Kept {
			credit = p.Amount
		}
		if !credit.IsZero() {
			if err := t.credit(e.Party, e.Class, e.Of, cmp.Or(p.Payer, e.Party), credit, e.On); err != nil {
				return err
			}
		}
		if p.Amount.IsZero() {
			return nil
		}
		return t.payLot(e.Party, e.Class, cmp.Or(p.Subscriber, e.Party), p.Subscription, p.Amount.Negated(), p.Called)
	case shares.EntryCall:
		for _, a := range e.Calls {
			err := t.Exec(`update share_lot set called = iif(paid = price * quantity, 0, ?) where party = ? and class = ? and subscriber = ? and subscription = ? and price = ?`,
				a.UpTo.Minor(), e.Party, e.Class, a.Subscriber, a.Subscription, a.Price.Minor())
			if err != nil {
				return err
			}
		}
		return t.Exec(`update share_called set reversed_on = ? where party = ? and class = ? and call = ?`, e.On, e.Party, e.Class, e.Of)
	case shares.EntryLoss:
		return t.lose(e.Party, e.Class, e.Losses, -1)
	case shares.EntryCredit, shares.EntryTimeBar:
		return t.credit(e.Party, e.Class, e.Credit, "", e.Amount, e.On)
	case shares.EntryIssue, shares.EntryTransfer, shares.EntryConversion, shares.EntryExit, shares.EntryRedemption, shares.EntryRepayment, shares.EntryPayout:
	}
	sign := int64(1)
	if e.Quantity < 0 {
		sign = -1
	}
	return t.lots(e.Party, e.Class, e.Lots, sign)
}

// ShareLot is shares that were subscribed to together, as far as a party holds them.
type ShareLot struct {
	Party        domain.PartyID
	Class        domain.ClassID
	Subscriber   domain.PartyID
	Subscription shares.SubscriptionID
	AcquiredOn   calendar.Date // by whoever subscribed to them
	Quantity     int64
	Price        money.Money // of one
	Paid         money.Money // on all of them
	Called       money.Money // that must be paid on all of them by now, where that is more than was
	Unpaid       money.Money // of what was called
	Lost         money.Money // of what was paid
}

// ShareLots returns what a party holds now, by class and, within one, oldest first.
func (m *Models) ShareLots(ctx context.Context, party domain.PartyID) ([]ShareLot, error) {
	return rows(ctx, m, `select class, subscriber, subscription, acquired_on, quantity, price, paid, called, max(called - paid, 0), lost, currency
		from share_lot where party = ? order by class, acquired_on, subscriber, subscription, price`, func(r lite.Row) (ShareLot, error) {
		l := ShareLot{
			Party: party, Class: domain.ClassID(r.Text(0)), Subscriber: domain.PartyID(r.Text(1)), Subscription: shares.SubscriptionID(r.Text(2)),
			Quantity: r.Int(4), Price: amount(r, 5, 10), Paid: amount(r, 6, 10), Called: amount(r, 7, 10), Unpaid: amount(r, 8, 10), Lost: amount(r, 9, 10),
		}
		return l, r.Into(3, &l.AcquiredOn)
	}, party)
}

// ShareCredit is money that is owed back to whoever paid it.
type ShareCredit struct {
	Party     domain.PartyID // the holder of the shares that it was paid for
	Class     domain.ClassID
	Reference string // of the payment
	Payer     domain.PartyID
	Amount    money.Money   // that is left
	Since     calendar.Date // the last day on which anything happened to it
}

const owedQuery = `select party, class, reference, payer, amount, currency, since from share_credit`

func scanCredit(r lite.Row) (ShareCredit, error) {
	c := ShareCredit{
		Party: domain.PartyID(r.Text(0)), Class: domain.ClassID(r.Text(1)), Reference: r.Text(2), Payer: domain.PartyID(r.Text(3)), Amount: amount(r, 4, 5),
	}
	return c, r.Into(6, &c.Since)
}

// ShareCredits returns what is owed back, those that have waited longest first; with a
// payer, to them only.
func (m *Models) ShareCredits(ctx context.Context, payer domain.PartyID) ([]ShareCredit, error) {
	return rows(ctx, m, owedQuery+` where amount > 0 and (?1 = '' or payer = ?1) order by since, party, class, reference`, scanCredit, payer)
}

// ShareCall is a call for what is yet to be paid on the shares of a class.
type ShareCall struct {
	ID       shares.CallID
	Class    domain.ClassID
	UpTo     money.Money // on each share
	DueOn    calendar.Date
	Decision string
	On       calendar.Date
	Holders  int64       // who were asked for something
	Amount   money.Money // that they were asked for
}

// ShareCalls returns the calls that were decided, oldest first.
func (m *Models) ShareCalls(ctx context.Context) ([]ShareCall, error) {
	return rows(ctx, m, `select c.id, c.class, c.up_to, c.currency, c.due_on, c.decision, c.on_date, count(h.party), coalesce(sum(h.amount), 0)
		from share_call c left join share_called h on h.call = c.id and h.reversed_on is null group by c.id order by c.position`, func(r lite.Row) (ShareCall, error) {
		d := days{r: r}
		return ShareCall{
			ID: shares.CallID(r.Text(0)), Class: domain.ClassID(r.Text(1)), UpTo: amount(r, 2, 3), DueOn: d.at(4), Decision: r.Text(5), On: d.at(6),
			Holders: r.Int(7), Amount: amount(r, 8, 3),
		}, d.err
	})
}

// CalledShares is what a holder is asked for by a call.
type CalledShares struct {
	Party  domain.PartyID
	Class  domain.ClassID
	Call   shares.CallID
	Amount money.Money
	DueOn  calendar.Date
	On     calendar.Date
}

// CalledOf returns what a party is asked for by calls, oldest first.
func (m *Models) CalledOf(ctx context.Context, party domain.PartyID) ([]CalledShares, error) {
	return rows(ctx, m, `select class, call, amount, currency, due_on, on_date from share_called where party = ? and reversed_on is null
		order by on_date, class, call`, func(r lite.Row) (CalledShares, error) {
		d := days{r: r}
		return CalledShares{
			Party: party, Class: domain.ClassID(r.Text(0)), Call: shares.CallID(r.Text(1)), Amount: amount(r, 2, 3), DueOn: d.at(4), On: d.at(5),
		}, d.err
	}, party)
}

// OverdueShares is what a holder was called for, was due before a day and is not paid.
type OverdueShares struct {
	Party   domain.PartyID
	Class   domain.ClassID
	Unpaid  money.Money // of all that was called
	Overdue money.Money // of that
}

// Overdue returns what is overdue on a day, by holder and class; with a party, theirs
// only. Payments count for the oldest call first.
func (m *Models) Overdue(ctx context.Context, on calendar.Date, party domain.PartyID) ([]OverdueShares, error) {
	return rows(ctx, m, `select party, class, unpaid, unpaid - later, currency from (
			select l.party, l.class, l.currency, sum(max(l.called - l.paid, 0)) unpaid,
				(select coalesce(sum(c.amount), 0) from share_called c where c.party = l.party and c.class = l.class and c.reversed_on is null and c.due_on >= ?1) later
			from share_lot l where l.called > l.paid and (?2 = '' or l.party = ?2) group by l.party, l.class)
		where unpaid > later order by party, class`, func(r lite.Row) (OverdueShares, error) {
		return OverdueShares{domain.PartyID(r.Text(0)), domain.ClassID(r.Text(1)), amount(r, 2, 4), amount(r, 3, 4)}, nil
	}, on, party)
}

// AgreedOutcome is what became of a transfer that waited.
type AgreedOutcome string

// The outcomes: it was completed or, as [shares.Withdrawal] says why, abandoned.
const (
	AgreedCompleted AgreedOutcome = "completed"
	AgreedWithdrawn               = AgreedOutcome(shares.Withdrawn)
	AgreedRefused                 = AgreedOutcome(shares.Refused)
	AgreedLapsed                  = AgreedOutcome(shares.Lapsed)
)

// AgreedTransfer is a transfer that waits for the admission of who receives, or did.
type AgreedTransfer struct {
	ID       shares.TransferID
	From, To domain.PartyID
	Class    domain.ClassID
	Kind     shares.TransferKind
	Quantity int64
	Decision string
	On       calendar.Date
	Outcome  AgreedOutcome // empty while it waits
	EndedOn  calendar.Date // no day while it waits
}

// AgreedTransfers returns the transfers that were agreed, oldest first; with a party,
// those that they give or receive, and those that wait only, if asked for.
func (m *Models) AgreedTransfers(ctx context.Context, party domain.PartyID, waiting bool) ([]AgreedTransfer, error) {
	return rows(ctx, m, `select id, from_party, to_party, class, kind, quantity, decision, on_date, outcome, ended_on from share_agreed
		where (?1 = '' or from_party = ?1 or to_party = ?1) and (not ?2 or outcome is null) order by position`, func(r lite.Row) (AgreedTransfer, error) {
		d := days{r: r}
		return AgreedTransfer{
			ID: shares.TransferID(r.Text(0)), From: domain.PartyID(r.Text(1)), To: domain.PartyID(r.Text(2)), Class: domain.ClassID(r.Text(3)),
			Kind: shares.TransferKind(r.Text(4)), Quantity: r.Int(5), Decision: r.Text(6), On: d.at(7), Outcome: AgreedOutcome(r.Text(8)), EndedOn: d.at(9),
		}, d.err
	}, party, waiting)
}

// Proposal is a transfer that two have in mind and sign.
type Proposal struct {
	ID       shares.TransferID
	From, To domain.PartyID
	Class    domain.ClassID
	Kind     shares.TransferKind
	Quantity int64
	Signed   []shares.Signature
	On       calendar.Date
	Outcome  shares.ProposalOutcome // empty while it waits
	EndedOn  calendar.Date
}

const proposalColumns = `select id, from_party, to_party, class, kind, quantity, signed, on_date, outcome, ended_on from share_proposal`

func scanProposal(r lite.Row) (Proposal, error) {
	d := days{r: r}
	p := Proposal{
		ID: shares.TransferID(r.Text(0)), From: domain.PartyID(r.Text(1)), To: domain.PartyID(r.Text(2)), Class: domain.ClassID(r.Text(3)),
		Kind: shares.TransferKind(r.Text(4)), Quantity: r.Int(5), On: d.at(7), Outcome: shares.ProposalOutcome(r.Text(8)), EndedOn: d.at(9),
	}
	if err := cmp.Or(d.err, json.Unmarshal(r.Raw(6), &p.Signed)); err != nil {
		return p, fmt.Errorf("projections: proposal %s: %w", p.ID, err)
	}
	return p, nil
}

// Proposal returns the proposal of a transfer, and whether there is one.
func (m *Models) Proposal(ctx context.Context, id shares.TransferID) (Proposal, bool, error) {
	return one(ctx, m, proposalColumns+` where id = ?`, scanProposal, id)
}

// Proposals returns those that wait, oldest first; with a party, those of which they
// give or receive the shares.
func (m *Models) Proposals(ctx context.Context, party domain.PartyID) ([]Proposal, error) {
	return rows(ctx, m, proposalColumns+` where outcome is null and (?1 = '' or from_party = ?1 or to_party = ?1) order by position`, scanProposal, party)
}

// Consultation is a look that a holder took at the register.
type Consultation struct {
	ID         shares.ConsultationID
	Party      domain.PartyID
	Holder     domain.PartyID // of whom it was an extract; none: all of it
	AsAt       calendar.Date
	KnownAt    calendar.Date // no day: as it was known then
	On         calendar.Date
	RecordedAt time.Time
}

const consultationColumns = `id, party, holder, as_at, known_at, on_date, recorded_at`

func scanConsultation(r lite.Row) (Consultation, error) {
	d := days{r: r}
	return Consultation{
		ID: shares.ConsultationID(r.Text(0)), Party: domain.PartyID(r.Text(1)), Holder: domain.PartyID(r.Text(2)), AsAt: d.at(3), KnownAt: d.at(4),
		On: d.at(5), RecordedAt: r.Time(6),
	}, d.err
}

// Consultation returns a look that was taken, and whether it was.
func (m *Models) Consultation(ctx context.Context, id shares.ConsultationID) (Consultation, bool, error) {
	return one(ctx, m, `select `+consultationColumns+` from share_consultation where id = ?`, scanConsultation, id)
}

// Consultations returns a part of the list of looks taken at the register, newest first.
func (m *Models) Consultations(ctx context.Context, p Page) (List[Consultation], error) {
	return page(ctx, m, query{columns: consultationColumns, from: "share_consultation", key: "position", id: "id", descending: true}, p, scanConsultation)
}

// ConsultationsBy returns the looks that a party took, oldest first.
func (m *Models) ConsultationsBy(ctx context.Context, party domain.PartyID) ([]Consultation, error) {
	return rows(ctx, m, `select `+consultationColumns+` from share_consultation where party = ? order by position`, scanConsultation, party)
}

// HoldersOf returns those who hold shares of a class that are not paid up.
func (m *Models) HoldersOf(ctx context.Context, class domain.ClassID) ([]domain.PartyID, error) {
	return rows(ctx, m, `select distinct party from share_lot where class = ? and paid < price * quantity order by party`,
		func(r lite.Row) (domain.PartyID, error) { return domain.PartyID(r.Text(0)), nil }, class)
}

// AwaitedBy returns the transfers that wait for the admission of a party.
func (m *Models) AwaitedBy(ctx context.Context, party domain.PartyID) (waiting []shares.TransferAgreed, err error) {
	all, err := m.AgreedTransfers(ctx, party, true)
	for _, t := range all {
		if t.To == party {
			waiting = append(waiting, shares.TransferAgreed{
				Transfer: t.ID, Kind: t.Kind, Party: t.From, To: t.To, Class: t.Class, Quantity: t.Quantity, Decision: t.Decision, On: t.On,
			})
		}
	}
	return waiting, err
}

// Unissued returns the subscriptions of a party whose shares are not issued.
func (m *Models) Unissued(ctx context.Context, party domain.PartyID) (open []shares.Subscribed, err error) {
	all, err := m.ShareSubscriptions(ctx, party)
	for _, s := range all {
		if s.IssuedOn.IsZero() {
			open = append(open, shares.Subscribed{Subscription: s.ID, Party: s.Party, Class: s.Class, Quantity: s.Quantity, Price: s.Price, On: s.On})
		}
	}
	return open, err
}

// BookedBy returns the subscriptions to services that a party pays for and that have
// not ended before a day.
func (m *Models) BookedBy(ctx context.Context, party domain.PartyID, day calendar.Date) ([]domain.SubscriptionID, error) {
	return rows(ctx, m, `select id from subscription where payer = ? and (ends is null or ends >= ?) order by position`,
		func(r lite.Row) (domain.SubscriptionID, error) { return domain.SubscriptionID(r.Text(0)), nil }, party, day)
}
