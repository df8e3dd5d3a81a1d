package domain_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rochdale/domain"
)

func TestIBAN(t *testing.T) {
	for _, text := range []string{
		"BE68 5390 0754 7034", "be68539007547034", "NL91ABNA0417164300", "DE89 3704 0044 0532 0130 00",
		"FR1420041010050500013M02606", "LU28 0019 4006 4475 0000", "BR1800360305000010009795493C1", // a country that is not listed
	} {
		iban, err := domain.ParseIBAN(text)
		if err != nil || !iban.Valid() || strings.ReplaceAll(iban.Grouped(), " ", "") != string(iban) || iban.Country() != strings.ToUpper(text[:2]) {
			t.Errorf("%s: %q, %v", text, iban, err)
		}
	}
	if got := domain.IBAN("BE68539007547034").Grouped(); got != "BE68 5390 0754 7034" {
		t.Error(got)
	}
	for _, text := range []string{
		"", "BE", "BE68", "BE68 5390 0754 7035", "BE86 5390 0754 7034", "BE6853900754703", "BE685390075470344",
		"DE68539007547034", "68BE539007547034", "BEXX539007547034", "BE68-5390-0754-7034", "BE68539007547Ö34",
		"NL91ABNA04171643", strings.Repeat("1", 40),
	} {
		if iban, err := domain.ParseIBAN(text); err == nil {
			t.Errorf("%q is read as %s", text, iban)
		} else if len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("%v repeats the number", err)
		}
	}
}

// TestOneWrongCharacterOfAnIBANShows changes a digit, or swaps two neighbours.
func TestOneWrongCharacterOfAnIBANShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		good := "BE68539007547034"
		i := rapid.IntRange(2, len(good)-2).Draw(t, "place")
		wrong := []byte(good)
		if rapid.Bool().Draw(t, "swapped") {
			wrong[i], wrong[i+1] = wrong[i+1], wrong[i]
		} else {
			wrong[i] = byte(rapid.IntRange('0', '9').Draw(t, "digit"))
		}
		if string(wrong) != good && domain.IBAN(wrong).Valid() {
			t.Errorf("%s passes for an IBAN", wrong)
		}
	})
}
