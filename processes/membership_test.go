package processes_test

import (
	"testing"

	"rochdale/domain"
	"rochdale/domain/membership"
	"rochdale/domain/sealed"
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
	runner := processes.NewRunner(s, quiet, processes.Erasure(s))
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
	// Whoever comes back is known again, and nothing of before is.
	change("anna", "Ronse")
	if err := processes.Erasure(s).Handle(t.Context(), eventstore.Record{}, membership.PersonalDataErased{Party: "anna", Class: sealed.Register, Through: 1}); err != nil {
		t.Error(err)
	}
	if cities, _ := read("anna"); cities != "Ronse " {
		t.Errorf("of Anna, who is back, %q is known", cities)
	}
}
