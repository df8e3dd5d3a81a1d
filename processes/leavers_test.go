package processes_test

import (
	"context"
	"testing"

	"rochdale/domain"
	"rochdale/domain/calendar"
	"rochdale/domain/membership"
	"rochdale/domain/payment"
	"rochdale/domain/shares"
	"rochdale/domain/statutes"
	"rochdale/eventstore"
	"rochdale/processes"
)

// RequestedExits is that of [processes.Claims].
func (l ledger) RequestedExits(_ context.Context, party domain.PartyID) (ids []shares.ClaimID, _ error) {
	for _, id := range l.claims(shares.ClaimRequested) {
		if stateOf[shares.Claim](l.c, l.s, shares.ExitStream(id)).Requested().Party == party {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// member enters somebody with shares of class A.
func (c *coop) member(s *eventstore.Store, party domain.PartyID, number domain.MemberNumber) {
	execute2(c, s, membership.Enter{
		Party: party, Number: number, Kind: membership.Person, Identity: membership.Identity{FirstName: "Ada", LastName: "Loom"},
		Language: domain.French, AdmittedOn: founding, On: founding,
	})
	execute(c, s, shares.Enter{Subscription: "l", Party: party, Class: "A", Quantity: 4, Paid: eur(10000), On: founding, Statutes: c.rules})
}

// TestLeavers: who leaves gives back all shares, once; who stays after all keeps them.
// Heirs are paid out, unless they may have the shares.
func TestLeavers(t *testing.T) {
	c := found(t)
	s := c.node()
	for i, party := range []domain.PartyID{"anna", "bert", "carla", "dirk"} {
		c.member(s, party, domain.MemberNumber(i+1))
	}
	requested := func(party domain.PartyID) (all []shares.ExitRequested) {
		ids, _ := ledger{c, s}.RequestedExits(context.Background(), party)
		for _, id := range ids {
			all = append(all, stateOf[shares.Claim](c, s, shares.ExitStream(id)).Requested())
		}
		return all
	}
	handle := func() {
		t.Helper()
		for range 2 { // and the second time nothing is left to do
			if err := c.handle(s, processes.Leavers(s, ledger{c, s})); err != nil {
				t.Fatal(err)
			}
		}
	}
	notice := founding.AddDays(40)
	own := shares.RequestExit{Claim: "own", Party: "bert", Class: "A", Reason: shares.Resigned, On: notice, Statutes: c.rules}
	execute2(c, s, own)
	for _, party := range []domain.PartyID{"anna", "bert"} {
		execute(c, s, membership.Resign{Party: party, On: notice, Members: 10, Statutes: c.rules})
	}
	execute(c, s, membership.Decease{Party: "dirk", On: notice, LearntOn: notice.AddDays(9), Statutes: c.rules})
	handle()
	ends := stateOf[membership.Member](c, s, membership.StreamOf("anna")).End()
	if all := requested("anna"); len(all) != 1 || all[0].On != notice || all[0].EffectiveOn != ends.On || all[0].Quantity != 0 || all[0].Reason != shares.Resigned {
		t.Errorf("who resigned with effect from %v gives back %+v", ends.On, all)
	}
	if all := requested("bert"); len(all) != 1 || all[0].Claim != "own" {
		t.Errorf("who gave back all shares gives back %+v", all)
	}
	if all := requested("carla"); len(all) != 0 {
		t.Errorf("who stays gives back %+v", all)
	}
	if all := requested("dirk"); len(all) != 1 || all[0].Reason != shares.Deceased || all[0].EffectiveOn != notice || all[0].On != notice.AddDays(9) {
		t.Errorf("of the deceased come back %+v", all)
	}
	rules := c.rules
	rules.Membership.Resignation.Withdrawable = true
	for _, party := range []domain.PartyID{"anna", "bert"} {
		execute(c, s, membership.WithdrawResignation{Party: party, On: notice.AddDays(2), Statutes: rules})
	}
	handle()
	if all := requested("anna"); len(all) != 0 {
		t.Errorf("who stays gives back %+v", all)
	}
	heirs := c.rules
	heirs.Membership.Death.Heirs = statutes.MayJoin
	execute(c, s, statutes.Adopt{Version: 2, On: notice, InForceFrom: notice, By: "assembly", Statutes: heirs})
	execute(c, s, membership.Decease{Party: "carla", On: notice.AddDays(4), LearntOn: notice.AddDays(9), Statutes: heirs})
	handle()
	if all := requested("carla"); len(all) != 0 {
		t.Errorf("what heirs may have comes back: %+v", all)
	}
	if all := requested("bert"); len(all) != 1 {
		t.Errorf("what a member claims does not hang on the membership: %+v", all)
	}
}

// TestSetOffs: what is set off pays bills, as a payment that is recorded once and taken
// back with the set-off.
func TestSetOffs(t *testing.T) {
	c := found(t)
	s := c.node()
	day := calendar.On(2026, 5, 2)
	set := shares.RefundSetOff{Claim: "c/1", Party: "anna", Class: "A", Amount: eur(1200), Bills: []string{"2026/7", "2026/9"}, Decision: "board 3", On: day}
	back := shares.ClaimEntryReversed{Claim: "c/1", Party: "anna", Class: "A", Reversal: "r", Entry: shares.EntrySetOff, Of: "board 3", Amount: eur(1200), EntryOn: day, Document: "board 4", On: day.AddDays(3)}
	p := processes.SetOffs(s)
	payments := func() (all []any) {
		for _, e := range c.events(s) {
			switch e.(type) {
			case payment.Received, payment.Reversed:
				all = append(all, e)
			}
		}
		return all
	}
	for n, event := range []any{set, set, back, back, set} {
		if err := p.Handle(as(t.Context()), eventstore.Record{}, event); err != nil {
			t.Fatal(err)
		}
		if got, want := len(payments()), min(n/2+1, 2); got != want {
			t.Fatalf("after %d there are %v", n+1, payments())
		}
	}
	got, _ := payments()[0].(payment.Received)
	if want := (payment.Received{Payment: "set-off/c%2F1/board 3", Payer: "anna", Amount: eur(1200), On: day, Method: payment.SetOff, Reference: "2026/7, 2026/9"}); got != want {
		t.Errorf("it is paid by %+v", got)
	}
}
