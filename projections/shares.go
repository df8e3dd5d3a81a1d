package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
	"rochdale/eventstore/lite"
)

var sharesProjection = projection{
	module: "shares",
	wants: []any{
		shares.Subscribed{},
		shares.SubscriptionWithdrawn{},
		shares.Paid{},
		shares.Issued{},
		shares.TransferredOut{},
		shares.TransferredIn{},
		shares.ConvertedOut{},
		shares.ConvertedIn{},
		shares.Left{},
		shares.Redeemed{},
		shares.Reversed{},
	},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case shares.Subscribed:
			return t.Exec(`insert into share_subscription (party, id, class, quantity, price, currency, on_date) values (?, ?, ?, ?, ?, ?, ?)`,
				e.Party, e.Subscription, e.Class, e.Quantity, e.Price.Minor(), e.Price.Currency(), e.On)
		case shares.SubscriptionWithdrawn:
			return t.withdrawn(e)
		case shares.Paid:
			return t.paid(e.Party, e.Class, cmp.Or(e.Subscriber, e.Party), e.Subscription, MovedPaid, e.Amount, e.Reference, e.On)
		case shares.Issued:
			err := t.Exec(`update share_subscription set issued_on = ? where party = ? and class = ? and id = ?`, e.On, e.Party, e.Class, e.Subscription)
			if err != nil {
				return err
			}
			lot := shares.Lot{
				Subscription: e.Subscription, Subscriber: e.Party, AcquiredOn: e.On, Quantity: e.Quantity, Price: e.Price,
				Paid: money.New(0, e.Price.Currency()),
			}
			return t.move(0, e.Party, e.Class, MovedIssued, lot, 1, string(e.Subscription), "", e.On)
		case shares.TransferredOut:
			return t.moveAll(e.Party, e.Class, MovedTransferredOut, e.Lots, -1, string(e.Transfer), e.To, e.On)
		case shares.TransferredIn:
			return t.moveAll(e.Party, e.Class, MovedTransferredIn, e.Lots, 1, string(e.Transfer), e.From, e.On)
		case shares.ConvertedOut:
			return t.moveAll(e.Party, e.Class, MovedConvertedOut, e.Lots, -1, string(e.Conversion), "", e.On)
		case shares.ConvertedIn:
			return t.moveAll(e.Party, e.Class, MovedConvertedIn, e.Lots, 1, string(e.Conversion), "", e.On)
		case shares.Left:
			return t.moveAll(e.Party, e.Class, MovedLeft, e.Lots, -1, string(e.Claim), "", e.On)
		case shares.Redeemed:
			return t.moveAll(e.Party, e.Class, MovedRedeemed, e.Lots, -1, string(e.Redemption), "", e.On)
		case shares.Reversed:
			return t.reversed(e)
		}
		return nil
	},
}

// paid enters money paid on a subscription or, with an amount below nothing, taken back.
func (t *table) paid(party domain.PartyID, class domain.ClassID, subscriber domain.PartyID, id shares.SubscriptionID,
	kind MovementKind, amount money.Money, reference string, on calendar.Date,
) error {
	err := t.Exec(`update share_subscription set paid = paid + ? where party = ? and class = ? and id = ?`, amount.Minor(), subscriber, class, id)
	if err != nil {
		return err
	}
	price := money.New(0, amount.Currency())
	_, err = t.One(`select price from share_subscription where party = ? and class = ? and id = ?`, func(r lite.Row) {
		price = money.New(r.Int(0), amount.Currency())
	}, subscriber, class, id)
	if err != nil {
		return err
	}
	lot := shares.Lot{Subscription: id, Subscriber: subscriber, AcquiredOn: on, Paid: amount, Price: price}
	return t.move(0, party, class, kind, lot, 1, reference, "", on)
}

// withdrawn takes a subscription away, and what was paid on it, which is a credit now.
func (t *table) withdrawn(e shares.SubscriptionWithdrawn) error {
	var paid money.Money
	for _, c := range e.Credits {
		paid = paid.Plus(c.Amount)
	}
	if !paid.IsZero() {
		err := t.paid(e.Party, e.Class, e.Party, e.Subscription, MovedWithdrawn, paid.Negated(), string(e.Subscription), e.On)
		if err != nil {
			return err
		}
	}
	return t.Exec(`delete from share_subscription where party = ? and class = ? and id = ?`, e.Party, e.Class, e.Subscription)
}

// reversed enters what undoes another entry. Calls and losses are in neither ledger.
func (t *table) reversed(e shares.Reversed) error {
	switch e.Entry {
	case shares.EntryPayment:
		if p := e.Payment; p != nil && !p.Amount.IsZero() {
			return t.paid(e.Party, e.Class, cmp.Or(p.Subscriber, e.Party), p.Subscription, MovedReversed, p.Amount.Negated(), e.Of, e.On)
		}
		return nil
	case shares.EntryIssue: // what was paid stays with the subscription
		lots := slices.Clone(e.Lots)
		for i := range lots {
			lots[i].Paid = money.New(0, lots[i].Price.Currency())
		}
		err := t.Exec(`update share_subscription set issued_on = null where party = ? and class = ? and id = ?`, e.Party, e.Class, e.Of)
		if err != nil {
			return err
		}
		return t.moveAll(e.Party, e.Class, MovedReversed, lots, -1, e.Of, "", e.On)
	case shares.EntryTransfer, shares.EntryConversion, shares.EntryExit, shares.EntryRedemption:
		sign := int64(1)
		if e.Quantity < 0 {
			sign = -1
		}
		return t.moveAll(e.Party, e.Class, MovedReversed, e.Lots, sign, e.Of, "", e.On)
	case shares.EntryCall, shares.EntryLoss, shares.EntryCredit, shares.EntryTimeBar, shares.EntryRepayment, shares.EntryPayout:
	}
	return nil
}

func (t *table) moveAll(party domain.PartyID, class domain.ClassID, kind MovementKind, lots []shares.Lot, sign int64,
	reference string, counterparty domain.PartyID, on calendar.Date,
) error {
	for i, lot := range lots {
		if err := t.move(i, party, class, kind, lot, sign, reference, counterparty, on); err != nil {
			return err
		}
	}
	return nil
}

// move enters a change to both ledgers.
func (t *table) move(line int, party domain.PartyID, class domain.ClassID, kind MovementKind, lot shares.Lot, sign int64,
	reference string, counterparty domain.PartyID, on calendar.Date,
) error {
	if !kind.Valid() {
		return fmt.Errorf("projections: there is no movement %q", kind)
	}
	err := t.Exec(`insert into share_movement values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.position, line, party, class, domain.StreamOf(string(lot.Subscriber), string(lot.Subscription)), lot.AcquiredOn, kind,
		sign*lot.Quantity, sign*lot.Paid.Minor(), lot.Price.Minor(), lot.Paid.Currency(), null(string(counterparty)), reference, on, t.recordedAt)
	if err != nil {
		return err
	}
	return t.Exec(`insert into holding values (?, ?, ?, ?, ?) on conflict (party, class) do update set
		quantity = quantity + excluded.quantity, paid = paid + excluded.paid`,
		party, class, sign*lot.Quantity, sign*lot.Paid.Minor(), lot.Paid.Currency())
}

// Holding is what a party holds of a class.
type Holding struct {
	Party    domain.PartyID
	Class    domain.ClassID
	Quantity int64
	Paid     money.Money // on them, and on shares that are not issued yet
}

func scanHolding(r lite.Row) (Holding, error) {
	return Holding{domain.PartyID(r.Text(0)), domain.ClassID(r.Text(1)), r.Int(2), amount(r, 3, 4)}, nil
}

// Holdings returns what a party holds now, by class.
func (m *Models) Holdings(ctx context.Context, party domain.PartyID) ([]Holding, error) {
	return rows(ctx, m, `select party, class, quantity, paid, currency from holding where party = ? and quantity > 0 order by class`, scanHolding, party)
}

// HoldingsOf returns the same for several parties at once.
func (m *Models) HoldingsOf(ctx context.Context, parties []domain.PartyID) (map[domain.PartyID][]Holding, error) {
	all := make(map[domain.PartyID][]Holding, len(parties))
	err := m.read(ctx, func(c *lite.Conn) error {
		for _, party := range parties {
			err := c.Query(`select party, class, quantity, paid, currency from holding where party = ? and quantity > 0 order by class`,
				func(r lite.Row) error {
					h, err := scanHolding(r)
					all[party] = append(all[party], h)
					return err
				}, party)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// MovementKind is how shares, or what was paid on them, changed.
type MovementKind string

// The kinds of movement.
const (
	MovedPaid           MovementKind = "paid"
	MovedWithdrawn      MovementKind = "withdrawn" // what was paid on a subscription became a credit
	MovedIssued         MovementKind = "issued"
	MovedTransferredIn  MovementKind = "transferred_in"
	MovedTransferredOut MovementKind = "transferred_out"
	MovedConvertedIn    MovementKind = "converted_in"
	MovedConvertedOut   MovementKind = "converted_out"
	MovedLeft           MovementKind = "left" // with a claim
	MovedRedeemed       MovementKind = "redeemed"
	MovedReversed       MovementKind = "reversed"
)

// MovementKinds are all of them.
var MovementKinds = []MovementKind{
	MovedPaid, MovedWithdrawn, MovedIssued, MovedTransferredIn, MovedTransferredOut, MovedConvertedIn, MovedConvertedOut, MovedLeft,
	MovedRedeemed, MovedReversed,
}

// Valid reports whether it is one of these.
func (k MovementKind) Valid() bool { return slices.Contains(MovementKinds, k) }

// ShareMovement is a change to the shares of a party, or to what was paid on them.
type ShareMovement struct {
	Position     int64
	Party        domain.PartyID
	Class        domain.ClassID
	Kind         MovementKind
	Quantity     int64
	Paid         money.Money
	Counterparty domain.PartyID
	Reference    string
	On           calendar.Date
	RecordedAt   time.Time
}

// ShareMovements returns all movements of a party, oldest first.
func (m *Models) ShareMovements(ctx context.Context, party domain.PartyID) ([]ShareMovement, error) {
	return rows(ctx, m, `select position, party, class, kind, quantity, paid, currency, counterparty, reference, on_date, recorded_at
		from share_movement where party = ? order by position, line`, func(r lite.Row) (v ShareMovement, err error) {
		v = ShareMovement{
			Position: r.Int(0), Party: domain.PartyID(r.Text(1)), Class: domain.ClassID(r.Text(2)), Kind: MovementKind(r.Text(3)), Quantity: r.Int(4),
			Paid: amount(r, 5, 6), Counterparty: domain.PartyID(r.Text(7)), Reference: r.Text(8), RecordedAt: r.Time(10),
		}
		return v, r.Into(9, &v.On)
	}, party)
}

// ShareSubscription is a promise to take shares.
type ShareSubscription struct {
	ID       shares.SubscriptionID
	Party    domain.PartyID
	Class    domain.ClassID
	Quantity int64
	Price    money.Money // of one share
	Paid     money.Money
	On       calendar.Date
	IssuedOn calendar.Date // no day while they are not
}

// ShareSubscriptions returns those of a party, oldest first.
func (m *Models) ShareSubscriptions(ctx context.Context, party domain.PartyID) ([]ShareSubscription, error) {
	return rows(ctx, m, `select id, party, class, quantity, price, currency, paid, on_date, issued_on from share_subscription
		where party = ? order by on_date, class, id`, func(r lite.Row) (ShareSubscription, error) {
		d := days{r: r}
		return ShareSubscription{
			ID: shares.SubscriptionID(r.Text(0)), Party: domain.PartyID(r.Text(1)), Class: domain.ClassID(r.Text(2)), Quantity: r.Int(3),
			Price: amount(r, 4, 5), Paid: amount(r, 6, 5), On: d.at(7), IssuedOn: d.at(8),
		}, d.err
	}, party)
}

// RegisterEntry is a line of the register of shares: shares of one class that a
// party acquired on one day.
type RegisterEntry struct {
	Member           Known // of who is none on the day, only the last number
	Party            domain.PartyID
	Name             string // as it is known now; empty once erased
	Address          string
	Country          string // ISO 3166-1
	EnterpriseNumber string // of an organisation
	Class            domain.ClassID
	AcquiredOn       calendar.Date // by whoever subscribed to them
	Quantity         int64
	Price            money.Money // of one
	Paid             money.Money // on all of them
}

// RegisterAt returns the register of shares as at the end of a day, as far as was
// known at an instant; the zero instant is now. Holders are in the order of their
// numbers, those who never had one last. [Models.Register] yields it without
// having all of it at once.
func (m *Models) RegisterAt(ctx context.Context, day calendar.Date, known time.Time) (entries []RegisterEntry, err error) {
	err = m.read(ctx, func(c *lite.Conn) error {
		members, err := membersAt(c, day, known, "")
		if err != nil {
			return err
		}
		byParty := make(map[domain.PartyID]Known, len(members))
		for _, k := range members {
			byParty[k.Party] = k
		}
		return registerOf(c, AsAt{day, known}, "", func(e RegisterEntry) error {
			if k, member := byParty[e.Party]; member {
				e.Member = k
			}
			entries = append(entries, e)
			return nil
		})
	})
	slices.SortStableFunc(entries, func(a, b RegisterEntry) int {
		return cmp.Or(cmp.Compare(uint64(a.Member.Number-1), uint64(b.Member.Number-1)), cmp.Compare(a.Party, b.Party)) // so that 0 comes last
	})
	return entries, err
}

// address returns a domicile as it stands in a register, as far as it is known.
func address(street, postalCode, city string) string {
	place := strings.TrimSpace(postalCode + " " + city)
	if street == "" || place == "" {
		return street + place
	}
	return street + ", " + place
}

// ShareTotal is what all hold of a class.
type ShareTotal struct {
	Class    domain.ClassID
	Holders  int64
	Quantity int64
	Paid     money.Money
}

// ShareTotals returns what is held now, by class.
func (m *Models) ShareTotals(ctx context.Context) ([]ShareTotal, error) {
	return rows(ctx, m, `select class, count(*), sum(quantity), sum(paid), max(currency) from holding where quantity > 0 group by class order by class`,
		func(r lite.Row) (ShareTotal, error) {
			return ShareTotal{domain.ClassID(r.Text(0)), r.Int(1), r.Int(2), amount(r, 3, 4)}, nil
		})
}
