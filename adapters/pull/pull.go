// Package pull keeps the accounts of a service that nobody can reach from here: a
// tool on the other side, such as Ansible, comes for what is wanted, brings it about
// and reports how things are. See docs/adapters.md.
//
// A wish waits in a store until the tool reports that it is as it shall be: then,
// and not before, it is seen to be done. What holds of reports:
//
//   - A report is about a revision, that of the wish which the tool carried out. One
//     about an earlier revision than is wanted by now is kept as news of how the
//     account is, and ends no wish. One about a later revision than was ever wanted
//     is refused.
//   - A report that is older than one that was taken changes nothing: the tool's
//     revisions never go back.
//   - A report has a key, of the tool's choice. The same key with the same report
//     gets the same answer, and changes nothing; with another report it is refused.
//   - That all is well is not believed: the state in a report is compared with what
//     is wanted.
package pull

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rochdale/adapters/fault"
	"rochdale/adapters/remote"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// Store keeps what is wanted and what was reported, each under a key, with a
// revision that is another after each change and is 0 for what is not there.
type Store interface {
	Get(ctx context.Context, key string) (value []byte, revision int64, err error)
	// Put changes a value, durably; nil deletes it. It reports false, and changes
	// nothing, if the value is at another revision by now.
	Put(ctx context.Context, key string, value []byte, revision int64) (bool, error)
	// Range returns at most limit values whose keys begin with a prefix and come after
	// a key, in the order of their bytes.
	Range(ctx context.Context, prefix, after string, limit int) (keys []string, values [][]byte, err error)
}

// Config is how a tool is waited for.
type Config struct {
	// Name is that under which the accounts are kept; empty: the service.
	Name string
	// Can is what the tool can do; passwords, sessions and purges are none of it.
	Can remote.Abilities
	// Done, if not nil, is told of an account that was reported to be as it is wanted.
	Done func(context.Context, domain.AccountID)
	// Wait is how long a change waits for the tool to report; 0: not at all. Then it
	// is done at a later attempt.
	Wait time.Duration
	// Patience is after how long the next attempt makes sense; 0: a minute.
	Patience time.Duration
	// Now tells the time; nil: time.Now.
	Now func() time.Time
}

// Accounts are those of a service whose tool comes by.
type Accounts struct {
	can    provisioning.Capabilities
	store  Store
	config Config
}

const (
	look     = 20 * time.Millisecond // between looks for a report that is waited for
	mostKeys = 16                    // of reports that are remembered, of each account
	attempts = 16
	maxPage  = 500
)

// New returns the accounts of a service of which all is kept in a store.
func New(c Config, store Store) (*Accounts, error) {
	if !c.Can.Service.Valid() || len(c.Can.Schemes) > 0 || c.Can.Sessions || c.Can.Purges {
		return nil, fmt.Errorf("pull: %+v: a tool that comes by keeps accounts of a service there is, and takes no passwords, sessions or purges", c.Can)
	}
	if c.Patience == 0 {
		c.Patience = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Name = cmp.Or(c.Name, string(c.Can.Service))
	return &Accounts{can: c.Can.Capabilities(), store: store, config: c}, nil
}

// entry is what is kept of an account.
type entry struct {
	Wish remote.Wish `json:"wish"`
	// Wanted is whether the wish is ours. Of an account that a tool has told of by
	// itself there is none.
	Wanted   bool         `json:"wanted"`
	Since    time.Time    `json:"since"`              // when the wish was made
	State    remote.State `json:"state"`              // as last reported
	Revision int64        `json:"revision,omitempty"` // of the last report
	Seen     time.Time    `json:"seen"`               // when that came
	Trouble  *Failure     `json:"trouble,omitempty"`  // which it told of
	Keys     []kept       `json:"keys,omitempty"`     // of the last reports
}

// kept is a report that was taken.
type kept struct {
	Key     string  `json:"key"`
	Digest  string  `json:"digest"`
	Receipt Receipt `json:"receipt"`
}

// Failure is why an account is not as it shall be, as a tool tells.
type Failure struct {
	Class   fault.Class `json:"class"`
	Code    string      `json:"code,omitempty"`
	Message string      `json:"message,omitempty"`
}

// Wanted is a wish that waits for a tool, or was fulfilled by one.
type Wanted struct {
	remote.Wish
	Since time.Time `json:"since"`
	Done  bool      `json:"done"` // as it was last reported
}

// Wishes is a page of them.
type Wishes struct {
	Wishes []Wanted `json:"wishes"`
	Next   string   `json:"next,omitempty"` // where the next page begins; missing after the last
}

// Report is what a tool reports of one account.
type Report struct {
	Key      string             `json:"key"`
	Service  domain.Service     `json:"service"`
	Login    provisioning.Login `json:"login"`
	Revision int64              `json:"revision"` // of the wish that it carried out, or tried to
	State    *remote.State      `json:"state,omitempty"`
	Failure  *Failure           `json:"failure,omitempty"`
}

// Receipt is what comes of a report.
type Receipt struct {
	// Done is whether the account is as it is wanted by now.
	Done bool `json:"done"`
	// Stale is whether the report was about an earlier wish: there is a later one.
	Stale bool `json:"stale"`
	// Steps are what is still to be done.
	Steps []provisioning.Step `json:"steps,omitempty"`
}

// Capabilities returns what the tool can do.
func (a *Accounts) Capabilities() provisioning.Capabilities { return a.can }

// Check reports whether the store can be read. Whether a tool comes by is seen by
// [Accounts.Waiting].
func (a *Accounts) Check(ctx context.Context) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	_, _, err := a.store.Range(ctx, a.prefix(), "", 1)
	return a.sorted(err, false, "look at what is kept")
}

// Waiting returns how many wishes have waited for longer than some time: then no
// tool comes by, or it cannot do what it is asked to.
func (a *Accounts) Waiting(ctx context.Context, longer time.Duration) (n int, err error) {
	for after := ""; ; {
		page, err := a.Wishes(ctx, after, maxPage)
		if err != nil {
			return 0, err
		}
		for _, w := range page.Wishes {
			if !w.Done && a.config.Now().Sub(w.Since) > longer {
				n++
			}
		}
		if after = page.Next; after == "" {
			return n, nil
		}
	}
}

func (a *Accounts) prefix() string { return "pull/" + a.config.Name + "/" }

func (a *Accounts) key(login provisioning.Login) string {
	sum := sha256.Sum256([]byte(login))
	return a.prefix() + hex.EncodeToString(sum[:16])
}

func (a *Accounts) begin(ctx context.Context, refs ...provisioning.Ref) error {
	if ctx.Err() != nil {
		return fault.New(fault.Transient, "", "pull: %w", ctx.Err())
	}
	for _, ref := range refs {
		if ref.Service != a.can.Service {
			return fault.New(fault.Invalid, "", "pull: an account of service %q: it keeps those of %s", ref.Service, a.can.Service)
		}
		if _, err := provisioning.ParseLogin(string(ref.Login)); errors.Is(err, provisioning.ErrLogin) {
			return fault.New(fault.Invalid, "", "pull: an account whose login is none: %w", err)
		}
	}
	return nil
}

// sorted takes a trouble of the store for one that passes, if it is of no class.
func (a *Accounts) sorted(err error, ambiguous bool, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return &fault.Error{Class: fault.Unavailable, Ambiguous: ambiguous, Err: fmt.Errorf("pull: %s: %w", what, err)}
}

func (a *Accounts) read(ctx context.Context, login provisioning.Login) (e entry, revision int64, err error) {
	value, revision, err := a.store.Get(ctx, a.key(login))
	if err == nil && value != nil {
		err = json.Unmarshal(value, &e)
	}
	return e, revision, a.sorted(err, false, "read what is kept of an account")
}

// change changes what is kept of an account, as often as somebody else was faster.
func (a *Accounts) change(ctx context.Context, login provisioning.Login, to func(*entry) error) error {
	for range attempts {
		e, revision, err := a.read(ctx, login)
		if err != nil {
			return err
		}
		before, err := json.Marshal(e)
		if err == nil {
			err = to(&e)
		}
		if err != nil {
			return err
		}
		after, err := json.Marshal(e)
		if err != nil || string(before) == string(after) {
			return err
		}
		put, err := a.store.Put(ctx, a.key(login), after, revision)
		if err != nil || put {
			return a.sorted(err, true, "keep what is wanted or reported")
		}
	}
	return fault.New(fault.Transient, "busy", "pull: what is kept of an account changes all the time")
}

func (e *entry) observed(ref provisioning.Ref) (provisioning.Observed, error) {
	is, err := e.State.Observed(ref)
	is.At = e.Seen
	if is.At.IsZero() {
		is.At = time.Now().UTC()
	}
	return is, err
}

// Observe tells how an account was when the tool last reported.
func (a *Accounts) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	if err := a.begin(ctx, ref); err != nil {
		return provisioning.Observed{Ref: ref}, err
	}
	e, _, err := a.read(ctx, ref.Login)
	if err != nil {
		return provisioning.Observed{Ref: ref}, err
	}
	return e.observed(ref)
}

// Ensure wishes for an account.
func (a *Accounts) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	if want.Access == provisioning.Absent {
		return provisioning.Observed{Ref: want.Ref}, fault.New(fault.Invalid, "", "pull: ensure %s: it shall be absent", want.Account)
	}
	return a.wish(ctx, provisioning.StepEnsure, want)
}

// SetQuota wishes for another quota.
func (a *Accounts) SetQuota(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.wish(ctx, provisioning.StepQuota, want)
}

// Suspend wishes its holder out.
func (a *Accounts) Suspend(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Suspends, provisioning.StepSuspend, want)
}

// Resume wishes them in again.
func (a *Accounts) Resume(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Suspends, provisioning.StepResume, want)
}

// Delete wishes the account gone.
func (a *Accounts) Delete(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	want.Access = provisioning.Absent
	return a.wish(ctx, provisioning.StepDelete, want)
}

// SetInbound wishes for another fate of mail that comes.
func (a *Accounts) SetInbound(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Inbound, provisioning.StepInbound, want)
}

// SetAliases wishes for other aliases.
func (a *Accounts) SetAliases(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, a.can.Aliases, provisioning.StepAliases, want)
}

// SetApps wishes for other apps.
func (a *Accounts) SetApps(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	return a.able(ctx, len(a.can.Apps) > 0, provisioning.StepApps, want)
}

func (a *Accounts) able(ctx context.Context, can bool, step provisioning.Step, want provisioning.Desired) (provisioning.Observed, error) {
	if err := a.begin(ctx, want.Ref); err != nil {
		return provisioning.Observed{Ref: want.Ref}, err
	}
	if !can {
		return provisioning.Observed{Ref: want.Ref}, fault.New(fault.Unsupported, "", "pull: %s: the tool cannot", step)
	}
	return a.wish(ctx, step, want)
}

// SetCredential says no: what waits for a tool is kept, and passwords are not.
func (a *Accounts) SetCredential(ctx context.Context, ref provisioning.Ref, _ provisioning.Credential) error {
	if err := a.begin(ctx, ref); err != nil {
		return err
	}
	return fault.New(fault.Unsupported, "", "pull: set a password: it would have to be kept until the tool comes by")
}

// wish keeps a wish, and tells whether it was reported to be fulfilled.
func (a *Accounts) wish(ctx context.Context, step provisioning.Step, want provisioning.Desired) (provisioning.Observed, error) {
	nothing := provisioning.Observed{Ref: want.Ref, At: a.config.Now().UTC()}
	if err := a.begin(ctx, want.Ref); err != nil {
		return nothing, err
	}
	if want.Account == "" || want.Quota < provisioning.Unlimited || !want.Inbound.Valid() {
		return nothing, fault.New(fault.Invalid, "", "pull: a wish for account %q of %d bytes, whose mail to %q", want.Account, want.Quota, want.Inbound)
	}
	if err := a.change(ctx, want.Login, func(e *entry) error { return a.take(e, step, want) }); err != nil {
		return nothing, err
	}
	for until := a.config.Now().Add(a.config.Wait); ; {
		e, _, err := a.read(ctx, want.Login)
		if err != nil {
			return nothing, err
		}
		is, err := a.outcome(&e, step, want)
		if err == nil || fault.CodeOf(err) != "pending" || !a.config.Now().Before(until) {
			return is, err
		}
		select {
		case <-ctx.Done():
			return is, &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "pending", Err: fmt.Errorf("pull: %s of %s: %w", step, want.Account, ctx.Err())}
		case <-time.After(look):
		}
	}
}

// take takes a wish down.
func (a *Accounts) take(e *entry, step provisioning.Step, want provisioning.Desired) error {
	ours := e.Wanted && e.Wish.Account == want.Account
	latest := e.Wish.Revision
	switch {
	case e.State.Exists && e.State.Account != want.Account && e.State.Account != "":
		return fault.New(fault.Conflict, "", "pull: the account wanted for %s bears the mark %q", want.Account, e.State.Account)
	case e.State.Exists && e.State.Account == "":
		return fault.New(fault.Conflict, "", "pull: the account wanted for %s bears no mark: it is not ours", want.Account)
	case !ours && e.Wanted && e.Wish.Access != provisioning.Absent:
		return fault.New(fault.Conflict, "", "pull: the login of %s is wanted for %s", want.Account, e.Wish.Account)
	case ours && want.Revision < latest:
		return fault.New(fault.Transient, "stale", "pull: wish %d for %s comes after %d: read again what is wanted", want.Revision, want.Account, latest)
	case step == provisioning.StepDelete && (!ours || e.Wish.Access == provisioning.Absent) && !e.State.Exists && (!ours || e.Revision >= e.Wish.Revision):
		if ours {
			e.Wish.Revision, e.Revision = want.Revision, want.Revision
		}
		return nil // it is not there
	case step != provisioning.StepEnsure && step != provisioning.StepDelete && !(ours && e.Wish.Access != provisioning.Absent):
		return fault.New(fault.Transient, "missing", "pull: %s is not there, or not yet: ensure it first", want.Account)
	}
	next := remote.WishOf(want)
	if ours { // what is not wished for stays as it was
		if want.Aliases == nil {
			next.Aliases = e.Wish.Aliases
		}
		if want.Apps == nil {
			next.Apps = e.Wish.Apps
		}
	}
	if !ours { // what was reported was of another account
		e.Revision, e.Trouble = 0, nil
	}
	if before, after := text(e.Wish), text(next); !e.Wanted || before != after {
		e.Since = a.config.Now().UTC()
	}
	e.Wish, e.Wanted = next, true
	return nil
}

func text(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // of plain fields
	return string(b)
}

// outcome tells what came of a wish, as far as was reported.
func (a *Accounts) outcome(e *entry, step provisioning.Step, want provisioning.Desired) (provisioning.Observed, error) {
	is, err := e.observed(want.Ref)
	if err != nil {
		return is, a.sorted(err, false, "read what was reported")
	}
	absent := step == provisioning.StepDelete && (!e.Wanted || e.Wish.Account != want.Account)
	switch {
	case absent, e.Revision >= want.Revision && e.Trouble == nil && provisioning.Done(step, want, is, a.can):
		return is, nil
	case e.Wish.Revision > want.Revision || e.Wish.Account != want.Account:
		return is, fault.New(fault.Transient, "stale", "pull: %s of %s: by now there is wish %d: read again what is wanted", step, want.Account, e.Wish.Revision)
	case e.Revision >= want.Revision && e.Trouble != nil:
		return is, &fault.Error{
			Class: e.Trouble.Class, Ambiguous: e.Trouble.Class == fault.Transient, Code: e.Trouble.Code, RetryAfter: a.config.Patience,
			Err: fmt.Errorf("pull: %s of %s: the tool reports: %s", step, want.Account, e.Trouble.Message),
		}
	}
	return is, &fault.Error{
		Class: fault.Transient, Ambiguous: true, Code: "pending", RetryAfter: a.config.Patience,
		Err: fmt.Errorf("pull: %s of %s: it waits for the tool to come by", step, want.Account),
	}
}

// List lists the accounts that the tool has reported of, its own or not.
func (a *Accounts) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := a.begin(ctx); err != nil {
		return page, err
	}
	if !a.can.Lists {
		return page, fault.New(fault.Unsupported, "", "pull: list: the tool does not tell of accounts that it was not asked for")
	}
	if limit < 1 {
		return page, fault.New(fault.Invalid, "", "pull: list %d accounts: at least one", limit)
	}
	limit = min(limit, maxPage)
	for after := cursor; ; {
		keys, values, err := a.store.Range(ctx, a.prefix(), after, maxPage)
		if err != nil {
			return page, a.sorted(err, false, "list accounts")
		}
		for i, value := range values {
			var e entry
			if err := json.Unmarshal(value, &e); err != nil {
				return page, a.sorted(err, false, "list accounts")
			}
			if !e.State.Exists {
				continue
			}
			if len(page.Accounts) == limit {
				page.Next = after
				return page, nil
			}
			is, err := e.observed(provisioning.Ref{Service: a.can.Service, Login: e.State.Login})
			if err != nil {
				return page, a.sorted(err, false, "list accounts")
			}
			page.Accounts = append(page.Accounts, is)
			after = keys[i]
		}
		if len(keys) < maxPage {
			return page, nil
		}
		after = keys[len(keys)-1]
	}
}

// Usage tells how much some accounts held when the tool last reported.
func (a *Accounts) Usage(ctx context.Context, refs []provisioning.Ref) (all []provisioning.Observed, err error) {
	if err := a.begin(ctx, refs...); err != nil {
		return nil, err
	}
	if !a.can.Usage {
		return nil, fault.New(fault.Unsupported, "", "pull: usage: the tool does not tell")
	}
	for _, ref := range refs {
		is, err := a.Observe(ctx, ref)
		if err != nil {
			return nil, err
		}
		if is.Exists {
			all = append(all, is)
		}
	}
	return all, nil
}

// Wishes returns at most limit wishes, for the tool to fulfil, from where a cursor
// points. Also those that are fulfilled are among them, so that a tool may see to it
// that they stay so.
func (a *Accounts) Wishes(ctx context.Context, cursor string, limit int) (page Wishes, err error) {
	page.Wishes = []Wanted{}
	if limit < 1 || cursor != "" && !strings.HasPrefix(cursor, a.prefix()) {
		return page, fault.New(fault.Invalid, "", "pull: %d wishes after %q: at least one, and a cursor that was given", limit, cursor)
	}
	limit = min(limit, maxPage)
	keys, values, err := a.store.Range(ctx, a.prefix(), cursor, limit)
	if err != nil {
		return page, a.sorted(err, false, "list wishes")
	}
	for _, value := range values {
		var e entry
		if err := json.Unmarshal(value, &e); err != nil {
			return page, a.sorted(err, false, "list wishes")
		}
		if e.Wanted && e.Wish.Login != "" {
			page.Wishes = append(page.Wishes, Wanted{e.Wish, e.Since, a.receipt(&e).Done})
		}
	}
	if len(keys) == limit {
		page.Next = keys[limit-1]
	}
	return page, nil
}

// receipt compares what was reported with what is wanted by now.
func (a *Accounts) receipt(e *entry) Receipt {
	if !e.Wanted {
		return Receipt{Done: true}
	}
	want := e.Wish.Desired()
	is, err := e.observed(want.Ref)
	r := Receipt{Stale: e.Revision < e.Wish.Revision}
	if err == nil {
		if r.Steps, err = provisioning.Plan(want, is, a.can); err == nil {
			r.Done = len(r.Steps) == 0 && !r.Stale && e.Trouble == nil
		}
	}
	return r
}

// Report takes a report of the tool.
func (a *Accounts) Report(ctx context.Context, r Report) (receipt Receipt, err error) {
	ref := provisioning.Ref{Service: r.Service, Login: r.Login}
	if err := a.begin(ctx, ref); err != nil {
		return receipt, err
	}
	switch {
	case r.Key == "" || len(r.Key) > 200:
		return receipt, fault.New(fault.Invalid, "key", "pull: a report without a key of 1 to 200 bytes, by which it is known when it comes twice")
	case (r.State == nil) == (r.Failure == nil):
		return receipt, fault.New(fault.Invalid, "report", "pull: a report tells either of a state or of a failure")
	case r.Failure != nil && !slices.Contains(fault.Classes, r.Failure.Class):
		return receipt, fault.New(fault.Invalid, "class", "pull: a failure of class %q: there are %q", r.Failure.Class, fault.Classes)
	}
	if r.State != nil {
		if _, err := r.State.Observed(ref); err != nil {
			return receipt, fault.New(fault.Invalid, "state", "pull: a state: %w", err)
		}
	}
	sum := sha256.Sum256([]byte(text(r)))
	digest := hex.EncodeToString(sum[:])
	var of domain.AccountID
	err = a.change(ctx, r.Login, func(e *entry) error {
		for _, k := range e.Keys {
			if k.Key == r.Key && k.Digest != digest {
				return fault.New(fault.Conflict, "key", "pull: another report had the key %q", r.Key)
			} else if k.Key == r.Key {
				receipt = k.Receipt
				return nil
			}
		}
		if r.Revision < 0 || e.Wanted && r.Revision > e.Wish.Revision || !e.Wanted && r.Revision > 0 {
			return fault.New(fault.Invalid, "revision", "pull: a report about revision %d, which nobody wanted", r.Revision)
		}
		if r.Revision >= e.Revision || r.Revision == 0 {
			a.note(e, r)
		}
		if receipt = a.receipt(e); r.Revision < e.Revision {
			receipt.Stale = true
		}
		if receipt.Done && e.Wish.Access == provisioning.Absent { // nothing of whose it was is kept
			e.Wish.Login, e.Wish.Aliases, e.State = "", nil, remote.State{}
		}
		e.Keys = append(e.Keys, kept{r.Key, digest, receipt})
		e.Keys = e.Keys[max(0, len(e.Keys)-mostKeys):]
		of = e.Wish.Account
		return nil
	})
	if err == nil && receipt.Done && of != "" && a.config.Done != nil {
		a.config.Done(ctx, of)
	}
	return receipt, err
}

// note takes down what a report tells. One about revision 0 is of what was seen, and
// of no wish.
func (a *Accounts) note(e *entry, r Report) {
	e.Seen = a.config.Now().UTC()
	if r.Revision > 0 {
		e.Revision, e.Trouble = r.Revision, r.Failure
	}
	if r.State == nil {
		return
	}
	e.State = *r.State
	e.State.Login = r.Login
	if !e.State.Exists {
		e.State = remote.State{Login: r.Login}
	}
}
