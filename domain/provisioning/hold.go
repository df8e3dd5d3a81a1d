package provisioning

import (
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules of accounts whose holders have died.
var (
	ErrHeld      = domain.Refusal{Code: "provisioning.held", Reason: "the holder of this account has died: nobody is let in to it, by a password or otherwise. An operator may decide that heirs get a copy of what is in it"}
	ErrNotHeld   = domain.Refusal{Code: "provisioning.not_held", Reason: "this account is its holder's, who copies what is in it themselves: only for one who has died is it decided for others"}
	ErrNoExport  = domain.Refusal{Code: "provisioning.no_export", Reason: "nobody has decided that what is in this account is copied for heirs, or that is over: decide it first, with the reason"}
	ErrHoldTerms = domain.Refusal{Code: "provisioning.hold_terms", Reason: "an account is held from a day through a later one"}
)

// AccountHeld keeps an account as it is, with all that is in it, for its holder has died: nobody logs in, and it is not
// deleted through a day, whatever becomes of the subscription.
type AccountHeld struct {
	Subject
	On      calendar.Date `json:"on"`
	Through calendar.Date `json:"through"`
}

func (e AccountHeld) Evolve(a Account) Account {
	a.held, a.amended = e, true
	return a
}

// AccountReleased ends that, for the death was recorded by mistake.
type AccountReleased struct {
	Subject
	On calendar.Date `json:"on"`
}

func (e AccountReleased) Evolve(a Account) Account {
	a.held, a.export, a.amended = AccountHeld{}, ExportAllowed{}, true
	return a
}

// ExportAllowed is the decision that heirs get a copy of what is in an account that is held. Who decided is the actor.
type ExportAllowed struct {
	Subject
	Reason  sealed.Box[string] `json:"reason"` // and to whom
	On      calendar.Date      `json:"on"`
	Through calendar.Date      `json:"through"` // the last day on which it is made
}

func (e ExportAllowed) Evolve(a Account) Account {
	a.export = e
	return a
}

// Held returns through which day an account is held, and whether it ever was and is not released.
func (a Account) Held() (through calendar.Date, held bool) {
	return a.held.Through, a.held.Account != ""
}

// HeldOn returns on which day an account began to be held, and whether it is.
func (a Account) HeldOn() (on calendar.Date, held bool) {
	return a.held.On, a.held.Account != ""
}

// Exportable refuses to copy what is in an account for others on a day on which nobody has decided so.
func (a Account) Exportable(on calendar.Date) error {
	switch _, held := a.Held(); {
	case !a.exists():
		return ErrUnknown
	case !held:
		return ErrNotHeld
	case a.export.Account == "" || on.After(a.export.Through):
		return ErrNoExport
	}
	return nil
}

// HoldAccount holds an account of somebody who has died.
type HoldAccount struct {
	Account domain.AccountID
	On      calendar.Date
	Through calendar.Date
}

func (c HoldAccount) Stream() domain.Stream { return StreamOf(c.Account) }

func (c HoldAccount) Decide(a Account) ([]accountEvent, error) {
	_, held := a.Held()
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case a.Gone() || held:
		return nil, nil
	case c.On.IsZero() || c.Through.Before(c.On):
		return nil, ErrHoldTerms
	}
	return []accountEvent{AccountHeld{a.requested.Subject, c.On, c.Through}}, nil
}

// ReleaseAccount releases an account that is held.
type ReleaseAccount struct {
	Account domain.AccountID
	On      calendar.Date
}

func (c ReleaseAccount) Stream() domain.Stream { return StreamOf(c.Account) }

func (c ReleaseAccount) Decide(a Account) ([]accountEvent, error) {
	_, held := a.Held()
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case a.Gone() || !held:
		return nil, nil
	case c.On.IsZero():
		return nil, ErrIncomplete.With("missing", "date")
	}
	return []accountEvent{AccountReleased{a.requested.Subject, c.On}}, nil
}

// AllowExport decides that heirs get a copy of what is in an account that is held.
type AllowExport struct {
	Account domain.AccountID
	Reason  string
	On      calendar.Date
	Through calendar.Date
}

func (c AllowExport) Stream() domain.Stream { return StreamOf(c.Account) }

func (c AllowExport) Decide(a Account) ([]accountEvent, error) {
	reason, _ := a.export.Reason.Reveal()
	switch _, held := a.Held(); {
	case !a.exists():
		return nil, ErrUnknown
	case a.Gone():
		return nil, ErrDeleted
	case !held:
		return nil, ErrNotHeld
	case strings.TrimSpace(c.Reason) == "":
		return nil, ErrNoReason
	case c.On.IsZero() || c.Through.Before(c.On):
		return nil, ErrHoldTerms
	case reason == c.Reason && a.export.Through == c.Through:
		return nil, nil
	}
	return []accountEvent{ExportAllowed{a.requested.Subject, sealed.New(a.requested.Party, sealed.Service, c.Reason), c.On, c.Through}}, nil
}
