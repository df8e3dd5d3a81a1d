package provisioning

import (
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

// The rules by which provisioning says no.
var (
	ErrLogin      = domain.Refusal{Code: "provisioning.login", Reason: "a login looks like anna.lee@example.org: lower-case letters without accents, digits, and single dots, hyphens or underscores between them, at most 64 of them before the @", Source: "RFC 5321"}
	ErrReserved   = domain.Refusal{Code: "provisioning.login_reserved", Reason: "the name {name} is kept for a role: choose another", Source: "RFC 2142"}
	ErrLoginTaken = domain.Refusal{Code: "provisioning.login_taken", Reason: "this login is taken: choose another"}
	ErrRequested  = domain.Refusal{Code: "provisioning.requested", Reason: "this account was requested on other terms: request another"}
	ErrIncomplete = domain.Refusal{Code: "provisioning.incomplete", Reason: "an account has an id, an entitlement, somebody who uses it, a service, a quota and a date: {missing} is missing or unknown"}
	ErrUnknown    = domain.Refusal{Code: "provisioning.unknown", Reason: "there is no such account"}
	ErrDeleted    = domain.Refusal{Code: "provisioning.deleted", Reason: "the account is deleted"}
	ErrForeign    = domain.Refusal{Code: "provisioning.foreign", Reason: "there is an account of this name that is not ours: adopt it or choose another name"}
	ErrNoTrouble  = domain.Refusal{Code: "provisioning.no_trouble", Reason: "nothing keeps this account from being as it is wanted: there is nothing to skip"}
	ErrNoReason   = domain.Refusal{Code: "provisioning.no_reason", Reason: "say why: whoever finds this later must understand it"}
	ErrOurs       = domain.Refusal{Code: "provisioning.ours", Reason: "this login is that of an account of ours"}
	ErrNotThere   = domain.Refusal{Code: "provisioning.not_there", Reason: "the account is not there yet: record first that it was provisioned"}
)

// RequestAccount asks for an account under a login that nobody else has on the
// service, or had until lately.
type RequestAccount struct {
	Account     domain.AccountID
	Entitlement domain.EntitlementID
	Party       domain.PartyID
	Service     domain.Service
	Login       Named
	Quota       domain.Bytes // or [Unlimited]
	On          calendar.Date
}

func (c RequestAccount) Streams() (account, login domain.Stream) {
	return StreamOf(c.Account), c.Login.Stream(c.Service)
}

func (c RequestAccount) Decide(a Account, b Binding) ([]accountEvent, []loginEvent, error) {
	subject := Subject{c.Account, c.Entitlement, c.Party, c.Service}
	login := sealed.New(c.Party, sealed.Service, c.Login.login)
	if a.exists() {
		if a.requested.Subject == subject && b.account == c.Account {
			return nil, nil, nil // its quota is that of the entitlement by now
		}
		return nil, nil, ErrRequested
	}
	if missing := c.missing(); missing != "" {
		return nil, nil, ErrIncomplete.With("missing", missing)
	}
	if _, err := ParseLogin(string(c.Login.login)); err != nil {
		return nil, nil, err
	}
	if err := b.Free(c.Party, c.On); err != nil {
		return nil, nil, err
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
// before the latest known is no news.

// RecordProvisioned records that an account is there, with its quota.
type RecordProvisioned struct {
	Account  domain.AccountID
	Quota    domain.Bytes
	Revision int64
	Target   string
}

func (c RecordProvisioned) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordProvisioned) Decide(a Account) ([]accountEvent, error) {
	known := a.On(c.Target)
	return a.record(c.Target, c.Revision, known.Status != StatusRequested && known.Quota == c.Quota,
		AccountProvisioned{a.requested.Subject, c.Quota, c.Revision, a.named(c.Target)})
}

// RecordQuota records how much the account may hold now.
type RecordQuota struct {
	Account  domain.AccountID
	Quota    domain.Bytes
	Revision int64
	Target   string
}

func (c RecordQuota) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordQuota) Decide(a Account) ([]accountEvent, error) {
	known := a.On(c.Target)
	if known.Status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Target, c.Revision, known.Quota == c.Quota, QuotaSet{a.requested.Subject, c.Quota, c.Revision, a.named(c.Target)})
}

// RecordAliases records that an account has the further addresses that a revision wants.
type RecordAliases struct {
	Account  domain.AccountID
	Aliases  int
	Revision int64
	Target   string
}

func (c RecordAliases) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordAliases) Decide(a Account) ([]accountEvent, error) {
	known := a.On(c.Target)
	if known.Status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Target, c.Revision, known.Aliases == c.Aliases && known.Revision >= c.Revision,
		AliasesSet{a.requested.Subject, c.Aliases, c.Revision, a.named(c.Target)})
}

// RecordApps records which apps are used with an account, as a revision wants it.
type RecordApps struct {
	Account  domain.AccountID
	Apps     []domain.Service
	Revision int64
	Target   string
}

func (c RecordApps) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordApps) Decide(a Account) ([]accountEvent, error) {
	known, apps := a.On(c.Target), sorted(c.Apps)
	if known.Status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Target, c.Revision, slices.Equal(known.Apps, apps), AppsSwitched{a.requested.Subject, apps, c.Revision, a.named(c.Target)})
}

// sorted are apps by name, which are none and not unknown where there are none.
func sorted(apps []domain.Service) []domain.Service {
	return slices.AppendSeq([]domain.Service{}, slices.Values(slices.Sorted(slices.Values(apps))))
}

// RecordSuspended records that nobody can log in any more.
type RecordSuspended struct {
	Account  domain.AccountID
	Revision int64
	Target   string
}

func (c RecordSuspended) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordSuspended) Decide(a Account) ([]accountEvent, error) {
	known := a.On(c.Target)
	if known.Status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Target, c.Revision, known.Status == StatusSuspended, AccountSuspended{a.requested.Subject, c.Revision, a.named(c.Target)})
}

// RecordResumed records that its holder can log in again.
type RecordResumed struct {
	Account  domain.AccountID
	Revision int64
	Target   string
}

func (c RecordResumed) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordResumed) Decide(a Account) ([]accountEvent, error) {
	known := a.On(c.Target)
	if known.Status == StatusRequested {
		return nil, ErrNotThere
	}
	return a.record(c.Target, c.Revision, known.Status == StatusActive, AccountResumed{a.requested.Subject, c.Revision, a.named(c.Target)})
}

// RecordDeleted records that account and data are gone from a target, and when the
// last backup of them will be.
type RecordDeleted struct {
	Account  domain.AccountID
	Revision int64
	Target   string
	On       calendar.Date
	Backups  calendar.Date
}

func (c RecordDeleted) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordDeleted) Decide(a Account) ([]accountEvent, error) {
	if a.On(c.Target).Status == StatusDeleted {
		return nil, nil
	}
	return a.record(c.Target, c.Revision, false, AccountDeleted{a.requested.Subject, c.Revision, a.named(c.Target), c.On, c.Backups})
}

// RecordRepaired records that an account which had been changed past us is as it is
// wanted again. It is said each time that it happens, under another id.
type RecordRepaired struct {
	Account  domain.AccountID
	Repair   string
	Steps    []Step
	Revision int64
	Target   string
}

func (c RecordRepaired) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordRepaired) Decide(a Account) ([]accountEvent, error) {
	return a.record(c.Target, c.Revision, len(c.Steps) == 0 || a.On(c.Target).repair == c.Repair,
		AccountRepaired{a.requested.Subject, c.Repair, c.Steps, c.Revision, a.named(c.Target)})
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
	Target   string
}

func (c RecordFailure) Stream() domain.Stream { return StreamOf(c.Account) }

func (c RecordFailure) Decide(a Account) ([]accountEvent, error) {
	failed := Failed{a.requested.Subject, c.Step, c.Class, c.Code, c.Attempts, c.Parked, c.Revision, a.named(c.Target)}
	known := a.On(c.Target).Failed
	known.Attempts = c.Attempts
	return a.record(c.Target, c.Revision, known == failed, failed)
}

// SkipWork gives up on what an account is wanted to be on a target, for a reason:
// nothing more is tried until the wish changes.
type SkipWork struct {
	Account  domain.AccountID
	Target   string
	Revision int64 // of the wish
	Reason   string
}

func (c SkipWork) Stream() domain.Stream { return StreamOf(c.Account) }

func (c SkipWork) Decide(a Account) ([]accountEvent, error) {
	known := a.On(c.Target)
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case known.Skipped > 0 && known.Skipped >= c.Revision:
		return nil, nil
	case c.Revision <= known.Revision && !known.Trouble():
		return nil, ErrNoTrouble
	case strings.TrimSpace(c.Reason) == "":
		return nil, ErrNoReason
	}
	return []accountEvent{WorkSkipped{
		a.requested.Subject, sealed.New(a.requested.Party, sealed.Service, c.Reason), c.Revision, a.named(c.Target),
	}}, nil
}

// LeaveForeign lets an account on a service be that is none of ours. Nobody will
// be given its login.
type LeaveForeign struct {
	Service domain.Service
	Target  string
	Login   Named
	On      calendar.Date
}

func (c LeaveForeign) Stream() domain.Stream { return c.Login.Stream(c.Service) }

func (c LeaveForeign) Decide(b Binding) ([]loginEvent, error) {
	switch {
	case b.foreign:
		return nil, nil
	case b.account != "" && !b.freed:
		return nil, ErrOurs
	case c.On.IsZero() || !c.Service.Valid():
		return nil, ErrIncomplete.With("missing", "date")
	}
	target := c.Target
	if target == string(c.Service) {
		target = ""
	}
	return []loginEvent{ForeignLeft{c.Service, c.Login.digest, target, c.On}}, nil
}

// record returns an outcome of a revision as an event, unless it is known. What
// was in trouble is recorded even if it is as it was, for the trouble is over.
func (a Account) record(target string, revision int64, known bool, outcome accountEvent) ([]accountEvent, error) {
	now := a.On(target)
	_, failure := outcome.(Failed)
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case now.Status == StatusDeleted:
		return nil, ErrDeleted
	case revision < now.Revision, known && (failure || !now.Trouble()):
		return nil, nil
	}
	return []accountEvent{outcome}, nil
}
