package provisioning

import (
	"maps"
	"strings"

	"rochdale/domain"
	"rochdale/domain/sealed"
)

// An account of a service that has several nodes is on one of them. Events name
// nodes by the names of their targets, always in full.

// AccountPlaced says on which node of its service the account is to be.
type AccountPlaced struct {
	Subject
	Node string `json:"node"`
}

func (e AccountPlaced) Evolve(a Account) Account {
	a.node = e.Node
	if a.On("").Failed.Code == NoRoom {
		a = a.at("", func(o *Outcome) { o.Failed = Failed{} })
	}
	return a
}

// MoveBegun has the account moved to another node. It is made there, and what is in
// it is copied, while its holder goes on using it where it is.
type MoveBegun struct {
	Subject
	From   string             `json:"from"`
	To     string             `json:"to"`
	Reason sealed.Box[string] `json:"reason"`
}

func (e MoveBegun) Evolve(a Account) Account {
	a.move, a.from = Move{From: e.From, To: e.To}, ""
	a.outcomes = maps.Clone(a.outcomes)
	delete(a.outcomes, a.named(e.To)) // it may have been there before
	return a
}

// MoveHeld records that most of what is in the account was copied: it is withheld where
// it is, for a moment, while the rest is.
type MoveHeld struct {
	Subject
	From string `json:"from"`
	To   string `json:"to"`
}

func (e MoveHeld) Evolve(a Account) Account {
	a.move.Held, a.amended = true, true
	return a
}

// AccountMoved records that the account was seen to be whole on its new node, and is
// there from now on. What is left on the one before is to be deleted.
type AccountMoved struct {
	Subject
	From string       `json:"from"`
	To   string       `json:"to"`
	Used domain.Bytes `json:"used"` // that were seen on the new node
}

func (e AccountMoved) Evolve(a Account) Account {
	a.node, a.from, a.move, a.moved, a.amended = e.To, e.From, Move{}, true, true
	a = a.at(e.To, func(o *Outcome) { o.Failed, o.Skipped = Failed{}, 0 })
	return a.leave(e.From)
}

// MoveCancelled records that the account stays where it is: what was copied is to be
// deleted.
type MoveCancelled struct {
	Subject
	From   string             `json:"from"`
	To     string             `json:"to"`
	Reason sealed.Box[string] `json:"reason"`
}

func (e MoveCancelled) Evolve(a Account) Account {
	a.move, a.amended = Move{}, true
	return a.leave(e.To)
}

// leave notes that something of the account is left on a node, until that is deleted.
func (a Account) leave(node string) Account {
	left := maps.Clone(a.left)
	if left == nil {
		left = map[string]bool{}
	}
	left[node] = true
	a.left = left
	return a
}

// deletedOn notes that nothing of the account is left on a target.
func (a Account) deletedOn(target string) Account {
	for node := range a.left {
		if a.named(node) == a.named(target) {
			a.left = maps.Clone(a.left)
			delete(a.left, node)
		}
	}
	return a
}

// A Move is that of an account from one node to another.
type Move struct {
	From, To string
	Held     bool // it is withheld where it is, while the rest is copied
}

// Node returns the node that the account is on; empty while none was chosen.
func (a Account) Node() string { return a.node }

// Moving returns the move that is under way, and whether there is one.
func (a Account) Moving() (Move, bool) { return a.move, a.move.To != "" }

// LeftOn reports whether something of the account is left on a node that it is not on
// any more.
func (a Account) LeftOn(node string) bool { return a.left[node] }

// MovedFrom returns the node that the account was on before it was moved last; none while
// it is being moved again, or was to be.
func (a Account) MovedFrom() string { return a.from }

// Tells reports whether it is by what becomes of it on a target, under the name that
// events know it by, that the account's holder is told that it is there.
func (a Account) Tells(target string) bool {
	return !a.moved && a.named(target) == a.named(a.node)
}

// NoRoom is the code of the trouble of an account for which no node has room.
const NoRoom = "no_room"

// The rules of placement.
var (
	ErrPlaced      = domain.Refusal{Code: "provisioning.placed", Reason: "this account is on {node}: move it"}
	ErrNotPlaced   = domain.Refusal{Code: "provisioning.not_placed", Reason: "this account is on no node yet: there is nothing to move"}
	ErrMoving      = domain.Refusal{Code: "provisioning.moving", Reason: "this account is being moved to {node}: wait until it is there, or cancel that"}
	ErrLeft        = domain.Refusal{Code: "provisioning.left", Reason: "what is left of this account on {node} is to be deleted first: wait for it, or see rochdale work"}
	ErrNotWithheld = domain.Refusal{Code: "provisioning.not_withheld", Reason: "this account is not withheld for a move to {node}"}
)

// PlaceAccount chooses the node that an account is on, once.
type PlaceAccount struct {
	Account domain.AccountID
	Node    string
}

func (c PlaceAccount) Stream() domain.Stream { return StreamOf(c.Account) }

func (c PlaceAccount) Decide(a Account) ([]accountEvent, error) {
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case c.Node == "":
		return nil, ErrIncomplete.With("missing", "node")
	case a.node == c.Node:
		return nil, nil
	case a.node != "":
		return nil, ErrPlaced.With("node", a.node)
	case a.On("").Status != StatusRequested && a.named(c.Node) != "": // from before there were nodes
		return nil, ErrPlaced.With("node", a.requested.Service)
	}
	return []accountEvent{AccountPlaced{a.requested.Subject, c.Node}}, nil
}

// BeginMove has an account moved to another node, for a reason.
type BeginMove struct {
	Account domain.AccountID
	To      string
	Reason  string
}

func (c BeginMove) Stream() domain.Stream { return StreamOf(c.Account) }

func (c BeginMove) Decide(a Account) ([]accountEvent, error) {
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case a.node == "":
		return nil, ErrNotPlaced
	case c.To == "":
		return nil, ErrIncomplete.With("missing", "node")
	case a.Status() == StatusDeleted:
		return nil, ErrDeleted
	case a.move.To == c.To, a.move.To == "" && a.node == c.To:
		return nil, nil
	case a.move.To != "":
		return nil, ErrMoving.With("node", a.move.To)
	case a.left[c.To]:
		return nil, ErrLeft.With("node", c.To)
	case strings.TrimSpace(c.Reason) == "":
		return nil, ErrNoReason
	}
	return []accountEvent{MoveBegun{a.requested.Subject, a.node, c.To, sealed.New(a.requested.Party, sealed.Service, c.Reason)}}, nil
}

// HoldMove withholds an account where it is, since most of what is in it was copied.
type HoldMove struct {
	Account domain.AccountID
	To      string
}

func (c HoldMove) Stream() domain.Stream { return StreamOf(c.Account) }

func (c HoldMove) Decide(a Account) ([]accountEvent, error) {
	switch {
	case a.move.To != c.To || c.To == "":
		return nil, ErrNotWithheld.With("node", c.To)
	case a.move.Held:
		return nil, nil
	}
	return []accountEvent{MoveHeld{a.requested.Subject, a.move.From, a.move.To}}, nil
}

// FinishMove has an account be on the node that it was seen to be whole on.
type FinishMove struct {
	Account domain.AccountID
	To      string
	Used    domain.Bytes
}

func (c FinishMove) Stream() domain.Stream { return StreamOf(c.Account) }

func (c FinishMove) Decide(a Account) ([]accountEvent, error) {
	switch {
	case a.node == c.To && a.move.To == "" && c.To != "":
		return nil, nil
	case a.move.To != c.To || !a.move.Held:
		return nil, ErrNotWithheld.With("node", c.To)
	}
	return []accountEvent{AccountMoved{a.requested.Subject, a.move.From, a.move.To, c.Used}}, nil
}

// CancelMove has an account stay where it is, for a reason. One that is not being moved
// does anyway.
type CancelMove struct {
	Account domain.AccountID
	Reason  string
}

func (c CancelMove) Stream() domain.Stream { return StreamOf(c.Account) }

func (c CancelMove) Decide(a Account) ([]accountEvent, error) {
	switch {
	case !a.exists():
		return nil, ErrUnknown
	case a.move.To == "":
		return nil, nil
	case strings.TrimSpace(c.Reason) == "":
		return nil, ErrNoReason
	}
	return []accountEvent{MoveCancelled{a.requested.Subject, a.move.From, a.move.To, sealed.New(a.requested.Party, sealed.Service, c.Reason)}}, nil
}
