// Package scalar writes and reads the values of the schema that GraphQL has no
// type for. What is absent is written as null: a day that is no day, a box that
// was erased.
package scalar

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/calendar"
	"rochdale/domain/money"
	"rochdale/domain/shares"
)

// The values that cannot be read. Where {value} is shown it is cut to what is short.
var (
	ErrMoney    = domain.Refusal{Code: "graphql.bad_money", Reason: "{value} is not an amount like 12.50 EUR"}
	ErrDate     = domain.Refusal{Code: "graphql.bad_date", Reason: "{value} is not a day like 2026-05-31"}
	ErrMonth    = domain.Refusal{Code: "graphql.bad_month", Reason: "{value} is not a month like 2026-05"}
	ErrDateTime = domain.Refusal{Code: "graphql.bad_instant", Reason: "{value} is not an instant like 2026-05-31T18:00:00Z"}
	ErrDecimal  = domain.Refusal{Code: "graphql.bad_decimal", Reason: "{value} is not a decimal number like 0.25"}
	ErrBytes    = domain.Refusal{Code: "graphql.bad_bytes", Reason: "{value} is not a number of bytes"}
	ErrPosition = domain.Refusal{Code: "graphql.bad_position", Reason: "{value} is not a position in the log: a whole number from 0"}
)

// raw is a value that needs no escaping, written as it stands.
type raw string

func (r raw) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, string(r)) }

// quoted writes text of digits, letters and punctuation that JSON leaves alone.
func quoted(s string) graphql.Marshaler { return raw(`"` + s + `"`) }

// MarshalMoney writes an amount like "12.50 EUR".
func MarshalMoney(m money.Money) graphql.Marshaler { return quoted(m.String()) }

// UnmarshalMoney reads what MarshalMoney writes.
func UnmarshalMoney(v any) (m money.Money, err error) {
	return m, unmarshalText(v, &m, ErrMoney)
}

// MarshalDate writes a day like "2026-05-31", or null for no day.
func MarshalDate(d calendar.Date) graphql.Marshaler {
	if d.IsZero() {
		return graphql.Null
	}
	return quoted(d.String())
}

// UnmarshalDate reads a day.
func UnmarshalDate(v any) (d calendar.Date, err error) {
	if err := unmarshalText(v, &d, ErrDate); err != nil || d.IsZero() {
		return d, wrong(v, ErrDate)
	}
	return d, nil
}

// MarshalMonth writes a month like "2026-05", or null for no month.
func MarshalMonth(m calendar.Month) graphql.Marshaler {
	if m.IsZero() {
		return graphql.Null
	}
	return quoted(m.String())
}

// UnmarshalMonth reads a month.
func UnmarshalMonth(v any) (m calendar.Month, err error) {
	if err := unmarshalText(v, &m, ErrMonth); err != nil || m.IsZero() {
		return m, wrong(v, ErrMonth)
	}
	return m, nil
}

// MarshalDateTime writes an instant in UTC (RFC 3339), or null for the zero time.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return quoted(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads an instant, in whatever zone it is written.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if !ok || err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, wrong(v, ErrDateTime)
	}
	return t.UTC(), nil
}

// MarshalDecimal writes a number with all its decimals, as text so that no reader rounds it.
func MarshalDecimal(d decimal.Decimal) graphql.Marshaler { return quoted(d.String()) }

// UnmarshalDecimal reads a decimal number, written as text or as a number.
func UnmarshalDecimal(v any) (decimal.Decimal, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case int64:
		return decimal.NewFromInt(v), nil
	}
	d, err := decimal.NewFromString(s)
	if err != nil || len(s) > 40 || d.Exponent() > 20 || d.Exponent() < -20 {
		return decimal.Decimal{}, wrong(v, ErrDecimal)
	}
	return d, nil
}

// MarshalMemberNumber writes the number of a member, or null for none.
func MarshalMemberNumber(n domain.MemberNumber) graphql.Marshaler {
	if n == 0 {
		return graphql.Null
	}
	return raw(strconv.FormatInt(int64(n), 10))
}

// UnmarshalMemberNumber reads the number of a member.
func UnmarshalMemberNumber(v any) (domain.MemberNumber, error) {
	n, err := graphql.UnmarshalInt64(v)
	return domain.MemberNumber(n), err
}

// MarshalCertificateNumber writes the number of a certificate, or null for none.
func MarshalCertificateNumber(n shares.CertificateNumber) graphql.Marshaler {
	if n == 0 {
		return graphql.Null
	}
	return raw(strconv.FormatInt(int64(n), 10))
}

// UnmarshalCertificateNumber reads the number of a certificate.
func UnmarshalCertificateNumber(v any) (shares.CertificateNumber, error) {
	n, err := graphql.UnmarshalInt64(v)
	return shares.CertificateNumber(n), err
}

// MarshalInvoiceNumber writes the number of an invoice as it stands on it.
func MarshalInvoiceNumber(n billing.Number) graphql.Marshaler {
	return graphql.MarshalString(n.String())
}

// UnmarshalInvoiceNumber is wanted by gqlgen; the schema asks nobody for one.
func UnmarshalInvoiceNumber(any) (billing.Number, error) { return billing.Number{}, errWritten }

// MarshalCommunication writes a structured communication as it stands on a
// transfer, or null for none.
func MarshalCommunication(c domain.Communication) graphql.Marshaler {
	if c == "" {
		return graphql.Null
	}
	return graphql.MarshalString(c.Grouped())
}

// UnmarshalCommunication is wanted by gqlgen; the schema asks for text.
func UnmarshalCommunication(any) (domain.Communication, error) { return "", errWritten }

// MarshalUUID writes an id, or null for that of nothing.
func MarshalUUID(id uuid.UUID) graphql.Marshaler {
	if id == uuid.Nil {
		return graphql.Null
	}
	return quoted(id.String())
}

// UnmarshalUUID is wanted by gqlgen; the schema asks nobody for one.
func UnmarshalUUID(any) (uuid.UUID, error) { return uuid.Nil, errWritten }

var errWritten = errors.New("scalar: this is written, not read")

// MarshalShareEventType writes a type of event of the shares, like
// "shares.refund_paid", as an enum.
func MarshalShareEventType(name string) graphql.Marshaler {
	return quoted(strings.ToUpper(strings.TrimPrefix(name, "shares.")))
}

// UnmarshalShareEventType is wanted by gqlgen; the schema asks nobody for one.
func UnmarshalShareEventType(any) (string, error) { return "", errWritten }

// MarshalBytes writes a number of bytes.
func MarshalBytes(b domain.Bytes) graphql.Marshaler { return raw(strconv.FormatInt(int64(b), 10)) }

// UnmarshalBytes reads a number of bytes.
func UnmarshalBytes(v any) (domain.Bytes, error) {
	n, ok := integer(v)
	if !ok || n < 0 {
		return 0, wrong(v, ErrBytes)
	}
	return domain.Bytes(n), nil
}

// MarshalPosition writes a position in the log.
func MarshalPosition(p int64) graphql.Marshaler { return raw(strconv.FormatInt(p, 10)) }

// UnmarshalPosition reads a position in the log, written as a number or as text.
func UnmarshalPosition(v any) (int64, error) {
	n, ok := integer(v)
	if !ok || n < 0 {
		return 0, wrong(v, ErrPosition)
	}
	return n, nil
}

// MarshalJSON writes JSON as it stands.
func MarshalJSON(data json.RawMessage) graphql.Marshaler {
	if len(data) == 0 {
		return graphql.Null
	}
	return raw(data)
}

// UnmarshalJSON is wanted by gqlgen; the schema asks nobody for JSON.
func UnmarshalJSON(any) (json.RawMessage, error) {
	return nil, errWritten
}

func integer(v any) (n int64, ok bool) {
	var err error
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case json.Number:
		n, err = strconv.ParseInt(v.String(), 10, 64)
		return n, err == nil
	case string:
		n, err = strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

func unmarshalText(v any, into encoding.TextUnmarshaler, refusal domain.Refusal) error {
	s, ok := v.(string)
	if !ok || into.UnmarshalText([]byte(s)) != nil {
		return wrong(v, refusal)
	}
	return nil
}

func wrong(v any, refusal domain.Refusal) error {
	text := []rune(fmt.Sprint(v))
	if len(text) > 60 {
		text = append(text[:60], '…')
	}
	return refusal.With("value", string(text))
}
