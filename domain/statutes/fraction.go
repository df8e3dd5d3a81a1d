package statutes

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Fraction is an exact part of a whole, from 0 to 1, like 3/4. It is kept in
// lowest terms, so that == is equality. The zero value is none of it.
type Fraction struct{ n, d int64 }

// maxDenominator keeps fractions to what statutes say.
const maxDenominator = 1000

// Of returns n/d, and whether that is a fraction from 0 to 1 with a denominator
// of at most 1000.
func Of(n, d int64) (f Fraction, ok bool) {
	if n < 0 || d < 1 || n > d || d > maxDenominator {
		return Fraction{}, false
	}
	if n == 0 {
		return Fraction{}, true
	}
	g, r := d, n
	for r != 0 {
		g, r = r, g%r
	}
	return Fraction{n / g, d / g}, true
}

// ParseFraction reads a fraction written like "3/4", "0" or "1".
func ParseFraction(s string) (Fraction, error) {
	over, under, divided := strings.Cut(s, "/")
	n, ok := digits(over)
	d := int64(1)
	if divided && ok {
		d, ok = digits(under)
	}
	if f, fits := Of(n, d); ok && fits {
		return f, nil
	}
	return Fraction{}, fmt.Errorf("%q is not a fraction from 0 to 1: write it like 3/4, with at most %d below the line", s, maxDenominator)
}

// MustFraction is [ParseFraction] for fractions written in the source.
func MustFraction(s string) Fraction {
	f, err := ParseFraction(s)
	if err != nil {
		panic(err)
	}
	return f
}

func digits(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 32)
	return n, err == nil && strings.Trim(s, "0123456789") == ""
}

// IsZero reports whether it is none of the whole.
func (f Fraction) IsZero() bool { return f.n == 0 }

// Reached reports whether part is at least this fraction of whole. Neither is
// negative. The comparison is exact.
func (f Fraction) Reached(part, whole int64) bool { return f.compare(part, whole) >= 0 }

// Exceeded reports whether part is more than this fraction of whole.
func (f Fraction) Exceeded(part, whole int64) bool { return f.compare(part, whole) > 0 }

// compare orders part and f × whole, by products of 128 bits.
func (f Fraction) compare(part, whole int64) int {
	d := max(f.d, 1)
	hi, lo := bits.Mul64(uint64(max(part, 0)), uint64(d))
	hi2, lo2 := bits.Mul64(uint64(max(whole, 0)), uint64(f.n))
	switch {
	case hi > hi2 || hi == hi2 && lo > lo2:
		return 1
	case hi < hi2 || hi == hi2 && lo < lo2:
		return -1
	}
	return 0
}

// Floor returns the largest whole number that is at most this fraction of whole,
// which is not negative.
func (f Fraction) Floor(whole int64) int64 {
	hi, lo := bits.Mul64(uint64(max(whole, 0)), uint64(f.n))
	quotient, _ := bits.Div64(hi, lo, uint64(max(f.d, 1)))
	return int64(quotient)
}

// Compare orders fractions, as [cmp.Compare] orders numbers.
func (f Fraction) Compare(g Fraction) int {
	left, right := f.n*max(g.d, 1), g.n*max(f.d, 1)
	switch {
	case left < right:
		return -1
	case left > right:
		return 1
	}
	return 0
}

// String writes the form that [ParseFraction] reads.
func (f Fraction) String() string {
	if f.d <= 1 {
		return strconv.FormatInt(f.n, 10)
	}
	return fmt.Sprintf("%d/%d", f.n, f.d)
}

// MarshalText writes the form of [Fraction.String].
func (f Fraction) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what [ParseFraction] reads.
func (f *Fraction) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFraction(string(text))
	return err
}
