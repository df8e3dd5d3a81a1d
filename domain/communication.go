package domain

import (
	"fmt"
	"strings"
)

// Communication is the structured communication of a Belgian transfer (OGM-VCS,
// set by Febelfin): the reference by which a payment finds who paid. It is twelve
// digits, of which the last two are the first ten modulo 97, or 97 where that is
// 0. The zero value is no communication.
type Communication string

// MaxCommunication is the largest number a communication is made of.
const MaxCommunication = 9_999_999_999

// CommunicationOf returns the communication made of a number from 0 to
// [MaxCommunication], and whether the number is one of these.
func CommunicationOf(n int64) (c Communication, ok bool) {
	if n < 0 || n > MaxCommunication {
		return "", false
	}
	check := n % 97
	if check == 0 {
		check = 97
	}
	return Communication(fmt.Sprintf("%010d%02d", n, check)), true
}

// ParseCommunication reads a communication as people and banks write it: like
// "+++090/9337/55493+++", with asterisks for the plus signs, with spaces, or as
// bare digits.
func ParseCommunication(s string) (Communication, error) {
	digits := strings.NewReplacer("+", "", "*", "", "/", "", " ", "").Replace(s)
	c := Communication(digits)
	switch {
	case len(digits) != 12 || strings.Trim(digits, "0123456789") != "":
		return "", fmt.Errorf("domain: %q is not a communication of twelve digits like +++090/9337/55493+++", s)
	case !c.Valid():
		return "", fmt.Errorf("domain: %q is not a communication: its last two digits do not match the others; one digit may be mistyped", s)
	}
	return c, nil
}

// Valid reports whether it has twelve digits of which the last two match.
func (c Communication) Valid() bool {
	_, valid := c.Number()
	return valid
}

// Number returns the number that it is made of, and whether it is valid.
func (c Communication) Number() (n int64, valid bool) {
	if len(c) != 12 {
		return 0, false
	}
	for _, digit := range []byte(c[:10]) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = 10*n + int64(digit-'0')
	}
	made, ok := CommunicationOf(n)
	return n, ok && made == c
}

// Grouped writes it as it stands on an invoice: "+++090/9337/55493+++".
func (c Communication) Grouped() string {
	if len(c) != 12 {
		return string(c)
	}
	return "+++" + string(c[:3]) + "/" + string(c[3:7]) + "/" + string(c[7:]) + "+++"
}
