package provisioning

import (
	"maps"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/sealed"
)

type (
	accountEvent = domain.Event[Account]
	loginEvent   = domain.Event[Binding]
)

// Subject is what every event here is about. An outcome names the target besides,
// where the account is; none is the one that is named after the service.
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

func (e AccountRequested) Evolve(Account) Account { return Account{requested: e} }

// LoginBound gives a login to an account, until it is freed and has rested: nobody
// shall get mail that was meant for somebody else.
type LoginBound struct {
	Subject
	Login sealed.Box[Login] `json:"login"`
}

func (e LoginBound) Evolve(Binding) Binding {
	return Binding{account: e.Account, entitlement: e.Entitlement, party: e.Party}
}

// AccountProvisioned records that the account is there.
type AccountProvisioned struct {
	Subject
	Quota    domain.Bytes `json:"quota"`
	Revision int64        `json:"revision"` // of the wish that was carried out
	Target   string       `json:"target,omitempty"`
}

func (e AccountProvisioned) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Status, o.Quota = StatusActive, e.Quota })
}

// QuotaSet records how much the account may hold now.
type QuotaSet struct {
	Subject
	Quota    domain.Bytes `json:"quota"`
	Revision int64        `json:"revision"`
	Target   string       `json:"target,omitempty"`
}

func (e QuotaSet) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Quota = e.Quota })
}

// AliasesSet records that mail to all its further addresses comes to the account now, and to no other.
type AliasesSet struct {
	Subject
	Aliases  int    `json:"aliases"` // how many there are
	Revision int64  `json:"revision"`
	Target   string `json:"target,omitempty"`
}

func (e AliasesSet) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Aliases = e.Aliases })
}

// AppsSwitched records that these apps are used with the account now, and no other of those that the target can switch.
type AppsSwitched struct {
	Subject
	Apps     []domain.Service `json:"apps"` // by name
	Revision int64            `json:"revision"`
	Target   string           `json:"target,omitempty"`
}

func (e AppsSwitched) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Apps = e.Apps })
}

// AccountSuspended records that nobody can log in any more.
type AccountSuspended struct {
	Subject
	Revision int64  `json:"revision"`
	Target   string `json:"target,omitempty"`
}

func (e AccountSuspended) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Status = StatusSuspended })
}

// AccountResumed records that its holder can log in again.
type AccountResumed struct {
	Subject
	Revision int64  `json:"revision"`
	Target   string `json:"target,omitempty"`
}

func (e AccountResumed) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Status = StatusActive })
}

// AccountRepaired records that an account had been changed past us, and is again
// as it is wanted.
type AccountRepaired struct {
	Subject
	Repair   string `json:"repair"` // its id
	Steps    []Step `json:"steps"`  // that it took
	Revision int64  `json:"revision"`
	Target   string `json:"target,omitempty"`
}

func (e AccountRepaired) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.repair = e.Repair })
}

// AccountDeleted is the receipt of a target: account and data are gone from it.
type AccountDeleted struct {
	Subject
	Revision int64         `json:"revision"`
	Target   string        `json:"target,omitempty"`
	On       calendar.Date `json:"on,omitzero"`
	Backups  calendar.Date `json:"backups,omitzero"` // the day on which the last backup with its data is gone, too
}

func (e AccountDeleted) Evolve(a Account) Account {
	return a.done(e.Target, e.Revision, func(o *Outcome) { o.Status, o.Quota = StatusDeleted, 0 }).deletedOn(e.Target)
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
	Target   string `json:"target,omitempty"`
}

func (e Failed) Evolve(a Account) Account {
	return a.at(e.Target, func(o *Outcome) { o.Failed, o.Revision = e, max(o.Revision, e.Revision) })
}

// WorkSkipped records that somebody has given up on a wish: nothing more is tried
// for it until it changes.
type WorkSkipped struct {
	Subject
	Reason   sealed.Box[string] `json:"reason"`
	Revision int64              `json:"revision"`
	Target   string             `json:"target,omitempty"`
}

func (e WorkSkipped) Evolve(a Account) Account {
	return a.at(e.Target, func(o *Outcome) { o.Skipped, o.Revision = e.Revision, max(o.Revision, e.Revision) })
}

// done notes the revision carried out, which ends all trouble.
func (a Account) done(target string, revision int64, change func(*Outcome)) Account {
	return a.at(target, func(o *Outcome) {
		o.Failed, o.Skipped, o.Revision = Failed{}, 0, max(o.Revision, revision)
		change(o)
	})
}

// at changes the outcome on a target.
func (a Account) at(target string, change func(*Outcome)) Account {
	outcome := a.On(target)
	change(&outcome)
	outcomes := maps.Clone(a.outcomes)
	if outcomes == nil {
		outcomes = map[string]Outcome{}
	}
	outcomes[a.named(target)] = outcome
	a.outcomes = outcomes
	return a
}

// ForeignLeft lets an account be that is none of ours. Its login is nobody's then.
// It is told by a digest, since whose it is is not known.
type ForeignLeft struct {
	Service domain.Service `json:"service"`
	Digest  string         `json:"digest"` // as in the name of the stream
	Target  string         `json:"target,omitempty"`
	On      calendar.Date  `json:"on"`
}

func (e ForeignLeft) Evolve(b Binding) Binding {
	b.foreign = true
	return b
}

// Register enters the events of provisioning.
func Register(r *domain.Registry) {
	domain.Register[AccountRequested](r, "provisioning.account_requested")
	domain.Register[LoginBound](r, "provisioning.login_bound")
	domain.Register[AccountProvisioned](r, "provisioning.account_provisioned")
	domain.Register[QuotaSet](r, "provisioning.quota_set")
	domain.Register[AliasesSet](r, "provisioning.aliases_set")
	domain.Register[AppsSwitched](r, "provisioning.apps_switched")
	domain.Register[AccountSuspended](r, "provisioning.account_suspended")
	domain.Register[AccountResumed](r, "provisioning.account_resumed")
	domain.Register[AccountDeleted](r, "provisioning.account_deleted")
	domain.Register[AccountRepaired](r, "provisioning.account_repaired")
	domain.Register[Failed](r, "provisioning.failed")
	domain.Register[WorkSkipped](r, "provisioning.work_skipped")
	domain.Register[ForeignLeft](r, "provisioning.foreign_left")
	domain.Register[LoginFreed](r, "provisioning.login_freed")
	domain.Register[LoginWished](r, "provisioning.login_wished")
	domain.Register[NameHeld](r, "provisioning.name_held")
	domain.Register[NameFreed](r, "provisioning.name_freed")
	domain.Register[AliasAdded](r, "provisioning.alias_added")
	domain.Register[AliasRemoved](r, "provisioning.alias_removed")
	domain.Register[AddressChosen](r, "provisioning.address_chosen")
	domain.Register[AccountHeld](r, "provisioning.account_held")
	domain.Register[AccountReleased](r, "provisioning.account_released")
	domain.Register[ExportAllowed](r, "provisioning.export_allowed")
	domain.Register[AccountPlaced](r, "provisioning.account_placed")
	domain.Register[MoveBegun](r, "provisioning.move_begun")
	domain.Register[MoveHeld](r, "provisioning.move_held")
	domain.Register[AccountMoved](r, "provisioning.account_moved")
	domain.Register[MoveCancelled](r, "provisioning.move_cancelled")
	domain.Register[UsagePassed](r, "provisioning.usage_passed")
	domain.Register[UsageFell](r, "provisioning.usage_fell")
	domain.Register[SizePostponed](r, "provisioning.size_postponed")
}
