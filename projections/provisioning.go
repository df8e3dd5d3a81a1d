package projections

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore/lite"
)

var provisioningProjection = projection{
	module: "provisioning",
	wants: []any{
		provisioning.AccountRequested{}, provisioning.AccountProvisioned{}, provisioning.QuotaSet{}, provisioning.AccountSuspended{},
		provisioning.AccountResumed{}, provisioning.AccountDeleted{}, provisioning.Failed{},
	},
	apply: func(t *table, event any) error {
		become := func(id domain.AccountID, status provisioning.Status, revision int64) error {
			return t.Exec(`update account set status = ?, revision = ?, step = null, class = null, code = null, attempts = null, parked = null
				where id = ?`, status, revision, id)
		}
		switch e := event.(type) {
		case provisioning.AccountRequested:
			var login any
			if l, known := e.Login.Reveal(); known {
				login = string(l)
			}
			return t.Exec(`insert into account (id, entitlement, party, service, login, quota, status, revision, position)
				values (?, ?, ?, ?, ?, ?, ?, 0, ?)`,
				e.Account, e.Entitlement, e.Party, e.Service, login, int64(e.Quota), provisioning.StatusRequested, t.position)
		case provisioning.AccountProvisioned:
			if err := t.Exec(`update account set quota = ? where id = ?`, int64(e.Quota), e.Account); err != nil {
				return err
			}
			return become(e.Account, provisioning.StatusActive, e.Revision)
		case provisioning.QuotaSet:
			return t.Exec(`update account set quota = ?, revision = ?, step = null, class = null, code = null, attempts = null, parked = null
				where id = ?`, int64(e.Quota), e.Revision, e.Account)
		case provisioning.AccountSuspended:
			return become(e.Account, provisioning.StatusSuspended, e.Revision)
		case provisioning.AccountResumed:
			return become(e.Account, provisioning.StatusActive, e.Revision)
		case provisioning.AccountDeleted:
			if err := t.Exec(`update account set quota = 0 where id = ?`, e.Account); err != nil {
				return err
			}
			return become(e.Account, provisioning.StatusDeleted, e.Revision)
		case provisioning.Failed:
			return t.Exec(`update account set step = ?, class = ?, code = ?, attempts = ?, parked = ? where id = ?`,
				e.Step, e.Class, e.Code, e.Attempts, e.Parked, e.Account)
		}
		return nil
	},
}

// Account is an account on a service.
type Account struct {
	ID          domain.AccountID
	Entitlement domain.EntitlementID
	Party       domain.PartyID
	Service     domain.Service
	Login       provisioning.Login // empty once it is erased
	Quota       domain.Bytes
	Status      provisioning.Status
	Trouble     *Trouble // nil if there is none
}

// Trouble is what keeps an account from being as it is wanted.
type Trouble struct {
	Step     provisioning.Step
	Class    string
	Code     string
	Attempts int
	Parked   bool
}

const accountColumns = `id, entitlement, party, service, login, quota, status, step, class, code, attempts, parked`

func scanAccount(r lite.Row) (a Account, err error) {
	a = Account{
		ID: domain.AccountID(r.Text(0)), Entitlement: domain.EntitlementID(r.Text(1)), Party: domain.PartyID(r.Text(2)),
		Service: domain.Service(r.Text(3)), Login: provisioning.Login(r.Text(4)), Quota: domain.Bytes(r.Int(5)),
		Status: provisioning.Status(r.Text(6)),
	}
	if !r.Null(7) {
		a.Trouble = &Trouble{provisioning.Step(r.Text(7)), r.Text(8), r.Text(9), int(r.Int(10)), r.Bool(11)}
	}
	return a, nil
}

// Account returns one account, and whether there is one.
func (m *Models) Account(ctx context.Context, id domain.AccountID) (Account, bool, error) {
	return one(ctx, m, `select `+accountColumns+` from account where id = ?`, scanAccount, id)
}

// AccountsOf returns the accounts of a party.
func (m *Models) AccountsOf(ctx context.Context, party domain.PartyID) ([]Account, error) {
	return rows(ctx, m, `select `+accountColumns+` from account where party = ? order by position`, scanAccount, party)
}

// Accounts returns a part of the list of accounts, oldest first: all, or those
// that are in trouble.
func (m *Models) Accounts(ctx context.Context, inTrouble bool, p Page) (List[Account], error) {
	q := query{columns: accountColumns, from: "account", key: "position", id: "id"}
	if inTrouble {
		q.where = "step is not null"
	}
	return page(ctx, m, q, p, scanAccount)
}
