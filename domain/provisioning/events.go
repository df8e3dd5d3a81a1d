package provisioning

import (
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

type (
	accountEvent = domain.Event[Account]
	loginEvent   = domain.Event[Binding]
)

// Subject is what every event here is about.
type Subject struct {
	Account     domain.AccountID     `json:"account"`
	Entitlement domain.EntitlementID `json:"entitlement"`
	Party       domain.PartyID       `json:"party"`
	Service     domain.Service       `json:"service"`
}

// AccountRequested asks for an account.
type AccountRequested struct {
	Subject
	Login sealed.Box[Login] `json:"login"`
	Quota domain.Bytes      `json:"quota"` // to begin with
	On    calendar.Date     `json:"on"`
}

func (e AccountRequested) Evolve(Account) Account {
	return Account{requested: e, status: StatusRequested}
}

// LoginBound gives a login to an account, for good: nobody shall get mail that was
// meant for somebody else.
type LoginBound struct {
	Subject
	Login sealed.Box[Login] `json:"login"`
}

func (e LoginBound) Evolve(Binding) Binding { return Binding{e.Account} }

// AccountProvisioned records that the account is there.
type AccountProvisioned struct {
	Subject
	Quota    domain.Bytes `json:"quota"`
	Revision int64        `json:"revision"` // of the wish that was carried out
}

func (e AccountProvisioned) Evolve(a Account) Account {
	a.status, a.quota = StatusActive, e.Quota
	return a.done(e.Revision)
}

// QuotaSet records how much the account may hold now.
type QuotaSet struct {
	Subject
	Quota    domain.Bytes `json:"quota"`
	Revision int64        `json:"revision"`
}

func (e QuotaSet) Evolve(a Account) Account {
	a.quota = e.Quota
	return a.done(e.Revision)
}

// AccountSuspended records that nobody can log in any more.
type AccountSuspended struct {
	Subject
	Revision int64 `json:"revision"`
}

func (e AccountSuspended) Evolve(a Account) Account {
	a.status = StatusSuspended
	return a.done(e.Revision)
}

// AccountResumed records that its holder can log in again.
type AccountResumed struct {
	Subject
	Revision int64 `json:"revision"`
}

func (e AccountResumed) Evolve(a Account) Account {
	a.status = StatusActive
	return a.done(e.Revision)
}

// AccountDeleted records that account and data are gone from the service.
type AccountDeleted struct {
	Subject
	Revision int64 `json:"revision"`
}

func (e AccountDeleted) Evolve(a Account) Account {
	a.status, a.quota = StatusDeleted, 0
	return a.done(e.Revision)
}

// Failed records what keeps the account from being as it is wanted. It is said
// once, not at each attempt.
type Failed struct {
	Subject
	Step     Step   `json:"step"`
	Class    string `json:"class"`          // one of package adapters/fault
	Code     string `json:"code,omitempty"` // the service's own
	Attempts int    `json:"attempts"`       // so far
	Parked   bool   `json:"parked"`         // nothing more is tried until the wish changes or a person steps in
	Revision int64  `json:"revision"`
}

func (e Failed) Evolve(a Account) Account {
	a.failed, a.revision = e, max(a.revision, e.Revision)
	return a
}

// done notes the revision carried out, which ends all trouble.
func (a Account) done(revision int64) Account {
	a.failed, a.revision = Failed{}, max(a.revision, revision)
	return a
}

// Register enters the events of provisioning.
func Register(r *domain.Registry) {
	domain.Register[AccountRequested](r, "provisioning.account_requested")
	domain.Register[LoginBound](r, "provisioning.login_bound")
	domain.Register[AccountProvisioned](r, "provisioning.account_provisioned")
	domain.Register[QuotaSet](r, "provisioning.quota_set")
	domain.Register[AccountSuspended](r, "provisioning.account_suspended")
	domain.Register[AccountResumed](r, "provisioning.account_resumed")
	domain.Register[AccountDeleted](r, "provisioning.account_deleted")
	domain.Register[Failed](r, "provisioning.failed")
}
