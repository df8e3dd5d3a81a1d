package processes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rochdale/adapters/fault"
	"rochdale/adapters/memory"
	"rochdale/domain"
	"rochdale/domain/entitlement"
	"rochdale/domain/provisioning"
	"rochdale/processes"
)

// onNode is a target that is one of several.
func onNode(name string, at processes.Provisioner, n processes.Node) processes.Target {
	return processes.Target{Name: name, Service: domain.Mail, At: at, Node: &n}
}

// TestChoose: the node with the most room by its weight.
func TestChoose(t *testing.T) {
	node := func(name string, n processes.Node) processes.Target { return onNode(name, nil, n) }
	gb := domain.GB
	for _, tt := range []struct {
		name  string
		nodes []processes.Target
		loads map[string]processes.NodeLoad
		quota domain.Bytes
		want  string
	}{
		{"the one with more room", []processes.Target{node("a", processes.Node{Bytes: 10 * gb}), node("b", processes.Node{Bytes: 20 * gb})}, nil, gb, "b"},
		{"what is promised counts", []processes.Target{node("a", processes.Node{Bytes: 10 * gb}), node("b", processes.Node{Bytes: 20 * gb})}, map[string]processes.NodeLoad{"b": {2, 11 * gb}}, gb, "a"},
		{"by weight", []processes.Target{node("a", processes.Node{Bytes: 10 * gb, Weight: 3}), node("b", processes.Node{Bytes: 20 * gb})}, nil, gb, "a"},
		{"more than there is may be promised", []processes.Target{node("a", processes.Node{Bytes: 10 * gb, Overcommit: 300}), node("b", processes.Node{Bytes: 20 * gb})}, nil, gb, "a"},
		{"of equals the first", []processes.Target{node("a", processes.Node{Bytes: gb}), node("b", processes.Node{Bytes: gb})}, nil, gb, "a"},
		{"one that drains takes none", []processes.Target{node("a", processes.Node{Bytes: 10 * gb, Drain: true}), node("b", processes.Node{Bytes: gb})}, nil, gb, "b"},
		{"nor one with accounts enough", []processes.Target{node("a", processes.Node{Bytes: 10 * gb, Accounts: 1}), node("b", processes.Node{Bytes: gb})}, map[string]processes.NodeLoad{"a": {1, 0}}, gb, "b"},
		{"no room, no node", []processes.Target{node("a", processes.Node{Bytes: gb})}, nil, gb + 1, ""},
		{"without bytes, the fewest accounts by weight", []processes.Target{node("a", processes.Node{Weight: 2}), node("b", processes.Node{})}, map[string]processes.NodeLoad{"a": {2, 0}, "b": {1, 0}}, gb, "a"},
	} {
		if is, found := processes.Choose(tt.nodes, tt.loads, tt.quota, ""); is.Name != tt.want || found != (tt.want != "") {
			t.Errorf("%s: %q, want %q", tt.name, is.Name, tt.want)
		}
	}
}

// TestPlacementOverNodes: each account is on one of two nodes, and on the directory. For
// one for which there is no room that is its trouble, until there is. What was there
// before there were nodes stays.
func TestPlacementOverNodes(t *testing.T) {
	c := found(t)
	s := c.node()
	before, first, second, directory := entitle(c, s, "s0", "anna.loom@example.org"), memory.New(domain.Mail), memory.New(domain.Mail), memory.New(domain.Mail)
	settled := func(r *processes.Reconciler) {
		t.Helper()
		if err := processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	settled(reconciler(c, s, processes.Target{Name: "mail", Service: domain.Mail, At: first}))
	with := func(room domain.Bytes) *processes.Reconciler {
		return reconciler(c, s, processes.Target{Name: "directory", Service: domain.Mail, At: directory},
			onNode("mail", first, processes.Node{Bytes: 4 * domain.GB}), onNode("mail2", second, processes.Node{Bytes: room}))
	}
	var accounts []domain.AccountID
	logins := []provisioning.Login{"anna.loom@example.org"}
	for i := range 8 { // of a GB each
		logins = append(logins, provisioning.Login(fmt.Sprintf("member%d@example.org", i)))
		accounts = append(accounts, entitle(c, s, domain.SubscriptionID(fmt.Sprint("t", i)), logins[i+1]))
	}
	r := with(4 * domain.GB)
	settled(r)
	at := func(account domain.AccountID) provisioning.Account {
		return stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
	}
	if is := at(before); is.Node() != "mail" || is.Status() != provisioning.StatusActive {
		t.Errorf("the account from before is on %q and %s", is.Node(), is.Status())
	}
	count := func() (on map[string]int) {
		on = map[string]int{}
		for _, account := range accounts {
			on[at(account).Node()]++
		}
		return on
	}
	if on := count(); on["mail"] != 3 || on["mail2"] != 4 || on[""] != 1 {
		t.Errorf("they are on %v", on)
	}
	var none domain.AccountID
	for i, account := range accounts {
		state := at(account)
		is, other := c.observe(first, domain.Mail, logins[i+1]), c.observe(second, domain.Mail, logins[i+1])
		if is.Exists != (state.Node() == "mail") || other.Exists != (state.Node() == "mail2") {
			t.Errorf("%s is on %q, and seen on mail: %v, on mail2: %v", account, state.Node(), is.Exists, other.Exists)
		}
		if !c.observe(directory, domain.Mail, logins[i+1]).Exists && state.Node() != "" {
			t.Errorf("%s is not in the directory", account)
		}
		if trouble, any := state.Trouble(); state.Node() == "" {
			none = account
			if !any || trouble.Code != provisioning.NoRoom || !trouble.Parked {
				t.Errorf("that there is no room for %s is no trouble: %+v", account, trouble)
			}
		}
	}
	drift := func(r *processes.Reconciler) (all []processes.Drift) {
		t.Helper()
		for _, target := range r.Targets {
			if _, err := r.CheckDrift(as(t.Context()), target.Name, func(d processes.Drift) error {
				all = append(all, d)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	if all := drift(r); len(all) > 0 {
		t.Errorf("there is drift: %+v", all)
	}
	r = with(5 * domain.GB)
	settled(r)
	if is := at(none); is.Node() != "mail2" || is.Status() != provisioning.StatusActive {
		t.Errorf("with more room %s is on %q and %s", none, is.Node(), is.Status())
	}
	if _, any := at(none).Trouble(); any {
		t.Error("and still in trouble")
	}
	// One that somebody has copied by hand is not wanted there, whoever it is of.
	if _, err := second.Ensure(t.Context(), provisioning.Desired{Ref: provisioning.Ref{Service: domain.Mail, Login: logins[0]}, Account: before, Revision: 1, Access: provisioning.Active, Quota: domain.GB}); err != nil {
		t.Fatal(err)
	}
	if all := drift(r); len(all) != 1 || all[0].Kind != processes.DriftOrphan || all[0].Target != "mail2" || all[0].Account != before || all[0].Policy != processes.Ask {
		t.Errorf("a copy is no orphan: %+v", all)
	}
	execute(c, s, changes("t0", 2)) // it is revoked
	settled(r)
	if is := at(accounts[0]); is.Status() != provisioning.StatusDeleted || c.observe(first, domain.Mail, logins[1]).Exists || c.observe(second, domain.Mail, logins[1]).Exists {
		t.Errorf("revoked, it is %s", is.Status())
	}
}

// bare is a service that moves nothing.
type bare struct{ processes.Provisioner }

// TestWhatIsNotMoved is refused, and says why.
func TestWhatIsNotMoved(t *testing.T) {
	c := found(t)
	s := c.node()
	account := entitle(c, s, "s0", "anna.loom@example.org")
	first, second := memory.New(domain.Mail), memory.New(domain.Mail)
	r := reconciler(c, s, onNode("mail1", first, processes.Node{Bytes: 10 * domain.GB}), onNode("mail2", second, processes.Node{Bytes: domain.GB / 2}),
		onNode("mail3", second, processes.Node{Bytes: 9 * domain.GB, Drain: true}), onNode("mail4", bare{second}, processes.Node{Bytes: 8 * domain.GB}))
	refused := func(want domain.Refusal, account domain.AccountID, to, why string) {
		t.Helper()
		if _, err := r.Move(as(t.Context()), account, to, why); !errors.Is(err, want) {
			t.Errorf("to %s: %v, want %s", to, err, want.Code)
		}
	}
	refused(provisioning.ErrNotPlaced, account, "mail2", "why")
	if err := processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())); err != nil {
		t.Fatal(err)
	}
	refused(provisioning.ErrUnknown, "nobody", "mail2", "why")
	refused(processes.ErrNoNode, account, "mail9", "why")
	refused(processes.ErrFull, account, "mail2", "why")
	refused(processes.ErrFull, account, "mail3", "why")
	refused(processes.ErrCannotMove, account, "mail4", "why")
	refused(processes.ErrCannotMove, account, "", "why") // it has most room
	if err := r.Drain(as(t.Context()), "mail1", "why", func(processes.Drained) error { return nil }); !errors.Is(err, processes.ErrNoDrain) {
		t.Error(err)
	}
	if to, err := r.Move(as(t.Context()), account, "mail1", "why"); err != nil || to != "mail1" { // where it is
		t.Error(to, err)
	}
	if moves := those[provisioning.MoveBegun](c, s); len(moves) > 0 {
		t.Errorf("%+v", moves)
	}
}

// TestMovesAreCancelled: the account stays, and what was copied is deleted.
func TestMovesAreCancelled(t *testing.T) {
	c := found(t)
	s := c.node()
	login := provisioning.Login("anna.loom@example.org")
	account := entitle(c, s, "s0", login)
	first, second := memory.New(domain.Mail), memory.New(domain.Mail)
	r := reconciler(c, s, onNode("mail1", first, processes.Node{Bytes: 20 * domain.GB}), onNode("mail2", second, processes.Node{Bytes: 10 * domain.GB}))
	settle := func() { _ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())) }
	settle()
	first.Deliver(login, 1000)
	second.SetTrouble(func(call memory.Call) memory.Trouble {
		if call.Step == memory.StepTakeOver && len(those[provisioning.MoveHeld](c, s)) > 0 {
			return memory.Fails // the second time
		}
		return memory.None
	})
	if to, err := r.Move(as(t.Context()), account, "", "the disk is full"); err != nil || to != "mail2" {
		t.Fatal(to, err)
	}
	settle()
	is := c.observe(first, domain.Mail, login)
	if *is.Access != provisioning.Suspended || *is.Inbound != provisioning.Defer {
		t.Errorf("while the rest is copied it is %s, and takes mail: %s", *is.Access, *is.Inbound)
	}
	creds := processes.Credentials{Store: s, Targets: r.Targets}
	if err := creds.SetPassword(t.Context(), account, "weave-spin-card-comb"); !errors.Is(err, processes.ErrBeingMoved) {
		t.Errorf("a password is set on what is being moved: %v", err)
	}
	if err := r.CancelMove(as(t.Context()), account, "the disk was not full"); err != nil {
		t.Fatal(err)
	}
	settle()
	settle()
	is = c.observe(first, domain.Mail, login)
	if *is.Access != provisioning.Active || *is.Inbound != provisioning.Accept || *is.Used != 1000 || c.observe(second, domain.Mail, login).Exists {
		t.Errorf("cancelled, it is %+v", is)
	}
	if state := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)); state.Node() != "mail1" || state.LeftOn("mail2") {
		t.Errorf("%+v", state)
	}
	if err := creds.SetPassword(t.Context(), account, "weave-spin-card-comb"); err != nil {
		t.Error(err)
	}
	if _, err := r.Move(as(t.Context()), account, "mail2", "after all"); err != nil {
		t.Fatal(err)
	}
	second.SetTrouble(nil)
	settle()
	settle()
	if second.LogIn(string(login), "weave-spin-card-comb") == nil || c.observe(first, domain.Mail, login).Exists {
		t.Error("moved, its holder does not get in by their password, or it is still where it was")
	}
}

// leads is a service that leads others to the node that an account is on.
type leads struct {
	*memory.Service
	mu   sync.Mutex
	deaf bool
	to   string
}

func (l *leads) Observe(ctx context.Context, ref provisioning.Ref) (provisioning.Observed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	is, err := l.Service.Observe(ctx, ref)
	if is.Node = new(l.to); !is.Exists {
		is.Node = nil
	}
	return is, err
}

func (l *leads) List(ctx context.Context, cursor string, limit int) (provisioning.Page, error) {
	page, err := l.Service.List(ctx, cursor, limit)
	for i := range page.Accounts {
		page.Accounts[i].Node = new(l.to)
	}
	return page, err
}

func (l *leads) Ensure(ctx context.Context, want provisioning.Desired) (provisioning.Observed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf {
		return provisioning.Observed{}, fault.New(fault.Transient, "", "deaf")
	}
	l.to = want.Node
	return l.Service.Ensure(ctx, want)
}

// gleans is a service that adds what came late.
type gleans struct {
	*memory.Service
	late  func(from provisioning.Source) bool
	times int
}

func (g *gleans) Glean(_ context.Context, _ provisioning.Desired, from provisioning.Source) error {
	if !g.late(from) {
		return fault.New(fault.Invalid, "", "it is gone")
	}
	g.times++
	return nil
}

// TestNothingIsDeletedWhereOthersAreLed: what is left of an account that was moved waits
// until those who lead others to it lead them to where it is.
func TestNothingIsDeletedWhereOthersAreLed(t *testing.T) {
	c := found(t)
	s := c.node()
	login := provisioning.Login("anna.loom@example.org")
	account := entitle(c, s, "s0", login)
	first, second, front := memory.New(domain.Mail), &gleans{Service: memory.New(domain.Mail)}, &leads{Service: memory.New(domain.Mail)}
	second.late = func(from provisioning.Source) bool {
		return from.Node == "mail1" && c.observe(first, domain.Mail, login).Exists
	}
	r := reconciler(c, s, processes.Target{Name: "front", Service: domain.Mail, At: front}, onNode("mail1", first, processes.Node{Bytes: 20 * domain.GB}), onNode("mail2", second, processes.Node{Bytes: 10 * domain.GB}))
	settle := func() {
		for range 3 {
			_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context()))
		}
	}
	settle()
	if front.to != "mail1" {
		t.Fatalf("others are led to %q", front.to)
	}
	front.deaf = true
	if _, err := r.Move(as(t.Context()), account, "mail2", "why"); err != nil {
		t.Fatal(err)
	}
	settle()
	at := func() string { return stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)).Node() }
	if !c.observe(first, domain.Mail, login).Exists || at() != "mail2" || front.to != "mail1" {
		t.Errorf("it is on %s, others are led to %s, and there it is: %v", at(), front.to, c.observe(first, domain.Mail, login).Exists)
	}
	if second.times > 0 {
		t.Error("what comes late is looked for where it is still coming")
	}
	front.deaf = false
	settle()
	if second.times != 1 {
		t.Errorf("what came late was looked for %d times", second.times)
	}
	if c.observe(first, domain.Mail, login).Exists || front.to != "mail2" {
		t.Errorf("it is on %s, others are led to %s, and where it was: %v", at(), front.to, c.observe(first, domain.Mail, login).Exists)
	}
	front.to = "mail1" // somebody changes it past us
	var all []processes.Drift
	_, err := r.CheckDrift(as(t.Context()), "front", func(d processes.Drift) error {
		all = append(all, d)
		return nil
	})
	if err != nil || len(all) != 1 || all[0].Policy != processes.Heal || all[0].Want != "on mail2" || all[0].Is != "on mail1" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestDrain moves all accounts of a node to where there is room, and names those for
// which there is none.
func TestDrain(t *testing.T) {
	c := found(t)
	s := c.node()
	first, second := memory.New(domain.Mail), memory.New(domain.Mail)
	with := func(drain bool) *processes.Reconciler {
		return reconciler(c, s, onNode("mail1", first, processes.Node{Bytes: 3 * domain.GB, Drain: drain}), onNode("mail2", second, processes.Node{Bytes: 2 * domain.GB}))
	}
	r := with(false)
	accounts, logins := many(c, s, 4) // three of them on the first
	settle := func() {
		t.Helper()
		for range 2 {
			if err := processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle()
	r = with(true)
	var moved, kept int
	err := r.Drain(as(t.Context()), "mail1", "it is old", func(d processes.Drained) error {
		switch {
		case d.Trouble == nil && d.To == "mail2":
			moved++
		case errors.Is(d.Trouble, processes.ErrNoRoom):
			kept++
		default:
			t.Errorf("%+v", d)
		}
		return nil
	})
	if err != nil || moved != 1 || kept != 2 {
		t.Fatal(moved, kept, err)
	}
	settle()
	on := map[string]int{}
	for i, account := range accounts {
		state := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
		on[state.Node()]++
		for name, at := range map[string]*memory.Service{"mail1": first, "mail2": second} {
			if c.observe(at, domain.Mail, logins[i]).Exists != (state.Node() == name) {
				t.Errorf("%s is on %s, and on %s it is otherwise", account, state.Node(), name)
			}
		}
	}
	if on["mail1"] != kept || on["mail2"] != 2 {
		t.Errorf("they are on %v", on)
	}
}

// TestMovingThroughChaos moves accounts to and fro while nodes time out, answer 500,
// answer late, lie and are away, processes are stopped anywhere, moves are cancelled and
// mail goes on arriving: in the end each account is on one node, with all mail that was
// ever taken, and nothing is left on the others. At no time is it on none.
func TestMovingThroughChaos(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := found(t)
		s := c.node()
		ats := map[string]*memory.Service{"mail1": memory.New(domain.Mail), "mail2": memory.New(domain.Mail), "mail3": memory.New(domain.Mail)}
		names := []string{"mail1", "mail2", "mail3"}
		targets := func() (all []processes.Target) {
			for _, name := range names {
				t := onNode(name, ats[name], processes.Node{Bytes: 1000 * domain.GB})
				t.Timeout, t.Carrying = 25*time.Millisecond, 25*time.Millisecond
				all = append(all, t)
			}
			return all
		}
		nodes := []*processes.Reconciler{reconciler(c, s, targets()...), reconciler(c, c.node(), targets()...)}
		logins := []provisioning.Login{"anna.loom@example.org", "bert.loom@example.org"}
		var accounts []domain.AccountID
		for i, login := range logins {
			accounts = append(accounts, entitle(c, s, domain.SubscriptionID(fmt.Sprint("s", i)), login))
		}
		var mu sync.Mutex
		var drawn []memory.Trouble
		taken := make([]domain.Bytes, len(accounts))
		home := func(i int) string {
			return stateOf[provisioning.Account](c, s, provisioning.StreamOf(accounts[i])).Node()
		}
		stir := func(call memory.Call) memory.Trouble {
			mu.Lock()
			defer mu.Unlock()
			if len(drawn) == 0 {
				return memory.None
			}
			next := drawn[0]
			drawn = drawn[1:]
			return next
		}
		run := func() {
			i := rapid.IntRange(0, 1).Draw(rt, "node")
			for _, at := range ats {
				at.SetTrouble(stir)
			}
			_ = processes.NewRunner(nodes[i].Store, quiet, nodes[i].Processes()...).CatchUp(as(t.Context())) // and its troubles
			mu.Lock()
			drawn = nil
			mu.Unlock()
		}
		settled := func() { // a busy machine is as slow as a target that hangs
			ctx := as(t.Context())
			for round := 0; ; round++ {
				for _, name := range names {
					if err := nodes[0].Resume(ctx, name); err != nil {
						rt.Fatal(err)
					}
				}
				waiting, err := nodes[0].Waiting(ctx, "")
				if err != nil {
					rt.Fatal(err)
				}
				if len(waiting) == 0 && round > 1 {
					return
				}
				if round > 50 {
					rt.Fatalf("work is left: %+v", waiting)
				}
				for _, w := range waiting {
					if w.Parked {
						if err := nodes[0].Retry(ctx, w.Target, w.Account); err != nil {
							rt.Fatal(err)
						}
					}
				}
				time.Sleep(time.Microsecond) // the shortest of pauses
				run()
			}
		}
		settled()
		kinds := []memory.Trouble{memory.Hangs, memory.Fails, memory.Late, memory.Lies, memory.Throttle, memory.Away} // what loses data loses it
		trouble := rapid.SampledFrom(append(slices.Repeat([]memory.Trouble{memory.None}, 8), kinds...))
		moved := 0
		for range rapid.IntRange(2, 14).Draw(rt, "steps") {
			who := rapid.IntRange(0, len(accounts)-1).Draw(rt, "who")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				_, err := nodes[0].Move(as(t.Context()), accounts[who], rapid.SampledFrom(names).Draw(rt, "to"), "why not")
				if _, refused := errors.AsType[domain.Refusal](err); err != nil && !refused {
					rt.Fatal(err)
				}
			case 2:
				if rapid.IntRange(0, 3).Draw(rt, "cancel") == 0 {
					if err := nodes[0].CancelMove(as(t.Context()), accounts[who], "not now"); err != nil {
						rt.Fatal(err)
					}
				}
			case 3:
				if ats[home(who)].Deliver(logins[who], 10) {
					taken[who] += 10
				}
			default:
				mu.Lock()
				drawn = rapid.SliceOfN(trouble, 30, 30).Draw(rt, "troubles")
				mu.Unlock()
				run()
			}
			for i := range accounts {
				if is := c.observe(ats[home(i)], domain.Mail, logins[i]); !is.Exists || *is.Used < taken[i] {
					rt.Fatalf("%s is on %s, and there is %+v of %d bytes", accounts[i], home(i), is, taken[i])
				}
			}
		}
		settled()
		moved += len(those[provisioning.AccountMoved](c, s))
		for i, account := range accounts {
			state := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account))
			if _, moving := state.Moving(); moving {
				rt.Errorf("%s is still being moved", account)
			}
			for _, name := range names {
				is := c.observe(ats[name], domain.Mail, logins[i])
				if is.Exists != (name == state.Node()) || is.Exists && (*is.Used != taken[i] || *is.Access != provisioning.Active || *is.Inbound != provisioning.Accept) {
					rt.Errorf("%s is on %s after %d moves; on %s there is %+v, and %d bytes were taken", account, state.Node(), moved, name, is, taken[i])
				}
			}
		}
		for _, name := range names {
			if _, err := nodes[1].CheckDrift(as(t.Context()), name, func(d processes.Drift) error {
				rt.Errorf("there is drift: %+v", d)
				return nil
			}); err != nil {
				rt.Error(err)
			}
		}
	})
}

// TestANodesQuestionIsOfItsAccounts: whether so many are suspended at once that a person is
// asked is seen by how many are there, and not by how many the service has.
func TestANodesQuestionIsOfItsAccounts(t *testing.T) {
	c := found(t)
	s := c.node()
	small, large := memory.New(domain.Mail), memory.New(domain.Mail)
	r := reconciler(c, s, onNode("large", large, processes.Node{Accounts: 1000, Weight: 20}), onNode("small", small, processes.Node{Accounts: 20}))
	r.Least, r.Share = 2, 10
	settle := func() {
		t.Helper()
		// What waits for an answer is trouble to who wants all of it done.
		_ = processes.NewRunner(s, quiet, r.Processes()...).CatchUp(as(t.Context()))
	}
	accounts, _ := many(c, s, 104)
	settle()
	on := map[string][]domain.SubscriptionID{}
	for i, account := range accounts {
		node := stateOf[provisioning.Account](c, s, provisioning.StreamOf(account)).Node()
		on[node] = append(on[node], domain.SubscriptionID(fmt.Sprintf("s%05d", i)))
	}
	if len(on["small"]) < 4 || len(on["small"]) > 10 || len(on["large"]) < 90 {
		t.Fatalf("%d are on the small one, %d on the large", len(on["small"]), len(on["large"]))
	}
	for node, n := range map[string]int{"large": 5, "small": 4} {
		for _, id := range on[node][:n] {
			execute(c, s, entitlement.Suspend{Subscription: id, Service: domain.Mail, On: founding})
		}
	}
	settle()
	states, err := r.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range states {
		q := state.Question
		if state.Target == "large" && q != nil {
			t.Errorf("of the large one it is asked %+v", q)
		}
		if state.Target == "small" && (q == nil || q.Of != len(on["small"]) || q.Most != 2) {
			t.Errorf("of the small one, with %d accounts, it is asked %+v", len(on["small"]), q)
		}
	}
}
