package documents

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"rsc.io/qr"

	"rochdale/domain/money"
)

// A Transfer is what a payer is asked to pay, and how.
type Transfer struct {
	Beneficiary   string
	IBAN          string // with or without spaces
	BIC           string // needed outside the European Economic Area only
	Amount        money.Money
	Communication string // +++ddd/dddd/ddddd+++ or an RF reference (ISO 11649), or free text
}

// Payload is the text of the QR code by which the apps of banks fill in a
// transfer: EPC069-12, version 002. There is none for amounts that are not of
// euros, or not between 0.01 and 999999999.99.
func (t Transfer) Payload() (string, error) {
	iban, err := checkIBAN(t.IBAN)
	if err != nil {
		return "", err
	}
	if t.Amount.Currency() != money.EUR || t.Amount.Minor() < 1 || t.Amount.Minor() > 99_999_999_999 {
		return "", fmt.Errorf("documents: %v cannot be paid by an EPC QR code: it takes 0.01 to 999999999.99 EUR", t.Amount)
	}
	name := truncate(t.Beneficiary, 70)
	if name == "" {
		return "", errors.New("documents: a transfer needs the name of its beneficiary")
	}
	structured, free := t.reference()
	lines := []string{
		"BCD", "002", "1", "SCT", strings.ReplaceAll(strings.ToUpper(t.BIC), " ", ""), name, iban,
		"EUR" + t.Amount.Decimal().StringFixed(2), "", structured, truncate(free, 140),
	}
	for lines[len(lines)-1] == "" { // nothing may follow the last element used
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n"), nil
}

// reference tells a structured reference from free text: only one of them may
// be given. Of the Belgian one the banks want the twelve digits.
func (t Transfer) reference() (structured, free string) {
	compact := strings.NewReplacer(" ", "", "+", "", "*", "", "/", "").Replace(t.Communication)
	switch digits := strings.Trim(compact, "0123456789") == ""; {
	case digits && len(compact) == 12, strings.HasPrefix(compact, "RF") && len(compact) <= 25 && mod97(compact):
		return compact, ""
	}
	return "", t.Communication
}

func truncate(s string, runes int) string {
	s = strings.TrimSpace(printable(s))
	for utf8.RuneCountInString(s) > runes {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// checkIBAN returns an account number without spaces, or what is wrong with it:
// nobody shall be asked to pay into a mistyped account.
func checkIBAN(s string) (string, error) {
	iban := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(iban) < 15 || len(iban) > 34 || strings.Trim(iban[:2], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || !mod97(iban) {
		return "", fmt.Errorf("documents: %q is no IBAN: its check digits are wrong (ISO 13616)", s)
	}
	return iban, nil
}

// mod97 checks the two digits after the first two letters, as ISO 7064 has it.
func mod97(s string) bool {
	var digits strings.Builder
	if len(s) < 5 {
		return false
	}
	for _, r := range s[4:] + s[:4] {
		switch {
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		case 'A' <= r && r <= 'Z':
			fmt.Fprint(&digits, r-'A'+10)
		default:
			return false
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

// inFours writes an account number as people read it.
func inFours(iban string) string {
	var b strings.Builder
	for i, r := range iban {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// qrCode draws a code in a square, with the quiet zone of four modules around it
// that readers need (ISO/IEC 18004).
func (p *page) qrCode(x, y, side float64, payload string) error {
	code, err := qr.Encode(payload, qr.M) // the level that EPC069-12 asks for
	if err != nil {
		return err
	}
	module := side / float64(code.Size+8)
	p.SetFillColor(0, 0, 0)
	for row := range code.Size {
		for from := 0; from < code.Size; from++ {
			if !code.Black(from, row) {
				continue
			}
			to := from
			for code.Black(to, row) {
				to++
			}
			const overlap = 0.01 // or some viewers show white hairs between the rows
			p.Rect(x+float64(from+4)*module, y+float64(row+4)*module, float64(to-from)*module, module+overlap, "F")
			from = to
		}
	}
	return nil
}
