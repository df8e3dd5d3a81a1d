package processes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"rochdale/adapters/fault"
	"rochdale/domain"
	"rochdale/domain/provisioning"
	"rochdale/eventstore"
)

// A Node is the room of a target that is one of several: an account of the service is
// on one of them.
type Node struct {
	Bytes      domain.Bytes // that there are; 0: they are not counted
	Accounts   int          // most; 0: any number
	Weight     int          // how much rather it is chosen; 0: 1
	Drain      bool         // it takes no accounts more
	Overcommit int          // how much of what there is may be promised, in percent; 0: 100
}

// Most is how much may be promised.
func (n Node) Most() domain.Bytes {
	if n.Overcommit == 0 {
		return n.Bytes
	}
	return domain.Bytes(float64(n.Bytes) * float64(n.Overcommit) / 100)
}

// NodeLoad is what was promised on a node: quotas without a bound are not counted.
type NodeLoad struct {
	Accounts  int          `json:"accounts"`
	Committed domain.Bytes `json:"committed"`
}

// NodeBook is what placing asks the read models.
type NodeBook interface {
	// NodeLoads returns what was promised on the targets of a service, by their names.
	// What is being moved counts on both nodes.
	NodeLoads(ctx context.Context, service domain.Service) (map[string]NodeLoad, error)
	// AccountsLeft returns the accounts of which there is anything on a target, and on
	// which nobody has given up there, in the order of their ids.
	AccountsLeft(ctx context.Context, service domain.Service, target string) ([]domain.AccountID, error)
	// AccountsUnplaced returns accounts of a service for which no node was chosen.
	AccountsUnplaced(ctx context.Context, service domain.Service) ([]domain.AccountID, error)
	// AccountsOn returns those that are on a node, in the order of their ids.
	AccountsOn(ctx context.Context, service domain.Service, node string, after domain.AccountID, limit int) ([]domain.AccountID, error)
}

// has reports whether an account is on a target: on its node, or where all are.
func (t Target) has(a provisioning.Account) bool { return t.Node == nil || a.Node() == t.Name }

// concerns reports whether anything of an account is on a target, or is to be.
func (t Target) concerns(a provisioning.Account) bool {
	move, _ := a.Moving()
	return t.has(a) || move.To == t.Name || a.LeftOn(t.Name)
}

// books reports whether an account is on a target, or on its way there, as the read
// models have it.
func (t Target) books(b BookedAccount) bool {
	return t.Node == nil || b.Node == t.Name || b.To == t.Name
}

// desiredOn is how an account is wanted on a target. While its node is not chosen, it
// is not wanted anywhere, nor unwanted: requested is false.
func (r *Reconciler) desiredOn(ctx context.Context, t Target, account domain.AccountID) (want provisioning.Desired, known provisioning.Account, requested bool, err error) {
	bases, err := basesOf(ctx, r.Store, account)
	if err != nil {
		return want, known, false, err
	}
	want, requested = r.desiredBy(t, bases[0])
	return want, bases[0].account.State, requested, nil
}

// desiredBy is the same of an account that was read.
func (r *Reconciler) desiredBy(t Target, b *basis) (want provisioning.Desired, requested bool) {
	known := b.account.State
	want, requested = r.desired(b)
	want.Node = known.Node()
	if !requested || t.Node == nil || want.Access == provisioning.Absent && known.Node() != "" {
		return want, requested
	}
	move, _ := known.Moving()
	withheld := func() {
		want.Access = provisioning.Suspended
		if want.Inbound != provisioning.Reject {
			want.Inbound = provisioning.Defer
		}
	}
	switch {
	case known.Node() == "":
		return want, false
	case move.To == t.Name, known.Node() == t.Name && move.Held:
		withheld()
	case known.Node() != t.Name:
		want.Access = provisioning.Absent
	}
	return want, true
}

// nodes returns the nodes of a service, in the order of their names.
func (r *Reconciler) nodes(service domain.Service) (all []Target) {
	for _, t := range r.Targets {
		if t.Service == service && t.Node != nil {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Target) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// all returns the targets of a service that each account is on.
func (r *Reconciler) all(service domain.Service) (all []Target) {
	for _, t := range r.Targets {
		if t.Service == service && t.Node == nil {
			all = append(all, t)
		}
	}
	return all
}

// A tally is what was promised on nodes, counted by the read models every now and then,
// with what was placed since.
type tally struct {
	mu      sync.Mutex
	counted time.Time
	loads   map[string]NodeLoad
}

// tallied is for how long a count is gone by.
const tallied = time.Second

// fits reports whether an account of a quota has room on a node.
func (n Node) fits(l NodeLoad, quota domain.Bytes) bool {
	return !n.Drain && (n.Accounts == 0 || l.Accounts < n.Accounts) && (n.Bytes == 0 || l.Committed+max(quota, 0) <= n.Most())
}

// Choose returns the node that an account of a quota is to be on: of those that have
// room for it, the one that has most by its weight; where bytes are not counted, the
// one with the fewest accounts by its weight. Of equals it is the first by name.
func Choose(nodes []Target, loads map[string]NodeLoad, quota domain.Bytes, but string) (chosen Target, found bool) {
	best := 0.0
	for _, t := range nodes {
		load, weight := loads[t.Name], float64(max(t.Node.Weight, 1))
		if t.Name == but || !t.Node.fits(load, quota) {
			continue
		}
		room := -float64(load.Accounts+1) / weight
		if t.Node.Bytes > 0 {
			room = float64(t.Node.Most()-load.Committed) * weight
		}
		if !found || room > best {
			chosen, best, found = t, room, true
		}
	}
	return chosen, found
}

// choose returns the node for an account, and counts it there.
func (r *Reconciler) choose(ctx context.Context, service domain.Service, quota domain.Bytes, but string) (Target, bool, error) {
	r.lane("")
	t := r.tallies[service]
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loads == nil || time.Since(t.counted) > tallied {
		loads, err := r.Nodes.NodeLoads(ctx, service)
		if err != nil {
			return Target{}, false, err
		}
		t.loads, t.counted = loads, time.Now()
	}
	chosen, found := Choose(r.nodes(service), t.loads, quota, but)
	if found {
		load := t.loads[chosen.Name]
		t.loads[chosen.Name] = NodeLoad{load.Accounts + 1, load.Committed + max(quota, 0)}
	}
	return chosen, found, nil
}

// recount has what was promised counted anew when it is asked for next.
func (r *Reconciler) recount(service domain.Service) {
	r.lane("")
	t := r.tallies[service]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loads = nil
}

// unplacedEvery is how often it is looked whether there is room by now.
const unplacedEvery = 30 * time.Second

// placements returns the process that chooses, for each account of a service, which of
// its nodes it is on.
func (r *Reconciler) placements(service domain.Service) Process {
	again := func(ctx context.Context) error {
		r.recount(service)
		accounts, err := r.Nodes.AccountsUnplaced(ctx, service)
		for _, account := range accounts {
			if err == nil {
				err = r.place(ctx, service, account)
			}
		}
		return err
	}
	return Process{
		Name:  "placements-" + string(service),
		Wants: []any{provisioning.AccountRequested{}},
		Handle: func(ctx context.Context, _ eventstore.Record, event any) error {
			e, ok := event.(provisioning.AccountRequested)
			if !ok || e.Service != service {
				return nil
			}
			return r.place(ctx, service, e.Account)
		},
		Work: func(ctx context.Context) {
			for sleep(ctx, unplacedEvery/2+randN(unplacedEvery/2)) == nil {
				if err := again(eventstore.As(ctx, "process/placements-"+string(service))); err != nil && ctx.Err() == nil {
					r.Log.WarnContext(ctx, "accounts wait for a node", "service", service, "err", err)
				}
			}
		},
		Settle: func(ctx context.Context) error {
			return again(eventstore.As(ctx, "process/placements-"+string(service)))
		},
	}
}

// place chooses the node of an account, unless there is one. An account that was there
// before there were nodes stays on the one that is named after the service. Where no
// node has room, that is the account's trouble, until one has.
func (r *Reconciler) place(ctx context.Context, service domain.Service, account domain.AccountID) error {
	want, known, requested, err := r.desiredOn(ctx, Target{}, account)
	if err != nil || !requested || known.Node() != "" {
		return err
	}
	switch known.Status() {
	case provisioning.StatusDeleted:
		return nil
	case provisioning.StatusActive, provisioning.StatusSuspended:
		if t, err := r.target(string(service)); err != nil || t.Node == nil {
			return fault.New(fault.Conflict, "", "account %s is where accounts were before %s had nodes, and no node is named so: name the one %s that has them", account, service, service)
		}
		_, err := eventstore.Execute(ctx, r.Store, provisioning.PlaceAccount{Account: account, Node: string(service)})
		return Refused(err, provisioning.ErrPlaced)
	case provisioning.StatusRequested:
	}
	chosen, found, err := r.choose(ctx, service, want.Quota, "")
	if err != nil {
		return err
	}
	if !found {
		r.Log.ErrorContext(ctx, "no node has room for an account", "service", service, "account", account, "bytes", int64(want.Quota))
		_, err := eventstore.Execute(ctx, r.Store, provisioning.RecordFailure{
			Account: account, Step: provisioning.StepEnsure, Class: string(fault.Conflict), Code: provisioning.NoRoom, Attempts: 1, Parked: true, Revision: want.Revision,
		})
		return err
	}
	_, err = eventstore.Execute(ctx, r.Store, provisioning.PlaceAccount{Account: account, Node: chosen.Name})
	return Refused(err, provisioning.ErrPlaced) // another node was faster
}

// The rules by which moving says no.
var (
	ErrNoNode     = domain.Refusal{Code: "processes.no_node", Reason: "{target} is no node of {service}: choose among {targets}"}
	ErrNoRoom     = domain.Refusal{Code: "processes.no_room", Reason: "no node has room for account {account}: add one, or make one larger, in the file of services"}
	ErrFull       = domain.Refusal{Code: "processes.node_full", Reason: "node {target} has no room for account {account}, or takes none"}
	ErrCannotMove = domain.Refusal{Code: "processes.cannot_move", Reason: "what is in account {account} cannot be copied from {from} to {to}: {why}"}
	ErrNoDrain    = domain.Refusal{Code: "processes.no_drain", Reason: "node {target} still takes accounts: say drain: true of it in the file of services, and start the nodes again"}
)

// movable refuses to move what cannot be copied, or of which nobody would see whether
// all of it has come.
func (r *Reconciler) movable(account domain.AccountID, from, to Target) error {
	var why string
	mover, can := to.At.(Mover)
	switch {
	case !can:
		why = "the adapter of " + to.Name + " moves nothing"
	case !from.At.Capabilities().Usage || !to.At.Capabilities().Usage:
		why = "these nodes do not tell how much an account holds, so that nobody would see whether all of it has come"
	default:
		err := mover.Takes(provisioning.Source{Node: from.Name, At: from.At})
		if err == nil {
			return nil
		}
		why = short(err)
	}
	return ErrCannotMove.With("account", account).With("from", from.Name).With("to", to.Name).With("why", why)
}

// Move has an account moved to another node of its service, for a reason: to one that
// is named, or to the one that has most room. It returns to which. What is done from
// then on is work on that node.
func (r *Reconciler) Move(ctx context.Context, account domain.AccountID, to, reason string) (node string, err error) {
	want, known, requested, err := r.desiredOn(ctx, Target{}, account)
	if err != nil {
		return "", err
	}
	if !requested {
		return "", provisioning.ErrUnknown
	}
	if known.Node() == "" {
		return "", provisioning.ErrNotPlaced
	}
	if move, moving := known.Moving(); to == "" && moving {
		to = move.To
	}
	from, err := r.target(known.Node())
	if err != nil {
		return "", err
	}
	var chosen Target
	switch to {
	case "":
		var found bool
		if chosen, found, err = r.choose(ctx, want.Service, want.Quota, from.Name); err == nil && !found {
			err = ErrNoRoom.With("account", account)
		}
	default:
		chosen, err = r.node(want.Service, to)
		if move, _ := known.Moving(); err == nil && to != from.Name && to != move.To {
			err = r.fits(ctx, chosen, want)
		}
	}
	if err != nil {
		return "", err
	}
	if chosen.Name != from.Name {
		if err := r.movable(account, from, chosen); err != nil {
			return "", err
		}
	}
	if _, err := eventstore.Execute(ctx, r.Store, provisioning.BeginMove{Account: account, To: chosen.Name, Reason: reason}); err != nil {
		return "", err
	}
	return chosen.Name, r.askNode(ctx, chosen.Name, account, "moved", false)
}

// fits refuses a node that has no room for an account.
func (r *Reconciler) fits(ctx context.Context, t Target, want provisioning.Desired) error {
	loads, err := r.Nodes.NodeLoads(ctx, t.Service)
	if err == nil && !t.Node.fits(loads[t.Name], want.Quota) {
		err = ErrFull.With("target", t.Name).With("account", want.Account)
	}
	return err
}

// node returns a node of a service.
func (r *Reconciler) node(service domain.Service, name string) (Target, error) {
	var names []string
	for _, t := range r.nodes(service) {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Target{}, ErrNoNode.With("target", name).With("service", service).With("targets", strings.Join(names, ", "))
}

// CancelMove has an account stay where it is, for a reason, if it was not moved yet.
func (r *Reconciler) CancelMove(ctx context.Context, account domain.AccountID, reason string) error {
	known, _, err := read[provisioning.Account](ctx, r.Store, provisioning.StreamOf(account))
	if err != nil {
		return err
	}
	if _, err := eventstore.Execute(ctx, r.Store, provisioning.CancelMove{Account: account, Reason: reason}); err != nil {
		return err
	}
	move, moving := known.Moving()
	if !moving {
		return nil
	}
	return errors.Join(r.askNode(ctx, move.From, account, "move cancelled", false), r.askNode(ctx, move.To, account, "move cancelled", true))
}

// askNode puts down work on a node that a person has decided. Ends is whether something
// is deleted there.
func (r *Reconciler) askNode(ctx context.Context, node string, account domain.AccountID, why string, ends bool) error {
	if _, err := r.target(node); err != nil {
		return err
	}
	w := r.newWork(ctx, node, account, why)
	w.Sure, w.Ends = true, ends
	err := ask(ctx, r.kv(), w)
	r.wake(node)
	return err
}

// Drained is what became of an account of a node that is emptied.
type Drained struct {
	Account domain.AccountID `json:"account"`
	To      string           `json:"to,omitempty"`
	Trouble error            `json:"-"` // why it cannot be moved
}

// Drain has all accounts moved away from a node that takes no more, for a reason, each
// to the node that has most room, and tells of each.
func (r *Reconciler) Drain(ctx context.Context, name, reason string, tell func(Drained) error) error {
	t, err := r.target(name)
	if err != nil {
		return err
	}
	switch {
	case t.Node == nil:
		return ErrNoNode.With("target", name).With("service", t.Service).With("targets", names(r.nodes(t.Service)))
	case !t.Node.Drain:
		return ErrNoDrain.With("target", name)
	case strings.TrimSpace(reason) == "":
		return ErrWhy
	}
	for account, err := range r.accountsOn(ctx, t.Service, name) {
		if err != nil {
			return err
		}
		to, err := r.Move(ctx, account, "", reason)
		if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
			return err
		}
		if err := tell(Drained{account, to, err}); err != nil {
			return err
		}
	}
	return nil
}

// accountsOn yields those that are on a node.
func (r *Reconciler) accountsOn(ctx context.Context, service domain.Service, node string) iter.Seq2[domain.AccountID, error] {
	return func(yield func(domain.AccountID, error) bool) {
		for after := domain.AccountID(""); ; {
			accounts, err := r.Nodes.AccountsOn(ctx, service, node, after, 500)
			if err != nil {
				yield("", err)
				return
			}
			if len(accounts) == 0 {
				return
			}
			for _, account := range accounts {
				if after = account; !yield(account, nil) {
					return
				}
			}
		}
	}
}

func names(targets []Target) string {
	all := make([]string, len(targets))
	for i, t := range targets {
		all[i] = t.Name
	}
	return strings.Join(all, ", ")
}

// carry goes on with a move to this node, of an account that is there by now: most of
// what is in it is copied while its holder goes on using it where it is; then it is
// withheld there, and the rest is copied. Seen to be whole, it is here, and not before.
func (l *lane) carry(ctx context.Context, want provisioning.Desired, move provisioning.Move) error {
	from, err := l.target(move.From)
	if err != nil {
		return fault.New(fault.Conflict, "", "move %s: its node is not in the file of services any more: %w", want.Account, err)
	}
	if err := l.movable(want.Account, from, l.t); err != nil {
		return fault.New(fault.Unsupported, "", "move %s: %w", want.Account, err)
	}
	source := provisioning.Source{Node: from.Name, At: from.At}
	copied := func() error {
		call, cancel := context.WithTimeout(ctx, cmp.Or(l.t.Carrying, 12*time.Hour))
		defer cancel()
		mover, _ := l.t.At.(Mover) // as movable has seen
		return mover.TakeOver(call, want, source)
	}
	if !move.Held {
		if err := copied(); err != nil {
			return err
		}
		if _, err := eventstore.Execute(ctx, l.Store, provisioning.HoldMove{Account: want.Account, To: l.t.Name}); err != nil {
			return Refused(err, provisioning.ErrNotWithheld) // it was cancelled
		}
	}
	if err := l.withhold(ctx, from, want.Account); err != nil {
		return err
	}
	if err := copied(); err != nil {
		return err
	}
	there, err := l.holds(ctx, from, want)
	if err != nil {
		return err
	}
	here, err := l.holds(ctx, l.t, want)
	if err != nil {
		return err
	}
	if here < there {
		return &fault.Error{Class: fault.Transient, Code: "not_whole", Err: fmt.Errorf("move %s: %d bytes are on %s, and %d on %s", want.Account, there, from.Name, here, l.t.Name)}
	}
	if _, err := eventstore.Execute(ctx, l.Store, provisioning.FinishMove{Account: want.Account, To: l.t.Name, Used: here}); err != nil {
		return Refused(err, provisioning.ErrNotWithheld)
	}
	errs := []error{l.askNode(ctx, l.t.Name, want.Account, "moved", false), l.askNode(ctx, from.Name, want.Account, "moved", true)}
	for _, t := range l.all(want.Service) {
		errs = append(errs, l.askNode(ctx, t.Name, want.Account, "moved", false))
	}
	return errors.Join(errs...)
}

// withhold keeps everybody out of an account where it is, while the rest is copied.
func (l *lane) withhold(ctx context.Context, from Target, account domain.AccountID) error {
	want, _, _, err := l.desiredOn(ctx, from, account)
	if err != nil {
		return err
	}
	for range 2 { // an answer is no proof
		is, err := l.Reconciler.look(ctx, from, want.Ref)
		if err != nil {
			return err
		}
		if !is.Exists || is.Account != account {
			return fault.New(fault.Conflict, "", "move %s: it is not on %s, or not ours there", account, from.Name)
		}
		steps, err := provisioning.Plan(want, is, from.At.Capabilities())
		if err != nil || len(steps) == 0 {
			return err
		}
		for _, step := range steps {
			call, cancel := context.WithTimeout(ctx, from.timeout())
			err := take(call, from.At, step, want)
			cancel()
			if err != nil {
				return err
			}
		}
	}
	return &fault.Error{Class: fault.Transient, Ambiguous: true, Code: "unseen", Err: fmt.Errorf("move %s: it is not withheld on %s", account, from.Name)}
}

// holds returns how much of an account is on a target.
func (l *lane) holds(ctx context.Context, t Target, want provisioning.Desired) (domain.Bytes, error) {
	call, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	all, err := t.At.Usage(call, []provisioning.Ref{want.Ref})
	if err != nil {
		return 0, err
	}
	for _, is := range all {
		if is.Exists && is.Account == want.Account && is.Used != nil {
			return *is.Used, nil
		}
	}
	return 0, fault.New(fault.Transient, "not_whole", "move %s: %s does not tell how much of it is there", want.Account, t.Name)
}

// safe makes sure that an account is on its node, with all that came for it, and that
// those who lead others to it know, before what is left of it on another is deleted.
func (l *lane) safe(ctx context.Context, known provisioning.Account, want provisioning.Desired) error {
	home, err := l.target(known.Node())
	if err != nil {
		return fault.New(fault.Conflict, "not_whole", "delete what is left of %s on %s: its node is not in the file of services any more: %w", want.Account, l.t.Name, err)
	}
	is, err := l.Reconciler.look(ctx, home, want.Ref)
	if err == nil && (!is.Exists || is.Account != want.Account) {
		err = fault.New(fault.Conflict, "not_whole", "delete what is left of %s on %s: it is not on %s: nothing is deleted until it is", want.Account, l.t.Name, home.Name)
	}
	for _, t := range l.all(want.Service) {
		if err != nil {
			return err
		}
		if is, err = l.Reconciler.look(ctx, t, want.Ref); err == nil && is.Exists && is.Node != nil && *is.Node != home.Name {
			err = fault.New(fault.Transient, "untold", "delete what is left of %s on %s: %s leads others there: nothing is deleted until it leads to %s", want.Account, l.t.Name, t.Name, home.Name)
		}
	}
	if at, can := home.At.(Gleaner); err == nil && can && known.MovedFrom() == l.t.Name {
		call, cancel := context.WithTimeout(ctx, cmp.Or(l.t.Carrying, 12*time.Hour))
		defer cancel()
		err = at.Glean(call, want, provisioning.Source{Node: l.t.Name, At: l.t.At})
	}
	return err
}
