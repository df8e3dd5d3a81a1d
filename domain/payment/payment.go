// Package payment is the money that comes in.
//
//	Record   → Received    payment/<payment>   once per payment
//	Match    → Matched     payment/<payment>   while nobody is known to have paid it
//	Unmatch  → Unmatched   payment/<payment>   where it was matched by mistake
//	Reverse  → Reversed    payment/<payment>   where it was taken back, or is a mistake
//
// A payment whose payer is not known waits to be matched; none is edited or
// thrown away. What a payer owes is not decided here: it is what was invoiced
// less what was received, and a read model has it.
package payment

import "rochdale/domain"

// StreamOf returns the stream of one payment.
func StreamOf(id domain.PaymentID) domain.Stream { return domain.StreamOf("payment", string(id)) }

// FromBank returns the id of the payment that an entry of a statement tells of,
// so that the same entry read twice is one payment. The account is our own, by
// its IBAN; the entry is the bank's reference for it (AcctSvcrRef in ISO 20022
// camt.053), which is unique within the account.
func FromBank(account, entry string) domain.PaymentID {
	return domain.PaymentID(domain.StreamOf("bank", account, entry))
}

// Payment is what must be known of a payment in order to decide.
type Payment struct {
	received Received
	payer    domain.PartyID // empty as long as it is not known
	reversed bool
}

func (p Payment) exists() bool { return p.received.Payment != "" }

// Received returns what was received, and whether anything was.
func (p Payment) Received() (Received, bool) { return p.received, p.exists() }

// Reversed reports whether it is none any more.
func (p Payment) Reversed() bool { return p.reversed }

// Payer returns who paid, or "" as long as it is not known.
func (p Payment) Payer() domain.PartyID { return p.payer }

// Method is how it was paid.
type Method string

const (
	Transfer Method = "transfer" // between bank accounts
	Cash     Method = "cash"
	SetOff   Method = "set_off" // against what the co-op owes the payer
)

func (m Method) valid() bool { return m == Transfer || m == Cash || m == SetOff }
