package processes_test

import (
	"context"
	"slices"
	"testing"

	"rochdale/domain"
	"rochdale/domain/billing"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
	"rochdale/domain/shares"
	"rochdale/eventstore"
	"rochdale/processes"
)

// TestErasureDestroysKeys, and only those, however often it is told.
func TestErasureDestroysKeys(t *testing.T) {
	c := found(t)
	s := c.node()
	change := func(p domain.PartyID, city string) {
		t.Helper()
		execute(c, s, membership.ChangeIdentity{Party: p, Identity: membership.Identity{FirstName: "Ada", LastName: "Loom", City: city}, On: founding})
		execute(c, s, membership.ChangeContact{Party: p, Contact: membership.Contact{Email: "ada@example.org"}, On: founding})
	}
	change("anna", "Gent")
	change("bert", "Gent")
	change("rita", "Gent")
	if err := s.Keys.Rotate(t.Context(), "rita", sealed.Register); err != nil {
		t.Fatal(err)
	}
	change("rita", "Aalst")
	execute(c, s, membership.ErasePersonalData{Party: "rita", Class: sealed.Register, Through: 1, On: founding, Statutes: c.rules})
	execute(c, s, membership.ErasePersonalData{Party: "anna", Class: sealed.Register, Through: 1, On: founding, Statutes: c.rules})
	// read returns in which cities somebody is said to live, by a node that begins anew.
	read := func(p domain.PartyID) (cities, addresses string) {
		t.Helper()
		for _, event := range c.events(c.node()) {
			switch e := event.(type) {
			case membership.IdentityChanged:
				if i, ok := e.Identity.Reveal(); ok && e.Party == p {
					cities += i.City + " "
				}
			case membership.ContactChanged:
				if c, ok := e.Contact.Reveal(); ok && e.Party == p {
					addresses += c.Email + " "
				}
			}
		}
		return cities, addresses
	}
	if cities, _ := read("anna"); cities == "" {
		t.Fatal("the key is gone before anybody destroyed it")
	}
	var out []domain.PartyID
	erasure := processes.Erasure(s, func(_ context.Context, p domain.PartyID) error {
		out = append(out, p)
		return nil
	})
	runner := processes.NewRunner(s, quiet, erasure)
	for range 2 {
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if version, err := s.Keys.Version(t.Context(), "anna", sealed.Register); err != nil || version != 0 {
		t.Errorf("there is version %d of the key, %v", version, err)
	}
	if cities, addresses := read("anna"); cities != "" || addresses != "ada@example.org " {
		t.Errorf("of Anna %q and %q is left", cities, addresses)
	}
	if cities, addresses := read("bert"); cities != "Gent " || addresses != "ada@example.org " {
		t.Errorf("of Bert %q and %q is left", cities, addresses)
	}
	if cities, _ := read("rita"); cities != "Aalst " {
		t.Errorf("of Rita, who has a newer key, %q is left", cities)
	}
	if !slices.Equal(out, []domain.PartyID{"rita", "anna"}) {
		t.Errorf("signed out: %v", out)
	}
	// Whoever comes back is known again, and nothing of before is.
	change("anna", "Ronse")
	if err := erasure.Handle(t.Context(), eventstore.Record{}, membership.PersonalDataErased{Party: "anna", Class: sealed.Register, Through: 1}); err != nil {
		t.Error(err)
	}
	if cities, _ := read("anna"); cities != "Ronse " {
		t.Errorf("of Anna, who is back, %q is known", cities)
	}
}

// noNumbers know of none, like read models that are behind.
type noNumbers struct{}

func (noNumbers) LastPayerNumber(context.Context) (int64, error) { return 0, nil }

// TestReferences: who applies or subscribes to shares has a number from then on, and
// keeps it.
func TestReferences(t *testing.T) {
	c := found(t)
	s := c.node()
	identity := membership.Identity{FirstName: "Ada", LastName: "Loom"}
	execute(c, s, membership.Apply{Party: "anna", Kind: membership.Person, Identity: identity, On: founding, Statutes: c.rules})
	execute(c, s, shares.Subscribe{Subscription: "s", Party: "bert", Class: c.rules.Shares.Classes[0].ID, Quantity: 2, On: founding, Statutes: c.rules})
	execute2(c, s, membership.Enter{
		Party: "carla", Number: 7, Kind: membership.Person, Identity: identity, Language: domain.French, AdmittedOn: founding, On: founding,
	})
	execute(c, s, shares.Enter{Subscription: "lot", Party: "carla", Class: c.rules.Shares.Classes[0].ID, Quantity: 1, On: founding, Statutes: c.rules})
	execute(c, s, shares.Subscribe{Subscription: "t", Party: "anna", Class: c.rules.Shares.Classes[0].ID, Quantity: 2, On: founding, Statutes: c.rules})
	numbers := func() (all [3]int64) {
		for i, party := range []domain.PartyID{"anna", "bert", "carla"} {
			all[i], _, _ = stateOf[billing.Payer](c, s, billing.PayerOf(party)).Number()
		}
		return all
	}
	runner := processes.NewRunner(s, quiet, processes.References(s, noNumbers{}))
	for range 2 {
		if err := runner.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := numbers(); got != [3]int64{1, 2, 0} {
			t.Errorf("they have the numbers %v", got)
		}
	}
}
