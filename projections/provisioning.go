package projections

import (
	"context"
	"encoding/json"
	"strings"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore/lite"
)

var provisioningProjection = projection{
	module: "provisioning",
	wants: []any{
		provisioning.AccountRequested{},
		provisioning.AccountProvisioned{},
		provisioning.QuotaSet{},
		provisioning.AccountSuspended{},
		provisioning.AccountResumed{},
		provisioning.AccountDeleted{},
		provisioning.AccountRepaired{},
		provisioning.Failed{},
		provisioning.WorkSkipped{},
		provisioning.AliasAdded{},
		provisioning.AliasRemoved{},
		provisioning.AliasesSet{},
		provisioning.AppsSwitched{},
		provisioning.AddressChosen{},
		provisioning.AccountHeld{},
		provisioning.AccountReleased{},
		provisioning.ExportAllowed{},
		provisioning.AccountPlaced{},
		provisioning.MoveBegun{},
		provisioning.MoveHeld{},
		provisioning.AccountMoved{},
		provisioning.MoveCancelled{},
		entitlement.Granted{},
		entitlement.QuotaChanged{},
		entitlement.Suspended{},
		entitlement.Resumed{},
		entitlement.Revoked{},
	},
	apply: func(t *table, event any) error {
		if err := applyWanted(t, event); err != nil {
			return err
		}
		if err := applyPlacement(t, event); err != nil {
			return err
		}
		if other, err := elsewhere(t, event); err != nil || other { // of which there is a row in wanted alone
			return err
		}
		well := func(account domain.AccountID, revision int64) error {
			return t.Exec(`update account set revision = ?, step = null, class = null, code = null, attempts = null, parked = null where id = ?`, revision, account)
		}
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
			return t.Exec(`insert into account (id, entitlement, party, service, login, quota, asked, status, revision, position)
				values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, 0, ?8)`,
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
		case provisioning.AccountRepaired:
			return well(e.Account, e.Revision)
		case provisioning.AccountHeld:
			return t.Exec(`update account set held_through = ? where id = ?`, e.Through, e.Account)
		case provisioning.AccountReleased:
			return t.Exec(`update account set held_through = null, export_through = null where id = ?`, e.Account)
		case provisioning.ExportAllowed:
			return t.Exec(`update account set export_through = ? where id = ?`, e.Through, e.Account)
		case provisioning.AliasesSet:
			return well(e.Account, e.Revision)
		case provisioning.AppsSwitched:
			return well(e.Account, e.Revision)
		case provisioning.AliasAdded:
			if login, known := e.Alias.Reveal(); known {
				return t.Exec(`insert into alias values (?, ?, ?, ?, 0, ?)`, e.Account, e.Digest, e.Party, string(login), t.position)
			}
		case provisioning.AliasRemoved:
			return t.Exec(`delete from alias where account = ? and digest = ?`, e.Account, e.Digest)
		case provisioning.AddressChosen:
			return t.Exec(`update alias set chosen = digest = ? where account = ?`, e.Digest, e.Account)
		case provisioning.Failed:
			return t.Exec(`update account set step = ?, class = ?, code = ?, attempts = ?, parked = ? where id = ?`,
				e.Step, e.Class, e.Code, e.Attempts, e.Parked, e.Account)
		}
		return nil
	},
}

// applyWanted keeps the rows of each account and target.
func applyWanted(t *table, event any) error {
	wish := func(e entitlement.Subject, column string, value any) error {
		return t.Exec(`update wanted set `+column+` = ?, wish = ? where account = ? and not astray`, value, t.position, e.Entitlement)
	}
	outcome := func(of provisioning.Subject, target, set string, args ...any) error {
		if target != "" {
			err := t.Exec(`insert or ignore into wanted
				select account, ?, service, access, quota, wish, 'requested', 0, 0, 0, null, 0, null, null, 0 from wanted where account = ? and not astray order by target limit 1`, target, of.Account)
			if err != nil {
				return err
			}
		}
		return t.Exec(`update wanted set `+set+` where account = ? and target = ?`, append(args, of.Account, target)...)
	}
	const well = `, revision = ?, parked = 0, trouble = null, skipped = 0`
	switch e := event.(type) {
	case provisioning.AccountRequested:
		// The entitlement may have changed since it was granted.
		return t.Exec(`insert into wanted select ?1, '', ?2,
			coalesce((select case status when 'revoked' then 'absent' else status end from entitlement where id = ?3), 'absent'),
			coalesce((select iif(quota = 0, -1, quota) from entitlement where id = ?3), ?4), ?5, 'requested', 0, 0, 0, null, 0, null, null, 0`,
			e.Account, e.Service, e.Entitlement, int64(e.Quota), t.position)
	case entitlement.Granted: // after the account was asked for
		quota := e.Quota
		if e.Service.App() {
			quota = provisioning.Unlimited
		}
		return t.Exec(`update wanted set access = ?, quota = ?, wish = ? where account = ? and not astray`, provisioning.Active, int64(quota), t.position, e.Entitlement)
	case entitlement.QuotaChanged:
		return wish(e.Subject, "quota", int64(e.Quota))
	case entitlement.Suspended:
		return wish(e.Subject, "access", provisioning.Suspended)
	case entitlement.Resumed:
		return wish(e.Subject, "access", provisioning.Active)
	case entitlement.Revoked:
		return wish(e.Subject, "access", provisioning.Absent)
	case provisioning.AccountProvisioned:
		return outcome(e.Subject, e.Target, `status = ?, held = ?`+well, provisioning.StatusActive, int64(e.Quota), e.Revision)
	case provisioning.QuotaSet:
		return outcome(e.Subject, e.Target, `held = ?`+well, int64(e.Quota), e.Revision)
	case provisioning.AliasAdded:
		return t.Exec(`update wanted set wish = ? where account = ?`, t.position, e.Account)
	case provisioning.AliasRemoved:
		return t.Exec(`update wanted set wish = ? where account = ?`, t.position, e.Account)
	case provisioning.AliasesSet:
		return outcome(e.Subject, e.Target, strings.TrimPrefix(well, ", "), e.Revision)
	case provisioning.AppsSwitched:
		return outcome(e.Subject, e.Target, strings.TrimPrefix(well, ", "), e.Revision)
	case provisioning.AccountSuspended:
		return outcome(e.Subject, e.Target, `status = ?`+well, provisioning.StatusSuspended, e.Revision)
	case provisioning.AccountResumed:
		return outcome(e.Subject, e.Target, `status = ?`+well, provisioning.StatusActive, e.Revision)
	case provisioning.AccountRepaired:
		return outcome(e.Subject, e.Target, strings.TrimPrefix(well, ", "), e.Revision)
	case provisioning.AccountDeleted:
		return outcome(e.Subject, e.Target, `status = ?, held = 0, deleted_on = ?, backups = ?`+well, provisioning.StatusDeleted, dayOrNull(e.On), dayOrNull(e.Backups), e.Revision)
	case provisioning.Failed:
		return outcome(e.Subject, e.Target, `trouble = ?, parked = ?`, e.Class, e.Parked)
	case provisioning.WorkSkipped:
		return outcome(e.Subject, e.Target, `skipped = 1`)
	}
	return nil
}

// dayOrNull is a day, or null where it is none.
func dayOrNull(d calendar.Date) any {
	if d.IsZero() {
		return nil
	}
	return d
}

// Provision is how an account is wanted on a target, and what came of it there.
type Provision struct {
	Account  domain.AccountID
	Target   string // by its name
	Service  domain.Service
	Party    domain.PartyID
	Login    provisioning.Login // empty once it is erased
	Access   provisioning.Access
	Quota    domain.Bytes
	Wish     int64 // position of what was wished last
	Status   provisioning.Status
	Held     domain.Bytes
	Revision int64
	Trouble  string // its class; empty if there is none
	Parked   bool
	Skipped  bool
	Deleted  calendar.Date // no day if it is not, or if that is not known
	Backups  calendar.Date // when the last backup is gone
}

const wantedColumns = `w.account, case w.target when '' then w.service else w.target end, w.service, a.party, a.login, w.access, w.quota, w.wish,
	w.status, w.held, w.revision, w.trouble, w.parked, w.skipped, w.deleted_on, w.backups from wanted w join account a on a.id = w.account`

func scanWanted(r lite.Row) (Provision, error) {
	d := days{r: r}
	p := Provision{
		Account: domain.AccountID(r.Text(0)), Target: r.Text(1), Service: domain.Service(r.Text(2)), Party: domain.PartyID(r.Text(3)),
		Login: provisioning.Login(r.Text(4)), Access: provisioning.Access(r.Text(5)), Quota: domain.Bytes(r.Int(6)), Wish: r.Int(7),
		Status: provisioning.Status(r.Text(8)), Held: domain.Bytes(r.Int(9)), Revision: r.Int(10), Trouble: r.Text(11), Parked: r.Bool(12),
		Skipped: r.Bool(13), Deleted: d.at(14), Backups: d.at(15),
	}
	return p, d.err
}

// Provisions returns how an account is wanted on each target, and what came of it there.
func (m *Models) Provisions(ctx context.Context, account domain.AccountID) ([]Provision, error) {
	return rows(ctx, m, `select `+wantedColumns+` where w.account = ? order by w.target`, scanWanted, account)
}

// AccountsFrom returns the accounts of a service after one of them, in the order of
// their ids, by which they are looked up: at most so many.
func (m *Models) AccountsFrom(ctx context.Context, service domain.Service, after domain.AccountID, limit int) ([]Account, error) {
	return rows(ctx, m, `select `+accountColumns+` from account where id > ? and +service = ? order by id limit ?`, scanAccount, after, service, limit)
}

// AccountsBy returns the accounts of a service that have one of some logins, or had
// it last, and are wanted.
func (m *Models) AccountsBy(ctx context.Context, service domain.Service, logins []provisioning.Login) ([]Account, error) {
	list, err := json.Marshal(logins)
	if err != nil {
		return nil, err
	}
	return rows(ctx, m, `select `+accountColumns+` from account where service = ? and login in (select value from json_each(?)) order by position`, scanAccount, service, string(list))
}

// AccountsCounted returns how many accounts of a service are not deleted.
func (m *Models) AccountsCounted(ctx context.Context, service domain.Service) (int, error) {
	n, _, err := one(ctx, m, `select count(*) from account where service = ? and status <> 'deleted'`, func(r lite.Row) (int, error) { return int(r.Int(0)), nil }, service)
	return n, err
}

// Account is an account on a service.
type Account struct {
	ID          domain.AccountID
	Entitlement domain.EntitlementID
	Party       domain.PartyID
	Service     domain.Service
	Login       provisioning.Login // empty once it is erased
	Address     provisioning.Login // that it goes by; the same
	Quota       domain.Bytes
	Status      provisioning.Status
	Trouble     *Trouble // nil if there is none
	Node        string   // of several, that it is on, if that was chosen
	MovingTo    string   // the one that it is being moved to

	HeldThrough   calendar.Date // no day unless its holder is known to have died
	ExportThrough calendar.Date // no day unless heirs may have a copy
}

// Trouble is what keeps an account from being as it is wanted.
type Trouble struct {
	Step     provisioning.Step
	Class    string
	Code     string
	Attempts int
	Parked   bool
}

const accountColumns = `id, entitlement, party, service, login, quota, status, step, class, code, attempts, parked, 
	coalesce((select login from alias where alias.account = account.id and chosen), login), held_through, export_through, node, moving`

func scanAccount(r lite.Row) (a Account, err error) {
	a = Account{
		ID: domain.AccountID(r.Text(0)), Entitlement: domain.EntitlementID(r.Text(1)), Party: domain.PartyID(r.Text(2)),
		Service: domain.Service(r.Text(3)), Login: provisioning.Login(r.Text(4)), Quota: domain.Bytes(r.Int(5)),
		Status: provisioning.Status(r.Text(6)), Address: provisioning.Login(r.Text(12)),
		Node: r.Text(15), MovingTo: r.Text(16),
	}
	d := days{r: r}
	a.HeldThrough, a.ExportThrough = d.at(13), d.at(14)
	if !r.Null(7) {
		a.Trouble = &Trouble{provisioning.Step(r.Text(7)), r.Text(8), r.Text(9), int(r.Int(10)), r.Bool(11)}
	}
	return a, d.err
}

// Account returns one account, and whether there is one.
func (m *Models) Account(ctx context.Context, id domain.AccountID) (Account, bool, error) {
	return one(ctx, m, `select `+accountColumns+` from account where id = ?`, scanAccount, id)
}

// AccountsOf returns the accounts of a party, and of those that were found to be it.
func (m *Models) AccountsOf(ctx context.Context, party domain.PartyID) ([]Account, error) {
	return rows(ctx, m, `select `+accountColumns+` from account where party in `+selves+` order by position`, scanAccount, party)
}

// AliasesOf returns the further addresses of an account, oldest first.
func (m *Models) AliasesOf(ctx context.Context, account domain.AccountID) ([]provisioning.Login, error) {
	return rows(ctx, m, `select login from alias where account = ? order by position`, func(r lite.Row) (provisioning.Login, error) {
		return provisioning.Login(r.Text(0)), nil
	}, account)
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
