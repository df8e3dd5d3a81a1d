package graphql

import (
	"context"
	"errors"
	"reflect"
	"time"

	"rochdale/domain"
	"rochdale/domain/catalogue"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
	"rochdale/graphql/internal/exec"
	"rochdale/processes"
	"rochdale/processes/access"
	"rochdale/projections"
)

func (m mutation) SetPassword(ctx context.Context, account, password string, requestID *string) (done exec.AccountDone, err error) {
	done.ID = domain.AccountID(account)
	if err := processes.CheckPassword(password); err != nil {
		return done, err
	}
	if err := m.theirs(ctx, done.ID, requestID, &done.Done); err != nil {
		return done, err
	}
	// The log does not have it. Made again, the request sets it again, to the same.
	return done, m.Credentials.SetPassword(ctx, done.ID, password)
}

// theirs makes sure that an account is the viewer's, for a mutation that the log has
// none of but that it was made.
func (m mutation) theirs(ctx context.Context, account domain.AccountID, requestID *string, done *exec.Done) error {
	return m.change(ctx, requestID, done, func(w *work) error {
		state, _, err := eventstore.Load[provisioning.Account](w.Tx, provisioning.StreamOf(account))
		if err != nil {
			return err
		}
		if of, requested := state.Requested(); !requested || !m.sees(ctx, of.Party) {
			return provisioning.ErrUnknown // another's is as if it were not there
		}
		return nil
	})
}

func (m mutation) CreateAppPassword(ctx context.Context, account, name string, requestID *string) (done exec.AppPasswordDone, err error) {
	if err := m.theirs(ctx, domain.AccountID(account), requestID, &done.Done); err != nil {
		return done, err
	}
	var seed string // of which the same password is made again
	if v, _ := access.Of(ctx); requestID != nil {
		seed = v.Name + "/" + *requestID
	}
	done.Password, done.AppPassword, err = m.Credentials.NewAppPassword(ctx, domain.AccountID(account), name, seed)
	done.ID = done.AppPassword.ID
	return done, err
}

func (m mutation) RevokeAppPassword(ctx context.Context, account, id string, requestID *string) (done exec.AccountDone, err error) {
	done.ID = domain.AccountID(account)
	if err := m.theirs(ctx, done.ID, requestID, &done.Done); err != nil {
		return done, err
	}
	return done, m.Credentials.RevokeAppPassword(ctx, done.ID, id)
}

type account struct{ *resolver }

func (r *resolver) Account() exec.AccountResolver { return account{r} }

func (account) StatusText(ctx context.Context, of *projections.Account) (string, error) {
	return processes.ServiceStatus(languageOf(ctx), of.Service, of.Status, of.Trouble != nil), nil
}

func (a account) AppPasswords(ctx context.Context, of *projections.Account) ([]provisioning.AppPassword, error) {
	if of.Status == provisioning.StatusDeleted {
		return nil, nil
	}
	return a.Credentials.AppPasswords(ctx, of.ID)
}

func (a account) Aliases(ctx context.Context, of *projections.Account) ([]string, error) {
	all, err := a.Models.AliasesOf(ctx, of.ID)
	aliases := make([]string, len(all))
	for i, alias := range all {
		aliases[i] = string(alias)
	}
	return aliases, err
}

func (q query) LoginAvailable(ctx context.Context, login string) (could exec.LoginAvailability, err error) {
	v, _ := access.Of(ctx)
	err = q.Naming.Available(ctx, v.Party, provisioning.Login(login))
	if refusal, is := errors.AsType[domain.Refusal](err); is {
		reason := catalogue.Refusal(languageOf(ctx), refusal)
		return exec.LoginAvailability{Code: &refusal.Code, Reason: &reason}, nil
	}
	return exec.LoginAvailability{Available: true}, err
}

func (m mutation) ChooseLogin(ctx context.Context, party *string, login string, requestID *string) (done exec.LoginDone, err error) {
	who, err := m.concerned(ctx, party)
	if err != nil {
		return done, err
	}
	done.Login = login
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		known, err := processes.Known(w.Tx, who)
		if err != nil {
			return err
		}
		return m.Naming.Wish(w.Tx, known, provisioning.Login(login))
	})
	return done, err
}

func (q query) AddressDomains(context.Context) ([]string, error) { return q.Naming.Domains, nil }

// named changes the names of an account of the viewer, or of any for an operator.
func (m mutation) named(ctx context.Context, account string, requestID *string, do func(*eventstore.Tx, domain.AccountID) error) (done exec.AccountDone, err error) {
	done.ID = domain.AccountID(account)
	mine := false
	err = m.change(ctx, requestID, &done.Done, func(w *work) error {
		state, _, err := eventstore.Load[provisioning.Account](w.Tx, provisioning.StreamOf(done.ID))
		if err != nil {
			return err
		}
		of, _ := state.Requested()
		if mine = m.sees(ctx, of.Party); !mine {
			return provisioning.ErrUnknown // another's is as if it were not there
		}
		return do(w.Tx, done.ID)
	})
	if err == nil && !mine { // theirs when they first asked
		err = provisioning.ErrUnknown
	}
	return done, err
}

func (m mutation) AddAlias(ctx context.Context, account, alias string, requestID *string) (exec.AccountDone, error) {
	return m.named(ctx, account, requestID, func(tx *eventstore.Tx, id domain.AccountID) error {
		return m.Naming.AddAlias(tx, id, provisioning.Login(alias))
	})
}

func (m mutation) RemoveAlias(ctx context.Context, account, alias string, requestID *string) (exec.AccountDone, error) {
	return m.named(ctx, account, requestID, func(tx *eventstore.Tx, id domain.AccountID) error {
		return m.Naming.RemoveAlias(tx, id, provisioning.Login(alias))
	})
}

func (m mutation) RenameAccount(ctx context.Context, account, address string, requestID *string) (exec.AccountDone, error) {
	return m.named(ctx, account, requestID, func(tx *eventstore.Tx, id domain.AccountID) error {
		return m.Naming.Rename(tx, id, provisioning.Login(address))
	})
}

func (m mutation) AllowExport(ctx context.Context, account, reason string, requestID *string) (exec.AccountDone, error) {
	return m.named(ctx, account, requestID, func(tx *eventstore.Tx, id domain.AccountID) error {
		return m.Estates.AllowExport(tx, id, reason)
	})
}

func (a account) Used(ctx context.Context, of *projections.Account) (*domain.Bytes, error) {
	u, err := a.Reconciler.UsageOf(ctx, of.ID)
	return found(u.Used, !u.At.IsZero(), err)
}

func (a account) UsedAt(ctx context.Context, of *projections.Account) (*time.Time, error) {
	u, err := a.Reconciler.UsageOf(ctx, of.ID)
	return found(u.At, !u.At.IsZero(), err)
}

func (a account) UsageDays(ctx context.Context, of *projections.Account) ([]processes.UsageDay, error) {
	u, err := a.Reconciler.UsageOf(ctx, of.ID)
	return u.Days, err
}

type filledAccount struct{ *resolver }

func (r *resolver) FilledAccount() exec.FilledAccountResolver { return filledAccount{r} }

func (f filledAccount) Account(ctx context.Context, of *processes.Filled) (*projections.Account, error) {
	return found(f.Models.Account(ctx, of.Account))
}

func (q query) FullestAccounts(ctx context.Context, most int) ([]processes.Filled, error) {
	all, err := q.Reconciler.Fullest(ctx)
	return all[:min(max(most, 0), len(all), 200)], err
}

func (s subscription) AccountsChanged(ctx context.Context) (<-chan []projections.Account, error) {
	self, err := s.self(ctx)
	if err != nil {
		return nil, err
	}
	c := make(chan []projections.Account)
	go func() {
		defer close(c)
		var last []projections.Account
		for begun := false; ctx.Err() == nil; begun = true {
			position := s.Models.Position()
			all, err := s.Models.AccountsOf(ctx, self)
			if err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "accounts", "err", err) // and are read again
			}
			if err == nil && (!begun || !reflect.DeepEqual(all, last)) {
				select {
				case c <- all:
					last = all
				case <-ctx.Done():
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(blink):
			}
			if s.Models.WaitFor(ctx, position+1) != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "accounts: the read models are in trouble")
			}
		}
	}()
	return c, nil
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

func (q query) Targets(ctx context.Context) ([]processes.TargetState, error) {
	return q.Reconciler.States(ctx)
}

// mostWork bounds a list of work.
const mostWork = 1000

func (q query) Work(ctx context.Context, target *string, parked bool) (some []processes.Work, err error) {
	all, err := q.Reconciler.Waiting(ctx, value(target))
	some = []processes.Work{}
	for _, w := range all {
		if len(some) < mostWork && (w.Parked || !parked) {
			some = append(some, w)
		}
	}
	return some, err
}

// steered does what an operator asks for, which is kept beside the log. Made again
// under its request id, it is not done again.
func (m mutation) steered(ctx context.Context, request *string, id string, do func(context.Context) error) (done exec.WorkDone, err error) {
	done.ID = id
	plain := ctx
	if ctx, err = m.requested(ctx, request); err != nil {
		return done, err
	}
	position, _, made, err := eventstore.Made(ctx, m.Store)
	if err != nil {
		return done, err
	}
	if !made {
		if err := do(plain); err != nil {
			return done, err
		}
		if position, err = eventstore.Transact(ctx, m.Store, func(*eventstore.Tx) error { return nil }); err != nil {
			return done, err
		}
		if request == nil {
			if position, err = m.Store.Log.Head(ctx); err != nil {
				return done, err
			}
		}
	}
	return done, m.settled(ctx, &done.Done, position, nil)
}

func (m mutation) ReconcileAccount(ctx context.Context, account string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, account, func(ctx context.Context) error {
		return m.Reconciler.ReconcileAccount(ctx, domain.AccountID(account))
	})
}

func (m mutation) RetryWork(ctx context.Context, target, account string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, account, func(ctx context.Context) error {
		return m.Reconciler.Retry(ctx, target, domain.AccountID(account))
	})
}

func (m mutation) SkipWork(ctx context.Context, target, account, reason string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, account, func(ctx context.Context) error {
		return m.Reconciler.Skip(ctx, target, domain.AccountID(account), reason)
	})
}

func (m mutation) PauseTarget(ctx context.Context, target, reason string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, target, func(ctx context.Context) error { return m.Reconciler.Pause(ctx, target, reason) })
}

func (m mutation) ResumeTarget(ctx context.Context, target string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, target, func(ctx context.Context) error { return m.Reconciler.Resume(ctx, target) })
}

func (m mutation) AnswerTarget(ctx context.Context, target string, yes bool, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, target, func(ctx context.Context) error { return m.Reconciler.Answer(ctx, target, yes) })
}

func (m mutation) MoveAccount(ctx context.Context, account string, to *string, reason string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, account, func(ctx context.Context) error {
		_, err := m.Reconciler.Move(ctx, domain.AccountID(account), value(to), reason)
		return err
	})
}

func (m mutation) CancelMove(ctx context.Context, account, reason string, requestID *string) (exec.WorkDone, error) {
	return m.steered(ctx, requestID, account, func(ctx context.Context) error {
		return m.Reconciler.CancelMove(ctx, domain.AccountID(account), reason)
	})
}

func (q query) Capacity(ctx context.Context) ([]processes.Capacity, error) {
	return q.Reconciler.Capacities(ctx)
}
