package processes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain/calendar"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// do tries a piece of work.
func (l *lane) do(q queued) (out landing) {
	ctx, p, began := q.ctx, q.piece, time.Now()
	out = landing{piece: p, holder: p.Holder, try: Try{
		At: l.now(), By: p.By, Why: p.Why, Cause: p.Cause, Wish: p.Wish, Attempt: p.Attempts + 1,
	}}
	defer func() {
		if panicked := recover(); panicked != nil {
			out.err = fault.New(fault.Transient, "panic", "panic: %v", panicked)
		}
		out.try.Took = time.Since(began)
		out.stopped = out.err != nil && ctx.Err() != nil
		if out.err != nil {
			class, _ := fault.ClassOf(out.err)
			out.try.Class, out.try.Code, out.try.Error = string(class), fault.CodeOf(out.err), without(short(out.err), out.names...)
		}
	}()
	ctx = eventstore.AnswerTo(ctx, eventstore.Record{ID: p.Cause, Correlation: p.Correlation}, "process/provisioning-"+l.t.Name)
	if q.basis == nil || time.Since(q.read) > recent {
		bases, err := basesOf(ctx, l.Store, p.Account)
		if err != nil {
			out.err = err
			return out
		}
		q.basis = bases[0]
	}
	known := q.basis.account.State
	want, requested := l.desiredBy(l.t, q.basis)
	if !requested {
		out.done = true
		return out
	}
	out.names, out.try.Revision = append(slices.Clone(want.Aliases), want.Login), want.Revision
	outcome := known.On(l.t.Name)
	if outcome.Skipped > 0 && outcome.Skipped >= want.Revision && p.Why != "retried" && p.Erased == 0 {
		out.done = true
		return out
	}
	step, err := provisioning.StepNone, error(nil)
	if !l.t.has(known) && want.Access == provisioning.Absent && known.LeftOn(l.t.Name) && known.Status() != provisioning.StatusDeleted && want.Login != "" {
		err = l.safe(ctx, known, want)
	}
	if err == nil {
		step, err = l.bring(ctx, want, &out)
	}
	move, _ := known.Moving()
	if err == nil && move.To == l.t.Name && want.Access != provisioning.Absent {
		step, err = provisioning.StepNone, l.carry(ctx, want, move)
	}
	if err != nil {
		out.err = err
		if ctx.Err() != nil {
			return out
		}
		class, _ := fault.ClassOf(err)
		if class.Permanent() && class != fault.Denied || class == fault.Transient && p.Attempts == 0 && !waits(fault.CodeOf(err)) {
			_, recorded := eventstore.Execute(ctx, l.Store, provisioning.RecordFailure{
				Account: p.Account, Step: step, Class: string(class), Code: fault.CodeOf(err), Target: l.t.Name,
				Attempts: p.Attempts + 1, Parked: class.Permanent(), Revision: want.Revision,
			})
			if Refused(recorded, provisioning.ErrDeleted) != nil {
				out.err = errors.Join(err, recorded)
			}
		}
		return out
	}
	mended := outcome.Revision >= want.Revision && !outcome.Trouble() && outcome.Status != provisioning.StatusRequested
	out.err = l.record(ctx, want, out.piece, mended)
	out.done = out.err == nil
	return out
}

// bring brings an account to how it is wanted, and makes sure that it is. Of an error,
// step is what failed.
func (l *lane) bring(ctx context.Context, want provisioning.Desired, out *landing) (step provisioning.Step, err error) {
	at, can := l.t.At, l.t.At.Capabilities()
	step = provisioning.StepNone
	look := func() (is provisioning.Observed, steps []provisioning.Step, err error) {
		if is, err = l.observe(ctx, want); err != nil {
			return is, nil, err
		}
		out.names = append(append(out.names, is.Aliases...), is.Login)
		to := want
		to.Login = is.Login
		if steps, err = provisioning.Plan(to, is, can); errors.Is(err, provisioning.ErrForeign) {
			err = fault.New(fault.Conflict, "", "provision %s: %w", want.Account, err)
		}
		if out.Mend && !out.Sure {
			steps = slices.DeleteFunc(steps, func(s provisioning.Step) bool { return PolicyOf(s, want, is) != Heal })
		}
		return is, steps, err
	}
	is, steps, err := look()
	if err != nil {
		return step, err
	}
	out.try.Before = seen(is)
	out.try.After = out.try.Before
	want.Login = is.Login
	for _, step = range steps {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		err := take(call, at, step, want)
		cancel()
		_, ambiguous := fault.ClassOf(err)
		if err == nil || ambiguous {
			out.writes++
			out.try.Steps, out.Done = append(out.try.Steps, step), append(out.Done, step)
		}
		if err != nil {
			return step, err
		}
	}
	if len(steps) > 0 { // an answer is no proof
		step = provisioning.StepNone
		is, left, err := look()
		if err != nil {
			return step, err
		}
		out.try.After = seen(is)
		if len(left) > 0 {
			return left[0], &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "unseen", Err: fmt.Errorf("provision %s: %s was answered, and is not to be seen", want.Account, left[0])}
		}
	}
	if purger, ok := at.(Purger); ok && can.Purges && want.Access == provisioning.Absent {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		defer cancel()
		if err := purger.Purge(call, want); err != nil {
			return provisioning.StepDelete, err
		}
	}
	return step, nil
}

// observe looks at an account: where its login was erased, it is found by its mark, among
// all that there are.
func (l *lane) observe(ctx context.Context, want provisioning.Desired) (is provisioning.Observed, err error) {
	if want.Login != "" {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		defer cancel()
		return l.t.At.Observe(call, want.Ref)
	}
	if !l.t.At.Capabilities().Lists {
		return is, fault.New(fault.Invalid, "", "provision %s: its login was erased, and the target cannot be searched", want.Account)
	}
	list := func(cursor string) (provisioning.Page, error) {
		call, cancel := context.WithTimeout(ctx, l.t.timeout())
		defer cancel()
		return l.t.At.List(call, cursor, 500)
	}
	for page, err := range l.t.pages(list) {
		if err != nil {
			return is, err
		}
		for _, is := range page {
			if is.Exists && is.Account == want.Account {
				return is, nil
			}
		}
	}
	return provisioning.Observed{Ref: want.Ref}, nil
}

// record says in the log what came of an account, as far as that is news.
func (l *lane) record(ctx context.Context, want provisioning.Desired, p piece, mended bool) error {
	name, today := l.t.Name, calendar.Date{}
	if l.Terms.Today != nil {
		today = l.Terms.Today()
	}
	_, err := eventstore.Transact(ctx, l.Store, func(tx *eventstore.Tx) error {
		account, _, err := eventstore.Recall[provisioning.Account](tx, provisioning.StreamOf(want.Account))
		if err != nil {
			return err
		}
		outcome := account.On(name)
		if want.Access == provisioning.Absent {
			gone := provisioning.RecordDeleted{Account: want.Account, Revision: want.Revision, Target: name, On: today}
			if !today.IsZero() {
				gone.Backups = today.AddDays(l.Terms.Backups)
			}
			return eventstore.Do(tx, gone)
		}
		if outcome.Status == provisioning.StatusRequested {
			err = eventstore.Do(tx, provisioning.RecordProvisioned{Account: want.Account, Quota: want.Quota, Revision: want.Revision, Target: name})
		} else {
			err = eventstore.Do(tx, provisioning.RecordQuota{Account: want.Account, Quota: want.Quota, Revision: want.Revision, Target: name})
		}
		if err == nil && want.Aliases != nil && l.t.At.Capabilities().Aliases {
			err = eventstore.Do(tx, provisioning.RecordAliases{Account: want.Account, Aliases: len(want.Aliases), Revision: want.Revision, Target: name})
		}
		if can := l.t.At.Capabilities(); err == nil && want.Apps != nil && len(can.Apps) > 0 {
			err = eventstore.Do(tx, provisioning.RecordApps{Account: want.Account, Apps: can.Switchable(want.Apps), Revision: want.Revision, Target: name})
		}
		if err == nil && mended {
			err = eventstore.Do(tx, provisioning.RecordRepaired{Account: want.Account, Repair: p.ID, Steps: p.Done, Revision: want.Revision, Target: name})
		}
		if err != nil {
			return err
		}
		if want.Access == provisioning.Suspended {
			return eventstore.Do(tx, provisioning.RecordSuspended{Account: want.Account, Revision: want.Revision, Target: name})
		}
		return eventstore.Do(tx, provisioning.RecordResumed{Account: want.Account, Revision: want.Revision, Target: name})
	})
	return err
}
