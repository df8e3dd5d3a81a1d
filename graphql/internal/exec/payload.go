package exec

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/membership"
	"rochdale/domain/offering"
	"rochdale/domain/provisioning"
	"rochdale/domain/shares"
	"rochdale/domain/subscription"
	"rochdale/processes"
)

// Payload is what a mutation answers with.
type Payload interface{ IsPayload() }

// Done says that a mutation has taken effect.
type Done struct {
	Position int64
	// Behind is why the read models do not know of it yet, if they do not. The
	// mutation has taken effect nevertheless.
	Behind error
}

// IsPayload is that of [Payload].
func (Done) IsPayload() {}

// What a mutation is about, besides.
type (
	// StatutesDone is about a version of the statutes.
	StatutesDone struct {
		Done
		Version int
	}
	// MemberDone is about a party.
	MemberDone struct {
		Done
		ID domain.PartyID
	}
	// AdmissionsDone is about several parties.
	AdmissionsDone struct {
		Done
		IDs []domain.PartyID
	}
	// MandateDone is about a mandate.
	MandateDone struct {
		Done
		ID membership.MandateID
	}
	// HouseholdDone is about a household.
	HouseholdDone struct {
		Done
		ID membership.HouseholdID
	}
	// SharesDone is about a party's shares of a class.
	SharesDone struct {
		Done
		Party domain.PartyID
		Class domain.ClassID
		ID    string // of the subscription, transfer and the like; may be empty
	}
	// CallDone is about a call for what is yet to be paid on shares.
	CallDone struct {
		Done
		ID shares.CallID
	}
	// ProposalDone is about the proposal of a transfer.
	ProposalDone struct {
		Done
		ID shares.TransferID
	}
	// CertificateDone is about a certificate of shares.
	CertificateDone struct {
		Done
		Number shares.CertificateNumber
	}
	// ConsultationDone is about a look at the register of shares.
	ConsultationDone struct {
		Done
		ID shares.ConsultationID
	}
	// ClaimDone is about shares that are given back.
	ClaimDone struct {
		Done
		ID shares.ClaimID
	}
	// AccountsDone is about the accounts of a year.
	AccountsDone struct {
		Done
		Year calendar.Period
	}
	// BudgetDone is about money that is free for refunds and dividends.
	BudgetDone struct {
		Done
		ID shares.BudgetID
	}
	// WithholdingDone is about the tax that is withheld from dividends.
	WithholdingDone struct{ Done }
	// DividendDone is about a dividend.
	DividendDone struct {
		Done
		ID shares.DividendID
	}
	// PayoutDone is about what a party has of a dividend.
	PayoutDone struct {
		Done
		Dividend shares.DividendID
		Party    domain.PartyID
	}
	// AssemblyDone is about an assembly.
	AssemblyDone struct {
		Done
		ID domain.AssemblyID
	}
	// PollDone is about a poll.
	PollDone struct {
		Done
		ID domain.PollID
	}
	// DocumentDone is about a document.
	DocumentDone struct {
		Done
		ID domain.DocumentID
	}
	// PriceListDone is about a version of the price list.
	PriceListDone struct {
		Done
		Version int
	}
	// VATRateDone is about a rate of value-added tax.
	VATRateDone struct {
		Done
		offering.VATRate
	}
	// SubscriptionDone is about a subscription.
	SubscriptionDone struct {
		Done
		ID domain.SubscriptionID
	}
	// LinkDone is about part of a subscription.
	LinkDone struct {
		Done
		ID domain.SubscriptionID
	}
	// AddOnDone is about what was booked on top of a subscription.
	AddOnDone struct {
		Done
		ID subscription.AddOnID
	}
	// GiftDone is about a gift.
	GiftDone struct {
		Done
		ID entitlement.GiftID
	}
	// GraceDone is about grace.
	GraceDone struct {
		Done
		Subscription domain.SubscriptionID
		Until        calendar.Date
	}
	// BillingDone is about a month's invoices.
	BillingDone struct {
		Done
		Month                    calendar.Month
		Issued, Already, Nothing int
		Problems                 []processes.RunProblem
	}
	// PaymentDone is about a payment.
	PaymentDone struct {
		Done
		ID domain.PaymentID
	}
	// LoginDone is about the login that was chosen.
	LoginDone struct {
		Done
		Login string
	}
	// WorkDone is about an account, or the target named by its id.
	WorkDone struct {
		Done
		ID string
	}
	// SkipDone is about a dead letter, if there is one.
	SkipDone struct {
		Done
		Letter *processes.SkippedLetter
	}
	// ReplayDone is about a dead letter, if there still is one.
	ReplayDone struct {
		SkipDone
		Answered bool
	}
	// WebhookDone is about a webhook.
	WebhookDone struct {
		Done
		ID string
	}
	// WebhookSecretDone is about the secret of a webhook.
	WebhookSecretDone struct {
		WebhookDone
		Secret *string
	}
	// WebhookTestDone is about what came of a test.
	WebhookTestDone struct {
		WebhookDone
		Delivery processes.Delivery
	}
	// AccountDone is about an account.
	AccountDone struct {
		Done
		ID domain.AccountID
	}
	// AppPasswordDone is about an app password.
	AppPasswordDone struct {
		Done
		ID          string
		Password    string
		AppPassword provisioning.AppPassword
	}
)

// LoginAvailability says whether a login can be had, and why not.
type LoginAvailability struct {
	Available    bool
	Code, Reason *string
}
