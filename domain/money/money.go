// Package money counts whole minor units, so that amounts compare with == and no
// sum has a hidden fraction. Rates, quantities and unit prices are decimals, as
// are products of them that are not rounded yet; [Round] is the only door
// between the two.
package money

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Money is a whole number of minor units (cents) of one currency. Its zero value
// is nothing in any currency, from which sums may start.
type Money struct {
	minor    int64
	currency Currency
}

// Currency is an ISO 4217 code in capitals.
type Currency string

// EUR is the euro.
const EUR Currency = "EUR"

// Digits returns the number of decimals of the currency's minor unit.
func (c Currency) Digits() int32 {
	switch c {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}

// Valid reports whether it has the form of a code: three capital letters.
func (c Currency) Valid() bool {
	return len(c) == 3 && strings.Trim(string(c), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// New returns an amount of minor units: New(250, "EUR") is two euros fifty.
func New(minor int64, c Currency) Money {
	if minor == 0 && c == "" {
		return Money{}
	}
	return Money{minor, c}
}

// Round returns an amount to the nearest minor unit, halves away from zero, as
// EN 16931 and the tax offices of its countries round.
func Round(amount decimal.Decimal, c Currency) Money {
	return Money{amount.Shift(c.Digits()).Round(0).IntPart(), c}
}

// Parse reads an amount written like "12.50 EUR", or "0".
func Parse(s string) (Money, error) {
	amount, code, _ := strings.Cut(s, " ")
	c := Currency(code)
	if minor, ok := whole(amount, c.Digits()); ok && (c.Valid() || code == "" && minor == 0) {
		return Money{minor, c}, nil
	}
	return Money{}, fmt.Errorf("money: %q is not like \"12.50 EUR\"", s)
}

// whole reads a decimal number with at most so many decimals as minor units.
func whole(s string, digits int32) (minor int64, ok bool) {
	units, decimals, _ := strings.Cut(s, ".")
	if int32(len(decimals)) > digits || len(strings.TrimPrefix(units, "-")) == 0 || strings.ContainsAny(s, "+_") ||
		strings.HasPrefix(decimals, "-") || strings.HasSuffix(s, ".") {
		return 0, false
	}
	minor, err := strconv.ParseInt(units+decimals+strings.Repeat("0", int(digits)-len(decimals)), 10, 64)
	return minor, err == nil
}

// Must is [Parse] for amounts written in the source.
func Must(s string) Money {
	m, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return m
}

// Minor returns the number of minor units.
func (m Money) Minor() int64 { return m.minor }

// Currency returns the currency, or "" for the zero value.
func (m Money) Currency() Currency { return m.currency }

// Decimal returns the amount in units of the currency.
func (m Money) Decimal() decimal.Decimal { return decimal.New(m.minor, -m.currency.Digits()) }

// Sign is -1, 0 or 1 as m is less than, equal to or more than nothing.
func (m Money) Sign() int {
	switch {
	case m.minor < 0:
		return -1
	case m.minor > 0:
		return 1
	}
	return 0
}

// IsPositive reports whether m is more than nothing.
func (m Money) IsPositive() bool { return m.minor > 0 }

// IsZero reports whether m is nothing, in whatever currency.
func (m Money) IsZero() bool { return m.minor == 0 }

// Plus adds. To add two currencies, or more than 64 bits hold, is a mistake in
// the program, and panics.
func (m Money) Plus(n Money) Money {
	sum := m.minor + n.minor
	if m.currency != n.currency && m != (Money{}) && n != (Money{}) || (sum > m.minor) != (n.minor > 0) && n.minor != 0 {
		panic(fmt.Sprintf("money: %v plus %v", m, n))
	}
	return Money{sum, max(m.currency, n.currency)}
}

// Minus subtracts, as [Money.Plus] adds.
func (m Money) Minus(n Money) Money { return m.Plus(n.Negated()) }

// Negated returns what m lacks to nothing.
func (m Money) Negated() Money { return Money{-m.minor, m.currency} }

// Compare orders amounts of one currency, as [cmp.Compare] orders numbers.
func (m Money) Compare(n Money) int { return m.Minus(n).Sign() }

// Times multiplies by a whole number.
func (m Money) Times(n int64) Money {
	product := m.minor * n
	if n != 0 && (product/n != m.minor || n == -1 && m.minor == product && m.minor != 0) {
		panic(fmt.Sprintf("money: %v times %d", m, n))
	}
	return Money{product, m.currency}
}

// TimesRate multiplies by a rate or proportion, rounded as [Round] does.
func (m Money) TimesRate(rate decimal.Decimal) Money {
	return Round(m.Decimal().Mul(rate), m.currency)
}

// Split divides into n parts that differ by at most a minor unit and sum to m.
// The larger parts come last.
func (m Money) Split(n int) []Money {
	parts, left := make([]Money, n), m.minor
	for i := range parts {
		part := left / int64(n-i)
		parts[i], left = Money{part, m.currency}, left-part
	}
	return parts
}

// Allocate divides in proportion to weights, none of them negative and not all
// nothing. The parts sum to m; each differs from its exact share by less than a
// minor unit, and what rounding leaves over goes to the largest remainders, to
// the first among equals.
func (m Money) Allocate(weights ...decimal.Decimal) []Money {
	total := decimal.Zero
	for _, w := range weights {
		total = total.Add(w)
	}
	parts, rest, order := make([]Money, len(weights)), make([]decimal.Decimal, len(weights)), make([]int, len(weights))
	left := m.minor
	for i, w := range weights {
		share, remainder := decimal.NewFromInt(m.minor).Mul(w).QuoRem(total, 0)
		parts[i], rest[i], order[i] = Money{share.IntPart(), m.currency}, remainder.Abs(), i
		left -= share.IntPart()
	}
	slices.SortStableFunc(order, func(i, j int) int { return rest[j].Cmp(rest[i]) })
	step := int64(Money{minor: m.minor}.Sign())
	for _, i := range order {
		if left == 0 {
			break
		}
		parts[i].minor += step
		left -= step
	}
	return parts
}

// String writes the amount in the form that [Parse] reads.
func (m Money) String() string {
	b, n, unit := make([]byte, 0, 28), uint64(m.minor), uint64(1)
	if m.minor < 0 {
		b, n = append(b, '-'), -n
	}
	for range m.currency.Digits() {
		unit *= 10
	}
	b = strconv.AppendUint(b, n/unit, 10)
	if unit > 1 {
		b = append(b, '.')
	}
	for digit := unit / 10; digit > 0; digit /= 10 {
		b = append(b, byte('0'+n/digit%10))
	}
	if m.currency != "" {
		b = append(append(b, ' '), m.currency...)
	}
	return string(b)
}

// MarshalText writes the form of [Money.String].
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what [Parse] reads.
func (m *Money) UnmarshalText(text []byte) (err error) {
	*m, err = Parse(string(text))
	return err
}
