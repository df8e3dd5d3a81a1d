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

func (m mutation) SetPassword(ctx context.Context, account, password string, requestID *string) (done exec.AccountDone, err error) {
	done.ID = domain.AccountID(account)
	if err := processes.CheckPassword(password); err != nil {
		return done, err
	}
	var at processes.Provisioner
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		state, _, err := eventstore.Load[provisioning.Account](w.Tx, provisioning.StreamOf(done.ID))
		if err != nil {
			return err
		}
		of, _ := state.Requested()
		if at = m.Provisioners[of.Service]; !m.sees(ctx, of.Party) {
			at = nil
		}
		if at == nil {
			return provisioning.ErrUnknown // another's is as if it were not there
		}
		return nil
	})
	if err == nil && at == nil { // theirs when they first asked
		err = provisioning.ErrUnknown
	}
	if err != nil {
		return done, err
	}
	// The log does not have it. Made again, the request sets it again, to the same.
	return done, processes.SetPassword(ctx, m.Store, at, done.ID, password)
}

type accountPayload struct{ *resolver }

func (r *resolver) AccountPayload() exec.AccountPayloadResolver { return accountPayload{r} }

func (p accountPayload) Account(ctx context.Context, done *exec.AccountDone) (*projections.Account, error) {
	if done.Behind != nil {
		return nil, done.Behind
	}
	return found(p.Models.Account(ctx, done.ID))
}

func (q query) Accounts(ctx context.Context, inTrouble bool, first *int, after *string, last *int, before *string) (exec.AccountConnection, error) {
	return paged(q.Models.Accounts(ctx, inTrouble, pageOf(ctx, first, after, last, before)))
}

func (m member) Accounts(ctx context.Context, of *projections.Member) ([]projections.Account, error) {
	return m.Models.AccountsOf(ctx, of.ID)
}
