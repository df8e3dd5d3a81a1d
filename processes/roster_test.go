package processes_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/processes"
)

// A roster is what read models would know, read from the log.
type roster struct {
	c *coop
	s *eventstore.Store
}

func (b roster) all(service domain.Service) (all []processes.BookedAccount) {
	deleted, held := map[domain.AccountID]bool{}, map[domain.AccountID]bool{}
	for _, e := range those[provisioning.AccountSuspended](b.c, b.s) {
		held[e.Account] = true
	}
	for _, e := range those[provisioning.AccountDeleted](b.c, b.s) {
		deleted[e.Account] = true
	}
	for _, e := range those[provisioning.AccountRequested](b.c, b.s) {
		if e.Service == service {
			login, _ := e.Login.Reveal()
			known := stateOf[provisioning.Account](b.c, b.s, provisioning.StreamOf(e.Account))
			move, _ := known.Moving()
			deleted[e.Account] = deleted[e.Account] && known.Status() == provisioning.StatusDeleted
			all = append(all, processes.BookedAccount{Node: known.Node(), To: move.To, Account: e.Account, Service: e.Service, Login: login, Deleted: deleted[e.Account], Held: held[e.Account], Quota: e.Quota})
		}
	}
	slices.SortFunc(all, func(a, b processes.BookedAccount) int { return strings.Compare(string(a.Account), string(b.Account)) })
	return all
}

func (b roster) AccountsCounted(_ context.Context, service domain.Service) (n int, err error) {
	for _, a := range b.all(service) {
		if !a.Deleted {
			n++
		}
	}
	return n, nil
}

func (b roster) AccountsAfter(_ context.Context, service domain.Service, after domain.AccountID, limit int) ([]processes.BookedAccount, error) {
	all := b.all(service)
	all = slices.DeleteFunc(all, func(a processes.BookedAccount) bool { return a.Account <= after })
	return all[:min(limit, len(all))], nil
}

func (b roster) AccountsUnder(_ context.Context, service domain.Service, logins []provisioning.Login) ([]processes.BookedAccount, error) {
	under := map[provisioning.Login]bool{}
	for _, l := range logins {
		under[l] = true
	}
	return slices.DeleteFunc(b.all(service), func(a processes.BookedAccount) bool { return !under[a.Login] }), nil
}

func (b roster) AccountsOfParty(_ context.Context, party domain.PartyID) (all []processes.BookedAccount, _ error) {
	for _, e := range those[provisioning.AccountRequested](b.c, b.s) {
		if e.Party == party {
			known := stateOf[provisioning.Account](b.c, b.s, provisioning.StreamOf(e.Account))
			all = append(all, processes.BookedAccount{Account: e.Account, Service: e.Service, Deleted: known.Status() == provisioning.StatusDeleted})
		}
	}
	return all, nil
}

func (b roster) NodeLoads(_ context.Context, service domain.Service) (map[string]processes.NodeLoad, error) {
	loads := map[string]processes.NodeLoad{}
	for _, a := range b.all(service) {
		for _, node := range []string{a.Node, a.To} {
			if node != "" && !a.Deleted {
				loads[node] = processes.NodeLoad{Accounts: loads[node].Accounts + 1, Committed: loads[node].Committed + a.Quota}
			}
		}
	}
	return loads, nil
}

func (b roster) AccountsLeft(_ context.Context, service domain.Service, target string) (all []domain.AccountID, _ error) {
	for _, a := range b.all(service) {
		is := stateOf[provisioning.Account](b.c, b.s, provisioning.StreamOf(a.Account)).On(target)
		if there := is.Status == provisioning.StatusActive || is.Status == provisioning.StatusSuspended; there && is.Skipped == 0 {
			all = append(all, a.Account)
		}
	}
	return all, nil
}

func (b roster) AccountsUnplaced(_ context.Context, service domain.Service) (all []domain.AccountID, _ error) {
	for _, a := range b.all(service) {
		if a.Node == "" && !a.Deleted {
			all = append(all, a.Account)
		}
	}
	return all, nil
}

func (b roster) AccountsOn(_ context.Context, service domain.Service, node string, after domain.AccountID, _ int) (all []domain.AccountID, _ error) {
	for _, a := range b.all(service) {
		if a.Node == node && !a.Deleted && a.Account > after {
			all = append(all, a.Account)
		}
	}
	return all, nil
}

// fixed is a book that does not change.
type fixed struct{ accounts []processes.BookedAccount }

func (f fixed) AccountsCounted(context.Context, domain.Service) (int, error) {
	return len(f.accounts), nil
}

func (f fixed) AccountsAfter(_ context.Context, _ domain.Service, after domain.AccountID, limit int) ([]processes.BookedAccount, error) {
	i, found := slices.BinarySearchFunc(f.accounts, after, func(a processes.BookedAccount, id domain.AccountID) int {
		return strings.Compare(string(a.Account), string(id))
	})
	if found {
		i++
	}
	return f.accounts[i:min(i+limit, len(f.accounts))], nil
}

func (f fixed) AccountsOfParty(context.Context, domain.PartyID) ([]processes.BookedAccount, error) {
	return nil, nil
}

func (f fixed) AccountsUnder(_ context.Context, _ domain.Service, logins []provisioning.Login) (all []processes.BookedAccount, err error) {
	for _, login := range logins {
		var n int
		if _, err := fmt.Sscanf(string(login), "member%d@example.org", &n); err == nil {
			all = append(all, f.accounts[n])
		}
	}
	return all, nil
}
