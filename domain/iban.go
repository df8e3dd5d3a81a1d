package domain

import (
	"errors"
	"strings"
)

// IBAN is the number of a bank account, without spaces (ISO 13616).
type IBAN string

// errIBAN does not repeat the number: it may be somebody's.
var errIBAN = errors.New("domain: this is no IBAN: two letters, two check digits and the account, like BE68 5390 0754 7034; one character may be mistyped")

// ibanLengths are the lengths of the numbers of countries that take part in the
// Single Euro Payments Area, by the registry of ISO 13616. Others may be of any
// length from 15 to 34.
var ibanLengths = map[string]int{
	"AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
	"FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20,
	"LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}

// ParseIBAN reads a number as people write it, with spaces and in small letters too.
func ParseIBAN(s string) (IBAN, error) {
	iban := IBAN(strings.ToUpper(strings.ReplaceAll(s, " ", "")))
	if !iban.Valid() {
		return "", errIBAN
	}
	return iban, nil
}

// Valid reports whether it has the length of its country and check digits that
// match: all of it, with the first four characters last and letters as numbers
// from 10, leaves 1 modulo 97 (ISO 7064).
func (i IBAN) Valid() bool {
	if len(i) < 15 || len(i) > 34 || strings.Trim(string(i[:2]), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.Trim(string(i[2:4]), "0123456789") != "" {
		return false
	}
	if length, known := ibanLengths[i.Country()]; known && length != len(i) {
		return false
	}
	rest := 0
	for _, c := range []byte(i[4:] + i[:4]) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// Country returns the country of the bank, like BE.
func (i IBAN) Country() string { return string(i[:min(len(i), 2)]) }

// Grouped writes it as people read it: "BE68 5390 0754 7034".
func (i IBAN) Grouped() string {
	var b strings.Builder
	for n, c := range []byte(i) {
		if n > 0 && n%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(c)
	}
	return b.String()
}
