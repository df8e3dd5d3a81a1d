package money_test

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"rochdale/domain/money"
)

func ExampleMoney_Split() {
	fmt.Println(money.Must("10.00 EUR").Split(3))
	// Output: [3.33 EUR 3.33 EUR 3.34 EUR]
}

func ExampleRound() {
	fmt.Println(money.Round(decimal.RequireFromString("2.675"), money.EUR), money.Round(decimal.RequireFromString("-2.675"), money.EUR))
	fmt.Println(money.Round(decimal.RequireFromString("2.5"), "JPY"))
	// Output:
	// 2.68 EUR -2.68 EUR
	// 3 JPY
}

var amounts = rapid.Custom(func(t *rapid.T) money.Money {
	c := rapid.SampledFrom([]money.Currency{"EUR", "JPY", "TND"}).Draw(t, "currency")
	return money.New(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "minor"), c)
})

func TestTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := amounts.Draw(t, "amount")
		if back, err := money.Parse(m.String()); back != m || err != nil {
			t.Errorf("%v reads back as %v, %v", m, back, err)
		}
		if want := m.Decimal().StringFixed(m.Currency().Digits()) + " " + string(m.Currency()); m.String() != want {
			t.Errorf("got %v, want %s", m, want)
		}
	})
}

func TestPartsSumToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := amounts.Draw(t, "amount")
		sum := func(parts []money.Money) (total money.Money) {
			for _, p := range parts {
				total = total.Plus(p)
			}
			return total
		}
		n := rapid.IntRange(1, 50).Draw(t, "parts")
		parts := m.Split(n)
		if sum(parts) != m {
			t.Errorf("%v split into %d: %v", m, n, parts)
		}
		for _, p := range parts {
			if d := p.Minus(parts[0]).Minor(); d > 1 || d < -1 {
				t.Errorf("%v split into %d: %v", m, n, parts)
			}
		}
		weights := make([]decimal.Decimal, n)
		total := decimal.Zero
		for i := range weights {
			weights[i] = decimal.New(rapid.Int64Range(0, 1000).Draw(t, "weight"), -2)
			total = total.Add(weights[i])
		}
		if total.IsZero() {
			weights[0], total = decimal.New(1, 0), decimal.New(1, 0)
		}
		parts = m.Allocate(weights...)
		if sum(parts) != m {
			t.Errorf("%v by %v: %v", m, weights, parts)
		}
		for i, p := range parts {
			exact := decimal.NewFromInt(m.Minor()).Mul(weights[i])
			if p.Decimal().Shift(m.Currency().Digits()).Mul(total).Sub(exact).Abs().GreaterThanOrEqual(total) {
				t.Errorf("%v by %v: part %d is %v", m, weights, i, p)
			}
		}
	})
}

func TestSumsAreRefusedAcrossCurrenciesAndBeyond64Bits(t *testing.T) {
	for name, sum := range map[string]func(){
		"currencies": func() { money.Must("1.00 EUR").Plus(money.Must("1 JPY")) },
		"overflow":   func() { money.New(1<<62, "EUR").Plus(money.New(1<<62, "EUR")) },
		"product":    func() { money.New(1<<62, "EUR").Times(3) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			sum()
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12.50 EUR", "0", "-0.05 EUR", "1e9 EUR", "1,50 EUR", "12.505 EUR", "1. EUR", "+1.00 EUR", "--1 EUR", " 1 EUR", "1_000 EUR", "1.00 eur"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := money.Parse(s)
		if err != nil {
			return
		}
		if back, err := money.Parse(m.String()); err != nil || back != m {
			t.Errorf("%q is %v, which reads back as %v, %v", s, m, back, err)
		}
	})
}

func TestWhatIsNoAmount(t *testing.T) {
	for _, s := range []string{"", "EUR", "1,50 EUR", "12.505 EUR", "1.5", "1. EUR", "+1.00 EUR", "1e3 EUR", "1.00 eur", "1.00 EURO", "99999999999999999999.00 EUR"} {
		if m, err := money.Parse(s); err == nil {
			t.Errorf("%q was read as %v", s, m)
		}
	}
}
