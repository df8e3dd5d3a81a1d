package graphql

import (
	"context"

	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/projections"
)

func (m mutation) SetPassword(ctx context.Context, account, password string) (done exec.AccountDone, err error) {
	done.ID = domain.AccountID(account)
	var of provisioning.AccountRequested
	position, err := eventstore.Transact(ctx, m.Store, func(tx *eventstore.Tx) error {
		state, _, err := eventstore.Load[provisioning.Account](tx, provisioning.StreamOf(done.ID))
		of, _ = state.Requested()
		return err
	})
	if err != nil {
		return done, err
	}
	at := m.Provisioners[of.Service]
	if !m.sees(ctx, of.Party) || at == nil { // another's is as if it were not there
		return done, provisioning.ErrUnknown
	}
	err = m.settled(ctx, &done.Done, position, processes.SetPassword(ctx, m.Store, at, done.ID, password))
	return done, err
}

func (q query) Accounts(ctx context.Context, inTrouble bool, first *int, after *string, last *int, before *string) (exec.AccountConnection, error) {
	return paged(q.Models.Accounts(ctx, inTrouble, pageOf(ctx, first, after, last, before)))
}

func (m member) Accounts(ctx context.Context, of *projections.Member) ([]projections.Account, error) {
	return m.Models.AccountsOf(ctx, of.ID)
}
