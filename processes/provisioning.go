package processes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// A Provisioner is a service on which accounts are provisioned. All of it can be
// repeated; errors are of package adapters/fault, and what is returned is what was
// read back, so that success means "seen" and not just "answered".
type Provisioner interface {
	Capabilities() provisioning.Capabilities
	// Check reports whether the service can be reached and lets us in.
	Check(ctx context.Context) error
	// Observe looks at one account. One that is not there is no error.
	Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error)
	// Ensure makes the account, with its quota, unless it is there; where others learn from
	// it on which node the account is, it says so.
	Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	// Suspend keeps its holder out and loses nothing; Resume lets them in again.
	Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	// Delete removes the account and its data.
	Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error)
	// SetCredential lets the holder of an account in by a password from now on,
	// and by no other.
	SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error
	// List returns at most limit of all accounts, from where a cursor points.
	List(ctx context.Context, cursor string, limit int) (provisioning.Page, error)
	// Usage returns how much some accounts hold.
	Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error)
}

// accountOf returns the account that an entitlement is to.
func accountOf(e entitlement.Subject) domain.AccountID { return domain.AccountID(e.Entitlement) }

func take(ctx context.Context, at Provisioner, step provisioning.Step, want provisioning.Desired) (err error) {
	switch step {
	case provisioning.StepEnsure:
		_, err = at.Ensure(ctx, want)
		return err
	case provisioning.StepQuota:
		_, err = at.SetQuota(ctx, want)
		return err
	case provisioning.StepSuspend:
		_, err = at.Suspend(ctx, want)
		return err
	case provisioning.StepResume:
		_, err = at.Resume(ctx, want)
		return err
	case provisioning.StepDelete:
		_, err = at.Delete(ctx, want)
		return err
	case provisioning.StepInbound:
		if at, ok := at.(Receiver); ok {
			_, err = at.SetInbound(ctx, want)
			return err
		}
	case provisioning.StepAliases:
		if at, ok := at.(Aliaser); ok {
			_, err = at.SetAliases(ctx, want)
			return err
		}
	case provisioning.StepApps:
		if at, ok := at.(Switcher); ok {
			_, err = at.SetApps(ctx, want)
			return err
		}
	case provisioning.StepNone:
	}
	return fmt.Errorf("processes: no such step: %s", step)
}

// Desired returns how an account is wanted, as the log has it now, and whether it
// was requested at all. Once its login is erased, nobody has it any more: it is to be
// absent, and has no login but that which it is found under by its mark.
func Desired(ctx context.Context, s *eventstore.Store, account domain.AccountID) (want provisioning.Desired, requested bool, err error) {
	bases, err := basesOf(ctx, s, account)
	if err != nil {
		return want, false, err
	}
	want, requested = bases[0].desired()
	return want, requested, nil
}

// A basis is by what an account is wanted as it is.
type basis struct {
	id       domain.AccountID
	account  eventstore.Reading[provisioning.Account]
	entitled *eventstore.Reading[entitlement.Entitlements] // of its subscription
	amended  int64                                         // position of the event last by which the account itself was wished otherwise
}

// basesOf returns those of accounts, each given once, which it reads together.
func basesOf(ctx context.Context, s *eventstore.Store, accounts ...domain.AccountID) ([]*basis, error) {
	all := make([]*basis, len(accounts))
	streams := make([]eventstore.Readable, 0, 2*len(accounts))
	entitled := make(map[domain.Stream]*eventstore.Reading[entitlement.Entitlements], len(accounts))
	to := func(id domain.EntitlementID) *eventstore.Reading[entitlement.Entitlements] {
		subscription, _ := entitlement.Of(id)
		stream := entitlement.StreamOf(subscription)
		if entitled[stream] == nil {
			entitled[stream] = &eventstore.Reading[entitlement.Entitlements]{Stream: stream}
			streams = append(streams, entitled[stream])
		}
		return entitled[stream]
	}
	for i, id := range accounts {
		all[i] = &basis{id: id, account: eventstore.Reading[provisioning.Account]{Stream: provisioning.StreamOf(id)}}
		streams = append(streams, &all[i].account)
		all[i].entitled = to(domain.EntitlementID(id)) // as accounts are named
	}
	if err := eventstore.Read(ctx, s, streams...); err != nil {
		return nil, err
	}
	streams = streams[:0]
	for _, b := range all {
		if asked, requested := b.account.State.Requested(); requested {
			b.entitled = to(asked.Entitlement)
		}
	}
	if err := eventstore.Read(ctx, s, streams...); err != nil { // of those that are named otherwise
		return nil, err
	}
	for _, b := range all {
		if err := b.amend(ctx, s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// amend finds the event last by which the account itself was wished otherwise.
func (b *basis) amend(ctx context.Context, s *eventstore.Store) error {
	if !b.account.State.Amended() {
		return nil
	}
	for rec, err := range s.Log.Stream(ctx, b.account.Stream, 0) {
		if err != nil {
			return err
		}
		if rec.Version > b.account.Version {
			break
		}
		event, err := s.Registry.Decode(rec.Encoded)
		if err != nil {
			return err
		}
		if e, is := event.(domain.Event[provisioning.Account]); is && e.Evolve(provisioning.Account{}).Amended() {
			b.amended = rec.Position
		}
	}
	return nil
}

// desired returns how the account is wanted, and whether it was requested at all: see
// [Desired].
func (b *basis) desired() (want provisioning.Desired, requested bool) {
	request := b.account.State
	asked, ok := request.Requested()
	if !ok {
		return want, false
	}
	_, service := entitlement.Of(asked.Entitlement)
	entitled := b.entitled.State
	login, _ := asked.Login.Reveal()
	want = provisioning.Desired{
		Ref: provisioning.Ref{Service: service, Login: login}, Account: b.id,
		Revision: b.account.Position, Access: provisioning.Absent, Quota: asked.Quota,
	}
	if e, ok := entitled[service]; ok {
		want.Quota, want.Revision = e.Quota, b.entitled.Position
		switch e.Status {
		case entitlement.StatusActive:
			want.Access = provisioning.Active
		case entitlement.StatusSuspended:
			want.Access = provisioning.Suspended
		case entitlement.StatusRevoked:
		}
	}
	want.Aliases, want.Revision = request.Aliases(), max(want.Revision, b.amended)
	if _, held := request.Held(); held && want.Access == provisioning.Active {
		want.Access = provisioning.Suspended
	}
	if login == "" {
		want.Access = provisioning.Absent
	}
	switch {
	case service.App():
		want.Quota = provisioning.Unlimited
	case service == domain.Storage:
		want.Apps = apps(entitled)
	}
	return want, true
}

// apps returns those that may be used with the account of storage; nil where none was
// ever granted, and so nobody says anything of them.
func apps(of entitlement.Entitlements) (all []domain.Service) {
	for _, app := range domain.Services {
		e, granted := of[app]
		if !app.App() || !granted || e.Granted.Party != of[domain.Storage].Granted.Party {
			continue
		}
		if all == nil {
			all = []domain.Service{}
		}
		if e.Status == entitlement.StatusActive {
			all = append(all, app)
		}
	}
	return all
}

// desired is how an account is wanted on the day: what has ended stays for a while, and
// mail for what is withheld arrives for a while.
func (r *Reconciler) desired(b *basis) (want provisioning.Desired, requested bool) {
	want, requested = b.desired()
	if !requested || r.Terms.Today == nil || want.Login == "" || want.Access == provisioning.Active {
		return want, requested
	}
	today := r.Terms.Today()
	if kept := r.kept(b); !kept.IsZero() && !today.After(kept) {
		want.Access = provisioning.Suspended
	}
	if want.Access == provisioning.Suspended && r.Terms.Mail > 0 && !today.Before(b.withheld().AddDays(r.Terms.Mail)) {
		want.Inbound = provisioning.Reject
	}
	return want, true
}

// withheld returns the first of the days since which nobody may be let in to an account.
func (b *basis) withheld() calendar.Date {
	asked, _ := b.account.State.Requested()
	_, service := entitlement.Of(asked.Entitlement)
	since := b.entitled.State[service].Withheld
	if on, held := b.account.State.HeldOn(); held && (since.IsZero() || on.Before(since)) {
		since = on
	}
	return since
}

// kept returns through which day an account stays, with what is in it, to which nobody is
// entitled any more; no day where somebody is.
func (r *Reconciler) kept(b *basis) (through calendar.Date) {
	asked, _ := b.account.State.Requested()
	_, service := entitlement.Of(asked.Entitlement)
	if e := b.entitled.State[service]; e.Status == entitlement.StatusRevoked {
		through = e.Since.AddDays(r.Terms.Stay - 1)
	}
	if held, is := b.account.State.Held(); is && held.After(through) {
		through = held // whatever became of the subscription
	}
	return through
}

// A Wanted is how an account is wanted on a target on the day.
type Wanted struct {
	Access provisioning.Access `json:"access"`
	Quota  domain.Bytes        `json:"quota"`
	// Kept is through which day it stays, with what is in it, though nobody is entitled
	// to it any more; after that it is deleted.
	Kept calendar.Date `json:"kept,omitzero"`
}

// Wanted returns that of an account on a target. Known is false where nobody has asked
// for it there, or there is no such target.
func (r *Reconciler) Wanted(ctx context.Context, target string, account domain.AccountID) (now Wanted, known bool, err error) {
	t, err := r.target(target)
	if errors.Is(err, ErrNoSuchTarget) {
		return now, false, nil
	}
	bases, err := basesOf(ctx, r.Store, account)
	if err != nil {
		return now, false, err
	}
	want, known := r.desiredBy(t, bases[0])
	now = Wanted{Access: want.Access, Quota: want.Quota}
	entitled, _ := bases[0].desired()
	if _, requested := bases[0].account.State.Requested(); known && requested && want.Access == provisioning.Suspended && entitled.Access == provisioning.Absent {
		now.Kept = r.kept(bases[0])
	}
	return now, known, nil
}

// read folds a stream, and returns the position of the event last in it.
func read[S any](ctx context.Context, s *eventstore.Store, stream domain.Stream) (state S, position int64, err error) {
	for rec, err := range s.Log.Stream(ctx, stream, 0) {
		if err != nil {
			return state, 0, err
		}
		decoded, err := s.Decode(ctx, rec)
		if err != nil {
			return state, 0, err
		}
		event, ok := decoded.(domain.Event[S])
		if !ok {
			return state, 0, fmt.Errorf("processes: %T in %s is no event of %T", decoded, stream, state)
		}
		state, position = event.Evolve(state), rec.Position
	}
	return state, position, nil
}

// minPassword is the least length of a password in characters, as NIST SP 800-63B
// has it for those that are all there is.
const minPassword = 15

// ErrPassword refuses a password that could be guessed.
var ErrPassword = domain.Refusal{
	Code: "provisioning.password", Reason: "a password has from {least} to 72 characters: three or four words will do",
	Source: "NIST SP 800-63B",
}

// CheckPassword refuses a password that is too short, or longer than its hash can be of.
func CheckPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < minPassword || len(password) > 72 {
		return ErrPassword.With("least", minPassword)
	}
	return nil
}

// SetPassword lets the holder of an account in by a password. Neither it nor its
// hash enters the log.
func SetPassword(ctx context.Context, s *eventstore.Store, at Provisioner, account domain.AccountID, password string) error {
	if err := CheckPassword(password); err != nil {
		return err
	}
	want, err := letsIn(ctx, s, account)
	if err != nil {
		return err
	}
	if slices.Contains(at.Capabilities().Schemes, provisioning.Plain) { // which hashes it itself
		return at.SetCredential(ctx, want.Ref, provisioning.Credential{Scheme: provisioning.Plain, Hash: password})
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), 11)
	if err != nil {
		return err
	}
	return at.SetCredential(ctx, want.Ref, provisioning.Credential{Scheme: "BLF-CRYPT", Hash: string(hash)})
}

// Names tells under which names accounts may be asked for.
type Names interface {
	// NamesOf returns the names of a party, the first the most fit for a login.
	NamesOf(ctx context.Context, party domain.PartyID) ([]string, error)
}

// Accounts requests an account for every entitlement to a service, under the login that
// whoever uses it wishes for, or one made of their names; where that is taken, with a number after it. The
// accounts of one subscription have one login, as far as that is free. Of apps, which
// are used with the account of storage, only some have accounts of their own: those
// of which there is a target.
func Accounts(s *eventstore.Store, names Names, host string, today func() calendar.Date, apps ...domain.Service) Process {
	return Process{
		Name:  "accounts",
		Wants: []any{entitlement.Granted{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			granted, ok := event.(entitlement.Granted)
			if !ok || granted.Service.App() && !slices.Contains(apps, granted.Service) {
				return nil
			}
			quota := granted.Quota
			if granted.Service.App() {
				quota = provisioning.Unlimited
			}
			account := accountOf(granted.Subject)
			if state, _, err := read[provisioning.Account](ctx, s, provisioning.StreamOf(account)); err != nil {
				return err
			} else if _, requested := state.Requested(); requested {
				return nil
			}
			called, err := names.NamesOf(ctx, granted.Party)
			if err != nil {
				return err
			}
			wish, err := wished(ctx, s, granted.Party)
			if err != nil {
				return err
			}
			digests, err := s.Digests(ctx)
			if err != nil {
				return err
			}
			for n := -1; n < 1000; n++ {
				login := wish
				if n >= 0 {
					login = suggest(host, called, granted.Party, n)
				}
				if login == "" {
					continue
				}
				err := request(ctx, s, provisioning.RequestAccount{
					Account: account, Entitlement: granted.Entitlement, Party: granted.Party, Service: granted.Service,
					Login: login.Named(digests), Quota: quota, On: today(),
				})
				if unavailable(err) {
					continue
				}
				return Refused(err, provisioning.ErrRequested) // another node was faster, and another name was free then
			}
			return fault.New(fault.Conflict, "", "provision %s: no login is free", account)
		},
	}
}

// suggest returns the nth login to try for somebody.
func suggest(host string, names []string, party domain.PartyID, n int) provisioning.Login {
	login := provisioning.Suggest(host, names...)
	if login == "" {
		login = provisioning.Suggest(host, "member", string(party))
	}
	if n > 0 {
		login = provisioning.Login(fmt.Sprintf("%s%d@%s", login.Local(), n+1, login.Domain()))
	}
	return login
}

// Daily calls a function once a day, soon after midnight in the co-op's zone, and
// once at the start, until ctx ends. A call that fails is made again a minute later.
func Daily(ctx context.Context, now func() time.Time, zone *time.Location, do func(context.Context) error, failed func(error)) {
	for ctx.Err() == nil {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			failed(err)
			if sleep(ctx, time.Minute) != nil {
				return
			}
			continue
		}
		next := calendar.Of(now().In(zone)).AddDays(1).Midnight(zone).Add(time.Minute)
		if sleep(ctx, next.Sub(now())) != nil {
			return
		}
	}
}
