package projections

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore/lite"
)

// applyPlacement keeps on which node each account is, and is being moved to.
func applyPlacement(t *table, event any) error {
	// forget notes that an account is no longer wanted on a node.
	forget := func(of provisioning.Subject, node string) error {
		return t.Exec(`update wanted set access = 'absent', astray = 1 where account = ? and target = ?`, of.Account, named(of, node))
	}
	switch e := event.(type) {
	case provisioning.AccountPlaced:
		if node := named(e.Subject, e.Node); node != "" { // it was nowhere yet
			err := t.Exec(`update wanted set target = ?, status = 'requested', held = 0, revision = 0, parked = 0, trouble = null, skipped = 0
				where account = ? and target = ''`, node, e.Account)
			if err != nil {
				return err
			}
			return t.Exec(`update account set node = ?, revision = 0, step = null, class = null, code = null, attempts = null, parked = null where id = ?`, e.Node, e.Account)
		}
		err := t.Exec(`update wanted set trouble = null, parked = 0 where account = ?1 and target = '' and (select code from account where id = ?1) = ?2`, e.Account, provisioning.NoRoom)
		if err != nil {
			return err
		}
		err = t.Exec(`update account set step = null, class = null, code = null, attempts = null, parked = null where id = ? and code = ?`, e.Account, provisioning.NoRoom)
		if err != nil {
			return err
		}
		return t.Exec(`update account set node = ? where id = ?`, e.Node, e.Account)
	case provisioning.MoveBegun:
		err := t.Exec(`insert or replace into wanted
			select account, ?, service, access, quota, wish, 'requested', 0, 0, 0, null, 0, null, null, 0 from wanted where account = ? and target = ?`,
			named(e.Subject, e.To), e.Account, named(e.Subject, e.From))
		if err != nil {
			return err
		}
		return t.Exec(`update account set moving = ? where id = ?`, e.To, e.Account)
	case provisioning.MoveHeld:
		return nil
	case provisioning.MoveCancelled:
		if err := t.Exec(`update account set moving = null where id = ?`, e.Account); err != nil {
			return err
		}
		return forget(e.Subject, e.To)
	case provisioning.AccountMoved:
		to := named(e.Subject, e.To)
		if err := t.Exec(`update wanted set trouble = null, parked = 0, skipped = 0 where account = ? and target = ?`, e.Account, to); err != nil {
			return err
		}
		err := t.Exec(`update account set node = ?, moving = null, step = null, class = null, code = null, attempts = null, parked = null,
			(status, revision, quota) = (select w.status, w.revision, case w.status when 'requested' then account.asked else w.held end
				from wanted w where w.account = account.id and w.target = ?) where id = ?`, e.To, to, e.Account)
		if err != nil {
			return err
		}
		return forget(e.Subject, e.From)
	}
	return nil
}

// named returns the name by which outcomes know a target: none for the one that is
// named after the service.
func named(of provisioning.Subject, target string) string {
	if target == string(of.Service) {
		return ""
	}
	return target
}

// elsewhere reports whether an outcome is of a target by which it is not told how its
// account is: that is its node, or else the target that is named after the service.
func elsewhere(t *table, event any) (other bool, err error) {
	of, target, outcome := outcomeOf(event)
	if !outcome {
		return false, nil
	}
	node := ""
	_, err = t.One(`select coalesce(node, '') from account where id = ?`, func(r lite.Row) { node = r.Text(0) }, of.Account)
	return target != named(of, node), err
}

// outcomeOf returns whose outcome an event is, and of which target.
func outcomeOf(event any) (of provisioning.Subject, target string, outcome bool) {
	switch e := event.(type) {
	case provisioning.AccountProvisioned:
		return e.Subject, e.Target, true
	case provisioning.QuotaSet:
		return e.Subject, e.Target, true
	case provisioning.AliasesSet:
		return e.Subject, e.Target, true
	case provisioning.AppsSwitched:
		return e.Subject, e.Target, true
	case provisioning.AccountSuspended:
		return e.Subject, e.Target, true
	case provisioning.AccountResumed:
		return e.Subject, e.Target, true
	case provisioning.AccountDeleted:
		return e.Subject, e.Target, true
	case provisioning.AccountRepaired:
		return e.Subject, e.Target, true
	case provisioning.Failed:
		return e.Subject, e.Target, true
	case provisioning.WorkSkipped:
		return e.Subject, e.Target, true
	}
	return of, "", false
}

// NodeLoad is what was promised on a target.
type NodeLoad struct {
	Target    string
	Accounts  int
	Committed domain.Bytes // quotas without a bound are not counted
}

// NodeLoads returns that of all targets of a service on which there is anything. What
// is being moved counts on both nodes, and what is left on one until it is deleted.
func (m *Models) NodeLoads(ctx context.Context, service domain.Service) ([]NodeLoad, error) {
	return rows(ctx, m, `select case w.target when '' then w.service else w.target end, count(*), sum(max(w.quota, w.held, 0))`+there+` group by 1`, func(r lite.Row) (NodeLoad, error) {
		return NodeLoad{r.Text(0), int(r.Int(1)), domain.Bytes(r.Int(2))}, nil
	}, service)
}

// there are the accounts of a service by the targets on which there is anything of them.
const there = ` from wanted w join account a on a.id = w.account
	where w.service = ? and w.status <> 'deleted' and not (w.target = '' and a.node is null and w.status = 'requested') and (w.access <> 'absent' or w.status <> 'requested' or w.astray)`

// AccountsLeft returns the accounts of a service of which there is anything on a target,
// and on which nobody has given up there, in the order of their ids.
func (m *Models) AccountsLeft(ctx context.Context, service domain.Service, target string) ([]domain.AccountID, error) {
	return rows(ctx, m, `select w.account`+there+` and w.target = iif(?2 = w.service, '', ?2) and not w.skipped order by w.account`, scanAccountID, service, target)
}

// AccountsUnplaced returns the accounts of a service for which no node was chosen, and
// that are not deleted, oldest first.
func (m *Models) AccountsUnplaced(ctx context.Context, service domain.Service) ([]domain.AccountID, error) {
	return rows(ctx, m, `select id from account where service = ? and node is null and status <> 'deleted' order by position`, scanAccountID, service)
}

// AccountsOn returns the accounts that are on a node and not deleted, after one of
// them, in the order of their ids: at most so many.
func (m *Models) AccountsOn(ctx context.Context, service domain.Service, node string, after domain.AccountID, limit int) ([]domain.AccountID, error) {
	return rows(ctx, m, `select id from account where service = ? and node = ? and status <> 'deleted' and id > ? order by id limit ?`, scanAccountID, service, node, after, limit)
}

func scanAccountID(r lite.Row) (domain.AccountID, error) { return domain.AccountID(r.Text(0)), nil }
