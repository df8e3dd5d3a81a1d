package billing

import (
	"slices"

	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
)

// Category is how an amount is taxed, by its code in UNTDID 5305.
type Category string

const (
	Standard      Category = "S"  // at a rate above zero, reduced or not
	ZeroRated     Category = "Z"  // at zero
	Exempt        Category = "E"  // as small undertakings are
	ReverseCharge Category = "AE" // the customer owes the tax
	IntraEU       Category = "K"  // goods to another member state
	Export        Category = "G"
	OutOfScope    Category = "O"
)

func (c Category) valid() bool {
	return slices.Contains([]Category{Standard, ZeroRated, Exempt, ReverseCharge, IntraEU, Export, OutOfScope}, c)
}

// Charge is an amount owed, as the price list has it.
type Charge struct {
	Kind         string                `json:"kind"`        // of charge, by which a program knows it; like "plan"
	Description  string                `json:"description"` // in the payer's language, as the invoice says it (BT-153)
	Subscription domain.SubscriptionID `json:"subscription,omitempty"`
	Plan         domain.PlanID         `json:"plan,omitempty"`
	GB           int                   `json:"gb,omitempty"`
	Period       calendar.Period       `json:"period"` // that it is for (BG-26)
	Quantity     decimal.Decimal       `json:"quantity"`
	UnitPrice    decimal.Decimal       `json:"unit_price"` // VAT is inside if the invoice says so
	Amount       money.Money           `json:"amount"`     // VAT is inside if the invoice says so; not less than nothing
	// Saved is what the payer would owe in addition who is no member: the advantage of
	// being one. VAT is inside as in the amount. Edition 1 says nothing of it.
	Saved    money.Money     `json:"saved,omitzero"`
	Category Category        `json:"category"` // BT-151
	Rate     decimal.Decimal `json:"rate"`     // of VAT in percent, like 21 (BT-152)
}

// problem returns the rule that the charge breaks, or "".
func (c Charge) problem() string {
	hundred := decimal.New(100, 0)
	switch {
	case c.Description == "":
		return "it says what it is for"
	case c.Amount.Sign() < 0:
		return "it is not less than nothing: what is given back is a credit note"
	case c.Amount.Currency() == "":
		return "it is in a currency"
	case !c.Category.valid():
		return "it has a VAT category of UNTDID 5305"
	case c.Rate.IsNegative() || c.Rate.GreaterThanOrEqual(hundred) || c.Rate.Exponent() < -4 || c.Rate.Exponent() > 2:
		return "its VAT rate is a percentage below 100"
	case c.Rate.IsZero() == (c.Category == Standard):
		return "its VAT rate is above zero in the category S, and zero in every other"
	}
	return ""
}

// Line is a line of an invoice.
type Line struct {
	Charge
	Net money.Money `json:"net"` // without VAT (BT-131)
}

// Tax sums up the lines of one category and rate (BG-23).
type Tax struct {
	Category Category        `json:"category"` // BT-118
	Rate     decimal.Decimal `json:"rate"`     // in percent (BT-119)
	Net      money.Money     `json:"net"`      // BT-116
	VAT      money.Money     `json:"vat"`      // BT-117
	Gross    money.Money     `json:"gross"`
}

// Totals are the amounts of an invoice.
type Totals struct {
	Lines []Line      `json:"lines"`
	Taxes []Tax       `json:"taxes"` // in the order in which their lines first come
	Net   money.Money `json:"net"`   // BT-109
	VAT   money.Money `json:"vat"`   // BT-110
	Gross money.Money `json:"gross"` // BT-112 and BT-115
}

// Total sums charges of one currency up as EN 16931 asks: the net amounts of the
// lines sum to the net amount of their rate, VAT is computed and rounded once per
// rate and not per line, and net and VAT sum to gross, for each rate and for all.
//
// Where the charges are without VAT, it is the net sum times the rate. Where VAT
// is inside, what is owed is the sum of the charges and stays so to the cent. The
// net amount is that sum divided by 1 + rate, rounded; VAT is what remains, which
// is the part of the price that is tax to the nearest cent (Directive 2006/112/EC
// art. 73 and 78(a): VAT is no part of what it is computed on). It is also net
// times the rate, rounded, wherever any net amount makes that sum: at 21 % some
// sums, 21 of 121, are reached by none, and there it differs by one cent. The
// validators of the norm allow for that in BR-CO-17 and BR-S-09. The net amount
// is then divided among its lines in proportion, so that it loses no cent.
func Total(charges []Charge, includeVAT bool) Totals {
	type key struct {
		category Category
		rate     string
	}
	t := Totals{Lines: make([]Line, len(charges))}
	rates := map[key][]int{} // indexes of the lines
	var order []key
	for i, c := range charges {
		t.Lines[i] = Line{Charge: c, Net: c.Amount}
		k := key{c.Category, c.Rate.String()}
		if rates[k] == nil {
			order = append(order, k)
		}
		rates[k] = append(rates[k], i)
	}
	for _, k := range order {
		first := charges[rates[k][0]]
		tax := Tax{Category: first.Category, Rate: first.Rate}
		var sum money.Money
		weights := make([]decimal.Decimal, len(rates[k]))
		for n, i := range rates[k] {
			sum, weights[n] = sum.Plus(charges[i].Amount), charges[i].Amount.Decimal()
		}
		tax.Net, tax.VAT, tax.Gross = divide(sum, first.Rate, includeVAT)
		if includeVAT && sum.IsPositive() {
			for n, net := range tax.Net.Allocate(weights...) {
				t.Lines[rates[k][n]].Net = net
			}
		}
		t.Taxes = append(t.Taxes, tax)
		t.Net, t.VAT, t.Gross = t.Net.Plus(tax.Net), t.VAT.Plus(tax.VAT), t.Gross.Plus(tax.Gross)
	}
	return t
}

func divide(sum money.Money, percent decimal.Decimal, includeVAT bool) (net, vat, gross money.Money) {
	rate := percent.Shift(-2)
	if !includeVAT {
		vat = sum.TimesRate(rate)
		return sum, vat, sum.Plus(vat)
	}
	c := sum.Currency()
	net = money.Round(sum.Decimal().DivRound(rate.Add(decimal.New(1, 0)), c.Digits()), c)
	return net, sum.Minus(net), sum
}
