package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
)

// An Operation is what is asked of a program or a service that is not ours. Its names
// are forever: see docs/adapters.md.
type Operation string

const (
	Check         Operation = "check"
	Observe       Operation = "observe"
	Ensure        Operation = "ensure"
	SetQuota      Operation = "set_quota"
	Suspend       Operation = "suspend"
	Resume        Operation = "resume"
	Delete        Operation = "delete"
	SetInbound    Operation = "set_inbound"
	SetAliases    Operation = "set_aliases"
	SetApps       Operation = "set_apps"
	SetCredential Operation = "set_credential" //nolint:gosec // G101: a word
	CloseSessions Operation = "close_sessions"
	Purge         Operation = "purge"
	List          Operation = "list"
	TakeOver      Operation = "take_over"
)

// operations are those by which steps are taken.
var operations = map[provisioning.Step]Operation{
	provisioning.StepEnsure: Ensure, provisioning.StepQuota: SetQuota, provisioning.StepSuspend: Suspend,
	provisioning.StepResume: Resume, provisioning.StepDelete: Delete, provisioning.StepInbound: SetInbound,
	provisioning.StepAliases: SetAliases, provisioning.StepApps: SetApps,
}

// Operations are all of them.
var Operations = []Operation{
	Check, Observe, Ensure, SetQuota, Suspend, Resume, Delete, SetInbound, SetAliases, SetApps, SetCredential, CloseSessions, Purge, List, TakeOver,
}

// Wish is an account as it shall be, as it is written.
type Wish struct {
	Service  domain.Service       `json:"service"`
	Login    provisioning.Login   `json:"login"`
	Account  domain.AccountID     `json:"account,omitempty"`
	Revision int64                `json:"revision,omitempty"`
	Access   provisioning.Access  `json:"access,omitempty"`
	Quota    *domain.Bytes        `json:"quota,omitempty"` // -1: unlimited
	Inbound  provisioning.Inbound `json:"inbound,omitempty"`
	Aliases  *[]string            `json:"aliases,omitempty"` // missing: as they are
	Apps     *[]domain.Service    `json:"apps,omitempty"`    // the same
}

// WishOf writes a wish.
func WishOf(want provisioning.Desired) Wish {
	w := Wish{
		Service: want.Service, Login: want.Login, Account: want.Account, Revision: want.Revision, Access: want.Access,
		Quota: new(want.Quota), Inbound: want.Inbound,
	}
	if w.Inbound == "" {
		w.Inbound = provisioning.Accept
	}
	if want.Aliases != nil {
		aliases := []string{}
		for _, alias := range want.Aliases {
			aliases = append(aliases, string(alias))
		}
		w.Aliases = &aliases
	}
	if want.Apps != nil {
		w.Apps = new(append([]domain.Service{}, want.Apps...))
	}
	return w
}

// Desired reads a wish.
func (w Wish) Desired() provisioning.Desired {
	want := provisioning.Desired{
		Ref: provisioning.Ref{Service: w.Service, Login: w.Login}, Account: w.Account, Revision: w.Revision, Access: w.Access, Inbound: w.Inbound,
	}
	if w.Quota != nil {
		want.Quota = *w.Quota
	}
	if w.Aliases != nil {
		want.Aliases = logins(*w.Aliases)
	}
	if w.Apps != nil {
		want.Apps = append([]domain.Service{}, *w.Apps...)
	}
	return want
}

func logins(texts []string) []provisioning.Login {
	all := []provisioning.Login{}
	for _, text := range texts {
		all = append(all, provisioning.Login(text))
	}
	return all
}

// Request is what is asked.
type Request struct {
	Version   int       `json:"version"` // 1
	Operation Operation `json:"operation"`
	// Key names what is wanted: of the same wish asked again it is the same.
	Key        string      `json:"key,omitempty"`
	Wish       *Wish       `json:"wish,omitempty"`
	Credential *Credential `json:"credential,omitempty"`
	From       string      `json:"from,omitempty"`   // of [TakeOver]: the node on which the account is
	Cursor     string      `json:"cursor,omitempty"` // of [List]; empty: where it begins
	Limit      int         `json:"limit,omitempty"`
}

// Changes reports whether something may have happened by the request.
func (r Request) Changes() bool {
	return r.Operation != Observe && r.Operation != List && r.Operation != Check
}

// Discreet returns what was said in answer to the request, or nothing if that had a password
// in it: whoever was told one may have repeated it, and errors are logged.
func (r Request) Discreet(said string) string {
	if r.Credential != nil {
		return ""
	}
	return said
}

// Credential is a password as it is written, to whom it is for alone.
type Credential struct {
	Scheme string `json:"scheme"`
	Hash   string `json:"hash"` // of scheme PLAIN, the password
}

// State is an account as it is seen, as it is written. What is missing, nobody can say.
type State struct {
	Login   provisioning.Login    `json:"login,omitempty"`
	Exists  bool                  `json:"exists"`
	Account domain.AccountID      `json:"account,omitempty"` // our mark; missing: not ours
	Access  *provisioning.Access  `json:"access,omitempty"`
	Quota   *domain.Bytes         `json:"quota,omitempty"`
	Used    *domain.Bytes         `json:"used,omitempty"`
	Inbound *provisioning.Inbound `json:"inbound,omitempty"`
	Aliases *[]string             `json:"aliases,omitempty"`
	Apps    *[]domain.Service     `json:"apps,omitempty"`
}

// StateOf writes what was seen.
func StateOf(is provisioning.Observed) State {
	s := State{
		Login: is.Login, Exists: is.Exists, Account: is.Account, Access: is.Access, Quota: is.Quota, Used: is.Used, Inbound: is.Inbound,
	}
	w := WishOf(provisioning.Desired{Aliases: is.Aliases, Apps: is.Apps})
	s.Aliases, s.Apps = w.Aliases, w.Apps
	return s
}

// Observed reads what was seen of an account. What makes no sense is an error.
func (s State) Observed(ref provisioning.Ref) (provisioning.Observed, error) {
	is := provisioning.Observed{Ref: ref, At: time.Now().UTC()}
	if s.Login != "" && s.Login != ref.Login {
		return is, errors.New("it is about another login")
	}
	if !s.Exists {
		return is, nil
	}
	if s.Access != nil && *s.Access != provisioning.Active && *s.Access != provisioning.Suspended {
		return is, fmt.Errorf("an access of %q", *s.Access)
	}
	if s.Quota != nil && *s.Quota < provisioning.Unlimited || s.Used != nil && *s.Used < 0 {
		return is, errors.New("a quota or a usage below nothing")
	}
	if s.Inbound != nil && (*s.Inbound == "" || !s.Inbound.Valid()) {
		return is, fmt.Errorf("inbound mail that is %q", *s.Inbound)
	}
	is.Exists, is.Account, is.Access, is.Quota, is.Used, is.Inbound = true, s.Account, s.Access, s.Quota, s.Used, s.Inbound
	w := Wish{Aliases: s.Aliases, Apps: s.Apps}.Desired()
	is.Aliases, is.Apps = w.Aliases, w.Apps
	return is, nil
}

// Answer is what is answered: how the account is, or a page of all accounts.
type Answer struct {
	State
	Accounts []State  `json:"accounts,omitempty"` // of [List]
	Next     string   `json:"next,omitempty"`     // where its next page begins; missing after the last
	Error    *Trouble `json:"error,omitempty"`
}

// Read reads an answer to the request strictly: a word that is misspelt is not passed over.
// Nothing may be said where nothing is to be told: it is looked at anyway. Of a trouble it
// is as [Request.Discreet] as it has to be.
func (r Request) Read(text []byte) (Answer, error) {
	var a Answer
	if len(bytes.TrimSpace(text)) == 0 && (r.Changes() || r.Operation == Check) {
		return a, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return Answer{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Answer{}, errors.New("more comes after the answer")
	}
	if a.Error != nil {
		a.Error.Message, a.Error.Code = r.Discreet(a.Error.Message), r.Discreet(a.Error.Code)
	}
	return a, nil
}

// Trouble is what went wrong, as it is written.
type Trouble struct {
	Message    string `json:"message,omitempty"`
	Code       string `json:"code,omitempty"`        // whoever answers has codes of their own
	Ambiguous  *bool  `json:"ambiguous,omitempty"`   // it may have happened all the same
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
}

// Fault returns the trouble as an error of a class. It says itself whether it is
// ambiguous, or it is taken to be if it is transient.
func (t *Trouble) Fault(class fault.Class, changes bool, what string) *fault.Error {
	e := &fault.Error{Class: class, Ambiguous: changes && class == fault.Transient, Err: errors.New(what)}
	if t == nil {
		return e
	}
	if t.Message != "" {
		e.Err = fmt.Errorf("%s: %s", what, short(t.Message))
	}
	if e.Code = t.Code; t.Ambiguous != nil {
		e.Ambiguous = changes && *t.Ambiguous
	}
	e.RetryAfter = time.Duration(min(max(0, t.RetryAfter), int(fault.Longest/time.Second))) * time.Second
	return e
}

// short keeps what others say from filling a log.
func short(text string) string {
	const most = 1000
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// Abilities are what a service can do, as an operator writes them down.
type Abilities struct {
	Service         domain.Service   `json:"service"`
	Suspends        bool             `json:"suspends"`
	Lists           bool             `json:"lists"`
	Usage           bool             `json:"usage"`
	Schemes         []string         `json:"schemes"`
	Inbound         bool             `json:"inbound"`
	Aliases         bool             `json:"aliases"`
	Sessions        bool             `json:"sessions"`
	Purges          bool             `json:"purges"`
	Moves           bool             `json:"moves"`
	Apps            []domain.Service `json:"apps"`
	QuotaStep       domain.Bytes     `json:"quota_step"`
	Parallel        int              `json:"parallel"`
	WritesPerMinute int              `json:"writes_per_minute"`
}

// Capabilities are the abilities in the words of the port.
func (a Abilities) Capabilities() provisioning.Capabilities {
	return provisioning.Capabilities{
		Service: a.Service, Suspends: a.Suspends, Lists: a.Lists, Usage: a.Usage, Schemes: slices.Clone(a.Schemes), Inbound: a.Inbound,
		Aliases: a.Aliases, Sessions: a.Sessions, Purges: a.Purges, Moves: a.Moves, Apps: slices.Clone(a.Apps), QuotaStep: a.QuotaStep,
		Parallel: a.Parallel, WritesPerMinute: a.WritesPerMinute,
	}
}

// A Teller hands a request to whoever answers it. It fails in the classes of package
// fault.
type Teller interface {
	Tell(ctx context.Context, r Request) (Answer, error)
}

// Told is the accounts of a service that is told in requests what to do.
type Told struct {
	*Accounts
	teller Teller
}

// Tells returns the accounts of a service that can what is given.
func Tells(name string, can provisioning.Capabilities, teller Teller) *Told {
	t := &Told{teller: teller}
	t.Accounts = New(name, can, t)
	return t
}

func (t *Told) tell(ctx context.Context, operation Operation, want provisioning.Desired, more func(*Request)) (Answer, error) {
	r := Request{Version: 1, Operation: operation}
	if want.Login != "" {
		r.Wish = new(WishOf(want))
		if want.Account == "" { // only looked for
			r.Wish = &Wish{Service: want.Service, Login: want.Login}
		} else {
			r.Key = fmt.Sprintf("%s/%d/%s", want.Account, want.Revision, operation)
		}
	}
	if more != nil {
		more(&r)
	}
	return t.teller.Tell(ctx, r)
}

func (t *Told) broken(changes bool, what Operation, err error) error {
	return &fault.Error{Class: fault.Transient, Ambiguous: changes, Code: "answer", Err: fmt.Errorf("%s: %s: it answers what makes no sense: %w", t.name, what, err)}
}

// Look is that of [Service].
func (t *Told) Look(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	a, err := t.tell(ctx, Observe, provisioning.Desired{Ref: ref}, nil)
	if err != nil {
		return nothing(ref), err
	}
	is, err := a.State.Observed(ref)
	if err != nil {
		return nothing(ref), t.broken(false, Observe, err)
	}
	return is, nil
}

// Take is that of [Service].
func (t *Told) Take(ctx context.Context, step provisioning.Step, want provisioning.Desired, _ provisioning.Observed) error {
	_, err := t.tell(ctx, operations[step], want, nil)
	return err
}

// Check asks whether it can be worked with.
func (t *Told) Check(ctx context.Context) error {
	if err := t.Begin(ctx); err != nil {
		return err
	}
	_, err := t.tell(ctx, Check, provisioning.Desired{}, nil)
	return err
}

// SetCredential hands over a password, in a scheme that is taken.
func (t *Told) SetCredential(ctx context.Context, ref provisioning.Ref, c provisioning.Credential) error {
	if err := t.Begin(ctx, ref); err != nil {
		return err
	}
	if !slices.Contains(t.can.Schemes, c.Scheme) {
		return fault.New(fault.Unsupported, "", "%s: passwords hashed by %q: only by %q", t.name, c.Scheme, t.can.Schemes)
	}
	if c.Hash == "" {
		return fault.New(fault.Invalid, "", "%s: there is no password", t.name)
	}
	return t.Ours(ctx, ref, "set a password", func(is provisioning.Observed) error {
		_, err := t.tell(ctx, SetCredential, provisioning.Desired{Ref: ref, Account: is.Account}, func(r *Request) {
			r.Credential, r.Key = &Credential{c.Scheme, c.Hash}, ""
			r.Wish = &Wish{Service: ref.Service, Login: ref.Login, Account: is.Account}
		})
		return err
	})
}

// CloseSessions has the sessions of an account ended.
func (t *Told) CloseSessions(ctx context.Context, ref provisioning.Ref) error {
	if err := t.Begin(ctx, ref); err != nil {
		return err
	}
	if !t.can.Sessions {
		return fault.New(fault.Unsupported, "", "%s: end sessions: the service cannot", t.name)
	}
	return t.Ours(ctx, ref, "end sessions", func(is provisioning.Observed) error {
		_, err := t.tell(ctx, CloseSessions, provisioning.Desired{Ref: ref, Account: is.Account}, func(r *Request) {
			r.Key, r.Wish = "", &Wish{Service: ref.Service, Login: ref.Login, Account: is.Account}
		})
		return err
	})
}

// Purge asks whether nothing is left of a deleted account.
func (t *Told) Purge(ctx context.Context, want provisioning.Desired) error {
	if err := t.wish(ctx, want); err != nil {
		return err
	}
	if !t.can.Purges {
		return fault.New(fault.Unsupported, "", "%s: purge: the service cannot tell", t.name)
	}
	is, err := t.Observe(ctx, want.Ref)
	if err != nil {
		return err
	}
	if is.Exists && is.Account == want.Account {
		return fault.New(fault.Invalid, "", "%s: purge %s: it is not deleted: delete it first", t.name, want.Account)
	}
	_, err = t.tell(ctx, Purge, want, nil)
	return err
}

// Takes reports whether accounts can be taken over from another node, which is told in
// requests too.
func (t *Told) Takes(from provisioning.Source) error {
	if _, told := from.At.(*Told); !told || !t.can.Moves {
		return fault.New(fault.Unsupported, "", "%s: accounts on %s are not taken over: both nodes are of programs, and what they can has moves: true", t.name, from.Node)
	}
	return nil
}

// TakeOver has all that is in an account on another node be here.
func (t *Told) TakeOver(ctx context.Context, want provisioning.Desired, from provisioning.Source) error {
	err := t.wish(ctx, want)
	if err == nil {
		err = t.Takes(from)
	}
	if err != nil {
		return err
	}
	_, err = t.tell(ctx, TakeOver, want, func(r *Request) { r.From = from.Node })
	return err
}

// mostListed is how many accounts are asked for at once.
const mostListed = 1000

// List asks for all accounts, a page at a time.
func (t *Told) List(ctx context.Context, cursor string, limit int) (page provisioning.Page, err error) {
	if err := t.Begin(ctx); err != nil {
		return page, err
	}
	if !t.can.Lists {
		return page, fault.New(fault.Unsupported, "", "%s: list: the service cannot", t.name)
	}
	if limit, err = t.Limit(limit, mostListed); err != nil {
		return page, err
	}
	a, err := t.tell(ctx, List, provisioning.Desired{}, func(r *Request) { r.Cursor, r.Limit = cursor, limit })
	if err != nil {
		return page, err
	}
	if len(a.Accounts) > limit || a.Next != "" && a.Next == cursor {
		return page, t.broken(false, List, fmt.Errorf("%d accounts, of %d at most, and then %q", len(a.Accounts), limit, a.Next))
	}
	for _, state := range a.Accounts {
		state.Exists = true
		is, err := state.Observed(provisioning.Ref{Service: t.can.Service, Login: state.Login})
		if err != nil || state.Login == "" {
			return provisioning.Page{}, t.broken(false, List, fmt.Errorf("of %q: %w", state.Login, err))
		}
		page.Accounts = append(page.Accounts, is)
	}
	page.Next = a.Next
	return page, nil
}

// Usage looks at some accounts, one by one.
func (t *Told) Usage(ctx context.Context, refs []provisioning.Ref) ([]provisioning.Observed, error) {
	if err := t.Begin(ctx, refs...); err != nil {
		return nil, err
	}
	if !t.can.Usage {
		return nil, fault.New(fault.Unsupported, "", "%s: usage: the service cannot tell", t.name)
	}
	return t.Each(ctx, refs)
}
