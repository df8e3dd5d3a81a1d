// Package remote is what adapters of services elsewhere have in common: an account
// is looked at, changed and looked at again, since such a service may answer "error"
// after the effect and "ok" without it.
package remote

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Patience is how long a change may take where a request may take so long: it is looked
// before and after it. A request to copy what is in an account may take longer than any.
func Patience(request time.Duration) time.Duration { return min(3*request, 15*time.Minute) }

// A Service is what can be asked of a service, each with a request or a few. It
// fails in the classes of package fault, and says of what may have happened that it
// is ambiguous.
type Service interface {
	// Look looks at an account. One that is not there is no error.
	Look(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error)
	// Take takes a step with an account that is as it was just seen: with one that
	// bears the mark of the wish or, to make it, is not there. It may do so twice.
	Take(ctx context.Context, step provisioning.Step, want provisioning.Desired, is provisioning.Observed) error
}

// Accounts are the accounts of a service. Its methods may be called at once from
// several goroutines; those that concern one account wait for each other.
type Accounts struct {
	name    string
	can     provisioning.Capabilities
	service Service

	mu    sync.Mutex
	turns map[provisioning.Login]*turn
}

// turn is whose it is to change an account.
type turn struct {
	taken   chan struct{} // full while somebody has it
	waiting int           // those who have or want it
}

// New returns the accounts of a service that can what is given. The name is that of
// the adapter, for errors.
func New(name string, can provisioning.Capabilities, service Service) *Accounts {
	return &Accounts{name: name, can: can, service: service, turns: map[provisioning.Login]*turn{}}
}

// Capabilities returns what the service can do.
func (a *Accounts) Capabilities() provisioning.Capabilities { return a.can }

// Observe looks at one account.
func (a *Accounts) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	if err := a.Begin(ctx, ref); err != nil {
		return nothing(ref), err
	}
	return a.look(ctx, ref, false)
}

func nothing(ref provisioning.Ref) provisioning.Observed {
	return provisioning.Observed{Ref: ref, At: time.Now().UTC()}
}

// Ensure makes the account as it is wanted; to one that is there it gives the quota.
func (a *Accounts) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return nothing(want.Ref), fault.New(fault.Invalid, "", "%s: ensure %s: it shall be absent", a.name, want.Account)
	}
	return a.change(ctx, provisioning.StepEnsure, want)
}

// SetQuota gives the account a quota.
func (a *Accounts) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.change(ctx, provisioning.StepQuota, want)
}

// Suspend keeps its holder out, and loses nothing.
func (a *Accounts) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Suspends, provisioning.StepSuspend, want)
}

// Resume lets its holder in again.
func (a *Accounts) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Suspends, provisioning.StepResume, want)
}

// Delete removes the account and its data.
func (a *Accounts) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.change(ctx, provisioning.StepDelete, want)
}

// SetInbound has mail that comes for the account arrive, or not.
func (a *Accounts) SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Inbound, provisioning.StepInbound, want)
}

// SetAliases has mail come to the account under further addresses.
func (a *Accounts) SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Aliases, provisioning.StepAliases, want)
}

// SetApps switches what may be used beside the service itself.
func (a *Accounts) SetApps(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, len(a.can.Apps) > 0, provisioning.StepApps, want)
}

func (a *Accounts) able(ctx context.Context, can bool, step provisioning.Step, want provisioning.Desired) (provisioning.Observed, error) {
	if err := a.wish(ctx, want); err != nil {
		return nothing(want.Ref), err
	}
	if !can {
		return nothing(want.Ref), fault.New(fault.Unsupported, "", "%s: %s: the service cannot", a.name, step)
	}
	return a.change(ctx, step, want)
}

// Begin says no to what is not to be begun: it was cancelled, or names what is no
// account of the service.
func (a *Accounts) Begin(ctx context.Context, refs ...provisioning.Ref) error {
	if ctx.Err() != nil {
		return fault.New(fault.Transient, "", "%s: %w", a.name, ctx.Err())
	}
	for _, ref := range refs {
		if ref.Service != a.can.Service {
			return fault.New(fault.Invalid, "", "%s: an account of service %q: it keeps those of %s", a.name, ref.Service, a.can.Service)
		}
		if _, err := provisioning.ParseLogin(string(ref.Login)); errors.Is(err, provisioning.ErrLogin) {
			return fault.New(fault.Invalid, "", "%s: an account whose login is none: %w", a.name, err)
		}
	}
	return nil
}

func (a *Accounts) wish(ctx context.Context, want provisioning.Desired) error {
	if err := a.Begin(ctx, want.Ref); err != nil {
		return err
	}
	if want.Account == "" || want.Quota < provisioning.Unlimited || !want.Inbound.Valid() {
		return fault.New(fault.Invalid, "", "%s: a wish for account %q of %d bytes, whose mail to %q", a.name, want.Account, want.Quota, want.Inbound)
	}
	return nil
}

// change looks, takes a step unless it was taken, and looks again. An error after
// which the step is seen to have been taken is none.
func (a *Accounts) change(ctx context.Context, step provisioning.Step, want provisioning.Desired) (provisioning.Observed, error) {
	if err := a.wish(ctx, want); err != nil {
		return nothing(want.Ref), err
	}
	end, err := a.turn(ctx, want.Login)
	if err != nil {
		return nothing(want.Ref), err
	}
	defer end()
	is, err := a.look(ctx, want.Ref, false)
	switch {
	case err != nil:
		return nothing(want.Ref), err
	case is.Exists && is.Account != want.Account:
		return nothing(want.Ref), fault.New(fault.Conflict, "", "%s: %s of %s: the account under its login is not ours: it bears the mark %q", a.name, step, want.Account, is.Account)
	case a.seen(step, want, is):
		return is, nil
	case !is.Exists && step != provisioning.StepEnsure:
		return is, fault.New(fault.Transient, "missing", "%s: %s of %s: it is not there, or not yet: ensure it first", a.name, step, want.Account)
	}
	took := a.service.Take(ctx, step, want, is)
	if took != nil {
		took = a.sorted(took, true)
		if _, ambiguous := fault.ClassOf(took); !ambiguous {
			return nothing(want.Ref), took
		}
	}
	is, err = a.look(ctx, want.Ref, true)
	switch {
	case err == nil && a.seen(step, want, is):
		return is, nil
	case took != nil:
		return nothing(want.Ref), took
	case err != nil:
		return nothing(want.Ref), err
	case provisioning.Done(step, want, is, a.can):
		return is, nil // as far as the service can say
	case is.Exists && is.Account != want.Account && step != provisioning.StepDelete:
		return nothing(want.Ref), fault.New(fault.Conflict, "", "%s: %s of %s: by now the account under its login bears the mark %q", a.name, step, want.Account, is.Account)
	}
	return nothing(want.Ref), &fault.Error{
		Class: fault.Transient, Ambiguous: true, Code: "unseen",
		Err: errors.New(a.name + ": " + string(step) + " of " + string(want.Account) + ": the service says that it is done, and it is not seen"),
	}
}

// seen reports whether a step is seen to have been taken, by a service that can say so.
func (a *Accounts) seen(step provisioning.Step, want provisioning.Desired, is provisioning.Observed) bool {
	told := true
	switch step {
	case provisioning.StepQuota:
		told = is.Quota != nil
	case provisioning.StepSuspend, provisioning.StepResume:
		told = is.Access != nil
	case provisioning.StepInbound:
		told = is.Inbound != nil
	case provisioning.StepAliases:
		told = is.Aliases != nil
	case provisioning.StepApps:
		told = is.Apps != nil
	case provisioning.StepEnsure, provisioning.StepDelete, provisioning.StepNone:
	}
	return told && provisioning.Done(step, want, is, a.can)
}

// Ours does something with an account that is there and bears our mark.
func (a *Accounts) Ours(ctx context.Context, ref provisioning.Ref, what string, do func(is provisioning.Observed) error) error {
	if err := a.Begin(ctx, ref); err != nil {
		return err
	}
	end, err := a.turn(ctx, ref.Login)
	if err != nil {
		return err
	}
	defer end()
	is, err := a.look(ctx, ref, false)
	switch {
	case err != nil:
		return err
	case !is.Exists:
		return fault.New(fault.Transient, "missing", "%s: %s: the account is not there, or not yet: ensure it first", a.name, what)
	case is.Account == "":
		return fault.New(fault.Conflict, "", "%s: %s: the account bears no mark: it is not ours", a.name, what)
	}
	if err := do(is); err != nil {
		return a.sorted(err, true)
	}
	return nil
}

// look looks at an account, after a change or before.
func (a *Accounts) look(ctx context.Context, ref provisioning.Ref, changed bool) (provisioning.Observed, error) {
	is, err := a.service.Look(ctx, ref)
	if err != nil {
		e := a.sorted(err, false)
		e.Ambiguous = changed
		return nothing(ref), e
	}
	is.Ref, is.At = ref, time.Now().UTC()
	return is, nil
}

// sorted returns an error as one of a class. What says nothing of itself is
// transient.
func (a *Accounts) sorted(err error, ambiguous bool) *fault.Error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		same := *e
		return &same
	}
	return &fault.Error{Class: fault.Transient, Ambiguous: ambiguous, Err: err}
}

// turn waits until nobody else is at an account.
func (a *Accounts) turn(ctx context.Context, login provisioning.Login) (end func(), err error) {
	a.mu.Lock()
	t := a.turns[login]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
		a.turns[login] = t
	}
	t.waiting++
	a.mu.Unlock()
	leave := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			delete(a.turns, login)
		}
	}
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fault.New(fault.Transient, "", "%s: %w", a.name, ctx.Err())
	}
}

// Limit says no to a page of no accounts, and returns at most how many are read at once.
func (a *Accounts) Limit(limit, most int) (int, error) {
	if limit < 1 {
		return 0, fault.New(fault.Invalid, "", "%s: list %d accounts: at least one", a.name, limit)
	}
	return min(limit, most), nil
}

// Each looks at some accounts one by one, and returns those that are there.
func (a *Accounts) Each(ctx context.Context, refs []provisioning.Ref) (all []provisioning.Observed, err error) {
	if err := a.Begin(ctx, refs...); err != nil {
		return nil, err
	}
	for _, ref := range refs {
		is, err := a.look(ctx, ref, false)
		if err != nil {
			return nil, err
		}
		if is.Exists {
			all = append(all, is)
		}
	}
	return all, nil
}

// Apps returns which apps are wanted of those that the service switches, and which
// of these the account has too many.
func Apps(can provisioning.Capabilities, want, is []domain.Service) (missing, surplus []domain.Service) {
	for _, app := range can.Apps {
		wanted, has := slices.Contains(want, app), slices.Contains(is, app)
		if wanted && !has {
			missing = append(missing, app)
		} else if has && !wanted {
			surplus = append(surplus, app)
		}
	}
	return missing, surplus
}
