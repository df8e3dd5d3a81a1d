package projections

import (
	"context"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/payment"
	"rochdale/eventstore/lite"
)

var paymentProjection = projection{
	module: "payment",
	wants:  []any{payment.Received{}, payment.Matched{}, payment.Unmatched{}, payment.Reversed{}},
	apply: func(t *table, event any) error {
		switch e := event.(type) {
		case payment.Received:
			return t.Exec(`insert into payment values (?, ?, ?, ?, ?, ?, ?, ?, ?, null)`,
				e.Payment, e.Payer, e.Amount.Minor(), e.Amount.Currency(), e.On, e.Method, e.Reference, e.Communication, t.position)
		case payment.Matched:
			return t.Exec(`update payment set payer = ? where id = ?`, e.Payer, e.Payment)
		case payment.Unmatched:
			return t.Exec(`update payment set payer = '' where id = ?`, e.Payment)
		case payment.Reversed:
			return t.Exec(`update payment set reversed_on = ? where id = ?`, e.On, e.Payment)
		}
		return nil
	},
}

// Payment is money that came in.
type Payment struct {
	ID            domain.PaymentID
	Payer         domain.PartyID // empty while nobody is known to have paid it
	Amount        money.Money
	On            calendar.Date
	Method        payment.Method
	Reference     string
	Communication domain.Communication
	ReversedOn    calendar.Date // no day while it is a payment
}

const paymentColumns = `id, payer, amount, currency, on_date, method, reference, communication, reversed_on`

func scanPayment(r lite.Row) (p Payment, err error) {
	p = Payment{
		ID: domain.PaymentID(r.Text(0)), Payer: domain.PartyID(r.Text(1)), Amount: amount(r, 2, 3),
		Method: payment.Method(r.Text(5)), Reference: r.Text(6), Communication: domain.Communication(r.Text(7)),
	}
	d := days{r: r}
	p.On, p.ReversedOn = d.at(4), d.at(8)
	return p, d.err
}

// PaymentFilter chooses among payments.
type PaymentFilter struct {
	Payer     domain.PartyID // empty: all
	Unmatched bool           // only those of which nobody is known to have paid them
}

// Payments returns a part of the list of payments, in the order in which they
// were recorded.
func (m *Models) Payments(ctx context.Context, filter PaymentFilter, p Page) (List[Payment], error) {
	q := query{columns: paymentColumns, from: "payment", key: "position", id: "id", where: "true"}
	if filter.Payer != "" {
		q.where, q.args = q.where+" and payer in "+strings.ReplaceAll(selves, "?1", "?"), append(q.args, filter.Payer)
	}
	if filter.Unmatched {
		q.where += " and payer = '' and reversed_on is null"
	}
	return page(ctx, m, q, p, scanPayment)
}

// Payment returns one payment, and whether there is one.
func (m *Models) Payment(ctx context.Context, id domain.PaymentID) (Payment, bool, error) {
	return one(ctx, m, `select `+paymentColumns+` from payment where id = ?`, scanPayment, id)
}

// Balance is how a payer stands.
type Balance struct {
	Invoiced money.Money
	Received money.Money
}

// Due returns what is still to be paid; less than nothing if too much was.
func (b Balance) Due() money.Money { return b.Invoiced.Minus(b.Received) }

// Balance returns how a party stands, with those that were found to be it.
func (m *Models) Balance(ctx context.Context, party domain.PartyID) (b Balance, err error) {
	b, _, err = one(ctx, m, `select
		coalesce((select sum(gross) from invoice where payer in `+selves+`), 0), coalesce((select sum(amount) from payment where reversed_on is null and payer in `+selves+`), 0),
		coalesce((select currency from invoice where payer in `+selves+` limit 1), (select currency from payment where payer in `+selves+` limit 1), '')`,
		func(r lite.Row) (Balance, error) { return Balance{amount(r, 0, 2), amount(r, 1, 2)}, nil }, party)
	return b, err
}
