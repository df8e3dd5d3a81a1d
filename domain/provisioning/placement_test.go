package provisioning

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/sealed"
	"rochdale/domain/spec"
)

var (
	placed    = AccountPlaced{subject, "mail1"}
	onMail1   = AccountProvisioned{subject, domain.GB, 7, "mail1"}
	why       = sealed.New("anna", sealed.Service, "the disk is full")
	begun     = MoveBegun{subject, "mail1", "mail2", why}
	withheld  = MoveHeld{subject, "mail1", "mail2"}
	moved     = AccountMoved{subject, "mail1", "mail2", 5}
	cancelled = MoveCancelled{subject, "mail1", "mail2", why}
	cleared   = AccountDeleted{Subject: subject, Revision: 7, Target: "mail1"}
	emptied   = AccountDeleted{Subject: subject, Revision: 7, Target: "mail2"}
)

func TestPlacement(t *testing.T) {
	place, begin := PlaceAccount{"a1", "mail1"}, BeginMove{"a1", "mail2", "the disk is full"}
	back := BeginMove{"a1", "mail1", "it was bought anew"}
	spec.Check(t, []spec.Story[domain.Command[Account]]{
		{Rule: "an account is placed on a node", Given: spec.Events{requested}, When: place, Then: spec.Events{placed}},
		{Rule: "it is placed once", Given: spec.Events{requested, placed}, When: PlaceAccount{"a1", "mail2"}, Refused: ErrPlaced},
		{Rule: "what was there before there were nodes stays on the one named after the service", Given: spec.Events{requested, there}, When: place, Refused: ErrPlaced},
		{Rule: "and is placed on that", Given: spec.Events{requested, there}, When: PlaceAccount{"a1", "mail"}, Then: spec.Events{AccountPlaced{subject, "mail"}}},
		{Rule: "nothing is placed that nobody asked for", When: place, Refused: ErrUnknown},
		{Rule: "it is placed somewhere", Given: spec.Events{requested}, When: PlaceAccount{"a1", ""}, Refused: ErrIncomplete},
		{Rule: "it is moved to another, for a reason", Given: spec.Events{requested, placed, onMail1}, When: begin, Then: spec.Events{begun}},
		{Rule: "nobody moves without a reason", Given: spec.Events{requested, placed, onMail1}, When: BeginMove{"a1", "mail2", " "}, Refused: ErrNoReason},
		{Rule: "it is moved somewhere", Given: spec.Events{requested, placed, onMail1}, When: BeginMove{"a1", "", "why"}, Refused: ErrIncomplete},
		{Rule: "what is nowhere is not moved", Given: spec.Events{requested}, When: begin, Refused: ErrNotPlaced},
		{Rule: "what was never asked for is not moved", When: begin, Refused: ErrUnknown},
		{Rule: "what is deleted is not moved", Given: spec.Events{requested, placed, onMail1, cleared}, When: begin, Refused: ErrDeleted},
		{Rule: "where it is it stays", Given: spec.Events{requested, placed, onMail1}, When: BeginMove{"a1", "mail1", "why"}},
		{Rule: "it is moved to one node at a time", Given: spec.Events{requested, placed, onMail1, begun}, When: BeginMove{"a1", "mail3", "why"}, Refused: ErrMoving},
		{Rule: "when most is copied it is withheld", Given: spec.Events{requested, placed, onMail1, begun}, When: HoldMove{"a1", "mail2"}, Then: spec.Events{withheld}},
		{Rule: "it is withheld for a move", Given: spec.Events{requested, placed, onMail1}, When: HoldMove{"a1", "mail2"}, Refused: ErrNotWithheld},
		{Rule: "whole, it is on its new node", Given: spec.Events{requested, placed, onMail1, begun, withheld}, When: FinishMove{"a1", "mail2", 5}, Then: spec.Events{moved}},
		{Rule: "it is not there while it is used where it was", Given: spec.Events{requested, placed, onMail1, begun}, When: FinishMove{"a1", "mail2", 5}, Refused: ErrNotWithheld},
		{Rule: "a move is cancelled for a reason", Given: spec.Events{requested, placed, onMail1, begun, withheld}, When: CancelMove{"a1", "the disk is full"}, Then: spec.Events{cancelled}},
		{Rule: "nobody cancels without a reason", Given: spec.Events{requested, placed, onMail1, begun}, When: CancelMove{"a1", ""}, Refused: ErrNoReason},
		{Rule: "what was moved is not cancelled any more", Given: spec.Events{requested, placed, onMail1, begun, withheld, moved}, When: CancelMove{"a1", "why"}},
		{Rule: "what was never asked for is not cancelled", When: CancelMove{"a1", "why"}, Refused: ErrUnknown},
		{Rule: "it does not come back before what was left is deleted", Given: spec.Events{requested, placed, onMail1, begun, withheld, moved}, When: back, Refused: ErrLeft},
		{Rule: "nor goes again where it was copied in vain", Given: spec.Events{requested, placed, onMail1, begun, cancelled}, When: begin, Refused: ErrLeft},
		{Rule: "after that it does", Given: spec.Events{requested, placed, onMail1, begun, withheld, moved, cleared}, When: back, Then: spec.Events{MoveBegun{subject, "mail2", "mail1", sealed.New("anna", sealed.Service, "it was bought anew")}}},
		{Rule: "what was copied in vain is deleted, and the account stays", Given: spec.Events{requested, placed, onMail1, begun, cancelled, emptied}, When: begin, Then: spec.Events{begun}},
		{Rule: "what came of it is told by its node", Given: spec.Events{requested, placed, onMail1}, When: RecordQuota{Account: "a1", Quota: domain.GB, Revision: 7, Target: "mail1"}},
	})
}

// folded is an account to which some has happened.
func folded(events ...domain.Event[Account]) (a Account) {
	for _, e := range events {
		a = e.Evolve(a)
	}
	return a
}

// TestPlaced shows what is known of an account that is on a node.
func TestPlaced(t *testing.T) {
	full := Failed{subject, StepEnsure, "conflict", NoRoom, 1, true, 3, ""}
	a := folded(requested, full)
	if _, trouble := a.Trouble(); !trouble {
		t.Error("that there is no room is no trouble")
	}
	a = placed.Evolve(a)
	if _, trouble := a.Trouble(); trouble || a.Node() != "mail1" || a.Status() != StatusRequested {
		t.Errorf("placed: %+v", a)
	}
	if a = onMail1.Evolve(a); a.Status() != StatusActive || !a.Tells("mail1") || a.Tells("") {
		t.Errorf("there: %+v", a)
	}
	a = folded(requested, placed, onMail1, begun, AccountProvisioned{subject, domain.GB, 7, "mail2"}, withheld)
	if move, moving := a.Moving(); !moving || !move.Held || move.From != "mail1" || a.Node() != "mail1" {
		t.Errorf("while it is moved: %+v", a)
	}
	if a = moved.Evolve(a); a.Node() != "mail2" || a.MovedFrom() != "mail1" || !a.LeftOn("mail1") || a.Status() != StatusActive || a.Tells("mail2") {
		t.Errorf("moved: %+v", a)
	}
	if a = cleared.Evolve(a); a.LeftOn("mail1") || a.Status() != StatusActive {
		t.Errorf("in the end: %+v", a)
	}
}
