package provisioning

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules by which provisioning says no.
var (
	ErrLogin      = domain.Refusal{Code: "provisioning.login", Reason: "a login looks like anna.lee@example.org: lower-case letters without accents, digits, and single dots, hyphens or underscores between them, at most 64 of them before the @", Source: "RFC 5321"}
	ErrReserved   = domain.Refusal{Code: "provisioning.login_reserved", Reason: "the name {name} is kept for a role: choose another", Source: "RFC 2142"}
	ErrLoginTaken = domain.Refusal{Code: "provisioning.login_taken", Reason: "this login is taken, or was once: choose another"}
	ErrRequested  = domain.Refusal{Code: "provisioning.requested", Reason: "this account was requested on other terms: request another"}
	ErrIncomplete = domain.Refusal{Code: "provisioning.incomplete", Reason: "an account has an id, an entitlement, somebody who uses it, a service, a quota and a date: {missing} is missing or unknown"}
	ErrUnknown    = domain.Refusal{Code: "provisioning.unknown", Reason: "there is no such account"}
	ErrDeleted    = domain.Refusal{Code: "provisioning.deleted", Reason: "the account is deleted"}
	ErrForeign    = domain.Refusal{Code: "provisioning.foreign", Reason: "there is an account of this name that is not ours: adopt it or choose another name"}
	ErrNotThere   = domain.Refusal{Code: "provisioning.not_there", Reason: "the account is not there yet: record first that it was provisioned"}
)

// RequestAccount asks for an account under a login that nobody ever had on the
// service.
type RequestAccount struct {
	Account     domain.AccountID
	Entitlement domain.EntitlementID
	Party       domain.PartyID
	Service     domain.Service
	Login       Login
	Quota       domain.Bytes // or [Unlimited]
	On          calendar.Date
}

func (c RequestAccount) Streams() (account, login domain.Stream) {
	return StreamOf(c.Account), c.Login.Stream(c.Service)
}

func (c RequestAccount) Decide(a Account, b Binding) ([]accountEvent, []loginEvent, error) {
	subject := Subject{c.Account, c.Entitlement, c.Party, c.Service}
	login := sealed.New(c.Party, sealed.Service, c.Login)
	if a.exists() {
		if a.requested.Subject == subject && b.account == c.Account {
			return nil, nil, nil // its quota is that of the entitlement by now
		}
		return nil, nil, ErrRequested
	}
	if missing := c.missing(); missing != "" {
		return nil, nil, ErrIncomplete.With("missing", missing)
	}
	if _, err := ParseLogin(string(c.Login)); err != nil {
		return nil, nil, err
	}
	if b.account != "" {
		return nil, nil, ErrLoginTaken
	}
	return []accountEvent{AccountRequested{subject, login, c.Quota, c.On}}, []loginEvent{LoginBound{subject, login}}, nil
}

func (c RequestAccount) missing() string {
	switch {
	case c.Account == "":
		return "id"
	case c.Entitlement == "":
		return "entitlement"
	case c.Party == "":
		return "party"
	case !c.Service.Valid():
		return "service"
	case c.Quota <= 0 && c.Quota != Unlimited:
		return "quota"
	case c.On.IsZero():
		return "date"
	}
	return ""
}

// The commands that record an outcome decide alike: an outcome of a revision
// earlier than one already known is no news, and neither is one that says what is
// known. What has been deleted comes not back.

// RecordProvisioned records that the account is there and may be used.
type RecordProvisioned struct {
	Account  domain.AccountID
	Quota    domain.Bytes
	Revision int64
}

func (c RecordProvisioned) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordProvisioned) Decide(a Account) ([]accountEvent, error) {
	there := (a.status == StatusActive || a.status == StatusSuspended) && a.quota == c.Quota
	return a.record(c.Revision, there, AccountProvisioned{a.requested.Subject, c.Quota, c.Revision})
}

// RecordQuota records how much the account may hold now.
type RecordQuota struct {
	Account  domain.AccountID
	Quota    domain.Bytes
	Revision int64
}

func (c RecordQuota) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordQuota) Decide(a Account) ([]accountEvent, error) {
	if a.status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Revision, a.quota == c.Quota, QuotaSet{a.requested.Subject, c.Quota, c.Revision})
}

// RecordSuspended records that nobody can log in any more.
type RecordSuspended struct {
	Account  domain.AccountID
	Revision int64
}

func (c RecordSuspended) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordSuspended) Decide(a Account) ([]accountEvent, error) {
	if a.status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Revision, a.status == StatusSuspended, AccountSuspended{a.requested.Subject, c.Revision})
}

// RecordResumed records that its holder can log in again.
type RecordResumed struct {
	Account  domain.AccountID
	Revision int64
}

func (c RecordResumed) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordResumed) Decide(a Account) ([]accountEvent, error) {
	if a.status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Revision, a.status == StatusActive, AccountResumed{a.requested.Subject, c.Revision})
}

// RecordDeleted records that account and data are gone.
type RecordDeleted struct {
	Account  domain.AccountID
	Revision int64
}

func (c RecordDeleted) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordDeleted) Decide(a Account) ([]accountEvent, error) {
	if a.status == StatusDeleted {
		return nil, nil
	}
	return a.record(c.Revision, false, AccountDeleted{a.requested.Subject, c.Revision})
}

// RecordFailure records what keeps the account from being as it is wanted. The
// same trouble with the same wish is recorded once, and once more when it is
// parked.
type RecordFailure struct {
	Account  domain.AccountID
	Step     Step
	Class    string
	Code     string
	Attempts int
	Parked   bool
	Revision int64
}

func (c RecordFailure) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordFailure) Decide(a Account) ([]accountEvent, error) {
	failed := Failed{a.requested.Subject, c.Step, c.Class, c.Code, c.Attempts, c.Parked, c.Revision}
	known := a.failed
	known.Attempts = c.Attempts
	return a.record(c.Revision, known == failed, failed)
}

// record returns an outcome of a revision as an event, unless it is known. What
// was in trouble is recorded even if it is as it was, for the trouble is over.
func (a Account) record(revision int64, known bool, outcome accountEvent) ([]accountEvent, error) {
	_, trouble := a.Trouble()
	_, failure := outcome.(Failed)
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case a.status == StatusDeleted:
		return nil, ErrDeleted
	case revision < a.revision, known && (failure || !trouble):
		return nil, nil
	}
	return []accountEvent{outcome}, nil
}
